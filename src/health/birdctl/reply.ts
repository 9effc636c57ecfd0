/**
 * BIRD's reply format: a code of four digits, `-` where more follows and a space on the last line; a line with the code of the
 * one before starts with a space instead (control-plane 10, recorded from BIRD 1.6.8). Pure.
 */

/** What clients read first. The version is that of the BIRD whose commands and texts are spoken here (contracts.md, Behaviour decided). */
export const BANNER = '0001 BIRD 1.6.8 ready.\n';

/** Version as `show status` says it. */
export const SPOKEN_VERSION = 'BIRD 1.6.8';

/** Codes of replies that end one, by meaning. */
export const CODE = {
  ok: 0,
  routesEnd: 14,
  restricted: 16,
  up: 13,
  denied: 8007,
  noMatch: 8003,
  notInTable: 8001,
  protocolDown: 8005,
  tooLong: 9000,
  syntax: 9001,
  noProtocol: 9002,
} as const;

/** One reply in the making; it remembers the code of its last line. */
export class Reply {
  private last = -1;

  /** A line that is not the last; several texts under one code. */
  line(code: number, ...texts: readonly string[]): string {
    return texts
      .map((text) => {
        const head = code === this.last ? ' ' : `${digits(code)}-`;
        this.last = code;
        return `${head}${text}\n`;
      })
      .join('');
  }

  /** The last line. */
  end(code: number, text = ''): string {
    this.last = -1;
    return `${digits(code)} ${text}\n`;
  }
}

function digits(code: number): string {
  return String(code).padStart(4, '0');
}
