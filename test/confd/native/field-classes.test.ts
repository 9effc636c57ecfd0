/** The classes of field changes: the parsers know every field, and the document says the same. The types hold that none is missing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseObject } from '../../../src/confd/resources/parse-object.ts';
import { BGP_CONFIGURATION_CHANGES, BGP_PEER_CHANGES, type FieldChange } from '../../worlds/field-classes.ts';

const DOCUMENT = fileURLToPath(new URL('../../../docs/field-changes.md', import.meta.url));

function table(changes: { readonly [field: string]: FieldChange }): string {
  const rows = Object.entries(changes).map(([field, { native, bird, what }]) => `| ${field} | ${native} | ${bird ?? native} | ${what} |`);
  return ['| field | native | BIRD | what |', '|---|---|---|---|', ...rows, ''].join('\n');
}

/** docs/field-changes.md, whole. */
function fieldChangesDocument(): string {
  return `# What a change of a field costs

Made from \`test/worlds/field-classes.ts\` (\`LINNET_UPDATE=1 npx vitest run test/confd/native/field-classes.test.ts\`); held against real sessions by
\`test/interop/mixed.test.ts\`.

- **none**: no session and no route changes.
- **refresh**: routes of the node come, go or change; sessions and policies stay.
- **soft**: policies are applied again in place, to what was received and to what is announced; sessions stay.
- **bounce**: the sessions the field is about end, and come back where they are still wanted. No other session does.
- **rebind**: listening sockets close and open.

A change that leaves what a session needs as it was, such as a field that a more specific object overrides, costs that session nothing, whatever its class.

## BGPConfiguration

${table(BGP_CONFIGURATION_CHANGES)}
## BGPPeer

${table(BGP_PEER_CHANGES)}`;
}

/** Fields of a spec that the parser of a kind does not read. */
function unread(kind: string, fields: readonly string[]): readonly string[] {
  const spec = Object.fromEntries(fields.map((field) => [field, null]));
  const { issues } = parseObject({ apiVersion: 'projectcalico.org/v3', kind, metadata: { name: 'default' }, spec });
  return issues.filter(({ code }) => code.endsWith('_UNKNOWN_FIELD')).map(({ field }) => field);
}

describe('classes of field changes', () => {
  it.each([
    ['BGPConfiguration', BGP_CONFIGURATION_CHANGES],
    ['BGPPeer', BGP_PEER_CHANGES],
  ])('are about fields that the parser of %s reads', (kind, changes) => {
    expect(unread(kind, [...Object.keys(changes), 'noSuchField'])).toEqual(['spec.noSuchField']);
  });

  it('are what docs/field-changes.md says', () => {
    const made = fieldChangesDocument();
    if (process.env['LINNET_UPDATE'] === '1') writeFileSync(DOCUMENT, made);
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(made);
  });
});
