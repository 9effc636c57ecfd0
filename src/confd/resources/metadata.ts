/**
 * Identity and labels of an object: apiVersion, kind, metadata; in crd.projectcalico.org/v1 the annotation that holds the real
 * metadata (control-plane 9.2).
 */
import { type At, fault, fields, inside, isAbsent, isRecord, member, missing, type Parser, structure, warn } from './fields.ts';
import type { ObjectRef } from './types.ts';
import { scalarText, text } from './values.ts';

/** Annotation of crd.projectcalico.org/v1 objects with the JSON of their v3 metadata. */
const METADATA_ANNOTATION = 'projectcalico.org/metadata';

const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;

/** Checks a name: a DNS subdomain of at most 253 characters (RFC 1123), as the API server has it. */
function isObjectName(name: string): boolean {
  return name.length <= 253 && SUBDOMAIN.test(name);
}

function isDnsLabel(name: string): boolean {
  return name.length <= 63 && LABEL.test(name);
}

const NAME_RULE = 'is not a DNS name: lower case letters, digits, - and ., at most 253';
const LABEL_RULE = 'is not a DNS label: lower case letters, digits and -, at most 63';

/** A parser of names that refer to other objects. */
export const objectName: Parser<string> = (value, at) => {
  const name = scalarText(value);
  return name !== undefined && isObjectName(name) ? name : fault(at, value, NAME_RULE);
};

/** Name and namespace as written, before any check; used in issues too. */
export interface RawIdentity {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
}

/** Reads who an object says it is; parts that are absent or no text are ''. */
export function rawIdentity(raw: Readonly<Record<string, unknown>>): RawIdentity {
  const metadata = member(raw, 'metadata');
  const inner = isRecord(metadata) ? metadata : {};
  const read = (record: Readonly<Record<string, unknown>>, key: string): string => scalarText(member(record, key)) ?? '';
  return { apiVersion: read(raw, 'apiVersion'), kind: read(raw, 'kind'), name: read(inner, 'name'), namespace: read(inner, 'namespace') };
}

/** Reference of an object; namespaced kinds get the default namespace, cluster-scoped ones none. */
export function refOf(identity: RawIdentity, namespaced: boolean): ObjectRef {
  const { apiVersion, kind, name, namespace } = identity;
  return { apiVersion, kind, namespace: namespaced ? namespace || 'default' : '', name };
}

/** Labels and annotations of an object, real ones. */
export interface Metadata {
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
}

/** Labels of kinds that nobody selects by them: kept for 30,000 Services and EndpointSlices they are 7 MB. */
export const NO_LABELS: ReadonlyMap<string, string> = new Map();

const NO_METADATA: Metadata = { labels: NO_LABELS, annotations: new Map() };

/** A mapping from text to text. Absent values are ''. */
export const textMap: Parser<ReadonlyMap<string, string>> = structure((value, at) => {
  if (!isRecord(value)) return fault(at, value, 'is not a mapping of texts');
  const out = new Map<string, string>();
  for (const [key, item] of Object.entries(value)) {
    const found = isAbsent(item) ? '' : text(item, inside(at, key));
    if (found !== undefined) out.set(key, found);
  }
  return out;
});

const readMetadata = fields(
  { labels: textMap, annotations: textMap },
  {
    name: 'metadata',
    ignored: [
      'name namespace generateName uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds',
      'managedFields ownerReferences finalizers selfLink clusterName',
    ].flatMap((names) => names.split(' ')),
  },
);

/** Parses metadata: checks the name and namespace, reads labels and annotations. */
export function parseMetadata(raw: Readonly<Record<string, unknown>>, root: At, namespaced: boolean): Metadata {
  const at = inside(root, 'metadata');
  const value = member(raw, 'metadata');
  if (isAbsent(value)) {
    missing(inside(at, 'name'), 'a name');
    return NO_METADATA;
  }
  const parsed = readMetadata(value, at);
  if (parsed === undefined || !isRecord(value)) return NO_METADATA;
  checkName(value, at);
  checkNamespace(value, at, namespaced);
  const annotations = parsed.annotations ?? NO_METADATA.annotations;
  const plain: Metadata = { labels: parsed.labels ?? NO_METADATA.labels, annotations };
  const real = annotations.get(METADATA_ANNOTATION);
  if (real === undefined || root.sink.ref.apiVersion !== 'crd.projectcalico.org/v1') return plain;
  return storedMetadata(real, inside(inside(at, 'annotations'), METADATA_ANNOTATION)) ?? plain;
}

function checkName(metadata: Readonly<Record<string, unknown>>, at: At): void {
  const name = member(metadata, 'name');
  if (isAbsent(name)) missing(inside(at, 'name'), 'a name');
  else if (root1035(at) && !isDnsLabel(scalarText(name) ?? '')) fault(inside(at, 'name'), name, LABEL_RULE);
  else objectName(name, inside(at, 'name'));
}

// A Service's name is a host name's label (RFC 1035); every other kind here takes a subdomain.
function root1035(at: At): boolean {
  return at.sink.ref.kind === 'Service';
}

function checkNamespace(metadata: Readonly<Record<string, unknown>>, at: At, namespaced: boolean): void {
  const namespace = member(metadata, 'namespace');
  if (isAbsent(namespace)) return;
  if (!namespaced) warn(inside(at, 'namespace'), namespace, `is ignored: ${at.sink.ref.kind} is in no namespace`);
  else if (!isDnsLabel(scalarText(namespace) ?? '')) fault(inside(at, 'namespace'), namespace, LABEL_RULE);
}

function storedMetadata(json: string, at: At): Metadata | undefined {
  const value = parseJson(json);
  if (!isRecord(value)) return fault(at, json, 'is not the JSON of a metadata mapping');
  const read = (key: string): ReadonlyMap<string, string> => {
    const found = member(value, key);
    return (isAbsent(found) ? undefined : textMap(found, at)) ?? new Map<string, string>();
  };
  return { labels: read('labels'), annotations: read('annotations') };
}

/** Value of a JSON text, or undefined where it is none. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
