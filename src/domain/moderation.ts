import { canonicalJson, fieldValue, withField } from './corrections.ts';
import type { Approval } from './judgement.ts';
import { FAMILIES, type Family, FIELDS, type Listing, labelOf, type Photo } from './listing.ts';
import type { AgencySettings, CabinetSettings, FieldPolicy } from './settings.ts';

/**
 * Moderation: which content of a listing may go out. An approval keeps the approved values; a listing is approved
 * while it equals them or differs by no more than the policy lets pass. So there is nothing to reset: put the text
 * back, and it is approved again.
 */

/** The agency's, with the cabinet's own laid over (`moderationFor`). */
export type ModerationSettings = AgencySettings['moderation'];

export function moderationFor(
  agency: Pick<AgencySettings, 'moderation'>,
  cabinet: Pick<CabinetSettings, 'moderation' | 'edit'>,
): ModerationSettings {
  return {
    ...agency.moderation,
    mode: cabinet.moderation ?? agency.moderation.mode,
    edit: cabinet.edit ?? agency.moderation.edit,
  };
}

/** The newest verdict of its kind, as the store keeps it. */
export interface VerdictFacts {
  readonly id: number;
  readonly kind: 'approved' | 'returned';
  /** The moderatable values that were looked at. */
  readonly content: Partial<Listing>;
  readonly contentHash: string;
  /** sha-256 by address, of the photos whose bytes were known then. */
  readonly photoHashes: Readonly<Record<string, string>>;
  readonly reasons: readonly ReturnReason[] | null;
  readonly note: string | null;
  readonly by: string;
}

export interface ReturnReason {
  readonly code: string;
  readonly text: string;
  readonly field: string | null;
}

/** One difference from the approved content. */
export interface Change {
  /** A field, or `avito:AdStatus` for a family's own one. */
  readonly field: string;
  readonly label: string;
  /** null: there was nothing. */
  readonly before: unknown;
  readonly after: unknown;
  /** The policy lets it pass without a look. */
  readonly passes: boolean;
  /** Of the photos only. */
  readonly photos?: PhotoChange;
}

export interface PhotoChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** The same address, other bytes. */
  readonly replaced: readonly string[];
  /** How many of those that stayed stand at another place among them. */
  readonly movedCount: number;
}

/** What an edit is about. Who looks at many edits takes those of one kind together. */
export const CHANGE_KINDS = ['price', 'photo-order', 'photos', 'text', 'fields'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

export interface ChosenContent {
  /** What is judged and published: the current values, or the kept ones. */
  readonly values: Listing;
  readonly approval: Approval;
  /** Labels of the fields that wait for a look; empty when nothing was ever approved. */
  readonly waiting: readonly string[];
  /** What they are about; absent when nothing waits. */
  readonly touches?: readonly ChangeKind[];
  /** All differences from the last approved content. */
  readonly changes: readonly Change[];
  /** What the moderator wants put right in the current content. */
  readonly returned?: { readonly by: string; readonly texts: readonly string[] };
}

/** Ids, contacts (the phone is dressed last) and dates of the source: nobody looks at these. */
export const UNMODERATED_FIELDS = [
  'externalId',
  'contactName',
  'contactPhones',
  'contactEmail',
  'createdAt',
  'updatedAt',
] as const satisfies readonly (keyof Listing)[];
/** Ids among the families' own fields: a board gives them after the look. */
export const UNMODERATED_OWN_FIELDS = ['avito:AvitoId'] as const;

const UNMODERATED: ReadonlySet<string> = new Set([...UNMODERATED_FIELDS, ...UNMODERATED_OWN_FIELDS]);

/** Today's price stays live over a kept content. A price means nothing without what it is for and whether VAT is in it. */
const PRICE_FIELDS: ReadonlySet<string> = new Set(['priceKopecks', 'currency', 'priceUnit', 'rentPeriod', 'vat']);

const FAMILY_NAMES: Record<Family, string> = { avito: 'Авито', cian: 'Циан', yandex: 'Яндекс' };

/** What a moderator looks at: everything that reaches a board but ids, contacts and dates. */
export function moderatable(listing: Partial<Listing>): Partial<Listing> {
  const content: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(listing)) {
    if (isFilled(value) && field !== 'boardFields' && !UNMODERATED.has(field)) content[field] = value;
  }
  if (listing.photos) content.photos = listing.photos.map(plainPhoto);
  const own: Record<string, unknown> = {};
  for (const family of FAMILIES) {
    const entries = Object.entries(listing.boardFields?.[family] ?? {}).filter(
      ([path, value]) => isFilled(value) && !UNMODERATED.has(`${family}:${path}`),
    );
    if (entries.length > 0) own[family] = Object.fromEntries(entries);
  }
  if (Object.keys(own).length > 0) content.boardFields = own;
  return content as Partial<Listing>;
}

const isFilled = (value: unknown) => value !== undefined && value !== null;

/** «Not a plan» and «nothing said of a plan» are one thing. */
const plainPhoto = ({ url, isPlan }: Photo): Photo => (isPlan ? { url, isPlan } : { url });

