import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static, type TSchema } from 'typebox';
import { COLUMN_ROLES, type ReportMapping } from '../domain/board-report.ts';
import { FactsSchema } from '../domain/facts.ts';
import { Fault } from '../domain/fault.ts';
import {
  DEALS,
  type Deal,
  FAMILIES,
  type Family,
  KINDS,
  type Kind,
  ListingSchema,
  labelOf,
} from '../domain/listing.ts';
import { FIXERS, type Fixer, SEVERITIES, type Severity } from '../domain/notice.ts';
import { ROOT } from '../root.ts';
import { newAjv, placeholdersOf, proofOf, type SubjectSchema } from './check.ts';
import { CODECS } from './formats/index.ts';
import type { BoardPromotion, PaidField, PromotionLevel, PromotionWrite } from './promotion.ts';

/**
 * The boards we know, as data: one file per board in `board-rules/`, plus files that begin with `_` and hold what
 * several boards of one format family share. The files are proved when they are loaded, all problems are told at
 * once, and nothing in `src/` knows a board by name.
 */

/**
 * How sure we are of a source. `official`: the board's own text. `vendor`: an integrator's transcription of it.
 * `production`: data that a board accepted or returned. `code`: somebody's working exporter. `low`: a single
 * unverified claim. Of the last two a rule may only advise, and its sentence says that it is not confirmed; the one
 * exception is a shared set, whose rules tell what the family's file is not complete without.
 */
export const GRADES = ['official', 'vendor', 'production', 'code', 'low'] as const;
export type SourceGrade = (typeof GRADES)[number];
const DOUBTFUL: readonly SourceGrade[] = ['code', 'low'];
/** The words by which a sentence admits that the demand is not confirmed. */
export const UNCONFIRMED = 'по непроверенным данным';

const oneOf = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ enum: [...values] });
const maybe = <S extends TSchema>(schema: S) => Type.Optional(schema);
const listOf = <S extends TSchema>(schema: S) => Type.Array(schema, { minItems: 1, uniqueItems: true });
const word = (pattern: string) => Type.String({ pattern, maxLength: 120 });
const sentence = (maxLength: number) => Type.String({ minLength: 1, maxLength });

const CODE = '^[a-z0-9]+(-[a-z0-9]+)*$';
const day = () => word('^\\d{4}-\\d{2}-\\d{2}$');
const fieldName = () => word('^([a-zA-Z0-9]+|own:.+)$');

const SourceSchema = Type.Object(
  {
    key: word(CODE),
    /** A public name with a year, in Russian: it stands under the notice. */
    title: sentence(300),
    url: maybe(word('^https?://')),
    /** The day, month or year of the source itself. */
    date: word('^\\d{4}(-\\d{2}){0,2}$'),
    grade: oneOf(GRADES),
  },
  { additionalProperties: false },
);
export type RuleSource = Static<typeof SourceSchema>;

/** For which listings an entry is meant. */
const audience = {
  kinds: maybe(listOf(oneOf(KINDS))),
  deals: maybe(listOf(oneOf(DEALS))),
  /** JSON Schema over the subject (`{ ...listing, facts }`): the rule speaks only where it holds. */
  when: maybe(Type.Unknown()),
};
/** … and for which of the board's families. */
const scope = { ...audience, families: maybe(listOf(oneOf(FAMILIES))) };
const evidence = { source: word(CODE), checkedOn: day() };

/** What is demanded, whoever demands it. */
const demand = {
  code: word(CODE),
  /** JSON Schema over the subject: what must hold. */
  must: Type.Unknown(),
  severity: oneOf(SEVERITIES),
  field: fieldName(),
  /** How the notice calls the field, when its own name says less: «Точка на карте» for latitude and longitude. */
  label: maybe(sentence(100)),
  message: sentence(500),
  fixedBy: maybe(oneOf(FIXERS)),
};

const RuleSchema = Type.Object({ ...demand, ...scope, ...evidence }, { additionalProperties: false });

/** The same demand made by an agency: it is its own evidence, and no format is closer to it than another. */
export const NormRuleSchema = Type.Object({ ...demand, ...audience }, { additionalProperties: false });
export type NormRule = Static<typeof NormRuleSchema>;

/** Shorthand: each of the fields must be filled; expands to rules `<field>-missing`. */
const RequiredSchema = Type.Object(
  {
    fields: listOf(fieldName()),
    ...scope,
    severity: maybe(oneOf(SEVERITIES)),
    /** A whole sentence that is added to the notice. */
    why: maybe(sentence(300)),
    fixedBy: maybe(oneOf(FIXERS)),
    ...evidence,
  },
  { additionalProperties: false },
);

