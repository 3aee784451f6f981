import { canonicalJson } from '../domain/corrections.ts';
import { addDays, isDay, localDay, russianDay, startOfDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OWN_KINDS } from '../domain/ledger.ts';
import { faultsOf, type PriceFacts, type Tariff, type TariffTerms } from '../domain/tariff.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue, makeDueAt } from './due.ts';
import { record } from './journal.ts';

/** What the adverts of a cabinet cost. A tariff is written down once; a newer one takes over. */

type CabinetKey = { readonly agencyId: number; readonly id: number };

export interface TariffRow extends Tariff {
  readonly by: string;
  readonly createdAt: Date;
}

/** All tariffs of a cabinet, also those that were replaced before they began, in the order of their first days. */
export async function listTariffs(client: Queryable, cabinet: CabinetKey): Promise<TariffRow[]> {
  const found = await client.query<TariffRow>(
    `select id, valid_from as "validFrom", terms, by, created_at as "createdAt" from tariff
     where agency_id = $1 and cabinet_id = $2 order by valid_from, id`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows;
}

export interface AddedTariff {
  readonly id: number;
  /** false: the very same tariff stands at that day already. */
  readonly isNew: boolean;
  /** The tariff that would have begun on the same day. */
  readonly replaces: number | null;
}

/**
 * Writes down what a cabinet costs from a day on; the tariff that would have begun on the same day never does.
 * @param terms of the shape that `readTariff` (boards/tariffs.ts) proves
 * @throws Refusal `tariff-wrong`, `tariff-too-early`, `no-accounts`; the message tells all that is wrong
 */
export function addTariff(
  db: Database,
  cabinet: CabinetKey,
  { validFrom, terms }: { readonly validFrom: string; readonly terms: TariffTerms },
  by: string,
  now: Date,
): Promise<AddedTariff> {
  const { agencyId, id: cabinetId } = cabinet;
  return transaction(db, async (client) => {
    const { zone, billedAt } = await lockCabinet(client, cabinet);
    const today = localDay(billedAt !== null && billedAt > now ? billedAt : now, zone);
    await proveAllowed(client, agencyId, validFrom, terms, { zone, today });
    const known = (await listTariffs(client, cabinet)).findLast((row) => row.validFrom === validFrom);
    if (known && canonicalJson(known.terms) === canonicalJson(terms))
      return { id: known.id, isNew: false, replaces: null };
    const made = await client.query<{ id: number }>(
      `insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, $3, $4, $5, $6) returning id`,
      [agencyId, cabinetId, validFrom, JSON.stringify(terms), by, now],
    );
    const { id } = made.rows[0]!;
    const replaces = known?.id ?? null;
    const facts = { tariff: id, validFrom, replaces };
    await record(client, agencyId, { by, action: 'tariff-added', cabinetId, facts }, now);
    await makeDueAt(client, agencyId, [cabinetId], startOfDay(validFrom, zone));
    await makeDue(client, agencyId, { cabinetIds: [cabinetId] }, 'edit', now);
    return { id, isNew: true, replaces };
  });
}

/** Nobody commits a run of the cabinet while a tariff is written down: a day that was begun keeps its price. */
async function lockCabinet(
  client: Queryable,
  cabinet: CabinetKey,
): Promise<{ readonly zone: string; readonly billedAt: Date | null }> {
  const found = await client.query<{ zone: string; billedAt: Date | null }>(
    `select coalesce(b.time_zone, a.time_zone) as zone, c.billed_at as "billedAt" from cabinet c join agency a on a.id = c.agency_id
     left join branch b on b.agency_id = c.agency_id and b.id = c.branch_id where c.agency_id = $1 and c.id = $2 for no key update of c`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows[0]!;
}

async function proveAllowed(
  client: Queryable,
  agencyId: number,
  validFrom: string,
  terms: TariffTerms,
  { zone, today }: { readonly zone: string; readonly today: string },
): Promise<void> {
  const faults = faultsOf(terms);
  if (!isDay(validFrom)) faults.unshift(`«${validFrom.slice(0, 60)}» — не день календаря, пример: 2026-12-31.`);
  const problems = faults.length === 0 ? [] : [{ code: 'tariff-wrong', told: faults.join(' ') }];
  if (isDay(validFrom) && validFrom <= today) {
    problems.push({
      code: 'tariff-too-early',
      told: `Тариф не может начаться ${russianDay(validFrom)}: в кабинете уже ${russianDay(today)} (${zone}), а цена дня известна с его начала и не меняется. Самый ранний день — ${russianDay(addDays(today, 1))}.`,
    });
  }
  if ([...terms.lines, ...(terms.excess ?? [])].some(({ kopecks }) => kopecks > 0)) {
    const found = await client.query<{ has: boolean }>(
      'select exists(select 1 from account where agency_id = $1 and kind = any($2)) as has',
      [agencyId, OWN_KINDS],
    );
    if (!found.rows[0]!.has) {
      problems.push({
        code: 'no-accounts',
        told: 'У агентства нет ни одного счёта: платить по тарифу было бы некому, и все объекты кабинета остановились бы. Сначала откройте счёт: accounts open --agency-wide, или сотруднику, отделу, филиалу.',
      });
    }
  }
  if (problems[0]) throw new Refusal(problems[0].code, problems.map(({ told }) => told).join(' '));
}

/** What the prices of a cabinet's live marks depend on. */
export async function markedPriceFacts(client: Queryable, cabinet: CabinetKey): Promise<PriceFacts[]> {
  const found = await client.query<PriceFacts>(
    `select l.kind, l.deal, l.region, (l.values->>'priceKopecks')::bigint as "priceKopecks"
     from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     where m.agency_id = $1 and m.cabinet_id = $2 and m.is_live`,
    [cabinet.agencyId, cabinet.id],
  );
  return found.rows;
}

/** Regions of the agency's listings, as the listings have them. */
export async function listRegions(client: Queryable, agencyId: number): Promise<string[]> {
  const found = await client.query<{ region: string }>(
    'select distinct region from listing where agency_id = $1 and region is not null order by region',
    [agencyId],
  );
  return found.rows.map(({ region }) => region);
}
