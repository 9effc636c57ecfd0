/** What anyone can cause at will is reported only so often, with the number of what was not. */
import { encodeUpdate } from 'bgp-ts/wire';
import { expect, it } from 'vitest';
import { REPORTS_PER_PERIOD, REPORTS_PERIOD_MS } from '../../../src/bgp/session/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

/** An UPDATE whose ORIGIN has a value that does not exist: treated as a withdrawal (RFC 7606 section 7.1). */
function malformed(): Uint8Array {
  const { prefix } = route('198.51.100.0/24');
  const nextHop = address(2);
  const [message] = encodeUpdate({ announced: [{ prefix }], attributes: { origin: 'igp', asPath: [], nextHop, localPref: 100 } });
  if (message === undefined) throw new Error('no UPDATE');
  const changed = message.slice();
  // Header 19, lengths 2 + 2, flags, code and length of ORIGIN.
  changed[26] = 9;
  return changed;
}

function omissions(world: World, kind: 'malformed-update' | 'refused-connection'): number[] {
  return world.network.events('s1').flatMap((event) => (event.kind === kind ? [event.omitted ?? 0] : []));
}

it('malformed UPDATEs of one peer: the first few of a period, then one line says how many there were', () => {
  const world = new World();
  world.add(1, [peer(2, { passive: true })]);
  const faulty = world.script(2);
  faulty.connect({ address: address(1), port: PORT });
  world.network.settle();
  faulty.sendOpen();
  faulty.sendKeepalive();
  for (let count = 0; count < REPORTS_PER_PERIOD + 50; count++) faulty.send(malformed());
  world.network.settle();
  expect(omissions(world, 'malformed-update')).toEqual(new Array(REPORTS_PER_PERIOD).fill(0));
  faulty.sendKeepalive();
  world.network.advance(REPORTS_PERIOD_MS);
  faulty.send(malformed());
  world.network.settle();
  expect(omissions(world, 'malformed-update')).toEqual([...new Array<number>(REPORTS_PER_PERIOD).fill(0), 50]);
  expect(world.state(1, 'p2')).toBe('established');
});

it('refused connections of strangers, all of them together', () => {
  const world = new World();
  world.add(1, [peer(2, { passive: true })]);
  const stranger = world.script(9);
  const knock = (): void => {
    stranger.connect({ address: address(1), port: PORT });
    world.network.settle();
  };
  for (let count = 0; count < REPORTS_PER_PERIOD + 7; count++) knock();
  world.network.advance(REPORTS_PERIOD_MS);
  knock();
  expect(omissions(world, 'refused-connection')).toEqual([...new Array<number>(REPORTS_PER_PERIOD).fill(0), 7]);
});
