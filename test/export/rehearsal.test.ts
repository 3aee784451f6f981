import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AGENTS, listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { compileNorms, type Norm, type NormChecker, normFrom, readNorm } from '../../src/boards/norms.ts';
import { factsOf } from '../../src/domain/facts.ts';
import type { Refusal } from '../../src/domain/fault.ts';
import type { Outcome } from '../../src/domain/gates.ts';
import type { Listing } from '../../src/domain/listing.ts';
import { dress } from '../../src/export/offer.ts';
import { type MarkChange, type NormChange, type Rehearsal, rehearseNorm } from '../../src/export/rehearsal.ts';
import { addEmployee, ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import { addException } from '../../src/store/exceptions.ts';
import { importListings } from '../../src/store/intake.ts';
import { markListings } from '../../src/store/marks.ts';
import { listNorms, removeNorm, saveNorm } from '../../src/store/norms.ts';
import { testDatabase } from '../store/testdb.ts';

const NOW = new Date('2026-11-21T09:00:00Z');
const COUNT = 300;
const PHONE = '+79161234567';
const by = AGENTS[0]!.name;
const BOARDS = ['avito', 'cian', 'domclick'] as const;

const boards = loadBoards();
const boardOf = (id: string) => boards.find((board) => board.id === id)!;

let base: Awaited<ReturnType<typeof testDatabase>>;
let agencyId: number;
/** Marks as they were made by hand: cabinet, board, listing and what the last run said. */
interface Mark {
  readonly cabinetId: number;
  readonly board: string;
  readonly listingId: number;
  readonly values: Listing;
  readonly outcome: Outcome | null;
  readonly isBlockedByBoard: boolean;
}
const marks: Mark[] = [];

/** Every third mark is in the feed, some are blocked by the board, off the market, or not decided yet. */
function lastRun(index: number): Pick<Mark, 'outcome' | 'isBlockedByBoard'> {
  if (index % 7 === 0) return { outcome: 'blocked', isBlockedByBoard: true };
  if (index % 11 === 0) return { outcome: 'off-market', isBlockedByBoard: false };
  if (index % 13 === 0) return { outcome: null, isBlockedByBoard: false };
  return { outcome: index % 3 === 0 ? 'published' : 'awaiting-moderation', isBlockedByBoard: false };
}

/** A listing of the demo; every tenth source forgets whom to call. */
function told(index: number): Listing {
  const { contactName, contactPhones, ...rest } = listingAt(index);
  return index % 10 === 0 ? rest : listingAt(index);
}

beforeAll(async () => {
  base = await testDatabase();
  agencyId = (await resolveAgency(base.db, 'Дом у реки', true)).id;
  const employeeId = await addEmployee(base.db, agencyId, { name: by, phones: [PHONE] });
  const listings = Array.from({ length: COUNT }, (_, index) => ({ values: told(index), employeeId }));
  await importListings(base.db, { agencyId, source: 'crm' }, listings, NOW);
  const found = await base.db.pool.query<{ id: number; values: Listing }>(
    'select id, values from listing where agency_id = $1 order by id',
    [agencyId],
  );
  expect(found.rows).toHaveLength(COUNT);
  for (const [at, id] of BOARDS.entries()) {
    const { family } = boardOf(id);
    const cabinetId = await ensureCabinet(base.db, agencyId, { board: id, slug: 'main', name: id, family });
    // Each board has other listings of the base.
    const chosen = found.rows.filter((_, index) => index % (at + 2) !== 0);
    await markListings(
      base.db,
      agencyId,
      cabinetId,
      chosen.map((row) => row.id),
      NOW,
    );
    for (const [index, row] of chosen.entries()) {
      const mark = { cabinetId, board: id, listingId: row.id, values: row.values, ...lastRun(index) };
      marks.push(mark);
      if (mark.outcome === null) continue;
      const judgement = mark.isBlockedByBoard ? { board: [{ code: `${id}/x` }] } : { approval: 'awaiting' };
      await base.db.pool.query(
        `insert into mark_outcome (agency_id, cabinet_id, listing_id, outcome, judgement, input_key, content_key, since, decided_at)
         values ($1, $2, $3, $4, $5, '', '', $6, $6)`,
        [agencyId, cabinetId, row.id, mark.outcome, JSON.stringify(judgement), NOW],
      );
    }
  }
});
afterAll(() => base.drop());
beforeEach(async () => {
  await base.db.pool.query('delete from norm');
  await base.db.pool.query('delete from exception');
});

const rehearse = (change: NormChange, limit?: number) => rehearseNorm(base.db, boards, agencyId, change, NOW, limit);

/** The listing as its board sees it: the agent's name and number where it has none of its own. */
const seen = ({ listingId, values, board }: Mark) => {
  const phones = values.contactPhones ?? [PHONE];
  const person = { name: by, email: null };
  const worn = { listingId, boardOfferId: values.externalId, avitoId: null, firstSeenAt: NOW, phones, person };
  return dress(values, worn, boardOf(board));
};

/** The same answer the slow and plain way: both sets of norms on every listing, one by one. */
function expected(before: readonly Norm[], after: readonly Norm[], exempt: ReadonlySet<number> = new Set()) {
  const compiled = (norms: readonly Norm[]) => {
    const rows = norms.map((norm, id) => ({ ...norm, id, by, createdAt: NOW }));
    return new Map<string, NormChecker>(BOARDS.map((id) => [id, compileNorms(rows, boardOf(id))]));
  };
  const [old, next] = [compiled(before), compiled(after)];
  const says = (norms: ReadonlyMap<string, NormChecker>, mark: Mark) =>
    exempt.has(mark.listingId)
      ? []
      : norms
          .get(mark.board)!
          .check(seen(mark), factsOf(seen(mark)))
          .filter(({ severity }) => severity === 'blocking')
          .map(({ message }) => message);
  return marks
    .map((mark) => ({ ...mark, was: says(old, mark), becomes: says(next, mark) }))
    .filter(({ was, becomes }) => was.length > 0 !== becomes.length > 0);
}

const flat = (rehearsal: Rehearsal) =>
  rehearsal.listings
    .flatMap(({ id, marks: changed }) => changed.map((mark) => ({ listingId: id, ...mark })))
    .sort((one, other) => one.cabinetId - other.cabinetId || one.listingId - other.listingId);

const norms = {
  photos: normFrom({ kind: 'photos', min: 7 }),
  text: normFrom({ kind: 'text', min: 300, max: 700 }, { kinds: ['flat', 'room'] }),
  required: normFrom({ kind: 'required', field: 'renovation' }, { boards: ['cian', 'domclick'], kinds: ['flat'] }),
  limit: normFrom({ kind: 'limit', field: 'priceKopecks', max: 500_000_000 }, { deals: ['sale'] }),
};

describe('a rehearsal', () => {
  it.each(Object.entries(norms))('of a new norm (%s) says of every mark what the norms say', async (_, norm) => {
    await saveNorm(base.db, agencyId, { ...norms.photos, code: 'norm/other', by }, NOW);
    const other = { ...norms.photos, code: 'norm/other' };
    const wanted = expected([other], [other, norm]);
    const rehearsal = await rehearse({ save: norm });
    expect(
      flat(rehearsal).map(({ cabinetId, listingId, was, becomes }) => ({ cabinetId, listingId, was, becomes })),
    ).toEqual(wanted.map(({ cabinetId, listingId, was, becomes }) => ({ cabinetId, listingId, was, becomes })));
    // The one that was saved already asks for the same photos.
    if (norm === norms.photos) expect(wanted).toEqual([]);
    else expect(wanted.length).toBeGreaterThan(10);
    expect(rehearsal).toMatchObject({
      code: norm.code,
      change: 'new',
      changed: new Set(wanted.map((one) => one.listingId)).size,
    });
  });

  it('counts for every board what leaves, what comes and what would change unseen', async () => {
    const rehearsal = await rehearse({ save: norms.limit });
    const wanted = expected([], [norms.limit]);
    for (const board of BOARDS) {
      const mine = wanted.filter((one) => one.board === board);
      const seen = mine.filter(({ outcome, isBlockedByBoard }) => !isBlockedByBoard && outcome !== 'off-market');
      const counts = {
        board,
        name: boardOf(board).name,
        marks: marks.filter((one) => one.board === board).length,
        blocks: seen.length,
        leave: seen.filter(({ outcome }) => outcome === 'published').length,
        frees: 0,
        alreadyBlocked: mine.filter(({ isBlockedByBoard }) => isBlockedByBoard).length,
        alreadyStopped: mine.filter(({ outcome }) => outcome === 'off-market').length,
      };
      expect(rehearsal.boards.find((one) => one.board === board)).toEqual(counts);
      for (const count of [counts.leave, counts.alreadyBlocked, counts.alreadyStopped])
        expect(count).toBeGreaterThan(0);
      expect(counts.blocks).toBeGreaterThan(counts.leave);
    }
    const [first] = rehearsal.listings;
    expect(first).toMatchObject({
      agent: by,
      externalId: marks.find((one) => one.listingId === first!.id)!.values.externalId,
    });
    const byBoard = (mark: MarkChange) => mark.stoppedBefore === 'board-rules';
    expect(flat(rehearsal).filter(byBoard)).toHaveLength(wanted.filter((one) => one.isBlockedByBoard).length);
  });

  it('of a stricter and of a looser norm tells only the difference', async () => {
    await saveNorm(base.db, agencyId, { ...norms.photos, by }, NOW);
    const stricter = normFrom({ kind: 'photos', min: 9 });
    const blocked = await rehearse({ save: stricter });
    expect(blocked.change).toBe('replaced');
    expect(flat(blocked)).toHaveLength(expected([norms.photos], [stricter]).length);
    expect(new Set(flat(blocked).map(({ to }) => to))).toEqual(new Set(['blocked']));
    const looser = normFrom({ kind: 'photos', min: 6 });
    const freed = await rehearse({ save: looser });
    expect(flat(freed)).toHaveLength(expected([norms.photos], [looser]).length);
    expect(new Set(flat(freed).map(({ to }) => to))).toEqual(new Set(['free']));
    expect(freed.boards.reduce((sum, { frees }) => sum + frees, 0)).toBeGreaterThan(0);
    expect(flat(await rehearse({ save: norms.photos }))).toEqual([]);
  });

  it('of a removal is the rehearsal of its saving, the other way round', async () => {
    const there = await rehearse({ save: norms.text });
    await saveNorm(base.db, agencyId, { ...norms.text, by }, NOW);
    const back = await rehearse({ remove: norms.text.code });
    expect(back.change).toBe('removed');
    expect(flat(back).map(({ cabinetId, listingId, was }) => ({ cabinetId, listingId, was }))).toEqual(
      flat(there).map(({ cabinetId, listingId, becomes }) => ({ cabinetId, listingId, was: becomes })),
    );
    await removeNorm(base.db, agencyId, norms.text.code, by, NOW);
    const refused = await rehearse({ remove: norms.text.code }).catch((error: Refusal) => error.code);
    expect(refused).toBe('norm-unknown');
  });

  it('writes nothing', async () => {
    const state = async () =>
      (
        await base.db.pool.query(
          `select (select count(*) from norm) as norms, (select count(*) from journal) as deeds,
             (select jsonb_agg(due_at order by id) from cabinet) as due, (select count(*) from mark_outcome) as outcomes`,
        )
      ).rows;
    const before = await state();
    await rehearse({ save: norms.photos });
    expect(await state()).toEqual(before);
    expect(await listNorms(base.db.pool, agencyId)).toEqual([]);
  });

  it('lets past what has an exception today', async () => {
    const wanted = expected([], [norms.limit]);
    const [one, two, three] = [...new Set(wanted.map(({ listingId }) => listingId))] as [number, number, number];
    const except = (listingId: number, more: object) =>
      addException(
        base.db,
        agencyId,
        { listingId, gate: 'norms', reason: 'Так решили', by, until: '2026-11-21', ...more },
        NOW,
      );
    await saveNorm(base.db, agencyId, { ...norms.limit, by }, NOW);
    await except(one, {});
    await except(two, { normCode: norms.limit.code });
    await except(three, { gate: 'fresh' });
    await removeNorm(base.db, agencyId, norms.limit.code, by, NOW);
    const changed = flat(await rehearse({ save: norms.limit }));
    expect(changed).toHaveLength(expected([], [norms.limit], new Set([one, two])).length);
    expect(changed.some(({ listingId }) => listingId === three)).toBe(true);
    const tomorrow = new Date(NOW.getTime() + 86_400_000);
    const later = await rehearseNorm(base.db, boards, agencyId, { save: norms.limit }, tomorrow);
    expect(flat(later)).toHaveLength(wanted.length);
  });

  it('sees the person and the number that the board will see', async () => {
    const asks = readNorm({
      code: 'contact-known',
      must: { required: ['contactName', 'contactPhones'] },
      severity: 'blocking',
      field: 'contactName',
      message: 'Контактное лицо: не заполнено.',
    });
    expect(marks.some(({ values }) => values.contactName === undefined)).toBe(true);
    expect((await rehearse({ save: { ...asks, boards: null } })).changed).toBe(0);
  });

  it('counts all and names as many as asked for', async () => {
    const all = await rehearse({ save: norms.limit });
    const some = await rehearse({ save: norms.limit }, 3);
    expect(some).toEqual({ ...all, listings: all.listings.slice(0, 3) });
    expect(all.listings).toHaveLength(all.changed);
  });

  it('of a norm that only advises changes nothing', async () => {
    expect((await rehearse({ save: normFrom({ kind: 'photos', min: 9 }, { severity: 'advisory' }) })).changed).toBe(0);
  });
});
