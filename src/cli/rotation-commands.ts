import type { Command } from 'commander';
import { isDay, russianDay, russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { packageText, type Shown } from '../domain/rotation.ts';
import type { Package } from '../domain/settings.ts';
import { formatNumber } from '../domain/text.ts';
import { rotationAhead, SHOWN_WHY } from '../export/rotation.ts';
import type { Database } from '../store/database.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { packageFrame, savePackage, setPinned } from '../store/rotation.ts';
import type { Context } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET, objects, oneListing } from './naming.ts';
import { cabinetNamed } from './units.ts';

interface CabinetOptions {
  board: string;
  cabinet: string;
  agency?: string;
}

interface PackageOptions extends CabinetOptions {
  places?: string;
  turnDays?: string;
  placements?: string;
  from?: string;
  periodDays?: string;
  termDays?: string;
  by?: string;
}

/** How many names of a day are printed; the rest are in the JSON answer. */
const NAMES = 10;

export function rotationCommands(program: Command, action: Action): void {
  const cabinetCommand = (parent: Command, name: string, summary: string, description: string) =>
    parent
      .command(name)
      .summary(summary)
      .description(description)
      .requiredOption('--board <доска>', 'доска')
      .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
      .option('--agency <название>', 'агентство');

  const rotation = program
    .command('rotation')
    .summary('кто займёт места в пакете')
    .description('Очередь на места в рекламном пакете.');
  cabinetCommand(
    rotation,
    'preview',
    'кто выйдет и уйдёт в ближайшие дни',
    'Показывает по дням, какие объекты получат место и какие уступят, если ничего не изменится. Первый день — сегодня.',
  )
    .option('--days <число>', 'на сколько дней вперёд', '14')
    .action(
      action(async (context, options: CabinetOptions & { days: string }) => {
        const faults: string[] = [];
        const ahead = whole(faults, '--days', options.days, 1, 366);
        refuse(faults);
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        await showPreview(context, db, cabinet, ahead);
        return EXIT.done;
      }),
    );

  for (const [name, isPinned, summary] of [
    ['pin', true, 'закрепить объект: место в пакете ему первому'],
    ['unpin', false, 'открепить объект'],
  ] as const) {
    cabinetCommand(
      program,
      name,
      summary,
      isPinned
        ? 'Закрепляет объект в кабинете. Он займёт свободное место сразу, а если свободных нет — в ближайшую местную полночь.'
        : 'Открепляет объект. Место он держит до конца своей очереди.',
    )
      .argument('<объект>')
      .option('--by <сотрудник>', 'кто это делает')
      .action(
        action(async (context, listingName: string, options: CabinetOptions & { by?: string }) => {
          const db = await context.db();
          const cabinet = await cabinetNamed(context, db, options);
          const actor = await actorOf(db, cabinet.agencyId, options.by, 'packages');
          const listing = await oneListing(db, cabinet.agencyId, listingName);
          const isNew = await setPinned(db, cabinet, listing.id, isPinned, actor.name, context.clock());
          const done = isPinned ? 'закреплён' : 'откреплён';
          context.print(
            { listingId: listing.id, board: cabinet.board, cabinet: cabinet.slug, isPinned, changed: isNew },
            `${cabinet.name}: объект ${listing.externalId} ${isNew ? done : `уже ${done}`}.`,
          );
          context.say(`Дальше: rotation preview --board ${cabinet.board}`);
          return EXIT.done;
        }),
      );
  }

  const group = program
    .command('package')
    .summary('рекламный пакет кабинета')
    .description('Сколько объектов кабинет может показывать и как они сменяют друг друга.');
  cabinetCommand(
    group,
    'set',
    'задать пакет',
    'Задаёт пакет: concurrent — столько мест одновременно; placements — столько размещений за период, каждое держится свой срок.',
  )
    .argument('<вид>', 'concurrent или placements')
    .option('--places <число>', 'сколько объектов одновременно (concurrent)')
    .option('--turn-days <дней>', 'на сколько дней даётся место (concurrent)')
    .option('--placements <число>', 'сколько размещений за период (placements)')
    .option('--from <день>', 'первый день первого периода, ГГГГ-ММ-ДД; без ключа сегодня (placements)')
    .option('--period-days <дней>', 'длина периода; без ключа 30 (placements)')
    .option('--term-days <дней>', 'сколько длится одно размещение; без ключа 30 (placements)')
    .option('--by <сотрудник>', 'кто это делает')
    .action(
      action(async (context, kind: string, options: PackageOptions) => {
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const frame = await packageFrame(db, cabinet, context.clock());
        const { pack, turnDays } = readPackage(kind, options, frame.today);
        const actor = await actorOf(db, cabinet.agencyId, options.by, 'packages');
        await savePackage(db, cabinet, pack, turnDays, actor.name, context.clock());
        await showPackage(context, db, cabinet);
        context.say(`Дальше: rotation preview --board ${cabinet.board}`);
        return EXIT.done;
      }),
    );
  cabinetCommand(group, 'clear', 'убрать пакет', 'Убирает пакет: место есть у каждого отмеченного объекта.')
    .option('--by <сотрудник>', 'кто это делает')
    .action(
      action(async (context, options: PackageOptions) => {
        const db = await context.db();
        const cabinet = await cabinetNamed(context, db, options);
        const actor = await actorOf(db, cabinet.agencyId, options.by, 'packages');
        await savePackage(db, cabinet, null, undefined, actor.name, context.clock());
        await showPackage(context, db, cabinet);
        return EXIT.done;
      }),
    );
  cabinetCommand(group, 'show', 'показать пакет', 'Показывает пакет кабинета и сколько из него израсходовано.').action(
    action(async (context, options: CabinetOptions) => {
      const db = await context.db();
      await showPackage(context, db, await cabinetNamed(context, db, options));
      return EXIT.done;
    }),
  );
}

