import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addEmployee, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { openOffice, type PostOffice, readMime } from '../export/smtp.ts';
import { testDatabase } from '../store/testdb.ts';
import { runHereWith } from './here.ts';
import { type Ran, start, temporaryFolder } from './run.ts';

/** Reports by e-mail on the command line, and real processes that write, send and are killed at it. */

const SUNDAY = '2026-11-22T09:00:00Z';
const MONDAY = '2026-11-23T06:00:30Z';
const SECRET = 'tainoe-slovo';

let base: Awaited<ReturnType<typeof testDatabase>>;
let home: Awaited<ReturnType<typeof temporaryFolder>>;
let office: PostOffice;
const begun: ReturnType<typeof start>[] = [];
/** Everything that was printed. */
const printed: Ran[] = [];

beforeAll(async () => {
  base = await testDatabase();
  home = await temporaryFolder('mail');
  office = await openOffice({ vygruzka: SECRET });
  const { id: agencyId } = await resolveAgency(base.db, 'Дом', true);
  for (const [name, email] of [
    ['Анна', 'anna@example.ru'],
    ['Без входа', 'none@example.ru'],
  ] as const) {
    const id = await addEmployee(base.db, agencyId, { name, phones: [], email });
    if (name === 'Анна')
      await base.db.pool.query(
        `insert into sign_in (agency_id, employee_id, login, password_hash, created_at) values ($1, $2, 'anna', 'never', now())`,
        [agencyId, id],
      );
  }
  await ensureCabinet(base.db, agencyId, { board: 'avito', slug: 'main', name: 'Авито', family: 'avito' });
});
afterEach(async () => {
  for (const { child, done } of begun.splice(0)) {
    child.kill('SIGKILL');
    printed.push(await done);
  }
});
afterAll(async () => {
  await office.close();
  await base.drop();
  await home.drop();
});

const bare = () => ({ DATABASE_URL: base.url, DATA_DIR: home.path, LOG_LEVEL: 'info' });
const env = (port = office.port) => ({
  ...bare(),
  SMTP_URL: `smtp://vygruzka:${SECRET}@127.0.0.1:${port}`,
  MAIL_FROM: 'Выгрузка <vygruzka@agency.test>',
  PUBLIC_URL: 'https://feeds.agency.test',
});
async function ask(args: string[], more: Record<string, string> = env()): Promise<Ran> {
  const ran = await runHereWith(more, ...args);
  printed.push(ran);
  return ran;
}
const json = async (...args: string[]) => JSON.parse((await ask([...args, '--json'])).stdout);
async function until(is: () => boolean | Promise<boolean>, seconds = 80): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !(await is()); await sleep(50))
    if (Date.now() > end) throw new Error(`not in time; heard ${office.heard.join(' | ')}`);
}
function work(now: string) {
  const one = start(['work', '--now', now], env());
  begun.push(one);
  return one;
}

