import type { Row } from '../codec.ts';
import { matches, valueOf } from '../codec.ts';
import { type Conversion, decimal, flag, integer, text, words } from '../kit.ts';
import {
  BUILDING,
  BUSINESS,
  commercial,
  during,
  FLAT,
  FREE,
  from,
  GARAGE,
  group,
  HOUSE,
  INDUSTRY,
  leaf,
  NEW_FLAT,
  OFFICE,
  OLD_FLAT,
  OLD_WHOLE_FLAT,
  own,
  RETAIL,
  ROOM,
  refined,
  WAREHOUSE,
} from './shapes.ts';

/** `Building` where several rooms of the format share it, and the complex it stands in (`JKSchema`). */

const yesNo = flag('true', 'false');

/** Materials of city buildings (8.1). */
export const CITY_MATERIALS = [
  ['brick', 'brick'],
  ['panel', 'panel'],
  ['block', 'block'],
  ['monolith', 'monolith'],
  ['monolithBrick', 'monolith-brick'],
  ['wood', 'wood'],
  ['boards', 'frame'],
  ['stalin', 'stalin'],
  ['old', 'old'],
] as const;

/** One word for a list of kinds of parking: the first that has one. */
function parkingType(): Conversion<string[]> {
  const known = ['ground', 'multilevel', 'open', 'roof', 'underground'];
  return {
    type: { type: 'enum', values: known },
    write: (kinds) => kinds.find((kind) => known.includes(kind)),
    read: (raw) => (known.includes(raw.toLowerCase()) ? [raw.toLowerCase()] : undefined),
    samples: [['underground'], ['ground']],
  };
}

const JK = 'JKSchema/Name';
const NAME = 'Building/Name';

/**
 * The name of a complex stands in `JKSchema` when the complex is told by its id or must be (a new building), else in
 * `Building/Name`, which every resale flat may have. What a feed says otherwise is kept for it.
 */
const flatBuildingName: Row = group({
  elements: [JK, NAME].map((path) => ({ path, type: text().type })),
  fields: ['buildingName', `own:${JK}`, `own:${NAME}`],
  ...from('S3', { when: FLAT }),
  write(listing, out) {
    const name = text().write(listing.buildingName ?? '');
    const building = valueOf(listing, 'cian', `own:${NAME}`) as string | undefined;
    const isNew = matches(NEW_FLAT, listing);
    const isComplex =
      isNew ||
      building !== undefined ||
      valueOf(listing, 'cian', 'own:JKSchema/Id') !== undefined ||
      valueOf(listing, 'cian', `own:${JK}`) === listing.buildingName;
    out.leaf(isComplex ? JK : NAME, name);
    if (building !== undefined && !isNew) out.leaf(NAME, building);
  },
  read(offer, draft) {
    const complex = text().read(offer.take(JK) ?? '');
    const building = text().read(offer.take(NAME) ?? '');
    draft.set('buildingName', complex ?? building);
    if (complex !== undefined && building !== undefined) draft.set(`own:${NAME}`, building);
    if (
      complex !== undefined &&
      building === undefined &&
      draft.get('own:JKSchema/Id') === undefined &&
      draft.get('market') !== 'new'
    ) {
      draft.set(`own:${JK}`, complex);
    }
  },
  samples: [
    { buildingName: 'Дом на набережной' },
    { buildingName: 'ЖК Пример', boardFields: { cian: { 'JKSchema/Id': 10001 } } },
    { buildingName: 'ЖК Пример', boardFields: { cian: { [NAME]: 'Корпус 1', 'JKSchema/Id': 10001 } } },
  ],
});

const PREMISES = commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY);
const WITH_FLOORS = [
  FLAT,
  ROOM,
  HOUSE,
  GARAGE,
  commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUILDING, BUSINESS),
];
const CITY_HOMES = [FLAT, ROOM];
const OLD_HOMES = [...OLD_FLAT, ROOM];
const IN_COMPLEX = [FLAT, commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUSINESS)];
const ROOMS_NOTE = 'Для комнат в источниках назван только FloorsCount; остальное пишем как для квартир.';

