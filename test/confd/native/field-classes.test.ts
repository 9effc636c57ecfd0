/** The classes of field changes: every field of the parsers has one, and the document says the same. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BGP_CONFIGURATION_CHANGES, BGP_PEER_CHANGES, fieldChangesDocument } from '../../../src/confd/native/field-classes.ts';
import { BGP_CONFIGURATION_FIELDS } from '../../../src/confd/resources/bgp-configuration.ts';
import { BGP_PEER_FIELDS } from '../../../src/confd/resources/bgp-peer.ts';

const DOCUMENT = fileURLToPath(new URL('../../../docs/field-changes.md', import.meta.url));

describe('classes of field changes', () => {
  it.each([
    ['BGPConfiguration', BGP_CONFIGURATION_FIELDS, BGP_CONFIGURATION_CHANGES],
    ['BGPPeer', BGP_PEER_FIELDS, BGP_PEER_CHANGES],
  ])('cover every field that the parser of %s reads, and no other', (_, fields, changes) => {
    expect(Object.keys(changes).sort()).toEqual([...fields].sort());
  });

  it('are what docs/field-changes.md says', () => {
    const made = fieldChangesDocument();
    if (process.env['LINNET_UPDATE'] === '1') writeFileSync(DOCUMENT, made);
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(made);
  });
});
