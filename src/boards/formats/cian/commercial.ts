import type { Row } from '../codec.ts';
import { valueOf } from '../codec.ts';
import { decimal, flag, integer, list, text, words } from '../kit.ts';
import type { Element } from '../xml.ts';
import {
  BUILDING,
  BUSINESS,
  COMMERCIAL,
  commercial,
  during,
  FREE,
  from,
  GARAGE,
  group,
  INDUSTRY,
  leaf,
  OFFICE,
  options,
  own,
  PLOT,
  RETAIL,
  refined,
  repeated,
  WAREHOUSE,
} from './shapes.ts';
import { ownCurrency } from './terms.ts';

/** Offices, shops, warehouses, buildings, businesses and commercial land: section 5.2 of the facts file. */

const yesNo = flag('true', 'false');
const squareMetres = (a: number, b: number) => decimal({ moreThan: 0, samples: [a, b] });
const amount = (a: number, b: number) => decimal({ min: 0, samples: [a, b] });

/** The columns of the table of section 5.2. */
const of = OFFICE;
const sh = RETAIL;
const fp = FREE;
const wh = WAREHOUSE;
const inn = INDUSTRY;
const bu = BUILDING;
const bi = BUSINESS;
const cl = PLOT;
const PREMISES = commercial(of, sh, fp, wh, inn);
const WITH_BUILDING = commercial(of, sh, fp, wh, inn, bu);
const STORES = commercial(wh, inn);

/** A building's area stands in `Building`, all others' in `TotalArea`; a live feed sends both, and may go on doing so. */
const buildingArea: Row = group({
  elements: [
    { path: 'Building/TotalArea', type: squareMetres(1, 2).type },
    { path: 'TotalArea', type: squareMetres(1, 2).type },
  ],
  fields: ['areaM2', 'own:TotalArea'],
  ...from('S3, S4, S5', { when: commercial(bu), required: during(commercial(bu), 'sale', 'rent') }),
  write(listing, out) {
    const other = valueOf(listing, 'cian', 'own:TotalArea');
    if (listing.areaM2 !== undefined) out.leaf('Building/TotalArea', squareMetres(1, 2).write(listing.areaM2));
    if (typeof other === 'number') out.leaf('TotalArea', squareMetres(1, 2).write(other));
  },
  read(offer, draft) {
    const [building, other] = ['Building/TotalArea', 'TotalArea'].map((path) => {
      const raw = offer.take(path);
      const value = raw === undefined ? undefined : decimal().read(raw);
      if (raw !== undefined && value === undefined) draft.fail(path, raw);
      return value;
    });
    draft.set('areaM2', building ?? other);
    if (building !== undefined) draft.set('own:TotalArea', other);
  },
  samples: [{ areaM2: 1200 }, { areaM2: 1200.5, boardFields: { cian: { TotalArea: 900 } } }],
});

/** `separateFromStreet` and its three like tell two things at once; half of it cannot be said. */
const inputType: Row = group({
  elements: [
    {
      path: 'InputType',
      type: { type: 'enum', values: ['commonFromStreet', 'commonFromYard', 'separateFromStreet', 'separateFromYard'] },
    },
  ],
  fields: ['entranceFrom', 'hasSeparateEntrance'],
  ...from('S3, S5', {
    when: commercial(sh, fp, bu),
    note: 'Пишется, когда известны и сторона входа, и то, отдельный ли он.',
  }),
  write({ entranceFrom, hasSeparateEntrance }, out) {
    if (entranceFrom === undefined || hasSeparateEntrance === undefined) return;
    out.leaf(
      'InputType',
      `${hasSeparateEntrance ? 'separate' : 'common'}From${entranceFrom === 'street' ? 'Street' : 'Yard'}`,
    );
  },
  read(offer, draft) {
    const raw = offer.take('InputType');
    if (raw === undefined) return;
    const found = /^(common|separate)from(street|yard)$/.exec(raw.toLowerCase());
    if (!found) return draft.fail('InputType', raw);
    draft.set('entranceFrom', found[2]);
    draft.set('hasSeparateEntrance', found[1] === 'separate');
  },
  samples: [
    { entranceFrom: 'street', hasSeparateEntrance: true },
    { entranceFrom: 'yard', hasSeparateEntrance: false },
  ],
});

