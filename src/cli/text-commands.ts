import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { AGENCY_DESK, changedSettings } from '../boards/settings.ts';
import { changeableIn, FORMULA_FIELDS, namesForFormula, PLACEHOLDERS, writeText } from '../domain/autotext.ts';
import { Refusal } from '../domain/fault.ts';
import { checkFormula, FORMULA_FUNCTIONS } from '../domain/formula.ts';
import { COMMERCIAL_TYPES, DEALS, type Deal, KINDS, type Kind, type Listing, labelOf } from '../domain/listing.ts';
import { AGENCY_DEFAULTS, type AgencySettings, settled } from '../domain/settings.ts';
import { agree, cleanText, formatNumber } from '../domain/text.ts';
import { wordFor } from '../domain/words.ts';
import { resolveAgency } from '../store/agencies.ts';
import { AUTOTEXT, fillEmptyDescriptions, rewriteDescription } from '../store/autotext.ts';
import type { Deed } from '../store/journal.ts';
import { agencyFrame, changeAgencySettings } from '../store/settings.ts';
import type { Context } from './context.ts';
import { type Action, choice, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, oneListing, ours } from './naming.ts';

type Texts = AgencySettings['texts'];

interface Common {
  agency?: string;
  by?: string;
}

export function textCommands(program: Command, action: Action): void {
  const texts = program
    .command('texts')
    .summary('автотекст: описания и вычисляемые поля')
    .description(
      'Автотекст: описания по шаблонам там, где агент оставил поле пустым, заголовок, цена метра, комиссия и поля по формулам.',
    );

  texts
    .command('preview')
    .summary('что напишет шаблон')
    .description('Показывает, что даёт объекту шаблон и чему равны вычисляемые поля. Ничего не меняет.')
    .argument('<объект>')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: Common) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listing = await oneListing(db, agency.id, name);
        const { settings } = await agencyFrame(db, agency.id);
        const { template, computed, text } = writeText(listing.values, settings.texts);
        const answer = {
          listing: listing.id,
          template: { name: template.name, isBuiltIn: template.isBuiltIn },
          computed,
          text,
          chars: text.length,
        };
        context.print(answer, () =>
          [
            ...computed.map(({ label, told }) => `${label}: ${told ?? 'не вычислено'}`),
            '',
            `Шаблон «${template.name}», ${formatNumber(text.length)} ${agree(text.length, 'знак', 'знака', 'знаков')}:`,
            text,
          ].join('\n'),
        );
        context.say(`Сейчас описание объекта ${ours(listing.id)}: ${whose(listing)}.`);
        return EXIT.done;
      }),
    );

  texts
    .command('fill')
    .summary('написать пустые описания')
    .description('Пишет описания там, где их нет. Написанное не меняет; загрузка фида делает то же сама.')
    .addOption(several('--listing <объект...>', 'только эти объекты'))
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Common & { listing?: string[] }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        let ids: number[] | undefined;
        if (options.listing) {
          ids = [];
          for (const name of options.listing) ids.push((await oneListing(db, agency.id, name)).id);
        }
        const counts = await fillEmptyDescriptions(db, agency.id, ids, context.clock());
        const { settings } = await agencyFrame(db, agency.id);
        context.print(
          counts,
          `Написано описаний: ${formatNumber(counts.written)}.${
            counts.dropped > 0 ? ` Уступили тексту источника: ${formatNumber(counts.dropped)}.` : ''
          }`,
        );
        if (!settings.texts.fillsEmpty) context.say('Автотекст выключен. Включить: settings set texts.fillsEmpty true');
        return EXIT.done;
      }),
    );

  texts
    .command('rewrite')
    .summary('написать описание заново')
    .description('Пишет автотекст объекта заново. Чужое описание не трогает, если не указан --force.')
    .argument('<объект>')
    .option('--force', 'заменить и описание из источника или от сотрудника')
    .option('--by <сотрудник>', 'кто просит')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: Common & { force?: boolean }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { id } = await oneListing(db, agency.id, name);
        const actor = await actorOf(db, agency.id, options.by, 'texts');
        const written = await rewriteDescription(db, agency.id, id, actor.name, context.clock(), options.force);
        context.print({ listing: id, ...written }, () =>
          written.isNew
            ? `Описание объекта ${ours(id)} написано заново:\n${written.text}`
            : `Описание объекта ${ours(id)} уже такое.`,
        );
        return EXIT.done;
      }),
    );

  texts
    .command('templates')
    .summary('показать шаблоны')
    .description('Показывает шаблоны описаний. Берётся самый точный из подходящих; если нет никакого — встроенный.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Common) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { templates } = (await agencyFrame(db, agency.id)).settings.texts;
        context.print({ templates }, () =>
          templates.length === 0
            ? 'Своих шаблонов нет: описания пишутся по встроенным.'
            : templates.map((template) => `«${template.name}» — ${scopeOf(template)}\n${template.text}`).join('\n\n'),
        );
        context.say('Что можно вставить в шаблон: texts placeholders. Новый: texts template set <название> --file …');
        return EXIT.done;
      }),
    );

  texts
    .command('placeholders')
    .summary('что можно вставить в шаблон')
    .description(
      'Показывает, что можно вставить в шаблон: {areaM2} — значение, {hasGas?есть газ} — слова, если это есть, ' +
        '{subLocality=Центр?…} — слова для одного значения, [[кухня {kitchenAreaM2}]] — фраза, которой нет, если нет значения.',
    )
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Common) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { formulas } = (await agencyFrame(db, agency.id)).settings.texts;
        const placeholders = [...PLACEHOLDERS, ...formulas.map(({ name, label }) => ({ name, label }))];
        context.print({ placeholders }, () =>
          placeholders.map(({ name, label }) => `${`{${name}}`.padEnd(28)} ${label}`).join('\n'),
        );
        return EXIT.done;
      }),
    );

  templateCommands(texts, action);
  formulaCommands(texts, action);
}

