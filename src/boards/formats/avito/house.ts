import type { Listing } from '../../../domain/listing.ts';
import type { Draft, Row } from '../codec.ts';
import { flag, text, words } from '../kit.ts';
import type { Element } from '../xml.ts';
import {
  area,
  asOptions,
  capped,
  count,
  fold,
  get,
  group,
  HOUSE,
  HOUSE_LET,
  HOUSE_RENT,
  HOUSE_SALE,
  LAND,
  leaf,
  legacy,
  legacyOwn,
  optionElements,
  options,
  refined,
  seen,
  takeWords,
} from './builders.ts';
import { roomsRow } from './living.ts';

/** Section 7: houses, dachas, cottages; and the land area they share with plots. */

// ---------------------------------------------------------------- land

/** Avito counts land in sotkas (100 m²). Six decimals keep a tenth of a thousandth of a square metre. */
export const landAreaRow: Row = group({
  ...seen('V1 C1 R1'),
  when: [HOUSE, LAND],
  required: [HOUSE, LAND],
  elements: [{ path: 'LandArea', type: { type: 'decimal', moreThan: 0 } }],
  fields: ['landAreaM2', 'landAreaUnit'],
  write({ landAreaM2 }, out) {
    if (landAreaM2 !== undefined) out.leaf('LandArea', area().write(Math.round(landAreaM2 * 1e4) / 1e6));
  },
  read(offer, draft) {
    const raw = offer.take('LandArea');
    if (raw === undefined) return;
    const sotkas = area().read(raw);
    if (sotkas === undefined) return draft.fail('LandArea', raw);
    draft.set('landAreaM2', Math.round(sotkas * 1e6) / 1e4);
    draft.set('landAreaUnit', 'sotka');
  },
  samples: [
    { landAreaM2: 600, landAreaUnit: 'sotka' },
    { landAreaM2: 1234.5, landAreaUnit: 'sotka' },
  ],
});

// ---------------------------------------------------------------- utilities of a house on sale

/** A utility with a closed list of ways in: the way tells that there is one, `Нет` that there is none. */
function utilityRow(
  path: string,
  flagField: string,
  wayField: string,
  ways: readonly (readonly [string, string])[],
): Row {
  return group({
    ...seen('C1 R1'),
    when: HOUSE_SALE,
    elements: [{ path, type: { type: 'enum', values: ['Нет', ...ways.map(([, word]) => word)] } }],
    fields: [flagField, wayField],
    write(listing, out) {
      const way = ways.find(([value]) => value === get(listing, wayField));
      out.leaf(path, get(listing, flagField) === false ? 'Нет' : way?.[1]);
    },
    read(offer, draft) {
      const raw = offer.take(path);
      if (raw === undefined) return;
      const way = ways.find(([, word]) => fold(word) === fold(raw));
      if (fold(raw) === 'нет') draft.set(flagField, false);
      else if (way) {
        draft.set(flagField, true);
        draft.set(wayField, way[0]);
      } else draft.fail(path, raw);
    },
    samples: [{ [flagField]: false }, ...ways.map(([value]) => ({ [flagField]: true, [wayField]: value }))],
  });
}

/** Gas in the house or at the border of the plot; Avito does not tell the main from a bottle. */
const gasRow: Row = group({
  ...seen('C1 R1'),
  when: HOUSE_SALE,
  elements: [{ path: 'GasSupply', type: { type: 'enum', values: ['Нет', 'По границе участка', 'В доме'] } }],
  fields: ['hasGas', 'gasSupply'],
  write({ hasGas, gasSupply }, out) {
    if (hasGas === false) out.leaf('GasSupply', 'Нет');
    else if (gasSupply === 'border') out.leaf('GasSupply', 'По границе участка');
    else if (hasGas === true || gasSupply !== undefined) out.leaf('GasSupply', 'В доме');
  },
  read(offer, draft) {
    const raw = offer.take('GasSupply');
    if (raw === undefined) return;
    const word = fold(raw);
    if (word === 'нет') draft.set('hasGas', false);
    else if (word === 'по границе участка') draft.set('gasSupply', 'border');
    else if (word === 'в доме') draft.set('hasGas', true);
    else draft.fail('GasSupply', raw);
  },
  samples: [{ hasGas: false }, { gasSupply: 'border' }, { hasGas: true }],
});

