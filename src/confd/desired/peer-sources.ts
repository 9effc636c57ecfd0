/**
 * What a BGPPeer, or the mesh, brings to every session it asks for: password, filters, and whether the engine must not start
 * them (contracts.md, Behaviour decided: no session without its key).
 */
import { formatAddress } from 'bgp-ts/net';
import type { BGPPeerResource, Issue, SecretKeyRef, Snapshot } from '../resources/types.ts';
import { type IssueObject, issueAbout } from './issues.ts';
import type { SourceParts } from './peer-render.ts';
import type { PeerRole } from './peer-rules.ts';
import type { PeerSettings } from './settings.ts';

/** Parts shared by all peers of one source, and the issues to report for it. */
export interface ResolvedSource {
  readonly parts: SourceParts;
  readonly issues: readonly Issue[];
}

/** Key of a password's Secret in the snapshot. */
export function secretKey(ref: SecretKeyRef, settings: PeerSettings): string {
  return `${settings.secretNamespace}/${ref.name}`;
}

/** Resolves a BGPPeer that concerns the own node. `filterExists` tells which BGPFilters there are. */
export function resolvePeerSource(
  spec: BGPPeerResource,
  role: PeerRole,
  snapshot: Snapshot,
  settings: PeerSettings,
  filterExists: (name: string) => boolean,
): ResolvedSource {
  if (role.forward === undefined && role.reverse.length === 0) return { parts: { filters: [] }, issues: [] };
  const filters = spec.filters.filter(filterExists);
  const hidden = filtersUnreadable(snapshot) ? unreadableFilter(spec, filterExists) : undefined;
  const missing =
    hidden === undefined ? spec.filters.flatMap((name, index) => (filterExists(name) ? [] : [missingFilter(spec, name, index)])) : [hidden];
  // Nothing else of the BGPPeer applies to local workloads (control-plane 2.3).
  if (spec.localWorkloadSelector !== undefined)
    return { parts: { filters, ...(hidden === undefined ? {} : { heldBy: hidden }) }, issues: missing };
  const password = resolvePassword(spec, spec.password, 'spec.password.secretKeyRef', 'BGPPEER', snapshot, settings);
  const other = password.heldBy ?? unsupported(spec, settings);
  const heldBy = other ?? hidden;
  const issues = [...missing, ...(other === undefined ? [] : [other])];
  return { parts: { ...password, filters, ...(heldBy === undefined ? {} : { heldBy }) }, issues };
}

/** Resolves the node mesh. `config` is the BGPConfiguration that configures it, if any. */
export function resolveMeshSource(config: IssueObject | undefined, snapshot: Snapshot, settings: PeerSettings): ResolvedSource {
  if (config === undefined) return { parts: { filters: [] }, issues: [] };
  const password = resolvePassword(
    config,
    settings.mesh.password,
    'spec.nodeMeshPassword.secretKeyRef',
    'BGPCONFIGURATION',
    snapshot,
    settings,
  );
  const asked = settings.mesh.enabled && settings.clusterId === '';
  return { parts: { ...password, filters: [] }, issues: password.heldBy === undefined || !asked ? [] : [password.heldBy] };
}

function resolvePassword(
  object: IssueObject,
  ref: SecretKeyRef | undefined,
  field: string,
  prefix: string,
  snapshot: Snapshot,
  settings: PeerSettings,
): Pick<SourceParts, 'password' | 'heldBy'> {
  if (ref === undefined) return {};
  const key = secretKey(ref, settings);
  const password = snapshot.secrets.get(key)?.data.get(ref.key);
  if (password === undefined) {
    const got = JSON.stringify({ name: ref.name, key: ref.key });
    const rule = `names no Secret with that key in namespace ${settings.secretNamespace}; the peer is not started without its password`;
    return { heldBy: issueAbout(object, { code: `${prefix}_PASSWORD_MISSING`, field, got, rule, transient: true }) };
  }
  if (settings.engine.password === true) return { password };
  const rule = 'needs TCP MD5 signatures, which this engine does not have; the peer is not started';
  return { password, heldBy: issueAbout(object, { code: `${prefix}_PASSWORD_UNSUPPORTED`, field, got: '[hidden]', rule }) };
}

function unsupported(spec: BGPPeerResource, settings: PeerSettings): Issue | undefined {
  const { engine } = settings;
  if (spec.ttlSecurity > 0 && engine.ttlSecurity !== true) {
    const rule = 'needs TTL security, which this engine does not have; the peer is not started';
    return issueAbout(spec, { code: 'BGPPEER_TTL_SECURITY_UNSUPPORTED', field: 'spec.ttlSecurity', got: String(spec.ttlSecurity), rule });
  }
  if (spec.reachableBy !== undefined && engine.reachableBy !== true) {
    const rule = 'needs a route to the peer, which this engine does not install; the peer is not started';
    return issueAbout(spec, {
      code: 'BGPPEER_REACHABLE_BY_UNSUPPORTED',
      field: 'spec.reachableBy',
      got: JSON.stringify(formatAddress(spec.reachableBy)),
      rule,
    });
  }
  return undefined;
}

/**
 * BGPFilters are a kind that the datastore has and that cannot be read: one that is not known may be there all the same, and a
 * session without it would tell or believe what it must not.
 */
export function filtersUnreadable({ issues }: Snapshot): boolean {
  return issues.some(
    ({ object, code, severity }) =>
      object.kind === 'BGPFilter' && object.name === '*' && severity === 'error' && code !== 'DATASTORE_KIND_MISSING',
  );
}

function unreadableFilter(spec: BGPPeerResource, filterExists: (name: string) => boolean): Issue | undefined {
  const index = spec.filters.findIndex((name) => !filterExists(name));
  if (index < 0) return undefined;
  return issueAbout(spec, {
    code: 'BGPPEER_FILTER_UNREADABLE',
    field: `spec.filters[${index}]`,
    got: JSON.stringify(spec.filters[index]),
    rule: 'names a BGPFilter, and those must not be read; the peer is not started without it',
    transient: true,
  });
}

function missingFilter(object: IssueObject, name: string, index: number): Issue {
  const parts = {
    code: 'BGPPEER_FILTER_MISSING',
    field: `spec.filters[${index}]`,
    got: JSON.stringify(name),
    rule: 'names no BGPFilter; it is left out',
  };
  return issueAbout(object, { ...parts, severity: 'warning', transient: true });
}
