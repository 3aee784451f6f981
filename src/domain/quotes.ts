import { russianDay } from './days.ts';
import { formatKopecks } from './money.ts';
import { conditionsText, type PriceUnit, priceText } from './price-lines.ts';
import {
  decidingLine,
  type PriceFacts,
  type PriceLine,
  periodsOf,
  priceOf,
  type Tariff,
  type TariffTerms,
  tariffOf,
} from './tariff.ts';

/** What a listing costs in a cabinet, which line of the tariff says so, and when that changes. */

/** The tariffs of a cabinet and what they are read by. */
export interface PriceDesk<T extends Tariff = Tariff> {
  readonly tariffs: readonly T[];
  /** The cabinet's local day. */
  readonly today: string;
  readonly unit: PriceUnit;
  readonly isPackaged: boolean;
}

export type TariffState = 'past' | 'current' | 'coming' | 'replaced';

/** Every tariff of a cabinet in the order of days, with what has become of it. */
export function statesOf<T extends Tariff>({
  tariffs,
  today,
}: Pick<PriceDesk<T>, 'tariffs' | 'today'>): { tariff: T; until: string | null; state: TariffState }[] {
  const periods = new Map(periodsOf(tariffs).map((period) => [period.tariff.id, period]));
  const current = tariffOf(tariffs, today);
  return tariffs.map((tariff) => {
    const until = periods.get(tariff.id)?.until ?? null;
    const state = !periods.has(tariff.id)
      ? 'replaced'
      : tariff.id === current?.id
        ? 'current'
        : tariff.validFrom > today
          ? 'coming'
          : 'past';
    return { tariff, until, state };
  });
}

/** A price and the line that decided it. */
export interface Quote {
  readonly priceKopecks: number;
  /** Counted from 1. */
  readonly line: number;
  readonly conditions: string;
}

export interface Quotes {
  readonly tariffId: number;
  readonly validFrom: string;
  readonly price: Quote;
  /** null: not sold, or there is no package to exceed. */
  readonly excess: Quote | null;
}

export interface Prices {
  /** null: no tariff, it is free. */
  readonly current: Quotes | null;
  /** The next tariff under which the listing costs something else. */
  readonly next: Quotes | null;
}

function quotesBy(tariff: Tariff, { unit, isPackaged }: PriceDesk, facts: PriceFacts): Quotes {
  const { id: tariffId, validFrom, terms } = tariff;
  const quote = (list: readonly PriceLine[], index: number | null): Quote | null => {
    const line = index === null ? undefined : list[index];
    return line === undefined
      ? null
      : { priceKopecks: line.kopecks, line: index! + 1, conditions: conditionsText(line) };
  };
  const price = quote(terms.lines, decidingLine(terms, unit, facts));
  // The last line has no conditions.
  if (price === null) throw new Error(`broken invariant: tariff ${tariffId} has no price for everything`);
  const excess = isPackaged ? quote(terms.excess ?? [], decidingLine(terms, `excess-${unit}`, facts)) : null;
  return { tariffId, validFrom, price, excess };
}

/** What a listing costs today, and the next other price that is written down. */
export function pricesOf(desk: PriceDesk, facts: PriceFacts): Prices {
  const { tariffs, today } = desk;
  const tariff = tariffOf(tariffs, today);
  const current = tariff && quotesBy(tariff, desk, facts);
  const next = periodsOf(tariffs)
    .filter(({ tariff: other }) => other.validFrom > today)
    .map(({ tariff: other }) => quotesBy(other, desk, facts))
    .find(
      ({ price, excess }) =>
        price.priceKopecks !== (current?.price.priceKopecks ?? 0) ||
        excess?.priceKopecks !== current?.excess?.priceKopecks,
    );
  return { current, next: next ?? null };
}

/** What the adverts of a cabinet cost, in a few words: «45 ₽ в день», «от 30 до 45 ₽ в день». */
export function pricesText({ tariffs, today, unit }: Pick<PriceDesk, 'tariffs' | 'today' | 'unit'>): string {
  const current = tariffOf(tariffs, today);
  const coming = periodsOf(tariffs).find(({ tariff }) => tariff.validFrom > today);
  const then = coming ? `; с ${russianDay(coming.tariff.validFrom)} новый тариф` : '';
  if (current === null) return `тарифа нет, бесплатно${then}`;
  const prices = current.terms.lines.map(({ kopecks }) => kopecks);
  const [least, most] = [Math.min(...prices), Math.max(...prices)];
  const told = least === most ? priceText(least, unit) : `от ${formatKopecks(least)} до ${priceText(most, unit)}`;
  return `${told}${then}`;
}

export interface TariffTrial {
  /** How many of the listings each line decides, in the order of the lines. */
  readonly listings: readonly number[];
  /** What all of them cost in a day, or as placements, by the tariff that holds and by the one that is tried; kopecks. */
  readonly nowKopecks: number;
  readonly thenKopecks: number;
  /** How many of them get another price. */
  readonly changed: number;
}

/** A tariff tried on listings before it is written down. */
export function tryTariff(desk: PriceDesk, terms: TariffTerms, listings: readonly PriceFacts[]): TariffTrial {
  const current = tariffOf(desk.tariffs, desk.today);
  const counts = terms.lines.map(() => 0);
  let [nowKopecks, thenKopecks, changed] = [0, 0, 0];
  for (const facts of listings) {
    const line = decidingLine(terms, desk.unit, facts);
    if (line !== null) counts[line]!++;
    const now = current ? (priceOf(current.terms, desk.unit, facts) ?? 0) : 0;
    const then = priceOf(terms, desk.unit, facts) ?? 0;
    nowKopecks += now;
    thenKopecks += then;
    if (now !== then) changed++;
  }
  return { listings: counts, nowKopecks, thenKopecks, changed };
}
