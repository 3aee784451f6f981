import { strFromU8, unzipSync } from 'fflate';
import { readXlsx } from 'hucre/xlsx';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExportReport, ExportReportQuery } from '../../src/contracts/export-report.ts';
import { NARROW_PICTURE, PICTURE, pointedAt, SERIES_LABELS, type Series } from '../../src/domain/report-words.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import { exportChartPng, exportChartSvg } from '../../src/server/export-chart.ts';
import { type ExportFormat, exportFile, exportTable } from '../../src/server/export-files.ts';
import {
  exportReportChangeMembers,
  exportReportChanges,
  exportReportMembers,
} from '../../src/server/export-members.ts';
import { exportReport, type Reporter } from '../../src/server/export-report.ts';
import { reportChoices } from '../../src/server/report-units.ts';
import { listTransitions } from '../../src/store/cards.ts';
import { type PlayedDemo, playedDemo } from '../played.ts';
import { greys } from './greys.ts';

/** The export report of the demo: what it refuses, what stands behind its numbers, and its files. */

let demo: PlayedDemo;
let reporter: Reporter;
let report: ExportReport;
const HALF_A_YEAR = { from: '2026-06-23', until: '2026-11-19', step: 'month', by: 'branch' } as const;

beforeAll(async () => {
  demo = await playedDemo();
  reporter = {
    db: demo.db,
    agencyId: demo.agencyId,
    reach: REACH_ALL,
    columns: demo.cabinets.map(({ id, board, slug }) => ({ id, board, boardName: board, title: slug })),
    now: demo.context.clock(),
  };
  report = await exportReport(reporter, HALF_A_YEAR);
}, 240_000);
afterAll(() => demo?.drop());

