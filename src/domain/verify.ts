import { addDays, isDay, localDay, momentOf, russianDay, russianMoment, startOfDay } from './days.ts';
import {
  ACCOUNT_KIND_LABELS,
  type AccountKind,
  BASES,
  BASIS_LABELS,
  type Basis,
  billId,
  chargeOf,
  effects,
  OWN_KINDS,
  placementId,
  promotionHoldId,
  refundOf,
  releaseOf,
  TRANSFER_KINDS,
  TRANSFER_LABELS,
  type TransferKind,
} from './ledger.ts';
import { DEALS, KINDS } from './listing.ts';
import { formatKopecks } from './money.ts';
import type { CabinetSettings, Package } from './settings.ts';
import {
  faultsOf,
  type PriceFacts,
  type PriceLine,
  priceOf,
  promotionPrice,
  type Tariff,
  type TariffTerms,
  tariffOf,
} from './tariff.ts';
import { formatNumber } from './text.ts';

/**
 * The proof of the money: what the accounts must hold by the transfers, and what the transfers must be by the served
 * editions and the tariffs. Rows come here as they stand in the tables and may say anything, for somebody may have
 * spoiled them; nothing here throws because of what a row says.
 */

export const MONEY_TABLES = [
  'account',
  'account_spending',
  'transfer',
  'tariff',
  'promotion',
  'waiver',
  'board_charge',
  'board_report',
] as const;
export type MoneyTable = (typeof MONEY_TABLES)[number];
/** Tables whose rows carry a seal; what an account has spent follows from the transfers altogether. */
export type SealedTable = Exclude<MoneyTable, 'account_spending'>;

export const MONEY_TABLE_LABELS: Record<MoneyTable, string> = {
  account: 'счёт',
  account_spending: 'расход счёта',
  transfer: 'перевод',
  tariff: 'тариф',
  promotion: 'продвижение',
  waiver: 'прощённый день',
  board_charge: 'списание доски',
  board_report: 'отчёт доски',
};

/** Something that does not add up. */
export interface Finding {
  readonly table: MoneyTable;
  /** The row: its number or id; for a waiver `cabinet:listing:day`, for spending `account/period`. Missing rows too. */
  readonly key: string;
  /** kebab-case. */
  readonly code: string;
  /** What is wrong, a Russian sentence. */
  readonly text: string;
}

export type Report = (finding: Finding) => void;

/** A row was changed past the program. */
export const brokenSeal = (table: SealedTable, key: string): Finding => ({
  table,
  key,
  code: 'seal-broken',
  text: 'Строку изменили в обход программы: её печать не сходится с тем, что в ней написано.',
});

/** A sum of any size, for what a spoiled row says need not be one of ours. */
function told(kopecks: number | bigint): string {
  const value = Number(kopecks);
  return Number.isSafeInteger(value) ? formatKopecks(value) : `${kopecks} коп.`;
}

// Accounts ------------------------------------------------------------------------------------------------------------

export interface AccountFacts {
  readonly id: number;
  readonly kind: string;
  readonly ownerId: number | null;
  readonly balance: bigint;
  readonly held: bigint;
  readonly entries: bigint;
  readonly overdraft: bigint;
}

/** Transfers of one kind between two accounts: what they come to. */
export interface MovedSum {
  readonly fromId: number;
  readonly toId: number;
  readonly kind: string;
  readonly resolves: boolean;
  readonly kopecks: bigint;
  readonly count: bigint;
}

const isOwn = (kind: string) => (OWN_KINDS as readonly string[]).includes(kind);

/** Balances, holds and counts against the transfers; the limits; and that all sums cancel out. */
export function proveAccounts(accounts: readonly AccountFacts[], moved: Iterable<MovedSum>, report: Report): void {
  const sums = new Map<number, { balance: bigint; held: bigint; entries: bigint }>();
  for (const { fromId, toId, kind, resolves, kopecks, count } of moved) {
    const unit = effects(kind as TransferKind, 1, resolves);
    for (const [id, effect] of [
      [fromId, unit.from],
      [toId, unit.to],
    ] as const) {
      const sum = sums.get(id) ?? { balance: 0n, held: 0n, entries: 0n };
      sum.balance += BigInt(effect.balance) * kopecks;
      sum.held += BigInt(effect.held) * kopecks;
      sum.entries += count;
      sums.set(id, sum);
    }
  }
  const add = (id: number | string, code: string, text: string) =>
    report({ table: 'account', key: String(id), code, text });
  let balances = 0n;
  let holds = 0n;
  for (const { id, kind, balance, held, entries, overdraft } of accounts) {
    const {
      balance: moneyIn,
      held: holdsIn,
      entries: touched,
    } = sums.get(id) ?? { balance: 0n, held: 0n, entries: 0n };
    sums.delete(id);
    balances += balance;
    holds += held;
    if (balance !== moneyIn) add(id, 'balance-differs', `Остаток ${told(balance)}, а по переводам ${told(moneyIn)}.`);
    if (held !== holdsIn) add(id, 'held-differs', `Удержано ${told(held)}, а по переводам ${told(holdsIn)}.`);
    if (entries !== touched)
      add(id, 'entries-differ', `Счёт насчитал переводов: ${entries}, а их ${touched}: переводы пропали или лишние.`);
    if (!isOwn(kind)) continue;
    if (balance - held + overdraft < 0n)
      add(id, 'below-limit', `Доступно ${told(balance - held)} при овердрафте ${told(overdraft)}: счёт ниже предела.`);
    if (held < 0n) add(id, 'held-negative', `Удержано ${told(held)}: меньше нуля быть не может.`);
  }
  for (const [id, { entries }] of sums)
    add(id, 'account-missing', `Такого счёта нет, а переводов с ним или на него: ${entries}.`);
  if (balances !== 0n)
    add('*', 'sum-not-zero', `Остатки всех счетов вместе дают ${told(balances)}, а должны давать ноль.`);
  if (holds !== 0n) add('*', 'sum-not-zero', `Удержания всех счетов вместе дают ${told(holds)}, а должны давать ноль.`);
}

