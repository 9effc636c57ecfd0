/**
 * Ranges of services that forwarded packets must not leave by (dataplane B20): a packet to an address of a Service that nothing
 * translated has no receiver; sent on, it would come back by the route that drew it here until its TTL ends. Pure.
 */
import type { Prefix } from 'bgp-ts/net';
import { formatPrefix, prefixContains, prefixContainsAddress, prefixKey } from 'bgp-ts/net';
import type { BGPConfigurationResource } from '../../src/confd/resources/types.ts';
import type { EncapWishes } from './types.ts';
import type { EncapContext } from './wishes-context.ts';
import { complain } from './wishes-context.ts';

type ServiceLoop = EncapWishes['serviceLoops'][number];

const FIELDS = ['serviceClusterIPs', 'serviceExternalIPs', 'serviceLoadBalancerIPs'] as const;

/**
 * Every range of BGPConfiguration: what is announced of a Service, whole range or single address, lies in one of them
 * (control-plane 4.1, 4.2). A range in which nodes or pods live is left out with an issue: to those packets must go on.
 */
export function serviceLoopsOf(context: EncapContext): ServiceLoop[] {
  const { snapshot, felix } = context;
  const mode = felix.serviceLoopPrevention ?? 'Drop';
  const configuration = snapshot.configurations.get('default');
  if (mode === 'Disabled' || configuration === undefined) return [];
  const action = mode === 'Reject' ? 'reject' : 'drop';
  const loops = new Map<string, ServiceLoop>();
  for (const field of FIELDS) {
    for (const prefix of configuration[field] ?? []) {
      const reason = { object: configuration.ref, rule: `spec.${field}, serviceLoopPrevention ${mode}` };
      const known = loops.get(prefixKey(prefix));
      if (known !== undefined) loops.set(prefixKey(prefix), { ...known, reasons: [...known.reasons, reason] });
      else if (isFree(context, configuration, field, prefix)) loops.set(prefixKey(prefix), { prefix, action, reasons: [reason] });
    }
  }
  return [...loops.values()];
}

function isFree(context: EncapContext, configuration: BGPConfigurationResource, field: (typeof FIELDS)[number], prefix: Prefix): boolean {
  const inhabitant = inhabitantOf(context, prefix);
  if (inhabitant === undefined) return true;
  const rule = `holds ${inhabitant}: packets to it are not stopped, and those to a port that no Service has may go in a circle`;
  const parts = { code: 'SERVICE_RANGE_INHABITED', field: `spec.${field}`, got: formatPrefix(prefix), rule, severity: 'warning' } as const;
  complain(context, configuration, { ...parts, transient: true });
  return false;
}

/** Pools for LoadBalancer addresses have no blocks of hosts, so only what has blocks counts as pods. */
function inhabitantOf({ snapshot, self, others }: EncapContext, prefix: Prefix): string | undefined {
  const node = [...(self === undefined ? [] : [self]), ...others].find((one) => {
    const at = one.bgp[prefix.family]?.address;
    return at !== undefined && prefixContainsAddress(prefix, at);
  });
  if (node !== undefined) return `Node/${node.ref.name}`;
  for (const { ref, type, cidr } of snapshot.affinities.values()) {
    if ((type === 'host' || type === '') && (prefixContains(prefix, cidr) || prefixContains(cidr, prefix)))
      return `${ref.kind}/${ref.name}`;
  }
  return undefined;
}
