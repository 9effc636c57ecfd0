/** `linnet replay FILE`: plays a recording of `linnet speaker --record` back and says whether the speaker does the same again. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ReplayResult } from 'bgp-ts/testing';
import { Replay } from 'bgp-ts/testing';
import type { Command } from 'commander';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { outputOption, printJson, printLines } from './output.ts';

/** Adds the command. Exit status 1 where a call differs. */
export function define(command: Command, context: CommandContext): void {
  command.argument('<file>', 'recording').addOption(outputOption('table', 'json'));
  command.action(async (path: string, options: { output: string }) => {
    const { calls, octetsSent, digest, differences, truncated } = await replayFile(path);
    context.exit = differences.length === 0 ? EXIT.ok : EXIT.negative;
    if (options.output === 'json') return printJson({ schema: 'linnet.replay/v1', calls, octetsSent, digest, truncated, differences });
    printLines([
      `calls ${calls}, octets sent ${octetsSent}, digest ${digest}${truncated ? ', last line cut off' : ''}`,
      ...differences.map(({ line, call, because }) => `line ${line}: ${call}: ${because}`),
    ]);
  });
}

/** Plays a file back. Throws CommandError 2 where it cannot be read or is no recording. */
export async function replayFile(path: string): Promise<ReplayResult> {
  const replay = new Replay();
  await feed(path, replay);
  const result = replay.finish();
  if (!result.ok) throw new CommandError(EXIT.usage, `${path}: ${result.error}`);
  return result.value;
}

async function feed(path: string, replay: Replay): Promise<void> {
  const stream = createReadStream(path, 'utf8');
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  const failure = new Promise<never>((_, reject) => {
    stream.once('error', (error) => reject(new CommandError(EXIT.usage, `cannot read ${path}: ${error.message}`)));
  });
  const read = async (): Promise<void> => {
    for await (const line of lines) if (!replay.push(line)) break;
    stream.destroy();
  };
  await Promise.race([read(), failure]);
}
