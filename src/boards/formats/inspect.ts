import { ParseOption, XmlDocument, XmlElement, XmlParseError, XmlValidateError, XsdValidator } from 'libxml2-wasm';
import { SaxesParser } from 'saxes';
import type { Family } from '../../domain/listing.ts';
import type { Codec } from './codec.ts';
import { CODECS } from './index.ts';
import { firstOutOfOrder, missingRequired } from './required.ts';
import { idPath, type SchemaNode, schemaText, schemaTree } from './schema.ts';
import { nodeAt, offerOf, type Subject, sayInRussian, stepsTo } from './schema-remarks.ts';
import { type Element, parseElement } from './xml.ts';

/**
 * The judge of our own output. libxml2 judges what XSD 1.0 can say, ajv what is required by kind and deal; both are
 * made from the codec's table. A problem here means that we are wrong, not the listing: rules come before.
 */

export type ProblemCode =
  | 'not-well-formed'
  | 'wrong-root'
  | 'missing'
  | 'unexpected'
  | 'repeated'
  | 'wrong-value'
  | 'duplicate-id'
  | 'unknown-kind'
  | 'out-of-order'
  | 'schema';

export interface Problem {
  readonly code: ProblemCode;
  /** Id of the offer; absent when the problem is the file's own. */
  readonly id?: string;
  /** Line in the file, from 1. */
  readonly line: number;
  /** Where: `/realty-feed/offer[2]/price/value`. */
  readonly xpath: string;
  /** One Russian sentence. */
  readonly message: string;
  /** What libxml2 said, word for word. */
  readonly detail?: string;
}

/** One rendered offer on its way to the judge. */
export interface JudgedOffer {
  readonly id: string;
  readonly xml: string;
  /** Line of the file at which the offer begins; 1 when not told. */
  readonly line?: number;
  /** Place among the offers of its file, from 1; its place in the batch when not told. */
  readonly position?: number;
}

export interface SchemaJudge {
  /** Judges offers by the schema alone; ids must be unique in the batch. Empty when all is well. */
  judge(offers: readonly JudgedOffer[]): Problem[];
}

// Entities stay off and limits stay on: no NOENT, no HUGE (reliability 2.5). Long texts may have over 65,535 lines.
const PARSE = {
  option: ParseOption.XML_PARSE_NONET | ParseOption.XML_PARSE_NO_XXE | ParseOption.XML_PARSE_BIG_LINES,
} as const;

const MOMENT = '2000-01-01T00:00:00+00:00';

interface Compiled {
  readonly codec: Codec;
  readonly tree: SchemaNode;
  /** Knows the order of the table: narrow and fast. */
  readonly fast: XsdValidator;
  /** The schema of feed-schemas/: told what is wrong, when the fast one says no. */
  readonly plain: () => XsdValidator;
}

const compiled = new Map<Family, Compiled>();

function compile(family: Family): Compiled {
  const known = compiled.get(family);
  if (known) return known;
  const codec = CODECS[family];
  let plain: XsdValidator | undefined;
  const made: Compiled = {
    codec,
    tree: schemaTree(codec),
    // The validators live as long as the process; libxml2 needs the schema's document as long as the validator.
    fast: XsdValidator.fromDoc(XmlDocument.fromString(schemaText(codec, { isInTableOrder: true }))),
    plain: () => {
      plain ??= XsdValidator.fromDoc(XmlDocument.fromString(schemaText(codec)));
      return plain;
    },
  };
  compiled.set(family, made);
  return made;
}

/** The family's schema, compiled once per process. */
export function schemaJudge(family: Family): SchemaJudge {
  const schema = compile(family);
  return { judge: (offers) => judgeBatch(schema, offers) };
}

