import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import type { Listing } from '../domain/listing.ts';
import {
  isAbout,
  moderatable,
  type ReturnReason,
  type Seen,
  UNMODERATED_FIELDS,
  UNMODERATED_OWN_FIELDS,
  type VerdictFacts,
} from '../domain/moderation.ts';
import { passesOnTrust } from '../domain/moderation-queue.ts';
import { AGENCY_DEFAULTS, type AgencySettings, settled } from '../domain/settings.ts';
import { type Database, type Queryable, transaction } from './database.ts';
import { makeDue, makeDueAt } from './due.ts';
import { hashOf } from './hash.ts';
import { endMessages, type NewMessage, record, tell } from './journal.ts';
import { saveCorrections } from './marks.ts';
import { endPostponement, QUESTION } from './postponements.ts';

/** Verdicts: what moderators said of listings, and what waits for them. */

/** A verdict can be taken back for so long, and holds only after that. */
export const UNDO_SECONDS = 10;

/** Whoever gives a verdict; `employeeId` null is whoever has the keys to the machine. */
export interface Moderator {
  readonly employeeId: number | null;
  readonly name: string;
}

export const contentHashOf = (values: Listing): string => hashOf(moderatable(values));

const VERDICT = `v.id, v.kind, v.content, v.content_hash as "contentHash", v.photo_hashes as "photoHashes", v.reasons, v.note, v.by`;

export interface VerdictsInForce {
  readonly approved: VerdictFacts | null;
  /** The newest of either kind. */
  readonly last: VerdictFacts | null;
}

/** The newest verdicts of listings that hold at a moment; listings without any are not in the map. */
export async function verdictsInForce(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[],
  now: Date,
): Promise<Map<number, VerdictsInForce>> {
  const found = await client.query<VerdictFacts & { listingId: number; effectiveAt: Date }>(
    `select distinct on (v.listing_id, v.kind) v.listing_id as "listingId", v.effective_at as "effectiveAt", ${VERDICT}
     from verdict v where v.agency_id = $1 and v.listing_id = any($2) and v.effective_at <= $3 and v.undone_at is null
     order by v.listing_id, v.kind, v.effective_at desc, v.id desc`,
    [agencyId, listingIds, now],
  );
  const result = new Map<number, { approved: VerdictFacts | null; last: VerdictFacts; at: Date }>();
  for (const { listingId, effectiveAt: at, ...verdict } of found.rows) {
    const other = result.get(listingId);
    const isNewer = !other || at > other.at || (at.getTime() === other.at.getTime() && verdict.id > other.last.id);
    result.set(listingId, {
      approved: verdict.kind === 'approved' ? verdict : (other?.approved ?? null),
      last: isNewer ? verdict : other.last,
      at: isNewer ? at : other.at,
    });
  }
  return result;
}

export interface VerdictRow {
  readonly id: number;
  readonly kind: 'approved' | 'returned';
  readonly by: string;
  readonly employeeId: number | null;
  readonly reasons: readonly ReturnReason[] | null;
  readonly note: string | null;
  readonly isOwn: boolean;
  readonly at: Date;
  readonly effectiveAt: Date;
  readonly undoneAt: Date | null;
}

const ROW = `v.id, v.kind, v.by, v.employee_id as "employeeId", v.reasons, v.note, v.is_own as "isOwn", v.at,
  v.effective_at as "effectiveAt", v.undone_at as "undoneAt"`;

/** All verdicts about a listing, those taken back included, the newest first. */
export async function history(client: Queryable, agencyId: number, listingId: number): Promise<VerdictRow[]> {
  const found = await client.query<VerdictRow>(
    `select ${ROW} from verdict v where v.agency_id = $1 and v.listing_id = $2 order by v.at desc, v.id desc`,
    [agencyId, listingId],
  );
  return found.rows;
}

/** What a moderator needs to decide about one listing. */
export interface ModerationCase extends VerdictsInForce {
  readonly listingId: number;
  readonly externalId: string;
  readonly values: Listing;
  readonly photoHashes: Readonly<Record<string, string>>;
  /** To be told back with the verdict. */
  readonly seen: Seen;
  readonly pendingSince: Date | null;
  readonly employeeId: number | null;
  readonly employee: string | null;
  readonly branch: string | null;
  readonly history: readonly VerdictRow[];
}

