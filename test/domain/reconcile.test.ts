import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BoardCharge,
  type DayFacts,
  daysTold,
  LISTS,
  type ListingFacts,
  type ReconciledDay,
  Reconciliation,
  type StrangerFacts,
  standingCharges,
} from '../../src/domain/reconcile.ts';
import type { Tariff } from '../../src/domain/tariff.ts';

const DAY = '2026-11-21';
const priceFacts = { kind: 'flat', deal: 'sale', region: null, priceKopecks: null } as const;
const tariff = (kopecks: number): Tariff => ({
  id: 1,
  validFrom: '2026-11-01',
  terms: { lines: [{ kopecks }], excess: null, promotion: [] },
});

const listing = (given: Partial<ListingFacts> = {}): ListingFacts => ({
  listingId: 7,
  externalId: 'L7',
  advert: 'A-7',
  boardNumber: null,
  outcome: 'published',
  priceFacts,
  bill: null,
  chargedKopecks: 0,
  heldKopecks: 0,
  promotionKopecks: 0,
  waivedKopecks: 0,
  charges: [],
  placementFrom: null,
  isPlacementSeen: false,
  ...given,
});
const day = (given: Partial<DayFacts> = {}): DayFacts => ({
  day: DAY,
  isRecorded: true,
  isReported: true,
  listings: [],
  strangers: [],
  unaddressed: [],
  ...given,
});
const paid = (kopecks: number, service = 'Публикация'): BoardCharge => ({ service, kopecks });

function reconcile(days: readonly DayFacts[], tariffs = [tariff(12_000)], sells: 'days' | 'placements' = 'days') {
  const reconciliation = new Reconciliation(tariffs, sells);
  const rows = days.flatMap((one) => reconciliation.day(one));
  return { rows, ...reconciliation.result() };
}
const of = (facts: Partial<ListingFacts>, frame: Partial<DayFacts> = {}) =>
  reconcile([day({ ...frame, listings: [listing(facts)] })]);
const spaces = (text: string | undefined) => text?.replaceAll('\u00a0', ' ');

describe('side by side', () => {
  it('stand the plan, our charges and the board’s, with the difference', () => {
    const { rows, totals, covered } = of({ chargedKopecks: 12_000, charges: [paid(13_000)] });
    expect(rows).toEqual([
      {
        day: DAY,
        listingId: 7,
        externalId: 'L7',
        advert: 'A-7',
        outcome: 'published',
        plannedKopecks: 12_000,
        chargedKopecks: 12_000,
        heldKopecks: 0,
        waivedKopecks: 0,
        boardKopecks: 13_000,
        boardCharges: 1,
        differenceKopecks: 1_000,
        lists: [],
      },
    ]);
    expect(totals).toMatchObject({ plannedKopecks: 12_000, chargedKopecks: 12_000, boardKopecks: 13_000 });
    expect(covered).toMatchObject({ days: 1, differenceKopecks: 1_000 });
  });

  it.each<[string, Partial<ListingFacts>, 'days' | 'placements', number]>([
    ['a day by the tariff', {}, 'days', 12_000],
    ['nothing when it was not shown', { outcome: 'paused', charges: [paid(1)] }, 'days', 0],
    ['what it was billed by', { bill: { basis: 'day', facts: { ...priceFacts, kind: 'house' } } }, 'days', 5_000],
    ['a promotion besides', { promotionKopecks: 700 }, 'days', 12_700],
    ['a placement on its first day', { placementFrom: DAY }, 'placements', 12_000],
    ['nothing on its other days', { placementFrom: '2026-11-20' }, 'placements', 0],
    ['nothing without a placement', {}, 'placements', 0],
  ])('the plan is %s', (_, facts, sells, kopecks) => {
    const terms = { lines: [{ kind: 'house' as const, kopecks: 5_000 }, { kopecks: 12_000 }], excess: null };
    const tariffs = [{ id: 1, validFrom: '2026-11-01', terms: { ...terms, promotion: [] } }];
    const { rows } = reconcile([day({ listings: [listing(facts)] })], tariffs, sells);
    expect(rows[0]!.plannedKopecks).toBe(kopecks);
  });

  it('knows no difference where no report covers the day, and no plan where no record does', () => {
    const { rows, uncovered, unrecorded, covered } = of(
      { outcome: null, chargedKopecks: 12_000, charges: [paid(12_000)] },
      { isReported: false, isRecorded: false },
    );
    expect(rows[0]).toMatchObject({ plannedKopecks: null, differenceKopecks: null, outcome: null, lists: [] });
    expect([uncovered, unrecorded, covered.days, covered.differenceKopecks]).toEqual([[DAY], [DAY], 0, 0]);
  });

  it('counts what is held as ours, and charges of no advert as the board’s', () => {
    const facts = day({ listings: [listing({ heldKopecks: 12_000 })], unaddressed: [paid(500, 'Звонки')] });
    const { totals, covered } = reconcile([facts]);
    expect(totals).toMatchObject({ heldKopecks: 12_000, unaddressedKopecks: 500, boardKopecks: 500 });
    expect(covered.differenceKopecks).toBe(500 - 12_000);
  });

  it('leaves out what was neither shown nor cost anything', () => {
    expect(of({ outcome: 'paused' }).rows).toEqual([]);
    expect(of({ outcome: 'paused', waivedKopecks: 1 }).rows).toHaveLength(1);
  });
});

