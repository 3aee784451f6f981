import type { Command } from 'commander';
import type { Board } from '../boards/catalogue.ts';
import { type Corrections, canonicalJson, conflicts, effective, fieldValue } from '../domain/corrections.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { describeKind, FAMILIES, type Family, FIELDS, type Listing, labelOf } from '../domain/listing.ts';
import type { Notice } from '../domain/notice.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { deskOf, judge, judgeWritten } from '../export/offer.ts';
import { faultsOf } from '../intake/normalise.ts';
import { ensureCabinet, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { hashOf } from '../store/hash.ts';
import {
  eachListing,
  findListings,
  keepAvitoId,
  type ListingRow,
  type MarkRow,
  markListings,
  marksOf,
  saveCorrections,
  unmarkListings,
} from '../store/marks.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { type Context, EXIT } from './context.ts';
import { type Action, choice, several } from './program.ts';

const DEFAULT_CABINET = 'main';

interface MarkOptions {
  board: string;
  listing?: string[];
  all?: boolean;
  cabinet: string;
  agency?: string;
  family?: Family;
  boardId?: string;
  avitoId?: string;
}

export function listingCommands(program: Command, action: Action): void {
  program
    .command('mark')
    .summary('отметить объекты на выгрузку')
    .description('Отмечает объекты на выгрузку на доску. Номер объекта на доске даётся один раз и не меняется.')
    .requiredOption('--board <доска>', 'доска, например avito')
    .addOption(several('--listing <объект...>', 'номера объектов: наши или из источника'))
    .option('--all', 'все объекты агентства')
    .option('--cabinet <кабинет>', 'кабинет на доске: латиница, цифры, дефис', DEFAULT_CABINET)
    .option('--agency <название>', 'агентство')
    .addOption(choice('--family <формат>', 'формат фида нового кабинета, если доска берёт несколько', FAMILIES))
    .option('--board-id <номер>', 'под каким номером этот один объект уже стоит на доске')
    .option('--avito-id <номер>', 'номер, который этому объекту дало Авито')
    .action(
      action(async (context, options: MarkOptions) => {
        const board = context.board(options.board);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        if (!/^[a-z0-9-]{1,40}$/.test(options.cabinet))
          throw new Refusal(
            'cabinet-slug',
            `Кабинет «${options.cabinet}»: только латинские буквы, цифры и дефис.`,
            EXIT.usage,
          );
        const ids = await chosenListings(db, agency.id, options);
        const family = options.family ?? board.family;
        if (!board.families.includes(family))
          throw new Refusal(
            'family-unknown',
            `${board.name} не берёт формат ${family}. Можно: ${board.families.join(', ')}.`,
            EXIT.usage,
          );
        const cabinetId = await ensureCabinet(db, agency.id, {
          board: board.id,
          slug: options.cabinet,
          name: board.name,
          family,
        });
        if ((options.boardId !== undefined || options.avitoId !== undefined) && ids?.length !== 1) {
          throw new Refusal('one-listing', 'Ключи --board-id и --avito-id даются одному объекту.', EXIT.usage);
        }
        const marked = await markListings(db, agency.id, cabinetId, ids, context.clock(), options.boardId);
        if (options.avitoId !== undefined) {
          if (!/^\d{1,15}$/.test(options.avitoId))
            throw new Refusal('avito-id', `--avito-id: «${options.avitoId}» — не номер.`, EXIT.usage);
          await keepAvitoId(db, agency.id, cabinetId, ids![0]!, Number(options.avitoId));
        }
        context.print(
          { board: board.id, cabinet: options.cabinet, marked },
          `${board.name}: отмечено ${objects(marked)}.`,
        );
        context.say(`Дальше: publish. Что мешает — check --board ${board.id}`);
        return EXIT.done;
      }),
    );

  program
    .command('unmark')
    .summary('снять отметки')
    .description('Снимает отметки на выгрузку. Объекты уйдут из фида при следующей публикации.')
    .requiredOption('--board <доска>', 'доска')
    .addOption(several('--listing <объект...>', 'номера объектов'))
    .option('--all', 'все объекты')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: MarkOptions) => {
        const board = context.board(options.board);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const cabinet = (await listCabinets(db, { board: board.id, agencyId: agency.id })).find(
          (row) => row.slug === options.cabinet,
        );
        if (!cabinet) throw new Refusal('cabinet-unknown', `На доске ${board.name} ничего не отмечено.`, EXIT.refused);
        const unmarked = await unmarkListings(
          db,
          agency.id,
          cabinet.id,
          await chosenListings(db, agency.id, options),
          context.clock(),
        );
        context.print(
          { board: board.id, cabinet: options.cabinet, unmarked },
          `${board.name}: снято ${objects(unmarked)}.`,
        );
        return EXIT.done;
      }),
    );

  program
    .command('check')
    .summary('проверить объекты по требованиям досок')
    .description('Показывает, каким объектам доски откажут и почему. Без --board — по всем доскам, где есть отметки.')
    .option('--board <доска>', 'только эта доска (отметки не нужны)')
    .option('--listing <объект>', 'один объект, со всеми замечаниями')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { board?: string; listing?: string; agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const boards = options.board ? [context.board(options.board)] : await markedBoards(context, db, agency.id);
        const answer: CheckedBoard[] = [];
        const cabinets = await listCabinets(db, { agencyId: agency.id });
        for (const board of boards) {
          // A board that reads several formats is judged by the one its cabinet gives it.
          const family = cabinets.find((cabinet) => cabinet.board === board.id)?.family;
          answer.push(await checkBoard(db, agency.id, board, family, options.listing));
        }
        context.print({ boards: answer }, () =>
          answer.map((checked) => checkText(checked, options.listing !== undefined)).join('\n\n'),
        );
        return answer.some((checked) => checked.blocked > 0) ? EXIT.found : EXIT.done;
      }),
    );

  program
    .command('explain')
    .summary('почему объект есть или не есть на доске')
    .description('Объясняет по шагам, почему объект попадёт или не попадёт в фид доски, и кто может это исправить.')
    .argument('<объект>')
    .option('--board <доска>', 'доска')
    .option('--all', 'все доски с кабинетами')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: { board?: string; all?: boolean; agency?: string }) => {
        if (!options.board && !options.all)
          throw new Refusal('board-missing', 'Укажите --board <доска> или --all.', EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listing = await oneListing(db, agency.id, name);
        const marks = await marksOf(db, agency.id, listing.id);
        const cabinets = await listCabinets(db, { agencyId: agency.id, board: options.board });
        if (options.board) context.board(options.board);
        const answers = cabinets.map((cabinet) =>
          explain(
            context,
            listing,
            cabinet,
            marks.find((mark) => mark.cabinetId === cabinet.id),
          ),
        );
        if (options.board && answers.length === 0)
          answers.push(explain(context, listing, undefined, undefined, options.board));
        const data = options.all || answers.length > 1 ? { explanations: answers } : answers[0]!;
        context.print(data, () => answers.map(explainText).join('\n\n'));
        return EXIT.done;
      }),
    );

  program
    .command('preview')
    .summary('показать объявление таким, каким его получит доска')
    .description('Печатает XML одного объявления: с номером на доске и подставленным телефоном.')
    .argument('<объект>')
    .requiredOption('--board <доска>', 'доска')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: { board: string; cabinet: string; agency?: string }) => {
        const board = context.board(options.board);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listing = await oneListing(db, agency.id, name);
        const cabinet = (await listCabinets(db, { board: board.id, agencyId: agency.id })).find(
          (row) => row.slug === options.cabinet,
        );
        const mark = cabinet && (await marksOf(db, agency.id, listing.id)).find((row) => row.cabinetId === cabinet.id);
        const desk = deskOf(board, cabinet?.family);
        const xml = desk.codec.render(judge(asMarked(listing, mark), desk).dressed);
        context.print({ listing: listing.id, board: board.id, xml }, xml);
        return EXIT.done;
      }),
    );

  program
    .command('correct')
    .summary('исправить поле объекта поверх источника')
    .description(
      'Кладёт исправление поверх значения источника. Оно переживает повторную загрузку; если источник потом изменит поле, остаются оба значения, и выбирает человек.',
    )
    .argument('<объект>')
    .addOption(several('--set <поле=значение...>', 'исправить поля; значение — JSON или текст; «поле=» очищает поле'))
    .addOption(several('--drop <поле...>', 'убрать исправление и вернуться к источнику'))
    .addOption(several('--keep <поле...>', 'источник изменился, но оставить исправление'))
    .option('--conflicts', 'показать поля, где источник и исправление разошлись')
    .option('--by <имя>', 'кто исправил', 'командная строка')
    .option('--agency <название>', 'агентство')
    .action(
      action(
        async (
          context,
          name: string,
          options: { set?: string[]; drop?: string[]; keep?: string[]; by: string; agency?: string },
        ) => {
          const db = await context.db();
          const agency = await resolveAgency(db, options.agency);
          const listing = await oneListing(db, agency.id, name);
          const next = corrected(listing, options, context.clock());
          if (canonicalJson(next) !== canonicalJson(listing.corrections)) {
            const values = effective(listing.sourceValues, next);
            const faults = faultsOf(values);
            if (faults.length > 0)
              throw new Refusal('bad-value', `Исправление не принято. ${faults.join(' ')}`, EXIT.refused);
            const isSaved = await saveCorrections(
              db,
              listing,
              { corrections: next, values, valuesHash: hashOf(values), wasHash: hashOf(listing.values) },
              context.clock(),
            );
            if (!isSaved)
              throw new Refusal('stale', `Объект ${listing.id} только что изменился. Повторите.`, EXIT.refused);
          }
          const open = conflicts(listing.sourceValues, next);
          const rows = Object.entries(next).map(([field, { value, by, at }]) => ({
            field,
            label: labelOf(field),
            source: fieldValue(listing.sourceValues, field),
            correction: value,
            by,
            at,
            isConflict: open.includes(field),
          }));
          context.print({ listing: listing.id, corrections: rows }, () =>
            rows.length === 0
              ? `Объект ${listing.id}: исправлений нет.`
              : rows
                  .map(
                    (row) =>
                      `${row.isConflict ? 'РАСХОДИТСЯ ' : ''}${row.label} (${row.field}): ${told(row.correction)}, в источнике ${told(row.source)} — ${row.by}, ${row.at.slice(0, 10)}`,
                  )
                  .join('\n'),
          );
          return EXIT.done;
        },
      ),
    );
}

