import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/corrections.ts';
import type { Facts } from '../domain/facts.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import {
  DEAL_LABELS,
  DEALS,
  type Deal,
  KINDS,
  type Kind,
  type Listing,
  ListingSchema,
  labelOf,
} from '../domain/listing.ts';
import type { Notice, Severity, StoredNorm } from '../domain/notice.ts';
import {
  type Board,
  type BoardRule,
  kebabOf,
  missingCode,
  type NormRule,
  NormRuleSchema,
  problemsOfSchema,
  proveSentence,
  type Report,
} from './catalogue.ts';
import {
  compileRules,
  inRussian,
  newAjv,
  placeholdersOf,
  proofOf,
  type SubjectSchema,
  tellValue,
  validatorOf,
} from './check.ts';

/**
 * Norms: what the agency itself demands of a listing before it goes to a board. They have the shape of a board's
 * rules and are judged by the same code, but people write them while the program runs, so every one is proved here.
 */

/** The norms of an agency that concern one board, ready to judge listings. */
export interface NormChecker {
  /** Digest of these norms: equal keys judge equally. Part of a cached offer's key. */
  readonly key: string;
  /** What the norms say of a listing, blocking notices first. Exceptions are the caller's. */
  check(listing: Listing, facts: Facts): Notice[];
}

/** The board's id in the codes of norms. */
const NORM = 'norm/';
const SOURCE = 'норма агентства';

/** @throws Fault `norm-invalid` when a stored norm cannot be judged by: a run must not let its listings go out unchecked */
export function compileNorms(rows: readonly StoredNorm[], board: Board): NormChecker {
  const meant = rows
    .filter(({ boards }) => boards === null || boards.includes(board.id))
    .map((row) => ({ code: row.code, rule: stored(row), createdAt: row.createdAt }))
    .sort((one, other) => urgency(one.rule) - urgency(other.rule) || (one.code < other.code ? -1 : 1));
  const rules = meant.map(({ code, rule, createdAt }): BoardRule => {
    const savedOn = createdAt.toISOString().slice(0, 10);
    return {
      code,
      ...(rule.kinds && { kinds: rule.kinds }),
      ...(rule.deals && { deals: rule.deals }),
      ...(rule.when !== undefined && { when: rule.when as SubjectSchema }),
      must: rule.must as SubjectSchema,
      severity: rule.severity,
      field: rule.field,
      label: rule.label ?? labelOf(rule.field),
      message: rule.message,
      fixedBy: rule.fixedBy ?? 'agent',
      source: { key: 'norm', title: SOURCE, date: savedOn, grade: 'official' },
      checkedOn: savedOn,
      isFinal: false,
    };
  });
  return {
    key: createHash('sha256')
      .update(canonicalJson(meant.map(({ code, rule }) => [code, rule])))
      .digest('base64url'),
    check: compileRules(rules, board),
  };
}

const urgency = ({ severity }: NormRule) => (severity === 'blocking' ? 0 : 1);

