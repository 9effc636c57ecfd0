/* Sockets that are read together: one system call each, one call from script for all. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "binding.h"

#define MAX_READY 1024

/*
 * Sockets that are read together: a level-triggered epoll instance, itself watched. A member is a descriptor and the token under which
 * it came in; what the kernel said of a descriptor under another token is passed over, so one that is used again never gets what
 * was meant for the socket before it.
 */
typedef struct {
  watch watched;
  int epoll;
  uint32_t members;
  /* By descriptor; 0: no member. */
  uint32_t *tokens;
  uint32_t room;
  /* Ready sockets that the last round had no room for come first in the next: a full slab starves nobody. */
  struct epoll_event ready[MAX_READY];
  int next;
  int filled;
} read_set;

static void read_set_free(uv_handle_t *handle) {
  read_set *set = handle->data;
  close(set->epoll);
  free(set->tokens);
  free(set);
}

static read_set *read_set_of(napi_env env, napi_value value) {
  void *data = NULL;
  if (napi_get_value_external(env, value, &data) != napi_ok || ((watch *)data)->freed != read_set_free) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "not a read set");
    return NULL;
  }
  return data;
}

/* readSet(callback): an empty set; the callback says that `receive` has something to give. The loop does not wait for a set without members. */
napi_value ReadSet(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  if (!arguments(env, info, 1, argv)) return NULL;
  read_set *set = calloc(1, sizeof *set);
  if (set == NULL) return fail(env, "readSet", ENOMEM);
  set->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (set->epoll < 0) {
    int error = errno;
    free(set);
    return fail(env, "epoll_create1", error);
  }
  set->watched.freed = read_set_free;
  napi_value result = watch_start(env, &set->watched, set->epoll, UV_READABLE, argv[0]);
  if (result != NULL) uv_unref((uv_handle_t *)&set->watched.handle);
  return result;
}

/* Room for the token of a descriptor; false where there is no memory. */
static bool read_set_grow(read_set *set, uint32_t fd) {
  if (fd < set->room) return true;
  uint32_t room = fd < 64 ? 128 : fd * 2;
  uint32_t *tokens = realloc(set->tokens, room * sizeof *tokens);
  if (tokens == NULL) return false;
  memset(tokens + set->room, 0, (room - set->room) * sizeof *tokens);
  set->tokens = tokens;
  set->room = room;
  return true;
}

/* The arguments of a call about one socket of a set; NULL (with an exception) where they are wrong. */
static read_set *read_set_member(napi_env env, napi_callback_info info, int32_t *fd, int32_t *token) {
  napi_value argv[MAX_ARGS];
  if (!arguments(env, info, 3, argv)) return NULL;
  read_set *set = read_set_of(env, argv[0]);
  if (set == NULL) return NULL;
  CHECK(napi_get_value_int32(env, argv[1], fd));
  CHECK(napi_get_value_int32(env, argv[2], token));
  return set;
}

/* readSetAdd(set, fd, token): reads the socket from now on; tokens are 1 to 2^31-1. */
napi_value ReadSetAdd(napi_env env, napi_callback_info info) {
  int32_t fd, token;
  read_set *set = read_set_member(env, info, &fd, &token);
  if (set == NULL) return NULL;
  if (fd < 0 || fd > INT32_MAX / 2) return fail(env, "epoll_ctl", EBADF);
  if (token <= 0) return fail(env, "epoll_ctl", EINVAL);
  if (!read_set_grow(set, (uint32_t)fd)) return fail(env, "epoll_ctl", ENOMEM);
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = (uint64_t)(uint32_t)token << 32 | (uint32_t)fd};
  if (epoll_ctl(set->epoll, EPOLL_CTL_ADD, fd, &event) < 0) return fail(env, "epoll_ctl", errno);
  /* A token that still stands there is of a socket that was closed without a word, and has left the kernel's set with that. */
  if (set->tokens[fd] == 0 && set->members++ == 0) uv_ref((uv_handle_t *)&set->watched.handle);
  set->tokens[fd] = (uint32_t)token;
  return NULL;
}

/* readSetRemove(set, fd, token): nothing where the descriptor is not a member under this token. Closed sockets have left the kernel's set. */
napi_value ReadSetRemove(napi_env env, napi_callback_info info) {
  int32_t fd, token;
  read_set *set = read_set_member(env, info, &fd, &token);
  if (set == NULL) return NULL;
  if (fd < 0 || (uint32_t)fd >= set->room || token <= 0 || set->tokens[fd] != (uint32_t)token) return NULL;
  epoll_ctl(set->epoll, EPOLL_CTL_DEL, fd, NULL);
  set->tokens[fd] = 0;
  if (--set->members == 0) uv_unref((uv_handle_t *)&set->watched.handle);
  return NULL;
}

/* The octets or words of a typed array of one kind; false with an exception. */
static bool array_of(napi_env env, napi_value value, napi_typedarray_type wanted, void *data, size_t *length) {
  napi_typedarray_type type;
  if (napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == wanted) return true;
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "wrong kind of array");
  return false;
}

/*
 * readSetReceive(set, slab, share, pairs): reads every ready socket once, at most `share` octets each, one after the other into the
 * slab while a share fits. `pairs` gets the token and the octets read, 0 at the end of the stream, or a negative errno; returns how many pairs.
 */
napi_value ReadSetReceive(napi_env env, napi_callback_info info) {
  napi_value argv[MAX_ARGS];
  uint8_t *slab;
  int32_t *pairs;
  uint32_t share;
  size_t size, places, used = 0, count = 0;
  if (!arguments(env, info, 4, argv)) return NULL;
  read_set *set = read_set_of(env, argv[0]);
  if (set == NULL || !array_of(env, argv[1], napi_uint8_array, &slab, &size)) return NULL;
  CHECK(napi_get_value_uint32(env, argv[2], &share));
  if (share == 0 || share > INT32_MAX || share > size) return fail(env, "recv", EINVAL);
  if (!array_of(env, argv[3], napi_int32_array, &pairs, &places)) return NULL;
  if (set->next >= set->filled) {
    set->next = 0;
    set->filled = epoll_wait(set->epoll, set->ready, MAX_READY, 0);
    if (set->filled < 0) {
      set->filled = 0;
      if (errno != EINTR) return fail(env, "epoll_wait", errno);
    }
  }
  for (; set->next < set->filled && count + 2 <= places && size - used >= share; set->next++) {
    uint32_t fd = (uint32_t)set->ready[set->next].data.u64, token = (uint32_t)(set->ready[set->next].data.u64 >> 32);
    if (fd >= set->room || set->tokens[fd] != token) continue;
    ssize_t received = recv((int)fd, slab + used, share, MSG_DONTWAIT);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    pairs[count++] = (int32_t)token;
    pairs[count++] = received < 0 ? -errno : (int32_t)received;
    if (received > 0) used += (size_t)received;
  }
  return number_of(env, (int64_t)(count / 2));
}
