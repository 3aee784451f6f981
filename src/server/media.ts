import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import pLimit from 'p-limit';

/**
 * Pictures of the demo, drawn when first asked for: no foreign photographs, no network. A picture is a pure function
 * of its name, so an address always shows the same one.
 */

export interface MediaOptions {
  readonly dataDir: string;
}

const WIDTH = 1024;
const HEIGHT = 768;
/** `<listing>-<number>.jpg` or `.webp`, and nothing that could lead out of the folder. */
const NAME = /^[a-z]{1,16}-\d{1,9}-\d{1,2}\.(?:jpg|webp)$/;
/** From this number on a picture is a plan; from 1 to 2 it is the front of the building, else a room. */
const FIRST_PLAN = 90;
const FRONTS = 2;

/** Drawings of 1024 × 768, made when first asked for and kept in the data folder. */
export class DrawnPictures {
  readonly #folder: string;
  // Drawing takes a processor for a while; feeds must not wait for it.
  readonly #limit = pLimit(1);
  readonly #underWay = new Map<string, Promise<Buffer>>();

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'media', 'demo');
  }

  /** null: no name of a drawing. */
  async take(name: string): Promise<Buffer | null> {
    if (!NAME.test(name)) return null;
    const path = join(this.#folder, name);
    try {
      return await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    const known = this.#underWay.get(name);
    if (known) return known;
    const drawing = this.#limit(async () => {
      const bytes = await draw(name);
      await keepFile(path, bytes);
      return bytes;
    }).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, drawing);
    return drawing;
  }
}

/** Puts a file in its place, whole or not at all: two requests and a kill must not leave half a picture. */
export async function keepFile(path: string, bytes: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(draft, 'wx');
    await file.writeFile(bytes).finally(() => file.close());
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** `GET /media/demo/<listing>-<n>.jpg`, or `.webp`. */
export function mediaRoute(app: FastifyInstance, { dataDir }: MediaOptions): void {
  const drawn = new DrawnPictures(dataDir);
  const policy = { deed: 'public', token: null } as const;
  app.get<{ Params: { name: string } }>('/media/demo/:name', { config: { policy } }, async (request, reply) => {
    const bytes = await drawn.take(request.params.name);
    if (bytes === null) return reply.code(404).type('text/plain; charset=utf-8').send('Такой картинки нет.\n');
    return reply
      .header('Cache-Control', 'public, max-age=31536000, immutable')
      .header('X-Content-Type-Options', 'nosniff')
      .type(isWebp(request.params.name) ? 'image/webp' : 'image/jpeg')
      .send(bytes);
  });
}

const isWebp = (name: string) => name.endsWith('.webp');

/** The picture's bytes, 1024 × 768, in the format of its name. */
async function draw(name: string): Promise<Buffer> {
  // Loading the drawing library takes longer than starting the server.
  const { default: sharp } = await import('sharp');
  const drawn = sharp(Buffer.from(drawSvg(name)));
  return (isWebp(name) ? drawn.webp({ quality: 82 }) : drawn.jpeg({ quality: 82 })).toBuffer();
}

/** The drawing as SVG; pure. */
function drawSvg(name: string): string {
  const number = Number(/-(\d+)\.\w+$/.exec(name)?.[1] ?? 1);
  const chance = chanceOf(name);
  const body = number >= FIRST_PLAN ? plan(chance) : number <= FRONTS ? front(chance) : room(chance);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">${body}</svg>`;
}

type Chance = (from: number, to: number) => number;

/** Whole numbers out of a name: FNV-1a for the seed, mulberry32 for the rest. */
function chanceOf(name: string): Chance {
  let state = 0x811c9dc5;
  for (const char of name) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193);
  return (from, to) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return from + Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * (to - from + 1));
  };
}

const box = (x: number, y: number, width: number, height: number, fill: string, round = 0) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"${round > 0 ? ` rx="${round}"` : ''}/>`;
const circle = (x: number, y: number, radius: number, fill: string) =>
  `<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}"/>`;
const shape = (points: string, fill: string) => `<polygon points="${points}" fill="${fill}"/>`;
const tone = (hue: number, saturation: number, lightness: number) =>
  `hsl(${((hue % 360) + 360) % 360},${saturation}%,${lightness}%)`;

