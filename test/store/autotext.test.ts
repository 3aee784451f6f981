import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conflicts, effective } from '../../src/domain/corrections.ts';
import { Refusal } from '../../src/domain/fault.ts';
import type { Listing } from '../../src/domain/listing.ts';
import type { AgencySettings } from '../../src/domain/settings.ts';
import { importFeed } from '../../src/intake/import.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { AUTOTEXT, fillEmptyDescriptions, rewriteDescription } from '../../src/store/autotext.ts';
import { hashOf } from '../../src/store/hash.ts';
import { importListings } from '../../src/store/intake.ts';
import { findListings, type ListingRow, markListings, saveCorrections } from '../../src/store/marks.ts';
import { changeAgencySettings } from '../../src/store/settings.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
let counter = 0;
const day = (number: number) => new Date(Date.UTC(2026, 10, number, 9));

beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const flat = (externalId: string, more: Partial<Listing> = {}): Listing => ({
  externalId,
  kind: 'flat',
  deal: 'sale',
  roomsCount: 2,
  areaM2: 54.3,
  floor: 7,
  floorsTotal: 16,
  address: 'Воронеж, улица Лоцманов, 16',
  priceKopecks: 540_000_000,
  ...more,
});

/** An agency, its source, and the day on which things happen to it. */
async function agency(settings: Partial<AgencySettings['texts']> = {}) {
  const { id } = await resolveAgency(base.db, `Агентство ${++counter}`, true);
  const set = (texts: Partial<AgencySettings['texts']>, at = day(1)) =>
    changeAgencySettings(
      base.db,
      id,
      (own) => ({ ...own, texts: { ...own.texts, ...texts } as AgencySettings['texts'] }),
      { by: 'тест', action: 'settings-set' },
      at,
    );
  await set(settings);
  return {
    id,
    set,
    load: (at: Date, ...listings: Listing[]) =>
      importListings(
        base.db,
        { agencyId: id, source: 'crm' },
        listings.map((values) => ({ values, employeeId: null })),
        at,
      ),
    fill: (at: Date, ids?: number[]) => fillEmptyDescriptions(base.db, id, ids, at),
    one: async (externalId: string) => (await findListings(base.db, id, externalId))[0]!,
    freshAt: async (externalId: string) =>
      (
        await base.db.pool.query<{ at: Date }>(
          'select fresh_at as at from listing where agency_id = $1 and external_id = $2',
          [id, externalId],
        )
      ).rows[0]!.at,
    deeds: async () =>
      (
        await base.db.pool.query<{ by: string; action: string }>(
          `select by, action from journal where agency_id = $1 and listing_id is not null order by id`,
          [id],
        )
      ).rows.map(({ by, action }) => `${by}: ${action}`),
  };
}

async function correct(row: ListingRow, value: string | null, at: Date): Promise<void> {
  const corrections = {
    ...row.corrections,
    description: { value, basis: row.sourceValues.description ?? null, by: 'Анна', at: at.toISOString() },
  };
  const values = effective(row.sourceValues, corrections);
  const next = { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(row.values) };
  expect(await saveCorrections(base.db, row, next, at)).toBe(true);
}

const OURS = /^Продаётся двухкомнатная квартира площадью 54,3 м² на 7-м этаже 16-этажного дома\. Адрес: Воронеж/;

