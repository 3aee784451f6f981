import type { Command } from 'commander';
import { russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { DEALS, KINDS } from '../domain/listing.ts';
import { MARKET_STATUS_LABELS, MARKET_STATUSES, type MarketStatus } from '../domain/market.ts';
import { conditionText, type MarkingCondition } from '../domain/marking.ts';
import { FIXER_LABELS } from '../domain/people.ts';
import type { Deed } from '../domain/rights.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { listMessages } from '../store/journal.ts';
import {
  allow,
  CALL_RESULTS,
  type CallResult,
  confirm,
  forbid,
  recordCall,
  setStage,
  setStatus,
} from '../store/market.ts';
import { applyMarkingRules, listMarkingRules, removeMarkingRule, saveMarkingRule } from '../store/marking.ts';
import { endingSoon, setTerm } from '../store/marks.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { remind } from '../store/reminders.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Context } from './context.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { readTerm, type TermOptions } from './mark-commands.ts';
import { actorOf, DEFAULT_CABINET, objects, oneEmployee, oneListing, ours } from './naming.ts';
import { dayNamed, oneBranch, oneCabinet } from './units.ts';

/** Where a property stands, whether it is confirmed, until when it is placed, and who is asked about it. */

interface Common {
  agency?: string;
  by?: string;
}

const days = (count: number) => `${formatNumber(count)} ${agree(count, 'день', 'дня', 'дней')}`;