/** What the board has no place for at all. Such a listing gets this one notice and no other. */
const UnsupportedSchema = Type.Object(
  { ...scope, why: maybe(sentence(300)), ...evidence },
  { additionalProperties: false },
);

/** Paid tags (promotion.ts): where in the own fields of a family they stand. */
const place = { field: sentence(120), part: maybe(sentence(120)) };
const scalar = Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] });

const PaidFieldSchema = Type.Object(
  { ...place, keeps: maybe(listOf(scalar)), overPackage: maybe(listOf(scalar)), why: sentence(300), ...evidence },
  { additionalProperties: false },
);

const WriteSchema = Type.Object(
  {
    ...place,
    set: maybe(scalar),
    add: maybe(Type.Unsafe<unknown>({ type: ['string', 'object'] })),
    drop: maybe(listOf(scalar)),
  },
  { additionalProperties: false },
);

const LevelSchema = Type.Object(
  {
    /** As the board itself calls it. */
    code: word('^[A-Za-z0-9_-]+$'),
    label: sentence(100),
    /** How long it lasts, where the level itself says so. */
    days: maybe(Type.Integer({ minimum: 1, maximum: 366 })),
    needsPhotos: maybe(Type.Boolean()),
    writes: Type.Unsafe<{ [F in Family]?: Static<typeof WriteSchema>[] }>({
      type: 'object',
      properties: Object.fromEntries(FAMILIES.map((family) => [family, listOf(WriteSchema)])),
      additionalProperties: false,
    }),
    ...evidence,
  },
  { additionalProperties: false },
);

const paidFields = maybe(listOf(PaidFieldSchema));

/** A file in which the board tells its charges, as far as its shape is known; what is not known a person tells. */
const ReportShapeSchema = Type.Object(
  {
    code: word(CODE),
    title: sentence(200),
    /** What a person has to know besides: a whole sentence. */
    note: maybe(sentence(300)),
    /** JSON: the way to the rows. */
    rows: maybe(sentence(120)),
    columns: maybe(
      Type.Unsafe<ReportMapping['columns']>({
        type: 'object',
        properties: Object.fromEntries(COLUMN_ROLES.map((role) => [role, sentence(120)])),
        additionalProperties: false,
      }),
    ),
    placements: maybe(Type.Object({ column: sentence(120), value: sentence(120) }, { additionalProperties: false })),
    ...evidence,
  },
  { additionalProperties: false },
);

/** A known shape of a report (domain/board-report.ts). */
export interface ReportShape extends Pick<ReportMapping, 'columns' | 'rows' | 'placements'> {
  readonly code: string;
  readonly title: string;
  readonly note?: string;
  readonly source: RuleSource;
  readonly checkedOn: string;
}

const body = {
  sources: Type.Array(SourceSchema),
  /** Russian names of fields that one family alone knows. */
  labels: maybe(Type.Record(word('^own:.+$'), sentence(200))),
  unsupported: maybe(Type.Array(UnsupportedSchema)),
  required: maybe(Type.Array(RequiredSchema)),
  rules: maybe(Type.Array(RuleSchema)),
};

const RuleSetSchema = Type.Object(
  {
    id: word('^_[a-z0-9-]+$'),
    title: sentence(200),
    family: oneOf(FAMILIES),
    /** What in the family's files asks any board for something paid. */
    promotion: maybe(Type.Object({ paidFields }, { additionalProperties: false })),
    ...body,
  },
  { additionalProperties: false },
);
type RuleSet = Static<typeof RuleSetSchema>;

const QuirksSchema = Type.Object(
  {
    /** Pictures the board takes; the first ones are written. */
    photosMax: maybe(Type.Integer({ minimum: 1 })),
    /** Phone numbers the board takes; the first ones are written. */
    phonesMax: maybe(Type.Integer({ minimum: 1 })),
    /** Listings in one file, newest first. */
    maxOffers: maybe(Type.Integer({ minimum: 1 })),
    /** Regular expression that the listing's number must fit. */
    idPattern: maybe(sentence(200)),
    photoFormats: maybe(listOf(oneOf(['jpeg', 'png', 'gif', 'webp']))),
    /** The board wants pictures without the agency's watermark. */
    wantsPhotosWithoutWatermark: maybe(Type.Boolean()),
    /** Elements beside the family's own that the board reads. */
    extraTags: maybe(listOf(sentence(120))),
  },
  { additionalProperties: false },
);
export type Quirks = Static<typeof QuirksSchema>;

