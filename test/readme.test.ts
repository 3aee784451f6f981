import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectEdition } from '../src/boards/formats/inspect.ts';
import { FAMILIES } from '../src/domain/listing.ts';
import { type Database, openDatabase } from '../src/store/database.ts';
import { runHereWith } from './cli/here.ts';
import { type Ran, run, temporaryFolder } from './cli/run.ts';

/** A new user with the README and a feed that nobody here has seen: the very commands of the page are run. */

const README = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
const COMMANDS = /<!-- новый пользователь:.*?-->\n```bash\n([\s\S]*?)```/.exec(README)![1]!.trim().split('\n');

let home: Awaited<ReturnType<typeof temporaryFolder>>;
const answers = new Map<string, Ran>();
const env = () => ({ DATA_DIR: join(home.path, 'data'), PORT: '8080' });
/** The commands of the page are started as people start them; what is asked besides runs in this process. */
const ask = (...args: string[]) => runHereWith(env(), ...args);
const cwd = process.cwd();
let keeper: Database | undefined;

beforeAll(async () => {
  home = await temporaryFolder('newcomer');
  await mkdir(join(home.path, 'work'));
  await copyFile(join(import.meta.dirname, 'cli/newcomer.xml'), join(home.path, 'work/feed.xml'));
  for (const command of COMMANDS) {
    const [program, ...words] = command.replace('npm run -s vygruzka --', 'vygruzka').split(' ');
    expect(program).toBe('vygruzka');
    answers.set(command, await run(words, env(), join(home.path, 'work')));
  }
  // From here on nobody stops the server and starts it again.
  keeper = await openDatabase({ dataDir: env().DATA_DIR });
  process.chdir(join(home.path, 'work'));
}, 300_000);
afterAll(async () => {
  process.chdir(cwd);
  await keeper?.close();
  await home.drop();
});

const answer = (start: string) => [...answers].find(([command]) => command.includes(` -- ${start}`))![1];

