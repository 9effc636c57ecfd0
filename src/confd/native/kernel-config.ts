/** From the desired state to what the kernel's thread is told. Pure. */
import type { FamilyRules } from '../../routes/kernel/rules.ts';
import type { KernelConfig } from '../../routes/kernel/sync-types.ts';
import type { Desired } from '../desired/types.ts';

/** Routes of the configuration and rules for the kernel (control-plane 5.4-6); the desired state has its programme filled in. `choice`: whose order of own and peers' routes counts. */
export function kernelConfig(desired: Desired, choice: 'kernel' | 'bird'): KernelConfig {
  const { programme } = desired;
  const family = (name: 'ipv4' | 'ipv6'): FamilyRules => {
    const { rejected, wireguard, pools } = programme?.[name].kernel ?? { rejected: [], wireguard: [], pools: [] };
    const ownNetwork = desired.networks[name];
    return {
      rejected,
      wireguard,
      pools: pools.map(({ prefix, verdict, tunnel }) => ({ prefix, verdict, tunnel })),
      ...(ownNetwork === undefined ? {} : { ownNetwork }),
    };
  };
  return {
    statics: desired.install.map(({ prefix, kind, gateway }) =>
      kind === 'via' && gateway !== undefined ? { prefix, gateway } : { prefix },
    ),
    rules: { ipv4: family('ipv4'), ipv6: family('ipv6') },
    learn: {
      ignoredInterfaces: programme?.ignoredInterfaces ?? [],
      ...(choice === 'bird'
        ? { everything: true }
        : programme === undefined
          ? {}
          : { normalMetric: { ipv4: programme.ipv4.priority, ipv6: programme.ipv6.priority } }),
    },
  };
}
