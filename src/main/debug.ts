/** The debug server, where the configuration asks for one: its code is loaded only then. */
import { formatAddress } from 'bgp-ts/net';
import { formatSocketAddress } from '../config/show.ts';
import type { Config } from '../config/types.ts';
import type { DebugServer } from '../debug/server.ts';
import type { DaemonLog } from './log.ts';
import { portOwner } from './port-owner.ts';
import { StartError } from './start-error.ts';

/** Starts it; undefined where none is wanted. Rejects with StartError where its port is taken. */
export async function startDebug(
  { debugListen, runDir }: Config,
  log: DaemonLog,
  queues: () => Readonly<Record<string, number>>,
): Promise<DebugServer | undefined> {
  if (debugListen === 'none') return undefined;
  const { startDebugServer } = await import('../debug/server.ts');
  const where = formatSocketAddress(debugListen);
  const server = await startDebugServer({
    host: formatAddress(debugListen.address),
    port: debugListen.port,
    directory: runDir,
    queues,
  }).catch(async (error: unknown) => {
    const owner = await portOwner(debugListen.port);
    const because = error instanceof Error ? error.message : String(error);
    throw new StartError('CONFIG', `--debug-listen ${where}: ${because}${owner === undefined ? '' : `; ${owner} listens there`}`);
  });
  log.warn({ debug: where }, 'debug server: whoever reaches it can read passwords');
  return server;
}