export async function moderationCase(
  db: Database,
  agencyId: number,
  listingId: number,
  now: Date,
): Promise<ModerationCase> {
  return transaction(db, async (client) => {
    // One moment for the content and its verdicts.
    await client.query('set transaction isolation level repeatable read read only');
    const listing = await listingRow(client, agencyId, listingId, '');
    const verdicts = (await verdictsInForce(client, agencyId, [listingId], now)).get(listingId);
    const all = await history(client, agencyId, listingId);
    const newest = all.find(({ undoneAt }) => undoneAt === null);
    return {
      approved: verdicts?.approved ?? null,
      last: verdicts?.last ?? null,
      listingId,
      externalId: listing.externalId,
      values: listing.values,
      photoHashes: await photoHashes(client, agencyId, listing.values.photos ?? []),
      seen: { contentHash: contentHashOf(listing.values), lastVerdictId: newest?.id ?? null },
      pendingSince: listing.pendingSince,
      employeeId: listing.employeeId,
      employee: listing.employee,
      branch: listing.branch,
      history: all,
    };
  });
}

/** A case as far as the verdicts on many at once go. */
export interface SeenCase extends VerdictsInForce {
  readonly listingId: number;
  readonly values: Listing;
  readonly photoHashes: Readonly<Record<string, string>>;
  readonly seen: Seen;
}

/** What some listings say now, with their verdicts; those the agency does not have are missing. */
export async function seenCases(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[],
  now: Date,
): Promise<Map<number, SeenCase>> {
  const found = await client.query<{ listingId: number; values: Listing; newest: number | null }>(
    `select l.id as "listingId", l.values, (select v.id from verdict v where v.agency_id = l.agency_id and v.listing_id = l.id
       and v.undone_at is null order by v.at desc, v.id desc limit 1) as newest
     from listing l where l.agency_id = $1 and l.id = any($2)`,
    [agencyId, listingIds],
  );
  const verdicts = await verdictsInForce(client, agencyId, listingIds, now);
  const hashes = await photoHashes(
    client,
    agencyId,
    found.rows.flatMap(({ values }) => values.photos ?? []),
  );
  return new Map(
    found.rows.map(({ listingId, values, newest }) => [
      listingId,
      {
        listingId,
        values,
        approved: verdicts.get(listingId)?.approved ?? null,
        last: verdicts.get(listingId)?.last ?? null,
        photoHashes: hashes,
        seen: { contentHash: contentHashOf(values), lastVerdictId: newest },
      },
    ]),
  );
}

/** The newest sha-256 of pictures by address, where somebody has looked at them. */
export async function photoHashes(
  client: Queryable,
  agencyId: number,
  photos: readonly { readonly url: string }[],
): Promise<Record<string, string>> {
  if (photos.length === 0) return {};
  const found = await client.query<{ url: string; sha256: string }>(
    'select url, sha256 from photo where agency_id = $1 and url = any($2) and sha256 is not null',
    [agencyId, photos.map(({ url }) => url)],
  );
  return Object.fromEntries(found.rows.map(({ url, sha256 }) => [url, sha256]));
}

/** Listings of the agency that are probably the same property, whatever boards they are on; the surest first. */
export async function twinsOf(
  client: Queryable,
  agencyId: number,
  listingId: number,
): Promise<
  {
    readonly id: number;
    readonly externalId: string;
    readonly kind: Listing['kind'];
    readonly deal: Listing['deal'];
    readonly title: string | null;
    readonly agent: string | null;
    readonly isSame: boolean;
    readonly hasSamePhotos: boolean;
  }[]
