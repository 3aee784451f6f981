import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { Context } from '../src/cli/context.ts';
import { type Seeded, seedDemo } from '../src/cli/demo.ts';
import { publishAll } from '../src/export/publish.ts';
import type { Database } from '../src/store/database.ts';
import { type CabinetRow, listCabinets } from '../src/store/publishing.ts';
import { testDatabase, withServer } from './store/testdb.ts';

/**
 * The demo, played once in a test run: its months take most of a minute, a clone of what they leave a second. Whoever
 * comes first plays it, the others wait.
 */

export const DEMO_NOW = '2026-11-20T09:00:00+03:00';
export const DEMO_PORT = 8099;
const PLAYED = 'vygruzka_played';
const LOCK = 4_150_412;

export interface PlayedDemo {
  readonly db: Database;
  readonly url: string;
  readonly dataDir: string;
  /** Its clock stands at `DEMO_NOW`. */
  readonly context: Context;
  readonly agencyId: number;
  readonly cabinets: readonly CabinetRow[];
  drop(): Promise<void>;
}

const contextFor = (dataDir: string) =>
  new Context({ now: DEMO_NOW, quiet: true }, { DATA_DIR: dataDir, PORT: DEMO_PORT });

/** Brings the demo into an empty base and publishes it. */
export async function playDemo(db: Database, dataDir: string): Promise<Seeded> {
  const context = contextFor(dataDir);
  const seeded = await seedDemo(context, db);
  const { failed } = await publishAll(seeded.cabinets, { db, boards: context.boards, dataDir, clock: context.clock });
  if (failed.length > 0) throw new Error(`the demo was not published: ${JSON.stringify(failed)}`);
  return seeded;
}

/** A base and a data folder of one's own with the demo in them, played and published. */
export async function playedDemo(): Promise<PlayedDemo> {
  const shared = join(inject('sharedDir'), 'played');
  await withServer(async (client) => {
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    if (existsSync(shared)) return;
    const draft = await mkdtemp(join(inject('sharedDir'), 'playing-'));
    const base = await testDatabase();
    try {
      await playDemo(base.db, draft);
      const { rows } = await base.db.pool.query<{ name: string }>('select current_database() as name');
      await base.db.close();
      await client.query(`drop database if exists ${PLAYED}`);
      await client.query(`create database ${PLAYED} template ${rows[0]!.name} strategy file_copy`);
    } finally {
      await base.drop();
    }
    await cp(draft, shared, { recursive: true });
    await rm(draft, { recursive: true, force: true });
  });
  const { db, url, drop } = await testDatabase(PLAYED);
  const dataDir = await mkdtemp(join(tmpdir(), 'vygruzka-played-'));
  await cp(shared, dataDir, { recursive: true });
  const cabinets = await listCabinets(db);
  return {
    db,
    url,
    dataDir,
    context: contextFor(dataDir),
    agencyId: cabinets[0]!.agencyId,
    cabinets,
    async drop() {
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
