import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, russianDay } from '../../src/domain/days.ts';
import { maskAddress } from '../../src/server/app.ts';
import { ownerPdf } from '../../src/server/owner-pdf.ts';
import { takePicture } from '../../src/server/uploads.ts';
import { addBranch, addEmployee, resolveAgency } from '../../src/store/agencies.ts';
import { keepMedia } from '../../src/store/cards.ts';
import { recordDays } from '../../src/store/days.ts';
import { shownMarks } from '../../src/store/owner-report.ts';
import { type Stock, stock } from '../store/stock.ts';
import { testDatabase } from '../store/testdb.ts';
import { pdfText } from './pdf-text.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** The owner's report: the life of its links, what it tells, and what it never does. */

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
const START = new Date('2026-11-21T09:00:00Z');
const OWNER_PHONE = '+79995550101';
const CANARIES = [
  OWNER_PHONE,
  '9995550101',
  '999 555',
  'owner-secret@example.ru',
  'agent-mail@example.ru',
  '+79120009999',
  'собственник ругался',
  'жадный модератор',
  'переплатили доске',
  '777,77',
  '77777',
  'Апарт-13-Б',
  'кв-секрет',
  'денег на счёте',
];

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let house: Stock;
let office: Counter;
let now = START;
let listingId: number;
let others: number;
let cabinets: number[];
let agent: Visitor;
let stranger: Visitor;
let head: Visitor;

const ask = (path: string) => office.app.inject(path);
const tokenOf = (url: string) => url.split('/o/')[1]!;

beforeAll(async () => {
  base = await testDatabase();
  const { db } = base;
  dataDir = await mkdtemp(join(tmpdir(), 'vygruzka-owner-'));
  house = await stock(db, {}, new Date(START.getTime() - 20 * DAY));
  const { agencyId } = house;
  office = await counter(db, agencyId, () => now, { dataDir, publicUrl: 'https://feeds.example.ru' });
  const branch = await addBranch(db, agencyId, { name: 'Центр', timeZone: null }, 'тест', START);
  agent = await office.come({
    name: 'Петрова Анна',
    email: 'agent-mail@example.ru',
    phones: ['+79120009999'],
    branchId: branch,
  });
  stranger = await office.come({ name: 'Чужой' });
  head = await office.come({ name: 'Глава' }, [{ role: 'manager', scope: 'branch', branchId: branch }]);
  const picture = await takePicture(
    dataDir,
    await sharp({ create: { width: 900, height: 700, channels: 3, background: '#88aacc' } })
      .jpeg()
      .toBuffer(),
  );
  [listingId, others] = (await house.listings([
    {
      roomsCount: 2,
      areaM2: 54,
      floor: 3,
      floorsTotal: 9,
      address: 'Краснодар, улица Красная, 10 <script>alert(1)</script>',
      apartmentNumber: 'Апарт-13-Б',
      cadastralNumber: 'кв-секрет',
      title: `Звоните ${OWNER_PHONE}`,
      description: `Собственник ${OWNER_PHONE}, owner-secret@example.ru`,
      priceKopecks: 550_000_000,
      contactPhones: [OWNER_PHONE],
      contactEmail: 'owner-secret@example.ru',
      photos: [{ url: `https://feeds.example.ru/media/p/${picture.sha256}.jpg` }],
    },
    {},
  ])) as [number, number];
  await keepMedia(db, agencyId, { ...picture, by: 'тест', at: START }, listingId);
  await db.pool.query(
    `update listing set employee_id = $2, forbidden_reason = null, stage = 'собственник ругался' where id = $1`,
    [listingId, agent.id],
  );
  cabinets = [
    await house.cabinet('avito'),
    await house.cabinet('cian'),
    await house.cabinet('yandex'),
    await house.cabinet('cian', 'second'),
  ];
  for (const [at, cabinetId] of cabinets.entries())
    await db.pool.query(
      'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, $5, $6)',
      [agencyId, cabinetId, listingId, new Date(START.getTime() - 15 * DAY), at + 3, `offer-${at}`],
    );
  await playHistory();
  await db.pool.query(
    `insert into verdict (agency_id, listing_id, kind, content, content_hash, note, by, at, effective_at) values ($1, $2, 'approved', '{}', 'h', 'жадный модератор', 'М', $3, $3)`,
    [agencyId, listingId, START],
  );
  await db.pool.query(
    `insert into journal (agency_id, at, by, action, listing_id, facts) values ($1, $2, 'М', 'money-correction', $3, '{"reason":"переплатили доске","kopecks":77777}')`,
    [agencyId, START, listingId],
  );
});
afterAll(async () => {
  await office?.close();
  await base?.drop();
  await rm(dataDir, { recursive: true, force: true });
});

