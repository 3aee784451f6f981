/**
 * A simulated year of one agency with branches from Kaliningrad to Kamchatka, played from a seed: people act, sources
 * change and break, clocks jump forward and back, programs die and start again. After every run the bytes that boards
 * would get are held against a small model of the law (month-model.ts), never against the product's own plan; and the
 * money that moved is held against the same bytes (month-money.ts).
 *
 * `SEED=7 ROUNDS=120 npx vitest run test/month.test.ts` plays one seed; a failure prints it with the last acts.
 * `MONTH_TELLS=1` tells what was played and seen, `MONTH_TRACE=1` every act as it is done.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { describe, it } from 'vitest';
import { listingAt } from '../fixtures/agency.ts';
import { Dice } from '../fixtures/dice.ts';
import { type Board, loadBoards } from '../src/boards/catalogue.ts';
import { inspectEdition } from '../src/boards/formats/inspect.ts';
import { parseElement } from '../src/boards/formats/xml.ts';
import { normFrom } from '../src/boards/norms.ts';
import { Fault, Refusal } from '../src/domain/fault.ts';
import type { Outcome } from '../src/domain/gates.ts';
import type { Listing } from '../src/domain/listing.ts';
import type { AgencySettings, CabinetSettings } from '../src/domain/settings.ts';
import { editionFolder, editionPath } from '../src/export/edition.ts';
import { judgeAlone } from '../src/export/judge.ts';
import { deskOf } from '../src/export/offer.ts';
import { publishCabinet, publishDue } from '../src/export/publish.ts';
import {
  addEmployee,
  changeEmployee,
  ensureBranch,
  ensureCabinet,
  ensureDepartment,
  resolveAgency,
} from '../src/store/agencies.ts';
import { type Database, openDatabase } from '../src/store/database.ts';
import { readDay, recordDays } from '../src/store/days.ts';
import { addException, revokeException } from '../src/store/exceptions.ts';
import { hashOf } from '../src/store/hash.ts';
import { endImport, importListings, mergeImport, stageOffers, startImport } from '../src/store/intake.ts';
import { allow, confirm, forbid, recordCall, setStage, setStatus } from '../src/store/market.ts';
import { applyMarkingRules, saveMarkingRule } from '../src/store/marking.ts';
import { findListings, markListings, saveCorrections, setTerm, unmarkListings } from '../src/store/marks.ts';
import { giveVerdict, switchOn, undoVerdict } from '../src/store/moderation.ts';
import { removeNorm, saveNorm } from '../src/store/norms.ts';
import { addPause, endPause } from '../src/store/pauses.ts';
import { addPhoneLine, removePhoneLine } from '../src/store/phones.ts';
import { type CabinetRow, currentEdition, listCabinets, releaseBrake } from '../src/store/publishing.ts';
import { remind } from '../src/store/reminders.ts';
import { savePackage, setPinned } from '../src/store/rotation.ts';
import { claimRun, dueCabinets, nextDue } from '../src/store/runs.ts';
import { changeAgencySettings, changeCabinetSettings, changeCalendar } from '../src/store/settings.ts';
import {
  addDays,
  type Chosen,
  type Claim,
  chosen,
  contentOf,
  DAY,
  duplicatesOf,
  flatOf,
  HOUR,
  judge,
  type ModelCabinet,
  type ModelCalendar,
  type ModelLine,
  type ModelListing,
  type ModelMark,
  type ModelPackage,
  periodStart,
  startOf,
  valuesOf,
  type World,
  wall,
  type Zone,
} from './month-model.ts';
import { Money, missingIn } from './month-money.ts';
import { testDatabase } from './store/testdb.ts';

const boards = loadBoards();
const boardOf = (id: string): Board => boards.find((board) => board.id === id)!;

/** An offer as the board reads it. */
interface Served {
  readonly offerId: string;
  readonly values: Partial<Listing>;
}

/** What the play remembers of a cabinet besides the model. */
interface Watch {
  readonly row: CabinetRow;
  readonly model: ModelCabinet;
  /** What its file said after the last look, by our listing number. */
  served: Map<number, Served>;
  sha256: string | null;
  lastRunAt: number;
  /** An edit has been made that may wait until then. */
  editUntil: number | null;
  /** Its last run failed; it is tried again after a pause. */
  failedAt: number | null;
  /** Settings, norms, calendars or packages were changed: since the last run, and before it. */
  isTouched: boolean;
  wasTouched: boolean;
  /** Its package was another one once, so more may be used up than there is. */
  isRepacked: boolean;
  /** Somebody has agreed to a loss and no run has used that up. */
  isReleased: boolean;
  /** Placements that were used up, as seen in the files: by listing. */
  placements: { listingId: number; from: string; until: string }[];
  /** What was served from when on, for the daily record; and what another edition of the very moment had before it. */
  spans: { from: number; ids: Set<number>; passing: Set<number> }[];
  recorded: Map<string, string>;
  /** Who had a place at the last look, on which local day of the cabinet it was given. */
  placedOn: Map<number, string>;
  placedLook: { day: string; package: string } | null;
}

class Play {
  readonly seed: number;
  readonly dice: Dice;
  readonly acts: string[] = [];
  now: number;
  db!: Database;
  url!: string;
  dataDir!: string;
  agencyId!: number;
  world!: World;
  watches: Watch[] = [];
  /** What must have left a feed as soon as the due runs are done. */
  mustLeave: { cabinetId: number; listingId: number; why: string }[] = [];
  /** What the brake must keep until somebody agrees. */
  mustStay: { watch: Watch; listingId: number; since: number }[] = [];
  /** Days on which a clock was set back: their record tells of both. */
  tainted = new Set<string>();
  version = 0;
  readonly money = new Money(this);
  /** Who came short of money, as the last check found it: `cabinet listing`. */
  readonly unfunded = new Set<string>();
  readonly counts: Record<string, number> = {};
  readonly outcomesSeen: Record<string, number> = {};
  readonly #refused = new Map<string, string>();
  #drop!: () => Promise<void>;

  constructor(seed: number) {
    this.seed = seed;
    this.dice = new Dice(seed);
    this.now = Date.UTC(2026, 0, 12, 6, 0, 0);
  }

  clock = () => new Date(this.now);

  note(act: string): void {
    if (process.env.MONTH_TRACE)
      process.stderr.write(`${process.uptime().toFixed(1)} ${this.clock().toISOString()} ${act}\n`);
    this.acts.push(`${this.clock().toISOString()} ${act}`);
    if (this.acts.length > 400) this.acts.shift();
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  fail(what: string): never {
    throw new Error(`${what}\nSEED=${this.seed}, ${this.clock().toISOString()}`);
  }

  // ------------------------------------------------------------------------------------------------ the agency

  async open(): Promise<void> {
    const base = await testDatabase();
    this.url = base.url;
    this.db = base.db;
    this.dataDir = await mkdtemp(join(tmpdir(), 'month-'));
    this.#drop = async () => {
      // A connection that somebody has lost must not hide what went wrong.
      await Promise.race([this.db.close(), sleep(3000, undefined, { ref: false })]);
      await Promise.race([base.drop(), sleep(3000, undefined, { ref: false })]);
      await rm(this.dataDir, { recursive: true, force: true });
    };
    const { db } = this;
    const { id: agencyId } = await resolveAgency(db, 'Агентство', true);
    this.agencyId = agencyId;
    const zones: Zone[] = ['Europe/Kaliningrad', 'Asia/Yekaterinburg', 'Asia/Kamchatka'];
    const branchIds: number[] = [];
    const departments: number[] = [];
    for (const zone of zones) {
      const id = await ensureBranch(db, agencyId, zone.split('/')[1]!);
      await db.pool.query('update branch set time_zone = $2 where id = $1', [id, zone]);
      branchIds.push(id);
      departments.push(await ensureDepartment(db, agencyId, id, 'Продажи'));
    }
    const people: World['people'] = new Map();
    const add = async (name: string, at: number | null, role: 'agent' | 'adSpecialist' | 'manager', phone: string) => {
      const branchId = at === null ? null : branchIds[at]!;
      const departmentId = at === null || name.endsWith('0') ? null : departments[at]!;
      const id = await addEmployee(db, agencyId, {
        name,
        phones: phone === '' ? [] : [phone],
        role,
        ...(branchId !== null && { branchId }),
        ...(departmentId !== null && { departmentId }),
      });
      people.set(id, { id, name, role, branchId, departmentId, phones: phone === '' ? [] : [phone] });
      return id;
    };
    for (let index = 0; index < 6; index++)
      await add(`Агент ${index}`, index % 3, 'agent', index === 5 ? '' : `+7912000010${index}`);
    await add('Специалист 1', 0, 'adSpecialist', '+79120000201');
    await add('Специалист 2', 2, 'adSpecialist', '+79120000202');
    await add('Руководитель', null, 'manager', '+79120000301');

    this.world = {
      zone: 'Europe/Moscow',
      branches: new Map(branchIds.map((id, at) => [id, { zone: zones[at]!, calendar: null }])),
      people,
      listings: new Map(),
      cabinets: [],
      lines: [],
      pauses: [],
      exceptions: [],
      norms: new Map(),
      settings: {
        reservedWithdraws: true,
        requiresStage: false,
        stages: [
          { name: 'Договор', effect: 'permits' },
          { name: 'Проверка', effect: 'not-yet' },
          { name: 'Аванс', effect: 'withdraws' },
        ],
        saleDays: 30,
        rentDays: 3,
        keepDays: 7,
        passes: new Set(),
        priceDownPercent: 5,
        priceUpPercent: 0,
      },
      refusal: (cabinet, listing, values, phone) => this.refusal(cabinet, listing, values, phone),
    };
    const own: Partial<AgencySettings> = {
      market: { reservedWithdraws: true, requiresStage: false, stages: this.world.settings.stages },
      brake: { isOn: true, sharePercent: 20, offers: 5, priceFactor: 10 },
    };
    await db.pool.query('update agency set settings = $2 where id = $1', [agencyId, JSON.stringify(own)]);

    const cabinets: [string, string, number | null, Partial<CabinetSettings>][] = [
      ['avito', 'main', 0, {}],
      ['cian', 'main', null, { moderation: 'on', edit: 'keep-approved', package: { kind: 'concurrent', places: 18 } }],
      ['yandex', 'main', 1, { moderation: 'on', edit: 'stop' }],
      ['yandex', 'east', 2, {}],
      [
        'domclick',
        'main',
        null,
        { package: { kind: 'placements', placements: 15, from: '2026-01-05', periodDays: 30, termDays: 20 } },
      ],
    ];
    for (const [board, slug, branch, settings] of cabinets) {
      const id = await ensureCabinet(db, agencyId, { board, slug, name: board, family: boardOf(board).family });
      const branchId = branch === null ? null : branchIds[branch]!;
      await db.pool.query('update cabinet set branch_id = $2, settings = $3 where id = $1', [
        id,
        branchId,
        JSON.stringify(settings),
      ]);
      this.world.cabinets.push({
        id,
        board,
        slug,
        zone: branch === null ? this.world.zone : zones[branch]!,
        moderation: settings.moderation ?? 'off',
        edit: settings.edit ?? 'stop',
        package: (settings.package ?? null) as ModelPackage,
        turnDays: 7,
        slots: null,
        calendar: null,
        marks: new Map(),
      });
    }
    const rows = await listCabinets(db, { agencyId });
    this.watches = this.world.cabinets.map((model) => ({
      row: rows.find(({ id }) => id === model.id)!,
      model,
      served: new Map(),
      sha256: null,
      lastRunAt: 0,
      editUntil: null,
      failedAt: null,
      isTouched: false,
      wasTouched: false,
      isRepacked: false,
      isReleased: false,
      placements: [],
      spans: [],
      recorded: new Map(),
      placedOn: new Map(),
      placedLook: null,
    }));
    await this.money.open();
    await this.stock();
  }

