// SPDX-License-Identifier: GPL-2.0
// The network: whom a process addresses, and the first bytes of what it says to them. Attached to cgroups, so whatever way
// the program takes (a system call, io_uring, TCP fast open) comes by here.
#pragma once
#include "runs.h"

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_VSOCK 40
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define PORT_DNS 53
#define PORT_MDNS 5353
#define PORT_LLMNR 5355
#define TLS_HANDSHAKE 0x16
#define FIRST_PACKETS 4
#define ALLOW 1

// Packets are sent and received on behalf of whoever holds the CPU; only the socket knows its process.
struct owner {
  struct header header;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, u64); // socket cookie
  __type(value, struct owner);
} owners SEC(".maps");

struct peer {
  u64 socket;
  u8 address[16];
  u32 port, pad;
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, struct peer);
  __type(value, u8);
} datagram_peers SEC(".maps");

struct head {
  u32 first, end; // TCP sequence numbers; end is 0 until known
  u8 packets, is_done, pad[2];
};
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 16384);
  __type(key, u64); // socket cookie
  __type(value, struct head);
} heads SEC(".maps");

static __always_inline int on_address(struct bpf_sock_addr *ctx, bool is_v6, bool is_datagram) {
  struct target target = {};
  u16 port = bpf_ntohs((u16)ctx->user_port);
  if (!port || !current_target(&target)) // port 0: the resolver asks which of its addresses would be used, nothing is sent
    return ALLOW;
  u64 socket = bpf_get_socket_cookie(ctx);
  struct connect_record record = {};
  fill_header(&record.header, &target, KIND_CONNECT);
  struct owner owner = { .header = record.header };
  bpf_map_update_elem(&owners, &socket, &owner, BPF_ANY);

  struct peer peer = { .socket = socket, .port = port };
  u32 words[4] = {};
  if (is_v6) {
    words[0] = ctx->user_ip6[0];
    words[1] = ctx->user_ip6[1];
    words[2] = ctx->user_ip6[2];
    words[3] = ctx->user_ip6[3];
  } else
    words[0] = ctx->user_ip4;
  __builtin_memcpy(peer.address, words, sizeof(words));
  if (is_datagram) {
    u8 one = 1;
    if (bpf_map_update_elem(&datagram_peers, &peer, &one, BPF_NOEXIST))
      return ALLOW; // the same peer again
  }
  count(&target.counters->seen);
  record.family = is_v6 ? AF_INET6 : AF_INET;
  record.protocol = ctx->protocol;
  record.port = port;
  __builtin_memcpy(record.address, words, sizeof(words));
  emit(&target, &record, sizeof(record));
  return ALLOW;
}

SEC("cgroup/connect4") int on_connect4(struct bpf_sock_addr *ctx) { return on_address(ctx, false, false); }
SEC("cgroup/connect6") int on_connect6(struct bpf_sock_addr *ctx) { return on_address(ctx, true, false); }
SEC("cgroup/sendmsg4") int on_sendmsg4(struct bpf_sock_addr *ctx) { return on_address(ctx, false, true); }
SEC("cgroup/sendmsg6") int on_sendmsg6(struct bpf_sock_addr *ctx) { return on_address(ctx, true, true); }

struct packet {
  u64 socket;
  u32 offset, length; // of the payload
  u32 sequence;
  u16 local_port, remote_port;
  u8 protocol, index;
  bool is_v6, is_egress;
  u8 ip[40];
};

