import Type, { type Static } from 'typebox';
import { PAYERS } from './ledger.ts';
import { COMMERCIAL_TYPES, DEALS, KINDS } from './listing.ts';
import { ROLES } from './people.ts';

/**
 * What an agency and a cabinet decide for themselves. The database keeps only what differs from the defaults here;
 * `settings show` and `settings set` speak of the same paths.
 */

const oneOf = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ enum: [...values] });
const days = (maximum = 3650) => Type.Integer({ minimum: 0, maximum });
const object = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

/** `look`: a change needs a moderator. `pass`: it does not. Or it passes within bounds, in per cent of the approved value. */
export const FieldPolicySchema = Type.Union([
  Type.Literal('look'),
  Type.Literal('pass'),
  object({
    downPercent: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
    upPercent: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
  }),
]);
export type FieldPolicy = Static<typeof FieldPolicySchema>;

const Clock = Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' });

export const AgencySettingsSchema = object({
  market: object({
    /** Does a reservation take the listing off the boards? */
    reservedWithdraws: Type.Boolean(),
    /** Stages of the deal as the agency calls them. A stage that is not in the list permits. */
    stages: Type.Array(
      object({
        name: Type.String({ minLength: 1, maxLength: 100 }),
        effect: oneOf(['permits', 'not-yet', 'withdraws'] as const),
        /** Who may move a listing out of this stage; null: everybody. */
        changedBy: Type.Optional(oneOf(['agent', 'adSpecialist', 'manager', 'admin'] as const)),
      }),
      { maxItems: 100 },
    ),
    /** Nothing goes out before the listing has reached a stage that permits. */
    requiresStage: Type.Boolean(),
  }),
  freshness: object({
    saleDays: days(),
    rentDays: days(),
    /** How long before the end the agent is asked, hours. */
    askHours: object({ sale: Type.Integer({ minimum: 0 }), rent: Type.Integer({ minimum: 0 }) }),
    /** … and the manager told. */
    managerHours: object({ sale: Type.Integer({ minimum: 0 }), rent: Type.Integer({ minimum: 0 }) }),
    /** Stale for so long: to the archive; null: never by itself. */
    archiveAfterDays: Type.Union([days(), Type.Null()]),
    /** The next call, by the result of the last one. */
    callBack: object({
      notRentedHours: Type.Integer({ minimum: 1 }),
      noAnswerHours: Type.Integer({ minimum: 1 }),
      busyHours: Type.Integer({ minimum: 1 }),
    }),
  }),
  terms: object({
    /** Term of a new mark; the first line that fits; null days: open. */
    defaults: Type.Array(
      object({
        board: Type.Optional(Type.String()),
        kind: Type.Optional(oneOf(KINDS)),
        deal: Type.Optional(oneOf(DEALS)),
        days: Type.Union([Type.Integer({ minimum: 1, maximum: 3650 }), Type.Null()]),
      }),
    ),
    warnDays: days(365),
    /** What happens on the last day if nobody decided. */
    atEnd: oneOf(['withdraw', 'extend'] as const),
  }),
  moderation: object({
    mode: oneOf(['off', 'on'] as const),
    /** What a live advertisement does while its edit waits. */
    edit: oneOf(['stop', 'keep-approved'] as const),
    /** For how long the approved content is kept while an edit waits. */
    keepDays: Type.Integer({ minimum: 1, maximum: 365 }),
    mayApproveOwn: Type.Boolean(),
    /** Fields that are not named need a look. */
    policy: Type.Record(Type.String(), FieldPolicySchema),
    returnReasons: Type.Array(
      object({
        code: Type.String({ pattern: '^[a-z0-9-]+$', maxLength: 60 }),
        text: Type.String({ minLength: 1, maxLength: 300 }),
        field: Type.Union([Type.String(), Type.Null()]),
      }),
      { minItems: 1, maxItems: 100 },
    ),
    /** Price changes up to so many per cent may be approved several at once. */
    bulkPricePercent: Type.Number({ minimum: 0, maximum: 100 }),
    /** Agents whose listings are approved by themselves, and what share of them a person looks at all the same, per cent. */
    trusted: object({
      employeeIds: Type.Array(Type.Integer({ minimum: 1 }), { maxItems: 1000 }),
      sharePercent: Type.Number({ minimum: 0, maximum: 100 }),
    }),
  }),
  runs: object({
    /** Edits are gathered for so long before a run. */
    gatherSeconds: Type.Integer({ minimum: 0, maximum: 86_400 }),
    /** Hours of the day at which gathered edits go out instead; empty: any time. Withdrawals never wait. */
    slots: Type.Array(Clock, { maxItems: 48 }),
  }),
  brake: object({
    isOn: Type.Boolean(),
    /** Of the last edition's offers, per cent. */
    sharePercent: Type.Number({ minimum: 0, maximum: 100 }),
    offers: Type.Integer({ minimum: 0 }),
    priceFactor: Type.Number({ minimum: 1.1 }),
  }),
  photos: object({
    /** The agency's own picture server may stand in a private network: its host, with a port if it is an odd one. */
    ownHost: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Null()]),
  }),
  texts: object({
    /** Is an empty description filled by a template when the listing comes? */
    fillsEmpty: Type.Boolean(),
    templates: Type.Array(
      object({
        name: Type.String({ minLength: 1, maxLength: 100 }),
        kind: Type.Optional(oneOf(KINDS)),
        deal: Type.Optional(oneOf(DEALS)),
        commercialType: Type.Optional(oneOf(COMMERCIAL_TYPES)),
        text: Type.String({ minLength: 1, maxLength: 10_000 }),
      }),
      { maxItems: 200 },
    ),
    /** Computed fields: a name and a formula over the listing's fields (domain/autotext.ts). */
    formulas: Type.Array(
      object({
        name: Type.String({ pattern: '^[a-z][A-Za-z0-9]*$', maxLength: 60 }),
        label: Type.String({ minLength: 1, maxLength: 100 }),
        formula: Type.String({ minLength: 1, maxLength: 500 }),
      }),
      { maxItems: 50 },
    ),
    /** What the agency takes for a deal, per cent of the price. */
    commissionPercent: Type.Number({ minimum: 0, maximum: 100 }),
  }),
  money: object({
    /** Whose account pays for a listing: the first there is, from here up the tree. */
    payer: oneOf(PAYERS),
    /** How many days of cover before an account's owner is warned. */
    warnDays: days(365),
  }),
  access: object({
    /** Must whoever moves money or gives rights sign in by two things? */
    secondFactor: oneOf(['required', 'offered'] as const),
  }),
  /** The least role for a deed, where the agency wants another one than `DEEDS` has. */
  rights: Type.Record(Type.String({ pattern: '^[a-z-]{1,40}$' }), oneOf(ROLES)),
});
export type AgencySettings = Static<typeof AgencySettingsSchema>;

