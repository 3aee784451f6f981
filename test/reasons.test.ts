import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEMO_PASSWORD, SIGN_INS } from '../fixtures/agency.ts';
import type { ListingGates } from '../src/contracts/listing.ts';
import type { ListingsPage } from '../src/contracts/listings.ts';
import type { Session } from '../src/contracts/session.ts';
import { buildApp } from '../src/server/app.ts';
import { runHereWith } from './cli/here.ts';
import { DEMO_NOW, type PlayedDemo, playedDemo } from './played.ts';

/**
 * One answer everywhere: why a listing is or is not on a board is the same sentence on the card, in the matrix, in the
 * diagnostics and on the command line, for marks of every outcome taken at random.
 */

const SECRET = 's'.repeat(40);
const SAMPLE = process.env.VYGRUZKA_LONG ? 200 : 80;
let demo: PlayedDemo;
let app: FastifyInstance;
let headers: Record<string, string>;

interface Answer {
  readonly outcome: string | null;
  readonly reason: string | null;
}

beforeAll(async () => {
  demo = await playedDemo();
  const { db, dataDir, context } = demo;
  app = buildApp({ db, dataDir, secret: SECRET, clock: context.clock, logLevel: 'silent' });
  await app.ready();
  const admin = SIGN_INS.find(({ told }) => told === 'администратор')!;
  const answer = await app.inject({
    method: 'POST',
    url: '/api/v1/session',
    payload: { login: admin.login, password: DEMO_PASSWORD },
  });
  const { csrf } = answer.json<Session>();
  headers = { cookie: String(answer.headers['set-cookie']).split(';')[0]!, 'x-csrf-token': csrf };
}, 600_000);
afterAll(async () => {
  await app?.close();
  await demo?.drop();
});

async function ask<T>(url: string): Promise<T> {
  const answer = await app.inject({ url: `/api/v1${url}`, headers });
  expect(answer.statusCode, `${url}: ${answer.body.slice(0, 200)}`).toBe(200);
  return answer.json<T>();
}

/** The command line's own answer, through its own door. */
async function command(listingId: number, board: string): Promise<Answer> {
  const settings = { DATABASE_URL: demo.url, DATA_DIR: demo.dataDir };
  const words = ['--json', '--now', DEMO_NOW, 'explain', `#${listingId}`, '--board', board];
  const { code, stdout } = await runHereWith(settings, ...words);
  expect(code).toBe(0);
  const { outcome, reason } = JSON.parse(stdout) as Answer;
  return { outcome, reason };
}

it(`gives the same reason for ${SAMPLE} marks on the card, in the matrix, in the diagnostics and on the command line`, async () => {
  const marks = await demo.db.pool.query<{ listingId: number; cabinetId: number; board: string }>(
    // As many of every outcome as there are: most go out, and the reasons are with the others.
    `select * from (select distinct on (c.id, m.listing_id) m.listing_id as "listingId", m.cabinet_id as "cabinetId", c.board, o.outcome
       from mark m join cabinet c on c.id = m.cabinet_id join mark_outcome o on o.cabinet_id = m.cabinet_id and o.listing_id = m.listing_id
       where m.is_live) t
     order by row_number() over (partition by outcome order by md5("listingId" || '/' || "cabinetId" || '/20261122')), outcome limit $1`,
    [SAMPLE],
  );
  const sample = marks.rows;
  expect(sample).toHaveLength(SAMPLE);
  const wrong: unknown[] = [];
  const seen = new Set<string | null>();
  for (const { listingId, cabinetId, board } of sample) {
    const gates = await ask<ListingGates>(`/listings/${listingId}/gates?cabinet=${cabinetId}`);
    const onCard = gates.data.find((standing) => standing.cabinetId === cabinetId)!;
    const matrix = await ask<ListingsPage>(`/listings?q=${encodeURIComponent(`#${listingId}`)}`);
    const cell = matrix.data.find(({ id }) => id === listingId)!.cells.find((one) => one.cabinetId === cabinetId)!;
    const stopped = await ask<{ data: { outcome: string; reason: string | null; cabinet: { id: number } }[] }>(
      `/diagnostics/marks?listing=${listingId}&limit=200`,
    );
    const diagnosis = stopped.data.find(({ cabinet }) => cabinet.id === cabinetId);
    const card = { outcome: onCard.outcome, reason: onCard.reason };
    const answers = {
      card,
      matrix: { outcome: cell.outcome, reason: cell.reason },
      // What goes out is nobody's trouble.
      diagnostics: diagnosis
        ? { outcome: diagnosis.outcome, reason: diagnosis.reason }
        : { outcome: 'published', reason: null },
      command: await command(listingId, board),
    };
    seen.add(card.outcome);
    if (new Set(Object.values(answers).map((answer) => JSON.stringify(answer))).size > 1)
      wrong.push({ listingId, board, ...answers });
  }
  expect(wrong).toEqual([]);
  expect(seen.size).toBeGreaterThan(5);
}, 300_000);
