// SPDX-License-Identifier: GPL-2.0
// What goes through the ring buffer. Sensor/Records.cs has the same layouts; all numbers are in host byte order.
// Every record starts with a header. Strings follow the fixed part without terminators, their lengths are in it.
#pragma once
#include "core_types.h"

#define PATH_BYTES 4096 // longest path that the kernel accepts
#define ARGUMENT_BYTES 4096
#define COMM_BYTES 16
#define ANCESTORS 6

enum kind { KIND_FILE = 1, KIND_EXEC, KIND_CONNECT, KIND_PACKET, KIND_SYSCALL, KIND_FORK, KIND_UNIX };
enum tag { TAG_INTERESTING = 1, TAG_CREDENTIAL = 2 };

struct header {
  u64 time;   // nanoseconds since boot
  u64 cgroup; // the run's
  u32 session;
  u32 pid, tid, ppid, uid, gid;
  char comm[COMM_BYTES];
  u8 kind, tags;
  u8 pad[6];
}; // 64 bytes

enum file_op { OP_OPEN = 1, OP_UNLINK, OP_RENAME, OP_SYMLINK, OP_LINK, OP_CHMOD, OP_TRUNCATE, OP_MKDIR };

struct file_record {
  struct header header;
  s32 directory, flags, result;
  u8 op;
  u8 resolved;   // the kernel's own name of the opened file, instead of what the program passed
  u8 truncated;
  u8 has_result; // io_uring reports results later, to the program only
  u16 path_bytes, new_path_bytes;
  u32 own_number; // of the process, as its own /proc shows it; 0 outside /proc
  char text[4 * PATH_BYTES]; // path, new path; the surplus satisfies the verifier
};

struct ancestor {
  u32 pid;
  char comm[COMM_BYTES];
};

struct exec_record {
  struct header header;
  u16 binary_bytes, file_bytes, interpreter_bytes, argument_bytes;
  u8 truncated;
  u8 pad[3];
  u32 pad2;
  struct ancestor ancestors[ANCESTORS];
  char text[3 * PATH_BYTES + ARGUMENT_BYTES]; // resolved binary, file as passed (absolute), interpreter, arguments
};

struct connect_record {
  struct header header;
  u8 family, protocol;
  u16 port;
  u32 pad;
  u8 address[16];
};

#define PACKET_SMALL 512  // a DNS message without extensions
#define PACKET_LARGE 4096 // a ClientHello with post-quantum key shares is close to 2 KiB

struct packet_record {
  struct header header;
  u64 socket;
  u8 family, protocol;
  u8 is_egress;
  u8 index; // which payload packet of the socket this is, for TCP
  u16 local_port, remote_port;
  u8 address[16]; // the peer's
  u32 sequence;   // TCP sequence number of the first byte
  u16 used, pad;
  u8 payload[PACKET_LARGE];
};

struct syscall_record {
  struct header header;
  u32 id; // which one, see Sensor/SyscallProbes.cs
  u32 pad;
  s64 result;
  u64 arguments[3];
};

struct fork_record {
  struct header header; // of the parent
  u32 child;
  u32 pad;
};

#define UNIX_PATH_BYTES 108

struct unix_record {
  struct header header;
  u16 family, path_bytes;
  s32 result;
  u32 context_id, port; // of AF_VSOCK
  char path[UNIX_PATH_BYTES];
  u32 pad;
};