export function marketCommands(program: Command, action: Action): void {
  const command = (name: string, summary: string, description: string, parent = program) =>
    parent.command(name).summary(summary).description(description).option('--agency <название>', 'агентство');

  command(
    'confirm',
    'подтвердить, что объекты актуальны',
    'Подтверждает, что объекты таковы, как написано: срок актуальности пойдёт заново.',
  )
    .argument('<объект...>')
    .option('--by <сотрудник>', 'кто подтвердил')
    .action(
      action(async (context, names: string[], options: Common) => {
        const { db, agencyId, actor, now } = await openedBy(context, options, 'confirmation');
        const ids: number[] = [];
        for (const name of names) ids.push((await oneListing(db, agencyId, name)).id);
        await confirm(db, agencyId, [...new Set(ids)], actor, now);
        context.print({ confirmed: ids }, `Подтверждено: ${objects(ids.length)}.`);
        return EXIT.done;
      }),
    );

  command(
    'status',
    'сказать, что объект свободен, забронирован, продан, сдан или в архиве',
    'Ставит статус объекта. Кроме active, статус снимает объект с досок; бронь с последним днём кончается сама.',
  )
    .argument('<объект>')
    .argument('<статус>', MARKET_STATUSES.join(', '))
    .option('--to <день>', 'последний день брони')
    .option('--by <сотрудник>', 'кто поставил')
    .action(
      action(async (context, name: string, wanted: string, options: Common & { to?: string }) => {
        const status = oneOf<MarketStatus>('status-unknown', 'Статуса', wanted, MARKET_STATUSES);
        const reservedUntil = options.to === undefined ? null : dayNamed(options.to);
        const { db, agencyId, actor, now } = await openedBy(context, options, 'status');
        const { id } = await oneListing(db, agencyId, name);
        await setStatus(db, agencyId, id, { status, reservedUntil }, actor, now);
        const until = reservedUntil === null ? '' : ` до ${russianDay(reservedUntil)} включительно`;
        context.print(
          { listing: id, status, reservedUntil },
          `Объект ${ours(id)}: ${MARKET_STATUS_LABELS[status]}${until}.`,
        );
        return EXIT.done;
      }),
    );

  command(
    'stage',
    'перевести объект на стадию сделки',
    'Ставит стадию сделки. Какие стадии снимают объект с рекламы и кто их меняет — в настройках агентства.',
  )
    .argument('<объект>')
    .argument('[стадия]')
    .option('--clear', 'без стадии')
    .option('--by <сотрудник>', 'кто перевёл')
    .action(
      action(async (context, name: string, stage: string | undefined, options: Common & { clear?: boolean }) => {
        if ((stage === undefined) !== (options.clear === true))
          throw new Refusal('stage-missing', 'Назовите стадию или укажите --clear.', EXIT.usage);
        const { db, agencyId, actor, now } = await openedBy(context, options, 'stage');
        const { id } = await oneListing(db, agencyId, name);
        await setStage(db, agencyId, id, stage ?? null, actor, now);
        const told = stage === undefined ? 'без стадии' : `стадия «${stage}»`;
        context.print({ listing: id, stage: stage ?? null }, `Объект ${ours(id)}: ${told}.`);
        return EXIT.done;
      }),
    );

  command(
    'forbid',
    'запретить рекламировать объект',
    'Запрещает рекламу объекта: запрет сильнее любой отметки, массовой и автоматической.',
  )
    .argument('<объект>')
    .option('--reason <причина>', 'почему: собственник против, закрытая продажа')
    .option('--lift', 'снять запрет')
    .option('--by <сотрудник>', 'кто запретил или снял запрет')
    .action(
      action(async (context, name: string, options: Common & { reason?: string; lift?: boolean }) => {
        const reason = options.reason?.trim().replace(/\.$/, '') ?? '';
        if ((reason === '') !== (options.lift === true))
          throw new Refusal('reason-missing', 'Назовите причину (--reason) или снимите запрет (--lift).', EXIT.usage);
        const { db, agencyId, actor, now } = await openedBy(
          context,
          options,
          options.lift ? 'forbid-lift' : 'forbidding',
        );
        const { id } = await oneListing(db, agencyId, name);
        if (options.lift) await allow(db, agencyId, id, actor, now);
        else await forbid(db, agencyId, id, reason, actor, now);
        const told = options.lift ? 'рекламировать можно' : `рекламировать запрещено: ${reason}`;
        context.print({ listing: id, forbidden: options.lift ? null : reason }, `Объект ${ours(id)}: ${told}.`);
        return EXIT.done;
      }),
    );

  command(
    'call',
    'отметить результат звонка собственнику',
    'Отмечает результат звонка и назначает следующий; rented снимает объект с рынка, not-rented ещё и подтверждает его.',
  )
    .argument('<объект>')
    .argument('<результат>', CALL_RESULTS.join(', '))
    .option('--by <сотрудник>', 'кто звонил')
    .action(
      action(async (context, name: string, wanted: string, options: Common) => {
        const result = oneOf<CallResult>('call-result-unknown', 'Результата', wanted, CALL_RESULTS);
        const { db, agencyId, actor, now } = await openedBy(context, options, 'calls');
        const { id } = await oneListing(db, agencyId, name);
        const callBackAt = await recordCall(db, agencyId, id, result, actor, now);
        const { timeZone } = await agencyFrame(db, agencyId);
        const told =
          callBackAt === null ? 'сдан, звонить больше не нужно' : `перезвонить ${russianMoment(callBackAt, timeZone)}`;
        context.print({ listing: id, result, callBackAt }, `Объект ${ours(id)}: ${told}.`);
        return EXIT.done;
      }),
    );

  termCommands(program, command, action);
  messageCommands(command, action);
  markingCommands(program, command, action);
}

type NewCommand = (name: string, summary: string, description: string, parent?: Command) => Command;

