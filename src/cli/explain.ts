/** `linnet explain PREFIX [--peer P]`: the chain from resource to wire, from the records that were acted on. */

import { formatAddress, formatPrefix, hostPrefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import type { Command } from 'commander';
import { explainDocument } from '../health/explanation.ts';
import type { ExplainDocument, ExplainPeer, ExplainStep } from '../health/status.ts';
import { addApiOptions, apiOf, getDocument } from './client.ts';
import type { CommandContext } from './command.ts';
import { addConfigFlags } from './config-flags.ts';
import { CommandError, EXIT } from './exit.ts';
import { OFFLINE_KEYS, offlineNode, wantsOffline } from './offline.ts';
import { outputOption, printJson, printLines } from './output.ts';
import { formatTable } from './table.ts';

interface ExplainOptions {
  readonly peer?: string;
  readonly api?: string;
  readonly runDir?: string;
  readonly output: string;
}

/** Adds the command. Exit status 0: advertised to at least one of the peers; 1: to none. */
export function define(command: Command, context: CommandContext): void {
  command.argument('<prefix>', 'a prefix, or an address').option('--peer <peer>', 'only this peer: its id, or its address');
  command.addOption(outputOption('table', 'json'));
  addConfigFlags(command, OFFLINE_KEYS);
  addApiOptions(command);
  command.action(async (text: string, options: ExplainOptions) => {
    const prefix = canonicalPrefix(text);
    const document = wantsOffline(command)
      ? await offlineExplain(command, context, prefix, options.peer)
      : await getDocument<ExplainDocument>(await apiOf(options, context), '/api/v1/explain', 'linnet.explain/v1', {
          prefix,
          peer: options.peer,
        });
    if (options.output === 'json') printJson(document);
    else printLines(explainLines(document));
    context.exit = document.verdict === 'advertised' ? EXIT.ok : EXIT.negative;
  });
}

/** The prefix without host bits, as text; an address is its host prefix. */
export function canonicalPrefix(text: string): string {
  const address = parseAddress(text);
  const prefix = address === undefined ? parsePrefix(text) : hostPrefix(address);
  if (prefix === undefined) throw new CommandError(EXIT.usage, `${text} is not a prefix or an address`);
  return formatPrefix(prefix);
}

/**
 * Without a daemon: a speaker in memory with the node's configuration, all of its peers up and silent. What it says is what
 * it really did; routes that peers would announce are not known to it.
 */
async function offlineExplain(
  command: Command,
  context: CommandContext,
  text: string,
  wanted: string | undefined,
): Promise<ExplainDocument> {
  const { config, engine, desired, held } = await offlineNode(command, context);
  const [{ rehearse }, { explainSteps }, { explanationView }, { heldView }] = await Promise.all([
    import('../main/rehearsal.ts'),
    import('../main/explain-steps.ts'),
    import('../confd/native/explain-view.ts'),
    import('../main/pushes.ts'),
  ]);
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new CommandError(EXIT.usage, `${text} is not a prefix`);
  const peer = desired.peers.find((entry) => entry.id === wanted || formatAddress(entry.address) === wanted);
  if (wanted !== undefined && peer === undefined) throw new CommandError(EXIT.negative, `no peer ${wanted}`);
  const asked = held.filter((entry) => peer === undefined || entry.peer === peer);
  const one = asked.length > 0 && peer !== undefined;
  const speaker = explanationView(rehearse(config).explain(prefix), one ? null : (peer?.id ?? null));
  return explainDocument({
    prefix: text,
    before: explainSteps(engine.explain(prefix)),
    speaker: one ? { ...speaker, peers: [] } : speaker,
    held: asked.map(heldView),
    peer: () => undefined,
  });
}

function explainLines(document: ExplainDocument): readonly string[] {
  const told = document.peers.filter((peer) => peer.verdict === 'advertised').length;
  const head = [
    `${document.prefix} is ${document.verdict === 'advertised' ? `advertised to ${told} of ${document.peers.length} peers` : 'not advertised'}`,
    ...coverLines(document),
  ];
  const steps = formatTable(
    ['STAGE', '', 'RULE', 'SOURCE', 'OBJECTS'],
    document.steps.filter((step) => step.stage !== 'sent').map(stepRow),
  );
  const peers =
    document.peers.length === 0 ? ['No peers.'] : formatTable(['PEER', 'VERDICT', 'GROUP', 'BECAUSE OF'], document.peers.map(peerRow));
  const sent = document.peers.filter((peer) => peer.lastSent !== null).map((peer) => `${peer.peer}: ${peer.lastSent?.updateHex ?? ''}`);
  return [...head, '', ...steps, '', ...peers, ...(sent.length === 0 ? [] : ['', 'Last UPDATE with this prefix', ...sent])];
}

/** A prefix without a path of its own is reached by what covers it: that is the next thing to ask for. */
function coverLines({ verdict, coveredBy }: ExplainDocument): readonly string[] {
  return verdict === 'advertised' || coveredBy === null ? [] : [`${coveredBy} covers it: linnet explain ${coveredBy}`];
}

function stepRow(step: ExplainStep): readonly string[] {
  return [step.stage, step.verdict === 'pass' ? '+' : 'x', step.rule, step.citation, step.objects.join(' ')];
}

function peerRow(peer: ExplainPeer): readonly string[] {
  const { blockedBy } = peer;
  if (blockedBy === null) return [peer.peer, 'advertised', peer.group, ''];
  const term = blockedBy.term === null ? '' : ` (term ${blockedBy.term})`;
  return [peer.peer, 'not advertised', peer.group, `${blockedBy.rule}${term} ${blockedBy.objects.join(' ')}`.trimEnd()];
}
