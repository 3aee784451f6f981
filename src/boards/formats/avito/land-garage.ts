import type { Listing } from '../../../domain/listing.ts';
import type { Row } from '../codec.ts';
import { words } from '../kit.ts';
import { area, fold, GARAGE, get, group, LAND, leaf, seen, yesNo } from './builders.ts';

/** Sections 8 and 9: plots, garages and parking places. */

const GARAGE_WALLS: readonly (readonly [string, string])[] = [
  ['concrete', 'Железобетонный'],
  ['brick', 'Кирпичный'],
  ['metal', 'Металлический'],
];
const PLACES: readonly (readonly [string, string])[] = [
  ['multilevel', 'Многоуровневый паркинг'],
  ['underground', 'Подземный паркинг'],
  ['covered', 'Крытая стоянка'],
  ['open', 'Открытая стоянка'],
];

/** The subtype tells the walls of a garage and the kind of parking of a parking place. */
const subtypeRow: Row = group({
  ...seen('V1 C1'),
  when: GARAGE,
  elements: [
    { path: 'ObjectSubtype', type: { type: 'enum', values: [...GARAGE_WALLS, ...PLACES].map(([, word]) => word) } },
  ],
  fields: ['garageMaterial', 'parkingKinds'],
  write({ garageType, garageMaterial, parkingKinds }, out) {
    const wall = GARAGE_WALLS.find(([value]) => value === garageMaterial)?.[1];
    const place = PLACES.find(([value]) => (parkingKinds as string[] | undefined)?.includes(value))?.[1];
    out.leaf(
      'ObjectSubtype',
      garageType === 'parking-place' ? place : garageType === undefined ? (wall ?? place) : wall,
    );
  },
  read(offer, draft) {
    const raw = offer.take('ObjectSubtype');
    if (raw === undefined) return;
    const wall = GARAGE_WALLS.find(([, word]) => fold(word) === fold(raw));
    const place = PLACES.find(([, word]) => fold(word) === fold(raw));
    if (wall) draft.set('garageMaterial', wall[0]);
    else if (place) draft.set('parkingKinds', [place[0]]);
    else draft.fail('ObjectSubtype', raw);
  },
  samples: [
    ...GARAGE_WALLS.map(([garageMaterial]) => ({ garageType: 'garage', garageMaterial }) as Partial<Listing>),
    ...PLACES.map(([kind]) => ({ garageType: 'parking-place', parkingKinds: [kind] }) as Partial<Listing>),
  ],
});

/** One template has a list with «more than thirty», another any number; the word is kept, for it is not a number. */
const squareRow: Row = group({
  ...seen('V1 C1'),
  when: GARAGE,
  elements: [{ path: 'Square', type: { type: 'string', pattern: '\\d+(\\.\\d+)?|> 30' } }],
  fields: ['areaM2', 'own:Square'],
  write(listing, out) {
    if (listing.areaM2 !== undefined) out.leaf('Square', area().write(listing.areaM2));
    else if (get(listing, 'own:Square') === '> 30') out.leaf('Square', '> 30');
  },
  read(offer, draft) {
    const raw = offer.take('Square');
    if (raw === undefined) return;
    const value = area().read(raw);
    if (value !== undefined) draft.set('areaM2', value);
    else if (/^>\s*30$/.test(raw)) draft.set('own:Square', '> 30');
    else draft.fail('Square', raw);
  },
  samples: [{ areaM2: 18 }, { areaM2: 21.5 }, { boardFields: { avito: { Square: '> 30' } } }],
});

export const landGarageRows: readonly Row[] = [
  leaf(
    'ObjectType',
    'landStatus',
    words<string>(
      [
        ['izhs', 'Поселений (ИЖС)'],
        ['snt', 'Сельхозназначения (СНТ, ДНП)'],
        ['industrial', 'Промназначения'],
        ['lph', 'Личное подсобное хозяйство (ЛПХ)'],
      ],
      // One word of Avito for all farm land.
      {
        nearest: [
          ['dnp', 'Сельхозназначения (СНТ, ДНП)'],
          ['farm', 'Сельхозназначения (СНТ, ДНП)'],
        ],
      },
    ),
    { when: LAND, required: LAND, ...seen('V1 C1 R1') },
  ),
  subtypeRow,
  leaf('Secured', 'isSecured', yesNo(), { when: GARAGE, required: GARAGE, ...seen('V1 C1') }),
  squareRow,
];
