/**
 * The one door to PostgreSQL: a pool that speaks our types, to a server of the agency's or to the embedded one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { Fault } from '../domain/fault.ts';
import { type Attachment, attachPostgres } from './postgres.ts';

/** The oldest major version our SQL is written for and tested on. */
export const OLDEST_POSTGRES = 15;
/** The database the application lives in on the embedded server. */
export const APPLICATION_DATABASE = 'vygruzka';

/** How to reach the database. */
export interface DatabaseOptions {
  /** The agency's own server. Without it the embedded server in `dataDir` is joined or started. */
  databaseUrl?: string | undefined;
  /** The program's data folder; used only without `databaseUrl`. */
  dataDir: string;
  /** The npm package with the embedded server's binaries; by default the one for this platform. */
  postgresPackage?: string | undefined;
  /** Additional settings for the embedded server, used only by the process that starts it (tests: `fsync: 'off'`). */
  settings?: Readonly<Record<string, string>>;
  /** How many connections the pool may open; 10 unless told. */
  poolSize?: number;
  /** Told about connections that broke while idle, and about the embedded server's troubles; for the log. */
  onTrouble?: (error: unknown) => void;
}

/** An open database. */
export interface Database {
  readonly pool: pg.Pool;
  /** The connection string; it carries the password, so it never goes into a log. */
  readonly url: string;
  /** Is it the embedded server? */
  readonly embedded: boolean;
  /** The server's major version, such as 18. */
  readonly version: number;
  /** Waits for the queries in flight and lets go; the last process out stops the embedded server. Safe to repeat. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------------
// Types. In a pool of ours only: other libraries in the process may count on the global ones.

const OID = {
  int8: 20,
  int8Array: 1016,
  date: 1082,
  dateArray: 1182,
  numeric: 1700,
  numericArray: 1231,
  timestamp: 1114,
  timestampArray: 1115,
  timestamptz: 1184,
  timestamptzArray: 1185,
} as const;

/** The driver knows it, its type declarations do not. */
const TEXT_ARRAY = 1009 as typeof OID.int8;

type Parse = (text: string) => unknown;

function parseInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new Fault(
    'integer-too-big',
    `База данных вернула число ${text}, которое нельзя представить без потери точности.`,
  );
}

/** A day is a day: `Date` would shift it by the time zone. */
function parseDate(text: string): string {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return text;
  throw new Fault('date-unexpected', `База данных вернула день «${text}» не в виде ГГГГ-ММ-ДД.`);
}

function parseInstant(text: string): Date {
  const value: unknown = pg.types.getTypeParser(OID.timestamptz, 'text')(text);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
  throw new Fault('instant-unexpected', `База данных вернула время «${text}», которого нет в календаре.`);
}

function forbidTimestamp(text: string): never {
  throw new Fault(
    'timestamp-without-zone',
    `База данных вернула время без часового пояса («${text}»). Такой тип в программе запрещён: нужен timestamptz.`,
  );
}

/** Arrays of any depth: the driver takes them apart as texts, the element's own parser does the rest. */
function arrayOf(parse: Parse): Parse {
  const deep = (value: unknown): unknown =>
    Array.isArray(value) ? value.map(deep) : value === null ? null : parse(value as string);
  return (text) => deep(pg.types.getTypeParser(TEXT_ARRAY, 'text')(text));
}

const same: Parse = (text) => text;

const PARSERS: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [OID.int8, parseInt8],
  [OID.int8Array, arrayOf(parseInt8)],
  [OID.date, parseDate],
  [OID.dateArray, arrayOf(parseDate)],
  [OID.numeric, same],
  [OID.numericArray, arrayOf(same)],
  [OID.timestamp, forbidTimestamp],
  [OID.timestampArray, forbidTimestamp],
  [OID.timestamptz, parseInstant],
  [OID.timestamptzArray, arrayOf(parseInstant)],
]);

/**
 * How values come out of the database: int8 as a safe number or not at all, DATE as 'YYYY-MM-DD', numeric as its
 * exact text, timestamptz as Date, a timestamp without zone never. For clients that are not from our pool.
 */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    const own = format === 'binary' ? undefined : PARSERS.get(oid);
    return own ?? pg.types.getTypeParser(oid, format as 'text');
  }) as typeof pg.types.getTypeParser,
};

