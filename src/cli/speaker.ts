/**
 * `linnet speaker CONFIG.json`: a bare speaker or route reflector. Its loop is the process's main thread, which does nothing else;
 * SIGHUP reads the file again as a difference; `--status` answers questions on a unix socket.
 */
import { readFile } from 'node:fs/promises';
import type { Speaker, SpeakerConfig } from 'bgp-ts';
import { createSpeaker, formatConfigFaults, parseSpeakerConfig } from 'bgp-ts';
import type { SpeakerHost } from 'bgp-ts/io';
import { createSpeakerHost, ListenError, monotonicNow, unavailableOptions, wallClockOf } from 'bgp-ts/io';
import { createRecordedSpeaker } from 'bgp-ts/testing';
import type { Command } from 'commander';
import type { Log } from '../confd/log.ts';
import type { Lock } from '../main/lock.ts';
import { lockDirectories } from '../main/lock.ts';
import { createLog } from '../main/log.ts';
import { memoryLimit, memoryUsedOf } from '../main/memory-limit.ts';
import { collectOrphans } from '../main/orphans.ts';
import type { PeerMemoryFile } from '../main/peer-memory.ts';
import { openPeerMemory } from '../main/peer-memory.ts';
import { logSpeakerEvent } from '../main/speaker-log.ts';
import { StartError } from '../main/start-error.ts';
import { limitYoungSpace } from '../main/young-space.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT, exitCode } from './exit.ts';
import { interruptSignal } from './interrupt.ts';
import type { RecordFile } from './record-file.ts';
import { openRecordFile } from './record-file.ts';
import type { SpeakerApi } from './speaker-api.ts';
import { createSpeakerApi } from './speaker-api.ts';
import type { StatusServer } from './speaker-status.ts';
import { serveSpeakerStatus } from './speaker-status.ts';

/** Arguments of `linnet speaker`. */
export interface SpeakerArguments {
  /** Path of the JSON configuration. */
  readonly config: string;
  /** Path of the unix socket that answers status questions; none without it. */
  readonly status?: string;
  /** Log level: debug, info, warn or error. Default info. */
  readonly log?: 'debug' | 'info' | 'warn' | 'error';
  /** Leave without NOTIFICATION, so that graceful restart helpers keep the routes. Default false. */
  readonly planned?: boolean;
  /** The process before this one ended while its routes stayed in the forwarding plane: send R and F (RFC 4724). Default false. */
  readonly restarting?: boolean;
  /** Directory that keeps what operators set and who came from ranges over a restart; nothing is kept without it. */
  readonly stateDir?: string;
  /** MiB that may be resident before the peer that grows the table is dropped. Default 80 % of the machine's or control group's. */
  readonly memoryLimit?: number;
  /** Path of a file that gets every input of the speaker, for `linnet replay`; none without it. */
  readonly record?: string;
}

interface SpeakerOptionsGiven {
  readonly status?: string;
  readonly stateDir?: string;
  readonly memoryLimit?: string;
  readonly planned?: boolean;
  readonly restarting?: boolean;
  readonly record?: string;
  readonly log: string;
}

/** Adds the command. */
export function define(command: Command, context: CommandContext): void {
  command
    .argument('<config>', 'JSON configuration; SIGHUP reads it again')
    .option('--status <socket>', 'answer on this unix socket what linnet peers, peer, routes and explain ask (--api), and GET /metrics')
    .option('--planned', 'end without NOTIFICATION, so that graceful restart helpers keep the routes')
    .option('--restarting', 'this process follows one whose routes are still being used: ask helpers to keep them (RFC 4724)')
    .option('--state-dir <dir>', 'keep what linnet peer set, and the peers of ranges, over a restart')
    .option('--memory-limit <MiB>', 'drop the peer that grows the table above this (default: 80 % of the memory there is)')
    .option('--record <file>', 'write every input of the speaker to this file, for linnet replay')
    .option('--log <level>', 'debug, info, warn or error', 'info')
    .action(async (config: string, options: SpeakerOptionsGiven) => {
      const log = (['debug', 'info', 'warn', 'error'] as const).find((level) => level === options.log);
      if (log === undefined) throw new CommandError(EXIT.usage, `--log ${options.log}: must be debug, info, warn or error`);
      const status = options.status === undefined ? {} : { status: options.status };
      const record = options.record === undefined ? {} : { record: options.record };
      const state = options.stateDir === undefined ? {} : { stateDir: options.stateDir };
      limitYoungSpace();
      const limit = options.memoryLimit === undefined ? {} : { memoryLimit: readMebibytes(options.memoryLimit) };
      context.exit = exitCode(
        await speakerCommand(
          {
            config,
            ...status,
            ...state,
            ...limit,
            ...record,
            log,
            planned: options.planned === true,
            restarting: options.restarting === true,
          },
          interruptSignal(),
        ),
      );
    });
}

function readMebibytes(text: string): number {
  const value = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
  if (value === undefined) throw new CommandError(EXIT.usage, `--memory-limit ${text}: must be a whole number of MiB, 1 or more`);
  return value;
}

