/** `linnet demo`: its flags; what it does is in demo.ts. */
import type { Command } from 'commander';
import type { CommandContext } from './command.ts';
import { exitCode } from './exit.ts';

/** Adds the command. */
export function define(command: Command, context: CommandContext): void {
  command
    .option('--once', 'stop after the script; exit status 0 only if every step was observed')
    .option('--network <octets>', 'first three octets of the loopback network', '127.0.64')
    .option('--http <address:port>', 'HTTP listener of the reflector, or none', '127.0.0.1:9178')
    .action(async (options: { once?: boolean; network: string; http: string }) => {
      const { demoCommand } = await import('./demo.ts');
      const { interruptSignal } = await import('./interrupt.ts');
      const signal = interruptSignal();
      context.exit = exitCode(await demoCommand({ once: options.once === true, network: options.network, http: options.http }, signal));
    });
}