/** Names of all moderatable fields that either content fills, in the order of the form. */
export function filledFields(...contents: readonly Partial<Listing>[]): string[] {
  const plain = FIELDS.filter(
    (field) =>
      field !== 'boardFields' && !UNMODERATED.has(field) && contents.some((content) => content[field] !== undefined),
  );
  const own = FAMILIES.flatMap((family) => {
    const paths = new Set(contents.flatMap((content) => Object.keys(content.boardFields?.[family] ?? {})));
    return [...paths].map((path) => `${family}:${path}`).filter((field) => !UNMODERATED.has(field));
  });
  return [...plain, ...own.sort()];
}

/** What a moderator calls a field: «Цена», «Авито: AdStatus». */
export function fieldLabel(field: string): string {
  const [family, ...path] = field.split(':');
  return path.length === 0 ? labelOf(field) : `${FAMILY_NAMES[family as Family] ?? family}: ${path.join(':')}`;
}

const isSame = (one: unknown, other: unknown) => one === other || canonicalJson(one) === canonicalJson(other);

type Looked = Pick<VerdictFacts, 'content' | 'photoHashes'>;

/**
 * Everything in which a content differs from the one that was looked at.
 * @param photoHashes sha-256 by address as known now; what was not known then cannot differ
 */
export function changesSince(
  looked: Looked,
  now: Partial<Listing>,
  policy: ModerationSettings['policy'],
  photoHashes: Readonly<Record<string, string>>,
): Change[] {
  const changes: Change[] = [];
  for (const field of filledFields(looked.content, now)) {
    if (field === 'photos') {
      const photos = photoChange(looked, now.photos ?? [], photoHashes);
      if (photos === null) continue;
      const before = looked.content.photos ?? null;
      const passes = policy.photos === 'pass';
      changes.push({ field, label: fieldLabel(field), before, after: now.photos ?? null, passes, photos });
      continue;
    }
    const before = fieldValue(looked.content, field);
    const after = fieldValue(now, field);
    if (isSame(before, after)) continue;
    changes.push({ field, label: fieldLabel(field), before, after, passes: mayPass(policy[field], before, after) });
  }
  return changes;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';
const TEXTS: ReadonlySet<string> = new Set(['title', 'description']);

/** What a change is about: a price that appears or goes, or is told in another currency, is more than another price. */
export function changeKind({ field, before, after, photos }: Change): ChangeKind {
  if (field === 'priceKopecks' && isNumber(before) && isNumber(after)) return 'price';
  if (photos) return isOrderOnly(photos, before, after) ? 'photo-order' : 'photos';
  return TEXTS.has(field) ? 'text' : 'fields';
}

function isOrderOnly({ added, removed, replaced }: PhotoChange, before: unknown, after: unknown): boolean {
  const sorted = (photos: unknown) => ((photos as readonly Photo[] | null) ?? []).map(canonicalPhoto).sort();
  return added.length + removed.length + replaced.length === 0 && isSame(sorted(before), sorted(after));
}

const canonicalPhoto = (photo: Photo) => canonicalJson(plainPhoto(photo));

/** What some changes are about, in the order of `CHANGE_KINDS`. */
export function changeKinds(changes: readonly Change[]): ChangeKind[] {
  const found = new Set(changes.map(changeKind));
  return CHANGE_KINDS.filter((kind) => found.has(kind));
}

/** Per cents are of the approved value, so many small steps do not creep away from it. */
function mayPass(policy: FieldPolicy | undefined, before: unknown, after: unknown): boolean {
  if (policy === undefined || policy === 'look') return false;
  if (policy === 'pass') return true;
  // A field that appears or disappears has no per cents.
  if (typeof before !== 'number' || typeof after !== 'number') return false;
  const percent = after < before ? policy.downPercent : policy.upPercent;
  return Math.abs(after - before) * 100 <= Math.abs(before) * (percent ?? 0);
}

/** null: the same pictures in the same order. */
function photoChange(
  looked: Looked,
  after: readonly Photo[],
  photoHashes: Readonly<Record<string, string>>,
): PhotoChange | null {
  const before = looked.content.photos ?? [];
  const replaced = [...new Set(after.map(({ url }) => url))].filter((url) => isReplaced(url, looked, photoHashes));
  if (replaced.length === 0 && isSame(before.map(plainPhoto), after.map(plainPhoto))) return null;
  const were = new Set(before.map(({ url }) => url));
  const are = new Set(after.map(({ url }) => url));
  const stayed = [...were].filter((url) => are.has(url));
  return {
    added: [...are].filter((url) => !were.has(url)),
    removed: [...were].filter((url) => !are.has(url)),
    replaced,
    movedCount: [...are].filter((url) => were.has(url)).filter((url, place) => url !== stayed[place]).length,
  };
}

/** Other bytes at an address whose bytes were known when somebody looked. */
function isReplaced(url: string, looked: Looked, photoHashes: Readonly<Record<string, string>>): boolean {
  const then = looked.photoHashes[url];
  const now = photoHashes[url];
  return then !== undefined && now !== undefined && then !== now;
}

/**
 * Is it the very content this verdict was about?
 * @param contentHash of the content now
 */
export function isAbout(
  verdict: VerdictFacts,
  contentHash: string,
  photos: readonly Photo[],
  photoHashes: Readonly<Record<string, string>>,
): boolean {
  return verdict.contentHash === contentHash && !photos.some(({ url }) => isReplaced(url, verdict, photoHashes));
}

/**
 * Which content of a listing is judged and may go out, and where it stands with the moderators.
 * @param approved the newest approval in force
 * @param last the newest verdict in force, of either kind
 * @param photoHashes sha-256 by address as known now
 * @param contentHash of `moderatable(values)`
 */
export function chooseContent(
  values: Listing,
  approved: VerdictFacts | null,
  last: VerdictFacts | null,
  settings: ModerationSettings,
  photoHashes: Readonly<Record<string, string>>,
  contentHash: string,
): ChosenContent {
  if (settings.mode === 'off') return { values, approval: 'not-needed', waiting: [], changes: [] };
  const photos = values.photos ?? [];
  const back = last?.kind === 'returned' ? last : null;
  const isReturned = back !== null && isAbout(back, contentHash, photos, photoHashes);
  const changes =
    approved === null || isAbout(approved, contentHash, photos, photoHashes)
      ? []
      : changesSince(approved, moderatable(values), settings.policy, photoHashes);
  // A return of what the approval covered takes the approval back.
  const objected =
    approved === null || back === null ? null : changesSince(approved, back.content, settings.policy, back.photoHashes);
  const isTakenBack = objected?.every(({ passes }) => passes) ?? false;

  if (approved !== null && !isReturned && changes.every(({ passes }) => passes)) {
    // The approved values themselves stay good, unless it was they that were returned.
    const isPutBack = changes.length === 0 && objected?.length !== 0;
    if (!isTakenBack || isPutBack) return { values, approval: 'approved', waiting: [], changes };
  }

  const some = changes.filter(({ passes }) => !passes);
  const pending = some.length > 0 ? some : changes;
  const waiting = pending.map(({ label }) => label);
  const touches = pending.length > 0 ? { touches: changeKinds(pending) } : {};
  const returned = isReturned ? { returned: { by: back.by, texts: returnTexts(back) } } : {};
  if (approved !== null && settings.edit === 'keep-approved' && !isTakenBack) {
    const kept = keep(values, approved, changes, photoHashes);
    // With today's price over it, the approved content may be the very one that was returned.
    const isRefused = back !== null && changesSince(back, moderatable(kept), {}, photoHashes).length === 0;
    if (!isRefused) return { values: kept, approval: 'kept', waiting, ...touches, changes, ...returned };
  }
  return { values, approval: isReturned ? 'returned' : 'awaiting', waiting, ...touches, changes, ...returned };
}

function returnTexts(verdict: VerdictFacts): string[] {
  const texts = (verdict.reasons ?? []).map(({ text }) => text);
  return verdict.note ? [...texts, verdict.note] : texts;
}

/** The approved content under today's price, contacts and dates. */
function keep(
  values: Listing,
  approved: VerdictFacts,
  changes: readonly Change[],
  photoHashes: Readonly<Record<string, string>>,
): Listing {
  // The price of a rent says nothing about a sale.
  const isAnother = approved.content.kind !== values.kind || approved.content.deal !== values.deal;
  let kept = values;
  for (const { field } of changes) {
    if (isAnother || !PRICE_FIELDS.has(field)) kept = withField(kept, field, fieldValue(approved.content, field));
  }
  // Nobody has seen what stands at such an address today, so it cannot be kept.
  const photos = (kept.photos ?? []).filter(({ url }) => !isReplaced(url, approved, photoHashes));
  return photos.length === (kept.photos ?? []).length
    ? kept
    : withField(kept, 'photos', photos.length === 0 ? null : photos);
}

/** Where a content stands, in words. */
export const APPROVAL_LABELS: Readonly<Record<Approval, string>> = {
  'not-needed': 'модерация выключена',
  approved: 'одобрен',
  kept: 'правка ждёт, на доске прежний вариант',
  awaiting: 'ждёт модератора',
  returned: 'возвращён',
};

/** What a moderator had before his eyes when he decided. */
export interface Seen {
  readonly contentHash: string;
  /** The newest verdict then, in force or not yet; null: none. */
  readonly lastVerdictId: number | null;
}

/** `12.uq3…`: the same for the command line's `--seen` and an HTTP tag. */
export const seenToken = ({ contentHash, lastVerdictId }: Seen): string => `${lastVerdictId ?? 0}.${contentHash}`;

/** null: it is no such token. */
export function readSeenToken(token: string): Seen | null {
  const [, id, contentHash] = /^(\d{1,15})\.([\w-]{10,100})$/.exec(token) ?? [];
  if (id === undefined || contentHash === undefined) return null;
  return { contentHash, lastVerdictId: id === '0' ? null : Number(id) };
}
