import type { Listing } from '../../../domain/listing.ts';
import type { Row } from '../codec.ts';
import { valueOf } from '../codec.ts';
import { decimal, flag, integer, list, text, words, writeNumber } from '../kit.ts';
import { CITY_MATERIALS } from './building.ts';
import {
  COMMERCIAL,
  commercial,
  during,
  from,
  GARAGE,
  group,
  HOUSE,
  leaf,
  own,
  PLOT,
  refined,
  SUBURBAN,
} from './shapes.ts';

/**
 * Houses, plots and land: sections 4.7 and 4.8 of the facts file. Written in generation B of the format (from 2023);
 * generation A (`Land/Status`, `Building/MaterialType`) is read into the same fields.
 */

const yesNo = flag('true', 'false');

const round4 = (value: number) => Math.round(value * 10_000) / 10_000;

const landArea: Row = group({
  elements: [
    { path: 'Land/Area', type: { type: 'decimal', moreThan: 0 } },
    { path: 'Land/AreaUnitType', type: { type: 'enum', values: ['sotka', 'hectare'] } },
  ],
  fields: ['landAreaM2', 'landAreaUnit'],
  ...from('S3, S5, S17', {
    when: [SUBURBAN, COMMERCIAL],
    required: [
      ...during(HOUSE, 'sale'),
      ...during({ kind: ['house'], houseType: ['house', 'dacha', 'townhouse', 'duplex', 'part', undefined] }, 'rent'),
      ...during({ kind: ['land'] }, 'sale'),
      ...during(commercial(PLOT), 'sale', 'rent'),
    ],
    note: 'Сотки или гектары; площадь в метрах пишется сотками, не точнее четырёх знаков после точки.',
  }),
  write({ landAreaM2, landAreaUnit }, out) {
    if (landAreaM2 === undefined) return;
    const isHectare = landAreaUnit === 'hectare';
    const value = round4(landAreaM2 / (isHectare ? 10_000 : 100));
    if (value <= 0) return;
    out.leaf('Land/Area', writeNumber(value));
    out.leaf('Land/AreaUnitType', isHectare ? 'hectare' : 'sotka');
  },
  read(offer, draft) {
    const raw = offer.take('Land/Area');
    const unit = offer.take('Land/AreaUnitType')?.toLowerCase();
    if (raw === undefined) return;
    const value = decimal().read(raw);
    if (value === undefined || value <= 0) return draft.fail('Land/Area', raw);
    // A bare number is a number of sotkas: nothing else is told without its unit in this format.
    if (unit !== undefined && unit !== 'sotka' && unit !== 'hectare') return draft.fail('Land/AreaUnitType', unit);
    draft.set('landAreaM2', round4(value * (unit === 'hectare' ? 10_000 : 100)));
    draft.set('landAreaUnit', unit);
  },
  samples: [
    { landAreaM2: 835, landAreaUnit: 'sotka' },
    { landAreaM2: 12_500, landAreaUnit: 'hectare' },
    { landAreaM2: 829.37, landAreaUnit: 'sotka' },
  ],
});

/** Reads the older twin of an element that was told beside the new one: it says the same, coarser. */
function withTwin(row: Row, twin: string): Row {
  return {
    ...row,
    read(offer, draft) {
      row.read(offer, draft);
      offer.take(twin);
    },
  };
}

const landUse: Row = withTwin(
  refined(
    'Land/PermittedLandUseType',
    'landStatus',
    [
      ['individualHousingConstruction', 'izhs'],
      ['gardening', 'snt'],
      ['horticulture', 'snt'],
      ['suburbanNonProfitPartnership', 'dnp'],
      ['privateFarm', 'lph'],
      ['farm', 'farm'],
      ['other', 'other'],
    ],
    {
      ...from('S7, S8, S9, S10', { when: SUBURBAN }),
      also: ['Land/Status'],
      // Generation A only; the new list has no word for it.
      alsoMeans: [['industrialLand', 'industrial']],
      nearest: [['industrial', 'other']],
    },
  ),
  'Land/Status',
);

const COMMERCIAL_LAND: Readonly<Record<string, string>> = {
  industrial: 'industryTransportCommunications',
  farm: 'forAgriculturalPurposes',
  izhs: 'settlements',
  lph: 'settlements',
};

