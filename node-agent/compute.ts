/** From the snapshot to what is wanted of the dataplane; anew only where something of it may be different. */
import { felixFields } from '../src/confd/resources/felix-configuration.ts';
import type { FelixFields, Issue, Resource, Snapshot, SnapshotDelta } from '../src/confd/resources/types.ts';
import { protocolFault, ROUTE_PROTOCOL } from './config/settings.ts';
import { FIELDS_WITHOUT_EFFECT } from './config/types.ts';
import type { AgentWanted } from './dataplane-types.ts';
import { encapWishes } from './encap/wishes.ts';

/** What stays the same for the life of the process. */
export interface ComputeOptions {
  readonly node: string;
  readonly usePodCIDR: boolean;
  /** What was said here of Felix' values. */
  readonly local: FelixFields;
}

/** What came of it. */
export interface ComputedWishes {
  readonly desired: AgentWanted;
  readonly issues: readonly Issue[];
}

/** Kinds that say something about encapsulation. A directory of manifests has others beside them. */
const RELEVANT: ReadonlySet<Resource['kind']> = new Set(['Node', 'IPPool', 'BlockAffinity', 'BGPConfiguration', 'FelixConfiguration']);

/** Computes it from scratch. `macs` keeps what was derived from the names of nodes. */
export function computeWishes(snapshot: Snapshot, { node, usePodCIDR, local }: ComputeOptions, macs?: Map<string, string>): AgentWanted {
  const felix = { ...felixFields(snapshot.felix, node), ...local };
  return { felix, wishes: encapWishes({ snapshot, felix, node, usePodCIDR, ...(macs && { macs }) }) };
}

/** What Felix would do and this agent does not is told where it was asked for. */
function felixIssues({ felix }: Snapshot, node: string, inForce: FelixFields): readonly Issue[] {
  return ['default', `node.${node}`].flatMap((name) => {
    const found = felix.get(name);
    if (found === undefined) return [];
    const issue = (code: string, field: string, got: string, rule: string): Issue => ({
      ...{ code, severity: 'warning', object: found.ref, field: `spec.${field}`, got, rule },
      ...{ source: found.source ?? null, transient: false },
    });
    const { deviceRouteProtocol: protocol } = found;
    const fault = protocol === undefined || protocol !== inForce.deviceRouteProtocol ? undefined : protocolFault(protocol);
    const set = FIELDS_WITHOUT_EFFECT.filter(([field]) => found[field] !== undefined);
    return [
      ...(fault === undefined
        ? []
        : [issue('FELIX_ROUTE_PROTOCOL', 'deviceRouteProtocol', String(protocol), `is ${fault}: ${ROUTE_PROTOCOL} is used`)]),
      ...set.map(([field, why]) => issue('FELIX_FIELD_UNUSED', field, '', `has no effect in the node agent: ${why}`)),
    ];
  });
}

/** As a function of the convergence loop: what no delta concerns stays the same object. */
export function createCompute(options: ComputeOptions): (snapshot: Snapshot, delta: SnapshotDelta | undefined) => ComputedWishes {
  const macs = new Map<string, string>();
  let last: ComputedWishes | undefined;
  return (snapshot, delta) => {
    if (last !== undefined && delta !== undefined && !delta.changed.some(({ kind }) => RELEVANT.has(kind))) return last;
    const desired = computeWishes(snapshot, options, macs);
    last = { desired, issues: [...desired.wishes.issues, ...felixIssues(snapshot, options.node, desired.felix)] };
    return last;
  };
}
