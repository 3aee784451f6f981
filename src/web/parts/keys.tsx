import { Kbd } from '@mantine/core';
import { caps } from '../hotkeys.ts';
import classes from './keys.module.css';

/** The caps of a binding, drawn: «Ctrl» «K». The name is told by `aria-keyshortcuts` of the button. */
export function Keys({ keys }: { keys: string }) {
  return (
    <span className={classes.keys} aria-hidden>
      {caps(keys).map((cap) => (
        <Kbd key={cap} size="xs">
          {cap}
        </Kbd>
      ))}
    </span>
  );
}
