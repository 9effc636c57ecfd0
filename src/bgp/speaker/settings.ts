/** From a peer's configuration to what its session machine needs. */
import type { FsmSettings } from '../session/index.ts';
import type { PeerConfig } from '../speaker-types.ts';
import type { Peer, SpeakerState } from './state.ts';

/**
 * Settings of a peer's machine in a speaker with that router id. `preserved`: an earlier session with the peer ended and this
 * process did not, so that it forwards as before (the F bit of RFC 4724 section 3, as RFC 8538 section 4 needs it). What a restart kept is
 * still forwarded when the deferral is over: a peer that comes back only then must not drop its stale routes for want of the F bit.
 */
export function settingsOf(state: SpeakerState, routerId: number, config: PeerConfig, preserved: boolean): FsmSettings {
  // BIRD -R says so until its recovery is over, which it is not before the first session (bird-behaviour, start-up).
  const recovering = config.dialect === 'bird-1.6' && !preserved && state.options.restarting !== undefined;
  const restarting = state.deferral !== undefined || recovering;
  return {
    offer: {
      localAs: config.localAs,
      remoteAs: config.remoteAs,
      routerId,
      holdTime: config.holdTime,
      keepaliveTime: config.keepaliveTime,
      families: config.families,
      addPath: config.addPath,
      ...(config.dialect === undefined ? {} : { dialect: config.dialect }),
      extendedNextHop: config.extendedNextHop === true,
      gracefulRestart:
        config.gracefulRestart === undefined
          ? undefined
          : {
              restartTime: config.gracefulRestart.restartTime,
              ...(config.gracefulRestart.longLivedStaleTime === undefined
                ? {}
                : { longLivedStaleTime: config.gracefulRestart.longLivedStaleTime }),
              restarting,
              forwarding: preserved || state.options.restarting?.forwarding === true,
            },
      plain: false,
    },
    passive: config.passive,
    connectRetryMs: config.connectRetryTime * 1000,
    connectDelayMs: config.connectDelay * 1000,
    delayOpenMs: (config.delayOpenTime ?? 0) * 1000,
    sendHoldMs: config.sendHoldTime === undefined ? undefined : config.sendHoldTime * 1000,
  };
}

/** Computes the settings of every peer again, after something that all of them share changed. */
export function refreshSettings(state: SpeakerState): void {
  for (const peer of state.peers.values()) refreshPeerSettings(state, peer);
}

/** The same for one peer. Another router id is for its own turn in a configuration, which ends what came up under the old one. */
export function refreshPeerSettings(state: SpeakerState, peer: Peer): void {
  peer.settings = settingsOf(state, peer.settings.offer.routerId, peer.config, peer.preserved);
}
