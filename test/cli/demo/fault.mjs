// Breaks one place inside a running Linnet: `NODE_OPTIONS="--import .../fault.mjs?NAME"`. Loaded modules are changed on their
// way in, in every process and thread of the demo; the product itself has no switch for it.
import { register } from 'node:module';

register('./fault-hooks.mjs', import.meta.url, { data: { fault: new URL(import.meta.url).search.slice(1) } });
