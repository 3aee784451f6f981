import { Refusal } from '../domain/fault.ts';
import { dueSlot, heldUntil, letterOf, TELL_AFTER_TRIES, TRIES_MAX } from '../domain/report-mail.ts';
import { MailError, type Mailer, openMailer } from '../net/mailer.ts';
import type { Database } from '../store/database.ts';
import { type ClaimedLetter, claimLetter, type Letter, noteFailed, noteSent, putBack, rewrite } from '../store/mail.ts';
import { listSubscriptions, type Subscription, subscriptionById, takeSlot, unsubscribe } from '../store/report-mail.ts';

export { MailError, type Mailer, openMailer };

/** The post of the clockwork: writes letters whose time has come, and sends those that wait. */

export interface PostOptions {
  readonly db: Database;
  readonly mailer: Pick<Mailer, 'send'>;
  /**
   * Writes a subscription's report as of a moment, with what its reader may see now.
   * @throws Refusal when that person gets none any more: the subscription ends with that reason
   */
  readonly write: (subscription: Subscription, at: Date) => Promise<Letter>;
  /** Is all there that this report tells of? A letter waits for it, though not for ever. */
  readonly isRecorded: (subscription: Subscription, at: Date) => Promise<boolean>;
  /** Since when the days are recorded again; absent: all along. */
  readonly upSince?: Date;
  /** Where a person switches reports off; absent: no address of ours is known. */
  readonly unsubscribe?: string | undefined;
}

/** Whose deeds these are in the journal. */
const BY = 'Выгрузка';

export interface Written {
  readonly letters: number;
  /** Subscriptions that have come to an end. */
  readonly ended: number;
  /** What went wrong with single ones; they are tried again the next time. */
  readonly faults: readonly unknown[];
}

/**
 * Puts out what is due and recorded. Safe to repeat and beside another process: the slot is taken together with its
 * letter. Nothing is locked while the report is counted.
 */
export async function writeReports(options: PostOptions, agencyId: number, now: Date): Promise<Written> {
  const { db, write } = options;
  const counts = { letters: 0, ended: 0 };
  const faults: unknown[] = [];
  for (const subscription of await listSubscriptions(db.pool, agencyId)) {
    try {
      const due = dueSlot(subscription, subscription.zone, now);
      if (due && !due.isLetter) await takeSlot(db, subscription, due.slot, null, now);
      if (due?.isLetter && !(await isHeld(options, subscription, due.slot, now))) {
        const letter = await writtenOrEnded(db, write, subscription, due.slot, now);
        if (letter === undefined) counts.ended++;
        else if (await takeSlot(db, subscription, due.slot, letter, now)) counts.letters++;
      }
    } catch (error) {
      faults.push(error);
    }
  }
  return { ...counts, faults };
}

async function isHeld(
  { isRecorded, upSince }: PostOptions,
  subscription: Subscription,
  slot: Date,
  now: Date,
): Promise<boolean> {
  return now < heldUntil(slot, upSince ?? slot) && !(await isRecorded(subscription, slot));
}

/** @returns undefined: the person gets no such report any more, and the subscription has ended */
async function writtenOrEnded(
  db: Database,
  write: PostOptions['write'],
  subscription: Subscription,
  at: Date,
  now: Date,
): Promise<Letter | undefined> {
  try {
    if (subscription.email === null) throw new Refusal('no-email', 'У сотрудника больше нет почты.');
    return await write(subscription, at);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await unsubscribe(db, subscription.agencyId, subscription.id, BY, now, error.message);
    return undefined;
  }
}

/** What was written so long ago is written anew before it goes out: rights may have changed. */
const FRESH_MS = 600_000;

export interface SentLetter {
  readonly id: number;
  readonly outcome: 'sent' | 'later' | 'failed';
  /** Why not, in Russian. */
  readonly error?: string;
  /** What broke on our side. */
  readonly fault?: unknown;
}

/** No new letter is begun after that: a slow server would hold the post, and the slots that come, for hours. */
const ROUND_MS = 50_000;

/** So long whoever stops waits for the letter on the line. */
const STOP_MS = 4000;

