import type { ErrorObject } from 'ajv';
import { Refusal } from '../domain/fault.ts';
import { faultsOf, type TariffTerms, TariffTermsSchema } from '../domain/tariff.ts';
import { inRussian, proofOf } from './check.ts';
import type { PromotionLevel } from './promotion.ts';

/** Tariffs as people write them, proved. */

/** A paid level of a board, as far as a tariff goes. */
export type SoldLevel = Pick<PromotionLevel, 'code' | 'days'>;

const proveShape = proofOf(TariffTermsSchema, { allErrors: true });

/** Of a long broken file the first faults are told. */
const FAULTS_MAX = 20;

/**
 * A tariff as a person wrote it. `excess` and `promotion` may be left out: nothing is sold over the package, nothing is
 * promoted.
 * @param input the parsed JSON, sums in kopecks
 * @param levels paid levels of the board; of a board whose levels we do not know any may stand in a tariff
 * @throws Refusal `tariff-wrong`, whose message names every fault and its place
 */
export function readTariff(input: unknown, levels: readonly SoldLevel[]): TariffTerms {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw wrong(['нужен один тариф в фигурных скобках']);
  const whole: unknown = { excess: null, promotion: [], ...input };
  if (!proveShape(whole)) throw wrong(shapeFaults(proveShape.errors ?? []));
  const terms = whole as TariffTerms;
  const faults = [...faultsOf(terms), ...promotionFaults(terms.promotion, levels)];
  if (faults.length > 0) throw wrong(faults);
  return terms;
}

function promotionFaults(promotion: TariffTerms['promotion'], levels: readonly SoldLevel[]): string[] {
  if (levels.length === 0) return [];
  return promotion.flatMap(({ level, days }) => {
    const known = levels.find(({ code }) => code === level);
    if (!known) return [`Продвижения «${level}» у доски нет. Можно: ${levels.map(({ code }) => code).join(', ')}.`];
    if (known.days === null || known.days === days) return [];
    return [`Продвижение «${level}» у доски длится ${known.days} дн., а не ${days}.`];
  });
}

function shapeFaults(errors: readonly ErrorObject[]): string[] {
  // Of a list that may be missing, ajv also says that it is not null.
  const isEcho = ({ keyword, params }: ErrorObject) =>
    keyword === 'anyOf' || (keyword === 'type' && (params as { type: string }).type === 'null');
  return errors
    .filter((error) => !isEcho(error))
    .map((error) => `${error.instancePath === '' ? '' : `${error.instancePath}: `}${inRussian(error)}`);
}

function wrong(faults: readonly string[]): Refusal {
  const told = faults.slice(0, FAULTS_MAX).map((fault) => `— ${fault}`);
  const rest = faults.length > FAULTS_MAX ? ['— …'] : [];
  return new Refusal('tariff-wrong', [`Тариф не принят, замечаний: ${faults.length}.`, ...told, ...rest].join('\n'), 2);
}
