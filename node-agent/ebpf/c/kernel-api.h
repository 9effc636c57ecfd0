/*
 * The part of the kernel's stable interface to tc programs that is used here (uapi linux/bpf.h, linux/pkt_cls.h): numbers, layouts and
 * nothing else, so that the object does not depend on which headers a machine has.
 */
#ifndef LINNET_KERNEL_API_H
#define LINNET_KERNEL_API_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))

/* Map definitions in BTF: a number is the length of an array, a type is pointed at. */
#define MAP_NUMBER(name, value) int(*name)[value]
#define MAP_TYPE(name, type) type *name

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_LPM_TRIE = 11 };
enum { MAP_NO_PREALLOC = 1 };

/* Verdicts; the first goes on to the next program, in TCX and in clsact alike. */
enum { VERDICT_NEXT = -1, VERDICT_DROP = 2 };

enum { PACKET_HOST = 0 };
enum { REDIRECT_INGRESS = 1 };
enum { STORE_KEEPS_SUM = 1 };

enum { ADJUST_AT_MAC = 1 };
enum { ADJUST_FIXED_GSO = 1 << 0, ADJUST_ENCAP_L3_IPV4 = 1 << 1 };

enum { FIB_OUTPUT = 1 << 1 };
enum {
	FIB_SUCCESS = 0,
	FIB_FORWARDING_DISABLED = 5,
	FIB_NO_NEIGHBOUR = 7,
	FIB_FRAGMENTATION_NEEDED = 8,
};

enum { ERROR_ALREADY = 114 };

/* Host order is little endian on every platform there is an addon for. */
#define ORDER16(value) __builtin_bswap16(value)

enum { ETHERTYPE_IPV4 = 0x0800, ETHERNET_HEADER = 14, ADDRESS_INET = 2 };

/* The context of tc programs: the kernel rewrites every access by offset. */
struct __sk_buff {
	u32 len;
	u32 pkt_type;
	u32 mark;
	u32 queue_mapping;
	u32 protocol;
	u32 vlan_present;
	u32 vlan_tci;
	u32 vlan_proto;
	u32 priority;
	u32 ingress_ifindex;
	u32 ifindex;
	u32 tc_index;
	u32 cb[5];
	u32 hash;
	u32 tc_classid;
	u32 data;
	u32 data_end;
	u32 napi_id;
	u32 family;
	u32 remote_ip4;
	u32 local_ip4;
	u32 remote_ip6[4];
	u32 local_ip6[4];
	u32 remote_port;
	u32 local_port;
	u32 data_meta;
	u64 flow_keys;
	u64 tstamp;
	u32 wire_len;
	u32 gso_segs;
	u64 sk;
	u32 gso_size;
	u8 tstamp_type;
	u32 : 24;
	u64 hwtstamp;
};

struct bpf_fib_lookup {
	u8 family;
	u8 l4_protocol;
	u16 sport;
	u16 dport;
	u16 tot_len;
	u32 ifindex;
	u32 tos;
	u32 ipv4_src;
	u32 unused_src[3];
	u32 ipv4_dst;
	u32 unused_dst[3];
	u16 h_vlan_proto;
	u16 h_vlan_TCI;
	u8 smac[6];
	u8 dmac[6];
};

/* An IPv4 header (RFC 791 3.1), multi-octet fields in network order. */
struct ipv4 {
	u8 version_length;
	u8 tos;
	u16 total;
	u16 id;
	u16 fragment;
	u8 ttl;
	u8 protocol;
	u16 checksum;
	u32 source;
	u32 destination;
};

enum { IPV4_HEADER = 20, IPV4_DONT_FRAGMENT = 0x4000, IPV4_IS_FRAGMENT = 0x3fff, PROTOCOL_IPIP = 4 };

static void *(*map_lookup)(void *map, const void *key) = (void *)1;
static u32 (*random_number)(void) = (void *)7;
static long (*store_octets)(struct __sk_buff *, u32 offset, const void *from, u32 length, u64 flags) = (void *)9;
static long (*load_octets)(const struct __sk_buff *, u32 offset, void *to, u32 length) = (void *)26;
static long (*redirect)(u32 interface, u64 flags) = (void *)23;
static long (*checksum_difference)(const void *from, u32 from_size, const void *to, u32 to_size, u32 seed) = (void *)28;
static long (*pull_data)(struct __sk_buff *, u32 length) = (void *)39;
static long (*invalidate_hash)(struct __sk_buff *) = (void *)41;
static long (*adjust_room)(struct __sk_buff *, int difference, u32 mode, u64 flags) = (void *)50;
static long (*fib_lookup)(void *context, struct bpf_fib_lookup *, int size, u32 flags) = (void *)69;
static long (*redirect_neighbour)(u32 interface, void *next_hop, int size, u64 flags) = (void *)152;

#endif
