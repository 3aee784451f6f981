import {
  BRANCHES,
  CIAN_PLACES,
  type DemoEntry,
  HISTORY_DAYS,
  importDays,
  LAST_PAYMENTS,
  MONTHLY,
  OWN_ACCOUNTS,
  PAYMENTS,
  type PastPayment,
  PLAYED,
  type PlayedBoard,
  pastListings,
  TARIFFS,
  toldOn,
  WEEK,
} from '../../fixtures/agency.ts';
import type { Board } from '../boards/catalogue.ts';
import { paidLevels } from '../boards/promotion.ts';
import { canonicalJson } from '../domain/corrections.ts';
import { addDays, localDay, momentOf } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { earliest } from '../domain/gates.ts';
import type { OwnKind } from '../domain/ledger.ts';
import type { Listing } from '../domain/listing.ts';
import type { CabinetSettings } from '../domain/settings.ts';
import { type PublishOptions, publishDue } from '../export/publish.ts';
import { findEmployees, listBranches, listEmployees } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { importListings } from '../store/intake.ts';
import {
  changeAccount,
  correct,
  listAccounts,
  listTransfers,
  move,
  openAccount,
  refund,
  topUp,
} from '../store/ledger.ts';
import { confirm, setStatus } from '../store/market.ts';
import { eachListing, findListings, markListings, unmarkListings } from '../store/marks.ts';
import { topUpMonthly } from '../store/monthly.ts';
import { addPause } from '../store/pauses.ts';
import { orderPromotion } from '../store/promotions.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { savePackage } from '../store/rotation.ts';
import { dueCabinets, listRuns, nextDue } from '../store/runs.ts';
import { agencyFrame, cabinetSettings, changeCabinetSettings } from '../store/settings.ts';
import { addTariff } from '../store/tariffs.ts';

/**
 * The months before today, played: a clock goes forward, people act by the functions their commands use, and whatever
 * is due is run at the moment it is due. Every row of the history comes from that.
 */

type HistoryOptions = Omit<PublishOptions, 'clock' | 'onProgress'>;

/** A clock that goes forward only, and runs on its way what the clockwork would. */
export class PlayedClock {
  #now: Date;
  /** When there may be a monthly top-up to make. */
  #monthlyAt: Date | null;
  readonly #options: HistoryOptions;
  readonly #agencyId: number;

  constructor(options: HistoryOptions, agencyId: number, from: Date) {
    this.#options = options;
    this.#agencyId = agencyId;
    this.#now = from;
    this.#monthlyAt = from;
  }

  get now(): Date {
    return this.#now;
  }

