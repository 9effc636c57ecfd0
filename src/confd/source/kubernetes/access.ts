/**
 * How the API server is reached: a kubeconfig before anything else, then an endpoint with files, then the pod's own account.
 * Files are read again for every request that is begun, because tokens are replaced about hourly and CAs now and then.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AccessError } from '../failure.ts';
import { optionalText, readTls } from '../tls.ts';
import type { Access, AccessOptions, Connection } from './connection.ts';

/** Where pods find their account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

const trimSlash = (url: string): string => url.replace(/\/+$/, '');

/** Files and the pod's account, without a kubeconfig. */
async function plainConnection(options: AccessOptions): Promise<Connection> {
  const { endpoint, serviceHost, certFile, keyFile } = options;
  const host = serviceHost?.includes(':') === true ? `[${serviceHost}]` : serviceHost;
  if (endpoint === undefined && host === undefined) {
    throw new AccessError('no API server: neither KUBECONFIG nor K8S_API_ENDPOINT is set, and this is no pod');
  }
  const podCa = join(SERVICE_ACCOUNT, 'ca.crt');
  const podToken = join(SERVICE_ACCOUNT, 'token');
  const caFile = options.caFile ?? (endpoint === undefined || (await exists(podCa)) ? podCa : undefined);
  const wantsToken = options.tokenFile !== undefined || certFile === undefined;
  const tokenFile = options.tokenFile ?? (endpoint === undefined || (await exists(podToken)) ? podToken : undefined);
  const token = wantsToken ? (await optionalText(tokenFile, 'token file'))?.trim() : undefined;
  return {
    server: trimSlash(endpoint ?? `https://${host}:${options.servicePort}`),
    headers: token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` },
    tls: await readTls({ caFile, certFile, keyFile, insecure: options.insecure }),
  };
}

/** Makes the access. A kubeconfig loads the Kubernetes client's authentication, which is too dear to be loaded for nothing. */
export function createAccess(options: AccessOptions): Access {
  const { kubeconfig } = options;
  if (kubeconfig === undefined) return () => plainConnection(options);
  let load: Promise<Access> | undefined;
  return async () => {
    load ??= import('./kubeconfig.ts').then(({ createKubeconfigAccess }) => createKubeconfigAccess(kubeconfig, options));
    return (await load)();
  };
}
