/* vm_int.h - the machine's structs, shared by the files of this folder.
 *
 *      vm (thread, queue, ready list)
 *       '- run          one call by a host: image, events, limits
 *           '- task     one strand: frames, handlers, settings, error
 *               '- frame  registers of one function call
 *
 * Everything here belongs to the machine's thread, except a run's event list (its mutex) and
 * what is posted to the queue.  An operation that has to wait leaves the program counter where it
 * is, says where it got to in frame->stage, and is entered again when the task is woken: so no C
 * stack is ever suspended. */
#ifndef RUNTIME_VM_VM_INT_H
#define RUNTIME_VM_VM_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/pool.h"
#include "base/queue.h"
#include "base/rng.h"
#include "runtime/vm/vm.h"

struct task;
struct context;
struct branches;
struct future;
struct stream;

/* ---- posting to the machine ---- */

enum post_kind {
    POST_START, POST_CANCEL, POST_FREE, POST_QUIT, POST_PLAN, POST_CHUNK, POST_ANSWER, POST_INPUT,
    POST_JOB,
};

struct post {
    struct queue_item item;         /* first: this is what the queue links */
    enum post_kind    kind;
};

struct run_post {                   /* START, CANCEL, FREE, QUIT, INPUT */
    struct post post;
    struct run *run;
    uint32_t    request;
    bool        eof;
    struct str  text;
};

/* ---- waiting ---- */

struct waitlist {                   /* tasks to wake when something changes */
    struct task **task;             /* NULL: it has left */
    uint32_t      n, cap;
};

enum wait_kind { WAIT_GEN, WAIT_BASE, WAIT_STREAM };

/* Bytes of chunks that the host was shown: by one task, and by branches below it. */
struct shown {                      /* counted */
    uint32_t      refs;
    struct shown *up;               /* counted; of the task that forked */
    uint64_t      own, below;
};

/* A plan in flight.  It keeps the session's owner alive until the engine has answered. */
struct op_wait {
    struct post       post;
    struct run       *run;
    enum wait_kind    kind;
    struct task      *task;         /* GEN; NULL: nobody waits any more */
    struct context   *ctx;          /* counted; GEN, STREAM */
    struct ctx_base  *base;         /* counted; BASE */
    struct stream    *stream;       /* STREAM; NULL: nobody reads any more */
    bool              done;
    bool              live;         /* wants its chunks shown to the host */
    struct shown     *shown;        /* counted; live */
    struct settings  *settings;     /* counted; budgets that pay */
    struct slice      name;         /* of the hole; of the module */
    int32_t           branch;
    struct plan_event ev;
};

struct chunk_post {
    struct post     post;
    struct op_wait *wait;
    size_t          len;
    char            byte[];
};

struct run_call {
    struct post   post;
    struct vm    *vm;
    struct run   *run;
    struct task  *task;             /* NULL: nobody waits any more */
    struct slice  name;
    struct value *arg;
    uint32_t      n_arg;
    struct value  answer;
    bool          failed;
    char          kind[32];
    struct str    text;
    bool          done;
    run_extern_fn fn;               /* of a slow function: run on the pool */
    void         *fn_ctx;
};

/* Work for the pool: a file or a process.  Runs on plain data, never on a task. */
struct job {
    struct post   post;
    struct vm    *vm;
    struct run   *run;
    struct task  *task;             /* NULL: nobody waits any more */
    void        (*work)(struct job *j);
    char         *path;
    struct str    text;             /* in: bytes to write; out: bytes read */
    char        **argv;
    uint32_t      n_argv;
    uint64_t      timeout_ms;
    uint32_t      what;             /* native id */
    struct value  result;           /* made on the pool, read by the machine */
    char          code[8];          /* empty: it worked */
    char          fail[ERROR_TEXT_MAX];
    _Atomic bool  cancel;
    bool          done;
};

/* ---- module at run time ---- */

struct image {                      /* counted; one a run; functions keep theirs */
    uint32_t       refs;
    struct module *module;
    struct value  *konst;           /* [n_konst] made when first used */
    bool          *has_konst;
    struct vtype **vtype;           /* [n_rtype] of structs, enums and argument structs */
    struct value  *fallback;        /* [n_func] results of default functions */
    bool          *has_fallback;
    struct value  *re;              /* [n_rtype] regex values of REGEX_STR */
    struct schema_checker **schema; /* [n_rtype] of SCHEMA, made when first used */
    uint8_t       *depth;           /* [n_rtype] how deep a value of the type may nest */
};

/* ---- contexts ---- */

enum node_kind { NODE_ROOT, NODE_TEXT, NODE_GEN, NODE_CONTROL, NODE_MARKUP, NODE_OPEN, NODE_CLOSE,
                 NODE_SEAL };
enum ctx_mode { MODE_FRESH, MODE_RAW, MODE_CHAT };

