import { type AudienceRow, namedIn } from '../domain/audience.ts';
import { Fault } from '../domain/fault.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record } from './journal.ts';

/** What boards or the telephony told of listings' days. Told again, it is replaced; what is not told again stays. */

type CabinetKey = { readonly agencyId: number; readonly id: number };

/** A row with its place in the file or the batch. */
export interface AudienceItem {
  readonly line: number;
  readonly row: AudienceRow;
}

export interface NewAudience {
  /** The file's name, or whoever told. */
  readonly name: string;
  /** To be run through once. Whatever it throws changes nothing. */
  readonly items: AsyncIterable<AudienceItem>;
  /** Tells what would be loaded and loads nothing. */
  readonly isTrial?: boolean;
}

export interface LoadedAudience {
  /** Listing-days that were told for the first time, with other numbers than before, and with the same. */
  readonly added: number;
  readonly replaced: number;
  readonly same: number;
  /** Adverts that are no marks of the cabinet; the first ones, and how many rows name such. */
  readonly unknown: readonly { readonly line: number; readonly name: string }[];
  readonly unknownRows: number;
  /** Rows whose listing and day come again further down: the last one holds. */
  readonly repeated: readonly { readonly line: number; readonly name: string; readonly heldLine: number }[];
  readonly repeatedRows: number;
  /** First and last day of what was taken; null: nothing was. */
  readonly from: string | null;
  readonly until: string | null;
}

const LOAD_LOCK = 7_061_973;
const BATCH = 2000;
/** Rows that are told one by one, of each kind; all are counted. */
export const TOLD_MAX = 200;

class Trial extends Error {
  readonly result: LoadedAudience;
  constructor(result: LoadedAudience) {
    super('trial');
    this.result = result;
  }
}

/** Loads views and calls of a cabinet's listings. */
export async function loadAudience(
  db: Database,
  cabinet: CabinetKey,
  { name, items, isTrial = false }: NewAudience,
  by: { readonly name: string },
  now: Date,
): Promise<LoadedAudience> {
  let isTaken = false;
  try {
    return await transaction(db, async (client) => {
      // The file can be read only once, and a transaction that gives way is done again from the start.
      if (isTaken)
        throw new Fault('audience-disturbed', 'База данных прервала загрузку. Ничего не загружено: повторите.', {
          retryable: true,
        });
      isTaken = true;
      await client.query('select pg_advisory_xact_lock($1, $2)', [LOAD_LOCK, cabinet.id]);
      await stage(client, items);
      const result = await settle(client, cabinet);
      if (isTrial) throw new Trial(result);
      const { added, replaced, from, until } = result;
      if (added + replaced > 0)
        await record(
          client,
          cabinet.agencyId,
          {
            ...{ by: by.name, action: 'audience-loaded', cabinetId: cabinet.id },
            facts: { name: name.slice(0, 200), from, until, added, replaced },
          },
          now,
        );
      return result;
    });
  } catch (error) {
    if (error instanceof Trial) return error.result;
    throw error;
  }
}

