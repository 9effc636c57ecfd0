/**
 * What the kernel is trusted with, by its version: the table of Calico's feature detector as far as encapsulation needs it
 * (dataplane 3.1), and `featureDetectOverride` above it. An override that nobody understands costs a warning and nothing else.
 */

/** Version of a kernel; what a distribution puts behind the numbers is `suffix`. */
export interface KernelVersion {
  readonly numbers: readonly [number, number, number];
  readonly suffix: string;
}

/** Reads a release such as `6.18.44-fc` or `5.7`; undefined where it does not begin with two numbers. */
export function parseKernelVersion(release: string): KernelVersion | undefined {
  const found = /^(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?(?!\d)(.*)$/.exec(release.trim());
  if (found === null) return undefined;
  const [, major, minor, patch, suffix] = found;
  return { numbers: [Number(major), Number(minor), Number(patch ?? 0)], suffix: suffix ?? '' };
}

/** Order of the numbers; negative, 0 or positive. */
function compareKernelVersions(a: KernelVersion['numbers'], b: KernelVersion['numbers']): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Features with an effect here. */
export interface KernelFeatures {
  /** Tunnel devices send wrong checksums where they may offload them: transmit checksum offload is turned off (5.7.0 and older). */
  readonly checksumOffloadBroken: boolean;
}

/** Which of its sources gave a feature its value. */
export type FeatureOrigin = 'kernel' | 'override';

/** The features of a kernel, where each comes from, and what was wrong with the override. */
export interface DetectedFeatures {
  readonly features: KernelFeatures;
  readonly origins: { readonly [name in keyof KernelFeatures]: FeatureOrigin };
  /** One sentence each; to be logged once. */
  readonly warnings: readonly string[];
}

interface FeatureRow {
  readonly name: keyof KernelFeatures;
  /** As featureDetectOverride spells it. */
  readonly key: string;
  /** For a version that cannot be read: what works everywhere, if slower. */
  readonly unknown: boolean;
  readonly of: (version: KernelVersion) => boolean;
}

const FEATURES: readonly FeatureRow[] = [
  {
    name: 'checksumOffloadBroken',
    key: 'ChecksumOffloadBroken',
    unknown: true,
    of: ({ numbers }) => compareKernelVersions(numbers, [5, 7, 0]) <= 0,
  },
];

/** Features of Calico's that concern parts this agent does not have (iptables, its eBPF dataplane) or that it finds out by trying. */
const WITHOUT_EFFECT = [
  'SNATFullyRandom',
  'MASQFullyRandom',
  'RestoreSupportsLock',
  'IPIPDeviceIsL3',
  'KernelSideRouteFiltering',
  'NFLogSize',
  'KernelHasUDPGSOFix',
  'NFTablesSupported',
];

/** The spellings of Go's ParseBool, which Felix reads the value with. */
const BOOLEANS: { readonly [text: string]: boolean } = {
  ...{ '1': true, t: true, T: true, true: true, True: true, TRUE: true },
  ...{ '0': false, f: false, F: false, false: false, False: false, FALSE: false },
};

function readOverride(written: string): { readonly values: ReadonlyMap<string, boolean>; readonly warnings: readonly string[] } {
  const values = new Map<string, boolean>();
  const warnings: string[] = [];
  for (const entry of written.split(',').map((text) => text.trim())) {
    if (entry === '') continue;
    const [key = '', value, ...rest] = entry.split('=').map((text) => text.trim());
    const flag = value === undefined || rest.length > 0 || !Object.hasOwn(BOOLEANS, value) ? undefined : BOOLEANS[value];
    if (flag === undefined) warnings.push(`featureDetectOverride "${entry}" is not NAME=true or NAME=false: ignored`);
    else if (WITHOUT_EFFECT.includes(key)) warnings.push(`featureDetectOverride ${key} has no effect on this agent`);
    else if (!FEATURES.some((row) => row.key === key)) warnings.push(`featureDetectOverride ${key} is no feature known here: ignored`);
    else values.set(key, flag);
  }
  return { values, warnings };
}

/** The features of the kernel of `release` (uname -r), with `override` (`NAME=true,NAME=false`) above them. */
export function detectFeatures(release: string, override = ''): DetectedFeatures {
  const version = parseKernelVersion(release);
  const { values, warnings } = readOverride(override);
  const told =
    version === undefined ? [`kernel release "${release}" has no version that can be read: offloads are taken to be broken`] : [];
  const features: { checksumOffloadBroken: boolean } = { checksumOffloadBroken: true };
  const origins: { checksumOffloadBroken: FeatureOrigin } = { checksumOffloadBroken: 'kernel' };
  for (const row of FEATURES) {
    const set = values.get(row.key);
    features[row.name] = set ?? (version === undefined ? row.unknown : row.of(version));
    origins[row.name] = set === undefined ? 'kernel' : 'override';
  }
  return { features, origins, warnings: [...told, ...warnings] };
}
