/** Policy rules of this machine over rtnetlink. */
import type { RuleMessage } from 'netlink';
import { decodeRule, encodeRule, encodeRuleDump, NetlinkSocket, NLM_F, RTM } from 'netlink';
import type { RuleKernel } from './types.ts';

/** The rules of a namespace (a file; absent: the thread's own). `portId` is for watches, which pass our own changes over. Throws where there is no netlink. */
export function openRuleKernel(options: { readonly namespace?: string } = {}): RuleKernel & { readonly portId: number; close(): void } {
  const socket = new NetlinkSocket(options);
  const dump = (family: RuleMessage['family']): RuleMessage[] =>
    socket.dump(`${family} rules`, (out, seq) => encodeRuleDump(out, RTM.getRule, seq, family), decodeRule);
  return {
    portId: socket.portId,
    read: () => [...dump('ipv4'), ...dump('ipv6')],
    apply: (operations) => {
      const { failures, lost } = socket.batch(operations, (out, { kind, rule }, flags, seq) => {
        if (kind === 'add') encodeRule(out, RTM.newRule, flags | NLM_F.create | NLM_F.exclusive, seq, rule);
        else encodeRule(out, RTM.delRule, flags, seq, rule);
      });
      const done = (kind: string, code: string): boolean => code === (kind === 'add' ? 'EEXIST' : 'ENOENT');
      return { failures: failures.filter(({ item, code }) => !done(item.kind, code)), lost };
    },
    close: () => socket.close(),
  };
}
