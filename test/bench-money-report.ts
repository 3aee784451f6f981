/**
 * `npm run -s build && node dist/test/bench-money-report.js`: 150 days × 10,000 listings of one cabinet, a charge for
 * every listing-day in the feed, and how long the report of the money over all of it takes.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deflateSync } from 'node:zlib';
import { loadBoards } from '../src/boards/catalogue.ts';
import { codeOf, packClosing, packUnits } from '../src/domain/day-record.ts';
import { addDays, startOfDay } from '../src/domain/days.ts';
import { MONEY_GROUPING_LABELS } from '../src/domain/report-words.ts';
import { REACH_ALL } from '../src/domain/rights.ts';
import { moneyReport } from '../src/server/money-report.ts';
import { ensureCabinet, resolveAgency } from '../src/store/agencies.ts';
import { openDatabase } from '../src/store/database.ts';
import { systemAccount } from '../src/store/ledger.ts';
import { migrate } from '../src/store/migrate.ts';

const { values: args } = parseArgs({
  options: { days: { type: 'string', default: '150' }, listings: { type: 'string', default: '10000' } },
});
const [DAYS, LISTINGS] = [Number(args.days), Number(args.listings)];
const BRANCHES = 10;
const FIRST_DAY = '2026-06-01';

const dataDir = await mkdtemp(join(tmpdir(), 'vygruzka-bench-money-'));
// As root the database server runs as `nobody`, who must be able to pass through.
if (process.getuid?.() === 0) await chmod(dataDir, 0o711);
const db = await openDatabase({ dataDir });
const ask = (sql: string, values: readonly unknown[]) => db.pool.query(sql, [...values]);
try {
  await migrate(db);
  const { id: agencyId } = await resolveAgency(db, undefined, true);
  const cabinetId = await ensureCabinet(db, agencyId, { board: 'avito', slug: 'main', name: 'Авито', family: 'avito' });
  const board = await systemAccount(db.pool, agencyId, 'board', cabinetId);
  await ask(`insert into source (agency_id, name) values ($1, 'crm')`, [agencyId]);
  await ask(
    `insert into branch (agency_id, name) select $1, 'Филиал ' || n from generate_series(1, ${BRANCHES}) as n`,
    [agencyId],
  );
  await ask(
    `insert into unit (agency_id, id, branch_id) select $1, row_number() over (order by id), id from branch where agency_id = $1`,
    [agencyId],
  );
  await ask(
    `insert into listing (agency_id, source_id, external_id, branch_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
     select $1, (select id from source where agency_id = $1), 'L' || n, (select branch_id from unit where agency_id = $1 and id = 1 + n % ${BRANCHES}),
       v, 'h', v, 'h', now(), now(), now()
     from generate_series(0, $2::int - 1) as n cross join lateral (select jsonb_build_object('kind', case n % 3 when 0 then 'house' else 'flat' end, 'deal', 'sale')) as l(v)`,
    [agencyId, LISTINGS],
  );
  await ask(
    `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id)
     select $1, $2, id, now(), row_number() over (order by id) - 1, external_id from listing where agency_id = $1`,
    [agencyId, cabinetId],
  );
  const codes = new Uint8Array(LISTINGS).fill(codeOf('published'));
  const units = Uint32Array.from({ length: LISTINGS }, (_, ordinal) => 1 + (ordinal % BRANCHES));
  for (let index = 0, day = FIRST_DAY; index < DAYS; index++, day = addDays(day, 1)) {
    await ask(
      'insert into day_record (agency_id, cabinet_id, day, outcomes, closing, units) values ($1, $2, $3, $4, $5, $6)',
      [
        ...[agencyId, cabinetId, day, deflateSync(codes), deflateSync(packClosing({ throughId: index, codes }))],
        deflateSync(packUnits(units)),
      ],
    );
    // The payer is nobody's account here: the report reads transfers, and their accounts are no question of its speed.
    await ask(
      `insert into transfer (agency_id, id, kind, from_id, to_id, kopecks, day, at, cabinet_id, listing_id, basis, facts, by, reason)
       select $1, 'day:' || listing_id || ':' || $3::date, 'charge', $4::bigint + 1000, $4, 1000 + ordinal % 100, $3::date, now(), $2, listing_id, 'day',
         jsonb_build_object('kind', 'flat', 'deal', 'sale', 'region', null, 'priceKopecks', 500000000), 'выгрузка', 'день'
       from mark where agency_id = $1 and cabinet_id = $2`,
      [agencyId, cabinetId, day, board],
    );
  }
  const until = addDays(FIRST_DAY, DAYS - 1);
  await ask('update cabinet set recorded_through = $2 where id = $1', [cabinetId, until]);
  await db.pool.query('analyze');
  const reporter = {
    ...{ db, boards: loadBoards(), agencyId, reach: REACH_ALL },
    columns: [{ id: cabinetId, board: 'avito', boardName: 'Авито', title: 'Авито' }],
    now: startOfDay(addDays(until, 2), 'Europe/Moscow'),
  };
  console.log(`${DAYS} дней × ${LISTINGS} объектов, списаний ${DAYS * LISTINGS}`);
  for (const by of ['board', 'board', 'branch', 'kind', 'account'] as const) {
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    const { totals } = await moneyReport(reporter, { from: FIRST_DAY, until, by });
    const { user, system } = process.cpuUsage(cpu);
    console.log(
      `${MONEY_GROUPING_LABELS[by]}: ${((performance.now() - startedAt) / 1000).toFixed(2)} с (процессор программы ${((user + system) / 1e6).toFixed(2)} с), потрачено ${totals.spentKopecks}`,
    );
  }
} finally {
  await db.close();
  await rm(dataDir, { recursive: true, force: true });
}
