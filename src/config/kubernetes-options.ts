/** The rows of the Kubernetes datastore, in the table of options.ts. */
import type { OptionTable } from './options.ts';
import { parseBoolean, parseHttpUrl, parseInteger, parseText, parseWord } from './values.ts';

/** Keys of these rows. */
export type KubernetesKey =
  | 'kubeconfig'
  | 'kubeContext'
  | 'apiEndpoint'
  | 'apiCaFile'
  | 'apiCertFile'
  | 'apiKeyFile'
  | 'apiTokenFile'
  | 'apiInsecure'
  | 'apiServiceHost'
  | 'apiServicePort'
  | 'apiGroup';

const absent = (): undefined => undefined;

/** Where the API server is and how it is spoken to (control-plane 8.5). */
export const KUBERNETES_OPTIONS: Pick<OptionTable, KubernetesKey> = {
  kubeconfig: {
    flag: 'kubeconfig',
    placeholder: 'FILE',
    help: "kubeconfig for --datastore kubernetes; without it the pod's own account",
    environment: ['LINNET_KUBECONFIG', 'CALICO_KUBECONFIG', 'KUBECONFIG'],
    parse: parseText,
    fallback: absent,
  },
  kubeContext: {
    flag: 'kube-context',
    placeholder: 'NAME',
    help: 'context of the kubeconfig, default its current one',
    environment: ['LINNET_KUBE_CONTEXT', 'CALICO_K8S_CURRENT_CONTEXT', 'K8S_CURRENT_CONTEXT'],
    parse: parseText,
    fallback: absent,
  },
  apiEndpoint: {
    flag: 'api-endpoint',
    placeholder: 'URL',
    help: 'API server; beats the one of the kubeconfig or of the pod',
    environment: ['LINNET_API_ENDPOINT', 'CALICO_K8S_API_ENDPOINT', 'K8S_API_ENDPOINT'],
    parse: parseHttpUrl,
    fallback: absent,
  },
  apiCaFile: {
    flag: 'api-ca-file',
    placeholder: 'FILE',
    help: 'CA certificates of the API server, PEM',
    environment: ['LINNET_API_CA_FILE', 'CALICO_K8S_CA_FILE', 'K8S_CA_FILE'],
    parse: parseText,
    fallback: absent,
  },
  apiCertFile: {
    flag: 'api-cert-file',
    placeholder: 'FILE',
    help: 'client certificate for the API server, PEM',
    environment: ['LINNET_API_CERT_FILE', 'CALICO_K8S_CERT_FILE', 'K8S_CERT_FILE'],
    parse: parseText,
    fallback: absent,
  },
  apiKeyFile: {
    flag: 'api-key-file',
    placeholder: 'FILE',
    help: 'key of the client certificate, PEM',
    environment: ['LINNET_API_KEY_FILE', 'CALICO_K8S_KEY_FILE', 'K8S_KEY_FILE'],
    parse: parseText,
    fallback: absent,
  },
  apiTokenFile: {
    flag: 'api-token-file',
    placeholder: 'FILE',
    help: "bearer token for the API server, read anew for each request; default the pod's own where there is no client certificate",
    environment: ['LINNET_API_TOKEN_FILE'],
    parse: parseText,
    fallback: absent,
  },
  apiInsecure: {
    flag: 'api-insecure',
    placeholder: 'BOOL',
    help: "do not verify the API server's certificate",
    environment: ['LINNET_API_INSECURE', 'CALICO_K8S_INSECURE_SKIP_TLS_VERIFY', 'K8S_INSECURE_SKIP_TLS_VERIFY'],
    parse: parseBoolean,
    fallback: () => false,
  },
  apiServiceHost: {
    flag: 'api-service-host',
    placeholder: 'HOST',
    help: 'API server as a pod sees it',
    environment: ['LINNET_API_SERVICE_HOST', 'CALICO_KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_HOST'],
    parse: parseText,
    fallback: absent,
  },
  apiServicePort: {
    flag: 'api-service-port',
    placeholder: 'PORT',
    help: 'port of the API server as a pod sees it',
    environment: ['LINNET_API_SERVICE_PORT', 'CALICO_KUBERNETES_SERVICE_PORT', 'KUBERNETES_SERVICE_PORT'],
    parse: parseInteger(1, 65_535),
    fallback: () => 443,
  },
  apiGroup: {
    flag: 'api-group',
    placeholder: 'GROUP',
    help: "API group of Calico's kinds: crd.projectcalico.org/v1 or projectcalico.org/v3; default: what the API server has",
    environment: ['LINNET_API_GROUP', 'CALICO_API_GROUP'],
    parse: parseWord('crd.projectcalico.org/v1', 'projectcalico.org/v3'),
    fallback: absent,
  },
};
