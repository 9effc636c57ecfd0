/** The program and its commands. */
import { type CommandRow, runProgram } from './program.ts';

const COMMANDS: readonly CommandRow[] = [
  { name: 'run', summary: 'run the daemon of one node', load: () => import('./run.ts') },
  { name: 'speaker', summary: 'run a bare speaker or route reflector from a JSON file', load: () => import('./speaker.ts') },
  { name: 'render', summary: 'write the BIRD configuration of a node', load: () => import('./render.ts') },
  { name: 'desired', summary: 'print the desired state of a node', load: () => import('./desired.ts') },
  { name: 'check', summary: 'validate a directory of manifests', load: () => import('./check.ts') },
  { name: 'explain', summary: 'say why a prefix is advertised, or why not', load: () => import('./explain.ts') },
  { name: 'peers', summary: 'list the sessions', load: () => import('./peers.ts') },
  { name: 'peer', summary: 'shut down, enable, reset, refresh or drain a session', load: () => import('./peer.ts') },
  { name: 'drain', summary: 'take a node out of service before it goes, and back', load: () => import('./drain.ts') },
  { name: 'routes', summary: 'list routes', load: () => import('./routes.ts') },
  { name: 'health', summary: 'ask for liveness and readiness', load: () => import('./health.ts') },
  { name: 'replay', summary: 'play a recording of a speaker back and compare', load: () => import('./replay.ts') },
  { name: 'demo', summary: 'show a cluster at work on this machine', load: () => import('./demo-command.ts') },
  { name: 'diags', summary: 'write a support bundle without secrets', load: () => import('./diags.ts') },
  { name: 'config', summary: 'show the effective configuration', load: () => import('./config.ts') },
  { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
];

/** Runs one command line (without node and script) and sets the process's exit code. Never rejects. */
export function main(argv: readonly string[]): Promise<void> {
  const description = 'BGP control plane with route reflection for Calico-style clusters';
  return runProgram({ name: 'linnet', description, server: 'daemon', commands: COMMANDS }, argv);
}
