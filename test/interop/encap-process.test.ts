/** The agent as a process: packets of pods by what the datastore says, its probes and commands, signals, restarts and B19. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRecord } from '../../src/confd/resources/fields.ts';
import { parseObject } from '../../src/confd/resources/parse-object.ts';
import { SAVED_NAME, savedFile } from '../../src/main/saved-state.ts';
import type { AgentUnderTest } from './harness/encap-agent.ts';
import { AGENT_CAPABILITIES, clusterObjects, startAgent, VXLAN_POOLS, writeCluster } from './harness/encap-agent.ts';
import type { EncapLab, EncapNode } from './harness/encap-lab.ts';
import { ENCAP_NODES, makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import { until } from './harness/wait.ts';

describe.skipIf(!CAN_RUN)('the agent as a process', () => {
  let lab: EncapLab;
  let manifests: string;
  const agents = new Map<string, AgentUnderTest>();
  const agent = (name: string): AgentUnderTest => {
    const found = agents.get(name);
    if (found === undefined) throw new Error(name);
    return found;
  };

  beforeAll(async () => {
    lab = await makeEncapLab('encap process');
    manifests = `${lab.lab.directory}/manifests`;
    writeCluster(manifests, clusterObjects(lab, VXLAN_POOLS));
    for (const name of ENCAP_NODES) agents.set(name, startAgent(lab, name, manifests));
    for (const name of ENCAP_NODES) await agent(name).ready(40);
  }, 120_000);
  afterAll(async () => lab?.close());

  it('carries packets of pods in both families by VXLAN', async () => {
    const { p1a, p2a, p3a } = lab.pods;
    for (const family of ['ipv4', 'ipv6'] as const) {
      await until(`${family} packets`, 10, async () => expect(await lab.ping(p1a, p2a, family)).toBe(3));
      expect(await lab.ping(p3a, p1a, family)).toBe(3);
    }
  });

  it('answers probes, metrics and status, and has nothing left to plan', async () => {
    const one = agent('n1');
    expect(await one.probe('/liveness')).toMatchObject({ status: 200, text: expect.stringMatching(/dataplane +yes/) });
    expect((await one.probe('/metrics')).text).toMatch(/^linnet_agent_routes\{class="vxlan-tunnel"\} [1-9]\d*$/m);
    const status: unknown = JSON.parse(await one.command('status', '-o', 'json'));
    expect(status).toMatchObject({ schema: 'linnet.node-agent-status/v1', ready: true, node: 'n1', wanted: { tunnelEndpoints: 4 } });
    expect(await one.command('status')).toMatch(/neighbours +yes/);
    const plan: unknown = JSON.parse(await one.command('plan', '-o', 'json'));
    expect(plan).toMatchObject({ schema: 'linnet.node-agent-plan/v1', steps: [] });
    expect(await one.command('plan')).toBe('nothing to do\n');
  });

  it('says what it would do about damage, and does it', async () => {
    const one = agent('n1');
    const { namespace } = lab.nodes.n1;
    const objects = clusterObjects(lab, VXLAN_POOLS, { vxlanVNI: 5000 });
    const elsewhere = `${lab.lab.directory}/elsewhere`;
    writeCluster(elsewhere, objects);
    const words = one.words.map((word) => (word === manifests ? elsewhere : word));
    const plan = await lab.in(namespace, ['sh', '-c', '"$@" || true', 'sh', 'node', 'bin/node-agent.js', 'plan', ...words]);
    expect(plan).toMatch(/devices +create vxlan\.calico +VNI 4096, wanted 5000/);
    expect(await lab.ip(namespace, '-d', 'link', 'show', 'vxlan.calico')).toContain('vxlan id 4096');
    await lab.ip(namespace, 'route', 'del', lab.blocks.n2.ipv4);
    await lab.in(namespace, ['bridge', 'fdb', 'del', '66:00:00:00:04:02', 'dev', 'vxlan.calico']);
    await until('packets again', 10, async () => expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3));
  });

  it('explains a prefix by the objects behind it', async () => {
    const text = await agent('n1').command('why', lab.pods.p2a.ipv4);
    expect(text).toMatch(/^10\.244\.2\.0\/26 via 10\.244\.2\.63 on vxlan-v4 to n2: vxlan-tunnel, chosen$/m);
    expect(text).toContain('BlockAffinity/n2-ipv4');
    const none: unknown = JSON.parse(await agent('n1').command('why', '192.0.2.1', '-o', 'json'));
    expect(none).toMatchObject({ schema: 'linnet.node-agent-why/v1', routes: [] });
  });

  it('has a directory of statuses that anybody may look into, and one agent a namespace', async () => {
    const one = agent('n1');
    const { namespace } = lab.nodes.n1;
    const place = `${lab.lab.directory}/agent-n1`;
    // The laboratory's own directory is for nobody else.
    await lab.in(namespace, ['chmod', '0755', lab.lab.directory]);
    expect(await lab.in(namespace, ['setpriv', '--reuid', '65534', '--clear-groups', 'stat', '-c', '%a', `${place}/endpoint-status`])).toBe(
      '755\n',
    );
    const other = one.words.map((word) => word.replace(place, `${place}-other`)).concat('--health-enabled', 'false');
    const refused = await lab.in(namespace, ['sh', '-c', '"$@" 2>&1; echo "exit $?"', 'sh', 'node', 'bin/node-agent.js', 'run', ...other]);
    expect(refused).toContain('another node-agent has the devices of this network namespace');
    expect(refused).toContain('exit 2');
    expect(await one.command('cleanup')).toBe('');
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3);
  });

  it('follows FelixConfiguration while it runs: devices, the listener of probes', async () => {
    const one = agent('n3');
    const { namespace } = lab.nodes.n3;
    const own = {
      apiVersion: 'projectcalico.org/v3',
      kind: 'FelixConfiguration',
      metadata: { name: 'node.n3' },
      spec: { vxlanMTU: 1400, healthPort: 9100 },
    };
    writeCluster(manifests, [...clusterObjects(lab, VXLAN_POOLS), own]);
    await until('the MTU that is configured', 30, async () =>
      expect(await lab.ip(namespace, 'link', 'show', 'vxlan.calico')).toContain('mtu 1400'),
    );
    await until('probes at the other port', 30, async () =>
      expect(
        await lab.in(namespace, ['sh', '-c', "curl -s -m 5 -o /dev/null -w '%{http_code}' http://localhost:9100/readiness || true"]),
      ).toBe('200'),
    );
    writeCluster(manifests, clusterObjects(lab, VXLAN_POOLS, { deviceRouteProtocol: 81 }));
    await until('the other number', 30, async () => {
      const routes = await lab.ip(namespace, 'route', 'show');
      expect(routes).toMatch(/^10\.244\.2\.0\/26 .*proto 81/m);
      expect(routes).not.toMatch(/proto 80/);
    });
    // The kernel's own number: taken at its word it would cost the node every route and rule.
    const kernels = await lab.ip(namespace, 'route', 'show', 'table', 'all', 'proto', 'kernel');
    writeCluster(manifests, clusterObjects(lab, VXLAN_POOLS, { deviceRouteProtocol: 2 }));
    await until('the default instead', 30, async () => {
      expect(await lab.ip(namespace, 'route', 'show')).toMatch(/^10\.244\.2\.0\/26 .*proto 80/m);
      expect(await one.command('status', '-o', 'json')).toContain('FELIX_ROUTE_PROTOCOL');
    });
    expect(await lab.ip(namespace, 'route', 'show', 'table', 'all', 'proto', 'kernel')).toBe(kernels);
    writeCluster(manifests, clusterObjects(lab, VXLAN_POOLS));
    await until('both back', 30, async () => {
      expect(await lab.ip(namespace, 'link', 'show', 'vxlan.calico')).toContain('mtu 1450');
      expect((await one.probe('/readiness')).status).toBe(200);
    });
  }, 180_000);

  it('ends on SIGTERM with everything left as it is, and takes it up again', async () => {
    const one = agent('n1');
    const { namespace } = lab.nodes.n1;
    const index = async (): Promise<string> => (await lab.ip(namespace, '-o', 'link', 'show', 'vxlan.calico')).split(':')[0] ?? '';
    const before = await index();
    await one.running.stop('SIGTERM');
    expect(one.running.dead()).toContain('ended with 0');
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4', 5)).toBe(5);
    const statuses = `${lab.lab.directory}/agent-n1/endpoint-status`;
    await lab.in(namespace, ['sh', '-c', 'touch "$0/old"; chown 65534 "$0" "$0/old"; chmod 0700 "$0" "$0/old"', statuses]);
    agents.set('n1', startAgent(lab, 'n1', manifests));
    await agent('n1').ready(40);
    await until('modes and owners put right', 10, async () =>
      expect(await lab.in(namespace, ['stat', '-c', '%a %u', statuses, `${statuses}/old`])).toBe('755 0\n644 0\n'),
    );
    expect(await index()).toBe(before);
    expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv6')).toBe(3);
  });

  it('is killed, and what it made works on; cleanup takes exactly that away', async () => {
    const one = agent('n2');
    const { namespace } = lab.nodes.n2;
    await lab.ip(namespace, 'route', 'add', '198.51.100.0/24', 'via', lab.nodes.n3.ipv4, 'proto', '17');
    await one.running.stop('SIGKILL');
    expect(await lab.ping(lab.pods.p2a, lab.pods.p1a, 'ipv4')).toBe(3);
    await lab.in(namespace, ['bridge', 'fdb', 'del', '66:00:00:00:04:01', 'dev', 'vxlan.calico']);
    await lab.ip(namespace, 'route', 'del', lab.blocks.n3.ipv4);
    const plan = await one.command('plan');
    expect(plan).toMatch(/^neighbours +set forwarding entry 66:00:00:00:04:01 to 172\.31\.0\.1 \(ipv4\) +Node\/n1$/m);
    expect(plan).toMatch(/^routes +add 10\.244\.3\.0\/26 .*vxlan-tunnel: BlockAffinity\/n3-ipv4/m);
    expect(plan).not.toMatch(/^(?:devices|rules) |n2/m);
    expect(await one.command('cleanup')).toMatch(/devices +2 +0/);
    expect(await one.command('cleanup')).toBe('nothing of this agent is in the kernel\n');
    const routes = await lab.ip(namespace, 'route', 'show', 'table', 'all');
    expect(routes).toContain('198.51.100.0/24');
    expect(routes).not.toMatch(/proto 80/);
    expect(await lab.ip(namespace, 'link', 'show')).not.toContain('vxlan');
    agents.set('n2', startAgent(lab, 'n2', manifests));
    await agent('n2').ready(40);
    await until('packets again', 10, async () => expect(await lab.ping(lab.pods.p2a, lab.pods.p1a, 'ipv4')).toBe(3));
  });
});

describe.skipIf(!CAN_RUN)('an agent alone', () => {
  let lab: EncapLab;
  let manifests: string;
  beforeAll(async () => {
    lab = await makeEncapLab('encap alone');
    manifests = `${lab.lab.directory}/manifests`;
    writeCluster(manifests, clusterObjects(lab, VXLAN_POOLS));
  });
  afterAll(async () => lab?.close());

  it('as PID 1 ends with 0 within 5 s of SIGTERM, and leaves no process behind', async () => {
    const one = startAgent(lab, 'n1', manifests, [], ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child']);
    await one.ready(40);
    const inner = (await lab.in(lab.nodes.n1.namespace, ['ps', '-o', 'pid=,stat=', '--ppid', String(one.running.pid)])).trim().split(/\s+/);
    expect(inner).toHaveLength(2);
    const { namespace } = lab.nodes.n1;
    const children = (): Promise<string> => lab.in(namespace, ['sh', '-c', `ps -o stat=,comm= --ppid ${inner[0]} || true`]);
    expect(await children()).toBe('');
    // Whoever outlives its parent in the container becomes a child of PID 1, and is collected when it ends.
    await lab.in(namespace, ['nsenter', '-t', String(inner[0]), '-p', '-m', 'sh', '-c', '(sleep 2 & sleep 2 &) >/dev/null 2>&1']);
    await until('two orphans', 10, async () => expect((await children()).match(/sleep/g)).toHaveLength(2));
    await until('both collected', 40, async () => expect(await children()).toBe(''));
    process.kill(Number(inner[0]), 'SIGTERM');
    await until('its end', 20, () => expect(one.running.dead()).toContain('ended with 0'));
    // By its own clock: how soon the test looks is no matter of the agent.
    const at = (message: string): number => {
      const line: unknown = JSON.parse(one.lines().find((each) => each.includes(`"msg":"${message}`)) ?? '{}');
      return Date.parse(isRecord(line) ? String(line['time']) : '');
    };
    expect(at('stopped') - at('stopping')).toBeLessThan(5_000);
  });

  it('starts without its datastore from the last good state, and says so', async () => {
    const { namespace } = lab.nodes.n3;
    const place = `${lab.lab.directory}/agent-n3/state`;
    const resources = clusterObjects(lab, VXLAN_POOLS).flatMap((object) => {
      const { outcome } = parseObject(object);
      return outcome.type === 'resource' ? [outcome.resource] : [];
    });
    expect(await savedFile(join(place, SAVED_NAME), 'n3').write({ at: Date.now(), resources })).toBe(undefined);
    const away = ['--datastore', 'kubernetes', '--api-endpoint', 'https://127.0.0.1:1'];
    const one = startAgent(lab, 'n3', manifests, away);
    await one.ready(40);
    expect(await lab.ip(namespace, 'route', 'show', lab.blocks.n1.ipv4)).toContain('via 10.244.1.63');
    const status: unknown = JSON.parse(await one.command('status', '-o', 'json'));
    expect(status).toMatchObject({ ready: true, datastore: { kind: 'kubernetes', inSync: false } });
    expect(JSON.stringify(status)).toContain('DATASTORE_SAVED_STATE');
    await one.running.stop();
  });

  it('profiles its CPU and its heap where it is asked to, on loopback alone', async () => {
    const { namespace } = lab.nodes.n1;
    const one = startAgent(lab, 'n1', manifests, ['--debug-port', '9095']);
    await one.ready(40);
    const get = (path: string, host = '127.0.0.1'): Promise<string> =>
      lab.in(namespace, ['sh', '-c', `curl -s -m 20 'http://${host}:9095${path}' || true`], 40_000);
    await until('the debug server', 10, async () => expect(await get('/debug')).toContain('linnet.debug/v1'));
    expect(Object.keys(JSON.parse(await get('/debug/profile?thread=main&seconds=0.2')))).toContain('nodes');
    expect((await get('/debug/heap?thread=health')).slice(0, 200)).toContain('"snapshot"');
    expect(await get('/debug', lab.nodes.n1.ipv4)).toBe('');
    expect(await lab.in(namespace, ['ss', '-Hltn', 'sport', '=', ':9095'])).toMatch(/127\.0\.0\.1:9095|\[::1\]:9095/);
    await one.running.stop();
  });

  it('comes through a flood of notifications with the right state, and idles afterwards (B19)', async () => {
    const { namespace } = lab.nodes.n2;
    const one = startAgent(lab, 'n2', manifests);
    await one.ready(40);
    // 100,000 changes of an interface of no interest, and in between two of ours.
    const words = 'BEGIN { for (i = 0; i < 100000; i++) print "link set lnflood mtu " 1400 + i % 50 }';
    const flood = `ip link add lnflood type veth peer name lnflood2; awk '${words}' | ip -batch -; ip link del lnflood`;
    const flooding = lab.in(namespace, ['sh', '-c', flood], 80_000);
    await lab.ip(namespace, 'route', 'del', lab.blocks.n1.ipv4);
    await lab.in(namespace, ['bridge', 'fdb', 'del', '66:00:00:00:04:01', 'dev', 'vxlan.calico']);
    await flooding;
    await until('everything back', 15, async () => {
      expect(await lab.ip(namespace, 'route', 'show', lab.blocks.n1.ipv4)).toContain('via 10.244.1.63');
      expect(await lab.in(namespace, ['bridge', 'fdb', 'show', 'dev', 'vxlan.calico'])).toContain('66:00:00:00:04:01');
    });
    const seconds = async (): Promise<number> => Number(/^process_cpu_seconds_total (.*)$/m.exec((await one.probe('/metrics')).text)?.[1]);
    // The readings that the flood caused come to their end.
    await until('quiet', 30, async () => {
      const before = await seconds();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      expect((await seconds()) - before).toBeLessThan(0.1);
    });
    expect(await one.command('plan')).toBe('nothing to do\n');
    await one.running.stop();
  });
});

describe.skipIf(!CAN_RUN)('the agent with no more privileges than its manifest asks for', () => {
  let lab: EncapLab;
  beforeAll(async () => {
    lab = await makeEncapLab('encap privileges');
  });
  afterAll(async () => lab?.close());

  it('carries VXLAN and, by eBPF, IPIP', async () => {
    const manifests = `${lab.lab.directory}/manifests`;
    writeCluster(
      manifests,
      clusterObjects(lab, { ipv4: { ipipMode: 'Always' }, ipv6: { vxlanMode: 'Always' } }, { programClusterRoutes: 'Enabled' }),
    );
    const few = ['setpriv', '--bounding-set', `-all,${AGENT_CAPABILITIES.map((name) => `+${name.toLowerCase()}`).join(',')}`];
    const begin = (name: EncapNode): AgentUnderTest => startAgent(lab, name, manifests, ['--ipip-backend', 'ebpf'], few);
    const { p1a, p2a } = lab.pods;
    const carried = async (): Promise<void> => {
      for (const family of ['ipv4', 'ipv6'] as const)
        await until(`${family} packets`, 10, async () => expect(await lab.ping(p1a, p2a, family)).toBe(3));
    };
    const [first, ...others] = ENCAP_NODES.map(begin);
    for (const one of [...(first === undefined ? [] : [first]), ...others]) await one.ready(40);
    await carried();
    await first?.running.stop('SIGKILL');
    await carried();
    const again = begin('n1');
    await again.ready(40);
    await carried();
    await again.running.stop('SIGTERM');
    expect(await again.command('cleanup')).toMatch(/devices +[1-9]/);
    expect(await lab.ip(lab.nodes.n1.namespace, 'link', 'show')).not.toMatch(/tunl0|vxlan/);
  });
});
