/** Neighbours and forwarding entries of the VXLAN devices as a part of the dataplane. */
import { formatAddress } from 'bgp-ts/net';
import { REFRESH_SECONDS } from '../config/settings.ts';
import type { PlannedStep } from '../dataplane-types.ts';
import { createFdbSync } from '../kernel/fdb.ts';
import { openNeighbours } from '../kernel/fdb-netlink.ts';
import type { FdbStep, FdbSync } from '../kernel/fdb-types.ts';
import { auditMsOf } from './audit.ts';
import type { Part, PartDeps } from './part.ts';

/** Makes the part. Throws where there is no netlink. */
export function createNeighboursPart(deps: PartDeps): Part {
  const kernel = openNeighbours();
  const { log, now, after, changed } = deps;
  const make = (auditMs: number): FdbSync => createFdbSync({ kernel, log, now, after, changed, auditMs });
  let auditMs = auditMsOf({ routeRefreshInterval: REFRESH_SECONDS });
  let sync = make(auditMs);
  let before = { operations: 0, repairs: 0 };
  let lastMs = 0;
  return {
    listener: { events: (events) => sync.listener.events(events), lost: (because) => sync.listener.lost(because) },
    ports: [kernel.portId],
    configure({ wishes, felix }, roles) {
      const began = now();
      if (auditMsOf(felix) !== auditMs) {
        const { operations, repairs } = sync.status();
        before = { operations: before.operations + operations, repairs: before.repairs + repairs };
        sync.stop();
        auditMs = auditMsOf(felix);
        sync = make(auditMs);
      }
      const { 'vxlan-v4': ipv4, 'vxlan-v6': ipv6 } = roles;
      sync.configure({
        vteps: wishes.vteps,
        devices: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
      });
      if (!deps.dry) sync.flush();
      lastMs = now() - began;
    },
    status() {
      const { ready, detail, operations, repairs, failing, issues, ...more } = sync.status();
      const figures = { operations: before.operations + operations, repairs: before.repairs + repairs, failing, lastMs };
      return { part: 'neighbours', ready, detail, figures, more };
    },
    issues: () => sync.status().issues,
    plan: () => sync.plan().map(planned),
    stop() {
      sync.stop();
      kernel.close();
    },
  };
}

function planned({ family, operation: { kind, entry }, node }: FdbStep): PlannedStep {
  const to = entry.destination === undefined ? '' : formatAddress(entry.destination);
  const what = entry.family === 'bridge' ? `forwarding entry ${entry.mac ?? ''} to ${to}` : `neighbour ${to} at ${entry.mac ?? ''}`;
  return { part: 'neighbours', step: `${kind} ${what} (${family})`, because: node === '' ? 'no node has it' : `Node/${node}` };
}
