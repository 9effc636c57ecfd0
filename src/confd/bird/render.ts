/** Desired state → the files of one flavour of BIRD. */
import { join } from 'node:path';
import type { Desired } from '../desired/types.ts';
import type { Issue } from '../resources/types.ts';
import { createPeerMemory, type LeftOut } from './peer-view.ts';
import { loadTemplates, TEMPLATE_DIRECTORY } from './templates.ts';
import { type BirdView, buildView, type ViewOptions } from './view.ts';

/** `bird1`: BIRD 1.6, a daemon a family. `bird2`: one daemon for both, 2.0.12 up to 3.x. */
export type Flavor = 'bird1' | 'bird2';

/** A set of files that belong together, by name. */
export type FileSet = ReadonlyMap<string, string>;

/** What one desired state renders to. */
export interface Rendered {
  readonly files: FileSet;
  readonly view: BirdView;
  /** Peers that could not be rendered. */
  readonly left: readonly LeftOut[];
  /** Everything that could not be rendered, those peers among it; the rest was. */
  readonly issues: readonly Issue[];
}

/** Renders; `without` names peers (by id) to leave out. */
export type Renderer = (desired: Desired, options: ViewOptions, without?: ReadonlySet<string>) => Rendered;

/** Loads the templates of a flavour. */
export async function createRenderer(flavor: Flavor): Promise<Renderer> {
  const templates = await loadTemplates(join(TEMPLATE_DIRECTORY, flavor, 'templates'), join(TEMPLATE_DIRECTORY, 'partials'));
  const memory = createPeerMemory();
  return (desired, options, without) => {
    const kept =
      without === undefined || without.size === 0 ? desired : { ...desired, peers: desired.peers.filter((peer) => !without.has(peer.id)) };
    const { view, left, issues } = buildView(kept, flavor, options, memory);
    return {
      files: new Map(templates.map(({ name, render }) => [name, render(view)])),
      view,
      left,
      issues: [...left.map(({ issue }) => issue), ...issues],
    };
  };
}
