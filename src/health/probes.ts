/**
 * Liveness and readiness from what was pushed (control-plane 8.1, 8.2). Pure, and therefore never waits for what it judges.
 * Texts that begin `calico/node is not ready:` and contain `BGP not established with` are Calico's: people search for them.
 */
import { KERNEL_STALL_MS } from './limits.ts';
import { type HealthState, peerClass, sortedPeers, threadView } from './state.ts';
import type { CheckView, DaemonView, HealthDocument, PeerClass, PeerRequirement, ReadinessPolicy, ThreadView } from './status.ts';

/** Calico's rule over every peer but those to local workloads (control-plane 8.2). */
export const DEFAULT_READINESS: ReadinessPolicy = {
  thresholdMs: 30_000,
  classes: { mesh: 'pooled', node: 'pooled', global: 'pooled', 'local-workload': 'ignored', other: 'pooled' },
};

const CLASSES: readonly PeerClass[] = ['mesh', 'node', 'global', 'local-workload', 'other'];

/** Every thread that should push does. `now` is live milliseconds. */
export function liveness(state: HealthState, now: number): HealthDocument {
  const threads = state.threads.map((name) => threadCheck(threadView(state, name, now)));
  const birds = state.daemons.map((daemon) => birdCheck(daemon, 'bird/confd is not live'));
  return document('liveness', 'calico/node is not live', [...threads, ...kernelChecks(state), ...birds]);
}

/** First complete snapshot applied, BGP listeners up, sessions as the policy wants them, no thread stalled. */
export function readiness(state: HealthState, policy: ReadinessPolicy, now: number): HealthDocument {
  const threads = state.threads.map((name) => threadCheck(threadView(state, name, now)));
  const speaker = state.threads.includes('speaker') ? [listenerCheck(state), ...sessionChecks(state, policy, now)] : [];
  const birds = state.daemons.map((daemon) => birdCheck(daemon, 'BIRD is not ready: Error querying BIRD'));
  return document('readiness', 'calico/node is not ready', [...threads, ...kernelChecks(state), ...birds, appliedCheck(state), ...speaker]);
}

function document(probe: HealthDocument['probe'], failure: string, checks: readonly CheckView[]): HealthDocument {
  const failed = checks.find((check) => !check.ok);
  return {
    schema: 'linnet.health/v1',
    probe,
    ok: failed === undefined,
    message: failed === undefined ? 'ok' : `${failure}: ${failed.detail}`,
    checks,
  };
}

function threadCheck(thread: ThreadView): CheckView {
  const name = `thread-${thread.name}`;
  if (thread.stalled) return { name, ok: false, detail: stallText(thread), thread: thread.name };
  return { name, ok: true, detail: thread.ageMs === null ? 'starting' : 'running' };
}

/** Says which thread is stalled and since when. */
export function stallText(thread: ThreadView): string {
  const since =
    thread.ageMs === null ? 'no sign of life since it was started' : `no sign of life for ${(thread.ageMs / 1000).toFixed(1)} s`;
  return `the ${thread.name} thread is stalled: ${since}${thread.doing === undefined ? '' : `, ${thread.doing}`}`;
}

/** BIRD by its own word: a round trip on its socket, made by main and never waited for here. */
function birdCheck({ name, ok, detail }: DaemonView, failure: string): CheckView {
  const check = `bird-${name === 'BIRDv6' ? 'ipv6' : 'ipv4'}`;
  return ok ? { name: check, ok, detail: 'answers' } : { name: check, ok, detail: `${failure}: ${name} socket: ${detail}` };
}

/** Main hears from the kernel's thread every second; one long write may take some. */
function kernelChecks({ main }: HealthState): CheckView[] {
  if (main?.kernel === undefined) return [];
  const { ageMs } = main.kernel;
  if (ageMs <= KERNEL_STALL_MS) return [{ name: 'thread-kernel', ok: true, detail: 'running' }];
  return [{ name: 'thread-kernel', ok: false, detail: `the kernel thread is stalled: no sign of life for ${(ageMs / 1000).toFixed(1)} s` }];
}

