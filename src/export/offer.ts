import type { Board } from '../boards/catalogue.ts';
import { type Checker, compileBoard } from '../boards/check.ts';
import type { Codec } from '../boards/formats/codec.ts';
import { CODECS } from '../boards/formats/index.ts';
import { formatPhone } from '../boards/formats/phone.ts';
import type { NormChecker } from '../boards/norms.ts';
import { type PromotionDress, withPromotion } from '../boards/promotion.ts';
import { factsOf } from '../domain/facts.ts';
import type { Judgement, KeptNotice } from '../domain/judgement.ts';
import { type Family, type Listing, labelOf } from '../domain/listing.ts';
import type { ChosenContent } from '../domain/moderation.ts';
import { INSPECTOR, type Notice } from '../domain/notice.ts';
import type { PhotoFacts } from '../domain/photos.ts';

/** A board as one cabinet uses it: its rules for one family, and the codec. */
export interface BoardDesk {
  readonly board: Board;
  readonly checker: Checker;
  readonly codec: Codec;
}

const desks = new WeakMap<Board, Map<Family, BoardDesk>>();

/** The desk of a board for a family; compiled once for all cabinets, runs and answers. */
export function deskOf(board: Board, family: Family = board.family): BoardDesk {
  const known = desks.get(board) ?? new Map<Family, BoardDesk>();
  desks.set(board, known);
  let desk = known.get(family);
  if (!desk) {
    desk = { board, checker: compileBoard(board, family), codec: CODECS[family] };
    known.set(family, desk);
  }
  return desk;
}

/** What a listing wears for one board: its id there, the numbers to call, the person who answers. */
export interface Dress {
  readonly listingId: number;
  readonly boardOfferId: string;
  readonly avitoId: number | null;
  readonly firstSeenAt: Date;
  /** E.164, the main one first; undefined: nobody knows a number. */
  readonly phones: readonly string[] | undefined;
  readonly person: { readonly name: string; readonly email: string | null } | null;
  /** Absent: the cabinet's money is off, and paid tags of the source go out as they are. */
  readonly promotion?: PromotionDress | undefined;
}

/**
 * The listing as this cabinet's board is to see it. The last step before checking and rendering; pure.
 * `{phone}` in a text becomes the number of this board and hour, `{number}` our number, which a caller can name.
 */
export function dress(values: Listing, worn: Dress, board: Board): Listing {
  const { phones } = worn;
  const put = (text: string | undefined) => {
    if (!text?.includes('{')) return text;
    const numbered = text.replaceAll('{number}', String(worn.listingId));
    return phones === undefined ? numbered : numbered.replaceAll('{phone}', formatPhone(phones[0]!));
  };
  const bought = worn.promotion === undefined ? values : withPromotion(values, worn.promotion, board);
  const dressed: Listing = { ...bought, externalId: worn.boardOfferId };
  // Taking a field out of an object makes it slow for good, so only where nothing comes in its place.
  if (phones === undefined) delete dressed.contactPhones;
  else dressed.contactPhones = phones.slice(0, board.quirks.phonesMax ?? phones.length);
  for (const field of ['title', 'description'] as const) {
    const text = put(values[field]);
    if (text !== undefined) dressed[field] = text;
  }
  if (values.photos && board.quirks.photosMax !== undefined)
    dressed.photos = values.photos.slice(0, board.quirks.photosMax);
  if (values.contactName === undefined && worn.person) dressed.contactName = worn.person.name;
  if (values.contactEmail === undefined && worn.person?.email) dressed.contactEmail = worn.person.email;
  if (values.createdAt === undefined) dressed.createdAt = worn.firstSeenAt.toISOString().replace(/\.\d+Z$/, '+00:00');
  if (worn.avitoId !== null) {
    dressed.boardFields = {
      ...bought.boardFields,
      avito: { ...bought.boardFields?.avito, AvitoId: String(worn.avitoId) },
    };
  }
  return dressed;
}

export interface JudgeInput {
  /** The content that was chosen, with what the moderators say of it. */
  readonly chosen: Pick<ChosenContent, 'values' | 'approval' | 'waiting' | 'touches' | 'returned'>;
  readonly worn: Dress;
  readonly photoFacts: PhotoFacts | null;
  readonly norms: NormChecker;
  /** Norms that a person lets this listing past: codes, or all of them. */
  readonly exempt: ReadonlySet<string> | 'all';
}

