import type { Listing } from '../../../domain/listing.ts';
import type { Row, RowOptions } from '../codec.ts';
import { list, words } from '../kit.ts';
import {
  capped,
  count,
  FLAT,
  FLAT_DAILY,
  FLAT_LET,
  FLAT_RENT,
  FLAT_RESALE,
  fold,
  group,
  HOUSE,
  HOUSE_DAILY,
  HOUSE_LET,
  HOUSE_RENT,
  is,
  leaf,
  legacy,
  own,
  ROOM_LET,
  seen,
  tags,
  takeWords,
  wholeRoubles,
  yesNo,
} from './builders.ts';
import { priceKopecksOf } from './common.ts';

/** Conditions of a lease and what comes with the dwelling: shared by flats, rooms, houses and, partly, the others. */

const METERS: readonly (readonly [boolean, string])[] = [
  [true, 'Оплачивается арендатором'],
  [false, 'Оплачивается собственником'],
];
const UTILITIES: readonly (readonly [boolean, string])[] = [
  [true, 'Оплачивается собственником'],
  [false, 'Оплачивается арендатором'],
];

// ---------------------------------------------------------------- deposit

const DEPOSITS: readonly (readonly [number, string])[] = [
  [0, 'Без залога'],
  [0.5, '0,5 месяца'],
  [1, '1 месяц'],
  [1.5, '1,5 месяца'],
  [2, '2 месяца'],
  [2.5, '2,5 месяца'],
  [3, '3 месяца'],
];

/** The deposit in roubles, told in months where the listing knows only those. */
function depositKopecksOf(listing: Listing): number | undefined {
  if (listing.depositKopecks !== undefined) return listing.depositKopecks;
  const rent = priceKopecksOf(listing);
  if (listing.depositMonths === undefined) return undefined;
  if (listing.depositMonths === 0) return 0;
  return rent === undefined ? undefined : Math.round(rent * listing.depositMonths);
}

/** The deposit in months of rent; a sum is told so only when it is exactly one of Avito's words. */
function depositMonthsOf(listing: Listing): number | undefined {
  if (listing.depositMonths !== undefined || listing.depositKopecks === undefined) return listing.depositMonths;
  if (listing.depositKopecks === 0) return 0;
  const monthly = listing.kind === 'commercial' && (listing.priceUnit === 'm2' || listing.rentPeriod === 'year');
  const rent = monthly ? undefined : priceKopecksOf(listing);
  return DEPOSITS.find(([months]) => rent !== undefined && rent * months === listing.depositKopecks)?.[0];
}

/** Both deposits of long rent read all spellings; which one is written depends on the template of the kind. */
const depositAmountRow: Row = group({
  ...seen('R2 C5'),
  when: FLAT_RENT,
  note: 'Flats had the words of LeaseDeposit until 2024; those are turned into roubles by the price.',
  elements: [{ path: 'DepositAmount', type: { type: 'integer', min: 0 } }],
  fields: ['depositKopecks'],
  write(listing, out) {
    const kopecks = depositKopecksOf(listing);
    if (kopecks !== undefined) out.leaf('DepositAmount', wholeRoubles.write(kopecks));
  },
  read(offer, draft) {
    const raw = offer.take('DepositAmount');
    if (raw === undefined) return;
    const kopecks = wholeRoubles.read(raw);
    if (kopecks === undefined) draft.fail('DepositAmount', raw);
    else draft.set('depositKopecks', kopecks);
  },
  samples: [{ depositKopecks: 5_000_000 }, { depositKopecks: 0 }],
});

const leaseDepositRow: Row = group({
  ...seen('V1 C1 R1 C2'),
  when: { kind: ['room', 'bed', 'house', 'land', 'garage', 'commercial'], deal: ['rent'] },
  also: ['Deposit'],
  note: '`Deposit` with the same words is seen in one exporter of commercial premises (C3) and read.',
  elements: [{ path: 'LeaseDeposit', type: { type: 'enum', values: DEPOSITS.map(([, word]) => word) } }],
  fields: ['depositMonths'],
  write(listing, out) {
    const months = depositMonthsOf(listing);
    out.leaf('LeaseDeposit', DEPOSITS.find(([known]) => known === months)?.[1]);
  },
  read(offer, draft) {
    for (const path of ['LeaseDeposit', 'Deposit']) {
      const raw = offer.take(path);
      if (raw === undefined) continue;
      const known = DEPOSITS.find(([, word]) => fold(word) === fold(raw.replace('.', ',')));
      if (known) draft.set('depositMonths', known[0]);
      else draft.fail(path, raw);
    }
  },
  samples: DEPOSITS.map(([months]) => ({ depositMonths: months })),
});

// ---------------------------------------------------------------- who may live there

const allowed = (options: RowOptions): readonly Row[] => [
  leaf('ChildrenAllowed', 'childrenAllowed', yesNo(), options),
  leaf('PetsAllowed', 'petsAllowed', yesNo(), options),
  own('SmokingAllowed', yesNo(), options),
];

