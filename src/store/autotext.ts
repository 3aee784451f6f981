import { writeText } from '../domain/autotext.ts';
import { type Corrections, canonicalJson, effective } from '../domain/corrections.ts';
import { factsOf } from '../domain/facts.ts';
import { Refusal } from '../domain/fault.ts';
import type { Listing } from '../domain/listing.ts';
import type { Database } from './database.ts';
import { hashOf } from './hash.ts';
import { saveCorrections } from './marks.ts';
import { agencyFrame } from './settings.ts';

/**
 * Descriptions from templates, laid over the source as corrections. A text is written once: a later price, a new
 * template or another run leave it as it is, or every price change would break an approval.
 */

/** The author of our texts. */
export const AUTOTEXT = 'Автотекст';
const FIELD = 'description';
const BATCH = 200;
/** Longer than any description that says nothing (`<p>&nbsp;</p>`), so that full texts are not fetched to be looked at. */
const EMPTY_CHARS_MAX = 60;

interface Row {
  readonly id: number;
  readonly values: Listing;
  readonly source: Listing;
  readonly corrections: Corrections;
  readonly hash: string;
}

const isEmpty = (listing: Listing) => factsOf(listing).descriptionChars === 0;

/** The source has brought a text of its own since ours was written: the agent's words win, unlike over a person's correction. */
function isOutdone({ corrections, source }: Pick<Row, 'corrections' | 'source'>): boolean {
  const ours = corrections[FIELD];
  return (
    ours?.by === AUTOTEXT && !isEmpty(source) && canonicalJson(source.description ?? null) !== canonicalJson(ours.basis)
  );
}

export interface FillCounts {
  readonly written: number;
  /** Texts of ours that gave way to the source's own. */
  readonly dropped: number;
}

/**
 * Writes descriptions where there are none, and takes ours away where the source has brought its own. Freshness stays
 * as it is. A description that a person has emptied stays empty; listings that left the source are not touched.
 * @param listingIds all listings of the agency when absent
 */
export async function fillEmptyDescriptions(
  db: Database,
  agencyId: number,
  listingIds: readonly number[] | undefined,
  now: Date,
): Promise<FillCounts> {
  const { texts } = (await agencyFrame(db, agencyId)).settings;
  const counts = { written: 0, dropped: 0 };
  for (let after = 0; ; ) {
    const found = await db.pool.query<Row>(
      `select id, values, source_values as source, corrections, values_hash as hash from listing
       where agency_id = $1 and id > $2 and ($3::bigint[] is null or id = any($3)) and gone_at is null
         and (coalesce(length(values->>'description'), 0) <= $4 and not corrections ? 'description'
           or corrections->'description'->>'by' = $5 and source_values ? 'description')
       order by id limit $6`,
      [agencyId, after, listingIds ?? null, EMPTY_CHARS_MAX, AUTOTEXT, BATCH],
    );
    for (const row of found.rows) {
      if (isOutdone(row)) {
        const { [FIELD]: _ours, ...corrections } = row.corrections;
        if (await save(db, agencyId, row, corrections, AUTOTEXT, now)) counts.dropped++;
      } else if (texts.fillsEmpty && row.corrections[FIELD] === undefined && isEmpty(row.values)) {
        const { text } = writeText(row.values, texts);
        if (text !== '' && (await save(db, agencyId, row, withText(row, text, now), AUTOTEXT, now))) counts.written++;
      }
    }
    if (found.rows.length < BATCH) return counts;
    after = found.rows.at(-1)!.id;
  }
}

/**
 * Writes a listing's description anew, at a person's request.
 * @param isForced over a description that is not ours as well; ours then lies over it until the source brings another
 * @returns the text; `isNew` false when it is what stands there already
 * @throws Refusal `text-not-ours`, `text-empty`, `stale`
 */
export async function rewriteDescription(
  db: Database,
  agencyId: number,
  listingId: number,
  by: string,
  now: Date,
  isForced = false,
): Promise<{ readonly text: string; readonly isNew: boolean }> {
  const { texts } = (await agencyFrame(db, agencyId)).settings;
  const found = await db.pool.query<Row>(
    `select id, values, source_values as source, corrections, values_hash as hash from listing
     where agency_id = $1 and id = $2`,
    [agencyId, listingId],
  );
  const row = found.rows[0]!;
  const author = row.corrections[FIELD]?.by;
  if (!isForced && author !== AUTOTEXT && (author !== undefined || !isEmpty(row.values))) {
    const whose = author === undefined ? 'оно пришло из источника' : `его исправил ${author}`;
    throw new Refusal(
      'text-not-ours',
      `Описание объекта ${listingId} — не автотекст: ${whose}. Заменить всё равно: texts rewrite … --force.`,
    );
  }
  const { text } = writeText(row.values, texts);
  if (text === '') throw new Refusal('text-empty', 'По этому шаблону у объекта нечего написать.');
  if (text === row.values.description) return { text, isNew: false };
  if (!(await save(db, agencyId, row, withText(row, text, now), by, now)))
    throw new Refusal('stale', `Объект ${listingId} только что изменился. Повторите.`);
  return { text, isNew: true };
}

function withText({ corrections, source }: Row, value: string, now: Date): Corrections {
  return {
    ...corrections,
    [FIELD]: { value, basis: source.description ?? null, by: AUTOTEXT, at: now.toISOString() },
  };
}

/** False when somebody changed the listing in between: then the next pass sees to it. */
function save(
  db: Database,
  agencyId: number,
  row: Row,
  corrections: Corrections,
  by: string,
  now: Date,
): Promise<boolean> {
  const values = effective(row.source, corrections);
  const next = { corrections, values, valuesHash: hashOf(values), wasHash: row.hash };
  return saveCorrections(db, { agencyId, id: row.id }, next, now, { by, isOurOwn: true });
}
