import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Refusal } from '../../src/domain/fault.ts';
import { startClockwork } from '../../src/export/clockwork.ts';
import { type PostOptions, type SentLetter, sendLetters, writeReports } from '../../src/export/post.ts';
import { messageIdOf, openMailer } from '../../src/net/mailer.ts';
import { addEmployee, changeEmployee, ensureBranch, resolveAgency, setBranchZone } from '../../src/store/agencies.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { listDeeds, listMessages } from '../../src/store/journal.ts';
import { claimLetter, forgetLetters, type Letter, listLetters, mailState, retryLetter } from '../../src/store/mail.ts';
import {
  listSubscriptions,
  putAsked,
  subscribe,
  subscriptionById,
  takeSlot,
  unsubscribe,
} from '../../src/store/report-mail.ts';
import { testDatabase } from '../store/testdb.ts';
import { leaves, openOffice, type PostOffice, readMime } from './smtp.ts';

/** The outbox on a real PostgreSQL, and real conversations with a mail server that takes letters or does not. */

const MINUTE = 60_000;
const DAY = 86_400_000;
const WEEK = 7 * DAY;
/** A Monday, nine in Moscow. */
const SLOT = Date.UTC(2026, 10, 23, 6);
const BY = { name: 'тест', person: null };
const SECRET = 'пароль+с пробелом';

let base: Awaited<ReturnType<typeof testDatabase>>;
let db: Database;
let office: PostOffice;
let now = SLOT;
const clock = () => new Date(now);
let agencyId: number;
let anna: number;
let agencies = 0;
/** Told by the maker instead of a report. */
let writes: { readonly id: number; readonly at: string }[] = [];
let refusal: Refusal | Error | null = null;
let isRecorded = true;

beforeAll(async () => {
  base = await testDatabase();
  db = base.db;
});
afterAll(() => base.drop());
beforeEach(async () => {
  office = await openOffice();
  now = SLOT - DAY;
  writes = [];
  refusal = null;
  isRecorded = true;
  ({ id: agencyId } = await resolveAgency(db, `Агентство ${++agencies}`, true));
  anna = await person('Анна', 'anna@example.ru');
});
afterEach(async () => {
  await office.close();
  await db.pool.query('delete from mail');
  await db.pool.query('delete from report_subscription');
});

async function person(name: string, email: string | undefined, hasSignIn = true): Promise<number> {
  const id = await addEmployee(db, agencyId, { name, phones: [], ...(email && { email }) });
  if (hasSignIn)
    await db.pool.query(
      'insert into sign_in (agency_id, employee_id, login, password_hash, created_at) values ($1, $2, $3, $4, $5)',
      [agencyId, id, `login${id}`, 'never', clock()],
    );
  return id;
}

const letter = (words: string): Letter => ({
  subject: `Выгрузка ${words}`,
  text: `${words}\n`,
  html: `<p>${words}</p>`,
  png: new Uint8Array([137, 80, 78, 71]),
});

const write: PostOptions['write'] = async ({ id }, at) => {
  writes.push({ id, at: at.toISOString() });
  if (refusal) throw refusal;
  return letter(`${id} на ${at.toISOString()}, раз ${writes.length}`);
};

const patience = { connect: 500, silence: 500, whole: 1500 };
const post = (port = office.port, own: Database = db, login = ''): PostOptions => ({
  db: own,
  mailer: openMailer({
    smtpUrl: `smtp://${login}127.0.0.1:${port}`,
    from: 'Выгрузка <vygruzka@agency.test>',
    patience,
  }),
  write,
  isRecorded: async () => isRecorded,
});

const WISH = { query: { step: 'week' }, weeks: 4, weekday: 1, atMinute: 540 } as const;
const wish = (employeeId = anna, more: object = {}) =>
  subscribe(db, agencyId, { ...WISH, employeeId, ...more }, 'Анна', clock());
const letters = () => listLetters(db.pool, agencyId, { limit: 100 });
const send = (options = post()) => sendLetters(options, clock);

/** Both at once, as often as the agency's letters are looked at. */
async function round(options = post()): Promise<void> {
  await writeReports(options, agencyId, clock());
  await sendLetters(options, clock);
}

