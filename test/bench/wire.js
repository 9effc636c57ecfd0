/**
 * The codec's hot paths in millions per second, best of several rounds. Targets: 100 M NLRI/s walked, 1 M UPDATEs/s scanned.
 * Plain JavaScript on the built library (`npm run build`), because a test runner's module wrapper costs more than the code measured:
 * `node test/bench/wire.js`.
 */
import { performance } from 'node:perf_hooks';
import {
  attributeKeys,
  canonicalAttributes,
  editAttributes,
  encodeAttributes,
  Framer,
  nextHopOctets,
  packAnnouncements,
  packWithdrawals,
  scanUpdate,
  walkIpv4,
  walkIpv6,
  writeIpv4Nlri,
  writeIpv6Nlri,
} from 'bgp-ts/wire';

const CONTEXT = {
  fourOctetAs: true,
  external: false,
  addPathReceive: [],
  extendedNextHop: [],
  families: ['ipv4-unicast', 'ipv6-unicast'],
};
const V4 = { family: 'ipv4-unicast', addPath: false, maxMessage: 4096 };
const ROUTES = 900;

/** `count` IPv4 NLRI of lengths 24-32, as clusters have them. */
function ipv4Nlri(count) {
  const octets = new Uint8Array(count * 5);
  let at = 0;
  for (let index = 0; index < count; index += 1) at = writeIpv4Nlri(octets, at, 0x0a000000 + index * 256, 24 + (index % 9), 0, false);
  return octets.subarray(0, at);
}

function ipv6Nlri(count) {
  const octets = new Uint8Array(count * 9);
  let at = 0;
  for (let index = 0; index < count; index += 1) at = writeIpv6Nlri(octets, at, [0x20010db8, index, 0, 0], 64, 0, false);
  return octets;
}

const attributes = {
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: [65000, 65001] }],
  nextHop: { family: 'ipv4', words: [0x0a000001, 0, 0, 0] },
  localPref: 100,
  communities: [1, 2],
};
const block = encodeAttributes(attributes);
const nextHop = nextHopOctets(attributes);
const run4 = { family: 'ipv4-unicast', addPath: false, octets: ipv4Nlri(ROUTES) };
const run6 = { family: 'ipv6-unicast', addPath: false, octets: ipv6Nlri(ROUTES) };
const one = packAnnouncements(block, nextHop, ipv4Nlri(1), V4)?.octets ?? new Uint8Array(0);
const withdrawal = packWithdrawals(ipv4Nlri(1), V4).octets.subarray(19);
const body = one.subarray(19);
const stream = new Uint8Array(one.length * 1000);
for (let index = 0; index < 1000; index += 1) stream.set(one, index * one.length);
const large = ipv4Nlri(100_000);

/** Keeps results alive, so that nothing is optimised away. */
let sink = 0;

/** Prints the best rate of `work`, which does `count` things at once. */
function rate(name, count, work) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round += 1) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  process.stdout.write(`${name.padEnd(40)} ${(count / best / 1000).toFixed(2).padStart(8)} M/s\n`);
}

function times(count, work) {
  return () => {
    for (let index = 0; index < count; index += 1) work();
  };
}

function drainStream() {
  const framer = new Framer();
  framer.feed(stream);
  for (let taken = framer.take(); taken?.ok === true; taken = framer.take()) {
    const scanned = scanUpdate(taken.value.body, CONTEXT);
    if (scanned.ok) sink += scanned.value.attributes.length;
  }
}

const add4 = (word, length) => {
  sink = (sink + word + length) | 0;
};
const add6 = (word0, word1, word2, word3, length) => {
  sink = (sink + word0 + word1 + word2 + word3 + length) | 0;
};
rate(
  'walk IPv4 NLRI',
  ROUTES * 1000,
  times(1000, () => walkIpv4(run4.octets, false, add4)),
);
rate(
  'walk IPv6 NLRI',
  ROUTES * 1000,
  times(1000, () => walkIpv6(run6.octets, false, add6)),
);
rate(
  'scan UPDATEs of one route',
  100_000,
  times(100_000, () => (sink += Number(scanUpdate(body, CONTEXT).ok))),
);
rate(
  'scan UPDATEs of one withdrawal',
  100_000,
  times(100_000, () => (sink += Number(scanUpdate(withdrawal, CONTEXT).ok))),
);
rate('frame and scan UPDATEs of one route', 100_000, times(100, drainStream));
rate(
  'canonical attributes',
  10_000,
  times(10_000, () => (sink += canonicalAttributes(block, nextHop, CONTEXT).octets.length)),
);
rate(
  'decision columns',
  100_000,
  times(100_000, () => (sink += attributeKeys(block).localPref)),
);
rate(
  'reflection edits',
  10_000,
  times(10_000, () => (sink += editAttributes(block, { originatorId: 1, prependCluster: 2 }).length)),
);
rate('pack NLRI', 100_000, () => (sink += packAnnouncements(block, nextHop, large, V4)?.messages ?? 0));

process.stdout.write(`checksum ${sink}\n`);
