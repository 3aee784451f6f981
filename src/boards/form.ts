import type { Facts } from '../domain/facts.ts';
import { type Family, type Listing, labelOf } from '../domain/listing.ts';
import { ALWAYS_MEANT, type FieldForm, isSense } from '../domain/listing-form.ts';
import { fieldLabel } from '../domain/moderation.ts';
import type { Board, BoardRule } from './catalogue.ts';
import { validatorOf } from './check.ts';
import type { ElementDoc, Row } from './formats/codec.ts';
import { CODECS } from './formats/index.ts';

/** What formats and rules know of a form: which fields a kind has a use for, what one family alone asks, how long texts may be. */

/** Fields that a listing of this kind and deal has a use for in these families. */
export function meantFields(families: readonly Family[], listing: Partial<Listing>): ReadonlySet<string> {
  const meant = new Set(ALWAYS_MEANT);
  for (const family of families)
    for (const row of CODECS[family].rowsFor(listing))
      for (const field of row.fields) if (isSense(field, listing)) meant.add(field);
  return meant;
}

/** A field that one family alone has. */
export interface OwnField {
  /** `avito:AdStatus`. */
  readonly field: string;
  readonly label: string;
  readonly form: FieldForm;
}

/** The family's own fields for this kind and deal, in the order of its table; and others that the listing has. */
export function ownFields(family: Family, listing: Partial<Listing>, boards: readonly Board[]): OwnField[] {
  const codec = CODECS[family];
  const found = new Map<string, Row>();
  const take = (rows: readonly Row[], isWanted: (path: string) => boolean) => {
    for (const row of rows)
      for (const field of row.fields) {
        const path = field.startsWith('own:') ? field.slice(4) : undefined;
        if (path !== undefined && !found.has(path) && isWanted(path)) found.set(path, row);
      }
  };
  take(codec.rowsFor(listing), () => true);
  take(codec.rows, (path) => listing.boardFields?.[family]?.[path] !== undefined);
  return [...found].map(([path, row]) => ({
    field: `${family}:${path}`,
    label: ownLabel(family, path, boards),
    form: ownForm(family, path, row),
  }));
}

/** What a field is called: «Этажей в доме», and for a family's own one what a board's file calls it. */
export function labelOfField(field: string, boards: readonly Board[]): string {
  const [family, ...path] = field.split(':');
  return path.length === 0 ? labelOf(field) : ownLabel(family as Family, path.join(':'), boards);
}

function ownLabel(family: Family, path: string, boards: readonly Board[]): string {
  for (const board of boards) {
    if (!board.families.includes(family)) continue;
    const label = board.rules.find((rule) => rule.field === `own:${path}`)?.label;
    if (label !== undefined && label !== `own:${path}`) return label;
  }
  return fieldLabel(`${family}:${path}`);
}

/** The table tells types of elements; what a value of ours is, its samples show. */
function ownForm(family: Family, path: string, row: Row): FieldForm {
  const sample = row.samples.map(({ boardFields }) => boardFields?.[family]?.[path]).find((one) => one !== undefined);
  const elements = row.elements.filter((element) => element.path === path || element.path.startsWith(`${path}/`));
  const listed = elements.find(({ type }) => type.type === 'enum') as
    | (ElementDoc & { type: { values: string[] } })
    | undefined;
  const choices = listed?.type.values.map((value) => ({ value, label: value }));
  if (typeof sample === 'boolean') return { type: 'flag' };
  if (typeof sample === 'number') return numberForm(elements[0]);
  if (typeof sample === 'string') return choices ? { type: 'choice', choices } : { type: 'text', charsMax: 2000 };
  if (Array.isArray(sample) && typeof sample[0] === 'string')
    return choices ? { type: 'choices', choices } : { type: 'texts' };
  return { type: 'block' };
}

function numberForm(element: ElementDoc | undefined): FieldForm {
  const type = element?.type;
  if (type?.type !== 'integer' && type?.type !== 'decimal') return { type: 'number' };
  const { min, max } = type;
  return {
    type: type.type === 'integer' ? 'integer' : 'number',
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  };
}

/** How long a text may be for one board, or for the agency. */
export interface TextBound {
  readonly field: 'title' | 'description';
  /** null: a norm of the agency. */
  readonly boardName: string | null;
  readonly min: number | null;
  readonly max: number | null;
}

type Demand = Pick<BoardRule, 'kinds' | 'deals' | 'when' | 'must'>;

const COUNTED = { title: 'titleChars', description: 'descriptionChars' } as const;

/** The lengths that demands of one board ask of texts; a demand of one sign says only that there must be some. */
export function textBounds(
  demands: readonly Demand[],
  boardName: string | null,
  listing: Listing,
  facts: Facts,
): TextBound[] {
  // As if something were written: what an empty text lacks is told otherwise.
  const subject = {
    listing: { ...listing, title: listing.title ?? '-', description: listing.description ?? '-' },
    facts: {
      ...facts,
      titleChars: Math.max(1, facts.titleChars),
      descriptionChars: Math.max(1, facts.descriptionChars),
    },
  };
  const meant = demands.filter(
    ({ kinds, deals, when }) =>
      (kinds === undefined || kinds.includes(listing.kind)) &&
      (deals === undefined || deals.includes(listing.deal)) &&
      (when === undefined || validatorOf(when)(subject)),
  );
  return (['title', 'description'] as const).flatMap((field): TextBound[] => {
    const bounds = meant.map(({ must }) => boundsIn(must, COUNTED[field]));
    const mins = bounds.flatMap(({ minimum }) => (minimum !== undefined && minimum > 1 ? [minimum] : []));
    const maxs = bounds.flatMap(({ maximum }) => (maximum === undefined ? [] : [maximum]));
    if (mins.length + maxs.length === 0) return [];
    return [
      {
        field,
        boardName,
        min: mins.length > 0 ? Math.max(...mins) : null,
        max: maxs.length > 0 ? Math.min(...maxs) : null,
      },
    ];
  });
}

function boundsIn(must: unknown, fact: string): { readonly minimum?: number; readonly maximum?: number } {
  const facts = (must as { properties?: { facts?: { properties?: Record<string, unknown> } } } | null)?.properties
    ?.facts;
  return (facts?.properties?.[fact] as { minimum?: number; maximum?: number } | undefined) ?? {};
}
