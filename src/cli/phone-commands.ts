import type { Command } from 'commander';
import { formatPhone } from '../boards/formats/phone.ts';
import { localDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { PHONE_KIND_LABELS, PHONE_KINDS, type PhoneKind, type PhoneLine, phoneBook } from '../domain/phones.ts';
import { choiceText, lineText, originOf, provenLine, timetableConflicts } from '../server/timetable.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import {
  type AskRow,
  addPhoneLine,
  askRow,
  listPhoneLines,
  type PhoneFrameRow,
  phoneFrameRow,
  removePhoneLine,
} from '../store/phones.ts';
import { listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Context } from './context.ts';
import { type Action, choice } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, oneEmployee, oneListing, ours } from './naming.ts';
import { dayNamed, hoursNamed, momentAhead, momentTold, oneBranch, oneDepartment, weekdaysNamed } from './units.ts';

interface LineOptions {
  employee?: string;
  department?: string;
  branch?: string;
  board?: string;
  days: string;
  hours: string;
  from?: string;
  to?: string;
  kind: PhoneKind;
  phone?: string;
  note?: string;
  agency?: string;
  by?: string;
}

const PAST_TOLD = 'Как менялся график, записано в журнале приложения';

export function phoneCommands(program: Command, action: Action): void {
  const phone = program
    .command('phone')
    .summary('график телефонов')
    .description(
      'Какой номер стоит в объявлении: по сотруднику, отделу, филиалу, агентству, доске, дню недели и часам филиала. Строка с датами (дежурство) важнее недельной, ближняя к агенту важнее дальней.',
    );

  phone
    .command('add')
    .description('Добавляет строку графика: без --employee, --department и --branch она для всего агентства.')
    .addOption(
      choice(
        '--kind <вид>',
        PHONE_KINDS.map((kind) => `${kind}: ${PHONE_KIND_LABELS[kind]}`).join('; '),
        PHONE_KINDS,
      ).makeOptionMandatory(),
    )
    .option('--phone <номер>', 'номер; для own не нужен: берётся первый номер агента')
    .option('--employee <сотрудник>', 'строка одного сотрудника')
    .option('--branch <название>', 'строка филиала')
    .option('--department <название>', 'строка отдела; вместе с --branch')
    .option('--board <доска>', 'только на этой доске; без ключа на всех')
    .option('--days <дни>', 'дни недели: пн-пт, «сб, вс»', 'ежедневно')
    .option('--hours <часы>', 'часы по времени филиала: 09:00-18:00', 'круглосуточно')
    .option('--from <день>', 'первый день дежурства')
    .option('--to <день>', 'последний день дежурства')
    .option('--note <текст>', 'пометка')
    .option('--by <сотрудник>', 'кто добавил')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: LineOptions) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'phones');
        const line = await lineOf(context, db, agency.id, options);
        const id = await addPhoneLine(db, agency.id, line, actor.name, context.clock());
        const frame = await phoneFrameRow(db.pool, agency.id);
        const conflicts = (await timetableConflicts(db, context.boards, agency.id, frame, context.clock())).filter(
          ({ lineIds }) => lineIds.includes(id),
        );
        context.print({ line: { ...line, id }, conflicts }, () => numberedText({ ...line, id }, frame, context));
        for (const { message } of conflicts) context.say(message);
        context.say('Дальше: phone at <объект> покажет, какой номер стоит в объявлении.');
        return EXIT.done;
      }),
    );

  phone
    .command('list')
    .description('Показывает строки графика; прошедшие дежурства — только с --all.')
    .option('--all', 'и прошедшие')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { all?: boolean; agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { timeZone } = await agencyFrame(db, agency.id);
        const today = localDay(context.clock(), timeZone);
        const lines = (await listPhoneLines(db.pool, agency.id)).filter(
          ({ endsOn }) => options.all === true || endsOn === null || endsOn >= today,
        );
        const frame = await phoneFrameRow(db.pool, agency.id);
        context.print({ lines }, () =>
          lines.length === 0
            ? 'График пуст: стоят номера объектов и агентов.'
            : lines.map((line) => numberedText(line, frame, context)).join('\n'),
        );
        return EXIT.done;
      }),
    );

  phone
    .command('remove')
    .description('Убирает строку графика.')
    .argument('<номер>', 'номер строки из phone list')
    .option('--by <сотрудник>', 'кто убрал')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, number: string, options: { by?: string; agency?: string }) => {
        if (!/^\d{1,15}$/.test(number))
          throw new Refusal(
            'phone-line-unknown',
            `«${number.slice(0, 60)}» — не номер строки: phone list.`,
            EXIT.usage,
          );
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'phones');
        const line = await removePhoneLine(db, agency.id, Number(number), actor.name, context.clock());
        const frame = await phoneFrameRow(db.pool, agency.id);
        context.print({ removed: line }, () => `Убрана строка ${numberedText(line, frame, context)}`);
        return EXIT.done;
      }),
    );

  phone
    .command('at')
    .summary('какой номер стоит в объявлении')
    .description('Отвечает, какой номер стоит в объявлении объекта в названный момент: на одной доске или на всех.')
    .argument('<объект>')
    .option('--board <доска>', 'доска; без ключа все доски, где объект отмечен')
    .option('--at <момент>', '2026-11-28T11:00 или «сб 11:00» по времени филиала, не в прошлом; без ключа сейчас')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: { board?: string; at?: string; agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listing = await oneListing(db, agency.id, name);
        const ask = await askRow(db.pool, agency.id, listing.id);
        const now = context.clock();
        const moment = options.at === undefined ? now : momentAhead(options.at, now, ask.zone, PAST_TOLD);
        const boards = await boardsAsked(context, db, agency.id, ask, options.board);
        const book = phoneBook(await listPhoneLines(db.pool, agency.id));
        const answers = boards.map((board) => ({
          board,
          choice: book({ ...ask, board, listingPhones: ask.listingPhones ?? undefined }, moment, ask.zone),
        }));
        const frame = await phoneFrameRow(db.pool, agency.id);
        context.print(
          {
            listing: listing.id,
            at: moment,
            zone: ask.zone,
            branch: ask.branch,
            boards: answers.map(({ board, choice }) => ({
              board,
              ...choice,
              phones: choice.phones ?? [],
              from: originOf(choice, ask),
            })),
          },
          () =>
            [
              `Объект ${ours(listing.id)}, ${momentTold(moment, ask.zone)}${ask.branch === null ? '' : `, филиал «${ask.branch}»`}:`,
              ...answers.map(({ board, choice }) => {
                const told = choiceText(choice, ask, frame, context.boards);
                const change =
                  choice.changesAt === null ? '' : `. Может смениться ${momentTold(choice.changesAt, ask.zone)}`;
                return `  ${context.board(board).name}: ${told}${change}.`;
              }),
            ].join('\n'),
        );
        return EXIT.done;
      }),
    );

  phone
    .command('conflicts')
    .summary('что не так в графике телефонов')
    .description(
      'Один подменный номер на двух досках, часы без номера, номера, по которым не позвонить, часы мельче, чем доска забирает файл, и строки, которые спорят между собой. Код 3, если что-то найдено.',
    )
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const conflicts = await timetableConflicts(
          db,
          context.boards,
          agency.id,
          await phoneFrameRow(db.pool, agency.id),
          context.clock(),
        );
        context.print({ conflicts }, () =>
          conflicts.length === 0
            ? 'График телефонов в порядке.'
            : conflicts.map(({ message }) => `✕ ${message}`).join('\n'),
        );
        return conflicts.length === 0 ? EXIT.done : EXIT.found;
      }),
    );
}

