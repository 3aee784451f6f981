import type { Command } from 'commander';
import {
  AGENCY_DESK,
  CABINET_DESK,
  changedSettings,
  pathNamed,
  type SettingsDesk,
  type SettingsWish,
} from '../boards/settings.ts';
import { isTimeZone } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { settled } from '../domain/settings.ts';
import { isSame, leavesOf, valueAt, withValueAt } from '../domain/settings-paths.ts';
import { type SettingWords, withUnit } from '../domain/settings-words.ts';
import { agree } from '../domain/text.ts';
import { type AgencyRow, addBranch, listBranches, resolveAgency, setBranchZone } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { agencyFrame, cabinetSettings, changeAgencySettings, changeCabinetSettings } from '../store/settings.ts';
import type { Context } from './context.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET } from './naming.ts';
import { oneBranch, oneCabinet } from './units.ts';

interface SettingsOptions {
  board?: string;
  cabinet: string;
  agency?: string;
  by?: string;
}

/** The settings of an agency or of one of its cabinets. */
interface Desk extends SettingsDesk {
  readonly agency: AgencyRow;
  readonly cabinet: CabinetRow | null;
}

export function settingsCommands(program: Command, action: Action): void {
  const settings = program
    .command('settings')
    .summary('настройки агентства и кабинетов')
    .description('Настройки агентства, а с --board — кабинета. Хранится только то, что отличается от обычного.');
  const about = (name: string, description: string) =>
    settings
      .command(name)
      .description(description)
      .option('--board <доска>', 'настройки кабинета на этой доске')
      .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
      .option('--agency <название>', 'агентство');

  about('show', 'Показывает настройки; отличия от обычного отмечены звёздочкой.')
    .argument('[путь]', 'только эта часть: freshness')
    .action(
      action(async (context, path: string | undefined, options: SettingsOptions) => {
        const db = await context.db();
        const desk = await deskOf(context, db, options);
        const parts = path === undefined ? [] : pathNamed(desk, path);
        const { whole } = await readSettings(db, desk);
        const part = valueAt(whole, parts);
        const words = Object.fromEntries(
          Object.entries(desk.words).filter(([known]) =>
            parts.every((name, index) => name === known.split('.')[index]),
          ),
        );
        context.print({ settings: part ?? null, words }, () => settingsText(desk, whole, parts, true));
        return EXIT.done;
      }),
    );

  about('set', 'Меняет одну настройку: settings set freshness.rentDays 5. Значение — слово или JSON.')
    .argument('<путь>', 'из settings show')
    .argument('<значение>', 'слово, число или JSON')
    .option('--by <сотрудник>', 'кто меняет')
    .action(
      action(async (context, path: string, value: string, options: SettingsOptions) => {
        await change(context, path, options, 'settings-set', (desk, parts, own) => ({
          set: { [path]: meant(desk, parts, own, value) },
        }));
        return EXIT.done;
      }),
    );

  about('reset', 'Возвращает настройку или целую часть к обычной.')
    .argument('<путь>', 'из settings show')
    .option('--by <сотрудник>', 'кто меняет')
    .action(
      action(async (context, path: string, options: SettingsOptions) => {
        await change(context, path, options, 'settings-reset', () => ({ reset: [path] }));
        return EXIT.done;
      }),
    );

  branchCommands(program, action);
}

async function deskOf(context: Context, db: Database, options: SettingsOptions): Promise<Desk> {
  const agency = await resolveAgency(db, options.agency);
  if (options.board === undefined) return { ...AGENCY_DESK, agency, cabinet: null };
  const cabinet = await oneCabinet(context, db, agency.id, { board: options.board, cabinet: options.cabinet });
  return { ...CABINET_DESK, agency, cabinet };
}

async function readSettings(db: Database, { agency, cabinet }: Desk): Promise<{ whole: object; own: object }> {
  const { settings, own } = cabinet
    ? await cabinetSettings(db, agency.id, cabinet.id)
    : await agencyFrame(db, agency.id);
  return { whole: settings, own };
}

/** The value that the text stands for, if any: a word, a number or JSON. */
function meant(desk: Desk, parts: readonly string[], own: object, text: string): unknown {
  const whole = settled<object>(desk.defaults, own);
  const candidates: unknown[] = [text];
  try {
    candidates.unshift(JSON.parse(text));
  } catch {
    // Not JSON: a word.
  }
  if (/^(да|нет)$/i.test(text)) candidates.unshift(/^да$/i.test(text));
  const isValid = desk.validator();
  const fitting = candidates.find((value) => isValid(withValueAt(whole, parts, value)));
  return fitting === undefined ? candidates[0] : fitting;
}