function stored(row: StoredNorm): NormRule {
  try {
    return readNorm(row.rule).rule;
  } catch (cause) {
    throw new Fault('norm-invalid', `Сохранённая норма «${row.code}» больше не читается: задайте её заново.`, {
      cause,
    });
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Proof of what a person wrote.

const JSON_CHARS_MAX = 20_000;
const JSON_DEPTH_MAX = 30;

const ajv = newAjv({ allErrors: true });
const proveShape = proofOf(NormRuleSchema, { allErrors: true });

/**
 * A rule as a person wrote it, proved.
 * @param input the parsed JSON; its `code` with or without `norm/`
 * @returns the rule with its bare code, and the code under which the norm is known
 * @throws Refusal `norm-wrong`, whose message names every problem and its place
 */
export function readNorm(input: unknown): { readonly code: string; readonly rule: NormRule } {
  const problems: string[] = [];
  const report = (path: string, what: string) => problems.push(path === '' ? what : `${path}: ${what}`);

  const proved = prove(input, report);
  if (proved !== null && problems.length === 0) return { code: `${NORM}${proved.code}`, rule: proved };
  const list = problems.map((problem) => `— ${problem}`).join('\n');
  throw new Refusal('norm-wrong', `Норма не принята, замечаний: ${problems.length}.\n${list}`, 2);
}

function prove(input: unknown, report: Report): NormRule | null {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    report('', 'нужно одно правило в фигурных скобках');
    return null;
  }
  // Before anything that walks it: what is too deep for us is too deep for the walkers too.
  if (depthOf(input) > JSON_DEPTH_MAX) {
    report('', `правило вложено глубже ${JSON_DEPTH_MAX} уровней`);
    return null;
  }
  if (JSON.stringify(input).length > JSON_CHARS_MAX) {
    report('', `правило длиннее ${JSON_CHARS_MAX} знаков`);
    return null;
  }
  const code = (input as { code?: unknown }).code;
  const bare = typeof code === 'string' && code.startsWith(NORM) ? { ...input, code: code.slice(NORM.length) } : input;
  if (!proveShape(bare)) {
    for (const error of proveShape.errors ?? []) report(error.instancePath, inRussian(error));
    return null;
  }
  const rule = bare as NormRule;
  if (rule.field.startsWith('own:')) {
    if (rule.label === undefined) report('/label', 'у поля одной доски нужно название для людей');
  } else if (!Object.hasOwn(ListingSchema.properties, rule.field)) {
    report('/field', `у объекта нет поля «${rule.field}»`);
  }
  proveSentence(rule.message, '/message', report);
  if (rule.when !== undefined) proveSchema(rule.when, '/when', report);
  proveSchema(rule.must, '/must', report);
  return rule;
}

function proveSchema(schema: unknown, place: string, report: Report): void {
  const problems = [...problemsOfSchema(schema, place), ...patternProblems(schema, place)];
  for (const { path, what } of problems) report(path, what);
  if (problems.length > 0) return;
  if (ajv.validateSchema(schema as object) !== true) {
    for (const error of ajv.errors ?? []) report(`${place}${error.instancePath}`, inRussian(error));
    return;
  }
  try {
    validatorOf(schema as SubjectSchema);
  } catch (error) {
    report(place, `схема не собирается (${(error as Error).message})`);
  }
}

function depthOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > JSON_DEPTH_MAX) return depth;
  return Object.values(value).reduce((deepest, part) => Math.max(deepest, depthOf(part, depth + 1)), depth);
}

// ---------------------------------------------------------------------------------------------------------------------
// Regular expressions. The engine tries again and again, so a careless expression over a long description can stop a
// run for hours; what may stand in a norm is kept so small that it cannot.

const PATTERN_CHARS_MAX = 200;
/** How many signs an expression may compare from one place of the text on; over the longest description it is a second. */
const STEPS_MAX = 2000;

function patternProblems(schema: unknown, path: string): { path: string; what: string }[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => {
    const place = `${path}/${key}`;
    if (key !== 'pattern') return patternProblems(value, place);
    const what = typeof value === 'string' ? patternProblem(value) : 'здесь нужна строка';
    return what === undefined ? [] : [{ path: place, what }];
  });
}

/** One piece of an expression: an escape, a class, the opening of a group, a repeat, a bar; anything else is itself. */
const PIECE =
  /\\k<|\\[1-9]|\\[pPu]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:<?[=!]|:|<[^>]*>))?|\{(\d+)(,?)(\d*)\}\??|[?*+]\??|./gsu;

