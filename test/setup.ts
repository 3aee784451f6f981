/**
 * Once per test run: a real PostgreSQL with a migrated template database, which each test file clones for itself
 * (see `store/testdb.ts`). `TEST_POSTGRES=15` runs everything on the oldest version we support.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../src/store/database.ts';
import { migrate } from '../src/store/migrate.ts';
import { databaseOf, TEMPLATE, testPostgresPackage } from './store/testdb.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The connection string of the test server; the databases of the tests are beside the one it names. */
    postgresUrl: string;
    /** A folder of this test run, for what test files share. */
    sharedDir: string;
  }
}

const ROOT = join(import.meta.dirname, '..');
const PREFIX = 'vygruzka-test-';

/** Nothing here must survive a power cut, so the server need not wait for the disk. */
const FAST = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Its questions are small: to compile them or to ask them in parallel takes longer than to answer them.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  checkpoint_timeout: '1h',
  max_wal_size: '8GB',
};

/** Stops and removes what a killed test run left behind. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = Number(name.startsWith(PREFIX) ? name.slice(PREFIX.length).split('-')[0] : Number.NaN);
    if (!(owner > 0) || alive(owner)) continue;
    const dir = join(tmpdir(), name);
    try {
      const dataDir = join(dir, 'data');
      // To join and to leave as the last one is how the server is stopped.
      if (existsSync(join(dataDir, 'postgres', 'postmaster.pid'))) {
        await (await openDatabase({ dataDir, settings: FAST, postgresPackage: testPostgresPackage() })).close();
      }
    } catch {
      // Another version's, or somebody else's; the folder goes, and a server without its folder goes with it.
    }
    await rm(dir, { recursive: true, force: true }).catch(() => {});
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Tests that start the program itself start the built one, and those that open a page open the built page. */
async function build(): Promise<void> {
  const run = (script: string, ...args: string[]) =>
    execFileSync(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
      cwd: ROOT,
      stdio: 'inherit',
      // The runner says «test», and React would be built slow and talkative.
      env: { ...process.env, NODE_ENV: 'production' },
    });
  run('typescript/bin/tsc', '-p', 'tsconfig.build.json');
  const built = await stat(join(ROOT, 'dist/web/index.html')).catch(() => null);
  const sources = await Promise.all(
    ['src/web', 'src/contracts', 'src/domain', 'vite.config.ts', 'package-lock.json'].map((path) =>
      newest(join(ROOT, path)),
    ),
  );
  if (built === null || built.mtimeMs < Math.max(...sources)) run('vite/bin/vite.js', 'build', '--logLevel', 'warn');
}

/** When a file, or the last one of a folder, was changed. */
async function newest(path: string): Promise<number> {
  const own = await stat(path);
  if (!own.isDirectory()) return own.mtimeMs;
  const inner = await readdir(path, { recursive: true });
  const times = await Promise.all(inner.map(async (name) => (await stat(join(path, name))).mtimeMs));
  return Math.max(own.mtimeMs, ...times);
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!process.env.NO_BUILD) await build();
  await sweep();
  const dir = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // As root the server runs as `nobody`, who must be able to pass through.
  if (process.getuid?.() === 0) await chmod(dir, 0o711);
  const server = await openDatabase({
    dataDir: join(dir, 'data'),
    settings: FAST,
    postgresPackage: testPostgresPackage(),
  });
  await server.pool.query(`create database ${TEMPLATE}`);
  const template = await openDatabase({ databaseUrl: databaseOf(server.url, TEMPLATE), dataDir: dir });
  try {
    await migrate(template);
  } finally {
    await template.close();
  }
  project.provide('postgresUrl', server.url);
  project.provide('sharedDir', dir);
  return async () => {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  };
}
