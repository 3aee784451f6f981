/**
 * The money of the simulated year: what people do with it, and a judge that knows nothing of the product's till. From
 * what each cabinet's file contained from when to when it tells who had to be charged for which day, what that cost and
 * who pays, and holds every transfer against that. Of `src/domain` nothing is imported that knows of money.
 */
import type { Dice } from '../fixtures/dice.ts';
import { Refusal } from '../src/domain/fault.ts';
import type { Listing } from '../src/domain/listing.ts';
import type { Database } from '../src/store/database.ts';
import { type AccountChange, changeAccount, correct, move, openAccount, refund, topUp } from '../src/store/ledger.ts';
import { topUpMonthly } from '../src/store/monthly.ts';
import { changeAgencySettings, changeCabinetSettings } from '../src/store/settings.ts';
import { addTariff } from '../src/store/tariffs.ts';
import { verifyMoney } from '../src/store/verify.ts';
import {
  addDays,
  branchOf,
  DAY,
  type ModelCabinet,
  type ModelListing,
  type ModelMark,
  startOf,
  valuesOf,
  type World,
  wall,
} from './month-model.ts';

// ------------------------------------------------------------------------------------------------------- the model

interface PriceLine {
  kind?: Listing['kind'];
  deal?: Listing['deal'];
  priceFrom?: number;
  priceBelow?: number;
  kopecks: number;
}

interface Tariff {
  /** First day. Of two with the same one the later written holds. */
  readonly from: string;
  readonly lines: PriceLine[];
  readonly excess: PriceLine[] | null;
}

function tariffOn(tariffs: readonly Tariff[], day: string): Tariff | undefined {
  let found: Tariff | undefined;
  for (const tariff of tariffs) if (tariff.from <= day && (!found || tariff.from >= found.from)) found = tariff;
  return found;
}

function priceBy(lines: readonly PriceLine[], { kind, deal, priceKopecks }: Listing): number {
  const fits = (line: PriceLine) =>
    (line.kind === undefined || line.kind === kind) &&
    (line.deal === undefined || line.deal === deal) &&
    (line.priceFrom === undefined || (priceKopecks !== undefined && priceKopecks >= line.priceFrom)) &&
    (line.priceBelow === undefined || (priceKopecks !== undefined && priceKopecks < line.priceBelow));
  return lines.find(fits)!.kopecks;
}

const LEVELS = ['employee', 'department', 'branch', 'agency'] as const;
type Level = (typeof LEVELS)[number];

interface Account {
  readonly id: number;
  readonly kind: Level;
  readonly ownerId: number | null;
  overdraft: number;
  dayLimit: number | null;
  monthLimit: number | null;
  monthly: { kopecks: number; on: number; fromId: number | null } | null;
}

interface Transfer {
  readonly seq: number;
  readonly id: string;
  readonly kind: 'top-up' | 'move' | 'hold' | 'charge' | 'release' | 'refund' | 'correction';
  readonly from: number;
  readonly to: number;
  readonly kopecks: number;
  readonly day: string;
  readonly cabinetId: number | null;
  readonly listingId: number | null;
  readonly basis: 'day' | 'excess-day' | 'placement' | 'excess-placement' | null;
  readonly resolves: string | null;
  readonly reverses: string | null;
}

/** What was begun for a listing and day: the last try of it. */
interface Bill {
  readonly id: string;
  readonly day: string;
  readonly listingId: number;
  readonly tries: number;
  state: 'held' | 'charged' | 'released' | 'refunded';
  isRefunded: boolean;
}

/** What a cabinet's file contained from a commit on. */
interface Look {
  readonly at: number;
  readonly ids: ReadonlySet<number>;
  /** What an edition before it contained, at the very same moment. */
  readonly passing: ReadonlySet<number>;
  /** Of these, what cost nothing on the day of the commit. */
  readonly free: ReadonlySet<number>;
}

interface Tale {
  readonly cabinet: ModelCabinet;
  readonly looks: Look[];
  readonly tariffs: Tariff[];
  readonly bills: Map<string, Bill>;
  readonly waived: Set<string>;
  /** The charge hour, minutes, from a moment on. */
  readonly chargeAt: { readonly at: number; readonly minute: number }[];
  /** Since when a mark waits for a place or for money. */
  waiting: Map<number, number>;
  /** Last day of the placement that a listing has, where the cabinet sells placements. */
  readonly placements: Map<number, string>;
  /** Up to when it is billed: the latest commit, whatever the clock says now. */
  billed: number;
  /** The last local day that was closed. */
  closed: string | null;
  runs: number;
}

const isStanding = (bill: Bill | undefined) => bill?.state === 'held' || bill?.state === 'charged';
const keyOf = (listingId: number, day: string) => `${listingId} ${day}`;
const roubles = (count: number) => count * 100;
const BY = { name: 'Руководитель' };

/** What the money needs of the play. */
export interface Stage {
  readonly dice: Dice;
  readonly db: Database;
  readonly agencyId: number;
  readonly now: number;
  readonly world: World;
  /** Days on which a clock was set back. */
  readonly tainted: ReadonlySet<string>;
  clock(): Date;
  edited(): void;
  count(what: string): void;
  fail(what: string): never;
}

export class Money {
  readonly #stage: Stage;
  readonly #accounts = new Map<number, Account>();
  readonly #tales = new Map<number, Tale>();
  /** Of all accounts, the bank's and the boards' too. */
  readonly #sums = new Map<number, { balance: number; held: number }>();
  readonly #spent = new Map<string, number>();
  readonly #known = new Map<string, Transfer>();
  /** Seen in the base, not yet explained by a run or an act. */
  #new: Transfer[] = [];
  #seq = 0;
  #payer: Level = 'employee';
  #commands = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  // ----------------------------------------------------------------------------------------------------- what is done

