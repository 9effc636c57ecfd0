/*
 * What Node lacks of the socket interface, as thin as it can be: each function is one system call, and a failed call
 * throws an Error with code, errno and syscall as Node's own errors have. Buffers hold the kernel's structures; packing
 * them is the business of the typed wrapper. Nothing here blocks: sockets are made non-blocking and close-on-exec.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "binding.h"

#define MAX_PARTS 256
#define MAX_POINTERS 16
/* Hash of the sources, given by build.js: shows of which a binary was made. */
__attribute__((used)) static const char source_mark[] = "netlink-source:" SOURCE_SHA256;

void rethrow(napi_env env) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "wrong argument");
}

napi_value fail(napi_env env, const char *syscall_name, int error) {
  napi_value message, code, failure, number, name;
  char text[160];
  const char *label = uv_err_name(-error);
  snprintf(text, sizeof text, "%s: %s, %s", label, strerror(error), syscall_name);
  CHECK(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message));
  CHECK(napi_create_string_utf8(env, label, NAPI_AUTO_LENGTH, &code));
  CHECK(napi_create_error(env, code, message, &failure));
  CHECK(napi_create_int32(env, -error, &number));
  CHECK(napi_set_named_property(env, failure, "errno", number));
  CHECK(napi_create_string_utf8(env, syscall_name, NAPI_AUTO_LENGTH, &name));
  CHECK(napi_set_named_property(env, failure, "syscall", name));
  napi_throw(env, failure);
  return NULL;
}

bool arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *argv) {
  size_t count = MAX_ARGS;
  if (napi_get_cb_info(env, info, &count, argv, NULL, NULL) != napi_ok || count < wanted) {
    napi_throw_type_error(env, "ERR_MISSING_ARGS", "too few arguments");
    return false;
  }
  return true;
}

napi_value number_of(napi_env env, int64_t value) {
  napi_value result;
  CHECK(napi_create_int64(env, value, &result));
  return result;
}

static napi_value Socket(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t domain, type, protocol;
  if (!arguments(env, info, 3, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &domain));
  CHECK(napi_get_value_int32(env, argv[1], &type));
  CHECK(napi_get_value_int32(env, argv[2], &protocol));
  int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  return fd < 0 ? fail(env, "socket", errno) : number_of(env, fd);
}