export interface Judged {
  readonly dressed: Listing;
  /** Everything the board and the agency have to say, blocking ones first. */
  readonly notices: readonly Notice[];
  /** null: nothing to remember. */
  readonly judgement: Judgement | null;
}

/** Checks the content of one mark by the board's rules and the agency's norms, short of looking at the written offer. */
export function judge(input: JudgeInput, desk: BoardDesk): Judged {
  const { chosen, worn, norms, exempt } = input;
  const dressed = dress(chosen.values, worn, desk.board);
  const facts = factsOf(dressed, input.photoFacts);
  // The number that we put in ourselves is no stranger's; only the others are told.
  const ours =
    worn.phones === undefined ? 0 : placeholders(chosen.values.title) + placeholders(chosen.values.description);
  const seen = ours === 0 ? facts : { ...facts, phonesInText: Math.max(0, facts.phonesInText - ours) };
  const board = [...numberless(chosen.values, worn), ...desk.checker.check(dressed, seen)];
  const agency = exempt === 'all' ? [] : norms.check(dressed, seen).filter((notice) => !exempt.has(notice.code));
  const notices = agency.length === 0 ? board : [...board, ...agency].sort((a, b) => rank(a) - rank(b));
  return { dressed, notices, judgement: judgementOf(board, agency, chosen) };
}

const placeholders = (text: string | undefined) => (text?.includes('{phone}') ? text.split('{phone}').length - 1 : 0);

/** A text that asks for a number where nobody knows one would show its `{phone}` to everybody. */
function numberless(values: Listing, worn: Dress): Notice[] {
  if (worn.phones !== undefined) return [];
  return (['title', 'description'] as const)
    .filter((field) => values[field]?.includes('{phone}'))
    .map((field) => ({
      code: 'inspector/phone-missing',
      severity: 'blocking',
      field,
      label: labelOf(field),
      message: `${labelOf(field)}: в тексте стоит {phone}, а номера нет ни у объекта, ни у агента, ни в графике телефонов.`,
      fixedBy: INSPECTOR['inspector/phone-missing'].fixedBy,
      source: INSPECTOR['inspector/phone-missing'].source,
      checkedOn: INSPECTOR['inspector/phone-missing'].checkedOn,
    }));
}

const rank = (notice: Notice) => (notice.severity === 'blocking' ? 0 : 1);

function judgementOf(
  board: readonly Notice[],
  norms: readonly Notice[],
  chosen: JudgeInput['chosen'],
): Judgement | null {
  const kept = (notices: readonly Notice[]): KeptNotice[] =>
    notices
      .filter((notice) => notice.severity === 'blocking')
      .map(({ code, field, message, fixedBy }) => ({ code, field, message, fixedBy }));
  const ofBoard = kept(board);
  const ofNorms = kept(norms);
  if (ofBoard.length === 0 && ofNorms.length === 0 && chosen.approval === 'not-needed') return null;
  return {
    ...(ofBoard.length > 0 && { board: ofBoard }),
    ...(ofNorms.length > 0 && { norms: ofNorms }),
    ...(chosen.approval !== 'not-needed' && { approval: chosen.approval }),
    ...(chosen.returned && { returned: chosen.returned }),
    ...(chosen.waiting.length > 0 && { waiting: chosen.waiting }),
    ...(chosen.touches && { touches: chosen.touches }),
  };
}

/** The judgement with what our inspector found in the written offer. */
export function withInspector(judgement: Judgement | null, notice: Notice): Judgement {
  const { code, field, message, fixedBy } = notice;
  return { ...judgement, board: [{ code, field, message, fixedBy }, ...(judgement?.board ?? [])] };
}

/** One listing as XML, or the notice that it cannot be written: one bad listing never stops a feed. */
export function renderOffer(desk: BoardDesk, dressed: Listing): { readonly xml: string } | { readonly notice: Notice } {
  try {
    return { xml: desk.codec.render(dressed) };
  } catch (error) {
    return { notice: inspectorNotice(`не записывается: ${(error as Error).message}`) };
  }
}

/** An offer of ours that our own schema refuses: somebody must look at the program, the agent cannot mend it. */
export function inspectorNotice(problem: string): Notice {
  const { field, label, fixedBy, source, checkedOn } = INSPECTOR['inspector/schema'];
  return {
    code: 'inspector/schema',
    severity: 'blocking',
    field,
    label,
    message: `${label}: объявление не прошло проверку (${problem.replace(/\.$/, '')}). Сообщите администратору.`,
    fixedBy,
    source,
    checkedOn,
  };
}
