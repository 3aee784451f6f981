import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effective } from '../../src/domain/corrections.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { chooseContent, moderatable } from '../../src/domain/moderation.ts';
import type { Role } from '../../src/domain/people.ts';
import type { Reach } from '../../src/domain/rights.ts';
import { AGENCY_DEFAULTS, type AgencySettings } from '../../src/domain/settings.ts';
import { addEmployee, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { hashOf } from '../../src/store/hash.ts';
import { listMessages } from '../../src/store/journal.ts';
import {
  approveOnTrust,
  contentHashOf,
  giveVerdict,
  history,
  type Moderator,
  moderationCase,
  switchOn,
  undoVerdict,
  verdictsInForce,
} from '../../src/store/moderation.ts';
import { look, lookAway, queueRows, waitingCases } from '../../src/store/moderation-queue.ts';
import { answerQuestion, askAgent, postpone, resume } from '../../src/store/postponements.ts';
import { agencyFrame, cabinetSettings } from '../../src/store/settings.ts';
import { testDatabase } from './testdb.ts';

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 21, 9, 0, seconds));
const FLAT: Listing = {
  externalId: '1042',
  kind: 'flat',
  deal: 'sale',
  description: 'Уютная квартира у метро.',
  priceKopecks: 1_000_000_000,
  contactPhones: ['+79120000014'],
  photos: [{ url: 'https://a.example/1.jpg' }],
};

let counter = 0;
interface World {
  readonly agencyId: number;
  readonly cabinetId: number;
  readonly agent: Moderator;
  readonly irina: Moderator;
  readonly oleg: Moderator;
  /** A new listing of the agent's, marked and decided upon. */
  add(values?: Partial<Listing>, more?: { outcome?: string; judgement?: unknown; hashes?: object }): Promise<number>;
  edit(listingId: number, values: Partial<Listing>): Promise<void>;
}

async function world(moderation: Partial<AgencySettings['moderation']> = {}): Promise<World> {
  const { db } = base;
  const { id: agencyId } = await resolveAgency(db, `Агентство ${++counter}`, true);
  await db.pool.query('update agency set settings = $2 where id = $1', [
    agencyId,
    JSON.stringify({ moderation: { mode: 'on', ...moderation } }),
  ]);
  const cabinetId = await ensureCabinet(db, agencyId, { board: 'avito', slug: 'main', name: 'Авито', family: 'avito' });
  const person = async (name: string, role: Role): Promise<Moderator> => ({
    employeeId: await addEmployee(db, agencyId, { name, phones: [], role }),
    name,
  });
  const agent = await person('Петров', 'agent');
  const source = await db.pool.query("insert into source (agency_id, name) values ($1, 'crm') returning id", [
    agencyId,
  ]);
  let made = 0;
  return {
    agencyId,
    cabinetId,
    agent,
    irina: await person('Ирина', 'adSpecialist'),
    oleg: await person('Олег', 'manager'),
    async add(
      values = {},
      { outcome = 'awaiting-moderation', judgement = { approval: 'awaiting' }, hashes = {} } = {},
    ) {
      const all = { ...FLAT, externalId: `${++made}`, ...values };
      const listing = await db.pool.query(
        `insert into listing (agency_id, source_id, external_id, employee_id, source_values, source_hash, values, values_hash,
           first_seen_at, changed_at, fresh_at, photo_facts)
         values ($1, $2, $3, $4, $5, $6, $5, $6, $7, $7, $7, $8) returning id`,
        [
          agencyId,
          source.rows[0].id,
          all.externalId,
          agent.employeeId,
          JSON.stringify(all),
          hashOf(all),
          at(-1000),
          JSON.stringify({ probed: 1, unprobed: 0, broken: 0, brokenTold: [], deadHosts: [], oddTypes: [], hashes }),
        ],
      );
      const { id } = listing.rows[0];
      for (const [url, sha256] of Object.entries(hashes)) {
        await db.pool.query(
          "insert into photo (agency_id, url, host, next_probe_at, sha256) values ($1, $2, 'a.example', $3, $4)",
          [agencyId, url, at(0), sha256],
        );
      }
      await db.pool.query(
        'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, $5, $6)',
        [agencyId, cabinetId, id, at(-900), made, all.externalId],
      );
      await db.pool.query(
        `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
         values ($1, $2, $3, $4, $5, 'i', (select values_hash || '||' from listing where id = $3), $6, $6)`,
        [agencyId, cabinetId, id, outcome, judgement === null ? null : JSON.stringify(judgement), at(-800)],
      );
      return id;
    },
    async edit(listingId, values) {
      const old = await base.db.pool.query('select values from listing where id = $1', [listingId]);
      const all = { ...old.rows[0].values, ...values };
      await db.pool.query('update listing set values = $2, values_hash = $3 where id = $1', [
        listingId,
        JSON.stringify(all),
        hashOf(all),
      ]);
    },
  };
}

