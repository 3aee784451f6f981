import { FIXER_LABELS, ROLES, type Role } from './people.ts';
import type { AgencySettings } from './settings.ts';

/** Who may move a listing from one stage of its deal to another. */

/** Whoever may more, may the lesser things too. */
export const mayAs = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

export type StageRefusal = { readonly code: 'stage-unknown' | 'stage-guarded'; readonly message: string };

/** Does the stage let the listing be advertised? No stage does, unless the agency demands one. */
export function isPermitting(stage: string | null, { stages, requiresStage }: AgencySettings['market']): boolean {
  if (stage === null) return !requiresStage;
  return (stages.find(({ name }) => name === stage)?.effect ?? 'permits') === 'permits';
}

/**
 * Why a person may not move a listing from one stage to another; null when he may.
 * The stage that is left says who may. Where nothing goes out without a stage, only a manager gives the first one
 * that permits: otherwise nobody's consent would be needed.
 * @param to null: no stage any more
 */
export function stageRefusal(
  from: string | null,
  to: string | null,
  market: AgencySettings['market'],
  role: Role,
): StageRefusal | null {
  const { stages, requiresStage } = market;
  // A stage nobody declared would permit: a slip of the pen must not put a listing on the boards.
  if (to !== null && stages.length > 0 && !stages.some(({ name }) => name === to)) {
    const known = stages.map(({ name }) => `«${name}»`).join(', ');
    return { code: 'stage-unknown', message: `Стадии «${to}» в настройках нет. Есть: ${known}.` };
  }
  const own = stages.find(({ name }) => name === from)?.changedBy ?? 'agent';
  const needed: Role = from === null && requiresStage && isPermitting(to, market) ? 'manager' : own;
  if (mayAs(role, needed)) return null;
  const what = from === null ? 'Поставить стадию, которая разрешает рекламу,' : `Снять объект со стадии «${from}»`;
  return { code: 'stage-guarded', message: `${what} может ${FIXER_LABELS[needed]}, а не ${FIXER_LABELS[role]}.` };
}
