import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { FeedTrouble } from '../contracts/diagnostics.ts';
import {
  BrakeReleaseSchema,
  EditionDetailSchema,
  EditionsSchema,
  type Feed,
  type FeedAddress,
  FeedAddressSchema,
  FeedCheckSchema,
  type FeedDifference,
  FeedParams,
  FeedSchema,
  FeedsSchema,
  NextSchema,
  PullsSchema,
  RunsSchema,
} from '../contracts/feeds.ts';
import { brakeCauses } from '../domain/brake.ts';
import { Refusal } from '../domain/fault.ts';
import { pullState, pullWords } from '../domain/pulls.ts';
import { mayDo, reachOf } from '../domain/rights.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { compareEditions, type EditionDifference, nextDifference } from '../export/editions.ts';
import { checkAsBoard } from '../intake/feed-check.ts';
import { placeOfCabinet } from '../store/access.ts';
import { editionAndBefore, type FeedRow, feedRows, listEditions, namesOfListings } from '../store/editions.ts';
import { feedPath, feedToken, rotateAddress } from '../store/feed-address.ts';
import { record } from '../store/journal.ts';
import { currentEdition, type EditionRow, releaseBrake } from '../store/publishing.ts';
import { type CabinetPulls, listPulls, pullHabits } from '../store/pulls.ts';
import { askForRun, type CabinetDue, cabinetsDue, listRuns, type RunRow, retryAt } from '../store/runs.ts';
import type { Api, ApiOptions, Ask } from './api.ts';
import { CHECK_HEADER } from './feeds.ts';
import { checkMark } from './keys.ts';
import { HttpProblem, notFound } from './problems.ts';

/** «Фиды»: what each board is given, who takes it, what the brake keeps, and a look at a feed as a board would take it. */

const see = { deed: 'see-feeds', token: 'feeds:read' } as const;
const ofCabinet = { of: 'cabinet', sees: 'see-feeds' } as const;

/** Listings of a difference that are told by name. */
const NAMED = 200;
const PAGE = 20;