  async close(): Promise<void> {
    await this.#drop();
  }

  /** Listings that every board would take as they are. */
  async stock(): Promise<void> {
    const { dice, world } = this;
    const agents = [...world.people.values()].filter(({ role }) => role === 'agent');
    const specialist = [...world.people.values()].find(({ role }) => role === 'adSpecialist')!;
    const made: { values: Listing; source: string; employeeId: number }[] = [];
    for (let index = dice.int(200, 4000); made.length < 48; index++) {
      const kind = dice.weighted([
        ['flat', 7],
        ['house', 1],
      ]);
      const deal = dice.weighted([
        ['sale', 7],
        ['rent', 3],
      ] as const);
      const shape =
        kind === 'house'
          ? { kind: 'house' as const, deal: 'sale' as const, houseType: 'house' as const }
          : deal === 'sale'
            ? { kind: 'flat' as const, deal, market: 'resale' as const }
            : { kind: 'flat' as const, deal };
      const employee = made.length === 3 ? specialist : dice.pick(agents);
      const values = this.plain({ ...listingAt(index, { shape }) }, employee.phones);
      const isGood = boards
        .filter(({ id }) => ['avito', 'cian', 'yandex', 'domclick'].includes(id))
        .every((board) => {
          const worn = { firstSeenAt: new Date(0), phones: ['+79120000101'], boardOfferId: values.externalId };
          return !judgeAlone(values, deskOf(board), worn).isBlocked;
        });
      if (!isGood || (values.photos?.length ?? 0) < 4) continue;
      made.push({ values, source: dice.chance(0.7) ? 'crm' : 'crm-2', employeeId: employee.id });
    }
    // Some flats twice: the same place and number, another text and price.
    const flats = made.filter(({ values }) => values.kind === 'flat' && values.apartmentNumber !== undefined);
    for (const { values } of dice.some(flats, 5)) {
      const employee = dice.pick(agents);
      made.push({
        values: this.plain({ ...values, externalId: `${values.externalId}-2` }, employee.phones),
        source: 'crm',
        employeeId: employee.id,
      });
    }
    for (const { values, source, employeeId } of made) {
      const listing: ModelListing = {
        id: 0,
        externalId: values.externalId,
        source,
        base: values,
        corrections: {},
        isInSource: true,
        isChangedBySource: true,
        branchId: null,
        employeeId,
        status: 'active',
        reservedUntil: null,
        stage: null,
        isForbidden: false,
        freshAt: this.now,
        callBackAt: null,
        verdicts: [],
        pendingAt: null,
      };
      world.listings.set(-1 - world.listings.size, listing);
    }
    const waiting = [...world.listings.values()];
    world.listings.clear();
    for (const source of ['crm', 'crm-2']) {
      const ours = waiting.filter((listing) => listing.source === source);
      await this.load(source, ours);
      const found = await this.db.pool.query<{ id: number; externalId: string; branchId: number | null }>(
        `select l.id, l.external_id as "externalId", l.branch_id as "branchId" from listing l
         join source s on s.agency_id = l.agency_id and s.id = l.source_id where s.name = $1`,
        [source],
      );
      for (const row of found.rows) {
        const listing = ours.find(({ externalId }) => externalId === row.externalId)!;
        listing.id = row.id;
        listing.branchId = row.branchId;
        world.listings.set(row.id, listing);
      }
    }
    const shares = [0.75, 0.7, 0.6, 0.5, 0.6];
    for (const [at, watch] of this.watches.entries()) {
      const ids = [...world.listings.keys()].filter(() => dice.chance(shares[at]!));
      await this.mark(watch, ids);
    }
  }

  /** A listing of the play: texts that tell their version, photographs without plans, its agent's number. */
  plain(values: Listing, phones: readonly string[]): Listing {
    const plain: Listing = { ...values, description: this.text(values.externalId) };
    plain.photos = (values.photos ?? []).slice(0, 8).map(({ url }) => ({ url: `${url}?${values.externalId}` }));
    delete plain.contactEmail;
    delete plain.contactName;
    if (phones.length > 0 && this.dice.chance(0.5)) plain.contactPhones = [...phones];
    else delete plain.contactPhones;
    return plain;
  }

  text(externalId: string): string {
    const phone = this.dice.chance(0.15) ? ' Звоните: {phone}.' : '';
    const filler =
      'Светлая, тихая, ухоженная: окна выходят во двор, рядом школа, детский сад, остановка и большой парк. ' +
      'Документы готовы, показываем в любой день по договорённости, на вопросы отвечаем сразу.';
    return `Вариант ${externalId} номер ${++this.version}. ${filler}${phone}`;
  }

  load(source: string, listings: readonly ModelListing[]) {
    return importListings(
      this.db,
      { agencyId: this.agencyId, source, ...(source === 'crm-2' && { branch: 'Yekaterinburg' }) },
      listings.map(({ base, employeeId }) => ({ values: base, employeeId })),
      this.clock(),
    );
  }

  readonly desks = new Map<string, ReturnType<typeof deskOf>>();

  refusal(cabinet: ModelCabinet, listing: ModelListing, values: Listing, phone: string | undefined): string {
    const key = `${cabinet.board} ${listing.id} ${phone} ${JSON.stringify(contentOf(values))}`;
    let is = this.#refused.get(key);
    if (is === undefined) {
      const worn = {
        listingId: listing.id,
        firstSeenAt: new Date(0),
        phones: phone === undefined ? undefined : [phone],
        person: { name: this.world.people.get(listing.employeeId)!.name, email: null },
        boardOfferId: listing.externalId,
      };
      const clean = { ...values };
      if (phone === undefined) delete clean.contactPhones;
      const { notices } = judgeAlone(clean, deskOf(boardOf(cabinet.board)), worn);
      is = notices.flatMap(({ severity, message }) => (severity === 'blocking' ? [message] : [])).join(' ');
      this.#refused.set(key, is);
    }
    return is;
  }

  // ------------------------------------------------------------------------------------------------ what is due when

  edited(watches: readonly Watch[] = this.watches): void {
    for (const watch of watches) {
      const { slots, zone } = watch.model;
      let until = this.now + 300_000;
      if (slots !== null) {
        until = Number.POSITIVE_INFINITY;
        for (let day = wall(this.now, zone).day, ahead = 0; ahead < 2; ahead++, day = addDays(day, 1)) {
          for (const slot of slots) {
            const at = startOf(day, zone) + Number(slot.slice(0, 2)) * HOUR + Number(slot.slice(3)) * 60_000;
            if (at > this.now && at < until) until = at;
          }
        }
      }
      // Whose edit it was is not asked, so the last one counts.
      watch.editUntil = Math.max(watch.editUntil ?? 0, until);
    }
  }

  where(listingId: number): Watch[] {
    return this.watches.filter(({ model }) => model.marks.get(listingId)?.isLive);
  }

  left(listingId: number, why: string): void {
    for (const { model } of this.where(listingId)) this.mustLeave.push({ cabinetId: model.id, listingId, why });
  }

  // ------------------------------------------------------------------------------------------------ acts

  listing(): ModelListing {
    return this.dice.pick([...this.world.listings.values()]);
  }

  someone(...roles: string[]) {
    return this.dice.pick([...this.world.people.values()].filter(({ role }) => roles.includes(role)));
  }

  async mark(watch: Watch, ids: readonly number[], days?: number): Promise<void> {
    const { model } = watch;
    const wanted = ids.filter((id) => !this.world.listings.get(id)!.isForbidden);
    await markListings(
      this.db,
      this.agencyId,
      model.id,
      wanted,
      this.clock(),
      days === undefined ? {} : { term: { days } },
    );
    const today = wall(this.now, model.zone).day;
    const found = await this.db.pool.query<{ id: number; offerId: string }>(
      'select listing_id as id, board_offer_id as "offerId" from mark where cabinet_id = $1',
      [model.id],
    );
    const offerIds = new Map(found.rows.map(({ id, offerId }) => [id, offerId]));
    for (const id of wanted) {
      const old = model.marks.get(id);
      if (old?.isLive) continue;
      const offerId = offerIds.get(id)!;
      if (old && old.boardOfferId !== offerId) this.fail(`the id at the board of ${id} has changed`);
      model.marks.set(id, {
        listingId: id,
        isLive: true,
        markedAt: this.now,
        startsOn: days === undefined ? null : today,
        endsOn: days === undefined ? null : addDays(today, days - 1),
        isPinned: old?.isPinned ?? false,
        boardOfferId: offerId,
      });
    }
    this.edited([watch]);
  }

  readonly deeds: readonly (readonly [number, string, () => Promise<string>])[] = [
    [10, 'import', () => this.importSome()],
    [2, 'import that a source broke', () => this.importBroken()],
    [1, 'torn file', () => this.importTorn()],
    [4, 'correction', () => this.correct()],
    [7, 'verdict', () => this.verdict()],
    [3, 'status', () => this.status()],
    [3, 'stage', () => this.stage()],
    [2, 'forbid', () => this.forbid()],
    [8, 'confirm', () => this.confirm()],
    [2, 'call', () => this.call()],
    [3, 'term', () => this.term()],
    [4, 'mark', () => this.markSome()],
    [3, 'unmark', () => this.unmarkSome()],
    [3, 'pause', () => this.pause()],
    [2, 'pause end', () => this.pauseEnd()],
    [2, 'calendar', () => this.calendar()],
    [4, 'phone line', () => this.phoneLine()],
    [2, 'norm', () => this.norm()],
    [3, 'exception', () => this.exception()],
    [2, 'pin', () => this.pin()],
    [1, 'package', () => this.package()],
    [1, 'employee', () => this.employee()],
    [1, 'agency settings', () => this.agencySettings()],
    [1, 'cabinet settings', () => this.cabinetSettings()],
    [1, 'moderation switch', () => this.moderationSwitch()],
    [1, 'marking rule', () => this.markingRule()],
    [2, 'brake release', () => this.release()],
    ...this.money.deeds,
  ];

