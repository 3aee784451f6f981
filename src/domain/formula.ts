/**
 * The agency's own formulas over numbers of a listing: `round(priceKopecks / 100 / areaM2)`.
 *
 * Why no library: the law imports none, and what is asked for is four signs, brackets and three functions. The known
 * ones bring more than that: mathjs is a system of its own with matrices, units and assignments to be forbidden one by
 * one; expr-eval calls functions of the object it is given, ran foreign code because of it (CVE-2025-12735) and is no
 * longer kept. A grammar that has no members, no strings, no assignment and no calls but three cannot be led astray.
 */

/** null: not computed. */
type Value = number | null;
type Term = (valueOf: (name: string) => Value) => Value;

export interface Formula {
  /** Names it refers to, each once. */
  readonly names: readonly string[];
  /** Never NaN and never infinite: what has no value, or divides by nothing, is null. */
  readonly compute: Term;
}

export const FORMULA_CHARS_MAX = 500;
export const FORMULA_FUNCTIONS = ['round', 'min', 'max'] as const;
type FunctionName = (typeof FORMULA_FUNCTIONS)[number];

/** Sums of money stay exact; the tail of a binary fraction (0.1 + 0.2) is cut off. */
function finite(value: number): Value {
  if (!Number.isFinite(value)) return null;
  // The greatest double of all rounds up to infinity.
  const rounded = Number.isSafeInteger(value) ? value + 0 : Number(value.toPrecision(15));
  return Number.isFinite(rounded) ? rounded : null;
}

/**
 * Half away from zero, by the decimal digits that people see.
 * @param digits 0–6
 * @example roundTo(1.005, 2) // 1.01
 */
export function roundTo(value: number, digits = 0): Value {
  if (!Number.isInteger(digits) || digits < 0 || digits > 6 || !Number.isFinite(value)) return null;
  const shift = (shifted: number, by: number) => {
    const [mantissa, exponent = '0'] = String(shifted).split('e');
    return Number(`${mantissa}e${Number(exponent) + by}`);
  };
  return finite(Math.sign(value) * shift(Math.round(shift(Math.abs(value), digits)), -digits));
}

const CALLS: Record<FunctionName, { readonly most: number; readonly compute: (values: number[]) => Value }> = {
  round: { most: 2, compute: ([value, digits]) => roundTo(value!, digits) },
  min: { most: 20, compute: (values) => finite(Math.min(...values)) },
  max: { most: 20, compute: (values) => finite(Math.max(...values)) },
};

const BINARY: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

/** Terms whose values are all there, put together. */
const together =
  (terms: readonly Term[], how: (values: number[]) => Value): Term =>
  (valueOf) => {
    const values = terms.map((term) => term(valueOf));
    return values.includes(null) ? null : how(values as number[]);
  };

/**
 * sum = product {('+' | '-') product}; product = unary {('*' | '/') unary}; unary = ['-'] primary;
 * primary = number | name | name '(' sum {',' sum} ')' | '(' sum ')'.
 * @returns the formula, or a Russian sentence about the first thing that is wrong
 */
export function parseFormula(text: string): Formula | { readonly problem: string } {
  if (text.length > FORMULA_CHARS_MAX) return { problem: `Формула длиннее ${FORMULA_CHARS_MAX} знаков.` };
  const tokens = text.match(/\d+(?:\.\d+)?|[A-Za-z][A-Za-z0-9]*|\S/g) ?? [];
  const names = new Set<string>();
  let at = 0;
  let problem: string | undefined;

  const fail = (sentence: string): Term => {
    problem ??= sentence;
    at = tokens.length;
    return () => null;
  };
  const takes = (token: string) => tokens[at] === token && ++at > 0;
  const row = (part: () => Term, signs: string): Term => {
    let left = part();
    while (at < tokens.length && signs.includes(tokens[at]!)) {
      const how = BINARY[tokens[at++]!]!;
      left = together([left, part()], ([a, b]) => finite(how(a!, b!)));
    }
    return left;
  };
  const sum = (): Term => row(product, '+-');
  const product = (): Term => row(unary, '*/');
  const unary = (): Term => (takes('-') ? together([unary()], ([value]) => finite(-value!)) : primary());
  const primary = (): Term => {
    const token = tokens[at++];
    if (token === undefined) return fail(tokens.length === 0 ? 'Формула пуста.' : 'Формула оборвана.');
    if (/^\d/.test(token)) return () => finite(Number(token));
    if (token === '(') {
      const inner = sum();
      return takes(')') ? inner : fail('Не закрыта скобка.');
    }
    if (!/^[A-Za-z]/.test(token)) return fail(`Знак «${token}» здесь не годится.`);
    if (!takes('(')) {
      names.add(token);
      return (valueOf) => finite(valueOf(token) ?? Number.NaN);
    }
    const call = Object.hasOwn(CALLS, token) ? CALLS[token as FunctionName] : undefined;
    if (!call) return fail(`Функции «${token}» нет. Можно: ${FORMULA_FUNCTIONS.join(', ')}.`);
    const parts = [sum()];
    while (takes(',')) parts.push(sum());
    if (!takes(')')) return fail('Не закрыта скобка.');
    return parts.length > call.most
      ? fail(`У функции «${token}» не больше ${call.most} значений; дробная часть числа отделяется точкой.`)
      : together(parts, call.compute);
  };

  const compute = sum();
  if (at < tokens.length) {
    const hint = tokens[at] === ',' ? ' Дробная часть числа отделяется точкой.' : '';
    fail(`Лишнее: «${tokens[at]}».${hint}`);
  }
  return problem === undefined ? { names: [...names], compute } : { problem };
}

/**
 * What is wrong with a formula, in Russian sentences; empty when nothing is.
 * @param known names it may refer to: fields and formulas that stand before it
 */
export function checkFormula(text: string, known: Iterable<string>): string[] {
  const parsed = parseFormula(text);
  if ('problem' in parsed) return [parsed.problem];
  const names = new Set(known);
  return parsed.names.filter((name) => !names.has(name)).map((name) => `Поля «${name}» в формуле нет.`);
}
