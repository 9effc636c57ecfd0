/**
 * Access through a kubeconfig, by the Kubernetes client's own authentication: certificates, tokens, exec plugins, OIDC.
 * Nothing of its errors is shown: parsers quote what they stumble over, and that may be a password.
 */
import { readFile, stat } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { AccessError } from '../failure.ts';
import type { TlsMaterial } from '../tls.ts';
import type { Access, AccessOptions, Connection } from './connection.ts';

interface Loaded {
  readonly stamp: string;
  readonly config: KubeConfig;
}

async function load(path: string, context: string | undefined, before: Loaded | undefined): Promise<Loaded> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new AccessError(`kubeconfig ${path} cannot be read`);
  const stamp = `${found.ino} ${found.size} ${found.mtimeMs}`;
  if (before?.stamp === stamp) return before;
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch {
    throw new AccessError(`kubeconfig ${path} is not a usable kubeconfig`);
  }
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw new AccessError(`kubeconfig ${path} has no context ${context}`);
    config.setCurrentContext(context);
  }
  return { stamp, config };
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  const given = options.headers ?? {};
  for (const [name, value] of Array.isArray(given) ? [] : Object.entries(given)) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  if (typeof options.auth === 'string') headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}

async function tokenOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new AccessError(`token file ${path} cannot be read`);
  });
  return text.trim();
}

const pem = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : Buffer.isBuffer(value) ? value.toString('utf8') : undefined;

async function tlsOf(options: RequestOptions, given: AccessOptions): Promise<TlsMaterial> {
  const file = async (path: string | undefined, fallback: unknown): Promise<string | undefined> => {
    if (path === undefined) return pem(fallback);
    return readFile(path, 'utf8').catch(() => {
      throw new AccessError(`${path} cannot be read`);
    });
  };
  const insecure = given.insecure || options.rejectUnauthorized === false;
  const [ca, cert, key] = [
    insecure ? undefined : await file(given.caFile, options.ca),
    await file(given.certFile, options.cert),
    await file(given.keyFile, options.key),
  ];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(typeof options.servername === 'string' ? { servername: options.servername } : {}),
    rejectUnauthorized: !insecure,
  };
}

/** Access by one kubeconfig file, which is read again when it changes. */
export function createKubeconfigAccess(path: string, options: AccessOptions): Access {
  let loaded: Loaded | undefined;
  return async (): Promise<Connection> => {
    loaded = await load(path, options.context, loaded);
    const cluster = loaded.config.getCurrentCluster();
    const server = options.endpoint ?? cluster?.server;
    if (server === undefined) throw new AccessError(`kubeconfig ${path} names no server: has it a current context?`);
    const request: RequestOptions = {};
    try {
      await loaded.config.applyToHTTPSOptions(request);
    } catch {
      throw new AccessError(`kubeconfig ${path}: its credentials cannot be had`);
    }
    const token = options.tokenFile === undefined ? undefined : await tokenOf(options.tokenFile);
    return {
      server: server.replace(/\/+$/, ''),
      headers: { ...headersOf(request), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      tls: await tlsOf(request, options),
      ...(cluster?.proxyUrl === undefined ? {} : { proxy: cluster.proxyUrl }),
    };
  };
}
