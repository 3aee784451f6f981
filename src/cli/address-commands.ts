import type { Command } from 'commander';
import { listAgencies, resolveAgency } from '../store/agencies.ts';
import { feedPath, PREVIOUS_ADDRESS_DAYS, rotateAddress } from '../store/feed-address.ts';
import { listCabinets } from '../store/publishing.ts';
import { listPulls } from '../store/pulls.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET } from './naming.ts';
import { cabinetNamed } from './units.ts';

interface CabinetOptions {
  board: string;
  cabinet: string;
  agency?: string;
}

export function addressCommands(program: Command, action: Action): void {
  const feeds = program
    .command('feeds')
    .summary('адреса фидов и кто их забирает')
    .description('Адреса фидов и журнал обращений досок.');
  feeds
    .command('list')
    .description('Показывает фиды и их адреса.')
    .option('--agency <название>', 'только это агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agencies = await listAgencies(db);
        const agencyId = options.agency === undefined ? undefined : (await resolveAgency(db, options.agency)).id;
        const rows = await Promise.all(
          (await listCabinets(db, { agencyId })).map(async (cabinet) => {
            const [last] = await listPulls(db, cabinet.agencyId, cabinet.id, 1);
            return {
              agency: agencies.find(({ id }) => id === cabinet.agencyId)!.name,
              board: cabinet.board,
              cabinet: cabinet.slug,
              edition: cabinet.editionId,
              url: context.address(feedPath(context.secret, cabinet)),
              previousUrlUntil: cabinet.previousTokens.at(-1)?.until ?? null,
              lastPullAt: last?.at.toISOString() ?? null,
            };
          }),
        );
        context.print({ feeds: rows }, () =>
          rows.length === 0
            ? 'Фидов ещё нет.'
            : rows
                .map(
                  (row) =>
                    `${agencies.length > 1 ? `${row.agency}, ` : ''}${row.board} (${row.cabinet}): ${row.url}\n  забирали: ${row.lastPullAt ?? 'ни разу'}`,
                )
                .join('\n'),
        );
        return EXIT.done;
      }),
    );
  feeds
    .command('rotate-url')
    .description(`Меняет адрес фида. Прежний адрес отвечает ещё ${PREVIOUS_ADDRESS_DAYS} дней.`)
    .requiredOption('--board <доска>', 'доска')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .option('--by <сотрудник>', 'кто решил')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: CabinetOptions & { by?: string }) => {
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const actor = await actorOf(db, cabinet.agencyId, options.by, 'feed-addresses');
        const until = await rotateAddress(db, cabinet, actor.name, context.clock());
        const url = context.address(feedPath(context.secret, await cabinetNamed(context, db, options)));
        context.print(
          { board: options.board, cabinet: options.cabinet, url, previousUrlUntil: until.toISOString() },
          `Новый адрес: ${url}\nПрежний отвечает до ${until.toLocaleDateString('ru')}.`,
        );
        return EXIT.done;
      }),
    );
  feeds
    .command('pulls')
    .description('Показывает, кто и когда забирал фид.')
    .requiredOption('--board <доска>', 'доска')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: CabinetOptions) => {
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const pulls = await listPulls(db, cabinet.agencyId, cabinet.id);
        context.print({ pulls }, () =>
          pulls.length === 0
            ? 'Фид ещё никто не забирал.'
            : pulls
                .map(
                  (pull) =>
                    `${pull.at.toISOString()}  ${pull.method} ${pull.status} ${pull.encoding} ${pull.bytes} Б  издание ${pull.editionId ?? '–'}  ${pull.address ?? ''}  ${pull.userAgent ?? ''}`,
                )
                .join('\n'),
        );
        return EXIT.done;
      }),
    );
}
