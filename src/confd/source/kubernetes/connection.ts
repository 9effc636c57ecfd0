/** What a request to the API server needs to know of the server and the account. */
import type { TlsMaterial } from '../tls.ts';

/** What names the API server and the account (control-plane 8.5); undefined where unset. */
export interface AccessOptions {
  readonly kubeconfig: string | undefined;
  /** Context of the kubeconfig; default its own. */
  readonly context: string | undefined;
  /** URL; beats the server of the kubeconfig and of the pod. */
  readonly endpoint: string | undefined;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Default: the pod's token, where there is no client certificate. */
  readonly tokenFile: string | undefined;
  readonly insecure: boolean;
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly serviceHost: string | undefined;
  readonly servicePort: number;
}

/** All that a request needs. Its fields are secret. */
export interface Connection {
  /** Without a trailing slash. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsMaterial;
  /** Proxy that the kubeconfig names. */
  readonly proxy?: string;
}

/** Gives the present connection. Rejects with AccessError. */
export type Access = () => Promise<Connection>;
