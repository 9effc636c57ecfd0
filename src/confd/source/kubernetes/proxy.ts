/** Which HTTP proxy a server is reached through: HTTPS_PROXY, HTTP_PROXY and NO_PROXY as Go programs read them. */
import { parseAddress, parsePrefix, prefixContainsAddress } from 'bgp-ts/net';

/** Proxies as the environment has them; '' where unset. They may hold passwords, so they stand in no log. */
export interface ProxySettings {
  readonly https: string;
  readonly http: string;
  readonly no: string;
}

/** Reads the usual variables, lower case first. */
export function proxySettings(environment: Readonly<Record<string, string | undefined>>): ProxySettings {
  const read = (name: string): string => environment[name.toLowerCase()] || environment[name] || '';
  return { https: read('HTTPS_PROXY'), http: read('HTTP_PROXY'), no: read('NO_PROXY') };
}

/** True where one entry of NO_PROXY means the host: an address, a prefix, a domain with or without a leading dot, or `*`. */
function excludes(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  const prefix = entry.includes('/') ? parsePrefix(entry) : undefined;
  const address = parseAddress(host);
  if (prefix !== undefined) return address !== undefined && prefixContainsAddress(prefix, address);
  const [, name = '', only] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (only !== undefined && only !== port) return false;
  const plain = name.replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
  return host === plain || (address === undefined && host.endsWith(`.${plain}`) && plain !== '');
}

/** The proxy's URL for a server, or undefined: go there directly. Loopback is always direct, as in Go. */
export function proxyFor(server: URL, settings: ProxySettings): string | undefined {
  const proxy = server.protocol === 'https:' ? settings.https : settings.http;
  if (proxy === '') return undefined;
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host === '::1' || host.startsWith('127.')) return undefined;
  const port = server.port === '' ? (server.protocol === 'https:' ? '443' : '80') : server.port;
  const entries = settings.no
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '');
  if (entries.some((entry) => excludes(entry, host, port))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}
