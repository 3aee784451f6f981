import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duplicateText, likenessText, photosText } from '../../src/domain/duplicates.ts';
import type { Listing } from '../../src/domain/listing.ts';

const flat = (more: Partial<Listing> = {}): Listing => ({
  externalId: 'A-1',
  kind: 'flat',
  deal: 'sale',
  locality: 'Самара',
  address: 'улица Ленина, 5',
  apartmentNumber: '12',
  areaM2: 41.5,
  floor: 3,
  ...more,
});

describe('the same flat written two ways', () => {
  it.each<[string, Partial<Listing>]>([
    ['the street shortened', { address: 'ул. Ленина, д. 5' }],
    ['without the word street', { address: 'Ленина 5' }],
    ['the word behind', { address: 'Ленина ул., дом 5' }],
    ['capitals', { address: 'УЛИЦА ЛЕНИНА, 5' }],
    ['with the city', { address: 'г. Самара, ул. Ленина, 5' }],
    ['with region and district', { address: '443001, Россия, Самарская обл., г. Самара, ул. Ленина, 5' }],
    ['with a district of the city', { address: 'Самара, Советский р-н, ул. Ленина, 5' }],
    ['the city in the address alone', { locality: undefined as never, address: 'Самара, Ленина, 5' }],
    ['the flat in the address', { address: 'ул. Ленина, 5, кв. 12', apartmentNumber: undefined as never }],
    ['the flat in both', { address: 'ул. Ленина, 5, кв.12', apartmentNumber: 'кв. 12' }],
    ['a zero in front', { apartmentNumber: '012' }],
    ['the area not rounded', { areaM2: 41.52 }],
    ['another price, title and source', { priceKopecks: 1, title: 'Дом', externalId: 'B-2' }],
  ])('%s', (_, more) => {
    expect(duplicateText(flat(more))).toBe(duplicateText(flat()));
    expect(likenessText(flat(more))).toBe(likenessText(flat()));
  });

  it.each([
    ['ул. Ленина, д. 5, корп. 2', 'Ленина 5к2'],
    ['Ленина, 5, строение 3', 'ул. Ленина, 5стр3'],
    ['Ленина, 5 корпус 2 стр. 1', 'Ленина, д.5, к.2, с.1'],
    ['Ленина, 5 А', 'ул. Ленина, д. 5а'],
    ['Ленина, 5A', 'Ленина, 5а'],
    ['Ленина, 5 лит. Б', 'Ленина, 5Б'],
    ['пр-т Королёва, 7', 'проспект Королева 7'],
    ['Кирова просп., 7', 'Кирова пр-кт, д 7'],
    ['б-р Победы, 1', 'бульвар Победы, 1'],
    ['5-й мкр, д. 3', '5й микрорайон, 3'],
    ['1-я Парковая, 8', '1я Парковая ул., 8'],
    ['д. Ивановка, ул. Речная, 2', 'деревня Ивановка, Речная, 2'],
  ])('%s = %s', (one, other) => {
    expect(likenessText(flat({ address: one }))).toBe(likenessText(flat({ address: other })));
    expect(likenessText(flat({ address: one }))).not.toBeNull();
  });
});

describe('another flat', () => {
  it.each<[string, Partial<Listing>]>([
    ['number', { apartmentNumber: '13' }],
    ['number with a letter', { apartmentNumber: '12а' }],
    ['house', { address: 'улица Ленина, 52' }],
    ['house and building run together', { address: 'улица Ленина, 5к2' }],
    ['letter', { address: 'улица Ленина, 5а' }],
    ['kind of street', { address: 'проспект Ленина, 5' }],
    ['order of the parts', { address: 'улица 5, Ленина' }],
    ['locality', { locality: 'Тольятти' }],
    ['area', { areaM2: 41.6 }],
    ['floor', { floor: 4 }],
    ['deal', { deal: 'rent' }],
    ['kind', { kind: 'commercial' }],
    ['share', { isShare: true, shareText: '1/2' }],
  ])('by its %s', (_, more) => expect(duplicateText(flat(more))).not.toBe(duplicateText(flat())));
});