describe('empty descriptions', () => {
  it('are written once, by «Автотекст», and what stands there already is left alone', async () => {
    const house = await agency();
    await house.load(
      day(1),
      flat('empty'),
      flat('tags', { description: '<p>&nbsp;</p>' }),
      flat('full', { description: 'Светлая.' }),
    );
    expect(await house.fill(day(2))).toEqual({ written: 2, dropped: 0 });
    expect((await house.one('full')).values.description).toBe('Светлая.');
    expect((await house.one('tags')).values.description).toMatch(OURS);
    const { values, sourceValues, corrections } = await house.one('empty');
    expect(values.description).toMatch(OURS);
    expect(values.title).toBeUndefined();
    expect(sourceValues.description).toBeUndefined();
    expect(corrections.description).toMatchObject({ by: AUTOTEXT, basis: null, at: day(2).toISOString() });
    expect(await house.fill(day(3))).toEqual({ written: 0, dropped: 0 });
    expect(await house.deeds()).toEqual([`${AUTOTEXT}: listing-text-written`, `${AUTOTEXT}: listing-text-written`]);
  });

  it('keep their text when the price, the template or the area changes', async () => {
    const house = await agency({ templates: [{ name: 'с ценой', text: 'Цена {price}, площадь {areaM2}.' }] });
    await house.load(day(1), flat('a'));
    await house.fill(day(1));
    const written = (await house.one('a')).values.description;
    await house.load(day(2), flat('a', { priceKopecks: 510_000_000, areaM2: 60 }));
    await house.set({ templates: [{ name: 'другой', text: 'Другой текст.' }] });
    expect(await house.fill(day(3))).toEqual({ written: 0, dropped: 0 });
    const { values } = await house.one('a');
    expect([values.description, values.priceKopecks, values.areaM2]).toEqual([written, 510_000_000, 60]);
  });

  it('leave freshness as it was, and make the cabinets due in which the listing is marked', async () => {
    const house = await agency();
    await house.load(day(1), flat('a'));
    const cabinetId = await ensureCabinet(base.db, house.id, {
      board: 'avito',
      slug: 'main',
      name: 'Авито',
      family: 'avito',
    });
    await markListings(base.db, house.id, cabinetId, undefined, day(1));
    await base.db.pool.query('update cabinet set due_at = null where id = $1', [cabinetId]);
    await house.fill(day(2));
    expect(await house.freshAt('a')).toEqual(day(1));
    const due = await base.db.pool.query<{ at: Date }>('select due_at as at from cabinet where id = $1', [cabinetId]);
    expect(due.rows[0]!.at.getTime() - day(2).getTime()).toBe(300_000);
  });

  it('give way to the text that the source brings later, and come back when it goes', async () => {
    const house = await agency();
    await house.load(day(1), flat('a'));
    await house.fill(day(1));
    await house.load(day(2), flat('a', { description: 'Своими словами агента.' }));
    expect(await house.fill(day(2))).toEqual({ written: 0, dropped: 1 });
    const { values, corrections, sourceValues } = await house.one('a');
    expect([values.description, corrections, conflicts(sourceValues, corrections)]).toEqual([
      'Своими словами агента.',
      {},
      [],
    ]);
    expect(await house.fill(day(3))).toEqual({ written: 0, dropped: 0 });
    await house.load(day(4), flat('a'));
    expect(await house.fill(day(4))).toEqual({ written: 1, dropped: 0 });
  });

  it('give way to the source even when the agency has switched them off', async () => {
    const house = await agency();
    await house.load(day(1), flat('a'), flat('b', { description: 'Было.' }));
    await house.fill(day(1));
    await house.set({ fillsEmpty: false });
    await house.load(day(2), flat('a', { description: 'Стало.' }), flat('b'));
    expect(await house.fill(day(2))).toEqual({ written: 0, dropped: 1 });
    expect((await house.one('b')).values.description).toBeUndefined();
  });

  it('stay empty where a person emptied them, and a person’s text is nobody else’s', async () => {
    const house = await agency();
    await house.load(day(1), flat('emptied', { description: 'Было.' }), flat('own'));
    await correct(await house.one('emptied'), null, day(1));
    await correct(await house.one('own'), 'Слова Анны.', day(1));
    expect(await house.fill(day(2))).toEqual({ written: 0, dropped: 0 });
    await house.load(day(3), flat('emptied', { description: 'Было.' }), flat('own', { description: 'Источник.' }));
    expect(await house.fill(day(3))).toEqual({ written: 0, dropped: 0 });
    expect((await house.one('own')).values.description).toBe('Слова Анны.');
    expect((await house.one('emptied')).values.description).toBeUndefined();
  });

  it('are written for the named listings only, and not for those that left the source', async () => {
    const house = await agency();
    await house.load(day(1), ...Array.from({ length: 10 }, (_, at) => flat(`f${at}`)));
    const { id } = await house.one('f3');
    expect(await house.fill(day(1), [id])).toEqual({ written: 1, dropped: 0 });
    await house.load(day(2), ...Array.from({ length: 9 }, (_, at) => flat(`f${at}`)));
    expect(await house.fill(day(2))).toEqual({ written: 8, dropped: 0 });
    expect((await house.one('f9')).values.description).toBeUndefined();
  });

  it('are found in a base of several batches', async () => {
    const house = await agency();
    const many = Array.from({ length: 430 }, (_, at) => flat(`f${at}`, at % 2 ? { description: 'Есть.' } : {}));
    await house.load(day(1), ...many);
    expect(await house.fill(day(1))).toEqual({ written: 215, dropped: 0 });
  });
});

