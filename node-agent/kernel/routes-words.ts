/** Operations on routes in the words of `plan`. Pure. */
import { formatAddress, formatPrefix } from 'bgp-ts/net';
import type { KernelHop, Operation, OwnNexthop, OwnRoute } from '../../src/routes/kernel/table.ts';

type Names = ReadonlyMap<number, string>;

function hopText(hop: KernelHop, names: Names): string {
  const device = `dev ${names.get(hop.interface) ?? hop.interface}`;
  return hop.gateway === undefined ? device : `via ${formatAddress(hop.gateway)} ${device}`;
}

/** An object stands for a way; its id says nothing to a reader, so what it was set to is remembered. */
function wayText(route: OwnRoute, names: Names, objects: ReadonlyMap<number, string>): string {
  if (route.kind === 'blackhole') return 'blackhole';
  const source = route.source === undefined ? '' : ` src ${formatAddress(route.source)}`;
  if (route.nexthop !== 0) return `${objects.get(route.nexthop) ?? `nexthop ${route.nexthop}`}${source}`;
  return `${route.hops.map((hop) => hopText(hop, names)).join(', ')}${source}`;
}

function objectText({ hop, group }: OwnNexthop, names: Names): string {
  return hop === undefined ? `group ${group.join('/')}` : hopText(hop, names);
}

/** What the objects stand for that are there, by id. */
export function objectWays(nexthops: readonly OwnNexthop[], names: Names): Map<number, string> {
  return new Map(nexthops.map((nexthop) => [nexthop.id, objectText(nexthop, names)]));
}

/** One operation in words. `objects` remembers what nexthop objects stand for, from one call to the next. */
export function describeOperation(operation: Operation, names: Names, objects: Map<number, string>): string {
  switch (operation.kind) {
    case 'set-nexthop': {
      const { id } = operation.nexthop;
      const way = objectText(operation.nexthop, names);
      objects.set(id, way);
      return `${operation.replace ? 'move' : 'add'} nexthop ${id} ${way}`;
    }
    case 'remove-nexthop':
      return `remove nexthop ${operation.id}`;
    case 'add-route':
      return `add ${formatPrefix(operation.route.prefix)} ${wayText(operation.route, names, objects)}`;
    case 'replace-route':
      return `replace ${formatPrefix(operation.route.prefix)} ${wayText(operation.route, names, objects)}`;
    case 'remove-route':
      return `remove ${formatPrefix(operation.route.prefix)} ${wayText(operation.route, names, objects)}`;
    case 'remove-alien':
      return `remove ${formatPrefix(operation.route.prefix)} of protocol ${operation.route.protocol} on a device of ours`;
    default: {
      const never: never = operation;
      return never;
    }
  }
}
