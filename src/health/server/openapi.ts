/** The OpenAPI 3.1 document, generated from the endpoint table and the schemas that requests are validated with. */

import { type DocumentName, documents } from './documents-schema.ts';
import { DRAIN_PATH, DRAIN_SUMMARY, drainBody } from './drain.ts';
import { ANSWER_TYPE, ENDPOINTS, type Endpoint } from './endpoints.ts';
import { PEER_ACTION_PATH, PEER_ACTION_SUMMARY, peerActionBody, peerActionParams } from './peer-action.ts';
import type { Schema } from './schema.ts';

/** Path the document is served at. */
export const OPENAPI_PATH = '/api/v1/openapi.json';

const MEANING: { readonly [status: string]: string } = {
  200: 'yes, or the document',
  400: 'the request is wrong',
  404: 'there is no such thing',
  409: 'not in the present state of the peer',
  500: 'a fault of ours',
  503: 'no, or the thread named is stalled',
  504: 'the thread named did not answer in time',
};

/** The schema that the query string of an endpoint is validated with. */
export function querySchema(endpoint: Endpoint): Schema {
  return { type: 'object', properties: endpoint.query, required: endpoint.required ?? [], additionalProperties: false };
}

/** The document as an object; the same for every server of one version. */
export function openApiDocument(version: string): object {
  const paths = ENDPOINTS.flatMap((endpoint) => endpoint.paths.map((path) => [path, { get: operation(endpoint, path) }] as const));
  const self = {
    get: {
      operationId: 'openapi',
      summary: 'This document.',
      responses: { 200: { description: MEANING[200], content: { 'application/json': {} } } },
    },
  };
  const actions = {
    post: {
      operationId: 'peerAction',
      summary: PEER_ACTION_SUMMARY,
      parameters: Object.entries(peerActionParams.properties ?? {}).map(([name, { description, ...schema }]) => ({
        name,
        in: 'path',
        required: true,
        ...(description === undefined ? {} : { description }),
        schema,
      })),
      requestBody: { required: true, content: { 'application/json': { schema: peerActionBody } } },
      responses: actionResponses('PeerAction'),
    },
  };
  const drain = {
    operationId: 'drainNode',
    summary: DRAIN_SUMMARY,
    requestBody: { required: true, content: { 'application/json': { schema: drainBody } } },
    responses: actionResponses('Drain'),
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Linnet',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        'Status of the daemon, and actions on its peers. Listener 1 (loopback and the unix socket) serves every path; the metrics listener /metrics and the probes.',
    },
    paths: {
      ...Object.fromEntries(paths.map(([path, item]) => [path, path === DRAIN_PATH ? { ...item, post: drain } : item] as const)),
      [PEER_ACTION_PATH.replaceAll(/:(\w+)/g, '{$1}')]: actions,
      [OPENAPI_PATH]: self,
    },
    components: { schemas: documents },
  };
}

/** Answers of a POST whose document is `name`. */
function actionResponses(name: DocumentName): object {
  const answers = { 200: name, 400: 'Error', 404: 'Error', 409: 'Error', 500: 'Error', 503: 'Error', 504: 'Error' } as const;
  return Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, response(status, answer, [])] as const));
}

function operation(endpoint: Endpoint, path: string): object {
  const parameters = Object.entries(endpoint.query).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: endpoint.required?.includes(name) ?? false,
    ...(description === undefined ? {} : { description }),
    schema,
  }));
  const answers: Endpoint['answers'] = { ...endpoint.answers, 400: 'Error', 500: 'Error' };
  const responses = Object.entries(answers).map(([status, answer]) => [status, response(status, answer, endpoint.alsoAs ?? [])] as const);
  return { operationId: path.split('/').at(-1), summary: endpoint.summary, parameters, responses: Object.fromEntries(responses) };
}

function response(status: string, answer: DocumentName | { readonly type: string }, alsoAs: readonly string[]): object {
  const type = typeof answer === 'string' ? ANSWER_TYPE : answer.type;
  const schema = typeof answer === 'string' ? { schema: { $ref: `#/components/schemas/${answer}` } } : {};
  const others = answer === 'Error' ? [] : alsoAs;
  const content = Object.fromEntries([[mediaType(type), schema], ...others.map((other) => [mediaType(other), {}] as const)]);
  return { description: MEANING[status] ?? '', content };
}

/** Without parameters: OpenAPI names media types. */
function mediaType(contentType: string): string {
  return contentType.split(';')[0] ?? contentType;
}