describe('a new user', () => {
  it('loads the feed and hears what was not loaded and why', () => {
    const { code, stdout } = answer('import');
    // One offer is bad (floor 12 of 8), so the exit code is not 0.
    expect(code).toBe(3);
    expect(stdout).toContain('прочитано 4 объекта');
    expect(stdout).toContain('Новых 3');
    expect(stdout).toContain('№ N-3: Этаж: 12, а этажей в доме 8.');
    expect(stdout).toContain('own-crm-tag: 1');
  });

  it('gets four feeds, each whole and valid', async () => {
    expect(answer('publish')).toMatchObject({ code: 0 });
    for (const [board, family] of [
      ...FAMILIES.map((family) => [family, family] as const),
      ['domclick', 'yandex'] as const,
    ]) {
      const text = await readFile(join(home.path, 'work/feeds', `${board}-main.xml`), 'utf8');
      expect(inspectEdition(family, text)).toEqual([]);
    }
    expect(await readFile(join(home.path, 'work/feeds/yandex-main.xml'), 'utf8')).toContain(
      'Звоните: +7 900 000-00-21.',
    );
  });

  it('sees what is wrong in each listing', async () => {
    const { code, stdout } = answer('check');
    expect(code).toBe(3);
    for (const name of ['Авито', 'Циан', 'Яндекс Недвижимость', 'Домклик'])
      expect(stdout).toContain(`${name}: 3 объекта`);
    const explained = JSON.parse((await ask('explain', 'N-4', '--all', '--json')).stdout);
    expect(explained.explanations).toHaveLength(4);
    for (const explanation of explained.explanations) {
      expect(explanation).toMatchObject({ outcome: 'blocked', fixedBy: 'agent' });
      expect(explanation.reason).toMatch(/[А-Яа-я]/);
      const states = explanation.gates.map((gate: { state: string }) => gate.state);
      expect(states.slice(0, 6)).toEqual(['open', 'open', 'open', 'open', 'closed', 'not-reached']);
    }
  });

  it('hears why a listing that was not loaded is not there', async () => {
    expect(await ask('explain', 'N-3', '--all')).toMatchObject({
      code: 4,
      stderr:
        'Объект «N-3» не загружен из последнего файла источника «feed.xml» (строка 26): Этаж: 12, а этажей в доме 8.\n',
    });
  });

  it('keeps the number that Avito gave', async () => {
    expect(await ask('mark', '--board', 'avito', '--listing', 'N-1', '--avito-id', '777')).toMatchObject({ code: 0 });
    expect((await ask('preview', 'N-1', '--board', 'avito')).stdout).toContain('<AvitoId>777</AvitoId>');
    expect(await ask('publish', '--board', 'avito', '-q')).toMatchObject({ code: 0 });
  });

  it('mends a listing over the source and sees it go out', async () => {
    const before = JSON.parse((await ask('explain', 'N-2', '--board', 'yandex', '--json')).stdout);
    expect(before.outcome).toBe('published');
    expect(await ask('employees', 'add', 'Ольга')).toMatchObject({ code: 0 });
    const answer = await ask(
      'correct',
      'N-2',
      '--set',
      'priceKopecks=85000000',
      'title=2026',
      'contactPhones=8 900 000-00-22',
      '--by',
      'Ольга',
    );
    expect(answer).toMatchObject({ code: 0, stderr: '' });
    await ask('publish', '--board', 'yandex', '--out', 'feeds');
    expect(await readFile(join(home.path, 'work/feeds/yandex-main.xml'), 'utf8')).toContain('<value>850000</value>');
    expect((await ask('preview', 'N-2', '--board', 'yandex')).stdout).toContain('<value>850000</value>');
  });

  it('may judge the published file like any other', async () => {
    const judged = await ask('validate', 'feeds/yandex-main.xml', '--board', 'yandex', '--json');
    expect(JSON.parse(judged.stdout)).toMatchObject({ format: 'yandex', blocking: 0 });
    expect(judged.code).toBe(0);
  });

  it('finds everything in order with the doctor, and the data alone on stdout', async () => {
    expect(await ask('doctor')).toMatchObject({ code: 0 });
    for (const args of [['feeds', 'list'], ['check'], ['coverage'], ['publish'], ['employees', 'list']]) {
      const { stdout } = await ask(...args, '--json');
      expect(() => JSON.parse(stdout)).not.toThrow();
    }
  });

  it('hears what is wrong from a process of its own: on stderr, with a code and without a trace', async () => {
    const missing = await run(['import', 'нет-такого.xml', '--json'], env(), join(home.path, 'work'));
    expect(missing.code).toBe(2);
    expect(JSON.parse(missing.stdout)).toMatchObject({ error: { code: 'source-file-missing' } });
    expect(missing.stderr).toMatch(/^Файла «нет-такого\.xml» нет\.[^\n]*\n$/);
    const unknown = await run(['выгрузи'], env(), join(home.path, 'work'));
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/Нет команды/);
    expect(unknown.stderr).not.toMatch(/\n\s+at |node:|Warning/);
  });

  it.each([
    [['import', 'нет-такого.xml'], 2, /нет-такого\.xml/],
    [['publish', '--board', 'нет'], 2, /Доски «нет» нет/],
    [['explain', 'нет', '--all'], 2, /Объекта «нет» нет/],
    [['mark', '--board', 'avito'], 2, /--listing/],
    [['выгрузи'], 2, /Нет команды/],
    [['import'], 2, /Не указан аргумент/],
    [['check', '--now', 'вчера'], 2, /не момент времени/],
    [['correct', 'N-2', '--set', 'floor=-99'], 4, /Этаж/],
    [['correct', 'N-2', '--set', 'yandex:room-space=5'], 4, /не подходит/],
    [['correct', 'N-2', '--set', 'cian:Выдумка=5'], 2, /Поля «cian:Выдумка» у этого формата нет/],
    [['mark', '--board', 'yandex', '--listing', 'N-2', '--board-id', 'другой'], 4, /номер не меняется/],
    [['mark', '--board', 'yandex', '--listing', '#999'], 2, /Объекта «#999» нет/],
    [['serve', '--port', 'восемь'], 2, /Порт «восемь»/],
  ] as [string[], number, RegExp][])('hears in Russian what is wrong with %j', async (args, code, message) => {
    const answer = await ask(...args);
    expect(answer.code).toBe(code);
    expect(answer.stderr).toMatch(message);
    expect(answer.stderr).not.toMatch(/\n\s+at /);
  });
});
