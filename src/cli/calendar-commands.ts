import type { Command } from 'commander';
import { proofOf } from '../boards/check.ts';
import { type Calendar, CalendarSchema, calendarAt } from '../domain/calendar.ts';
import { russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { hoursText, readEnd, readSpans, readWeek, type Span, spokenMoment, weekText } from '../domain/week.ts';
import { type AgencyRow, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { addPauses, endPause, listPauses, type NamedPauseRow, type NewPause } from '../store/pauses.ts';
import { askRow } from '../store/phones.ts';
import { agencyFrame, type CalendarOwner, calendarOf, changeCalendar } from '../store/settings.ts';
import type { Context } from './context.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET, oneListing, ours, proveMay } from './naming.ts';
import { dayNamed, momentNamed, momentTold, oneBranch, oneCabinet } from './units.ts';

interface OwnerOptions {
  branch?: string;
  board?: string;
  cabinet: string;
  agency?: string;
  by?: string;
}

interface Owner {
  readonly agency: AgencyRow;
  readonly of: CalendarOwner;
  /** «Филиал «Центр»», «Циан, кабинет main». */
  readonly name: string;
}

export function calendarCommands(program: Command, action: Action): void {
  const calendar = program
    .command('calendar')
    .summary('рабочее время филиалов и кабинетов')
    .description(
      'Рабочие дни и часы филиала или кабинета и праздники: в остальное время его объектов на досках нет. Без календаря работа идёт всегда.',
    );
  const owned = (name: string, description: string) =>
    calendar
      .command(name)
      .description(description)
      .option('--branch <название>', 'календарь филиала')
      .option('--board <доска>', 'календарь кабинета на доске')
      .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
      .option('--agency <название>', 'агентство');

  owned('show', 'Показывает календарь и открыто ли сейчас.').action(
    action(async (context, options: OwnerOptions) => {
      const db = await context.db();
      await show(context, db, await ownerOf(context, db, options));
      return EXIT.done;
    }),
  );

  owned('set', 'Ставит рабочие дни и часы недели; не названные дни — выходные. Праздники остаются.')
    .requiredOption('--week <неделя>', 'пн-пт 09:00-20:00; сб 10:00-14:00, 15:00-18:00')
    .option('--by <сотрудник>', 'кто поставил')
    .action(
      action(async (context, options: OwnerOptions & { week: string }) => {
        const db = await context.db();
        const owner = await ownerOf(context, db, options);
        const week = readWeek(options.week);
        if (!week)
          throw new Refusal(
            'bad-week',
            `«${options.week.slice(0, 100)}» — не рабочая неделя. Пример: пн-пт 09:00-20:00; сб 10:00-16:00. Каждый день называют один раз, часы одного дня не накладываются.`,
            EXIT.usage,
          );
        await change(context, db, owner, options.by, (known) => ({ week, special: known?.special ?? [] }));
        return EXIT.done;
      }),
    );

  owned('holiday', 'Добавляет праздники или дни с особыми часами.')
    .requiredOption('--from <день>', 'первый день')
    .option('--to <день>', 'последний день, включительно; без ключа один день')
    .requiredOption('--note <название>', 'что за дни: «Новый год»')
    .option('--hours <часы>', 'часы работы в эти дни: 10:00-14:00; без ключа выходные')
    .option('--by <сотрудник>', 'кто добавил')
    .action(
      action(async (context, options: OwnerOptions & { from: string; to?: string; note: string; hours?: string }) => {
        const db = await context.db();
        const owner = await ownerOf(context, db, options);
        const from = dayNamed(options.from);
        const to = options.to === undefined ? from : dayNamed(options.to);
        if (to < from) throw new Refusal('bad-days', 'Последний день раньше первого.', EXIT.usage);
        const hours = options.hours === undefined ? [] : readSpans(options.hours);
        if (!hours)
          throw new Refusal(
            'bad-hours',
            `«${options.hours}» — не часы одного дня. Примеры: 10:00-14:00; «10:00-13:00, 14:00-17:00».`,
            EXIT.usage,
          );
        const special = {
          from,
          to,
          hours: hours.map(([start, end]): [number, number] => [start, end]),
          note: options.note,
        };
        await change(context, db, owner, options.by, (known) => ({
          week: known?.week ?? ALWAYS,
          special: [...(known?.special ?? []).filter((other) => other.from !== from || other.to !== to), special],
        }));
        return EXIT.done;
      }),
    );

  owned('clear', 'Убирает календарь (работа идёт всегда) или одни праздники.')
    .option('--from <день>', 'убрать только праздники, которые начинаются в этот день')
    .option('--by <сотрудник>', 'кто убрал')
    .action(
      action(async (context, options: OwnerOptions & { from?: string }) => {
        const db = await context.db();
        const owner = await ownerOf(context, db, options);
        const from = options.from === undefined ? undefined : dayNamed(options.from);
        await change(context, db, owner, options.by, (known) => {
          if (from === undefined) return null;
          const left = known?.special.filter((other) => other.from !== from) ?? [];
          if (!known || left.length === known.special.length)
            throw new Refusal('no-holiday', `Праздников с ${russianDay(from)} в календаре нет: calendar show.`);
          return { ...known, special: left };
        });
        return EXIT.done;
      }),
    );

  pauseCommands(program, action);
}

const ALWAYS: Calendar['week'] = [1, 2, 3, 4, 5, 6, 7].map(() => [[0, 1440]]);
const isCalendar = proofOf(CalendarSchema);

async function ownerOf(context: Context, db: Database, options: OwnerOptions): Promise<Owner> {
  const agency = await resolveAgency(db, options.agency);
  if ((options.branch === undefined) === (options.board === undefined))
    throw new Refusal('calendar-whose', 'Чей календарь? Назовите --branch <название> или --board <доска>.', EXIT.usage);
  if (options.branch !== undefined) {
    const { id, name } = await oneBranch(db, agency.id, options.branch);
    return { agency, of: { branchId: id }, name: `Филиал «${name}»` };
  }
  const { id, board, slug } = await oneCabinet(context, db, agency.id, {
    board: options.board!,
    cabinet: options.cabinet,
  });
  return { agency, of: { cabinetId: id }, name: `${context.board(board).name}, кабинет ${slug}` };
}

async function change(
  context: Context,
  db: Database,
  owner: Owner,
  by: string | undefined,
  to: (known: Calendar | null) => Calendar | null,
): Promise<void> {
  const actor = await actorOf(db, owner.agency.id, by, 'calendars');
  await changeCalendar(
    db,
    owner.agency.id,
    owner.of,
    (known) => {
      const next = to(known);
      if (next !== null && !isCalendar(next))
        throw new Refusal(
          'calendar-too-big',
          'Календарь не принят: в дне не больше 5 промежутков, праздников не больше 400, название не длиннее 200 знаков.',
          EXIT.usage,
        );
      return next;
    },
    actor.name,
    context.clock(),
  );
  await show(context, db, owner);
}

async function show(context: Context, db: Database, { agency, of, name }: Owner): Promise<void> {
  const { calendar, zone } = await calendarOf(db.pool, agency.id, of);
  const state = calendarAt(calendar, context.clock(), zone);
  context.print({ ...of, zone, calendar, ...state }, () => {
    if (calendar === null) return `${name}: календаря нет, работа идёт всегда.`;
    const until = state.changesAt === null ? '' : ` до ${spokenMoment(state.changesAt, zone)}`;
    return [
      `${name} (${zone}): ${weekText(calendar.week)}`,
      ...calendar.special.map((special) => `  ${specialText(special)}`),
      state.isOpen ? `Сейчас открыто${until}.` : `Сейчас закрыто: ${state.reason}.`,
    ].join('\n');
  });
}

function specialText({ from, to, hours, note }: Calendar['special'][number]): string {
  const days = from === to ? russianDay(from) : `${russianDay(from)}–${russianDay(to)}`;
  return `${days} ${hours.length === 0 ? 'выходной' : (hours as Span[]).map(hoursText).join(', ')}: ${note}`;
}

interface PauseOptions extends OwnerOptions {
  listing?: string[];
  all?: boolean;
  from?: string;
  to: string;
  reason: string;
}

function pauseCommands(program: Command, action: Action): void {
  const pause = program
    .command('pause')
    .summary('приостановить размещение')
    .description('Пауза объекта, кабинета, филиала или всего агентства: всегда с концом и причиной. Отметки остаются.');

  pause
    .command('add')
    .description('Ставит паузу. Объекты уходят из фидов сразу и возвращаются сами, когда она кончится.')
    .addOption(several('--listing <объект...>', 'объекты; с --board только на этой доске'))
    .option('--board <доска>', 'кабинет на доске')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .option('--branch <название>', 'все объекты филиала')
    .option('--all', 'всё агентство')
    .option('--from <момент>', 'когда начать; без ключа сразу')
    .requiredOption('--to <момент>', '2026-11-30T18:00, «сб 11:00» или день, включительно')
    .requiredOption('--reason <причина>', 'её увидит агент')
    .option('--by <сотрудник>', 'кто ставит')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: PauseOptions) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const deed = options.listing === undefined ? 'pauses' : 'listing-pauses';
        const actor = await actorOf(db, agency.id, options.by, deed);
        const now = context.clock();
        const { targets, zone } = await targetsOf(context, db, agency, options);
        const until = readEnd(options.to, now, zone) ?? momentNamed(options.to, now, zone);
        const from = options.from === undefined ? now : momentNamed(options.from, now, zone);
        const pauses = targets.map(
          (target): NewPause => ({ ...target, from, until, reason: options.reason, employeeId: actor.employeeId }),
        );
        const ids = await addPauses(db, agency.id, pauses, actor.name, now);
        const made = (await listPauses(db.pool, agency.id, now)).filter(({ id }) => ids.includes(id));
        context.print({ pauses: made }, () => made.map((row) => pauseText(row, context)).join('\n'));
        context.say(`Снять раньше: pause end ${ids.length === 1 ? ids[0] : '<номер>'}`);
        return EXIT.done;
      }),
    );

  pause
    .command('list')
    .description('Показывает паузы, которые идут или ещё начнутся.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const pauses = await listPauses(db.pool, agency.id, context.clock());
        context.print({ pauses }, () =>
          pauses.length === 0 ? 'Пауз нет.' : pauses.map((row) => pauseText(row, context)).join('\n'),
        );
        return EXIT.done;
      }),
    );

  pause
    .command('end')
    .description('Кончает паузу раньше срока.')
    .argument('<номер>', 'номер из pause list')
    .option('--by <сотрудник>', 'кто снимает')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, number: string, options: { by?: string; agency?: string }) => {
        if (!/^\d{1,15}$/.test(number))
          throw new Refusal('pause-unknown', `«${number.slice(0, 60)}» — не номер паузы: pause list.`, EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'listing-pauses');
        const now = context.clock();
        const pause = (await listPauses(db.pool, agency.id, now)).find(({ id }) => id === Number(number));
        // Whoever stopped a thing may let it go on.
        if (pause && pause.by !== actor.name) proveMay(actor, 'foreign-pauses');
        const ended = await endPause(db, agency.id, Number(number), actor.name, now);
        context.print({ ended }, `Пауза ${ended.id} снята: ${ended.reason}.`);
        return EXIT.done;
      }),
    );
}

