/** Least squares of `y = base + perPeer·peers + perRoute·routes`; undefined where the points do not span it. */
export function fitPlane(
  points: readonly { readonly peers: number; readonly routes: number; readonly y: number }[],
): { base: number; perPeer: number; perRoute: number } | undefined;
