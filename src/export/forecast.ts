import type { Board } from '../boards/catalogue.ts';
import { type Forecast, foretell } from '../domain/forecast.ts';
import type { Queryable } from '../store/database.ts';
import { accountsAhead, type NamedAccount } from '../store/forecast.ts';
import { agencyDay } from '../store/ledger.ts';
import { type DryRun, type DryRunOptions, dryRun } from './dry-run.ts';

/** Until when the accounts last, from the marks there are. */

export interface MoneyForecast extends Forecast {
  /** The agency's own accounts as they are now. */
  readonly owners: readonly NamedAccount[];
  /** The run that comes first. */
  readonly dry: DryRun;
}

export interface ForecastMoneyOptions extends Omit<DryRunOptions, 'cabinets'> {
  /** How many days after today are looked at. */
  readonly days: number;
  /** A dry run of all the agency's cabinets that was made at the same moment. */
  readonly dry?: DryRun;
}

/**
 * Plays the next run of every cabinet of the agency, and then day by day what money and places do.
 * @param client one that sees a single moment, where others may write meanwhile
 */
export async function forecastMoney(
  client: Queryable,
  boards: readonly Board[],
  agencyId: number,
  { days, dry: made, ...options }: ForecastMoneyOptions,
  now: Date,
): Promise<MoneyForecast> {
  const dry = made ?? (await dryRun(client, boards, agencyId, options, now));
  const today = await agencyDay(client, agencyId, now);
  const cabinets = dry.cabinets.map(({ ahead }) => ahead);
  const payingDays = [...new Set([today, ...cabinets.map((cabinet) => cabinet.today)])];
  const owners = await accountsAhead(client, agencyId, today, payingDays);
  const accounts = owners.map((account) => dry.foreseen.seen(account, payingDays));
  const play = foretell({ cabinets, accounts, today, days });
  for (;;) {
    const step = play.next();
    if (step.done) return { ...step.value, owners, dry };
    await options.breathe?.();
  }
}
