import type { Listing } from '../../../domain/listing.ts';
import type { ElementDoc, LeafType, Row, RowOptions, When } from '../codec.ts';
import { matches, valueOf } from '../codec.ts';
import { type Conversion, decimal, flag, integer, list, roubles, text, words } from '../kit.ts';
import {
  BUILDING,
  BUSINESS,
  COMMERCIAL,
  commercial,
  during,
  FLAT,
  FREE,
  from,
  GARAGE,
  group,
  HOME_RENT,
  INDUSTRY,
  leaf,
  NEW_FLAT,
  OFFICE,
  options,
  own,
  PAID_BY_PERIOD,
  PLOT,
  PRICED_BY_UNIT,
  RENT_DEALS,
  RETAIL,
  SUBURBAN,
  WAREHOUSE,
} from './shapes.ts';

/** `BargainTerms`: sections 4.1, 4.9 and 5.1 of the facts file. */

const yesNo = flag('true', 'false');
const money = roubles();
const moneyType: LeafType = { type: 'decimal', moreThan: 0 };

/** Amounts that Cian types as integers. */
const wholeRoubles: Conversion<number> = {
  type: { type: 'integer', min: 0 },
  write: (kopecks) => (kopecks >= 0 ? String(Math.round(kopecks / 100)) : undefined),
  read: (raw) => money.read(raw),
  samples: [4_500_000, 0],
};

const percent: Conversion<number> = {
  type: { type: 'integer', min: 0, max: 100 },
  write: (value) => (value >= 0 && Math.round(value) <= 100 ? String(Math.round(value)) : undefined),
  read: (raw) => decimal().read(raw.replace(/\s*%$/, '')),
  samples: [50, 0],
};

const CURRENCIES = [
  ['RUB', 'rur'],
  ['USD', 'usd'],
  ['EUR', 'eur'],
] as const;
const currency = words(CURRENCIES, { also: [['rub', 'RUB']] });
/** A currency in a block of Cian's own: kept in Cian's words. */
export const ownCurrency: Conversion<string> = words(
  CURRENCIES.map(([, word]) => [word, word] as const),
  { also: [['rub', 'rur']] },
);

/** The most that the listing can hold, in kopecks. */
const MOST = 1e15;

const SQUARE_METRES = { m2: 1, sotka: 100, hectare: 10_000 } as const;

/** The price as the category tells it: per unit and period where it has words for them, else for everything and a month. */
function priceFor(listing: Partial<Listing>): number | undefined {
  let price = listing.priceKopecks;
  if (price === undefined) return undefined;
  const { priceUnit, rentPeriod } = listing;
  if (priceUnit !== undefined && priceUnit !== 'total' && !matches(PRICED_BY_UNIT, listing)) {
    const whole = listing.kind === 'land' ? listing.landAreaM2 : (listing.areaM2 ?? listing.landAreaM2);
    // The price of a part must not be shown as the price of the whole.
    if (whole === undefined) return undefined;
    price = Math.round((price * whole) / SQUARE_METRES[priceUnit]);
  }
  if (listing.deal === 'rent' && rentPeriod === 'year' && !matches(PAID_BY_PERIOD, listing))
    price = Math.round(price / 12);
  return price > 0 && price <= MOST ? price : undefined;
}

const price: Row = group({
  elements: [{ path: 'BargainTerms/Price', type: moneyType }],
  fields: ['priceKopecks', 'priceUnit', 'rentPeriod'],
  ...from('S2', {
    required: true,
    note: 'Цена за сотку или метр там, где для единицы нет слова, пересчитывается на весь объект.',
  }),
  write(listing, out) {
    const value = priceFor(listing);
    if (value !== undefined) out.leaf('BargainTerms/Price', money.write(value));
  },
  read(offer, draft) {
    const raw = offer.take('BargainTerms/Price');
    if (raw === undefined) return;
    const value = money.read(raw);
    if (value === undefined || value <= 0) draft.fail('BargainTerms/Price', raw);
    else draft.set('priceKopecks', value);
  },
  samples: [{ priceKopecks: 540_000_000 }, { priceKopecks: 120_029 }],
});

const currencyRow: Row = group({
  elements: [{ path: 'BargainTerms/Currency', type: currency.type }],
  fields: ['currency'],
  ...from('S3, S5', { note: 'В практике пишется всегда; неизвестная валюта — рубли.' }),
  write(listing, out) {
    if (priceFor(listing) !== undefined) out.leaf('BargainTerms/Currency', currency.write(listing.currency ?? 'RUB'));
  },
  read(offer, draft) {
    const raw = offer.take('BargainTerms/Currency');
    if (raw === undefined) return;
    const value = currency.read(raw);
    if (value === undefined) draft.fail('BargainTerms/Currency', raw);
    else draft.set('currency', value);
  },
  samples: [
    { currency: 'RUB', priceKopecks: 100 },
    { currency: 'EUR', priceKopecks: 100 },
  ],
});

