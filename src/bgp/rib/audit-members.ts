/** Whether every session is where it should be: in its group, following the log from a place that the log still has. */
import type { Group } from './group.ts';
import type { Groups } from './groups.ts';
import type { PeerState } from './peer.ts';

/** Looks at the members of one group; those that cannot go on from where they stand are told everything again. Returns how many, and prefixes told again to all. */
export function auditMembers(group: Group): number {
  const { log } = group;
  let repaired = 0;
  for (const feed of group.members.values()) {
    if (feed.walk === undefined && (feed.cursor > log.head || feed.cursor < log.tail - 1)) {
      group.startOver(feed);
      repaired++;
    }
  }
  // A batch with other readers than those before it: one of them went on without it, or the log forgets it too soon or never.
  const cursors = [...group.members.values()].filter((feed) => feed.walk === undefined).map((feed) => feed.cursor);
  const missed = new Set(log.recount(cursors).map((slot) => group.slots?.prefix[slot] ?? slot));
  if (missed.size > 0) group.retell(missed);
  return repaired + missed.size;
}

/** Looks at the groups of one peer. Returns how many families were not in theirs. */
export function auditPeer(peer: PeerState, groups: Groups, routerId: number): number {
  let repaired = 0;
  for (const family of peer.session?.families ?? []) {
    const own = peer.families[family];
    if (own.feed === undefined) groups.join(peer, own, routerId);
    else if (groups.holds(peer, own, own.feed, routerId)) continue;
    repaired++;
  }
  return repaired;
}
