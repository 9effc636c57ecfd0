/*
 * IPIP (RFC 2003) without the kernel's ipip module: two tc programs. `ipip_encap` stands where packets leave the device that
 * stands in for tunl0; `ipip_decap` where packets come in from the network. TTL, DF, TOS and the like are as the kernel's tunl0
 * has them but for two points: the outer TTL is fixed, so that a traceroute through the tunnel sees its far end however many routers are
 * between (RFC 2003 3.1), and congestion marks follow RFC 6040 instead of RFC 3168.
 */
#include "ipip.h"

const char program_license[] SECTION("license") = "Dual MIT/GPL";
const char source_hash[] SECTION("linnet.source") = SOURCE_SHA256;
const char compiler[] SECTION("linnet.compiler") = __VERSION__;

/* Set by the loader before the programs are checked. */
const volatile u8 outer_ttl = 64;

enum { ECN_MASK = 3, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

INLINE u32 packets_of(struct __sk_buff *skb)
{
	return skb->gso_segs > 1 ? skb->gso_segs : 1;
}

INLINE void count(enum reason reason, u32 packets, u32 octets)
{
	u32 key = reason;
	struct count *entry = map_lookup(&ipip_counts, &key);

	if (!entry)
		return;
	entry->packets += packets;
	entry->octets += octets;
}

INLINE int drop(struct __sk_buff *skb, enum reason reason)
{
	count(reason, packets_of(skb), skb->len - ETHERNET_HEADER);
	return VERDICT_DROP;
}

/* The header at `offset` with `more` octets behind it, readable and writable; null where the packet is shorter. */
INLINE struct ipv4 *header_at(struct __sk_buff *skb, u32 offset, u32 more)
{
	u32 need = offset + IPV4_HEADER + more;

	if ((void *)(long)skb->data + need > (void *)(long)skb->data_end) {
		if (pull_data(skb, need))
			return 0;
		if ((void *)(long)skb->data + need > (void *)(long)skb->data_end)
			return 0;
	}
	return (void *)(long)skb->data + offset;
}

INLINE u16 fold(u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Gateway that the routes name for an address on the device: blocks that others route there are served as the kernel's tunnel would. */
INLINE u32 gateway_of(struct __sk_buff *skb, const struct setting *setting, u32 source, u32 destination)
{
	struct bpf_fib_lookup lookup = {
		.family = ADDRESS_INET,
		.ifindex = setting->device,
		.ipv4_src = source,
		.ipv4_dst = destination,
	};
	long found = fib_lookup(skb, &lookup, sizeof(lookup), FIB_OUTPUT);

	if (found != FIB_SUCCESS && found != FIB_NO_NEIGHBOUR)
		return 0;
	return map_lookup(&ipip_sources, &lookup.ipv4_dst) ? lookup.ipv4_dst : 0;
}

/* Interface the outer packet leaves by, or the negative reason why it cannot: as the node's own packets are routed (interface 1 is lo). */
INLINE int way_out(struct __sk_buff *skb, const struct setting *setting, u32 host, u32 total)
{
	struct bpf_fib_lookup lookup = {
		.family = ADDRESS_INET,
		.ifindex = 1,
		.ipv4_src = setting->local,
		.ipv4_dst = host,
		/* What is segmented later has the size of the route it came by. */
		.tot_len = skb->gso_size ? 0 : total,
	};
	long found = fib_lookup(skb, &lookup, sizeof(lookup), 0);

	if (found == FIB_SUCCESS || found == FIB_NO_NEIGHBOUR)
		return lookup.ifindex;
	if (found == FIB_FRAGMENTATION_NEEDED)
		return -REASON_TOO_BIG;
	if (found == FIB_FORWARDING_DISABLED || found < 0)
		return setting->parent;
	return -REASON_NO_ROUTE;
}

/*
 * The segments keep their size: the route to the device has its MTU, so they are small enough already. What came out of a tunnel
 * as one large packet still counts as encapsulated, and its marks are those that are wanted here: then only the room is made.
 */
INLINE long make_room(struct __sk_buff *skb)
{
	long failed = adjust_room(skb, IPV4_HEADER, ADJUST_AT_MAC, ADJUST_FIXED_GSO | ADJUST_ENCAP_L3_IPV4);

	return failed == -ERROR_ALREADY ? adjust_room(skb, IPV4_HEADER, ADJUST_AT_MAC, ADJUST_FIXED_GSO) : failed;
}

INLINE void write_outer(struct ipv4 *outer, const struct setting *setting, u32 host, u32 total, u8 tos, u16 fragment)
{
	const u16 *words = (const u16 *)outer;
	u32 sum = 0;

	outer->version_length = 0x45;
	outer->tos = tos;
	/* Beyond 65,535 it is cut into segments, each with a length of its own. */
	outer->total = total > 0xffff ? 0 : ORDER16((u16)total);
	/* Only what may be fragmented needs a number (RFC 6864 4.1). */
	outer->id = fragment ? 0 : (u16)random_number();
	outer->fragment = fragment;
	outer->ttl = outer_ttl;
	outer->protocol = PROTOCOL_IPIP;
	outer->checksum = 0;
	outer->source = setting->local;
	outer->destination = host;
#pragma unroll
	for (int word = 0; word < IPV4_HEADER / 2; word++)
		sum += words[word];
	outer->checksum = fold(sum);
}

SECTION("tc/ipip_encap")
int ipip_encap(struct __sk_buff *skb)
{
	u32 key = 0;
	struct setting *setting = map_lookup(&ipip_setting, &key);
	struct ipv4 *header;

	if (!setting || skb->protocol != ORDER16(ETHERTYPE_IPV4))
		return drop(skb, REASON_NOT_IPV4);
	header = header_at(skb, ETHERNET_HEADER, 0);
	if (!header || header->version_length >> 4 != 4)
		return drop(skb, REASON_MALFORMED);

	struct block to = { .length = 32, .address = header->destination };
	u32 *peer = map_lookup(&ipip_blocks, &to);
	u32 host = peer ? *peer : gateway_of(skb, setting, header->source, header->destination);
	u8 tos = header->tos & ECN_MASK;
	/* RFC 2003 3.1: set outside where it is set inside. */
	u16 fragment = header->fragment & ORDER16(IPV4_DONT_FRAGMENT);
	u32 total = skb->len - ETHERNET_HEADER + IPV4_HEADER;
	u32 packets = packets_of(skb);

	if (!host)
		return drop(skb, REASON_NO_PEER);
	int interface = way_out(skb, setting, host, total);
	if (interface <= 0)
		return drop(skb, -interface);
	if (make_room(skb))
		return drop(skb, REASON_HEADROOM);
	header = header_at(skb, ETHERNET_HEADER, 0);
	if (!header)
		return drop(skb, REASON_MALFORMED);
	write_outer(header, setting, host, total, tos, fragment);
	count(REASON_ENCAPSULATED, packets, total - IPV4_HEADER);
	return redirect_neighbour(interface, 0, 0, 0);
}

/* The sum over a correct header is all ones; `length` is that of the header with its options, 20 to 60. */
INLINE int checksum_wrong(struct __sk_buff *skb, u32 length)
{
	u32 octets[15] = {};

	if (load_octets(skb, ETHERNET_HEADER, octets, length))
		return 1;
	return fold(checksum_difference(0, 0, octets, sizeof(octets), 0)) != 0;
}

/* RFC 6040 4.2: the mark that goes on inside, or -1 where a router marked a packet of a sender that does not know of marks. */
INLINE int mark_inside(u8 outer, u8 inner)
{
	if (outer == ECN_CE)
		return inner ? ECN_CE : -1;
	return outer == ECN_ECT1 && inner == ECN_ECT0 ? ECN_ECT1 : inner;
}

/* TOS and the checksum that belongs to it; their change cancels out in a sum over the packet. */
INLINE void write_mark(struct ipv4 *header, u8 tos)
{
	u32 sum = (u16)~header->checksum;

	sum += (u16)~ORDER16((u16)header->tos) + ORDER16((u16)tos);
	header->checksum = fold(sum);
	header->tos = tos;
}

INLINE int may_send(u32 source)
{
	struct block from = { .length = 32, .address = source };

	return map_lookup(&ipip_sources, &source) || map_lookup(&ipip_externals, &from);
}

SECTION("tc/ipip_decap")
int ipip_decap(struct __sk_buff *skb)
{
	u32 key = 0;
	struct setting *setting = map_lookup(&ipip_setting, &key);
	struct ipv4 *header;

	/* What has a VLAN's tag is for an interface above this one. */
	if (!setting || skb->pkt_type != PACKET_HOST || skb->vlan_present || skb->protocol != ORDER16(ETHERTYPE_IPV4))
		return VERDICT_NEXT;
	header = header_at(skb, ETHERNET_HEADER, 0);
	if (!header || header->protocol != PROTOCOL_IPIP || header->destination != setting->local)
		return VERDICT_NEXT;

	u32 length = (header->version_length & 15) * 4;
	u32 total = ORDER16(header->total);
	u32 source = header->source;
	u32 packets = packets_of(skb);
	u8 outer_mark = header->tos & ECN_MASK;

	if (!may_send(source))
		return drop(skb, REASON_UNKNOWN_SOURCE);
	if (header->version_length >> 4 != 4 || length < IPV4_HEADER || total < length + IPV4_HEADER || skb->len < total + ETHERNET_HEADER)
		return drop(skb, REASON_MALFORMED);
	if (header->fragment & ORDER16(IPV4_IS_FRAGMENT))
		return drop(skb, REASON_FRAGMENT);
	if (checksum_wrong(skb, length))
		return drop(skb, REASON_BAD_CHECKSUM);
	if (adjust_room(skb, -(int)length, ADJUST_AT_MAC, ADJUST_FIXED_GSO))
		return drop(skb, REASON_HEADROOM);
	header = header_at(skb, ETHERNET_HEADER, 0);
	if (!header || header->version_length >> 4 != 4 || ORDER16(header->total) > total - length)
		return drop(skb, REASON_MALFORMED);

	int mark = mark_inside(outer_mark, header->tos & ECN_MASK);
	if (mark < 0)
		return drop(skb, REASON_ECN);
	if (mark != (header->tos & ECN_MASK))
		write_mark(header, (header->tos & ~ECN_MASK) | mark);
	/*
	 * The device takes packets for its own address only; what it hands on has come by it for filters and rp_filter alike. An interface
	 * may have summed the whole frame up: that sum changes with it.
	 */
	store_octets(skb, 0, setting->mac, sizeof(setting->mac), STORE_KEEPS_SUM);
	/* It was the hash of the tunnel's flow. */
	invalidate_hash(skb);
	count(REASON_DECAPSULATED, packets, skb->len - ETHERNET_HEADER);
	return redirect(setting->device, REDIRECT_INGRESS);
}