const BoardFileSchema = Type.Object(
  {
    id: word(CODE),
    name: sentence(60),
    /** «Циану нужно…» */
    nameDative: sentence(60),
    /** «Требование Циана…» */
    nameGenitive: sentence(60),
    site: maybe(word('^https?://')),
    /** The format family that a new cabinet of the board uses. */
    family: oneOf(FAMILIES),
    /** All families the board reads, when there are several. */
    families: maybe(listOf(oneOf(FAMILIES))),
    inherits: maybe(listOf(word('^_[a-z0-9-]+$'))),
    /** What shows that the board is alive and takes feeds. */
    status: Type.Object({ text: sentence(300), ...evidence }, { additionalProperties: false }),
    quirks: maybe(QuirksSchema),
    /** Every quirk names its source. */
    quirkSources: maybe(Type.Record(word('^[a-zA-Z]+$'), listOf(word(CODE)))),
    /** Inherited rules that this board does not have. */
    except: maybe(
      Type.Array(Type.Object({ code: word(CODE), why: sentence(300), ...evidence }, { additionalProperties: false })),
    ),
    promotion: maybe(Type.Object({ levels: maybe(listOf(LevelSchema)), paidFields }, { additionalProperties: false })),
    reports: maybe(listOf(ReportShapeSchema)),
    ...body,
  },
  { additionalProperties: false },
);
type BoardFile = Static<typeof BoardFileSchema>;

/** One demand of one board, ready to be compiled. */
export interface BoardRule {
  /** With the board's id in front: `cian/description-short`. */
  readonly code: string;
  /** Families for which the rule is meant; absent means all. */
  readonly families?: readonly Family[];
  readonly kinds?: readonly Kind[];
  readonly deals?: readonly Deal[];
  readonly when?: SubjectSchema;
  readonly must: SubjectSchema;
  readonly severity: Severity;
  readonly field: string;
  readonly label: string;
  /** Russian sentence with placeholders (see check.ts). */
  readonly message: string;
  readonly fixedBy: Fixer;
  readonly source: RuleSource;
  readonly checkedOn: string;
  /** The board cannot take such a listing at all: no other notice is worth telling. */
  readonly isFinal: boolean;
}

export interface Board {
  readonly id: string;
  readonly name: string;
  readonly nameDative: string;
  readonly nameGenitive: string;
  readonly site?: string;
  readonly family: Family;
  /** All families the board reads; the first is the usual one. */
  readonly families: readonly Family[];
  readonly status: { readonly text: string; readonly source: RuleSource; readonly checkedOn: string };
  readonly quirks: Quirks;
  readonly rules: readonly BoardRule[];
  readonly sources: readonly RuleSource[];
  readonly promotion: BoardPromotion;
  /** Empty: no shape of the board's reports is known. */
  readonly reports: readonly ReportShape[];
  /** Changes whenever a rule, a quirk, a paid tag or a name changes; part of the key of a cached offer. */
  readonly rulesVersion: string;
}

const DEFAULT_FOLDER = join(ROOT, 'board-rules');
const loaded = new Map<string, readonly Board[]>();

/**
 * All boards of a folder, proved, in the order of their files. Read once per folder and process.
 * @throws Fault `board-rules-invalid`, whose message lists every problem with its file and place.
 */
export function loadBoards(folder: string = DEFAULT_FOLDER): readonly Board[] {
  let boards = loaded.get(folder);
  if (!boards) {
    const files = new Map<string, string>();
    for (const name of readdirSync(folder).sort()) {
      if (name.endsWith('.json')) files.set(name, readFileSync(`${folder.replace(/\/$/, '')}/${name}`, 'utf8'));
    }
    boards = readBoards(files);
    loaded.set(folder, boards);
  }
  return boards;
}

/**
 * Boards out of the texts of their files, by file name: the proof without the disk.
 * @throws Fault `board-rules-invalid`
 */