describe('a subscription', () => {
  it('is for somebody with an address and a way in, and is kept in the journal', async () => {
    await expect(wish(await person('Без почты', undefined))).rejects.toMatchObject({ code: 'no-email' });
    await expect(wish(await person('Не входит', 'x@example.ru', false))).rejects.toMatchObject({
      code: 'never-signed-in',
    });
    await expect(wish(987_654)).rejects.toMatchObject({ code: 'employee-unknown' });
    await expect(wish(anna, { weeks: 22 })).rejects.toMatchObject({ code: 'bad-weeks' });
    const id = await wish();
    expect(await subscriptionById(db.pool, agencyId, id)).toMatchObject({
      ...WISH,
      employee: 'Анна',
      email: 'anna@example.ru',
      zone: 'Europe/Moscow',
      lastSlot: new Date(SLOT - WEEK),
      letter: null,
    });
    for (let more = 1; more < 10; more++) await wish();
    await expect(wish()).rejects.toMatchObject({ code: 'too-many-subscriptions' });
    expect(await unsubscribe(db, agencyId, id, 'Анна', clock())).toBe(true);
    expect(await unsubscribe(db, agencyId, id, 'Анна', clock())).toBe(false);
    const deeds = (await listDeeds(db, agencyId)).map(({ action }) => action);
    expect(deeds[0]).toBe('report-unsubscribed');
    expect(deeds.filter((action) => action === 'report-subscribed')).toHaveLength(10);
  });

  it('is due by the clock of the branch of its person', async () => {
    const east = await ensureBranch(db, agencyId, 'Восток');
    await setBranchZone(db, agencyId, east, 'Asia/Vladivostok', 'Анна', clock());
    await changeEmployee(db, agencyId, anna, { branchId: east }, BY, clock());
    await wish();
    now = SLOT - 7 * 60 * MINUTE - 1;
    expect(await writeReports(post(), agencyId, clock())).toMatchObject({ letters: 0 });
    now += 1;
    expect(await writeReports(post(), agencyId, clock())).toMatchObject({ letters: 1 });
    expect(writes).toEqual([expect.objectContaining({ at: new Date(now).toISOString() })]);
  });
});

describe('a slot', () => {
  it('has one letter, whoever rings and however often, and none before its time', async () => {
    const id = await wish();
    await round();
    expect(await letters()).toEqual([]);
    now = SLOT;
    const others = await Promise.all([1, 2, 3].map(() => openDatabase({ databaseUrl: base.url, dataDir: '' })));
    const written = await Promise.all(
      [db, ...others, db].map((own) => writeReports(post(office.port, own), agencyId, clock())),
    );
    expect(written.reduce((sum, one) => sum + one.letters, 0)).toBe(1);
    expect(written.flatMap(({ faults }) => faults)).toEqual([]);
    expect(await letters()).toHaveLength(1);
    await Promise.all([db, ...others].map((own) => sendLetters(post(office.port, own), clock)));
    await round();
    expect(office.taken).toHaveLength(1);
    expect(office.taken[0]).toMatchObject({ from: 'vygruzka@agency.test', to: ['anna@example.ru'] });
    expect((await subscriptionById(db.pool, agencyId, id))!.letter).toMatchObject({ sentAt: clock(), error: null });
    await Promise.all(others.map((own) => own.close()));
  });

  it('is taken with its letter or not at all', async () => {
    const id = await wish();
    now = SLOT;
    const subscription = (await subscriptionById(db.pool, agencyId, id))!;
    // The process dies in the middle of the transaction, as far as the database can tell.
    const broken = { ...letter('x'), subject: null as never };
    await expect(takeSlot(db, subscription, clock(), broken, clock())).rejects.toThrow();
    expect((await subscriptionById(db.pool, agencyId, id))!.lastSlot).toEqual(new Date(SLOT - WEEK));
    await round();
    expect(office.taken).toHaveLength(1);
    // Whoever comes with what was so before finds it taken.
    expect(await takeSlot(db, subscription, clock(), letter('второе'), clock())).toBe(false);
  });

  it('waits for the days to be recorded, and not for ever', async () => {
    const id = await wish();
    isRecorded = false;
    const written = async (more: object = {}) =>
      (await writeReports({ ...post(), ...more }, agencyId, clock())).letters;
    now = SLOT;
    expect(await written()).toBe(0);
    expect(writes).toEqual([]);
    expect((await subscriptionById(db.pool, agencyId, id))!.lastSlot).toEqual(new Date(SLOT - WEEK));
    now += 2 * 60 * MINUTE;
    isRecorded = true;
    expect(await written()).toBe(1);
    // Late as it is, it is the report of the moment at which it was due.
    expect(writes).toEqual([{ id, at: new Date(SLOT).toISOString() }]);
    isRecorded = false;
    now = SLOT + WEEK + 12 * 60 * MINUTE - 1;
    expect(await written()).toBe(0);
    now += 1;
    expect(await written()).toBe(1);
    // Nobody was there for days: those who come back have to record first.
    const upSince = new Date(SLOT + 2 * WEEK + 2 * DAY);
    now = upSince.getTime();
    expect(await written({ upSince })).toBe(0);
    now += 60 * MINUTE;
    expect(await written({ upSince })).toBe(1);
  });

  it('that was missed is made up for by the newest alone', async () => {
    const id = await wish();
    now = SLOT + 5 * WEEK + DAY;
    await round();
    expect(writes).toEqual([{ id, at: new Date(SLOT + 5 * WEEK).toISOString() }]);
    expect(office.taken).toHaveLength(1);
  });

  it('gives way to the next one while its letter waits', async () => {
    await wish();
    now = SLOT;
    office.whim = (command) => (command.startsWith('RCPT') ? '450 4.2.0 later' : undefined);
    await round();
    office.whim = () => undefined;
    now += WEEK;
    await round();
    expect(office.taken).toHaveLength(1);
    expect((await letters()).map((one) => [mailState(one), one.error])).toEqual([
      ['sent', null],
      ['failed', 'Вместо него отправлен более новый отчёт.'],
    ]);
  });

  it('comes again after the clock was set forward and back, and not twice', async () => {
    await wish();
    now = SLOT + 9 * WEEK;
    await round();
    for (now = SLOT - 2 * DAY; now < SLOT + 3 * WEEK; now += 6 * 60 * MINUTE) await round();
    // The leap's own, then every Monday from the one on.
    expect(writes.map(({ at }) => (Date.parse(at) - SLOT) / WEEK)).toEqual([9, 0, 1, 2]);
    expect(office.taken).toHaveLength(4);
  });
});

