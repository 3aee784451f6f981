/**
 * `npm run bench -- --listings 100000 [--json]`: makes a base of that size and measures a cold publish of each family,
 * a republish after 1 % of the listings changed, and plain `gzip -6` of the same bytes. Every measured step runs in a
 * process of its own, so its CPU seconds and peak memory are its own; the database is another process and not counted.
 * `--money`: what charging every mark adds to a run. `--counter`: how long people wait for the server's answers.
 */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { listingAt } from '../fixtures/agency.ts';
import { loadBoards } from '../src/boards/catalogue.ts';
import { systemClock } from '../src/clock.ts';
import type { Listing } from '../src/domain/listing.ts';
import { editionFolder, editionPath } from '../src/export/edition.ts';
import { publishCabinet } from '../src/export/publish.ts';
import { ensureCabinet, resolveAgency } from '../src/store/agencies.ts';
import { type Database, openDatabase } from '../src/store/database.ts';
import { importListings } from '../src/store/intake.ts';
import { openAccount, topUp } from '../src/store/ledger.ts';
import { confirm } from '../src/store/market.ts';
import { markListings } from '../src/store/marks.ts';
import { migrate } from '../src/store/migrate.ts';
import { giveVerdict } from '../src/store/moderation.ts';
import { countOutcomes, currentEdition, listCabinets } from '../src/store/publishing.ts';
import { setPinned } from '../src/store/rotation.ts';
import { addTariff } from '../src/store/tariffs.ts';
import { type CorridorReport, corridor } from './bench-corridor.ts';
import { counter, counterText } from './bench-counter.ts';

const BOARDS = ['avito', 'cian', 'yandex'] as const;
/** Every hundredth listing changes before the republish; the step is prime to the segment, so changes scatter. */
const CHANGED_EVERY = 100;

interface Measured {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly peakMemoryMb: number;
  readonly mb?: number;
  readonly offers?: number;
}

const { values: args } = parseArgs({
  options: {
    listings: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
    corridor: { type: 'boolean', default: false },
    counter: { type: 'boolean', default: false },
    money: { type: 'boolean', default: false },
    agency: { type: 'string' },
    at: { type: 'string' },
    step: { type: 'string' },
    board: { type: 'string' },
    dir: { type: 'string' },
  },
});

const round = (value: number, digits = 1) => Number(value.toFixed(digits));

async function measure(work: () => Promise<{ bytes?: number; offers?: number }>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const { bytes, offers } = await work();
  const { user, system } = process.cpuUsage(cpu);
  return {
    cpuSeconds: round((user + system) / 1e6),
    wallSeconds: round((performance.now() - startedAt) / 1000),
    peakMemoryMb: round(process.resourceUsage().maxRSS / 1024, 0),
    ...(bytes !== undefined && { mb: round(bytes / 1e6) }),
    ...(offers !== undefined && { offers }),
  };
}

/** One measured step, in this process. */
async function step(name: string, board: string, dataDir: string): Promise<Measured> {
  const db = await openDatabase({ dataDir });
  const { agency, at } = args;
  const clock = at === undefined ? systemClock : () => new Date(at);
  try {
    const cabinet = (
      await listCabinets(db, { board, agencyId: agency === undefined ? undefined : Number(agency) })
    )[0]!;
    if (name === 'publish') {
      return await measure(async () => {
        const result = await publishCabinet(cabinet, { db, boards: loadBoards(), dataDir, clock });
        return { bytes: result.bytes, offers: result.offers };
      });
    }
    const edition = (await currentEdition(db, cabinet))!;
    const file = editionPath(editionFolder(dataDir, cabinet.agencyId, cabinet.id), edition.sha256, 'xml');
    return await measure(async () => {
      for await (const _ of createReadStream(file, { highWaterMark: 1 << 18 }).pipe(createGzip({ level: 6 }))) {
        // The compressed bytes go nowhere: only the work is measured.
      }
      return { bytes: edition.bytes };
    });
  } finally {
    await db.close();
  }
}

function inOwnProcess(name: string, board: string, dataDir: string, more: readonly string[] = []): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), '--step', name, '--board', board, '--dir', dataDir, ...more],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let out = '';
    child.stdout.on('data', (part) => {
      out += part;
    });
    child.on('close', (code) =>
      code === 0 ? resolve(JSON.parse(out) as Measured) : reject(new Error(`step ${name} ${board} ended with ${code}`)),
    );
  });
}

/** Milliseconds by what people did while runs were under way. */
type Waits = Record<string, number[]>;
interface Waited {
  readonly count: number;
  readonly middleMs: number;
  readonly longestMs: number;
}

function summed(all: readonly number[]): Waited {
  const sorted = [...all].sort((a, b) => a - b);
  return {
    count: sorted.length,
    middleMs: round(sorted[Math.floor(sorted.length / 2)] ?? 0),
    longestMs: round(sorted.at(-1) ?? 0),
  };
}

let turn = 0;

