import type { Command } from 'commander';
import { russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import type { AccountForecast, Stop } from '../domain/forecast.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { formatKopecks } from '../domain/money.ts';
import { monthOf, russianMonth } from '../domain/monthly.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { AHEAD_DAYS, type DryCabinet, type DryMark, type DryRun, dryRun, type Hypothesis } from '../export/dry-run.ts';
import { forecastMoney, type MoneyForecast } from '../export/forecast.ts';
import { type AgencyRow, resolveAgency } from '../store/agencies.ts';
import { atOneMoment, type Database } from '../store/database.ts';
import { type Saved, savedByAccount, savedInMonth } from '../store/forecast.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import { oneAccount } from './account-naming.ts';
import { aligned } from './columns.ts';
import type { Context } from './context.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { DEFAULT_CABINET, objects, oneListing, ours } from './naming.ts';
import { oneCabinet } from './units.ts';

/** What the next runs will cost, and until when the money lasts. Nothing is written here. */

interface Where {
  agency?: string;
  board?: string;
  cabinet?: string;
  without?: string[];
}

interface DryRunCommandOptions extends Where {
  mark?: string[];
}

interface ForecastCommandOptions extends Where {
  days: string;
  with?: string[];
}

/** How many names are printed; all of them are in the JSON answer. */
const NAMES = 20;
const DAYS_MAX = 366;
/** As far as the dry run looks for the end of an account. */
const COVER_DAYS = 60;

export function forecastCommands(accounts: Command, action: Action): void {
  const command = (name: string, summary: string, description: string) =>
    accounts
      .command(name)
      .summary(summary)
      .description(description)
      .option('--board <доска>', 'доска')
      .option('--cabinet <кабинет>', `кабинет на доске; без ключа ${DEFAULT_CABINET}`)
      .option('--agency <название>', 'агентство');

  command(
    'dry-run',
    'сколько денег возьмёт следующая сборка',
    `Считает до копейки, что удержит и спишет следующая сборка фидов, кому не хватит денег и на сколько дней хватит счетов. Ничего не проводит и не меняет. С --mark показывает, сколько стоили бы новые отметки сегодня и за ${AHEAD_DAYS} дней.`,
  )
    .addOption(several('--mark <объект...>', 'если отметить эти объекты; вместе с --board'))
    .addOption(several('--without <объект...>', 'если снять отметки с этих объектов'))
    .action(
      action(async (context, options: DryRunCommandOptions) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const now = context.clock();
        const which = await cabinetsNamed(context, db, agency, options);
        const hypothesis = await hypothesisOf(context, db, agency, options, options.mark, '--mark');
        const { boards } = context;
        const { dry, ahead } = await atOneMoment(db, async (client) => {
          const made = await dryRun(client, boards, agency.id, { ...hypothesis, cabinets: which }, now);
          // Until when an account lasts hangs on all the cabinets it pays for.
          const of = { ...hypothesis, days: COVER_DAYS, ...(which === undefined && { dry: made }) };
          return { dry: made, ahead: await forecastMoney(client, boards, agency.id, of, now) };
        });
        const { timeZone } = await agencyFrame(db, agency.id);
        context.print(dryRunData(dry, ahead), () => dryRunText(dry, ahead, timeZone));
        return EXIT.done;
      }),
    );

  command(
    'forecast',
    'на сколько дней хватит денег',
    'Показывает по счетам, на сколько дней хватит денег и какие объекты когда остановятся. Учтены окончания сроков, записанные тарифы и ежемесячные пополнения; остальное — как сегодня, продвижение не считается. С --with и --without сравнивает, что будет, если отметить или снять объекты.',
  )
    .argument('[счёт]', 'номер, имя, филиал, отдел, agency; без него все')
    .option('--days <число>', 'на сколько дней вперёд', '60')
    .addOption(several('--with <объект...>', 'если отметить эти объекты; вместе с --board'))
    .addOption(several('--without <объект...>', 'если снять отметки с этих объектов'))
    .action(
      action(async (context, name: string | undefined, options: ForecastCommandOptions) => {
        const { days: given } = options;
        if (!/^\d{1,3}$/.test(given) || Number(given) < 1 || Number(given) > DAYS_MAX)
          throw new Refusal(
            'bad-days',
            `--days: «${given.slice(0, 20)}», а нужно число от 1 до ${DAYS_MAX}.`,
            EXIT.usage,
          );
        const days = Number(given);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const now = context.clock();
        const accountId = name === undefined ? null : (await oneAccount(db, agency, name, now)).id;
        const hypothesis = await hypothesisOf(context, db, agency, options, options.with, '--with');
        const { boards } = context;
        const answer = await atOneMoment(db, async (client) => {
          const as = await forecastMoney(client, boards, agency.id, { days }, now);
          const isOther = hypothesis.marks !== undefined || hypothesis.without !== undefined;
          const other = isOther ? await forecastMoney(client, boards, agency.id, { ...hypothesis, days }, now) : null;
          return { as, other, saved: await savedInMonth(client, agency.id, as.today), accountId };
        });
        context.print(forecastData(answer), () => forecastText(answer));
        return EXIT.done;
      }),
    );
}

