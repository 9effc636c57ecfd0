// Loaded modules are changed on their way in, in every thread of the daemon; the product itself has no switch for it.
import { register } from 'node:module';

register('./stall-hooks.mjs', import.meta.url, { data: { ms: new URL(import.meta.url).search.slice(1) } });