// False for packets that carry nothing for us: fragments, empty segments, other protocols.
static __always_inline bool dissect(struct __sk_buff *skb, struct packet *packet) {
  u32 transport;
  if (bpf_skb_load_bytes(skb, 0, packet->ip, 20))
    return false;
  if ((packet->ip[0] >> 4) == 4) {
    if ((packet->ip[6] & 0x1f) | packet->ip[7])
      return false;
    transport = (packet->ip[0] & 15) * 4;
    packet->protocol = packet->ip[9];
  } else {
    if (bpf_skb_load_bytes(skb, 0, packet->ip, 40))
      return false;
    packet->is_v6 = true;
    transport = 40;
    packet->protocol = packet->ip[6];
  }
  u8 ports[14] = {};
  if (packet->protocol == IPPROTO_UDP) {
    if (bpf_skb_load_bytes(skb, transport, ports, 8))
      return false;
    packet->offset = transport + 8;
  } else if (packet->protocol == IPPROTO_TCP) {
    if (bpf_skb_load_bytes(skb, transport, ports, 14))
      return false;
    packet->offset = transport + (ports[12] >> 4) * 4;
    packet->sequence = (u32)ports[4] << 24 | (u32)ports[5] << 16 | (u32)ports[6] << 8 | ports[7];
    if (ports[13] & 2)
      packet->sequence++; // fast open: data on the SYN, which itself counts as one
  } else
    return false;
  u16 source = ports[0] << 8 | ports[1], destination = ports[2] << 8 | ports[3];
  packet->local_port = packet->is_egress ? source : destination;
  packet->remote_port = packet->is_egress ? destination : source;
  if (skb->len <= packet->offset)
    return false;
  packet->length = skb->len - packet->offset;
  return true;
}

static __always_inline bool is_name_port(u16 port) {
  return port == PORT_DNS || port == PORT_MDNS || port == PORT_LLMNR;
}

// Whether the first byte of a connection can begin a ClientHello, an HTTP request or a DNS message.
static __always_inline bool is_telling(struct __sk_buff *skb, struct packet *packet) {
  u8 first = 0;
  bpf_skb_load_bytes(skb, packet->offset, &first, 1);
  return first == TLS_HANDSHAKE || (first >= 'A' && first <= 'Z') || packet->remote_port == PORT_DNS;
}

// The sequence number after a ClientHello that sits in one TLS record, else 0.
static __always_inline u32 end_of_hello(struct __sk_buff *skb, struct packet *packet) {
  u8 start[9] = {};
  if (packet->length < sizeof(start) || bpf_skb_load_bytes(skb, packet->offset, start, sizeof(start)) || start[0] != TLS_HANDSHAKE)
    return 0;
  u32 record = (u32)start[3] << 8 | start[4], hello = (u32)start[6] << 16 | (u32)start[7] << 8 | start[8];
  return hello + 4 <= record ? packet->sequence + 5 + record : 0;
}

// Programs split a ClientHello to hide its server name, so the first few packets of a connection go to user space.
static __always_inline bool is_at_head(struct __sk_buff *skb, struct packet *packet) {
  struct head fresh = {}, *head = bpf_map_lookup_elem(&heads, &packet->socket);
  if (head && head->is_done)
    return false;
  if (head)
    fresh = *head;
  else {
    fresh.first = packet->sequence;
    fresh.is_done = !is_telling(skb, packet);
    fresh.end = end_of_hello(skb, packet);
  }
  bool wanted = !fresh.is_done;
  packet->index = fresh.packets++;
  if (fresh.packets >= FIRST_PACKETS || (fresh.end && (s32)(packet->sequence + packet->length - fresh.end) >= 0))
    fresh.is_done = 1;
  bpf_map_update_elem(&heads, &packet->socket, &fresh, BPF_ANY);
  return wanted;
}

static __always_inline bool is_interesting(struct __sk_buff *skb, struct packet *packet) {
  if (packet->protocol == IPPROTO_UDP)
    return is_name_port(packet->remote_port);
  return packet->is_egress && is_at_head(skb, packet);
}

static __always_inline void describe(struct packet_record *record, struct packet *packet, struct target *target) {
  struct owner *owner = bpf_map_lookup_elem(&owners, &packet->socket);
  if (owner) {
    record->header = owner->header;
    record->header.time = bpf_ktime_get_boot_ns();
    record->header.session = target->session;
    record->header.cgroup = target->cgroup;
    record->header.kind = KIND_PACKET;
  } else { // a socket that somebody connected to, or older than the recording: better no process than a wrong one
    __builtin_memset(&record->header, 0, sizeof(record->header));
    record->header.time = bpf_ktime_get_boot_ns();
    record->header.session = target->session;
    record->header.cgroup = target->cgroup;
    record->header.kind = KIND_PACKET;
  }
  record->socket = packet->socket;
  record->family = packet->is_v6 ? AF_INET6 : AF_INET;
  record->protocol = packet->protocol;
  record->is_egress = packet->is_egress;
  record->index = packet->index;
  record->local_port = packet->local_port;
  record->remote_port = packet->remote_port;
  record->sequence = packet->sequence;
  record->pad = 0;
  __builtin_memset(record->address, 0, sizeof(record->address));
  if (packet->is_v6)
    __builtin_memcpy(record->address, packet->is_egress ? packet->ip + 24 : packet->ip + 8, 16);
  else
    __builtin_memcpy(record->address, packet->is_egress ? packet->ip + 16 : packet->ip + 12, 4);
}

