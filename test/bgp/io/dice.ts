/** Numbers below `limit` from a seed (xorshift), so that a failure names what plays it again. */
export function dice(seed: number): (limit: number) => number {
  let state = seed | 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
