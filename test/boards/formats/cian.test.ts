import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import documented from '../../../feed-schemas/cian.documented.json' with { type: 'json' };
import { CATEGORIES, categoryOf } from '../../../src/boards/formats/cian/shapes.ts';
import { cian } from '../../../src/boards/formats/cian.ts';
import { matches, type Row, type Shape, valueOf, type When } from '../../../src/boards/formats/codec.ts';
import { Element, parseElement, renderNode } from '../../../src/boards/formats/xml.ts';
import { type Listing, ListingSchema } from '../../../src/domain/listing.ts';

const object = (inner: string) => parseElement(`<object>${inner}</object>`);
const read = (inner: string) => cian.read(object(inner));
const own = (listing: Partial<Listing> | undefined) => (listing?.boardFields?.cian ?? {}) as Record<string, unknown>;

/** The listing that a file would give back: through text and the parser, as another reader sees it. */
function throughFile(listing: Partial<Listing>) {
  return cian.read(parseElement(renderNode(cian.write(listing as Listing))));
}

/** All leaves of a written offer, `path=text`. */
function leaves(listing: Partial<Listing>): string[] {
  const found: string[] = [];
  const walk = (element: Element, path: string) => {
    for (const child of element.children) {
      const at = path === '' ? child.name : `${path}/${child.name}`;
      if (child.children.length === 0) found.push(`${at}=${child.text}`);
      else walk(child, at);
    }
  };
  walk(Element.from(cian.write(listing as Listing)), '');
  return found;
}

const LIVE: Partial<Listing> = { kind: 'flat', deal: 'sale', market: 'resale' };

/** One listing for each alternative of a condition. */
function shapesOf(when: When | undefined): Partial<Listing>[] {
  if (when === undefined) return [LIVE];
  return [when].flat().map((shape) => {
    const base: Record<string, unknown> = {};
    for (const [key, values] of Object.entries(shape as Shape)) {
      if (values[0] !== undefined) base[key] = values[0];
    }
    if (base.deal === undefined) base.deal = base.kind === 'bed' ? 'rent' : 'sale';
    if (base.kind === undefined) base.kind = 'flat';
    if (base.kind === 'commercial' && base.commercialType === undefined) base.commercialType = 'office';
    return base as Partial<Listing>;
  });
}

describe('the table', () => {
  it('has an element for everything the facts file documents', () => {
    const known = new Set(cian.rows.flatMap((row) => row.elements.map((element) => element.path)));
    expect(documented.documented.map(({ path }) => path).filter((path) => !known.has(path))).toEqual([]);
    expect(documented.counts).toEqual({
      documented: documented.documented.length,
      readOnly: documented.readOnly.length,
    });
  });

  it('has no element that the facts file does not document', () => {
    const told = new Set(documented.documented.map(({ path }) => path));
    const invented = cian.rows
      .flatMap((row) => row.elements)
      .filter((element) => element.type.type !== 'block' && !told.has(element.path))
      .map((element) => element.path);
    expect(invented).toEqual([]);
  });

  it('says of every row where it is known from', () => {
    expect(cian.rows.filter((row) => row.source === undefined || row.grade === undefined)).toEqual([]);
  });

  const cases = cian.rows.flatMap((row) =>
    shapesOf(row.when).flatMap((base) =>
      row.samples.map((sample, at) => ({
        name: `${row.elements[0]!.path} #${at} ${categoryOf({ ...base, ...sample })}`,
        row,
        base,
        sample,
      })),
    ),
  );
  it.each(cases)('reads back what it wrote: $name', ({
    row,
    base,
    sample,
  }: {
    row: Row;
    base: Partial<Listing>;
    sample: Partial<Listing>;
  }) => {
    const listing: Partial<Listing> = { externalId: '1', ...base, ...sample };
    expect(matches(row.when, listing)).toBe(true);
    const result = throughFile(listing);
    expect(result.notUnderstood).toEqual([]);
    for (const field of Object.keys(sample).filter((name) => name !== 'boardFields')) {
      expect(result.listing?.[field as keyof Listing], field).toEqual(sample[field as keyof Listing]);
    }
    for (const key of Object.keys(own(sample))) expect(own(result.listing)[key], key).toEqual(own(sample)[key]);
    const names = new Set(row.elements.map((element) => element.path));
    expect(leaves(listing).some((leaf) => names.has(leaf.slice(0, leaf.indexOf('='))))).toBe(true);
  });

  it('documents every element that it writes', () => {
    const known = new Set(cian.rows.flatMap((row) => row.elements.map((element) => element.path)));
    for (const { row, base, sample } of cases) {
      for (const leaf of leaves({ externalId: '1', ...base, ...sample })) {
        expect(known, row.elements[0]!.path).toContain(leaf.slice(0, leaf.indexOf('=')));
      }
    }
  });
});