const dueAt = async ({ agencyId, cabinetId }: World): Promise<Date | null> =>
  (await base.db.pool.query('select due_at from cabinet where agency_id = $1 and id = $2', [agencyId, cabinetId]))
    .rows[0].due_at;
const pendingSince = async (id: number): Promise<Date | null> =>
  (await base.db.pool.query('select pending_since from listing where id = $1', [id])).rows[0].pending_since;
const setPending = (id: number, since: Date) =>
  base.db.pool.query('update listing set pending_since = $2 where id = $1', [id, since]);
const deeds = async (agencyId: number) =>
  (await base.db.pool.query('select by, action, facts from journal where agency_id = $1 order by id', [agencyId])).rows;

/** How a listing stands at a moment, as a run would find it. */
async function stand(w: World, listingId: number, now: Date) {
  const { settings } = await agencyFrame(base.db, w.agencyId);
  const { values, approved, last, photoHashes, seen } = await moderationCase(base.db, w.agencyId, listingId, now);
  return chooseContent(values, approved, last, settings.moderation, photoHashes, seen.contentHash).approval;
}

describe('a verdict', () => {
  it('keeps the approved values, holds ten seconds later, and the run comes then', async () => {
    const w = await world();
    const id = await w.add({}, { hashes: { 'https://a.example/1.jpg': 'aaa', 'https://a.example/gone.jpg': 'bbb' } });
    await setPending(id, at(-500));
    const given = await giveVerdict(base.db, w.agencyId, { listingId: id, kind: 'approved', actor: w.irina }, at(0));
    expect(given).toEqual({ verdictId: expect.any(Number), effectiveAt: at(10), isOwn: false });
    expect(await dueAt(w)).toEqual(at(10));
    expect(await pendingSince(id)).toBeNull();
    expect(await stand(w, id, at(9))).toBe('awaiting');
    expect(await stand(w, id, at(10))).toBe('approved');
    const { approved, last } = (await verdictsInForce(base.db.pool, w.agencyId, [id], at(10))).get(id)!;
    expect(approved).toEqual({
      id: given.verdictId,
      kind: 'approved',
      content: moderatable({ ...FLAT, externalId: '1' }),
      contentHash: contentHashOf({ ...FLAT, externalId: '1' }),
      photoHashes: { 'https://a.example/1.jpg': 'aaa' },
      reasons: null,
      note: null,
      by: 'Ирина',
    });
    expect(last).toEqual(approved);
    expect(await listMessages(base.db, w.agencyId)).toMatchObject([
      {
        kind: 'verdict-approved',
        employee: 'Петров',
        listingId: id,
        text: `Объект 1 (#${id}) одобрил модератор (Ирина).`,
      },
    ]);
    expect(await deeds(w.agencyId)).toMatchObject([{ by: 'Ирина', action: 'verdict-approved' }]);
  });

  it('returns with reasons from the agency’s list and a word of the moderator', async () => {
    const w = await world();
    const id = await w.add();
    await setPending(id, at(-500));
    await giveVerdict(
      base.db,
      w.agencyId,
      {
        listingId: id,
        kind: 'returned',
        actor: w.irina,
        reasons: ['few-photos', 'phone-in-text'],
        note: ' Снимите кухню. ',
      },
      at(0),
    );
    expect(await stand(w, id, at(10))).toBe('returned');
    expect(await pendingSince(id)).toEqual(at(-500));
    const { last, approved } = (await verdictsInForce(base.db.pool, w.agencyId, [id], at(10))).get(id)!;
    expect(approved).toBeNull();
    expect(last).toMatchObject({ kind: 'returned', note: 'Снимите кухню.', by: 'Ирина' });
    expect(last!.reasons!.map(({ code, field }) => [code, field])).toEqual([
      ['phone-in-text', 'description'],
      ['few-photos', 'photos'],
    ]);
    expect((await listMessages(base.db, w.agencyId))[0]!.text).toBe(
      `Объект 1 (#${id}) вернул модератор (Ирина): В тексте телефон: уберите его, номер стоит в объявлении отдельно. Мало фотографий: добавьте. Снимите кухню.`,
    );
    // The agent mends it, it is approved, and nothing is asked of him any more.
    await w.edit(id, { description: 'Тёплая квартира у метро.' });
    expect(await stand(w, id, at(60))).toBe('awaiting');
    await giveVerdict(base.db, w.agencyId, { listingId: id, kind: 'approved', actor: w.oleg }, at(60));
    const open = await listMessages(base.db, w.agencyId, { isOpen: true });
    expect(open.map(({ kind }) => kind)).toEqual(['verdict-approved']);
    expect(await stand(w, id, at(70))).toBe('approved');
    await w.edit(id, { description: FLAT.description! });
    expect(await stand(w, id, at(71))).toBe('awaiting');
  });

  it.each([
    ['approved', undefined],
    ['returned', ['few-photos']],
  ] as const)('is one, when two moderators say %s at the same instant', async (kind, reasons) => {
    const w = await world();
    const id = await w.add();
    const { seen } = await moderationCase(base.db, w.agencyId, id, at(0));
    for (const known of [seen, undefined]) {
      const fresh = known === undefined ? await w.add() : id;
      const people = [w.irina, w.oleg, { ...w.irina, employeeId: null, name: 'командная строка' }];
      const results = await Promise.allSettled(
        people.map((actor) =>
          giveVerdict(
            base.db,
            w.agencyId,
            { listingId: fresh, kind, actor, reasons: reasons ?? [], seen: known },
            at(5),
          ),
        ),
      );
      const won = results.findIndex(({ status }) => status === 'fulfilled');
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'fulfilled') continue;
        expect(result.reason).toMatchObject({ code: 'already-decided' });
        expect(result.reason.message).toBe(
          `По объекту #${fresh} уже есть решение: ${kind === 'approved' ? 'одобрено' : 'возвращено'}, ${people[won]!.name}, 21.11.2026 12:00.`,
        );
      }
      expect(await history(base.db.pool, w.agencyId, fresh)).toHaveLength(1);
    }
  });

  it('is refused when somebody decided otherwise or the content changed since it was seen', async () => {
    const w = await world();
    const id = await w.add();
    const { seen } = await moderationCase(base.db, w.agencyId, id, at(0));
    const say = (kind: 'approved' | 'returned', actor: Moderator, second: number, more = {}) =>
      giveVerdict(base.db, w.agencyId, { listingId: id, kind, actor, reasons: ['other'], ...more }, at(second));
    await w.edit(id, { description: 'Другой текст.' });
    await expect(say('approved', w.irina, 1, { seen })).rejects.toMatchObject({ code: 'content-changed', exit: 4 });
    const now = (await moderationCase(base.db, w.agencyId, id, at(1))).seen;
    await say('approved', w.irina, 2, { seen: now });
    // Not in force yet, and decided all the same.
    await expect(say('returned', w.oleg, 3)).rejects.toMatchObject({ code: 'already-decided' });
    await expect(say('returned', w.oleg, 20, { seen: now })).rejects.toMatchObject({ code: 'already-decided' });
    await expect(say('approved', w.oleg, 20)).rejects.toMatchObject({ code: 'already-decided' });
    // He has seen the approval and thinks otherwise.
    await say('returned', w.oleg, 30, { seen: (await moderationCase(base.db, w.agencyId, id, at(30))).seen });
    expect(await stand(w, id, at(40))).toBe('returned');
  });

  it('needs a known reason, and another’s listing', async () => {
    const w = await world();
    const id = await w.add();
    const say = (actor: Moderator, kind: 'approved' | 'returned', reasons: string[] = []) =>
      giveVerdict(base.db, w.agencyId, { listingId: id, kind, actor, reasons }, at(0));
    await expect(say(w.irina, 'returned')).rejects.toMatchObject({ code: 'reason-missing' });
    await expect(say(w.irina, 'returned', ['few-photos', 'no-such', 'nor-this'])).rejects.toMatchObject({
      code: 'reason-unknown',
      message: expect.stringMatching(/«no-such».*«nor-this»/),
    });
    await expect(
      giveVerdict(base.db, w.agencyId, { listingId: 999_999, kind: 'approved', actor: w.irina }, at(0)),
    ).rejects.toMatchObject({ code: 'listing-unknown' });
    await base.db.pool.query('update listing set employee_id = $2 where id = $1', [id, w.irina.employeeId]);
    await expect(say(w.irina, 'approved')).rejects.toMatchObject({ code: 'own-listing' });
    expect(await history(base.db.pool, w.agencyId, id)).toEqual([]);
    expect(await dueAt(w)).toBeNull();
  });

  it('on the moderator’s own listing is possible where the agency allows it, and is told', async () => {
    const w = await world({ mayApproveOwn: true });
    const id = await w.add();
    await base.db.pool.query('update listing set employee_id = $2 where id = $1', [id, w.irina.employeeId]);
    const given = await giveVerdict(base.db, w.agencyId, { listingId: id, kind: 'approved', actor: w.irina }, at(0));
    expect(given.isOwn).toBe(true);
    expect(await history(base.db.pool, w.agencyId, id)).toMatchObject([{ isOwn: true, by: 'Ирина' }]);
    expect(await deeds(w.agencyId)).toMatchObject([{ action: 'verdict-approved', facts: { isOwn: true } }]);
    expect(await listMessages(base.db, w.agencyId)).toEqual([]);
  });

  it('corrects and approves in one step; the corrector may approve his correction', async () => {
    const w = await world();
    const id = await w.add();
    const { values, seen } = await moderationCase(base.db, w.agencyId, id, at(0));
    const corrections = {
      description: { value: 'Тёплая квартира.', basis: FLAT.description, by: 'Ирина', at: at(0).toISOString() },
    };
    const next = effective(values, corrections);
    const wish = {
      listingId: id,
      kind: 'approved' as const,
      actor: w.irina,
      seen,
      corrections: {
        corrections,
        values: next,
        valuesHash: hashOf(next),
        wasHash: hashOf(values),
      },
    };
    // Nothing is kept of a correction whose verdict is refused, or whose listing has changed meanwhile.
    await expect(
      giveVerdict(
        base.db,
        w.agencyId,
        { ...wish, seen: undefined, corrections: { ...wish.corrections, wasHash: 'другой' } },
        at(0),
      ),
    ).rejects.toMatchObject({ code: 'content-changed' });
    expect((await moderationCase(base.db, w.agencyId, id, at(0))).values).toEqual(values);

    await giveVerdict(base.db, w.agencyId, wish, at(1));
    expect(await stand(w, id, at(11))).toBe('approved');
    const { approved } = (await verdictsInForce(base.db.pool, w.agencyId, [id], at(11))).get(id)!;
    expect(approved!.content.description).toBe('Тёплая квартира.');
    const kept = await base.db.pool.query('select corrections, values from listing where id = $1', [id]);
    expect(kept.rows[0]).toEqual({ corrections, values: next });
    expect(await deeds(w.agencyId)).toContainEqual(
      expect.objectContaining({
        action: 'verdict-approved',
        facts: expect.objectContaining({ isCorrected: true }),
      }),
    );
    expect((await listMessages(base.db, w.agencyId))[0]!.text).toContain('исправил и одобрил модератор (Ирина)');
    // A second moderator who looked at the text before the correction comes too late.
    await expect(giveVerdict(base.db, w.agencyId, { ...wish, actor: w.oleg }, at(2))).rejects.toMatchObject({
      code: 'already-decided',
    });
  });
});

