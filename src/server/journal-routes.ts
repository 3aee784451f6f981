import { Readable } from 'node:stream';
import type { Static } from 'typebox';
import { type Entry, JournalQuery, JournalSchema, JournalWordsSchema } from '../contracts/journal.ts';
import { type Column, csvText, type Row } from '../domain/csv.ts';
import { addDays, isDay, russianMoment, startOfDay } from '../domain/days.ts';
import { ACTION_GROUPS, type Names, tellEntry } from '../domain/journal-words.ts';
import { ACCOUNT_KIND_LABELS } from '../domain/ledger.ts';
import { maskPhones } from '../domain/phones.ts';
import { leastFor, mayAs, mayDo, reachOf } from '../domain/rights.ts';
import { placeOfCabinet } from '../store/access.ts';
import type { DeedRow } from '../store/journal.ts';
import { type JournalFilter, namesFor, readJournal } from '../store/journal-reading.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { cursorOf, readCursor } from './cursor.ts';
import { HttpProblem } from './problems.ts';
import { sendFile } from './statement.ts';
import { boardName } from './timetable.ts';

type Asked = Ask<unknown, Static<typeof JournalQuery>, unknown>;

const PAGE = 50;
/** So many entries are read at once for a file, and so many are in it at most. */
const BATCH = 500;
const FILE_MOST = 100_000;

/** The journal: who did what, filtered, page by page, and as a table. */
export function journalRoutes(api: Api): void {
  const policy = { deed: 'see-journal', token: 'reports:read' } as const;

  api.define({
    method: 'GET',
    url: '/journal',
    summary: 'Журнал: кто, что, было и стало',
    policy,
    query: JournalQuery,
    answer: JournalSchema,
    handler: async (ask) => {
      const { limit = PAGE, after } = ask.query;
      const [at, id] = after === undefined ? [] : readCursor(after, ['string', 'number']);
      const filter = await filterOf(ask, limit + 1);
      const since = at !== undefined && id !== undefined ? { after: { at: momentOf(at), id } } : {};
      const rows = await readJournal(ask.db.pool, ask.agencyId, { ...filter, ...since });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        data: await told(ask, page),
        page: { next: rows.length > limit ? cursorOf([last!.at.toISOString(), last!.id]) : null, total: null },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/journal/words',
    summary: 'По чему журнал можно отобрать',
    policy,
    answer: JournalWordsSchema,
    handler: async ({ db, agencyId, boards, caller }) => ({
      groups: ACTION_GROUPS.map(({ title, actions }) => ({ title, actions: [...actions] })),
      cabinets: [...(await namesFor(db.pool, agencyId, [])).cabinets.values()]
        .filter((cabinet) => mayDo(caller, 'see-journal', placeOfCabinet(cabinet)))
        .map(({ id, board, name }) => ({ id, label: cabinetLabel(boardName(boards, board), name) })),
    }),
  });

  api.define({
    method: 'GET',
    url: '/journal.csv',
    summary: 'Журнал таблицей для Excel',
    policy,
    query: JournalQuery,
    handler: async (ask, reply) => {
      const filter = await filterOf(ask, BATCH);
      const { timeZone } = await agencyFrame(ask.db, ask.agencyId);
      return sendFile(reply, Readable.from(csvText(COLUMNS, rowsOf(ask, filter, timeZone))), 'csv', 'Журнал');
    },
  });
}

const COLUMNS: readonly Column[] = [
  { header: 'Когда', kind: 'text', width: 18 },
  { header: 'Кто', kind: 'text', width: 24 },
  { header: 'Что', kind: 'text', width: 34 },
  { header: 'Подробно', kind: 'text', width: 60 },
  { header: 'Объект', kind: 'text', width: 14 },
  { header: 'Кабинет', kind: 'text', width: 24 },
];

async function* rowsOf(ask: Asked, filter: JournalFilter, zone: string): AsyncGenerator<Row> {
  let after: JournalFilter['after'];
  for (let count = 0; count < FILE_MOST; count += BATCH) {
    const rows = await readJournal(ask.db.pool, ask.agencyId, { ...filter, ...(after && { after }) });
    for (const { at, by, title, lines, listing, cabinet } of await told(ask, rows)) {
      const when = russianMoment(new Date(at), zone);
      yield [when, by, title, lines.join('; '), listing?.externalId ?? null, cabinet?.label ?? null];
    }
    const last = rows.at(-1);
    if (!last || rows.length < BATCH) return;
    after = { at: last.at, id: last.id };
  }
}

async function filterOf({ db, agencyId, caller, query }: Asked, limit: number): Promise<JournalFilter> {
  const { timeZone } = await agencyFrame(db, agencyId);
  const { who, action, listing, cabinet, from, to } = query;
  for (const [name, day] of Object.entries({ from, to }))
    if (day !== undefined && !isDay(day))
      throw new HttpProblem(422, 'bad-day', `«${day}» — не день.`, {
        errors: [{ pointer: `#/${name}`, detail: 'Такого дня нет.' }],
      });
  return {
    reach: reachOf(caller, 'see-journal'),
    limit,
    ...(who !== undefined && who.trim() !== '' && { who }),
    ...(action && action.length > 0 && { actions: action }),
    ...(listing !== undefined && { listingId: listing }),
    ...(cabinet !== undefined && { cabinetId: cabinet }),
    ...(from !== undefined && { from: startOfDay(from, timeZone) }),
    ...(to !== undefined && { until: startOfDay(addDays(to, 1), timeZone) }),
  };
}

/** @throws HttpProblem 400 */
function momentOf(text: string): Date {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) throw new HttpProblem(400, 'bad-cursor', 'Параметр after — не из этого списка.');
  return moment;
}

