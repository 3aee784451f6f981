import type { Command } from 'commander';
import type { Board } from '../boards/catalogue.ts';
import { Refusal } from '../domain/fault.ts';
import { decide, OUTCOME_LABELS } from '../domain/gates.ts';
import { describeKind, type Family } from '../domain/listing.ts';
import type { Notice } from '../domain/notice.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { deskOf, judge, judgeWritten } from '../export/offer.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { rejectionOf } from '../store/intake.ts';
import { eachListing, type ListingRow, type MarkRow, marksOf } from '../store/marks.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { type Context, EXIT } from './context.ts';
import { DEFAULT_CABINET, objects, oneListing, rejectionSentence } from './naming.ts';
import type { Action } from './program.ts';

/** The commands that answer «почему не на доске»: for one listing, for all, and as the file itself. */
export function checkCommands(program: Command, action: Action): void {
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
        const rejection = await rejectionOf(db, agency.id, listing.externalId);
        if (rejection) context.say(`${rejectionSentence(rejection)} Выше — прежние данные.`);
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
    /** The numbers of the same listings in the source. */
    names: readonly string[];
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
    {
      code: string;
      severity: Notice['severity'];
      label: string;
      count: number;
      example: string;
      listings: number[];
      names: string[];
    }
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
        if (known.listings.length < 1000) {
          known.listings.push(row.id);
          known.names.push(row.externalId);
        }
      } else
        byCode.set(notice.code, {
          code: notice.code,
          severity: notice.severity,
          label: notice.label,
          count: 1,
          example: notice.message,
          listings: [row.id],
          names: [row.externalId],
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
    const ids = row.names.slice(0, 3).join(' ');
    const rest = row.count > 3 ? ` … ещё ${row.count - 3}` : '';
    return `  ${row.severity === 'blocking' ? '✕' : '·'} ${String(row.count).padStart(4)}  ${row.example}  [${row.code}] ${ids}${rest}`;
  });
  return [head, ...rows].join('\n');
}

function asMarked(row: ListingRow, mark: MarkRow | undefined) {
  return {
    values: row.values,
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
    gates: isMarked ? decision.gates : decide({ listing: listing.values, isMarked, goneOn: null, notices }).gates,
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
  if (!answer.isMarked && answer.notices.length > 0) {
    lines.push('  Если отметить:');
    for (const notice of answer.notices)
      lines.push(`      ${notice.severity === 'blocking' ? '✕' : '·'} ${notice.message}`);
  }
  return lines.join('\n');
}
