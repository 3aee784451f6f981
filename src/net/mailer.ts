import { createHash } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { judgeComplaint, type MailComplaint, type MailVerdict } from '../domain/report-mail.ts';

/** The one door for letters on their way out. */

export interface MailerOptions {
  /**
   * `smtp[s]://user:password@host:port`. `?requireTLS=false` lets a password go out unencrypted,
   * `?tls.rejectUnauthorized=false` takes any certificate: both for servers of one's own only.
   */
  readonly smtpUrl: string;
  /** An address, or «Name <address>». */
  readonly from: string;
  readonly replyTo?: string | undefined;
  /** Shorter times, for tests. */
  readonly patience?: Partial<Patience>;
}

/** In milliseconds. */
interface Patience {
  /** Until the connection stands and until the server greets. */
  readonly connect: number;
  /** Without a word from the server. */
  readonly silence: number;
  /** For a letter in all, however slowly the server goes on talking. */
  readonly whole: number;
}

const PATIENCE: Patience = { connect: 15_000, silence: 30_000, whole: 90_000 };

export interface OutgoingMail {
  readonly to: string;
  readonly toName: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Shown where the letter says `cid:chart`. */
  readonly png: Uint8Array | null;
  /** Equal words are one letter, for whoever gets it twice. */
  readonly identity: string;
  /** Where the recipient switches such letters off. */
  readonly unsubscribe?: string | undefined;
}

/** A letter that did not go out. The message is a Russian sentence without secrets. */
export class MailError extends Error {
  readonly verdict: MailVerdict;
  constructor(verdict: MailVerdict, message: string) {
    super(message);
    this.name = 'MailError';
    this.verdict = verdict;
  }
}

export interface Mailer {
  /**
   * Resolves when the server has taken the letter upon itself.
   * @param signal hangs up
   * @throws MailError
   */
  send(mail: OutgoingMail, signal?: AbortSignal): Promise<void>;
  /** Connects, signs in and hangs up. @throws MailError */
  greet(): Promise<void>;
  /** Where it sends, without name and password: «smtp.example.ru:465». */
  readonly server: string;
}

/** Every letter has a connection of its own: there are few of them. */
export function openMailer({ smtpUrl, from, replyTo, patience }: MailerOptions): Mailer {
  const url = new URL(smtpUrl);
  const { connect, silence, whole } = { ...PATIENCE, ...patience };
  const secure = url.protocol === 'smtps:';
  const port = Number(url.port) || (secure ? 465 : 587);
  const user = decode(url.username);
  const pass = decode(url.password);
  const isAsked = (name: string) => url.searchParams.get(name) !== 'false';
  const transport = createTransport(
    {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port,
      secure,
      ...(user !== '' && { auth: { user, pass } }),
      // A password does not go over the line in the clear.
      requireTLS: user !== '' && !secure && !LOOPBACK.has(url.hostname) && isAsked('requireTLS'),
      tls: { rejectUnauthorized: isAsked('tls.rejectUnauthorized') },
      connectionTimeout: connect,
      greetingTimeout: connect,
      dnsTimeout: connect,
      socketTimeout: silence,
      disableFileAccess: true,
      disableUrlAccess: true,
      logger: false,
    },
    { from, ...(replyTo !== undefined && { replyTo }) },
  );
  const domain = /@([^\s@<>]+)>?$/.exec(from)?.[1] ?? 'localhost';
  const told = (error: unknown) => mailError(error as Complaint, [url.password, pass]);
  return {
    server: `${url.hostname}:${port}`,
    async send({ to, toName, subject, text, html, png, identity, unsubscribe }, signal) {
      try {
        await transport.sendMail({
          to: { name: toName, address: to },
          subject,
          text,
          html,
          messageId: messageIdOf(identity, domain),
          // No machine answers it with «I am on holiday».
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
          ...(unsubscribe !== undefined && { list: { unsubscribe } }),
          ...(png !== null && {
            attachments: [
              {
                filename: 'vygruzka.png',
                content: Buffer.from(png),
                contentType: 'image/png',
                cid: CHART,
                contentDisposition: 'inline' as const,
              },
            ],
          }),
          signal: AbortSignal.any([AbortSignal.timeout(whole), ...(signal ? [signal] : [])]),
        });
      } catch (error) {
        throw told(error);
      }
    },
    async greet() {
      let timer: NodeJS.Timeout | undefined;
      const patienceEnds = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject({ code: 'ETIMEDOUT' }), whole);
      });
      try {
        await Promise.race([transport.verify(), patienceEnds]);
      } catch (error) {
        throw told(error);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** What the letter's picture is called in it: `cid:chart`. */
export const CHART = 'chart';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The same letter has the same one, whoever sends it and whenever. */
export const messageIdOf = (identity: string, domain: string): string =>
  `<${createHash('sha256').update(identity).digest('hex').slice(0, 32)}@${domain}>`;

interface Complaint extends MailComplaint {
  readonly message?: string;
  /** Of the machine, where `code` is the library's. */
  readonly originalCode?: string;
}

function mailError(error: Complaint, secrets: readonly string[]): MailError {
  const verdict = judgeComplaint(error);
  const answer = cleaned(error.response ?? '', secrets);
  return new MailError(verdict, `${sentenceOf(verdict, error)}${answer === '' ? '.' : `: ${answer}`}`);
}

const SILENCE: Readonly<Record<string, string>> = {
  ETIMEDOUT: 'Почтовый сервер не ответил вовремя',
  EABORT: 'Почтовый сервер не ответил вовремя',
  ECONNREFUSED: 'Почтовый сервер не отвечает по этому адресу',
  ESOCKET: 'Нет соединения с почтовым сервером',
  ECONNECTION: 'Почтовый сервер оборвал соединение',
  EDNS: 'Имя почтового сервера не найдено',
  ETLS: 'С почтовым сервером не удалось договориться о шифровании',
};

function sentenceOf(verdict: MailVerdict, { code = '', originalCode = '', response }: Complaint): string {
  if (verdict === 'recipient') return 'Почтовый сервер не принял адрес получателя';
  if (verdict === 'letter') return 'Почтовый сервер не принял письмо';
  if (code === 'EAUTH' || code === 'ENOAUTH') return 'Почтовый сервер не принял имя или пароль из SMTP_URL';
  if (response !== undefined && (verdict === 'deferred' || verdict === 'silent'))
    return 'Почтовый сервер просит подождать';
  if (verdict === 'settings' && code !== 'ETLS') return 'Почтовый сервер не принимает от нас письма';
  return SILENCE[originalCode] ?? SILENCE[code] ?? 'Письмо не отправлено';
}

/** What a server said, short and without what we told it in confidence. */
function cleaned(answer: string, secrets: readonly string[]): string {
  let text = answer.replace(/[^\P{Cc} ]+/gu, ' ').trim();
  for (const secret of secrets.filter((one) => one !== ''))
    for (const shape of [secret, Buffer.from(secret).toString('base64')]) text = text.replaceAll(shape, '***');
  return text.slice(0, 300);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
