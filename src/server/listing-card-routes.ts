import { diffLines } from 'diff';
import Type from 'typebox';
import { describeOffers } from '../boards/check.ts';
import { meantFields } from '../boards/form.ts';
import { readPhone } from '../boards/formats/phone.ts';
import {
  CallSchema,
  type ListingCard,
  ListingCardSchema,
  type ListingChanges,
  ListingChangesSchema,
  type ListingCheck,
  ListingCheckSchema,
  type ListingGates,
  ListingGatesQuerySchema,
  ListingGatesSchema,
  type ListingHistory,
  ListingHistorySchema,
  ListingParamsSchema,
  type ListingPreview,
  ListingPreviewSchema,
  ReasonSchema,
  RewriteSchema,
  StageChangeSchema,
  StatusChangeSchema,
} from '../contracts/listing.ts';
import { type Corrections, canonicalJson, fieldValue, withField } from '../domain/corrections.ts';
import { tellDeed } from '../domain/deed-words.ts';
import { factsOf } from '../domain/facts.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { type Family, labelOf } from '../domain/listing.ts';
import { leastFor, roleAt } from '../domain/rights.ts';
import { explain } from '../export/explain.ts';
import { type ContentCheck, checkContent, normBounds, preview } from '../export/preview.ts';
import { type CorrectionFault, correctionOf, isCorrectable, judgeCorrections } from '../intake/correct.ts';
import { rewriteDescription } from '../store/autotext.ts';
import { type CardRow, cardCabinets, listTransitions } from '../store/cards.ts';
import { atOneMoment } from '../store/database.ts';
import { listDeeds } from '../store/journal.ts';
import { allow, confirm, forbid, recordCall, setStage, setStatus } from '../store/market.ts';
import { history } from '../store/moderation.ts';
import { listNorms } from '../store/norms.ts';
import { listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Api } from './api.ts';
import {
  boardNameOf,
  cardOf,
  familiesOf,
  faultAt,
  type ListingAsk,
  openCard,
  phonesOf,
  saveCard,
  seenBy,
  toldGate,
  versionOf,
} from './listing-card.ts';
import { HttpProblem, notFound } from './problems.ts';

/** «Карточка»: one listing, its form and what boards make of it, and what may be done to it. */

const seen = { deed: 'see-listings', of: 'listing', token: 'listings:read' } as const;
const changes = (deed: 'corrections' | 'status' | 'stage' | 'forbidding' | 'forbid-lift' | 'confirmation' | 'calls') =>
  ({ deed, of: 'listing', token: 'listings:write' }) as const;

export function listingCardRoutes(api: Api): void {
  const { options } = api;
  const params = ListingParamsSchema;

  api.define({
    method: 'GET',
    url: '/listings/:id',
    summary: 'Карточка объекта: поля по группам, источник и исправления рядом, что можно сделать',
    policy: seen,
    params,
    answer: ListingCardSchema,
    isVersioned: true,
    handler: async (ask) => cardOf(ask, await openCard(ask)),
  });

  api.define({
    method: 'PATCH',
    url: '/listings/:id',
    summary: 'Исправить поля поверх источника, вернуть как в источнике, оставить исправление',
    policy: changes('corrections'),
    params,
    body: ListingChangesSchema,
    answer: ListingCardSchema,
    isVersioned: true,
    handler: patch,
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/check',
    summary: 'Что скажут доски и нормы, если сохранить эти изменения; ничего не сохраняет',
    policy: seen,
    params,
    body: ListingChangesSchema,
    answer: ListingCheckSchema,
    handler: check,
  });

  api.define({
    method: 'GET',
    url: '/listings/:id/gates',
    summary: 'Почему объект есть или не есть на каждой доске: шлюзы, замечания, стоимость',
    policy: seen,
    params,
    query: ListingGatesQuerySchema,
    answer: ListingGatesSchema,
    handler: gates,
  });

  api.define({
    method: 'GET',
    url: '/listings/:id/preview',
    summary: 'Что уйдёт на доску и что там сейчас, XML',
    policy: seen,
    params,
    query: Type.Object({ cabinet: Type.Integer({ minimum: 1 }) }),
    answer: ListingPreviewSchema,
    handler: (ask) => previewOf(ask, options.dataDir),
  });

  api.define({
    method: 'GET',
    url: '/listings/:id/history',
    summary: 'Что было с объектом: кто что сделал, решения модераторов, итоги на досках',
    policy: seen,
    params,
    answer: ListingHistorySchema,
    handler: historyOf,
  });

  deedRoutes(api);
}

