/** What one scenario needs: a LAN, a directory, the daemons on it, and everything taken away at the end. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIRD16, makeBird2, makeBird16 } from './bird.ts';
import type { Datastore } from './cluster.ts';
import { makeDatastore } from './cluster.ts';
import type { Daemon, DaemonConfig, DaemonKind, MakeDaemon } from './daemon.ts';
import { makeExabgp } from './exabgp.ts';
import { makeFrr } from './frr.ts';
import { makeGobgp } from './gobgp.ts';
import type { Host, Lan, LanNetworks } from './lan.ts';
import { makeLan, mayMakeNamespaces } from './lan.ts';
import type { LinnetNode } from './linnet.ts';
import { makeLinnet } from './linnet.ts';
import { makeOpenbgpd } from './openbgpd.ts';

const MAKERS: { readonly [kind in DaemonKind]: MakeDaemon } = {
  bird2: makeBird2,
  bird16: makeBird16,
  frr: makeFrr,
  gobgp: makeGobgp,
  exabgp: makeExabgp,
  openbgpd: makeOpenbgpd,
};

function chosen(kinds: readonly DaemonKind[]): readonly DaemonKind[] {
  const wanted = process.env['LINNET_INTEROP_DAEMONS'];
  return kinds.filter((kind) => wanted === undefined || wanted.split(',').includes(kind));
}

/** The daemons of the scenarios with a whole cluster, all of them or those named in LINNET_INTEROP_DAEMONS (`bird2,frr`). */
export const KINDS: readonly DaemonKind[] = chosen(['bird2', 'frr', 'gobgp']);

/** Those of the matrix, chosen the same way; BIRD 1.6 only where LINNET_BIRD16 names it. */
export const MATRIX_KINDS: readonly DaemonKind[] = chosen(['bird2', 'bird16', 'frr', 'gobgp', 'exabgp', 'openbgpd']).filter(
  (kind) => kind !== 'bird16' || BIRD16 !== '',
);

/** False where this process is not root or the kernel gives no namespaces: then every suite of this folder is skipped, visibly. */
export const CAN_RUN = mayMakeNamespaces();

/** Something of the scenario that must be stopped before its namespace goes. */
export interface Stoppable {
  stop(): Promise<void>;
}

/** One scenario's surroundings. */
export interface Lab {
  readonly lan: Lan;
  readonly directory: string;
  daemon(kind: DaemonKind, host: Host, config: DaemonConfig): Daemon;
  /** A `linnet run` for the host; not started yet. */
  linnet(host: Host): LinnetNode;
  /** The manifests that every Linnet of the lab reads. */
  readonly datastore: Datastore;
  /** Stops `thing` when the lab closes; later ones first. */
  adopt<T extends Stoppable>(thing: T): T;
  /** Stops and removes everything. Keeps the logs under LINNET_INTEROP_LOGS where `failed`, or always with LINNET_INTEROP_KEEP=1. */
  close(failed: boolean): Promise<void>;
}

/** Makes a lab; `name` is used for the directory that keeps its logs, `networks` are those of its LAN. */
export async function makeLab(name: string, networks?: LanNetworks): Promise<Lab> {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-interop-'));
  const lan = await makeLan(networks);
  const things: Stoppable[] = [];
  const adopt = <T extends Stoppable>(thing: T): T => {
    things.push(thing);
    return thing;
  };
  const datastore = makeDatastore(join(directory, 'manifests'));
  return {
    lan,
    directory,
    datastore,
    adopt,
    linnet: (host) => adopt(makeLinnet(host, join(directory, `linnet-${host.name}`), datastore.path)),
    daemon: (kind, host, config) => {
      const place = join(directory, `${kind}-${host.name}`);
      mkdirSync(place, { recursive: true });
      return adopt(MAKERS[kind](host, place, config));
    },
    close: async (failed) => {
      for (const thing of things.reverse()) await thing.stop();
      await lan.close();
      const keep = process.env['LINNET_INTEROP_LOGS'];
      if (keep !== undefined && (failed || process.env['LINNET_INTEROP_KEEP'] === '1')) {
        cpSync(directory, join(keep, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${process.pid}`), {
          recursive: true,
          filter: (path) => !/\.(sock|ctl|api|vty)$/.test(path),
        });
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