  /**
   * Plays until a moment; one that has passed already is where it stands. What is due at the moment itself is left for
   * the next step, so that one run does for it and for what people do then.
   */
  async goTo(until: Date): Promise<void> {
    const { db } = this.#options;
    while (this.#now < until) {
      if (this.#monthlyAt !== null && this.#monthlyAt <= this.#now) {
        this.#monthlyAt = (await topUpMonthly(db, this.#agencyId, this.#now)).nextAt;
      }
      if (await this.#runDue()) continue;
      const next = earliest(await nextDue(db, this.#now), this.#monthlyAt);
      this.#now = next !== null && next < until ? next : until;
    }
  }

  /** Somebody has changed a schedule of top-ups. */
  lookAtSchedules(): void {
    this.#monthlyAt = this.#now;
  }

  async #runDue(): Promise<boolean> {
    const { db } = this.#options;
    const due = await dueCabinets(db, this.#now);
    if (due.length === 0) return false;
    const cabinets = await listCabinets(db, { agencyId: this.#agencyId });
    for (const { id } of due) {
      const cabinet = cabinets.find((row) => row.id === id);
      if (cabinet) await publishDue(cabinet, { ...this.#options, clock: () => this.#look() });
    }
    return true;
  }

  /** A run looks at the clock when it begins and when it commits, and takes its time in between. */
  #look(): Date {
    const at = this.#now;
    this.#now = new Date(at.getTime() + 500);
    return at;
  }
}

/** One import of a branch's source, as the importer does it: staged, then merged at once. */
export async function importSource(
  db: Database,
  agencyId: number,
  branch: string,
  listings: readonly Listing[],
  at: Date,
): Promise<void> {
  const employees = await listEmployees(db, agencyId);
  const byPhone = new Map(employees.flatMap((person) => person.phones.map((phone) => [phone, person.id] as const)));
  const byEmail = new Map(employees.map((person) => [person.email, person.id] as const));
  const offers = listings.map((listing) => {
    const phone = listing.contactPhones?.[0];
    const employeeId =
      (phone === undefined ? undefined : byPhone.get(phone)) ?? byEmail.get(listing.contactEmail ?? '') ?? null;
    return { values: JSON.parse(canonicalJson(listing)) as Listing, employeeId };
  });
  await importListings(db, { agencyId, branch, source: `CRM, ${branch}` }, offers, at);
}

/** Who does what, and on which boards. */
interface World {
  readonly db: Database;
  readonly agencyId: number;
  readonly boards: readonly Board[];
  on(board: string): CabinetRow;
  account(name: string): Promise<number>;
  ids(externalIds: readonly string[]): Promise<number[]>;
  readonly manager: { readonly name: string; readonly role: 'manager' };
  readonly admin: { readonly name: string; readonly role: 'admin' };
  readonly specialist: { readonly name: string; readonly role: 'adSpecialist' };
}

async function worldOf({ db, boards }: HistoryOptions, agencyId: number): Promise<World> {
  const cabinets = await listCabinets(db, { agencyId });
  const branches = new Map((await listBranches(db.pool, agencyId)).map(({ id, name }) => [name, id]));
  const nameOf = async (email: string) => (await findEmployees(db, agencyId, email))[0]!.name;
  const known = new Map<string, number>();
  return {
    db,
    agencyId,
    boards,
    on: (board) => cabinets.find((cabinet) => cabinet.board === board)!,
    async account(name) {
      const branchId = branches.get(name);
      const [kind, ownerId]: [OwnKind, number | null] =
        name === 'agency'
          ? ['agency', null]
          : branchId !== undefined
            ? ['branch', branchId]
            : ['employee', (await findEmployees(db, agencyId, name))[0]!.id];
      return (await listAccounts(db.pool, agencyId)).find((one) => one.kind === kind && one.ownerId === ownerId)!.id;
    },
    async ids(externalIds) {
      const found: number[] = [];
      for (const externalId of externalIds) {
        const id = known.get(externalId) ?? (await findListings(db, agencyId, externalId))[0]?.id;
        if (id === undefined) throw new Error(`broken invariant: listing ${externalId} was imported and is not there`);
        known.set(externalId, id);
        found.push(id);
      }
      return found;
    },
    manager: { name: await nameOf('sokolova@example.ru'), role: 'manager' },
    admin: { name: await nameOf('lopatina@example.ru'), role: 'admin' },
    specialist: { name: await nameOf('asadov@example.ru'), role: 'adSpecialist' },
  };
}

/** Days of the history by the agency's calendar. */
interface Days {
  date(day: number): string;
  /** @param time `HH:MM` */
  moment(day: number, time: string): Date;
}

interface Deed {
  readonly at: Date;
  readonly day: number;
  do(at: Date): Promise<unknown>;
}

/**
 * Plays the history up to a moment. Broken off, it goes on where it stood: what people did before the last run is done,
 * and what came after it may be done again.
 * @param entries of the demo @param now the present; the history ends before it, and its first day is told by it
 * @param until how far to play
 * @param onDay told the number of the day that is played, the first is 1
 */
export async function playHistory(
  options: HistoryOptions,
  agencyId: number,
  entries: readonly DemoEntry[],
  photoBase: string,
  { now, until, onDay }: { readonly now: Date; readonly until: Date; onDay(day: number): void },
): Promise<PlayedClock> {
  const { db } = options;
  const { timeZone } = await agencyFrame(db, agencyId);
  const begun = await firstSeenAt(db, agencyId);
  const firstDay = begun === null ? addDays(localDay(now, timeZone), -HISTORY_DAYS) : localDay(begun, timeZone);
  const [last] = await listRuns(db, agencyId, { limit: 1 });
  const from = last === undefined ? momentOf(firstDay, 0, timeZone) : (last.finishedAt ?? last.startedAt);
  const clock = new PlayedClock(options, agencyId, from);
  const world = await worldOf(options, agencyId);
  const deeds = plan(world, clock, entries, photoBase, {
    date: (day) => addDays(firstDay, day),
    moment: (day, time) =>
      momentOf(addDays(firstDay, day), Number(time.slice(0, 2)) * 60 + Number(time.slice(3)), timeZone),
  });
  for (const deed of deeds) {
    if (deed.at > until) break;
    // People act before the clockwork does at that moment.
    if (last !== undefined && deed.at <= last.startedAt) continue;
    await clock.goTo(deed.at);
    onDay(deed.day + 1);
    await deed.do(clock.now).catch((error: unknown) => {
      // Done already, by a start that was broken off.
      if (!(error instanceof Refusal && REPEATED.has(error.code))) throw error;
    });
  }
  await clock.goTo(until);
  return clock;
}

const REPEATED = new Set(['already-refunded', 'promotion-overlaps']);

/** When the base began to fill; null: it is empty. */
async function firstSeenAt(db: Database, agencyId: number): Promise<Date | null> {
  for await (const [row] of eachListing(db, agencyId, 1)) return row!.firstSeenAt;
  return null;
}

/** Everything that people do in the history, in the order of time. */
function plan(
  world: World,
  clock: PlayedClock,
  entries: readonly DemoEntry[],
  photoBase: string,
  { date, moment }: Days,
): Deed[] {
  const { db, agencyId, manager, admin, specialist } = world;
  const past = pastListings(entries, { photoBase });
  const boards = Object.keys(PLAYED) as PlayedBoard[];
  const deeds: Deed[] = [];
  const add = (day: number, time: string, work: Deed['do']) => deeds.push({ at: moment(day, time), day, do: work });
  /** Listings that are for sale from the first day to this one. */
  const steady = past.filter(({ appearsOn, soldOn }) => appearsOn === 0 && soldOn === null);
  const one = async (index: number) => (await world.ids([steady[index]!.externalId]))[0]!;

  add(0, '09:00', (at) => openAccounts(world, clock, at));
  const loaded = new Map(BRANCHES.map((branch) => [branch, new Set(importDays(branch, past))]));
  for (let day = 0; day < HISTORY_DAYS; day++) {
    const sources = BRANCHES.filter((branch) => loaded.get(branch)!.has(day));
    if (sources.length > 0) {
      add(day, '10:30', async (at) => {
        for (const branch of sources) {
          await importSource(db, agencyId, branch, toldOn(day, branch, entries, past), at);
        }
      });
    }
    const fresh = past.filter(({ appearsOn }) => appearsOn === day).map(({ externalId }) => externalId);
    if (fresh.length > 0) {
      add(day, '11:00', async (at) => {
        for (const board of boards) {
          const ids = await world.ids(fresh);
          await markListings(db, agencyId, world.on(board).id, ids, at, { by: specialist.name });
        }
      });
    }
    const sold = past.filter(({ soldOn }) => soldOn === day).map(({ externalId }) => externalId);
    if (sold.length > 0) {
      add(day, '16:20', async (at) => {
        for (const id of await world.ids(sold)) {
          await setStatus(db, agencyId, id, { status: 'sold' }, manager, at);
          for (const board of boards) await unmarkListings(db, agencyId, world.on(board).id, [id], at, manager.name);
        }
      });
    }
    // Adverts of sales stay fresh for thirty days.
    if (day > 0 && day % (3 * WEEK) === 0) {
      const known = past.filter(({ appearsOn, soldOn }) => appearsOn < day && (soldOn === null || soldOn > day));
      add(day, '17:00', async (at) => {
        const ids = await world.ids(known.map(({ externalId }) => externalId));
        await confirm(db, agencyId, ids, { name: 'агенты', role: 'agent' }, at);
      });
    }
  }
  // From then on edits go out once a day, when the board takes its money; withdrawals never wait.
  add(0, '18:00', async (at) => {
    for (const board of boards) await set(world, board, { slots: [PLAYED[board].chargeAt] }, at);
  });
  PAYMENTS.forEach((payment, index) => {
    add(payment.day, payment.day === 0 ? '09:10' : '12:40', (at) => pay(world, payment, `demo-${index}`, at));
  });
  TARIFFS.forEach(({ board, validFrom, terms }) => {
    // Known a week ahead, as an agency's price list is.
    const day = Math.max(0, validFrom - WEEK);
    const from = date(validFrom);
    add(day, '12:30', (at) => addTariff(db, world.on(board), { validFrom: from, terms }, admin.name, at));
  });
  add(PLAYED.cian.paidFrom, '11:00', (at) =>
    savePackage(db, world.on('cian'), { kind: 'concurrent', places: CIAN_PLACES.past }, 7, specialist.name, at),
  );

  const pause = async (index: number, board: PlayedBoard | null, until: Date, reason: string, at: Date) => {
    const cabinetId = board === null ? null : world.on(board).id;
    await addPause(db, agencyId, { listingId: await one(index), cabinetId, from: at, until, reason }, manager.name, at);
  };
  add(44, '13:00', (at) => pause(5, null, moment(47, '00:00'), 'собственник в отъезде, показать некому', at));
  // Withdrawn before the hour at which Avito takes its money, and back the same day, or the next.
  add(120, '08:40', (at) => pause(6, 'avito', moment(120, '15:00'), 'переснимаем фотографии', at));
  add(131, '09:05', (at) => pause(7, 'avito', moment(132, '10:00'), 'меняют входную дверь', at));
  add(121, '09:10', async (at) => unmarkListings(db, agencyId, world.on('avito').id, [await one(9)], at, manager.name));
  add(122, '13:00', async (at) => {
    await markListings(db, agencyId, world.on('avito').id, [await one(9)], at, { by: manager.name });
  });
  add(66, '15:10', async (at) => {
    const reserved = { status: 'reserved', reservedUntil: date(68) } as const;
    await setStatus(db, agencyId, await one(10), reserved, manager, at);
  });
  add(70, '09:30', async (at) => setStatus(db, agencyId, await one(10), { status: 'active' }, manager, at));

  const giveBack = async (board: PlayedBoard, index: number, day: number, reason: string, at: Date) => {
    const about = { cabinetId: world.on(board).id, listingId: await one(index), from: date(day), until: date(day) };
    const charge = (await listTransfers(db.pool, agencyId, about)).find(({ kind }) => kind === 'charge')!;
    await refund(db, agencyId, charge.id, reason, admin, at);
  };
  add(42, '12:10', (at) => giveBack('yandex', 5, 40, 'доска показала объявление без фотографий', at));
  add(126, '12:10', (at) => giveBack('avito', 6, 125, 'доска на день скрыла объявление по ошибке', at));
  add(56, '12:10', async (at) => {
    const wrong = { from: null, to: 'Левый берег', kopecks: 500_000, reason: 'счёт 131' };
    await pay(world, wrong, 'demo-wrong', at);
  });
  add(63, '12:10', async (at) => {
    const command = { key: 'demo-wrong', kopecks: 500_000, reason: 'счёт 131 — другого агентства', by: admin };
    await correct(db, agencyId, await world.account('Левый берег'), 'from', command, at);
  });
  for (const [day, level, index] of [
    [119, 'x2_7', 5],
    [126, 'XL', 6],
    [133, 'x2_7', 8],
    [147, 'x2_7', 12],
  ] as const) {
    add(day, '12:20', async (at) => {
      const cabinet = world.on('avito');
      const levels = paidLevels(world.boards.find(({ id }) => id === cabinet.board)!, cabinet.family);
      await orderPromotion(db, cabinet, levels, { listingId: await one(index), level, by: specialist.name }, at);
    });
  }
  return deeds.sort((a, b) => a.at.getTime() - b.at.getTime());
}

async function openAccounts(world: World, clock: PlayedClock, at: Date): Promise<void> {
  const { db, agencyId, admin } = world;
  for (const [board, { chargeAt }] of Object.entries(PLAYED)) await set(world, board, { chargeAt }, at);
  await openAccount(db, agencyId, { kind: 'agency', ownerId: null }, admin, at);
  for (const { id } of await listBranches(db.pool, agencyId)) {
    await openAccount(db, agencyId, { kind: 'branch', ownerId: id }, admin, at);
  }
  for (const email of OWN_ACCOUNTS) {
    const [person] = await findEmployees(db, agencyId, email);
    await openAccount(db, agencyId, { kind: 'employee', ownerId: person!.id }, admin, at);
  }
  const agency = await world.account('agency');
  const schedule = async (name: string, kopecks: number, fromId: number | null) => {
    await changeAccount(db, agencyId, await world.account(name), { monthly: { kopecks, on: 1, fromId } }, admin, at);
  };
  await schedule('agency', MONTHLY.agency, null);
  for (const branch of BRANCHES) await schedule(branch, MONTHLY.branch, agency);
  for (const [email, kopecks] of Object.entries(MONTHLY.employees)) await schedule(email, kopecks, agency);
  const careful = { monthLimitKopecks: 1_500_000, overdraftKopecks: 30_000 };
  await changeAccount(db, agencyId, await world.account('lopatina@example.ru'), careful, admin, at);
  clock.lookAtSchedules();
}

/** One setting of a cabinet, as `settings set` changes it. */
async function set(
  { db, agencyId, on, admin }: World,
  board: string,
  change: Partial<Pick<CabinetSettings, 'chargeAt' | 'slots'>>,
  at: Date,
): Promise<void> {
  const [[path, after]] = Object.entries(change) as [[keyof CabinetSettings, unknown]];
  const { settings } = await cabinetSettings(db, agencyId, on(board).id);
  const deed = { by: admin.name, action: 'settings-set', facts: { path, before: settings[path], after } } as const;
  await changeCabinetSettings(db, agencyId, on(board).id, (own) => ({ ...own, ...change }), deed, at);
}

async function pay(world: World, payment: Omit<PastPayment, 'day'>, key: string, at: Date): Promise<void> {
  const { db, agencyId, manager: by } = world;
  const { kopecks, reason } = payment;
  const toId = await world.account(payment.to);
  const command = { key, kopecks, reason, by };
  if (payment.from === null) await topUp(db, agencyId, toId, command, at);
  else await move(db, agencyId, await world.account(payment.from), toId, command, at);
}

/** What is decided and paid for before all listings are marked. */
export async function prepareForAll(options: HistoryOptions, agencyId: number, at: Date): Promise<void> {
  const world = await worldOf(options, agencyId);
  const { db, specialist } = world;
  for (const board of Object.keys(PLAYED)) await set(world, board, { slots: null }, at);
  for (const [index, payment] of LAST_PAYMENTS.entries()) await pay(world, payment, `demo-last-${index}`, at);
  const places = { kind: 'concurrent', places: CIAN_PLACES.today } as const;
  await savePackage(db, world.on('cian'), places, 7, specialist.name, at);
}
