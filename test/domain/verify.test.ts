import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, localDay, momentOf } from '../../src/domain/days.ts';
import { BASES, billId, chargeOf, placementId, promotionHoldId, refundOf, releaseOf } from '../../src/domain/ledger.ts';
import type { Package } from '../../src/domain/settings.ts';
import type { PriceFacts, TariffTerms } from '../../src/domain/tariff.ts';
import {
  type AccountFacts,
  billingDays,
  type CabinetFrame,
  type Finding,
  type MarkHistory,
  type MovedSum,
  proveAccounts,
  proveBoardReport,
  proveLoose,
  proveMark,
  proveSpending,
  proveTariff,
  type SettingsDeed,
  type Span,
  settingsSpans,
  shownSpans,
  type TransferFacts,
  tariffFacts,
  wayFault,
} from '../../src/domain/verify.ts';

const ZONE = 'Europe/Moscow';
const CABINET = 5;
const LISTING = 9;
const [AGENCY, BOARD, BANK, OTHER_BOARD] = [1, 2, 3, 4];
const FACTS: PriceFacts = { kind: 'flat', deal: 'sale', region: 'Москва', priceKopecks: 900_000_000 };
const NOVEMBER = '2026-11-';
/** «21 09:30»: a moment of November by the cabinet's clock. */
const ms = (text: string): number =>
  momentOf(
    `${NOVEMBER}${text.slice(0, 2)}`,
    Number(text.slice(3, 5)) * 60 + Number(text.slice(6, 8) || 0),
    ZONE,
  ).getTime();
const on = (day: number) => `${NOVEMBER}${String(day).padStart(2, '0')}`;
const span = (from: string, until?: string): Span => ({
  fromMs: ms(from),
  untilMs: until === undefined ? Number.POSITIVE_INFINITY : ms(until),
});

const lines = (kopecks: number): TariffTerms => ({ lines: [{ kopecks }], excess: null, promotion: [] });
const tariff = (id: number, day: number, terms: unknown) =>
  tariffFacts({ id, validFrom: on(day), terms, createdMs: ms('01 00:00') });

const ACCOUNTS: CabinetFrame['accounts'] = new Map([
  [AGENCY, { kind: 'agency', ownerId: null }],
  [BOARD, { kind: 'board', ownerId: CABINET }],
  [BANK, { kind: 'bank', ownerId: null }],
  [OTHER_BOARD, { kind: 'board', ownerId: 77 }],
]);

/** A tariff of 1 ₽ a day from the 10th on, charged at 10:00, billed up to the 22nd 12:00; editions known from the 18th on. */
function frame(
  given: Partial<CabinetFrame> & {
    billed?: string | null;
    chargeAt?: string;
    package?: Package;
    deeds?: SettingsDeed[];
    zoneChangedMs?: number;
  } = {},
): CabinetFrame {
  const {
    billed = '22 12:00',
    chargeAt = '10:00',
    package: pack = null,
    deeds = [],
    zoneChangedMs = null,
    ...rest
  } = given;
  const billedMs = billed === null ? null : ms(billed);
  const billedDay = billedMs === null ? null : localDay(new Date(billedMs), ZONE);
  const settings = settingsSpans({ chargeAt, package: pack }, deeds);
  return {
    cabinetId: CABINET,
    zone: ZONE,
    accounts: ACCOUNTS,
    tariffs: [tariff(1, 10, lines(100))],
    days: billedDay === null ? [] : billingDays({ zone: ZONE, settings, zoneChangedMs }, on(18), billedDay),
    billedMs,
    billedDay,
    ...rest,
  };
}

let seq = 0;
const transfer = (given: Partial<TransferFacts>): TransferFacts => ({
  id: '',
  seq: ++seq,
  kind: 'hold',
  fromId: AGENCY,
  toId: BOARD,
  kopecks: 100,
  day: on(20),
  atMs: ms('20 00:00'),
  cabinetId: CABINET,
  listingId: LISTING,
  basis: 'day',
  tariffId: 1,
  facts: FACTS,
  promotionId: null,
  resolves: null,
  reverses: null,
  isEditionKnown: true,
  ...given,
});
const bill = (kind: 'hold' | 'charge', day: number, ordinal = 1, more: Partial<TransferFacts> = {}) =>
  transfer({ id: billId(CABINET, LISTING, on(day), ordinal), kind, day: on(day), ...more });
const hold = (day: number, ordinal = 1, more: Partial<TransferFacts> = {}) => bill('hold', day, ordinal, more);
const direct = (day: number, ordinal = 1, more: Partial<TransferFacts> = {}) => bill('charge', day, ordinal, more);
const charged = (of: TransferFacts, more: Partial<TransferFacts> = {}) =>
  transfer({ ...of, seq: ++seq, id: chargeOf(of.id), kind: 'charge', resolves: of.id, ...more });
const released = (of: TransferFacts, more: Partial<TransferFacts> = {}) =>
  transfer({ ...of, seq: ++seq, id: releaseOf(of.id), kind: 'release', resolves: of.id, ...more });
const refunded = (of: TransferFacts, at: string, more: Partial<TransferFacts> = {}) =>
  transfer({
    ...of,
    seq: ++seq,
    id: refundOf(of.id),
    kind: 'refund',
    fromId: of.toId,
    toId: of.fromId,
    resolves: null,
    reverses: of.id,
    atMs: ms(at),
    ...more,
  });