/**
 * Why an expression may not stand in a norm. Refused: repeated groups such as `(a+)+`, looking around and back, too
 * many ways to match (`(a|a)(a|a)…`, `a?a?a?…`), and open repeats, but for one after a `^`, which is tried at one
 * place of the text only.
 */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > PATTERN_CHARS_MAX) return `выражение длиннее ${PATTERN_CHARS_MAX} знаков`;
  /** In how many ways the part before can have matched; what follows is tried after each. */
  let ways = 1;
  let steps = 0;
  let openRepeats = 0;
  /** Alternatives of the whole and of each group that is open here. */
  const alternatives = [1];
  let previous = '';
  for (const [piece, from, comma, to] of pattern.matchAll(PIECE)) {
    const isRepeat = from !== undefined || /^[?*+]/.test(piece);
    if (/^\(\?<?[=!]/.test(piece) || piece === '\\k<' || /^\\[1-9]$/.test(piece))
      return 'выражение смотрит вперёд или назад, в норме так нельзя';
    if (isRepeat && previous === ')') return 'повтор скобок в норме не разрешён';
    if (piece.startsWith('(')) alternatives.push(1);
    else if (piece === '|') alternatives[alternatives.length - 1]!++;
    else if (piece === ')') ways *= alternatives.length > 1 ? alternatives.pop()! : 1;
    else if (!isRepeat) steps += ways;
    else if (/^[*+]/.test(piece) || (comma === ',' && to === '')) openRepeats++;
    else {
      const least = Number(from ?? 0);
      const most = from === undefined ? 1 : comma === ',' ? Number(to) : least;
      steps += ways * most;
      ways *= most - least + 1;
    }
    previous = piece;
  }
  const isAnchored = pattern.startsWith('^') && alternatives[0] === 1;
  if (openRepeats > (isAnchored ? 1 : 0))
    return 'повтор без верхней границы (*, +, {2,}) разрешён один и только в выражении, которое начинается с ^; укажите границу: {0,50}';
  return steps > STEPS_MAX ? 'в выражении слишком много вариантов' : undefined;
}

// ---------------------------------------------------------------------------------------------------------------------
// The usual norms, for people who do not write JSON.

/** What the agency wants. Limits of money are in kopecks, of everything else in the field's own unit. */
export type NormWish =
  | { readonly kind: 'photos'; readonly min: number }
  | { readonly kind: 'text'; readonly min?: number | undefined; readonly max?: number | undefined }
  | { readonly kind: 'required'; readonly field: string }
  | {
      readonly kind: 'limit';
      readonly field: string;
      readonly min?: number | undefined;
      readonly max?: number | undefined;
    };

/** Of which listings it is wanted. An absent list means all. The norm's code tells the scope, so each scope has its own norm. */
export interface NormScope {
  readonly boards?: readonly string[] | undefined;
  readonly kinds?: readonly Kind[] | undefined;
  readonly deals?: readonly Deal[] | undefined;
  /** `blocking` unless told otherwise. */
  readonly severity?: Severity | undefined;
}

/** A norm that is not saved yet. */
export type Norm = Pick<StoredNorm, 'code' | 'boards'> & { readonly rule: NormRule };

type Wanted = Pick<NormRule, 'must' | 'field' | 'message'> & { readonly when?: SubjectSchema; readonly code: string };

/**
 * A usual norm with its sentence.
 * @throws Refusal `norm-wrong` with all that is wrong in the wish
 */
export function normFrom(wish: NormWish, scope: NormScope = {}): Norm {
  const problems: string[] = [];
  const wanted = wantedBy(wish, (problem) => problems.push(problem));
  if (wanted === null) throw new Refusal('norm-wrong', problems.join(' '), 2);
  const { code, when, ...demand } = wanted;
  const kinds = scope.kinds && KINDS.filter((kind) => scope.kinds!.includes(kind));
  const deals = scope.deals && DEALS.filter((deal) => scope.deals!.includes(deal));
  const boards = scope.boards ? [...new Set(scope.boards)].sort() : null;
  return {
    boards,
    ...readNorm({
      code: codeOf([code, ...(boards ?? []), ...(kinds ?? []), ...(deals ?? [])]),
      ...(kinds && { kinds }),
      ...(deals && { deals }),
      ...(when !== undefined && { when }),
      ...demand,
      severity: scope.severity ?? 'blocking',
    }),
  };
}

/** Longer codes than this are not read by anybody. */
const CODE_CHARS_MAX = 80;

function codeOf(words: readonly string[]): string {
  const whole = words.join('-');
  if (whole.length <= CODE_CHARS_MAX) return whole;
  return `${words[0]}-${createHash('sha256').update(whole).digest('hex').slice(0, 8)}`;
}

