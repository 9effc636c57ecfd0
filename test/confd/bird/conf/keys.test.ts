/** The key view of control-plane 9.4, and the questions that templates ask of it. */
import { describe, expect, it } from 'vitest';
import { confHelpers, HELPER_NAMES } from '../../../../src/confd/bird/conf/helpers.ts';
import { keyStore } from '../../../../src/confd/bird/conf/key-store.ts';
import { type KeyView, keyView } from '../../../../src/confd/bird/conf/key-view.ts';
import type { Resource } from '../../../../src/confd/resources/types.ts';
import { affinity, community, configuration, node, peer, pool, prefix, secret, snapshotOf } from '../../../worlds/build.ts';
import { desiredOf } from '../worlds.ts';

const WORLD: readonly Resource[] = [
  node('me', { ipv4: '10.0.0.1/24', as: 65010 }),
  node('you', { ipv4: '10.0.0.2/24', ipv6: 'fd00::2/64', cluster: '1.1.1.1' }),
  configuration('default', {
    asNumber: 65000,
    nodeToNodeMeshEnabled: false,
    logSeverityScreen: 'Debug',
    communities: [{ name: 'c', value: community('100:1') }],
    prefixAdvertisements: [{ cidr: prefix('10.1.0.0/16'), communities: [{ name: 'c' }, community('1:2:3')] }],
    serviceExternalIPs: [prefix('50.0.0.0/24')],
  }),
  configuration('node.me', { listenPort: 178 }),
  pool('p', '10.1.0.0/16', { ipipMode: 'CrossSubnet', disableBGPExport: true }),
  affinity('me', '10.1.0.0/26'),
  secret('key', { word: 'a"b' }),
  peer('tor', {
    peerIP: '10.0.0.9:1790',
    asNumber: 65001,
    password: { name: 'key', key: 'word' },
    maxRestartTime: 30,
    filters: [],
    ttlSecurity: 2,
  }),
  peer('mate', { node: 'me', peerIP: '10.0.0.2', asNumber: 65000, nextHopMode: 'Keep', sourceAddress: 'None' }),
];
const view = (resources = WORLD): KeyView => keyView(snapshotOf(resources), desiredOf(resources));
const json = (text: string | undefined): unknown => JSON.parse(text ?? '');

describe('the view', () => {
  it.each([
    ['/calico/bgp/v1/global/as_num', '65000'],
    ['/calico/bgp/v1/global/node_mesh', '{"enabled": false}'],
    ['/calico/bgp/v1/global/loglevel', 'debug'],
    ['/calico/bgp/v1/host/me/ip_addr_v4', '10.0.0.1'],
    ['/calico/bgp/v1/host/me/ip_addr_v6', ''],
    ['/calico/bgp/v1/host/me/network_v4', '10.0.0.0/24'],
    ['/calico/bgp/v1/host/me/as_num', '65010'],
    ['/calico/bgp/v1/host/me/listen_port', '178'],
    ['/calico/bgp/v1/host/me/rr_cluster_id', ''],
    ['/calico/bgp/v1/host/me/wireguard_addr_v4', ''],
    ['/calico/bgp/v1/host/you/rr_cluster_id', '1.1.1.1'],
    ['/calico/staticroutes/50.0.0.0-24', '50.0.0.0/24'],
    ['/calico/rejectcidrs/50.0.0.0-24', '50.0.0.0/24'],
  ])('%s', (key, value) => {
    expect(view().get(key)).toBe(value);
  });

  it.each(['/calico/bgp/v1/host/me/network_v6', '/calico/bgp/v1/host/you/as_num', '/calico/bgp/v1/global/listen_port'])(
    'has no %s',
    (key) => {
      expect(view().has(key)).toBe(false);
    },
  );

  it('has the defaults of a cluster that says nothing', () => {
    const keys = view([node('me', { ipv4: '10.0.0.1/24' })]);
    const of = (name: string): string | undefined => keys.get(`/calico/bgp/v1/global/${name}`);
    expect([of('as_num'), of('node_mesh'), of('loglevel')]).toEqual(['64512', '{"enabled": true}', 'info']);
  });

  it('has lists and objects as JSON', () => {
    const keys = view();
    expect(json(keys.get('/calico/bgp/v1/global/prefix_advertisements/ip_v4'))).toEqual([
      { cidr: '10.1.0.0/16', communities: ['100:1', '1:2:3'] },
    ]);
    expect(json(keys.get('/calico/v1/ipam/v4/pool/10.1.0.0-16'))).toMatchObject({
      cidr: '10.1.0.0/16',
      ipip: 'tunl0',
      ipip_mode: 'cross-subnet',
      disableBGPExport: true,
    });
    expect(json(keys.get('/calico/ipam/v2/host/me/ipv4/block/10.1.0.0-26'))).toEqual({ state: 'confirmed', deleted: false });
  });

  it('has the peers of this node, global and its own', () => {
    const keys = view();
    expect(json(keys.get('/calico/bgp/v1/global/peer_v4/10.0.0.9-1790'))).toMatchObject({
      ip: '10.0.0.9',
      as_num: '65001',
      port: 1790,
      password: 'a"b',
      restart_time: '30s',
      ttl_security: 2,
      calico_node: false,
      source_addr: 'UseNodeIP',
      next_hop_mode: 'Auto',
    });
    expect(json(keys.get('/calico/bgp/v1/host/me/peer_v4/10.0.0.2'))).toMatchObject({
      calico_node: true,
      rr_cluster_id: '1.1.1.1',
      source_addr: 'None',
      next_hop_mode: 'Keep',
      password: null,
    });
  });
});

