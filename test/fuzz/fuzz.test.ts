/**
 * No input throws, hangs, or grows memory without bound. In `npm test` each target gets a few inputs of a fixed seed; `npm run test:fuzz`
 * gives it more time and a seed of its own (LINNET_FUZZ_MINUTES, LINNET_FUZZ_SEED, LINNET_FUZZ_TARGET as part of a name).
 */
import { describe, expect, it } from 'vitest';
import { OBJECT_TARGET } from './object-target.ts';
import { SESSION_TARGET } from './session-target.ts';
import { fuzz } from './target.ts';
import { TEXT_TARGETS } from './text-targets.ts';
import { WIRE_TARGETS } from './wire-targets.ts';

const wanted = process.env['LINNET_FUZZ_TARGET'] ?? '';
const targets = [...WIRE_TARGETS, ...TEXT_TARGETS, OBJECT_TARGET, SESSION_TARGET].filter(({ name }) => name.includes(wanted));
const minutes = Number(process.env['LINNET_FUZZ_MINUTES'] ?? 0);
const seed = Number(process.env['LINNET_FUZZ_SEED'] ?? 1);
const ms = (minutes * 60_000) / Math.max(1, targets.length);

/** Inputs a target gets at least. */
const INPUTS = 128;
/** What a target may hold on to: caches are bounded, and the collector's bookkeeping moves by some. */
const MAX_GROWTH_OCTETS = 24 * 1024 * 1024;

describe('fuzz', () => {
  it.each(targets)(
    '$name',
    async (target) => {
      const { inputs, grown } = await fuzz(target, { seed, inputs: INPUTS, ms }, process.env['LINNET_FUZZ_HEARTBEAT']);
      if (minutes > 0) process.stdout.write(`${target.name}: ${inputs} inputs of seed ${seed}, ${Math.round(grown / 1024)} KiB grown\n`);
      expect(grown).toBeLessThan(MAX_GROWTH_OCTETS);
    },
    ms * 2 + 120_000,
  );
});
