import { createHash } from 'node:crypto';
import { advertOf, type ReportedCharge } from '../domain/board-report.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { record } from './journal.ts';

/** Files in which boards told what they have charged. A charge is written once, whichever files it is in. */

type CabinetKey = { readonly agencyId: number; readonly id: number };

/** A charge with its place in the file. */
export interface ChargeLine {
  readonly line: number;
  readonly charge: ReportedCharge;
}

export interface NewReport {
  /** The file's name. */
  readonly name: string;
  /** To be run through once. Whatever it throws changes nothing. */
  readonly charges: AsyncIterable<ChargeLine>;
  /** Of the file's bytes; asked for after the charges. */
  readonly sha256: () => string;
  /** The days that the file covers, where somebody says so; they only widen those of its charges. */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  /** Tells what would be loaded and loads nothing. */
  readonly isTrial?: boolean;
}

/** A charge with a number that another charge has already. */
export interface Clash {
  readonly line: number;
  readonly operationId: string;
  /** What the number stands for already, kopecks; null: it is another row of this file. */
  readonly wasDay: string | null;
  readonly wasKopecks: number | null;
}

export interface LoadedReport {
  /** null: nothing was loaded, because it was a trial. */
  readonly id: number | null;
  /** false: this very file was loaded before. */
  readonly isNew: boolean;
  /** Charges that were understood: added, known already, and clashing. */
  readonly rows: number;
  readonly added: number;
  readonly addedKopecks: number;
  readonly known: number;
  /** Not loaded; the first ones. */
  readonly clashes: readonly Clash[];
  readonly clashing: number;
  /** Of the added: for adverts that are no marks of the cabinet, and for no advert at all. */
  readonly strangers: number;
  readonly unaddressed: number;
  /** First and last day that the report covers. */
  readonly from: string;
  readonly until: string;
}

/** Space of the advisory locks by which files of one cabinet are loaded one after the other. */
const LOAD_LOCK = 7_061_972;
const BATCH = 2000;
const CLASHES_MAX = 100;
const NAME_MAX = 200;

/** Rolls a trial back with what it has found. */
class Trial extends Error {
  readonly result: LoadedReport;
  constructor(result: LoadedReport) {
    super('trial');
    this.result = result;
  }
}

/**
 * Loads the charges of a file. A charge with a number of the board's own is known by it; one without by all it says
 * and by its place among equal rows of the file, so two equal rows are two charges and a file that comes again, or
 * overlaps another, adds only what is new.
 * @throws Refusal `report-nothing` when the file has no charge
 */
export async function loadReport(
  db: Database,
  cabinet: CabinetKey,
  report: NewReport,
  by: { readonly name: string },
  now: Date,
): Promise<LoadedReport> {
  let isTaken = false;
  try {
    return await transaction(db, async (client) => {
      // The file can be read only once, and a transaction that gives way is done again from the start.
      if (isTaken) {
        throw new Fault('report-disturbed', 'База данных прервала загрузку отчёта. Ничего не загружено: повторите.', {
          retryable: true,
        });
      }
      isTaken = true;
      await client.query('select pg_advisory_xact_lock($1, $2)', [LOAD_LOCK, cabinet.id]);
      await stage(client, report.charges);
      const result = await settle(client, cabinet, report, by, now);
      if (report.isTrial) throw new Trial({ ...result, id: null });
      return result;
    });
  } catch (error) {
    if (error instanceof Trial) return error.result;
    throw error;
  }
}

/** Equal hashes: nothing tells the two charges apart. */
const hashOf = (charge: ReportedCharge) =>
  createHash('sha256')
    .update(JSON.stringify([charge.day, charge.time, advertOf(charge), charge.service, charge.kopecks]))
    .digest('base64url');

