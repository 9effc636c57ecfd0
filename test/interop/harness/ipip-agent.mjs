// A process that has the IPIP backend and nothing else, to be killed: `ipip-agent.mjs OPTIONS WANTED` (JSON). Applies, says what that
// changed and the status as two lines of JSON, and stays. Runs compiled files, as the agent does.
const { openIpip } = await import('../../../dist/node-agent/ebpf/ipip.js');
const backend = openIpip(JSON.parse(process.argv[2]));
const applied = backend.apply(JSON.parse(process.argv[3]));
process.stdout.write(`${JSON.stringify(applied)}\n${JSON.stringify(backend.status())}\n`);
// Whatever keeps a process alive.
setInterval(Date.now, 60_000);
