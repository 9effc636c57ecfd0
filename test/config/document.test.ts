/** docs/configuration.md is written from the option table; LINNET_UPDATE=1 rewrites it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Machine } from '../../src/config/options.ts';
import { CONFIG_KEYS, OPTIONS } from '../../src/config/options.ts';
import { readConfig } from '../../src/config/read.ts';
import { showConfig } from '../../src/config/show.ts';

const PATH = new URL('../../docs/configuration.md', import.meta.url);

const ROOT: Machine = { uid: 0, temporary: '/tmp', home: '/root', xdgRuntime: '', xdgState: '', networkOf: () => undefined };

const HEAD = `# Configuration

One value, one place: the first of these that says something holds.

1. The flag.
2. The environment: \`LINNET_*\` before Calico's names, in the order of the table. An empty variable is an unset one.
3. The YAML file that \`--config\` or \`LINNET_CONFIG\` names: one mapping of the keys below. An unknown key is an error.
4. The default.

\`linnet config show --origin\` prints every value with where it came from. A value that breaks its rule ends the program with
exit status 2 and names origin, key, value and rule.

The node is told, never assumed: neither \`HOSTNAME\` nor the host's name counts. A file that \`CALICO_NODENAME_FILE\` names
counts where nothing else says the node.

| key | flag | environment | default | meaning |
|---|---|---|---|---|
`;

const TAIL = `
## Several nodes on one machine

\`--transport-map\` says where sessions with a node's address really go, as \`NODE_ADDRESS=ADDRESS:PORT\` entries or a file of
them, one a line, \`#\` begins a comment. A daemon whose own address is mapped listens exactly there and dials from there. Next
hops stay the nodes' own addresses. Each node needs a loopback address of its own (\`127.0.64.N\`); an IPv6 address may be
mapped to one too.

## Exit status

0 yes, clean; 1 negative answer; 2 usage or configuration; 3 daemon or datastore unreachable; 4 fault of the program.
`;

function documentText(): string {
  const defaults = readConfig({ flags: new Map(), environment: {}, file: new Map(), machine: ROOT, readFile: () => undefined });
  const shown = new Map(showConfig(defaults).map((row) => [row.key, row.value]));
  const rows = CONFIG_KEYS.map((key) => {
    const row = OPTIONS[key];
    const value = shown.get(key) ?? '';
    const names = row.environment.map((name) => `\`${name}\``).join(', ');
    const flag = row.flag === '' ? 'none: it is secret' : `\`--${row.flag} ${row.placeholder}\``;
    return `| \`${key}\` | ${flag} | ${names} | ${value === '' ? '' : `\`${value}\``} | ${row.help} |`;
  });
  return `${HEAD}${rows.join('\n')}\n${TAIL}`;
}

describe('docs/configuration.md', () => {
  it('is what the table says', () => {
    if (process.env['LINNET_UPDATE'] === '1') writeFileSync(PATH, documentText());
    expect(readFileSync(PATH, 'utf8')).toBe(documentText());
  });
});