  async act(): Promise<void> {
    const [name, deed] = this.dice.weighted(this.deeds.map(([weight, name, deed]) => [[name, deed] as const, weight]));
    this.count(name);
    try {
      this.note(`${name}: ${await deed()}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.count(`refused ${error.code}`);
      this.note(`${name}: refused, ${error.code}`);
    }
  }

  async importSome(): Promise<string> {
    const { dice } = this;
    const source = dice.pick(['crm', 'crm-2']);
    const ours = [...this.world.listings.values()].filter((listing) => listing.source === source);
    const told: string[] = [];
    const next = new Map<ModelListing, { base: Listing; employeeId: number }>();
    const stays = new Set(ours.filter((listing) => (listing.isInSource ? !dice.chance(0.02) : dice.chance(0.4))));
    for (const listing of dice.some(ours, dice.int(0, 6))) {
      const base = { ...listing.base };
      let { employeeId } = listing;
      const what = dice.weighted([
        ['price', 8],
        ['price x10', 0.4],
        ['text', 5],
        ['spoiled', 1],
        ['photos', 3],
        ['number', 1],
        ['employee', 1],
      ]);
      if (what === 'price') {
        const factor = dice.pick([0.97, 0.99, 0.9, 1.02, 1.1, 0.96]);
        base.priceKopecks = Math.round((base.priceKopecks! * factor) / 100_000) * 100_000;
      } else if (what === 'price x10') base.priceKopecks = base.priceKopecks! * 12;
      else if (what === 'text') base.description = this.text(listing.externalId);
      else if (what === 'spoiled') base.description = 'Мало';
      else if (what === 'photos') {
        const urls = listing.base.photos ?? [];
        base.photos =
          urls.length > 2 && dice.chance(0.5)
            ? urls.slice(0, -1)
            : [...urls, { url: `https://media.example.ru/new/${++this.version}.jpg` }].slice(-9);
      } else if (what === 'number') {
        if (base.apartmentNumber === undefined) base.apartmentNumber = String(dice.int(1, 300));
        else delete base.apartmentNumber;
      } else employeeId = this.someone('agent').id;
      next.set(listing, { base, employeeId });
      told.push(`${what} of ${listing.id}`);
    }
    const before = new Map(ours.map((listing) => [listing, { base: listing.base, employeeId: listing.employeeId }]));
    for (const [listing, values] of next) if (stays.has(listing)) Object.assign(listing, values);
    await this.load(source, [...stays]);
    const lost: number[] = [];
    for (const listing of ours) {
      const was = before.get(listing)!;
      if (!stays.has(listing)) {
        if (listing.isInSource) {
          lost.push(listing.id);
          listing.isChangedBySource = true;
        }
        listing.isInSource = false;
        continue;
      }
      if (!listing.isInSource || JSON.stringify(was.base) !== JSON.stringify(listing.base)) {
        listing.freshAt = this.now;
        listing.isChangedBySource = true;
      }
      if (!listing.isInSource) told.push(`${listing.id} returned`);
      listing.isInSource = true;
    }
    this.edited();
    // What the brake may hold is not asked to leave at once.
    if (lost.length > 0 && lost.length <= 5) for (const id of lost) this.left(id, 'gone from its source');
    return `${source}, ${told.join(', ')}${lost.length > 0 ? `, lost ${lost.join(' ')}` : ''}`;
  }

  /** A source breaks and tells of a third of its listings only, and somebody confirms that. */
  async importBroken(): Promise<string> {
    const ours = [...this.world.listings.values()].filter(({ source, isInSource }) => source === 'crm' && isInSource);
    const stays = this.dice.some(ours, Math.floor(ours.length / 3));
    await this.load('crm', stays);
    const lost = ours.filter((listing) => !stays.includes(listing));
    for (const listing of lost) {
      listing.isInSource = false;
      listing.isChangedBySource = true;
    }
    const ids = new Set(lost.map(({ id }) => id));
    for (const watch of this.watches) {
      const gone = [...watch.served.keys()].filter((id) => ids.has(id));
      // Clearly more than the limits: a person has to agree first.
      if (gone.length <= 8 || gone.length <= watch.served.size / 2 || watch.isReleased || !this.isExact(watch))
        continue;
      for (const listingId of gone) this.mustStay.push({ watch, listingId, since: this.now });
    }
    this.edited();
    return `lost ${lost.map(({ id }) => id).join(' ')}`;
  }

  /** A file that would lose more than a fifth waits for a person: nothing changes. */
  async importTorn(): Promise<string> {
    const ours = [...this.world.listings.values()].filter(({ source, isInSource }) => source === 'crm' && isInSource);
    if (ours.length < 5) return 'too few';
    const { db } = this;
    const run = await startImport(db, { agencyId: this.agencyId, source: 'crm' }, this.clock());
    const offers = ours.slice(0, Math.floor(ours.length / 2)).map(({ base, employeeId }, index) => ({
      externalId: base.externalId,
      ordinal: index + 1,
      line: index + 1,
      values: { ...base, priceKopecks: 100_000_00 },
      employeeId,
    }));
    const { added } = await stageOffers(db, run, offers);
    const { state } = await mergeImport(db, run, added, 'merge', this.clock());
    await endImport(db, run, state === 'waiting' ? 'waiting-for-confirmation' : 'imported', {}, this.clock());
    if (state !== 'waiting') this.fail('a file that loses half of its source was merged without a word');
    return 'waits';
  }

  /** Any field of a listing as a person corrects it. */
  overlay(listing: ModelListing): Partial<Pick<Listing, 'description' | 'priceKopecks'>> {
    const { dice } = this;
    const next = { ...listing.corrections };
    if (dice.chance(0.3)) {
      delete next.description;
      delete next.priceKopecks;
    } else if (dice.chance(0.5)) next.description = this.text(listing.externalId);
    else
      next.priceKopecks =
        Math.round((valuesOf(listing).priceKopecks! * dice.pick([0.97, 0.9, 1.05])) / 100_000) * 100_000;
    return next;
  }

  async proven(listing: ModelListing, overlay: Partial<Listing>, by: string) {
    const row = (await findListings(this.db, this.agencyId, String(listing.id))).find(({ id }) => id === listing.id)!;
    const corrections = Object.fromEntries(
      Object.entries(overlay).map(([field, value]) => [
        field,
        {
          value,
          basis: (row.sourceValues as Record<string, unknown>)[field] ?? null,
          by,
          at: this.clock().toISOString(),
        },
      ]),
    );
    const values = { ...row.sourceValues, ...overlay } as Listing;
    return { corrections, values, valuesHash: hashOf(values), wasHash: hashOf(row.values) };
  }

  overlaid(listing: ModelListing, overlay: ModelListing['corrections']): void {
    const before = JSON.stringify(contentOf(valuesOf(listing)));
    listing.corrections = overlay;
    // A correction that changes nothing confirms nothing.
    if (JSON.stringify(contentOf(valuesOf(listing))) !== before) listing.freshAt = this.now;
    listing.isChangedBySource = false;
    this.edited();
  }

  async correct(): Promise<string> {
    const listing = this.listing();
    const overlay = this.overlay(listing);
    const who = this.someone('agent');
    const next = await this.proven(listing, overlay, who.name);
    const key = { agencyId: this.agencyId, id: listing.id };
    if (!(await saveCorrections(this.db, key, next, this.clock(), { by: who.name })))
      this.fail('a correction was lost');
    this.overlaid(listing, overlay);
    return `${listing.id} ${Object.keys(overlay).join(' ')}`;
  }

  async verdict(): Promise<string> {
    const { dice } = this;
    // Mostly what waits, for otherwise the moderated cabinets would be empty.
    const waiting = [...this.world.listings.values()].filter((listing) =>
      this.where(listing.id).some(
        ({ model }) => !['approved', 'not-needed'].includes(chosen(this.world, model, listing, this.now).approval),
      ),
    );
    const told: string[] = [];
    const many = dice.chance(0.7) ? dice.int(1, 12) : 1;
    for (let turn = 0; turn < many; turn++) {
      const listing = waiting.length > 0 && dice.chance(0.9) ? dice.pick(waiting) : this.listing();
      const who = this.someone('adSpecialist', 'manager');
      const actor = { employeeId: who.id, name: who.name, role: who.role };
      const kind = dice.chance(0.8) ? ('approved' as const) : ('returned' as const);
      const overlay = kind === 'approved' && dice.chance(0.15) ? this.overlay(listing) : undefined;
      const pendingBefore = listing.pendingAt;
      try {
        const given = await giveVerdict(
          this.db,
          this.agencyId,
          {
            listingId: listing.id,
            kind,
            actor,
            ...(kind === 'returned' && { reasons: ['text-poor'] }),
            ...(overlay && { corrections: await this.proven(listing, overlay, who.name) }),
          },
          this.clock(),
        );
        if (kind === 'approved' && listing.employeeId === who.id) this.fail('somebody approved a listing of his own');
        if (overlay) {
          this.overlaid(listing, overlay);
        }
        const verdict = {
          id: given.verdictId,
          kind,
          by: who.id,
          content: contentOf(valuesOf(listing)),
          effectiveAt: this.now + 10_000,
          isUndone: false,
        };
        listing.verdicts.push(verdict);
        if (kind === 'approved') listing.pendingAt = null;
        // Until it is in force nothing is due for it.
        for (const watch of this.where(listing.id)) watch.editUntil = Math.max(watch.editUntil ?? 0, this.now + 10_000);
        told.push(`${kind}${overlay ? ' corrected' : ''} ${listing.id}`);
        if (dice.chance(0.12)) {
          const delay = dice.pick([0, 3000, 9999, 10_000]);
          this.now += delay;
          try {
            await undoVerdict(this.db, this.agencyId, given.verdictId, actor, this.clock());
            if (delay >= 10_000) this.fail('a verdict was undone when it was in force');
            verdict.isUndone = true;
            if (kind === 'approved') listing.pendingAt = pendingBefore;
            told.push('undone');
          } catch (error) {
            if (!(error instanceof Refusal) || error.code !== 'too-late-to-undo') throw error;
          }
        }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        told.push(`${listing.id} refused ${error.code}`);
      }
    }
    return told.join(', ');
  }

  async status(): Promise<string> {
    const { dice } = this;
    const listing = this.listing();
    const status = dice.weighted([
      ['active', 4],
      ['reserved', 3],
      ['sold', 1],
      ['rented', 1],
      ['archived', 1],
    ] as const);
    const reservedUntil =
      status === 'reserved' && dice.chance(0.7) ? addDays(wall(this.now, this.world.zone).day, dice.int(0, 6)) : null;
    await setStatus(this.db, this.agencyId, listing.id, { status, reservedUntil }, this.admin, this.clock());
    listing.status = status;
    listing.reservedUntil = reservedUntil;
    listing.freshAt = this.now;
    if ((status !== 'active' && status !== 'reserved') || (listing.callBackAt ?? 0) <= this.now)
      listing.callBackAt = null;
    if (status !== 'active' && (status !== 'reserved' || this.world.settings.reservedWithdraws)) {
      // A reservation to yesterday's day of an eastern cabinet is over there already.
      if (status !== 'reserved' || reservedUntil === null) this.left(listing.id, status);
    }
    this.edited();
    return `${listing.id} ${status} ${reservedUntil ?? ''}`;
  }

  readonly admin = { name: 'Руководитель', role: 'admin' as const };

  async stage(): Promise<string> {
    const listing = this.listing();
    const stage = this.dice.pick([null, 'Договор', 'Договор', 'Проверка', 'Аванс']);
    await setStage(this.db, this.agencyId, listing.id, stage, this.admin, this.clock());
    listing.stage = stage;
    listing.freshAt = this.now;
    if (stage === 'Проверка' || stage === 'Аванс') this.left(listing.id, stage);
    this.edited();
    return `${listing.id} ${stage}`;
  }

  async forbid(): Promise<string> {
    const listing = this.listing();
    if (listing.isForbidden) {
      await allow(this.db, this.agencyId, listing.id, this.admin, this.clock());
      listing.isForbidden = false;
      this.edited();
      return `${listing.id} allowed`;
    }
    await forbid(this.db, this.agencyId, listing.id, 'собственник против', this.admin, this.clock());
    listing.isForbidden = true;
    this.left(listing.id, 'forbidden');
    this.edited();
    return `${listing.id}`;
  }

