/* bytecode.h - what the compiler hands to the machine: one frozen module, plain data.
 *
 * A module holds everything a run needs: functions of the file and of all its imports, constants,
 * run-time types, and the sites of model operations.  It lives in its own arena, is immutable
 * after compile, counted, and shared by any number of runs on any threads.
 *
 *      frame of a function          registers 0 .. n_reg-1, each one value
 *
 *      [ captures | parameters | locals and temporaries ]
 *        ^0         ^n_capture
 *
 * Contexts are values in registers too; an operation on a context changes it in place, and the
 * compiler sees to it (linear contexts) that nobody observes that.  `fn` bodies make their own
 * context (CTX_NEW) where they first need one; parts are expanded into their callers.
 *
 * An instruction is four 16-bit words: op, a, b, c.  `bc` means b | c << 16.  Jumps are relative
 * to the next instruction.  "skips" means: the next instruction (a JUMP) is skipped. */
#ifndef COMPILER_BYTECODE_H
#define COMPILER_BYTECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "compiler/bytecode_natives.h"
#include "compiler/bytecode_ops.h"
#include "compiler/pattern/pattern.h"
#include "frontend/source.h"

enum bc_op {
#define X(name, operands, sentence) OP_##name,
    BYTECODE_OPS(X)
#undef X
    OP_N
};

enum native_id {
#define X(name, text, n_arg) NATIVE_##name,
    NATIVE_ROWS(X)
#undef X
    NATIVE_N
};

enum { BC_NONE = 0xffff, BC_NO_INDEX = 0xffffffffu };

struct insn {
    uint16_t op, a, b, c;
};

/* ---- constants ---- */

enum konst_kind {
    KONST_NULL, KONST_BOOL, KONST_INT, KONST_FLOAT, KONST_STR, KONST_DURATION, KONST_REGEX,
    KONST_ENUM,         /* rtype, variant in i */
    KONST_LIST, KONST_TUPLE,    /* item[0..n): indexes of constants */
    KONST_MAP,          /* item[0..2n): key, value, key, ... */
    KONST_STRUCT,       /* rtype; item[0..n): fields in order */
    KONST_FUNC,         /* function index in i, no captures */
    KONST_TOOL,         /* tool: function index in i, or extern index with i < 0 as -1 - index;
                         * with a text, its description as JSON, which then is the value */
};

struct konst {
    enum konst_kind kind;
    uint32_t        rtype;
    int64_t         i;              /* BOOL, INT, DURATION (ms), ENUM, FUNC */
    double          f;
    struct slice    text;           /* STR, REGEX, TOOL */
    uint32_t        flags;          /* REGEX: SHAPE_ICASE, SHAPE_DOTALL */
    const uint32_t *item;
    uint32_t        n;
};

/* ---- types at run time: reading generated text, checks on arrival, conversions, flags of main ---- */

enum rtype_kind {
    RT_ANY, RT_NEVER, RT_NULL, RT_BOOL, RT_INT, RT_FLOAT, RT_STR, RT_REGEX_STR, RT_LITERAL,
    RT_DURATION, RT_REGEX, RT_PATH, RT_BYTES, RT_RANGE, RT_LIST, RT_MAP, RT_TUPLE, RT_STRUCT,
    RT_ENUM, RT_UNION, RT_OPTIONAL, RT_CALL, RT_TOOL, RT_JSON, RT_SCHEMA, RT_GRAMMAR, RT_CONTEXT,
    RT_MARK, RT_FN, RT_BRANCHES, RT_ERROR, RT_TOKEN, RT_MATCH, RT_META,
};

struct rfield {
    struct slice name;
    struct slice key;           /* in JSON: alias or name */
    uint32_t     rtype;
    uint32_t     fallback;      /* function without parameters that gives the default, or BC_NO_INDEX */
    uint32_t     check;         /* function of @check, or BC_NO_INDEX */
    struct slice check_text;
    bool         done;          /* @done */
    struct slice doc;
};

struct rvariant {
    struct slice name;
    struct slice text;
};

struct rtool {                  /* an arm of call<...> */
    struct slice name;
    uint32_t     func;          /* or BC_NO_INDEX */
    uint32_t     ext;           /* or BC_NO_INDEX */
    uint32_t     args;          /* rtype (RT_STRUCT) of its parameters */
    struct slice doc;
};

