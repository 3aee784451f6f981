/**
 * Settings by their paths (`freshness.saleDays`): what stands there, what may stand there, and what differs from the
 * defaults. Reads the schemas of settings.ts; whether a whole is valid, a validator says.
 */

/** As much of a JSON Schema as the settings use. */
export interface SettingsSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly SettingsSchema[];
  readonly properties?: Readonly<Record<string, SettingsSchema>>;
  readonly patternProperties?: Readonly<Record<string, SettingsSchema>>;
  readonly items?: SettingsSchema;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A choice between choices is one choice. */
const kindsOf = (schema: SettingsSchema): readonly SettingsSchema[] => schema.anyOf?.flatMap(kindsOf) ?? [schema];

/** What may stand at a path; undefined when there is no such path. Numbers lead into lists. */
export function schemaAt(schema: SettingsSchema, path: readonly string[]): SettingsSchema | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return schema;
  for (const one of kindsOf(schema)) {
    const next =
      (Object.hasOwn(one.properties ?? {}, key) ? one.properties![key] : undefined) ??
      Object.values(one.patternProperties ?? {})[0] ??
      (/^\d+$/.test(key) ? one.items : undefined);
    const found = next && schemaAt(next, rest);
    if (found) return found;
  }
  return undefined;
}

/** Names that may follow; empty where any name may, or none. */
export function keysOf(schema: SettingsSchema): string[] {
  return [...new Set(kindsOf(schema).flatMap((one) => Object.keys(one.properties ?? {})))];
}

/**
 * Every setting by its path, and with `*` what the lines of lists are made of: `market.stages`, `market.stages.*.name`.
 * A group is not a setting; a value that is taken as a whole is one.
 */
export function pathsOf(schema: SettingsSchema, path: readonly string[] = []): string[] {
  const here = path.length === 0 ? [] : [path.join('.')];
  if (schema.properties && !path.includes('*'))
    return Object.entries(schema.properties).flatMap(([key, inner]) => pathsOf(inner, [...path, key]));
  const line = kindsOf(schema).find(({ items }) => items)?.items;
  const parts = Object.keys(line?.properties ?? {});
  return [...here, ...parts.map((part) => [...path, '*', part].join('.'))];
}

/** What may stand there, in Russian: «целое число от 0 до 3650», «off, on или null». */
export function describeSchema(schema: SettingsSchema): string {
  const parts = wordsOf(schema);
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} или ${parts.at(-1)}`;
}

function wordsOf(schema: SettingsSchema): string[] {
  if (schema.anyOf) return schema.anyOf.flatMap(wordsOf);
  if (schema.enum) return schema.enum.map(String);
  if (schema.const !== undefined) return [String(schema.const)];
  switch (schema.type) {
    case 'boolean':
      return ['true', 'false'];
    case 'null':
      return ['null'];
    case 'integer':
    case 'number': {
      const what = schema.type === 'integer' ? 'целое число' : 'число';
      const from = schema.minimum === undefined ? '' : ` от ${schema.minimum}`;
      return [`${what}${from}${schema.maximum === undefined ? '' : ` до ${schema.maximum}`}`];
    }
    case 'array':
      return [`список JSON, в нём ${describeSchema(schema.items ?? {})}`];
    case 'object':
      return [schema.patternProperties ? 'объект JSON' : `объект JSON с полями ${keysOf(schema).join(', ')}`];
    default:
      return [schema.pattern === undefined ? 'текст' : patternWords(schema.pattern)];
  }
}

function patternWords(pattern: string): string {
  if (pattern.includes('[0-5]')) return 'время ЧЧ:ММ';
  return pattern.includes('\\d{4}-') ? 'день ГГГГ-ММ-ДД' : 'текст';
}

export function valueAt(settings: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, key) => (isPlain(at) || Array.isArray(at) ? at[key as never] : undefined), settings);
}

/** A copy with another value at the path; undefined takes the value away. Groups that are not there are made. */
export function withValueAt<T>(settings: T, path: readonly string[], value: unknown): T {
  const [key, ...rest] = path;
  if (key === undefined) return value as T;
  const copy = Array.isArray(settings) ? [...settings] : { ...(isPlain(settings) ? settings : {}) };
  const next = rest.length === 0 ? value : withValueAt((copy as Record<string, unknown>)[key] ?? {}, rest, value);
  if (next === undefined && !Array.isArray(copy)) delete copy[key];
  else (copy as Record<string, unknown>)[key] = next;
  return copy as T;
}

/** Values that are taken as a whole and never laid over the default ones (`settled` in settings.ts). */
const WHOLE = ['policy', 'package'];

/** What must be kept so that `settled(defaults, kept)` gives the settings back. */
export function differences<T extends object>(defaults: T, settings: T): Partial<T> {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settings)) {
    const base = (defaults as Record<string, unknown>)[key];
    if (isSame(base, value)) continue;
    kept[key] = isPlain(base) && isPlain(value) && !WHOLE.includes(key) ? differences(base, value) : value;
  }
  return kept as Partial<T>;
}

/** Equal values, whatever the order of their keys. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((value, index) => isSame(value, other[index]));
  if (!isPlain(one) || !isPlain(other)) return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isSame(one[key], other[key]));
}

/** Every value with its path, for a list to read: groups are taken apart, lists and whole values are not. */
export function leavesOf(settings: object, path: readonly string[] = []): { path: string; value: unknown }[] {
  return Object.entries(settings).flatMap(([key, value]) =>
    isPlain(value) && !WHOLE.includes(key)
      ? leavesOf(value, [...path, key])
      : [{ path: [...path, key].join('.'), value: value as unknown }],
  );
}