/** A house by the river: sky, walls, rows of windows, trees, water. */
function front(chance: Chance): string {
  const hue = chance(0, 359);
  const isEvening = chance(0, 3) === 0;
  const floors = chance(2, 12);
  const columns = chance(4, 9);
  const width = columns * 74 + 60;
  const height = Math.min(560, floors * 56 + 70);
  const left = (WIDTH - width) / 2 + chance(-60, 60);
  const top = 620 - height;
  const wall = tone(hue, 32, 72);
  const parts = [
    box(0, 0, WIDTH, HEIGHT, isEvening ? tone(28, 70, 78) : tone(204, 60, 84)),
    circle(chance(80, 940), chance(70, 180), chance(38, 58), isEvening ? '#f6a04d' : '#fff4c2'),
    box(0, 560, WIDTH, 120, tone(108, 28, isEvening ? 46 : 58)),
    box(left, top, width, height, wall),
    box(left, top - 16, width, 22, tone(hue, 34, 48)),
    box(left, 592, width, 28, tone(hue, 18, 52)),
  ];
  const step = (height - 90) / floors;
  for (let floor = 0; floor < floors; floor++) {
    for (let column = 0; column < columns; column++) {
      const x = left + 38 + column * 74;
      const y = top + 28 + floor * step;
      const isLit = isEvening && chance(0, 2) > 0;
      parts.push(box(x, y, 46, Math.min(40, step * 0.68), isLit ? '#ffe9a8' : tone(206, 34, isEvening ? 40 : 66), 3));
      if (chance(0, 4) === 0) parts.push(box(x - 5, y + Math.min(40, step * 0.68) - 10, 56, 10, tone(hue, 24, 40)));
    }
  }
  const door = left + width / 2 - 26;
  parts.push(box(door, 536, 52, 84, tone(hue, 40, 30), 4), box(door - 14, 526, 80, 10, tone(hue, 30, 40)));
  for (let tree = chance(3, 6); tree > 0; tree--) {
    const x = chance(20, 1000);
    const size = chance(34, 62);
    parts.push(
      box(x - 5, 640 - size, 10, size + 10, '#7a5a3c'),
      circle(x, 620 - size, size, tone(118 + chance(-14, 14), 34, 42)),
    );
  }
  parts.push(box(0, 672, WIDTH, 96, tone(205, 48, isEvening ? 44 : 62)));
  for (let wave = 0; wave < 7; wave++)
    parts.push(box(chance(0, 900), chance(684, 756), chance(60, 170), 4, 'rgba(255,255,255,.45)', 2));
  return parts.join('');
}