  async confirm(): Promise<string> {
    const some = this.dice
      .some([...this.world.listings.values()], this.dice.int(1, 25))
      .filter(({ status }) => status === 'active' || status === 'reserved');
    const ids = some.map(({ id }) => id);
    await confirm(this.db, this.agencyId, ids, this.admin, this.clock());
    for (const listing of some) listing.freshAt = this.now;
    this.edited();
    return ids.join(' ');
  }

  async call(): Promise<string> {
    const listing = this.listing();
    const result = this.dice.pick(['not-rented', 'no-answer', 'busy', 'busy', 'rented'] as const);
    await recordCall(this.db, this.agencyId, listing.id, result, this.admin, this.clock());
    if (result === 'rented') {
      Object.assign(listing, { status: 'rented', reservedUntil: null, freshAt: this.now, callBackAt: null });
      this.left(listing.id, 'rented');
    } else {
      listing.callBackAt = this.now + { 'not-rented': 72, 'no-answer': 24, busy: 1 }[result] * HOUR;
      if (result === 'not-rented') listing.freshAt = this.now;
    }
    this.edited();
    return `${listing.id} ${result}`;
  }

  liveMark(): { watch: Watch; mark: ModelMark } | undefined {
    const watch = this.dice.pick(this.watches);
    const live = [...watch.model.marks.values()].filter(({ isLive }) => isLive);
    return live.length === 0 ? undefined : { watch, mark: this.dice.pick(live) };
  }

  async term(): Promise<string> {
    const found = this.liveMark();
    if (!found) return 'none';
    const { watch, mark } = found;
    const today = wall(this.now, watch.model.zone).day;
    const { dice } = this;
    const wish = dice.weighted([
      [{ days: dice.int(1, 20) }, 4],
      [{ startsOn: addDays(today, dice.int(1, 4)), days: dice.int(1, 10) }, 2],
      [{ endsOn: null }, 1],
      [{ startsOn: addDays(today, -5), endsOn: addDays(today, -1) }, 1],
    ] as const) as { days?: number; startsOn?: string; endsOn?: string | null };
    await setTerm(
      this.db,
      this.agencyId,
      { listingIds: [mark.listingId], cabinetIds: [watch.model.id] },
      wish,
      this.admin,
      this.clock(),
    );
    if (wish.days !== undefined) {
      mark.startsOn = wish.startsOn ?? (mark.startsOn !== null && mark.startsOn > today ? mark.startsOn : today);
      mark.endsOn = addDays(mark.startsOn, wish.days - 1);
    } else {
      mark.startsOn = wish.startsOn ?? mark.startsOn;
      mark.endsOn = wish.endsOn!;
    }
    if ((mark.startsOn !== null && mark.startsOn > today) || (mark.endsOn !== null && mark.endsOn < today))
      this.mustLeave.push({ cabinetId: watch.model.id, listingId: mark.listingId, why: 'term' });
    this.edited([watch]);
    return `${mark.listingId} in ${watch.model.id}: ${mark.startsOn} – ${mark.endsOn}`;
  }

  async markSome(): Promise<string> {
    const watch = this.dice.pick(this.watches);
    const ids = this.dice.some([...this.world.listings.keys()], this.dice.int(1, 6));
    const days = this.dice.chance(0.4) ? this.dice.int(1, 25) : undefined;
    await this.mark(watch, ids, days);
    return `${ids.join(' ')} in ${watch.model.id} ${days ?? ''}`;
  }

  async unmarkSome(): Promise<string> {
    const watch = this.dice.pick(this.watches);
    const live = [...watch.model.marks.values()].filter(({ isLive }) => isLive);
    const some = this.dice.some(live, this.dice.int(1, 3));
    const ids = some.map(({ listingId }) => listingId);
    await unmarkListings(this.db, this.agencyId, watch.model.id, ids, this.clock());
    for (const mark of some) {
      mark.isLive = false;
      this.mustLeave.push({ cabinetId: watch.model.id, listingId: mark.listingId, why: 'unmarked' });
    }
    // A twin in the board's other cabinets may take its place.
    this.edited();
    return `${ids.join(' ')} in ${watch.model.id}`;
  }

  async pause(): Promise<string> {
    const { dice } = this;
    const pause = {
      branchId: dice.chance(0.25) ? dice.pick([...this.world.branches.keys()]) : null,
      cabinetId: dice.chance(0.4) ? dice.pick(this.watches).model.id : null,
      listingId: dice.chance(0.5) ? this.listing().id : null,
    };
    const from = this.now + (dice.chance(0.5) ? 0 : dice.int(1, 30 * 60) * 60_000);
    const until = from + dice.int(1, 40 * 60) * 60_000;
    const id = await addPause(
      this.db,
      this.agencyId,
      { ...pause, from: new Date(from), until: new Date(until), reason: 'ремонт' },
      'Руководитель',
      this.clock(),
    );
    this.world.pauses.push({ id, ...pause, from, until, isEnded: false });
    if (from <= this.now && pause.branchId === null) {
      for (const { model } of this.watches) {
        if (pause.cabinetId !== null && pause.cabinetId !== model.id) continue;
        for (const { listingId, isLive } of model.marks.values())
          if (isLive && (pause.listingId === null || pause.listingId === listingId))
            this.mustLeave.push({ cabinetId: model.id, listingId, why: 'pause' });
      }
    }
    this.edited();
    return `${id} ${JSON.stringify(pause)} ${new Date(from).toISOString()} – ${new Date(until).toISOString()}`;
  }

  async pauseEnd(): Promise<string> {
    const open = this.world.pauses.filter(({ isEnded, until }) => !isEnded && until > this.now);
    if (open.length === 0) return 'none';
    const pause = this.dice.pick(open);
    await endPause(this.db, this.agencyId, pause.id, 'Руководитель', this.clock());
    pause.isEnded = true;
    this.edited();
    return String(pause.id);
  }

  async calendar(): Promise<string> {
    const { dice } = this;
    const work: [number, number][] = [[540, dice.pick([1080, 1200, 1439, 1440])]];
    const today = wall(this.now, this.world.zone).day;
    const from = addDays(today, dice.int(0, 5));
    const calendar: ModelCalendar | null = dice.chance(0.45)
      ? null
      : {
          week: [
            work,
            work,
            work,
            work,
            work,
            dice.chance(0.5)
              ? [
                  [600, 840],
                  [900, 1000],
                ]
              : [],
            [],
          ],
          special: dice.chance(0.6)
            ? [
                { from, to: addDays(from, dice.int(0, 2)), hours: [], note: 'праздник' },
                { from, to: from, hours: dice.chance(0.5) ? [[0, 1440]] : [], note: 'перенос' },
              ]
            : [],
        };
    const isBranch = dice.chance(0.5);
    const id = isBranch ? dice.pick([...this.world.branches.keys()]) : dice.pick(this.watches).model.id;
    const owner = isBranch ? { branchId: id } : { cabinetId: id };
    await changeCalendar(this.db, this.agencyId, owner, () => calendar, 'Руководитель', this.clock());
    if (isBranch) this.world.branches.get(id)!.calendar = calendar;
    else this.world.cabinets.find((cabinet) => cabinet.id === id)!.calendar = calendar;
    for (const watch of this.watches) watch.isTouched = true;
    this.edited();
    return `${JSON.stringify(owner)} ${calendar === null ? 'always open' : JSON.stringify(calendar)}`;
  }

  async phoneLine(): Promise<string> {
    const { dice, world } = this;
    if (world.lines.length > 8 || (world.lines.length > 0 && dice.chance(0.25))) {
      const line = dice.pick(world.lines);
      await removePhoneLine(this.db, this.agencyId, line.id, 'Руководитель', this.clock());
      world.lines.splice(world.lines.indexOf(line), 1);
      this.edited();
      return `${line.id} removed`;
    }
    const scope = dice.pick(['employee', 'department', 'branch', 'agency'] as const);
    const from = dice.pick([0, 0, 480, 540, 720]);
    const kind = dice.weighted([
      ['own', 1],
      ['duty', 2],
      ['call-centre', 2],
      ['tracking', 2],
    ] as const);
    const today = wall(this.now, world.zone).day;
    const isDated = dice.chance(0.3);
    const line: Omit<ModelLine, 'id'> = {
      scope,
      scopeId:
        scope === 'agency'
          ? null
          : scope === 'employee'
            ? this.someone('agent').id
            : scope === 'branch'
              ? dice.pick([...world.branches.keys()])
              : dice.pick([...world.people.values()].flatMap(({ departmentId }) => departmentId ?? [])),
      board: dice.chance(0.5) ? dice.pick(['avito', 'cian', 'yandex', 'domclick']) : null,
      weekdays: dice.pick([[1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5], [6, 7], [dice.int(1, 7)]]),
      fromMinute: from,
      toMinute: dice.pick([1080, 1200, 1440]),
      startsOn: isDated ? addDays(today, dice.int(-1, 3)) : null,
      endsOn: isDated ? addDays(today, dice.int(3, 6)) : null,
      kind,
      phone: kind === 'own' ? null : `+7912000${String(dice.int(4000, 4999))}`,
    };
    const id = await addPhoneLine(this.db, this.agencyId, { ...line, note: null }, 'Руководитель', this.clock());
    world.lines.push({ id, ...line });
    this.edited();
    return `${id} ${JSON.stringify(line)}`;
  }

  async norm(): Promise<string> {
    const { dice, world } = this;
    for (const watch of this.watches) watch.isTouched = true;
    this.edited();
    if (world.norms.size > 0 && dice.chance(0.55)) {
      const code = dice.pick([...world.norms.keys()]);
      await removeNorm(this.db, this.agencyId, code, 'Руководитель', this.clock());
      world.norms.delete(code);
      return `${code} removed`;
    }
    const board = dice.chance(0.5) ? [dice.pick(['avito', 'cian', 'yandex'])] : null;
    const photosMin = dice.int(3, 6);
    const priceMax = dice.int(8, 20) * 1_000_000_00;
    const isPhotos = dice.chance(0.6);
    const norm = normFrom(
      isPhotos ? { kind: 'photos', min: photosMin } : { kind: 'limit', field: 'priceKopecks', max: priceMax },
      board ? { boards: board } : {},
    );
    await saveNorm(this.db, this.agencyId, { ...norm, by: 'Руководитель' }, this.clock());
    world.norms.set(norm.code, { boards: board, ...(isPhotos ? { photosMin } : { priceMax }) });
    return `${norm.code} ${isPhotos ? photosMin : priceMax}`;
  }

  async exception(): Promise<string> {
    const { dice, world } = this;
    const open = world.exceptions.filter(({ isRevoked }) => !isRevoked);
    if (open.length > 0 && dice.chance(0.3)) {
      const one = dice.pick(open);
      await revokeException(this.db, this.agencyId, one.id, 'Руководитель', this.clock());
      one.isRevoked = true;
      this.edited();
      return `${one.id} revoked`;
    }
    const gate = dice.pick(['norms', 'fresh', 'duplicate'] as const);
    const normCode =
      gate === 'norms' && world.norms.size > 0 && dice.chance(0.6) ? dice.pick([...world.norms.keys()]) : null;
    const listing = this.listing();
    const until = addDays(wall(this.now, world.zone).day, dice.int(0, 8));
    const id = await addException(
      this.db,
      this.agencyId,
      {
        listingId: listing.id,
        gate,
        normCode: normCode ?? undefined,
        reason: 'просил клиент',
        by: 'Руководитель',
        until,
      },
      this.clock(),
    );
    world.exceptions.push({ id, listingId: listing.id, gate, normCode, until, isRevoked: false });
    this.edited();
    return `${id} ${gate} ${normCode ?? ''} of ${listing.id} until ${until}`;
  }