const HEATINGS: readonly (readonly [string, string])[] = [
  ['central', 'Центральное'],
  ['gas', 'Газовое'],
  ['electric', 'Электрическое'],
  ['boiler', 'Жидкотопливный котёл'],
  ['stove', 'Печь'],
  ['fireplace', 'Камин'],
  ['other', 'Другое'],
];

/** There is heating, of whatever kind. */
const isHeated = (listing: Listing) =>
  listing.heating === undefined ? get(listing, 'own:Heating') === 'Есть' : listing.heating !== 'no';

/**
 * `Heating` says whether, `HeatingType` which, several at once. The listing has one main kind: the first; all of
 * them come back as long as nobody changes it. Heating of an untold kind is Avito's own «Есть».
 */
const heatingRow: Row = group({
  ...seen('C1 R1'),
  when: HOUSE_SALE,
  elements: [
    { path: 'Heating', type: { type: 'enum', values: ['Нет', 'Есть'] } },
    ...optionElements(
      'HeatingType',
      HEATINGS.map(([, word]) => word),
    ),
  ],
  fields: ['heating', 'own:Heating', 'own:HeatingType'],
  write(listing, out) {
    if (listing.heating === 'no') out.leaf('Heating', 'Нет');
    else if (isHeated(listing)) out.leaf('Heating', 'Есть');
    const main = HEATINGS.find(([value]) => value === listing.heating)?.[1];
    if (main === undefined) return;
    const kept = (get(listing, 'own:HeatingType') as string[] | undefined) ?? [];
    const all = kept.includes(main) ? HEATINGS.map(([, word]) => word).filter((word) => kept.includes(word)) : [main];
    out.block('HeatingType', asOptions(all));
  },
  read(offer, draft) {
    const said = takeWords(offer, 'HeatingType');
    const found = HEATINGS.filter(([, word]) => said.some((raw) => fold(raw) === fold(word)));
    for (const raw of said) {
      if (!HEATINGS.some(([, word]) => fold(raw) === fold(word))) draft.fail('HeatingType/Option', raw);
    }
    draft.set('heating', found[0]?.[0]);
    if (found.length > 1)
      draft.set(
        'own:HeatingType',
        found.map(([, word]) => word),
      );
    const raw = offer.take('Heating');
    if (raw === undefined) return;
    if (fold(raw) === 'нет') draft.set('heating', 'no');
    else if (fold(raw) !== 'есть') draft.fail('Heating', raw);
    else if (draft.get('heating') === undefined) draft.set('own:Heating', 'Есть');
  },
  samples: [
    { heating: 'no' },
    { boardFields: { avito: { Heating: 'Есть' } } },
    ...HEATINGS.map(([heating]) => ({ heating }) as Partial<Listing>),
    { heating: 'gas', boardFields: { avito: { HeatingType: ['Газовое', 'Камин'] } } },
  ],
});

// ---------------------------------------------------------------- the old list of utilities, today's for a lease

const SERVICES: readonly (readonly [string, string])[] = [
  ['hasElectricity', 'Электричество'],
  ['hasGas', 'Газ'],
  ['heating', 'Отопление'],
  ['hasSewerage', 'Канализация'],
];

function readServices(offer: Element, draft: Draft): void {
  for (const raw of takeWords(offer, 'HouseServices')) {
    const field = SERVICES.find(([, word]) => fold(word) === fold(raw))?.[0];
    if (field === undefined) draft.fail('HouseServices/Option', raw);
    else if (field !== 'heating') draft.set(field, true);
    else if (draft.get('heating') === undefined) draft.set('own:Heating', 'Есть');
  }
}

