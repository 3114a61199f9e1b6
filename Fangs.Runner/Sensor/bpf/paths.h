// SPDX-License-Identifier: GPL-2.0
// Absolute names of files, and the rules by which they are kept or dropped.
#pragma once
#include "runs.h"

#define AT_FDCWD (-100)
#define PROC_MAGIC 0x9fa0
#define MAX_COMPONENTS 64
#define NAME_BYTES 255
#define RULE_BYTES 255 // an LPM key holds 256 bytes: one for the slot, the rest for the path
#define ROUNDABOUT_SCAN_BYTES 512

enum action { ACTION_NONE = 0, ACTION_KEEP = 1, ACTION_CREDENTIAL = 2, ACTION_DROP = 3 };
// The low byte of a rule is for reading, the next one for changing: libraries are read all the time, but writing one is news.
#define ACTION_OF(rule, is_change) ((is_change) ? ((rule) >> 8) & 0xff : (rule)&0xff)

struct rule_key {
  u32 bits;
  u8 slot;
  char path[RULE_BYTES];
};

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct rule_key);
  __type(value, u32);
} rules SEC(".maps");

// Working memory of one probe. Tracepoints run with preemption off, so one per CPU is enough; the cgroup programs do not
// and must keep away. The state of the directory walk lives here rather than in registers, because the verifier then sees
// the same state at each turn of the loop and stops after the first.
struct scratch {
  struct dentry *dentry, *mount_root;
  struct mount *mount;
  u32 start;
  u32 pad;
  char walk[2 * PATH_BYTES]; // the path grows from the middle to the front; the second half satisfies the verifier
  struct rule_key key;
  union {
    struct file_record file;
    struct exec_record exec;
  };
};

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *get_scratch(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline void prepend_name(struct scratch *s, struct dentry *dentry) {
  u32 length = BPF_CORE_READ(dentry, d_name.len) & NAME_BYTES;
  const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
  u32 start = s->start - length;
  bpf_probe_read_kernel(&s->walk[start & (PATH_BYTES - 1)], length, name);
  s->start = start;
}

// Writes the absolute name of (mount, dentry) to the end of the first half of s->walk, across mount points up to the root
// of the mount namespace. False when it is too deep or too long.
static __noinline bool walk_up(struct scratch *s, struct vfsmount *mount, struct dentry *dentry) {
  s->start = PATH_BYTES;
  s->dentry = dentry;
  s->mount = (void *)mount - bpf_core_field_offset(struct mount, mnt);
  s->mount_root = BPF_CORE_READ(mount, mnt_root);
#pragma clang loop unroll(disable)
  for (int i = 0; i < MAX_COMPONENTS; i++) {
    struct dentry *here = s->dentry, *parent = BPF_CORE_READ(here, d_parent);
    if (here == s->mount_root) {
      struct mount *on = s->mount, *below = BPF_CORE_READ(on, mnt_parent);
      if (below == on) { // the namespace's root
        if (s->start == PATH_BYTES) {
          s->walk[PATH_BYTES - 1] = '/';
          s->start = PATH_BYTES - 1;
        }
        return true;
      }
      s->dentry = BPF_CORE_READ(on, mnt_mountpoint);
      s->mount = below;
      s->mount_root = BPF_CORE_READ(below, mnt.mnt_root);
      continue;
    }
    if (here == parent) { // no directory holds it: memfd, pipe, socket, or a mount that was taken away
      prepend_name(s, here);
      return true;
    }
    if (s->start < NAME_BYTES + 2)
      return false;
    prepend_name(s, here);
    u32 slash = s->start - 1;
    s->walk[slash & (PATH_BYTES - 1)] = '/';
    s->start = slash;
    s->dentry = parent;
  }
  return false;
}

// Copies the walked path; its length, 0 when there is none.
static __always_inline u32 copy_walk(struct scratch *s, char *to) {
  u32 start = s->start;
  if (start >= PATH_BYTES)
    return 0;
  u32 length = PATH_BYTES - start;
  if (length > PATH_BYTES - 1)
    return 0;
  if (bpf_probe_read_kernel(to, length, &s->walk[start & (PATH_BYTES - 1)]))
    return 0;
  return length;
}

static __always_inline struct file *file_of(struct task_struct *task, s32 descriptor) {
  struct fdtable *table = BPF_CORE_READ(task, files, fdt);
  if (descriptor < 0 || (u32)descriptor >= BPF_CORE_READ(table, max_fds))
    return NULL;
  struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
  bpf_probe_read_kernel(&file, sizeof(file), &files[descriptor]);
  return file;
}

static __always_inline bool walk_file(struct scratch *s, struct file *file) {
  return file && walk_up(s, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry));
}

