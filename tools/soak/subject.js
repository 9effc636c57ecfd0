/** The process under test: `linnet speaker` as a reflector of many clients, with a probe inside. */
import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEASURE_LIMIT_MS = 30_000;

/** Starts a speaker for the given neighbours. `root` is the project's folder. */
export function startSubject({ root, listen, as, neighbors }) {
  const directory = mkdtempSync(join(tmpdir(), 'linnet-soak-'));
  const config = join(directory, 'config.json');
  const log = join(directory, 'log');
  writeFileSync(
    config,
    JSON.stringify({
      localAs: as,
      routerId: '10.255.255.254',
      listen: { address: listen.host, port: listen.port },
      families: ['ipv4-unicast'],
      neighbors: neighbors.map((address) => ({ address, as, rrClient: true, passive: true })),
    }),
  );
  const output = openSync(log, 'a');
  const flags = ['--expose-gc', '--import', new URL('probe.js', import.meta.url).href];
  const child = spawn(process.execPath, [...flags, join(root, 'bin', 'linnet.js'), 'speaker', config, '--log', 'warn'], {
    stdio: ['ignore', output, output, 'ipc'],
  });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  return {
    pid: child.pid,
    ended,
    alive: () => child.exitCode === null && child.signalCode === null,
    kill: () => child.kill('SIGKILL'),
    stop: async () => {
      child.kill('SIGTERM');
      return ended;
    },
    logEnd: () => readFileSync(log, 'utf8').slice(-2000),
    remove: () => rmSync(directory, { recursive: true, force: true }),
    /** Sizes in octets, counts of active resources and of file descriptors, after a collection of garbage. */
    measure: () =>
      new Promise((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error('the speaker does not answer')), MEASURE_LIMIT_MS);
        child.once('message', (answer) => {
          clearTimeout(limit);
          resolve({ ...answer, resources: { ...answer.resources, fd: readdirSync(`/proc/${child.pid}/fd`).length } });
        });
        child.send('measure', (error) => error && reject(error));
      }),
  };
}
