import type { ExportReport } from '../contracts/export-report.ts';
import {
  barGap,
  barWidth,
  PICTURE,
  type PictureShape,
  pictureHeight,
  SERIES,
  SERIES_LABELS,
  type Series,
  STEP_LABELS,
} from '../domain/report-words.ts';
import { type ChartTheme, dots, drawn, HEADING, pngOf, stripes } from './chart.ts';
import { sourceTitle } from './export-report.ts';

/** The export chart, drawn on the server: the one definition for the screen and for the files. */

/** Colour is never alone: each series has its pattern too. */
const LOOKS: Record<Exclude<Series, 'marked'>, { readonly color: string; readonly decal: object }> = {
  published: { color: '#2f8f4e', decal: { symbol: 'none' } },
  blocked: { color: '#c2410c', decal: stripes(-Math.PI / 4) },
  unfunded: { color: '#6d4fc4', decal: dots(0.7) },
};

/** {@link exportChartSvg} as PNG. */
export const exportChartPng = (report: ExportReport, theme?: ChartTheme, picture?: PictureShape): Uint8Array =>
  pngOf(exportChartSvg(report, theme, picture));

/** So many letters fit on a line of a narrow picture. */
const NARROW_LINE = 44;

/** @returns an SVG picture: a plot for each board or feed, one below the other, all of one scale of steps */
export function exportChartSvg(report: ExportReport, theme: ChartTheme = 'light', picture = PICTURE): string {
  const { top: TOP, plot: PLOT, gap: GAP, left, right, head } = picture;
  const isNarrow = picture.width < PICTURE.width;
  const height = pictureHeight(report.sources.length, picture);
  const width = barWidth(report.steps.length, picture);
  const size = { width: picture.width, height, ...(isNarrow && { lineChars: NARROW_LINE }) };
  const labels = report.steps.map(({ label }) => label);
  // On a telephone it stands beside the picture.
  const counting = ` Объект засчитан, если был в состоянии не меньше ${report.minShare} % дней шага; отмеченный – если хотя бы день.`;
  return drawn(report, theme, size, ({ font, ink, heading }) => ({
    title: [
      heading('Выгрузка', `Шаг: ${STEP_LABELS[report.step]}.${isNarrow ? '' : counting}`),
      ...report.sources.map((source, at) => ({
        text: sourceTitle(source),
        left: 16,
        top: TOP + at * (PLOT + GAP) - 4,
        textStyle: { ...font, fontSize: 14, width: picture.width - 24, overflow: 'truncate' as const },
      })),
    ],
    legend: {
      ...(isNarrow ? { orient: 'vertical' as const, itemGap: 4 } : { itemGap: 0 }),
      ...{ left: 8, top: HEADING, itemWidth: 24, textStyle: { ...font, fontSize: 12 } },
    },
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
        const data = steps.map(({ total }) => total?.[series] ?? null);
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
  }));
}
