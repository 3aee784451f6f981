import type { Board } from '../boards/catalogue.ts';
import type { Case, ComparedPhoto as ComparedPhotoAnswer, Editable } from '../contracts/moderation.ts';
import { fieldValue } from '../domain/corrections.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import type { Approval } from '../domain/judgement.ts';
import { describeKind, type Field, type Listing, ListingSchema, labelOf } from '../domain/listing.ts';
import {
  APPROVAL_LABELS,
  type Change,
  changesSince,
  chooseContent,
  fieldLabel,
  filledFields,
  moderatable,
  seenToken,
} from '../domain/moderation.ts';
import { dayKopecks, isSampled, isTrusted, lostKopecks } from '../domain/moderation-queue.ts';
import { maskPhones } from '../domain/phones.ts';
import { type ComparedPhoto, type PhotoDifference, photoDifference } from '../domain/photo-difference.ts';
import { mayDo, type Place, refusalFor } from '../domain/rights.ts';
import type { AgencySettings } from '../domain/settings.ts';
import { tariffOf } from '../domain/tariff.ts';
import { formatNumber } from '../domain/text.ts';
import { valueWords, WORDS } from '../domain/words.ts';
import { loadFrame } from '../export/frame.ts';
import { judgeRows } from '../export/judge.ts';
import type { Caller } from '../store/access.ts';
import type { Database } from '../store/database.ts';
import { marksOf } from '../store/marks.ts';
import { type ModerationCase, moderationCase, picturesAt, twinsOf, type VerdictRow } from '../store/moderation.ts';
import { type Looker, lookers } from '../store/moderation-queue.ts';
import { type Postponement, postponementOf } from '../store/postponements.ts';
import { type CabinetRow, listCabinets, narrowRows } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import { pictureAddress } from './pictures-routes.ts';
import { textDifference } from './text-difference.ts';

/** One case as a moderator sees it: what it is compared with, what changed, what the boards will say, what it costs. */

export interface CaseAsk {
  readonly db: Database;
  readonly boards: readonly Board[];
  readonly caller: Caller;
  readonly agencyId: number;
  readonly now: Date;
}

const VERDICT_LABELS: Record<VerdictRow['kind'], string> = { approved: 'одобрено', returned: 'возвращено' };
/** What is read word by word; everything else is told as it was and as it is. */
const TEXTS: readonly string[] = ['title', 'description'];

