import type { Command } from 'commander';
import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { failureWords } from '../domain/photos.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { resolveAgency } from '../store/agencies.ts';
import { countPhotos, type PhotoRow, photoHosts, photosOf } from '../store/photos.ts';
import { agencyFrame } from '../store/settings.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { objects, oneListing, ours } from './naming.ts';

const photos = (count: number) => `${formatNumber(count)} ${agree(count, 'снимок', 'снимка', 'снимков')}`;

export function photoCommands(program: Command, action: Action): void {
  const group = program
    .command('photos')
    .summary('проверка снимков по их адресам')
    .description(
      'Проверяет снимки отмеченных объектов: отвечает ли адрес, снимок ли там, сколько пикселей и байт. Непроверенный снимок объявлению не мешает; не открывшийся три раза за 24 часа считается сломанным.',
    );

  group
    .command('probe')
    .summary('проверить снимки, которым пора')
    .description('Заносит снимки отмеченных объектов и проверяет те, которым пора. Остальное ждёт своего времени.')
    .option('--limit <число>', 'не больше стольких снимков', '1000')
    .action(
      action(async (context, options: { limit: string }) => {
        if (!/^[1-9]\d{0,6}$/.test(options.limit))
          throw new Refusal('bad-limit', `--limit: «${options.limit}» — не число снимков. Пример: 500.`, EXIT.usage);
        const db = await context.db();
        // It brings a picture library along; no other command should wait for it.
        const { probeDue } = await import('../export/photos.ts');
        const probed = await probeDue(db, { clock: context.clock, limit: Number(options.limit) });
        context.print(probed, () =>
          [
            `Занесено новых: ${photos(probed.added)}.`,
            `Проверено: ${photos(probed.seen + probed.failed)}, из них без изменений ${formatNumber(probed.same)}, не открылось ${formatNumber(probed.failed)}.`,
            ...(probed.postponed > 0 ? [`Отложено, сервер молчит: ${photos(probed.postponed)}.`] : []),
            ...(probed.news > 0 ? [`Новое о снимках: ${objects(probed.news)}.`] : []),
          ].join('\n'),
        );
        if (probed.failed > 0) context.say('Дальше: photos hosts — какие серверы не отвечают.');
        return EXIT.done;
      }),
    );

  group
    .command('status')
    .summary('что известно о снимках')
    .description('Показывает, сколько снимков проверено, а с --listing — что с каждым снимком объекта.')
    .option('--listing <объект>', 'объект: наш номер с решёткой или номер из источника')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { listing?: string; agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const now = context.clock();
        if (options.listing === undefined) {
          const counts = await countPhotos(db, agency.id, now);
          context.print(counts, () =>
            [
              `Снимков: ${formatNumber(counts.known)}. В порядке ${formatNumber(counts.good)}, не проверено ${formatNumber(counts.unprobed)}, не открывается ${formatNumber(counts.failing)}, сломано ${formatNumber(counts.broken)}.`,
              `Пора проверить: ${photos(counts.due)}. Ещё не занесены снимки: ${objects(counts.listingsToSync)}.`,
            ].join('\n'),
          );
          if (counts.due + counts.listingsToSync > 0) context.say('Дальше: photos probe');
          return EXIT.done;
        }
        const listing = await oneListing(db, agency.id, options.listing);
        const { timeZone } = await agencyFrame(db, agency.id);
        const found = await photosOf(db, agency.id, listing.id, now);
        context.print({ listing: listing.id, ...found }, () =>
          found.photos.length === 0
            ? `Объект ${ours(listing.id)}: снимков нет.`
            : found.photos.map((photo) => `Фото ${photo.place}: ${told(photo, timeZone)}\n  ${photo.url}`).join('\n'),
        );
        return EXIT.done;
      }),
    );

  group
    .command('hosts')
    .summary('серверы снимков')
    .description('Показывает серверы, с которых берутся снимки, и какие из них не отвечают.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { timeZone, settings } = await agencyFrame(db, agency.id);
        const hosts = await photoHosts(db, agency.id, context.clock());
        context.print({ ownHost: settings.photos.ownHost, hosts }, () =>
          hosts.length === 0
            ? 'Снимков ещё нет.'
            : hosts
                .map((row) => {
                  const state = row.isDead
                    ? 'НЕ ОТВЕЧАЕТ'
                    : row.failing > 0
                      ? 'не всё открывается'
                      : row.good > 0
                        ? 'отвечает'
                        : 'ещё не проверен';
                  const last =
                    row.lastAnswerAt === null ? 'ещё не отвечал' : `ответ ${russianMoment(row.lastAnswerAt, timeZone)}`;
                  const name = row.host === '' ? '(адрес не разобран)' : row.host;
                  return `${name}: ${state}. ${photos(row.photos)}, в порядке ${formatNumber(row.good)}, не проверено ${formatNumber(row.unprobed)}, не открывается ${formatNumber(row.failing)}; ${last}.`;
                })
                .join('\n'),
        );
        if (hosts.length === 0) context.say('Дальше: photos probe');
        return EXIT.done;
      }),
    );
}

/** What is known of one picture, in a sentence. */
function told(photo: PhotoRow, timeZone: string): string {
  if (!photo.isKnown) return 'ещё не занесён.';
  const size = photo.width === null ? '' : ` ${photo.width} × ${photo.height} пикселей,`;
  const seen = photo.bytes === null ? '' : `${photo.type},${size} ${formatNumber(Math.ceil(photo.bytes / 1024))} КБ`;
  const next = photo.nextProbeAt === null ? '' : ` Следующая проверка ${russianMoment(photo.nextProbeAt, timeZone)}.`;
  if (photo.failures > 0) {
    const why = failureWords(photo.lastError ?? 'no-answer', photo.status);
    const attempts = `${formatNumber(photo.failures)} ${agree(photo.failures, 'раз', 'раза', 'раз')} подряд`;
    return `${photo.isBroken ? 'СЛОМАН' : 'не открылся'}: ${why}, ${attempts}.${seen === '' ? '' : ` Раньше: ${seen}.`}${next}`;
  }
  return seen === '' ? `ещё не проверен.${next}` : `${seen}.${next}`;
}
