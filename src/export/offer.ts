import type { Board } from '../boards/catalogue.ts';
import { type Checker, compileBoard } from '../boards/check.ts';
import type { Codec } from '../boards/formats/codec.ts';
import { CODECS } from '../boards/formats/index.ts';
import { schemaJudge } from '../boards/formats/inspect.ts';
import { formatPhone } from '../boards/formats/phone.ts';
import { factsOf } from '../domain/facts.ts';
import { type Decision, decide } from '../domain/gates.ts';
import type { Family, Listing } from '../domain/listing.ts';
import type { Notice } from '../domain/notice.ts';
import type { MarkedListing } from '../store/publishing.ts';

/** A board as one cabinet uses it: its rules for one family, and the codec. */
export interface BoardDesk {
  readonly board: Board;
  readonly checker: Checker;
  readonly codec: Codec;
}

export function deskOf(board: Board, family: Family = board.family): BoardDesk {
  return { board, checker: compileBoard(board, family), codec: CODECS[family] };
}

/**
 * The listing as this cabinet's board is to see it: its id there, the phone to call, the texts with the phone put in.
 * Last step before checking and rendering; pure.
 */
export function dress(
  marked: Pick<MarkedListing, 'values' | 'boardOfferId' | 'avitoId' | 'firstSeenAt' | 'employee'>,
  board: Board,
): Listing {
  const { values } = marked;
  const phones =
    values.contactPhones ??
    (marked.employee && marked.employee.phones.length > 0 ? [...marked.employee.phones] : undefined);
  const put = (text: string | undefined) =>
    text === undefined || phones === undefined ? text : text.replaceAll('{phone}', formatPhone(phones[0]!));
  const dressed: Listing = { ...values, externalId: marked.boardOfferId };
  if (phones) dressed.contactPhones = phones.slice(0, board.quirks.phonesMax ?? phones.length);
  for (const field of ['title', 'description'] as const) {
    const text = put(values[field]);
    if (text !== undefined) dressed[field] = text;
  }
  if (values.photos && board.quirks.photosMax !== undefined)
    dressed.photos = values.photos.slice(0, board.quirks.photosMax);
  if (values.contactName === undefined && marked.employee) dressed.contactName = marked.employee.name;
  if (values.contactEmail === undefined && marked.employee?.email) dressed.contactEmail = marked.employee.email;
  if (values.createdAt === undefined) dressed.createdAt = marked.firstSeenAt.toISOString().replace(/\.\d+Z$/, '+00:00');
  if (marked.avitoId !== null) {
    dressed.boardFields = {
      ...values.boardFields,
      avito: { ...values.boardFields?.avito, AvitoId: String(marked.avitoId) },
    };
  }
  return dressed;
}

export interface Judged {
  readonly dressed: Listing;
  readonly notices: readonly Notice[];
  readonly decision: Decision;
}

/** Checks a listing for a board and decides its mark, short of looking at the written offer. */
export function judge(
  marked: Pick<MarkedListing, 'values' | 'boardOfferId' | 'avitoId' | 'firstSeenAt' | 'employee' | 'goneAt'>,
  desk: BoardDesk,
): Judged {
  const dressed = dress(marked, desk.board);
  const facts = factsOf(dressed);
  // The number that we put in ourselves is no stranger's; only the others are told.
  const ours = `${marked.values.title ?? ''} ${marked.values.description ?? ''}`.split('{phone}').length - 1;
  const phonesInText = Math.max(0, facts.phonesInText - ours);
  const notices = desk.checker.check(dressed, ours === 0 ? facts : { ...facts, phonesInText });
  const decision = decide({ listing: dressed, goneOn: marked.goneAt?.toISOString().slice(0, 10) ?? null, notices });
  return { dressed, notices, decision };
}

/** One listing as XML, or the notice that it cannot be written: one bad listing never stops a feed. */
export function renderOffer(desk: BoardDesk, dressed: Listing): { readonly xml: string } | { readonly notice: Notice } {
  try {
    return { xml: desk.codec.render(dressed) };
  } catch (error) {
    return { notice: inspectorNotice(`не записывается: ${(error as Error).message}`) };
  }
}

/**
 * Like `judge`, and looks at the written offer too: what the file's schema refuses is a notice like any other.
 * For one listing at a time; a run inspects in batches.
 */
export function judgeWritten(marked: Parameters<typeof judge>[0], desk: BoardDesk): Judged {
  const judged = judge(marked, desk);
  if (judged.decision.outcome !== 'published') return judged;
  const rendered = renderOffer(desk, judged.dressed);
  const [problem] = 'xml' in rendered ? schemaJudge(desk.codec.family).judge([{ id: '0', xml: rendered.xml }]) : [];
  const found = 'notice' in rendered ? rendered.notice : problem && inspectorNotice(problem.message);
  if (!found) return judged;
  const notices = [found, ...judged.notices];
  return { ...judged, notices, decision: decide({ listing: judged.dressed, goneOn: null, notices }) };
}

/** An offer of ours that our own schema refuses: somebody must look at the program, the agent cannot mend it. */
export function inspectorNotice(problem: string): Notice {
  return {
    code: 'inspector/schema',
    severity: 'blocking',
    field: 'externalId',
    label: 'Готовый файл',
    message: `Готовый файл: объявление не прошло проверку (${problem.replace(/\.$/, '')}). Сообщите администратору.`,
    fixedBy: 'admin',
    source: 'схема формата в feed-schemas',
    checkedOn: '2026-11-21',
  };
}
