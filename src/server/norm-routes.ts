import Type from 'typebox';
import { describeNorm, NORM_FIELDS, type Norm, normFrom, readNorm, wishOf } from '../boards/norms.ts';
import {
  type Exception,
  ExceptionsQuery,
  ExceptionsSchema,
  NewExceptionSchema,
  type NormBody,
  NormBodySchema,
  type NormRehearsal,
  NormRehearsalSchema,
  NormSchema,
  type NormsAnswer,
  NormsSchema,
  NormTrialSchema,
} from '../contracts/norms.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { DEAL_LABELS, DEALS, KIND_LABELS, KINDS } from '../domain/listing.ts';
import type { StoredNorm } from '../domain/notice.ts';
import { mayDo, OF_AGENCY } from '../domain/rights.ts';
import { type ListingChange, type Rehearsal, rehearseNorm } from '../export/rehearsal.ts';
import { placeOf, placesOfListings } from '../store/access.ts';
import {
  addException,
  EXCEPTION_LABELS,
  exceptionById,
  type ListedException,
  listExceptions,
  revokeException,
} from '../store/exceptions.ts';
import { listNorms, removeNorm, saveNorm, stoppedByCode } from '../store/norms.ts';
import { listCabinets } from '../store/publishing.ts';
import { versionOf } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { HttpProblem, notFound } from './problems.ts';

/** What the agency itself demands: tried on the whole base before it is saved; and whom it lets past. */

const Code = Type.Object({ code: Type.String({ maxLength: 120 }) });
/** Listings of a rehearsal that are told one by one. */
const EXAMPLES = 20;
const SEVERITY_LABELS = { blocking: 'останавливает', advisory: 'советует' } as const;

export function normRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/norms',
    summary: 'Нормы агентства и сколько объектов они останавливают сейчас',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    answer: NormsSchema,
    handler: async (ask): Promise<NormsAnswer> => {
      const { db, boards, agencyId, caller } = ask;
      const stops = await stoppedByCode(db.pool, agencyId, 'norms', null);
      const used = new Set((await listCabinets(db, { agencyId })).map(({ board }) => board));
      return {
        data: (await listNorms(db.pool, agencyId)).map((row) => told(ask, row, stops.get(row.code) ?? 0)),
        fields: [...NORM_FIELDS],
        boards: boards.map(({ id, name }) => ({ id, name, isUsed: used.has(id) })),
        kinds: KINDS.map((value) => ({ value, label: KIND_LABELS[value] })),
        deals: DEALS.map((value) => ({ value, label: DEAL_LABELS[value] })),
        may: { norms: mayDo(caller, 'norms', OF_AGENCY) },
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/norms/rehearse',
    summary: 'Какие объекты остановит или пропустит норма; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    body: NormTrialSchema,
    answer: NormRehearsalSchema,
    handler: async (ask): Promise<NormRehearsal> => {
      const { db, boards, agencyId, body, now } = ask;
      if ('remove' in body) {
        const known = (await listNorms(db.pool, agencyId)).find(({ code }) => code === body.remove);
        const rehearsal = await rehearseNorm(db, boards, agencyId, { remove: body.remove }, now, EXAMPLES);
        return rehearsalTold(rehearsal, known ? describe(ask, { ...known, ...readNorm(known.rule) }) : '');
      }
      const norm = proven(ask, body.norm);
      const rehearsal = await rehearseNorm(db, boards, agencyId, { save: norm }, now, EXAMPLES);
      return rehearsalTold(rehearsal, describe(ask, norm));
    },
  });

  api.define({
    method: 'PUT',
    url: '/norms',
    summary: 'Сохранить норму; норма с тем же кодом заменяется, если назвать её версию',
    policy: { deed: 'norms', of: 'agency', token: 'settings:write' },
    body: NormBodySchema,
    answer: NormSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, body, by, now, request } = ask;
      const norm = proven(ask, body);
      await saveNorm(db, agencyId, { ...norm, by }, now, (known) => {
        // A new norm has no version to name; one that is there must have been seen.
        if (known) ask.match(versionOf([known.boards, known.rule]));
        else if (request.headers['if-match'] !== undefined)
          throw new HttpProblem(412, 'version-changed', 'Этой нормы больше нет: её убрали, пока вы смотрели.');
      });
      const row = (await listNorms(db.pool, agencyId)).find(({ code }) => code === norm.code);
      return told(ask, row!, 0);
    },
  });

  api.define({
    method: 'DELETE',
    url: '/norms/:code',
    summary: 'Убрать норму; код без «norm/»',
    policy: { deed: 'norms', of: 'agency', token: 'settings:write' },
    params: Code,
    handler: async ({ db, agencyId, params, by, now }) => {
      await removeNorm(db, agencyId, `norm/${params.code}`, by, now);
    },
  });

  exceptionRoutes(api);
}

type Any = Pick<Ask<unknown, unknown, unknown>, 'boards'>;