> {
  const found = await client.query(
    `select t.id, t.external_id as "externalId", t.kind, t.deal, t.values->>'title' as title, e.name as agent,
       coalesce(t.duplicate_key = l.duplicate_key, false) as "isSame", coalesce(t.photos_key = l.photos_key, false) as "hasSamePhotos"
     from listing l join listing t on t.agency_id = l.agency_id and t.id <> l.id and t.gone_at is null and t.archived_at is null
       -- Told apart by their numbers, they are two flats.
       and (t.duplicate_key = l.duplicate_key or t.photos_key = l.photos_key
         or t.likeness_key = l.likeness_key and (t.duplicate_key is null or l.duplicate_key is null))
     left join employee e on e.agency_id = t.agency_id and e.id = t.employee_id
     where l.agency_id = $1 and l.id = $2 order by "isSame" desc, "hasSamePhotos" desc, t.id limit 5`,
    [agencyId, listingId],
  );
  return found.rows;
}

/** What the probes know of pictures by address: hashes of the bytes and of the looks. */
export async function picturesAt(
  client: Queryable,
  agencyId: number,
  urls: readonly string[],
): Promise<ReadonlyMap<string, { readonly sha256: string | null; readonly dhash: string | null }>> {
  if (urls.length === 0) return new Map();
  const found = await client.query<{ url: string; sha256: string | null; dhash: string | null }>(
    'select url, sha256, dhash from photo where agency_id = $1 and url = any($2)',
    [agencyId, urls],
  );
  return new Map(found.rows.map(({ url, sha256, dhash }) => [url, { sha256, dhash }]));
}

interface CaseRow {
  readonly externalId: string;
  readonly values: Listing;
  readonly pendingSince: Date | null;
  readonly employeeId: number | null;
  readonly employee: string | null;
  readonly branch: string | null;
  readonly agencyZone: string;
  readonly settings: Partial<AgencySettings>;
}

/** @throws Refusal `listing-unknown` */
async function listingRow(client: Queryable, agencyId: number, listingId: number, lock: string): Promise<CaseRow> {
  const found = await client.query<CaseRow>(
    `select l.external_id as "externalId", l.values, l.pending_since as "pendingSince",
       l.employee_id as "employeeId", e.name as employee, b.name as branch, a.time_zone as "agencyZone", a.settings
     from listing l join agency a on a.id = l.agency_id left join employee e on e.agency_id = l.agency_id and e.id = l.employee_id
     left join branch b on b.agency_id = l.agency_id and b.id = coalesce(l.branch_id, e.branch_id)
     where l.agency_id = $1 and l.id = $2 ${lock}`,
    [agencyId, listingId],
  );
  if (!found.rows[0]) throw new Refusal('listing-unknown', `Объекта #${listingId} нет.`, 2);
  return found.rows[0];
}

/** A reason by its code, or with the field it is about here and with words of the moderator's own. */
export type ReasonWish = string | { readonly code: string; readonly field?: string; readonly note?: string };

export interface VerdictWish {
  readonly listingId: number;
  readonly kind: 'approved' | 'returned';
  readonly actor: Moderator;
  /** From the agency's list; a return needs at least one. */
  readonly reasons?: readonly ReasonWish[];
  readonly note?: string | undefined;
  /** Correct and approve: proven by the caller, kept over the source like every correction. */
  readonly corrections?: Parameters<typeof saveCorrections>[2] | undefined;
  /** What the moderator had before his eyes. Without it only the same verdict on the same content is noticed. */
  readonly seen?: Seen | undefined;
}

export interface Given {
  readonly verdictId: number;
  /** Until then it can be undone; from then on it holds. */
  readonly effectiveAt: Date;
  readonly isOwn: boolean;
}

/**
 * Gives a verdict on the listing's present content.
 * Whether the person may decide at all is asked at the door, where the agency's own table of rights is known.
 * @throws Refusal `own-listing`, `reason-missing`, `reason-unknown`, `already-decided`,
 *   `content-changed`, `listing-unknown`
 */
export function giveVerdict(db: Database, agencyId: number, wish: VerdictWish, now: Date): Promise<Given> {
  return transaction(db, (client) => decide(client, agencyId, wish, now));
}

const changed = (listingId: number) =>
  new Refusal(
    'content-changed',
    `Объект #${listingId} изменился, пока вы смотрели. Посмотрите, что именно, и решите снова.`,
  );

