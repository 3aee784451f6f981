import { type AudienceMapping, audienceMappingFaults, readAudience } from '../domain/audience.ts';
import { Refusal } from '../domain/fault.ts';
import { type AudienceItem, type LoadedAudience, loadAudience } from '../store/audience.ts';
import type { Database } from '../store/database.ts';
import { packageFrame } from '../store/rotation.ts';
import { type BadRow, openTable, type TableOptions } from './board-report.ts';

/** Reads views and calls from a file of a board or of the telephony, CSV or JSON, and loads them. */

export interface GivenAudience extends Pick<TableOptions, 'encoding' | 'delimiter'> {
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly mapping: AudienceMapping;
  readonly isTrial?: boolean;
  /** Told now and then how many rows were read. */
  readonly onRows?: (count: number) => void;
}

export interface TakenAudience extends LoadedAudience {
  readonly format: 'csv' | 'json';
  readonly rows: number;
  /** Rows that were not understood: the first ones, and how many. */
  readonly bad: readonly BadRow[];
  readonly badRows: number;
}

const USAGE = 2;
const BAD_KEPT = 1000;

/**
 * Whatever is wrong with a row is told with its line and stops no other.
 * @throws Refusal `report-mapping` and those of `openTable`
 */
export async function takeAudience(
  db: Database,
  cabinet: { readonly agencyId: number; readonly id: number },
  { bytes, mapping, encoding, delimiter, onRows, ...given }: GivenAudience,
  by: { readonly name: string },
  now: Date,
): Promise<TakenAudience> {
  const faults = audienceMappingFaults(mapping);
  if (faults.length > 0) throw new Refusal('report-mapping', faults.join(' '), USAGE);
  const { zone, today } = await packageFrame(db, cabinet, now);
  const columns = [...new Set(Object.values(mapping.columns))];
  const { reading } = await openTable(bytes, { columns, rows: mapping.rows, encoding, delimiter });
  const bad: BadRow[] = [];
  let [rows, badRows] = [0, 0];
  async function* items(): AsyncGenerator<AudienceItem, void> {
    for await (const { line, cells, problem } of reading.rows) {
      if (++rows % 5000 === 0) onRows?.(rows);
      const told =
        problem === undefined
          ? readAudience((column) => cells.get(column) ?? '', mapping, { zone, lastDay: today })
          : { reasons: [problem] };
      if ('row' in told) yield { line, row: told.row };
      else {
        badRows++;
        if (bad.length < BAD_KEPT) bad.push({ line, ...told });
      }
    }
  }
  const loaded = await loadAudience(db, cabinet, { ...given, items: items() }, by, now);
  return { ...loaded, format: reading.format, rows, bad, badRows };
}
