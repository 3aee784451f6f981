import { labelOfField, meantFields, ownFields } from '../boards/form.ts';
import type { FormField, ListingCard } from '../contracts/listing.ts';
import { conflicts, fieldValue } from '../domain/corrections.ts';
import { GATE_LABELS, type GateResult, staleAt } from '../domain/gates.ts';
import { DEAL_LABELS, describeKind, type Family, KIND_LABELS, labelOf } from '../domain/listing.ts';
import { FIELD_GROUPS, type FieldForm, formOf } from '../domain/listing-form.ts';
import { MARKET_STATUS_LABELS, MARKET_STATUSES } from '../domain/market.ts';
import { maskPhones } from '../domain/phones.ts';
import { type Deed, leastFor, mayDo, type Place, roleAt } from '../domain/rights.ts';
import { stageRefusal } from '../domain/stage.ts';
import type { ProvenCorrections } from '../intake/correct.ts';
import { type CardRow, cardRow } from '../store/cards.ts';
import { listExceptions } from '../store/exceptions.ts';
import { hashOf } from '../store/hash.ts';
import { saveCorrections } from '../store/marks.ts';
import { activePauses } from '../store/pauses.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Ask } from './api.ts';
import { deedToEnd } from './calendar-routes.ts';
import { HttpProblem, notFound } from './problems.ts';

/** What the routes of one listing share: its row, its version, its card, and what of it a person may see. */

export type ListingAsk<B = unknown, Q = unknown> = Ask<{ readonly id: number }, Q, B>;

/** @throws HttpProblem 404 when it was taken away a moment ago */
export async function openCard({ db, agencyId, params }: ListingAsk): Promise<CardRow> {
  const row = await cardRow(db.pool, agencyId, params.id);
  if (!row) throw notFound();
  return row;
}

/** Changes with everything that the card shows and somebody may change. */
export function versionOf(row: CardRow): string {
  const { valuesHash, corrections, sourceValues, status, reservedUntil, stage, forbiddenReason, goneAt } = row;
  const { employeeId, branchId, freshAt, callBackAt } = row;
  const standing = [status, reservedUntil, stage, forbiddenReason, goneAt, employeeId, branchId, freshAt, callBackAt];
  return hashOf([valuesHash, corrections, hashOf(sourceValues), JSON.stringify(standing)]).slice(0, 22);
}

export const maySeePhones = ({ caller, place }: ListingAsk): boolean => mayDo(caller, 'see-phones', place!);

/** The numbers that stand in a listing and beside it. */
export function phonesOf(row: CardRow): string[] {
  return [row.values, row.sourceValues]
    .flatMap(({ contactPhones }) => contactPhones ?? [])
    .concat(row.employee?.phones ?? []);
}

/** The answer with the numbers masked for whoever may not see them. */
export const seenBy = <T>(ask: ListingAsk, answer: T, phones: readonly string[] = []): T =>
  maySeePhones(ask) ? answer : maskPhones(answer, phones);

/** Families that the agency's boards read; all of them while there is no board. */
export function familiesOf(cabinets: readonly CabinetRow[]): Family[] {
  const used = [...new Set(cabinets.map(({ family }) => family))];
  return used.length > 0 ? used : ['avito', 'cian', 'yandex'];
}

/** Deeds that a card has buttons for. */
const DEEDS_HERE: readonly Deed[] = [
  'corrections',
  'photos',
  'marks',
  'terms',
  'status',
  'stage',
  'forbidding',
  'forbid-lift',
  'confirmation',
  'calls',
  'listing-pauses',
  'exceptions',
  'texts',
  'owner-reports',
  'packages',
  'moderation',
  'see-phones',
];

export async function cardOf(ask: ListingAsk, row: CardRow): Promise<ListingCard> {
  const { db, agencyId, caller, now } = ask;
  const place = ask.place!;
  const { settings } = await agencyFrame(db, agencyId);
  const cabinets = await listCabinets(db, { agencyId });
  const open = conflicts(row.sourceValues, row.corrections);
  const isHidden = !maySeePhones(ask);
  const card: ListingCard = {
    version: '',
    id: row.id,
    externalId: row.externalId,
    title: row.values.title ?? describeKind(row.values),
    kindLabel: `${KIND_LABELS[row.values.kind]}, ${DEAL_LABELS[row.values.deal]}`,
    groups: groupsOf(ask, row, cabinets, open, isHidden),
    conflicts: open.length,
    source: { name: row.source, goneAt: row.goneAt?.toISOString() ?? null },
    responsible:
      row.employeeId === null
        ? null
        : { id: row.employeeId, name: row.employee!.name, phones: [...row.employee!.phones] },
    branch: row.branchId === null ? null : { id: row.branchId, name: row.branch! },
    status: {
      value: row.status,
      label: MARKET_STATUS_LABELS[row.status],
      reservedUntil: row.reservedUntil,
      choices: MARKET_STATUSES.map((value) => ({ value, label: MARKET_STATUS_LABELS[value] })),
    },
    stage: {
      value: row.stage,
      choices: [null, ...settings.market.stages.map(({ name }) => name)].map((value) => ({
        value,
        label: value ?? 'без стадии',
        refusal:
          value === row.stage
            ? null
            : (stageRefusal(
                row.stage,
                value,
                settings.market,
                roleAt(caller, place),
                leastFor('stage-consent', caller.least),
              )?.message ?? null),
      })),
    },
    forbiddenReason: row.forbiddenReason,
    freshAt: row.freshAt.toISOString(),
    staleAt: staleAt({ freshAt: row.freshAt, deal: row.values.deal }, settings).toISOString(),
    callBackAt: row.callBackAt?.toISOString() ?? null,
    archivedAt: row.archivedAt?.toISOString() ?? null,
    firstSeenAt: row.firstSeenAt.toISOString(),
    changedAt: row.changedAt.toISOString(),
    isChangedBySource: row.isChangedBySource,
    pauses: await pausesOf(ask, cabinets, place),
    exceptions: (await listExceptions(db, agencyId, { listingId: row.id, isActive: true }, now)).map(
      ({ id, gate, normCode, reason, by, until }) => ({
        id,
        gate,
        label: GATE_LABELS[gate],
        normCode,
        reason,
        by,
        until,
      }),
    ),
    may: Object.fromEntries(DEEDS_HERE.map((deed) => [deed, mayDo(caller, deed, place)])),
    arePhonesHidden: isHidden,
  };
  return { ...seenBy(ask, card, phonesOf(row)), version: versionOf(row) };
}

