import Type, { type Static } from 'typebox';
import type { Listing } from './listing.ts';
import type { PhotoFacts } from './photos.ts';
import { plainText } from './text.ts';

/**
 * Facts about a listing that rules need and that are not a field of it: lengths, counts, sums, comparisons.
 * They are computed once per listing and shared by all boards, so a rule stays a plain comparison.
 * A fact about a field that is not filled is the harmless one: a count of 0, a comparison that is false.
 */

const chars = () => Type.Integer({ minimum: 0 });
const pieces = () => Type.Integer({ minimum: 0 });

export const FactsSchema = Type.Object(
  {
    /** Length of the listing's own number, characters. */
    idChars: chars(),
    /** The number holds only Latin letters, digits, `-` and `_`, which every board reads. */
    isIdPlain: Type.Boolean(),
    /** The number holds only letters of both alphabets, digits and `, \ / ( ) [ ] - =`. */
    isIdOfCommonSigns: Type.Boolean(),

    /** Length of the title, characters; 0 without a title. */
    titleChars: chars(),
    /** Letters and digits of the title, without blanks and signs. */
    titleLettersCount: chars(),
    /** The title is shouted: most of at least ten letters are capitals. */
    isTitleShouting: Type.Boolean(),
    /** The title tells a price («5 млн», «5 400 000 руб.»). */
    hasTitlePrice: Type.Boolean(),
    /** The title holds a phone number or an address of a site. */
    hasTitleContacts: Type.Boolean(),

    /** Length of the description as a reader sees it, without tags, characters; 0 without a description. */
    descriptionChars: chars(),
    /** The description holds HTML tags. */
    hasHtml: Type.Boolean(),
    /** HTML tags other than `p br strong em ul ol li`, pieces. */
    unusualTagsCount: pieces(),
    /** The description holds the end mark of a CDATA section. */
    hasCdataEnd: Type.Boolean(),
    /** The description or the title holds an ampersand. */
    hasAmpersand: Type.Boolean(),
    /** Slashes, backslashes and numero signs in the description, pieces: one board cuts them out. */
    slashesCount: pieces(),
    /** Emoji in the description and the title, pieces. */
    emojiCount: pieces(),
    /** Words that mix Latin and Cyrillic letters («Bартира»), pieces. */
    mixedWordsCount: pieces(),
    /** Phone numbers typed into the description or the title; the placeholder `{phone}` is not one. */
    phonesInText: pieces(),
    /** Addresses of sites and mail boxes in the description or the title, pieces. */
    urlsInText: pieces(),

    /** Length of the address, characters; 0 without one. */
    addressChars: chars(),
    /** Both coordinates are known and are not the zero point. */
    hasCoordinates: Type.Boolean(),
    /** The point lies in the rectangle around Russia; false also catches latitude and longitude that changed places. */
    isPointInRussia: Type.Boolean(),
    /** The house or the point is told: an address or both coordinates. */
    isPlaceKnown: Type.Boolean(),

    /** Pictures of the property, without plans. */
    photosCount: pieces(),
    /** Pictures marked as plans. */
    plansCount: pieces(),
    /** All pictures with an address that a board can fetch: `http` or `https`. */
    usablePhotosCount: pieces(),
    /** Pictures whose address ends in `.webp`. */
    webpPhotosCount: pieces(),
    /** Pictures whose address ends in `.gif`. */
    gifPhotosCount: pieces(),
    /** Pictures in other formats that boards do not name: `.avif`, `.heic`, `.bmp`, `.tiff`, `.svg`, `.pdf`. */
    oddFormatPhotosCount: pieces(),
    /** Pictures whose address stands in the list a second time. */
    duplicatePhotosCount: pieces(),
    /** Pictures without `http` or `https` in the address. */
    nonHttpPhotosCount: pieces(),
    /** Pictures served from a port other than 80 and 443. */
    oddPortPhotosCount: pieces(),

    /*
     * What the probes of the pictures say. Unknown is harmless: counts are 0 and sizes absent until somebody looked.
     */
    /** Pictures that failed three times over 24 hours while their server answers for others. */
    brokenPhotosCount: pieces(),
    /** There are pictures, and all of them are broken. */
    isEveryPhotoBroken: Type.Boolean(),
    /** The first broken ones: «фото 4: сервер ответил 404»; absent when none is. */
    brokenPhotosTold: Type.Optional(Type.String()),
    /** Pictures whose last probe failed and that are not broken yet. */
    failingPhotosCount: pieces(),
    /** Pictures that nobody has seen yet. */
    unprobedPhotosCount: pieces(),
    /** Picture servers that do not answer at all. */
    deadPhotoHostsCount: pieces(),
    /** Their names; absent when all answer. */
    deadPhotoHosts: Type.Optional(Type.String()),
    /** Shortest side, width and height among the pictures that were seen. */
    minPhotoSidePx: Type.Optional(pieces()),
    minPhotoWidthPx: Type.Optional(pieces()),
    minPhotoHeightPx: Type.Optional(pieces()),
    /** The heaviest file, bytes, and the same in megabytes of 1024 × 1024 bytes, rounded up to a tenth. */
    maxPhotoBytes: Type.Optional(pieces()),
    maxPhotoMb: Type.Optional(Type.Number({ minimum: 0 })),
    /** Formats by the files' own bytes, other than JPEG, PNG and GIF: «WebP, AVIF»; absent when there is none. */
    unusualPhotoTypes: Type.Optional(Type.String()),

    /** The floor is above the last one. */
    isFloorAboveTotal: Type.Boolean(),
    /** Living area and kitchen together, square metres; an unknown part counts as nothing. */
    livingPlusKitchenM2: Type.Number({ minimum: 0 }),
    /** Living area and kitchen together are larger than the total area. */
    areRoomsAboveTotal: Type.Boolean(),
    /** The number of rooms is told in some way: at least one room, a studio or an open plan. */
    isRoomsKnown: Type.Boolean(),
    /** The area of the plot in sotkas (100 m²); 0 when unknown. */
    landAreaSotka: Type.Number({ minimum: 0 }),

    /** The price in roubles (or in the listing's currency), for limits only; 0 when unknown. */
    priceRoubles: Type.Number({ minimum: 0 }),
    /** The price has kopecks. */
    hasPriceKopecks: Type.Boolean(),
    /** The price is in roubles; true as well when no currency is told. */
    isPriceInRoubles: Type.Boolean(),
    /** The deposit is told, as a sum or in months. */
    isDepositKnown: Type.Boolean(),

    /** Phone numbers of the listing, pieces. */
    phonesCount: pieces(),
    /** Numbers that are not `+7` and ten digits of a Russian number, pieces. */
    badPhonesCount: pieces(),
    /** Numbers that are `+7` and ten digits, pieces. */
    russianPhonesCount: pieces(),
    /** Length of the contact's name, characters; 0 without one. */
    contactNameChars: chars(),
    /** The mail address lies in a zone that feed checkers stumble over (`.moscow` and other new zones). */
    isNonCommonEmailZone: Type.Boolean(),
    /** The mail address has no `@`, or nothing before or after it. */
    isEmailMalformed: Type.Boolean(),

    /** The year in which the listing was created; absent when unknown. */
    createdYear: Type.Optional(Type.Integer()),
  },
  { $id: 'Facts', additionalProperties: false },
);