/** What an account has spent in a period as it was noted (null: not at all), and as the transfers have it. */
export interface SpendingFacts {
  readonly accountId: number;
  readonly period: string;
  readonly noted: bigint | null;
  readonly moved: bigint | null;
}

export function proveSpending({ accountId, period, noted, moved }: SpendingFacts): Finding {
  const text =
    noted === null
      ? `За этот срок потрачено ${told(moved ?? 0n)}, а записи о расходе нет.`
      : moved === null
        ? `Записан расход ${told(noted)}, а переводов счёта за этот срок нет.`
        : `Записан расход ${told(noted)}, а по переводам ${told(moved)}.`;
  return { table: 'account_spending', key: `${accountId}/${period}`, code: 'spending-differs', text };
}

// Tariffs -------------------------------------------------------------------------------------------------------------

export interface TariffFacts extends Tariff {
  readonly createdMs: number;
  /** Its terms are terms: prices can be found by them. */
  readonly isReadable: boolean;
}

type Loose = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSum = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
const isSumOrAbsent = (value: unknown) => value === undefined || isSum(value);

function isPriceLines(value: unknown): value is PriceLine[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every(
    (line: unknown) =>
      isObject(line) &&
      isSum(line.kopecks) &&
      (line.kind === undefined || (KINDS as readonly unknown[]).includes(line.kind)) &&
      (line.deal === undefined || (DEALS as readonly unknown[]).includes(line.deal)) &&
      (line.region === undefined || typeof line.region === 'string') &&
      isSumOrAbsent(line.priceFrom) &&
      isSumOrAbsent(line.priceBelow),
  );
}

function isTerms(value: unknown): value is TariffTerms {
  return (
    isObject(value) &&
    isPriceLines(value.lines) &&
    (value.excess === null || isPriceLines(value.excess)) &&
    Array.isArray(value.promotion) &&
    value.promotion.every(
      (line: unknown) => isObject(line) && typeof line.level === 'string' && isSum(line.days) && isSum(line.kopecks),
    )
  );
}

/** A tariff as its row has it. */
export const tariffFacts = (row: {
  readonly id: number;
  readonly validFrom: string;
  readonly terms: unknown;
  readonly createdMs: number;
}): TariffFacts => ({ ...row, terms: row.terms as TariffTerms, isReadable: isTerms(row.terms) });

/** @param zone the cabinet's */
export function proveTariff({ id, validFrom, createdMs, terms, isReadable }: TariffFacts, zone: string): Finding[] {
  const found: Finding[] = [];
  const add = (code: string, text: string) => found.push({ table: 'tariff', key: String(id), code, text });
  if (!isReadable) add('tariff-unreadable', 'Условия не читаются как тариф: цену по ним найти нельзя.');
  else for (const text of faultsOf(terms)) add('tariff-wrong', text);
  if (!isDay(validFrom) || !isMoment(createdMs)) {
    add('tariff-dates', `Первый день «${validFrom}» или время записи — не из календаря.`);
    return found;
  }
  const writtenOn = localDay(new Date(createdMs), zone);
  if (validFrom <= writtenOn)
    add(
      'tariff-too-early',
      `Действует с ${russianDay(validFrom)}, а записан ${russianDay(writtenOn)}: цена дня известна с его начала и задним числом не меняется.`,
    );
  return found;
}

const isMoment = (ms: number) => Math.abs(ms) <= 8.64e15;

// Reports of boards ---------------------------------------------------------------------------------------------------

export interface BoardReportFacts {
  readonly id: number;
  /** null: charges name this report, and it is not there. */
  readonly row: {
    readonly rows: number;
    readonly known: number;
    /** A person may have said that it tells of more days than it has rows for. */
    readonly from: string | null;
    readonly until: string | null;
  } | null;
  /** Of the charges that it brought. */
  readonly charges: {
    readonly count: number;
    readonly ofOtherCabinets: number;
    readonly from: string | null;
    readonly until: string | null;
  };
}

export function proveBoardReport({ id, row, charges }: BoardReportFacts): Finding[] {
  const found: Finding[] = [];
  const add = (code: string, text: string) => found.push({ table: 'board_report', key: String(id), code, text });
  if (row === null) {
    add('report-missing', `Такого отчёта нет, а списаний доски из него: ${charges.count}.`);
    return found;
  }
  const { rows, known, from, until } = row;
  if (known < 0 || rows !== known + charges.count)
    add(
      'rows-differ',
      `В файле строк: ${rows}, из них известных раньше: ${known}, а новых списаний от него: ${charges.count}.`,
    );
  if (charges.ofOtherCabinets > 0)
    add('cabinet-differs', `Списаний чужих кабинетов под этим отчётом: ${charges.ofOtherCabinets}.`);
  if (charges.from === null || charges.until === null) return found;
  if (from === null || until === null || charges.from < from || charges.until > until)
    add(
      'dates-differ',
      `Дни отчёта ${from ?? '…'} – ${until ?? '…'}, а списания из него за ${charges.from} – ${charges.until}.`,
    );
  return found;
}

// Days of a cabinet ---------------------------------------------------------------------------------------------------