function groupsOf(
  { boards }: ListingAsk,
  row: CardRow,
  cabinets: readonly CabinetRow[],
  open: readonly string[],
  isHidden: boolean,
): ListingCard['groups'] {
  const families = familiesOf(cabinets);
  const meant = meantFields(families, row.values);
  const fieldOf = (field: string, label: string, form: FieldForm, isMeant: boolean): FormField => {
    const correction = row.corrections[field];
    return {
      field,
      label,
      type: form.type,
      ...(form.unit !== undefined && { unit: form.unit }),
      ...(form.choices && { choices: [...form.choices] }),
      ...(form.min !== undefined && { min: form.min }),
      ...(form.max !== undefined && { max: form.max }),
      ...(form.moreThan !== undefined && { moreThan: form.moreThan }),
      ...(form.charsMax !== undefined && { charsMax: form.charsMax }),
      isMeant,
      isFixed:
        form.type === 'moment' ||
        form.type === 'block' ||
        form.type === 'photos' ||
        (isHidden && form.type === 'phones'),
      source: fieldValue(row.sourceValues, field),
      value: fieldValue(row.values, field),
      correction: correction
        ? { value: correction.value, by: correction.by, at: correction.at, isConflict: open.includes(field) }
        : null,
    };
  };
  const plain = FIELD_GROUPS.map(({ id, title, fields }) => ({
    id,
    title,
    fields: fields.map((field) => fieldOf(field, labelOf(field), formOf(field), meant.has(field))),
  }));
  const own = families.map((family) => {
    const names = [...new Set(cabinets.filter((one) => one.family === family).map(({ board }) => board))].map(
      (id) => boards.find((board) => board.id === id)?.name ?? id,
    );
    return {
      id: `own-${family}`,
      title: names.length > 0 ? `Только ${names.join(', ')}` : `Только формат ${family}`,
      fields: ownFields(family, row.values, boards).map(({ field, label, form }) => fieldOf(field, label, form, true)),
    };
  });
  return [...plain, ...own].filter(({ fields }) => fields.length > 0);
}

async function pausesOf(
  { db, agencyId, boards, caller, now, params }: ListingAsk,
  cabinets: readonly CabinetRow[],
  place: Place,
): Promise<ListingCard['pauses']> {
  const mine = (await activePauses(db.pool, agencyId, now)).filter(({ listingId }) => listingId === params.id);
  return mine.map((pause) => ({
    id: pause.id,
    cabinetId: pause.cabinetId,
    boardName: boardNameOf(pause.cabinetId, cabinets, boards),
    from: pause.from.toISOString(),
    until: pause.until.toISOString(),
    reason: pause.reason,
    by: pause.by,
    mayEnd: mayDo(caller, deedToEnd(pause, caller), place),
  }));
}

/** What people call the board of a cabinet; null: no cabinet is meant. */
export function boardNameOf(
  cabinetId: number | null,
  cabinets: readonly Pick<CabinetRow, 'id' | 'board'>[],
  boards: ListingAsk['boards'],
): string | null {
  const cabinet = cabinets.find(({ id }) => id === cabinetId);
  return cabinet ? (boards.find(({ id }) => id === cabinet.board)?.name ?? cabinet.board) : null;
}

/** A gate as it crosses the wire: without the command of the command line. */
export const toldGate = ({ gate, label, state, closing }: GateResult) => ({
  gate,
  label,
  state,
  closing: closing && {
    outcome: closing.outcome,
    reason: closing.reason,
    fix: closing.fix,
    fixedBy: closing.fixedBy,
    opensAt: closing.opensAt?.toISOString() ?? null,
  },
});

/** `#/set/floor` for a fault of a field, with the field's own name in front. */
export const faultAt = (field: string, message: string, boards: ListingAsk['boards']) => ({
  pointer: `#/set/${field.replaceAll('~', '~0').replaceAll('/', '~1')}`,
  detail: field.includes(':') ? message.replace(`Поле «${field}»`, labelOfField(field, boards)) : message,
});

/** @throws HttpProblem 412 when somebody was faster */
export async function saveCard(
  { db, by, now }: Pick<ListingAsk, 'db' | 'by' | 'now'>,
  row: CardRow,
  next: ProvenCorrections,
): Promise<void> {
  if (await saveCorrections(db, row, next, now, { by })) return;
  throw new HttpProblem(
    412,
    'version-changed',
    'Объект только что изменился: посмотрите, что именно, и сохраните снова.',
  );
}