const VERDICT_WORDS = { approved: 'одобрено', returned: 'возвращено' } as const;

interface Proven {
  readonly listing: CaseRow;
  readonly reasons: readonly ReturnReason[];
  readonly isOwn: boolean;
}

/** Takes the listing's row, so that of two moderators one comes second, and refuses what may not be. */
async function prove(client: Queryable, agencyId: number, wish: VerdictWish, now: Date): Promise<Proven> {
  const { listingId, kind, actor, seen } = wish;
  // Not `for update`: whoever makes a mark needs only the listing's key, and shall not wait for us.
  const listing = await listingRow(client, agencyId, listingId, 'for no key update of l');
  const { moderation } = settled(AGENCY_DEFAULTS, listing.settings);
  const isOwn = actor.employeeId !== null && listing.employeeId === actor.employeeId;
  if (isOwn && kind === 'approved' && !moderation.mayApproveOwn)
    throw new Refusal(
      'own-listing',
      `Объект #${listingId} ваш: свой объект одобряет другой сотрудник. Разрешить может администратор.`,
    );
  const reasons = kind === 'returned' ? chosenReasons(moderation.returnReasons, wish.reasons ?? []) : [];

  const found = await client.query<VerdictFacts & Pick<VerdictRow, 'at' | 'effectiveAt' | 'employeeId'>>(
    `select ${VERDICT}, v.at, v.effective_at as "effectiveAt", v.employee_id as "employeeId" from verdict v
     where v.agency_id = $1 and v.listing_id = $2 and v.undone_at is null order by v.effective_at desc, v.id desc limit 1`,
    [agencyId, listingId],
  );
  const newest = found.rows[0] ?? null;
  const contentHash = contentHashOf(listing.values);
  const hashes = await photoHashes(client, agencyId, listing.values.photos ?? []);
  const isRepeated =
    newest !== null &&
    isAbout(newest, contentHash, listing.values.photos ?? [], hashes) &&
    (now < newest.effectiveAt || (newest.kind === kind && wish.corrections === undefined));
  if (newest !== null && (isRepeated || (seen !== undefined && newest.id > (seen.lastVerdictId ?? 0)))) {
    const isMine = newest.employeeId === actor.employeeId && now < newest.effectiveAt;
    throw new Refusal(
      'already-decided',
      `По объекту #${listingId} уже есть решение: ${VERDICT_WORDS[newest.kind]}, ${newest.by}, ${russianMoment(newest.at, listing.agencyZone)}.${isMine ? ` Его ещё можно отменить, номер решения ${newest.id}.` : ''}`,
    );
  }
  if (seen !== undefined && seen.contentHash !== contentHash) throw changed(listingId);
  return { listing, reasons, isOwn };
}

/** @throws Refusal `reason-missing`, `reason-unknown` */
function chosenReasons(known: readonly ReturnReason[], wishes: readonly ReasonWish[]): ReturnReason[] {
  const list = known.map(({ code, text }) => `${code} — ${text}`).join('\n  ');
  const wanted = wishes.map((wish) => (typeof wish === 'string' ? { code: wish } : wish));
  const codes = wanted.map(({ code }) => code);
  if (codes.length === 0) throw new Refusal('reason-missing', `Чтобы вернуть объект, назовите причину:\n  ${list}`, 2);
  const unknown = [...new Set(codes)].filter((code) => !known.some((reason) => reason.code === code));
  if (unknown.length > 0)
    throw new Refusal(
      'reason-unknown',
      `${unknown.map((code) => `Причины «${code.slice(0, 60)}» нет.`).join(' ')} Есть:\n  ${list}`,
      2,
    );
  return known.flatMap((reason) =>
    wanted
      .filter(({ code }) => code === reason.code)
      .map(({ field, note }: Exclude<ReasonWish, string>) => ({
        code: reason.code,
        text: note?.trim() ? `${reason.text} ${note.trim()}` : reason.text,
        field: field ?? reason.field,
      })),
  );
}