const placed = (day: number, more: Partial<TransferFacts> = {}) =>
  transfer({ id: placementId(CABINET, LISTING, on(day)), kind: 'charge', day: on(day), basis: 'placement', ...more });

/** What is found wrong with a mark, as `code key`. */
function found(history: Partial<MarkHistory>, of: CabinetFrame = frame()): string[] {
  const all: Finding[] = [];
  proveMark(
    of,
    {
      listingId: LISTING,
      transfers: [],
      shown: [],
      waivers: [],
      placements: [],
      promotions: [],
      facts: FACTS,
      changedMs: 0,
      ...history,
    },
    (finding) => all.push(finding),
  );
  for (const { text } of all) expect(text).toMatch(/^[А-ЯЁ0-9«].*\.$/su);
  return all.map(({ table, code, key }) => `${code} ${table === 'transfer' ? key : `${table} ${key}`}`);
}
const id = (day: number, ordinal = 1) => billId(CABINET, LISTING, on(day), ordinal);

type Case = [what: string, history: Partial<MarkHistory>, expected: readonly string[], frame?: CabinetFrame];

/** Days 20 and 21 and the morning of the 22nd, all of it shown and paid for. */
const PAID = [20, 21, 22].flatMap((day) => {
  const held = hold(day);
  return [held, charged(held)];
});
const SHOWN = [span('20 08:00')];
const without = (...ids: string[]) => PAID.filter((one) => !ids.includes(one.id));
const swapped = (of: string, more: Partial<TransferFacts>) =>
  PAID.map((one) => (one.id === of ? { ...one, ...more } : one));

describe('an honest history is silent', () => {
  it.each<Case>([
    ['nothing was ever shown', {}, []],
    ['days held and charged', { shown: SHOWN, transfers: PAID }, []],
    [
      'put up after the charge hour, charged at once',
      { shown: [span('21 15:00', '21 16:00')], transfers: [direct(21)] },
      [],
    ],
    ['served for no time at all', { shown: [span('21 15:00', '21 15:00')], transfers: [direct(21)] }, []],
    [
      'left before the hour, and the hold was given back',
      { shown: [span('21 08:00', '21 09:00')], transfers: [hold(21), released(hold(21))] },
      [],
    ],
    [
      'left at the very hour: the hold was given back',
      { shown: [span('21 08:00', '21 10:00')], transfers: [hold(21), released(hold(21))] },
      [],
    ],
    [
      'left at the very hour: the day was charged',
      { shown: [span('21 08:00', '21 10:00')], transfers: [direct(21)] },
      [],
    ],
    [
      'never held, for it left before anybody ran',
      { shown: [span('20 08:00', '21 09:00')], transfers: [direct(20)] },
      [],
    ],
    [
      'left and came back before the hour',
      {
        shown: [span('21 07:00', '21 08:00'), span('21 09:00', '21 11:00')],
        transfers: [hold(21), released(hold(21)), hold(21, 2), charged(hold(21, 2))],
      },
      [],
    ],
    [
      'paid back when it had left, and charged again when it came back',
      {
        shown: [span('21 11:00', '21 12:00'), span('21 14:00', '21 16:00')],
        transfers: [direct(21), refunded(direct(21), '21 13:00'), direct(21, 2)],
      },
      [],
    ],
    [
      'paid back days later',
      { shown: [span('20 08:00', '20 12:00')], transfers: [direct(20), refunded(direct(20), '22 09:00')] },
      [],
    ],
    [
      'the current day is held',
      { shown: SHOWN, transfers: [...without(id(22), chargeOf(id(22))), hold(22)] },
      [],
      frame({ billed: '22 09:00' }),
    ],
    [
      'forgiven, for nobody ran and the account was empty',
      { shown: [span('20 08:00', '20 12:00')], waivers: [{ day: on(20), accountId: AGENCY, kopecks: 100 }] },
      [],
    ],
    ['a price of zero', { shown: SHOWN }, [], frame({ tariffs: [tariff(1, 10, lines(0))] })],
    ['no tariff yet', { shown: SHOWN }, [], frame({ tariffs: [tariff(1, 23, lines(100))] })],
    [
      'free inside the package, a price over it',
      { shown: SHOWN },
      [],
      frame({ tariffs: [tariff(1, 10, { ...lines(0), excess: [{ kopecks: 500 }] })] }),
    ],
    [
      'it may have been free before it was changed',
      { shown: [span('20 08:00', '20 12:00')], changedMs: ms('20 13:00') },
      [],
      frame({
        tariffs: [
          tariff(1, 10, { lines: [{ kind: 'room', kopecks: 0 }, { kopecks: 100 }], excess: null, promotion: [] }),
        ],
      }),
    ],
    ['charged before what is known of editions', { transfers: [direct(12)] }, []],
  ])('%s', (_, history, expected, of) => {
    expect(found(history, of)).toEqual(expected);
  });
});

