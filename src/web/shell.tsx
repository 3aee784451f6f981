import { ActionIcon, Burger, Menu, UnstyledButton, useMantineColorScheme } from '@mantine/core';
import { useDisclosure, useMediaQuery } from '@mantine/hooks';
import { IconBell, IconChevronDown, IconHelp, IconLogout, IconSearch, IconUser } from '@tabler/icons-react';
import { type ErrorComponentProps, Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { lazy, useEffect, useRef, useState } from 'react';
import type { Waiting } from '../contracts/tasks.ts';
import { useHotkeys } from './hotkeys.ts';
import { Identity, loadIdentityDialogs } from './identity.tsx';
import { Late, useFetchLater } from './late.tsx';
import { useLive } from './live.ts';
import { Keys } from './parts/keys.tsx';
import { Broken } from './parts/states.tsx';
import { UndoKey } from './parts/undo.tsx';
import { useApi } from './query.ts';
import { RAIL, type RailEntry } from './rail.ts';
import { hasScreen } from './router.tsx';
import { leave, useSession } from './session.ts';
import classes from './shell.module.css';
import { formatNumber, zoneWords } from './words.ts';

/** Everything around a screen: the rail, the search, the bell, the person. */

const loadPalette = () => import('./palette.tsx');
const loadKeysHelp = () => import('./keys-help.tsx');
const loadPhoneMenu = () => import('./phone-menu.tsx');
const Palette = lazy(async () => ({ default: (await loadPalette()).Palette }));
const KeysHelp = lazy(async () => ({ default: (await loadKeysHelp()).KeysHelp }));
const PhoneMenu = lazy(async () => ({ default: (await loadPhoneMenu()).PhoneMenu }));

const LATER = [loadIdentityDialogs, loadPalette, loadKeysHelp, loadPhoneMenu];

/** The entries this person sees. */
export function useRail(): readonly RailEntry[] {
  const { may } = useSession();
  return RAIL.filter(({ to, deeds }) => hasScreen(to) && (!deeds || deeds.some((deed) => may.includes(deed))));
}

export function Shell() {
  const session = useSession();
  const rail = useRail();
  const navigate = useNavigate();
  const isPhone = useMediaQuery('(max-width: 48em)');
  const [isMenuOpen, menu] = useDisclosure();
  const [isPaletteOpen, palette] = useDisclosure();
  const [isHelpOpen, help] = useDisclosure();
  const main = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const { data: waiting } = useApi<Waiting>('/waiting');
  useLive();
  useHotkeys('Везде', [
    { keys: 'mod+k', words: 'Найти или перейти', inField: true, run: palette.toggle },
    { keys: '?', words: 'Клавиши', run: help.toggle },
  ]);
  useHotkeys(
    'Переходы',
    rail.flatMap(({ keys, words, to }) => (keys ? [{ keys, words, run: () => void navigate({ to } as never) }] : [])),
  );
  useFetchLater(LATER);
  // On another screen the reading begins at its top, and the phone's menu has done its work.
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    menu.close();
    main.current?.focus({ preventScroll: true });
  }, [path, menu.close]);

  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        К содержанию
      </a>
      <header className={classes.top}>
        {isPhone && (
          <Burger size="sm" opened={isMenuOpen} onClick={menu.toggle} aria-label="Меню" aria-expanded={isMenuOpen} />
        )}
        <Link to="/" className={classes.brand!}>
          <img src="/favicon.svg" alt="" width={24} height={24} />
          <span>Выгрузка</span>
        </Link>
        <UnstyledButton className={classes.search!} onClick={palette.open} aria-keyshortcuts="Control+K">
          <IconSearch size={16} aria-hidden />
          <span className={classes.searchWords}>Найти или перейти</span>
          <Keys keys="mod+k" />
        </UnstyledButton>
        <div className={classes.tools}>
          <Bell count={waiting?.tasks ?? 0} />
          {!isPhone && (
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label="Клавиши"
              title="Клавиши"
              onClick={help.open}
            >
              <IconHelp size={20} />
            </ActionIcon>
          )}
          <PersonMenu />
        </div>
      </header>
      {!isPhone && (
        <nav className={classes.rail} aria-label="Разделы">
          <RailLinks rail={rail} waiting={waiting} />
          <footer className={classes.footer}>
            <div>{session.agency.name}</div>
            <div>Время: {zoneWords(session.agency.timeZone)}</div>
          </footer>
        </nav>
      )}
      <main className={classes.main} id="main" ref={main} tabIndex={-1} data-scroll-restoration-id="main">
        <Outlet />
      </main>
      {isPhone && (
        <>
          <BottomBar rail={rail} waiting={waiting} />
          <Late opened={isMenuOpen}>
            {(opened) => (
              <PhoneMenu opened={opened} onClose={menu.close} title={session.agency.name}>
                <nav aria-label="Все разделы">
                  <RailLinks rail={rail} waiting={waiting} />
                </nav>
                <p className={classes.phoneZone}>Время: {zoneWords(session.agency.timeZone)}</p>
              </PhoneMenu>
            )}
          </Late>
        </>
      )}
      <Late opened={isPaletteOpen}>
        {(opened) => <Palette opened={opened} onClose={palette.close} rail={rail} onHelp={help.open} />}
      </Late>
      <Late opened={isHelpOpen}>{(opened) => <KeysHelp opened={opened} onClose={help.close} />}</Late>
      <UndoKey />
      <Identity />
    </div>
  );
}

