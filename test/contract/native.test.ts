/** The native engine under the contract: the real speaker and the real thread logic, joined without a thread or a socket. */
import { createSpeaker } from 'bgp-ts';
import { formatPrefix, secretText } from 'bgp-ts/net';
import type { Clock } from '../../src/confd/clock.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import { createNativeDriver } from '../../src/confd/native/driver.ts';
import type { Thread, ThreadEvents } from '../../src/confd/native/host.ts';
import { createThreadLogic } from '../../src/confd/native/thread.ts';
import { SESSION_DEFAULTS } from '../../src/confd/native/translate.ts';
import { transportMap } from '../../src/confd/native/transport.ts';
import { address } from '../confd/native/fixtures.ts';
import type { EngineUnderTest } from './driver-contract.ts';
import { driverContract } from './driver-contract.ts';

const clock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  wait: (_ms, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
};

async function makeNative(): Promise<EngineUnderTest> {
  const speaker = createSpeaker({ random: () => 0, wallClock: () => 0 });
  const work = (): void => {
    while (speaker.hasWork()) speaker.work(() => 0, 1000);
  };
  let alive = false;
  const spawn = (events: ThreadEvents): Thread => {
    alive = true;
    const logic = createThreadLogic({
      speaker: {
        ...speaker,
        submit: async (input) => {
          speaker.handle(input, 0);
          work();
        },
        act: (peer, action) => void speaker.handle({ type: 'peer-action', peer, action }, 0),
        listeners: () => [],
        stop: async (planned, text) => {
          speaker.handle({ type: 'shutdown', planned, text }, 0);
        },
      },
      now: () => 0,
      loop: () => ({ meanMs: 0, p99Ms: 0, maxMs: 0 }),
      toMain: (message) => queueMicrotask(() => events.message(message)),
      toHealth: () => undefined,
    });
    return {
      // Messages are cloned on their way, as between threads.
      post: (message) => void logic.main(structuredClone(message)),
      terminate: async () => {
        alive = false;
        events.exit(undefined);
      },
    };
  };
  const driver = createNativeDriver({
    options: { session: SESSION_DEFAULTS, sessionFamilies: 'peer', listenPort: undefined, transport: transportMap([]) },
    goodbye: 'bye',
    spawn,
    clock,
    log: SILENT_LOG,
    issuesChanged: () => undefined,
    event: () => undefined,
    portOwner: async () => 'bird (process 7)',
    remember: () => undefined,
  });
  return {
    driver,
    alive: () => alive,
    peers: async () =>
      speaker
        .status()
        .peers.map((peer) => peer.id)
        .sort(),
    routes: async () =>
      speaker
        .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 1000)
        .routes.map((route) => formatPrefix(route.prefix))
        .sort(),
  };
}

driverContract('the native engine', makeNative, [
  { what: 'an empty password', peer: { password: secretText('') }, code: 'PEER_PASSWORD_EMPTY' },
  { what: 'a password that is too long', peer: { password: secretText('x'.repeat(81)) }, code: 'PEER_PASSWORD_TOO_LONG' },
  { what: 'reachableBy', peer: { reachableBy: address('192.0.2.9') }, code: 'PEER_REACHABLE_BY_UNSUPPORTED_BY_NATIVE' },
]);