describe('what the editions call for', () => {
  it.each<Case>([
    [
      'a day is not charged',
      { shown: SHOWN, transfers: without(id(21), chargeOf(id(21))) },
      [`charge-missing ${id(21)}`],
    ],
    ['nothing is charged', { shown: SHOWN }, [20, 21, 22].map((day) => `charge-missing ${id(day)}`)],
    [
      'not charged when it came back',
      {
        shown: [span('21 07:00', '21 08:00'), span('21 09:00', '21 11:00')],
        transfers: [hold(21), released(hold(21))],
      },
      [`charge-missing ${id(21, 2)}`],
    ],
    [
      'not charged again after the money was paid back',
      {
        shown: [span('21 11:00', '21 12:00'), span('21 14:00', '21 16:00')],
        transfers: [direct(21), refunded(direct(21), '21 13:00')],
      },
      [`charge-missing ${id(21, 2)}`],
    ],
    ['charged and never shown', { transfers: [direct(21)] }, [`not-shown ${id(21)}`]],
    [
      'charged and shown on other days only',
      { shown: [span('20 11:00', '21 00:00'), span('22 00:00')], transfers: [direct(20), direct(21), direct(22)] },
      [`not-shown ${id(21)}`],
    ],
    [
      'charged though it had left before the hour',
      { shown: [span('21 08:00', '21 09:59')], transfers: [hold(21), charged(hold(21))] },
      [`left-before-charge ${chargeOf(id(21))}`],
    ],
    [
      'given back though it was shown at the hour',
      { shown: [span('21 08:00', '21 10:01')], transfers: [hold(21), released(hold(21))] },
      [`released-though-shown ${releaseOf(id(21))}`],
    ],
    [
      'given back twice, left once',
      {
        shown: [span('21 08:00', '21 09:00'), span('21 09:30', '21 12:00')],
        transfers: [hold(21), released(hold(21)), hold(21, 2), released(hold(21, 2))],
      },
      [`released-though-shown ${releaseOf(id(21, 2))}`],
    ],
    ['a hold of a day that is over', { shown: SHOWN, transfers: without(chargeOf(id(21))) }, [`hold-open ${id(21)}`]],
    ['a hold whose hour has come', { shown: SHOWN, transfers: without(chargeOf(id(22))) }, [`hold-open ${id(22)}`]],
    [
      'a hold of something that is not there',
      { shown: [span('20 08:00', '22 08:30')], transfers: without(chargeOf(id(22))) },
      [`hold-open ${id(22)}`],
      frame({ billed: '22 09:00' }),
    ],
    ['a charge of a day to come', { shown: SHOWN, transfers: [...PAID, direct(23)] }, [`day-ahead ${id(23)}`]],
    ['a hold before any run', { transfers: [hold(21)] }, [`hold-open ${id(21)}`], frame({ billed: null })],
    ['a charge before any run', { transfers: [direct(21)] }, [`day-ahead ${id(21)}`], frame({ billed: null })],
    [
      'forgiven and never shown',
      { waivers: [{ day: on(20), accountId: null, kopecks: 100 }] },
      [`not-shown waiver 5:9:${on(20)}`],
    ],
    [
      'forgiven at a price there is not',
      { shown: [span('20 08:00', '20 12:00')], waivers: [{ day: on(20), accountId: 99, kopecks: 101 }] },
      [`way-wrong waiver 5:9:${on(20)}`, `price-differs waiver 5:9:${on(20)}`],
    ],
    [
      'forgiven where it was free',
      { shown: [span('20 08:00', '20 12:00')], waivers: [{ day: on(20), accountId: null, kopecks: 100 }] },
      [`no-tariff waiver 5:9:${on(20)}`],
      frame({ tariffs: [] }),
    ],
  ])('%s', (_, history, expected, of) => {
    expect(found(history, of)).toEqual(expected);
  });

  it('counts days that had to be charged', () => {
    const history = {
      listingId: LISTING,
      transfers: PAID,
      shown: SHOWN,
      waivers: [],
      placements: [],
      promotions: [],
      facts: FACTS,
      changedMs: 0,
    };
    expect(proveMark(frame(), history, () => {})).toBe(3);
    expect(proveMark(frame({ billed: '22 09:59' }), history, () => {})).toBe(2);
  });
});

