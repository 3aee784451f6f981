import type { Command } from 'commander';
import { coverage, documentedList } from '../boards/formats/coverage.ts';
import { FAMILIES } from '../domain/listing.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { validateFeed } from '../intake/validate.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';

export function coverageCommands(program: Command, action: Action): void {
  program
    .command('validate')
    .summary('проверить файл фида, свой или чужой')
    .description(
      'Проверяет любой фид: правильность XML, схему формата и требования доски. Показывает строку, путь и номер объявления.',
    )
    .argument('<файл|адрес>')
    .requiredOption('--board <доска>', 'доска')
    .action(
      action(async (context, location: string, options: { board: string }) => {
        const board = context.board(options.board);
        const bar = context.progress('Проверено объявлений:');
        const report = await validateFeed(location, board, {
          allowPrivateHosts: context.config.IMPORT_ALLOW_PRIVATE === '1',
          onProgress: (offers) => bar.at(offers),
        }).finally(() => bar.stop());
        context.print(report, () =>
          [
            ...report.problems
              .slice(0, 200)
              .map(
                (problem) =>
                  `${problem.severity === 'blocking' ? '✕' : '·'} строка ${problem.line}, № ${problem.listing ?? '–'}: ${problem.message}\n    ${problem.xpath}  [${problem.code}]`,
              ),
            ...(report.problems.length > 200 ? [`… и ещё ${report.problems.length - 200} (все — с --json)`] : []),
            `${board.name}, формат ${report.format}: ${formatNumber(report.offers)} ${agree(report.offers, 'объявление', 'объявления', 'объявлений')}; мешают размещению ${report.blocking}, советы ${report.advisory}.`,
          ].join('\n'),
        );
        return report.blocking > 0 ? EXIT.found : EXIT.done;
      }),
    );

  program
    .command('coverage')
    .summary('сколько элементов форматов поддержано')
    .description(
      'Для каждого формата: сколько элементов описано и сколько проходят путь «прочитать — записать — прочитать» с двумя разными значениями.',
    )
    .action(
      action(async (context) => {
        const families = FAMILIES.map((family) => coverage(family));
        context.print({ families }, () =>
          families
            .map((counted) => {
              const share = ((counted.covered / counted.documented) * 100).toFixed(1).replace('.', ',');
              const missing = counted.missing.map(({ path, reason }) => `\n  ${path}: ${reason}`).join('');
              return `${counted.family}: ${counted.covered} из ${counted.documented} (${share} %), устаревших читается ${counted.readOnly.covered} из ${counted.readOnly.documented}; источник: ${documentedList(counted.family).facts}${missing}`;
            })
            .join('\n'),
        );
        return EXIT.done;
      }),
    );
}
