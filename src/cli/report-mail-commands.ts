import type { Command } from 'commander';
import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { mailTimeText, narrowedText, nextSlot } from '../domain/report-mail.ts';
import {
  GROUPING_LABELS,
  type Grouping,
  MAIL_WEEKS_MAX,
  MAIL_WEEKS_USUAL,
  STEP_LABELS,
  type Step,
} from '../domain/report-words.ts';
import { REACH_ALL } from '../domain/rights.ts';
import { readClock, readWeekdays, spokenMoment } from '../domain/week.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { mailState } from '../store/mail.ts';
import {
  listSubscriptions,
  type Subscription,
  subscribe,
  subscriptionById,
  unsubscribe,
} from '../store/report-mail.ts';
import type { Context } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { isMailSetUp, MAIL_OFF } from './mail-commands.ts';
import { type Actor, actorOf, oneEmployee } from './naming.ts';
import { type ReportWish, reportOptions, reportWishOf } from './report-commands.ts';

interface Asked {
  readonly by?: string;
  readonly agency?: string;
}

interface SubscribeOptions extends Asked, ReportWish {
  for: string;
  weekday: string;
  at: string;
  weeks: string;
}

/** The report by e-mail: who gets it, under `report`. */
export function reportMailCommands(report: Command, action: Action): void {
  reportOptions(
    report
      .command('subscribe')
      .summary('присылать график сотруднику по почте раз в неделю')
      .description(
        `Каждую неделю присылает сотруднику график выгрузки за последние целые недели: картинку, таблицу и ссылку, посчитанные по его правам. Время – по часам его филиала. Отправляет serve или work, если задан SMTP_URL.`,
      ),
  )
    .requiredOption('--for <сотрудник>', 'кому: имя или фамилия, почта, #номер')
    .option('--weekday <день>', 'день недели: от 1 (понедельник) до 7 или пн … вс', '1')
    .option('--at <время>', 'во сколько, например 09:00', '09:00')
    .option('--weeks <число>', `за сколько целых недель, не больше ${MAIL_WEEKS_MAX}`, String(MAIL_WEEKS_USUAL))
    .option('--by <сотрудник>', 'кто подписывает')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: SubscribeOptions) => {
        const wish = {
          weekday: weekdayOf(options.weekday),
          atMinute: minuteOf(options.at),
          weeks: numberOf('--weeks', options.weeks),
        };
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const query = { ...(await reportWishOf(context, db, agency.id, options)) };
        const actor = await actorOf(db, agency.id, options.by, 'see-listings');
        const { id: employeeId } = await oneEmployee(db, agency.id, options.for);
        proveOwn(actor, employeeId);
        const { boards, clock } = context;
        const { proveMailed } = await import('../server/report-letter.ts');
        await proveMailed({ db, boards, clock }, agency.id, employeeId, query);
        const now = context.clock();
        const id = await subscribe(db, agency.id, { ...wish, query, employeeId }, actor.name, now);
        const made = (await subscriptionById(db.pool, agency.id, id))!;
        const [told] = await toldOf(db, agency.id, [made], now);
        context.print(told, () => lineOf(told!));
        tellSettings(context);
        return EXIT.done;
      }),
    );

  report
    .command('subscriptions')
    .summary('кому график приходит по почте')
    .description('Показывает, кому и когда график выгрузки приходит по почте и что стало с последним письмом.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Asked) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const now = context.clock();
        const all = await listSubscriptions(db.pool, agency.id);
        const subscriptions = await toldOf(db, agency.id, all, now);
        context.print({ isSetUp: isMailSetUp(context), subscriptions }, () =>
          all.length === 0
            ? 'График по почте никому не приходит: report subscribe --for <сотрудник>.'
            : subscriptions.map((one) => lineOf(one)).join('\n'),
        );
        tellSettings(context);
        return EXIT.done;
      }),
    );

  report
    .command('unsubscribe')
    .summary('больше не присылать график')
    .description('График больше не приходит; письмо с ним, которое ещё ждёт, не уйдёт.')
    .argument('<номер>', 'из report subscriptions')
    .option('--by <сотрудник>', 'кто убирает')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: Asked) => {
        const id = numberOf('номер', name.replace(/^[№#]/, ''));
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'see-listings');
        const found = await subscriptionById(db.pool, agency.id, id);
        if (!found) throw new Refusal('subscription-unknown', `Рассылки №${id} нет: report subscriptions.`, EXIT.usage);
        proveOwn(actor, found.employeeId);
        await unsubscribe(db, agency.id, id, actor.name, context.clock());
        context.print({ id }, `${found.employee}: график больше не приходит по почте.`);
        return EXIT.done;
      }),
    );
}