describe('the shape of transfers', () => {
  const charge = chargeOf(id(21));
  it.each<Case>([
    [
      'two bills of a day stand',
      { shown: SHOWN, transfers: [...PAID, hold(21, 2), charged(hold(21, 2))] },
      [`bill-doubled ${id(21, 2)}`],
    ],
    [
      'the first bill of a day is gone',
      { shown: SHOWN, transfers: [...without(id(21), charge), direct(21, 2)] },
      [`bill-gap ${id(21, 2)}`],
    ],
    ['a hold that nobody knows is ended', { shown: SHOWN, transfers: without(id(21)) }, [`origin-missing ${charge}`]],
    [
      'a hold ended twice',
      { shown: SHOWN, transfers: [...PAID, released(hold(21))] },
      [`ended-twice ${releaseOf(id(21))}`, `released-though-shown ${releaseOf(id(21))}`],
    ],
    [
      'a charge of another sum',
      { shown: SHOWN, transfers: swapped(charge, { kopecks: 101 }) },
      [`origin-differs ${charge}`],
    ],
    [
      'a charge of another day',
      { shown: SHOWN, transfers: swapped(charge, { day: on(20) }) },
      [`origin-differs ${charge}`, `charge-missing ${id(21, 2)}`],
    ],
    [
      'a charge written before its hold',
      { shown: SHOWN, transfers: swapped(charge, { seq: -1 }) },
      [`origin-differs ${charge}`],
    ],
    [
      'to another board',
      { shown: SHOWN, transfers: swapped(charge, { toId: OTHER_BOARD }) },
      [`way-wrong ${charge}`, `origin-differs ${charge}`],
    ],
    ['an id that does not follow', { shown: SHOWN, transfers: swapped(charge, { id: 'x' }) }, ['id-differs x']],
    [
      'the number of a bill of another day',
      { shown: [span('21 08:00', '21 12:00')], transfers: [{ ...direct(21), id: id(20) }] },
      [`id-differs ${id(20)}`],
    ],
    [
      'an unknown kind',
      { shown: SHOWN, transfers: swapped(charge, { kind: 'gift' }) },
      [`kind-unknown ${charge}`, `way-wrong ${charge}`, `charge-missing ${id(21, 2)}`],
    ],
    [
      'no basis',
      { shown: [span('21 08:00', '21 12:00')], transfers: [direct(21), direct(20, 1, { basis: 'gift' })] },
      [`no-subject ${id(20)}`],
    ],
    [
      'an edition of another cabinet',
      { shown: [span('21 08:00', '21 12:00')], transfers: [direct(21, 1, { isEditionKnown: false })] },
      [`edition-unknown ${id(21)}`],
    ],
    [
      'paid back what was not charged',
      {
        shown: [span('21 08:00', '21 09:00')],
        transfers: [hold(21), released(hold(21)), refunded(hold(21), '22 09:00')],
      },
      [`origin-differs ${refundOf(id(21))}`],
    ],
    [
      'paid back without a charge',
      { transfers: [refunded(direct(21), '22 09:00', { reverses: null })] },
      [`origin-missing ${refundOf(id(21))}`, `id-differs ${refundOf(id(21))}`],
    ],
  ])('%s', (_, history, expected, of) => {
    expect(found(history, of)).toEqual(expected);
  });

  it.each([
    ['top-up', BANK, AGENCY, true],
    ['top-up', AGENCY, BANK, false],
    ['top-up', BANK, BOARD, false],
    ['move', AGENCY, AGENCY, true],
    ['move', AGENCY, BOARD, false],
    ['hold', AGENCY, BOARD, true],
    ['charge', AGENCY, OTHER_BOARD, false],
    ['charge', BANK, BOARD, false],
    ['release', AGENCY, BOARD, true],
    ['refund', BOARD, AGENCY, true],
    ['refund', AGENCY, BOARD, false],
    ['correction', BANK, AGENCY, true],
    ['correction', AGENCY, BANK, true],
    ['correction', BOARD, AGENCY, false],
    ['gift', BANK, AGENCY, false],
  ] as const)('%s from %s to %s: lawful %s', (kind, fromId, toId, isLawful) => {
    expect(wayFault({ id: 'x', kind, fromId, toId, cabinetId: CABINET }, ACCOUNTS) === null).toBe(isLawful);
  });

  it('of a monthly top-up names the account it is for', () => {
    const way = { kind: 'top-up', fromId: BANK, toId: AGENCY, cabinetId: null };
    expect(wayFault({ ...way, id: 'monthly:1:2026-11' }, ACCOUNTS)).toBeNull();
    expect(wayFault({ ...way, id: 'monthly:7:2026-11' }, ACCOUNTS)).toContain('пополнение');
  });

  it('about no cabinet is that of top-ups, moves and corrections', () => {
    const codes = (given: Partial<TransferFacts>) => {
      const all: string[] = [];
      proveLoose(transfer({ id: 'x', cabinetId: null, ...given }), ACCOUNTS, ({ code }) => all.push(code));
      return all;
    };
    expect(codes({ kind: 'top-up', fromId: BANK, toId: AGENCY })).toEqual([]);
    expect(codes({ kind: 'hold' })).toEqual(['way-wrong', 'no-subject']);
    expect(codes({ kind: 'hold', cabinetId: CABINET })).toEqual(['no-subject']);
    expect(codes({ kind: 'gift' })).toEqual(['kind-unknown', 'way-wrong']);
  });
});

