import type { Role } from './people.ts';
import { DEEDS, mayAs, notYou } from './rights.ts';
import type { AgencySettings } from './settings.ts';

/** Who may move a listing from one stage of its deal to another. */

export type StageRefusal = { readonly code: 'stage-unknown' | 'stage-guarded'; readonly message: string };

/** Does the stage let the listing be advertised? No stage does, unless the agency demands one. */
export function isPermitting(stage: string | null, { stages, requiresStage }: AgencySettings['market']): boolean {
  if (stage === null) return !requiresStage;
  return (stages.find(({ name }) => name === stage)?.effect ?? 'permits') === 'permits';
}

/**
 * Why a person may not move a listing from one stage to another; null when he may.
 * The stage that is left says who may. Where nothing goes out without a stage, to bring a listing to one that permits
 * needs consent too, whatever it comes from: otherwise a detour by another stage would do without it.
 * @param to null: no stage any more
 */
export function stageRefusal(
  from: string | null,
  to: string | null,
  market: AgencySettings['market'],
  role: Role,
  consentLeast: Role = DEEDS['stage-consent'].least,
): StageRefusal | null {
  const { stages, requiresStage } = market;
  // A stage nobody declared would permit: a slip of the pen must not put a listing on the boards.
  if (to !== null && stages.length > 0 && !stages.some(({ name }) => name === to)) {
    const known = stages.map(({ name }) => `«${name}»`).join(', ');
    return { code: 'stage-unknown', message: `Стадии «${to}» в настройках нет. Есть: ${known}.` };
  }
  const own = stages.find(({ name }) => name === from)?.changedBy ?? 'agent';
  const guarded = (what: string, least: Role): StageRefusal => ({
    code: 'stage-guarded',
    message: `${what} ${notYou(least, role)}`,
  });
  if (!mayAs(role, own)) return guarded(`Снять объект со стадии «${from}»`, own);
  const isConsent = requiresStage && isPermitting(to, market) && !isPermitting(from, market);
  return isConsent && !mayAs(role, consentLeast) ? guarded(DEEDS['stage-consent'].told, consentLeast) : null;
}