export type Facts = Static<typeof FactsSchema>;
export type Fact = keyof Facts;
export const FACTS = Object.keys(FactsSchema.properties) as Fact[];

const TAG = /<\/?([a-z][a-z0-9]*)[^>]*>/gi;
const USUAL_TAGS = new Set(['p', 'br', 'strong', 'em', 'ul', 'ol', 'li']);
/** A Russian number as people type it; ten digits without a prefix count only when they begin with 9. */
const PHONE =
  /(?<![\d.,:/-])(?:(?:\+\s?7|[78])[\s\u00A0(-]{0,3}\d{3}|\(?9\d{2})[\s\u00A0)-]{0,3}\d{3}[\s\u00A0-]{0,2}\d{2}[\s\u00A0-]{0,2}\d{2}(?!\d)/g;
const URL_IN_TEXT =
  /https?:\/\/\S+|www\.\S+|[\w-]+@[\w.-]+|[\w-]{2,}\.(?:ru|com|net|org|su|info|online|site)(?![\w-])|t\.me\/\S*/gi;
const CYRILLIC_URL = /[а-яё-]{2,}\.рф(?![а-яё])/gi;
const EMOJI = /\p{Extended_Pictographic}/gu;
const MIXED = /[a-z][а-яё]|[а-яё][a-z]/gi;
const MIXED_WORD = /[a-zа-яё]+/gi;
const PRICE_IN_TITLE = /\d[\d\s\u00A0.,]*(?:руб|₽|р\.|млн|тыс)/i;
const ODD_FORMATS = new Set(['avif', 'heic', 'heif', 'bmp', 'tif', 'tiff', 'svg', 'pdf']);
const PORT = /^https?:\/\/[^/?#]*?:(\d+)(?:[/?#]|$)/i;
const COMMON_ZONE = /\.(?:[a-z]{2}|com|net|org|info|biz|edu|gov|рф|xn--p1ai)$/i;

const ENTITY = /&(nbsp|[a-z]{2,8}|#\d{1,7}|#x[0-9a-f]{1,6});/gi;
/** An entity is one sign to a reader; a no-break space is a blank, so that a text of blanks counts as empty. */
const oneSign = (_: string, name: string) => (name.toLowerCase() === 'nbsp' || name === '#160' ? ' ' : '?');

const countOf = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

/** Characters as people count them: an emoji outside the basic plane is one, not two. */
function charsOf(text: string, hasSurrogates: boolean): number {
  if (!hasSurrogates) return text.length;
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0xdc00 && code <= 0xdfff) pairs++;
  }
  return text.length - pairs;
}

/** What one pass over a text finds; the slower expressions run only where it saw a reason for them. */
interface Glance {
  digits: number;
  slashes: number;
  latin: number;
  hasTagMark: boolean;
  hasAmpersand: boolean;
  hasSurrogates: boolean;
  hasPictographs: boolean;
  hasDotOrAt: boolean;
}

function glance(text: string): Glance {
  const seen: Glance = {
    digits: 0,
    slashes: 0,
    latin: 0,
    hasTagMark: false,
    hasAmpersand: false,
    hasSurrogates: false,
    hasPictographs: false,
    hasDotOrAt: false,
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x0400 && code <= 0x04ff) continue;
    if (code >= 0x30 && code <= 0x39) seen.digits++;
    else if ((code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a)) seen.latin++;
    else if (code === 0x2f || code === 0x5c || code === 0x2116) seen.slashes++;
    else if (code === 0x3c) seen.hasTagMark = true;
    else if (code === 0x26) seen.hasAmpersand = true;
    else if (code === 0x2e || code === 0x40) seen.hasDotOrAt = true;
    else if (code === 0xa9 || code === 0xae || (code >= 0x203c && code <= 0x3299)) seen.hasPictographs = true;
    else if (code >= 0xd800 && code <= 0xdfff) seen.hasSurrogates = true;
  }
  return seen;
}

