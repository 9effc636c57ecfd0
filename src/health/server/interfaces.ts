/** The interfaces of the host, for `show interfaces`: what the kernel's files say, and their addresses. */
import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { InterfaceView } from '../birdctl/host.ts';

const FOLDER = '/sys/class/net';

/** Interfaces listed at most: a node with more pods than that has no reader for the rest. */
const MAX_INTERFACES = 4096;

/** By index. What cannot be read is left out. */
export function readInterfaces(): InterfaceView[] {
  const addresses = networkInterfaces();
  return names()
    .map((name) => ({
      name,
      index: Number(fileOf(name, 'ifindex')),
      mtu: Number(fileOf(name, 'mtu')),
      flags: Number(fileOf(name, 'flags')),
      carrier: fileOf(name, 'carrier') === '1',
      addresses: (addresses[name] ?? []).flatMap(({ cidr }) => (cidr === null ? [] : [cidr])),
    }))
    .filter(({ index }) => index > 0)
    .sort((a, b) => a.index - b.index);
}

function names(): string[] {
  try {
    return readdirSync(FOLDER).slice(0, MAX_INTERFACES);
  } catch {
    return Object.keys(networkInterfaces());
  }
}

/** '' where there is none: an interface that is down has no carrier to be read. */
function fileOf(name: string, file: string): string {
  try {
    return readFileSync(`${FOLDER}/${name}/${file}`, 'latin1').trim();
  } catch {
    return '';
  }
}
