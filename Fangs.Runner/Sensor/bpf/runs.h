// SPDX-License-Identifier: GPL-2.0
// Which run a process or a packet belongs to, its counters, and the way into the ring buffer.
#pragma once
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "records.h"

#define SLOTS 256
#define RUN_LEVEL 2  // <v2 root>/fangs/<run>
#define MAX_LEVEL 31 // one bit each in settings.other_levels

enum { STATE_OFF = 0, STATE_RECORDING = 1, STATE_FROM_FIRST_EXEC = 2 };

struct settings {
  u32 other_levels; // bit n: a run outside <v2 root>/fangs sits n levels below the root
  u32 wake_bytes;   // wake the reader when this much waits; it also looks every few milliseconds
};

// Counters live apart from the run's key and state: user space replaces those, and a replaced value would lose counts.
struct run {
  u32 session;
  u32 slot;
};
struct counters {
  u64 seen, kept, filtered, lost;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct settings);
} settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, SLOTS);
  __type(key, u64); // cgroup id
  __type(value, struct run);
} runs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, SLOTS);
  __type(key, u32);
  __type(value, u32);
} states SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, SLOTS);
  __type(key, u32);
  __type(value, struct counters);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 16 * 1024 * 1024);
} events SEC(".maps");

struct target {
  u64 cgroup;
  u32 session, slot;
  struct counters *counters;
};

static __always_inline struct settings *get_settings(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&settings, &zero);
}

static __always_inline bool look_up(struct target *target, u64 cgroup) {
  if (!cgroup)
    return false;
  struct run *run = bpf_map_lookup_elem(&runs, &cgroup);
  if (!run)
    return false;
  target->cgroup = cgroup;
  target->session = run->session;
  target->slot = run->slot;
  return true;
}

static __always_inline bool is_recording(struct target *target, bool at_exec) {
  u32 slot = target->slot;
  u32 *state = bpf_map_lookup_elem(&states, &slot);
  if (!state)
    return false;
  if (at_exec && *state == STATE_FROM_FIRST_EXEC)
    *state = STATE_RECORDING;
  if (*state != STATE_RECORDING)
    return false;
  target->counters = bpf_map_lookup_elem(&counters, &slot);
  return target->counters != NULL;
}

// A run of the usual kind costs one helper call and one look-up. Other levels are tried, deepest first, only while
// somebody records there.
#define FIND_TARGET(target, ancestor_of)                                     \
  ({                                                                         \
    bool _found = look_up(target, ancestor_of(RUN_LEVEL));                   \
    struct settings *_settings = get_settings();                             \
    if (!_found && _settings && _settings->other_levels) {                   \
      u32 _levels = _settings->other_levels;                                 \
      _Pragma("clang loop unroll(disable)")                                  \
      for (int _level = MAX_LEVEL; _level > 0 && !_found; _level--)          \
        if (_levels & (1u << _level))                                        \
          _found = look_up(target, ancestor_of(_level));                     \
    }                                                                        \
    _found;                                                                  \
  })

static __noinline bool find_current(struct target *target) {
#define CURRENT_ANCESTOR(level) bpf_get_current_ancestor_cgroup_id(level)
  return FIND_TARGET(target, CURRENT_ANCESTOR);
}

static __always_inline bool current_target(struct target *target) {
  return find_current(target) && is_recording(target, false);
}

static __always_inline void count(u64 *counter) {
  __sync_fetch_and_add(counter, 1);
}

static __always_inline void fill_header(struct header *header, struct target *target, u8 kind) {
  struct task_struct *task = (void *)bpf_get_current_task();
  u64 pid_tid = bpf_get_current_pid_tgid(), uid_gid = bpf_get_current_uid_gid();
  __builtin_memset(header, 0, sizeof(*header));
  header->time = bpf_ktime_get_boot_ns();
  header->cgroup = target->cgroup;
  header->session = target->session;
  header->pid = pid_tid >> 32;
  header->tid = (u32)pid_tid;
  header->ppid = BPF_CORE_READ(task, real_parent, tgid);
  header->uid = (u32)uid_gid;
  header->gid = uid_gid >> 32;
  header->kind = kind;
  bpf_get_current_comm(header->comm, sizeof(header->comm));
}

// Waking the reader for every record would cost each traced system call more than all the rest together.
static __always_inline u64 wake_up_flags(void) {
  struct settings *settings = get_settings();
  u64 waiting = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
  return settings && waiting > settings->wake_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static __always_inline void emit(struct target *target, void *record, u64 size) {
  if (bpf_ringbuf_output(&events, record, size, wake_up_flags()))
    count(&target->counters->lost);
  else
    count(&target->counters->kept);
}
