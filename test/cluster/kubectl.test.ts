/** The guides' kubectl on a real API server: what it shows of a node's life, and the steps of docs/install.md that need no kubelet. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningDaemon } from '../cli/program.ts';
import { until } from '../interop/harness/wait.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { writeKubeconfig } from './harness/cluster.ts';
import { calico, type Manifest, node } from './harness/manifests.ts';
import { CRD, type NodeWorld, OWN, startNodeWorld } from './harness/node-world.ts';
import { buildRenderers } from './harness/renderers.ts';

const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;
const tools = buildRenderers();
const absent = tools === undefined || serversFolder() === undefined;
const titled = (what: string): string =>
  tools === undefined && serversFolder() !== undefined ? `${what} (skipped: no Go toolchain)` : clusterTitle(what);

let world: NodeWorld;
let daemon: RunningDaemon;

/** A line of shell with our kubectl and linnet, in the root of the tree; what it prints. */
function shell(line: string, environment: Readonly<Record<string, string>> = {}): string {
  const home = join(world.cluster.folder, 'home');
  mkdirSync(home, { recursive: true });
  const env = {
    PATH: `${tools}:${process.env['PATH']}`,
    HOME: home,
    KUBECONFIG: join(world.cluster.folder, 'kubectl.json'),
    ...environment,
  };
  const { status, stdout, stderr } = spawnSync('bash', ['-euc', line], { env, encoding: 'utf8', timeout: 60_000 });
  if (status !== 0) throw new Error(`${line}: ${status} ${stdout}${stderr}`);
  return stdout;
}

beforeAll(async () => {
  if (absent) return;
  world = await startNodeWorld(NETWORK);
  await writeKubeconfig(world.cluster, join(world.cluster.folder, 'kubectl.json'));
  await world.cluster.admin.create(node('node-1', `${OWN}/24`));
  daemon = world.start('--write', 'condition,status,events');
  await until('the session', 60, () => {
    if (!world.peer.established()) throw new Error(daemon.log().slice(-2000));
  });
}, 240_000);

afterAll(async () => {
  await daemon?.stop();
  await world?.stop();
}, 60_000);

describe.skipIf(absent)(titled('kubectl'), () => {
  it('shows the status of the node, as docs/node.md says', async () => {
    await world.cluster.admin.create(
      calico(CRD, 'CalicoNodeStatus', 'node-1', { node: 'node-1', classes: ['Agent', 'BGP', 'Routes'], updatePeriodSeconds: 1 }),
    );
    await until('the status', 60, () => {
      const text = shell('kubectl get caliconodestatus node-1 -o yaml');
      expect(text).toMatch(/numberEstablishedV4: 1\n/);
      expect(text).toMatch(/birdV4:\n(.*\n)* +state: Ready\n/);
    });
    await until('the condition', 30, () => expect(shell('kubectl describe node node-1')).toMatch(/NetworkUnavailable +False .*CalicoIsUp/));
  });

  it('shows what is wrong on the object, and all that this program says', async () => {
    await world.cluster.admin.create(calico(CRD, 'BGPPeer', 'broken', { peerIP: '192.0.2.300', asNumber: 64701 }));
    await until('the event', 60, () =>
      expect(shell('kubectl describe bgppeer broken')).toMatch(/Warning .* linnet .*spec\.peerIP: "192\.0\.2\.300"/),
    );
    expect(shell('kubectl get events --field-selector source=linnet')).toMatch(/bgppeer\/broken/);
    shell('kubectl delete bgppeer broken');
  });

  it('drains with cordon and takes the node back with uncordon', async () => {
    shell('kubectl cordon node-1');
    await until('draining', 30, async () => expect(JSON.stringify(await daemon.json('drain', '--show'))).toContain('"draining"'));
    shell('kubectl uncordon node-1');
    await until('in service', 30, async () => expect(JSON.stringify(await daemon.json('drain', '--show'))).not.toContain('"draining"'));
  });

  it.each(['crds', 'kustomize/addon', 'kustomize/standalone', 'kustomize/reflectors'])(
    'takes deploy/%s as the guide applies it',
    (folder) => {
      expect(shell(`kubectl apply --dry-run=server -k deploy/${folder}`)).toMatch(/ (created|configured|unchanged) \(server dry run\)/);
    },
  );
});

/** Lines of the guide's blocks that need nothing but an API server; the others wait for kubelets and controllers, or open an editor. */
const LINES = [...readFileSync('docs/install.md', 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap((match) => (match[1] ?? '').split('\n'))
  .filter((line) => /^kubectl /.test(line) && !/ (wait|rollout|exec|edit|logs) /.test(line));

describe.skipIf(absent)(titled('the lines of the install guide'), () => {
  beforeAll(async () => {
    if (absent) return;
    const selector = { 'k8s-app': 'calico-node' };
    const template = { metadata: { labels: selector }, spec: { containers: [{ name: 'calico-node', image: 'calico-node' }] } };
    const metadata = { namespace: 'kube-system' };
    const objects: readonly Manifest[] = [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, name: 'calico-config' }, data: { calico_backend: 'bird' } } as const,
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { ...metadata, name: 'calico-node' },
        spec: { selector: { matchLabels: selector }, template },
      } as const,
      node('worker-1', '192.0.2.2/24'),
      node('rr-1', '192.0.2.10/24'),
    ];
    await world.cluster.admin.create(...objects);
  });

  it('are found', () => expect(LINES.length).toBeGreaterThan(10));

  it.each(LINES)('%s', (line) => {
    expect(() => shell(`cd "$HOME"; ${line}`, { NODE: 'worker-1' })).not.toThrow();
  });

  it('leave the way back as the guide found it, with strategy OnDelete', () => {
    const daemonset = "kubectl -n kube-system get daemonset calico-node -o jsonpath='{.spec.updateStrategy.type}'";
    expect(shell(daemonset)).toBe('OnDelete');
    expect(shell("kubectl -n kube-system get configmap calico-config -o jsonpath='{.data.calico_backend}'")).toBe('bird');
    expect(shell("kubectl get node worker-1 -o jsonpath='{.metadata.labels}'")).not.toContain('migrated');
    expect(shell("kubectl get node rr-1 -o jsonpath='{.metadata.annotations}'")).toContain('"192.0.2.10"');
  });

  it('keep a cluster that linnet desired understands', () => {
    const home = join(world.cluster.folder, 'home');
    const linnet = `${process.execPath} bin/linnet.js`;
    const folder = join(home, 'before');
    shell(`mkdir -p ${folder}; cp ${home}/cluster.before.yaml ${folder}/`);
    const desired = shell(`${linnet} desired --node node-1 --path ${folder}`);
    expect(desired).toContain('192.0.2.254');
  });
});
