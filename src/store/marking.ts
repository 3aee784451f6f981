import { Refusal } from '../domain/fault.ts';
import { conditionFault, fits, type MarkingCondition, type MarkingFacts } from '../domain/marking.ts';
import { CABINET_DEFAULTS, type CabinetSettings, settled } from '../domain/settings.ts';
import { type Database, transaction } from './database.ts';
import { record } from './journal.ts';
import { markListings } from './marks.ts';

/** Marks that nobody makes by hand: the agency's rules, and cabinets that take every new listing. */

export interface MarkingRule {
  readonly name: string;
  readonly when: MarkingCondition;
  readonly cabinetIds: readonly number[];
  /** How long a mark of this rule stays; null: by the agency's settings. */
  readonly termDays: number | null;
  readonly isActive: boolean;
}

export interface MarkingRuleRow extends MarkingRule {
  readonly id: number;
}

/** The agency's rules in the order in which they were made: the first that fits decides the term. */
export async function listMarkingRules(db: Database, agencyId: number): Promise<MarkingRuleRow[]> {
  const found = await db.pool.query<MarkingRuleRow>(
    `select id, name, "when", cabinet_ids as "cabinetIds", term_days as "termDays", is_active as "isActive"
     from marking_rule where agency_id = $1 order by id`,
    [agencyId],
  );
  return found.rows;
}

/**
 * Makes a rule, or changes the one of that name. It marks nothing by itself: see {@link applyMarkingRules}.
 * @param expect throws when the one that lies there is not what the person has seen
 * @throws Refusal `rule-condition`, `cabinet-unknown`
 */
export async function saveMarkingRule(
  db: Database,
  agencyId: number,
  rule: MarkingRule,
  actor: { readonly name: string },
  now: Date,
  expect?: (known: MarkingRule | undefined) => void,
): Promise<number> {
  const fault = conditionFault(rule.when);
  if (fault) throw new Refusal('rule-condition', fault, 2);
  return transaction(db, async (client) => {
    const known = await client.query('select 1 from cabinet where agency_id = $1 and id = any($2)', [
      agencyId,
      rule.cabinetIds,
    ]);
    if (known.rows.length === 0 || known.rows.length !== new Set(rule.cabinetIds).size)
      throw new Refusal('cabinet-unknown', 'Назовите кабинеты этого агентства, для которых отмечает правило.', 2);
    const was = await client.query<MarkingRule>(
      `select name, "when", cabinet_ids as "cabinetIds", term_days as "termDays", is_active as "isActive"
       from marking_rule where agency_id = $1 and name = $2 for update`,
      [agencyId, rule.name],
    );
    expect?.(was.rows[0]);
    const saved = await client.query<{ id: number }>(
      `insert into marking_rule (agency_id, name, "when", cabinet_ids, term_days, is_active) values ($1, $2, $3, $4, $5, $6)
       on conflict (agency_id, name) do update set "when" = excluded."when", cabinet_ids = excluded.cabinet_ids,
         term_days = excluded.term_days, is_active = excluded.is_active returning id`,
      [agencyId, rule.name, JSON.stringify(rule.when), rule.cabinetIds, rule.termDays, rule.isActive],
    );
    await record(client, agencyId, { by: actor.name, action: 'marking-rule-saved', facts: { ...rule } }, now);
    return saved.rows[0]!.id;
  });
}

/** Takes a rule away; what it has marked stays marked. @throws Refusal `rule-unknown` */
export async function removeMarkingRule(
  db: Database,
  agencyId: number,
  name: string,
  actor: { readonly name: string },
  now: Date,
): Promise<void> {
  await transaction(db, async (client) => {
    const gone = await client.query('delete from marking_rule where agency_id = $1 and name = $2', [agencyId, name]);
    if (gone.rowCount === 0) throw new Refusal('rule-unknown', `Правила отметки «${name.slice(0, 100)}» нет.`, 2);
    await record(client, agencyId, { by: actor.name, action: 'marking-rule-removed', facts: { name } }, now);
  });
}

interface Candidate extends MarkingFacts {
  readonly id: number;
  /** Cabinets in which it has a mark row, live or not. */
  readonly marked: readonly number[];
}

