import { Readable } from 'node:stream';
import type { ExportReport, ExportReportQuery } from '../contracts/export-report.ts';
import { type Column, csvText, type Row, type Table } from '../domain/csv.ts';
import { SERIES, SERIES_LABELS, STEP_LABELS } from '../domain/export-report.ts';
import type { PictureShape } from '../domain/report-words.ts';
import { capital } from '../domain/text.ts';
import type { ChartTheme } from './chart.ts';
import { exportReport, type Reporter, sourceTitle } from './export-report.ts';
import { narrowedTable } from './report-units.ts';

/** The export report as a table and as files. */

/** The report as a table, each line of which says what the report is narrowed to. */
export function exportTable(report: ExportReport): Table {
  const { columns, rows } = exportLines(report);
  return narrowedTable(report.narrowed, columns, rows);
}

/** The numbers of the report: a line per board, step and group. */
export function exportLines(report: ExportReport): Table {
  const isGrouped = report.by !== 'none';
  const columns: Column[] = [
    { header: 'Доска или фид', kind: 'text', width: 22 },
    { header: `Шаг (${STEP_LABELS[report.step]})`, kind: 'text', width: 16 },
    { header: 'С', kind: 'day', width: 12 },
    { header: 'По', kind: 'day', width: 12 },
    { header: 'Нужно дней', kind: 'count', width: 12 },
    ...(isGrouped ? [{ header: 'Группа', kind: 'text', width: 24 } as const] : []),
    ...SERIES.map((series) => ({ header: capital(SERIES_LABELS[series]), kind: 'count', width: 24 }) as const),
  ];
  const rows = report.sources.flatMap(({ steps, ...source }) =>
    steps.flatMap(({ total, byGroup }, at) => {
      const { label, from, until, needed } = report.steps[at]!;
      const line = (group: string | null, counts: typeof total): Row => [
        sourceTitle(source),
        label,
        from,
        until,
        needed,
        ...(isGrouped ? [group] : []),
        ...SERIES.map((series) => counts?.[series] ?? null),
      ];
      return [
        ...report.groups.map(({ name }, group) => line(name, byGroup[group] ?? null)),
        line(isGrouped ? 'Всего' : null, total),
      ];
    }),
  );
  return { columns, rows };
}

export const EXPORT_FORMATS = ['xlsx', 'csv', 'svg', 'png'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The report as a file. @returns its name without the ending, and its bytes */
export async function exportFile(
  reporter: Reporter,
  query: ExportReportQuery,
  format: ExportFormat,
  theme?: ChartTheme,
  picture?: PictureShape,
): Promise<{ readonly name: string; readonly bytes: Readable }> {
  const report = await exportReport(reporter, query);
  return { name: exportFileName(report), bytes: await bytesOf() };

  async function bytesOf(): Promise<Readable> {
    const table = exportTable(report);
    if (format === 'csv') return Readable.from(csvText(table.columns, table.rows));
    // The libraries are loaded when the first file is asked for.
    if (format === 'xlsx') {
      const { exportWorkbook } = await import('./xlsx.ts');
      const { from, until } = report;
      const days =
        report.step === 'day'
          ? report
          : await exportReport(reporter, { ...query, from, until, step: 'day', by: 'none' });
      return whole(await exportWorkbook(report, table, exportTable(days)));
    }
    const { exportChartPng, exportChartSvg } = await import('./export-chart.ts');
    return whole(format === 'svg' ? exportChartSvg(report, theme, picture) : exportChartPng(report, theme, picture));
  }
}

export const whole = (bytes: Uint8Array | string): Readable => Readable.from([Buffer.from(bytes)]);

/** «vygruzka_2026-06-25_2026-11-21» */
const exportFileName = ({ from, until }: Pick<ExportReport, 'from' | 'until'>): string => `vygruzka_${from}_${until}`;