describe('taking a verdict back', () => {
  it('is possible for ten seconds and for its author only', async () => {
    const w = await world();
    const id = await w.add();
    await setPending(id, at(-500));
    const { verdictId } = await giveVerdict(
      base.db,
      w.agencyId,
      { listingId: id, kind: 'approved', actor: w.irina },
      at(0),
    );
    await expect(undoVerdict(base.db, w.agencyId, verdictId, w.oleg, at(5))).rejects.toMatchObject({
      code: 'not-your-verdict',
      message: expect.stringContaining('Ирина'),
    });
    await expect(undoVerdict(base.db, w.agencyId, verdictId, w.irina, at(10))).rejects.toMatchObject({
      code: 'too-late-to-undo',
    });
    await expect(undoVerdict(base.db, w.agencyId, 999_999, w.irina, at(5))).rejects.toMatchObject({
      code: 'verdict-unknown',
    });
    expect(await undoVerdict(base.db, w.agencyId, verdictId, w.irina, at(9))).toEqual({
      listingId: id,
      kind: 'approved',
    });
    await expect(undoVerdict(base.db, w.agencyId, verdictId, w.irina, at(9))).rejects.toMatchObject({
      code: 'already-undone',
    });
    expect(await stand(w, id, at(60))).toBe('awaiting');
    expect(await pendingSince(id)).toEqual(at(-500));
    expect(await listMessages(base.db, w.agencyId, { isOpen: true })).toEqual([]);
    expect(await history(base.db.pool, w.agencyId, id)).toMatchObject([{ id: verdictId, undoneAt: at(9) }]);
    // What was taken back keeps nobody from deciding, not even one who has seen it.
    const before = { contentHash: contentHashOf({ ...FLAT, externalId: '1' }), lastVerdictId: verdictId };
    await giveVerdict(base.db, w.agencyId, { listingId: id, kind: 'approved', actor: w.oleg, seen: before }, at(9));
    expect(await stand(w, id, at(19))).toBe('approved');
  });

  it('asks again what the return before it had asked', async () => {
    const w = await world();
    const id = await w.add();
    const say = (kind: 'approved' | 'returned', second: number) =>
      giveVerdict(base.db, w.agencyId, { listingId: id, kind, actor: w.irina, reasons: ['other'] }, at(second));
    await say('returned', 0);
    const { verdictId } = await say('approved', 30);
    await undoVerdict(base.db, w.agencyId, verdictId, w.irina, at(35));
    expect((await listMessages(base.db, w.agencyId, { isOpen: true })).map(({ kind }) => kind)).toEqual([
      'verdict-returned',
    ]);
    expect(await stand(w, id, at(60))).toBe('returned');
  });
});