const SPECIALTY = ['Types', 'AdditionalTypes'] as const;
type Pair = Partial<Record<(typeof SPECIALTY)[number], string[]>>;

/**
 * What a place suits. The pair of `Types` and `AdditionalTypes` may stand several times side by side, and which finer
 * words belong to which type shows only in the order, so the pairs are kept as they stand. The words are open: those
 * of 8.5 were seen, not listed by the board.
 */
const specialty: Row = group({
  elements: [
    { path: 'Specialty', type: { type: 'block' } },
    ...SPECIALTY.flatMap((name) => [
      { path: `Specialty/${name}`, type: { type: 'block' } as const, isRepeated: true },
      { path: `Specialty/${name}/String`, type: text().type, isRepeated: true },
    ]),
  ],
  fields: ['own:Specialty'],
  ...from('S3, S5', { when: commercial(sh, fp, bi) }),
  write(listing, out) {
    const pairs = valueOf(listing, 'cian', 'own:Specialty');
    if (!Array.isArray(pairs)) return;
    const children = (pairs as Pair[]).flatMap((pair) =>
      SPECIALTY.flatMap((name) => {
        const strings = (pair[name] ?? []).flatMap((word) => text().write(word) ?? []);
        return strings.length > 0 ? [{ name, children: strings.map((word) => ({ name: 'String', text: word })) }] : [];
      }),
    );
    if (children.length > 0) out.block('Specialty', children);
  },
  read(offer, draft) {
    const pairs: Pair[] = [];
    for (const block of offer.all('Specialty')) {
      for (const part of block.children) {
        const name = SPECIALTY.find((known) => known.toLowerCase() === part.name.toLowerCase());
        const strings =
          name === undefined
            ? []
            : part.all('String').map((element: Element) => {
                element.isUsed = true;
                return element.text;
              });
        const kept = strings.filter((word) => word !== '');
        if (name === undefined || kept.length === 0) continue;
        const last = pairs.at(-1);
        // A new type begins a new pair; so does a second list of finer words.
        if (last === undefined || name === 'Types' || last[name] !== undefined) pairs.push({ [name]: kept });
        else last[name] = kept;
      }
    }
    if (pairs.length > 0) draft.set('own:Specialty', pairs);
  },
  samples: [
    { boardFields: { cian: { Specialty: [{ Types: ['office'], AdditionalTypes: ['bank', 'notarySOffice'] }] } } },
    {
      boardFields: {
        cian: {
          Specialty: [{ Types: ['shoppingFloorSpace'], AdditionalTypes: ['café'] }, { Types: ['canteen'] }],
        },
      },
    },
  ],
});

