/** What the speaker learns of this machine: routes of others and networks of interfaces, told as they change. Pure. */
import type { Prefix } from 'bgp-ts/net';
import type { LearnedRoute, LearnOptions } from './learn.ts';
import { learnDevices, learnedEqual, learnKernel } from './learn.ts';
import type { Machine } from './provider.ts';
import type { Aliens } from './resolve.ts';
import type { LearnedChange } from './sync-types.ts';

/** Keeps what was told, and which prefixes are due. */
export class Learning {
  readonly told = new Map<string, LearnedRoute>();
  private readonly due = new Set<string>();
  private readonly aliens: Aliens;
  private machine: Machine = { links: new Map(), addresses: [] };
  private devices = new Map<string, LearnedRoute>();
  private options: LearnOptions = { ignoredInterfaces: [] };

  constructor(aliens: Aliens) {
    this.aliens = aliens;
  }

  /** Routes of others at a prefix changed. */
  touch(key: string): void {
    this.due.add(key);
  }

  /** Takes the options in force. */
  configure(options: LearnOptions): void {
    const how = ({ normalMetric, everything }: LearnOptions): string =>
      `${normalMetric?.ipv4} ${normalMetric?.ipv6} ${everything === true}`;
    if (how(this.options) !== how(options)) for (const key of this.aliens.keys()) this.due.add(key);
    this.options = options;
    this.setMachine(this.machine);
  }

  /** Takes the interfaces and addresses as they are now. */
  setMachine(machine: Machine): void {
    this.machine = machine;
    const devices = learnDevices(machine.addresses, machine.links, this.options);
    for (const key of [...this.devices.keys(), ...devices.keys()]) this.due.add(key);
    this.devices = devices;
  }

  /** What is learned now and was not, or no more, of the prefixes that are due; undefined: nothing. */
  take(): LearnedChange | undefined {
    if (this.due.size === 0) return undefined;
    const set: LearnedRoute[] = [];
    const remove: Prefix[] = [];
    for (const key of this.due) {
      // The network of an interface is preferred to a route (BIRD's 240 against 10).
      const route = this.devices.get(key) ?? learnKernel(this.aliens.at(key), this.machine.links, this.options);
      const before = this.told.get(key);
      if (learnedEqual(before, route)) continue;
      if (route === undefined) {
        if (before !== undefined) remove.push(before.prefix);
        this.told.delete(key);
      } else {
        set.push(route);
        this.told.set(key, route);
      }
    }
    this.due.clear();
    return set.length > 0 || remove.length > 0 ? { set, remove } : undefined;
  }
}