function phonesIn(text: string, seen: Glance): number {
  return seen.digits < 10 ? 0 : countOf(text, PHONE);
}

function urlsIn(text: string, seen: Glance): number {
  if (!seen.hasDotOrAt) return 0;
  const cyrillic = text.includes('.рф') ? countOf(text, CYRILLIC_URL) : 0;
  return seen.latin > 1 ? cyrillic + countOf(text, URL_IN_TEXT) : cyrillic;
}

function emojiIn(text: string, seen: Glance): number {
  if (!seen.hasSurrogates && !seen.hasPictographs) return 0;
  // ©, ® and ™ are pictographs by Unicode and ordinary signs by use.
  return (text.match(EMOJI) ?? []).filter((sign) => sign !== '©' && sign !== '®' && sign !== '™').length;
}

function mixedWordsIn(text: string, seen: Glance): number {
  if (seen.latin === 0 || text.search(MIXED) < 0) return 0;
  return (text.match(MIXED_WORD) ?? []).filter((word) => word.search(MIXED) >= 0).length;
}

function isShouting(title: string): boolean {
  const letters = title.match(/\p{L}/gu) ?? [];
  if (letters.length < 10) return false;
  return countOf(title, /\p{Lu}/gu) * 2 > letters.length;
}

/** Letter case of the scheme is free, and nearly always it is small. */
function isHttp(url: string): boolean {
  return url.startsWith('https://') || url.startsWith('http://') || /^https?:\/\//i.test(url);
}

