import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Codec, ReadResult } from '../boards/formats/codec.ts';
import { CODECS } from '../boards/formats/index.ts';
import { parseElement } from '../boards/formats/xml.ts';
import type { Clock } from '../clock.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import { FAMILIES, type Family, type Listing } from '../domain/listing.ts';
import { type EmployeeRow, listEmployees, resolveAgency } from '../store/agencies.ts';
import { fillEmptyDescriptions } from '../store/autotext.ts';
import type { Database } from '../store/database.ts';
import {
  endImport,
  type ImportStatus,
  keepRejections,
  LOSS_LIMIT,
  likelyTwin,
  type MergeCounts,
  mergeImport,
  type StagedOffer,
  stageOffers,
  startImport,
} from '../store/intake.ts';
import { applyMarkingRules } from '../store/marking.ts';
import { normalise } from './normalise.ts';
import { openSource } from './open.ts';
import { type Limits, openFeed } from './stream.ts';

export interface ImportOptions {
  readonly db: Database;
  readonly clock: Clock;
  /** A file's path or an http(s) address. */
  readonly location: string;
  readonly format?: Family | 'auto';
  readonly agency?: string | undefined;
  readonly branch?: string | undefined;
  /** What the source is called; by default the file's name or the address without its query. */
  readonly source?: string | undefined;
  readonly isRehearsal?: boolean;
  readonly isLossConfirmed?: boolean;
  readonly allowPrivateHosts?: boolean;
  /** Narrower caps than those that fit where the file comes from. */
  readonly limits?: Partial<Limits>;
  readonly onProgress?: (offers: number) => void;
}

export interface RejectedOffer {
  readonly line: number;
  readonly externalId: string | null;
  readonly reasons: readonly string[];
}

export interface ImportReport {
  readonly source: string;
  readonly format: Family;
  readonly read: number;
  readonly imported: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly gone: number;
  readonly returned: number;
  /** Listings in which the source changed a field that a person had corrected. */
  readonly conflicting: number;
  readonly repaired: readonly {
    readonly externalId: string | null;
    readonly line: number;
    readonly characters: number;
  }[];
  readonly rejected: readonly RejectedOffer[];
  /** Elements, and known elements with a value, that nobody could make sense of. */
  readonly notUnderstood: readonly Unknown[];
  /** Offers whose texts carry a phone number that is not the contact's. */
  readonly foreignPhonesInText: readonly {
    readonly externalId: string;
    readonly line: number;
    readonly numbers: number;
  }[];
  readonly employees: { readonly matched: number; readonly unassigned: number };
  /** Set when the file would lose too much of its source: nothing was changed. */
  readonly waiting: { readonly gone: number; readonly before: number; readonly message: string } | null;
  readonly isRehearsal: boolean;
}

/** Offers staged together. */
const BATCH = 200;
/** A report with more entries than this tells the first ones; the counts stay exact. */
const LISTED = 10_000;

/** Finds who is responsible by the phone or the e-mail in the offer. */
class People {
  readonly #byPhone = new Map<string, EmployeeRow>();
  readonly #byEmail = new Map<string, EmployeeRow>();
  constructor(rows: readonly EmployeeRow[]) {
    for (const row of rows) {
      for (const phone of row.phones) if (!this.#byPhone.has(phone)) this.#byPhone.set(phone, row);
      if (row.email) this.#byEmail.set(row.email.toLowerCase(), row);
    }
  }
  find(listing: Listing): EmployeeRow | undefined {
    for (const phone of listing.contactPhones ?? []) {
      const found = this.#byPhone.get(phone);
      if (found) return found;
    }
    return listing.contactEmail === undefined ? undefined : this.#byEmail.get(listing.contactEmail.toLowerCase());
  }
}

/** What nobody could make sense of: an element, or a known element with a value; how often, and where first. */
export interface Unknown {
  readonly path: string;
  readonly value?: string;
  count: number;
  readonly example?: { readonly externalId: string | null; readonly line: number };
}

/** Counts unknown things; a flood of new values is cut off. */
class Unknowns {
  readonly #counts = new Map<string, Unknown>();
  note(path: string, value: string | undefined, example?: Unknown['example'], times = 1): void {
    const key = value === undefined ? path : `${path}=${value}`;
    const known = this.#counts.get(key);
    if (known) known.count += times;
    else if (this.#counts.size < 1000) {
      this.#counts.set(key, { path, ...(value !== undefined && { value }), count: times, ...(example && { example }) });
    }
  }
  list(): Unknown[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count || (a.path < b.path ? -1 : 1));
  }
}

