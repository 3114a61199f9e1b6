// SPDX-License-Identifier: GPL-2.0
// System calls that name files. One program serves all of them: its attachments carry a cookie that says where each call
// keeps its arguments. They are looked at on the way out, when the result and the opened file are known.
#pragma once
#include "paths.h"

// Layout of the cookie, written by Sensor/SyscallProbes.cs.
#define COOKIE_OP(cookie) ((u8)(cookie))
#define COOKIE_DIRECTORY(cookie) (((cookie) >> 8) & 15)
#define COOKIE_PATH(cookie) (((cookie) >> 12) & 15)
#define COOKIE_NEW_DIRECTORY(cookie) (((cookie) >> 16) & 15)
#define COOKIE_NEW_PATH(cookie) (((cookie) >> 20) & 15)
#define COOKIE_FLAGS(cookie) (((cookie) >> 24) & 15)
#define COOKIE_FLAGS_BY_POINTER(cookie) (((cookie) >> 28) & 1)
#define COOKIE_FIXED_FLAGS(cookie) ((s32)((cookie) >> 32))
#define NO_ARGUMENT 15

#define O_ACCMODE 3
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_TMPFILE 020000000

// The registers that the system call was entered with; the tracepoint itself has only the result.
static __always_inline u64 argument(u32 index) {
  const u32 offsets[] = SYSCALL_ARGUMENT_OFFSETS;
  void *registers = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
  u64 value = 0;
  u32 offset = index == 0 ? offsets[0] : index == 1 ? offsets[1] : index == 2 ? offsets[2] : index == 3 ? offsets[3] : offsets[4];
  bpf_probe_read_kernel(&value, sizeof(value), registers + offset);
  return value;
}

// Puts the path that the program passed, made absolute with the directory it is relative to, to text[at]; its length.
static __noinline u32 put_passed_path(struct scratch *s, u32 at, s32 directory, const char *passed) {
  struct task_struct *task = (void *)bpf_get_current_task();
  char first = 0;
  u32 base = 0;
  bpf_probe_read_user(&first, 1, passed);
  char *text = &s->file.text[at & (2 * PATH_BYTES - 1)];
  if (first != '/' && walk_directory(s, task, directory)) {
    base = copy_walk(s, text);
    if (base >= PATH_BYTES)
      return 0;
    text[base++] = '/';
  }
  if (base > PATH_BYTES)
    return 0;
  long length = bpf_probe_read_user_str(text + base, PATH_BYTES, passed);
  if (length <= 0)
    return base;
  length += (long)base - 1; // without the terminator; base is unsigned, and 0 for an absolute path
  if (length >= PATH_BYTES) {
    s->file.truncated = 1;
    return PATH_BYTES - 1;
  }
  return length;
}

static __noinline u32 put_opened_path(struct scratch *s, u32 descriptor) {
  if (!walk_file(s, file_of((void *)bpf_get_current_task(), descriptor)))
    return 0;
  u32 length = copy_walk(s, s->file.text);
  if (length)
    s->file.text[length & (PATH_BYTES - 1)] = 0;
  return length;
}

static __always_inline bool is_change(u8 op, s32 flags) {
  return op != OP_OPEN || (flags & O_ACCMODE) || (flags & (O_CREAT | O_TRUNC));
}

static __always_inline void emit_file(struct target *target, struct scratch *s, u8 tags) {
  struct file_record *record = &s->file;
  fill_header(&record->header, target, KIND_FILE);
  record->header.tags = tags;
  u64 size = __builtin_offsetof(struct file_record, text) + record->path_bytes + record->new_path_bytes;
  if (size > sizeof(*record))
    return;
  emit(target, record, size);
}

// Asks the rules about both paths: what happens to either is reason enough to keep the record.
static __always_inline bool is_wanted(struct target *target, struct scratch *s, bool change, u8 *tags) {
  u32 action = ACTION_NONE;
  if (s->file.op != OP_SYMLINK || s->file.text[0] == '/')
    action = action_for(target->slot, 0, change, s->file.resolved);
  if (s->file.new_path_bytes) {
    u32 second = action_for(target->slot, s->file.path_bytes, true, false);
    if (second == ACTION_CREDENTIAL || (second == ACTION_KEEP && action != ACTION_CREDENTIAL))
      action = second;
  }
  *tags = action == ACTION_CREDENTIAL ? TAG_INTERESTING | TAG_CREDENTIAL : TAG_INTERESTING;
  return action == ACTION_KEEP || action == ACTION_CREDENTIAL;
}

