/**
 * Finds what of a desired state BIRD takes: where it rejects a file, the peers that the rejected line belongs to are left out
 * and the rest is tried again. A line that belongs to no peer is searched by halves.
 */
import type { Desired, DesiredPeer } from '../desired/types.ts';
import type { CheckFault } from './check.ts';
import { commentText } from './names.ts';
import { peerIssue } from './peer-issue.ts';
import type { LeftOut, PeerView } from './peer-view.ts';
import type { FileSet, Rendered } from './render.ts';
import type { BirdView, FamilyView } from './view.ts';

/** Asks the real daemons about a set of files; undefined where they take it. */
export type CheckSet = (files: FileSet) => Promise<CheckFault | undefined>;

/** What was found. `rendered` undefined: not even a configuration without peers is taken, for the reason in `fault`. */
export interface Accepted {
  readonly rendered: Rendered | undefined;
  readonly fault: CheckFault | undefined;
  /** Peers that were left out of it. */
  readonly left: readonly LeftOut[];
}

/** Most peers that are taken out one by one before the search goes by halves. */
const ONE_BY_ONE = 20;

/** Renders, checks and leaves out. */
export async function findAccepted(
  desired: Desired,
  render: (without: ReadonlySet<string>) => Rendered,
  check: CheckSet,
): Promise<Accepted> {
  const faults = new Map<string, string>();
  for (let round = 0; ; round += 1) {
    const rendered = render(new Set(faults.keys()));
    const fault = await check(rendered.files);
    if (fault === undefined) return { rendered, fault, left: leftOut(desired, faults) };
    const blamed = round < ONE_BY_ONE ? peersAt(rendered, fault) : [];
    if (blamed.length === 0) return await byHalves(desired, { render, check, faults, fault });
    for (const { id } of blamed) faults.set(id, fault.message);
  }
}

interface Search {
  readonly render: (without: ReadonlySet<string>) => Rendered;
  readonly check: CheckSet;
  readonly faults: Map<string, string>;
  readonly fault: CheckFault;
}

async function byHalves(desired: Desired, { render, check, faults, fault }: Search): Promise<Accepted> {
  const all = desired.peers.map((peer) => peer.id).filter((id) => !faults.has(id));
  const tryOnly = async (ids: readonly string[]): Promise<CheckFault | undefined> => {
    const wanted = new Set(ids);
    return await check(render(new Set(desired.peers.map((peer) => peer.id).filter((id) => !wanted.has(id)))).files);
  };
  if ((await tryOnly([])) !== undefined) return { rendered: undefined, fault, left: [] };
  const search = async (ids: readonly string[]): Promise<void> => {
    const found = ids.length === 0 ? undefined : await tryOnly(ids);
    if (found === undefined) return;
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) {
      faults.set(only, found.message);
      return;
    }
    const middle = ids.length >> 1;
    await search(ids.slice(0, middle));
    await search(ids.slice(middle));
  };
  await search(all);
  const rendered = render(new Set(faults.keys()));
  const left = await check(rendered.files);
  return left === undefined
    ? { rendered, fault: undefined, left: leftOut(desired, faults) }
    : { rendered: undefined, fault: left, left: [] };
}

/** The peers of the protocol or filter in which the line stands. */
export function peersAt({ files, view }: Rendered, fault: CheckFault): readonly PeerView[] {
  if (fault.file === undefined || fault.line === undefined) return [];
  const name = fault.file.slice(fault.file.lastIndexOf('/') + 1);
  const lines = files.get(name)?.split('\n').slice(0, fault.line) ?? [];
  const opening = lines.findLast((line) => /^\S/.test(line) && line !== '}' && line !== '{') ?? '';
  const found = /^(protocol bgp|filter) (\S+)/.exec(opening);
  if (found === null) return [];
  const [, kind, symbol] = found;
  return allPeers(view).filter((peer) =>
    kind === 'filter' ? peer.importFilter === symbol || peer.exportFilter === symbol : peer.name === symbol,
  );
}

/** Every session of a view. */
export function allPeers(view: BirdView): readonly PeerView[] {
  return [view.ipv4, view.ipv6].flatMap((family: FamilyView) => family.peers);
}

function leftOut(desired: Desired, faults: ReadonlyMap<string, string>): readonly LeftOut[] {
  const peers = new Map(desired.peers.map((peer): [string, DesiredPeer] => [peer.id, peer]));
  return [...faults].flatMap(([id, message]) => {
    const peer = peers.get(id);
    const rule = `is rejected by BIRD (${commentText(message)}); the peer is not started`;
    return peer === undefined
      ? []
      : [{ peer, issue: peerIssue(peer, { code: 'PEER_REJECTED_BY_BIRD', field: '', got: JSON.stringify(id), rule }) }];
  });
}