/** undefined: all. @throws Refusal `board-missing`, `board-unknown`, `cabinet-unknown` */
async function cabinetsNamed(
  context: Context,
  db: Database,
  agency: AgencyRow,
  { board, cabinet }: Where,
): Promise<readonly CabinetRow[] | undefined> {
  if (board === undefined) {
    if (cabinet !== undefined)
      throw new Refusal('board-missing', 'Кабинет называют вместе с доской: --board <доска>.', EXIT.usage);
    return undefined;
  }
  if (cabinet !== undefined) return [await oneCabinet(context, db, agency.id, { board, cabinet })];
  const all = await listCabinets(db, { board: context.board(board).id, agencyId: agency.id });
  // Says that there is none, and how it comes.
  return all.length > 0 ? all : [await oneCabinet(context, db, agency.id, { board, cabinet: DEFAULT_CABINET })];
}

/** @throws Refusal `board-missing`, `cabinet-unknown`, `listing-unknown`, `listing-ambiguous` */
async function hypothesisOf(
  context: Context,
  db: Database,
  agency: AgencyRow,
  { board, cabinet, without }: Where,
  marks: string[] | undefined,
  flag: string,
): Promise<Hypothesis> {
  if (marks !== undefined && board === undefined)
    throw new Refusal('board-missing', `${flag}: на какую доску отметить? Укажите --board <доска>.`, EXIT.usage);
  if (board === undefined && cabinet !== undefined)
    throw new Refusal('board-missing', 'Кабинет называют вместе с доской: --board <доска>.', EXIT.usage);
  const idsOf = async (names: readonly string[]) => {
    const ids: number[] = [];
    for (const name of names.flatMap((given) => given.split(',')).filter((given) => given.trim() !== ''))
      ids.push((await oneListing(db, agency.id, name.trim())).id);
    return ids;
  };
  const one =
    board === undefined
      ? undefined
      : await oneCabinet(context, db, agency.id, { board, cabinet: cabinet ?? DEFAULT_CABINET });
  return {
    ...(marks && one && { marks: [{ cabinetId: one.id, listingIds: await idsOf(marks) }] }),
    ...(without && { without: [{ ...(one && { cabinetId: one.id }), listingIds: await idsOf(without) }] }),
  };
}

const cabinetName = ({ name, slug }: Pick<CabinetRow, 'name' | 'slug'>) => `${name} / ${slug}`;
const markings = (count: number) => `${formatNumber(count)} ${agree(count, 'отметка', 'отметки', 'отметок')}`;
const days = (count: number) => `${formatNumber(count)} ${agree(count, 'день', 'дня', 'дней')}`;

/** «до 27.11.2026, 5 дней»: the first day on which there is not enough. */
function coverText({ endsOn, coverDays, limitedOn, dayKopecks, spentKopecks }: AccountForecast, until: string): string {
  const limit = limitedOn === null ? '' : `; лимит останавливает с ${russianDay(limitedOn)}`;
  if (endsOn === null && dayKopecks + spentKopecks === 0) return `платить пока не за что${limit}`;
  if (endsOn === null || coverDays === null) return `хватит и после ${russianDay(until)}${limit}`;
  if (coverDays === 0) return `не хватает уже сегодня${limit}`;
  return `кончится ${russianDay(endsOn)}, хватит на ${days(coverDays)}${limit}`;
}

function dryRunData(dry: DryRun, ahead: MoneyForecast) {
  const covers = new Map(ahead.accounts.map((one) => [one.accountId, one]));
  return {
    at: dry.at.toISOString(),
    cabinets: dry.cabinets.map(({ cabinet, zone, day, sums, marks }) => ({
      board: cabinet.board,
      cabinet: cabinet.slug,
      zone,
      day,
      ...sums,
      // Those of whom there is something to say.
      listings: marks.filter(({ kopecks, lack, isExtra }) => kopecks > 0 || lack !== null || isExtra),
    })),
    accounts: dry.accounts.map((account) => {
      const { endsOn, coverDays, limitedOn } = covers.get(account.id)!;
      return { ...account, endsOn, coverDays, limitedOn };
    }),
    totals: dry.sums,
    extra: dry.extra.marks > 0 ? dry.extra : null,
  };
}

