/** BGPPeer (control-plane 1.3). */
import { fault, fields, hiding, inside, list, member, type Parser, structure, withRules } from './fields.ts';
import { objectName } from './metadata.ts';
import type { BGPPeerResource, SecretKeyRef } from './types.ts';
import { address, asNumber, duration, flag, integer, matching, oneOf, peerAddress, selector } from './values.ts';

/** Longest Restart Time that fits its 12 bits (RFC 4724 3), seconds. */
export const MAX_RESTART_TIME = 4095;
/** A third of the longest Hold Time (RFC 4271 4.4), seconds. */
const MAX_KEEPALIVE_TIME = 21_845;

const secretKey = matching(/^[-._a-zA-Z0-9]{1,253}$/, 'is not a key of a Secret: letters, digits, -, _ and .');

const secretKeyRef = fields(
  { name: objectName, key: secretKey },
  { name: 'secretKeyRef', ignored: ['optional'], required: { name: 'the name of a Secret', key: 'a key of the Secret' } },
);

const readPassword = fields({ secretKeyRef }, { name: 'a password', required: { secretKeyRef: 'name and key of a Secret' } });

/** A password by reference. Whatever stands here may be the password itself, so nothing of it is ever shown. */
export const password: Parser<SecretKeyRef> = structure((value, at) => {
  const { name, key } = readPassword(value, hiding(at))?.secretKeyRef ?? {};
  return name === undefined || key === undefined ? undefined : { name, key };
});

const SPEC = {
  node: objectName,
  nodeSelector: selector,
  peerIP: peerAddress,
  peerSelector: selector,
  localWorkloadSelector: selector,
  asNumber,
  localASNumber: asNumber,
  keepOriginalNextHop: flag,
  nextHopMode: oneOf('Auto', 'Self', 'Keep'),
  password,
  sourceAddress: oneOf('UseNodeIP', 'None'),
  maxRestartTime: duration(0, MAX_RESTART_TIME),
  keepaliveTime: duration(1, MAX_KEEPALIVE_TIME),
  numAllowedLocalASNumbers: integer(0, 2_147_483_647),
  ttlSecurity: integer(0, 255),
  reachableBy: address(),
  filters: list(objectName, { of: 'BGPFilter names' }),
  reversePeering: oneOf('Auto', 'Manual'),
} as const;

const readSpec = withRules(fields(SPEC), [
  { field: 'nodeSelector', broken: (set) => set('node') && set('nodeSelector'), rule: 'stands beside spec.node: only one of them' },
  { field: 'peerSelector', broken: (set) => set('peerIP') && set('peerSelector'), rule: 'stands beside spec.peerIP: only one of them' },
  {
    field: 'localWorkloadSelector',
    broken: (set) => set('localWorkloadSelector') && (set('peerIP') || set('peerSelector')),
    rule: 'stands beside spec.peerIP or spec.peerSelector: only one of them',
  },
  {
    field: 'asNumber',
    broken: (set) => set('asNumber') && set('peerSelector'),
    rule: 'stands beside spec.peerSelector, which takes the AS of each node',
  },
  {
    field: 'asNumber',
    broken: (set) => set('localWorkloadSelector') && !set('asNumber'),
    rule: 'the AS of the workloads of spec.localWorkloadSelector',
  },
  { field: 'reachableBy', broken: (set) => set('reachableBy') && !set('peerIP'), rule: 'needs spec.peerIP' },
  {
    field: 'keepOriginalNextHop',
    broken: (set, raw) => raw['keepOriginalNextHop'] === true && set('nextHopMode'),
    rule: 'stands beside spec.nextHopMode: only one of them',
  },
  {
    field: 'peerIP',
    broken: (set) => !set('peerIP') && !set('peerSelector') && !set('localWorkloadSelector'),
    rule: 'or spec.peerSelector or spec.localWorkloadSelector',
  },
]);

/** What a BGPPeer's spec gives, defaults filled in. */
export type BGPPeerSpec = Omit<BGPPeerResource, 'ref' | 'labels' | 'source'>;

/** Parses spec of a BGPPeer. */
export const bgpPeerSpec: Parser<BGPPeerSpec> = (value, at) => {
  const spec = readSpec(value, at);
  if (spec === undefined) return undefined;
  const { peerIP, reachableBy } = spec;
  if (peerIP !== undefined && reachableBy !== undefined && peerIP.address.family !== reachableBy.family) {
    fault(inside(at, 'reachableBy'), member(Object(value), 'reachableBy'), 'is not of the family of spec.peerIP');
  }
  return {
    kind: 'BGPPeer',
    ...spec,
    keepOriginalNextHop: spec.keepOriginalNextHop ?? false,
    sourceAddress: spec.sourceAddress ?? 'UseNodeIP',
    ttlSecurity: spec.ttlSecurity ?? 0,
    filters: spec.filters ?? [],
    reversePeering: spec.reversePeering ?? 'Auto',
  };
};
