/** Templates that people bring, rendered once or kept up to date: manifests → desired state → typed object and keys → files. */
import { type ConfFault, type ConfSet, openConfSet, type PassResult } from '../confd/bird/conf/conf-set.ts';
import { type KeyView, keyView } from '../confd/bird/conf/key-view.ts';
import { objectIssue } from '../confd/bird/peer-issue.ts';
import type { Flavor } from '../confd/bird/render.ts';
import { buildView } from '../confd/bird/view.ts';
import { converge } from '../confd/converge.ts';
import { createDesire } from '../confd/desired/desire.ts';
import type { Desired } from '../confd/desired/types.ts';
import type { Log } from '../confd/log.ts';
import { createStore } from '../confd/resources/store.ts';
import type { Issue, Snapshot } from '../confd/resources/types.ts';
import { checkDirectory, createFileSource } from '../confd/source/file/index.ts';
import { withWorkloads } from '../confd/source/workloads.ts';
import type { Config } from '../config/types.ts';
import { birdDesireOptions, birdViewOptions } from './bird-options.ts';
import { REAL_CLOCK } from './clock.ts';

/** What both ways of running need. */
export interface ConfTemplates {
  readonly config: Config;
  readonly node: string;
  /** Directory of manifests. */
  readonly path: string;
  /** Directory `endpoint-status` beside them. */
  readonly workloads?: string;
  /** Whose dialect the typed object speaks. */
  readonly flavor: Flavor;
  readonly set: Parameters<typeof openConfSet>[0];
}

/** One pass over everything. `undefined` where the node is not among the manifests. */
export async function renderConfOnce(
  templates: ConfTemplates,
): Promise<{ readonly result: PassResult; readonly issues: readonly Issue[] } | undefined> {
  const set = await openConfSet(templates.set);
  const { snapshot } = await checkDirectory(templates.path, REAL_CLOCK, templates.workloads);
  const { desired, issues } = createDesire(birdDesireOptions(templates.config, templates.node)).update(snapshot, {
    changed: [],
    issuesChanged: false,
  });
  if (desired === undefined) return undefined;
  const { view, keys, issues: own } = inputsOf(templates, snapshot, desired);
  return { result: await set.pass(view, keys), issues: [...snapshot.issues, ...issues, ...own] };
}

/** A pass for every change, no two closer than `debounceMs`; what is wrong is told each time it changes. Until the signal aborts. */
export async function watchConf(
  templates: ConfTemplates,
  debounceMs: number,
  told: { readonly log: Log; readonly issues: (issues: readonly Issue[]) => void },
  signal: AbortSignal,
): Promise<void> {
  const set = await openConfSet(templates.set);
  const manifests = createFileSource({ path: templates.path, clock: REAL_CLOCK, log: told.log });
  const { workloads } = templates;
  const source = workloads === undefined ? manifests : withWorkloads(manifests, { directory: workloads, clock: REAL_CLOCK });
  const engine = createDesire(birdDesireOptions(templates.config, templates.node));
  let latest: Snapshot | undefined;
  await converge(
    {
      source,
      store: createStore(),
      compute: (snapshot, delta) => {
        latest = snapshot;
        const { desired, issues } = engine.update(snapshot, delta ?? { changed: [], issuesChanged: false });
        // Keys say more than the desired state, so each change is a pass.
        return { desired: desired === undefined ? undefined : { ...desired }, issues };
      },
      driver: { apply: (desired) => apply({ set, templates, snapshot: latest, debounceMs, log: told.log }, desired, signal) },
      clock: REAL_CLOCK,
      log: told.log,
      report: (state) => told.issues(state.issues),
    },
    signal,
  );
}

interface Pass {
  readonly set: ConfSet;
  readonly templates: ConfTemplates;
  readonly snapshot: Snapshot | undefined;
  readonly debounceMs: number;
  readonly log: Log;
}

async function apply(
  { set, templates, snapshot, debounceMs, log }: Pass,
  desired: Desired,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<Parameters<typeof converge>[0]['driver']['apply']>>> {
  if (snapshot === undefined) throw new Error('applied before anything was computed');
  const { view, keys, issues } = inputsOf(templates, snapshot, desired);
  const { changed, written, faults } = await set.pass(view, keys);
  if (written) log.info({ changed }, 'files written');
  await REAL_CLOCK.wait(debounceMs, signal);
  const failed = faults.map((fault) => faultIssue(templates.node, fault));
  return { issues: [...issues, ...failed], touched: { peers: 0, routes: 0, policies: written ? changed.length : 0 } };
}

function inputsOf(
  { flavor, config }: ConfTemplates,
  snapshot: Snapshot,
  desired: Desired,
): { readonly view: object; readonly keys: KeyView; readonly issues: readonly Issue[] } {
  const { view, issues, left } = buildView(desired, flavor, birdViewOptions(config));
  return { view, keys: keyView(snapshot, desired), issues: [...left.map(({ issue }) => issue), ...issues] };
}

/** A fault of a set as an issue of the node. */
export function faultIssue(node: string, { name, message }: ConfFault): Issue {
  return objectIssue(`Node/${node}`, { code: 'TEMPLATES_FAILED', field: name, got: '', rule: message, transient: true });
}
