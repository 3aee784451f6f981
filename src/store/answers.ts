import { randomUUID } from 'node:crypto';
import { Fault } from '../domain/fault.ts';
import type { Caller } from './access.ts';
import { type Database, type Queryable, type Seal, transaction } from './database.ts';

/**
 * Requests with an `Idempotency-Key`: each is carried out once, and its answer is given again. A request claims its key,
 * and every transaction of it that writes anything notes so in the claim's row. What lies there when no answer came
 * tells therefore whether something was done: a key whose request did nothing is free again, and a request that lost its
 * key to another can commit nothing any more.
 */

/** For how long an answer is given again. */
export const ANSWER_HOURS = 24;
/**
 * A claim that has not been renewed for so long is taken for that of a killed process. Were it alive after all, it would
 * find its key taken and end without having done anything.
 */
export const CLAIM_SECONDS = 60;

/** A request's hold on its key. */
export interface Claim {
  readonly agencyId: number;
  readonly employeeId: number;
  readonly key: string;
  /** Nobody else's. */
  readonly id: string;
}

export type Claimed =
  | { readonly state: 'new'; readonly claim: Claim }
  | { readonly state: 'answered'; readonly status: number; readonly answer: unknown }
  /** Something was done, and nobody knows what was answered. */
  | { readonly state: 'answer-lost' }
  | { readonly state: 'other-request' }
  /** In so many seconds at the latest it is known what became of it. */
  | { readonly state: 'under-way'; readonly seconds: number };

/** As kept in place of an answer that was lost: of a request that failed after it had done something. */
const LOST = 500;

const ROW = 'agency_id = $1 and employee_id = $2 and key = $3';
const OWN = `${ROW} and status is null and answer->>'claim' = $4`;
const HAS_DONE = `answer ? 'hasDone'`;

interface Row {
  readonly requestHash: string;
  readonly status: number | null;
  readonly answer: unknown;
  readonly hasDone: boolean | null;
  readonly seconds: number;
}

/**
 * Claims a key for a request, or tells what became of the first one with this key.
 * @param wish `isRepeatable`: done again it does nothing new, so that nobody need wait for a first one without an answer
 */
export async function claimAnswer(
  db: Database,
  { agencyId, employeeId }: Pick<Caller, 'agencyId' | 'employeeId'>,
  wish: { readonly key: string; readonly requestHash: string; readonly isRepeatable: boolean },
  now: Date,
): Promise<Claimed> {
  const { key, requestHash, isRepeatable } = wish;
  const claim: Claim = { agencyId, employeeId, key, id: randomUUID() };
  return transaction(db, async (client) => {
    await client.query(
      'delete from idempotent_answer where agency_id = $1 and at < $2::timestamptz - make_interval(hours => $3)',
      [agencyId, now, ANSWER_HOURS],
    );
    for (;;) {
      const made = await client.query(
        `insert into idempotent_answer as a (agency_id, employee_id, key, request_hash, answer, at) values ($1, $2, $3, $4, $5, $6)
         on conflict (agency_id, employee_id, key) do update set answer = excluded.answer, at = excluded.at
           where a.request_hash = excluded.request_hash and a.status is null
             and ($7 or a.answer ? 'claim' and not a.${HAS_DONE} and a.at <= $6::timestamptz - make_interval(secs => $8))`,
        [agencyId, employeeId, key, requestHash, { claim: claim.id }, now, isRepeatable, CLAIM_SECONDS],
      );
      if (made.rowCount === 1) return { state: 'new', claim };
      const found = await client.query<Row>(
        `select request_hash as "requestHash", status, answer, ${HAS_DONE} as "hasDone",
           ceil(extract(epoch from at - $4::timestamptz))::int + $5::int as seconds
         from idempotent_answer where ${ROW}`,
        [agencyId, employeeId, key, now, CLAIM_SECONDS],
      );
      const [row] = found.rows;
      // Given back between the two questions.
      if (!row) continue;
      if (row.requestHash !== requestHash) return { state: 'other-request' };
      if (row.status === LOST) return { state: 'answer-lost' };
      if (row.status !== null) return { state: 'answered', status: row.status, answer: row.answer };
      if (row.seconds > 0) return { state: 'under-way', seconds: row.seconds };
      // Done nothing for too long and yet not taken over: something was done, or a program before this one claimed it.
      return { state: 'answer-lost' };
    }
  });
}

/**
 * What notes in the claim's row that its request has done something.
 * @throws Fault `key-lost` (in the transaction, which is rolled back) when another request holds the key by now
 */
export function sealOf({ agencyId, employeeId, key, id }: Claim): Seal {
  let stands = false;
  return {
    async put(client: Queryable) {
      if (stands) return;
      const put = await client.query(
        `update idempotent_answer set answer = answer || '{"hasDone": true}' where ${OWN}`,
        [agencyId, employeeId, key, id],
      );
      if (put.rowCount === 0)
        throw new Fault(
          'key-lost',
          'Запрос выполнялся слишком долго, и его начали выполнять заново по тому же Idempotency-Key. Этот прерван и ничего не сохранил: повторите с тем же ключом, чтобы узнать, что вышло.',
          { retryable: true },
        );
    },
    stands() {
      stands = true;
    },
  };
}

/** How often a request that is alive says so. */
export const BREATH_MS = (CLAIM_SECONDS * 1_000) / 4;

/** The request is alive: nobody takes its key, however long it works. A row that its own transaction holds is left alone. */
export async function keepKey(db: Database, { agencyId, employeeId, key, id }: Claim, now: Date): Promise<void> {
  await db.pool.query(
    `update idempotent_answer set at = $5 where ${ROW} and exists (
       select 1 from idempotent_answer where ${OWN} for update skip locked)`,
    [agencyId, employeeId, key, id, now],
  );
}

/** Keeps the answer for whoever asks again. */
export async function keepAnswer(
  db: Database,
  { agencyId, employeeId, key, id }: Claim,
  { status, answer }: { readonly status: number; readonly answer: unknown },
): Promise<void> {
  await db.pool.query(`update idempotent_answer set status = $5, answer = $6 where ${OWN}`, [
    ...[agencyId, employeeId, key, id, status],
    JSON.stringify(answer ?? null),
  ]);
}

/**
 * Gives back the key of a request that ended without an answer to keep.
 * @returns has it done anything? Then the key is not free: what was done must not be done again
 */
export async function giveBackKey(db: Database, { agencyId, employeeId, key, id }: Claim): Promise<boolean> {
  const own = [agencyId, employeeId, key, id];
  // Waits for a commit whose outcome the broken connection kept from us.
  const freed = await db.pool.query(`delete from idempotent_answer where ${OWN} and not ${HAS_DONE}`, own);
  if (freed.rowCount === 1) return false;
  const lost = await db.pool.query(
    `update idempotent_answer set status = ${LOST}, answer = null where ${OWN} and ${HAS_DONE}`,
    own,
  );
  return lost.rowCount === 1;
}
