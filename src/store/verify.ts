import type pg from 'pg';
import { codeOf, playDay } from '../domain/day-record.ts';
import { addDays, isDay, localDay, startOfDay } from '../domain/days.ts';
import { CABINET_DEFAULTS, type CabinetSettings, settled } from '../domain/settings.ts';
import type { PriceFacts } from '../domain/tariff.ts';
import {
  type AccountFacts,
  type BoardReportFacts,
  billingDays,
  brokenSeal,
  type CabinetFrame,
  type Finding,
  type MovedSum,
  notOnRecord,
  type PromotionFacts,
  proveAccounts,
  proveBoardReport,
  proveLoose,
  proveMark,
  proveSpending,
  proveTariff,
  type Report,
  type SealedTable,
  type SettingsDeed,
  sameSeq,
  settingsSpans,
  shownSpans,
  type TariffFacts,
  type TransferFacts,
  tariffFacts,
  type WaiverFacts,
} from '../domain/verify.ts';
import { atOneMoment, type Database, type Queryable } from './database.ts';
import { closingOf, outcomesOf } from './days.ts';

/**
 * Reads the money for its proof (domain/verify.ts): one read-only transaction sees one moment, sums are made by the
 * database, and the transfers come mark by mark, so that memory does not grow with their number. Numbers are read as
 * they stand, however big: a spoiled row is to be named and must not stop the proof.
 */

export interface Verified {
  /** How much was looked at. */
  readonly checked: {
    readonly accounts: number;
    readonly transfers: number;
    readonly spending: number;
    readonly tariffs: number;
    readonly promotions: number;
    readonly waivers: number;
    readonly boardReports: number;
    readonly boardCharges: number;
    readonly cabinets: number;
    /** Days of marks that had to be charged by the transitions that are still kept. */
    readonly owedDays: number;
    /** Days of cabinets that are older, and were held against the daily record. */
    readonly recordedDays: number;
  };
  readonly findings: readonly Finding[];
}

export interface VerifyOptions {
  /** Prices and editions of earlier days are left out; sums and seals never are. */
  readonly from?: string | null;
  /** Told how many transfers have been looked at. */
  readonly onProgress?: (done: number) => void;
}

/** Agencies that have rows in the tables of money, those that do not exist included: a row may have been moved to one. */
export async function agenciesWithMoney(
  db: Database,
): Promise<{ readonly id: number; readonly name: string | null }[]> {
  const ids = ['account', ...Object.keys(DATES)]
    .map((table) => `select ${table}.agency_id from ${table} group by 1`)
    .join(' union ');
  const found = await db.pool.query<{ id: number; name: string | null }>(
    `select coalesce(m.agency_id, a.id) as id, a.name from agency a full join (${ids} union select agency_id from account_spending group by 1) as m
       on m.agency_id = a.id order by 1`,
  );
  return found.rows;
}

/** Proves the money of an agency. Writes nothing. */
export function verifyMoney(db: Database, agencyId: number, options: VerifyOptions = {}): Promise<Verified> {
  return atOneMoment(db, async (client) => {
    // Every cursor is read to its end.
    await client.query('set local cursor_tuple_fraction = 1');
    return new Proof(client, agencyId, options).run();
  });
}

/** Sealed tables: the key of a row, and its days: of one without an end no seal can be made. */
const DATES: Record<Exclude<SealedTable, 'account'>, { readonly key: string; readonly days: readonly string[] }> = {
  transfer: { key: 't.id', days: ['day'] },
  tariff: { key: 't.id', days: ['valid_from'] },
  promotion: { key: 't.id', days: ['from_on'] },
  waiver: { key: `concat_ws(':', t.cabinet_id, t.listing_id, t.day)`, days: ['day'] },
  board_charge: { key: `concat_ws('/', t.cabinet_id, t.key)`, days: ['day'] },
  board_report: { key: 't.id', days: ['from_on', 'until_on'] },
};

const big = (column: string) => `${column}::float8`;
const ms = (column: string) => `round(extract(epoch from ${column}) * 1000)::float8`;