describe('categories', () => {
  it.each([...CATEGORIES])('%s is told and read back', (word, told) => {
    expect(categoryOf(told)).toBe(word);
    expect(read(`<Category>${word.toUpperCase()}</Category>`).listing).toMatchObject(told);
  });

  it.each<[Partial<Listing>, string | undefined]>([
    [{ kind: 'flat', deal: 'sale' }, 'flatSale'],
    [{ kind: 'flat', deal: 'sale', market: 'new', isShare: true }, 'flatShareSale'],
    [{ kind: 'flat', deal: 'rent', market: 'new' }, 'flatRent'],
    [{ kind: 'house', deal: 'sale' }, 'houseSale'],
    [{ kind: 'house', deal: 'sale', houseType: 'dacha' }, 'houseSale'],
    [{ kind: 'house', deal: 'sale', houseType: 'duplex' }, 'townhouseSale'],
    [{ kind: 'house', deal: 'sale', houseType: 'house', isShare: true }, 'houseShareSale'],
    [{ kind: 'house', deal: 'daily-rent', houseType: 'cottage' }, 'dailyHouseRent'],
    [{ kind: 'house', deal: 'daily-rent', houseType: 'part' }, undefined],
    [{ kind: 'bed', deal: 'sale' }, undefined],
    [{ kind: 'land', deal: 'rent' }, undefined],
    [{ kind: 'garage', deal: 'daily-rent' }, undefined],
    [{ kind: 'commercial', deal: 'daily-rent', commercialType: 'office' }, undefined],
    [{ kind: 'commercial', deal: 'rent', commercialType: 'catering' }, 'freeAppointmentObjectRent'],
    [{ kind: 'commercial', deal: 'rent', commercialType: 'hotel' }, 'freeAppointmentObjectRent'],
    [{ kind: 'commercial', deal: 'sale', commercialType: 'auto-service' }, 'freeAppointmentObjectSale'],
    [{ kind: 'commercial', deal: 'rent', commercialType: 'coworking' }, 'officeRent'],
    [{ kind: 'commercial', deal: 'sale', commercialType: 'storage-room' }, 'warehouseSale'],
    [{ kind: 'commercial', deal: 'sale', commercialType: 'legal-address' }, undefined],
    [{ kind: 'commercial', deal: 'sale' }, undefined],
  ])('%j is %s', (listing, word) => {
    expect(categoryOf(listing)).toBe(word);
  });

  it.each(['commercialSale', 'commercialRent', 'landRent', 'zzz'])('%s is no category', (word) => {
    const result = read(`<Category>${word}</Category><TotalArea>10</TotalArea>`);
    expect(result.listing).toBeUndefined();
    expect(result.kindProblem).toBe(`Category = «${word}»`);
  });

  it('takes apartmentsSale for a flat that is apartments', () => {
    expect(read('<Category>apartmentsSale</Category>').listing).toEqual({
      kind: 'flat',
      deal: 'sale',
      market: 'resale',
      isApartments: true,
    });
  });
});

