import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { normFrom } from '../../src/boards/norms.ts';
import type {
  FormField,
  ListingCard,
  ListingCheck,
  ListingGates,
  ListingHistory,
  ListingPhotos,
  ListingPreview,
} from '../../src/contracts/listing.ts';
import { FIELDS, type Listing } from '../../src/domain/listing.ts';
import { FIELD_GROUPS } from '../../src/domain/listing-form.ts';
import { judgeAlone } from '../../src/export/judge.ts';
import { deskOf } from '../../src/export/offer.ts';
import { publishCabinet } from '../../src/export/publish.ts';
import { ensureBranch, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { addException, revokeException } from '../../src/store/exceptions.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings } from '../../src/store/marks.ts';
import { saveNorm } from '../../src/store/norms.ts';
import { addPause } from '../../src/store/pauses.ts';
import { listCabinets } from '../../src/store/publishing.ts';
import { changeAgencySettings } from '../../src/store/settings.ts';
import { testDatabase } from '../store/testdb.ts';
import { type Counter, counter, type Visitor } from './visitors.ts';

/** The card of one listing: its form, what boards make of it, its photos, and what is done to it. */

const boards = loadBoards();
const boardOf = (id: string) => boards.find((board) => board.id === id)!;
const BOARDS = ['avito', 'cian', 'yandex'];
const PHONE = '+79161234567';
const SIGNS = '+7 916 •••-••-67';

let base: Awaited<ReturnType<typeof testDatabase>>;
let dataDir: string;
let nowMs = Date.UTC(2026, 10, 21, 9);
const clock = () => new Date(nowMs++);
let door: Counter;
let agencyId: number;
let agent: Visitor;
let blind: Visitor;
let id: number;
let other: number;
let flat: Listing;

/** A flat that every board takes. */
function soundFlat(): Listing {
  for (let index = 0; ; index++) {
    const { updatedAt: _, ...values } = listingAt(index);
    if (values.kind !== 'flat' || values.deal !== 'sale') continue;
    const sound = {
      ...values,
      externalId: 'кв-1',
      apartmentNumber: '12',
      contactPhones: [PHONE],
      description: `${values.description ?? ''} Светлая квартира у парка, звоните {phone}.`,
    };
    const isSound = BOARDS.every((one) => !judgeAlone(sound, deskOf(boardOf(one)), { firstSeenAt: clock() }).isBlocked);
    if (isSound) return sound;
  }
}

beforeAll(async () => {
  base = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'card-'));
  ({ id: agencyId } = await resolveAgency(base.db, 'Дом', true));
  const rights = { 'see-phones': 'adSpecialist' as const };
  const market = {
    stages: [
      { name: 'договор', effect: 'permits' as const },
      { name: 'юрист', effect: 'not-yet' as const, changedBy: 'manager' as const },
    ],
  };
  const deed = { by: 'тест', action: 'settings-set' as const, facts: {} };
  await changeAgencySettings(
    base.db,
    agencyId,
    (own) => ({ ...own, rights, market: { ...own.market, ...market } as never }),
    deed,
    clock(),
  );
  door = await counter(base.db, agencyId, clock, { dataDir });
  const branchId = await ensureBranch(base.db, agencyId, 'Центр');
  agent = await door.come({ name: 'Ирина Соколова', branchId, phones: [PHONE] }, [{ role: 'adSpecialist' }]);
  blind = await door.come({ name: 'Пётр Ильин', branchId }, [{ role: 'agent', scope: 'own' }]);
  flat = soundFlat();
  await importListings(
    base.db,
    { agencyId, source: 'crm' },
    [
      { values: flat, employeeId: blind.id },
      { values: { ...flat, externalId: 'кв-2', apartmentNumber: '13' }, employeeId: agent.id },
    ],
    clock(),
  );
  for (const board of BOARDS)
    await ensureCabinet(base.db, agencyId, { board, slug: 'main', name: board, family: boardOf(board).family });
  const found = await base.db.pool.query<{ id: number }>(
    'select id from listing where agency_id = $1 order by external_id',
    [agencyId],
  );
  [id, other] = found.rows.map((row) => row.id) as [number, number];
  for (const cabinet of await listCabinets(base.db, { agencyId })) {
    if (cabinet.board !== 'yandex') await markListings(base.db, agencyId, cabinet.id, [id], clock());
    await publishCabinet(cabinet, { db: base.db, boards, dataDir, clock });
  }
});
afterAll(async () => {
  await door.close();
  await base.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const card = async (who = agent, of = id) => (await who.get(`/listings/${of}`)).body as ListingCard;
const fieldOf = (one: ListingCard, field: string): FormField =>
  one.groups.flatMap(({ fields }) => fields).find((found) => found.field === field)!;
const save = async (payload: object, who = agent) =>
  who.send('PATCH', `/listings/${id}`, payload, { 'if-match': `"${(await card(who)).version}"` });
const photos = async () => (await agent.get(`/listings/${id}/photos`)).body as ListingPhotos;
const give = (bytes: Buffer, type = 'image/jpeg', query = '') =>
  agent.send('POST', `/listings/${id}/photos${query}`, bytes, { 'content-type': type });
const journal = async () =>
  (
    await base.db.pool.query<{ action: string }>(
      'select action from journal where agency_id = $1 and listing_id = $2 order by id',
      [agencyId, id],
    )
  ).rows.map(({ action }) => action);

describe('the form', () => {
  it('has every field of the model in one group', () => {
    const grouped = FIELD_GROUPS.flatMap(({ fields }) => fields as readonly string[]);
    expect([...grouped].sort()).toEqual(
      FIELDS.filter((field) => !['externalId', 'boardFields'].includes(field)).sort(),
    );
  });

  it('tells what a flat has a use for, with source and correction side by side', async () => {
    const answer = await agent.get(`/listings/${id}`);
    expect(answer.headers.etag).toBe(`"${answer.body.version}"`);
    const one = answer.body as ListingCard;
    expect(fieldOf(one, 'floorsTotal')).toMatchObject({
      label: 'Этажей в доме',
      type: 'integer',
      isMeant: true,
      source: flat.floorsTotal,
      correction: null,
    });
    expect(fieldOf(one, 'landStatus').isMeant).toBe(false);
    expect(fieldOf(one, 'priceKopecks')).toMatchObject({ type: 'money', unit: '₽' });
    const walls = fieldOf(one, 'wallMaterial').choices!;
    expect(walls).toContainEqual({ value: 'brick', label: 'кирпич' });
    const words = one.groups.flatMap(({ fields }) => fields.flatMap(({ choices = [] }) => choices));
    expect(words.filter(({ label }) => label === '')).toEqual([]);
    expect(one.groups.map(({ id: group }) => group)).toContain('own-avito');
    expect(fieldOf(one, 'avito:AdStatus').type).toBe('choice');
  });

  it('keeps corrections over the source, empties, takes back and keeps', async () => {
    const wrote = await save({ set: { floorsTotal: 25, buildingSeries: null, 'avito:ContactMethod': 'По телефону' } });
    expect(wrote.status).toBe(200);
    expect(fieldOf(wrote.body, 'floorsTotal')).toMatchObject({
      value: 25,
      source: flat.floorsTotal,
      correction: { value: 25, by: 'Ирина Соколова', isConflict: false },
    });
    expect(fieldOf(wrote.body, 'avito:ContactMethod').value).toBe('По телефону');
    expect(fieldOf(wrote.body, 'buildingSeries')).toMatchObject({ value: null, correction: { value: null } });
    // The source changes the field later: both stay, and a person chooses.
    await importListings(
      base.db,
      { agencyId, source: 'crm' },
      [
        { values: { ...flat, floorsTotal: 26 }, employeeId: blind.id },
        { values: { ...flat, externalId: 'кв-2', apartmentNumber: '13' }, employeeId: agent.id },
      ],
      clock(),
    );
    const torn = await card();
    expect([torn.conflicts, fieldOf(torn, 'floorsTotal').correction?.isConflict]).toEqual([1, true]);
    expect((await save({ keep: ['floorsTotal'] })).body).toMatchObject({ conflicts: 0 });
    const back = await save({ drop: ['floorsTotal', 'buildingSeries', 'avito:ContactMethod'] });
    expect(fieldOf(back.body, 'floorsTotal')).toMatchObject({ value: 26, correction: null });
  });

  it('is changed only from the version that was looked at', async () => {
    const { version } = await card();
    expect((await agent.send('PATCH', `/listings/${id}`, { set: { floor: 2 } })).body.code).toBe('version-missing');
    const old = { 'if-match': `"${version}"` };
    expect((await agent.send('PATCH', `/listings/${id}`, { set: { floor: 2 } }, old)).status).toBe(200);
    const late = await agent.send('PATCH', `/listings/${id}`, { set: { floor: 3 } }, old);
    expect([late.status, late.body.code, late.body.current]).toEqual([412, 'version-changed', (await card()).version]);
    await agent.send('POST', `/listings/${id}/confirm`);
    expect((await card()).version).not.toBe(late.body.current);
    await save({ drop: ['floor'] });
  });

  it('is refused with every fault at its field, and nothing is kept', async () => {
    const before = await card();
    const wrong = await save({
      set: { floor: 99, areaM2: -4, kind: 'castle', 'avito:ContactMethod': 'голубем', nonsense: 1 },
    });
    expect([wrong.status, wrong.body.code]).toEqual([422, 'bad-value']);
    const pointers = wrong.body.errors.map(({ pointer }: { pointer: string }) => pointer);
    for (const field of ['floor', 'areaM2', 'kind', 'avito:ContactMethod', 'nonsense'])
      expect(pointers).toContain(`#/set/${field}`);
    expect(wrong.body.detail).toContain('Этаж: 99, а этажей в доме 26.');
    expect((await card()).version).toBe(before.version);
  });
});

describe('what would be said', () => {
  const shown = ({ code, severity, message }: { code: string; severity: string; message: string }) => [
    code,
    severity,
    message,
  ];

  it('is what is said once it is saved', async () => {
    const norm = normFrom({ kind: 'text', min: 200, max: 850 });
    await saveNorm(base.db, agencyId, { ...norm, by: 'тест' }, clock());
    const changes = { set: { description: 'Продаётся.', floorsTotal: null } };
    const before = await journal();
    const would = (await agent.send('POST', `/listings/${id}/check`, changes)).body as ListingCheck;
    expect(await journal()).toEqual(before);
    expect(would.faults).toEqual([]);
    expect(would.chars.description).toBe(10);
    const cian = would.boards.find(({ board }) => board === 'cian')!;
    expect(cian.notices.map(({ code }) => code)).toContain('cian/description-short');
    expect(cian.firstClosed).toMatchObject({ gate: 'board-rules', state: 'closed' });
    expect(would.boards.find(({ board }) => board === 'yandex')!.firstClosed?.gate).toBe('marked');
    expect(would.bounds).toContainEqual({ field: 'description', boardName: 'Циан', min: 15, max: 3000 });
    expect(would.bounds).toContainEqual({ field: 'description', boardName: null, min: 200, max: 850 });

    expect((await save(changes)).status).toBe(200);
    const is = (await agent.get(`/listings/${id}/gates`)).body as ListingGates;
    expect(is.data.map(({ isMarked }) => isMarked)).toEqual([true, true, false]);
    for (const one of would.boards) {
      const saved = is.data.find(({ cabinetId }) => cabinetId === one.cabinetId)!;
      expect(saved.notices.map(shown), one.board).toEqual(one.notices.map(shown));
      expect(saved.gates.find(({ state }) => state === 'closed')).toEqual(one.firstClosed);
    }
    await save({ drop: ['description', 'floorsTotal'] });
  });

  it('leaves what no listing can have out, and tells it', async () => {
    const would = (await agent.send('POST', `/listings/${id}/check`, { set: { areaM2: 'много', floor: 99 } }))
      .body as ListingCheck;
    expect(would.faults.map(({ field }) => field).sort()).toEqual(['areaM2', 'floor']);
    expect(would.boards).toHaveLength(3);
    const house = (await agent.send('POST', `/listings/${id}/check`, { set: { kind: 'house', houseType: 'house' } }))
      .body as ListingCheck;
    expect(house.meant).toContain('landAreaM2');
  });

  it('is the file that goes, beside the file that is there', async () => {
    const [avito] = (await listCabinets(base.db, { agencyId })).filter(({ board }) => board === 'avito');
    await save({ drop: ['floor', 'floorsTotal'] });
    await publishCabinet(avito!, { db: base.db, boards, dataDir, clock });
    const of = async (who = agent) =>
      (await who.get(`/listings/${id}/preview?cabinet=${avito!.id}`)).body as ListingPreview;
    const same = await of();
    expect(same).toMatchObject({ isPassable: true, differs: false, phones: [PHONE], served: { state: 'shown' } });
    expect(same.xml).toBe(same.served.xml);
    expect(same.xml).toMatch(/^<Ad>\n {2}<Id>кв-1<\/Id>/);
    expect(same.xml).toContain('звоните +7 916 123-45-67.');
    await save({ set: { priceKopecks: 777_000_000 } });
    const changed = await of();
    expect(changed.differs).toBe(true);
    const kinds = (kind: string) => changed.lines.filter((line) => line.kind === kind).map(({ text }) => text.trim());
    expect(kinds('added')).toEqual(['<Price>7770000</Price>']);
    expect(kinds('removed')).toHaveLength(1);
    const hidden = await of(blind);
    expect(hidden.xml).not.toMatch(/123-45-67|9161234567/);
    expect(hidden.phones).toEqual([SIGNS]);
    const yandex = (await listCabinets(base.db, { agencyId })).find(({ board }) => board === 'yandex')!;
    const absent = (await agent.get(`/listings/${id}/preview?cabinet=${yandex.id}`)).body as ListingPreview;
    expect([absent.served.state, absent.differs, absent.lines]).toEqual(['absent', false, []]);
    await save({ drop: ['priceKopecks'] });
  });
});

describe('whose card it is', () => {
  it('is seen by whoever reaches it, with numbers masked for others', async () => {
    expect((await blind.get(`/listings/${other}`)).status).toBe(404);
    const mine = await blind.get(`/listings/${id}`);
    expect(mine.status).toBe(200);
    expect(mine.text).not.toContain('9161234567');
    const phones = fieldOf(mine.body, 'contactPhones');
    expect([phones.value, phones.isFixed, mine.body.arePhonesHidden]).toEqual([[SIGNS], true, true]);
    expect(mine.body.may).toMatchObject({ corrections: true, 'forbid-lift': false, exceptions: false });
    // The dots must not come to lie over the number.
    const overwritten = await save({ set: { contactPhones: [SIGNS] } }, blind);
    expect(overwritten.status).toBe(422);
    expect(JSON.stringify((await card()).groups)).toContain(PHONE);
  });

  it('is not there for another agency', async () => {
    const { id: strange } = await resolveAgency(base.db, 'Соседи', true);
    const next = await counter(base.db, strange, clock, { dataDir });
    const spy = await next.come({ name: 'Чужой' }, [{ role: 'admin' }]);
    for (const path of ['', '/gates', '/history', '/photos', '/preview?cabinet=1'])
      expect((await spy.get(`/listings/${id}${path}`)).status, path).toBe(404);
    expect((await spy.send('PATCH', `/listings/${id}`, { set: { floor: 1 } }, { 'if-match': '*' })).status).toBe(404);
    await next.close();
  });

  it('is worked on by deeds, each with its own right', async () => {
    const deed = (who: Visitor, name: string, payload?: object) => who.send('POST', `/listings/${id}/${name}`, payload);
    expect((await deed(blind, 'forbid', { reason: 'Собственник против.' })).status).toBe(204);
    expect((await card()).forbiddenReason).toBe('Собственник против');
    expect((await deed(blind, 'allow')).status).toBe(403);
    const chief = await door.come({ name: 'Ольга' }, [{ role: 'manager' }]);
    expect((await deed(chief, 'allow')).status).toBe(204);
    expect((await deed(blind, 'status', { status: 'reserved', reservedUntil: '2026-12-01' })).status).toBe(204);
    expect((await card()).status).toMatchObject({ label: 'забронирован', reservedUntil: '2026-12-01' });
    expect((await deed(blind, 'status', { status: 'active' })).status).toBe(204);
    expect((await deed(blind, 'stage', { stage: 'юрист' })).status).toBe(204);
    const stages = (await card(blind)).stage.choices;
    expect(stages.find(({ value }) => value === 'договор')!.refusal).toContain('руководитель');
    expect((await deed(blind, 'stage', { stage: 'договор' })).status).toBe(409);
    expect((await deed(chief, 'stage', { stage: null })).status).toBe(204);
    expect((await deed(blind, 'call', { result: 'no-answer' })).body.callBackAt).toMatch(/^2026-11-22/);
    await addPause(
      base.db,
      agencyId,
      { listingId: id, from: clock(), until: new Date('2026-11-25'), reason: 'Показ', employeeId: blind.id },
      'Пётр Ильин',
      clock(),
    );
    expect((await card(blind)).pauses).toMatchObject([{ reason: 'Показ', mayEnd: true }]);
    const pass = { listingId: id, gate: 'norms', reason: 'Так надо', by: 'Ирина Соколова', until: '2026-12-01' };
    const passed = await addException(base.db, agencyId, pass, clock());
    expect((await card()).exceptions).toMatchObject([{ id: passed, label: 'Нормы агентства' }]);
    await revokeException(base.db, agencyId, passed, 'Ирина Соколова', clock());
    expect((await deed(agent, 'text', {})).body.code).toBe('text-not-ours');
  });

  it('tells its history in words, newest first', async () => {
    await save({ set: { priceKopecks: 640_000_000 } });
    const { data } = (await agent.get(`/listings/${id}/history`)).body as ListingHistory;
    expect(data[0]).toMatchObject({ title: 'Исправлен', by: 'Ирина Соколова', kind: 'deed' });
    expect(data[0]!.lines[0]).toMatch(/^Цена: .+ → 6\s400\s000\s₽$/);
    expect(data.at(-1)).toMatchObject({ kind: 'source', title: 'Пришёл из источника «crm»' });
    expect(data.find(({ kind }) => kind === 'outcome')).toMatchObject({
      outcome: expect.any(String),
      boardName: expect.any(String),
    });
    expect(data.map(({ title }) => title)).toEqual(
      expect.arrayContaining(['Реклама запрещена', 'Звонок собственнику: не ответили', 'Отмечен на выгрузку']),
    );
    expect(data.map(({ at }) => at)).toEqual([...data.map(({ at }) => at)].sort().reverse());
    expect(data.map(({ title }) => title).join()).not.toMatch(/[a-z]+-[a-z]+/);
    await save({ drop: ['priceKopecks'] });
  });
});

describe('photos', () => {
  const picture = (width: number, height: number, background = '#4466aa') =>
    sharp({ create: { width, height, channels: 3, background } });

  it('are told with what is wrong with each', async () => {
    const { data, isCorrected, sourceCount } = await photos();
    expect([data.length, isCorrected]).toEqual([flat.photos!.length, false]);
    expect(sourceCount).toBe(data.length);
    expect(data[0]).toMatchObject({ place: 1, state: 'unseen', isUploaded: false });
    const small = data[1]!.address;
    await base.db.pool.query(
      `insert into photo (agency_id, url, host, next_probe_at, probed_at, status, type, bytes, width, height)
       values ($1, $2, 'img', now(), now(), 200, 'image/webp', 90000, 120, 90)`,
      [agencyId, small],
    );
    const told = (await photos()).data;
    expect(told[1]).toMatchObject({ state: 'good', label: '120×90, 0,1 МБ' });
    expect(told[1]!.remarks.length).toBeGreaterThan(0);
    expect(told[0]!.remarks).toEqual([]);
  });

  it('are turned upright, drawn anew and served under their hash', async () => {
    const secret = 'Северск, дача снимавшего';
    const lying = await picture(40, 20)
      .withMetadata({ orientation: 6 })
      .withExifMerge({ IFD0: { ImageDescription: secret } })
      .jpeg()
      .toBuffer();
    const before = (await photos()).data.length;
    const answer = await give(lying);
    expect(answer.status).toBe(200);
    const given = (answer.body as ListingPhotos).data.at(-1)!;
    expect(given).toMatchObject({ place: before + 1, isUploaded: true, width: 20, height: 40, state: 'good' });
    expect(answer.body.warning).toContain('PUBLIC_URL');
    const path = new URL(given.address).pathname;
    expect(path).toMatch(/^\/media\/p\/[0-9a-f]{64}\.jpg$/);
    const served = await door.app.inject({ url: path });
    expect([served.statusCode, served.headers['content-type']]).toEqual([200, 'image/jpeg']);
    expect(served.headers['cache-control']).toContain('immutable');
    const meta = await sharp(served.rawPayload).metadata();
    expect([meta.width, meta.height, meta.orientation, meta.exif]).toEqual([20, 40, undefined, undefined]);
    expect(served.rawPayload.toString('latin1')).not.toContain('ImageDescription');
    expect((await give(lying)).body.code).toBe('photo-known');
    // It is a correction: the source does not take it away.
    const values = [flat, { ...flat, externalId: 'кв-2', apartmentNumber: '13' }].map((one) => ({
      values: { ...one, areaM2: one.areaM2! + 1 },
      employeeId: blind.id,
    }));
    await importListings(base.db, { agencyId, source: 'crm' }, values, clock());
    expect((await photos()).data.at(-1)!.key).toBe(given.key);
  });

  it('are refused when they are something else, or too much', async () => {
    const before = await photos();
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
    expect((await give(svg, 'image/svg+xml')).body.code).toBe('not-a-picture');
    expect((await give(Buffer.from('<html><script>alert(1)</script>'), 'image/jpeg')).body.code).toBe('not-a-picture');
    expect((await give(Buffer.from('<html>'), 'text/html')).status).toBe(415);
    const gif = Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1');
    expect((await give(gif, 'image/gif')).body).toMatchObject({ code: 'picture-kind' });
    const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const;
    const whole = await sharp({ create: { width: 90, height: 90, channels: 3, background: '#000', noise } })
      .jpeg()
      .toBuffer();
    const broken = whole.subarray(0, whole.length / 2);
    expect((await give(broken)).body.code).toBe('picture-broken');
    expect((await give(Buffer.alloc(20 * 1024 * 1024 + 1, 0xff))).status).toBe(413);
    const bomb = await sharp({
      create: { width: 12_000, height: 9_000, channels: 3, background: '#fff' },
      limitInputPixels: false,
    })
      .png({ compressionLevel: 9 })
      .toBuffer();
    expect((await give(bomb, 'image/png')).body.code).toBe('picture-too-large');
    expect((await photos()).data).toEqual(before.data);
  });

  it('that hide a page in themselves come out without it', async () => {
    const page = '<script>alert("polyglot")</script>';
    const polyglot = Buffer.concat([await picture(50, 50, '#aa2244').jpeg().toBuffer(), Buffer.from(page)]);
    const given = ((await give(polyglot)).body as ListingPhotos).data.at(-1)!;
    const served = await door.app.inject({ url: new URL(given.address).pathname });
    expect(served.statusCode).toBe(200);
    expect(served.rawPayload.includes(Buffer.from('polyglot'))).toBe(false);
  });

  it('are put in another order, replaced, removed and brought back', async () => {
    const before = await photos();
    const put = async (list: { key: string; isPlan?: boolean }[], version?: string) =>
      agent.send(
        'PUT',
        `/listings/${id}/photos`,
        { photos: list },
        { 'if-match': `"${version ?? (await photos()).version}"` },
      );
    const keys = before.data.map(({ key }) => ({ key }));
    const turned = await put([...keys].reverse());
    expect(turned.body.data.map(({ key }: { key: string }) => key)).toEqual([...keys].reverse().map(({ key }) => key));
    expect((await put(keys, before.version)).status).toBe(412);
    const fewer = await put([{ ...keys[0]!, isPlan: true }, keys[1]!]);
    expect(fewer.body.data).toMatchObject([{ isPlan: true }, { isPlan: false }]);
    // What was uploaded and removed may come back; what is nobody's may not.
    const back = await put([keys[0]!, keys.at(-1)!]);
    expect(back.body.data[1]).toMatchObject({ key: keys.at(-1)!.key, isUploaded: true });
    expect((await put([{ key: 'f'.repeat(32) }])).body.code).toBe('photo-unknown');
    const other = await picture(70, 50, '#228833').jpeg().toBuffer();
    const replaced = await give(other, 'image/jpeg', `?replace=${keys[0]!.key}`);
    expect(replaced.body.data).toMatchObject([{ isUploaded: true, width: 70 }, { key: keys.at(-1)!.key }]);
    const source = await save({ drop: ['photos'] });
    expect(source.status).toBe(200);
    expect(await photos()).toMatchObject({
      isCorrected: false,
      data: flat.photos!.map(({ url }) => ({ address: url })),
    });
  });

  it('are shown small from our own host, and only those of the agency', async () => {
    const large = await picture(900, 600, '#cc8811').jpeg().toBuffer();
    const given = ((await give(large)).body as ListingPhotos).data.at(-1)!;
    const small = await door.app.inject({ url: given.thumb, headers: agent.headers });
    expect([small.statusCode, small.headers['content-type']]).toEqual([200, 'image/webp']);
    expect(await sharp(small.rawPayload).metadata()).toMatchObject({ format: 'webp', width: 540, height: 360 });
    expect((await agent.get(`/pictures/${given.key}?w=160`)).status).toBe(404);
    expect((await agent.get(`/pictures/${'0'.repeat(32)}?w=160&listing=${id}`)).status).toBe(404);
    expect((await agent.get(`/pictures/${given.key}?w=161&listing=${id}`)).status).toBe(400);
    expect((await door.app.inject({ url: given.thumb })).statusCode).toBe(401);
    // A server in our own network is not asked, whoever writes it into a listing.
    const inner = 'http://127.0.0.1:9/secret.jpg';
    const [own] = (
      await base.db.pool.query<{ key: string }>(
        `insert into photo (agency_id, url, host, next_probe_at) values ($1, $2, '127.0.0.1:9', now()) returning md5(url) as key`,
        [agencyId, inner],
      )
    ).rows;
    expect((await agent.get(`/pictures/${own!.key}`)).body.code).toBe('picture-unreachable');
  });
});
