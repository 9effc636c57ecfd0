/** The Dockerfile against rules worth having, and against the tree it copies from. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { dockerfile, lint, parseCopy, parseDockerfile } from './dockerfile.ts';
import { textOf } from './manifests.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

describe('the rules', () => {
  const good = 'FROM node:20.1 AS build\nRUN npm ci\nFROM node:20.1 AS run\nUSER 1:1\nENTRYPOINT ["a"]';
  it.each([
    ['nothing', good, []],
    ['a base without version', good.replace('node:20.1 AS run', 'node AS run'), ['run: base image node has no exact version']],
    ['npm install', good.replace('npm ci', 'npm install'), ['2: npm ci instead of npm install']],
    ['root', good.replace('USER 1:1', 'USER 0:0'), ['run: runs as 0:0, not as the number of somebody else than root']],
    ['a named user', good.replace('USER 1:1', 'USER node'), ['run: runs as node, not as the number of somebody else than root']],
    ['a shell as PID 1', good.replace('["a"]', 'a'), ['5: the exec form', 'the entry point is a shell, which takes the signals']],
    ['a download', good.replace('npm ci', 'curl x -o y'), ['2: no sudo, no downloads past the lock']],
    ['a hidden failure', good.replace('npm ci', 'a | b'), ['2: a pipe hides a failure']],
    ['a secret', good.replace('RUN npm ci', 'ENV NPM_TOKEN=x'), ['2: no secrets']],
    ['all of the context', good.replace('RUN npm ci', 'COPY . .'), ['2: COPY says what it copies']],
    [
      'careless apt',
      good.replace('npm ci', 'apt-get install x'),
      [
        '2: apt-get update in the same RUN',
        '2: --no-install-recommends',
        '2: apt-get install -y',
        '2: the lists of apt are removed in the same RUN',
      ],
    ],
  ])('find %s', (_, text, wanted) => expect(lint(parseDockerfile(text))).toEqual(wanted));
});

describe('deploy/docker/Dockerfile', () => {
  const { stages } = dockerfile();

  it('keeps to the rules', () => expect(lint(dockerfile())).toEqual([]));

  it('ends with the image without BIRD, so that it is the one built by default', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', 'runtime', 'bird', 'linnet']);
    expect(stages.at(-1)).toMatchObject({ from: 'runtime', instructions: [] });
  });

  it('copies from the context only what is in the tree and what its ignore file lets through', () => {
    const kept = textOf('deploy/docker/Dockerfile.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const sources = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ name }) => name === 'COPY')
      .map(parseCopy)
      .filter(({ stage }) => stage === undefined)
      .flatMap((copy) => copy.sources);
    expect(sources.length).toBeGreaterThan(8);
    const tracked = execFileSync('git', ['ls-files', '--', ...sources], { cwd: ROOT, encoding: 'utf8' });
    for (const source of sources) {
      expect(existsSync(`${ROOT}${source}`), source).toBe(true);
      expect(tracked, `${source} is in git`).toContain(source);
      expect(
        kept.some((each) => source === each || source.startsWith(`${each}/`)),
        `${source} is let through`,
      ).toBe(true);
    }
  });

  it('runs a Node that the program takes', () => {
    const [, major = 0, minor = 0] = (/NODE_VERSION=(\d+)\.(\d+)\./.exec(textOf('deploy/docker/Dockerfile')) ?? []).map(Number);
    const engines = /"node": ">=(\d+)\.(\d+)"/.exec(readFileSync(`${ROOT}package.json`, 'utf8'))?.map(Number) ?? [];
    expect(major * 1000 + minor).toBeGreaterThanOrEqual((engines[1] ?? 0) * 1000 + (engines[2] ?? 0));
  });
});