export function readBoards(files: ReadonlyMap<string, string>): readonly Board[] {
  const problems: string[] = [];
  const sets = new Map<string, RuleSet>();
  const boardFiles: BoardFile[] = [];

  for (const [name, text] of files) {
    const report = (path: string, what: string) => problems.push(`${name}: ${path === '' ? '/' : path}: ${what}`);
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch (cause) {
      report('', `не читается как JSON (${(cause as Error).message})`);
      continue;
    }
    const isSet = name.startsWith('_');
    const prove = isSet ? proveSet : proveBoardFile;
    if (!prove(content)) {
      for (const error of prove.errors ?? []) {
        const extra = (error.params as { additionalProperty?: string }).additionalProperty;
        report(error.instancePath, `${error.message}${extra === undefined ? '' : `: ${extra}`}`);
      }
      continue;
    }
    const file = content as RuleSet | BoardFile;
    if (`${file.id}.json` !== name) report('/id', `должно совпадать с именем файла, а стоит «${file.id}»`);
    proveBody(file, isSet, report);
    if (isSet) sets.set(file.id, file as RuleSet);
    else boardFiles.push(file as BoardFile);
  }

  const boards = boardFiles.map((file) => {
    const report = (path: string, what: string) => problems.push(`${file.id}.json: ${path}: ${what}`);
    return assemble(file, sets, report);
  });

  if (problems.length > 0) {
    throw new Fault(
      'board-rules-invalid',
      `Файлы правил досок не прошли проверку (замечаний: ${problems.length}).\n${problems.join('\n')}`,
    );
  }
  return boards;
}

export type Report = (path: string, what: string) => void;

const ajv = newAjv({ allErrors: true });
const proveSet = proofOf(RuleSetSchema, { allErrors: true });
const proveBoardFile = proofOf(BoardFileSchema, { allErrors: true });

/** What the file's schema cannot say: sources exist, names exist, sentences can be filled in. */
function proveBody(file: RuleSet | BoardFile, isSet: boolean, report: Report): void {
  const sources = new Map<string, RuleSource>();
  for (const [at, source] of file.sources.entries()) {
    if (sources.has(source.key)) report(`/sources/${at}/key`, `источник «${source.key}» описан дважды`);
    sources.set(source.key, source);
  }
  const sourceOf = (key: string, path: string) => {
    const source = sources.get(key);
    if (!source) report(path, `нет источника «${key}»`);
    return source;
  };

  /** A doubtful fact advises and says so; a shared set may demand what the family's file consists of. */
  const proveSeverity = (entry: { source: string; severity?: Severity | undefined }, path: string, text?: string) => {
    const source = sourceOf(entry.source, `${path}/source`);
    if (!source || !DOUBTFUL.includes(source.grade)) return;
    const severity = entry.severity ?? 'blocking';
    if (severity === 'blocking' && (source.grade === 'low' || !isSet)) {
      report(`${path}/severity`, `источник «${source.key}» не проверен, правило может только советовать`);
    }
    if (severity === 'advisory' && text !== undefined && !text.toLowerCase().includes(UNCONFIRMED)) {
      report(`${path}/message`, `источник «${source.key}» не проверен, в предложении нужны слова «${UNCONFIRMED}»`);
    }
  };

  const proveField = (field: string, path: string) => {
    if (field.startsWith('own:')) {
      if (file.labels?.[field] === undefined) report(path, `поля «${field}» нет в labels`);
    } else if (!(field in ListingSchema.properties)) report(path, `у объекта нет поля «${field}»`);
  };

  const proveSchema = (schema: unknown, path: string) => {
    const problems = problemsOfSchema(schema, path);
    for (const problem of problems) report(problem.path, problem.what);
    if (problems.length > 0) return;
    // Compiling is left to whoever checks with the board: hundreds of schemas would double the time of a start.
    if (ajv.validateSchema(schema as object) !== true) report(path, ajv.errorsText(ajv.errors, { dataVar: '' }));
  };

  const codes = new Set<string>();
  for (const [at, rule] of (file.rules ?? []).entries()) {
    const path = `/rules/${at}`;
    if (codes.has(rule.code)) report(`${path}/code`, `код «${rule.code}» уже занят`);
    codes.add(rule.code);
    proveField(rule.field, `${path}/field`);
    proveSeverity(rule, path, rule.message);
    proveSentence(rule.message, `${path}/message`, report);
    if (rule.when !== undefined) proveSchema(rule.when, `${path}/when`);
    proveSchema(rule.must, `${path}/must`);
  }
  for (const [at, entry] of (file.required ?? []).entries()) {
    const path = `/required/${at}`;
    for (const [index, field] of entry.fields.entries()) {
      proveField(field, `${path}/fields/${index}`);
      if (codes.has(missingCode(field))) report(`${path}/fields/${index}`, `код «${missingCode(field)}» уже занят`);
    }
    proveSeverity(entry, path);
    if (entry.why !== undefined) proveSentence(entry.why, `${path}/why`, report);
    if (entry.when !== undefined) proveSchema(entry.when, `${path}/when`);
  }
  for (const [at, entry] of (file.unsupported ?? []).entries()) {
    const path = `/unsupported/${at}`;
    sourceOf(entry.source, `${path}/source`);
    if (entry.why !== undefined) proveSentence(entry.why, `${path}/why`, report);
    if (entry.when !== undefined) proveSchema(entry.when, `${path}/when`);
  }
  provePromotion(file, report, sourceOf);
  if ('status' in file) {
    sourceOf(file.status.source, '/status/source');
    const shapes = new Set<string>();
    for (const [at, shape] of (file.reports ?? []).entries()) {
      sourceOf(shape.source, `/reports/${at}/source`);
      if (shapes.has(shape.code)) report(`/reports/${at}/code`, `код «${shape.code}» уже занят`);
      shapes.add(shape.code);
    }
    for (const [at, entry] of (file.except ?? []).entries()) sourceOf(entry.source, `/except/${at}/source`);
    for (const name of Object.keys(file.quirks ?? {})) {
      const keys = file.quirkSources?.[name];
      if (keys === undefined) report(`/quirkSources/${name}`, 'у особенности доски нет источника');
      for (const key of keys ?? []) sourceOf(key, `/quirkSources/${name}`);
    }
    const pattern = file.quirks?.idPattern;
    if (pattern !== undefined && !isRegExp(pattern)) report('/quirks/idPattern', 'не регулярное выражение');
  }
}