/** Ids and sums as numbers of any size, days as texts. */
const TRANSFER = `t.id, ${big('t.seq')} as seq, t.kind, ${big('t.from_id')} as "fromId", ${big('t.to_id')} as "toId", ${big('t.kopecks')} as kopecks,
  t.day::text as day, ${ms('t.at')} as "atMs", ${big('t.cabinet_id')} as "cabinetId", ${big('t.listing_id')} as "listingId", t.basis,
  ${big('t.tariff_id')} as "tariffId", t.facts, ${big('t.promotion_id')} as "promotionId", t.resolves, t.reverses,
  (t.edition_id is null or e.id is not null) as "isEditionKnown"`;
const TRANSFERS = `transfer t left join edition e on e.agency_id = t.agency_id and e.id = t.edition_id and e.cabinet_id = t.cabinet_id`;

interface CabinetFacts {
  readonly id: number;
  readonly zone: string;
  readonly branchId: number | null;
  readonly settings: Partial<CabinetSettings>;
  readonly billedAt: Date | null;
}

class Proof {
  readonly #client: pg.PoolClient;
  readonly #agencyId: number;
  readonly #from: string | null;
  readonly #onProgress: (done: number) => void;
  readonly #findings: Finding[] = [];
  readonly #report: Report = (finding) => this.#findings.push(finding);
  readonly #accounts = new Map<number, AccountFacts>();
  #transfers = 0;
  #waivers = 0;
  #promotions = 0;
  #owedDays = 0;
  #recordedDays = 0;

  constructor(client: pg.PoolClient, agencyId: number, { from = null, onProgress = () => {} }: VerifyOptions) {
    this.#client = client;
    this.#agencyId = agencyId;
    this.#from = from;
    this.#onProgress = onProgress;
  }

  async run(): Promise<Verified> {
    await this.#seals();
    await this.#sums();
    const spending = await this.#spending();
    const cabinets = await this.#cabinets();
    const tariffs = await this.#tariffs(cabinets);
    const { boardReports, boardCharges } = await this.#boardReports();
    await this.#order();
    await this.#loose(cabinets.map(({ id }) => id));
    for (const cabinet of cabinets) {
      await this.#cabinet(cabinet, tariffs.get(cabinet.id) ?? []);
    }
    return {
      checked: {
        accounts: this.#accounts.size,
        transfers: this.#transfers,
        spending,
        tariffs: [...tariffs.values()].reduce((sum, all) => sum + all.length, 0),
        promotions: this.#promotions,
        waivers: this.#waivers,
        boardReports,
        boardCharges,
        cabinets: cabinets.length,
        owedDays: this.#owedDays,
        recordedDays: this.#recordedDays,
      },
      findings: this.#findings,
    };
  }

