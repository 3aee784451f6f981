import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { conflicts, effective } from '../../src/domain/corrections.ts';
import { type ImportOptions, type ImportReport, importFeed } from '../../src/intake/import.ts';
import { addEmployee, ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { hashOf } from '../../src/store/hash.ts';
import { endImport, mergeImport, stageOffers, startImport } from '../../src/store/intake.ts';
import { findListings, markListings, marksOf, saveCorrections } from '../../src/store/marks.ts';
import { testDatabase } from '../store/testdb.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
let base: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;
let agency = '';
let counter = 0;

beforeAll(async () => {
  base = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'import-'));
});
afterAll(async () => {
  await base.drop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  agency = `Агентство ${++counter}`;
});

interface Offer {
  id?: string;
  price?: string;
  phone?: string;
  email?: string;
  description?: string;
  extra?: string;
  category?: string;
  area?: string;
  floor?: string;
  created?: string;
}

function offer({
  id = '1',
  price = '5000000',
  phone = '+79000000001',
  email,
  description = 'Светлая квартира у парка.',
  extra = '',
  category = 'квартира',
  area = '41.5',
  floor = '5',
  created = '2026-05-01T10:00:00+03:00',
}: Offer): string {
  return `<offer${id === '' ? '' : ` internal-id="${id}"`}><type>продажа</type><property-type>жилая</property-type><category>${category}</category>
<creation-date>${created}</creation-date><location><country>Россия</country><locality-name>Самара</locality-name><address>улица Примерная, 1</address></location>
<price><value>${price}</value><currency>RUR</currency></price><area><value>${area}</value><unit>кв.м</unit></area><rooms>1</rooms><floor>${floor}</floor><floors-total>9</floors-total>
<sales-agent><phone>${phone}</phone>${email === undefined ? '' : `<email>${email}</email>`}<category>агентство</category></sales-agent><description>${description}</description>${extra}</offer>`;
}