describe('the store', () => {
  const store = keyStore(view(), '/calico', ['/calico/bgp/v1/host', '/calico/staticroutes']);

  it('cuts the prefix off and shows nothing else', () => {
    expect(store.get('/bgp/v1/host/me/ip_addr_v4')).toEqual({ key: '/bgp/v1/host/me/ip_addr_v4', value: '10.0.0.1' });
    expect([store.exists('/bgp/v1/global/as_num'), store.exists('/staticroutes/50.0.0.0-24')]).toEqual([false, true]);
    expect(() => store.get('/bgp/v1/global/as_num')).toThrow('there is no key /bgp/v1/global/as_num');
  });

  it('finds by pattern, in order', () => {
    expect(store.gets('/bgp/v1/host/*/ip_addr_v4').map(({ value }) => value)).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(store.gets('/bgp/v1/host/[a-m]e/ip_addr_v?').map(({ key }) => key)).toEqual([
      '/bgp/v1/host/me/ip_addr_v4',
      '/bgp/v1/host/me/ip_addr_v6',
    ]);
    expect(store.gets('/bgp/*')).toEqual([]);
  });

  it('lists folders', () => {
    expect([store.ls('/bgp/v1/host'), store.lsdir('/bgp/v1/host'), store.lsdir('/bgp/v1/host/me'), store.ls('/none')]).toEqual([
      ['me', 'you'],
      ['me', 'you'],
      ['peer_v4'],
      [],
    ]);
  });
});

describe('the helpers', () => {
  const store = keyStore(
    new Map([
      ['/a', '1'],
      ['/list', '["x","y"]'],
    ]),
    '/',
    ['/'],
  );
  const call = (name: string, ...args: readonly unknown[]): unknown => confHelpers(store).get(name)?.(...args);

  it.each<[string, readonly unknown[], unknown]>([
    ['exists', ['/a'], true],
    ['getv', ['/a'], '1'],
    ['getv', ['/b', 'else'], 'else'],
    ['getvs', ['/*'], ['1', '["x","y"]']],
    ['jsonArray', ['["x","y"]'], ['x', 'y']],
    ['json', ['{"a":1}'], { a: 1 }],
    ['base', ['/x/y.z'], 'y.z'],
    ['dir', ['/x/y.z'], '/x'],
    ['split', ['a-b', '-'], ['a', 'b']],
    ['join', [['a', 'b'], '-'], 'a-b'],
    ['toUpper', ['a'], 'A'],
    ['toLower', ['A'], 'a'],
    ['contains', ['abc', 'b'], true],
    ['hasSuffix', ['abc', 'bc'], true],
    ['replace', ['a.b.c', '.', '_', -1], 'a_b_c'],
    ['replace', ['a.b.c', '.', '_', 1], 'a_b.c'],
    ['base64Encode', ['a'], 'YQ=='],
    ['base64Decode', ['YQ=='], 'a'],
    ['fileExists', ['/nonexistent'], false],
    ['eq', [1, 2, 1], true],
    ['ne', [1, 1], false],
    ['lt', ['9', 10], true],
    ['le', [2, 2], true],
    ['gt', [2, 1], true],
    ['ge', [1, 2], false],
    ['and', [1, '', 2], ''],
    ['or', ['', 3], 3],
    ['not', [[]], true],
    ['len', [[1, 2]], 2],
    ['index', [{ a: 5 }, 'a'], 5],
    ['index', [[7], 0], 7],
    ['printf', ['/host/%s/%d%%', 'me', 4], '/host/me/4%'],
  ])('%s %j', (name, args, value) => {
    expect(call(name, ...args)).toEqual(value);
  });

  it.each<[string, readonly unknown[], string]>([
    ['getv', ['/b'], 'there is no key /b'],
    ['json', ['{'], 'a value is not JSON'],
    ['jsonArray', ['{}'], 'a list was expected'],
    ['toUpper', [undefined], 'a value is missing'],
    ['toUpper', [{}], 'is not a text'],
    ['index', [{}, 'constructor'], 'there is no item'],
    ['printf', ['%x', 1], 'does not know'],
    ['printf', ['%s', 1, 2], '2 values for 1 places'],
  ])('%s %j fails', (name, args, why) => {
    expect(() => call(name, ...args)).toThrow(why);
  });

  it.each(['json', 'jsonArray'])('%s shows nothing of a value that is none: it may hold a password', (name) => {
    expect(() => call(name, '{"password":planted}')).toThrow(/^(?!.*planted)/);
  });

  it('are the ones that templates are compiled with', () => {
    expect([...confHelpers(store).keys()].sort()).toEqual([...HELPER_NAMES].sort());
  });
});
