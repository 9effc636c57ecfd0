/** Why a prefix is routed as it is and who is told: from the rows and sent states acted on, by the functions that acted. */
import type { Prefix } from '../net/types.ts';
import { maskWords } from '../net/words.ts';
import { OTHERWISE } from '../policy/index.ts';
import type { Family } from '../wire/index.ts';
import { type DecisionStep, type DecisionTables, lostAt, stepsOf } from './decision.ts';
import { ChangeSet, NOBODY } from './encoding.ts';
import type { Feed } from './feed.ts';
import { LOOP_RULES } from './import.ts';
import { LOCAL } from './limits.ts';
import { familyOf } from './local-routes.ts';
import { REJECTED } from './path-table.ts';
import type { PeerState } from './peer.ts';
import { type Inspection, importGrounds, loopAt, rowsOf, toldRow, viewOf } from './routes.ts';
import type { FamilyTables } from './tables.ts';
import type { PeerExplanation, RouteExplanation } from './types.ts';

type BlockedBy = NonNullable<PeerExplanation['blockedBy']>;

const blocked = (rule: string, citation: string, term?: string): BlockedBy => ({
  rule,
  citation,
  ...(term === undefined ? {} : { term }),
  reasons: [],
});
const named = ({ step, citation }: DecisionStep): { step: string; citation: string } => ({ step, citation });

/** Everything known of a prefix; without candidates where it is in no table. */
export function explainPrefix(state: Inspection, prefix: Prefix): RouteExplanation {
  const family = familyOf(prefix);
  const tables = state.tables[family];
  const [w0, w1, w2, w3] = prefix.words;
  const id = tables.prefixes.find(w0, w1, w2, w3, prefix.length);
  const rows = id < 0 ? [] : rowsOf(tables, id);
  const best = id < 0 ? -1 : (tables.prefixes.best[id] ?? -1);
  const { attributes, sources, decision: options } = state.stores;
  const decision: DecisionTables = { options, attributes, sources, paths: tables.paths, visited: 0 };
  const steps = stepsOf(decision);
  const accepted = rows.filter((row) => ((tables.paths.flags[row] ?? 0) & REJECTED) === 0);
  const losses = new Map(
    best < 0 ? [] : accepted.filter((row) => row !== best).map((row) => [row, lostAt(decision, row, best, accepted)] as const),
  );
  const closest = Math.max(-1, ...[...losses.values()].map((step) => (step === undefined ? -1 : steps.indexOf(step))));
  const decidedBy = steps[closest];
  const ordered = [...rows].sort((a, b) => Number(b === best) - Number(a === best));
  const coveredBy = coveringOf(tables, prefix);
  return {
    prefix,
    candidates: ordered.map((row) => {
      const step = losses.get(row);
      const loop = loopAt(state, family, row);
      return {
        ...viewOf(state, family, row, false),
        ...(step !== undefined && { lostAt: named(step) }),
        ...(loop !== undefined && { loop: LOOP_RULES[loop] }),
        importTerm: importGrounds(state, family, row).term,
      };
    }),
    ...(decidedBy !== undefined && { decidedBy: named(decidedBy) }),
    ...(coveredBy !== undefined && { coveredBy }),
    peers: [...state.peers.all()].filter((peer) => !peer.removed).map((peer) => explainPeer(state, family, id, peer)),
  };
}

/** The longest less specific prefix with a best path. */
function coveringOf({ prefixes }: FamilyTables, { family, words, length }: Prefix): Prefix | undefined {
  for (let shorter = length - 1; shorter >= 0; shorter--) {
    const masked = maskWords(words, shorter);
    const [w0, w1, w2, w3] = masked;
    const id = prefixes.find(w0, w1, w2, w3, shorter);
    if (id >= 0 && (prefixes.best[id] ?? -1) >= 0) return { family, words: masked, length: shorter };
  }
  return undefined;
}