describe('prices', () => {
  const TERMS: TariffTerms = {
    lines: [{ kind: 'flat', kopecks: 100 }, { kopecks: 70 }],
    excess: [{ kopecks: 300 }],
    promotion: [{ level: 'x2', days: 7, kopecks: 5000 }],
  };
  const of = frame({ tariffs: [tariff(1, 10, TERMS), tariff(2, 21, lines(150)), tariff(3, 25, lines(0))] });
  const shown = [span('20 08:00', '20 12:00')];
  it.each<Case>([
    [
      'by the facts of then',
      { shown, transfers: [direct(20, 1, { kopecks: 70, facts: { ...FACTS, kind: 'room' } })] },
      [],
    ],
    ['over the package', { shown, transfers: [direct(20, 1, { kopecks: 300, basis: 'excess-day' })] }, []],
    ['another sum', { shown, transfers: [direct(20, 1, { kopecks: 99 })] }, [`price-differs ${id(20)}`]],
    [
      'a sum beyond all numbers',
      { shown, transfers: [direct(20, 1, { kopecks: 9.2e18 })] },
      [`price-differs ${id(20)}`],
    ],
    [
      'the tariff of the next day',
      { shown, transfers: [direct(20, 1, { kopecks: 150, tariffId: 2 })] },
      [`tariff-differs ${id(20)}`, `price-differs ${id(20)}`],
    ],
    [
      'what the tariff does not sell',
      { shown: [span('21 08:00', '21 12:00')], transfers: [direct(21, 1, { basis: 'excess-day', tariffId: 2 })] },
      [`price-differs ${id(21)}`],
    ],
    ['no facts', { shown, transfers: [direct(20, 1, { facts: { kind: 'flat' } })] }, [`facts-unreadable ${id(20)}`]],
    ['a day without a tariff', { transfers: [direct(9, 1)] }, [`no-tariff ${id(9)}`]],
    [
      'a tariff nobody can read says nothing',
      { shown, transfers: [direct(20, 1, { kopecks: 5 })] },
      [],
      frame({ tariffs: [tariff(1, 10, { lines: 'x' })] }),
    ],
  ])('%s', (_, history, expected, given = of) => {
    expect(found(history, given)).toEqual(expected);
  });

  it.each([
    [tariff(1, 10, TERMS), []],
    [{ ...tariff(1, 10, TERMS), createdMs: ms('10 00:00') }, ['tariff-too-early']],
    [{ ...tariff(1, 10, TERMS), createdMs: ms('10 00:00') - 1 }, []],
    [{ ...tariff(1, 10, TERMS), validFrom: 'infinity' }, ['tariff-dates']],
    [{ ...tariff(1, 10, TERMS), createdMs: Number.POSITIVE_INFINITY }, ['tariff-dates']],
    [tariff(1, 10, null), ['tariff-unreadable']],
    [tariff(1, 10, { ...TERMS, lines: [] }), ['tariff-unreadable']],
    [tariff(1, 10, { ...TERMS, lines: [{ kopecks: 1.5 }] }), ['tariff-unreadable']],
    [tariff(1, 10, { ...TERMS, excess: [{ kind: 'castle', kopecks: 1 }] }), ['tariff-unreadable']],
    [tariff(1, 10, { ...TERMS, promotion: [{ level: 1, days: 7, kopecks: 1 }] }), ['tariff-unreadable']],
    [tariff(1, 10, { ...TERMS, lines: [{ kind: 'flat', kopecks: 1 }] }), ['tariff-wrong']],
  ])('tariff %#', (given, expected) => {
    expect(proveTariff(given, ZONE).map(({ code }) => code)).toEqual(expected);
  });

  const order = {
    id: 8,
    level: 'x2',
    days: 7,
    fromOn: on(20),
    holdId: promotionHoldId(8),
    kopecks: 5000,
    atMs: ms('19 12:00'),
  };
  const held = transfer({
    id: promotionHoldId(8),
    basis: 'promotion',
    promotionId: 8,
    kopecks: 5000,
    facts: null,
    tariffId: null,
  });
  const begun = charged(held, { day: on(21) });
  const open = [span('21 00:00')];
  const days = [direct(21, 1, { kopecks: 150, tariffId: 2 }), direct(22, 1, { kopecks: 150, tariffId: 2 })];
  it.each<Case>([
    ['begun with the first edition', { shown: open, promotions: [order], transfers: [held, begun, ...days] }, []],
    ['waits', { promotions: [order], transfers: [held] }, []],
    ['cancelled', { promotions: [order], transfers: [held, released(held)] }, []],
    [
      'free',
      { promotions: [{ ...order, kopecks: 0, holdId: null }] },
      [],
      frame({ tariffs: [tariff(1, 10, { ...TERMS, promotion: [{ level: 'x2', days: 7, kopecks: 0 }] })] }),
    ],
    [
      'ordered at the price of a tariff that was replaced before its first day',
      { promotions: [order], transfers: [held] },
      [],
      frame({ tariffs: [tariff(1, 10, TERMS), { ...tariff(2, 20, lines(150)), createdMs: ms('19 13:00') }] }),
    ],
    [
      'another price',
      { promotions: [{ ...order, kopecks: 4000 }], transfers: [held] },
      ['price-differs promotion 8', 'hold-differs promotion 8'],
    ],
    ['no hold', { promotions: [order] }, ['hold-missing promotion 8']],
    [
      'paid for and without a hold',
      { promotions: [{ ...order, holdId: null }], transfers: [held] },
      ['hold-differs promotion 8', 'promotion-differs promotion:8'],
    ],
    ['of nobody', { transfers: [held] }, ['promotion-missing promotion:8']],
    [
      'held although it could not begin in time',
      { promotions: [{ ...order, fromOn: on(15) }], transfers: [held] },
      ['hold-open promotion:8'],
    ],
    ['charged and not shown', { promotions: [order], transfers: [held, begun] }, [`not-shown ${chargeOf(held.id)}`]],
    [
      'charged too late',
      {
        promotions: [{ ...order, fromOn: on(14) }],
        transfers: [{ ...held, day: on(14) }, begun],
        shown: open.concat(),
      },
      [`promotion-term ${chargeOf(held.id)}`, `charge-missing ${id(21)}`, `charge-missing ${id(22)}`],
    ],
  ])('a promotion: %s', (_, history, expected, given = of) => {
    expect(found(history, given)).toEqual(expected);
  });
});

describe('a package of placements', () => {
  const pack: Package = { kind: 'placements', placements: 10, from: on(1), periodDays: 30, termDays: 3 };
  const of = frame({ package: pack });
  const placements = [{ from: on(19), until: on(21) }];
  const shown = [span('19 08:00', '21 20:00')];
  const key = placementId(CABINET, LISTING, on(19));
  it.each<Case>([
    ['is charged once for all its days', { shown, placements, transfers: [placed(19)] }, []],
    ['was paid back', { shown, placements, transfers: [placed(19), refunded(placed(19), '22 09:00')] }, []],
    ['was not charged', { shown, placements }, [`charge-missing ${key}`]],
    ['cost nothing', { shown, placements }, [], frame({ package: pack, tariffs: [tariff(1, 10, lines(0))] })],
    [
      'began before the tariff',
      { shown, placements },
      [],
      frame({ package: pack, tariffs: [tariff(1, 20, lines(100))] }),
    ],
    ['was charged and never shown', { placements, transfers: [placed(19)] }, [`not-shown ${key}`]],
    [
      'was charged by the wrong day',
      { shown, placements, transfers: [placed(19, { day: on(20) })] },
      [`id-differs ${key}`, `charge-missing ${key}`],
    ],
    [
      'is kept beyond its term by the brake',
      { shown: [span('19 08:00', '22 11:00')], placements, transfers: [placed(19)] },
      [],
    ],
    [
      'days are charged as well, as they were before the package',
      { shown, placements, transfers: [placed(19), direct(20)] },
      [],
    ],
  ])('%s', (_, history, expected, given = of) => {
    expect(found(history, given)).toEqual(expected);
  });
});