/** @throws Refusal `norm-wrong`, `board-unknown` */
function proven({ boards }: Any, body: NormBody): Norm {
  const wanted = ('wish' in body ? body.scope?.boards : body.boards) ?? null;
  const unknown = wanted?.find((id) => !boards.some((board) => board.id === id));
  if (unknown !== undefined) throw new Refusal('board-unknown', `Доски «${unknown.slice(0, 60)}» нет.`, 2);
  if ('wish' in body) return normFrom(body.wish, body.scope);
  return { ...readNorm(body.rule), boards: wanted && [...wanted].sort() };
}

const describe = ({ boards }: Any, norm: Norm) =>
  describeNorm(norm, (id) => boards.find((board) => board.id === id)?.name ?? id);

function told(ask: Any, row: StoredNorm, stops: number): NormsAnswer['data'][number] {
  const norm = { ...readNorm(row.rule), boards: row.boards };
  const form = wishOf(norm);
  return {
    code: row.code,
    sentence: describe(ask, norm),
    severity: norm.rule.severity,
    severityLabel: SEVERITY_LABELS[norm.rule.severity],
    boards: row.boards && [...row.boards],
    form: form as NormsAnswer['data'][number]['form'],
    rule: row.rule,
    by: row.by,
    savedAt: row.createdAt.toISOString(),
    stops,
    version: versionOf([row.boards, row.rule]),
  };
}

function rehearsalTold(rehearsal: Rehearsal, sentence: string): NormRehearsal {
  const { code, change, changed, boards, listings } = rehearsal;
  const nameOf = (id: string) => boards.find(({ board }) => board === id)!.name;
  return {
    code,
    sentence,
    change,
    changed,
    boards: [...boards],
    examples: listings.map((listing) => exampleOf(listing, nameOf)),
  };
}

function exampleOf(
  { id, externalId, agent, marks }: ListingChange,
  nameOf: (board: string) => string,
): NormRehearsal['examples'][number] {
  const [first] = marks as [ListingChange['marks'][number]];
  const isStopped = first.to === 'blocked';
  const outcomes = new Set(marks.map(({ outcome }) => (outcome === null ? 'ещё не решено' : OUTCOME_LABELS[outcome])));
  return {
    listingId: id,
    externalId,
    agent,
    boards: [...new Set(marks.map(({ board }) => nameOf(board)))],
    isStopped,
    words: (isStopped ? first.becomes : first.was).join(' '),
    outcome: [...outcomes].join(', '),
  };
}

// ---------------------------------------------------------------------------------------------------------------------

function exceptionRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/exceptions',
    summary: 'Исключения: какие объекты пропущены мимо норм, актуальности или проверки на дубль',
    policy: { deed: 'see-listings', token: 'settings:read' },
    query: ExceptionsQuery,
    answer: ExceptionsSchema,
    handler: async ({ db, agencyId, caller, query, now }) => {
      const filter = {
        isActive: query.all !== true,
        ...(query.listing !== undefined && { listingId: query.listing }),
      };
      const rows = await listExceptions(db, agencyId, filter, now);
      const places = await placesOfListings(db.pool, agencyId, [...new Set(rows.map(({ listingId }) => listingId))]);
      const seen = rows.filter(({ listingId }) => mayDo(caller, 'see-listings', places.get(listingId)!));
      return { data: seen.map((row) => exception(row, mayDo(caller, 'exceptions', places.get(row.listingId)!))) };
    },
  });

  api.define({
    method: 'POST',
    url: '/exceptions',
    summary: 'Пропустить один объект до названного дня',
    policy: { deed: 'exceptions', token: 'settings:write' },
    body: NewExceptionSchema,
    answer: Type.Object({ id: Type.Integer() }),
    handler: async ({ db, agencyId, caller, body, by, now, prove }) => {
      const place = await placeOf(db.pool, agencyId, 'listing', body.listingId);
      if (!place || !mayDo(caller, 'see-listings', place)) throw notFound('Такого объекта нет.');
      prove('exceptions', place);
      return { id: await addException(db, agencyId, { ...body, by }, now) };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/exceptions/:id',
    summary: 'Отозвать исключение',
    policy: { deed: 'exceptions', token: 'settings:write' },
    params: Type.Object({ id: Type.Integer() }),
    handler: async ({ db, agencyId, caller, params, by, now, prove }) => {
      const known = await exceptionById(db.pool, agencyId, params.id);
      const place = known && (await placeOf(db.pool, agencyId, 'listing', known.listingId));
      if (!place || !mayDo(caller, 'see-listings', place)) throw notFound('Такого исключения нет.');
      prove('exceptions', place);
      await revokeException(db, agencyId, params.id, by, now);
    },
  });
}

function exception(row: ListedException, mayRevoke: boolean): Exception {
  const { id, listingId, externalId, gate, normCode, reason, by, until, isActive, revokedAt } = row;
  return {
    id,
    listingId,
    externalId,
    gate,
    what: normCode ?? EXCEPTION_LABELS[gate],
    normCode,
    reason,
    by,
    until,
    isActive,
    state: isActive ? 'действует' : revokedAt === null ? 'кончилось' : 'отозвано',
    may: { revoke: isActive && mayRevoke },
  };
}