describe('dialects', () => {
  const flat = '<Category>flatSale</Category>';
  const house = '<Category>houseSale</Category>';
  const office = '<Category>officeRent</Category>';
  it.each<[string, string, Record<string, unknown>]>([
    ['studio', `${flat}<FlatRoomsCount>9</FlatRoomsCount>`, { isStudio: true }],
    ['open plan', `${flat}<FlatRoomsCount>7</FlatRoomsCount>`, { isOpenPlan: true }],
    ['more than five rooms', `${flat}<FlatRoomsCount>6</FlatRoomsCount>`, { roomsCount: 6 }],
    [
      'the real number of rooms',
      '<Category>roomSale</Category><FlatRoomsCount>6</FlatRoomsCount><RoomsCount>18</RoomsCount><RoomsForSaleCount>1</RoomsForSaleCount>',
      { roomsCount: 18, roomsOffered: 1 },
    ],
    [
      'currency rub',
      `${flat}<BargainTerms><Price>24500000</Price><Currency>rub</Currency></BargainTerms>`,
      { priceKopecks: 2_450_000_000, currency: 'RUB' },
    ],
    [
      'price with a fraction',
      `${flat}<BargainTerms><Price>9 900 000,50</Price></BargainTerms>`,
      { priceKopecks: 990_000_050 },
    ],
    [
      'booleans 1 and 0',
      `${flat}<HasPhone>1</HasPhone><IsApartments>0</IsApartments>`,
      { hasPhoneLine: true, isApartments: false },
    ],
    [
      'booleans True and False',
      `${flat}<HasPhone>True</HasPhone><IsApartments>False</IsApartments>`,
      { hasPhoneLine: true, isApartments: false },
    ],
    [
      'tags in any case',
      `${flat}<building><floorscount>9</floorscount></building><TOTALAREA>57,5</TOTALAREA>`,
      { floorsTotal: 9, areaM2: 57.5 },
    ],
    [
      'old parking',
      `${flat}<Building><ParkingType>underground</ParkingType></Building>`,
      { parkingKinds: ['underground'] },
    ],
    [
      'parking of a spreadsheet',
      `${flat}<Building><Parking><ParkingType>open</ParkingType></Parking></Building>`,
      { parkingKinds: ['open'] },
    ],
    ['fridge', '<Category>flatRent</Category><HasRefrigerator>true</HasRefrigerator>', { hasFridge: true }],
    ['views', `${flat}<WindowsViewType>yardAndStreet</WindowsViewType>`, { windowViews: ['yard', 'street'] }],
    ['vat of 2018', `${office}<BargainTerms><VatType>vatNotIncluded</VatType></BargainTerms>`, { vat: 'not-included' }],
    ['vat of 2020', `${office}<BargainTerms><VatType>notIncluded</VatType></BargainTerms>`, { vat: 'not-included' }],
    [
      'vat of 2018, included',
      `${office}<BargainTerms><VatType>vatIncluded</VatType></BargainTerms>`,
      { vat: 'included' },
    ],
    ['toilet', `${house}<WcLocationType>inside</WcLocationType>`, { toiletPlace: 'indoors' }],
    [
      'generation A, land',
      `${house}<Land><Area>8.35</Area><AreaUnitType> sotka </AreaUnitType><Status>gardening</Status></Land>`,
      { landAreaM2: 835, landAreaUnit: 'sotka', landStatus: 'snt' },
    ],
    [
      'generation A, industrial land',
      `<Category>landSale</Category><Land><Status>industrialLand</Status></Land>`,
      { landStatus: 'industrial' },
    ],
    [
      'generation A, walls',
      `${house}<Building><MaterialType>gasSilicateBlock</MaterialType></Building>`,
      { wallMaterial: 'aerated-concrete' },
    ],
    [
      'a city word for the walls of a house',
      `${house}<Building><MaterialType>monolithBrick</MaterialType></Building>`,
      { wallMaterial: 'monolith-brick' },
    ],
    [
      'both generations side by side',
      `${house}<Building><MaterialType>wood</MaterialType></Building><House><MaterialTypes><MaterialType>gluedLaminatedTimber</MaterialType></MaterialTypes></House><Land><Status>gardening</Status><PermittedLandUseType>horticulture</PermittedLandUseType></Land>`,
      { wallMaterial: 'wood', landStatus: 'snt' },
    ],
    [
      'hectares',
      `<Category>landSale</Category><Land><Area>1.25</Area><AreaUnitType>hectare</AreaUnitType></Land>`,
      { landAreaM2: 12_500, landAreaUnit: 'hectare' },
    ],
    [
      'land without float noise',
      `<Category>landSale</Category><Land><Area>8.29</Area><AreaUnitType>sotka</AreaUnitType></Land>`,
      { landAreaM2: 829 },
    ],
    ['a flat of a house', `${house}<TotalArea>150</TotalArea><BedroomsCount>3</BedroomsCount>`, { areaM2: 150 }],
    [
      'deposit of the other name',
      `${office}<BargainTerms><Deposit>100000</Deposit></BargainTerms>`,
      { depositKopecks: 10_000_000 },
    ],
    ['basement', `${office}<FloorNumber>-2</FloorNumber>`, { floor: -2 }],
    [
      'cadastral number with blanks',
      `${flat}<CadastralNumber> 77:01:0001001:1 </CadastralNumber>`,
      { cadastralNumber: '77:01:0001001:1' },
    ],
    ['a building of the live feed', '<Category>buildingSale</Category><TotalArea>1200</TotalArea>', { areaM2: 1200 }],
    [
      'garage box',
      '<Category>garageSale</Category><Garage><Type>box</Type><Status>byProxy</Status></Garage>',
      { garageType: 'box', garageOwnership: 'by-proxy' },
    ],
    [
      'deadline',
      '<Category>newBuildingFlatSale</Category><Building><Deadline><Quarter>fourth</Quarter><Year>2027</Year></Deadline></Building>',
      { readyQuarter: 4, builtYear: 2027 },
    ],
    [
      'description in CDATA',
      `${flat}<Description><![CDATA[Тепло & светло<br>рядом]]></Description>`,
      { description: 'Тепло & светло<br>рядом' },
    ],
    [
      'video',
      `${flat}<Videos><VideoSchema><Url>https://rutube.example.test/1</Url></VideoSchema></Videos>`,
      { videoUrl: 'https://rutube.example.test/1' },
    ],
    [
      'tour',
      `${flat}<ObjectTour><FullUrl>https://tour.example.test/1</FullUrl></ObjectTour>`,
      { tourUrl: 'https://tour.example.test/1' },
    ],
    [
      'harmless fee on land',
      '<Category>landSale</Category><BargainTerms><ClientFee>0</ClientFee><AgentBonus><Currency>rur</Currency></AgentBonus></BargainTerms>',
      { commissionPercent: 0 },
    ],
    [
      'empty elements',
      `${flat}<FloorNumber/><Undergrounds></Undergrounds><Building/><Photos/><BargainTerms><AgentBonus/></BargainTerms>`,
      {},
    ],
  ])('%s', (_, xml, expected) => {
    const result = read(xml);
    expect(result.notUnderstood).toEqual([]);
    expect(result.listing).toMatchObject(expected);
  });

  const phone = (inner: string) =>
    read(`${flat}<Phones><PhoneSchema>${inner}</PhoneSchema></Phones>`).listing?.contactPhones;
  it.each([
    ['<CountryCode>+7</CountryCode><Number>9120000014</Number>', '+79120000014'],
    ['<CountryCode>+7</CountryCode><Number>(912)-000-00-14</Number>', '+79120000014'],
    ['<CountryCode>8</CountryCode><Number>912 000 00 14</Number>', '+79120000014'],
    ['<Number>8 (912) 000-00-14</Number>', '+79120000014'],
    ['<CountryCode>+7</CountryCode><Number>+79120000014</Number>', '+79120000014'],
    ['<CountryCode>+375</CountryCode><Number>291234567</Number>', '+375291234567'],
  ])('phone %s', (inner, expected) => {
    expect(phone(inner)).toEqual([expected]);
  });

  it('reads any number of phones and writes two', () => {
    const numbers = ['9120000014', '9120000015', '9120000016'];
    const listing = read(
      `${flat}<Phones>${numbers.map((number) => `<PhoneSchema><CountryCode>+7</CountryCode><Number>${number}</Number></PhoneSchema>`).join('')}</Phones>`,
    ).listing!;
    expect(listing.contactPhones).toEqual(numbers.map((number) => `+7${number}`));
    expect(cian.project(listing as Listing).contactPhones).toHaveLength(2);
  });

  it.each(documented.readOnly)('reads $path, writes $replacedBy', ({ path, replacedBy, where }) => {
    const category = where?.startsWith('house') ? house : flat;
    const word: Record<string, string> = {
      'Land/Status': 'gardening',
      'Building/MaterialType': 'wood',
      'Building/ParkingType': 'roof',
      'Building/Parking/ParkingType': 'roof',
      HasRefrigerator: 'true',
      Condition: 'ready',
    };
    const steps = path.split('/');
    const xml = `${steps.map((step) => `<${step}>`).join('')}${word[path]}${[...steps]
      .reverse()
      .map((step) => `</${step}>`)
      .join('')}`;
    const result = read(
      `${path === 'HasRefrigerator' ? '<Category>flatRent</Category>' : path === 'Condition' ? house : category}${xml}`,
    );
    expect(result.notUnderstood).toEqual([]);
    const written = leaves(result.listing!);
    expect(written.some((leaf) => leaf.startsWith(`${replacedBy}=`))).toBe(true);
    expect(written.some((leaf) => leaf.startsWith(`${path}=`))).toBe(false);
  });

  it('reports what it does not understand', () => {
    const result = read(
      `${flat}<FlatRoomsCount>0</FlatRoomsCount><RepairType>gold</RepairType><Mystery>1</Mystery><BargainTerms><Price>дорого</Price><SaleType>fz214</SaleType></BargainTerms>`,
    );
    expect(result.notUnderstood).toEqual([
      { path: 'FlatRoomsCount', value: '0', isValue: true },
      { path: 'RepairType', value: 'gold', isValue: true },
      { path: 'BargainTerms/Price', value: 'дорого', isValue: true },
      { path: 'BargainTerms/SaleType', value: 'fz214', isValue: true },
      { path: 'Mystery', value: '1', isValue: false },
    ]);
  });
});