async function lineOf(
  context: Context,
  db: Database,
  agencyId: number,
  options: LineOptions,
): Promise<Omit<PhoneLine, 'id'>> {
  const problems = [
    ...(options.department !== undefined && options.branch === undefined
      ? ['Отдел называют вместе с филиалом: --branch <название>.']
      : []),
    ...(options.employee !== undefined && options.branch !== undefined
      ? ['Назовите что-то одно: --employee или --branch.']
      : []),
  ];
  if (problems.length > 0) throw new Refusal('phone-line-wrong', problems.join(' '), EXIT.usage);
  const [fromMinute, toMinute] = hoursNamed(options.hours);
  return provenLine({
    ...(await scopeOf(db, agencyId, options)),
    board: options.board === undefined ? null : context.board(options.board).id,
    weekdays: weekdaysNamed(options.days),
    fromMinute,
    toMinute,
    startsOn: options.from === undefined ? null : dayNamed(options.from),
    endsOn: options.to === undefined ? null : dayNamed(options.to),
    kind: options.kind,
    phone: options.phone ?? null,
    note: options.note ?? null,
  });
}

async function scopeOf(
  db: Database,
  agencyId: number,
  { employee, department, branch }: LineOptions,
): Promise<Pick<PhoneLine, 'scope' | 'scopeId'>> {
  if (employee !== undefined) return { scope: 'employee', scopeId: (await oneEmployee(db, agencyId, employee)).id };
  if (branch === undefined) return { scope: 'agency', scopeId: null };
  const home = await oneBranch(db, agencyId, branch);
  if (department === undefined) return { scope: 'branch', scopeId: home.id };
  return { scope: 'department', scopeId: (await oneDepartment(db, agencyId, home, department)).id };
}

async function boardsAsked(
  context: Context,
  db: Database,
  agencyId: number,
  ask: AskRow,
  board: string | undefined,
): Promise<readonly string[]> {
  if (board !== undefined) return [context.board(board).id];
  if (ask.boards.length > 0) return ask.boards;
  const inUse = [...new Set((await listCabinets(db, { agencyId })).map((row) => row.board))];
  if (inUse.length === 0)
    throw new Refusal('board-missing', 'Отметок ещё нет. Назовите доску: --board avito', EXIT.usage);
  return inUse;
}

/** The line as it stands in the list: its number there, the phone, and what it is. */
function numberedText(line: PhoneLine, frame: PhoneFrameRow, context: Context): string {
  const phone = line.phone === null ? '' : `${formatPhone(line.phone)} `;
  return `${line.id}. ${phone}${lineText(line, frame, context.boards)}`;
}
