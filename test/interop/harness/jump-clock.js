/** Loaded by `--import` into a process under test: each SIGUSR2 moves its wall clock by another day, forth and back. */
const DAY_MS = 86_400_000;
const real = Date.now;
const JUMPS = [1, -1, 365, -3650];
let jumps = 0;

process.on('SIGUSR2', () => {
  const by = (JUMPS[jumps++ % JUMPS.length] ?? 0) * DAY_MS;
  Date.now = () => real.call(Date) + by;
});
