import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { ProblemSchema } from '../contracts/problem.ts';
import { TOKEN_SCOPES } from '../contracts/tokens.ts';
import { DEEDS } from '../domain/rights.ts';
import { API, type Policy } from './api.ts';

/** The description of the API, made of the very schemas that its requests are judged by, and its page. */

const ABOUT = `Всё, что делают экраны, и вход для CRM. Деньги — целые копейки, моменты — RFC 3339, дни — ГГГГ-ММ-ДД, телефоны — E.164.
Списки листаются по \`page.next\` (\`?after=\`). Ошибки — application/problem+json (RFC 9457) по-русски; что значит каждая и что делать — [/problems](/problems), туда ведёт \`type\`.
Программа входит с ключом: \`Authorization: Bearer vg_…\`; ключ выдаёт администратор, ему даются отдельные права.
Что меняет версию, просит \`If-Match\`; деньги и вердикты — \`Idempotency-Key\`: повтор с тем же ключом и телом выполняется один раз и сутки получает тот же ответ;
после 5xx повторяйте с тем же ключом, с новым — только другое действие.`;

/** Registered before the routes it tells of. */
export function describeApi(app: FastifyInstance): void {
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Выгрузка', description: ABOUT, version: '1' },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'Ключ программы' },
          session: { type: 'apiKey', in: 'cookie', name: 'vygruzka', description: 'Сеанс человека' },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const policy = route.config?.policy;
      if (!url.startsWith(API) || policy === undefined) return { schema: { ...schema, hide: true }, url };
      const described = {
        ...schema,
        description: rightsTold(policy),
        security:
          policy.deed === 'public'
            ? []
            : [{ session: [] }, ...(policy.token === null ? [] : [{ key: [policy.token] }])],
        response: {
          ...((schema as { response?: object })?.response ?? {}),
          default: { description: 'Отказ; что значит code — /problems/<code>', ...ProblemSchema },
        },
      };
      return { schema: described as never, url };
    },
  });
  void app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, policy: { deed: 'public', token: null } };
    });
    docs.get('/api/openapi.json', { schema: { hide: true } as object }, () => app.swagger());
    await docs.register(swaggerUi, { routePrefix: '/api/docs', uiConfig: { docExpansion: 'none' } });
  });
}

function rightsTold({ deed, of, token, needsProof, idempotent }: Policy): string {
  const who =
    deed === 'public'
      ? 'Доступно всем.'
      : deed === 'signed-in'
        ? 'Доступно каждому, кто вошёл.'
        : `Право: ${DEEDS[deed].told.toLowerCase().replace(/,$/, '')}${of === 'agency' ? ', во всём агентстве' : ''}.`;
  return [
    who,
    deed === 'public' ? '' : token === null ? 'Не для программ с ключом.' : `Ключ: ${token} (${TOKEN_SCOPES[token]}).`,
    needsProof ? 'Просит недавнего подтверждения паролем.' : '',
    idempotent === 'required'
      ? 'Нужен Idempotency-Key.'
      : idempotent === 'heeded'
        ? 'Idempotency-Key учитывается.'
        : '',
  ]
    .filter(Boolean)
    .join(' ');
}
