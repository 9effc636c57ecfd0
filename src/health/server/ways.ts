/** How next hops are reached from this host, for `show route`: its interfaces' networks, then the kernel's routes over gateways. */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { isInside } from '../birdctl/network.ts';
import type { Way } from '../birdctl/routes.ts';

/** Lines of the kernel's table looked at: the ways to other networks are few, and they stand among the first. */
const MAX_LINES = 4096;

interface Route {
  readonly network: string;
  readonly length: number;
  readonly gateway: string;
  readonly interface: string;
}

/** Reads the ways once; the result answers for each next hop. */
export function readWays(): (nextHop: string) => Way | undefined {
  const networks = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).flatMap(({ cidr }) => (cidr === null ? [] : [{ name, network: cidr }])),
  );
  let routes: readonly Route[] | undefined;
  const known = new Map<string, Way | undefined>();
  const find = (nextHop: string): Way | undefined => {
    const near = networks.find(({ network }) => isInside(nextHop, network));
    if (near !== undefined) return { gateway: nextHop, interface: near.name };
    if (nextHop.includes(':')) return undefined;
    routes ??= kernelRoutes();
    const best = routes.filter(({ network }) => isInside(nextHop, network)).sort((a, b) => b.length - a.length)[0];
    return best === undefined ? undefined : { gateway: best.gateway, interface: best.interface };
  };
  return (nextHop) => {
    if (!known.has(nextHop)) known.set(nextHop, find(nextHop));
    return known.get(nextHop);
  };
}

/** `Iface Destination Gateway Flags RefCnt Use Metric Mask ...`, numbers in hex with the octets turned round. */
function kernelRoutes(): Route[] {
  let text: string;
  try {
    text = readFileSync('/proc/net/route', 'latin1');
  } catch {
    return [];
  }
  return text
    .split('\n', MAX_LINES)
    .slice(1)
    .flatMap((line) => {
      const [name = '', destination = '', gateway = '', , , , , mask = ''] = line.split('\t');
      if (gateway === '00000000' || mask === '') return [];
      const length = [...Number.parseInt(mask, 16).toString(2)].filter((bit) => bit === '1').length;
      return [{ network: `${quad(destination)}/${length}`, length, gateway: quad(gateway), interface: name }];
    });
}

function quad(hex: string): string {
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join('.');
}