const ALLOWED = {
  'Можно с питомцами': is('petsAllowed'),
  'Можно с детьми': is('childrenAllowed'),
  'Можно для мероприятий': is('own:PartiesAllowed'),
  'Можно курить': is('own:SmokingAllowed'),
};

// ---------------------------------------------------------------- things in the dwelling

const BASIC_APPLIANCES = {
  Кондиционер: is('hasAirConditioner'),
  Холодильник: is('hasFridge'),
  'Стиральная машина': is('hasWasher'),
  'Посудомоечная машина': is('hasDishwasher'),
};
const APPLIANCES = 'LeaseAppliances';

const appliancesRows: readonly Row[] = [
  tags(APPLIANCES, { means: BASIC_APPLIANCES, words: ['Водонагреватель'] }, { when: FLAT_RESALE, ...seen('C1 R1') }),
  tags(
    APPLIANCES,
    {
      means: { ...BASIC_APPLIANCES, Телевизор: is('hasTv') },
      words: ['Водонагреватель', 'Плита', 'Микроволновка', 'Фен', 'Утюг'],
      old: ['Фен', 'Утюг'],
    },
    { when: FLAT_LET, ...seen('C1 V1 R1'), note: '«Фен» and «Утюг» are older words for flats: read only.' },
  ),
  tags(
    APPLIANCES,
    {
      means: { Холодильник: is('hasFridge'), 'Стиральная машина': is('hasWasher') },
      words: ['Плита', 'Микроволновка', 'Фен', 'Утюг'],
    },
    { when: ROOM_LET, ...seen('V1 C1') },
  ),
  tags(
    APPLIANCES,
    {
      means: { ...BASIC_APPLIANCES, Телевизор: is('hasTv') },
      words: ['Водонагреватель', 'Плита', 'Микроволновка', 'Утюг', 'Фен'],
    },
    { when: HOUSE_LET, ...seen('C1') },
  ),
];

const multimediaRows: readonly Row[] = [
  tags(
    'LeaseMultimedia',
    {
      means: { 'Wi-Fi': is('hasInternet'), Телевизор: is('hasTv') },
      words: ['Телевидение'],
      old: ['Телевизор'],
      alsoWords: { 'Кабельное / цифровое ТВ': 'Телевидение' },
    },
    { when: [FLAT_LET, HOUSE], ...seen('R1 C1 V1') },
  ),
  tags(
    'LeaseMultimedia',
    { means: { 'Wi-Fi': is('hasInternet'), Телевизор: is('hasTv') }, words: ['Кабельное / цифровое ТВ'] },
    { when: ROOM_LET, ...seen('V1 C1') },
  ),
];

/** The words of the older flat template: the ones with a place elsewhere go there, the rest are only kept. */
const oldFlatComfortRow = legacy(
  ['LeaseComfort'],
  ['hasAirConditioner', 'own:LeaseComfort'],
  (offer, draft) => {
    const kept: string[] = [];
    const words = ['Камин', 'Балкон / лоджия', 'Парковочное место'];
    for (const raw of takeWords(offer, 'LeaseComfort')) {
      const word = words.find((known) => fold(known) === fold(raw));
      if (fold(raw) === 'кондиционер') draft.set('hasAirConditioner', true);
      else if (word) kept.push(word);
      else draft.fail('LeaseComfort/Option', raw);
    }
    if (kept.length > 0)
      draft.set(
        'own:LeaseComfort',
        words.filter((word) => kept.includes(word)),
      );
  },
  { when: FLAT, ...seen('V1') },
);

const comfortRows: readonly Row[] = [
  oldFlatComfortRow,
  tags(
    'LeaseComfort',
    { means: { Кондиционер: is('hasAirConditioner') }, words: ['Камин', 'Балкон / лоджия', 'Парковочное место'] },
    { when: ROOM_LET, ...seen('V1 C1') },
  ),
  tags(
    'LeaseComfort',
    {
      means: {
        Кондиционер: is('hasAirConditioner'),
        Бассейн: is('hasPool'),
        'Баня / сауна': is('hasBathhouse'),
      },
      words: ['Камин'],
    },
    { when: HOUSE_LET, ...seen('V1 C1') },
  ),
  tags(
    'LeaseComfortMulti',
    { words: ['Постельное белье', 'Полотенца', 'Средства гигиены'] },
    { when: FLAT_DAILY, ...seen('V1 C1') },
  ),
];

const FEW = ['1', '2', '3', '4', '5', '6', '7'] as const;

const bedsRows: readonly Row[] = [
  capped('LeaseSleepingPlaces', 'bedsCount', 8, ['8 и более', '8+'], { when: [FLAT_LET, HOUSE_LET], ...seen('C1') }),
  capped('LeaseSleepingPlaces', 'bedsCount', 16, ['16+'], { when: ROOM_LET, ...seen('C1') }),
  own('LeaseBeds', list(...FEW, '8 и более', '8+'), { when: [FLAT_LET, HOUSE_LET], ...seen('C1') }),
  own('LeaseBeds', list(...FEW, '8+'), { when: ROOM_LET, ...seen('C1') }),
];

