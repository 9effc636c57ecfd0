/** BGPFilter (control-plane 1.4). */
import type { IpFamily } from 'bgp-ts/net';
import { MAX_PRIORITY } from './bgp-configuration.ts';
import { fault, fields, isRecord, list, member, type Parser, structure, withRules } from './fields.ts';
import type { BGPFilterResource, BGPFilterRule, Community } from './types.ts';
import { asNumber, cidr, community, integer, matching, oneOf } from './values.ts';

/** Most operations of one rule, and most AS numbers of one prepend. */
const MAX_OPERATIONS = 10;

type Operation = BGPFilterRule['operations'][number];

const addCommunity: Parser<Operation> = (value, at) => {
  const { value: added } = readAddCommunity(value, at) ?? {};
  return added === undefined ? undefined : { kind: 'addCommunity', value: added };
};
const readAddCommunity = fields({ value: community }, { name: 'addCommunity', required: { value: 'a community' } });

const prependASPath: Parser<Operation> = (value, at) => {
  const { prefix } = readPrepend(value, at) ?? {};
  return prefix === undefined ? undefined : { kind: 'prependASPath', prefix };
};
const readPrepend = fields(
  { prefix: list(asNumber, { of: 'AS numbers', min: 1, max: MAX_OPERATIONS }) },
  { name: 'prependASPath', required: { prefix: 'a list of AS numbers' } },
);

const setPriority: Parser<Operation> = (value, at) => {
  const { value: priority } = readSetPriority(value, at) ?? {};
  return priority === undefined ? undefined : { kind: 'setPriority', value: priority };
};
const readSetPriority = fields({ value: integer(1, MAX_PRIORITY) }, { name: 'setPriority', required: { value: `1-${MAX_PRIORITY}` } });

const OPERATIONS = { addCommunity, prependASPath, setPriority } as const;
const readOperation = fields(OPERATIONS, { name: 'an operation' });

const operation: Parser<Operation> = (value, at) => {
  const found = readOperation(value, at);
  if (found === undefined || !isRecord(value)) return undefined;
  const named = Object.keys(OPERATIONS).filter((key) => member(value, key) !== undefined && member(value, key) !== null);
  if (named.length !== 1) return fault(at, value, `is not exactly one of ${Object.keys(OPERATIONS).join(', ')}`);
  return found.addCommunity ?? found.prependASPath ?? found.setPriority;
};

const communityValues: Parser<readonly Community[]> = structure((value, at) =>
  Array.isArray(value) && value.length !== 1
    ? fault(at, value, 'is not exactly one community')
    : list(community, { of: 'communities' })(value, at),
);
const readCommunities = fields({ values: communityValues }, { name: 'communities', required: { values: 'one community' } });
const oneCommunity: Parser<Community> = structure((value, at) => readCommunities(value, at)?.values?.[0]);

const interfacePattern = matching(/^[A-Za-z0-9_.*-]{1,15}$/, 'is not 1-15 of letters, digits, _, ., - and *');

function ruleShape(family: IpFamily) {
  const bits = family === 'ipv4' ? 32 : 128;
  const length = fields({ min: integer(0, bits), max: integer(0, bits) }, { name: 'prefixLength' });
  return fields(
    {
      cidr: cidr(family),
      matchOperator: oneOf('Equal', 'NotEqual', 'In', 'NotIn'),
      prefixLength: withRules(length, [
        {
          field: 'min',
          broken: (_, raw) => typeof raw['min'] === 'number' && typeof raw['max'] === 'number' && raw['min'] > raw['max'],
          rule: 'is more than max',
        },
      ]),
      source: oneOf('RemotePeers'),
      interface: interfacePattern,
      peerType: oneOf('eBGP', 'iBGP'),
      communities: oneCommunity,
      asPathPrefix: list(asNumber, { of: 'AS numbers', min: 1 }),
      priority: integer(1, MAX_PRIORITY),
      action: oneOf('Accept', 'Reject'),
      operations: list(operation, { of: 'operations', min: 1, max: MAX_OPERATIONS }),
    },
    { name: 'a rule', required: { action: 'Accept or Reject' } },
  );
}

function rule(family: IpFamily): Parser<BGPFilterRule> {
  const read = withRules(ruleShape(family), [
    {
      field: 'matchOperator',
      broken: (set) => set('cidr') && !set('matchOperator'),
      rule: 'how to compare with cidr: Equal, NotEqual, In or NotIn',
    },
    { field: 'cidr', broken: (set) => set('matchOperator') && !set('cidr'), rule: 'what matchOperator compares with' },
    { field: 'prefixLength', broken: (set) => set('prefixLength') && !set('cidr'), rule: 'needs cidr' },
    { field: 'operations', broken: (set, raw) => set('operations') && raw['action'] === 'Reject', rule: 'need action Accept' },
  ]);
  return (value, at) => {
    const parsed = read(value, at);
    if (parsed?.action === undefined) return undefined;
    const { communities, operations, action, ...conditions } = parsed;
    return { ...conditions, ...(communities === undefined ? {} : { community: communities }), action, operations: operations ?? [] };
  };
}

const rulesOf = (family: IpFamily): Parser<readonly BGPFilterRule[]> => list(rule(family), { of: 'rules' });

const readSpec = fields({ exportV4: rulesOf('ipv4'), importV4: rulesOf('ipv4'), exportV6: rulesOf('ipv6'), importV6: rulesOf('ipv6') });

/** What a BGPFilter's spec gives. */
export type BGPFilterSpec = Omit<BGPFilterResource, 'ref' | 'labels' | 'source'>;

/** Parses spec of a BGPFilter; directions without rules are empty lists. */
export const bgpFilterSpec: Parser<BGPFilterSpec> = (value, at) => {
  const spec = readSpec(value, at);
  if (spec === undefined) return undefined;
  const { exportV4 = [], importV4 = [], exportV6 = [], importV6 = [] } = spec;
  return { kind: 'BGPFilter', exportV4, importV4, exportV6, importV6 };
};
