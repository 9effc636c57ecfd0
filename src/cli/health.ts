/** `linnet health [--live] [--ready]`: the probes, for people and for exec probes. */
import type { Command } from 'commander';
import type { HealthDocument } from '../health/status.ts';
import { addApiOptions, apiOf, getAnswer } from './client.ts';
import type { CommandContext } from './command.ts';
import { CommandError, EXIT } from './exit.ts';
import { outputOption, printJson } from './output.ts';
import { printTable } from './table.ts';

interface HealthOptions {
  readonly live?: boolean;
  readonly ready?: boolean;
  readonly birdLive?: boolean;
  readonly bird6Live?: boolean;
  readonly birdReady?: boolean;
  readonly bird6Ready?: boolean;
  readonly felixLive?: boolean;
  readonly felixReady?: boolean;
  readonly thresholdTime?: string;
  readonly api?: string;
  readonly runDir?: string;
  readonly output: string;
}

type FlagName = 'live' | 'ready' | 'birdLive' | 'bird6Live' | 'birdReady' | 'bird6Ready';

/** What one flag asks: a probe, all of it or only what concerns one IP version, and Calico's words before a failure (control-plane 8.1, 8.2). */
interface Question {
  readonly flag: FlagName;
  readonly option: string;
  readonly help: string;
  readonly path: '/liveness' | '/readiness';
  /** Checks of the other IP version are left out. */
  readonly without?: 'ipv4' | 'ipv6';
}

const QUESTIONS: readonly Question[] = [
  { flag: 'live', option: '--live', help: 'ask for liveness', path: '/liveness' },
  { flag: 'ready', option: '--ready', help: 'ask for readiness (both when nothing is named)', path: '/readiness' },
  { flag: 'birdLive', option: '--bird-live', help: "Calico's flag: liveness of the IPv4 engine", path: '/liveness', without: 'ipv6' },
  { flag: 'bird6Live', option: '--bird6-live', help: "Calico's flag: liveness of the IPv6 engine", path: '/liveness', without: 'ipv4' },
  { flag: 'birdReady', option: '--bird-ready', help: "Calico's flag: readiness of the IPv4 engine", path: '/readiness', without: 'ipv6' },
  { flag: 'bird6Ready', option: '--bird6-ready', help: "Calico's flag: readiness of the IPv6 engine", path: '/readiness', without: 'ipv4' },
];

/** Every flag that calico-node knows with one dash (control-plane 8.1, 8.2: Go's flags take one or two). */
const CALICO_FLAGS: ReadonlySet<string> = new Set([
  ...QUESTIONS.map(({ option }) => option).filter((option) => option.startsWith('--bird')),
  ...['--felix-live', '--felix-ready', '--threshold-time'],
]);

/** A command line as Calico's manifests have it: `-bird-live` is `--bird-live`, and a switch may have `=true` or `=false`. */
export function rewrite(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    const [name = '', value] = word.replace(/^-(?=[a-z0-9]+-)/, '--').split('=', 2);
    if (!CALICO_FLAGS.has(name)) return [word];
    if (name === '--threshold-time') return [value === undefined ? name : `${name}=${value}`];
    if (value === undefined || YES.has(value)) return [name];
    return NO.has(value) ? [] : [word];
  });
}

/** Truth in Go's flags. */
const YES: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const NO: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

const UNITS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** A duration in Go's form, `30s` or `1m30s`, in whole seconds, rounded up, 0 to a day. Throws a usage error where it is none. */
function goSeconds(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  const seconds = Math.ceil(parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0));
  if (text === '0') return 0;
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text || seconds > 86_400)
    throw new CommandError(EXIT.usage, `--threshold-time: ${JSON.stringify(text)} is no duration of at most a day such as 30s or 1m30s`);
  return seconds;
}

