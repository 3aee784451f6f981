import { schemaJudge } from '../boards/formats/inspect.ts';
import { formatPhone } from '../boards/formats/phone.ts';
import { parseElement } from '../boards/formats/xml.ts';
import { Fault } from '../domain/fault.ts';
import type { Listing } from '../domain/listing.ts';
import { narrowRows, type PublishSnapshot } from '../store/publishing.ts';
import type { Deciding, Fates } from './deciding.ts';
import { type EditionReader, type EditionWriter, type Segment, type Spool, segmentOf } from './edition.ts';
import type { Frame } from './frame.ts';
import { judgeRows } from './judge.ts';
import { renderOffer } from './offer.ts';
import { goOn, type PublishOptions, WINDOW } from './options.ts';

interface WindowRow {
  readonly listingId: number;
  readonly fate: number;
  readonly spooledAt: number;
  readonly spooledBytes: number;
}

/** The second pass: segments are copied where nothing changed, and made anew of kept and fresh bytes where something did. */
export class Writing {
  readonly #frame: Frame;
  readonly #snapshot: PublishSnapshot;
  readonly #spool: Spool;
  readonly #writer: EditionWriter;
  readonly #previous: EditionReader | undefined;
  readonly #fates: Fates;
  readonly #options: PublishOptions;

