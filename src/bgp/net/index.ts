export * from './address.ts';
export * from './prefix.ts';
export * from './prefix-trie.ts';
export * from './secret.ts';
export * from './types.ts';
export * from './unroutable.ts';
export type { Words } from './words.ts';
export { compareWords, maskWords, wordMask, wordsEqual } from './words.ts';
