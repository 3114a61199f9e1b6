// SPDX-License-Identifier: GPL-2.0
// The few kernel types that the sensor reads. Each lists only the fields in use: CO-RE moves the offsets to those of
// the running kernel when the object is loaded, so neither the build host nor the target needs kernel headers.
#pragma once

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u16 __sum16;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;

#define NULL ((void *)0)
#define true 1
#define false 0

enum { BPF_ANY = 0, BPF_NOEXIST = 1 };
enum { BPF_F_NO_PREALLOC = 1 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2, BPF_RB_AVAIL_DATA = 0 };
enum bpf_map_type {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_LPM_TRIE = 11,
  BPF_MAP_TYPE_RINGBUF = 27,
};

// Program contexts: user-space ABI, the same in every kernel, so they must not be relocated.
struct __sk_buff {
  __u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex;
  __u32 ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4;
  __u32 remote_ip6[4], local_ip6[4], remote_port, local_port;
};
struct bpf_sock_addr {
  __u32 user_family, user_ip4, user_ip6[4], user_port, family, type, protocol, msg_src_ip4, msg_src_ip6[4];
};
struct bpf_raw_tracepoint_args {
  __u64 args[0];
};
struct syscall_exit {
  __u64 common;
  int number; // an int, although the format file shows eight bytes for it
  int pad;
  long result;
};

#define KERNEL __attribute__((preserve_access_index))

struct qstr {
  u32 len;
  const unsigned char *name;
} KERNEL;
struct super_block {
  unsigned long s_magic;
} KERNEL;
struct dentry {
  struct dentry *d_parent;
  struct qstr d_name;
  struct super_block *d_sb;
} KERNEL;
struct vfsmount {
  struct dentry *mnt_root;
} KERNEL;
struct mount {
  struct mount *mnt_parent;
  struct dentry *mnt_mountpoint;
  struct vfsmount mnt;
} KERNEL;
struct path {
  struct vfsmount *mnt;
  struct dentry *dentry;
} KERNEL;
struct file {
  struct path f_path;
} KERNEL;
struct fdtable {
  unsigned int max_fds;
  struct file **fd;
} KERNEL;
struct files_struct {
  struct fdtable *fdt;
} KERNEL;
struct fs_struct {
  struct path root;
  struct path pwd;
} KERNEL;
struct mm_struct {
  unsigned long arg_start, arg_end;
} KERNEL;
struct upid {
  int nr;
} KERNEL;
struct pid {
  unsigned int level;
  struct upid numbers[1];
} KERNEL;
struct signal_struct {
  struct pid *pids[4];
} KERNEL;
struct cred {
  struct {
    u32 val;
  } uid, gid;
} KERNEL;
struct thread_info {
  u32 status;
} KERNEL;
struct task_struct {
  struct thread_info thread_info;
  int pid, tgid;
  struct task_struct *real_parent;
  char comm[16];
  struct mm_struct *mm;
  struct files_struct *files;
  struct fs_struct *fs;
  struct signal_struct *signal;
} KERNEL;
struct linux_binprm {
  struct file *file;
  const char *filename;
  const char *interp;
} KERNEL;
struct filename {
  const char *name;
} KERNEL;
struct open_how {
  u64 flags;
} KERNEL;
struct io_open {
  int dfd;
  struct filename *filename;
  struct open_how how;
} KERNEL;
struct io_kiocb {
  u8 opcode;
} KERNEL;

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
  unsigned long di, si, dx, r10, r8, orig_ax;
} KERNEL;
#define SYSCALL_ARGUMENT_OFFSETS \
  { bpf_core_field_offset(struct pt_regs, di), bpf_core_field_offset(struct pt_regs, si), \
    bpf_core_field_offset(struct pt_regs, dx), bpf_core_field_offset(struct pt_regs, r10), \
    bpf_core_field_offset(struct pt_regs, r8) }
#else
#error "the sensor knows the system call registers of x86_64 only"
#endif
