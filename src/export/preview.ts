import type { Board } from '../boards/catalogue.ts';
import { type TextBound, textBounds } from '../boards/form.ts';
import { parseElement } from '../boards/formats/xml.ts';
import { readNorm } from '../boards/norms.ts';
import { canonicalJson } from '../domain/corrections.ts';
import { factsOf } from '../domain/facts.ts';
import { Refusal } from '../domain/fault.ts';
import { FREE, type GateName, type GateResult, ladder } from '../domain/gates.ts';
import type { Family, Listing, Photo } from '../domain/listing.ts';
import type { Notice, StoredNorm } from '../domain/notice.ts';
import { PHONE_KIND_LABELS } from '../domain/phones.ts';
import { type PhotoFacts, type PhotoState, photoFactsOf } from '../domain/photos.ts';
import { NO_PACKAGE } from '../domain/plan.ts';
import type { Queryable } from '../store/database.ts';
import { hashOf } from '../store/hash.ts';
import { CONTACTS_AND_DATES } from '../store/keys.ts';
import { type CabinetRow, currentEdition, type NarrowRow, narrowRows, wideRows } from '../store/publishing.ts';
import { EditionReader, editionFolder, segmentOf } from './edition.ts';
import { type Frame, loadFrame } from './frame.ts';
import { judgeRows, type Supposed } from './judge.ts';
import { type BoardDesk, deskOf, renderOffer } from './offer.ts';

/**
 * What a board would get of one listing: as it is saved, or as somebody is typing it, by the functions that a run
 * decides with; and what the board has of it now.
 */

/** What one cabinet says of a listing's content; what other marks leave to it (twins, places, money) is not asked. */
export interface ContentCheck {
  readonly cabinetId: number;
  readonly board: string;
  readonly boardName: string;
  readonly cabinet: string;
  readonly isMarked: boolean;
  readonly notices: readonly Notice[];
  /** From `marked` to `calendar`, as `explain` has them. */
  readonly gates: readonly GateResult[];
  /** How long its texts may be. */
  readonly bounds: readonly TextBound[];
}

/** Gates that hang on the listing alone. */
const OWN_GATES_END: GateName = 'duplicate';

/**
 * Checks a listing for a cabinet without saving anything: `explain` says the same of its own gates and notices, once
 * these values are saved.
 * @param values instead of the saved ones
 * @throws Refusal `listing-unknown`
 */
export async function checkContent(
  client: Queryable,
  cabinet: CabinetRow,
  board: Board,
  listingId: number,
  values: Listing,
  now: Date,
): Promise<ContentCheck> {
  const frame = await loadFrame(client, cabinet, board, now);
  const saved = await savedOf(client, frame, listingId);
  const supposed = { values, photoFacts: factsFor(saved, values) };
  const row = supposedRow(saved.row, saved.values, values, now);
  const [judged] = await judgeRows(client, frame, [row], new Map([[listingId, supposed]]));
  const { gates } = ladder(frame.mark(row, judged!.judgement), frame.context, {
    isMarked: row.isMarked,
    duplicate: null,
    place: NO_PACKAGE,
    funds: FREE,
    isHeld: false,
  });
  const facts = factsOf(judged!.dressed, supposed.photoFacts);
  return {
    cabinetId: cabinet.id,
    board: cabinet.board,
    boardName: board.name,
    cabinet: cabinet.slug,
    isMarked: row.isMarked,
    notices: judged!.notices,
    gates: gates.slice(
      0,
      gates.findIndex(({ gate }) => gate === OWN_GATES_END),
    ),
    bounds: textBounds(rulesFor(frame.desk), board.name, judged!.dressed, facts),
  };
}

/** How long the agency's norms let texts be. */
export function normBounds(norms: readonly StoredNorm[], values: Listing): TextBound[] {
  const demands = norms.map(({ rule }) => {
    const { kinds, deals, when, must } = readNorm(rule).rule;
    return {
      ...(kinds && { kinds }),
      ...(deals && { deals }),
      ...(when !== undefined && { when: when as Record<string, unknown> }),
      must: must as Record<string, unknown>,
    };
  });
  return textBounds(demands, null, values, factsOf(values));
}

