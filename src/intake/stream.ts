import { SaxesParser } from 'saxes';
import type { Codec } from '../boards/formats/codec.ts';
import { Fault } from '../domain/fault.ts';
import { FAMILIES, type Family } from '../domain/listing.ts';
import { agree, formatNumber } from '../domain/text.ts';
import {
  AGAIN,
  type Decoder,
  encodingFault,
  FIX,
  MB,
  NOTHING,
  pieces,
  shown,
  sniff,
  Utf8Decoder,
  unpackGzip,
  Windows1251Decoder,
} from './decode.ts';

/**
 * Bytes of a feed in, its offers out, one at a time and in flat memory.
 *
 * The way: unpack gzip -> find the declared encoding -> decode strictly -> drop the characters XML forbids -> a strict
 * parser (saxes) judges every character and tells where offers begin and end -> the offer's own source text is cut out.
 * Nothing is repaired except those forbidden characters; everything else that is wrong with the FILE is a `Fault`
 * with the line and the column. A caller therefore keeps what it reads aside until the last offer has come.
 */

/** What a reader needs to know about a family; a whole `Codec` fits. */
export type FeedShape = Pick<Codec, 'family' | 'rootsRead' | 'offersRead' | 'rootChildrenKnown'> &
  Partial<Pick<Codec, 'rootName' | 'offerName'>>;

export interface Limits {
  /** Bytes as they come, before unpacking. */
  readonly rawBytesMax: number;
  /** Bytes after unpacking. */
  readonly unpackedBytesMax: number;
  /** Unpacked to packed; judged once 8 MB are unpacked. */
  readonly unpackRatioMax: number;
  readonly depthMax: number;
  readonly attributesPerTagMax: number;
  /** Characters of one offer, markup included. */
  readonly offerCharsMax: number;
  readonly elementsPerOfferMax: number;
  /** Characters of one text, comment, tag or other piece of markup outside the offers. */
  readonly outsideCharsMax: number;
}

/** A local file may be of any size: memory stays flat all the same. */
export const FILE_LIMITS: Limits = {
  rawBytesMax: Number.POSITIVE_INFINITY,
  unpackedBytesMax: Number.POSITIVE_INFINITY,
  unpackRatioMax: 200,
  depthMax: 64,
  attributesPerTagMax: 100,
  offerCharsMax: 4_000_000,
  elementsPerOfferMax: 10_000,
  outsideCharsMax: 64_000,
};

/** What comes from a foreign server is also capped in size. */
export const URL_LIMITS: Limits = { ...FILE_LIMITS, rawBytesMax: 500_000_000, unpackedBytesMax: 2_000_000_000 };

export interface ReadOptions {
  readonly codecs: readonly FeedShape[];
  /** The family the person named; a file of another one is then a fault. */
  readonly format?: Family | 'auto';
  readonly limits?: Partial<Limits>;
  /** How many bytes are judged at once; tests make it tiny. */
  readonly pieceBytes?: number;
}

export interface OfferText {
  /** 1 for the first offer of the file. */
  readonly index: number;
  /** Where the offer's `<` stands, both from 1; the column counts UTF-16 units. */
  readonly line: number;
  readonly column: number;
  /** The source text of the offer element, well-formed, less the forbidden characters; ready for `parseElement`. */
  readonly xml: string;
  /** How many characters and references that XML 1.0 forbids were dropped from this offer. */
  readonly repaired: number;
}

/** What is known once the root's opening tag has been read. */
export interface FeedHead {
  readonly family: Family;
  /** The root's name as written, prefix included. */
  readonly root: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly encoding: 'utf-8' | 'windows-1251';
  readonly isEncodingDeclared: boolean;
  readonly isPacked: boolean;
}

/** What is known once the whole file has been found good. */
export interface FeedSummary extends FeedHead {
  readonly offers: number;
  /** Children of the root that are neither offers nor known, by name without prefix; at most 100 names. */
  readonly notUnderstood: readonly { readonly path: string; readonly count: number }[];
  /** Elements named like an offer that are not children of the root: they were not taken as offers. */
  readonly misplacedOffers: number;
  /** Forbidden characters dropped between the offers. */
  readonly repairedOutside: number;
}

