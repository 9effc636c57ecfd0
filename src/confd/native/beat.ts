/**
 * What the speaker's thread does, in memory that others can read while it stands still: since when, and which of its activities
 * (health/status.ts, Beat). Marks cost two stores.
 */

/** Activities, worded to follow "busy with"; the first is what is not marked. */
const ACTIVITIES = [
  'sockets, sessions and routes',
  'a configuration',
  'a question of the health thread',
  'its status',
  'kernel routes',
] as const;

type Activity = Exclude<(typeof ACTIVITIES)[number], (typeof ACTIVITIES)[0]>;

/** A thread's shared memory and its marks. */
export interface BeatMarks {
  readonly beat: { readonly cells: SharedArrayBuffer; readonly activities: readonly string[] };
  /** Does something under its name. */
  during<T>(activity: Activity, work: () => T): T;
}

/** Two doubles: wall-clock ms, and the index of the activity. `now` is the wall clock, ms. */
export function createBeat(now: () => number): BeatMarks {
  const cells = new SharedArrayBuffer(16);
  const view = new Float64Array(cells);
  const mark = (index: number): void => {
    view[0] = now();
    view[1] = index;
  };
  mark(0);
  return {
    beat: { cells, activities: ACTIVITIES },
    during: (activity, work) => {
      mark(ACTIVITIES.indexOf(activity));
      try {
        return work();
      } finally {
        mark(0);
      }
    },
  };
}