async function decide(client: Queryable, agencyId: number, wish: VerdictWish, now: Date): Promise<Given> {
  const { listingId, kind, actor } = wish;
  const { listing, reasons, isOwn } = await prove(client, agencyId, wish, now);
  const { corrections } = wish;
  if (corrections) {
    const row = { agencyId, id: listingId };
    if (!(await saveCorrections(client, row, corrections, now, { by: actor.name }))) throw changed(listingId);
  }
  const effectiveAt = new Date(now.getTime() + UNDO_SECONDS * 1000);
  const note = wish.note?.trim() || null;
  const verdictId = await writeVerdict(client, agencyId, {
    listingId,
    kind,
    values: corrections?.values ?? listing.values,
    reasons: kind === 'returned' ? reasons : null,
    note,
    employeeId: actor.employeeId,
    by: actor.name,
    isOwn,
    at: now,
    effectiveAt,
  });
  const facts = {
    verdictId,
    ...(kind === 'returned' && { reasons: reasons.map(({ code }) => code) }),
    ...(note !== null && { note }),
    ...(isOwn && { isOwn }),
    ...(corrections && { isCorrected: true }),
    pendingSince: listing.pendingSince,
  };
  await record(client, agencyId, { by: actor.name, action: `verdict-${kind}`, listingId, facts }, now);
  if (kind === 'approved') {
    await client.query('update listing set pending_since = null where agency_id = $1 and id = $2', [
      agencyId,
      listingId,
    ]);
  }
  await endPostponement(client, agencyId, listingId);
  await endMessages(client, agencyId, [listingId], ['verdict-returned', QUESTION], now);
  if (!isOwn) await tell(client, agencyId, [verdictMessage(verdictId, wish, listing, reasons, note)], effectiveAt);
  await dueAtVerdict(client, agencyId, listingId, effectiveAt);
  return { verdictId, effectiveAt, isOwn };
}

interface NewVerdict {
  readonly listingId: number;
  readonly kind: 'approved' | 'returned';
  readonly values: Listing;
  readonly reasons: readonly ReturnReason[] | null;
  readonly note: string | null;
  readonly employeeId: number | null;
  readonly by: string;
  readonly isOwn: boolean;
  readonly at: Date;
  readonly effectiveAt: Date;
}

/** @returns its number */
async function writeVerdict(client: Queryable, agencyId: number, verdict: NewVerdict): Promise<number> {
  const { values, reasons } = verdict;
  const made = await client.query<{ id: number }>(
    `insert into verdict (agency_id, listing_id, kind, content, content_hash, photo_hashes, reasons, note, employee_id, by, is_own, at, effective_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning id`,
    [
      agencyId,
      verdict.listingId,
      verdict.kind,
      JSON.stringify(moderatable(values)),
      contentHashOf(values),
      JSON.stringify(await photoHashes(client, agencyId, values.photos ?? [])),
      reasons === null ? null : JSON.stringify(reasons),
      verdict.note,
      verdict.employeeId,
      verdict.by,
      verdict.isOwn,
      verdict.at,
      verdict.effectiveAt,
    ],
  );
  return made.rows[0]!.id;
}

/** What stands in the place of a moderator where nobody looked. */
export const BY_TRUST = 'Доверие';
/** Listings whose contents are approved in one transaction. */
const TRUSTED_AT_ONCE = 200;

/**
 * Approves what waits of trusted agents, but for the sample: a verdict like every other one, in force at once, so that
 * history, journal and later edits know of it.
 * @param listingIds that a run found waiting
 * @returns how many were approved
 */
export async function approveOnTrust(
  db: Database,
  agencyId: number,
  listingIds: readonly number[],
  now: Date,
): Promise<number> {
  let approved = 0;
  for (let start = 0; start < listingIds.length; start += TRUSTED_AT_ONCE) {
    const some = listingIds.slice(start, start + TRUSTED_AT_ONCE);
    approved += await transaction(db, (client) => approveSome(client, agencyId, some, now));
  }
  return approved;
}

