import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExportReport } from '../../src/contracts/export-report.ts';
import { localDay } from '../../src/domain/days.ts';
import { mailPeriod } from '../../src/domain/report-mail.ts';
import { REACH_ALL } from '../../src/domain/rights.ts';
import { sendLetters, writeReports } from '../../src/export/post.ts';
import { openMailer } from '../../src/net/mailer.ts';
import { exportChartPng, exportChartSvg } from '../../src/server/export-chart.ts';
import { exportReport, type Reporter } from '../../src/server/export-report.ts';
import { isReportRecorded, reportLetter } from '../../src/server/report-letter.ts';
import { setGrants } from '../../src/store/access.ts';
import { changeEmployee, listBranches } from '../../src/store/agencies.ts';
import { recordDays } from '../../src/store/days.ts';
import { listDeeds } from '../../src/store/journal.ts';
import { type Letter, listLetters } from '../../src/store/mail.ts';
import { listSubscriptions, subscribe, subscriptionById } from '../../src/store/report-mail.ts';
import { runHereWith } from '../cli/here.ts';
import { leaves, openOffice, type PostOffice, readMime } from '../export/smtp.ts';
import { type PlayedDemo, playedDemo } from '../played.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** The letter with the report of the demo: what stands in it, for whom, and the doors to it. */

const PUBLIC = 'https://feeds.agency.test';
const NASTY = 'Ромашка & <script>alert("1")</script> О’Нил';

let demo: PlayedDemo;
let door: Counter;
let office: PostOffice;
let admin: Visitor;
/** Of one branch only. */
let manager: Visitor;
let agent: Visitor;
let branches: Awaited<ReturnType<typeof listBranches>>;
let now: Date;

beforeAll(async () => {
  demo = await playedDemo();
  now = demo.context.clock();
  const { db, agencyId } = demo;
  branches = await listBranches(db.pool, agencyId);
  door = await counter(db, agencyId, () => now, { publicUrl: PUBLIC, hasPost: true });
  admin = await door.come({ name: 'Админ', email: 'admin@example.ru' }, [{ role: 'admin' }]);
  const branchId = branches[0]!.id;
  manager = await door.come({ name: 'Вера', email: 'vera@example.ru', branchId }, [
    { role: 'manager', scope: 'branch', branchId },
  ]);
  agent = await door.come({ name: 'Новый', email: 'new@example.ru' });
  office = await openOffice();
}, 240_000);
afterAll(async () => {
  await office?.close();
  await door?.close();
  await demo?.drop();
});

const options = (publicUrl: string | undefined = PUBLIC) => ({
  db: demo.db,
  boards: demo.context.boards,
  clock: () => now,
  publicUrl,
});

async function mailed(
  visitor: Visitor,
  query: Readonly<Record<string, unknown>>,
  weeks = 3,
  publicUrl?: string | null,
  at = now,
): Promise<Letter> {
  const wish = { employeeId: visitor.id, query, weeks, weekday: 1, atMinute: 540 };
  const id = await subscribe(demo.db, demo.agencyId, wish, 'тест', now);
  const subscription = (await subscriptionById(demo.db.pool, demo.agencyId, id))!;
  await demo.db.pool.query('delete from report_subscription where id = $1', [id]);
  return reportLetter({ ...options(), ...(publicUrl === null && { publicUrl: undefined }) }, subscription, at);
}

/** The same report by another way: without the letter's own counting. */
async function reportOf(
  more: Partial<Reporter>,
  query: Readonly<Record<string, unknown>>,
  weeks = 3,
  at = now,
): Promise<ExportReport> {
  const name = (board: string) => demo.context.boards.find(({ id }) => id === board)!.name;
  const reporter: Reporter = {
    db: demo.db,
    agencyId: demo.agencyId,
    reach: REACH_ALL,
    columns: demo.cabinets.map(({ id, board }) => ({ id, board, boardName: name(board), title: name(board) })),
    now,
    ...more,
  };
  return exportReport(reporter, { ...query, ...mailPeriod(at, 'Europe/Moscow', weeks) });
}

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');
/** The cells of the letter's tables of numbers, row by row. */
const rowsOf = (html: string): string[][] =>
  [...html.matchAll(/<tr><th scope="row".*?<\/tr>/g)].map(([row]) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => plain(cell!)),
  );