function judgeBatch(schema: Compiled, offers: readonly JudgedOffer[]): Problem[] {
  if (offers.length === 0) return [];
  const { codec } = schema;
  const header = codec.header(MOMENT);
  const texts = offers.map(({ xml }) => (xml.endsWith('\n') ? xml : `${xml}\n`));
  const text = header + texts.join('') + codec.footer;
  let starts: number[] | undefined;
  /** First lines of the offers in the batch; nearly every batch is without a problem and never asks. */
  const startsOf = () => {
    let line = countLines(header) + 1;
    return texts.map((xml) => {
      const start = line;
      line += countLines(xml);
      return start;
    });
  };
  const frame: Frame = {
    ...schema,
    at(batchLine) {
      starts ??= startsOf();
      let index = starts.length - 1;
      while (index > 0 && starts[index]! > batchLine) index--;
      const offer = offers[index]!;
      return {
        id: offer.id,
        position: offer.position ?? index + 1,
        line: (offer.line ?? 1) + Math.max(0, batchLine - starts[index]!),
      };
    },
  };
  try {
    return validate(frame, text);
  } catch (error) {
    if (!(error instanceof XmlParseError)) throw error;
    // An ill-formed offer hides its neighbours and may be reported in one of them: halve until it stands alone.
    if (offers.length > 1) {
      const middle = offers.length >> 1;
      const placed = offers.map((offer, index) => ({ ...offer, position: offer.position ?? index + 1 }));
      return [...judgeBatch(schema, placed.slice(0, middle)), ...judgeBatch(schema, placed.slice(middle))];
    }
    return [parseProblem(frame, error)];
  }
}

const countLines = (text: string) => {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
};

/** A document under judgement: the family's schema and whose line is whose. */
interface Frame extends Compiled {
  /** The offer at a line of the document and the line in the file; no id where the file itself is meant. */
  at(line: number): { readonly id?: string; readonly position?: number; readonly line: number };
}

/** @throws XmlParseError when the text is not well-formed */
function validate(frame: Frame, text: string): Problem[] {
  const doc = XmlDocument.fromString(text, PARSE);
  try {
    if (errorsOf(frame.fast, doc).length === 0) return [];
    return tell(frame, doc, errorsOf(frame.plain(), doc));
  } finally {
    doc.dispose();
  }
}

type ErrorDetail = XmlValidateError['details'][number];

function errorsOf(validator: XsdValidator, doc: XmlDocument): readonly ErrorDetail[] {
  try {
    validator.validate(doc);
    return [];
  } catch (error) {
    if (error instanceof XmlValidateError) return error.details;
    throw error;
  }
}

function parseProblem(frame: Frame, error: XmlParseError): Problem {
  const first = error.details[0];
  const { id, position, line } = frame.at(first?.line ?? 1);
  return {
    code: 'not-well-formed',
    ...(id !== undefined && { id }),
    line,
    xpath: offerPath(frame.codec, position),
    message: 'Разметка XML нарушена: файл не прочтёт ни одна площадка.',
    detail: first?.message.trim() ?? error.message,
  };
}

const offerPath = (codec: Codec, position: number | undefined) =>
  position === undefined ? `/${codec.rootName}` : `/${codec.rootName}/${codec.offerName}[${position}]`;

/** Turns libxml2's remarks into problems; the ones that only follow from another are left out. */
function tell(frame: Frame, doc: XmlDocument, errors: readonly ErrorDetail[]): Problem[] {
  return errors.flatMap((error): Problem[] => {
    const detail = error.message.replace(/\{[^{}]*:\/\/[^{}]*\}/g, '').trim();
    const found = error.xpath === undefined ? null : doc.get(error.xpath);
    const element = found instanceof XmlElement ? found : (found?.parent ?? undefined);
    const steps = element === undefined ? [] : stepsTo(element);
    const { id, position, line } = frame.at(error.line);
    const isInOffer = element !== undefined && offerOf(element)?.name === frame.codec.offerName;
    const inner = isInOffer ? steps.slice(2) : [];
    const path = inner.map((step) => step.replace(/\[\d+\]$/, '')).join('/');
    const xpath = isInOffer ? [offerPath(frame.codec, position), ...inner].join('/') : `/${steps.join('/')}`;
    const [opening = '', , attribute] = /^Element '.*?'(, attribute '(.*?)')?: /.exec(detail) ?? [];
    const name = path === '' ? (element?.name ?? 'корень') : path;
    const subject: Subject = {
      path,
      schema: isInOffer ? nodeAt(frame.tree, path) : undefined,
      element,
      isInOffer,
      codec: frame.codec,
      name,
      what: attribute === undefined ? name : `${name}/@${attribute}`,
    };
    return sayInRussian(detail.slice(opening.length), subject).map(({ code, message }) => ({
      code,
      ...(isInOffer && id !== undefined && { id }),
      line,
      xpath,
      message,
      detail,
    }));
  });
}

