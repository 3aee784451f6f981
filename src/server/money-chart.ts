import type { MoneyReport } from '../contracts/money-report.ts';
import { formatKopecks } from '../domain/money.ts';
import { MONEY_GROUPING_LABELS } from '../domain/report-words.ts';
import { type ChartTheme, dots, drawn, HEADING, pngOf, stripes } from './chart.ts';

/** The money over time, drawn on the server as the export chart is. */

/** Groups with a colour of their own; the cheaper ones are one group. */
const SHOWN = 6;

/** Colour is never alone: each group has its pattern too. */
const LOOKS = [
  { color: '#2f6fb5', decal: { symbol: 'none' } },
  { color: '#c2410c', decal: stripes(-Math.PI / 4) },
  { color: '#2f8f4e', decal: dots(0.7) },
  { color: '#6d4fc4', decal: stripes(Math.PI / 4) },
  { color: '#a16207', decal: stripes(0) },
  { color: '#0f766e', decal: stripes(Math.PI / 2) },
  { color: '#7b8794', decal: dots(0.4) },
] as const;

/** {@link moneyChartSvg} as PNG. */
export const moneyChartPng = (report: MoneyReport, theme?: ChartTheme): Uint8Array =>
  pngOf(moneyChartSvg(report, theme));

/** @returns an SVG picture: what was spent in each step, the dearest groups one upon the other */
export function moneyChartSvg(report: MoneyReport, theme: ChartTheme = 'light'): string {
  const spent = report.rows.filter(({ steps }) => steps.some((kopecks) => kopecks !== 0));
  const rest = spent.slice(SHOWN);
  const groups = [
    ...spent.slice(0, SHOWN),
    ...(rest.length > 0
      ? [
          {
            name: 'остальные',
            steps: report.steps.map((_, at) => rest.reduce((sum, { steps }) => sum + steps[at]!, 0)),
          },
        ]
      : []),
  ];
  return drawn(report, theme, { width: 1100, height: 390 }, ({ font, ink, heading }) => ({
    title: heading(
      'Расходы',
      `Потрачено ${formatKopecks(report.totals.spentKopecks)}, ${MONEY_GROUPING_LABELS[report.by]}.`,
    ),
    legend: { left: 8, right: 8, top: HEADING, itemWidth: 24, textStyle: { ...font, fontSize: 12 }, type: 'plain' },
    grid: { left: 90, right: 20, top: 128, bottom: 34 },
    xAxis: {
      type: 'category',
      data: report.steps.map(({ label }) => label),
      axisLabel: { ...font, hideOverlap: true },
      axisLine: { lineStyle: { color: ink.text } },
    },
    yAxis: {
      type: 'value',
      axisLabel: { ...font, formatter: (kopecks: number) => formatKopecks(Math.round(kopecks)) },
      splitLine: { lineStyle: { color: ink.faint } },
    },
    series: groups.map(({ name, steps }, at) => ({
      ...{ name, type: 'bar' as const, stack: 'spent', data: [...steps], barMaxWidth: 60 },
      itemStyle: LOOKS[at]!,
    })),
  }));
}
