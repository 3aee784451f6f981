import closeWithGrace from 'close-with-grace';
import type { Command } from 'commander';
import pino from 'pino';
import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { agree, formatNumber } from '../domain/text.ts';
import type { Clockwork, ClockworkLog } from '../export/clockwork.ts';
import { resolveAgency } from '../store/agencies.ts';
import { type CabinetDue, cabinetsDue, listRuns, type RunRow, retryAt } from '../store/runs.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Context } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { postOf } from './mail-commands.ts';

export function clockworkCommands(program: Command, action: Action): void {
  program
    .command('work')
    .summary('собирать фиды по расписанию')
    .description(
      'Собирает фиды, когда подходит их время, и делает прочее по часам: напоминания, запись итогов дня. Работает, пока не остановят. Таких процессов может быть сколько угодно; serve делает то же самое.',
    )
    .action(
      action(async (context) => {
        await context.db();
        const log = pino({ level: context.config.LOG_LEVEL });
        const clockwork = await startClock(context, log);
        context.say('Фиды собираются по расписанию. Остановить: Ctrl+C. Что и когда: due');
        context.onServe();
        await new Promise<void>((resolve) => {
          closeWithGrace({ delay: 10_000 }, async ({ err }) => {
            if (err) log.error({ err }, 'stopping');
            await clockwork.stop();
            await context.close();
            resolve();
          });
        });
        return EXIT.done;
      }),
    );

  program
    .command('runs')
    .summary('что и когда собиралось')
    .description('Показывает прогоны: когда и почему, как долго, сколько объектов вошло в фид, что изменилось.')
    .option('--board <доска>', 'только эта доска')
    .option('--limit <число>', 'сколько последних прогонов показать', '20')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { board?: string; limit: string; agency?: string }) => {
        if (options.board !== undefined) context.board(options.board);
        const limit = Number(options.limit);
        if (!/^\d{1,4}$/.test(options.limit) || limit === 0)
          throw new Refusal('bad-limit', `--limit: «${options.limit}», а нужно число от 1 до 9999.`, EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const runs = await listRuns(db, agency.id, { limit, ...(options.board && { board: options.board }) });
        const { timeZone } = await agencyFrame(db, agency.id);
        context.print({ runs }, () =>
          runs.length === 0 ? 'Прогонов ещё не было.' : runs.map((run) => runText(context, run, timeZone)).join('\n'),
        );
        context.say('Когда следующий: due');
        return EXIT.done;
      }),
    );

  program
    .command('due')
    .summary('когда какой фид будет собран')
    .description('Показывает, когда будет собран фид каждого кабинета, и что мешает тому, время которого прошло.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const now = context.clock();
        const cabinets = (await cabinetsDue(db, { agencyId: agency.id })).map((cabinet) => ({
          ...cabinet,
          retryAt: retryAt(cabinet),
          told: dueText(cabinet, now),
        }));
        context.print({ cabinets }, () =>
          cabinets.length === 0
            ? 'Кабинетов ещё нет: mark --board avito --all'
            : cabinets.map((cabinet) => `${nameOf(context, cabinet)}: ${cabinet.told}`).join('\n'),
        );
        context.say('Собрать сейчас: publish. Что уже собиралось: runs');
        return EXIT.done;
      }),
    );
}

/** The clockwork of this process. Loaded when it is needed, for no other command should wait for the job queue. */
export async function startClock(context: Context, log: ClockworkLog): Promise<Clockwork> {
  const { startClockwork } = await import('../export/clockwork.ts');
  const { boards, clock, config } = context;
  const db = await context.db();
  const post = await postOf(context);
  return startClockwork({ db, boards, dataDir: config.DATA_DIR, clock, log, post });
}

/** «Яндекс Недвижимость (main)»; the board's own name may be gone with its description. */
function nameOf(context: Context, { board, slug }: { readonly board: string; readonly slug: string }): string {
  return `${context.boards.find(({ id }) => id === board)?.name ?? board} (${slug})`;
}

