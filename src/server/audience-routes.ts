import type { Static } from 'typebox';
import { IdParams, PeekQuery, PeekSchema } from '../contracts/accounts.ts';
import { AudienceCabinetsSchema, AudienceQuery, LoadedAudienceSchema } from '../contracts/audience.ts';
import { AUDIENCE_LABELS, AUDIENCE_ROLES, AUDIENCE_WORDS, guessAudience } from '../domain/audience.ts';
import { mayDo } from '../domain/rights.ts';
import { takeAudience } from '../intake/audience.ts';
import { placeOfCabinet } from '../store/access.ts';
import { TOLD_MAX } from '../store/audience.ts';
import { listCabinets } from '../store/publishing.ts';
import type { Api } from './api.ts';
import { cabinetTitle } from './cabinets.ts';
import { bytesOf, peeked, readingOf, TABLE_BYTES_MAX } from './given-table.ts';
import { proveDays } from './statement.ts';

/** Views and calls that people load from files: the report of the money has the price of a call from them. */

export function audienceRoutes(api: Api): void {
  const { db, boards } = api.options;
  const policy = { deed: 'reconciliation', token: 'accounts:read' } as const;
  const ofCabinet = { ...policy, of: 'cabinet' } as const;

  api.define({
    method: 'GET',
    url: '/audience',
    summary: 'Кабинеты, по которым можно загрузить просмотры и звонки',
    policy,
    answer: AudienceCabinetsSchema,
    handler: async ({ agencyId, caller }) => {
      const cabinets = await listCabinets(db, { agencyId });
      const own = cabinets.filter((cabinet) => mayDo(caller, policy.deed, placeOfCabinet(cabinet)));
      return { data: own.map((cabinet) => ({ id: cabinet.id, name: cabinetTitle(boards, cabinet) })) };
    },
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/audience/peek',
    summary: 'Посмотреть начало файла с просмотрами и звонками: столбцы и что они могут значить',
    policy: ofCabinet,
    params: IdParams,
    query: PeekQuery,
    answer: PeekSchema,
    bodyLimit: TABLE_BYTES_MAX,
    handler: async ({ body, query }) => {
      const peek = await peeked(body, query);
      return {
        ...peek,
        roles: AUDIENCE_ROLES.map((role) => ({ role, label: AUDIENCE_LABELS[role], words: AUDIENCE_WORDS[role] })),
        guess: { shape: null, columns: guessAudience(peek.columns) as Record<string, string> },
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/audience',
    summary: 'Загрузить просмотры и звонки, CSV или JSON; повтор заменяет числа и ничего не удваивает',
    policy: { ...ofCabinet, token: 'accounts:write' },
    params: IdParams,
    query: AudienceQuery,
    answer: LoadedAudienceSchema,
    bodyLimit: TABLE_BYTES_MAX,
    handler: async ({ agencyId, params, query, body, by, now }) => {
      const { name, trial: isTrial = false, onDay, rows } = query;
      proveDays(onDay);
      const mapping = {
        columns: columnsOf(query),
        ...(onDay !== undefined && { day: onDay }),
        ...(rows !== undefined && { rows }),
      };
      const given = { name, bytes: bytesOf(body), mapping, isTrial, ...readingOf(query) };
      const taken = await takeAudience(db, { agencyId, id: params.id }, given, { name: by }, now);
      const { bad, ...told } = taken;
      return { ...told, isTrial, bad: bad.slice(0, TOLD_MAX) };
    },
  });
}

const columnsOf = (query: Static<typeof AudienceQuery>) =>
  Object.fromEntries(AUDIENCE_ROLES.flatMap((role) => (query[role] === undefined ? [] : [[role, query[role]]])));
