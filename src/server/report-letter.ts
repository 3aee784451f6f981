import type { Board } from '../boards/catalogue.ts';
import { escapeText } from '../boards/formats/xml.ts';
import type { Clock } from '../clock.ts';
import type { Changes, ExportReport, ExportReportQuery } from '../contracts/export-report.ts';
import { russianDay } from '../domain/days.ts';
import { type Counts, GROUPING_LABELS, SERIES, type Series, STEP_LABELS } from '../domain/export-report.ts';
import { Refusal } from '../domain/fault.ts';
import { mailPeriod, mailTimeText, NAMES_FEW, NAMES_MANY, narrowedText } from '../domain/report-mail.ts';
import { mayDo, reachOf, refusalFor } from '../domain/rights.ts';
import { formatNumber } from '../domain/text.ts';
import { callerById } from '../store/access.ts';
import type { Database } from '../store/database.ts';
import type { Letter } from '../store/mail.ts';
import type { Subscription } from '../store/report-mail.ts';
import { agencyFrame } from '../store/settings.ts';
import { exportReportChanges } from './export-members.ts';
import { exportReport, type Reporter, reportedThrough } from './export-report.ts';
import { reportFeeds } from './listing-routes.ts';

/** The export report as a letter: with what its reader may see, the picture, the table, and one link to the screen. */

export interface LetterOptions {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly clock: Clock;
  /** Without a slash at the end; absent: the letter has no link. */
  readonly publicUrl?: string | undefined;
}

/**
 * Writes the report of a subscription as it is due at a moment.
 * @throws Refusal when the person gets no such report any more: has left, has no right, sees none of its boards
 */
export async function reportLetter(
  { db, boards, clock, publicUrl }: LetterOptions,
  subscription: Subscription,
  at: Date,
): Promise<Letter> {
  const { agencyId, employeeId, zone, weeks } = subscription;
  const reporter = await reporterFor({ db, boards, clock }, agencyId, employeeId);
  const query: ExportReportQuery = { ...subscription.query, ...mailPeriod(at, zone, weeks) };
  const report = await exportReport(reporter, query);
  const changes = await changesOf(reporter, report, query);
  const { name: agency } = await agencyFrame(db, agencyId);
  const shortly = narrowedText(report.narrowed, NAMES_FEW);
  const { exportChartPng } = await import('./export-chart.ts');
  const told: Told = {
    agency: agency.replace(/\s+/g, ' '),
    report,
    sources: report.sources.map((source, place) => tellSource(report, source, changes[place] ?? null)),
    link: publicUrl === undefined ? null : `${publicUrl}/reports?${addressWords(report, query)}`,
    end: `Этот отчёт приходит вам ${mailTimeText(subscription)}. Отключить: «Отчёты», «График выгрузки», внизу страницы «По почте».`,
  };
  return {
    subject: `Выгрузка: ${russianDay(report.from).slice(0, 5)}–${russianDay(report.until).slice(0, 5)}, ${[told.agency, ...(shortly === null ? [] : [shortly])].join(', ')}`,
    text: plainOf(told),
    html: htmlOf(told),
    png: exportChartPng(report),
  };
}

/**
 * Are the days of a subscription's report, as it is due at a moment, recorded to the last? Feeds of which nothing was
 * ever recorded are not waited for, nor is anything where the person gets no report: the letter's writer says why.
 */
export async function isReportRecorded(
  options: LetterOptions,
  { agencyId, employeeId, zone, weeks, query }: Subscription,
  at: Date,
): Promise<boolean> {
  try {
    const lastDay = await reportedThrough(await reporterFor(options, agencyId, employeeId), query);
    return lastDay === null || lastDay >= mailPeriod(at, zone, weeks).until;
  } catch (error) {
    if (error instanceof Refusal) return true;
    throw error;
  }
}

/**
 * Whoever the report is for, with what that person may see now.
 * @throws Refusal `employee-unknown`, `not-allowed`
 */
async function reporterFor(
  { db, boards, clock }: LetterOptions,
  agencyId: number,
  employeeId: number,
): Promise<Reporter> {
  const caller = await callerById(db.pool, agencyId, employeeId);
  if (!caller) throw new Refusal('employee-unknown', 'Сотрудник больше не работает.');
  if (!mayDo(caller, 'see-listings', 'anywhere')) throw new Refusal('not-allowed', refusalFor(caller, 'see-listings'));
  const reach = reachOf(caller, 'see-listings');
  return { db, agencyId, reach, ...(await reportFeeds({ db, agencyId, caller, boards })), now: clock() };
}

/**
 * Would this person get such a report?
 * @throws Refusal that says why not: boards that are not there, too many of them
 */
export async function proveMailed(
  options: LetterOptions,
  agencyId: number,
  employeeId: number,
  query: ExportReportQuery,
): Promise<void> {
  await exportReport(await reporterFor(options, agencyId, employeeId), query);
}

