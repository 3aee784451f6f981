import type { Listing } from './listing.ts';

/**
 * What makes two listings the same property, as texts: equal texts, same property. The store keeps their hashes.
 * Agents write one address in many ways, so only what tells houses apart is left of it. A text that says too little is
 * not made at all: a wrong duplicate keeps a listing off a board, a missed one is only told twice.
 */

/** Words of an address and what stands for them; an empty one says nothing that the rest does not say. */
const WORDS: Readonly<Record<string, string>> = {
  ул: '',
  улица: '',
  дом: '',
  город: '',
  гор: '',
  россия: '',
  рф: '',
  литера: '',
  литер: '',
  лит: '',
  корп: 'к',
  корпус: 'к',
  стр: 'с',
  строение: 'с',
  вл: 'вл',
  владение: 'вл',
  просп: 'проспект',
  пр: 'проспект',
  прт: 'проспект',
  пркт: 'проспект',
  прд: 'проезд',
  пер: 'переулок',
  бул: 'бульвар',
  бульв: 'бульвар',
  бр: 'бульвар',
  пл: 'площадь',
  ш: 'шоссе',
  наб: 'набережная',
  туп: 'тупик',
  ал: 'аллея',
  мкр: 'микрорайон',
  мкрн: 'микрорайон',
  мн: 'микрорайон',
  квл: 'квартал',
  обл: 'область',
  рн: 'район',
  респ: 'республика',
  пос: 'поселок',
  п: 'поселок',
  дер: 'деревня',
  сел: 'село',
  стца: 'станица',
  им: 'имени',
};

/** Hyphenated abbreviations would fall apart with the punctuation. */
const HYPHENATED = /(?<![а-я])(пр|б|м|р|кв|ст)-(кт|т|д|р|н|л|ца)(?![а-я])/g;
/** «5к2», «5 корп. 2», «5стр3»: the building behind the house number. */
const BUILDING = /(\d[а-я]?)\s*[.,]?\s*(корпус|корп|к|строение|стр|с)\s*[.,]?\s*(?=\d)/g;
/** A flat number that stands in the address itself. */
const FLAT =
  /(?<![а-я])(?:кв|квартира|апартаменты|апарт|оф|офис)(?:\s*[.,№]+\s*|\s+|(?=\d))([0-9][0-9а-я/-]*)(?![а-я])/;
const ADJECTIVE = /(?:ий|ый|ой|ая|ое)$/;

const LOOKALIKES: Readonly<Record<string, string>> = {
  ...{ a: 'а', b: 'в', c: 'с', e: 'е', h: 'н', k: 'к', m: 'м', o: 'о', p: 'р', t: 'т', x: 'х', y: 'у' },
  ё: 'е',
};
/** Small letters of one alphabet: a house «5A» is typed on any keyboard. */
const smallLetters = (text: string) => text.toLowerCase().replace(/[abcehkmoptxyё]/g, (letter) => LOOKALIKES[letter]!);

/** The words that tell a house, in their order. */
function addressWords(text: string): string[] {
  const raw = smallLetters(text)
    .replace(FLAT, ' ')
    .replace(HYPHENATED, '$1$2')
    .replace(BUILDING, (_, house: string, word: string) => `${house} ${word.startsWith('к') ? 'к' : 'с'} `)
    .replace(/[^\p{L}\p{N}/]+/gu, ' ')
    .trim()
    .split(/\s+/);
  const words: string[] = [];
  for (const [at, word] of raw.entries()) {
    // A post code; a house never has six digits.
    if (word === '' || word === '/' || /^\d{6}$/.test(word)) continue;
    const next = raw[at + 1] ?? '';
    const isBeforeNumber = /^\d/.test(next);
    const isAfterNumber = /^\d+$/.test(words.at(-1) ?? '');
    // «д. 5» is a house, «д. Ивановка» a village.
    if (word === 'д' && isBeforeNumber) continue;
    // The letter of a house belongs to its number: «5 а» is «5а».
    if (isAfterNumber && /^[а-я]$/.test(word) && word !== 'к' && word !== 'с') words.push(words.pop() + word);
    else if (word === 'д') words.push('деревня');
    else if (word === 'с' && !isBeforeNumber) words.push('село');
    else if (word === 'г' && /^[а-я]{2,}/.test(next)) continue;
    else if (WORDS[word] === '') continue;
    else if (WORDS[word] !== undefined) words.push(WORDS[word]);
    else words.push(word);
  }
  return withoutRegions(words);
}

