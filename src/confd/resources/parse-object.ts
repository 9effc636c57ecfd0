/**
 * The edge: raw objects of any source become typed resources and issues. Total: any input gives a result.
 */

import { bgpConfigurationSpec } from './bgp-configuration.ts';
import { bgpFilterSpec } from './bgp-filter.ts';
import { bgpPeerSpec } from './bgp-peer.ts';
import { blockAffinitySpec } from './block-affinity.ts';
import { endpointSlice } from './endpoint-slice.ts';
import { felixConfigurationSpec } from './felix-configuration.ts';
import {
  type At,
  fault,
  fields,
  inside,
  isAbsent,
  isRecord,
  member,
  missing,
  type Parser,
  type Path,
  rootOf,
  type Sink,
  structure,
  warn,
} from './fields.ts';
import { ipPoolSpec } from './ip-pool.ts';
import { type Metadata, parseMetadata, rawIdentity, refOf } from './metadata.ts';
import { calicoNode, kubernetesNode } from './node.ts';
import { secret } from './secret.ts';
import { service } from './service.ts';
import type { Issue, ObjectRef, Resource, SourcePosition } from './types.ts';
import { scalarText } from './values.ts';

/** Finds where a path of the object stands in its source; null where there are no lines. */
export type Positions = (path: Path) => SourcePosition | null;

/** What became of one raw object. */
export interface ParsedObject {
  /** Who it says it is; undefined where it does not say. An object with errors keeps its last good form under this name. */
  readonly ref: ObjectRef | undefined;
  readonly outcome:
    | { readonly type: 'resource'; readonly resource: Resource }
    /** It has errors and yields nothing. */
    | { readonly type: 'invalid' }
    /** It says of itself that it is gone (BlockAffinity deleted). */
    | { readonly type: 'deleted' }
    /** Not a kind that means anything here. Its one issue is to be reported once per kind. */
    | { readonly type: 'unknown-kind' };
  readonly issues: readonly Issue[];
}

/** What a kind's parser gives: all of the resource but what every resource has. */
type Body = Resource extends infer R
  ? R extends Resource
    ? Omit<R, 'ref' | 'labels' | 'source'> & { readonly labels?: R['labels'] }
    : never
  : never;

interface Kind {
  readonly apiVersions: readonly string[];
  readonly namespaced: boolean;
  readonly parse: (raw: unknown, root: At, metadata: Metadata) => Body | 'deleted' | undefined;
}

const CALICO = ['projectcalico.org/v3', 'crd.projectcalico.org/v1'] as const;
/** One list for all objects that are right, of which there may be 100,000. */
const NO_ISSUES: readonly Issue[] = [];
const ENVELOPE = ['apiVersion', 'kind', 'metadata', 'status'] as const;

function ofSpec<T extends Body | 'deleted'>(spec: Parser<T>): Kind['parse'] {
  const read = fields({ spec: structure(spec) }, { ignored: ENVELOPE });
  // An absent spec is an empty one: its required fields are then reported one by one.
  return (raw, root) => read(isRecord(raw) && member(raw, 'spec') == null ? { ...raw, spec: {} } : raw, root)?.spec;
}

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['IPPool', { apiVersions: CALICO, namespaced: false, parse: ofSpec(ipPoolSpec) }],
  ['BGPConfiguration', { apiVersions: CALICO, namespaced: false, parse: ofSpec(bgpConfigurationSpec) }],
  ['BGPPeer', { apiVersions: CALICO, namespaced: false, parse: ofSpec(bgpPeerSpec) }],
  ['FelixConfiguration', { apiVersions: CALICO, namespaced: false, parse: ofSpec(felixConfigurationSpec) }],
  ['BGPFilter', { apiVersions: CALICO, namespaced: false, parse: ofSpec(bgpFilterSpec) }],
  ['BlockAffinity', { apiVersions: CALICO, namespaced: false, parse: ofSpec(blockAffinitySpec) }],
  [
    'Node',
    {
      apiVersions: ['v1', ...CALICO],
      namespaced: false,
      parse: (raw, root, metadata) => (root.sink.ref.apiVersion === 'v1' ? kubernetesNode : calicoNode)(raw, root, metadata),
    },
  ],
  ['Service', { apiVersions: ['v1'], namespaced: true, parse: service }],
  ['EndpointSlice', { apiVersions: ['discovery.k8s.io/v1'], namespaced: true, parse: endpointSlice }],
  ['Secret', { apiVersions: ['v1'], namespaced: true, parse: secret }],
]);

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

function newSink(ref: ObjectRef, position: Positions): Sink {
  return { ref, hidden: ref.kind === 'Secret', errors: 0, issues: [], position };
}

