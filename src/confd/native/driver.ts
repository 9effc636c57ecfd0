/** The native engine as a Driver: translates the desired state and gives the speaker's thread the difference. */
import type { Driver } from '../driver.ts';
import type { Issue } from '../resources/types.ts';
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
}

/** Makes the driver; `start` brings the thread up. */
export function createNativeDriver(deps: NativeDeps): NativeDriver {
  const translate = createTranslator(deps.options);
  const host = createSpeakerHost(deps);
  let heldPeers: readonly HeldPeer[] = [];
  return {
    start: async (signal) => {
      if (!signal.aborted) host.start();
    },
    apply: async (desired, signal) => {
      const { config, held, issues } = translate(desired);
      heldPeers = held;
      return { issues, touched: await host.configure(config, signal) };
    },
    stop: (planned) => host.stop(planned, deps.goodbye),
    engineIssues: host.issues,
    held: () => heldPeers,
  };
}
