/**
 * The daemon's configuration in typed form. Every value is read once, at the edge, by the table in options.ts; the rest of
 * the daemon sees only this record. Each value knows where it came from, so that `linnet config show --origin` can say it.
 */
import type { Address, Prefix, SecretText } from 'bgp-ts/net';

/** An IP address and a TCP port, 1-65535. */
export interface SocketAddress {
  readonly address: Address;
  readonly port: number;
}

/** IP and IP6: an address with its network, `none` (the node has no address in this family), `autodetect`, or undefined: the Node resource decides. */
export type NodeAddress = { readonly address: Address; readonly network: Prefix } | 'none' | 'autodetect' | undefined;

/** How a node's address is found (control-plane 8.4). Patterns are regular expressions, not anchored. */
export type DetectionMethod =
  | { readonly kind: 'first-found' }
  | { readonly kind: 'kubernetes-internal-ip' }
  | { readonly kind: 'can-reach'; readonly host: string }
  | { readonly kind: 'interface' | 'skip-interface'; readonly patterns: readonly string[] }
  | { readonly kind: 'cidr'; readonly cidrs: readonly Prefix[] };

/** What the daemon may write to the API server: detected addresses, the Node's condition, CalicoNodeStatus, Events. */
export type WrittenThing = 'address' | 'condition' | 'status' | 'events';

/**
 * One entry of the transport map: sessions with `node` really use `transport`. Only for several daemons on one machine
 * (demo, tests): next hops stay the nodes' own addresses.
 */
export interface TransportEntry {
  readonly node: Address;
  readonly transport: SocketAddress;
}

/** What readiness asks of a class of sessions: `pooled` with the other pooled ones, all, at least one, or nothing (control-plane 8.2). */
export type Requirement = 'pooled' | 'all' | 'one' | 'ignored';

/** Limits by kind of session: reflector clients, other internal peers, external ones. */
export interface PrefixLimits {
  readonly client?: number;
  readonly internal?: number;
  readonly external?: number;
}

/** Requirements by class of peer. */
export interface Readiness {
  readonly mesh: Requirement;
  readonly node: Requirement;
  readonly global: Requirement;
  readonly 'local-workload': Requirement;
}

