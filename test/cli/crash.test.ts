import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoListings } from '../../fixtures/agency.ts';
import { inspectEdition } from '../../src/boards/formats/inspect.ts';
import { yandex } from '../../src/boards/formats/yandex.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { runHereWith } from './here.ts';
import { run, start, temporaryFolder } from './run.ts';

/** Real processes killed at bad moments: the last good edition stays, and the next start recovers by itself. */

let home: Awaited<ReturnType<typeof temporaryFolder>>;
const env = () => ({ DATA_DIR: join(home.path, 'data') });
/** What is not to be killed runs in this process. */
const ask = (...args: string[]) => runHereWith(env(), ...args);
/** Somebody is always there, or every command would start the server and stop it; that is another test's matter. */
let keeper: Database;
const cwd = process.cwd();

function feedOf(listings: readonly Listing[]): string {
  return `${yandex.header('2026-11-21T09:00:00+00:00')}${listings.map((listing) => yandex.render(listing)).join('')}${yandex.footer}`;
}

/** Who is killed is held up until then, so that a few are enough. */
const listings = demoListings(process.env.VYGRUZKA_LONG ? 3000 : 300).filter((listing) => listing.kind !== 'bed');

/** The same base with another price everywhere, so that a publish has everything to do. */
async function load(turn: number): Promise<void> {
  const changed = listings.map((listing) => ({
    ...listing,
    priceKopecks: (listing.priceKopecks ?? 100_00) + turn * 100_00,
  }));
  await writeFile(join(home.path, 'feed.xml'), feedOf(changed));
  const { code, stderr } = await ask('import', 'feed.xml', '--confirm-loss', '-q');
  expect([0, 3], stderr).toContain(code);
}

const editions = () => join(home.path, 'data/editions/1-1');

/** What the boards get: the served edition's bytes, after proving that they are what they claim to be. */
async function served(): Promise<{ sha256: string; text: string }> {
  const { stdout } = await ask('publish', '--board', 'yandex', '--json', '-q', '--out', join(home.path, 'out'));
  const { sha256 } = JSON.parse(stdout).cabinets[0];
  const text = await readFile(join(home.path, 'out/yandex-main.xml'), 'utf8');
  expect(createHash('sha256').update(text).digest('hex')).toBe(sha256);
  return { sha256, text };
}

beforeAll(async () => {
  home = await temporaryFolder('crash');
  keeper = await openDatabase({ dataDir: env().DATA_DIR });
  process.chdir(home.path);
  await load(0);
  expect(await ask('mark', '--board', 'yandex', '--all', '-q')).toMatchObject({ code: 0 });
}, 120_000);
afterAll(async () => {
  process.chdir(cwd);
  await keeper?.close();
  await home.drop();
});

/** Nobody writes to a table meanwhile: who wants to is killed in the middle of its work, and not when it has ended. */
async function withoutWriters(
  table: string,
  work: (isAwaited: () => Promise<boolean>) => Promise<void>,
): Promise<void> {
  const blocker = await keeper.pool.connect();
  try {
    await blocker.query(`begin; lock table ${table} in share row exclusive mode`);
    await work(async () => {
      const waiting = 'select 1 from pg_locks where relation = $1::regclass and not granted limit 1';
      return (await blocker.query(waiting, [table])).rows.length > 0;
    });
  } finally {
    await blocker.query('rollback');
    blocker.release();
  }
}

/** Looks every five milliseconds, for twenty seconds. */
async function comesTrue(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isSo()); await sleep(5)) if (Date.now() > end) throw new Error(what);
}

