import Type, { type Static, type TSchema } from 'typebox';
import { FAMILIES, type Family } from '../domain/listing.ts';
import { type FieldPolicy, FieldPolicySchema, PackageSchema } from '../domain/settings.ts';
import { FIELD_KINDS, type FieldKind, type FormField, type FormSetting } from '../domain/settings-form.ts';

/** What the settings' screens and the server tell each other: settings, boards, cabinets, packages, moderation. */

export type { FieldPolicy, Package } from '../domain/settings.ts';
export type { FormField, FormSetting } from '../domain/settings-form.ts';

const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const text = (maxLength = 200) => Type.String({ minLength: 1, maxLength, pattern: '\\S' });
/** Of requests: whatever else stands there is a mistake. */
const body = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const word = <T extends string>(values: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: [...values] });
const FamilySchema = word<Family>(FAMILIES);

// ---------------------------------------------------------------------------------------------------------------------
// Settings by path.

const field = {
  path: Type.String(),
  label: Type.String(),
  about: Type.String(),
  kind: word<FieldKind>(FIELD_KINDS),
  /** One, few, many; a sign stands three times. */
  unit: nullable(Type.Unsafe<readonly [string, string, string]>({ type: 'array', items: { type: 'string' } })),
  minimum: nullable(Type.Number()),
  maximum: nullable(Type.Number()),
  isWhole: Type.Boolean(),
  choices: nullable(Type.Array(Type.Object({ value: Type.String(), label: Type.String() }))),
  /** What it means when nothing stands there; null: something must. */
  empty: nullable(Type.String()),
  /** Of a line: nothing is said by leaving it out, and not by null. */
  isOptional: Type.Boolean(),
  /** Of the lines of a list. */
  parts: Type.Unsafe<readonly FormField[]>({ type: 'array', items: { type: 'object' } }),
};
export const FormFieldSchema = Type.Unsafe<FormField>(Type.Object(field));
export const FormSettingSchema = Type.Unsafe<FormSetting>(
  Type.Object({
    ...field,
    value: Type.Unknown(),
    /** By default. */
    usual: Type.Unknown(),
    isOwn: Type.Boolean(),
    /** It decides who goes out or who pays: its effect can be asked for. */
    isFelt: Type.Boolean(),
  }),
);

/** `set` by path; `reset`: back to what is usual. */
export const SettingsWishSchema = body({
  set: Type.Optional(Type.Record(Type.String({ maxLength: 200 }), Type.Unknown())),
  reset: Type.Optional(Type.Array(text(), { maxItems: 100 })),
});
export type SettingsWishBody = Static<typeof SettingsWishSchema>;

export const SettingsSchema = Type.Object({
  version: Type.String(),
  sections: Type.Array(Type.Object({ id: Type.String(), label: Type.String(), fields: Type.Array(FormSettingSchema) })),
  may: Type.Object({ settings: Type.Boolean(), templates: Type.Boolean() }),
});
export type SettingsAnswer = Static<typeof SettingsSchema>;

const count = Type.Integer();
const effect = {
  /** false: who goes out and who pays cannot depend on it, and nothing was counted. */
  isFelt: Type.Boolean(),
  cabinets: Type.Array(
    Type.Object({
      id: count,
      name: Type.String(),
      marks: count,
      /** Go out now and would not. */
      leave: count,
      /** Would have to leave, and the brake would keep them until a person agrees. */
      held: count,
      /** Would go out and do not now. */
      come: count,
      /** Stay off the board for another reason. */
      otherwise: count,
    }),
  ),
  /** Marks that would be moved; `examples` are the first of them. */
  moved: count,
  examples: Type.Array(
    Type.Object({
      cabinet: Type.String(),
      listingId: count,
      externalId: Type.String(),
      from: Type.String(),
      to: Type.String(),
      reason: nullable(Type.String()),
    }),
  ),
  /** What all marks cost for 30 days, before and after. */
  aheadBeforeKopecks: count,
  aheadAfterKopecks: count,
};
/** What a change would do, told before it is saved. */
export const EffectSchema = Type.Object(effect);
export type Effect = Static<typeof EffectSchema>;

// ---------------------------------------------------------------------------------------------------------------------
// Boards and cabinets.

const cabinet = {
  id: count,
  board: Type.String(),
  boardName: Type.String(),
  /** Part of the feed's address. */
  slug: Type.String(),
  name: Type.String(),
  /** «Авито, кабинет «Центр»». */
  title: Type.String(),
  family: FamilySchema,
  branch: nullable(Type.Object({ id: count, name: Type.String() })),
  marks: count,
  published: count,
  /** Sentences about what is set. */
  moderation: Type.String(),
  package: Type.String(),
  price: Type.String(),
  hours: Type.String(),
  may: Type.Object({
    cabinets: Type.Boolean(),
    settings: Type.Boolean(),
    packages: Type.Boolean(),
    tariffs: Type.Boolean(),
    calendars: Type.Boolean(),
    moderation: Type.Boolean(),
  }),
  /** Of its name and branch. */
  version: Type.String(),
};
export const CabinetSchema = Type.Object(cabinet);
export type CabinetLine = Static<typeof CabinetSchema>;

