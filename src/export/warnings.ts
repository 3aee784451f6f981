import { setImmediate as breathe } from 'node:timers/promises';
import type { Board } from '../boards/catalogue.ts';
import { russianDay, startOfDay } from '../domain/days.ts';
import { formatKopecks } from '../domain/money.ts';
import { agree } from '../domain/text.ts';
import { atOneMoment, type Database } from '../store/database.ts';
import { agencyFrame } from '../store/settings.ts';
import {
  hasTariffs,
  type MoneyMessage,
  openUnfunded,
  tellMoney,
  type UnfundedAgent,
  unfundedAgents,
} from '../store/warnings.ts';
import { forecastMoney, type MoneyForecast } from './forecast.ts';

/** How many listings are named in a message. */
const NAMES = 10;

/**
 * Tells whoever has to know that money runs short: of an account its owner and the managers, at `money.warnDays` days of
 * cover and when there is not enough for today; the agent whose listings came short. Each account, level and agent once
 * a day; what does not hold any more is over. Safe to repeat. It takes the last runs' word for what is shown.
 * @returns how many messages are new
 */
export async function warnMoney(db: Database, boards: readonly Board[], agencyId: number, now: Date): Promise<number> {
  if (!(await hasTariffs(db.pool, agencyId))) return tellMoney(db, agencyId, [], now);
  const { settings, timeZone } = await agencyFrame(db, agencyId);
  const { warnDays } = settings.money;
  const told = await atOneMoment(db, (client) =>
    forecastMoney(client, boards, agencyId, { days: warnDays + 1, isRough: true, breathe }, now),
  );
  const agents = await unfundedAgents(db.pool, agencyId, NAMES);
  const open = await openUnfunded(db.pool, agencyId);
  const midnight = startOfDay(told.today, timeZone);
  return tellMoney(
    db,
    agencyId,
    [
      ...accountMessages(told, warnDays),
      ...agents.flatMap((agent) => {
        // One a day, and only where something has come short today; yesterday's stays open while it is so.
        const today = `unfunded:${agent.employeeId}:${told.today}`;
        const key = agent.lastAt >= midnight ? today : open.get(agent.employeeId);
        return key === undefined ? [] : [agentMessage(agent, key)];
      }),
    ],
    now,
  );
}

function accountMessages({ accounts, owners, today, dry }: MoneyForecast, warnDays: number): MoneyMessage[] {
  const byId = new Map(owners.map((owner) => [owner.id, owner]));
  const left = new Map(dry.accounts.map(({ id, leftKopecks }) => [id, leftKopecks]));
  return accounts.flatMap(({ accountId, coverDays, endsOn, dayKopecks }): MoneyMessage[] => {
    if (coverDays === null || endsOn === null || coverDays > warnDays) return [];
    const owner = byId.get(accountId)!;
    const kind = coverDays === 0 ? 'money-out' : 'money-low';
    const rest = formatKopecks(left.get(accountId)!);
    const text =
      coverDays === 0
        ? `На счёте «${owner.name}» не хватает денег уже сегодня: осталось ${rest}, и часть объектов не выходит. ${FIX}`
        : `На счёте «${owner.name}» денег на ${coverDays} ${agree(coverDays, 'день', 'дня', 'дней')}: ${russianDay(endsOn)} на всё уже не хватит. Осталось ${rest}, завтрашний день стоит ${formatKopecks(dayKopecks)}. ${FIX}`;
    const key = `${kind}:${accountId}:${today}`;
    return [
      ...(owner.employeeId === null
        ? []
        : [{ key: `${key}:owner`, kind, employeeId: owner.employeeId, text } as const]),
      { key: `${key}:manager`, kind, role: 'manager', text },
    ];
  });
}

/** People read it in the bell, by mail and on the command line: no commands in it. */
const FIX = 'Пополните счёт; на что уйдут деньги, видно в его прогнозе.';

function agentMessage({ employeeId, marks, names }: UnfundedAgent, key: string): MoneyMessage {
  const rest = marks > names.length ? ' и другие' : '';
  return {
    key,
    kind: 'unfunded',
    employeeId,
    text: `Не хватает денег, на досках нет: ${names.join(', ')}${rest}. Чего и сколько не хватает, сказано у каждого объекта.`,
  };
}
