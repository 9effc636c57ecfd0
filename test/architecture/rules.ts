/**
 * The arrows of the architecture as data: which area may import which, which npm packages each may use, and which are pure.
 * A file belongs to the area with the longest matching path. The table is acyclic; architecture.test.ts proves that too.
 */

/** One part of the tree and what it may lean on. */
export interface Area {
  /** Path from the root: a folder with a trailing slash, or one file. Several areas may match a file; the longest path wins. */
  readonly path: string;
  readonly name: string;
  /** Names of the areas it may import. Its own is always allowed. */
  readonly imports: readonly string[];
  /** npm packages it may import, beside the workspaces. */
  readonly packages?: readonly string[];
  /** True: no `node:` import, clock, timer, randomness, process, console or await. `seam`: as true, but it may await what it was given. */
  readonly pure: boolean | 'seam';
}

const net = ['bgp/net'];
const wire = ['bgp/wire', ...net];
const session = ['bgp/session', 'bgp/types', 'bgp/policy', ...wire];
const rib = ['bgp/rib', ...session];
const speaker = ['bgp/speaker', ...rib];
const bgp = ['bgp', 'bgp/config', 'bgp/io', 'bgp/testing', ...speaker];

const resources = ['confd/resources', 'confd/seams', ...net];
const routes = ['routes', 'bgp/policy', ...resources];
const desired = ['confd/desired', ...routes];
const files = ['files'];
const driver = ['confd/driver', ...desired];
const source = ['confd/source', ...resources];

const health = ['health/status', 'health/probes', 'health/metrics', 'health/server', 'health/birdctl'];
const confd = [
  'confd/converge',
  'confd/loop-delay',
  'confd/native',
  'confd/bird',
  'confd/source/file',
  'confd/source/kubernetes',
  'confd/source/etcd',
  ...files,
  ...source,
  ...driver,
];
const nodeSide = [...source, ...files, 'confd/source/kubernetes', 'confd/driver', 'config', 'health/status', 'netlink'];
const everything = [...new Set([...bgp, ...confd, 'routes/kernel', ...health, 'config', 'config/load', 'netlink', 'node', 'debug'])];

const host = [...source, ...files, 'confd/source/kubernetes', 'confd/source/etcd', 'config'];
const agentPure = ['confd/resources', 'confd/seams', 'routes', ...net];
const agent = [
  ...new Set([
    ...['agent/encap', 'agent/config', 'agent/kernel', 'agent/ebpf', 'routes/kernel', 'netlink', 'debug', 'config', 'config/load'],
    ...[
      ...source,
      'confd/source/file',
      'confd/source/kubernetes',
      'confd/source/etcd',
      'confd/desired',
      'confd/converge',
      'confd/loop-delay',
      ...driver,
    ],
    ...[...health, ...files, ...agentPure, 'main/host', 'cli/base', 'agent/health'],
  ]),
];

