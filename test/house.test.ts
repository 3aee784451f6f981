import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The plan of the house as a test: which room may use which, and that every room named here is there. */

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');

/** Room -> rooms it may import from, besides itself. */
const ROOMS: Record<string, readonly string[]> = {
  domain: [],
  boards: ['domain', 'root.ts'],
  store: ['domain', 'root.ts'],
  net: ['domain'],
  intake: ['domain', 'boards', 'store', 'net', 'clock.ts'],
  export: ['domain', 'boards', 'store', 'net', 'clock.ts', 'root.ts'],
  contracts: ['domain'],
  // Of `export` only what asks (QUESTIONS below): what publishes is the clockwork's.
  server: ['domain', 'boards', 'store', 'intake', 'net', 'contracts', 'export', 'clock.ts', 'root.ts'],
  web: ['contracts'],
  cli: ['domain', 'boards', 'store', 'intake', 'export', 'server', 'clock.ts', 'config.ts', 'fixtures'],
};

/** Packages that only some rooms may use: each outside thing has one place where it comes in. */
const PACKAGES: Record<string, readonly string[]> = {
  pg: ['store'],
  'drizzle-orm': ['store'],
  'graphile-worker': ['export'],
  'node-cron': ['export'],
  nodemailer: ['net'],
  undici: ['net', 'intake', 'export'],
  saxes: ['intake', 'boards'],
  'csv-parse': ['intake'],
  fastify: ['server'],
  '@fastify/cookie': ['server'],
  '@fastify/helmet': ['server'],
  '@fastify/rate-limit': ['server'],
  '@fastify/static': ['server'],
  '@fastify/swagger': ['server'],
  '@fastify/swagger-ui': ['server'],
  '@node-rs/argon2': ['server'],
  otpauth: ['server'],
  uqr: ['server'],
  diff: ['server'],
  react: ['web'],
  '@mantine/core': ['web'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  hucre: ['server'],
  pdfkit: ['server'],
  'libxml2-wasm': ['boards'],
  'fast-xml-parser': ['boards'],
  'libphonenumber-js': ['boards'],
  ajv: ['boards', 'server'],
  sharp: ['server', 'export'],
  'image-size': ['export'],
};

/** What of `export` the counter may ask: nothing here writes an edition, moves money or starts a run. Decision 0010. */
const QUESTIONS = [
  'explain',
  'outcomes',
  'dry-run',
  'forecast',
  'rehearsal',
  'preview',
  'editions',
  'frame',
  'judge',
  'rotation',
];

function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesOf(path) : /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

/** What a file imports: at its head, and on the way (`import()`). */
function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s*'([^']+)'/g,
    ),
  ].map((found) => (found[1] ?? found[2] ?? found[3])!);
}