// ---------------------------------------------------------------- the form

/** The corrections that a form wishes. @throws nothing: what cannot be is told with the other faults */
function wished(
  row: CardRow,
  { set = {}, drop = [], keep = [] }: ListingChanges,
  by: string,
  now: Date,
): { readonly corrections: Corrections; readonly faults: CorrectionFault[] } {
  const faults: CorrectionFault[] = [];
  const corrections: Corrections = { ...row.corrections };
  for (const [field, value] of Object.entries(set)) {
    if (isCorrectable(field)) corrections[field] = correctionOf(row, field, asKept(field, value ?? null), by, now);
    else faults.push({ code: 'field-unknown', field, message: `Поля «${field.slice(0, 60)}» нет.` });
  }
  for (const field of drop) delete corrections[field];
  for (const field of keep) {
    const known = corrections[field];
    if (known) corrections[field] = { ...known, basis: fieldValue(row.sourceValues, field) };
    else faults.push({ code: 'bad-value', field, message: `${labelOf(field)}: исправления нет, оставлять нечего.` });
  }
  return { corrections, faults };
}

/** People write numbers as they like; what cannot be dialled stays as it is and is told. */
const asKept = (field: string, value: unknown): unknown =>
  field === 'contactPhones' && Array.isArray(value)
    ? value.map((phone) => (typeof phone === 'string' ? (readPhone(phone) ?? phone) : phone))
    : value;

async function patch(ask: ListingAsk<ListingChanges>): Promise<ListingCard> {
  const { body, by, now, boards } = ask;
  const row = await openCard(ask);
  ask.match(versionOf(row));
  const touched = [...Object.keys(body.set ?? {}), ...(body.drop ?? []), ...(body.keep ?? [])];
  if (touched.includes('photos')) ask.prove('photos', ask.place!);
  const wish = wished(row, body, by, now);
  const { next, faults } = judgeCorrections(row, wish.corrections);
  refuseFaults([...wish.faults, ...faults], boards);
  if (canonicalJson(wish.corrections) !== canonicalJson(row.corrections)) await saveCard(ask, row, next);
  return cardOf(ask, await openCard(ask));
}

/** @throws HttpProblem 422 with all of them */
function refuseFaults(faults: readonly CorrectionFault[], boards: ListingAsk['boards']): void {
  if (faults.length === 0) return;
  const errors = faults.map(({ field, message }) => faultAt(field, message, boards));
  throw new HttpProblem(422, 'bad-value', `Не сохранено. ${errors.map(({ detail }) => detail).join(' ')}`, { errors });
}