/** Of every board, why its last step differs from the one before. */
async function changesOf(
  reporter: Reporter,
  report: ExportReport,
  query: ExportReportQuery,
): Promise<(Changes | null)[]> {
  const last = report.steps.at(-1);
  if (!last || report.steps.length < 2) return [];
  const all: (Changes | null)[] = [];
  // What nothing is recorded of has nothing to compare.
  for (const { id, steps } of report.sources)
    all.push(
      steps.slice(-2).every(({ total }) => total !== null)
        ? await exportReportChanges(reporter, { ...query, at: last.from, source: id })
        : null,
    );
  return all;
}

/** The same question as the letter answers, in the words of the screen's address. */
function addressWords({ from, until, step, minShare, by, sources }: ExportReport, query: ExportReportQuery): string {
  // The boards that were taken without a wish are named, or the link would show others one day.
  const chosen = (kind: 'board' | 'cabinet') =>
    sources.flatMap(({ id }) => (id.startsWith(`${kind}:`) ? [id.slice(kind.length + 1)] : []));
  const { branch, department, employee, group } = query;
  const all = { from, until, step, minShare, by, board: chosen('board'), cabinet: chosen('cabinet') };
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...all, branch, department, employee, group }))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) words.append(name, String(one));
  return words.toString();
}

// ------------------------------------------------------------------------------------------------------- what is said

interface Told {
  readonly agency: string;
  readonly report: ExportReport;
  readonly sources: readonly ToldSource[];
  readonly link: string | null;
  /** Why it comes, and how it is switched off. */
  readonly end: string;
}

interface ToldSource {
  readonly title: string;
  /** What happened in the last step. */
  readonly news: string;
  readonly lines: readonly Line[];
  /** What is left out of the lines; null: nothing. */
  readonly rest: string | null;
}

interface Line {
  readonly name: string;
  /** Of a group inside a step. */
  readonly isOfGroup: boolean;
  /** null: nothing is recorded of it. */
  readonly counts: Counts | null;
}

/** A letter that is longer is cut off by the reader's program, with the link in the part that is missing. */
const LINES_MAX = 120;

function tellSource(
  report: ExportReport,
  source: ExportReport['sources'][number],
  changes: Changes | null,
): ToldSource {
  const most = Math.max(8, Math.floor(LINES_MAX / report.sources.length));
  const steps = source.steps.map(({ total, byGroup }, at): readonly Line[] => [
    { name: report.steps[at]!.label, isOfGroup: false, counts: total },
    ...byGroup
      .map((counts, group) => ({ name: report.groups[group]!.name, isOfGroup: true, counts }))
      .filter(({ counts }) => counts.marked > 0),
  ]);
  // The newest ones stay.
  let first = steps.length;
  let count = 0;
  while (first > 0 && (first === steps.length || count + steps[first - 1]!.length <= most))
    count += steps[--first]!.length;
  const lines = steps.slice(first).flat();
  const isCut = lines.length > most;
  const left = [
    ...(first > 0
      ? [`показаны последние ${formatNumber(steps.length - first)} из ${formatNumber(steps.length)} шагов`]
      : []),
    ...(isCut ? [`групп больше, чем помещается в письмо: показано ${formatNumber(most - 1)}`] : []),
  ];
  return {
    title: source.title,
    news: newsOf(source.steps.at(-1)?.total ?? null, changes),
    lines: lines.slice(0, most),
    rest: left.length === 0 ? null : `В письме ${left.join(', ')}; всё остальное – в приложении.`,
  };
}

/** «Выгружено 39 из 42 (93 %), на 3 меньше, чем шагом раньше. Ушло 4: вне срока 3, дубль 1. Пришло 1: не отмечен 1.» */
function newsOf(last: Counts | null, changes: Changes | null): string {
  if (!last) return 'За последний шаг записи ещё нет.';
  if (last.marked === 0)
    return [
      'В последнем шаге ничего не отмечено на выгрузку.',
      ...(changes ? moved('Ушло', 'left', changes) : []),
    ].join(' ');
  const share = `${Math.round((last.published / last.marked) * 100)} %`;
  const now = `В последнем шаге выгружено ${formatNumber(last.published)} из ${formatNumber(last.marked)} (${share})`;
  if (!changes) return `${now}.`;
  const { difference } = changes;
  const turned =
    difference === 0
      ? 'столько же, сколько шагом раньше'
      : `на ${formatNumber(Math.abs(difference))} ${difference > 0 ? 'больше' : 'меньше'}, чем шагом раньше`;
  return [`${now}, ${turned}.`, ...moved('Ушло', 'left', changes), ...moved('Пришло', 'came', changes)].join(' ');
}

const REASONS_MAX = 3;

function moved(what: string, which: 'left' | 'came', { reasons }: Changes): string[] {
  const own = reasons.filter((reason) => reason[which] > 0).sort((one, other) => other[which] - one[which]);
  if (own.length === 0) return [];
  const all = own.reduce((sum, reason) => sum + reason[which], 0);
  const named = own.slice(0, REASONS_MAX).map((reason) => `${reason.label} ${formatNumber(reason[which])}`);
  const rest = own.length > REASONS_MAX ? ' и другое' : '';
  return [
    `${what} ${formatNumber(all)}${which === 'came' ? ', что мешало' : ', причины'}: ${named.join(', ')}${rest}.`,
  ];
}

