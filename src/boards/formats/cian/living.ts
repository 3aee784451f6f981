import type { Listing } from '../../../domain/listing.ts';
import type { Row } from '../codec.ts';
import { type Conversion, decimal, flag, integer, text, url, words } from '../kit.ts';
import {
  BUILDING,
  BUSINESS,
  commercial,
  during,
  FLAT,
  FLAT_SHARE,
  FREE,
  from,
  GARAGE,
  group,
  HOME_RENT,
  HOUSE,
  INDUSTRY,
  leaf,
  NEW_FLAT,
  OFFICE,
  OLD_FLAT,
  OLD_WHOLE_FLAT,
  own,
  RENT_DEALS,
  RETAIL,
  ROOM,
  refined,
  repeated,
  WAREHOUSE,
} from './shapes.ts';

/** Flats, rooms and beds, and what they share with houses: sections 4.2 to 4.6 of the facts file. */

const yesNo = flag('true', 'false');
const squareMetres = (a: number, b: number) => decimal({ moreThan: 0, samples: [a, b] });

const CODES = ['1', '2', '3', '4', '5', '6', '7', '9'];

/** Cian's code of rooms: 1–5, 6 for more, 7 for an open plan, 9 for a studio. */
function roomsCode({ roomsCount, isStudio, isOpenPlan }: Partial<Listing>): string | undefined {
  if (isStudio) return '9';
  if (isOpenPlan) return '7';
  return roomsCount === undefined || roomsCount < 1 ? undefined : String(Math.min(roomsCount, 6));
}

const rooms: Row = group({
  elements: [
    { path: 'FlatRoomsCount', type: { type: 'enum', values: CODES } },
    { path: 'RoomsCount', type: { type: 'integer', min: 1, max: 100 } },
  ],
  fields: ['roomsCount', 'isStudio', 'isOpenPlan'],
  ...from('S2, S3, S5, S6', {
    when: [FLAT, { kind: ['room'] }],
    required: [...during(FLAT, 'sale', 'rent'), ...during({ kind: ['room'] }, 'sale')],
    note: 'Больше пяти комнат — код 6; настоящее число комнат пишется только для комнаты.',
  }),
  write(listing, out) {
    out.leaf('FlatRoomsCount', roomsCode(listing));
    if (listing.kind === 'room' && listing.roomsCount !== undefined && listing.roomsCount > 0) {
      out.leaf('RoomsCount', String(listing.roomsCount));
    }
  },
  read(offer, draft) {
    const code = offer.take('FlatRoomsCount');
    const number = offer.take('RoomsCount');
    const count = number === undefined ? undefined : integer().read(number);
    if (number !== undefined && count === undefined) draft.fail('RoomsCount', number);
    if (code !== undefined && !CODES.includes(code)) draft.fail('FlatRoomsCount', code);
    else if (code === '9') draft.set('isStudio', true);
    else if (code === '7') draft.set('isOpenPlan', true);
    else if (code !== undefined && count === undefined) draft.set('roomsCount', Number(code));
    draft.set('roomsCount', count);
  },
  samples: [{ roomsCount: 2 }, { roomsCount: 6 }, { isStudio: true }, { isOpenPlan: true }],
});

/** Windows to the yard, the street or both. */
const views: Conversion<string[]> = {
  type: { type: 'enum', values: ['street', 'yard', 'yardAndStreet'] },
  write(seen) {
    const [yard, street] = [seen.includes('yard'), seen.includes('street')];
    return yard && street ? 'yardAndStreet' : yard ? 'yard' : street ? 'street' : undefined;
  },
  read(raw) {
    const word = raw.toLowerCase();
    return word === 'yardandstreet' ? ['yard', 'street'] : word === 'yard' || word === 'street' ? [word] : undefined;
  },
  samples: [['yard', 'street'], ['street']],
};

const WITH_FLOOR = [FLAT, ROOM, GARAGE, commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUSINESS)];