/** The category of commercial land. `settlements` is wider than any of our statuses, so it is kept as the board's word. */
const commercialLandStatus: Row = group({
  elements: [
    {
      path: 'Land/Status',
      type: { type: 'enum', values: ['settlements', 'forAgriculturalPurposes', 'industryTransportCommunications'] },
    },
  ],
  fields: ['landStatus', 'own:Land/Status'],
  ...from('S3', { when: commercial(PLOT), required: during(commercial(PLOT), 'sale', 'rent') }),
  write(listing, out) {
    const kept = valueOf(listing, 'cian', 'own:Land/Status') as string | undefined;
    out.leaf('Land/Status', COMMERCIAL_LAND[listing.landStatus ?? ''] ?? kept);
  },
  read(offer, draft) {
    const raw = offer.take('Land/Status');
    if (raw === undefined) return;
    const word = raw.toLowerCase();
    if (word === 'industrytransportcommunications') draft.set('landStatus', 'industrial');
    else if (word === 'foragriculturalpurposes') draft.set('landStatus', 'farm');
    else if (word === 'settlements') draft.set('own:Land/Status', 'settlements');
    else draft.fail('Land/Status', raw);
  },
  samples: [
    { landStatus: 'industrial' },
    { landStatus: 'farm' },
    { boardFields: { cian: { 'Land/Status': 'settlements' } } },
  ],
});

/** Materials of houses (8.1), generation B; the first word of a value is its usual one. */
const HOUSE_MATERIALS = new Map<string, string>([
  ['brick', 'brick'],
  ['wood', 'wood'],
  ['gluedLaminatedTimber', 'wood'],
  ['solidWood', 'wood'],
  ['aerocreteBlock', 'aerated-concrete'],
  ['gasSilicateBlock', 'aerated-concrete'],
  ['foamConcreteBlock', 'block'],
  ['arbolit', 'block'],
  ['expandedClayConcrete', 'block'],
  ['slagConcrete', 'block'],
  ['monolith', 'monolith'],
  ['wireframe', 'frame'],
  ['boards', 'frame'],
  ['metalFrame', 'metal'],
  ['sipPanels', 'sandwich'],
  ['reinforcedConcretePanels', 'reinforced-concrete'],
]);
const USUAL_MATERIAL = new Map<string, string>([
  ...[...HOUSE_MATERIALS].reverse().map(([word, value]) => [value, word] as const),
  ['log', 'solidWood'],
  ['panel', 'reinforcedConcretePanels'],
  ['monolith-brick', 'monolith'],
]);
const MATERIAL = 'House/MaterialTypes/MaterialType';
const materialWord = (raw: string) =>
  [...HOUSE_MATERIALS.keys()].find((word) => word.toLowerCase() === raw.toLowerCase());

/** The first material is the listing's; the exact words are kept when there are several or the usual one would not do. */
const houseMaterials: Row = group({
  elements: [
    { path: 'House/MaterialTypes', type: { type: 'block' } },
    { path: MATERIAL, type: { type: 'enum', values: [...HOUSE_MATERIALS.keys()] }, isRepeated: true },
  ],
  fields: ['wallMaterial', `own:${MATERIAL}`],
  ...from('S3, S7, S9, S24', { when: HOUSE, also: ['Building/MaterialType'] }),
  write(listing, out) {
    const { wallMaterial } = listing;
    if (wallMaterial === undefined) return;
    const kept = (valueOf(listing, 'cian', `own:${MATERIAL}`) as string[] | undefined) ?? [];
    const isKept = HOUSE_MATERIALS.get(kept[0] ?? '') === wallMaterial;
    const usual = USUAL_MATERIAL.get(wallMaterial);
    const chosen = isKept ? kept.filter((word) => HOUSE_MATERIALS.has(word)) : usual === undefined ? [] : [usual];
    if (chosen.length > 0)
      out.block(
        'House/MaterialTypes',
        chosen.map((word) => ({ name: 'MaterialType', text: word })),
      );
  },
  read(offer, draft) {
    const found: string[] = [];
    for (const path of [MATERIAL, 'Building/MaterialType']) {
      for (const element of offer.all(path)) {
        element.isUsed = true;
        if (element.text === '') continue;
        const word = materialWord(element.text);
        const city = CITY_MATERIALS.find(([known]) => known.toLowerCase() === element.text.toLowerCase());
        if (word !== undefined) {
          // Generation A beside B repeats what B has said.
          if (!found.includes(word) && (path === MATERIAL || found.length === 0)) found.push(word);
        } else if (city) draft.set('wallMaterial', city[1]);
        else draft.fail(path, element.text);
      }
    }
    if (found.length === 0) return;
    const value = HOUSE_MATERIALS.get(found[0]!)!;
    draft.set('wallMaterial', value);
    if (found.length > 1 || USUAL_MATERIAL.get(value) !== found[0]) draft.set(`own:${MATERIAL}`, found);
  },
  samples: [
    ...[...HOUSE_MATERIALS].map(
      ([word, value]) =>
        ({
          wallMaterial: value,
          ...(USUAL_MATERIAL.get(value) !== word && { boardFields: { cian: { [MATERIAL]: [word] } } }),
        }) as Partial<Listing>,
    ),
    { wallMaterial: 'brick', boardFields: { cian: { [MATERIAL]: ['brick', 'aerocreteBlock'] } } },
  ],
});

