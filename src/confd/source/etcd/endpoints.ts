/** The members of an etcd cluster: a fixed list, or what DNS says of a domain (SRV records, as etcd's own clients ask). */
import { resolveSrv } from 'node:dns/promises';
import { AccessError } from '../failure.ts';

/** Where members are found. */
export interface EndpointOptions {
  /** URLs; they count where there is at least one. */
  readonly endpoints: readonly string[];
  /** Domain with SRV records `_etcd-client-ssl._tcp` and `_etcd-client._tcp`; undefined: none. */
  readonly discoverySrv: string | undefined;
}

/** One SRV record. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
}

/** Asks DNS. Rejects where there is no such record. */
export type SrvLookup = (name: string) => Promise<readonly SrvRecord[]>;

/** URLs without a trailing slash, those with TLS first. Rejects with AccessError where there are none. */
export async function findEndpoints(options: EndpointOptions, lookup: SrvLookup = resolveSrv): Promise<readonly string[]> {
  if (options.endpoints.length > 0) return options.endpoints.map((url) => url.replace(/\/+$/, ''));
  const domain = options.discoverySrv;
  if (domain === undefined) throw new AccessError('no endpoint is named');
  const ask = async (service: string, scheme: string): Promise<readonly string[]> => {
    const records = await lookup(`_${service}._tcp.${domain}`).catch(() => []);
    return records.map(({ name, port }) => `${scheme}://${name.replace(/\.$/, '')}:${port}`);
  };
  const found = [...(await ask('etcd-client-ssl', 'https')), ...(await ask('etcd-client', 'http'))];
  if (found.length === 0) throw new AccessError(`DNS names no member of ${domain}`);
  return found;
}
