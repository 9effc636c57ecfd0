/** The rows of the etcd datastore, in the table of options.ts. */
import { secretText } from 'bgp-ts/net';
import type { OptionTable } from './options.ts';
import { parseHttpUrls, parseText } from './values.ts';

/** Keys of these rows. */
export type EtcdKey =
  | 'etcdEndpoints'
  | 'etcdDiscoverySrv'
  | 'etcdUsername'
  | 'etcdPassword'
  | 'etcdCaFile'
  | 'etcdCertFile'
  | 'etcdKeyFile';

const absent = (): undefined => undefined;

/** Members, account and TLS of etcd (control-plane 8.5). */
export const ETCD_OPTIONS: Pick<OptionTable, EtcdKey> = {
  etcdEndpoints: {
    flag: 'etcd-endpoints',
    placeholder: 'URLS',
    help: 'members of the etcd cluster, URLs with commas between',
    environment: ['LINNET_ETCD_ENDPOINTS', 'CALICO_ETCD_ENDPOINTS', 'ETCD_ENDPOINTS'],
    parse: parseHttpUrls,
    fallback: () => [],
  },
  etcdDiscoverySrv: {
    flag: 'etcd-discovery-srv',
    placeholder: 'DOMAIN',
    help: 'domain whose SRV records name the members, where no endpoint is given',
    environment: ['LINNET_ETCD_DISCOVERY_SRV', 'CALICO_ETCD_DISCOVERY_SRV', 'ETCD_DISCOVERY_SRV'],
    parse: parseText,
    fallback: absent,
  },
  etcdUsername: {
    flag: 'etcd-username',
    placeholder: 'NAME',
    help: "account of etcd; its JSON gateway takes none from a client certificate's name",
    environment: ['LINNET_ETCD_USERNAME', 'CALICO_ETCD_USERNAME', 'ETCD_USERNAME'],
    parse: parseText,
    fallback: absent,
  },
  etcdPassword: {
    // What stands on a command line is seen by everybody on the host.
    flag: '',
    placeholder: '',
    help: 'password of that account',
    environment: ['LINNET_ETCD_PASSWORD', 'CALICO_ETCD_PASSWORD', 'ETCD_PASSWORD'],
    parse: (text) => ({ ok: true, value: secretText(text) }),
    fallback: absent,
  },
  etcdCaFile: {
    flag: 'etcd-ca-file',
    placeholder: 'FILE',
    help: 'CA certificates of etcd, PEM',
    environment: ['LINNET_ETCD_CA_FILE', 'CALICO_ETCD_CA_CERT_FILE', 'ETCD_CA_CERT_FILE'],
    parse: parseText,
    fallback: absent,
  },
  etcdCertFile: {
    flag: 'etcd-cert-file',
    placeholder: 'FILE',
    help: 'client certificate for etcd, PEM',
    environment: ['LINNET_ETCD_CERT_FILE', 'CALICO_ETCD_CERT_FILE', 'ETCD_CERT_FILE'],
    parse: parseText,
    fallback: absent,
  },
  etcdKeyFile: {
    flag: 'etcd-key-file',
    placeholder: 'FILE',
    help: 'key of the client certificate, PEM',
    environment: ['LINNET_ETCD_KEY_FILE', 'CALICO_ETCD_KEY_FILE', 'ETCD_KEY_FILE'],
    parse: parseText,
    fallback: absent,
  },
};
