import type { Listing } from '../../../domain/listing.ts';
import { type Draft, type Output, type Row, type RowOptions, valueOf } from '../codec.ts';
import { decimal, flag, integer, kit, list, pattern, roubles, text, words } from '../kit.ts';
import type { Element } from '../xml.ts';
import { BUILT, COMMERCIAL, COMMERCIAL_RENT, LIVING_RENT, NEW_FLAT, RENT, SALE } from './kind.ts';

const { leaf, own, refined, group } = kit('yandex');

const PERIODS: [string, string[]][] = [
  ['день', ['день', 'day', 'сутки']],
  ['месяц', ['месяц', 'month']],
  ['год', ['год', 'year']],
];

/** `price/period`: a day for daily rent, a month otherwise; a rent per year cannot be said here. */
const period: Row = group({
  elements: [{ path: 'price/period', type: { type: 'enum', values: ['день', 'месяц'] } }],
  fields: ['rentPeriod'],
  when: RENT,
  required: RENT,
  grade: 'vendor',
  source: 'A19; «сутки» и «год» — диалект VLA26',
  write(listing, out) {
    if (listing.deal === 'daily-rent') out.leaf('price/period', 'день');
    else if (listing.rentPeriod !== 'year') out.leaf('price/period', 'месяц');
  },
  read(offer, draft) {
    const raw = offer.take('price/period');
    if (raw === undefined) return;
    const known = PERIODS.find(([, spellings]) => spellings.includes(raw.toLowerCase()));
    if (!known) draft.fail('price/period', raw);
    else if (known[0] === 'год') draft.set('rentPeriod', 'year');
  },
  samples: [{ deal: 'rent' }, { deal: 'daily-rent' }],
});

const M2 = ['кв. м', 'кв.м', 'кв м', 'sq. m', 'sq.m', 'м2', 'м²', 'кв.м.'];
/** The vendor copies of the official page spell «сотка» with a Latin c; so do live feeds. */
const SOTKA = ['сотка', 'cотка', 'сот', 'cот', 'сот.', 'cот.', 'соток', 'сотки', 'sotka'];
const HECTARE = ['гектар', 'hectare', 'га', 'гектара', 'гектаров', 'ha'];
const LAND_UNITS = [
  { unit: 'sotka', word: 'сотка', spellings: SOTKA, m2: 100 },
  { unit: 'hectare', word: 'гектар', spellings: HECTARE, m2: 10_000 },
  { unit: 'm2', word: 'кв. м', spellings: M2, m2: 1 },
] as const;

/** Area products without the noise of binary fractions: 6.4 сотки are 640 m², not 640.0000000000001. */
export const tidy = (value: number) => Math.round(value * 1e6) / 1e6;

const AREA = decimal({ moreThan: 0 });
const AREA_TYPE = AREA.type;
const M2_UNIT = { type: 'enum', values: ['кв. м'] } as const;

/** A block of `value` and `unit` in square metres. */
function areaRow(path: string, field: keyof Listing, options: RowOptions): Row {
  return group({
    ...options,
    elements: [
      { path, type: { type: 'block' } },
      { path: `${path}/value`, type: AREA_TYPE, isRequiredInParent: true },
      { path: `${path}/unit`, type: M2_UNIT, isRequiredInParent: true },
    ],
    fields: [field],
    write(listing, out) {
      const value = listing[field] as number | undefined;
      writeArea(out, path, value, 'кв. м');
    },
    read(offer, draft) {
      const read = readArea(offer.all(path)[0], path, draft);
      if (read !== undefined) draft.set(field, read.m2);
    },
    samples: [{ [field]: 41.5 }, { [field]: 120 }],
  });
}

/** `value` and `unit`; an area that rounds to nothing is not written. */
function writeArea(out: Output, path: string, value: number | undefined, unit: string): void {
  const text = value === undefined ? undefined : AREA.write(value);
  if (text === undefined) return;
  out.block(path, [
    { name: 'value', text },
    { name: 'unit', text: unit },
  ]);
}