function termCommands(program: Command, command: NewCommand, action: Action): void {
  command(
    'term',
    'продлить, подтвердить или перенести срок размещения',
    'Меняет срок размещения объекта на доске или на всех досках, где он отмечен. --days считает с сегодня или с начала срока, если оно впереди.',
  )
    .argument('<объект>')
    .option('--board <доска>', 'только эта доска')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .option('--from <день>', 'первый день или today')
    .option('--to <день>', 'последний день; open — без конца')
    .option('--days <число>', 'сколько дней')
    .option('--by <сотрудник>', 'кто изменил')
    .action(
      action(async (context, name: string, options: Common & TermOptions & { board?: string; cabinet: string }) => {
        const wish = readTerm(options);
        if (Object.keys(wish).length === 0)
          throw new Refusal('term-missing', 'Назовите срок: --from, --to или --days.', EXIT.usage);
        const { db, agencyId, actor, now } = await openedBy(context, options, 'terms');
        const { id } = await oneListing(db, agencyId, name);
        const { board } = options;
        const only =
          board === undefined ? undefined : [(await oneCabinet(context, db, agencyId, { ...options, board })).id];
        const terms = await setTerm(db, agencyId, { listingIds: [id], cabinetIds: only }, wish, actor, now);
        const cabinets = await cabinetNames(db, agencyId);
        const told = terms.map(({ cabinetId, startsOn, endsOn }) => {
          const from = startsOn === null ? '' : `с ${russianDay(startsOn)} `;
          const to = endsOn === null ? 'без конца' : `по ${russianDay(endsOn)}`;
          return `${cabinets.get(cabinetId)?.name}: ${from}${to}`;
        });
        context.print({ listing: id, terms }, `Объект ${ours(id)}\n  ${told.join('\n  ')}`);
        return EXIT.done;
      }),
    );

  const terms = program.command('terms').summary('сроки размещения').description('Сроки размещения всех отметок.');
  command('ending', 'у кого скоро кончится срок', 'Показывает отметки, чей срок размещения подходит к концу.', terms)
    .option('--days <число>', 'в ближайшие столько дней', '7')
    .action(
      action(async (context, options: Common & { days: string }) => {
        if (!/^\d{1,3}$/.test(options.days))
          throw new Refusal('bad-days', `--days: «${options.days.slice(0, 20)}» — не число дней.`, EXIT.usage);
        const { db, agencyId, now } = await opened(context, options);
        const rows = await endingSoon(db, agencyId, Number(options.days), now);
        context.print({ marks: rows }, () =>
          rows.length === 0
            ? `В ближайшие ${days(Number(options.days))} срок не кончается ни у кого.`
            : rows
                .map(
                  (row) =>
                    `${russianDay(row.endsOn)}  ${ours(row.listingId)} (${row.externalId})  ${row.board}/${row.cabinet}  ${row.employee ?? 'ответственного нет'}`,
                )
                .join('\n'),
        );
        if (rows[0]) context.say(`Продлить: term "${ours(rows[0].listingId)}" --board ${rows[0].board} --days 30`);
        return EXIT.done;
      }),
    );
}

function messageCommands(command: NewCommand, action: Action): void {
  command('inbox', 'кого о чём спрашивают', 'Сообщения сотруднику и его роли, новые сверху; без --by — все.')
    .option('--by <сотрудник>', 'чьи')
    .option('--all', 'и те, на которые уже ответили')
    .action(
      action(async (context, options: Common & { all?: boolean }) => {
        const { db, agencyId } = await opened(context, options);
        const whom = options.by === undefined ? null : await oneEmployee(db, agencyId, options.by);
        const whose = whom === null ? {} : { employeeId: whom.id, role: whom.role };
        const rows = await listMessages(db, agencyId, { ...whose, isOpen: options.all !== true });
        const { timeZone } = await agencyFrame(db, agencyId);
        context.print({ messages: rows }, () =>
          rows.length === 0
            ? 'Сообщений нет.'
            : rows
                .map((row) => {
                  const to = row.employee ?? (row.role === null ? 'всем' : FIXER_LABELS[row.role]);
                  const about = row.listingId === null ? '' : `  [${ours(row.listingId)}]`;
                  return `${russianMoment(row.at, timeZone)}  ${to}${row.doneAt ? ' (отвечено)' : ''}: ${row.text}${about}`;
                })
                .join('\n'),
        );
        return EXIT.done;
      }),
    );

  command(
    'remind',
    'спросить, напомнить и сделать то, чему пришёл срок',
    'Рассылает то, о чём пора спросить или сказать, отправляет в архив неподтверждённое и продлевает сроки. Повтор безопасен.',
  ).action(
    action(async (context, options: Common) => {
      const { db, agencyId, now } = await opened(context, options);
      const done = await remind(db, agencyId, now);
      const { timeZone } = await agencyFrame(db, agencyId);
      context.print(done, () =>
        [
          `Сообщений: новых ${formatNumber(done.told)}, закрыто ${formatNumber(done.ended)}.`,
          ...(done.archived > 0 ? [`В архив: ${objects(done.archived)}.`] : []),
          ...(done.extended > 0 ? [`Продлено сроков: ${formatNumber(done.extended)}.`] : []),
          `Следующий раз: ${russianMoment(done.nextAt, timeZone)}.`,
        ].join('\n'),
      );
      context.say('Посмотреть: inbox');
      return EXIT.done;
    }),
  );
}

