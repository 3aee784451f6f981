/** The only clock. `--now` replaces it, so a command can be asked what it would do at another moment. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

/** A clock that stands still. @throws RangeError when the text is no moment */
export function frozenClock(text: string): Clock {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) throw new RangeError(text);
  return () => moment;
}