/** @throws Refusal `listing-unknown` */
export async function caseAnswer(ask: CaseAsk, listingId: number, place: Place): Promise<Case> {
  const { db, agencyId, caller, now } = ask;
  const [found, { settings }, boards, twins, postponement, others] = await Promise.all([
    moderationCase(db, agencyId, listingId, now),
    agencyFrame(db, agencyId),
    boardsOf(ask, listingId),
    twinsOf(db.pool, agencyId, listingId),
    postponementOf(db.pool, agencyId, listingId),
    lookers(db.pool, agencyId, [listingId], caller.employeeId, now),
  ]);
  const { values, approved, photoHashes, history, seen } = found;
  const content = moderatable(values);
  const changes = approved === null ? [] : changesSince(approved, content, settings.moderation.policy, photoHashes);
  const photos = await comparedPhotos(ask, found);
  const standing = boards.map(({ board, mark, frame, row, notices }) => {
    const { moderation } = frame.settings;
    const chosen = chooseContent(values, approved, found.last, moderation, photoHashes, seen.contentHash);
    const terms = tariffOf(frame.tariffs, frame.context.today)?.terms ?? null;
    const facts = { kind: row.kind, deal: row.deal, region: row.region, priceKopecks: row.askingKopecks };
    return {
      board,
      chosen,
      notices,
      outcome: mark.outcome,
      cabinet: frame.cabinet,
      dayKopecks: dayKopecks(terms, frame.cabinetSettings.package, facts),
    };
  });
  const newest = history.find(({ undoneAt }) => undoneAt === null);
  const waiting = standing.filter(({ chosen }) => isWaiting(chosen));
  const since = found.pendingSince ?? oldest(boards.map(({ mark }) => mark.since));
  const sum = (some: readonly { readonly dayKopecks: number }[]) => some.reduce((all, one) => all + one.dayKopecks, 0);
  const idleKopecks = sum(waiting.filter(({ outcome }) => outcome === 'awaiting-moderation'));
  const approval = history.find(({ id }) => id === approved?.id);
  const isOwn = found.employeeId === caller.employeeId;
  const answer: Case = {
    id: listingId,
    version: seenToken(seen),
    externalId: found.externalId,
    heading: values.title ?? describeKind(values),
    address: values.address ?? null,
    agent: found.employeeId === null ? null : { id: found.employeeId, name: found.employee ?? '' },
    branch: found.branch,
    isOwn,
    isNew: approved === null,
    isSample:
      isTrusted(settings.moderation.trusted, found.employeeId) &&
      isSampled(seen.contentHash, settings.moderation.trusted.sharePercent),
    isWaiting: waiting.length > 0 && !(newest && newest.effectiveAt > now),
    since: since?.toISOString() ?? null,
    approved: approval ? { by: approval.by, at: approval.at.toISOString() } : null,
    summary: approved === null ? '' : summaryOf(changes, photos),
    ...differenceOf(found, changes),
    photos: photosAnswer(photos, changes, listingId),
    content: filledFields(content).map((field) => ({
      field,
      label: fieldLabel(field),
      text: valueWords(field, fieldValue(content, field), values.currency),
    })),
    // Where it waits comes first.
    boards: [...waiting, ...standing.filter((one) => !waiting.includes(one))].map(
      ({ board, chosen, notices, outcome, cabinet, dayKopecks: kopecks }) => ({
        cabinetId: cabinet.id,
        board: cabinet.board,
        name: board.name,
        approvalLabel: APPROVAL_LABELS[chosen.approval],
        outcome,
        outcomeLabel: outcome === null ? null : OUTCOME_LABELS[outcome],
        notices: [...notices],
        dayKopecks: kopecks,
      }),
    ),
    dayKopecks: sum(waiting),
    idleKopecks,
    lostKopecks: since === null ? 0 : lostKopecks({ listingId, since, idleKopecks }, now),
    duplicates: twins.map(({ isSame, hasSamePhotos, ...twin }) => ({
      id: twin.id,
      externalId: twin.externalId,
      heading: twin.title ?? describeKind(twin),
      agent: twin.agent,
      why: isSame
        ? 'тот же объект: адрес, номер, площадь и этаж'
        : hasSamePhotos
          ? 'те же фотографии'
          : 'те же адрес, площадь и этаж',
    })),
    history: history.map((row) => ({
      id: row.id,
      label: VERDICT_LABELS[row.kind],
      by: row.by,
      at: row.at.toISOString(),
      texts: textsOf(row),
      isUndone: row.undoneAt !== null,
    })),
    returned:
      newest?.kind === 'returned' ? { by: newest.by, at: newest.at.toISOString(), texts: textsOf(newest) } : null,
    postponed: postponement ? postponedAnswer(postponement, now) : null,
    lookers: others.map(lookerAnswer),
    reasons: settings.moderation.returnReasons.map(({ code, text, field }) => ({
      code,
      text,
      field,
      fieldLabel: field === null ? null : fieldLabel(field),
    })),
    editable: editableFields(values, changes),
    may: {
      decide: mayDo(caller, 'moderation', place),
      approveRefusal: approveRefusal(caller, place, isOwn, settings),
      correct: mayDo(caller, 'moderation', place) && mayDo(caller, 'corrections', place),
    },
  };
  if (mayDo(caller, 'see-phones', place)) return answer;
  return { ...maskPhones(answer, values.contactPhones), version: answer.version };
}

const isWaiting = ({ approval, returned }: { readonly approval: Approval; readonly returned?: unknown }) =>
  (approval === 'awaiting' || approval === 'kept') && returned === undefined;

const oldest = (moments: readonly (Date | null)[]): Date | null =>
  moments.reduce((first, one) => (one !== null && (first === null || one < first) ? one : first), null);

