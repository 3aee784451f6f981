import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Peek } from '../contracts/accounts.ts';
import { type Delimiter, peekReport, type ReportEncoding } from '../intake/board-report.ts';
import { HttpProblem } from './problems.ts';

/** Tables that people give: reports of boards, views and calls. They come as the body of a request. */

/** A month of a big cabinet is a few. */
export const TABLE_BYTES_MAX = 32 * 1024 * 1024;
/** Rows that are told one by one; all are counted. */
export const TOLD = 200;

const DELIMITERS = { semicolon: ';', comma: ',', tab: '\t' } as const satisfies Record<string, Delimiter>;
type DelimiterWord = keyof typeof DELIMITERS;

/** How a table is to be read, as a request says it. */
interface Reading {
  readonly encoding?: ReportEncoding;
  readonly delimiter?: DelimiterWord;
}

export const readingOf = ({ encoding, delimiter }: Reading) => ({
  encoding,
  delimiter: delimiter && DELIMITERS[delimiter],
});

/** A body is taken as it comes, whatever it is: what is inside tells. */
export function takeTables(app: FastifyInstance): void {
  app.addContentTypeParser(['application/octet-stream', 'text/csv'], { parseAs: 'buffer' }, (_, body, done) =>
    done(null, body),
  );
}

/** @throws HttpProblem 400 */
export function bytesOf(body: unknown): Readable {
  if (Buffer.isBuffer(body) && body.length > 0) return Readable.from([body]);
  throw new HttpProblem(400, 'report-missing', 'Файла нет: пришлите его телом запроса, application/octet-stream.');
}

/** The beginning of a table. @throws HttpProblem, Refusal as `peekReport` */
export async function peeked(
  body: unknown,
  query: Reading & { readonly rows?: string },
): Promise<Omit<Peek, 'roles' | 'guess'>> {
  const peek = await peekReport(bytesOf(body), { ...readingOf(query), rows: query.rows });
  const delimiter = (Object.keys(DELIMITERS) as DelimiterWord[]).find((word) => DELIMITERS[word] === peek.delimiter);
  return {
    ...peek,
    ...{ lists: [...peek.lists], columns: [...peek.columns], rows: peek.rows.map((row) => [...row]) },
    delimiter: delimiter ?? null,
  };
}
