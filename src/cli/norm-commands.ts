import type { Command } from 'commander';
import { describeNorm, type Norm, type NormScope, type NormWish, normFrom, readNorm } from '../boards/norms.ts';
import { russianDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { DEALS, type Deal, FIELDS, KINDS, type Kind, labelOf } from '../domain/listing.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { type MarkChange, type NormChange, type Rehearsal, rehearseNorm } from '../export/rehearsal.ts';
import { resolveAgency } from '../store/agencies.ts';
import {
  addException,
  EXCEPTION_LABELS,
  type ExceptionGate,
  type ListedException,
  listExceptions,
  revokeException,
} from '../store/exceptions.ts';
import { listNorms, removeNorm, saveNorm } from '../store/norms.ts';
import type { Context } from './context.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, objects, oneListing, ours } from './naming.ts';
import { jsonOf } from './units.ts';

interface NormOptions {
  min?: string;
  max?: string;
  field?: string;
  board?: string[];
  kind?: Kind[];
  deal?: Deal[];
  rehearse?: boolean;
  limit: string;
  by?: string;
  agency?: string;
}

export function normCommands(program: Command, action: Action): void {
  const norm = program
    .command('norm')
    .summary('нормы агентства')
    .description('Нормы агентства: чего оно само требует от объекта, прежде чем отдать его доске.');

  norm
    .command('list')
    .summary('показать нормы')
    .description('Показывает нормы агентства.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const norms = await listNorms(db.pool, agency.id);
        context.print({ norms }, () =>
          norms.length === 0
            ? 'Норм нет: агентство ничего не требует сверх досок.'
            : norms
                .map((row) => `${row.code}\n  ${told(context, { ...readNorm(row.rule), boards: row.boards })}`)
                .join('\n'),
        );
        return EXIT.done;
      }),
    );

  const add = norm
    .command('add')
    .summary('задать норму')
    .description('Задаёт норму: показывает, что изменится на досках, и сохраняет. Та же норма заменяется.');
  const rehearse = norm
    .command('rehearse')
    .summary('проверить норму, не сохраняя')
    .description('Показывает, какие объекты на каких досках остановит или пропустит норма. Ничего не сохраняет.');
  for (const [parent, isRehearsal] of [
    [add, false],
    [rehearse, true],
  ] as const) {
    const offer = (name: string, summary: string) => {
      const command = parent
        .command(name)
        .summary(summary)
        .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
        .addOption(several('--board <доска...>', 'только для этих досок'));
      if (!isRehearsal) {
        command.option('--rehearse', 'только показать, что изменится').option('--by <сотрудник>', 'кто задаёт');
      }
      return command
        .option('--limit <число>', 'сколько объектов показать', '20')
        .option('--agency <название>', 'агентство');
    };
    const usual = (name: string, summary: string) =>
      offer(name, summary)
        .addOption(several('--kind <вид...>', 'только для этих видов').choices([...KINDS]))
        .addOption(several('--deal <сделка...>', 'только для этих сделок').choices([...DEALS]));
    const work = (wish: (options: NormOptions) => Norm, context: Context, options: NormOptions) =>
      changeNorm(context, options, { save: wish(options) }, isRehearsal || options.rehearse === true);
    const fromWish = (wish: (options: NormOptions) => NormWish) =>
      action((context, options: NormOptions) =>
        work((given) => normFrom(wish(given), scopeOf(context, given)), context, options),
      );

    usual('photos', 'не меньше стольких фотографий')
      .requiredOption('--min <число>', 'наименьшее количество')
      .action(fromWish(({ min }) => ({ kind: 'photos', min: numberOf('--min', min)! })));
    usual('text', 'длина описания в знаках')
      .option('--min <число>', 'не короче')
      .option('--max <число>', 'не длиннее')
      .action(fromWish(({ min, max }) => ({ kind: 'text', min: numberOf('--min', min), max: numberOf('--max', max) })));
    usual('required', 'поле должно быть заполнено')
      .requiredOption('--field <поле>', 'имя поля или его название')
      .action(fromWish(({ field }) => ({ kind: 'required', field: fieldOf(field!) })));
    usual('limit', 'предел числового поля')
      .requiredOption('--field <поле>', 'имя поля или его название')
      .option('--min <число>', 'не меньше; деньги в рублях')
      .option('--max <число>', 'не больше; деньги в рублях')
      .action(
        fromWish((options) => {
          const field = fieldOf(options.field!);
          const bound = (name: '--min' | '--max', text: string | undefined) => {
            const value = numberOf(name, text);
            return value === undefined || !field.endsWith('Kopecks') ? value : Math.round(value * 100);
          };
          return { kind: 'limit', field, min: bound('--min', options.min), max: bound('--max', options.max) };
        }),
      );
    offer('rule', 'правило из файла JSON, в виде правила доски')
      .argument('<файл>', 'файл с одним правилом')
      .action(
        action((context, file: string, options: NormOptions) =>
          work(
            (given) => ({ ...readNorm(jsonOf(file, 'rule-file')), boards: scopeOf(context, given).boards ?? null }),
            context,
            options,
          ),
        ),
      );
  }

  norm
    .command('remove')
    .summary('убрать норму')
    .description('Убирает норму: показывает, что изменится на досках, и удаляет.')
    .argument('<код>', 'код нормы, как в norm list')
    .option('--rehearse', 'только показать, что изменится')
    .option('--limit <число>', 'сколько объектов показать', '20')
    .option('--by <сотрудник>', 'кто убирает')
    .option('--agency <название>', 'агентство')
    .action(
      action((context, code: string, options: NormOptions) =>
        changeNorm(context, options, { remove: normCode(code) }, options.rehearse === true),
      ),
    );

  exceptCommands(program, action);
}