function dryRunText(dry: DryRun, ahead: MoneyForecast, zone: string): string {
  if (dry.cabinets.length === 0) return 'Кабинетов ещё нет. Отметьте объекты: mark --board <доска> --all';
  const { sums } = dry;
  const row = (name: string, of: typeof sums): string[] => [
    name,
    formatNumber(of.marks),
    formatNumber(of.published),
    formatNumber(of.unfunded),
    formatKopecks(of.heldKopecks),
    formatKopecks(of.chargedKopecks),
    formatKopecks(of.freedKopecks),
    formatKopecks(of.aheadKopecks),
    '',
  ];
  const head = ['', 'отмечено', 'в фиде', 'без денег', 'удержит', 'спишет', 'освободит', `за ${AHEAD_DAYS} дней`, ''];
  const covers = new Map(ahead.accounts.map((one) => [one.accountId, one]));
  const lacking = dry.cabinets.flatMap(({ cabinet, marks }) =>
    marks.flatMap((mark) => (mark.lack ? [{ cabinet, mark }] : [])),
  );
  return [
    `Следующая сборка на ${russianMoment(dry.at, zone)} (${zone}). Ничего не проведено.`,
    aligned([
      head,
      ...dry.cabinets.map((one) => row(cabinetName(one.cabinet), one.sums)),
      ...(dry.cabinets.length > 1 ? [row('всего', sums)] : []),
    ]),
    '',
    aligned([
      ['', 'доступно', 'возьмёт', 'освободит', 'останется', 'не хватает', ''],
      ...dry.accounts.map((account) => [
        `${ours(account.id)} ${account.name}`,
        ...[
          account.availableKopecks,
          account.takenKopecks,
          account.freedKopecks,
          account.leftKopecks,
          account.missingKopecks,
        ].map((kopecks) => formatKopecks(kopecks)),
        coverText(covers.get(account.id)!, ahead.until),
      ]),
    ]),
    ...(lacking.length > 0 ? ['', `Не хватит денег, ${markings(lacking.length)}:`] : []),
    ...listed(
      lacking.map(
        ({ cabinet, mark }) =>
          `  ${cabinetName(cabinet)}, ${mark.externalId} (${ours(mark.listingId)}): ${mark.reason}`,
      ),
    ),
    ...extraText(dry),
  ].join('\n');
}

function extraText({ extra, cabinets }: DryRun): string[] {
  if (extra.marks === 0) return [];
  const count = `${objects(extra.marks)}, в фид попадёт ${formatNumber(extra.published)}, без денег останется ${formatNumber(extra.unfunded)}`;
  const marks = cabinets.flatMap((one) => one.marks.filter(({ isExtra }) => isExtra).map((mark) => ({ one, mark })));
  return [
    '',
    `Если отметить ${count}. Сегодня ${formatKopecks(extra.kopecks)}, за ${AHEAD_DAYS} дней ${formatKopecks(extra.aheadKopecks)}.`,
    ...listed(marks.map(({ one, mark }) => `  ${extraLine(one, mark)}`)),
  ];
}

function extraLine(
  { cabinet }: DryCabinet,
  { externalId, listingId, outcome, reason, kopecks, aheadKopecks }: DryMark,
) {
  const what =
    outcome === 'published'
      ? `выйдет, сегодня ${formatKopecks(kopecks)}, за ${AHEAD_DAYS} дней ${formatKopecks(aheadKopecks)}`
      : `${OUTCOME_LABELS[outcome]}: ${reason}`;
  return `${cabinetName(cabinet)}, ${externalId} (${ours(listingId)}): ${what}`;
}

function listed(lines: readonly string[]): string[] {
  const rest = lines.length - NAMES;
  return [...lines.slice(0, NAMES), ...(rest > 0 ? [`  … и ещё ${formatNumber(rest)}: --json`] : [])];
}

interface Answer {
  readonly as: MoneyForecast;
  /** With the hypothesis; null: there is none. */
  readonly other: MoneyForecast | null;
  readonly saved: readonly Saved[];
  /** null: all accounts. */
  readonly accountId: number | null;
}

const isWanted = (wanted: number | null, accountId: number | null) => wanted === null || wanted === accountId;

