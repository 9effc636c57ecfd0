/** From the configuration to what the BIRD engine takes. */
import { BIRD_CAPABILITIES } from '../confd/bird/capabilities.ts';
import type { ViewOptions } from '../confd/bird/view.ts';
import type { DesireOptions } from '../confd/desired/types.ts';
import type { Config } from '../config/types.ts';
import { desireOptions } from './options.ts';

/** Options of the desired state for BIRD, which programs the kernel by itself. */
export function birdDesireOptions(config: Config, node: string): DesireOptions {
  return { ...desireOptions(config, node), engine: BIRD_CAPABILITIES, programme: true };
}

/** Seconds: one dead neighbour must not silence a node for BIRD's four minutes (bird-behaviour, start-up). */
const RECOVERY_WAIT = 30;

/** Options of the view; BIRD's own hold time is Calico's, so only one that was asked for is written. */
export function birdViewOptions(config: Config): ViewOptions {
  return {
    ...(config.compat === 'calico' ? {} : { recoveryWait: RECOVERY_WAIT }),
    ...(config.holdTime === undefined ? {} : { holdTime: config.holdTime }),
    ...(config.listenPort === undefined ? {} : { listenPort: config.listenPort }),
  };
}