describe('killed in the middle of a publish', () => {
  it.each(
    process.env.VYGRUZKA_LONG ? [5, 20, 60, 120, 250, 400, 700, 900] : [20, 150],
  )('%d ms after it began to write: the old edition stays whole, the next publish recovers', {
    timeout: 120_000,
  }, async (delay) => {
    const before = await served();
    const file = join(editions(), `${before.sha256}.xml`);
    const bytes = await readFile(file);
    await load(delay);
    await withoutWriters('edition', async () => {
      const { child, done } = start(['publish', '-q'], env(), home.path);
      const isWriting = async () => (await readdir(editions())).some((name) => name.endsWith('.tmp'));
      await comesTrue('nothing is written', isWriting);
      await sleep(delay);
      child.kill('SIGKILL');
      // Not one that had ended, or had never begun.
      expect(await done).toMatchObject({ code: null, stderr: '' });
    });
    // Whatever was reached, the file that was served is untouched.
    expect((await readFile(file)).equals(bytes)).toBe(true);
    const after = await served();
    expect(after.sha256).not.toBe(before.sha256);
    expect(inspectEdition('yandex', after.text)).toEqual([]);
    expect((await readdir(editions())).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('killed in the middle of an import', () => {
  it('changes nothing, and the next import works', { timeout: 120_000 }, async () => {
    const before = await served();
    await writeFile(
      join(home.path, 'feed.xml'),
      feedOf(listings.map((listing) => ({ ...listing, priceKopecks: 777_00 }))),
    );
    await withoutWriters('listing', async (isAwaited) => {
      const { child, done } = start(['import', 'feed.xml', '-q'], env(), home.path);
      await comesTrue('nothing comes to the listings', isAwaited);
      child.kill('SIGKILL');
      expect((await done).code).toBeNull();
    });
    const { stdout } = await ask('publish', '--json', '-q');
    expect(JSON.parse(stdout).cabinets[0].sha256).toBe(before.sha256);
    await load(5000);
    expect((await served()).sha256).not.toBe(before.sha256);
  });
});

/** A small disk of our own, where the machine lets us have one. */
function mountSmallDisk(path: string, bytes: number): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=755`, 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a full disk', () => {
  it('is told plainly, and the last good edition stays in place', { timeout: 120_000 }, async (test) => {
    const { text } = await served();
    const other = await temporaryFolder('full');
    const small = join(other.path, 'data/editions');
    await mkdir(small, { recursive: true });
    // Room for one edition and what a run puts aside meanwhile, but not for two.
    if (!mountSmallDisk(small, Math.round(Buffer.byteLength(text) * 2.7))) {
      console.warn('crash.test.ts: no right to mount a small disk here, so a full one cannot be tried');
      await other.drop();
      return test.skip();
    }
    try {
      const there = (...args: string[]) => runHereWith({ DATA_DIR: join(other.path, 'data') }, ...args);
      await load(0);
      await there('import', 'feed.xml', '-q');
      await there('mark', '--board', 'yandex', '--all', '-q');
      const first = JSON.parse((await there('publish', '--json', '-q')).stdout).cabinets[0];
      const file = join(small, '1-1', `${first.sha256}.xml`);
      const bytes = await readFile(file);
      await load(9000);
      await there('import', 'feed.xml', '-q', '--confirm-loss');
      const failed = await there('publish', '-q');
      expect(failed.code).toBe(1);
      expect(failed.stderr).toMatch(/На диске нет места.*прежнее/);
      expect((await readFile(file)).equals(bytes)).toBe(true);
      expect(existsSync(file)).toBe(true);
      // As soon as there is room the same command works.
      execFileSync('mount', ['-o', 'remount,size=400m', small]);
      const again = JSON.parse((await there('publish', '--json', '-q')).stdout).cabinets[0];
      expect(again.sha256).not.toBe(first.sha256);
    } finally {
      execFileSync('umount', [small]);
      await other.drop();
    }
  });
});

describe('two commands at once', () => {
  it('both end well, or one of them says that it is busy', { timeout: 120_000 }, async () => {
    await load(12_000);
    const both = await Promise.all([
      run(['publish', '-q'], env(), home.path),
      run(['publish', '-q'], env(), home.path),
      run(['check', '--board', 'avito', '-q'], env(), home.path),
    ]);
    expect([0, 75]).toContain(both[0].code);
    expect([0, 75]).toContain(both[1].code);
    expect(both[2].code).toBe(3);
    expect(inspectEdition('yandex', (await served()).text)).toEqual([]);
  });
});
