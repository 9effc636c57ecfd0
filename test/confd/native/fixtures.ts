/** Desired states for the tests of the native engine. */

import type { Address, Prefix } from 'bgp-ts/net';
import { parseAddress, parsePrefix } from 'bgp-ts/net';
import type { AdvertisedRoute, Desired, DesiredPeer } from '../../../src/confd/desired/types.ts';

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  return parsed;
}

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`no prefix: ${text}`);
  return parsed;
}

const REASON = { object: 'BGPPeer/tor', rule: 'control-plane 2.3' };

export function peer(more: Partial<DesiredPeer> = {}): DesiredPeer {
  return {
    id: 'Global_192_0_2_254',
    type: 'global',
    address: address('192.0.2.254'),
    port: 179,
    portExplicit: false,
    remoteAs: 65001,
    localAs: 64512,
    internal: false,
    passive: false,
    reflectorClient: false,
    nextHop: 'auto',
    source: address('192.0.2.1'),
    ttlSecurity: 0,
    allowLocalAs: 0,
    filters: [],
    importPolicy: { name: 'import', terms: [], otherwise: 'accept' },
    exportPolicy: { name: 'export', terms: [], otherwise: 'accept' },
    reasons: [REASON],
    ...more,
  };
}

export function route(text: string): AdvertisedRoute {
  return { id: text, prefix: prefix(text), class: 'lb-ip', reasons: [{ object: 'Service/shop/web', rule: 'control-plane 4.2' }] };
}

export function desired(more: Partial<Desired> = {}): Desired {
  return {
    node: 'node-1',
    routerId: '192.0.2.1',
    asNumber: 64512,
    addresses: { ipv4: address('192.0.2.1') },
    networks: { ipv4: prefix('192.0.2.0/24') },
    listen: { addresses: [], port: 179 },
    peers: [peer()],
    filters: [],
    advertise: [route('198.51.100.1/32')],
    install: [],
    ...more,
  };
}