async function stage(client: Queryable, items: AsyncIterable<AudienceItem>): Promise<void> {
  await client.query(
    `create temp table audience_stage (line int, day date, advert text, board_number text, listing_number bigint, told text, views int, calls int)
     on commit drop`,
  );
  await client.query(
    'create temp table audience_found (line int, day date, told text, views int, calls int, listing_id bigint, held_line int) on commit drop',
  );
  let batch: AudienceItem[] = [];
  const flush = async () => {
    const column = <T>(of: (row: AudienceRow) => T) => batch.map(({ row }) => of(row));
    await client.query(
      `insert into audience_stage select * from unnest($1::int[], $2::date[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::int[], $8::int[])`,
      [
        batch.map(({ line }) => line),
        column(({ day }) => day),
        column(({ advert }) => advert),
        column(({ boardNumber }) => boardNumber),
        column(({ listingNumber }) => listingNumber),
        column(namedIn),
        column(({ views }) => views),
        column(({ calls }) => calls),
      ],
    );
    batch = [];
  };
  for await (const item of items) {
    batch.push(item);
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  await client.query('analyze audience_stage');
}

async function settle(client: Queryable, cabinet: CabinetKey): Promise<LoadedAudience> {
  const key = [cabinet.agencyId, cabinet.id];
  await client.query(
    `insert into audience_found
     with found as (
       select s.line, s.day, s.told, s.views, s.calls, coalesce(own.listing_id, numbered.listing_id, named.listing_id) as listing_id
       from audience_stage s
       left join mark own on own.agency_id = $1 and own.cabinet_id = $2 and own.board_offer_id = s.advert
       left join (select avito_id::text as number, min(listing_id) as listing_id from mark
         where agency_id = $1 and cabinet_id = $2 and avito_id is not null group by 1) as numbered on numbered.number = s.board_number
       left join mark named on named.agency_id = $1 and named.cabinet_id = $2 and named.listing_id = s.listing_number)
     select line, day, told, views, calls, listing_id,
       case when listing_id is not null then max(line) over (partition by listing_id, day) end from found`,
    key,
  );
  const told = async <T>(columns: string, where: string) => {
    const { rows } = await client.query<T & { count: number }>(
      `select ${columns}, count(*) over ()::int as count from audience_found where ${where} order by line limit ${TOLD_MAX}`,
    );
    return { count: rows[0]?.count ?? 0, rows: rows.map(({ count: _, ...row }) => row as unknown as T) };
  };
  const unknown = await told<{ line: number; name: string }>('line, told as name', 'listing_id is null');
  const repeated = await told<{ line: number; name: string; heldLine: number }>(
    'line, told as name, held_line as "heldLine"',
    'line < held_line',
  );
  // What a row leaves open may be known from elsewhere: views from the board, calls from the telephony.
  const { rows } = await client.query<Pick<LoadedAudience, 'added' | 'replaced' | 'same' | 'from' | 'until'>>(
    `with told as (select listing_id, day, views, calls from audience_found where line = held_line),
     was as (select t.*, a.day is null as is_new, a.views as was_views, a.calls as was_calls
       from told t left join audience_day a on a.agency_id = $1 and a.cabinet_id = $2 and a.listing_id = t.listing_id and a.day = t.day),
     taken as (insert into audience_day (agency_id, cabinet_id, listing_id, day, views, calls)
       select $1, $2, listing_id, day, views, calls from was
       where is_new or (coalesce(views, was_views), coalesce(calls, was_calls)) is distinct from (was_views, was_calls)
       on conflict (agency_id, cabinet_id, listing_id, day) do update
         set views = coalesce(excluded.views, audience_day.views), calls = coalesce(excluded.calls, audience_day.calls)
       returning day)
     select count(*) filter (where is_new)::int as added,
       count(*) filter (where not is_new and (coalesce(views, was_views), coalesce(calls, was_calls)) is distinct from (was_views, was_calls))::int as replaced,
       count(*) filter (where not is_new and (coalesce(views, was_views), coalesce(calls, was_calls)) is not distinct from (was_views, was_calls))::int as same,
       min(day) as from, max(day) as until
     from was`,
    key,
  );
  return {
    ...rows[0]!,
    ...{ unknown: unknown.rows, unknownRows: unknown.count, repeated: repeated.rows, repeatedRows: repeated.count },
  };
}

/** A listing of a source with a cabinet it was ever marked for; nulls: with none. */
export interface SourceMark {
  readonly externalId: string;
  readonly listingId: number;
  readonly cabinetId: number | null;
  readonly board: string | null;
  readonly slug: string | null;
}

/** Marks by the numbers that a source has for their listings. */
export async function marksOfSource(
  client: Queryable,
  agencyId: number,
  source: string,
  externalIds: readonly string[],
): Promise<SourceMark[]> {
  const { rows } = await client.query<SourceMark>(
    `select l.external_id as "externalId", l.id as "listingId", c.id as "cabinetId", c.board, c.slug
     from source s join listing l on l.agency_id = s.agency_id and l.source_id = s.id and l.external_id = any($3)
     left join mark m on m.agency_id = l.agency_id and m.listing_id = l.id
     left join cabinet c on c.agency_id = m.agency_id and c.id = m.cabinet_id
     where s.agency_id = $1 and s.name = $2 order by l.id, c.id`,
    [agencyId, source, [...externalIds]],
  );
  return rows;
}
