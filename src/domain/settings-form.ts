import { isSame, type SettingsSchema, schemaAt, valueAt } from './settings-paths.ts';
import type { SettingWords } from './settings-words.ts';

/** Settings as a form shows them: every one with its words, its kind of field, its value and what is usual. */

/**
 * `clock`: a time of day, «09:30»; `lines`: a list whose lines have `parts`; `special`: something with a screen of its
 * own.
 */
export const FIELD_KINDS = ['switch', 'number', 'text', 'choice', 'clock', 'clocks', 'lines', 'special'] as const;
export type FieldKind = (typeof FIELD_KINDS)[number];

export interface FormField {
  readonly path: string;
  readonly label: string;
  readonly about: string;
  readonly kind: FieldKind;
  /** One, few, many; a sign stands three times. */
  readonly unit: readonly [string, string, string] | null;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly isWhole: boolean;
  readonly choices: readonly { readonly value: string; readonly label: string }[] | null;
  /** What it means when nothing stands there; null: something must. */
  readonly empty: string | null;
  /** Of a line: nothing is said by leaving it out, and not by null. */
  readonly isOptional: boolean;
  /** Of the lines of a list. */
  readonly parts: readonly FormField[];
}

export interface FormSetting extends FormField {
  readonly value: unknown;
  readonly usual: unknown;
  /** Not the usual one. */
  readonly isOwn: boolean;
  readonly isFelt: boolean;
}

/** Choices that are data and no part of the settings' own schema: boards, fields. By path. */
export type MoreChoices = Readonly<Record<string, FormField['choices']>>;

/** The settings whose path begins so; all of them without a beginning. */
export function settingsForm(
  {
    schema,
    defaults,
    words,
  }: {
    readonly schema: SettingsSchema;
    readonly defaults: object;
    readonly words: Readonly<Record<string, SettingWords>>;
  },
  whole: object,
  more: MoreChoices = {},
): FormSetting[] {
  return Object.keys(words)
    .filter((path) => !path.includes('*'))
    .map((path) => {
      const parts = path.split('.');
      const [value, usual] = [valueAt(whole, parts), valueAt(defaults, parts)];
      return {
        ...fieldOf(schema, words, path, more),
        value,
        usual,
        isOwn: !isSame(value, usual),
        isFelt: words[path]!.isFelt ?? false,
      };
    });
}

function fieldOf(
  schema: SettingsSchema,
  words: Readonly<Record<string, SettingWords>>,
  path: string,
  more: MoreChoices,
): FormField {
  const { label, about, unit, empty, choices } = words[path]!;
  const at = schemaAt(schema, path.replace('*', '0').split('.'))!;
  const kinds = at.anyOf ?? [at];
  const plain = kinds.find(({ type }) => type !== 'null') ?? at;
  const isNullable = kinds.some(({ type }) => type === 'null');
  const isOptional = isLeftOut(schema, path);
  const given = more[path] ?? (choices && closed(plain, choices));
  const parts = Object.keys(words).filter((other) => other.startsWith(`${path}.*.`));
  return {
    path,
    label,
    about,
    kind: given ? 'choice' : kindOf(plain, parts.length > 0),
    unit: unit === undefined ? null : typeof unit === 'string' ? [unit, unit, unit] : unit,
    minimum: plain.minimum ?? null,
    maximum: plain.maximum ?? null,
    isWhole: plain.type === 'integer',
    choices: given ?? null,
    empty: isNullable || isOptional ? (empty ?? 'все') : null,
    isOptional,
    parts: parts.map((other) => fieldOf(schema, words, other, more)),
  };
}

/** May a part of a line be left out? */
function isLeftOut(schema: SettingsSchema, path: string): boolean {
  const [list, name] = path.split('.*.');
  if (list === undefined || name === undefined) return false;
  const line = schemaAt(schema, [...list.split('.'), '0']);
  return !line?.required?.includes(name);
}

/** Only the values that may stand there: some words are for several settings. */
function closed(schema: SettingsSchema, choices: Readonly<Record<string, string>>): FormField['choices'] | undefined {
  return schema.enum?.map((value) => ({ value: String(value), label: choices[String(value)] ?? String(value) }));
}

function kindOf({ type, pattern, items }: SettingsSchema, hasParts: boolean): FieldKind {
  const isClock = (text: string | undefined) => text?.includes('[0-5]') ?? false;
  if (type === 'boolean') return 'switch';
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string') return isClock(pattern) ? 'clock' : 'text';
  if (type !== 'array') return 'special';
  return hasParts ? 'lines' : isClock(items?.pattern) ? 'clocks' : 'special';
}
