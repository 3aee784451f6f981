import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { editionFolder, editionPath } from '../../src/export/edition.ts';
import { ensureCabinet } from '../../src/store/agencies.ts';
import { currentEdition, listCabinets } from '../../src/store/publishing.ts';
import { addTariff } from '../../src/store/tariffs.ts';
import { hasBrowser } from './browser.ts';
import { ADMIN, AGENT, Counter, type Login, MANAGER, OPENING_MS, PATIENCE_MS, SPECIALIST } from './counter.ts';

/**
 * A day of each role in a real browser, in Russian: what the person sees, clicks and types, and what comes of it in the
 * base and in the feeds. The days follow one another in one agency.
 */

/** A board the agency opens today, where nothing is marked yet, and what a day costs there. */
const FRESH = { board: 'mirkvartir', name: 'Мир квартир', kopecks: 7_00 };
/** A line of the branch's office, free for the weekend's duty. */
const DUTY = '+79000000031';
const DAY_MS = 240_000;
const HOUR = 60;

/** Something comes to be so, sooner or later. */
const until = <T>(look: () => T) => expect.poll(look, { interval: 30, timeout: PATIENCE_MS });
/** «1 140,50» in kopecks. */
const kopecksIn = (roubles: string): number => Math.round(Number(roubles.replace(/\s/g, '').replace(',', '.')) * 100);

