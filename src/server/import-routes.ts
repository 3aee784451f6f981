import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance } from 'fastify';
import pLimit from 'p-limit';
import Type from 'typebox';
import {
  type ImportRunAnswer,
  ImportRunsSchema,
  ImportsSchema,
  RejectionsSchema,
  type Upload,
  UploadQuerySchema,
  UploadSchema,
} from '../contracts/imports.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import { mayDo } from '../domain/rights.ts';
import { type ImportReport, importFeed } from '../intake/import.ts';
import { URL_LIMITS } from '../intake/stream.ts';
import { placeOfCabinet } from '../store/access.ts';
import { listBranches } from '../store/agencies.ts';
import { agencyFrame } from '../store/settings.ts';
import {
  addUpload,
  confirmUpload,
  endUpload,
  expireUploads,
  listSources,
  listUploads,
  noteUpload,
  type RunOfSource,
  rejectionsOf,
  runsOfSource,
  type SourceRow,
  type UploadRow,
  uploadOf,
} from '../store/uploads.ts';
import type { Api, ApiOptions, Ask } from './api.ts';
import { cursorOf, readCursor } from './cursor.ts';
import { newToken } from './keys.ts';
import { HttpProblem, notFound } from './problems.ts';

/**
 * Loads: what came of each, and files that people give here. A file is put aside whole, then loaded by the importer of
 * the command line; a torn or foreign one changes nothing. What would lose too much of a source waits for a person.
 */

/** Packed feeds are a tenth of that; the browser packs what it sends. */
const BYTES_MAX = 200 << 20;
/** For so long a file waits for somebody to agree to its loss. */
const WAITS_DAYS = 7;
/** A load gives a sign of life so often … */
const ALIVE_MS = 10_000;
/** … and without one for so long its process is no more. */
const DEAD_MS = 60_000;
const PROGRESS_MS = 1000;
const UPLOADS_SHOWN = 30;
const KEPT_REJECTIONS = 200;
const KEPT_UNKNOWNS = 100;
const PAGE = 50;
const XML_TYPES = ['application/xml', 'text/xml', 'application/gzip', 'application/x-gzip'];

const see = { deed: 'imports', token: 'listings:read' } as const;
const change = { deed: 'imports', token: 'listings:write' } as const;
const Numbered = Type.Object({ id: Type.Integer({ minimum: 1 }) });

