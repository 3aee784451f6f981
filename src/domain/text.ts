/**
 * Text made legal for XML 1.0 once, on the way in and again on the way out, so one bad listing never spoils a file.
 */

/** Characters XML 1.0 forbids: control codes, U+FFFE, U+FFFF and lone surrogates (XML 1.0 §2.2, production Char). */
const ILLEGAL =
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** Invisible marks that parsers drop or that make equal texts differ: byte order mark and zero-width space. */
const INVISIBLE = /[\uFEFF\u200B]/g;

/** Removes what XML 1.0 forbids; everything else stays as it is. */
export function legalXml(text: string): string {
  return text.replace(ILLEGAL, '');
}

/** The canonical form of a text in a listing: legal, line ends are LF, no invisible marks, no blanks around. */
export function cleanText(text: string): string {
  return legalXml(text).replace(INVISIBLE, '').replace(/\r\n?/g, '\n').trim();
}

/** Text without HTML tags and entities, as a reader sees it; the length rules count this. */
export function plainText(html: string): string {
  return html
    .replace(/<br\s*\/?>|<\/(?:p|li|ul|ol)>/gi, '\n')
    .replace(/<\/?[a-z][^>]*>/gi, '')
    .trim();
}

const plural = new Intl.PluralRules('ru');

/**
 * Russian agreement of a noun with a number.
 * @example agree(3, 'знак', 'знака', 'знаков') // 'знака'
 */
export function agree(count: number, one: string, few: string, many: string): string {
  const form = plural.select(count);
  return form === 'one' ? one : form === 'few' || !Number.isInteger(count) ? few : many;
}

const numbers = new Intl.NumberFormat('ru', { maximumFractionDigits: 4 });

/** A number as people read it: decimal comma, narrow no-break spaces between thousands. */
export function formatNumber(value: number): string {
  return numbers.format(value);
}

/** Where a row of a table stands in its file: «строка 5»; a JSON has no lines, «запись 5». */
export const placeTold = (format: 'csv' | 'json', line: number): string =>
  `${format === 'csv' ? 'строка' : 'запись'} ${line}`;

export const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
