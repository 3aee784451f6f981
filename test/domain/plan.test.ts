import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, startOfDay } from '../../src/domain/days.ts';
import type { CorridorContext, DuplicateFacts, Funds } from '../../src/domain/gates.ts';
import {
  type Considered,
  NO_PACKAGE,
  type PlanMark,
  type PlanOptions,
  planOf,
  type Rival,
  type Settled,
} from '../../src/domain/plan.ts';
import { AGENCY_DEFAULTS, type Package } from '../../src/domain/settings.ts';

const ZONE = 'Europe/Moscow';
const NOW = new Date('2026-11-21T09:00:00Z');
const TODAY = '2026-11-21';
const DAY = 86_400_000;
const OPEN = { isOpen: true, reason: null, changesAt: null };

const CONTEXT: CorridorContext = {
  now: NOW,
  zone: ZONE,
  today: TODAY,
  boardName: 'Авито',
  settings: AGENCY_DEFAULTS,
  cabinetCalendar: OPEN,
  midnight: (day) => startOfDay(day, ZONE),
  midnightAfter: (day) => startOfDay(addDays(day, 1), ZONE),
};
const OURS = 2;

/** A mark in whose way nothing stands; it was marked the later the greater its number. */
const mark = (listingId: number, more: Partial<PlanMark> = {}): PlanMark => ({
  listingId,
  externalId: `крм-${listingId}`,
  agent: `Агент ${listingId}`,
  deal: 'sale',
  goneOn: null,
  status: 'active',
  reservedUntil: null,
  stage: null,
  forbiddenReason: null,
  startsOn: null,
  endsOn: null,
  freshAt: NOW,
  callBackAt: null,
  judgement: null,
  pendingSince: null,
  branchCalendar: OPEN,
  pause: null,
  exceptions: [],
  isPinned: false,
  markedAt: 1000 + listingId,
  waitingSince: null,
  placedOn: null,
  placementFrom: null,
  placementUntil: null,
  duplicateKey: null,
  photosKey: null,
  ...more,
});

const rival = (listingId: number, more: Partial<Rival> = {}): Rival => ({
  listingId,
  externalId: `крм-${listingId}`,
  agent: null,
  cabinetId: 1,
  duplicateKey: null,
  photosKey: null,
  markedAt: 1000 + listingId,
  ...more,
});

/** What the store finds: keys of more than one mark. */
function shared(marks: readonly PlanMark[]): ReadonlySet<string> {
  const once = new Set<string>();
  const twice = new Set<string>();
  for (const key of marks.flatMap(({ duplicateKey, photosKey }) => [duplicateKey, photosKey])) {
    if (key !== null) (once.has(key) ? twice : once).add(key);
  }
  return twice;
}

interface Run {
  readonly considered: ReadonlyMap<number, Considered>;
  readonly settled: ReadonlyMap<number, Settled>;
  readonly nextAt: Date | null;
}

function run(marks: readonly PlanMark[], more: Partial<PlanOptions> = {}): Run {
  const plan = planOf({
    cabinetId: OURS,
    context: CONTEXT,
    package: null,
    turnDays: 7,
    usedPlacements: 0,
    isFirstOfDay: false,
    sharedKeys: shared(marks),
    rivals: [],
    ...more,
  });
  const considered = new Map(marks.map((one) => [one.listingId, plan.consider(one)]));
  return { considered, settled: plan.settle(), nextAt: plan.nextAt() };
}

/** Whose duplicate each of the marks is. */
const duplicates = ({ settled }: Run) =>
  Object.fromEntries([...settled].flatMap(([id, { duplicate }]) => (duplicate ? [[id, duplicate.listingId]] : [])));
const goesOut = ({ considered, settled }: Run, id: number) =>
  considered.get(id)!.state === 'through' || settled.get(id)?.closing === null;

const concurrent = (places: number): Package => ({ kind: 'concurrent', places });