type Target = Pick<NewPause, 'branchId' | 'cabinetId' | 'listingId'>;

/** What is stopped, and by whose clock the command speaks. */
async function targetsOf(
  context: Context,
  db: Database,
  agency: AgencyRow,
  { all, branch, board, cabinet, listing }: PauseOptions,
): Promise<{ targets: readonly Target[]; zone: string }> {
  const isNamed = listing !== undefined || board !== undefined;
  if (Number(all === true) + Number(branch !== undefined) + Number(isNamed) !== 1)
    throw new Refusal(
      'pause-what',
      'Что приостановить? Одно из: --listing <объект…>, --board <доска>, --listing вместе с --board, --branch <название>, --all.',
      EXIT.usage,
    );
  const { timeZone } = await agencyFrame(db, agency.id);
  if (all) return { targets: [{}], zone: timeZone };
  if (branch !== undefined) {
    const { id, zone } = await oneBranch(db, agency.id, branch);
    return { targets: [{ branchId: id }], zone };
  }
  const cabinetId = board === undefined ? null : (await oneCabinet(context, db, agency.id, { board, cabinet })).id;
  if (listing === undefined) {
    const { zone } = await calendarOf(db.pool, agency.id, { cabinetId: cabinetId! });
    return { targets: [{ cabinetId }], zone };
  }
  const ids: number[] = [];
  for (const name of listing) ids.push((await oneListing(db, agency.id, name)).id);
  const zones = new Set<string>();
  for (const id of ids) zones.add((await askRow(db.pool, agency.id, id)).zone);
  // Listings of several zones in one breath: the agency's clock speaks for all.
  const zone = zones.size === 1 ? [...zones][0]! : timeZone;
  return { targets: [...new Set(ids)].map((listingId) => ({ listingId, cabinetId })), zone };
}

function pauseText(row: NamedPauseRow, context: Context): string {
  const board = row.board === null ? '' : (context.boards.find(({ id }) => id === row.board)?.name ?? row.board);
  const cabinet = row.cabinet === null || row.cabinet === DEFAULT_CABINET ? board : `${board}, кабинет ${row.cabinet}`;
  const what =
    row.listingId !== null
      ? `объект ${ours(row.listingId)} (${row.externalId})${cabinet === '' ? '' : `, ${cabinet}`}`
      : row.branch !== null
        ? `филиал «${row.branch}»`
        : cabinet || 'всё агентство';
  const from = row.from > context.clock() ? `с ${spokenMoment(row.from, row.zone)} ` : '';
  return `${row.id}. ${what}: ${from}до ${momentTold(row.until, row.zone)}, ${row.reason} (${row.by})`;
}
