/** One broken house rule: line from 1, name of the rule, and the line or what is wrong with it. */
export interface Finding {
  readonly line: number;
  readonly rule: 'docstring' | 'machine' | 'size' | 'suppressed' | 'unfinished';
  readonly text: string;
}

/** Findings of one file, given by its path from the root and its text; pure. */
export function checkFile(file: string, text: string): Finding[];

/** Findings of every file that git knows or would add. Throws where git cannot be asked. */
export function checkTree(root: string): (Finding & { readonly file: string })[];