const feed = (...offers: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<realty-feed xmlns="http://webmaster.yandex.ru/schemas/feed/realty/2010-06">\n${offers.join('\n')}\n</realty-feed>\n`;

async function load(text: string | Buffer, options: Partial<ImportOptions> = {}): Promise<ImportReport> {
  const location = join(folder, 'crm.xml');
  await writeFile(location, text);
  return importFeed({ db: base.db, clock: () => NOW, location, agency, ...options });
}

async function listing(id: string) {
  const { id: agencyId } = await resolveAgency(base.db, agency);
  return (await findListings(base.db, agencyId, id))[0];
}

const many = (count: number, change: (index: number) => Offer = () => ({})) =>
  feed(...Array.from({ length: count }, (_, index) => offer({ id: `L${index}`, ...change(index) })));

describe('importing', () => {
  it('tells new, changed, unchanged and gone listings apart, and the same file again changes nothing', async () => {
    expect(await load(many(10))).toMatchObject({
      format: 'yandex',
      read: 10,
      imported: 10,
      updated: 0,
      unchanged: 0,
      gone: 0,
      rejected: [],
      notUnderstood: [],
    });
    expect(await load(many(10))).toMatchObject({ imported: 0, updated: 0, unchanged: 10, gone: 0 });
    expect(await load(many(9, (index) => (index === 3 ? { price: '5100000' } : {})))).toMatchObject({
      imported: 0,
      updated: 1,
      unchanged: 8,
      gone: 1,
    });
    expect((await listing('L3'))!.values.priceKopecks).toBe(510_000_000);
    expect((await listing('L9'))!.goneAt).toEqual(NOW);
    expect(await load(many(10))).toMatchObject({ imported: 0, updated: 1, unchanged: 9, returned: 1 });
    expect((await listing('L9'))!.goneAt).toBeNull();
  });

  it('keeps the marks of a listing that goes and comes back, and its id at the board', async () => {
    await load(many(10));
    const { id: agencyId } = await resolveAgency(base.db, agency);
    const cabinet = await ensureCabinet(base.db, agencyId, {
      board: 'avito',
      slug: 'main',
      name: 'Авито',
      family: 'avito',
    });
    await markListings(base.db, agencyId, cabinet, undefined, NOW);
    const before = await marksOf(base.db, agencyId, (await listing('L9'))!.id);
    await load(many(9));
    expect(await marksOf(base.db, agencyId, (await listing('L9'))!.id)).toEqual(before);
    await load(many(10));
    expect(await marksOf(base.db, agencyId, (await listing('L9'))!.id)).toEqual(before);
  });

  it('waits for a word when a file drops more than a fifth of its source', async () => {
    await load(many(10));
    expect(await load(many(7), { isRehearsal: true })).toMatchObject({ waiting: { gone: 3 } });
    const waiting = await load(many(7));
    expect(waiting.waiting).toMatchObject({ gone: 3, before: 10 });
    expect(waiting).toMatchObject({ imported: 0, updated: 0 });
    expect((await listing('L9'))!.goneAt).toBeNull();
    expect((await load(many(8))).waiting).toBeNull();
    expect(await load(many(3), { isLossConfirmed: true })).toMatchObject({ waiting: null, gone: 5 });
    expect((await listing('L7'))!.goneAt).toEqual(NOW);
  });

  it('rehearses without changing anything', async () => {
    await load(many(5));
    expect(
      await load(
        many(5, () => ({ price: '1' })),
        { isRehearsal: true },
      ),
    ).toMatchObject({ isRehearsal: true, updated: 5 });
    expect((await listing('L0'))!.values.priceKopecks).toBe(500_000_000);
  });

  it('changes nothing when the file is torn', async () => {
    await load(many(5));
    const torn = many(5, () => ({ price: '1' })).slice(0, -40);
    await expect(load(torn)).rejects.toMatchObject({ code: 'feed-truncated' });
    expect((await listing('L0'))!.values.priceKopecks).toBe(500_000_000);
    const left = await base.db.pool.query('select count(*)::int as count from import_row');
    expect(left.rows).toEqual([{ count: 0 }]);
  });

  it.each<[string, Offer, RegExp]>([
    ['no id', { id: '' }, /Номер объявления: не указан/],
    ['price 0', { price: '0' }, /Цена: недопустимое значение 0, нужно не меньше 1/],
    ['area below zero', { area: '-1' }, /Общая площадь: недопустимое значение -1, нужно больше 0/],
    ['floor above the roof', { floor: '99' }, /Этаж: 99, а этажей в доме 9/],
    ['a zero date', { created: '1970-01-01T00:00:00+00:00' }, /Дата создания: 1970-01-01 — пустая дата программы/],
    ['a kind nobody knows', { category: 'космодром' }, /Не понятно, что это за объект: category = «космодром»/],
  ])('rejects an offer with %s, and keeps the good ones', async (_, wrong, reason) => {
    const report = await load(feed(offer({ id: 'A' }), offer({ id: 'B', ...wrong }), offer({ id: 'C' })));
    expect(report).toMatchObject({ read: 3, imported: 2 });
    expect(report.rejected).toHaveLength(1);
    // Each of our test offers takes five lines.
    expect(report.rejected[0]!.line).toBe(3 + 5 - 1);
    expect(report.rejected[0]!.reasons.join(' ')).toMatch(reason);
    expect(report.rejected[0]!.externalId).toBe(wrong.id === '' ? null : 'B');
  });

  it('keeps the first of two offers with one id, also when the whole file is one line', async () => {
    const text = feed(offer({ id: 'A', price: '1' }), offer({ id: 'A', price: '2' }), offer({ id: 'B' })).replaceAll(
      '\n',
      ' ',
    );
    const report = await load(text);
    expect(report).toMatchObject({
      imported: 2,
      rejected: [{ externalId: 'A', reasons: ['Номер объявления уже был в этом файле: оставлено первое.'] }],
    });
    expect((await listing('A'))!.values.priceKopecks).toBe(100);
  });

  it('keeps the good one of two offers with one id when the first is bad', async () => {
    const report = await load(
      feed(offer({ id: 'A', price: '0' }), offer({ id: 'A', price: '3' }), offer({ id: 'A', price: '4' })),
    );
    expect(report).toMatchObject({ imported: 1 });
    expect(report.rejected.map(({ reasons }) => reasons[0]!.slice(0, 18))).toEqual([
      'Цена: недопустимое',
      'Номер объявления у',
    ]);
    expect((await listing('A'))!.values.priceKopecks).toBe(300);
  });

  it('takes nothing for gone when the database was restarted and lost what was staged', async () => {
    await load(many(10));
    const { id: agencyId } = await resolveAgency(base.db, agency);
    const run = await startImport(base.db, { agencyId, source: 'crm.xml' }, NOW);
    const values = (await listing('L0'))!.sourceValues;
    const { added } = await stageOffers(base.db, run, [
      { externalId: 'L0', ordinal: 1, line: 1, values, employeeId: null },
      { externalId: 'L1', ordinal: 2, line: 2, values: { ...values, externalId: 'L1' }, employeeId: null },
    ]);
    // The unlogged table is empty after a crash.
    await base.db.pool.query('delete from import_row where run_id = $1', [run.id]);
    await expect(mergeImport(base.db, run, added, 'merge-with-loss', NOW)).rejects.toMatchObject({
      code: 'import-disturbed',
    });
    await endImport(base.db, run, 'failed', {}, NOW);
    expect((await listing('L9'))!.goneAt).toBeNull();
  });

  it('survives element names that objects have themselves', async () => {
    const report = await load(
      feed(offer({ id: 'A', extra: '<constructor>1</constructor><__proto__>2</__proto__><prototype/>' })),
    );
    expect(report).toMatchObject({ imported: 1, rejected: [] });
    expect(report.notUnderstood.map(({ path }) => path).sort()).toEqual([
      'x-__proto__',
      'x-constructor',
      'x-prototype',
    ]);
  });

  it('does not mix up two files of one name, nor take one base in twice under two names', async () => {
    await load(many(10));
    const elsewhere = join(folder, 'другая папка');
    await mkdir(elsewhere, { recursive: true });
    await writeFile(
      join(elsewhere, 'crm.xml'),
      many(10, () => ({ price: '9' })),
    );
    const common = { db: base.db, clock: () => NOW, agency };
    await expect(importFeed({ ...common, location: join(elsewhere, 'crm.xml') })).rejects.toMatchObject({
      code: 'source-mix-up',
    });
    await writeFile(
      join(elsewhere, 'new.xml'),
      many(10, () => ({ price: '9' })),
    );
    await expect(importFeed({ ...common, location: join(elsewhere, 'new.xml') })).rejects.toMatchObject({
      code: 'source-twin',
    });
    expect((await listing('L0'))!.values.priceKopecks).toBe(500_000_000);
    expect(await importFeed({ ...common, location: join(elsewhere, 'new.xml'), source: 'crm.xml' })).toMatchObject({
      updated: 10,
      imported: 0,
    });
  });

  it('leaves no trace of an agency, a branch or a source when the file is bad or it was a rehearsal', async () => {
    const before = await base.db.pool.query(
      'select (select count(*) from agency) as a, (select count(*) from branch) as b, (select count(*) from source) as s, (select count(*) from import_row) as r',
    );
    await expect(load(many(5).slice(0, -40), { branch: 'Новый' })).rejects.toMatchObject({ code: 'feed-truncated' });
    await load(many(5), { branch: 'Новый', isRehearsal: true });
    const after = await base.db.pool.query(
      'select (select count(*) from agency) as a, (select count(*) from branch) as b, (select count(*) from source) as s, (select count(*) from import_row) as r',
    );
    expect(after.rows).toEqual(before.rows);
  });

  it('sweeps what a killed import left behind', async () => {
    await load(many(3));
    const { id } = await resolveAgency(base.db, agency);
    const run = await base.db.pool.query(
      'insert into import_run (agency_id, source_id, started_at) select $1, id, now() from source where agency_id = $1 returning id',
      [id],
    );
    await base.db.pool.query(
      `insert into import_row (agency_id, run_id, external_id, ordinal) values ($1, $2, 'X', 1)`,
      [id, run.rows[0].id],
    );
    await load(many(3));
    const left = await base.db.pool.query(
      'select (select count(*)::int from import_row) as rows, (select count(*)::int from import_run where finished_at is null and agency_id = $1) as open',
      [id],
    );
    expect(left.rows).toEqual([{ rows: 0, open: 0 }]);
  });

  it('does not take a bad offer for a listing that has gone', async () => {
    await load(many(10));
    expect(await load(many(10, (index) => (index === 4 ? { price: '0' } : {})))).toMatchObject({
      gone: 0,
      unchanged: 9,
    });
    expect((await listing('L4'))!.values.priceKopecks).toBe(500_000_000);
  });

  it('removes forbidden characters and tells where', async () => {
    const report = await load(feed(offer({ id: 'A' }), offer({ id: 'B', description: 'Кух\u0001ня&#x2; и зал' })));
    expect(report.repaired).toEqual([{ externalId: 'B', line: 7, characters: 2 }]);
    expect((await listing('B'))!.values.description).toBe('Кухня и зал');
  });

  it('puts {phone} where a text repeats the contact, and tells of other numbers', async () => {
    const report = await load(
      feed(
        offer({ id: 'A', description: 'Звоните 8 (900) 000-00-01 или +7 900 000 00 01!' }),
        offer({ id: 'B', description: 'Собственник: 8-900-000-00-77.', extra: '' }),
        offer({ id: 'C', description: 'Дом 79000000001 года? Цена 5000000, площадь 41.5, артикул 12345678901234.' }),
      ),
    );
    expect((await listing('A'))!.values.description).toBe('Звоните {phone} или {phone}!');
    expect((await listing('B'))!.values.description).toBe('Собственник: 8-900-000-00-77.');
    expect((await listing('C'))!.values.description).toContain('артикул 12345678901234');
    expect(report.foreignPhonesInText).toEqual([{ externalId: 'B', line: 7, numbers: 1 }]);
  });

  it('finds who is responsible by phone, then by e-mail, and leaves the rest in the queue', async () => {
    const { id } = await resolveAgency(base.db, agency, true);
    const branchId = await ensureBranch(base.db, id, 'Центр');
    await addEmployee(base.db, id, { name: 'Иван', phones: ['+79000000001'], branchId });
    await addEmployee(base.db, id, { name: 'Мария', phones: [], email: 'Maria@example.ru' });
    const report = await load(
      feed(
        offer({ id: 'A' }),
        offer({ id: 'B', phone: '8 900 000-00-09', email: 'maria@EXAMPLE.ru' }),
        offer({ id: 'C', phone: '89000000007' }),
      ),
    );
    expect(report.employees).toEqual({ matched: 2, unassigned: 1 });
    expect((await listing('A'))!.employee?.name).toBe('Иван');
    expect((await listing('B'))!.employee?.name).toBe('Мария');
    expect((await listing('C'))!.employee).toBeNull();
  });

  it('counts what nobody understands, and drops nothing in silence', async () => {
    const report = await load(
      feed(
        offer({ id: 'A', extra: '<magic>1</magic><renovation>чудо</renovation>' }),
        offer({ id: 'B', extra: '<magic>2</magic>' }),
      ),
    );
    expect(report.notUnderstood).toEqual([
      { path: 'magic', count: 2, example: { externalId: 'A', line: 3 } },
      { path: 'renovation', value: 'чудо', count: 1, example: { externalId: 'A', line: 3 } },
    ]);
  });

  it('reads gzip and windows-1251', async () => {
    expect(await load(gzipSync(many(3)))).toMatchObject({ imported: 3 });
    const text = feed(offer({ id: 'W', description: 'Ёлка' })).replace('UTF-8', 'windows-1251');
    const letters = Buffer.from([...text].map((letter) => encode1251(letter)));
    expect(await load(letters, { source: 'другой' })).toMatchObject({ imported: 1 });
    expect((await listing('W'))!.values.description).toBe('Ёлка');
  });

  it('keeps a correction over the source until the source itself changes the field, then both', async () => {
    await load(many(1));
    const row = (await listing('L0'))!;
    const corrections = {
      priceKopecks: { value: 490_000_000, basis: 500_000_000, by: 'Ирина', at: NOW.toISOString() },
    };
    const values = effective(row.sourceValues, corrections);
    expect(
      await saveCorrections(
        base.db,
        row,
        { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(row.values) },
        NOW,
      ),
    ).toBe(true);
    // The source changes another field: the correction stays and nothing is in dispute.
    expect(await load(many(1, () => ({ floor: '6' })))).toMatchObject({ updated: 1, conflicting: 0 });
    let now = (await listing('L0'))!;
    expect([now.values.priceKopecks, now.values.floor, conflicts(now.sourceValues, now.corrections)]).toEqual([
      490_000_000,
      6,
      [],
    ]);
    // The source changes the corrected field: both are kept, the correction is in force, a person chooses.
    expect(await load(many(1, () => ({ floor: '6', price: '5200000' })))).toMatchObject({ updated: 1, conflicting: 1 });
    now = (await listing('L0'))!;
    expect([now.values.priceKopecks, now.sourceValues.priceKopecks]).toEqual([490_000_000, 520_000_000]);
    expect(conflicts(now.sourceValues, now.corrections)).toEqual(['priceKopecks']);
  });

  it('keeps agencies and sources apart', async () => {
    await load(many(3));
    const first = agency;
    agency = `${first} второе`;
    expect(await load(many(3))).toMatchObject({ imported: 3 });
    expect(await load(many(3), { source: 'ещё один' })).toMatchObject({ imported: 3, gone: 0 });
  });
});

function encode1251(letter: string): number {
  const code = letter.codePointAt(0)!;
  if (code < 0x80) return code;
  if (letter === 'Ё') return 0xa8;
  if (letter === 'ё') return 0xb8;
  return code - 0x410 + 0xc0;
}