  async #rows<T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.#client.query<T & pg.QueryResultRow>(sql, [this.#agencyId, ...values])).rows;
  }

  async #seals(): Promise<void> {
    const account =
      'select t.id::text as key from account t where t.agency_id = $1 and t.seal is distinct from seal_of(t)';
    for (const { key } of await this.#rows<{ key: string }>(`${account} order by t.id`))
      this.#report(brokenSeal('account', key));
    for (const [table, { key, days }] of Object.entries(DATES)) {
      const isEndless = days.map((day) => `not coalesce(isfinite(t.${day}), true)`).join(' or ');
      const found = await this.#rows<{ key: string }>(
        `select (${key})::text as key from ${table} t
         where t.agency_id = $1 and case when ${isEndless} then true else t.seal is distinct from seal_of(t) end order by 1`,
      );
      for (const row of found) this.#report(brokenSeal(table as SealedTable, row.key));
    }
  }

  async #sums(): Promise<void> {
    const accounts = await this.#rows<Record<'balance' | 'held' | 'entries' | 'overdraft', string> & AccountFacts>(
      `select ${big('id')} as id, kind, ${big('owner_id')} as "ownerId", balance_kopecks::text as balance, held_kopecks::text as held,
         entries::text as entries, overdraft_kopecks::text as overdraft
       from account where agency_id = $1 order by 1`,
    );
    for (const { id, kind, ownerId, balance, held, entries, overdraft } of accounts) {
      const sums = {
        balance: BigInt(balance),
        held: BigInt(held),
        entries: BigInt(entries),
        overdraft: BigInt(overdraft),
      };
      this.#accounts.set(id, { id, kind, ownerId, ...sums });
    }
    const moved = await this.#rows<MovedSum>(
      `select ${big('from_id')} as "fromId", ${big('to_id')} as "toId", kind, resolves is not null as resolves, sum(kopecks)::text as kopecks,
         count(*)::text as count
       from transfer where agency_id = $1 group by from_id, to_id, kind, resolves is not null order by 1, 2, 3, 4`,
    );
    const exact = moved.map((row) => ({ ...row, kopecks: BigInt(row.kopecks), count: BigInt(row.count) }));
    proveAccounts([...this.#accounts.values()], exact, this.#report);
  }

  /** What `apply` (ledger.ts) notes, transfer by transfer: holds and direct charges, less what came back. */
  async #spending(): Promise<number> {
    const found = await this.#rows<{ accountId: number; period: string; noted: string | null; moved: string | null }>(
      `with spent as (
         select case kind when 'refund' then to_id else from_id end as account_id, day,
           sum(case when kind in ('release', 'refund') then -kopecks else kopecks end) as kopecks
         from transfer where agency_id = $1 and (kind in ('hold', 'release', 'refund') or kind = 'charge' and resolves is null) group by 1, 2),
       moved as (select account_id, day::text as period, kopecks from spent
         union all select account_id, left(day::text, 7), sum(kopecks) from spent group by 1, 2),
       noted as (select account_id, period, kopecks from account_spending where agency_id = $1)
       select ${big('account_id')} as "accountId", period, noted.kopecks::text as noted, moved.kopecks::text as moved
       from noted full join moved using (account_id, period)
       where coalesce(noted.kopecks, 0) <> coalesce(moved.kopecks, 0) or moved.kopecks is null order by 1, 2`,
    );
    for (const { accountId, period, noted, moved } of found) {
      const sum = (text: string | null) => (text === null ? null : BigInt(text));
      this.#report(proveSpending({ accountId, period, noted: sum(noted), moved: sum(moved) }));
    }
    const count = 'select count(*)::int as count from account_spending where agency_id = $1';
    return (await this.#rows<{ count: number }>(count))[0]!.count;
  }

  #cabinets(): Promise<CabinetFacts[]> {
    return this.#rows<CabinetFacts>(
      `select c.id, coalesce(b.time_zone, a.time_zone) as zone, c.branch_id as "branchId", c.settings, c.billed_at as "billedAt"
       from cabinet c join agency a on a.id = c.agency_id left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id
       where c.agency_id = $1 order by c.id`,
    );
  }

  async #tariffs(cabinets: readonly CabinetFacts[]): Promise<Map<number, TariffFacts[]>> {
    const rows = await this.#rows<{
      id: number;
      cabinetId: number;
      validFrom: string;
      terms: unknown;
      createdMs: number;
    }>(
      `select ${big('id')} as id, ${big('cabinet_id')} as "cabinetId", valid_from::text as "validFrom", terms, ${ms('created_at')} as "createdMs"
       from tariff where agency_id = $1 order by id`,
    );
    const zones = new Map(cabinets.map(({ id, zone }) => [id, zone]));
    const moved = new Map<number, number | null>();
    for (const cabinet of cabinets) moved.set(cabinet.id, await this.#zoneChangedMs(cabinet));
    const byCabinet = new Map<number, TariffFacts[]>();
    for (const { cabinetId, ...row } of rows) {
      const tariff = tariffFacts(row);
      // Written down in another zone: it may have been any day that there was somewhere.
      const isElsewhere = row.createdMs <= (moved.get(cabinetId) ?? Number.NEGATIVE_INFINITY);
      const zone = isElsewhere ? 'Etc/GMT+12' : (zones.get(cabinetId) ?? 'UTC');
      for (const finding of proveTariff(tariff, zone)) this.#report(finding);
      const all = byCabinet.get(cabinetId);
      if (all) all.push(tariff);
      else byCabinet.set(cabinetId, [tariff]);
    }
    return byCabinet;
  }

  async #boardReports(): Promise<{ readonly boardReports: number; readonly boardCharges: number }> {
    type Row = NonNullable<BoardReportFacts['row']> & {
      readonly id: number;
      readonly isThere: boolean;
      readonly count: number;
      readonly ofOtherCabinets: number;
      readonly chargedFrom: string | null;
      readonly chargedUntil: string | null;
    };
    const reports = await this.#rows<Row>(
      `with charged as (
         select c.report_id, count(*) as count, count(*) filter (where c.cabinet_id is distinct from r.cabinet_id) as others, min(c.day) as from_on,
           max(c.day) as until_on
         from board_charge c left join board_report r on r.agency_id = c.agency_id and r.id = c.report_id where c.agency_id = $1 group by 1),
       report as (select * from board_report where agency_id = $1)
       select ${big('coalesce(r.id, c.report_id)')} as id, r.id is not null as "isThere", r.rows, r.known, r.from_on::text as "from",
         r.until_on::text as until, coalesce(c.count, 0)::int as count, coalesce(c.others, 0)::int as "ofOtherCabinets",
         c.from_on::text as "chargedFrom", c.until_on::text as "chargedUntil"
       from report r full join charged c on c.report_id = r.id order by 1`,
    );
    for (const { id, isThere, count, ofOtherCabinets, chargedFrom, chargedUntil, ...row } of reports) {
      const charges = { count, ofOtherCabinets, from: chargedFrom, until: chargedUntil };
      for (const finding of proveBoardReport({ id, row: isThere ? row : null, charges })) this.#report(finding);
    }
    return {
      boardReports: reports.filter(({ isThere }) => isThere).length,
      boardCharges: reports.reduce((sum, { count }) => sum + count, 0),
    };
  }

  /** No two transfers have one number in the order of writing. */
  async #order(): Promise<void> {
    const found = await this.#rows<{ id: string; seq: number }>(
      `select t.id, ${big('t.seq')} as seq from transfer t join (
         select seq from transfer where agency_id = $1 group by seq having count(*) > 1) as twice on twice.seq = t.seq
       where t.agency_id = $1 order by t.seq, t.id`,
    );
    for (const { id, seq } of found) this.#report(sameSeq(id, seq));
  }

  /** Transfers that are about no cabinet there is: top-ups, moves, corrections. */
  async #loose(cabinetIds: readonly number[]): Promise<void> {
    const cursor = new Cursor<TransferFacts>(
      this.#client,
      'loose',
      `select ${TRANSFER} from ${TRANSFERS}
      where t.agency_id = $1 and (t.cabinet_id is null or t.cabinet_id <> all($2::bigint[])) order by t.seq`,
      [this.#agencyId, cabinetIds],
    );
    for (let row = await cursor.next(); row; row = await cursor.next()) {
      proveLoose(row, this.#accounts, this.#report);
      this.#count(1);
    }
    await cursor.close();
  }

  #count(transfers: number): void {
    this.#transfers += transfers;
    this.#onProgress(this.#transfers);
  }

  async #cabinet(cabinet: CabinetFacts, tariffs: readonly TariffFacts[]): Promise<void> {
    const key = { agencyId: this.#agencyId, id: cabinet.id };
    const { zone, billedAt } = cabinet;
    const ground = billedAt === null ? NO_GROUND : await groundOf(this.#client, key, zone, billedAt);
    const zoneChangedMs = await this.#zoneChangedMs(cabinet);
    const firstDay =
      this.#from !== null && ground.firstDay !== null && this.#from > ground.firstDay ? this.#from : ground.firstDay;
    const billedDay = billedAt && localDay(billedAt, zone);
    const frame: CabinetFrame = {
      cabinetId: cabinet.id,
      zone,
      accounts: this.#accounts,
      tariffs,
      days:
        billedDay === null || firstDay === null
          ? []
          : billingDays({ zone, settings: await this.#settings(cabinet), zoneChangedMs }, firstDay, billedDay),
      billedMs: billedAt?.getTime() ?? null,
      billedDay,
    };
    await this.#marks(key, frame, ground);
    if (ground.firstDay !== null) await this.#recorded(key, ground.firstDay, zoneChangedMs === null ? 0 : 1);
  }

  async #settings(cabinet: CabinetFacts) {
    const deeds = await this.#rows<SettingsDeed>(
      `select ${ms('at')} as "atMs", action, facts from journal where agency_id = $1 and cabinet_id = $2
         and (action in ('package-set', 'settings-set', 'settings-reset') or jsonb_exists_any(facts, array['chargeAt', 'package']))
       order by id desc`,
      [cabinet.id],
    );
    return settingsSpans(settled(CABINET_DEFAULTS, cabinet.settings), deeds);
  }

  /** When the clock by which the cabinet lives was last set to another zone; null: never. */
  async #zoneChangedMs({ branchId }: CabinetFacts): Promise<number | null> {
    if (branchId === null) return null;
    const [found] = await this.#rows<{ atMs: number | null }>(
      `select max(${ms('at')}) as "atMs" from journal where agency_id = $1 and action = 'branch-zone-set' and (facts->>'branchId') = $2::text`,
      [String(branchId)],
    );
    return found!.atMs;
  }

  /** Mark by mark: what it cost, when it was shown, and what it is now. */
  async #marks(key: CabinetKey, frame: CabinetFrame, ground: Ground): Promise<void> {
    const values = [key.agencyId, key.id];
    const open = <T extends Keyed>(name: string, sql: string, more: readonly unknown[] = []) =>
      new Cursor<T>(this.#client, name, sql, [...values, ...more]);
    const marks = open<
      Keyed & {
        ordinal: number;
        kind: string | null;
        deal: string;
        region: string | null;
        price: number | null;
        changedMs: number;
      }
    >(
      'marks',
      `select ${big('m.listing_id')} as "listingId", m.ordinal, l.kind, l.deal, l.region, ${big('l.price_kopecks')} as price, ${ms('l.changed_at')} as "changedMs"
       from mark m left join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
       where m.agency_id = $1 and m.cabinet_id = $2 order by m.listing_id`,
    );
    const transfers = open<Keyed & TransferFacts>(
      'transfers',
      `select ${TRANSFER} from ${TRANSFERS} where t.agency_id = $1 and t.cabinet_id = $2
         and ($3::date is null or t.day >= $3 or t.basis is null or t.basis not in ('day', 'excess-day'))
       order by coalesce(t.listing_id, 0), t.seq`,
      [this.#from],
    );
    // The clock may have been set back; billing goes on from the latest moment that a run has come to.
    const changes = open<Keyed & { outcome: string; atMs: number }>(
      'changes',
      `with runs as (select finished_at, edition_id, max(finished_at) over (order by id) as billed_at from export_run
         where agency_id = $1 and cabinet_id = $2 and status = 'done'),
       late as (select finished_at, edition_id, min(billed_at) as billed_at from runs where billed_at > finished_at group by 1, 2)
       select ${big('listing_id')} as "listingId", outcome, ${ms('at')} as "atMs" from (
         select t.id, t.listing_id, t.outcome, max(greatest(t.at, l.billed_at)) over (order by t.id) as at from mark_transition t
         left join late l on l.finished_at = t.at and l.edition_id is not distinct from t.edition_id
         where t.agency_id = $1 and t.cabinet_id = $2 and t.id > $3) as t
       order by listing_id, id`,
      [ground.throughId],
    );
    const waivers = open<Keyed & WaiverFacts>(
      'waivers',
      `select ${big('listing_id')} as "listingId", day::text as day, ${big('account_id')} as "accountId", ${big('kopecks')} as kopecks from waiver
       where agency_id = $1 and cabinet_id = $2 and ($3::date is null or day >= $3) order by listing_id, day`,
      [this.#from],
    );
    const placements = open<Keyed & { from: string; until: string }>(
      'placements',
      `select ${big('listing_id')} as "listingId", from_on::text as "from", until_on::text as until from placement
       where agency_id = $1 and cabinet_id = $2 order by listing_id, from_on`,
    );
    const promotions = open<Keyed & PromotionFacts>(
      'promotions',
      `select ${big('listing_id')} as "listingId", ${big('id')} as id, level, days, from_on::text as "fromOn", hold_id as "holdId", ${big('kopecks')} as kopecks,
         ${ms('at')} as "atMs" from promotion where agency_id = $1 and cabinet_id = $2 order by listing_id, id`,
    );
    const all = [marks, transfers, changes, waivers, placements, promotions];
    for (;;) {
      const heads: number[] = [];
      for (const cursor of all) {
        const head = await cursor.head();
        if (head) heads.push(listingOf(head));
      }
      if (heads.length === 0) break;
      const listingId = Math.min(...heads);
      const take = <T extends Keyed>(cursor: Cursor<T>) => cursor.takeWhile((row) => listingOf(row) === listingId);
      const [mark] = await take(marks);
      const isShown = mark !== undefined && ground.closing[mark.ordinal] === codeOf('published');
      const history = {
        listingId,
        transfers: await take(transfers),
        shown: shownSpans(isShown, ground.sinceMs, await take(changes)),
        waivers: await take(waivers),
        placements: await take(placements),
        promotions: await take(promotions),
        facts: mark?.kind
          ? ({ kind: mark.kind, deal: mark.deal, region: mark.region, priceKopecks: mark.price } as PriceFacts)
          : null,
        changedMs: mark?.changedMs ?? 0,
      };
      this.#owedDays += proveMark(frame, history, this.#report);
      this.#waivers += history.waivers.length;
      this.#promotions += history.promotions.length;
      this.#count(history.transfers.length);
    }
    for (const cursor of all) await cursor.close();
  }

  /**
   * Days of which single changes are not kept any more: their record tells which marks were shown, so what was charged
   * can be held against it; whether they were shown at the charge moment, nobody knows.
   * @param before the first day that is proved by the changes
   * @param slack by how many days a day may have been counted otherwise in the zone of then
   */
  async #recorded(key: CabinetKey, before: string, slack: number): Promise<void> {
    const values = [key.id, before, this.#from];
    const billed = `cabinet_id = $2 and day < $3 and ($4::date is null or day >= $4)`;
    const days = await this.#rows<{ day: string }>(
      `select day::text as day from transfer where agency_id = $1 and ${billed} and basis in ('day', 'excess-day') and kind = 'charge' group by day
       union select day::text from waiver where agency_id = $1 and ${billed} group by day order by 1`,
      values,
    );
    const [first] = await this.#rows<{ day: string | null }>(
      'select min(day)::text as day from day_record where agency_id = $1 and cabinet_id = $2',
      [key.id],
    );
    for (const { day } of days.filter((row) => isDay(row.day))) {
      // A run that was committed while its day was being recorded counts from the next day on.
      const near = Array.from({ length: slack + 2 }, (_, index) => addDays(day, index - slack));
      const records = await outcomesOf(this.#client, key, near);
      // A day without a record between others cannot be told; before the first record nothing was shown.
      if (!records.has(day) && first!.day !== null && day >= first!.day) continue;
      const shown = Buffer.alloc(Math.max(0, ...[...records.values()].map(({ length }) => length)));
      for (const record of records.values()) {
        for (let ordinal = 0; ordinal < record.length; ordinal++)
          if (record[ordinal] === codeOf('published')) shown[ordinal] = 1;
      }
      const wasShown = `case when m.ordinal < length($4::bytea) then get_byte($4::bytea, m.ordinal) = 1 else false end`;
      const found = await this.#rows<{ table: 'transfer' | 'waiver'; key: string }>(
        `select 'transfer' as table, t.id as key from transfer t
           left join mark m on m.agency_id = t.agency_id and m.cabinet_id = t.cabinet_id and m.listing_id = t.listing_id
         where t.agency_id = $1 and t.cabinet_id = $2 and t.day = $3 and t.kind = 'charge' and t.basis in ('day', 'excess-day')
           and not exists (select 1 from transfer r where r.agency_id = t.agency_id and r.reverses = t.id) and not coalesce(${wasShown}, false)
         union all select 'waiver', concat_ws(':', t.cabinet_id, t.listing_id, t.day) from waiver t
           left join mark m on m.agency_id = t.agency_id and m.cabinet_id = t.cabinet_id and m.listing_id = t.listing_id
         where t.agency_id = $1 and t.cabinet_id = $2 and t.day = $3 and not coalesce(${wasShown}, false) order by 1, 2`,
        [key.id, day, shown],
      );
      for (const row of found) this.#report(notOnRecord(row.table, row.key, day));
      this.#recordedDays++;
    }
  }
}

