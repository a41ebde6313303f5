/* session.h - the session calls of the local engine, for its table. */
#ifndef RUNTIME_ENGINE_SESSION_H
#define RUNTIME_ENGINE_SESSION_H

#include "runtime/engine/engine.h"

enum status local_session_new(struct engine *e, const struct session_opts *opts,
                              struct session **ret, struct error *err);
enum status local_session_fork(struct session *s, struct session **ret, struct error *err);
void        local_session_drop(struct session *s, enum session_end end);
enum status local_session_mark(struct session *s, struct session_mark *ret, struct error *err);
enum status local_session_rollback(struct session *s, const struct session_mark *m,
                                   struct error *err);
uint32_t    local_session_n_tok(const struct session *s);
enum status local_session_submit(struct session *s, struct plan *p, struct error *err);
void        local_session_cancel(struct session *s);

#endif