interface RuleOptions extends Common {
  board: string[];
  cabinet: string;
  kind?: string[];
  deal?: string[];
  branch?: string[];
  priceFrom?: string;
  priceTo?: string;
  days?: string;
  off?: boolean;
}

function markingCommands(program: Command, command: NewCommand, action: Action): void {
  const marking = program
    .command('marking')
    .summary('правила, по которым объекты отмечаются сами')
    .description('Правила отметки: какие объекты сами отмечаются на какие доски. Снятое человеком правило не вернёт.');

  command('add', 'добавить или изменить правило', 'Добавляет правило или меняет одноимённое.', marking)
    .argument('<название>')
    .addOption(several('--board <доска...>', 'на какие доски').makeOptionMandatory())
    .option('--cabinet <кабинет>', 'кабинет на этих досках', DEFAULT_CABINET)
    .addOption(several('--kind <вид...>', `вид: ${KINDS.join(', ')}`))
    .addOption(several('--deal <сделка...>', `сделка: ${DEALS.join(', ')}`))
    .addOption(several('--branch <филиал...>', 'филиал'))
    .option('--price-from <рубли>', 'цена не меньше')
    .option('--price-to <рубли>', 'цена не больше')
    .option('--days <число>', 'срок размещения в днях; без него — по настройкам агентства')
    .option('--off', 'правило есть, но не действует')
    .option('--by <сотрудник>', 'кто добавил')
    .action(
      action(async (context, name: string, options: RuleOptions) => {
        const { db, agencyId, actor, now } = await openedBy(context, options, 'marking-rules');
        const when: MarkingCondition = {
          ...(options.kind && { kinds: options.kind.map((kind) => oneOf('kind-unknown', 'Вида', kind, KINDS)) }),
          ...(options.deal && { deals: options.deal.map((deal) => oneOf('deal-unknown', 'Сделки', deal, DEALS)) }),
          ...(options.branch && { branchIds: await branchIds(db, agencyId, options.branch) }),
          ...(options.priceFrom !== undefined && { priceFromKopecks: kopecks('--price-from', options.priceFrom) }),
          ...(options.priceTo !== undefined && { priceToKopecks: kopecks('--price-to', options.priceTo) }),
        };
        const cabinetIds: number[] = [];
        for (const board of options.board) {
          cabinetIds.push((await oneCabinet(context, db, agencyId, { board, cabinet: options.cabinet })).id);
        }
        const { days: termDays } = readTerm(options.days === undefined ? {} : { days: options.days });
        const rule = { name, when, cabinetIds, termDays: termDays ?? null, isActive: options.off !== true };
        const id = await saveMarkingRule(db, agencyId, rule, actor, now);
        context.print({ id, ...rule }, `Правило «${name}» сохранено.`);
        context.say('Правило сработает при следующей загрузке; сейчас: marking apply');
        return EXIT.done;
      }),
    );

  command('list', 'показать правила', 'Показывает правила отметки.', marking).action(
    action(async (context, options: Common) => {
      const { db, agencyId } = await opened(context, options);
      const rules = await listMarkingRules(db, agencyId);
      const cabinets = await cabinetNames(db, agencyId);
      context.print({ rules }, () =>
        rules.length === 0
          ? 'Правил отметки нет.'
          : rules
              .map(({ name, when, cabinetIds, termDays, isActive }) => {
                const where = cabinetIds.map((id) => cabinets.get(id)?.name ?? `кабинет ${id}`).join(', ');
                const term = termDays === null ? '' : `, на ${days(termDays)}`;
                return `${isActive ? '' : '(не действует) '}«${name}»: ${conditionText(when, (id) => `#${id}`)} → ${where}${term}`;
              })
              .join('\n'),
      );
      return EXIT.done;
    }),
  );

  command('remove', 'убрать правило', 'Убирает правило; что им отмечено, остаётся отмеченным.', marking)
    .argument('<название>')
    .option('--by <сотрудник>', 'кто убрал')
    .action(
      action(async (context, name: string, options: Common) => {
        const { db, agencyId, actor, now } = await openedBy(context, options, 'marking-rules');
        await removeMarkingRule(db, agencyId, name, actor, now);
        context.print({ removed: name }, `Правила «${name}» больше нет.`);
        return EXIT.done;
      }),
    );

  command(
    'apply',
    'отметить по правилам сейчас',
    'Отмечает по правилам и в кабинетах, которые берут все новые объекты. После загрузки это делается само.',
    marking,
  ).action(
    action(async (context, options: Common) => {
      const { db, agencyId, now } = await opened(context, options);
      const made = await applyMarkingRules(db, agencyId, undefined, now);
      const cabinets = await cabinetNames(db, agencyId);
      const rows = [...made].map(([cabinetId, marked]) => ({ cabinetId, marked }));
      context.print({ cabinets: rows }, () =>
        rows.length === 0
          ? 'Отмечать нечего.'
          : rows.map((row) => `${cabinets.get(row.cabinetId)?.name}: отмечено ${objects(row.marked)}.`).join('\n'),
      );
      return EXIT.done;
    }),
  );
}

