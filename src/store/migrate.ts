import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate as drizzleMigrate } from 'drizzle-orm/node-postgres/migrator';
import { Fault } from '../domain/fault.ts';
import { ROOT } from '../root.ts';
import type { Database } from './database.ts';
import { fillKeys } from './keys.ts';

const FOLDER = join(ROOT, 'src', 'store', 'migrations');
/** Any fixed number will do; two commands that start together must agree on it. */
const MIGRATION_LOCK = 7_061_969;

/** The migration that brought the keys of duplicates. */
const KEYS_CAME_WITH = '0001_corridor';

interface JournalEntry {
  readonly tag: string;
  readonly when: number;
}

function released(): JournalEntry[] {
  return (JSON.parse(readFileSync(join(FOLDER, 'meta', '_journal.json'), 'utf8')) as { entries: JournalEntry[] })
    .entries;
}

async function applied(db: Database): Promise<number[]> {
  const there = await db.pool.query<{ is: boolean }>(
    `select to_regclass('drizzle.__drizzle_migrations') is not null as is`,
  );
  if (!there.rows[0]!.is) return [];
  const rows = await db.pool.query<{ created_at: number }>(
    'select created_at from drizzle.__drizzle_migrations order by id',
  );
  return rows.rows.map((row) => Number(row.created_at));
}

/** Names of the migrations that this program knows and the database has not had yet. */
export async function pendingMigrations(db: Database): Promise<string[]> {
  const had = new Set(await applied(db));
  return released()
    .filter((entry) => !had.has(entry.when))
    .map((entry) => entry.tag);
}

/**
 * Brings the schema up to date under an advisory lock, so commands that start together do it once.
 * @returns names of the migrations applied now
 * @throws Fault `schema-newer` when the database was migrated by a newer program
 */
export async function migrate(db: Database): Promise<string[]> {
  const client = await db.pool.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    try {
      const newest = Math.max(...released().map((entry) => entry.when));
      if ((await applied(db)).some((when) => when > newest)) {
        throw new Fault('schema-newer', 'База данных создана более новой версией программы. Обновите программу.');
      }
      const pending = await pendingMigrations(db);
      if (pending.length > 0) await drizzleMigrate(drizzle(client), { migrationsFolder: FOLDER });
      // What SQL cannot compute; on a fresh base there is nothing to do.
      if (pending.includes(KEYS_CAME_WITH)) await fillKeys(client);
      return pending;
    } finally {
      await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
    }
  } finally {
    client.release();
  }
}
