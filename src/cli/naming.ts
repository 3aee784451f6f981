import { Refusal } from '../domain/fault.ts';
import type { Role } from '../domain/people.ts';
import { type Deed, leastFor, may, mayDo, refusalFor, whoMay } from '../domain/rights.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { callerById, type Giver } from '../store/access.ts';
import { type EmployeeRow, listEmployees } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { rejectionOf } from '../store/intake.ts';
import { findListings, type ListingRow } from '../store/marks.ts';
import { EXIT } from './exit.ts';

/** Listings, people and whatever else bears a name, as they are called on the command line. */

export const DEFAULT_CABINET = 'main';

export const objects = (count: number) => `${formatNumber(count)} ${agree(count, 'объект', 'объекта', 'объектов')}`;

/** «Объект 7 не загружен …» with the line of the file and all the reasons. */
export function rejectionSentence(rejection: NonNullable<Awaited<ReturnType<typeof rejectionOf>>>): string {
  const { externalId, source, line, reasons } = rejection;
  return `Объект «${externalId}» не загружен из последнего файла источника «${source}» (строка ${line}): ${reasons.join(' ')}`;
}

/** Our own number of a listing, told apart from the source's. */
export const ours = (id: number) => `#${id}`;

/**
 * The listing a person means: `#12` is our number; a bare one is the source's, or ours where no other listing has it.
 * @throws Refusal when there is none, or several could be meant
 */
export async function oneListing(db: Database, agencyId: number, name: string): Promise<ListingRow> {
  const own = /^#(\d+)$/.exec(name)?.[1];
  const found = await findListings(db, agencyId, own ?? name);
  const meant = own === undefined ? found : found.filter((row) => row.id === Number(own));
  if (meant.length > 1) {
    const all = meant.map((row) => `${ours(row.id)} (в источнике ${row.externalId})`).join(', ');
    throw new Refusal(
      'listing-ambiguous',
      `Под номером «${name.slice(0, 60)}» есть несколько объектов: ${all}. Назовите нужный с решёткой.`,
      EXIT.usage,
    );
  }
  if (!meant[0]) {
    const rejection = await rejectionOf(db, agencyId, name);
    if (rejection) throw new Refusal('listing-rejected', rejectionSentence(rejection), EXIT.refused);
  }
  if (!meant[0]) throw new Refusal('listing-unknown', `Объекта «${name.slice(0, 60)}» нет.`, EXIT.usage);
  return meant[0];
}

/** Who gives the command. Without a name it is whoever has the keys to the machine. */
export interface Actor {
  readonly employeeId: number | null;
  readonly name: string;
  readonly role: Role;
  readonly consentLeast?: Role;
}

/**
 * The employee a person means by `--by` (as `oneEmployee` reads it), who may do what the command does.
 * @throws Refusal `employee-unknown`, `employee-ambiguous`, `not-allowed`
 */
export async function actorOf(db: Database, agencyId: number, name: string | undefined, deed: Deed): Promise<Actor> {
  if (name === undefined) return { employeeId: null, name: 'командная строка', role: 'admin' };
  const found = await oneEmployee(db, agencyId, name);
  const person = (await callerById(db.pool, agencyId, found.id))!;
  if (!mayDo(person, deed, 'anywhere')) throw new Refusal('not-allowed', refusalFor(person, deed), EXIT.refused);
  const consentLeast = leastFor('stage-consent', person.least);
  return { employeeId: found.id, name: found.name, role: person.role, consentLeast };
}

/** What the actor may, for what asks how far the rights reach. */
export const giverOf = async (db: Database, agencyId: number, { employeeId, name }: Actor): Promise<Giver> => ({
  name,
  person: employeeId === null ? null : (await callerById(db.pool, agencyId, employeeId))!,
});

/** @throws Refusal `not-allowed` that names who may */
export function proveMay({ role }: Actor, deed: Deed): void {
  if (!may(role, deed)) throw new Refusal('not-allowed', whoMay(deed, role), EXIT.refused);
}

/**
 * The working employee a person means: by the whole name, the e-mail, `#5` or `5`; else by the surname or other words
 * of the name that only one person bears.
 * @throws Refusal `employee-unknown` with the likely ones, `employee-ambiguous` with the list
 */
export async function oneEmployee(db: Database, agencyId: number, name: string): Promise<EmployeeRow> {
  const all = await listEmployees(db, agencyId);
  const told = ({ id, name }: EmployeeRow) => `${ours(id)} ${name}`;
  const found = meantBy(all, name, namesOfPerson);
  if (found.length > 1) {
    throw new Refusal(
      'employee-ambiguous',
      `«${shown(name)}» — это несколько сотрудников: ${listed(found.map(told))}. Назовите номер.`,
      EXIT.usage,
    );
  }
  if (found[0]) return found[0];
  const maybe = likely(all, name, ({ name }) => [name]).map(told);
  throw new Refusal(
    'employee-unknown',
    maybe.length === 0
      ? `Сотрудника «${shown(name)}» нет: employees list.`
      : `Сотрудника «${shown(name)}» нет. Может быть, ${maybe.join(', ')}? Все: employees list.`,
    EXIT.usage,
  );
}

export const namesOfPerson = ({ name, email }: Pick<EmployeeRow, 'name' | 'email'>): string[] =>
  email === null ? [name] : [name, email];

/** What somebody has typed, as a message repeats it. */
export const shown = (typed: string): string => typed.trim().slice(0, 60);

const LISTED_MAX = 10;

/** «Ирина, Олег и ещё 5» */
export function listed(names: readonly string[]): string {
  const rest = names.length - LISTED_MAX;
  return `${names.slice(0, LISTED_MAX).join(', ')}${rest > 0 ? ` и ещё ${formatNumber(rest)}` : ''}`;
}