async function approveSome(
  client: Queryable,
  agencyId: number,
  listingIds: readonly number[],
  now: Date,
): Promise<number> {
  const found = await client.query<CaseRow & { id: number; newest: VerdictFacts['kind'] | null; hash: string | null }>(
    `select l.id, l.values, l.pending_since as "pendingSince", l.employee_id as "employeeId", a.settings, v.kind as newest,
       v.content_hash as hash
     from listing l join agency a on a.id = l.agency_id
     left join lateral (select kind, content_hash from verdict where agency_id = l.agency_id and listing_id = l.id and undone_at is null
       order by effective_at desc, id desc limit 1) v on true
     where l.agency_id = $1 and l.id = any($2) order by l.id for no key update of l`,
    [agencyId, listingIds],
  );
  const passed: number[] = [];
  for (const { id, values, pendingSince, employeeId, settings, newest, hash } of found.rows) {
    const { trusted } = settled(AGENCY_DEFAULTS, settings).moderation;
    const contentHash = contentHashOf(values);
    // Bytes that changed under an approved address make the same content wait again: that is for a person.
    if (hash === contentHash) continue;
    if (!passesOnTrust(trusted, employeeId, contentHash, newest === null ? null : { kind: newest })) continue;
    const verdictId = await writeVerdict(client, agencyId, {
      listingId: id,
      kind: 'approved',
      values,
      reasons: null,
      note: null,
      employeeId: null,
      by: BY_TRUST,
      isOwn: false,
      at: now,
      effectiveAt: now,
    });
    const facts = { verdictId, isTrusted: true, employeeId, pendingSince };
    await record(client, agencyId, { by: BY_TRUST, action: 'verdict-approved', listingId: id, facts }, now);
    passed.push(id);
  }
  if (passed.length === 0) return 0;
  await client.query('update listing set pending_since = null where agency_id = $1 and id = any($2)', [
    agencyId,
    passed,
  ]);
  const cabinets = await client.query<{ id: number }>(
    'select distinct cabinet_id as id from mark where agency_id = $1 and listing_id = any($2) and is_live',
    [agencyId, passed],
  );
  await makeDueAt(
    client,
    agencyId,
    cabinets.rows.map(({ id }) => id),
    now,
  );
  return passed.length;
}

const messageKey = (verdictId: number) => `verdict:${verdictId}`;

/** To the agent; a listing without one is the manager's care. */
function verdictMessage(
  verdictId: number,
  { listingId, kind, actor, corrections }: VerdictWish,
  listing: CaseRow,
  reasons: readonly ReturnReason[],
  note: string | null,
): NewMessage {
  const what = `Объект ${listing.externalId} (#${listingId})`;
  const texts = [...reasons.map(({ text }) => text), ...(note === null ? [] : [note])].join(' ');
  return {
    key: messageKey(verdictId),
    kind: `verdict-${kind}`,
    employeeId: listing.employeeId,
    role: listing.employeeId === null ? 'manager' : null,
    listingId,
    text:
      kind === 'returned'
        ? `${what} вернул модератор (${actor.name}): ${texts}`
        : `${what} ${corrections ? 'исправил и одобрил' : 'одобрил'} модератор (${actor.name}).`,
  };
}

/** Where the listing is marked, the next run comes when the verdict holds: before that it would change nothing. */
async function dueAtVerdict(client: Queryable, agencyId: number, listingId: number, effectiveAt: Date): Promise<void> {
  const found = await client.query<{ id: number }>(
    'select cabinet_id as id from mark where agency_id = $1 and listing_id = $2 and is_live order by 1',
    [agencyId, listingId],
  );
  const ids = found.rows.map(({ id }) => id);
  if (ids.length > 0) await makeDueAt(client, agencyId, ids, effectiveAt);
}

/**
 * Takes a verdict back, as if it had never been given. A correction made with it stays: it is the person's own.
 * @throws Refusal `verdict-unknown`, `already-undone`, `not-your-verdict`, `too-late-to-undo`
 */
