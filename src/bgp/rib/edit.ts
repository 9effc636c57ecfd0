/** Policy modifications and export rules as edits of a canonical attribute block. */
import { localPrefAfter, type Modifications, type RouteFacts } from '../policy/index.ts';
import { type AttributeEdits, editAttributes } from '../wire/index.ts';

/** The edits that modifications ask for; LOCAL_PREF only where they set one. */
export function editsOf(mods: Modifications, facts: RouteFacts): AttributeEdits {
  const localPref = mods.localPref === undefined ? undefined : localPrefAfter(mods, facts);
  return {
    ...(mods.prependAs.length > 0 && { prependAs: mods.prependAs }),
    ...(localPref !== undefined && { localPref }),
    ...(mods.med !== undefined && { med: mods.med }),
    ...(mods.addCommunities.length > 0 && { addCommunities: mods.addCommunities }),
    ...(mods.addLargeCommunities.length > 0 && { addLargeCommunities: mods.addLargeCommunities }),
  };
}

/** The block with the modifications applied. */
export function applyModifications(octets: Uint8Array, mods: Modifications, facts: RouteFacts): Uint8Array {
  return editAttributes(octets, editsOf(mods, facts));
}
