/** Small texts of the tables: times and durations. */

/** Time since `at` (wall-clock ms) as `12s`, `3m04s`, `5h12m`, `2d03h`; `never` for 0. */
export function formatSince(at: number, now: number): string {
  if (at === 0) return 'never';
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 86_400)}d${two(Math.floor(seconds / 3600) % 24)}h`;
}
