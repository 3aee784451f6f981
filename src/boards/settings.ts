import type { ValidateFunction } from 'ajv';
import { checkTemplate, faultsOfFormulas } from '../domain/autotext.ts';
import { Refusal } from '../domain/fault.ts';
import { FIELDS } from '../domain/listing.ts';
import {
  AGENCY_DEFAULTS,
  type AgencySettings,
  AgencySettingsSchema,
  CABINET_DEFAULTS,
  CabinetSettingsSchema,
  settled,
} from '../domain/settings.ts';
import {
  describeSchema,
  differences,
  isSame,
  keysOf,
  type SettingsSchema,
  schemaAt,
  valueAt,
  withValueAt,
} from '../domain/settings-paths.ts';
import { AGENCY_SETTING_WORDS, CABINET_SETTING_WORDS, type SettingWords } from '../domain/settings-words.ts';
import { newAjv } from './check.ts';

/** Settings as people write them, proved: those of an agency, and those of one of its cabinets. */

export interface SettingsDesk {
  readonly of: 'agency' | 'cabinet';
  readonly schema: SettingsSchema;
  readonly defaults: object;
  readonly words: Readonly<Record<string, SettingWords>>;
  /** Compiled when first asked for: most commands never do. */
  readonly validator: () => ValidateFunction;
}

function deskOf(of: SettingsDesk['of'], schema: object, defaults: object, words: SettingsDesk['words']): SettingsDesk {
  let made: ValidateFunction | undefined;
  const validator = () => {
    made ??= newAjv().compile(schema);
    return made;
  };
  return { of, schema: schema as SettingsSchema, defaults, words, validator };
}

export const AGENCY_DESK = deskOf('agency', AgencySettingsSchema, AGENCY_DEFAULTS, AGENCY_SETTING_WORDS);
export const CABINET_DESK = deskOf('cabinet', CabinetSettingsSchema, CABINET_DEFAULTS, CABINET_SETTING_WORDS);

/**
 * The parts of a path like `freshness.saleDays`.
 * @throws Refusal `setting-unknown` with the names that may stand there
 */
export function pathNamed({ of, schema }: Pick<SettingsDesk, 'of' | 'schema'>, path: string): string[] {
  const parts = path.split('.');
  for (let depth = 1; depth <= parts.length; depth++) {
    const above = schemaAt(schema, parts.slice(0, depth - 1))!;
    if (schemaAt(schema, parts.slice(0, depth)) && !isUnknownField(parts.slice(0, depth))) continue;
    const other = of === 'agency' ? CABINET_DESK : AGENCY_DESK;
    if (schemaAt(other.schema, parts)) {
      const where = of === 'agency' ? 'кабинета: назовите его доску, --board' : 'агентства: уберите --board';
      throw new Refusal('setting-unknown', `«${parts.join('.')}» — настройка ${where}.`, 2);
    }
    const keys = keysOf(above);
    const where = depth === 1 ? 'Настройки' : `В «${parts.slice(0, depth - 1).join('.')}»`;
    const may =
      keys.length > 0
        ? `${where}: ${keys.join(', ')}`
        : above.patternProperties
          ? `${where}: поля объекта, например priceKopecks или avito:AdStatus`
          : 'Глубже настроек нет: settings show';
    throw new Refusal('setting-unknown', `Настройки «${path.slice(0, 100)}» нет. ${may}.`, 2);
  }
  return parts;
}

/** A policy is kept by field; the field of one family alone is named with it, as in `avito:AdStatus`. */
function isUnknownField(parts: readonly string[]): boolean {
  const [group, part, field] = parts;
  if (group !== 'moderation' || part !== 'policy' || field === undefined) return false;
  return !(FIELDS as readonly string[]).includes(field) && !/^(avito|cian|yandex):./.test(field);
}

/**
 * What must be kept of settings as a whole.
 * @param paths what was changed in them, for the words of the refusal
 * @throws Refusal `setting-wrong`, `texts-wrong`
 */
