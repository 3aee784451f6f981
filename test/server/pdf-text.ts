import { inflateSync } from 'node:zlib';

/** The words of a PDF as a reader copies them: the letters of each font by its own table. For small files of ours only. */
export function pdfText(pdf: Buffer): {
  readonly text: string;
  readonly fonts: readonly string[];
  readonly images: number;
} {
  const source = pdf.toString('latin1');
  const objects = new Map<string, string>();
  for (const [, id, body] of source.matchAll(/(?:^|\n)(\d+) 0 obj\n([\s\S]*?)\nendobj/g)) objects.set(id!, body!);
  const streamOf = (body: string): Buffer => {
    const at = body.indexOf('stream\n') + 'stream\n'.length;
    const bytes = Buffer.from(body.slice(at, body.lastIndexOf('\nendstream')), 'latin1');
    return body.includes('/FlateDecode') ? inflateSync(bytes) : bytes;
  };
  const fonts = new Map<string, Map<string, string>>();
  const names: string[] = [];
  for (const body of objects.values()) {
    for (const [, name, id] of body.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const font = objects.get(id!)!;
      const table = /\/ToUnicode (\d+) 0 R/.exec(font)?.[1];
      names.push(/\/BaseFont \/([\w+-]+)/.exec(font)?.[1] ?? '');
      if (table) fonts.set(name!, lettersOf(streamOf(objects.get(table)!).toString('latin1')));
    }
  }
  let text = '';
  for (const body of objects.values()) {
    if (!body.includes('stream\n') || /\/(?:Subtype|FunctionType|Length1)/.test(body)) continue;
    const content = streamOf(body).toString('latin1');
    if (!content.includes(' TJ') && !content.includes(' Tj')) continue;
    let letters = new Map<string, string>();
    for (const [, font, array, one] of content.matchAll(/\/(F\d+) [\d.]+ Tf|\[([^\]]*)\] TJ|<([0-9a-f]+)> Tj/g)) {
      if (font) letters = fonts.get(font) ?? new Map();
      else {
        const codes = [...(array ?? `<${one}>`).matchAll(/<([0-9a-f]*)>/g)].map(([, hex]) => hex!).join('');
        text += `${(codes.match(/.{4}/g) ?? []).map((code) => letters.get(code) ?? '\u{fffd}').join('')}\n`;
      }
    }
  }
  return {
    text,
    fonts: [...new Set(names)],
    images: [...objects.values()].filter((body) => body.includes('/DCTDecode')).length,
  };
}

function lettersOf(table: string): Map<string, string> {
  const letters = new Map<string, string>();
  const told = (hex: string) => Buffer.from(hex, 'hex').swap16().toString('utf16le');
  for (const [, from, , list] of table.matchAll(/<([0-9a-f]{4})> <([0-9a-f]{4})> \[([^\]]*)\]/gi)) {
    let code = Number.parseInt(from!, 16);
    for (const [, hex] of list!.matchAll(/<([0-9a-f]+)>/gi))
      letters.set((code++).toString(16).padStart(4, '0'), told(hex!));
  }
  return letters;
}
