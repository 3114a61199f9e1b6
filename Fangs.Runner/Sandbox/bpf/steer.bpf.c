// Steers every TCP connection made in a sandbox's network namespace to the gateway's listeners, whatever address and port it names.
// The accepted socket's local end point is the destination that the program asked for.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define FAMILY_INET 2
#define FAMILY_INET6 10
#define PROTOCOL_TCP 6

// Index 0: the IPv4 listener, index 1: the IPv6 listener.
struct {
  __uint(type, BPF_MAP_TYPE_SOCKMAP);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u64);
} listeners SEC(".maps");

// Index 0: the one loopback port that goes to the gateway too, for a registry on the host's loopback; 0 means none.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} loopback_port SEC(".maps");

static __always_inline int is_loopback(struct bpf_sk_lookup *ctx) {
  if (ctx->family == FAMILY_INET) return (bpf_ntohl(ctx->local_ip4) >> 24) == 127;
  return ctx->local_ip6[0] == 0 && ctx->local_ip6[1] == 0 && ctx->local_ip6[2] == 0 && ctx->local_ip6[3] == bpf_htonl(1);
}

SEC("sk_lookup")
int steer_tcp(struct bpf_sk_lookup *ctx) {
  if (ctx->protocol != PROTOCOL_TCP) return SK_PASS;
  if (is_loopback(ctx)) {
    // Servers that the package starts for itself keep working.
    __u32 zero = 0;
    __u32 *port = bpf_map_lookup_elem(&loopback_port, &zero);
    if (!port || *port == 0 || *port != ctx->local_port) return SK_PASS;
  }

  __u32 index = ctx->family == FAMILY_INET6;
  struct bpf_sock *listener = bpf_map_lookup_elem(&listeners, &index);
  if (!listener) return SK_PASS;
  bpf_sk_assign(ctx, listener, 0);
  bpf_sk_release(listener);
  return SK_PASS;
}
