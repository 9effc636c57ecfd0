import { describe, expect, it } from 'vitest';
import { calicoKinds, NODES, SERVICE_KINDS, secretKind } from '../../../../src/confd/source/kubernetes/kinds.ts';

describe('what is watched', () => {
  const others = [
    ...SERVICE_KINDS,
    ...(['bgp', 'encapsulation'] as const).flatMap((readFor) =>
      calicoKinds('crd.projectcalico.org/v1', { usePodCIDR: false, hostnameHashes: ['a'], readFor }),
    ),
    secretKind('kube-system', 'passwords'),
  ];

  it('rests after heartbeats, which only Nodes have, and for no longer than seconds', () => {
    expect(NODES.restMs).toBeGreaterThanOrEqual(1_000);
    expect(NODES.restMs).toBeLessThanOrEqual(5_000);
    expect(others.filter(({ restMs }) => restMs !== undefined)).toEqual([]);
  });
});