describe('a mark of its own', () => {
  it('goes through at once where nothing is shared and no places are counted', () => {
    const { considered, settled } = run([mark(1, { duplicateKey: 'a' }), mark(2, { photosKey: 'b' }), mark(3)]);
    expect([...considered.values()]).toEqual([{ state: 'through' }, { state: 'through' }, { state: 'through' }]);
    expect(settled.size).toBe(0);
  });

  it('is closed at once by one of the gates 1–7', () => {
    const { considered, settled } = run([mark(1, { status: 'sold' }), mark(2, { endsOn: '2026-11-20' })]);
    expect(considered.get(1)).toMatchObject({ state: 'closed', gate: 'market', closing: { outcome: 'off-market' } });
    expect(considered.get(2)).toMatchObject({ state: 'closed', gate: 'term', closing: { outcome: 'out-of-term' } });
    expect(settled.size).toBe(0);
  });

  it('is settled as published when only its key could have stood in its way', () => {
    const made = run([mark(1, { duplicateKey: 'a' }), mark(2, { duplicateKey: 'a', status: 'sold' })]);
    expect(made.considered.get(1)).toEqual({ state: 'pending' });
    expect([...made.settled]).toEqual([
      [
        1,
        {
          closing: null,
          gate: null,
          duplicate: null,
          place: NO_PACKAGE,
          funds: { state: 'free' },
          given: { placedOn: TODAY, placementFrom: null, placementUntil: null },
          isExcess: false,
        },
      ],
    ]);
  });

  it('tells the earliest moment at which any of them changes', () => {
    const soon = new Date(NOW.getTime() + 5 * 60_000);
    const { nextAt } = run([
      mark(1),
      mark(2, { callBackAt: soon }),
      mark(3, { endsOn: TODAY }),
      mark(4, { status: 'sold' }),
    ]);
    expect(nextAt).toEqual(soon);
    expect(run([mark(4, { status: 'sold' })]).nextAt).toBeNull();
  });

  it('can be asked for as if its own gates were open', () => {
    const twin = mark(2, { duplicateKey: 'a', status: 'sold' });
    const plan = planOf({
      cabinetId: OURS,
      context: CONTEXT,
      package: null,
      turnDays: 7,
      usedPlacements: 0,
      isFirstOfDay: false,
      sharedKeys: new Set(['a']),
      rivals: [],
    });
    plan.consider(mark(1, { duplicateKey: 'a' }));
    expect(plan.consider(twin, null)).toEqual({ state: 'pending' });
    expect(plan.settle().get(2)!.duplicate).toMatchObject({ listingId: 1 });
  });
});