type CabinetKey = { readonly agencyId: number; readonly id: number };

/** From where on a cabinet's served editions can be told by its transitions. */
interface Ground {
  /** Transitions after this one are all there. */
  readonly throughId: number;
  /** Outcomes before them, by ordinal. */
  readonly closing: Uint8Array;
  readonly sinceMs: number;
  /** The first day of which everything is known; null: nothing was ever shown. */
  readonly firstDay: string | null;
}

/** Of a cabinet that was never billed: nothing can be said of its editions, and nothing may be charged. */
const NO_GROUND: Ground = { throughId: 0, closing: new Uint8Array(0), sinceMs: 0, firstDay: null };

/** No story is longer: a day that somebody has moved to the beginning of time does not make it so. */
const LONGEST_DAYS = 3660;

/**
 * Old transitions are forgotten once their day is on record (`recordDays`), so the story begins with the first recorded
 * day whose own end is later than the oldest transition that is left; or with the very first transition if none is missing.
 */
async function groundOf(client: Queryable, cabinet: CabinetKey, zone: string, billedAt: Date): Promise<Ground> {
  const key = [cabinet.agencyId, cabinet.id];
  const kept = await client.query<{ at: Date | null }>(
    'select min(at) as at from mark_transition where agency_id = $1 and cabinet_id = $2',
    key,
  );
  const { at } = kept.rows[0]!;
  const recorded = await client.query<{ day: string }>(
    'select day from day_record where agency_id = $1 and cabinet_id = $2 order by day',
    key,
  );
  const days = recorded.rows.map(({ day }) => day);
  const first = days[0];
  if (first === undefined || (await isAllThere(client, cabinet, first))) {
    // Before the first transition nothing was shown, whatever was charged then.
    const [charged] = (
      await client.query<{ day: string | null }>(
        'select min(day)::text as day from transfer where agency_id = $1 and cabinet_id = $2 and day > $3',
        [...key, addDays(localDay(billedAt, zone), -LONGEST_DAYS)],
      )
    ).rows;
    const from = [charged!.day, at && localDay(at, zone)].filter((day) => day !== null).sort()[0];
    return { throughId: 0, closing: new Uint8Array(0), sinceMs: 0, firstDay: from ?? null };
  }
  const base = days.find((day) => at !== null && startOfDay(day, zone) >= at) ?? days.at(-1)!;
  const { throughId, codes } = await closingOf(client, cabinet, base);
  const firstDay = addDays(base, 1);
  return { throughId, closing: codes, sinceMs: startOfDay(firstDay, zone).getTime(), firstDay };
}

