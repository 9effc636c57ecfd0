/** Counts what differs between two views: the sessions, routes and policies that a reconfiguration touches. Pure. */
import { sameData } from '../desired/compare.ts';
import type { ApplyResult } from '../driver.ts';
import { allPeers } from './accept.ts';
import type { BirdView, FamilyView } from './view.ts';

/** Nothing touched. */
export const UNTOUCHED: ApplyResult['touched'] = { peers: 0, routes: 0, policies: 0 };

/** The difference; `before` undefined: there was nothing. */
export function touchedBetween(before: BirdView | undefined, after: BirdView): ApplyResult['touched'] {
  return {
    peers: differences(before, after, (view) => allPeers(view).map((peer) => [peer.name, peer])),
    routes: differences(before, after, (view) => families(view).flatMap(({ statics }) => statics.map((route) => [route.prefix, route]))),
    policies: differences(before, after, (view) =>
      families(view).flatMap(({ filters, exportFunction }) => [...filters, exportFunction].map((filter) => [filter.name, filter.lines])),
    ),
  };
}

function families(view: BirdView): readonly FamilyView[] {
  return [view.ipv4, view.ipv6].filter(({ enabled }) => enabled);
}

function differences(
  before: BirdView | undefined,
  after: BirdView,
  entries: (view: BirdView) => readonly (readonly [string, unknown])[],
): number {
  const old = new Map(before === undefined ? [] : entries(before));
  const now = new Map(entries(after));
  const changed = [...now].filter(([key, value]) => !old.has(key) || !sameData(old.get(key), value)).length;
  return changed + [...old.keys()].filter((key) => !now.has(key)).length;
}
