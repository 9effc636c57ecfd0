/**
 * The status of a CalicoNodeStatus from the daemon's own documents (control-plane 10). Each family is told by itself: what one
 * lacks is not missing from the other; sessions with local workloads and their routes are listed like any other. Times are RFC 3339.
 */
import type { HeldPeerView, PeersDocument, PeerView, RouteJson, SessionStateView, StatusDocument } from '../health/status.ts';

/** Routes of one family in one status: an object of the API server has at most 1.5 MB. */
export const MAX_STATUS_ROUTES = 2000;

/** The daemon of one family. */
interface Agent {
  readonly state: 'Ready' | 'NotReady';
  readonly version: string;
  readonly routerID: string;
  readonly lastBootTime: string;
  readonly lastReconfigurationTime: string;
}

type Family = 'V4' | 'V6';
const FAMILIES: readonly Family[] = ['V4', 'V6'];
const familyOf = (address: string): Family => (address.includes(':') ? 'V6' : 'V4');

const STATES: Readonly<Record<SessionStateView, string>> = {
  idle: 'Idle',
  connect: 'Connect',
  active: 'Active',
  'open-sent': 'OpenSent',
  'open-confirm': 'OpenConfirm',
  established: 'Established',
};

const time = (at: number): string => (at === 0 ? '' : new Date(at).toISOString());

/** What of the status the class Agent is made of. */
export type AgentDocument = Pick<StatusDocument, 'version' | 'engine' | 'startedAt' | 'lastAppliedAt' | 'live' | 'speaker' | 'daemons'>;

/** Class Agent. A family is ready where the daemon is live and listens in it, or where the BIRD that serves it answers. */
export function agentStatus(status: AgentDocument): Readonly<Record<string, Agent>> {
  const { version, engine, startedAt, lastAppliedAt, live, speaker, daemons } = status;
  const serves = (family: Family): boolean => {
    const birds = daemons.filter(({ name }) => name === 'BIRD' || name.toUpperCase().endsWith(family));
    if (birds.length > 0) return birds.every(({ ok }) => ok);
    return speaker?.listeners.some(({ address, up }) => up && familyOf(address) === family) ?? false;
  };
  const agent = (family: Family): Agent => ({
    state: live && serves(family) ? 'Ready' : 'NotReady',
    version: `linnet ${version} (${engine})`,
    routerID: speaker?.routerId ?? '',
    lastBootTime: time(startedAt),
    lastReconfigurationTime: time(lastAppliedAt),
  });
  return { birdV4: agent('V4'), birdV6: agent('V6') };
}

/** By the class in the session's name. Calico has no word for local workloads: they are peers of this node alone. */
function peerType(id: string): string {
  if (id.startsWith('Mesh_')) return 'NodeMesh';
  return id.startsWith('Global_') ? 'GlobalPeer' : 'NodePeer';
}

function shownPeer({ id, remote, state, since }: PeerView) {
  return { peerIP: remote.address, type: peerType(id), state: STATES[state], since: time(since) };
}

/** A peer that is not started is a peer that is not there. */
function shownHeld({ id, address }: HeldPeerView) {
  return { peerIP: address, type: peerType(id), state: 'Idle', since: '' };
}

/** Class BGP. */
export function bgpStatus({ peers, held }: Pick<PeersDocument, 'peers' | 'held'>): Readonly<Record<string, unknown>> {
  const all = [...peers.map(shownPeer), ...held.map(shownHeld)];
  return Object.assign(
    {},
    ...FAMILIES.map((family) => {
      const own = all.filter(({ peerIP }) => familyOf(peerIP) === family);
      const up = own.filter(({ state }) => state === 'Established').length;
      return { [`numberEstablished${family}`]: up, [`numberNotEstablished${family}`]: own.length - up, [`peers${family}`]: own };
    }),
  );
}

const SOURCES = { static: 'Static', kernel: 'Kernel', device: 'Direct' } as const;

/** Class Routes; `peers` name who a route is from. At most MAX_STATUS_ROUTES a family, in the order given. */
export function routesStatus(routes: readonly RouteJson[], { peers }: Pick<PeersDocument, 'peers'>): Readonly<Record<string, unknown>> {
  const addresses = new Map(peers.map(({ id, remote }) => [id, remote.address]));
  const shown = routes.map((route) => shownRoute(route, addresses));
  return Object.fromEntries(
    FAMILIES.map((family) => [
      `routes${family}`,
      shown.filter(({ destination }) => familyOf(destination) === family).slice(0, MAX_STATUS_ROUTES),
    ]),
  );
}

function shownRoute(route: RouteJson, addresses: ReadonlyMap<string, string>) {
  const { prefix, best, from, nextHop, interface: device, protocol = 'static' } = route;
  const learnedFrom =
    from === 'local'
      ? { sourceType: SOURCES[protocol] }
      : { sourceType: from.startsWith('Mesh_') ? 'NodeMesh' : 'BGPPeer', peerIP: addresses.get(from) ?? '' };
  const unreached = from === 'local' && protocol === 'static' ? 'blackhole' : 'N/A';
  return { type: best ? 'FIB' : 'RIB', destination: prefix, gateway: nextHop ?? 'N/A', interface: device ?? unreached, learnedFrom };
}