// --- whole files ---

/** An offer whose tree is at hand, so that it need not be parsed twice. */
interface CutOffer extends JudgedOffer {
  readonly element?: Element;
}

/** Required and, for our own files, order: what the schema cannot say of one offer. */
function judgeOffer(codec: Codec, offer: CutOffer, position: number, isOwn: boolean): Problem[] {
  const problems: Problem[] = [];
  const xpath = offerPath(codec, position);
  const line = offer.line ?? 1;
  const put = (code: ProblemCode, message: string, path?: string) =>
    problems.push({ code, id: offer.id, line, xpath: path === undefined ? xpath : `${xpath}/${path}`, message });
  const element = offer.element ?? parseElement(offer.xml);
  const misplaced = isOwn ? firstOutOfOrder(codec.family, element) : undefined;
  if (misplaced !== undefined)
    put('out-of-order', `Элемент ${misplaced} стоит не на своём месте: порядок таблицы нарушен.`, misplaced);
  const { missing, kindProblem } = missingRequired(codec.family, element);
  if (kindProblem !== undefined)
    put('unknown-kind', `Не понять вид объекта или сделку${kindProblem === '' ? '' : `: ${kindProblem}`}.`);
  for (const { path, message } of missing) put('missing', message, path);
  return problems;
}

export interface FileOptions {
  /** Our own file: elements keep the order of the table. */
  readonly isOwn?: boolean;
  readonly batchSize?: number;
}

/**
 * Judges the offers of a file of any length, a batch at a time; of the file only its ids are kept in memory.
 * The frame around the offers is not looked at (see `inspectEdition` for that).
 */
export async function* judgeFile(
  family: Family,
  offers: AsyncIterable<JudgedOffer> | Iterable<JudgedOffer>,
  { isOwn = false, batchSize = 64 }: FileOptions = {},
): AsyncGenerator<Problem> {
  const schema = compile(family);
  const ids = new Set<string>();
  let batch: (JudgedOffer & { position: number })[] = [];
  let position = 0;
  function* flush(): Generator<Problem> {
    const broken = new Set<number>();
    const problems: Problem[] = [];
    for (const problem of judgeBatch(schema, batch)) {
      // Ids are compared over the whole file, below.
      if (problem.code === 'duplicate-id') continue;
      problems.push(problem);
      if (problem.code === 'not-well-formed')
        broken.add(batch.find(({ id, line = 1 }) => id === problem.id && line <= problem.line)?.position ?? 0);
    }
    for (const offer of batch) {
      if (ids.has(offer.id)) {
        problems.push({
          code: 'duplicate-id',
          id: offer.id,
          line: offer.line ?? 1,
          xpath: offerPath(schema.codec, offer.position),
          message: `Номер ${offer.id} уже есть у другого объявления файла.`,
        });
      }
      ids.add(offer.id);
      if (!broken.has(offer.position)) problems.push(...judgeOffer(schema.codec, offer, offer.position, isOwn));
    }
    batch = [];
    yield* withoutEchoes(problems).sort((a, b) => a.line - b.line);
  }
  for await (const offer of offers) {
    position++;
    batch.push({ ...offer, position: offer.position ?? position });
    if (batch.length >= batchSize) yield* flush();
  }
  if (batch.length > 0) yield* flush();
}

/** The schema and ajv may both miss one element; the more exact path stays. */
function withoutEchoes(problems: readonly Problem[]): Problem[] {
  const missing = problems.filter(({ code, detail }) => code === 'missing' && detail === undefined);
  return problems.filter(
    (problem) =>
      problem.code !== 'missing' ||
      problem.detail === undefined ||
      !missing.some(({ id, message }) => {
        const path = pathOf(problem.message);
        const exact = pathOf(message);
        return id === problem.id && path !== undefined && (exact === path || exact?.startsWith(`${path}/`) === true);
      }),
  );
}