export const LIVING: readonly Row[] = [
  rooms,
  leaf('RoomsCount', 'roomsCount', integer(1, 100, [3, 18]), from('S3', { when: { kind: ['bed'] } })),
  leaf('RoomsForSaleCount', 'roomsOffered', integer(1, 100, [1, 2]), from('S3, S5', { when: ROOM })),
  own('BedroomsCount', integer(0, 100, [3, 5]), from('S3, S5', { when: HOUSE })),
  leaf('ShareAmount', 'shareText', text(undefined, ['1/2', '3/8']), {
    ...from('S3, S5'),
    when: [FLAT_SHARE, { kind: ['house'], houseType: ['part'] }, { kind: ['house'], isShare: [true] }],
    required: during({ kind: ['house'], houseType: ['part'] }, 'sale', 'rent'),
  }),
  leaf('RoomArea', 'roomAreaM2', squareMetres(18.4, 12), {
    ...from('S3, S5'),
    when: ROOM,
    required: during(ROOM, 'sale', 'rent'),
  }),
  leaf('TotalArea', 'areaM2', squareMetres(57.5, 150), {
    ...from('S2, S3, S5'),
    when: [FLAT, ROOM, HOUSE, GARAGE, commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUSINESS)],
    required: [
      ...during({ kind: ['flat', 'room', 'bed', 'house', 'garage'] }, 'sale', 'rent'),
      ...during(commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUSINESS), 'sale', 'rent'),
    ],
  }),
  leaf('LivingArea', 'livingAreaM2', squareMetres(34, 40.2), from('S2, S3', { when: FLAT })),
  leaf('KitchenArea', 'kitchenAreaM2', squareMetres(10.5, 9), from('S2, S3', { when: [FLAT, ROOM] })),
  own('AllRoomsArea', text(undefined, ['+18+14+12*2', '18-14']), from('S3, S5', { when: FLAT })),
  repeated(
    'RoomDefinitions',
    'Room',
    [{ path: 'Area', conversion: squareMetres(18, 14.2), isRequired: true }],
    from('S3', { when: OLD_FLAT }),
  ),
  leaf('FloorNumber', 'floor', integer(-9, 200, [8, -1]), {
    ...from('S2, S5, S12, S17'),
    when: WITH_FLOOR,
    required: [
      ...during({ kind: ['flat', 'room', 'bed'] }, 'sale', 'rent'),
      ...during(commercial(OFFICE, RETAIL, FREE, WAREHOUSE, INDUSTRY, BUSINESS), 'sale', 'rent'),
    ],
    note: 'Ниже земли — отрицательный: −1 цоколь, −2 подвал.',
  }),
  own('FlatOnFloorNumber', integer(1, 1000, [4, 12]), from('S16', { when: NEW_FLAT })),
  leaf('BedsCount', 'bedsCount', integer(1, 200, [2, 4]), {
    ...from('S2, S3, S6'),
    when: during({ kind: ['flat', 'bed', 'house'] }, ...RENT_DEALS),
    required: during(FLAT, 'rent'),
  }),
  leaf(
    'RoomType',
    'roomLayout',
    words([
      ['separate', 'separate'],
      ['adjacent', 'combined'],
      ['both', 'both'],
    ]),
    from('S3, S5', { when: [...OLD_WHOLE_FLAT, NEW_FLAT, { kind: ['room'] }] }),
  ),
  leaf('IsApartments', 'isApartments', yesNo, from('S3', { when: [FLAT, ...during({ kind: ['room'] }, 'sale')] })),
  own('IsPenthouse', yesNo, from('S3', { when: [FLAT, ...during({ kind: ['room'] }, 'sale')] })),
  own('IsEuroFlat', yesNo, from('S9, S13', { when: FLAT })),
  leaf('LoggiasCount', 'loggiasCount', integer(0, 20, [1, 0]), from('S3, S5', { when: FLAT })),
  leaf('BalconiesCount', 'balconiesCount', integer(0, 20, [1, 0]), from('S3, S5', { when: FLAT })),
  leaf('SeparateWcsCount', 'separateBathrooms', integer(0, 20, [1, 0]), from('S3, S5', { when: [FLAT, ROOM] })),
  leaf('CombinedWcsCount', 'combinedBathrooms', integer(0, 20, [1, 2]), from('S3, S5', { when: [FLAT, ROOM] })),
  leaf('WindowsViewType', 'windowViews', views, from('S3, S5', { when: FLAT })),
  leaf(
    'RepairType',
    'renovation',
    words([
      ['cosmetic', 'cosmetic'],
      ['designer', 'design'],
      ['euro', 'euro'],
      ['needs', 'no'],
    ]),
    from('S3, S5', { when: [...OLD_FLAT, ROOM, HOUSE] }),
  ),
  refined(
    'Decoration',
    'decoration',
    [
      ['without', 'without'],
      ['rough', 'rough'],
      ['fine', 'fine'],
      ['fineWithFurniture', 'fine'],
    ],
    {
      ...from('S3, S12'),
      when: NEW_FLAT,
      nearest: [
        ['pre-fine', 'rough'],
        ['turnkey', 'fine'],
      ],
    },
  ),
  own('HasRamp', yesNo, from('S3, S5', { when: OLD_FLAT })),
  leaf('HasPhone', 'hasPhoneLine', yesNo, from('S3, S5', { when: [...OLD_FLAT, HOME_RENT] })),
  own('ProjectDeclarationUrl', url(), from('S3', { when: NEW_FLAT })),
  own(
    'CplModeration/PersonType',
    words([
      ['natural', 'natural'],
      ['legal', 'legal'],
    ]),
    from('S1, S3', { when: NEW_FLAT, required: NEW_FLAT }),
  ),
  ...(['LastName', 'FirstName', 'SecondName'] as const).map((name) =>
    own(`CplModeration/${name}`, text(), from('S1', { when: NEW_FLAT, note: 'Для физического лица — обязательно.' })),
  ),
  own(
    'CplModeration/Inn',
    text(undefined, ['7700000000', '500100000000']),
    from('S3', { when: NEW_FLAT, note: 'Для юридического лица.' }),
  ),

  leaf('HasInternet', 'hasInternet', yesNo, from('S3, S6', { when: [HOME_RENT, commercial(RETAIL)] })),
  leaf(
    'HasFurniture',
    'hasFurniture',
    yesNo,
    from('S3, S6', { when: [HOME_RENT, commercial(RETAIL, BUILDING, BUSINESS)] }),
  ),
  leaf('HasKitchenFurniture', 'hasKitchenFurniture', yesNo, from('S3, S6', { when: HOME_RENT })),
  leaf('HasTv', 'hasTv', yesNo, from('S3, S6', { when: HOME_RENT })),
  leaf('HasWasher', 'hasWasher', yesNo, from('S3, S6', { when: HOME_RENT })),
  leaf('HasDishwasher', 'hasDishwasher', yesNo, from('S3, S6', { when: HOME_RENT })),
  leaf('HasFridge', 'hasFridge', yesNo, from('S3, S6', { when: HOME_RENT, also: ['HasRefrigerator'] })),
  leaf('HasConditioner', 'hasAirConditioner', yesNo, from('S3, S6', { when: HOME_RENT })),
  own('HasBathtub', yesNo, from('S3, S6', { when: HOME_RENT })),
  own('HasShower', yesNo, from('S3, S6', { when: HOME_RENT })),
  leaf('PetsAllowed', 'petsAllowed', yesNo, from('S3, S17', { when: HOME_RENT })),
  leaf('ChildrenAllowed', 'childrenAllowed', yesNo, from('S3, S17', { when: HOME_RENT })),
];