/** 8.4: the type of a building; the first word of a value is its usual one. */
const BUILDING_TYPES = [
  ['businessCenter', 'business-center'],
  ['businessCenter2', 'business-center'],
  ['businessHouse', 'business-center'],
  ['businessPark', 'business-center'],
  ['businessQuarter', 'business-center'],
  ['businessQuarter2', 'business-center'],
  ['officeBuilding', 'business-center'],
  ['officeCenter', 'business-center'],
  ['officeComplex', 'business-center'],
  ['officeQuarter', 'business-center'],
  ['technopark', 'business-center'],
  ['shoppingCenter', 'shopping-center'],
  ['shoppingComplex', 'shopping-center'],
  ['shoppingAndBusinessComplex', 'shopping-center'],
  ['shoppingAndCommunityCenter', 'shopping-center'],
  ['shoppingAndEntertainmentCenter', 'shopping-center'],
  ['shoppingAndWarehouseComplex', 'shopping-center'],
  ['specializedShoppingCenter', 'shopping-center'],
  ['outlet', 'shopping-center'],
  ['tradeAndExhibitionComplex', 'shopping-center'],
  ['tradingHouse', 'shopping-center'],
  ['tradingOfficeComplex', 'shopping-center'],
  ['administrativeBuilding', 'administrative'],
  ['residentialHouse', 'residential'],
  ['residentialComplex', 'residential'],
  ['officeAndResidentialComplex', 'residential'],
  ['standaloneBuilding', 'detached'],
  ['mansion', 'detached'],
  ['warehouse', 'warehouse'],
  ['warehouseComplex', 'warehouse'],
  ['logisticsCenter', 'warehouse'],
  ['logisticsComplex', 'warehouse'],
  ['logisticsPark', 'warehouse'],
  ['officeAndWarehouse', 'warehouse'],
  ['officeAndWarehouseComplex', 'warehouse'],
  ['industrialWarehouseComplex', 'warehouse'],
  ['other', 'other'],
  ['free', 'other'],
  ['industrialComplex', 'other'],
  ['industrialPark', 'other'],
  ['industrialSite', 'other'],
  ['manufactureBuilding', 'other'],
  ['manufacturingFacility', 'other'],
  ['modular', 'other'],
  ['multifunctionalComplex', 'other'],
  ['officeAndHotelComplex', 'other'],
  ['officeIndustrialComplex', 'other'],
  ['old', 'other'],
  ['propertyComplex', 'other'],
] as const;

const OFFICE_AND_SHOP = [
  'HasBuffet',
  'HasCanteen',
  'HasCentralReception',
  'HasHotel',
  'HasAtm',
  'HasPharmacy',
  'HasBankDepartment',
  'HasCafe',
  'HasMedicalCenter',
  'HasBeautyShop',
  'HasStudio',
  'HasPool',
  'HasClothesStudio',
  'HasWarehouse',
  'HasRestaurant',
  'HasFitnessCentre',
  'HasSupermarket',
  'HasMinimarket',
];
const OFFICE_ONLY = [
  'HasExhibitionAndWarehouseComplex',
  'HasNotaryOffice',
  'HasPark',
  'HasShoppingArea',
  'HasConferenceRoom',
  'HasCinema',
];
const SHOP_ONLY = [
  'HasFoodCourt',
  'HasSlotMachines',
  'HasAquapark',
  'HasBabySitting',
  'HasRink',
  'HasBowling',
  'HasGameRoom',
];
const ALSO_IN_STORES = new Set(['HasBuffet', 'HasCanteen', 'HasCentralReception', 'HasHotel']);

/** 8.6, every flag once with the categories that have it. */
const INFRASTRUCTURE: readonly Row[] = [
  ...['HasCarWash', 'HasCarService'].map((name) => ({ name, when: [commercial(of, sh), GARAGE] })),
  ...OFFICE_AND_SHOP.map((name) => ({
    name,
    when: ALSO_IN_STORES.has(name) ? commercial(of, sh, wh, inn) : commercial(of, sh),
  })),
  ...OFFICE_ONLY.map((name) => ({ name, when: commercial(of) })),
  ...SHOP_ONLY.map((name) => ({ name, when: commercial(sh) })),
  { name: 'HasOfficeSpace', when: STORES },
].map(({ name, when }) => own(`Building/Infrastructure/${name}`, yesNo, from('S3, S4', { when })));

/** What is laid to commercial land (8.3). */
const PLACE_OF_SUPPLY = ['border', 'location', 'no'] as const;
const LAND_SUPPLIES: readonly Row[] = (['Electricity', 'Gas', 'Drainage', 'Water'] as const).flatMap((name) => [
  own(`${name}/LocationType`, list(...PLACE_OF_SUPPLY), from('S3', { when: commercial(cl) })),
  own(`${name}/PossibleToConnect`, yesNo, from('S3', { when: commercial(cl) })),
  name === 'Electricity'
    ? leaf(
        'Electricity/Power',
        'electricPowerKw',
        integer(0, 1_000_000, [15, 150]),
        from('S3', { when: commercial(cl), note: 'кВт' }),
      )
    : own(`${name}/Capacity`, amount(100, 2.5), from('S3', { when: commercial(cl) })),
]);