function wantedBy(wish: NormWish, report: (problem: string) => void): Wanted | null {
  switch (wish.kind) {
    case 'photos': {
      if (!isWhole(wish.min, 1, 500)) {
        report('Фотографий можно требовать от 1 до 500.');
        return null;
      }
      return {
        code: 'photos-min',
        must: fact('photosCount', { minimum: wish.min }),
        field: 'photos',
        message: `Фотографий: {facts.photosCount}. Агентству нужно не меньше ${wish.min}.`,
      };
    }
    case 'text': {
      const bounds = boundsOf(wish, 'Длина описания', report);
      for (const bound of [wish.min, wish.max]) {
        if (bound !== undefined && !isWhole(bound, 0, 100_000)) {
          report('Длина описания считается в знаках: целое число от 0 до 100 000.');
          return null;
        }
      }
      if (bounds === null) return null;
      return {
        code: 'description-length',
        must: fact('descriptionChars', bounds),
        field: 'description',
        message: `{label}: {facts.descriptionChars|знак|знака|знаков}. Агентству нужно ${between(bounds, (value) => tellValue(value))}.`,
      };
    }
    case 'required': {
      const { field } = wish;
      if (!isPlainField(field)) {
        report(`У объекта нет поля «${field}».`);
        return null;
      }
      return {
        code: missingCode(field),
        must: { required: [field] },
        field,
        message: '{label}: не заполнено. Требует агентство: {offers}.',
      };
    }
    case 'limit': {
      const { field } = wish;
      const shape = (ListingSchema.properties as Record<string, { type?: string }>)[field];
      if (!isPlainField(field)) report(`У объекта нет поля «${field}».`);
      else if (shape?.type !== 'number' && shape?.type !== 'integer')
        report(`Поле «${labelOf(field)}» не число, его нельзя ограничить.`);
      const bounds = boundsOf(wish, 'Предел', report);
      if (bounds === null || (shape?.type !== 'number' && shape?.type !== 'integer')) return null;
      const { name, placeholder, told } = unitOf(field);
      const when = comparable(field);
      return {
        code: `${kebabOf(field)}-limit`,
        ...(when && { when }),
        must: { properties: { [field]: bounds } },
        field,
        message: `${name}: ${placeholder}. Агентству нужно ${between(bounds, told)}.`,
      };
    }
  }
}

const isWhole = (value: number, min: number, max: number) => Number.isInteger(value) && value >= min && value <= max;
const isPlainField = (field: string) => field !== 'boardFields' && Object.hasOwn(ListingSchema.properties, field);
const fact = (name: keyof Facts, must: SubjectSchema): SubjectSchema => ({
  properties: { facts: { properties: { [name]: must } } },
});

type Bounds = { readonly minimum?: number; readonly maximum?: number };

function boundsOf(
  { min, max }: { readonly min?: number | undefined; readonly max?: number | undefined },
  what: string,
  report: (problem: string) => void,
): Bounds | null {
  if (min === undefined && max === undefined) report(`${what}: укажите нижнюю или верхнюю границу.`);
  else if ([min, max].some((bound) => bound !== undefined && !Number.isFinite(bound)))
    report(`${what}: граница должна быть числом.`);
  else if (min !== undefined && max !== undefined && min > max) report(`${what}: нижняя граница больше верхней.`);
  else return { ...(min !== undefined && { minimum: min }), ...(max !== undefined && { maximum: max }) };
  return null;
}

function between({ minimum, maximum }: Bounds, told: (value: number) => string): string {
  if (minimum === undefined) return `не больше ${told(maximum!)}`;
  return maximum === undefined ? `не меньше ${told(minimum)}` : `от ${told(minimum)} до ${told(maximum)}`;
}

/** How a sentence tells a number of a field: by its name's unit, or by the one its label ends with («Комиссия с клиента, %»). */
function unitOf(field: string): { name: string; placeholder: string; told: (value: number) => string } {
  if (field.endsWith('Kopecks'))
    return { name: '{label}', placeholder: `{${field}|roubles}`, told: (value) => tellValue(value, ['roubles']) };
  if (field.endsWith('M2'))
    return { name: '{label}', placeholder: `{${field}|m2}`, told: (value) => tellValue(value, ['m2']) };
  const [, name, unit] = /^(.+), (%|кВт)$/.exec(labelOf(field)) ?? [];
  if (unit === undefined) return { name: '{label}', placeholder: `{${field}}`, told: (value) => tellValue(value) };
  return { name: name!, placeholder: `{${field}} ${unit}`, told: (value) => `${tellValue(value)} ${unit}` };
}

