/** `linnet peers`: the sessions in the columns that users of calicoctl and cilium know. */
import type { Command } from 'commander';
import { driftText } from '../health/drift.ts';
import type { HeldPeerView, PeersDocument, PeerView } from '../health/status.ts';
import { addApiOptions, apiOf, getDocument } from './client.ts';
import type { CommandContext } from './command.ts';
import { addConfigFlags } from './config-flags.ts';
import { formatSince } from './format.ts';
import { OFFLINE_KEYS, offlineNode, wantsOffline } from './offline.ts';
import { outputOption, printJson, printLines } from './output.ts';
import { printTable } from './table.ts';

const HEAD = ['PEER ADDRESS', 'PEER TYPE', 'STATE', 'SINCE', 'AS', 'RECEIVED', 'ACCEPTED', 'ADVERTISED', 'GROUP', 'INFO'];

/** calicoctl's words for the kinds of peers, by the beginning of the id. */
const TYPES: readonly (readonly [prefix: string, type: string])[] = [
  ['Mesh_', 'node-to-node mesh'],
  ['Node_', 'node specific'],
  ['Global_', 'global'],
  ['Local_Workload_', 'local workload'],
];

/** Adds the command. */
export function define(command: Command, context: CommandContext): void {
  command.addOption(outputOption('table', 'json'));
  addConfigFlags(command, OFFLINE_KEYS);
  addApiOptions(command);
  command.action(async (options: { api?: string; runDir?: string; output: string }) => {
    const document = wantsOffline(command) ? await offlinePeers(command, context) : await runningPeers(options, context);
    if (options.output === 'json') printJson(document);
    else {
      printTable(HEAD, [...document.peers.map(peerRow), ...document.held.map(heldRow)]);
      const drift = driftText(document.drift);
      if (drift !== '') printLines(['', `Self-audits put right ${drift} (DRIFT_REPAIRED; docs/health.md, Audit).`]);
    }
  });
}

async function runningPeers(options: { api?: string; runDir?: string }, context: CommandContext): Promise<PeersDocument> {
  return await getDocument<PeersDocument>(await apiOf(options, context), '/api/v1/peers', 'linnet.peers/v1');
}

/** Offline there are no sessions: the peers that the manifests ask for, none of them up. */
async function offlinePeers(command: Command, context: CommandContext): Promise<PeersDocument> {
  const { desired, config, held } = await offlineNode(command, context);
  const [{ createSpeaker }, { peerView }, { heldView }] = await Promise.all([
    import('bgp-ts'),
    import('../confd/native/views.ts'),
    import('../main/pushes.ts'),
  ]);
  const speaker = createSpeaker({ random: () => 0, wallClock: () => 0 });
  speaker.handle({ type: 'configure', config }, 0);
  const peers = speaker
    .status()
    .peers.map((peer): PeerView => ({ ...peerView(peer, undefined), state: 'idle', since: 0, nextRetryAt: null }));
  return {
    schema: 'linnet.peers/v1',
    node: desired.node,
    at: 0,
    drift: { announcements: 0, ownRoutes: 0, kernelRoutes: 0 },
    peers,
    held: held.map(heldView),
  };
}

function peerType(id: string, kind: PeerView['type'] | undefined): string {
  const type = TYPES.find(([prefix]) => id.startsWith(prefix))?.[1];
  return type ?? (kind === 'ebgp' ? 'external' : 'internal');
}

function peerRow(peer: PeerView): readonly string[] {
  const sum = (count: (family: PeerView['families'][number]) => number): string =>
    String(peer.families.reduce((total, family) => total + count(family), 0));
  const port = peer.remote.port === 179 ? '' : ` port ${peer.remote.port}`;
  return [
    `${peer.remote.address}${port}`,
    peerType(peer.id, peer.type),
    peer.state,
    formatSince(peer.since, Date.now()),
    String(peer.remoteAs),
    sum((family) => family.received),
    sum((family) => family.accepted),
    sum((family) => family.advertised),
    peer.families
      .map((family) => family.group)
      .filter((group) => group !== '')
      .join(','),
    peerInfo(peer),
  ];
}

/** Why it is down, what is worth knowing while it is up, and the last error of either side. */
function peerInfo(peer: PeerView): string {
  const notes: string[] = [];
  if (peer.adminDown) notes.push('administratively down');
  else if (peer.heldBack !== null) notes.push(`held back: ${peer.heldBack}`);
  if (peer.range !== null) notes.push(`of ${peer.range}`);
  const lag = Math.max(0, ...peer.families.map((family) => family.lag));
  if (lag > 0) notes.push(`${lag} changes behind`);
  if (peer.draining) notes.push('graceful shutdown');
  if (peer.reflectorClient) notes.push('reflector client');
  if (peer.families.some((family) => family.slow)) notes.push('slow');
  if (peer.state !== 'established') {
    if (peer.passive) notes.push('passive');
    if (peer.diagnosis !== null) notes.push(peer.diagnosis);
    if (peer.nextRetryAt !== null) notes.push(`next attempt in ${Math.max(0, Math.ceil((peer.nextRetryAt - Date.now()) / 1000))}s`);
  }
  const errors = [
    { word: 'received', error: peer.lastErrorReceived },
    { word: 'sent', error: peer.lastErrorSent },
  ];
  for (const { word, error } of errors) if (error !== null) notes.push(`${word} ${error.text} ${formatSince(error.at, Date.now())} ago`);
  return notes.join('; ');
}

function heldRow(peer: HeldPeerView): readonly string[] {
  return [peer.address, peerType(peer.id, undefined), 'not started', '', '', '', '', '', '', `${peer.issue}: ${peer.detail}`];
}