struct node {
    uint32_t       refs;
    uint8_t        kind;
    int8_t         role;            /* open behind this node; -1: none */
    uint8_t        mode;
    bool           thought;         /* thinking that was kept, and the markers around it */
    struct node   *prev;            /* counted */
    struct str     text;
    uint32_t      *id;              /* GEN: tokens as the model wrote them */
    uint32_t       n_id;
    uint32_t       head;            /* GEN: bytes of the prompt that the first tokens spell again */
    uint32_t       cover;           /* GEN: bytes of the value that tokens cover */
    uint32_t       last;            /* GEN: of them in the last token */
    struct str     ahead;           /* GEN: bytes of the last token behind the value: text that followed */
    uint64_t       total;           /* text bytes up to and with this node */
};

/* The state of a context at a fork, from which any number of sessions can be taken. */
struct ctx_base {
    uint32_t         refs;
    struct ctx_base *from;          /* counted */
    struct session  *session;
    struct node     *sent;          /* counted; what the session has */
    struct node     *node;          /* counted; what it shall have */
    struct settings *settings;      /* counted; budgets that pay for it; NULL: of the task that asks */
    uint32_t         n_tok;         /* of what the session has */
    bool             flying;
    bool             failed;
    struct error     error;
    struct waitlist  waiters;
};

struct ctx_count {                  /* counted: contexts may outlive the run that made them */
    uint32_t refs;
    uint32_t n, max;
};

struct context {
    struct obj_opaque hdr;
    struct ctx_count *count;        /* counted */
    struct node      *tail;         /* counted */
    struct session   *session;      /* or NULL: taken from base, or new */
    struct node      *sent;         /* counted; what the session has; NULL without one */
    struct ctx_base  *base;         /* counted */
    uint64_t          owner;        /* task that may append */
    bool              busy;         /* a plan is open */
    bool              appends;      /* ... of a stream: what is appended gathers behind its place */
    uint32_t          n_tok;        /* at the last answer */
    uint32_t          n_late;       /* places in it whose text comes later (future.c) */
    uint32_t          n_shared;     /* of them, those that were there at the fork */
    struct waitlist   idle;
};

struct mark {
    struct obj_opaque hdr;
    struct node      *node;         /* counted */
};

/* ---- settings ---- */

struct setting_arg {
    enum site_arg_kind kind;
    struct value       v;
};

struct mock_name {
    struct value name;
    uint32_t     at;
};

/* Something that waits for a slot. */
enum starter_kind { STARTER_FUTURE, STARTER_SET, STARTER_TASK };

struct starter {
    enum starter_kind kind;
    struct settings  *at;           /* in whose queue it stands; NULL: in none */
    struct starter   *prev, *next;
};

struct settings {                   /* counted; innermost first */
    uint32_t            refs;
    struct settings    *up;         /* counted */
    enum scope_kind     kind;
    struct setting_arg *arg;        /* SAMPLING */
    uint32_t            n_arg;
    uint64_t            max_tok, tok;       /* BUDGET; max 0: none */
    uint64_t            max_calls, calls;
    uint64_t            deadline_ms;
    uint32_t            width;      /* CONCURRENCY, and the run's own: slots (slot.c) */
    uint32_t            n_busy;     /* slots that are held */
    bool                starting;
    struct starter     *first, *last;       /* what waits for one */
    struct value        value;      /* MOCK answers, STUB replacement */
    uint32_t            at;         /* MOCK: next answer of a list */
    struct mock_name   *name;       /* MOCK: positions by name */
    uint32_t            n_name, cap_name;
    uint32_t            stub_func, stub_ext;
};

/* ---- frames and tasks ---- */

enum frame_then {
    THEN_REG,           /* the result goes into `into`'s register dst */
    THEN_CALL,          /* and `into` goes on behind the call it stands at */
    THEN_TMP,           /* into `into`'s tmp[dst] */
    THEN_FALLBACK,      /* into image->fallback[dst function] */
    THEN_FEEDBACK,      /* it is the feedback text of the innermost attempt */
    THEN_END,           /* it is the result of the task */
};

struct site_count {
    uint32_t site;
    uint32_t n;
};

struct frame {
    struct frame      *up;
    struct frame      *into;
    struct image      *image;       /* counted */
    const struct func *fn;
    uint32_t           pc;
    uint32_t           dst;
    uint8_t            then;
    bool               unchecked;   /* parameters came from a host: check before the first step */
    uint32_t           n_handler;   /* handlers of the task when it was entered */
    struct rng_key     key;
    struct site_count *count;
    uint32_t           n_count, cap_count;
    struct future     *future, *future_last;    /* counted; calls it has deferred, in program order */
    uint32_t           stage;       /* how far the operation at pc got */
    uint32_t           stage_i;
    struct value       tmp[3];      /* what it keeps meanwhile */
    struct value       reg[];
};

enum handler_kind { HANDLER_TRY, HANDLER_SCOPE, HANDLER_ATTEMPT };

