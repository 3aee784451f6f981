import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../contracts/problem.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import type { ProblemCode } from './problem-words.ts';

/** Every no of the API as RFC 9457 tells it, in Russian. */

export class HttpProblem extends Error {
  readonly status: number;
  readonly code: ProblemCode;
  readonly more: Partial<Pick<Problem, 'errors' | 'current'>> & { readonly retryAfter?: number };
  constructor(
    status: number,
    code: ProblemCode,
    detail: string,
    more: HttpProblem['more'] = {},
    options: ErrorOptions = {},
  ) {
    super(detail, options);
    this.name = 'HttpProblem';
    this.status = status;
    this.code = code;
    this.more = more;
  }
}

/** The same for what is not there, what is not this person's, and what belongs to another agency. */
export const notFound = (detail = 'Такого здесь нет, или оно не в вашей части агентства.') =>
  new HttpProblem(404, 'not-found', detail);

/** The kind of trouble in a few words. */
export const TITLES: Readonly<Record<number, string>> = {
  400: 'Запрос не понят',
  401: 'Нужно войти',
  403: 'Нет права',
  404: 'Не найдено',
  409: 'Сейчас нельзя',
  412: 'Уже изменилось',
  413: 'Слишком большой запрос',
  415: 'Такие данные не принимаются',
  422: 'Так нельзя',
  428: 'Нужна версия',
  429: 'Слишком часто',
  500: 'Сбой',
  503: 'Временно недоступно',
};

/** What a thrown thing is to whoever asked. */
export function problemOf(error: unknown, request: Pick<FastifyRequest, 'id' | 'url'>): Problem {
  const told = (status: number, code: string, detail: string, more: HttpProblem['more'] = {}): Problem => ({
    type: `/problems/${code}`,
    title: TITLES[status] ?? 'Сбой',
    status,
    detail,
    instance: request.url.replace(/\?.*$/s, ''),
    code,
    requestId: request.id,
    ...(more.errors && { errors: more.errors }),
    ...(more.current !== undefined && { current: more.current }),
  });
  if (error instanceof HttpProblem) return told(error.status, error.code, error.message, error.more);
  if (error instanceof Refusal) return told(statusOf(error), error.code, error.message);
  if (error instanceof Fault && error.retryable) return told(503, error.code, error.message);
  const { statusCode, validation, validationContext } = error as FastifyError;
  if (validation) {
    const errors = validation.map((one) => faultOf(one as Complaint, validationContext ?? 'body'));
    return told(validationContext === 'body' ? 422 : 400, 'bad-request', errors.map(({ detail }) => detail).join(' '), {
      errors,
    });
  }
  if (statusCode === 413) return told(413, 'too-large', 'Запрос больше, чем принимается.');
  if (statusCode === 415)
    return told(415, 'media-type', 'Данные такого вида здесь не принимаются: нужен application/json.');
  if (statusCode === 429) return told(429, 'too-often', 'Слишком много запросов. Повторите через минуту.');
  if (statusCode !== undefined && statusCode < 500) return told(statusCode, 'bad-request', 'Запрос не понят.');
  return told(
    500,
    'unexpected',
    `Сбой на сервере, номер запроса ${request.id}. Посмотрите, что сохранилось, и повторите.`,
  );
}

/** Names that stand in a request's body, not in its address. */
const IN_BODY: ReadonlySet<string> = new Set(['stage-unknown', 'role-unknown', 'unit-unknown', 'family-unknown']);

/** A lawful no: of a name that is not there, of a right, of the state of things, or of a wrong wish. */
export function statusOf({ code, exit }: Pick<Refusal, 'code' | 'exit'>): number {
  if (code === 'not-allowed') return 403;
  if (code.endsWith('-unknown')) return IN_BODY.has(code) ? 422 : 404;
  return exit === 4 || exit === 5 ? 409 : 422;
}

interface Complaint {
  readonly keyword: string;
  readonly instancePath: string;
  readonly params: Readonly<Record<string, unknown>>;
}

const BOUNDS: Readonly<Record<string, string>> = {
  minimum: 'не меньше',
  maximum: 'не больше',
  exclusiveMinimum: 'больше',
  exclusiveMaximum: 'меньше',
  minLength: 'знаков не меньше',
  maxLength: 'знаков не больше',
  minItems: 'значений не меньше',
  maxItems: 'значений не больше',
};

function faultOf({ keyword, instancePath, params }: Complaint, where: string): NonNullable<Problem['errors']>[number] {
  const inner = params.missingProperty ?? params.additionalProperty;
  const pointer = `#${instancePath}${inner === undefined ? '' : `/${String(inner)}`}`;
  const name = `${where === 'body' ? 'Поле' : where === 'querystring' ? 'Параметр' : 'Часть адреса'} «${pointer.slice(2).replaceAll('/', '.') || 'тело запроса'}»`;
  if (keyword === 'required') return { pointer, detail: `${name}: не указано.` };
  if (keyword === 'additionalProperties') return { pointer, detail: `${name}: такого здесь нет.` };
  if (keyword === 'enum') {
    const allowed = params.allowedValues as readonly unknown[];
    return { pointer, detail: `${name}: можно ${allowed.slice(0, 30).map(String).join(', ')}.`, limit: allowed };
  }
  if (keyword === 'type') return { pointer, detail: `${name}: значение не того вида.`, limit: params.type };
  const bound = BOUNDS[keyword];
  if (bound !== undefined)
    return { pointer, detail: `${name}: нужно ${bound} ${String(params.limit)}.`, limit: params.limit };
  return { pointer, detail: `${name}: значение не подходит.` };
}

/** Answers with the problem. */
export function sendProblem(reply: FastifyReply, problem: Problem, retryAfter?: number): FastifyReply {
  if (retryAfter !== undefined || problem.status === 503) reply.header('Retry-After', String(retryAfter ?? 15));
  return reply
    .code(problem.status)
    .header('Content-Language', 'ru')
    .header('Cache-Control', 'no-store')
    .type('application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem));
}