/** A change that somebody made to a cabinet's settings, as the journal has it. */
export interface SettingsDeed {
  readonly atMs: number;
  readonly action: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What held until a moment. null: it is not known. */
export interface SettingsSpan {
  readonly untilMs: number;
  readonly chargeAt: string | null;
  readonly sells: 'days' | 'placements' | null;
}

const sellsOf = (pack: unknown): 'days' | 'placements' =>
  isObject(pack) && (pack as Partial<Package>).kind === 'placements' ? 'placements' : 'days';

/**
 * What a cabinet's settings were, from the present backwards.
 * @param deeds all of the cabinet's that may have changed them, the newest first
 */
export function settingsSpans(
  present: Pick<CabinetSettings, 'chargeAt' | 'package'>,
  deeds: readonly SettingsDeed[],
): SettingsSpan[] {
  const spans: SettingsSpan[] = [];
  let chargeAt: string | null = present.chargeAt;
  let sells: SettingsSpan['sells'] = sellsOf(present.package);
  let untilMs = Number.POSITIVE_INFINITY;
  for (const { atMs, action, facts } of deeds) {
    const was = before(action, facts);
    if (!was) continue;
    spans.unshift({ untilMs, chargeAt, sells });
    untilMs = atMs;
    if (was.chargeAt !== undefined) chargeAt = was.chargeAt;
    if (was.sells !== undefined) sells = was.sells;
  }
  spans.unshift({ untilMs, chargeAt, sells });
  return spans;
}

/** What a deed tells of the settings before it; undefined: it is about something else. */
function before(
  action: string,
  facts: Readonly<Record<string, unknown>>,
): Partial<Pick<SettingsSpan, 'chargeAt' | 'sells'>> | undefined {
  if (action === 'package-set') return { sells: isObject(facts.from) ? sellsOf(facts.from.package) : null };
  if (action === 'settings-set' || action === 'settings-reset') {
    if (facts.path === 'chargeAt') return { chargeAt: typeof facts.before === 'string' ? facts.before : null };
    if (facts.path === 'package') return { sells: sellsOf(facts.before) };
    return undefined;
  }
  // Other words for it may tell what it became and not what it was.
  if ('chargeAt' in facts) return { chargeAt: null };
  if ('package' in facts) return { sells: null };
  return undefined;
}

/** A local day of a cabinet whose served editions are known. */
export interface BillingDay {
  readonly day: string;
  readonly startMs: number;
  readonly endMs: number;
  /**
   * The charge moment; two, when the setting was changed about then, and it is not known which of them a run went by.
   * What was shown from the later one on must be charged, what left before the earlier one must not.
   */
  readonly chargeMs: number;
  readonly chargeByMs: number;
  /** null: both may be right. */
  readonly sells: 'days' | 'placements' | null;
}

const DAY_MS = 86_400_000;

/**
 * Local days from one to another, both inclusive. A change of settings works from the next run on, so a day may also
 * have gone by what held on the day before it.
 * @param zoneChangedMs the zone was another one before: such days are looked at with a day's tolerance, and nothing is
 *   missed on them
 */
export function billingDays(
  { zone, settings, zoneChangedMs }: { zone: string; settings: readonly SettingsSpan[]; zoneChangedMs: number | null },
  from: string,
  until: string,
): BillingDay[] {
  const days: BillingDay[] = [];
  let startMs = startOfDay(from, zone).getTime();
  for (let day = from; day <= until; ) {
    const next = addDays(day, 1);
    const endMs = startOfDay(next, zone).getTime();
    const held = settings.filter(
      ({ untilMs }, index) => untilMs > startMs - DAY_MS && (settings[index - 1]?.untilMs ?? -Infinity) < endMs,
    );
    const moments = held.map(({ chargeAt }) =>
      chargeAt === null || !/^\d\d:\d\d$/.test(chargeAt)
        ? null
        : momentOf(day, Number(chargeAt.slice(0, 2)) * 60 + Number(chargeAt.slice(3)), zone).getTime(),
    );
    const sells = new Set(held.map((span) => span.sells));
    const isElsewhere = zoneChangedMs !== null && startMs < zoneChangedMs + 2 * DAY_MS;
    days.push({
      day,
      startMs: isElsewhere ? startMs - DAY_MS : startMs,
      endMs: isElsewhere ? endMs + DAY_MS : endMs,
      chargeMs: isElsewhere ? startMs - DAY_MS : Math.min(...moments.map((moment) => moment ?? startMs)),
      chargeByMs: isElsewhere
        ? Number.POSITIVE_INFINITY
        : Math.max(...moments.map((moment) => moment ?? Number.POSITIVE_INFINITY)),
      sells: sells.size === 1 ? [...sells][0]! : null,
    });
    day = next;
    startMs = endMs;
  }
  return days;
}

/** A time in which a mark was in the served edition; `untilMs` is when it left, infinite while it is there. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * When a mark was in the served edition.
 * @param sinceMs from when on it is known; then it was in it already, if `isShown`
 * @param changes in their order, with moments that never go back
 */
export function shownSpans(
  isShown: boolean,
  sinceMs: number,
  changes: readonly { readonly outcome: string; readonly atMs: number }[],
): Span[] {
  const spans: Span[] = [];
  let fromMs = isShown ? sinceMs : null;
  for (const { outcome, atMs } of changes) {
    if (outcome === 'published') fromMs ??= atMs;
    else if (fromMs !== null) {
      spans.push({ fromMs, untilMs: atMs });
      fromMs = null;
    }
  }
  if (fromMs !== null) spans.push({ fromMs, untilMs: Number.POSITIVE_INFINITY });
  return spans;
}

/** It was published in the time, or was there when it began. An edition that is served for no time was served. */
const isWithin = (spans: readonly Span[], startMs: number, endMs: number) =>
  spans.some(({ fromMs, untilMs }) => (fromMs >= startMs ? fromMs < endMs : untilMs > startMs));

// Marks ---------------------------------------------------------------------------------------------------------------

/** What is the same for all marks of a cabinet. */
export interface CabinetFrame {
  readonly cabinetId: number;
  readonly zone: string;
  readonly accounts: ReadonlyMap<number, Pick<AccountFacts, 'kind' | 'ownerId'>>;
  readonly tariffs: readonly TariffFacts[];
  /** Consecutive days whose served editions are known, up to the one that is billed. */
  readonly days: readonly BillingDay[];
  /** Up to when everything is billed; null: no run has billed anything yet. */
  readonly billedMs: number | null;
  readonly billedDay: string | null;
}

export interface TransferFacts {
  readonly id: string;
  readonly seq: number;
  readonly kind: string;
  readonly fromId: number;
  readonly toId: number;
  readonly kopecks: number;
  readonly day: string;
  readonly atMs: number;
  readonly cabinetId: number | null;
  readonly listingId: number | null;
  readonly basis: string | null;
  readonly tariffId: number | null;
  readonly facts: unknown;
  readonly promotionId: number | null;
  readonly resolves: string | null;
  readonly reverses: string | null;
  /** It names no edition, or one of the cabinet. */
  readonly isEditionKnown: boolean;
}

export interface PromotionFacts {
  readonly id: number;
  readonly level: string;
  readonly days: number;
  readonly fromOn: string;
  readonly holdId: string | null;
  readonly kopecks: number;
  readonly atMs: number;
}

export interface WaiverFacts {
  readonly day: string;
  readonly accountId: number | null;
  readonly kopecks: number;
}

/** Everything about the money of a mark, and when it was shown. */
export interface MarkHistory {
  readonly listingId: number;
  /** In the order in which they were written. */
  readonly transfers: readonly TransferFacts[];
  readonly shown: readonly Span[];
  readonly waivers: readonly WaiverFacts[];
  /** Placements of a package that were used up. */
  readonly placements: readonly { readonly from: string; readonly until: string }[];
  readonly promotions: readonly PromotionFacts[];
  /** What its price depends on, as it is now; null: there is no such listing. */
  readonly facts: PriceFacts | null;
  readonly changedMs: number;
}

const isKind = (kind: string): kind is TransferKind => (TRANSFER_KINDS as readonly string[]).includes(kind);
const isBasis = (basis: string | null): basis is Basis => (BASES as readonly (string | null)[]).includes(basis);
const isDayBasis = (basis: string | null) => basis === 'day' || basis === 'excess-day';
const isPlacementBasis = (basis: string | null) => basis === 'placement' || basis === 'excess-placement';
const kindTold = (kind: string) => (isKind(kind) ? TRANSFER_LABELS[kind] : `«${kind}»`);

const isSubject = (kind: string) => ['hold', 'charge', 'release', 'refund'].includes(kind);
/** It begins something to pay for: it has a price. */
const begins = ({ kind, resolves }: TransferFacts) => kind === 'hold' || (kind === 'charge' && resolves === null);

/** May a transfer of its kind go between its two accounts? @returns a Russian sentence, or null */
export function wayFault(
  { id, kind, fromId, toId, cabinetId }: Pick<TransferFacts, 'id' | 'kind' | 'fromId' | 'toId' | 'cabinetId'>,
  accounts: CabinetFrame['accounts'],
): string | null {
  const from = accounts.get(fromId);
  const to = accounts.get(toId);
  // Told of the account itself, once.
  if (!from || !to) return null;
  const isBoards = (account: typeof from) => account.kind === 'board' && account.ownerId === cabinetId;
  const isLawful = {
    'top-up': from.kind === 'bank' && isOwn(to.kind),
    move: isOwn(from.kind) && isOwn(to.kind),
    hold: isOwn(from.kind) && isBoards(to),
    charge: isOwn(from.kind) && isBoards(to),
    release: isOwn(from.kind) && isBoards(to),
    refund: isBoards(from) && isOwn(to.kind),
    correction: (from.kind === 'bank' && isOwn(to.kind)) || (isOwn(from.kind) && to.kind === 'bank'),
  };
  if (isKind(kind) && isLawful[kind] && (!id.startsWith('monthly:') || id.startsWith(`monthly:${toId}:`))) return null;
  const name = ({ kind: of, ownerId }: typeof from) =>
    `${ACCOUNT_KIND_LABELS[of as AccountKind] ?? `«${of}»`}${ownerId === null ? '' : ` ${ownerId}`}`;
  return `Так не бывает: ${kindTold(kind)} со счёта #${fromId} (${name(from)}) на счёт #${toId} (${name(to)})${cabinetId === null ? '' : ` по кабинету ${cabinetId}`}.`;
}

/** A transfer that is about no cabinet there is. */
export function proveLoose(transfer: TransferFacts, accounts: CabinetFrame['accounts'], report: Report): void {
  const add = (code: string, text: string) => report({ table: 'transfer', key: transfer.id, code, text });
  if (!isKind(transfer.kind)) add('kind-unknown', `Переводов вида «${transfer.kind}» не бывает.`);
  const way = wayFault(transfer, accounts);
  if (way) add('way-wrong', way);
  if (!isSubject(transfer.kind)) return;
  const { cabinetId } = transfer;
  add('no-subject', cabinetId === null ? 'Не сказано, по какому кабинету.' : `Кабинета ${cabinetId} у агентства нет.`);
}

/**
 * Proves the transfers of one mark: their shape, their prices, and that they are what the served editions call for.
 * @returns how many of its days had to be charged
 */
export function proveMark(frame: CabinetFrame, history: MarkHistory, report: Report): number {
  const proof = new MarkProof(frame, history, report);
  proof.shapes();
  proof.bills();
  proof.prices();
  proof.promotions();
  proof.charges();
  proof.waivers();
  return proof.missing();
}

class MarkProof {
  readonly #frame: CabinetFrame;
  readonly #history: MarkHistory;
  readonly #report: Report;
  readonly #byId: ReadonlyMap<string, TransferFacts>;
  /** What ended a hold, or paid a charge back. */
  readonly #ends = new Map<string, TransferFacts>();
  readonly #refunds = new Map<string, TransferFacts>();
  readonly #promotions: ReadonlyMap<number, PromotionFacts>;
  /** Days whose hold did not become a charge: that the charge is missing need not be told besides. */
  readonly #unsettled = new Set<string>();

