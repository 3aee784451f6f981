import Type from 'typebox';
import { provenCabinet } from '../boards/cabinets.ts';
import type { Board, BoardRule } from '../boards/catalogue.ts';
import { demandSentence } from '../boards/check.ts';
import {
  type BoardsAnswer,
  BoardsSchema,
  CabinetChangeSchema,
  CabinetSchema,
  type Effect,
  EffectSchema,
  NewCabinetSchema,
  type PackageAnswer,
  PackageAnswerSchema,
  PackageBodySchema,
  type RotationAnswer,
  RotationSchema,
  type RulesAnswer,
  RulesSchema,
} from '../contracts/settings.ts';
import { isDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { DEAL_LABELS, KIND_LABELS } from '../domain/listing.ts';
import { FIXER_LABELS } from '../domain/people.ts';
import { mayDo } from '../domain/rights.ts';
import { packageText } from '../domain/rotation.ts';
import type { Package } from '../domain/settings.ts';
import { type RotationAhead, rotationAhead, SHOWN_WHY } from '../export/rotation.ts';
import { placeOfCabinet } from '../store/access.ts';
import { listBranches } from '../store/agencies.ts';
import { addCabinet, changeCabinet } from '../store/cabinets.ts';
import { stoppedByCode } from '../store/norms.ts';
import { packageFrame, savePackage, setPinned } from '../store/rotation.ts';
import { cabinetSettings, versionOf } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { boardLine, cabinetLine, cabinetLines, effectOf } from './cabinets.ts';
import { notFound } from './problems.ts';

/** Boards with their rules, the agency's cabinets at them, packages and who gets their places. */

const Id = Type.Object({ id: Type.Integer() });
const Pin = Type.Object({ id: Type.Integer(), listing: Type.Integer() });

export function boardRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/settings/boards',
    summary: 'Доски, с которыми мы умеем работать, и кабинеты агентства на них',
    policy: { deed: 'see-settings', token: 'settings:read' },
    answer: BoardsSchema,
    handler: async (ask): Promise<BoardsAnswer> => {
      const { db, boards, agencyId, caller } = ask;
      const lines = await cabinetLines(ask);
      const branches = await listBranches(db.pool, agencyId);
      return {
        data: boards.map((board) => ({
          ...boardLine(board),
          cabinets: lines.filter((line) => line.board === board.id),
        })),
        branches: branches
          .filter(({ id }) => mayDo(caller, 'cabinets', placeOfCabinet({ branchId: id })))
          .map(({ id, name }) => ({ id, name })),
        may: { cabinets: mayDo(caller, 'cabinets', 'anywhere') },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/boards/:board/rules',
    summary: 'Требования доски: что, откуда известно и сколько объектов остановлено сейчас',
    policy: { deed: 'see-settings', token: 'settings:read' },
    params: Type.Object({ board: Type.String({ maxLength: 60 }) }),
    answer: RulesSchema,
    handler: async ({ db, boards, agencyId, params }): Promise<RulesAnswer> => {
      const board = boards.find(({ id }) => id === params.board);
      if (!board) throw notFound('Такой доски нет.');
      const stops = await stoppedByCode(db.pool, agencyId, 'board', board.id);
      return { board: boardLine(board), data: board.rules.map((rule) => ruleLine(rule, board, stops)) };
    },
  });

  api.define({
    method: 'POST',
    url: '/cabinets',
    summary: 'Завести кабинет на доске',
    policy: { deed: 'cabinets', token: 'settings:write' },
    body: NewCabinetSchema,
    answer: CabinetSchema,
    handler: async (ask) => {
      const { db, boards, agencyId, body, by, now } = ask;
      const branchId = await branchProven(ask, body.branchId ?? null);
      const wanted = provenCabinet(boards, body);
      const id = await addCabinet(db, agencyId, { ...wanted, branchId }, by, now);
      return cabinetLine(ask, id);
    },
  });

  api.define({
    method: 'GET',
    url: '/cabinets/:id',
    summary: 'Один кабинет',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    answer: CabinetSchema,
    isVersioned: true,
    handler: (ask) => cabinetLine(ask, ask.params.id),
  });

  api.define({
    method: 'PATCH',
    url: '/cabinets/:id',
    summary: 'Назвать кабинет иначе или отдать его другому филиалу',
    policy: { deed: 'cabinets', of: 'cabinet', token: 'settings:write' },
    params: Id,
    body: CabinetChangeSchema,
    answer: CabinetSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, params, body, by, now } = ask;
      if (body.branchId !== undefined) await branchProven(ask, body.branchId);
      await changeCabinet(
        db,
        agencyId,
        params.id,
        (known) => {
          ask.match(versionOf([known.name, known.branchId]));
          return {
            name: body.name?.trim() ?? known.name,
            branchId: body.branchId === undefined ? known.branchId : body.branchId,
          };
        },
        by,
        now,
      );
      return cabinetLine(ask, params.id);
    },
  });

  packageRoutes(api);
}