  constructor(
    frame: Frame,
    snapshot: PublishSnapshot,
    spool: Spool,
    writer: EditionWriter,
    previous: EditionReader | undefined,
    decided: Deciding,
    options: PublishOptions,
  ) {
    this.#frame = frame;
    this.#snapshot = snapshot;
    this.#spool = spool;
    this.#writer = writer;
    this.#previous = previous;
    this.#fates = decided.fates;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { ids } = this.#fates;
    for (let start = 0; start < ids.length; ) {
      let end = Math.min(start + WINDOW, ids.length);
      goOn(this.#options);
      // A window never cuts a segment.
      while (end < ids.length && segmentOf(ids[end]!) === segmentOf(ids[end - 1]!)) end++;
      await this.#window(start, end);
      start = end;
    }
    if (this.#previous) {
      await this.#previous.segment(Number.POSITIVE_INFINITY);
      if (this.#previous.skipped > 0) this.#writer.noteLoss();
    }
  }

  async #window(start: number, end: number): Promise<void> {
    const { ids, fate, spooledAt, spooledBytes } = this.#fates;
    const segments = new Map<number, { kept: Segment | undefined; rows: WindowRow[] }>();
    for (let index = start; index < end; index++) {
      const key = segmentOf(ids[index]!);
      let segment = segments.get(key);
      if (!segment) {
        segment = { kept: await this.#previous?.segment(key), rows: [] };
        segments.set(key, segment);
      }
      if (fate[index] === 0) continue;
      segment.rows.push({
        listingId: ids[index]!,
        fate: fate[index]!,
        spooledAt: spooledAt[index]!,
        spooledBytes: spooledBytes[index]!,
      });
    }
    const rendered = await this.#render([...segments.values()]);
    for (const [key, { kept, rows }] of segments) await this.#segment(key, rows, kept, rendered);
  }

  /** Offers whose bytes are neither fresh nor in the previous edition: they were kept away by something else than their content. */
  async #render(
    segments: readonly { kept: Segment | undefined; rows: readonly WindowRow[] }[],
  ): Promise<ReadonlyMap<number, Buffer>> {
    const missing = segments.flatMap(({ kept, rows }) => {
      const there = new Set(kept?.o.map(([listingId]) => listingId));
      return rows
        .filter((row) => row.spooledAt < 0 && (row.fate === 3 || !there.has(row.listingId)))
        .map((row) => row.listingId);
    });
    const rendered = new Map<number, Buffer>();
    if (missing.length === 0) return rendered;
    const { context, cabinet, isModerated } = this.#frame;
    const rows = await narrowRows(this.#snapshot.client, cabinet, context.zone, isModerated, context.now, missing);
    for (const one of await judgeRows(this.#snapshot.client, this.#frame, rows)) {
      if (one.xml !== undefined) rendered.set(one.listingId, Buffer.from(one.xml));
    }
    return rendered;
  }

  async #segment(
    key: number,
    rows: readonly WindowRow[],
    kept: Segment | undefined,
    rendered: ReadonlyMap<number, Buffer>,
  ): Promise<void> {
    if (!kept && rows.length === 0) return;
    const isUntouched =
      kept !== undefined &&
      kept.o.length === rows.length &&
      rows.every((row, index) => kept.o[index]![0] === row.listingId && row.fate === 1 && row.spooledAt < 0);
    if (isUntouched) {
      await this.#writer.copy(kept, this.#previous!);
      return;
    }
    const old = new Map(
      kept ? (await this.#previous!.offers(kept)).map(({ listingId, bytes }) => [listingId, bytes]) : [],
    );
    const phones = await this.#phonesOf(rows.filter(({ fate }) => fate === 2).map(({ listingId }) => listingId));
    const offers: { listingId: number; bytes: Buffer }[] = [];
    for (const row of rows) {
      const before = old.get(row.listingId);
      const bytes =
        row.fate === 2 && before
          ? this.#redress(before, phones.get(row.listingId))
          : row.spooledAt >= 0
            ? await this.#spool.take(row.spooledAt, row.spooledBytes)
            : (rendered.get(row.listingId) ?? before);
      if (!bytes && row.fate === 2) {
        throw new Fault(
          'edition-lost',
          'Файлы прежнего издания потеряны, а из нового ушло бы слишком много объектов. Проверьте причину (brake list) и отпустите тормоз или верните файлы.',
        );
      }
      if (!bytes) throw new Error(`broken invariant: listing ${row.listingId} is published and has no offer`);
      offers.push({ listingId: row.listingId, bytes });
    }
    const isEqual =
      kept !== undefined &&
      offers.length === kept.o.length &&
      offers.every(
        ({ listingId, bytes }, index) => kept.o[index]![0] === listingId && old.get(listingId)!.equals(bytes),
      );
    // A change that does not show in the file (a note, a queue) leaves the segment as it was.
    if (isEqual) await this.#writer.copy(kept, this.#previous!);
    else await this.#writer.add(key, offers);
  }

  /** The numbers that some listings show now. */
  async #phonesOf(ids: readonly number[]): Promise<ReadonlyMap<number, readonly string[] | undefined>> {
    if (ids.length === 0) return new Map();
    const { context, cabinet, isModerated } = this.#frame;
    const { client } = this.#snapshot;
    const rows = await narrowRows(client, cabinet, context.zone, isModerated, context.now, ids);
    const wide = new Map((await this.#snapshot.wide(ids)).map((one) => [one.listingId, one.values]));
    return new Map(rows.map((row) => [row.listingId, this.#frame.worn(row, wide.get(row.listingId)!).phones]));
  }

  /** A held offer keeps its last published content and takes today's numbers. */
  #redress(before: Buffer, known: readonly string[] | undefined): Buffer {
    const { desk } = this.#frame;
    const { listing } = desk.codec.read(parseElement(before.toString()));
    if (!listing) return before;
    const phones = known?.slice(0, desk.board.quirks.phonesMax ?? known.length);
    const was = listing.contactPhones?.[0];
    if (phones?.join() === listing.contactPhones?.join()) return before;
    const put = (text: string | undefined) =>
      phones && was ? text?.replaceAll(formatPhone(was), formatPhone(phones[0]!)) : text;
    const redressed = { ...listing } as Listing;
    if (phones) redressed.contactPhones = phones;
    else delete redressed.contactPhones;
    const title = put(listing.title);
    const description = put(listing.description);
    if (title !== undefined) redressed.title = title;
    if (description !== undefined) redressed.description = description;
    const rendered = renderOffer(desk, redressed);
    if (!('xml' in rendered)) return before;
    const [problem] = schemaJudge(desk.codec.family).judge([{ id: '0', xml: rendered.xml }]);
    return problem ? before : Buffer.from(rendered.xml);
  }
}
