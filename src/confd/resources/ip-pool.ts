/** IPPool (control-plane 1.5). */

import { fault, fields, inside, isRecord, list, member, type Parser, withRules } from './fields.ts';
import type { IPPoolResource } from './types.ts';
import { checked, cidr, flag, oneOf, selector } from './values.ts';

const encapMode = oneOf('Never', 'Always', 'CrossSubnet');
const encaps = (value: unknown): boolean => value === 'Always' || value === 'CrossSubnet';
const isLoadBalancer = (raw: Readonly<Record<string, unknown>>): boolean =>
  Array.isArray(raw['allowedUses']) && raw['allowedUses'].includes('LoadBalancer');

const SPEC = {
  cidr: cidr(),
  ipipMode: encapMode,
  vxlanMode: encapMode,
  disableBGPExport: flag,
  disabled: checked(flag),
  allowedUses: checked(list(oneOf('Workload', 'Tunnel', 'LoadBalancer'), { of: 'uses' })),
  nodeSelector: checked(selector),
  assignmentMode: checked(oneOf('Automatic', 'Manual')),
} as const;

const readSpec = withRules(
  fields(SPEC, {
    required: { cidr: 'an IP prefix' },
    ignored: ['blockSize', 'natOutgoing', 'namespaceSelector', 'ipip', 'nat-outgoing', 'vxlan'],
  }),
  [
    {
      field: 'vxlanMode',
      broken: (_, raw) => encaps(raw['ipipMode']) && encaps(raw['vxlanMode']),
      rule: 'stands beside spec.ipipMode: only one of them may encapsulate',
    },
    {
      field: 'ipipMode',
      broken: (_, raw) => encaps(raw['ipipMode']) && isLoadBalancer(raw),
      rule: 'has no place in a pool for LoadBalancer',
    },
    {
      field: 'vxlanMode',
      broken: (_, raw) => encaps(raw['vxlanMode']) && isLoadBalancer(raw),
      rule: 'has no place in a pool for LoadBalancer',
    },
    {
      field: 'disableBGPExport',
      broken: (_, raw) => raw['disableBGPExport'] === true && isLoadBalancer(raw),
      rule: 'has no place in a pool for LoadBalancer',
    },
  ],
);

/** What an IPPool's spec gives. */
export type IPPoolSpec = Omit<IPPoolResource, 'ref' | 'labels' | 'source'>;

/** Parses spec of an IPPool, defaults filled in. */
export const ipPoolSpec: Parser<IPPoolSpec> = (value, at) => {
  const spec = readSpec(value, at);
  if (spec?.cidr === undefined) return undefined;
  const { cidr: pool, ipipMode = 'Never', vxlanMode = 'Never', disableBGPExport = false } = spec;
  if (pool.family === 'ipv6' && ipipMode !== 'Never' && isRecord(value)) {
    fault(inside(at, 'ipipMode'), member(value, 'ipipMode'), 'is for IPv4 pools only');
  }
  return { kind: 'IPPool', cidr: pool, ipipMode, vxlanMode, disableBGPExport };
};