// ---------------------------------------------------------------------------------------------------------------------

function poolOf(config: pg.PoolConfig, { poolSize = 10, onTrouble }: DatabaseOptions): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    max: poolSize,
    application_name: 'vygruzka',
    // The driver's default is to wait for ever.
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    types: typeParsers,
  });
  // An idle connection that breaks would end the process if nobody listened. The pool forgets it and opens another.
  pool.on('error', (error) => onTrouble?.(error));
  // So would one that breaks while it is out on loan; whoever has it learns of it by its next statement.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Where the server is, without the password. */
function addressOf(databaseUrl: string): string {
  try {
    const { hostname, port, pathname } = new URL(databaseUrl);
    return `${hostname || 'localhost'}:${port || 5432}${pathname}`;
  } catch {
    return 'из DATABASE_URL';
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  switch (code) {
    case 'ECONNREFUSED':
      return 'по этому адресу никто не отвечает';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'имя сервера не найдено';
    case 'ETIMEDOUT':
      return 'сервер не ответил вовремя';
    case '28P01':
    case '28000':
      return 'сервер не принял имя пользователя или пароль';
    case '3D000':
      return 'такой базы на сервере нет, создайте её';
    case '53300':
      return 'на сервере заняты все соединения';
    default:
      if (/timeout/i.test(message ?? '')) return 'сервер не ответил вовремя';
      // Connecting to a name with several addresses fails with an AggregateError, which has no message of its own.
      return message || code || String(error);
  }
}

/** Asks the server what it is, and refuses one our SQL would break on half-way through the work. */
async function serverVersion(pool: pg.Pool, address: string): Promise<number> {
  let row: { version: number; encoding: string };
  try {
    const result = await pool.query(
      "select current_setting('server_version_num')::int / 10000 as version, current_setting('server_encoding') as encoding",
    );
    row = result.rows[0] as typeof row;
  } catch (cause) {
    const code = (cause as { code?: string }).code ?? '';
    const hopeless = ['28P01', '28000', '3D000', 'ENOTFOUND'].includes(code);
    throw new Fault('database-unreachable', `Нет соединения с базой данных ${address}: ${reasonOf(cause)}.`, {
      cause,
      retryable: !hopeless,
    });
  }
  if (row.version < OLDEST_POSTGRES) {
    throw new Fault(
      'postgres-too-old',
      `На сервере ${address} стоит PostgreSQL ${row.version}, а нужен ${OLDEST_POSTGRES} или новее.`,
    );
  }
  if (row.encoding !== 'UTF8') {
    throw new Fault(
      'database-encoding',
      `База данных ${address} в кодировке ${row.encoding}, а нужна UTF8: create database … encoding 'UTF8' template template0.`,
    );
  }
  return row.version;
}

/** The agency's own server. */
async function openRemote(databaseUrl: string, options: DatabaseOptions): Promise<Database> {
  const address = addressOf(databaseUrl);
  let pool: pg.Pool;
  try {
    pool = poolOf({ connectionString: databaseUrl }, options);
  } catch (cause) {
    throw new Fault('database-url-wrong', 'DATABASE_URL не похож на адрес: нужно postgres://имя:пароль@сервер/база.', {
      cause,
    });
  }
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= pool.end();
    return closed;
  };
  try {
    return { pool, url: databaseUrl, embedded: false, version: await serverVersion(pool, address), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The embedded server in the data folder. */
async function openEmbedded(options: DatabaseOptions): Promise<Database> {
  let pool: pg.Pool | undefined;
  const attachment: Attachment = await attachPostgres({
    dataDir: options.dataDir,
    ...(options.postgresPackage ? { postgresPackage: options.postgresPackage } : {}),
    ...(options.settings ? { settings: options.settings } : {}),
    ...(options.onTrouble ? { onTrouble: options.onTrouble } : {}),
    // The pool reads its options anew for every connection it opens.
    onMoved: (port) => {
      if (pool) pool.options.port = port;
    },
  });
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= (async () => {
      try {
        await pool?.end();
      } finally {
        await attachment.leave();
      }
    })();
    return closed;
  };
  try {
    await attachment.ensureDatabase(APPLICATION_DATABASE);
    const { host, port, user, password } = attachment;
    pool = poolOf({ host, port, user, password, database: APPLICATION_DATABASE, ssl: false }, options);
    const version = await serverVersion(pool, `в папке ${options.dataDir}`);
    return {
      pool,
      get url() {
        return attachment.url(APPLICATION_DATABASE);
      },
      embedded: true,
      version,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Opens the database: the agency's server when `databaseUrl` is given, otherwise the embedded server of the data
 * folder, which many processes may share. Throws a {@link Fault} with a sentence for a person when it cannot.
 */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.databaseUrl ? openRemote(options.databaseUrl, options) : openEmbedded(options);
}

/** Anything that runs a statement: the pool for one, a client for several of a transaction. */
export type Queryable = Pick<pg.PoolClient, 'query'>;

/**
 * Asks every question once and remembers the answer: for one answer that is put together from many parts, each of which
 * asks the same about the agency. Only for reading, and only while that answer is made.
 */
export function remembering(client: Queryable): Queryable {
  const known = new Map<string, Promise<pg.QueryResult>>();
  const query = (text: string, values: unknown[] = []) => {
    const key = `${text}\n${JSON.stringify(values)}`;
    let found = known.get(key);
    if (!found) {
      found = client.query(text, values);
      known.set(key, found);
    }
    return found;
  };
  return { query } as unknown as Queryable;
}

/** Two transactions waited for each other, or looked at what the other was changing: one of them is to try again. */
const AGAIN = new Set(['40P01', '40001']);
const TRIES = 3;

/** Did the database give way to another transaction? The same again may succeed. */
export const isCollision = (error: unknown): boolean => AGAIN.has((error as { code?: string } | null)?.code ?? '');

/** Something that is written into the very transaction that changes the world, so that the one never stands without the other. */
export interface Seal {
  /** The last statements before the commit; what it throws rolls the transaction back. */
  put(client: Queryable): Promise<void>;
  /** A transaction with the seal is committed. */
  stands(): void;
}

const seals = new AsyncLocalStorage<Seal>();

/** While the work goes on, every `transaction` of it that writes anything gets the seal, whichever function begins it. */
export const sealed = <T>(seal: Seal, work: () => Promise<T>): Promise<T> => seals.run(seal, work);

/** Did a transaction write? Then the database has given it a number. */
async function putSeal(client: Queryable, seal: Seal): Promise<boolean> {
  const { rows } = await client.query('select pg_current_xact_id_if_assigned() is not null as "hasWritten"');
  if (!(rows[0] as { hasWritten: boolean }).hasWritten) return false;
  await seal.put(client);
  return true;
}

/**
 * All of the statements or none. The work gets the client; whatever it throws rolls everything back. When the database
 * gave way to another transaction the work is done once more from the start, so it must do nothing but statements.
 */
export async function transaction<T>(db: Database, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const seal = seals.getStore();
  for (let attempt = 1; ; attempt++) {
    try {
      if (!seal) return await oneTransaction(db, work);
      const [result, isSealed] = await oneTransaction(
        db,
        async (client) => [await work(client), await putSeal(client, seal)] as const,
      );
      if (isSealed) seal.stands();
      return result;
    } catch (error) {
      if (attempt === TRIES || !isCollision(error)) throw error;
    }
  }
}

/** Everything that is asked sees one moment, however long the asking takes. Nothing can be written. */
export function atOneMoment<T>(db: Database, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return oneTransaction(db, work, 'begin isolation level repeatable read read only');
}

async function oneTransaction<T>(
  db: Database,
  work: (client: pg.PoolClient) => Promise<T>,
  begin = 'begin',
): Promise<T> {
  const client = await db.pool.connect();
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    const isWhole = await client.query('rollback').then(
      () => true,
      () => false,
    );
    // A connection that cannot even roll back is thrown away.
    client.release(isWhole ? undefined : (error as Error));
    throw error;
  }
}
