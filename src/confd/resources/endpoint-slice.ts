/** EndpointSlice (discovery.k8s.io/v1), as far as service routes need it. */
import { type At, fields, list, type Parser } from './fields.ts';
import { type Metadata, NO_LABELS, objectName } from './metadata.ts';
import type { EndpointSliceResource } from './types.ts';
import { flag, oneOf } from './values.ts';

/** Most endpoints of one slice (the API's bound). */
const MAX_ENDPOINTS = 1000;

/** Label with the name of the Service. */
export const SERVICE_LABEL = 'kubernetes.io/service-name';

const conditions = fields({ ready: flag }, { name: 'conditions', ignored: ['serving', 'terminating'] });

const readEndpoint = fields(
  { nodeName: objectName, conditions },
  { name: 'an endpoint', ignored: ['addresses', 'hostname', 'targetRef', 'deprecatedTopology', 'zone', 'hints'] },
);

const endpoint: Parser<{ readonly nodeName: string; readonly ready: boolean }> = (value, at) => {
  const found = readEndpoint(value, at);
  // An absent condition counts as ready (API documentation of EndpointConditions).
  return found === undefined ? undefined : { nodeName: found.nodeName ?? '', ready: found.conditions?.ready ?? true };
};

const readSlice = fields(
  { addressType: oneOf('IPv4', 'IPv6', 'FQDN'), endpoints: list(endpoint, { of: 'endpoints', max: MAX_ENDPOINTS }) },
  { required: { addressType: 'IPv4, IPv6 or FQDN' }, ignored: ['apiVersion', 'kind', 'metadata', 'ports'] },
);

/** What an EndpointSlice gives beside its reference. Its one label that counts is `service`. */
export type EndpointSliceBody = Omit<EndpointSliceResource, 'ref' | 'source'>;

/** Parses an EndpointSlice. Without the service-name label it belongs to no Service: `service` is ''. */
export function endpointSlice(raw: unknown, root: At, metadata: Metadata): EndpointSliceBody | undefined {
  const found = readSlice(raw, root);
  if (found?.addressType === undefined) return undefined;
  return {
    kind: 'EndpointSlice',
    labels: NO_LABELS,
    service: metadata.labels.get(SERVICE_LABEL) ?? '',
    addressType: found.addressType,
    endpoints: found.endpoints ?? [],
  };
}