/** By cabinet: from how many days ago on it has which outcome. */
const PAST = [
  [
    [15, 'awaiting-moderation'],
    [12, 'published'],
    [6, 'unfunded'],
    [4, 'published'],
  ],
  [
    [15, 'published'],
    [10, 'unmarked'],
  ],
  [
    [15, 'published'],
    [3, 'unfunded'],
  ],
  [
    [11, 'published'],
    [7, 'unmarked'],
  ],
] as const;

async function playHistory(): Promise<void> {
  const { db } = base;
  const { agencyId } = house;
  for (const [at, changes] of PAST.entries()) {
    const cabinetId = cabinets[at]!;
    for (const [ago, outcome] of changes)
      await db.pool.query(
        'insert into mark_transition (agency_id, cabinet_id, listing_id, at, outcome) values ($1, $2, $3, $4, $5)',
        [agencyId, cabinetId, listingId, new Date(START.getTime() - ago * DAY), outcome],
      );
    const [, last] = changes.at(-1)!;
    if (last === 'unmarked') await db.pool.query('update mark set is_live = false where cabinet_id = $1', [cabinetId]);
    else
      await db.pool.query(
        `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, reason, input_key, content_key, since, decided_at)
         values ($1, $2, $3, $4, 'На счёте «Центр» не хватает 777,77 ₽ денег на счёте', 'i', 'c', $5, $5)`,
        [agencyId, cabinetId, listingId, last, new Date(START.getTime() - changes.at(-1)![0] * DAY)],
      );
    // The first cabinet's record is two days late.
    await recordDays(db, { agencyId, id: cabinetId }, new Date(START.getTime() - (at === 0 ? 2 : 0) * DAY));
  }
  await db.pool.query(
    `insert into feed_pull (agency_id, cabinet_id, at, method, status, encoding, bytes, is_previous_token, address) values
       ($1, $2, $3, 'GET', 200, 'gzip', 1, false, '10.0.0.1'), ($1, $2, $4, 'GET', 304, 'gzip', 0, false, '10.0.0.1'), ($1, $2, $5, 'GET', 404, 'gzip', 0, false, '10.0.0.1')`,
    [agencyId, cabinets[0], new Date(START.getTime() - DAY), new Date(START.getTime() - 60 * MINUTE), START],
  );
  await db.pool.query(
    `insert into audience_day (agency_id, cabinet_id, listing_id, day, views, calls) values
       ($1, $2, $3, '2026-11-18', 40, null), ($1, $2, $3, '2026-11-19', 2, null), ($1, $2, $3, '2020-01-01', 1000, 1000)`,
    [agencyId, cabinets[0], listingId],
  );
}

/** A plain count: published at its start or become so in it. */
function plainDays(changes: readonly (readonly [number, string])[]): string[] {
  const days: string[] = [];
  for (let ago = 15; ago >= 0; ago--) {
    const before = changes.filter(([at]) => at > ago).at(-1)?.[1];
    const inside = changes.filter(([at]) => at === ago).map(([, outcome]) => outcome);
    if (before === 'published' || inside.includes('published')) days.push(addDays('2026-11-21', -ago));
  }
  return days;
}