  async pin(): Promise<string> {
    const found = this.liveMark();
    if (!found) return 'none';
    const { watch, mark } = found;
    const isPinned = !mark.isPinned;
    await setPinned(
      this.db,
      { agencyId: this.agencyId, id: watch.model.id },
      mark.listingId,
      isPinned,
      'Руководитель',
      this.clock(),
    );
    mark.isPinned = isPinned;
    this.edited([watch]);
    return `${mark.listingId} in ${watch.model.id} ${isPinned}`;
  }

  async package(): Promise<string> {
    const { dice } = this;
    const watch = dice.pick(this.watches.filter(({ model }) => model.package !== null || model.board === 'avito'));
    const { model } = watch;
    const pack: ModelPackage =
      model.package?.kind === 'placements'
        ? { ...model.package, placements: dice.int(8, 22) }
        : model.board === 'avito' && dice.chance(0.5)
          ? null
          : { kind: 'concurrent', places: dice.int(8, 24) };
    const key = { agencyId: this.agencyId, id: model.id };
    const turnDays = dice.chance(0.3) ? dice.int(1, 9) : undefined;
    await savePackage(this.db, key, pack, turnDays, 'Руководитель', this.clock());
    model.package = pack;
    watch.isRepacked = true;
    if (turnDays !== undefined) model.turnDays = turnDays;
    watch.isTouched = true;
    this.edited();
    return `${model.id} ${JSON.stringify(pack)} ${turnDays ?? ''}`;
  }

  async employee(): Promise<string> {
    const who = this.someone('agent');
    const branchId = this.dice.pick([...this.world.branches.keys()]);
    await changeEmployee(
      this.db,
      this.agencyId,
      who.id,
      { branchId },
      { name: 'Руководитель', person: null },
      this.clock(),
    );
    who.branchId = branchId;
    this.edited();
    return `${who.id} moves to ${branchId}`;
  }

  async agencySettings(): Promise<string> {
    const { dice } = this;
    const { settings } = this.world;
    const deed = { by: 'Руководитель', action: 'settings-set' as const };
    const change = (next: (own: Partial<AgencySettings>) => Partial<AgencySettings>) =>
      changeAgencySettings(this.db, this.agencyId, next, deed, this.clock());
    const group = <K extends keyof AgencySettings>(key: K, part: Partial<AgencySettings[K]>) =>
      change((own) => ({ ...own, [key]: { ...(own[key] as object), ...part } }));
    for (const watch of this.watches) watch.isTouched = true;
    this.edited();
    switch (dice.int(0, 5)) {
      case 0:
        settings.reservedWithdraws = !settings.reservedWithdraws;
        await group('market', { reservedWithdraws: settings.reservedWithdraws });
        return `reservedWithdraws ${settings.reservedWithdraws}`;
      case 1:
        settings.saleDays = dice.pick([20, 30, 30, 45]);
        settings.rentDays = dice.pick([3, 3, 7]);
        await group('freshness', { saleDays: settings.saleDays, rentDays: settings.rentDays });
        return `fresh for ${settings.saleDays} and ${settings.rentDays} days`;
      case 2:
        settings.keepDays = dice.int(1, 9);
        await group('moderation', { keepDays: settings.keepDays });
        return `keepDays ${settings.keepDays}`;
      case 3: {
        settings.priceDownPercent = dice.pick([0, 5, 15]);
        settings.priceUpPercent = dice.pick([0, 0, 3]);
        settings.passes = new Set(dice.chance(0.3) ? ['photos' as const] : []);
        const policy = {
          priceKopecks: { downPercent: settings.priceDownPercent, upPercent: settings.priceUpPercent },
          ...(settings.passes.has('photos') && { photos: 'pass' as const }),
        };
        await group('moderation', { policy });
        return `policy ${JSON.stringify(policy)}`;
      }
      case 4: {
        const atEnd = dice.pick(['withdraw', 'extend'] as const);
        await group('terms', { atEnd });
        return `at the end of a term ${atEnd}`;
      }
      default:
        settings.requiresStage = dice.chance(0.15);
        await group('market', { requiresStage: settings.requiresStage });
        return `requiresStage ${settings.requiresStage}`;
    }
  }

  async cabinetSettings(): Promise<string> {
    const watch = this.dice.pick(this.watches);
    const { model } = watch;
    const edit = this.dice.pick(['stop', 'keep-approved'] as const);
    const turnDays = this.dice.int(1, 9);
    const slots = model.board === 'domclick' && this.dice.chance(0.5) ? ['09:00', '17:30'] : null;
    await changeCabinetSettings(
      this.db,
      this.agencyId,
      model.id,
      (own) => ({ ...own, edit, turnDays, slots }),
      { by: 'Руководитель', action: 'settings-set' },
      this.clock(),
    );
    Object.assign(model, { edit, turnDays, slots });
    watch.isTouched = true;
    this.edited();
    return `${model.id} ${edit} ${turnDays} ${slots ?? ''}`;
  }

  async moderationSwitch(): Promise<string> {
    const watch = this.dice.pick(this.watches);
    const { model } = watch;
    const mode = model.moderation === 'on' && this.dice.chance(0.6) ? 'off' : 'on';
    const who = this.someone('adSpecialist', 'manager');
    const result = await switchOn(
      this.db,
      this.agencyId,
      { cabinetId: model.id },
      mode,
      { acceptsCurrent: this.dice.chance(0.8), actor: { employeeId: who.id, name: who.name } },
      this.clock(),
    );
    if (result.accepted > 0) {
      const found = await this.db.pool.query<{ id: number; listingId: number }>(
        `select id, listing_id as "listingId" from verdict where content_hash like 'accepted-%' and at = $1 order by id desc limit $2`,
        [this.clock(), result.accepted],
      );
      for (const { id, listingId } of found.rows) {
        const listing = this.world.listings.get(listingId)!;
        if (!watch.served.has(listingId)) this.fail(`${listingId} was accepted and is not on the board`);
        listing.verdicts.push({
          id,
          kind: 'approved',
          by: who.id,
          content: contentOf(valuesOf(listing)),
          effectiveAt: this.now,
          isUndone: false,
        });
        listing.pendingAt = null;
      }
    }
    model.moderation = mode;
    watch.isTouched = true;
    this.edited();
    return `${model.id} ${mode}, accepted ${result.accepted}`;
  }

  async markingRule(): Promise<string> {
    const watch = this.dice.pick(this.watches);
    const { model } = watch;
    const deal = this.dice.pick(['sale', 'rent'] as const);
    const termDays = this.dice.chance(0.5) ? 14 : null;
    await saveMarkingRule(
      this.db,
      this.agencyId,
      { name: 'правило', when: { deals: [deal] } as never, cabinetIds: [model.id], termDays, isActive: true },
      this.admin,
      this.clock(),
    );
    await applyMarkingRules(this.db, this.agencyId, undefined, this.clock());
    const found = await this.db.pool.query<{ id: number; offerId: string; startsOn: string; endsOn: string }>(
      `select listing_id as id, board_offer_id as "offerId", starts_on as "startsOn", ends_on as "endsOn" from mark
       where cabinet_id = $1 and is_live`,
      [model.id],
    );
    const told: number[] = [];
    for (const { id, offerId, startsOn, endsOn } of found.rows) {
      const old = model.marks.get(id);
      if (old?.isLive) continue;
      if (old) this.fail(`a rule has marked ${id}, which a person had taken off`);
      const listing = this.world.listings.get(id)!;
      if (listing.isForbidden) this.fail(`a rule has marked ${id}, which is forbidden`);
      if (listing.base.deal !== deal) this.fail(`a rule for ${deal} has marked ${id}`);
      const today = wall(this.now, model.zone).day;
      if (termDays !== null && endsOn !== addDays(today, termDays - 1))
        this.fail(`a rule gave ${id} the term ${endsOn}`);
      const mark = { listingId: id, isLive: true, markedAt: this.now, startsOn, endsOn, isPinned: false };
      model.marks.set(id, { ...mark, boardOfferId: offerId });
      told.push(id);
    }
    this.edited();
    return `${deal} in ${model.id}: ${told.join(' ')}`;
  }

  async release(): Promise<string> {
    const watch = this.dice.pick(this.watches);
    const word = { by: 'Руководитель', reason: 'так и есть' };
    if (!(await releaseBrake(this.db, watch.row, word, this.clock()))) return 'nothing is held';
    watch.isReleased = true;
    this.mustStay = this.mustStay.filter((one) => one.watch !== watch);
    return String(watch.model.id);
  }

  // ------------------------------------------------------------------------------------------------ the clockwork

  options(more: { dataDir?: string } = {}) {
    return { db: this.db, boards, dataDir: this.dataDir, clock: this.clock, ...more };
  }

  async remindAll(): Promise<void> {
    await remind(this.db, this.agencyId, this.clock());
    const found = await this.db.pool.query<{ id: number; status: string }>('select id, status from listing');
    for (const { id, status } of found.rows) {
      const listing = this.world.listings.get(id)!;
      if (status === listing.status) continue;
      if (status !== 'archived') this.fail(`reminders have made ${id} ${status}`);
      const days = listing.base.deal === 'sale' ? this.world.settings.saleDays : this.world.settings.rentDays;
      if (listing.freshAt + days * DAY > this.now) this.fail(`${id} went to the archive and is fresh`);
      this.count('archived by reminders');
      Object.assign(listing, { status: 'archived', reservedUntil: null, callBackAt: null });
    }
    const terms = await this.db.pool.query<{
      cabinetId: number;
      id: number;
      startsOn: string | null;
      endsOn: string | null;
    }>('select cabinet_id as "cabinetId", listing_id as id, starts_on as "startsOn", ends_on as "endsOn" from mark');
    for (const { cabinetId, id, startsOn, endsOn } of terms.rows) {
      const watch = this.watches.find(({ model }) => model.id === cabinetId)!;
      const mark = watch.model.marks.get(id)!;
      if (mark.startsOn === startsOn && mark.endsOn === endsOn) continue;
      const today = wall(this.now, watch.model.zone).day;
      if (mark.endsOn === null || mark.endsOn > today) this.fail(`the term of ${id} in ${cabinetId} moved by itself`);
      if (endsOn === null || endsOn < today) this.fail(`the term of ${id} in ${cabinetId} was extended to ${endsOn}`);
      Object.assign(mark, { startsOn, endsOn });
      this.count('terms extended');
      this.edited([watch]);
    }
  }

  /** What the clockwork does at this moment, until nothing is due any more. @returns how many runs there were */
  async clockwork(how: { isQuiet?: boolean } = {}): Promise<number> {
    if (this.dice.chance(0.5)) await this.remindAll();
    if (this.dice.chance(0.3)) await this.money.topUpMonthly();
    let runs = 0;
    for (let turn = 0; ; turn++) {
      const due = await dueCabinets(this.db, this.clock());
      if (due.length === 0) break;
      if (turn > 40) {
        const last = await this.db.pool.query(
          'select cabinet_id as c, listing_id as l, outcome, at from mark_transition order by id desc limit 12',
        );
        this.fail(`cabinets ${due.map(({ id }) => id)} are due again and again: ${JSON.stringify(last.rows)}`);
      }
      if (how.isQuiet) this.fail(`cabinets ${due.map(({ id }) => id)} are due and nothing has happened`);
      for (const { id } of due) {
        const watch = this.watches.find(({ model }) => model.id === id)!;
        runs += await this.run(watch);
      }
    }
    if (this.dice.chance(0.3)) await this.remindAll();
    for (const { row } of this.watches) await recordDays(this.db, row, this.clock());
    return runs;
  }