function RailLinks({ rail, waiting }: { rail: readonly RailEntry[]; waiting: Waiting | undefined }) {
  const daily = rail.filter((entry) => !entry.isSetUp);
  const setUp = rail.filter((entry) => entry.isSetUp);
  return (
    <>
      {daily.length > 0 && (
        <ul className={classes.links}>
          {daily.map((entry) => (
            <RailLink key={entry.to} entry={entry} waiting={waiting} />
          ))}
        </ul>
      )}
      {setUp.length > 0 && (
        <>
          <div className={classes.group} id="rail-set-up">
            Устройство
          </div>
          <ul className={classes.links} aria-labelledby="rail-set-up">
            {setUp.map((entry) => (
              <RailLink key={entry.to} entry={entry} waiting={waiting} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function RailLink({ entry, waiting }: { entry: RailEntry; waiting: Waiting | undefined }) {
  const { to, words, icon: Icon, keys } = entry;
  const count = (entry.waits && waiting?.[entry.waits]) ?? 0;
  const path = useRouterState({ select: (state) => state.location.pathname });
  // «Телефоны» lies under «Настройки»: only the nearest one is where one is.
  const isNarrower = RAIL.some(({ to: other }) => other.startsWith(`${to}/`) && path.startsWith(other));
  return (
    <li>
      <Link
        to={to}
        activeOptions={{ exact: isNarrower }}
        className={classes.link!}
        aria-keyshortcuts={keys}
        title={keys && `${words} (${keys})`}
      >
        <Icon size={19} stroke={1.7} aria-hidden />
        <span className={classes.linkWords}>{words}</span>
        {count > 0 && (
          <span className={classes.count}>
            {formatNumber(count)}
            <span className="heard"> ждут вас</span>
          </span>
        )}
      </Link>
    </li>
  );
}

/** The first four, where the thumb is. */
function BottomBar({ rail, waiting }: { rail: readonly RailEntry[]; waiting: Waiting | undefined }) {
  const first = rail.filter((entry) => !entry.isSetUp).slice(0, 4);
  if (first.length < 2) return null;
  return (
    <nav className={classes.bottom} aria-label="Главные разделы">
      {first.map(({ to, words, icon: Icon, waits }) => (
        <Link key={to} to={to} className={classes.bottomLink!}>
          <span className={classes.bottomIcon}>
            <Icon size={22} stroke={1.7} aria-hidden />
            {waits && (waiting?.[waits] ?? 0) > 0 && <span className={classes.dot} aria-hidden />}
          </span>
          {words}
        </Link>
      ))}
    </nav>
  );
}

function Bell({ count }: { count: number }) {
  return (
    <ActionIcon
      component={Link}
      to="/tasks"
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={count > 0 ? `Задачи: ${formatNumber(count)}` : 'Задачи'}
      className={classes.bell!}
    >
      <IconBell size={20} />
      {count > 0 && (
        <span className={classes.bellCount} aria-hidden>
          {count > 99 ? '99+' : count}
        </span>
      )}
    </ActionIcon>
  );
}

const SCHEMES = [
  { value: 'auto', words: 'Тема как в системе' },
  { value: 'light', words: 'Светлая тема' },
  { value: 'dark', words: 'Тёмная тема' },
] as const;

function PersonMenu() {
  const { person, grants } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [isLeaving, setIsLeaving] = useState(false);
  return (
    <Menu width={270}>
      <Menu.Target>
        <UnstyledButton className={classes.person!}>
          <span className={classes.avatar} aria-hidden>
            {initials(person.name)}
          </span>
          <span className="heard">Меню: </span>
          <span className={classes.personName}>{person.name}</span>
          <IconChevronDown size={14} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {grants.map(({ label }) => (
            <div key={label}>{label}</div>
          ))}
        </Menu.Label>
        <Menu.Item component={Link} to="/profile" leftSection={<IconUser size={16} />}>
          Профиль и вход
        </Menu.Item>
        <Menu.Divider />
        <Menu.RadioGroup value={colorScheme} onChange={(value) => setColorScheme(value as typeof colorScheme)}>
          {SCHEMES.map(({ value, words }) => (
            <Menu.RadioItem key={value} value={value}>
              {words}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.Item
          leftSection={<IconLogout size={16} />}
          disabled={isLeaving}
          onClick={() => {
            setIsLeaving(true);
            void leave();
          }}
        >
          Выйти
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** «Петров Алексей» as «ПА». */
const initials = (name: string): string =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word[0] ?? '')
    .join('')
    .toUpperCase();

/** A screen that fell over, told with a way on. */
export function Crash({ error, reset }: ErrorComponentProps) {
  return <Broken error={error} onRetry={reset} />;
}