/**
 * Parses and validates one object. `fallback` names it where it has no kind or name of its own (a file). An object with an
 * error yields no resource; warnings do not stop it. Never throws.
 */
export function parseObject(raw: unknown, position: Positions = () => null, fallback?: ObjectRef): ParsedObject {
  if (!isRecord(raw)) {
    const sink = newSink(fallback ?? { apiVersion: '', kind: 'Object', namespace: '', name: '' }, position);
    fault(rootOf(sink), raw, 'is not an object with apiVersion, kind and metadata');
    return { ref: undefined, outcome: { type: 'invalid' }, issues: sink.issues };
  }
  const identity = rawIdentity(raw);
  const kind = KINDS.get(identity.kind);
  const ref = refOf(identity, kind?.namespaced ?? identity.namespace !== '');
  if (identity.kind === '' || identity.apiVersion === '') {
    const named = identity.kind !== '' && identity.name !== '';
    return nameless(raw, position, named || fallback === undefined ? { ...ref, kind: ref.kind || 'Object' } : fallback);
  }
  const sink = newSink(ref, position);
  const root = rootOf(sink);
  if (kind === undefined || !kind.apiVersions.includes(identity.apiVersion)) return unknownKind(kind, root);
  const metadata = parseMetadata(raw, root, kind.namespaced);
  const body = kind.parse(raw, root, metadata);
  const known = ref.name === '' ? undefined : ref;
  if (sink.errors > 0 || body === undefined) return { ref: known, outcome: { type: 'invalid' }, issues: sink.issues };
  if (body === 'deleted') return { ref: known, outcome: { type: 'deleted' }, issues: sink.issues };
  const source = position([]);
  const resource: Resource = { ref, labels: metadata.labels, ...(source === null ? {} : { source }), ...body };
  return { ref: known, outcome: { type: 'resource', resource }, issues: sink.issues.length === 0 ? NO_ISSUES : sink.issues };
}

function nameless(raw: Readonly<Record<string, unknown>>, position: Positions, ref: ObjectRef): ParsedObject {
  const sink = newSink(ref, position);
  for (const key of ['apiVersion', 'kind']) {
    const value = member(raw, key);
    const at = inside(rootOf(sink), key);
    if (isAbsent(value)) missing(at, key === 'kind' ? 'a kind such as BGPPeer' : 'an API version such as v1');
    else if (scalarText(value) === undefined) fault(at, value, 'is not text');
  }
  return { ref: undefined, outcome: { type: 'invalid' }, issues: sink.issues };
}

/** A known kind in a version of its own group that nobody serves is a slip of the pen; anything else is somebody else's kind. */
function unknownKind(kind: Kind | undefined, root: At): ParsedObject {
  const { sink } = root;
  const { ref } = sink;
  if (kind?.apiVersions.some((version) => groupOf(version) === groupOf(ref.apiVersion)) === true) {
    fault(inside(root, 'apiVersion'), ref.apiVersion, `is not ${kind.apiVersions.join(' or ')}`);
    return { ref: undefined, outcome: { type: 'invalid' }, issues: sink.issues };
  }
  warn(inside(root, 'kind'), ref.kind, `of ${ref.apiVersion} is no kind used here: ignored`);
  const issues = sink.issues.map((issue) => ({ ...issue, code: 'KIND_UNKNOWN' }));
  return { ref, outcome: { type: 'unknown-kind' }, issues };
}

/** Deepest nesting of List objects in List objects. */
const MAX_LIST_DEPTH = 4;

/** The objects in a document: itself, or the items of a `kind: List` (also of `ServiceList` and the like), each with its path. */
export function objectsIn(raw: unknown, path: Path = [], depth = 0): readonly { readonly raw: unknown; readonly path: Path }[] {
  if (!isRecord(raw) || depth >= MAX_LIST_DEPTH) return [{ raw, path }];
  const [kind, items] = [member(raw, 'kind'), member(raw, 'items')];
  if (typeof kind !== 'string' || !kind.endsWith('List') || !(Array.isArray(items) || items === null)) return [{ raw, path }];
  const apiVersion = member(raw, 'apiVersion');
  const itemKind = kind.slice(0, -'List'.length);
  // Items of a typed list (ServiceList) may leave out what the list says for all of them.
  const filled = (item: unknown): unknown => (itemKind !== '' && isRecord(item) ? { apiVersion, kind: itemKind, ...item } : item);
  return (items ?? []).flatMap((item: unknown, index: number) => objectsIn(filled(item), [...path, 'items', index], depth + 1));
}
