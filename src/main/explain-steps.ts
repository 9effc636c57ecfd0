/** Main's half of an explanation: the desired state's steps in the stages of `linnet.explain/v1`. */
import type { DesireStep } from '../confd/desired/types.ts';
import type { ExplainStep } from '../health/status.ts';

/** What the resources say comes first, what this node originates of it is the desired state. */
export function explainSteps(steps: readonly DesireStep[]): readonly ExplainStep[] {
  return steps.map((step) => ({
    stage: step.stage === 'originate' ? 'desired' : 'resource',
    verdict: step.verdict === 'not-advertised' || step.verdict === 'not-exported' ? 'stop' : 'pass',
    rule: step.rule,
    citation: step.citation,
    objects: step.objects,
  }));
}