/** Regions and districts are told by one agent and left out by another; the locality is told by itself. */
function withoutRegions(words: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!['область', 'край', 'район', 'республика'].includes(word)) kept.push(word);
    else if (ADJECTIVE.test(kept.at(-1) ?? '')) kept.pop();
    else if (word === 'республика' || ADJECTIVE.test(words[at + 1] ?? '')) at++;
  }
  return kept;
}

/** Locality and address, the locality once; null where no house is told. */
function placeText(listing: Listing): string | null {
  const address = addressWords(listing.address ?? '');
  const locality = addressWords(listing.locality ?? '');
  const isThere = locality.length > 0 && locality.every((word, at) => address[at] === word);
  const rest = isThere ? address.slice(locality.length) : address;
  // A street without a number is not a house.
  if (rest.length < 2 || !rest.some((word) => /\d/.test(word))) return null;
  return [...locality, ...rest].join(' ');
}

/** The number of the flat, office or place; null where none is told. */
function flatNumber(listing: Listing): string | null {
  const told = listing.apartmentNumber ?? FLAT.exec(smallLetters(listing.address ?? ''))?.[1];
  const number = smallLetters(told ?? '')
    .replace(/(?:квартира|кв|помещение|пом|офис|оф)/g, '')
    .replace(/[^\p{L}\p{N}/]+/gu, '');
  return /[1-9]/.test(number) ? number.replace(/^0+(?=\d)/, '') : null;
}

const tenth = (areaM2: number) => (Math.round(areaM2 * 10) / 10).toFixed(1);

/** The area by which people tell such properties apart, square metres. */
function areaText(listing: Listing): string | null {
  const { kind, areaM2, roomAreaM2, landAreaM2 } = listing;
  const area =
    kind === 'land' ? (landAreaM2 ?? areaM2) : kind === 'room' || kind === 'bed' ? (roomAreaM2 ?? areaM2) : areaM2;
  return area === undefined ? null : tenth(area);
}

/** What is offered: two shares of one flat are two properties. */
const offerParts = (listing: Listing) => [
  listing.kind,
  listing.deal,
  listing.isShare === true ? `доля ${listing.shareText ?? ''}` : '',
];

/** Both texts of a listing; the address, which is the dear part, is read once. */
export interface SameTexts {
  /**
   * Equal for listings of the same flat: address, flat number, area, floor, kind, deal. Houses and land have no flat
   * number; their cadastral number takes its place. null where the number, the address or the area is not told.
   */
  readonly duplicate: string | null;
  /** Equal for listings that are probably the same property: the same without the number. null where too little is told. */
  readonly likeness: string | null;
}

/** @example «ул. Ленина, д. 5» and «улица Ленина, 5», flat 12, have the same texts */
export function sameTexts(listing: Listing): SameTexts {
  const place = placeText(listing);
  const area = areaText(listing);
  if (place === null || area === null) return { duplicate: null, likeness: null };
  const { kind, floor, cadastralNumber } = listing;
  const isLand = kind === 'house' || kind === 'land';
  const number = isLand ? cadastralNumber?.replace(/[^\d:]/g, '') || null : flatNumber(listing);
  const hasFloor = kind === 'flat' || kind === 'room' || kind === 'bed';
  const rest = [area, floor ?? '', ...offerParts(listing)];
  return {
    duplicate: number === null ? null : [place, number, ...rest].join('|'),
    likeness: hasFloor && floor === undefined ? null : [place, ...rest].join('|'),
  };
}

/** See `SameTexts`. */
export const duplicateText = (listing: Listing): string | null => sameTexts(listing).duplicate;
/** See `SameTexts`. */
export const likenessText = (listing: Listing): string | null => sameTexts(listing).likeness;

/** Fewer pictures than these are no evidence: everybody has one of the entrance. */
const LOOKS_MIN = 3;

/**
 * Equal for listings that show the same pictures of a property of the same size. Pictures alone are not enough: the
 * developer's ones are shared by all flats of a building, so a new flat also needs its number.
 * @param lookIds what the photographs look like (plans are not among them); several may look the same
 */
export function photosText(lookIds: readonly number[], listing: Listing): string | null {
  const looks = [...new Set(lookIds)].sort((left, right) => left - right);
  const area = areaText(listing);
  if (looks.length < LOOKS_MIN || area === null) return null;
  const number = listing.market === 'new' ? flatNumber(listing) : '';
  if (number === null) return null;
  return [looks.join(' '), area, listing.floor ?? '', number, ...offerParts(listing)].join('|');
}