static __always_inline bool walk_directory(struct scratch *s, struct task_struct *task, s32 directory) {
  if (directory == AT_FDCWD)
    return walk_up(s, BPF_CORE_READ(task, fs, pwd.mnt), BPF_CORE_READ(task, fs, pwd.dentry));
  return walk_file(s, file_of(task, directory));
}

static __always_inline bool is_below_proc(const char *path) {
  return path[0] == '/' && path[1] == 'p' && path[2] == 'r' && path[3] == 'o' && path[4] == 'c' && path[5] == '/';
}

// Programs hide behind ".." and behind the links in /proc to the root and working directory of a process. Only user space can
// take these out of a name that the kernel has not resolved; until then such a name must not be dropped.
static __noinline bool is_roundabout(struct scratch *s, u32 at) {
  bool is_proc = is_below_proc(&s->file.text[at & (2 * PATH_BYTES - 1)]);
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < ROUNDABOUT_SCAN_BYTES; i++) {
    const char *window = &s->file.text[(at + i) & (2 * PATH_BYTES - 1)];
    if (!window[0])
      return false;
    if (window[0] != '/')
      continue;
    if (window[1] == '.' && window[2] == '.')
      return true;
    if (is_proc && window[1] == 'r' && window[2] == 'o' && window[3] == 'o' && window[4] == 't')
      return true;
    if (is_proc && window[1] == 'c' && window[2] == 'w' && window[3] == 'd')
      return true;
  }
  return true;
}

// The number that a task sees for itself below /proc, in its innermost pid namespace.
static __always_inline u32 own_number(struct task_struct *task) {
  struct pid *pid = BPF_CORE_READ(task, signal, pids[1]); // PIDTYPE_TGID
  u32 level = BPF_CORE_READ(pid, level) & 31;
  struct upid number = {};
  u64 at = bpf_core_field_offset(struct pid, numbers) + level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr);
  bpf_probe_read_kernel(&number.nr, sizeof(number.nr), (void *)pid + at);
  return number.nr;
}

// Length of the decimal number at `text`, at most 10.
static __always_inline u32 number_length(const char *text) {
  char digits[10] = {};
  bpf_probe_read_kernel(digits, sizeof(digits), text);
#pragma clang loop unroll(full)
  for (u32 i = 0; i < sizeof(digits); i++)
    if (digits[i] < '0' || digits[i] > '9')
      return i;
  return sizeof(digits);
}

// Rules name /proc/self; the kernel resolves it to /proc/<pid>, and a program can spell it /proc/<pid>/task/<tid> or name
// its parent's. One rule covers them all: the look-up key begins with /proc/self whichever process is meant.
static __noinline bool key_of_process(struct scratch *s, u32 at) {
  char *path = &s->file.text[at & (2 * PATH_BYTES - 1)];
  if (!is_below_proc(path))
    return false;
  u32 skip = number_length(path + 6);
  if (!skip)
    return false;
  skip += 6;
  char task[6] = {};
  bpf_probe_read_kernel(task, sizeof(task), path + skip);
  if (task[0] == '/' && task[1] == 't' && task[2] == 'a' && task[3] == 's' && task[4] == 'k' && task[5] == '/') {
    u32 thread = number_length(path + skip + 6);
    if (thread)
      skip += 6 + thread;
  }
  __builtin_memcpy(s->key.path, "/proc/self", 10);
  bpf_probe_read_kernel(s->key.path + 10, RULE_BYTES - 10, path + skip);
  return true;
}

static __always_inline u32 find_rule(struct scratch *s, bool is_change) {
  u32 *rule = bpf_map_lookup_elem(&rules, &s->key);
  return rule ? ACTION_OF(*rule, is_change) : ACTION_NONE;
}

// What the run's rules say about the path at text[at]. A global function is verified once, not once for each call.
__noinline int action_for(u32 slot, u32 at, u32 is_change, u32 resolved) {
  struct scratch *s = get_scratch();
  if (!s)
    return ACTION_NONE;
  s->key.bits = 8 * (1 + RULE_BYTES);
  s->key.slot = slot;
  if (key_of_process(s, at)) {
    u32 action = find_rule(s, is_change);
    if (action == ACTION_CREDENTIAL)
      return action;
  }
  char *path = &s->file.text[at & (2 * PATH_BYTES - 1)];
  bpf_probe_read_kernel(s->key.path, RULE_BYTES, path);
  u32 action = find_rule(s, is_change);
  if (action == ACTION_KEEP || action == ACTION_CREDENTIAL)
    return action;
  if (!resolved && (s->key.path[0] != '/' || is_roundabout(s, at)))
    return ACTION_KEEP;
  return action;
}