/** Every area of src/ and node-agent/. A file of either that no area matches is a finding. */
export const AREAS: readonly Area[] = [
  // bgp-ts: net ← wire ← {session, policy} ← rib ← speaker ← {io, testing}
  { path: 'src/bgp/net/', name: 'bgp/net', imports: [], pure: true },
  { path: 'src/bgp/wire/', name: 'bgp/wire', imports: net, pure: true },
  { path: 'src/bgp/policy/', name: 'bgp/policy', imports: wire, pure: true },
  { path: 'src/bgp/speaker-types.ts', name: 'bgp/types', imports: ['bgp/policy', ...wire], pure: true },
  { path: 'src/bgp/speaker-status.ts', name: 'bgp/types', imports: ['bgp/policy', ...wire], pure: true },
  { path: 'src/bgp/session/', name: 'bgp/session', imports: ['bgp/types', 'bgp/policy', ...wire], pure: true },
  { path: 'src/bgp/rib/', name: 'bgp/rib', imports: session, pure: true },
  { path: 'src/bgp/speaker', name: 'bgp/speaker', imports: rib, pure: true },
  { path: 'src/bgp/config/', name: 'bgp/config', imports: session, pure: true },
  { path: 'src/bgp/testing/', name: 'bgp/testing', imports: speaker, pure: true },
  { path: 'src/bgp/io/', name: 'bgp/io', imports: [...speaker, 'bgp/config', 'netlink'], pure: false },
  { path: 'src/bgp/index.ts', name: 'bgp', imports: [...speaker, 'bgp/config'], pure: true },

  // files that are whole at any moment
  { path: 'src/files/', name: 'files', imports: [], pure: false },

  { path: 'src/netlink/', name: 'netlink', imports: [], pure: false },

  // confd: resources → desired → drivers; sources beside them; converge joins
  { path: 'src/confd/log.ts', name: 'confd/seams', imports: [], pure: true },
  { path: 'src/confd/clock.ts', name: 'confd/seams', imports: [], pure: true },
  { path: 'src/confd/resources/', name: 'confd/resources', imports: net, pure: true },
  { path: 'src/confd/source/', name: 'confd/source', imports: resources, packages: ['undici'], pure: false },
  { path: 'src/confd/source/file/', name: 'confd/source/file', imports: source, packages: ['yaml'], pure: false },
  {
    path: 'src/confd/source/kubernetes/',
    name: 'confd/source/kubernetes',
    imports: source,
    packages: ['@kubernetes/client-node', 'undici'],
    pure: false,
  },
  { path: 'src/confd/source/etcd/', name: 'confd/source/etcd', imports: source, packages: ['undici'], pure: false },
  { path: 'src/confd/desired/', name: 'confd/desired', imports: routes, pure: true },
  { path: 'src/confd/driver.ts', name: 'confd/driver', imports: desired, pure: true },
  { path: 'src/confd/bird/', name: 'confd/bird', imports: [...driver, ...files], packages: ['handlebars', 'smol-toml'], pure: false },
  // from the desired state to the view that templates read
  ...[
    'view',
    'peer-view',
    'kernel-view',
    'export-text',
    'filter-text',
    'names',
    'peer-issue',
    'protocols',
    'control-reply',
    'draining',
  ].map((file): Area => ({ path: `src/confd/bird/${file}.ts`, name: 'confd/bird', imports: driver, pure: true })),
  { path: 'src/confd/native/', name: 'confd/native', imports: [...driver, ...bgp, 'routes/kernel', 'confd/loop-delay'], pure: false },
  { path: 'src/confd/native/loop-delay.ts', name: 'confd/loop-delay', imports: [], pure: false },
  { path: 'src/confd/native/translate', name: 'confd/native', imports: [...driver, ...speaker, 'bgp'], pure: true },
  { path: 'src/confd/converge', name: 'confd/converge', imports: [...source, ...driver], pure: 'seam' },

  { path: 'src/routes/', name: 'routes', imports: ['bgp/policy', ...resources], pure: true },
  { path: 'src/routes/kernel/', name: 'routes/kernel', imports: ['netlink', ...net], pure: false },
  ...[
    'table',
    'holdings',
    'nexthop-book',
    'plan',
    'resolve',
    'rules',
    'learn',
    'wanted',
    'messages',
    'sync-types',
    'sync-state',
    'observe',
    'carry-out',
    'provider',
    'learning',
  ].map((file): Area => ({ path: `src/routes/kernel/${file}.ts`, name: 'routes/kernel', imports: net, pure: true })),
  { path: 'src/routes/kernel/sync.ts', name: 'routes/kernel', imports: net, pure: 'seam' },
  { path: 'src/routes/kernel/route-sync.ts', name: 'routes/kernel', imports: net, pure: 'seam' },

  // health has nothing of ours: main hands it suppliers
  { path: 'src/health/', name: 'health/status', imports: [], pure: false },
  { path: 'src/health/metrics', name: 'health/metrics', imports: ['health/status'], pure: true },
  { path: 'src/health/birdctl/', name: 'health/birdctl', imports: ['health/status'], pure: false },
  ...['reply', 'times', 'command', 'network', 'protocols', 'routes'].map(
    (file): Area => ({ path: `src/health/birdctl/${file}.ts`, name: 'health/birdctl', imports: ['health/status'], pure: true }),
  ),
  { path: 'src/health/probes', name: 'health/probes', imports: ['health/status'], pure: false },
  {
    path: 'src/health/server',
    name: 'health/server',
    imports: ['health/status', 'health/metrics', 'health/probes', 'health/birdctl'],
    packages: ['fastify'],
    pure: false,
  },

  { path: 'src/debug/', name: 'debug', imports: [], pure: false },

  // the node's lifecycle: what it is, what is told of it; joined to the daemon by main
  { path: 'src/node/', name: 'node', imports: nodeSide, pure: false },
  { path: 'src/node/calico-status.ts', name: 'node', imports: nodeSide, pure: true },
  ...['detect', 'own-node', 'drain', 'status-report', 'issue-events'].map(
    (file): Area => ({ path: `src/node/${file}.ts`, name: 'node', imports: nodeSide, pure: 'seam' }),
  ),

  // the dataplane: a process of its own, which main and cli never import
  { path: 'node-agent/encap/', name: 'agent/encap', imports: agentPure, pure: true },
  { path: 'node-agent/config/', name: 'agent/config', imports: ['config', ...agentPure], pure: true },
  {
    path: 'node-agent/kernel/',
    name: 'agent/kernel',
    imports: ['agent/encap', 'agent/ebpf', 'routes/kernel', 'netlink', ...agentPure],
    pure: false,
  },
  { path: 'node-agent/ebpf/', name: 'agent/ebpf', imports: ['netlink', ...agentPure], pure: false },
  ...['types', 'attach', 'elf', 'btf', 'object', 'wanted'].map(
    (file): Area => ({ path: `node-agent/ebpf/${file}.ts`, name: 'agent/ebpf', imports: agentPure, pure: true }),
  ),
  { path: 'node-agent/', name: 'agent', imports: agent, packages: ['pino', 'commander'], pure: false },
  {
    path: 'node-agent/health/',
    name: 'agent/health',
    imports: ['agent/encap', 'agent/ebpf', 'health/metrics', 'health/status'],
    pure: false,
  },
  ...['reporters', 'metrics'].map(
    (file): Area => ({ path: `node-agent/health/${file}.ts`, name: 'agent/health', imports: ['health/metrics', 'agent/ebpf'], pure: true }),
  ),
  { path: 'node-agent/cli/', name: 'agent', imports: agent, packages: ['commander'], pure: false },

  // of main and cli, what the node agent uses too
  ...['clock', 'datastore', 'issue-log', 'lock', 'log', 'port-owner', 'saved-state', 'start-error', 'version'].map(
    (file): Area => ({ path: `src/main/${file}.ts`, name: 'main/host', imports: host, packages: ['pino'], pure: false }),
  ),
  { path: 'src/main/orphans.ts', name: 'main/host', imports: ['netlink'], pure: false },
  ...['command', 'exit', 'format', 'interrupt', 'output', 'program', 'table'].map(
    (file): Area => ({ path: `src/cli/${file}.ts`, name: 'cli/base', imports: [], packages: ['commander'], pure: false }),
  ),

  // the top
  { path: 'src/config/', name: 'config', imports: ['bgp/net'], packages: ['yaml'], pure: true },
  { path: 'src/config/load', name: 'config/load', imports: ['config', 'bgp/net'], packages: ['yaml'], pure: false },
  { path: 'src/main', name: 'main', imports: ['main/host', ...everything], packages: ['pino'], pure: false },
  {
    path: 'src/cli/',
    name: 'cli',
    imports: ['main', 'main/host', 'cli/base', ...everything],
    packages: ['commander', 'pino', 'yaml'],
    pure: false,
  },
];

/** Workspaces by package name: what `bgp-ts/net` means in the tree. */
export const WORKSPACES: readonly { readonly name: string; readonly path: string }[] = [
  { name: 'bgp-ts', path: 'src/bgp/' },
  { name: 'netlink', path: 'src/netlink/' },
];

/** What only a file with a seam may say: it waits for what it was given. */
export const WAITING = /\bawait\b/;

/** What a pure file must not say, with the reason printed beside a finding. */
export const IMPURE: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\s*\)/, what: 'reads the clock' },
  { pattern: /\bperformance\b\s*\./, what: 'reads the clock' },
  { pattern: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(/, what: 'sets a timer' },
  { pattern: /\bMath\.random\b|\bcrypto\s*\./, what: 'draws randomness' },
  { pattern: /(?<![.\w])process\s*\./, what: 'touches the process' },
  { pattern: /\bconsole\s*\./, what: 'prints' },
  { pattern: /\bglobalThis\b/, what: 'reaches for globals' },
];