describe('the newest verdicts in force', () => {
  it('are by the moment they hold, then by number; nobody else’s', async () => {
    const w = await world();
    const [one, two, three] = [await w.add(), await w.add(), await w.add()];
    const say = (listingId: number, kind: 'approved' | 'returned', second: number) =>
      giveVerdict(base.db, w.agencyId, { listingId, kind, actor: w.irina, reasons: ['other'] }, at(second));
    const first = await say(one, 'approved', 0);
    await w.edit(one, { description: 'Второй текст.' });
    const second = await say(one, 'approved', 20);
    const third = await say(one, 'returned', 40);
    const alone = await say(two, 'returned', 0);
    const ids = async (now: Date) =>
      [...(await verdictsInForce(base.db.pool, w.agencyId, [one, two, three], now))].map(([id, found]) => [
        id,
        found.approved?.id ?? null,
        found.last?.id ?? null,
      ]);
    expect(await ids(at(9))).toEqual([]);
    expect(await ids(at(10))).toEqual([
      [one, first.verdictId, first.verdictId],
      [two, null, alone.verdictId],
    ]);
    expect(await ids(at(30))).toEqual([
      [one, second.verdictId, second.verdictId],
      [two, null, alone.verdictId],
    ]);
    expect(await ids(at(50))).toEqual([
      [one, second.verdictId, third.verdictId],
      [two, null, alone.verdictId],
    ]);
  });
});