const told = (value: unknown) =>
  value === null ? 'пусто' : typeof value === 'string' ? `«${value.slice(0, 60)}»` : JSON.stringify(value);
const objects = (count: number) => `${formatNumber(count)} ${agree(count, 'объект', 'объекта', 'объектов')}`;

function corrected(
  listing: ListingRow,
  options: { set?: string[]; drop?: string[]; keep?: string[]; by: string },
  now: Date,
): Corrections {
  const next: Corrections = { ...listing.corrections };
  const basis = (field: string) => fieldValue(listing.sourceValues, field);
  for (const pair of options.set ?? []) {
    const cut = pair.indexOf('=');
    const field = pair.slice(0, cut);
    const isOwn = /^(avito|cian|yandex):.+/.test(field);
    if (
      cut < 1 ||
      (!isOwn && (!(FIELDS as string[]).includes(field) || field === 'externalId' || field === 'boardFields'))
    ) {
      throw new Refusal(
        'field-unknown',
        `Поля «${cut < 1 ? pair : field}» нет. Пример: --set floorsTotal=9.`,
        EXIT.usage,
      );
    }
    next[field] = {
      value: parseValue(pair.slice(cut + 1)),
      basis: basis(field),
      by: options.by,
      at: now.toISOString(),
    };
  }
  for (const field of options.drop ?? []) delete next[field];
  for (const field of options.keep ?? []) {
    const known = next[field];
    if (!known) throw new Refusal('no-correction', `У поля «${labelOf(field)}» нет исправления.`, EXIT.usage);
    next[field] = { ...known, basis: basis(field) };
  }
  return next;
}

