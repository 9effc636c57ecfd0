/**
 * Services to originated routes, one Service at a time: an index leads from an EndpointSlice, also a deleted one, to its Service,
 * which is then evaluated over all its slices (control-plane 4.2, 4.3).
 */
import { type CidrVerdict, evaluateCidrs, evaluateService, type ServiceContext, type ServiceVerdict } from '../../routes/services.ts';
import type { EndpointSliceResource, ServiceResource, Snapshot } from '../resources/types.ts';
import { sameData } from './compare.ts';
import { objectName } from './issues.ts';
import type { OriginTable } from './origins.ts';
import { NameIndex } from './tables.ts';

/** A decided Service, kept for explain. */
export interface ServiceRecord {
  /** `Service/namespace/name`. */
  readonly object: string;
  readonly service: ServiceResource;
  readonly verdict: ServiceVerdict;
}

/** Keeps what every Service came to; writes into the origins. */
export class ServiceStage {
  readonly #origins: OriginTable;
  readonly #slicesOf = new NameIndex();
  readonly #slices = new Map<string, EndpointSliceResource>();
  readonly #services = new Map<string, ServiceResource>();
  readonly #records = new Map<string, ServiceRecord>();
  readonly #dirty = new Set<string>();
  #cidrs: readonly CidrVerdict[] = [];
  #context: ServiceContext | undefined;
  evaluated = 0;

  constructor(origins: OriginTable) {
    this.#origins = origins;
  }

  /** Reads a Service again. */
  service(snapshot: Snapshot, key: string): void {
    const before = this.#services.get(key);
    const after = snapshot.services.get(key);
    if (after === undefined) this.#services.delete(key);
    else this.#services.set(key, after);
    if (!sameService(before, after)) this.#dirty.add(key);
  }

  /** Reads an EndpointSlice again; its Service before and after are due. */
  slice(snapshot: Snapshot, key: string): void {
    const before = this.#slices.get(key);
    const after = snapshot.slices.get(key);
    if (before !== undefined && after !== undefined && sameSlice(before, after)) {
      this.#slices.set(key, after);
      return;
    }
    this.#unlink(key, before);
    if (after === undefined) return;
    this.#slices.set(key, after);
    this.#slicesOf.add(serviceKey(after), key);
    this.#dirty.add(serviceKey(after));
  }

  /** Evaluates what is due. A new context makes every Service due. */
  run(context: ServiceContext, objectOf: (cidr: CidrVerdict) => string): void {
    if (context !== this.#context) {
      this.#context = context;
      for (const key of this.#services.keys()) this.#dirty.add(key);
      this.#cidrs = evaluateCidrs(context);
    }
    const originated = this.#cidrs.filter((cidr) => cidr.advertised);
    this.#origins.set(
      'configuration',
      originated.map((cidr) => ({
        id: cidr.id,
        prefix: cidr.prefix,
        class: cidr.class,
        reason: { object: objectOf(cidr), rule: cidr.rule },
      })),
    );
    for (const key of this.#dirty) this.#evaluate(key, context);
    this.#dirty.clear();
  }

  get cidrs(): readonly CidrVerdict[] {
    return this.#cidrs;
  }

  records(): Iterable<ServiceRecord> {
    return this.#records.values();
  }

  #unlink(key: string, slice: EndpointSliceResource | undefined): void {
    if (slice === undefined) return;
    this.#slices.delete(key);
    this.#slicesOf.remove(serviceKey(slice), key);
    this.#dirty.add(serviceKey(slice));
  }

  #evaluate(key: string, context: ServiceContext): void {
    const service = this.#services.get(key);
    if (service === undefined) {
      this.#records.delete(key);
      this.#origins.set(`service ${key}`, []);
      return;
    }
    this.evaluated += 1;
    const slices = this.#slicesOf.get(key).flatMap((name) => this.#slices.get(name) ?? []);
    const verdict = evaluateService(service, slices, context);
    const object = objectName(service.ref);
    this.#records.set(key, { object, service, verdict });
    this.#origins.set(
      `service ${key}`,
      verdict.addresses
        .filter((address) => address.advertised)
        .map((address) => ({ id: address.id, prefix: address.prefix, class: address.class, reason: { object, rule: address.rule } })),
    );
  }
}

function serviceKey(slice: EndpointSliceResource): string {
  return `${slice.ref.namespace}/${slice.service}`;
}

function sameService(a: ServiceResource | undefined, b: ServiceResource | undefined): boolean {
  const facts = (service: ServiceResource | undefined): unknown =>
    service && [
      service.type,
      service.externalTrafficPolicy,
      service.clusterIPs,
      service.ipFamilies,
      service.externalIPs,
      service.loadBalancerIP,
      service.ingressIPs,
    ];
  return sameData(facts(a), facts(b));
}

function sameSlice(a: EndpointSliceResource, b: EndpointSliceResource): boolean {
  return a.service === b.service && a.addressType === b.addressType && sameData(a.endpoints, b.endpoints);
}
