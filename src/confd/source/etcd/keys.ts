/** Where Calico keeps its objects in etcd (control-plane 9.4), and what a key with its value is as an object. */
import { isRecord, member } from '../../resources/fields.ts';
import type { ReadFor } from '../types.ts';
import type { ListKey } from '../view.ts';

/** One range of keys that is listed and watched: all that begin with `prefix`. */
export interface KeyRange extends ListKey {
  readonly prefix: string;
}

const RESOURCES = '/calico/resources/v3/projectcalico.org/';
const AFFINITIES = '/calico/ipam/v2/host/';
const API_VERSION = 'projectcalico.org/v3';

const resources = (kind: string, plural: string): KeyRange => ({ id: kind, kind, prefix: `${RESOURCES}${plural}/` });

/**
 * Ranges of a daemon: the kinds that count here, and the blocks of its own node, or for encapsulation of every node, unless pod
 * CIDRs stand in for them.
 */
export function keyRanges(node: string, usePodCIDR: boolean, readFor: ReadFor = 'bgp'): readonly KeyRange[] {
  const encapsulation = readFor === 'encapsulation';
  const blocks: KeyRange = { id: 'BlockAffinity', kind: 'BlockAffinity', prefix: encapsulation ? AFFINITIES : `${AFFINITIES}${node}/` };
  if (encapsulation) {
    return [
      resources('Node', 'nodes'),
      resources('BGPConfiguration', 'bgpconfigurations'),
      resources('FelixConfiguration', 'felixconfigurations'),
      resources('IPPool', 'ippools'),
      ...(usePodCIDR ? [] : [blocks]),
    ];
  }
  return [
    resources('Node', 'nodes'),
    resources('BGPConfiguration', 'bgpconfigurations'),
    resources('BGPPeer', 'bgppeers'),
    resources('BGPFilter', 'bgpfilters'),
    resources('IPPool', 'ippools'),
    ...(usePodCIDR ? [] : [blocks]),
  ];
}

/** One watch: keys from `first` to before `end`, in which some ranges lie. */
export interface KeySpan {
  readonly first: string;
  readonly end: string;
  readonly ranges: readonly KeyRange[];
}

/**
 * The watches that cover some ranges. Calico's kinds lie close together, so that one watch has them all with a few kinds that
 * seldom change between them (and not the workload endpoints); blocks have one of their own, without the addresses in them.
 */
export function keySpans(ranges: readonly KeyRange[]): readonly KeySpan[] {
  const near = ranges.filter(({ prefix }) => prefix.startsWith(RESOURCES));
  const far = ranges.filter(({ prefix }) => !prefix.startsWith(RESOURCES));
  const prefixes = near.map(({ prefix }) => prefix).sort();
  const [first = '', last = ''] = [prefixes[0], prefixes.at(-1)];
  return [
    ...(near.length === 0 ? [] : [{ first, end: rangeEnd(last), ranges: near }]),
    ...far.map((range) => ({ first: range.prefix, end: rangeEnd(range.prefix), ranges: [range] })),
  ];
}

/** First key after all that begin with `prefix` (etcd's range_end). `prefix` ends in a character below U+007F. */
export function rangeEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The object of a key, in the form that its kind's parser takes; undefined where the key names none. A value that is no
 * JSON object becomes its `spec`, so that the issue shows it and the last good form stays. '' stands for a deleted key.
 */
export function objectOf(range: KeyRange, key: string, value: string): unknown {
  const name = key.startsWith(range.prefix) ? key.slice(range.prefix.length) : '';
  if (range.kind === 'BlockAffinity') return affinityOf(key, value);
  if (name === '' || name.includes('/')) return undefined;
  const found = json(value);
  const object = isRecord(found) ? found : { spec: value };
  const metadata = member(object, 'metadata');
  return { ...object, apiVersion: API_VERSION, kind: range.kind, metadata: { ...(isRecord(metadata) ? metadata : {}), name } };
}

/** `NODE/ipv4/block/10.0.0.0-26` below all affinities; an empty value is an empty object. */
function affinityOf(key: string, value: string): unknown {
  const [, node, dashed] = /^([^/]+)\/ipv[46]\/block\/([^/]+)$/.exec(key.startsWith(AFFINITIES) ? key.slice(AFFINITIES.length) : '') ?? [];
  if (node === undefined || dashed === undefined) return undefined;
  const found = value === '' ? {} : json(value);
  const state = isRecord(found) ? member(found, 'state') : value;
  const deleted = isRecord(found) ? member(found, 'deleted') : undefined;
  return {
    apiVersion: API_VERSION,
    kind: 'BlockAffinity',
    // As the Kubernetes datastore names them.
    metadata: { name: `${node}-${dashed.replace(/[.:]/g, '-')}` },
    spec: {
      node,
      cidr: dashed.replace(/-(\d+)$/, '/$1'),
      ...(state === undefined || state === '' ? {} : { state }),
      ...(deleted === undefined ? {} : { deleted }),
    },
  };
}
