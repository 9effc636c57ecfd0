/** Everything the RIB does with the body of an UPDATE, on whatever it is. Throws where a step cannot use what the one before made. */
import { deepStrictEqual, notStrictEqual, ok } from 'node:assert/strict';
import type { AnnouncedRun, UpdateContext } from 'bgp-ts/wire';
import {
  attributeKeys,
  CANONICAL,
  canonicalAttributes,
  containsCluster,
  countAs,
  decodeAttributes,
  decodeNlri,
  decodeUpdate,
  editAttributes,
  MAX_EXTENDED_MESSAGE,
  packAnnouncements,
  scanUpdate,
  splitMessages,
  toTwoOctetAs,
  walkNlri,
} from 'bgp-ts/wire';

const HEADER = 19;

function useRun(raw: Uint8Array, { nextHop, family, addPath, octets }: AnnouncedRun, ctx: UpdateContext): void {
  const canonical = canonicalAttributes(raw, nextHop, ctx);
  notStrictEqual(canonical.outcome, 'session-reset');
  // What is canonical stays as it is, and every consumer can work on it.
  ok(Buffer.compare(canonicalAttributes(canonical.octets, canonical.nextHop, CANONICAL).octets, canonical.octets) === 0, 'not canonical');
  const keys = attributeKeys(canonical.octets);
  ok(countAs(canonical.octets, 1) + Number(containsCluster(canonical.octets, 1)) + keys.asPathLength >= 0);
  const changed = editAttributes(canonical.octets, { prependAs: [70000], prependCluster: 1, originatorId: 2, addCommunities: [3] });
  deepStrictEqual(countAs(changed, 70000), countAs(canonical.octets, 70000) + 1);
  const narrow = decodeAttributes(toTwoOctetAs(changed), { ...CANONICAL, fourOctetAs: false }, canonical.nextHop);
  deepStrictEqual(
    narrow.faults.filter(({ attribute }) => attribute !== 1 && attribute !== 3),
    [],
  );
  if (canonical.outcome !== undefined) return;
  const packed = packAnnouncements(canonical.octets, canonical.nextHop, octets, { family, addPath, maxMessage: MAX_EXTENDED_MESSAGE });
  for (const message of packed === undefined ? [] : splitMessages(packed))
    ok(scanUpdate(message.subarray(HEADER), { ...ctx, fourOctetAs: true }).ok, 'what is sent on cannot be read');
}

/** Works on a body in a session. */
export function useUpdate(body: Uint8Array, ctx: UpdateContext): void {
  const scanned = scanUpdate(body, ctx);
  if (!scanned.ok) {
    ok(scanned.error.notification.code <= 3, scanned.error.detail);
    return;
  }
  const { announced, withdrawn, attributes: raw, faults } = scanned.value;
  ok(faults.every((fault) => fault.outcome !== 'session-reset'));
  for (const run of [...announced, ...withdrawn]) {
    let count = 0;
    walkNlri(run, () => {
      count += 1;
    });
    deepStrictEqual(decodeNlri(run).length, count);
  }
  for (const run of announced) useRun(raw, run, ctx);
  decodeUpdate(body, ctx);
}