/** Rehearses a change of the norms, and makes it unless only the rehearsal was asked for. */
async function changeNorm(
  context: Context,
  options: NormOptions,
  change: NormChange & { readonly save?: Norm },
  isRehearsal: boolean,
): Promise<number> {
  const limit = numberOf('--limit', options.limit)!;
  const db = await context.db();
  const agency = await resolveAgency(db, options.agency);
  // Whoever only looks need not be allowed to change.
  const actor = isRehearsal ? null : await actorOf(db, agency.id, options.by, 'norms');
  const now = context.clock();
  const rehearsal = await rehearseNorm(db, context.boards, agency.id, change, now, limit);
  let state: 'rehearsed' | 'new' | 'replaced' | 'unchanged' | 'removed' = 'rehearsed';
  if (actor !== null) {
    if (change.save) state = await saveNorm(db, agency.id, { ...change.save, by: actor.name }, now);
    else {
      await removeNorm(db, agency.id, change.remove, actor.name, now);
      state = 'removed';
    }
  }
  context.print({ state, ...(change.save && { norm: change.save }), rehearsal }, () =>
    [
      `${rehearsal.code}${change.save ? `: ${told(context, change.save)}` : ''}`,
      rehearsalText(rehearsal),
      STATE_TEXTS[state],
    ].join('\n'),
  );
  const hint = change.save
    ? 'Чтобы сохранить: norm add с теми же ключами, без --rehearse.'
    : 'Чтобы убрать: norm remove без --rehearse.';
  context.say(isRehearsal ? hint : 'Дальше: norm list. Пропустить один объект — except.');
  return EXIT.done;
}

const STATE_TEXTS = {
  rehearsed: 'Ничего не сохранено: это проба.',
  new: 'Норма сохранена.',
  replaced: 'Норма заменена.',
  unchanged: 'Такая норма уже есть, ничего не изменилось.',
  removed: 'Норма убрана.',
} as const;

function rehearsalText({ boards, changed, listings }: Rehearsal): string {
  if (boards.length === 0) return 'Отметок на выгрузку нет: проверять не на чем.';
  if (changed === 0) return 'На досках ничего не изменится.';
  const lines = boards.map(({ name, marks, blocks, leave, frees, alreadyBlocked, alreadyStopped }) => {
    const facts = [
      `остановит ${formatNumber(blocks)}${leave > 0 ? ` (из них в фиде ${formatNumber(leave)})` : ''}`,
      `пропустит ${formatNumber(frees)}`,
      ...(alreadyBlocked > 0 ? [`уже с ошибками доски ${formatNumber(alreadyBlocked)}`] : []),
      ...(alreadyStopped > 0 ? [`не выгружаются по другой причине ${formatNumber(alreadyStopped)}`] : []),
    ];
    return `${name}: ${facts.join(', ')}; всего ${formatNumber(marks)} ${agree(marks, 'отметка', 'отметки', 'отметок')}.`;
  });
  for (const { id, externalId, agent, marks } of listings) {
    const names = marks.map(({ board }) => boards.find((one) => one.board === board)!.name);
    const [first] = marks as [MarkChange, ...MarkChange[]];
    const effect = first.to === 'blocked' ? first.becomes.join(' ') : `Норма больше не мешает: ${first.was.join(' ')}`;
    const outcomes = new Set(
      marks.map(({ outcome }) => (outcome === null ? 'ещё не решено' : OUTCOME_LABELS[outcome])),
    );
    lines.push(
      `  ${externalId} (${ours(id)}), ${agent ?? 'без ответственного'}; ${[...new Set(names)].join(', ')}; сейчас: ${[...outcomes].join(', ')}. ${effect}`,
    );
  }
  if (changed > listings.length) lines.push(`  … и ещё ${objects(changed - listings.length)}.`);
  return lines.join('\n');
}

const told = (context: Context, norm: Norm) =>
  describeNorm(norm, (id) => context.boards.find((board) => board.id === id)?.name ?? id);

function scopeOf(context: Context, { board, kind, deal }: NormOptions): NormScope {
  return { boards: board?.map((id) => context.board(id).id), kinds: kind, deals: deal };
}

function numberOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text.trim() === '' ? Number.NaN : text.replace(/[\s_]/g, '').replace(',', '.'));
  if (!Number.isFinite(value)) throw new Refusal('bad-number', `${flag}: «${text}» — не число.`, EXIT.usage);
  return value;
}

/** A field by its name or by what people call it. */
function fieldOf(name: string): string {
  const meant = FIELDS.filter((field) => field === name || labelOf(field).toLowerCase() === name.toLowerCase());
  if (meant.length !== 1) throw new Refusal('field-unknown', `У объекта нет поля «${name.slice(0, 60)}».`, EXIT.usage);
  return meant[0]!;
}

const normCode = (code: string) => (code.includes('/') ? code : `norm/${code}`);

// ---------------------------------------------------------------------------------------------------------------------

interface ExceptOptions {
  gate?: string;
  norm?: string;
  reason?: string;
  to?: string;
  by?: string;
  agency?: string;
}

function exceptCommands(program: Command, action: Action): void {
  const except = program
    .command('except')
    .summary('исключение для объекта')
    .description(
      'Пропускает один объект мимо норм, актуальности или проверки на дубль до названного дня. Требования доски, деньги и одобрение модератора исключением не обходят.',
    )
    // Each of the commands below has the same keys: they belong to the command they follow.
    .enablePositionalOptions()
    .argument('<объект>')
    .option('--gate <что>', 'norms — нормы, fresh — актуальность, duplicate — дубль')
    .option('--norm <код>', 'только эта норма; без ключа все')
    .option('--reason <причина>', 'почему можно')
    .option('--to <день>', 'последний день, ГГГГ-ММ-ДД')
    .option('--by <сотрудник>', 'кто разрешил')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: ExceptOptions) => {
        // Not required options: the commands below would be asked for them too.
        const missing = (['gate', 'reason', 'to'] as const).filter((key) => options[key] === undefined);
        if (missing.length > 0) {
          const flags = missing.map((key) => `--${key}`).join(', ');
          throw new Refusal('exception-wrong', `Исключению нужны ключи: ${flags}.`, EXIT.usage);
        }
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listing = await oneListing(db, agency.id, name);
        const by = (await actorOf(db, agency.id, options.by, 'exceptions')).name;
        const given = {
          listingId: listing.id,
          gate: options.gate!,
          normCode: options.norm === undefined ? undefined : normCode(options.norm),
          reason: options.reason!,
          by,
          until: options.to!,
        };
        const id = await addException(db, agency.id, given, context.clock());
        const what = given.normCode ?? EXCEPTION_LABELS[given.gate as ExceptionGate];
        context.print(
          { id, ...given },
          `Исключение № ${id}: объект ${listing.externalId} (${ours(listing.id)}), ${what}, по ${russianDay(given.until)} включительно.`,
        );
        context.say(`Отозвать — except revoke ${id}`);
        return EXIT.done;
      }),
    );

  except
    .command('list')
    .summary('показать исключения')
    .description('Показывает исключения, новые первыми.')
    .option('--listing <объект>', 'только этого объекта')
    .option('--all', 'и кончившиеся, и отозванные')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { listing?: string; all?: boolean; agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listingId =
          options.listing === undefined ? undefined : (await oneListing(db, agency.id, options.listing)).id;
        const filter = { isActive: options.all !== true, ...(listingId !== undefined && { listingId }) };
        const exceptions = await listExceptions(db, agency.id, filter, context.clock());
        context.print({ exceptions }, () =>
          exceptions.length === 0 ? 'Исключений нет.' : exceptions.map(exceptionText).join('\n'),
        );
        return EXIT.done;
      }),
    );

  except
    .command('revoke')
    .summary('отозвать исключение')
    .description('Отзывает исключение: объект снова проверяется как все.')
    .argument('<номер>', 'номер исключения')
    .option('--by <сотрудник>', 'кто отозвал')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, number: string, options: { by?: string; agency?: string }) => {
        if (!/^\d{1,15}$/.test(number))
          throw new Refusal('bad-number', `«${number.slice(0, 60)}» — не номер исключения.`, EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const by = (await actorOf(db, agency.id, options.by, 'exceptions')).name;
        await revokeException(db, agency.id, Number(number), by, context.clock());
        context.print({ id: Number(number), state: 'revoked' }, `Исключение № ${number} отозвано.`);
        return EXIT.done;
      }),
    );
}

function exceptionText(row: ListedException): string {
  const state = row.isActive ? '' : row.revokedAt === null ? ' Кончилось.' : ' Отозвано.';
  const what = row.normCode ?? EXCEPTION_LABELS[row.gate];
  return `№ ${row.id}: объект ${row.externalId} (${ours(row.listingId)}), ${what}, по ${russianDay(row.until)} включительно. ${row.reason} (${row.by}).${state}`;
}
