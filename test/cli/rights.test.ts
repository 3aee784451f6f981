import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AGENCY_DEFAULTS } from '../../src/domain/settings.ts';
import { addBranch, addEmployee } from '../../src/store/agencies.ts';
import { hashOf } from '../../src/store/hash.ts';
import { forbid } from '../../src/store/market.ts';
import { addPause, listPauses } from '../../src/store/pauses.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHere } from './here.ts';
import { type Ran, run, temporaryFolder } from './run.ts';

/** What an employee may not do is refused by the command itself, with who may; what he may, is done in his name. */

const NOW = new Date('2026-11-20T09:00:00+03:00');
const ANNA = 'Анна Агентова';
const OLEG = 'Олег Рекламный';
const MARIA = 'Мария Руководова';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let house: Stock;
/** `#1`: a listing like any other, and one that may not be advertised. */
let listing: string;
let barred: string;
let foreignPause: number;

const ask = (...words: string[]): Promise<Ran> => runHere('--now', NOW.toISOString(), '-q', ...words);

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('rights');
  vi.stubEnv('DATABASE_URL', base.url);
  vi.stubEnv('DATA_DIR', home.path);
  const stages = [
    { name: 'Осмотр', effect: 'not-yet' as const },
    { name: 'Реклама', effect: 'permits' as const },
  ];
  const { db } = base;
  house = await stock(db, { market: { ...AGENCY_DEFAULTS.market, stages, requiresStage: true } }, NOW);
  const { agencyId } = house;
  await house.cabinet();
  const [one, two] = await house.listings([{}, {}]);
  const { values } = await house.listing(one!);
  // Whoever corrects proves by the hash that nothing changed meanwhile.
  await db.pool.query('update listing set values_hash = $2 where id = $1', [one, hashOf(values)]);
  listing = `#${one}`;
  barred = `#${two}`;
  await addEmployee(db, agencyId, { name: ANNA, phones: [], role: 'agent' });
  await addEmployee(db, agencyId, { name: OLEG, phones: [], role: 'adSpecialist' });
  await addEmployee(db, agencyId, { name: MARIA, phones: [], role: 'manager' });
  await addBranch(db, agencyId, { name: 'Центр', timeZone: null }, MARIA, NOW);
  await forbid(db, agencyId, two!, 'собственник против', { name: MARIA, role: 'manager' }, NOW);
  const pause = { listingId: one!, from: NOW, until: new Date(NOW.getTime() + 86_400_000), reason: 'ремонт' };
  foreignPause = await addPause(db, agencyId, pause, MARIA, NOW);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await base.drop();
  await home.drop();
});

const SPECIALISTS = 'может специалист по рекламе, руководитель или администратор, а не агент.';
const MANAGERS = 'может руководитель или администратор, а не агент.';
const ADMINS = 'может администратор, а не агент.';

describe('an agent may not', () => {
  it.each<[string, () => string[], string]>([
    ['make himself admin', () => ['employees', 'role', ANNA, 'admin'], ADMINS],
    ['send a person away', () => ['employees', 'remove', OLEG], ADMINS],
    ['switch a setting', () => ['settings', 'set', 'freshness.saleDays', '90'], ADMINS],
    ['move a person', () => ['employees', 'move', ANNA, '--branch', 'Север'], MANAGERS],
    ['change a branch', () => ['branch', 'zone', 'Центр', 'Asia/Omsk'], MANAGERS],
    ['lift a ban', () => ['forbid', barred, '--lift'], MANAGERS],
    ['give consent', () => ['stage', listing, 'Реклама'], MANAGERS],
    ['switch moderation', () => ['moderation', 'off'], SPECIALISTS],
    ['give a verdict', () => ['verdict', listing, 'approve'], SPECIALISTS],
    ['except', () => ['except', listing, '--gate', 'fresh', '--reason', 'надо', '--until', '2026-12-01'], SPECIALISTS],
    ['set a norm', () => ['norm', 'add', 'photos', '--min', '3'], SPECIALISTS],
    ['put a phone', () => ['phone', 'add', '--kind', 'duty', '--phone', '+79000000022'], SPECIALISTS],
    ['close the branch', () => ['calendar', 'set', '--branch', 'Центр', '--week', 'пн 09:00-10:00'], SPECIALISTS],
    ['buy a package', () => ['package', 'set', 'concurrent', '--board', 'avito', '--places', '1'], SPECIALISTS],
    ['set a tariff', () => ['tariffs', 'set', '--board', 'avito', '--from', '2026-12-01', '--price', '45'], ADMINS],
    ['pin', () => ['pin', listing, '--board', 'avito'], SPECIALISTS],
    ['make a marking rule', () => ['marking', 'add', 'все', '--board', 'avito'], SPECIALISTS],
    ['stop the agency', () => ['pause', 'add', '--all', '--until', '2026-12-01', '--reason', 'отпуск'], SPECIALISTS],
    ["end somebody else's pause", () => ['pause', 'end', String(foreignPause)], SPECIALISTS],
    ['release the brake', () => ['brake', 'release', '--board', 'avito', '--reason', 'верно'], SPECIALISTS],
  ])('%s', async (_, words, who) => {
    const before = await house.deeds();
    const { code, stderr } = await ask(...words(), '--by', ANNA);
    expect({ code, stderr }).toEqual({ code: 4, stderr: expect.stringContaining(who) });
    expect(await house.deeds()).toEqual(before);
  });
});

