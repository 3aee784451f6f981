import { Ajv, type ValidateFunction } from 'ajv';
import { describeKind, type Family, type Listing } from '../../domain/listing.ts';
import type { Codec, Row, Shape, When } from './codec.ts';
import { CODECS } from './index.ts';
import type { Element } from './xml.ts';

/** What XSD 1.0 cannot say of one offer: what its kind and deal require, and the order of the table. */

// --- required by kind and deal: ajv, from the same table ---

type JsonSchema = Record<string, unknown>;

const allOf = (parts: JsonSchema[]): JsonSchema => (parts.length === 1 ? parts[0]! : { allOf: parts });

function whenSchema(when: When): JsonSchema {
  const shapes = Array.isArray(when) ? (when as readonly Shape[]) : [when as Shape];
  const conditions = shapes.map((shape) =>
    allOf(
      Object.entries(shape).map(([key, allowed]: [string, readonly unknown[]]): JsonSchema => {
        const told = allowed.filter((value) => value !== undefined);
        const stands: JsonSchema = { type: 'object', properties: { [key]: { enum: told } }, required: [key] };
        const absent: JsonSchema = { not: { type: 'object', properties: { [key]: true }, required: [key] } };
        return !allowed.includes(undefined) ? stands : told.length === 0 ? absent : { anyOf: [absent, stands] };
      }),
    ),
  );
  return conditions.length === 1 ? conditions[0]! : { anyOf: conditions };
}

/** Every path that must stand, with the conditions under which it must. */
export function requiredPaths(codec: Codec): { path: string; conditions: When[]; row: Row }[] {
  return codec.rows.flatMap((row) =>
    row.elements.flatMap((element, index) => {
      const required = element.required ?? (index === 0 ? row.required : undefined);
      if (required === undefined) return [];
      const conditions = [row.when, required === true ? undefined : required].filter((when) => when !== undefined);
      return [{ path: element.path, conditions, row }];
    }),
  );
}

/**
 * JSON Schema of what must stand by kind and deal, over `{ shape, has }`: the listing's shape, and the paths that the
 * offer has.
 */
export function requiredSchema(codec: Codec): JsonSchema {
  return {
    $id: `required-${codec.family}`,
    type: 'object',
    allOf: requiredPaths(codec).map(({ path, conditions }) => {
      const stands: JsonSchema = {
        type: 'object',
        properties: { has: { type: 'object', properties: { [path]: true }, required: [path] } },
      };
      if (conditions.length === 0) return stands;
      // «Not so, or it stands»: an `if` by other words.
      return { anyOf: [{ not: { type: 'object', properties: { shape: allOf(conditions.map(whenSchema)) } } }, stands] };
    }),
  };
}

const ajv = new Ajv({ strict: true, allErrors: true });
const requiredChecks = new Map<Family, ValidateFunction>();

export interface MissingPath {
  readonly path: string;
  readonly message: string;
}

/**
 * What an offer of this kind and deal lacks. The element is read by the codec and used up: give a fresh one.
 * @returns `kindProblem` when the offer does not tell what it is, so nothing can be required of it
 */
export function missingRequired(family: Family, offer: Element): { missing: MissingPath[]; kindProblem?: string } {
  const codec = CODECS[family];
  let check = requiredChecks.get(family);
  if (!check) {
    check = ajv.compile(requiredSchema(codec));
    requiredChecks.set(family, check);
  }
  const has: Record<string, true> = {};
  collect(offer, '', has);
  const { listing, kindProblem } = codec.read(offer);
  if (listing?.kind === undefined || listing.deal === undefined) return { missing: [], kindProblem: kindProblem ?? '' };
  if (check({ shape: listing, has })) return { missing: [] };
  const paths = (check.errors ?? []).flatMap(({ keyword, params }) =>
    keyword === 'required' ? [String(params.missingProperty)] : [],
  );
  const kind = describeKind(listing as Listing).toLowerCase();
  return {
    missing: [...new Set(paths)].map((path) => ({ path, message: `Нет обязательного элемента ${path}: ${kind}.` })),
  };
}

function collect(element: Element, prefix: string, has: Record<string, true>): void {
  for (const [name, value] of element.attrs) if (value.trim() !== '') has[`${prefix}@${name}`] = true;
  for (const child of element.children) {
    const path = `${prefix}${child.name}`;
    if (child.text !== '' || child.children.length > 0 || child.attrs.size > 0) has[path] = true;
    collect(child, `${path}/`, has);
  }
}

// --- the order of the table ---

interface Order {
  /** Row numbers by path. */
  readonly rows: ReadonlyMap<string, readonly number[]>;
  readonly places: ReadonlyMap<Row, ReadonlyMap<string, number>>;
  readonly repeated: ReadonlySet<string>;
}
const orders = new Map<Family, Order>();

function orderOf(codec: Codec): Order {
  let order = orders.get(codec.family);
  if (!order) {
    const rows = new Map<string, number[]>();
    const places = new Map<Row, Map<string, number>>();
    const repeated = new Set<string>();
    codec.rows.forEach((row, number) => {
      const inside = new Map<string, number>();
      row.elements.forEach(({ path, isRepeated }, place) => {
        inside.set(path, place);
        if (isRepeated) repeated.add(path);
        const known = rows.get(path);
        if (known) known.push(number);
        else rows.set(path, [number]);
      });
      places.set(row, inside);
    });
    order = { rows, places, repeated };
    orders.set(codec.family, order);
  }
  return order;
}

/**
 * The first element that stands before one which the table writes earlier, or undefined: our own files keep the
 * table's order. A parent stands where the first of its children does. Foreign feeds need no order.
 */
export function firstOutOfOrder(family: Family, offer: Element): string | undefined {
  const codec = CODECS[family];
  const { rows, places, repeated } = orderOf(codec);

  /** Row number and place in the row, as one number; the row nearest after the previous element's is meant. */
  function rank(element: Element, path: string, from: number): number | undefined {
    const own: number[] = [];
    const numbers = element.children.length === 0 || rows.has(path) ? rows.get(path) : undefined;
    if (numbers) {
      const number = numbers.find((candidate) => candidate >= Math.floor(from)) ?? numbers[0]!;
      own.push(number + places.get(codec.rows[number]!)!.get(path)! / 1000);
    }
    for (const child of element.children) {
      const inner = rank(child, `${path}/${child.name}`, from);
      if (inner !== undefined) own.push(inner);
    }
    return own.length === 0 ? undefined : Math.min(...own);
  }

  function walk(parent: Element, prefix: string): string | undefined {
    let last = 0;
    for (const child of parent.children) {
      const path = prefix === '' ? child.name : `${prefix}/${child.name}`;
      const here = rank(child, path, last);
      if (here !== undefined) {
        // Repeated elements of one row may take turns.
        const isTurn = repeated.has(path) && Math.floor(here) === Math.floor(last);
        if (here < last && !isTurn) return path;
        last = here;
      }
      const inner = walk(child, path);
      if (inner !== undefined) return inner;
    }
    return undefined;
  }

  return walk(offer, '');
}

export function isInTableOrder(family: Family, offer: Element): boolean {
  return firstOutOfOrder(family, offer) === undefined;
}