export interface Feed {
  readonly head: FeedHead;
  /** To be run through once. @throws Fault for whatever is wrong with the file */
  readonly offers: AsyncGenerator<OfferText, FeedSummary>;
  /** The return value of `offers`. @throws Error while offers are still to come */
  summary(): FeedSummary;
}

/**
 * Starts reading a feed: reads up to the root's opening tag, so that the family is known.
 * @throws Fault `feed-…` for a fault of the file, and whatever `bytes` throws
 * @example
 * const feed = await openFeed(source.bytes, { codecs, limits: source.limits });
 * for await (const offer of feed.offers) stage(parseElement(offer.xml));
 * feed.summary().offers;
 */
export async function openFeed(bytes: AsyncIterable<Uint8Array>, options: ReadOptions): Promise<Feed> {
  const limits = { ...FILE_LIMITS, ...options.limits };
  const judge = new Judge(options.codecs, options.format ?? 'auto', limits);
  const batches = judged(bytes, judge, limits, options.pieceBytes ?? 65_536);
  const first: OfferText[] = [];
  while (judge.head === undefined) {
    const next = await batches.next();
    if (next.done) break;
    first.push(...next.value);
  }
  let summary: FeedSummary | undefined;
  async function* run(): AsyncGenerator<OfferText, FeedSummary> {
    try {
      yield* first;
      for await (const batch of batches) yield* batch;
    } finally {
      await batches.return(undefined);
    }
    summary = judge.summary();
    return summary;
  }
  return {
    head: judge.head!,
    offers: run(),
    summary() {
      if (summary === undefined) throw new Error('the offers have not been read to the end');
      return summary;
    },
  };
}

/** The same in one go, for callers that need no head: the summary is the generator's return value. */
export async function* readOffers(
  bytes: AsyncIterable<Uint8Array>,
  options: ReadOptions,
): AsyncGenerator<OfferText, FeedSummary> {
  const feed = await openFeed(bytes, options);
  return yield* feed.offers;
}

async function* judged(
  bytes: AsyncIterable<Uint8Array>,
  judge: Judge,
  limits: Limits,
  pieceBytes: number,
): AsyncGenerator<OfferText[], void> {
  let decoder: Decoder | undefined;
  for await (const piece of pieces(unpackGzip(bytes, limits, judge), pieceBytes)) {
    // The first piece may be tiny in tests; real ones hold the whole declaration.
    if (decoder === undefined) {
      const sniffed = sniff(piece.head);
      judge.encoding = sniffed.encoding;
      judge.isEncodingDeclared = sniffed.isDeclared;
      decoder = sniffed.encoding === 'utf-8' ? new Utf8Decoder() : new Windows1251Decoder();
    }
    const { text, problem } = decoder.decode(piece.bytes);
    judge.write(text);
    if (problem) judge.fail(...encodingFault(problem, judge.isEncodingDeclared));
    yield judge.take();
  }
  const { text, problem } = decoder?.end() ?? { text: '' };
  judge.write(text);
  if (problem) judge.fail(...encodingFault(problem, judge.isEncodingDeclared));
  judge.end();
  yield judge.take();
}

// ---------------------------------------------------------------------------------------------------------------
// The judge

const FAMILY_NAMES: Record<Family, string> = { avito: 'Авито', cian: 'Циан', yandex: 'Яндекс Недвижимость' };