struct rtype {
    enum rtype_kind     kind;
    struct slice        name;       /* as written for messages and `:type` */
    const struct shape *shape;      /* NULL when the type cannot be generated */
    bool                refined;    /* CHECK has something to check beyond the kind */
    int64_t             lo, hi;     /* INT range; STR, LIST, MAP length (hi -1: none) */
    double              flo, fhi;   /* FLOAT range (infinite: none) */
    int32_t             decimals;   /* FLOAT: digits, or -1 */
    uint32_t            flags;      /* SHAPE_* */
    struct slice        text;       /* REGEX_STR: pattern; SCHEMA, GRAMMAR: source */
    uint32_t            konst;      /* LITERAL */
    const uint32_t     *elem;       /* LIST 1; MAP key, value; TUPLE, UNION n; OPTIONAL 1; BRANCHES 1; FN params then result */
    uint32_t            n;
    const struct rfield   *field;   uint32_t n_field;       /* STRUCT, META, MATCH, ERROR have none */
    const struct rvariant *variant; uint32_t n_variant;
    const struct rtool    *tool;    uint32_t n_tool;
};

/* ---- sites ---- */

enum site_arg_kind {            /* LANGUAGE.md 6.2; the register holds the value */
    ARG_MAX, ARG_MIN, ARG_STOP, ARG_STOP_TOKENS, ARG_STOP_REGEX, ARG_TEMP, ARG_TOP_P, ARG_TOP_K,
    ARG_MIN_P, ARG_FREQ_PENALTY, ARG_PRESENCE_PENALTY, ARG_REPETITION_PENALTY, ARG_IGNORE_EOS,
    ARG_LOGPROBS, ARG_TOP_LOGPROBS, ARG_N, ARG_SEED, ARG_LOGIT_BIAS, ARG_THINK, ARG_KEEP_THINKING,
    ARG_STRICT, ARG_HEAL, ARG_JSON_STYLE, ARG_BY, ARG_TOKENS, ARG_TIME, ARG_CALLS, ARG_COUNT,
    ARG_FEEDBACK, ARG_PARALLEL, ARG_TIMES, ARG_MODEL,
    ARG_KIND_N,
};

struct site_arg {
    enum site_arg_kind kind;
    uint16_t           reg;
};

enum site_next { SITE_NEXT_NONE, SITE_NEXT_TEXT, SITE_NEXT_TURN_END };

struct gen_site {               /* GEN, SELECT, SCORE, STREAM_OPEN */
    struct slice           name;        /* binding or hole; empty: none */
    uint32_t               rtype;       /* of the value (SELECT, SCORE: of an option) */
    const struct shape    *shape;       /* NULL: plain str without bounds */
    enum site_next         next;
    struct slice           follow;      /* SITE_NEXT_TEXT */
    uint8_t                by;          /* enum select_by of engine/plan.h, same order: joint mean greedy pmi sample */
    uint16_t               options;     /* register of the list of options, or BC_NONE: finite rtype */
    uint16_t               meta;        /* register that receives meta(x), or BC_NONE */
    bool                   needs_logprob;
    bool                   opens_turn;  /* outside a role: in a chat context it opens and closes an assistant turn */
    const struct site_arg *arg;
    uint32_t               n_arg;
    uint32_t               ordinal;     /* of this site in its function's source (random streams) */
    uint32_t               max;         /* a constant `max` written here, or 0 */
    struct span            max_at;
    struct span            at;
};

struct fork_site {
    uint32_t        func;       /* outlined body: captures, then one parameter a forker */
    const uint16_t *capture;    /* registers */
    uint32_t        n_capture;
    uint32_t        n_forker;   /* iterables in registers base .. base + n_forker - 1 of the FORK; 0: count */
    bool            uses_ctx;   /* every branch gets a copy of the context in register `ctx` */
    uint16_t        ctx;
    bool            race;       /* some `join until` waits for it: failures are set aside (8.3) */
    bool            keep;       /* the rows of an eval: an error is the value of its branch */
    uint16_t        parallel;   /* attempts: register, whether side by side; BC_NONE: a fork */
    uint32_t        rtype;      /* of a branch's value */
    uint32_t        ordinal;
    struct span     at;
};

enum scope_kind { SCOPE_SAMPLING, SCOPE_SEED, SCOPE_BUDGET, SCOPE_CONCURRENCY, SCOPE_MOCK, SCOPE_STUB,
                  SCOPE_MODEL };

struct scope_site {
    enum scope_kind        kind;
    const struct site_arg *arg;         /* SAMPLING, BUDGET; SEED: ARG_SEED; CONCURRENCY: ARG_COUNT */
    uint32_t               n_arg;
    uint16_t               value;       /* MOCK: register of the answers; STUB: of the replacement */
    uint32_t               stub_func;   /* STUB: function replaced, or BC_NO_INDEX */
    uint32_t               stub_ext;    /* STUB: extern replaced, or BC_NO_INDEX */
    struct span            at;
};

struct attempt_site {
    const struct site_arg *arg;         /* ARG_TIMES, ARG_FEEDBACK */
    uint32_t               n_arg;
    uint16_t               ctx;         /* context in force, or BC_NONE */
    const uint16_t        *restore;     /* registers of outer vars that the body assigns */
    uint32_t               n_restore;
    uint32_t               ordinal;
    struct span            at;
};

