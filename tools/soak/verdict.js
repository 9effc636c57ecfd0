/** What the samples of a soak say: pure, numbers in, sentences out. */

/** Share of the samples at the front that count as warming up: tables grow, code is compiled. */
const WARM_UP_SHARE = 0.25;

/** RSS may end this much above its settled level: the allocator's noise on a quiet process, measured. */
const RSS_SLACK = { share: 0.05, octets: 8 * 1024 * 1024 };

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median of the slopes between all pairs of samples (Theil-Sen): octets a minute, insensitive to a few outliers. */
export function slope(samples, field) {
  const slopes = [];
  for (const [index, first] of samples.entries()) {
    for (const second of samples.slice(index + 1)) {
      if (second.minute > first.minute) slopes.push((second[field] - first[field]) / (second.minute - first.minute));
    }
  }
  return slopes.length === 0 ? 0 : median(slopes);
}

/** The samples after warming up. */
export function settled(samples) {
  return samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
}

/** What grew: settled samples whose last third lies above the first one by more than the slack and that climb all the way. */
export function growth(samples, field) {
  const kept = settled(samples);
  if (kept.length < 6) return undefined;
  const third = Math.floor(kept.length / 3);
  const before = median(kept.slice(0, third).map((sample) => sample[field]));
  const after = median(kept.slice(-third).map((sample) => sample[field]));
  const allowed = Math.max(RSS_SLACK.octets, before * RSS_SLACK.share);
  if (after - before <= allowed) return undefined;
  return `${field} grew from ${mib(before)} to ${mib(after)} MiB, ${mib(slope(kept, field))} MiB a minute`;
}

/** Octets as MiB with one digit. */
export function mib(octets) {
  return (octets / 1024 / 1024).toFixed(1);
}

/** Counts that differ from those of the baseline, in words. */
export function leaks(baseline, now) {
  const names = new Set([...Object.keys(baseline), ...Object.keys(now)]);
  return [...names]
    .filter((name) => (baseline[name] ?? 0) !== (now[name] ?? 0))
    .map((name) => `${name}: ${now[name] ?? 0} instead of ${baseline[name] ?? 0}`);
}