/** The ending of the path, in small letters: `jpg`; empty when the address does not tell. */
function pictureFormat(url: string): string {
  let end = url.length;
  for (const mark of ['?', '#']) {
    const at = url.indexOf(mark);
    if (at >= 0 && at < end) end = at;
  }
  const dot = url.lastIndexOf('.', end - 1);
  return dot < end - 5 ? '' : url.slice(dot + 1, end).toLowerCase();
}

function photoFacts(photos: Listing['photos']) {
  const found = {
    photosCount: 0,
    plansCount: 0,
    usablePhotosCount: 0,
    webpPhotosCount: 0,
    gifPhotosCount: 0,
    oddFormatPhotosCount: 0,
    duplicatePhotosCount: 0,
    nonHttpPhotosCount: 0,
    oddPortPhotosCount: 0,
  };
  if (photos === undefined) return found;
  const urls = new Set<string>();
  for (const { url, isPlan } of photos) {
    if (isPlan === true) found.plansCount++;
    else found.photosCount++;
    urls.add(url);
    if (!isHttp(url)) {
      found.nonHttpPhotosCount++;
      continue;
    }
    found.usablePhotosCount++;
    const format = pictureFormat(url);
    if (format === 'webp') found.webpPhotosCount++;
    else if (format === 'gif') found.gifPhotosCount++;
    else if (ODD_FORMATS.has(format)) found.oddFormatPhotosCount++;
    const port = url.indexOf(':', 8) < 0 ? undefined : PORT.exec(url)?.[1];
    if (port !== undefined && port !== '80' && port !== '443') found.oddPortPhotosCount++;
  }
  found.duplicatePhotosCount = photos.length - urls.size;
  return found;
}

/** «image/webp» as people call it. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  'image/webp': 'WebP',
  'image/avif': 'AVIF',
  'image/heic': 'HEIC',
  'image/bmp': 'BMP',
  'image/tiff': 'TIFF',
};
const NEVER_UNUSUAL = ['image/jpeg', 'image/png', 'image/gif'];

function probedFacts(probes: PhotoFacts | null | undefined) {
  const { minSidePx, minWidthPx, minHeightPx, maxBytes } = probes ?? {};
  const broken = probes?.broken ?? 0;
  const told = (probes?.brokenTold ?? []).map(({ place, why }) => `фото ${place}: ${why}`);
  const deadHosts = probes?.deadHosts ?? [];
  const unusual = (probes?.oddTypes ?? []).filter((type) => !NEVER_UNUSUAL.includes(type));
  return {
    brokenPhotosCount: broken,
    isEveryPhotoBroken: probes != null && broken > 0 && probes.probed + probes.unprobed === 0,
    ...(told.length > 0 && { brokenPhotosTold: `${told.join(', ')}${broken > told.length ? ' и другие' : ''}` }),
    failingPhotosCount: probes?.failing ?? 0,
    unprobedPhotosCount: probes?.unprobed ?? 0,
    deadPhotoHostsCount: deadHosts.length,
    ...(deadHosts.length > 0 && { deadPhotoHosts: deadHosts.join(', ') }),
    ...(minSidePx !== undefined && { minPhotoSidePx: minSidePx }),
    ...(minWidthPx !== undefined && { minPhotoWidthPx: minWidthPx }),
    ...(minHeightPx !== undefined && { minPhotoHeightPx: minHeightPx }),
    ...(maxBytes !== undefined && {
      maxPhotoBytes: maxBytes,
      maxPhotoMb: Math.ceil((maxBytes / 1024 / 1024) * 10) / 10,
    }),
    ...(unusual.length > 0 && { unusualPhotoTypes: unusual.map((type) => TYPE_NAMES[type] ?? type).join(', ') }),
  };
}

/**
 * All facts of a listing. Pure and cheap (about 10 µs for a description of 1500 characters).
 * @param probes what the probes say of its photos; absent or null: unknown, and nothing follows from it
 * @example factsOf({ externalId: 'A-1', kind: 'flat', deal: 'sale', description: '<p>Дом</p>' }).descriptionChars // 3
 */