describe('writing anew', () => {
  it('replaces our own text on request, in the name of who asked, and leaves freshness', async () => {
    const house = await agency();
    await house.load(day(1), flat('a'));
    await house.fill(day(1));
    const { id } = await house.one('a');
    expect(await rewriteDescription(base.db, house.id, id, 'Анна', day(2))).toMatchObject({ isNew: false });
    await house.set({ templates: [{ name: 'кратко', text: 'Площадь {areaM2}.' }] });
    expect(await rewriteDescription(base.db, house.id, id, 'Анна', day(3))).toEqual({
      text: 'Площадь 54,3 м².',
      isNew: true,
    });
    const { values, corrections } = await house.one('a');
    expect([values.description, corrections.description!.by]).toEqual(['Площадь 54,3 м².', AUTOTEXT]);
    expect(await house.freshAt('a')).toEqual(day(1));
    expect((await house.deeds()).at(-1)).toBe('Анна: listing-text-written');
  });

  it('takes nobody’s text without force; with it, ours lies over until the source brings another', async () => {
    const house = await agency();
    await house.load(day(1), flat('source', { description: 'Источник.' }), flat('person'), flat('emptied'));
    await correct(await house.one('person'), 'Слова Анны.', day(1));
    await correct(await house.one('emptied'), null, day(1));
    for (const name of ['source', 'person', 'emptied']) {
      const { id } = await house.one(name);
      await expect(rewriteDescription(base.db, house.id, id, 'Борис', day(2))).rejects.toThrow(Refusal);
      await rewriteDescription(base.db, house.id, id, 'Борис', day(2), true);
      expect((await house.one(name)).values.description).toMatch(OURS);
    }
    expect(await house.fill(day(3))).toEqual({ written: 0, dropped: 0 });
    await house.load(day(4), flat('source', { description: 'Новый.' }), flat('person'), flat('emptied'));
    expect(await house.fill(day(4))).toEqual({ written: 0, dropped: 1 });
    expect((await house.one('source')).values.description).toBe('Новый.');
  });

  it('refuses to write nothing', async () => {
    const house = await agency({ templates: [{ name: 'пусто', text: '[[{kitchenAreaM2}]]' }] });
    await house.load(day(1), flat('a'));
    expect(await house.fill(day(1))).toEqual({ written: 0, dropped: 0 });
    const { id } = await house.one('a');
    await expect(rewriteDescription(base.db, house.id, id, 'Анна', day(1))).rejects.toMatchObject({
      code: 'text-empty',
    });
  });
});

it('an import fills what it brought empty', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'autotext-'));
  const location = join(folder, 'feed.xml');
  const offer = (id: string, description: string) =>
    `<offer internal-id="${id}"><type>продажа</type><property-type>жилая</property-type><category>квартира</category>
     <creation-date>2026-05-01T10:00:00+03:00</creation-date><location><country>Россия</country><address>улица Примерная, 1</address></location>
     <price><value>5000000</value><currency>RUR</currency></price><area><value>41.5</value><unit>кв.м</unit></area><rooms>1</rooms>
     <sales-agent><phone>+79000000001</phone><category>агентство</category></sales-agent>${description}</offer>`;
  const load = async (descriptions: string[]) => {
    const offers = descriptions.map((description, at) => offer(String(at + 1), description)).join('');
    await writeFile(
      location,
      `<?xml version="1.0" encoding="UTF-8"?><realty-feed xmlns="http://webmaster.yandex.ru/schemas/feed/realty/2010-06"><generation-date>2026-11-21T09:00:00+03:00</generation-date>${offers}</realty-feed>`,
    );
    await importFeed({ db: base.db, clock: () => day(21), location, agency: 'Загрузка' });
    const { id } = await resolveAgency(base.db, 'Загрузка');
    return Promise.all(
      descriptions.map(async (_, at) => (await findListings(base.db, id, String(at + 1)))[0]!.values.description),
    );
  };
  const [empty, full] = await load(['', '<description>Свой текст.</description>']);
  expect(empty).toMatch(/^Продаётся однокомнатная квартира площадью 41,5 м²/);
  expect(full).toBe('Свой текст.');
  expect(await load(['<description>Появился.</description>', ''])).toEqual([
    'Появился.',
    expect.stringMatching(/^Продаётся однокомнатная/),
  ]);
  await rm(folder, { recursive: true });
});