struct saved_ctx {
    struct value     ctx;
    struct node     *node;          /* counted */
    struct ctx_base *base;          /* counted */
    struct node     *start;         /* counted; where the present try began (behind feedback) */
};

struct attempt {
    const struct attempt_site *site;
    uint32_t          tries, max;
    uint64_t          own, below;   /* shown to the host before it began */
    struct value      feedback;     /* false, true or a function */
    struct saved_ctx *saved;
    uint32_t          n_saved, cap_saved;
    struct value     *restore;      /* [site->n_restore] */
    struct rng_key    key;          /* of the frame outside */
    struct value      error;        /* that the next try answers */
};

struct handler {
    enum handler_kind kind;
    struct frame     *frame;
    uint32_t          pc;           /* TRY: target; ATTEMPT: first instruction of the body */
    uint16_t          reg;
    bool              finally;      /* TRY: cancelled code stops here too */
    bool              budget;       /* SCOPE: it is an error scope (LANGUAGE.md 11.1) */
    struct settings  *outer;        /* SCOPE: counted, what was in force */
    bool              has_key;
    struct rng_key    key;
    struct attempt   *attempt;
};

struct print_line {
    bool       to_stderr;
    struct str text;
};

enum task_state { TASK_READY, TASK_WAITING, TASK_DONE, TASK_FAILED, TASK_CANCELLED };

struct task {
    struct run       *run;
    struct task      *prev, *next;  /* ready list */
    struct task      *run_prev, *run_next;
    enum task_state   state;
    bool              queued;
    bool              unwinding;    /* its error is on the way out and waits for branches to end */
    bool              cancelled;    /* it runs `finally` blocks only, and raises nothing */
    struct frame     *top;
    uint32_t          depth;        /* calls, those around the fork included */
    uint32_t          cancel_base;  /* cancelled: handlers from here on belong to its `finally` ... */
    struct frame     *cancel_frame; /* ... which stands in this frame */
    uint64_t          grace_ms;     /* cancelled: when it is given up */
    struct branches  *sets;         /* counted; forks whose block it has not left, the last one first */
    struct handler   *handler;
    uint32_t          n_handler, cap_handler;
    struct settings  *settings;     /* counted */
    uint64_t          owner;
    struct branches  *set;          /* it is a branch of; NULL: none */
    struct future    *future;       /* it is the deferred call of; NULL: none */
    uint32_t          n_future;     /* in the lists of its frames */
    uint32_t          late_args;    /* parameters that may still be futures */
    struct settings  *slot;         /* counted; whose slot it holds; NULL: it needs none */
    bool              parked;       /* it waits for others and has given the slot back */
    struct starter    starter;
    uint32_t          index;
    struct value      error;        /* being raised */
    struct value      result;
    struct value      ctx;          /* of a branch: read once more by `join as text` */
    struct op_wait   *wait;
    struct run_call  *call;
    struct job       *job;
    struct waitlist  *on;           /* list that holds it, at place on_at */
    uint32_t          on_at;
    bool              has_input, input_eof;
    uint32_t          input_request;
    struct str        input;
    struct print_line *print;       /* kept until the branch is joined */
    uint32_t          n_print, cap_print;
    struct shown     *shown;        /* counted; NULL: nothing yet */
    uint64_t          steps;        /* since the last model operation */
};

/* ---- branches ---- */

struct branch {
    struct task  *task;             /* while it runs */
    uint8_t       state;            /* enum branch_state */
    bool          seen;             /* a race's predicate has been told of it */
    struct value  value;            /* result, or the error */
    struct node  *end;              /* counted; where its context ended */
    struct print_line *print;
    uint32_t      n_print;
};

enum branch_state { BRANCH_NEW, BRANCH_RUNNING, BRANCH_DONE, BRANCH_FAILED, BRANCH_CANCELLED };

struct branches {
    struct obj_opaque       hdr;
    struct starter          starter;        /* of branches that have no slot yet */
    struct run             *run;
    struct task            *parent;         /* that evaluated the fork; NULL: it has left the block */
    struct branches        *up;             /* the parent's set before this one */
    const struct frame     *frame;          /* of the parent, and how many handlers it had */
    uint32_t                n_handler;
    uint32_t                depth;          /* calls around the fork */
    bool                    try_all;        /* parallel attempts: the lowest-numbered that passes is kept */
    struct image           *image;  /* counted */
    const struct fork_site *site;
    struct branch          *b;
    uint32_t                n;
    uint32_t                n_started, n_running, n_ended;
    uint32_t                n_below;        /* branches below this number have all ended */
    uint32_t                n_stopping;     /* cancelled ones whose `finally` blocks still run */
    uint32_t                pick;           /* try_all: attempts below have failed */
    struct value            kept;           /* try_all: the context of the one that passed */
    uint32_t                width;          /* most at work at once, beside what slots allow */
    struct value           *capture;        /* [n_capture] */
    struct value           *over;           /* [n_forker] lists */
    struct value            ctx;            /* snapshot, or null */
    struct node            *fork_node;      /* counted */
    struct settings        *settings;       /* counted */
    struct rng_key          key;
    uint64_t                parent_owner;
    uint32_t               *order;          /* successes in the order of completion */
    uint32_t                n_order, seen;
    uint32_t                first_failed;   /* lowest-numbered; UINT32_MAX: none */
    bool                    joined;
    uint32_t               *taken;          /* numbers of the joined branches */
    uint32_t                n_taken;
    struct waitlist         waiters;
};

