import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { parseAst } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../src/root.ts';
import { buildApp } from '../../src/server/app.ts';
import { PROBLEM_WORDS, problemWords } from '../../src/server/problem-words.ts';
import { statusOf, TITLES } from '../../src/server/problems.ts';
import { testDatabase } from '../store/testdb.ts';

interface Node {
  readonly type: string;
  readonly [part: string]: unknown;
}
interface Thrown {
  readonly kind: string;
  readonly code: string;
  readonly where: string;
  readonly args: readonly Node[];
}

const KINDS = ['HttpProblem', 'Refusal', 'Fault'];

/** Every no that is said in a file the server reaches, by the syntax tree: `new Refusal('code', …)` and its like. */
function allThrown() {
  const files = new Set<string>();
  const thrown: Thrown[] = [];
  const dynamic: string[] = [];
  const visit = (path: string) => {
    if (files.has(path) || !path.endsWith('.ts') || !existsSync(path)) return;
    files.add(path);
    const text = readFileSync(path, 'utf8');
    const where = path.slice(ROOT.length + 1);
    const walk = (node: unknown): void => {
      if (Array.isArray(node)) for (const one of node) walk(one);
      if (typeof node !== 'object' || node === null || Array.isArray(node)) return;
      const one = node as Node;
      const source = one.source as { value?: unknown } | undefined;
      if (typeof source?.value === 'string' && source.value.startsWith('.')) visit(join(dirname(path), source.value));
      const kind = one.type === 'NewExpression' ? (one.callee as { name?: string }).name : undefined;
      if (kind !== undefined && KINDS.includes(kind)) {
        const args = one.arguments as Node[];
        const named = args[kind === 'HttpProblem' ? 1 : 0]!;
        const codes = literals(named);
        if (codes) thrown.push(...codes.map((code) => ({ kind, code, where, args })));
        else dynamic.push(`${where} ${text.slice(named.start as number, named.end as number)}`);
      }
      for (const part of Object.values(one)) walk(part);
    };
    walk(parseAst(text, { lang: 'ts' }));
  };
  visit(join(ROOT, 'src/server/app.ts'));
  return { files, thrown, dynamic };
}

function literals(node: Node): string[] | undefined {
  if (node.type === 'Literal') return [node.value as string];
  if (node.type !== 'ConditionalExpression') return undefined;
  const [one, two] = [literals(node.consequent as Node), literals(node.alternate as Node)];
  return one && two && [...one, ...two];
}

/** The HTTP statuses a no comes with; empty: it is told as `unexpected`, without its code. */
function statusesOf({ kind, code, args }: Thrown): number[] {
  const numbers = (node: Node | undefined, otherwise: number): number[] => {
    if (!node) return [otherwise];
    if (node.type === 'ConditionalExpression')
      return [...numbers(node.consequent as Node, 0), ...numbers(node.alternate as Node, 0)];
    return typeof node.value === 'number' ? [node.value] : [];
  };
  if (kind === 'HttpProblem') return numbers(args[0], 0);
  if (kind === 'Refusal') return numbers(args[2], 4).map((exit) => statusOf({ code, exit }));
  const options = args[2] as { properties?: { key: { name: string }; value: { value: unknown } }[] } | undefined;
  // Anything but a plain `false` may be true.
  const isRetryable = options?.properties?.some(({ key, value }) => key.name === 'retryable' && value.value !== false);
  return isRetryable ? [503] : [];
}

/**
 * Codes that come out of a variable, by where they are thrown: the files where they are written down as `code: '…'`.
 * A new place must be looked at before it may stand here.
 */
const OUT_OF_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  'src/store/tariffs.ts problems[0].code': ['src/store/tariffs.ts'],
  'src/store/promotions.ts problems[0].code': ['src/store/promotions.ts'],
  'src/store/market.ts refusal.code': ['src/domain/stage.ts'],
  'src/intake/correct.ts own.code': ['src/intake/correct.ts'],
  // Never to be tried again: told as `unexpected`.
  'src/intake/stream.ts code': [],
  // Refusals that are found where they are first thrown.
  'src/server/reconciliation-routes.ts error.code as ProblemCode': [],
  'src/server/report-mail-routes.ts error.code as ProblemCode': [],
};
const outOfVariables = Object.values(OUT_OF_VARIABLES)
  .flat()
  .flatMap((path) => [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\bcode: ((?:'[a-z-]+'(?: \| )?)+)/g)])
  .flatMap(([, codes]) => [...codes!.matchAll(/[a-z-]+/g)].map(([code]) => code));