describe('what is written', () => {
  const base: Partial<Listing> = {
    externalId: 'A-1',
    description: 'Тёплое и светлое место.',
    address: 'Воронеж, улица Примерная, 1',
    contactPhones: ['+79120000014'],
    priceKopecks: 850_000_000,
    areaM2: 57.5,
    floor: 8,
    floorsTotal: 17,
    roomsCount: 2,
    saleType: 'free',
    landAreaM2: 800,
    builtYear: 2027,
    renovation: 'euro',
    wallMaterial: 'brick',
  };

  it.each<[Partial<Listing>, string[], string[]]>([
    [
      { kind: 'flat', deal: 'sale', market: 'resale' },
      [
        'Category=flatSale',
        'FlatRoomsCount=2',
        'TotalArea=57.5',
        'FloorNumber=8',
        'Building/FloorsCount=17',
        'Building/BuildYear=2027',
        'RepairType=euro',
        'BargainTerms/Price=8500000',
        'BargainTerms/Currency=rur',
        'BargainTerms/SaleType=free',
      ],
      ['RoomsCount', 'Land/Area', 'Building/Deadline/Year'],
    ],
    [
      {
        kind: 'flat',
        deal: 'sale',
        market: 'new',
        boardFields: { cian: { 'JKSchema/Id': 10001, 'CplModeration/PersonType': 'natural' } },
      },
      [
        'Category=newBuildingFlatSale',
        'JKSchema/Id=10001',
        'CplModeration/PersonType=natural',
        'Building/Deadline/Year=2027',
      ],
      ['RepairType', 'Building/BuildYear'],
    ],
    [
      { kind: 'flat', deal: 'sale', isShare: true, shareText: '1/2' },
      ['Category=flatShareSale', 'ShareAmount=1/2'],
      ['Building/BuildYear'],
    ],
    [
      { kind: 'flat', deal: 'rent', bedsCount: 2, depositKopecks: 4_500_000, isStudio: true },
      ['Category=flatRent', 'FlatRoomsCount=9', 'BedsCount=2', 'BargainTerms/Deposit=45000'],
      ['BargainTerms/SaleType'],
    ],
    [
      { kind: 'room', deal: 'sale', roomsCount: 10, roomAreaM2: 18 },
      ['Category=roomSale', 'FlatRoomsCount=6', 'RoomsCount=10', 'RoomArea=18'],
      ['LivingArea'],
    ],
    [
      { kind: 'bed', deal: 'rent', roomAreaM2: 18 },
      ['Category=bedRent', 'RoomsCount=2', 'RoomArea=18'],
      ['FlatRoomsCount'],
    ],
    [
      {
        kind: 'house',
        deal: 'sale',
        houseType: 'house',
        landStatus: 'izhs',
        gasSupply: 'holder',
        sewerage: 'bio',
        waterSupply: 'well',
      },
      [
        'Category=houseSale',
        'Land/Area=8',
        'Land/AreaUnitType=sotka',
        'Land/PermittedLandUseType=individualHousingConstruction',
        'House/MaterialTypes/MaterialType=brick',
        'Gas/Type=gasHolder',
        'Drainage/Type=septicTank',
        'Water/SuburbanWaterType=well',
      ],
      ['FloorNumber', 'Land/Status', 'Building/MaterialType', 'BargainTerms/SaleType'],
    ],
    [
      { kind: 'house', deal: 'sale', houseType: 'part', shareText: '1/3' },
      ['Category=houseShareSale', 'ShareAmount=1/3'],
      [],
    ],
    [
      { kind: 'land', deal: 'sale', landAreaUnit: 'hectare' },
      ['Category=landSale', 'Land/Area=0.08', 'Land/AreaUnitType=hectare'],
      ['TotalArea', 'FloorNumber', 'RepairType', 'Building/FloorsCount'],
    ],
    [
      { kind: 'garage', deal: 'rent', garageType: 'parking-place', depositKopecks: 100_000 },
      ['Category=garageRent', 'Garage/Type=parkingPlace', 'BargainTerms/SecurityDeposit=1000'],
      ['Garage/Material', 'BargainTerms/VatType'],
    ],
    [
      {
        kind: 'commercial',
        deal: 'rent',
        commercialType: 'office',
        priceUnit: 'm2',
        rentPeriod: 'year',
        vat: 'usn',
        hasFurniture: false,
        depositKopecks: 100_000,
      },
      [
        'Category=officeRent',
        'BargainTerms/PriceType=squareMeter',
        'BargainTerms/PaymentPeriod=annual',
        'BargainTerms/VatType=usn',
        'FurniturePresence=no',
        'BargainTerms/SecurityDeposit=1000',
      ],
      ['FlatRoomsCount', 'BargainTerms/Deposit', 'HasFurniture'],
    ],
    [
      { kind: 'commercial', deal: 'sale', commercialType: 'building' },
      ['Category=buildingSale', 'Building/TotalArea=57.5'],
      ['TotalArea', 'FloorNumber'],
    ],
    [
      { kind: 'commercial', deal: 'sale', commercialType: 'land', landStatus: 'industrial', electricPowerKw: 15 },
      ['Category=commercialLandSale', 'Land/Status=industryTransportCommunications', 'Electricity/Power=15'],
      ['Land/PermittedLandUseType', 'TotalArea'],
    ],
  ])('%j', (shape, present, absent) => {
    const written = leaves({ ...base, ...shape });
    expect(written).toEqual(expect.arrayContaining(present));
    expect(written.filter((leaf) => absent.includes(leaf.slice(0, leaf.indexOf('='))))).toEqual([]);
  });

  it('tells a price per sotka of a plot for the whole plot, and nothing when the plot is not measured', () => {
    const plot: Partial<Listing> = {
      kind: 'land',
      deal: 'sale',
      priceKopecks: 10_000_000,
      priceUnit: 'sotka',
      landAreaM2: 835,
    };
    expect(leaves(plot)).toContain('BargainTerms/Price=835000');
    expect(leaves({ ...plot, landAreaM2: undefined }).filter((leaf) => leaf.startsWith('BargainTerms'))).toEqual([]);
  });

  it('tells a deposit of two months as money', () => {
    expect(leaves({ kind: 'flat', deal: 'rent', priceKopecks: 4_500_000, depositMonths: 1.5 })).toContain(
      'BargainTerms/Deposit=67500',
    );
  });

  it('joins the parts of an address into one line and repeats none', () => {
    const address = (parts: Partial<Listing>) =>
      leaves({ ...LIVE, ...parts }).find((leaf) => leaf.startsWith('Address='));
    expect(address({ region: 'Воронежская область', locality: 'Воронеж', address: 'улица Примерная, 1' })).toBe(
      'Address=Воронежская область, Воронеж, улица Примерная, 1',
    );
    expect(address({ region: 'Москва', locality: 'г. Москва', address: 'Москва, улица Примерная, 1' })).toBe(
      'Address=Москва, улица Примерная, 1',
    );
    expect(address({ locality: 'Орёл', address: 'Орловская улица, 1' })).toBe('Address=Орёл, Орловская улица, 1');
  });

  it('gives the layout its own element and one main photo', () => {
    const written = leaves({
      ...LIVE,
      photos: [
        { url: 'https://a.test/1.jpg' },
        { url: 'https://a.test/plan.png', isPlan: true },
        { url: 'https://a.test/plan2.png', isPlan: true },
        { url: 'file:///no.jpg' },
      ],
    });
    expect(written.filter((leaf) => leaf.includes('Photo'))).toEqual([
      'Photos/PhotoSchema/FullUrl=https://a.test/1.jpg',
      'Photos/PhotoSchema/IsDefault=true',
      'Photos/PhotoSchema/FullUrl=https://a.test/plan2.png',
      'Photos/PhotoSchema/IsDefault=false',
      'LayoutPhoto/FullUrl=https://a.test/plan.png',
    ]);
  });

  it('puts the main photo first when the feed has it elsewhere', () => {
    const photo = (name: string, isDefault: boolean) =>
      `<PhotoSchema><FullUrl>https://a.test/${name}</FullUrl><IsDefault>${isDefault}</IsDefault></PhotoSchema>`;
    const listing = read(
      `<Category>flatSale</Category><Photos>${photo('1', false)}${photo('2', true)}${photo('3', false)}</Photos>`,
    ).listing;
    expect(listing?.photos?.map(({ url }) => url)).toEqual([
      'https://a.test/2',
      'https://a.test/1',
      'https://a.test/3',
    ]);
  });

  it('sends a tour only where a Cian feed had one', () => {
    const tour = { ...LIVE, tourUrl: 'https://tour.example.test/1' };
    expect(leaves(tour).some((leaf) => leaf.startsWith('ObjectTour'))).toBe(false);
    expect(leaves({ ...tour, boardFields: { cian: { 'ObjectTour/FullUrl': true } } })).toContain(
      'ObjectTour/FullUrl=https://tour.example.test/1',
    );
  });

  it('keeps a word of the board while its meaning stands, and drops it when a person changes the field', () => {
    const imported = read('<Category>officeSale</Category><Building><Type>mansion</Type></Building>').listing!;
    expect(imported.businessCenterType).toBe('detached');
    expect(leaves(imported)).toContain('Building/Type=mansion');
    expect(leaves({ ...imported, businessCenterType: 'warehouse' })).toContain('Building/Type=warehouse');
  });

  it('leaves out a block that lacks what the block must have', () => {
    const written = leaves({
      ...LIVE,
      boardFields: {
        cian: {
          'SubAgent/FirstName': 'Анна',
          Undergrounds: [{ Time: 5 }, { Id: 13 }, { Id: 14 }, { Id: 15 }, { Id: 16 }],
        },
      },
    });
    expect(written.filter((leaf) => leaf.startsWith('SubAgent'))).toEqual([]);
    expect(written.filter((leaf) => leaf.startsWith('Undergrounds'))).toHaveLength(3);
  });
});

