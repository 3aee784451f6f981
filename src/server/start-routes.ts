import { type Start, StartSchema } from '../contracts/start.ts';
import { russianMoment } from '../domain/days.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { agencyFrame } from '../store/settings.ts';
import { startFacts } from '../store/start.ts';
import type { Api } from './api.ts';
import { boardName } from './timetable.ts';

const count = (value: number, one: string, few: string, many: string) =>
  `${formatNumber(value)} ${agree(value, one, few, many)}`;

/** The first run: what is there already, and what comes next. */
export function startRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/start',
    summary: 'Первый запуск: что уже сделано и что дальше',
    policy: { deed: 'settings', of: 'agency', token: null },
    answer: StartSchema,
    handler: async ({ db, agencyId, boards }): Promise<Start> => {
      const { name, timeZone } = await agencyFrame(db, agencyId);
      const facts = await startFacts(db.pool, agencyId);
      const moment = (at: Date) => russianMoment(at, timeZone);
      const steps: Start['steps'] = [
        {
          key: 'branches',
          title: 'Агентство и филиалы',
          isDone: facts.branches > 0,
          told:
            facts.branches > 0
              ? `«${name}», ${count(facts.branches, 'филиал', 'филиала', 'филиалов')}`
              : 'Откройте хотя бы один филиал: по нему считаются часы, счета и права.',
          href: '/settings/structure',
          action: facts.branches > 0 ? 'Филиалы' : 'Открыть филиал',
        },
        {
          key: 'people',
          title: 'Люди',
          isDone: facts.signIns > 1,
          told:
            facts.people > 1
              ? `${count(facts.people, 'сотрудник', 'сотрудника', 'сотрудников')}, входят ${formatNumber(facts.signIns)}${facts.signIns > 1 ? '' : ': пригласите остальных'}`
              : 'Добавьте сотрудников и отправьте каждому ссылку для входа.',
          href: '/settings/people',
          action: facts.people > 1 ? (facts.signIns > 1 ? 'Люди' : 'Пригласить') : 'Добавить',
        },
        {
          key: 'source',
          title: 'Откуда объекты',
          isDone: facts.listings > 0,
          told:
            facts.listings > 0
              ? `${count(facts.listings, 'объект', 'объекта', 'объектов')} из ${count(facts.sources, 'источника', 'источников', 'источников')}${facts.importedAt ? `, последний файл ${moment(facts.importedAt)}` : ''}`
              : 'Загрузите файл выгрузки из CRM или дайте CRM ключ API.',
          href: '/imports',
          action: facts.listings > 0 ? 'Загрузки' : 'Загрузить',
        },
        {
          key: 'cabinet',
          title: 'Кабинет первой доски',
          isDone: facts.boards.length > 0,
          told:
            facts.boards.length > 0
              ? facts.boards.map((board) => boardName(boards, board)).join(', ')
              : 'Заведите кабинет доски, на которую выгружаете.',
          href: '/settings/boards',
          action: facts.boards.length > 0 ? 'Кабинеты' : 'Завести кабинет',
        },
        {
          key: 'pull',
          title: 'Доска забрала фид',
          isDone: facts.pulledAt !== null,
          told:
            facts.pulledAt !== null
              ? `Последний раз ${moment(facts.pulledAt)}: ${boardName(boards, facts.pulledBy!)}`
              : 'Скопируйте адрес фида в кабинет доски. Отметится само, когда она придёт за файлом.',
          href: '/feeds',
          action: facts.pulledAt !== null ? 'Фиды' : 'Взять адрес',
        },
        {
          key: 'check',
          title: 'Первая проверка',
          isDone: facts.checkedAt !== null,
          told:
            facts.checkedAt !== null
              ? `${moment(facts.checkedAt)}: ${count(facts.marks, 'отметка', 'отметки', 'отметок')}, в фидах ${formatNumber(facts.published)}`
              : 'Отметьте объекты на доску: проверка и сборка начнутся сами.',
          href: facts.checkedAt !== null ? '/diagnostics' : '/listings',
          action: facts.checkedAt !== null ? 'Что не выходит' : 'Отметить',
        },
      ];
      return { isDone: steps.every(({ isDone }) => isDone), steps };
    },
  });
}