const rulesFor = ({ board, codec }: BoardDesk) =>
  board.rules.filter(({ families }) => families === undefined || families.includes(codec.family));

interface Saved extends Supposed {
  readonly row: NarrowRow;
}

/** @throws Refusal `listing-unknown` */
async function savedOf(client: Queryable, frame: Frame, listingId: number): Promise<Saved> {
  const { cabinet, context, isModerated } = frame;
  const [row] = await narrowRows(client, cabinet, context.zone, isModerated, context.now, [listingId], true);
  const [wide] = await wideRows(client, cabinet.agencyId, [listingId]);
  if (!row || !wide) throw new Refusal('listing-unknown', `Объекта ${listingId} нет.`, 2);
  return { row, values: wide.values, photoFacts: wide.photoFacts };
}

/** Of other photos nobody knows anything yet, and what is unknown never blocks. */
const factsFor = (saved: Saved, values: Listing): PhotoFacts | null =>
  canonicalJson(saved.values.photos ?? []) === canonicalJson(values.photos ?? []) ? saved.photoFacts : null;

/** The narrow row of a listing as it would be right after saving. */
function supposedRow(row: NarrowRow, before: Listing, after: Listing, now: Date): NarrowRow {
  if (canonicalJson(before) === canonicalJson(after)) return row;
  const told = (values: Listing) =>
    canonicalJson({ ...values, ...Object.fromEntries(CONTACTS_AND_DATES.map((field) => [field, undefined])) });
  return {
    ...row,
    kind: after.kind,
    deal: after.deal,
    region: after.region ?? null,
    askingKopecks: after.priceKopecks ?? null,
    valuesHash: hashOf(after),
    isChangedBySource: false,
    freshAt: told(before) === told(after) ? row.freshAt : now.getTime(),
  };
}

/** What goes to one board, and what the board has. */
export interface Preview {
  readonly cabinetId: number;
  readonly board: string;
  readonly boardName: string;
  readonly cabinet: string;
  /** The offer as it will go, the number put in; null: it cannot even be written. */
  readonly xml: string | null;
  /** Nothing in the content keeps it off the board. */
  readonly isPassable: boolean;
  /** It is the last approved content, not the newest one. */
  readonly isKept: boolean;
  /** Numbers in it, E.164. */
  readonly phones: readonly string[];
  /** Where the number comes from: «дежурный»; null: from the listing or the agent. */
  readonly phoneKind: string | null;
  /** When another number takes its place by itself. */
  readonly phoneChangesAt: Date | null;
  readonly served: {
    /** `absent`: the edition does not have the listing. `lost`: the edition's files are not on this machine. */
    readonly state: 'shown' | 'absent' | 'lost' | 'no-edition';
    readonly xml: string | null;
    readonly phones: readonly string[];
    readonly editionId: number | null;
    readonly publishedAt: Date | null;
  };
  /** What goes is not what is there. */
  readonly differs: boolean;
}

/**
 * @param dataDir where the editions lie
 * @throws Refusal `listing-unknown`
 */
export async function preview(
  client: Queryable,
  cabinet: CabinetRow,
  board: Board,
  listingId: number,
  dataDir: string,
  now: Date,
): Promise<Preview> {
  const frame = await loadFrame(client, cabinet, board, now);
  const { row } = await savedOf(client, frame, listingId);
  const [judged] = await judgeRows(client, frame, [row]);
  // What is kept off is shown as well: whoever mends it wants to see it.
  const written = judged!.xml ?? rendered(frame.desk, judged!.dressed);
  const xml = written === null ? null : outdented(written);
  const served = await servedOf(client, frame, listingId, dataDir);
  const choice = frame.phones(row);
  return {
    cabinetId: cabinet.id,
    board: cabinet.board,
    boardName: board.name,
    cabinet: cabinet.slug,
    xml,
    isPassable: judged!.xml !== undefined && !judged!.notices.some(({ severity }) => severity === 'blocking'),
    isKept: judged!.chosen.approval === 'kept',
    phones: judged!.dressed.contactPhones ?? [],
    phoneKind: choice.line === null ? null : PHONE_KIND_LABELS[choice.line.kind],
    phoneChangesAt: choice.changesAt,
    served,
    differs: served.state === 'shown' && served.xml !== xml,
  };
}

