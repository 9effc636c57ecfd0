/** Verdict on one finished rrbench run of Linnet: what the tester itself calls wrong, and the five counters that must be 0 too. */

/** Counters that contracts.md ("Benchmarks") adds to the tester's own verdict for Linnet. */
const ALSO_ZERO = ['own_route_echo', 'spurious_withdraw', 'redundant_announce', 'notifications', 'session_flaps'];

/** Sessions that the tester itself ended or whose daemon it killed; it counts them as flaps like any other. */
function ownFlaps(result) {
  const count = (name) => result.phases.filter(({ phase }) => phase === name).length;
  return count('drop') + count('restart') * result.sessions;
}

/** What is wrong with a finished scenario, in words; empty where nothing is. */
export function complaints(result) {
  const wrong = [];
  if (!result.ok) wrong.push('a phase did not finish');
  if (!result.conformant) wrong.push('not conformant');
  for (const counter of ALSO_ZERO) {
    const count = result.conformance[counter] - (counter === 'session_flaps' ? ownFlaps(result) : 0);
    if (count !== 0) wrong.push(`${counter} is ${count}`);
  }
  return wrong;
}
