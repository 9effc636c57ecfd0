/** The routing engine that the configuration asks for, behind one face. */
import { join } from 'node:path';
import { createBirdDriver } from '../confd/bird/driver.ts';
import type { Desired, DesireOptions } from '../confd/desired/types.ts';
import type { DrainPhase, Driver } from '../confd/driver.ts';
import type { Log } from '../confd/log.ts';
import type { HeldPeer } from '../confd/native/translate.ts';
import type { Issue } from '../confd/resources/types.ts';
import type { Config } from '../config/types.ts';
import type { SpeakerPush } from '../health/status.ts';
import type { HealthThread } from '../health/thread.ts';
import { observeBird } from './bird-health.ts';
import { birdDesireOptions, birdViewOptions } from './bird-options.ts';
import { desireOptions } from './options.ts';
import { StartError } from './start-error.ts';

/** What the daemon asks of an engine. */
export interface Engine extends Driver {
  /** Issues between two applies. */
  readonly engineIssues: () => readonly Issue[];
  /** Peers of the last state that are not started. */
  readonly held: () => readonly HeldPeer[];
  /** The node's way out (RFC 8326); resolves when the engine has been told. */
  readonly drain: (phase: DrainPhase) => Promise<void>;
}

/** What the BIRD engine needs of the daemon. */
export interface BirdEngineDeps {
  readonly health: HealthThread;
  readonly log: Log;
  readonly desired: () => Desired | undefined;
  readonly loop: () => SpeakerPush['loop'];
  readonly issuesChanged: () => void;
}

/** Options of the desired state for the configured engine. */
export function engineDesireOptions(config: Config, node: string): DesireOptions {
  return config.engine === 'native' ? desireOptions(config, node) : birdDesireOptions(config, node);
}

/** Throws StartError `ENGINE` where a value asks for what only the native engine does. */
export function requireEngineOptions(config: Config): void {
  if (config.engine === 'native') return;
  const refuse = (flag: string): never => {
    throw new StartError('ENGINE', `--${flag} is for the native engine only, not for --engine ${config.engine}`);
  };
  if (config.sessionFamilies === 'both') refuse('session-families both');
  if (config.transportMap.length > 0) refuse('transport-map');
}

/** BIRD under the driver, observed for the health thread while it is up. Files are in `bird` of the state directory. */
export function createBirdEngine(config: Config, flavor: 'bird1' | 'bird2', deps: BirdEngineDeps): Engine {
  const driver = createBirdDriver({
    options: {
      flavor,
      commands: { bird: [config.birdProgram], bird6: [config.bird6Program] },
      mode: config.birdMode,
      configDirectory: join(config.stateDir, 'bird'),
      alwaysRecover: config.compat === 'calico',
      socketDirectory: config.runDir,
      view: birdViewOptions(config),
    },
    log: deps.log,
    issuesChanged: deps.issuesChanged,
  });
  const sockets = (flavor === 'bird1' ? ['bird.ctl', 'bird6.ctl'] : ['bird.ctl']).map((name) => join(config.runDir, name));
  let leave: (() => void) | undefined;
  let phase: DrainPhase = 'off';
  return {
    start: async (signal) => {
      await driver.start(signal);
      const draining = (): boolean => phase !== 'off';
      leave ??= observeBird({
        port: deps.health.connectSpeaker(),
        sockets,
        desired: deps.desired,
        draining,
        loop: deps.loop,
        log: deps.log,
      });
    },
    apply: (desired, signal) => driver.apply(desired, signal),
    stop: async (planned) => {
      leave?.();
      await driver.stop(planned);
    },
    engineIssues: driver.engineIssues,
    held: driver.held,
    drain: async (next) => {
      phase = next;
      await driver.drain(next);
    },
  };
}
