/**
 * `npm run -s build && node dist/test/bench-days.js`: fills the daily record with 150 days × 100,000 marks × 5 cabinets,
 * of which 2 % change every day and 0.1 % go to somebody else, and prints how big the table is and how long it takes to sum all of it.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deflateSync } from 'node:zlib';
import { codeOf, packClosing } from '../src/domain/day-record.ts';
import { addDays } from '../src/domain/days.ts';
import { stepsOf } from '../src/domain/export-report.ts';
import { OUTCOMES } from '../src/domain/gates.ts';
import { ensureCabinet, resolveAgency } from '../src/store/agencies.ts';
import { type Database, openDatabase } from '../src/store/database.ts';
import { keptUnits, sumDays, UnitReader } from '../src/store/days.ts';
import { countExports } from '../src/store/export-report.ts';
import { migrate } from '../src/store/migrate.ts';

const { values: args } = parseArgs({
  options: {
    days: { type: 'string', default: '150' },
    marks: { type: 'string', default: '100000' },
    cabinets: { type: 'string', default: '5' },
  },
});
const [DAYS, MARKS, CABINETS] = [Number(args.days), Number(args.marks), Number(args.cabinets)];
const UNITS = 300;
const CHANGED = 0.02;
/** Of the marks, how many change hands on a day. */
const MOVED = 0.001;
const FIRST_DAY = '2026-06-01';

let seed = 1;
/** The same numbers at every start. */
function random(): number {
  seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
  return seed / 4_294_967_296;
}

/** Three in four are published; the others are spread over the other outcomes. */
const anyOutcome = () => codeOf(random() < 0.75 ? 'published' : OUTCOMES[Math.floor(random() * OUTCOMES.length)]!);

async function fill(db: Database, agencyId: number, cabinetId: number): Promise<void> {
  const codes = Uint8Array.from({ length: MARKS }, anyOutcome);
  const units = Uint32Array.from({ length: MARKS }, () => 1 + Math.floor(random() * UNITS));
  const reader = new UnitReader(db.pool, agencyId);
  let before: Parameters<typeof keptUnits>[4] = null;
  for (let index = 0, day = FIRST_DAY; index < DAYS; index++, day = addDays(day, 1)) {
    for (let change = 0; change < MARKS * CHANGED; change++) {
      const ordinal = Math.floor(random() * MARKS);
      codes[ordinal] = anyOutcome();
      if (change < MARKS * MOVED) units[ordinal] = 1 + Math.floor(random() * UNITS);
    }
    const kept = await keptUnits(reader, cabinetId, day, units, before);
    before = { day, kept };
    await db.pool.query(
      'insert into day_record (agency_id, cabinet_id, day, outcomes, closing, units) values ($1, $2, $3, $4, $5, $6)',
      [
        agencyId,
        cabinetId,
        day,
        deflateSync(codes, { level: 6 }),
        deflateSync(packClosing({ throughId: index, codes }), { level: 6 }),
        kept,
      ],
    );
  }
}

const dataDir = await mkdtemp(join(tmpdir(), 'vygruzka-bench-days-'));
// As root the database server runs as `nobody`, who must be able to pass through.
if (process.getuid?.() === 0) await chmod(dataDir, 0o711);
const db = await openDatabase({ dataDir });
try {
  await migrate(db);
  const { id: agencyId } = await resolveAgency(db, undefined, true);
  const cabinetIds: number[] = [];
  for (let index = 0; index < CABINETS; index++) {
    const cabinet = { board: 'avito', slug: `main-${index}`, name: 'Авито', family: 'avito' as const };
    cabinetIds.push(await ensureCabinet(db, agencyId, cabinet));
    await fill(db, agencyId, cabinetIds.at(-1)!);
  }
  const size = await db.pool.query<{ bytes: number }>("select pg_total_relation_size('day_record') as bytes");
  console.log(`${DAYS} дней × ${MARKS} отметок × ${CABINETS} кабинетов: ${Math.round(size.rows[0]!.bytes / 1e6)} МБ`);
  const halfOfUnits = Array.from({ length: UNITS / 2 }, (_, index) => 1 + index);
  for (const [what, units] of [
    ['все', undefined],
    ['все, ещё раз', undefined],
    ['половина подразделений', halfOfUnits],
  ] as const) {
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    const sums = await sumDays(db, agencyId, cabinetIds, FIRST_DAY, addDays(FIRST_DAY, DAYS), units);
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const counted = sums.reduce(
      (all, { counts }) => all + Object.values(counts).reduce((sum, count) => sum + count, 0),
      0,
    );
    console.log(
      `${what}: ${seconds.toFixed(2)} с (процессор ${((user + system) / 1e6).toFixed(2)} с), отметко-дней ${counted}`,
    );
  }
  const sources = cabinetIds.map((id) => ({ cabinetIds: [id] }));
  const period = { from: FIRST_DAY, until: addDays(FIRST_DAY, DAYS - 1) };
  const of = new Map(Array.from({ length: UNITS }, (_, unit) => [unit + 1, (unit % 10) + 1]));
  for (const [what, step, minShare, groups] of [
    ['отчёт по неделям', 'week', 50, null],
    ['отчёт по неделям, ещё раз', 'week', 50, null],
    ['отчёт по месяцам', 'month', 50, null],
    ['отчёт по неделям, десять филиалов', 'week', 60, { of, count: 10 }],
    ['отчёт по неделям, десять филиалов, ещё раз', 'week', 60, { of, count: 10 }],
  ] as const) {
    const steps = stepsOf({ ...period, step, minShare }, period.until);
    const startedAt = performance.now();
    await countExports(db, agencyId, sources, steps, [groups]);
    console.log(`${what}: ${Math.round(performance.now() - startedAt)} мс`);
  }
} finally {
  await db.close();
  await rm(dataDir, { recursive: true, force: true });
}