/** Least severe message that is logged. `silent` logs nothing. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** The effective configuration of one daemon or offline command. Defaults stand in options.ts beside each row. */
export interface Config {
  /** Name of the Calico node; never assumed (contracts.md, Command line). */
  readonly node: string | undefined;
  /** Name of the Kubernetes node where it differs. */
  readonly kubernetesNode: string | undefined;
  /** Namespace of the password secrets. */
  readonly namespace: string;
  /** AS number that overrides the node's, 1-4294967295. */
  readonly asNumber: number | undefined;
  readonly ipv4: NodeAddress;
  readonly ipv6: NodeAddress;
  readonly ipv4Detection: DetectionMethod;
  readonly ipv6Detection: DetectionMethod;
  /** Seconds, 1-86400. */
  readonly autodetectInterval: number;
  /** A detected address is used although another node has it. */
  readonly disableNodeIpCheck: boolean;
  readonly write: readonly WrittenThing[];
  /** Undefined: `shutdownTS` in the state directory. */
  readonly shutdownFile: string | undefined;
  /** A cordoned node drains. */
  readonly drainOnCordon: boolean;
  /** Seconds, 0-600. */
  readonly drainWait: number;
  /** `hash`, a dotted quad, or undefined: the node's IPv4 address. */
  readonly routerId: string | undefined;
  /** Cluster CIDR that replaces BGPConfiguration.serviceClusterIPs. */
  readonly advertiseClusterIPs: Prefix | undefined;
  /** Pod CIDRs of the Node stand in for block affinities. */
  readonly usePodCIDR: boolean;
  readonly datastore: 'file' | 'kubernetes' | 'etcdv3';
  /** Directory of manifests, for datastore `file`. */
  readonly path: string | undefined;
  /** Routing engine: the native speaker, or BIRD 1.6 (`bird1`) or BIRD 2 and 3 (`bird2`). */
  readonly engine: 'native' | 'bird1' | 'bird2';
  /** Kernel routes of the native engine; `auto`: on where the process may write them and no transport map says that it shares the machine. */
  readonly kernel: 'auto' | 'on' | 'off';
  /** rtm_protocol of the routes this daemon writes, 5-255. */
  readonly kernelProtocol: number;
  /** Whether this process runs BIRD or somebody else does. */
  readonly birdMode: 'start' | 'attach';
  /** Programs of BIRD; the second is BIRD 1.6's IPv6 daemon. */
  readonly birdProgram: string;
  readonly bird6Program: string;
  /** Kubeconfig for datastore `kubernetes`; undefined: the endpoint with its files, or the pod's own account. */
  readonly kubeconfig: string | undefined;
  /** Context of the kubeconfig. */
  readonly kubeContext: string | undefined;
  /** URL of the API server; beats that of the kubeconfig and of the pod. */
  readonly apiEndpoint: string | undefined;
  readonly apiCaFile: string | undefined;
  readonly apiCertFile: string | undefined;
  readonly apiKeyFile: string | undefined;
  /** Undefined: the pod's own token, where there is no client certificate. */
  readonly apiTokenFile: string | undefined;
  /** The API server's certificate is not verified. */
  readonly apiInsecure: boolean;
  /** API server as a pod sees it, an address or a name. */
  readonly apiServiceHost: string | undefined;
  readonly apiServicePort: number;
  /** API group of Calico's kinds; undefined: found out. */
  readonly apiGroup: 'crd.projectcalico.org/v1' | 'projectcalico.org/v3' | undefined;
  /** URLs of etcd's members, for datastore `etcdv3`. */
  readonly etcdEndpoints: readonly string[];
  /** Domain whose SRV records name them. */
  readonly etcdDiscoverySrv: string | undefined;
  readonly etcdUsername: string | undefined;
  readonly etcdPassword: SecretText | undefined;
  readonly etcdCaFile: string | undefined;
  readonly etcdCertFile: string | undefined;
  readonly etcdKeyFile: string | undefined;
  /** Directory of sockets and lock. */
  readonly runDir: string;
  /** Directory of persistent state. */
  readonly stateDir: string;
  /** Port to listen on and to dial where the resources name none; overrides BGPConfiguration.listenPort. */
  readonly listenPort: number | undefined;
  /** Prefixes of a family that a session of each kind may bring, 0: any number; a kind that is not named has no limit, only a warning. */
  readonly maxPrefix: PrefixLimits;
  /** MiB that may be resident before the peer that grows the table is dropped; undefined: 80 % of what the machine or control group has. */
  readonly memoryLimit: number | undefined;
  /** Seconds between two audits of what peers were told and of the kernel, 1-86400. */
  readonly auditInterval: number;
  /** What readiness asks of each class of sessions. */
  readonly readiness: Readiness;
  /** Seconds, 0-3600. */
  readonly readinessThreshold: number;
  /** Directory above `endpoint-status`, or `none`. */
  readonly endpointStatusPrefix: string;
  /** Control sockets of BIRD, spoken by the native engine in the run directory. */
  readonly birdSockets: 'on' | 'off';
  /** HTTP listener 1 beside the unix socket. */
  readonly http: SocketAddress | 'none';
  /** HTTP listener 2: metrics and probes only. */
  readonly metricsListen: SocketAddress | 'none';
  /** CPU profiles, heap snapshots, threads; loopback only. */
  readonly debugListen: SocketAddress | 'none';
  /** `calico`: Calico's choices where ours differ. */
  readonly compat: 'none' | 'calico';
  readonly logLevel: LogLevel;
  /** Address families of sessions made from Calico resources: only that of the peer's address, or both. */
  readonly sessionFamilies: 'peer' | 'both';
  /** Pass on other nodes' cluster IPs (/32, /128); undefined: only with compat calico. */
  readonly foreignClusterIPs: boolean | undefined;
  /** Seconds proposed as hold time; undefined: 90, or 240 with compat calico. */
  readonly holdTime: number | undefined;
  /** What SIGTERM does: `cease` sends Cease/Administrative Shutdown, `drain` the same after GRACEFUL_SHUTDOWN, `planned` closes so that graceful restart helpers keep routes. */
  readonly shutdown: 'cease' | 'planned' | 'drain';
  readonly transportMap: readonly TransportEntry[];
}

/** Name of a configuration value; also its key in the YAML file. */
export type ConfigKey = keyof Config;

/** Where a value came from; `name` is the flag, the variable, `FILE:LINE` or the reason of the default. */
export interface Origin {
  readonly kind: 'default' | 'file' | 'environment' | 'flag';
  readonly name: string;
}

/** A configuration value that breaks its rule; the daemon does not start. */
export interface ConfigProblem {
  readonly origin: Origin;
  readonly key: string;
  /** As given. */
  readonly value: string;
  readonly rule: string;
}

/** What `readConfig` made of its inputs. `config` is usable only where `problems` is empty. */
export interface ConfigResult {
  readonly config: Config;
  readonly origins: ReadonlyMap<ConfigKey, Origin>;
  readonly problems: readonly ConfigProblem[];
}
