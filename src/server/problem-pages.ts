import type { FastifyInstance, FastifyReply } from 'fastify';
import { escapeText } from '../boards/formats/xml.ts';
import { OWNER_PAGE_POLICY, page } from './owner-page.ts';
import { PROBLEM_WORDS, problemWords } from './problem-words.ts';
import { TITLES } from './problems.ts';

/** Where the `type` of a problem leads: `/problems/<code>` tells what the code means, `/problems` tells all of them. */

const PUBLIC = { config: { policy: { deed: 'public', token: null } } } as const;

export function problemPages(app: FastifyInstance): void {
  app.get('/problems', PUBLIC, (_, reply) => send(reply, 200, allCodes()));
  app.get<{ Params: { code: string } }>('/problems/:code', PUBLIC, (request, reply) => {
    const told = oneCode(request.params.code);
    return told === undefined ? send(reply, 404, unknownCode()) : send(reply, 200, told);
  });
}

function send(reply: FastifyReply, status: number, html: string): FastifyReply {
  return reply
    .code(status)
    .header('Content-Language', 'ru')
    .header('Cache-Control', status === 200 ? 'public, max-age=3600' : 'no-store')
    .header('Content-Security-Policy', OWNER_PAGE_POLICY)
    .type('text/html; charset=utf-8')
    .send(html);
}

const statusTold = (statuses: readonly number[]) =>
  statuses.map((status) => `${status} «${TITLES[status]}»`).join(', ');

function oneCode(code: string): string | undefined {
  const words = problemWords(code);
  if (!words) return undefined;
  const { statuses, means, help } = words;
  return page(
    `Ошибка ${code}`,
    `<article>
<p class="faint">Ошибка API Выгрузки</p>
<h1>${escapeText(code)}</h1>
<p>${escapeText(means)}</p>
<h2>Что делать</h2>
<p>${escapeText(help)}</p>
<h2>С каким кодом HTTP приходит</h2>
<p>${escapeText(statusTold(statuses))}</p>
<p class="faint">Что случилось с вашим запросом, сказано в ответе: detail, а по полям – errors. Администратору назовите requestId.</p>
<p><a href="/problems">Все ошибки</a></p>
</article>`,
  );
}

function allCodes(): string {
  const items = Object.keys(PROBLEM_WORDS)
    .sort()
    .map((code) => {
      const { statuses, means } = problemWords(code)!;
      return `<li><h2><a href="/problems/${code}">${code}</a></h2>
<p>${escapeText(means)}</p><p class="faint">${escapeText(statusTold(statuses))}</p></li>`;
    });
  return page('Ошибки API', `<article><h1>Ошибки API Выгрузки</h1>\n<ul>${items.join('\n')}</ul></article>`);
}

const unknownCode = () =>
  page(
    'Такой ошибки нет',
    `<article><h1>Такой ошибки нет</h1>
<p>Код набран неверно или принадлежит другой версии. <a href="/problems">Все ошибки</a></p></article>`,
  );
