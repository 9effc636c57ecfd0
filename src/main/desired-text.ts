/** The `linnet.desired/v1` document as text: the same octets from the API, the command line and offline. */
import { desiredToJson } from '../confd/desired/json.ts';
import type { Desired } from '../confd/desired/types.ts';
import type { Issue } from '../confd/resources/types.ts';

/** The document with a newline at its end. */
export function desiredText(desired: Desired | undefined, issues: readonly Issue[]): string {
  return `${JSON.stringify(desiredToJson(desired, issues), undefined, 2)}\n`;
}