describe('a person who gets none any more', () => {
  it('loses the subscription, hears why, and nothing goes out', async () => {
    const id = await wish();
    const other = await wish(await person('Борис', 'boris@example.ru'));
    refusal = new Refusal('not-allowed', 'Смотреть объекты может агент.');
    now = SLOT;
    expect(await writeReports(post(), agencyId, clock())).toMatchObject({ letters: 0, ended: 2, faults: [] });
    expect(await listSubscriptions(db.pool, agencyId)).toEqual([]);
    expect(await letters()).toEqual([]);
    const [told] = await listMessages(db, agencyId, { employeeId: anna, isOpen: true });
    expect(told).toMatchObject({
      kind: 'report-mail-ended',
      text: expect.stringContaining('Смотреть объекты может агент.'),
    });
    const deeds = await listDeeds(db, agencyId, { action: 'report-unsubscribed' });
    expect(deeds.map(({ by, facts }) => [by, facts.subscriptionId]).sort()).toEqual(
      [
        ['Выгрузка', id],
        ['Выгрузка', other],
      ].sort(),
    );
  });

  it('with the address gone as well', async () => {
    await wish();
    await changeEmployee(db, agencyId, anna, { email: null }, BY, clock());
    now = SLOT;
    await round();
    expect(writes).toEqual([]);
    expect(await listSubscriptions(db.pool, agencyId)).toEqual([]);
  });

  it('is asked about again before a letter that has waited goes out', async () => {
    await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    now += 11 * MINUTE;
    refusal = new Refusal('not-allowed', 'Права нет.');
    await send();
    expect(office.heard).not.toContainEqual(expect.stringContaining('RCPT'));
    expect((await letters()).map(mailState)).toEqual(['failed']);
    expect(await listSubscriptions(db.pool, agencyId)).toEqual([]);
  });

  it('gets what holds now, not what was written then', async () => {
    await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    now += 11 * MINUTE;
    await send();
    expect(readMime(office.taken[0]!.raw).headers.get('subject')).toContain('раз 2');
    expect(writes.map(({ at }) => at)).toEqual(Array(2).fill(new Date(SLOT).toISOString()));
  });

  it('has switched it off: what waits stays', async () => {
    const id = await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    await unsubscribe(db, agencyId, id, 'Анна', clock());
    await send();
    expect(office.taken).toEqual([]);
    const [row] = await letters();
    expect(row).toMatchObject({ failedAt: clock(), error: 'Отчёт больше не нужен.' });
    await expect(retryLetter(db, agencyId, row!.id, 'Анна', clock())).rejects.toMatchObject({ code: 'mail-obsolete' });
  });

  it('stands in nobody else’s way: one report that breaks is only late', async () => {
    const id = await wish();
    await wish(await person('Борис', 'boris@example.ru'));
    const breaking: PostOptions = {
      ...post(),
      write: (one, at) => (one.id === id ? Promise.reject(new Error('broken')) : write(one, at)),
    };
    now = SLOT;
    const { letters: made, faults } = await writeReports(breaking, agencyId, clock());
    expect([made, faults.length]).toEqual([1, 1]);
    expect((await writeReports(post(), agencyId, clock())).letters).toBe(1);
  });
});