export function feedsAdminRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/feeds',
    summary: 'Фиды: издания, кто забирал, когда следующий, что держит тормоз',
    policy: see,
    answer: FeedsSchema,
    handler: async (ask) => ({ data: await feedsOf(ask) }),
  });

  api.define({
    method: 'GET',
    url: '/feeds/:id',
    summary: 'Один фид',
    policy: see,
    params: FeedParams,
    answer: FeedSchema,
    handler: async (ask) => {
      const found = (await feedsOf(ask)).find(({ id }) => id === ask.params.id);
      if (!found) throw notFound();
      return found;
    },
  });

  api.define({
    method: 'POST',
    url: '/feeds/:id/address/copy',
    summary: 'Полный адрес фида: он открывает фид всякому, поэтому каждый показ остаётся в журнале',
    policy: { deed: 'see-feeds', ...ofCabinet, token: null },
    params: FeedParams,
    answer: FeedAddressSchema,
    handler: async (ask): Promise<FeedAddress> => {
      const { db, agencyId, by, now, options, request, params } = ask;
      const feed = await feedOf(ask);
      await record(db.pool, agencyId, { by, action: 'feed-address-shown', cabinetId: params.id }, now);
      return addressesOf(options, request, feed, null);
    },
  });

  api.define({
    method: 'POST',
    url: '/feeds/:id/address',
    summary: 'Новый адрес фида; прежний отвечает ещё 14 дней',
    policy: { deed: 'feed-addresses', ...ofCabinet, token: null, needsProof: true },
    params: FeedParams,
    answer: FeedAddressSchema,
    handler: async (ask): Promise<FeedAddress> => {
      const { db, by, now, options, request } = ask;
      const until = await rotateAddress(db, await feedOf(ask), by, now);
      return addressesOf(options, request, await feedOf(ask), until);
    },
  });

  api.define({
    method: 'POST',
    url: '/feeds/:id/run',
    summary: 'Собрать фид вне очереди',
    policy: { deed: 'runs', ...ofCabinet, token: 'feeds:write' },
    params: FeedParams,
    handler: async (ask, reply) => {
      await askForRun(ask.db, await feedOf(ask), ask.by, ask.now);
      // Whoever works finds it due; what became of it stands among the runs.
      reply.code(202).header('Location', `/api/v1/feeds/${ask.params.id}/runs`);
      return { dueAt: ask.now.toISOString() };
    },
  });

  api.define({
    method: 'POST',
    url: '/feeds/:id/brake',
    summary: 'Отпустить тормоз: удержанные объекты уйдут из фида при следующей сборке',
    policy: { deed: 'brake', ...ofCabinet, token: 'feeds:write' },
    params: FeedParams,
    body: BrakeReleaseSchema,
    handler: async (ask) => {
      const { db, by, now, body } = ask;
      const feed = await feedOf(ask);
      if (!(await releaseBrake(db, feed, { by, reason: body.reason }, now)))
        throw new Refusal('brake-not-on', `${feed.name}: тормоз ничего не держит.`, 4);
    },
  });

  api.define({
    method: 'GET',
    url: '/feeds/:id/editions',
    summary: 'Издания фида: сколько объектов пришло и ушло с каждым',
    policy: see,
    params: FeedParams,
    query: Type.Object(
      {
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
        after: Type.Optional(Type.Integer({ minimum: 1 })),
      },
      { additionalProperties: false },
    ),
    answer: EditionsSchema,
    handler: async (ask) => {
      const { db, now, query } = ask;
      const limit = query.limit ?? PAGE;
      const rows = await listEditions(db.pool, await feedOf(ask), now, { beforeId: query.after, limit: limit + 1 });
      const page = rows.slice(0, limit);
      return {
        data: page.map(({ isServed, added, removed, ...edition }) => ({
          ...editionOf(edition),
          isServed,
          added,
          removed,
        })),
        page: { next: rows.length > limit ? String(page.at(-1)!.id) : null, total: null },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/feeds/:id/editions/:edition',
    summary: 'Чем издание отличается от предыдущего',
    policy: see,
    params: Type.Object({ ...FeedParams.properties, edition: Type.Integer({ minimum: 1 }) }),
    answer: EditionDetailSchema,
    handler: async (ask) => {
      const { db, options, params } = ask;
      const feed = await feedOf(ask);
      const found = await editionAndBefore(db.pool, feed, params.edition);
      if (!found) throw notFound('Такого издания нет.');
      const { edition, before } = found;
      const difference = await compareEditions(options.dataDir, feed, before ?? undefined, edition);
      return {
        edition: editionOf(edition),
        before: before && editionOf(before),
        difference: difference ? await named(ask, difference) : null,
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/feeds/:id/next',
    summary: 'Чем будет отличаться следующее издание, если собрать его сейчас',
    policy: see,
    params: FeedParams,
    answer: NextSchema,
    handler: async (ask) => {
      const { db, boards, options, now } = ask;
      const difference = await nextDifference(db, boards, options.dataDir, await feedOf(ask), now);
      return { difference: difference ? await named(ask, difference) : null };
    },
  });

  api.define({
    method: 'GET',
    url: '/feeds/:id/pulls',
    summary: 'Кто и когда забирал фид',
    policy: see,
    params: FeedParams,
    query: Type.Object(
      { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })) },
      { additionalProperties: false },
    ),
    answer: PullsSchema,
    handler: async (ask) => {
      const { db, agencyId, params, query } = ask;
      await feedOf(ask);
      const pulls = await listPulls(db, agencyId, params.id, query.limit ?? 50);
      return {
        data: pulls.map((pull) => ({
          at: pull.at.toISOString(),
          method: pull.method,
          status: pull.status,
          edition: pull.editionId,
          bytes: pull.bytes,
          isPacked: pull.encoding === 'gzip',
          isPrevious: pull.isPreviousToken,
          robot: pull.userAgent,
          from: pull.address,
        })),
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/feeds/:id/runs',
    summary: 'Прогоны: когда фид собирался и что вышло',
    policy: see,
    params: FeedParams,
    query: Type.Object(
      { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) },
      { additionalProperties: false },
    ),
    answer: RunsSchema,
    handler: async (ask) => {
      const { db, agencyId, params, query } = ask;
      await feedOf(ask);
      const runs = await listRuns(db, agencyId, { cabinetId: params.id, limit: query.limit ?? PAGE });
      return {
        data: runs.map((run) => ({
          id: run.id,
          cause: run.cause,
          startedAt: run.startedAt.toISOString(),
          finishedAt: run.finishedAt?.toISOString() ?? null,
          status: run.status,
          label: run.status === null ? 'идёт' : RUN_LABELS[run.status],
          edition: run.editionId,
          offers: run.offers,
          changed: run.changed,
          error: run.error,
        })),
      };
    },
  });

  /** Cabinets that are being looked at: a second look at the same time tells nothing more. */
  const underWay = new Set<number>();

  api.define({
    method: 'POST',
    url: '/feeds/:id/check',
    summary: 'Проверить как доска: забрать фид по его адресу снаружи и проверить файл',
    policy: { deed: 'see-feeds', ...ofCabinet, token: 'feeds:read' },
    params: FeedParams,
    answer: FeedCheckSchema,
    handler: async (ask) => {
      const { db, boards, options, request, params, now } = ask;
      const feed = await feedOf(ask);
      const board = boards.find(({ id }) => id === feed.board);
      if (!board) throw notFound('Описания этой доски нет среди board-rules.');
      if (underWay.has(params.id) || underWay.size >= CHECKS_AT_ONCE)
        throw new HttpProblem(429, 'check-under-way', 'Такая проверка уже идёт: подождите минуту.', { retryAfter: 30 });
      underWay.add(params.id);
      try {
        const path = feedPath(options.secret, feed);
        const check = await checkAsBoard(`${outsideOrigin(options, request)}${path}`, board, {
          isFromInside: options.publicUrl === undefined,
          headers: { [CHECK_HEADER]: checkMark(options.secret, path, now) },
          served: async () => (await currentEdition(db, feed)) ?? null,
        });
        return { at: now.toISOString(), ...check };
      } finally {
        underWay.delete(params.id);
      }
    },
  });
}

/** Each fetches a whole feed and judges it. */
const CHECKS_AT_ONCE = 2;

const RUN_LABELS: Record<Exclude<RunRow['status'], null>, string> = {
  done: 'готово',
  failed: 'не удался',
  overtaken: 'уступил более новому',
  lost: 'оборвался: процесс остановился',
};

const editionOf = ({ id, publishedAt, generatedAt, offers, bytes, gzipBytes, sha256 }: EditionRow) => ({
  id,
  publishedAt: publishedAt.toISOString(),
  generatedAt: generatedAt.toISOString(),
  offers,
  bytes,
  gzipBytes,
  sha256,
});

/** A feed of the whole agency is seen by everybody who may see feeds of a part of it: their listings are in it. */
function isSeen(
  { caller }: Ask<unknown, unknown, unknown>,
  { branchId }: { readonly branchId: number | null },
): boolean {
  return mayDo(caller, 'see-feeds', branchId === null ? 'anywhere' : placeOfCabinet({ branchId }));
}

/** The feed of the address. @throws HttpProblem 404 */
async function feedOf(ask: Ask<{ readonly id: number }, unknown, unknown>): Promise<FeedRow> {
  const found = (await feedRows(ask.db.pool, ask.agencyId)).find(({ id }) => id === ask.params.id);
  if (!found || !isSeen(ask, found)) throw notFound();
  return found;
}

async function feedsOf(ask: Ask<unknown, unknown, unknown>): Promise<Feed[]> {
  const { db, boards, agencyId, caller, now, options, request } = ask;
  const seen = (await feedRows(db.pool, agencyId)).filter((feed) => isSeen(ask, feed));
  const habits = await pullHabits(db.pool, agencyId, now);
  const due = new Map((await cabinetsDue(db, { agencyId })).map((one) => [one.id, one]));
  const here = originOf(options, request);
  return seen.map((feed): Feed => {
    const place = placeOfCabinet(feed);
    const next = due.get(feed.id)!;
    const until = feed.previousTokens.map((token) => token.until).filter((one) => Date.parse(one) > now.getTime());
    const habit = habitOf(feed, habits.get(feed.id));
    return {
      id: feed.id,
      board: feed.board,
      boardName: boards.find(({ id }) => id === feed.board)?.name ?? feed.board,
      name: feed.name,
      slug: feed.slug,
      branch: feed.branch,
      address: `${here}${maskedPath(options, feed)}`,
      previousUntil: until.sort().at(-1) ?? null,
      byPreviousAt: habits.get(feed.id)?.byPreviousAt?.toISOString() ?? null,
      edition: feed.edition && editionOf(feed.edition),
      marks: { total: feed.marks, undecided: feed.undecided, counts: feed.counts },
      pulls: {
        state: pullState(habit, now),
        words: pullWords(habit, now),
        lastAt: habit.lastAt?.toISOString() ?? null,
        lastDay: habits.get(feed.id)?.lastDay ?? 0,
      },
      next: {
        dueAt: next.dueAt?.toISOString() ?? null,
        isRunning: next.isRunning,
        retryAt: next.dueAt === null ? null : (retryAt(next)?.toISOString() ?? null),
      },
      brake: feed.brake && {
        since: feed.brake.since,
        held: feed.brake.held,
        before: feed.brake.before,
        causes: brakeCauses(feed.brake.causes),
        release: feed.brakeRelease,
      },
      failure: failureOf(next),
      messages: [...feed.messages],
      may: {
        address: mayDo(caller, 'see-feeds', place),
        run: mayDo(caller, 'runs', place),
        brake: mayDo(caller, 'brake', place),
        rotate: mayDo(caller, 'feed-addresses', place),
      },
    };
  });
}

const habitOf = ({ servedSince }: FeedRow, pulls: CabinetPulls | undefined) => ({
  lastAt: pulls?.lastAt ?? null,
  usualHours: pulls?.usualHours ?? null,
  servedSince,
});

function failureOf({ failures, failedAt, error }: CabinetDue): Feed['failure'] {
  if (failures === 0 || failedAt === null) return null;
  const told = `${formatNumber(failures)} ${agree(failures, 'прогон', 'прогона', 'прогонов')} подряд не ${agree(failures, 'удался', 'удались', 'удались')}`;
  return { count: failures, at: failedAt.toISOString(), words: error === null ? `${told}.` : `${told}: ${error}` };
}

/** Trouble of whole feeds among some cabinets, as «Диагностика» tells it. */
export async function troublesOfFeeds(
  ask: Ask<unknown, unknown, unknown>,
  cabinetIds: readonly number[],
): Promise<FeedTrouble[]> {
  return (await feedsOf(ask))
    .filter(({ id }) => cabinetIds.includes(id))
    .flatMap(({ id, boardName, name, brake, failure, pulls }): FeedTrouble[] => {
      const told = { feed: id, name: name === boardName ? name : `${boardName}, ${name}` };
      const isLate = pulls.state === 'late' || pulls.state === 'never';
      return [
        ...(failure ? [{ ...told, kind: 'run-failed' as const, words: failure.words }] : []),
        ...(brake && !brake.release
          ? [
              {
                ...told,
                kind: 'brake' as const,
                words: `Тормоз держит ${formatNumber(brake.held)} ${agree(brake.held, 'объект', 'объекта', 'объектов')}: ${brake.causes.join(', ')}.`,
              },
            ]
          : []),
        ...(isLate ? [{ ...told, kind: 'not-pulled' as const, words: `Доска ${pulls.words}.` }] : []),
      ];
    });
}

/** How we are reached from outside, as far as it is known. */
const originOf = ({ publicUrl }: ApiOptions, request: FastifyRequest) =>
  publicUrl ?? `${request.protocol}://${request.host}`;

/**
 * Where to look at a feed from outside. Without the setting that is this very server: what a browser says our name is
 * would let anybody send us, and the address with its key, anywhere.
 */
function outsideOrigin({ publicUrl }: ApiOptions, request: FastifyRequest): string {
  if (publicUrl !== undefined) return publicUrl;
  const { localAddress, localPort } = request.socket;
  if (localPort === undefined)
    throw new HttpProblem(409, 'public-url-missing', 'Неизвестно, как нас видно снаружи: задайте PUBLIC_URL.');
  const host = localAddress?.replace(/^::ffff:/, '') ?? '127.0.0.1';
  return `http://${host.includes(':') ? `[${host}]` : host}:${localPort}`;
}

const SHOWN = 3;

/** `/f/avito/centr-7Qm…x9z.xml` */
function maskedPath({ secret }: ApiOptions, feed: FeedRow): string {
  const token = feedToken(secret, feed, feed.tokenSerial);
  return feedPath(secret, feed).replace(token, `${token.slice(0, SHOWN)}…${token.slice(-SHOWN)}`);
}

function addressesOf(options: ApiOptions, request: FastifyRequest, feed: FeedRow, until: Date | null): FeedAddress {
  const address = `${originOf(options, request)}${feedPath(options.secret, feed)}`;
  return { address, packedAddress: `${address}.gz`, previousUntil: until?.toISOString() ?? null };
}

/** A difference with the names of its first listings: those that the person may see. */
async function named(
  { db, agencyId, caller }: Ask<unknown, unknown, unknown>,
  difference: EditionDifference,
): Promise<FeedDifference> {
  const kinds = ['removed', 'added', 'changed'] as const;
  const first = kinds.flatMap((what) => difference[what].slice(0, NAMED).map((id) => ({ id, what })));
  const names = await namesOfListings(
    db.pool,
    agencyId,
    first.map(({ id }) => id),
    reachOf(caller, 'see-listings'),
  );
  return {
    added: difference.added.length,
    removed: difference.removed.length,
    changed: difference.changed.length,
    listings: first.flatMap(({ id, what }) => {
      const title = names.get(id);
      return title === undefined ? [] : [{ id, title, what }];
    }),
  };
}
