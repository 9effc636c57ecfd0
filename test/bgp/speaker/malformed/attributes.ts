/** What a peer may do wrong with attributes: those we know by kind, and here those nobody knows, cut off or together. */
import { BASE_CASES } from './attributes-base.ts';
import { OPTIONAL_CASES } from './attributes-optional.ts';
import type { AttributeRow } from './types.ts';

/** Attributes in an UPDATE that announces a prefix: section, name, octets, what becomes of the route. Octets replace the good attribute of the same type. */
export const ATTRIBUTE_CASES: readonly AttributeRow[] = [
  ...BASE_CASES,
  ...OPTIONAL_CASES,
  { section: 'RFC 4271 section 9', name: 'an unknown optional transitive attribute goes on', octets: 'c0fd04 deadbeef', outcome: 'accept' },
  {
    section: 'RFC 4271 section 9',
    name: 'an unknown optional non-transitive attribute is ignored',
    octets: '80fd04 deadbeef',
    outcome: 'discard',
  },
  { section: 'RFC 4271 section 9', name: 'an unknown optional transitive attribute without octets', octets: 'c0fd00', outcome: 'accept' },
  { section: 'RFC 4271 section 6.3', name: 'an unknown well-known attribute', octets: '406302 aabb', outcome: '3/2 406302aabb' },
  {
    section: 'RFC 4271 section 6.3',
    name: 'an unknown well-known attribute with extended length',
    octets: '5063 0001 aa',
    outcome: '3/2 50630001aa',
  },
  { section: 'RFC 7606 section 4', name: 'one octet after the last attribute', octets: 'c0', outcome: 'withdraw' },
  { section: 'RFC 7606 section 4', name: 'two octets after the last attribute', octets: 'c0fd', outcome: 'withdraw' },
  { section: 'RFC 7606 section 4', name: 'an attribute longer than the attributes', octets: 'c0fd05 dead', outcome: 'withdraw' },
  { section: 'RFC 7606 section 4', name: 'an extended length cut off', octets: 'd0fd00', outcome: 'withdraw' },
  { section: 'RFC 7606 section 4', name: 'a known attribute longer than the attributes', octets: '800404 0000', outcome: 'withdraw' },
  { section: 'RFC 7606 section 3(h)', name: 'a discard and a withdraw: the stronger', octets: '400601 00 800401 00', outcome: 'withdraw' },
  { section: 'RFC 7606 section 3(h)', name: 'a withdraw and a reset: the stronger', octets: '800401 00 406300', outcome: '3/2 406300' },
  { section: 'RFC 7606 section 3(g)', name: 'an unknown attribute twice', octets: 'c0fd01 01 c0fd01 02', outcome: 'accept' },
];
