/**
 * Numbers, money and moments as people read them. Moments are told in the agency's zone, wherever the browser is;
 * the footer names the zone once.
 */
import { agree, formatKopecks, formatNumber } from '../contracts/words.ts';

export { agree, formatNumber };

let zone = 'Europe/Moscow';

/** How far the server's clock is ahead of ours; the demo's runs faster than the world's. */
let aheadMs = 0;

/** When it is known who is signed in. */
export function tellTimeIn(timeZone: string, serverNow: string): void {
  zone = timeZone;
  aheadMs = new Date(serverNow).getTime() - Date.now();
  formats.clear();
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions, timeZone = zone): Intl.DateTimeFormat {
  const key = `${timeZone} ${JSON.stringify(options)}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat('ru', { ...options, timeZone });
    formats.set(key, made);
  }
  return made;
}

/** «3 объекта»: the number with its noun. */
export const counted = (count: number, one: string, few: string, many: string): string =>
  `${formatNumber(count)}\u00a0${agree(count, one, few, many)}`;

export const objects = (count: number): string => counted(count, 'объект', 'объекта', 'объектов');

/** «12 400 ₽»: whole roubles, for lists. */
export const roubles = (kopecks: number): string => formatKopecks(Math.round(kopecks / 100) * 100);

/** «12 400,50 ₽»: to the kopeck, for ledgers and forms. */
export const money = (kopecks: number): string => formatKopecks(kopecks);

const list = new Intl.ListFormat('ru', { type: 'conjunction' });

/** «Авито, Циан и Яндекс». */
export const listed = (words: readonly string[]): string => list.format(words);

/** What time it is for the server. */
export const now = (): Date => new Date(Date.now() + aheadMs);

type Moment = string | number | Date;

const thisYear = () => format({ year: 'numeric' }).format(now());

/** «21 ноября», with the year where it is another one: «21 ноября 2025». A day is `YYYY-MM-DD`. */
export function day(of: string): string {
  return dayIn(new Date(`${of.slice(0, 10)}T00:00:00Z`), 'UTC');
}

function dayIn(moment: Date, timeZone: string): string {
  const year = format({ year: 'numeric' }, timeZone).format(moment);
  const words = format({ day: 'numeric', month: 'long' }, timeZone).format(moment);
  return year === thisYear() ? words : `${words} ${year}`;
}

/** «14:05». */
export const clock = (of: Moment): string => format({ hour: '2-digit', minute: '2-digit' }).format(new Date(of));

/** «21 ноября, 14:05». */
export const moment = (of: Moment): string => `${dayIn(new Date(of), zone)}, ${clock(of)}`;

/** «21.11.26», for tables. A day is `YYYY-MM-DD`. */
export const dayShort = (of: string): string => `${of.slice(8, 10)}.${of.slice(5, 7)}.${of.slice(2, 4)}`;

/** «21.11.2026», beside a field with such days. A day is `YYYY-MM-DD`. */
export const dayFull = (of: string): string => `${of.slice(8, 10)}.${of.slice(5, 7)}.${of.slice(0, 4)}`;

/** «21.11.2026 14:05», where days stand in full. */
export function momentFull(of: Moment): string {
  const date = new Date(of);
  return `${format({ day: '2-digit', month: '2-digit', year: 'numeric' }).format(date)} ${clock(date)}`;
}

/** «21.11.26 14:05», for tables. */
export function momentShort(of: Moment): string {
  const date = new Date(of);
  return `${format({ day: '2-digit', month: '2-digit', year: '2-digit' }).format(date)} ${clock(date)}`;
}

/** «сегодня 14:05», «вчера 09:10», «12.11.26 14:05»: for columns that are read from the freshest down. */
export function momentNear(of: Moment): string {
  const words = recent(of);
  return words ? `${words} ${clock(of)}` : momentShort(of);
}

function recent(of: Moment): string | null {
  const then = today(new Date(of));
  if (then === today()) return 'сегодня';
  return then === today(new Date(now().getTime() - 86_400_000)) ? 'вчера' : null;
}

/** The day it is for the agency, `YYYY-MM-DD`. */
export function today(at: Date = now()): string {
  // Sweden writes its days as machines do.
  return new Intl.DateTimeFormat('sv', { timeZone: zone }).format(at);
}

/** «только что», «12 минут», «3 часа», «2 дня»: how long it has been. */
export function lasted(since: Moment, until: Moment = now()): string {
  const minutes = Math.floor((new Date(until).getTime() - new Date(since).getTime()) / 60_000);
  if (minutes < 1) return 'меньше минуты';
  if (minutes < 60) return counted(minutes, 'минута', 'минуты', 'минут');
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return counted(hours, 'час', 'часа', 'часов');
  return counted(Math.floor(hours / 24), 'день', 'дня', 'дней');
}

const DAY_MS = 86_400_000;

/** The day that lies so many days after another, or before it. */
export const addDays = (of: string, days: number): string =>
  new Date(Date.parse(`${of}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** Is it a day of the calendar, `YYYY-MM-DD`? */
export function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  // The 31st of February rolls over into March; that is no day.
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text;
}