const pathOf = (message: string) => /^Нет обязательного элемента ([^\s:]+?)[.:]/.exec(message)?.[1];

/**
 * One finished file of ours, as a whole: well-formed, root and its children, schema, required, order, unique ids.
 * It keeps the whole document in memory (about ten times the text); long files go through `judgeFile` in batches.
 */
export function inspectEdition(family: Family, text: string): Problem[] {
  const schema = compile(family);
  const { codec } = schema;
  const root = `/${codec.rootName}`;
  if (!text.startsWith('<?xml version="1.0" encoding="UTF-8"?>')) {
    return [
      { code: 'wrong-root', line: 1, xpath: root, message: 'Файл начинается не с объявления XML в кодировке UTF-8.' },
    ];
  }
  // Before libxml2 sees it: a schema cannot judge a document with entities, and ours have none.
  const prolog = text.slice(0, text.search(/<[A-Za-z_]/));
  if (/<!DOCTYPE|<!ENTITY/i.test(prolog)) {
    return [{ code: 'not-well-formed', line: 1, xpath: root, message: 'В файле есть DOCTYPE, а он запрещён.' }];
  }
  let offers: CutOffer[] = [];
  const frame: Frame = {
    ...schema,
    at(line) {
      let low = 0;
      let high = offers.length - 1;
      while (low <= high) {
        const middle = (low + high) >> 1;
        if (offers[middle]!.line! <= line) low = middle + 1;
        else high = middle - 1;
      }
      const offer = offers[high];
      return offer === undefined ? { line } : { id: offer.id, position: high + 1, line };
    },
  };
  try {
    offers = cutOffers(codec, text);
    const problems = validate(frame, text);
    offers.forEach((offer, index) => {
      problems.push(...judgeOffer(codec, offer, index + 1, true));
    });
    return withoutEchoes(problems).sort((a, b) => a.line - b.line);
  } catch (error) {
    if (error instanceof XmlParseError) return [parseProblem(frame, error)];
    if (!(error instanceof CutError)) throw error;
    // saxes speaks first; libxml2's word is asked for the sentence.
    try {
      XmlDocument.fromString(text, PARSE).dispose();
    } catch (fromLibxml) {
      if (fromLibxml instanceof XmlParseError) return [parseProblem(frame, fromLibxml)];
    }
    return [
      {
        code: 'not-well-formed',
        line: 1,
        xpath: root,
        message: 'Разметка XML нарушена: файл не прочтёт ни одна площадка.',
        detail: error.message,
      },
    ];
  }
}

class CutError extends Error {}

/** The offers of a file of ours that is in memory as a whole, with their first lines and trees. */
function cutOffers(codec: Codec, text: string): CutOffer[] {
  const offers: CutOffer[] = [];
  const parser = new SaxesParser({ xmlns: false, position: true });
  const idStep = idPath(codec);
  let depth = 0;
  let from = 0;
  let line = 1;
  let openAt = 0;
  let openLine = 1;
  parser.on('error', (error) => {
    throw new CutError(error.message);
  });
  parser.on('opentagstart', () => {
    if (depth === 1) {
      // The parser has read the name and the character after it.
      openAt = text.lastIndexOf('<', parser.position - 1);
      openLine = parser.line - countLines(text.slice(openAt, parser.position));
    }
  });
  parser.on('opentag', (tag) => {
    depth++;
    if (depth === 2 && tag.name === codec.offerName) {
      from = openAt;
      line = openLine;
    }
  });
  parser.on('closetag', (tag) => {
    depth--;
    if (depth !== 1 || tag.name !== codec.offerName) return;
    const xml = text.slice(from, parser.position);
    const element = parseElement(xml);
    offers.push({ id: idIn(element, idStep), xml, element, line, position: offers.length + 1 });
  });
  parser.write(text).close();
  return offers;
}

function idIn(element: Element, path: string): string {
  if (path.startsWith('@')) return element.attrs.get(path.slice(1))?.trim() ?? '';
  return element.peek(path) ?? '';
}
