/**
 * `show interfaces`, `show memory` and `show symbols` in the words and columns of BIRD 1.6.8 (recorded: test/health/birdctl/bird16.json).
 * Of memory only the whole is known here. Pure.
 */
import type { HostCommand, SocketFamily } from './command.ts';
import { OWN_PROTOCOLS, protocolName, type Snapshot } from './protocols.ts';
import { CODE, Reply } from './reply.ts';

/** An interface of the machine. */
export interface InterfaceView {
  readonly name: string;
  readonly index: number;
  /** Octets. */
  readonly mtu: number;
  /** IFF_ bits of the kernel. */
  readonly flags: number;
  /** The link has a carrier. */
  readonly carrier: boolean;
  /** Its addresses with their prefix lengths; IPv6 ones may be of the link. */
  readonly addresses: readonly string[];
}

/** What the commands read beside the snapshot. */
export interface HostWorld {
  readonly interfaces: () => readonly InterfaceView[];
  /** Octets that the process has in memory. */
  readonly residentOctets: () => number;
}

const IFF = { up: 0x1, broadcast: 0x2, loopback: 0x8, pointToPoint: 0x10, multicast: 0x1000 } as const;

/** The reply. */
export function hostReply(command: HostCommand, family: SocketFamily, snapshot: Snapshot, world: HostWorld): string {
  switch (command.what) {
    case 'interfaces':
      return interfacesReply(world.interfaces(), family);
    case 'summary':
      return summaryReply(world.interfaces(), family);
    case 'memory':
      return memoryReply(world.residentOctets());
    default:
      return symbolsReply(snapshot, family, command);
  }
}

const ofFamily = ({ addresses }: InterfaceView, family: SocketFamily): string[] =>
  addresses.filter((address) => address.includes(':') === (family === 'ipv6'));

/** BIRD calls an interface up that has an address of its family. */
const stateOf = (one: InterfaceView, family: SocketFamily): string =>
  (one.flags & IFF.up) !== 0 && ofFamily(one, family).length > 0 ? 'up' : 'DOWN';

function interfacesReply(interfaces: readonly InterfaceView[], family: SocketFamily): string {
  const reply = new Reply();
  const lines = interfaces.map((one) => {
    const addresses = ofFamily(one, family).map((address, at) => `\t${address} (${at === 0 ? 'Primary, ' : ''}scope ${scopeOf(address)})`);
    return [
      reply.line(1001, `${one.name} ${stateOf(one, family)} (index=${one.index})`),
      reply.line(1004, `\t${flagsOf(one)} MTU=${one.mtu}`),
      reply.line(1003, ...addresses),
    ].join('');
  });
  return lines.join('') + reply.end(CODE.ok);
}

function flagsOf({ flags, carrier }: InterfaceView): string {
  const has = (bit: number, word: string): string[] => ((flags & bit) === 0 ? [] : [word]);
  return [
    (flags & IFF.pointToPoint) === 0 ? 'MultiAccess' : 'PtP',
    ...has(IFF.broadcast, 'Broadcast'),
    ...has(IFF.multicast, 'Multicast'),
    ...has(IFF.up, 'AdminUp'),
    ...(carrier ? ['LinkUp'] : []),
    ...has(IFF.loopback, 'Loopback'),
    ...has(IFF.loopback, 'Ignored'),
  ].join(' ');
}

function scopeOf(address: string): string {
  if (/^(?:127\.|::1\/)/.test(address)) return 'host';
  return /^(?:fe[89ab]|169\.254\.)/i.test(address) ? 'link' : 'univ';
}

function summaryReply(interfaces: readonly InterfaceView[], family: SocketFamily): string {
  const reply = new Reply();
  const rows = interfaces.map((one) => `${one.name.padEnd(9)} ${stateOf(one, family).padEnd(5)} ${ofFamily(one, family)[0] ?? ''}`);
  return reply.line(2005, 'interface state address') + reply.line(1005, ...rows) + reply.end(CODE.ok);
}

function memoryReply(octets: number): string {
  const reply = new Reply();
  return (
    reply.line(1018, 'BIRD memory usage', `${'Total:'.padEnd(17)} ${String(Math.round(octets / 1024)).padStart(4)} kB`) + reply.end(CODE.ok)
  );
}

function symbolsReply(snapshot: Snapshot, family: SocketFamily, { kind: _, ...command }: HostCommand): string {
  const reply = new Reply();
  const mine = (address: string): boolean => address.includes(':') === (family === 'ipv6');
  const sessions = [
    ...snapshot.peers.filter((peer) => mine(peer.remote.address)).map(({ id }) => id),
    ...snapshot.held.filter((peer) => mine(peer.address)).map(({ id }) => id),
  ];
  const symbols = [
    { name: 'master', is: 'routing table', category: 'table' },
    ...[...OWN_PROTOCOLS.map(({ name }) => name), ...sessions.map(protocolName)].map((name) => ({
      name,
      is: 'protocol',
      category: 'protocol',
    })),
  ];
  const row = (name: string, is: string): string => `${name.padEnd(8)}\t${is}`;
  if (command.name !== undefined)
    return reply.end(1010, row(command.name, symbols.find(({ name }) => name === command.name)?.is ?? 'undefined'));
  const shown = symbols.filter(({ category }) => command.category === undefined || category === command.category);
  return reply.line(1010, ...shown.map(({ name, is }) => row(name, is))) + reply.end(CODE.ok);
}