const cases = (w: World, now = at(0), reach?: Reach) => waitingCases(base.db.pool, w.agencyId, now, reach);
const ids = async (w: World, reach?: Reach) => (await cases(w, at(0), reach)).map(({ listingId }) => listingId);

describe('the queue', () => {
  it('holds what the runs left waiting, the oldest first where nothing costs, until it is decided', async () => {
    const w = await world();
    const fresh = await w.add({ title: 'Новая' });
    const kept = await w.add(
      { title: 'Правка' },
      { outcome: 'published', judgement: { approval: 'kept', waiting: ['Описание'], touches: ['text'] } },
    );
    await setPending(kept, at(-10_000));
    await w.add({}, { outcome: 'published', judgement: { approval: 'approved' } });
    await w.add({}, { outcome: 'published', judgement: null });
    // The agent is at it: the moderator has said what he wants.
    await w.add({}, { outcome: 'published', judgement: { approval: 'kept', returned: { by: 'Ирина', texts: [] } } });
    const unmarked = await w.add();
    await base.db.pool.query('update mark set is_live = false where listing_id = $1', [unmarked]);

    const found = await cases(w);
    expect(found).toEqual([
      {
        listingId: kept,
        since: at(-10_000),
        isNew: false,
        touches: ['text'],
        idleKopecks: 0,
        dayKopecks: 0,
        isPutAside: false,
        employeeId: w.agent.employeeId,
        branchId: null,
        boards: ['avito'],
        isReady: true,
        stops: [],
      },
      expect.objectContaining({ listingId: fresh, since: at(-800), isNew: true, touches: [] }),
    ]);
    expect(await queueRows(base.db.pool, w.agencyId, found)).toMatchObject([
      {
        listingId: kept,
        externalId: '2',
        kind: 'flat',
        deal: 'sale',
        title: 'Правка',
        address: null,
        employee: 'Петров',
        cabinets: [{ board: 'avito', cabinet: 'main', approval: 'kept', outcome: 'published', waiting: ['Описание'] }],
        postponed: null,
      },
      { listingId: fresh, cabinets: [{ approval: 'awaiting', outcome: 'awaiting-moderation', waiting: [] }] },
    ]);
    const reach = { isAll: false, branchIds: [], departmentIds: [], employeeId: w.oleg.employeeId };
    expect(await ids(w, reach)).toEqual([]);
    expect(await ids(w, { ...reach, employeeId: w.agent.employeeId })).toEqual([kept, fresh]);

    const { verdictId } = await giveVerdict(
      base.db,
      w.agencyId,
      { listingId: kept, kind: 'approved', actor: w.irina },
      at(0),
    );
    expect(await ids(w)).toEqual([fresh]);
    await undoVerdict(base.db, w.agencyId, verdictId, w.irina, at(1));
    expect(await ids(w)).toHaveLength(2);
  });

  it('knows what waits for the moderator alone, and what else keeps the rest off', async () => {
    const w = await world();
    const found = async (outcome: string, judgement: object, other?: string) => {
      const id = await w.add({}, { outcome, judgement });
      if (other) {
        const second = await ensureCabinet(base.db, w.agencyId, {
          board: 'cian',
          slug: 'main',
          name: 'Циан',
          family: 'cian',
        });
        await base.db.pool.query(
          `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id)
           select agency_id, $2, listing_id, marked_at, ordinal, 'c' || listing_id from mark where listing_id = $1`,
          [id, second],
        );
        await base.db.pool.query(
          `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
           select agency_id, $2, listing_id, $3, judgement, input_key, content_key, since, decided_at from mark_outcome where listing_id = $1`,
          [id, second, other],
        );
      }
      const { isReady, stops } = (await cases(w)).find(({ listingId }) => listingId === id)!;
      return [isReady, stops];
    };
    const awaiting = { approval: 'awaiting' };
    const kept = { approval: 'kept', touches: ['text'] };
    const held = (gate: string) => ({ ...awaiting, held: { gate, cause: 'source' } });
    expect(await found('awaiting-moderation', awaiting)).toEqual([true, []]);
    expect(await found('blocked', awaiting)).toEqual([false, ['blocked']]);
    expect(await found('stale', awaiting)).toEqual([false, ['stale']]);
    expect(await found('off-market', kept)).toEqual([false, ['off-market']]);
    expect(await found('published', kept)).toEqual([true, []]);
    expect(await found('paused', kept)).toEqual([false, ['paused']]);
    expect(await found('awaiting-moderation', awaiting, 'blocked')).toEqual([true, ['blocked']]);
    expect(await found('blocked', awaiting, 'stale')).toEqual([false, ['blocked', 'stale']]);
    expect(await found('published', held('moderation'))).toEqual([true, []]);
    expect(await found('published', held('board-rules'))).toEqual([false, ['published']]);
  });

  it('begins with what the waiting costs most', async () => {
    const w = await world();
    const [cheap, dear, live] = [
      await w.add(),
      await w.add({ kind: 'house' }),
      await w.add({ kind: 'house' }, { outcome: 'published', judgement: { approval: 'kept', touches: ['price'] } }),
    ];
    await base.db.pool.query(
      "insert into tariff (agency_id, cabinet_id, valid_from, terms, by, created_at) values ($1, $2, '2026-01-01', $3, 'тест', $4)",
      [
        w.agencyId,
        w.cabinetId,
        JSON.stringify({ lines: [{ kind: 'house', kopecks: 9_000 }, { kopecks: 3_000 }], excess: null, promotion: [] }),
        at(0),
      ],
    );
    await setPending(live, at(-9_000));
    expect(
      (await cases(w)).map(({ listingId, idleKopecks, dayKopecks }) => [listingId, idleKopecks, dayKopecks]),
    ).toEqual([
      [dear, 9_000, 9_000],
      [cheap, 3_000, 3_000],
      // It stands on the board meanwhile.
      [live, 0, 9_000],
    ]);
    await setPending(cheap, at(-2_700));
    expect(await ids(w)).toEqual([cheap, dear, live]);
  });
});