export async function undoVerdict(
  db: Database,
  agencyId: number,
  verdictId: number,
  actor: Moderator,
  now: Date,
): Promise<{ readonly listingId: number; readonly kind: 'approved' | 'returned' }> {
  return transaction(db, async (client) => {
    const named = await client.query<{ listingId: number }>(
      'select listing_id as "listingId" from verdict where agency_id = $1 and id = $2',
      [agencyId, verdictId],
    );
    const listingId = named.rows[0]?.listingId;
    if (listingId === undefined) throw new Refusal('verdict-unknown', `Решения ${verdictId} нет.`, 2);
    const { agencyZone } = await listingRow(client, agencyId, listingId, 'for no key update of l');
    const found = await client.query<VerdictRow>(`select ${ROW} from verdict v where v.agency_id = $1 and v.id = $2`, [
      agencyId,
      verdictId,
    ]);
    const verdict = found.rows[0]!;
    if (verdict.undoneAt !== null)
      throw new Refusal(
        'already-undone',
        `Решение ${verdictId} уже отменено ${russianMoment(verdict.undoneAt, agencyZone)}.`,
      );
    if (verdict.employeeId !== actor.employeeId)
      throw new Refusal('not-your-verdict', `Решение ${verdictId} отменяет тот, кто его принял: ${verdict.by}.`);
    if (now >= verdict.effectiveAt)
      throw new Refusal(
        'too-late-to-undo',
        `Отменить решение можно ${UNDO_SECONDS} секунд, оно уже в силе. Примите новое.`,
      );
    await client.query('update verdict set undone_at = $3 where agency_id = $1 and id = $2', [
      agencyId,
      verdictId,
      now,
    ]);
    if (verdict.kind === 'approved') {
      const before = await client.query<{ pendingSince: string | null }>(
        `select facts->>'pendingSince' as "pendingSince" from journal
         where agency_id = $1 and listing_id = $2 and action = 'verdict-approved' and (facts->>'verdictId')::bigint = $3`,
        [agencyId, listingId, verdictId],
      );
      await client.query('update listing set pending_since = $3 where agency_id = $1 and id = $2', [
        agencyId,
        listingId,
        before.rows[0]?.pendingSince ?? null,
      ]);
    }
    // What an earlier return asked for is asked again.
    await client.query(
      `update message set done_at = null where agency_id = $1 and listing_id = $2 and kind = 'verdict-returned' and done_at = $3`,
      [agencyId, listingId, verdict.at],
    );
    await client.query('update message set done_at = $3 where agency_id = $1 and key = $2', [
      agencyId,
      messageKey(verdictId),
      now,
    ]);
    await record(client, agencyId, { by: actor.name, action: 'verdict-undone', listingId, facts: { verdictId } }, now);
    return { listingId, kind: verdict.kind };
  });
}

/** Whose moderation is switched. */
export type Switched = { readonly agency: true } | { readonly cabinetId: number };

export interface SwitchResult {
  /** false: it was so already. */
  readonly isChanged: boolean;
  /** Listings whose present content was approved as it is. */
  readonly accepted: number;
}

/**
 * Switches moderation. Switched on with `acceptsCurrent`, it takes what is published now for approved, by the person
 * who switches, at once: so no feed gets empty. A listing that another cabinet of the agency moderates already keeps the verdicts it
 * has: nobody's pending edit is approved by the way.
 */
export async function switchOn(
  db: Database,
  agencyId: number,
  of: Switched,
  mode: 'on' | 'off',
  { acceptsCurrent = true, actor }: { readonly acceptsCurrent?: boolean; readonly actor: Moderator },
  now: Date,
): Promise<SwitchResult> {
  const cabinetId = 'cabinetId' in of ? of.cabinetId : null;
  return transaction(db, async (client) => {
    const done =
      cabinetId === null
        ? await client.query(
            `update agency set settings = settings || jsonb_build_object('moderation',
               coalesce(settings->'moderation', '{}'::jsonb) || jsonb_build_object('mode', $2::text))
             where id = $1 and coalesce(settings->'moderation'->>'mode', $3) <> $2`,
            [agencyId, mode, AGENCY_DEFAULTS.moderation.mode],
          )
        : await client.query(
            `update cabinet c set settings = c.settings || jsonb_build_object('moderation', $3::text)
             from agency a where a.id = c.agency_id and c.agency_id = $1 and c.id = $2 and coalesce(c.settings->>'moderation', '') <> $3`,
            [agencyId, cabinetId, mode],
          );
    if (done.rowCount === 0) return { isChanged: false, accepted: 0 };
    const accepted =
      mode === 'on' && acceptsCurrent ? await acceptPublished(client, agencyId, cabinetId, actor, now) : 0;
    const facts = { mode, ...(mode === 'on' && { acceptsCurrent, accepted }) };
    await record(client, agencyId, { by: actor.name, action: 'moderation-switched', cabinetId, facts }, now);
    await makeDue(
      client,
      agencyId,
      cabinetId === null ? {} : { cabinetIds: [cabinetId] },
      mode === 'on' ? 'withdrawal' : 'edit',
      now,
    );
    return { isChanged: true, accepted };
  });
}