export function factsOf(listing: Listing, probes?: PhotoFacts | null): Facts {
  const { externalId, title = '', description = '', address = '', contactPhones, contactEmail } = listing;
  const { latitude, longitude, areaM2, priceKopecks, createdAt } = listing;

  const seen = glance(description);
  const seenTitle = glance(title);
  const tags = seen.hasTagMark ? [...description.matchAll(TAG)] : [];
  const bare = tags.length > 0 ? plainText(description) : description;
  const plain = (seen.hasAmpersand ? bare.replace(ENTITY, oneSign) : bare).trim();

  const hasCoordinates = latitude !== undefined && longitude !== undefined && (latitude !== 0 || longitude !== 0);
  const livingPlusKitchenM2 = Math.round(((listing.livingAreaM2 ?? 0) + (listing.kitchenAreaM2 ?? 0)) * 1e4) / 1e4;
  const russianPhonesCount = contactPhones?.filter((phone) => /^\+7[3-9]\d{9}$/.test(phone)).length ?? 0;
  const phonesCount = contactPhones?.length ?? 0;
  const titlePhones = phonesIn(title, seenTitle);
  const titleUrls = urlsIn(title, seenTitle);
  const createdYear = createdAt === undefined ? Number.NaN : Number(createdAt.slice(0, 4));

  return {
    idChars: externalId.length,
    isIdPlain: /^[A-Za-z0-9_-]+$/.test(externalId),
    isIdOfCommonSigns: /^[A-Za-zА-Яа-яЁё0-9,\\/()[\]=-]+$/.test(externalId),

    titleChars: charsOf(title, seenTitle.hasSurrogates),
    titleLettersCount: title === '' ? 0 : countOf(title, /[\p{L}\d]/gu),
    isTitleShouting: title !== '' && isShouting(title),
    hasTitlePrice: seenTitle.digits > 0 && PRICE_IN_TITLE.test(title),
    hasTitleContacts: titlePhones + titleUrls > 0,

    descriptionChars: charsOf(plain, seen.hasSurrogates),
    hasHtml: tags.length > 0,
    unusualTagsCount: tags.filter((tag) => !USUAL_TAGS.has(tag[1]!.toLowerCase())).length,
    hasCdataEnd: description.includes(']]>'),
    hasAmpersand: seen.hasAmpersand || seenTitle.hasAmpersand,
    // A tag's own slash is not a sign of the text.
    slashesCount: tags.length > 0 ? glance(plain).slashes : seen.slashes,
    emojiCount: emojiIn(description, seen) + emojiIn(title, seenTitle),
    mixedWordsCount: mixedWordsIn(plain, seen) + mixedWordsIn(title, seenTitle),
    phonesInText: phonesIn(plain, seen) + titlePhones,
    urlsInText: urlsIn(plain, seen) + titleUrls,

    addressChars: address.length,
    hasCoordinates,
    isPointInRussia:
      hasCoordinates &&
      latitude >= 41 &&
      latitude <= 82 &&
      ((longitude >= 19 && longitude <= 180) || longitude <= -168),
    isPlaceKnown: address !== '' || hasCoordinates,

    ...photoFacts(listing.photos),
    ...probedFacts(probes),

    isFloorAboveTotal:
      listing.floor !== undefined && listing.floorsTotal !== undefined && listing.floor > listing.floorsTotal,
    livingPlusKitchenM2,
    areRoomsAboveTotal: areaM2 !== undefined && livingPlusKitchenM2 > areaM2,
    isRoomsKnown: (listing.roomsCount ?? 0) >= 1 || listing.isStudio === true || listing.isOpenPlan === true,
    landAreaSotka: (listing.landAreaM2 ?? 0) / 100,

    priceRoubles: (priceKopecks ?? 0) / 100,
    hasPriceKopecks: priceKopecks !== undefined && priceKopecks % 100 !== 0,
    isPriceInRoubles: listing.currency === undefined || listing.currency === 'RUB',
    isDepositKnown: listing.depositKopecks !== undefined || listing.depositMonths !== undefined,

    phonesCount,
    badPhonesCount: phonesCount - russianPhonesCount,
    russianPhonesCount,
    contactNameChars: listing.contactName?.length ?? 0,
    isNonCommonEmailZone: contactEmail?.includes('.') === true && !COMMON_ZONE.test(contactEmail),
    isEmailMalformed: contactEmail !== undefined && !/^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(contactEmail),

    ...(Number.isInteger(createdYear) && { createdYear }),
  };
}
