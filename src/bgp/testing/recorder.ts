/** A speaker that writes down every input it gets, so that a run can be had again octet for octet (`replay.ts`). */
import type { Speaker, SpeakerOptions } from '../speaker.ts';
import { createSpeaker } from '../speaker.ts';
import { encodeValue, hashOutputs, RECORDING_FORMAT, type RecordingHeader } from './recording.ts';

/** A speaker like that of `createSpeaker`; every line of the recording (form: recording.ts), without its end, goes to `write`. */
export function createRecordedSpeaker(options: SpeakerOptions, write: (line: string) => void): Speaker {
  const secrets = new Map<string, number>();
  let drawn: number[] = [];
  const random = (): number => {
    const number = options.random();
    drawn.push(number);
    return number;
  };
  const header: RecordingHeader = {
    format: RECORDING_FORMAT,
    wallClock: options.wallClock(0),
    restarting: options.restarting ?? null,
  };
  write(JSON.stringify(header));
  const speaker = createSpeaker({ ...options, random });
  const note = (call: readonly unknown[]): void => {
    write(JSON.stringify(encodeValue(call, secrets)));
    drawn = [];
  };
  return {
    ...speaker,
    handle: (input, now) => {
      const outputs = speaker.handle(input, now);
      note(['h', now, input, drawn, hashOutputs(outputs)]);
      return outputs;
    },
    work: (clock, budgetMs) => {
      const read: number[] = [];
      const recorded = (): number => {
        const now = clock();
        read.push(now);
        return now;
      };
      const result = speaker.work(recorded, budgetMs);
      note(['w', read, budgetMs, drawn, hashOutputs(result.outputs)]);
      return result;
    },
  };
}
