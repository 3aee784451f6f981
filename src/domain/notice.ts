import Type, { type Static } from 'typebox';

/**
 * A notice: one remark on one listing, told to a person in Russian. Notices are returned in lists, never thrown;
 * every problem of a listing is told at once.
 */

/** `blocking`: the board will not get the listing. `advisory`: it goes out, and may be shown worse. */
export const SEVERITIES = ['blocking', 'advisory'] as const;
/** Who can put it right: the agent, the ad specialist, the manager, the administrator, or the board itself. */
export const FIXERS = ['agent', 'adSpecialist', 'manager', 'admin', 'board'] as const;

export type Severity = (typeof SEVERITIES)[number];
export type Fixer = (typeof FIXERS)[number];

export const NoticeSchema = Type.Object(
  {
    /** `cian/description-short`: the board's id (or `norm`) and a kebab-case word; never reused for another meaning. */
    code: Type.String({ pattern: '^[a-z0-9-]+/[a-z0-9-]+$', maxLength: 120 }),
    severity: Type.Unsafe<Severity>({ enum: [...SEVERITIES] }),
    /** The listing's field to open, or `own:<path>` for a field that one format family alone knows. */
    field: Type.String({ minLength: 1, maxLength: 200 }),
    /** The field's Russian name, as the form calls it. */
    label: Type.String({ minLength: 1, maxLength: 200 }),
    /** «Описание: 11 знаков. Циану нужно от 15 до 3000.» */
    message: Type.String({ minLength: 1, maxLength: 1000 }),
    fixedBy: Type.Unsafe<Fixer>({ enum: [...FIXERS] }),
    /** The public name of the document the demand comes from. */
    source: Type.String({ minLength: 1, maxLength: 500 }),
    /** The day on which somebody last compared the demand with its source: `YYYY-MM-DD`. */
    checkedOn: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
    /** What the listing has there; absent when there is nothing. */
    actual: Type.Optional(Type.Unknown()),
  },
  { $id: 'Notice', additionalProperties: false },
);

export type Notice = Static<typeof NoticeSchema>;

/** What our own look at the finished offer demands: codes that no board and no norm has. */
export const INSPECTOR = {
  'inspector/schema': {
    label: 'Готовый файл',
    field: 'externalId',
    fixedBy: 'admin',
    demand:
      'Готовое объявление должно пройти проверку по схеме формата. Если не прошло, ошибка в программе, а не в объекте.',
    source: 'схема формата в feed-schemas',
    checkedOn: '2026-11-21',
  },
  'inspector/phone-missing': {
    label: 'Телефон в тексте',
    field: 'description',
    fixedBy: 'agent',
    demand:
      'Где в заголовке или описании стоит {phone}, должен быть номер: у объекта, у агента или в графике телефонов.',
    source: 'подстановка номера в тексты',
    checkedOn: '2026-11-21',
  },
} as const satisfies Record<
  string,
  Pick<Notice, 'label' | 'field' | 'fixedBy' | 'source' | 'checkedOn'> & { readonly demand: string }
>;

/** True when at least one notice keeps the listing off the board. */
export function isBlocked(notices: readonly Notice[]): boolean {
  return notices.some((notice) => notice.severity === 'blocking');
}

/** A norm of an agency as it is kept; the shape of a board's rule, in a row instead of a file. */
export interface StoredNorm {
  readonly id: number;
  /** `norm/photos-min`; one norm per code. */
  readonly code: string;
  /** Boards it is meant for; null: all. */
  readonly boards: readonly string[] | null;
  /** Proved by `readNorm` before it was saved. */
  readonly rule: unknown;
  readonly by: string;
  readonly createdAt: Date;
}
