/** The daemon's own documents, asked over its unix socket as anybody would: what is written to the cluster is what `linnet` shows. */
import { request } from 'node:http';
import type { HealthDocument, PeersDocument, RouteJson, StatusDocument } from '../health/status.ts';
import type { OwnDocuments } from '../node/status-report.ts';

/** Longest wait for an answer, ms. */
const ANSWER_MS = 10_000;

/** Documents for the cluster, and whether the daemon is ready. */
export interface OwnApi extends OwnDocuments {
  /** False also while nobody answers. */
  ready(): Promise<boolean>;
}

/** Asks at a socket; `maxRoutes` of each family are read at most. */
export function createOwnApi(socketPath: string, maxRoutes: number): OwnApi {
  const routesOf = async (family: string): Promise<readonly RouteJson[]> => {
    const document = await get<{ readonly routes: readonly RouteJson[] }>(
      socketPath,
      `/api/v1/routes?view=all&family=${family}&limit=${maxRoutes}`,
    );
    return document.routes;
  };
  return {
    status: () => get<StatusDocument>(socketPath, '/api/v1/status'),
    peers: () => get<PeersDocument>(socketPath, '/api/v1/peers'),
    routes: async () => [...(await routesOf('ipv4-unicast')), ...(await routesOf('ipv6-unicast'))],
    ready: () =>
      get<HealthDocument>(socketPath, '/readiness').then(
        ({ ok }) => ok,
        () => false,
      ),
  };
}

function get<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path, headers: { host: 'localhost', accept: 'application/json' }, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        if (response.statusCode !== 200) return reject(new Error(`${path} was answered with ${response.statusCode}`));
        const document: T = JSON.parse(text);
        return resolve(document);
      });
    });
    call.setTimeout(ANSWER_MS, () => call.destroy(new Error(`no answer within ${ANSWER_MS / 1000} s`)));
    call.on('error', reject);
    call.end();
  });
}
