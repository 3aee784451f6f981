import type { Command } from 'commander';
import type { Action } from './declaring.ts';

/**
 * The table of contents of the command line: every command by its name, arguments and one line of help, in the order
 * of the help, and where it is told in full. A command's file brings along whatever its work needs, half the program
 * at times, so it is read only when its command is named. test/cli/menu.test.ts holds this to what the files say.
 */

export interface Chapter {
  /** Name and arguments as commander writes them -> the line of the help. */
  readonly commands: Readonly<Record<string, string>>;
  /** Declares the commands in full. */
  readonly declare: (program: Command, action: Action) => Promise<void>;
}

export const MENU: readonly Chapter[] = [
  {
    commands: {
      brake: 'тормоз: что удержано в фидах и отпустить ли',
      'import <файл|адрес>': 'загрузить объекты из фида CRM',
      publish: 'собрать фиды досок',
    },
    declare: async (program, action) => (await import('./feed-commands.ts')).feedCommands(program, action),
  },
  {
    commands: {
      mark: 'отметить объекты на выгрузку',
      unmark: 'снять отметки',
    },
    declare: async (program, action) => (await import('./mark-commands.ts')).markCommands(program, action),
  },
  {
    commands: {
      'confirm <объект>': 'подтвердить, что объекты актуальны',
      'status <объект> <статус>': 'сказать, что объект свободен, забронирован, продан, сдан или в архиве',
      'stage <объект> [стадия]': 'перевести объект на стадию сделки',
      'forbid <объект>': 'запретить рекламировать объект',
      'call <объект> <результат>': 'отметить результат звонка собственнику',
      'term <объект>': 'продлить, подтвердить или перенести срок размещения',
      terms: 'сроки размещения',
      inbox: 'кого о чём спрашивают',
      remind: 'спросить, напомнить и сделать то, чему пришёл срок',
      marking: 'правила, по которым объекты отмечаются сами',
    },
    declare: async (program, action) => (await import('./market-commands.ts')).marketCommands(program, action),
  },
  {
    commands: {
      check: 'проверить объекты по требованиям досок',
      'explain <объект>': 'почему объект есть или не есть на доске',
      'preview <объект>': 'показать объявление таким, каким его получит доска',
    },
    declare: async (program, action) => (await import('./check-commands.ts')).checkCommands(program, action),
  },
  {
    commands: {
      feeds: 'адреса фидов и кто их забирает',
    },
    declare: async (program, action) => (await import('./address-commands.ts')).addressCommands(program, action),
  },
  {
    commands: {
      'correct <объект>': 'исправить поле объекта поверх источника',
    },
    declare: async (program, action) => (await import('./correct-commands.ts')).correctCommands(program, action),
  },
  {
    commands: {
      texts: 'автотекст: описания и вычисляемые поля',
    },
    declare: async (program, action) => (await import('./text-commands.ts')).textCommands(program, action),
  },
  {
    commands: {
      report: 'график выгрузки: сколько объектов было на досках',
    },
    declare: async (program, action) => {
      const [{ reportCommands }, { moneyReportCommands }] = await Promise.all([
        import('./report-commands.ts'),
        import('./money-report-commands.ts'),
      ]);
      moneyReportCommands(reportCommands(program, action), action);
    },
  },
  {
    commands: {
      audience: 'просмотры и звонки по объявлениям',
    },
    declare: async (program, action) => (await import('./audience-commands.ts')).audienceCommands(program, action),
  },
  {
    commands: {
      'validate <файл|адрес>': 'проверить файл фида, свой или чужой',
      coverage: 'сколько элементов форматов поддержано',
    },
    declare: async (program, action) => (await import('./coverage-commands.ts')).coverageCommands(program, action),
  },
  {
    commands: {
      rotation: 'кто займёт места в пакете',
      'pin <объект>': 'закрепить объект: место в пакете ему первому',
      'unpin <объект>': 'открепить объект',
      package: 'рекламный пакет кабинета',
    },
    declare: async (program, action) => (await import('./rotation-commands.ts')).rotationCommands(program, action),
  },
  {
    commands: {
      accounts: 'рекламные счета',
    },
    declare: async (program, action) => {
      const [{ accountCommands }, { accountsCommand }, { reconcileCommands }, { verifyCommands }] = await Promise.all([
        import('./account-commands.ts'),
        import('./account-naming.ts'),
        import('./reconcile-commands.ts'),
        import('./verify-commands.ts'),
      ]);
      accountCommands(program, action);
      reconcileCommands(accountsCommand(program), action);
      verifyCommands(accountsCommand(program), action);
    },
  },
  {
    commands: {
      promotion: 'платное продвижение на досках',
    },
    declare: async (program, action) => (await import('./promotion-commands.ts')).promotionCommands(program, action),
  },
  {
    commands: {
      tariffs: 'сколько стоит размещение',
    },
    declare: async (program, action) => (await import('./tariff-commands.ts')).tariffCommands(program, action),
  },
  {
    commands: {
      moderation: 'модерация: включить, очередь, что изменилось',
      'verdict <объект> <решение>': 'одобрить, вернуть или исправить и одобрить объект',
    },
    declare: async (program, action) => (await import('./moderation-commands.ts')).moderationCommands(program, action),
  },
  {
    commands: {
      norm: 'нормы агентства',
      'except <объект>': 'исключение для объекта',
    },
    declare: async (program, action) => (await import('./norm-commands.ts')).normCommands(program, action),
  },
  {
    commands: {
      phone: 'график телефонов',
    },
    declare: async (program, action) => (await import('./phone-commands.ts')).phoneCommands(program, action),
  },
  {
    commands: {
      photos: 'проверка снимков по их адресам',
    },
    declare: async (program, action) => (await import('./photo-commands.ts')).photoCommands(program, action),
  },
  {
    commands: {
      calendar: 'рабочее время филиалов и кабинетов',
      pause: 'приостановить размещение',
    },
    declare: async (program, action) => (await import('./calendar-commands.ts')).calendarCommands(program, action),
  },
  {
    commands: {
      users: 'вход в приложение и права',
    },
    declare: async (program, action) => (await import('./user-commands.ts')).userCommands(program, action),
  },
  {
    commands: {
      settings: 'настройки агентства и кабинетов',
      branch: 'филиалы',
    },
    declare: async (program, action) => (await import('./settings-commands.ts')).settingsCommands(program, action),
  },
  {
    commands: {
      mail: 'письма: что ушло и что ждёт',
    },
    declare: async (program, action) => (await import('./mail-commands.ts')).mailCommands(program, action),
  },
  {
    commands: {
      work: 'собирать фиды по расписанию',
      runs: 'что и когда собиралось',
      due: 'когда какой фид будет собран',
    },
    declare: async (program, action) => (await import('./clockwork-commands.ts')).clockworkCommands(program, action),
  },
  {
    commands: {
      serve: 'отдавать фиды доскам и собирать их по расписанию',
      demo: 'показать всё на воображаемом агентстве',
      migrate: 'обновить схему базы данных',
      employees: 'сотрудники',
      doctor: 'проверить, всё ли готово к работе',
    },
    declare: async (program, action) => (await import('./service-commands.ts')).serviceCommands(program, action),
  },
];