  async run(watch: Watch): Promise<number> {
    const { dice } = this;
    const mishap = dice.weighted([
      ['none', 90],
      ['two at once', 4],
      ['killed before the commit', 2],
      ['connections cut', 1.5],
      ['disk', 1.5],
      ['by a person', 2],
      ['beside another', 3],
    ]);
    if (mishap !== 'none') {
      this.count(mishap);
      this.note(`cabinet ${watch.model.id}: ${mishap}`);
    }
    switch (mishap) {
      case 'none': {
        const ran = await publishDue(watch.row, this.options());
        if (ran) await this.ran(watch);
        return ran ? 1 : 0;
      }
      case 'by a person':
        await publishCabinet(watch.row, this.options());
        await this.ran(watch);
        return 1;
      case 'two at once': {
        const both = await Promise.allSettled([1, 2].map(() => publishDue(watch.row, this.options())));
        const done = both.filter((one) => one.status === 'fulfilled' && one.value !== undefined);
        for (const one of both)
          if (one.status === 'rejected' && !(one.reason instanceof Fault && one.reason.code === 'publish-busy'))
            throw one.reason;
        if (done.length !== 1) this.fail(`of two runs at once ${done.length} were done`);
        await this.ran(watch);
        return 1;
      }
      case 'beside another': {
        // Both may want what is left of one account, and one board's last place.
        const other = dice.pick(this.watches.filter((one) => one !== watch));
        const both = await Promise.allSettled([
          publishDue(watch.row, this.options()),
          publishCabinet(other.row, this.options()),
        ]);
        for (const one of both) if (one.status === 'rejected') throw one.reason;
        await this.ran(watch);
        await this.ran(other);
        return 2;
      }
      case 'killed before the commit': {
        const claim = await claimRun(this.db, watch.row, 'due', this.clock());
        if (typeof claim === 'string') this.fail(`a due cabinet could not be claimed: ${claim}`);
        // The server lets go of a dead process's lock; nothing else is tidied.
        await claim.release();
        return 0;
      }
      default: {
        const folder = join(this.dataDir, 'a file');
        if (mishap === 'disk') await writeFile(folder, '');
        const ending = publishDue(watch.row, {
          ...this.options(mishap === 'disk' ? { dataDir: folder } : {}),
          ...(mishap === 'connections cut' && { db: cutAfter(this.db, dice.int(1, 60), dice.chance(0.5)) }),
        });
        const failed = await ending.then(
          () => false,
          () => true,
        );
        // It may have been told of a failure after its commit.
        if (!failed || (await this.isLastRunDone(watch))) {
          await this.ran(watch);
          return 1;
        }
        this.count('failed runs');
        watch.failedAt = this.now;
        return 0;
      }
    }
  }

  async isLastRunDone({ model }: Watch): Promise<boolean> {
    const found = await this.db.pool.query<{ status: string | null }>(
      'select status from export_run where cabinet_id = $1 order by id desc limit 1',
      [model.id],
    );
    return found.rows[0]?.status === 'done';
  }

  /** What a run leaves behind in the model. */
  async ran(watch: Watch): Promise<void> {
    this.count('runs');
    watch.lastRunAt = this.now;
    watch.editUntil = null;
    watch.failedAt = null;
    watch.wasTouched = watch.isTouched;
    watch.isTouched = false;
    watch.isReleased = false;
    const { model } = watch;
    const ids = new Set(await this.shown(watch));
    const published = await this.db.pool.query<{ id: number }>(
      `select listing_id as id from mark_transition where cabinet_id = $1 and at = $2 and outcome = 'published'`,
      [model.id, this.clock()],
    );
    const passing = new Set(published.rows.flatMap(({ id }) => (ids.has(id) ? [] : [id])));
    await this.money.ran(model, ids, passing);
    const last = watch.spans.at(-1);
    if (!last || last.ids.size !== ids.size || [...ids].some((id) => !last.ids.has(id)) || passing.size > 0)
      watch.spans.push({ from: this.now, ids, passing });
    for (const { isLive, listingId } of model.marks.values()) {
      if (!isLive) continue;
      const listing = this.world.listings.get(listingId)!;
      if (model.moderation === 'off') {
        // Where nobody moderates it any more, nothing of it waits.
        if (this.where(listingId).every((one) => one.model.moderation === 'off')) listing.pendingAt = null;
        continue;
      }
      const { approval } = chosen(this.world, model, listing, this.now);
      if (approval === 'approved') listing.pendingAt = null;
      else if (approval !== 'returned') listing.pendingAt ??= this.now;
    }
  }

  /** Which of our listings are in the file now. */
  async shown({ row, model }: Watch): Promise<number[]> {
    const edition = await currentEdition(this.db, row);
    if (!edition) return [];
    const folder = editionFolder(this.dataDir, row.agencyId, row.id);
    const text = await readFile(editionPath(folder, edition.sha256, 'xml'), 'utf8');
    return [...model.marks.values()]
      .filter(({ boardOfferId }) => text.includes(`>${boardOfferId}<`) || text.includes(`"${boardOfferId}"`))
      .map(({ listingId }) => listingId);
  }

  // ------------------------------------------------------------------------------------------------ the judge

  /** Is the cabinet's file to be right to the letter, or may it wait for something? */
  isExact(watch: Watch): boolean {
    if (watch.failedAt !== null) return false;
    if (watch.editUntil !== null && this.now < watch.editUntil) return false;
    // The clock was set back: the file is that of a later moment until something makes the cabinet due.
    return this.now >= watch.lastRunAt;
  }

  async check(): Promise<void> {
    this.count('checks');
    const boardsSettled = await this.settledBoards();
    const next = new Map<Watch, Map<number, Served>>();
    for (const watch of this.watches) next.set(watch, await this.read(watch));
    this.heldIds.clear();
    this.unfunded.clear();
    for (const watch of this.watches)
      await this.checkCabinet(watch, next.get(watch)!, boardsSettled.has(watch.model.board));
    for (const board of boardsSettled) this.checkFlats(board, next);
    for (const { cabinetId, listingId, why } of this.mustLeave) {
      const watch = this.watches.find(({ model }) => model.id === cabinetId)!;
      if (watch.failedAt !== null || watch.lastRunAt > this.now) continue;
      const mark = watch.model.marks.get(listingId)!;
      const isStillOut = !mark.isLive || judge(this.world, watch.model, mark, this.now).outcome !== null;
      // What the brake holds already takes the next ones of the same source with it.
      const isHeld = why.startsWith('gone') && this.heldIds.has(`${cabinetId} ${listingId}`);
      if (isStillOut && !isHeld && next.get(watch)!.has(listingId))
        this.fail(`${listingId} should have left cabinet ${cabinetId} at once: ${why}`);
    }
    this.mustLeave = [];
    for (const { watch, listingId, since } of this.mustStay) {
      // Only the first run after the loss is asked: later ones may find fewer lost than the limits.
      if (watch.lastRunAt < since || watch.failedAt !== null || watch.lastRunAt !== this.now) continue;
      const listing = this.world.listings.get(listingId)!;
      const mark = watch.model.marks.get(listingId)!;
      const there = { ...this.world, listings: new Map([[listingId, { ...listing, isInSource: true }]]) };
      if (!mark.isLive || listing.isInSource || judge(there, watch.model, mark, this.now).outcome !== null) continue;
      this.count('kept by the brake as it must');
      if (!next.get(watch)!.has(listingId) && !this.unfunded.has(`${watch.model.id} ${listingId}`))
        this.fail(`cabinet ${watch.model.id}: half of the file is gone with ${listingId} and nobody was asked`);
    }
    this.mustStay = this.mustStay.filter(({ watch, since }) => watch.lastRunAt < since || watch.failedAt !== null);
    for (const watch of this.watches) {
      const served = next.get(watch)!;
      watch.served = served;
      await this.checkDays(watch);
    }
    await this.checkRuns();
    await this.money.check();
  }

  /** Boards none of whose cabinets has anything to do within the gathering time. */
  async settledBoards(): Promise<Set<string>> {
    const found = await this.db.pool.query<{ id: number; dueAt: Date | null }>(
      'select id, least(due_at, claimed_due_at) as "dueAt" from cabinet',
    );
    const dueAt = new Map(found.rows.map((row) => [row.id, row.dueAt]));
    const settled = new Set(this.watches.map(({ model }) => model.board));
    for (const watch of this.watches) {
      const at = dueAt.get(watch.model.id);
      if (!this.isExact(watch) || (at && at.getTime() <= this.now + 300_000)) settled.delete(watch.model.board);
    }
    return settled;
  }

  /** The served bytes: whole, valid, and what our listings are in them. */
  async read(watch: Watch): Promise<Map<number, Served>> {
    const { row, model } = watch;
    const edition = await currentEdition(this.db, row);
    if (!edition) return new Map();
    const folder = editionFolder(this.dataDir, row.agencyId, row.id);
    const bytes = await readFile(editionPath(folder, edition.sha256, 'xml'));
    if (edition.sha256 === watch.sha256) return watch.served;
    const where = `cabinet ${model.id} (${model.board})`;
    if (createHash('sha256').update(bytes).digest('hex') !== edition.sha256) this.fail(`${where}: the file is torn`);
    const packed = await readFile(editionPath(folder, edition.sha256, 'xml.gz'));
    if (!gunzipSync(packed).equals(bytes)) this.fail(`${where}: the packed file says something else`);
    const text = bytes.toString();
    const problems = inspectEdition(row.family, text);
    if (problems.length > 0) this.fail(`${where}: ${JSON.stringify(problems.slice(0, 3))}`);
    const { codec } = deskOf(boardOf(model.board), row.family);
    const byOffer = new Map([...model.marks.values()].map((mark) => [mark.boardOfferId, mark.listingId]));
    const served = new Map<number, Served>();
    const offers = parseElement(text).children.filter(
      ({ name }) => name.toLowerCase() === codec.offerName.toLowerCase(),
    );
    if (offers.length !== edition.offers) this.fail(`${where}: ${edition.offers} offers, ${offers.length} in the file`);
    for (const offer of offers) {
      const { listing: values } = codec.read(offer);
      const offerId = values?.externalId;
      if (!values || offerId === undefined) this.fail(`${where}: an offer cannot be read`);
      const listingId = byOffer.get(offerId);
      if (listingId === undefined) this.fail(`${where}: nobody has marked an offer ${offerId}`);
      if (served.has(listingId)) this.fail(`${where}: two offers ${offerId}`);
      served.set(listingId, { offerId, values });
    }
    watch.sha256 = edition.sha256;
    return served;
  }

