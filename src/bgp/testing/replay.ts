/** Plays a recording back to a new speaker and compares what it does, call by call. */
import type { Speaker } from '../speaker.ts';
import { createSpeaker } from '../speaker.ts';
import type { SpeakerInput, SpeakerOutput } from '../speaker-types.ts';
import type { Result } from '../wire/index.ts';
import { decodeValue, hashOutputs, RECORDING_FORMAT, type RecordingHeader } from './recording.ts';

/** One call as it was recorded. */
type Call =
  | { readonly kind: 'h'; readonly now: number; readonly input: SpeakerInput; readonly drawn: readonly number[]; readonly hash: number }
  | {
      readonly kind: 'w';
      readonly read: readonly number[];
      readonly budget: number;
      readonly drawn: readonly number[];
      readonly hash: number;
    };

/** A call whose outputs, clock readings or random numbers are not those recorded. `line` counts from 1. */
export interface ReplayDifference {
  readonly line: number;
  readonly call: string;
  readonly because: string;
}

/** Outcome of a replay. */
export interface ReplayResult {
  readonly calls: number;
  /** Octets handed to connections. */
  readonly octetsSent: number;
  /** Hash over all outputs, eight hex digits; equal runs have equal ones. */
  readonly digest: string;
  /** The first differences, at most `MAX_DIFFERENCES`: after one the rest usually differ too. */
  readonly differences: readonly ReplayDifference[];
  /** The last line was cut off, as when the recording process was killed. */
  readonly truncated: boolean;
}

/** Differences that are told; a replay stops after them. */
const MAX_DIFFERENCES = 10;

/**
 * A replay of one recording: `push` takes its lines in order, `finish` tells what came of it. The error is one sentence: not a recording,
 * of another version, or the number of a line that is none.
 */
export class Replay {
  readonly #onOutputs: (outputs: readonly SpeakerOutput[]) => void;
  #speaker: Speaker | undefined;
  #line = 0;
  #calls = 0;
  #octets = 0;
  #hash: number | undefined;
  #drawn: readonly number[] = [];
  #drawnAt = 0;
  #broken: string | undefined;
  #cut = false;
  readonly #differences: ReplayDifference[] = [];

  /** `onOutputs` sees the outputs of every call, in order. */
  constructor(onOutputs: (outputs: readonly SpeakerOutput[]) => void = () => undefined) {
    this.#onOutputs = onOutputs;
  }

  /** Takes a line; false where no more are wanted. */
  push(text: string): boolean {
    if (this.#broken !== undefined || this.#differences.length >= MAX_DIFFERENCES) return false;
    this.#line++;
    if (this.#cut) {
      // Only the last line may be cut off.
      this.#broken = `line ${this.#line - 1} is no line of a recording`;
      return false;
    }
    const value = parse(text);
    if (this.#speaker === undefined) this.#begin(value);
    else {
      const call = callOf(value);
      if (call === undefined) this.#cut = true;
      else this.#run(this.#speaker, call);
    }
    return this.#broken === undefined;
  }

  finish(): Result<ReplayResult, string> {
    if (this.#broken !== undefined) return { ok: false, error: this.#broken };
    if (this.#speaker === undefined) return { ok: false, error: 'the file is empty' };
    return {
      ok: true,
      value: {
        calls: this.#calls,
        octetsSent: this.#octets,
        digest: (this.#hash ?? 0).toString(16).padStart(8, '0'),
        differences: this.#differences,
        truncated: this.#cut,
      },
    };
  }

  #begin(value: unknown): void {
    const header = headerOf(value);
    if (header === undefined) {
      this.#broken = `not a recording of the format ${RECORDING_FORMAT}`;
      return;
    }
    this.#speaker = createSpeaker({
      random: () => {
        const number = this.#drawn[this.#drawnAt++];
        return number ?? 0;
      },
      wallClock: (now) => header.wallClock + now,
      ...(header.restarting === null ? {} : { restarting: header.restarting }),
    });
  }

  #run(speaker: Speaker, call: Call): void {
    this.#calls++;
    this.#drawn = call.drawn;
    this.#drawnAt = 0;
    let readings = 0;
    const { outputs, name } =
      call.kind === 'h'
        ? { outputs: speaker.handle(call.input, call.now), name: `handle ${call.input.type}` }
        : { outputs: speaker.work(() => call.read[readings++] ?? call.read.at(-1) ?? 0, call.budget).outputs, name: 'work' };
    for (const output of outputs) if (output.type === 'send') for (const buffer of output.buffers) this.#octets += buffer.length;
    this.#hash = hashOutputs(outputs, this.#hash);
    this.#onOutputs(outputs);
    const differs = (because: string): void => void this.#differences.push({ line: this.#line, call: name, because });
    if (call.kind === 'w' && readings !== call.read.length) differs(`the clock was read ${readings} times instead of ${call.read.length}`);
    else if (this.#drawnAt !== call.drawn.length) differs(`${this.#drawnAt} random numbers were drawn instead of ${call.drawn.length}`);
    else if (hashOutputs(outputs) !== call.hash) differs('the outputs are not those recorded');
  }
}

function parse(text: string): unknown {
  try {
    return decodeValue(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function headerOf(value: unknown): RecordingHeader | undefined {
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== RECORDING_FORMAT) return undefined;
  if (!('wallClock' in value) || typeof value.wallClock !== 'number') return undefined;
  const restarting = 'restarting' in value ? value.restarting : null;
  const forwarding =
    typeof restarting === 'object' && restarting !== null && 'forwarding' in restarting ? restarting.forwarding === true : undefined;
  return { format: RECORDING_FORMAT, wallClock: value.wallClock, restarting: forwarding === undefined ? null : { forwarding } };
}

const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every((item) => typeof item === 'number');

/** A recording is our own file: the input is taken as the recorder wrote it, of whatever type it says. */
const isInput = (value: unknown): value is SpeakerInput => typeof value === 'object' && value !== null && 'type' in value;

function callOf(value: unknown): Call | undefined {
  if (!Array.isArray(value) || value.length !== 5) return undefined;
  const [kind, first, second, drawn, hash]: unknown[] = value;
  if (!isNumbers(drawn) || typeof hash !== 'number') return undefined;
  if (kind === 'h' && typeof first === 'number' && isInput(second)) return { kind, now: first, input: second, drawn, hash };
  if (kind === 'w' && isNumbers(first) && typeof second === 'number') return { kind, read: first, budget: second, drawn, hash };
  return undefined;
}
