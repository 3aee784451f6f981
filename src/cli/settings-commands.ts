import type { Command } from 'commander';
import { newAjv } from '../boards/check.ts';
import { isTimeZone } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { FIELDS } from '../domain/listing.ts';
import {
  AGENCY_DEFAULTS,
  AgencySettingsSchema,
  CABINET_DEFAULTS,
  CabinetSettingsSchema,
  settled,
} from '../domain/settings.ts';
import {
  describeSchema,
  differences,
  isSame,
  keysOf,
  leavesOf,
  type SettingsSchema,
  schemaAt,
  valueAt,
  withValueAt,
} from '../domain/settings-paths.ts';
import { agree } from '../domain/text.ts';
import { type AgencyRow, addBranch, listBranches, resolveAgency, setBranchZone } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import type { CabinetRow } from '../store/publishing.ts';
import { agencyFrame, cabinetSettings, changeAgencySettings, changeCabinetSettings } from '../store/settings.ts';
import { type Context, EXIT } from './context.ts';
import { actorOf, DEFAULT_CABINET } from './naming.ts';
import type { Action } from './program.ts';
import { oneBranch, oneCabinet } from './units.ts';

interface SettingsOptions {
  board?: string;
  cabinet: string;
  agency?: string;
  by?: string;
}

/** The settings of an agency or of one of its cabinets. */
interface Desk {
  readonly agency: AgencyRow;
  readonly cabinet: CabinetRow | null;
  readonly schema: SettingsSchema;
  readonly defaults: object;
  readonly isValid: ReturnType<typeof compile>;
}

const compile = (schema: object) => newAjv().compile(schema);
let validators: { readonly agency: Desk['isValid']; readonly cabinet: Desk['isValid'] } | undefined;

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
        context.print({ settings: part ?? null }, () => settingsText(desk, whole, parts));
        return EXIT.done;
      }),
    );

  about('set', 'Меняет одну настройку: settings set freshness.rentDays 5. Значение — слово или JSON.')
    .argument('<путь>', 'из settings show')
    .argument('<значение>', 'слово, число или JSON')
    .option('--by <сотрудник>', 'кто меняет')
    .action(
      action(async (context, path: string, value: string, options: SettingsOptions) => {
        await change(context, path, options, 'settings-set', (desk, parts, own) => put(desk, parts, own, value));
        return EXIT.done;
      }),
    );

  about('reset', 'Возвращает настройку или целую часть к обычной.')
    .argument('<путь>', 'из settings show')
    .option('--by <сотрудник>', 'кто меняет')
    .action(
      action(async (context, path: string, options: SettingsOptions) => {
        await change(context, path, options, 'settings-reset', (desk, parts, own) => {
          const whole = settled<object>(desk.defaults, own);
          return proven(desk, parts, withValueAt(whole, parts, valueAt(desk.defaults, parts)));
        });
        return EXIT.done;
      }),
    );

  branchCommands(program, action);
}

async function deskOf(context: Context, db: Database, options: SettingsOptions): Promise<Desk> {
  const agency = await resolveAgency(db, options.agency);
  validators ??= { agency: compile(AgencySettingsSchema), cabinet: compile(CabinetSettingsSchema) };
  if (options.board === undefined)
    return {
      agency,
      cabinet: null,
      schema: AgencySettingsSchema as SettingsSchema,
      defaults: AGENCY_DEFAULTS,
      isValid: validators.agency,
    };
  const cabinet = await oneCabinet(context, db, agency.id, { board: options.board, cabinet: options.cabinet });
  return {
    agency,
    cabinet,
    schema: CabinetSettingsSchema as SettingsSchema,
    defaults: CABINET_DEFAULTS,
    isValid: validators.cabinet,
  };
}

async function readSettings(db: Database, { agency, cabinet }: Desk): Promise<{ whole: object; own: object }> {
  const { settings, own } = cabinet
    ? await cabinetSettings(db, agency.id, cabinet.id)
    : await agencyFrame(db, agency.id);
  return { whole: settings, own };
}

