import type { FastifyInstance, FastifyReply } from 'fastify';
import {
  type Bulk,
  BulkSchema,
  type DryRunAnswer,
  DryRunAnswerSchema,
  DryRunSchema,
  IdParams,
  MarkSchema,
  PauseSchema,
  type Selection,
  TermsSchema,
  UnmarkSchema,
} from '../contracts/listings.ts';
import { addDays, isDay, startOfDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS, OUTCOMES, type Outcome } from '../domain/gates.ts';
import { type Deed, mayDo, reachOf, refusalFor } from '../domain/rights.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { AHEAD_DAYS, type DryRun, dryRun } from '../export/dry-run.ts';
import { forecastMoney, type MoneyForecast } from '../export/forecast.ts';
import { outcomesNow } from '../export/outcomes.ts';
import { placeOf } from '../store/access.ts';
import {
  type BulkAction,
  type BulkDeed,
  beginBulk,
  bulkDeed,
  endBulk,
  moveBulk,
  noteChanges,
  termChange,
  undoBulk,
  undoUntil,
} from '../store/bulk.ts';
import { atOneMoment, type Queryable, transaction } from '../store/database.ts';
import { listingsAmong, listingsFound, markedAmong } from '../store/listing-list.ts';
import { markListings, setTerm, unmarkListings } from '../store/marks.ts';
import { addPauses } from '../store/pauses.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { type Column, cabinetsById, columnsOf, filterOf } from './listing-routes.ts';
import { HttpProblem, notFound } from './problems.ts';

/** Many listings at once: what would become of them, the deed itself, how far it is, and back again. */

type Asked = Ask<unknown, unknown, unknown>;

/** Up to so many listings are waited for; more are gone through after the answer. */
const AT_ONCE = 200;
/** How far ahead it is looked whether the money lasts, days. */
const COVER_DAYS = 60;
const EXAMPLES = 3;

const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

