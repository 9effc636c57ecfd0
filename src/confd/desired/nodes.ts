/**
 * The nodes of the cluster as peers see them: addresses, AS, port and cluster id, indexed by name and by address. A change of
 * anything else (labels, pod CIDRs, conditions) leaves the facts the same object.
 */
import { type Address, formatAddress, type IpFamily } from 'bgp-ts/net';
import type { NodeResource, Snapshot } from '../resources/types.ts';
import { sameData } from './compare.ts';
import { NameIndex } from './tables.ts';

/** Both families, in the order everything is listed. */
export const FAMILIES = ['ipv4', 'ipv6'] as const;

/** An address with its text, which decides passive sides and keys. */
export interface NodeAddress {
  readonly address: Address;
  readonly text: string;
}

/** One node as its peers see it; its own overrides only, the global values are the settings'. */
export interface NodeFacts {
  readonly name: string;
  readonly ipv4?: NodeAddress;
  readonly ipv6?: NodeAddress;
  readonly asNumber?: number;
  /** listenPort of `node.NAME`. */
  readonly port?: number;
  /** '' = not a route reflector. */
  readonly clusterId: string;
}

/** Facts by name and the names behind each address. */
export class NodeTable {
  readonly #facts = new Map<string, NodeFacts>();
  readonly #byAddress = new NameIndex();

  get(name: string): NodeFacts | undefined {
    return this.#facts.get(name);
  }

  all(): Iterable<NodeFacts> {
    return this.#facts.values();
  }

  /** Nodes with this address, by name. */
  at(addressText: string): readonly NodeFacts[] {
    return [...this.#byAddress.get(addressText)].sort().flatMap((name) => this.#facts.get(name) ?? []);
  }

  /** Reads one node again; the addresses touched when its facts changed, else undefined. */
  refresh(snapshot: Snapshot, name: string): readonly string[] | undefined {
    const before = this.#facts.get(name);
    const node = snapshot.nodes.get(name);
    const after = node === undefined ? undefined : readFacts(node, snapshot.configurations.get(`node.${name}`)?.listenPort);
    if (sameData(before, after)) return undefined;
    for (const text of addressTexts(before)) this.#byAddress.remove(text, name);
    for (const text of addressTexts(after)) this.#byAddress.add(text, name);
    if (after === undefined) this.#facts.delete(name);
    else this.#facts.set(name, after);
    return [...addressTexts(before), ...addressTexts(after)];
  }
}

function addressTexts(facts: NodeFacts | undefined): string[] {
  return FAMILIES.flatMap((family) => facts?.[family]?.text ?? []);
}

function readFacts(node: NodeResource, port: number | undefined): NodeFacts {
  const at = (family: IpFamily): { readonly [name in IpFamily]?: NodeAddress } => {
    const found = node.bgp[family];
    return found === undefined ? {} : { [family]: { address: found.address, text: formatAddress(found.address) } };
  };
  return {
    name: node.ref.name,
    ...at('ipv4'),
    ...at('ipv6'),
    ...(node.bgp.asNumber === undefined ? {} : { asNumber: node.bgp.asNumber }),
    ...(port === undefined ? {} : { port }),
    clusterId: node.bgp.routeReflectorClusterID ?? '',
  };
}
