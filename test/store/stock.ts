/** An agency with listings, put straight into the tables: for tests of what people do to listings that are there. */
import type { Listing } from '../../src/domain/listing.ts';
import type { AgencySettings } from '../../src/domain/settings.ts';
import { ensureCabinet, resolveAgency } from '../../src/store/agencies.ts';
import type { Database } from '../../src/store/database.ts';

export interface Stock {
  readonly agencyId: number;
  /** A cabinet of the board, made when first asked for. */
  cabinet(board?: string, slug?: string): Promise<number>;
  /** Our numbers of new listings, in the order given. */
  listings(
    rows: readonly (Partial<Listing> & { freshAt?: Date; branchId?: number; source?: string })[],
  ): Promise<number[]>;
  listing(id: number): Promise<Record<string, unknown>>;
  marks(cabinetId: number): Promise<Record<string, unknown>[]>;
  /** Actions of the journal in their order, with who and about which listing. */
  deeds(): Promise<{ action: string; by: string; listingId: number | null; facts: Record<string, unknown> }[]>;
  /** Open messages in the order of their keys. */
  messages(): Promise<{ key: string; text: string; employeeId: number | null; role: string | null }[]>;
  dueAt(cabinetId: number): Promise<Date | null>;
  notDue(): Promise<void>;
}

let counter = 0;

export async function stock(db: Database, settings: Partial<AgencySettings> = {}, at = new Date(0)): Promise<Stock> {
  const { id: agencyId } = await resolveAgency(db, `Агентство ${++counter}`, true);
  const rows = async <T>(sql: string, values: unknown[] = []) => (await db.pool.query(sql, values)).rows as T[];
  await rows('update agency set settings = $2 where id = $1', [agencyId, JSON.stringify(settings)]);
  return {
    agencyId,
    cabinet: (board = 'avito', slug = 'main') =>
      ensureCabinet(db, agencyId, { board, slug, name: board, family: 'yandex' }),
    async listings(wanted) {
      const ids: number[] = [];
      for (const { freshAt = at, branchId = null, source = 'crm', ...given } of wanted) {
        const values = { externalId: `L${++counter}`, kind: 'flat', deal: 'sale', ...given };
        const [of] = await rows<{ id: number }>(
          'insert into source (agency_id, name) values ($1, $2) on conflict (agency_id, name) do update set name = excluded.name returning id',
          [agencyId, source],
        );
        const [made] = await rows<{ id: number }>(
          `insert into listing (agency_id, source_id, external_id, branch_id, source_values, source_hash, values, values_hash, first_seen_at, changed_at, fresh_at)
           values ($1, $2, $3, $4, $5, 'h', $5, 'h', $6, $6, $6) returning id`,
          [agencyId, of!.id, values.externalId, branchId, JSON.stringify(values), freshAt],
        );
        ids.push(made!.id);
      }
      return ids;
    },
    listing: async (id) =>
      (
        await rows<Record<string, unknown>>('select * from listing where agency_id = $1 and id = $2', [agencyId, id])
      )[0]!,
    marks: (cabinetId) =>
      rows('select * from mark where agency_id = $1 and cabinet_id = $2 order by listing_id', [agencyId, cabinetId]),
    deeds: () =>
      rows('select action, by, listing_id as "listingId", facts from journal where agency_id = $1 order by id', [
        agencyId,
      ]),
    messages: () =>
      rows(
        'select key, text, employee_id as "employeeId", role from message where agency_id = $1 and done_at is null order by key',
        [agencyId],
      ),
    dueAt: async (cabinetId) =>
      (await rows<{ at: Date | null }>('select due_at as at from cabinet where id = $1', [cabinetId]))[0]!.at,
    notDue: async () => void (await rows('update cabinet set due_at = null where agency_id = $1', [agencyId])),
  };
}