/**
 * Reads a feed into the base: streams, stages, and merges at the end, so a torn file changes nothing.
 * @throws Fault for a fault of the file or of the world
 */
export async function importFeed(options: ImportOptions): Promise<ImportReport> {
  const { db, clock } = options;
  const opened = await openSource(options.location, {
    allowPrivate: options.allowPrivateHosts ?? false,
    ...(options.limits && { limits: options.limits }),
  });
  try {
    const feed = await openFeed(opened.bytes, {
      codecs: FAMILIES.map((family) => CODECS[family]),
      format: options.format ?? 'auto',
      ...(opened.limits && { limits: opened.limits }),
    });
    const codec = CODECS[feed.head.family];
    const agency = await resolveAgency(db, options.agency, true);
    const people = new People(await listEmployees(db, agency.id));
    const isFile = !/^https?:/i.test(options.location);
    const sourceName = options.source ?? defaultName(options.location, opened.name);
    const location = options.source === undefined && isFile ? resolve(options.location) : null;
    const run = await startImport(
      db,
      { agencyId: agency.id, isNewAgency: agency.isNew === true, branch: options.branch, source: sourceName, location },
      clock(),
    );

    const repaired: { externalId: string | null; line: number; characters: number }[] = [];
    const rejected: RejectedOffer[] = [];
    const foreignPhonesInText: { externalId: string; line: number; numbers: number }[] = [];
    const unknowns = new Unknowns();
    const employees = { matched: 0, unassigned: 0 };
    let read = 0;
    let staged = 0;
    let batch: StagedOffer[] = [];
    const flush = async () => {
      const { refused, added } = await stageOffers(db, run, batch);
      staged += added;
      for (const offer of batch) {
        // A bad offer has been told already.
        if (refused.has(offer.ordinal) && offer.values)
          reject({
            line: offer.line,
            externalId: offer.externalId,
            reasons: ['Номер объявления уже был в этом файле: оставлено первое.'],
          });
        else if (offer.values) employees[offer.employeeId === null ? 'unassigned' : 'matched']++;
      }
      batch = [];
    };
    const reject = (offer: RejectedOffer) => {
      if (rejected.length < LISTED) rejected.push(offer);
    };

    let imported: { report: ImportReport; status: ImportStatus };
    try {
      for await (const offer of feed.offers) {
        read++;
        const result = readOffer(codec, offer.xml);
        const { listing, externalId, faults, foreignPhones } = normalise(result);
        const here = { externalId: externalId ?? null, line: offer.line };
        for (const { path, value, isValue } of result.notUnderstood) {
          unknowns.note(path, isValue ? value.slice(0, 100) : undefined, here);
        }
        if (offer.repaired > 0 && repaired.length < LISTED)
          repaired.push({ externalId: externalId ?? null, line: offer.line, characters: offer.repaired });
        if (foreignPhones > 0 && foreignPhonesInText.length < LISTED)
          foreignPhonesInText.push({ externalId: externalId ?? '', line: offer.line, numbers: foreignPhones });
        if (listing === undefined) reject({ line: offer.line, externalId: externalId ?? null, reasons: faults });
        if (externalId !== undefined) {
          batch.push({
            externalId,
            ordinal: offer.index,
            line: offer.line,
            values: listing ?? null,
            employeeId: listing ? (people.find(listing)?.id ?? null) : null,
          });
        }
        if (batch.length === BATCH) await flush();
        if (read % 1000 === 0) options.onProgress?.(read);
      }
      await flush();
      for (const { path, count } of feed.summary().notUnderstood) unknowns.note(path, undefined, undefined, count);
      refuseMixUp(run.knownLocation, location, sourceName);
      const twin = options.source === undefined && run.made.source ? await likelyTwin(db, run) : undefined;
      if (twin !== undefined) throw twinRefusal(twin);
      const mode = options.isRehearsal ? 'rehearse' : options.isLossConfirmed ? 'merge-with-loss' : 'merge';
      const merged = await mergeImport(db, run, staged, mode, clock());
      const report = reportOf(merged.counts, merged.state === 'waiting');
      const status: ImportStatus = options.isRehearsal
        ? 'rehearsed'
        : merged.state === 'waiting'
          ? 'waiting-for-confirmation'
          : 'imported';
      if (status === 'imported') {
        const named = report.rejected.flatMap(({ externalId, line, reasons }) =>
          externalId === null ? [] : [{ externalId: externalId.slice(0, 200), line, reasons }],
        );
        await keepRejections(db, run, named, clock());
      }
      await endImport(db, run, status, summaryOf(report), clock());
      imported = { report, status };
    } catch (error) {
      const code = error instanceof Fault || error instanceof Refusal ? error.code : 'unexpected';
      await endImport(db, run, 'failed', { code }, clock()).catch(() => {});
      throw error;
    }
    // The listings are in whatever becomes of texts and marks, so a fault here does not make the import a failed one.
    if (imported.status === 'imported') {
      await fillEmptyDescriptions(db, agency.id, undefined, clock());
      await applyMarkingRules(db, agency.id, undefined, clock());
    }
    return imported.report;

    function reportOf(counts: MergeCounts, isWaiting: boolean): ImportReport {
      return {
        source: sourceName,
        format: codec.family,
        read,
        imported: isWaiting && !options.isRehearsal ? 0 : counts.imported,
        updated: isWaiting && !options.isRehearsal ? 0 : counts.updated,
        unchanged: counts.unchanged,
        gone: counts.gone,
        returned: counts.returned,
        conflicting: counts.conflicting,
        repaired,
        rejected: rejected.sort((a, b) => a.line - b.line),
        notUnderstood: unknowns.list(),
        foreignPhonesInText,
        employees,
        waiting: isWaiting
          ? {
              gone: counts.gone,
              before: counts.before,
              message: `В файле нет ${counts.gone} объектов из ${counts.before}, это больше ${LOSS_LIMIT * 100} %. Ничего не изменено. Если так и должно быть, повторите с --confirm-loss.`,
            }
          : null,
        isRehearsal: options.isRehearsal === true,
      };
    }
  } finally {
    await opened.close();
  }
}

