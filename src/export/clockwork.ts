import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, type Runner, run } from 'graphile-worker';
import { schedule } from 'node-cron';
import type { Board } from '../boards/catalogue.ts';
import type { Clock } from '../clock.ts';
import { addDays, localDay } from '../domain/days.ts';
import { Fault } from '../domain/fault.ts';
import { listAgencies } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { recordDays } from '../store/days.ts';
import { recordNotices } from '../store/diagnostics.ts';
import { forgetLetters } from '../store/mail.ts';
import { topUpMonthly } from '../store/monthly.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { type Reminded, remind } from '../store/reminders.ts';
import { cabinetsDue, dueCabinets, nextDue, oneAtATime } from '../store/runs.ts';
import { probeDue } from './photos.ts';
import { type PostOptions, type SentLetter, sendLetters, writeReports } from './post.ts';
import { publishDue } from './publish.ts';
import { warnMoney } from './warnings.ts';

/** What a log needs to be; pino is one. */
export type ClockworkLog = Readonly<
  Record<'debug' | 'info' | 'warn' | 'error', (facts: Record<string, unknown>, text: string) => void>
>;

export interface ClockworkOptions {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: ClockworkLog;
  /** How many jobs this process does at a time; 3 unless told. A run holds two of the pool's ten connections. */
  readonly concurrency?: number;
  /** Runs a cabinet and claims the run itself; undefined: it was not due any more. The real one unless told. */
  readonly publish?: (cabinet: CabinetRow) => Promise<unknown>;
  /** Writes and sends letters; absent: no post is set up, and nothing is written that would all go out one day. */
  readonly post?: Omit<PostOptions, 'db' | 'upSince'> | undefined;
  /** How long `stop` waits for what is under way; eight seconds unless told, of the ten that a process has to end in. */
  readonly patienceMs?: number;
}

export interface Clockwork {
  /** Asks at once what is due, instead of within seconds. Never throws. */
  ring(): Promise<void>;
  /** Takes no more work; runs under way give up at their next step and are due again. Does not wait for ever. */
  stop(): Promise<void>;
}

/** What a job is about. */
interface Which {
  readonly agencyId?: number;
  readonly cabinetId?: number;
}

/** How often the database is asked what is due; what another process made due waits no longer than that. */
const LOOK_EVERY_MS = 5000;
const SHORTEST_WAIT_MS = 200;
/** A higher number waits for the lower ones: runs go first. */
const CHORE_PRIORITY = 10;
/** So many pictures hold up a worker for about a minute. */
const PHOTOS_A_MINUTE = 2000;
/** People's deeds may bring a reminder or a top-up forward; this is how late it may come for that. */
const LOOK_AT_LEAST_EVERY_MS = 600_000;

/**
 * Runs what is due until it is stopped. Any number of processes may do so on one database: the bell only asks what is
 * due and not done, and the run itself makes sure that it is the only one (store/runs.ts). So a bell that rings twice,
 * late or after a jump of the clock does no harm, and a moment missed while no process was there is made up for at once.
 *
 * What is due is told by our clock. Jobs are always to be done now, because the queue's clock is the database's.
 */
