/**
 * One end of a stream of packets, run inside a namespace: sends numbered UDP packets to the other end at a steady rate, sends back
 * whatever comes in, and writes one line of JSON when all are answered or too late: `{"sent":n,"answered":n,"lost":[first, ...]}`.
 * Usage: node packets.js OWN OTHER COUNT RATE. Begins with a line on stdin, sends no more after a second one, ends with stdin.
 */
import { createSocket } from 'node:dgram';

const [own, other, countText, rateText] = process.argv.slice(2);
const [count, rate] = [Number(countText), Number(rateText)];
const PORT = 7777;
const SOCKET = own.includes(':') ? 'udp6' : 'udp4';
/** Milliseconds in which an answer to the last packet counts. */
const PATIENCE = 3000;

const echo = createSocket(SOCKET);
echo.on('message', (message, from) => echo.send(message, from.port, from.address, () => undefined));
echo.bind(PORT, own, () => process.stdout.write('{"ready":true}\n'));

const socket = createSocket(SOCKET);
const answered = new Uint8Array(count);
let refused = 0;
let answers = 0;
let enough = false;
socket.on('message', (message) => {
  const at = message.readUInt32BE(0);
  if (at < count && answered[at] === 0) {
    answered[at] = 1;
    answers += 1;
  }
});

function finish(sent) {
  const lost = [];
  for (let at = 0; at < sent; at++) if (answered[at] === 0) lost.push(at);
  process.stdout.write(`${JSON.stringify({ sent, answered: answers, refused, lost: lost.slice(0, 50), lostCount: lost.length })}\n`);
}

// The other end may still want answers: the one who started both says when it is over.
process.stdin.once('end', () => process.exit());
process.stdin.once('data', () => {
  process.stdin.once('data', () => {
    enough = true;
  });
  const began = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    // A late timer catches up: the rate is that of the whole run.
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * rate) + 1);
    for (; sent < due; sent++) {
      const packet = Buffer.alloc(56);
      packet.writeUInt32BE(sent, 0);
      socket.send(packet, PORT, other, (error) => {
        if (error !== null) refused += 1;
      });
    }
    if (sent < count && !enough) return;
    clearInterval(timer);
    const end = performance.now() + PATIENCE;
    const last = setInterval(() => {
      if (answers < sent && performance.now() < end) return;
      clearInterval(last);
      finish(sent);
    }, 20);
  }, 1000 / rate);
});
