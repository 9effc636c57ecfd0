import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLUSTER, service } from './manifests.ts';
import type { Outcome } from './program.ts';
import { launch, linnet, makeFolder } from './program.ts';

let folder: Awaited<ReturnType<typeof makeFolder>>;
let broken: Awaited<ReturnType<typeof makeFolder>>;
beforeAll(async () => {
  folder = await makeFolder({ 'cluster.yaml': CLUSTER, 'web.yaml': service('web', '198.51.100.20', ['node-1']) });
  broken = await makeFolder({
    'good.yaml': CLUSTER,
    'bad.yaml':
      'apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: { name: tor }\nspec:\n  peerIP: 192.0.2.300\n  asNumber: 65001\n',
  });
});
afterAll(async () => {
  await Promise.all([folder.dispose(), broken.dispose()]);
});

const offline = (command: string, ...rest: string[]): Promise<Outcome> =>
  linnet([command, ...rest, '--path', folder.path, '--node', 'node-1']);
const json = (outcome: Outcome): unknown => JSON.parse(outcome.stdout);

describe('usage', () => {
  it.each<[string, string[], number, RegExp]>([
    ['nothing', [], 2, /Usage: linnet/],
    ['an unknown command', ['fly'], 2, /unknown command 'fly'/],
    ['an unknown flag', ['run', '--fly'], 2, /unknown option '--fly'/],
    ['no node', ['run', '--path', '/'], 2, /no node name: give --node, LINNET_NODE or NODENAME/],
    ['no members of etcd', ['run', '--node', 'a', '--datastore', 'etcdv3'], 2, /datastore etcdv3 needs --etcd-endpoints URLS/],
    ['no API server', ['run', '--node', 'a'], 2, /no API server: give --kubeconfig or --api-endpoint/],
    ['no directory', ['run', '--node', 'a', '--datastore', 'file'], 2, /datastore file needs --path DIR/],
    ['a directory that is not there', ['run', '--node', 'a', '--path', '/nowhere/at/all'], 3, /--path \/nowhere\/at\/all does not exist/],
    ['a bad value', ['run', '--node', 'a', '--as', '0'], 2, /--as: asNumber "0" is not an AS number/],
    ['no prefix', ['explain', 'tor', '--api', '/nowhere'], 2, /tor is not a prefix or an address/],
    [
      'two views',
      ['routes', '--best', '--received', '--api', '/nowhere'],
      2,
      /--best and --received exclude each other|--received and --best exclude/,
    ],
    ['no name of a peer', ['peer', '', 'reset', '--api', '/nowhere'], 2, /the id of the peer is empty/],
    ['a refresh without its direction', ['peer', 'tor', 'refresh', '--api', '/nowhere'], 2, /refresh needs in or out/],
    ['more than an action takes', ['peer', 'tor', 'reset', 'now', '--api', '/nowhere'], 2, /reset takes nothing more, not "now"/],
    ['a view that needs a peer', ['routes', '--received', '--api', '/nowhere'], 2, /--received needs --peer/],
    ['no daemon', ['peers', '--api', '/nowhere/linnet.sock'], 3, /no daemon answers at \/nowhere\/linnet.sock: there is no such socket/],
    [
      'no daemon at a URL',
      ['health', '--api', 'http://127.0.0.1:1'],
      3,
      /no daemon answers at http:\/\/127.0.0.1:1\/: the connection is refused/,
    ],
  ])('%s', async (_name, args, code, stderr) => {
    const outcome = await linnet(args);
    expect(outcome.stderr).toMatch(stderr);
    expect([outcome.code, outcome.stdout]).toEqual([code, '']);
  });

  it('answers --help and version on stdout, from any directory', async () => {
    const help = await linnet(['--help'], { cwd: '/' });
    expect([help.code, help.stdout.includes('explain')]).toEqual([0, true]);
    const version = await linnet(['version', '-o', 'json'], { cwd: '/' });
    expect(json(version)).toMatchObject({ schema: 'linnet.version/v1', node: process.version });
  });

  it('names the daemon of LINNET_API', async () => {
    const outcome = await linnet(['peers'], { env: { LINNET_API: '/elsewhere.sock' } });
    expect([outcome.code, outcome.stderr]).toEqual([3, 'linnet: no daemon answers at /elsewhere.sock: there is no such socket\n']);
  });
});