const servicesRow: Row = group({
  ...seen('V1 R1'),
  when: HOUSE_LET,
  elements: optionElements(
    'HouseServices',
    SERVICES.map(([, word]) => word),
  ),
  fields: ['hasElectricity', 'hasGas', 'hasSewerage', 'heating', 'own:Heating'],
  write(listing, out) {
    const chosen = SERVICES.filter(([field]) =>
      field === 'heating' ? isHeated(listing) : get(listing, field) === true,
    );
    if (chosen.length > 0) out.block('HouseServices', asOptions(chosen.map(([, word]) => word)));
  },
  read: readServices,
  samples: [
    { hasElectricity: true },
    { hasGas: true },
    { hasSewerage: true },
    { boardFields: { avito: { Heating: 'Есть' } } },
  ],
});

// ---------------------------------------------------------------- the rest of the plot

/** A bathroom indoors, outdoors, or both; both is Avito's own, and indoors for everybody else. */
const bathroomRow: Row = group({
  ...seen('V1 C1 R1'),
  when: HOUSE,
  elements: optionElements('BathroomMulti', ['В доме', 'На улице']),
  fields: ['toiletPlace', 'own:BathroomMulti'],
  write(listing, out) {
    const { toiletPlace } = listing;
    if (toiletPlace === undefined) return;
    const isBoth = toiletPlace === 'indoors' && get(listing, 'own:BathroomMulti') !== undefined;
    out.block(
      'BathroomMulti',
      asOptions(isBoth ? ['В доме', 'На улице'] : [toiletPlace === 'indoors' ? 'В доме' : 'На улице']),
    );
  },
  read(offer, draft) {
    const said = new Set<string>();
    for (const raw of takeWords(offer, 'BathroomMulti')) {
      if (['в доме', 'на улице'].includes(fold(raw))) said.add(fold(raw));
      else draft.fail('BathroomMulti/Option', raw);
    }
    if (said.size === 2) draft.set('own:BathroomMulti', ['В доме', 'На улице']);
    if (said.size > 0) draft.set('toiletPlace', said.has('в доме') ? 'indoors' : 'outdoors');
  },
  samples: [
    { toiletPlace: 'indoors' },
    { toiletPlace: 'outdoors' },
    { toiletPlace: 'indoors', boardFields: { avito: { BathroomMulti: ['В доме', 'На улице'] } } },
  ],
});

/** A garage is ours to know; a parking place, or none, is Avito's own. */
const parkingRow: Row = group({
  ...seen('V1 R1'),
  when: HOUSE,
  elements: [{ path: 'ParkingType', type: { type: 'enum', values: ['Нет', 'Гараж', 'Парковочное место'] } }],
  fields: ['hasGarage', 'own:ParkingType'],
  write(listing, out) {
    const kept = get(listing, 'own:ParkingType');
    if (listing.hasGarage === true) out.leaf('ParkingType', 'Гараж');
    else if (kept === 'Нет' || kept === 'Парковочное место') out.leaf('ParkingType', kept);
  },
  read(offer, draft) {
    const raw = offer.take('ParkingType');
    if (raw === undefined) return;
    const word = fold(raw);
    if (word === 'гараж') draft.set('hasGarage', true);
    else if (word === 'парковочное место') draft.set('own:ParkingType', 'Парковочное место');
    else if (word === 'нет') {
      draft.set('hasGarage', false);
      draft.set('own:ParkingType', 'Нет');
    } else draft.fail('ParkingType', raw);
  },
  samples: [
    { hasGarage: true },
    { hasGarage: false, boardFields: { avito: { ParkingType: 'Нет' } } },
    { boardFields: { avito: { ParkingType: 'Парковочное место' } } },
  ],
});

// ---------------------------------------------------------------- the table

