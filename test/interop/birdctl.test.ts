/**
 * A node of the native engine asked as BIRD is: by the real birdc of BIRD 2, and of BIRD 1.6 where LINNET_BIRD16 has it. Its
 * peers are a router outside and a pod of its own, which Felix's file names (control-plane 2.3, 10).
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExporter, readStatus } from '../health/birdctl/parsers.ts';
import type { Daemon } from './harness/daemon.ts';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import { makeCluster, outsidePeers, pathsBecome, routerConfig, SESSION_SECONDS } from './harness/scenario.ts';
import { until } from './harness/wait.ts';

const WORKLOAD_AS = 65010;
const BLOCK = '10.244.1.0/26';
const OFFERED = '10.99.7.0/24';
const BIRD16 = join(process.env['LINNET_BIRD16'] ?? '/nowhere', 'usr/sbin/birdc');
const CLIENTS = ['/usr/sbin/birdc', BIRD16].filter((path) => existsSync(path));

describe.skipIf(!CAN_RUN)('a native node, asked as BIRD', () => {
  let lab: Lab;
  let failed = true;
  let prefix: string;
  let hosts: { readonly node: Host; readonly tor: Host; readonly pod: Host };
  let node: LinnetNode;
  let tor: Daemon;
  let pod: Daemon;
  let sockets: string;

  const birdc = (client: string, ...words: string[]): Promise<string> => run(client, ['-s', join(sockets, 'bird.ctl'), ...words]);

  beforeAll(async () => {
    lab = await makeLab('birdctl');
    prefix = mkdtempSync(join(tmpdir(), 'linnet-endpoints-'));
    mkdirSync(join(prefix, 'endpoint-status'));
    hosts = { node: await lab.lan.host('node-1', 1), tor: await lab.lan.host('tor', 254), pod: await lab.lan.host('pod', 7) };
    const peers = [...outsidePeers(hosts.tor, 65000, {}), { name: 'app', spec: { localWorkloadSelector: 'all()', asNumber: WORKLOAD_AS } }];
    lab.datastore.write(makeCluster([{ host: hosts.node, blocks: [BLOCK] }], peers, []));
    tor = lab.daemon('bird2', hosts.tor, routerConfig(hosts.tor, [hosts.node]));
    await tor.start();
    pod = lab.daemon('bird2', hosts.pod, { ...routerConfig(hosts.pod, [hosts.node]), as: WORKLOAD_AS, announce: [OFFERED] });
    await pod.start();
    const directory = join(lab.directory, 'linnet-node-1');
    const more = ['--shutdown', 'cease', '--endpoint-status-prefix', prefix];
    node = lab.adopt(makeLinnet(hosts.node, directory, lab.datastore.path, { more }));
    node.start();
    sockets = join(directory, 'run');
    await pathsBecome(tor, BLOCK, [{ from: hosts.node.ipv4 }], SESSION_SECONDS);
  });
  afterAll(async () => {
    rmSync(prefix, { recursive: true, force: true });
    await lab?.close(failed);
  });

  it.each(CLIENTS)('answers %s', (client) =>
    until('its answers', SESSION_SECONDS, async () => {
      expect(await birdc(client, 'show', 'status')).toMatch(/BIRD 1\.6\.8 ready\.\n(?:.*\n)*Daemon is up and running/);
      expect(await birdc(client, 'show', 'protocols')).toMatch(/Global_\S+_254\s+BGP\s+master\s+up\s+\S+\s+Established/);
      expect(await birdc(client, 'show', 'protocols', 'all')).toMatch(
        /Routes: +0 imported, 2 exported, 0 preferred\n(?:.*\n){3} +Export updates: +[2-9] +0 +\d +--- +2\n +Export withdraws: +0 /,
      );
      expect(await birdc(client, 'show', 'route', BLOCK, 'all')).toMatch(
        /10\.244\.1\.0\/26 +blackhole \[static1 \S+\] \* \(200\)\n\tType: static/,
      );
    }),
  );

  it('a pod that Felix names becomes a peer when its file comes, its routes go on, and all goes when the file goes', async () => {
    const file = join(prefix, 'endpoint-status', 'pod');
    writeFileSync(file, JSON.stringify({ ifaceName: 'cali7', ipv4Nets: [`${hosts.pod.ipv4}/32`], ipv6Nets: [], bgpPeerName: 'app' }));
    await until('the pod is established', SESSION_SECONDS, async () => expect(await pod.established()).toContain(hosts.node.ipv4));
    await until('it is seen', SESSION_SECONDS, async () =>
      expect(await birdc(CLIENTS[0] ?? '', 'show', 'protocols')).toMatch(/Local_Workload_\S+_7\s+BGP\s+master\s+up/),
    );
    await until('its route', SESSION_SECONDS, async () =>
      expect(await birdc(CLIENTS[0] ?? '', 'show', 'route', OFFERED)).toMatch(/10\.99\.7\.0\/24 +via \S+ on \S+ \[Local_Workload_\S+_7 /),
    );
    const details = await birdc(CLIENTS[0] ?? '', 'show', 'protocols', 'all', '"Local_Workload_*"');
    expect(details).toMatch(
      /Routes: +1 imported, \d exported, 1 preferred\n.*\n +Import updates: +1 +0 +0 +0 +1\n +Import withdraws: +0 +0 +--- +0 +0\n/,
    );
    rmSync(file);
    await until('the pod has no session', SESSION_SECONDS, async () => expect([...(await pod.established())]).toEqual([]));
    await until('it is forgotten', SESSION_SECONDS, async () =>
      expect(await birdc(CLIENTS[0] ?? '', 'show', 'protocols')).not.toContain('Local_Workload'),
    );
  });

  it("raw replies are read by the field's own readers", async () => {
    const raw = (command: string): Promise<string> =>
      run(process.execPath, [
        '-e',
        `const s=require('net').connect(process.argv[1]);s.write(process.argv[2]+'\\n');let t='';s.on('data',d=>{t+=d;if(/^0000/m.test(t)){process.stdout.write(t);s.destroy()}})`,
        join(sockets, 'bird.ctl'),
        command,
      ]);
    expect(readStatus(await raw('show protocols'), '.')).toMatchObject([
      { address: hosts.tor.ipv4, type: 'global', bgpState: 'Established' },
    ]);
    expect(readExporter(await raw('show protocols all')).map((one) => one.proto)).toEqual(['Static', 'Kernel', 'Device', 'Direct', 'BGP']);
  });

  it("Calico's probe flags, and their words when the router is gone", async () => {
    const probe = (...flags: string[]): Promise<unknown> => node.ask('health', ...flags);
    expect(await probe('--bird-live', '--bird6-live', '--bird-ready')).toMatchObject({ ok: true });
    await tor.stop('SIGTERM');
    const message = await until('readiness falls', SESSION_SECONDS, async () => {
      const said = await probe('--bird-ready').then(
        () => '',
        (error: unknown) => String(error),
      );
      expect(said).toContain(`calico/node is not ready: BIRD is not ready: BGP not established with ${hosts.tor.ipv4}`);
      return said;
    });
    expect(message).not.toContain(hosts.tor.ipv6);
    failed = false;
  });
});
