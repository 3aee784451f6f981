import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { servingUrl, tellServing } from '../../src/cli/serving.ts';
import { unwritable } from '../../src/cli/units.ts';
import { addEmployee } from '../../src/store/agencies.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere, runHereWith } from './here.ts';
import { PROGRAM, start, temporaryFolder } from './run.ts';

/** What the commands answer to a slip: in Russian, with what is wrong and what to do. */

const NOW = '2026-11-21T12:00:00+03:00';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
let listing: string;

const ask = (...words: string[]) => runHere('--now', NOW, ...words);
const path = (...names: string[]) => join(home.path, ...names);

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('words');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  vi.stubEnv('PUBLIC_URL', undefined);
  house = await stock(base.db, {}, new Date(NOW));
  await house.cabinet();
  const [id] = await house.listings([{ externalId: 'Д-1' }]);
  listing = `#${id}`;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

describe('explain --at', () => {
  const at = (moment: string) => ask('--json', 'explain', listing, '--board', 'avito', '--at', moment);

  it('refuses the past and says where it is told', async () => {
    const { code, stderr } = await at('2026-07-01T12:00:00+03:00');
    expect([code, stderr]).toEqual([
      2,
      'ср 01.07.2026 12:00 (Europe/Moscow) уже прошло, а отвечать можно о сейчас и о том, что впереди. Что было, показывают report --from … --to …, runs, accounts ledger и история в карточке объекта.\n',
    ]);
    expect((await at('2026-11-21T11:54:59+03:00')).code).toBe(2);
  });

  it.each([
    ['2026-11-21T11:55:00+03:00', '2026-11-21T11:55:00+03:00'],
    [NOW, NOW],
    ['2026-12-31T12:00', '2026-12-31T12:00:00+03:00'],
    ['2026-12-31T12:00:30', '2026-12-31T12:00:30+03:00'],
    // Today is now, another day its beginning.
    ['2026-11-21', NOW],
    ['21.11.2026', NOW],
    ['2026-11-22', '2026-11-22T00:00:00+03:00'],
    // The next one: this Saturday's eleven has struck.
    ['сб 11:00', '2026-11-28T11:00:00+03:00'],
  ])('answers for %s', async (moment, meant) => {
    const { code, stdout } = await at(moment);
    expect(code).toBe(0);
    expect(new Date(JSON.parse(stdout).at)).toEqual(new Date(meant));
  });

  it('of phones is refused in the same way', async () => {
    const phone = (moment: string) => ask('-q', 'phone', 'at', listing, '--board', 'Авито', '--at', moment);
    expect(await phone('2026-07-01T12:00')).toMatchObject({ code: 2, stderr: expect.stringContaining('уже прошло') });
    expect((await phone('сб 11:00')).code).toBe(0);
  });

  it('refuses a day that has gone', async () => {
    expect(await at('2026-11-20')).toMatchObject({ code: 2, stderr: expect.stringContaining('уже прошло') });
  });

  it('refuses what is no moment', async () => {
    expect(await at('завтра')).toMatchObject({ code: 2, stderr: expect.stringContaining('не момент времени') });
  });
});

describe('--to and --until', () => {
  it.each([
    ['report', '--to', '2026-11-20', '--until', '2026-11-19'],
    ['report', '--until', '2026-11-19', '--to', '2026-11-20'],
    ['report', 'money', '--to', '2026-11-20', '--until', '2026-11-19'],
    ['report', '--to', '2026-11-20', 'money', '--until', '2026-11-19'],
    ['accounts', 'statement', 'agency', '--to', '2026-11-20', '--until', '2026-11-19'],
  ])('with two days are refused: %j', async (...words) => {
    expect(await ask('-q', ...words)).toEqual({
      code: 2,
      stdout: '',
      stderr: '--to «2026-11-20» и --until «2026-11-19» — это один и тот же ключ, а значения разные. Оставьте --to.\n',
    });
  });

  it('with one day are that day', async () => {
    const day = ['--from', '2026-11-18', '--to', '2026-11-20'];
    expect((await ask('-q', 'report', 'money', ...day, '--until', '2026-11-20')).code).toBe(0);
  });
});

