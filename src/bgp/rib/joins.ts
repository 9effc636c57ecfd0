/**
 * Whole tables for new members and for route refresh: one encoded image of what a group has told, shared by everyone who joins
 * until it is out of date (bgp-speaker 2.4). The group does not flush while its image is read, so that it is exactly one state.
 */
import { ChangeSet, type Encoded } from './encoding.ts';
import type { Feed } from './feed.ts';
import type { Group } from './group.ts';
import { IMAGE_LOG_OCTETS, SCAN_CHUNK, SERVE_PARTS } from './limits.ts';

/** A member waiting for the table; `before` and `after` frame it (BoRR, EoRR; End-of-RIB for a new member). */
interface Waiting {
  readonly feed: Feed;
  readonly before: readonly Uint8Array[];
  readonly after: readonly Uint8Array[];
}

interface Image {
  readonly seq: number;
  readonly parts: readonly Encoded[];
  readonly octets: number;
}

/** Images larger than this are not kept for later joiners. */
const KEEP_IMAGE_OCTETS = 4 * 1024 * 1024;

/** Joins and refreshes of one group. */
export class Joins {
  readonly group: Group;
  private waiting: Waiting[] = [];
  private image: Image | undefined;
  private build: { at: number; octets: number; readonly parts: Encoded[] } | undefined;
  private readonly onReady: (feed: Feed) => void;

  constructor(group: Group, onReady: (feed: Feed) => void) {
    this.group = group;
    this.onReady = onReady;
  }

  get size(): number {
    return this.waiting.length;
  }

  /** Members to be, not counting refreshes. */
  joining(): Feed[] {
    return this.waiting.filter((entry) => !entry.feed.attached).map((entry) => entry.feed);
  }

  /** Queues a new member, or a member that asked for a refresh. */
  add(feed: Feed, before: readonly Uint8Array[], after: readonly Uint8Array[]): void {
    this.waiting.push({ feed, before, after });
  }

  /** Forgets what waits for the feed and returns it. */
  remove(feed: Feed): readonly Waiting[] {
    const own = this.waiting.filter((entry) => entry.feed === feed);
    this.waiting = this.waiting.filter((entry) => entry.feed !== feed);
    if (this.waiting.length === 0) this.abandon();
    return own;
  }

  /** True where `step` can do something: a new group waits until its first scan is through. */
  hasWork(): boolean {
    return this.waiting.length > 0 && (this.build !== undefined || (this.group.filled && this.group.frozen === 0));
  }

  /** One unit of work: a chunk of the image, or serving everyone who waits. */
  step(): void {
    if (this.build === undefined && this.isUsable()) this.serve();
    else this.buildChunk();
  }

  /** Lets the image and the log kept for it go. */
  dropImage(): void {
    this.image = undefined;
    this.group.log.pin = Infinity;
    this.group.log.trim();
  }

  /** Drops an image whose log has grown too long to be worth it. */
  expire(): void {
    const { log } = this.group;
    if (this.image !== undefined && log.head !== this.image.seq && (log.octets > IMAGE_LOG_OCTETS || log.pin === Infinity))
      this.dropImage();
  }

  private abandon(): void {
    if (this.build === undefined) return;
    this.build = undefined;
    this.group.frozen--;
  }

  private isUsable(): boolean {
    const { image } = this;
    if (image === undefined) return false;
    const { log } = this.group;
    if (log.head === image.seq) return true;
    // Messages for single members since then do not cover who joins now; a refresh must not repeat older states after newer ones.
    if (this.group.lastAudienceChange > image.seq) return false;
    return log.pin === image.seq && log.octets <= IMAGE_LOG_OCTETS && this.waiting.every((entry) => !entry.feed.attached);
  }

  private buildChunk(): void {
    const { group } = this;
    if (this.build === undefined) {
      this.image = undefined;
      this.build = { at: 0, octets: 0, parts: [] };
      group.frozen++;
      group.stores.work.images++;
    }
    const { build } = this;
    const { sent } = group;
    const end = Math.min(sent.exports.length, group.top, build.at + SCAN_CHUNK);
    const changes = new ChangeSet();
    for (; build.at < end; build.at++) {
      const id = sent.exports[build.at] ?? 0;
      if (id !== 0) changes.announce(build.at, id, group.tagOf(sent.sources[build.at] ?? 0));
    }
    if (changes.size > 0) {
      const part = group.encode(changes);
      build.octets += part.octets.length;
      build.parts.push(part);
    }
    if (end >= Math.min(group.top, sent.exports.length)) this.finish(build.parts, build.octets);
  }

  private finish(parts: readonly Encoded[], octets: number): void {
    const { group } = this;
    this.build = undefined;
    group.frozen--;
    this.image = { seq: group.log.head, parts, octets };
    group.log.pin = group.log.head;
    this.serve();
  }

  private serve(): void {
    const { image, group, waiting } = this;
    if (image === undefined) return;
    // While somebody waits the group does not flush, so the image stays as good as it is for those who come next.
    const served = waiting.splice(0, Math.max(1, Math.floor(SERVE_PARTS / (image.parts.length + 1))));
    for (const { feed, before, after } of served) {
      if (feed.walk !== undefined) {
        repeat(feed, before, after);
        this.onReady(feed);
        continue;
      }
      if (feed.attached) feed.drainLog();
      feed.push(before);
      for (const part of image.parts) feed.pushPart(part);
      if (feed.attached) {
        feed.push(after);
        this.onReady(feed);
      } else {
        feed.whenCaughtUp.push(...after);
        group.attach(feed, image.seq);
      }
    }
    if (waiting.length === 0 && image.octets > KEEP_IMAGE_OCTETS) this.dropImage();
  }
}

/**
 * A member that walks is sent everything again by its walk (route refresh). An image would tell it of routes that the walk does not know it
 * holds: one that goes before the walk comes by would stay.
 */
export function repeat(feed: Feed, before: readonly Uint8Array[], after: readonly Uint8Array[]): void {
  feed.push(before);
  feed.afterWalk.push(...after);
  feed.walk?.restart();
}