export function bulkRoutes(app: FastifyInstance, api: Api): void {
  const works = new Works(app);
  const policy = { deed: 'marks', token: 'listings:write', idempotent: 'heeded' } as const;

  api.define({
    method: 'POST',
    url: '/marks/dry-run',
    summary: 'Что будет, если отметить или снять: сколько пройдёт, почему нет, сколько спишется. Ничего не меняет',
    policy: { deed: 'marks', token: 'listings:read' },
    body: DryRunSchema,
    answer: DryRunAnswerSchema,
    handler: async (ask) => {
      const { selection, cabinets, action } = ask.body;
      const columns = await wantedColumns(ask, cabinets);
      const chosen = await choose(ask, selection, 'marks', action === 'mark');
      return action === 'mark' ? toMark(ask, chosen, columns) : toUnmark(ask, chosen, columns);
    },
  });

  api.define({
    method: 'POST',
    url: '/marks',
    summary: 'Отметить объекты на выгрузку в кабинеты досок',
    policy,
    body: MarkSchema,
    answer: BulkSchema,
    handler: async (ask, reply) => {
      const { db, agencyId, by, now, body } = ask;
      const columns = await wantedColumns(ask, body.cabinets);
      const chosen = await choose(ask, body.selection, 'marks', true);
      const passing = body.onlyPassing ? await passingIn(ask, chosen, columns) : undefined;
      return works.run(ask, reply, 'mark', chosen, async (ids, deedId, leftOut) => {
        for (const { id: cabinetId } of columns) {
          const some = passing ? ids.filter((id) => passing.get(cabinetId)?.has(id)) : ids;
          if (some.length === 0) continue;
          await markListings(db, agencyId, cabinetId, some, now, {
            by,
            ...(body.term && { term: body.term }),
            alongside: (client, marked) => noteChanges(client, agencyId, deedId, marked.map(changeIn(cabinetId))),
          });
        }
        if (passing)
          leftOut('not-passing', ids.filter((id) => !columns.some((of) => passing.get(of.id)?.has(id))).length);
      });
    },
  });

  api.define({
    method: 'POST',
    url: '/marks/remove',
    summary: 'Снять отметки: объекты уйдут из фидов с ближайшей сборкой',
    policy,
    body: UnmarkSchema,
    answer: BulkSchema,
    handler: async (ask, reply) => {
      const { db, agencyId, by, now, body } = ask;
      const columns = await wantedColumns(ask, body.cabinets);
      const chosen = await choose(ask, body.selection, 'marks', false);
      return works.run(ask, reply, 'unmark', chosen, async (ids, deedId) => {
        for (const { id: cabinetId } of columns)
          await unmarkListings(db, agencyId, cabinetId, ids, now, by, (client, gone) =>
            noteChanges(client, agencyId, deedId, gone.map(changeIn(cabinetId))),
          );
      });
    },
  });

  api.define({
    method: 'POST',
    url: '/listings/terms',
    summary: 'Изменить срок размещения у отметок объектов',
    policy: { ...policy, deed: 'terms' },
    body: TermsSchema,
    answer: BulkSchema,
    handler: async (ask, reply) => {
      const { db, agencyId, caller, by, now, body } = ask;
      const cabinetIds = body.cabinets && (await wantedColumns(ask, body.cabinets)).map(({ id }) => id);
      const chosen = await choose(ask, body.selection, 'terms', false);
      return works.run(ask, reply, 'terms', chosen, async (ids, deedId, leftOut) => {
        const marked = await markedAmong(db.pool, agencyId, cabinetIds ?? null, ids);
        const some = ids.filter((id) => [...marked.values()].some((of) => of.has(id)));
        leftOut('not-marked', ids.length - some.length);
        if (some.length === 0) return;
        const of = { listingIds: some, cabinetIds };
        await setTerm(db, agencyId, of, body.term, { ...caller, name: by }, now, (client, moved) =>
          noteChanges(client, agencyId, deedId, moved.map(termChange)),
        );
      });
    },
  });

  api.define({
    method: 'POST',
    url: '/listings/pause',
    summary: 'Приостановить объекты: везде или в названных кабинетах',
    policy: { ...policy, deed: 'listing-pauses' },
    body: PauseSchema,
    answer: BulkSchema,
    handler: async (ask, reply) => {
      const { db, agencyId, by, now, body } = ask;
      const cabinetIds = body.cabinets ? (await wantedColumns(ask, body.cabinets)).map(({ id }) => id) : [null];
      const chosen = await choose(ask, body.selection, 'listing-pauses', false);
      const until = await momentNamed(ask, body.until);
      return works.run(ask, reply, 'pause', chosen, async (ids, deedId) => {
        const pauses = cabinetIds.flatMap((cabinetId) =>
          ids.map((listingId) => ({
            cabinetId,
            listingId,
            from: now,
            until,
            reason: body.reason,
            employeeId: ask.caller.employeeId,
          })),
        );
        await addPauses(db, agencyId, pauses, by, now, (client, numbers) =>
          noteChanges(
            client,
            agencyId,
            deedId,
            numbers.map((pauseId, at) => ({ ...pauses[at]!, before: { pauseId } })),
          ),
        );
      });
    },
  });

  const own = { deed: 'signed-in', token: 'listings:write' } as const;
  api.define({
    method: 'GET',
    url: '/bulk/:id',
    summary: 'Как идёт своё действие над многими объектами',
    policy: { ...own, token: 'listings:read' },
    params: IdParams,
    answer: BulkSchema,
    handler: async ({ db, caller, params, now }) => {
      const deed = await bulkDeed(db.pool, caller, params.id, now);
      if (!deed) throw notFound('Такого действия не было, или его делали не вы.');
      return tellOf(deed, now);
    },
  });
  api.define({
    method: 'POST',
    url: '/undo/:id',
    summary: 'Вернуть как было: ровно то, что изменило своё действие',
    policy: own,
    params: IdParams,
    handler: async ({ db, caller, by, params, now }) => ({
      undone: await undoBulk(db, { ...caller, by }, params.id, now),
    }),
  });
}

