import type { Command } from 'commander';
import { provenCabinet } from '../boards/cabinets.ts';
import { loadBoards } from '../boards/catalogue.ts';
import { Refusal } from '../domain/fault.ts';
import { FAMILIES, type Family } from '../domain/listing.ts';
import type { TermWish } from '../domain/terms.ts';
import { formatNumber } from '../domain/text.ts';
import { ensureCabinet, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { keepAvitoId, markListings, unmarkListings } from '../store/marks.ts';
import { listCabinets } from '../store/publishing.ts';
import { type Action, choice, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET, objects, oneListing } from './naming.ts';
import { boardsTold, dayNamed } from './units.ts';

interface MarkOptions {
  board: string;
  listing?: string[];
  all?: boolean;
  cabinet: string;
  agency?: string;
  family?: Family;
  boardId?: string;
  avitoId?: string;
  by?: string;
}

/** How a term is told on the command line. */
export interface TermOptions {
  from?: string;
  to?: string;
  days?: string;
}

/** @throws Refusal `bad-day`, `bad-term` */
export function readTerm(options: TermOptions): TermWish {
  const { from, to, days } = options;
  if (to !== undefined && days !== undefined)
    throw new Refusal('bad-term', 'Конец срока называют одним ключом: --to или --days.', EXIT.usage);
  if (days !== undefined && !(/^\d{1,4}$/.test(days) && Number(days) >= 1 && Number(days) <= 3650))
    throw new Refusal('bad-term', `--days: «${days.slice(0, 20)}» — не число дней от 1 до 3650.`, EXIT.usage);
  return {
    ...(from !== undefined && { startsOn: from === 'today' ? from : dayNamed(from) }),
    ...(to !== undefined && { endsOn: to === 'open' ? null : dayNamed(to) }),
    ...(days !== undefined && { days: Number(days) }),
  };
}

export function markCommands(program: Command, action: Action): void {
  program
    .command('mark')
    .summary('отметить объекты на выгрузку')
    .description('Отмечает объекты на выгрузку на доску. Номер объекта на доске даётся один раз и не меняется.')
    .requiredOption('--board <доска>', 'доска, например avito')
    .addOption(several('--listing <объект...>', 'номера объектов: наши или из источника'))
    .option('--all', 'все объекты агентства')
    .option('--cabinet <кабинет>', 'кабинет на доске: латиница, цифры, дефис', DEFAULT_CABINET)
    .option('--agency <название>', 'агентство')
    .addOption(choice('--family <формат>', 'формат фида нового кабинета, если доска берёт несколько', FAMILIES))
    .option('--board-id <номер>', 'под каким номером этот один объект уже стоит на доске')
    .option('--avito-id <номер>', 'номер, который этому объекту дало Авито')
    .option('--from <день>', 'первый день размещения или today')
    .option('--to <день>', 'последний день размещения; open — без конца')
    .option('--days <число>', 'срок размещения в днях; без этих ключей — по настройкам агентства')
    .option('--by <сотрудник>', 'кто отметил')
    .addHelpText('after', () => `\n${boardsTold(loadBoards())}`)
    .action(
      action(async (context, options: MarkOptions & TermOptions) => {
        const term = readTerm(options);
        const board = context.board(options.board);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { name: by } = await actorOf(db, agency.id, options.by, 'marks');
        const ids = await chosenListings(db, agency.id, options);
        const wanted = provenCabinet(context.boards, {
          board: board.id,
          slug: options.cabinet,
          family: options.family,
        });
        if ((options.boardId !== undefined || options.avitoId !== undefined) && ids?.length !== 1) {
          throw new Refusal('one-listing', 'Ключи --board-id и --avito-id даются одному объекту.', EXIT.usage);
        }
        if (options.avitoId !== undefined && !/^\d{1,15}$/.test(options.avitoId))
          throw new Refusal('avito-id', `--avito-id: «${options.avitoId}» — не номер.`, EXIT.usage);
        const cabinetId = await ensureCabinet(db, agency.id, wanted);
        const { marked, forbidden } = await markListings(db, agency.id, cabinetId, ids, context.clock(), {
          boardOfferId: options.boardId,
          term,
          by,
        });
        if (options.avitoId !== undefined) {
          await keepAvitoId(db, agency.id, cabinetId, ids![0]!, Number(options.avitoId));
        }
        context.print(
          { board: board.id, cabinet: options.cabinet, marked, forbidden },
          `${board.name}: отмечено объектов: ${formatNumber(marked)}.`,
        );
        if (forbidden > 0) context.say(`Не отмечено ${objects(forbidden)}: рекламировать запрещено.`);
        context.say(`Дальше: publish. Что мешает — check --board ${board.id}`);
        return EXIT.done;
      }),
    );

  program
    .command('unmark')
    .summary('снять отметки')
    .description('Снимает отметки на выгрузку. Объекты уйдут из фида при следующей публикации.')
    .requiredOption('--board <доска>', 'доска')
    .addOption(several('--listing <объект...>', 'номера объектов'))
    .option('--all', 'все объекты')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .option('--agency <название>', 'агентство')
    .option('--by <сотрудник>', 'кто снял')
    .action(
      action(async (context, options: MarkOptions) => {
        const board = context.board(options.board);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const cabinet = (await listCabinets(db, { board: board.id, agencyId: agency.id })).find(
          (row) => row.slug === options.cabinet,
        );
        if (!cabinet) throw new Refusal('cabinet-unknown', `На доске ${board.name} ничего не отмечено.`, EXIT.refused);
        const unmarked = await unmarkListings(
          db,
          agency.id,
          cabinet.id,
          await chosenListings(db, agency.id, options),
          context.clock(),
          (await actorOf(db, agency.id, options.by, 'marks')).name,
        );
        context.print(
          { board: board.id, cabinet: options.cabinet, unmarked },
          `${board.name}: снято отметок: ${formatNumber(unmarked)}.`,
        );
        return EXIT.done;
      }),
    );
}

async function chosenListings(
  db: Database,
  agencyId: number,
  options: { listing?: string[]; all?: boolean },
): Promise<number[] | undefined> {
  if (options.all === (options.listing !== undefined))
    throw new Refusal('listings-missing', 'Укажите --listing <объект…> или --all.', EXIT.usage);
  if (options.all) return undefined;
  const ids: number[] = [];
  for (const name of options.listing ?? []) ids.push((await oneListing(db, agencyId, name)).id);
  if (ids.length === 0) throw new Refusal('listings-missing', 'Укажите --listing <объект…> или --all.', EXIT.usage);
  return ids;
}