function templateCommands(texts: Command, action: Action): void {
  const template = texts
    .command('template')
    .summary('завести или убрать шаблон')
    .description('Заводит, меняет и убирает шаблоны описаний.');

  template
    .command('set')
    .summary('завести или заменить шаблон')
    .description('Заводит шаблон из файла; шаблон с тем же названием заменяется. Написанные описания не меняются.')
    .argument('<название>')
    .requiredOption('--file <файл>', 'текст шаблона, UTF-8')
    .addOption(choice('--kind <вид>', 'только для этого вида объектов', KINDS))
    .addOption(choice('--deal <сделка>', 'только для этой сделки', DEALS))
    .addOption(choice('--commercial-type <вид>', 'только для этого вида коммерческих объектов', COMMERCIAL_TYPES))
    .option('--by <сотрудник>', 'кто меняет')
    .option('--agency <название>', 'агентство')
    .action(
      action(
        async (
          context,
          name: string,
          options: Common & { file: string; kind?: Kind; deal?: Deal; commercialType?: Listing['commercialType'] },
        ) => {
          const { kind, deal, commercialType } = options;
          const made = {
            name,
            ...(kind && { kind }),
            ...(deal && { deal }),
            ...(commercialType && { commercialType }),
            text: readTemplate(options.file),
          };
          await change(context, options, { action: 'text-template-set', facts: { name } }, (own) => ({
            ...own,
            templates: replaced(own.templates, made),
          }));
          context.print({ template: made }, `Шаблон «${name}» — ${scopeOf(made)} — сохранён.`);
          const stale = changeableIn(made.text);
          if (stale.length > 0) {
            const names = stale.map((field) => `{${field}}`).join(', ');
            context.say(`Описание пишется один раз, а ${names} со временем меняется: в тексте останется старое.`);
          }
          context.say('Дальше: texts preview <объект>');
          return EXIT.done;
        },
      ),
    );

  template
    .command('remove')
    .summary('убрать шаблон')
    .description('Убирает шаблон. Описания, написанные по нему, остаются.')
    .argument('<название>')
    .option('--by <сотрудник>', 'кто меняет')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: Common) => {
        await change(context, options, { action: 'text-template-removed', facts: { name } }, (own) => {
          const templates = own.templates.filter((known) => known.name !== name);
          if (templates.length === own.templates.length)
            throw new Refusal('template-unknown', `Шаблона «${name.slice(0, 60)}» нет: texts templates.`, EXIT.usage);
          return { ...own, templates };
        });
        context.print({ removed: name }, `Шаблон «${name}» убран.`);
        return EXIT.done;
      }),
    );
}

