import Type, { type Static } from 'typebox';
import { DeedSchema, RoleSchema, ScopeSchema } from './session.ts';

/** People, their rights, and the units they work in. */

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' });
const Ids = Type.Array(Type.Integer(), { maxItems: 100 });
const Unit = Type.Object({ id: Type.Integer(), name: Type.String() });

/** One role and where it holds. */
export const GrantSchema = Type.Object(
  {
    role: RoleSchema,
    scope: ScopeSchema,
    /** Of the scopes `branch` and `department`. */
    branchId: Nullable(Type.Integer()),
    departmentId: Nullable(Type.Integer()),
  },
  { additionalProperties: false },
);

export const PersonSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  /** E.164, or masked for whoever may not see them. */
  phones: Type.Array(Type.String()),
  email: Nullable(Type.String()),
  isActive: Type.Boolean(),
  branch: Nullable(Unit),
  department: Nullable(Unit),
  groups: Type.Array(Unit),
  grants: Type.Array(
    Type.Object({ ...GrantSchema.properties, /** «руководитель, филиал «Центр»» */ label: Type.String() }),
  ),
  login: Nullable(Type.String()),
  hasSecondFactor: Type.Boolean(),
  invitedUntil: Nullable(Type.String()),
  seenAt: Nullable(Type.String()),
  listings: Type.Integer(),
  may: Type.Object({
    edit: Type.Boolean(),
    phones: Type.Boolean(),
    roles: Type.Boolean(),
    invite: Type.Boolean(),
    dismiss: Type.Boolean(),
  }),
  version: Type.String(),
});
export type Person = Static<typeof PersonSchema>;

export const PEOPLE_STATES = ['working', 'outside', 'left'] as const;

export const PeopleQuery = Type.Object(
  {
    q: Type.Optional(Type.String({ maxLength: 100 })),
    branch: Type.Optional(Ids),
    department: Type.Optional(Ids),
    group: Type.Optional(Ids),
    role: Type.Optional(Type.Array(RoleSchema, { maxItems: 4 })),
    state: Type.Optional(Type.Unsafe<(typeof PEOPLE_STATES)[number]>({ type: 'string', enum: [...PEOPLE_STATES] })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    after: Type.Optional(Type.String({ maxLength: 600 })),
  },
  { additionalProperties: false },
);

export const PeopleSchema = Type.Object({
  data: Type.Array(PersonSchema),
  page: Type.Object({ next: Nullable(Type.String()), total: Nullable(Type.Integer()) }),
});
export type People = Static<typeof PeopleSchema>;

const Editable = {
  /** As people write them; kept as E.164. The first is the one shown. */
  phones: Type.Array(Type.String({ maxLength: 40 }), { maxItems: 10 }),
  email: Nullable(Type.String({ maxLength: 200, pattern: '^[^\\s@]+@[^\\s@]+$' })),
  branchId: Nullable(Type.Integer()),
  departmentId: Nullable(Type.Integer()),
  groupIds: Ids,
};

export const NewPersonSchema = Type.Object(
  { name: Name, ...Type.Partial(Type.Object(Editable)).properties },
  { additionalProperties: false },
);
export type NewPerson = Static<typeof NewPersonSchema>;

export const PersonChangeSchema = Type.Partial(
  Type.Object({
    name: Name,
    ...Editable,
    /** false: has left. */
    isActive: Type.Boolean(),
  }),
  { additionalProperties: false, minProperties: 1 },
);
export type PersonChange = Static<typeof PersonChangeSchema>;

export const GrantsSchema = Type.Object(
  { grants: Type.Array(GrantSchema, { minItems: 1, maxItems: 50 }) },
  { additionalProperties: false },
);

/** Shown once: nobody can read it again. */
export const InvitationSchema = Type.Object({ url: Type.String(), until: Type.String() });
export type Invitation = Static<typeof InvitationSchema>;

export const HandOverSchema = Type.Object(
  {
    toId: Type.Integer(),
    /** Absent: all of them. */
    listingIds: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, maxItems: 5000 })),
  },
  { additionalProperties: false },
);

// ---------------------------------------------------------------- units

export const BranchSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  /** Of its own; null: the agency's. */
  timeZone: Nullable(Type.String()),
  /** By whose clock its hours are read. */
  zone: Type.String(),
  employees: Type.Integer(),
});
export type Branch = Static<typeof BranchSchema>;
export const BranchesSchema = Type.Object({ data: Type.Array(BranchSchema), agencyZone: Type.String() });
export type Branches = Static<typeof BranchesSchema>;
const TimeZone = Nullable(Type.String({ minLength: 1, maxLength: 60 }));
export const NewBranchSchema = Type.Object(
  { name: Name, timeZone: Type.Optional(TimeZone) },
  { additionalProperties: false },
);
export const BranchChangeSchema = Type.Partial(Type.Object({ name: Name, timeZone: Type.String({ maxLength: 60 }) }), {
  additionalProperties: false,
  minProperties: 1,
});

export const DepartmentSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  branchId: Type.Integer(),
  employees: Type.Integer(),
});
export const DepartmentsSchema = Type.Object({ data: Type.Array(DepartmentSchema) });
export type Departments = Static<typeof DepartmentsSchema>;
export const NewDepartmentSchema = Type.Object(
  { name: Name, branchId: Type.Integer() },
  { additionalProperties: false },
);

export const CrmGroupSchema = Type.Object({ id: Type.Integer(), name: Type.String(), employees: Type.Integer() });
export const CrmGroupsSchema = Type.Object({ data: Type.Array(CrmGroupSchema) });
export type CrmGroups = Static<typeof CrmGroupsSchema>;
export const NamedSchema = Type.Object({ name: Name }, { additionalProperties: false });

// ---------------------------------------------------------------- rights by deed

export const RightsSchema = Type.Object({
  roles: Type.Array(Type.Object({ role: RoleSchema, label: Type.String() })),
  groups: Type.Array(
    Type.Object({
      title: Type.String(),
      deeds: Type.Array(
        Type.Object({
          deed: DeedSchema,
          label: Type.String(),
          /** The least role that may, here; whoever is higher may too. */
          least: RoleSchema,
          /** What it is where nobody decided otherwise. */
          usual: RoleSchema,
          /** May never be handed down. */
          isFixed: Type.Boolean(),
          /** How many people may it, as things stand. */
          people: Type.Integer(),
        }),
      ),
    }),
  ),
  may: Type.Object({ change: Type.Boolean() }),
});
export type Rights = Static<typeof RightsSchema>;

export const RightChangeSchema = Type.Object(
  {
    deed: DeedSchema,
    /** null: as usual. */
    least: Nullable(RoleSchema),
  },
  { additionalProperties: false },
);
export type RightChange = Static<typeof RightChangeSchema>;
