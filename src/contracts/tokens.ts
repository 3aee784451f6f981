import Type, { type Static } from 'typebox';

/** What a program's key may be good for. It never may more than the person it belongs to. */
export const TOKEN_SCOPES = {
  'listings:read': 'читать объекты, отметки и замечания',
  'listings:write': 'загружать и менять объекты и отметки',
  'moderation:write': 'читать очередь и выносить вердикты',
  'accounts:read': 'читать счета и выписки',
  'accounts:write': 'пополнять счета и переводить деньги',
  'feeds:read': 'читать издания и забирания фидов',
  'feeds:write': 'собирать фиды и отпускать тормоз',
  'settings:read': 'читать настройки',
  'settings:write': 'менять настройки',
  'reports:read': 'читать отчёты и диагностику',
} as const;
export type TokenScope = keyof typeof TOKEN_SCOPES;

export const TokenScopeSchema = Type.Unsafe<TokenScope>({ type: 'string', enum: Object.keys(TOKEN_SCOPES) });

export const TokenSchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  /** Whose rights it has. */
  employee: Type.Object({ id: Type.Integer(), name: Type.String(), isActive: Type.Boolean() }),
  scopes: Type.Array(TokenScopeSchema),
  by: Type.String(),
  createdAt: Type.String(),
  lastUsedAt: Type.Union([Type.String(), Type.Null()]),
});
export type Token = Static<typeof TokenSchema>;

export const TokensSchema = Type.Object({
  data: Type.Array(TokenSchema),
  /** Everything a key may be good for, in words. */
  scopes: Type.Array(Type.Object({ scope: TokenScopeSchema, label: Type.String() })),
});
export type Tokens = Static<typeof TokensSchema>;

export const NewTokenSchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }),
    /** Whose rights it has; never more than those. */
    employeeId: Type.Integer(),
    scopes: Type.Array(TokenScopeSchema, { minItems: 1, maxItems: 20, uniqueItems: true }),
  },
  { additionalProperties: false },
);

/** The only time the key is told. */
export const MadeTokenSchema = Type.Object({ id: Type.Integer(), token: Type.String() });
export type MadeToken = Static<typeof MadeTokenSchema>;
