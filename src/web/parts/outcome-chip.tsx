import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconCalendarOff,
  IconCheck,
  IconClock,
  IconCopy,
  IconCurrencyRubel,
  IconHistory,
  IconHomeOff,
  IconHourglassLow,
  IconPlayerPause,
  IconSquare,
  IconX,
  type TablerIcon,
} from '@tabler/icons-react';
import type { Outcome } from '../../contracts/words.ts';
import { OUTCOME_LABELS } from '../../contracts/words.ts';
import type { Tone } from '../theme.ts';
import { Chip } from './chip.tsx';

/** Every outcome with its sign and its tone; the word is the law's own. */
export const OUTCOME_LOOKS: Readonly<Record<Outcome, { icon: TablerIcon; tone: Tone }>> = {
  'off-market': { icon: IconHomeOff, tone: 'neutral' },
  'out-of-term': { icon: IconCalendarOff, tone: 'neutral' },
  stale: { icon: IconHistory, tone: 'money' },
  blocked: { icon: IconX, tone: 'error' },
  'awaiting-moderation': { icon: IconHourglassLow, tone: 'waiting' },
  returned: { icon: IconArrowBackUp, tone: 'error' },
  paused: { icon: IconPlayerPause, tone: 'neutral' },
  duplicate: { icon: IconCopy, tone: 'neutral' },
  'waiting-turn': { icon: IconClock, tone: 'waiting' },
  unfunded: { icon: IconCurrencyRubel, tone: 'money' },
  published: { icon: IconCheck, tone: 'ok' },
};

interface OutcomeChipProps {
  /** null: not marked for the board. */
  readonly outcome: Outcome | null;
  /** The server's words; without them the law's. */
  readonly label?: string;
  /** The short fact for a narrow cell: «2», «15:00», «−60 ₽». */
  readonly detail?: string;
  /** Only the sign and the fact, for the matrix; the words are read aloud and shown on hover. */
  readonly isCompact?: boolean;
  /** Published, but a change waits: the board has the version before. */
  readonly isEditWaiting?: boolean;
}

export function OutcomeChip({ outcome, label, detail, isCompact, isEditWaiting }: OutcomeChipProps) {
  const looks = outcome === null ? { icon: IconSquare, tone: 'neutral' as const } : OUTCOME_LOOKS[outcome];
  const words = label ?? (outcome === null ? 'не отмечен' : OUTCOME_LABELS[outcome]);
  return (
    <Chip
      tone={looks.tone}
      icon={isEditWaiting ? IconAlertTriangle : looks.icon}
      words={isEditWaiting ? `${words}, правка ждёт` : words}
      {...(detail !== undefined && { detail })}
      isCompact={isCompact ?? false}
      isQuiet={outcome === null}
    />
  );
}
