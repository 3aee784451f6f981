import type { TablerIcon } from '@tabler/icons-react';
import type { Tone } from '../theme.ts';
import classes from './chip.module.css';

interface ChipProps {
  readonly tone: Tone;
  /** Never colour alone: a sign and a word go with it. */
  readonly icon: TablerIcon;
  readonly words: string;
  readonly detail?: string;
  /** The words are read aloud and shown on hover only. */
  readonly isCompact?: boolean;
  /** No background: for what is only absent. */
  readonly isQuiet?: boolean;
}

/** A state in a few words. */
export function Chip({ tone, icon: Icon, words, detail, isCompact = false, isQuiet = false }: ChipProps) {
  return (
    <span
      className={classes.chip}
      data-tone={tone}
      data-quiet={isQuiet || undefined}
      title={isCompact ? [words, detail].filter(Boolean).join(': ') : undefined}
    >
      <Icon size={15} stroke={2.2} aria-hidden className={classes.icon!} />
      {isCompact ? <span className="heard">{words}</span> : <span className={classes.words}>{words}</span>}
      {/* The space is read aloud; the eye sees the gap. */}
      {detail && (
        <>
          {' '}
          <span className={classes.detail}>{detail}</span>
        </>
      )}
    </span>
  );
}
