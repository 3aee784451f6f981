import { schemaJudge } from '../boards/formats/inspect.ts';
import type { NormChecker } from '../boards/norms.ts';
import type { Judgement } from '../domain/judgement.ts';
import type { Listing } from '../domain/listing.ts';
import { type ChosenContent, chooseContent, moderatable } from '../domain/moderation.ts';
import type { Notice } from '../domain/notice.ts';
import type { Queryable } from '../store/database.ts';
import { hashOf } from '../store/hash.ts';
import { photoHashes, type VerdictsInForce, verdictsInForce } from '../store/moderation.ts';
import { type NarrowRow, type WideRow, wideRows } from '../store/publishing.ts';
import type { Frame } from './frame.ts';
import { type BoardDesk, type Dress, inspectorNotice, judge, renderOffer, withInspector } from './offer.ts';

/** Offers that one schema check looks at together. */
const INSPECTED_TOGETHER = 64;
const NOTHING_SUPPOSED: ReadonlyMap<number, Supposed> = new Map();

/** One mark's content, judged and written. */
export interface JudgedRow {
  readonly listingId: number;
  readonly judgement: Judgement | null;
  readonly notices: readonly Notice[];
  /** The content that was chosen, before it was dressed. */
  readonly chosen: ChosenContent;
  readonly dressed: Listing;
  readonly priceKopecks: number | null;
  /** The offer; absent when something in the content keeps it off the board. */
  readonly xml?: string | undefined;
}

/** What a listing would be, if somebody saved it so. */
export type Supposed = Pick<WideRow, 'values' | 'photoFacts'>;

/**
 * Chooses, checks, renders and inspects the content of some marks, in the order given.
 * @param supposed by listing: what is judged in place of what is saved
 */
export async function judgeRows(
  client: Queryable,
  frame: Frame,
  rows: readonly NarrowRow[],
  supposed: ReadonlyMap<number, Supposed> = NOTHING_SUPPOSED,
): Promise<JudgedRow[]> {
  const { desk, cabinet, context, settings } = frame;
  const ids = rows.map((row) => row.listingId);
  const wide = new Map<number, Supposed>(
    (await wideRows(client, cabinet.agencyId, ids)).map((row) => [row.listingId, row]),
  );
  for (const [id, one] of supposed) wide.set(id, one);
  const verdicts = frame.isModerated ? await verdictsInForce(client, cabinet.agencyId, ids, context.now) : undefined;
  const hashes = frame.isModerated
    ? await photoHashes(
        client,
        cabinet.agencyId,
        [...wide].flatMap(([listingId, { values }]) => [
          ...(values.photos ?? []),
          ...(verdicts?.get(listingId)?.approved?.content.photos ?? []),
        ]),
      )
    : {};
  const judged: JudgedRow[] = [];
  const written: { index: number; id: string; xml: string }[] = [];
  for (const row of rows) {
    const { values, photoFacts } = wide.get(row.listingId)!;
    const verdict = frame.isApprovedAsItIs(row.listingId) ? approvedAsItIs(values) : verdicts?.get(row.listingId);
    let chosen: ChosenContent = frame.isModerated
      ? chooseContent(
          values,
          verdict?.approved ?? null,
          verdict?.last ?? null,
          settings.moderation,
          hashes,
          hashOf(moderatable(values)),
        )
      : { values, approval: 'not-needed', waiting: [], changes: [] };
    const common = {
      worn: frame.worn(row, values),
      photoFacts,
      norms: frame.norms,
      exempt: frame.exempt(row.listingId),
    };
    let result = judge({ ...common, chosen }, desk);
    if (chosen.approval === 'kept' && (result.judgement?.board || result.judgement?.norms)) {
      // An approved content that may not be shown keeps nothing: it is the edit that everybody waits for.
      chosen = { ...chosen, values, approval: chosen.returned ? 'returned' : 'awaiting' };
      result = judge({ ...common, chosen }, desk);
    }
    const { dressed, notices, judgement } = result;
    const told = { listingId: row.listingId, chosen, dressed, priceKopecks: dressed.priceKopecks ?? null };
    if (judgement?.board || judgement?.norms) {
      judged.push({ ...told, judgement, notices });
      continue;
    }
    const rendered = renderOffer(desk, dressed);
    if ('xml' in rendered) {
      written.push({ index: judged.length, id: String(row.listingId), xml: rendered.xml });
      judged.push({ ...told, judgement, notices, xml: rendered.xml });
    } else {
      judged.push({
        ...told,
        judgement: withInspector(judgement, rendered.notice),
        notices: [rendered.notice, ...notices],
      });
    }
  }
  const judgeOf = schemaJudge(desk.codec.family);
  for (let start = 0; start < written.length; start += INSPECTED_TOGETHER) {
    const batch = written.slice(start, start + INSPECTED_TOGETHER);
    for (const problem of judgeOf.judge(batch)) {
      const at = batch.find(({ id }) => id === problem.id)!.index;
      const { xml, ...refused } = judged[at]!;
      // One offer may have several problems; the first is enough to send somebody to look.
      if (xml === undefined) continue;
      const notice = inspectorNotice(problem.message);
      judged[at] = {
        ...refused,
        judgement: withInspector(refused.judgement, notice),
        notices: [notice, ...refused.notices],
      };
    }
  }
  return judged;
}

/** The verdict that would be given on the present content. */
function approvedAsItIs(values: Listing): VerdictsInForce {
  const content = moderatable(values);
  const verdict = {
    id: 0,
    kind: 'approved' as const,
    content,
    contentHash: hashOf(content),
    photoHashes: {},
    reasons: null,
    note: null,
    by: '',
  };
  return { approved: verdict, last: verdict };
}

const NO_NORMS: NormChecker = { key: '', check: () => [] };
const NOBODY: ReadonlySet<string> = new Set();

/**
 * What a board and the agency's norms say of a listing, no marks and moderators asked: for `check` before anything is
 * marked. Looks at the written offer too.
 */
export function judgeAlone(
  values: Listing,
  desk: BoardDesk,
  worn: Partial<Dress> & Pick<Dress, 'firstSeenAt'>,
  norms: NormChecker = NO_NORMS,
): { readonly dressed: Listing; readonly notices: readonly Notice[]; readonly isBlocked: boolean } {
  const chosen = { values, approval: 'not-needed' as const, waiting: [] };
  const full: Dress = {
    listingId: 0,
    boardOfferId: values.externalId,
    avitoId: null,
    phones: values.contactPhones,
    person: null,
    ...worn,
  };
  const input = { chosen, worn: full, photoFacts: null, norms, exempt: NOBODY };
  const { dressed, notices } = judge(input, desk);
  if (notices.some(({ severity }) => severity === 'blocking')) return { dressed, notices, isBlocked: true };
  const rendered = renderOffer(desk, dressed);
  const [problem] = 'xml' in rendered ? schemaJudge(desk.codec.family).judge([{ id: '0', xml: rendered.xml }]) : [];
  const found = 'notice' in rendered ? rendered.notice : problem && inspectorNotice(problem.message);
  return found ? { dressed, notices: [found, ...notices], isBlocked: true } : { dressed, notices, isBlocked: false };
}