/** Money is spent by these entries alone, so every name in them is looked up. */
function provePromotion(
  file: RuleSet | BoardFile,
  report: Report,
  sourceOf: (key: string, path: string) => RuleSource | undefined,
): void {
  const provePlace = ({ field, part }: { field: string; part?: string }, family: Family, path: string) => {
    const row = CODECS[family].rows.find(({ fields }) => fields.includes(`own:${field}`));
    const isThere = row?.elements.some((element) => element.path.endsWith(`/${part}`)) ?? false;
    if (!row) report(`${path}/field`, `у формата «${family}» нет поля «${field}»`);
    else if (part !== undefined && !isThere) report(`${path}/part`, `у поля «${field}» нет части «${part}»`);
  };
  for (const [at, entry] of (file.promotion?.paidFields ?? []).entries()) {
    const path = `/promotion/paidFields/${at}`;
    sourceOf(entry.source, `${path}/source`);
    provePlace(entry, file.family, path);
  }
  if (!('status' in file)) return;
  const families = file.families ?? [file.family];
  const codes = new Set<string>();
  for (const [at, level] of (file.promotion?.levels ?? []).entries()) {
    const path = `/promotion/levels/${at}`;
    if (codes.has(level.code)) report(`${path}/code`, `код «${level.code}» уже занят`);
    codes.add(level.code);
    const source = sourceOf(level.source, `${path}/source`);
    if (source && DOUBTFUL.includes(source.grade))
      report(`${path}/source`, `источник «${source.key}» не проверен, а за уровень платят`);
    for (const family of families) {
      if (!level.writes[family]?.some(({ drop }) => drop === undefined))
        report(`${path}/writes`, `в формате «${family}» уровень ничего не пишет`);
    }
    for (const [family, writes] of Object.entries(level.writes) as [Family, PromotionWrite[]][]) {
      if (!families.includes(family)) report(`${path}/writes/${family}`, `доска не берёт формат «${family}»`);
      for (const [index, write] of writes.entries()) {
        const place = `${path}/writes/${family}/${index}`;
        const ways = [write.set, write.add, write.drop].filter((way) => way !== undefined);
        if (ways.length !== 1) report(place, 'нужно ровно одно из set, add, drop');
        provePlace(write, family, place);
      }
    }
  }
}

function isRegExp(pattern: string): boolean {
  try {
    return new RegExp(pattern, 'u').source !== '';
  } catch {
    return false;
  }
}

/** A sentence of a rule: Russian, whole, and every placeholder can be filled. */
export function proveSentence(text: string, path: string, report: Report): void {
  if (!/[.]$/.test(text)) report(path, 'предложение кончается точкой');
  if (/[<>!]/.test(text)) report(path, 'без тегов и восклицательных знаков');
  if (!/[а-яё]/i.test(text)) report(path, 'предложение пишется по-русски');
  for (const placeholder of placeholdersOf(text)) {
    const problem = placeholderProblem(placeholder);
    if (problem !== undefined) report(path, `${problem}: {${placeholder}}`);
  }
}

