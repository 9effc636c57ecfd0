/** From the configuration to what each part of the daemon takes. */
import { join } from 'node:path';
import { formatAddress } from 'bgp-ts/net';
import type { DesireOptions } from '../confd/desired/types.ts';
import type { TranslateOptions } from '../confd/native/translate.ts';
import { CALICO_SESSION_DEFAULTS, SESSION_DEFAULTS } from '../confd/native/translate.ts';
import { transportMap } from '../confd/native/transport.ts';
import { NATIVE_CAPABILITIES } from '../confd/native/unsupported.ts';
import type { Config } from '../config/types.ts';
import type { HealthOptions } from '../health/status.ts';

/** Options of the desired-state engine. */
export function desireOptions(config: Config, node: string): DesireOptions {
  return {
    node,
    ...(config.kubernetesNode === undefined ? {} : { kubernetesNode: config.kubernetesNode }),
    ...(config.routerId === undefined ? {} : { routerId: config.routerId }),
    ...(config.advertiseClusterIPs === undefined ? {} : { advertiseClusterIPs: config.advertiseClusterIPs }),
    ...(config.foreignClusterIPs === undefined ? {} : { foreignClusterIPs: config.foreignClusterIPs }),
    sessionFamilies: config.sessionFamilies,
    usePodCIDR: config.usePodCIDR,
    secretNamespace: config.namespace,
    ...(config.asNumber === undefined ? {} : { asNumber: config.asNumber }),
    // A detected address comes with the own Node (main/node.ts); offline that Node decides.
    ...(config.ipv4 === undefined || config.ipv4 === 'autodetect' ? {} : { ipv4: config.ipv4 }),
    ...(config.ipv6 === undefined || config.ipv6 === 'autodetect' ? {} : { ipv6: config.ipv6 }),
    compatCalico: config.compat === 'calico',
    engine: NATIVE_CAPABILITIES,
  };
}

/** Options of the native engine's translation. */
export function translateOptions(config: Config): TranslateOptions {
  const defaults = config.compat === 'calico' ? CALICO_SESSION_DEFAULTS : SESSION_DEFAULTS;
  return {
    session: { ...defaults, ...(config.holdTime === undefined ? {} : { holdTime: config.holdTime }) },
    sessionFamilies: config.sessionFamilies,
    listenPort: config.listenPort,
    transport: transportMap(config.transportMap),
    maxPrefix: config.maxPrefix,
  };
}

/** Where the health thread listens. */
export function healthOptions(config: Config): HealthOptions {
  const endpoint = (socket: Config['http']) => (socket === 'none' ? null : { address: formatAddress(socket.address), port: socket.port });
  const bird = config.engine === 'native' && config.birdSockets === 'on' ? config.runDir : null;
  return {
    listen: { api: endpoint(config.http), socket: join(config.runDir, 'linnet.sock'), metrics: endpoint(config.metricsListen), bird },
    readiness: { thresholdMs: config.readinessThreshold * 1000, classes: { ...config.readiness, other: 'pooled' } },
  };
}
