/**
 * The cluster as the keys that Calico's own templates read (control-plane 9.4): texts, many of them JSON, by path. Peers are
 * those of this node; all else is what is stored. Pure.
 */
import { formatAddress, formatPrefix, type IpFamily, type Prefix } from 'bgp-ts/net';
import type { Desired, DesiredPeer } from '../../desired/types.ts';
import type { BGPConfigurationResource, IPPoolResource, NodeResource, Snapshot } from '../../resources/types.ts';

/** Values by key. */
export type KeyView = ReadonlyMap<string, string>;

const BGP = '/calico/bgp/v1';
const FAMILIES = [
  { family: 'ipv4', digit: '4', suffix: '' },
  { family: 'ipv6', digit: '6', suffix: 'v6' },
] as const;

/** Builds the view; passwords of peers are in it, as they are in Calico's. */
export function keyView(snapshot: Snapshot, desired: Desired): KeyView {
  const keys = new Map<string, string>();
  const global = snapshot.configurations.get('default');
  keys.set(`${BGP}/global/as_num`, String(global?.asNumber ?? 64512));
  keys.set(`${BGP}/global/node_mesh`, `{"enabled": ${global?.nodeToNodeMeshEnabled ?? true}}`);
  keys.set(`${BGP}/global/loglevel`, logLevel(global?.logSeverityScreen ?? 'info'));
  addConfiguration(keys, `${BGP}/global`, global);
  for (const node of snapshot.nodes.values()) addNode(keys, node, snapshot.configurations.get(`node.${node.ref.name}`));
  for (const peer of desired.peers) addPeer(keys, peer, desired, snapshot);
  for (const pool of snapshot.pools.values()) addPool(keys, pool);
  addRoutes(keys, snapshot, desired);
  return keys;
}

const dashed = (prefix: Prefix): string => formatPrefix(prefix).replace('/', '-');
const digitOf = (family: IpFamily): string => (family === 'ipv4' ? '4' : '6');
const logLevel = (severity: string): string => (/^(debug|info)$/i.test(severity) ? severity.toLowerCase() : 'none');

function addConfiguration(keys: Map<string, string>, at: string, configuration: BGPConfigurationResource | undefined): void {
  if (configuration?.listenPort !== undefined) keys.set(`${at}/listen_port`, String(configuration.listenPort));
  const names = new Map((configuration?.communities ?? []).map((entry) => [entry.name, entry.value.text]));
  for (const { family, digit } of FAMILIES) {
    const entries = (configuration?.prefixAdvertisements ?? []).filter((entry) => entry.cidr.family === family);
    if (entries.length === 0) continue;
    const list = entries.map(({ cidr, communities }) => ({
      cidr: formatPrefix(cidr),
      communities: communities.flatMap((item) => ('kind' in item ? [item.text] : (names.get(item.name) ?? []))),
    }));
    keys.set(`${at}/prefix_advertisements/ip_v${digit}`, JSON.stringify(list));
  }
}

function addNode(keys: Map<string, string>, node: NodeResource, own: BGPConfigurationResource | undefined): void {
  const at = `${BGP}/host/${node.ref.name}`;
  for (const { family, digit } of FAMILIES) {
    const address = node.bgp[family];
    const wireguard = node.wireguard[family];
    keys.set(`${at}/ip_addr_v${digit}`, address === undefined ? '' : formatAddress(address.address));
    if (address !== undefined) keys.set(`${at}/network_v${digit}`, formatPrefix(address.network));
    keys.set(`${at}/wireguard_addr_v${digit}`, wireguard === undefined ? '' : formatAddress(wireguard));
  }
  if (node.bgp.asNumber !== undefined) keys.set(`${at}/as_num`, String(node.bgp.asNumber));
  keys.set(`${at}/rr_cluster_id`, node.bgp.routeReflectorClusterID ?? '');
  if (own?.logSeverityScreen !== undefined) keys.set(`${at}/loglevel`, logLevel(own.logSeverityScreen));
  addConfiguration(keys, at, own);
}

const NEXT_HOP_MODES = { auto: 'Auto', self: 'Self', keep: 'Keep' } as const;

/** Mesh peers have no key: templates make them of the nodes. */
function addPeer(keys: Map<string, string>, peer: DesiredPeer, { node }: Desired, snapshot: Snapshot): void {
  if (peer.type === 'mesh' || peer.heldBy !== undefined) return;
  const ip = formatAddress(peer.address);
  const seconds = (value: number | undefined): string => (value === undefined ? '' : `${value}s`);
  const other = [...snapshot.nodes.values()].find((entry) => {
    const address = entry.bgp[peer.address.family]?.address;
    return address !== undefined && formatAddress(address) === ip;
  });
  const at = peer.type === 'global' ? 'global' : `host/${node}`;
  const value = {
    ip,
    as_num: String(peer.remoteAs),
    local_as_num: String(peer.localAs),
    rr_cluster_id: other?.bgp.routeReflectorClusterID ?? '',
    password: peer.password?.reveal() ?? null,
    source_addr: peer.source === undefined ? 'None' : 'UseNodeIP',
    restart_time: seconds(peer.restartTime),
    keepalive_time: seconds(peer.keepaliveTime),
    port: peer.portExplicit ? peer.port : 0,
    keep_next_hop: peer.nextHop === 'keep',
    calico_node: other !== undefined,
    num_allow_local_as: peer.allowLocalAs,
    ttl_security: peer.ttlSecurity,
    filters: peer.filters,
    reachable_by: peer.reachableBy === undefined ? '' : formatAddress(peer.reachableBy),
    passive_mode: peer.passive,
    local_bgp_peer: peer.type === 'local-workload',
    next_hop_mode: NEXT_HOP_MODES[peer.nextHop],
  };
  const name = peer.portExplicit && peer.port !== 179 ? `${ip}-${peer.port}` : ip;
  keys.set(`${BGP}/${at}/peer_v${digitOf(peer.address.family)}/${name}`, JSON.stringify(value));
}

const MODES = { Never: '', Always: 'always', CrossSubnet: 'cross-subnet' } as const;

function addPool(keys: Map<string, string>, pool: IPPoolResource): void {
  const value = {
    cidr: formatPrefix(pool.cidr),
    ipip: pool.ipipMode === 'Never' ? '' : 'tunl0',
    ipip_mode: MODES[pool.ipipMode],
    vxlan_mode: MODES[pool.vxlanMode],
    disableBGPExport: pool.disableBGPExport,
  };
  keys.set(`/calico/v1/ipam/v${digitOf(pool.cidr.family)}/pool/${dashed(pool.cidr)}`, JSON.stringify(value));
}

function addRoutes(keys: Map<string, string>, snapshot: Snapshot, { advertise, programme }: Desired): void {
  for (const affinity of snapshot.affinities.values()) {
    const at = `/calico/ipam/v2/host/${affinity.node}/${affinity.cidr.family}/block/${dashed(affinity.cidr)}`;
    keys.set(at, JSON.stringify({ state: affinity.state, deleted: false }));
  }
  for (const { family, suffix } of FAMILIES) {
    const announced = advertise.filter((route) => route.prefix.family === family && route.class !== 'block');
    for (const { prefix } of announced) keys.set(`/calico/staticroutes${suffix}/${dashed(prefix)}`, formatPrefix(prefix));
    for (const prefix of programme?.[family].kernel.rejected ?? [])
      keys.set(`/calico/rejectcidrs${suffix}/${dashed(prefix)}`, formatPrefix(prefix));
  }
}