/** Money is compared only where it is roubles, and the price only where it is for the whole property. */
function comparable(field: string): SubjectSchema | undefined {
  if (!field.endsWith('Kopecks')) return undefined;
  return {
    properties: {
      currency: { const: 'RUB' },
      ...(field === 'priceKopecks' && { priceUnit: { const: 'total' } }),
    },
  };
}

// ---------------------------------------------------------------------------------------------------------------------

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  flat: 'квартиры',
  room: 'комнаты',
  bed: 'койко-места',
  house: 'дома',
  land: 'участки',
  garage: 'гаражи',
  commercial: 'коммерческая недвижимость',
};

/**
 * A norm in one line: for what and what it demands; a value of a listing stands as three dots.
 * @example 'Все доски; квартиры; продажа. Фотографий: … Агентству нужно не меньше 5.'
 */
export function describeNorm({ boards, rule }: Norm, nameOf: (board: string) => string): string {
  const scope = [
    boards === null ? 'Все доски' : boards.map(nameOf).join(', '),
    ...(rule.kinds ? [rule.kinds.map((kind) => KIND_WORDS[kind]).join(', ')] : []),
    ...(rule.deals ? [rule.deals.map((deal) => DEAL_LABELS[deal]).join(', ')] : []),
  ].join('; ');
  const sentence = demandText(rule.message, rule.label ?? labelOf(rule.field));
  return `${scope}. ${sentence}${rule.severity === 'advisory' ? ' Только советует.' : ''}`;
}

/** The sentence without a listing: what a listing has stands as three dots. */
function demandText(message: string, label: string): string {
  let sentence = message;
  for (const placeholder of placeholdersOf(message))
    sentence = sentence.replaceAll(`{${placeholder}}`, placeholder === 'label' ? label : '…');
  return sentence.replaceAll('….', '…');
}

/**
 * What was wished when a usual norm was made, to be shown in the form again.
 * @returns null: a rule of somebody's own, only its JSON tells it
 */
export function wishOf({ code, boards, rule }: Norm): { readonly wish: NormWish; readonly scope: NormScope } | null {
  const scope: NormScope = {
    ...(boards && { boards }),
    ...(rule.kinds && { kinds: rule.kinds }),
    ...(rule.deals && { deals: rule.deals }),
    severity: rule.severity,
  };
  const must = rule.must as {
    readonly required?: readonly string[];
    readonly properties?: Readonly<Record<string, Bounds & { readonly properties?: Readonly<Record<string, Bounds>> }>>;
  };
  const bounds = (of: Bounds | undefined) => ({ min: of?.minimum, max: of?.maximum });
  const facts = must.properties?.facts?.properties;
  const wishes: NormWish[] = [
    ...(facts?.photosCount?.minimum === undefined ? [] : [{ kind: 'photos', min: facts.photosCount.minimum } as const]),
    ...(facts?.descriptionChars ? [{ kind: 'text', ...bounds(facts.descriptionChars) } as const] : []),
    { kind: 'required', field: rule.field },
    { kind: 'limit', field: rule.field, ...bounds(must.properties?.[rule.field]) },
  ];
  for (const wish of wishes) {
    try {
      const made = normFrom(wish, scope);
      if (canonicalJson([made.code, made.rule]) === canonicalJson([code, rule])) return { wish, scope };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return null;
}

/** Fields that a usual norm can demand or limit. */
export interface NormField {
  readonly field: string;
  readonly label: string;
  readonly isNumber: boolean;
  readonly isMoney: boolean;
}

export const NORM_FIELDS: readonly NormField[] = Object.entries(ListingSchema.properties)
  .filter(([field]) => field !== 'boardFields' && field !== 'externalId')
  .map(([field, schema]) => {
    const { type } = schema as { type?: string };
    return {
      field,
      label: labelOf(field),
      isNumber: type === 'number' || type === 'integer',
      isMoney: field.endsWith('Kopecks'),
    };
  });