async function check(ask: ListingAsk<ListingChanges>): Promise<ListingCheck> {
  const { db, agencyId, boards, body, by, now, params } = ask;
  const row = await openCard(ask);
  const wish = wished(row, body, by, now);
  const { next, faults } = judgeCorrections(row, wish.corrections);
  // What no listing can have is judged by nobody: the field stands as it was saved.
  const values = faults.reduce((held, { field }) => withField(held, field, fieldValue(row.values, field)), next.values);
  const cabinets = await cabinetsOf(ask);
  const told = await atOneMoment(db, async (client) => {
    const checks = [];
    for (const { cabinet, board } of cabinets)
      checks.push(await checkContent(client, cabinet, board, params.id, values, now));
    return { checks, norms: await listNorms(client, agencyId) };
  });
  const facts = factsOf(values);
  const answer: ListingCheck = {
    faults: [...wish.faults, ...faults].map(({ field, message }) => ({
      field,
      message: faultAt(field, message, boards).detail,
    })),
    meant: [...meantFields(familiesOf(cabinets.map(({ cabinet }) => cabinet)), values)],
    chars: { title: facts.titleChars, description: facts.descriptionChars },
    notices: toldOnce(
      told.checks.map((one, at) => ({ ...one, family: cabinets[at]!.cabinet.family })),
      describeOffers(values),
    ),
    bounds: [...told.checks.flatMap(({ bounds }) => bounds), ...normBounds(told.norms, values)],
    boards: told.checks.map(({ cabinetId, board, boardName, isMarked, notices, gates: own }) => {
      const closed = own.find(({ state }) => state === 'closed');
      return {
        cabinetId,
        board,
        boardName,
        isMarked,
        notices: [...notices],
        firstClosed: closed ? toldGate(closed) : null,
      };
    }),
  };
  return seenBy(ask, answer, phonesOf(row));
}

/** Boards that miss the same thing say so together: «Телефон: не заполнено. Требуют Циан и Домклик: продажа домов.» */
function toldOnce(
  checks: readonly (Pick<ContentCheck, 'boardName' | 'isMarked' | 'notices'> & { readonly family: Family })[],
  offers: string,
): ListingCheck['notices'] {
  const found = new Map<string, ListingCheck['notices'][number] & { isMissing: boolean }>();
  for (const { boardName, isMarked, notices, family } of checks) {
    if (!isMarked) continue;
    for (const { code, severity, field: at, label, message, fixedBy } of notices) {
      const field = at.startsWith('own:') ? `${family}:${at.slice('own:'.length)}` : at;
      const isMissing = message === missing(label, [boardName], offers);
      const key = `${severity} ${field} ${isMissing ? '' : message}`;
      const known = found.get(key);
      if (known?.boards.includes(boardName)) continue;
      if (known) known.boards.push(boardName);
      else
        found.set(key, { code, severity, field, label, message, fixedBy, boards: [boardName], whose: null, isMissing });
    }
  }
  return [...found.values()].map(({ isMissing, ...notice }) => ({
    ...notice,
    message: isMissing ? missing(notice.label, notice.boards, offers) : notice.message,
    whose: notice.code.startsWith('norm/')
      ? 'норма агентства'
      : notice.code.startsWith('inspector/')
        ? names.format(notice.boards)
        : null,
  }));
}

const names = new Intl.ListFormat('ru', { type: 'conjunction' });

/** As the rules' own sentence has it for one board (boards/catalogue.ts). */
const missing = (label: string, boards: readonly string[], offers: string) =>
  `${label}: не заполнено. ${boards.length === 1 ? 'Требует' : 'Требуют'} ${names.format(boards)}: ${offers}.`;

/** The cabinets that concern the listing, marked ones first, with their boards. */
async function cabinetsOf({ db, agencyId, boards, params }: ListingAsk) {
  const rows = new Map((await listCabinets(db, { agencyId })).map((cabinet) => [cabinet.id, cabinet]));
  return (await cardCabinets(db.pool, agencyId, params.id)).flatMap((mark) => {
    const cabinet = rows.get(mark.cabinetId);
    const board = boards.find(({ id }) => id === cabinet?.board);
    return cabinet && board ? [{ mark, cabinet, board }] : [];
  });
}

// ---------------------------------------------------------------- boards

