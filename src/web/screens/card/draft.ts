import { useCallback, useMemo, useState } from 'react';
import type { FormField, ListingCard, ListingChanges } from '../../../contracts/listing.ts';

/**
 * What a person has typed and not saved. It stands beside the listing as the server has it, so that neither a refresh
 * nor the end of a session takes anything away.
 */
export interface Draft {
  readonly values: ReadonlyMap<string, unknown>;
  /** Corrections that are to stay although the source has changed since. */
  readonly keeps: ReadonlySet<string>;
  readonly set: (field: string, value: unknown) => void;
  readonly keep: (field: string) => void;
  readonly forget: (fields?: readonly string[]) => void;
}

const NOTHING: ReadonlyMap<string, unknown> = new Map();
const NOBODY: ReadonlySet<string> = new Set();

export function useDraft(): Draft {
  const [values, setValues] = useState(NOTHING);
  const [keeps, setKeeps] = useState(NOBODY);
  const set = useCallback((field: string, value: unknown) => {
    setValues((was) => new Map(was).set(field, value));
    setKeeps((was) => (was.has(field) ? new Set([...was].filter((one) => one !== field)) : was));
  }, []);
  const keep = useCallback((field: string) => {
    setKeeps((was) => new Set(was).add(field));
    setValues((was) => new Map([...was].filter(([one]) => one !== field)));
  }, []);
  const forget = useCallback((fields?: readonly string[]) => {
    setValues((was) => (fields ? new Map([...was].filter(([field]) => !fields.includes(field))) : NOTHING));
    setKeeps((was) => (fields ? new Set([...was].filter((field) => !fields.includes(field))) : NOBODY));
  }, []);
  return useMemo(() => ({ values, keeps, set, keep, forget }), [values, keeps, set, keep, forget]);
}

export const allFields = (card: ListingCard): readonly FormField[] => card.groups.flatMap(({ fields }) => fields);

export const isSame = (one: unknown, other: unknown): boolean =>
  one === other || JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** The value a field shows: what was typed, else what holds. */
export const shownValue = (field: FormField, draft: Draft): unknown =>
  draft.values.has(field.field) ? draft.values.get(field.field) : field.value;

/** What is to be saved; a value that is the source's own is no correction. */
export function changesOf(card: ListingCard, draft: Draft): ListingChanges {
  const set: Record<string, unknown> = {};
  const drop: string[] = [];
  const keep: string[] = [];
  for (const field of allFields(card)) {
    const { field: name, source, value, correction } = field;
    if (draft.keeps.has(name) && correction?.isConflict) keep.push(name);
    if (!draft.values.has(name)) continue;
    const typed = draft.values.get(name) ?? null;
    if (isSame(typed, source)) {
      if (correction) drop.push(name);
    } else if (!isSame(typed, value)) set[name] = typed;
  }
  return {
    ...(Object.keys(set).length > 0 && { set }),
    ...(drop.length > 0 && { drop }),
    ...(keep.length > 0 && { keep }),
  };
}

export const changedFields = ({ set = {}, drop = [], keep = [] }: ListingChanges): readonly string[] => [
  ...new Set([...Object.keys(set), ...drop, ...keep]),
];

/** What takes saved changes back: the corrections as they lay there before. */
export function inverseOf(before: ListingCard, changes: ListingChanges): ListingChanges {
  const touched = changedFields(changes);
  const fields = allFields(before).filter(({ field }) => touched.includes(field));
  const corrected = fields.flatMap(({ field, correction }) => (correction ? [[field, correction.value] as const] : []));
  const drop = fields.filter(({ correction }) => correction === null).map(({ field }) => field);
  return {
    ...(corrected.length > 0 && { set: Object.fromEntries(corrected) }),
    ...(drop.length > 0 && { drop }),
  };
}

/** Fields in which two states of the listing differ. */
export function differences(before: ListingCard, after: ListingCard): readonly (readonly [FormField, FormField])[] {
  const were = new Map(allFields(before).map((field) => [field.field, field]));
  return allFields(after).flatMap((is) => {
    const was = were.get(is.field);
    return was && !isSame(was.value, is.value) ? [[was, is] as const] : [];
  });
}

/** Fields that both somebody else and the draft have changed, each to something else. */
export const disputed = (before: ListingCard, after: ListingCard, draft: Draft): readonly string[] =>
  differences(before, after)
    .filter(([, is]) => draft.values.has(is.field) && !isSame(draft.values.get(is.field), is.value))
    .map(([, { field }]) => field);

/** Does the draft still say of a field what was sent? */
export const isAsSent = (draft: Draft, { set = {} }: ListingChanges, field: string): boolean =>
  !(field in set) || isSame(draft.values.get(field), set[field]);