/** What is published now (`$1` agency, `$2` cabinet or all), and what another cabinet moderates already. */
const ACCEPTABLE = `published as (
       select distinct o.listing_id as id from mark_outcome o
       join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
       where o.agency_id = $1 and ($2::bigint is null or o.cabinet_id = $2) and o.outcome = 'published' and not o.is_held
         -- An edit that no run has seen yet is not on the board.
         and exists(select 1 from listing l where l.agency_id = o.agency_id and l.id = o.listing_id and o.content_key like l.values_hash || '|%')
     ), moderated as (
       select distinct o.listing_id as id from mark_outcome o
       join mark m on m.agency_id = o.agency_id and m.cabinet_id = o.cabinet_id and m.listing_id = o.listing_id and m.is_live
       where o.agency_id = $1 and coalesce(o.judgement->>'approval', 'not-needed') <> 'not-needed'
     )`;

/** Listings that {@link switchOn} would take for approved. @param cabinetId null: of all the agency */
export async function acceptable(client: Queryable, agencyId: number, cabinetId: number | null): Promise<Set<number>> {
  const found = await client.query<{ id: number }>(
    `with ${ACCEPTABLE} select p.id from published p where not exists (select 1 from moderated d where d.id = p.id)`,
    [agencyId, cabinetId],
  );
  return new Set(found.rows.map(({ id }) => id));
}

/** How the hash begins of a content that was taken for approved when moderation was switched on. */
export const ACCEPTED = 'accepted-';

/**
 * In one statement, however many there are. The hash of a content cannot be computed there; what stands in its place is
 * equal to no content, so these approvals are compared field by field.
 */
async function acceptPublished(
  client: Queryable,
  agencyId: number,
  cabinetId: number | null,
  actor: Moderator,
  now: Date,
): Promise<number> {
  const done = await client.query<{ count: number }>(
    `with ${ACCEPTABLE}, accepted as (
       insert into verdict (agency_id, listing_id, kind, content, content_hash, photo_hashes, employee_id, by, is_own, at, effective_at)
       select l.agency_id, l.id, 'approved', ${MODERATABLE_SQL}, '${ACCEPTED}' || l.values_hash,
         coalesce(l.photo_facts->'hashes', '{}'::jsonb), $3::bigint, $4, coalesce(l.employee_id = $3::bigint, false), $5, $5
       from listing l join published p on p.id = l.id
       where l.agency_id = $1 and not exists (select 1 from moderated d where d.id = l.id)
       returning listing_id
     ), decided as (
       update listing l set pending_since = null from accepted a
       where l.agency_id = $1 and l.id = a.listing_id and l.pending_since is not null
     )
     select count(*)::int as count from accepted`,
    [agencyId, cabinetId, actor.employeeId, actor.name, now],
  );
  return done.rows[0]!.count;
}

/** `moderatable(values)` said to the database. */
const MODERATABLE_SQL = UNMODERATED_OWN_FIELDS.reduce<string>(
  (sql, field) => `${sql} #- '{boardFields,${field.replace(':', ',')}}'`,
  `(l.values - array[${UNMODERATED_FIELDS.map((field) => `'${field}'`).join(', ')}])`,
);