/** @throws Refusal `bad-moment` */
async function momentNamed({ db, agencyId }: Asked, text: string): Promise<Date> {
  if (isDay(text)) return startOfDay(addDays(text, 1), (await agencyFrame(db, agencyId)).timeZone);
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime()) || !isDay(text.slice(0, 10)))
    throw new Refusal('bad-moment', 'Конец паузы: такого дня или часа нет.', 2);
  return moment;
}

const changeIn = (cabinetId: number) => (listingId: number) => ({ cabinetId, listingId, before: {} });

// ---------------------------------------------------------------------------------------------------------------------
// What is chosen.

interface Chosen {
  /** Listings within the caller's reach that the deed may be done to. */
  readonly ids: readonly number[];
  /** Found by the selection and seen by the caller. */
  readonly total: number;
  readonly leftOut: Readonly<Record<string, number>>;
  readonly deed: Deed;
}

/** @throws HttpProblem 404 when a cabinet is not there for the caller */
async function wantedColumns(ask: Asked, ids: readonly number[]): Promise<readonly Column[]> {
  const columns = await columnsOf(ask);
  const wanted = columns.filter(({ id }) => ids.includes(id));
  if (wanted.length < new Set(ids).size) throw notFound('Такого кабинета нет, или он не в вашей части агентства.');
  return wanted;
}

/** @param isAdvertised the deed advertises: what must never be is left out */
async function choose(ask: Asked, selection: Selection, deed: Deed, isAdvertised: boolean): Promise<Chosen> {
  const { db, agencyId, caller } = ask;
  const seen = reachOf(caller, 'see-listings');
  const asked =
    'ids' in selection
      ? (await listingsAmong(db.pool, agencyId, seen, selection.ids)).map(({ id }) => id)
      : await listingsFound(
          db.pool,
          agencyId,
          seen,
          await filterOf(ask, selection.filter, await columnsOf(ask)),
          selection.except,
        );
  const allowed = await listingsAmong(db.pool, agencyId, reachOf(caller, deed), asked);
  const ids = allowed.filter(({ isForbidden }) => !isAdvertised || !isForbidden).map(({ id }) => id);
  const leftOut = Object.fromEntries(
    Object.entries({
      'not-found': 'ids' in selection ? new Set(selection.ids).size - asked.length : 0,
      'no-right': asked.length - allowed.length,
      forbidden: allowed.length - ids.length,
    }).filter(([, count]) => count > 0),
  );
  if (asked.length === 0) throw notFound('Выбранных объектов нет, или они не в вашей части агентства.');
  if (allowed.length === 0) throw new HttpProblem(403, 'not-allowed', refusalFor(caller, deed));
  return { ids, total: asked.length, leftOut, deed };
}

const LEFT_OUT: Readonly<Record<string, string>> = {
  'not-found': 'нет в вашей части агентства',
  'no-right': 'не ваши: это может другой',
  forbidden: 'рекламировать запрещено',
  'not-passing': 'не пройдут',
  'not-marked': 'не отмечены',
};

const leftOutWords = (leftOut: Readonly<Record<string, number>>) =>
  Object.entries(leftOut)
    .filter(([, count]) => count > 0)
    .map(([code, count]) => ({ code, count, words: `${objects(count)}: ${LEFT_OUT[code] ?? code}` }));

const objects = (count: number) => `${formatNumber(count)} ${agree(count, 'объект', 'объекта', 'объектов')}`;

// ---------------------------------------------------------------------------------------------------------------------
// What would be.

/** What becomes of one mark that would be made. */
interface Would {
  readonly listingId: number;
  readonly outcome: Outcome;
  readonly reason: string | null;
  readonly accountId: number | null;
  readonly kopecks: number;
  readonly aheadKopecks: number;
}

interface Foretold {
  readonly byCabinet: ReadonlyMap<number, readonly Would[]>;
  readonly forecast: MoneyForecast | undefined;
}

/**
 * Where neither money nor places are few, a mark hangs on its twins only; elsewhere the whole next run is played.
 */
