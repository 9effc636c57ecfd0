/** `--path DIR --node NAME`: the answers of a node that is not running, computed from its manifests. */
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Desired } from '../confd/desired/types.ts';
import type { ConfigKey, ConfigResult } from '../config/types.ts';
import type { Offline } from '../main/offline.ts';
import type { CommandContext } from './command.ts';
import { commandConfig, givenFlags } from './config-flags.ts';
import { CommandError, EXIT } from './exit.ts';

/** Configuration that changes what is computed from manifests. */
export const OFFLINE_KEYS: readonly ConfigKey[] = [
  'node',
  'path',
  'kubernetesNode',
  'namespace',
  'asNumber',
  'ipv4',
  'ipv6',
  'routerId',
  'advertiseClusterIPs',
  'foreignClusterIPs',
  'usePodCIDR',
  'listenPort',
  'compat',
  'sessionFamilies',
  'transportMap',
  'endpointStatusPrefix',
];

/**
 * The directory `endpoint-status`, where the configuration names its prefix: without that a machine's own local workloads would be
 * mistaken for those of whatever node is asked about.
 */
export function workloadsOf({ config, origins }: ConfigResult): string | undefined {
  const { endpointStatusPrefix: prefix } = config;
  const isNamed = origins.get('endpointStatusPrefix')?.kind !== 'default';
  return isNamed && prefix !== 'none' ? join(prefix, 'endpoint-status') : undefined;
}

/** True where --path was given. */
export function wantsOffline(command: Command): boolean {
  return givenFlags(command.opts()).has('path');
}

/** Reads and computes; usage and missing directories become CommandErrors. */
export async function offline(command: Command, context: CommandContext): Promise<Offline> {
  const found = commandConfig(command, context);
  const [{ computeOffline }, { StartError }] = await Promise.all([import('../main/offline.ts'), import('../main/start-error.ts')]);
  return await computeOffline(found.config, workloadsOf(found)).catch((error: unknown) => {
    if (error instanceof StartError) throw new CommandError(error.code === 'UNREACHABLE' ? EXIT.unreachable : EXIT.usage, error.message);
    throw error;
  });
}

/** As `offline`, where the node must be among the manifests. */
export async function offlineNode(
  command: Command,
  context: CommandContext,
): Promise<Offline & { readonly desired: Desired; readonly config: NonNullable<Offline['config']> }> {
  const result = await offline(command, context);
  const { desired, config } = result;
  if (desired !== undefined && config !== undefined) return { ...result, desired, config };
  throw new CommandError(EXIT.negative, 'the node is not among the manifests');
}