const cabinetLabel = (board: string, name: string) => (name === board ? board : `${board}: ${name}`);

async function told({ db, agencyId, boards, caller }: Asked, rows: readonly DeedRow[]): Promise<Entry[]> {
  const { timeZone } = await agencyFrame(db, agencyId);
  const spoken = await namesFor(db.pool, agencyId, rows);
  const nameIn = <K>(names: ReadonlyMap<K, string>, id: K) => names.get(id) ?? `#${String(id)}`;
  const account = (id: number): string => {
    const found = spoken.accounts.get(id);
    if (!found) return `#${id}`;
    const { kind, ownerId } = found;
    const name =
      ownerId === null
        ? ''
        : kind === 'employee'
          ? nameIn(spoken.employees, ownerId)
          : kind === 'branch'
            ? `«${nameIn(spoken.branches, ownerId)}»`
            : kind === 'department'
              ? `«${nameIn(spoken.departments, ownerId)}»`
              : `«${spoken.cabinets.get(ownerId)?.name ?? `#${ownerId}`}»`;
    return `${ACCOUNT_KIND_LABELS[kind]} ${name}`.trim();
  };
  const names: Names = {
    zone: timeZone,
    employee: (id) => nameIn(spoken.employees, id),
    branch: (id) => nameIn(spoken.branches, id),
    department: (id) => nameIn(spoken.departments, id),
    group: (id) => nameIn(spoken.groups, id),
    board: (id) => boardName(boards, id),
    account,
    transfer: (id) => {
      const found = spoken.transfers.get(id);
      return found ? `(${account(found.fromId)} → ${account(found.toId)})` : '';
    },
  };
  // Wherever this person reads the journal, may the phones in it be read too?
  const least = (deed: 'see-journal' | 'see-phones') => leastFor(deed, caller.least);
  const seesPhones = caller.grants
    .filter(({ role }) => mayAs(role, least('see-journal')))
    .every(({ role }) => mayAs(role, least('see-phones')));
  return rows.map((row) => {
    const { title, lines } = tellEntry(row, names);
    const cabinet = row.cabinetId === null ? undefined : spoken.cabinets.get(row.cabinetId);
    const externalId = row.listingId === null ? undefined : spoken.listings.get(row.listingId);
    return {
      id: row.id,
      at: row.at.toISOString(),
      by: row.by,
      action: row.action,
      title,
      lines: seesPhones ? [...lines] : maskPhones([...lines]),
      listing: row.listingId === null ? null : { id: row.listingId, externalId: externalId ?? `#${row.listingId}` },
      cabinet:
        row.cabinetId === null
          ? null
          : {
              id: row.cabinetId,
              label: cabinet ? cabinetLabel(boardName(boards, cabinet.board), cabinet.name) : `#${row.cabinetId}`,
            },
    };
  });
}
