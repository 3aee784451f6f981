import { createHash } from 'node:crypto';
import { escapeText } from '../boards/formats/xml.ts';
import type { OwnerBoard, OwnerReport } from './owner-report.ts';

/** The owner's report as one page that needs nothing else: no scripts, no fonts, no pictures from anywhere. */

const STYLE = `
:root{color-scheme:light dark;--ink:#1c242e;--faint:#5b6675;--line:#d9dee5;--paper:#fff;--back:#f3f5f8;--good:#1f7a3d;--wait:#8a5200}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf0;--faint:#a7b0bd;--line:#3a424e;--paper:#1c2129;--back:#13171d;--good:#6fce8f;--wait:#f0b35c}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
main{max-width:760px;margin:0 auto;padding:20px 16px 40px}
article{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:20px;overflow-wrap:anywhere}
h1{font-size:1.45rem;line-height:1.2;margin:0 0 4px}
h2{font-size:1.1rem;margin:24px 0 8px}
p{margin:0 0 8px}
.faint{color:var(--faint);font-size:.9rem}
.price{font-size:1.25rem;font-weight:650}
img{display:block;width:100%;max-height:420px;object-fit:cover;border-radius:8px;margin:12px 0}
.state{font-weight:600;margin:12px 0}
.on{color:var(--good)}.off{color:var(--wait)}
.totals{display:flex;flex-wrap:wrap;gap:8px 28px;margin:0;padding:0}
.totals div{min-width:110px}
dt{color:var(--faint);font-size:.9rem}
dd{margin:0;font-weight:600}
ul{list-style:none;margin:0;padding:0}
li{border-top:1px solid var(--line);padding:12px 0}
li h3{font-size:1rem;margin:0 0 2px}
li dl{display:flex;flex-wrap:wrap;gap:4px 24px;margin:6px 0 0}
a{color:inherit}
@media print{body{background:#fff;color:#000}main{max-width:none;padding:0}article{border:0;padding:0}.noprint{display:none}img{max-height:280px}li{break-inside:avoid}}
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** What the page may load: its own style and its own picture, and nothing else from anywhere. */
export const OWNER_PAGE_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** A page drawn by the server, whole and without a script. */
export const page = (title: string, body: string) => `<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex,nofollow">
<meta name="referrer" content="no-referrer">
<meta name="format-detection" content="telephone=no">
<title>${escapeText(title)}</title>
<style>${STYLE}</style>
</head>
<body><main>${body}</main></body>
</html>
`;

/** @param pdf where the same lies as PDF; null: there is none beside this page */
export function ownerPage(report: OwnerReport, pdf: string | null): string {
  const { title, address, price, photo, state, isShown, totals, boards, notes, agency, agent, madeAt } = report;
  const text = escapeText;
  return page(
    `Отчёт собственнику: ${address ?? title}`,
    `<article>
<p class="faint">Отчёт собственнику. ${text(agency)}, ${text(madeAt)}</p>
<h1>${text(address ?? title)}</h1>
${address === null ? '' : `<p>${text(title)}</p>`}
${price === null ? '' : `<p class="price">${text(price)}</p>`}
${photo === null ? '' : `<img src="data:image/jpeg;base64,${photo.toString('base64')}" alt="Фотография объекта">`}
<p class="state ${isShown ? 'on' : 'off'}">${text(state)}</p>
${totals.length === 0 ? '' : `<dl class="totals">${totals.map(({ name, value }) => pair(name, value)).join('')}</dl>`}
${boards.length === 0 ? '' : `<h2>Где размещаем</h2>\n<ul>${boards.map(boardItem).join('\n')}</ul>`}
${notes.map((note) => `<p class="faint">${text(note)}</p>`).join('\n')}
<p>Вопросы задайте вашему агенту${agent === null ? '' : `: ${text(agent)}`}.</p>
${pdf === null ? '' : `<p class="noprint"><a href="${text(pdf)}">Скачать PDF</a></p>`}
</article>`,
  );
}

const pair = (name: string, value: string) => `<div><dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd></div>`;

function boardItem({ name, isShown, state, days, when, taken, views, calls }: OwnerBoard): string {
  return `<li><h3>${escapeText(name)}</h3>
<p class="${isShown ? 'on' : 'off'}">${escapeText(state)}</p>
<dl>${pair('Дней в рекламе', days)}${when === null ? '' : pair('Когда', when)}${taken === null ? '' : pair('Файл для площадки забирали', taken)}${pair('Просмотров', views ?? '–')}${pair('Звонков', calls ?? '–')}</dl></li>`;
}

/** Of a link that opens nothing: whether it ever did, nobody is told. */
export const ownerPageGone = (): string =>
  page(
    'Ссылка больше не действует',
    `<article><h1>Ссылка больше не действует</h1>
<p>Её срок закончился, её отозвали, или адрес набран с ошибкой. Попросите у вашего агента новую.</p></article>`,
  );