export const COMMERCIAL_ROWS: readonly Row[] = [
  buildingArea,
  own('Building/TotalArea', squareMetres(12_000, 840.5), from('S3', { when: PREMISES })),
  own('MinArea', squareMetres(20, 35.5), from('S3', { when: PREMISES })),
  refined(
    'ConditionType',
    'commercialCondition',
    [
      ['finishing', 'unfinished'],
      ['majorRepairsRequired', 'unfinished'],
      ['typical', 'fine'],
      ['cosmeticRepairsRequired', 'fine'],
      ['design', 'fine'],
      ['office', 'office'],
    ],
    from('S3, S5, S11', { when: commercial(of, sh, fp, wh, inn, bu, bi) }),
  ),
  own('IsOccupied', yesNo, from('S3', { when: commercial(of, sh, fp) })),
  own(
    'Layout',
    list('cabinet', 'corridorplan', 'mixed', 'openSpace'),
    from('S3, S4, S11', { when: commercial(of, sh, fp, wh, inn, bu, cl) }),
  ),
  inputType,
  leaf(
    'FurniturePresence',
    'hasFurniture',
    words([
      [true, 'yes'],
      [false, 'no'],
    ]),
    from('S3', { when: commercial(of) }),
  ),
  own('HasEquipment', yesNo, from('S3', { when: commercial(bi) })),
  own('WaterPipesCount', integer(0, 1000, [2, 4]), from('S3', { when: PREMISES })),
  own('HasShopWindows', yesNo, from('S3', { when: commercial(sh, fp) })),
  own('PlacementType', list('shoppingMall', 'streetRetail'), from('S3', { when: commercial(sh) })),
  own(
    'PropertyType',
    list('building', 'freeAppointment', 'garage', 'industry', 'land', 'office', 'shoppingArea', 'warehouse'),
    from('S3', { when: commercial(bi) }),
  ),
  own('ReadyBusinessType', list('readyBusiness'), from('S5', { when: commercial(bi) })),
  own('EstateType', list('owned', 'rent'), from('S3', { when: commercial(bi) })),
  specialty,
  own(
    'FloorMaterialTypeType',
    list(
      'asphalt',
      'concrete',
      'laminate',
      'linoleum',
      'polymeric',
      'reinforcedConcrete',
      'selfLeveling',
      'tile',
      'wood',
    ),
    from('S3', { when: STORES }),
  ),
  own('HasSafeCustody', yesNo, from('S3', { when: STORES })),
  own('IsCustoms', yesNo, from('S3', { when: STORES })),
  own('HasTransportServices', yesNo, from('S3', { when: STORES })),
  own('IsLegalAddressProvided', yesNo, from('S3', { when: PREMISES })),
  own(
    'TaxNumber',
    text(undefined, ['7701', '25']),
    from('S3', { when: COMMERCIAL, note: 'Номер налоговой инспекции.' }),
  ),
  own('BusinessShoppingCenter/Id', integer(1, 1e12, [501, 77]), from('S3', { when: PREMISES })),
  own('Land/Type', list('owned', 'rent'), from('S3', { when: WITH_BUILDING })),
  own('Land/PossibleToChangeStatus', yesNo, from('S3', { when: commercial(cl) })),
  own(
    'PermittedUseType',
    list(
      'agricultural',
      'businessManagement',
      'commonUseArea',
      'highriseBuildings',
      'hotelAmenities',
      'individualHousingConstruction',
      'industry',
      'leisure',
      'lowriseHousing',
      'publicUseOfCapitalConstruction',
      'serviceVehicles',
      'shoppingCenters',
      'warehouses',
    ),
    from('S3', { when: commercial(cl) }),
  ),
  own(
    'PossibleToChangePermitedUseType',
    yesNo,
    from('S3', { when: commercial(cl), note: 'Так пишет это слово сама доска.' }),
  ),
  own('HasInvestmentProject', yesNo, from('S3', { when: commercial(cl) })),
  own('HasEncumbrances', yesNo, from('S3', { when: commercial(cl) })),
  ...LAND_SUPPLIES,
  own('Gas/PressureType', list('high', 'middle', 'low'), from('S3', { when: commercial(cl) })),
  own('Drainage/Type', list('autonomous', 'central'), from('S3', { when: commercial(cl) })),
  own(
    'Water/Type',
    list('autonomous', 'central', 'pumpingStation', 'waterIntakeFacility', 'waterTower'),
    from('S3', { when: commercial(cl) }),
  ),
  own('DrivewayType', list('asphalt', 'ground', 'no'), from('S3', { when: commercial(cl) })),
  own('IsRentByParts', yesNo, from('S3', { when: WITH_BUILDING })),
  own('RentByPartsDescription', text(), from('S3', { when: WITH_BUILDING })),
  repeated(
    'AreaParts',
    'RentByPartsSchema',
    [
      { path: 'Area', conversion: squareMetres(50, 30.5), isRequired: true },
      { path: 'Price', conversion: amount(1400, 900.5) },
      { path: 'VatPrice', conversion: amount(280, 180.1) },
    ],
    from('S3', { when: WITH_BUILDING }),
  ),
  repeated(
    'MultiListingSlots',
    'CommercialMultiListingSlotSchema',
    [
      { path: 'Area', conversion: squareMetres(50, 30.5), isRequired: true },
      { path: 'Price', conversion: amount(1400, 900.5), isRequired: true },
      { path: 'PriceType', conversion: list('all', 'squareMeter', 'sotka', 'hectare') },
      { path: 'PaymentPeriod', conversion: list('monthly', 'annual') },
      { path: 'FloorFrom', conversion: integer(-9, 200, [2, 3]), isRequired: true },
      { path: 'FloorTo', conversion: integer(-9, 200, [4, 5]) },
      {
        path: 'Photos/CommercialMultiListingSlotPhotoSchema/Url',
        conversion: text(undefined, ['https://img.example.test/slot-1.jpg', 'https://img.example.test/slot-2.jpg']),
        several: 'block',
      },
    ],
    {
      ...from('S4', { when: commercial(of, bu), note: 'От 2 до 30 частей; в аренде нужны PriceType и PaymentPeriod.' }),
      max: 30,
    },
  ),

  refined(
    'Building/HeatingType',
    'heating',
    [
      ['no', 'no'],
      ['central', 'central'],
      ['centralGas', 'central'],
      ['centralCoal', 'central'],
      ['autonomous', 'autonomous'],
      ['autonomousGas', 'gas'],
      ['boiler', 'boiler'],
      ['solidFuelBoiler', 'boiler'],
      ['diesel', 'boiler'],
      ['electric', 'electric'],
      ['stove', 'stove'],
      ['fireplace', 'fireplace'],
      ['other', 'other'],
    ],
    from('S3', { when: WITH_BUILDING }),
  ),
  refined('Building/Type', 'businessCenterType', BUILDING_TYPES, from('S3, S11', { when: WITH_BUILDING })),
  leaf(
    'Building/HouseLineType',
    'houseLine',
    words([
      ['first', 'first'],
      ['second', 'second'],
      ['other', 'other'],
    ]),
    from('S3', { when: commercial(sh, bu) }),
  ),
  leaf(
    'Building/ClassType',
    'buildingClass',
    words(
      [
        ['A', 'a'],
        ['A+', 'aPlus'],
        ['B', 'b'],
        ['B-', 'bMinus'],
        ['B+', 'bPlus'],
        ['C', 'c'],
      ],
      { nearest: [['C+', 'c']] },
    ),
    from('S3', { when: commercial(of, sh, wh, inn, bu) }),
  ),
  own('Building/StatusType', list('operational', 'project', 'underConstruction'), from('S3', { when: WITH_BUILDING })),
  own('Building/AccessType', list('free', 'passSystem'), from('S3', { when: commercial(of) })),
  own('Building/Developer', text(), from('S3', { when: WITH_BUILDING })),
  own('Building/ManagementCompany', text(), from('S3', { when: WITH_BUILDING })),
  own('Building/VentilationType', list('forced', 'natural', 'no'), from('S3', { when: WITH_BUILDING })),
  own('Building/ConditioningType', list('central', 'local', 'no'), from('S3', { when: WITH_BUILDING })),
  own(
    'Building/ExtinguishingSystemType',
    list('alarm', 'gas', 'hydrant', 'no', 'powder', 'sprinkler'),
    from('S3', { when: WITH_BUILDING }),
  ),
  options(
    'Building/ExtinguishingSystemTypes',
    'ExtinguishingSystemTypeEnum',
    { words: ['alarm', 'gas', 'hydrant', 'no', 'powder', 'sprinkler'] },
    from('S4', { when: WITH_BUILDING }),
  ),
  leaf(
    'Building/Parking/PlacesCount',
    'parkingPlacesCount',
    integer(0, 100_000, [50, 0]),
    from('S3', { when: commercial(of, wh, inn, bu) }),
  ),
  own('Building/Parking/IsFree', yesNo, from('S3', { when: commercial(of, wh, inn, bu) })),
  own('Building/Parking/PriceMonthly', amount(5000, 7500.5), from('S3', { when: commercial(of, bu) })),
  own('Building/Parking/LocationType', list('external', 'internal'), from('S3', { when: STORES })),
  own('Building/Parking/PurposeType', list('cargo', 'passenger'), from('S3', { when: STORES })),
  own('Building/Parking/PriceEntry', amount(200, 150.5), from('S3', { when: STORES })),
  own('Building/Parking/Currency', ownCurrency, from('S3', { when: commercial(of, wh, inn) })),
  repeated(
    'Building/LiftTypes',
    'LiftTypeSchema',
    [
      { path: 'Type', conversion: list('lift', 'escalator', 'travelator') },
      { path: 'Count', conversion: integer(0, 1000, [2, 1]) },
      { path: 'AdditionalType', conversion: text() },
      { path: 'LoadCapacity', conversion: integer(0, 1_000_000, [1000, 5000]) },
    ],
    from('S3', { when: commercial(sh, wh, inn, bu) }),
  ),
  repeated(
    'Building/CranageTypes',
    'CranageTypeSchema',
    [
      { path: 'Type', conversion: list('beam', 'gantry', 'overhead', 'railway') },
      { path: 'Count', conversion: integer(0, 1000, [2, 1]) },
      { path: 'LoadCapacity', conversion: integer(0, 1_000_000, [5, 10]) },
    ],
    from('S3', { when: STORES }),
  ),
  own('Building/GatesType', list('atZero', 'dockType', 'onRamp'), from('S3', { when: STORES })),
  own('Building/ColumnGrid', text(undefined, ['6x12', '12x24']), from('S3', { when: STORES })),
  own(
    'Building/ShoppingCenterScaleType',
    list('microdistrict', 'district', 'okrug', 'superOkrug', 'regional', 'superRegional'),
    from('S3', { when: commercial(sh) }),
  ),
  own('Building/WorkingDaysType', list('everyday', 'weekdays', 'weekends'), from('S3', { when: commercial(sh) })),
  own('Building/OpeningHours/Type', list('roundTheClock', 'specific'), from('S3', { when: commercial(sh) })),
  own('Building/OpeningHours/From', text(undefined, ['10:00', '09:30']), from('S3', { when: commercial(sh) })),
  own('Building/OpeningHours/To', text(undefined, ['22:00', '21:00']), from('S3', { when: commercial(sh) })),
  own('Building/Tenants', text(), from('S3', { when: commercial(sh) })),
  ...INFRASTRUCTURE,
];
