/**
 * Memory while a cluster is listed. Tens of megabytes of JSON are parsed and die at once; V8 would rather let the heap grow to several
 * times what stays than collect them, and gives little of it back. While lists come in, the collector is asked to keep heaps small; afterwards
 * it is as it was, since for what else the process does its own ways are quicker (npm run bench:cluster -- --nodes 5000: 318 to 204 MB).
 */
import { setFlagsFromString } from 'node:v8';

let holders = 0;

/** Begins to spare memory; the result, called once or more, ends it. Several may be under way at once. */
export function spareMemory(): () => void {
  holders += 1;
  if (holders === 1) setFlagsFromString('--optimize-for-size');
  let held = true;
  return () => {
    if (!held) return;
    held = false;
    holders -= 1;
    if (holders === 0) setFlagsFromString('--no-optimize-for-size');
  };
}