describe('paid but withdrawn', () => {
  const list = (facts: Partial<ListingFacts>, frame: Partial<DayFacts> = {}) =>
    of(facts, frame).lists['paid-but-withdrawn'];

  it.each<[string, Partial<ListingFacts>, Partial<DayFacts>]>([
    ['shown', { charges: [paid(12_000)] }, {}],
    ['paid back', { outcome: 'paused', charges: [paid(12_000), paid(-12_000, 'Возврат')] }, {}],
    ['paid back in parts', { outcome: 'paused', charges: [paid(12_000), paid(-7_000), paid(-5_000)] }, {}],
    ['of a day that is not recorded', { outcome: null, charges: [paid(12_000)] }, { isRecorded: false }],
    ['that cost a placement, not money', { outcome: null, charges: [paid(0, 'package')] }, {}],
  ])('has nothing that was %s', (_, facts, frame) => {
    expect(list(facts, frame)).toEqual([]);
  });

  it('has what our edition did not have, day after day, with a sentence for the board', () => {
    const facts = (which: string, charges: BoardCharge[]) =>
      day({ day: which, listings: [listing({ outcome: 'off-market', boardNumber: 4242, charges })] });
    const { lists, rows } = reconcile([
      facts('2026-11-20', [paid(12_000)]),
      facts(DAY, [paid(12_000), paid(3_050, 'Поднятие')]),
      facts('2026-11-23', [paid(12_000), paid(-2_000, 'Бонус')]),
    ]);
    const [found] = lists['paid-but-withdrawn'];
    expect(found).toMatchObject({
      listingId: 7,
      days: ['2026-11-20', DAY, '2026-11-23'],
      boardKopecks: 37_050,
      claimKopecks: 37_050,
    });
    expect(spaces(found!.sentence)).toBe(
      'Объявления A-7 (номер на доске 4242) не было в нашем фиде 20.11.2026–21.11.2026, 23.11.2026, но за эти дни с нас списано 370,50 ₽ («Публикация», «Поднятие»). Просим вернуть эти деньги.',
    );
    expect(rows.map((row) => row.lists)).toEqual(Array(3).fill(['paid-but-withdrawn']));
  });

  it('has a listing that was not marked that day', () => {
    expect(list({ outcome: null, charges: [paid(100)] })).toHaveLength(1);
  });
});

describe('live but not ours', () => {
  const list = (strangers: StrangerFacts[]) => reconcile([day({ strangers })]).lists['live-not-ours'];

  it('has every advert that is no mark of ours, paid or only known', () => {
    const found = list([
      { advert: 'X', cabinet: null, charges: [paid(12_000)] },
      { advert: 'Y', cabinet: null, charges: [paid(0)] },
      { advert: 'Z', cabinet: 'север', charges: [paid(900, '')] },
    ]);
    expect(found.map(({ advert, claimKopecks }) => [advert, claimKopecks])).toEqual([
      ['X', 12_000],
      ['Y', 0],
      ['Z', 0],
    ]);
    expect(found.map(({ sentence }) => spaces(sentence))).toEqual([
      'Объявления X в нашем фиде нет и не было, но за 21.11.2026 с нас списано 120 ₽ («Публикация»). Просим проверить, чьё это объявление, и вернуть деньги.',
      'Объявления Y в нашем фиде нет и не было, но оно есть в отчёте о списаниях за 21.11.2026 («Публикация»). Просим проверить, чьё это объявление.',
      'Объявление Z выгружает другой наш кабинет, «север», а в фиде этого кабинета его нет и не было, но за 21.11.2026 с нас списано 9 ₽. Просим проверить, с какого кабинета за него списывать.',
    ]);
  });

  it('gathers an advert’s days and counts its money once', () => {
    const on = (which: string) =>
      day({ day: which, strangers: [{ advert: 'X', cabinet: null, charges: [paid(100)] }] });
    const { lists, totals } = reconcile([on('2026-11-20'), on(DAY)]);
    expect(lists['live-not-ours']).toMatchObject([{ days: ['2026-11-20', DAY], boardKopecks: 200, claimKopecks: 200 }]);
    expect(totals).toMatchObject({ boardKopecks: 200, strangersKopecks: 200 });
  });
});