/** A deposit in months of rent as money, where the rent of one month is plain. */
function depositOf(listing: Partial<Listing>): number | undefined {
  if (listing.depositKopecks !== undefined) return listing.depositKopecks;
  const { depositMonths, priceKopecks, priceUnit = 'total', rentPeriod = 'month', deal } = listing;
  if (depositMonths === undefined || priceKopecks === undefined) return undefined;
  if (deal !== 'rent' || priceUnit !== 'total' || rentPeriod !== 'month') return undefined;
  const deposit = Math.round(priceKopecks * depositMonths);
  return deposit <= MOST ? deposit : undefined;
}

/** Home rents say `Deposit`, all others `SecurityDeposit`; each is read for the other. */
function deposit(path: string, also: string, rowOptions: RowOptions): Row {
  return group({
    ...leaf(path, 'depositKopecks', wholeRoubles, { ...rowOptions, also: [also] }),
    fields: ['depositKopecks', 'depositMonths'],
    write(listing, out) {
      const value = depositOf(listing);
      if (value !== undefined) out.leaf(path, wholeRoubles.write(value));
    },
  });
}

const DEPOSIT = 'BargainTerms/Deposit';
const SECURITY = 'BargainTerms/SecurityDeposit';

/**
 * A building for rent has both elements. `SecurityDeposit` is the deposit; a feed that says it in `Deposit` alone
 * keeps doing so (the board's field then holds `only`), and one that says both keeps both.
 */
const buildingDeposit: Row = group({
  elements: [SECURITY, DEPOSIT].map((path): ElementDoc => ({ path, type: wholeRoubles.type })),
  fields: ['depositKopecks', 'depositMonths', `own:${DEPOSIT}`],
  ...from('S3, S4', { when: during(commercial(BUILDING), 'rent') }),
  write(listing, out) {
    const value = depositOf(listing);
    const other = valueOf(listing, 'cian', `own:${DEPOSIT}`);
    if (value !== undefined) out.leaf(other === 'only' ? DEPOSIT : SECURITY, wholeRoubles.write(value));
    if (typeof other === 'number') out.leaf(DEPOSIT, wholeRoubles.write(other * 100));
  },
  read(offer, draft) {
    const [security, other] = [SECURITY, DEPOSIT].map((path) => {
      const raw = offer.take(path);
      const value = raw === undefined ? undefined : money.read(raw);
      if (raw !== undefined && value === undefined) draft.fail(path, raw);
      return value;
    });
    draft.set('depositKopecks', security ?? other);
    if (other !== undefined) draft.set(`own:${DEPOSIT}`, security === undefined ? 'only' : other / 100);
  },
  samples: [
    { depositKopecks: 10_000_000 },
    { depositKopecks: 10_000_000, boardFields: { cian: { [DEPOSIT]: 'only' } } },
    { depositKopecks: 10_000_000, boardFields: { cian: { [DEPOSIT]: 50_000 } } },
  ],
});

const RENT: When = { deal: RENT_DEALS };
const HOME_SALE: When = [FLAT, { kind: ['room'] }, SUBURBAN].flatMap((shape) => during(shape, 'sale'));
const CITY_SALE: When = during({ kind: ['flat', 'room'] }, 'sale');
const PLAIN_COMMERCIAL = commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUSINESS, PLOT);
const COMMERCIAL_RENT = during({ kind: ['commercial', 'garage'] }, 'rent');