const { files, thrown, dynamic } = allThrown();

describe('the words of problems', () => {
  it('are there for every code the server can say, with the status it comes with', () => {
    // What is looked through is the program, not a corner of it.
    expect(files.size).toBeGreaterThan(150);
    expect(thrown.length).toBeGreaterThan(250);
    const faults = thrown.flatMap((one) =>
      statusesOf(one)
        .filter((status) => !problemWords(one.code)?.statuses.includes(status))
        .map((status) => `${one.code} ${status} ${one.where}`),
    );
    expect([...new Set(faults)]).toEqual([]);
  });

  it('know of every code that comes out of a variable', () => {
    expect([...new Set(dynamic)].sort()).toEqual(Object.keys(OUT_OF_VARIABLES).sort());
    expect(outOfVariables).toEqual(
      expect.arrayContaining(['tariff-wrong', 'promotion-past', 'stage-guarded', 'bad-value']),
    );
    expect(outOfVariables.filter((code) => !problemWords(code))).toEqual([]);
  });

  it('are of codes that something says', () => {
    const said = new Set([...thrown.map(({ code }) => code), ...outOfVariables]);
    // Said by problemOf itself.
    for (const code of ['bad-request', 'media-type', 'unexpected']) said.add(code);
    expect(Object.keys(PROBLEM_WORDS).filter((code) => !said.has(code))).toEqual([]);
  });

  it('are whole Russian sentences, and every status has a title', () => {
    for (const code of Object.keys(PROBLEM_WORDS)) {
      const { means, help, statuses } = problemWords(code)!;
      for (const words of [means, help]) expect(words, code).toMatch(/^(?:[А-ЯЁ]|GET|JPEG).*[.….]$/s);
      for (const status of statuses) expect(TITLES[status], code).toBeDefined();
      expect(code).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
    }
    expect(problemWords('constructor')).toBeUndefined();
  });
});

describe('the page of a problem', () => {
  let base: Awaited<ReturnType<typeof testDatabase>>;
  let app: FastifyInstance;
  beforeAll(async () => {
    base = await testDatabase();
    app = buildApp({ db: base.db, dataDir: '/nowhere', secret: 'x', clock: () => new Date(), logLevel: 'silent' });
    await app.ready();
  });
  afterAll(async () => {
    await app.close();
    await base.drop();
  });

  it('lies where the type of an answer leads, for anybody, without a script', async () => {
    const { type, status } = (await app.inject('/api/v1/listings')).json();
    expect(type).toBe('/problems/signed-out');
    const page = await app.inject({ url: type, headers: { accept: '*/*' } });
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.body).toContain('<html lang="ru">');
    expect(page.body).toContain('Сеанса нет или он закончился.');
    expect(page.body).toContain('Что делать');
    expect(page.body).toContain(`${status} «Нужно войти»`);
    expect(page.body).not.toMatch(/<script|https?:/);
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-[^;]+'/);
    expect(page.headers['set-cookie']).toBeUndefined();
  });

  it('is there for every code, and all of them stand on one page', async () => {
    const { body } = await app.inject('/problems');
    const codes = Object.keys(PROBLEM_WORDS);
    expect([...body.matchAll(/href="\/problems\/([^"]+)"/g)].map(([, code]) => code)).toEqual(codes.sort());
    for (const code of codes) expect((await app.inject(`/problems/${code}`)).statusCode, code).toBe(200);
  });

  it.each(['no-such', 'constructor', '__proto__', '%3Cb%3E', 'signed-out%00'])('%s is not there', async (code) => {
    const page = await app.inject({ url: `/problems/${code}`, headers: { accept: 'text/html' } });
    expect([page.statusCode, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(page.body).toContain('Такой ошибки нет');
    expect(page.body).not.toContain('<b>');
  });
});