describe('around a change of the settings', () => {
  const change = (at: string, facts: Record<string, unknown>, action = 'settings-set'): SettingsDeed => ({
    atMs: ms(at),
    action,
    facts,
  });
  const chargeAt = change('21 12:00', { path: 'chargeAt', before: '18:00', after: '10:00' });
  it('both hours may be right, on that day and the next', () => {
    const of = frame({ deeds: [chargeAt] });
    const hours = of.days.map(({ day, chargeMs, chargeByMs }) => [
      day.slice(8),
      ...[chargeMs, chargeByMs].map((at) => new Date(at + 3 * 3_600_000).toISOString().slice(11, 16)),
    ]);
    expect(hours).toEqual([
      ['18', '18:00', '18:00'],
      ['19', '18:00', '18:00'],
      ['20', '18:00', '18:00'],
      ['21', '10:00', '18:00'],
      ['22', '10:00', '18:00'],
    ]);
    const given = (until: string) => ({ shown: [span('21 08:00', until)] });
    expect(found({ ...given('21 12:00'), transfers: [hold(21), released(hold(21))] }, of)).toEqual([]);
    expect(found({ ...given('21 12:00'), transfers: [direct(21)] }, of)).toEqual([]);
    expect(found(given('21 18:01'), of)).toEqual([`charge-missing ${id(21)}`]);
    expect(found({ ...given('21 09:00'), transfers: [direct(21)] }, of)).toEqual([`left-before-charge ${id(21)}`]);
  });

  it('a change that does not say what it changed makes everything before it possible', () => {
    const of = frame({ deeds: [change('20 12:00', { chargeAt: '10:00' }, 'settings-changed')] });
    expect(found({ shown: [span('19 08:00', '19 23:00')] }, of)).toEqual([]);
    expect(found({ shown: [span('19 08:00', '19 23:00')], transfers: [direct(19)] }, of)).toEqual([]);
    expect(found({ shown: [span('22 08:00', '22 11:00')] }, of)).toEqual([`charge-missing ${id(22)}`]);
  });

  it('follows the package from days to placements and back', () => {
    const spans = settingsSpans({ chargeAt: '10:00', package: null }, [
      change('21 12:00', { path: 'package', before: { kind: 'placements' }, after: null }, 'settings-reset'),
      change('20 12:00', { edit: 'stop' }, 'settings-changed'),
      change(
        '20 09:00',
        { from: { package: null, turnDays: 7 }, to: { package: { kind: 'placements' } } },
        'package-set',
      ),
      change('19 09:00', { path: 'turnDays', before: 7, after: 3 }),
    ]);
    expect(spans).toEqual([
      { untilMs: ms('20 09:00'), chargeAt: '10:00', sells: 'days' },
      { untilMs: ms('21 12:00'), chargeAt: '10:00', sells: 'placements' },
      { untilMs: Number.POSITIVE_INFINITY, chargeAt: '10:00', sells: 'days' },
    ]);
    const days = billingDays({ zone: ZONE, settings: spans, zoneChangedMs: null }, on(19), on(23));
    expect(days.map(({ sells }) => sells)).toEqual(['days', null, null, null, 'days']);
  });

  it('in another zone a day may have been another stretch of time', () => {
    const of = frame({ zoneChangedMs: ms('20 12:00') });
    expect(found({ shown: [span('19 05:00', '19 06:00')], transfers: [direct(18)] }, of)).toEqual([]);
    expect(found({ shown: [span('19 08:00', '20 20:00')] }, of)).toEqual([]);
    expect(found({ transfers: [direct(19)] }, of)).toEqual([`not-shown ${id(19)}`]);
  });

  it('a day of the clock’s change has its own hours', () => {
    const settings = settingsSpans({ chargeAt: '02:30', package: null }, []);
    const [day] = billingDays({ zone: 'Europe/Berlin', settings, zoneChangedMs: null }, '2026-03-29', '2026-03-29');
    expect([day!.startMs, day!.endMs, day!.chargeMs].map((at) => new Date(at).toISOString())).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
      '2026-03-29T01:00:00.000Z',
    ]);
  });
});

describe('when a mark was shown', () => {
  it.each([
    ['never', false, [['19', 'blocked']], []],
    ['since before', true, [], [[0, null]]],
    [
      'came and went',
      false,
      [
        ['19', 'published'],
        ['20', 'paused'],
        ['21', 'stale'],
        ['22', 'published'],
      ],
      [
        ['19', '20'],
        ['22', null],
      ],
    ],
    [
      'was told twice',
      true,
      [
        ['19', 'published'],
        ['20', 'unmarked'],
      ],
      [[0, '20']],
    ],
  ] as const)('%s', (_, isShown, changes, expected) => {
    const at = (day: string) => ms(`${day} 00:00`);
    const all = (changes as readonly (readonly [string, string])[]).map(([day, outcome]) => ({
      atMs: at(day),
      outcome,
    }));
    expect(shownSpans(isShown, 0, all)).toEqual(
      (expected as readonly (readonly [string | 0, string | null])[]).map(([from, until]) => ({
        fromMs: from === 0 ? 0 : at(from),
        untilMs: until === null ? Number.POSITIVE_INFINITY : at(until),
      })),
    );
  });
});