it('so it is with the program as people start it', async () => {
  const env = { DATABASE_URL: base.url, DATA_DIR: home.path };
  expect(await run(['employees', 'role', ANNA, 'admin', '--by', ANNA], env, home.path)).toEqual({
    code: 4,
    stdout: '',
    stderr: `Менять роли сотрудников ${ADMINS}\n`,
  });
});

describe('an agent may', () => {
  it.each<[string, () => string[], string]>([
    ['mark', () => ['mark', '--board', 'avito', '--listing', listing], 'listing-marked'],
    ['confirm', () => ['confirm', listing], 'listing-confirmed'],
    ['correct, in her name', () => ['correct', listing, '--set', 'title=Дом'], 'listing-corrected'],
    ['move a listing on the way', () => ['stage', listing, 'Осмотр'], 'stage-set'],
  ])('%s', async (_, words, action) => {
    expect(await ask(...words(), '--by', ANNA)).toMatchObject({ code: 0, stderr: '' });
    expect((await house.deeds()).at(-1)).toMatchObject({ action, by: ANNA });
  });

  it('stop a listing and let it go on', async () => {
    const until = ['--until', '2026-12-01', '--reason', 'показ'];
    expect(await ask('pause', 'add', '--listing', listing, ...until, '--by', ANNA)).toMatchObject({ code: 0 });
    const mine = (await listPauses(base.db.pool, house.agencyId, NOW)).find(({ by }) => by === ANNA)!;
    expect(await ask('pause', 'end', String(mine.id), '--by', ANNA)).toMatchObject({ code: 0, stderr: '' });
    expect((await house.deeds()).at(-1)).toMatchObject({ action: 'pause-ended', by: ANNA });
  });
});

describe('others', () => {
  it('a manager gives nobody a role, a detour gives no consent', async () => {
    expect(await ask('employees', 'role', MARIA, 'admin', '--by', MARIA)).toMatchObject({
      code: 4,
      stderr: 'Менять роли сотрудников может администратор, а не руководитель.\n',
    });
    // From «Осмотр», where the agent has put it.
    expect(await ask('stage', listing, 'Реклама', '--by', ANNA)).toMatchObject({ code: 4 });
    expect(await ask('stage', listing, 'Реклама', '--by', MARIA)).toMatchObject({ code: 0 });
  });

  it("a specialist ends somebody else's pause", async () => {
    expect(await ask('pause', 'end', String(foreignPause), '--by', OLEG)).toMatchObject({ code: 0, stderr: '' });
  });

  it('whoever has the keys to the machine may everything', async () => {
    expect(await ask('settings', 'set', 'freshness.saleDays', '45')).toMatchObject({ code: 0, stderr: '' });
  });

  it('a stranger corrects nothing', async () => {
    expect(await ask('correct', listing, '--set', 'title=Дача', '--by', 'Никто')).toMatchObject({ code: 2 });
  });
});
