import { Refusal } from '../domain/fault.ts';
import {
  askedKey,
  latestSlot,
  type MailWish,
  proveMailWish,
  slotKey,
  subscriptionKeys,
} from '../domain/report-mail.ts';
import { agree } from '../domain/text.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record, tell } from './journal.ts';
import { type Letter, type LetterState, putLetter, withdrawLetters } from './mail.ts';

/** Reports by e-mail: who gets which, and when the next one is due. The letters themselves wait in mail.ts. */

export interface Subscription extends MailWish {
  readonly agencyId: number;
  readonly id: number;
  readonly employeeId: number;
  readonly employee: string;
  /** Of the person: where letters go; null: nowhere. */
  readonly email: string | null;
  /** What the report is asked by, without its days. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly by: string;
  readonly createdAt: Date;
  readonly lastSlot: Date;
  /** Of the person's branch, or of the agency. */
  readonly zone: string;
  /** Of the newest letter; null: there has been none lately. */
  readonly letter: LetterState | null;
}

const SUBSCRIPTION = `select s.agency_id as "agencyId", s.id, s.employee_id as "employeeId", e.name as employee, e.email, s.query, s.weeks,
    s.weekday, s.at_minute as "atMinute", s.by, s.created_at as "createdAt", s.last_slot as "lastSlot",
    coalesce(b.time_zone, a.time_zone) as zone, m.letter
  from report_subscription s join employee e on e.agency_id = s.agency_id and e.id = s.employee_id
    join agency a on a.id = s.agency_id left join branch b on b.agency_id = e.agency_id and b.id = e.branch_id
    left join lateral (select json_build_object('createdAt', m.created_at, 'sentAt', m.sent_at, 'failedAt', m.failed_at, 'error', m.error) as letter
      from mail m where m.agency_id = s.agency_id and starts_with(m.key, 'report:' || s.id || ':') order by m.id desc limit 1) as m on true`;

type SubscriptionRow = Omit<Subscription, 'letter'> & {
  readonly letter: { createdAt: string; sentAt: string | null; failedAt: string | null; error: string | null } | null;
};

const subscriptionOf = ({ letter, ...row }: SubscriptionRow): Subscription => ({
  ...row,
  letter: letter && {
    createdAt: new Date(letter.createdAt),
    sentAt: letter.sentAt === null ? null : new Date(letter.sentAt),
    failedAt: letter.failedAt === null ? null : new Date(letter.failedAt),
    error: letter.error,
  },
});

/** Subscriptions of an agency: of everybody, or of one person. */
export async function listSubscriptions(
  client: Queryable,
  agencyId: number,
  employeeId?: number,
): Promise<Subscription[]> {
  const found = await client.query<SubscriptionRow>(
    `${SUBSCRIPTION} where s.agency_id = $1 and ($2::bigint is null or s.employee_id = $2) order by e.name, s.id`,
    [agencyId, employeeId ?? null],
  );
  return found.rows.map(subscriptionOf);
}

export async function subscriptionById(
  client: Queryable,
  agencyId: number,
  id: number,
): Promise<Subscription | undefined> {
  const found = await client.query<SubscriptionRow>(`${SUBSCRIPTION} where s.agency_id = $1 and s.id = $2`, [
    agencyId,
    id,
  ]);
  return found.rows[0] && subscriptionOf(found.rows[0]);
}

/** Where a person's letters go; null: nowhere. */
export async function addressOf(client: Queryable, agencyId: number, employeeId: number): Promise<string | null> {
  const found = await client.query<{ email: string | null }>(
    'select email from employee where agency_id = $1 and id = $2',
    [agencyId, employeeId],
  );
  return found.rows[0]?.email ?? null;
}

/** So many reports a person may get every week. */
const SUBSCRIPTIONS_MAX = 10;

/**
 * From now on the report comes by e-mail, first at the next moment it is due.
 * @param query proven by the caller: what the report can be asked by, without days
 * @throws Refusal `employee-unknown`, `no-email`, `never-signed-in`, `too-many-subscriptions`, and those of `proveMailWish`
 */
