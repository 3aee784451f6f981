import Type, { type Static } from 'typebox';
import { MAIL_WEEKS_MAX } from '../domain/report-words.ts';
import { ExportReportQuerySchema } from './export-report.ts';

/** The report by e-mail: who gets which, and how to begin and end it. */

const { from: _, until: __, ...wishes } = ExportReportQuerySchema.properties;
const Time = {
  /** ISO: 1 Monday … 7 Sunday. */
  weekday: Type.Integer({ minimum: 1, maximum: 7 }),
  /** Minutes since midnight by the clock of the person's branch. */
  atMinute: Type.Integer({ minimum: 0, maximum: 1439 }),
  /** Whole weeks that the report covers. */
  weeks: Type.Integer({ minimum: 1, maximum: MAIL_WEEKS_MAX }),
};
/** What the report is asked by, without its days. */
export const MailedQuerySchema = Type.Object(wishes, { additionalProperties: false });

export const NewSubscriptionSchema = Type.Object(
  { ...Time, query: MailedQuerySchema },
  { additionalProperties: false },
);
export type NewSubscription = Static<typeof NewSubscriptionSchema>;

export const SubscriptionSchema = Type.Object({
  id: Type.Integer(),
  employee: Type.Object({ id: Type.Integer(), name: Type.String() }),
  /** null: letters have nowhere to go. */
  email: Type.Union([Type.String(), Type.Null()]),
  isMine: Type.Boolean(),
  ...Time,
  query: MailedQuerySchema,
  /** «по понедельникам в 09:00, за 4 недели» */
  told: Type.String(),
  /** Whose listings alone it counts: «филиал «Центр»»; null: all that the person sees. */
  narrowed: Type.Union([Type.String(), Type.Null()]),
  /** «пн 23.11.2026 09:00» by the clock of the person's branch. */
  next: Type.String(),
  /** Of the newest letter; null: there has been none lately. */
  letter: Type.Union([
    Type.Object({
      state: Type.Unsafe<'waiting' | 'sent' | 'failed'>({ type: 'string', enum: ['waiting', 'sent', 'failed'] }),
      at: Type.String(),
      error: Type.Union([Type.String(), Type.Null()]),
    }),
    Type.Null(),
  ]),
});
export type Subscription = Static<typeof SubscriptionSchema>;

export const SubscriptionsSchema = Type.Object({
  data: Type.Array(SubscriptionSchema),
  /** There is a post that letters go out by. */
  isSetUp: Type.Boolean(),
  /** Our own address is known, so letters have a link. */
  hasLinks: Type.Boolean(),
  /** Of whoever asks. */
  email: Type.Union([Type.String(), Type.Null()]),
});
export type Subscriptions = Static<typeof SubscriptionsSchema>;

export const MadeSubscriptionSchema = Type.Object({ id: Type.Integer() });