const textsOf = ({ reasons, note }: VerdictRow): string[] => [
  ...(reasons ?? []).map(({ text }) => text),
  ...(note === null ? [] : [note]),
];

function approveRefusal(caller: Caller, place: Place, isOwn: boolean, { moderation }: AgencySettings): string | null {
  if (!mayDo(caller, 'moderation', place)) return refusalFor(caller, 'moderation');
  return isOwn && !moderation.mayApproveOwn
    ? 'Объект ваш: одобрить его может другой сотрудник. Вернуть или отложить можно.'
    : null;
}

export const lookerAnswer = ({ name, since }: Looker) => ({ name, since: since.toISOString() });

export const postponedAnswer = ({ until, by, question, answer }: Postponement, now: Date) => ({
  until: until.toISOString(),
  isOver: until <= now || answer !== null,
  by,
  question,
  answer,
});

// ---------------------------------------------------------------------------------------------------------------------
// What the boards say of the content as it is now, whatever stands there.

async function boardsOf({ db, boards, agencyId, now }: CaseAsk, listingId: number) {
  const cabinets = new Map((await listCabinets(db, { agencyId })).map((cabinet) => [cabinet.id, cabinet]));
  const live = (await marksOf(db, agencyId, listingId)).filter(({ isLive }) => isLive);
  return Promise.all(live.map(async (mark) => ({ mark, ...(await judged(cabinets.get(mark.cabinetId)!)) })));

  async function judged(cabinet: CabinetRow) {
    const board = boards.find(({ id }) => id === cabinet.board)!;
    const frame = await loadFrame(db.pool, cabinet, board, now);
    const [row] = await narrowRows(db.pool, cabinet, frame.context.zone, frame.isModerated, now, [listingId]);
    // As if nobody had to approve it: then it is the content itself that is judged.
    const [found] = await judgeRows(db.pool, { ...frame, isModerated: false }, [row!]);
    return { board, frame, row: row!, notices: found!.notices };
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What changed.

function differenceOf(
  { approved, values }: ModerationCase,
  changes: readonly Change[],
): Pick<Case, 'price' | 'texts' | 'fields'> {
  const told = ({ field, label, passes }: Change) => ({ field, label, passes });
  const words = ({ field, before, after }: Change) => ({
    before: valueWords(field, before, approved?.content.currency),
    after: valueWords(field, after, values.currency),
  });
  const price = changes.find(({ field }) => field === 'priceKopecks');
  return {
    price: price ? { ...told(price), ...words(price), percent: percentOf(price) } : null,
    texts: changes
      .filter(({ field }) => TEXTS.includes(field))
      .map((change) => {
        const before = (change.before as string | null) ?? '';
        const after = (change.after as string | null) ?? '';
        const { parts, added, removed } = textDifference(before, after);
        return { ...told(change), before, after, parts: [...parts], added, removed };
      }),
    fields: changes
      .filter(({ field }) => field !== 'priceKopecks' && field !== 'photos' && !TEXTS.includes(field))
      .map((change) => ({ ...told(change), ...words(change) })),
  };
}

/** In tenths, as people tell it. */
export function percentOf({ before, after }: Pick<Change, 'before' | 'after'>): number | null {
  if (typeof before !== 'number' || typeof after !== 'number' || before === 0) return null;
  return Math.round(((after - before) / before) * 1000) / 10;
}

/** «цена, описание, 3 фото» */
function summaryOf(changes: readonly Change[], { counts }: PhotoDifference): string {
  const touched = counts.added + counts.removed + counts.replaced + counts.moved;
  const words = changes.map(({ field, label }) =>
    field === 'photos' && touched > 0 ? `${formatNumber(touched)} фото` : label.toLocaleLowerCase('ru'),
  );
  return words.join(', ');
}

// ---------------------------------------------------------------------------------------------------------------------
// Pictures.

async function comparedPhotos(
  { db, agencyId }: CaseAsk,
  { approved, values }: ModerationCase,
): Promise<PhotoDifference> {
  const after = values.photos ?? [];
  // Of what nobody has approved nothing is new: it is all to be looked at.
  const before = approved === null ? after : (approved.content.photos ?? []);
  const known = await picturesAt(
    db.pool,
    agencyId,
    [...before, ...after].map(({ url }) => url),
  );
  return photoDifference(before, after, approved?.photoHashes ?? {}, (url) => known.get(url));
}

function photosAnswer(difference: PhotoDifference, changes: readonly Change[], listingId: number): Case['photos'] {
  const change = changes.find(({ field }) => field === 'photos');
  const told =
    (side: 'before' | 'after') =>
    (photo: ComparedPhoto, index: number): ComparedPhotoAnswer => ({
      place: index + 1,
      thumb: pictureAddress(photo.url, listingId),
      large: pictureAddress(photo.url, listingId, 1600),
      isPlan: photo.isPlan,
      fate: photo.fate,
      isMoved: photo.isMoved,
      isPlanChanged: photo.isPlanChanged,
      pair: photo.pair === null ? null : photo.pair + 1,
      words: photoWords(photo, side),
    });
  return {
    isChanged: change !== undefined,
    passes: change?.passes ?? false,
    summary: photoSummary(difference),
    before: difference.before.map(told('before')),
    after: difference.after.map(told('after')),
  };
}

const FATE_WORDS: Record<ComparedPhoto['fate'], string> = {
  same: '',
  added: 'добавлено',
  removed: 'убрано',
  replaced: 'другой снимок',
  'same-picture': 'тот же снимок, другой адрес',
  're-encoded': 'тот же снимок, пересохранён',
};

function photoWords({ fate, pair, isMoved, isPlan, isPlanChanged }: ComparedPhoto, side: 'before' | 'after'): string {
  const words = [
    FATE_WORDS[fate],
    isMoved && pair !== null ? (side === 'after' ? `стояло ${pair + 1}-м` : `теперь ${pair + 1}-е`) : '',
    isPlanChanged && side === 'after' ? (isPlan ? 'теперь планировка' : 'больше не планировка') : '',
  ];
  return words.filter((word) => word !== '').join(', ');
}

/** «добавлено 2, убрано 1, переставлено 1»; of re-encoded ones alone that nothing new is seen. */
function photoSummary({ counts, after }: PhotoDifference): string {
  const parts = [
    [counts.added, 'добавлено'],
    [counts.removed, 'убрано'],
    [counts.replaced, 'подменено'],
    [counts.moved, 'переставлено'],
    [counts.reEncoded, 'пересохранено'],
    [after.filter(({ isPlanChanged }) => isPlanChanged).length, 'изменена пометка «планировка» у'],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${word} ${formatNumber(count)}`)
    .join(', ');
}

// ---------------------------------------------------------------------------------------------------------------------
// Putting right on the spot: the texts, the price, and whatever changed and is a single value.

const ALWAYS_EDITABLE: readonly Field[] = ['priceKopecks', 'title', 'description'];

function editableFields(values: Listing, changes: readonly Change[]): Editable[] {
  const fields = new Set<string>([...ALWAYS_EDITABLE, ...changes.map(({ field }) => field)]);
  return [...fields].flatMap((field) => {
    const input = inputOf(field);
    if (input === null) return [];
    const { schema, kind } = input;
    const words = (WORDS as Record<string, Record<string, string>>)[field] ?? {};
    return [
      {
        field,
        label: labelOf(field),
        input: kind,
        value: fieldValue(values, field) as Editable['value'],
        choices: (schema.enum ?? []).map((value) => ({ value, label: words[value] || value })),
      },
    ];
  });
}

interface FieldSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
}

function inputOf(field: string): { readonly schema: FieldSchema; readonly kind: Editable['input'] } | null {
  const schema = (ListingSchema.properties as Record<string, FieldSchema>)[field];
  if (schema === undefined) return null;
  if (schema.enum) return { schema, kind: 'choice' };
  if (field.endsWith('Kopecks')) return { schema, kind: 'money' };
  switch (schema.type) {
    case 'string':
      return { schema, kind: field === 'description' ? 'long' : 'text' };
    case 'integer':
    case 'number':
      return { schema, kind: 'number' };
    case 'boolean':
      return { schema, kind: 'flag' };
    default:
      return null;
  }
}
