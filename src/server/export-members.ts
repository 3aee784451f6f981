import type { ChangeMembersQuery, Changes, ChangesQuery, Members, MembersQuery } from '../contracts/export-report.ts';
import type { ChangeReason, ReportStep } from '../domain/export-report.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import {
  countExports,
  exportChangeMembers,
  exportChanges,
  exportMembers,
  type Member,
  namedListings,
} from '../store/export-report.ts';
import { type PastReason, reasonsIn } from '../store/past-reasons.ts';
import { type Frame, frameOf, labelOf, type Reporter } from './export-report.ts';

/** What stands behind the export report: the listings of a number, and why it is another than the one before. */

function placed(
  frame: Frame,
  at: string,
  source: string,
): { readonly step: number; readonly source: Frame['sources'][number] } {
  const step = frame.steps.findIndex(({ from }) => from === at);
  const found = frame.sources.find(({ id }) => id === source);
  if (step < 0 || !found)
    throw new Refusal('cell-unknown', 'Такого столбца в этом отчёте нет: откройте его из отчёта.', 2);
  return { step, source: found };
}

const MEMBERS_MAX = 1000;

/** The listings behind a number. */
export async function exportReportMembers(
  reporter: Reporter,
  { at, source, series, of, ...query }: MembersQuery,
): Promise<Members> {
  const frame = await frameOf(reporter, query);
  const cell = placed(frame, at, source);
  const place = of === undefined ? undefined : frame.groups.findIndex(({ id }) => id === of) + 1;
  if (place === 0) throw new Refusal('cell-unknown', 'Такой группы в этом отчёте нет: откройте её из отчёта.', 2);
  const isApart = frame.by === 'crm-group' && place !== undefined;
  const groups = frame.of && frame.of[isApart ? place : 0]!;
  const step = frame.steps[cell.step]!;
  const members = await exportMembers(
    reporter.db,
    reporter.agencyId,
    cell.source,
    step,
    series,
    groups,
    isApart ? undefined : place,
  );
  return told(reporter, cell.source, step, members);
}

async function told(
  { db, agencyId, reach, columns }: Reporter,
  { cabinetIds }: Frame['sources'][number],
  step: ReportStep,
  members: readonly Member[],
): Promise<Members> {
  const shown = members.slice(0, MEMBERS_MAX);
  const ids = shown.map(({ listingId }) => listingId);
  const own = columns.map(({ id }) => id);
  const named = await namedListings(db.pool, agencyId, cabinetIds, ids, reach, own);
  const seen = ids.filter((id) => named.get(id)?.isSeen);
  const past = new Map<number, PastReason[]>();
  for (const reason of await reasonsIn(db.pool, agencyId, cabinetIds, seen, step)) {
    const { listingId } = reason;
    past.set(listingId, [...(past.get(listingId) ?? []), reason]);
  }
  return {
    total: members.length,
    data: shown.flatMap(({ listingId, outcomes }) => {
      const found = named.get(listingId);
      if (!found) return [];
      const { outcome, ...one } = found;
      const told = outcomes.map(({ outcome, days, isAmong }) => ({
        label: OUTCOME_LABELS[outcome],
        days,
        // Of the days asked for only: on others it may have been somebody else's.
        reasons: [
          ...new Set(
            (past.get(listingId) ?? [])
              .filter((one) => one.outcome === outcome && isAmong(one.from, one.until))
              .map(({ reason }) => reason),
          ),
        ],
      }));
      return [{ ...one, outcomes: told, now: outcome === null ? null : OUTCOME_LABELS[outcome] }];
    }),
  };
}

const CHANGE_LABELS: Record<ChangeReason, string> = {
  ...OUTCOME_LABELS,
  unmarked: 'не отмечен',
  moved: 'в другой части агентства',
  'too-few-days': 'в фиде меньше нужных дней',
};

/** Why the step has another number of published listings than the one before. */
export async function exportReportChanges(reporter: Reporter, query: ChangesQuery): Promise<Changes> {
  const { frame, source, steps } = await compared(reporter, query);
  const of = frame.of && frame.of[0]!;
  const reasons = await exportChanges(reporter.db, reporter.agencyId, source, steps, of);
  const group = of && { of, count: Math.max(1, frame.groups.length) };
  const [counts] = await countExports(reporter.db, reporter.agencyId, [source], [steps[0]], [group]);
  return {
    before: labelOf(steps[0]),
    after: labelOf(steps[1]),
    start: counts![0]![0]!.total.published,
    difference: reasons.reduce((sum, { left, came }) => sum + came - left, 0),
    reasons: reasons.map((one) => ({ ...one, label: CHANGE_LABELS[one.reason] })),
  };
}

/** The listings that left, or came, for one of these reasons. */
export async function exportReportChangeMembers(
  reporter: Reporter,
  { reason, way, ...query }: ChangeMembersQuery,
): Promise<Members> {
  if (!Object.hasOwn(CHANGE_LABELS, reason)) throw new Refusal('cell-unknown', 'Такой причины в этом отчёте нет.', 2);
  const { frame, source, steps } = await compared(reporter, query);
  const wanted = { reason: reason as ChangeReason, way };
  const { db, agencyId } = reporter;
  return told(
    reporter,
    source,
    steps[way === 'left' ? 1 : 0],
    await exportChangeMembers(db, agencyId, source, steps, frame.of && frame.of[0]!, wanted),
  );
}

async function compared(reporter: Reporter, { at, source, ...query }: ChangesQuery) {
  const frame = await frameOf(reporter, query);
  const cell = placed(frame, at, source);
  const [before, after] = [frame.steps[cell.step - 1], frame.steps[cell.step]!];
  if (!before)
    throw new Refusal('cell-unknown', 'До первого шага отчёта сравнивать не с чем: начните период раньше.', 2);
  return { frame, source: cell.source, steps: [before, after] as const };
}
