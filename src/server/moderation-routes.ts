import Type from 'typebox';
import type { Board } from '../boards/catalogue.ts';
import {
  AnswerSchema,
  AskSchema,
  BulkAnswerSchema,
  BulkSchema,
  BulkUndoSchema,
  CaseParams,
  CaseSchema,
  type ChangeFilter,
  GivenSchema,
  LookSchema,
  PostponeSchema,
  PutAsideSchema,
  QuestionSchema,
  QueuePageSchema,
  QueueQuerySchema,
  type QueueRow as QueueRowAnswer,
  type QueueState,
  type QueueWords,
  UndoSchema,
  VerdictSchema,
} from '../contracts/moderation.ts';
import { Refusal } from '../domain/fault.ts';
import { describeKind } from '../domain/listing.ts';
import {
  type ChangeKind,
  changesSince,
  moderatable,
  readSeenToken,
  type Seen,
  seenToken,
} from '../domain/moderation.ts';
import {
  BULK_KINDS,
  type BulkKind,
  isSampled,
  isTrusted,
  lostKopecks,
  notTogether,
} from '../domain/moderation-queue.ts';
import { maskPhones } from '../domain/phones.ts';
import { mayDo, type Place, reachOf } from '../domain/rights.ts';
import { formatNumber } from '../domain/text.ts';
import { valueWords } from '../domain/words.ts';
import { withCorrections } from '../intake/correct.ts';
import { placesOfListings } from '../store/access.ts';
import { listBranches, listEmployees } from '../store/agencies.ts';
import { findListings, type ListingRow } from '../store/marks.ts';
import {
  giveVerdict,
  history,
  type Moderator,
  moderationCase,
  type SeenCase,
  seenCases,
  UNDO_SECONDS,
  undoVerdict,
} from '../store/moderation.ts';
import {
  dayOfModeration,
  type Looker,
  look,
  lookAway,
  lookers,
  type QueueCase,
  type QueueRow,
  queueRows,
  waitingCases,
} from '../store/moderation-queue.ts';
import {
  answerQuestion,
  askAgent,
  type Postponement,
  postpone,
  postponementOf,
  resume,
} from '../store/postponements.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { cursorOf, readCursor } from './cursor.ts';
import { caseAnswer, lookerAnswer, percentOf, postponedAnswer } from './moderation-case.ts';
import { HttpProblem, notFound } from './problems.ts';

/** «Модерация»: the queue, one case, verdicts, putting aside, asking, and several at once. */

const PAGE = 50;

const seeing = { deed: 'see-moderation', token: 'moderation:write' } as const;
const looking = { ...seeing, of: 'listing' } as const;
const deciding = { deed: 'moderation', of: 'listing', token: 'moderation:write' } as const;