/** What every command here starts with. */
async function opened(context: Context, options: Common) {
  const db = await context.db();
  const { id: agencyId } = await resolveAgency(db, options.agency);
  return { db, agencyId, now: context.clock() };
}

/** The same with the one who does something. */
async function openedBy(context: Context, options: Common, deed: Deed) {
  const desk = await opened(context, options);
  return { ...desk, actor: await actorOf(desk.db, desk.agencyId, options.by, deed) };
}

async function cabinetNames(db: Database, agencyId: number): Promise<Map<number, CabinetRow>> {
  return new Map((await listCabinets(db, { agencyId })).map((row) => [row.id, row]));
}

async function branchIds(db: Database, agencyId: number, names: readonly string[]): Promise<number[]> {
  const ids: number[] = [];
  for (const name of names) ids.push((await oneBranch(db, agencyId, name)).id);
  return ids;
}

/** @throws Refusal with the words there are */
function oneOf<T extends string>(code: string, what: string, wanted: string, known: readonly T[]): T {
  const found = known.find((word) => word === wanted);
  if (found !== undefined) return found;
  throw new Refusal(code, `${what} «${wanted.slice(0, 60)}» нет. Можно: ${known.join(', ')}.`, EXIT.usage);
}

/** @throws Refusal `bad-price` */
function kopecks(flag: string, text: string): number {
  const digits = text.replace(/[\s_]/g, '');
  if (/^\d{1,12}$/.test(digits)) return Number(digits) * 100;
  throw new Refusal('bad-price', `${flag}: «${text.slice(0, 30)}» — не сумма в рублях.`, EXIT.usage);
}