/**
 * Sends what waits, one after the other; what the server does not take now waits for its next try, and when the server
 * itself is not there, so do the others. What is left over waits for the next minute.
 * @param clock asked anew for every letter: sending takes time
 * @param how.signal no new letter is begun after it. The one on the line is not broken off at once: the server may have
 *   taken it already. What is on the line still after `how.stopMs` is put back, and goes again as the same letter
 * @param how.roundMs shorter, for tests
 */
export async function sendLetters(
  options: PostOptions,
  clock: () => Date,
  how: {
    readonly signal?: AbortSignal;
    readonly stopMs?: number;
    readonly onSent?: (sent: SentLetter) => void;
    readonly roundMs?: number;
  } = {},
): Promise<void> {
  // Not by the clock, which may stand still or leap.
  const ends = performance.now() + (how.roundMs ?? ROUND_MS);
  const hangUp = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    timer = setTimeout(() => hangUp.abort(), how.stopMs ?? STOP_MS);
  };
  how.signal?.addEventListener('abort', stop, { once: true });
  try {
    while (!how.signal?.aborted && performance.now() < ends) {
      const letter = await claimLetter(options.db, clock());
      if (!letter) return;
      const { isServerGone, ...sent } = await sendOne(options, letter, clock, hangUp.signal);
      how.onSent?.(sent);
      if (isServerGone) return;
    }
  } finally {
    how.signal?.removeEventListener('abort', stop);
    clearTimeout(timer);
  }
}

type Sending = SentLetter & { readonly isServerGone: boolean };

async function sendOne(
  options: PostOptions,
  letter: ClaimedLetter,
  clock: () => Date,
  hangUp: AbortSignal,
): Promise<Sending> {
  const { db, mailer, unsubscribe } = options;
  const { id, agencyId, key, name: toName, createdAt, tries } = letter;
  if (tries > TRIES_MAX) {
    // Nobody was left to give it up: it brings its sender down every time.
    const error = 'Отправка этого письма каждый раз обрывалась, больше оно не отправляется.';
    await noteFailed(db, letter, { error, isFinal: true, isFault: false }, clock());
    return { id, outcome: 'failed', error, isServerGone: false };
  }
  try {
    const { content, email } = await currentLetter(options, letter, clock());
    const identity = `${agencyId} ${key} ${createdAt.toISOString()}`;
    await mailer.send({ ...content, to: email, toName, identity, unsubscribe }, hangUp);
  } catch (error) {
    if (hangUp.aborted) {
      await putBack(db, letter, clock());
      return { id, outcome: 'later', error: 'Отправка прервана: программа останавливается.', isServerGone: true };
    }
    const { verdict, message } = error instanceof MailError ? error : BROKEN;
    const isFinal = verdict === 'recipient' || verdict === 'letter';
    const isServerGone = verdict === 'settings' || verdict === 'silent';
    const isFault = verdict === 'settings' || (verdict === 'silent' && tries >= TELL_AFTER_TRIES);
    const again = await noteFailed(db, letter, { error: message, isFinal, isFault }, clock());
    const outcome = again === null ? 'failed' : 'later';
    return { id, outcome, error: message, isServerGone, ...(error instanceof MailError ? {} : { fault: error }) };
  }
  await noteSent(db, letter, clock());
  return { id, outcome: 'sent', isServerGone: false };
}

/** Nothing that happens to one letter stops the others; what is unknown is tried again. */
const BROKEN = { verdict: 'deferred', message: 'Письмо не отправлено из-за сбоя программы.' } as const;

/**
 * What goes out now and where to.
 * @throws MailError `recipient`: nothing goes there any more
 */
async function currentLetter(
  { db, write }: PostOptions,
  letter: ClaimedLetter,
  now: Date,
): Promise<{ readonly content: Letter; readonly email: string }> {
  const { agencyId, key, email, isActive, createdAt, tries, png } = letter;
  const about = letterOf(key);
  // Withdrawn and wanted again, it has lost its picture.
  const isFresh = tries === 1 && png !== null && Math.abs(now.getTime() - createdAt.getTime()) < FRESH_MS;
  if (isActive && email !== null && (isFresh || !about)) return { content: letter, email };
  const subscription = about && (await subscriptionById(db.pool, agencyId, about.subscriptionId));
  const content = subscription && about && (await writtenOrEnded(db, write, subscription, about.at, now));
  if (!content || email === null) throw new MailError('recipient', 'Сотруднику этот отчёт больше не приходит.');
  await rewrite(db, letter, content);
  return { content, email };
}
