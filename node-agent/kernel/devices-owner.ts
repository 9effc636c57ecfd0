/**
 * Whose the devices are. Another agent of ours is known by a lock that the kernel keeps for the network namespace; Felix by its
 * process. Devices of a Felix that no longer runs lack the mark that ours carry (DEVICE_MARK): the plan sees to those.
 */
import type { Server } from 'node:net';
import { holdName, processHere, processText } from '../../src/routes/kernel/writers.ts';

/** Felix runs under its own name or as one of the parts of calico-node, which has others without interest here. */
function isFelix(process: string): boolean {
  const name = processText(process, 'comm').trim();
  if (name === 'calico-felix') return true;
  return name === 'calico-node' && /(^|\0)--?felix(\0|=|$)/.test(processText(process, 'cmdline'));
}

/** A Felix in this thread's network namespace, or in one that is not shown, as `calico-node -felix (pid 17)`; undefined where none is to be seen. */
export function liveFelix(): string | undefined {
  // A process with more capabilities than ours does not show its namespace; a machine has one Felix, in the namespace of the machine.
  const process = processHere(isFelix, true);
  if (process === undefined) return undefined;
  const words = processText(process, 'cmdline').split('\0').filter(Boolean);
  return `${words.slice(0, 2).join(' ')} (pid ${process})`;
}

/** Holds the devices of this network namespace until the server is closed or the process ends; undefined where another agent has them. */
export function holdDevices(): Promise<Server | undefined> {
  return holdName('linnet-node-agent-devices');
}