/* ---- functions ---- */

struct bc_param {
    struct slice name;
    uint32_t     rtype;
    uint32_t     fallback;      /* function giving the default (no parameters), or BC_NO_INDEX */
    struct slice doc;
};

enum func_flag {
    FUNC_EXPORTED = 1,          /* a `fn` of the main file: callable by the host */
    FUNC_SCRIPT = 2,            /* the top-level statements */
    FUNC_LAMBDA = 4,
    FUNC_BRANCH = 8,            /* body of a fork */
    FUNC_TEST = 16,
    FUNC_EVAL = 32,
    FUNC_FREE = 128,            /* may be deferred where it is called as a value */
    FUNC_HELPER = 64,           /* defaults, checks: compiled for the machine's use */
};

struct func {
    struct slice           name;        /* "main", "cot.solve", "lambda" */
    const struct source   *source;
    struct span            at;
    uint32_t               flags;
    uint32_t               effects;     /* EFFECT_* of 11.2 */
    const struct bc_param *param;
    uint32_t               n_param;
    uint32_t               n_capture;
    uint32_t               n_reg;
    uint16_t               ctx;         /* BRANCH: register that receives the branch's context, or BC_NONE */
    uint32_t               result;      /* rtype */
    const struct insn     *code;
    const struct span     *span;        /* [n_code] */
    const uint32_t        *ordinal;     /* [n_code] of the call in its function's source (random streams) */
    uint32_t               n_code;
    struct slice           doc;
    /* TEST, EVAL */
    uint32_t               runs;
    double                 pass;        /* or threshold */
    int64_t                seed;
    uint64_t               timeout_ms;
};

enum effect { EFFECT_MODEL = 1, EFFECT_CTX = 2, EFFECT_IO = 4, EFFECT_IDEM = 8, EFFECT_EXT = 16,
              EFFECT_FAIL = 32,
              EFFECT_VALUE = 64 };      /* and what the function values do that it was given */

struct bc_extern {
    struct slice           name;
    const struct bc_param *param;
    uint32_t               n_param;
    uint32_t               result;      /* rtype */
    bool                   pure, idempotent;
    bool                   is_cmd;      /* = cmd(...): argv templates are a function giving a list of str */
    uint32_t               cmd_argv;    /* function of the extern's parameters giving [str], or BC_NO_INDEX */
    uint32_t               cmd_stdin;   /* function of the parameters giving str, or BC_NO_INDEX */
    uint64_t               timeout_ms;  /* 0: none */
    struct slice           doc;
    const struct source   *source;
    struct span            at;
};

/* A constant text that begins a context of a function: tokenised and computed once (15.2 prefix).
 * An operation is one word: what it does, and a constant or a role. */
enum prefix_op { PREFIX_TEXT, PREFIX_OPEN, PREFIX_CLOSE, PREFIX_SEAL };

#define PREFIX_WORD(op, operand)    ((uint32_t)(op) | (uint32_t)(operand) << 2)
#define PREFIX_OP(word)             ((word) & 3u)
#define PREFIX_OPERAND(word)        ((word) >> 2)

struct bc_prefix {
    uint32_t        func;
    uint32_t        n_byte;     /* of its texts */
    const uint32_t *op;         /* [n_op] */
    uint32_t        n_op;
    struct hash128  hash;       /* equal ones are one */
};

struct module {
    struct arena              arena;
    _Atomic uint32_t          refs;
    const struct source     **source;   uint32_t n_source;      /* 0 is the main file */
    const struct func        *func;     uint32_t n_func;
    const struct konst       *konst;    uint32_t n_konst;
    const struct rtype       *rtype;    uint32_t n_rtype;
    const struct gen_site    *gen;      uint32_t n_gen;
    const struct fork_site   *fork;     uint32_t n_fork;
    const struct scope_site  *scope;    uint32_t n_scope;
    const struct attempt_site *attempt; uint32_t n_attempt;
    const struct bc_extern   *ext;      uint32_t n_ext;
    const struct bc_prefix   *prefix;   uint32_t n_prefix;
    uint32_t                  main_func;    /* `fn main`, the script, or BC_NO_INDEX for a library */
    uint32_t                  n_env;        /* slots of the prompt loop's environment, 0 elsewhere */
    struct hash128            hash;         /* of all sources */
};

struct module *module_ref(struct module *m);
void           module_unref(struct module *m);          /* NULL is fine */

enum status bytecode_verify(const struct module *m, struct error *err);
void        bytecode_dump(const struct module *m, struct str *out);
const char *bytecode_op_name(enum bc_op op);

#endif
