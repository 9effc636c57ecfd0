/** A reader of Dockerfiles: stages and instructions, continued lines joined, comments gone. */
import { textOf } from './manifests.ts';

/** One instruction. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
  readonly line: number;
}

/** One stage. */
export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** A whole Dockerfile: what stands before the first stage, and the stages. */
export interface Dockerfile {
  readonly before: readonly Instruction[];
  readonly stages: readonly Stage[];
}

function instructionsOf(text: string): readonly Instruction[] {
  const found: Instruction[] = [];
  let open: { name: string; rest: string; line: number } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(raw)) continue;
    const more = raw.endsWith('\\');
    const part = (more ? raw.slice(0, -1) : raw).trim();
    if (open === undefined) {
      const space = part.indexOf(' ');
      open = { name: part.slice(0, space), rest: part.slice(space + 1).trim(), line: index + 1 };
    } else open.rest += ` ${part}`;
    if (!more) {
      found.push(open);
      open = undefined;
    }
  }
  return found;
}

/** Reads a text. Throws where a stage has no name. */
export function parseDockerfile(text: string): Dockerfile {
  const before: Instruction[] = [];
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    if (instruction.name === 'FROM') {
      const [, from = '', name] = /^(\S+)(?: AS (\S+))?$/.exec(instruction.rest) ?? [];
      if (name === undefined) throw new Error(`line ${instruction.line}: a stage without a name`);
      stages.push({ name, from, instructions: [] });
    } else (stages.at(-1)?.instructions ?? before).push(instruction);
  }
  return { before, stages };
}

/** Sources and target of a COPY. */
export interface Copy {
  readonly stage: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

/** Reads a COPY. */
export function parseCopy({ rest }: Instruction): Copy {
  const words = rest.split(/\s+/);
  const flag = words[0]?.startsWith('--from=') === true ? words.shift() : undefined;
  return { stage: flag?.slice('--from='.length), sources: words.slice(0, -1), target: words.at(-1) ?? '' };
}

/** The Dockerfile of the tree. */
export const dockerfile = (): Dockerfile => parseDockerfile(textOf('deploy/docker/Dockerfile'));

/** What the rules have against a Dockerfile, as `line: rule`; [] where nothing. */
export function lint({ before, stages }: Dockerfile): string[] {
  const found: string[] = [];
  const versions = new Map(
    before.filter(({ name }) => name === 'ARG').map(({ rest }) => [rest.split('=')[0] ?? '', rest.split('=')[1] ?? '']),
  );
  const names = new Set(stages.map(({ name }) => name));
  for (const { name, from, instructions } of stages) {
    const image = from.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => versions.get(key) ?? '');
    if (!names.has(image) && !/:\d+\.\d+/.test(image)) found.push(`${name}: base image ${image} has no exact version`);
    if (!names.has(image) && image.endsWith(':latest')) found.push(`${name}: base image is latest`);
    for (const instruction of instructions) found.push(...lintInstruction(instruction).map((rule) => `${instruction.line}: ${rule}`));
  }
  const last = stages.at(-1);
  const chain = (stage: Stage | undefined): readonly Instruction[] =>
    stage === undefined ? [] : [...chain(stages.find(({ name }) => name === stage.from)), ...stage.instructions];
  for (const stage of stages.filter(({ name }) => name !== 'build')) {
    const user = chain(stage).findLast((each) => each.name === 'USER')?.rest ?? 'root';
    if (!/^[1-9]\d*:[1-9]\d*$/.test(user)) found.push(`${stage.name}: runs as ${user}, not as the number of somebody else than root`);
  }
  const entry = chain(last).findLast((each) => each.name === 'ENTRYPOINT')?.rest ?? '';
  if (!entry.startsWith('[')) found.push('the entry point is a shell, which takes the signals');
  return found;
}

function lintInstruction({ name, rest }: Instruction): string[] {
  const found: string[] = [];
  if (name === 'ADD') found.push('COPY instead of ADD');
  if (name === 'RUN') {
    if (/apt-get install/.test(rest)) {
      if (!/apt-get update/.test(rest)) found.push('apt-get update in the same RUN');
      if (!/--no-install-recommends/.test(rest)) found.push('--no-install-recommends');
      if (!/install -y/.test(rest)) found.push('apt-get install -y');
      if (!/rm -rf \/var\/lib\/apt\/lists\/\*/.test(rest)) found.push('the lists of apt are removed in the same RUN');
    }
    if (/npm (install|i)\b/.test(rest)) found.push('npm ci instead of npm install');
    if (/\b(sudo|curl|wget)\b/.test(rest)) found.push('no sudo, no downloads past the lock');
    if (/\|/.test(rest.replaceAll('||', ''))) found.push('a pipe hides a failure');
    if (/\bcd \b/.test(rest)) found.push('WORKDIR instead of cd');
  }
  if (name === 'WORKDIR' && !rest.startsWith('/')) found.push('WORKDIR is absolute');
  if ((name === 'CMD' || name === 'ENTRYPOINT') && !rest.startsWith('[')) found.push('the exec form');
  if ((name === 'ENV' || name === 'ARG') && /(token|password|secret|key)\w*=/i.test(rest)) found.push('no secrets');
  if (name === 'COPY' && /^\. /.test(rest)) found.push('COPY says what it copies');
  return found;
}