/** Adds the command. Exit status 0: every probe asked for is well; 1: one is not; 3: no daemon answers. */
export function define(command: Command, context: CommandContext): void {
  for (const { option, help } of QUESTIONS) command.option(option, help);
  command.option('--felix-live', "Calico's flag: liveness of Felix, asked over HTTP (FELIX_HEALTHHOST, FELIX_HEALTHPORT)");
  command.option('--felix-ready', "Calico's flag: readiness of Felix");
  command.option(
    '--threshold-time <duration>',
    "Calico's flag: how long after the start every session is waited for, such as 30s (default: the daemon's)",
  );
  command.addOption(outputOption('table', 'json'));
  addApiOptions(command);
  command.action(async (options: HealthOptions) => {
    const probes = [...(await askDaemon(options, context)), ...(await askFelix(options, context))];
    context.exit = probes.every((probe) => probe.ok) ? EXIT.ok : EXIT.negative;
    if (options.output === 'json') printJson({ schema: 'linnet.health-report/v1', ok: context.exit === EXIT.ok, probes });
    else printTable(['PROBE', 'CHECK', 'OK', 'DETAIL'], probes.flatMap(rowsOf));
    for (const probe of probes) if (!probe.ok) process.stderr.write(`${probe.message}\n`);
  });
}

async function askDaemon(options: HealthOptions, context: CommandContext): Promise<HealthDocument[]> {
  const named = QUESTIONS.filter(({ flag }) => options[flag] === true);
  const felixOnly = named.length === 0 && (options.felixLive === true || options.felixReady === true);
  if (felixOnly) return [];
  const asked = named.length === 0 ? QUESTIONS.slice(0, 2) : named;
  const threshold = options.thresholdTime === undefined ? undefined : String(goSeconds(options.thresholdTime));
  const api = await apiOf(options, context);
  const answer = async (question: Question): Promise<HealthDocument> => {
    const query = question.path === '/readiness' ? { threshold } : {};
    return narrowed(parseHealth(await getAnswer(api, question.path, query)), question);
  };
  return await Promise.all(asked.map(answer));
}

/** Only the checks of one IP version and those of neither; sessions are BIRD's business in Calico's words. */
function narrowed(health: HealthDocument, { path, without }: Question): HealthDocument {
  if (without === undefined) return health;
  const checks = health.checks.filter((check) => !check.name.endsWith(`-${without}`));
  const failed = checks.find((check) => !check.ok);
  const prefix = path === '/liveness' ? 'calico/node is not live: ' : 'calico/node is not ready: ';
  if (failed === undefined) return { ...health, ok: true, message: 'ok', checks };
  const said = failed.detail.startsWith('BGP ') ? `BIRD is not ready: ${failed.detail}` : failed.detail;
  return { ...health, ok: false, message: prefix + said, checks };
}

/** Longest wait for Felix, ms. */
const FELIX_MS = 5000;

/** Felix answers 2xx or 3xx where it is well (control-plane 8.2). */
async function askFelix(options: HealthOptions, { environment }: CommandContext): Promise<HealthDocument[]> {
  const host = environment['FELIX_HEALTHHOST'] ?? 'localhost';
  const port = environment['FELIX_HEALTHPORT'] ?? '9099';
  const ask = async (probe: HealthDocument['probe'], word: string): Promise<HealthDocument> => {
    const because = await fetch(`http://${host}:${port}/${probe}`, { redirect: 'manual', signal: AbortSignal.timeout(FELIX_MS) })
      .then(({ status }) => (status >= 200 && status < 400 ? undefined : `it answered ${status}`))
      .catch((error: unknown) => felixFault(error));
    const detail = because === undefined ? 'answers' : `felix is not ${word}: ${because}`;
    const message = because === undefined ? 'ok' : `calico/node is not ${word}: ${detail}`;
    return {
      schema: 'linnet.health/v1',
      probe,
      ok: because === undefined,
      message,
      checks: [{ name: 'felix', ok: because === undefined, detail }],
    };
  };
  return [
    ...(options.felixLive === true ? [await ask('liveness', 'live')] : []),
    ...(options.felixReady === true ? [await ask('readiness', 'ready')] : []),
  ];
}

/** What kept the question from its answer: the socket's error is inside that of fetch. */
function felixFault(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function parseHealth(answer: { readonly status: number; readonly body: string }): HealthDocument {
  // 503 is an answer of a probe like 200; anything else is not one of our daemons.
  if (answer.status !== 200 && answer.status !== 503) throw new CommandError(EXIT.fault, `the probe answered ${answer.status}`);
  return JSON.parse(answer.body);
}

function rowsOf(probe: HealthDocument): readonly string[][] {
  return probe.checks.map((check) => [probe.probe, check.name, check.ok ? 'yes' : 'no', check.detail]);
}
