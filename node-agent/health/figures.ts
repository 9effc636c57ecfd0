/** What main tells the health thread, again and again. Types and names only. */
import type { IpipCount, IpipReason } from '../ebpf/types.ts';
import type { Report } from './reporters.ts';

/** The parts of the dataplane by which work is counted, in the order in which they are brought about. */
export const PARTS = ['devices', 'neighbours', 'routes', 'rules'] as const;
/** One of them. */
export type PartName = (typeof PARTS)[number];

/** Kinds of devices with figures of their own. */
export const DEVICE_KINDS = ['vxlan-v4', 'vxlan-v6', 'ipip'] as const;
/** One of them. */
export type DeviceKind = (typeof DEVICE_KINDS)[number];

/** Work of a part since the start; `failing` is what the kernel refuses at present. */
export interface PartFigures {
  readonly operations: number;
  readonly repairs: number;
  readonly failing: number;
  readonly lastMs: number;
}

/** Everything that is counted. What is absent counts as 0. */
export interface AgentFigures {
  readonly version: string;
  readonly node: string;
  readonly inSync: boolean;
  /** MTU by kind of the devices that are there. */
  readonly devices: { readonly [kind in DeviceKind]?: number };
  readonly podMtu: number;
  /** Packets of the eBPF tunnel; absent where IPIP is the kernel's or there is none. */
  readonly ipip?: { readonly [reason in IpipReason]: IpipCount };
  readonly vteps: { readonly ipv4: number; readonly ipv6: number };
  /** By class. */
  readonly routes: { readonly [name: string]: number };
  readonly serviceLoops: number;
  readonly issues: { readonly error: number; readonly warning: number };
  readonly parts: { readonly [name in PartName]?: PartFigures };
  readonly applies: { readonly done: number; readonly failed: number };
  /** Losses of the kernel's notifications, after each of which everything is read anew. */
  readonly losses: number;
  readonly loop: { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number };
  readonly suppressedLines: number;
}

/** One message of main: its sign of life. */
export interface AgentPush {
  readonly reports: readonly Report[];
  readonly figures: AgentFigures;
  /** The status document; absent while nothing in it changed. */
  readonly status?: string;
}

/** Where probes and metrics are answered; null: nowhere. */
export interface HealthListen {
  readonly host: string;
  readonly port: number;
}

/** Main to worker. */
export type ToHealth =
  | { readonly type: 'push'; readonly push: AgentPush }
  | { readonly type: 'timeouts'; readonly overrides: readonly { readonly name: string; readonly timeout: number }[] }
  | { readonly type: 'listen'; readonly listen: HealthListen | null }
  | { readonly type: 'stop' };

/** Worker to main: the outcome of opening, and later of each `listen`. `refused` is a sentence; `address` where it listens. */
export interface FromHealth {
  readonly type: 'listening';
  readonly address: string | null;
  readonly refused: string | undefined;
}

/** What the worker is started with. */
export interface HealthStart {
  readonly listen: HealthListen | null;
  /** Path of the unix socket. */
  readonly socket: string;
  readonly reporters: readonly string[];
}