describe('a case put aside', () => {
  it('comes back by its hour, by an edit and by hand', async () => {
    const w = await world();
    const id = await w.add();
    const aside = async (second: number) => (await cases(w, at(second)))[0]!.isPutAside;
    await postpone(base.db, w.agencyId, id, at(600), w.irina, at(0));
    expect([await aside(1), await aside(599), await aside(600)]).toEqual([true, true, false]);
    await w.edit(id, { description: 'Другой текст.' });
    expect(await aside(1)).toBe(false);
    await postpone(base.db, w.agencyId, id, at(600), w.irina, at(2));
    expect(await aside(3)).toBe(true);
    expect(await resume(base.db, w.agencyId, id, w.irina, at(4))).toBe(true);
    expect(await resume(base.db, w.agencyId, id, w.irina, at(4))).toBe(false);
    expect(await aside(5)).toBe(false);
    await expect(postpone(base.db, w.agencyId, id, at(0), w.irina, at(0))).rejects.toMatchObject({
      code: 'until-wrong',
    });
    expect((await deeds(w.agencyId)).map(({ action }) => action)).toEqual([
      'case-postponed',
      'case-postponed',
      'case-resumed',
    ]);
  });

  it('with a question comes back with the answer, and a day later without one', async () => {
    const w = await world();
    const id = await w.add();
    const open = async () =>
      (await listMessages(base.db, w.agencyId, { employeeId: w.agent.employeeId!, isOpen: true })).map(
        ({ text }) => text,
      );
    await askAgent(base.db, w.agencyId, id, 'Какой этаж?', w.irina, at(0));
    expect(await open()).toEqual([`Модератор спрашивает об объекте 1 (#${id}, Ирина): Какой этаж?`]);
    expect((await cases(w, at(86_399)))[0]!.isPutAside).toBe(true);
    expect((await cases(w, at(86_400)))[0]!.isPutAside).toBe(false);
    await expect(answerQuestion(base.db, w.agencyId, id, '  ', w.agent, at(9))).rejects.toMatchObject({
      code: 'answer-empty',
    });
    await answerQuestion(base.db, w.agencyId, id, 'Третий.', w.agent, at(10));
    const [found] = await cases(w, at(11));
    expect(found!.isPutAside).toBe(false);
    expect(await queueRows(base.db.pool, w.agencyId, [found!])).toMatchObject([
      { postponed: { by: 'Ирина', question: 'Какой этаж?', answer: 'Третий.' } },
    ]);
    expect(await open()).toEqual([]);
    await expect(answerQuestion(base.db, w.agencyId, id, 'Ещё раз.', w.agent, at(12))).rejects.toMatchObject({
      code: 'nothing-asked',
    });
  });

  it('is no more once it is decided', async () => {
    const w = await world();
    const id = await w.add();
    await askAgent(base.db, w.agencyId, id, 'Какой этаж?', w.irina, at(0));
    await giveVerdict(base.db, w.agencyId, { listingId: id, kind: 'approved', actor: w.oleg }, at(1));
    const open = await listMessages(base.db, w.agencyId, { employeeId: w.agent.employeeId!, isOpen: true });
    expect(open.map(({ kind }) => kind)).toEqual(['verdict-approved']);
    await expect(answerQuestion(base.db, w.agencyId, id, 'Третий.', w.agent, at(2))).rejects.toMatchObject({
      code: 'nothing-asked',
    });
  });
});

