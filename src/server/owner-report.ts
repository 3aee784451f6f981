import type { Board } from '../boards/catalogue.ts';
import { price } from '../domain/autotext.ts';
import { localDay, russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { nearestToShown, ownerTitle, type ShownBoard, shownBoards, shownDays } from '../domain/owner-report.ts';
import { OWNER_LINK_DAYS, OWNER_LINK_DAYS_MAX } from '../domain/report-words.ts';
import { agree, formatNumber } from '../domain/text.ts';
import type { Database } from '../store/database.ts';
import { makeOwnerLink, type OwnerLink, ownedListing, shownMarks } from '../store/owner-report.ts';
import { newToken, tokenHash } from './keys.ts';
import { boardName } from './statement.ts';

/** The owner's report: what it tells, for the page and for the PDF; and the links that open it. */

/** Takes the first of some pictures that can be had, as JPEG; null: none can. */
export type PhotoTaker = (agencyId: number, listingId: number, urls: readonly string[]) => Promise<Buffer | null>;

export interface OwnerReporter {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly takePhoto: PhotoTaker;
  readonly now: Date;
}

/** Everything the page and the PDF say, in words; and nothing else of the listing comes near them. */
export interface OwnerReport {
  readonly agency: string;
  readonly agent: string | null;
  readonly title: string;
  readonly address: string | null;
  readonly price: string | null;
  /** JPEG. */
  readonly photo: Buffer | null;
  /** «22.11.2026 12:00» */
  readonly madeAt: string;
  /** In one sentence: where it is shown now, or why nowhere. */
  readonly state: string;
  readonly isShown: boolean;
  /** «с 02.03.2026 – 84 дня», «показов …»: name and value. */
  readonly totals: readonly { readonly name: string; readonly value: string }[];
  readonly boards: readonly OwnerBoard[];
  readonly notes: readonly string[];
}

export interface OwnerBoard {
  readonly name: string;
  readonly isShown: boolean;
  readonly state: string;
  readonly days: string;
  /** «с 02.03.2026», «02.03.2026 – 14.05.2026». */
  readonly when: string | null;
  readonly taken: string | null;
  /** null: nobody told. */
  readonly views: string | null;
  readonly calls: string | null;
}

const days = (count: number) => `${formatNumber(count)} ${agree(count, 'день', 'дня', 'дней')}`;
const PHOTOS_TRIED = 3;

/** «42», «42 за 3 дня» where it was shown on more of them. */
function known(count: number | null, of: number, shown: number): string | null {
  if (count === null) return null;
  return `${formatNumber(count)}${of < shown ? ` за ${days(of)}` : ''}`;
}

function whenShown({ since, until, isShown, hasGaps }: ShownBoard): string | null {
  if (since === null) return null;
  if (isShown) return `с ${russianDay(since)}${hasGaps ? ', с перерывами' : ''}`;
  return since === until ? russianDay(since) : `${russianDay(since)} – ${russianDay(until!)}`;
}

/** @throws Refusal `listing-unknown` */
export async function ownerReport(
  { db, boards, takePhoto, now }: OwnerReporter,
  agencyId: number,
  listingId: number,
): Promise<OwnerReport> {
  const found = await ownedListing(db.pool, agencyId, listingId);
  if (!found) throw new Refusal('listing-unknown', `Объекта #${listingId} нет.`, 2);
  const { values, agency, agent, zone } = found;
  const { from, marks } = await shownMarks(db, agencyId, listingId, now);
  const shown = shownBoards(marks);
  const total = shownDays(marks);
  const urls = (values.photos ?? []).filter(({ isPlan }) => !isPlan).map(({ url }) => url);
  const told = (board: ShownBoard): OwnerBoard => ({
    name: boardName(boards, board.board),
    isShown: board.isShown,
    state: board.state,
    days: days(board.days),
    when: whenShown(board),
    taken: board.takenAt === null ? null : russianMoment(board.takenAt, zone),
    views: known(board.views, board.viewDays, board.feedDays),
    calls: known(board.calls, board.callDays, board.feedDays),
  });
  const feedDays = shown.reduce((all, board) => all + board.feedDays, 0);
  const sumOf = (key: 'views' | 'calls', of: 'viewDays' | 'callDays') => {
    const told = shown.flatMap((board) => board[key] ?? []);
    if (told.length === 0) return null;
    const [count, days] = [told.reduce((all, one) => all + one, 0), shown.reduce((all, board) => all + board[of], 0)];
    return `${formatNumber(count)}${days < feedDays ? ' (известно не всё)' : ''}`;
  };
  const isPartly = shown.some(({ viewDays, callDays, feedDays }) => viewDays < feedDays || callDays < feedDays);
  const [views, calls] = [sumOf('views', 'viewDays'), sumOf('calls', 'callDays')];
  return {
    agency,
    agent,
    title: ownerTitle(values),
    address: values.address ?? values.locality ?? null,
    price: price(values),
    photo: await takePhoto(agencyId, listingId, urls.slice(0, PHOTOS_TRIED)),
    madeAt: russianMoment(now, zone),
    state: stateOf(shown, boards, marks.length > 0),
    isShown: shown.some(({ isShown }) => isShown),
    totals: [
      ...(total === 0 ? [] : [{ name: 'В рекламе', value: days(total) }]),
      ...(views === null ? [] : [{ name: 'Просмотров', value: views }]),
      ...(calls === null ? [] : [{ name: 'Звонков', value: calls }]),
    ],
    boards: shown.map(told),
    notes: [
      ...(shown.length === 0 || from === null
        ? []
        : [
            `Дни посчитаны с ${russianDay(from)} по ${russianDay(localDay(now, zone))}: засчитан каждый день, когда объявление было в файле, который мы готовим для площадки. Площадка показывает его после своей проверки.`,
          ]),
      ...(views === null && calls === null
        ? shown.length === 0
          ? []
          : ['Сколько было просмотров и звонков, площадки нам не сообщали.']
        : isPartly
          ? [
              'Просмотры и звонки известны не по всем площадкам и дням: сказано, за сколько дней. Прочерк значит «неизвестно», а не ноль.',
            ]
          : []),
    ],
  };
}

function stateOf(shown: readonly ShownBoard[], boards: readonly Board[], wasMarked: boolean): string {
  const now = shown.filter(({ isShown }) => isShown);
  if (now.length > 0) {
    const names = now.map(({ board }) => boardName(boards, board)).join(', ');
    return `Сейчас объявление размещается: ${names}.`;
  }
  const nearest = nearestToShown(shown);
  if (nearest) return `Сейчас: ${nearest.state}.`;
  return wasMarked ? 'За последний год объявление не размещали.' : 'Объявление ещё не размещали.';
}

/**
 * Makes a link for an owner.
 * @param days for how long it holds
 * @returns the path of the page; nothing that opens it is kept
 * @throws Refusal `bad-days`, `too-many-owner-links`, `listing-unknown`
 */
export async function newOwnerLink(
  db: Database,
  agencyId: number,
  listingId: number,
  wish: { readonly days?: number | undefined; readonly by: string },
  now: Date,
): Promise<OwnerLink & { readonly path: string }> {
  const { days: wished = OWNER_LINK_DAYS, by } = wish;
  if (!Number.isInteger(wished) || wished < 1 || wished > OWNER_LINK_DAYS_MAX)
    throw new Refusal('bad-days', `Ссылка действует от 1 до ${OWNER_LINK_DAYS_MAX} дней.`, 2);
  const token = newToken();
  const expiresAt = new Date(now.getTime() + wished * 86_400_000);
  const link = await makeOwnerLink(db, agencyId, listingId, { tokenHash: tokenHash(token), expiresAt, by }, now);
  return { ...link, path: ownerPath(token) };
}

export const ownerPath = (token: string): string => `/o/${token}`;

/** «otchet-sobstvenniku-1042.pdf» */
export const ownerFileName = (listingId: number): string => `otchet-sobstvenniku-${listingId}`;