/** What a file cannot be read without: neither types nor what it imports on the way. */
function needsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/(?:^|\n)(?:import|export)\s(?!type\b)(?:[^'";]*?from\s*)?'([^']+)'/g)].map(
    ([, target]) => target!,
  );
}

/** The room, or the file at the top of src, that an import leads to. */
function roomOf(from: string, target: string): string | undefined {
  if (!target.startsWith('.')) return undefined;
  const path = join(from, '..', target);
  const inside = relative(SRC, path);
  return inside.startsWith('..') ? relative(ROOT, path).split('/')[0] : inside.split('/')[0];
}

describe('the house', () => {
  it.each(Object.keys(ROOMS))('room %s is there and not empty', (room) => {
    expect(existsSync(join(SRC, room))).toBe(true);
    expect(filesOf(join(SRC, room)).length).toBeGreaterThan(0);
  });

  it('has no room that is not in the plan', () => {
    const rooms = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms.map((entry) => entry.name).sort()).toEqual(Object.keys(ROOMS).sort());
  });

  it.each(Object.entries(ROOMS))('room %s imports only what it may', (room, allowed) => {
    const wrong = filesOf(join(SRC, room)).flatMap((path) =>
      importsOf(path).flatMap((target) => {
        const other = roomOf(path, target);
        const isAllowed = other === undefined || other === room || allowed.includes(other);
        return isAllowed ? [] : [`${relative(ROOT, path)} -> ${target}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('lets the counter ask the clockwork, and never do its work', () => {
    const wrong = filesOf(join(SRC, 'server')).flatMap((path) =>
      importsOf(path)
        .filter((target) => target.includes('/export/'))
        .filter((target) => !QUESTIONS.some((question) => target.endsWith(`/export/${question}.ts`)))
        .map((target) => `${relative(ROOT, path)} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('lets packages in at their own door only', () => {
    const wrong = filesOf(SRC).flatMap((path) =>
      importsOf(path).flatMap((target) => {
        const name = target.startsWith('@') ? target.split('/').slice(0, 2).join('/') : target.split('/')[0]!;
        const doors = PACKAGES[name];
        const room = relative(SRC, path).split('/')[0]!;
        return doors === undefined || doors.includes(room) ? [] : [`${relative(ROOT, path)} -> ${target}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps the law pure: domain imports itself, typebox and temporal-polyfill', () => {
    const foreign = filesOf(join(SRC, 'domain')).flatMap((path) =>
      importsOf(path).filter((target) => !target.startsWith('.')),
    );
    expect(new Set(foreign.filter((target) => target !== 'typebox' && target !== 'temporal-polyfill'))).toEqual(
      new Set(),
    );
  });

  it('starts the command line without reading the program: the help needs commander alone', () => {
    const read = new Set<string>();
    const packages = new Set<string>();
    const visit = (path: string) => {
      if (read.has(path)) return;
      read.add(path);
      for (const target of needsOf(path)) {
        if (target.startsWith('.')) visit(join(path, '..', target));
        else if (!target.startsWith('node:')) packages.add(target);
      }
    };
    visit(join(SRC, 'main.ts'));
    expect(read).toContain(join(SRC, 'cli/menu.ts'));
    expect([...packages]).toEqual(['commander']);
  });

  it('keeps SQL in the store', () => {
    const wrong = filesOf(SRC)
      .filter((path) => !path.startsWith(join(SRC, 'store')))
      .filter((path) =>
        /\b(?:insert into|delete from|update \w+ set|select [\w*., ]+ from)\b/i.test(readFileSync(path, 'utf8')),
      )
      .map((path) => relative(ROOT, path));
    expect(wrong).toEqual([]);
  });

  it('counts money in whole kopecks only', () => {
    const wrong = [
      ...['money', 'ledger', 'tariff', 'funding'].map((name) => join(SRC, 'domain', `${name}.ts`)),
      ...['ledger', 'billing'].map((name) => join(SRC, 'store', `${name}.ts`)),
    ]
      .filter((path) =>
        /\b(?:parseFloat|toFixed|toPrecision|Math\.round|numeric|float8?|real)\b/.test(readFileSync(path, 'utf8')),
      )
      .map((path) => relative(ROOT, path));
    expect(wrong).toEqual([]);
  });

  it('knows no board by name outside the format codecs', () => {
    const boards = readdirSync(join(ROOT, 'board-rules'))
      .filter((name) => name.endsWith('.json') && !name.startsWith('_'))
      .map((name) => name.replace('.json', ''))
      // The three families carry the names of their boards, m2 is also a unit of ours, and money moves.
      .filter((name) => !['avito', 'cian', 'yandex', 'm2', 'move'].includes(name));
    const wrong = filesOf(SRC)
      .filter((path) => !relative(SRC, path).startsWith('boards/formats'))
      // The demo and the help texts show boards as examples; they decide nothing by them.
      .filter((path) => !relative(SRC, path).startsWith('cli/'))
      .filter((path) => boards.some((board) => readFileSync(path, 'utf8').includes(`'${board}'`)))
      .map((path) => relative(ROOT, path));
    expect(wrong).toEqual([]);
  });
});