async function foretell(ask: Asked, { ids }: Chosen, columns: readonly Column[]): Promise<Foretold> {
  const { db, agencyId, boards, now } = ask;
  const isPlayed = columns.some(({ isBilled, hasPackage }) => isBilled || hasPackage);
  const cabinets = await cabinetsById(
    ask,
    columns.map(({ id }) => id),
  );
  if (!isPlayed) {
    const marked = await markedAmong(
      db.pool,
      agencyId,
      columns.map(({ id }) => id),
      ids,
    );
    const byCabinet = new Map<number, readonly Would[]>();
    for (const cabinet of cabinets) {
      const fresh = ids.filter((id) => !marked.get(cabinet.id)?.has(id));
      const would: Would[] = [];
      for (let from = 0; from < fresh.length; from += AT_ONCE) {
        const found = await outcomesNow(db.pool, cabinet, boards, fresh.slice(from, from + AT_ONCE), now, true);
        for (const { listingId, outcome, reason } of found.values())
          would.push({ listingId, outcome: outcome!, reason, accountId: null, kopecks: 0, aheadKopecks: 0 });
        await breathe();
      }
      byCabinet.set(cabinet.id, would);
    }
    return { byCabinet, forecast: undefined };
  }
  const marks = columns.map(({ id }) => ({ cabinetId: id, listingIds: ids }));
  const isBilled = columns.some((column) => column.isBilled);
  const played = await atOneMoment(db, async (client): Promise<{ dry: DryRun; forecast?: MoneyForecast }> => {
    if (!isBilled) return { dry: await dryRun(client, boards, agencyId, { cabinets, marks, breathe }, now) };
    const forecast = await forecastMoney(client, boards, agencyId, { days: COVER_DAYS, marks, breathe }, now);
    return { dry: forecast.dry, forecast };
  });
  return {
    byCabinet: new Map(played.dry.cabinets.map((one) => [one.cabinet.id, one.marks.filter(({ isExtra }) => isExtra)])),
    forecast: played.forecast,
  };
}

async function passingIn(ask: Asked, chosen: Chosen, columns: readonly Column[]) {
  const { byCabinet } = await foretell(ask, chosen, columns);
  return new Map(
    [...byCabinet].map(([id, would]) => [
      id,
      new Set(would.filter(({ outcome }) => outcome === 'published').map(({ listingId }) => listingId)),
    ]),
  );
}

const sum = <T>(all: readonly T[], of: (one: T) => number) => all.reduce((total, one) => total + of(one), 0);

async function toMark(ask: Asked, chosen: Chosen, columns: readonly Column[]): Promise<DryRunAnswer> {
  const { byCabinet, forecast } = await foretell(ask, chosen, columns);
  const cabinets = columns.map(({ id, title }) => {
    const would = byCabinet.get(id) ?? [];
    return {
      id,
      title,
      marks: would.length,
      same: chosen.ids.length - would.length,
      passing: would.filter(({ outcome }) => outcome === 'published').length,
      outcomes: OUTCOMES.toReversed().flatMap((outcome) => {
        const of = would.filter((one) => one.outcome === outcome);
        return of.length === 0
          ? []
          : [{ outcome, label: OUTCOME_LABELS[outcome], count: of.length, examples: examplesOf(of) }];
      }),
      kopecks: sum(would, ({ kopecks }) => kopecks),
      aheadKopecks: sum(would, ({ aheadKopecks }) => aheadKopecks),
    };
  });
  const paying = new Set(
    [...byCabinet.values()].flatMap((would) =>
      would.flatMap(({ accountId, outcome }) =>
        accountId !== null && (outcome === 'published' || outcome === 'unfunded') ? [accountId] : [],
      ),
    ),
  );
  return {
    action: 'mark',
    total: chosen.total,
    leftOut: leftOutWords(chosen.leftOut),
    cabinets,
    ...sumsOf(cabinets),
    accounts: forecast ? await accountsOf(ask, forecast, paying) : [],
    coverDays: COVER_DAYS,
  };
}

