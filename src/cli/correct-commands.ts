import type { Command } from 'commander';
import { readPhone } from '../boards/formats/phone.ts';
import { type Corrections, conflicts, fieldValue } from '../domain/corrections.ts';
import { Refusal } from '../domain/fault.ts';
import { FIELDS, ListingSchema, labelOf } from '../domain/listing.ts';
import { formatNumber } from '../domain/text.ts';
import { correctionOf, isCorrectable, type ProvenCorrections, proveCorrections } from '../intake/correct.ts';
import { resolveAgency } from '../store/agencies.ts';
import { type ListingRow, saveCorrections } from '../store/marks.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, oneListing } from './naming.ts';

export function correctCommands(program: Command, action: Action): void {
  program
    .command('correct')
    .summary('исправить поле объекта поверх источника')
    .description(
      'Кладёт исправление поверх значения источника. Оно переживает повторную загрузку; если источник потом изменит поле, остаются оба значения, и выбирает человек.',
    )
    .argument('<объект>')
    .addOption(
      several(
        '--set <поле=значение...>',
        'исправить поля: «Этажей в доме=9», «Цена=9800000» (рубли) или floorsTotal=9, priceKopecks=980000000 (копейки); «поле=» очищает поле',
      ),
    )
    .addOption(several('--drop <поле...>', 'убрать исправление и вернуться к источнику'))
    .addOption(several('--keep <поле...>', 'источник изменился, но оставить исправление'))
    .option('--conflicts', 'показать поля, где источник и исправление разошлись')
    .option('--by <сотрудник>', 'кто исправил')
    .option('--agency <название>', 'агентство')
    .action(
      action(
        async (
          context,
          name: string,
          options: { set?: string[]; drop?: string[]; keep?: string[]; by?: string; agency?: string },
        ) => {
          const db = await context.db();
          const agency = await resolveAgency(db, options.agency);
          const listing = await oneListing(db, agency.id, name);
          const { name: by } = await actorOf(db, agency.id, options.by, 'corrections');
          const proven = provenCorrections(listing, { ...options, by }, context.clock());
          if (proven && !(await saveCorrections(db, listing, proven, context.clock(), { by })))
            throw new Refusal('stale', `Объект ${listing.id} только что изменился. Повторите.`, EXIT.refused);
          const next = proven?.corrections ?? listing.corrections;
          const open = conflicts(listing.sourceValues, next);
          const rows = Object.entries(next).map(([field, { value, by, at }]) => ({
            field,
            label: labelOf(field),
            source: fieldValue(listing.sourceValues, field),
            correction: value,
            by,
            at,
            isConflict: open.includes(field),
          }));
          context.print({ listing: listing.id, corrections: rows }, () =>
            rows.length === 0
              ? `Объект ${listing.id}: исправлений нет.`
              : rows
                  .map(
                    (row) =>
                      `${row.isConflict ? 'РАСХОДИТСЯ ' : ''}${row.label} (${row.field}): ${toldOf(row.field, row.correction)}, в источнике ${toldOf(row.field, row.source)} — ${row.by}, ${row.at.slice(0, 10)}`,
                  )
                  .join('\n'),
          );
          return EXIT.done;
        },
      ),
    );
}

/** Money is kept in kopecks. */
const isMoney = (field: string) => field.endsWith('Kopecks');

/**
 * The field that a person names: by its name in the program, by what people call it, or one that a family alone has.
 * Called by the people's name, money is in roubles.
 * @throws Refusal `field-unknown` with what looks alike
 */
function fieldNamed(name: string, hasValue: boolean): { readonly field: string; readonly isByLabel: boolean } {
  if (hasValue && isCorrectable(name)) return { field: name, isByLabel: false };
  const known = FIELDS.filter(isCorrectable);
  const wanted = name.toLowerCase();
  const found = hasValue ? known.find((field) => labelOf(field).toLowerCase() === wanted) : undefined;
  if (found) return { field: found, isByLabel: true };
  const alike = known.filter(
    (field) => labelOf(field).toLowerCase().includes(wanted) || field.toLowerCase().includes(wanted),
  );
  const hint =
    wanted !== '' && alike.length > 0
      ? `Похожи: ${alike
          .slice(0, 5)
          .map((field) => `«${labelOf(field)}» (${field})`)
          .join(', ')}.`
      : 'Примеры: --set "Этажей в доме=9", --set Цена=9800000.';
  throw new Refusal('field-unknown', `Поля «${name.slice(0, 60)}» нет. ${hint}`, EXIT.usage);
}

const toldOf = (field: string, value: unknown) =>
  isMoney(field) && typeof value === 'number' ? `${formatNumber(value / 100)} ₽` : told(value);
const told = (value: unknown) =>
  value === null ? 'пусто' : typeof value === 'string' ? `«${value.slice(0, 60)}»` : JSON.stringify(value);

interface CorrectionWords {
  /** «поле=значение» */
  readonly set?: string[] | undefined;
  readonly drop?: string[] | undefined;
  readonly keep?: string[] | undefined;
  readonly by: string;
}

/**
 * What `saveCorrections` takes, proven; null when nothing changes.
 * @throws Refusal `field-unknown`, `bad-value`, `no-correction`
 */
export function provenCorrections(listing: ListingRow, words: CorrectionWords, now: Date): ProvenCorrections | null {
  return proveCorrections(listing, corrected(listing, words, now));
}

function corrected(listing: ListingRow, options: CorrectionWords, now: Date): Corrections {
  const next: Corrections = { ...listing.corrections };
  const basis = (field: string) => fieldValue(listing.sourceValues, field);
  for (const pair of options.set ?? []) {
    const cut = pair.indexOf('=');
    const { field, isByLabel } = fieldNamed(cut < 1 ? pair : pair.slice(0, cut), cut >= 1);
    next[field] = correctionOf(listing, field, parseValue(field, pair.slice(cut + 1), isByLabel), options.by, now);
  }
  for (const field of options.drop ?? []) delete next[field];
  for (const field of options.keep ?? []) {
    const known = next[field];
    if (!known) throw new Refusal('no-correction', `У поля «${labelOf(field)}» нет исправления.`, EXIT.usage);
    next[field] = { ...known, basis: basis(field) };
  }
  return next;
}

/** A value as people write it, by the field's own type; nothing at all empties the field. */
function parseValue(field: string, text: string, isInRoubles: boolean): unknown {
  if (text === '') return null;
  if (isInRoubles && isMoney(field)) {
    const roubles = Number(text.replace(/[\s\u00A0₽]/g, '').replace(',', '.'));
    return Number.isFinite(roubles) ? Math.round(roubles * 100) : text;
  }
  const schema = (ListingSchema.properties as Record<string, { type?: string; enum?: unknown }>)[field];
  if (field === 'contactPhones' && !text.startsWith('[')) {
    return text.split(',').map((phone) => readPhone(phone) ?? phone.trim());
  }
  if (schema?.type === 'string' || schema?.enum !== undefined) return text;
  if (schema?.type === 'boolean' && /^(да|нет)$/i.test(text)) return /^да$/i.test(text);
  if (schema?.type === 'array' && !text.startsWith('[')) return text.split(',').map((word) => word.trim());
  try {
    return JSON.parse(schema?.type === 'number' || schema?.type === 'integer' ? text.replace(',', '.') : text);
  } catch {
    return text;
  }
}
