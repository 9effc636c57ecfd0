/** Everything that reads text or kernel messages from outside: configurations, manifests, control replies, recordings, rtnetlink. */
import { deepStrictEqual, ok } from 'node:assert/strict';
import { parseSpeakerConfig } from 'bgp-ts';
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import { RECORDING_FORMAT, Replay } from 'bgp-ts/testing';
import {
  Arena,
  decodeAddress,
  decodeAnswer,
  decodeConntrack,
  decodeDone,
  decodeEvents,
  decodeLink,
  decodeNeighbour,
  decodeNexthop,
  decodeRoute,
  decodeRule,
  eachMessage,
  encodeAddress,
  encodeConntrackRemoval,
  encodeLink,
  encodeNeighbour,
  encodeNexthop,
  encodeRoute,
  encodeRule,
  parseTcpCounters,
  RTM,
} from 'netlink';
import { ReplyReader } from '../../src/confd/bird/control-reply.ts';
import { objectsIn, parseObject } from '../../src/confd/resources/parse-object.ts';
import { readJson } from '../../src/confd/source/file/json-text.ts';
import { readYaml, splitYaml } from '../../src/confd/source/file/yaml-text.ts';
import { readConfigFile } from '../../src/config/file.ts';
import { readConfig } from '../../src/config/read.ts';
import type { FuzzTarget } from './target.ts';

const octetsOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const textOf = (octets: Uint8Array): string => Buffer.from(octets).toString('utf8');

/** A target that reads text. */
function textTarget(name: string, seeds: readonly string[], run: (text: string) => void): FuzzTarget {
  return { name, seeds: seeds.map(octetsOf), run: (input) => run(textOf(input)) };
}

const SPEAKER = {
  localAs: 64512,
  routerId: '10.0.0.1',
  listen: { address: '127.0.0.1', port: 1790 },
  families: ['ipv4-unicast', 'ipv6-unicast'],
  holdTime: 90,
  gracefulRestart: true,
  neighbors: [{ address: '10.0.0.2', as: 64512, rrClient: true, md5: 'k', ttlSecurity: 1, maxPrefix: 10, addPath: 'both' }],
  routes: [{ prefix: '192.0.2.0/24', nextHop: '192.0.2.1' }],
};

const DAEMON = `node: a\nasNumber: 64512\nipv4: 10.0.0.1/24\nengine: native\nlogLevel: debug\nlisten: 127.0.0.1:9178\n`;

const MANIFESTS = [
  `apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: tor}\nspec: {peerIP: 10.0.0.1, asNumber: 65000, password: {secretKeyRef: {name: s, key: k}}}\n`,
  `apiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec:\n  serviceLoadBalancerIPs: [{cidr: 203.0.113.0/24}]\n  communities: [{name: a, value: '65000:1'}]\n  prefixAdvertisements: [{cidr: 10.0.0.0/8, communities: [a, '1:2:3']}]\n`,
  `apiVersion: projectcalico.org/v3\nkind: BGPFilter\nmetadata: {name: f}\nspec:\n  exportV4: [{action: Reject, matchOperator: In, cidr: 10.0.0.0/8, prefixLength: {min: 8, max: 32}}]\n`,
  `apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\nspec: {cidr: 10.244.0.0/16, ipipMode: Always, blockSize: 26}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: d}\nspec: {type: LoadBalancer, clusterIPs: [10.96.0.1], externalTrafficPolicy: Local}\nstatus: {loadBalancer: {ingress: [{ip: 203.0.113.1}]}}\n`,
  `apiVersion: v1\nkind: Node\nmetadata: {name: n, labels: {a: b}, annotations: {projectcalico.org/IPv4Address: 10.0.0.1/24}}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}]}\n`,
  `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e, namespace: d, labels: {kubernetes.io/service-name: s}}\naddressType: IPv4\nendpoints: [{addresses: [10.0.0.9], nodeName: n, conditions: {ready: true}}]\nports: [{port: 80}]\n`,
  `apiVersion: crd.projectcalico.org/v1\nkind: BlockAffinity\nmetadata: {name: b}\nspec: {cidr: 10.244.1.0/26, node: n, state: confirmed}\n`,
  `apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: n}, data: {k: aGFsbG8=}}]\n`,
];

