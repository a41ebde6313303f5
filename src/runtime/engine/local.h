/* local.h - a local engine over parts that somebody else made: a fake device, a model in memory. */
#ifndef RUNTIME_ENGINE_LOCAL_H
#define RUNTIME_ENGINE_LOCAL_H

#include "runtime/backend/backend.h"
#include "runtime/engine/engine.h"
#include "runtime/files/bundle.h"

/* Takes the bundle and the backend, also when it fails; NULL: opened as the options say. */
enum status local_open_with(const struct engine_opts *opts, struct bundle *bundle,
                            struct backend *backend, struct engine **ret, struct error *err);

#endif