/** Stops with what people call the listing and the cabinet. */
function namedStops({ stops, dry }: MoneyForecast, wanted: number | null) {
  const cabinets = new Map(
    dry.cabinets.map(({ cabinet, marks }) => [
      cabinet.id,
      { cabinet, names: new Map(marks.map(({ listingId, externalId }) => [listingId, externalId])) },
    ]),
  );
  return stops
    .filter(({ accountId }) => isWanted(wanted, accountId))
    .map((stop: Stop) => {
      const { cabinet, names } = cabinets.get(stop.cabinetId)!;
      return {
        ...stop,
        externalId: names.get(stop.listingId)!,
        board: cabinet.board,
        cabinet: cabinet.slug,
        name: cabinetName(cabinet),
      };
    });
}

function forecastData({ as, other, saved, accountId: wanted }: Answer) {
  const savedSums = savedByAccount(saved);
  const owners = new Map(as.owners.map((owner) => [owner.id, owner]));
  const data = (told: MoneyForecast) => ({
    accounts: told.accounts
      .filter(({ accountId }) => isWanted(wanted, accountId))
      .map(({ accountId, ...rest }) => {
        const { name, balanceKopecks, heldKopecks, availableKopecks } = owners.get(accountId)!;
        const savedKopecks = savedSums.get(accountId) ?? 0;
        return { id: accountId, name, balanceKopecks, heldKopecks, availableKopecks, ...rest, savedKopecks };
      }),
    stops: namedStops(told, wanted).map(({ name: _, ...stop }) => stop),
  });
  const cabinets = new Map(as.dry.cabinets.map(({ cabinet }) => [cabinet.id, cabinet]));
  return {
    today: as.today,
    until: as.until,
    ...data(as),
    saved: saved
      .filter(({ accountId }) => isWanted(wanted, accountId))
      .map(({ cabinetId, ...rest }) => ({
        ...rest,
        board: cabinets.get(cabinetId)!.board,
        cabinet: cabinets.get(cabinetId)!.slug,
      })),
    hypothesis: other && data(other),
  };
}

function forecastText(answer: Answer): string {
  const { as, other, saved, accountId: wanted } = answer;
  const savedSums = savedByAccount(saved);
  const owners = new Map(as.owners.map((owner) => [owner.id, owner]));
  const rows = (told: MoneyForecast) =>
    told.accounts
      .filter(({ accountId }) => isWanted(wanted, accountId))
      .map((one) => {
        const { name, availableKopecks } = owners.get(one.accountId)!;
        return [
          `${ours(one.accountId)} ${name}`,
          formatKopecks(availableKopecks),
          formatKopecks(one.dayKopecks),
          formatKopecks(savedSums.get(one.accountId) ?? 0),
          coverText(one, told.until),
        ];
      });
  if (as.accounts.length === 0) return 'Счетов ещё нет. Откройте: accounts open --agency-wide';
  const head = ['', 'доступно', 'завтра стоит', 'сэкономлено', ''];
  return [
    `Прогноз с ${russianDay(as.today)} по ${russianDay(as.until)}. Сэкономлено — за ${russianMonth(monthOf(as.today))}, снятым до часа списания.`,
    aligned([head, ...rows(as)]),
    ...stopsText(as, wanted),
    ...(other ? ['', hypothesisText(other), aligned([head, ...rows(other)]), ...stopsText(other, wanted)] : []),
  ].join('\n');
}

function hypothesisText({ dry: { extra } }: MoneyForecast): string {
  if (extra.marks === 0) return 'А если так:';
  return `А если так (новых отметок ${formatNumber(extra.marks)}, в фид попадёт ${formatNumber(extra.published)}, сегодня ${formatKopecks(extra.kopecks)}, за ${AHEAD_DAYS} дней ${formatKopecks(extra.aheadKopecks)}):`;
}

/** «25.11.2026 остановятся 3 объекта (#1 агентство): Авито / main A-1 (#7), …» */
function stopsText(told: MoneyForecast, wanted: number | null): string[] {
  const stops = namedStops(told, wanted);
  if (stops.length === 0) return [];
  const names = new Map(told.owners.map(({ id, name }) => [id, name]));
  const groups = new Map<string, typeof stops>();
  for (const stop of stops) {
    const whose = stop.accountId === null ? 'платить некому' : `${ours(stop.accountId)} ${names.get(stop.accountId)}`;
    const key = `${russianDay(stop.day)}, ${whose}`;
    groups.set(key, [...(groups.get(key) ?? []), stop]);
  }
  return [
    `Остановятся за это время, ${markings(stops.length)}:`,
    ...[...groups].map(([key, all]) => {
      const rest = all.length - NAMES;
      const told = all
        .slice(0, NAMES)
        .map(({ name, externalId, listingId }) => `${name} ${externalId} (${ours(listingId)})`);
      return `  ${key}: ${told.join(', ')}${rest > 0 ? ` и ещё ${formatNumber(rest)}: --json` : ''}`;
    }),
  ];
}
