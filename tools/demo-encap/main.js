/**
 * `npm run demo:encap`: three nodes in network namespaces, BGP between them by `linnet run`, a node-agent on each, pods that ping and
 * iperf3 in every encapsulation mode; then vandals. Needs root and a built tree. `-- --once` ends after the last step, with 0 only
 * where every step was observed; without it everything stays for a look until Ctrl-C. Either way nothing is left behind.
 */
import { makeCluster } from './cluster.js';
import { makeForeign, readForeign } from './foreign.js';
import { makeLab, removeLab } from './lab.js';
import { hasIperf, MODES, runMode } from './modes.js';
import { until } from './programs.js';
import { deleteTunnel, killAgent, moveParent, runVandals } from './vandals.js';

const USAGE = `npm run demo:encap [-- --once]
  --once   end after the last step
Exit status: 0 every step was observed, 1 one was not, 2 wrong usage or not root, 130 interrupted.`;

const say = (text) => process.stdout.write(`${text}\n`);

/** Runs a step and prints its line. `act` and `look` give the time of a repair; `measure` a figure; `after` more words. */
function recorder(signal) {
  let number = 0;
  const record = async ({ name, limit, act, look, measure, after, detail = '' }) => {
    const heading = `${String(++number).padStart(2)}. ${name}`;
    try {
      let time = '';
      let words = detail;
      if (measure === undefined) {
        await act();
        time = `${await until(limit, look, signal)} ms`;
        words = after === undefined ? detail : await after();
      } else words = await measure();
      signal.throwIfAborted();
      say(`${heading.padEnd(62)} ${time.padStart(8)}  ${words}`);
    } catch (error) {
      signal.throwIfAborted();
      throw new Error(`${heading}: ${error.message}`, { cause: error });
    }
  };
  return { record, count: () => number };
}

async function established(cluster, nodes) {
  for (const node of nodes) {
    const { peers = [] } = await cluster.sessions(node);
    const up = peers.filter(({ state }) => state === 'established').length;
    if (up < 4) throw new Error(`${node.name}: ${up} of 4 sessions are established`);
  }
  return true;
}

async function perform(world) {
  const { nodes, cluster, record } = world;
  await record({
    name: 'BGP sessions up, agents ready',
    limit: 60_000,
    act: () => {
      cluster.write(MODES[0].pools);
      cluster.start();
    },
    look: async () => {
      cluster.alive();
      for (const node of nodes) await cluster.ready(node);
      return established(cluster, nodes);
    },
    detail: 'n1, n2 in one network, n3 beyond a router',
  });
  for (const mode of MODES) {
    await runMode(mode, world);
    if (mode.name === 'IPIP') await deleteTunnel(world);
  }
  await makeForeign(nodes[0]);
  const foreign = await readForeign(nodes[0]);
  say('\nForeign routes, rules, a nexthop, a qdisc with its filter, a VXLAN with entries and a firewall table are on n1. Vandals:');
  await runVandals(world);
  await moveParent(world);
  await killAgent(world);
  const intact = async () => {
    if ((await readForeign(nodes[0])) !== foreign) throw new Error(`before:\n${foreign}\nnow:\n${await readForeign(nodes[0])}`);
    return `${foreign.split('\n').filter(Boolean).length} lines, octet for octet`;
  };
  await record({ name: 'foreign state intact', measure: intact });
  return intact;
}

/** The last step: nothing of the agent stays in the kernel, everything of others does. */
async function leave({ nodes, cluster, record }, intact) {
  await cluster.stopAgents();
  await record({
    name: 'agents ended and cleaned up, foreign state intact',
    measure: async () => {
      for (const node of nodes) await cluster.cleanup(node);
      return intact();
    },
  });
}

async function demo(once, signal) {
  const lab = await makeLab();
  const cluster = makeCluster(lab.nodes);
  const { record, count } = recorder(signal);
  const world = { ...lab, cluster, record, measured: await hasIperf() };
  try {
    const intact = await perform(world);
    if (!once) {
      say(
        `\nEverything runs on: try\n  ${cluster.command(lab.nodes[0], 'status')}\n  ip netns exec ${lab.nodes[0].namespace} ip route\nCtrl-C ends it.`,
      );
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    }
    await leave(world, intact);
    say(`\nall ${count()} steps observed`);
  } catch (error) {
    // What the agents say of themselves is the beginning of every answer to why.
    if (!signal.aborted) for (const node of lab.nodes) say(`\n${node.name}:\n${await cluster.ask(node, 'status')}`);
    throw error;
  } finally {
    await cluster.stop();
    removeLab();
    cluster.remove();
  }
}

const [argument, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (argument !== undefined && argument !== '--once')) {
  say(USAGE);
  process.exit(argument === '--help' ? 0 : 2);
}
if (process.getuid() !== 0) {
  say('demo:encap makes network namespaces: run it as root');
  process.exit(2);
}
const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => interrupted.abort(new Error('interrupted')));
process.once('exit', removeLab);
try {
  await demo(argument === '--once', interrupted.signal);
} catch (error) {
  const ended = interrupted.signal.aborted;
  say(ended ? '\ninterrupted; everything was removed' : `\nnot observed: ${error.message}`);
  process.exitCode = ended ? 130 : 1;
}
