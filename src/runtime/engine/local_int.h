/* local_int.h - the local engine's own structs, for local.c, session.c, prepare.c and deliver.c.
 *
 *      session_submit -> job -> pool: prepare -> request -> scheduler -> on_end -> event
 *
 * A job is a plan on its way.  It holds a reference to its session, and while it lives the
 * session's tokens and state belong to it: to the pool thread that prepares it, then to the
 * scheduler.  `busy` is cleared before the last event is sent, after which nothing of the session
 * is touched. */
#ifndef RUNTIME_ENGINE_LOCAL_INT_H
#define RUNTIME_ENGINE_LOCAL_INT_H

#include "base/clock.h"
#include "runtime/backend/backend.h"
#include "runtime/cache/kv_events.h"
#include "runtime/chat/chat.h"
#include "runtime/constrain/matcher.h"
#include "runtime/engine/engine_int.h"
#include "runtime/files/manifest.h"
#include "runtime/sched/sched.h"

struct local {
    struct engine            base;
    struct arena             arena;
    struct bundle           *bundle;
    struct manifest          manifest;
    struct tokenizer        *tokenizer;
    struct chat             *chat;          /* NULL: the model has no template */
    struct vocab            *vocab;
    struct constraint_table *constraints;
    struct backend          *backend;       /* NULL: opened for text only */
    struct sched            *sched;
    struct events           *events;        /* of the cache; NULL: nobody wants them */
    struct kv_events        *kv_events;     /* publishes them */
    struct pool             *pool;
    uint32_t                 context;
    uint64_t                 model_hash;
    uint32_t                 end_token[MANIFEST_MAX_END];
    uint32_t                 n_end_token;
    atomic_ullong            n_fork;
};

/* Where a context stands between turns; part of a mark. */
struct turn_state {
    uint8_t open;           /* role + 1, or 0 */
    bool    started;        /* a turn was opened before */
    bool    folded;         /* system text stands at the head of a user turn that goes on */
};

struct local_session {
    struct session    base;
    struct local     *engine;
    struct timeline  *tl;
    atomic_int        n_ref;        /* the owner, and an open job */
    atomic_bool       busy;
    atomic_bool       cancel;
    atomic_uint       n_tok;        /* as of the last plan that ended */
    bool              bare;
    uint32_t          n_sealed;     /* tokens before it keep their ids */
    uint32_t          n_ahead;      /* bytes at the end that the text to come begins with */
    struct turn_state turn;
};

struct job {
    struct request        req;      /* first: the scheduler hands it back */
    struct local_session *s;
    struct plan          *plan;
    struct arena          arena;    /* what the request points to */

    /* the context as it was before the plan */
    uint32_t              n_before;
    uint32_t              n_keep;           /* tokens that cannot have changed ... */
    uint32_t             *old;              /* ... and those behind them, [n_before - n_keep] */
    uint32_t              old_sealed, old_ahead;
    struct turn_state     old_turn;

    uint32_t              heal_id[4];       /* tokens taken back */
    uint32_t              n_heal;
    uint32_t              n_heal_byte;
    struct constraint    *constraint;
    uint32_t              n_tok_sent;       /* tokens shown with chunks */
    uint64_t              start_ns;
};

void session_unref_local(struct local_session *s);

/* Runs on the pool. */
void prepare_job(void *arg);
/* Ends a job without the scheduler, or from it. */
void job_end(struct job *job, enum status st, const struct error *err, struct plan_result *result);
void job_restore(struct job *job);      /* the context as it was before the plan */
/* Callbacks of the request. */
void job_on_chunk(struct request *r, struct slice text);
void job_on_end(struct request *r, enum status st, const struct error *err);

/* ---- append.c: the context operations of a plan ---- */
enum status append_ops(struct job *job, struct error *err);
/* The text that cannot be ahead any more becomes the tail. */
enum status append_settle(struct local_session *s, struct error *err);
/* Sum of the bytes of tokens [from, to). */
void session_bytes(const struct local_session *s, uint32_t from, uint32_t to, struct str *out);

#endif