/**
 * `Кухня` is a fitted kitchen, the other words are furniture. Furniture that nobody has named has no word and is left
 * out; a person's «no furniture» silences the words.
 */
const furnitureWords = ['Шкафы', 'Спальные места'];
const furnitureRow: Row = group({
  ...seen('V1 R1 C1'),
  when: [FLAT_RESALE, FLAT_LET, HOUSE_LET],
  elements: [
    { path: 'Furniture', type: { type: 'block' } },
    { path: 'Furniture/Option', type: { type: 'enum', values: ['Кухня', ...furnitureWords] }, isRepeated: true },
  ],
  fields: ['hasKitchenFurniture', 'hasFurniture', 'own:Furniture'],
  write(listing, out) {
    const kept = (listing.boardFields?.avito?.Furniture as string[] | undefined) ?? [];
    const named = listing.hasFurniture === false ? [] : furnitureWords.filter((word) => kept.includes(word));
    const chosen = [...(listing.hasKitchenFurniture === true ? ['Кухня'] : []), ...named];
    if (chosen.length > 0)
      out.block(
        'Furniture',
        chosen.map((word) => ({ name: 'Option', text: word })),
      );
  },
  read(offer, draft) {
    const said = takeWords(offer, 'Furniture');
    for (const raw of said) {
      if (![...furnitureWords, 'Кухня'].some((word) => fold(word) === fold(raw))) draft.fail('Furniture/Option', raw);
    }
    const named = furnitureWords.filter((word) => said.some((raw) => fold(raw) === fold(word)));
    if (said.some((raw) => fold(raw) === 'кухня')) draft.set('hasKitchenFurniture', true);
    if (named.length === 0) return;
    draft.set('hasFurniture', true);
    draft.set('own:Furniture', named);
  },
  samples: [
    { hasKitchenFurniture: true },
    ...furnitureWords.map((word) => ({ hasFurniture: true, boardFields: { avito: { Furniture: [word] } } })),
  ],
});

// ---------------------------------------------------------------- the table

export const rentRows: readonly Row[] = [
  depositAmountRow,
  leaseDepositRow,
  leaf('LeaseDepositPrice', 'depositKopecks', wholeRoubles, { when: [FLAT_DAILY, HOUSE_DAILY], ...seen('V1 C1') }),
  leaf('LeaseCommissionSize', 'commissionPercent', count(0, 200, [50, 100]), {
    when: { kind: ['flat', 'room', 'bed', 'house', 'land', 'garage', 'commercial'], deal: ['rent'] },
    ...seen('V1 C1 R1 R2'),
    note: 'Commercial templates of 2026 have AgentLeaseCommission… instead, whose words are not known.',
  }),
  leaf('UtilityMeters', 'areMetersPaidByTenant', words(METERS), {
    when: [FLAT_RENT, HOUSE_RENT],
    required: FLAT_RENT,
    ...seen('C1 C6 R1 R2'),
  }),
  leaf('OtherUtilities', 'areUtilitiesIncluded', words(UTILITIES), {
    when: [FLAT_RENT, HOUSE_RENT],
    required: FLAT_RENT,
    ...seen('C1 C6 R1 R2'),
  }),
  leaf('OtherUtilitiesPayment', 'utilitiesKopecks', wholeRoubles, {
    when: [FLAT_RENT, HOUSE_RENT],
    ...seen('C1 R1 R2'),
  }),
  ...allowed({ when: [FLAT_LET, HOUSE_LET], required: [FLAT_RENT, HOUSE_DAILY], ...seen('V1 C1 C6 R1 R2') }),
  own('PartiesAllowed', yesNo(), { when: [FLAT_DAILY, HOUSE_DAILY], ...seen('V1 C1') }),
  own('Documents', yesNo(), { when: [FLAT_DAILY, HOUSE_DAILY], ...seen('V1 C1') }),
  tags(
    'LeaseAdditionally',
    { means: ALLOWED },
    {
      when: ROOM_LET,
      ...seen('V1 C1'),
      note: 'Flats and houses have the …Allowed elements instead; there it is read only.',
    },
  ),
  ...bedsRows,
  furnitureRow,
  ...appliancesRows,
  ...multimediaRows,
  ...comfortRows,
  // «Meters included» of the older flat template is today's UtilityMeters.
  legacy(
    ['LeasePriceOptions'],
    ['areMetersPaidByTenant'],
    (offer, draft) => {
      for (const raw of takeWords(offer, 'LeasePriceOptions')) {
        if (fold(raw) === 'оплата по счетчикам включена') draft.set('areMetersPaidByTenant', false);
        else draft.fail('LeasePriceOptions/Option', raw);
      }
    },
    { when: FLAT, ...seen('V1') },
  ),
];