/** Do the transitions that are left make the first recorded day what it was? Then none was forgotten. */
async function isAllThere(client: Queryable, cabinet: CabinetKey, firstDay: string): Promise<boolean> {
  const { throughId, codes } = await closingOf(client, cabinet, firstDay);
  const found = await client.query<{ ordinal: number; outcome: Parameters<typeof codeOf>[0] }>(
    `select m.ordinal, t.outcome from mark_transition t
     join mark m on m.agency_id = t.agency_id and m.cabinet_id = t.cabinet_id and m.listing_id = t.listing_id
     where t.agency_id = $1 and t.cabinet_id = $2 and t.id <= $3 order by t.id`,
    [cabinet.agencyId, cabinet.id, throughId],
  );
  const played = playDay(
    new Uint8Array(0),
    found.rows.map((row) => ({ ...row, isOlder: false })),
  );
  const outcomes = (await outcomesOf(client, cabinet, [firstDay])).get(firstDay)!;
  const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0;
  return isSame(played.closing, codes) && isSame(played.outcomes, outcomes);
}

interface Keyed {
  readonly listingId: number | null;
}

const listingOf = ({ listingId }: Keyed) => listingId ?? 0;

const BATCH = 2000;

/** Rows of a query, one after the other, however many there are. */
class Cursor<T extends object> {
  readonly #client: Queryable;
  readonly #name: string;
  readonly #sql: string;
  readonly #values: readonly unknown[];
  #rows: T[] = [];
  #at = 0;
  #isOpen = false;
  #isOver = false;

