import type { Command } from 'commander';
import { paidLevels } from '../boards/promotion.ts';
import { localDay, russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { formatKopecks } from '../domain/money.ts';
import { PROMOTION_STATE_LABELS } from '../domain/promotion.ts';
import { tariffOf } from '../domain/tariff.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { resolveAgency } from '../store/agencies.ts';
import {
  cancelPromotion,
  type ListedPromotion,
  listPromotions,
  orderPromotion,
  type PromotionFilter,
} from '../store/promotions.ts';
import { packageFrame } from '../store/rotation.ts';
import { listTariffs } from '../store/tariffs.ts';
import type { Context } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET, oneListing } from './naming.ts';
import { cabinetNamed, dayNamed, oneCabinet } from './units.ts';

interface CabinetOptions {
  board: string;
  cabinet: string;
  agency?: string;
}

interface OrderOptions extends CabinetOptions {
  level: string;
  days?: string;
  from?: string;
  by?: string;
}

interface ListOptions {
  board?: string;
  cabinet?: string;
  listing?: string;
  all?: boolean;
  agency?: string;
}

const inDays = (count: number) => `${formatNumber(count)} ${agree(count, 'день', 'дня', 'дней')}`;
const price = (kopecks: number) => (kopecks === 0 ? 'бесплатно' : formatKopecks(kopecks));
const term = (from: string, until: string) => `${russianDay(from)} – ${russianDay(until)}`;

export function promotionCommands(program: Command, action: Action): void {
  const promotion = program
    .command('promotion')
    .summary('платное продвижение на досках')
    .description(
      'Платные уровни досок: деньги удерживаются при заказе и списываются с первым изданием, в котором есть объект. Где есть тариф, платные теги из источника сами не выходят.',
    );
  const command = (name: string, summary: string, description: string) =>
    promotion.command(name).summary(summary).description(description).option('--agency <название>', 'агентство');
  const inCabinet = (made: Command) =>
    made.requiredOption('--board <доска>', 'доска').option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET);

  inCabinet(
    command('levels', 'какие уровни есть и почём', 'Показывает платные уровни доски и их цены по тарифу кабинета.'),
  ).action(
    action(async (context, options: CabinetOptions) => {
      await showLevels(context, options);
      return EXIT.done;
    }),
  );

  inCabinet(
    command(
      'order',
      'заказать уровень объекту',
      'Заказывает объекту платный уровень и удерживает за него деньги. Цена — по тарифу, который действует в первый день.',
    ).argument('<объект>'),
  )
    .requiredOption('--level <уровень>', 'уровень, как в promotion levels')
    .option('--days <дней>', 'на сколько дней; без ключа — сколько длится сам уровень или единственный срок в тарифе')
    .option('--from <день>', 'с какого дня по времени кабинета; без ключа с сегодняшнего')
    .option('--by <сотрудник>', 'кто заказывает')
    .action(
      action(async (context, listingName: string, options: OrderOptions) => {
        await order(context, listingName, options);
        return EXIT.done;
      }),
    );

  command('cancel', 'отменить заказ', 'Отменяет заказ, который ещё не начался, и возвращает удержанные деньги.')
    .argument('<номер>', 'номер заказа, как в promotion list')
    .option('--by <сотрудник>', 'кто отменяет')
    .action(
      action(async (context, number: string, options: { by?: string; agency?: string }) => {
        if (!/^\d{1,12}$/.test(number))
          throw new Refusal(
            'promotion-unknown',
            `«${number.slice(0, 60)}» — не номер заказа: promotion list.`,
            EXIT.usage,
          );
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'promotion');
        const row = await cancelPromotion(db, agency.id, Number(number), actor.name, context.clock());
        const back = `${formatKopecks(row.kopecks)} снова на счёте «${row.account?.name}»`;
        context.print(dataOf(row), `Продвижение № ${row.id} отменено: ${back}.`);
        return EXIT.done;
      }),
    );

  command('list', 'показать заказы', 'Показывает заказы, которые ждут или идут: что, кому, с какого дня, за чей счёт.')
    .option('--board <доска>', 'только на этой доске')
    .option('--cabinet <кабинет>', 'только в этом кабинете; вместе с --board')
    .option('--listing <объект>', 'только этому объекту')
    .option('--all', 'и те, что закончились или отменены')
    .action(
      action(async (context, options: ListOptions) => {
        await showOrders(context, options);
        return EXIT.done;
      }),
    );
}