async function gates(ask: ListingAsk<unknown, { readonly cabinet?: readonly number[] }>): Promise<ListingGates> {
  const { db, now, params, query } = ask;
  const cabinets = (await cabinetsOf(ask)).filter(({ cabinet }) => query.cabinet?.includes(cabinet.id) ?? true);
  const data = await atOneMoment(db, async (client) => {
    const told: ListingGates['data'] = [];
    for (const { mark, cabinet, board } of cabinets) {
      const answer = await explain(client, cabinet, board, params.id, now);
      const moderation = answer.gates.find(({ gate }) => gate === 'moderation');
      told.push({
        cabinetId: cabinet.id,
        board: answer.board,
        boardName: answer.boardName,
        cabinet: answer.cabinet,
        cabinetName: cabinet.name,
        isMarked: answer.isMarked,
        startsOn: mark.startsOn,
        endsOn: mark.endsOn,
        isPinned: mark.isPinned,
        boardOfferId: mark.boardOfferId,
        outcome: answer.outcome,
        label: answer.label,
        reason: answer.reason,
        fix: answer.fix,
        fixedByName: answer.fixedByName,
        since: answer.since,
        opensAt: answer.opensAt,
        isEditWaiting: moderation?.facts.approval === 'kept',
        isHeld: answer.isHeld,
        gates: answer.gates.map(toldGate),
        notices: [...answer.notices],
        remarks: [...answer.remarks],
        cost: answer.cost,
      });
    }
    return told;
  });
  return seenBy(ask, { data }, phonesOf(await openCard(ask)));
}

const SERVED = {
  shown: 'на доске сейчас',
  absent: 'в файле, который забирает доска, объекта сейчас нет',
  lost: 'файл издания лежит на другой машине',
  'no-edition': 'фид ещё не публиковался',
} as const;

async function previewOf(
  ask: ListingAsk<unknown, { readonly cabinet: number }>,
  dataDir: string,
): Promise<ListingPreview> {
  const { db, query, now, params } = ask;
  const found = (await cabinetsOf(ask)).find(({ cabinet }) => cabinet.id === query.cabinet);
  if (!found) throw notFound('Такого кабинета у этого объекта нет.');
  const told = await atOneMoment(db, (client) => preview(client, found.cabinet, found.board, params.id, dataDir, now));
  const row = await openCard(ask);
  const { xml, served } = told;
  const phones = [...phonesOf(row), ...told.phones, ...served.phones];
  const shown = seenBy(ask, { will: xml, is: served.xml, phones: [...told.phones] }, phones);
  return {
    cabinetId: told.cabinetId,
    board: told.board,
    boardName: told.boardName,
    xml: shown.will,
    isPassable: told.isPassable,
    isKept: told.isKept,
    phones: shown.phones,
    phoneKind: told.phoneKind,
    phoneChangesAt: told.phoneChangesAt?.toISOString() ?? null,
    served: {
      state: served.state,
      label: SERVED[served.state],
      editionId: served.editionId,
      publishedAt: served.publishedAt?.toISOString() ?? null,
      xml: shown.is,
    },
    differs: told.differs,
    lines: shown.will !== null && shown.is !== null ? linesOf(shown.is, shown.will) : [],
  };
}

const linesOf = (before: string, after: string): ListingPreview['lines'] =>
  diffLines(before, after).flatMap(({ value, added, removed }) =>
    value
      .replace(/\n$/, '')
      .split('\n')
      .map((text) => ({ kind: added ? ('added' as const) : removed ? ('removed' as const) : ('same' as const), text })),
  );

// ---------------------------------------------------------------- history

