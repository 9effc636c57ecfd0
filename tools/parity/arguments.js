/** Arguments of `npm run parity`. Pure. */
import { parseArgs } from 'node:util';

/** The engines, in the order they are run. `native-compat` is native with `--compat calico`; so are both flavours of BIRD. */
export const ENGINES = ['native-compat', 'native', 'bird1', 'bird2'];

/** What `--help` prints. */
export const USAGE = `usage: npm run parity [-- options]
  --scenarios DIR   folder with scenarios/, inputs/ and behaviour/ (default ../shared/parity, LINNET_SHARED moves it); the recorder is its
                    tool/, or that of ../shared/parity. Without behaviour/ the engine bird1 is recorded first and stands for it
  --engine LIST     of ${ENGINES.join(', ')} (default all; native-compat where there is no behaviour/)
  --only GLOB       scenarios by name; may repeat
  --jobs N          scenarios at a time (default 4)
  --retries N       how often a scenario that differs is recorded again, alone (default 1)
  --keep DIR        keep the recorded files
  -o json           one document in place of the table
  --no-build        record what is built
Exit status: 0 every difference is explained by docs/parity-differences.yaml and every entry explains one, 1 not so, 2 usage.`;

const OPTIONS = {
  scenarios: { type: 'string' },
  engine: { type: 'string' },
  only: { type: 'string', multiple: true, default: [] },
  jobs: { type: 'string', default: '4' },
  retries: { type: 'string', default: '1' },
  keep: { type: 'string' },
  output: { type: 'string', short: 'o', default: 'table' },
  'no-build': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};

function number(name, text, least) {
  if (!/^\d{1,3}$/.test(text) || Number(text) < least) throw new Error(`--${name} ${text}: a whole number from ${least} on`);
  return Number(text);
}

/** Reads the arguments; throws an Error with what is wrong. */
export function readArguments(argv) {
  const { values } = parseArgs({ args: argv, options: OPTIONS });
  const engines = values.engine?.split(',');
  for (const engine of engines ?? []) if (!ENGINES.includes(engine)) throw new Error(`--engine ${engine}: one of ${ENGINES.join(', ')}`);
  if (!['table', 'json'].includes(values.output)) throw new Error(`-o ${values.output}: table or json`);
  return {
    help: values.help,
    scenarios: values.scenarios,
    engines,
    only: values.only,
    jobs: number('jobs', values.jobs, 1),
    retries: number('retries', values.retries, 0),
    keep: values.keep,
    json: values.output === 'json',
    build: !values['no-build'],
  };
}
