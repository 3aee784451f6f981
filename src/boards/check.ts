import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import type { Facts } from '../domain/facts.ts';
import { DEAL_LABELS, DEALS, type Family, FIELDS, KINDS, type Listing } from '../domain/listing.ts';
import type { Notice } from '../domain/notice.ts';
import { agree } from '../domain/text.ts';
import type { Board, BoardRule } from './catalogue.ts';

/**
 * Checks a listing against a board: one ajv validator per rule, so that several problems are told together, rules
 * sorted into buckets by kind and deal, and every schema text compiled once for all boards.
 */

/** A JSON Schema over the subject. */
export type SubjectSchema = boolean | { readonly [word: string]: unknown };

/**
 * What a rule is about. Rules are written over `{ ...listing, facts }`; copying a listing for every check costs more
 * than all its rules together, so the two are kept side by side and the schemas are rewritten to look there.
 */
export interface Subject {
  readonly listing: Listing;
  readonly facts: Facts;
}

type Predicate = (subject: Subject) => boolean;

/** Our ajv: strict about the schemas, changes nothing in the data. Types stand in the listing's own schema. */
export function newAjv(options: Options = {}): Ajv {
  return new Ajv({
    strict: true,
    // `{ "maximum": { "$data": "/priceKopecks" } }` compares a field with another one of the listing.
    $data: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: false,
    coerceTypes: false,
    removeAdditional: false,
    useDefaults: false,
    ...options,
  });
}

/** What ajv found, for somebody who writes JSON by hand. */
export function inRussian({ keyword, params, message }: ErrorObject): string {
  const told = params as Record<string, unknown>;
  switch (keyword) {
    case 'additionalProperties':
      return `лишнее слово «${told.additionalProperty}»`;
    case 'required':
      return `нет обязательного «${told.missingProperty}»`;
    case 'enum':
      return `можно: ${(told.allowedValues as unknown[]).join(', ')}`;
    case 'type':
      return `здесь нужно значение вида ${told.type}`;
    case 'pattern':
      return `не подходит под образец ${told.pattern}`;
    case 'minLength':
    case 'minItems':
      return 'не должно быть пустым';
    case 'maxLength':
      return `не длиннее ${told.limit} знаков`;
    case 'maxItems':
      return `не больше ${told.limit} строк`;
    case 'minimum':
      return `не меньше ${told.limit}`;
    case 'maximum':
      return `не больше ${told.limit}`;
    case 'uniqueItems':
      return 'значения повторяются';
    default:
      return `не подходит (${message})`;
  }
}

/** Tells whether a value fits, and afterwards in what it does not. */
export interface Proof {
  (value: unknown): boolean;
  readonly errors: ValidateFunction['errors'];
}

/** The proof of a schema, compiled when it is first asked: to compile takes longer than most commands have to do. */
export function proofOf(schema: object, options: Options = {}): Proof {
  let compiled: ValidateFunction | undefined;
  const prove = (value: unknown): boolean => {
    compiled ??= newAjv(options).compile(schema);
    return compiled(value);
  };
  return Object.defineProperty(prove, 'errors', { get: () => compiled?.errors ?? null }) as Proof;
}

const ajv = newAjv({ messages: false });
const validators = new Map<string, Predicate>();

/** The compiled schema; the same text is compiled once, whatever rule or board it stands in. */
export function validatorOf(schema: SubjectSchema): Predicate {
  if (typeof schema === 'boolean') return () => schema;
  const text = JSON.stringify(schema);
  let found = validators.get(text);
  if (!found) {
    found = ajv.compile(sideBySide(schema) as object) as ValidateFunction as Predicate;
    validators.set(text, found);
  }
  return found;
}

const PARTS_ONE = ['not', 'if', 'then', 'else'];
const PARTS_MANY = ['allOf', 'anyOf', 'oneOf'];

/** A schema over `{ ...listing, facts }` as the same schema over `{ listing, facts }`. */
function sideBySide(schema: SubjectSchema): SubjectSchema {
  if (typeof schema === 'boolean') return schema;
  const lifted: Record<string, unknown> = {};
  const listing: Record<string, unknown> = {};
  for (const [word, value] of Object.entries(schema)) {
    if (PARTS_ONE.includes(word)) lifted[word] = sideBySide(value as SubjectSchema);
    else if (PARTS_MANY.includes(word)) lifted[word] = (value as SubjectSchema[]).map(sideBySide);
    else if (word === 'properties') {
      const { facts, ...fields } = value as Record<string, unknown>;
      if (facts !== undefined) lifted.properties = { facts };
      if (Object.keys(fields).length > 0) listing.properties = relocate(fields);
    } else listing[word] = value;
  }
  if (Object.keys(listing).length === 0) return lifted;
  return { ...lifted, properties: { ...(lifted.properties as object | undefined), listing } };
}

