/**
 * `npm run bench:cluster`: from the API write to the UPDATE at a peer, and what the daemon costs in a large cluster, against a
 * real kube-apiserver and etcd (test/cluster). Needs Go or KUBEBUILDER_ASSETS, and a quiet machine.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const USAGE = `usage: npm run bench:cluster [-- options]
  --nodes N      size of the cluster, 3 to 5000 (default 100); for each node 20 block affinities, 2 Services, 4 EndpointSlices
  --mesh         the node has sessions with all others (at most 1000 nodes); without: with two ToRs only
  --unlabelled   block affinities without the label by which the server leaves out those of other nodes, as older Calico writes them
  --seconds N    length of each measurement (default 30)
  --changes N    so many changes more at the end, 100 a second, with a look at the memory after every 2,000 (default 0)`;

function usage(message) {
  console.error(message === '' ? USAGE : `bench:cluster: ${message}\n${USAGE}`);
  process.exit(message === '' ? 0 : 2);
}

function argumentsOf(args) {
  try {
    const options = {
      nodes: { type: 'string' },
      seconds: { type: 'string' },
      changes: { type: 'string' },
      mesh: { type: 'boolean' },
      unlabelled: { type: 'boolean' },
    };
    return parseArgs({ args, options: { ...options, help: { type: 'boolean' } } }).values;
  } catch (error) {
    return usage(error.message);
  }
}

function whole(name, text, least, most) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) usage(`--${name} ${text}: a whole number, ${least} to ${most}`);
  return String(value);
}

const given = argumentsOf(process.argv.slice(2));
if (given.help) usage('');
const env = {
  ...process.env,
  LINNET_BENCH_NODES: whole('nodes', given.nodes ?? 100, 3, given.mesh ? 1000 : 5000),
  LINNET_BENCH_SECONDS: whole('seconds', given.seconds ?? 30, 5, 600),
  LINNET_BENCH_CHANGES: whole('changes', given.changes ?? 0, 0, 100_000),
  LINNET_BENCH_MESH: given.mesh ? '1' : '0',
  LINNET_BENCH_UNLABELLED: given.unlabelled ? '1' : '0',
};
const root = fileURLToPath(new URL('../..', import.meta.url));
const { status } = spawnSync('npx', ['vitest', 'run', '-c', 'vitest.pipeline.config.ts'], { cwd: root, env, stdio: 'inherit' });
process.exit(status ?? 1);