describe('duplicates', () => {
  it.each<[string, PlanMark[], Record<number, number>, DuplicateFacts['why'][]]>([
    [
      'the older mark keeps the place',
      [mark(1, { duplicateKey: 'a' }), mark(2, { duplicateKey: 'a' })],
      { 2: 1 },
      ['flat'],
    ],
    [
      'the older mark, not the older listing',
      [mark(1, { duplicateKey: 'a', markedAt: 9 }), mark(2, { duplicateKey: 'a', markedAt: 8 })],
      { 1: 2 },
      ['flat'],
    ],
    [
      'marked at one moment: the smaller number',
      [mark(2, { duplicateKey: 'a', markedAt: 5 }), mark(1, { duplicateKey: 'a', markedAt: 5 })],
      { 2: 1 },
      ['flat'],
    ],
    ['the same photos', [mark(1, { photosKey: 'p' }), mark(2, { photosKey: 'p' })], { 2: 1 }, ['photos']],
    [
      'the flat is told before the photos',
      [mark(1, { photosKey: 'p' }), mark(2, { duplicateKey: 'a' }), mark(3, { duplicateKey: 'a', photosKey: 'p' })],
      { 3: 2 },
      ['flat'],
    ],
    [
      'three of one flat: one stays',
      [mark(1, { duplicateKey: 'a' }), mark(2, { duplicateKey: 'a' }), mark(3, { duplicateKey: 'a' })],
      { 2: 1, 3: 1 },
      ['flat', 'flat'],
    ],
    [
      'being a duplicate of a duplicate counts for nothing',
      [mark(1, { duplicateKey: 'a' }), mark(2, { duplicateKey: 'a', photosKey: 'p' }), mark(3, { photosKey: 'p' })],
      { 2: 1 },
      ['flat'],
    ],
    [
      'a chain of four: every other one stays',
      [
        mark(1, { duplicateKey: 'a' }),
        mark(2, { duplicateKey: 'a', photosKey: 'p' }),
        mark(3, { duplicateKey: 'b', photosKey: 'p' }),
        mark(4, { duplicateKey: 'b' }),
      ],
      { 2: 1, 4: 3 },
      ['flat', 'flat'],
    ],
    [
      'a mark that did not pass gates 1–7 has no place to keep',
      [mark(1, { duplicateKey: 'a', status: 'reserved' }), mark(2, { duplicateKey: 'a' })],
      {},
      [],
    ],
    [
      'the younger one with an exception stays beside the older',
      [mark(1, { duplicateKey: 'a' }), mark(2, { duplicateKey: 'a', exceptions: ['duplicate'] })],
      {},
      [],
    ],
    [
      "an exception is one listing's: the third is a duplicate still",
      [
        mark(1, { duplicateKey: 'a' }),
        mark(2, { duplicateKey: 'a', exceptions: ['duplicate'] }),
        mark(3, { duplicateKey: 'a' }),
      ],
      { 3: 1 },
      ['flat'],
    ],
    [
      'an excepted one keeps others from its own photos',
      [
        mark(1, { duplicateKey: 'a' }),
        mark(2, { duplicateKey: 'a', photosKey: 'p', exceptions: ['duplicate'] }),
        mark(3, { photosKey: 'p' }),
      ],
      { 3: 2 },
      ['photos'],
    ],
    [
      'an exception of freshness is none of duplicates',
      [mark(1, { duplicateKey: 'a' }), mark(2, { duplicateKey: 'a', exceptions: ['fresh'] })],
      { 2: 1 },
      ['flat'],
    ],
  ])('%s', (_, marks, expected, why) => {
    const made = run(marks);
    expect(duplicates(made)).toEqual(expected);
    const found = [...made.settled.values()].flatMap(({ duplicate }) => (duplicate ? [duplicate] : []));
    expect(found.map((one) => one.why)).toEqual(why);
    for (const { gate, closing, duplicate, given } of made.settled.values()) {
      expect([gate, closing?.outcome]).toEqual(duplicate ? ['duplicate', 'duplicate'] : [null, undefined]);
      expect(given === null).toBe(duplicate !== null);
    }
  });

  it('name the older one and its agent', () => {
    const made = run([mark(1, { duplicateKey: 'a', agent: 'Ирина Соколова' }), mark(2, { duplicateKey: 'a' })]);
    expect(made.settled.get(2)).toMatchObject({
      gate: 'duplicate',
      duplicate: { listingId: 1, externalId: 'крм-1', agent: 'Ирина Соколова', why: 'flat' },
      closing: { reason: expect.stringContaining('крм-1 (#1, агент Ирина Соколова)') },
    });
  });
});

describe('rivals in other cabinets of the board', () => {
  it.each<[string, PlanMark[], Rival[], Record<number, number>]>([
    ['an older one has the flat', [mark(2, { duplicateKey: 'a' })], [rival(1, { duplicateKey: 'a' })], { 2: 1 }],
    ['an older one has the photos', [mark(2, { photosKey: 'p' })], [rival(1, { photosKey: 'p' })], { 2: 1 }],
    ['a younger one has nothing', [mark(2, { duplicateKey: 'a' })], [rival(3, { duplicateKey: 'a' })], {}],
    [
      'an excepted mark stays',
      [mark(2, { duplicateKey: 'a', exceptions: ['duplicate'] })],
      [rival(1, { duplicateKey: 'a' })],
      {},
    ],
    ['the same listing was marked there before', [mark(5)], [rival(5, { markedAt: 1 })], { 5: 5 }],
    ['the same listing was marked here before', [mark(5)], [rival(5, { markedAt: 9999 })], {}],
    ['the same listing, at one moment: the older cabinet', [mark(5)], [rival(5, { cabinetId: 1 })], { 5: 5 }],
    ['the same listing, at one moment: we are the older', [mark(5)], [rival(5, { cabinetId: 3 })], {}],
    [
      'a twin here that lost to a rival does not count',
      [mark(2, { duplicateKey: 'a', photosKey: 'p' }), mark(3, { photosKey: 'p' })],
      [rival(1, { duplicateKey: 'a' })],
      { 2: 1 },
    ],
  ])('%s', (_, marks, rivals, expected) => {
    const made = run(marks, { rivals });
    expect(duplicates(made)).toEqual(expected);
    // They are judged in their own cabinets.
    expect([...made.settled.keys()].every((id) => marks.some(({ listingId }) => listingId === id))).toBe(true);
  });

  it('is told as the other cabinet when it is the very listing', () => {
    const made = run([mark(5, { duplicateKey: 'a' })], { rivals: [rival(5, { markedAt: 1, duplicateKey: 'a' })] });
    expect(made.settled.get(5)!.duplicate!.why).toBe('cabinet');
  });
});