/** @throws Refusal `not-allowed`: of other people's letters an administrator decides */
function proveOwn({ employeeId, role }: Actor, whose: number): void {
  if (employeeId !== null && employeeId !== whose && role !== 'admin')
    throw new Refusal('not-allowed', 'Чужую почту меняет администратор.', EXIT.refused);
}

function weekdayOf(text: string): number {
  const [day, ...more] = /^[1-7]$/.test(text) ? [Number(text)] : (readWeekdays(text) ?? []);
  if (day !== undefined && more.length === 0) return day;
  throw new Refusal(
    'bad-weekday',
    `--weekday: «${text.slice(0, 20)}», а нужен один день: от 1 до 7 или пн … вс.`,
    EXIT.usage,
  );
}

function minuteOf(text: string): number {
  const minute = readClock(text);
  if (minute !== undefined && minute < 1440) return minute;
  throw new Refusal('bad-time', `--at: «${text.slice(0, 20)}», а нужно время, например 09:00.`, EXIT.usage);
}

function numberOf(what: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Refusal('bad-number', `${what}: «${text.slice(0, 20)}», а нужно целое число.`, EXIT.usage);
}

interface Told extends Subscription {
  readonly nextAt: Date;
  /** Whose listings alone it counts; null: all that the person sees. */
  readonly narrowed: string | null;
}

async function toldOf(db: Database, agencyId: number, all: readonly Subscription[], now: Date): Promise<Told[]> {
  const { narrowings } = await import('../server/report-units.ts');
  const queries = all.map(({ query }) => query);
  const narrowed = await narrowings(db, agencyId, REACH_ALL, queries);
  return all.map((one, at) => ({
    ...one,
    nextAt: nextSlot(one, one.zone, now),
    narrowed: narrowedText(narrowed[at]!.narrowed, 3),
  }));
}

/** «№3  Вера Лопатина <…>  по понедельникам в 09:00, за 4 недели, шаг – неделя  дальше пн 23.11.2026 09:00» */
function lineOf(one: Told): string {
  const { id, employee, email, query, zone, letter, narrowed } = one;
  const { step = 'week', by = 'none', board } = query as { step?: Step; by?: Grouping; board?: string[] };
  return [
    `№${id}`,
    `${employee} <${email ?? 'почты нет'}>`,
    `${mailTimeText(one)}, шаг – ${STEP_LABELS[step]}, ${GROUPING_LABELS[by]}${board ? `, ${board.join(', ')}` : ''}${narrowed === null ? '' : `, с отбором: ${narrowed}`}`,
    `дальше ${spokenMoment(one.nextAt, zone)}`,
    ...(letter === null
      ? []
      : [LETTERS[mailState(letter)](russianMoment(letter.sentAt ?? letter.createdAt, zone), letter.error)]),
  ].join('  ');
}

const LETTERS = {
  sent: (at: string) => `последнее ушло ${at}`,
  waiting: (_: string, error: string | null) => (error === null ? 'письмо ждёт' : `письмо ждёт: ${error}`),
  failed: (_: string, error: string | null) => `последнее не ушло: ${error}`,
};

function tellSettings(context: Context): void {
  if (!isMailSetUp(context)) context.say(MAIL_OFF);
  else if (context.config.PUBLIC_URL === undefined)
    context.say('PUBLIC_URL не задан: в письмах не будет ссылки на отчёт.');
}