describe('too little to tell', () => {
  it.each<[string, Partial<Listing>, boolean]>([
    ['no number', { apartmentNumber: undefined as never }, true],
    ['a number that is none', { apartmentNumber: 'б/н' }, true],
    ['a zero', { apartmentNumber: '0' }, true],
    ['no address', { address: undefined as never }, false],
    ['no house', { address: 'улица Ленина' }, false],
    ['nothing but a number', { address: '5' }, false],
    ['no area', { areaM2: undefined as never }, false],
    ['no floor', { floor: undefined as never }, false],
  ])('%s', (what, more, isAlike) => {
    if (what !== 'no floor') expect(duplicateText(flat(more))).toBeNull();
    expect(likenessText(flat(more)) !== null).toBe(isAlike);
  });

  it('a house and a plot have their cadastral number instead', () => {
    const house = (more: Partial<Listing>) => flat({ kind: 'house', apartmentNumber: undefined as never, ...more });
    expect(duplicateText(house({}))).toBeNull();
    const one = duplicateText(house({ cadastralNumber: '63:01:0000001:12' }));
    expect(one).not.toBeNull();
    expect(duplicateText(house({ cadastralNumber: '63:01:0000001:12 ' }))).toBe(one);
    expect(duplicateText(house({ cadastralNumber: '63:01:0000001:13' }))).not.toBe(one);
    expect(
      duplicateText(flat({ cadastralNumber: '63:01:0000001:12', apartmentNumber: undefined as never })),
    ).toBeNull();
  });

  it('two rooms of one flat are told apart by their own areas', () => {
    const room = (roomAreaM2: number) => duplicateText(flat({ kind: 'room', areaM2: 60, roomAreaM2 }));
    expect(room(12)).not.toBe(room(14));
  });
});

describe('the key is stable', () => {
  const parts = fc.record({
    region: fc.constantFrom('', 'Самарская область, ', 'Самарская обл. '),
    city: fc.constantFrom('', 'г. Самара, ', 'Самара '),
    street: fc.constantFrom('улица Ёлочная', 'пр. Кирова', 'Мориса Тореза', 'Московское шоссе', 'пер. Тихий', '5 мкр'),
    house: fc.integer({ min: 1, max: 300 }),
    building: fc.constantFrom('', ' корп. 2', 'к3', ' стр. 1', 'А', ' Б'),
  });

  it('under letter case, ё and punctuation', () => {
    fc.assert(
      fc.property(parts, fc.constantFrom(',', ';', ', ', '. ', ' — ', '  '), fc.boolean(), (p, sign, isLoud) => {
        const address = `${p.region}${p.city}${p.street}, ${p.house}${p.building}`;
        const other = `${p.region}${p.city}${p.street}${sign}${p.house}${p.building}`.replace(/ё/gi, 'е');
        const loud = isLoud ? other.toUpperCase() : other.toLowerCase();
        const text = duplicateText(flat({ address }));
        expect(text).not.toBeNull();
        expect(duplicateText(flat({ address: loud }))).toBe(text);
        expect(duplicateText(flat({ address: `  ${address}. ` }))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('and never throws, whatever the address', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (address, apartmentNumber) => {
        expect(duplicateText(flat({ address, apartmentNumber }))).toBe(
          duplicateText(flat({ address, apartmentNumber })),
        );
      }),
    );
  });
});

describe('pictures', () => {
  it('are evidence from three different ones on, in any order', () => {
    expect(photosText([3, 1, 2, 2], flat())).toBe(photosText([1, 2, 3], flat()));
    expect(photosText([1, 2, 2, 1], flat())).toBeNull();
    expect(photosText([1, 2, 3], flat())).not.toBe(photosText([1, 2, 4], flat()));
    expect(photosText([1, 2, 3], flat({ areaM2: undefined as never }))).toBeNull();
    expect(photosText([1, 2, 3], flat({ areaM2: 60 }))).not.toBe(photosText([1, 2, 3], flat()));
  });

  it('of a developer are shared by many flats', () => {
    const fresh = (apartmentNumber: string | undefined) =>
      photosText([1, 2, 3], flat({ market: 'new', apartmentNumber: apartmentNumber as never }));
    expect(fresh(undefined)).toBeNull();
    expect(fresh('1')).not.toBe(fresh('2'));
    expect(fresh('1')).toBe(fresh('№ 1'));
  });
});
