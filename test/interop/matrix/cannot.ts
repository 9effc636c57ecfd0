/** Cells that a peer cannot do, each with its proof: what the version says of itself, or what its documentation says. */
import type { DaemonKind } from '../harness/daemon.ts';
import type { Role } from './cell.ts';

/** One entry; without roles it is all of them. */
export interface Cannot {
  readonly kind: DaemonKind;
  readonly feature: string;
  readonly roles?: readonly Role[];
  readonly why: string;
}

/** Every cell that is left out. */
export const CANNOT: readonly Cannot[] = [
  {
    kind: 'gobgp',
    feature: 'refresh: the peer asks',
    why: 'GoBGP 3.10 answers ROUTE-REFRESH and sends none: `gobgp neighbor softresetin` evaluates what it has kept anew (after it our speaker receives none for 20 s)',
  },
  {
    kind: 'gobgp',
    feature: 'enhanced refresh',
    why: 'GoBGP 3.10 does not offer capability 70 in its OPEN',
  },
  {
    kind: 'gobgp',
    feature: 'extended messages',
    why: 'GoBGP 3.10 does not offer capability 6 in its OPEN',
  },
  {
    kind: 'openbgpd',
    feature: 'refresh: we ask',
    why: 'OpenBGPD 7.7 logs `route refresh: AID IPv4 unicast not negotiated` and sends nothing, to BIRD 2 as well, although `bgpctl show neighbor` lists refresh and the family as negotiated',
  },
  {
    kind: 'openbgpd',
    feature: 'extended messages',
    why: 'OpenBGPD 7.7 does not offer capability 6 in its OPEN (bgpd.conf(5) has no option for it)',
  },
  {
    kind: 'gobgp',
    feature: 'GTSM',
    roles: ['client', 'reflector'],
    why: 'GoBGP 3.10 applies ttl-security to external neighbours only: an internal session comes up without it',
  },
  {
    kind: 'openbgpd',
    feature: 'GTSM',
    roles: ['client', 'reflector'],
    why: 'OpenBGPD 7.7 applies ttl-security to external neighbours only: towards an internal one it sends TTL 255 where it was dialled and 64 where it dials, whatever is configured',
  },
  {
    kind: 'exabgp',
    feature: 'refresh: we ask',
    why: 'ExaBGP 4.2.21 ends the connection while it answers a ROUTE-REFRESH (`Broken TCP connection` in its state event; no NOTIFICATION either way)',
  },
];

/** Why a cell is left out; undefined where it is not. */
export function whyNot(kind: DaemonKind, role: Role, feature: string): string | undefined {
  return CANNOT.find(
    (one) => one.kind === kind && (one.feature === feature || one.feature === 'all') && (one.roles ?? [role]).includes(role),
  )?.why;
}
