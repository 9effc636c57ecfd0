/** A claim that won its session, rendered as the peer the engine is given (control-plane 2.4). */
import type { Policy, Reason } from 'bgp-ts/policy';
import type { Issue, SecretValue } from '../resources/types.ts';
import { objectName } from './issues.ts';
import { PASS, type PeerCandidate } from './peer-rules.ts';
import type { PolicyUse } from './policies.ts';
import type { PeerSettings } from './settings.ts';
import type { DesiredPeer } from './types.ts';

/** What the source of a peer adds to every session it asks for. */
export interface SourceParts {
  readonly password?: SecretValue;
  readonly heldBy?: Issue;
  /** BGPFilters that exist, in order. */
  readonly filters: readonly string[];
}

/** What rendering needs from the node. */
export interface RenderContext {
  readonly settings: PeerSettings;
  readonly policyFor: (use: PolicyUse) => Policy;
}

const PREFIXES = { [PASS.global]: 'Global', [PASS.node]: 'Node', [PASS.reverse]: 'Node', [PASS.mesh]: 'Mesh' } as const;
const TYPES = { [PASS.global]: 'global', [PASS.node]: 'node', [PASS.reverse]: 'node', [PASS.mesh]: 'mesh' } as const;
const RULES = {
  [PASS.global]: 'control-plane 2.3 (pass 1)',
  [PASS.node]: 'control-plane 2.3 (pass 2)',
  [PASS.reverse]: 'control-plane 2.3 (reverse)',
  [PASS.mesh]: 'control-plane 2.2',
} as const;

/** Calico's protocol name, `Node_10_0_0_2_port_1790`; a mesh name carries no port. */
function peerName(candidate: PeerCandidate): string {
  const port = candidate.pass === PASS.mesh || candidate.port === undefined ? '' : `_port_${candidate.port}`;
  const prefix = candidate.workload === true ? 'Local_Workload' : PREFIXES[candidate.pass];
  return `${prefix}_${candidate.text.replace(/[.:]/g, '_')}${port}`;
}

/** The policies of a peer, for the families its session carries. */
export function peerPolicies(
  peer: Pick<DesiredPeer, 'address' | 'internal' | 'filters'>,
  context: RenderContext,
): Pick<DesiredPeer, 'importPolicy' | 'exportPolicy'> {
  const families: PolicyUse['families'] = context.settings.bothFamilies ? ['ipv4', 'ipv6'] : [peer.address.family];
  const use = { families, internal: peer.internal, filters: peer.filters };
  return {
    importPolicy: context.policyFor({ ...use, direction: 'import' }),
    exportPolicy: context.policyFor({ ...use, direction: 'export' }),
  };
}

/** Renders one peer. */
export function renderPeer(candidate: PeerCandidate, parts: SourceParts, context: RenderContext): DesiredPeer {
  const { settings } = context;
  const { address, pass } = candidate;
  const workload = candidate.workload === true;
  // Of the BGPPeer of a local workload only AS, local AS and filters count (control-plane 2.3).
  const spec = workload ? undefined : candidate.spec;
  const own = settings.own[address.family];
  const localAs = candidate.localAs ?? settings.asNumber;
  const internal = candidate.remoteAs === localAs;
  const client = isClient(candidate, internal, settings);
  const useSource = own !== undefined && !workload && spec?.sourceAddress !== 'None';
  const restartTime = candidate.spec === undefined ? settings.mesh.restartTime : spec?.maxRestartTime;
  return {
    id: peerName(candidate),
    type: workload ? 'local-workload' : TYPES[pass],
    address,
    port: candidate.port ?? 179,
    portExplicit: candidate.port !== undefined,
    remoteAs: candidate.remoteAs,
    localAs,
    internal,
    passive: workload || isPassive(candidate, own?.text ?? ''),
    reflectorClient: client,
    ...(client ? { clusterId: settings.clusterId } : {}),
    nextHop: workload ? 'auto' : nextHop(candidate, internal),
    ...(useSource ? { source: own.address } : {}),
    ttlSecurity: spec?.ttlSecurity ?? 0,
    ...(parts.password === undefined ? {} : { password: parts.password }),
    ...(restartTime === undefined ? {} : { restartTime }),
    ...(spec?.keepaliveTime === undefined ? {} : { keepaliveTime: spec.keepaliveTime }),
    allowLocalAs: candidate.allowLocalAs,
    ...(spec?.reachableBy === undefined ? {} : { reachableBy: spec.reachableBy }),
    filters: parts.filters,
    ...peerPolicies({ address, internal, filters: parts.filters }, context),
    reasons: reasons(candidate, settings),
    ...(parts.heldBy === undefined ? {} : { heldBy: parts.heldBy }),
  };
}

/** A reflector's peer in the same AS is a client unless it reflects for the same cluster (control-plane 2.4). */
function isClient(candidate: PeerCandidate, internal: boolean, settings: PeerSettings): boolean {
  return settings.clusterId !== '' && internal && candidate.peerClusterId !== settings.clusterId;
}

/**
 * Of two Calico nodes the one whose peer has the greater address *as text* waits. That holds for the mesh and global peers;
 * both ends of other sessions call, because a Calico node at the other end does (control-plane 2.2, 2.4).
 */
function isPassive(candidate: PeerCandidate, ownText: string): boolean {
  const ruled = candidate.pass === PASS.mesh || candidate.pass === PASS.global;
  return ruled && candidate.calicoNode && candidate.text > ownText;
}

function nextHop(candidate: PeerCandidate, internal: boolean): DesiredPeer['nextHop'] {
  const { spec } = candidate;
  if (spec === undefined) return 'auto';
  if (spec.nextHopMode === 'Keep') return 'keep';
  if (spec.nextHopMode === 'Self') return 'self';
  // The legacy flag loses to any nextHopMode and means something to external peers only.
  return spec.nextHopMode === undefined && spec.keepOriginalNextHop && !internal ? 'keep' : 'auto';
}

function reasons(candidate: PeerCandidate, settings: PeerSettings): Reason[] {
  const rule = RULES[candidate.pass];
  const source = candidate.spec === undefined ? settings.configObject : objectName(candidate.spec.ref);
  const node = candidate.node === '' ? [] : [{ object: `Node/${candidate.node}`, rule }];
  return [{ object: source, rule }, ...node];
}