SEC("tracepoint")
int on_file_call(struct syscall_exit *ctx) {
  struct target target = {};
  if (!current_target(&target))
    return 0;
  struct scratch *s = get_scratch();
  if (!s)
    return 0;
  count(&target.counters->seen);

  u64 cookie = bpf_get_attach_cookie(ctx);
  struct file_record *record = &s->file;
  record->op = COOKIE_OP(cookie);
  record->resolved = record->truncated = 0;
  record->has_result = 1;
  record->result = (s32)ctx->result;
  record->new_path_bytes = record->own_number = 0;
  record->flags = COOKIE_FIXED_FLAGS(cookie);
  if (COOKIE_FLAGS(cookie) != NO_ARGUMENT) {
    u64 flags = argument(COOKIE_FLAGS(cookie));
    if (COOKIE_FLAGS_BY_POINTER(cookie))
      bpf_probe_read_user(&flags, sizeof(flags), (void *)flags);
    record->flags |= (s32)flags;
  }

  u32 length = 0;
  record->directory = COOKIE_DIRECTORY(cookie) == NO_ARGUMENT ? AT_FDCWD : (s32)argument(COOKIE_DIRECTORY(cookie));
  if (record->op == OP_SYMLINK)
    record->directory = -1; // what a symbolic link says is relative to the link; user space puts the two together
  if (record->op == OP_OPEN && ctx->result >= 0 && (record->flags & O_TMPFILE) != O_TMPFILE)
    length = put_opened_path(s, ctx->result); // a temporary file without a name resolves to a number: its directory says more
  else if (COOKIE_PATH(cookie) == NO_ARGUMENT)
    length = put_opened_path(s, record->directory);
  if (length) {
    record->resolved = 1;
    if (is_below_proc(record->text))
      record->own_number = own_number((void *)bpf_get_current_task());
  } else if (COOKIE_PATH(cookie) != NO_ARGUMENT)
    length = put_passed_path(s, 0, record->directory, (void *)argument(COOKIE_PATH(cookie)));
  if (length >= PATH_BYTES)
    return 0;
  record->path_bytes = length;

  if (COOKIE_NEW_PATH(cookie) != NO_ARGUMENT) {
    s32 directory = COOKIE_NEW_DIRECTORY(cookie) == NO_ARGUMENT ? AT_FDCWD : (s32)argument(COOKIE_NEW_DIRECTORY(cookie));
    record->new_path_bytes = put_passed_path(s, length, directory, (void *)argument(COOKIE_NEW_PATH(cookie)));
  }

  u8 tags = 0;
  if (is_wanted(&target, s, is_change(record->op, record->flags), &tags))
    emit_file(&target, s, tags);
  else
    count(&target.counters->filtered);
  return 0;
}

#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28
#define IORING_OP_RENAMEAT 35
#define IORING_OP_LINKAT 39

// io_uring opens and renames without any of the system calls above.
SEC("raw_tp/io_uring_submit_req")
int on_io_uring(struct bpf_raw_tracepoint_args *ctx) {
  struct io_kiocb *request = (void *)ctx->args[0];
  struct target target = {};
  if (!current_target(&target))
    return 0;
  u8 opcode = BPF_CORE_READ(request, opcode);
  if (opcode >= IORING_OP_RENAMEAT && opcode <= IORING_OP_LINKAT) {
    count(&target.counters->seen);
    struct syscall_record record = {};
    fill_header(&record.header, &target, KIND_SYSCALL);
    record.arguments[0] = opcode;
    emit(&target, &record, sizeof(record));
    return 0;
  }
  if (opcode != IORING_OP_OPENAT && opcode != IORING_OP_OPENAT2)
    return 0;
  struct scratch *s = get_scratch();
  if (!s)
    return 0;
  count(&target.counters->seen);
  struct io_open *open = (void *)request; // the command's data is the first member of the request
  struct file_record *record = &s->file;
  record->op = OP_OPEN;
  record->resolved = record->truncated = record->has_result = 0;
  record->result = 0;
  record->new_path_bytes = record->own_number = 0;
  record->flags = (s32)BPF_CORE_READ(open, how.flags);
  record->directory = BPF_CORE_READ(open, dfd);
  u32 base = 0;
  char first = 0;
  const char *name = BPF_CORE_READ(open, filename, name);
  bpf_probe_read_kernel(&first, 1, name);
  if (first != '/' && walk_directory(s, (void *)bpf_get_current_task(), record->directory)) {
    base = copy_walk(s, record->text);
    if (base >= PATH_BYTES)
      return 0;
    record->text[base++] = '/';
  }
  if (base > PATH_BYTES)
    return 0;
  long length = bpf_probe_read_kernel_str(&record->text[base], PATH_BYTES, name);
  length = length <= 0 ? base : base + length - 1;
  record->truncated = length >= PATH_BYTES;
  record->path_bytes = length >= PATH_BYTES ? PATH_BYTES - 1 : length;
  u8 tags = 0;
  if (is_wanted(&target, s, is_change(OP_OPEN, record->flags), &tags))
    emit_file(&target, s, tags);
  else
    count(&target.counters->filtered);
  return 0;
}