describe('where it was shown', () => {
  it('is what the record has, and the days it does not have yet, however often it is asked', async () => {
    for (const _ of ['cold', 'warm']) {
      const { marks, from } = await shownMarks(base.db, house.agencyId, listingId, START);
      expect(marks.map(({ days }) => days)).toEqual(PAST.map(plainDays));
      expect(marks.map(({ views, calls }) => [views, calls])).toEqual([
        [42, null],
        [null, null],
        [null, null],
        [null, null],
      ]);
      expect(from).toBe('2026-11-06');
    }
    const tomorrow = await shownMarks(base.db, house.agencyId, listingId, new Date(START.getTime() + DAY));
    expect(tomorrow.marks[0]!.days).toEqual([...plainDays(PAST[0]), '2026-11-22']);
    await base.db.pool.query('update cabinet set recorded_through = null where id = $1', [cabinets[0]]);
    await base.db.pool.query('delete from day_record where cabinet_id = $1', [cabinets[0]]);
    const unrecorded = await shownMarks({ ...base.db } as never, house.agencyId, listingId, START);
    expect(unrecorded.marks[0]!.days).toEqual(plainDays(PAST[0]));
    await recordDays(base.db, { agencyId: house.agencyId, id: cabinets[0]! }, START);
  });
});

describe('a link', () => {
  it('is made, opens the page without a sign-in, is listed, and revoked', async () => {
    const made = await agent.send('POST', `/listings/${listingId}/owner-links`, { days: 7 });
    expect(made.status).toBe(200);
    expect(made.body.url).toMatch(/^https:\/\/feeds\.example\.ru\/o\/[\w-]{43}$/);
    const token = tokenOf(made.body.url);
    const { rows } = await base.db.pool.query('select token_hash as hash from owner_link where listing_id = $1', [
      listingId,
    ]);
    expect(JSON.stringify(rows)).not.toContain(token);

    const answer = await ask(`/o/${token}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'private, no-store',
      'x-robots-tag': 'noindex, nofollow',
      'referrer-policy': 'no-referrer',
    });
    const policy = String(answer.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('script-src');

    const list = await agent.get(`/listings/${listingId}/owner-links`);
    expect(list.body.data).toEqual([
      expect.objectContaining({ id: made.body.id, by: 'Петрова Анна', lastSeenAt: START.toISOString() }),
    ]);
    expect(list.text).not.toContain(token);
    // The name of a link opens nothing.
    expect((await ask(`/o/${made.body.id}`)).statusCode).toBe(404);

    expect((await agent.send('DELETE', `/listings/${listingId}/owner-links/${made.body.id}`)).body).toEqual({
      revoked: 1,
    });
    const gone = await ask(`/o/${token}`);
    expect(gone.statusCode).toBe(404);
    expect(gone.body).toContain('Ссылка больше не действует');
    expect(gone.headers['x-robots-tag']).toBe('noindex, nofollow');
    expect((await ask(`/o/${token}.pdf`)).statusCode).toBe(404);
    expect((await agent.send('DELETE', `/listings/${listingId}/owner-links/${made.body.id}`)).status).toBe(404);
    expect((await house.deeds()).map(({ action, by }) => [action, by])).toEqual(
      expect.arrayContaining([
        ['owner-link-made', 'Петрова Анна'],
        ['owner-link-revoked', 'Петрова Анна'],
      ]),
    );
    expect(JSON.stringify(await house.deeds())).not.toContain(token);
  });

  it('is over on its day', async () => {
    const { body } = await agent.send('POST', `/listings/${listingId}/owner-links`, {});
    const token = tokenOf(body.url);
    expect(body.expiresAt).toBe(new Date(START.getTime() + 30 * DAY).toISOString());
    now = new Date(START.getTime() + 30 * DAY - 1000);
    expect((await ask(`/o/${token}`)).statusCode).toBe(200);
    now = new Date(START.getTime() + 30 * DAY);
    expect((await ask(`/o/${token}`)).statusCode).toBe(404);
    now = START;
  });

  it('holds for a year at most, and there are not more than twenty', async () => {
    expect((await agent.send('POST', `/listings/${listingId}/owner-links`, { days: 366 })).status).toBe(422);
    expect((await agent.send('POST', `/listings/${listingId}/owner-links`, { days: 0 })).status).toBe(422);
    const have = (await agent.get(`/listings/${listingId}/owner-links`)).body.data.length;
    for (let more = have; more < 20; more++)
      expect((await agent.send('POST', `/listings/${listingId}/owner-links`, {})).status).toBe(200);
    const refused = await agent.send('POST', `/listings/${listingId}/owner-links`, {});
    expect(refused.body).toMatchObject({ code: 'too-many-owner-links' });
    await base.db.pool.query('delete from owner_link');
  });

  it('is for whoever reaches the listing, and for nobody of another agency', async () => {
    expect((await head.get(`/listings/${listingId}/owner-links`)).status).toBe(200);
    for (const who of [stranger]) {
      expect((await who.send('POST', `/listings/${listingId}/owner-links`, {})).status).toBe(404);
      expect((await who.get(`/listings/${listingId}/owner-links`)).status).toBe(404);
      expect((await who.get(`/listings/${listingId}/owner-report.pdf`)).status).toBe(404);
    }
    expect((await agent.get(`/listings/${others}/owner-links`)).status).toBe(404);
    // A link of one listing is not revoked through another.
    const { body } = await agent.send('POST', `/listings/${listingId}/owner-links`, {});
    await base.db.pool.query('update listing set employee_id = $2 where id = $1', [others, agent.id]);
    expect((await agent.send('DELETE', `/listings/${others}/owner-links/${body.id}`)).status).toBe(404);
    expect((await ask(`/o/${tokenOf(body.url)}`)).statusCode).toBe(200);

    const { id: foreign } = await resolveAgency(base.db, 'Чужое агентство', true);
    const other = await counter(base.db, foreign, () => now);
    const boss = await other.come({ name: 'Чужой глава' }, [{ role: 'admin' }]);
    await addEmployee(base.db, foreign, { name: 'Ещё', phones: [] });
    expect((await boss.send('POST', `/listings/${listingId}/owner-links`, {})).status).toBe(404);
    expect((await boss.send('DELETE', `/listings/${listingId}/owner-links/${body.id}`)).status).toBe(404);
    await other.close();
  });

  it('never goes into a log', () => {
    expect(maskAddress('/o/abcDEF_123.pdf?x=1')).toBe('/o/***');
    expect(maskAddress('/o/abc')).toBe('/o/***');
    expect(maskAddress('/%6F/abc')).toBe('/o/***');
    expect(maskAddress('http://any.example/o/abc')).toBe('/o/***');
    expect(maskAddress('/%66/avito/SECRET.xml')).toBe('/f/avito/***');
    expect(maskAddress('/%61pi/v1/welcome/SECRET')).toBe('/api/v1/welcome/***');
    expect(maskAddress('/o/%zz')).toBe('***');
    expect(maskAddress('/objects?q=1')).toBe('/objects?***');
    expect(maskAddress('/objects')).toBe('/objects');
  });

  it('is not guessed: nonsense is told nothing', async () => {
    for (const path of ['/o/x', `/o/${'a'.repeat(43)}`, `/o/${'a'.repeat(43)}.xml`, '/o/%00', `/o/${'ы'.repeat(10)}`])
      expect((await ask(path)).statusCode, path).toBe(404);
  });
});

describe('the page and the PDF', () => {
  let html: string;
  let pdf: Buffer;
  beforeAll(async () => {
    await base.db.pool.query('delete from owner_link');
    const { body } = await agent.send('POST', `/listings/${listingId}/owner-links`, {});
    html = (await ask(`/o/${tokenOf(body.url)}`)).body;
    const answer = await ask(`/o/${tokenOf(body.url)}.pdf`);
    expect(answer.headers['content-type']).toBe('application/pdf');
    pdf = answer.rawPayload;
  });

  it('tell where, since when, how long, what is known of views, and what stops it', () => {
    const days = PAST.map(plainDays);
    expect(html).toContain('Квартира, комнат: 2, 54 м², этаж 3 из 9');
    expect(html.replaceAll('\u00a0', ' ')).toContain('5 500 000 ₽');
    expect(html).toContain('Сейчас объявление размещается: Авито.');
    expect(html).toContain(`с ${russianDay(days[0]![0]!)}, с перерывами`);
    expect(html).toContain(`${days[0]!.length} дней`);
    expect(html).toContain(`${new Set([...days[1]!, ...days[3]!]).size} дней`);
    expect(html).toContain('размещение окончено');
    expect(html).toContain('временно не размещается');
    expect(html).toContain('21.11.2026 11:00');
    expect(html).toContain('Просмотров</dt><dd>42');
    expect(html).toContain('Звонков</dt><dd>–');
    expect(html).toContain('Петрова Анна');
    expect(html).toContain('data:image/jpeg;base64,');
  });

  it('need nothing from anywhere, run nothing, and take no text for code', () => {
    expect(html).not.toMatch(/<script|https?:\/\/|<link|@import|url\(/i);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(html).toContain('<html lang="ru">');
  });

  it('are the same words, in letters of their own, with the photo', () => {
    const { text, fonts, images } = pdfText(pdf);
    const words = text.replaceAll(/\s+/g, ' ');
    for (const told of [
      'Отчёт собственнику',
      'Краснодар, улица Красная, 10',
      'Квартира, комнат: 2',
      '500',
      '₽',
      'Авито',
      'размещение окончено',
      'Петрова Анна',
    ])
      expect(words).toContain(told);
    expect(text).not.toContain('\u{fffd}');
    expect(fonts.every((name) => name.includes('GolosText'))).toBe(true);
    expect(fonts.length).toBeGreaterThan(0);
    expect(images).toBe(1);
  });

  it.each(CANARIES)('never tell %s', (canary) => {
    const { text } = pdfText(pdf);
    for (const told of [html.replace(/data:image[^"]*/, ''), text, text.replaceAll('\n', '')])
      expect(told.replaceAll('\u00a0', ' ')).not.toContain(canary);
  });

  it('are downloaded from the card too', async () => {
    const answer = await office.app.inject({
      url: `/api/v1/listings/${listingId}/owner-report.pdf`,
      headers: agent.headers,
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-disposition']).toContain(`otchet-sobstvenniku-${listingId}.pdf`);
    expect(pdfText(answer.rawPayload).text).toContain('Авито');
  });

  it('go on to a second sheet where there are many boards', async () => {
    const board = {
      name: 'Площадка',
      isShown: true,
      state: 'размещается',
      days: '3 дня',
      when: null,
      taken: null,
      views: null,
      calls: null,
    };
    const many = await ownerPdf({
      agency: 'А',
      agent: null,
      title: 'Квартира',
      address: null,
      price: null,
      photo: null,
      madeAt: '',
      state: 'с',
      isShown: true,
      totals: [],
      boards: Array.from({ length: 60 }, (_, at) => ({ ...board, name: `Площадка ${at}` })),
      notes: [],
    });
    expect(many.toString('latin1').match(/\/Type \/Page\n/g)!.length).toBeGreaterThan(1);
    for (const at of [0, 59]) expect(pdfText(many).text).toContain(`Площадка ${at}\n`);
  });

  it('say that nothing was shown yet where nothing was', async () => {
    const { body } = await agent.send('POST', `/listings/${others}/owner-links`, {});
    const { body: empty } = await ask(`/o/${tokenOf(body.url)}`);
    expect(empty).toContain('Объявление ещё не размещали.');
    expect(empty).not.toContain('<img');
  });

  it('answer whoever asks too often that it is too often', async () => {
    const codes = new Set<number>();
    for (let at = 0; at < 130; at++)
      codes.add((await office.app.inject({ url: `/o/${'b'.repeat(43)}`, remoteAddress: '10.9.9.9' })).statusCode);
    expect([...codes]).toEqual([404, 429]);
  });
});
