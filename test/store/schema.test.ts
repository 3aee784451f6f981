import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, pendingMigrations } from '../../src/store/migrate.ts';
import { testDatabase } from './testdb.ts';

const ROOT = join(import.meta.dirname, '../..');
let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

describe('the schema', () => {
  it('in the code is the one the migrations make', async () => {
    // Inside the project, because drizzle-kit reads paths from there.
    const folder = await mkdtemp(join(ROOT, 'node_modules/.migrations-'));
    try {
      await cp(join(ROOT, 'src/store/migrations'), folder, { recursive: true });
      const before = await readdir(folder);
      execFileSync(
        process.execPath,
        [
          join(ROOT, 'node_modules/drizzle-kit/bin.cjs'),
          'generate',
          '--dialect',
          'postgresql',
          '--schema',
          './src/store/schema.ts',
          '--out',
          folder.slice(ROOT.length + 1),
        ],
        { cwd: ROOT, stdio: 'ignore' },
      );
      expect(await readdir(folder)).toEqual(before);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('leads every primary key of an agency’s table with the agency', async () => {
    const keys = await base.db.pool.query<{ table: string; first: string }>(
      `select c.relname as "table", a.attname as first from pg_index i join pg_class c on c.oid = i.indrelid
       join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
       where i.indisprimary and c.relnamespace = 'public'::regnamespace and c.relname <> all ($1)`,
      // Nobody knows an agency before somebody has signed in.
      [['agency', 'sign_in', 'session', 'sign_in_failure', 'invitation', 'owner_link']],
    );
    expect(keys.rows.length).toBeGreaterThan(10);
    expect(keys.rows.filter((row) => row.first !== 'agency_id')).toEqual([]);
  });

  it('is migrated once by commands that start together, and a second run does nothing', async () => {
    expect(await pendingMigrations(base.db)).toEqual([]);
    expect(await Promise.all([migrate(base.db), migrate(base.db), migrate(base.db)])).toEqual([[], [], []]);
  });

  it('refuses a base that a newer program has migrated', async () => {
    await base.db.pool.query(
      `insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 99999999999999)`,
    );
    await expect(migrate(base.db)).rejects.toMatchObject({ code: 'schema-newer' });
  });
});