describe('on the command line', () => {
  it('a person gets the report, and hears what is missing', async () => {
    const made = await ask(
      ['report', 'subscribe', '--for', 'Анна', '--weekday', 'пн', '--at', '9', '--board', 'avito', '--now', SUNDAY],
      bare(),
    );
    expect(made).toMatchObject({ code: 0, stderr: 'Почта не настроена: задайте SMTP_URL и MAIL_FROM.\n' });
    expect(made.stdout).toMatch(
      /^№1 {2}Анна <anna@example\.ru> {2}по понедельникам в 09:00, за 4 недели, шаг – неделя, без разбивки, avito {2}дальше пн 23\.11\.2026 09:00\n$/,
    );
    expect(await json('report', 'subscriptions', '--now', SUNDAY)).toMatchObject({
      isSetUp: true,
      subscriptions: [{ id: 1, query: { board: ['avito'], step: 'week', minShare: 50, by: 'none' } }],
    });
    expect((await ask(['mail', 'list'], bare())).stdout).toBe('Писем нет.\n');
    expect(await ask(['mail', 'test', '--to', 'Анна'], bare())).toMatchObject({ code: 4 });
  });

  it.each([
    [['report', 'subscribe', '--for', 'Без входа'], 4, /ещё не входит/],
    [['report', 'subscribe', '--for', 'Никто'], 2, /«Никто» нет/],
    [['report', 'subscribe', '--for', 'Анна', '--weekday', 'пн-пт'], 2, /один день/],
    [['report', 'subscribe', '--for', 'Анна', '--at', '24:00'], 2, /время/],
    [['report', 'subscribe', '--for', 'Анна', '--weeks', '22'], 2, /от 1 до 21/],
    [['report', 'subscribe', '--for', 'Анна', '--board', 'cian'], 2, /нет, или вы его не видите/],
    [['report', 'subscribe'], 2, /--for/],
    [['report', 'unsubscribe', '77'], 2, /Рассылки №77 нет/],
    [['mail', 'retry', '77'], 2, /Письма №77 нет/],
    [['mail', 'retry', 'все'], 2, /не номер письма/],
    [['mail', 'test', '--to', 'Никто'], 2, /«Никто» нет/],
  ] as [string[], number, RegExp][])('%j is refused in Russian', async (args, code, message) => {
    const ran = await ask(args);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).not.toMatch(/\n\s+at /);
  });

  it('a letter is sent for a test, or said why not', async () => {
    expect(await ask(['mail', 'test', '--to', 'Анна'])).toMatchObject({ code: 0 });
    expect(readMime(office.taken.splice(0)[0]!.raw).headers.get('subject')).toBe('Выгрузка: проверка почты');
    const silent = await openOffice();
    await silent.close();
    const failed = await ask(['mail', 'test', '--to', 'Анна'], env(silent.port));
    expect(failed).toMatchObject({
      code: 6,
      stderr: `127.0.0.1:${silent.port}: Почтовый сервер не отвечает по этому адресу.\n`,
    });
    const { MAIL_FROM: _, ...nobody } = env();
    expect(await ask(['mail', 'list'], nobody)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('MAIL_FROM'),
    });
    const doctor = (await ask(['doctor'])).stdout;
    expect(doctor).toContain(`✓ Почта: 127.0.0.1:${office.port}`);
  });
});

describe('processes at work', () => {
  it('killed after the server took the letter: the others send it again, once, as the same one', async () => {
    const first = work(MONDAY);
    let isKilled = false;
    office.whim = (command) => {
      if (command !== '<letter>' || isKilled) return undefined;
      isKilled = true;
      process.kill(first.child.pid!, 'SIGKILL');
      return undefined;
    };
    await until(() => office.taken.length === 1);
    await first.done;
    const [waiting] = (await json('mail', 'list')).letters;
    expect(waiting).toMatchObject({ state: 'waiting', tries: 1, sentAt: null });

    // Two come for it as soon as a sender would have been done with it.
    work('2026-11-23T06:04:00Z');
    work('2026-11-23T06:04:00Z');
    await until(async () => (await json('mail', 'list')).letters[0].state === 'sent');
    await sleep(2000);
    expect(office.taken).toHaveLength(2);
    expect((await json('mail', 'list')).letters).toHaveLength(1);
    const [one, other] = office.taken.map(({ raw }) => readMime(raw).headers);
    expect(one!.get('message-id')).toBe(other!.get('message-id'));
    expect(one!.get('subject')).toBe('Выгрузка: 26.10–22.11, Дом');
    expect(await ask(['mail', 'retry', '1'])).toMatchObject({ code: 4, stderr: 'Письмо №1 уже отправлено.\n' });
  }, 180_000);

  it('end the subscription of nobody, and stop when told', async () => {
    expect(await ask(['report', 'unsubscribe', '1'])).toMatchObject({ code: 0 });
    const last = work('2026-11-30T07:00:00Z');
    const said = new Promise<void>((resolve) =>
      last.child.stderr!.on('data', (part) => /Ctrl/.test(String(part)) && resolve()),
    );
    await said;
    await sleep(1500);
    last.child.kill('SIGTERM');
    expect((await last.done).code).toBe(0);
    expect(office.taken).toHaveLength(2);
  }, 120_000);
});

it('the password is nowhere to be read', () => {
  expect(printed.length).toBeGreaterThan(15);
  for (const { stdout, stderr } of printed) {
    expect(`${stdout}${stderr}`).not.toContain(SECRET);
    expect(`${stdout}${stderr}`).not.toContain(Buffer.from(`\0vygruzka\0${SECRET}`).toString('base64'));
  }
});