export async function startClockwork(options: ClockworkOptions): Promise<Clockwork> {
  const { db, clock, log, concurrency = 3, patienceMs = 8000 } = options;
  const ending = new AbortController();
  const { publish = (cabinet: CabinetRow) => publishDue(cabinet, { ...options, signal: ending.signal }) } = options;
  let timer: NodeJS.Timeout | undefined;
  let worker: { readonly runner: Runner; readonly url: string } | undefined;
  /** Looks one after the other. */
  let line = Promise.resolve();
  /** When the agencies' reminders were last gone through here, and when there may be some next. */
  const reminded = new Map<number, { readonly at: Date; readonly nextAt: Date }>();
  /** When the agencies' monthly top-ups were last gone through here, and when there may be some next; null: never. */
  const toppedUp = new Map<number, { readonly at: Date; readonly nextAt: Date | null }>();
  /** When it was last looked here how long the agencies' money lasts. */
  const warned = new Map<number, { readonly at: Date; readonly nextAt: null }>();
  const post: PostOptions | undefined = options.post && { db, upSince: clock(), ...options.post };

  const tasks = {
    async publish(payload: unknown) {
      const { agencyId, cabinetId } = payload as Required<Which>;
      const startedAt = performance.now();
      let facts: Record<string, unknown> = { cabinet: cabinetId };
      try {
        const cabinet = (await listCabinets(db, { agencyId })).find(({ id }) => id === cabinetId);
        if (!cabinet) return;
        facts = { ...facts, board: cabinet.board };
        const ran = await publish(cabinet);
        if (ran !== undefined) log.info({ ...facts, ms: Math.round(performance.now() - startedAt) }, 'cabinet run');
      } catch (err) {
        if (err instanceof Fault && isElsewhere(err)) log.debug({ ...facts, err }, 'cabinet run elsewhere');
        else if (err instanceof Fault && err.code === 'publish-stopped') log.info(facts, 'cabinet run stopped');
        // It stays due, and is tried again after a pause that grows (store/runs.ts); the others go on.
        else log.error({ ...facts, err }, 'cabinet run failed');
      }
      // It may have been made due again meanwhile.
      void ring();
    },

    /** Asks and tells people, archives, extends terms. */
    remind: chore('remind', async ({ agencyId }) => {
      const at = clock();
      const { nextAt, archived, extended }: Reminded = await remind(db, agencyId!, at);
      reminded.set(agencyId!, { at, nextAt });
      if (archived + extended > 0) void ring();
    }),

    /** Tops accounts up by schedule. */
    'monthly-top-ups': chore('monthly-top-ups', async ({ agencyId }) => {
      const at = clock();
      const done = await topUpMonthly(db, agencyId!, at);
      toppedUp.set(agencyId!, { at, nextAt: done.nextAt });
      if (done.toppedUp > 0) void ring();
    }),

    /** Tells people whose money runs short. */
    'warn-money': chore('warn-money', async ({ agencyId }) => {
      const at = clock();
      await warnMoney(db, options.boards, agencyId!, at);
      warned.set(agencyId!, { at, nextAt: null });
    }),

    /** Writes the reports that are due by e-mail, then sends what waits. */
    post: chore('post', async () => {
      for (const { id: agencyId } of await listAgencies(db)) {
        const { faults, letters, ended } = await writeReports(post!, agencyId, clock());
        for (const err of faults) log.error({ agencyId, err }, 'report by mail failed');
        if (letters + ended > 0) log.info({ agencyId, letters, ended }, 'reports by mail');
      }
      const onSent = ({ outcome, id, error, fault }: SentLetter) => {
        if (outcome === 'sent') log.info({ letter: id }, 'letter sent');
        else log.warn({ letter: id, error, ...(fault !== undefined && { err: fault }) }, `letter not sent: ${outcome}`);
      };
      // Half of the patience is left for putting the letter back.
      await sendLetters(post!, clock, { signal: ending.signal, stopMs: patienceMs / 2, onSent });
      await forgetLetters(db, clock());
    }),

    /** Looks at pictures; what is left over waits for the next minute. */
    'probe-photos': chore('probe-photos', () => probeDue(db, { clock, limit: PHOTOS_A_MINUTE }, ending.signal)),

    /** Writes the days that have ended into the daily record. */
    'record-days': chore('record-days', async ({ agencyId, cabinetId }) => {
      const cabinet = { agencyId: agencyId!, id: cabinetId! };
      await recordNotices(db, cabinet, clock());
      await recordDays(db, cabinet, clock());
    }),
  };

  const { post: _, ...withoutPost } = tasks;

  /** What need not be done at once: one process is at it at a time, and what fails is tried again in a minute. */
  function chore(name: string, work: (which: Which) => Promise<unknown>) {
    return async (payload: unknown) => {
      const which = payload as Which;
      try {
        await oneAtATime(db, `${name}:${which.cabinetId ?? which.agencyId ?? ''}`, () => work(which));
      } catch (err) {
        log.error({ ...which, err }, `${name} failed`);
      }
    };
  }

  /** The job queue; a new one when the old one gave up or the embedded database has moved. */
  async function queue(): Promise<Runner> {
    const { url } = db;
    if (worker?.url === url) return worker.runner;
    worker?.runner.stop().catch(() => {});
    const runner = await run({
      // Connections of its own: it counts on the driver's own types, and on listening to every broken connection.
      connectionString: url,
      maxPoolSize: concurrency + 1,
      concurrency,
      // Where no post is set up another process does that work, and shall get it.
      taskList: post ? tasks : withoutPost,
      parsedCronItems: [],
      noHandleSignals: true,
      // Otherwise a job that ends while the database is away ends the whole process: the queue does not wait for that
      // promise of its own and nobody could catch it. In batches it stops the queue, and we begin a new one.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      logger: queueLog(log),
    });
    worker = { runner, url };
    const forget = () => {
      if (worker?.runner === runner) worker = undefined;
    };
    // One that shuts down takes no more jobs, and may never come to an end when the database went away under it.
    runner.events.on('pool:gracefulShutdown', forget);
    runner.promise.then(forget, (err: unknown) => {
      log.error({ err }, 'job queue ended');
      forget();
    });
    return runner;
  }

  async function look(): Promise<void> {
    if (ending.signal.aborted) return;
    let wait = LOOK_EVERY_MS;
    try {
      const runner = await queue();
      const now = clock();
      for (const { agencyId, id } of await dueCabinets(db, now)) {
        await add(runner, 'publish', { agencyId, cabinetId: id });
      }
      const next = await nextDue(db, now);
      if (next) wait = Math.min(wait, next.getTime() - now.getTime());
    } catch (err) {
      if (!ending.signal.aborted) log.error({ err }, 'could not look for what is due');
    }
    clearTimeout(timer);
    if (!ending.signal.aborted) timer = setTimeout(ring, Math.max(wait, SHORTEST_WAIT_MS));
  }

  /**
   * One waiting job of a kind, in the order in which they were wanted. No queue name: a killed worker's queue would
   * stay locked for hours.
   */
  async function add(runner: Runner, task: keyof typeof tasks, which: Which, priority = 0): Promise<void> {
    const jobKey = `${task}:${which.cabinetId ?? which.agencyId ?? ''}`;
    await runner.addJob(task, which, { jobKey, jobKeyMode: 'preserve_run_at', maxAttempts: 1, priority });
  }

  /** What is asked for every minute only. */
  async function lookForChores(): Promise<void> {
    if (ending.signal.aborted) return;
    try {
      const runner = await queue();
      const now = clock();
      for (const { id: agencyId } of await listAgencies(db)) {
        if (!isQuiet(reminded.get(agencyId), now)) await add(runner, 'remind', { agencyId }, CHORE_PRIORITY);
        if (!isQuiet(toppedUp.get(agencyId), now)) await add(runner, 'monthly-top-ups', { agencyId }, CHORE_PRIORITY);
        if (!isQuiet(warned.get(agencyId), now)) await add(runner, 'warn-money', { agencyId }, CHORE_PRIORITY);
      }
      await add(runner, 'probe-photos', {}, CHORE_PRIORITY);
      for (const { agencyId, id, zone, recordedThrough, isRunning } of await cabinetsDue(db)) {
        const yesterday = addDays(localDay(now, zone), -1);
        // A run that began before midnight belongs to that day.
        if (!isRunning && (recordedThrough === null || recordedThrough < yesterday))
          await add(runner, 'record-days', { agencyId, cabinetId: id }, CHORE_PRIORITY);
      }
      // Letters tell of the days that are recorded.
      if (post) await add(runner, 'post', {}, CHORE_PRIORITY);
    } catch (err) {
      if (!ending.signal.aborted) log.error({ err }, 'could not look for chores');
    }
  }

  function ring(): Promise<void> {
    line = line.then(look);
    return line;
  }

  const everyMinute = () => {
    line = line.then(look).then(lookForChores);
    return line;
  };
  const bell = schedule('* * * * *', everyMinute, {
    name: 'clockwork',
    timezone: 'UTC',
    noOverlap: true,
    logger: bellLog(log),
  });
  await everyMinute();

  return {
    ring,
    async stop() {
      ending.abort();
      clearTimeout(timer);
      await bell.destroy();
      await line;
      if (!worker) return;
      // What goes wrong in stopping the queue tells of itself.
      const stopped = worker.runner.stop().then(
        () => true,
        () => true,
      );
      if (!(await Promise.race([stopped, sleep(patienceMs, false, { ref: false })]))) {
        log.warn({}, 'runs are still under way; they are given up and will begin anew');
      }
    },
  };
}