/** One offer; whatever is strange in it, the others are read. */
function readOffer(codec: Codec, xml: string): ReadResult {
  try {
    return codec.read(parseElement(xml));
  } catch (error) {
    return { kindProblem: `объявление не разобрано (${(error as Error).message})`, notUnderstood: [] };
  }
}

/** A file of the same name from another folder is most likely another source. */
function refuseMixUp(known: string | null, location: string | null, name: string): void {
  if (known === null || location === null || known === location) return;
  throw new Refusal(
    'source-mix-up',
    `Источник «${name}» раньше загружали из ${known}, а этот файл — ${location}. Ничего не изменено. ` +
      `Если это тот же источник, повторите с --source "${name}"; если другой — назовите его: --source <название>.`,
  );
}

/** The same listings under another name would go to the boards twice. */
function twinRefusal(twin: string): Refusal {
  return new Refusal(
    'source-twin',
    `Большинство этих объектов уже есть в источнике «${twin}». Ничего не изменено. ` +
      `Если это он и есть (у ссылки сменился ключ, у файла — имя), повторите с --source "${twin}"; если нет — --source <новое название>.`,
  );
}

/** What is kept of a report with the run: counts, no lists. */
function summaryOf(report: ImportReport): object {
  const { repaired, rejected, notUnderstood, foreignPhonesInText, ...counts } = report;
  return {
    ...counts,
    repaired: repaired.length,
    rejected: rejected.length,
    notUnderstood: notUnderstood.length,
    foreignPhonesInText: foreignPhonesInText.length,
  };
}

/**
 * A file is called by its name. An address may carry a token, so it is called by its host and a mark of the whole:
 * two feeds of one host must not pass for one source.
 */
function defaultName(location: string, name: string): string {
  return /^https?:/i.test(location)
    ? `${name}-${createHash('sha256').update(location).digest('hex').slice(0, 8)}`
    : name;
}
