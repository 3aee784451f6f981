import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { endMessages, record, tell } from './journal.ts';

/** Cases that moderators put aside: for a while, or until the agent has answered a question. */

/** The kind of the message with which an agent is asked. */
export const QUESTION = 'question';

/** A question waits for its answer no longer than this. */
const ANSWER_MS = 86_400_000;
/** A case is put aside for so long at most. */
const UNTIL_MAX_MS = 30 * 86_400_000;

/** Who puts aside or asks; proven by the caller. */
interface Actor {
  readonly employeeId: number | null;
  readonly name: string;
}

export interface Postponement {
  readonly until: Date;
  readonly by: string;
  readonly at: Date;
  readonly question: string | null;
  readonly answer: string | null;
  readonly answeredBy: string | null;
  readonly answeredAt: Date | null;
}

const COLUMNS = `p.until, p.by, p.at, p.question, p.answer, p.answered_by as "answeredBy", p.answered_at as "answeredAt"`;

/** The condition «put aside at that moment» over `postponement p` and `listing l`: an edit or an answer brings a case back. */
export const isPutAside = (now: string): string =>
  `(p.until > ${now} and p.answered_at is null and p.values_hash = l.values_hash)`;

/** What is put aside of a listing, or was lately; with the answer where there is one. */
export async function postponementOf(
  client: Queryable,
  agencyId: number,
  listingId: number,
): Promise<Postponement | undefined> {
  const found = await client.query<Postponement>(
    `select ${COLUMNS} from postponement p where p.agency_id = $1 and p.listing_id = $2`,
    [agencyId, listingId],
  );
  return found.rows[0];
}

/**
 * Puts a case aside until a moment.
 * @throws Refusal `listing-unknown`, `until-wrong`
 */
export async function postpone(
  db: Database,
  agencyId: number,
  listingId: number,
  until: Date,
  actor: Actor,
  now: Date,
): Promise<Postponement> {
  if (until <= now || until.getTime() > now.getTime() + UNTIL_MAX_MS)
    throw new Refusal('until-wrong', 'Отложить можно до любого часа в ближайшие 30 дней.', 2);
  return transaction(db, (client) => put(client, agencyId, listingId, { until, question: null }, actor, now));
}

/**
 * Asks whoever is responsible for the listing, and puts the case aside until the answer comes, a day at most.
 * @throws Refusal `listing-unknown`, `question-empty`
 */
export async function askAgent(
  db: Database,
  agencyId: number,
  listingId: number,
  question: string,
  actor: Actor,
  now: Date,
): Promise<Postponement> {
  const text = question.trim();
  if (text === '') throw new Refusal('question-empty', 'Напишите, что спросить у агента.', 2);
  return transaction(db, async (client) => {
    const until = new Date(now.getTime() + ANSWER_MS);
    const made = await put(client, agencyId, listingId, { until, question: text }, actor, now);
    const found = await client.query<{ externalId: string; employeeId: number | null }>(
      'select external_id as "externalId", employee_id as "employeeId" from listing where agency_id = $1 and id = $2',
      [agencyId, listingId],
    );
    const { externalId, employeeId } = found.rows[0]!;
    await endMessages(client, agencyId, [listingId], [QUESTION], now);
    await tell(
      client,
      agencyId,
      [
        {
          key: `${QUESTION}:${listingId}:${now.toISOString()}`,
          kind: QUESTION,
          employeeId,
          role: employeeId === null ? 'manager' : null,
          listingId,
          text: `Модератор спрашивает об объекте ${externalId} (#${listingId}, ${actor.name}): ${text}`,
        },
      ],
      now,
    );
    return made;
  });
}

async function put(
  client: Queryable,
  agencyId: number,
  listingId: number,
  { until, question }: { readonly until: Date; readonly question: string | null },
  actor: Actor,
  now: Date,
): Promise<Postponement> {
  const made = await client.query<Postponement>(
    `insert into postponement as p (agency_id, listing_id, values_hash, until, by, employee_id, at, question)
     select $1, $2, values_hash, $3, $4, $5, $6, $7 from listing where agency_id = $1 and id = $2
     on conflict (agency_id, listing_id) do update set values_hash = excluded.values_hash, until = excluded.until, by = excluded.by,
       employee_id = excluded.employee_id, at = excluded.at, question = excluded.question, answer = null, answered_by = null,
       answered_at = null
     returning ${COLUMNS}`,
    [agencyId, listingId, until, actor.name, actor.employeeId, now, question],
  );
  if (!made.rows[0]) throw new Refusal('listing-unknown', `Объекта #${listingId} нет.`, 2);
  const action = question === null ? 'case-postponed' : 'case-asked';
  await record(client, agencyId, { by: actor.name, action, listingId, facts: { until, question } }, now);
  return made.rows[0];
}

/** Takes a case back that was put aside; an open question is asked no more. @returns false: nothing was put aside */
export function resume(db: Database, agencyId: number, listingId: number, actor: Actor, now: Date): Promise<boolean> {
  return transaction(db, async (client) => {
    if (!(await endPostponement(client, agencyId, listingId))) return false;
    await endMessages(client, agencyId, [listingId], [QUESTION], now);
    await record(client, agencyId, { by: actor.name, action: 'case-resumed', listingId }, now);
    return true;
  });
}

/** The case is decided: nothing is put aside any more. */
export async function endPostponement(client: Queryable, agencyId: number, listingId: number): Promise<boolean> {
  const done = await client.query('delete from postponement where agency_id = $1 and listing_id = $2', [
    agencyId,
    listingId,
  ]);
  return done.rowCount === 1;
}

/**
 * The agent's answer; the case comes back to the queue at once, with the answer beside it.
 * @throws Refusal `answer-empty`, `nothing-asked`
 */
export async function answerQuestion(
  db: Database,
  agencyId: number,
  listingId: number,
  answer: string,
  actor: Actor,
  now: Date,
): Promise<void> {
  const text = answer.trim();
  if (text === '') throw new Refusal('answer-empty', 'Напишите ответ модератору.', 2);
  return transaction(db, async (client) => {
    const found = await client.query<{ answeredBy: string | null; answeredAt: Date | null; zone: string }>(
      `select p.answered_by as "answeredBy", p.answered_at as "answeredAt", a.time_zone as zone
       from postponement p join agency a on a.id = p.agency_id
       where p.agency_id = $1 and p.listing_id = $2 and p.question is not null for no key update of p`,
      [agencyId, listingId],
    );
    const asked = found.rows[0];
    if (!asked) throw new Refusal('nothing-asked', 'Модератор ни о чём не спрашивает: дело уже решено или отложено.');
    if (asked.answeredAt !== null)
      throw new Refusal(
        'nothing-asked',
        `На вопрос уже ответили: ${asked.answeredBy}, ${russianMoment(asked.answeredAt, asked.zone)}.`,
      );
    await client.query(
      'update postponement set answer = $3, answered_by = $4, answered_at = $5 where agency_id = $1 and listing_id = $2',
      [agencyId, listingId, text, actor.name, now],
    );
    await endMessages(client, agencyId, [listingId], [QUESTION], now);
    const facts = { answer: text };
    await record(client, agencyId, { by: actor.name, action: 'question-answered', listingId, facts }, now);
  });
}