const SALE_OF_SUBURBAN = during(SUBURBAN, 'sale');

export const SUBURBAN_ROWS: readonly Row[] = [
  leaf(
    'SettlementName',
    'settlementName',
    text(undefined, ['Примерный', 'КП «Озёра»']),
    from('S3, S17', { when: SUBURBAN }),
  ),
  own(
    'KP/Id',
    integer(1, 1e12, [321, 45]),
    from('S3, S17', { when: SALE_OF_SUBURBAN, note: 'Номер посёлка в справочнике Циана.' }),
  ),
  landArea,
  landUse,
  own(
    'Land/LandCategory',
    list('settlements', 'forAgriculturalPurposes', 'other'),
    from('S7, S8, S9, S10', { when: SUBURBAN }),
  ),
  own('Land/IsLandWithContract', yesNo, from('S8, S9', { when: SUBURBAN })),
  commercialLandStatus,
  houseMaterials,
  own(
    'House/Condition',
    list('ready', 'unfinished', 'interiorDecorationRequired', 'majorRepairsRequired'),
    from('S7, S8', { when: HOUSE, also: ['Condition'] }),
  ),
  leaf('House/HasTerrace', 'hasTerrace', yesNo, from('S7, S8', { when: HOUSE })),
  own('House/HasCellar', yesNo, from('S7, S8', { when: HOUSE })),
  refined(
    'Building/HeatingType',
    'heating',
    [
      ['no', 'no'],
      ['autonomousGas', 'gas'],
      ['centralGas', 'central'],
      ['centralCoal', 'central'],
      ['electric', 'electric'],
      ['solidFuelBoiler', 'boiler'],
      ['diesel', 'boiler'],
      ['stove', 'stove'],
      ['fireplace', 'fireplace'],
    ],
    {
      ...from('S3, S5, S7, S8', { when: HOUSE }),
      // Words of the commercial list: their meaning is plain, but a house has no such word.
      alsoMeans: [
        ['autonomous', 'autonomous'],
        ['boiler', 'boiler'],
        ['central', 'central'],
        ['other', 'other'],
      ],
    },
  ),
  leaf(
    'WcLocationType',
    'toiletPlace',
    words(
      [
        ['indoors', 'indoors'],
        ['outdoors', 'outdoors'],
      ],
      {
        also: [
          ['inside', 'indoors'],
          ['outside', 'outdoors'],
        ],
      },
    ),
    from('S3, S5, S7', { when: HOUSE }),
  ),
  leaf('HasBathhouse', 'hasBathhouse', yesNo, from('S3, S5', { when: [HOUSE, ...during({ kind: ['land'] }, 'sale')] })),
  leaf('HasGarage', 'hasGarage', yesNo, from('S3, S5', { when: HOUSE })),
  leaf('HasPool', 'hasPool', yesNo, from('S3, S5', { when: HOUSE })),
  leaf('HasElectricity', 'hasElectricity', yesNo, from('S3, S5', { when: [...SALE_OF_SUBURBAN, GARAGE] })),
  leaf('HasWater', 'hasWater', yesNo, from('S3, S5', { when: [...SALE_OF_SUBURBAN, GARAGE] })),
  leaf('HasGas', 'hasGas', yesNo, from('S3, S5', { when: SALE_OF_SUBURBAN })),
  leaf('HasDrainage', 'hasSewerage', yesNo, from('S3, S5', { when: SALE_OF_SUBURBAN })),
  leaf('HasSecurity', 'isSecured', yesNo, from('S3, S5', { when: SALE_OF_SUBURBAN })),
  leaf(
    'Gas/Type',
    'gasSupply',
    words([
      ['main', 'main'],
      ['border', 'border'],
      ['holder', 'gasHolder'],
      ['bottle', 'gasBottle'],
    ]),
    from('S7, S8, S10', { when: SUBURBAN }),
  ),
  leaf(
    'Drainage/Type',
    'sewerage',
    words(
      [
        ['central', 'central'],
        ['septic', 'septicTank'],
        ['cesspool', 'cesspool'],
      ],
      // A station of biological treatment is a septic tank of the better sort.
      { nearest: [['bio', 'septicTank']] },
    ),
    from('S7, S8, S10', { when: SUBURBAN }),
  ),
  leaf(
    'Water/SuburbanWaterType',
    'waterSupply',
    words([
      ['central', 'central'],
      ['borehole', 'borehole'],
      ['well', 'well'],
    ]),
    from('S7, S8, S10, S24', { when: SUBURBAN }),
  ),
];
