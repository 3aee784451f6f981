import type { Board } from '../boards/catalogue.ts';
import type { BoardLine, CabinetLine, Effect } from '../contracts/settings.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { moderationFor } from '../domain/moderation.ts';
import { pricesText } from '../domain/quotes.ts';
import { mayDo } from '../domain/rights.ts';
import { packageText } from '../domain/rotation.ts';
import { CABINET_DEFAULTS, settled } from '../domain/settings.ts';
import { weekText } from '../domain/week.ts';
import type { FrameChange } from '../export/frame.ts';
import { rehearseChange } from '../export/rehearsal.ts';
import { placeOfCabinet, placesOfListings } from '../store/access.ts';
import { type CabinetDesk, cabinetDesks } from '../store/cabinets.ts';
import { atOneMoment } from '../store/database.ts';
import { listCabinets } from '../store/publishing.ts';
import { packageFrame } from '../store/rotation.ts';
import { agencyFrame, versionOf } from '../store/settings.ts';
import { listTariffs } from '../store/tariffs.ts';
import type { Ask } from './api.ts';

/** Cabinets as the settings' screens show them, and what a change would do to their marks. */

type AnyAsk = Pick<Ask<unknown, unknown, unknown>, 'db' | 'boards' | 'agencyId' | 'caller' | 'now'>;

/** «Авито», «Авито (second)», «Авито · Центр». */
export function cabinetTitle(
  boards: readonly Board[],
  { board, slug, name }: Pick<CabinetDesk, 'board' | 'slug' | 'name'>,
): string {
  const boardName = boards.find(({ id }) => id === board)?.name ?? board;
  if (name !== boardName) return `${boardName} · ${name}`;
  return slug === 'main' ? boardName : `${boardName} (${slug})`;
}

/** Cabinets whose settings the person may see. */
export async function cabinetLines(ask: AnyAsk, id?: number): Promise<CabinetLine[]> {
  const { db, agencyId, caller } = ask;
  const { settings } = await agencyFrame(db, agencyId);
  const desks = (await cabinetDesks(db.pool, agencyId, id)).filter((desk) =>
    mayDo(caller, 'see-settings', placeOfCabinet(desk)),
  );
  const lines: CabinetLine[] = [];
  for (const desk of desks) lines.push(await lineOf(ask, desk, settings));
  return lines;
}

/** The one of the address. */
export async function cabinetLine(ask: AnyAsk, id: number): Promise<CabinetLine> {
  const [line] = await cabinetLines(ask, id);
  return line!;
}

async function lineOf(
  { db, boards, agencyId, caller, now }: AnyAsk,
  desk: CabinetDesk,
  agency: Parameters<typeof moderationFor>[0],
): Promise<CabinetLine> {
  const { id, board, slug, name, family, branchId, branch, marks, published, calendar } = desk;
  const key = { agencyId, id };
  const own = settled(CABINET_DEFAULTS, desk.settings);
  const frame = await packageFrame(db, key, now);
  const tariffs = await listTariffs(db.pool, key);
  const unit = frame.package?.kind === 'placements' ? 'placement' : 'day';
  const place = placeOfCabinet(desk);
  const isOn = moderationFor(agency, own).mode === 'on';
  return {
    id,
    board,
    boardName: boards.find((one) => one.id === board)?.name ?? board,
    slug,
    name,
    title: cabinetTitle(boards, desk),
    family,
    branch: branchId === null ? null : { id: branchId, name: branch! },
    marks,
    published,
    moderation: `${isOn ? 'включена' : 'выключена'}${own.moderation === null ? ', как в агентстве' : ''}`,
    package: packageText(frame),
    price: pricesText({ tariffs, today: frame.today, unit }),
    hours: calendar === null ? 'всегда' : weekText(calendar.week),
    may: {
      cabinets: mayDo(caller, 'cabinets', place),
      settings: mayDo(caller, 'settings', place),
      packages: mayDo(caller, 'packages', place),
      tariffs: mayDo(caller, 'tariffs', place),
      calendars: mayDo(caller, 'calendars', place),
      moderation: mayDo(caller, 'moderation', place),
    },
    version: versionOf([name, branchId]),
  };
}

export function boardLine(board: Board): Omit<BoardLine, 'cabinets'> {
  const { id, name, site = null, family, families, status, rules } = board;
  return {
    id,
    name,
    site,
    family,
    families: [...families],
    status: status.text,
    checkedOn: status.checkedOn,
    rules: rules.length,
  };
}

/** Marks that are told one by one. */
const EXAMPLES = 20;

/** Nothing that decides is touched. */
export const NO_EFFECT: Effect = {
  isFelt: false,
  cabinets: [],
  moved: 0,
  examples: [],
  aheadBeforeKopecks: 0,
  aheadAfterKopecks: 0,
};

/**
 * A change tried on the next run.
 * @param cabinetId only this cabinet's marks can be moved by it
 */
export async function effectOf(
  { db, boards, agencyId, caller, now }: AnyAsk,
  change: FrameChange,
  cabinetId?: number,
): Promise<Effect> {
  const all = await listCabinets(db, { agencyId });
  const cabinets = all.filter(({ id }) => cabinetId === undefined || id === cabinetId);
  const told = await atOneMoment(db, (client) =>
    rehearseChange(client, boards, agencyId, change, { cabinets, limit: 5 * EXAMPLES }, now),
  );
  // A listing of somebody else's part may be moved too: it is counted, and not named.
  const places = await placesOfListings(
    db.pool,
    agencyId,
    told.examples.map(({ listingId }) => listingId),
  );
  const seen = told.examples.filter(({ listingId }) => mayDo(caller, 'see-listings', places.get(listingId)!));
  const titles = new Map(all.map((cabinet) => [cabinet.id, cabinetTitle(boards, cabinet)]));
  return {
    isFelt: true,
    cabinets: told.cabinets.map(({ cabinetId: id, ...counts }) => ({ id, name: titles.get(id)!, ...counts })),
    moved: told.moved,
    examples: seen.slice(0, EXAMPLES).map(({ cabinetId: id, listingId, externalId, from, to, reason }) => ({
      cabinet: titles.get(id)!,
      listingId,
      externalId,
      from: OUTCOME_LABELS[from],
      to: OUTCOME_LABELS[to],
      reason,
    })),
    aheadBeforeKopecks: told.aheadKopecks.before,
    aheadAfterKopecks: told.aheadKopecks.after,
  };
}
