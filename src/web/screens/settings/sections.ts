import {
  IconBuildingCommunity,
  IconCalendarTime,
  IconChecklist,
  IconClipboardCheck,
  IconCoin,
  IconHistory,
  IconKey,
  IconListCheck,
  IconPackage,
  IconPhone,
  IconPlayerPause,
  IconSettings,
  IconShieldCheck,
  IconSitemap,
  IconTextCaption,
  IconUserShield,
  IconUsers,
  type TablerIcon,
} from '@tabler/icons-react';
import type { Deed } from '../../../contracts/words.ts';

/** Everything that is set up once and changed rarely: an entry is shown when its screen is there and the person may. */
export interface Section {
  readonly to: string;
  readonly words: string;
  /** What is done there, in a line. */
  readonly about: string;
  readonly icon: TablerIcon;
  readonly deeds: readonly Deed[];
}

export const SECTIONS: readonly { readonly title: string; readonly sections: readonly Section[] }[] = [
  {
    title: 'Доски',
    sections: [
      {
        to: '/settings/boards',
        words: 'Доски и кабинеты',
        about: 'Что требует каждая доска и сколько объектов это останавливает; кабинеты и их настройки',
        icon: IconBuildingCommunity,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/norms',
        words: 'Нормы агентства',
        about: 'Чего агентство требует сверх досок: фотографии, длина описания, обязательные поля',
        icon: IconChecklist,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/packages',
        words: 'Пакеты и ротация',
        about: 'Сколько мест куплено и кто займёт их в ближайшие 14 дней',
        icon: IconPackage,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/tariffs',
        words: 'Тарифы',
        about: 'Сколько стоит размещение в каждом кабинете',
        icon: IconCoin,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/marking',
        words: 'Правила отметки',
        about: 'Какие новые объекты отмечаются на доски сами',
        icon: IconListCheck,
        deeds: ['see-settings'],
      },
    ],
  },
  {
    title: 'Проверка и время',
    sections: [
      {
        to: '/settings/moderation',
        words: 'Модерация',
        about: 'Где включена, что проходит без проверки, причины возврата',
        icon: IconShieldCheck,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/calendars',
        words: 'Рабочее время',
        about: 'Дни и часы филиалов и кабинетов, праздники',
        icon: IconCalendarTime,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/pauses',
        words: 'Паузы',
        about: 'Что остановлено вручную и до какого времени',
        icon: IconPlayerPause,
        deeds: ['see-listings'],
      },
      {
        to: '/settings/phones',
        words: 'Телефоны',
        about: 'Какой номер стоит в объявлении в какие дни и часы',
        icon: IconPhone,
        deeds: ['phones'],
      },
    ],
  },
  {
    title: 'Агентство',
    sections: [
      {
        to: '/settings/agency',
        words: 'Настройки агентства',
        about: 'Актуальность, сроки, стадии сделки, тормоз, деньги, вход',
        icon: IconSettings,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/texts',
        words: 'Автотекст',
        about: 'Шаблоны описаний и поля по формулам',
        icon: IconTextCaption,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/start',
        words: 'Первый запуск',
        about: 'Что ещё осталось настроить, чтобы объекты вышли на доски',
        icon: IconClipboardCheck,
        deeds: ['settings'],
      },
    ],
  },
  {
    title: 'Люди',
    sections: [
      {
        to: '/settings/people',
        words: 'Люди',
        about: 'Кто работает, где, с какими правами и как входит',
        icon: IconUsers,
        deeds: ['see-people'],
      },
      {
        to: '/settings/structure',
        words: 'Филиалы и отделы',
        about: 'Филиалы с их временем, отделы, группы CRM',
        icon: IconSitemap,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/rights',
        words: 'Права ролей',
        about: 'Какая роль что может',
        icon: IconUserShield,
        deeds: ['see-settings'],
      },
      {
        to: '/settings/tokens',
        words: 'Ключи API',
        about: 'Ключи для CRM и других программ',
        icon: IconKey,
        deeds: ['tokens'],
      },
      {
        to: '/journal',
        words: 'Журнал',
        about: 'Кто, что и когда изменил',
        icon: IconHistory,
        deeds: ['see-journal'],
      },
    ],
  },
];
