/** What keeps a command from starting, as the exit codes of contracts.md have it. */
import { CommandError, EXIT } from '../../src/cli/exit.ts';
import { StartError } from '../../src/main/start-error.ts';

/** Gives what `work` gives; a StartError becomes a usage error, or says that something does not answer. */
export async function started<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StartError) throw new CommandError(error.code === 'UNREACHABLE' ? EXIT.unreachable : EXIT.usage, error.message);
    throw error;
  }
}
