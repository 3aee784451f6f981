import { createRequire } from 'node:module';
import PDFDocument from 'pdfkit';
import type { OwnerReport } from './owner-report.ts';

/** The owner's report on paper: its own letters in it, and every word a text that can be found and copied. */

const FONTS = '@expo-google-fonts/golos-text';
const INK = '#1c242e';
const FAINT = '#5b6675';
const LINE = '#d9dee5';
const GOOD = '#1f7a3d';
const WAIT = '#8a5200';
const MARGIN = 48;
const PHOTO_HEIGHT = 260;

/** Where the letters stand, in order; the last one takes what is left. */
const COLUMNS = [
  { name: 'Площадка', width: 96 },
  { name: 'Состояние', width: 150 },
  { name: 'В рекламе', width: 74 },
  { name: 'Когда', width: 98 },
  { name: 'Просмотров', width: 0 },
] as const;

/** What the library's types leave out. */
interface Opener {
  openImage(bytes: Buffer): { readonly width: number; readonly height: number };
}

/** @returns the bytes of an A4 document */
export async function ownerPdf(report: OwnerReport): Promise<Buffer> {
  const { resolve } = createRequire(import.meta.url);
  const { title, address, price, photo, state, isShown, totals, boards, notes, agency, agent, madeAt } = report;
  const doc = new PDFDocument({
    size: 'A4',
    margin: MARGIN,
    lang: 'ru-RU',
    displayTitle: true,
    info: { Title: `Отчёт собственнику: ${address ?? title}`, Author: agency },
  });
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<void>((done, failed) => {
    doc.on('end', done);
    doc.on('error', failed);
  });
  for (const [name, file] of [
    ['plain', '400Regular'],
    ['bold', '600SemiBold'],
  ] as const)
    doc.registerFont(name, resolve(`${FONTS}/${file}/GolosText_${file}.ttf`));
  const width = doc.page.width - 2 * MARGIN;
  const bottom = () => doc.page.height - MARGIN;
  const write = (
    text: string,
    size: number,
    options: { font?: 'plain' | 'bold'; color?: string; gap?: number } = {},
  ) => {
    doc
      .font(options.font ?? 'plain')
      .fontSize(size)
      .fillColor(options.color ?? INK)
      .text(printable(text), MARGIN, doc.y, { width }).y += options.gap ?? 4;
  };

  write(`Отчёт собственнику. ${agency}, ${madeAt}`, 9, { color: FAINT });
  write(address ?? title, 18, { font: 'bold' });
  if (address !== null) write(title, 11);
  if (price !== null) write(price, 14, { font: 'bold', gap: 8 });
  if (photo !== null) {
    const picture = (doc as unknown as Opener).openImage(photo);
    const scale = Math.min(width / picture.width, PHOTO_HEIGHT / picture.height);
    const top = doc.y;
    doc.image(photo, MARGIN, top, { width: picture.width * scale, height: picture.height * scale });
    doc.y = top + picture.height * scale + 12;
  }
  write(state, 12, { font: 'bold', color: isShown ? GOOD : WAIT, gap: 8 });
  if (totals.length > 0) write(totals.map(({ name, value }) => `${name}: ${value}`).join('      '), 11, { gap: 10 });

  if (boards.length > 0) {
    write('Где размещаем', 13, { font: 'bold', gap: 6 });
    let last = width;
    const widths = COLUMNS.map(({ width: own }) => {
      const taken = own === 0 ? last : own;
      last -= taken;
      return taken;
    });
    const row = (cells: readonly string[], font: 'plain' | 'bold', color: (at: number) => string) => {
      doc.font(font).fontSize(9.5);
      const height = Math.max(...cells.map((cell, at) => doc.heightOfString(cell, { width: widths[at]! - 8 })));
      if (doc.y + height + 10 > bottom()) doc.addPage();
      const top = doc.y + 5;
      let left = MARGIN;
      for (const [at, cell] of cells.entries()) {
        doc.fillColor(color(at)).text(cell, left, top, { width: widths[at]! - 8 });
        left += widths[at]!;
      }
      doc.y = top + height + 5;
      doc
        .moveTo(MARGIN, doc.y)
        .lineTo(MARGIN + width, doc.y)
        .lineWidth(0.6)
        .strokeColor(LINE)
        .stroke();
    };
    row(
      COLUMNS.map(({ name }) => (name === 'Просмотров' ? 'Просмотров, звонков' : name)),
      'plain',
      () => FAINT,
    );
    for (const board of boards)
      row(
        [
          board.name,
          board.taken === null ? board.state : `${board.state}; файл забирали ${board.taken}`,
          board.days,
          board.when ?? '–',
          `${board.views ?? '–'}, ${board.calls ?? '–'}`,
        ].map(printable),
        'plain',
        (at) => (at === 1 ? (board.isShown ? GOOD : WAIT) : INK),
      );
    doc.y += 8;
  }
  for (const note of notes) write(note, 9, { color: FAINT });
  doc.y += 4;
  write(`Вопросы задайте вашему агенту${agent === null ? '' : `: ${agent}`}.`, 11);
  doc.end();
  await ended;
  return Buffer.concat(chunks);
}

/** A line end of a text from outside would begin a paragraph in the middle of a row; other control signs have no shape. */
const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