/** Was it looked at lately, with nothing to do until later? */
const isQuiet = (last: { readonly at: Date; readonly nextAt: Date | null } | undefined, now: Date): boolean =>
  last !== undefined &&
  (last.nextAt === null || now < last.nextAt) &&
  Math.abs(now.getTime() - last.at.getTime()) < LOOK_AT_LEAST_EVERY_MS;

/** Another process has the cabinet: nothing is wrong. */
const isElsewhere = ({ code }: Fault) => code === 'publish-busy' || code === 'publish-overtaken';

/** The queue's own messages; what it tells of every job is for those who look for a fault. */
function queueLog(log: ClockworkLog): Logger {
  return new Logger(() => (level: string, text, meta) => {
    const facts = meta?.error === undefined ? {} : { err: meta.error };
    if (level === 'error') log.error(facts, `job queue: ${text}`);
    else if (level === 'warning') log.warn(facts, `job queue: ${text}`);
    else log.debug(facts, `job queue: ${text}`);
  });
}

/** A bell that was late or missed harms nobody: it is nothing to warn of. */
function bellLog(log: ClockworkLog) {
  const tell = (message: string | Error, err?: Error) => log.debug({ err: err ?? message }, 'bell');
  return {
    info: tell,
    warn: tell,
    debug: tell,
    error: (message: string | Error, err?: Error) => log.error({ err: err ?? message }, 'bell'),
  };
}
