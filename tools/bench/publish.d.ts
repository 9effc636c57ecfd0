/** `text` with what stands between the markers of `name` replaced; undefined without exactly one pair of them. */
export function between(text: string, name: string, content: string): string | undefined;