/** Listings that are to be marked alike: one cabinet, one origin, one term. */
export interface WantedMarks {
  readonly cabinetId: number;
  /** null: of a cabinet that takes every new listing. */
  readonly rule: MarkingRule | null;
  readonly ids: number[];
}

/**
 * What the rules and the cabinets with `marksByDefault` ask for. Only listings on the market without any mark row in
 * that cabinet: what a person took off stays off. Never those that must not be advertised.
 * @param listingIds all listings of the agency when absent
 * @param instead rules to be tried in place of those there are
 */
export async function wantedMarks(
  db: Database,
  agencyId: number,
  listingIds: readonly number[] | undefined,
  instead?: readonly MarkingRule[],
): Promise<WantedMarks[]> {
  const rules = (instead ?? (await listMarkingRules(db, agencyId))).filter(({ isActive }) => isActive);
  const cabinets = await db.pool.query<{ id: number; branchId: number | null; own: Partial<CabinetSettings> }>(
    'select id, branch_id as "branchId", settings as own from cabinet where agency_id = $1 order by id',
    [agencyId],
  );
  const byDefault = cabinets.rows.filter(({ own }) => settled(CABINET_DEFAULTS, own).marksByDefault);
  const concerned = [...new Set([...rules.flatMap(({ cabinetIds }) => cabinetIds), ...byDefault.map(({ id }) => id)])];
  if (concerned.length === 0) return [];

  const groups = new Map<string, WantedMarks>();
  const want = (cabinetId: number, rule: MarkingRule | null, id: number) => {
    const key = `${cabinetId} ${rule?.name ?? ''}`;
    const group = groups.get(key) ?? { cabinetId, rule, ids: [] };
    groups.set(key, group);
    group.ids.push(id);
  };
  for (const row of await candidates(db, agencyId, concerned, listingIds)) {
    const taken = new Set(row.marked);
    for (const rule of rules) {
      if (!fits(rule.when, row)) continue;
      for (const cabinetId of rule.cabinetIds) {
        if (taken.has(cabinetId)) continue;
        taken.add(cabinetId);
        want(cabinetId, rule, row.id);
      }
    }
    // A branch's cabinet takes the branch's listings.
    for (const { id, branchId } of byDefault) {
      if (!taken.has(id) && (branchId === null || branchId === row.branchId)) want(id, null, row.id);
    }
  }
  return [...groups.values()];
}

/**
 * Marks what the rules and the cabinets that take every new listing ask for.
 * @param listingIds all listings of the agency when absent
 * @returns how many marks were made, by cabinet
 */
export async function applyMarkingRules(
  db: Database,
  agencyId: number,
  listingIds: readonly number[] | undefined,
  now: Date,
): Promise<Map<number, number>> {
  const made = new Map<number, number>();
  for (const { cabinetId, rule, ids } of await wantedMarks(db, agencyId, listingIds)) {
    const { marked } = await markListings(db, agencyId, cabinetId, ids, now, {
      origin: rule ? 'rule' : 'default',
      by: rule ? `правило «${rule.name}»` : 'отметка по умолчанию',
      ...(rule?.termDays && { term: { days: rule.termDays } }),
    });
    made.set(cabinetId, (made.get(cabinetId) ?? 0) + marked);
  }
  return made;
}

/** Listings on the market that lack a mark row in at least one of the cabinets. */
async function candidates(
  db: Database,
  agencyId: number,
  cabinetIds: readonly number[],
  listingIds: readonly number[] | undefined,
): Promise<Candidate[]> {
  const found = await db.pool.query<Candidate>(
    `select l.id, l.kind, l.deal, l.branch_id as "branchId", (l.values->>'priceKopecks')::bigint as "priceKopecks", m.marked
     from listing l cross join lateral (
       select coalesce(array_agg(m.cabinet_id), '{}') as marked from mark m
       where m.agency_id = l.agency_id and m.listing_id = l.id and m.cabinet_id = any($2)) as m
     where l.agency_id = $1 and ($3::bigint[] is null or l.id = any($3))
       and l.gone_at is null and l.status in ('active', 'reserved') and l.forbidden_reason is null
       and cardinality(m.marked) < cardinality($2::bigint[])
     order by l.id`,
    [agencyId, cabinetIds, listingIds ?? null],
  );
  return found.rows;
}