function readArea(
  block: Element | undefined,
  path: string,
  draft: Draft,
): { m2: number; unit: 'm2' | 'sotka' | 'hectare' } | undefined {
  if (!block) return undefined;
  const raw = block.take('value') ?? (block.children.length === 0 && block.text !== '' ? block.text : undefined);
  if (block.children.length === 0) block.isUsed = true;
  const unitText = block.take('unit');
  if (raw === undefined) return undefined;
  const value = decimal().read(raw);
  if (value === undefined) {
    draft.fail(`${path}/value`, raw);
    return undefined;
  }
  const word = (unitText ?? 'кв. м').toLowerCase();
  const known = LAND_UNITS.find(({ spellings }) => (spellings as readonly string[]).includes(word));
  if (!known) {
    draft.fail(`${path}/unit`, unitText ?? '');
    return undefined;
  }
  return { m2: tidy(value * known.m2), unit: known.unit };
}

const lotArea: Row = group({
  elements: [
    { path: 'lot-area', type: { type: 'block' } },
    { path: 'lot-area/value', type: AREA_TYPE, isRequiredInParent: true },
    {
      path: 'lot-area/unit',
      type: { type: 'enum', values: LAND_UNITS.map(({ word }) => word) },
      isRequiredInParent: true,
    },
  ],
  fields: ['landAreaM2', 'landAreaUnit'],
  when: [{ kind: ['house', 'land'] }, { kind: ['commercial'], commercialType: ['land'] }],
  required: [{ kind: ['land'] }, { kind: ['commercial'], commercialType: ['land'] }],
  grade: 'vendor',
  source: 'A17, A19',
  write(listing, out) {
    if (listing.landAreaM2 === undefined) return;
    const unit = LAND_UNITS.find(({ unit }) => unit === (listing.landAreaUnit ?? 'sotka'))!;
    writeArea(out, 'lot-area', tidy(listing.landAreaM2 / unit.m2), unit.word);
  },
  read(offer, draft) {
    const read = readArea(offer.all('lot-area')[0], 'lot-area', draft);
    if (read === undefined) return;
    draft.set('landAreaM2', read.m2);
    draft.set('landAreaUnit', read.unit);
  },
  samples: [
    { landAreaM2: 640, landAreaUnit: 'sotka' },
    { landAreaM2: 25_000, landAreaUnit: 'hectare' },
    { landAreaM2: 800, landAreaUnit: 'm2' },
  ],
});

/** One block per room. For a room on offer the first one is its own area. */
const roomSpace: Row = group({
  elements: [
    { path: 'room-space', type: { type: 'block' }, isRepeated: true },
    { path: 'room-space/value', type: AREA_TYPE, isRequiredInParent: true },
    { path: 'room-space/unit', type: M2_UNIT, isRequiredInParent: true },
  ],
  fields: ['roomAreaM2', 'own:room-space'],
  required: { kind: ['room'] },
  when: [{ kind: ['flat', 'room', 'house'] }],
  grade: 'vendor',
  source: 'A19',
  write(listing, out) {
    const others = (valueOf(listing, 'yandex', 'own:room-space') as number[] | undefined) ?? [];
    const all = listing.kind === 'room' && listing.roomAreaM2 !== undefined ? [listing.roomAreaM2, ...others] : others;
    for (const area of all) writeArea(out, 'room-space', area, 'кв. м');
  },
  read(offer, draft) {
    const areas = offer.all('room-space').flatMap((block) => readArea(block, 'room-space', draft)?.m2 ?? []);
    if (draft.get('kind') === 'room') draft.set('roomAreaM2', areas.shift());
    if (areas.length > 0) draft.set('own:room-space', areas);
  },
  samples: [
    { kind: 'room', roomAreaM2: 14.2 },
    { kind: 'room', roomAreaM2: 18, boardFields: { yandex: { 'room-space': [12.5] } } },
    { kind: 'flat', boardFields: { yandex: { 'room-space': [12.5, 18] } } },
  ],
});