describe('looking at a case', () => {
  it('is told to the others for a minute', async () => {
    const w = await world();
    const id = await w.add();
    const see = (who: Moderator, second: number) => look(base.db, w.agencyId, id, who.employeeId!, at(second));
    expect(await see(w.irina, 0)).toEqual([]);
    await see(w.irina, 50);
    expect(await see(w.oleg, 100)).toEqual([
      { listingId: id, employeeId: w.irina.employeeId, name: 'Ирина', since: at(0) },
    ]);
    expect(await see(w.oleg, 111)).toEqual([]);
    await lookAway(base.db.pool, w.agencyId, id, w.oleg.employeeId!);
    expect(await see(w.irina, 112)).toEqual([]);
  });
});

describe('trusted agents', () => {
  const trusting = async (sharePercent: number) => {
    const w = await world();
    await base.db.pool.query('update agency set settings = $2 where id = $1', [
      w.agencyId,
      JSON.stringify({ moderation: { mode: 'on', trusted: { employeeIds: [w.agent.employeeId], sharePercent } } }),
    ]);
    return w;
  };

  it('are approved by a verdict that history and journal know, at once', async () => {
    const w = await trusting(0);
    const id = await w.add();
    await setPending(id, at(-500));
    expect(await approveOnTrust(base.db, w.agencyId, [id], at(0))).toBe(1);
    expect(await stand(w, id, at(0))).toBe('approved');
    expect(await history(base.db.pool, w.agencyId, id)).toMatchObject([
      { kind: 'approved', by: 'Доверие', employeeId: null, effectiveAt: at(0) },
    ]);
    expect(await deeds(w.agencyId)).toMatchObject([
      { by: 'Доверие', action: 'verdict-approved', facts: { isTrusted: true } },
    ]);
    expect(await pendingSince(id)).toBeNull();
    expect(await dueAt(w)).toEqual(at(0));
    // The same content needs no second word, and calls for no second run.
    expect(await approveOnTrust(base.db, w.agencyId, [id], at(1))).toBe(0);
    await w.edit(id, { description: 'Другой текст.' });
    expect(await stand(w, id, at(2))).toBe('awaiting');
    expect(await approveOnTrust(base.db, w.agencyId, [id], at(2))).toBe(1);
    expect(await stand(w, id, at(2))).toBe('approved');
  });

  it('wait for a person in the sample, after a return, and where nobody trusts them', async () => {
    const sampled = await trusting(100);
    expect(await approveOnTrust(base.db, sampled.agencyId, [await sampled.add()], at(0))).toBe(0);
    const stranger = await world();
    expect(await approveOnTrust(base.db, stranger.agencyId, [await stranger.add()], at(0))).toBe(0);
    const w = await trusting(0);
    const id = await w.add();
    await giveVerdict(
      base.db,
      w.agencyId,
      { listingId: id, kind: 'returned', reasons: ['other'], actor: w.irina },
      at(0),
    );
    await w.edit(id, { description: 'Исправленный текст.' });
    expect(await approveOnTrust(base.db, w.agencyId, [id], at(60))).toBe(0);
    await giveVerdict(base.db, w.agencyId, { listingId: id, kind: 'approved', actor: w.irina }, at(61));
    await w.edit(id, { description: 'Новый текст.' });
    expect(await approveOnTrust(base.db, w.agencyId, [id], at(100))).toBe(1);
  });
});