function refuse(faults: readonly string[]): void {
  if (faults.length > 0) throw new Refusal('bad-option', faults.join(' '), EXIT.usage);
}

function whole(faults: string[], flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
  faults.push(`${flag}: «${text}» не подходит, нужно целое число от ${formatNumber(least)} до ${formatNumber(most)}.`);
  return least;
}

function readPackage(kind: string, options: PackageOptions, today: string): { pack: Package; turnDays?: number } {
  const faults: string[] = [];
  const foreign = (flags: Readonly<Record<string, string | undefined>>) => {
    for (const [flag, value] of Object.entries(flags)) {
      if (value !== undefined) faults.push(`${flag} не относится к пакету ${kind}.`);
    }
  };
  let pack: Package;
  if (kind === 'concurrent') {
    const { placements, from, periodDays, termDays } = options;
    foreign({ '--placements': placements, '--from': from, '--period-days': periodDays, '--term-days': termDays });
    if (options.places === undefined) faults.push('Сколько мест? Укажите --places <число>.');
    pack = { kind, places: whole(faults, '--places', options.places ?? '0', 0, 1_000_000) };
  } else if (kind === 'placements') {
    foreign({ '--places': options.places, '--turn-days': options.turnDays });
    const from = options.from ?? today;
    if (options.placements === undefined) faults.push('Сколько размещений? Укажите --placements <число>.');
    if (!isDay(from)) faults.push(`--from: «${from}» — не день. Пример: 2026-11-01.`);
    pack = {
      kind,
      placements: whole(faults, '--placements', options.placements ?? '0', 0, 1_000_000),
      from,
      periodDays: whole(faults, '--period-days', options.periodDays ?? '30', 1, 366),
      termDays: whole(faults, '--term-days', options.termDays ?? '30', 1, 366),
    };
  } else throw new Refusal('package-kind', `Пакета «${kind}» нет. Можно: concurrent, placements.`, EXIT.usage);
  const turnDays = options.turnDays === undefined ? undefined : whole(faults, '--turn-days', options.turnDays, 1, 366);
  refuse(faults);
  return { pack, ...(turnDays !== undefined && { turnDays }) };
}

async function showPackage(context: Context, db: Database, cabinet: CabinetRow): Promise<void> {
  const frame = await packageFrame(db, cabinet, context.clock());
  const { package: pack, turnDays, period, used } = frame;
  context.print(
    { board: cabinet.board, cabinet: cabinet.slug, package: pack, turnDays, period, used },
    `${cabinet.name}: ${packageText(frame)}.`,
  );
}

async function showPreview(context: Context, db: Database, cabinet: CabinetRow, ahead: number): Promise<void> {
  const { frame, candidates, days: plan } = await rotationAhead(db, cabinet, ahead, context.clock());
  const { zone } = frame;
  const nameOf = (listingId: number) => candidates.get(listingId)!.externalId;
  const data = plan.map(({ day, placed, enters, leaves, waiting }) => ({
    day,
    placed: placed.length,
    waiting: waiting.length,
    enters: enters.map(({ waitedSince, ...shown }) => ({
      ...shown,
      externalId: nameOf(shown.listingId),
      waitedSince: waitedSince === null ? null : new Date(waitedSince).toISOString(),
    })),
    leaves: leaves.map((listingId) => ({ listingId, externalId: nameOf(listingId) })),
  }));
  context.print({ board: cabinet.board, cabinet: cabinet.slug, package: frame.package, days: data }, () => {
    const head = `${cabinet.name}: ${packageText(frame)}.`;
    if (frame.package === null) return `${head}\nОбъектов на доске: ${formatNumber(candidates.size)}.`;
    const lines = plan.map(({ day, placed, enters, leaves, waiting }) => {
      const counts = `${russianDay(day)}  на доске ${objects(placed.length)}, ждут ${formatNumber(waiting.length)}`;
      const changes = [
        ...(enters.length > 0
          ? [`  + ${listed(enters.map((shown) => `${nameOf(shown.listingId)}${why(shown, zone)}`))}`]
          : []),
        ...(leaves.length > 0 ? [`  − ${listed(leaves.map(nameOf))}`] : []),
      ];
      return [counts, ...changes].join('\n');
    });
    return [head, ...lines].join('\n');
  });
}

function why(shown: Shown, zone: string): string {
  const waited = shown.waitedSince === null ? '' : `ждал с ${russianMoment(new Date(shown.waitedSince), zone)}`;
  const facts = [shown.why === 'turn' ? '' : SHOWN_WHY[shown.why], waited].filter((fact) => fact !== '');
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

function listed(all: readonly string[]): string {
  const rest = all.length - NAMES;
  return `${all.slice(0, NAMES).join(', ')}${rest > 0 ? ` и ещё ${formatNumber(rest)}` : ''}`;
}
