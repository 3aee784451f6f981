import Type from 'typebox';
import { type Task, TasksSchema, WaitingSchema } from '../contracts/tasks.ts';
import { russianMoment } from '../domain/days.ts';
import { mayDo } from '../domain/rights.ts';
import { agree } from '../domain/text.ts';
import { placeOfCabinet } from '../store/access.ts';
import { agencyFrame } from '../store/settings.ts';
import {
  accountOf,
  countWaiting,
  endTask,
  type FeedTrouble,
  feedTroubles,
  openTasks,
  type TaskRow,
  TOLD_KINDS,
} from '../store/tasks.ts';
import type { Api, Ask } from './api.ts';
import { notFound } from './problems.ts';

/** The bell: what waits for this person, each with one link to the exact place. */
export function taskRoutes(api: Api): void {
  const policy = { deed: 'signed-in', token: 'listings:read' } as const;

  api.define({
    method: 'GET',
    url: '/tasks',
    summary: 'Что ждёт вас',
    policy,
    answer: TasksSchema,
    handler: async (ask) => ({ data: await tasksOf(ask) }),
  });

  api.define({
    method: 'GET',
    url: '/waiting',
    summary: 'Сколько чего ждёт вас, для меню',
    policy,
    answer: WaitingSchema,
    handler: async (ask) => {
      const { db, caller, now } = ask;
      const counts = await countWaiting(db.pool, caller, now);
      const tasks = await tasksOf(ask);
      return {
        tasks: tasks.filter(({ isTold }) => !isTold).length,
        listings: counts.listings,
        moderation: mayDo(caller, 'moderation', 'anywhere') ? counts.moderation : 0,
        feeds: tasks.filter(({ id, href }) => id === null && href.startsWith('/feeds/')).length,
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/tasks/:id/done',
    summary: 'Принять сообщение к сведению',
    policy: { deed: 'signed-in', token: null },
    params: Type.Object({ id: Type.Integer() }),
    handler: async ({ db, caller, params, now }) => {
      if (!(await endTask(db, caller, params.id, now)))
        throw notFound('Такого сообщения нет, или оно закроется само, когда причина исчезнет.');
    },
  });
}

async function tasksOf({ db, caller, agencyId, now }: Ask<unknown, unknown, unknown>): Promise<Task[]> {
  const { timeZone } = await agencyFrame(db, agencyId);
  const troubles = mayDo(caller, 'see-feeds', 'anywhere') ? await feedTroubles(db.pool, agencyId, now) : [];
  const seen = troubles.filter(({ branchId }) => mayDo(caller, 'see-feeds', placeOfCabinet({ branchId })));
  const asked = (await openTasks(db.pool, caller, now)).map(told);
  const held = new Set(asked.flatMap(({ kind, href }) => (kind === 'brake' ? [href] : [])));
  return [
    ...seen
      .flatMap((trouble) => ofFeed(trouble, timeZone, now))
      .filter(({ kind, href }) => kind !== 'brake' || !held.has(href)),
    ...asked,
  ];
}

function ofFeed(trouble: FeedTrouble, zone: string, now: Date): Task[] {
  const { cabinetId, name, failures, failedAt, isHeld, notPulledSince } = trouble;
  const task = (kind: string, label: string, text: string, at: Date | null): Task => ({
    id: null,
    key: `${kind}:${cabinetId}`,
    kind,
    label,
    text,
    href: `/feeds/${cabinetId}`,
    action: 'Разобраться',
    isMine: false,
    isTold: false,
    at: at?.toISOString() ?? null,
  });
  const hours = notPulledSince === null ? 0 : Math.floor((now.getTime() - notPulledSince.getTime()) / 3_600_000);
  return [
    ...(failures > 0
      ? [
          task(
            'run-failed',
            'Фид не собирается',
            `${name}: ${failures} ${agree(failures, 'прогон', 'прогона', 'прогонов')} подряд не ${agree(failures, 'удался', 'удались', 'удались')}, последний ${russianMoment(failedAt!, zone)}. Доске отдаётся прежнее издание.`,
            failedAt,
          ),
        ]
      : []),
    ...(isHeld
      ? [
          task(
            'brake',
            'Сработал тормоз',
            `${name}: фид держит объекты, которые должны были уйти. Решите, отпустить ли их.`,
            null,
          ),
        ]
      : []),
    ...(notPulledSince !== null
      ? [
          task(
            'not-pulled',
            'Доска не забирает фид',
            `${name}: фид не забирали ${hours} ${agree(hours, 'час', 'часа', 'часов')}.`,
            notPulledSince,
          ),
        ]
      : []),
  ];
}

/** What a kind is called, and the button that leads to where it is mended. */
const KINDS: Readonly<Record<string, readonly [label: string, action: string]>> = {
  'verdict-returned': ['Вернул модератор', 'Исправить'],
  'verdict-approved': ['Одобрил модератор', 'Открыть'],
  question: ['Вопрос модератора', 'Ответить'],
  blocked: ['Не выходит из-за ошибок', 'Исправить'],
  duplicate: ['Не выходит как дубль', 'Открыть'],
  'keeps-place': ['Место у вашего объекта', 'Открыть'],
  'fresh-ask': ['Подтвердите, что актуален', 'Подтвердить'],
  'fresh-manager': ['Скоро снимется: не подтверждён', 'Открыть'],
  'fresh-stale': ['Снят: не подтверждён', 'Подтвердить'],
  'fresh-archived': ['Ушёл в архив', 'Открыть'],
  'call-back': ['Пора перезвонить', 'Отметить звонок'],
  'term-ends': ['Кончается срок', 'Продлить'],
  'term-ended': ['Срок кончился', 'Продлить'],
  'term-extended': ['Срок продлён', 'Открыть'],
  'money-low': ['Деньги кончаются', 'Пополнить'],
  'money-out': ['Деньги кончились', 'Пополнить'],
  'monthly-short': ['Пополнение не прошло', 'Открыть счёт'],
  unfunded: ['Не хватает денег', 'Показать'],
  brake: ['Сработал тормоз', 'Разобраться'],
  'report-mail-ended': ['Отчёт не приходит', 'Открыть отчёт'],
  'mail-failed': ['Письмо не ушло', 'Открыть отчёт'],
  'mail-fault': ['Почта не работает', 'Открыть отчёт'],
  'photo-server-silent': ['Не открываются фото', 'Открыть'],
};

function told(task: TaskRow): Task {
  const { id, key, kind, isMine, text, at } = task;
  const [label, action] = KINDS[kind] ?? ['Сообщение', 'Открыть'];
  return {
    id,
    key,
    kind,
    label,
    text,
    action,
    isMine,
    isTold: TOLD_KINDS.has(kind),
    href: hrefOf(task),
    at: at.toISOString(),
  };
}

function hrefOf({ key, kind, listingId, cabinetId }: TaskRow): string {
  const account = accountOf(key);
  if (account !== null) return `/accounts/${account}`;
  if (kind === 'report-mail-ended' || kind === 'mail-failed' || kind === 'mail-fault') return '/reports';
  if (kind === 'unfunded') return '/listings?outcome=unfunded';
  if (listingId !== null) return `/listings/${listingId}`;
  if (kind === 'brake' && cabinetId !== null) return `/feeds/${cabinetId}`;
  if (cabinetId !== null) return `/listings?cabinet=${cabinetId}&outcome=${kind}`;
  return '/listings';
}