/** Shapes of other boards, by the root's name in lower case (BSN's order of tests and what live feeds carry). */
const OTHER_SHAPES = new Map(
  Object.entries({
    root: 'EMLS или БН (старый формат, root/objects/object)',
    'bn-feed': 'БН (bn-feed/bn-object)',
    eip: 'EIP (eip/rec)',
    ads: 'ГдеЭтотДом (ADS/OBJECTS)',
    'rfl-feed': 'Realtymag (rfl-feed)',
    yml_catalog: 'YML, каталог товаров (yml_catalog)',
    'supplementing-metarealty-feed': 'дополнение для Яндекс Вебмастера (supplementing-metarealty-feed)',
    'campaign-feed': 'кампании Яндекс Директа (campaign-feed)',
    flats_rent: 'Циан, старый формат (flats_rent)',
    flats_for_sale: 'Циан, старый формат (flats_for_sale)',
    commerce: 'Циан, старый формат (commerce)',
    suburbian: 'Циан, старый формат (suburbian)',
    complexes: 'Домклик, новостройки (complexes)',
    rss: 'новостная лента RSS',
    urlset: 'карта сайта (urlset)',
    коммерческаяинформация: 'CommerceML из 1С',
  }),
);
const HTML_ROOTS = new Set(['html', 'head', 'body', 'title', 'meta', 'div', 'script', 'center', 'h1', 'p']);

/** What XML 1.0 forbids, in a text that holds no lone surrogates because it was decoded strictly. */
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]+/g;
const LINE_END = /\r\n?|\n/g;

interface OpenOffer {
  readonly line: number;
  readonly column: number;
  readonly start: number;
  readonly startSource: number;
  elements: number;
}

interface Place {
  readonly line: number;
  /** Position of the line's first character. */
  readonly lineStart: number;
  readonly removedOnLine: number;
}

/** saxes makes an `Error` with a stack for each complaint, which a file full of forbidden references can exploit. */
class StrictParser extends SaxesParser {
  readonly #complain: (message: string) => void;

  constructor(complain: (message: string) => void) {
    super({ position: false, forceXMLVersion: true, defaultXMLVersion: '1.0' });
    this.#complain = complain;
  }

  override fail(message: string): this {
    this.#complain(message);
    return this;
  }
}

/**
 * Runs the strict parser over the text and cuts the offers out. Positions count UTF-16 units of the text after the
 * forbidden characters were dropped, as saxes does; lines and columns are those of the source.
 */
class Judge {
  head: FeedHead | undefined;
  encoding: FeedHead['encoding'] = 'utf-8';
  isEncodingDeclared = false;
  isPacked = false;

  readonly #shapes: readonly FeedShape[];
  readonly #format: Family | 'auto';
  readonly #limits: Limits;
  readonly #parser: StrictParser;

  /** Text still needed: from the start of the open offer, else from the last piece of markup. */
  #kept: string[] = [];
  #base = 0;
  #end = 0;
  #place: Place = { line: 1, lineStart: 0, removedOnLine: 0 };
  /** Dropped characters after `#base`: before which position, how many; those before `#passed` are done with. */
  #removedAt: number[] = [];
  #removedCount: number[] = [];
  #passed = 0;
  #removed = 0;
  /** Characters dropped so far from the piece in work. */
  #shift = 0;

  #shape: FeedShape | undefined;
  #offerNames: ReadonlySet<string> = new Set();
  #depth = 0;
  #isRootClosed = false;
  #hasText = false;
  #attributes = 0;
  #lastClosed = '';
  #lastClosing = '';
  /** Position after the last piece of markup, and the same in source characters. */
  #marked = 0;
  #markedSource = 0;
  #offer: OpenOffer | undefined;
  /** References to forbidden characters in the open offer: start, end, start, end… */
  #cuts: number[] = [];
  #ready: OfferText[] = [];
  #offers = 0;
  #misplaced = 0;
  #repairedOutside = 0;
  readonly #notUnderstood = new Map<string, number>();