function examplesOf(would: readonly Would[]): { listingId: number; reason: string }[] {
  const byReason = new Map<string, number>();
  for (const { listingId, reason } of would)
    if (reason !== null && !byReason.has(reason)) byReason.set(reason, listingId);
  return [...byReason].slice(0, EXAMPLES).map(([reason, listingId]) => ({ listingId, reason }));
}

const sumsOf = (cabinets: DryRunAnswer['cabinets']) => ({
  marks: sum(cabinets, ({ marks }) => marks),
  passing: sum(cabinets, ({ passing }) => passing),
  kopecks: sum(cabinets, ({ kopecks }) => kopecks),
  aheadKopecks: sum(cabinets, ({ aheadKopecks }) => aheadKopecks),
  aheadDays: AHEAD_DAYS,
});

/** The accounts that would pay; of those the caller may not see, the name and what is missing only. */
async function accountsOf(
  { db, agencyId, caller }: Asked,
  forecast: MoneyForecast,
  paying: ReadonlySet<number>,
): Promise<DryRunAnswer['accounts']> {
  const ahead = new Map(forecast.accounts.map((account) => [account.accountId, account]));
  const told: DryRunAnswer['accounts'] = [];
  for (const { id, name, availableKopecks, leftKopecks, missingKopecks } of forecast.dry.accounts) {
    if (!paying.has(id)) continue;
    const place = await placeOf(db.pool, agencyId, 'account', id);
    const isSeen = place !== undefined && mayDo(caller, 'see-accounts', place);
    told.push({
      id,
      name,
      availableKopecks: isSeen ? availableKopecks : null,
      leftKopecks: isSeen ? leftKopecks : null,
      missingKopecks,
      endsOn: isSeen ? (ahead.get(id)?.endsOn ?? null) : null,
    });
  }
  return told;
}