function formulaCommands(texts: Command, action: Action): void {
  const formula = texts
    .command('formula')
    .summary('поля по формулам')
    .description(
      'Поля, которые вычисляются по формуле: + - * /, скобки, числа с точкой, поля объекта и round, min, max. ' +
        'Деньги — в копейках, площади — в м². Имя на Kopecks показывается деньгами, на AreaM2 — метрами, на Percent — процентами.',
    );

  formula
    .command('list')
    .summary('показать формулы')
    .description('Показывает формулы агентства и поля, которые в них можно взять.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Common) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { formulas } = (await agencyFrame(db, agency.id)).settings.texts;
        const fields = FORMULA_FIELDS.map((name) => ({ name, label: labelOf(name) }));
        context.print({ formulas, fields, functions: FORMULA_FUNCTIONS }, () =>
          [
            ...(formulas.length === 0 ? ['Формул нет.'] : []),
            ...formulas.map(({ name, label, formula }) => `${label} (${name}) = ${formula}`),
            '',
            'В формуле можно взять pricePerM2Kopecks, commissionKopecks, формулы выше и поля:',
            ...fields.map(({ name, label }) => `${name.padEnd(24)} ${label}`),
          ].join('\n'),
        );
        return EXIT.done;
      }),
    );

  formula
    .command('set')
    .summary('завести или заменить поле')
    .description(
      'Заводит поле: texts formula set ownerKopecks --label "Собственнику" "priceKopecks - commissionKopecks"',
    )
    .argument('<имя>', 'латиницей, первая буква строчная')
    .argument('<формула>')
    .requiredOption('--label <подпись>', 'как поле называется по-русски')
    .option('--by <сотрудник>', 'кто меняет')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, formula: string, options: Common & { label: string }) => {
        if (!/^[a-z][A-Za-z0-9]{0,59}$/.test(name))
          throw new Refusal(
            'formula-name',
            `Имя «${name.slice(0, 60)}» не годится: до 60 латинских букв и цифр, первая буква строчная.`,
            EXIT.usage,
          );
        const made = { name, label: options.label.trim(), formula: formula.trim() };
        await change(context, options, { action: 'formula-set', facts: { name, formula } }, (own) => ({
          ...own,
          formulas: replaced(own.formulas, made),
        }));
        context.print(made, `${made.label} (${name}) = ${made.formula}`);
        context.say('Дальше: texts preview <объект>');
        return EXIT.done;
      }),
    );

  formula
    .command('remove')
    .summary('убрать поле')
    .description('Убирает поле, если его не берут другие формулы и шаблоны.')
    .argument('<имя>')
    .option('--by <сотрудник>', 'кто меняет')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: Common) => {
        await change(context, options, { action: 'formula-removed', facts: { name } }, (own) => {
          const formulas = own.formulas.filter((known) => known.name !== name);
          if (formulas.length === own.formulas.length)
            throw new Refusal('formula-unknown', `Поля «${name.slice(0, 60)}» нет: texts formula list.`, EXIT.usage);
          return { ...own, formulas };
        });
        context.print({ removed: name }, `Поле «${name}» убрано.`);
        return EXIT.done;
      }),
    );

  formula
    .command('check')
    .summary('проверить формулу')
    .description('Проверяет формулу, не сохраняя. Код выхода 3, если в ней ошибка.')
    .argument('<формула>')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, formula: string, options: Common) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { texts: own } = (await agencyFrame(db, agency.id)).settings;
        const faults = checkFormula(formula, namesForFormula(own));
        context.print({ formula, faults }, () => (faults.length === 0 ? 'Формула верна.' : faults.join('\n')));
        return faults.length === 0 ? EXIT.done : EXIT.found;
      }),
    );
}

/** «квартира, продажа»; «все объекты». */
function scopeOf(template: Texts['templates'][number]): string {
  const words = (['commercialType', 'kind', 'deal'] as const)
    .filter((field) => field !== 'kind' || template.commercialType === undefined)
    .flatMap((field) => wordFor(field, template[field]) ?? []);
  return words.length === 0 ? 'все объекты' : words.join(', ');
}

function whose({ values, corrections }: { values: Listing; corrections: Record<string, { by: string }> }): string {
  const by = corrections.description?.by;
  if (values.description === undefined) return by === undefined ? 'пусто' : `пусто, очистил ${by}`;
  return by === AUTOTEXT ? 'автотекст' : by === undefined ? 'из источника' : `исправил ${by}`;
}

const TEMPLATE_BYTES_MAX = 40_000;

function readTemplate(file: string): string {
  let text: string;
  try {
    if (statSync(file).size > TEMPLATE_BYTES_MAX)
      throw new Refusal('template-long', 'Шаблон длиннее 10 000 знаков.', EXIT.usage);
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    // The decoder's complaint about bytes is a TypeError, the file system's is not.
    const why = error instanceof TypeError ? 'не в UTF-8' : 'не читается';
    throw new Refusal('template-file', `Файл ${file} ${why}.`, EXIT.usage);
  }
  return cleanText(text);
}

/** The list with the one of that name replaced where it stands, or put at the end. */
function replaced<T extends { readonly name: string }>(all: readonly T[], one: T): T[] {
  return all.some(({ name }) => name === one.name)
    ? all.map((known) => (known.name === one.name ? one : known))
    : [...all, one];
}

/** Changes the agency's templates and formulas, if all of them are right afterwards. */
async function change(
  context: Context,
  options: Common,
  deed: Omit<Deed, 'by'>,
  how: (texts: Texts) => Texts,
): Promise<void> {
  const db = await context.db();
  const agency = await resolveAgency(db, options.agency);
  const actor = await actorOf(db, agency.id, options.by, 'templates');
  await changeAgencySettings(
    db,
    agency.id,
    (own) => {
      const { templates, formulas } = how(settled(AGENCY_DEFAULTS, own).texts);
      const set = { 'texts.templates': templates, 'texts.formulas': formulas };
      return changedSettings(AGENCY_DESK, own, { set }).own;
    },
    { by: actor.name, ...deed },
    context.clock(),
  );
}