/** JSON where it is JSON, text otherwise; nothing at all empties the field. */
function parseValue(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function chosenListings(
  db: Database,
  agencyId: number,
  options: { listing?: string[]; all?: boolean },
): Promise<number[] | undefined> {
  if (options.all === (options.listing !== undefined))
    throw new Refusal('listings-missing', 'Укажите --listing <объект…> или --all.', EXIT.usage);
  if (options.all) return undefined;
  const ids: number[] = [];
  for (const name of options.listing ?? []) ids.push((await oneListing(db, agencyId, name)).id);
  if (ids.length === 0) throw new Refusal('listings-missing', 'Укажите --listing <объект…> или --all.', EXIT.usage);
  return ids;
}

async function oneListing(db: Database, agencyId: number, name: string): Promise<ListingRow> {
  const found = await findListings(db, agencyId, name);
  const byExternal = found.filter((row) => row.externalId === name);
  if (byExternal.length > 1) {
    throw new Refusal(
      'listing-ambiguous',
      `Номер «${name}» есть в нескольких источниках. Наши номера: ${byExternal.map((row) => row.id).join(', ')}.`,
      EXIT.usage,
    );
  }
  if (!found[0]) throw new Refusal('listing-unknown', `Объекта «${name}» нет.`, EXIT.usage);
  return found[0];
}

async function markedBoards(context: Context, db: Database, agencyId: number): Promise<Board[]> {
  const ids = new Set((await listCabinets(db, { agencyId })).map((cabinet) => cabinet.board));
  if (ids.size === 0)
    throw new Refusal('board-missing', 'Отметок ещё нет. Укажите доску: check --board avito', EXIT.usage);
  return context.boards.filter((board) => ids.has(board.id));
}

interface CheckedBoard {
  readonly board: string;
  readonly name: string;
  readonly listings: number;
  readonly ready: number;
  readonly blocked: number;
  readonly rules: number;
  readonly seconds: number;
  /** Notices by code, the most frequent first. */
  readonly notices: readonly {
    code: string;
    severity: Notice['severity'];
    label: string;
    count: number;
    example: string;
    listings: readonly number[];
  }[];
  /** Notices of the one listing asked for. */
  readonly listing?: { readonly id: number; readonly externalId: string; readonly notices: readonly Notice[] };
}

async function checkBoard(
  db: Database,
  agencyId: number,
  board: Board,
  family: Family | undefined,
  name: string | undefined,
): Promise<CheckedBoard> {
  const startedAt = performance.now();
  const desk = deskOf(board, family);
  const byCode = new Map<
    string,
    { code: string; severity: Notice['severity']; label: string; count: number; example: string; listings: number[] }
  >();
  let listings = 0;
  let blocked = 0;
  let single: CheckedBoard['listing'];
  const one = (row: ListingRow) => {
    const { notices } = judgeWritten(asMarked(row, undefined), desk);
    listings++;
    if (notices.some((notice) => notice.severity === 'blocking')) blocked++;
    for (const notice of notices) {
      const known = byCode.get(notice.code);
      if (known) {
        known.count++;
        if (known.listings.length < 1000) known.listings.push(row.id);
      } else
        byCode.set(notice.code, {
          code: notice.code,
          severity: notice.severity,
          label: notice.label,
          count: 1,
          example: notice.message,
          listings: [row.id],
        });
    }
    if (name !== undefined) single = { id: row.id, externalId: row.externalId, notices };
  };
  if (name !== undefined) one(await oneListing(db, agencyId, name));
  else for await (const rows of eachListing(db, agencyId)) for (const row of rows) if (row.goneAt === null) one(row);
  const notices = [...byCode.values()].sort((a, b) =>
    a.severity === b.severity ? b.count - a.count : a.severity === 'blocking' ? -1 : 1,
  );
  return {
    board: board.id,
    name: board.name,
    listings,
    ready: listings - blocked,
    blocked,
    rules: board.rules.length,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    notices,
    ...(single && { listing: single }),
  };
}

function checkText(checked: CheckedBoard, isSingle: boolean): string {
  if (isSingle) {
    const { notices } = checked.listing!;
    if (notices.length === 0) return `${checked.name}: замечаний нет.`;
    return [
      `${checked.name}:`,
      ...notices.map((notice) => `  ${notice.severity === 'blocking' ? '✕' : '·'} ${notice.message}  [${notice.code}]`),
    ].join('\n');
  }
  const head = `${checked.name}: ${objects(checked.listings)} · готовы ${checked.ready} · остановлены ${checked.blocked} (${checked.rules} ${agree(checked.rules, 'правило', 'правила', 'правил')}, ${formatNumber(checked.seconds)} с)`;
  const rows = checked.notices.map((row) => {
    const ids = row.listings.slice(0, 3).join(' ');
    const rest = row.count > 3 ? ` … ещё ${row.count - 3}` : '';
    return `  ${row.severity === 'blocking' ? '✕' : '·'} ${String(row.count).padStart(4)}  ${row.example}  [${row.code}] ${ids}${rest}`;
  });
  return [head, ...rows].join('\n');
}

function asMarked(row: ListingRow, mark: MarkRow | undefined) {
  return {
    values: row.values as Listing,
    boardOfferId: mark?.boardOfferId ?? row.externalId,
    avitoId: mark?.avitoId ?? null,
    firstSeenAt: row.firstSeenAt,
    goneAt: row.goneAt,
    employee: row.employee,
  };
}

interface Explanation {
  readonly listing: number;
  readonly externalId: string;
  readonly title: string;
  readonly board: string;
  readonly boardName: string;
  readonly cabinet: string | null;
  readonly isMarked: boolean;
  /** null: the listing is not marked for this board. */
  readonly outcome: string | null;
  readonly reason: string | null;
  readonly fixedBy: string | null;
  readonly gates: ReturnType<typeof judge>['decision']['gates'];
  readonly notices: readonly Notice[];
  /** What the last run decided, and when. */
  readonly lastRun: { readonly outcome: string; readonly at: string } | null;
}

function explain(
  context: Context,
  listing: ListingRow,
  cabinet: CabinetRow | undefined,
  mark: MarkRow | undefined,
  boardId = cabinet?.board,
): Explanation {
  const board = context.board(boardId!);
  const { decision, notices } = judgeWritten(asMarked(listing, mark), deskOf(board, cabinet?.family));
  const isMarked = mark?.isLive === true;
  return {
    listing: listing.id,
    externalId: listing.externalId,
    title: listing.values.title ?? describeKind(listing.values),
    board: board.id,
    boardName: board.name,
    cabinet: cabinet?.slug ?? null,
    isMarked,
    outcome: isMarked ? decision.outcome : null,
    reason: isMarked ? decision.reason : 'Не отмечен на выгрузку.',
    fixedBy: isMarked ? decision.fixedBy : 'agent',
    gates: decision.gates,
    notices,
    lastRun: mark?.outcome && mark.decidedAt ? { outcome: mark.outcome, at: mark.decidedAt.toISOString() } : null,
  };
}

const FIXERS: Record<string, string> = {
  agent: 'агент',
  adSpecialist: 'специалист по рекламе',
  manager: 'руководитель',
  admin: 'администратор',
  board: 'доска',
};

function explainText(answer: Explanation): string {
  const verdict =
    answer.outcome === null ? 'не отмечен на выгрузку' : OUTCOME_LABELS[answer.outcome as keyof typeof OUTCOME_LABELS];
  const lines = [`${answer.externalId} · ${answer.title} → ${answer.boardName}: ${verdict}`];
  for (const [index, gate] of answer.gates.entries()) {
    const sign = gate.open === null ? '–' : gate.open ? '✓' : '✕';
    lines.push(`  ${index + 1} ${gate.label}  ${sign}${gate.open === false ? '  ← здесь' : ''}`);
    if (gate.gate === 'board-rules' && gate.open !== null) {
      for (const notice of answer.notices)
        lines.push(
          `      ${notice.severity === 'blocking' ? '✕' : '·'} ${notice.message} (исправит ${FIXERS[notice.fixedBy]})`,
        );
    } else if (gate.reason !== null) lines.push(`      ${gate.reason}`);
  }
  return lines.join('\n');
}