const NAMES = ['label', 'name', 'nameDative', 'nameGenitive', 'offers'];

function placeholderProblem(placeholder: string): string | undefined {
  const [path, ...forms] = placeholder.split('|') as [string, ...string[]];
  const isKnown = path.startsWith('facts.')
    ? path.slice(6) in FactsSchema.properties
    : NAMES.includes(path) || path in ListingSchema.properties;
  if (!isKnown) return 'нечем заменить';
  const values = (ListingSchema.properties as Record<string, { enum?: unknown; type?: string }>)[path];
  if (values?.enum !== undefined || values?.type === 'array') return 'значение пишется не по-русски';
  if (forms.length === 0 || forms.length === 3 || (forms.length === 1 && ['roubles', 'm2'].includes(forms[0]!))) return;
  return 'после черты нужны roubles, m2 или три формы слова';
}

/** The shape that rules speak about: the listing's schema and, under `facts`, its facts. */
type ShapeNode = {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly items?: unknown;
};
const SUBJECT: ShapeNode = { type: 'object', properties: { ...ListingSchema.properties, facts: FactsSchema } };

/** Looked up among the shape's own names: `constructor` is a name that every object has. */
function propertyOf(shape: ShapeNode | undefined, name: string): ShapeNode | undefined {
  const { properties } = shape ?? {};
  return properties !== undefined && Object.hasOwn(properties, name) ? (properties[name] as ShapeNode) : undefined;
}

const SAME_PLACE_ONE = ['not', 'if', 'then', 'else'];
const SAME_PLACE_MANY = ['allOf', 'anyOf', 'oneOf'];
/** Words about a value -> types of value they make sense for. */
const VALUE_WORDS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    minimum: ['number', 'integer'],
    maximum: ['number', 'integer'],
    exclusiveMinimum: ['number', 'integer'],
    exclusiveMaximum: ['number', 'integer'],
    multipleOf: ['number', 'integer'],
    minLength: ['string'],
    maxLength: ['string'],
    pattern: ['string'],
    minItems: ['array'],
    maxItems: ['array'],
  }),
);

interface SchemaProblem {
  readonly path: string;
  readonly what: string;
}

/**
 * JSON Schema forgives a misspelt name silently, and such a rule would never speak. So every name is looked up in
 * the listing's own schema, and every value in its list of values.
 */
export function problemsOfSchema(schema: unknown, path: string): SchemaProblem[] {
  return problemsOf(schema, SUBJECT, path);
}

function problemsOf(schema: unknown, shape: ShapeNode | undefined, path: string): SchemaProblem[] {
  if (typeof schema === 'boolean') return [];
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    return [{ path, what: 'здесь нужна схема JSON Schema' }];
  }
  const found: SchemaProblem[] = [];
  for (const [key, value] of Object.entries(schema)) {
    const place = `${path}/${key}`;
    if (SAME_PLACE_ONE.includes(key)) found.push(...problemsOf(value, shape, place));
    else if (SAME_PLACE_MANY.includes(key) && Array.isArray(value)) {
      for (const [at, part] of value.entries()) found.push(...problemsOf(part, shape, `${place}/${at}`));
    } else if (key === 'properties' && typeof value === 'object' && value !== null) {
      for (const [name, part] of Object.entries(value)) {
        const child = propertyOf(shape, name);
        if (shape?.properties !== undefined && child === undefined) {
          found.push({ path: `${place}/${name}`, what: `нет такого поля «${name}»` });
        } else found.push(...problemsOf(part, child, `${place}/${name}`));
      }
    } else if (key === 'required' && Array.isArray(value)) {
      for (const name of value.map(String)) {
        if (shape?.properties !== undefined && propertyOf(shape, name) === undefined) {
          found.push({ path: place, what: `нет такого поля «${name}»` });
        }
      }
    } else if (key === 'contains' || key === 'items') {
      found.push(...problemsOf(value, shape?.items as ShapeNode | undefined, place));
    } else if (key === 'const' || (key === 'enum' && Array.isArray(value))) {
      for (const one of key === 'const' ? [value] : (value as unknown[])) {
        if (shape?.enum !== undefined && !shape.enum.includes(one)) {
          found.push({ path: place, what: `у поля нет значения «${String(one)}»` });
        }
      }
    } else if (VALUE_WORDS.has(key)) {
      if (key === 'pattern' && !isRegExp(String(value))) found.push({ path: place, what: 'не регулярное выражение' });
      const pointer = (value as { $data?: unknown } | null)?.$data;
      if (pointer !== undefined && propertyOf(SUBJECT, String(pointer).slice(1)) === undefined) {
        found.push({ path: place, what: `нет такого поля «${String(pointer)}»` });
      }
      if (shape?.type !== undefined && !VALUE_WORDS.get(key)!.includes(shape.type)) {
        found.push({ path: place, what: `«${key}» не подходит к полю вида «${shape.type}»` });
      }
    } else found.push({ path: place, what: `слово «${key}» здесь не поддерживается` });
  }
  return found;
}

