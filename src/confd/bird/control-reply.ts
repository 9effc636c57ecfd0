/**
 * Framing of BIRD's control socket: a reply is lines of a four-digit code and `-`, its last one with a space instead; a line
 * that begins with a space goes on with the code before, one with `+` is a message that nobody asked for. Pure.
 */

/** One line of a reply. */
export interface ReplyLine {
  readonly code: number;
  readonly text: string;
}

/** A whole reply; `code` is that of its last line. 0xxx done, 1xxx data, 8xxx refused at run time, 9xxx not understood. */
export interface Reply {
  readonly code: number;
  readonly lines: readonly ReplyLine[];
}

/** Puts replies together from whatever pieces the socket delivers. */
export class ReplyReader {
  #rest = '';
  #lines: ReplyLine[] = [];

  /** Takes a piece; returns the replies that became complete. Throws where it is not BIRD that speaks, or never ends a line. */
  push(piece: string): readonly Reply[] {
    const lines = `${this.#rest}${piece}`.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LONGEST_LINE) throw new Error('a line without an end');
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): readonly Reply[] {
    if (line.startsWith('+')) return [];
    const found = /^(\d{4})([- ])(.*)$/s.exec(line);
    if (found === null) {
      if (!line.startsWith(' ')) throw new Error(`not a reply of BIRD: ${JSON.stringify(line.slice(0, 60))}`);
      this.#lines.push({ code: this.#lines.at(-1)?.code ?? 0, text: line.slice(1) });
      return [];
    }
    const code = Number(found[1]);
    this.#lines.push({ code, text: found[3] ?? '' });
    if (found[2] === '-') return [];
    const reply = { code, lines: this.#lines };
    this.#lines = [];
    return [reply];
  }
}

const LONGEST_LINE = 1 << 20;

/** True where BIRD did not do what it was asked. */
export function isRefusal(reply: Reply): boolean {
  return reply.code >= 8000;
}

/** The text of a reply in one line. */
export function replyText(reply: Reply): string {
  return reply.lines.map((line) => line.text.trim()).join('; ');
}
