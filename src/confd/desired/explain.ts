/** The chain from resources to an originated prefix, read from the records that the last result was made of. */
import { type Address, formatPrefix, hostPrefix, type Prefix, prefixContains, prefixesEqual } from 'bgp-ts/net';
import type { BlockVerdict } from '../../routes/blocks.ts';
import type { CidrVerdict } from '../../routes/services.ts';
import type { IPPoolResource } from '../resources/types.ts';
import { objectName } from './issues.ts';
import type { ServiceRecord } from './service-stage.ts';
import type { AdvertisedRoute, DesireStep } from './types.ts';

/** Where the records are. */
export interface ExplainRecords {
  readonly objectOf: (cidr: CidrVerdict) => string;
  readonly cidrs: readonly CidrVerdict[];
  readonly services: Iterable<ServiceRecord>;
  readonly blocks: readonly BlockVerdict[];
  readonly pools: readonly IPPoolResource[];
  readonly originated: (id: string) => AdvertisedRoute | undefined;
}

/** Steps in the order configuration, Services, blocks, pools, and the verdict on originating it; only those that concern it. */
export function explainPrefix(prefix: Prefix, records: ExplainRecords): readonly DesireStep[] {
  const steps = [
    ...cidrSteps(prefix, records),
    ...serviceSteps(prefix, records),
    ...blockSteps(prefix, records),
    ...poolSteps(prefix, records),
  ];
  const route = records.originated(formatPrefix(prefix));
  if (route !== undefined) {
    const objects = [...new Set(route.reasons.map((reason) => reason.object))];
    return [
      ...steps,
      {
        stage: 'originate',
        verdict: 'advertised',
        rule: `this node originates it as ${route.class}`,
        citation: route.reasons[0]?.rule ?? '',
        objects,
      },
    ];
  }
  if (steps.length === 0) return steps;
  return [
    ...steps,
    { stage: 'originate', verdict: 'not-advertised', rule: 'this node does not originate it', citation: 'control-plane 4, 6', objects: [] },
  ];
}

function verdictOf(advertised: boolean): 'advertised' | 'not-advertised' {
  return advertised ? 'advertised' : 'not-advertised';
}

function cidrSteps(prefix: Prefix, { cidrs, objectOf }: ExplainRecords): DesireStep[] {
  return cidrs
    .filter((cidr) => prefixContains(cidr.prefix, prefix))
    .map((cidr) => {
      const verdict = prefixesEqual(cidr.prefix, prefix) || !cidr.advertised ? verdictOf(cidr.advertised) : 'covers';
      return {
        stage: 'configuration',
        verdict,
        rule: `${cidr.class} ${cidr.id}: ${cidr.detail}`,
        citation: cidr.rule,
        objects: [objectOf(cidr)],
      };
    });
}

function serviceSteps(prefix: Prefix, { services }: ExplainRecords): DesireStep[] {
  const steps: DesireStep[] = [];
  for (const { object, verdict, service } of services) {
    const judged = verdict.addresses.filter((address) => prefixesEqual(address.prefix, prefix));
    for (const address of judged) {
      steps.push({
        stage: 'service',
        verdict: verdictOf(address.advertised),
        rule: `${address.class}: ${address.detail}`,
        citation: address.rule,
        objects: [object],
      });
    }
    // Refused before its addresses were looked at.
    if (judged.length === 0 && serviceAddresses(service).some((address) => prefixesEqual(prefix, hostPrefix(address)))) {
      steps.push({ stage: 'service', verdict: 'not-advertised', rule: verdict.detail, citation: verdict.rule, objects: [object] });
    }
  }
  return steps.sort((a, b) => ((a.objects[0] ?? '') < (b.objects[0] ?? '') ? -1 : 1));
}

function serviceAddresses(service: ServiceRecord['service']): readonly Address[] {
  return [...service.clusterIPs, ...service.externalIPs, ...service.ingressIPs];
}

function blockSteps(prefix: Prefix, { blocks }: ExplainRecords): DesireStep[] {
  return blocks
    .filter((block) => prefixContains(block.prefix, prefix))
    .map((block) => {
      const verdict = prefixesEqual(block.prefix, prefix) || !block.originated ? verdictOf(block.originated) : 'covers';
      return { stage: 'block', verdict, rule: `block ${block.id}: ${block.detail}`, citation: block.rule, objects: [block.object] };
    });
}

function poolSteps(prefix: Prefix, { pools }: ExplainRecords): DesireStep[] {
  return pools
    .filter((pool) => prefixContains(pool.cidr, prefix))
    .map((pool) => {
      const rule = pool.disableBGPExport ? 'disableBGPExport keeps it from every peer' : 'routes inside an exported pool may go to peers';
      const citation = pool.disableBGPExport ? 'control-plane 5.1 (3)' : 'control-plane 5.1 (10)';
      return {
        stage: 'pool',
        verdict: pool.disableBGPExport ? 'not-exported' : 'exported',
        rule: `${formatPrefix(pool.cidr)}: ${rule}`,
        citation,
        objects: [objectName(pool.ref)],
      };
    });
}
