import { COMMERCIAL_TYPES, type Listing } from '../../../domain/listing.ts';
import type { Row, When } from '../codec.ts';
import { kit } from '../kit.ts';

const { group } = kit('yandex');

/** Shapes that many rows share. */
export const LIVING: When = { kind: ['flat', 'room', 'bed', 'house', 'land', 'garage'] };
export const COMMERCIAL: When = { kind: ['commercial'] };
export const SALE: When = { deal: ['sale'] };
export const RENT: When = { deal: ['rent', 'daily-rent'] };
export const LIVING_RENT: When = {
  kind: ['flat', 'room', 'bed', 'house', 'land', 'garage'],
  deal: ['rent', 'daily-rent'],
};
export const COMMERCIAL_RENT: When = { kind: ['commercial'], deal: ['rent', 'daily-rent'] };
export const NEW_FLAT: When = { kind: ['flat', 'house'], market: ['new'] };
export const BUILT: When = [
  { kind: ['flat', 'room', 'bed', 'house', 'garage'] },
  { kind: ['commercial'], commercialType: COMMERCIAL_TYPES.filter((type) => type !== 'land') },
];

/** Every spelling of `category` that live feeds use -> what it means for us. */
const CATEGORIES: Record<string, Partial<Listing>> = {
  квартира: { kind: 'flat' },
  flat: { kind: 'flat' },
  комната: { kind: 'room' },
  room: { kind: 'room' },
  дом: { kind: 'house', houseType: 'house' },
  house: { kind: 'house', houseType: 'house' },
  'дом с участком': { kind: 'house', houseType: 'house' },
  'house with lot': { kind: 'house', houseType: 'house' },
  дача: { kind: 'house', houseType: 'dacha' },
  коттедж: { kind: 'house', houseType: 'cottage' },
  cottage: { kind: 'house', houseType: 'cottage' },
  'часть дома': { kind: 'house', houseType: 'part' },
  таунхаус: { kind: 'house', houseType: 'townhouse' },
  townhouse: { kind: 'house', houseType: 'townhouse' },
  дуплекс: { kind: 'house', houseType: 'duplex' },
  duplex: { kind: 'house', houseType: 'duplex' },
  участок: { kind: 'land' },
  'земельный участок': { kind: 'land' },
  lot: { kind: 'land' },
  гараж: { kind: 'garage' },
  garage: { kind: 'garage' },
  box: { kind: 'garage', garageType: 'box' },
  коммерческая: { kind: 'commercial' },
  commercial: { kind: 'commercial' },
};

const HOUSE_WORDS: Record<string, string> = {
  dacha: 'дача',
  cottage: 'коттедж',
  part: 'часть дома',
  townhouse: 'таунхаус',
  duplex: 'дуплекс',
};

const GARAGE_WORDS: [string, string, string][] = [
  ['garage', 'гараж', 'garage'],
  ['parking-place', 'машиноместо', 'parking place'],
  ['box', 'бокс', 'box'],
];

/** Our kind of premises -> the board's word; the last three have no word and take the nearest true one. */
const COMMERCIAL_WORDS: [string, string][] = [
  ['office', 'office'],
  ['retail', 'retail'],
  ['free-purpose', 'free purpose'],
  ['warehouse', 'warehouse'],
  ['manufacturing', 'manufacturing'],
  ['business', 'business'],
  ['land', 'land'],
  ['catering', 'public catering'],
  ['hotel', 'hotel'],
  ['auto-service', 'auto repair'],
  ['legal-address', 'legal address'],
  ['building', 'free purpose'],
  ['coworking', 'office'],
  ['storage-room', 'warehouse'],
];

const fold = (text: string) => text.toLowerCase().replace(/\s+/g, ' ').trim();

/** «дом» or «дом с участком»: the second as soon as the land is known, unless the source said otherwise. */
function houseWord(listing: Partial<Listing>): string {
  return HOUSE_WORDS[listing.houseType ?? ''] ?? (listing.landAreaM2 === undefined ? 'дом' : 'дом с участком');
}

function categoryWord(listing: Listing): string | undefined {
  switch (listing.kind) {
    case 'flat':
      return 'квартира';
    case 'room':
      return 'комната';
    case 'house': {
      const exact = listing.boardFields?.yandex?.category;
      const isPlainHouse = listing.houseType === undefined || listing.houseType === 'house';
      return isPlainHouse && (exact === 'дом' || exact === 'дом с участком') ? exact : houseWord(listing);
    }
    case 'land':
      return 'участок';
    case 'garage':
      return 'гараж';
    case 'commercial':
      return 'commercial';
    default:
      return undefined; // Yandex has no category for a bed
  }
}

