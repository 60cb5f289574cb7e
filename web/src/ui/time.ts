// Times as people read them, in the viewer's zone.

export const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
export const exact = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const shortDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
export const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
export const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** "in 2 hours", "3 days ago". */
export function fromNow(ms: number, now = Date.now()): string {
  const minutes = Math.round((ms - now) / 60_000);
  if (Math.abs(minutes) < 60) return relative.format(minutes, "minute");
  const hours = Math.round(minutes / 60);
  return Math.abs(hours) < 36 ? relative.format(hours, "hour") : relative.format(Math.round(hours / 24), "day");
}

/** Tomorrow morning, or next Monday's, as moments to come back to. */
export function morning(daysAhead: number, now = new Date()): number {
  const at = new Date(now);
  at.setDate(at.getDate() + daysAhead);
  at.setHours(9, 0, 0, 0);
  return at.getTime();
}
export const untilMonday = (now = new Date()): number => ((8 - now.getDay()) % 7) || 7;

/** For a field of type datetime-local. */
export function localInput(ms: number): string {
  const at = new Date(ms);
  return new Date(ms - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