  async checkCabinet(watch: Watch, served: ReadonlyMap<number, Served>, isSettled: boolean): Promise<void> {
    const { model } = watch;
    const { world } = this;
    const where = `cabinet ${model.id} (${model.board})`;
    const found = await this.db.pool.query<{
      id: number;
      outcome: Outcome;
      isHeld: boolean;
      reason: string;
      cause: string | null;
      gate: string | null;
      since: Date;
    }>(
      `select o.listing_id as id, o.outcome, o.is_held as "isHeld", o.reason, o.since, o.judgement->'held'->>'cause' as cause,
         o.judgement->'held'->>'gate' as gate
       from mark_outcome o where o.cabinet_id = $1`,
      [model.id],
    );
    const outcomes = new Map(found.rows.map((row) => [row.id, row]));
    const unfunded = found.rows.flatMap(({ id, outcome }) => (outcome === 'unfunded' ? [id] : []));
    for (const id of unfunded) this.unfunded.add(`${model.id} ${id}`);
    if (!this.isExact(watch)) return;
    this.count('exact cabinet checks');
    const places: ModelMark[] = [];
    const waiting: ModelMark[] = [];
    const held = new Set<number>();
    for (const mark of model.marks.values()) {
      const id = mark.listingId;
      const listing = world.listings.get(id)!;
      const decided = outcomes.get(id);
      const offer = served.get(id);
      if (!mark.isLive) {
        if (offer) this.fail(`${where}: ${id} is not marked and is in the file`);
        if (decided) this.fail(`${where}: ${id} is not marked and has an outcome`);
        continue;
      }
      if (!decided) this.fail(`${where}: the mark of ${id} has no outcome`);
      if ((decided.outcome === 'published') !== (offer !== undefined))
        this.fail(`${where}: ${id} is ${decided.outcome} and ${offer ? 'is' : 'is not'} in the file`);
      this.outcomesSeen[decided.isHeld ? 'held' : decided.outcome] =
        (this.outcomesSeen[decided.isHeld ? 'held' : decided.outcome] ?? 0) + 1;
      const judged = judge(world, model, mark, this.now);
      if (decided.isHeld) {
        held.add(id);
        this.heldIds.add(`${model.id} ${id}`);
        this.checkHeld(watch, listing, mark, offer!, judged.outcome, judged.phone, decided.cause, decided.gate);
        continue;
      }
      // The brake would have kept it, and there was no money for that.
      if (judged.outcome !== null && decided.outcome === 'unfunded' && +decided.since === watch.lastRunAt) continue;
      if (judged.outcome !== null) {
        if (decided.outcome !== judged.outcome)
          this.fail(
            `${where}: ${id} is ${decided.outcome} («${decided.reason}»), it should be ${judged.outcome}: ${judged.why}`,
          );
        continue;
      }
      if (!['published', 'duplicate', 'waiting-turn', 'unfunded'].includes(decided.outcome))
        this.fail(`${where}: ${id} is ${decided.outcome} («${decided.reason}»), nothing stands in its way`);
      if (offer) this.checkOffer(where, model, mark, offer, judged.chosen, judged.phone);
      if (decided.outcome === 'published') places.push(mark);
      if (decided.outcome === 'waiting-turn') waiting.push(mark);
      if (decided.outcome === 'waiting-turn' && model.package === null)
        this.fail(`${where}: ${id} waits and there is no package`);
      if (decided.outcome === 'duplicate' && isExceptedDuplicate(world, id, this.now))
        this.fail(`${where}: ${id} is a duplicate in spite of an exception`);
    }
    const extra = [...outcomes.keys()].filter((id) => !model.marks.has(id));
    if (extra.length > 0) this.fail(`${where}: outcomes of unknown marks ${extra}`);
    if (isSettled) {
      this.checkPlaces(watch, places, waiting, held);
      this.money.judgeUnfunded(model.id, unfunded);
    }
    // Where money has come free for somebody, a run would let him out.
    if (isSettled) await this.checkEdition(watch, served);
  }

  checkOffer(
    where: string,
    model: ModelCabinet,
    mark: ModelMark,
    offer: Served,
    content: Chosen,
    phone: string | undefined,
  ): void {
    const id = mark.listingId;
    const { values } = offer;
    if (offer.offerId !== mark.boardOfferId) this.fail(`${where}: ${id} stands under another id, ${offer.offerId}`);
    if (values.contactPhones?.[0] !== phone)
      this.fail(`${where}: ${id} has the phone ${values.contactPhones?.[0]}, it should be ${phone}`);
    const wanted = content.values.description
      ?.replaceAll('{number}', String(id))
      .replaceAll('{phone}', spoken(phone ?? ''));
    if (flat(values.description) !== flat(wanted))
      this.fail(
        `${where}: ${id} (${content.approval}) says «${values.description?.slice(-60)}», it should say «${wanted?.slice(-60)}»`,
      );
    if (/\{(phone|number)\}/.test(`${values.title} ${values.description}`))
      this.fail(`${where}: ${id} shows a placeholder`);
    if (values.priceKopecks !== content.values.priceKopecks)
      this.fail(`${where}: ${id} costs ${values.priceKopecks}, it should cost ${content.values.priceKopecks}`);
    const photos = (of: Partial<Listing>) => (of.photos ?? []).map(({ url }) => url).join(' ');
    if (photos(values) !== photos(content.values))
      this.fail(`${where}: ${id} (${content.approval}) shows other photographs`);
    if (model.moderation === 'on' && !['approved', 'kept'].includes(content.approval))
      this.fail(`${where}: nobody has approved the content of ${id}`);
  }

  /** Kept by the brake: only what a mass cause would take away, with its last content and today's number. */
  checkHeld(
    watch: Watch,
    listing: ModelListing,
    mark: ModelMark,
    offer: Served,
    outcome: string | null,
    phone: string | undefined,
    cause: string | null,
    gate: string | null,
  ): void {
    const { model } = watch;
    const where = `cabinet ${model.id} (${model.board})`;
    const id = listing.id;
    this.count(`held: ${cause}`);
    const before = watch.served.get(id);
    if (!before) this.fail(`${where}: ${id} is held and was not in the file before`);
    if (offer.values.priceKopecks !== before.values.priceKopecks || flatPhoneless(offer) !== flatPhoneless(before))
      this.fail(`${where}: ${id} is held with another content than its last one`);
    if (offer.values.contactPhones?.[0] !== phone)
      this.fail(`${where}: ${id} is held with the phone ${offer.values.contactPhones?.[0]}, today's is ${phone}`);
    // A person's act, a term and the hours are explained: they are never held back.
    const explained = judge(
      {
        ...this.world,
        listings: new Map([[id, { ...listing, isInSource: true }]]),
        norms: new Map(),
        refusal: () => '',
      },
      { ...model, moderation: 'off' },
      mark,
      this.now,
    );
    const isOfSettings =
      cause === 'settings' &&
      ['off-market market', 'stale fresh', 'paused calendar'].includes(`${explained.outcome} ${gate}`);
    // Settings that were changed together with it are a mass cause of their own.
    if (explained.outcome !== null && !isOfSettings && !watch.wasTouched)
      this.fail(`${where}: the brake (${cause}) holds ${id}, which is ${explained.outcome}: ${explained.why}`);
    if (cause === 'source' && ((listing.isInSource && !listing.isChangedBySource) || outcome === null))
      this.fail(`${where}: the brake holds ${id} for its source, which has not changed`);
    if (cause === 'price') {
      const factor = valuesOf(listing).priceKopecks! / before.values.priceKopecks!;
      if (factor < 10 && factor > 0.1)
        this.fail(
          `${where}: the brake holds ${id} for a price that changed ${factor} times: ${before.values.priceKopecks} is served, ${valuesOf(listing).priceKopecks} is wanted`,
        );
    }
  }

  checkPlaces(
    watch: Watch,
    places: readonly ModelMark[],
    waiting: readonly ModelMark[],
    held: ReadonlySet<number>,
  ): void {
    const { model } = watch;
    const where = `cabinet ${model.id} (${model.board})`;
    const pack = model.package;
    if (pack === null) return;
    const today = wall(this.now, model.zone).day;
    const shown = new Set(places.map(({ listingId }) => listingId));
    const sellsExcess = this.money.sellsExcess(model.id);
    if (sellsExcess && waiting.length > 0)
      this.fail(`${where}: ${waiting.length} wait, and what exceeds it is for sale`);
    if (pack.kind === 'concurrent') {
      if (places.length > pack.places && !sellsExcess)
        this.fail(`${where}: ${places.length} offers in ${pack.places} places`);
      if (waiting.length > 0 && places.length + held.size < pack.places)
        this.fail(`${where}: ${pack.places - places.length} places are free and ${waiting.length} wait`);
      const look = { day: today, package: JSON.stringify([pack, model.turnDays]) };
      if (watch.placedLook?.package === look.package && watch.placedLook.day === today) {
        for (const { listingId } of waiting)
          if (watch.placedOn.has(listingId) && watch.served.has(listingId))
            this.fail(`${where}: ${listingId} lost its place in the middle of the day`);
      }
      // A pinned mark never waits behind the turn of an unpinned one that was given at a later midnight.
      for (const id of [...watch.placedOn.keys()]) if (!shown.has(id)) watch.placedOn.delete(id);
      for (const id of shown) if (!watch.placedOn.has(id)) watch.placedOn.set(id, today);
      watch.placedLook = look;
      return;
    }
    for (const { listingId } of places) {
      if (watch.placements.some((one) => one.listingId === listingId && one.until >= today)) continue;
      watch.placements.push({ listingId, from: today, until: addDays(today, pack.termDays - 1) });
    }
    for (const { listingId } of waiting) {
      if (held.has(listingId)) continue;
      if (watch.placements.some((one) => one.listingId === listingId && one.from <= today && one.until >= today))
        this.fail(`${where}: the paid placement of ${listingId} is not used`);
    }
    const period = periodStart(pack, today);
    const used = period === null ? 0 : watch.placements.filter(({ from }) => periodStart(pack, from) === period).length;
    // The package may have been made smaller after they were used up, and what exceeded it may have been for sale.
    watch.isRepacked ||= sellsExcess;
    if (!watch.isRepacked && used > pack.placements)
      this.fail(`${where}: ${used} placements used of ${pack.placements} since ${period}`);
    if (waiting.length > 0 && used < pack.placements && period !== null)
      this.fail(`${where}: ${used} placements of ${pack.placements} are used and ${waiting.length} wait`);
  }

  /** No flat twice on a board, over all its cabinets; who gives way is the younger one. */
  checkFlats(board: string, next: ReadonlyMap<Watch, ReadonlyMap<number, Served>>): void {
    const { world } = this;
    const watches = this.watches.filter(({ model }) => model.board === board);
    const claims: Claim[] = [];
    for (const { model } of watches) {
      for (const mark of model.marks.values()) {
        if (mark.isLive && judge(world, model, mark, this.now).outcome === null)
          claims.push({ cabinetId: model.id, mark });
      }
    }
    const lost = duplicatesOf(world, claims, this.now);
    // What the brake holds is on the board too, and may keep a twin away.
    const held: Claim[] = watches.flatMap(({ model }) =>
      [...model.marks.values()]
        .filter(({ listingId }) => this.heldIds.has(`${model.id} ${listingId}`))
        .map((mark) => ({ cabinetId: model.id, mark })),
    );
    const lostBesidesHeld = duplicatesOf(world, [...claims, ...held], this.now);
    for (const { cabinetId, mark } of claims) {
      const watch = watches.find(({ model }) => model.id === cabinetId)!;
      const id = mark.listingId;
      const isShown = next.get(watch)!.has(id);
      const isLost = lost.has(`${cabinetId} ${id}`);
      if (isShown && isLost && !this.heldIds.has(`${cabinetId} ${id}`))
        this.fail(
          `cabinet ${cabinetId}: ${id} is a duplicate on ${board} (${flatOf(world.listings.get(id)!)}) and is in the file`,
        );
      const isPaid = watch.model.package === null && !this.unfunded.has(`${cabinetId} ${id}`);
      if (!isShown && !lostBesidesHeld.has(`${cabinetId} ${id}`) && isPaid)
        this.fail(`cabinet ${cabinetId}: ${id} is nobody's duplicate on ${board} and is not in the file`);
    }
  }

