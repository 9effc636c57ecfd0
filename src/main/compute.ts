/** The desired-state engine as the convergence loop and the offline commands call it. */
import type { ComputeDesired } from '../confd/converge.ts';
import type { DesireEngine } from '../confd/desired/types.ts';
import type { Issue } from '../confd/resources/types.ts';

/** Computes with the engine; a node that is not there is an issue, not silence, where the engine gives no other reason. */
export function computeWith(engine: DesireEngine, node: string): ComputeDesired {
  const unknown = nodeUnknown(node);
  return (snapshot, delta) => {
    const result = engine.update(snapshot, delta ?? { changed: [], issuesChanged: false });
    return result.desired === undefined && result.issues.length === 0 ? { ...result, issues: [unknown] } : result;
  };
}

function nodeUnknown(node: string): Issue {
  return {
    code: 'NODE_UNKNOWN',
    severity: 'error',
    object: { apiVersion: 'projectcalico.org/v3', kind: 'Node', namespace: '', name: node },
    field: '',
    got: '',
    rule: 'is not there, or is named otherwise: the daemon of this node keeps what it does until it is',
    source: null,
    transient: true,
  };
}
