/** Arguments of `npm run soak`. */

export const USAGE = `npm run soak -- [--minutes N] [--clients N] [--changes N] [--seed N]
  --minutes N   how long it churns, 1 to 10080 (default 60)
  --clients N   reflector clients, 2 to 2000 (default 200)
  --changes N   route changes a second over all clients, 1 to 5000 (default 50)
  --seed N      of the random choices; printed, so that a failure can be run again (default: drawn)
Exit status: 0 all held, 1 a check failed, 2 the arguments are wrong.`;

const NUMBERS = {
  minutes: { least: 1, most: 10_080, standard: 60 },
  clients: { least: 2, most: 2000, standard: 200 },
  changes: { least: 1, most: 5000, standard: 50 },
  seed: { least: 0, most: 0xffff_ffff, standard: undefined },
};

/** The options, or a sentence on what is wrong. `drawn` is the seed where none is given. */
export function readArguments(args, drawn) {
  const options = Object.fromEntries(Object.entries(NUMBERS).map(([name, { standard }]) => [name, standard ?? drawn]));
  for (let at = 0; at < args.length; at += 2) {
    const argument = args[at] ?? '';
    if (argument === '--help') return { ...options, help: true };
    const name = argument.slice(2);
    const bounds = argument.startsWith('--') ? NUMBERS[name] : undefined;
    if (bounds === undefined) return `${argument}: there is no such option`;
    const value = Number(args[at + 1]);
    if (!Number.isInteger(value) || value < bounds.least || value > bounds.most)
      return `${argument} ${args[at + 1] ?? ''}: must be a whole number from ${bounds.least} to ${bounds.most}`;
    options[name] = value;
  }
  return options;
}