async function change(
  context: Context,
  path: string,
  options: SettingsOptions,
  action: 'settings-set' | 'settings-reset',
  to: (desk: Desk, parts: readonly string[], own: object) => SettingsWish,
): Promise<void> {
  const db = await context.db();
  const desk = await deskOf(context, db, options);
  const parts = pathNamed(desk, path);
  const actor = await actorOf(db, desk.agency.id, options.by, 'settings');
  const { whole: before, own } = await readSettings(db, desk);
  const { whole: after } = changedSettings(desk, own, to(desk, parts, own));
  const facts = { path, before: valueAt(before, parts) ?? null, after: valueAt(after, parts) ?? null };
  const deed = { by: actor.name, action, facts };
  const now = context.clock();
  const change = (known: object) => changedSettings(desk, known, to(desk, parts, known)).own;
  if (desk.cabinet) await changeCabinetSettings(db, desk.agency.id, desk.cabinet.id, change, deed, now);
  else await changeAgencySettings(db, desk.agency.id, change, deed, now);
  const { whole } = await readSettings(db, desk);
  context.print({ path, before: facts.before, after: facts.after }, () => settingsText(desk, whole, parts));
}

function settingsText(desk: Desk, whole: object, parts: readonly string[], isExplained = false): string {
  const part = valueAt(whole, parts);
  const leaves =
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? leavesOf(part, parts)
      : [{ path: parts.join('.'), value: part }];
  return leaves
    .map(({ path, value }) => {
      const usual = valueAt(desk.defaults, path.split('.'));
      const isOwn = !isSame(usual, value);
      const told = isOwn && usual !== undefined ? `, обычно ${short(usual)}` : '';
      const words = isExplained ? wordsOf(desk, path) : undefined;
      const shown = isOwn ? JSON.stringify(value) : short(value);
      const unit = words?.unit !== undefined && typeof value === 'number' ? ` (${withUnit(value, words.unit)})` : '';
      const line = `${isOwn ? '*' : ' '} ${path} = ${shown}${unit}${told}`;
      return words ? `${line}\n      ${words.label}. ${words.about}` : line;
    })
    .join('\n');
}

/** Of a value inside a setting the setting's own. */
function wordsOf(desk: Desk, path: string): SettingWords | undefined {
  const parts = path.split('.');
  for (let depth = parts.length; depth > 0; depth--) {
    const known = desk.words[parts.slice(0, depth).join('.')];
    if (known) return known;
  }
  return undefined;
}

/** Long lists are told by their length where nobody changed them. */
function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'нет';
  if (text.length <= 80 || !Array.isArray(value)) return text;
  return `список, ${value.length} ${agree(value.length, 'строка', 'строки', 'строк')}`;
}

function branchCommands(program: Command, action: Action): void {
  const branch = program.command('branch').summary('филиалы').description('Филиалы агентства и их часовые пояса.');
  branch
    .command('list')
    .description('Показывает филиалы.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const branches = await listBranches(db.pool, agency.id);
        context.print({ branches }, () =>
          branches.length === 0
            ? 'Филиалов ещё нет: branch add'
            : branches
                .map(
                  ({ id, name, zone, timeZone, departments, employees }) =>
                    `${id}  ${name}  ${zone}${timeZone === null ? ' (агентства)' : ''}  ${employees} ${agree(employees, 'сотрудник', 'сотрудника', 'сотрудников')}${departments.length === 0 ? '' : `  отделы: ${departments.join(', ')}`}`,
                )
                .join('\n'),
        );
        return EXIT.done;
      }),
    );

  branch
    .command('add')
    .description('Добавляет филиал.')
    .argument('<название>')
    .option('--zone <пояс>', 'часовой пояс, если не агентства: Asia/Yekaterinburg')
    .option('--by <сотрудник>', 'кто добавил')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: { zone?: string; by?: string; agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency, true);
        const actor = await actorOf(db, agency.id, options.by, 'branches');
        const wanted = { name: name.trim(), timeZone: options.zone === undefined ? null : zoneNamed(options.zone) };
        if (wanted.name === '' || wanted.name.length > 200)
          throw new Refusal('branch-name', 'Название филиала: от 1 до 200 знаков.', EXIT.usage);
        const id = await addBranch(db, agency.id, wanted, actor.name, context.clock());
        context.print({ id, ...wanted }, `Филиал ${id}: ${wanted.name}.`);
        context.say(`Дальше: calendar set --branch "${wanted.name}" --week "пн-пт 09:00-20:00"`);
        return EXIT.done;
      }),
    );

  branch
    .command('zone')
    .description('Меняет часовой пояс филиала: по нему идут часы работы и график телефонов.')
    .argument('<название>')
    .argument('<пояс>', 'Asia/Yekaterinburg')
    .option('--by <сотрудник>', 'кто меняет')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, zone: string, options: { by?: string; agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'branches');
        const found = await oneBranch(db, agency.id, name);
        await setBranchZone(db, agency.id, found.id, zoneNamed(zone), actor.name, context.clock());
        context.print({ id: found.id, name: found.name, zone }, `Филиал «${found.name}»: ${zone}.`);
        return EXIT.done;
      }),
    );
}

/** @throws Refusal `bad-zone` */
function zoneNamed(zone: string): string {
  if (isTimeZone(zone)) return zone;
  throw new Refusal(
    'bad-zone',
    `Часового пояса «${zone.slice(0, 60)}» нет. Примеры: Europe/Moscow, Asia/Yekaterinburg, Asia/Vladivostok.`,
    EXIT.usage,
  );
}