describe('config show', () => {
  it('says what is in effect and where it came from', async () => {
    await folder.write('linnet.conf', 'logLevel: debug\nnode: from-file\n');
    const outcome = await linnet(
      ['config', 'show', '--origin', '-o', 'json', '--config', join(folder.path, 'linnet.conf'), '--http', 'none'],
      { env: { NODENAME: 'from-env' } },
    );
    expect(json(outcome)).toMatchObject({
      schema: 'linnet.config/v1',
      values: {
        node: { value: 'from-env', origin: 'environment NODENAME' },
        logLevel: { value: 'debug', origin: `file ${join(folder.path, 'linnet.conf')}:1` },
        http: { value: 'none', origin: 'flag --http' },
        compat: { value: 'none', origin: 'default' },
      },
    });
  });
});

describe('check', () => {
  it('is clean where nothing is wrong', async () => {
    const outcome = await linnet(['check', folder.path]);
    expect([outcome.code, outcome.stdout, outcome.stderr]).toEqual([0, '', '10 good objects, 0 errors, 0 warnings\n']);
  });

  it('prints file, line, object, field, value and rule', async () => {
    const outcome = await linnet(['check', broken.path]);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/bad\.yaml:5:3: BGPPeer\/tor spec\.peerIP: "192\.0\.2\.300" is not /);
    expect(json(await linnet(['check', broken.path, '-o', 'json']))).toMatchObject({
      schema: 'linnet.check/v1',
      errors: 1,
      issues: [{ field: 'spec.peerIP', source: { line: 5 } }],
    });
  });

  it('cannot check what is not there', async () => {
    expect((await linnet(['check', '/nowhere'])).code).toBe(3);
  });
});

