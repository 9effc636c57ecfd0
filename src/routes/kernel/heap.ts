/** Memory of the kernel's thread. */

/**
 * Limits of the thread's heap, MiB. While a whole table comes in, most of what a small young generation copies about stays anyway: with
 * Node's own 16 MiB the installation of 100,000 routes spent a third of its time on that (test/bench/kernel.js).
 */
export const KERNEL_HEAP = { maxYoungGenerationSizeMb: 64 } as const;