  constructor(shapes: readonly FeedShape[], format: Family | 'auto', limits: Limits) {
    this.#shapes = shapes;
    this.#format = format;
    this.#limits = limits;
    const parser = new StrictParser((message) => this.#wrong(message));
    this.#parser = parser;
    // Seven handlers and no more: with the eighth V8 turns the parser into a slow object (110 -> 21 MB/s).
    parser.on('opentagstart', (tag) => this.#openTagStart(tag.name));
    parser.on('attribute', () => this.#attribute());
    parser.on('opentag', (tag) => this.#openTag(tag.name, tag.attributes as Record<string, string>));
    parser.on('closetag', (tag) => this.#closeTag(tag.name));
    parser.on('comment', () => this.#mark());
    parser.on('cdata', () => this.#mark());
  }

  /** The offers finished since the last call. */
  take(): OfferText[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  write(text: string): void {
    if (text === '') return;
    this.#shift = 0;
    const legal = text.replace(FORBIDDEN, (run, at: number) => this.#remove(run.length, this.#end + at));
    this.#hasText ||= /[^\s\uFEFF]/.test(legal);
    if (legal !== '') {
      this.#kept.push(legal);
      this.#end += legal.length;
      this.#parser.write(legal);
    }
    this.#checkLength();
    if (this.#offer === undefined && this.#marked > this.#base)
      this.#repairedOutside += this.#moveTo(this.#marked, true);
  }

  #remove(count: number, at: number): string {
    const position = at - this.#shift;
    this.#shift += count;
    this.#removed += count;
    const last = this.#removedAt.length - 1;
    if (last >= this.#passed && this.#removedAt[last] === position) this.#removedCount[last]! += count;
    else {
      this.#removedAt.push(position);
      this.#removedCount.push(count);
    }
    return '';
  }

  end(): void {
    if (!this.#hasText) throw new Fault('feed-empty', `Файл пустой. ${NOTHING}: ${AGAIN}.`);
    this.#parser.close();
    this.#repairedOutside += this.#moveTo(this.#end, true);
  }

  summary(): FeedSummary {
    return {
      ...this.head!,
      offers: this.#offers,
      notUnderstood: [...this.#notUnderstood].map(([path, count]) => ({ path, count })),
      misplacedOffers: this.#misplaced,
      repairedOutside: this.#repairedOutside,
    };
  }

  /** `what` may hold `|`: the line and the column stand there, else at its end. */
  fail(code: string, what: string, advice: string, options: { at?: number; cause?: unknown } = {}): never {
    const position = Math.max(this.#base, options.at ?? Math.min(this.#parser.position, this.#end));
    const { place } = this.#walk(position, true);
    const where = `строка ${place.line}, столбец ${position - place.lineStart + place.removedOnLine + 1}`;
    const [before, after] = what.split('|') as [string, string | undefined];
    const offer = this.#offer ? ` (объявление ${this.#offers + 1}, начато в строке ${this.#offer.line})` : '';
    const sentence = `${before}: ${where}${after === undefined ? '' : ` — ${after}`}${offer}.`;
    throw new Fault(code, `${sentence} ${NOTHING}: ${advice}.`, { cause: options.cause });
  }

  #source(): number {
    return this.#parser.position + this.#removed;
  }

  #mark(): void {
    // What stands before the root is kept whole, because it is searched for a document type.
    if (this.#shape === undefined) return;
    this.#marked = this.#parser.position;
    this.#markedSource = this.#source();
  }

  #openTagStart(name: string): void {
    const depth = ++this.#depth;
    if (depth === 1 && this.#isRootClosed)
      this.fail('feed-two-roots', `${TWO_ROOTS}|снова начинается ${tag(name)}`, FIX);
    if (depth > this.#limits.depthMax) {
      this.fail('feed-too-deep', `Элементы вложены глубже ${this.#limits.depthMax} уровней`, FIX);
    }
    this.#attributes = 0;
    const local = localName(name);
    if (depth === 1) {
      this.#checkProlog();
      this.#shape = this.#shapeOf(name);
    } else if (depth === 2 && this.#offerNames.has(local)) this.#openOffer(name);
    else {
      if (this.#offerNames.has(local)) this.#misplaced++;
      if (depth === 2) this.#otherChild(local);
      if (this.#offer && ++this.#offer.elements > this.#limits.elementsPerOfferMax) {
        const most = formatNumber(this.#limits.elementsPerOfferMax);
        this.fail('feed-too-many-elements', `В одном объявлении больше ${most} элементов`, FIX);
      }
    }
    this.#mark();
  }

  #attribute(): void {
    const most = this.#limits.attributesPerTagMax;
    if (++this.#attributes > most) {
      this.fail(
        'feed-too-many-attributes',
        `У одного тега больше ${most} ${agree(most, 'атрибута', 'атрибутов', 'атрибутов')}`,
        FIX,
      );
    }
    this.#mark();
  }

  #openTag(name: string, attributes: Record<string, string>): void {
    this.#mark();
    if (this.#depth !== 1 || this.#shape === undefined) return;
    const namespaces = Object.keys(attributes).filter((key) => key === 'xmlns' || key.startsWith('xmlns:'));
    for (const key of namespaces) {
      const namespace = attributes[key]!;
      if (namespace.includes('/metarealty/')) this.#otherFormat('фид Яндекс Директа или Вебмастера (metarealty)');
      if (namespace === 'http://www.w3.org/2005/Atom') this.#otherFormat('новостная лента Atom');
    }
    this.head = {
      family: this.#shape.family,
      root: name,
      attributes: { ...attributes },
      encoding: this.encoding,
      isEncodingDeclared: this.isEncodingDeclared,
      isPacked: this.isPacked,
    };
  }

  #closeTag(name: string): void {
    // saxes closes before it compares names and reports a mismatch after; then nothing cut here is ever taken.
    this.#lastClosed = name;
    this.#depth--;
    this.#mark();
    this.#lastClosing = '';
    if (this.#depth === 1 && this.#offer) this.#closeOffer(this.#offer);
    if (this.#depth === 0) this.#isRootClosed = true;
  }

  #openOffer(name: string): void {
    const after = this.#parser.position;
    // Behind the name stands one character that ended it, or a line end of two.
    const start = after - (this.#slice(after - 2, after) === '\r\n' ? 2 : 1) - name.length - 1;
    this.#repairedOutside += this.#moveTo(start, true);
    this.#cuts = [];
    const { line, lineStart, removedOnLine } = this.#place;
    this.#offer = {
      line,
      column: start - lineStart + removedOnLine + 1,
      start,
      startSource: this.#source(),
      elements: 0,
    };
  }

  #closeOffer(offer: OpenOffer): void {
    const end = this.#parser.position;
    const source = this.#slice(offer.start, end);
    const xml = withoutCuts(source, offer.start, this.#cuts);
    this.#lastClosing = source.slice(Math.max(0, source.lastIndexOf('</')));
    const repaired = this.#moveTo(end, false) + this.#cuts.length / 2;
    this.#offers++;
    this.#ready.push({ index: this.#offers, line: offer.line, column: offer.column, xml, repaired });
    this.#offer = undefined;
  }

  #otherChild(local: string): void {
    if (this.#shape!.rootChildrenKnown.includes(local.toLowerCase())) return;
    const name = shown(local);
    const key = this.#notUnderstood.has(name) || this.#notUnderstood.size < 99 ? name : '…';
    this.#notUnderstood.set(key, (this.#notUnderstood.get(key) ?? 0) + 1);
  }

  #shapeOf(root: string): FeedShape {
    const local = localName(root);
    const lower = local.toLowerCase();
    const roots = (shape: FeedShape) => (shape.rootName ? [shape.rootName, ...shape.rootsRead] : shape.rootsRead);
    const shape = this.#shapes.find((one) => roots(one).includes(local));
    if (shape) {
      if (this.#format !== 'auto' && this.#format !== shape.family) {
        this.fail(
          'feed-wrong-root',
          `Это файл формата «${FAMILY_NAMES[shape.family]}», а ждали «${FAMILY_NAMES[this.#format]}»`,
          'выберите другой формат или другой файл',
        );
      }
      this.#offerNames = new Set([...shape.offersRead, ...(shape.offerName ? [shape.offerName] : [])]);
      return shape;
    }
    if (HTML_ROOTS.has(lower)) this.#html();
    const other = OTHER_SHAPES.get(lower);
    if (other) this.#otherFormat(other);
    const known = this.#shapes.map((one) => `${tag(roots(one)[0] ?? '')} («${FAMILY_NAMES[one.family]}»)`).join(', ');
    return this.fail(
      'feed-wrong-root',
      `Незнакомый корень файла ${tag(root)}`,
      `загружаются файлы с корнем ${known}; имена пишутся именно так, с теми же большими и малыми буквами`,
    );
  }

  #otherFormat(name: string): never {
    const families = FAMILIES.map((family) => `«${FAMILY_NAMES[family]}»`).join(', ');
    return this.fail('feed-other-format', `Это другой формат — ${name}`, `загружаются файлы форматов ${families}`);
  }

  #html(cause?: unknown): never {
    return this.fail(
      'feed-is-html',
      'Это страница сайта (HTML), а не файл объявлений',
      'проверьте ссылку: по ней открывается страница входа или ошибка',
      { cause },
    );
  }

  /** A reference to a forbidden character goes, everything else that saxes finds is a fault. */
  #wrong(message: string): void {
    if (message === 'malformed character entity.') {
      const end = this.#parser.position;
      const tail = this.#slice(end - 32, end);
      const reference = tail.slice(tail.lastIndexOf('&'));
      if (/^&#(?:x[0-9a-fA-F]+|\d+);$/.test(reference)) {
        if (this.#offer) this.#cuts.push(end - reference.length, end);
        else this.#repairedOutside++;
        return;
      }
    }
    this.#translate(message);
  }

  #translate(message: string): never {
    const cause = new Error(message);
    const not = (what: string, at?: number) => this.fail('feed-not-well-formed', what, FIX, { cause, at });
    if (this.#shape === undefined) this.#checkProlog(cause);
    // A bare ampersand swallows everything up to the next semicolon: the reason stands far before the symptom.
    const ampersand = this.#bareAmpersand();
    if (/entity/.test(message) || ampersand !== undefined) {
      const at = ampersand ?? this.#lastAmpersand();
      const name = /^&([^;]*);/.exec(this.#slice(at, at + 40))?.[1];
      if (message === 'undefined entity.') {
        this.fail(
          'feed-undefined-entity',
          `Имя &${shown(name ?? '')}; в XML не определено`,
          `замените его самим знаком${name === 'nbsp' ? ' или на &#160;' : ''}; без описания годятся только ` +
            '&amp; &lt; &gt; &quot; &apos;',
          { cause, at },
        );
      }
      if (message === 'malformed character entity.') not('Неверная числовая ссылка на знак', at);
      not('Знак & записан как есть|вместо него должно стоять &amp;', at);
    }
    const unclosed = /^unclosed tag: (.*)$/s.exec(message)?.[1];
    if (unclosed !== undefined) this.#truncated(`не закрыт элемент ${shown(unclosed)}`, cause);
    if (message === 'unexpected end.') this.#truncated('файл кончился посреди разметки', cause);
    if (message === 'document must contain a root element.') this.#truncated('до объявлений дело не дошло', cause);
    if (message === 'unexpected close tag.') {
      not(`Теги закрыты не по порядку|открыт ${tag(this.#lastClosed)}, а закрывается ${this.#closing()}`);
    }
    if (message.startsWith('unmatched closing tag:')) not(`Закрывается ${this.#closing()}, который не открывали`);
    if (message === 'documents may contain only one root.') this.fail('feed-two-roots', TWO_ROOTS, FIX, { cause });
    if (message === 'inappropriately located doctype declaration.') this.fail('feed-has-dtd', HAS_DTD, FIX, { cause });
    if (this.#isRootClosed && message.includes('XML declaration'))
      this.fail('feed-two-roots', TWO_ROOTS, FIX, { cause });
    if (message === 'text data outside of root node.') {
      const text = this.#slice(this.#marked, this.#end);
      const at = this.#marked + /^(?:\s|<!--[\s\S]*?-->|<\?[\s\S]*?\?>)*/.exec(text)![0].length;
      if (this.#isRootClosed) not('После конца файла объявлений стоит лишний текст', at);
      this.fail('feed-not-xml', 'Это не XML, файл начинается не с тега', AGAIN, { cause, at });
    }
    if (message.startsWith('an XML declaration must be')) {
      not('Перед строкой <?xml …?> стоит лишнее (часто пустая строка или пробел)');
    }
    if (/XML declaration|version number|encoding value|standalone|expected one of|name\/value/.test(message)) {
      not('Первая строка <?xml …?> записана неверно');
    }
    if (message === 'disallowed character.')
      not('Знак < стоит внутри значения атрибута|вместо него должно стоять &lt;');
    if (message.includes('attribute')) {
      not(
        /^duplicate/.test(message) ? 'Атрибут повторён в одном теге' : 'Атрибут записан неверно|нужно имя="значение"',
      );
    }
    if (/tag|incorrect syntax/.test(message))
      not('Тег записан неверно|если это знак < в тексте, вместо него пишут &lt;');
    if (message === 'malformed comment.') not('Внутри комментария стоят два дефиса подряд');
    if (message.includes(']]>')) not('В тексте стоит ]]>|вместо этого пишут ]]&gt;');
    return not('Файл записан не по правилам XML');
  }

  #truncated(how: string, cause: Error): never {
    return this.fail('feed-truncated', `Файл оборван|${how}`, AGAIN, { cause, at: this.#end });
  }

  /** A document type or a web page before the root; asked before any other fault there. */
  #checkProlog(cause?: unknown): void {
    const strip = (text: string) => text.replace(/<!--[\s\S]*?(?:-->|$)|<\?[\s\S]*?(?:\?>|$)/g, '');
    if (/^\s*(?:<!doctype\s+html|<(?:html|head|body)\b)/i.test(strip(this.#slice(0, this.#end)))) this.#html(cause);
    const prolog = this.#slice(0, this.#parser.position);
    const declaration = /<!(?:DOCTYPE|ENTITY)/i;
    if (!declaration.test(strip(prolog))) return;
    this.fail('feed-has-dtd', HAS_DTD, FIX, { cause, at: prolog.search(declaration) });
  }

  #checkLength(): void {
    const { offerCharsMax, outsideCharsMax } = this.#limits;
    // Not the parser's position: between two writes it counts the last piece twice.
    const length = this.#end + this.#removed - (this.#offer ? this.#offer.startSource : this.#markedSource);
    if (length <= (this.#offer ? offerCharsMax : outsideCharsMax)) return;
    if (this.#shape === undefined) this.#checkProlog();
    const ampersand = this.#bareAmpersand();
    if (ampersand !== undefined) {
      this.fail('feed-not-well-formed', 'Знак & записан как есть|вместо него должно стоять &amp;', FIX, {
        at: ampersand,
      });
    }
    const open = this.#slice(this.#marked, this.#marked + 9);
    const hint = open.startsWith('<!--')
      ? '|не закрыт комментарий'
      : open === '<![CDATA[' || open.includes('<![')
        ? '|не закрыт раздел CDATA'
        : '';
    if (this.#offer) {
      this.fail('feed-text-too-long', `Объявление длиннее ${formatNumber(offerCharsMax / MB)} млн знаков${hint}`, FIX);
    }
    this.fail(
      'feed-text-too-long',
      `Вне объявлений стоит больше ${formatNumber(outsideCharsMax)} знаков подряд${hint}`,
      FIX,
    );
  }

  /** Position of an `&` in the text or tag under way that begins no reference, if saxes is stuck in one. */
  #bareAmpersand(): number | undefined {
    const text = this.#slice(this.#marked, Math.min(this.#parser.position, this.#end));
    const markup =
      /<\?[\s\S]*?\?>|<!--|<!\[CDATA\[|<\?|&(?!(?:[\p{L}_:][\p{L}\p{N}_:.-]*|#\d+|#x[0-9a-fA-F]+);|[#\p{L}\p{N}_:.-]{0,40}$)/gu;
    for (const found of text.matchAll(markup)) {
      if (found[0] === '&') return this.#marked + found.index;
      if (!found[0].endsWith('?>')) return undefined;
    }
    return undefined;
  }

  #lastAmpersand(): number {
    const position = this.#parser.position;
    const text = this.#slice(this.#marked, position);
    return this.#marked + Math.max(0, text.lastIndexOf('&'));
  }

  /** The closing tag that has just been read, for a message. */
  #closing(): string {
    const position = this.#parser.position;
    const text = this.#lastClosing || this.#slice(position - 300, position);
    const from = text.lastIndexOf('</');
    return from < 0 ? 'другой' : tag(text.slice(from + 1).replace(/[>\s]+$/, ''));
  }

  /** Kept text between two positions; what is no longer kept is left out. */
  #slice(from: number, to: number): string {
    let partEnd = this.#end;
    let text = '';
    for (let at = this.#kept.length - 1; at >= 0 && partEnd > from; at--) {
      const part = this.#kept[at]!;
      const partStart = partEnd - part.length;
      if (partStart < to) text = part.slice(Math.max(0, from - partStart), to - partStart) + text;
      partEnd = partStart;
    }
    return text;
  }

  /** Counts lines from `#base` to a position, and the characters dropped on the way. */
  #walk(to: number, isInclusive: boolean): { place: Place; removed: number; passed: number } {
    let { line, lineStart, removedOnLine } = this.#place;
    const text = this.#slice(this.#base, to);
    LINE_END.lastIndex = 0;
    for (let found = LINE_END.exec(text); found; found = LINE_END.exec(text)) {
      line++;
      lineStart = this.#base + LINE_END.lastIndex;
      removedOnLine = 0;
    }
    let removed = 0;
    let passed = this.#passed;
    for (; passed < this.#removedAt.length; passed++) {
      const at = this.#removedAt[passed]!;
      if (isInclusive ? at > to : at >= to) break;
      removed += this.#removedCount[passed]!;
      if (at >= lineStart) removedOnLine += this.#removedCount[passed]!;
    }
    return { place: { line, lineStart, removedOnLine }, removed, passed };
  }

  /** Lets go of the text before a position; returns how many characters had been dropped from it. */
  #moveTo(position: number, isInclusive: boolean): number {
    const { place, removed, passed } = this.#walk(position, isInclusive);
    const rest = this.#slice(position, this.#end);
    this.#kept = rest === '' ? [] : [rest];
    this.#base = position;
    this.#place = place;
    this.#passed = passed;
    // Now and then only: to shift the list at every offer would cost its length every time.
    if (passed > 0 && (passed === this.#removedAt.length || passed > 10_000)) {
      this.#removedAt = this.#removedAt.slice(passed);
      this.#removedCount = this.#removedCount.slice(passed);
      this.#passed = 0;
    }
    return removed;
  }
}

const HAS_DTD =
  'В файле есть описание типа документа (<!DOCTYPE> или <!ENTITY>)|такие файлы не читаются ради безопасности';
const TWO_ROOTS = 'В файле два корня, похоже, склеены два файла';

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function tag(name: string): string {
  return `<${shown(name)}>`;
}

/** Leaves out the references to forbidden characters. */
function withoutCuts(xml: string, base: number, cuts: readonly number[]): string {
  if (cuts.length === 0) return xml;
  const kept: string[] = [];
  let from = 0;
  for (let at = 0; at < cuts.length; at += 2) {
    const part = xml.slice(from, cuts[at]! - base);
    // `]&#1;]>` must not become `]]>`, which is no text.
    kept.push(part.endsWith(']') ? `${part.slice(0, -1)}&#93;` : part);
    from = cuts[at + 1]! - base;
  }
  kept.push(xml.slice(from));
  return kept.join('');
}
