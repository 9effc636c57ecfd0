/** The native engine as a Driver: translates the desired state and gives the speaker's thread the difference. */
import type { SpeakerConfig } from 'bgp-ts';
import type { DrainPhase, Driver } from '../driver.ts';
import type { Issue } from '../resources/types.ts';
import { createDraining } from './draining.ts';
import type { HostDeps } from './host.ts';
import { createSpeakerHost } from './host.ts';
import type { HeldPeer, TranslateOptions } from './translate.ts';
import { createTranslator } from './translate.ts';

/** What the driver needs. */
export interface NativeDeps extends HostDeps {
  readonly options: TranslateOptions;
  /** Text of the Cease that ends the sessions on an unplanned stop (RFC 9003). */
  readonly goodbye: string;
}

/** The driver, and the engine's issues between two applies (a dead thread, a taken port). */
export interface NativeDriver extends Driver {
  readonly engineIssues: () => readonly Issue[];
  /** Peers of the last state that are not started. */
  readonly held: () => readonly HeldPeer[];
  /** The node's way out (RFC 8326), from now on and for every state to come. Resolves when the speaker has it. */
  readonly drain: (phase: DrainPhase) => Promise<void>;
}

/** Makes the driver; `start` brings the thread up. */
export function createNativeDriver(deps: NativeDeps): NativeDriver {
  const translate = createTranslator(deps.options);
  const host = createSpeakerHost(deps);
  const draining = createDraining();
  const never = new AbortController().signal;
  let heldPeers: readonly HeldPeer[] = [];
  let phase: DrainPhase = 'off';
  let last: SpeakerConfig | undefined;
  return {
    start: async (signal) => {
      if (!signal.aborted) host.start();
    },
    apply: async (desired, signal) => {
      const { config, held, issues } = translate(desired);
      heldPeers = held;
      last = config;
      return { issues, touched: await host.configure(draining(config, phase), signal) };
    },
    drain: async (next) => {
      phase = next;
      if (last !== undefined) await host.configure(draining(last, phase), never);
    },
    stop: (planned) => host.stop(planned, deps.goodbye),
    engineIssues: host.issues,
    held: () => heldPeers,
  };
}
