import { describe, expect, it } from 'vitest';
import { detectFeatures, parseKernelVersion } from '../../../node-agent/encap/features.ts';

describe('versions of kernels', () => {
  it.each([
    ['6.18.44-fc-v669', [6, 18, 44], '-fc-v669'],
    ['5.7', [5, 7, 0], ''],
    ['5.7-rc1', [5, 7, 0], '-rc1'],
    ['4.18.0-330.el8.x86_64\n', [4, 18, 0], '-330.el8.x86_64'],
    ['5.10.0', [5, 10, 0], ''],
  ])('%j', (release, numbers, suffix) => expect(parseKernelVersion(release)).toEqual({ numbers, suffix }));

  it.each(['', 'linux', '6', '6.', 'v6.1', '6.123456'])('%j is none', (release) => expect(parseKernelVersion(release)).toBeUndefined());
});

describe('checksum offload', () => {
  it.each([
    ['4.19.0', true],
    ['5.6.19', true],
    ['5.7.0', true],
    ['5.7', true],
    ['5.7.1', false],
    ['5.10.0-28-amd64', false],
    ['6.18.44', false],
  ])('kernel %s: broken %j', (release, broken) => {
    const { features, origins, warnings } = detectFeatures(release);
    expect({ features, origins, warnings }).toEqual({
      features: { checksumOffloadBroken: broken },
      origins: { checksumOffloadBroken: 'kernel' },
      warnings: [],
    });
  });

  it('is taken to be broken where the version cannot be read, and that is said', () => {
    const { features, warnings } = detectFeatures('weird');
    expect(features.checksumOffloadBroken).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('"weird"')]);
  });
});

describe('featureDetectOverride', () => {
  it.each([
    ['ChecksumOffloadBroken=true', '6.1.0', true],
    ['ChecksumOffloadBroken=false', '5.6.0', false],
    [' ChecksumOffloadBroken = T ,', '6.1.0', true],
    ['ChecksumOffloadBroken=0', '5.6.0', false],
    // The last one counts, as in a list of settings.
    ['ChecksumOffloadBroken=true,ChecksumOffloadBroken=false', '5.6.0', false],
  ])('%j on %s: %j', (override, release, broken) => {
    const detected = detectFeatures(release, override);
    expect(detected).toMatchObject({
      features: { checksumOffloadBroken: broken },
      origins: { checksumOffloadBroken: 'override' },
      warnings: [],
    });
  });

  it.each([
    ['NoSuchThing=true', 'NoSuchThing is no feature known here'],
    ['ChecksumOffloadBroken', '"ChecksumOffloadBroken" is not NAME=true or NAME=false'],
    ['ChecksumOffloadBroken=maybe', '"ChecksumOffloadBroken=maybe" is not'],
    ['ChecksumOffloadBroken=true=false', 'is not NAME=true'],
    ['ChecksumOffloadBroken=toString', 'is not NAME=true'],
    ['checksumoffloadbroken=true', 'checksumoffloadbroken is no feature known here'],
    ['NFTablesSupported=true', 'NFTablesSupported has no effect on this agent'],
  ])('%j is warned about and changes nothing', (override, text) => {
    const { features, origins, warnings } = detectFeatures('6.1.0', override);
    expect({ features, origins }).toEqual({ features: { checksumOffloadBroken: false }, origins: { checksumOffloadBroken: 'kernel' } });
    expect(warnings).toEqual([expect.stringContaining(text)]);
  });

  it('keeps the good entries beside bad ones', () => {
    const { features, warnings } = detectFeatures('6.1.0', 'Nope=true,ChecksumOffloadBroken=true,??');
    expect(features.checksumOffloadBroken).toBe(true);
    expect(warnings).toHaveLength(2);
  });
});
