import type { Account } from '../../../contracts/accounts.ts';
import { day, roubles } from '../../words.ts';
import classes from './accounts.module.css';

const WIDTH = 120;
const HEIGHT = 26;

/** What was left at the end of each of the last days, as bars; below nothing they hang from the line. */
export function Spark({ days, isWide = false }: Pick<Account, 'days'> & { isWide?: boolean }) {
  if (days.length === 0) return null;
  const left = days.map(({ leftKopecks }) => leftKopecks);
  const [most, least] = [Math.max(0, ...left), Math.min(0, ...left)];
  const scale = (HEIGHT - 2) / (most - least || 1);
  const zero = 1 + most * scale;
  const step = WIDTH / days.length;
  return (
    <svg
      className={classes.spark}
      data-wide={isWide || undefined}
      preserveAspectRatio={isWide ? 'none' : undefined}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={wordsOf(days)}
    >
      <title>{wordsOf(days)}</title>
      <line x1="0" x2={WIDTH} y1={zero} y2={zero} className={classes.axis} />
      {days.map(({ day: of, leftKopecks }, index) => {
        const height = Math.max(1, Math.abs(leftKopecks) * scale);
        return (
          <rect
            key={of}
            x={index * step + 0.5}
            width={Math.max(1, step - 1)}
            y={leftKopecks < 0 ? zero : zero - height}
            height={height}
            data-below={leftKopecks < 0 || undefined}
          />
        );
      })}
    </svg>
  );
}

/** The same in words: for whoever cannot see the picture. */
function wordsOf(days: Account['days']): string {
  const [first, last] = [days[0]!, days.at(-1)!];
  const lowest = days.reduce((low, one) => (one.leftKopecks < low.leftKopecks ? one : low));
  const spent = days.reduce((all, { spentKopecks }) => all + spentKopecks, 0);
  return `${day(first.day)}: ${roubles(first.leftKopecks)}, сейчас ${roubles(last.leftKopecks)}. Меньше всего ${roubles(lowest.leftKopecks)} ${day(lowest.day)}. Потрачено ${roubles(spent)}.`;
}
