import {
  BoardColumnsSchema,
  type Cell,
  IdParams,
  ListingChoicesSchema,
  ListingFilterSchema,
  type ListingRow,
  ListingsPageSchema,
  ListingsQuerySchema,
  ListingsTotalSchema,
  type ListingWords,
  NewViewSchema,
  ViewSchema,
  ViewsQuerySchema,
  ViewsSchema,
} from '../contracts/listings.ts';
import { titleOf } from '../domain/autotext.ts';
import { OUTCOME_LABELS, OUTCOMES, type Outcome } from '../domain/gates.ts';
import { DEAL_LABELS, DEALS, KIND_LABELS, KINDS, type Listing } from '../domain/listing.ts';
import { MARKET_STATUS_LABELS, MARKET_STATUSES } from '../domain/market.ts';
import { mayDo, reachOf } from '../domain/rights.ts';
import { type OutcomeNow, outcomesNow } from '../export/outcomes.ts';
import { placeOfCabinet } from '../store/access.ts';
import { remembering } from '../store/database.ts';
import {
  type ColumnRow,
  columnRows,
  countListings,
  type ListedRow,
  type ListingFilter,
  type ListingSort,
  listedRows,
  listedUnits,
  listingPage,
  UNDECIDED,
} from '../store/listing-list.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import { deleteView, listViews, saveView } from '../store/views.ts';
import type { Api, Ask } from './api.ts';
import { cursorOf, readCursor } from './cursor.ts';
import type { Reporter } from './export-report.ts';
import { pictureAddress } from './pictures-routes.ts';
import { notFound } from './problems.ts';

/** «Объекты»: the list, its cells, what it can be narrowed to, and views that people keep. */

type Asked = Ask<unknown, unknown, unknown>;

const PAGE = 50;
const DAY_MS = 86_400_000;
/** What a person must put right, or nothing comes of the mark. */
const STOPPED: readonly Outcome[] = ['blocked', 'returned', 'stale', 'unfunded'];

