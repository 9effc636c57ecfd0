/** BlockAffinity (control-plane 9.5). */
import { fault, fields, type Parser } from './fields.ts';
import { objectName } from './metadata.ts';
import type { BlockAffinityResource } from './types.ts';
import { cidr, oneOf } from './values.ts';

// crd.projectcalico.org/v1 stores the text, v3 the boolean.
const deletedFlag: Parser<boolean> = (value, at) => {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : fault(at, value, 'is not true or false');
};

const readSpec = fields(
  {
    state: oneOf('confirmed', 'pending', 'pendingDeletion'),
    node: objectName,
    type: oneOf('host', 'virtual'),
    cidr: cidr(),
    deleted: deletedFlag,
  },
  { required: { node: 'the node of the block', cidr: 'an IP prefix' } },
);

/** What a BlockAffinity's spec gives. */
export type BlockAffinitySpec = Omit<BlockAffinityResource, 'ref' | 'labels' | 'source'>;

/** Parses spec of a BlockAffinity. One that is marked deleted is as good as absent: `deleted`. */
export const blockAffinitySpec: Parser<BlockAffinitySpec | 'deleted'> = (value, at) => {
  const spec = readSpec(value, at);
  if (spec?.node === undefined || spec.cidr === undefined) return undefined;
  if (spec.deleted === true) return 'deleted';
  return { kind: 'BlockAffinity', node: spec.node, cidr: spec.cidr, type: spec.type ?? 'host', state: spec.state ?? 'confirmed' };
};