describe('own feeds come back as they were', () => {
  it.each([
    `<Category>freeAppointmentObjectRent</Category><Specialty><Types><String>shoppingFloorSpace</String></Types><AdditionalTypes><String>café</String><String>bar</String></AdditionalTypes><Types><String>canteen</String></Types></Specialty><BargainTerms><Price>1400</Price><Currency>rur</Currency><PriceType>squareMeter</PriceType><PaymentPeriod>monthly</PaymentPeriod><VatType>usn</VatType><IncludedOptions><IncludedOptionsEnum>utilityCharges</IncludedOptionsEnum><IncludedOptionsEnum>operationalCosts</IncludedOptionsEnum></IncludedOptions></BargainTerms>`,
    `<Category>buildingRent</Category><TotalArea>900</TotalArea><Building><TotalArea>1200</TotalArea></Building><BargainTerms><Price>100</Price><Currency>usd</Currency><Deposit>10</Deposit></BargainTerms><MultiListingSlots><CommercialMultiListingSlotSchema><Area>50</Area><Price>10</Price><FloorFrom>1</FloorFrom><Photos><CommercialMultiListingSlotPhotoSchema><Url>https://a.test/1</Url></CommercialMultiListingSlotPhotoSchema><CommercialMultiListingSlotPhotoSchema><Url>https://a.test/2</Url></CommercialMultiListingSlotPhotoSchema></Photos></CommercialMultiListingSlotSchema></MultiListingSlots>`,
    `<Category>newBuildingFlatSale</Category><FlatRoomsCount>1</FlatRoomsCount><JKSchema><Id>10001</Id><Name>ЖК Пример</Name><House><Id>20002</Id><Name>Корпус 1</Name><Flat><FlatNumber>К29</FlatNumber><SectionNumber>2</SectionNumber></Flat></House></JKSchema><Decoration>fineWithFurniture</Decoration><Photos><PhotoSchema><FullUrl>https://a.test/1.jpg</FullUrl><IsDefault>true</IsDefault><PhotoType>realtyObject</PhotoType></PhotoSchema></Photos><LayoutPhoto><FullUrl>https://a.test/plan.png</FullUrl><IsDefault>true</IsDefault><PhotoType>realtyObjectLayout</PhotoType></LayoutPhoto>`,
    `<Category>flatSale</Category><JKSchema><Name>ЖК Пример</Name></JKSchema><PublishTerms><Terms><PublishTermSchema><Services><ServicesEnum>paid</ServicesEnum><ServicesEnum>highlight</ServicesEnum></Services><IgnoreServicePackages>false</IgnoreServicePackages><DomclickServicesEnum>top</DomclickServicesEnum></PublishTermSchema></Terms><PromotionType>noPromotion</PromotionType></PublishTerms><Auction><Bet>30</Bet></Auction>`,
    `<Category>cottageSale</Category><House><MaterialTypes><MaterialType>brick</MaterialType><MaterialType>arbolit</MaterialType></MaterialTypes><Condition>ready</Condition></House><Building><HeatingType>diesel</HeatingType></Building><Land><Area>8.2901</Area><AreaUnitType>sotka</AreaUnitType><PermittedLandUseType>horticulture</PermittedLandUseType><LandCategory>other</LandCategory></Land>`,
    `<Category>commercialLandSale</Category><Land><Area>2.5</Area><AreaUnitType>hectare</AreaUnitType><Status>settlements</Status></Land><Electricity><LocationType>border</LocationType><Power>150</Power></Electricity><Gas><PressureType>high</PressureType></Gas><Drainage><Type>autonomous</Type></Drainage><Water><Type>waterTower</Type><Capacity>2.5</Capacity></Water>`,
    `<Category>dailyHouseRent</Category><TotalArea>150</TotalArea><BedsCount>8</BedsCount><PetsAllowed>false</PetsAllowed><BargainTerms><Price>12000</Price><Currency>rur</Currency><Deposit>5000</Deposit></BargainTerms>`,
  ])('%#', (xml) => {
    const before = object(xml);
    const { listing, notUnderstood } = cian.read(before);
    expect(notUnderstood).toEqual([]);
    const walk = (element: Element, path: string): string[] =>
      element.children.flatMap((child) =>
        child.children.length === 0 ? [`${path}${child.name}=${child.text}`] : walk(child, `${path}${child.name}/`),
      );
    expect(leaves(listing!).sort()).toEqual(walk(before, '').sort());
    expect(cian.project(listing as Listing)).toEqual(listing);
  });
});

