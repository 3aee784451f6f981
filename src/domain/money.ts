/**
 * Money is a whole number of kopecks, from the keyboard to the database: no fraction of a rouble is ever computed.
 */

/** The largest sum that one command or price may name, kopecks: far below what a number holds exactly. */
export const KOPECKS_MAX = 1_000_000_000_000;

/**
 * «1 234,50», «1234.5», «1234 ₽», «1234» as kopecks; undefined when it is not a sum of roubles, has more than two
 * digits of kopecks, or is more than `KOPECKS_MAX`. Never negative.
 */
export function readRoubles(text: string): number | undefined {
  const plain = text
    .trim()
    .replace(/(?:₽|руб\.?|р\.)$/i, '')
    .trimEnd();
  const found = /^(\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d+)(?:[.,](\d{1,2}))?$/.exec(plain);
  if (!found) return undefined;
  const digits = found[1]!.replace(/\D/g, '').replace(/^0+(?=\d)/, '');
  // Longer than any sum that is allowed; and so the digits below are exact.
  if (digits.length > 13) return undefined;
  const kopecks = Number(digits + (found[2] ?? '').padEnd(2, '0'));
  return kopecks <= KOPECKS_MAX ? kopecks : undefined;
}

/** «1 234,50 ₽», «50 ₽», «−12,05 ₽». */
export function formatKopecks(kopecks: number): string {
  const [roubles, rest] = partsOf(kopecks);
  const grouped = roubles.replace(/\B(?=(\d{3})+(?!\d))/g, '\u00a0');
  return `${kopecks < 0 ? '−' : ''}${grouped}${rest === '00' ? '' : `,${rest}`}\u00a0₽`;
}

/** «1234.50» for machines and spreadsheets. */
export function plainRoubles(kopecks: number): string {
  const [roubles, rest] = partsOf(kopecks);
  return `${kopecks < 0 ? '-' : ''}${roubles}.${rest}`;
}

function partsOf(kopecks: number): [roubles: string, rest: string] {
  if (!Number.isSafeInteger(kopecks)) throw new Error(`broken invariant: ${kopecks} is not a sum of kopecks`);
  const digits = String(Math.abs(kopecks)).padStart(3, '0');
  return [digits.slice(0, -2), digits.slice(-2)];
}

/**
 * A sum cut in proportion to weights, without losing or making a kopeck: whoever has the largest remainder gets the
 * odd ones, the first of equals. Exact for every safe integer.
 * @param weights whole numbers, none negative; all zero counts as all equal
 */
export function splitKopecks(total: number, weights: readonly number[]): number[] {
  if (weights.length === 0) return [];
  const sum = weights.reduce((all, weight) => all + BigInt(weight), 0n);
  const parts = sum === 0n ? weights.map(() => 1n) : weights.map(BigInt);
  const whole = sum === 0n ? BigInt(weights.length) : sum;
  const size = BigInt(Math.abs(total));
  const shares = parts.map((part) => ({ share: (size * part) / whole, rest: (size * part) % whole }));
  let left = Number(size - shares.reduce((all, { share }) => all + share, 0n));
  const byRest = shares.map((_, index) => index).sort((a, b) => Number(shares[b]!.rest - shares[a]!.rest) || a - b);
  const result = shares.map(({ share }) => Number(share));
  for (const index of byRest) {
    if (left-- <= 0) break;
    result[index]!++;
  }
  return total < 0 ? result.map((share) => (share === 0 ? 0 : -share)) : result;
}
