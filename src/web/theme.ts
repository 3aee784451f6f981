import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/**
 * The look: calm, dense, and readable by everybody. The tones (`--tone-…` in `styles.css`) carry the meaning of a
 * state; they pass WCAG AA on both backgrounds, which Mantine's own green and orange do not.
 */

const brand: MantineColorsTuple = [
  '#f2f7fc',
  '#e8f1fa',
  '#cfe1f4',
  '#8fbbe6',
  '#79b3ee',
  '#3b86cc',
  '#2674be',
  '#1b6ab3',
  '#1864ab',
  '#0f4c85',
];
const ok: MantineColorsTuple = [
  '#f0f9f2',
  '#e8f5eb',
  '#cbe8d2',
  '#8fcc9c',
  '#7fd694',
  '#3d9a52',
  '#2b8140',
  '#227536',
  '#1b6e2e',
  '#125020',
];
const error: MantineColorsTuple = [
  '#fef4f3',
  '#fdeceb',
  '#f9d3d0',
  '#ee938d',
  '#ff9c94',
  '#d4473e',
  '#c4352c',
  '#bb2b23',
  '#b3261e',
  '#8c1811',
];
const money: MantineColorsTuple = [
  '#fef8ee',
  '#fdf2e2',
  '#f8e0bc',
  '#e9af60',
  '#f0b35e',
  '#b8690c',
  '#a35a04',
  '#945101',
  '#8a4b00',
  '#6b3900',
];
const gray: MantineColorsTuple = [
  '#f6f7f9',
  '#eef0f3',
  '#e3e6ea',
  '#d5d9df',
  '#bfc5cd',
  '#8d95a0',
  '#666e79',
  '#495057',
  '#343a42',
  '#1f2329',
];
const dark: MantineColorsTuple = [
  '#e3e6eb',
  '#c9ced6',
  '#a9b1bd',
  '#8a93a1',
  '#444c59',
  '#343b46',
  '#282e38',
  '#1c2027',
  '#15181e',
  '#0f1216',
];

export const theme = createTheme({
  fontFamily: "'Golos Text Variable', system-ui, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', Consolas, 'DejaVu Sans Mono', monospace",
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '22px', lineHeight: '1.3' },
      h2: { fontSize: '17px', lineHeight: '1.35' },
      h3: { fontSize: '15px', lineHeight: '1.4' },
    },
  },
  colors: { brand, ok, error, money, waiting: brand, gray, dark },
  primaryColor: 'brand',
  primaryShade: 8,
  black: '#1f2329',
  defaultRadius: 'md',
  radius: { xs: '3px', sm: '4px', md: '6px', lg: '10px', xl: '16px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  // Mantine leaves these buttons without a name; a reader of the screen would hear «кнопка» only.
  components: {
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
    Modal: {
      defaultProps: {
        closeButtonProps: { 'aria-label': 'Закрыть' },
        transitionProps: { duration: 120 },
        overlayProps: { backgroundOpacity: 0.4 },
        radius: 'lg',
      },
      styles: { title: { fontSize: '17px', fontWeight: 600 } },
    },
    Drawer: {
      defaultProps: { closeButtonProps: { 'aria-label': 'Закрыть' }, overlayProps: { backgroundOpacity: 0.4 } },
      styles: { title: { fontWeight: 600 } },
    },
    Alert: { defaultProps: { closeButtonLabel: 'Закрыть' } },
    Notification: { defaultProps: { closeButtonProps: { 'aria-label': 'Закрыть' } } },
    CloseButton: { defaultProps: { 'aria-label': 'Закрыть' } },
    PasswordInput: {
      defaultProps: { visibilityToggleButtonProps: { 'aria-label': 'Показать пароль', tabIndex: 0 } },
    },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true, multiline: true, maw: 320 } },
    // The placeholder is no item of a menu, and axe says so; without it the first item has the focus.
    Menu: { defaultProps: { shadow: 'md', position: 'bottom-end', withInitialFocusPlaceholder: false } },
    SegmentedControl: { defaultProps: { role: 'radiogroup' } },
    Popover: { defaultProps: { shadow: 'md' } },
    // What moves sideways must be reachable by keys, and keeps its unseen words to itself.
    TableScrollContainer: {
      defaultProps: { type: 'native', tabIndex: 0 },
      styles: { scrollContainer: { position: 'relative' } },
    },
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': 'var(--mantine-color-gray-7)',
    '--mantine-color-placeholder': 'var(--mantine-color-gray-6)',
    '--mantine-color-error': 'var(--tone-error)',
    '--mantine-color-success': 'var(--tone-ok)',
  },
  dark: {
    '--mantine-color-dimmed': 'var(--mantine-color-dark-2)',
    '--mantine-color-placeholder': 'var(--mantine-color-dark-2)',
    '--mantine-color-error': 'var(--tone-error)',
    '--mantine-color-success': 'var(--tone-ok)',
  },
});

/** What a state means; in the stylesheet `--tone-<tone>` and its background `--tone-<tone>-bg`. */
export const TONES = ['ok', 'error', 'money', 'waiting', 'neutral'] as const;
export type Tone = (typeof TONES)[number];