describe('the export report', () => {
  it('takes 150 days and five boards, and says why not more', async () => {
    expect(report.sources).toHaveLength(5);
    expect(report.steps.map(({ days }) => days).reduce((sum, days) => sum + days)).toBe(150);
    await expect(exportReport(reporter, { ...HALF_A_YEAR, from: '2026-06-22' })).rejects.toMatchObject({
      code: 'period-too-long',
      message: expect.stringContaining('их 151'),
    });
    const board = demo.cabinets.map((cabinet) => cabinet.board);
    expect(new Set(board).size).toBe(6);
    await expect(exportReport(reporter, { ...HALF_A_YEAR, board })).rejects.toMatchObject({
      code: 'too-many-sources',
      message: expect.stringContaining('выбрано 6'),
    });
    await expect(exportReport(reporter, { until: '2026-12-31' })).rejects.toMatchObject({ code: 'bad-period' });
    await expect(exportReport(reporter, { board: ['no-such'] })).rejects.toMatchObject({ code: 'source-unknown' });
  });

  it('shows in the demo months in which a fault or an empty account kept listings off a board', async () => {
    const monthly = await exportReport(reporter, { ...HALF_A_YEAR, step: 'month', minShare: 50, board: ['yandex'] });
    const past = monthly.sources[0]!.steps.slice(0, -1).map(({ total }) => total);
    for (const series of ['blocked', 'unfunded'] as const) {
      expect(past.filter((total) => total![series] > 0)).toHaveLength(1);
    }
  });

  it('says of a past fault what was said then, and the history of the listing says the same', async () => {
    const query = { ...HALF_A_YEAR, step: 'month' as const, minShare: 50, board: ['yandex'] };
    const [source] = (await exportReport(reporter, query)).sources;
    const at = source!.steps.findIndex(({ total }) => total!.blocked > 0);
    const cell = { ...query, at: report.steps[at]!.from, source: source!.id, series: 'blocked' as const };
    const { data } = await exportReportMembers(reporter, cell);
    for (const { id, now, outcomes } of data) {
      expect(now).not.toBe('с ошибками');
      const { reasons } = outcomes.find(({ label }) => label === 'с ошибками')!;
      expect(reasons).toEqual([expect.stringMatching(/площадь/i)]);
      const history = await listTransitions(demo.db.pool, demo.agencyId, id);
      expect(history.filter(({ reason }) => reason === reasons[0]).length).toBeGreaterThan(0);
      for (const { outcome, reason } of history)
        if (outcome === 'published' || outcome === 'unmarked') expect(reason).toBeNull();
    }
  });

  it('opens every number, and tells the difference to the step before', async () => {
    const source = report.sources[0]!;
    const last = report.steps.length - 1;
    const cell = { ...HALF_A_YEAR, at: report.steps[last]!.from, source: source.id };
    const { total: known, byGroup } = source.steps[last]!;
    const total = known!;
    expect(total.marked).toBeGreaterThan(100);
    expect(await exportReportMembers(reporter, { ...cell, series: 'marked' })).toMatchObject({ total: total.marked });
    for (const [at, { id }] of report.groups.entries())
      expect(await exportReportMembers(reporter, { ...cell, series: 'published', of: id })).toMatchObject({
        total: byGroup[at]!.published,
      });
    const changes = await exportReportChanges(reporter, cell);
    expect(changes).toMatchObject({
      start: source.steps[last - 1]!.total!.published,
      difference: total.published - source.steps[last - 1]!.total!.published,
    });
    expect(changes.reasons.length).toBeGreaterThan(0);
    for (const { reason, ...counts } of changes.reasons)
      for (const way of ['left', 'came'] as const)
        expect(await exportReportChangeMembers(reporter, { ...cell, reason, way })).toMatchObject({
          total: counts[way],
        });
    await expect(exportReportMembers(reporter, { ...cell, at: '2026-11-02', series: 'marked' })).rejects.toMatchObject({
      code: 'cell-unknown',
    });
  });

  it('tells of each listing what became of it on the days of the step, and what stops it now', async () => {
    const any = { ...HALF_A_YEAR, step: 'week', minShare: 0 } as const;
    const weekly = await exportReport(reporter, any);
    const [step] = weekly.steps.slice(-1);
    const source = weekly.sources.find(({ steps }) => steps.at(-1)!.total!.blocked > 0)!;
    const cell = { ...any, at: step!.from, source: source.id, series: 'blocked' } as const;
    const { data } = await exportReportMembers(reporter, cell);
    expect(data.length).toBeGreaterThan(0);
    for (const { outcomes } of data) {
      expect(outcomes.find(({ label }) => label === 'с ошибками')!.days).toBeGreaterThanOrEqual(step!.needed);
      expect(outcomes.reduce((sum, { days }) => sum + days, 0)).toBeLessThanOrEqual(step!.days);
    }
    const stopped = data.find(({ now }) => now === 'с ошибками')!;
    expect(stopped.reason).toMatch(/[а-я]/i);
  });

  it('can be narrowed to the people and units that had listings', async () => {
    const { branches, employees, groups } = await reportChoices(demo.db, demo.agencyId, REACH_ALL);
    expect(branches.map(({ name }) => name)).toEqual(
      report.groups.filter(({ id }) => id !== 0).map(({ name }) => name),
    );
    const byPerson = await exportReport(reporter, { ...HALF_A_YEAR, by: 'employee' });
    const at = byPerson.groups.findIndex(({ id }) => id === employees[0]!.id);
    const one = await exportReport(reporter, { ...HALF_A_YEAR, by: 'none', employee: [employees[0]!.id] });
    expect(one.sources.map(({ steps }) => steps.map(({ total }) => total))).toEqual(
      byPerson.sources.map(({ steps }) => steps.map(({ byGroup }) => byGroup[at] ?? null)),
    );
    expect(groups.length).toBeGreaterThan(0);
  });

  it('counts nobody beyond what its reader may see', async () => {
    const [branch] = report.groups;
    const reach = { isAll: false, branchIds: [branch!.id], departmentIds: [], employeeId: null };
    const own = await exportReport({ ...reporter, reach }, HALF_A_YEAR);
    expect(own.groups).toEqual([branch]);
    expect(own.sources.map(({ steps }) => steps.map(({ total }) => total))).toEqual(
      report.sources.map(({ steps }) => steps.map(({ byGroup }) => byGroup[0] ?? null)),
    );
  });
});

