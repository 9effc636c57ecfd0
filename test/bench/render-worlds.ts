/** The two states that rendering and translation are measured with: a node of a large mesh, and a reflector. */
import { desire } from '../../src/confd/desired/desire.ts';
import type { Desired } from '../../src/confd/desired/types.ts';
import type { Resource } from '../../src/confd/resources/types.ts';
import { node, peer, snapshotOf } from '../worlds/build.ts';
import { LARGE_SELF, largeCluster } from '../worlds/large.ts';

function stateOf(resources: readonly Resource[], self: string): Desired {
  const { desired } = desire(snapshotOf(resources), { node: self, programme: true });
  if (desired === undefined) throw new Error('no desired state');
  return desired;
}

const reflector: Resource[] = [
  node('rr', { ipv4: '10.0.0.1/8', cluster: '1.1.1.1' }),
  ...Array.from({ length: 500 }, (_, index) => node(`n${index}`, { ipv4: `10.1.${index >> 8}.${index & 255}/8`, labels: { client: '' } })),
  peer('clients', { node: 'rr', peerSelector: 'client' }),
];

/** Name and state. */
export const RENDER_WORLDS: readonly (readonly [string, Desired])[] = [
  ['mesh of 5,000 nodes', stateOf(largeCluster(5000, 10), LARGE_SELF)],
  ['reflector with 500 clients', stateOf(reflector, 'rr')],
];

/** The state with another AS of one peer, and back. */
export function alternate(state: Desired): () => Desired {
  const [first, ...others] = state.peers;
  if (first === undefined) throw new Error('no peers');
  const changed: Desired = { ...state, peers: [{ ...first, remoteAs: first.remoteAs + 1 }, ...others] };
  let round = 0;
  return () => {
    round += 1;
    return round % 2 === 0 ? state : changed;
  };
}