describe.each([...CATEGORIES])('%s with everything it can have', (word, told) => {
  it.each([0, 1, 2])('comes back (samples %i)', (which) => {
    const listing: Partial<Listing> = { ...told };
    const mine: Record<string, unknown> = {};
    for (const row of cian.rows.filter((one) => one !== cian.rows[0] && matches(one.when, told))) {
      const sample = row.samples[which % Math.max(row.samples.length, 1)];
      const { boardFields, ...fields } = sample ?? {};
      for (const [field, value] of Object.entries(fields)) (listing as Record<string, unknown>)[field] ??= value;
      for (const [key, value] of Object.entries(boardFields?.cian ?? {})) mine[key] ??= value;
    }
    listing.boardFields = { cian: mine };
    const first = throughFile(listing);
    expect(first.notUnderstood).toEqual([]);
    expect(first.listing).toMatchObject(told);
    expect(leaves(first.listing!)).toEqual(leaves(listing));
    expect(throughFile(first.listing!).listing).toEqual(first.listing);
    const written = new Set(leaves(listing).map((leaf) => leaf.slice(0, leaf.indexOf('='))));
    const required = cian.rows.filter((row) => row.required === true || (row.required && matches(row.required, told)));
    const present = (path: string) => [...written].some((one) => one === path || one.startsWith(`${path}/`));
    expect(required.map((row) => row.elements[0]!.path).filter((path) => !present(path))).toEqual([]);
    expect(written.has('Category') && leaves(listing)[0]).toBe(`Category=${word}`);
  });
});