  async open(): Promise<void> {
    const { world, dice } = this.#stage;
    for (const cabinet of world.cabinets) {
      this.#tales.set(cabinet.id, {
        cabinet,
        looks: [],
        tariffs: [],
        bills: new Map(),
        waived: new Set(),
        chargeAt: [],
        waiting: new Map(),
        placements: new Map(),
        billed: 0,
        closed: null,
        runs: 0,
      });
      await this.#setChargeAt(cabinet, dice.pick([0, 0, 375, 720, 1410]));
    }
    const pick = <K>(all: Map<K, unknown>) => dice.pick([...all.keys()]);
    await this.#openAccount('agency', null);
    await this.#openAccount('branch', pick(world.branches));
    const person = dice.pick([...world.people.values()].filter(({ role }) => role === 'agent'));
    await this.#openAccount('employee', person.id);
    for (const { id, kind } of this.#accounts.values()) {
      await this.#topUp(id, roubles(dice.int(1, 4) * (kind === 'agency' ? 400 : 60)));
    }
    // One that costs nothing until somebody writes down a price.
    const free = dice.pick(world.cabinets);
    for (const tale of this.#tales.values()) if (tale.cabinet !== free) await this.#addTariff(tale, 1);
  }

  /** What people do with money, with weights. */
  readonly deeds: readonly (readonly [number, string, () => Promise<string>])[] = [
    [7, 'top-up', () => this.#topUpSome()],
    [1, 'move', () => this.#moveSome()],
    [1, 'money corrected', () => this.#correctSome()],
    [2, 'refund', () => this.#refundSome()],
    [2, 'tariff', () => this.#tariffSome()],
    [1, 'account', () => this.#openSome()],
    [2, 'account limits', () => this.#limitSome()],
    [1, 'monthly', () => this.#scheduleSome()],
    [0.5, 'payer', () => this.#changePayer()],
    [1, 'charge hour', () => this.#changeChargeAt()],
  ];

  async #openAccount(kind: Level, ownerId: number | null): Promise<string> {
    const { db, agencyId } = this.#stage;
    const { id, isNew } = await openAccount(db, agencyId, { kind, ownerId }, BY, this.#stage.clock());
    if (isNew === this.#accounts.has(id))
      this.#stage.fail(`account ${id} was ${isNew ? 'opened twice' : 'not opened'}`);
    if (isNew)
      this.#accounts.set(id, { id, kind, ownerId, overdraft: 0, dayLimit: null, monthLimit: null, monthly: null });
    this.#stage.edited();
    return `${id} of ${kind} ${ownerId ?? ''}`;
  }

  #command(kopecks: number) {
    return { key: `play-${++this.#commands}`, kopecks, reason: 'по плану', by: BY };
  }

  async #topUp(id: number, kopecks: number): Promise<string> {
    const { db, agencyId, dice } = this.#stage;
    const command = this.#command(kopecks);
    await topUp(db, agencyId, id, command, this.#stage.clock());
    // Sent twice.
    if (dice.chance(0.1)) await topUp(db, agencyId, id, command, this.#stage.clock());
    await this.#expect('top-up', null, id, kopecks);
    this.#stage.edited();
    return `${id} by ${kopecks}`;
  }

  /** Mostly where the least is left. */
  async #topUpSome(): Promise<string> {
    const { dice } = this.#stage;
    const all = [...this.#accounts.keys()];
    const poorest = all.reduce((one, other) => (this.#available(other) < this.#available(one) ? other : one));
    const id = dice.chance(0.7) ? poorest : dice.pick(all);
    const isLarge = this.#accounts.get(id)!.kind === 'agency';
    return this.#topUp(id, dice.int(1, isLarge ? 250_000 : 25_000));
  }

  /** Tops an account up by a sum, or lets it spend so much more; for whoever asks what is missing. */
  async supply(how: 'balance' | 'day-limit' | 'month-limit', listing: ModelListing, kopecks: number): Promise<void> {
    const account = this.#payerOf(listing)!;
    if (how === 'balance') await this.#topUp(account.id, kopecks);
    else if (how === 'day-limit') await this.#change(account, { dayLimitKopecks: account.dayLimit! + kopecks });
    else await this.#change(account, { monthLimitKopecks: account.monthLimit! + kopecks });
  }

  async #refused(code: string, isExpected: boolean, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== code) throw error;
      if (!isExpected) this.#stage.fail(`${code} without a reason: ${error.message}`);
      return true;
    }
    if (isExpected) this.#stage.fail(`${code} should have been said`);
    return false;
  }

  async #moveSome(): Promise<string> {
    const { dice, db, agencyId } = this.#stage;
    const [from, to] = dice.some([...this.#accounts.keys()], 2);
    if (from === undefined || to === undefined) return 'none';
    const kopecks = dice.int(1, 50_000);
    const command = this.#command(kopecks);
    const isShort = kopecks > this.#available(from);
    const work = () => move(db, agencyId, from, to, command, this.#stage.clock());
    if (await this.#refused('account-short', isShort, work)) return `${from} is short`;
    await this.#expect('move', from, to, kopecks);
    this.#stage.edited();
    return `${kopecks} from ${from} to ${to}`;
  }

  async #correctSome(): Promise<string> {
    const { dice, db, agencyId } = this.#stage;
    const id = dice.pick([...this.#accounts.keys()]);
    const kopecks = dice.int(1, 5000);
    const direction = dice.pick(['to', 'from'] as const);
    const command = this.#command(kopecks);
    const isShort = direction === 'from' && kopecks > this.#available(id);
    const work = () => correct(db, agencyId, id, direction, command, this.#stage.clock());
    if (await this.#refused('account-short', isShort, work)) return `${id} is short`;
    await this.#expect('correction', direction === 'from' ? id : null, direction === 'to' ? id : null, kopecks);
    this.#stage.edited();
    return `${direction} ${id} ${kopecks}`;
  }

  async #refundSome(): Promise<string> {
    const { dice, db, agencyId } = this.#stage;
    const tale = dice.pick([...this.#tales.values()]);
    const bills = [...tale.bills.values()].filter(({ state }) => state === 'charged');
    // Mostly of these days.
    const recent = bills.slice(-80);
    if (recent.length === 0) return 'none';
    const bill = dice.pick(recent);
    const charge = this.#known.get(bill.id)!.kind === 'hold' ? `${bill.id}:charge` : bill.id;
    const isShown =
      bill.day >= this.#dayOf(tale, Math.max(tale.billed, 0)) && Boolean(tale.looks.at(-1)?.ids.has(bill.listingId));
    const work = () => refund(db, agencyId, charge, 'ошибка', BY, this.#stage.clock());
    if (await this.#refused('still-published', isShown && !this.#sellsPlacements(tale), work)) return 'still shown';
    const { to, from, kopecks } = this.#known.get(charge)!;
    await this.#expect('refund', to, from, kopecks);
    bill.state = 'refunded';
    bill.isRefunded = true;
    await this.#refused('already-refunded', true, work);
    this.#stage.edited();
    return charge;
  }

  async #tariffSome(): Promise<string> {
    const { dice } = this.#stage;
    const tale = dice.pick([...this.#tales.values()]);
    return this.#addTariff(
      tale,
      dice.weighted([
        [0, 1],
        [1, 4],
        [dice.int(2, 5), 3],
      ] as const),
    );
  }

  /** @param ahead how many days from the cabinet's today on; 0 is too early */
  async #addTariff(tale: Tale, ahead: number): Promise<string> {
    const { dice, db, agencyId, now } = this.#stage;
    const scale = this.#sellsPlacements(tale) ? 5 : 1;
    const price = () => dice.int(1, 40) * 50 * scale + dice.int(0, 1);
    const some = (): PriceLine[] => [
      ...dice.some<PriceLine>(
        [
          { deal: 'rent', kopecks: dice.chance(0.15) ? 0 : price() },
          { kind: 'house', kopecks: price() },
          { priceBelow: dice.int(3, 8) * 1_000_000_00, kopecks: price() },
          { kind: 'flat', priceFrom: dice.int(6, 15) * 1_000_000_00, kopecks: price() },
        ],
        dice.int(0, 4),
      ),
      { kopecks: price() },
    ];
    const from = addDays(this.#dayOf(tale, Math.max(tale.billed, now)), ahead);
    const tariff: Tariff = { from, lines: some(), excess: dice.chance(0.5) ? some() : null };
    const terms = { lines: tariff.lines, excess: tariff.excess, promotion: [] };
    const cabinet = { agencyId, id: tale.cabinet.id };
    const work = () => addTariff(db, cabinet, { validFrom: from, terms }, BY.name, this.#stage.clock());
    if (await this.#refused('tariff-too-early', ahead === 0, work)) return 'too early';
    tale.tariffs.push(tariff);
    this.#stage.edited();
    return `${tale.cabinet.id} from ${from} ${JSON.stringify(tariff.lines)} ${JSON.stringify(tariff.excess)}`;
  }

  async #openSome(): Promise<string> {
    const { dice, world } = this.#stage;
    const kind = dice.pick(['branch', 'department', 'employee', 'employee'] as const);
    const people = [...world.people.values()].filter(({ role }) => role === 'agent');
    const ids =
      kind === 'branch'
        ? [...world.branches.keys()]
        : kind === 'employee'
          ? people.map(({ id }) => id)
          : people.flatMap(({ departmentId }) => departmentId ?? []);
    return this.#openAccount(kind, dice.pick(ids));
  }

  async #change(account: Account, change: AccountChange): Promise<boolean> {
    const { db, agencyId } = this.#stage;
    const { balance, held } = this.#sum(account.id);
    const isInUse = change.overdraftKopecks !== undefined && balance - held + change.overdraftKopecks < 0;
    const work = () => changeAccount(db, agencyId, account.id, change, BY, this.#stage.clock());
    if (await this.#refused('overdraft-in-use', isInUse, work)) return false;
    if (change.overdraftKopecks !== undefined) account.overdraft = change.overdraftKopecks;
    if (change.dayLimitKopecks !== undefined) account.dayLimit = change.dayLimitKopecks;
    if (change.monthLimitKopecks !== undefined) account.monthLimit = change.monthLimitKopecks;
    if (change.monthly !== undefined) account.monthly = change.monthly;
    this.#stage.edited();
    return true;
  }

  async #limitSome(): Promise<string> {
    const { dice } = this.#stage;
    const account = dice.pick([...this.#accounts.values()]);
    const change = dice.weighted<AccountChange>([
      [{ overdraftKopecks: dice.pick([0, 10_000, 50_000]) }, 3],
      [{ dayLimitKopecks: dice.int(0, 40) * 500 }, 1],
      [{ monthLimitKopecks: dice.int(0, 40) * 5000 }, 1],
      [{ dayLimitKopecks: null, monthLimitKopecks: null }, 3],
    ]);
    return `${account.id} ${JSON.stringify(change)}${(await this.#change(account, change)) ? '' : ' refused'}`;
  }

  async #scheduleSome(): Promise<string> {
    const { dice } = this.#stage;
    const [account, other] = dice.some([...this.#accounts.values()], 2);
    const fromId = account!.kind === 'agency' || !other || dice.chance(0.5) ? null : other.id;
    const monthly = dice.chance(0.2) ? null : { kopecks: dice.int(1, 100_000), on: dice.int(1, 28), fromId };
    await this.#change(account!, { monthly });
    return `${account!.id} ${JSON.stringify(monthly)}`;
  }

  async #changePayer(): Promise<string> {
    const { dice, db, agencyId } = this.#stage;
    const payer = dice.pick(LEVELS);
    const set = (own: object) => ({ ...own, money: { payer, warnDays: 3 } });
    const deed = { by: BY.name, action: 'settings-set' as const, facts: { path: 'money.payer' } };
    await changeAgencySettings(db, agencyId, set, deed, this.#stage.clock());
    this.#payer = payer;
    this.#stage.edited();
    return payer;
  }

  async #changeChargeAt(): Promise<string> {
    const { dice } = this.#stage;
    const tale = dice.pick([...this.#tales.values()]);
    const minute = dice.pick([0, 60, 375, 540, 720, 900, 1200, 1410]);
    await this.#setChargeAt(tale.cabinet, minute);
    return `${tale.cabinet.id} at ${minute / 60}`;
  }

  async #setChargeAt(cabinet: ModelCabinet, minute: number): Promise<void> {
    const { db, agencyId, now } = this.#stage;
    const clock = (of: number) => `${String(Math.floor(of / 60)).padStart(2, '0')}:${String(of % 60).padStart(2, '0')}`;
    const tale = this.#tales.get(cabinet.id)!;
    const before = clock(tale.chargeAt.at(-1)?.minute ?? 0);
    const set = (own: object) => ({ ...own, chargeAt: clock(minute) });
    const facts = { path: 'chargeAt', before, after: clock(minute) };
    const deed = { by: BY.name, action: 'settings-set' as const, facts };
    await changeCabinetSettings(db, agencyId, cabinet.id, set, deed, this.#stage.clock());
    tale.chargeAt.push({ at: now, minute });
    this.#stage.edited();
  }

  // ------------------------------------------------------------------------------------------------ what is asked

  #dayOf({ cabinet }: Tale, ms: number): string {
    return wall(ms, cabinet.zone).day;
  }

  #sellsPlacements({ cabinet }: Tale): boolean {
    return cabinet.package?.kind === 'placements';
  }

  #chargeMoment(tale: Tale, day: string): number {
    return startOf(day, tale.cabinet.zone) + tale.chargeAt.at(-1)!.minute * 60_000;
  }

  #sum(id: number): { balance: number; held: number } {
    let sum = this.#sums.get(id);
    if (!sum) {
      sum = { balance: 0, held: 0 };
      this.#sums.set(id, sum);
    }
    return sum;
  }

  #available(id: number): number {
    const { balance, held } = this.#sum(id);
    return balance - held + this.#accounts.get(id)!.overdraft;
  }

  /** What an account may still spend on a day. */
  #left({ id, dayLimit, monthLimit }: Account, day: string): number {
    const spent = (period: string) => this.#spent.get(`${id} ${period}`) ?? 0;
    return Math.min(
      this.#available(id),
      dayLimit === null ? Number.POSITIVE_INFINITY : dayLimit - spent(day),
      monthLimit === null ? Number.POSITIVE_INFINITY : monthLimit - spent(day.slice(0, 7)),
    );
  }

  #payerOf(listing: ModelListing): Account | undefined {
    const { world } = this.#stage;
    const owners: Record<Level, number | null | undefined> = {
      employee: listing.employeeId,
      department: world.people.get(listing.employeeId)!.departmentId,
      branch: branchOf(world, listing),
      agency: undefined,
    };
    for (const level of LEVELS.slice(LEVELS.indexOf(this.#payer))) {
      for (const account of this.#accounts.values())
        if (account.kind === level && (level === 'agency' || account.ownerId === owners[level])) return account;
    }
    return undefined;
  }

  /** Does the cabinet sell what exceeds its package today? Then nobody waits for a turn. */
  sellsExcess(cabinetId: number): boolean {
    const tale = this.#tales.get(cabinetId)!;
    const tariff = tariffOn(tale.tariffs, this.#dayOf(tale, Math.max(tale.billed, this.#stage.now)));
    return tariff !== undefined && tariff.excess !== null;
  }

  /** The prices a listing may have in a cabinet on a day: that of the package, and that of what exceeds it. */
  #prices({ cabinet, tariffs }: Tale, listing: ModelListing, day: string): number[] {
    const tariff = tariffOn(tariffs, day);
    if (!tariff) return [0];
    const values = valuesOf(listing);
    const excess = cabinet.package !== null && tariff.excess !== null ? [priceBy(tariff.excess, values)] : [];
    return [priceBy(tariff.lines, values), ...excess];
  }

  // ---------------------------------------------------------------------------------------------------- the judge

  /** Reads what has been transferred since the last time. */
  async #look(): Promise<void> {
    const found = await this.#stage.db.pool.query<Transfer>(
      `select seq, id, kind, from_id as "from", to_id as "to", kopecks, day, cabinet_id as "cabinetId", listing_id as "listingId", basis, resolves, reverses
       from transfer where agency_id = $1 and seq > $2 order by seq`,
      [this.#stage.agencyId, this.#seq],
    );
    for (const row of found.rows) {
      this.#seq = row.seq;
      this.#known.set(row.id, row);
      this.#new.push(row);
      this.#book(row);
    }
  }

  #book({ id, kind, from, to, kopecks, day, resolves }: Transfer): void {
    if (!Number.isSafeInteger(kopecks) || kopecks <= 0) this.#stage.fail(`${id} moves ${kopecks}`);
    const [giver, taker] = [this.#sum(from), this.#sum(to)];
    if (kind !== 'hold' && kind !== 'release') {
      giver.balance -= kopecks;
      taker.balance += kopecks;
    }
    const held = kind === 'hold' ? kopecks : resolves === null ? 0 : -kopecks;
    giver.held += held;
    taker.held -= held;
    const isBegun = kind === 'hold' || (kind === 'charge' && resolves === null);
    const spent = isBegun ? kopecks : kind === 'release' || kind === 'refund' ? -kopecks : 0;
    const spender = kind === 'refund' ? to : from;
    for (const period of [day, day.slice(0, 7)])
      this.#spent.set(`${spender} ${period}`, (this.#spent.get(`${spender} ${period}`) ?? 0) + spent);
  }

  /** An act has moved this sum, once, and nothing else. null: whoever it is, he is none of ours. */
  async #expect(kind: Transfer['kind'], from: number | null, to: number | null, kopecks: number): Promise<void> {
    await this.#look();
    const rows = this.#new.splice(0);
    const [row] = rows;
    const isRight =
      rows.length === 1 &&
      row!.kind === kind &&
      row!.kopecks === kopecks &&
      (from === null ? !this.#accounts.has(row!.from) : row!.from === from) &&
      (to === null ? !this.#accounts.has(row!.to) : row!.to === to);
    if (!isRight) this.#stage.fail(`${kind} of ${kopecks} from ${from} to ${to} became ${JSON.stringify(rows)}`);
  }

  /** Monthly top-ups, as the clockwork makes them. */
  async topUpMonthly(): Promise<void> {
    const { db, agencyId, now, world } = this.#stage;
    await this.#look();
    const { toppedUp } = await topUpMonthly(db, agencyId, this.#stage.clock());
    await this.#look();
    const rows = this.#new.splice(0);
    const { day } = wall(now, world.zone);
    const month = day.slice(0, 7);
    for (const { id, from, to, kopecks } of rows) {
      const monthly = this.#accounts.get(to)?.monthly;
      const isFrom = monthly?.fromId === null ? !this.#accounts.has(from) : monthly?.fromId === from;
      if (id !== `monthly:${to}:${month}` || !monthly || monthly.kopecks !== kopecks || !isFrom)
        this.#stage.fail(`${id} of ${kopecks} from ${from} to ${to}: ${JSON.stringify(monthly)}`);
      if (Number(day.slice(8)) < monthly.on) this.#stage.fail(`${id} came on ${day}, its day is ${monthly.on}`);
      this.#stage.count('monthly top-ups');
    }
    if (rows.length !== toppedUp) this.#stage.fail(`${toppedUp} monthly top-ups and ${rows.length} transfers`);
    for (const { id, monthly } of this.#accounts.values()) {
      if (!monthly || Number(day.slice(8)) < monthly.on || this.#known.has(`monthly:${id}:${month}`)) continue;
      if (monthly.fromId === null || this.#available(monthly.fromId) >= monthly.kopecks)
        this.#stage.fail(`account ${id} was not topped up for ${month}`);
    }
    if (rows.length > 0) this.#stage.edited();
  }

  /**
   * A run of a cabinet has been committed.
   * @param ids our listings in its bytes now
   * @param passing those that another edition of this moment had before it
   */
  async ran(cabinet: ModelCabinet, ids: ReadonlySet<number>, passing: ReadonlySet<number>): Promise<void> {
    const { db, world, now } = this.#stage;
    const tale = this.#tales.get(cabinet.id)!;
    tale.billed = Math.max(tale.billed, now);
    const day = this.#dayOf(tale, tale.billed);
    await this.#look();
    const rows = this.#new.filter(({ cabinetId }) => cabinetId === cabinet.id);
    this.#new = this.#new.filter(({ cabinetId }) => cabinetId !== cabinet.id);
    const found = await db.pool.query<{ id: number; outcome: string; isHeld: boolean }>(
      'select listing_id as id, outcome, is_held as "isHeld" from mark_outcome where cabinet_id = $1',
      [cabinet.id],
    );
    const runs = await db.pool.query<{ count: number }>(
      `select count(*)::int as count from export_run where cabinet_id = $1 and status = 'done'`,
      [cabinet.id],
    );
    const before = tale.looks.at(-1)?.ids ?? new Set<number>();
    // Of several editions at one moment we have seen the last one only.
    const isOnly = runs.rows[0]!.count - tale.runs === 1;
    tale.runs = runs.rows[0]!.count;
    const listing = (id: number) => world.listings.get(id)!;
    const free = new Set([...ids].filter((id) => this.#prices(tale, listing(id), day).includes(0)));
    const unfunded = found.rows.flatMap(({ id, outcome }) => (outcome === 'unfunded' ? [id] : []));
    const heldByBrake = new Set(found.rows.flatMap(({ id, isHeld }) => (isHeld ? [id] : [])));
    const run: Run = { tale, day, ids, before, isOnly, unfunded, heldByBrake };
    for (const row of rows) this.#judge(run, row);
    await this.#judgeWaivers(run);
    if (this.#sellsPlacements(tale)) this.#judgePlacements(run, rows);
    else this.#judgeStanding(run);
    if (isOnly && cabinet.package === null) this.#judgeOrder(run, rows);
    this.#judgeLimits(rows);
    for (const { id, outcome } of found.rows) {
      if (outcome === 'waiting-turn' || outcome === 'unfunded') tale.waiting.set(id, tale.waiting.get(id) ?? now);
      else if (outcome !== 'paused') tale.waiting.delete(id);
    }
    const live = new Set(found.rows.map(({ id }) => id));
    for (const id of tale.waiting.keys()) if (!live.has(id)) tale.waiting.delete(id);
    tale.looks.push({ at: now, ids, passing, free });
    this.#close(tale, day);
  }

  #where({ tale }: Pick<Run, 'tale'>): string {
    return `cabinet ${tale.cabinet.id} (${tale.cabinet.board}), money`;
  }

  /** One transfer of a run: is it for something that was shown, at its price, from its payer? */
  #judge(run: Run, row: Transfer): void {
    const fault = this.#faultOf(run, row);
    const { id, kind, kopecks, from } = row;
    if (fault !== null) this.#stage.fail(`${this.#where(run)}: ${kind} ${id} of ${kopecks} from ${from} ${fault}`);
  }

  /** Of a transfer that is right, the cabinet's tale knows from now on. */
  #faultOf(run: Run, row: Transfer): string | null {
    const { tale, day, ids, before, isOnly } = run;
    const { world } = this.#stage;
    const { id, kind, listingId, basis, resolves } = row;
    if (listingId === null || basis === null) return 'is about nothing';
    const key = keyOf(listingId, row.day);
    const bill = tale.bills.get(key);
    this.#stage.count(`money: ${kind}${resolves === null ? '' : ' of a hold'}`);
    if (resolves !== null) {
      const hold = this.#known.get(resolves);
      if (bill?.id !== resolves || bill.state !== 'held') return `ends ${resolves}, which is ${bill?.state}`;
      if (hold?.from !== row.from || hold.to !== row.to || hold.kopecks !== row.kopecks) return 'is not its hold';
      const isPast = row.day < day || tale.billed >= this.#chargeMoment(tale, row.day);
      if (kind === 'charge' && !isPast) return 'comes before the charge hour';
      if (kind === 'charge' && !before.has(listingId) && isOnly) return 'was not shown up to now';
      if (kind === 'release' && isPast) return 'gives back what was shown at the charge hour';
      if (kind === 'release' && ids.has(listingId) && isOnly) return 'gives back what is shown';
      bill.state = kind === 'charge' ? 'charged' : 'released';
      return null;
    }
    if (kind !== 'hold' && kind !== 'charge') return 'comes out of nowhere';
    if (isStanding(bill)) return `comes on top of ${bill!.id}, which is ${bill!.state}`;
    const tries = (bill?.tries ?? 0) + 1;
    const isPlacement = basis === 'placement' || basis === 'excess-placement';
    const name = isPlacement
      ? `placement:${tale.cabinet.id}:${listingId}:${row.day}`
      : `day:${tale.cabinet.id}:${listingId}:${row.day}:${tries}`;
    if (id !== name) return `should be called ${name}`;
    if (isPlacement !== this.#sellsPlacements(tale)) return 'is not what the cabinet sells';
    if (row.day > day) return `is for a day that has not come, today is ${day}`;
    const isDebt = row.day < day || !ids.has(listingId);
    if (isDebt && isOnly && !before.has(listingId)) return 'is for what was not shown';
    const isCharge = isPlacement || row.day < day || tale.billed >= this.#chargeMoment(tale, row.day);
    if (isCharge !== (kind === 'charge')) return isCharge ? 'is held after the charge hour' : 'is charged too early';
    const tariff = tariffOn(tale.tariffs, row.day);
    const lines = basis.startsWith('excess') ? tariff?.excess : tariff?.lines;
    if (!lines) return 'has no price';
    const listing = world.listings.get(listingId)!;
    const price = priceBy(lines, valuesOf(listing));
    if (price !== row.kopecks) return `should cost ${price}`;
    const payer = this.#payerOf(listing);
    if (payer?.id !== row.from) return `should be paid by ${payer?.id}`;
    const pack = tale.cabinet.package;
    if (basis === 'excess-day' && isOnly && run.unfunded.length === 0) {
      if (pack?.kind !== 'concurrent' || ids.size <= pack.places) return 'exceeds a package that has room';
    }
    tale.bills.set(key, {
      id,
      day: row.day,
      listingId,
      tries,
      state: kind === 'hold' ? 'held' : 'charged',
      isRefunded: bill?.isRefunded ?? false,
    });
    return null;
  }

  /** A day that was shown and not charged is forgiven only when nobody could pay it. */
  async #judgeWaivers(run: Run): Promise<void> {
    const { tale, before, isOnly } = run;
    const found = await this.#stage.db.pool.query<{ listingId: number; day: string; kopecks: number }>(
      'select listing_id as "listingId", day, kopecks from waiver where cabinet_id = $1',
      [tale.cabinet.id],
    );
    for (const { listingId, day, kopecks } of found.rows) {
      const key = keyOf(listingId, day);
      if (tale.waived.has(key)) continue;
      tale.waived.add(key);
      this.#stage.count('money: waived');
      const listing = this.#stage.world.listings.get(listingId)!;
      const fail = (what: string) => this.#stage.fail(`${this.#where(run)}: ${listingId} was forgiven ${day}, ${what}`);
      if (isOnly && !before.has(listingId)) fail('it was not shown');
      if (isStanding(tale.bills.get(key))) fail('it is paid');
      if (!this.#prices(tale, listing, day).includes(kopecks)) fail(`it does not cost ${kopecks}`);
      const payer = this.#payerOf(listing);
      // Of today: together with everybody before it, for it goes out no more than they do.
      const wanted = day === run.day && payer ? this.#wanted(tale, run.unfunded, payer, day) : kopecks;
      if (payer && this.#left(payer, day) >= wanted) fail(`account ${payer.id} has the money`);
    }
  }

  /** What they who come short want from an account together. */
  #wanted(tale: Tale, unfunded: readonly number[], account: Account, day: string): number {
    const listings = unfunded.map((id) => this.#stage.world.listings.get(id)!);
    return listings
      .filter((listing) => this.#payerOf(listing) === account)
      .reduce((sum, listing) => sum + Math.max(...this.#prices(tale, listing, day)), 0);
  }

  /** Whatever is in the file is paid for, and for nothing else is anything held. */
  #judgeStanding(run: Run): void {
    const { tale, day, ids } = run;
    const { world } = this.#stage;
    const isCharging = tale.billed >= this.#chargeMoment(tale, day);
    for (const id of ids) {
      if (isStanding(tale.bills.get(keyOf(id, day)))) continue;
      if (!this.#prices(tale, world.listings.get(id)!, day).includes(0))
        this.#stage.fail(`${this.#where(run)}: ${id} is in the file and nobody pays for ${day}`);
    }
    for (const id of run.unfunded)
      if (isStanding(tale.bills.get(keyOf(id, day))))
        this.#stage.fail(`${this.#where(run)}: ${id} has paid for ${day} and is stopped for money`);
    for (const bill of tale.bills.values()) {
      if (bill.state !== 'held') continue;
      if (bill.day < day || isCharging) this.#stage.fail(`${this.#where(run)}: ${bill.id} is still held on ${day}`);
      if (!ids.has(bill.listingId)) this.#stage.fail(`${this.#where(run)}: ${bill.id} is held and not in the file`);
    }
  }

  /** A placement is charged when it begins, and not again while it lasts. */
  #judgePlacements({ tale, day, ids, isOnly, heldByBrake }: Run, rows: readonly Transfer[]): void {
    const { cabinet, placements } = tale;
    const { world, now } = this.#stage;
    if (cabinet.package?.kind !== 'placements') return;
    const today = this.#dayOf(tale, now);
    const begun = new Set(rows.flatMap(({ listingId }) => listingId ?? []));
    const where = this.#where({ tale });
    const until = addDays(today, cabinet.package.termDays - 1);
    for (const id of new Set([...ids, ...begun])) {
      const isRunning = (placements.get(id) ?? '') >= today;
      if (begun.has(id) && isRunning) this.#stage.fail(`${where}: the placement of ${id} runs and is charged again`);
      if (begun.has(id) && heldByBrake.has(id)) this.#stage.fail(`${where}: ${id} is held back and charged`);
      if (begun.has(id) && !ids.has(id) && isOnly) this.#stage.fail(`${where}: ${id} is charged and not in the file`);
      if (isRunning || heldByBrake.has(id)) continue;
      if (!begun.has(id) && !this.#prices(tale, world.listings.get(id)!, day).includes(0))
        this.#stage.fail(`${where}: ${id} has got a placement that nobody pays`);
      placements.set(id, until);
    }
  }

  /** Who stands behind somebody that comes short is not paid for in his stead. */
  #judgeOrder(run: Run, rows: readonly Transfer[]): void {
    const { tale, day, ids, unfunded, before } = run;
    for (const { listingId, from, day: of, resolves, kind } of rows) {
      if (listingId === null || resolves !== null || of !== day || !ids.has(listingId)) continue;
      // What was shown at the charge moment is owed, whoever waits.
      if (kind === 'charge' && before.has(listingId)) continue;
      for (const id of unfunded) {
        if (this.#payerOf(this.#stage.world.listings.get(id)!)?.id !== from) continue;
        if (this.#isBefore(tale, id, listingId))
          this.#stage.fail(`${this.#where(run)}: ${listingId} was paid for, and ${id} before it was not`);
      }
    }
  }

  #isBefore({ cabinet, waiting }: Tale, one: number, other: number): boolean {
    const rank = ({ isPinned, markedAt, listingId }: ModelMark) => [
      isPinned ? 0 : 1,
      waiting.get(listingId) ?? Number.MAX_SAFE_INTEGER,
      markedAt,
      listingId,
    ];
    const [mine, theirs] = [one, other].map((id) => rank(cabinet.marks.get(id)!));
    const at = mine!.findIndex((part, index) => part !== theirs![index]);
    return at >= 0 && mine![at]! < theirs![at]!;
  }

  #judgeLimits(rows: readonly Transfer[]): void {
    for (const { id, from, day, kind, resolves } of rows) {
      const account = this.#accounts.get(from);
      if (!account || resolves !== null || (kind !== 'hold' && kind !== 'charge')) continue;
      const over = (limit: number | null, period: string) =>
        limit !== null && (this.#spent.get(`${from} ${period}`) ?? 0) > limit;
      if (over(account.dayLimit, day) || over(account.monthLimit, day.slice(0, 7)))
        this.#stage.fail(`${id} is over the limit of account ${from}`);
    }
  }

  /** Days that are over and settled: charged is what was shown at the charge moment or after it, and nothing else. */
  #close(tale: Tale, today: string): void {
    const { cabinet, looks, tariffs, bills, waived } = tale;
    const first = this.#dayOf(tale, looks[0]!.at);
    for (let day = tale.closed === null ? first : addDays(tale.closed, 1); day < today; day = addDays(day, 1)) {
      tale.closed = day;
      if (this.#sellsPlacements(tale) || this.#stage.tainted.has(day)) continue;
      const start = startOf(day, cabinet.zone);
      const end = start + DAY;
      // The charge hour may have been changed before the day was settled.
      const hours = tale.chargeAt.filter((_, at) => (tale.chargeAt[at + 1]?.at ?? Number.POSITIVE_INFINITY) >= start);
      const moments = hours.map(({ minute }) => start + minute * 60_000);
      const must = new Set<number>();
      const may = new Set<number>();
      const free = new Set<number>();
      for (let at = looks.length - 1; at >= 0; at--) {
        const { at: from, ids, passing, free: freeThen } = looks[at]!;
        const until = looks[at + 1]?.at ?? Number.POSITIVE_INFINITY;
        if (until < start) break;
        for (const id of freeThen) free.add(id);
        if (from >= end) continue;
        if (until > Math.max(...moments)) for (const id of ids) must.add(id);
        if (until >= Math.min(...moments)) for (const id of ids) may.add(id);
        if (from >= Math.min(...moments)) for (const id of passing) may.add(id);
      }
      const isPaid = tariffOn(tariffs, day) !== undefined;
      const where = `${this.#where({ tale })}, ${day}`;
      for (const id of cabinet.marks.keys()) {
        const key = keyOf(id, day);
        const bill = bills.get(key);
        const isSettled = bill?.state === 'charged' || bill?.isRefunded || waived.has(key);
        if (isPaid && must.has(id) && !free.has(id) && !isSettled)
          this.#stage.fail(`${where}: ${id} was in the file at the charge hour and is not charged`);
        if ((bill?.state === 'charged' || waived.has(key)) && !(isPaid && may.has(id)))
          this.#stage.fail(`${where}: ${id} was not in the file at the charge hour and is charged`);
        if (bill?.state === 'held') this.#stage.fail(`${where}: ${bill.id} is still held`);
        if (must.has(id)) this.#stage.count('money: days that must be charged');
      }
    }
  }

  /** Nobody is stopped while his account has the money for him and for everybody before him. */
  judgeUnfunded(cabinetId: number, unfunded: readonly number[]): void {
    const tale = this.#tales.get(cabinetId)!;
    const day = this.#dayOf(tale, Math.max(tale.billed, this.#stage.now));
    const listing = (id: number) => this.#stage.world.listings.get(id)!;
    const accounts = new Set(unfunded.map((id) => this.#payerOf(listing(id))));
    for (const account of accounts) {
      if (!account) continue;
      const [first] = unfunded
        .filter((id) => this.#payerOf(listing(id)) === account)
        .sort((one, other) => (this.#isBefore(tale, one, other) ? -1 : 1));
      // Where there is a package, places are given out in another order.
      const asked = tale.cabinet.package === null ? [first!] : unfunded;
      const wanted = this.#wanted(tale, asked, account, day);
      const left = this.#left(account, day);
      this.#stage.count('money: unfunded');
      if (wanted <= left)
        this.#stage.fail(
          `${this.#where({ tale })}: ${first} is stopped, it costs ${wanted}, account ${account.id} has ${left}`,
        );
    }
  }

  /** At any moment: every sum is that of its transfers, they cancel out, and nobody is below his limit. */
  async check(): Promise<void> {
    const { db, agencyId } = this.#stage;
    await this.#look();
    if (this.#new.length > 0) this.#stage.fail(`nobody has done this: ${JSON.stringify(this.#new.slice(0, 3))}`);
    const found = await db.pool.query<{ id: number; balance: number; held: number; overdraft: number }>(
      `select id, balance_kopecks as balance, held_kopecks as held, overdraft_kopecks as overdraft from account where agency_id = $1`,
      [agencyId],
    );
    const total = { balance: 0, held: 0 };
    for (const { id, balance, held, overdraft } of found.rows) {
      const sum = this.#sum(id);
      if (sum.balance !== balance || sum.held !== held)
        this.#stage.fail(`account ${id} has ${balance} and ${held} held, by its transfers ${JSON.stringify(sum)}`);
      total.balance += balance;
      total.held += held;
      const own = this.#accounts.get(id);
      if (own && (own.overdraft !== overdraft || balance - held + overdraft < 0 || held < 0))
        this.#stage.fail(`account ${id} has ${balance}, ${held} held, ${overdraft} at most below`);
    }
    if (total.balance !== 0 || total.held !== 0)
      this.#stage.fail(`all accounts together have ${JSON.stringify(total)}`);
  }

  /** The product's own proof agrees. */
  async verify(): Promise<void> {
    const { checked, findings } = await verifyMoney(this.#stage.db, this.#stage.agencyId);
    if (findings.length > 0) this.#stage.fail(`verify: ${JSON.stringify(findings.slice(0, 5), null, 1)}`);
    this.#stage.count(`verified ${checked.transfers} transfers, ${checked.owedDays} days`);
  }
}

interface Run {
  readonly tale: Tale;
  /** The local day that is billed. */
  readonly day: string;
  readonly ids: ReadonlySet<number>;
  readonly before: ReadonlySet<number>;
  readonly isOnly: boolean;
  readonly unfunded: readonly number[];
  readonly heldByBrake: ReadonlySet<number>;
}

/** The sum that a reason names as missing, and of what; undefined: nobody pays at all. */
export function missingIn(
  reason: string,
): { readonly how: 'balance' | 'day-limit' | 'month-limit'; readonly kopecks: number } | undefined {
  const found = /^(На счёте|В дневном лимите|В месячном лимите).* не хватает ([\d\s]+)(?:,(\d\d))?\s₽/.exec(reason);
  if (!found) return undefined;
  const how = ({ 'На счёте': 'balance', 'В дневном лимите': 'day-limit' } as const)[found[1]!] ?? 'month-limit';
  return { how, kopecks: Number(found[2]!.replace(/\s/g, '')) * 100 + Number(found[3] ?? 0) };
}