static napi_value Close(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd;
  if (!arguments(env, info, 1, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  if (close(fd) < 0) return fail(env, "close", errno);
  return NULL;
}

static napi_value Bind(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd;
  void *address;
  size_t length;
  if (!arguments(env, info, 2, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_buffer_info(env, argv[1], &address, &length));
  if (bind(fd, address, (socklen_t)length) < 0) return fail(env, "bind", errno);
  return NULL;
}

static napi_value SetSockOpt(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd, level, name;
  void *value;
  size_t length;
  if (!arguments(env, info, 4, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_int32(env, argv[1], &level));
  CHECK(napi_get_value_int32(env, argv[2], &name));
  CHECK(napi_get_buffer_info(env, argv[3], &value, &length));
  if (setsockopt(fd, level, name, value, (socklen_t)length) < 0) return fail(env, "setsockopt", errno);
  return NULL;
}

/* attachFilter(fd, program): a filter of classic BPF, eight octets an instruction, decides what the socket takes; 0 or the negative errno. */
static napi_value AttachFilter(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd;
  void *program;
  size_t length;
  if (!arguments(env, info, 2, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_buffer_info(env, argv[1], &program, &length));
  struct sock_fprog filter = {.len = (unsigned short)(length / sizeof(struct sock_filter)), .filter = program};
  if (length % sizeof(struct sock_filter) != 0 || length / sizeof(struct sock_filter) > BPF_MAXINSNS) return number_of(env, -EINVAL);
  return number_of(env, setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ? -errno : 0);
}

/* getsockopt(fd, level, name, buffer): the number of octets written into the buffer. */
static napi_value GetSockOpt(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd, level, name;
  void *value;
  size_t size;
  if (!arguments(env, info, 4, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_int32(env, argv[1], &level));
  CHECK(napi_get_value_int32(env, argv[2], &name));
  CHECK(napi_get_buffer_info(env, argv[3], &value, &size));
  socklen_t length = (socklen_t)size;
  if (getsockopt(fd, level, name, value, &length) < 0) return fail(env, "getsockopt", errno);
  return number_of(env, length);
}

/* send(fd, buffer, length): octets sent; EAGAIN and ENOBUFS are thrown like every other error. */
static napi_value Send(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd;
  uint32_t wanted;
  void *data;
  size_t size;
  if (!arguments(env, info, 3, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_buffer_info(env, argv[1], &data, &size));
  CHECK(napi_get_value_uint32(env, argv[2], &wanted));
  ssize_t sent = send(fd, data, wanted < size ? wanted : size, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? fail(env, "send", errno) : number_of(env, sent);
}

/*
 * sendv(fd, parts): the parts one after the other, as far as the socket takes them; octets taken, or the negative errno where
 * the first call takes none: a full socket is no exception.
 */
static napi_value SendV(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS], part;
  int32_t fd;
  uint32_t count;
  int64_t total = 0;
  struct iovec parts[MAX_PARTS];
  napi_typedarray_type type;
  if (!arguments(env, info, 2, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_array_length(env, argv[1], &count));
  for (uint32_t from = 0; from < count;) {
    uint32_t filled = 0;
    size_t wanted = 0;
    for (; filled < MAX_PARTS && from < count; filled++, from++) {
      CHECK(napi_get_element(env, argv[1], from, &part));
      CHECK(napi_get_typedarray_info(env, part, &type, &parts[filled].iov_len, &parts[filled].iov_base, NULL, NULL));
      if (type != napi_uint8_array) {
        napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "parts must be of octets");
        return NULL;
      }
      wanted += parts[filled].iov_len;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = filled};
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return number_of(env, total > 0 ? total : -errno);
    total += sent;
    if ((size_t)sent < wanted) break;
  }
  return number_of(env, total);
}

/* recv(fd, buffer): octets received, or the negative errno: an empty or overrun netlink socket is no exception. */
static napi_value Receive(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd;
  void *data;
  size_t size;
  if (!arguments(env, info, 2, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_buffer_info(env, argv[1], &data, &size));
  ssize_t received = recv(fd, data, size, MSG_DONTWAIT | MSG_TRUNC);
  return number_of(env, received < 0 ? -errno : received);
}

static napi_value SetNs(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd, type;
  if (!arguments(env, info, 2, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_int32(env, argv[1], &type));
  if (setns(fd, type) < 0) return fail(env, "setns", errno);
  return NULL;
}

/* Buffers whose addresses a structure holds while the kernel reads it. */
typedef struct { uint8_t *into; uint32_t count; uint32_t offsets[MAX_POINTERS]; } pointers;

/*
 * Writes the address of each buffer of `argv[1]` at its offset of `argv[0]` into the structure. Checked before anything is
 * written: as many offsets as buffers, each with eight octets of room. The handles of the call keep the buffers alive.
 */
static bool embed(napi_env env, napi_value *argv, void *structure, size_t size, pointers *held) {
  uint32_t buffers;
  uint64_t addresses[MAX_POINTERS];
  napi_value entry;
  void *data;
  size_t length;
  held->into = structure;
  if (napi_get_array_length(env, argv[0], &held->count) != napi_ok || napi_get_array_length(env, argv[1], &buffers) != napi_ok) goto wrong;
  if (held->count != buffers || buffers > MAX_POINTERS) goto wrong;
  for (uint32_t index = 0; index < buffers; index++) {
    if (napi_get_element(env, argv[0], index, &entry) != napi_ok || napi_get_value_uint32(env, entry, &held->offsets[index]) != napi_ok) goto wrong;
    if (napi_get_element(env, argv[1], index, &entry) != napi_ok || napi_get_buffer_info(env, entry, &data, &length) != napi_ok) goto wrong;
    if (size < sizeof(uint64_t) || held->offsets[index] > size - sizeof(uint64_t)) goto wrong;
    addresses[index] = (uint64_t)(uintptr_t)data;
  }
  for (uint32_t index = 0; index < buffers; index++) memcpy(held->into + held->offsets[index], &addresses[index], sizeof addresses[index]);
  return true;
wrong:
  rethrow(env);
  return false;
}

/* Takes the addresses out again: none is left where script can read it. */
static void unembed(const pointers *held) {
  for (uint32_t index = 0; index < held->count; index++) memset(held->into + held->offsets[index], 0, sizeof(uint64_t));
}

/* bpf(command, attributes, offsets, buffers): the call's result, a descriptor or 0 or more, or the negative errno. */
static napi_value Bpf(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t command;
  void *attributes;
  size_t size;
  pointers held;
  if (!arguments(env, info, 4, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &command));
  CHECK(napi_get_buffer_info(env, argv[1], &attributes, &size));
  if (!embed(env, argv + 2, attributes, size, &held)) return NULL;
  long result = syscall(SYS_bpf, command, attributes, size);
  if (result < 0) result = -errno;
  unembed(&held);
  return number_of(env, result);
}

/* ioctl(fd, request, argument, offsets, buffers): the call's result, or the negative errno. */
static napi_value Ioctl(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd;
  uint32_t request;
  void *argument;
  size_t size;
  pointers held;
  if (!arguments(env, info, 5, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_uint32(env, argv[1], &request));
  CHECK(napi_get_buffer_info(env, argv[2], &argument, &size));
  if (!embed(env, argv + 3, argument, size, &held)) return NULL;
  long result = ioctl(fd, request, argument);
  if (result < 0) result = -errno;
  unembed(&held);
  return number_of(env, result);
}

/* reap(pid): whether a child of this process that has ended was collected; the negative errno where it is no child. Never waits. */
static napi_value Reap(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t pid;
  if (!arguments(env, info, 1, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &pid));
  /* 0 and less would name groups, children of others' making among them. */
  if (pid <= 0) return number_of(env, -ECHILD);
  pid_t reaped = waitpid(pid, NULL, WNOHANG);
  return number_of(env, reaped < 0 ? -errno : reaped > 0);
}

static void watch_free(uv_handle_t *handle) { free(handle->data); }

static void watch_close(watch *self) {
  if (self->closing) return;
  self->closing = true;
  uv_poll_stop(&self->handle);
  napi_delete_reference(self->env, self->callback);
  napi_async_destroy(self->env, self->context);
  uv_close((uv_handle_t *)&self->handle, self->freed);
}

static void watch_cleanup(void *data) { watch_close(data); }

static void watch_event(uv_poll_t *handle, int status, int events) {
  watch *self = handle->data;
  napi_env env = self->env;
  napi_handle_scope scope;
  napi_value receiver, callback, argv[2];
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  if (napi_get_reference_value(env, self->callback, &callback) == napi_ok && napi_get_global(env, &receiver) == napi_ok &&
      napi_create_int32(env, status, &argv[0]) == napi_ok && napi_create_int32(env, events, &argv[1]) == napi_ok) {
    if (napi_make_callback(env, self->context, receiver, callback, 2, argv, NULL) == napi_pending_exception) {
      napi_value thrown;
      if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
    }
  }
  napi_close_handle_scope(env, scope);
}

napi_value watch_start(napi_env env, watch *self, int fd, int events, napi_value callback) {
  napi_value name, result;
  uv_loop_t *loop;
  self->env = env;
  self->handle.data = self;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || napi_create_string_utf8(env, "netlink.watch", NAPI_AUTO_LENGTH, &name) != napi_ok) {
    self->freed((uv_handle_t *)&self->handle);
    rethrow(env);
    return NULL;
  }
  int error = uv_poll_init(loop, &self->handle, fd);
  self->handle.data = self;
  if (error != 0) {
    self->freed((uv_handle_t *)&self->handle);
    return fail(env, "watch", -error);
  }
  if (napi_create_reference(env, callback, 1, &self->callback) != napi_ok || napi_async_init(env, NULL, name, &self->context) != napi_ok ||
      napi_add_env_cleanup_hook(env, watch_cleanup, self) != napi_ok || napi_create_external(env, self, NULL, NULL, &result) != napi_ok) {
    uv_close((uv_handle_t *)&self->handle, self->freed);
    rethrow(env);
    return NULL;
  }
  error = uv_poll_start(&self->handle, events, watch_event);
  if (error == 0) return result;
  napi_remove_env_cleanup_hook(env, watch_cleanup, self);
  watch_close(self);
  return fail(env, "watch", -error);
}

/* watch(fd, events, callback(status, events)): events are 1 readable, 2 writable; returns the handle for unwatch. */
static napi_value Watch(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  int32_t fd, events;
  if (!arguments(env, info, 3, argv)) return NULL;
  CHECK(napi_get_value_int32(env, argv[0], &fd));
  CHECK(napi_get_value_int32(env, argv[1], &events));
  watch *self = calloc(1, sizeof *self);
  if (self == NULL) return fail(env, "watch", ENOMEM);
  self->freed = watch_free;
  return watch_start(env, self, fd, events, argv[2]);
}

/* unwatch(handle): exactly once per handle; the wrapper sees to that. The descriptor stays open; a read set is closed. */
static napi_value Unwatch(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  void *data;
  if (!arguments(env, info, 1, argv)) return NULL;
  CHECK(napi_get_value_external(env, argv[0], &data));
  CHECK(napi_remove_env_cleanup_hook(env, watch_cleanup, data));
  watch_close(data);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } table[] = {
    {"socket", Socket}, {"close", Close}, {"bind", Bind}, {"setsockopt", SetSockOpt}, {"attachFilter", AttachFilter}, {"getsockopt", GetSockOpt}, {"send", Send},
    {"sendv", SendV}, {"recv", Receive}, {"setns", SetNs}, {"bpf", Bpf}, {"ioctl", Ioctl}, {"reap", Reap}, {"watch", Watch}, {"unwatch", Unwatch},
    {"readSet", ReadSet}, {"readSetAdd", ReadSetAdd}, {"readSetRemove", ReadSetRemove}, {"readSetReceive", ReadSetReceive},
  };
  for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
    napi_value function;
    CHECK(napi_create_function(env, table[index].name, NAPI_AUTO_LENGTH, table[index].call, NULL, &function));
    CHECK(napi_set_named_property(env, exports, table[index].name, function));
  }
  return exports;
}
