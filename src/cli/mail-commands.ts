import type { Command } from 'commander';
import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import type { Mailer, PostOptions } from '../export/post.ts';
import { resolveAgency } from '../store/agencies.ts';
import {
  endMailFaults,
  type LetterRow,
  listLetters,
  MAIL_STATES,
  type MailState,
  mailState,
  retryLetter,
} from '../store/mail.ts';
import { agencyFrame } from '../store/settings.ts';
import { aligned } from './columns.ts';
import type { Context } from './context.ts';
import { type Action, choice } from './declaring.ts';
import { EXIT } from './exit.ts';
import { actorOf, oneEmployee } from './naming.ts';

interface Asked {
  readonly by?: string;
  readonly agency?: string;
}

export const MAIL_OFF = 'Почта не настроена: задайте SMTP_URL и MAIL_FROM.';

export const isMailSetUp = ({ config }: Context): boolean => config.SMTP_URL !== undefined;

/** The door for letters, loaded when it is needed; undefined: none is set up. */
async function mailerOf({ config }: Context): Promise<Mailer | undefined> {
  const { SMTP_URL: smtpUrl, MAIL_FROM: from, MAIL_REPLY_TO: replyTo } = config;
  if (smtpUrl === undefined || from === undefined) return undefined;
  const { openMailer } = await import('../export/post.ts');
  return openMailer({ smtpUrl, from, replyTo });
}

/** What the clockwork needs to write and send letters; undefined: no post is set up. */
export async function postOf(context: Context): Promise<Omit<PostOptions, 'db' | 'upSince'> | undefined> {
  const mailer = await mailerOf(context);
  if (!mailer) return undefined;
  const { boards, clock, config } = context;
  const db = await context.db();
  const publicUrl = config.PUBLIC_URL;
  return {
    mailer,
    async write(subscription, at) {
      // With the report comes the picture's drawer; whoever only rings the bell should not wait for it.
      const { reportLetter } = await import('../server/report-letter.ts');
      return reportLetter({ db, boards, clock, publicUrl }, subscription, at);
    },
    async isRecorded(subscription, at) {
      const { isReportRecorded } = await import('../server/report-letter.ts');
      return isReportRecorded({ db, boards, clock, publicUrl }, subscription, at);
    },
    unsubscribe: publicUrl === undefined ? undefined : `${publicUrl}/reports`,
  };
}

export function mailCommands(program: Command, action: Action): void {
  const mail = program
    .command('mail')
    .summary('письма: что ушло и что ждёт')
    .description(
      'Письма с отчётами: что ждёт отправки, что ушло, что не ушло и почему. Отправляет serve или work, настройки: SMTP_URL, MAIL_FROM, MAIL_REPLY_TO, PUBLIC_URL. Кому какой отчёт приходит: report subscriptions.',
    );

  mail
    .command('list')
    .description('Показывает письма последних 30 дней, новые сверху.')
    .addOption(choice('--state <состояние>', 'только ждущие, ушедшие или не ушедшие', MAIL_STATES))
    .option('--limit <число>', 'сколько показать', '20')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Asked & { state?: MailState; limit: string }) => {
        const limit = Number(options.limit);
        if (!/^\d{1,4}$/.test(options.limit) || limit === 0)
          throw new Refusal('bad-limit', `--limit: «${options.limit}», а нужно число от 1 до 9999.`, EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { timeZone } = await agencyFrame(db, agency.id);
        const letters = await listLetters(db.pool, agency.id, {
          limit,
          ...(options.state && { state: options.state }),
        });
        const isSetUp = isMailSetUp(context);
        context.print({ isSetUp, letters: letters.map((letter) => ({ ...letter, state: mailState(letter) })) }, () =>
          letters.length === 0
            ? 'Писем нет.'
            : aligned(
                letters.map((letter) => [
                  `№${letter.id}`,
                  russianMoment(letter.createdAt, timeZone),
                  `${letter.employee} <${letter.email ?? 'почты нет'}>`,
                  letter.subject,
                  stateText(letter, timeZone),
                ]),
              ),
        );
        if (!isSetUp) context.say(MAIL_OFF);
        return EXIT.done;
      }),
    );

  mail
    .command('retry')
    .description('Отправляет ещё раз письмо, которое ждёт или не ушло: с ближайшей минутой работы serve или work.')
    .argument('<номер>', 'номер письма из mail list')
    .option('--by <сотрудник>', 'кто отправляет')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: Asked) => {
        const id = Number(name.replace(/^[№#]/, ''));
        if (!Number.isSafeInteger(id) || id < 1)
          throw new Refusal('bad-number', `«${name.slice(0, 40)}» – не номер письма: mail list.`, EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'settings');
        await retryLetter(db, agency.id, id, actor.name, context.clock());
        context.print({ id }, `Письмо №${id} будет отправлено ещё раз.`);
        if (!isMailSetUp(context)) context.say(MAIL_OFF);
        return EXIT.done;
      }),
    );

  mail
    .command('test')
    .description('Сразу отправляет сотруднику пробное письмо: работают ли SMTP_URL и MAIL_FROM.')
    .requiredOption('--to <сотрудник>', 'имя или фамилия, почта, #номер')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: Asked & { to: string }) => {
        const mailer = await mailerOf(context);
        if (!mailer) throw new Refusal('mail-off', MAIL_OFF, EXIT.refused);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const { id, name, email } = await oneEmployee(db, agency.id, options.to);
        if (email === null) throw new Refusal('no-email', `${name}: почта не указана.`, EXIT.refused);
        const now = context.clock();
        const words = 'Это письмо отправлено для проверки: почта Выгрузки работает. Отвечать на него не надо.';
        try {
          await mailer.send({
            to: email,
            toName: name,
            subject: 'Выгрузка: проверка почты',
            text: `${words}\n`,
            html: `<!doctype html><html lang="ru"><body><p>${words}</p></body></html>`,
            png: null,
            identity: `test ${agency.id} ${id} ${now.toISOString()}`,
          });
        } catch (error) {
          if ((error as Error).name !== 'MailError') throw error;
          throw new Refusal('mail-not-sent', `${mailer.server}: ${(error as Error).message}`, EXIT.outside);
        }
        await endMailFaults(db.pool, agency.id, now);
        context.print({ to: email, server: mailer.server }, `Отправлено: ${name} <${email}> через ${mailer.server}.`);
        if (context.config.PUBLIC_URL === undefined)
          context.say('PUBLIC_URL не задан: в письмах с отчётами не будет ссылки на отчёт.');
        return EXIT.done;
      }),
    );
}

function stateText({ sentAt, failedAt, dueAt, error, tries }: LetterRow, zone: string): string {
  if (sentAt !== null) return `ушло ${russianMoment(sentAt, zone)}`;
  if (failedAt !== null) return `не ушло: ${error}`;
  return tries === 0 ? 'ждёт' : `ждёт до ${russianMoment(dueAt, zone)}, проб ${tries}: ${error ?? 'отправляется'}`;
}

/** How the post is set up, for `doctor`. @throws Error when letters would not go out */
export async function examineMail(context: Context): Promise<string> {
  const mailer = await mailerOf(context);
  if (!mailer) return 'не настроена (SMTP_URL), отчёты по почте не уходят';
  try {
    await mailer.greet();
  } catch (error) {
    throw new Error(`${mailer.server}: ${(error as Error).message}`);
  }
  return `${mailer.server}${context.config.PUBLIC_URL === undefined ? ', но без PUBLIC_URL в письмах нет ссылок' : ''}`;
}