/** A room: three walls, a window, a sofa or a bed, a lamp, a picture, a rug. */
function room(chance: Chance): string {
  const hue = chance(0, 359);
  const accent = tone(hue + 160, 42, 52);
  const back = { x: 190, y: 150, width: 644, height: 380 };
  const right = back.x + back.width;
  const bottom = back.y + back.height;
  const parts = [
    shape(`0,0 ${WIDTH},0 ${right},${back.y} ${back.x},${back.y}`, tone(hue, 12, 96)),
    shape(`0,0 ${back.x},${back.y} ${back.x},${bottom} 0,${HEIGHT}`, tone(hue, 22, 84)),
    shape(`${WIDTH},0 ${right},${back.y} ${right},${bottom} ${WIDTH},${HEIGHT}`, tone(hue, 22, 78)),
    box(back.x, back.y, back.width, back.height, tone(hue, 22, 89)),
    shape(`0,${HEIGHT} ${back.x},${bottom} ${right},${bottom} ${WIDTH},${HEIGHT}`, tone(32, 38, 62)),
  ];
  for (let board = 1; board < 8; board++) {
    const far = back.x + (back.width / 8) * board;
    parts.push(
      `<line x1="${far}" y1="${bottom}" x2="${(WIDTH / 8) * board}" y2="${HEIGHT}" stroke="${tone(32, 34, 54)}" stroke-width="3"/>`,
    );
  }
  const windowX = back.x + chance(60, 340);
  parts.push(
    box(windowX - 10, 190, 230, 200, '#ffffff', 4),
    box(windowX, 200, 210, 180, tone(204, 62, 82)),
    box(windowX, 318, 210, 62, tone(112, 30, 62)),
    box(windowX + 101, 200, 8, 180, '#ffffff'),
    box(windowX - 34, 180, 40, 226, accent, 8),
    box(windowX + 206, 180, 40, 226, accent, 8),
  );
  const pictureX = windowX > 400 ? back.x + 50 : right - 150;
  parts.push(
    box(pictureX, 220, 100, 76, tone(hue + 60, 30, 40), 2),
    box(pictureX + 8, 228, 84, 60, tone(hue + 90, 46, 74)),
    circle(pictureX + 50, 262, 18, accent),
  );
  parts.push(`<ellipse cx="${chance(440, 580)}" cy="660" rx="300" ry="66" fill="${tone(hue + 160, 30, 76)}"/>`);
  if (chance(0, 1) === 0) {
    const x = chance(250, 400);
    parts.push(
      box(x, 440, 400, 110, tone(hue + 160, 34, 44), 26),
      box(x + 26, 500, 348, 90, accent, 18),
      box(x - 20, 470, 56, 130, tone(hue + 160, 34, 40), 22),
      box(x + 364, 470, 56, 130, tone(hue + 160, 34, 40), 22),
      box(x + 60, 470, 74, 60, tone(hue + 30, 52, 74), 12),
      box(x + 270, 470, 74, 60, tone(hue + 30, 52, 74), 12),
    );
  } else {
    const x = chance(240, 360);
    parts.push(
      box(x, 400, 470, 90, tone(30, 34, 42), 12),
      box(x + 10, 470, 450, 140, '#fbfaf7', 18),
      box(x + 10, 530, 450, 86, accent, 14),
      box(x + 50, 454, 150, 58, '#ffffff', 16),
      box(x + 270, 454, 150, 58, '#ffffff', 16),
      box(x + 14, 606, 26, 40, tone(30, 34, 34)),
      box(x + 430, 606, 26, 40, tone(30, 34, 34)),
    );
  }
  const lampX = chance(0, 1) === 0 ? 130 : 890;
  parts.push(
    box(lampX - 4, 360, 8, 260, '#6d6257'),
    shape(`${lampX - 50},360 ${lampX + 50},360 ${lampX + 30},290 ${lampX - 30},290`, '#ffe7ad'),
    box(lampX - 36, 616, 72, 12, '#6d6257', 6),
  );
  return parts.join('');
}

/** A plan of a flat: outer walls, two to four rooms, doors, windows. */
function plan(chance: Chance): string {
  const wall = '#37404a';
  const left = 162;
  const top = 114;
  const width = 700;
  const height = 540;
  const fills = ['#f4efe6', '#e9f1ee', '#eef0f7', '#f7edec'];
  const splitX = left + chance(260, 440);
  const splitY = top + chance(210, 330);
  const parts = [
    box(0, 0, WIDTH, HEIGHT, '#ffffff'),
    box(left, top, splitX - left, height, fills[chance(0, 3)]!),
    box(splitX, top, left + width - splitX, splitY - top, fills[chance(0, 3)]!),
    box(splitX, splitY, left + width - splitX, top + height - splitY, fills[chance(0, 3)]!),
    box(splitX - 6, top, 12, height, wall),
    box(splitX, splitY - 6, left + width - splitX, 12, wall),
  ];
  if (chance(0, 1) === 1)
    parts.push(box(left, splitY + 40, splitX - left, 12, wall), box(left + 90, splitY + 38, 84, 16, '#ffffff'));
  parts.push(
    `<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="${wall}" stroke-width="18"/>`,
    box(splitX - 8, splitY - 120, 16, 84, '#ffffff'),
    box(splitX - 8, splitY + 60, 16, 84, '#ffffff'),
    box(left + 120, top + height - 10, 92, 20, '#ffffff'),
    box(left + 60, top - 8, 160, 16, '#a9d3ee'),
    box(splitX + 60, top - 8, 130, 16, '#a9d3ee'),
    box(left + width - 8, splitY + 60, 16, 120, '#a9d3ee'),
    box(left + 40, top + 60, 150, 90, '#d6cfc2', 10),
    box(splitX + 50, top + 50, 120, 60, '#cdd9d4', 8),
    circle(left + width - 90, top + height - 80, 34, '#d9dbe6'),
  );
  return parts.join('');
}
