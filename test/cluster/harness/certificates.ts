/** Certificates of a test cluster: one CA, the API server's, an administrator's, and the key that signs account tokens. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly adminCert: string;
  readonly adminKey: string;
  readonly accountKey: string;
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', [...args], { stdio: 'pipe' });
}

const newKey = (path: string): void => openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path);

function issue(folder: string, name: string, subject: string, extension: string): { cert: string; key: string } {
  const [key, request, cert, config] = ['key', 'csr', 'crt', 'ext'].map((end) => join(folder, `${name}.${end}`));
  if (key === undefined || request === undefined || cert === undefined || config === undefined) throw new Error('no paths');
  newKey(key);
  writeFileSync(config, extension);
  openssl('req', '-new', '-key', key, '-subj', subject, '-out', request);
  const [ca, caKey] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  openssl('x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', config, '-out', cert);
  return { cert, key };
}

/** Makes all of them under `folder`. */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true });
  const [ca, caKey, accountKey] = [join(folder, 'ca.crt'), join(folder, 'ca.key'), join(folder, 'account.key')];
  newKey(caKey);
  newKey(accountKey);
  openssl('req', '-x509', '-new', '-key', caKey, '-subj', '/CN=linnet-test-ca', '-days', '2', '-out', ca);
  // etcd's JSON gateway is a client of its own server, with the server's certificate.
  const server = issue(
    folder,
    'server',
    '/CN=kube-apiserver',
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  const admin = issue(folder, 'admin', '/O=system:masters/CN=admin', 'extendedKeyUsage=clientAuth\n');
  return { ca, serverCert: server.cert, serverKey: server.key, adminCert: admin.cert, adminKey: admin.key, accountKey };
}

/** A certificate of the API server that holds from `from` to `to` (`YYYYMMDDHHMMSSZ`) only. `folder` is that of `makeCertificates`. */
export function serverCertificate(folder: string, name: string, from: string, to: string): { readonly cert: string; readonly key: string } {
  const [ca, caKey] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  const [key, request, cert, config] = ['key', 'csr', 'crt', 'cnf'].map((end) => join(folder, `${name}.${end}`));
  if (key === undefined || request === undefined || cert === undefined || config === undefined) throw new Error('no paths');
  const index = join(folder, `${name}.index`);
  writeFileSync(index, '');
  writeFileSync(
    `${config}`,
    [
      ...['[ca]', 'default_ca=one', '[one]', `database=${index}`, `new_certs_dir=${folder}`, 'default_md=sha256', 'rand_serial=yes'],
      ...['policy=any', 'x509_extensions=server', '[any]', 'commonName=supplied', '[server]'],
      ...['subjectAltName=IP:127.0.0.1', 'extendedKeyUsage=serverAuth', ''],
    ].join('\n'),
  );
  newKey(key);
  openssl('req', '-new', '-key', key, '-subj', '/CN=kube-apiserver', '-out', request);
  openssl(
    ...['ca', '-batch', '-notext', '-config', config, '-cert', ca, '-keyfile', caKey],
    ...['-startdate', from, '-enddate', to, '-in', request, '-out', cert],
  );
  return { cert, key };
}