describe('--out', () => {
  const report = (out: string) => ask('-q', 'report', '--out', out);

  it('says that the folder is not there, is a folder, or is none', async () => {
    await mkdir(path('папка.csv'));
    await writeFile(path('файл'), 'x');
    for (const [out, text] of [
      [path('нет', 'r.xlsx'), `папки «${path('нет')}» нет. Создайте её или назовите другую.`],
      [path('папка.csv'), 'это папка. Назовите файл в ней.'],
      [path('файл', 'r.csv'), `«${path('файл')}» — не папка.`],
    ] as const)
      expect(await report(out)).toEqual({ code: 2, stdout: '', stderr: `Файл «${out}» не записать: ${text}\n` });
    expect((await readdir(home.path)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect((await report(path('r.csv'))).code).toBe(0);
    expect(existsSync(path('r.csv'))).toBe(true);
  });

  it.each(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EBUSY'])('says %s in Russian', (code) => {
    const refusal = unwritable('/r.csv', Object.assign(new Error(code), { code, syscall: 'open' }));
    expect(refusal).toMatchObject({ code: 'out-unwritable', exit: 2, message: expect.stringMatching(/^[^A-Z]+$/u) });
  });

  it('leaves what is not the file system’s as it is', () => {
    const error = new Error('broken');
    expect(unwritable('/r.csv', error)).toBe(error);
  });

  it('of publish is a folder, and a file in its place is said', async () => {
    await ask('-q', 'mark', '--board', 'avito', '--listing', listing);
    expect(await ask('-q', 'publish', '--out', path('файл'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('там уже есть файл с таким именем, а нужна папка.'),
    });
  });
});

it.each([
  '101',
  '-1',
  '12,5',
  'много',
  '1000',
])('--min-share %s is refused by its name, with the limits', async (share) => {
  for (const words of [['report'], ['report', 'subscribe', '--for', 'x']])
    expect(await ask('-q', ...words, `--min-share=${share}`)).toMatchObject({
      code: 2,
      stderr: `--min-share: «${share}», а нужно число от 0 до 100.\n`,
    });
});

it('asks to invite whoever it is', async () => {
  await addEmployee(base.db, house.agencyId, { name: 'Светлана Жданова', phones: [], email: 'sv@example.ru' });
  const { code, stderr } = await ask('-q', 'report', 'subscribe', '--for', 'Жданова');
  expect([code, stderr]).toEqual([4, expect.stringContaining('Светлана Жданова ещё не входит')]);
  expect(stderr).not.toMatch(/\bего\b|пригласите его/);
});

describe('an address', () => {
  const LOCAL = 'PUBLIC_URL не задан: адрес открывается только с этого компьютера';
  const link = (env: Record<string, string> = {}) =>
    runHereWith(env, '--now', NOW, 'report', 'owner', listing, '--link');

  it('is told as it is, and that nobody outside can open it', async () => {
    const { stdout, stderr } = await link();
    expect(stdout).toMatch(/^http:\/\/localhost:8080\//);
    expect(stderr).toBe(`${LOCAL}, когда запущен serve на порту 8080.\n`);
    const outside = await link({ PUBLIC_URL: 'https://feeds.example.ru' });
    expect([outside.stdout.startsWith('https://feeds.example.ru/'), outside.stderr]).toEqual([true, '']);
  });

  it('is that of the server that runs with this folder, while it runs', async () => {
    const forget = tellServing(home.path, 'http://localhost:8123');
    const { stdout, stderr } = await link();
    expect(stdout).toMatch(/^http:\/\/localhost:8123\//);
    expect(stderr).toBe(`${LOCAL}.\n`);
    expect((await ask('feeds', 'list')).stdout).toContain(' http://localhost:8123/f/avito/');
    const outside = await link({ PUBLIC_URL: 'https://feeds.example.ru' });
    expect(outside.stdout).toMatch(/^https:\/\/feeds\.example\.ru\//);
    forget();
    expect(servingUrl(home.path)).toBeNull();
  });

  it('of a server that was killed, or of another machine, is not believed', async () => {
    const told = (facts: object) => writeFile(path('serving.json'), JSON.stringify({ url: 'http://x', ...facts }));
    await told({ pid: 2 ** 22 + 1, host: hostname() });
    expect(servingUrl(home.path)).toBeNull();
    await told({ pid: process.pid, host: `${hostname()}-2` });
    expect(servingUrl(home.path)).toBeNull();
    // The other one's word is its own to take back.
    const forget = tellServing(home.path, 'http://y');
    await told({ pid: process.pid, host: `${hostname()}-2` });
    forget();
    expect(existsSync(path('serving.json'))).toBe(true);
    await writeFile(path('serving.json'), '{');
    expect(servingUrl(home.path)).toBeNull();
  });

  it.each([
    ['of a group', { pid: 0 }],
    ['of everybody', { pid: -1 }],
    ['of no whole number', { pid: 2.5 }],
    ['in letters', { pid: String(process.ppid) }],
    // A killed server had the number that is ours now.
    ['of ourselves, who have told nothing', { pid: process.pid }],
    ['with a script', { url: 'javascript:alert(1)' }],
    ['with a file', { url: 'file:///etc/passwd' }],
    ['with colours', { url: 'http://x\u001b[31m' }],
    ['with a line of its own', { url: 'http://x\nhttp://y' }],
    ['with a name and a password', { url: 'http://a:b@x' }],
    ['with a port that there is not', { url: 'http://x:99999' }],
    ['with nothing', { url: '' }],
  ])('%s is not believed', async (_, facts) => {
    const folder = await mkdtemp(path('told-'));
    const tell = (told: object) =>
      writeFile(
        join(folder, 'serving.json'),
        JSON.stringify({ url: 'http://localhost:8123', pid: process.ppid, host: hostname(), ...told }),
      );
    await tell({});
    expect(servingUrl(folder)).toBe('http://localhost:8123');
    await tell(facts);
    expect(servingUrl(folder)).toBeNull();
  });

  it('of the first server is known again when a second one on the same folder has gone', async () => {
    const folder = await mkdtemp(path('two-'));
    const first = { url: 'http://localhost:8001', pid: process.ppid, host: hostname() };
    await writeFile(join(folder, 'serving.json'), JSON.stringify(first));
    const forget = tellServing(folder, 'http://localhost:8002');
    expect(servingUrl(folder)).toBe('http://localhost:8002');
    forget();
    expect(servingUrl(folder)).toBe('http://localhost:8001');
    // The second one's word stays when the first one goes, and a dead one is not told of again.
    await writeFile(join(folder, 'serving.json'), JSON.stringify({ ...first, pid: 2 ** 22 + 1 }));
    tellServing(folder, 'http://localhost:8002')();
    expect(existsSync(join(folder, 'serving.json'))).toBe(false);
    const goes = tellServing(folder, 'http://localhost:8002');
    await writeFile(join(folder, 'serving.json'), JSON.stringify(first));
    goes();
    expect(servingUrl(folder)).toBe('http://localhost:8001');
  });

  it.runIf(existsSync(PROGRAM))(
    'is told by serve on whatever port it has',
    async () => {
      const env = { DATABASE_URL: base.url, DATA_DIR: path('served'), LOG_LEVEL: 'silent' };
      await mkdir(path('served'));
      const { child, done } = start(['serve', '--port', '0', '--no-work'], env);
      await vi.waitFor(() => expect(servingUrl(path('served'))).toMatch(/^http:\/\/localhost:\d+$/), {
        timeout: 60_000,
      });
      const url = servingUrl(path('served'))!;
      expect((await fetch(`${url}/f/avito/main-nothing.xml`)).status).toBe(404);
      expect((await runHereWith(env, '--now', NOW, 'feeds', 'list')).stdout).toContain(` ${url}/f/avito/`);
      child.kill('SIGTERM');
      await done;
      expect(existsSync(path('served', 'serving.json'))).toBe(false);
    },
    90_000,
  );
});
