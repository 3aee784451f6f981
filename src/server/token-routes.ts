import Type from 'typebox';
import { MadeTokenSchema, NewTokenSchema, TOKEN_SCOPES, type TokenScope, TokensSchema } from '../contracts/tokens.ts';
import { Refusal } from '../domain/fault.ts';
import { listGrants, proveHeld } from '../store/access.ts';
import { addToken, listTokens, revokeToken } from '../store/tokens.ts';
import type { Api } from './api.ts';
import { newToken, tokenHash } from './keys.ts';

/** Keys for programs: told once, known afterwards by their hash only. */
export function tokenRoutes(api: Api): void {
  const policy = { deed: 'tokens', of: 'agency', token: null } as const;

  api.define({
    method: 'GET',
    url: '/tokens',
    summary: 'Ключи API',
    policy,
    answer: TokensSchema,
    handler: async ({ db, agencyId }) => ({
      data: (await listTokens(db.pool, agencyId)).map((row) => ({
        id: row.id,
        name: row.name,
        employee: { id: row.employeeId, name: row.employee, isActive: row.isActive },
        scopes: row.scopes as TokenScope[],
        by: row.by,
        createdAt: row.createdAt.toISOString(),
        lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
      })),
      scopes: Object.entries(TOKEN_SCOPES).map(([scope, label]) => ({ scope: scope as TokenScope, label })),
    }),
  });

  api.define({
    method: 'POST',
    url: '/tokens',
    summary: 'Выдать ключ API; он показывается один раз',
    policy: { ...policy, needsProof: true },
    body: NewTokenSchema,
    answer: MadeTokenSchema,
    handler: async ({ db, agencyId, caller, body, by, now }) => {
      const grants = (await listGrants(db.pool, agencyId)).get(body.employeeId);
      if (!grants) throw new Refusal('employee-unknown', 'Такого сотрудника нет, или он уже не работает.', 2);
      await proveHeld(db.pool, agencyId, body.employeeId, grants, { name: by, person: caller });
      const token = `vg_${newToken()}`;
      const { name, ...rest } = body;
      const id = await addToken(db, agencyId, { ...rest, name: name.trim(), tokenHash: tokenHash(token) }, by, now);
      return { id, token };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/tokens/:id',
    summary: 'Отозвать ключ API',
    policy: { ...policy, needsProof: true },
    params: Type.Object({ id: Type.Integer() }),
    handler: ({ db, agencyId, params, by, now }) => revokeToken(db, agencyId, params.id, by, now),
  });
}
