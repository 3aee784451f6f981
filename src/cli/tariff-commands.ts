import type { Command } from 'commander';
import { readTariff } from '../boards/tariffs.ts';
import { russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { describeKind } from '../domain/listing.ts';
import { formatKopecks, readRoubles } from '../domain/money.ts';
import { priceText, type Reading, readPriceLine, readPromotion, termsText } from '../domain/price-lines.ts';
import {
  type PriceDesk,
  type Prices,
  pricesOf,
  type Quote,
  type Quotes,
  statesOf,
  type TariffState,
} from '../domain/quotes.ts';
import { type PriceFacts, type PriceLine, regionsUnknown, type TariffTerms } from '../domain/tariff.ts';
import { readDay } from '../domain/week.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { marksOf } from '../store/marks.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { packageFrame } from '../store/rotation.ts';
import { addTariff, listRegions, listTariffs, type TariffRow } from '../store/tariffs.ts';
import type { Context } from './context.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET, oneListing, ours } from './naming.ts';
import { cabinetNamed, jsonOf, momentTold, oneCabinet } from './units.ts';

interface Filter {
  board?: string;
  cabinet?: string;
  agency?: string;
}

interface SetOptions {
  board: string;
  cabinet: string;
  agency?: string;
  from: string;
  price?: string;
  line?: string[];
  excess?: string;
  excessLine?: string[];
  promotion?: string[];
  file?: string;
  by?: string;
}

const SET_HELP = `
Строка цены — слова «слово=значение» через пробел; нужна только цена:
  вид=      квартира, комната, койко-место, дом, участок, гараж, коммерческая недвижимость
            (или flat, room, bed, house, land, garage, commercial)
  сделка=   продажа, аренда, посуточная аренда (или sale, rent, daily-rent)
  регион=   как в объекте, большие и малые буквы не различаются
  от= до=   цена самого объекта в рублях: от — включая, до — не включая
  цена=     рублей за день объекта; если пакет кабинета продаёт размещения — за размещение
Строки сравниваются по порядку, решает первая подходящая; остальным — --price.

Примеры:
  tariffs set --board avito --from 01.12.2026 --price 45
  tariffs set --board avito --from 01.12.2026 --price 30
    --line "вид=квартира сделка=продажа регион=Москва от=5000000 до=10000000 цена=45"
    --line "вид=квартира цена=35" --promotion "уровень=x2_7 дней=7 цена=500"
  tariffs set --board avito --from 01.12.2026 --price 30 --excess 60   сверх пакета — 60 ₽
  tariffs set --board avito --from 01.12.2026 --price 0                больше не платить

Отменить тариф, который ещё не начался, — задать на тот же день прежние цены.

Файл (--file) — JSON, все суммы в нём в копейках:
  {"lines": [{"kind": "flat", "deal": "sale", "region": "Москва", "priceFrom": 500000000, "priceBelow": 1000000000,
    "kopecks": 4500}, {"kopecks": 3000}], "excess": [{"kopecks": 6000}],
    "promotion": [{"level": "x2_7", "days": 7, "kopecks": 50000}]}`;

export function tariffCommands(program: Command, action: Action): void {
  const tariffs = program
    .command('tariffs')
    .summary('сколько стоит размещение')
    .description(
      'Тарифы кабинетов: сколько стоит день объекта или размещение. Цена дня известна с его начала, поэтому новый тариф действует не раньше завтрашнего дня и ничего не меняет в прошлом.',
    );
  const filtered = (command: Command) =>
    command
      .option('--board <доска>', 'только на этой доске')
      .option('--cabinet <кабинет>', 'только этот кабинет')
      .option('--agency <название>', 'агентство');

  filtered(
    tariffs
      .command('list')
      .summary('показать тарифы')
      .description('Показывает по кабинетам, какой тариф действует, какие начнутся и какие были.'),
  ).action(
    action(async (context, options: Filter) => {
      const db = await context.db();
      const { id: agencyId } = await resolveAgency(db, options.agency);
      const desks: Desk[] = [];
      for (const cabinet of await cabinetsMeant(context, db, agencyId, options))
        desks.push(await deskOf(context, db, cabinet));
      context.print({ cabinets: desks.map(deskData) }, () =>
        desks.length === 0
          ? 'Кабинетов ещё нет: они появятся с первой отметкой, mark.'
          : desks.map(deskText).join('\n'),
      );
      return EXIT.done;
    }),
  );

  tariffs
    .command('set')
    .summary('задать тариф')
    .description(
      'Задаёт тариф кабинета со дня, который ещё не начался. Тариф, записанный на тот же день раньше, заменяется.',
    )
    .requiredOption('--board <доска>', 'доска')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .requiredOption('--from <день>', 'первый день по времени кабинета: 2026-12-01 или 01.12.2026')
    .option('--price <рублей>', 'цена для всех, кому не подошла ни одна строка; 0 — бесплатно')
    .addOption(several('--line <строка...>', 'цена с условиями; можно несколько, по порядку'))
    .option('--excess <рублей>', 'сверх пакета: цена для остальных; без ключа объекты ждут места')
    .addOption(several('--excess-line <строка...>', 'сверх пакета: цена с условиями'))
    .addOption(several('--promotion <строка...>', 'продвижение: «уровень=x2_7 дней=7 цена=500»'))
    .option('--file <файл>', 'весь тариф из файла JSON, вместо цен в ключах')
    .option('--by <сотрудник>', 'кто задаёт')
    .option('--agency <название>', 'агентство')
    .addHelpText('after', SET_HELP)
    .action(
      action(async (context, options: SetOptions) => {
        const { validFrom, written } = readOptions(options);
        const terms = readTariff(written, context.board(options.board).promotion.levels);
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const actor = await actorOf(db, cabinet.agencyId, options.by, 'tariffs');
        const added = await addTariff(db, cabinet, { validFrom, terms }, actor.name, context.clock());
        const desk = await deskOf(context, db, cabinet);
        const unknownRegions = regionsUnknown(terms, await listRegions(db.pool, cabinet.agencyId));
        context.print(
          { board: cabinet.board, cabinet: cabinet.slug, ...added, validFrom, unit: desk.unit, terms, unknownRegions },
          () =>
            [
              `${nameOf(cabinet)}: тариф № ${added.id} с ${russianDay(validFrom)}${added.isNew ? '' : ' уже записан'}.`,
              ...termsText(terms, desk).map((line) => `  ${line}`),
              ...(added.replaces === null ? [] : [`Заменил тариф № ${added.replaces}, который ещё не начался.`]),
            ].join('\n'),
        );
        for (const region of unknownRegions)
          context.say(`Внимание: объектов с регионом «${region}» нет, эта строка пока никому не подойдёт.`);
        if (terms.excess !== null && !desk.isPackaged)
          context.say('Внимание: пакета у кабинета нет, цены сверх пакета пока не нужны (package set).');
        context.say(`Дальше: tariffs list --board ${cabinet.board}`);
        return EXIT.done;
      }),
    );

  filtered(
    tariffs
      .command('price')
      .summary('сколько стоит объект')
      .description(
        'Показывает, сколько объект стоит в каждом кабинете сегодня, какая строка тарифа это решила и с какого дня цена другая.',
      )
      .argument('<объект>'),
  ).action(
    action(async (context, name: string, options: Filter) => {
      const db = await context.db();
      const { id: agencyId } = await resolveAgency(db, options.agency);
      const listing = await oneListing(db, agencyId, name);
      const { kind, deal, region = null, priceKopecks = null } = listing.values;
      const facts: PriceFacts = { kind, deal, region, priceKopecks };
      const marks = await marksOf(db, agencyId, listing.id);
      const prices: Price[] = [];
      for (const cabinet of await cabinetsMeant(context, db, agencyId, options)) {
        const isMarked = marks.some(({ cabinetId, isLive }) => cabinetId === cabinet.id && isLive);
        const desk = await deskOf(context, db, cabinet);
        prices.push({ desk, ...pricesOf(desk, facts), isMarked });
      }
      const about = [
        describeKind(listing.values),
        region ?? 'регион не указан',
        priceKopecks === null ? 'цена не указана' : formatKopecks(priceKopecks),
      ];
      context.print(
        { listingId: listing.id, externalId: listing.externalId, facts, prices: prices.map(priceData) },
        () =>
          [`${listing.externalId} (${ours(listing.id)}): ${about.join(', ')}`, ...prices.map(priceLines)].join('\n'),
      );
      return EXIT.done;
    }),
  );
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading.

/** The day and the tariff as they were written. @throws Refusal `tariff-wrong` with all that cannot be read */
function readOptions(options: SetOptions): { readonly validFrom: string; readonly written: unknown } {
  const faults: string[] = [];
  const validFrom = readDay(options.from);
  if (validFrom === undefined)
    faults.push(`--from: «${options.from.slice(0, 60)}» — не день. Примеры: 2026-12-31, 31.12.2026.`);
  const { file, price, line, excess, excessLine, promotion } = options;
  const keys = { '--price': price, '--line': line, '--excess': excess, '--excess-line': excessLine };
  const given = Object.entries({ ...keys, '--promotion': promotion }).filter(([, value]) => value !== undefined);
  if (file !== undefined && given.length > 0)
    faults.push(`С --file цены берутся из файла: уберите ${given.map(([flag]) => flag).join(', ')}.`);
  const told = file === undefined ? readPrices(options, faults) : undefined;
  if (validFrom === undefined || faults.length > 0) throw new Refusal('tariff-wrong', faults.join('\n'), EXIT.usage);
  return { validFrom, written: file === undefined ? told : jsonOf(file, 'tariff-file') };
}

function readPrices(options: SetOptions, faults: string[]): TariffTerms {
  const all = <T>(flag: string, texts: readonly string[] | undefined, read: (text: string) => Reading<T>): T[] =>
    (texts ?? []).map((text) => {
      const { value, faults: wrong } = read(text);
      faults.push(...wrong.map((fault) => `${flag} «${text.slice(0, 100)}»: ${fault}`));
      return value;
    });
  const rest = (flag: string, text: string): PriceLine => {
    const kopecks = readRoubles(text);
    if (kopecks === undefined)
      faults.push(`${flag}: «${text.slice(0, 60)}» — не сумма в рублях. Примеры: 45, «1 234,50».`);
    return { kopecks: kopecks ?? 0 };
  };
  const { price, excess } = options;
  const lines = all('--line', options.line, readPriceLine);
  const excessLines = all('--excess-line', options.excessLine, readPriceLine);
  const promotion = all('--promotion', options.promotion, readPromotion);
  if (price === undefined) faults.push('Нужен ключ --price: цена для остальных объектов (или --file).');
  if (excess === undefined && excessLines.length > 0)
    faults.push('К --excess-line нужен --excess: цена сверх пакета для остальных объектов.');
  return {
    lines: [...lines, ...(price === undefined ? [] : [rest('--price', price)])],
    excess: excess === undefined ? null : [...excessLines, rest('--excess', excess)],
    promotion,
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Showing.

/** A cabinet with its tariffs and what they are read by. */
interface Desk extends PriceDesk<TariffRow> {
  readonly cabinet: CabinetRow;
  readonly zone: string;
}

async function deskOf(context: Context, db: Database, cabinet: CabinetRow): Promise<Desk> {
  const { zone, today, package: pack } = await packageFrame(db, cabinet, context.clock());
  const tariffs = await listTariffs(db.pool, cabinet);
  const unit = pack?.kind === 'placements' ? 'placement' : 'day';
  return { cabinet, zone, today, unit, isPackaged: pack !== null, tariffs };
}

/** @throws Refusal `board-unknown`, `cabinet-unknown` */
async function cabinetsMeant(
  context: Context,
  db: Database,
  agencyId: number,
  { board, cabinet }: Filter,
): Promise<CabinetRow[]> {
  if (board !== undefined && cabinet !== undefined)
    return [await oneCabinet(context, db, agencyId, { board, cabinet })];
  const all = await listCabinets(db, { agencyId, board: board === undefined ? undefined : context.board(board).id });
  const meant = all.filter(({ slug }) => cabinet === undefined || slug === cabinet);
  if (meant.length > 0 || (board === undefined && cabinet === undefined)) return meant;
  throw new Refusal(
    'cabinet-unknown',
    board === undefined
      ? `Кабинета «${cabinet!.slice(0, 60)}» нет ни на одной доске: tariffs list.`
      : `${context.board(board).name}: кабинетов ещё нет, они появятся с первой отметкой (mark).`,
    EXIT.usage,
  );
}

const nameOf = ({ name, slug }: CabinetRow) => `${name} (${slug})`;

const cabinetData = ({ cabinet, zone, today, unit }: Desk) => {
  const { id, board, slug, name } = cabinet;
  return { cabinetId: id, board, cabinet: slug, name, zone, today, unit };
};

const deskData = (desk: Desk) => ({
  ...cabinetData(desk),
  tariffs: statesOf(desk).map(({ tariff, until, state }) => {
    const { id, validFrom, terms, by, createdAt } = tariff;
    return { id, state, validFrom, until, by, createdAt, terms };
  }),
});

function deskText(desk: Desk): string {
  const { cabinet, zone, today } = desk;
  const states = statesOf(desk);
  const of = (wanted: TariffState) => states.filter(({ state }) => state === wanted);
  const head = (word: string, { tariff, until }: (typeof states)[number]) => {
    const { id, validFrom, by, createdAt } = tariff;
    const term = `с ${russianDay(validFrom)}${until === null ? '' : ` по ${russianDay(until)}`}`;
    return `  ${word} ${term}: тариф № ${id} (${by}, ${momentTold(createdAt, zone)})`;
  };
  const shown = (word: string, those: typeof states) =>
    those.flatMap((one) => [head(word, one), ...termsText(one.tariff.terms, desk).map((line) => `    ${line}`)]);
  const replaced = of('replaced').map(({ tariff }) => `№ ${tariff.id} (с ${russianDay(tariff.validFrom)})`);
  return [
    `${nameOf(cabinet)}, сегодня ${russianDay(today)} (${zone})`,
    ...(of('current').length > 0 ? [] : ['  Тарифа нет: размещение бесплатно.']),
    ...shown('Действует', of('current')),
    ...shown('Начнётся', of('coming')),
    ...shown('Был', of('past').reverse()),
    ...(replaced.length === 0 ? [] : [`  Заменены, не начавшись: ${replaced.join(', ')}`]),
  ].join('\n');
}

// ---------------------------------------------------------------------------------------------------------------------
// What a listing costs.

interface Price extends Prices {
  readonly desk: Desk;
  readonly isMarked: boolean;
}

const priceData = ({ desk, isMarked, current, next }: Price) => ({ ...cabinetData(desk), isMarked, current, next });

function priceLines({ desk, isMarked, current, next }: Price): string {
  const { cabinet, unit, today } = desk;
  const told = ({ priceKopecks, line, conditions }: Quote) =>
    `${priceText(priceKopecks, unit)}, строка ${line}: ${conditions || 'без условий'}`;
  const quotes = ({ tariffId, validFrom, price, excess }: Quotes) => [
    `${told(price)} (тариф № ${tariffId} с ${russianDay(validFrom)})`,
    ...(excess === null ? [] : [`  сверх пакета: ${told(excess)}`]),
  ];
  const name = `${nameOf(cabinet)}${isMarked ? '' : ', не отмечен'}`;
  return [
    `${name}, сегодня ${russianDay(today)}: ${current === null ? 'бесплатно, тарифа нет' : quotes(current).join('\n')}`,
    ...(next === null ? [] : [`  с ${russianDay(next.validFrom)}: ${quotes(next).join('\n  ')}`]),
  ].join('\n');
}