/** `areaM2` -> `area-missing`, `own:JKSchema/Id` -> `jk-schema-id-missing`: a code has no use for the unit. */
export function missingCode(field: string): string {
  return `${kebabOf(field)}-missing`;
}

/** A field's name as a part of a code. */
export function kebabOf(field: string): string {
  return field
    .replace(/^own:/, '')
    .replace(/(Kopecks|M2)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1-$2')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .toLowerCase();
}

function mustBeFilled(field: string, family: Family): SubjectSchema {
  if (!field.startsWith('own:')) return { required: [field] };
  return {
    required: ['boardFields'],
    properties: {
      boardFields: { required: [family], properties: { [family]: { required: [field.slice(4)] } } },
    },
  };
}

type Scope = { kinds?: Kind[]; deals?: Deal[]; families?: Family[]; when?: unknown };

/** The rules of one file in the order in which they are tried: what cannot be said at all comes first. */
function rulesOf(file: RuleSet | BoardFile, boardId: string): BoardRule[] {
  const sources = new Map(file.sources.map((source) => [source.key, source]));
  // A shared set speaks about the files of its own family alone; a board's file about all the board reads.
  const setFamilies: readonly Family[] | undefined = 'status' in file ? undefined : [file.family];
  const common = (entry: Scope & { source: string; checkedOn: string }, field: string) => {
    const families = entry.families ?? setFamilies;
    return {
      ...(families && { families }),
      ...(entry.kinds && { kinds: entry.kinds }),
      ...(entry.deals && { deals: entry.deals }),
      ...(entry.when !== undefined && { when: entry.when as SubjectSchema }),
      field,
      label: file.labels?.[field] ?? labelOf(field),
      source: sources.get(entry.source)!,
      checkedOn: entry.checkedOn,
    };
  };
  const withWhy = (text: string, why: string | undefined) => (why === undefined ? text : `${text} ${why}`);

  const rules: BoardRule[] = [];
  for (const entry of file.unsupported ?? []) {
    rules.push({
      ...common(entry, 'kind'),
      code: `${boardId}/offer-unsupported`,
      must: false,
      severity: 'blocking',
      message: withWhy('{label}: {offers}. {name} такие объявления не принимает.', entry.why),
      fixedBy: 'adSpecialist',
      isFinal: true,
    });
  }
  for (const entry of file.required ?? []) {
    const severity = entry.severity ?? 'blocking';
    const isDoubtful = DOUBTFUL.includes(sources.get(entry.source)?.grade ?? 'low');
    const demand =
      severity === 'blocking'
        ? 'Требует {name}: {offers}.'
        : isDoubtful
          ? 'По непроверенным данным, требует {name}: {offers}.'
          : '{name} советует заполнить: {offers}.';
    for (const field of entry.fields) {
      rules.push({
        ...common(entry, field),
        code: `${boardId}/${missingCode(field)}`,
        must: mustBeFilled(field, entry.families?.[0] ?? file.family),
        severity,
        message: withWhy(`{label}: не заполнено. ${demand}`, entry.why),
        fixedBy: entry.fixedBy ?? 'agent',
        isFinal: false,
      });
    }
  }
  for (const rule of file.rules ?? []) {
    rules.push({
      ...common(rule, rule.field),
      ...(rule.label !== undefined && { label: rule.label }),
      code: `${boardId}/${rule.code}`,
      must: rule.must as SubjectSchema,
      severity: rule.severity,
      message: rule.message,
      fixedBy: rule.fixedBy ?? 'agent',
      isFinal: false,
    });
  }
  return rules;
}

function paidFieldsOf(file: RuleSet | BoardFile): PaidField[] {
  const sources = new Map(file.sources.map((source) => [source.key, source]));
  return (file.promotion?.paidFields ?? []).map(({ keeps = [], overPackage = [], source, ...entry }) => ({
    ...entry,
    family: file.family,
    keeps,
    overPackage,
    source: sources.get(source)!,
  }));
}

function levelsOf(file: BoardFile): PromotionLevel[] {
  const sources = new Map(file.sources.map((source) => [source.key, source]));
  return (file.promotion?.levels ?? []).map(({ days = null, needsPhotos = false, source, ...level }) => ({
    ...level,
    days,
    needsPhotos,
    source: sources.get(source)!,
  }));
}

const URGENCY = (rule: BoardRule) => (rule.isFinal ? 0 : rule.severity === 'blocking' ? 1 : 2);

function assemble(file: BoardFile, sets: ReadonlyMap<string, RuleSet>, report: Report): Board {
  const families = file.families ?? [file.family];
  if (!families.includes(file.family)) report('/families', `нет основного формата «${file.family}»`);

  const inherited: BoardRule[] = [];
  const setSources: RuleSource[] = [];
  const paid: PaidField[] = [];
  for (const id of file.inherits ?? []) {
    const set = sets.get(id);
    if (!set) {
      report('/inherits', `нет файла «${id}.json» или в нём ошибки`);
      continue;
    }
    if (!families.includes(set.family))
      report('/inherits', `«${id}» — для формата «${set.family}», доска его не берёт`);
    inherited.push(...rulesOf(set, file.id));
    setSources.push(...set.sources);
    paid.push(...paidFieldsOf(set));
  }
  const except = new Set<string>();
  for (const [at, { code }] of (file.except ?? []).entries()) {
    if (!inherited.some((rule) => rule.code === `${file.id}/${code}`)) {
      report(`/except/${at}/code`, `правила «${code}» среди унаследованных нет`);
    }
    except.add(`${file.id}/${code}`);
  }

  for (const list of ['unsupported', 'required', 'rules'] as const) {
    for (const [at, entry] of (file[list] ?? []).entries()) {
      for (const family of entry.families ?? []) {
        if (!families.includes(family)) report(`/${list}/${at}/families`, `доска не берёт формат «${family}»`);
      }
    }
  }
  const own = rulesOf(file, file.id);
  const kept = inherited.filter((rule) => !except.has(rule.code));
  for (const rule of own) {
    // Two shapes may ask for the same field; any other meeting of codes is a mistake.
    const twin = kept.find((other) => other.code === rule.code);
    if (twin && !(twin.message === rule.message || rule.code.endsWith('-missing') || rule.isFinal)) {
      report('/rules', `код «${rule.code}» уже есть в унаследованных правилах`);
    }
  }
  const rules = [...kept, ...own].map((rule, at) => ({ rule, at }));
  rules.sort((left, right) => URGENCY(left.rule) - URGENCY(right.rule) || left.at - right.at);
  const effective = rules.map(({ rule }) => rule);

  const ownSources = new Map(file.sources.map((source) => [source.key, source]));
  const quirks = file.quirks ?? {};
  const promotion = { levels: levelsOf(file), paidFields: [...paid, ...paidFieldsOf(file)] };
  for (const { code, writes } of promotion.levels) {
    for (const [family, entries] of Object.entries(writes)) {
      for (const { field, part, drop } of entries) {
        const isPaid = promotion.paidFields.some(
          (entry) => entry.family === family && entry.field === field && entry.part === part,
        );
        // Otherwise a source could ask for the level on its own.
        if (drop === undefined && !isPaid)
          report('/promotion/levels', `уровень «${code}» пишет «${field}», а среди paidFields этого поля нет`);
      }
    }
  }
  const { id, name, nameDative, nameGenitive } = file;
  return {
    id,
    name,
    nameDative,
    nameGenitive,
    ...(file.site !== undefined && { site: file.site }),
    family: file.family,
    families: [file.family, ...families.filter((family) => family !== file.family)],
    status: {
      text: file.status.text,
      source: ownSources.get(file.status.source)!,
      checkedOn: file.status.checkedOn,
    },
    quirks,
    rules: effective,
    sources: [...file.sources, ...setSources],
    reports: (file.reports ?? []).map(({ columns = {}, source, ...shape }) => ({
      ...shape,
      columns,
      source: ownSources.get(source)!,
    })),
    promotion,
    rulesVersion: createHash('sha256')
      .update(JSON.stringify([id, name, nameDative, nameGenitive, families, quirks, effective, promotion]))
      .digest('hex')
      .slice(0, 16),
  };
}