export const TERMS: readonly Row[] = [
  price,
  leaf(
    'BargainTerms/PriceType',
    'priceUnit',
    words([
      ['total', 'all'],
      ['m2', 'squareMeter'],
      ['sotka', 'sotka'],
      ['hectare', 'hectare'],
    ]),
    from('S3, S5, S17', { when: PRICED_BY_UNIT }),
  ),
  currencyRow,
  leaf(
    'BargainTerms/VatType',
    'vat',
    words(
      [
        ['included', 'included'],
        ['usn', 'usn'],
      ],
      {
        also: [
          ['notIncluded', 'not-included'],
          ['vatIncluded', 'included'],
          ['vatNotIncluded', 'not-included'],
        ],
      },
    ),
    from('S3, S11, S22', {
      when: COMMERCIAL,
      note: 'Для «НДС не включён» нынешнего слова нет: старое читаем, не пишем.',
    }),
  ),
  own('BargainTerms/VatPrice', decimal({ min: 0 }), from('S3', { when: COMMERCIAL })),
  leaf('BargainTerms/MortgageAllowed', 'isMortgageAllowed', yesNo, from('S3, S5', { when: HOME_SALE })),
  leaf(
    'BargainTerms/SaleType',
    'saleType',
    words(
      [
        ['free', 'free'],
        ['alternative', 'alternative'],
      ],
      // The element says whether the seller must buy something first. A developer, a first owner and one who
      // assigns his contract need not; the words for these deals are unconfirmed (section 11).
      {
        nearest: [
          ['developer', 'free'],
          ['primary-resale', 'free'],
          ['assignment', 'free'],
        ],
      },
    ),
    from('S3, S5', { when: CITY_SALE, required: CITY_SALE }),
  ),
  leaf(
    'BargainTerms/ContractType',
    'contractType',
    words([
      ['sale', 'sale'],
      ['lease-assignment', 'leaseAssignment'],
    ]),
    from('S3, S4, S11, S12', { when: during({ kind: ['commercial', 'garage'] }, 'sale') }),
  ),
  own('BargainTerms/ActionId', text(), from('S3', { when: NEW_FLAT })),
  leaf(
    'BargainTerms/PaymentPeriod',
    'rentPeriod',
    words([
      ['month', 'monthly'],
      ['year', 'annual'],
    ]),
    from('S3, S17', { when: PAID_BY_PERIOD }),
  ),
  leaf(
    'BargainTerms/LeaseType',
    'leaseType',
    words([
      ['direct', 'direct'],
      ['sublease', 'sublease'],
    ]),
    from('S3, S17', { when: COMMERCIAL_RENT }),
  ),
  options(
    'BargainTerms/IncludedOptions',
    'IncludedOptionsEnum',
    { flags: { utilityCharges: 'areUtilitiesIncluded' }, words: ['operationalCosts'] },
    from('S3, S4', { when: COMMERCIAL_RENT }),
  ),
  leaf(
    'BargainTerms/UtilitiesTerms/IncludedInPrice',
    'areUtilitiesIncluded',
    yesNo,
    from('S3, S6', { when: HOME_RENT }),
  ),
  leaf(
    'BargainTerms/UtilitiesTerms/Price',
    'utilitiesKopecks',
    { ...money, type: { type: 'decimal', min: 0 }, samples: [350_000, 0] },
    from('S3, S17', { when: HOME_RENT }),
  ),
  leaf(
    'BargainTerms/UtilitiesTerms/FlowMetersNotIncludedInPrice',
    'areMetersPaidByTenant',
    yesNo,
    from('S3, S6', { when: HOME_RENT }),
  ),
  own('BargainTerms/LeaseTermType', list('longTerm', 'fewMonths'), from('S2, S3, S4', { when: RENT })),
  leaf(
    'BargainTerms/MinLeaseTerm',
    'minLeaseMonths',
    integer(1, 600, [11, 36]),
    from('S3, S17', { when: COMMERCIAL_RENT }),
  ),
  leaf('BargainTerms/PrepayMonths', 'prepayMonths', integer(1, 12, [1, 3]), from('S2, S3', { when: RENT })),
  deposit(DEPOSIT, SECURITY, from('S2', { when: HOME_RENT })),
  deposit(
    SECURITY,
    DEPOSIT,
    from('S3, S17', { when: [...during(PLAIN_COMMERCIAL, 'rent'), ...during(GARAGE, 'rent')] }),
  ),
  buildingDeposit,
  leaf('BargainTerms/ClientFee', 'commissionPercent', percent, from('S2, S6', { when: RENT })),
  own('BargainTerms/AgentFee', percent, from('S2', { when: [HOME_RENT, ...during(COMMERCIAL, 'rent')] })),
  own('BargainTerms/HasGracePeriod', yesNo, from('S3, S4', { when: during(COMMERCIAL, 'rent') })),
  own('BargainTerms/AgentBonus/Value', decimal({ min: 0, samples: [15_000, 2.5] }), from('S3, S4, S5')),
  own('BargainTerms/AgentBonus/PaymentType', list('fixed', 'percent'), from('S3, S4, S5')),
  own(
    'BargainTerms/AgentBonus/Currency',
    ownCurrency,
    from('S3, S4, S5', { note: 'Одна валюта без суммы значит «бонуса нет».' }),
  ),
  leaf('BargainTerms/BargainAllowed', 'isBargainAllowed', yesNo, from('S2, S3', { when: HOME_RENT })),
  own('BargainTerms/BargainPrice', decimal({ min: 0 }), from('S2, S3', { when: HOME_RENT })),
  own('BargainTerms/BargainConditions', text(), from('S2, S3', { when: HOME_RENT })),
  own(
    'BargainTerms/TenantsType',
    list('any', 'family', 'female', 'male'),
    from('S3', { when: during({ kind: ['room', 'bed', 'house'] }, ...RENT_DEALS) }),
  ),
];