export const DEAL: readonly Row[] = [
  leaf('price/value', 'priceKopecks', roubles(), { required: true, grade: 'vendor', source: 'A19, EM26' }),
  group({
    elements: [{ path: 'price/currency', type: { type: 'enum', values: ['RUB', 'USD', 'EUR'] } }],
    fields: ['currency'],
    required: true,
    grade: 'vendor',
    source: 'A19, A17; RUR читается',
    write: (listing, out) => out.leaf('price/currency', listing.currency ?? 'RUB'),
    read(offer, draft) {
      const raw = offer.take('price/currency');
      if (raw === undefined) return;
      const code = raw.toUpperCase();
      if (code === 'RUR' || code === 'RUB') draft.set('currency', 'RUB');
      else if (code === 'USD' || code === 'EUR') draft.set('currency', code);
      else draft.fail('price/currency', raw);
    },
    samples: [{ currency: 'RUB' }, { currency: 'USD' }, { currency: 'EUR' }],
  }),
  period,
  leaf(
    'price/unit',
    'priceUnit',
    words(
      [
        ['m2', 'кв. м'],
        ['sotka', 'сотка'],
        ['hectare', 'гектар'],
      ],
      {
        also: [
          ...M2.map((word) => [word, 'm2'] as const),
          ...SOTKA.map((word) => [word, 'sotka'] as const),
          ...HECTARE.map((word) => [word, 'hectare'] as const),
        ],
      },
    ),
    { grade: 'vendor', source: 'A19, BIZ26' },
  ),
  own('price/taxation-form', text(undefined, ['НДС', 'УСН']), {
    grade: 'code',
    source: 'JAXB, PLR: значения не подтверждены',
  }),
  own('discount/final-price', roubles(), { when: NEW_FLAT, grade: 'code', source: 'EM26' }),
  own('discount/end-date', pattern(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/, ['2026-12-31T23:59', '2027-01-10T12:00']), {
    when: NEW_FLAT,
    grade: 'code',
    source: 'EM26',
  }),
  refined(
    'deal-status',
    'saleType',
    [
      ['первичная продажа', 'developer'],
      ['переуступка', 'assignment'],
      ['продажа от застройщика', 'developer'],
      ['прямая продажа', 'free'],
      ['214ФЗ', 'developer'],
    ],
    {
      when: { kind: ['flat', 'house'], market: ['new'], deal: ['sale'] },
      required: { kind: ['flat', 'house'], market: ['new'], deal: ['sale'] },
      alsoWords: [
        ['reassignment', 'переуступка'],
        ['assignment', 'переуступка'],
        ['primary-sale', 'первичная продажа'],
        ['214 ФЗ', '214ФЗ'],
        ['ФЗ 214', '214ФЗ'],
        ['ФЗ214', '214ФЗ'],
        ['214', '214ФЗ'],
        ['по 214 фз', '214ФЗ'],
        ['sale', 'прямая продажа'],
      ],
      grade: 'vendor',
      source: 'A19, EM26',
    },
  ),
  refined(
    'deal-status',
    'saleType',
    [
      ['прямая продажа', 'free'],
      ['первичная продажа вторички', 'primary-resale'],
      ['встречная продажа', 'alternative'],
    ],
    {
      when: [
        { kind: ['flat'], market: ['resale'], deal: ['sale'] },
        { kind: ['room', 'land', 'garage'], deal: ['sale'] },
        { kind: ['house'], deal: ['sale'], market: ['resale', undefined] },
      ],
      alsoWords: [
        ['sale', 'прямая продажа'],
        ['secondary-sale', 'прямая продажа'],
        ['primary sale of secondary', 'первичная продажа вторички'],
        ['countersale', 'встречная продажа'],
        ['размен', 'встречная продажа'],
      ],
      grade: 'vendor',
      source: 'A19; «размен» только 2016–2017 (A17)',
    },
  ),
  leaf('deal-status', 'leaseType', words([['direct', 'direct rent']]), {
    when: COMMERCIAL_RENT,
    required: COMMERCIAL_RENT,
    grade: 'code',
    source: 'BIZ26, CAS; слово для субаренды не подтверждено',
  }),
  leaf('haggle', 'isBargainAllowed', flag(), { grade: 'vendor', source: 'A19' }),
  leaf('mortgage', 'isMortgageAllowed', flag(), { when: SALE, grade: 'vendor', source: 'A19' }),
  own('prepayment', integer(0, 100, [0, 50]), { when: RENT, grade: 'vendor', source: 'A19' }),
  group({
    elements: [{ path: 'rent-pledge', type: { type: 'enum', values: ['true', 'false'] } }],
    fields: ['own:rent-pledge'],
    when: RENT,
    grade: 'vendor',
    source: 'A19; внутри price у CAS — читается',
    write(listing, out) {
      const told = valueOf(listing, 'yandex', 'own:rent-pledge') as boolean | undefined;
      const deposit = listing.depositKopecks ?? listing.depositMonths;
      const value = told ?? (deposit === undefined ? undefined : deposit > 0);
      if (value !== undefined) out.leaf('rent-pledge', String(value));
    },
    read(offer, draft) {
      const raw = offer.take('rent-pledge') ?? offer.take('price/rent-pledge');
      if (raw === undefined) return;
      const value = flag().read(raw);
      if (value === undefined) draft.fail('rent-pledge', raw);
      else draft.set('own:rent-pledge', value);
    },
    samples: [
      { boardFields: { yandex: { 'rent-pledge': true } } },
      { boardFields: { yandex: { 'rent-pledge': false } } },
    ],
  }),
  leaf('agent-fee', 'commissionPercent', decimal({ min: 0, max: 200, samples: [50, 0] }), {
    when: LIVING_RENT,
    grade: 'vendor',
    source: 'A19',
  }),
  leaf('commission', 'commissionPercent', decimal({ min: 0, max: 200, samples: [50, 0] }), {
    when: COMMERCIAL,
    grade: 'code',
    source: 'PLR, PAM26',
  }),
  own('security-payment', decimal({ min: 0, samples: [100, 0] }), {
    when: COMMERCIAL,
    grade: 'code',
    source: 'PLR, PAM26',
  }),
  own('not-for-agents', flag(), { grade: 'vendor', source: 'A19' }),
  leaf('utilities-included', 'areUtilitiesIncluded', flag(), { when: RENT, grade: 'vendor', source: 'A19' }),
  own('cleaning-included', flag(), { when: COMMERCIAL_RENT, grade: 'code', source: 'PAM26' }),
  own('electricity-included', flag(), { when: COMMERCIAL_RENT, grade: 'code', source: 'PAM26' }),
  leaf('with-children', 'childrenAllowed', flag(), { when: LIVING_RENT, grade: 'vendor', source: 'A19' }),
  leaf('with-pets', 'petsAllowed', flag(), { when: LIVING_RENT, grade: 'vendor', source: 'A19' }),
  areaRow('area', 'areaM2', { when: BUILT, required: BUILT, grade: 'vendor', source: 'A19' }),
  areaRow('living-space', 'livingAreaM2', {
    when: { kind: ['flat', 'room', 'house'] },
    grade: 'vendor',
    source: 'A19',
  }),
  areaRow('kitchen-space', 'kitchenAreaM2', {
    when: { kind: ['flat', 'room', 'house'] },
    grade: 'vendor',
    source: 'A19',
  }),
  roomSpace,
  lotArea,
  own('quality', list('отличное', 'хорошее', 'нормальное', 'плохое'), {
    when: BUILT,
    grade: 'vendor',
    source: 'A17, A19, SYM',
  }),
];