/** `{ "$data": "/priceKopecks" }` points into the listing. */
function relocate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relocate);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, part]): [string, unknown] =>
    key === '$data' ? [key, `/listing${String(part)}`] : [key, relocate(part)],
  );
  return Object.fromEntries(entries);
}

/*
 * Sentences.
 *   {label} {name} {nameDative} {nameGenitive}   the field's and the board's names
 *   {offers}                                     «продажа квартир»
 *   {floor} {facts.descriptionChars}             a value of the subject
 *   {priceKopecks|roubles}                       «9 800 000 ₽» out of kopecks
 *   {landAreaM2|m2}                              «54,3 м²»
 *   {facts.descriptionChars|знак|знака|знаков}   «11 знаков»
 */

const PLACEHOLDER = /\{([^{}]+)\}/g;

/** What stands in braces in a sentence, without the braces. */
export function placeholdersOf(sentence: string): string[] {
  return [...sentence.matchAll(PLACEHOLDER)].map((found) => found[1]!);
}

// A sentence is formed for every notice, and making a formatter costs a hundred times more than using one.
const numbers = new Intl.NumberFormat('ru', { maximumFractionDigits: 4, useGrouping: 'min2' });

function valueAt({ listing, facts }: Subject, path: string): unknown {
  if (path.startsWith('facts.')) return facts[path.slice(6) as keyof Facts];
  if (path.startsWith('own:')) {
    for (const fields of Object.values(listing.boardFields ?? {})) {
      const value = (fields as Record<string, unknown> | undefined)?.[path.slice(4)];
      if (value !== undefined) return value;
    }
    return undefined;
  }
  return listing[path as keyof Listing];
}

/**
 * A value as sentences tell it.
 * @param forms what stands behind the bars of a placeholder: `roubles`, `m2` or three forms of a word
 */
export function tellValue(value: unknown, forms: readonly string[] = []): string {
  if (value === undefined) return 'не заполнено';
  if (typeof value === 'boolean') return value ? 'да' : 'нет';
  if (typeof value !== 'number') return String(value);
  if (forms.length === 3) {
    return `${numbers.format(value)} ${agree(value, forms[0]!, forms[1]!, forms[2]!)}`;
  }
  if (forms[0] === 'roubles') return `${numbers.format(value / 100)} ₽`;
  if (forms[0] === 'm2') return `${numbers.format(value)} м²`;
  return numbers.format(value);
}

type Sentence = (subject: Subject) => string;

function compileSentence(rule: BoardRule, board: Board): Sentence {
  const names: Readonly<Record<string, string>> = {
    label: rule.label,
    name: board.name,
    nameDative: board.nameDative,
    nameGenitive: board.nameGenitive,
  };
  const parts: (string | Sentence)[] = [];
  let from = 0;
  const add = (part: string) => {
    if (typeof parts.at(-1) === 'string') parts.push((parts.pop() as string) + part);
    else parts.push(part);
  };
  for (const found of rule.message.matchAll(PLACEHOLDER)) {
    add(rule.message.slice(from, found.index));
    from = found.index + found[0].length;
    const [path, ...forms] = found[1]!.split('|') as [string, ...string[]];
    if (names[path] !== undefined) add(names[path]);
    else if (path === 'offers') parts.push(({ listing }) => describeOffers(listing));
    else parts.push((subject) => tellValue(valueAt(subject, path), forms));
  }
  add(rule.message.slice(from));
  return (subject) => parts.map((part) => (typeof part === 'string' ? part : part(subject))).join('');
}

/**
 * The sentence of a rule before it is told of any listing; a value of the listing stands as three dots.
 * @example 'Описание: … знаков. Циану нужно от 15 до 3000.'
 */
export function demandSentence(
  rule: Pick<BoardRule, 'label' | 'message'>,
  board: Pick<Board, 'name' | 'nameDative' | 'nameGenitive'>,
): string {
  const names: Readonly<Record<string, string>> = { label: rule.label, ...board, offers: 'такие объявления' };
  // For whom it is meant is told beside the sentence.
  return rule.message
    .replace(/: \{offers\}(?=\.)/g, '')
    .replace(PLACEHOLDER, (_, placeholder: string) => {
      const [path, ...forms] = placeholder.split('|') as [string, ...string[]];
      const unit = forms.length === 3 ? ` ${forms[2]}` : forms[0] === 'roubles' ? ' ₽' : forms[0] === 'm2' ? ' м²' : '';
      return Object.hasOwn(names, path) ? names[path]! : `…${unit}`;
    })
    .replaceAll('….', '…');
}