/** What is free again today, and what would have been spent in the days ahead. */
async function toUnmark(ask: Asked, chosen: Chosen, columns: readonly Column[]): Promise<DryRunAnswer> {
  const { db, agencyId, boards, now } = ask;
  const marked = await markedAmong(
    db.pool,
    agencyId,
    columns.map(({ id }) => id),
    chosen.ids,
  );
  const billed = columns.filter(({ isBilled }) => isBilled).map(({ id }) => id);
  const money = new Map<number, { freed: number; ahead: number }>();
  if (billed.length > 0) {
    const cabinets = await cabinetsById(ask, billed);
    const without = billed.map((cabinetId) => ({ cabinetId, listingIds: chosen.ids }));
    await atOneMoment(db, async (client: Queryable) => {
      const stays = await dryRun(client, boards, agencyId, { cabinets, breathe }, now);
      const goes = await dryRun(client, boards, agencyId, { cabinets, without, breathe }, now);
      for (const [at, { cabinet, marks }] of stays.cabinets.entries()) {
        const of = marked.get(cabinet.id) ?? new Set();
        const ours = <T extends { readonly listingId: number }>(all: readonly T[]) =>
          all.filter(({ listingId }) => of.has(listingId));
        money.set(cabinet.id, {
          freed: sum(ours(goes.cabinets[at]!.freed), ({ kopecks }) => kopecks),
          ahead: sum(ours(marks), ({ aheadKopecks }) => aheadKopecks),
        });
      }
    });
  }
  const cabinets = columns.map(({ id, title }) => {
    const count = marked.get(id)?.size ?? 0;
    return {
      id,
      title,
      marks: count,
      same: chosen.ids.length - count,
      passing: 0,
      outcomes: [],
      kopecks: money.get(id)?.freed ?? 0,
      aheadKopecks: money.get(id)?.ahead ?? 0,
    };
  });
  return {
    action: 'unmark',
    total: chosen.total,
    leftOut: leftOutWords(chosen.leftOut),
    cabinets,
    ...sumsOf(cabinets),
    accounts: [],
    coverDays: COVER_DAYS,
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// The deed.

type Step = (ids: readonly number[], deedId: number, leftOut: (code: string, count: number) => void) => Promise<void>;

/** Deeds under way in this process. */
class Works {
  readonly #running = new Set<Promise<void>>();
  #isEnding = false;

  constructor(app: FastifyInstance) {
    app.addHook('preClose', async () => {
      this.#isEnding = true;
      await Promise.all(this.#running);
    });
  }

  /** Does a deed in steps; a long one is answered with 202 at once and goes on. */
  async run(ask: Asked, reply: FastifyReply, action: BulkAction, chosen: Chosen, step: Step): Promise<Bulk> {
    const { db, agencyId, caller, by, now } = ask;
    const { ids } = chosen;
    const begin = (client: Queryable) => beginBulk(client, { ...caller, by }, action, ids.length, chosen.leftOut, now);
    const isLong = ids.length > AT_ONCE;
    // A short deed is done when its first step is. A long one goes on whatever becomes of the answer: it is a change of
    // the world as soon as it has begun, and the request's key is no longer free.
    const deedId = await (isLong ? transaction(db, begin) : begin(db.pool));
    const work = this.#work(ask, deedId, chosen, step);
    if (!isLong) await work;
    else {
      const told = work.catch((error: unknown) => {
        if (!(error instanceof Refusal)) ask.request.log.error({ err: error, deedId }, 'bulk deed failed');
      });
      this.#running.add(told);
      void told.finally(() => this.#running.delete(told));
      reply.code(202).header('Location', `/api/v1/bulk/${deedId}`);
    }
    return tellOf((await bulkDeed(db.pool, { agencyId, employeeId: caller.employeeId }, deedId, now))!, now);
  }

  async #work({ db, agencyId, options }: Asked, deedId: number, { ids, leftOut }: Chosen, step: Step): Promise<void> {
    const left: Record<string, number> = { ...leftOut };
    const together = Math.min(1000, Math.max(100, Math.ceil(ids.length / 20)));
    try {
      for (let from = 0; from < ids.length; from += together) {
        if (this.#isEnding) throw new Refusal('stopping', 'Программу остановили: сделано не всё.');
        const some = ids.slice(from, from + together);
        await step(some, deedId, (code, count) => {
          if (count > 0) left[code] = (left[code] ?? 0) + count;
        });
        await moveBulk(db, agencyId, deedId, from + some.length, left, options.clock());
        await breathe();
      }
      await endBulk(db, agencyId, deedId, null, options.clock());
    } catch (error) {
      const why = error instanceof Refusal ? error.message : 'Сбой на сервере: сделано не всё. Повторите.';
      await endBulk(db, agencyId, deedId, why, options.clock());
      throw error;
    }
  }
}

const DONE: Readonly<Record<BulkAction, (count: number) => string>> = {
  mark: (count) => `${agree(count, 'Поставлена', 'Поставлены', 'Поставлено')} ${marksWord(count)}`,
  unmark: (count) => `${agree(count, 'Снята', 'Сняты', 'Снято')} ${marksWord(count)}`,
  terms: (count) => `Срок изменён у ${formatNumber(count)} ${agree(count, 'отметки', 'отметок', 'отметок')}`,
  pause: (count) =>
    `${agree(count, 'Поставлена', 'Поставлены', 'Поставлено')} ${formatNumber(count)} ${agree(count, 'пауза', 'паузы', 'пауз')}`,
};

const marksWord = (count: number) => `${formatNumber(count)} ${agree(count, 'отметка', 'отметки', 'отметок')}`;

function tellOf(deed: BulkDeed, now: Date): Bulk {
  const { id, action, total, done, changed, leftOut, finishedAt, error, undoneAt } = deed;
  return {
    id,
    action,
    total,
    done,
    changed,
    leftOut: leftOutWords(leftOut),
    isFinished: finishedAt !== null,
    error,
    words: undoneAt !== null ? 'Отменено' : changed === 0 ? 'Ничего не изменилось' : DONE[action](changed),
    undoUntil: undoUntil(deed, now)?.toISOString() ?? null,
  };
}
