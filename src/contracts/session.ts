import Type, { type Static } from 'typebox';
import { ROLES, type Role } from '../domain/people.ts';
import { DEEDS, type Deed, SCOPES, type Scope } from '../domain/rights.ts';

/** Who is signed in, and what the person may. The web shows menus and buttons by `may`; the server asks again. */

export const RoleSchema = Type.Unsafe<Role>({ type: 'string', enum: [...ROLES] });
export const ScopeSchema = Type.Unsafe<Scope>({ type: 'string', enum: [...SCOPES] });
export const DeedSchema = Type.Unsafe<Deed>({ type: 'string', enum: Object.keys(DEEDS) });

/** `GET /api/v1/session`, and the answer of signing in. */
export const SessionSchema = Type.Object({
  person: Type.Object({
    id: Type.Integer(),
    name: Type.String(),
    login: Type.String(),
    branch: Type.Union([Type.String(), Type.Null()]),
    department: Type.Union([Type.String(), Type.Null()]),
  }),
  agency: Type.Object({ id: Type.Integer(), name: Type.String(), timeZone: Type.String() }),
  /** Every grant with its words: «руководитель, филиал «Центр»». */
  grants: Type.Array(Type.Object({ role: RoleSchema, scope: ScopeSchema, label: Type.String() })),
  /** Deeds the person may do somewhere. */
  may: Type.Array(DeedSchema),
  /** Sent back in `X-CSRF-Token` with everything that changes something. */
  csrf: Type.String(),
  secondFactor: Type.Object({
    isOn: Type.Boolean(),
    /** The person moves money or gives rights: those deeds are refused until it is on. */
    isNeeded: Type.Boolean(),
  }),
  /** The screen to begin with: the first piece of work of the person's highest role. */
  home: Type.String(),
  /** The server's clock: the demo's may run ahead. */
  now: Type.String(),
});
export type Session = Static<typeof SessionSchema>;

export const SignInSchema = Type.Object(
  {
    login: Type.String({ minLength: 1, maxLength: 200 }),
    password: Type.String({ minLength: 1, maxLength: 500 }),
    /** Six digits, where the second factor is on. */
    code: Type.Optional(Type.String({ maxLength: 20 })),
  },
  { additionalProperties: false },
);
export type SignIn = Static<typeof SignInSchema>;

/** The person proves again who they are before a deed that asks for it (`re-authentication-needed`). */
export const ConfirmSchema = Type.Object(
  {
    password: Type.String({ minLength: 1, maxLength: 500 }),
    code: Type.Optional(Type.String({ maxLength: 20 })),
  },
  { additionalProperties: false },
);

/** The address of an invitation or of the first administrator's link: `/welcome/<token>`. */
export const WelcomeSchema = Type.Object(
  {
    login: Type.String({ minLength: 2, maxLength: 200 }),
    password: Type.String({ minLength: 8, maxLength: 500 }),
    /** The first administrator names himself and the agency; an invited person is known already. */
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    agency: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false },
);

export const SessionRowSchema = Type.Object({
  id: Type.String(),
  isThis: Type.Boolean(),
  since: Type.String(),
  seenAt: Type.String(),
  device: Type.String(),
  address: Type.Union([Type.String(), Type.Null()]),
});

export const PasswordChangeSchema = Type.Object(
  { old: Type.String({ maxLength: 500 }), password: Type.String({ minLength: 8, maxLength: 500 }) },
  { additionalProperties: false },
);