const HEADS: Record<Series, string> = {
  marked: 'отмечено',
  published: 'выгружено',
  blocked: 'с ошибками',
  unfunded: 'без денег',
};

const shareOf = (counts: Counts | null) =>
  !counts || counts.marked === 0 ? '–' : `${Math.round((counts.published / counts.marked) * 100)} %`;
const toldCount = (counts: Counts | null, series: Series) => (counts ? formatNumber(counts[series]) : '–');

function frameWords({ agency, report }: Told): string {
  const { narrowed, step, by, notes } = report;
  const alone = narrowedText(narrowed, NAMES_MANY);
  return `${agency}: объекты, которые вы видите в приложении, ${alone === null ? '' : `с отбором (${alone}), `}${GROUPING_LABELS[by]}, шаг – ${STEP_LABELS[step]}. ${notes.join(' ')}`;
}

const titleOf = ({ from, until }: ExportReport) => `График выгрузки ${russianDay(from)}–${russianDay(until)}`;
const NO_LINK = 'Открыть отчёт можно в приложении: «Отчёты», «График выгрузки».';

// --------------------------------------------------------------------------------------------------------- its shapes

function plainOf(told: Told): string {
  const blocks = told.sources.map(({ title, news, lines, rest }) =>
    [
      title.toUpperCase(),
      news,
      ...lines.map(
        ({ name, isOfGroup, counts }) =>
          `${isOfGroup ? '    ' : ''}${name}: ${SERIES.map((series) => `${HEADS[series]} ${toldCount(counts, series)}`).join(', ')}`,
      ),
      ...(rest === null ? [] : [rest]),
    ].join('\n'),
  );
  const link = told.link === null ? NO_LINK : `Открыть в приложении: ${told.link}`;
  return `${[titleOf(told.report), frameWords(told), ...blocks, link, told.end].join('\n\n')}\n`;
}

const INK = '#1f2933';
const FAINT = '#52606d';
const LINE = '#d5dae1';
const FONT = "font-family:'Golos Text',Arial,Helvetica,sans-serif";
const CELL = `padding:4px 8px;border-bottom:1px solid ${LINE}`;

/** Old programs do not know `&apos;`. */
const safe = (text: string) => escapeText(text).replaceAll('&apos;', '&#39;');

/** Tables and styles of single elements: what every reader's program draws. Nothing comes from anywhere else. */
function htmlOf(told: Told): string {
  const title = safe(titleOf(told.report));
  const link =
    told.link === null
      ? `<p style="margin:16px 0;font-size:14px;line-height:20px">${safe(NO_LINK)}</p>`
      : `<p style="margin:20px 0"><a href="${safe(told.link)}" style="display:inline-block;padding:10px 18px;background:#1b6e2e;color:#ffffff;font-size:15px;text-decoration:none;border-radius:4px">Открыть в приложении</a></p>`;
  return `<!doctype html>
<html lang="ru">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title></head>
<body style="margin:0;padding:0;background:#ffffff;color:${INK};${FONT}">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center" style="padding:16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:720px"><tr><td style="text-align:left;color:${INK};${FONT}">
<h1 style="margin:0 0 8px;font-size:20px;line-height:26px">${title}</h1>
<p style="margin:0 0 16px;font-size:14px;line-height:20px;color:${FAINT}">${safe(frameWords(told))}</p>
<img src="cid:chart" width="720" alt="График выгрузки; те же числа в таблицах ниже" style="display:block;width:100%;max-width:720px;height:auto;border:0">
${told.sources.map(htmlOfSource).join('\n')}
${link}
<p style="margin:16px 0 0;font-size:13px;line-height:18px;color:${FAINT}">${safe(told.end)}</p>
</td></tr></table>
</td></tr></table>
</body>
</html>
`;
}

function htmlOfSource({ title, news, lines, rest }: ToldSource): string {
  const heads = [...SERIES.map((series) => HEADS[series]), 'доля'];
  const rows = lines.map(({ name, isOfGroup, counts }) => {
    const numbers = [...SERIES.map((series) => toldCount(counts, series)), shareOf(counts)];
    const look = isOfGroup ? 'padding-left:24px;font-weight:normal' : 'font-weight:bold';
    return `<tr><th scope="row" align="left" style="${CELL};${look}">${safe(name)}</th>${numbers
      .map((number) => `<td align="right" style="${CELL}">${safe(number)}</td>`)
      .join('')}</tr>`;
  });
  return `<h2 style="margin:24px 0 4px;font-size:16px;line-height:22px">${safe(title)}</h2>
<p style="margin:0 0 8px;font-size:14px;line-height:20px">${safe(news)}</p>
<table width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;font-size:14px;line-height:20px">
<thead><tr><th scope="col" align="left" style="${CELL}">шаг</th>${heads
    .map((head) => `<th scope="col" align="right" style="${CELL}">${head}</th>`)
    .join('')}</tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table>${rest === null ? '' : `\n<p style="margin:8px 0 0;font-size:13px;line-height:18px;color:${FAINT}">${safe(rest)}</p>`}`;
}