const board = {
  id: Type.String(),
  name: Type.String(),
  site: nullable(Type.String()),
  family: FamilySchema,
  families: Type.Array(FamilySchema),
  /** What shows that the board takes feeds, and the day somebody looked. */
  status: Type.String(),
  checkedOn: Type.String(),
  rules: count,
};
export const BoardsSchema = Type.Object({
  data: Type.Array(Type.Object({ ...board, cabinets: Type.Array(CabinetSchema) })),
  branches: Type.Array(Type.Object({ id: count, name: Type.String() })),
  may: Type.Object({ cabinets: Type.Boolean() }),
});
export type BoardsAnswer = Static<typeof BoardsSchema>;
export type BoardLine = BoardsAnswer['data'][number];

export const RulesSchema = Type.Object({
  board: Type.Object(board),
  data: Type.Array(
    Type.Object({
      code: Type.String(),
      label: Type.String(),
      sentence: Type.String(),
      severity: word(['blocking', 'advisory'] as const),
      severityLabel: Type.String(),
      /** «квартиры; продажа», «все объекты». */
      scope: Type.String(),
      families: nullable(Type.Array(FamilySchema)),
      fixer: Type.String(),
      source: Type.Object({ title: Type.String(), url: nullable(Type.String()), date: Type.String() }),
      checkedOn: Type.String(),
      /** Listings it stops by the last runs; null: an advice stops none. */
      stops: nullable(count),
    }),
  ),
});
export type RulesAnswer = Static<typeof RulesSchema>;
export type RuleLine = RulesAnswer['data'][number];

export const NewCabinetSchema = body({
  board: text(60),
  slug: Type.String({ pattern: '^[a-z0-9-]{1,40}$', maxLength: 40 }),
  name: Type.Optional(text()),
  family: Type.Optional(FamilySchema),
  branchId: Type.Optional(nullable(Type.Integer())),
});
export type NewCabinetBody = Static<typeof NewCabinetSchema>;
export const CabinetChangeSchema = body({
  name: Type.Optional(text()),
  branchId: Type.Optional(nullable(Type.Integer())),
});
export type CabinetChangeBody = Static<typeof CabinetChangeSchema>;

export const CabinetSettingsAnswerSchema = Type.Object({
  version: Type.String(),
  cabinet: CabinetSchema,
  fields: Type.Array(FormSettingSchema),
});
export type CabinetSettingsAnswer = Static<typeof CabinetSettingsAnswerSchema>;

// ---------------------------------------------------------------------------------------------------------------------
// Packages and the rotation.

const pack = { package: nullable(PackageSchema) };
export const PackageBodySchema = body({
  ...pack,
  turnDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })),
});
export type PackageBody = Static<typeof PackageBodySchema>;

export const PackageAnswerSchema = Type.Object({
  ...pack,
  turnDays: count,
  /** Of the cabinet's settings. */
  version: Type.String(),
  cabinet: CabinetSchema,
  /** The cabinet's local day and zone. */
  today: Type.String(),
  zone: Type.String(),
  period: nullable(Type.Object({ from: Type.String(), until: Type.String() })),
  /** Placements used up in the period. */
  used: count,
  text: Type.String(),
});
export type PackageAnswer = Static<typeof PackageAnswerSchema>;

const shown = { listingId: count, externalId: Type.String() };
export const RotationSchema = Type.Object({
  /** The package in a sentence. */
  text: Type.String(),
  days: Type.Array(
    Type.Object({
      day: Type.String(),
      placed: count,
      waiting: count,
      enters: Type.Array(Type.Object({ ...shown, why: Type.String() })),
      leaves: Type.Array(Type.Object(shown)),
    }),
  ),
  /** By the day on which they are first shown; `shown` has a sign for each day, `1` where it has a place. */
  listings: Type.Array(Type.Object({ ...shown, isPinned: Type.Boolean(), shown: Type.String() })),
  /** Of the listings that want a place; not all of them are given. */
  total: count,
});
export type RotationAnswer = Static<typeof RotationSchema>;

// ---------------------------------------------------------------------------------------------------------------------
// Moderation.

const MODES = ['on', 'off'] as const;
export const SwitchSchema = body({
  mode: word(MODES),
  /** What is on the boards now is taken for approved; without it, all of it has to be looked at first. */
  acceptsCurrent: Type.Optional(Type.Boolean()),
});
export type SwitchBody = Static<typeof SwitchSchema>;

export const SwitchEffectSchema = Type.Object({
  ...effect,
  /** Listings whose present content would be approved as it is. */
  accepted: count,
});
export type SwitchEffect = Static<typeof SwitchEffectSchema>;

export const ModerationSchema = Type.Object({
  /** Of the agency's settings. */
  version: Type.String(),
  mode: word(MODES),
  /** Settings of moderation but its mode and what has a table of its own. */
  fields: Type.Array(FormSettingSchema),
  /** The policy as it is kept: what is not named in it needs a look. */
  policySetting: FormSettingSchema,
  policy: Type.Array(
    Type.Object({
      field: Type.String(),
      label: Type.String(),
      /** Its change can be told in per cent. */
      isNumber: Type.Boolean(),
      policy: Type.Unsafe<FieldPolicy>(FieldPolicySchema),
    }),
  ),
  reasons: FormSettingSchema,
  cabinets: Type.Array(
    Type.Object({
      id: count,
      title: Type.String(),
      /** null: as the agency. */
      own: nullable(word(MODES)),
      mode: word(MODES),
      may: Type.Boolean(),
    }),
  ),
  may: Type.Object({ moderation: Type.Boolean(), settings: Type.Boolean() }),
});
export type ModerationAnswer = Static<typeof ModerationSchema>;
