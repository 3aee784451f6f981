import { Text } from '@mantine/core';
import { IconCheck, IconMinus, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Fixer } from '../../contracts/words.ts';
import { FIXER_LABELS } from '../../contracts/words.ts';
import { moment } from '../words.ts';
import classes from './gate-ladder.module.css';

/** A gate as the server tells it; a `GateResult` of the law crosses the wire like this. */
export interface Gate {
  readonly gate: string;
  readonly label: string;
  readonly state: 'open' | 'closed' | 'not-reached';
  readonly closing: {
    readonly reason: string;
    readonly fix: string;
    readonly fixedBy: Fixer;
    readonly opensAt?: string | null;
  } | null;
}

const SIGNS = {
  open: { icon: IconCheck, words: 'пройдено' },
  closed: { icon: IconX, words: 'закрыто' },
  'not-reached': { icon: IconMinus, words: 'дальше' },
} as const;

interface GateLadderProps {
  readonly gates: readonly Gate[];
  /** A button or a link that opens a closed gate. */
  readonly actionOf?: (gate: Gate) => ReactNode;
}

/** Why the listing is, or is not, on the board: the gates in their order, the first closed one is the answer. */
export function GateLadder({ gates, actionOf }: GateLadderProps) {
  return (
    <ol className={classes.ladder}>
      {gates.map((gate) => {
        const { icon: Icon, words } = SIGNS[gate.state];
        const { closing } = gate;
        return (
          <li key={gate.gate} className={classes.gate} data-state={gate.state} data-warns={closing ? true : undefined}>
            <span className={classes.sign}>
              <Icon size={14} stroke={2.5} aria-hidden />
            </span>
            <div className={classes.words}>
              <div className={classes.label}>
                {gate.label}
                <span className="heard">: {words}</span>
              </div>
              {closing && (
                <>
                  {gate.state === 'not-reached' && (
                    <Text size="xs" c="dimmed">
                      Остановит и здесь:
                    </Text>
                  )}
                  <Text size="sm">{closing.reason}</Text>
                  <Text size="sm" c="dimmed">
                    {closing.fix} <span className={classes.who}>Исправляет {FIXER_LABELS[closing.fixedBy]}.</span>
                    {closing.opensAt && ` Откроется сам: ${moment(closing.opensAt)}.`}
                  </Text>
                  {actionOf?.(gate)}
                </>
              )}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