describe.skipIf(!hasBrowser)('a day at the counter', () => {
  let counter: Counter;
  let freshId: number;

  beforeAll(async () => {
    counter = await Counter.open();
    const { db, agencyId, context } = counter.demo;
    const { name, family } = context.board(FRESH.board);
    freshId = await ensureCabinet(db, agencyId, { board: FRESH.board, slug: 'main', name, family });
    const terms = { lines: [{ kopecks: FRESH.kopecks }], excess: null, promotion: [] };
    // What a day costs is known before it begins.
    const yesterday = new Date(counter.clock().getTime() - 86_400_000);
    await addTariff(db, { agencyId, id: freshId }, { validFrom: '2026-11-20', terms }, 'тест', yesterday);
  }, OPENING_MS);
  afterEach(({ task }) => counter.leave(task.name));
  afterAll(() => counter?.close());

  const rows = async <T>(sql: string, ...values: unknown[]) =>
    (await counter.demo.db.pool.query(sql, values)).rows as T[];
  const one = async <T>(sql: string, ...values: unknown[]) => (await rows<T>(sql, ...values))[0]!;
  const outcomeOn = async (board: string, listingId: number) =>
    (
      await one<{ outcome: string }>(
        `select o.outcome from mark_outcome o join cabinet c on c.agency_id = o.agency_id and c.id = o.cabinet_id
         where c.board = $1 and o.listing_id = $2`,
        board,
        listingId,
      )
    ).outcome;
  /** What the board would be given now. */
  const feedOf = async (board: string) => {
    const { db, dataDir, agencyId } = counter.demo;
    const cabinet = (await listCabinets(db, { agencyId })).find((candidate) => candidate.board === board)!;
    const edition = (await currentEdition(db, cabinet))!;
    return readFile(editionPath(editionFolder(dataDir, agencyId, cabinet.id), edition.sha256, 'xml'), 'utf8');
  };
  const come = async (login: Login) => {
    const visit = await counter.visit();
    await visit.signIn(login);
    return visit;
  };

  it(
    'agent: puts a blocked listing right, marks twenty, takes them back, marks them again',
    async () => {
      const visit = await come(AGENT);
      const { page } = visit;
      const sick = await one<{ id: number; externalId: string; floor: number }>(
        `select l.id, l.external_id as "externalId", (l.values->>'floor')::int as floor
       from listing l join employee e on e.id = l.employee_id join mark_outcome o on o.listing_id = l.id
       where e.email = 'petrov@example.ru' and o.outcome = 'blocked' and o.reason like 'Этажей в доме: не заполнено%'
       order by 1`,
      );

      // What does not go out is told at once, and leads to work in two clicks.
      await page.getByText(/\d+\sобъект\S*\sне выход/).waitFor();
      await page.getByRole('button', { name: 'показать' }).click();
      await visit.settled();
      await page
        .getByRole('rowheader')
        .filter({ hasText: new RegExp(`^\\s*${sick.id}\\s`) })
        .click();
      await page.getByRole('heading', { level: 1, name: new RegExp(`^${sick.id} · `) }).waitFor();
      expect(await visit.clicks()).toBeLessThanOrEqual(2);

      // The notice goes while the number is typed, before anything is saved.
      const summary = page.getByRole('heading', { name: 'Исправьте 1 поле, чтобы объект вышел: Авито и Циан' });
      await summary.waitFor();
      await page
        .getByRole('button', { name: /Этажей в доме: не заполнено/ })
        .first()
        .click();
      // The field is looked for after the next drawing; whoever types sees where.
      await page.waitForFunction(() => document.activeElement instanceof HTMLInputElement);
      await page.keyboard.type(String(sick.floor + 3));
      expect(await page.evaluate(() => (document.activeElement as HTMLInputElement).value)).toBe(
        String(sick.floor + 3),
      );
      await summary.waitFor({ state: 'detached' });
      const floors = async () =>
        (
          await one<{ floors: number | null }>(
            `select (values->>'floorsTotal')::int as floors from listing where id = $1`,
            sick.id,
          )
        ).floors;
      expect(await floors()).toBeNull();
      await visit.press('mod+s');
      // Words in quotes would be found in «Не сохранено: 1 поле», which is there as soon as something is typed.
      await page.getByText(/^Сохранено: 1\sполе/).waitFor();
      expect(await floors()).toBe(sick.floor + 3);

      // The next run takes it out to the board.
      expect(await outcomeOn('avito', sick.id)).toBe('blocked');
      await counter.comeRound(HOUR);
      expect(await outcomeOn('avito', sick.id)).toBe('published');
      expect(await feedOf('avito')).toContain(`<Id>${sick.externalId}</Id>`);

      // Twenty at once: first what would be and what it costs, then the deed.
      await page
        .getByRole('link', { name: /^Объекты/ })
        .first()
        .click();
      await visit.settled();
      const list = page.getByRole('region', { name: 'Объекты' });
      const marks = async () =>
        (
          await one<{ count: number }>(
            'select count(*)::int as count from mark where cabinet_id = $1 and is_live',
            freshId,
          )
        ).count;
      const markTwenty = async () => {
        // The run before this may move rows between the two clicks: the range is of the rows that were clicked then.
        await vi.waitFor(
          async () => {
            await visit.settled();
            await visit.press('esc');
            // Only the rows that are seen are drawn.
            await list.evaluate((box) => box.scrollTo(0, 0));
            await list.locator('[data-index="0"]').getByRole('checkbox').click();
            await list
              .locator('[data-index="19"]')
              .getByRole('checkbox')
              .click({ modifiers: ['Shift'] });
            await page.getByText('Выбрано 20').waitFor({ timeout: 2_000 });
          },
          { timeout: PATIENCE_MS },
        );
        await visit.press('b');
        const dialog = page.getByRole('dialog');
        await dialog.getByLabel(FRESH.name).check();
        const told = await dialog.getByText(/Сегодня спишется/).textContent();
        expect(await marks()).toBe(0);
        // Those with errors are marked too: they go out when they are put right.
        await dialog.getByRole('button', { name: /^Отметить все 20/ }).click();
        await dialog.waitFor({ state: 'detached' });
        await until(marks).toBe(20);
        return kopecksIn(/Сегодня спишется ([\d\s,]+)/.exec(told!)![1]!);
      };
      const toldKopecks = await markTwenty();

      // Taken back in one stroke, and done again.
      await page.getByRole('button', { name: /^Отменить/ }).waitFor();
      await visit.press('z');
      await until(marks).toBe(0);
      expect(await markTwenty()).toBe(toldKopecks);

      // The next run takes to the kopeck what was told.
      await counter.comeRound(HOUR);
      const paid = await one<{ kopecks: number }>(
        `select coalesce(sum(kopecks), 0)::int as kopecks from transfer
       where cabinet_id = $1 and (kind = 'hold' or (kind = 'charge' and resolves is null))`,
        freshId,
      );
      expect(toldKopecks).toBeGreaterThan(0);
      expect(paid.kopecks).toBe(toldKopecks);
    },
    DAY_MS,
  );

  it(
    'ad specialist: clears the queue by the keys of the Russian layout',
    async () => {
      const visit = await come(SPECIALIST);
      const { page } = visit;
      const shown = () => page.locator('#case-heading').textContent();
      const begun = counter.clock();
      const verdicts = () =>
        rows<{ kind: string; listingId: number; isUndone: boolean; reasons: { text: string }[] | null }>(
          `select kind, listing_id as "listingId", undone_at is not null as "isUndone", reasons from verdict
         where by = 'Ольга Смирнова' and at > $1 order by id`,
          begun,
        );
      const waiting = async () => (await visit.ask<{ page: { total: number } }>('/moderation')).page.total;
      const inQueue = await waiting();
      expect(inQueue).toBeGreaterThan(20);

      // The queue is the first screen and its dearest case is open: work begins without a click.
      const first = (await shown())!;
      expect(await visit.clicks()).toBe(0);

      // One is returned with a reason.
      const giveBack = async (reason: string) => {
        await visit.press('r');
        await page.getByRole('dialog').waitFor();
        await visit.press(reason, 'enter');
      };
      await giveBack('2');
      await until(shown).not.toBe(first);
      await until(verdicts).toMatchObject([{ kind: 'returned', isUndone: false }]);
      const [returned] = await verdicts();
      expect(returned!.reasons).toHaveLength(1);

      // One is approved too soon, and taken back within the ten seconds.
      const second = (await shown())!;
      await visit.press('a');
      await until(shown).not.toBe(second);
      await until(verdicts).toHaveLength(2);
      await page.getByRole('alert').filter({ hasText: 'Одобрен' }).waitFor();
      await visit.press('z');
      await until(shown).toBe(second);
      await until(verdicts).toMatchObject([{}, { kind: 'approved', isUndone: true }]);

      // The rest one after the other: each verdict opens the next case. What boards would refuse cannot be approved.
      const isEmpty = page.getByText('Очередь пуста', { exact: true });
      const approve = page.getByRole('button', { name: /^Одобрить/ });
      for (let left = inQueue - 1; left > 0; left--) {
        const before = await shown();
        if ((await approve.getAttribute('aria-disabled')) === null) await visit.press('a');
        else await giveBack('1');
        await until(async () => (await isEmpty.isVisible()) || (await shown()) !== before).toBe(true);
      }
      await isEmpty.waitFor();
      await visit.settled();
      expect(await visit.clicks()).toBe(0);
      const given = (await verdicts()).filter(({ isUndone }) => !isUndone);
      expect(given.map(({ listingId }) => listingId)).toHaveLength(inQueue);
      expect(given.filter(({ kind }) => kind === 'approved').length).toBeGreaterThan(5);
      expect(await waiting()).toBe(0);

      // The run after that lets out what was approved, and keeps what was returned.
      await counter.comeRound(4 * HOUR);
      expect(await rows(`select 1 from mark_outcome where outcome = 'awaiting-moderation'`)).toEqual([]);
      expect(await outcomeOn('cian', returned!.listingId)).toBe('returned');
    },
    DAY_MS,
  );

  it(
    'manager: tops up an account that ran dry, and its listings go out',
    async () => {
      const visit = await come(MANAGER);
      const { page } = visit;
      const dry = () =>
        rows<{ id: number; externalId: string; board: string }>(
          `select l.id, l.external_id as "externalId", c.board
         from mark_outcome o join listing l on l.id = o.listing_id join cabinet c on c.id = o.cabinet_id
         join employee e on e.id = l.employee_id where o.outcome = 'unfunded' and e.email = 'kotova@example.ru'`,
        );
      const before = await dry();
      expect(before.length).toBeGreaterThan(10);

      // Who waits for money stands on the first screen; one click opens the work.
      const row = page.getByRole('row').filter({ hasText: 'Людмила Котова' });
      await row.getByText(/\d+\sобъект/).waitFor();
      await page.getByRole('button', { name: 'Пополнить: Людмила Котова' }).click();
      expect(await visit.clicks()).toBeLessThanOrEqual(2);
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Сумма').fill('5000');
      const listings = new Set(before.map(({ id }) => id)).size;
      await dialog.getByText(new RegExp(`Вый\\S+\\sещё\\s${listings}\\sобъект`)).waitFor();
      await dialog.getByLabel('Основание').fill('счёт 118');
      await dialog.getByRole('button', { name: /^Пополнить на 5\s000/ }).click();
      await dialog.getByText(/Проведено 5\s000/).waitFor();
      await visit.press('enter');
      await dialog.waitFor({ state: 'detached' });
      expect(
        await rows<{ kopecks: number; by: string }>(
          `select kopecks, by from transfer where kind = 'top-up' and reason = 'счёт 118'`,
        ),
      ).toEqual([{ kopecks: 500_000, by: 'Ирина Соколова' }]);

      // Every board has its run within the next hours.
      await counter.comeRound(4 * HOUR);
      expect(await dry()).toEqual([]);
      const xml = await feedOf('avito');
      for (const { externalId } of before.filter(({ board }) => board === 'avito')) expect(xml).toContain(externalId);
      await page.reload();
      await visit.settled();
      await row.getByText('никто').waitFor();
    },
    DAY_MS,
  );

  it(
    'administrator: sets the phones of the weekend, and tries a norm before it holds',
    async () => {
      const visit = await come(ADMIN);
      const { page } = visit;
      const form = page.getByRole('dialog');

      await page.getByRole('link', { name: 'Телефоны' }).first().click();
      await page.getByRole('button', { name: 'Строка', exact: true }).click();
      expect(await visit.clicks()).toBeLessThanOrEqual(2);
      // It offers the coming weekend by itself.
      await form.getByText('только 21 ноября – 22 ноября').waitFor();
      await form.getByLabel('Номер').fill('8 900 000-00-31');
      await form.getByLabel('Доска').click();
      await page.getByRole('option', { name: 'все доски' }).click();
      await form.getByRole('button', { name: 'Поставить номер' }).click();
      await form.waitFor({ state: 'detached' });
      expect(
        await one(
          `select scope, board, weekdays, from_minute as "from", to_minute as "to", starts_on as "startsOn",
           ends_on as "endsOn", kind from phone_line where phone = $1 and starts_on is not null`,
          DUTY,
        ),
      ).toEqual({
        scope: 'agency',
        board: null,
        weekdays: [6, 7],
        from: 540,
        to: 1260,
        startsOn: '2026-11-21',
        endsOn: '2026-11-22',
        kind: 'duty',
      });

      // A norm is tried on the whole base, and nothing moves meanwhile.
      await page
        .getByRole('link', { name: /^Настройки/ })
        .first()
        .click();
      await page.getByRole('link', { name: /^Нормы агентства/ }).click();
      await page.getByRole('button', { name: 'Норма', exact: true }).click();
      await form.getByLabel('Фотографий не меньше').fill('4');
      const answer = page.waitForResponse(/\/norms\/rehearse$/);
      await form.getByRole('button', { name: 'Проверить на всех объектах' }).click();
      const told = (await (await answer).json()) as { changed: number; boards: { leave: number }[] };
      expect(told.changed).toBeGreaterThan(0);
      await form.getByText(new RegExp(`Заденет\\s${told.changed}\\sобъект`)).waitFor();
      const marksThat = async (condition: string) =>
        (
          await rows<{ mark: string }>(
            `select concat(cabinet_id, '-', listing_id) as mark from mark_outcome where ${condition}`,
          )
        ).map(({ mark }) => mark);
      const inFeeds = new Set(await marksThat(`outcome = 'published'`));
      expect(await rows('select 1 from norm')).toEqual([]);
      await form.getByRole('button', { name: 'Сохранить' }).click();
      await form.waitFor({ state: 'detached' });

      // The runs after it take out of the feeds as many as the trial said.
      await counter.comeRound(4 * HOUR);
      const stopped = await marksThat(`outcome = 'blocked' and judgement::text like '%norm/%'`);
      expect(stopped.filter((mark) => inFeeds.has(mark))).toHaveLength(
        told.boards.reduce((sum, { leave }) => sum + leave, 0),
      );

      // On Saturday by day the duty's number stands in the feed; the page left open overnight is signed out by then.
      visit.expectRefusal(/^401 GET /);
      expect(await feedOf('yandex')).not.toContain(DUTY);
      await counter.comeRound(20 * HOUR);
      expect(await feedOf('yandex')).toContain(`<phone>${DUTY}</phone>`);
    },
    DAY_MS,
  );
});
