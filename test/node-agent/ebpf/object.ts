/** The object under test: the one in the tree, or what build.js --check has just made. */
import { readFileSync } from 'node:fs';
import type { BpfObject } from '../../../node-agent/ebpf/object.ts';
import { objectOf, readObject } from '../../../node-agent/ebpf/programs.ts';

/** The programs as the tests run them. */
export function testObject(): BpfObject {
  const fresh = process.env['LINNET_IPIP_OBJECT'];
  return fresh === undefined ? readObject('ipip.o') : objectOf(fresh, readFileSync(fresh));
}
