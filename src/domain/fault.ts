/**
 * The world broke: a file is torn, a disk is full, a server does not answer.
 * Thrown, never returned. `code` is kebab-case and never reused; the message is a Russian sentence for a person.
 */
export class Fault extends Error {
  readonly code: string;
  readonly retryable: boolean;
  constructor(code: string, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'Fault';
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/**
 * A lawful no to a person's command (wrong argument, nothing to do it with, a brake).
 * `exit` is the exit code of the command line (the table stands in README, «Коды выхода»).
 */
export class Refusal extends Error {
  readonly code: string;
  readonly exit: number;
  constructor(code: string, message: string, exit = 4) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.exit = exit;
  }
}
