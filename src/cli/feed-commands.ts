import { copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { brakeSentence } from '../domain/brake.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS, type Outcome } from '../domain/gates.ts';
import { FAMILIES, type Family } from '../domain/listing.ts';
import { formatNumber } from '../domain/text.ts';
import { editionFolder, editionPath } from '../export/edition.ts';
import { type ImportReport, importFeed } from '../intake/import.ts';
import { listAgencies, resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { feedPath } from '../store/feed-address.ts';
import { heldBrakes, listCabinets, releaseBrake } from '../store/publishing.ts';
import { type Action, choice } from './declaring.ts';
import { describeError, EXIT } from './exit.ts';
import { actorOf, DEFAULT_CABINET, objects } from './naming.ts';
import { publishWithBar } from './publishing.ts';
import { branchToBe, oneCabinet, unwritable } from './units.ts';

export function feedCommands(program: Command, action: Action): void {
  brakeCommands(program, action);
  program
    .command('import')
    .summary('загрузить объекты из фида CRM')
    .description('Загружает объекты из фида Авито, Циана или Яндекса: файла или адреса http(s), можно сжатого gzip.')
    .argument('<файл|адрес>')
    .addOption(choice('--format <формат>', 'формат фида', ['auto', ...FAMILIES]).default('auto'))
    .option('--agency <название>', 'агентство; создаётся, если его ещё нет')
    .option('--branch <название>', 'филиал новых объектов: название или #номер; создаётся, если его ещё нет')
    .option('--source <название>', 'как называть источник (по умолчанию — имя файла или адрес)')
    .option('--dry-run', 'показать, что изменится, ничего не меняя')
    .option('--confirm-loss', 'согласиться с тем, что из источника пропало больше 20 % объектов')
    .action(
      action(
        async (
          context,
          location: string,
          options: {
            format: Family | 'auto';
            agency?: string;
            branch?: string;
            source?: string;
            dryRun?: boolean;
            confirmLoss?: boolean;
          },
        ) => {
          const db = await context.db();
          const branch = options.branch === undefined ? undefined : await branchOf(db, options.agency, options.branch);
          const bar = context.progress('Прочитано объявлений:');
          const report = await importFeed({
            db,
            clock: context.clock,
            location,
            format: options.format,
            agency: options.agency,
            branch,
            source: options.source,
            isRehearsal: options.dryRun === true,
            isLossConfirmed: options.confirmLoss === true,
            allowPrivateHosts: context.config.IMPORT_ALLOW_PRIVATE === '1',
            onProgress: (offers) => bar.at(offers),
          }).finally(() => bar.stop());
          context.print(report, () => importText(report));
          if (report.waiting) return EXIT.brake;
          return report.rejected.length > 0 ? EXIT.found : EXIT.done;
        },
      ),
    );

  program
    .command('publish')
    .summary('собрать фиды досок')
    .description(
      'Проверяет отмеченные объекты и собирает новые издания фидов. Прежнее издание отдаётся доскам, пока новое не готово.',
    )
    .option('--board <доска>', 'только эта доска')
    .option('--agency <название>', 'только это агентство')
    .option('--out <папка>', 'положить копии фидов в папку')
    .action(
      action(async (context, options: { board?: string; agency?: string; out?: string }) => {
        const db = await context.db();
        if (options.board) context.board(options.board);
        const agencyId = options.agency === undefined ? undefined : (await resolveAgency(db, options.agency)).id;
        const cabinets = await listCabinets(db, { board: options.board, agencyId });
        if (cabinets.length === 0) {
          throw new Refusal(
            'nothing-to-publish',
            'Публиковать нечего: ни один объект не отмечен. Отметьте: mark --board avito --all',
            EXIT.refused,
          );
        }
        const { published, failed } = await publishWithBar(context, db, cabinets);
        const answer = published.map((cabinet) => {
          const row = cabinets.find((candidate) => candidate.id === cabinet.cabinetId)!;
          return { ...cabinet, url: context.address(feedPath(context.secret, row)) };
        });
        if (options.out !== undefined) {
          await mkdir(options.out, { recursive: true }).catch((error) => {
            throw unwritable(options.out!, error);
          });
          for (const cabinet of answer) {
            if (cabinet.sha256 === null) continue;
            const from = editionPath(
              editionFolder(context.config.DATA_DIR, cabinet.agencyId, cabinet.cabinetId),
              cabinet.sha256,
              'xml',
            );
            const isNamesake = answer.some(
              (other) => other !== cabinet && other.board === cabinet.board && other.cabinet === cabinet.cabinet,
            );
            // Two agencies may have a cabinet of one name; their files must not take each other's place.
            const prefix = isNamesake ? `${cabinet.agencyId}-` : '';
            const to = join(options.out, `${prefix}${cabinet.board}-${cabinet.cabinet}.xml`);
            // Whoever takes the copy must never see half of it.
            await copyFile(from, `${to}.tmp`);
            await rename(`${to}.tmp`, to);
          }
        }
        const troubles = failed.map(({ cabinet, error }) => ({
          board: cabinet.board,
          cabinet: cabinet.slug,
          ...describeError(error),
        }));
        context.print({ cabinets: answer, failed: troubles.map(({ exit: _, ...told }) => told) }, () =>
          answer
            .map((cabinet) => {
              const board = context.board(cabinet.board);
              const rest = Object.entries(cabinet.outcomes)
                .filter(([outcome]) => outcome !== 'published')
                .map(([outcome, count]) => `${OUTCOME_LABELS[outcome as Outcome]} ${count}`)
                .join(', ');
              const state = cabinet.isNewEdition
                ? `издание ${cabinet.edition}`
                : `без изменений, издание ${cabinet.edition}`;
              return `${board.name} (${cabinet.cabinet}): ${objects(cabinet.offers)} в фиде${rest === '' ? '' : `, ${rest}`}; ${state}, ${formatNumber(Math.ceil(cabinet.bytes / 1024))} КБ\n  ${cabinet.url}`;
            })
            .join('\n'),
        );
        for (const { board, cabinet, message } of troubles) {
          process.stderr.write(
            `${context.board(board).name} (${cabinet}) не опубликован, отдаётся прежнее издание. ${message}\n`,
          );
        }
        for (const { board, brake } of answer) {
          if (brake)
            process.stderr.write(`ТОРМОЗ. ${brakeSentence(context.board(board).name, brake.held, brake.causes)}\n`);
        }
        if (troubles.length > 0) return troubles[0]!.exit;
        context.say('Почему объект не на доске: explain <объект> --all');
        return EXIT.done;
      }),
    );
}

/** The shrink brake: what it keeps, and the person's word that the loss is right. */
function brakeCommands(program: Command, action: Action): void {
  const brake = program
    .command('brake')
    .summary('тормоз: что удержано в фидах и отпустить ли')
    .description(
      'Когда из фида по одной общей причине (сломался источник, сменились правила или настройки) ушло бы больше 20 % и больше 10 объектов, они остаются в нём, пока человек не согласится.',
    );
  brake
    .command('list')
    .description('Показывает, что удержано.')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const held = await heldBrakes(db, agency.id);
        context.print({ held }, () =>
          held.length === 0
            ? 'Тормоз ничего не держит.'
            : held
                .map(({ board, brake: { held: count, causes } }) =>
                  brakeSentence(context.board(board).name, count, causes),
                )
                .join('\n'),
        );
        return held.length === 0 ? EXIT.done : EXIT.brake;
      }),
    );
  brake
    .command('release')
    .description('Соглашается с потерей: при следующем прогоне удержанные объекты уйдут из фида.')
    .requiredOption('--board <доска>', 'доска')
    .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
    .requiredOption('--reason <причина>', 'почему потеря верна')
    .option('--by <сотрудник>', 'кто решил')
    .option('--agency <название>', 'агентство')
    .action(
      action(
        async (context, options: { board: string; cabinet: string; reason: string; by?: string; agency?: string }) => {
          const db = await context.db();
          const agency = await resolveAgency(db, options.agency);
          const cabinet = await oneCabinet(context, db, agency.id, options);
          const actor = await actorOf(db, agency.id, options.by, 'brake');
          if (!(await releaseBrake(db, cabinet, { by: actor.name, reason: options.reason }, context.clock())))
            throw new Refusal(
              'brake-not-on',
              `${context.board(options.board).name}: тормоз ничего не держит.`,
              EXIT.refused,
            );
          context.print(
            { released: true, board: options.board },
            `${context.board(options.board).name}: тормоз отпущен.`,
          );
          context.say(`Дальше: publish --board ${options.board}`);
          return EXIT.done;
        },
      ),
    );
}