/* ---- deferred calls ---- */

enum future_state { FUTURE_NEW, FUTURE_RUNNING, FUTURE_DONE, FUTURE_FAILED, FUTURE_CANCELLED };

struct late_text {                  /* a place in a transcript for a future's text form */
    struct context *ctx;            /* counted */
    struct node    *node;           /* counted: so nothing is added to it */
};

struct future {
    struct obj_opaque hdr;
    struct run       *run;
    struct future    *next;         /* deferred later by the same frame */
    struct frame     *frame;        /* in whose list it is; NULL: it has let go */
    struct task      *parent;       /* with that frame */
    struct task      *task;         /* while it runs, or its `finally` blocks do */
    struct starter    starter;
    uint32_t          level;        /* error scope: handlers below it, 0 for the frame itself */
    uint32_t          pc;           /* of the call */
    uint8_t           state;        /* enum future_state */
    struct image     *image;        /* counted */
    uint32_t          func;
    uint32_t          depth;        /* calls around it */
    struct rng_key    key;
    struct settings  *settings;     /* counted */
    struct value      value;        /* result, or the error */
    struct waitlist   waiters;
    struct late_text *late;         /* where its text goes when it is there */
    uint32_t          n_late, cap_late;
    uint32_t          n_arg;        /* until it starts */
    struct value      arg[];
};

struct stream {
    struct obj_opaque      hdr;
    struct run            *run;
    struct image          *image;
    const struct gen_site *site;
    struct value           ctx;
    struct op_wait        *wait;
    struct node           *node;        /* counted; the value's place in the transcript */
    struct str             text;        /* of the value so far */
    size_t                 at;          /* how far the pieces that were given reach */
    struct value           last;        /* the piece given last, when pieces are values so far */
    bool                   has_last;
    bool                   whole;       /* the last piece was the whole value */
    bool                   stepwise;    /* mock: a few bytes a piece */
    uint8_t                at_max;      /* enum at_max */
    bool                   ended, failed;
    bool                   told;        /* the host has seen the value */
    struct value           value;
    struct value           thought;     /* think.c's; the thinking is cut at the end unless kept */
    bool                   keeps_thought;
    struct plan_result    *result;      /* or NULL: mock */
    struct error           error;
    struct waitlist        waiters;
};

struct fn_value {
    struct obj_opaque hdr;
    struct image     *image;
    uint32_t          func;
    uint32_t          n;
    struct value      capture[];
};

struct iter {
    struct obj_opaque hdr;
    struct value      over;
    int64_t           at, end;
};

/* ---- runs ---- */

struct event_node {
    struct event_node *next;
    struct run_event   ev;
};

struct run {
    struct vm         *vm;
    struct run        *prev, *next;         /* of the vm */
    struct image      *image;
    struct engine     *engine;
    struct run_env    *env;
    struct run_opts    opts;                /* texts copied into arena */
    struct arena       arena;
    struct value       args;
    uint64_t           seed;
    struct vtype      *t_error, *t_match, *t_meta, *t_token, *t_call, *t_msg, *t_tok;
    struct task       *main;
    uint32_t           n_future;            /* that exist: without any nothing is forced */
    struct task       *task;                /* all of them */
    struct settings   *root;
    uint64_t           next_owner;
    uint32_t           next_request;
    uint32_t           n_wait;              /* plans and jobs in flight */
    uint32_t           n_hole;              /* ... plans with a hole among them */
    struct ctx_count  *live;                /* contexts there are */
    bool               cancelling, finishing, ended;
    bool               started;
    uint64_t           due_ms;              /* nothing runs out of time before; 0: never */
    uint64_t           scan_ms;             /* nor is anything looked at before */
    uint32_t           n_task;              /* there are now */
    struct run_event   last;                /* DONE or FAILED, given when nothing is in flight */
    bool               has_last;
    uint64_t           start_ns;
    struct run_stats   stats;

    pthread_mutex_t    lock;                /* of the events */
    pthread_cond_t     more;
    struct event_node *ev_head, *ev_tail;
    int                fd;
    bool               over;                /* the last event was given to the host */
    bool               dead;                /* the machine has let go of it */
};

struct env_save {
    struct value      *slot;
    uint32_t           n_slot;
    struct node       *node;
    struct ctx_base   *base;
};

