/** The warm-up does what real sessions lead to, in steps, and ends. */
import { expect, it } from 'vitest';
import { warmUp } from '../../../src/bgp/io/warm-up.ts';

function run(lives: number): { readonly steps: number; readonly sent: number } {
  let now = 0;
  const warming = warmUp(() => (now += 0.01), lives);
  for (let steps = 0; ; steps++) {
    const { done, value } = warming.next();
    if (done === true) return { steps, sent: value };
  }
}

it('reflects the routes of its peers to all of them, a few at a time', () => {
  const one = run(1);
  // 255 messages of more than 60 octets, each to 127 of the 128 peers.
  expect(one.sent).toBeGreaterThan(255 * 60 * 127);
  expect(one.steps).toBeGreaterThan(60);
  expect(run(2).sent).toBe(2 * one.sent);
});

it('does nothing for no lives', () => {
  expect(run(0)).toEqual({ steps: 0, sent: 0 });
});
