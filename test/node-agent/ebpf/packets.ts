/** IPv4 packets made by hand, right or wrong. */

/** One packet; what is absent is as it should be. Addresses are numbers. */
export interface DatagramFields {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly payload: Buffer;
  readonly tos?: number;
  readonly ttl?: number;
  readonly id?: number;
  /** Flags and offset as in the header. */
  readonly fragment?: number;
  readonly options?: Buffer;
  readonly total?: number;
  readonly checksum?: number;
}

/** The Internet checksum (RFC 1071) of octets; 0 over a header that holds its right one. */
export function checksum(octets: Buffer): number {
  let sum = 0;
  for (let at = 0; at + 1 < octets.length; at += 2) sum += octets.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An IPv4 packet (RFC 791). */
export function datagram(fields: DatagramFields): Buffer {
  const { options = Buffer.alloc(0), payload } = fields;
  const header = Buffer.alloc(20 + options.length);
  options.copy(header, 20);
  header.writeUInt8(0x40 | (header.length / 4), 0);
  header.writeUInt8(fields.tos ?? 0, 1);
  header.writeUInt16BE(fields.total ?? header.length + payload.length, 2);
  header.writeUInt16BE(fields.id ?? 0, 4);
  header.writeUInt16BE(fields.fragment ?? 0, 6);
  header.writeUInt8(fields.ttl ?? 64, 8);
  header.writeUInt8(fields.protocol, 9);
  header.writeUInt32BE(fields.source, 12);
  header.writeUInt32BE(fields.destination, 16);
  header.writeUInt16BE(fields.checksum ?? checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** An IPv4 packet in an Ethernet frame to the loopback's address: that is the interface of test runs, and other frames are not for this host. */
export function ethernet(packet: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(12), Buffer.from('0800', 'hex'), packet]);
}
