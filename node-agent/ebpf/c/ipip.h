/*
 * What the programs share with the agent: maps, their layouts, and the reasons packets are counted under. A changed layout gets
 * another LAYOUT, and with it pins of its own: programs of two versions never read one map differently.
 */
#ifndef LINNET_IPIP_H
#define LINNET_IPIP_H

#include "kernel-api.h"

#define LAYOUT 1

/* In the order of IPIP_REASONS in types.ts. */
enum reason {
	REASON_ENCAPSULATED,
	REASON_DECAPSULATED,
	REASON_NOT_IPV4,
	REASON_NO_PEER,
	REASON_NO_ROUTE,
	REASON_TOO_BIG,
	REASON_HEADROOM,
	REASON_UNKNOWN_SOURCE,
	REASON_MALFORMED,
	REASON_BAD_CHECKSUM,
	REASON_FRAGMENT,
	REASON_ECN,
	REASONS,
};

/* One for all: this node's address in network order, the device that stands in for the tunnel, and the way out where no route names one. */
struct setting {
	u32 local;
	u32 device;
	u32 parent;
	u8 mac[6];
	u16 spare;
};

struct block {
	u32 length;
	u32 address;
};

struct count {
	u64 packets;
	u64 octets;
};

struct {
	MAP_NUMBER(type, MAP_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct setting);
} ipip_setting SECTION(".maps");

/* The block a packet goes to: its node. 100,000 is a cluster of 5,000 nodes with 20 blocks each. */
struct {
	MAP_NUMBER(type, MAP_LPM_TRIE);
	MAP_NUMBER(max_entries, 262144);
	MAP_NUMBER(map_flags, MAP_NO_PREALLOC);
	MAP_TYPE(key, struct block);
	MAP_TYPE(value, u32);
} ipip_blocks SECTION(".maps");

/* Nodes that may send to us, and that packets may be sent to. */
struct {
	MAP_NUMBER(type, MAP_HASH);
	MAP_NUMBER(max_entries, 65536);
	MAP_NUMBER(map_flags, MAP_NO_PREALLOC);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, u32);
} ipip_sources SECTION(".maps");

/* Networks outside the cluster whose machines may send to us. */
struct {
	MAP_NUMBER(type, MAP_LPM_TRIE);
	MAP_NUMBER(max_entries, 65536);
	MAP_NUMBER(map_flags, MAP_NO_PREALLOC);
	MAP_TYPE(key, struct block);
	MAP_TYPE(value, u32);
} ipip_externals SECTION(".maps");

struct {
	MAP_NUMBER(type, MAP_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, REASONS);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct count);
} ipip_counts SECTION(".maps");

#endif