/** type, property-type, category, garage-type, commercial-type, new-flat: what the listing is. */
export const kindRow: Row = group({
  elements: [
    { path: 'type', type: { type: 'enum', values: ['продажа', 'аренда'] } },
    { path: 'property-type', type: { type: 'enum', values: ['жилая'] }, required: LIVING },
    {
      path: 'category',
      required: true,
      type: {
        type: 'enum',
        values: [
          'квартира',
          'комната',
          'дом',
          'дом с участком',
          'участок',
          ...Object.values(HOUSE_WORDS),
          'гараж',
          'commercial',
        ],
      },
    },
    {
      path: 'garage-type',
      type: { type: 'enum', values: GARAGE_WORDS.map(([, word]) => word) },
      required: { kind: ['garage'] },
    },
    {
      path: 'commercial-type',
      type: { type: 'enum', values: [...new Set(COMMERCIAL_WORDS.map(([, word]) => word))] },
      required: COMMERCIAL,
    },
    { path: 'new-flat', type: { type: 'enum', values: ['true'] } },
  ],
  fields: ['kind', 'deal', 'market', 'houseType', 'garageType', 'commercialType', 'own:category'],
  required: true,
  grade: 'official',
  source: 'Y-HOUS, A19, SYM',
  write(listing, out) {
    const category = categoryWord(listing);
    out.leaf('type', listing.deal === 'sale' ? 'продажа' : 'аренда');
    if (listing.kind !== 'commercial' && category !== undefined) out.leaf('property-type', 'жилая');
    out.leaf('category', category);
    if (listing.kind === 'garage')
      out.leaf('garage-type', GARAGE_WORDS.find(([value]) => value === listing.garageType)?.[1]);
    if (listing.kind === 'commercial') {
      out.leaf('commercial-type', COMMERCIAL_WORDS.find(([value]) => value === listing.commercialType)?.[1]);
    }
    if (listing.market === 'new' && (listing.kind === 'flat' || listing.kind === 'house')) out.leaf('new-flat', 'true');
  },
  read(offer, draft) {
    const type = offer.take('type');
    const category = offer.take('category');
    const propertyType = offer.take('property-type');
    if (propertyType !== undefined && !['жилая', 'living', 'commercial', 'коммерческая'].includes(fold(propertyType))) {
      draft.fail('property-type', propertyType);
    }
    const isSale = type !== undefined && ['продажа', 'sale'].includes(fold(type));
    const isRent = type !== undefined && ['аренда', 'rent'].includes(fold(type));
    const meaning = category === undefined ? undefined : CATEGORIES[fold(category)];
    if (!isSale && !isRent) draft.fail('type', type ?? '');
    if (!meaning) draft.fail('category', category ?? '');
    if ((!isSale && !isRent) || !meaning) return;
    const period = fold(offer.peek('price/period') ?? '');
    draft.set('deal', isSale ? 'sale' : ['день', 'day', 'сутки'].includes(period) ? 'daily-rent' : 'rent');
    for (const [field, value] of Object.entries(meaning)) draft.set(field, value);

    const garage = offer.take('garage-type');
    if (garage !== undefined) {
      const known = GARAGE_WORDS.find(([, russian, english]) => [russian, english].includes(fold(garage)));
      if (known) draft.set('garageType', known[0]);
      else draft.fail('garage-type', garage);
    }
    const commercial = offer.take('commercial-type');
    if (commercial !== undefined) {
      const known = COMMERCIAL_WORDS.find(([, word]) => word === fold(commercial));
      if (known) draft.set('commercialType', known[0]);
      else draft.fail('commercial-type', commercial);
    }
    const isNew = offer.take('new-flat');
    if (isNew !== undefined && ['да', 'true', '1', '+'].includes(fold(isNew))) draft.set('market', 'new');
    else if (meaning.kind === 'flat' && isSale) draft.set('market', 'resale');
    // «дом» and «дом с участком» differ only in whether the land is told; keep the source's word when it is unusual.
    const hasLand = offer.peek('lot-area/value') !== undefined;
    const word = fold(category!);
    if (['дом', 'house'].includes(word) && hasLand) draft.set('own:category', 'дом');
    if (['дом с участком', 'house with lot'].includes(word) && !hasLand) draft.set('own:category', 'дом с участком');
  },
  samples: [
    { kind: 'flat', deal: 'sale', market: 'resale' },
    { kind: 'flat', deal: 'sale', market: 'new' },
    { kind: 'room', deal: 'rent' },
    { kind: 'house', deal: 'daily-rent', houseType: 'dacha' },
    { kind: 'house', deal: 'sale', houseType: 'house' },
    { kind: 'house', deal: 'sale', houseType: 'house', boardFields: { yandex: { category: 'дом с участком' } } },
    { kind: 'house', deal: 'sale', houseType: 'part' },
    { kind: 'house', deal: 'sale', houseType: 'duplex' },
    { kind: 'land', deal: 'sale' },
    { kind: 'garage', deal: 'sale', garageType: 'garage' },
    { kind: 'garage', deal: 'rent', garageType: 'parking-place' },
    { kind: 'commercial', deal: 'rent', commercialType: 'office' },
    { kind: 'commercial', deal: 'sale', commercialType: 'warehouse' },
  ],
});
