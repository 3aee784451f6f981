import { Refusal } from '../domain/fault.ts';
import { LONGEST_PAUSE_MS, letterOf, retryAt } from '../domain/report-mail.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record, tell } from './journal.ts';

/**
 * The outbox: letters on their way out. One is put out in the transaction of whoever writes it (report-mail.ts); it is
 * sent afterwards, by whoever gets hold of it, with nothing locked meanwhile.
 */

export interface LetterState {
  readonly createdAt: Date;
  readonly sentAt: Date | null;
  readonly failedAt: Date | null;
  /** Why it was not taken at the last try; null: there was none, or it was. */
  readonly error: string | null;
}

/** The letters whose keys begin so are not needed any more, as far as they still wait. */
export async function withdrawLetters(
  client: Queryable,
  agencyId: number,
  keys: string,
  why: string,
  now: Date,
): Promise<void> {
  await client.query(
    // One that is on the line stays so until it is off it: see `underWay`.
    `update mail set failed_at = $3, error = $4, png = null, due_at = case when tries > 0 and error is null then due_at else $3 end
     where agency_id = $1 and starts_with(key, $2) and sent_at is null and failed_at is null`,
    [agencyId, keys, now, why],
  );
}

export interface Letter {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly png: Uint8Array | null;
}

/** @returns false: there is a letter of this key */
export async function putLetter(
  client: Queryable,
  agencyId: number,
  key: string,
  employeeId: number,
  { subject, text, html, png }: Letter,
  now: Date,
): Promise<boolean> {
  const made = await client.query(
    `insert into mail (agency_id, key, employee_id, subject, text, html, png, created_at, due_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8) on conflict (agency_id, key) do nothing`,
    [agencyId, key, employeeId, subject, text, html, png && Buffer.from(png), now],
  );
  return made.rowCount === 1;
}

/** A letter that is ours to send for a while. */
export interface ClaimedLetter extends Letter {
  readonly agencyId: number;
  readonly id: number;
  readonly key: string;
  readonly employeeId: number;
  readonly name: string;
  /** null: the person has no address any more. */
  readonly email: string | null;
  readonly isActive: boolean;
  readonly createdAt: Date;
  /** With this one. */
  readonly tries: number;
}

/**
 * For so long nobody else takes a letter that was taken: longer than a server can keep us waiting (net/mailer.ts). One
 * whose sender was killed waits it out and goes again, as the same letter.
 */
export const CLAIM_MS = 180_000;

const WAITING = 'sent_at is null and failed_at is null';

/**
 * Somebody has the letter and may be telling it to the server: a claim takes the error away and moves the due moment
 * ahead, and whatever ends the try puts them right. Withdrawn meanwhile, it is under way all the same.
 * @param now the parameter with the moment, `ends` with the moment at which a claim of now would end
 */
const underWay = (now: string, ends: string) =>
  `sent_at is null and tries > 0 and (error is null or failed_at is not null) and due_at > ${now} and due_at <= ${ends}`;

/**
 * Takes the letter that has waited longest; undefined: none is due. The try is counted before it is made: a letter that
 * brings its sender down is given up in the end like any other.
 */
export async function claimLetter(db: Database, now: Date): Promise<ClaimedLetter | undefined> {
  const found = await db.pool.query<ClaimedLetter>(
    // Materialized, or a plan may ask for the one letter again and again, and each time take another.
    `with w as materialized (select agency_id, id from mail where ${WAITING} and (due_at <= $1 or due_at > $3)
       order by due_at, id limit 1 for update skip locked)
     update mail m set tries = m.tries + 1, due_at = $2, error = null from w, employee e
     where m.agency_id = w.agency_id and m.id = w.id and e.agency_id = m.agency_id and e.id = m.employee_id
     returning m.agency_id as "agencyId", m.id, m.key, m.employee_id as "employeeId", e.name, e.email, e.is_active as "isActive",
       m.subject, m.text, m.html, m.png, m.created_at as "createdAt", m.tries`,
    // Due later than any pause: that was by a clock that has been set back since.
    [now, new Date(now.getTime() + CLAIM_MS), new Date(now.getTime() + LONGEST_PAUSE_MS + CLAIM_MS)],
  );
  return found.rows[0];
}