function useManifest(text: string): void {
  for (const chunk of splitYaml(text)) {
    const read = readYaml(chunk.text);
    if ('raw' in read) for (const { raw } of objectsIn(read.raw)) useObject(raw);
  }
}

/** An object parses to a resource or says why not; a secret's value is in no issue. */
function useObject(raw: unknown): void {
  const { outcome, issues } = parseObject(raw);
  ok(outcome.type !== 'invalid' || issues.length > 0, 'an invalid object without an issue');
}

const JSON_OBJECT = JSON.stringify({
  apiVersion: 'projectcalico.org/v3',
  kind: 'BGPPeer',
  metadata: { name: 'x' },
  spec: { peerIP: '::1', asNumber: 1 },
});

const MACHINE = { uid: 0, temporary: '/t', home: '/h', xdgRuntime: '', xdgState: '', networkOf: () => undefined };

const TEXTS: readonly FuzzTarget[] = [
  textTarget('speaker configuration', [JSON.stringify(SPEAKER), '{}', '[]', 'null'], (text) => {
    const parsed = parseSpeakerConfig(text);
    ok(parsed.ok || parsed.error.length > 0);
  }),
  textTarget('daemon configuration', [DAEMON, '{}', ''], (text) => {
    const { values, problems } = readConfigFile(text, 'f');
    const result = readConfig({ flags: new Map(), environment: {}, file: values, machine: MACHINE, readFile: () => undefined });
    ok(problems.length + result.problems.length >= 0);
  }),
  textTarget('manifest as YAML', MANIFESTS, useManifest),
  textTarget('manifest as JSON', [JSON_OBJECT, `{"kind":"List","apiVersion":"v1","items":[${JSON_OBJECT}]}`], (text) => {
    const read = readJson(text);
    if ('raw' in read) for (const { raw } of objectsIn(read.raw)) useObject(raw);
  }),
  textTarget(
    'reply of BIRD',
    ['0001 BIRD 1.6.8 ready.\n1002-a\n b\n0000 \n', '0002-Reading\n0003 Reconfigured\n', '+note\n8001 no\n'],
    (text) => {
      const reader = new ReplyReader();
      try {
        for (let at = 0; at < text.length; at += 7) for (const reply of reader.push(text.slice(at, at + 7))) ok(reply.lines.length > 0);
      } catch (error) {
        // What is not BIRD is refused with an error of its own.
        ok(error instanceof Error && /^(not a reply of BIRD|a line without an end)/.test(error.message), String(error));
      }
    },
  ),
  textTarget(
    'recording',
    [`{"format":"${RECORDING_FORMAT}","wallClock":0,"restarting":null}\n["h",0,{"type":"tick"},[],1]\n["w",[0],8,[],1]`],
    (text) => {
      const replay = new Replay();
      for (const line of text.split('\n')) replay.push(line);
      replay.finish();
    },
  ),
  textTarget('address', ['10.0.0.1', '2001:db8::1', '::ffff:1.2.3.4', 'fe80::1%eth0', '::'], (text) => {
    const address = parseAddress(text);
    if (address !== undefined) deepStrictEqual(parseAddress(formatAddress(address)), address);
  }),
  textTarget('prefix', ['10.0.0.0/8', '2001:db8::/32', '::/0', '0.0.0.0/0', '10.0.0.1/32'], (text) => {
    const prefix = parsePrefix(text);
    if (prefix !== undefined) deepStrictEqual(parsePrefix(formatPrefix(prefix)), prefix);
  }),
  textTarget('counters of the kernel', ['TcpExt: A TCPMD5NotFound\nTcpExt: 1 2\nIpExt: x\nIpExt: 1\n'], (text) => {
    parseTcpCounters(text);
  }),
];

const FIXED = 16;
const ip = { family: 'ipv4', words: [0xc0000207, 0, 0, 0] } as const;
const ip6 = { family: 'ipv6', words: [0x20010db8, 0, 0, 1] } as const;

function written(write: (out: Arena) => void): Uint8Array {
  const out = new Arena(64);
  write(out);
  return new Uint8Array(out.octets.subarray(0, out.length));
}