describe('a listing that has gone to another branch', () => {
  it('still counts for its old one, and nothing more is told of it there', async () => {
    const [branch, other] = report.groups;
    const reach = { isAll: false, branchIds: [branch!.id], departmentIds: [], employeeId: null };
    const at = report.steps.at(-1)!.from;
    const cell = { ...HALF_A_YEAR, at, source: report.sources[0]!.id, series: 'marked' } as const;
    const before = await exportReportMembers({ ...reporter, reach }, cell);
    const gone = before.data.find(({ employee }) => employee !== null)!;
    expect(gone.isSeen).toBe(true);
    await demo.db.pool.query('update listing set branch_id = $3, employee_id = null where agency_id = $1 and id = $2', [
      demo.agencyId,
      gone.id,
      other!.id,
    ]);
    const after = await exportReportMembers({ ...reporter, reach }, cell);
    expect(after.total).toBe(before.total);
    expect(after.data.find(({ id }) => id === gone.id)).toMatchObject({
      title: 'теперь не в вашей части агентства',
      isSeen: false,
      employee: null,
      now: null,
    });
  });
});

describe('its files', () => {
  it('are a workbook with a native chart for each board, the table and its days', async () => {
    const { name, bytes } = await exportFile(reporter, HALF_A_YEAR, 'xlsx');
    expect(name).toBe('vygruzka_2026-06-23_2026-11-19');
    const file = Buffer.concat(await bytes.toArray());
    const book = await readXlsx(file);
    expect(book.sheets.map(({ name }) => name)).toEqual(['График', 'Таблица', 'Дни', 'Данные графика']);
    const [chart, table, days, data] = book.sheets;
    expect(chart!.charts).toHaveLength(5);
    expect(chart!.pageSetup).toMatchObject({ orientation: 'landscape', fitToPage: true });
    const sheet = strFromU8(unzipSync(file)['xl/worksheets/sheet1.xml']!);
    // Rows are counted from one there; a break stands after its row.
    const breaks = [...sheet.matchAll(/<brk id="(\d+)"/g)].map(([, id]) => Number(id));
    expect(breaks).toEqual(chart!.charts!.slice(1).map(({ anchor }) => anchor!.from.row));
    expect(data!.rows[0]).toEqual(['Доска или фид', 'Шаг', ...Object.values(SERIES_LABELS)]);
    expect(data!.rows[1]!.slice(2)).toEqual(Object.values(report.sources[0]!.steps[0]!.total!));
    expect(table!.rows).toHaveLength(1 + exportTable(report).rows.length);
    expect(days!.rows).toHaveLength(1 + 150 * 5);
    const fills = strFromU8(unzipSync(file)['xl/charts/chart1.xml']!).matchAll(/<c:spPr><a:(\w+)(?: prst="(\w+)")?/g);
    expect(new Set([...fills].map(([, fill, pattern]) => `${fill} ${pattern ?? ''}`)).size).toBe(4);
  });

  it('say what they are narrowed to, each in its own way', async () => {
    const { branches, employees, groups } = await reportChoices(demo.db, demo.agencyId, REACH_ALL);
    const feed = demo.cabinets[1]!;
    const query = { ...HALF_A_YEAR, cabinet: [feed.id], branch: branches.slice(0, 3).map(({ id }) => id) };
    const wish = { ...query, employee: [employees[0]!.id], group: [groups[0]!.id] };
    const rest = `; сотрудник ${employees[0]!.name}; группа CRM «${groups[0]!.name}»; фид «${feed.slug}»`;
    const [one, two, three] = branches.map(({ name }) => `«${name}»`);
    const whole = `филиалы ${one}, ${two}, ${three}${rest}`;
    const short = `филиалы ${one}, ${two} и ещё 1${rest}`;
    const file = async (format: ExportFormat, asked: ExportReportQuery) =>
      Buffer.concat(
        (await (await exportFile(reporter, asked, format)).bytes.toArray()).map((part) => Buffer.from(part)),
      );
    const [head, ...lines] = (await file('csv', wish)).toString().trim().split('\r\n');
    expect(head).toMatch(/;Отбор$/);
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) expect(line.replaceAll('"', '')).toContain(whole);
    const book = await file('xlsx', wish);
    const [chart, table, days] = (await readXlsx(book)).sheets;
    expect(chart!.rows.slice(0, 2)).toEqual([['Выгрузка 23.06.2026–19.11.2026'], [`Отбор: ${whole}`]]);
    for (const sheet of [table, days])
      expect(sheet!.rows.every((row) => /^Отбор$|^филиалы/.test(`${row.at(-1)}`))).toBe(true);
    // On paper: above every page, as many names as there is room for, and not once more in every line.
    const [pages, , above] = strFromU8(unzipSync(book)['xl/worksheets/sheet2.xml']!).match(
      /<oddHeader>&amp;L(.*)\n(.*)/,
    )!;
    expect(pages).toContain('Выгрузка 23.06.2026–19.11.2026');
    expect(above).toContain('Отбор: филиалы');
    expect(table!.rows[0]!.slice(-2)).toEqual(['Недостаточно средств', 'Отбор']);
    expect(table!.pageSetup?.printArea).toBe(`$A$1:$J$${table!.rows.length}`);
    expect(strFromU8(unzipSync(book)['xl/workbook.xml']!)).toContain(`'Данные графика'!$A$1:$F$`);
    expect(strFromU8(unzipSync(book)['xl/charts/chart1.xml']!)).toContain(`19.11.2026, ${short}`);
    expect((await file('svg', wish)).toString()).toContain(`Отбор: ${short}`);
    // There is ink on the second line of the heading, and none without a filter, where the legend comes later.
    const inked = async (asked: ExportReportQuery) =>
      Math.min(...(await greys(await file('png', asked), { left: 30, top: 112, width: 700, height: 18 })));
    expect(await inked(wish)).toBeLessThan(120);
    expect(await inked(HALF_A_YEAR)).toBeGreaterThan(200);
    for (const format of ['csv', 'svg'] as const)
      expect((await file(format, HALF_A_YEAR)).toString()).not.toContain('Отбор');
  });

  it.each([
    ['wide', PICTURE],
    ['narrow', NARROW_PICTURE],
  ])('are a %s picture whose columns stand where a pointer finds them', async (_, picture) => {
    const report = await exportReport(reporter, { ...HALF_A_YEAR, step: 'week', minShare: 0 });
    const svg = exportChartSvg(report, 'light', picture);
    expect(svg).toContain(`width="${picture.width}"`);
    const colors = { published: '#2f8f4e', blocked: '#c2410c', unfunded: '#6d4fc4' };
    for (const [series, color] of Object.entries(colors)) {
      const drawn = [
        ...svg.matchAll(new RegExp(`<path d="M([\\d.]+) ([\\d.]+)l([\\d.]+) 0l0 (-[\\d.]+)[^>]* fill="${color}"`, 'g')),
      ]
        .map(([, x, y, width]) => ({ x: Number(x) + Number(width) / 2, y: Number(y) - 0.5 }))
        .filter(({ y }) => y > picture.top);
      const counted = report.sources.flatMap(({ steps }, source) =>
        steps.flatMap(({ total }, step) => ((total?.[series as Series] ?? 0) > 0 ? [{ source, step, series }] : [])),
      );
      expect(counted.length).toBeGreaterThan(4);
      expect(drawn.map((point) => pointedAt(point, report.sources.length, report.steps.length, picture))).toEqual(
        counted,
      );
    }
    expect(pointedAt({ x: 300, y: 20 }, 5, 6, picture)).toBeNull();
    const beside = { x: picture.left + 2, y: picture.top + 60 };
    expect(pointedAt(beside, 5, 6, picture)).toEqual({ source: 0, step: 0, series: 'marked' });
  });

  it('are a picture in which every series has a pattern of its own, with letters that need no fonts of the machine', async () => {
    const svg = exportChartSvg(report);
    for (const label of Object.values(SERIES_LABELS)) expect(svg).toContain(label);
    const patterns = [...svg.matchAll(/<pattern[^>]* id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(patterns).size).toBeGreaterThanOrEqual(2);
    const png = sharp(exportChartPng(report));
    const { width, height } = await png.metadata();
    expect([width, height]).toEqual([2200, expect.any(Number)]);
    // The heading is drawn: there is ink where its letters stand.
    const heading = await greys(exportChartPng(report), { left: 30, top: 20, width: 700, height: 40 });
    expect(Math.min(...heading)).toBeLessThan(80);
    expect(heading.reduce((sum, grey) => sum + grey) / heading.length).toBeGreaterThan(150);
  });
});
