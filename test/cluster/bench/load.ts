/** Puts objects where the API server finds them when it starts: into etcd itself, hundreds at once. */
import { Agent, request } from 'undici';
import type { Stored } from './world.ts';

/** etcd takes at most 128 operations in a transaction. */
const AT_ONCE = 120;
const WRITERS = 4;

const encode = (text: string): string => Buffer.from(text).toString('base64');

/** Writes all of them; the API server must not run meanwhile. Resolves with their number. */
export async function loadIntoEtcd(port: number, objects: Iterable<Stored>): Promise<number> {
  const dispatcher = new Agent({ connections: WRITERS });
  const rest = objects[Symbol.iterator]();
  let count = 0;
  const takeSome = (): readonly Stored[] => {
    const some: Stored[] = [];
    while (some.length < AT_ONCE) {
      const next = rest.next();
      if (next.done === true) break;
      some.push(next.value);
    }
    count += some.length;
    return some;
  };
  const write = async (): Promise<void> => {
    for (let some = takeSome(); some.length > 0; some = takeSome()) {
      const success = some.map(({ key, value }) => ({ request_put: { key: encode(key), value: encode(value) } }));
      const { statusCode, body } = await request(`http://127.0.0.1:${port}/v3/kv/txn`, {
        dispatcher,
        method: 'POST',
        body: JSON.stringify({ success }),
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`etcd: ${statusCode} ${text.slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  await dispatcher.close();
  return count;
}