describe('accounts', () => {
  const account = (
    of: number,
    kind: string,
    balance: bigint,
    held: bigint,
    entries: bigint,
    overdraft = 0n,
  ): AccountFacts => ({
    id: of,
    kind,
    ownerId: null,
    balance,
    held,
    entries,
    overdraft,
  });
  /** 10 ₽ topped up, 1 ₽ held, 2 ₽ held and charged. */
  const MOVED: readonly MovedSum[] = [
    { fromId: BANK, toId: AGENCY, kind: 'top-up', resolves: false, kopecks: 1000n, count: 1n },
    { fromId: AGENCY, toId: BOARD, kind: 'hold', resolves: false, kopecks: 300n, count: 2n },
    { fromId: AGENCY, toId: BOARD, kind: 'charge', resolves: true, kopecks: 200n, count: 1n },
  ];
  const HONEST = [
    account(AGENCY, 'agency', 800n, 100n, 4n),
    account(BOARD, 'board', 200n, -100n, 3n),
    account(BANK, 'bank', -1000n, 0n, 1n),
  ];
  const told = (accounts: readonly AccountFacts[], moved = MOVED) => {
    const all: string[] = [];
    proveAccounts(accounts, moved, ({ code, key }) => all.push(`${code} ${key}`));
    return all;
  };
  const swap = (more: Partial<AccountFacts>) => [{ ...HONEST[0]!, ...more }, ...HONEST.slice(1)];
  it('are what their transfers make them', () => {
    expect(told(HONEST)).toEqual([]);
    expect(told(swap({ balance: 801n }))).toEqual(['balance-differs 1', 'sum-not-zero *']);
    expect(told(swap({ held: 99n }))).toEqual(['held-differs 1', 'sum-not-zero *']);
    expect(told(swap({ entries: 5n }))).toEqual(['entries-differ 1']);
    expect(told(swap({ balance: 2n ** 62n }))).toEqual(['balance-differs 1', 'sum-not-zero *']);
    expect(told(HONEST.slice(1))).toEqual(['account-missing 1', 'sum-not-zero *', 'sum-not-zero *']);
    expect(told(swap({ overdraft: 10n }))).toEqual([]);
  });

  it('do not fall below their limit, although all sums are right', () => {
    const hold900 = MOVED.map((row) => (row.kind === 'hold' ? { ...row, kopecks: 1100n } : row));
    const low = [account(AGENCY, 'agency', 800n, 900n, 4n, 99n), account(BOARD, 'board', 200n, -900n, 3n), HONEST[2]!];
    expect(told(low, hold900)).toEqual(['below-limit 1']);
    expect(told([{ ...low[0]!, overdraft: 100n }, ...low.slice(1)], hold900)).toEqual([]);
  });

  it.each([
    [null, 5n, 'записи о расходе нет'],
    [5n, null, 'переводов счёта за этот срок нет'],
    [5n, 6n, 'а по переводам'],
  ])('spending noted %s, moved %s', (noted, moved, text) => {
    const finding = proveSpending({ accountId: 7, period: '2026-11', noted, moved });
    expect(finding).toMatchObject({ table: 'account_spending', key: '7/2026-11', code: 'spending-differs' });
    expect(finding.text).toContain(text);
  });
});

describe('reports of boards', () => {
  const charges = { count: 2, ofOtherCabinets: 0, from: on(3), until: on(5) };
  const row = { rows: 3, known: 1, from: on(1), until: on(5) };
  it.each([
    [row, charges, []],
    [{ ...row, rows: 2 }, charges, ['rows-differ']],
    [{ ...row, known: -1, rows: 1 }, charges, ['rows-differ']],
    [row, { ...charges, ofOtherCabinets: 1 }, ['cabinet-differs']],
    [{ ...row, from: on(4) }, charges, ['dates-differ']],
    [{ ...row, until: null }, charges, ['dates-differ']],
    [{ ...row, rows: 1 }, { count: 0, ofOtherCabinets: 0, from: null, until: null }, []],
    [null, charges, ['report-missing']],
  ])('%#', (given, of, expected) => {
    expect(proveBoardReport({ id: 4, row: given, charges: of }).map(({ code }) => code)).toEqual(expected);
  });
});