describe('marked but not live', () => {
  const list = (facts: Partial<ListingFacts>, frame: Partial<DayFacts> = {}, tariffs = [tariff(12_000)]) =>
    reconcile([day({ ...frame, listings: [listing(facts)] })], tariffs).lists['marked-not-live'];

  it('has what we showed and the report of the day does not know', () => {
    expect(spaces(list({ chargedKopecks: 12_000 })[0]?.sentence)).toBe(
      'Объявление A-7 было в нашем фиде 21.11.2026, но в отчёте о списаниях за этот день его нет. Просим ответить, размещено ли оно, и если нет — почему.',
    );
    expect(list({}, {}, [])).toHaveLength(1);
  });

  it.each<[string, Partial<ListingFacts>, Partial<DayFacts>, Tariff[]]>([
    ['the board charged', { charges: [paid(1)] }, {}, [tariff(12_000)]],
    ['the board knows at no cost', { charges: [paid(0)] }, {}, [tariff(12_000)]],
    ['was charged and paid back', { charges: [paid(5), paid(-5)] }, {}, [tariff(12_000)]],
    ['was not shown', { outcome: 'paused', chargedKopecks: 5 }, {}, [tariff(12_000)]],
    ['no report covers', {}, { isReported: false }, [tariff(12_000)]],
    ['no record covers', { outcome: null, chargedKopecks: 5 }, { isRecorded: false }, [tariff(12_000)]],
    ['is free by the tariff', {}, {}, [tariff(0)]],
    ['has a free placement', { placementFrom: '2026-11-01' }, {}, [tariff(0)]],
    ['was seen since its placement began', { placementFrom: '2026-11-01', isPlacementSeen: true }, {}, [tariff(1)]],
  ])('has nothing that %s', (_, facts, frame, tariffs) => {
    expect(list(facts, frame, tariffs)).toEqual([]);
  });

  it('has a placement that no report has ever seen', () => {
    expect(list({ placementFrom: '2026-11-01', isPlacementSeen: false })).toHaveLength(1);
  });
});

describe('charged twice', () => {
  const list = (facts: Partial<ListingFacts>, frame: Partial<DayFacts> = {}) => of(facts, frame).lists['charged-twice'];

  it.each<[string, BoardCharge[]]>([
    ['different services', [paid(12_000), paid(12_000, 'Поднятие')]],
    ['one of them paid back', [paid(12_000), paid(12_000), paid(-12_000)]],
    ['one of them paid back under another name', [paid(12_000), paid(12_000), paid(-12_000, 'Возврат')]],
    ['a charge and money of another sum', [paid(12_000), paid(-500)]],
  ])('has nothing of %s', (_, charges) => {
    expect(list({ charges })).toEqual([]);
  });

  it('has a service that was charged more than once for the day, and asks for all but the dearest', () => {
    const charges = [paid(12_000), paid(12_000), paid(9_000), paid(700, 'Поднятие')];
    const [found] = list({ charges });
    expect(found).toMatchObject({ boardKopecks: 33_700, claimKopecks: 21_000 });
    expect(spaces(found!.sentence)).toBe(
      'За объявление A-7 одна и та же услуга списана больше одного раза за день. 21.11.2026: «Публикация» — 120 ₽ и 120 ₽ и 90 ₽. Просим вернуть лишнее: 210 ₽.',
    );
  });

  it('has placements of a package too, and charges without a name', () => {
    expect(list({ charges: [paid(0, 'package'), paid(0, 'package')] })).toMatchObject([
      { claimKopecks: 0, sentence: expect.stringContaining('Просим объяснить, за что.') },
    ]);
    expect(list({ charges: [paid(5, ''), paid(5, '')] })[0]!.sentence).toContain('услуга не названа');
  });

  it('does not ask twice for money of a day on which the advert was withdrawn', () => {
    const { lists, rows } = of({ outcome: 'paused', charges: [paid(12_000), paid(12_000)] });
    expect(rows[0]!.lists).toEqual(['paid-but-withdrawn', 'charged-twice']);
    expect(lists['paid-but-withdrawn'][0]!.claimKopecks).toBe(24_000);
    expect(lists['charged-twice'][0]).toMatchObject({
      claimKopecks: 0,
      sentence: expect.stringContaining('названы в обращении о снятых объявлениях'),
    });
  });

  it('stands whatever is known of the feed', () => {
    expect(list({ outcome: null, charges: [paid(5), paid(5)] }, { isRecorded: false })).toHaveLength(1);
  });
});

