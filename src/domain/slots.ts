import { addDays, localDay, momentOf } from './days.ts';

/**
 * The next of the day's fixed hours, strictly after a moment.
 * @param slots «09:00», «15:00»; at least one
 */
export function nextSlot(slots: readonly string[], after: Date, zone: string): Date {
  const minutes = slots.map((slot) => Number(slot.slice(0, 2)) * 60 + Number(slot.slice(3))).sort((a, b) => a - b);
  for (let day = localDay(after, zone); ; day = addDays(day, 1)) {
    for (const minute of minutes) {
      const at = momentOf(day, minute, zone);
      if (at > after) return at;
    }
  }
}
