import { setImmediate as breathe, setTimeout as wait } from 'node:timers/promises';
import type { Board } from '../boards/catalogue.ts';
import type { Cover, CoverState, TopUpEffect } from '../contracts/accounts.ts';
import type { AccountForecast } from '../domain/forecast.ts';
import { forecastMoney, type MoneyForecast } from '../export/forecast.ts';
import { atOneMoment, type Database } from '../store/database.ts';
import { nextRuns } from '../store/due.ts';
import { moneyVersion } from '../store/forecast.ts';
import { cabinetTitle } from './cabinets.ts';

/** What the money is foreseen to do, for screens: asked often, made anew only when something has changed. */

/** How far screens look. */
export const OUTLOOK_DAYS = 60;
/** What changes without a trace in the money or the journal, such as midnight, is seen after so long. */
const KEPT_MS = 60_000;

/** So long the first one is waited for. */
const PATIENCE_MS = 2_000;

/** A forecast, and whether something has happened since that another one is being made from. */
export interface Foretold {
  /** null: the first one is not ready yet. */
  readonly forecast: MoneyForecast | null;
  readonly isStale: boolean;
}

interface Kept {
  readonly version: string;
  readonly at: number;
  readonly forecast: MoneyForecast;
}

/**
 * The forecasts of lists. A forecast of a big agency takes seconds, so nobody waits for another one where there is one
 * already: it is given as it is while the next is made. It takes the last runs' word for what is shown, as warnings do.
 */
export class Outlook {
  readonly #db: Database;
  readonly #boards: readonly Board[];
  readonly #kept = new Map<number, Kept>();
  readonly #making = new Map<number, Promise<Kept>>();

  constructor(db: Database, boards: readonly Board[]) {
    this.#db = db;
    this.#boards = boards;
  }

  async of(agencyId: number, now: Date): Promise<Foretold> {
    const version = await moneyVersion(this.#db.pool, agencyId);
    const kept = this.#kept.get(agencyId);
    const isFresh = kept?.version === version && Math.abs(now.getTime() - kept.at) < KEPT_MS;
    if (kept && isFresh) return { forecast: kept.forecast, isStale: false };
    const making = this.#making.get(agencyId) ?? this.#make(agencyId, version, now);
    // Whoever asks next hears of it, and of what went wrong.
    making.catch(() => {});
    if (kept) return { forecast: kept.forecast, isStale: true };
    const made = await Promise.race([making, wait(PATIENCE_MS, null, { ref: false })]);
    return { forecast: made?.forecast ?? null, isStale: made === null };
  }

  #make(agencyId: number, version: string, now: Date): Promise<Kept> {
    const options = { days: OUTLOOK_DAYS, isRough: true, breathe };
    const making = atOneMoment(this.#db, (client) => forecastMoney(client, this.#boards, agencyId, options, now))
      .then((forecast) => {
        const kept = { version, at: now.getTime(), forecast };
        this.#kept.set(agencyId, kept);
        return kept;
      })
      .finally(() => this.#making.delete(agencyId));
    this.#making.set(agencyId, making);
    return making;
  }
}

const COVER_LABELS: Record<CoverState, string> = {
  enough: 'денег хватает',
  low: 'деньги скоро кончатся',
  short: 'денег не хватает',
  free: 'платить не за что',
};

/** @param warnDays of cover, from which on it is little */
export function coverOf(
  { endsOn, coverDays, limitedOn, dayKopecks, spentKopecks }: AccountForecast,
  { until }: Pick<MoneyForecast, 'until'>,
  warnDays: number,
): Cover {
  const state =
    coverDays === 0
      ? 'short'
      : coverDays !== null && coverDays <= warnDays
        ? 'low'
        : endsOn === null && dayKopecks + spentKopecks === 0
          ? 'free'
          : 'enough';
  return { state, label: COVER_LABELS[state], dayKopecks, endsOn, coverDays, limitedOn, until };
}

/** Marks that are told one by one. */
const TOLD = 100;

/**
 * What a top-up would do: the next run of every cabinet is played with it and without it. Nothing is booked.
 * @throws Error where the agency has no such account of its own
 */
export function topUpEffect(
  db: Database,
  boards: readonly Board[],
  agencyId: number,
  { accountId, kopecks, warnDays }: { readonly accountId: number; readonly kopecks: number; readonly warnDays: number },
  now: Date,
): Promise<TopUpEffect> {
  return atOneMoment(db, async (client) => {
    const options = { days: OUTLOOK_DAYS, breathe, contents: new Map() };
    const without = await forecastMoney(client, boards, agencyId, options, now);
    const topUps = [{ accountId, kopecks }];
    const withIt = kopecks === 0 ? without : await forecastMoney(client, boards, agencyId, { ...options, topUps }, now);
    const runs = await nextRuns(client, agencyId, {}, now);
    const shown = ({ dry }: MoneyForecast) =>
      dry.cabinets.flatMap(({ cabinet, marks }) =>
        marks.filter(({ outcome }) => outcome === 'published').map((mark) => ({ cabinet, mark })),
      );
    const keyOf = ({ cabinet, mark }: ReturnType<typeof shown>[number]) => `${cabinet.id}/${mark.listingId}`;
    const [before, after] = [new Set(shown(without).map(keyOf)), new Set(shown(withIt).map(keyOf))];
    const goOut = shown(withIt).filter((one) => !before.has(keyOf(one)));
    const standing = ({ accounts }: MoneyForecast) => accounts.find((account) => account.accountId === accountId)!;
    const next = (forecast: MoneyForecast) => forecast.dry.accounts.find(({ id }) => id === accountId)!;
    return {
      kopecks,
      before: coverOf(standing(without), without, warnDays),
      after: coverOf(standing(withIt), withIt, warnDays),
      leftKopecks: next(withIt).leftKopecks,
      neededKopecks: next(without).missingKopecks,
      missingKopecks: next(withIt).missingKopecks,
      goOut: {
        listings: new Set(goOut.map(({ mark }) => mark.listingId)).size,
        marks: goOut.length,
        data: goOut.slice(0, TOLD).map(({ cabinet, mark }) => ({
          listingId: mark.listingId,
          externalId: mark.externalId,
          cabinetId: cabinet.id,
          board: cabinet.board,
          cabinet: cabinetTitle(boards, cabinet),
          kopecks: mark.kopecks,
          runAt: runs.get(cabinet.id)!.toISOString(),
        })),
      },
      giveWay: shown(without).filter((one) => !after.has(keyOf(one))).length,
    };
  });
}