async function historyOf(ask: ListingAsk): Promise<ListingHistory> {
  const { db, agencyId, boards, params } = ask;
  const row = await openCard(ask);
  const { timeZone } = await agencyFrame(db, agencyId);
  const cabinets = await listCabinets(db, { agencyId });
  const verdicts = new Map((await history(db.pool, agencyId, params.id)).map((verdict) => [verdict.id, verdict]));
  const deeds = await listDeeds(db, agencyId, { listingId: params.id, limit: 500 });
  const transitions = await listTransitions(db.pool, agencyId, params.id);
  const data: ListingHistory['data'] = [
    ...deeds.map(({ at, by, action, facts, cabinetId }) => {
      const verdict = verdicts.get(Number(facts.verdictId));
      const { title, lines } = tellDeed(action, facts, timeZone);
      const isUndone = action !== 'verdict-undone' && verdict?.undoneAt != null;
      return {
        at: at.toISOString(),
        kind: action.startsWith('verdict-') ? ('verdict' as const) : ('deed' as const),
        by,
        title: isUndone ? `${title} (отменено)` : title,
        lines: [...(action === 'verdict-returned' ? (verdict?.reasons ?? []).map(({ text }) => text) : []), ...lines],
        boardName: boardNameOf(cabinetId, cabinets, boards),
        outcome: null,
      };
    }),
    ...transitions.map(({ at, cabinetId, outcome, reason }) => ({
      at: at.toISOString(),
      kind: 'outcome' as const,
      by: null,
      title: outcome === 'unmarked' ? 'Ушёл из фида: отметка снята' : OUTCOME_LABELS[outcome],
      lines: reason === null ? [] : [reason],
      boardName: boardNameOf(cabinetId, cabinets, boards),
      outcome: outcome === 'unmarked' ? null : outcome,
    })),
    {
      at: row.firstSeenAt.toISOString(),
      kind: 'source' as const,
      by: null,
      title: `Пришёл из источника «${row.source}»`,
      lines: [],
      boardName: null,
      outcome: null,
    },
  ];
  data.sort((one, other) => other.at.localeCompare(one.at));
  return seenBy(ask, { data }, phonesOf(row));
}

// ---------------------------------------------------------------- deeds

function deedRoutes(api: Api): void {
  const params = ListingParamsSchema;
  const actorOf = ({ caller, place, by }: ListingAsk) => ({
    name: by,
    role: roleAt(caller, place!),
    consentLeast: leastFor('stage-consent', caller.least),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/status',
    summary: 'Свободен, забронирован, продан, сдан, в архиве',
    policy: changes('status'),
    params,
    body: StatusChangeSchema,
    handler: (ask) => setStatus(ask.db, ask.agencyId, ask.params.id, ask.body, actorOf(ask), ask.now),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/stage',
    summary: 'Перевести на стадию сделки',
    policy: changes('stage'),
    params,
    body: StageChangeSchema,
    handler: (ask) => setStage(ask.db, ask.agencyId, ask.params.id, ask.body.stage, actorOf(ask), ask.now),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/forbid',
    summary: 'Запретить рекламу объекта',
    policy: changes('forbidding'),
    params,
    body: ReasonSchema,
    handler: (ask) => forbid(ask.db, ask.agencyId, ask.params.id, sentence(ask.body.reason), actorOf(ask), ask.now),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/allow',
    summary: 'Снять запрет рекламы',
    policy: changes('forbid-lift'),
    params,
    handler: (ask) => allow(ask.db, ask.agencyId, ask.params.id, actorOf(ask), ask.now),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/confirm',
    summary: 'Подтвердить, что объект актуален',
    policy: changes('confirmation'),
    params,
    handler: (ask) => confirm(ask.db, ask.agencyId, [ask.params.id], actorOf(ask), ask.now),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/call',
    summary: 'Отметить результат звонка собственнику',
    policy: changes('calls'),
    params,
    body: CallSchema,
    answer: Type.Object({ callBackAt: Type.Union([Type.String(), Type.Null()]) }),
    handler: async (ask) => {
      const at = await recordCall(ask.db, ask.agencyId, ask.params.id, ask.body.result, actorOf(ask), ask.now);
      return { callBackAt: at?.toISOString() ?? null };
    },
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/text',
    summary: 'Написать описание заново по шаблону',
    policy: { deed: 'texts', of: 'listing', token: 'listings:write' },
    params,
    body: RewriteSchema,
    answer: Type.Object({ text: Type.String(), isNew: Type.Boolean() }),
    handler: ({ db, agencyId, params: { id }, body, by, now }) =>
      rewriteDescription(db, agencyId, id, by, now, body.isForced ?? false),
  });
}

/** A reason goes into sentences of ours. */
const sentence = (reason: string) => reason.trim().replace(/\.$/, '');
