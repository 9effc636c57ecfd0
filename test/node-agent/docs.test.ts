/** docs/node-agent.md: its tables of options are written from the table of values (LINNET_UPDATE=1), its rows name tests that are there. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AGENT_KEYS, AGENT_OPTIONS, isFelixKey } from '../../node-agent/config/options.ts';
import { readAgentConfig, showAgentConfig } from '../../node-agent/config/read.ts';
import type { AgentKey } from '../../node-agent/config/types.ts';
import { FIELDS_WITHOUT_EFFECT } from '../../node-agent/config/types.ts';
import { AGENT_METRICS } from '../../node-agent/health/metrics.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PATH = `${ROOT}docs/node-agent.md`;
const MACHINE = { uid: 0, temporary: '/tmp', home: '/root', xdgRuntime: '', xdgState: '', networkOf: () => undefined };

function table(keys: readonly AgentKey[], withDefault: boolean): string {
  const defaults = readAgentConfig({ flags: new Map(), environment: {}, file: new Map(), machine: MACHINE, readFile: () => undefined });
  const shown = new Map(showAgentConfig(defaults).map((row) => [row.key, row.value]));
  const rows = keys.map((key) => {
    const { flag, placeholder, environment, help } = AGENT_OPTIONS[key];
    const word = flag === '' ? 'none: it is secret' : `\`--${flag} ${placeholder}\``;
    const value = shown.get(key) ?? '';
    const text = withDefault ? ` ${value === '' ? '' : `\`${value}\``} |` : '';
    return `| \`${key}\` | ${word} | ${environment.map((name) => `\`${name}\``).join(', ')} |${text} ${help} |`;
  });
  const head = withDefault
    ? '| key | flag | environment | default | meaning |\n|---|---|---|---|---|\n'
    : '| key | flag | environment | meaning |\n|---|---|---|---|\n';
  return `${head}${rows.join('\n')}\n`;
}

function options(): string {
  const own = table(
    AGENT_KEYS.filter((key) => !isFelixKey(key)),
    true,
  );
  const felix = table(AGENT_KEYS.filter(isFelixKey), false);
  const without = FIELDS_WITHOUT_EFFECT.map(([field, why]) => `\`${field}\` (${why})`).join('; ');
  return `${own}\nWhat FelixConfiguration has too:\n\n${felix}\nWithout effect here: ${without}.\n`;
}

function metrics(): string {
  const rows = AGENT_METRICS.map(({ name, type, labels, help }) => {
    const words = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${words} | ${help} |`;
  });
  return `| metric | type | labels | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

/** The part of the document between two marks is this text, or becomes it. */
function hold(what: string, text: string): void {
  const [begin, end] = [`<!-- ${what} -->\n`, `<!-- end of ${what} -->\n`];
  const parts = (): readonly [string, string, string] => {
    const document = readFileSync(PATH, 'utf8');
    const [from, to] = [document.indexOf(begin) + begin.length, document.indexOf(end)];
    return [document.slice(0, from), document.slice(from, to), document.slice(to)];
  };
  const [before, , after] = parts();
  if (process.env['LINNET_UPDATE'] === '1') writeFileSync(PATH, `${before}${text}${after}`);
  expect(parts()[1]).toBe(text);
}

describe('docs/node-agent.md', () => {
  it('has the tables of options and metrics that the program has', () => {
    hold('options', options());
    hold('metrics', metrics());
  });

  it('names tests that are there, for every row of the issue', () => {
    const text = readFileSync(PATH, 'utf8');
    const named = [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([]);
    const rows = [...text.matchAll(/^\| ([AB]\d+(?:, [AB]\d+)*) \|/gm)].flatMap(([, ids = '']) => ids.split(', '));
    const wanted = 'A1 A5 A17 A22 A26 A31 A32 A33 A34 A36 A39 A40 B2 B19 B20 B24'.split(' ');
    expect(wanted.filter((row) => !rows.includes(row))).toEqual([]);
  });

  it('names only commands and options of the program', () => {
    const text = readFileSync(PATH, 'utf8');
    const commands = [...text.matchAll(/^node-agent (\w+)/gm)].map(([, name = '']) => name);
    const known = readFileSync(`${ROOT}node-agent/cli/main.ts`, 'utf8');
    expect(commands.length).toBeGreaterThan(5);
    for (const name of commands) expect(known).toContain(`name: '${name}'`);
  });
});
