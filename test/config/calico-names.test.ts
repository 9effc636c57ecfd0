/** Calico's environment (control-plane 8.5), name by name: it is read, or docs/node.md says why not. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS, OPTIONS } from '../../src/config/options.ts';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);
const POOL = words('CIDR VXLAN BLOCK_SIZE NODE_SELECTOR NAT_OUTGOING DISABLE_BGP_EXPORT');
const TYPHA = words('ADDR K8SSERVICENAME K8SNAMESPACE READTIMEOUT WRITETIMEOUT KEYFILE CERTFILE CAFILE CN URISAN');

/** Names that stand alone. */
const PLAIN = [
  ...words('NODENAME HOSTNAME CALICO_NODENAME_FILE CALICO_K8S_NODE_REF NAMESPACE CLUSTER_TYPE'),
  ...words('AS IP IP6 IP_AUTODETECTION_METHOD IP6_AUTODETECTION_METHOD AUTODETECT_POLL_INTERVAL DISABLE_NODE_IP_CHECK'),
  ...words('CALICO_ROUTER_ID CALICO_ADVERTISE_CLUSTER_IPS BGP_LOGSEVERITYSCREEN CALICO_STARTUP_LOGLEVEL'),
  ...words('CALICO_NETWORKING_BACKEND CALICO_NETWORKING CALICO_ENDPOINT_STATUS_PATH_PREFIX CALICO_DISABLE_FILE_LOGGING'),
  ...words('CALICO_SHUTDOWN_TIMESTAMP_FILE CALICO_DISABLE_FELIX CALICO_MANAGE_CNI WAIT_FOR_DATASTORE NO_DEFAULT_POOLS'),
  ...POOL.flatMap((each) => [`CALICO_IPV4POOL_${each}`, `CALICO_IPV6POOL_${each}`]),
  ...words('CALICO_IPV4POOL_IPIP FELIX_IPV6SUPPORT FELIX_HEALTHHOST FELIX_HEALTHPORT FELIX_HEALTHENABLED CALICO_API_GROUP'),
  ...['CONFD_', 'FELIX_', 'CALICO_'].flatMap((prefix) => TYPHA.map((each) => `${prefix}TYPHA${each}`)),
];

/** Names of the datastore, each also with CALICO_ before it. */
const DATASTORE = [
  ...words('DATASTORE_TYPE KUBECONFIG K8S_API_ENDPOINT K8S_CERT_FILE K8S_KEY_FILE K8S_CA_FILE K8S_INSECURE_SKIP_TLS_VERIFY'),
  ...words('K8S_CLIENT_QPS K8S_CLIENT_BURST K8S_CURRENT_CONTEXT USE_POD_CIDR KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT'),
  ...words('ETCD_ENDPOINTS ETCD_DISCOVERY_SRV ETCD_USERNAME ETCD_PASSWORD ETCD_KEY_FILE ETCD_CERT_FILE ETCD_CA_CERT_FILE'),
];

const read = new Set(['CALICO_NODENAME_FILE', ...CONFIG_KEYS.flatMap((key) => OPTIONS[key].environment)]);

/** The first column of the table of names that are not read, as patterns: `*` stands for any part of a name. */
function unread(): readonly RegExp[] {
  const [, rest = ''] = readFileSync('docs/node.md', 'utf8').split("## Calico's variables that are not read\n");
  const [table = ''] = rest.split('\n\n');
  const cells = [...table.matchAll(/^\| (`.*?) \|/gm)].map((match) => match[1] ?? '');
  return cells.flatMap((cell) => [...cell.matchAll(/`([A-Z0-9_*]+)`/g)].map((match) => pattern(match[1] ?? '')));
}
const pattern = (name: string): RegExp => new RegExp(`^(CALICO_)?${name.replaceAll('*', '[A-Z0-9_]*')}$`);

describe("Calico's environment", () => {
  const refused = unread();
  const isRefused = (name: string): boolean => refused.some((each) => each.test(name));

  it.each([...PLAIN, ...DATASTORE])('%s is read, or the list says why not, never both', (name) => {
    expect([read.has(name), isRefused(name)].filter(Boolean)).toHaveLength(1);
  });

  it('has every name of the datastore with CALICO_ before it, which comes first', () => {
    for (const name of DATASTORE.filter((each) => read.has(each))) {
      const names = CONFIG_KEYS.map((key) => OPTIONS[key].environment).find((each) => each.includes(name)) ?? [];
      expect(names.slice(-2), name).toEqual([`CALICO_${name}`, name]);
    }
  });

  it('is listed without a name that is not of this list', () => {
    const known = [...PLAIN, ...DATASTORE];
    expect(refused.filter((each) => !known.some((name) => each.test(name)))).toEqual([]);
  });
});
