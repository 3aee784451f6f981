/** The state checker of the ledger: what must be true of an agency's money at any moment, whatever came before. */
import { effects, OWN_KINDS, type TransferKind } from '../../src/domain/ledger.ts';
import type { Database } from '../../src/store/database.ts';

interface Transfer {
  readonly id: string;
  readonly kind: TransferKind;
  readonly from: number;
  readonly to: number;
  readonly kopecks: number;
  readonly day: string;
  readonly resolves: string | null;
  readonly reverses: string | null;
}

const SEALED = ['account', 'transfer', 'tariff', 'promotion', 'waiver', 'board_report', 'board_charge'] as const;

/** @returns what is wrong; empty when nothing */
export async function ledgerFaults(db: Database, agencyId: number): Promise<string[]> {
  const rows = async <T>(sql: string) => (await db.pool.query(sql, [agencyId])).rows as T[];
  const faults: string[] = [];
  const same = (what: string, is: number, should: number) => {
    if (is !== should) faults.push(`${what} is ${is} and should be ${should}`);
  };

  const accounts = await rows<{
    id: number;
    kind: string;
    balance: number;
    held: number;
    entries: number;
    overdraft: number;
  }>(
    `select id, kind, balance_kopecks as balance, held_kopecks as held, entries, overdraft_kopecks as overdraft
     from account where agency_id = $1 order by id`,
  );
  const transfers = await rows<Transfer>(
    `select id, kind, from_id as "from", to_id as "to", kopecks, day, resolves, reverses from transfer where agency_id = $1 order by seq`,
  );
  const byId = new Map(transfers.map((transfer) => [transfer.id, transfer]));

  const should = new Map(accounts.map(({ id }) => [id, { balance: 0, held: 0, entries: 0 }]));
  const openHolds = new Map<number, number>();
  const spending = new Map<string, number>();
  const add = <K>(map: Map<K, number>, key: K, more: number) => map.set(key, (map.get(key) ?? 0) + more);
  const spend = (account: number, day: string, kopecks: number) => {
    for (const period of [day, day.slice(0, 7)]) add(spending, `${account} in ${period}`, kopecks);
  };
  const ends = new Set<string>();
  for (const { id, kind, from, to, kopecks, day, resolves, reverses } of transfers) {
    const effect = effects(kind, kopecks, resolves !== null);
    for (const [account, { balance, held }] of [
      [from, effect.from],
      [to, effect.to],
    ] as const) {
      const sums = should.get(account);
      if (!sums) {
        faults.push(`transfer ${id} names account ${account}, which is not there`);
        continue;
      }
      sums.balance += balance;
      sums.held += held;
      sums.entries++;
    }
    if (kind === 'hold') add(openHolds, from, kopecks);
    if (resolves !== null) add(openHolds, from, -kopecks);
    if (kind === 'hold' || (kind === 'charge' && resolves === null)) spend(from, day, kopecks);
    if (kind === 'release') spend(from, day, -kopecks);
    if (kind === 'refund') spend(to, day, -kopecks);
    const ended = resolves ?? reverses;
    if (kind === 'refund' && reverses === null) faults.push(`refund ${id} pays nothing back`);
    if (ended === null) continue;
    const other = byId.get(ended);
    const isWhole =
      other?.kopecks === kopecks &&
      (resolves !== null
        ? other.kind === 'hold' && other.from === from && other.to === to
        : other.kind === 'charge' && other.from === to && other.to === from);
    if (!isWhole) faults.push(`transfer ${id} ends ${ended}, which is not its like`);
    if (ends.has(ended)) faults.push(`transfer ${ended} ends twice`);
    ends.add(ended);
  }

  for (const { id, kind, balance, held, entries, overdraft } of accounts) {
    const sums = should.get(id)!;
    same(`balance of ${kind} ${id}`, balance, sums.balance);
    same(`held of ${kind} ${id}`, held, sums.held);
    same(`entries of ${kind} ${id}`, entries, sums.entries);
    if (!(OWN_KINDS as readonly string[]).includes(kind)) continue;
    same(`open holds of ${kind} ${id}`, openHolds.get(id) ?? 0, held);
    if (balance - held + overdraft < 0) faults.push(`${kind} ${id} is overdrawn`);
  }
  const total = (of: (account: (typeof accounts)[number]) => number) => accounts.reduce((sum, one) => sum + of(one), 0);
  same(
    'the sum of all balances',
    total(({ balance }) => balance),
    0,
  );
  same(
    'the sum of all holds',
    total(({ held }) => held),
    0,
  );

  const kept = await rows<{ account: number; period: string; kopecks: number }>(
    'select account_id as account, period, kopecks from account_spending where agency_id = $1',
  );
  const written = new Map(kept.map(({ account, period, kopecks }) => [`${account} in ${period}`, kopecks]));
  for (const key of new Set([...written.keys(), ...spending.keys()])) {
    same(`spending of ${key}`, written.get(key) ?? 0, spending.get(key) ?? 0);
  }

  for (const table of SEALED) {
    const [broken] = await rows<{ count: number }>(
      `select count(*)::int as count from ${table} t where agency_id = $1 and seal <> seal_of(t)`,
    );
    same(`the number of broken seals of ${table}`, broken!.count, 0);
  }
  return faults;
}
