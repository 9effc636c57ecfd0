/** Local workloads that peer with their node: the files that Felix leaves in `endpoint-status` (control-plane 1.1, 9.7). Pure. */
import { type Address, type IpFamily, parseAddressWithLength } from 'bgp-ts/net';
import { gotText } from './issue.ts';
import type { Issue, LocalWorkloadResource, ObjectRef } from './types.ts';

/** What a file says: a workload that peers, or undefined for one that does not; issues for what cannot be read. */
export interface ParsedWorkload {
  readonly workload?: LocalWorkloadResource;
  readonly issues: readonly Issue[];
}

/** Reference of the workload of a file. */
export function workloadRef(file: string): ObjectRef {
  return { apiVersion: 'linnet/v1', kind: 'LocalWorkload', namespace: '', name: file };
}

/** Reads the text of one file, `{ifaceName, mac, ipv4Nets[], ipv6Nets[], bgpPeerName}`; of each family the first network counts. */
export function parseWorkload(file: string, text: string): ParsedWorkload {
  const ref = workloadRef(file);
  const issue = (field: string, value: unknown, rule: string): ParsedWorkload => {
    const source = { file, line: 1, column: 1 };
    return {
      issues: [
        { code: 'LOCAL_WORKLOAD_INVALID', severity: 'error', object: ref, field, got: gotText(value), rule, source, transient: true },
      ],
    };
  };
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return issue('', text, 'is not JSON');
  }
  if (!isRecord(raw)) return issue('', raw, 'is not an object');
  const { ifaceName, bgpPeerName, ipv4Nets, ipv6Nets } = raw;
  // Felix leaves a file for every workload; only those with the name of a BGPPeer peer.
  if (bgpPeerName === undefined || bgpPeerName === null || bgpPeerName === '') return { issues: [] };
  if (typeof bgpPeerName !== 'string') return issue('bgpPeerName', bgpPeerName, 'is not text');
  const ipv4 = firstNetwork(ipv4Nets, 'ipv4');
  if (ipv4 === 'bad') return issue('ipv4Nets', ipv4Nets, 'is not a list of IPv4 addresses with lengths');
  const ipv6 = firstNetwork(ipv6Nets, 'ipv6');
  if (ipv6 === 'bad') return issue('ipv6Nets', ipv6Nets, 'is not a list of IPv6 addresses with lengths');
  const workload: LocalWorkloadResource = {
    kind: 'LocalWorkload',
    ref,
    labels: new Map(),
    source: { file, line: 1, column: 1 },
    bgpPeer: bgpPeerName,
    interface: typeof ifaceName === 'string' ? ifaceName : '',
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
  return { workload, issues: [] };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function firstNetwork(value: unknown, family: IpFamily): Address | 'bad' | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) return 'bad';
  const [first]: unknown[] = value;
  if (first === undefined) return undefined;
  const parsed = typeof first === 'string' ? parseAddressWithLength(first) : undefined;
  return parsed === undefined || parsed.address.family !== family ? 'bad' : parsed.address;
}
