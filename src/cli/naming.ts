import { Refusal } from '../domain/fault.ts';
import type { Role } from '../domain/people.ts';
import { type Deed, leastFor, may, mayDo, refusalFor, whoMay } from '../domain/rights.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { callerById, type Giver } from '../store/access.ts';
import { findEmployees } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { rejectionOf } from '../store/intake.ts';
import { findListings, type ListingRow } from '../store/marks.ts';
import { EXIT } from './exit.ts';

/** What several commands ask of a listing's name. */

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
 * The employee a person means by `--by` (a name, an e-mail, or `#5`), who may do what the command does.
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

/** @throws Refusal `employee-unknown`, `employee-ambiguous` */
export async function oneEmployee(db: Database, agencyId: number, name: string) {
  const found = await findEmployees(db, agencyId, name);
  if (found.length > 1) {
    const all = found.map((person) => `#${person.id} ${person.name}`).join(', ');
    throw new Refusal(
      'employee-ambiguous',
      `«${name}» — это несколько сотрудников: ${all}. Назовите номер.`,
      EXIT.usage,
    );
  }
  if (!found[0])
    throw new Refusal('employee-unknown', `Сотрудника «${name.slice(0, 60)}» нет: employees list.`, EXIT.usage);
  return found[0];
}
