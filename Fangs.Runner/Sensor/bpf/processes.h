// SPDX-License-Identifier: GPL-2.0
// Processes: what was executed, who begat whom, and the system calls that packages rarely need.
#pragma once
#include "files.h"

static __always_inline void put_ancestors(struct exec_record *record, struct task_struct *task) {
  struct task_struct *ancestor = task;
#pragma clang loop unroll(full)
  for (int i = 0; i < ANCESTORS; i++) {
    ancestor = BPF_CORE_READ(ancestor, real_parent);
    record->ancestors[i].pid = BPF_CORE_READ(ancestor, tgid);
    bpf_probe_read_kernel(record->ancestors[i].comm, COMM_BYTES, (void *)ancestor + bpf_core_field_offset(struct task_struct, comm));
  }
}

// A successful exec, after the kernel has found the file and its interpreters. Attempts along PATH do not come here.
SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx) {
  struct task_struct *task = (void *)ctx->args[0];
  struct linux_binprm *binary = (void *)ctx->args[2];
  struct target target = {};
  if (!find_current(&target) || !is_recording(&target, true))
    return 0;
  struct scratch *s = get_scratch();
  if (!s)
    return 0;
  count(&target.counters->seen);
  struct exec_record *record = &s->exec;
  fill_header(&record->header, &target, KIND_EXEC);
  record->truncated = 0;
  __builtin_memset(record->pad, 0, sizeof(record->pad));
  record->pad2 = 0;

  u32 end = 0;
  if (walk_file(s, BPF_CORE_READ(binary, file)))
    end = copy_walk(s, record->text);
  if (end >= PATH_BYTES)
    return 0;
  record->binary_bytes = end;

  const char *passed = BPF_CORE_READ(binary, filename);
  char first = 0;
  bpf_probe_read_kernel(&first, 1, passed);
  u32 base = 0;
  if (first != '/' && walk_directory(s, task, AT_FDCWD)) {
    base = copy_walk(s, &record->text[end]);
    if (base >= PATH_BYTES)
      return 0;
    record->text[end + base++] = '/';
  }
  if (base > PATH_BYTES)
    return 0;
  long length = bpf_probe_read_kernel_str(&record->text[end + base], PATH_BYTES, passed);
  if (length <= 0 || length > PATH_BYTES)
    length = 1;
  length += (long)base - 1; // base is 0 for an absolute name, and unsigned
  if (length >= PATH_BYTES) {
    length = PATH_BYTES - 1;
    record->truncated = 1;
  }
  record->file_bytes = length;
  end += length;
  if (end > 2 * PATH_BYTES)
    return 0;

  length = bpf_probe_read_kernel_str(&record->text[end], PATH_BYTES, BPF_CORE_READ(binary, interp));
  if (length <= 0 || length > PATH_BYTES)
    length = 1;
  record->interpreter_bytes = --length;
  end += length;
  if (end > 3 * PATH_BYTES)
    return 0;

  unsigned long from = BPF_CORE_READ(task, mm, arg_start);
  u64 arguments = BPF_CORE_READ(task, mm, arg_end) - from;
  if (arguments > ARGUMENT_BYTES) {
    arguments = ARGUMENT_BYTES;
    record->truncated = 1;
  }
  if (arguments && bpf_probe_read_user(&record->text[end], arguments, (void *)from))
    arguments = 0;
  record->argument_bytes = arguments;
  put_ancestors(record, task);

  u64 size = __builtin_offsetof(struct exec_record, text) + end + arguments;
  if (size > sizeof(*record))
    return 0;
  emit(&target, record, size);
  return 0;
}

// Parentage outlives parents only if it is noted when it arises.
SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx) {
  struct task_struct *child = (void *)ctx->args[1];
  struct target target = {};
  if (!current_target(&target))
    return 0;
  u32 group = BPF_CORE_READ(child, tgid);
  if (group != BPF_CORE_READ(child, pid))
    return 0; // a thread
  count(&target.counters->seen);
  struct fork_record record = {};
  fill_header(&record.header, &target, KIND_FORK);
  record.child = group;
  emit(&target, &record, sizeof(record));
  return 0;
}

// On exit, because seccomp acts before the entry tracepoint: a blocked attempt shows only here, with its errno.
SEC("tracepoint")
int on_rare_call(struct syscall_exit *ctx) {
  struct target target = {};
  if (!current_target(&target))
    return 0;
  count(&target.counters->seen);
  struct syscall_record record = {};
  fill_header(&record.header, &target, KIND_SYSCALL);
  record.id = (u32)bpf_get_attach_cookie(ctx);
  record.result = ctx->result;
  record.arguments[0] = argument(0);
  record.arguments[1] = argument(1);
  record.arguments[2] = argument(2);
  emit(&target, &record, sizeof(record));
  return 0;
}