type Any = Ask<unknown, unknown, unknown>;

/** A branch of this agency in which the person may keep cabinets; null: the whole agency. */
async function branchProven(ask: Any, branchId: number | null): Promise<number | null> {
  if (branchId !== null && !(await listBranches(ask.db.pool, ask.agencyId)).some(({ id }) => id === branchId))
    throw new Refusal('branch-unknown', `Филиала № ${branchId} нет.`, 2);
  ask.prove('cabinets', placeOfCabinet({ branchId }));
  return branchId;
}

const SEVERITY_LABELS = { blocking: 'не выйдет', advisory: 'совет' } as const;

function ruleLine(rule: BoardRule, board: Board, stops: ReadonlyMap<string, number>): RulesAnswer['data'][number] {
  const { code, label, severity, kinds, deals, families, fixedBy, source, checkedOn } = rule;
  const scope = [
    ...(kinds ? [kinds.map((kind) => KIND_LABELS[kind]).join(', ')] : []),
    ...(deals ? [deals.map((deal) => DEAL_LABELS[deal]).join(', ')] : []),
    ...(rule.when === undefined ? [] : ['при условии']),
  ];
  return {
    code,
    label,
    sentence: demandSentence(rule, board),
    severity,
    severityLabel: SEVERITY_LABELS[severity],
    scope: scope.length === 0 ? 'все объекты' : scope.join('; '),
    families: families ? [...families] : null,
    fixer: FIXER_LABELS[fixedBy],
    source: { title: source.title, url: source.url ?? null, date: source.date },
    checkedOn,
    stops: severity === 'blocking' ? (stops.get(code) ?? 0) : null,
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Packages.

const DAYS = 14;
/** Listings of the rotation that are given one by one. */
const SHOWN_MAX = 300;

function packageRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/cabinets/:id/package',
    summary: 'Пакет кабинета и сколько из него израсходовано',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    answer: PackageAnswerSchema,
    isVersioned: true,
    handler: packageOf,
  });

  api.define({
    method: 'PUT',
    url: '/cabinets/:id/package',
    summary: 'Задать пакет кабинета или убрать его',
    policy: { deed: 'packages', of: 'cabinet', token: 'settings:write' },
    params: Id,
    body: PackageBodySchema,
    answer: PackageAnswerSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, params, body, by, now } = ask;
      const cabinet = { agencyId, id: params.id };
      const expect = (own: object) => ask.match(versionOf(own));
      await savePackage(db, cabinet, provenPackage(body.package), body.turnDays, by, now, expect);
      return packageOf(ask);
    },
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/package/rehearse',
    summary: 'Что изменится на доске с таким пакетом; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    body: PackageBodySchema,
    answer: EffectSchema,
    handler: async (ask): Promise<Effect> => {
      const { id } = ask.params;
      const { own } = await cabinetSettings(ask.db, ask.agencyId, id);
      const { turnDays } = ask.body;
      const next = {
        ...own,
        package: provenPackage(ask.body.package),
        ...(turnDays !== undefined && { turnDays }),
      };
      return effectOf(ask, { cabinets: new Map([[id, next]]) }, id);
    },
  });

  const Ahead = Type.Object({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 60 })) });
  api.define({
    method: 'GET',
    url: '/cabinets/:id/rotation',
    summary: 'Кто займёт места пакета в ближайшие дни',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    query: Ahead,
    answer: RotationSchema,
    handler: async ({ db, agencyId, params, query, now }) =>
      rotationTold(await rotationAhead(db, { agencyId, id: params.id }, query.days ?? DAYS, now)),
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/rotation',
    summary: 'То же с пакетом, который ещё не сохранён; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    query: Ahead,
    body: PackageBodySchema,
    answer: RotationSchema,
    handler: async ({ db, agencyId, params, query, body, now }) => {
      const instead = { package: provenPackage(body.package), turnDays: body.turnDays };
      return rotationTold(await rotationAhead(db, { agencyId, id: params.id }, query.days ?? DAYS, now, instead));
    },
  });

  for (const [method, isPinned, summary] of [
    ['PUT', true, 'Закрепить объект: место в пакете ему первому'],
    ['DELETE', false, 'Открепить объект'],
  ] as const) {
    api.define({
      method,
      url: '/cabinets/:id/pins/:listing',
      summary,
      policy: { deed: 'packages', of: 'cabinet', token: 'settings:write' },
      params: Pin,
      handler: async ({ db, agencyId, params, by, now }) => {
        await setPinned(db, { agencyId, id: params.id }, params.listing, isPinned, by, now);
      },
    });
  }
}