struct run_env {
    struct engine   *engine;
    struct value    *slot;
    uint32_t         n_slot;
    struct value     ctx;
    struct image   **image;
    uint32_t         n_image, cap_image;
    struct env_save *save;
    uint32_t         n_save, cap_save;
    bool             ok;            /* the last run ended without an error */
};

struct vm {
    struct queue *queue;
    struct pool  *pool;
    pthread_t     thread;
    struct task  *ready_head, *ready_tail;
    struct run   *run;
    bool          quit;
};

/* Outcomes of a step. */
enum step { STEP_NEXT, STEP_JUMP, STEP_WAIT, STEP_FAIL, STEP_AGAIN, STEP_END };

/* ---- vm.c ---- */
void task_ready(struct task *t);                        /* wakes it */
void wait_on(struct waitlist *w, struct task *t);
void wake_all(struct waitlist *w);
void wait_leave(struct task *t);
void waitlist_free(struct waitlist *w);
void run_finish(struct run *r);                         /* its main task has ended */
void run_due(struct run *r, uint64_t ms);               /* look at the time then; 0: no matter */
void vm_post(struct vm *vm, struct post *p);

/* ---- event.c ---- */
void run_emit(struct run *r, struct run_event *ev);     /* takes what it holds */
void run_emit_text(struct run *r, enum run_event_kind kind, struct slice text, bool to_stderr,
                   struct slice name, int32_t branch);
void task_print(struct task *t, struct slice text, bool to_stderr);
void print_flush(struct task *t, struct print_line *line, uint32_t n);  /* takes the lines */
void print_drop(struct print_line *line, uint32_t n);
int32_t task_branch(const struct task *t);
struct shown *task_shown(struct task *t);               /* counted; NULL: no memory */
void shown_unref(struct shown *s);
void shown_add(struct shown *s, size_t n);
/* What the task and branches below it showed since then is taken back. */
void shown_rollback(struct task *t, uint64_t own, uint64_t below);
void shown_commit(struct task *t, uint64_t own, uint64_t below);

/* ---- image.c ---- */
enum status image_new(struct module *m, struct image **ret);
struct image *image_ref(struct image *im);
void image_unref(struct image *im);
void image_forget(struct image *im);                    /* what it keeps of values */
enum status image_konst(struct image *im, uint32_t k, struct value *ret);   /* counted */

/* ---- task.c, frame.c ---- */
struct task *task_new(struct run *r, struct settings *s);
void task_free(struct task *t);             /* at once: no `finally` runs, its branches end too */
bool task_cancel(struct task *t);           /* true: it ends later, through task_end; false: it is freed */
bool task_stop(struct task *t);             /* the same for the main task, which is not freed */
void task_run(struct task *t);
enum step task_check_params(struct task *t);    /* of a frame that the host called */
void task_end(struct task *t);                          /* its last frame has returned or failed */
struct frame *frame_push(struct task *t, struct image *im, uint32_t func);  /* NULL: error raised */
void frame_pop(struct task *t);
enum step call_value(struct task *t, struct value fn, const struct value *arg, uint32_t n,
                     enum frame_then then, uint32_t dst);
enum step call_func(struct task *t, struct image *im, uint32_t func, const struct value *arg,
                    uint32_t n, enum frame_then then, uint32_t dst);
uint32_t frame_ordinal(const struct frame *f);          /* of the call or draw at pc, as written */
struct rng_key frame_key(struct frame *f, uint32_t kind, uint32_t site);
enum { KEY_CALL = 1, KEY_GEN, KEY_FORK, KEY_BRANCH, KEY_ATTEMPT, KEY_DRAW, KEY_COUNT };
bool handler_push(struct task *t, struct handler *h);
void handler_pop(struct task *t);
void task_clear_op(struct task *t);                     /* stage and temporaries of the top frame */
enum step task_unwind(struct task *t);      /* AGAIN: goes on; WAIT; FAIL: nobody catches */
uint64_t task_due(const struct task *t);    /* when its wait ends at the latest; 0: never */

