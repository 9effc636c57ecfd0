/** Files of keys and certificates, read anew when a request begins: they are replaced while the daemon runs. */
import { readFile } from 'node:fs/promises';
import { AccessError } from './failure.ts';

/** TLS towards a server: PEM texts. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

/** Where TLS material stands; undefined where unset. */
export interface TlsFiles {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly insecure: boolean;
}

/** The text of a file, or undefined where none is named. Rejects with AccessError that names `what` and the path. */
export async function optionalText(path: string | undefined, what: string): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new AccessError(`${what} ${path} cannot be read`);
  }
}

/** Reads all of them. Rejects with AccessError. */
export async function readTls({ caFile, certFile, keyFile, insecure }: TlsFiles): Promise<TlsMaterial> {
  const ca = await optionalText(insecure ? undefined : caFile, 'CA file');
  const cert = await optionalText(certFile, 'certificate file');
  const key = await optionalText(keyFile, 'key file');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    rejectUnauthorized: !insecure,
  };
}