export const COMPLEX: readonly Row[] = [
  own(
    'JKSchema/Id',
    integer(1, 1e12, [10001, 7]),
    from('S3, S12, S16', { when: IN_COMPLEX, required: NEW_FLAT, note: 'Номер комплекса в справочнике Циана.' }),
  ),
  own(JK, text(), from('S3', { when: commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUSINESS) })),
  flatBuildingName,
  own('JKSchema/House/Id', integer(1, 1e12, [20002, 8]), from('S3', { when: IN_COMPLEX })),
  own('JKSchema/House/Name', text(), from('S3', { when: IN_COMPLEX })),
  leaf(
    'JKSchema/House/Flat/FlatNumber',
    'apartmentNumber',
    text(undefined, ['45', 'К29']),
    from('S3, S16', { when: IN_COMPLEX, note: 'На доске не показывается.' }),
  ),
  own('JKSchema/House/Flat/SectionNumber', text(undefined, ['2', '3А']), from('S3, S16', { when: IN_COMPLEX })),
  own('JKSchema/House/Flat/FlatType', text(), from('S3', { when: IN_COMPLEX })),
];

export const BUILDING_ROWS: readonly Row[] = [
  leaf(
    NAME,
    'buildingName',
    text(),
    from('S3', {
      when: [ROOM, GARAGE, commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUILDING)],
      note: ROOMS_NOTE,
    }),
  ),
  leaf('Building/FloorsCount', 'floorsTotal', integer(1, 200, [9, 17]), {
    ...from('S2, S3, S5'),
    when: WITH_FLOORS,
    required: [
      ...during({ kind: ['flat', 'room', 'bed'] }, 'sale', 'rent'),
      ...during(commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUILDING, BUSINESS), 'sale', 'rent'),
    ],
  }),
  leaf(
    'Building/BuildYear',
    'builtYear',
    integer(1500, 2100, [1973, 2024]),
    from('S3, S5, S7', {
      when: [
        ...OLD_WHOLE_FLAT,
        ROOM,
        HOUSE,
        commercial(OFFICE, WAREHOUSE, INDUSTRY),
        ...during(commercial(RETAIL), 'rent'),
      ],
      note: ROOMS_NOTE,
    }),
  ),
  leaf(
    'Building/Deadline/Quarter',
    'readyQuarter',
    words([
      [1, 'first'],
      [2, 'second'],
      [3, 'third'],
      [4, 'fourth'],
    ]),
    from('S12, S16', { when: NEW_FLAT }),
  ),
  leaf('Building/Deadline/Year', 'builtYear', integer(1500, 2100, [2027, 2028]), from('S12, S16', { when: NEW_FLAT })),
  own('Building/Deadline/IsComplete', yesNo, from('S12, S16', { when: NEW_FLAT })),
  refined('Building/MaterialType', 'wallMaterial', CITY_MATERIALS, {
    ...from('S3, S5'),
    when: [...CITY_HOMES, commercial(OFFICE)],
    nearest: [
      ['aerated-concrete', 'block'],
      ['log', 'wood'],
    ],
    note: ROOMS_NOTE,
  }),
  leaf('Building/Series', 'buildingSeries', text(undefined, ['137', 'П-44']), from('S3, S5', { when: OLD_HOMES })),
  leaf(
    'Building/CeilingHeight',
    'ceilingHeightM',
    decimal({ moreThan: 0, samples: [2.7, 3] }),
    from('S3, S5', { when: [...CITY_HOMES, PREMISES, commercial(BUILDING, BUSINESS)] }),
  ),
  leaf('Building/PassengerLiftsCount', 'passengerLifts', integer(0, 50, [1, 2]), from('S3, S5', { when: CITY_HOMES })),
  leaf('Building/CargoLiftsCount', 'freightLifts', integer(0, 50, [0, 1]), from('S3, S5', { when: CITY_HOMES })),
  leaf('Building/HasGarbageChute', 'hasGarbageChute', yesNo, from('S3, S5', { when: OLD_HOMES })),
  leaf('Building/Parking/Type', 'parkingKinds', parkingType(), {
    ...from('S3, S4, S11'),
    when: [...CITY_HOMES, GARAGE, commercial(OFFICE, BUILDING)],
    also: ['Building/ParkingType', 'Building/Parking/ParkingType'],
  }),
  leaf('YardAndEntranceFeatures/HasConcierge', 'hasConcierge', yesNo, from('S6', { when: FLAT })),
];
