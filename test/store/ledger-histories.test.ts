import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { KOPECKS_MAX } from '../../src/domain/money.ts';
import { transaction } from '../../src/store/database.ts';
import {
  changeAccount,
  correct,
  move,
  type NewTransfer,
  openAccount,
  post,
  refund,
  systemAccount,
  topUp,
} from '../../src/store/ledger.ts';
import { ledgerFaults } from './ledger-check.ts';
import { stock } from './stock.ts';
import { testDatabase } from './testdb.ts';

/**
 * Random histories of everything that can happen to money, played against the database and against a model that was
 * written from the rules alone (T18). After each step all sums are equal; a refused step has changed nothing.
 */

const IS_LONG = process.env.VYGRUZKA_LONG !== undefined;
if (IS_LONG) vi.setConfig({ testTimeout: 1_800_000 });

let base: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  base = await testDatabase();
});
afterAll(() => base.drop());

const NOW = new Date('2026-11-22T09:00:00Z');
const BY = { name: 'Марина Волкова' };
const DAYS = ['2026-11-29', '2026-11-30', '2026-12-01'] as const;
/** Who may have an account; everybody is opened in the middle of the history, if at all. */
const OWNERS = [
  { kind: 'agency', ownerId: null },
  { kind: 'branch', ownerId: 1 },
  { kind: 'department', ownerId: 1 },
  { kind: 'employee', ownerId: 1 },
] as const;
const UNKNOWN = 999_999_999;

type Step =
  | { readonly does: 'open'; readonly who: number }
  | { readonly does: 'top-up'; readonly who: number; readonly sum: number; readonly key: number }
  | {
      readonly does: 'move';
      readonly who: number;
      readonly whom: number;
      readonly sum: number;
      readonly key: number;
    }
  | {
      readonly does: 'correct';
      readonly who: number;
      readonly direction: 'to' | 'from';
      readonly sum: number;
      readonly key: number;
    }
  | {
      readonly does: 'hold' | 'charge';
      readonly who: number;
      readonly sum: number;
      readonly day: number;
      readonly key: number;
    }
  | { readonly does: 'end'; readonly which: number; readonly as: 'charge' | 'release' }
  | { readonly does: 'refund'; readonly which: number }
  /** The same once more: one of those before it. */
  | { readonly does: 'repeat'; readonly which: number }
  | {
      readonly does: 'change';
      readonly who: number;
      readonly overdraft?: number;
      readonly dayLimit?: number | null;
      readonly monthLimit?: number | null;
    };

type Command = Exclude<Step, { does: 'repeat' }>;

const who = fc.nat(OWNERS.length - 1);
const key = fc.nat(7);
const sum = fc.oneof(
  { weight: 30, arbitrary: fc.integer({ min: 1, max: 200 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, -1, 1.5, Number.NaN, KOPECKS_MAX + 1) },
);
const income = fc.oneof({ weight: 30, arbitrary: fc.integer({ min: 1, max: 300 }) }, { weight: 3, arbitrary: sum });
const limit = fc.option(fc.integer({ min: 0, max: 500 }), { nil: null });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('open' as const), who }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('top-up' as const), who, sum: income, key }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('move' as const), who, whom: who, sum, key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('correct' as const),
      who,
      direction: fc.constantFrom('to' as const, 'from' as const),
      sum,
      key,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      does: fc.constantFrom('hold' as const, 'charge' as const),
      who,
      sum: fc.integer({ min: 1, max: 200 }),
      day: fc.nat(DAYS.length - 1),
      key: fc.nat(60),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('end' as const),
      which: fc.nat(8),
      as: fc.constantFrom('charge' as const, 'release' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('refund' as const), which: fc.nat(8) }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('repeat' as const), which: fc.nat(50) }) },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        does: fc.constant('change' as const),
        who,
        overdraft: fc.constantFrom(0, 300),
        dayLimit: limit,
        monthLimit: limit,
      },
      { requiredKeys: ['does', 'who'] },
    ),
  },
);

// ---------------------------------------------------------------------------------------------------------------------
// The model: what should happen, from the rules alone.

interface Purse {
  money: number;
  held: number;
  overdraft: number;
  dayLimit: number | null;
  monthLimit: number | null;
  entries: number;
  spent: Record<string, number>;
}

interface Booking {
  readonly what: string;
  readonly from: string;
  readonly to: string;
  readonly sum: number;
  readonly day: string;
  /** Holds and charges: ended, or paid back. */
  isOver: boolean;
}

type Answer = 'done' | 'again' | 'nothing' | string;