export const PackageSchema = Type.Union([
  /** So many listings at the same time. */
  object({ kind: Type.Literal('concurrent'), places: Type.Integer({ minimum: 0, maximum: 1_000_000 }) }),
  /** So many placements in a period; each is used up at the first publication and held to its term. */
  object({
    kind: Type.Literal('placements'),
    placements: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    /** First day of the first period; the periods follow one another. */
    from: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
    periodDays: Type.Integer({ minimum: 1, maximum: 366 }),
    /** How long one placement lasts, days. */
    termDays: Type.Integer({ minimum: 1, maximum: 366 }),
  }),
]);
export type Package = Static<typeof PackageSchema>;

export const CabinetSettingsSchema = object({
  /** null: as the agency. */
  moderation: Type.Union([oneOf(['off', 'on'] as const), Type.Null()]),
  edit: Type.Union([oneOf(['stop', 'keep-approved'] as const), Type.Null()]),
  package: Type.Union([PackageSchema, Type.Null()]),
  /** For how many days a place is kept before it may change hands. */
  turnDays: Type.Integer({ minimum: 1, maximum: 366 }),
  /** null: as the agency. */
  slots: Type.Union([Type.Array(Clock, { maxItems: 48 }), Type.Null()]),
  /** Are new listings marked by themselves for this cabinet? */
  marksByDefault: Type.Boolean(),
  /**
   * When the board takes its money for a day, in the cabinet's zone. Before it a day is only held, and free again if
   * the listing leaves; from it on a day is charged.
   */
  chargeAt: Clock,
});
export type CabinetSettings = Static<typeof CabinetSettingsSchema>;

export const AGENCY_DEFAULTS: AgencySettings = {
  market: { reservedWithdraws: true, stages: [], requiresStage: false },
  freshness: {
    saleDays: 30,
    rentDays: 3,
    askHours: { sale: 72, rent: 24 },
    managerHours: { sale: 24, rent: 8 },
    archiveAfterDays: 30,
    callBack: { notRentedHours: 72, noAnswerHours: 24, busyHours: 1 },
  },
  terms: { defaults: [], warnDays: 3, atEnd: 'withdraw' },
  moderation: {
    mode: 'off',
    edit: 'stop',
    keepDays: 7,
    mayApproveOwn: false,
    policy: { priceKopecks: { downPercent: 5 }, updatedAt: 'pass', createdAt: 'pass' },
    returnReasons: [
      {
        code: 'phone-in-text',
        text: 'В тексте телефон: уберите его, номер стоит в объявлении отдельно.',
        field: 'description',
      },
      { code: 'text-poor', text: 'Описание не говорит о главном: дополните.', field: 'description' },
      { code: 'few-photos', text: 'Мало фотографий: добавьте.', field: 'photos' },
      { code: 'bad-photos', text: 'Фотографии плохого качества или чужие: замените.', field: 'photos' },
      { code: 'price-differs', text: 'Цена не совпадает с договором: проверьте.', field: 'priceKopecks' },
      { code: 'address-wrong', text: 'Адрес неточный: уточните дом.', field: 'address' },
      { code: 'other', text: 'Исправьте по замечанию модератора.', field: null },
    ],
    bulkPricePercent: 10,
    trusted: { employeeIds: [], sharePercent: 10 },
  },
  runs: { gatherSeconds: 300, slots: [] },
  brake: { isOn: true, sharePercent: 20, offers: 10, priceFactor: 10 },
  photos: { ownHost: null },
  texts: { fillsEmpty: true, templates: [], formulas: [], commissionPercent: 0 },
  money: { payer: 'employee', warnDays: 3 },
  access: { secondFactor: 'required' },
  rights: {},
};

export const CABINET_DEFAULTS: CabinetSettings = {
  moderation: null,
  edit: null,
  package: null,
  turnDays: 7,
  slots: null,
  marksByDefault: false,
  chargeAt: '00:00',
};

/** The defaults with what the agency or cabinet set laid over them, group by group. */
export function settled<T extends object>(defaults: T, own: Partial<T> | null | undefined): T {
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(own ?? {})) {
    const base = (defaults as Record<string, unknown>)[key];
    const isGroup = isPlain(base) && isPlain(value) && key !== 'policy' && key !== 'package';
    result[key] = isGroup ? settled(base as object, value as object) : value;
  }
  return result as T;
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