function importText(report: ImportReport): string {
  const lines = [
    `${report.isRehearsal ? 'Проба, ничего не изменено. ' : ''}Источник «${report.source}», формат ${report.format}: прочитано ${objects(report.read)}.`,
    `Новых ${report.imported}, изменено ${report.updated}, без изменений ${report.unchanged}, пропало ${report.gone}, вернулось ${report.returned}.`,
    `Ответственный найден у ${report.employees.matched}, без ответственного ${report.employees.unassigned}.`,
  ];
  if (report.waiting) return `${lines[0]}\n${report.waiting.message}`;
  if (report.conflicting > 0)
    lines.push(
      `Источник изменил исправленные поля: ${objects(report.conflicting)}. Решите, что оставить: correct <объект> --conflicts.`,
    );
  if (report.rejected.length > 0) {
    lines.push(`Не загружено объявлений: ${report.rejected.length}.`);
    for (const offer of report.rejected.slice(0, 20))
      lines.push(`  строка ${offer.line}, № ${offer.externalId ?? 'не указан'}: ${offer.reasons.join(' ')}`);
    if (report.rejected.length > 20) lines.push(`  … и ещё ${report.rejected.length - 20} (все — с --json)`);
  }
  if (report.repaired.length > 0) lines.push(`Удалены недопустимые знаки: ${objects(report.repaired.length)}.`);
  if (report.foreignPhonesInText.length > 0)
    lines.push(`В текстах есть чужие номера телефонов: ${objects(report.foreignPhonesInText.length)}.`);
  if (report.notUnderstood.length > 0) {
    lines.push('Не понято:');
    for (const { path, value, count, example } of report.notUnderstood.slice(0, 20)) {
      const where = example ? `, например № ${example.externalId ?? 'не указан'}, строка ${example.line}` : '';
      lines.push(`  ${path}${value === undefined ? '' : ` = «${value}»`}: ${count}${where}`);
    }
    if (report.notUnderstood.length > 20) lines.push(`  … и ещё ${report.notUnderstood.length - 20} (все — с --json)`);
  }
  if (report.imported > 0 && !report.isRehearsal) lines.push('Дальше: mark --board avito --all, затем publish.');
  return lines.join('\n');
}

/**
 * What the branch of an import is called, as `branchToBe` reads it. An agency that the import will make has none yet.
 * @throws Refusal `branch-unknown`, `branch-ambiguous`, `agency-ambiguous`
 */
async function branchOf(db: Database, agencyName: string | undefined, name: string): Promise<string> {
  const agencies = await listAgencies(db);
  const isThere = agencyName === undefined ? agencies.length > 0 : agencies.some((one) => one.name === agencyName);
  const agencyId = isThere ? (await resolveAgency(db, agencyName)).id : 0;
  return (await branchToBe(db, agencyId, name)).name;
}
