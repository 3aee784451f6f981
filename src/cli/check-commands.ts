import type { Command } from 'commander';
import type { Board } from '../boards/catalogue.ts';
import { compileNorms } from '../boards/norms.ts';
import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import type { Family } from '../domain/listing.ts';
import type { Notice } from '../domain/notice.ts';
import { FIXER_LABELS } from '../domain/people.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { type Explanation, explain } from '../export/explain.ts';
import { loadFrame } from '../export/frame.ts';
import { judgeAlone, judgeRows } from '../export/judge.ts';
import { deskOf } from '../export/offer.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { rejectionOf } from '../store/intake.ts';
import { eachListing, type ListingRow } from '../store/marks.ts';
import { listNorms } from '../store/norms.ts';
import { type CabinetRow, listCabinets, narrowRows } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Context } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { DEFAULT_CABINET, objects, oneListing, rejectionSentence } from './naming.ts';
import { momentAhead } from './units.ts';

const PAST_TOLD = 'Что было, показывают report --from … --to …, runs, accounts ledger и история в карточке объекта';

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
    .option(
      '--at <момент>',
      'как будет в этот момент, не в прошлом: 2026-11-28T11:00 или «сб 11:00» по времени агентства',
    )
    .option('--agency <название>', 'агентство')
    .action(
      action(
        async (context, name: string, options: { board?: string; all?: boolean; at?: string; agency?: string }) => {
          if (!options.board && !options.all)
            throw new Refusal('board-missing', 'Укажите --board <доска> или --all.', EXIT.usage);
          const db = await context.db();
          const agency = await resolveAgency(db, options.agency);
          const listing = await oneListing(db, agency.id, name);
          const cabinets = await listCabinets(db, { agencyId: agency.id, board: options.board });
          if (options.board) context.board(options.board);
          if (cabinets.length === 0) {
            throw new Refusal(
              'cabinet-unknown',
              options.board
                ? `На доске ${context.board(options.board).name} у агентства ещё нет кабинета. Что скажет доска: check --board ${options.board} --listing ${name}`
                : 'Ни одной отметки ещё нет. Отметьте: mark --board avito --all',
              EXIT.refused,
            );
          }
          const { timeZone } = await agencyFrame(db, agency.id);
          const now = context.clock();
          const at = options.at === undefined ? now : momentAhead(options.at, now, timeZone, PAST_TOLD);
          const answers: Explanation[] = [];
          for (const cabinet of cabinets) {
            answers.push(await explain(db.pool, cabinet, context.board(cabinet.board), listing.id, at));
          }
          const data = options.all || answers.length > 1 ? { explanations: answers } : answers[0]!;
          context.print(data, () => answers.map(explainText).join('\n\n'));
          const rejection = await rejectionOf(db, agency.id, listing.externalId);
          if (rejection) context.say(`${rejectionSentence(rejection)} Выше — прежние данные.`);
          return EXIT.done;
        },
      ),
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
        const xml = await previewOf(db, board, cabinet, listing, context.clock());
        context.print({ listing: listing.id, board: board.id, xml }, xml);
        return EXIT.done;
      }),
    );
}

/** The offer as it would be written now: the chosen content, dressed for the cabinet, checked or not. */
async function previewOf(
  db: Database,
  board: Board,
  cabinet: CabinetRow | undefined,
  listing: ListingRow,
  now: Date,
): Promise<string> {
  const desk = deskOf(board, cabinet?.family);
  if (!cabinet) return desk.codec.render(judgeAlone(listing.values, desk, wornBy(listing)).dressed);
  const frame = await loadFrame(db.pool, cabinet, board, now);
  const rows = await narrowRows(db.pool, cabinet, frame.context.zone, frame.isModerated, now, [listing.id], true);
  const [judged] = await judgeRows(db.pool, frame, rows);
  return desk.codec.render(judged!.dressed);
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
  const norms = compileNorms(await listNorms(db.pool, agencyId), board);
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
    const { notices } = judgeAlone(row.values, desk, wornBy(row), norms);
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

/** What a listing would wear where it has no mark yet. */
function wornBy(row: ListingRow) {
  const own = row.employee?.phones ?? [];
  return {
    listingId: row.id,
    firstSeenAt: row.firstSeenAt,
    phones: row.values.contactPhones ?? (own.length > 0 ? own : undefined),
    person: row.employee,
  };
}

function explainText(answer: Explanation): string {
  const held = answer.isHeld ? ' (держит тормоз)' : '';
  const since = answer.since === null ? '' : `, с ${russianMoment(new Date(answer.since), answer.zone)}`;
  const lines = [
    `${answer.externalId} · ${answer.title} → ${answer.boardName} (${answer.cabinet}): ${answer.label}${held}${since}`,
  ];
  for (const [index, gate] of answer.gates.entries()) {
    const sign = gate.state === 'open' ? '✓' : gate.state === 'closed' ? '✕' : '–';
    lines.push(
      `  ${String(index + 1).padStart(2)} ${gate.label}  ${sign}${gate.state === 'closed' ? '  ← здесь' : ''}`,
    );
    if (gate.gate === 'board-rules' || gate.gate === 'norms') {
      for (const notice of answer.notices) {
        if (notice.code.startsWith('norm/') !== (gate.gate === 'norms')) continue;
        const mark = notice.severity === 'blocking' ? '✕' : '·';
        lines.push(`        ${mark} ${notice.message} (исправит ${FIXER_LABELS[notice.fixedBy]})`);
      }
    } else if (gate.closing !== null) lines.push(`        ${gate.closing.reason}`);
  }
  if (answer.fix !== null) {
    const command = answer.command === null ? '' : `  [${answer.command.map(quoted).join(' ')}]`;
    lines.push(`  Что сделать (${answer.fixedByName}): ${answer.fix}${command}`);
  }
  if (answer.cost !== null) lines.push(`  ₽ ${answer.cost.text}`);
  for (const remark of answer.remarks) lines.push(`  · ${remark}`);
  return lines.join('\n');
}

const quoted = (word: string) => (/[^A-Za-z0-9#:_.-]/.test(word) || word.startsWith('#') ? `"${word}"` : word);
