import type { BrakeState } from '../domain/brake.ts';
import type { Outcome } from '../domain/gates.ts';
import type { Reach } from '../domain/rights.ts';
import { listingsWithin } from './access.ts';
import type { Queryable } from './database.ts';
import type { CabinetRow, EditionRow } from './publishing.ts';

/** Feeds and their editions as people look at them. */

type CabinetKey = Pick<CabinetRow, 'agencyId' | 'id'>;

export interface FeedRow extends CabinetRow {
  readonly branchId: number | null;
  readonly branch: string | null;
  /** When the first edition was served; null: there is none. */
  readonly servedSince: Date | null;
  readonly brake: BrakeState | null;
  readonly brakeRelease: { readonly by: string; readonly at: string; readonly reason: string } | null;
  readonly edition: EditionRow | null;
  readonly marks: number;
  readonly undecided: number;
  readonly counts: Readonly<Partial<Record<Outcome, number>>>;
  /** What the people of a role are told of the feed as a whole and have not been done with; the brake tells itself. */
  readonly messages: readonly { readonly text: string; readonly at: string }[];
}

const EDITION = `e.id, e.offers, e.bytes, e.gzip_bytes as "gzipBytes", e.sha256, e.gzip_sha256 as "gzipSha256",
  e.generated_at as "generatedAt", e.published_at as "publishedAt"`;

/** The feeds of an agency, by board and name. */
export async function feedRows(client: Queryable, agencyId: number): Promise<FeedRow[]> {
  const cabinets = await client.query<Omit<FeedRow, 'edition' | 'marks' | 'undecided' | 'counts'>>(
    `select c.agency_id as "agencyId", c.id, c.board, c.slug, c.name, c.family, c.token_serial as "tokenSerial",
       c.previous_tokens as "previousTokens", c.edition_id as "editionId", c.branch_id as "branchId", b.name as branch,
       (select min(e.published_at) from edition e where e.agency_id = c.agency_id and e.cabinet_id = c.id) as "servedSince",
       c.brake, c.brake_release as "brakeRelease",
       coalesce((select jsonb_agg(jsonb_build_object('text', m.text, 'at', m.at) order by m.at desc) from message m
         where m.agency_id = c.agency_id and m.cabinet_id = c.id and m.listing_id is null and m.employee_id is null
           and m.done_at is null and m.kind <> 'brake'), '[]') as messages
     from cabinet c left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
     where c.agency_id = $1 order by c.board, c.name, c.id`,
    [agencyId],
  );
  const editions = await client.query<EditionRow>(
    `select ${EDITION} from cabinet c join edition e on e.agency_id = c.agency_id and e.id = c.edition_id where c.agency_id = $1`,
    [agencyId],
  );
  const marks = await client.query<{ cabinetId: number; outcome: Outcome | null; marks: number }>(
    `select m.cabinet_id as "cabinetId", o.outcome, count(*)::int as marks from mark m
     left join mark_outcome o on o.agency_id = m.agency_id and o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
     where m.agency_id = $1 and m.is_live group by 1, 2`,
    [agencyId],
  );
  return cabinets.rows.map((row) => {
    const own = marks.rows.filter(({ cabinetId }) => cabinetId === row.id);
    return {
      ...row,
      edition: editions.rows.find(({ id }) => id === row.editionId) ?? null,
      marks: own.reduce((sum, one) => sum + one.marks, 0),
      undecided: own.find(({ outcome }) => outcome === null)?.marks ?? 0,
      counts: Object.fromEntries(own.filter(({ outcome }) => outcome !== null).map((one) => [one.outcome, one.marks])),
    };
  });
}

export interface ListedEdition extends EditionRow {
  readonly isServed: boolean;
  /** Listings that came into the feed with it; null: it is longer ago than single changes are kept. */
  readonly added: number | null;
  readonly removed: number | null;
}

/** Single changes are kept for two months (store/days.ts); a day less is surely there. */
const CHANGES_KEPT_MS = 59 * 86_400_000;

/** Editions of a cabinet, the newest first. @param beforeId only older ones */
export async function listEditions(
  client: Queryable,
  cabinet: CabinetKey,
  now: Date,
  { beforeId, limit }: { readonly beforeId?: number | undefined; readonly limit: number },
): Promise<ListedEdition[]> {
  const found = await client.query<EditionRow & { isServed: boolean; came: number; offersBefore: number | null }>(
    `select ${EDITION}, e.id = c.edition_id as "isServed",
       (select count(*)::int from mark_transition t where t.agency_id = e.agency_id and t.cabinet_id = e.cabinet_id
          and t.at = e.published_at and t.edition_id = e.id and t.outcome = 'published') as came,
       (select p.offers from edition p where p.agency_id = e.agency_id and p.cabinet_id = e.cabinet_id and p.id < e.id order by p.id desc limit 1) as "offersBefore"
     from edition e join cabinet c on c.agency_id = e.agency_id and c.id = e.cabinet_id
     where e.agency_id = $1 and e.cabinet_id = $2 and ($3::bigint is null or e.id < $3) order by e.id desc limit $4`,
    [cabinet.agencyId, cabinet.id, beforeId ?? null, limit],
  );
  return found.rows.map(({ came, offersBefore, ...edition }) => {
    // What came, less what there is more than before, has gone.
    const went = (offersBefore ?? 0) + came - edition.offers;
    const isKnown = now.getTime() - edition.publishedAt.getTime() < CHANGES_KEPT_MS && went >= 0;
    return { ...edition, added: isKnown ? came : null, removed: isKnown ? went : null };
  });
}

/** An edition and the one before it. */
export async function editionAndBefore(
  client: Queryable,
  cabinet: CabinetKey,
  editionId: number,
): Promise<{ readonly edition: EditionRow; readonly before: EditionRow | null } | undefined> {
  const found = await client.query<EditionRow>(
    `select ${EDITION} from edition e where e.agency_id = $1 and e.cabinet_id = $2 and e.id <= $3 order by e.id desc limit 2`,
    [cabinet.agencyId, cabinet.id, editionId],
  );
  const [edition, before] = found.rows;
  return edition?.id === editionId ? { edition, before: before ?? null } : undefined;
}

/** What listings are called, of those within a reach. */
export async function namesOfListings(
  client: Queryable,
  agencyId: number,
  ids: readonly number[],
  reach: Reach,
): Promise<ReadonlyMap<number, string>> {
  const values: unknown[] = [agencyId, ids];
  const push = (value: unknown) => `$${values.push(value)}`;
  const found = await client.query<{ id: number; name: string }>(
    `select l.id, coalesce(l.values->>'title', l.values->>'address', '№ ' || l.external_id) as name
     from listing l where l.agency_id = $1 and l.id = any($2) and ${listingsWithin(reach, push)}`,
    values,
  );
  return new Map(found.rows.map(({ id, name }) => [id, name]));
}
