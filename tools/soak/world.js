/**
 * What is true in a soak: who announces which prefix with which LOCAL_PREF. No two announcements share a LOCAL_PREF, so the best path
 * is known without a decision process of our own, and the number names the announcement in a view.
 */

/** A generator of 32-bit numbers (xorshift), so that a seed replays the choices. */
export function createRandom(seed) {
  let state = seed >>> 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % limit;
  };
}

/** A world without announcements; prefixes are numbers below `prefixes`, clients below `clients`. */
export function createWorld(clients, prefixes) {
  /** Per prefix: client → LOCAL_PREF. */
  const announced = Array.from({ length: prefixes }, () => new Map());
  let next = 1;
  return {
    prefixes,
    /** Gives the announcement of a client a new LOCAL_PREF and returns it. */
    announce(client, prefix) {
      const localPref = next++;
      announced[prefix].set(client, localPref);
      return localPref;
    },
    withdraw(client, prefix) {
      announced[prefix].delete(client);
    },
    /** [prefix, LOCAL_PREF] of a client. */
    *of(client) {
      for (const [prefix, by] of announced.entries()) {
        const localPref = by.get(client);
        if (localPref !== undefined) yield [prefix, localPref];
      }
    },
    /** How many announcements there are, of all clients. */
    paths: () => announced.reduce((sum, by) => sum + by.size, 0),
    has: (client, prefix) => announced[prefix].has(client),
    /** How the view of a client differs from what it must be, in words; undefined where it does not. `up` tells who is connected. */
    difference(client, view, up) {
      for (const [prefix, by] of announced.entries()) {
        let best = 0;
        let owner = -1;
        for (const [who, localPref] of by) {
          if (localPref > best && up(who)) [best, owner] = [localPref, who];
        }
        const expected = owner === client ? 0 : best;
        if (view[prefix] !== expected)
          return `client ${client}, prefix ${prefix}: has ${view[prefix]}, must have ${expected} (best ${best} of client ${owner})`;
      }
      return undefined;
    },
    clients,
  };
}