describe('switching moderation on', () => {
  it('approves what is published as it is, so that no feed gets empty', async () => {
    const w = await world({ mode: 'off' });
    const live = await w.add(
      { boardFields: { avito: { AvitoId: '7', ListingFee: 'Package' } } },
      { outcome: 'published', judgement: null, hashes: { 'https://a.example/1.jpg': 'aaa' } },
    );
    const blocked = await w.add({}, { outcome: 'blocked', judgement: { board: [] } });
    const result = await switchOn(base.db, w.agencyId, { agency: true }, 'on', { actor: w.irina }, at(0));
    expect(result).toEqual({ isChanged: true, accepted: 1 });
    const { approved } = (await verdictsInForce(base.db.pool, w.agencyId, [live], at(0))).get(live)!;
    expect(approved!.content).toEqual(
      moderatable({ ...FLAT, externalId: '1', boardFields: { avito: { AvitoId: '7', ListingFee: 'Package' } } }),
    );
    expect(approved).toMatchObject({ by: 'Ирина', photoHashes: { 'https://a.example/1.jpg': 'aaa' } });
    expect(await stand(w, live, at(0))).toBe('approved');
    expect(await stand(w, blocked, at(0))).toBe('awaiting');
    expect(await dueAt(w)).toEqual(at(0));
    await w.edit(live, { description: 'Другой текст.' });
    expect(await stand(w, live, at(1))).toBe('awaiting');
    await w.edit(live, { description: FLAT.description! });
    expect(await stand(w, live, at(1))).toBe('approved');
    // Once more is nothing: no edit is approved by the way.
    await w.edit(live, { description: 'Другой текст.' });
    expect(await switchOn(base.db, w.agencyId, { agency: true }, 'on', { actor: w.irina }, at(2))).toEqual({
      isChanged: false,
      accepted: 0,
    });
    expect(await stand(w, live, at(3))).toBe('awaiting');
    expect(await deeds(w.agencyId)).toEqual([
      { by: 'Ирина', action: 'moderation-switched', facts: { mode: 'on', acceptsCurrent: true, accepted: 1 } },
    ]);
    await switchOn(base.db, w.agencyId, { agency: true }, 'off', { actor: w.irina }, at(4));
    expect(await stand(w, live, at(5))).toBe('not-needed');
  });

  it('keeps the other moderation settings, and reviews everything where that is wished', async () => {
    const w = await world({ mode: 'off', keepDays: 3 });
    const live = await w.add({}, { outcome: 'published', judgement: null });
    const wish = { actor: w.irina, acceptsCurrent: false };
    expect(await switchOn(base.db, w.agencyId, { agency: true }, 'on', wish, at(0))).toEqual({
      isChanged: true,
      accepted: 0,
    });
    expect(await stand(w, live, at(0))).toBe('awaiting');
    expect((await agencyFrame(base.db, w.agencyId)).settings.moderation).toEqual({
      ...AGENCY_DEFAULTS.moderation,
      mode: 'on',
      keepDays: 3,
    });
  });

  it('in one cabinet leaves alone what another one moderates, and what the brake holds', async () => {
    const w = await world({ mode: 'off' });
    const other = await ensureCabinet(base.db, w.agencyId, {
      board: 'cian',
      slug: 'main',
      name: 'Циан',
      family: 'cian',
    });
    const [free, pending, held] = [
      await w.add({}, { outcome: 'published', judgement: null }),
      await w.add({}, { outcome: 'published', judgement: null }),
      await w.add({}, { outcome: 'published', judgement: null }),
    ];
    await base.db.pool.query('update mark_outcome set is_held = true where listing_id = $1', [held]);
    await base.db.pool.query(
      'insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id) values ($1, $2, $3, $4, 1, $5)',
      [w.agencyId, other, pending, at(0), 'x'],
    );
    await base.db.pool.query(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
       values ($1, $2, $3, 'awaiting-moderation', '{"approval":"awaiting"}', 'i', 'c', $4, $4)`,
      [w.agencyId, other, pending, at(0)],
    );
    expect(await switchOn(base.db, w.agencyId, { cabinetId: w.cabinetId }, 'on', { actor: w.irina }, at(0))).toEqual({
      isChanged: true,
      accepted: 1,
    });
    expect((await cabinetSettings(base.db, w.agencyId, w.cabinetId)).settings.moderation).toBe('on');
    expect((await cabinetSettings(base.db, w.agencyId, other)).settings.moderation).toBeNull();
    const found = await verdictsInForce(base.db.pool, w.agencyId, [free, pending, held], at(0));
    expect([...found.keys()]).toEqual([free]);
  });
});
