/** Desired states for the tests of the BIRD engine: from recorded inputs, and one that uses everything. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { BIRD_CAPABILITIES } from '../../../src/confd/bird/capabilities.ts';
import { desire } from '../../../src/confd/desired/desire.ts';
import type { Desired, DesireOptions } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { checkDirectory } from '../../../src/confd/source/file/index.ts';
import { REAL_CLOCK } from '../../../src/main/clock.ts';
import { sharedFolder } from '../../shared.ts';
import { address, affinity, configuration, filter, node, peer, pool, prefix, secret, snapshotOf, workload } from '../../worlds/build.ts';

/** Options of the desired state as the BIRD engine asks for it. */
export const BIRD_DESIRE: Omit<DesireOptions, 'node'> = { engine: BIRD_CAPABILITIES, programme: true };

/** Folders with inputs of recorded scenarios, with their names; empty where there is no shared folder. */
export function recordedInputs(): readonly { readonly name: string; readonly folder: string }[] {
  const root = join(sharedFolder() ?? '', 'parity', 'inputs');
  if (!existsSync(root)) return [];
  const folders = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => entry.parentPath)
    .filter((folder) => !folder.endsWith('endpoint-status'));
  return [...new Set(folders)].toSorted().map((folder) => ({ name: relative(root, folder), folder }));
}

/** The desired state of the recorded node. */
export async function recordedDesired(folder: string, name = 'kube-master'): Promise<Desired> {
  const { snapshot } = await checkDirectory(folder, REAL_CLOCK);
  const { desired } = desire(snapshot, { node: name, ...BIRD_DESIRE });
  if (desired === undefined) throw new Error(`no ${name} in ${dirname(folder)}`);
  return desired;
}

/** The desired state of `me` in a cluster of these resources. */
export function desiredOf(resources: readonly Resource[], options: Partial<DesireOptions> = {}): Desired {
  const { desired } = desire(snapshotOf(resources), { node: 'me', ...BIRD_DESIRE, ...options });
  if (desired === undefined) throw new Error('no desired state');
  return desired;
}

const WIREGUARD = { ipv4: address('10.250.0.1'), ipv6: address('fd25::1') };

/** A world in which every list of the view has an entry, in both families. */
export function fullWorld(): Desired {
  return desiredOf([
    { ...node('me', { ipv4: '10.0.0.1/24', ipv6: 'fd00::1/64', cluster: '1.1.1.1' }), wireguard: WIREGUARD },
    { ...node('you', { ipv4: '10.0.0.2/24', ipv6: 'fd00::2/64' }), wireguard: WIREGUARD },
    configuration('default', {
      ignoredInterfaces: ['dum*'],
      serviceExternalIPs: [prefix('50.0.0.0/24'), prefix('fd50::/64')],
      programClusterRoutes: 'Enabled',
      listenPort: 1790,
      bindMode: 'NodeIP',
    }),
    pool('four', '10.1.0.0/16'),
    pool('tunnelled', '10.2.0.0/16', { ipipMode: 'CrossSubnet' }),
    pool('six', 'fd01::/48', { vxlanMode: 'Always' }),
    secret('key', { word: 'geheim' }),
    peer('pods', { localWorkloadSelector: 'all()', asNumber: 65010, localASNumber: 65020, filters: ['rules'] }),
    workload('w', 'pods', '10.1.0.9', 'fd01::9'),
    affinity('me', '10.1.0.0/26'),
    affinity('me', 'fd02::/64'),
    filter('rules', {
      exportV4: [{ action: 'Reject', cidr: prefix('9.0.0.0/8'), matchOperator: 'In' }],
      exportV6: [{ action: 'Reject', source: 'RemotePeers' }],
    }),
    ...['10.0.0.2', 'fd00::2'].map((ip, index) =>
      peer(`peer-${index}`, {
        peerIP: ip,
        asNumber: 64512,
        filters: ['rules'],
        ttlSecurity: 1,
        password: { name: 'key', key: 'word' },
        nextHopMode: index === 0 ? 'Self' : 'Keep',
        maxRestartTime: 30,
        keepaliveTime: 10,
        numAllowedLocalASNumbers: 2,
      }),
    ),
    peer('far', { peerIP: '10.9.9.9', asNumber: 65001, reachableBy: '10.0.0.254' }),
    peer('far6', { peerIP: 'fd99::9', asNumber: 65001, reachableBy: 'fd00::fe' }),
  ]);
}