async function showLevels(context: Context, options: CabinetOptions): Promise<void> {
  const board = context.board(options.board);
  const db = await context.db();
  const cabinet = await cabinetNamed(context, db, options);
  const levels = paidLevels(board, cabinet.family);
  const { today } = await packageFrame(db, cabinet, context.clock());
  const lines = tariffOf(await listTariffs(db.pool, cabinet), today)?.terms.promotion ?? [];
  const data = levels.map(({ code, label, days, needsPhotos }) => ({
    code,
    label,
    days,
    needsPhotos,
    prices: lines.filter(({ level }) => level === code).map(({ days, kopecks }) => ({ days, kopecks })),
  }));
  context.print({ board: board.id, cabinet: cabinet.slug, levels: data }, () =>
    data.length === 0
      ? `${board.name}: платных уровней этой доски мы не знаем.`
      : [
          `${cabinet.name}, ${russianDay(today)}:`,
          ...data.map(({ code, label, days, prices }) => {
            const own = days === null ? '' : `, ${inDays(days)}`;
            const sold = prices.map((line) => `${inDays(line.days)} — ${price(line.kopecks)}`).join('; ');
            return `  ${code}  ${label}${own}: ${sold === '' ? 'в тарифе нет' : sold}`;
          }),
        ].join('\n'),
  );
}

async function order(context: Context, listingName: string, options: OrderOptions): Promise<void> {
  const { level, days: asked, from } = options;
  if (asked !== undefined && !(/^[1-9]\d{0,2}$/.test(asked) && Number(asked) <= 366))
    throw new Refusal('bad-option', `--days: «${asked.slice(0, 60)}» — не число дней от 1 до 366.`, EXIT.usage);
  const fromOn = from === undefined ? undefined : dayNamed(from);
  const db = await context.db();
  const cabinet = await cabinetNamed(context, db, options);
  const actor = await actorOf(db, cabinet.agencyId, options.by, 'promotion');
  const listing = await oneListing(db, cabinet.agencyId, listingName);
  const made = await orderPromotion(
    db,
    cabinet,
    paidLevels(context.board(cabinet.board), cabinet.family),
    {
      listingId: listing.id,
      level,
      days: asked === undefined ? undefined : Number(asked),
      from: fromOn,
      by: actor.name,
    },
    context.clock(),
  );
  const { id, fromOn: first, untilOn, kopecks, account } = made;
  const [row] = await listPromotions(db, cabinet.agencyId, { id }, context.clock());
  context.print(dataOf(row!), () => {
    const what = `${cabinet.name}, объект ${listing.externalId}: ${made.level.label} на ${inDays(made.days)}, ${term(first, untilOn)}`;
    if (account === null) return `${what}, бесплатно. Заказ № ${id}.`;
    const when = `спишется с первым изданием, в котором будет объект`;
    return `${what}. ${formatKopecks(kopecks)} удержано на счёте «${account.name}», ${when}. Заказ № ${id}.`;
  });
  context.say(`Дальше: promotion list --board ${cabinet.board}`);
}

async function showOrders(context: Context, options: ListOptions): Promise<void> {
  if (options.cabinet !== undefined && options.board === undefined)
    throw new Refusal('bad-option', 'Кабинет называют вместе с доской: --board.', EXIT.usage);
  const db = await context.db();
  const { id: agencyId } = await resolveAgency(db, options.agency);
  const filter: PromotionFilter = {
    ...(options.board !== undefined && { board: context.board(options.board).id }),
    ...(options.board !== undefined &&
      options.cabinet !== undefined && {
        cabinetId: (await oneCabinet(context, db, agencyId, { board: options.board, cabinet: options.cabinet })).id,
      }),
    ...(options.listing !== undefined && { listingId: (await oneListing(db, agencyId, options.listing)).id }),
  };
  const now = context.clock();
  const all = await listPromotions(db, agencyId, filter, now);
  const rows = options.all ? all : all.filter(({ state }) => state === 'ordered' || state === 'running');
  context.print({ promotions: rows.map(dataOf) }, () => {
    if (rows.length === 0) {
      return all.length === 0
        ? 'Продвижение не заказывали: promotion order.'
        : 'Сейчас ничего не заказано и не идёт; прошлое — promotion list --all.';
    }
    return rows.map((row) => orderLine(context, row, localDay(now, row.zone))).join('\n');
  });
}

function orderLine(context: Context, row: ListedPromotion, today: string): string {
  const { id, cabinetName, externalId, level, days, fromOn, startedOn, untilOn, kopecks, account, state } = row;
  const label = context.board(row.board).promotion.levels.find(({ code }) => code === level)?.label ?? level;
  const whose = account === null ? '' : `, ${account.name}`;
  // Its day has come and no edition has had the listing yet.
  const isLate = state === 'ordered' && startedOn === null && fromOn < today;
  return `№ ${id}  ${cabinetName}  ${externalId}  ${label}, ${inDays(days)}: ${term(startedOn ?? fromOn, untilOn)}, ${price(kopecks)}${whose} — ${PROMOTION_STATE_LABELS[state]}${isLate ? ', ждёт объект в фиде' : ''}`;
}

const dataOf = ({ at, kopecks, cabinetName, cabinetId: _, ...row }: ListedPromotion) => ({
  ...row,
  priceKopecks: kopecks,
  at: at.toISOString(),
});