/** @throws Refusal `package-day` */
function provenPackage(pack: Package | null): Package | null {
  if (pack?.kind === 'placements' && !isDay(pack.from))
    throw new Refusal('package-day', `Первый день периода: ${pack.from} нет в календаре.`, 2);
  return pack;
}

async function packageOf(ask: Ask<{ id: number }, unknown, unknown>): Promise<PackageAnswer> {
  const { db, agencyId, params, now } = ask;
  const { own } = await cabinetSettings(db, agencyId, params.id);
  const frame = await packageFrame(db, { agencyId, id: params.id }, now);
  const { package: pack, turnDays, today, zone, period, used } = frame;
  return {
    version: versionOf(own),
    cabinet: await cabinetLine(ask, params.id),
    package: pack,
    turnDays,
    today,
    zone,
    period,
    used,
    text: packageText(frame),
  };
}

function rotationTold({ frame, candidates, days }: RotationAhead): RotationAnswer {
  const named = (listingId: number) => ({ listingId, externalId: candidates.get(listingId)!.externalId });
  const shown = new Map<number, string[]>();
  days.forEach(({ placed }, index) => {
    for (const { listingId } of placed) {
      const signs = shown.get(listingId) ?? days.map(() => '0');
      signs[index] = '1';
      shown.set(listingId, signs);
    }
  });
  const rows = [...candidates.values()]
    .map(({ listingId, externalId, isPinned }) => ({
      listingId,
      externalId,
      isPinned,
      shown: (shown.get(listingId) ?? days.map(() => '0')).join(''),
    }))
    .sort((a, b) => (a.shown < b.shown ? 1 : a.shown > b.shown ? -1 : a.listingId - b.listingId));
  return {
    text: packageText(frame),
    days: days.map(({ day, placed, enters, leaves, waiting }) => ({
      day,
      placed: placed.length,
      waiting: waiting.length,
      enters: enters.map(({ listingId, why }) => ({ ...named(listingId), why: SHOWN_WHY[why] })),
      leaves: leaves.map(named),
    })),
    listings: rows.slice(0, SHOWN_MAX),
    total: rows.length,
  };
}