/** Letters of one case, ё is е, blanks are one. */
const plain = (text: string) => text.trim().toLocaleLowerCase('ru').replaceAll('ё', 'е').replace(/\s+/g, ' ');

/** The same name, whatever the case. */
const isSameName = (one: string, other: string): boolean => plain(one) === plain(other);

const wordsOf = (text: string): string[] => plain(text).match(/[\p{L}\p{N}]+/gu) ?? [];

/** The ways to mean a name in whole, the strictest first. */
const wholly = <T>(name: string, namesOf: (one: T) => readonly string[]): readonly ((one: T) => boolean)[] => [
  (one) => namesOf(one).includes(name),
  (one) => namesOf(one).some((known) => isSameName(known, name)),
];

const partly =
  <T>(name: string, namesOf: (one: T) => readonly string[]) =>
  (one: T) =>
    namesOf(one).some((known) => !known.includes('@') && hasWords(wordsOf(known), wordsOf(name)));

/** Those of the first way that finds any. */
function firstFound<T>(all: readonly T[], ways: readonly ((one: T) => boolean)[]): readonly T[] {
  for (const isMeant of ways) {
    const found = all.filter(isMeant);
    if (found.length > 0) return found;
  }
  return [];
}

/** 12 of «#12»; undefined: not a number of ours. */
const ownNumber = (name: string): number | undefined => {
  const number = /^#(\d{1,15})$/.exec(name)?.[1];
  return number === undefined ? undefined : Number(number);
};

/**
 * Those that a person means by a name, the one law for whatever bears one: the number (`#5`, `5`); else the name in
 * whole, as it is written; else without regard to case and ё; else by words of it, «Соколова» of «Ирина Соколова».
 * Of an e-mail no part is enough. Several are the caller's to refuse: which of them is never guessed.
 * Units have names like «1» and a law of their own: `unitMeant`.
 * @param namesOf all the names that one has
 */
export function meantBy<T extends { readonly id: number | string }>(
  all: readonly T[],
  typed: string,
  namesOf: (one: T) => readonly string[],
): readonly T[] {
  const name = typed.trim();
  const own = ownNumber(name);
  if (own !== undefined) return all.filter(({ id }) => id === own);
  const isNumber = /^\d{1,15}$/.test(name);
  return firstFound(all, [
    ...(isNumber ? [({ id }: T) => id === Number(name)] : []),
    ...wholly(name, namesOf),
    partly(name, namesOf),
  ]);
}

interface Unit {
  readonly id: number;
  readonly name: string;
}

/** What may stand before the name of a unit and be no part of it. */
export type UnitTitle = 'филиал' | 'отдел';

const untitled = (name: string, title: UnitTitle | undefined): string =>
  title !== undefined && plain(name).startsWith(`${title} `) ? name.slice(title.length).trim() : name;

/**
 * `meantBy` of branches, departments and groups: `#5` is the number, and a bare 5 is only a name, «5» or «Офис 5».
 * «филиал Юг» is the branch that is called so, else «Юг».
 */
export function unitMeant<T extends Unit>(all: readonly T[], typed: string, title?: UnitTitle): readonly T[] {
  const found = unitInWhole(all, typed, title);
  const bare = untitled(typed.trim(), title);
  if (found.length > 0 || ownNumber(bare) !== undefined) return found;
  return all.filter(partly(bare, ({ name }) => [name]));
}

/** The same without parts of a name: for what is made when it is not there. */
export function unitInWhole<T extends Unit>(all: readonly T[], typed: string, title?: UnitTitle): readonly T[] {
  const name = typed.trim();
  const bare = untitled(name, title);
  const own = ownNumber(bare);
  if (own !== undefined) return all.filter(({ id }) => id === own);
  const asCalled = (one: T) => [one.name];
  return firstFound(all, [
    ...wholly(name, asCalled),
    ...wholly(bare, asCalled),
    ...wholly(bare, (one: T) => [untitled(one.name.trim(), title)]),
  ]);
}

const hasWords = (known: readonly string[], wanted: readonly string[]) =>
  wanted.length > 0 && wanted.every((word) => known.includes(word));

const LIKELY_MAX = 3;

/** The few that a name nobody bears may be a slip of the pen for, the likeliest first. */
export function likely<T>(
  all: readonly T[],
  typed: string,
  namesOf: (one: T) => readonly string[],
  most = LIKELY_MAX,
): readonly T[] {
  const wanted = wordsOf(typed);
  const rated = all.flatMap((one) => {
    const known = namesOf(one).flatMap(wordsOf);
    const slips = wanted.flatMap((word) => known.map((other) => slipOf(word, other)));
    const least = Math.min(...slips);
    return Number.isFinite(least) ? [{ one, least }] : [];
  });
  return rated
    .sort((a, b) => a.least - b.least)
    .slice(0, most)
    .map(({ one }) => one);
}

/** How many letters a word is away from a known one; Infinity: too many to be a slip. */
function slipOf(word: string, known: string): number {
  if (word.length >= 3 && known.startsWith(word)) return 1;
  const most = Math.min(word.length, known.length) > 4 ? 2 : 1;
  if (word.length < 3 || Math.abs(word.length - known.length) > most) return Number.POSITIVE_INFINITY;
  // Row by row: the least of changed, added and left out letters.
  let row = Array.from({ length: known.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...word].entries()) {
    const next = [at + 1];
    for (const [to, other] of [...known].entries())
      next.push(Math.min(row[to]! + (letter === other ? 0 : 1), row[to + 1]! + 1, next[to]! + 1));
    row = next;
  }
  const slips = row.at(-1)!;
  return slips <= most ? slips : Number.POSITIVE_INFINITY;
}
