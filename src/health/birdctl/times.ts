/** Times as BIRD 1.6 prints them: local time, the clock alone while it is recent, else the date (its default `timeformat`). Pure. */

/** From this age on a session's or a route's time is its date, ms. */
const RECENT_MS = 20 * 3600 * 1000;

const two = (value: number): string => String(value).padStart(2, '0');

const dateOf = (at: Date): string => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;

const clockOf = (at: Date): string => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;

/** Date and clock, `2026-11-22 17:24:00`; wall-clock ms. */
export function fullTime(ms: number): string {
  const at = new Date(ms);
  return `${dateOf(at)} ${clockOf(at)}`;
}

/** Clock within the last 20 hours, else the date. */
export function shortTime(ms: number, now: number): string {
  const at = new Date(ms);
  return now - ms < RECENT_MS ? clockOf(at) : dateOf(at);
}
