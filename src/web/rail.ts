import {
  IconBuildingCommunity,
  IconChartBar,
  IconFileImport,
  IconHistory,
  IconLayoutList,
  IconPhone,
  IconRss,
  IconSettings,
  IconShieldCheck,
  IconStethoscope,
  IconUsers,
  IconWallet,
  type TablerIcon,
} from '@tabler/icons-react';
import type { Waiting } from '../contracts/tasks.ts';
import type { Deed } from '../contracts/words.ts';

/**
 * The left rail: where one can go. An entry is shown when its screen is in `router.tsx` and the person may do at least
 * one of its deeds; a person of several roles sees the union.
 */
export interface RailEntry {
  /** The path of a screen, as `router.tsx` has it. */
  readonly to: string;
  readonly words: string;
  readonly icon: TablerIcon;
  /** Whoever may none of these does not see it; without it everybody does. */
  readonly deeds?: readonly Deed[];
  /** The key to go there: `g o`. */
  readonly keys?: string;
  /** The word in `GET /waiting` whose number stands beside: work that waits for this person. */
  readonly waits?: keyof Waiting;
  /** Set-up, apart from the daily work. */
  readonly isSetUp?: boolean;
}

export const RAIL: readonly RailEntry[] = [
  {
    to: '/moderation',
    words: 'Модерация',
    icon: IconShieldCheck,
    deeds: ['see-moderation'],
    keys: 'g m',
    waits: 'moderation',
  },
  { to: '/listings', words: 'Объекты', icon: IconLayoutList, deeds: ['see-listings'], keys: 'g o', waits: 'listings' },
  {
    to: '/diagnostics',
    words: 'Диагностика',
    icon: IconStethoscope,
    deeds: ['see-listings'],
    keys: 'g d',
  },
  { to: '/reports', words: 'Отчёты', icon: IconChartBar, deeds: ['see-listings'], keys: 'g r' },
  { to: '/accounts', words: 'Счета', icon: IconWallet, deeds: ['see-accounts'], keys: 'g a' },
  {
    to: '/feeds',
    words: 'Фиды',
    icon: IconRss,
    deeds: ['see-feeds'],
    keys: 'g f',
    waits: 'feeds',
  },
  { to: '/imports', words: 'Загрузки', icon: IconFileImport, deeds: ['imports'], keys: 'g i' },
  {
    to: '/settings/boards',
    words: 'Доски и кабинеты',
    icon: IconBuildingCommunity,
    deeds: ['see-settings'],
    isSetUp: true,
  },
  { to: '/settings/phones', words: 'Телефоны', icon: IconPhone, deeds: ['phones'], isSetUp: true },
  { to: '/settings/people', words: 'Люди и права', icon: IconUsers, deeds: ['see-people'], isSetUp: true },
  {
    to: '/settings',
    words: 'Настройки',
    icon: IconSettings,
    deeds: ['see-settings'],
    isSetUp: true,
  },
  { to: '/journal', words: 'Журнал', icon: IconHistory, deeds: ['see-journal'], isSetUp: true },
];
