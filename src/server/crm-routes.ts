import { Readable } from 'node:stream';
import Type from 'typebox';
import { readPhone } from '../boards/formats/phone.ts';
import {
  type AudienceAnswer,
  AudienceAnswerSchema,
  type AudienceBatch,
  AudienceBatchSchema,
  DealEventSchema,
  PushAnswerSchema,
  PushBatchSchema,
  type PushedListing,
  PushedParams,
  PushedSchema,
  SourceParams,
} from '../contracts/crm.ts';
import { audienceFaults } from '../domain/audience.ts';
import { isDay } from '../domain/days.ts';
import { ListingSchema } from '../domain/listing.ts';
import { leastFor, mayDo, type Place, refusalFor, roleAt } from '../domain/rights.ts';
import { type Pushed, pushListings } from '../intake/push.ts';
import { placeOf, placesOfListings } from '../store/access.ts';
import { type EmployeeRow, listEmployees } from '../store/agencies.ts';
import { type AudienceItem, loadAudience, marksOfSource } from '../store/audience.ts';
import { listingsOfSource, sourceNamed, takeAway } from '../store/intake.ts';
import { confirm, setStage, setStatus } from '../store/market.ts';
import { packageFrame } from '../store/rotation.ts';
import type { Api, Ask } from './api.ts';
import { HttpProblem, notFound } from './problems.ts';

/**
 * What a CRM pushes: `PUT` of one listing by the CRM's own number, batches, and events of the deal. Pushing the same
 * again changes nothing, so a CRM may repeat whatever it did not hear the answer to.
 */