  heldIds = new Set<string>();

  /** A run without a change makes no new edition. */
  async checkEdition(watch: Watch, served: ReadonlyMap<number, Served>): Promise<void> {
    if (!this.dice.chance(0.08)) return;
    const again = await publishCabinet(watch.row, this.options());
    await this.ran(watch);
    this.count('runs without a change');
    if (again.isNewEdition || again.sha256 !== watch.sha256 || again.offers !== served.size)
      this.fail(`cabinet ${watch.model.id}: a run without a change has made a new edition`);
    const sum = Object.values(again.outcomes).reduce((total, count) => total + count, 0);
    const live = [...watch.model.marks.values()].filter(({ isLive }) => isLive).length;
    if (sum !== live) this.fail(`cabinet ${watch.model.id}: ${live} marks have ${sum} outcomes`);
  }

  async checkDays(watch: Watch): Promise<void> {
    const { model, recorded } = watch;
    const found = await this.db.pool.query<{ day: string; hash: string }>(
      `select day, md5(outcomes) || md5(closing) || md5(units) as hash from day_record where cabinet_id = $1 order by day`,
      [model.id],
    );
    const days = new Map(found.rows.map(({ day, hash }) => [day, hash]));
    for (const [day, hash] of recorded)
      if (days.get(day) !== hash) this.fail(`cabinet ${model.id}: the record of ${day} has changed`);
    const offerIds = new Set<string>();
    for (const { boardOfferId } of model.marks.values()) offerIds.add(boardOfferId);
    for (const [day, hash] of days) {
      if (recorded.has(day)) continue;
      recorded.set(day, hash);
      if (recorded.size > 1 && !recorded.has(addDays(day, -1)))
        this.fail(`cabinet ${model.id}: ${addDays(day, -1)} is missing`);
      if (this.tainted.has(day)) continue;
      const from = startOf(day, model.zone);
      const until = from + DAY;
      const must = new Set<number>();
      const may = new Set<number>();
      for (const [at, span] of watch.spans.entries()) {
        const end = watch.spans[at + 1]?.from ?? Number.POSITIVE_INFINITY;
        if (span.from < until && end > from) for (const id of span.ids) must.add(id);
        if (span.from <= until && end >= from) for (const id of span.ids) may.add(id);
        if (span.from <= until && span.from >= from) for (const id of span.passing) may.add(id);
      }
      const told = new Set((await readDay(this.db, watch.row, day, 'published'))!.map(({ listingId }) => listingId));
      this.count('days compared');
      for (const id of must)
        if (!told.has(id)) this.fail(`cabinet ${model.id}: ${id} was shown on ${day} and the record does not say so`);
      for (const id of told)
        if (!may.has(id)) this.fail(`cabinet ${model.id}: the record says that ${id} was shown on ${day}`);
    }
  }

  async checkRuns(): Promise<void> {
    const found = await this.db.pool.query<{ id: number }>(
      `select cabinet_id as id from export_run where slot is not null group by cabinet_id, slot having count(*) > 1`,
    );
    if (found.rows.length > 0) this.fail('a slot was run twice');
  }

  // ------------------------------------------------------------------------------------------------ the play

  async restart(): Promise<void> {
    this.note('restart');
    await this.db.close();
    this.db = await openDatabase({ databaseUrl: this.url, dataDir: '' });
  }

  /** Time goes on; failed runs are tried again and edits are gathered until everything is settled. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 12; turn++) {
      const rest = Math.max(
        0,
        ...this.watches.map(({ editUntil, failedAt }) =>
          failedAt !== null
            ? 20_000 * 2 ** Math.min(turn, 5)
            : editUntil === null || editUntil > this.now + HOUR
              ? 0
              : editUntil - this.now,
        ),
      );
      if (rest === 0) return;
      this.now += rest;
      this.note(`${rest / 1000} s later`);
      await this.clockwork();
      await this.check();
    }
    if (this.watches.some(({ failedAt }) => failedAt !== null)) this.fail('a failed cabinet does not recover');
  }

  async round(): Promise<void> {
    const { dice } = this;
    this.count('rounds');
    for (
      let left = dice.weighted([
        [0, 2],
        [1, 4],
        [2, 3],
        [4, 2],
      ]);
      left > 0;
      left--
    ) {
      await this.act();
      if (dice.chance(0.2)) this.now += dice.int(1, 60_000);
    }
    await this.clockwork();
    await this.check();
    if (dice.chance(0.06)) await this.restart();
    if (dice.chance(0.7)) await this.settle();
    if (dice.chance(0.2)) await this.fund();
    const move = dice.weighted([
      ['to the next', 5],
      ['just before the next', 2],
      ['seconds', 1],
      ['hours', 4],
      ['days', 2],
      ['back', 0.7],
    ]);
    if (move === 'back') await this.back();
    else await this.forth(move);
    await this.clockwork();
    await this.check();
  }

  /** Whoever comes short is let out by the sum that he is told is missing. */
  async fund(): Promise<void> {
    const watch = this.dice.pick(this.watches.filter(({ model }) => model.package === null));
    if (watch.failedAt !== null || watch.lastRunAt > this.now) return;
    let listingId: number | undefined;
    // Balance and two limits: of what is missing most is told.
    for (let turn = 0; turn < 4; turn++) {
      await publishCabinet(watch.row, this.options());
      await this.ran(watch);
      const found = await this.db.pool.query<{ id: number; outcome: string; reason: string }>(
        'select listing_id as id, outcome, reason from mark_outcome where cabinet_id = $1 order by 1',
        [watch.model.id],
      );
      const short = found.rows.filter(({ outcome }) => outcome === 'unfunded');
      if (turn === 0 && short.length > 0) listingId = this.dice.pick(short).id;
      if (listingId === undefined) return;
      const { outcome, reason } = found.rows.find(({ id }) => id === listingId)!;
      if (outcome === 'published') {
        this.count('let out by the sum that was named');
        return;
      }
      const missing = missingIn(reason);
      if (outcome !== 'unfunded' || turn === 3)
        this.fail(`cabinet ${watch.model.id}: ${listingId} has what it lacked and is ${outcome}: ${reason}`);
      if (!missing) return;
      this.note(`cabinet ${watch.model.id}: ${listingId} gets ${missing.kopecks}, ${missing.how}`);
      await this.money.supply(missing.how, this.world.listings.get(listingId)!, missing.kopecks);
    }
  }

  async forth(move: string): Promise<void> {
    const { dice } = this;
    const next = await nextDue(this.db, this.clock());
    const far = this.now + dice.int(1, 3 * DAY);
    if (move === 'to the next') this.now = next === null ? far : Math.min(next.getTime(), this.now + 5 * DAY);
    else if (move === 'just before the next')
      this.now = next === null ? far : Math.max(this.now, Math.min(next.getTime() - 1, this.now + 5 * DAY));
    else if (move === 'seconds') this.now += dice.int(0, 400_000);
    else if (move === 'hours') this.now += dice.int(1, 20 * HOUR);
    else this.now = far;
    this.note(`time goes on: ${move}`);
  }

  /** A clock that was wrong is set right: nothing is run twice for that. */
  async back(): Promise<void> {
    await this.settle();
    const was = this.now;
    this.now -= this.dice.int(1, 26 * HOUR);
    this.note('the clock is set back');
    for (const { model } of this.watches) {
      const until = wall(was, model.zone).day;
      for (let day = addDays(wall(this.now, model.zone).day, -1); day <= addDays(until, 1); day = addDays(day, 1))
        this.tainted.add(day);
    }
    const isClean = this.watches.every(({ failedAt, editUntil }) => failedAt === null && editUntil === null);
    const runs = await this.db.pool.query<{ count: number }>('select count(*)::int as count from export_run');
    const due = await dueCabinets(this.db, this.clock());
    if (isClean && due.length > 0)
      this.fail(`cabinets ${due.map(({ id }) => id)} are due because the clock was set back`);
    await this.clockwork();
    const after = await this.db.pool.query<{ count: number }>('select count(*)::int as count from export_run');
    if (isClean && after.rows[0]!.count !== runs.rows[0]!.count)
      this.fail('a clock that was set back has run something again');
    await this.check();
  }
}

/**
 * A database whose connections all break at a statement, as when the server is restarted.
 * @param isDone the statement that broke was done, and only its answer was lost
 */
function cutAfter(db: Database, statements: number, isDone: boolean): Database {
  let left = statements;
  const lost = () => new Error('Connection terminated unexpectedly');
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, name) {
        const value = (target as Record<string | symbol, unknown>)[name];
        if (typeof value !== 'function') return value;
        if (name === 'connect') return async () => wrap(await value.call(target));
        if (name !== 'query') return value.bind(target);
        return async (...given: unknown[]) => {
          left--;
          if (left < 0 || (left === 0 && !isDone)) throw lost();
          const answer = await value.apply(target, given);
          if (left === 0) throw lost();
          return answer;
        };
      },
    });
  return { ...db, pool: wrap(db.pool) };
}

const isExceptedDuplicate = (world: World, listingId: number, ms: number) =>
  world.exceptions.some(
    (one) =>
      one.listingId === listingId &&
      one.gate === 'duplicate' &&
      !one.isRevoked &&
      one.until >= wall(ms, world.zone).day,
  );

const spoken = (phone: string) => phone.replace(/^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/, '+7 $1 $2-$3-$4');
const flat = (text: string | undefined) => (text ?? '').replace(/\s+/g, ' ').trim();
const flatPhoneless = ({ values }: Served) => flat(values.description).replace(/\+7 \d{3} \d{3}-\d\d-\d\d/g, '');

async function play(seed: number, { rounds, untilDay }: { rounds: number; untilDay?: string }): Promise<Play> {
  const game = new Play(seed);
  await game.open();
  try {
    while (
      game.counts.rounds === undefined ||
      game.counts.rounds < rounds ||
      (untilDay && wall(game.now, 'Europe/Moscow').day < untilDay)
    ) {
      await game.round();
    }
    await game.money.verify();
    return game;
  } catch (error) {
    const told = `${(error as Error).stack ?? error}\nSEED=${seed}\nThe last acts:\n${game.acts.slice(-25).join('\n')}`;
    throw new Error(told);
  } finally {
    await game.close();
  }
}

const isLong = Boolean(process.env.VYGRUZKA_LONG);
const chosenSeed = process.env.SEED === undefined ? undefined : Number(process.env.SEED);

describe('a simulated year', () => {
  const seeds = chosenSeed !== undefined ? [chosenSeed] : isLong ? [1, 2, 3] : [20261121];
  it.each(seeds)('nothing that must never happen happens, seed %d', { timeout: 3_600_000 }, async (seed) => {
    const game = await play(
      seed,
      isLong ? { rounds: 300, untilDay: '2027-01-12' } : { rounds: Number(process.env.ROUNDS ?? 25) },
    );
    if (process.env.MONTH_TELLS) console.log(seed, game.clock().toISOString(), game.counts, game.outcomesSeen);
  });
});