describe('the server', () => {
  const states = async () =>
    (await letters()).map((one) => ({ state: mailState(one), error: one.error, tries: one.tries, dueAt: one.dueAt }));

  /** Of Anna, and of these others. */
  async function oneLetter(...others: string[]): Promise<number> {
    await wish();
    for (const name of others) await wish(await person(name, `${name.toLowerCase()}@example.ru`));
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    return (await letters())[0]!.id;
  }

  it('takes the letter: both alternatives and the picture, in Russian, with an identity', async () => {
    await oneLetter();
    await send(post());
    const mime = readMime(office.taken[0]!.raw);
    const { headers } = mime;
    expect(headers.get('subject')).toMatch(/^Выгрузка \d+ на 2026-11-23T06:00:00\.000Z, раз 1$/);
    expect(headers.get('from')).toBe('Выгрузка <vygruzka@agency.test>');
    expect(headers.get('to')).toBe('Анна <anna@example.ru>');
    expect(headers.get('message-id')).toMatch(/^<[0-9a-f]{32}@agency\.test>$/);
    expect(headers.get('auto-submitted')).toBe('auto-generated');
    const [plain, html, png] = leaves(mime);
    expect(plain!.headers.get('content-type')).toMatch(/^text\/plain; charset=utf-8/);
    expect(plain!.text).toMatch(/на 2026-11-23/);
    expect(html!.headers.get('content-type')).toMatch(/^text\/html; charset=utf-8/);
    expect(png!.headers.get('content-id')).toBe('<chart>');
    expect(png!.headers.get('content-disposition')).toMatch(/^inline/);
    expect([...png!.bytes]).toEqual([137, 80, 78, 71]);
    // The picture is not kept.
    expect((await db.pool.query('select png from mail')).rows).toEqual([{ png: null }]);
  });

  it('says 450, then 250: it waits a minute and goes out as the same letter', async () => {
    await oneLetter();
    const seen: string[] = [];
    office.whim = (command, count) => {
      if (command === '<letter>') seen.push(command);
      return command.startsWith('RCPT') && count === 1 ? '450 4.7.1 grey list' : undefined;
    };
    await send();
    expect(await states()).toEqual([
      {
        state: 'waiting',
        error: 'Почтовый сервер просит подождать: 450 4.7.1 grey list',
        tries: 1,
        dueAt: new Date(SLOT + MINUTE),
      },
    ]);
    now += MINUTE - 1;
    await send();
    expect(office.taken).toEqual([]);
    now += 1;
    await send();
    expect(office.taken).toHaveLength(1);
    expect((await states())[0]).toMatchObject({ state: 'sent', error: null, tries: 2 });
    expect(await listMessages(db, agencyId, { isOpen: true })).toEqual([]);
  });

  it('does not pass letters on for us: they wait, and an administrator hears of it', async () => {
    await oneLetter('Boris');
    office.whim = (command) => (command.startsWith('RCPT') ? '550 5.7.1 Relay access denied' : undefined);
    await send();
    expect((await states()).map(({ state }) => state)).toEqual(['waiting', 'waiting']);
    expect(await listMessages(db, agencyId, { isOpen: true })).toEqual([
      expect.objectContaining({ kind: 'mail-fault', role: 'admin', text: expect.stringContaining('Relay access') }),
    ]);
    office.whim = () => undefined;
    now += MINUTE;
    await send();
    expect(office.taken).toHaveLength(2);
    expect(await listMessages(db, agencyId, { isOpen: true })).toEqual([]);
  });

  it('says 550: nobody asks again, the person is told, the other letters go', async () => {
    await oneLetter('Boris');
    office.whim = (command) => (/^RCPT.*anna/.test(command) ? '550 5.1.1 no such user' : undefined);
    await send();
    expect(office.taken.map(({ to }) => to)).toEqual([['boris@example.ru']]);
    const failed = (await letters()).find(({ employee }) => employee === 'Анна')!;
    expect([mailState(failed), failed.error]).toEqual([
      'failed',
      'Почтовый сервер не принял адрес получателя: 550 5.1.1 no such user',
    ]);
    const [told] = await listMessages(db, agencyId, { employeeId: anna, isOpen: true });
    expect(told).toMatchObject({ kind: 'mail-failed', text: expect.stringContaining('550 5.1.1') });
    now += 10 * DAY;
    office.heard.length = 0;
    await send();
    expect(office.heard).toEqual([]);
    // A person has mended the address.
    office.whim = () => undefined;
    await retryLetter(db, agencyId, failed.id, 'Анна', clock());
    await send();
    expect(office.taken).toHaveLength(2);
    await expect(retryLetter(db, agencyId, failed.id, 'Анна', clock())).rejects.toMatchObject({ code: 'mail-sent' });
    await expect(retryLetter(db, agencyId, 987_654, 'Анна', clock())).rejects.toMatchObject({ code: 'mail-unknown' });
  });

  it.each([
    [
      'at the letter itself, 552',
      (command: string) => (command === '<letter>' ? '552 5.3.4 too big' : undefined),
      'failed',
    ],
    [
      'at the letter itself, 451',
      (command: string) => (command === '<letter>' ? '451 4.3.0 busy' : undefined),
      'waiting',
    ],
    [
      'at the sender, 553',
      (command: string) => (command.startsWith('MAIL') ? '553 5.7.1 not yours' : undefined),
      'waiting',
    ],
  ] as const)('says no %s', async (_, whim, state) => {
    await oneLetter();
    office.whim = whim;
    await send();
    expect((await states())[0]).toMatchObject({ state });
    expect(office.taken).toEqual([]);
  });

  it('is not there: the others wait too, an administrator hears of it, and it ends with the first letter', async () => {
    await oneLetter('Boris');
    const { port } = office;
    await office.close();
    await send(post(port));
    const words = 'Почтовый сервер не отвечает по этому адресу.';
    expect((await states()).map(({ tries }) => tries).sort()).toEqual([0, 1]);
    expect(await listMessages(db, agencyId, { isOpen: true })).toEqual([]);
    for (let minute = 1; minute <= 7; minute++) {
      now += MINUTE;
      await send(post(port));
    }
    expect((await states()).map(({ error }) => error)).toEqual([words, words]);
    const told = await listMessages(db, agencyId, { isOpen: true });
    expect(told.map(({ kind, role }) => [kind, role])).toEqual([['mail-fault', 'admin']]);
    office = await openOffice();
    now += DAY;
    await send();
    expect(office.taken).toHaveLength(2);
    expect(await listMessages(db, agencyId, { isOpen: true })).toEqual([]);
  });

  it.each([
    ['before the greeting', (command: string) => (command === '<greeting>' ? 'hang' : undefined)],
    ['after the letter', (command: string) => (command === '<letter>' ? 'hang' : undefined)],
  ] as const)('hangs %s: that is over soon, and it is tried again', async (_, whim) => {
    await oneLetter();
    office.whim = whim;
    const begun = Date.now();
    await send();
    expect(Date.now() - begun).toBeLessThan(5000);
    expect((await states())[0]).toMatchObject({
      state: 'waiting',
      error: 'Почтовый сервер не ответил вовремя.',
      tries: 1,
    });
    office.whim = () => undefined;
    now += 5 * MINUTE;
    await send();
    expect(office.taken).toHaveLength(1);
  });

  it('talks on for ever and says nothing: no letter takes longer than it may', async () => {
    await oneLetter();
    office.whim = (command) => (command.startsWith('EHLO') ? 'drip' : undefined);
    const begun = Date.now();
    await send();
    expect(Date.now() - begun).toBeGreaterThan(patience.silence * 2);
    expect(Date.now() - begun).toBeLessThan(5000);
    expect((await states())[0]).toMatchObject({ state: 'waiting' });
  });

  it('hangs while we stop: the letter is put back in time, and goes again as the same one', async () => {
    await oneLetter('Boris');
    const identities: string[] = [];
    const patient: PostOptions = {
      ...post(),
      mailer: {
        send(mail, signal) {
          identities.push(mail.identity);
          const mailer = openMailer({ smtpUrl: `smtp://127.0.0.1:${office.port}`, from: 'Выгрузка <v@agency.test>' });
          return mailer.send(mail, signal);
        },
      },
    };
    office.whim = (command) => (command === '<letter>' ? 'hang' : undefined);
    const ending = new AbortController();
    const told: SentLetter[] = [];
    const sending = sendLetters(patient, clock, {
      signal: ending.signal,
      stopMs: 300,
      onSent: (one) => told.push(one),
    });
    for (const until = Date.now() + 5000; !office.heard.includes('<letter>') && Date.now() < until; ) await sleep(10);
    const begun = Date.now();
    ending.abort();
    await sending;
    expect(Date.now() - begun).toBeGreaterThan(250);
    expect(Date.now() - begun).toBeLessThan(2000);
    expect(told).toMatchObject([{ outcome: 'later', error: 'Отправка прервана: программа останавливается.' }]);
    for (const state of await states()) expect(state).toMatchObject({ state: 'waiting', error: null, tries: 0 });
    expect(office.taken).toEqual([]);
    office.whim = () => undefined;
    await sendLetters(patient, clock);
    expect(office.taken).toHaveLength(2);
    expect(identities.filter((one) => one === identities[0])).toHaveLength(2);
    const ids = office.taken.map(({ raw }) => readMime(raw).headers.get('message-id'));
    expect(ids).toContain(messageIdOf(identities[0]!, 'agency.test'));
    expect(new Set(ids).size).toBe(2);
  });

  it('is slow while we stop: the letter on the line goes out, and no other is begun', async () => {
    await oneLetter('Boris');
    const ending = new AbortController();
    const slow: PostOptions = {
      ...post(),
      mailer: {
        async send(mail, signal) {
          ending.abort();
          await sleep(200);
          await post().mailer.send(mail, signal);
        },
      },
    };
    await sendLetters(slow, clock, { signal: ending.signal, stopMs: 3000 });
    expect(office.taken).toHaveLength(1);
    expect((await states()).map(({ state, tries }) => [state, tries]).sort()).toEqual([
      ['sent', 1],
      ['waiting', 0],
    ]);
  });

  it('hangs while the clockwork stops: that is over within its patience', async () => {
    await oneLetter();
    office.whim = (command) => (command === '<letter>' ? 'hang' : undefined);
    const warnings: unknown[] = [];
    const log = {
      info() {},
      debug() {},
      warn: (...words: unknown[]) => warnings.push(words),
      error: (...words: unknown[]) => warnings.push(words),
    };
    const mailer = openMailer({ smtpUrl: `smtp://127.0.0.1:${office.port}`, from: 'a@b.ru' });
    const { write, isRecorded } = post();
    const clockwork = await startClockwork({
      ...{ db, boards: [], dataDir: '', clock, log, patienceMs: 3000 },
      post: { mailer, write, isRecorded },
    });
    for (const until = Date.now() + 20_000; !office.heard.includes('<letter>') && Date.now() < until; ) await sleep(20);
    expect(office.heard).toContain('<letter>');
    const begun = Date.now();
    await clockwork.stop();
    expect(Date.now() - begun).toBeLessThan(2900);
    expect(JSON.stringify(warnings)).not.toContain('given up');
    expect((await states())[0]).toMatchObject({ state: 'waiting', tries: 0 });
  });

  it('is slow: what is not begun in time waits for the next minute', async () => {
    await oneLetter('Boris', 'Vera');
    const slow: PostOptions = {
      ...post(),
      mailer: {
        async send(mail) {
          await sleep(150);
          await post().mailer.send(mail);
        },
      },
    };
    await sendLetters(slow, clock, { roundMs: 100 });
    expect((await states()).map(({ state, tries }) => [state, tries]).sort()).toEqual([
      ['sent', 1],
      ['waiting', 0],
      ['waiting', 0],
    ]);
    now += MINUTE;
    await send();
    expect(office.taken).toHaveLength(3);
  });

  it('is told one letter at a time, whatever plan the base makes', async () => {
    await oneLetter('Boris', 'Vera');
    // As after a quiet night: the base takes the outbox for empty, and would ask for the waiting one for each letter anew.
    await db.pool.query(`update pg_class set relpages = 1, reltuples = 0 where relname = 'mail'`);
    await claimLetter(db, clock());
    expect((await states()).map(({ tries }) => tries).sort()).toEqual([0, 0, 1]);
  });

  it('hangs up in the middle', async () => {
    await oneLetter();
    office.whim = (command) => (command === '<letter>' ? 'drop' : undefined);
    await send();
    expect((await states())[0]).toMatchObject({ state: 'waiting', error: expect.stringMatching(/^Почтовый сервер/) });
  });

  it('does not know our password: it is told to an administrator at once, and never told to anybody else', async () => {
    await office.close();
    office = await openOffice({ vygruzka: 'другой' });
    await oneLetter();
    await send(post(office.port, db, `vygruzka:${encodeURIComponent(SECRET)}@`));
    const [row] = await letters();
    expect(row).toMatchObject({ tries: 1, error: expect.stringContaining('не принял имя или пароль') });
    const [told] = await listMessages(db, agencyId, { isOpen: true });
    expect(told).toMatchObject({ kind: 'mail-fault', role: 'admin' });
    for (const text of [row!.error!, told!.text]) {
      expect(text).toContain('no such vygruzka with ***');
      expect(text).not.toContain('пароль+с');
      expect(text).not.toContain(encodeURIComponent(SECRET));
    }
    await office.close();
    office = await openOffice({ vygruzka: SECRET });
    now += DAY;
    await send(post(office.port, db, `vygruzka:${encodeURIComponent(SECRET)}@`));
    expect(office.taken).toHaveLength(1);
  });

  it('hears no password unencrypted, unless it is this very machine', async () => {
    await office.close();
    office = await openOffice({ vygruzka: SECRET }, '127.0.0.2');
    await oneLetter();
    const smtpUrl = (more: string) => `smtp://vygruzka:${encodeURIComponent(SECRET)}@127.0.0.2:${office.port}${more}`;
    const through = (more: string) => ({
      ...post(),
      mailer: openMailer({ smtpUrl: smtpUrl(more), from: 'a@b.ru', patience }),
    });
    await send(through(''));
    expect(office.heard.filter((command) => command.startsWith('AUTH'))).toEqual([]);
    expect(office.heard).toContain('STARTTLS');
    expect((await states())[0]).toMatchObject({ state: 'waiting', error: expect.stringContaining('шифровании') });
    now += MINUTE;
    await send(through('?requireTLS=false'));
    expect(office.taken).toHaveLength(1);
    expect(JSON.stringify(through('').mailer)).not.toContain(encodeURIComponent(SECRET));
  });

  it('never takes it: the letter is given up after three days and a bit', async () => {
    await oneLetter();
    office.whim = (command) => (command.startsWith('RCPT') ? '450 later' : undefined);
    let hours = 0;
    for (; (await letters()).map(mailState)[0] === 'waiting' && hours < 200; hours++) {
      await send();
      now += 60 * MINUTE;
    }
    expect(hours).toBeGreaterThan(72);
    expect(hours).toBeLessThan(100);
    expect(await listMessages(db, agencyId, { employeeId: anna, isOpen: true })).toHaveLength(1);
  });
});

