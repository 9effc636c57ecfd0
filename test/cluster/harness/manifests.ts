/** Objects as users write them, and Calico's kinds as the API server learns them: our own minimal definitions. */

/** An object of the API. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** API groups of Calico's kinds. */
export type Api = 'crd.projectcalico.org/v1' | 'projectcalico.org/v3';

const PLURALS: Readonly<Record<string, string>> = { BlockAffinity: 'blockaffinities', CalicoNodeStatus: 'caliconodestatuses' };

/** Path of the collection that a manifest belongs to. */
export function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const namespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${namespace}/${PLURALS[kind] ?? `${kind.toLowerCase()}s`}`;
}

const text = { type: 'string' };
const flag = { type: 'boolean' };
const object = (properties: Readonly<Record<string, unknown>>, required: readonly string[] = []): unknown => ({
  type: 'object',
  properties,
  ...(required.length === 0 ? {} : { required }),
});
const list = (items: unknown): unknown => ({ type: 'array', items });
const integer = (minimum: number, maximum: number): unknown => ({
  type: 'integer',
  minimum,
  maximum,
  format: maximum > 2 ** 31 ? 'int64' : 'int32',
});
const either = { 'x-kubernetes-int-or-string': true };
const secretRef = object({ secretKeyRef: object({ name: text, key: text }, ['key']) });
const cidrs = list(object({ cidr: text }));
const rules = list(
  object(
    {
      action: text,
      cidr: text,
      matchOperator: text,
      source: text,
      interface: text,
      prefixLength: object({ min: integer(0, 128), max: integer(0, 128) }),
    },
    ['action'],
  ),
);

/** The schemas that matter, by kind. In crd.projectcalico.org/v1 `deleted` of an affinity is a text. */
const SCHEMAS: Readonly<Record<string, (api: Api) => unknown>> = {
  BGPConfiguration: () =>
    object({
      asNumber: either,
      nodeToNodeMeshEnabled: flag,
      listenPort: integer(1, 65_535),
      serviceClusterIPs: cidrs,
      serviceExternalIPs: cidrs,
      serviceLoadBalancerIPs: cidrs,
      nodeMeshPassword: secretRef,
      logSeverityScreen: text,
    }),
  BGPPeer: () =>
    object({
      node: text,
      nodeSelector: text,
      peerIP: text,
      peerSelector: text,
      asNumber: { type: 'integer', format: 'int64' },
      password: secretRef,
      filters: list(text),
      keepOriginalNextHop: flag,
    }),
  BGPFilter: () => object({ exportV4: rules, importV4: rules, exportV6: rules, importV6: rules }),
  IPPool: () =>
    object({ cidr: text, ipipMode: text, vxlanMode: text, disableBGPExport: flag, natOutgoing: flag, blockSize: integer(20, 128) }, [
      'cidr',
    ]),
  BlockAffinity: (api) =>
    object({ cidr: text, node: text, state: text, type: text, deleted: api === 'projectcalico.org/v3' ? flag : text }, [
      'cidr',
      'node',
      'state',
    ]),
};

const daemon = object({ state: text, version: text, routerID: text, lastBootTime: text, lastReconfigurationTime: text });
const sessions = list(object({ peerIP: text, type: text, state: text, since: text }));
const routes = list(
  object({ type: text, destination: text, gateway: text, interface: text, learnedFrom: object({ sourceType: text, peerIP: text }) }),
);
const count = integer(0, 1_000_000);

/** What a CalicoNodeStatus says. */
const NODE_STATUS = {
  spec: object({ node: text, classes: list(text), updatePeriodSeconds: integer(0, 86_400) }),
  status: object({
    lastUpdated: { type: 'string', format: 'date-time', nullable: true },
    agent: object({ birdV4: daemon, birdV6: daemon }),
    bgp: object({
      numberEstablishedV4: count,
      numberEstablishedV6: count,
      numberNotEstablishedV4: count,
      numberNotEstablishedV6: count,
      peersV4: sessions,
      peersV6: sessions,
    }),
    routes: object({ routesV4: routes, routesV6: routes }),
  }),
};

/** Definition of CalicoNodeStatus; `subresource`: its status is one of its own, which Calico's is not. */
export function nodeStatusDefinition(api: Api, subresource = false): Manifest {
  const [group = '', version = ''] = api.split('/');
  const plural = 'caliconodestatuses';
  const schema = { openAPIV3Schema: object(NODE_STATUS) };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind: 'CalicoNodeStatus', listKind: 'CalicoNodeStatusList', plural, singular: 'caliconodestatus' },
      scope: 'Cluster',
      versions: [{ name: version, served: true, storage: true, schema, ...(subresource ? { subresources: { status: {} } } : {}) }],
    },
  };
}

/** CustomResourceDefinitions of one group; some kinds only where `kinds` says so. */
export function definitions(api: Api, kinds: readonly string[] = Object.keys(SCHEMAS)): readonly Manifest[] {
  const [group = '', version = ''] = api.split('/');
  return kinds.map((kind) => {
    const plural = PLURALS[kind] ?? `${kind.toLowerCase()}s`;
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
        scope: 'Cluster',
        versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: object({ spec: SCHEMAS[kind]?.(api) }) } }],
      },
    };
  });
}

/** A Kubernetes Node as calico-node leaves it. */
export function node(name: string, address: string, more: Readonly<Record<string, string>> = {}): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name }, annotations: { 'projectcalico.org/IPv4Address': address, ...more } },
    spec: {},
  };
}

/** Any of Calico's objects. */
export function calico(api: Api, kind: string, name: string, spec: unknown, labels?: Readonly<Record<string, string>>): Manifest {
  return { apiVersion: api, kind, metadata: { name, ...(labels === undefined ? {} : { labels }) }, spec };
}

/** A Secret with one key. */
export function secret(namespace: string, name: string, key: string, value: string): Manifest {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, data: { [key]: Buffer.from(value).toString('base64') } };
}

/** A Service with an external address. */
export function service(name: string, externalIPs: readonly string[], policy: 'Cluster' | 'Local' = 'Cluster'): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { type: 'NodePort', ports: [{ port: 80 }], externalIPs, externalTrafficPolicy: policy },
  };
}

/** A slice with ready endpoints on nodes. */
export function slice(serviceName: string, nodes: readonly string[]): Manifest {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${serviceName}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': serviceName } },
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: nodes.map((nodeName, index) => ({ addresses: [`10.0.0.${index + 1}`], nodeName, conditions: { ready: true } })),
  };
}
