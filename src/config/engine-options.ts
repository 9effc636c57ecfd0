/** The rows of the routing engine and of kernel routes, in the table of options.ts. */
import type { OptionTable } from './options.ts';
import { parseInteger, parseText, parseWord } from './values.ts';

/** Keys of these rows. */
export type EngineKey = 'engine' | 'kernel' | 'kernelProtocol' | 'birdMode' | 'birdProgram' | 'bird6Program';

/** Which engine runs, where its programs are, and whose kernel routes are written. */
export const ENGINE_OPTIONS: Pick<OptionTable, EngineKey> = {
  engine: {
    flag: 'engine',
    placeholder: 'NAME',
    help: 'native, bird1 (BIRD 1.6, one daemon a family) or bird2 (BIRD 2 and 3)',
    environment: ['LINNET_ENGINE'],
    parse: parseWord('native', 'bird1', 'bird2'),
    fallback: () => 'native',
  },
  kernel: {
    flag: 'kernel',
    placeholder: 'WHEN',
    help: 'kernel routes of the native engine: on; off; auto: where this process may write them and serves one node',
    environment: ['LINNET_KERNEL'],
    parse: parseWord('auto', 'on', 'off'),
    fallback: () => 'auto',
  },
  kernelProtocol: {
    flag: 'kernel-protocol',
    placeholder: 'NUMBER',
    help: "protocol number of this daemon's kernel routes; 12 is BIRD's, which Felix leaves alone",
    environment: ['LINNET_KERNEL_PROTOCOL'],
    parse: parseInteger(5, 255),
    fallback: () => 12,
  },
  birdMode: {
    flag: 'bird-mode',
    placeholder: 'HOW',
    help: 'start: run BIRD; attach: it is run elsewhere with -c STATE_DIR/bird/current/FILE -s RUN_DIR/bird.ctl',
    environment: ['LINNET_BIRD_MODE'],
    parse: parseWord('start', 'attach'),
    fallback: () => 'start',
  },
  birdProgram: {
    flag: 'bird',
    placeholder: 'PATH',
    help: 'program of BIRD, also for checking files',
    environment: ['LINNET_BIRD'],
    parse: parseText,
    fallback: () => 'bird',
  },
  bird6Program: {
    flag: 'bird6',
    placeholder: 'PATH',
    help: "program of BIRD 1.6's IPv6 daemon",
    environment: ['LINNET_BIRD6'],
    parse: parseText,
    fallback: () => 'bird6',
  },
};