/** Any listing at all, from the schema: every field absent or any value it may have. */
function anyListing(): fc.Arbitrary<Partial<Listing>> {
  type Leaf = {
    type?: string;
    enum?: string[];
    minimum?: number;
    exclusiveMinimum?: number;
    maximum?: number;
    items?: Leaf;
    pattern?: string;
    maxLength?: number;
  };
  const arbitrary = (name: string, schema: Leaf): fc.Arbitrary<unknown> => {
    if (name === 'contactPhones')
      return fc.subarray(['+79120000014', '+74957771066', '+375291234567'], { minLength: 1 });
    if (name === 'photos') {
      const url = fc.constantFrom('https://a.test/1', 'https://a.test/2', 'http://a.test/3?a=1&b=2', 'ftp://a.test/4');
      return fc.array(fc.record({ url, isPlan: fc.option(fc.boolean(), { nil: undefined }) }), {
        minLength: 1,
        maxLength: 5,
      });
    }
    if (name === 'metro') return fc.constant([{ name: 'Беговая' }]);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    if (schema.type === 'array')
      return fc.uniqueArray(fc.constantFrom(...(schema.items?.enum ?? ['x'])), { minLength: 1 });
    if (schema.type === 'boolean') return fc.boolean();
    if (schema.type === 'integer') return fc.integer({ min: schema.minimum!, max: Math.min(schema.maximum!, 1e13) });
    if (schema.type === 'number') return fc.double({ min: schema.minimum ?? 1e-7, max: schema.maximum!, noNaN: true });
    return fc.oneof(
      fc.constantFrom('Воронеж', 'г. Москва', '<p>A&amp;B</p>', '&', '77:01:0001001:1', 'https://a.test/1', '1/2'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    );
  };
  const fields = Object.entries(ListingSchema.properties)
    .filter(([name]) => name !== 'boardFields')
    .map(([name, schema]) => {
      const values = arbitrary(name, schema as Leaf);
      return [name, name === 'kind' || name === 'deal' ? values : fc.option(values, { nil: undefined })] as const;
    });
  return fc
    .record(Object.fromEntries(fields))
    .map(
      (listing) =>
        Object.fromEntries(Object.entries(listing).filter(([, value]) => value !== undefined)) as Partial<Listing>,
    );
}

describe('any listing', () => {
  it('is carried once and for all: what Cian can carry of it, it carries again', () => {
    fc.assert(
      fc.property(anyListing(), (listing) => {
        const once = cian.project(listing as Listing);
        const result = throughFile(listing);
        expect(result.notUnderstood.filter(({ path }) => path !== 'Category')).toEqual([]);
        expect(result.listing ?? {}).toEqual(once);
        if (once.kind !== undefined) expect(cian.project(once as Listing)).toEqual(once);
      }),
      { numRuns: 500 },
    );
  });

  it('is written in the types that the table documents', () => {
    const types = new Map<string, Row['elements'][number]['type'][]>();
    for (const { path, type } of cian.rows.flatMap((row) => row.elements))
      types.set(path, [...(types.get(path) ?? []), type]);
    fc.assert(
      fc.property(anyListing(), (listing) => {
        for (const leaf of leaves(listing)) {
          const cut = leaf.indexOf('=');
          const [path, text] = [leaf.slice(0, cut), leaf.slice(cut + 1)];
          const fits = types.get(path)!.some((type) => {
            if (type.type === 'enum') return type.values.includes(text);
            if (type.type === 'integer')
              return (
                /^-?\d+$/.test(text) &&
                Number(text) >= (type.min ?? -Infinity) &&
                Number(text) <= (type.max ?? Infinity)
              );
            if (type.type === 'decimal') {
              const value = Number(text);
              return (
                /^-?\d+(\.\d+)?$/.test(text) &&
                value > (type.moreThan ?? -Infinity) &&
                value >= (type.min ?? -Infinity) &&
                value <= (type.max ?? Infinity)
              );
            }
            return (
              type.type !== 'string' ||
              type.pattern === undefined ||
              new RegExp(`^(?:${type.pattern})$`, 's').test(text)
            );
          });
          expect(fits, leaf).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe.each(['commercial-cian.xml', 'studios-cian.xml'])('live feed %s', (name) => {
  const file = new URL(`../../../../shared/samples/${name}`, import.meta.url);
  const isHere = existsSync(file);
  if (!isHere) console.info(`${name}: the sample is not on this machine, skipped`);
  describe.skipIf(!isHere)('when at hand', () => {
    const offers = isHere ? (readFileSync(file, 'utf8').match(/<object>[\s\S]*?<\/object>/g) ?? []) : [];
    it('is understood whole and comes back the same', () => {
      expect(offers.length).toBeGreaterThan(5);
      for (const xml of offers) {
        const { listing, notUnderstood } = cian.read(parseElement(xml));
        expect(notUnderstood).toEqual([]);
        expect(listing?.priceKopecks).toBeGreaterThan(0);
        expect(cian.project(listing as Listing)).toEqual({
          ...listing,
          description: listing!.description!,
        });
        expect(valueOf(listing!, 'cian', 'externalId')).toBeTruthy();
      }
    });
  });
});