describe('whatever happens', () => {
  /** A mark that comes and goes, and a run that bills it as it should be: at every change, midnight and charge moment. */
  function play(toggles: readonly number[], refunds: readonly boolean[], chargeAt: string, billedMs: number) {
    const start = ms('18 00:00');
    const moments = new Set([...toggles, billedMs]);
    for (let day = on(18); day <= on(22); day = addDays(day, 1)) {
      moments.add(momentOf(day, 0, ZONE).getTime());
      moments.add(momentOf(day, Number(chargeAt.slice(0, 2)) * 60 + Number(chargeAt.slice(3)), ZONE).getTime());
    }
    const made: TransferFacts[] = [];
    const changes: { outcome: string; atMs: number }[] = [];
    let isShown = false;
    let open: TransferFacts | undefined;
    let standing: TransferFacts | undefined;
    let ordinal = 0;
    let today = '';
    let lastLeft = 0;
    for (const now of [...moments].filter((at) => at >= start && at <= billedMs).sort((a, b) => a - b)) {
      const day = localDay(new Date(now), ZONE);
      const chargeMs = momentOf(day, Number(chargeAt.slice(0, 2)) * 60 + Number(chargeAt.slice(3)), ZONE).getTime();
      if (day !== today) {
        expect(open).toBeUndefined();
        [today, standing, ordinal] = [day, undefined, 0];
      }
      if (open && now >= chargeMs) {
        standing = charged(open, { atMs: now });
        made.push(standing);
        open = undefined;
      }
      if (toggles.filter((at) => at === now).length % 2 === 1) {
        isShown = !isShown;
        changes.push({ outcome: isShown ? 'published' : 'paused', atMs: now });
        if (!isShown && open) {
          made.push(released(open, { atMs: now }));
          open = undefined;
          standing = undefined;
        } else if (!isShown && standing && refunds[lastLeft++ % refunds.length]) {
          made.push(refunded(standing, '18 00:00', { atMs: now }));
          standing = undefined;
        }
      }
      if (isShown && !standing && !open) {
        const next = bill(now >= chargeMs ? 'charge' : 'hold', Number(day.slice(8)), ++ordinal, { atMs: now });
        made.push(next);
        if (next.kind === 'hold') open = next;
        else standing = next;
      }
    }
    return { transfers: made, shown: shownSpans(false, start, changes) };
  }

  const MINUTE = 60_000;
  const story = fc.record({
    toggles: fc.array(
      fc.integer({ min: 0, max: 5 * 24 * 12 - 1 }).map((five) => ms('18 00:00') + five * 5 * MINUTE),
      { maxLength: 14 },
    ),
    refunds: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
    chargeAt: fc.constantFrom('00:00', '10:00', '23:55'),
    billedMs: fc.integer({ min: 0, max: 5 * 24 * 60 - 1 }).map((minute) => ms('18 00:00') + minute * MINUTE),
    pick: fc.nat(),
  });

  it('what is billed as it should be is silent, and any change of a transfer is found', () => {
    fc.assert(
      fc.property(story, ({ toggles, refunds, chargeAt, billedMs, pick }) => {
        const played = play(toggles, refunds, chargeAt, billedMs);
        const of = { ...frame({ chargeAt }), billedMs, billedDay: localDay(new Date(billedMs), ZONE) };
        const settings = settingsSpans({ chargeAt, package: null }, []);
        const honest = {
          ...of,
          days: billingDays({ zone: ZONE, settings, zoneChangedMs: null }, on(18), of.billedDay),
        };
        expect(found(played, honest)).toEqual([]);
        const { transfers } = played;
        if (transfers.length === 0) return;
        const at = pick % transfers.length;
        const change = (more: Partial<TransferFacts>) =>
          found(
            { ...played, transfers: transfers.map((one, index) => (index === at ? { ...one, ...more } : one)) },
            honest,
          );
        const was = transfers[at]!;
        expect(change({ kopecks: was.kopecks + 1 })).not.toEqual([]);
        expect(change({ day: addDays(was.day, 1) })).not.toEqual([]);
        expect(change({ id: `${was.id}1` })).not.toEqual([]);
        expect(change({ fromId: was.toId })).not.toEqual([]);
        const rest = transfers.filter((_, index) => index !== at);
        // What the current day holds before its hour need not be there yet.
        const isNeeded =
          !(was.kind === 'hold' && rest.every(({ resolves }) => resolves !== was.id)) && was.kind !== 'refund';
        if (isNeeded) expect(found({ ...played, transfers: rest }, honest)).not.toEqual([]);
      }),
      { seed: 11, numRuns: process.env.VYGRUZKA_LONG ? 5000 : 200 },
    );
  });

  it('rows that say anything at all are proved without a fault', () => {
    const word = fc.oneof(
      fc.constantFrom('hold', 'charge', 'release', 'refund', 'day:5:9:2026-11-20:1', 'infinity', '', on(20), ...BASES),
      fc.string({ maxLength: 8 }),
    );
    const number = fc.oneof(
      fc.integer({ min: -2, max: 9 }),
      fc.constantFrom(9.2e18, Number.POSITIVE_INFINITY, Number.NaN),
    );
    const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
    const row = fc.record({
      id: word,
      seq: number,
      kind: word,
      fromId: number,
      toId: number,
      kopecks: number,
      day: word,
      atMs: number,
      cabinetId: maybe(number),
      listingId: maybe(number),
      basis: maybe(word),
      tariffId: maybe(number),
      facts: fc.jsonValue(),
      promotionId: maybe(number),
      resolves: maybe(word),
      reverses: maybe(word),
      isEditionKnown: fc.boolean(),
    });
    const promotion = fc.record({
      id: number,
      level: word,
      days: number,
      fromOn: word,
      holdId: maybe(word),
      kopecks: number,
      atMs: number,
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 8 }),
        fc.array(promotion, { maxLength: 2 }),
        fc.jsonValue(),
        (transfers, promotions, terms) => {
          found(
            { shown: SHOWN, transfers, promotions, waivers: [{ day: 'infinity', accountId: 99, kopecks: Number.NaN }] },
            frame({ tariffs: [tariff(1, 10, terms)] }),
          );
        },
      ),
      { seed: 12 },
    );
  });
});
