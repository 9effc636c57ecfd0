/**
 * From raw inputs to the effective configuration: default < YAML file < environment < flag. Pure: files and environment
 * come in as data, a value that breaks its rule goes out as data.
 */

import type { Machine, OptionRow } from './options.ts';
import { CONFIG_KEYS, OPTIONS } from './options.ts';
import type { Config, ConfigKey, ConfigProblem, ConfigResult, Origin } from './types.ts';

/** One value as it stands in the YAML file. */
export interface FileValue {
  readonly text: string;
  /** `FILE:LINE`. */
  readonly position: string;
}

/** Everything the configuration is made of. */
export interface ConfigInputs {
  /** By key; only flags that were given. */
  readonly flags: ReadonlyMap<ConfigKey, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: ReadonlyMap<ConfigKey, FileValue>;
  readonly machine: Machine;
  /** Reads a small text file; undefined where it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

/** What the values of a program with these keys are made of; all of ConfigInputs for the daemon. */
export interface RowInputs<K extends string> extends Omit<ConfigInputs, 'flags' | 'file'> {
  readonly flags: ReadonlyMap<K, string>;
  readonly file: ReadonlyMap<K, FileValue>;
}

interface Given {
  readonly text: string;
  readonly origin: Origin;
}

type Get = <K extends ConfigKey>(key: K) => Config[K];

/** What the daemon watches of itself and of its surroundings, and where it is asked. */
function watching(get: Get) {
  return {
    maxPrefix: get('maxPrefix'),
    memoryLimit: get('memoryLimit'),
    auditInterval: get('auditInterval'),
    readiness: get('readiness'),
    readinessThreshold: get('readinessThreshold'),
    endpointStatusPrefix: get('endpointStatusPrefix'),
    birdSockets: get('birdSockets'),
    http: get('http'),
    metricsListen: get('metricsListen'),
    debugListen: get('debugListen'),
  };
}

/** The node's lifecycle (control-plane 8.3-8.5). */
function lifecycle(get: Get) {
  return {
    ipv4Detection: get('ipv4Detection'),
    ipv6Detection: get('ipv6Detection'),
    autodetectInterval: get('autodetectInterval'),
    disableNodeIpCheck: get('disableNodeIpCheck'),
    write: get('write'),
    shutdownFile: get('shutdownFile'),
    drainOnCordon: get('drainOnCordon'),
    drainWait: get('drainWait'),
  };
}

/** Computes every value with its origin and lists every value that breaks its rule. */
export function readConfig(inputs: ConfigInputs): ConfigResult {
  const origins = new Map<ConfigKey, Origin>();
  const problems: ConfigProblem[] = [];
  const get = <K extends ConfigKey>(key: K): Config[K] => {
    const row: OptionRow<Config[K]> = OPTIONS[key];
    const found = readRow(key, row, inputs);
    if (found.problem !== undefined) problems.push(found.problem);
    origins.set(key, found.origin);
    return found.value;
  };
  const path = get('path');
  const config: Config = {
    node: get('node'),
    kubernetesNode: get('kubernetesNode'),
    namespace: get('namespace'),
    asNumber: get('asNumber'),
    ipv4: get('ipv4'),
    ipv6: get('ipv6'),
    ...lifecycle(get),
    routerId: get('routerId'),
    advertiseClusterIPs: get('advertiseClusterIPs'),
    foreignClusterIPs: get('foreignClusterIPs'),
    usePodCIDR: get('usePodCIDR'),
    datastore: get('datastore'),
    path,
    engine: get('engine'),
    kernel: get('kernel'),
    kernelProtocol: get('kernelProtocol'),
    birdMode: get('birdMode'),
    birdProgram: get('birdProgram'),
    bird6Program: get('bird6Program'),
    kubeconfig: get('kubeconfig'),
    kubeContext: get('kubeContext'),
    apiEndpoint: get('apiEndpoint'),
    apiCaFile: get('apiCaFile'),
    apiCertFile: get('apiCertFile'),
    apiKeyFile: get('apiKeyFile'),
    apiTokenFile: get('apiTokenFile'),
    apiInsecure: get('apiInsecure'),
    apiServiceHost: get('apiServiceHost'),
    apiServicePort: get('apiServicePort'),
    apiGroup: get('apiGroup'),
    etcdEndpoints: get('etcdEndpoints'),
    etcdDiscoverySrv: get('etcdDiscoverySrv'),
    etcdUsername: get('etcdUsername'),
    etcdPassword: get('etcdPassword'),
    etcdCaFile: get('etcdCaFile'),
    etcdCertFile: get('etcdCertFile'),
    etcdKeyFile: get('etcdKeyFile'),
    runDir: get('runDir'),
    stateDir: get('stateDir'),
    listenPort: get('listenPort'),
    ...watching(get),
    compat: get('compat'),
    logLevel: get('logLevel'),
    sessionFamilies: get('sessionFamilies'),
    holdTime: get('holdTime'),
    shutdown: get('shutdown'),
    transportMap: get('transportMap'),
  };
  return { config: withImpliedDatastore(config, origins), origins: inTableOrder(origins), problems };
}

/** One value in effect with its origin; one that breaks its rule is told, and the default stands in its place. */
export interface RowResult<T> {
  readonly value: T;
  readonly origin: Origin;
  readonly problem: ConfigProblem | undefined;
}

/** Finds the value of one row: flag, then its variables in their order, then the file, then the default. */
export function readRow<K extends string, T>(key: K, row: OptionRow<T>, inputs: RowInputs<K>): RowResult<T> {
  const given = findGiven(key, row, inputs);
  const parsed = given === undefined ? undefined : parseGiven(row, given, inputs);
  const problem =
    given !== undefined && parsed?.ok === false ? { origin: given.origin, key, value: given.text, rule: parsed.rule } : undefined;
  return {
    value: parsed?.ok === true ? parsed.value : row.fallback(inputs.machine),
    origin: given?.origin ?? { kind: 'default', name: 'default' },
    problem,
  };
}

/** Without a word about the datastore, a directory of manifests is one, and so are members of etcd (control-plane 8.5). */
function withImpliedDatastore(config: Config, origins: Map<ConfigKey, Origin>): Config {
  if (origins.get('datastore')?.kind !== 'default') return config;
  const implied = config.path !== undefined ? 'path' : config.etcdEndpoints.length > 0 ? 'etcdEndpoints' : undefined;
  if (implied === undefined) return config;
  origins.set('datastore', { kind: 'default', name: `default, because ${implied} is set` });
  return { ...config, datastore: implied === 'path' ? 'file' : 'etcdv3' };
}

function inTableOrder(origins: ReadonlyMap<ConfigKey, Origin>): ReadonlyMap<ConfigKey, Origin> {
  return new Map(CONFIG_KEYS.map((key) => [key, origins.get(key) ?? { kind: 'default', name: 'default' }] as const));
}

function findGiven<K extends string, T>(key: K, row: OptionRow<T>, inputs: RowInputs<K>): Given | undefined {
  const flag = row.flag === '' ? undefined : inputs.flags.get(key);
  if (flag !== undefined) return { text: flag, origin: { kind: 'flag', name: `--${row.flag}` } };
  for (const name of row.environment) {
    // An empty variable is an unset one, as manifests and Calico's own scripts use it.
    const text = inputs.environment[name];
    if (text !== undefined && text !== '') return { text, origin: { kind: 'environment', name } };
  }
  const value = inputs.file.get(key);
  if (value !== undefined) return { text: value.text, origin: { kind: 'file', name: value.position } };
  return key === 'node' ? nodenameFile(inputs) : undefined;
}

/**
 * The file that calico-node leaves its name in counts as being told only where CALICO_NODENAME_FILE points at it. HOSTNAME
 * and the host's name would be assumptions (contracts.md, Command line, narrows control-plane 8.4).
 */
function nodenameFile(inputs: Pick<ConfigInputs, 'environment' | 'readFile'>): Given | undefined {
  const path = inputs.environment['CALICO_NODENAME_FILE'];
  if (path === undefined || path === '') return undefined;
  const text = inputs.readFile(path)?.trim();
  return text === undefined || text === '' ? undefined : { text, origin: { kind: 'environment', name: `CALICO_NODENAME_FILE=${path}` } };
}

function parseGiven<T>(
  row: OptionRow<T>,
  given: Given,
  inputs: Pick<ConfigInputs, 'readFile' | 'machine'>,
): ReturnType<OptionRow<T>['parse']> {
  if (row.orFile === undefined || given.text.includes('=')) return row.parse(given.text, inputs.machine);
  const contents = inputs.readFile(given.text);
  if (contents === undefined) return { ok: false, rule: 'neither entries nor a readable file' };
  const lines = contents.split('\n').map((line) => line.replace(/#.*/, ''));
  return row.parse(lines.join('\n'), inputs.machine);
}

/** Names of secrets, also misspelt ones; not the folders that Kubernetes and Calico keep files in, such as /calico-secrets/etcd-ca. */
const SECRET_NAME = /pas+w|secret(?!s?\/)/i;
/** What follows such a name in a mapping. */
const NAMED_SECRET = /((?:pas+w|secret)[^:=]*[:=]).*/is;
/** Account and password of a URL (RFC 3986 section 3.2.1), also with characters that do not belong there, and of an address without its scheme. */
const USER_IN_URL = /(:\/\/)[^\s"]+@/g;
const USER_OF_HOST = /(^|[\s",])[^\s",:/]+:[^\s"/][^\s"]*@/g;

/** True where a text names a secret, so that what stands beside the name may be one. */
export function namesSecret(text: string): boolean {
  return SECRET_NAME.test(text);
}

/** One line for people: where, which value, what rule; without what may be a secret. */
export function formatProblem({ origin, key, value, rule }: ConfigProblem): string {
  const shown = namesSecret(key) ? '[hidden]' : value.replace(NAMED_SECRET, '$1[hidden]');
  const line = `${origin.name}: ${key} ${JSON.stringify(shown)} is ${rule}`;
  return line.replaceAll(USER_IN_URL, '$1[hidden]@').replaceAll(USER_OF_HOST, '$1[hidden]@');
}
