import cliProgress from 'cli-progress';
import { type Board, loadBoards } from '../boards/catalogue.ts';
import { type Clock, frozenClock, systemClock } from '../clock.ts';
import { type Config, loadConfig } from '../config.ts';
import { Refusal } from '../domain/fault.ts';
import { type Database, openDatabase } from '../store/database.ts';
import { feedSecret } from '../store/feed-address.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { EXIT } from './exit.ts';
import { servingUrl } from './serving.ts';

export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly now?: string;
}

/** What every command works with. Opened when first needed, closed by `close`. */
export class Context {
  readonly options: GlobalOptions;
  readonly clock: Clock;
  readonly config: Config;
  /** Told when a server takes the signals over, to end its connections first. */
  onServe: () => void = () => {};
  #db: Promise<Database> | undefined;
  readonly #adopted: Context[] = [];
  #isInsideTold = false;

  constructor(options: GlobalOptions, overrides: Partial<Config> = {}) {
    this.options = options;
    try {
      this.clock = options.now === undefined ? systemClock : frozenClock(options.now);
    } catch {
      throw new Refusal(
        'bad-moment',
        `--now: «${options.now}» — не момент времени. Пример: 2026-11-21T09:00:00+03:00.`,
        EXIT.usage,
      );
    }
    try {
      this.config = loadConfig(overrides);
    } catch (error) {
      throw new Refusal('bad-settings', `Настройки окружения неверны: ${(error as Error).message}`, EXIT.usage);
    }
  }

  /** The database, with the schema up to date: the embedded one is migrated by itself, a foreign one only on command. */
  db(): Promise<Database> {
    this.#db ??= this.#open();
    return this.#db;
  }

  /** The database as it is, for `migrate` and `doctor`. */
  openAsIs(): Promise<Database> {
    this.#db ??= openDatabase({ databaseUrl: this.config.DATABASE_URL, dataDir: this.config.DATA_DIR });
    return this.#db;
  }

  async #open(): Promise<Database> {
    const db = await openDatabase({ databaseUrl: this.config.DATABASE_URL, dataDir: this.config.DATA_DIR });
    if (db.embedded) await migrate(db);
    else if ((await pendingMigrations(db)).length > 0) {
      await db.close();
      throw new Refusal(
        'schema-behind',
        'Схема базы данных устарела. Выполните: npm run -s vygruzka -- migrate',
        EXIT.found,
      );
    }
    return db;
  }

  get boards(): readonly Board[] {
    return loadBoards();
  }

  /** By its id; what people call a board, `oneBoard` reads. @throws Refusal `board-unknown` */
  board(id: string): Board {
    const found = this.boards.find((board) => board.id === id);
    if (!found) throw new Refusal('board-unknown', `Доски «${id}» нет.`, EXIT.usage);
    return found;
  }

  get secret(): string {
    return feedSecret(this.config.DATA_DIR, this.config.FEED_SECRET);
  }

  /**
   * The address of a path of ours, to be printed: as people outside reach it, else as this machine does, which is said.
   * Unlike `publicUrl` it knows the port of a server that runs.
   */
  address(path: string): string {
    const { PUBLIC_URL, DATA_DIR } = this.config;
    if (PUBLIC_URL !== undefined) return `${PUBLIC_URL}${path}`;
    const running = servingUrl(DATA_DIR);
    if (!this.#isInsideTold)
      this.say(
        `PUBLIC_URL не задан: адрес открывается только с этого компьютера${running === null ? `, когда запущен serve на порту ${this.config.PORT}` : ''}.`,
      );
    this.#isInsideTold = true;
    return running === null ? this.publicUrl(path) : `${running}${path}`;
  }

  /** A path of ours as people outside reach it. */
  publicUrl(path: string): string {
    return `${this.config.PUBLIC_URL ?? `http://localhost:${this.config.PORT}`}${path}`;
  }

  /** Prints the answer: one JSON document, or text. Data goes to stdout and nothing else does. */
  print(data: unknown, text: string | (() => string)): void {
    if (this.options.json) process.stdout.write(`${JSON.stringify(data, null, 2)}\n`);
    else process.stdout.write(`${(typeof text === 'string' ? text : text()).trimEnd()}\n`);
  }

  /** Says something to the person at the terminal. */
  say(text: string): void {
    if (!this.options.quiet) process.stderr.write(`${text}\n`);
  }

  /** A progress bar on stderr; without a terminal a line every five seconds. */
  progress(title: string): { at(done: number, total?: number): void; stop(): void } {
    if (this.options.quiet) return { at() {}, stop() {} };
    const bar = new cliProgress.SingleBar(
      {
        format: `${title} {value}{of} {bar}`,
        stream: process.stderr,
        noTTYOutput: true,
        notTTYSchedule: 5000,
        hideCursor: true,
        clearOnComplete: true,
        barsize: 24,
      },
      cliProgress.Presets.shades_classic,
    );
    let isStarted = false;
    let isStopped = false;
    return {
      at(done, total) {
        if (isStopped) return;
        const known = total ?? Math.max(done, 1);
        if (!isStarted) bar.start(known, done, { of: total === undefined ? '' : ` из ${total}` });
        else {
          bar.setTotal(known);
          bar.update(done, { of: total === undefined ? '' : ` из ${total}` });
        }
        isStarted = true;
      },
      stop() {
        isStopped = true;
        if (isStarted) bar.stop();
      },
    };
  }

  /** Closes another context together with this one, whatever ends the command. */
  adopt(other: Context): void {
    this.#adopted.push(other);
  }

  async close(): Promise<void> {
    for (const other of this.#adopted) await other.close();
    const db = await this.#db?.catch(() => undefined);
    await db?.close();
  }
}