describe('a sender that dies', () => {
  it('after the server took the letter and before we noted it: it goes again, as the same letter', async () => {
    await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    const dying: PostOptions = {
      ...post(),
      mailer: {
        send: async (mail) => {
          await post().mailer.send(mail);
          // As a killed process: what comes after never happens.
          await new Promise(() => {});
        },
      },
    };
    void sendLetters(dying, clock);
    for (const until = Date.now() + 5000; office.taken.length === 0 && Date.now() < until; ) await sleep(10);
    // Others leave it alone for as long as a sender may take.
    await send();
    now += 2 * MINUTE;
    await send();
    expect(office.taken).toHaveLength(1);
    now += 2 * MINUTE;
    await send();
    expect(office.taken).toHaveLength(2);
    const ids = office.taken.map(({ raw }) => readMime(raw).headers.get('message-id'));
    expect(ids[0]).toBe(ids[1]);
    expect((await letters()).map(mailState)).toEqual(['sent']);
  });

  it('every time is not sent the letter for ever', async () => {
    await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    let deaths = 0;
    const deadly: PostOptions = {
      ...post(),
      mailer: {
        send() {
          deaths++;
          return new Promise(() => {});
        },
      },
    };
    for (let at = 1; at <= 12; at++) {
      void sendLetters(deadly, clock);
      const isTaken = async () =>
        (await letters()).some((one) => one.failedAt !== null || (at <= 9 && one.tries >= at));
      for (const until = Date.now() + 5000; !(await isTaken()) && Date.now() < until; ) await sleep(10);
      now += 4 * MINUTE;
    }
    await send();
    // As often as a letter that the server turns away (domain/report-mail.ts).
    expect(deaths).toBe(9);
    expect(office.taken).toEqual([]);
    expect(await letters()).toMatchObject([{ error: expect.stringContaining('каждый раз обрывалась'), tries: 10 }]);
    expect((await letters()).map(mailState)).toEqual(['failed']);
    expect(await listMessages(db, agencyId, { employeeId: anna, isOpen: true })).toMatchObject([
      { kind: 'mail-failed' },
    ]);
  });

  it('is not asked to forget a waiting letter by a clock that was set back', async () => {
    await wish();
    now = SLOT + 20 * WEEK;
    office.whim = (command) => (command.startsWith('RCPT') ? '450 later' : undefined);
    await round();
    office.whim = () => undefined;
    now = SLOT;
    await send();
    expect(office.taken).toHaveLength(1);
  });
});