describe('places', () => {
  it('go to as many as the package has, and the others are told how long the queue is', () => {
    const marks = [mark(1), mark(2), mark(3, { isPinned: true }), mark(4, { waitingSince: 5 })];
    const made = run(marks, { package: concurrent(2) });
    expect([1, 2, 3, 4].filter((id) => goesOut(made, id))).toEqual([3, 4]);
    expect(made.settled.get(3)).toMatchObject({
      place: {
        hasPlace: true,
        places: 2,
        position: null,
        placedOn: TODAY,
        turnUntil: '2026-11-27',
        placementUntil: null,
      },
      given: { placedOn: TODAY },
    });
    expect([1, 2].map((id) => made.settled.get(id)!.place.position)).toEqual([1, 2]);
    expect(made.settled.get(1)).toMatchObject({
      gate: 'place',
      closing: { outcome: 'waiting-turn', reason: 'Ждёт места: в пакете 2 места, в очереди 1-й.' },
      place: { hasPlace: false, placedOn: null, turnUntil: null },
      given: null,
    });
  });

  it('are no business of marks closed before and of duplicates', () => {
    const marks = [
      mark(1, { status: 'sold', isPinned: true }),
      mark(2, { duplicateKey: 'a' }),
      mark(3, { duplicateKey: 'a', isPinned: true }),
      mark(4),
    ];
    const made = run(marks, { package: concurrent(2) });
    expect([1, 2, 3, 4].map((id) => goesOut(made, id))).toEqual([false, true, false, true]);
    expect(made.settled.has(1)).toBe(false);
    expect(made.settled.get(3)!.closing!.outcome).toBe('duplicate');
  });

  it('of a package of placements are paid to their last day', () => {
    const pack: Package = { kind: 'placements', placements: 3, from: '2026-11-01', periodDays: 30, termDays: 10 };
    const running = mark(1, { placementFrom: '2026-11-15', placementUntil: '2026-11-24' });
    const over = mark(2, { placementFrom: '2026-11-05', placementUntil: '2026-11-14' });
    const made = run([running, over, mark(3)], { package: pack, usedPlacements: 2 });
    expect([1, 2, 3].map((id) => goesOut(made, id))).toEqual([true, true, false]);
    expect(made.settled.get(1)!.place).toMatchObject({ places: 3, turnUntil: null, placementUntil: '2026-11-24' });
    expect(made.settled.get(2)!.given).toEqual({
      placedOn: TODAY,
      placementFrom: TODAY,
      placementUntil: '2026-11-30',
    });
    // The package is told, not what is left of it.
    expect(made.settled.get(3)!.closing!.reason).toBe('Ждёт места: в пакете 3 места, в очереди 1-й.');
  });

  it('change hands only with the first run of a day', () => {
    const marks = [mark(1, { placedOn: '2026-11-20' }), mark(2, { isPinned: true })];
    const at = (isFirstOfDay: boolean) => {
      const made = run(marks, { package: concurrent(1), isFirstOfDay });
      return [1, 2].filter((id) => goesOut(made, id));
    };
    expect([at(false), at(true)]).toEqual([[1], [2]]);
  });
});