it('money back undoes a charge of its own service first', () => {
  const charges = [paid(5, 'А'), paid(5, 'Б'), paid(-5, 'Б'), paid(-7, 'А')];
  expect(standingCharges(charges)).toEqual([paid(5, 'А')]);
});

it('days are told in runs', () => {
  expect(daysTold(['2026-10-31', '2026-11-01', '2026-11-03'])).toBe('31.10.2026–01.11.2026, 03.11.2026');
  expect(daysTold([DAY])).toBe('21.11.2026');
});

it('over any days: the rows add up to the totals, and no more is asked back than was charged', () => {
  const charge = fc.record({
    service: fc.constantFrom('', 'А', 'Б'),
    kopecks: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -1_000_000, max: 1_000_000 })),
  });
  const charges = fc.array(charge, { maxLength: 5 });
  const facts = fc.record({
    isRecorded: fc.boolean(),
    isReported: fc.boolean(),
    listings: fc.array(
      fc
        .record({
          outcome: fc.constantFrom('published' as const, 'paused' as const, null),
          chargedKopecks: fc.integer({ min: 0, max: 1000 }),
          heldKopecks: fc.integer({ min: 0, max: 1000 }),
          charges,
        })
        .map(listing),
      { maxLength: 1 },
    ),
    strangers: fc.array(fc.record({ advert: fc.constant('X'), cabinet: fc.constantFrom(null, 'b'), charges }), {
      maxLength: 1,
    }),
    unaddressed: charges,
  });
  fc.assert(
    fc.property(fc.array(facts, { maxLength: 4 }), (given) => {
      const days = given.map((one, index) => day({ ...one, day: `2026-11-${10 + index}` }));
      const { rows, totals, covered, lists, uncovered, days: told } = reconcile(days);
      const sum = (key: 'chargedKopecks' | 'heldKopecks' | 'boardKopecks') =>
        rows.reduce((all, row) => all + row[key], 0);
      expect(totals.chargedKopecks).toBe(sum('chargedKopecks'));
      expect(totals.boardKopecks).toBe(sum('boardKopecks') + totals.unaddressedKopecks);
      expect(covered.days + uncovered.length).toBe(days.length);
      const differences = rows.reduce((all, row) => all + (row.differenceKopecks ?? 0), 0);
      expect(covered.differenceKopecks).toBe(differences + covered.unaddressedKopecks);
      // The days together are the totals.
      const ofDays = (of: (one: ReconciledDay) => number) => told.reduce((all, one) => all + of(one), 0);
      expect(ofDays(({ oursKopecks }) => oursKopecks)).toBe(totals.chargedKopecks + totals.heldKopecks);
      expect(ofDays(({ boardKopecks }) => boardKopecks)).toBe(totals.boardKopecks);
      expect(ofDays(({ differenceKopecks }) => differenceKopecks ?? 0)).toBe(covered.differenceKopecks);
      const claims = LISTS.reduce(
        (all, list) => all + lists[list].reduce((most, one) => most + one.claimKopecks, 0),
        0,
      );
      const charged = days
        .flatMap((one) => [...one.listings, ...one.strangers])
        .reduce((all, { charges: some }) => all + some.reduce((a, { kopecks }) => a + Math.max(0, kopecks), 0), 0);
      expect(claims).toBeGreaterThanOrEqual(0);
      expect(claims).toBeLessThanOrEqual(charged);
      // What a row says of lists is what the lists say of it.
      for (const list of LISTS) {
        const found = lists[list].flatMap(({ advert, days: on }) => on.map((one) => `${one} ${advert}`));
        expect(found.sort()).toEqual(
          rows
            .filter((row) => row.lists.includes(list))
            .map((row) => `${row.day} ${row.advert}`)
            .sort(),
        );
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});