describe('a letter that is wanted once more', () => {
  const retry = (id: number) => retryLetter(db, agencyId, id, 'Анна', clock());
  const underWay = { code: 'mail-under-way' };

  it('is not doubled while it is on the line', async () => {
    const id = await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    let take = () => {};
    let isOnLine = false;
    const slow: PostOptions = {
      ...post(),
      mailer: {
        async send(mail) {
          if (!isOnLine)
            await new Promise<void>((resolve) => {
              isOnLine = true;
              take = resolve;
            });
          await post().mailer.send(mail);
        },
      },
    };
    const sending = sendLetters(slow, clock);
    for (const until = Date.now() + 5000; !isOnLine && Date.now() < until; ) await sleep(10);
    const [row] = await letters();
    now += MINUTE;
    await expect(retry(row!.id)).rejects.toMatchObject(underWay);
    await send();
    // Nor when a newer one has taken its place meanwhile.
    const subscription = (await subscriptionById(db.pool, agencyId, id))!;
    expect(await putAsked(db, subscription, letter('сейчас'), 'Анна', clock())).toBe(true);
    await expect(retry(row!.id)).rejects.toMatchObject(underWay);
    take();
    await sending;
    expect(office.taken).toHaveLength(2);
    await expect(retry(row!.id)).rejects.toMatchObject({ code: 'mail-sent' });
  });

  it('goes at once when it waits after a no, was given up, or its sender is long gone', async () => {
    await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    const { id } = (await letters())[0]!;
    office.whim = (command) => (command.startsWith('RCPT') ? '450 4.2.0 later' : undefined);
    await send();
    await retry(id);
    office.whim = (command) => (command.startsWith('RCPT') ? '550 5.1.1 no such user' : undefined);
    await send();
    expect((await letters()).map(mailState)).toEqual(['failed']);
    await retry(id);
    void sendLetters({ ...post(), mailer: { send: () => new Promise(() => {}) } }, clock);
    for (const until = Date.now() + 5000; (await letters())[0]!.tries !== 1 && Date.now() < until; ) await sleep(10);
    await expect(retry(id)).rejects.toMatchObject(underWay);
    now += 3 * MINUTE;
    await retry(id);
    office.whim = () => undefined;
    await send();
    expect(office.taken).toHaveLength(1);
  });

  it('has its picture, though the base has not kept it', async () => {
    const id = await wish();
    now = SLOT;
    await writeReports(post(), agencyId, clock());
    const { id: first } = (await letters())[0]!;
    now += 61_000;
    const subscription = (await subscriptionById(db.pool, agencyId, id))!;
    await putAsked(db, subscription, letter('сейчас'), 'Анна', clock());
    await retry(first);
    await send();
    expect(office.taken).toHaveLength(2);
    for (const { raw } of office.taken)
      expect(leaves(readMime(raw)).map((leaf) => leaf.headers.get('content-id') ?? '')).toContain('<chart>');
  });
});