/** Runs a speaker until the signal; settles with the exit code. Throws CommandError 2 for a configuration or listener that cannot be. */
export async function speakerCommand(args: SpeakerArguments, signal: AbortSignal): Promise<number> {
  const config = await readConfig(args.config);
  const log = createLog(args.log ?? 'info', {});
  const lock = args.stateDir === undefined ? undefined : await lockState(args.stateDir);
  try {
    const recording = args.record === undefined ? undefined : await openRecording(args.record, log);
    try {
      return await runSpeaker(args, config, recording, log, signal);
    } finally {
      await recording?.close();
    }
  } finally {
    await lock?.release();
  }
}

async function runSpeaker(
  args: SpeakerArguments,
  config: SpeakerConfig,
  recording: RecordFile | undefined,
  log: Log,
  signal: AbortSignal,
): Promise<number> {
  let speaker: Speaker | undefined;
  const memory = args.stateDir === undefined ? undefined : await openPeerMemory(args.stateDir, () => speaker?.memory() ?? [], log);
  const restarting = args.restarting === true || (memory?.before.kept === true && agreesOnRestart(config));
  const options = { random: Math.random, wallClock: wallClockOf, ...(restarting ? { restarting: { forwarding: true } } : {}) };
  speaker = recording === undefined ? createSpeaker(options) : createRecordedSpeaker(options, recording.write);
  const api = createSpeakerApi(speaker);
  const host = createSpeakerHost({
    speaker,
    now: monotonicNow,
    warmUp: true,
    memoryUsed: memoryUsedOf(memoryLimit(args.memoryLimit)),
    onEvent: (event) => {
      logSpeakerEvent(log, event);
      api.event(event);
      if (event.kind === 'peer-action' || event.kind === 'dynamic-peer') memory?.changed();
    },
    onListenError: (error) => {
      log.error({ error: error.message }, 'cannot listen');
    },
  });
  const server = await startSpeaker({ speaker, api, host, memory }, config, args.status);
  await serve(args.config, host, log, { peers: config.peers.length, listeners: config.listen.length }, signal);
  await server?.close();
  // Before the sessions end: who was there is what the next process asks for.
  await memory?.close(args.planned ?? false);
  await host.stop(args.planned ?? false);
  return EXIT.ok;
}

/** What a running speaker is made of. */
interface Parts {
  readonly speaker: Speaker;
  readonly api: SpeakerApi;
  readonly host: SpeakerHost;
  readonly memory: PeerMemoryFile | undefined;
}

async function startSpeaker(
  { speaker, api, host, memory }: Parts,
  config: SpeakerConfig,
  status: string | undefined,
): Promise<StatusServer | undefined> {
  try {
    if (memory !== undefined) host.handle({ type: 'recall', peers: memory.before.peers });
    await host.configure(config);
    memory?.changed();
    if (status === undefined) return undefined;
    return await serveSpeakerStatus(speaker, api, (peer, action) => host.handle({ type: 'peer-action', peer, action }), status);
  } catch (error) {
    await host.stop(false);
    if (error instanceof ListenError || isSystemError(error)) throw new CommandError(EXIT.usage, error.message);
    throw error;
  }
}

/** True where peers may have kept routes of the process before this one (RFC 4724). */
function agreesOnRestart({ peers, ranges = [] }: SpeakerConfig): boolean {
  return [...peers, ...ranges.map(({ template }) => template)].some(({ gracefulRestart }) => gracefulRestart !== undefined);
}

/** Until the signal; SIGHUP reads the file again. */
async function serve(
  path: string,
  host: SpeakerHost,
  log: Log,
  sizes: { readonly peers: number; readonly listeners: number },
  signal: AbortSignal,
): Promise<void> {
  let last = Promise.resolve();
  // One after the other: the file as it is read last is what holds.
  const reread = (): void => {
    last = last.then(() => reconfigure(path, host, log));
  };
  process.on('SIGHUP', reread);
  log.info(sizes, 'speaker started');
  const done = collectOrphans();
  await aborted(signal);
  done();
  process.off('SIGHUP', reread);
}

async function lockState(path: string): Promise<Lock> {
  return await lockDirectories([{ path, flag: 'state-dir' }]).catch((error: unknown) => {
    throw error instanceof StartError ? new CommandError(EXIT.usage, error.message) : error;
  });
}

function openRecording(path: string, log: Log): Promise<RecordFile> {
  return openRecordFile(path, log).catch((error: unknown) => {
    throw new CommandError(EXIT.usage, `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
}

async function readConfig(path: string): Promise<SpeakerConfig> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CommandError(EXIT.usage, `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const parsed = parseSpeakerConfig(text);
  if (!parsed.ok) throw new CommandError(EXIT.usage, `${path}:\n${formatConfigFaults(parsed.error)}`);
  const { peers, ranges = [] } = parsed.value;
  const unavailable = [
    ...peers.flatMap((peer) => unavailableOptions(peer).map((field) => `neighbor ${peer.id}: ${field}`)),
    ...ranges.flatMap(({ id, template }) => unavailableOptions(template).map((field) => `${id}: ${field}`)),
  ];
  if (unavailable.length > 0) {
    throw new CommandError(EXIT.usage, `${path}:\n${unavailable.map((where) => `${where}: is not available on this platform`).join('\n')}`);
  }
  return parsed.value;
}

/** A file that is wrong leaves the running configuration as it is. */
async function reconfigure(path: string, host: SpeakerHost, log: Log): Promise<void> {
  try {
    await host.configure(await readConfig(path));
    log.info({}, 'configuration read again');
  } catch (error) {
    log.error({ error: error instanceof Error ? error.message : String(error) }, 'configuration not changed');
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
}