// Records are written into the ring itself: these programs can be preempted, so there is no safe place beside it. What
// lies behind `used` is left over from earlier records; user space never looks there.
#define EMIT_PACKET(skb, packet, target, capacity)                                                                      \
  do {                                                                                                                  \
    struct packet_record *record = bpf_ringbuf_reserve(&events, __builtin_offsetof(struct packet_record, payload) + (capacity), 0); \
    if (!record) {                                                                                                      \
      count(&(target)->counters->lost);                                                                                 \
      break;                                                                                                            \
    }                                                                                                                   \
    describe(record, packet, target);                                                                                   \
    u32 used = (packet)->length < (capacity) ? (packet)->length : (capacity);                                           \
    if (used < 1 || used > (capacity) || bpf_skb_load_bytes(skb, (packet)->offset, record->payload, used))              \
      used = 0;                                                                                                         \
    record->used = used;                                                                                                \
    bpf_ringbuf_submit(record, wake_up_flags());                                                                        \
    count(&(target)->counters->kept);                                                                                   \
  } while (0)

static __always_inline int on_packet(struct __sk_buff *skb, bool is_egress) {
  struct target target = {};
#define PACKET_ANCESTOR(level) bpf_skb_ancestor_cgroup_id(skb, level)
  if (!FIND_TARGET(&target, PACKET_ANCESTOR) || !is_recording(&target, false))
    return ALLOW;
  struct packet packet = { .is_egress = is_egress, .socket = bpf_get_socket_cookie(skb) };
  if (!dissect(skb, &packet) || !is_interesting(skb, &packet))
    return ALLOW;
  count(&target.counters->seen);
  if (packet.length <= PACKET_SMALL)
    EMIT_PACKET(skb, &packet, &target, PACKET_SMALL);
  else
    EMIT_PACKET(skb, &packet, &target, PACKET_LARGE);
  return ALLOW;
}

SEC("cgroup_skb/egress") int on_egress(struct __sk_buff *skb) { return on_packet(skb, true); }
SEC("cgroup_skb/ingress") int on_ingress(struct __sk_buff *skb) { return on_packet(skb, false); }

// Sockets that have no address family in the hooks above, such as docker.sock.
SEC("tracepoint")
int on_local_connect(struct syscall_exit *ctx) {
  struct target target = {};
  if (!current_target(&target))
    return 0;
  void *address = (void *)argument(1);
  u64 length = argument(2);
  struct unix_record record = {};
  if (length < sizeof(record.family) || bpf_probe_read_user(&record.family, sizeof(record.family), address))
    return 0;
  if (record.family == AF_UNSPEC || record.family == AF_INET || record.family == AF_INET6)
    return 0;
  count(&target.counters->seen);
  fill_header(&record.header, &target, KIND_UNIX);
  record.result = ctx->result;
  if (record.family == AF_VSOCK) { // sockaddr_vm: family, reserved, port, cid
    bpf_probe_read_user(&record.port, sizeof(record.port), address + 4);
    bpf_probe_read_user(&record.context_id, sizeof(record.context_id), address + 8);
  } else {
    length -= sizeof(record.family);
    if (length > UNIX_PATH_BYTES)
      length = UNIX_PATH_BYTES;
    if (length && !bpf_probe_read_user(record.path, length, address + sizeof(record.family)))
      record.path_bytes = length;
  }
  emit(&target, &record, sizeof(record));
  return 0;
}
