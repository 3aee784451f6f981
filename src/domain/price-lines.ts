import { DEAL_LABELS, DEALS, KIND_LABELS, KINDS } from './listing.ts';
import { formatKopecks, readRoubles } from './money.ts';
import type { PriceLine, TariffTerms } from './tariff.ts';

/**
 * Lines of a tariff as people write them, «вид=квартира сделка=продажа регион=Москва от=5000000 до=10000000 цена=45»,
 * and as they read them, «квартира, продажа, Москва, от 5 000 000 ₽ до 10 000 000 ₽ — 45 ₽ в день». Prices are in
 * roubles here.
 */

/** What a price is for: a day of a listing, or one placement of the package. */
export type PriceUnit = 'day' | 'placement';

export const PRICE_UNITS: Readonly<Record<PriceUnit, string>> = { day: 'в день', placement: 'за размещение' };

/** «45 ₽ в день», «бесплатно». */
export const priceText = (kopecks: number, unit: PriceUnit) =>
  kopecks === 0 ? 'бесплатно' : `${formatKopecks(kopecks)} ${PRICE_UNITS[unit]}`;

/** «квартира, продажа, Москва, от 5 000 000 ₽ до 10 000 000 ₽»; an empty text when a line has no conditions. */
export function conditionsText({ kind, deal, region, priceFrom, priceBelow }: PriceLine): string {
  const range = [
    ...(priceFrom === undefined ? [] : [`от ${formatKopecks(priceFrom)}`]),
    ...(priceBelow === undefined ? [] : [`до ${formatKopecks(priceBelow)}`]),
  ];
  return [
    ...(kind === undefined ? [] : [KIND_LABELS[kind]]),
    ...(deal === undefined ? [] : [DEAL_LABELS[deal]]),
    ...(region === undefined ? [] : [region]),
    ...(range.length === 0 ? [] : [range.join(' ')]),
  ].join(', ');
}

/** A price list, a line for each of its own: «квартира — 45 ₽ в день», «остальные — 30 ₽ в день». */
export function priceListText(lines: readonly PriceLine[], unit: PriceUnit): string[] {
  const rest = lines.length === 1 ? 'любой объект' : 'остальные';
  return lines.map((line) => `${conditionsText(line) || rest} — ${priceText(line.kopecks, unit)}`);
}

/** «продвижение x2_7 на 7 дн. — 500 ₽» */
export const promotionText = ({ level, days, kopecks }: TariffTerms['promotion'][number]) =>
  `продвижение ${level} на ${days} дн. — ${kopecks === 0 ? 'бесплатно' : formatKopecks(kopecks)}`;

/** The prices of a tariff, each in a line of its own. */
export function termsText(
  { lines, excess, promotion }: TariffTerms,
  { unit, isPackaged }: { readonly unit: PriceUnit; readonly isPackaged: boolean },
): string[] {
  const over =
    excess === null
      ? isPackaged
        ? ['сверх пакета — не продаётся, объекты ждут места']
        : []
      : priceListText(excess, unit).map((line) => `сверх пакета: ${line}`);
  return [...priceListText(lines, unit), ...over, ...promotion.map(promotionText)];
}

/** What was read; worth something only when nothing is wrong. */
export interface Reading<T> {
  readonly value: T;
  /** Russian sentences. */
  readonly faults: readonly string[];
}

/** «вид=квартира сделка=продажа регион=Москва от=5000000 до=10000000 цена=45»; `от` inclusive, `до` not. */
export function readPriceLine(text: string): Reading<PriceLine> {
  const { words, faults } = readWords(text, ['вид', 'сделка', 'регион', 'от', 'до', 'цена'], ['цена']);
  const line: { -readonly [K in keyof PriceLine]: PriceLine[K] } = { kopecks: 0 };
  for (const [word, value] of words) {
    if (word === 'вид') line.kind = oneOf(word, value, KINDS, KIND_LABELS, faults)!;
    else if (word === 'сделка') line.deal = oneOf(word, value, DEALS, DEAL_LABELS, faults)!;
    else if (word === 'регион') line.region = value;
    else if (word === 'от') line.priceFrom = roubles(word, value, faults);
    else if (word === 'до') line.priceBelow = roubles(word, value, faults);
    else line.kopecks = roubles(word, value, faults);
  }
  return { value: line, faults };
}

/** «уровень=x2_7 дней=7 цена=500» */
export function readPromotion(text: string): Reading<TariffTerms['promotion'][number]> {
  const { words, faults } = readWords(text, ['уровень', 'дней', 'цена'], ['уровень', 'дней', 'цена']);
  const days = words.get('дней') ?? '1';
  if (!/^[1-9]\d{0,2}$/.test(days)) faults.push(`дней=${days} — не число дней.`);
  const kopecks = roubles('цена', words.get('цена') ?? '0', faults);
  return { value: { level: words.get('уровень') ?? '', days: Number(days), kopecks }, faults };
}

/** A value goes on until the next `слово=`: «регион=Московская область цена=45». */
const WORD = /(?:^|[\s,;]+)(\p{L}+)\s*=/gu;

function readWords<W extends string>(text: string, known: readonly W[], needed: readonly W[]) {
  const words = new Map<W, string>();
  const faults: string[] = [];
  const found = [...text.matchAll(WORD)];
  const before = text.slice(0, found[0]?.index ?? text.length).trim();
  if (before !== '') faults.push(`«${before.slice(0, 60)}» — непонятно, что это: нужны слова ${listed(known)}.`);
  for (const [index, { 0: all, 1: name, index: at }] of found.entries()) {
    const word = known.find((one) => one === name!.toLowerCase());
    const value = text
      .slice(at + all.length, found[index + 1]?.index ?? text.length)
      .trim()
      .replace(/^[«"]|[»"]$|[,;]+$/g, '');
    if (word === undefined) faults.push(`«${name!.slice(0, 60)}=» не бывает: нужны слова ${listed(known)}.`);
    else if (words.has(word)) faults.push(`«${word}=» стоит дважды.`);
    else if (value === '') faults.push(`«${word}=» без значения.`);
    if (word !== undefined && value !== '') words.set(word, value);
  }
  for (const word of needed)
    if (!found.some(({ 1: name }) => name!.toLowerCase() === word)) faults.push(`Нет «${word}=».`);
  return { words, faults };
}

const listed = (words: readonly string[]) => words.map((word) => `${word}=`).join(', ');

function roubles(word: string, value: string, faults: string[]): number {
  const kopecks = readRoubles(value);
  if (kopecks === undefined) faults.push(`${word}=${value.slice(0, 60)} — не сумма в рублях. Примеры: 45, 1 234,50.`);
  return kopecks ?? 0;
}

const plain = (text: string) => text.toLowerCase().replaceAll('ё', 'е').replace(/\s+/g, ' ');

function oneOf<T extends string>(
  word: string,
  value: string,
  all: readonly T[],
  labels: Readonly<Record<T, string>>,
  faults: string[],
): T | undefined {
  const found = all.find((one) => one === plain(value) || plain(labels[one]) === plain(value));
  if (found === undefined) {
    const may = all.map((one) => `${labels[one]} (${one})`).join(', ');
    faults.push(`${word}=${value.slice(0, 60)} не подходит. Можно: ${may}.`);
  }
  return found;
}