function rendered(desk: BoardDesk, dressed: Listing): string | null {
  const made = renderOffer(desk, dressed);
  return 'xml' in made ? made.xml : null;
}

/** The offer stands inside the file; shown alone it begins at the left. */
const outdented = (xml: string) => xml.replace(/^ {2}/gm, '').trimEnd();

/** The listing's offer in the edition that is served. */
async function servedOf(
  client: Queryable,
  { cabinet, desk }: Frame,
  listingId: number,
  dataDir: string,
): Promise<Preview['served']> {
  const edition = await currentEdition({ pool: client }, cabinet);
  if (!edition) return { state: 'no-edition', xml: null, phones: [], editionId: null, publishedAt: null };
  const told = { phones: [], editionId: edition.id, publishedAt: edition.publishedAt };
  const reader = new EditionReader(editionFolder(dataDir, cabinet.agencyId, cabinet.id), edition);
  if (!(await reader.open())) return { ...told, state: 'lost', xml: null };
  try {
    const segment = await reader.segment(segmentOf(listingId));
    const offers = segment ? await reader.offers(segment) : [];
    const found = offers.find((offer) => offer.listingId === listingId)?.bytes.toString();
    if (found === undefined) return { ...told, state: 'absent', xml: null };
    const phones = desk.codec.read(parseElement(found)).listing?.contactPhones ?? [];
    return { ...told, state: 'shown', xml: outdented(found), phones };
  } finally {
    await reader.close();
  }
}

/** One remark on one picture, by whoever makes it. */
export interface PhotoRemark {
  readonly boardName: string;
  readonly severity: Notice['severity'];
  readonly message: string;
}

/** A picture that nobody has anything against. */
const goodPhoto = (place: number): PhotoState => ({
  url: `https://example.test/${place}.jpg`,
  host: 'example.test',
  status: 200,
  type: 'image/jpeg',
  bytes: 300_000,
  width: 1600,
  height: 1200,
  sha256: null,
  lookId: null,
  failures: 0,
  firstFailedAt: null,
  lastError: null,
});

/**
 * What boards have against single pictures: what they say of a listing in which it stands among good ones, and would
 * not say if it were good too. Rules about how many there are speak of both, and fall out.
 */
export function photoRemarks(
  places: readonly { readonly board: Board; readonly family: Family }[],
  values: Listing,
  photos: readonly (Photo & { readonly state: PhotoState | null })[],
  now: Date,
): PhotoRemark[][] {
  const desks = [...new Set(places.map(({ board, family }) => deskOf(board, family)))];
  const said = ({ checker }: BoardDesk, list: readonly (Photo & { readonly state: PhotoState | null })[]) => {
    const listing = { ...values, photos: list.map(({ url, isPlan }) => ({ url, ...(isPlan && { isPlan }) })) };
    const states = new Map(list.flatMap(({ url, state }) => (state === null ? [] : [[url, state] as const])));
    const facts = factsOf(listing, photoFactsOf(listing.photos, states, new Set(), now));
    return checker.check(listing, facts).filter(({ field }) => field === 'photos');
  };
  const good = photos.map(({ isPlan }, place) => {
    const state = goodPhoto(place);
    return { url: state.url, state, ...(isPlan && { isPlan }) };
  });
  return photos.map((photo, place) =>
    desks.flatMap((desk) => {
      const usual = new Set(said(desk, good.slice(0, place + 1)).map(({ code }) => code));
      return said(desk, [...good.slice(0, place), photo])
        .filter(({ code }) => !usual.has(code))
        .map(({ severity, message }) => ({ boardName: desk.board.name, severity, message }));
    }),
  );
}