/* ---- fail.c ---- */
enum step task_fail(struct task *t, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum step task_fail_kind(struct task *t, const char *code, struct slice kind, struct slice text);
enum step task_fail_status(struct task *t, enum status st);     /* NOMEM, LIMIT */
enum step task_fail_error(struct task *t, const struct error *err);
enum step context_step(struct task *t, enum status st);         /* of a new context: LIMIT says so */
enum step task_raise(struct task *t, struct value error);       /* takes it */
enum status error_value(struct task *t, const char *code, struct slice kind, struct slice text,
                        struct value cause, struct value *ret);
struct slice error_kind(struct value e);
struct slice error_code_of(struct value e);
const char *kind_of_code(const char *code);
struct run_failure *failure_of(struct run *r, struct value error);
void failure_free(struct run_failure *f);
enum step task_raise_cancelled(struct task *t);         /* cancelled code cannot do this */

/* ---- context.c ---- */
enum status context_new(struct run *r, uint64_t owner, struct value *ret);
enum status context_copy(struct value ctx, uint64_t owner, bool seal, struct value *ret);
struct context *context_of(struct value v);
enum status context_text(struct context *c, struct slice text);
enum status context_node(struct context *c, enum node_kind kind, int role, struct node **ret);
void context_release(struct value *v);
void context_set_tail(struct context *c, struct node *n);       /* rolls back or rewrites */
bool context_has(const struct context *c, const struct node *n);
struct node *node_ref(struct node *n);
void node_unref(struct node *n);
void context_since(const struct node *tail, const struct node *from, struct str *out);
void context_show(const struct node *tail, struct str *out);            /* `.text` */
void context_last_lines(const struct node *tail, struct str *out);
enum status context_messages(struct run *r, const struct node *tail, struct value *ret);
enum status context_drop_turns(struct context *c, int64_t oldest, bool keep_system);
enum status context_append_copy(struct context *c, const struct node *tail,
                                const struct node *from);
enum status mark_new(struct context *c, struct value *ret);
void count_unref(struct ctx_count *n);
void base_unref(struct ctx_base *b);
struct ctx_base *base_ref(struct ctx_base *b);
static inline uint64_t context_cost(const struct context *c)    /* its tokens under `mock` */
{
    return (c->tail->total + 3) / 4;
}
enum status context_snapshot(struct context *c, bool seal, struct ctx_base **ret);  /* counted */
void context_restore(struct context *c, struct node *n, struct ctx_base *b);
void context_own(struct value v, uint64_t owner);       /* contexts inside v change hands */
uint32_t node_list(const struct node *tail, const struct node *from, const struct node ***ret);

/* ---- planner.c ---- */
enum step planner_session(struct task *t, struct context *c);   /* NEXT: it has one; WAIT; FAIL */
bool planner_ops(struct plan *p, bool ids, const struct node *from, const struct node *to);
enum step planner_submit(struct task *t, struct context *c, struct plan *p, enum wait_kind kind,
                         struct stream *s, const struct gen_site *site);
void planner_answer(struct op_wait *w);                 /* the engine's event has arrived */
void planner_abandon(struct op_wait *w);
void planner_forget(struct context *c);
enum step op_gen(struct task *t, struct insn in);
enum step op_select(struct task *t, struct insn in, bool score);
enum step op_stream_open(struct task *t, struct insn in);
enum step op_stream_next(struct task *t, struct insn in);
enum step op_stream_value(struct task *t, struct insn in);
enum step op_stream_meta(struct task *t, struct insn in);
enum step op_query(struct task *t, struct insn in);
void stream_ended(struct stream *s, struct op_wait *w);
void stream_chunk(struct stream *s, struct slice text);
void stream_rewind(struct stream *s);

/* ---- hole.c ---- */
enum step hole_fill(struct task *t, const struct gen_site *site, struct hole *h, struct arena *a);
/* Only the arguments that say how tokens are drawn, and the key. */
enum step hole_fill_sampling(struct task *t, const struct gen_site *site, struct hole *h,
                             struct arena *a);
enum step hole_think(struct task *t, const struct gen_site *site, uint32_t *ret_max);
bool hole_keeps_thinking(struct task *t, const struct gen_site *site);
enum step hole_options(struct task *t, const struct gen_site *site, struct value *ret);
enum step hole_option_texts(struct task *t, struct hole *h, struct value options, struct arena *a);
enum step hole_check_options(struct task *t, struct value options);
enum status option_key(struct value option, struct value *ret);     /* in a table of probabilities */
struct meta_parts {
    const struct plan_result *res;      /* NULL: under mock */
    struct value              probs;    /* borrowed; null: none */
    struct slice              thinking;
    bool                      can_decode;
};
enum step hole_meta(struct task *t, const struct meta_parts *parts, struct value *ret);

/* ---- generate.c: steps that streams share ---- */

enum stage { STAGE_BEGIN, STAGE_OPENED, STAGE_THINKS, STAGE_THOUGHT, STAGE_ASKED, STAGE_MOCK };      /* of frame->stage */
enum { TMP_CTX, TMP_OPTIONS, TMP_ANSWER };                              /* of frame->tmp */

enum step gen_begin(struct task *t, const struct gen_site *site, struct context *c);
enum step gen_submit(struct task *t, const struct gen_site *site, struct context *c,
                     enum wait_kind kind, struct stream *stream);
enum status gen_fill_node(struct node *n, const struct plan_result *res);
enum at_max { AT_MAX_CLOSED, AT_MAX_BUDGET, AT_MAX_TRUNCATED };    /* what reaching `max` means */
bool      gen_at_max(const struct plan_result *res);
void      gen_tell(struct task *t, const struct gen_site *site, struct value v);    /* RUN_VALUE */
enum step gen_keep_result(struct task *t, struct context *c, const struct plan_result *res);
enum step gen_keep_text(struct task *t, struct context *c, struct slice text);
enum step gen_open_turn(struct task *t, const struct gen_site *site, struct context *c,
                        bool *ret_opened);
enum step gen_close_turn(struct task *t, struct context *c, bool opened);
/* The plan did not come to an end: raises why. */
enum step wait_failed(struct task *t, struct op_wait *w);
void      wait_drop(struct task *t);

/* ---- mock.c ---- */
struct settings *mock_find(struct task *t);
/* NEXT with the raw answer in *ret (counted); AGAIN when a function was called for it. */
enum step mock_answer(struct task *t, struct settings *mock, const struct gen_site *site,
                      struct context *c, struct value *ret);
enum step mock_gen(struct task *t, const struct gen_site *site, struct value answer,
                   struct value *ret, struct str *ret_text);
enum step mock_probs(struct task *t, struct value options, struct value answer, bool score,
                     struct value *ret_probs, uint32_t *ret_best);

/* ---- branch.c ---- */
enum step op_fork(struct task *t, struct insn in);
enum step op_cancel(struct task *t, struct insn in);
enum step op_join_pass(struct task *t, struct insn in);
enum step op_join_keep(struct task *t, struct insn in);
enum step op_join(struct task *t, struct insn in);
enum step op_join_next(struct task *t, struct insn in);
enum step op_join_stop(struct task *t, struct insn in);
enum step op_join_text(struct task *t, struct insn in);
enum step op_branches(struct task *t, struct insn in);
void branches_cancel(struct branches *s, uint32_t from);    /* those from number `from` on */
void branches_kill(struct task *t);                     /* all of its sets, at once */
void branches_settled(struct branches *s);              /* the block forgets it if it is over */
/* Ends what the frame forked under more than n_handler handlers: NEXT, or WAIT for `finally`s. */
enum step branches_leave(struct task *t, const struct frame *f, uint32_t n_handler);
bool branches_start_one(struct branches *s);            /* true: more of them wait for a slot */
void branches_ended(struct task *t);                    /* one of its tasks has */
enum step branches_take(struct task *t, struct branches *s, uint32_t i, struct value *ret);

/* ---- future.c ---- */
enum step op_call_deferred(struct task *t, struct insn in);
enum step op_call_value_deferred(struct task *t, struct insn in);
enum step op_force(struct task *t, struct insn in);
enum step op_settle(struct task *t);
/* Appends the text form of a future that is not there yet; false: it is, and v is the value now. */
bool future_insert(struct task *t, struct value ctx, struct value *v, enum step *ret);
void future_start(struct future *x);                    /* a slot is free */
void future_ended(struct task *t);                      /* its task has; frees it */
enum step future_args(struct task *t);                  /* of a task that begins: forces its parameters */
enum step future_force(struct task *t, struct value *v, uint32_t *from);
/* Waits for what frame f has deferred inside `level`, as an error or a cancel passes; the first
 * failure in program order takes the place of t->error. */
enum step futures_leave(struct task *t, struct frame *f, uint32_t level);
void futures_kill(struct task *t, struct frame *f);

/* ---- slot.c ---- */
void slots_enter(struct starter *x, struct settings *s);        /* starts when there is a slot, maybe now */
void starter_leave(struct starter *x);                  /* it is not to start any more */
void slot_take(struct task *t, struct settings *s);
void slot_release(struct task *t);
void wait_children(struct task *t, struct waitlist *w); /* wait_on, without the slot meanwhile */
bool slot_resume(struct task *t);                       /* false: it has to wait for a slot again */

/* ---- attempt.c ---- */
enum step op_attempt_enter(struct task *t, struct insn in);
enum step op_attempt_commit(struct task *t);
enum step attempt_failed(struct task *t, struct handler *h);    /* t->error is taken when it goes on */
enum step attempt_idle(struct task *t, const struct handler *h);    /* WAIT: a plan is still open */
bool attempt_may_retry(struct value error);
void attempt_tell_tries(struct task *t, uint32_t n);    /* t->error says after how many */
enum step attempt_feedback(struct task *t, struct value text);
void attempt_free(struct attempt *a);
enum status attempt_enter_ctx(struct task *t, struct value ctx);

/* ---- settings.c ---- */
enum step op_scope_push(struct task *t, uint32_t scope);
struct settings *settings_ref(struct settings *s);
void settings_unref(struct settings *s);
struct settings *settings_new(struct settings *up, enum scope_kind kind);
bool settings_arg(struct task *t, const struct site_arg *arg, uint32_t n, enum site_arg_kind kind,
                  struct value *ret);                   /* borrowed; the site's first, then scopes */
enum step settings_charge(struct task *t, uint64_t tok);
void settings_spend(struct settings *s, uint64_t tok);  /* raises nothing: settings_spent does */
enum step settings_spent(struct task *t);               /* a token budget is exceeded */
enum step settings_call(struct task *t);                /* one more gen, select or score */
uint64_t settings_tokens_left(struct task *t);          /* UINT64_MAX: no budget */
uint64_t settings_deadline(const struct settings *s);   /* 0: none */
bool settings_has(const struct task *t, enum scope_kind kind);
bool settings_stub(struct task *t, uint32_t func, uint32_t ext, struct value *ret);     /* borrowed */
enum status settings_root(struct run *r, struct error *err);

/* ---- types.c, read.c ---- */
struct type_fault {
    char     text[200];             /* what is wrong */
    bool     schema;                /* ... by a JSON Schema */
    uint32_t need;                  /* default function to run first, or BC_NO_INDEX */
};
enum type_how { TYPE_STRICT, TYPE_JSON };       /* as it is; or read from JSON-like data */
/* ST_OK, ST_INVALID with the fault, ST_PENDING with fault->need, ST_NOMEM. */
enum status type_accept(struct image *im, uint32_t rtype, struct value v, enum type_how how,
                        struct value *ret, struct type_fault *fault);
/* JSON-like data that was read from a JSON text. */
enum status type_accept_read(struct image *im, uint32_t rtype, struct value v, struct slice text,
                             struct value *ret, struct type_fault *fault);
bool type_is(struct image *im, uint32_t rtype, struct value v);
bool type_is_bare(const struct module *m, uint32_t rtype);
enum status type_options(struct image *im, uint32_t rtype, struct value *ret);      /* finite types */
/* Text that was generated for a type, back to its value. */
enum status type_read(struct image *im, uint32_t rtype, struct slice text, struct value *ret,
                      struct type_fault *fault);
enum status type_parse(struct image *im, uint32_t rtype, struct slice text, struct value *ret,
                       struct type_fault *fault);       /* lenient: parse<T> */
enum status type_convert(struct image *im, uint32_t rtype, struct value v, struct value *ret,
                         struct type_fault *fault);
/* A pending default: runs it and enters the operation again; other faults raise `code`. */
enum step type_fault_step(struct task *t, struct image *im, enum status st,
                          const struct type_fault *fault, const char *code);
enum status json_like(struct value v, struct value *ret);   /* structs to maps, enums to texts, ... */
enum status lenient_json(struct slice text, struct value *ret);

/* ---- think.c ---- */
enum status think_say_off(struct run *r, struct context *c);
enum step think_step(struct task *t, const struct gen_site *site, struct context *c);
struct rng_key think_key(struct task *t, const struct gen_site *site);
struct slice think_text(struct value thought);          /* empty: none */
uint32_t  think_draws(struct value thought);            /* tokens that it drew */
void      think_cut(struct context *c, struct node *value, struct value thought);

/* ---- partial.c ---- */
/* The value so far of a text of this type; ST_NOT_FOUND: there is nothing to show yet. */
enum status partial_read(struct image *im, uint32_t rtype, struct slice text, bool whole,
                         struct value *ret);

/* ---- checks.c ---- */
enum step op_check_fields(struct task *t, struct value v, uint32_t rtype);

/* ---- regex ---- */
enum status regex_prepare(struct value re, struct error *err);
enum status regex_match(struct value re, struct slice text, size_t from, bool whole,
                        size_t *ovector, uint32_t max_pair, uint32_t *ret_pairs,
                        struct error *err);             /* ST_NOT_FOUND: no match */
enum step op_match(struct task *t, struct insn in, bool want_groups);
enum status match_value(struct run *r, struct slice text, const size_t *ov, uint32_t pairs,
                        struct value *ret);

/* ---- natives ---- */
enum step native_call(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_core(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_text(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_regex(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_list(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_map(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_math(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_json(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step native_io(struct task *t, enum native_id id, struct value *arg, struct value *ret);
enum step op_call_extern(struct task *t, struct insn in);
enum step op_call_tool(struct task *t, struct insn in);
enum step job_submit(struct task *t, struct job *j);       /* takes j */
enum step job_take(struct task *t, struct value *ret);
void job_free(struct job *j);
void job_done(struct job *j);
void call_done(struct run_call *c);

/* ---- values.c: operators ---- */
enum step op_arith(struct task *t, enum bc_op op, struct value a, struct value b,
                   struct value *ret);
enum step op_index(struct task *t, struct value v, struct value at, struct value *ret);
enum step op_member(struct task *t, struct value v, struct slice name, struct value *ret);
enum step op_put_index(struct task *t, struct value *v, struct value at, struct value x);
enum step op_iter(struct task *t, struct value over, struct value *ret);
enum step op_next(struct task *t, struct value iter, struct value *ret, bool *ret_end);
enum step fn_new(struct task *t, struct image *im, uint32_t func, const struct value *capture,
                 struct value *ret);

static inline enum step step_of(struct task *t, enum status st)
{
    return st == ST_OK ? STEP_NEXT : task_fail_status(t, st);
}

#endif