class Model {
  readonly purses = new Map<string, Purse>([
    ['bank', this.#fresh()],
    ['board', this.#fresh()],
  ]);
  readonly bookings = new Map<string, Booking>();
  deeds = 0;

  #fresh(): Purse {
    return { money: 0, held: 0, overdraft: 0, dayLimit: null, monthLimit: null, entries: 0, spent: {} };
  }

  #spend(purse: Purse, day: string, sum: number): void {
    for (const period of [day, day.slice(0, 7)]) purse.spent[period] = (purse.spent[period] ?? 0) + sum;
  }

  #isAble(name: string, sum: number, day: string | null): boolean {
    if (name === 'bank') return true;
    const purse = this.purses.get(name)!;
    if (purse.money - purse.held + purse.overdraft < sum) return false;
    if (day === null) return true;
    const isWithin = (limit: number | null, period: string) =>
      limit === null || (purse.spent[period] ?? 0) + sum <= limit;
    return isWithin(purse.dayLimit, day) && isWithin(purse.monthLimit, day.slice(0, 7));
  }

  /** What happens to a booking of that id before anybody's money is looked at. */
  #known(id: string, what: string, from: string, to: string, sum: number): Answer | undefined {
    const there = this.bookings.get(id);
    if (!there) return undefined;
    const isSame = there.what === what && there.from === from && there.to === to && there.sum === sum;
    return isSame ? 'again' : 'transfer-differs';
  }

  #book(id: string, what: string, from: string, to: string, sum: number, day = ''): void {
    this.bookings.set(id, { what, from, to, sum, day, isOver: false });
    for (const name of [from, to]) this.purses.get(name)!.entries++;
  }

  #give(from: string, to: string, sum: number): void {
    this.purses.get(from)!.money -= sum;
    this.purses.get(to)!.money += sum;
  }

  #hold(from: string, sum: number): void {
    this.purses.get(from)!.held += sum;
    this.purses.get('board')!.held -= sum;
  }

  #byPerson(id: string, what: string, from: string, to: string, sum: number): Answer {
    const known = this.#known(id, what, from, to, sum);
    if (known) return known;
    if (!this.#isAble(from, sum, null)) return 'account-short';
    this.#book(id, what, from, to, sum);
    this.#give(from, to, sum);
    this.deeds++;
    return 'done';
  }

  /** The nth that there is; later ones come round to the first again. */
  pick(what: 'hold' | 'charge', which: number): string | undefined {
    const ids = [...this.bookings].filter(([, booking]) => booking.what === what).map(([id]) => id);
    return ids.length === 0 ? undefined : ids[which % ids.length];
  }

  do(given: Command): Answer {
    const isSum = (value: number) => Number.isInteger(value) && value >= 1 && value <= KOPECKS_MAX;
    const name = 'who' in given ? `who${given.who}` : '';
    switch (given.does) {
      case 'open':
        if (this.purses.has(name)) return 'again';
        this.purses.set(name, this.#fresh());
        this.deeds++;
        return 'done';
      case 'top-up':
        if (!isSum(given.sum)) return 'bad-sum';
        if (!this.purses.has(name)) return 'account-unknown';
        return this.#byPerson(`topup:${given.key}`, 'top-up', 'bank', name, given.sum);
      case 'correct': {
        if (!isSum(given.sum)) return 'bad-sum';
        if (!this.purses.has(name)) return 'account-unknown';
        const [from, to] = given.direction === 'to' ? ['bank', name] : [name, 'bank'];
        return this.#byPerson(`correction:${given.key}`, 'correction', from!, to!, given.sum);
      }
      case 'move': {
        const other = `who${given.whom}`;
        if (!isSum(given.sum)) return 'bad-sum';
        if (!this.purses.has(name) && !this.purses.has(other)) return 'account-unknown';
        if (name === other) return 'same-account';
        if (!this.purses.has(name) || !this.purses.has(other)) return 'account-unknown';
        return this.#byPerson(`move:${given.key}`, 'move', name, other, given.sum);
      }
      case 'hold':
      case 'charge': {
        if (!this.purses.has(name)) return 'nothing';
        const id = `day:${given.key}`;
        const known = this.#known(id, given.does, name, 'board', given.sum);
        if (known) return known;
        const day = DAYS[given.day]!;
        if (!this.#isAble(name, given.sum, day)) return 'account-short';
        this.#book(id, given.does, name, 'board', given.sum, day);
        if (given.does === 'hold') this.#hold(name, given.sum);
        else this.#give(name, 'board', given.sum);
        this.#spend(this.purses.get(name)!, day, given.sum);
        return 'done';
      }
      case 'end': {
        const holdId = this.pick('hold', given.which);
        if (holdId === undefined) return 'nothing';
        const hold = this.bookings.get(holdId)!;
        const id = `${holdId}:${given.as}`;
        const known = this.#known(id, given.as, hold.from, 'board', hold.sum);
        if (known) return known;
        if (hold.isOver) return 'transfer-differs';
        hold.isOver = true;
        this.#book(id, given.as, hold.from, 'board', hold.sum, hold.day);
        this.#hold(hold.from, -hold.sum);
        if (given.as === 'charge') this.#give(hold.from, 'board', hold.sum);
        else this.#spend(this.purses.get(hold.from)!, hold.day, -hold.sum);
        return 'done';
      }
      case 'refund': {
        const chargeId = this.pick('charge', given.which);
        if (chargeId === undefined) return 'nothing';
        const charge = this.bookings.get(chargeId)!;
        if (charge.isOver) return 'already-refunded';
        charge.isOver = true;
        this.#book(`${chargeId}:refund`, 'refund', 'board', charge.from, charge.sum, charge.day);
        this.#give('board', charge.from, charge.sum);
        this.#spend(this.purses.get(charge.from)!, charge.day, -charge.sum);
        this.deeds++;
        return 'done';
      }
      case 'change': {
        const purse = this.purses.get(name);
        if (!purse) return 'account-unknown';
        const { overdraft = purse.overdraft, dayLimit = purse.dayLimit, monthLimit = purse.monthLimit } = given;
        if (purse.money - purse.held + overdraft < 0) return 'overdraft-in-use';
        Object.assign(purse, { overdraft, dayLimit, monthLimit });
        this.deeds++;
        return 'done';
      }
    }
  }

  /** As `stateOf` tells the database. */
  state(): object {
    const spent = (all: Record<string, number>) => Object.fromEntries(Object.entries(all).filter(([, of]) => of !== 0));
    return {
      purses: Object.fromEntries(
        [...this.purses]
          .filter(([name, { entries }]) => name.startsWith('who') || entries > 0)
          .map(([name, purse]) => [name, { ...purse, spent: spent(purse.spent) }]),
      ),
      transfers: this.bookings.size,
      deeds: this.deeds,
    };
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// The same for the database.

class Played {
  readonly ids = new Map<string, number>();
  readonly agencyId: number;
  readonly cabinetId: number;
  readonly boardId: number;
  constructor(agencyId: number, cabinetId: number, boardId: number) {
    this.agencyId = agencyId;
    this.cabinetId = cabinetId;
    this.boardId = boardId;
  }

  #id(index: number): number {
    return this.ids.get(`who${index}`) ?? UNKNOWN;
  }

  #post(given: Omit<NewTransfer, 'by' | 'reason'>): Promise<boolean> {
    return transaction(base.db, (client) =>
      post(
        client,
        this.agencyId,
        { ...given, cabinetId: this.cabinetId, basis: 'day', by: 'выгрузка', reason: 'день' },
        NOW,
      ),
    );
  }

  async do(given: Command, model: Model): Promise<Answer> {
    const { agencyId, boardId } = this;
    const order = (key: number, kopecks: number) => ({ key: String(key), kopecks, reason: 'по плану', by: BY });
    const told = ({ isNew }: { isNew: boolean }) => (isNew ? 'done' : 'again');
    try {
      switch (given.does) {
        case 'open': {
          const made = await openAccount(base.db, agencyId, OWNERS[given.who]!, BY, NOW);
          this.ids.set(`who${given.who}`, made.id);
          return told(made);
        }
        case 'top-up':
          return told(await topUp(base.db, agencyId, this.#id(given.who), order(given.key, given.sum), NOW));
        case 'correct':
          return told(
            await correct(base.db, agencyId, this.#id(given.who), given.direction, order(given.key, given.sum), NOW),
          );
        case 'move': {
          const [from, to] = [this.#id(given.who), this.#id(given.whom)];
          // Two who are not there are not one account.
          if (from === to && from === UNKNOWN && Number.isSafeInteger(given.sum) && given.sum > 0)
            return given.sum > KOPECKS_MAX ? 'bad-sum' : 'account-unknown';
          return told(await move(base.db, agencyId, from, to, order(given.key, given.sum), NOW));
        }
        case 'hold':
        case 'charge': {
          const fromId = this.#id(given.who);
          if (fromId === UNKNOWN) return 'nothing';
          const line = { id: `day:${given.key}`, kind: given.does, fromId, toId: boardId, kopecks: given.sum };
          return (await this.#post({ ...line, day: DAYS[given.day]! })) ? 'done' : 'again';
        }
        case 'end': {
          const id = model.pick('hold', given.which);
          if (id === undefined) return 'nothing';
          const { from, sum: kopecks, day } = model.bookings.get(id)!;
          const line = { id: `${id}:${given.as}`, kind: given.as, fromId: this.ids.get(from)!, toId: boardId, kopecks };
          return (await this.#post({ ...line, day, resolves: id })) ? 'done' : 'again';
        }
        case 'refund': {
          const id = model.pick('charge', given.which);
          if (id === undefined) return 'nothing';
          await refund(base.db, agencyId, id, 'ошибка', BY, NOW);
          return 'done';
        }
        case 'change': {
          const { overdraft, dayLimit, monthLimit } = given;
          const change = {
            ...(overdraft === undefined ? {} : { overdraftKopecks: overdraft }),
            ...(dayLimit === undefined ? {} : { dayLimitKopecks: dayLimit }),
            ...(monthLimit === undefined ? {} : { monthLimitKopecks: monthLimit }),
          };
          await changeAccount(base.db, agencyId, this.#id(given.who), change, BY, NOW);
          return 'done';
        }
      }
    } catch (error) {
      const { name, code } = error as { name: string; code?: string };
      // Anything but our own two is a fault of the program.
      if (name !== 'Refusal' && name !== 'Fault') throw error;
      return code!;
    }
  }

  async state(): Promise<object> {
    const found = await base.db.pool.query<{
      accounts: { id: number; kind: string; purse: Purse }[] | null;
      transfers: number;
      deeds: number;
    }>(
      `select (select jsonb_agg(jsonb_build_object('id', a.id, 'kind', a.kind, 'purse', jsonb_build_object('money', a.balance_kopecks,
           'held', a.held_kopecks, 'overdraft', a.overdraft_kopecks, 'dayLimit', a.day_limit_kopecks, 'monthLimit', a.month_limit_kopecks,
           'entries', a.entries, 'spent', coalesce((select jsonb_object_agg(s.period, s.kopecks) from account_spending s
             where s.agency_id = a.agency_id and s.account_id = a.id and s.kopecks <> 0), '{}')))) from account a where a.agency_id = $1) as accounts,
         (select count(*)::int from transfer where agency_id = $1) as transfers, (select count(*)::int from journal where agency_id = $1) as deeds`,
      [this.agencyId],
    );
    const { accounts, transfers, deeds } = found.rows[0]!;
    const names = new Map([...this.ids].map(([name, id]) => [id, name]));
    return {
      purses: Object.fromEntries(
        (accounts ?? [])
          .map(({ id, kind, purse }) => [names.get(id) ?? kind, purse] as const)
          .filter(([name, { entries }]) => name.startsWith('who') || entries > 0),
      ),
      transfers,
      deeds,
    };
  }
}

it('random histories end in the database as they do in the model (T18)', async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40, size: 'max' }), async (given) => {
      const { agencyId, cabinet } = await stock(base.db, {}, NOW);
      const cabinetId = await cabinet();
      const boardId = await systemAccount(base.db.pool, agencyId, 'board', cabinetId);
      const model = new Model();
      const played = new Played(agencyId, cabinetId, boardId);
      // Two have an account from the start: most histories would be refusals otherwise.
      const start: Command[] = [0, 3].flatMap((who) => [
        { does: 'open', who },
        { does: 'top-up', who, sum: 100, key: 100 + who },
        { does: 'change', who, overdraft: 300 },
      ]);
      const done: Command[] = [];
      for (const next of [...start, ...given]) {
        const one = next.does === 'repeat' ? done[next.which % done.length]! : next;
        done.push(one);
        const before = model.state();
        const answer = await played.do(one, model);
        const expected = model.do(one);
        expect(answer).toBe(expected);
        expect(await played.state()).toEqual(model.state());
        if (expected !== 'done') expect(model.state()).toEqual(before);
        seen.add(`${one.does} ${expected}`);
      }
      expect(await ledgerFaults(base.db, agencyId)).toEqual([]);
    }),
    { numRuns: IS_LONG ? 1000 : 40, ...(IS_LONG ? {} : { seed: 20261122 }) },
  );
  // Everything that can be answered has been.
  const mine = ['bad-sum', 'account-unknown', 'done', 'again', 'transfer-differs'];
  const line = ['nothing', 'done', 'again', 'transfer-differs'];
  expect([...seen].sort()).toEqual(
    Object.entries({
      open: ['done', 'again'],
      'top-up': mine,
      correct: [...mine, 'account-short'],
      move: [...mine, 'account-short', 'same-account'],
      hold: [...line, 'account-short'],
      charge: [...line, 'account-short'],
      end: line,
      refund: ['nothing', 'done', 'already-refunded'],
      change: ['done', 'account-unknown', 'overdraft-in-use'],
    })
      .flatMap(([does, answers]) => answers.map((answer) => `${does} ${answer}`))
      .sort(),
  );
});