  constructor(frame: CabinetFrame, history: MarkHistory, report: Report) {
    this.#frame = frame;
    this.#history = history;
    this.#report = report;
    this.#byId = new Map(history.transfers.map((transfer) => [transfer.id, transfer]));
    this.#promotions = new Map(history.promotions.map((promotion) => [promotion.id, promotion]));
    for (const transfer of history.transfers) {
      for (const [origin, ended, what] of [
        [transfer.resolves, this.#ends, 'Удержание'],
        [transfer.reverses, this.#refunds, 'Списание'],
      ] as const) {
        if (origin === null) continue;
        const first = ended.get(origin);
        if (first) this.#add(transfer, 'ended-twice', `${what} ${origin} уже закрыто переводом ${first.id}.`);
        else ended.set(origin, transfer);
      }
    }
  }

  #add({ id }: Pick<TransferFacts, 'id'>, code: string, text: string): void {
    this.#report({ table: 'transfer', key: id, code, text });
  }

  /** Kind, accounts, what it ends, and the id that follows from all that. */
  shapes(): void {
    for (const transfer of this.#history.transfers) {
      const { kind, basis, listingId, id, resolves, reverses } = transfer;
      const add = (code: string, text: string) => this.#add(transfer, code, text);
      if (!isKind(kind)) add('kind-unknown', `Переводов вида «${kind}» не бывает.`);
      const way = wayFault(transfer, this.#frame.accounts);
      if (way) add('way-wrong', way);
      if (!isSubject(kind)) continue;
      if (listingId === null || !isBasis(basis)) {
        add('no-subject', `Не сказано, за что: нужны и объект, и основание (${basis ?? 'его нет'}).`);
        continue;
      }
      if (!transfer.isEditionKnown) add('edition-unknown', 'Названо издание, которого у кабинета нет.');
      const [ends, needs] =
        kind === 'refund' ? [reverses, 'списание'] : kind === 'hold' ? [null, null] : [resolves, 'удержание'];
      if ((kind === 'release' || kind === 'refund') && ends === null)
        add('origin-missing', `Не сказано, какое ${needs} закрывает перевод.`);
      if (ends !== null) this.#sameAs(transfer, ends, needs === 'списание' ? 'charge' : 'hold');
      const expected = this.#idOf(transfer);
      if (expected !== null && expected !== id)
        add('id-differs', `Номер не следует из того, что написано в переводе: должно быть ${expected}.`);
    }
  }

  /** What ends a hold or pays a charge back is for the same thing, between the same accounts, and comes later. */
  #sameAs(transfer: TransferFacts, originId: string, kind: TransferKind): void {
    const origin = this.#byId.get(originId);
    if (!origin) {
      const text = `Закрывает перевод ${originId}, а такого у этого объекта в кабинете нет.`;
      this.#add(transfer, 'origin-missing', text);
      return;
    }
    const isBack = transfer.kind === 'refund';
    const wrong = [
      origin.kind !== kind && `вид — ${kindTold(origin.kind)}, а не ${TRANSFER_LABELS[kind]}`,
      origin.kopecks !== transfer.kopecks && `сумма ${told(transfer.kopecks)}, а там ${told(origin.kopecks)}`,
      (isBack ? origin.toId : origin.fromId) !== transfer.fromId && 'другой счёт, с которого',
      (isBack ? origin.fromId : origin.toId) !== transfer.toId && 'другой счёт, на который',
      // A promotion is charged on the day it begins, whenever it was ordered for.
      origin.day !== transfer.day &&
        !(origin.basis === 'promotion' && transfer.kind === 'charge' && origin.day <= transfer.day) &&
        `день ${transfer.day}, а там ${origin.day}`,
      origin.basis !== transfer.basis && 'другое основание',
      origin.promotionId !== transfer.promotionId && 'другое продвижение',
      origin.seq >= transfer.seq && 'он записан раньше',
    ].filter((one) => one !== false);
    if (wrong.length > 0) this.#add(transfer, 'origin-differs', `Не сходится с ${originId}: ${wrong.join('; ')}.`);
  }

  /** The id that a transfer must have; null: it follows from nothing in it. */
  #idOf({ id, kind, basis, day, listingId, promotionId, resolves, reverses }: TransferFacts): string | null {
    if (reverses !== null) return refundOf(reverses);
    if (resolves !== null) return kind === 'charge' ? chargeOf(resolves) : releaseOf(resolves);
    if (isDayBasis(basis)) return billId(this.#frame.cabinetId, listingId!, day, ordinalOf(id) ?? 1);
    if (isPlacementBasis(basis)) return placementId(this.#frame.cabinetId, listingId!, day);
    return promotionId === null ? null : promotionHoldId(promotionId);
  }

  /** Has what a hold or direct charge began come to an end, so that the day may be billed again? */
  #isOver({ id, kind }: TransferFacts): boolean {
    const charge = kind === 'hold' ? this.#ends.get(id) : undefined;
    if (charge?.kind === 'release') return true;
    return this.#refunds.has(kind === 'hold' ? (charge?.id ?? '') : id);
  }

  /** At most one bill of a day stands; they are counted from one. */
  bills(): void {
    const byDay = new Map<string, { readonly bill: TransferFacts; readonly ordinal: number }[]>();
    for (const bill of this.#history.transfers) {
      const ordinal = ordinalOf(bill.id);
      if (!begins(bill) || !isDayBasis(bill.basis) || ordinal === null) continue;
      const bills = byDay.get(bill.day);
      if (bills) bills.push({ bill, ordinal });
      else byDay.set(bill.day, [{ bill, ordinal }]);
    }
    for (const [day, bills] of byDay) {
      bills.sort((a, b) => a.ordinal - b.ordinal);
      for (const [index, { bill, ordinal }] of bills.entries()) {
        const last = bills[index - 1];
        if (ordinal !== (last?.ordinal ?? 0) + 1)
          this.#add(bill, 'bill-gap', `Счёт за день №${ordinal}, а перед ним №${last?.ordinal ?? 0}: один пропал.`);
        if (last && !this.#isOver(last.bill))
          this.#add(bill, 'bill-doubled', `${dayTold(day)} уже оплачен: ${last.bill.id} не снят и не возвращён.`);
      }
    }
  }

  /** Each price is that of the tariff in force. */
  prices(): void {
    for (const transfer of this.#history.transfers) {
      const { basis, day, kopecks, tariffId, facts } = transfer;
      if (!begins(transfer) || !isBasis(basis) || basis === 'promotion') continue;
      const tariff = tariffOf(this.#frame.tariffs, day);
      if (!tariff) {
        this.#add(transfer, 'no-tariff', `На ${day} у кабинета нет тарифа: день бесплатный.`);
        continue;
      }
      if (tariffId !== tariff.id)
        this.#add(
          transfer,
          'tariff-differs',
          `На ${day} действует тариф ${tariff.id}, а назван ${tariffId ?? 'никакой'}.`,
        );
      if (!tariff.isReadable) continue;
      if (!isFacts(facts)) {
        this.#add(transfer, 'facts-unreadable', 'Не записано, по каким сведениям об объекте найдена цена.');
        continue;
      }
      const price = priceOf(tariff.terms, basis, facts);
      if (price === kopecks) continue;
      const due = price === null ? 'так ничего не продаёт' : `это стоит ${told(price)}`;
      this.#add(
        transfer,
        'price-differs',
        `Взято ${told(kopecks)} (${BASIS_LABELS[basis]}), а по тарифу ${tariff.id} ${due}.`,
      );
    }
  }

  promotions(): void {
    const { tariffs, billedDay, days } = this.#frame;
    for (const promotion of this.#history.promotions) {
      const { id, level, days: term, fromOn, holdId, kopecks, atMs } = promotion;
      const add = (code: string, text: string) => this.#report({ table: 'promotion', key: String(id), code, text });
      // A newer tariff may have come between the order and its first day.
      const known = [tariffs.filter(({ createdMs }) => createdMs <= atMs), tariffs].map((all) => tariffOf(all, fromOn));
      if (known.every((tariff) => tariff === null || tariff.isReadable)) {
        const prices = known.map((tariff) => (tariff === null ? null : promotionPrice(tariff.terms, level, term)));
        if (!prices.includes(kopecks)) {
          const due = prices[0] == null ? 'не продаётся' : `стоит ${told(prices[0])}`;
          add(
            'price-differs',
            `Продвижение ${level} на ${term} дн. с ${fromOn}: взято ${told(kopecks)}, а по тарифу ${due}.`,
          );
        }
      }
      if ((holdId === null) !== (kopecks === 0))
        add('hold-differs', `Стоит ${told(kopecks)}, а удержание — ${holdId ?? 'никакое'}.`);
      if (holdId === null) continue;
      const hold = this.#byId.get(holdId);
      if (!hold) add('hold-missing', `Удержания ${holdId} у этого объекта в кабинете нет.`);
      else if (
        hold.kind !== 'hold' ||
        hold.basis !== 'promotion' ||
        hold.promotionId !== id ||
        hold.kopecks !== kopecks
      )
        add(
          'hold-differs',
          `Удержание ${holdId} на ${told(hold.kopecks)} не об этом: заказ ${id} на ${told(kopecks)}.`,
        );
    }
    for (const transfer of this.#history.transfers) {
      const { id, basis, promotionId, day, kind } = transfer;
      if (basis !== 'promotion' || !isSubject(kind)) continue;
      const promotion = promotionId === null ? undefined : this.#promotions.get(promotionId);
      if (!promotion) {
        this.#add(transfer, 'promotion-missing', `Заказа продвижения ${promotionId ?? ''} у этого объекта нет.`);
        continue;
      }
      const { fromOn, days: term, holdId } = promotion;
      if (begins(transfer) && holdId !== id)
        this.#add(
          transfer,
          'promotion-differs',
          `Заказ ${promotion.id} оплачен другим переводом: ${holdId ?? 'никаким'}.`,
        );
      if (!isDay(fromOn) || !(term > 0 && term < 1e6)) continue;
      const endOn = addDays(fromOn, term);
      if (kind === 'hold' && !this.#ends.has(id) && billedDay !== null && billedDay >= endOn)
        this.#add(transfer, 'hold-open', `Продвижение не началось до ${russianDay(endOn)}, а деньги всё удержаны.`);
      if (kind !== 'charge') continue;
      if (day < fromOn || day >= endOn)
        this.#add(transfer, 'promotion-term', `Списано за ${day}, а начаться могло с ${fromOn} и до ${endOn}.`);
      const known = dayIn(days, day);
      if (known && !isWithin(this.#history.shown, known.startMs, known.endMs))
        this.#add(transfer, 'not-shown', `${dayTold(day)} объекта не было ни в одном издании, продвигать было нечего.`);
    }
  }

  /** No charge for what was not shown, no hold that should have ended, none given back that should have been charged. */
  charges(): void {
    const { days, billedDay } = this.#frame;
    const { shown, transfers } = this.#history;
    const releases = new Map<string, TransferFacts[]>();
    for (const transfer of transfers) {
      const { id, kind, basis, day } = transfer;
      if (isPlacementBasis(basis) && kind === 'charge' && !this.#refunds.has(id)) this.#placementShown(transfer);
      if (!isDayBasis(basis)) continue;
      const known = dayIn(days, day);
      if (kind === 'hold' && !this.#ends.has(id)) this.#openHold(transfer, known);
      if (kind === 'release' && known) releases.set(day, [...(releases.get(day) ?? []), transfer]);
      if (kind !== 'charge') continue;
      if (billedDay === null || (day > billedDay && !known))
        this.#add(
          transfer,
          'day-ahead',
          `Списано за ${day}, а кабинет ${billedDay === null ? 'ещё не рассчитывали' : `рассчитан по ${billedDay}`}.`,
        );
      if (!known || this.#refunds.has(id)) continue;
      const wrong = this.#notOwed(known);
      if (wrong) this.#add(transfer, wrong.code, `${wrong.text}, а день списан.`);
    }
    for (const [day, given] of releases) {
      const { startMs, chargeByMs } = dayIn(days, day)!;
      const leavings = shown.filter(({ untilMs }) => untilMs > startMs && untilMs <= chargeByMs).length;
      const text = `Удержание снято, а до часа списания (${this.#moment(chargeByMs)}) объект с доски не уходил.`;
      for (const transfer of given.slice(leavings)) {
        this.#add(transfer, 'released-though-shown', text);
        this.#unsettled.add(day);
      }
    }
  }

  /** Why nothing can be due for a day: the listing was not shown, or had left when the day was charged. */
  #notOwed({ day, startMs, endMs, chargeMs }: BillingDay): { readonly code: string; readonly text: string } | null {
    const { shown } = this.#history;
    if (!isWithin(shown, startMs, endMs))
      return { code: 'not-shown', text: `${dayTold(day)} объекта не было ни в одном издании` };
    if (shown.some(({ fromMs, untilMs }) => fromMs < endMs && untilMs >= chargeMs)) return null;
    return { code: 'left-before-charge', text: `Объект ушёл с доски до часа списания (${this.#moment(chargeMs)})` };
  }

  #openHold(hold: TransferFacts, known: BillingDay | undefined): void {
    const { billedDay, billedMs } = this.#frame;
    const { day } = hold;
    if (billedDay === null || billedMs === null) {
      this.#add(hold, 'hold-open', `Удержано за ${day}, а кабинет ещё не рассчитывали.`);
    } else if (day !== billedDay) {
      const text = `Удержано за ${day} и не списано и не снято, а кабинет рассчитан по ${billedDay}.`;
      this.#add(hold, 'hold-open', text);
      this.#unsettled.add(day);
    } else if (known && billedMs >= known.chargeByMs) {
      this.#add(hold, 'hold-open', `Час списания (${this.#moment(known.chargeByMs)}) прошёл, а удержание не списано.`);
      this.#unsettled.add(day);
    } else if (this.#history.shown.at(-1)?.untilMs !== Number.POSITIVE_INFINITY && known) {
      this.#add(hold, 'hold-open', 'Объекта на доске нет, а деньги за день всё удержаны.');
    }
  }

  #placementShown(charge: TransferFacts): void {
    const first = dayIn(this.#frame.days, charge.day);
    if (!first) return;
    const until = this.#history.placements.find(({ from }) => from === charge.day)?.until;
    const last = until === undefined ? undefined : dayIn(this.#frame.days, until);
    if (isWithin(this.#history.shown, first.startMs, last?.endMs ?? Number.POSITIVE_INFINITY)) return;
    this.#add(charge, 'not-shown', `Размещение с ${charge.day} списано, а объекта не было ни в одном издании.`);
  }

  /** A day is forgiven only where it was owed. */
  waivers(): void {
    for (const { day, accountId, kopecks } of this.#history.waivers) {
      const key = `${this.#frame.cabinetId}:${this.#history.listingId}:${day}`;
      const add = (code: string, text: string) => this.#report({ table: 'waiver', key, code, text });
      const account = accountId === null ? undefined : this.#frame.accounts.get(accountId);
      if (accountId !== null && (!account || !isOwn(account.kind)))
        add('way-wrong', `Платить должен был счёт #${accountId}, а такого счёта у агентства нет.`);
      const tariff = tariffOf(this.#frame.tariffs, day);
      if (!tariff) add('no-tariff', `На ${day} у кабинета нет тарифа: прощать нечего.`);
      else if (tariff.isReadable) {
        const { lines, excess } = tariff.terms;
        if (![...lines, ...(excess ?? [])].some((line) => line.kopecks === kopecks))
          add('price-differs', `Прощено ${told(kopecks)}, а в тарифе ${tariff.id} такой цены нет.`);
      }
      const known = dayIn(this.#frame.days, day);
      const wrong = known && this.#notOwed(known);
      if (wrong) add(wrong.code, `${wrong.text}: прощать нечего.`);
    }
  }

  /**
   * Whatever was shown at the charge moment of a day or after it is charged, forgiven, or costs nothing.
   * @returns how many days there were
   */
  missing(): number {
    const { days, billedMs } = this.#frame;
    const { shown, transfers, waivers } = this.#history;
    if (billedMs === null || shown.length === 0 || days.length === 0) return 0;
    const charges = new Map<string, TransferFacts[]>();
    const tries = new Map<string, number>();
    const placed = new Set<string>();
    for (const transfer of transfers) {
      const { kind, basis, day } = transfer;
      if (isPlacementBasis(basis) && kind === 'charge') placed.add(day);
      if (!isDayBasis(basis)) continue;
      if (begins(transfer)) tries.set(day, (tries.get(day) ?? 0) + 1);
      if (kind === 'charge') charges.set(day, [...(charges.get(day) ?? []), transfer]);
    }
    const waived = new Set(waivers.map(({ day }) => day));
    const toldOf = new Set<string>();
    let count = 0;
    for (const [day, sinceMs] of owedDays(days, shown, billedMs)) {
      count++;
      // One that was paid back while the listing was away does not pay for its return.
      const isPaid = charges.get(day.day)?.some(({ id }) => (this.#refunds.get(id)?.atMs ?? Infinity) >= sinceMs);
      if (isPaid || waived.has(day.day)) continue;
      const covering = this.#history.placements.findLast(({ from, until }) => from <= day.day && day.day <= until);
      if (day.sells !== 'days') {
        // What the brake keeps beyond its placement, nobody has sold.
        if (!covering || placed.has(covering.from) || this.#isFree(covering.from, day.startMs)) continue;
        if (waivers.some((waiver) => covering.from <= waiver.day && waiver.day <= covering.until)) continue;
        if (day.sells === null) continue;
        const id = placementId(this.#frame.cabinetId, this.#history.listingId, covering.from);
        if (toldOf.has(id)) continue;
        toldOf.add(id);
        this.#add(
          { id },
          'charge-missing',
          `Размещение с ${covering.from} по ${covering.until} показано и не списано.`,
        );
        continue;
      }
      if (this.#isFree(day.day, day.startMs) || this.#unsettled.has(day.day)) continue;
      const id = billId(this.#frame.cabinetId, this.#history.listingId, day.day, (tries.get(day.day) ?? 0) + 1);
      const since = this.#moment(Math.max(sinceMs, day.chargeByMs));
      this.#add(
        { id },
        'charge-missing',
        `Объект был на доске в час списания или после него (${since}), а день не списан.`,
      );
    }
    return count;
  }

  /** Costs the listing nothing on a day? If it has changed since, it may have cost nothing then. */
  #isFree(day: string, startMs: number): boolean {
    const tariff = tariffOf(this.#frame.tariffs, day);
    if (!tariff?.isReadable) return true;
    const { facts, changedMs } = this.#history;
    const { lines, excess } = tariff.terms;
    if (facts === null || changedMs >= startMs)
      return [...lines, ...(excess ?? [])].some(({ kopecks }) => kopecks === 0);
    return priceOf(tariff.terms, 'day', facts) === 0 || priceOf(tariff.terms, 'excess-day', facts) === 0;
  }

  #moment(ms: number): string {
    return Number.isFinite(ms) ? `${russianMoment(new Date(ms), this.#frame.zone)} (${this.#frame.zone})` : '';
  }
}

/** Days of which something was shown at the charge moment or after it, with the last moment it came to be shown on. */
function* owedDays(
  days: readonly BillingDay[],
  shown: readonly Span[],
  billedMs: number,
): Generator<[BillingDay, number]> {
  let index = firstEndingAfter(days, shown[0]!.fromMs);
  let span = 0;
  for (; index < days.length; index++) {
    const day = days[index]!;
    if (day.chargeByMs > billedMs) continue;
    while (span < shown.length && shown[span]!.untilMs < day.startMs) span++;
    let sinceMs: number | undefined;
    for (let at = span; at < shown.length; at++) {
      const { fromMs, untilMs } = shown[at]!;
      if (fromMs >= day.endMs || fromMs > billedMs) break;
      if (fromMs >= day.chargeByMs || untilMs > day.chargeByMs) sinceMs = fromMs;
    }
    if (sinceMs !== undefined) yield [day, sinceMs];
    if (span >= shown.length) return;
  }
}

function firstEndingAfter(days: readonly BillingDay[], ms: number): number {
  let low = 0;
  let high = days.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (days[middle]!.endMs > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A day among consecutive ones. */
function dayIn(days: readonly BillingDay[], day: string): BillingDay | undefined {
  let low = 0;
  let high = days.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = days[middle]!;
    if (found.day === day) return found;
    if (found.day < day) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

const dayTold = (day: string) => (isDay(day) ? russianDay(day) : `День «${day}»`);

/** The number of the try in the id of a day's bill. */
function ordinalOf(id: string): number | null {
  const found = /^day:\d+:\d+:\d{4}-\d\d-\d\d:([1-9]\d{0,8})$/.exec(id)?.[1];
  return found === undefined ? null : Number(found);
}

function isFacts(value: unknown): value is PriceFacts {
  return (
    isObject(value) &&
    (KINDS as readonly unknown[]).includes(value.kind) &&
    (DEALS as readonly unknown[]).includes(value.deal) &&
    (value.region === null || typeof value.region === 'string') &&
    (value.priceKopecks === null || typeof value.priceKopecks === 'number')
  );
}

/** A charge or waiver of a day whose record has the listing in no edition. */
export const notOnRecord = (table: 'transfer' | 'waiver', key: string, day: string): Finding => ({
  table,
  key,
  code: 'not-shown',
  text: `По записи дня ${dayTold(day)} объекта не было ни в одном издании, а день ${table === 'waiver' ? 'прощён' : 'списан'}.`,
});

/** Two transfers with one number in the order of writing. */
export const sameSeq = (id: string, seq: number): Finding => ({
  table: 'transfer',
  key: id,
  code: 'seq-repeated',
  text: `Порядковый номер ${formatNumber(seq)} есть у другого перевода.`,
});