/** @throws Refusal `setting-unknown` with the names that may stand there */
function pathNamed(desk: Desk, path: string): string[] {
  const { schema } = desk;
  const parts = path.split('.');
  for (let depth = 1; depth <= parts.length; depth++) {
    const above = schemaAt(schema, parts.slice(0, depth - 1))!;
    if (schemaAt(schema, parts.slice(0, depth)) && !isUnknownField(parts.slice(0, depth))) continue;
    const other = desk.cabinet === null ? CabinetSettingsSchema : AgencySettingsSchema;
    if (schemaAt(other as SettingsSchema, parts)) {
      const where = desk.cabinet === null ? 'кабинета: назовите его доску, --board' : 'агентства: уберите --board';
      throw new Refusal('setting-unknown', `«${parts.join('.')}» — настройка ${where}.`, EXIT.usage);
    }
    const keys = keysOf(above);
    const where = depth === 1 ? 'Настройки' : `В «${parts.slice(0, depth - 1).join('.')}»`;
    const may =
      keys.length > 0
        ? `${where}: ${keys.join(', ')}`
        : above.patternProperties
          ? `${where}: поля объекта, например priceKopecks или avito:AdStatus`
          : 'Глубже настроек нет: settings show';
    throw new Refusal('setting-unknown', `Настройки «${path.slice(0, 100)}» нет. ${may}.`, EXIT.usage);
  }
  return parts;
}

/** A policy is kept by field; the field of one family alone is named with it, as in `avito:AdStatus`. */
function isUnknownField(parts: readonly string[]): boolean {
  const [group, part, field] = parts;
  if (group !== 'moderation' || part !== 'policy' || field === undefined) return false;
  return !(FIELDS as readonly string[]).includes(field) && !/^(avito|cian|yandex):./.test(field);
}

/** The settings to keep with another value at the path. @throws Refusal `setting-wrong` */
function put(desk: Desk, parts: readonly string[], own: object, text: string): object {
  const whole = settled<object>(desk.defaults, own);
  const candidates: unknown[] = [text];
  try {
    candidates.unshift(JSON.parse(text));
  } catch {
    // Not JSON: a word.
  }
  if (/^(да|нет)$/i.test(text)) candidates.unshift(/^да$/i.test(text));
  const fitting = candidates.find((value) => desk.isValid(withValueAt(whole, parts, value)));
  return proven(desk, parts, withValueAt(whole, parts, fitting ?? candidates[0]));
}

function proven(desk: Desk, parts: readonly string[], whole: object): object {
  if (desk.isValid(whole)) return differences(desk.defaults, whole);
  const value = JSON.stringify(valueAt(whole, parts));
  // The first complaint may lie deeper than the path: a word in a list.
  const deeper = (desk.isValid.errors ?? [])
    .map(({ instancePath }) => instancePath.split('/').slice(1))
    .filter((path) => path.length > parts.length && parts.every((part, index) => part === path[index]))[0];
  const found = schemaAt(desk.schema, parts);
  const inner = deeper && schemaAt(desk.schema, deeper);
  throw new Refusal(
    'setting-wrong',
    `«${parts.join('.')}»: значение ${value?.slice(0, 100) ?? 'пусто'} не подходит. Можно: ${describeSchema(found ?? {})}.${
      deeper && inner ? ` Не подошло «${deeper.join('.')}»: там ${describeSchema(inner)}.` : ''
    }`,
    EXIT.usage,
  );
}

async function change(
  context: Context,
  path: string,
  options: SettingsOptions,
  actionName: string,
  to: (desk: Desk, parts: readonly string[], own: object) => object,
): Promise<void> {
  const db = await context.db();
  const desk = await deskOf(context, db, options);
  const parts = pathNamed(desk, path);
  const actor = await actorOf(db, desk.agency.id, options.by, 'settings');
  const { whole: before, own } = await readSettings(db, desk);
  const after = settled<object>(desk.defaults, to(desk, parts, own));
  proveModeration(before, after);
  const facts = { path, before: valueAt(before, parts) ?? null, after: valueAt(after, parts) ?? null };
  const deed = { by: actor.name, action: actionName, facts };
  const now = context.clock();
  if (desk.cabinet)
    await changeCabinetSettings(db, desk.agency.id, desk.cabinet.id, (known) => to(desk, parts, known), deed, now);
  else await changeAgencySettings(db, desk.agency.id, (known) => to(desk, parts, known), deed, now);
  const { whole } = await readSettings(db, desk);
  context.print({ path, before: facts.before, after: facts.after }, () => settingsText(desk, whole, parts));
}

function settingsText(desk: Desk, whole: object, parts: readonly string[]): string {
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
      return `${isOwn ? '*' : ' '} ${path} = ${isOwn ? JSON.stringify(value) : short(value)}${told}`;
    })
    .join('\n');
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

/**
 * Switched on by a bare setting, moderation would take every advertisement off the boards, for nobody has approved any.
 * @throws Refusal `moderation-by-command`
 */
function proveModeration(before: unknown, after: unknown): void {
  for (const path of [['moderation', 'mode'], ['moderation']]) {
    if (valueAt(after, path) === 'on' && valueAt(before, path) !== 'on') {
      throw new Refusal(
        'moderation-by-command',
        'Модерацию включает команда moderation on: она примет то, что уже стоит на досках, и фиды не опустеют.',
        EXIT.refused,
      );
    }
  }
}