describe('money', () => {
  const short: Funds = {
    state: 'short',
    cause: 'balance',
    accountId: 7,
    missingKopecks: 12_000,
    reason: 'Не хватает 120 ₽.',
    fix: 'Пополните счёт.',
  };

  it('is asked for of every mark that is to go out, and of no other', () => {
    const asked: number[] = [];
    const fundsOf = (listingId: number): Funds => {
      asked.push(listingId);
      return listingId === 1 ? short : { state: 'free' };
    };
    const marks = [
      mark(1),
      mark(2),
      mark(3, { status: 'sold' }),
      mark(4, { duplicateKey: 'a' }),
      mark(5, { duplicateKey: 'a' }),
    ];
    const made = run(marks, { money: { fundsOf, sellsExcess: false } });
    expect(asked.sort()).toEqual([1, 2, 4]);
    expect(made.settled.get(1)).toMatchObject({
      gate: 'place',
      closing: { outcome: 'unfunded', reason: 'Не хватает 120 ₽.', fix: 'Пополните счёт.', fixedBy: 'manager' },
      funds: short,
    });
    expect([2, 4].every((id) => goesOut(made, id))).toBe(true);
    expect(made.settled.get(5)!.closing!.outcome).toBe('duplicate');
  });

  it('goes to places in their order: it is the last ones who come short', () => {
    let left = 2;
    const fundsOf = (): Funds => (left-- > 0 ? { state: 'free' } : short);
    const marks = [
      mark(1),
      mark(2, { waitingSince: 7 }),
      mark(3, { isPinned: true }),
      mark(4, { waitingSince: 9 }),
      mark(5),
    ];
    const made = run(marks, { package: concurrent(4), money: { fundsOf, sellsExcess: false } });
    const outcomes = [...made.settled].map(([id, { closing }]) => [id, closing?.outcome ?? 'published']);
    expect(Object.fromEntries(outcomes)).toEqual({
      3: 'published',
      2: 'published',
      4: 'unfunded',
      1: 'unfunded',
      // A place stays free, and the money is gone.
      5: 'unfunded',
    });
  });
});

describe('a price for what exceeds the package', () => {
  const payer =
    (rich: readonly number[]) =>
    (id: number, isExcess: boolean): Funds =>
      !isExcess || rich.includes(id)
        ? { state: 'paid', accountId: 1, kopecks: isExcess ? 500 : 100 }
        : {
            state: 'short',
            cause: 'balance',
            accountId: 1,
            missingKopecks: 500,
            reason: 'Не хватает 5 ₽.',
            fix: 'Пополните.',
          };

  it('lets out at once whoever can pay it, without a place of the package', () => {
    const made = run([mark(1), mark(2), mark(3)], {
      package: concurrent(1),
      money: { fundsOf: payer([2]), sellsExcess: true },
    });
    expect([1, 2, 3].map((id) => goesOut(made, id))).toEqual([true, true, false]);
    expect(made.settled.get(2)).toMatchObject({ isExcess: true, given: null, funds: { kopecks: 500 } });
    expect(made.settled.get(3)!.closing).toMatchObject({ outcome: 'unfunded', reason: 'Не хватает 5 ₽.' });
  });

  it('begins a placement of its own in a cabinet that sells placements', () => {
    const pack = { kind: 'placements', placements: 1, from: '2026-11-01', periodDays: 30, termDays: 10 } as const;
    const made = run([mark(1), mark(2)], { package: pack, money: { fundsOf: payer([2]), sellsExcess: true } });
    expect(made.settled.get(2)).toMatchObject({ isExcess: true, given: { placementFrom: TODAY } });
  });
});

