import { Alert, Anchor, Title } from '@mantine/core';
import { useState } from 'react';
import type { Changes } from '../../../contracts/export-report.ts';
import type { Query } from '../../api.ts';
import { Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { formatNumber } from '../../words.ts';
import { Behind, type Place } from './behind.tsx';
import classes from './exports.module.css';
import { signed } from './report.tsx';

/** Why the step has more or fewer published listings than the one before; a bar opens its listings. */
export function Why({ place: { at, source }, query }: { place: Place; query: Query }) {
  const [open, setOpen] = useState<{ readonly reason: string; readonly way: 'left' | 'came' } | null>(null);
  const asked = { ...query, at, source };
  const changes = useApi<Changes>('/reports/exports/changes', asked);
  return (
    <Loaded query={changes}>
      {(answer) => (
        <>
          <Alert color="blue" mb="sm">
            Выгружено {signed(answer.difference)}: {answer.after} к {answer.before}.
          </Alert>
          <Waterfall changes={answer} onOpen={(reason, way) => setOpen({ reason, way })} />
          {open && (
            <>
              <Title order={3} mt="md" mb="xs">
                {open.way === 'left' ? 'Ушли:' : 'Пришли, раньше:'}{' '}
                {answer.reasons.find(({ reason }) => reason === open.reason)?.label}
              </Title>
              <Behind
                address="/reports/exports/changes/members"
                query={{ ...asked, ...open }}
                // What left is told by the step without it, what came by the step before it did.
                step={open.way === 'left' ? answer.after : answer.before}
              />
            </>
          )}
        </>
      )}
    </Loaded>
  );
}

interface WaterfallProps {
  readonly changes: Changes;
  readonly onOpen: (reason: string, way: 'left' | 'came') => void;
}

/** From the number of one step to that of the next, reason by reason. */
function Waterfall({ changes: { before, after, start, difference, reasons }, onOpen }: WaterfallProps) {
  const ways = { left: 'ушли:', came: 'пришли, раньше:' } as const;
  const moves = (['left', 'came'] as const).flatMap((way) =>
    reasons.filter((one) => one[way] > 0).map(({ reason, label, [way]: count }) => ({ way, reason, label, count })),
  );
  let level = start;
  const bars = moves.map((move) => {
    const from = level;
    level += move.way === 'came' ? move.count : -move.count;
    return { ...move, low: Math.min(from, level), high: Math.max(from, level) };
  });
  // What all have in common is left out, so that the differences are seen, and it is told that it is.
  const least = Math.min(start, start + difference, ...bars.map(({ low }) => low));
  const most = Math.max(start, ...bars.map(({ high }) => high));
  const floor = Math.max(0, Math.floor(least - (most - least) * 0.15));
  const isCut = floor > 0;
  const part = (value: number) => `${((value - floor) / Math.max(1, most - floor)) * 100}%`;
  const whole = (label: string, value: number) => (
    <div className={classes.step}>
      <span>{label}</span>
      <span className={classes.track}>
        <span className={classes.whole} style={{ left: 0, width: part(value) }} />
        {isCut && <span className={classes.break} aria-hidden />}
      </span>
      <span className={classes.count}>{formatNumber(value)}</span>
    </div>
  );
  return (
    <div className={classes.waterfall}>
      {whole(`Было, ${before}`, start)}
      {bars.map(({ way, reason, label, count, low, high }) => (
        <div key={`${reason} ${way}`} className={classes.step}>
          <span>
            <span className={classes.way}>{ways[way]}</span> {label}
          </span>
          <span className={classes.track}>
            <span className={classes[way]} style={{ left: part(low), width: `calc(${part(high)} - ${part(low)})` }} />
          </span>
          <Anchor
            component="button"
            type="button"
            size="sm"
            className={classes.count!}
            aria-label={`${signed(way === 'came' ? count : -count)}, ${ways[way]} ${label}`}
            onClick={() => onOpen(reason, way)}
          >
            {signed(way === 'came' ? count : -count)}
          </Anchor>
        </div>
      ))}
      {whole(`Стало, ${after}`, start + difference)}
      {isCut && (
        <div className={classes.step}>
          <span />
          <span className={classes.scale}>
            <span>Шкала с {formatNumber(floor)}, не с нуля</span>
            <span aria-hidden>{formatNumber(most)}</span>
          </span>
        </div>
      )}
    </div>
  );
}