export function proven(desk: SettingsDesk, whole: object, paths: readonly (readonly string[])[]): object {
  if (!desk.validator()(whole)) throw wrong(desk, whole, paths);
  const unknown = Object.keys((valueAt(whole, ['moderation', 'policy']) as object | undefined) ?? {}).find((field) =>
    isUnknownField(['moderation', 'policy', field]),
  );
  if (unknown !== undefined)
    throw new Refusal('setting-unknown', `У объекта нет поля «${unknown.slice(0, 100)}»: проверять нечего.`, 2);
  if (desk.of === 'agency' && paths.some(([group]) => group === 'texts')) proveTexts((whole as AgencySettings).texts);
  return differences(desk.defaults, whole);
}

/** Every path that does not fit, with what may stand there. */
function wrong(desk: SettingsDesk, whole: object, paths: readonly (readonly string[])[]): Refusal {
  const errors = (desk.validator().errors ?? []).map(({ instancePath }) => instancePath.split('/').slice(1));
  const told = paths.flatMap((parts) => {
    const found = schemaAt(desk.schema, parts) ?? {};
    const value = valueAt(whole, parts);
    const isAbove = (path: readonly string[]) => parts.every((part, index) => part === path[index]);
    // The first complaint may lie deeper than the path: a word in a list.
    const deeper = errors.filter((path) => path.length > parts.length && isAbove(path))[0];
    if (paths.length > 1 && !deeper && isFitting(found, value)) return [];
    const inner = deeper && schemaAt(desk.schema, deeper);
    return [
      `«${parts.join('.')}»: значение ${JSON.stringify(value)?.slice(0, 100) ?? 'пусто'} не подходит. Можно: ${describeSchema(found)}.${
        deeper && inner ? ` Не подошло «${deeper.join('.')}»: там ${describeSchema(inner)}.` : ''
      }`,
    ];
  });
  return new Refusal('setting-wrong', told.join(' '), 2);
}

const isFitting = (schema: SettingsSchema, value: unknown): boolean => newAjv().validate(schema, value);

/** @throws Refusal `texts-wrong` with all that is wrong in the templates and formulas */
function proveTexts(texts: AgencySettings['texts']): void {
  const faults = [
    ...faultsOfFormulas(texts),
    ...texts.templates.flatMap(({ name, text }) =>
      checkTemplate(text, texts).map((fault) => `Шаблон «${name}»: ${fault}`),
    ),
  ];
  if (faults.length > 0) throw new Refusal('texts-wrong', `Не сохранено. ${faults.join(' ')}`);
}

/** What a person wants of some settings. */
export interface SettingsWish {
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  /** Back to what is usual. */
  readonly reset?: readonly string[] | undefined;
}

export interface ChangedSettings {
  /** What is to be kept. */
  readonly own: object;
  readonly whole: object;
  /** For the journal: only what is another value now. */
  readonly changes: readonly { readonly path: string; readonly before: unknown; readonly after: unknown }[];
}

/**
 * Settings with what a person wants laid over them.
 * @throws Refusal `setting-unknown`, `setting-wrong`, `texts-wrong`, `moderation-by-command`
 */
export function changedSettings(
  desk: SettingsDesk,
  own: object,
  { set = {}, reset = [] }: SettingsWish,
): ChangedSettings {
  const before = settled<object>(desk.defaults, own);
  const paths: string[][] = [];
  let whole = before;
  for (const [path, value] of [
    ...reset.map((path) => [path, valueAt(desk.defaults, path.split('.'))] as const),
    ...Object.entries(set),
  ]) {
    const parts = pathNamed(desk, path);
    paths.push(parts);
    whole = withValueAt(whole, parts, value);
  }
  const next = proven(desk, whole, paths);
  proveModeration(before, whole);
  const changes = paths.flatMap((parts) => {
    const [was, is] = [valueAt(before, parts), valueAt(whole, parts)];
    return isSame(was, is) ? [] : [{ path: parts.join('.'), before: was ?? null, after: is ?? null }];
  });
  return { own: next, whole, changes };
}

/**
 * Switched on by a bare setting, moderation would take every advertisement off the boards, for nobody has approved any.
 * @throws Refusal `moderation-by-command`
 */
function proveModeration(before: object, after: object): void {
  for (const path of [['moderation', 'mode'], ['moderation']]) {
    if (valueAt(after, path) === 'on' && valueAt(before, path) !== 'on')
      throw new Refusal(
        'moderation-by-command',
        'Модерацию включает команда moderation on, а в приложении — раздел «Модерация»: так будет принято то, что уже стоит на досках, и фиды не опустеют.',
      );
  }
}