export function crmRoutes(api: Api): void {
  const policy = { deed: 'imports', token: 'listings:write' } as const;

  api.define({
    method: 'GET',
    url: '/listing-schema',
    summary: 'Поля объекта: JSON Schema с русскими названиями',
    policy: { deed: 'signed-in', token: 'listings:read' },
    handler: () => ListingSchema,
  });

  api.define({
    method: 'PUT',
    url: '/sources/:source/listings/:externalId',
    summary: 'Загрузить объект под номером CRM: новый появится, известный изменится',
    policy,
    params: PushedParams,
    body: PushedSchema,
    answer: PushAnswerSchema,
    handler: async (ask) => {
      const { source, externalId } = ask.params;
      const [known] = await listingsOfSource(ask.db.pool, ask.agencyId, source, [externalId]);
      if (ask.request.headers['if-match'] !== undefined) ask.match(known?.sourceHash.slice(0, 22) ?? '');
      const [answer] = await push(ask, source, [{ externalId, ...ask.body }]);
      if (answer!.state === 'rejected')
        throw new HttpProblem(
          422,
          'listing-rejected',
          `Объект ${externalId} не принят: ${answer!.reasons!.join(' ')}`,
          {
            errors: answer!.reasons!.map((detail) => ({ pointer: '#/values', detail })),
          },
        );
      return answer!;
    },
  });

  api.define({
    method: 'POST',
    url: '/sources/:source/listings',
    summary: 'Загрузить до 500 объектов; у каждого свой ответ, плохой не мешает остальным',
    policy: { ...policy, idempotent: 'heeded', isRepeatable: true },
    params: SourceParams,
    body: PushBatchSchema,
    bodyLimit: 32 << 20,
    answer: Type.Object({ data: Type.Array(PushAnswerSchema) }),
    handler: async (ask) => ({ data: await push(ask, ask.params.source, ask.body.listings) }),
  });

  api.define({
    method: 'PUT',
    url: '/sources/:source/audience',
    summary: 'Передать просмотры и звонки, до 500 строк; повтор заменяет, плохая строка не мешает остальным',
    policy,
    params: SourceParams,
    body: AudienceBatchSchema,
    bodyLimit: 1 << 20,
    answer: AudienceAnswerSchema,
    handler: (ask) => tellAudience(ask, ask.params.source, ask.body.rows),
  });

  api.define({
    method: 'GET',
    url: '/sources/:source/listings/:externalId',
    summary: 'Какой номер у нас у объекта CRM',
    policy: { deed: 'see-listings', token: 'listings:read' },
    params: PushedParams,
    handler: async (ask) => {
      const { id, sourceHash, isGone } = await known(ask);
      return {
        id,
        externalId: ask.params.externalId,
        isGone,
        version: sourceHash.slice(0, 22),
        href: `/api/v1/listings/${id}`,
      };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/sources/:source/listings/:externalId',
    summary: 'Объекта в CRM больше нет: он уйдёт с досок, отметки останутся',
    policy,
    params: PushedParams,
    handler: async (ask) => {
      const { place } = await known(ask);
      ask.prove('imports', place);
      await takeAway(ask.db, ask.agencyId, ask.params.source, ask.params.externalId, ask.by, ask.now);
    },
  });

  api.define({
    method: 'POST',
    url: '/sources/:source/listings/:externalId/events',
    summary: 'Что стало со сделкой: стадия, статус, подтверждение',
    policy: { deed: 'status', token: 'listings:write', idempotent: 'heeded' },
    params: PushedParams,
    body: DealEventSchema,
    handler: async (ask) => {
      const { db, agencyId, caller, body, now } = ask;
      const { id, place } = await known(ask);
      const consentLeast = leastFor('stage-consent', caller.least);
      const actor = { name: ask.by, role: roleAt(caller, place), consentLeast };
      switch (body.event) {
        case 'stage':
          ask.prove('stage', place);
          return setStage(db, agencyId, id, body.stage, actor, now);
        case 'status':
          ask.prove('status', place);
          return setStatus(db, agencyId, id, { status: body.status, reservedUntil: body.reservedUntil }, actor, now);
        case 'confirmed':
          ask.prove('confirmation', place);
          return confirm(db, agencyId, [id], actor, now);
      }
    },
  });
}

type Naming = Ask<{ readonly source: string; readonly externalId: string }, unknown, unknown>;

/** The listing an address names, when the caller may see it. */
async function known(ask: Naming) {
  const { source, externalId } = ask.params;
  const [row] = await listingsOfSource(ask.db.pool, ask.agencyId, source, [externalId]);
  const place = row && (await placeOf(ask.db.pool, ask.agencyId, 'listing', row.id));
  if (!row || !place || !mayDo(ask.caller, 'see-listings', place))
    throw notFound(`Объекта ${externalId} в источнике «${source}» нет.`);
  return { ...row, place };
}

type Wanted = PushedListing & { readonly externalId: string };
type Answer = Awaited<ReturnType<typeof pushListings>>[number];

/** Takes in what the caller may; the rest is rejected with the reason, each for itself. */
async function push(ask: Ask<unknown, unknown, unknown>, source: string, wanted: readonly Wanted[]) {
  const { db, agencyId, caller, now } = ask;
  const people = await listEmployees(db, agencyId);
  const of = await sourceNamed(db.pool, agencyId, source);
  if (of && of.location !== null)
    throw new HttpProblem(
      409,
      'source-is-file',
      `Источник «${source}» загружается файлом: назовите источник CRM иначе, иначе следующий файл снимет её объекты.`,
    );
  const rows = new Map(
    (
      await listingsOfSource(
        db.pool,
        agencyId,
        source,
        wanted.map(({ externalId }) => externalId),
      )
    ).map((row) => [row.externalId, row]),
  );
  const answers: (Answer | undefined)[] = [];
  const taken: { readonly index: number; readonly pushed: Pushed }[] = [];
  wanted.forEach(({ externalId, values, responsible }, index) => {
    const person = responsible === undefined ? undefined : personOf(people, responsible);
    const row = rows.get(externalId);
    const reasons: string[] = [];
    if (responsible !== undefined && person === undefined) reasons.push('Ответственный: такого сотрудника нет.');
    const contact = values.contactPhones ?? [];
    const found =
      person ?? people.find(({ phones }) => Array.isArray(contact) && phones.some((phone) => contact.includes(phone)));
    const after = placeFor(found, of?.branchId ?? null);
    const before = row
      ? placeFor(
          people.find(({ id }) => id === row.employeeId),
          row.branchId,
        )
      : after;
    for (const place of [before, after])
      if (reasons.length === 0 && !mayDo(caller, 'imports', place)) reasons.push(refusalFor(caller, 'imports'));
    if (reasons.length > 0) answers[index] = { state: 'rejected', externalId, reasons };
    else taken.push({ index, pushed: { externalId, values, employeeId: found?.id ?? null } });
  });
  const results = await pushListings(
    db,
    agencyId,
    source,
    taken.map(({ pushed }) => pushed),
    now,
  );
  taken.forEach(({ index }, at) => {
    answers[index] = results[at]!;
  });
  return answers.map((answer) => answer!);
}

/** Takes the rows that are right and within the caller's reach; the others are rejected with the reason, each for itself. */
async function tellAudience(
  { db, agencyId, caller, boards, by, now }: Ask<unknown, unknown, unknown>,
  source: string,
  rows: AudienceBatch['rows'],
): Promise<AudienceAnswer> {
  const marks = await marksOfSource(db.pool, agencyId, source, [...new Set(rows.map(({ externalId }) => externalId))]);
  const places = await placesOfListings(db.pool, agencyId, [...new Set(marks.map(({ listingId }) => listingId))]);
  const seen = marks.filter(({ listingId }) => mayDo(caller, 'imports', places.get(listingId)!));
  /** The local day of each cabinet. */
  const days = new Map<number, string>();
  const items = new Map<number, AudienceItem[]>();
  const data: AudienceAnswer['data'] = [];
  for (const [line, { externalId, board, cabinet, day, views = null, calls = null }] of rows.entries()) {
    const own = seen.filter((mark) => mark.externalId === externalId);
    const there = own.filter((mark) => mark.board === board && (cabinet === undefined || mark.slug === cabinet));
    const [mark] = there;
    const reasons: string[] = [];
    if (!boards.some(({ id }) => id === board)) reasons.push(`Доски «${board}» нет.`);
    else if (own.length === 0) reasons.push(`Объекта ${externalId} в источнике «${source}» нет.`);
    else if (!mark) reasons.push(`Объект ${externalId} на эту доску не отмечали.`);
    else if (there.length > 1)
      reasons.push(
        `Кабинетов доски с этим объектом несколько: назовите cabinet, один из ${there.map(({ slug }) => slug).join(', ')}.`,
      );
    if (!isDay(day)) reasons.push(`Дня «${day}» нет: нужно 2026-11-21.`);
    const cabinetId = mark?.cabinetId ?? null;
    if (mark && cabinetId !== null && reasons.length === 0) {
      const { listingId } = mark;
      if (!days.has(cabinetId)) days.set(cabinetId, (await packageFrame(db, { agencyId, id: cabinetId }, now)).today);
      reasons.push(...audienceFaults(day, days.get(cabinetId)!, { views, calls }));
      const row = { day, advert: null, boardNumber: null, listingNumber: listingId, views, calls };
      if (reasons.length === 0) items.set(cabinetId, [...(items.get(cabinetId) ?? []), { line, row }]);
    }
    data.push(reasons.length === 0 ? { state: 'taken', externalId } : { state: 'rejected', externalId, reasons });
  }
  const counts = { added: 0, replaced: 0, same: 0 };
  for (const [id, own] of items) {
    const given = { name: `${source}, по API`, items: Readable.from(own) };
    const loaded = await loadAudience(db, { agencyId, id }, given, { name: by }, now);
    for (const of of ['added', 'replaced', 'same'] as const) counts[of] += loaded[of];
  }
  return { data, ...counts };
}

const placeFor = (person: EmployeeRow | undefined, branchId: number | null): Place => ({
  employeeId: person?.id ?? null,
  departmentId: person?.departmentId ?? null,
  branchId: branchId ?? person?.branchId ?? null,
});

function personOf(
  people: readonly EmployeeRow[],
  wanted: NonNullable<PushedListing['responsible']>,
): EmployeeRow | undefined {
  const phone = wanted.phone === undefined ? undefined : readPhone(wanted.phone);
  return people.find(
    ({ id, email, phones }) =>
      id === wanted.id ||
      (wanted.email !== undefined && email?.toLowerCase() === wanted.email.toLowerCase()) ||
      (phone !== undefined && phones.includes(phone)),
  );
}