const COMMERCIAL_OFFERS: Readonly<Record<NonNullable<Listing['commercialType']>, string>> = {
  office: 'офисов',
  retail: 'торговых помещений',
  'free-purpose': 'помещений свободного назначения',
  warehouse: 'складов',
  manufacturing: 'производственных помещений',
  building: 'зданий',
  business: 'готового бизнеса',
  land: 'коммерческой земли',
  catering: 'помещений общепита',
  hotel: 'гостиниц',
  'auto-service': 'автосервисов',
  coworking: 'рабочих мест в коворкингах',
  'storage-room': 'кладовых',
  'legal-address': 'юридических адресов',
};
const HOUSE_OFFERS: Readonly<Record<NonNullable<Listing['houseType']>, string>> = {
  house: 'домов',
  dacha: 'дач',
  cottage: 'коттеджей',
  townhouse: 'таунхаусов',
  duplex: 'дуплексов',
  part: 'частей домов',
};
const GARAGE_OFFERS: Readonly<Record<NonNullable<Listing['garageType']>, string>> = {
  garage: 'гаражей',
  box: 'боксов',
  'parking-place': 'машино-мест',
};

function offeredThings(listing: Listing): string {
  switch (listing.kind) {
    case 'flat':
      if (listing.isShare === true) return 'долей в квартирах';
      return listing.market === 'new' ? 'квартир в новостройках' : 'квартир';
    case 'room':
      return 'комнат';
    case 'bed':
      return 'койко-мест';
    case 'house':
      return listing.isShare === true ? 'частей домов' : HOUSE_OFFERS[listing.houseType ?? 'house'];
    case 'land':
      return 'участков';
    case 'garage':
      return GARAGE_OFFERS[listing.garageType ?? 'garage'];
    case 'commercial':
      return listing.commercialType === undefined
        ? 'коммерческой недвижимости'
        : COMMERCIAL_OFFERS[listing.commercialType];
  }
}

/**
 * What kind of advertisement a listing is, as boards divide them.
 * @example describeOffers({ externalId: '1', kind: 'flat', deal: 'sale', market: 'new' }) // 'продажа квартир в новостройках'
 */
export function describeOffers(listing: Listing): string {
  return `${DEAL_LABELS[listing.deal]} ${offeredThings(listing)}`;
}

interface CompiledRule {
  readonly rule: BoardRule;
  readonly when: Predicate | undefined;
  readonly must: Predicate;
  readonly sentence: Sentence;
  /** What the notice gives as the actual value: the first value its sentence tells, else the field. */
  readonly actualPath: string;
}

/** A board ready to judge listings in one format family. */
export interface Checker {
  readonly board: Board;
  readonly family: Family;
  /**
   * Everything the board has to say about a listing, blocking notices first; empty when there is nothing.
   * One code is told once. A listing that the board cannot take at all gets that one notice alone.
   */
  check(listing: Listing, facts: Facts): Notice[];
}

/** Compiles a board's rules for the family a cabinet writes (the board's usual one unless told otherwise). */
export function compileBoard(board: Board, family: Family = board.family): Checker {
  const meant = board.rules.filter((rule) => rule.families === undefined || rule.families.includes(family));
  return { board, family, check: compileRules(meant, board) };
}

/** Compiles rules, whoever made them, into one check; they are tried in their order. @param board named in the sentences */
export function compileRules(rules: readonly BoardRule[], board: Board): Checker['check'] {
  const compiled = rules.map((rule): CompiledRule => {
    const told = placeholdersOf(rule.message)
      .map((placeholder) => placeholder.split('|')[0]!)
      .find((path) => path.startsWith('facts.') || FIELDS.includes(path as keyof Listing));
    return {
      rule,
      when: rule.when === undefined ? undefined : validatorOf(rule.when),
      must: validatorOf(rule.must),
      sentence: compileSentence(rule, board),
      actualPath: told ?? rule.field,
    };
  });
  const buckets = new Map<string, readonly CompiledRule[]>();
  for (const kind of KINDS) {
    for (const deal of DEALS) {
      buckets.set(
        `${kind} ${deal}`,
        compiled.filter(
          ({ rule }) =>
            (rule.kinds === undefined || rule.kinds.includes(kind)) &&
            (rule.deals === undefined || rule.deals.includes(deal)),
        ),
      );
    }
  }

  return (listing, facts) => {
    const notices: Notice[] = [];
    const subject: Subject = { listing, facts };
    for (const one of buckets.get(`${listing.kind} ${listing.deal}`) ?? []) {
      if (one.when !== undefined && !one.when(subject)) continue;
      if (one.must(subject)) continue;
      const notice = noticeOf(one, subject);
      if (one.rule.isFinal) return [notice];
      if (!notices.some((other) => other.code === notice.code)) notices.push(notice);
    }
    return notices;
  };
}

function noticeOf({ rule, sentence, actualPath }: CompiledRule, subject: Subject): Notice {
  const actual = valueAt(subject, actualPath);
  const isPlain = typeof actual === 'number' || typeof actual === 'boolean' || typeof actual === 'string';
  return {
    code: rule.code,
    severity: rule.severity,
    field: rule.field,
    label: rule.label,
    message: sentence(subject),
    fixedBy: rule.fixedBy,
    source: rule.source.title,
    checkedOn: rule.checkedOn,
    ...(isPlain && { actual: typeof actual === 'string' && actual.length > 200 ? `${actual.slice(0, 199)}…` : actual }),
  };
}
