import { canonicalJson } from '../domain/corrections.ts';
import { Refusal } from '../domain/fault.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Listing } from '../domain/listing.ts';
import type { StoredNorm } from '../domain/notice.ts';
import type { PhotoFacts } from '../domain/photos.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue } from './due.ts';
import { record } from './journal.ts';

/** The agency's norms as people keep them (boards/norms.ts says what they mean). */

const NORM = 'id, code, boards, rule, by, created_at as "createdAt"';

/** All norms of an agency by their codes. */
export async function listNorms(client: Queryable, agencyId: number): Promise<StoredNorm[]> {
  const found = await client.query<StoredNorm>(`select ${NORM} from norm where agency_id = $1 order by code`, [
    agencyId,
  ]);
  return found.rows;
}

export interface NewNorm {
  readonly code: string;
  readonly boards: readonly string[] | null;
  /** Proved by the caller. */
  readonly rule: unknown;
  readonly by: string;
}

/**
 * Saves a norm in place of the one with the same code. A norm that says what the saved one says is left alone: nothing
 * is written and no cabinet becomes due.
 * @param expect throws when the one that lies there is not what the person has seen
 */
export async function saveNorm(
  db: Database,
  agencyId: number,
  norm: NewNorm,
  now: Date,
  expect?: (known: StoredNorm | undefined) => void,
): Promise<'new' | 'replaced' | 'unchanged'> {
  const { code, boards, rule, by } = norm;
  return transaction(db, async (client) => {
    const found = await client.query<StoredNorm>(
      `select ${NORM} from norm where agency_id = $1 and code = $2 for update`,
      [agencyId, code],
    );
    const was = found.rows[0];
    expect?.(was);
    if (was && canonicalJson([was.boards, was.rule]) === canonicalJson([boards, rule])) return 'unchanged';
    await client.query(
      `insert into norm (agency_id, code, boards, rule, by, created_at) values ($1, $2, $3, $4, $5, $6)
       on conflict (agency_id, code) do update
       set boards = excluded.boards, rule = excluded.rule, by = excluded.by, created_at = excluded.created_at`,
      [agencyId, code, boards, JSON.stringify(rule), by, now],
    );
    const facts = { code, boards, rule, ...(was && { was: { boards: was.boards, rule: was.rule } }) };
    await record(client, agencyId, { by, action: 'norm-saved', facts }, now);
    await makeDue(client, agencyId, {}, 'edit', now);
    return was ? 'replaced' : 'new';
  });
}

/** @throws Refusal `norm-unknown` */
export async function removeNorm(db: Database, agencyId: number, code: string, by: string, now: Date): Promise<void> {
  await transaction(db, async (client) => {
    const gone = await client.query<StoredNorm>(
      `delete from norm where agency_id = $1 and code = $2 returning ${NORM}`,
      [agencyId, code],
    );
    const was = gone.rows[0];
    if (!was) throw unknownNorm(code);
    const facts = { code, was: { boards: was.boards, rule: was.rule } };
    await record(client, agencyId, { by, action: 'norm-removed', facts }, now);
    await makeDue(client, agencyId, {}, 'edit', now);
  });
}

export const unknownNorm = (code: string) =>
  new Refusal('norm-unknown', `Нормы «${code.slice(0, 120)}» нет: norm list.`, 2);

/** How many listings each rule of a board, or each norm, stops by the last runs: one listing counts once for a code. */
export async function stoppedByCode(
  client: Queryable,
  agencyId: number,
  of: 'board' | 'norms',
  board: string | null,
): Promise<ReadonlyMap<string, number>> {
  const found = await client.query<{ code: string; listings: number }>(
    `select notice->>'code' as code, count(distinct o.listing_id)::int as listings
     from mark_outcome o
     join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
     join cabinet c on c.agency_id = o.agency_id and c.id = o.cabinet_id
     cross join lateral jsonb_array_elements(o.judgement->$2::text) as notice
     where o.agency_id = $1 and ($3::text is null or c.board = $3) group by 1`,
    [agencyId, of, board],
  );
  return new Map(found.rows.map(({ code, listings }) => [code, listings]));
}

/** A listing with its live marks, as a rehearsal needs it. */
export interface MarkedListing {
  readonly id: number;
  readonly externalId: string;
  readonly values: Listing;
  readonly photoFacts: PhotoFacts | null;
  readonly firstSeenAt: Date;
  /** The responsible person. */
  readonly person: { readonly name: string; readonly phones: readonly string[]; readonly email: string | null } | null;
  readonly marks: readonly {
    readonly cabinetId: number;
    readonly board: string;
    readonly cabinet: string;
    readonly boardOfferId: string;
    readonly avitoId: number | null;
    /** null: no run has seen it yet. */
    readonly outcome: Outcome | null;
    /** The last run found that the board itself would not take it. */
    readonly isBlockedByBoard: boolean;
  }[];
}

/** All listings of an agency that are marked for at least one cabinet, in the order of their numbers, in batches. */
export async function* eachMarkedListing(
  db: Database,
  agencyId: number,
  batch = 500,
): AsyncGenerator<readonly MarkedListing[]> {
  for (let after = 0; ; ) {
    const found = await db.pool.query<MarkedListing>(
      `select l.id, l.external_id as "externalId", l.values, l.photo_facts as "photoFacts",
         l.first_seen_at as "firstSeenAt", m.marks,
         case when e.id is null then null else jsonb_build_object('name', e.name, 'phones', e.phones, 'email', e.email) end as person
       from listing l
       join lateral (
         select jsonb_agg(jsonb_build_object('cabinetId', m.cabinet_id, 'board', c.board, 'cabinet', c.slug,
           'boardOfferId', m.board_offer_id, 'avitoId', m.avito_id, 'outcome', o.outcome,
           'isBlockedByBoard', coalesce(jsonb_array_length(o.judgement->'board') > 0, false)) order by m.cabinet_id) as marks
         from mark m
         join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
         left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
         where m.agency_id = l.agency_id and m.listing_id = l.id and m.is_live
       ) m on m.marks is not null
       left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
       where l.agency_id = $1 and l.id > $2 order by l.id limit $3`,
      [agencyId, after, batch],
    );
    if (found.rows.length === 0) return;
    yield found.rows;
    after = found.rows.at(-1)!.id;
  }
}