function appliedCheck(state: HealthState): CheckView {
  const name = 'first-apply';
  if (!state.threads.includes('main')) {
    const configured = (state.speaker?.routerId ?? '') !== '';
    return { name, ok: configured, detail: configured ? 'the speaker is configured' : 'the speaker is not configured yet' };
  }
  const applied = (state.main?.firstAppliedAt ?? 0) !== 0;
  if (applied && state.speakerKnowsSnapshot) return { name, ok: true, detail: 'the first complete snapshot is applied' };
  if (applied) return { name, ok: false, detail: 'the first complete snapshot is applied, its sessions are not reported yet' };
  const inSync = state.main?.source.inSync === true;
  return {
    name,
    ok: false,
    detail: inSync ? 'the first complete snapshot is not applied yet' : 'the datastore has not delivered a complete snapshot yet',
  };
}

function listenerCheck(state: HealthState): CheckView {
  const name = 'bgp-listeners';
  const listeners = state.speaker?.listeners ?? [];
  const down = listeners.filter((listener) => !listener.up);
  if (down.length === 0) return { name, ok: true, detail: `${listeners.length} listening` };
  const texts = down.map((listener) => `${listener.address} port ${listener.port}${listener.error === null ? '' : ` (${listener.error})`}`);
  return { name, ok: false, detail: `BGP is not listening on ${texts.join(',')}` };
}

/** A wanted session; held peers are wanted too, and never established. */
interface Wanted {
  readonly address: string;
  readonly class: PeerClass;
  readonly established: boolean;
}

/** One check per IP version, as Calico has one daemon for each. */
function sessionChecks(state: HealthState, policy: ReadinessPolicy, now: number): CheckView[] {
  const wanted: Wanted[] = sortedPeers(state)
    .filter((peer) => !peer.adminDown)
    .map((peer) => ({ address: peer.remote.address, class: peerClass(peer.id), established: peer.state === 'established' }));
  for (const peer of state.held) wanted.push({ address: peer.address, class: peerClass(peer.id), established: false });
  const young = now - state.startedAt < policy.thresholdMs;
  const isV6 = (peer: Wanted): boolean => peer.address.includes(':');
  return [
    sessionCheck(
      'bgp-ipv4',
      wanted.filter((peer) => !isV6(peer)),
      policy,
      young,
    ),
    sessionCheck('bgp-ipv6', wanted.filter(isV6), policy, young),
  ];
}

function sessionCheck(name: string, wanted: readonly Wanted[], policy: ReadinessPolicy, young: boolean): CheckView {
  const pooled = wanted.filter((peer) => policy.classes[peer.class] === 'pooled');
  const missing = new Set(unmet(pooled, young ? 'all' : 'one'));
  for (const one of CLASSES) {
    const requirement = policy.classes[one];
    if (requirement === 'pooled') continue;
    for (const address of unmet(
      wanted.filter((peer) => peer.class === one),
      requirement,
    ))
      missing.add(address);
  }
  if (missing.size > 0) return { name, ok: false, detail: `BGP not established with ${[...missing].join(',')}` };
  const up = wanted.filter((peer) => peer.established).length;
  return { name, ok: true, detail: wanted.length === 0 ? 'no peers' : `${up} of ${wanted.length} established` };
}

/** Addresses that are missing when the requirement is not met. */
function unmet(peers: readonly Wanted[], requirement: Exclude<PeerRequirement, 'pooled'>): string[] {
  const down = peers.filter((peer) => !peer.established);
  if (requirement === 'ignored' || (requirement === 'one' && down.length < peers.length)) return [];
  return down.map((peer) => peer.address);
}

/** Text form of a probe: one line, or with `verbose` one line per check before it. */
export function probeText(health: HealthDocument, verbose: boolean): string {
  if (!verbose) return `${health.message}\n`;
  const lines = health.checks.map((check) => `[${check.ok ? '+' : '-'}]${check.name} ${check.ok ? 'ok' : 'failed'}: ${check.detail}`);
  return `${[...lines, health.message].join('\n')}\n`;
}
