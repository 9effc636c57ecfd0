/**
 * The desired state while its node is on its way out (RFC 8326): what peers are told carries GRACEFUL_SHUTDOWN and, inside the AS,
 * LOCAL_PREF 0 (to other ASes BIRD sends none), after everything that filters said. Pure; the same object gives the same one again.
 */
import type { Action, Policy, Term } from 'bgp-ts/policy';
import type { Desired, DesiredFamily, DesiredPeer, DesiredProgramme } from '../desired/types.ts';
import type { DrainPhase } from '../driver.ts';

/** GRACEFUL_SHUTDOWN, 65535:0 (RFC 8326 section 5), and the LOCAL_PREF of section 4.2. */
const FAREWELL: readonly Action[] = [
  { kind: 'addCommunity', value: 0xffff0000 },
  { kind: 'setLocalPref', value: 0 },
];

/** Makes what turns a state into that of a phase: every export says farewell, or there is no session at all. */
export function createDraining(): (desired: Desired, phase: DrainPhase) => Desired {
  const policy = remembered(farewell);
  const family = (of: DesiredFamily): DesiredFamily => ({
    ...of,
    exports: { internal: policy(of.exports.internal), external: policy(of.exports.external) },
  });
  const peer = remembered((of: DesiredPeer): DesiredPeer => ({ ...of, exportPolicy: policy(of.exportPolicy) }));
  const programme = remembered((of: DesiredProgramme): DesiredProgramme => ({ ...of, ipv4: family(of.ipv4), ipv6: family(of.ipv6) }));
  return (desired, phase) => {
    switch (phase) {
      case 'off':
        return desired;
      case 'draining': {
        const { programme: given } = desired;
        return { ...desired, peers: desired.peers.map(peer), ...(given === undefined ? {} : { programme: programme(given) }) };
      }
      case 'left':
        return { ...desired, peers: [] };
      default: {
        const never: never = phase;
        return never;
      }
    }
  };
}

function farewell(policy: Policy): Policy {
  const last: readonly Term[] =
    policy.otherwise === 'reject' ? [] : [{ name: 'otherwise', when: [], then: [{ kind: 'accept' }], reasons: [] }];
  return { ...policy, terms: [...policy.terms, ...last].map(withFarewell) };
}

/** A verdict ends a filter of BIRD where it stands, so the last word is before it. */
function withFarewell(term: Term): Term {
  const verdict = term.then.findIndex(({ kind }) => kind === 'accept' || kind === 'reject');
  if (term.then[verdict]?.kind !== 'accept') return term;
  return { ...term, then: [...term.then.slice(0, verdict), ...FAREWELL, { kind: 'accept' }] };
}

function remembered<T extends object>(make: (from: T) => T): (from: T) => T {
  const known = new WeakMap<T, T>();
  return (from) => {
    const before = known.get(from);
    if (before !== undefined) return before;
    const made = make(from);
    known.set(from, made);
    return made;
  };
}
