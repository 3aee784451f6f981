import type { Command } from 'commander';
import { russianDay } from '../domain/days.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { type Finding, MONEY_TABLE_LABELS } from '../domain/verify.ts';
import { resolveAgency } from '../store/agencies.ts';
import { agenciesWithMoney, type Verified, verifyMoney } from '../store/verify.ts';
import type { Action } from './declaring.ts';
import { EXIT } from './exit.ts';
import { dayNamed } from './units.ts';

interface VerifyOptions {
  agency?: string;
  from?: string;
}

/** How many findings of an agency are printed; all of them are in the JSON answer. */
const PRINTED = 50;

/** @param accounts the command `accounts` */
export function verifyCommands(accounts: Command, action: Action): void {
  accounts
    .command('verify')
    .summary('сходятся ли деньги')
    .description(
      'Пересчитывает остатки по переводам, а переводы — по изданиям, которые отдавались доскам, и по тарифам, и называет строки, которые не сходятся. Ничего не меняет. Код 3, если что-то не сошлось.',
    )
    .option('--from <день>', 'цены и издания — только с этого дня; суммы и печати сверяются всегда целиком')
    .option('--agency <название>', 'агентство; без ключа все')
    .action(
      action(async (context, options: VerifyOptions) => {
        const from = options.from === undefined ? null : dayNamed(options.from);
        const db = await context.db();
        const agencies =
          options.agency === undefined ? await agenciesWithMoney(db) : [await resolveAgency(db, options.agency)];
        const verified: (Verified & { readonly agencyId: number; readonly agency: string | null })[] = [];
        const progress = context.progress('Проверено переводов');
        let before = 0;
        try {
          for (const { id, name } of agencies) {
            const onProgress = (done: number) => progress.at(before + done);
            const one = await verifyMoney(db, id, { from, onProgress });
            before += one.checked.transfers;
            verified.push({ agencyId: id, agency: name, ...one });
          }
        } finally {
          progress.stop();
        }
        const count = verified.reduce((sum, { findings }) => sum + findings.length, 0);
        context.print({ from, count, agencies: verified }, () =>
          verified.length === 0
            ? 'Агентств ещё нет, проверять нечего.'
            : verified
                .map(
                  (one) =>
                    `${one.agency ?? `Агентство #${one.agencyId}, которого нет`}. ${checkedText(one, from)}\n${findingsText(one.findings)}`,
                )
                .join('\n\n'),
        );
        return count === 0 ? EXIT.done : EXIT.found;
      }),
    );
}

const counted = (count: number, one: string, few: string, many: string) =>
  `${formatNumber(count)} ${agree(count, one, few, many)}`;

function checkedText({ checked }: Verified, from: string | null): string {
  const all: readonly (readonly [count: number, one: string, few: string, many: string])[] = [
    [checked.accounts, 'счёт', 'счёта', 'счетов'],
    [checked.transfers, 'перевод', 'перевода', 'переводов'],
    [checked.spending, 'запись расхода', 'записи расхода', 'записей расхода'],
    [checked.tariffs, 'тариф', 'тарифа', 'тарифов'],
    [checked.promotions, 'продвижение', 'продвижения', 'продвижений'],
    [checked.waivers, 'прощённый день', 'прощённых дня', 'прощённых дней'],
    [checked.boardReports, 'отчёт доски', 'отчёта досок', 'отчётов досок'],
    [checked.boardCharges, 'списание доски', 'списания досок', 'списаний досок'],
  ];
  const told = all.filter(([count], index) => count > 0 || index < 2).map((one) => counted(...one));
  const days = [
    `${counted(checked.owedDays, 'день объекта', 'дня объектов', 'дней объектов')} на досках — по изданиям`,
    ...(checked.recordedDays > 0
      ? [
          `${counted(checked.recordedDays, 'более ранний день кабинета', 'более ранних дня кабинетов', 'более ранних дней кабинетов')} — по записям дня`,
        ]
      : []),
  ];
  return `Проверено: ${told.join(', ')}; ${days.join(', ')}${from === null ? '' : ` (с ${russianDay(from)})`}.`;
}

function findingsText(findings: readonly Finding[]): string {
  if (findings.length === 0) return '✓ Всё сходится.';
  const rest = findings.length - PRINTED;
  return [
    `✕ Не сходится: ${formatNumber(findings.length)}.`,
    ...findings.slice(0, PRINTED).map(({ table, key, text }) => `  ${MONEY_TABLE_LABELS[table]} ${key}: ${text}`),
    ...(rest > 0 ? [`  … и ещё ${formatNumber(rest)}: accounts verify --json`] : []),
  ].join('\n');
}