it('a report that is asked for comes at once, once a minute', async () => {
  const id = await wish();
  const subscription = (await subscriptionById(db.pool, agencyId, id))!;
  const asked = await Promise.allSettled(
    [1, 2, 3].map(() => putAsked(db, subscription, letter('сейчас'), 'Анна', clock())),
  );
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const one of asked) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'mail-too-soon' });
  now += 61_000;
  // The one before has not gone out yet: two of one report come to nobody.
  expect(await putAsked(db, subscription, letter('ещё'), 'Анна', clock())).toBe(true);
  expect((await letters()).map((one) => [mailState(one), one.error])).toEqual([
    ['waiting', null],
    ['failed', 'Вместо него отправлен более новый отчёт.'],
  ]);
  await send();
  expect(office.taken).toHaveLength(1);
  expect(readMime(office.taken[0]!.raw).headers.get('subject')).toBe('Выгрузка ещё');
  // The week's own comes all the same.
  now = SLOT;
  await round();
  expect(office.taken).toHaveLength(2);
  await unsubscribe(db, agencyId, id, 'Анна', clock());
  expect(await putAsked(db, subscription, letter('поздно'), 'Анна', clock())).toBe(false);
});

it('letters of long ago are thrown away, those that wait never are', async () => {
  await wish();
  now = SLOT;
  await round();
  await wish(await person('Борис', 'boris@example.ru'), { weekday: 2 });
  now += DAY;
  await writeReports(post(), agencyId, clock());
  now += 31 * DAY;
  await forgetLetters(db, clock());
  expect((await letters()).map(mailState)).toEqual(['waiting']);
});
