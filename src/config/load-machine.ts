/** This machine as the option table sees it: user, directories, interfaces. */
import { readFileSync } from 'node:fs';
import { homedir, networkInterfaces, tmpdir } from 'node:os';
import type { Address, Prefix } from 'bgp-ts/net';
import { addressesEqual, parseAddress, prefixFromAddress } from 'bgp-ts/net';
import type { Machine } from './options.ts';

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The text of a small file; undefined where it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Reads user and directories; interfaces are looked at when a bare address needs its mask. */
export function thisMachine(environment: Environment): Machine {
  return {
    // Not userInfo(): in a container the uid may have no entry in /etc/passwd, and that call throws then.
    uid: process.geteuid?.() ?? -1,
    temporary: tmpdir(),
    home: homeOrTemporary(),
    xdgRuntime: environment['XDG_RUNTIME_DIR'] ?? '',
    xdgState: environment['XDG_STATE_HOME'] ?? '',
    networkOf,
  };
}

/** The home directory; where neither HOME nor an entry of the user says it, the temporary directory. */
function homeOrTemporary(): string {
  try {
    return homedir();
  } catch {
    return tmpdir();
  }
}

/** The network of an address that stands on one of this machine's interfaces (control-plane 8.4: the mask of a bare IP). */
function networkOf(address: Address): Prefix | undefined {
  for (const entries of Object.values(networkInterfaces())) {
    for (const entry of entries ?? []) {
      const own = parseAddress(entry.address);
      if (own !== undefined && addressesEqual(own, address)) return prefixFromAddress(own, Number(entry.cidr?.split('/')[1]));
    }
  }
  return undefined;
}