export async function subscribe(
  db: Database,
  agencyId: number,
  wish: MailWish & { readonly employeeId: number; readonly query: Readonly<Record<string, unknown>> },
  by: string,
  now: Date,
): Promise<number> {
  proveMailWish(wish);
  const { employeeId, query, weeks, weekday, atMinute } = wish;
  return transaction(db, async (client) => {
    const found = await client.query<{
      name: string;
      email: string | null;
      zone: string;
      hasSignIn: boolean;
      own: number;
    }>(
      `select e.name, e.email, coalesce(b.time_zone, a.time_zone) as zone,
         exists(select 1 from sign_in i where i.agency_id = e.agency_id and i.employee_id = e.id) as "hasSignIn",
         (select count(*)::int from report_subscription s where s.agency_id = e.agency_id and s.employee_id = e.id) as own
       from employee e join agency a on a.id = e.agency_id left join branch b on b.agency_id = e.agency_id and b.id = e.branch_id
       where e.agency_id = $1 and e.id = $2 and e.is_active for no key update of e`,
      [agencyId, employeeId],
    );
    const person = found.rows[0];
    if (!person) throw new Refusal('employee-unknown', 'Такого сотрудника нет, или он уже не работает.', 2);
    if (person.email === null)
      throw new Refusal(
        'no-email',
        `${person.name}: почта не указана, письмам некуда приходить. Впишите её в карточке сотрудника.`,
      );
    if (!person.hasSignIn)
      throw new Refusal(
        'never-signed-in',
        `${person.name} ещё не входит в приложение, и ссылка из письма не откроется. Сначала отправьте приглашение.`,
      );
    if (person.own >= SUBSCRIPTIONS_MAX)
      throw new Refusal(
        'too-many-subscriptions',
        `${person.name} уже получает ${person.own} ${agree(person.own, 'отчёт', 'отчёта', 'отчётов')} в неделю, больше нельзя: уберите лишний.`,
      );
    const made = await client.query<{ id: number }>(
      `insert into report_subscription (agency_id, employee_id, query, weeks, weekday, at_minute, by, created_at, last_slot)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
      [
        agencyId,
        employeeId,
        JSON.stringify(query),
        weeks,
        weekday,
        atMinute,
        by,
        now,
        latestSlot(wish, person.zone, now),
      ],
    );
    const { id } = made.rows[0]!;
    const facts = { subscriptionId: id, employeeId, weeks, weekday, atMinute, query };
    await record(client, agencyId, { by, action: 'report-subscribed', facts }, now);
    return id;
  });
}

/**
 * The report does not come any more; letters of it that still wait do not go out.
 * @param reason in Russian, where it is the program that ends it: the person hears it
 * @returns false: there is no such subscription
 */
export function unsubscribe(
  db: Database,
  agencyId: number,
  id: number,
  by: string,
  now: Date,
  reason?: string,
): Promise<boolean> {
  return transaction(db, async (client) => {
    const gone = await client.query<{ employeeId: number }>(
      'delete from report_subscription where agency_id = $1 and id = $2 returning employee_id as "employeeId"',
      [agencyId, id],
    );
    if (!gone.rows[0]) return false;
    const { employeeId } = gone.rows[0];
    await withdrawLetters(client, agencyId, subscriptionKeys(id), 'Отчёт больше не нужен.', now);
    const facts = { subscriptionId: id, employeeId, ...(reason !== undefined && { reason }) };
    await record(client, agencyId, { by, action: 'report-unsubscribed', facts }, now);
    if (reason !== undefined) {
      const text = `Отчёт по почте больше не приходит. ${reason}`;
      await tell(
        client,
        agencyId,
        [{ key: `report-mail-ended:${id}`, kind: 'report-mail-ended', employeeId, text }],
        now,
      );
    }
    return true;
  });
}

const REPLACED = 'Вместо него отправлен более новый отчёт.';

/**
 * Takes the slot and puts its letter out, both or neither: whoever comes second, in another process or after a kill,
 * finds the slot taken. An older letter that still waits gives way to this one.
 * @param letter null: the slot goes by without one
 * @returns whether it was taken here
 */
export function takeSlot(
  db: Database,
  { agencyId, id, employeeId, lastSlot }: Pick<Subscription, 'agencyId' | 'id' | 'employeeId' | 'lastSlot'>,
  slot: Date,
  letter: Letter | null,
  now: Date,
): Promise<boolean> {
  return transaction(db, async (client) => {
    const taken = await client.query(
      'update report_subscription set last_slot = $4 where agency_id = $1 and id = $2 and last_slot = $3',
      [agencyId, id, lastSlot, slot],
    );
    if (taken.rowCount !== 1) return false;
    if (letter === null) return true;
    await withdrawLetters(client, agencyId, subscriptionKeys(id), REPLACED, now);
    return putLetter(client, agencyId, slotKey(id, slot), employeeId, letter, now);
  });
}

/** How often one may ask for a report out of turn. */
export const ASK_EVERY_MS = 60_000;

/**
 * A letter that somebody wants at once; an older one that still waits gives way to it.
 * @returns false: the subscription is gone
 * @throws Refusal `mail-too-soon`
 */
export function putAsked(
  db: Database,
  { agencyId, id, employeeId }: Pick<Subscription, 'agencyId' | 'id' | 'employeeId'>,
  letter: Letter,
  by: string,
  now: Date,
): Promise<boolean> {
  return transaction(db, async (client) => {
    const held = await client.query(
      'select 1 from report_subscription where agency_id = $1 and id = $2 for no key update',
      [agencyId, id],
    );
    if (held.rows.length === 0) return false;
    await proveNotTooSoon(client, agencyId, id, now);
    await withdrawLetters(client, agencyId, subscriptionKeys(id), REPLACED, now);
    await putLetter(client, agencyId, askedKey(id, now), employeeId, letter, now);
    await record(client, agencyId, { by, action: 'report-asked', facts: { subscriptionId: id, employeeId } }, now);
    return true;
  });
}

/** @throws Refusal `mail-too-soon` */
export async function proveNotTooSoon(client: Queryable, agencyId: number, id: number, now: Date): Promise<void> {
  const found = await client.query(
    'select 1 from mail where agency_id = $1 and starts_with(key, $2) and created_at > $3 and created_at <= $4 limit 1',
    [agencyId, subscriptionKeys(id), new Date(now.getTime() - ASK_EVERY_MS), now],
  );
  if (found.rows.length > 0)
    throw new Refusal('mail-too-soon', 'Письмо с этим отчётом только что написано. Ещё одно можно через минуту.');
}