/** What people do meanwhile: a page is opened, a mark is pinned, a listing confirmed, a verdict given. */
async function othersAtWork(
  db: Database,
  agencyId: number,
  board: string,
  waits: Waits,
  signal: AbortSignal,
): Promise<void> {
  const cabinet = (await listCabinets(db, { board }))[0]!;
  const someone = { employeeId: null, name: 'Измеритель', role: 'admin' } as const;
  const timed = async (what: string, work: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await work();
    waits[what] = [...(waits[what] ?? []), performance.now() - startedAt];
  };
  for (; !signal.aborted; turn++) {
    const listingId = 1 + ((turn * 977) % 1000);
    await timed('страница с итогами', () => countOutcomes(db, cabinet));
    await timed('закрепить объект', () => setPinned(db, cabinet, listingId, turn % 2 === 0, someone.name, new Date()));
    await timed('подтвердить объект', () => confirm(db, agencyId, [listingId], someone, new Date()));
    await timed('вердикт модератора', () =>
      giveVerdict(db, agencyId, { listingId: 2000 + turn, kind: 'approved', actor: someone }, new Date()),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Puts listings into the base as an import does. */
async function load(
  db: Database,
  agencyId: number,
  total: number,
  change: (listing: Listing, index: number) => Listing,
): Promise<void> {
  function* listings() {
    for (let index = 0; index < total; index++) yield { values: change(listingAt(index), index), employeeId: null };
  }
  await importListings(db, { agencyId, source: 'bench' }, listings(), new Date());
}

async function main(): Promise<void> {
  const listings = Number(args.listings);
  const dataDir = await mkdtemp(join(tmpdir(), 'vygruzka-bench-'));
  await chmod(dataDir, 0o755);
  const db = await openDatabase({ dataDir });
  const say = (text: string) => process.stderr.write(`${text}\n`);
  try {
    await migrate(db);
    if (args.corridor) {
      const told = { machine: machine(), ...(await corridor(db, listings)) };
      process.stdout.write(`${args.json ? JSON.stringify(told, null, 2) : corridorText(told)}\n`);
      return;
    }
    if (args.counter) {
      const told = { machine: machine(), ...(await counter(db, dataDir, listings, say)) };
      process.stdout.write(`${args.json ? JSON.stringify(told, null, 2) : counterText(told)}\n`);
      return;
    }
    if (args.money) {
      const told = { machine: machine(), listings, ...(await money(db, dataDir, listings, say)) };
      process.stdout.write(`${args.json ? JSON.stringify(told, null, 2) : moneyText(told)}\n`);
      return;
    }
    const agency = await resolveAgency(db, undefined, true);
    const startedAt = performance.now();
    await load(db, agency.id, listings, (listing) => listing);
    say(`База: ${listings} объектов за ${round((performance.now() - startedAt) / 1000)} с`);
    for (const board of BOARDS) {
      const cabinetId = await ensureCabinet(db, agency.id, { board, slug: 'main', name: board, family: board });
      await markListings(db, agency.id, cabinetId, undefined, new Date());
    }
    await db.pool.query('vacuum analyze');
    const cold: Measured[] = [];
    const waits: Waits = {};
    for (const board of BOARDS) {
      const others = new AbortController();
      const busy = othersAtWork(db, agency.id, board, waits, others.signal);
      cold.push(await inOwnProcess('publish', board, dataDir));
      others.abort();
      await busy;
      say(`${board}, с нуля: ${JSON.stringify(cold.at(-1))}`);
    }
    let gzip = 0;
    for (const board of BOARDS) gzip += (await inOwnProcess('gzip', board, dataDir)).cpuSeconds;
    await load(db, agency.id, listings, (listing, index) =>
      index % CHANGED_EVERY === 37 && listing.priceKopecks !== undefined
        ? { ...listing, priceKopecks: listing.priceKopecks + 100_00 }
        : listing,
    );
    const again: Measured[] = [];
    for (const board of BOARDS) {
      again.push(await inOwnProcess('publish', board, dataDir));
      say(`${board}, после правки 1 %: ${JSON.stringify(again.at(-1))}`);
    }
    const report = {
      listings,
      machine: machine(),
      gzip: { cpuSeconds: round(gzip) },
      waits: Object.fromEntries(Object.entries(waits).map(([what, all]) => [what, summed(all)])),
      families: BOARDS.map((family, index) => ({ family, cold: cold[index]!, republish: again[index]! })),
    };
    if (args.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else process.stdout.write(table(report));
  } finally {
    await db.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface MoneyReport {
  readonly cold: { readonly free: Measured; readonly charged: Measured };
  readonly nextDay: { readonly free: Measured; readonly charged: Measured };
}

/**
 * Two agencies with the same listings, one of which pays: a first run that charges every mark, and the run after
 * midnight in which nothing has changed but the day. In pairs, so that both meet the same base.
 */
async function money(db: Database, dataDir: string, total: number, say: (text: string) => void): Promise<MoneyReport> {
  const board = 'yandex';
  const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const at = (ahead: number) => `${day(ahead)}T09:00:00.000Z`;
  const agencies: { readonly free: number; readonly charged: number } = {
    free: (await resolveAgency(db, 'Без счетов', true)).id,
    charged: (await resolveAgency(db, 'Со счетами', true)).id,
  };
  for (const [name, agencyId] of Object.entries(agencies)) {
    await load(db, agencyId, total, (listing) => listing);
    const id = await ensureCabinet(db, agencyId, { board, slug: 'main', name: board, family: board });
    await markListings(db, agencyId, id, undefined, new Date());
    if (name === 'charged') {
      const by = { name: 'измеритель' };
      const account = await openAccount(db, agencyId, { kind: 'agency', ownerId: null }, by, new Date());
      const command = { key: 'bench', kopecks: 100_000_000_00, reason: 'измерение', by };
      await topUp(db, agencyId, account.id, command, new Date());
      const lines = [
        { kind: 'flat', deal: 'sale', kopecks: 4500 },
        { deal: 'rent', kopecks: 2000 },
        { kopecks: 3000 },
      ] as const;
      const terms = { lines: [...lines], excess: null, promotion: [] };
      await addTariff(db, { agencyId, id }, { validFrom: day(1), terms }, by.name, new Date());
    }
  }
  await db.pool.query('vacuum analyze');
  const measured = async (ahead: number) => {
    const pair: { free?: Measured; charged?: Measured } = {};
    for (const name of ['free', 'charged'] as const) {
      pair[name] = await inOwnProcess('publish', board, dataDir, ['--agency', `${agencies[name]}`, '--at', at(ahead)]);
      say(`${name}, день ${ahead}: ${JSON.stringify(pair[name])}`);
    }
    return pair as Required<typeof pair>;
  };
  return { cold: await measured(1), nextDay: await measured(2) };
}

function moneyText(report: MoneyReport & { readonly machine: string; readonly listings: number }): string {
  const pair = ({ free, charged }: MoneyReport['cold']) =>
    `без денег ${free.wallSeconds} с (${free.cpuSeconds} с CPU), со списанием ${charged.wallSeconds} с (${charged.cpuSeconds} с CPU): ` +
    `+${Math.round((charged.wallSeconds / free.wallSeconds - 1) * 100)} % времени, +${Math.round((charged.cpuSeconds / free.cpuSeconds - 1) * 100)} % CPU; память ${free.peakMemoryMb} и ${charged.peakMemoryMb} МБ`;
  return [
    `${report.listings} отметок, ${report.machine}`,
    `Прогон с нуля: ${pair(report.cold)}`,
    `Прогон следующего дня без правок: ${pair(report.nextDay)}`,
  ].join('\n');
}

const machine = () => `${cpus()[0]?.model ?? 'CPU'} × ${cpus().length}, Node ${process.versions.node}`;

function corridorText(report: CorridorReport & { readonly machine: string }): string {
  return [
    `${report.listings} объектов × ${report.cabinets} кабинета, ${report.machine}`,
    `JSON.parse тех же объектов: ${report.parse} с CPU`,
    `План с нуля: ${report.cold} с CPU — × ${report.coldToParsePerCabinet} к JSON.parse на каждый кабинет, × ${report.coldToParseOnce} к одному разу`,
    `План после правки 1 %: ${report.changed} с CPU — ${Math.round(report.changedToCold * 100)} % от плана с нуля`,
  ].join('\n');
}

function table(report: {
  listings: number;
  machine: string;
  gzip: { cpuSeconds: number };
  waits: Record<string, Waited>;
  families: { family: string; cold: Measured; republish: Measured }[];
}): string {
  const lines = [
    `${report.listings} объектов, ${report.machine}`,
    `gzip -6 тех же байтов трёх фидов: ${report.gzip.cpuSeconds} с CPU`,
  ];
  for (const { family, cold, republish } of report.families) {
    lines.push(
      `${family}: с нуля ${cold.cpuSeconds} с CPU, ${cold.wallSeconds} с, ${cold.mb} МБ (${round((cold.mb ?? 0) / cold.wallSeconds)} МБ/с), память ${cold.peakMemoryMb} МБ;` +
        ` после правки 1 % ${republish.cpuSeconds} с CPU, ${republish.wallSeconds} с, память ${republish.peakMemoryMb} МБ`,
    );
  }
  for (const [what, { count, middleMs, longestMs }] of Object.entries(report.waits)) {
    lines.push(`Пока идут прогоны, ${what}: ${count} раз, обычно ${middleMs} мс, дольше всего ${longestMs} мс`);
  }
  const cold = report.families.reduce((sum, family) => sum + family.cold.cpuSeconds, 0);
  const again = report.families.reduce((sum, family) => sum + family.republish.cpuSeconds, 0);
  lines.push(
    `К gzip: с нуля × ${round(cold / report.gzip.cpuSeconds)}, после правки × ${round(again / report.gzip.cpuSeconds, 2)}`,
  );
  return `${lines.join('\n')}\n`;
}

if (args.step !== undefined) process.stdout.write(JSON.stringify(await step(args.step, args.board!, args.dir!)));
else await main();
