import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OWNER_LINK_DAYS, OWNER_LINK_DAYS_MAX } from '../domain/report-words.ts';
import { agree } from '../domain/text.ts';
import { ownerPage } from '../server/owner-page.ts';
import { newOwnerLink, type OwnerReport, ownerReport } from '../server/owner-report.ts';
import { photoTaker } from '../server/pictures-routes.ts';
import { resolveAgency } from '../store/agencies.ts';
import { listOwnerLinks, revokeOwnerLinks } from '../store/owner-report.ts';
import { agencyFrame } from '../store/settings.ts';
import { aligned } from './columns.ts';
import type { Context } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, oneListing, ours } from './naming.ts';
import { servingUrl } from './serving.ts';
import { toFile } from './statement-commands.ts';

interface OwnerOptions {
  out?: string;
  link?: boolean;
  days: string;
  revoke?: boolean;
  by?: string;
  agency?: string;
}

/** @param report the command that this one stands under */
export function ownerReportCommands(report: Command, action: Action): void {
  report
    .command('owner')
    .summary('отчёт собственнику: где и сколько дней размещали его объект')
    .description(
      `Где объект размещают, с какого дня и сколько дней, когда площадка забирала файл, просмотры и звонки, если они известны, и что мешает сейчас. Расходов агентства, телефонов и внутренних заметок в отчёте нет. С --link даёт ссылку, которая открывает отчёт без входа; её адрес показывается один раз. С --revoke отзывает все ссылки объекта.`,
    )
    .argument('<объект>', 'номер объекта')
    .option('--out <файл>', 'записать в файл: .pdf или .html')
    .option('--link', 'дать ссылку')
    .option(
      '--days <число>',
      `сколько дней действует ссылка, не больше ${OWNER_LINK_DAYS_MAX}`,
      String(OWNER_LINK_DAYS),
    )
    .option('--revoke', 'отозвать все ссылки')
    .option('--by <сотрудник>', 'кто даёт или отзывает')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: OwnerOptions) => {
        const ending = options.out === undefined ? null : /\.(pdf|html)$/i.exec(options.out)?.[1]?.toLowerCase();
        if (ending === undefined)
          throw new Refusal('report-format', 'Файл отчёта собственнику бывает .pdf, .html.', EXIT.usage);
        if (options.link && options.revoke)
          throw new Refusal('owner-what', 'Дать ссылку или отозвать? Назовите одно.', EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listing = await oneListing(db, agency.id, name);
        const now = context.clock();
        const { timeZone } = await agencyFrame(db, agency.id);
        if (options.revoke) {
          const { name: by } = await actorOf(db, agency.id, options.by, 'owner-reports');
          const revoked = await revokeOwnerLinks(db, agency.id, listing.id, null, by, now);
          context.print(
            { revoked },
            `Отозвано: ${revoked} ${agree(revoked, 'ссылка', 'ссылки', 'ссылок')} на объект ${ours(listing.id)}.`,
          );
          return EXIT.done;
        }
        if (options.link) {
          const { name: by } = await actorOf(db, agency.id, options.by, 'owner-reports');
          const days = /^\d{1,4}$/.test(options.days) ? Number(options.days) : 0;
          const { path, expiresAt, id } = await newOwnerLink(db, agency.id, listing.id, { days, by }, now);
          const url = context.address(path);
          context.print(
            { id, url, expiresAt },
            `${url}\nДействует до ${russianMoment(expiresAt, timeZone)}. Больше этот адрес нигде не показывается.`,
          );
          return EXIT.done;
        }
        const made = await reportFor(context, agency.id, listing.id);
        if (ending !== null) {
          const bytes =
            ending === 'html'
              ? Buffer.from(ownerPage(made, null))
              : await (await import('../server/owner-pdf.ts')).ownerPdf(made);
          await toFile(options.out!, Readable.from([bytes]));
          context.print({ file: options.out }, `Записано: ${options.out}`);
          return EXIT.done;
        }
        const links = await listOwnerLinks(db.pool, agency.id, listing.id, now);
        const { photo: _, ...told } = made;
        context.print({ ...told, links }, () => textOf(made, links.length));
        return EXIT.done;
      }),
    );
}

async function reportFor(context: Context, agencyId: number, listingId: number): Promise<OwnerReport> {
  const db = await context.db();
  const { PUBLIC_URL, DATA_DIR } = context.config;
  const base = PUBLIC_URL ?? servingUrl(DATA_DIR) ?? context.publicUrl('');
  const photos = photoTaker({ db, dataDir: context.config.DATA_DIR, publicUrl: base });
  try {
    return await ownerReport(
      {
        db,
        boards: context.boards,
        takePhoto: (...of) => photos.take(...of, new URL(base).host),
        now: context.clock(),
      },
      agencyId,
      listingId,
    );
  } finally {
    await photos.close();
  }
}

function textOf(report: OwnerReport, links: number): string {
  const { address, title, price, state, totals, boards, notes } = report;
  return [
    ...[address, title, price].filter((line) => line !== null),
    state,
    ...totals.map(({ name, value }) => `${name}: ${value}`),
    ...(boards.length === 0
      ? []
      : [
          aligned([
            ['Площадка', 'Состояние', 'В рекламе', 'Когда', 'Забирала', 'Просмотров', 'Звонков'],
            ...boards.map((board) => [
              board.name,
              board.state,
              board.days,
              board.when ?? '–',
              board.taken ?? '–',
              board.views ?? '–',
              board.calls ?? '–',
            ]),
          ]),
        ]),
    ...notes,
    links === 0 ? 'Действующих ссылок нет: дать её можно ключом --link.' : `Действующих ссылок: ${links}.`,
  ].join('\n');
}
