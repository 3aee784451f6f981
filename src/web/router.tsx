import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  useNavigate,
  useSearch,
} from '@tanstack/react-router';
import { type ComponentType, useCallback } from 'react';
import { queryClient } from './query.ts';
import { NotFound } from './screens/not-found.tsx';
import { sessionQuery } from './session.ts';
import { Crash, Shell } from './shell.tsx';

type Screen = () => Promise<{ default: ComponentType }>;

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Crash });

/** Before signing in: no rail, no bell. */
const outside = <const P extends string>(path: P, load: Screen) =>
  createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load) });

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  component: Shell,
  beforeLoad: async ({ location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery);
    if (!session) throw redirect({ to: '/sign-in', search: { next: location.href } });
    return { session };
  },
});

/** A screen inside the shell; it is loaded when somebody goes there. */
const screen = <const P extends string>(path: P, load: Screen) =>
  createRoute({ getParentRoute: () => shell, path, component: lazyRouteComponent(load) });

const home = createRoute({
  getParentRoute: () => shell,
  path: '/',
  beforeLoad: ({ context }) => {
    throw redirect({ href: hasScreen(context.session.home) ? context.session.home : '/profile', replace: true });
  },
});

// One screen under both addresses, so that going from case to case loses neither the queue nor what was said.
const moderation = screen('/moderation', () => import('./screens/moderation/index.tsx'));
const openCase = createRoute({ getParentRoute: () => moderation, path: '$id' });

const tree = root.addChildren([
  outside('/sign-in', () => import('./screens/sign-in.tsx')),
  outside('/welcome/$token', () => import('./screens/welcome.tsx')),
  shell.addChildren([
    home,
    screen('/profile', () => import('./screens/profile.tsx')),
    screen('/tasks', () => import('./screens/tasks.tsx')),
    moderation.addChildren([openCase]),
    screen('/listings', () => import('./screens/listings/index.tsx')),
    screen('/listings/$id', () => import('./screens/card/index.tsx')),
    screen('/accounts', () => import('./screens/accounts/accounts.tsx')),
    screen('/accounts/reconciliation', () => import('./screens/accounts/reconciliation.tsx')),
    screen('/accounts/promotions', () => import('./screens/accounts/promotions.tsx')),
    screen('/accounts/$id', () => import('./screens/accounts/account.tsx')),
    screen('/diagnostics', () => import('./screens/diagnostics.tsx')),
    screen('/diagnostics/fill', () => import('./screens/diagnostics/fill.tsx')),
    screen('/rules/$board/$code', () => import('./screens/rule.tsx')),
    screen('/reports', () => import('./screens/reports/exports.tsx')),
    screen('/reports/money', () => import('./screens/reports/money.tsx')),
    screen('/reports/work', () => import('./screens/reports/work.tsx')),
    screen('/feeds', () => import('./screens/feeds.tsx')),
    screen('/feeds/$id', () => import('./screens/feed.tsx')),
    screen('/imports', () => import('./screens/imports.tsx')),
    screen('/settings', () => import('./screens/settings/home.tsx')),
    screen('/settings/agency', () => import('./screens/settings/agency.tsx')),
    screen('/settings/boards', () => import('./screens/settings/boards.tsx')),
    screen('/settings/boards/$board', () => import('./screens/settings/rules.tsx')),
    screen('/settings/cabinets/$id', () => import('./screens/settings/cabinet.tsx')),
    screen('/settings/norms', () => import('./screens/settings/norms.tsx')),
    screen('/settings/packages', () => import('./screens/settings/packages.tsx')),
    screen('/settings/tariffs', () => import('./screens/settings/tariffs.tsx')),
    screen('/settings/moderation', () => import('./screens/settings/moderation.tsx')),
    screen('/settings/calendars', () => import('./screens/settings/calendars.tsx')),
    screen('/settings/pauses', () => import('./screens/settings/pauses.tsx')),
    screen('/settings/marking', () => import('./screens/settings/marking.tsx')),
    screen('/settings/texts', () => import('./screens/settings/texts.tsx')),
    screen('/settings/phones', () => import('./screens/settings/phones.tsx')),
    screen('/settings/people', () => import('./screens/settings/people.tsx')),
    screen('/settings/structure', () => import('./screens/settings/structure.tsx')),
    screen('/settings/rights', () => import('./screens/settings/rights.tsx')),
    screen('/settings/tokens', () => import('./screens/settings/tokens.tsx')),
    screen('/settings/start', () => import('./screens/settings/start.tsx')),
    screen('/journal', () => import('./screens/journal.tsx')),
    // One line for each screen; its place in the rail is a line in `rail.ts`.
  ]),
]);

/** `?board=avito&board=cian`: a repeated word is a list, everything is text until the screen reads it. */
function parseSearch(text: string): Record<string, string | string[]> {
  const found: Record<string, string | string[]> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const known = found[name];
    found[name] = known === undefined ? value : [...(Array.isArray(known) ? known : [known]), value];
  }
  return found;
}

function stringifySearch(search: Record<string, unknown>): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== '' && one !== false) words.append(name, String(one));
    }
  }
  const text = words.toString();
  return text && `?${text}`;
}

export const router = createRouter({
  routeTree: tree,
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  // What the screens ask for is kept by the query client.
  defaultPreloadStaleTime: 0,
  defaultErrorComponent: Crash,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

/** Is there a screen under this path? */
export const hasScreen = (path: string): boolean => path.split('?')[0]! in router.routesByPath;

export type RawAddress = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * What stands in the address after «?», as the screen reads it: filters, sort and period live there, so that a link
 * shows the same to everybody and «back» works.
 * @param read turns texts into the screen's own values and falls back where somebody wrote nonsense
 */
export function useAddress<T>(
  read: (raw: RawAddress) => T,
): [T, (patch: Record<string, unknown>, how?: { replace?: boolean }) => void] {
  const raw = useSearch({ strict: false }) as RawAddress;
  const navigate = useNavigate();
  const change = useCallback(
    (patch: Record<string, unknown>, { replace = false } = {}) => {
      void navigate({ to: '.', search: (old: object) => ({ ...old, ...patch }), replace } as never);
    },
    [navigate],
  );
  return [read(raw), change];
}

/** A repeated word as a list, whether it stands there once, often or never. */
export const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** The first of what stands there. */
export const oneOf = (value: string | readonly string[] | undefined): string | undefined => listOf(value)[0];

/** The word that stands there, if it is one of these. */
export const oneAmong = <T extends string>(
  all: readonly T[],
  value: string | readonly string[] | undefined,
  usual: T,
): T => all.find((one) => one === oneOf(value)) ?? usual;

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
