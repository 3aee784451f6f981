import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import { BarChart, LineChart } from 'echarts/charts';
import { AriaComponent, GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { russianDay } from '../domain/days.ts';
import { NAMES_FEW, type Narrowed, narrowedText } from '../domain/report-mail.ts';
import { legalXml } from '../domain/text.ts';

/** What the charts of the reports have in common: their letters and inks, their heading, their patterns, and how they become pictures. */

use([BarChart, LineChart, GridComponent, LegendComponent, TitleComponent, AriaComponent, SVGRenderer]);

export type ChartTheme = 'light' | 'dark';
const INK: Record<ChartTheme, { readonly text: string; readonly faint: string; readonly paper: string }> = {
  light: { text: '#1f2933', faint: '#d5dae1', paper: '#ffffff' },
  dark: { text: '#e6e9ee', faint: '#3b4350', paper: '#1b1f27' },
};

/** Colour is never alone: patterns for its side. */
export const stripes = (rotation: number) => ({
  ...{ symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [3, 4], rotation, color: 'rgba(255,255,255,0.75)' },
});
export const dots = (symbolSize: number) => ({
  ...{ symbol: 'circle', symbolSize, dashArrayY: [5, 0], color: 'rgba(255,255,255,0.8)' },
  dashArrayX: [
    [5, 5],
    [0, 5, 5, 0],
  ],
});

/** Where the heading ends: its title, what the report is narrowed to, and a line about how it is counted. */
export const HEADING = 70;

interface Charted {
  readonly from: string;
  readonly until: string;
  readonly narrowed: Narrowed;
  readonly steps: readonly { readonly isUnfinished: boolean }[];
}

export interface Brush {
  readonly font: { readonly fontFamily: string; readonly color: string };
  readonly ink: (typeof INK)[ChartTheme];
  /** «Расходы 01.11.2026–21.11.2026», and below it «Отбор: …» and the line. */
  readonly heading: (what: string, line: string) => object;
}

interface PictureSize {
  readonly width: number;
  readonly height: number;
  /** So many letters fit on a line of the heading; fewer than usual have a smaller title above them. */
  readonly lineChars?: number;
}

/**
 * Draws a chart of a report.
 * @returns SVG
 */
export function drawn(
  report: Charted,
  theme: ChartTheme,
  { lineChars = LINE_CHARS, ...size }: PictureSize,
  option: (brush: Brush) => EChartsCoreOption,
): string {
  const ink = INK[theme];
  const font = { fontFamily: 'Golos Text, Golos UI, Arial, sans-serif', color: ink.text };
  const note = report.steps.some(({ isUnfinished }) => isUnfinished) ? '  * шаг не завершён' : '';
  const heading = (what: string, line: string) => ({
    text: `${what} ${russianDay(report.from)}–${russianDay(report.until)}`,
    subtext: `${narrowedLine(report.narrowed, lineChars)}${line}${note}`,
    ...{ left: 16, top: 8, itemGap: 6 },
    textStyle: { ...font, fontSize: lineChars < LINE_CHARS ? 14 : 18 },
    subtextStyle: { ...font, fontSize: 13, lineHeight: 16 },
  });
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption({
    animation: false,
    backgroundColor: ink.paper,
    textStyle: font,
    aria: { enabled: true, decal: { show: true } },
    ...option({ font, ink, heading }),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // A name may hold what no XML may.
  return legalXml(svg);
}

/** So many letters fit on a line of the heading of a wide picture, as wide as they come: the library would cut them by a guess of its own. */
const LINE_CHARS = 140;

function narrowedLine(narrowed: Narrowed, most: number): string {
  const [few, one] = [NAMES_FEW, 1].map((names) => narrowedText(narrowed, names));
  const told = few && few.length > most ? one : few;
  if (!told) return '';
  return `Отбор: ${told.length > most ? `${told.slice(0, most - 1)}…` : told}\n`;
}

const FONTS = '@expo-google-fonts/golos-text';

/** A picture as PNG of double density, with its own letters: a server need not have any. */
export function pngOf(svg: string): Uint8Array {
  const { resolve } = createRequire(import.meta.url);
  const picture = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    font: {
      loadSystemFonts: false,
      fontFiles: ['400Regular', '700Bold'].map((name) => resolve(`${FONTS}/${name}/GolosText_${name}.ttf`)),
      defaultFontFamily: 'Golos Text',
    },
  });
  return picture.render().asPng();
}