/** Somebody may have withdrawn it meanwhile; what went out went out. */
const OURS = 'agency_id = $1 and id = $2 and tries = $3 and sent_at is null';

type Claim = Pick<ClaimedLetter, 'agencyId' | 'id' | 'tries'>;

/** The letter is with the server. The picture is not kept: it would be most of the base. */
export function noteSent(db: Database, { agencyId, id, tries }: Claim, now: Date): Promise<void> {
  return transaction(db, async (client) => {
    await client.query(`update mail set sent_at = $4, failed_at = null, error = null, png = null where ${OURS}`, [
      agencyId,
      id,
      tries,
      now,
    ]);
    await endMailFaults(client, agencyId, now);
  });
}

/** The post works again: nobody need look. */
export async function endMailFaults(client: Queryable, agencyId: number, now: Date): Promise<void> {
  await client.query(
    `update message set done_at = $2 where agency_id = $1 and kind = 'mail-fault' and done_at is null`,
    [agencyId, now],
  );
}

/**
 * The letter did not go out: it is tried again after a pause, or given up and the person told.
 * @param how.isFinal it never will; `isFault`: an administrator should look
 * @returns when it is tried again; null: not any more
 */
export function noteFailed(
  db: Database,
  { agencyId, id, tries, employeeId, subject }: ClaimedLetter,
  how: { readonly error: string; readonly isFinal: boolean; readonly isFault: boolean },
  now: Date,
): Promise<Date | null> {
  const again = how.isFinal ? null : retryAt(tries, now);
  return transaction(db, async (client) => {
    const noted = await client.query(
      `update mail set error = $4, due_at = coalesce($5::timestamptz, $6::timestamptz), failed_at = case when $5::timestamptz is null then $6::timestamptz end
       where ${OURS} and failed_at is null`,
      [agencyId, id, tries, how.error, again, now],
    );
    if (noted.rowCount !== 1) return null;
    await tell(
      client,
      agencyId,
      [
        ...(again === null
          ? [
              {
                key: `mail-failed:${id}:${tries}`,
                kind: 'mail-failed',
                employeeId,
                text: `Письмо «${subject}» не отправлено. ${how.error}`,
              },
            ]
          : []),
        ...(how.isFault && !(await isFaultTold(client, agencyId))
          ? [
              {
                key: `mail-fault:${now.toISOString()}`,
                kind: 'mail-fault',
                role: 'admin' as const,
                text: `Письма не уходят. ${how.error} Проверьте SMTP_URL; письма ждут и уйдут сами.`,
              },
            ]
          : []),
      ],
      now,
    );
    return again;
  });
}

async function isFaultTold(client: Queryable, agencyId: number): Promise<boolean> {
  const open = await client.query(
    `select 1 from message where agency_id = $1 and kind = 'mail-fault' and done_at is null limit 1`,
    [agencyId],
  );
  return open.rows.length > 0;
}

/** The try was broken off by ourselves and does not count: the letter is due at once, as the same one. */
export async function putBack(db: Database, { agencyId, id, tries }: Claim, now: Date): Promise<void> {
  await db.pool.query(`update mail set tries = tries - 1, due_at = $4 where ${OURS}`, [agencyId, id, tries, now]);
}

/** The letter as it is now: what a person may see may have changed since it was written. */
export async function rewrite(db: Database, { agencyId, id, tries }: Claim, letter: Letter): Promise<void> {
  const { subject, text, html, png } = letter;
  await db.pool.query(`update mail set subject = $4, text = $5, html = $6, png = $7 where ${OURS}`, [
    agencyId,
    id,
    tries,
    subject,
    text,
    html,
    png && Buffer.from(png),
  ]);
}

