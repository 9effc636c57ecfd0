/** The HTTP server: registers the endpoint table with fastify. The only file that knows fastify. */

import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { IDLE_TIMEOUT_MS, MAX_CONNECTIONS, REQUEST_TIMEOUT_MS, STREAM_BUFFER_OCTETS, TIMEOUT_CHECK_MS } from '../limits.ts';
import { type Answer, errorAnswer, jsonAnswer } from './answer.ts';
import { DRAIN_PATH, drain, drainBody } from './drain.ts';
import { ENDPOINTS, type Endpoint, type Request } from './endpoints.ts';
import { OPENAPI_PATH, openApiDocument, querySchema } from './openapi.ts';
import { PEER_ACTION_PATH, type PeerActionRequest, peerAction, peerActionBody, peerActionParams } from './peer-action.ts';
import type { Suppliers } from './suppliers.ts';

/** What a listener serves: everything, or /metrics and the probes alone. */
export type Scope = 'everything' | 'public';

/** A server that does not listen yet. */
export type HealthServer = FastifyInstance;

/** Builds one server; `listen` or `inject` are the caller's. */
export function createServer(suppliers: Suppliers, scope: Scope): HealthServer {
  const app = fastify({
    bodyLimit: 1024,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: TIMEOUT_CHECK_MS },
    // An unknown parameter is an error, not silently dropped; a default is the endpoint's to apply (the Accept header comes before it).
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, useDefaults: false } },
    clientErrorHandler: refuseBrokenRequest,
    // A path that is no UTF-8 never reaches a route, nor its error handler.
    frameworkErrors: (error, _request, reply) => void send(reply, faultAnswer(error)),
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  const endpoints = ENDPOINTS.filter((endpoint) => scope === 'everything' || endpoint.public);
  for (const endpoint of endpoints) register(app, suppliers, endpoint);
  if (scope === 'everything') {
    registerActions(app, suppliers);
    app.get(OPENAPI_PATH, (_request, reply) => send(reply, jsonAnswer(openApiDocument(suppliers.state.main?.version ?? ''))));
  }
  app.setNotFoundHandler((request, reply) => send(reply, unknownPath(app, request)));
  app.setErrorHandler((error, _request, reply) => send(reply, faultAnswer(error)));
  return app;
}

function register(app: FastifyInstance, suppliers: Suppliers, endpoint: Endpoint): void {
  for (const url of endpoint.paths) {
    app.route({
      method: 'GET',
      url,
      schema: { querystring: querySchema(endpoint) },
      // HEAD would walk the whole table only to throw it away.
      exposeHeadRoute: url !== '/api/v1/routes',
      handler: async (request, reply) => send(reply, await endpoint.answer(suppliers, readRequest(request))),
    });
  }
}

/** JSON alone: what a page of another site may send unasked is refused (text/plain, forms). */
function registerActions(app: FastifyInstance, suppliers: Suppliers): void {
  app.removeContentTypeParser('text/plain');
  app.route({
    method: 'POST',
    url: PEER_ACTION_PATH,
    schema: { params: peerActionParams, body: peerActionBody },
    handler: async (request, reply) => send(reply, await peerAction(suppliers, readActionRequest(request))),
  });
  app.route({
    method: 'POST',
    url: DRAIN_PATH,
    schema: { body: drainBody },
    handler: async (request, reply) => send(reply, await drain(suppliers, readActionRequest(request).state ?? '')),
  });
}

function readActionRequest({ params, body }: FastifyRequest): PeerActionRequest {
  const given = new Map<string, unknown>([...Object.entries(params ?? {}), ...Object.entries(body ?? {})]);
  const textOf = (name: string): string | undefined => {
    const value = given.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  return {
    peer: textOf('peer') ?? '',
    action: textOf('action') ?? '',
    text: textOf('text'),
    direction: textOf('direction'),
    state: textOf('state'),
  };
}

function readRequest({ query, headers }: FastifyRequest): Request {
  const entries = typeof query === 'object' && query !== null ? Object.entries(query) : [];
  return { query: Object.fromEntries(entries), accept: headers.accept ?? '' };
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status).type(answer.type).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
  if (typeof answer.body === 'string' && answer.body.length <= STREAM_BUFFER_OCTETS) return reply.send(answer.body);
  const pieces = typeof answer.body === 'string' ? slices(answer.body) : answer.body;
  return reply.send(Readable.from(pieces, { objectMode: false, highWaterMark: STREAM_BUFFER_OCTETS }));
}

/** A long text as it is read, so that many slow readers of one document do not each hold a copy of it. */
function* slices(text: string): Iterable<string> {
  for (let at = 0; at < text.length; ) {
    // A surrogate pair stays whole: half of it has no UTF-8 form.
    const isHigh = (text.charCodeAt(at + STREAM_BUFFER_OCTETS - 1) & 0xfc00) === 0xd800;
    const end = at + STREAM_BUFFER_OCTETS + (isHigh ? 1 : 0);
    yield text.slice(at, end);
    at = end;
  }
}

function unknownPath(app: FastifyInstance, request: FastifyRequest): Answer {
  const path = request.url.split('?')[0] ?? '';
  if (request.method !== 'GET' && app.hasRoute({ method: 'GET', url: path })) {
    return errorAnswer({ code: 'METHOD_NOT_ALLOWED', message: `${path} takes GET only` });
  }
  return errorAnswer({ code: 'NOT_FOUND', message: `there is no ${path} here` });
}

/** What fastify or an endpoint threw. The text of a fault of ours stays inside. */
function faultAnswer(error: unknown): Answer {
  const status = typeof error === 'object' && error !== null && 'statusCode' in error ? error.statusCode : undefined;
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500) {
    return errorAnswer({ code: 'BAD_REQUEST', message: error.message });
  }
  return errorAnswer({ code: 'INTERNAL', message: 'the server failed; this is a fault of ours' });
}

/** A request that is no HTTP, or never came to its end. */
function refuseBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const { body } = errorAnswer({ code: 'BAD_REQUEST', message: late ? 'the request did not arrive in time' : 'this is not a request' });
  const head = `HTTP/1.1 ${late ? '408 Request Timeout' : '400 Bad Request'}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n`;
  socket.end(`${head}${typeof body === 'string' ? body : ''}`);
}
