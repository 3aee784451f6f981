import { resolve } from 'node:path';
import envSchema from 'env-schema';
import Type, { type Static } from 'typebox';

const Env = Type.Object({
  /** An agency's own PostgreSQL (15 or later). Without it the embedded server in DATA_DIR is used. */
  DATABASE_URL: Type.Optional(Type.String({ minLength: 1 })),
  /** Folder of the embedded database, the editions and the secrets. */
  DATA_DIR: Type.String({ default: '.data' }),
  /** Secret of the feed addresses; by default one is made and kept in DATA_DIR. */
  FEED_SECRET: Type.Optional(Type.String({ minLength: 16 })),
  /** How the feeds are reached from outside, without a slash at the end. */
  PUBLIC_URL: Type.Optional(Type.String({ pattern: '^https?://[^/]+' })),
  PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65535 }),
  HOST: Type.String({ default: '127.0.0.1' }),
  /** `1` lets `import` fetch from addresses of the agency's own network. */
  IMPORT_ALLOW_PRIVATE: Type.Optional(Type.String()),
  /** Addresses of proxies whose X-Forwarded-For is believed, comma-separated. */
  TRUST_PROXY: Type.Optional(Type.String()),
  /** How letters go out: `smtps://user:password@host`, `smtp://host:587`. Without it nothing is sent. */
  SMTP_URL: Type.Optional(Type.String({ pattern: '^smtps?://[^/?#]+' })),
  /** Whom letters are from: an address, or «Name <address>». */
  MAIL_FROM: Type.Optional(Type.String({ pattern: '^[^\\r\\n]*[^\\s@<>]+@[^\\s@<>]+>?$' })),
  /** Where answers go; to the sender unless told. */
  MAIL_REPLY_TO: Type.Optional(Type.String({ pattern: '^[^\\r\\n]*[^\\s@<>]+@[^\\s@<>]+>?$' })),
  LOG_LEVEL: Type.String({ default: 'info' }),
});

export type Config = Readonly<Static<typeof Env>>;

/** Settings from the environment, checked once and frozen. @throws Error that lists every wrong one */
export function loadConfig(overrides: Partial<Config> = {}): Config {
  const config = envSchema<Static<typeof Env>>({ schema: Env as object, data: { ...process.env, ...overrides } });
  if (config.SMTP_URL !== undefined && config.MAIL_FROM === undefined)
    throw new Error('задан SMTP_URL, но не MAIL_FROM: от кого письма?');
  if (config.SMTP_URL !== undefined && !URL.canParse(config.SMTP_URL))
    throw new Error('SMTP_URL не адрес: нужно smtps://имя:пароль@сервер или smtp://сервер:порт.');
  return Object.freeze({ ...config, DATA_DIR: resolve(config.DATA_DIR) });
}
