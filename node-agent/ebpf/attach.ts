/** Where programs hang: what TCX and clsact have in common for the backend. Types and names only. */
import type { AttachMode, IpipAttachment } from './types.ts';

/** A place for a program: packets leaving the stand-in device, or coming in by a parent. */
export interface Hook {
  readonly program: IpipAttachment['program'];
  /** Index of the interface. */
  readonly interface: number;
}

/** A program that is loaded. */
export interface LoadedProgram {
  readonly fd: number;
  readonly id: number;
}

/** One way of attaching programs. What others attached is never touched. */
export interface Attacher {
  readonly mode: AttachMode;
  /** Puts the program there, in the place of an older one of ours without a gap. Throws where the kernel refuses. */
  readonly ensure: (hook: Hook, program: LoadedProgram) => 'attached' | 'replaced' | 'kept';
  /** Takes ours off; nothing where there is none or the interface is gone. */
  readonly detach: (hook: Hook) => void;
  /** What of this instance hangs on interfaces, as the kernel has it; after a start also what an earlier process left. */
  readonly attachments: () => IpipAttachment[];
  /** Drops what is left of hooks whose interface is gone; absent where it goes by itself. */
  readonly prune?: () => void;
  /** Closes descriptors; what is attached stays. Absent where it holds none. */
  readonly close?: () => void;
}

/** Key of a hook, also the name of its pin. */
export function hookName(hook: Hook): string {
  return `${hook.program}_${hook.interface}`;
}

/** The hook of a pin's name; undefined for any other name. */
export function hookOfName(name: string): Hook | undefined {
  const match = /^(encapsulate|decapsulate)_([1-9][0-9]*)$/.exec(name);
  if (match === null) return undefined;
  return { program: match[1] === 'encapsulate' ? 'encapsulate' : 'decapsulate', interface: Number(match[2]) };
}
