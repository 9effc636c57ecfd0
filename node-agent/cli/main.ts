/** The agent's program and its commands. */
import { type CommandRow, runProgram } from '../../src/cli/program.ts';

const COMMANDS: readonly CommandRow[] = [
  { name: 'run', summary: 'keep the encapsulation of one node in order', load: () => import('./run.ts') },
  { name: 'status', summary: 'ask a running agent how it stands', load: () => import('./status.ts') },
  { name: 'plan', summary: 'print what would be changed, and change nothing', load: () => import('./plan.ts') },
  { name: 'why', summary: 'say which route a prefix gets and why', load: () => import('./why.ts') },
  { name: 'cleanup', summary: 'remove everything of the agent from the kernel', load: () => import('./cleanup.ts') },
  { name: 'config', summary: 'show the effective configuration', load: () => import('./config.ts') },
  { name: 'version', summary: 'print the version', load: () => import('./version.ts') },
];

/** Runs one command line (without node and script) and sets the process's exit code. Never rejects. */
export function main(argv: readonly string[]): Promise<void> {
  const description = "VXLAN, IPIP and plain routes between a node's pods and those of others";
  return runProgram({ name: 'node-agent', description, server: 'agent', commands: COMMANDS }, argv);
}