const ROUTE = { table: 254, protocol: 12, scope: 0, type: 1, tos: 0, flags: 0, metric: 7, nexthop: 0 };

/** Messages of every kind, alone and in a row. */
const MAC = '66:00:00:00:00:01';

function kernelSeeds(): Uint8Array[] {
  const hops = [{ gateway: ip, interface: 3, weight: 1, flags: 0 }];
  const two = [...hops, { gateway: ip6, interface: 4, weight: 2, flags: 0 }];
  const writes: readonly ((out: Arena) => void)[] = [
    (out) => encodeRoute(out, RTM.newRoute, 0, 1, { ...ROUTE, prefix: { ...ip, length: 24 }, hops }),
    (out) => encodeRoute(out, RTM.delRoute, 0, 1, { ...ROUTE, prefix: { ...ip6, length: 64 }, hops: two, source: ip6 }),
    (out) =>
      encodeNexthop(out, RTM.newNexthop, 0, 1, {
        id: 5,
        family: 'ipv4',
        protocol: 12,
        scope: 0,
        flags: 0,
        interface: 3,
        gateway: ip,
        blackhole: false,
        group: [],
      }),
    (out) =>
      encodeNexthop(out, RTM.newNexthop, 0, 1, {
        id: 6,
        protocol: 12,
        scope: 0,
        flags: 0,
        interface: 0,
        blackhole: false,
        group: [{ id: 5, weight: 2 }],
      }),
    (out) => encodeLink(out, RTM.newLink, 0, 1, { index: 3, name: 'eth0', flags: 1, type: 1, mtu: 1500, kind: 'veth' }),
    (out) =>
      encodeLink(out, RTM.newLink, 0, 1, {
        name: 'vxlan.calico',
        mac: MAC,
        kind: 'vxlan',
        vxlan: { vni: 4096, port: 4789, local: ip, link: 3, learning: false },
      }),
    (out) => encodeLink(out, RTM.newLink, 0, 1, { name: 'tunl0', kind: 'ipip', ipip: { local: ip, ttl: 64 } }),
    (out) =>
      encodeNeighbour(out, RTM.newNeighbour, 0, 1, { family: 'bridge', interface: 4, state: 128, flags: 2, destination: ip6, mac: MAC }),
    (out) =>
      encodeRule(out, RTM.newRule, 0, 1, {
        family: 'ipv4',
        action: 6,
        priority: 90,
        table: 0,
        protocol: 80,
        flags: 0,
        destination: { ...ip, length: 24 },
        inputInterface: 'eth0',
      }),
    (out) =>
      encodeConntrackRemoval(out, 0, 1, {
        family: 'ipv4',
        tuple: Buffer.from('140001800800010001020304080002000a600001', 'hex'),
        id: 1,
        zone: 2,
      }),
    (out) =>
      encodeAddress(out, RTM.newAddress, 0, 1, { family: 'ipv4', interface: 3, length: 24, scope: 0, flags: 0, address: ip, local: ip }),
  ];
  const all = (out: Arena): void => {
    for (const write of writes) write(out);
  };
  return [...writes.map(written), written(all)];
}

const KERNEL: FuzzTarget = {
  name: 'messages of the kernel',
  seeds: kernelSeeds(),
  run: (input) => {
    const octets = Buffer.from(input);
    let seen = 0;
    eachMessage(octets, octets.length, (_type, flags, _seq, _port, at, end) => {
      ok(end <= octets.length);
      decodeAnswer(octets, flags, at, end);
      decodeDone(octets, flags, at, end);
      for (const decode of [decodeNexthop, decodeLink, decodeAddress, decodeNeighbour, decodeRule]) decode(octets, at, end);
      decodeConntrack(octets, at, end, () => true);
      const route = decodeRoute(octets, at, end);
      if (route !== undefined) encodeRoute(new Arena(64), RTM.newRoute, 0, 1, route);
      return ++seen < 10_000;
    });
    ok(seen <= octets.length / FIXED, 'more messages than fit');
    decodeEvents(octets, octets.length);
  },
};

/** All of them. */
export const TEXT_TARGETS: readonly FuzzTarget[] = [...TEXTS, KERNEL];