function explainPeer(state: Inspection, family: Family, prefix: number, peer: PeerState): PeerExplanation {
  const feed = peer.families[family].feed;
  const base = { peer: peer.config.id, up: peer.session !== undefined, group: feed?.group.id ?? '' };
  if (peer.session === undefined)
    return { ...base, advertised: false, blockedBy: blocked('session down', 'RFC 4271 section 8'), delivered: false };
  if (feed === undefined)
    return { ...base, advertised: false, blockedBy: blocked('family not negotiated', 'RFC 4760 section 8'), delivered: false };
  const { group } = feed;
  const slots = prefix < 0 ? [] : group.slotsOf(prefix);
  const delivered = slots.every((slot) => feed.hasDelivered(slot, group.sent.sequence[slot] ?? 0));
  if (!feed.attached)
    return { ...base, advertised: false, blockedBy: blocked('initial table not yet made', 'bgp-speaker 2.4'), delivered: false };
  const told = prefix < 0 ? [] : group.toldTo(feed, prefix);
  const first = told[0];
  if (first === undefined) return { ...base, advertised: false, blockedBy: whyNot(state, family, prefix, feed), delivered };
  const term = exportTerm(state, family, prefix, toldRow(state, family, group, prefix, first), feed);
  return { ...base, advertised: true, ...(term !== undefined && { exportTerm: term }), lastSent: lastSent(state, told, feed), delivered };
}

function whyNot(state: Inspection, family: Family, prefix: number, feed: Feed): BlockedBy {
  const tables = state.tables[family];
  const { sent, exports } = feed.group;
  const row = prefix < 0 ? -1 : feed.group.slots === undefined ? feed.group.onlyRow(prefix) : (tables.prefixes.best[prefix] ?? -1);
  // Told to others: what keeps it from this peer is that it comes from there.
  const told = prefix < 0 ? undefined : feed.group.slotsOf(prefix).find((slot) => (sent.exports[slot] ?? 0) !== 0);
  const isTold = told !== undefined;
  const source = isTold ? sent.sources[told] : row < 0 ? LOCAL : tables.paths.source[row];
  if (source === feed.peer) return blocked('learned from this peer', 'RFC 4456 section 6');
  if (isTold) return blocked('ORIGINATOR_ID is this peer', 'RFC 4456 section 8');
  if (row < 0) return noRow(tables, prefix, exports.rules.diversePath);
  const verdict = exports.verdict(prefix, tables.paths.attributes[row] ?? 0, tables.paths.source[row] ?? LOCAL);
  if (verdict.block !== undefined) return blocked(verdict.block.rule, verdict.block.citation);
  if (verdict.outcome === undefined || verdict.id !== 0) return blocked('change pending', 'bgp-speaker 2.4');
  const { term, reasons } = verdict.outcome;
  if (term === OTHERWISE) return blocked('no term of the export policy accepts it', 'RFC 4271 section 9.1.3', term);
  return { rule: 'rejected by export policy', citation: reasons[0]?.rule ?? 'policy', term, reasons };
}

/** Nothing to tell: nobody announces the prefix, import refused every path, or too few of them differ. */
function noRow(tables: FamilyTables, prefix: number, diversePath: number): BlockedBy {
  const rows = prefix < 0 ? [] : rowsOf(tables, prefix);
  if (rows.length === 0) return blocked('no route', 'RFC 4271 section 9.1.2');
  if (rows.every((row) => ((tables.paths.flags[row] ?? 0) & REJECTED) !== 0))
    return blocked('every path to it was refused on import', 'RFC 4271 section 9.1.1');
  if (diversePath > 1) return blocked(`no ${diversePath} paths with different next hops`, 'RFC 6774 section 2');
  return blocked('decision pending', 'RFC 4271 section 9.1.2');
}

function exportTerm(state: Inspection, family: Family, prefix: number, row: number, feed: Feed): string | undefined {
  const { paths } = state.tables[family];
  if (row < 0) return undefined;
  return feed.group.exports.verdict(prefix, paths.attributes[row] ?? 0, paths.source[row] ?? LOCAL).outcome?.term;
}

/** The UPDATEs for this prefix alone, from what the group has told. */
function lastSent(state: Inspection, told: readonly number[], feed: Feed): { readonly at: number; readonly updateHex: string } {
  const { group } = feed;
  const changes = new ChangeSet();
  for (const slot of told) changes.announce(slot, group.sent.exports[slot] ?? 0, NOBODY);
  const at = Math.max(...told.map((slot) => group.sent.at[slot] ?? 0));
  return { at: state.born + at * 100, updateHex: Buffer.from(group.encode(changes).octets).toString('hex') };
}
