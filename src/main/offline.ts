/** The pipeline without a daemon: one look at a directory of manifests, and what a node would make of it. */
import type { SpeakerConfig } from 'bgp-ts';
import { createDesire } from '../confd/desired/desire.ts';
import type { Desired, DesireEngine } from '../confd/desired/types.ts';
import type { HeldPeer } from '../confd/native/translate.ts';
import { createTranslator } from '../confd/native/translate.ts';
import type { Issue } from '../confd/resources/types.ts';
import { checkDirectory } from '../confd/source/file/index.ts';
import type { Config } from '../config/types.ts';
import { REAL_CLOCK } from './clock.ts';
import { computeWith } from './compute.ts';
import { essentials, requireManifests } from './datastore.ts';
import { desireOptions, translateOptions } from './options.ts';

/** What a node would make of the manifests as they are now. */
export interface Offline {
  readonly engine: DesireEngine;
  /** Undefined where the own node is not among them. */
  readonly desired: Desired | undefined;
  /** Of parsing, of the desired state and of the engine. */
  readonly issues: readonly Issue[];
  /** Undefined with `desired`. */
  readonly config: SpeakerConfig | undefined;
  readonly held: readonly HeldPeer[];
}

/** Reads the manifests, and `workloads`, a directory `endpoint-status`, once and computes everything. Throws StartError where the configuration names no node or directory. */
export async function computeOffline(config: Config, workloads?: string): Promise<Offline> {
  const { node, path } = essentials({ ...config, datastore: 'file' });
  await requireManifests(path);
  const { snapshot } = await checkDirectory(path, REAL_CLOCK, workloads);
  const engine = createDesire(desireOptions(config, node));
  const { desired, issues } = computeWith(engine, node)(snapshot, undefined);
  const translation = desired === undefined ? undefined : createTranslator(translateOptions(config))(desired);
  return {
    engine,
    desired,
    issues: [...snapshot.issues, ...issues, ...(translation?.issues ?? [])],
    config: translation?.config,
    held: translation?.held ?? [],
  };
}