const hrefs = (html: string) => [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!.replaceAll('&amp;', '&'));

describe('the letter', () => {
  it('has the numbers of the report, of every board and step', async () => {
    const letter = await mailed(admin, { step: 'week', board: ['avito', 'cian'] });
    const report = await reportOf({}, { step: 'week', board: ['avito', 'cian'] });
    expect(report.steps).toHaveLength(3);
    expect(report.sources[0]!.steps[2]!.total!.published).toBeGreaterThan(20);
    const expected = report.sources.flatMap(({ steps }) =>
      steps.map(({ total }, at) => {
        const { marked, published, blocked, unfunded } = total!;
        return [
          report.steps[at]!.label,
          ...[marked, published, blocked, unfunded].map(String),
          `${Math.round((published / marked) * 100)} %`,
        ];
      }),
    );
    expect(rowsOf(letter.html)).toEqual(expected);
    for (const { title } of report.sources) expect(letter.html).toContain(`>${title}</h2>`);
    for (const [label, marked, published] of expected)
      expect(plain(letter.text)).toContain(`${label}: отмечено ${marked}, выгружено ${published},`);
    expect(letter.subject).toBe('Выгрузка: 26.10–15.11, Дом у реки');
  });

  it('says why the last step differs, week after week', async () => {
    const query = { board: ['avito', 'cian'] };
    const seen = new Set<string>();
    for (let week = 0; week < 14; week++) {
      const at = new Date(now.getTime() - week * 7 * 86_400_000);
      const text = plain((await mailed(admin, query, 2, PUBLIC, at)).text);
      const report = await reportOf({}, query, 2, at);
      for (const { title, steps } of report.sources) {
        const [before, last] = steps.map(({ total }) => total);
        const news = new RegExp(`${title.toUpperCase()}\n(.*)\n`).exec(text)![1]!;
        if (last!.marked === 0) {
          expect(news).toContain('В последнем шаге ничего не отмечено на выгрузку.');
          continue;
        }
        const difference = last!.published - before!.published;
        seen.add(difference === 0 ? 'same' : difference > 0 ? 'more' : 'less');
        const turn =
          difference === 0
            ? 'столько же, сколько'
            : `на ${Math.abs(difference)} ${difference > 0 ? 'больше' : 'меньше'}, чем`;
        const share = Math.round((last!.published / last!.marked) * 100);
        expect(news).toContain(
          `В последнем шаге выгружено ${last!.published} из ${last!.marked} (${share} %), ${turn} шагом раньше.`,
        );
        const moved = (what: string) => Number(new RegExp(`${what} (\\d+)`).exec(news)?.[1] ?? 0);
        expect(moved('Пришло') - moved('Ушло')).toBe(difference);
      }
    }
    expect([...seen].sort()).toEqual(['less', 'more', 'same']);
  });

  it('has one link, to the screen with the same question, and nothing of other hosts', async () => {
    const query = { step: 'day', minShare: 10, by: 'branch', board: ['avito', 'cian'], branch: [branches[0]!.id] };
    const { html, text } = await mailed(admin, query, 1);
    const links = hrefs(html);
    expect(links).toHaveLength(1);
    const { origin, pathname, searchParams } = new URL(links[0]!);
    expect([origin, pathname]).toEqual([PUBLIC, '/reports']);
    expect([...searchParams]).toEqual([
      ['from', '2026-11-09'],
      ['until', '2026-11-15'],
      ['step', 'day'],
      ['minShare', '10'],
      ['by', 'branch'],
      ['board', 'avito'],
      ['board', 'cian'],
      ['branch', String(branches[0]!.id)],
    ]);
    // The very report is there.
    const answer = await admin.get(`/reports/exports?${searchParams}`);
    expect(answer.body.steps).toHaveLength(7);
    expect(text).toContain(links[0]);
    expect(html.match(/https?:/g)).toHaveLength(1);
    expect(html).not.toMatch(/<script|<link|<style|url\(|javascript:|\son\w+=/i);
    expect(html).toContain('src="cid:chart"');
  });

  it('has no link where nobody knows our address, and says where to look', async () => {
    const { html, text } = await mailed(admin, {}, 1, null);
    expect(hrefs(html)).toEqual([]);
    expect(text).toContain('Открыть отчёт можно в приложении');
    expect(`${html}${text}`).not.toMatch(/localhost|https?:/);
  });

  it('has the picture', async () => {
    const { png } = await mailed(admin, { board: ['avito'] }, 1);
    expect(await sharp(png!).metadata()).toMatchObject({ format: 'png', width: 2200 });
  });

  it('counts what its reader may see', async () => {
    const { html } = await mailed(manager, { by: 'branch', board: ['avito'] });
    const reach = { isAll: false, branchIds: [branches[0]!.id], departmentIds: [], employeeId: null };
    const own = await reportOf({ reach }, { by: 'branch', board: ['avito'] });
    const all = await reportOf({}, { board: ['avito'] });
    const numbers = own.sources[0]!.steps.map(({ total }) => String(total!.marked));
    expect(
      rowsOf(html)
        .filter(([name]) => name !== branches[0]!.name)
        .map(([, marked]) => marked),
    ).toEqual(numbers);
    expect(numbers).not.toEqual(all.sources[0]!.steps.map(({ total }) => String(total!.marked)));
    for (const { name } of branches.slice(1)) expect(html).not.toContain(name);
    // An agent without listings gets a letter that says so.
    expect((await mailed(agent, {}, 1)).text).toContain('ничего не отмечено');
  });

  it('says everywhere what it is narrowed to', async () => {
    const [one, other] = branches;
    const { id: employeeId, name: employee } = (
      await demo.db.pool.query<{ id: number; name: string }>(
        'select e.id, e.name from employee e join listing l on l.agency_id = e.agency_id and l.employee_id = e.id where e.agency_id = $1 order by e.id limit 1',
        [demo.agencyId],
      )
    ).rows[0]!;
    const query = { board: ['avito'], branch: [one!.id] };
    const letter = await mailed(admin, query, 1);
    const second = await mailed(admin, { ...query, branch: [other!.id] }, 1);
    expect(letter.subject).toBe(`Выгрузка: 09.11–15.11, Дом у реки, филиал «${one!.name}»`);
    expect(second.subject).toBe(`Выгрузка: 09.11–15.11, Дом у реки, филиал «${other!.name}»`);
    const intro = `Дом у реки: объекты, которые вы видите в приложении, с отбором (филиал «${one!.name}»), без разбивки`;
    for (const text of [letter.text, letter.html]) expect(text).toContain(intro);
    expect(second.text).not.toContain(one!.name);
    const report = await reportOf({}, query, 1);
    expect(exportChartSvg(report)).toContain(`Отбор: филиал «${one!.name}»`);
    expect(letter.png).toEqual(exportChartPng(report));
    expect(exportChartSvg(await reportOf({}, { board: ['avito'] }, 1))).not.toContain('Отбор');
    const both = await mailed(admin, { board: ['avito'], branch: [one!.id, other!.id], employee: [employeeId] }, 1);
    expect(both.subject).toMatch(/, филиалы «.+», «.+»; сотрудник /);
    expect(both.text).toContain(`сотрудник ${employee})`);
    const whole = await mailed(admin, { board: ['avito'] }, 1);
    expect([whole.subject, whole.text].join()).not.toMatch(/филиал|отбор/);
    // What the reader does not see has no name.
    const foreign = await mailed(manager, { board: ['avito'], branch: [other!.id, 987_654] }, 1);
    expect(foreign.subject).toContain(`филиалы «№${other!.id}», «№987654»`);
    expect(JSON.stringify([foreign.text, foreign.html])).not.toContain(other!.name);
  });

  it('keeps names as they are, whatever is in them', async () => {
    const { db, agencyId } = demo;
    await db.pool.query('update agency set name = $2 where id = $1', [agencyId, NASTY]);
    await db.pool.query('update branch set name = $3 where agency_id = $1 and id = $2', [
      agencyId,
      branches[0]!.id,
      NASTY,
    ]);
    const { html, text, subject } = await mailed(admin, { by: 'branch', board: ['avito'] }, 1);
    await db.pool.query('update agency set name = $2 where id = $1', [agencyId, 'Дом у реки']);
    await db.pool.query('update branch set name = $3 where agency_id = $1 and id = $2', [
      agencyId,
      branches[0]!.id,
      branches[0]!.name,
    ]);
    expect(html).not.toContain('<script');
    expect(
      html.match(/Ромашка &amp; &lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt; О’Нил/g)!.length,
    ).toBeGreaterThanOrEqual(2);
    expect(text).toContain(NASTY);
    expect(subject).toContain(NASTY);
  });

  it('is not longer than a mailbox takes, and says what is missing', async () => {
    const long = await mailed(
      admin,
      { step: 'day', by: 'employee', board: ['avito', 'cian', 'yandex', 'domclick', 'bn'] },
      21,
    );
    expect(rowsOf(long.html).length).toBeLessThanOrEqual(120);
    expect(rowsOf(long.html).length).toBeGreaterThan(60);
    expect(long.html).toMatch(/В письме показаны последние \d+ из 147 шагов/);
    expect(Buffer.byteLength(long.html)).toBeLessThan(100_000);
    const whole = await mailed(admin, { step: 'day', board: ['avito'] }, 4);
    expect(rowsOf(whole.html)).toHaveLength(28);
    expect(whole.html).not.toContain('В письме');
  });
});

describe('the doors', () => {
  const PATH = '/reports/subscriptions';
  const wish = { weekday: 1, atMinute: 540, weeks: 4, query: { step: 'week', board: ['avito'] } };

  it('show one’s own, and an administrator everybody’s', async () => {
    const made = await manager.send('POST', PATH, wish);
    expect(made.status).toBe(200);
    expect((await manager.get(PATH)).body).toMatchObject({
      isSetUp: true,
      hasLinks: true,
      email: 'vera@example.ru',
      data: [
        {
          id: made.body.id,
          isMine: true,
          told: 'по понедельникам в 09:00, за 4 недели',
          next: 'пн 23.11.2026 09:00',
          query: wish.query,
          letter: null,
        },
      ],
    });
    expect((await agent.get(PATH)).body.data).toEqual([]);
    const all = (await admin.get(PATH)).body.data as { id: number; isMine: boolean }[];
    expect(all.find(({ id }) => id === made.body.id)).toMatchObject({ isMine: false });
    // The demo's own manager has one.
    expect(all).toHaveLength(2);
    for (const method of ['DELETE', 'POST'] as const)
      expect((await agent.send(method, `${PATH}/${made.body.id}${method === 'POST' ? '/send' : ''}`)).status).toBe(404);
    expect((await admin.send('DELETE', `${PATH}/${made.body.id}`)).status).toBe(204);
    expect((await manager.send('DELETE', `${PATH}/${made.body.id}`)).status).toBe(404);
    expect((await manager.get(PATH)).body.data).toEqual([]);
  });

  it.each([
    [{ weeks: 22 }, 422],
    [{ weekday: 0 }, 422],
    [{ atMinute: 1440 }, 422],
    [{ query: { from: '2026-11-01' } }, 422],
    [{ query: { board: ['no-such'] } }, 404],
    [{ query: { board: ['avito', 'cian', 'yandex', 'domclick', 'bn', 'move'] } }, 422],
    [{ employeeId: 1 }, 422],
  ])('refuse %j', async (wrong, status) => {
    const answer = await manager.send('POST', PATH, { ...wish, ...wrong });
    expect(answer.status).toBe(status);
    expect(answer.body.detail).toMatch(/[а-я]/);
    expect((await manager.get(PATH)).body.data).toEqual([]);
  });

  it('show what is narrowed, here and on the command line', async () => {
    const query = { ...wish.query, branch: [branches[0]!.id] };
    const { id } = (await admin.send('POST', PATH, { ...wish, query })).body;
    const { id: whole } = (await admin.send('POST', PATH, wish)).body;
    const narrowed = `филиал «${branches[0]!.name}»`;
    const data = (await admin.get(PATH)).body.data as { id: number; narrowed: string | null }[];
    expect(data.find((one) => one.id === id)!.narrowed).toBe(narrowed);
    expect(data.find((one) => one.id === whole)!.narrowed).toBeNull();
    const { stdout } = await runHereWith({ DATABASE_URL: demo.url }, 'report', 'subscriptions');
    const lines = stdout.split('\n');
    expect(lines.find((line) => line.startsWith(`№${id} `))).toContain(`, с отбором: ${narrowed}`);
    expect(lines.find((line) => line.startsWith(`№${whole} `))).not.toContain('отбор');
    for (const one of [id, whole]) await admin.send('DELETE', `${PATH}/${one}`);
  });

  it('send now, once a minute, and say when there is no post', async () => {
    const { id } = (await manager.send('POST', PATH, wish)).body;
    expect((await manager.send('POST', `${PATH}/${id}/send`)).status).toBe(204);
    const again = await manager.send('POST', `${PATH}/${id}/send`);
    expect([again.status, again.body.code, again.headers['retry-after']]).toEqual([429, 'mail-too-soon', '60']);
    expect((await manager.get(PATH)).body.data[0].letter).toMatchObject({ state: 'waiting', error: null });
    expect(await listLetters(demo.db.pool, demo.agencyId, { limit: 9 })).toHaveLength(1);
    const mute = await counter(demo.db, demo.agencyId, () => now);
    const ask = async (method: 'GET' | 'POST', url: string) =>
      (await mute.app.inject({ method, url: `/api/v1${url}`, headers: admin.headers })).json();
    expect(await ask('GET', PATH)).toMatchObject({ isSetUp: false, hasLinks: false });
    expect(await ask('POST', `${PATH}/${id}/send`)).toMatchObject({ code: 'mail-off' });
    await mute.close();
  });
});

describe('all the way', () => {
  const post = () => ({
    db: demo.db,
    mailer: openMailer({
      smtpUrl: `smtp://127.0.0.1:${office.port}`,
      from: 'Выгрузка <vygruzka@agency.test>',
      replyTo: 'it@agency.test',
    }),
    write: (subscription: Parameters<typeof reportLetter>[1], at: Date) => reportLetter(options(), subscription, at),
    isRecorded: (subscription: Parameters<typeof reportLetter>[1], at: Date) =>
      isReportRecorded(options(), subscription, at),
    unsubscribe: `${PUBLIC}/reports`,
  });

  /** What the clockwork does after midnight. */
  async function record(): Promise<void> {
    for (const cabinet of demo.cabinets) await recordDays(demo.db, cabinet, now);
  }

  it('the report waits until its last day is over and recorded wherever it is exported', async () => {
    const { db, agencyId } = demo;
    const wish = { employeeId: admin.id, query: { board: ['avito', 'cian'] }, weeks: 1, weekday: 1, atMinute: 480 };
    const id = await subscribe(db, agencyId, wish, 'тест', now);
    // Monday at eight in Kamchatka, and Sunday in Moscow still.
    const subscription = { ...(await subscriptionById(db.pool, agencyId, id))!, zone: 'Asia/Kamchatka' };
    await db.pool.query('delete from report_subscription where id = $1', [id]);
    const slot = new Date('2026-11-22T20:00:00Z');
    const isRecorded = () => isReportRecorded(options(), subscription, slot);
    now = slot;
    expect(mailPeriod(slot, subscription.zone, 1).until).toBe('2026-11-22');
    await record();
    expect(await isRecorded()).toBe(false);
    now = new Date('2026-11-22T21:05:00Z');
    expect(await isRecorded()).toBe(false);
    const [first, ...others] = demo.cabinets.filter(({ board }) => board === 'avito' || board === 'cian');
    expect(others.length).toBeGreaterThan(0);
    for (const cabinet of others) await recordDays(db, cabinet, now);
    expect(await isRecorded()).toBe(false);
    // A feed that has something to record is waited for, though nothing of it was ever recorded.
    const set = (day: string | null, ids: readonly number[]) =>
      db.pool.query('update cabinet set recorded_through = $2 where agency_id = $1 and id = any($3)', [
        agencyId,
        day,
        ids,
      ]);
    const kept = await db.pool.query<{ id: number; day: string }>(
      'select id, recorded_through::text as day from cabinet where agency_id = $1',
      [agencyId],
    );
    await set(null, [first!.id]);
    expect(await isRecorded()).toBe(false);
    for (const row of kept.rows) await set(row.day, [row.id]);
    expect(await isRecorded()).toBe(false);
    await recordDays(db, first!, now);
    expect(await isRecorded()).toBe(true);
    // The whole week is told of: no star.
    expect((await reportLetter(options(), subscription, slot)).text).not.toContain('*');
    // Who gets no report waits for nothing.
    expect(await isReportRecorded(options(), { ...subscription, employeeId: 987_654 }, slot)).toBe(true);
  });

  it('the report comes on Monday, and nothing any more to somebody who has left', async () => {
    const { db, agencyId } = demo;
    now = new Date('2026-11-23T06:00:00Z');
    expect(localDay(now, 'Europe/Moscow')).toBe('2026-11-23');
    // The agency's own manager has one from the demo, this test's manager the one from above.
    await record();
    const { letters, faults } = await writeReports(post(), agencyId, now);
    expect([letters, faults]).toEqual([2, []]);
    office.taken.length = 0;
    await sendLetters(post(), () => now);
    const mine = office.taken.filter(({ to }) => to[0] === 'vera@example.ru');
    expect(mine).toHaveLength(1);
    const mime = readMime(mine[0]!.raw);
    expect(mime.headers.get('subject')).toBe('Выгрузка: 26.10–22.11, Дом у реки');
    expect(mime.headers.get('reply-to')).toBe('it@agency.test');
    expect(mime.headers.get('list-unsubscribe')).toBe(`<${PUBLIC}/reports>`);
    const [text, html, png] = leaves(mime);
    expect(text!.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(rowsOf(html!.text)).toHaveLength(4);
    expect(html!.text).toContain('Этот отчёт приходит вам по понедельникам в 09:00, за 4 недели.');
    expect(html!.text).toContain('cid:chart');
    expect(png!.headers.get('content-id')).toBe('<chart>');
    expect((await sharp(png!.bytes).metadata()).format).toBe('png');
    // No line is longer than servers take.
    expect(Math.max(...mine[0]!.raw.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(998);

    await changeEmployee(db, agencyId, manager.id, { isActive: false }, { name: 'тест', person: null }, now);
    now = new Date('2026-11-30T06:00:00Z');
    await record();
    office.taken.length = 0;
    await writeReports(post(), agencyId, now);
    await sendLetters(post(), () => now);
    expect(office.taken.flatMap(({ to }) => to)).not.toContain('vera@example.ru');
    expect((await listSubscriptions(db.pool, agencyId)).map(({ employeeId }) => employeeId)).not.toContain(manager.id);
    const [deed] = await listDeeds(db, agencyId, { action: 'report-unsubscribed' });
    expect(deed).toMatchObject({
      by: 'Выгрузка',
      facts: { employeeId: manager.id, reason: 'Сотрудник больше не работает.' },
    });
  });

  it('a narrower right narrows the letter that waits', async () => {
    const { db, agencyId } = demo;
    const { id: branchId, name } = branches[1]!;
    const wide = await door.come({ name: 'Широкий', email: 'wide@example.ru' }, [{ role: 'manager' }]);
    await wide.send('POST', '/reports/subscriptions', {
      weekday: 2,
      atMinute: 540,
      weeks: 2,
      query: { by: 'branch', board: ['avito'] },
    });
    now = new Date('2026-12-01T06:00:00Z');
    await record();
    await writeReports(post(), agencyId, now);
    await setGrants(
      db,
      agencyId,
      wide.id,
      [{ role: 'manager', scope: 'branch', branchId, departmentId: null }],
      { name: 'тест', person: null },
      now,
    );
    now = new Date('2026-12-01T07:00:00Z');
    office.taken.length = 0;
    await sendLetters(post(), () => now);
    const [, html] = leaves(readMime(office.taken.find(({ to }) => to[0] === 'wide@example.ru')!.raw));
    expect(html!.text).toContain(name);
    for (const other of branches.filter(({ id }) => id !== branchId)) expect(html!.text).not.toContain(other.name);
  });
});
