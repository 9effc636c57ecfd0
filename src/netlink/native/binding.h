/* What the parts of the addon share. */
#ifndef NETLINK_BINDING_H
#define NETLINK_BINDING_H
#include <node_api.h>
#include <uv.h>

#define MAX_ARGS 5
#define CHECK(call) do { if ((call) != napi_ok) { rethrow(env); return NULL; } } while (0)

/* Throws where a call of N-API failed without an exception of its own. */
void rethrow(napi_env env);

/* Throws an Error with code, errno and syscall; `error` is positive. Returns NULL. */
napi_value fail(napi_env env, const char *syscall_name, int error);

/* Reads the call's arguments, MAX_ARGS of them; false (with an exception) where there are fewer than wanted. */
bool arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *argv);

napi_value number_of(napi_env env, int64_t value);

/* A descriptor watched by the event loop of the thread that asked. */
typedef struct {
  uv_poll_t handle;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  /* Frees the watch, found in the handle's data, once the loop has let go of it. */
  uv_close_cb freed;
  bool closing;
} watch;

/* Starts a zeroed watch whose `freed` is set, which then is called whatever happens; the handle for unwatch, or NULL with an exception. */
napi_value watch_start(napi_env env, watch *self, int fd, int events, napi_value callback);

napi_value ReadSet(napi_env env, napi_callback_info info);
napi_value ReadSetAdd(napi_env env, napi_callback_info info);
napi_value ReadSetRemove(napi_env env, napi_callback_info info);
napi_value ReadSetReceive(napi_env env, napi_callback_info info);

#endif
