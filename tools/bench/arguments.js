/** Arguments of `npm run bench`. Pure. */
import { parseArgs } from 'node:util';
import { BIRD, FLOOR, FRR, LINNET } from './figures.js';
import { scenariosOf } from './plan.js';

/** Parts that `--parts` names: the table of bars, growth of cost, the loop at 2,000 clients, the slow peer. */
export const PARTS = ['bars', 'loop', 'slow', 'growth'];

/** What `--help` prints. */
export const USAGE = `usage: npm run bench [-- options]
  --scenarios LIST   rrbench scenarios or presets all, short, calico, churn, restart, gates (default all)
  --daemons LIST     of linnet, frr-coalesce0, bird2, null and any other that rrbench knows (default these four)
  --rounds N         rounds, daemons interleaved (default 5, of calico-2000, churn and cold-restart 2)
  --minutes N        leave out rounds beyond the third where the bars would take longer than this (default 14; 0: never)
  --parts LIST       of ${PARTS.join(', ')} (default all of them; bars alone where --scenarios is given)
  --out DIR          results, a folder a round (default .cache/bench/<time>)
  --resume DIR       go on with the interrupted run whose results are there: what it measured of the bars and of growth is kept
  --quick            one round of calico-500 and overlap, small sizes, nothing repeated: for the shape, not for publishing
  --publish          write the table into README.md and docs/benchmarks.md, and the plot into docs/plots/
  --no-build         measure what is built`;

const OPTIONS = {
  scenarios: { type: 'string' },
  daemons: { type: 'string' },
  rounds: { type: 'string' },
  minutes: { type: 'string' },
  parts: { type: 'string' },
  out: { type: 'string' },
  resume: { type: 'string' },
  quick: { type: 'boolean', default: false },
  publish: { type: 'boolean', default: false },
  'no-build': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

function whole(text, name, least) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new Error(`--${name} ${text}: must be a whole number of at least ${least}`);
  return value;
}

function partsOf(values) {
  const parts = (values.parts ?? (values.scenarios === undefined ? PARTS.join(',') : 'bars')).split(',');
  const unknown = parts.find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new Error(`--parts ${unknown}: must be of ${PARTS.join(', ')}`);
  return parts;
}

/** Reads the arguments; throws an Error whose message says what is wrong. */
export function readArguments(argv, now) {
  const { values } = parseArgs({ args: argv, options: OPTIONS });
  if (values.quick && values.publish) throw new Error('--quick figures are not for publishing');
  if (values.resume !== undefined && values.out !== undefined) throw new Error('--resume names the directory already: leave out --out');
  const daemons = (values.daemons ?? [LINNET, FRR, BIRD, FLOOR].join(',')).split(',');
  return {
    help: values.help,
    build: !values['no-build'],
    quick: values.quick,
    publish: values.publish,
    parts: partsOf(values),
    daemons,
    scenarios: scenariosOf(values.scenarios ?? (values.quick ? 'calico-500,overlap' : 'all')),
    rounds: whole(values.rounds ?? (values.quick ? '1' : '5'), 'rounds', 1),
    minutes: whole(values.minutes ?? '14', 'minutes', 0),
    every: values.rounds !== undefined,
    resume: values.resume !== undefined,
    out: values.resume ?? values.out ?? `.cache/bench/${now.toISOString().replace(/[:.]/g, '-')}`,
  };
}
