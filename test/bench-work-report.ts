/**
 * `npm run -s build && node dist/test/bench-work-report.js`: 100,000 listings marked for five cabinets, verdicts of 150
 * days over them, and how long the report of the work takes over the usual time and over all of it.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deflateSync } from 'node:zlib';
import { codeOf, packClosing } from '../src/domain/day-record.ts';
import { addDays, startOfDay } from '../src/domain/days.ts';
import { REACH_ALL, type Reach } from '../src/domain/rights.ts';
import { workReport } from '../src/server/work-report.ts';
import { ensureCabinet, resolveAgency } from '../src/store/agencies.ts';
import { openDatabase } from '../src/store/database.ts';
import { keptUnits, UnitReader } from '../src/store/days.ts';
import { migrate } from '../src/store/migrate.ts';

const { values: args } = parseArgs({
  options: {
    listings: { type: 'string', default: '100000' },
    cabinets: { type: 'string', default: '5' },
    days: { type: 'string', default: '150' },
    verdicts: { type: 'string', default: '300' },
    dir: { type: 'string' },
  },
});
const [LISTINGS, CABINETS, DAYS] = [Number(args.listings), Number(args.cabinets), Number(args.days)];
/** A day. */
const VERDICTS = Number(args.verdicts);
const [BRANCHES, DEPARTMENTS, PEOPLE] = [10, 30, 300];
const FIRST_DAY = '2026-06-01';

const dataDir = args.dir ?? (await mkdtemp(join(tmpdir(), 'vygruzka-bench-work-')));
// As root the database server runs as `nobody`, who must be able to pass through.
if (process.getuid?.() === 0) await chmod(dataDir, 0o711);
const db = await openDatabase({ dataDir });
const ask = (sql: string, values: readonly unknown[]) => db.pool.query(sql, [...values]);
const last = addDays(FIRST_DAY, DAYS - 1);
const now = new Date(startOfDay(addDays(last, 1), 'Europe/Moscow').getTime() + 12 * 3_600_000);

/** Of the blocked marks some want photos, some a text, some something else. */
const JUDGEMENT = `case n.at % 20
  when 0 then jsonb_build_object('board', jsonb_build_array(jsonb_build_object('code', 'avito/photos', 'field', 'photos', 'message', 'Нужны фотографии', 'fixedBy', 'agent')))
  when 1 then jsonb_build_object('norms', jsonb_build_array(jsonb_build_object('code', 'norms/text', 'field', 'description', 'message', 'Короткий текст', 'fixedBy', 'agent')))
  when 2 then jsonb_build_object('board', jsonb_build_array(jsonb_build_object('code', 'avito/area', 'field', 'areaM2', 'message', 'Нет площади', 'fixedBy', 'agent')))
  when 3 then case when n.at % 200 = 3 then jsonb_build_object('approval', 'awaiting', 'waiting', jsonb_build_array('Описание'), 'touches', jsonb_build_array('text')) else jsonb_build_object('approval', 'approved') end
  else jsonb_build_object('approval', 'approved') end`;

async function fill(): Promise<number> {
  const { id: agencyId } = await resolveAgency(db, undefined, true);
  await ask(`insert into source (agency_id, name) values ($1, 'crm')`, [agencyId]);
  await ask(
    `insert into branch (agency_id, name) select $1, 'Филиал ' || n from generate_series(1, ${BRANCHES}) as n`,
    [agencyId],
  );
  await ask(
    `insert into department (agency_id, branch_id, name) select $1, b.id, b.name || ', отдел ' || n
     from (select id, name from branch where agency_id = $1) b, generate_series(1, ${DEPARTMENTS / BRANCHES}) as n`,
    [agencyId],
  );
  await ask(
    `insert into employee (agency_id, branch_id, department_id, name)
     select $1, d.branch_id, d.id, 'Сотрудник ' || n from generate_series(1, ${PEOPLE}) as n
     join (select id, branch_id, row_number() over (order by id) as at from department where agency_id = $1) d on d.at = 1 + n % ${DEPARTMENTS}`,
    [agencyId],
  );
  await ask(
    `insert into unit (agency_id, id, branch_id, department_id, employee_id)
     select $1, row_number() over (order by id), branch_id, department_id, id from employee where agency_id = $1`,
    [agencyId],
  );
  // Whose a listing is has no order in it.
  await ask(
    `insert into listing (agency_id, source_id, external_id, employee_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at, pending_since)
     select $1, (select id from source where agency_id = $1), 'L' || n, u.employee_id, v, 'h', v, 'h', $3, $3, $3::timestamptz - n % 60 * interval '1 day',
       case when n % 200 = 3 then $3::timestamptz - n % 90 * interval '1 hour' end
     from generate_series(0, $2::int - 1) as n join unit u on u.agency_id = $1 and u.id = 1 + (n::bigint * 7919 + n / 300 * 104729) % ${PEOPLE}
     cross join lateral (select jsonb_build_object('externalId', 'L' || n, 'kind', 'flat', 'deal', 'sale', 'title', 'Квартира ' || n,
       'description', repeat('Просторная светлая квартира рядом с парком. ', 12))) as l(v) order by n`,
    [agencyId, LISTINGS, now],
  );
  for (let cabinet = 0; cabinet < CABINETS; cabinet++) {
    const id = await ensureCabinet(db, agencyId, {
      ...{ board: 'avito', slug: `main-${cabinet}` },
      ...{ name: 'Авито', family: 'avito' },
    });
    await ask(
      `insert into mark (agency_id, cabinet_id, listing_id, marked_at, ordinal, board_offer_id)
       select $1, $2, id, $3, row_number() over (order by id) - 1, external_id from listing where agency_id = $1`,
      [agencyId, id, now],
    );
    await ask(
      `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, since, decided_at, input_key, content_key)
       select $1, $2, m.listing_id, case when n.at % 20 < 3 then 'blocked' when n.at % 200 = 3 then 'awaiting-moderation' else 'published' end, ${JUDGEMENT}, $3, $3, 'h', 'h'
       from mark m cross join lateral (select m.ordinal as at) n where m.agency_id = $1 and m.cabinet_id = $2`,
      [agencyId, id, new Date(now.getTime() - 3_600_000)],
    );
    await recordDays(agencyId, id);
  }
  for (let day = FIRST_DAY, at = 0; day <= last; day = addDays(day, 1), at++)
    await ask(
      `with said as (
         insert into verdict (agency_id, listing_id, kind, content, content_hash, reasons, employee_id, by, at, effective_at)
         select $1, l.id, case when k % 5 = 0 then 'returned' else 'approved' end, '{}', 'h' || k,
           case when k % 5 = 0 then '[{"code":"photos","text":"Фотографии","field":"photos"}]'::jsonb else '[]' end, l.employee_id, 'Модератор',
           $3::timestamptz + k * interval '1 second', $3::timestamptz + k * interval '1 second' + interval '10 seconds'
         from generate_series(1, $2::int) as k
         join (select id, employee_id, row_number() over (order by id) - 1 as place from listing where agency_id = $1) l
           on l.place = (k::bigint * 7907 + $4::int * 331) % $5::int
         returning agency_id, id, listing_id, kind, at)
       insert into journal (agency_id, at, by, action, listing_id, facts)
       select agency_id, at, 'Модератор', 'verdict-' || kind, listing_id, jsonb_build_object('verdictId', id, 'pendingSince', at - interval '5 hours') from said`,
      [agencyId, VERDICTS, new Date(startOfDay(day, 'Europe/Moscow').getTime() + 10 * 3_600_000), at, LISTINGS],
    );
  await db.pool.query('vacuum analyze');
  return agencyId;
}

