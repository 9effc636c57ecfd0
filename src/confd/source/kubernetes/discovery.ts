/** Which API group holds Calico's kinds: said by the operator, else found out (control-plane 9.2). */
import type { Answer } from '../failure.ts';
import type { Api } from './api.ts';
import type { CalicoApi } from './kinds.ts';

/** The group, and whether the server really has it: until it does, it is looked for again. */
export interface Discovered {
  readonly api: CalicoApi;
  readonly present: boolean;
}

async function has(api: Api, group: string, signal: AbortSignal): Promise<Answer<boolean>> {
  const answer = await api.get(`/apis/${group}`, signal);
  if (answer.ok) return { ok: true, value: true };
  return answer.failure.code === 'DATASTORE_KIND_MISSING' ? { ok: true, value: false } : answer;
}

/** Asks the server: projectcalico.org/v3 only where it is there and crd.projectcalico.org is not. */
export async function discover(api: Api, signal: AbortSignal): Promise<Answer<Discovered>> {
  const stored = await has(api, 'crd.projectcalico.org', signal);
  if (!stored.ok) return stored;
  if (stored.value) return { ok: true, value: { api: 'crd.projectcalico.org/v1', present: true } };
  const served = await has(api, 'projectcalico.org', signal);
  if (!served.ok) return served;
  return { ok: true, value: { api: served.value ? 'projectcalico.org/v3' : 'crd.projectcalico.org/v1', present: served.value } };
}