export function importRoutes(app: FastifyInstance, api: Api): void {
  const { options } = api;
  // The body goes to the disk as it comes; who may not send it is told before.
  app.addContentTypeParser(XML_TYPES, (_, payload, done) => done(null, payload));
  const loader = new Loader(options);
  app.addHook('onClose', () => loader.end());

  api.define({
    method: 'GET',
    url: '/imports',
    summary: 'Источники объектов, их последние загрузки и файлы, загруженные здесь',
    policy: see,
    answer: ImportsSchema,
    handler: async (ask) => {
      const { db, agencyId, now } = ask;
      const sources = (await listSources(db.pool, agencyId)).filter((source) => isSeen(ask, source));
      const uploads = (await listUploads(db.pool, agencyId, UPLOADS_SHOWN)).filter((upload) => isSeen(ask, upload));
      const branches = await listBranches(db.pool, agencyId);
      return {
        sources: sources.map(({ lastRun, branchId, branch, ...source }) => ({
          ...source,
          branch: branchId === null ? null : { id: branchId, name: branch! },
          lastRun: lastRun && runTold(lastRun),
        })),
        uploads: uploads.map((upload) => uploadTold(upload, now)),
        branches: branches.filter(({ id }) => isSeen(ask, { branchId: id })).map(({ id, name }) => ({ id, name })),
        isWhole: isSeen(ask, { branchId: null }),
        bytesMax: BYTES_MAX,
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/imports/sources/:id/runs',
    summary: 'Загрузки источника',
    policy: see,
    params: Numbered,
    query: Type.Object(
      {
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
        after: Type.Optional(Type.Integer({ minimum: 1 })),
      },
      { additionalProperties: false },
    ),
    answer: ImportRunsSchema,
    handler: async (ask) => {
      const source = await sourceOf(ask);
      const limit = ask.query.limit ?? PAGE;
      const runs = await runsOfSource(ask.db.pool, ask.agencyId, source.id, {
        beforeId: ask.query.after,
        limit: limit + 1,
      });
      const page = runs.slice(0, limit);
      return {
        data: page.map(runTold),
        page: { next: runs.length > limit ? String(page.at(-1)!.id) : null, total: null },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/imports/sources/:id/rejections',
    summary: 'Объявления последнего файла источника, которые не загружены, и почему',
    policy: see,
    params: Numbered,
    query: Type.Object(
      {
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
        after: Type.Optional(Type.String({ maxLength: 1200 })),
      },
      { additionalProperties: false },
    ),
    answer: RejectionsSchema,
    handler: async (ask) => {
      const source = await sourceOf(ask);
      const limit = ask.query.limit ?? PAGE;
      const rows = await rejectionsOf(ask.db.pool, ask.agencyId, source.id, {
        after: ask.query.after === undefined ? undefined : readCursor(ask.query.after, ['number', 'string']),
        limit: limit + 1,
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        data: page.map(({ line, externalId, reasons }) => ({ line, externalId, reasons: [...reasons] })),
        at: page[0]?.at.toISOString() ?? null,
        page: {
          next: last && rows.length > limit ? cursorOf([last.line, last.externalId]) : null,
          total: source.rejected,
        },
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/imports',
    summary: 'Загрузить файл: тело запроса — фид Авито, Циана или Яндекса, можно сжатый gzip',
    policy: change,
    query: UploadQuerySchema,
    answer: UploadSchema,
    handler: async (ask, reply) => {
      const { db, agencyId, by, now, query, body } = ask;
      if (!(body instanceof Readable))
        throw new HttpProblem(
          415,
          'file-missing',
          `Нужен сам файл телом запроса, Content-Type: ${XML_TYPES.slice(0, 3).join(', ')}.`,
        );
      const { name, branchId } = await whereTo(ask);
      const received = await receive(options, body);
      try {
        await loader.sweep(now);
        const wanted = {
          source: name,
          branchId,
          fileName: (query.file ?? 'файл').replace(/^.*[\\/]/s, '') || 'файл',
          bytes: received.bytes,
          isRehearsal: query.rehearse === true,
        };
        const id = await addUpload(db, agencyId, wanted, by, now);
        await rename(received.name, fileOf(options, agencyId, id));
        loader.start(agencyId, id, false);
        reply.code(202).header('Location', `/api/v1/imports/${id}`);
        return uploadTold((await uploadOf(db.pool, agencyId, id))!, now);
      } finally {
        await rm(received.name, { force: true });
      }
    },
  });

  api.define({
    method: 'GET',
    url: '/imports/:id',
    summary: 'Загрузка файла: что с ней',
    policy: see,
    params: Numbered,
    answer: UploadSchema,
    handler: async (ask) => uploadTold(await seenUpload(ask), ask.now),
  });

  api.define({
    method: 'POST',
    url: '/imports/:id/confirm',
    summary: 'Согласиться с тем, что из источника пропало много объектов, и загрузить файл',
    policy: change,
    params: Numbered,
    answer: UploadSchema,
    handler: async (ask, reply) => {
      const { db, agencyId, by, now } = ask;
      const { id } = await seenUpload(ask);
      await confirmUpload(db, agencyId, id, by, now);
      loader.start(agencyId, id, true);
      reply.code(202).header('Location', `/api/v1/imports/${id}`);
      return uploadTold((await uploadOf(db.pool, agencyId, id))!, now);
    },
  });
}

const isSeen = ({ caller }: Ask<unknown, unknown, unknown>, { branchId }: { readonly branchId: number | null }) =>
  mayDo(caller, 'imports', placeOfCabinet({ branchId }));

/** The source of the address. @throws HttpProblem 404 */
async function sourceOf(ask: Ask<{ readonly id: number }, unknown, unknown>): Promise<SourceRow> {
  const found = (await listSources(ask.db.pool, ask.agencyId)).find(({ id }) => id === ask.params.id);
  if (!found || !isSeen(ask, found)) throw notFound();
  return found;
}

async function seenUpload(ask: Ask<{ readonly id: number }, unknown, unknown>): Promise<UploadRow> {
  const found = await uploadOf(ask.db.pool, ask.agencyId, ask.params.id);
  if (!found || !isSeen(ask, found)) throw notFound();
  return found;
}

/**
 * The source that the file is for.
 * @throws HttpProblem 403 where it is beyond the person's reach, 422 for a branch that is not the source's
 */
async function whereTo(
  ask: Ask<unknown, { readonly source: string; readonly branch?: number | undefined }, unknown>,
): Promise<{ readonly name: string; readonly branchId: number | null }> {
  const { db, agencyId, query } = ask;
  const name = query.source.trim();
  if (name === '') throw new HttpProblem(422, 'source-unnamed', 'Назовите источник: по имени его узнают в другой раз.');
  const known = (await listSources(db.pool, agencyId)).find((source) => source.name === name);
  const branchId = known ? known.branchId : (query.branch ?? null);
  ask.prove('imports', placeOfCabinet({ branchId }));
  if (known && query.branch !== undefined && query.branch !== known.branchId)
    throw new HttpProblem(
      422,
      'source-elsewhere',
      `Источник «${name}» уже есть, и он ${known.branch === null ? 'всего агентства' : `филиала «${known.branch}»`}.`,
    );
  if (!known && branchId !== null && !(await listBranches(db.pool, agencyId)).some(({ id }) => id === branchId))
    throw notFound('Такого филиала нет.');
  return { name, branchId };
}

const folderOf = ({ dataDir }: ApiOptions) => join(dataDir, 'uploads');
const fileOf = (options: ApiOptions, agencyId: number, id: number) => join(folderOf(options), `${agencyId}-${id}.feed`);

/** The body on the disk under a name of its own. @throws HttpProblem 413 */
async function receive(
  options: ApiOptions,
  body: Readable,
): Promise<{ readonly name: string; readonly bytes: number }> {
  await mkdir(folderOf(options), { recursive: true });
  const name = join(folderOf(options), `${newToken()}.tmp`);
  let bytes = 0;
  try {
    await pipeline(
      body,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          bytes += chunk.length;
          if (bytes > BYTES_MAX)
            throw new HttpProblem(413, 'too-large', `Файл больше ${BYTES_MAX >> 20} МБ. Сожмите его gzip.`);
          yield chunk;
        }
      },
      createWriteStream(name, { mode: 0o600 }),
    );
    if (bytes === 0) throw new HttpProblem(422, 'file-empty', 'Файл пуст.');
    return { name, bytes };
  } catch (error) {
    await rm(name, { force: true });
    throw error;
  }
}

/** Loads files one after the other: a load is heavy, and two of one source would wait for each other anyway. */
class Loader {
  readonly #options: ApiOptions;
  readonly #limit = pLimit(1);
  readonly #underWay = new Set<Promise<void>>();
  #isEnding = false;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  start(agencyId: number, id: number, isLossConfirmed: boolean): void {
    const { db, clock } = this.#options;
    const life = { state: 'queued' as 'queued' | 'running', read: 0 };
    const tell = () => void noteUpload(db, agencyId, id, life.state, life.read, clock()).catch(() => {});
    const alive = setInterval(tell, ALIVE_MS);
    const done = this.#limit(async () => {
      if (this.#isEnding) return;
      life.state = 'running';
      tell();
      let toldAt = performance.now();
      await this.#load(agencyId, id, isLossConfirmed, (offers) => {
        life.read = offers;
        if (performance.now() - toldAt < PROGRESS_MS) return;
        toldAt = performance.now();
        tell();
      });
    })
      // What could not even be written down is told by its silence.
      .catch(() => {})
      .finally(() => clearInterval(alive));
    this.#underWay.add(done);
    void done.then(() => this.#underWay.delete(done));
  }

  /** Waits for what is under way; what has not begun does not begin. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#underWay);
  }

  /** Throws away what nobody has agreed to. */
  async sweep(now: Date): Promise<void> {
    const before = new Date(now.getTime() - WAITS_DAYS * 86_400_000);
    for (const { agencyId, id } of await expireUploads(this.#options.db, before, now))
      await rm(fileOf(this.#options, agencyId, id), { force: true });
  }

  async #load(
    agencyId: number,
    id: number,
    isLossConfirmed: boolean,
    onProgress: (offers: number) => void,
  ): Promise<void> {
    const { db, clock } = this.#options;
    const upload = (await uploadOf(db.pool, agencyId, id))!;
    const path = fileOf(this.#options, agencyId, id);
    let end: Pick<UploadRow, 'state' | 'report' | 'problem'>;
    try {
      const report = await importFeed({
        db,
        clock,
        location: path,
        limits: URL_LIMITS,
        agency: (await agencyFrame(db, agencyId)).name,
        branch: upload.branch ?? undefined,
        source: upload.source,
        isRehearsal: upload.isRehearsal,
        isLossConfirmed,
        onProgress,
      });
      const isWaiting = report.waiting !== null && !upload.isRehearsal;
      end = { state: isWaiting ? 'waiting' : 'succeeded', report: kept(report), problem: null };
    } catch (error) {
      end = { state: 'failed', report: null, problem: problemOf(error, upload.fileName, path) };
    }
    if (end.state !== 'waiting') await rm(path, { force: true });
    await endUpload(db, agencyId, id, end, clock());
  }
}

/** Why it failed, with the name that the person knows the file by. */
function problemOf(error: unknown, fileName: string, path: string): NonNullable<UploadRow['problem']> {
  if (error instanceof Fault || error instanceof Refusal)
    return { code: error.code, detail: error.message.replaceAll(path, fileName) };
  return { code: 'unexpected', detail: 'Сбой на сервере. Ничего не изменено: повторите загрузку.' };
}

/** What is kept of a report: the numbers, and the first of each list. */
interface Kept {
  readonly counts: Readonly<Record<string, number>>;
  readonly rejected: Upload['rejected'];
  readonly notUnderstood: Upload['notUnderstood'];
  readonly loss: Upload['loss'];
}

function kept(report: ImportReport): Kept {
  const { read, imported, updated, unchanged, gone, returned, conflicting, employees } = report;
  return {
    counts: {
      read,
      imported,
      updated,
      unchanged,
      gone,
      returned,
      conflicting,
      rejected: report.rejected.length,
      repaired: report.repaired.length,
      unassigned: employees.unassigned,
      foreignPhonesInText: report.foreignPhonesInText.length,
    },
    rejected: report.rejected
      .slice(0, KEPT_REJECTIONS)
      .map(({ line, externalId, reasons }) => ({ line, externalId, reasons: [...reasons] })),
    notUnderstood: report.notUnderstood
      .slice(0, KEPT_UNKNOWNS)
      .map(({ path, value, count }) => ({ path, value: value ?? null, count })),
    loss: report.waiting && { gone: report.waiting.gone, before: report.waiting.before },
  };
}

/** The numbers of a load in the order in which they are told. */
const COUNT_LABELS: Readonly<Record<string, string>> = {
  read: 'прочитано',
  imported: 'новых',
  updated: 'изменено',
  unchanged: 'без изменений',
  gone: 'пропало',
  returned: 'вернулось',
  rejected: 'не загружено',
  conflicting: 'источник изменил исправленное',
  unassigned: 'без ответственного',
  repaired: 'удалены недопустимые знаки',
  foreignPhonesInText: 'чужие телефоны в тексте',
};

function countsOf(report: Readonly<Record<string, unknown>> | null): Upload['counts'] {
  return Object.entries(COUNT_LABELS).flatMap(([name, label]) => {
    const count = report?.[name];
    return typeof count === 'number' ? [{ name, label, count }] : [];
  });
}

const RUN_LABELS = {
  imported: 'загружено',
  'waiting-for-confirmation': 'ждёт подтверждения',
  failed: 'не удалось',
  rehearsed: 'проба, ничего не изменено',
} as const;

const runTold = ({ id, sourceId, startedAt, finishedAt, status, report }: RunOfSource): ImportRunAnswer => ({
  id,
  source: sourceId,
  startedAt: startedAt.toISOString(),
  finishedAt: finishedAt?.toISOString() ?? null,
  status,
  label: status === null ? 'идёт' : RUN_LABELS[status],
  counts: countsOf(report),
});

const STATE_LABELS = {
  queued: 'ждёт своей очереди',
  running: 'загружается',
  succeeded: 'загружен',
  waiting: 'ждёт подтверждения',
  failed: 'не загружен',
} as const;

function uploadTold(row: UploadRow, now: Date): Upload {
  const { id, source, branch, fileName, bytes, isRehearsal, read, by, createdAt, finishedAt } = row;
  const report = row.report as Kept | null;
  const isUnderWay = row.state === 'queued' || row.state === 'running';
  // Its process was stopped: whatever it had begun was thrown away.
  const isDead = isUnderWay && now.getTime() - row.seenAt.getTime() > DEAD_MS;
  const state = isDead ? 'failed' : row.state;
  return {
    id,
    source,
    branch,
    fileName,
    bytes,
    isRehearsal,
    state,
    label: state === 'succeeded' && isRehearsal ? 'проба, ничего не изменено' : STATE_LABELS[state],
    read,
    by,
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
    counts: countsOf(report?.counts ?? null),
    rejected: report?.rejected ?? [],
    notUnderstood: report?.notUnderstood ?? [],
    loss: report?.loss ?? null,
    problem: isDead
      ? {
          code: 'upload-cut-short',
          detail: 'Сервер перезапустили во время загрузки. Ничего не изменено: загрузите файл снова.',
        }
      : row.problem,
  };
}
