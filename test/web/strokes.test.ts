import { describe, expect, it } from 'vitest';
import { strokeOf } from '../../src/web/strokes.ts';

const NONE = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false };

describe('strokes', () => {
  it.each([
    // The usual layout.
    ['j', 'KeyJ', {}, 'j'],
    ['X', 'KeyX', { shiftKey: true }, 'shift+x'],
    ['k', 'KeyK', { ctrlKey: true }, 'mod+k'],
    ['k', 'KeyK', { metaKey: true }, 'mod+k'],
    ['?', 'Slash', { shiftKey: true }, '?'],
    ['/', 'Slash', {}, '/'],
    ['.', 'Period', {}, '.'],
    [',', 'Comma', {}, ','],
    ['[', 'BracketLeft', {}, '['],
    ['1', 'Digit1', {}, '1'],
    ['Enter', 'Enter', { ctrlKey: true }, 'mod+enter'],
    [' ', 'Space', {}, 'space'],
    ['ArrowDown', 'ArrowDown', {}, 'down'],
    ['Escape', 'Escape', {}, 'esc'],
    // The Russian one: the place of the key.
    ['о', 'KeyJ', {}, 'j'],
    ['Ч', 'KeyX', { shiftKey: true }, 'shift+x'],
    ['л', 'KeyK', { ctrlKey: true }, 'mod+k'],
    [',', 'Slash', { shiftKey: true }, '?'],
    ['?', 'Digit7', { shiftKey: true }, '?'],
    ['.', 'Slash', {}, '/'],
    ['/', 'Backslash', { shiftKey: true }, '/'],
    ['х', 'BracketLeft', {}, '['],
    ['ъ', 'BracketRight', {}, ']'],
    // Another Latin one: the letter, not the place.
    ['j', 'KeyC', {}, 'j'],
    ['c', 'KeyI', {}, 'c'],
    // Letters of layouts that compose.
    ['Dead', 'KeyE', {}, 'e'],
  ])('%s on %s with %o is %s', (key, code, more, stroke) => {
    expect(strokeOf({ ...NONE, key, code, ...more })).toBe(stroke);
  });
});
