/** Which key was pressed, whatever the layout. Of a keyboard event only this counts: */
export interface Pressed {
  readonly key: string;
  readonly code: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const NAMES: Readonly<Record<string, string>> = {
  ' ': 'space',
  ArrowUp: 'up',
  ArrowDown: 'down',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  Escape: 'esc',
};

/** Signs by the place of the key on the usual keyboard: where the Russian layout has a letter or a stop instead. */
const SIGNS: Readonly<Record<string, string>> = {
  BracketLeft: '[',
  BracketRight: ']',
  Semicolon: ';',
  Quote: "'",
  Comma: ',',
  Period: '.',
  Backquote: '`',
};

/** The key as bindings name it, whatever the layout: `j` for both «j» and «о». */
export function keyName({ key, code, shiftKey }: Pressed): string {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  // The Russian layout has its stop and comma where others have the slash and the question mark.
  if (code === 'Slash' && (key === '.' || key === ',')) return key === ',' ? '?' : '/';
  if (key.length > 1 && key !== 'Dead' && key !== 'Unidentified') return NAMES[key] ?? key.toLowerCase();
  if (NAMES[key]) return NAMES[key];
  const isForeign = key.length > 1 || /\p{L}/u.test(key);
  if (isForeign && /^Key[A-Z]$/.test(code)) return code.slice(3).toLowerCase();
  if (isForeign && SIGNS[code]) return SIGNS[code];
  if (/^Digit\d$/.test(code) && !shiftKey) return code.slice(5);
  return key;
}

/** `shift+x`, `mod+k`, `?`: a sign has Shift in itself. */
export function strokeOf(event: Pressed): string {
  const name = keyName(event);
  const isSign = name.length === 1 && !/[a-z0-9]/.test(name);
  const mod = event.ctrlKey || event.metaKey ? 'mod+' : '';
  return `${mod}${event.altKey ? 'alt+' : ''}${event.shiftKey && !isSign ? 'shift+' : ''}${name}`;
}