const CITIES: Readonly<Record<string, string>> = {
  'Europe/Kaliningrad': 'Калининград',
  'Europe/Moscow': 'Москва',
  'Europe/Simferopol': 'Симферополь',
  'Europe/Volgograd': 'Волгоград',
  'Europe/Kirov': 'Киров',
  'Europe/Astrakhan': 'Астрахань',
  'Europe/Samara': 'Самара',
  'Europe/Saratov': 'Саратов',
  'Europe/Ulyanovsk': 'Ульяновск',
  'Asia/Yekaterinburg': 'Екатеринбург',
  'Asia/Omsk': 'Омск',
  'Asia/Novosibirsk': 'Новосибирск',
  'Asia/Barnaul': 'Барнаул',
  'Asia/Tomsk': 'Томск',
  'Asia/Novokuznetsk': 'Новокузнецк',
  'Asia/Krasnoyarsk': 'Красноярск',
  'Asia/Irkutsk': 'Иркутск',
  'Asia/Chita': 'Чита',
  'Asia/Yakutsk': 'Якутск',
  'Asia/Khandyga': 'Хандыга',
  'Asia/Vladivostok': 'Владивосток',
  'Asia/Ust-Nera': 'Усть-Нера',
  'Asia/Sakhalin': 'Южно-Сахалинск',
  'Asia/Magadan': 'Магадан',
  'Asia/Srednekolymsk': 'Среднеколымск',
  'Asia/Kamchatka': 'Петропавловск-Камчатский',
  'Asia/Anadyr': 'Анадырь',
};

/** Zones of Russia, from west to east. */
export const ZONES: readonly string[] = Object.keys(CITIES);

/** «Екатеринбург, МСК+2». */
export function zoneWords(timeZone: string, at: Date = new Date()): string {
  const hours = (offset(timeZone, at) - offset('Europe/Moscow', at)) / 60;
  const shift = hours === 0 ? 'МСК' : `МСК${hours > 0 ? '+' : '−'}${formatNumber(Math.abs(hours))}`;
  return `${CITIES[timeZone] ?? timeZone}, ${shift}`;
}

/** Minutes a zone is ahead of Greenwich. */
function offset(timeZone: string, at: Date): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(at);
  const found = /GMT([+-])(\d\d):(\d\d)/.exec(parts.find((part) => part.type === 'timeZoneName')?.value ?? '');
  return found ? (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) : 0;
}

/** «Циан, Центр»; a cabinet that is called like its board is called once. */
export const cabinetName = ({ boardName, name }: { readonly boardName: string; readonly name: string }): string =>
  name === boardName ? name : `${boardName}, ${name}`;