  constructor(client: Queryable, name: string, sql: string, values: readonly unknown[]) {
    this.#client = client;
    this.#name = name;
    this.#sql = sql;
    this.#values = values;
  }

  /** The row that comes next; undefined: there are no more. */
  async head(): Promise<T | undefined> {
    if (this.#at >= this.#rows.length && !this.#isOver) {
      if (!this.#isOpen)
        await this.#client.query(`declare ${this.#name} no scroll cursor for ${this.#sql}`, [...this.#values]);
      this.#isOpen = true;
      this.#rows = (await this.#client.query<T & pg.QueryResultRow>(`fetch ${BATCH} from ${this.#name}`)).rows;
      this.#at = 0;
      this.#isOver = this.#rows.length < BATCH;
    }
    return this.#rows[this.#at];
  }

  async next(): Promise<T | undefined> {
    const row = await this.head();
    this.#at++;
    return row;
  }

  async takeWhile(isWanted: (row: T) => boolean): Promise<T[]> {
    const taken: T[] = [];
    for (let row = await this.head(); row && isWanted(row); row = await this.head()) {
      taken.push(row);
      this.#at++;
    }
    return taken;
  }

  async close(): Promise<void> {
    if (this.#isOpen) await this.#client.query(`close ${this.#name}`);
  }
}
