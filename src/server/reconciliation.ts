import type { Column, Row } from '../domain/csv.ts';
import { daysBetween, russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { LIST_LABELS, type ReconciledRow, Reconciliation } from '../domain/reconcile.ts';
import type { Database } from '../store/database.ts';
import { type ReconcileFrame, reconcileDays } from '../store/reconcile.ts';
import type { Period } from '../store/statements.ts';

/** Reconciliations as tables: the same rows for the screen, the file and the command line. */

const DAYS_MAX = 366;

/**
 * The days that are compared: as named, else from the beginning of the month until today; never a day to come.
 * @throws Refusal `bad-period`
 */
export function reconcilePeriod(from: string | undefined, until: string | undefined, today: string): Period {
  const last = until ?? today;
  const first = from ?? `${(last > today ? today : last).slice(0, 8)}01`;
  if (first > last)
    throw new Refusal(
      'bad-period',
      `Период кончается (${russianDay(last)}) раньше, чем начинается (${russianDay(first)}).`,
      2,
    );
  if (first > today)
    throw new Refusal(
      'bad-period',
      `Период начинается ${russianDay(first)}, а сегодня ${russianDay(today)}: сверять ещё нечего.`,
      2,
    );
  if (daysBetween(first, last) >= DAYS_MAX)
    throw new Refusal('bad-period', `Период длиннее ${DAYS_MAX} дней: сверяйте по частям.`, 2);
  return { from: first, until: last > today ? today : last };
}

/** Is there something to tell about the row? */
export const differs = ({
  lists,
  differenceKopecks,
  plannedKopecks,
  chargedKopecks,
  heldKopecks,
  waivedKopecks,
}: ReconciledRow): boolean =>
  lists.length > 0 ||
  (differenceKopecks !== null && differenceKopecks !== 0) ||
  (plannedKopecks !== null && plannedKopecks !== chargedKopecks + heldKopecks + waivedKopecks);

/** Reads a cabinet's days through the comparison, which has its result once the rows have been run through. */
export function comparing(
  db: Database,
  cabinet: { readonly agencyId: number; readonly id: number },
  frame: ReconcileFrame,
  { from, until }: Period,
  listingId: number | null,
): { readonly reconciliation: Reconciliation; readonly rows: AsyncGenerator<ReconciledRow, void> } {
  const reconciliation = new Reconciliation(frame.tariffs, frame.sells);
  async function* rows(): AsyncGenerator<ReconciledRow, void> {
    for await (const facts of reconcileDays(db, cabinet, frame, from, until, listingId)) {
      yield* reconciliation.day(facts);
    }
  }
  return { reconciliation, rows: rows() };
}

export const RECONCILED_COLUMNS: readonly Column[] = [
  { header: 'День', kind: 'day', width: 12 },
  { header: 'Объект', kind: 'text', width: 10 },
  { header: 'Номер в источнике', kind: 'text', width: 18 },
  { header: 'Объявление', kind: 'text', width: 18 },
  { header: 'Итог дня', kind: 'text', width: 20 },
  { header: 'План, ₽', kind: 'kopecks', width: 12 },
  { header: 'Списано нами, ₽', kind: 'kopecks', width: 16 },
  { header: 'Удержано нами, ₽', kind: 'kopecks', width: 16 },
  { header: 'Не взято, ₽', kind: 'kopecks', width: 12 },
  { header: 'Списано доской, ₽', kind: 'kopecks', width: 18 },
  { header: 'Списаний доски', kind: 'count', width: 14 },
  { header: 'Разница, ₽', kind: 'kopecks', width: 12 },
  { header: 'Замечание', kind: 'text', width: 30 },
];

export async function* reconciledCells(rows: AsyncIterable<ReconciledRow>): AsyncGenerator<Row, void> {
  for await (const row of rows) {
    yield [
      row.day,
      row.listingId === null ? null : `#${row.listingId}`,
      row.externalId,
      row.advert,
      row.outcome === null ? null : OUTCOME_LABELS[row.outcome],
      row.plannedKopecks,
      row.chargedKopecks,
      row.heldKopecks,
      row.waivedKopecks,
      row.boardKopecks,
      row.boardCharges,
      row.differenceKopecks,
      row.lists.map((list) => LIST_LABELS[list]).join(', '),
    ];
  }
}