const KEPT_DAYS = 30;

/** Throws away letters that went out or were given up long ago. */
export async function forgetLetters(db: Database, now: Date): Promise<void> {
  await db.pool.query('delete from mail where coalesce(sent_at, failed_at) < $1', [
    new Date(now.getTime() - KEPT_DAYS * 86_400_000),
  ]);
}

export interface LetterRow extends LetterState {
  readonly id: number;
  readonly employeeId: number;
  readonly employee: string;
  readonly email: string | null;
  readonly subject: string;
  readonly dueAt: Date;
  readonly tries: number;
}

export const MAIL_STATES = ['waiting', 'sent', 'failed'] as const;
export type MailState = (typeof MAIL_STATES)[number];

export const mailState = ({ sentAt, failedAt }: Pick<LetterState, 'sentAt' | 'failedAt'>): MailState =>
  sentAt !== null ? 'sent' : failedAt !== null ? 'failed' : 'waiting';

/** Letters of an agency, the newest first. */
export async function listLetters(
  client: Queryable,
  agencyId: number,
  filter: { readonly state?: MailState; readonly limit: number },
): Promise<LetterRow[]> {
  const where = {
    waiting: WAITING,
    sent: 'sent_at is not null',
    failed: 'sent_at is null and failed_at is not null',
  };
  const found = await client.query<LetterRow>(
    `select m.id, m.employee_id as "employeeId", e.name as employee, e.email, m.subject, m.created_at as "createdAt", m.due_at as "dueAt",
       m.tries, m.sent_at as "sentAt", m.failed_at as "failedAt", m.error
     from mail m join employee e on e.agency_id = m.agency_id and e.id = m.employee_id
     where m.agency_id = $1 and ${filter.state === undefined ? 'true' : where[filter.state]} order by m.id desc limit $2`,
    [agencyId, filter.limit],
  );
  return found.rows;
}

/**
 * A letter that waits for its next try is due at once; one that was given up has all its tries again, too.
 * @throws Refusal `mail-unknown`, `mail-sent`, `mail-under-way`, `mail-obsolete`
 */
export function retryLetter(db: Database, agencyId: number, id: number, by: string, now: Date): Promise<void> {
  return transaction(db, async (client) => {
    const found = await client.query<{
      key: string;
      sentAt: Date | null;
      employeeId: number;
      subject: string;
      isUnderWay: boolean;
    }>(
      `select key, sent_at as "sentAt", employee_id as "employeeId", subject, ${underWay('$3', '$4')} as "isUnderWay" from mail
       where agency_id = $1 and id = $2 for no key update`,
      [agencyId, id, now, new Date(now.getTime() + CLAIM_MS)],
    );
    const letter = found.rows[0];
    if (!letter) throw new Refusal('mail-unknown', `Письма №${id} нет: mail list.`, 2);
    if (letter.sentAt !== null) throw new Refusal('mail-sent', `Письмо №${id} уже отправлено.`);
    // Two senders of one letter would both bring it.
    if (letter.isUnderWay)
      throw new Refusal(
        'mail-under-way',
        `Письмо №${id} как раз отправляется. Если не уйдёт, попробуйте ещё раз через три минуты.`,
      );
    const about = letterOf(letter.key);
    if (about) {
      const alive = await client.query('select 1 from report_subscription where agency_id = $1 and id = $2', [
        agencyId,
        about.subscriptionId,
      ]);
      if (alive.rows.length === 0)
        throw new Refusal('mail-obsolete', `Отчёт письма №${id} больше не приходит по почте: отправлять нечего.`);
    }
    await client.query(
      'update mail set due_at = $3, tries = case when failed_at is null then tries else 0 end, failed_at = null where agency_id = $1 and id = $2',
      [agencyId, id, now],
    );
    const { employeeId, subject } = letter;
    await record(client, agencyId, { by, action: 'mail-retried', facts: { mailId: id, employeeId, subject } }, now);
  });
}
