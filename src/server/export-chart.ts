import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import { BarChart, LineChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { ExportReport } from '../contracts/export-report.ts';
import { russianDay } from '../domain/days.ts';
import {
  barGap,
  barWidth,
  PICTURE,
  pictureHeight,
  SERIES,
  SERIES_LABELS,
  type Series,
  STEP_LABELS,
} from '../domain/report-words.ts';
import { sourceTitle } from './export-report.ts';

/** The export chart, drawn on the server: the one definition for the screen and for the files. */

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, AriaComponent, SVGRenderer]);

export type ChartTheme = 'light' | 'dark';
export const INK: Record<ChartTheme, { readonly text: string; readonly faint: string; readonly paper: string }> = {
  light: { text: '#1f2933', faint: '#d5dae1', paper: '#ffffff' },
  dark: { text: '#e6e9ee', faint: '#3b4350', paper: '#1b1f27' },
};

/** Colour is never alone: each series has its pattern too. */
const LOOKS: Record<Exclude<Series, 'marked'>, { readonly color: string; readonly decal: object }> = {
  published: { color: '#2f8f4e', decal: { symbol: 'none' } },
  blocked: {
    color: '#c2410c',
    decal: {
      symbol: 'rect',
      dashArrayX: [1, 0],
      dashArrayY: [3, 4],
      rotation: -Math.PI / 4,
      color: 'rgba(255,255,255,0.75)',
    },
  },
  unfunded: {
    color: '#6d4fc4',
    decal: {
      symbol: 'circle',
      symbolSize: 0.7,
      dashArrayX: [
        [5, 5],
        [0, 5, 5, 0],
      ],
      dashArrayY: [5, 0],
      color: 'rgba(255,255,255,0.8)',
    },
  },
};

const { width: WIDTH, top: TOP, plot: PLOT, gap: GAP, left, right, head } = PICTURE;

const FONTS = '@expo-google-fonts/golos-text';

/** The picture as PNG of double density, with its own letters: a server need not have any. */
export function exportChartPng(
  report: ExportReport,
  theme: ChartTheme = 'light',
  narrowed: string | null = null,
): Uint8Array {
  const { resolve } = createRequire(import.meta.url);
  const picture = new Resvg(exportChartSvg(report, theme, narrowed), {
    fitTo: { mode: 'zoom', value: 2 },
    font: {
      loadSystemFonts: false,
      fontFiles: ['400Regular', '700Bold'].map((name) => resolve(`${FONTS}/${name}/GolosText_${name}.ttf`)),
      defaultFontFamily: 'Golos Text',
    },
  });
  return picture.render().asPng();
}

/**
 * @param narrowed whose listings alone are counted, in words; null: not told
 * @returns an SVG picture: a plot for each board or feed, one below the other, all of one scale of steps
 */
export function exportChartSvg(
  report: ExportReport,
  theme: ChartTheme = 'light',
  narrowed: string | null = null,
): string {
  const ink = INK[theme];
  const height = pictureHeight(report.sources.length);
  const width = barWidth(report.steps.length);
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  const font = { fontFamily: 'Golos Text, Golos UI, Arial, sans-serif', color: ink.text };
  const labels = report.steps.map(({ label }) => label);
  const isUnfinished = report.steps.some((step) => step.isUnfinished);
  const note = isUnfinished ? '  * шаг не завершён' : '';
  chart.setOption({
    animation: false,
    backgroundColor: ink.paper,
    textStyle: font,
    aria: { enabled: true, decal: { show: true } },
    title: [
      {
        text: `Выгрузка ${russianDay(report.from)}–${russianDay(report.until)}${narrowed === null ? '' : `: ${narrowed}`}`,
        subtext: `Шаг: ${STEP_LABELS[report.step]}. Объект засчитан, если был в состоянии не меньше ${report.minShare} % дней шага.${note}`,
        left: 16,
        top: 8,
        textStyle: { ...font, fontSize: 18, width: WIDTH - 32, overflow: 'truncate' },
        subtextStyle: { ...font, fontSize: 13 },
      },
      ...report.sources.map((source, at) => ({
        text: sourceTitle(source),
        left: 16,
        top: TOP + at * (PLOT + GAP) - 4,
        textStyle: { ...font, fontSize: 14 },
      })),
    ],
    legend: { left: 8, top: 70, itemGap: 0, itemWidth: 24, textStyle: { ...font, fontSize: 12 } },
    grid: report.sources.map((_, at) => ({
      left,
      right,
      top: TOP + at * (PLOT + GAP) + head,
      height: PLOT - head,
      // The plot itself and not its labels stands where it is said to.
      outerBoundsMode: 'none' as const,
    })),
    xAxis: report.sources.map((_, gridIndex) => ({
      gridIndex,
      type: 'category',
      data: labels,
      axisLabel: { ...font, hideOverlap: true },
      axisLine: { lineStyle: { color: ink.text } },
    })),
    yAxis: report.sources.map((_, gridIndex) => ({
      gridIndex,
      type: 'value',
      minInterval: 1,
      axisLabel: font,
      splitLine: { lineStyle: { color: ink.faint } },
    })),
    series: report.sources.flatMap(({ steps }, at) =>
      SERIES.map((series) => {
        const common = { name: SERIES_LABELS[series], xAxisIndex: at, yAxisIndex: at };
        const data = steps.map(({ total }) => total[series]);
        if (series === 'marked')
          return {
            ...common,
            type: 'line' as const,
            data,
            symbol: 'diamond',
            symbolSize: 7,
            lineStyle: { color: ink.text, type: 'dashed' as const, width: 2 },
            itemStyle: { color: ink.text, decal: { symbol: 'none' } },
          };
        return { ...common, type: 'bar' as const, data, barWidth: width, barGap, itemStyle: LOOKS[series] };
      }),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