async function stage(client: Queryable, charges: AsyncIterable<ChargeLine>): Promise<void> {
  await client.query(
    `create temp table charge_stage (line int, hash text, day date, advert text, board_number text, listing_number bigint, told text,
       service text, kopecks bigint, operation_id text) on commit drop`,
  );
  await client.query(
    `create temp table charge_found (line int, key text, day date, told text, service text, kopecks bigint, operation_id text, listing_id bigint,
       was_day date, was_kopecks bigint, state text) on commit drop`,
  );
  let batch: ChargeLine[] = [];
  const flush = async () => {
    const column = <T>(of: (charge: ReportedCharge) => T) => batch.map(({ charge }) => of(charge));
    await client.query(
      `insert into charge_stage select * from unnest($1::int[], $2::text[], $3::date[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
         $9::bigint[], $10::text[])`,
      [
        batch.map(({ line }) => line),
        column(hashOf),
        column(({ day }) => day),
        column(({ advert }) => advert),
        column(({ boardNumber }) => boardNumber),
        column(({ listingNumber }) => listingNumber),
        column(advertOf),
        column(({ service }) => service),
        column(({ kopecks }) => kopecks),
        column(({ operationId }) => operationId),
      ],
    );
    batch = [];
  };
  for await (const one of charges) {
    batch.push(one);
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  await client.query('analyze charge_stage');
}

/** What becomes of every staged charge: `new`, `known`, or a `clash` of numbers. */
const FIND = `insert into charge_found
  with numbered as (
    select s.*, row_number() over same as place, first_value(hash) over same as first_hash,
      case when operation_id is null then 'row:' || hash || ':' || row_number() over same else 'op:' || operation_id end as key
    from charge_stage s
    window same as (partition by coalesce('op:' || operation_id, 'row:' || hash) order by line))
  select n.line, n.key, n.day, n.told, n.service, n.kopecks, n.operation_id, coalesce(own.listing_id, numbered.listing_id, named.listing_id) as listing_id,
    b.day as was_day, b.kopecks as was_kopecks,
    case when n.operation_id is not null and n.hash <> n.first_hash then 'clash'
      when b.key is not null and (b.day, b.kopecks, b.service, b.board_offer_id) is distinct from (n.day, n.kopecks, n.service, n.told) then 'clash'
      when b.key is not null or n.operation_id is not null and n.place > 1 then 'known' else 'new' end as state
  from numbered n
  left join board_charge b on b.agency_id = $1 and b.cabinet_id = $2 and b.key = n.key
  left join mark own on own.agency_id = $1 and own.cabinet_id = $2 and own.board_offer_id = n.advert
  left join (select avito_id::text as number, min(listing_id) as listing_id from mark
    where agency_id = $1 and cabinet_id = $2 and avito_id is not null group by 1) as numbered on numbered.number = n.board_number
  left join mark named on named.agency_id = $1 and named.cabinet_id = $2 and named.listing_id = n.listing_number`;

async function settle(
  client: Queryable,
  cabinet: CabinetKey,
  report: NewReport,
  by: { readonly name: string },
  now: Date,
): Promise<LoadedReport> {
  const key = [cabinet.agencyId, cabinet.id];
  await client.query(FIND, key);
  const counted = await client.query<{
    rows: number;
    added: number;
    addedKopecks: number;
    known: number;
    clashing: number;
    strangers: number;
    unaddressed: number;
    first: string | null;
    last: string | null;
  }>(
    `select count(*)::int as rows, count(*) filter (where state = 'new')::int as added,
       coalesce(sum(kopecks) filter (where state = 'new'), 0)::bigint as "addedKopecks",
       count(*) filter (where state = 'known')::int as known, count(*) filter (where state = 'clash')::int as clashing,
       count(*) filter (where state = 'new' and listing_id is null and told is not null)::int as strangers,
       count(*) filter (where state = 'new' and told is null)::int as unaddressed,
       min(day) filter (where state <> 'clash') as first, max(day) filter (where state <> 'clash') as last
     from charge_found`,
  );
  const { first, last, ...counts } = counted.rows[0]!;
  const clashes = await client.query<Clash>(
    `select line, operation_id as "operationId", was_day as "wasDay", was_kopecks as "wasKopecks" from charge_found
     where state = 'clash' order by line limit ${CLASHES_MAX}`,
  );
  if (first === null || last === null) {
    throw new Refusal(
      'report-nothing',
      counts.rows === 0
        ? `В файле «${report.name}» не понято ни одной строки. Ничего не загружено.`
        : `В файле «${report.name}» все номера операций уже заняты другими списаниями. Ничего не загружено: проверьте, тот ли столбец назван операцией.`,
      3,
    );
  }
  const from = report.from !== undefined && report.from < first ? report.from : first;
  const until = report.until !== undefined && report.until > last ? report.until : last;
  const sha256 = report.sha256();
  const told = { ...counts, clashes: clashes.rows, from, until };
  if (counts.added === 0) {
    const same = await client.query<{ id: number }>(
      `select id from board_report where agency_id = $1 and cabinet_id = $2 and sha256 = $3 and from_on <= $4 and until_on >= $5 order by id limit 1`,
      [...key, sha256, from, until],
    );
    if (same.rows[0]) return { id: same.rows[0].id, isNew: false, ...told };
  }
  const name = report.name.slice(0, NAME_MAX);
  const made = await client.query<{ id: number }>(
    `insert into board_report (agency_id, cabinet_id, name, sha256, by, at, rows, known, from_on, until_on)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning id`,
    [...key, name, sha256, by.name, now, counts.added + counts.known, counts.known, from, until],
  );
  const { id } = made.rows[0]!;
  await client.query(
    `insert into board_charge (agency_id, cabinet_id, key, report_id, day, board_offer_id, listing_id, service, kopecks)
     select $1, $2, key, $3, day, told, listing_id, service, kopecks from charge_found where state = 'new' order by line`,
    [...key, id],
  );
  const { added, addedKopecks, known } = counts;
  const facts = { report: id, name, added, addedKopecks, known, from, until };
  await record(
    client,
    cabinet.agencyId,
    { by: by.name, action: 'board-report-loaded', cabinetId: cabinet.id, facts },
    now,
  );
  return { id, isNew: true, ...told };
}

export interface ReportRow {
  readonly id: number;
  readonly name: string;
  readonly by: string;
  readonly at: Date;
  /** Charges that were understood, and how many of them were in an earlier file. */
  readonly rows: number;
  readonly known: number;
  readonly from: string;
  readonly until: string;
  /** What its own charges come to. */
  readonly kopecks: number;
}

/** The files loaded for a cabinet, the oldest first. */
export async function listReports(client: Queryable, cabinet: CabinetKey): Promise<ReportRow[]> {
  const found = await client.query<ReportRow>(
    `select r.id, r.name, r.by, r.at, r.rows, r.known, r.from_on as "from", r.until_on as "until", coalesce(c.kopecks, 0)::bigint as kopecks
     from board_report r
     left join (select report_id, sum(kopecks) as kopecks from board_charge where agency_id = $1 and cabinet_id = $2 group by 1) as c on c.report_id = r.id
     where r.agency_id = $1 and r.cabinet_id = $2 order by r.id`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows;
}