export function moderationRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/moderation',
    summary: 'Очередь модератора: дороже простаивает — раньше',
    policy: seeing,
    query: QueueQuerySchema,
    answer: QueuePageSchema,
    handler: queuePage,
  });

  api.define({
    method: 'GET',
    url: '/moderation/:id',
    summary: 'Отличия объекта от последнего одобренного, проверки досок, стоимость; ETag — для вердикта',
    policy: looking,
    params: CaseParams,
    answer: CaseSchema,
    isVersioned: true,
    handler: (ask) => caseAnswer(ask, ask.params.id, ask.place!),
  });

  api.define({
    method: 'POST',
    url: '/moderation/:id/verdict',
    summary: 'Одобрить, вернуть с причинами или исправить и одобрить; If-Match — версия, которую смотрели',
    policy: { ...deciding, idempotent: 'required' },
    params: CaseParams,
    body: VerdictSchema,
    answer: GivenSchema,
    handler: async (ask) => {
      const { db, agencyId, body, now, params } = ask;
      const seen = await seenBy(ask, params.id);
      if (body.corrections !== undefined && body.verdict !== 'approved')
        throw new HttpProblem(422, 'verdict-unclear', 'Исправить можно, только одобряя: иначе исправляет агент.');
      const place = ask.place!;
      const corrections = body.corrections && (await provenCorrections(ask, place, body.corrections));
      const following = await nextAfter(ask, params.id, body.queue ?? {});
      const given = await giveVerdict(
        db,
        agencyId,
        {
          listingId: params.id,
          kind: body.verdict,
          actor: moderatorOf(ask),
          reasons: body.reasons ?? [],
          note: body.note,
          corrections: corrections ?? undefined,
          seen,
        },
        now,
      ).catch((error: unknown) => changedMeanwhile(ask, params.id, error));
      return {
        verdictId: given.verdictId,
        effectiveAt: given.effectiveAt.toISOString(),
        undoSeconds: UNDO_SECONDS,
        ...following,
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/moderation/:id/undo',
    summary: `Отменить своё решение, пока оно не в силе: ${UNDO_SECONDS} секунд`,
    policy: deciding,
    params: CaseParams,
    body: UndoSchema,
    handler: async (ask) => {
      await undo(ask, ask.params.id, ask.body.verdict);
    },
  });

  api.define({
    method: 'POST',
    url: '/moderation/:id/postpone',
    summary: 'Отложить до названного времени; правка объекта вернёт его раньше',
    policy: deciding,
    params: CaseParams,
    body: PostponeSchema,
    answer: PutAsideSchema,
    handler: async (ask) => {
      const { db, agencyId, body, now, params } = ask;
      const following = await nextAfter(ask, params.id, body.queue ?? {});
      const put = await postpone(db, agencyId, params.id, new Date(body.until), moderatorOf(ask), now);
      return { postponed: postponedAnswer(put, now), ...following };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/moderation/:id/postpone',
    summary: 'Вернуть отложенное в очередь; заданный вопрос снимается',
    policy: deciding,
    params: CaseParams,
    handler: async (ask) => {
      await resume(ask.db, ask.agencyId, ask.params.id, moderatorOf(ask), ask.now);
    },
  });

  api.define({
    method: 'POST',
    url: '/moderation/:id/ask',
    summary: 'Спросить агента: объект отложен до ответа, но не дольше суток',
    policy: deciding,
    params: CaseParams,
    body: AskSchema,
    answer: PutAsideSchema,
    handler: async (ask) => {
      const { db, agencyId, body, now, params } = ask;
      const following = await nextAfter(ask, params.id, body.queue ?? {});
      const put = await askAgent(db, agencyId, params.id, body.question, moderatorOf(ask), now);
      return { postponed: postponedAnswer(put, now), ...following };
    },
  });

  api.define({
    method: 'POST',
    url: '/moderation/:id/look',
    summary: 'Сказать, что смотрите объект, и узнать, кто ещё; повторять раз в полминуты',
    policy: looking,
    params: CaseParams,
    answer: LookSchema,
    handler: async ({ db, agencyId, caller, now, params }) => ({
      lookers: (await look(db, agencyId, params.id, caller.employeeId, now)).map(lookerAnswer),
    }),
  });

  api.define({
    method: 'DELETE',
    url: '/moderation/:id/look',
    summary: 'Больше не смотрите',
    policy: looking,
    params: CaseParams,
    handler: ({ db, agencyId, caller, params }) => lookAway(db.pool, agencyId, params.id, caller.employeeId),
  });

  api.define({
    method: 'POST',
    url: '/moderation/bulk',
    summary: 'Одобрить списком правки одного вида: только цена или только порядок фото',
    policy: { deed: 'moderation', token: 'moderation:write', idempotent: 'required' },
    body: BulkSchema,
    answer: BulkAnswerSchema,
    handler: approveTogether,
  });

  api.define({
    method: 'POST',
    url: '/moderation/bulk/undo',
    summary: 'Отменить решения, принятые списком',
    policy: { deed: 'moderation', token: 'moderation:write' },
    body: BulkUndoSchema,
    answer: Type.Object({ undone: Type.Integer() }),
    handler: async (ask) => {
      const places = await placesOfListings(
        ask.db.pool,
        ask.agencyId,
        ask.body.verdicts.map(({ id }) => id),
      );
      let undone = 0;
      for (const { id, verdict } of ask.body.verdicts) {
        const place = places.get(id);
        if (!place || !mayDo(ask.caller, 'moderation', place)) continue;
        await undo(ask, id, verdict);
        undone++;
      }
      return { undone };
    },
  });

  const asked = { deed: 'see-listings', of: 'listing', token: 'listings:read' } as const;

  api.define({
    method: 'GET',
    url: '/listings/:id/question',
    summary: 'О чём модератор спрашивает агента',
    policy: asked,
    params: CaseParams,
    answer: QuestionSchema,
    handler: async ({ db, agencyId, params, caller, place }) => {
      const found = await postponementOf(db.pool, agencyId, params.id);
      const question =
        found?.question == null
          ? null
          : { text: found.question, by: found.by, at: found.at.toISOString(), answer: found.answer };
      return mayDo(caller, 'see-phones', place!) ? { question } : maskPhones({ question });
    },
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/answer',
    summary: 'Ответить модератору: объект сразу вернётся в очередь',
    policy: { deed: 'corrections', of: 'listing', token: 'listings:write' },
    params: CaseParams,
    body: AnswerSchema,
    handler: async ({ db, agencyId, params, body, caller, by, now }) => {
      await answerQuestion(db, agencyId, params.id, body.answer, { employeeId: caller.employeeId, name: by }, now);
    },
  });
}

type Asked = Pick<Ask<unknown, unknown, unknown>, 'db' | 'agencyId' | 'caller' | 'by' | 'now' | 'boards'>;

/** The door has proven the right. */
const moderatorOf = ({ caller, by }: Asked): Moderator => ({ employeeId: caller.employeeId, name: by });

/** What the moderator had before his eyes. @throws HttpProblem 428 without `If-Match`, 412 when it is no version of ours */
async function seenBy(ask: Ask<unknown, unknown, unknown>, listingId: number): Promise<Seen> {
  const seen = readSeenToken(/^"(.+)"$/.exec(ask.request.headers['if-match'] ?? '')?.[1] ?? '');
  if (seen) return seen;
  const { seen: current } = await moderationCase(ask.db, ask.agencyId, listingId, ask.now);
  ask.match(seenToken(current));
  return current;
}

/** @throws HttpProblem 412 with the version that lies there now, where the listing has changed; whatever else went wrong */
async function changedMeanwhile({ db, agencyId, now }: Asked, listingId: number, error: unknown): Promise<never> {
  if (!(error instanceof Refusal) || error.code !== 'content-changed') throw error;
  const { seen } = await moderationCase(db, agencyId, listingId, now);
  throw new HttpProblem(412, 'content-changed', error.message, { current: seenToken(seen) });
}

async function provenCorrections(
  ask: Ask<{ readonly id: number }, unknown, unknown>,
  place: Place,
  values: Readonly<Record<string, unknown>>,
) {
  ask.prove('corrections', place);
  const listing = await listingOf(ask, ask.params.id);
  return withCorrections(listing, values, ask.by, ask.now);
}

async function listingOf({ db, agencyId }: Asked, listingId: number): Promise<ListingRow> {
  const found = (await findListings(db, agencyId, String(listingId))).find(({ id }) => id === listingId);
  if (!found) throw notFound();
  return found;
}

async function undo(ask: Asked, listingId: number, verdictId: number): Promise<void> {
  const { db, agencyId, now } = ask;
  if (!(await history(db.pool, agencyId, listingId)).some(({ id }) => id === verdictId))
    throw notFound('Такого решения по этому объекту нет.');
  await undoVerdict(db, agencyId, verdictId, moderatorOf(ask), now);
}

// ---------------------------------------------------------------------------------------------------------------------
// The queue.

const CHANGE_WORDS: Record<ChangeKind, string> = {
  price: 'цена',
  'photo-order': 'порядок фото',
  photos: 'фото',
  text: 'текст',
  fields: 'поля',
};

const isOnly = (kind: ChangeKind) => (one: QueueCase) => one.touches.length === 1 && one.touches[0] === kind;

const OF_CHANGE: Record<ChangeFilter, (one: QueueCase) => boolean> = {
  'price-only': isOnly('price'),
  'photo-order-only': isOnly('photo-order'),
  text: ({ touches }) => touches.includes('text'),
};

const OF_STATE: Record<QueueState, (one: QueueCase) => boolean> = {
  new: ({ isNew, isPutAside }) => isNew && !isPutAside,
  edit: ({ isNew, isPutAside }) => !isNew && !isPutAside,
  postponed: ({ isPutAside }) => isPutAside,
};
const isOpen = ({ isPutAside }: QueueCase) => !isPutAside;

/** What passes the filters by board, agent and branch. */
function within(cases: readonly QueueCase[], { board = [], employee = [], branch = [] }: QueueWords): QueueCase[] {
  const has = (wanted: readonly unknown[], value: unknown) => wanted.length === 0 || wanted.includes(value);
  return cases.filter(
    ({ boards, employeeId, branchId }) =>
      (board.length === 0 || boards.some((one) => board.includes(one))) &&
      has(employee, employeeId) &&
      has(branch, branchId),
  );
}

const part = (cases: readonly QueueCase[], { state, change }: QueueWords): QueueCase[] =>
  cases.filter(state ? OF_STATE[state] : isOpen).filter(change ? OF_CHANGE[change] : () => true);

/** The case that opens by itself after this one, skipping those that others have open; and how many are left. */
async function nextAfter(
  { db, agencyId, caller, now }: Asked,
  listingId: number,
  words: QueueWords,
): Promise<{ readonly next: number | null; readonly left: number }> {
  const all = await waitingCases(db.pool, agencyId, now, reachOf(caller, 'see-moderation'));
  const queue = part(within(all, words), words);
  const at = queue.findIndex((one) => one.listingId === listingId);
  const rest = [...queue.slice(at + 1), ...queue.slice(0, Math.max(0, at))];
  const taken = new Set((await lookers(db.pool, agencyId, null, caller.employeeId, now)).map((one) => one.listingId));
  const free = rest.find((one) => !taken.has(one.listingId)) ?? rest[0];
  return { next: free?.listingId ?? null, left: rest.length };
}

async function queuePage(ask: Ask<unknown, QueueWords & { limit?: number; after?: string }, unknown>) {
  const { db, agencyId, caller, boards, now, query } = ask;
  const { limit = PAGE, after } = query;
  // Loss grows while one turns the pages: they all go by the order of the first one's moment.
  const cursor = after === undefined ? undefined : readCursor(after, ['number', 'number', 'number', 'number']);
  const moment = cursor ? new Date(cursor[0]) : now;
  const reach = reachOf(caller, 'see-moderation');
  const all = await waitingCases(db.pool, agencyId, moment, reach);
  const found = within(all, query);
  const asked = part(found, query);
  const start = cursor ? placeAfter(asked, moment, cursor) : 0;
  const cases = asked.slice(start, start + limit);
  const last = cases.at(-1);
  const [rows, { settings }, { nextRunAt, ...done }, looking, people, branches] = await Promise.all([
    queueRows(db.pool, agencyId, cases),
    agencyFrame(db, agencyId),
    dayOfModeration(db.pool, agencyId, reach, now),
    lookers(
      db.pool,
      agencyId,
      cases.map(({ listingId }) => listingId),
      caller.employeeId,
      now,
    ),
    listEmployees(db, agencyId),
    listBranches(db.pool, agencyId),
  ]);
  const together = await togetherRows(ask, rows);
  const count = (is: (one: QueueCase) => boolean) => found.filter(is).length;
  const open = all.filter(isOpen);
  const places = await placesOfListings(
    db.pool,
    agencyId,
    rows.map(({ listingId }) => listingId),
  );
  const data = rows.map((row): QueueRowAnswer => {
    const { trusted } = settings.moderation;
    const answer = rowAnswer(row, boards, looking, now);
    const isSample =
      isTrusted(trusted, row.employeeId) &&
      isSampled(readSeenToken(together.get(row.listingId)!.version)!.contentHash, trusted.sharePercent);
    const { bulk } = together.get(row.listingId)!;
    const told = { ...answer, isSample, bulk };
    return mayDo(caller, 'see-phones', places.get(row.listingId)!) ? told : maskPhones(told, row.values.contactPhones);
  });
  return {
    data,
    page: {
      next:
        last && start + limit < asked.length
          ? cursorOf([moment.getTime(), lostKopecks(last, moment), last.since.getTime(), last.listingId])
          : null,
      total: asked.length,
    },
    counts: {
      new: count(OF_STATE.new),
      edit: count(OF_STATE.edit),
      postponed: count(OF_STATE.postponed),
      'price-only': count((one) => isOpen(one) && OF_CHANGE['price-only'](one)),
      'photo-order-only': count((one) => isOpen(one) && OF_CHANGE['photo-order-only'](one)),
      text: count((one) => isOpen(one) && OF_CHANGE.text(one)),
    },
    today: { ...done, nextRunAt: nextRunAt?.toISOString() ?? null },
    idleKopecks: open.reduce((sum, { idleKopecks }) => sum + idleKopecks, 0),
    agents: people.flatMap(({ id, name }) => {
      const waiting = open.filter(({ employeeId }) => employeeId === id).length;
      return waiting === 0 ? [] : [{ id, name, count: waiting }];
    }),
    boards: boards
      .filter(({ id }) => open.some((one) => one.boards.includes(id)))
      .map(({ id, name }) => ({ id, name })),
    branches: branches
      .filter(({ id }) => open.some(({ branchId }) => branchId === id))
      .map(({ id, name }) => ({ id, name })),
  };
}

/** Where the rows behind a cursor begin; its own case may be decided by now. */
function placeAfter(cases: readonly QueueCase[], moment: Date, [, lost, since, id]: number[]): number {
  const isBehind = (one: QueueCase) => {
    const of = lostKopecks(one, moment);
    if (of !== lost) return of < lost!;
    const at = one.since.getTime();
    return at === since ? one.listingId > id! : at > since!;
  };
  const found = cases.findIndex(isBehind);
  return found < 0 ? cases.length : found;
}

function rowAnswer(
  row: QueueRow,
  boards: readonly Board[],
  looking: readonly Looker[],
  now: Date,
): Omit<QueueRowAnswer, 'isSample' | 'bulk'> {
  const postponed: Postponement | null = row.postponed && {
    ...row.postponed,
    until: new Date(row.postponed.until),
    at: row.since,
    answeredBy: null,
    answeredAt: null,
  };
  return {
    id: row.listingId,
    externalId: row.externalId,
    heading: row.title ?? describeKind(row),
    address: row.address,
    kind: row.kind,
    deal: row.deal,
    agent: row.employeeId === null ? null : { id: row.employeeId, name: row.employee ?? '' },
    branch: row.branch,
    since: row.since.toISOString(),
    isNew: row.isNew,
    touches: [...row.touches],
    words: row.isNew ? 'новый' : wordsOf(row.touches),
    boards: row.cabinets.map(({ board, approval }) => ({
      name: boards.find(({ id }) => id === board)?.name ?? board,
      isKept: approval === 'kept',
    })),
    dayKopecks: row.dayKopecks,
    idleKopecks: row.idleKopecks,
    lostKopecks: lostKopecks(row, now),
    postponed: postponed && postponedAnswer(postponed, now),
    lookers: looking.filter(({ listingId }) => listingId === row.listingId).map(lookerAnswer),
  };
}

/** «только цена», «текст, фото» */
const wordsOf = (touches: readonly ChangeKind[]): string =>
  `${touches.length === 1 ? 'только ' : ''}${touches.map((kind) => CHANGE_WORDS[kind]).join(', ')}`;

// ---------------------------------------------------------------------------------------------------------------------
// Several at once.

const bulkKind = (touches: readonly ChangeKind[]): BulkKind | undefined =>
  touches.length === 1 ? BULK_KINDS.find((kind) => kind === touches[0]) : undefined;

interface Together {
  readonly version: string;
  readonly bulk: QueueRowAnswer['bulk'];
}

/** The versions of the rows, and of those that may be approved together what is to be seen. */
async function togetherRows(
  { db, agencyId, now }: Asked,
  rows: readonly QueueRow[],
): Promise<ReadonlyMap<number, Together>> {
  const { settings } = await agencyFrame(db, agencyId);
  const found = await seenCases(
    db.pool,
    agencyId,
    rows.map(({ listingId }) => listingId),
    now,
  );
  return new Map(
    rows.map((row): [number, Together] => {
      const one = found.get(row.listingId)!;
      const version = seenToken(one.seen);
      const kind = bulkKind(row.touches);
      if (kind === undefined) return [row.listingId, { version, bulk: null }];
      const changes = changesOf(one, settings.moderation.policy);
      const refusal = notTogether(kind, { ...one, changes }, settings.moderation);
      return [row.listingId, { version, bulk: { kind, version, words: bulkWords(one, changes, kind), refusal } }];
    }),
  );
}

const changesOf = (
  { approved, values, photoHashes }: SeenCase,
  policy: Parameters<typeof changesSince>[2],
): ReturnType<typeof changesSince> =>
  approved === null ? [] : changesSince(approved, moderatable(values), policy, photoHashes);

function bulkWords(one: SeenCase, changes: ReturnType<typeof changesSince>, kind: BulkKind): string {
  const change = changes.find(({ field }) => field === (kind === 'price' ? 'priceKopecks' : 'photos'));
  if (!change) return '';
  if (kind === 'photo-order') return `переставлено ${formatNumber(change.photos?.movedCount ?? 0)}`;
  const percent = percentOf(change);
  const step = percent === null ? '' : `, ${percent > 0 ? '+' : '−'}${formatNumber(Math.abs(percent))} %`;
  const { currency } = one.values;
  return `${valueWords(change.field, change.before, one.approved?.content.currency)} → ${valueWords(change.field, change.after, currency)}${step}`;
}

async function approveTogether(
  ask: Ask<
    unknown,
    unknown,
    { readonly change: BulkKind; readonly listings: readonly { readonly id: number; readonly version: string }[] }
  >,
) {
  const { db, agencyId, body, caller, now } = ask;
  const ids = body.listings.map(({ id }) => id);
  const { settings } = await agencyFrame(db, agencyId);
  const places = await placesOfListings(db.pool, agencyId, ids);
  const found = await seenCases(db.pool, agencyId, ids, now);
  const data: { id: number; verdictId: number | null; refusal: string | null }[] = [];
  for (const { id, version } of body.listings) {
    const one = found.get(id);
    const place = places.get(id);
    const refuse = (refusal: string) => data.push({ id, verdictId: null, refusal });
    if (!one || !place || !mayDo(caller, 'moderation', place)) {
      refuse('Такого объекта нет, или он не в вашей части агентства.');
      continue;
    }
    const why = notTogether(
      body.change,
      { ...one, changes: changesOf(one, settings.moderation.policy) },
      settings.moderation,
    );
    if (why !== null) {
      refuse(`Списком не одобрить: ${why}.`);
      continue;
    }
    const seen = readSeenToken(version);
    if (!seen) {
      refuse('Версия не понята: обновите список.');
      continue;
    }
    try {
      const wish = { listingId: id, kind: 'approved' as const, actor: moderatorOf(ask), seen };
      data.push({ id, verdictId: (await giveVerdict(db, agencyId, wish, now)).verdictId, refusal: null });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refuse(error.message);
    }
  }
  return {
    data,
    effectiveAt: new Date(now.getTime() + UNDO_SECONDS * 1000).toISOString(),
    undoSeconds: UNDO_SECONDS,
  };
}