export function listingRoutes(api: Api): void {
  const policy = { deed: 'see-listings', token: 'listings:read' } as const;

  api.define({
    method: 'GET',
    url: '/listings',
    summary: 'Объекты с их отметками: фильтры, поиск, порядок, страницы',
    policy,
    query: ListingsQuerySchema,
    answer: ListingsPageSchema,
    handler: async (ask) => {
      const { db, agencyId, caller, query } = ask;
      const { sort = '-changedAt', limit = PAGE, after, column } = query;
      const word = sort.replace('-', '') as ListingSort;
      const columns = await columnsOf(ask);
      const reach = reachOf(caller, 'see-listings');
      const filter = await filterOf(ask, query, columns);
      const page = await listingPage(db.pool, agencyId, reach, filter, {
        sort: word,
        isDescending: sort.startsWith('-'),
        after: after === undefined ? undefined : cursor(after, word),
        limit,
      });
      const ids = new Set(query.cells === 'no' ? [] : (column ?? filter.cabinetIds ?? columns.map(({ id }) => id)));
      const { next } = page;
      const value = next && (next.value instanceof Date ? next.value.getTime() : next.value);
      return {
        data: await rowsOf(
          ask,
          page.ids,
          columns.filter(({ id }) => ids.has(id)).map(({ id }) => id),
        ),
        page: { next: next && cursorOf([value, next.id]), total: null },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/listings/total',
    summary: 'Сколько объектов находит фильтр и сколько из них не выходит',
    policy,
    query: ListingFilterSchema,
    answer: ListingsTotalSchema,
    handler: async (ask) => {
      const { db, agencyId, caller, query } = ask;
      const reach = reachOf(caller, 'see-listings');
      const filter = await filterOf(ask, query, await columnsOf(ask));
      const [total, stopped] = await Promise.all([
        countListings(db.pool, agencyId, reach, filter),
        countListings(db.pool, agencyId, reach, { ...filter, outcomes: filter.outcomes ?? STOPPED }),
      ]);
      return { total, stopped };
    },
  });

  api.define({
    method: 'GET',
    url: '/listings/choices',
    summary: 'По чему можно сузить список объектов',
    policy,
    answer: ListingChoicesSchema,
    handler: async ({ db, agencyId, caller }) => {
      const units = await listedUnits(db.pool, agencyId, reachOf(caller, 'see-listings'));
      const choices = <T extends string>(all: readonly T[], labels: Readonly<Record<T, string>>) =>
        all.map((id) => ({ id, label: labels[id] }));
      const named = ({ id, name }: { readonly id: number; readonly name: string }) => ({ id, name });
      return {
        kinds: choices(KINDS, KIND_LABELS),
        deals: choices(DEALS, DEAL_LABELS),
        statuses: choices(MARKET_STATUSES, MARKET_STATUS_LABELS),
        outcomes: [...choices(OUTCOMES, OUTCOME_LABELS), { id: UNDECIDED, label: 'ждёт первой сборки' }],
        employees: units.employees.map(named),
        departments: units.departments.map(named),
        branches: units.branches,
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/boards',
    summary: 'Доски и кабинеты: столбцы списка объектов',
    policy,
    answer: BoardColumnsSchema,
    handler: async (ask) => ({
      data: (await columnsOf(ask)).map(({ id, board, boardName, slug, name, branchId, branch, title }) => ({
        id,
        board,
        boardName,
        slug,
        name,
        branch: branchId === null ? null : { id: branchId, name: branch! },
        title,
      })),
    }),
  });

  const ownViews = { deed: 'signed-in', token: null } as const;
  api.define({
    method: 'GET',
    url: '/views',
    summary: 'Сохранённые виды списка: свои и общие',
    policy: ownViews,
    query: ViewsQuerySchema,
    answer: ViewsSchema,
    handler: async ({ db, caller, query }) => ({ data: await listViews(db.pool, caller, query.screen) }),
  });
  api.define({
    method: 'POST',
    url: '/views',
    summary: 'Сохранить вид списка; одноимённый свой заменяется',
    policy: ownViews,
    body: NewViewSchema,
    answer: ViewSchema,
    handler: async ({ db, caller, by, body, now }) => {
      const view = { ...body, name: body.name.trim(), isShared: body.isShared ?? false };
      const id = await saveView(db.pool, caller, view, now);
      return { id, name: view.name, query: view.query, isShared: view.isShared, isOwn: true, by };
    },
  });
  api.define({
    method: 'DELETE',
    url: '/views/:id',
    summary: 'Удалить свой вид списка',
    policy: ownViews,
    params: IdParams,
    handler: async ({ db, caller, params }) => {
      if (!(await deleteView(db.pool, caller, params.id))) throw notFound('Такого вида нет, или его сохранил другой.');
    },
  });
}

const cursor = (text: string, sort: ListingSort) => {
  const [value, id] = readCursor(text, ['number', 'number']);
  return { value: sort === 'changedAt' ? new Date(value) : value, id };
};

/** A cabinet as a column, with a title that no other column has. */
export interface Column extends ColumnRow {
  readonly boardName: string;
  readonly title: string;
}

/** The cabinets that the caller sees: of the agency, and of the caller's branches. */
export async function columnsOf({
  db,
  agencyId,
  caller,
  boards,
}: Pick<Asked, 'db' | 'agencyId' | 'caller' | 'boards'>): Promise<readonly Column[]> {
  return titled((await columnRows(db.pool, agencyId)).filter(isSeenBy(caller)), boards);
}

const isSeenBy = (caller: Asked['caller']) => (row: ColumnRow) =>
  row.branchId === null || row.branchId === caller.branchId || mayDo(caller, 'see-listings', placeOfCabinet(row));

/**
 * The feeds that a report of the caller counts: those that the caller sees, and apart from them all others, where
 * listings that are the caller's may still be marked.
 */
export async function reportFeeds({
  db,
  agencyId,
  caller,
  boards,
}: Pick<Asked, 'db' | 'agencyId' | 'caller' | 'boards'>): Promise<Required<Pick<Reporter, 'columns' | 'others'>>> {
  const rows = await columnRows(db.pool, agencyId);
  const isSeen = isSeenBy(caller);
  return {
    columns: titled(rows.filter(isSeen), boards),
    others: titled(
      rows.filter((row) => !isSeen(row)),
      boards,
    ),
  };
}

function titled(seen: readonly ColumnRow[], boards: Asked['boards']): readonly Column[] {
  return seen.map((row) => {
    const boardName = boards.find(({ id }) => id === row.board)?.name ?? row.board;
    const others = seen.filter(({ board }) => board === row.board);
    const own = [row.branch, row.name, row.slug].find(
      (name, at) =>
        name !== null &&
        name !== boardName &&
        name !== row.board &&
        others.filter((other) => [other.branch, other.name, other.slug][at] === name).length === 1,
    );
    return { ...row, boardName, title: others.length === 1 ? boardName : `${boardName}, ${own ?? row.slug}` };
  });
}

/** The words of the address as the base is asked with them; a cabinet that the caller does not see finds nothing. */
export async function filterOf(
  { db, agencyId, now }: Asked,
  words: ListingWords,
  columns: readonly Column[],
): Promise<ListingFilter> {
  const { board, cabinet } = words;
  const cabinetIds =
    board === undefined && cabinet === undefined
      ? columns.map(({ id }) => id)
      : columns
          .filter((one) => (!board || board.includes(one.board)) && (!cabinet || cabinet.includes(one.id)))
          .map(({ id }) => id);
  const freshness = words.stale ? (await agencyFrame(db, agencyId)).settings.freshness : null;
  const before = (days: number) => new Date(now.getTime() - days * DAY_MS);
  return {
    q: words.q,
    cabinetIds,
    isMarked: words.marked === undefined ? undefined : words.marked === 'yes',
    outcomes: words.outcome,
    code: words.code,
    kinds: words.kind,
    deals: words.deal,
    statuses: words.status,
    employeeIds: words.employee,
    isUnassigned: words.unassigned,
    branchIds: words.branch,
    departmentIds: words.department,
    priceFromKopecks: words.priceFromKopecks,
    priceToKopecks: words.priceToKopecks,
    isArchived: words.archived,
    staleBefore: freshness ? { sale: before(freshness.saleDays), rent: before(freshness.rentDays), now } : undefined,
  };
}

/** The agency's cabinets by their numbers, in the order given. */
export async function cabinetsById(ask: Asked, ids: readonly number[]): Promise<CabinetRow[]> {
  const all = new Map((await listCabinets(ask.db, { agencyId: ask.agencyId })).map((row) => [row.id, row]));
  return ids.flatMap((id) => all.get(id) ?? []);
}

async function rowsOf(ask: Asked, ids: readonly number[], cabinetIds: readonly number[]): Promise<ListingRow[]> {
  const { db, agencyId, boards, now } = ask;
  const [rows, cabinets] = await Promise.all([listedRows(db.pool, agencyId, ids), cabinetsById(ask, cabinetIds)]);
  // People, norms, phones and accounts are the same for all cabinets.
  const client = remembering(db.pool);
  const cells = await Promise.all(cabinets.map((cabinet) => outcomesNow(client, cabinet, boards, ids, now)));
  return rows.map((row) =>
    rowOf(
      ask,
      row,
      cells.flatMap((of) => of.get(row.id) ?? []),
    ),
  );
}

function rowOf({ caller }: Asked, row: ListedRow, cells: readonly OutcomeNow[]): ListingRow {
  const { values, place, photo } = row;
  return {
    id: row.id,
    externalId: row.externalId,
    title: titleOf(values),
    address: shortAddress(values),
    kind: { id: values.kind, label: KIND_LABELS[values.kind] },
    deal: { id: values.deal, label: DEAL_LABELS[values.deal] },
    priceKopecks: values.priceKopecks ?? null,
    pricePer: pricePer(values),
    areaM2: values.areaM2 ?? values.roomAreaM2 ?? values.landAreaM2 ?? null,
    roomsCount: values.roomsCount ?? null,
    floor: values.floor ?? null,
    floorsTotal: values.floorsTotal ?? null,
    photos: row.photos,
    thumb: photo === null ? null : pictureAddress(photo, row.id),
    employee: place.employeeId === null ? null : { id: place.employeeId, name: row.employee ?? '' },
    branch: row.branch,
    status: { id: row.status, label: MARKET_STATUS_LABELS[row.status] },
    isForbidden: row.isForbidden,
    isArchived: row.archivedAt !== null,
    changedAt: row.changedAt.toISOString(),
    dayKopecks: cells.reduce((sum, { cost }) => sum + (cost && !cost.sellsPlacements ? cost.kopecks : 0), 0),
    cells: cells.map(cellOf),
    may: {
      marks: mayDo(caller, 'marks', place),
      terms: mayDo(caller, 'terms', place),
      pause: mayDo(caller, 'listing-pauses', place),
    },
  };
}

function cellOf({ listingId: _, cost, opensAt, notices, ...cell }: OutcomeNow): Cell {
  return {
    ...cell,
    opensAt: opensAt?.toISOString() ?? null,
    notices: notices.map(({ code, field, message, fixedBy }) => ({ code, field, message, fixedBy })),
    cost: cost && {
      kopecks: cost.kopecks,
      state: cost.state,
      account: cost.account,
      isPlacement: cost.sellsPlacements,
    },
  };
}

/** Without the region, which is the same for most listings of an agency. */
function shortAddress({ address, region, locality }: Listing): string | null {
  if (address === undefined) return locality ?? region ?? null;
  return region !== undefined && address.startsWith(`${region}, `) ? address.slice(region.length + 2) : address;
}

const UNITS = { m2: 'за м²', sotka: 'за сотку', hectare: 'за га' } as const;

/** «в месяц», «за м² в год». */
function pricePer({ deal, priceUnit, rentPeriod }: Listing): string | null {
  const unit = priceUnit === undefined || priceUnit === 'total' ? null : UNITS[priceUnit];
  const period =
    deal === 'daily-rent' ? 'в сутки' : deal === 'rent' ? (rentPeriod === 'year' ? 'в год' : 'в месяц') : null;
  return [unit, period].filter(Boolean).join(' ') || null;
}
