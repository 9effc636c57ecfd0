/** The BIRD engine under the contract, with the real daemons of both flavours; they can do everything, so nothing is refused. */
import { existsSync } from 'node:fs';
import { describe } from 'vitest';
import type { Flavor } from '../../src/confd/bird/render.ts';
import { daemonTitle } from '../confd/bird/daemons.ts';
import { canRun, testEngine } from '../confd/bird/engine.ts';
import type { EngineUnderTest } from './driver-contract.ts';
import { driverContract } from './driver-contract.ts';

const FLAVORS: readonly Flavor[] = ['bird2', 'bird1'];

for (const flavor of FLAVORS) {
  describe.skipIf(!canRun(flavor))(daemonTitle('the BIRD engine', flavor), () => {
    driverContract(`the ${flavor} engine`, async (): Promise<EngineUnderTest> => {
      const { driver, peers, routes, sockets, remove } = testEngine(flavor);
      const stop = async (planned: boolean): Promise<void> => {
        await driver.stop(planned);
        remove();
      };
      return { driver: { ...pick(driver), stop }, peers, routes, alive: () => sockets.some((socket) => existsSync(socket)) };
    }, []);
  });
}

function pick(driver: EngineUnderTest['driver']): Pick<EngineUnderTest['driver'], 'start' | 'apply'> {
  return { start: (signal) => driver.start(signal), apply: (desired, signal) => driver.apply(desired, signal) };
}
