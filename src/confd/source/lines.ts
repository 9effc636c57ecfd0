/** Cuts a stream of octets into lines, as a watch sends its events: one JSON document a line. */

/** Octets of one line that are believed; etcd refuses objects of more than 1.5 MiB, JSON may need more than it. */
const MAX_LINE_OCTETS = 16 * 1024 * 1024;

/** Collects chunks. */
export interface LineSplitter {
  /** Complete lines so far, without their ends; `undefined` where a line is longer than it may be. */
  push(chunk: Uint8Array): readonly string[] | undefined;
}

const LINE_FEED = 0x0a;

/** Makes a splitter. A line that the stream's end cuts off is never given: it is no event. */
export function createLineSplitter(limit = MAX_LINE_OCTETS): LineSplitter {
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [];
  let size = 0;
  const text = (last: Uint8Array): string => {
    const all = [...parts, last];
    parts = [];
    size = 0;
    return all.length === 1
      ? decoder.decode(last)
      : all.map((part, index) => decoder.decode(part, { stream: index < all.length - 1 })).join('');
  };
  return {
    push(chunk) {
      const lines: string[] = [];
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        const line = text(chunk.subarray(start, end));
        if (line.trim() !== '') lines.push(line);
        start = end + 1;
      }
      if (start < chunk.length) {
        parts.push(chunk.subarray(start));
        size += chunk.length - start;
      }
      return size > limit ? undefined : lines;
    },
  };
}
