/** Mutations of octets as a faulty or hostile peer might make them, drawn from a seed so that every input can be made again. */

/** Draws whole numbers from 0 up to (not including) `limit`. */
export type Draw = (limit: number) => number;

/** A generator (mulberry32): the same seed gives the same numbers. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Values at the edges of length fields, counts and AS numbers. */
const EDGES = [0, 1, 2, 3, 4, 5, 7, 8, 12, 15, 16, 19, 20, 23, 31, 32, 33, 64, 127, 128, 129, 192, 254, 255];

type Mutation = (octets: Uint8Array, draw: Draw, others: readonly Uint8Array[]) => Uint8Array;

const place = (octets: Uint8Array, draw: Draw): number => (octets.length === 0 ? 0 : draw(octets.length));

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function setAt(octets: Uint8Array, at: number, value: number): Uint8Array {
  const changed = octets.slice();
  if (at < changed.length) changed[at] = value;
  return changed;
}

const MUTATIONS: readonly Mutation[] = [
  (octets, draw) => {
    const at = place(octets, draw);
    return setAt(octets, at, (octets[at] ?? 0) ^ (1 << draw(8)));
  },
  (octets, draw) => setAt(octets, place(octets, draw), draw(256)),
  (octets, draw) => setAt(octets, place(octets, draw), EDGES[draw(EDGES.length)] ?? 0),
  // A number that is off by a little: lengths and counts.
  (octets, draw) => {
    const at = place(octets, draw);
    return setAt(octets, at, (octets[at] ?? 0) + draw(9) - 4);
  },
  (octets, draw) => {
    const at = place(octets, draw);
    return join(
      octets.subarray(0, at),
      Uint8Array.from({ length: 1 + draw(12) }, () => draw(256)),
      octets.subarray(at),
    );
  },
  (octets, draw) => {
    const at = place(octets, draw);
    return join(octets.subarray(0, at), octets.subarray(at + 1 + draw(12)));
  },
  (octets, draw) => octets.slice(0, place(octets, draw)),
  (octets, draw) => {
    const at = place(octets, draw);
    const piece = octets.subarray(at, at + 1 + draw(40));
    return join(octets.subarray(0, at), ...Array.from({ length: 1 + draw(6) }, () => piece), octets.subarray(at));
  },
  // The front of one input and the back of another.
  (octets, draw, others) => {
    const other = others[draw(Math.max(1, others.length))] ?? octets;
    return join(octets.subarray(0, place(octets, draw)), other.subarray(place(other, draw)));
  },
  (_octets, draw) => Uint8Array.from({ length: draw(200) }, () => draw(256)),
];

/** An input made of one of the seeds by up to six mutations, at most `limit` octets long. */
export function mutated(seeds: readonly Uint8Array[], draw: Draw, limit: number): Uint8Array {
  let octets = seeds[draw(Math.max(1, seeds.length))] ?? new Uint8Array(0);
  for (let count = draw(7); count > 0; count--) octets = MUTATIONS[draw(MUTATIONS.length)]?.(octets, draw, seeds) ?? octets;
  return octets.slice(0, limit);
}