/** Everything is in the feed; every day a thousandth of the listings goes to somebody else. */
async function recordDays(agencyId: number, cabinetId: number): Promise<void> {
  const { rows } = await db.pool.query<{ unit: number }>(
    `select u.id as unit from mark m join listing l on l.agency_id = m.agency_id and l.id = m.listing_id
     join unit u on u.agency_id = l.agency_id and u.employee_id = l.employee_id where m.agency_id = $1 and m.cabinet_id = $2 order by m.ordinal`,
    [agencyId, cabinetId],
  );
  const units = Uint32Array.from(rows, ({ unit }) => unit);
  const codes = new Uint8Array(units.length).fill(codeOf('published'));
  const outcomes = deflateSync(codes);
  const reader = new UnitReader(db.pool, agencyId);
  let before: Parameters<typeof keptUnits>[4] = null;
  for (let day = FIRST_DAY, at = 0; day <= last; day = addDays(day, 1), at++) {
    for (let ordinal = at; ordinal < units.length; ordinal += 1000)
      units[ordinal] = 1 + ((units[ordinal]! + at) % PEOPLE);
    const kept = await keptUnits(reader, cabinetId, day, units, before);
    before = { day, kept };
    await ask(
      'insert into day_record (agency_id, cabinet_id, day, outcomes, closing, units) values ($1, $2, $3, $4, $5, $6)',
      [agencyId, cabinetId, day, outcomes, deflateSync(packClosing({ throughId: at, codes })), kept],
    );
  }
  await ask('update cabinet set recorded_through = $2 where id = $1', [cabinetId, last]);
}

try {
  await migrate(db);
  const { rows } = await db.pool.query<{ id: number }>('select distinct agency_id as id from unit');
  const agencyId = rows[0]?.id ?? (await fill());
  console.log(`${LISTINGS} объектов × ${CABINETS} кабинетов, ${VERDICTS} решений в день, ${DAYS} дней`);
  const { rows: branches } = await db.pool.query<{ id: number }>('select id from branch order by id limit 1');
  const ofBranch: Reach = { isAll: false, branchIds: [branches[0]!.id], departmentIds: [], employeeId: null };
  const usual = { until: last };
  const whole = { from: FIRST_DAY, until: last };
  for (const [what, query, reach] of [
    ['35 дней', usual, REACH_ALL],
    ['35 дней, ещё раз', usual, REACH_ALL],
    ['35 дней по сотрудникам', { ...usual, by: 'employee' }, REACH_ALL],
    ['35 дней, директор филиала', usual, ofBranch],
    [`${DAYS} дней по филиалам`, { ...whole, by: 'branch' }, REACH_ALL],
  ] as const) {
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    const { total } = await workReport({ db, agencyId, reach, now }, query);
    const { user, system } = process.cpuUsage(cpu);
    const { approval, returns, queue, stale, norms } = total;
    console.log(
      `${what}: ${((performance.now() - startedAt) / 1000).toFixed(2)} с (процессор программы ${((user + system) / 1e6).toFixed(2)} с), ` +
        `одобрено ${approval.count}, возвращено ${returns.count}, ждёт ${queue.count}, с отметкой ${stale.of}, ниже норм ${norms.photos + norms.texts}`,
    );
  }
} finally {
  await db.close();
  if (!args.dir) await rm(dataDir, { recursive: true, force: true });
}
