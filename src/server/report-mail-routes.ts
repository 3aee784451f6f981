import Type from 'typebox';
import {
  MadeSubscriptionSchema,
  NewSubscriptionSchema,
  SubscriptionsSchema,
  type Subscription as ToldSubscription,
} from '../contracts/report-mail.ts';
import { Refusal } from '../domain/fault.ts';
import { mailTimeText, narrowedText, nextSlot } from '../domain/report-mail.ts';
import { mayDo, OF_AGENCY, reachOf } from '../domain/rights.ts';
import { spokenMoment } from '../domain/week.ts';
import { mailState } from '../store/mail.ts';
import {
  ASK_EVERY_MS,
  addressOf,
  listSubscriptions,
  proveNotTooSoon,
  putAsked,
  type Subscription,
  subscribe,
  subscriptionById,
  unsubscribe,
} from '../store/report-mail.ts';
import type { Api, Ask } from './api.ts';
import type { ProblemCode } from './problem-words.ts';
import { HttpProblem, notFound } from './problems.ts';
import { type LetterOptions, proveMailed, reportLetter } from './report-letter.ts';
import { narrowings } from './report-units.ts';

type Asked = Ask<unknown, unknown, unknown>;

/** The report by e-mail: one's own; an administrator of the whole agency sees and ends everybody's. */
export function reportMailRoutes(api: Api): void {
  const policy = { deed: 'see-listings', token: null } as const;
  const params = Type.Object({ id: Type.Integer() });

  api.define({
    method: 'GET',
    url: '/reports/subscriptions',
    summary: 'Какие отчёты приходят по почте',
    policy,
    answer: SubscriptionsSchema,
    handler: async (ask) => {
      const { db, agencyId, caller, options, now } = ask;
      const all = await listSubscriptions(db.pool, agencyId, isOverAll(ask) ? undefined : caller.employeeId);
      const queries = all.map(({ query }) => query);
      const narrowed = await narrowings(db, agencyId, reachOf(caller, 'see-listings'), queries);
      return {
        data: all.map((one, at) => told(one, narrowedText(narrowed[at]!.narrowed, 3), caller.employeeId, now)),
        isSetUp: options.hasPost === true,
        hasLinks: options.publicUrl !== undefined,
        email: await addressOf(db.pool, agencyId, caller.employeeId),
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/reports/subscriptions',
    summary: 'Присылать мне отчёт по почте раз в неделю',
    policy,
    body: NewSubscriptionSchema,
    answer: MadeSubscriptionSchema,
    handler: async (ask) => {
      const { db, agencyId, caller, body, by, now } = ask;
      const { employeeId } = caller;
      await proveMailed(letterOptions(ask), agencyId, employeeId, body.query);
      return { id: await subscribe(db, agencyId, { ...body, employeeId }, by, now) };
    },
  });

  api.define({
    method: 'DELETE',
    url: '/reports/subscriptions/:id',
    summary: 'Больше не присылать отчёт',
    policy,
    params,
    handler: async (ask) => {
      const { id } = await subscriptionOf(ask, ask.params.id);
      if (!(await unsubscribe(ask.db, ask.agencyId, id, ask.by, ask.now))) throw gone();
    },
  });

  api.define({
    method: 'POST',
    url: '/reports/subscriptions/:id/send',
    summary: 'Прислать отчёт сейчас',
    policy,
    params,
    handler: async (ask) => {
      const { db, agencyId, options, by, now } = ask;
      const subscription = await subscriptionOf(ask, ask.params.id);
      if (options.hasPost !== true)
        throw new Refusal('mail-off', 'Почта не настроена: администратору нужно задать SMTP_URL и MAIL_FROM.');
      if (subscription.email === null)
        throw new Refusal('no-email', 'Почта не указана, письму некуда прийти. Впишите её в карточке сотрудника.');
      try {
        // Before the report is counted, and once more together with the letter.
        await proveNotTooSoon(db.pool, agencyId, subscription.id, now);
        const letter = await reportLetter(letterOptions(ask), subscription, now);
        if (!(await putAsked(db, subscription, letter, by, now))) throw gone();
      } catch (error) {
        if (!(error instanceof Refusal && error.code === 'mail-too-soon')) throw error;
        throw new HttpProblem(429, error.code as ProblemCode, error.message, { retryAfter: ASK_EVERY_MS / 1000 });
      }
    },
  });
}

const letterOptions = ({ db, boards, options, now }: Asked): LetterOptions => ({
  db,
  boards,
  clock: () => now,
  publicUrl: options.publicUrl,
});

const isOverAll = ({ caller }: Pick<Asked, 'caller'>) => mayDo(caller, 'settings', OF_AGENCY);

const gone = () => notFound('Такого отчёта по почте нет, или он не ваш.');

async function subscriptionOf(ask: Asked, id: number): Promise<Subscription> {
  const found = await subscriptionById(ask.db.pool, ask.agencyId, id);
  if (!found || (found.employeeId !== ask.caller.employeeId && !isOverAll(ask))) throw gone();
  return found;
}

function told(subscription: Subscription, narrowed: string | null, employeeId: number, now: Date): ToldSubscription {
  const { id, employee, email, weekday, atMinute, weeks, query, zone, letter } = subscription;
  return {
    id,
    employee: { id: subscription.employeeId, name: employee },
    email,
    isMine: subscription.employeeId === employeeId,
    weekday,
    atMinute,
    weeks,
    query,
    told: mailTimeText(subscription),
    narrowed,
    next: spokenMoment(nextSlot(subscription, zone, now), zone),
    letter: letter && {
      state: mailState(letter),
      at: spokenMoment(letter.sentAt ?? letter.failedAt ?? letter.createdAt, zone),
      error: letter.error,
    },
  };
}