describe('whatever marks there are', () => {
  const key = (letter: string) => fc.option(fc.integer({ min: 1, max: 4 }).map((at) => `${letter}${at}`));
  const wildMark = fc.record({
    duplicateKey: key('f'),
    photosKey: key('p'),
    isClosed: fc.boolean(),
    isExempt: fc.integer({ min: 0, max: 5 }).map((dice) => dice === 0),
    isPinned: fc.boolean(),
    markedAt: fc.integer({ min: 1, max: 6 }),
    waitingSince: fc.option(fc.integer({ min: 1, max: 6 })),
    placedDaysAgo: fc.option(fc.integer({ min: 0, max: 9 })),
    wasAway: fc.boolean(),
  });
  const wildRival = fc.record({
    listingId: fc.integer({ min: 1, max: 14 }),
    duplicateKey: key('f'),
    photosKey: key('p'),
    cabinetId: fc.constantFrom(1, 3),
    markedAt: fc.integer({ min: 1, max: 6 }),
  });
  const wildPackage = fc.option(
    fc.oneof(
      fc.integer({ min: 0, max: 12 }).map(concurrent),
      fc.integer({ min: 0, max: 12 }).map(
        (placements): Package => ({
          kind: 'placements',
          placements,
          from: '2026-11-01',
          periodDays: 30,
          termDays: 5,
        }),
      ),
    ),
  );
  const plans = fc.record({
    marks: fc.array(wildMark, { maxLength: 12 }).map((made) =>
      made.map(({ isClosed, isExempt, placedDaysAgo, ...more }, index) =>
        mark(index + 1, {
          ...more,
          status: isClosed ? 'sold' : 'active',
          exceptions: isExempt ? ['duplicate'] : [],
          placedOn: placedDaysAgo === null ? null : addDays(TODAY, -placedDaysAgo),
        }),
      ),
    ),
    rivals: fc
      .uniqueArray(wildRival, { maxLength: 6, selector: ({ listingId, cabinetId }) => `${listingId} ${cabinetId}` })
      .map((made) => made.map(({ listingId, ...more }) => rival(listingId, more))),
    package: wildPackage,
    isFirstOfDay: fc.boolean(),
    short: fc.option(fc.uniqueArray(fc.integer({ min: 1, max: 12 }))),
  });
  const options = (made: typeof plans extends fc.Arbitrary<infer T> ? T : never): Partial<PlanOptions> => ({
    rivals: made.rivals,
    package: made.package,
    isFirstOfDay: made.isFirstOfDay,
    ...(made.short && {
      money: {
        fundsOf: (id: number): Funds =>
          made.short!.includes(id)
            ? {
                state: 'short',
                cause: 'balance',
                accountId: 1,
                missingKopecks: 100,
                reason: 'Мало денег.',
                fix: 'Пополните.',
              }
            : { state: 'free' },
        sellsExcess: false,
      },
    }),
  });

  type Claim = Pick<Rival, 'listingId' | 'markedAt' | 'cabinetId' | 'duplicateKey' | 'photosKey'>;
  const isOlder = (one: Claim, other: Claim) =>
    one.markedAt - other.markedAt || one.listingId - other.listingId || one.cabinetId - other.cabinetId;
  const areTwins = (one: Claim, other: Claim) =>
    one.listingId === other.listingId ||
    (one.duplicateKey !== null && one.duplicateKey === other.duplicateKey) ||
    (one.photosKey !== null && one.photosKey === other.photosKey);
  const ours = (one: PlanMark): Claim => ({ ...one, cabinetId: OURS });

  it('every one gets exactly one answer', () => {
    fc.assert(
      fc.property(plans, (made) => {
        const { considered, settled } = run(made.marks, options(made));
        for (const one of made.marks) {
          const { state } = considered.get(one.listingId)!;
          // What is closed by its own gates never competes.
          expect(state === 'closed').toBe(one.status === 'sold');
          expect(settled.has(one.listingId)).toBe(state === 'pending');
        }
        expect(settled.size).toBe([...considered.values()].filter(({ state }) => state === 'pending').length);
        for (const { closing, gate, duplicate, place, funds, given } of settled.values()) {
          expect(gate === null).toBe(closing === null);
          const expected = duplicate
            ? 'duplicate'
            : !place.hasPlace
              ? 'waiting-turn'
              : funds.state === 'short'
                ? 'unfunded'
                : undefined;
          expect(closing?.outcome).toBe(expected);
          if (closing === null) expect(given).not.toBeNull();
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('no two that go out share a key, unless a person excepted the younger', () => {
    fc.assert(
      fc.property(plans, (made) => {
        const done = run(made.marks, options(made));
        const out = made.marks.filter((one) => goesOut(done, one.listingId));
        for (const one of out) {
          const older = [...out.filter((other) => other !== one).map(ours), ...made.rivals].filter(
            (other) => isOlder(other, ours(one)) < 0 && areTwins(other, ours(one)),
          );
          if (older.length > 0) expect([one.listingId, one.exceptions]).toEqual([one.listingId, ['duplicate']]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('a duplicate names an older twin that has passed the gates and is no duplicate itself', () => {
    fc.assert(
      fc.property(plans, (made) => {
        const done = run(made.marks, options(made));
        for (const [id, { duplicate }] of done.settled) {
          if (duplicate === null) continue;
          const one = made.marks.find(({ listingId }) => listingId === id)!;
          expect(one.exceptions).toEqual([]);
          const named = [...made.marks.filter(({ status }) => status === 'active').map(ours), ...made.rivals].filter(
            ({ listingId }) => listingId === duplicate.listingId,
          );
          const older = named.filter((other) => isOlder(other, ours(one)) < 0 && areTwins(other, ours(one)));
          expect(older.length).toBeGreaterThan(0);
          const isOnlyOurs = older.every(({ cabinetId }) => cabinetId === OURS);
          if (isOnlyOurs) expect(done.settled.get(duplicate.listingId)!.duplicate).toBeNull();
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('the order in which they are seen changes nothing', () => {
    fc.assert(
      fc.property(plans, fc.infiniteStream(fc.nat(1000)), (made, dice) => {
        const mixed = made.marks
          .map((one) => ({ one, at: dice.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const answers = ({ settled }: Run) => [...settled].sort(([a], [b]) => a - b);
        expect(answers(run(mixed, options(made)))).toEqual(answers(run(made.marks, options(made))));
      }),
      { numRuns: 300 },
    );
  });

  it('a second run with what the first one gave changes nothing', () => {
    fc.assert(
      fc.property(plans, (made) => {
        const first = run(made.marks, options(made));
        const later = made.marks.map((one) => {
          const settled = first.settled.get(one.listingId);
          if (!settled) return one;
          const { given } = settled;
          // As the run writes it: a mark that lost its place waits since then.
          return given === null
            ? {
                ...one,
                placedOn: null,
                wasAway: true,
                waitingSince: settled.duplicate ? null : (one.waitingSince ?? 7),
              }
            : { ...one, ...given, wasAway: settled.closing !== null, waitingSince: null };
        });
        const used = [...first.settled.values()].filter(({ given }) => given?.placementFrom === TODAY).length;
        const second = run(later, { ...options(made), isFirstOfDay: false, usedPlacements: used });
        for (const { listingId } of made.marks)
          expect([listingId, goesOut(second, listingId)]).toEqual([listingId, goesOut(first, listingId)]);
      }),
      { numRuns: 500 },
    );
  });

  it('a queue that moves waits no longer than the places allow', () => {
    // Ten marks, three places, turns of seven days: whoever waits is shown within four turns.
    let marks = Array.from({ length: 10 }, (_, index) => mark(index + 1));
    const shownOn = new Map<number, string[]>();
    for (let ahead = 0; ahead < 56; ahead++) {
      const now = new Date(NOW.getTime() + ahead * DAY);
      const today = addDays(TODAY, ahead);
      const context = { ...CONTEXT, now, today };
      const fresh = marks.map((one) => ({ ...one, freshAt: now }));
      const { settled } = run(fresh, { context, package: concurrent(3), isFirstOfDay: true });
      marks = fresh.map((one) => {
        const { given } = settled.get(one.listingId)!;
        if (given) shownOn.set(one.listingId, [...(shownOn.get(one.listingId) ?? []), today]);
        return given
          ? { ...one, ...given, waitingSince: null }
          : { ...one, placedOn: null, waitingSince: one.waitingSince ?? now.getTime() };
      });
    }
    for (const { listingId } of marks)
      expect([listingId, shownOn.get(listingId)!.length >= 14]).toEqual([listingId, true]);
  });
});
