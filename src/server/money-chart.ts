import { BarChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { MoneyReport } from '../contracts/money-report.ts';
import { russianDay } from '../domain/days.ts';
import { formatKopecks } from '../domain/money.ts';
import { MONEY_GROUPING_LABELS } from '../domain/report-words.ts';
import { type ChartTheme, INK } from './export-chart.ts';

/** The money over time, drawn on the server as the export chart is. */

use([BarChart, GridComponent, LegendComponent, TitleComponent, AriaComponent, SVGRenderer]);

/** Groups with a colour of their own; the cheaper ones are one group. */
const SHOWN = 6;

const stripes = (rotation: number) => ({
  ...{ symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [3, 4], rotation, color: 'rgba(255,255,255,0.7)' },
});
const dots = (symbolSize: number) => ({
  ...{
    symbol: 'circle',
    symbolSize,
    dashArrayX: [
      [5, 5],
      [0, 5, 5, 0],
    ],
    dashArrayY: [5, 0],
    color: 'rgba(255,255,255,0.75)',
  },
});

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

const WIDTH = 1100;
const HEIGHT = 380;

/** @returns an SVG picture: what was spent in each step, the dearest groups one upon the other */
export function moneyChartSvg(report: MoneyReport, theme: ChartTheme = 'light'): string {
  const ink = INK[theme];
  const font = { fontFamily: 'Golos Text, Golos UI, Arial, sans-serif', color: ink.text };
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
  const note = report.steps.some(({ isUnfinished }) => isUnfinished) ? '  * шаг не завершён' : '';
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: ink.paper,
    textStyle: font,
    aria: { enabled: true, decal: { show: true } },
    title: {
      text: `Расходы ${russianDay(report.from)}–${russianDay(report.until)}`,
      subtext: `Потрачено ${formatKopecks(report.totals.spentKopecks)}, ${MONEY_GROUPING_LABELS[report.by]}.${note}`,
      left: 16,
      top: 8,
      textStyle: { ...font, fontSize: 18 },
      subtextStyle: { ...font, fontSize: 13 },
    },
    legend: { left: 8, right: 8, top: 62, itemWidth: 24, textStyle: { ...font, fontSize: 12 }, type: 'plain' },
    grid: { left: 90, right: 20, top: 118, bottom: 34 },
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
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