export const houseRows: readonly Row[] = [
  roomsRow({
    openPlan: 'Свободная планировка',
    more: '10 и более',
    when: HOUSE,
    required: HOUSE,
    ...seen('C1'),
    note: 'The spelling of the open plan is known from one exporter only.',
  }),
  leaf('Square', 'areaM2', area([120, 86.4]), { when: HOUSE, required: HOUSE, ...seen('V1 C1 R1') }),
  landAreaRow,
  capped('Floors', 'floorsTotal', 4, ['4 и более'], { when: HOUSE, required: HOUSE, ...seen('C1 V1') }),
  refined(
    'WallsType',
    'wallMaterial',
    [
      ['Кирпич', 'brick'],
      ['Брус', 'wood'],
      ['Бревно', 'log'],
      ['Газоблоки', 'aerated-concrete'],
      ['Металл', 'metal'],
      ['Пеноблоки', 'block'],
      ['Сэндвич-панели', 'sandwich'],
      ['Ж/б панели', 'reinforced-concrete'],
      ['Экспериментальные материалы', 'other'],
    ],
    {
      when: [HOUSE_SALE, HOUSE_RENT],
      required: [HOUSE_SALE, HOUSE_RENT],
      nearest: [['panel', 'Ж/б панели']],
      ...seen('V1 C1 C9 R1'),
    },
  ),
  leaf(
    'LandStatus',
    'landStatus',
    words([
      ['izhs', 'Индивидуальное жилищное строительство (ИЖС)'],
      ['snt', 'Садовое некоммерческое товарищество (СНТ)'],
      ['dnp', 'Дачное некоммерческое партнёрство (ДНП)'],
      ['farm', 'Фермерское хозяйство'],
      ['lph', 'Личное подсобное хозяйство (ЛПХ)'],
    ]),
    { when: HOUSE_SALE, required: HOUSE_SALE, ...seen('V1 C9 R1') },
  ),
  bathroomRow,
  options(
    'HouseAdditionally',
    'Option',
    { flags: { 'Терраса или веранда': 'hasTerrace' } },
    { when: HOUSE, ...seen('V1 R1') },
  ),
  options(
    'LandAdditionally',
    'Option',
    { flags: { 'Баня или сауна': 'hasBathhouse', Бассейн: 'hasPool' } },
    { when: HOUSE, ...seen('V1 R1') },
  ),
  leaf('Electricity', 'hasElectricity', flag('Есть', 'Нет'), { when: HOUSE_SALE, ...seen('C1 R1') }),
  gasRow,
  heatingRow,
  utilityRow('WaterSupply', 'hasWater', 'waterSupply', [
    ['central', 'Центральное'],
    ['borehole', 'Скважина'],
    ['well', 'Колодец'],
  ]),
  utilityRow('Sewerage', 'hasSewerage', 'sewerage', [
    ['central', 'Центральная'],
    ['septic', 'Септик'],
    ['cesspool', 'Выгребная яма'],
    ['bio', 'Станция биоочистки'],
  ]),
  servicesRow,
  legacy(['HouseServices'], ['hasElectricity', 'hasGas', 'hasSewerage', 'own:Heating'], readServices, {
    when: HOUSE_SALE,
    ...seen('V1 R1'),
    note: 'Split on sale into Electricity, GasSupply, Heating, WaterSupply and Sewerage.',
  }),
  options(
    'TransportAccessibility',
    'Option',
    { words: ['Асфальтированная дорога', 'Остановка общественного транспорта', 'Железнодорожная станция'] },
    { when: HOUSE, ...seen('V1 R1') },
  ),
  options(
    'Infrastructure',
    'Option',
    { words: ['Магазин', 'Аптека', 'Детский сад', 'Школа'] },
    { when: HOUSE, ...seen('V1 R1') },
  ),
  parkingRow,
  legacyOwn('DistanceToCity', count(0, 1000), { when: HOUSE, ...seen('V1'), note: 'Gone from the 2024 template.' }),
  legacyOwn('DirectionRoad', text(), { when: HOUSE, ...seen('V1'), note: 'Gone from the 2024 template.' }),
];