describe('offline', () => {
  it('desired: the document, the same octets each time', async () => {
    const [a, b] = await Promise.all([offline('desired', '-o', 'json'), offline('desired', '-o', 'json')]);
    expect(a.stdout).toBe(b.stdout);
    expect(json(a)).toMatchObject({
      schema: 'linnet.desired/v1',
      node: 'node-1',
      peers: [{ id: 'Mesh_192_0_2_2' }, { id: 'Mesh_192_0_2_3' }],
    });
    expect((await offline('desired')).stdout).toMatch(/198\.51\.100\.20\/32 +lb-ip/);
  });

  it('desired: a node that is not there is a negative answer', async () => {
    expect((await linnet(['desired', '--path', folder.path, '--node', 'node-9'])).stdout).toMatch(/^Issues \(1\)\nNode\/node-9/);
    const outcome = await linnet(['desired', '--path', folder.path, '--node', 'node-9', '-o', 'json']);
    expect([outcome.code, json(outcome)]).toMatchObject([
      1,
      { node: null, issues: [{ code: 'NODE_UNKNOWN', object: { kind: 'Node', name: 'node-9' } }] },
    ]);
  });

  it('desired: a cluster that is full of issues shows the first of them and their number', async () => {
    const pools = Array.from({ length: 60 }, (_, index) => ({
      apiVersion: 'projectcalico.org/v3',
      kind: 'IPPool',
      metadata: { name: `p${index}` },
      spec: { cidr: 'x' },
    }));
    const full = await makeFolder({
      'cluster.yaml': CLUSTER,
      'pools.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pools }),
    });
    const { stdout } = await linnet(['desired', '--path', full.path, '--node', 'node-1']);
    await full.dispose();
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => line.includes('IPPool/p'))).toHaveLength(50);
    expect([lines.includes('Issues (60)'), lines.at(-1)]).toEqual([true, 'and 10 more: -o json']);
  });

  it('peers: what would be there', async () => {
    const outcome = await offline('peers');
    expect(outcome.code).toBe(0);
    expect(outcome.stdout.split('\n')[1]).toMatch(/^192\.0\.2\.2 +node-to-node mesh +idle +never +64512/);
  });

  it('explain: the chain down to the octets', async () => {
    const outcome = await offline('explain', '198.51.100.20', '--peer', '192.0.2.2', '-o', 'json');
    expect(outcome.code).toBe(0);
    const document = json(outcome);
    expect(document).toMatchObject({
      schema: 'linnet.explain/v1',
      prefix: '198.51.100.20/32',
      verdict: 'advertised',
      peers: [{ peer: 'Mesh_192_0_2_2', verdict: 'advertised', blockedBy: null }],
    });
    // The prefix in wire form, 32 bits of 198.51.100.20.
    expect(outcome.stdout).toMatch(/"updateHex": "f{32}[0-9a-f]*20c6336414"/);
    expect(outcome.stdout).toContain('Service/shop/web');
  });

  it('explain: of an address that has a route of its own nothing else is named', async () => {
    expect((await offline('explain', '198.51.100.20')).stdout).not.toContain('covers it');
  });

  it('ends quietly where its reader went away', async () => {
    const { child, ended } = launch(['desired', '--path', folder.path, '--node', 'node-1'], {});
    child.stdout?.destroy();
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([0, '']);
  });

  it('explain: an address that the range stands for names the range', async () => {
    const outcome = await offline('explain', '198.51.100.77');
    expect([outcome.code, ...outcome.stdout.split('\n').slice(0, 2)]).toEqual([
      1,
      '198.51.100.77/32 is not advertised',
      '198.51.100.0/24 covers it: linnet explain 198.51.100.0/24',
    ]);
  });

  it('explain: a peer that is not started says by which object, field and rule', async () => {
    const held = await makeFolder({
      'cluster.yaml': `${CLUSTER}---
apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata: { name: secured }
spec: { peerIP: 192.0.2.254, asNumber: 65001, password: { secretKeyRef: { name: absent, key: pw } } }
`,
    });
    const of = ['--path', held.path, '--node', 'node-1'];
    const outcome = await linnet(['explain', '198.51.100.0/24', '--peer', '192.0.2.254', ...of]);
    const [peers, desired] = [await linnet(['peers', ...of]), await linnet(['desired', ...of])];
    const another = await linnet(['explain', '198.51.100.0/24', '--peer', '192.0.2.2', ...of]);
    await held.dispose();
    expect(another.code).toBe(0);
    expect(another.stdout).not.toContain('Global_192_0_2_254');
    const why = 'BGPPeer/secured spec.password.secretKeyRef: {"name":"absent","key":"pw"} names no Secret';
    expect(peers.stdout).toMatch(/^192\.0\.2\.254 +global +not started/m);
    expect(peers.stdout).toContain(`BGPPEER_PASSWORD_MISSING: ${why}`);
    expect(desired.stdout).toMatch(/^Issues \(1\)$/m);
    expect(desired.stdout).toContain(why);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(
      /Global_192_0_2_254 +not advertised +not started: BGPPeer\/secured spec\.password.*BGPPEER_PASSWORD_MISSING/,
    );
  });

  it('explain: a prefix that nobody asked for is a negative answer', async () => {
    const outcome = await offline('explain', '203.0.113.0/24');
    expect([outcome.code, outcome.stdout.split('\n')[0]]).toEqual([1, '203.0.113.0/24 is not advertised']);
  });

  it('routes: what the node originates, as table and as lines', async () => {
    expect((await offline('routes', '198.51.100.20/32')).stdout).toMatch(/^PREFIX.*\n198\.51\.100\.20\/32/);
    const lines = (await offline('routes', '--advertised', '--peer', 'Mesh_192_0_2_3', '-o', 'jsonl')).stdout
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ prefix: '198.51.100.20/32', nextHop: '192.0.2.1' }));
    expect((await offline('routes', '203.0.113.1')).code).toBe(1);
  });
});

describe('a daemon that cannot start', () => {
  it('names the HTTP address that is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const outcome = await linnet([
      'run',
      '--node',
      'node-1',
      '--path',
      folder.path,
      '--run-dir',
      join(folder.path, 'r'),
      '--state-dir',
      join(folder.path, 's'),
      '--http',
      `127.0.0.1:${port}`,
    ]);
    server.close();
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain(`127.0.0.1:${port}`);
    expect(outcome.stderr).toContain(`(process ${process.pid}) listens there`);
    expect(outcome.stderr).not.toContain(' at ');
  });
});
