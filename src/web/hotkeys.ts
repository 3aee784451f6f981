/**
 * Keys. A binding names the Latin letter of a key: where the layout gives a Latin letter that letter counts (Dvorak
 * too), where it gives another one, as Russian does, the place of the key counts. Whatever is in force is known here,
 * so that «?» can show it. Single-letter keys never act inside a field and can be switched off (WCAG 2.1.4).
 */
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { strokeOf } from './strokes.ts';

export interface Hotkey {
  /** `j`, `shift+x`, `mod+k` (Ctrl, or ⌘ on a Mac), `enter`, `up`, `space`, `?`, `[`, or a sequence: `g o`. */
  readonly keys: string;
  /** What it does, for «?»: «Следующая строка». */
  readonly words: string;
  readonly run: (event: KeyboardEvent) => void;
  /** Acts inside a field too: for `mod+s` and the like. */
  readonly inField?: boolean;
  /** Acts while a dialog is open: for the dialog's own keys. */
  readonly inDialog?: boolean;
  /** Acts again while the key is held down: for moving about. Never for what changes something. */
  readonly repeats?: boolean;
}

interface Group {
  readonly name: string;
  keys: readonly Hotkey[];
}

/** The last one asked first: a screen's own `z` goes before everybody's. */
const groups: Group[] = [];
const watchers = new Set<() => void>();
let version = 0;

const SWITCH = 'vygruzka.keys';

export const areLettersOn = (): boolean => localStorage.getItem(SWITCH) !== 'off';

export function switchLetters(isOn: boolean): void {
  if (isOn) localStorage.removeItem(SWITCH);
  else localStorage.setItem(SWITCH, 'off');
  changed();
}

function changed(): void {
  version++;
  for (const watcher of watchers) watcher();
}

/** Rows of «?»: the keys in force, the screen's own before everybody's. */
export function useKeysInForce(): { groups: { name: string; keys: readonly Hotkey[] }[]; areLettersOn: boolean } {
  useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => version,
  );
  const byName = new Map<string, Hotkey[]>();
  for (const group of groups.toReversed()) {
    const known = byName.get(group.name) ?? [];
    byName.set(group.name, [...known, ...group.keys.filter(({ keys }) => !known.some((one) => one.keys === keys))]);
  }
  return { groups: [...byName].map(([name, keys]) => ({ name, keys })), areLettersOn: areLettersOn() };
}

/** Binds keys while the component is on the page. */
export function useHotkeys(name: string, keys: readonly Hotkey[]): void {
  const group = useRef<Group>({ name, keys });
  group.current.keys = keys;
  const shape = keys.map((one) => `${one.keys} ${one.words}`).join('\n');
  useEffect(() => {
    const mine = group.current;
    groups.push(mine);
    changed();
    return () => {
      groups.splice(groups.indexOf(mine), 1);
      changed();
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another set of keys is news for those who show them
  useEffect(changed, [shape]);
}

const isLetters = (keys: string) =>
  !keys.startsWith('mod+') && keys.split(' ').some((one) => /^(shift\+)?.$/.test(one));

const FIELDS =
  'input:not([type=checkbox],[type=radio],[type=button],[type=submit]), textarea, select, [contenteditable]';
const ACTIVE = 'button, a[href], summary, [role=button], [role=menuitem], [role=option], [role=tab]';

const SEQUENCE_MS = 1_200;
let begun: { stroke: string; at: number } | null = null;

function listen(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  if (['Shift', 'Control', 'Alt', 'Meta', 'CapsLock'].includes(event.key)) return;
  const target = event.target instanceof Element ? event.target : document.body;
  const isInField = target.closest(FIELDS) !== null;
  const isInList = target.closest('[role=menu], [role=listbox]') !== null;
  const stroke = strokeOf(event);
  const isInDialog =
    document.querySelector('[aria-modal=true]') !== null ||
    target.closest('[role=dialog]') !== null ||
    // Esc closes what is open over the page, and nothing more.
    (stroke === 'esc' && document.querySelector('[role=dialog], [role=menu]') !== null);
  // Whatever has the focus is pressed by these two itself.
  if ((stroke === 'enter' || stroke === 'space') && target.closest(ACTIVE)) return;
  const sequence = begun && event.timeStamp - begun.at < SEQUENCE_MS ? `${begun.stroke} ${stroke}` : null;
  begun = null;
  const mayAct = (one: Hotkey) =>
    (!isInField || one.inField) &&
    (!isInList || one.keys.startsWith('mod+')) &&
    (!isInDialog || one.inDialog) &&
    (!event.repeat || one.repeats) &&
    (areLettersOn() || !isLetters(one.keys));
  const all = groups.toReversed().flatMap((group) => group.keys.filter(mayAct));
  const found = (sequence && all.find((one) => one.keys === sequence)) || all.find((one) => one.keys === stroke);
  if (found) {
    event.preventDefault();
    found.run(event);
  } else if (all.some((one) => one.keys.startsWith(`${stroke} `))) {
    begun = { stroke, at: event.timeStamp };
  }
}

/** Once, by `main.tsx`. */
export function listenToKeys(): void {
  document.addEventListener('keydown', listen);
}

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

const SHOWN: Readonly<Record<string, string>> = {
  mod: isMac ? '⌘' : 'Ctrl',
  shift: 'Shift',
  alt: 'Alt',
  enter: 'Enter',
  esc: 'Esc',
  space: 'Пробел',
  up: '↑',
  down: '↓',
  left: '←',
  right: '→',
};

/** The caps to draw for a binding: `mod+k` as «Ctrl», «K». */
export const caps = (keys: string): string[] =>
  keys.split(/[ +]/).map((one) => SHOWN[one] ?? (one.length === 1 ? one.toUpperCase() : one));

/** For `aria-keyshortcuts`. */
export const ariaKeys = (keys: string): string =>
  keys
    .split(' ')
    .map((one) => one.replace('mod+', isMac ? 'Meta+' : 'Control+').replace('shift+', 'Shift+'))
    .join(' ');
