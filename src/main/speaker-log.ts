/** The speaker's facts as log lines: one line a fact, the message a constant of its kind. */

import type { Endpoint, SpeakerEvent } from 'bgp-ts';
import { formatAddress } from 'bgp-ts/net';
import type { Log } from '../confd/log.ts';

const endpoint = (value: Endpoint): string => `${formatAddress(value.address)} port ${value.port}`;

/** Writes one event. */
export function logSpeakerEvent(log: Log, event: SpeakerEvent): void {
  switch (event.kind) {
    case 'session-state': {
      const fields = { peer: event.peer, from: event.from, to: event.to, because: event.because };
      // Up and down are news; the way there repeats with every attempt.
      if (event.to === 'established' || event.from === 'established') log.info(fields, 'session state');
      else log.debug(fields, 'session state');
      break;
    }
    case 'notification':
      log.warn(
        { peer: event.peer, direction: event.direction, code: event.message.code, subcode: event.message.subcode, text: event.text },
        'notification',
      );
      break;
    case 'malformed-update':
      log.warn(
        { peer: event.peer, outcome: event.outcome, detail: event.detail, citation: event.citation, omitted: event.omitted },
        'malformed update',
      );
      break;
    case 'refused-connection':
      log.warn(
        { remote: endpoint(event.remote), local: endpoint(event.local), because: event.because, omitted: event.omitted },
        'refused connection',
      );
      break;
    case 'diagnosis':
      if (event.text === undefined) log.info({ peer: event.peer }, 'peer reachable again');
      else log.warn({ peer: event.peer, because: event.text }, 'peer unreachable');
      break;
    case 'prefix-warning':
      log.warn({ peer: event.peer, family: event.family, accepted: event.accepted, limit: event.limit }, 'many prefixes');
      break;
    case 'dynamic-peer':
      log.info({ peer: event.peer, range: event.range }, event.present ? 'peer of a range came' : 'peer of a range is gone');
      break;
    case 'peer-action':
      log.info({ peer: event.peer, action: event.action }, 'operator action');
      break;
    case 'end-of-rib':
      log.debug({ peer: event.peer, family: event.family, direction: event.direction }, 'end of rib');
      break;
    case 'best-changed':
      log.debug({ prefixes: event.prefixes }, 'best paths changed');
      break;
    default: {
      const never: never = event;
      return never;
    }
  }
}