const ENDINGS: Record<Exclude<RunRow['status'], null>, string> = {
  done: 'готово',
  failed: 'не удался',
  overtaken: 'уступил более новому',
  lost: 'оборвался: процесс остановился',
};

function runText(context: Context, run: RunRow, zone: string): string {
  const { startedAt, finishedAt, outcomes, offers, changed, status, error } = run;
  const all = Object.values(outcomes ?? {}).reduce((sum, count) => sum + count, 0);
  return [
    russianMoment(startedAt, zone),
    nameOf(context, run),
    run.cause === 'person' ? 'вручную' : 'по расписанию',
    ...(finishedAt === null ? [] : [`за ${lasting(finishedAt.getTime() - startedAt.getTime())}`]),
    ...(outcomes === null
      ? []
      : [
          `в фиде ${formatNumber(offers ?? 0)} из ${formatNumber(all)} ${agree(all, 'объекта', 'объектов', 'объектов')}`,
        ]),
    ...(changed === null ? [] : [`новых итогов ${formatNumber(changed)}`]),
    status === null ? 'идёт' : error === null ? ENDINGS[status] : `${ENDINGS[status]}: ${error}`,
  ].join('  ');
}

/** What becomes of a cabinet: when it is due, or why it is not done although it is. */
function dueText(cabinet: CabinetDue, now: Date): string {
  const { dueAt, isRunning, failures, error, zone } = cabinet;
  const retry = retryAt(cabinet);
  const failed = `${formatNumber(failures)} ${agree(failures, 'прогон', 'прогона', 'прогонов')} подряд не ${agree(failures, 'удался', 'удались', 'удались')}: ${error}`;
  if (isRunning) return 'собирается сейчас';
  if (dueAt === null) return 'само ничего не изменится, прогон не нужен';
  if (dueAt > now) return russianMoment(dueAt, zone);
  // With the clockwork at work nobody waits for longer than seconds.
  if (retry !== null)
    return retry > now ? `повтор ${russianMoment(retry, zone)}; ${failed}` : `повтор сейчас; ${failed}`;
  return `ждёт ${lasting(now.getTime() - dueAt.getTime())}, с ${russianMoment(dueAt, zone)}: запустите serve или work`;
}

/** For longer than this a due cabinet waits only when nobody works. */
const OVERDUE_MS = 600_000;

/**
 * How the queue of runs is doing, for `doctor`.
 * @throws Error that says which cabinet waits for too long
 */
export async function examineQueue(context: Context): Promise<string> {
  const now = context.clock();
  const db = await context.db();
  const waiting = await cabinetsDue(db, { until: now });
  const [oldest] = waiting.filter(({ isRunning }) => !isRunning);
  if (oldest && now.getTime() - oldest.dueAt!.getTime() > OVERDUE_MS) {
    throw new Error(`ждут ${waiting.length}, дольше всех ${nameOf(context, oldest)}: ${dueText(oldest, now)}`);
  }
  return waiting.length === 0 ? 'никто не ждёт' : `ждут ${waiting.length}, недолго`;
}

/** A length of time in its largest unit: «3 минуты». */
function lasting(ms: number): string {
  const seconds = Math.max(ms, 0) / 1000;
  if (seconds < 60) {
    const told = seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds);
    return `${formatNumber(told)} ${agree(told, 'секунду', 'секунды', 'секунд')}`;
  }
  const units: [number, string, string, string][] = [
    [86_400, 'день', 'дня', 'дней'],
    [3600, 'час', 'часа', 'часов'],
    [60, 'минуту', 'минуты', 'минут'],
  ];
  const [length, ...forms] = units.find(([least]) => seconds >= least)!;
  const count = Math.floor(seconds / length);
  return `${formatNumber(count)} ${agree(count, ...forms)}`;
}
