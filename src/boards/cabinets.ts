import { Refusal } from '../domain/fault.ts';
import type { Family } from '../domain/listing.ts';
import type { Board } from './catalogue.ts';

/** Cabinets as people ask for them, proved. */

export interface CabinetWish {
  readonly board: string;
  /** Part of the feed's address. */
  readonly slug: string;
  readonly name?: string | undefined;
  readonly family?: Family | undefined;
}

/**
 * @returns what the cabinet is made from: a board has a usual format, and its own name where nobody gave another
 * @throws Refusal `board-unknown`, `cabinet-slug`, `family-unknown`
 */
export function provenCabinet(boards: readonly Board[], { board: id, slug, name, family }: CabinetWish) {
  const board = boards.find((one) => one.id === id);
  if (!board)
    throw new Refusal(
      'board-unknown',
      `Доски «${id.slice(0, 60)}» нет. Есть: ${boards.map((one) => one.id).join(', ')}.`,
      2,
    );
  if (!/^[a-z0-9-]{1,40}$/.test(slug))
    throw new Refusal('cabinet-slug', `Кабинет «${slug.slice(0, 60)}»: только латинские буквы, цифры и дефис.`, 2);
  const wanted = family ?? board.family;
  if (!board.families.includes(wanted))
    throw new Refusal(
      'family-unknown',
      `${board.name} не берёт формат ${wanted}. Можно: ${board.families.join(', ')}.`,
      2,
    );
  return { board: board.id, slug, name: name?.trim() || board.name, family: wanted };
}
