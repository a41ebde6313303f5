/* lower.h - state shared by the files that check an AST and turn it into IR in one walk.
 *
 * Checking and lowering are one walk because the type of an expression is known exactly when its
 * operation is written; what a later operand decides (the common type of two ways) goes into the
 * operation that stores it.  A part is walked again at every call, with its own names.
 *
 *      struct comp   one compilation: files, constants, sites, functions
 *      struct low    one function being lowered; `up` is the function around a lambda or branch
 *      struct scope  names of a block
 *      struct ex     what an expression has become: a value or a constant, and its type
 *
 * Out of memory unwinds to compile_module by longjmp: what has to be freed hangs on struct comp. */
#ifndef COMPILER_LOWER_H
#define COMPILER_LOWER_H

#include <setjmp.h>

#include "base/hashmap.h"
#include "compiler/compile.h"
#include "compiler/ir.h"
#include "compiler/module.h"
#include "compiler/type.h"
#include "frontend/ast.h"
#include "frontend/diag.h"

struct env_name {                   /* of the prompt loop */
    struct slice name, type_text;
    uint32_t     slot;
    bool         is_var;
};

struct compile_env {
    struct arena     arena;
    struct env_name *name;
    uint32_t         n, cap;
    uint32_t         n_slot;
    struct str       decls;         /* text of the declarations so far */
};

struct comp {
    const struct compile_opts *opts;
    struct diag_list          *diags;
    struct arena               arena;       /* AST, types, IR */
    struct module             *m;           /* under construction; its arena takes what stays */
    jmp_buf                    oom;
    struct error               failed;      /* a defect that a verifier found */
    struct mod               **mod;   uint32_t n_mod, cap_mod;
    struct hashmap             mod_name;
    struct mod                *main_mod, *prelude;
    uint32_t                   n_std;       /* modules read before the main file */
    struct ir_func           **func;  uint32_t n_func, cap_func;
    struct konst              *konst; uint32_t n_konst, cap_konst;
    struct hashmap             konst_text;
    struct rtype              *rtype; uint32_t n_rtype, cap_rtype;
    struct hashmap             rtype_text;
    struct hashmap             checked;     /* constraints that were built already, by type */
    struct gen_site           *gen;   uint32_t n_gen, cap_gen;
    struct fork_site          *fork;  uint32_t n_fork, cap_fork;
    struct scope_site         *scope; uint32_t n_scope, cap_scope;
    struct attempt_site       *attempt; uint32_t n_attempt, cap_attempt;
    struct bc_extern          *ext;   uint32_t n_ext, cap_ext;
    struct sym               **ext_sym; uint32_t n_ext_sym, cap_ext_sym;
    struct bc_prefix          *prefix; uint32_t n_prefix, cap_prefix;
    struct sdecl              *msg, *tok;   /* Msg, Tok */
    uint32_t                   quiet;       /* > 0: a part is expanded again, diagnostics are known */
    uint32_t                   main_func;
    struct env_name           *new_name; uint32_t n_new_name, cap_new_name;  /* of this entry */
    uint32_t                   env_slots;
    bool                       earlier_open;    /* reading earlier entries: the later of two names wins */
    bool                       unparsed;    /* a file has errors of syntax */
    bool                       poisoned;    /* a name of an earlier list of a fork was used */
    uint32_t                   depth;       /* of expressions and types */
    uint32_t                   walk;        /* number of the walk over structs (lower_check.c) */
    struct mock_answer        *mock_answer; /* of all tests, the last one first (check_mock.c) */
    struct ir_func           **spare; uint32_t n_spare, cap_spare;  /* lowered to be checked or folded only */
    struct scope             **big;   uint32_t n_big, cap_big;      /* scopes with a map to free */
    struct str                 tmp;
};

/* ---- one function ---- */

struct ex {
    uint32_t     v;             /* value, or IR_NO while it is only a constant */
    uint32_t     k;             /* constant + 1, or 0 */
    struct type *t;
    uint32_t     fork;          /* site + 1: branches of that fork ... */
    int8_t       fork_role;     /* ... and the turn that was open there, or -1 */
    uint32_t     gen;           /* site + 1: generated there (meta) */
    bool         stream;        /* v is a stream: stream_force gives the value */
    bool         none;          /* null because a block or way ends without a value */
    struct span  at;
};

enum bind_kind { BIND_VALUE, BIND_VAR, BIND_ENV, BIND_POISON };

struct binding {
    struct slice    name;
    struct span     at;
    enum bind_kind  kind;
    uint32_t        v;          /* value, variable, or environment slot */
    struct ex       ex;         /* VALUE: also constant, fork, gen */
    struct type    *t;
    bool            used, quiet;        /* quiet: no W0201 */
    bool            is_var;     /* ENV */
    bool            forker;     /* a variable of the fork whose body this is */
    bool            captured;   /* belongs to the function around this one */
    bool            was_var;    /* ... where it is a variable */
    uint32_t        level;      /* attempts around its declaration */
    struct low     *owner;
};

struct scope {
    struct scope    *up;
    struct binding **b;
    uint32_t         n, cap;
    struct hashmap   map;       /* from SCOPE_MAP_AT names on */
    bool             wall;      /* names above are not seen (a part's body) */
};

struct meet;

struct ctl {                    /* what a jump has to leave on its way */
    struct ctl *up;
    enum { CTL_LOOP, CTL_TRY, CTL_FINALLY, CTL_SCOPE, CTL_ATTEMPT, CTL_ROLE, CTL_PART } kind;
    uint32_t     brk, cont;     /* LOOP: blocks; PART: where return goes */
    struct scope *scope;        /* LOOP, PART: names in force outside */
    const struct node *finally;
    struct meet *meet;          /* PART: where its ways meet */
    struct type *result;        /* PART */
};

struct kctx {                   /* the context in force */
    uint32_t chain;             /* IR_NO: none allowed */
    uint32_t token;
    int      role;              /* enum role, or -1 */
};

struct attempt_level {          /* an attempt being lowered: which outer variables it assigns */
    struct attempt_level *up;
    uint32_t             *var;
    uint32_t              n, cap;
    uint32_t              level;
};

struct streamed {               /* names that a loop of this block streams */
    struct slice *name;
    uint32_t      n;
};

struct low {
    struct comp          *c;
    struct low           *up;           /* of a lambda or branch */
    struct ir_func       *f;
    struct mod           *mod;
    struct scope         *scope;
    struct ctl           *ctl;
    struct kctx           k;
    struct streamed       streamed;
    struct attempt_level *attempt;
    uint32_t              n_attempt;
    struct type          *result;       /* declared; NULL: inferred */
    struct type          *found;        /* inferred so far from return */
    uint32_t              func_index;
    uint32_t              n_ordinal;
    struct span           part_at;      /* call of the outermost part being expanded */
    const struct mod     *part_mod;
    uint32_t              part_depth;
    bool                  is_fn, is_lambda, is_branch, is_script, is_test, is_const;
    bool                  dead;         /* behind return, break, fail */
    bool                  dead_said;
    const char           *ctx_code;     /* code when the context may not be used, or NULL */
};

/* comp */
void        *comp_alloc(struct comp *c, size_t size);           /* zeroed; never NULL */
void        *comp_push(struct comp *c, void *data_ptr, uint32_t *n, uint32_t *cap, size_t size);
void         comp_nomem(struct comp *c) __attribute__((noreturn));
struct slice comp_slice(struct comp *c, struct slice s);        /* copied into the module's arena */
struct slice comp_printf(struct comp *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char  *comp_type_text(struct comp *c, const struct type *t);     /* in the compile arena */
struct diag *comp_diag(struct comp *c, const struct mod *m, const char *code, struct span at,
                       const char *fmt, ...) __attribute__((format(printf, 5, 6)));
struct diag *low_diag(struct low *l, const char *code, struct span at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* consts.c */
uint32_t konst_null(struct comp *c);
uint32_t konst_bool(struct comp *c, bool b);
uint32_t konst_int(struct comp *c, int64_t i);
uint32_t konst_float(struct comp *c, double f);
uint32_t konst_str(struct comp *c, struct slice s);
uint32_t konst_add(struct comp *c, struct konst k);             /* not shared */
uint32_t konst_items(struct comp *c, enum konst_kind kind, uint32_t rtype, const uint32_t *item,
                     uint32_t n);
bool     konst_equal(const struct comp *c, uint32_t a, uint32_t b);
bool     konst_text(struct comp *c, uint32_t k, struct str *out);      /* text form; false: none */
void     konst_json(struct comp *c, uint32_t k, struct str *out);
/* The constant as a value of the type: literals, widening, enum texts.  False: *ret_why says why. */
bool     konst_fit(struct comp *c, uint32_t k, const struct type *t, uint32_t *ret,
                   const char **ret_why);
bool     konst_data(struct low *l, struct slice file, const struct type *want, struct span at,
                    struct ex *ret);

/* ir_build.c */
struct ir_func *ir_func_new(struct comp *c, struct slice name, const struct source *source,
                            struct span at, uint32_t flags, uint32_t *ret_index);
uint32_t ir_value_new(struct low *l, struct type *t);
uint32_t ir_var_new(struct low *l, struct type *t);
uint32_t ir_block_new(struct low *l);
struct ir_insn *ir_add(struct low *l, enum ir_op op, struct span at);
/* A place in the file of the function: a part of another file stands where it is called. */
struct span ir_place(const struct low *l, struct span at);
uint32_t ir_op0(struct low *l, enum ir_op op, struct type *t, struct span at);
uint32_t ir_op1(struct low *l, enum ir_op op, struct type *t, uint32_t a, uint32_t imm, struct span at);
uint32_t ir_op2(struct low *l, enum ir_op op, struct type *t, uint32_t a, uint32_t b, struct span at);
uint32_t ir_opn(struct low *l, enum ir_op op, struct type *t, const uint32_t *arg, uint32_t n,
                uint32_t imm, struct span at);
void     ir_args(struct low *l, struct ir_insn *i, const uint32_t *arg, uint32_t n);
void     ir_block(struct low *l, uint32_t block, struct span at);
void     ir_br(struct low *l, uint32_t block, struct span at);
void     ir_branch(struct low *l, enum ir_op op, uint32_t v, uint32_t block, struct span at);
void     ir_store(struct low *l, uint32_t var, uint32_t v, struct span at);
uint32_t ir_load(struct low *l, uint32_t var, struct span at);
/* An operation on the context in force: token in, next token out. */
struct ir_insn *ir_ctx(struct low *l, enum ir_op op, struct span at);
uint32_t ir_chain_new(struct low *l, uint32_t handle, bool own);
uint32_t ir_token_new(struct low *l, uint32_t chain);
/* Joins tokens a and b (IR_NO: unknown) of the chain in force into a new one. */
void     ir_phi(struct low *l, uint32_t a, uint32_t b, struct span at);
uint32_t ir_region_open(struct low *l);
void     ir_region_close(struct low *l, uint32_t region);

/* scope.c */
struct scope   *scope_push(struct low *l);
void            scope_pop(struct low *l);
struct binding *scope_bind(struct low *l, struct name name, enum bind_kind kind, uint32_t v,
                           struct type *t);
/* Finds a name, capturing it into the function where it is not; NULL: none. */
struct binding *scope_find(struct low *l, struct slice name);
void            scope_cancel(struct low *l, const struct scope *until, struct span at);

/* lower_type.c */
struct type *lower_type(struct low *l, const struct node *n);
struct type *lower_type_in(struct comp *c, struct mod *m, const struct node *n);
struct sdecl *resolve_struct(struct comp *c, struct sym *s);
struct edecl *resolve_enum(struct comp *c, struct sym *s);
void          resolve_func(struct comp *c, struct sym *s);
struct type  *type_of_func(struct comp *c, struct sym *s);
struct sym   *resolve_path(struct comp *c, struct mod *m, const struct path *p, bool report);
bool          annotation_is(const struct annotation *a, const char *name);

/* rtype.c */
uint32_t rtype_of(struct comp *c, const struct type *t);
uint32_t rtype_args(struct comp *c, struct sym *tool);          /* struct of a tool's parameters */
/* The constraint of a type in generating position.  NULL: it has none, *ret_why says why. */
struct shape *shape_of(struct comp *c, const struct type *t, const char **ret_why);
void     schema_text(struct comp *c, const struct type *t, struct str *out);

/* library_rows.c */
/* A call of io.write_jsonl, lowered; false: it is another function. */
bool library_writes_rows(struct low *l, struct sym *s, const struct arg_list *args, struct span at);

/* library_schema.c */
struct ex schema_call(struct low *l, const struct node *n);

/* library_tools.c */
struct ex tool_value(struct low *l, struct sym *s, struct span at);     /* where a `tool` is wanted */
struct ex tool_docs_call(struct low *l, const struct node *n);

/* constraint.c */
/* Whether the text belongs to a regex or grammar; true as well when the pattern itself is wrong. */
bool pattern_has(struct comp *c, const struct type *t, struct slice text);
/* Reports what is wrong with a regex of the language (E0403, E0404). */
void regex_lint(struct comp *c, const struct mod *m, struct slice text, bool icase, bool dotall, struct span at);
/* Builds the constraint of a site: E0401 E0402 E0405-E0408, notes of schemas. */
void constraint_check(struct low *l, const struct type *t, const struct shape *shape, struct span at);

/* lower_decl.c */
uint32_t func_of(struct comp *c, struct sym *s);                /* index; queued for lowering */
struct slice qualified(struct comp *c, const struct sym *s);           /* module.name */
const struct bc_param *params_of(struct comp *c, struct sym *s, bool defaults);
void     add_input(struct low *l, uint32_t v);
uint32_t helper_func(struct comp *c, struct mod *m, const struct node *e, struct type *want,
                     const char *name);                         /* no parameters, gives e */
uint32_t helper_lambda(struct comp *c, struct mod *m, const struct node *lambda, struct type *fn,
                       const char *name);
/* Evaluates an expression that has to be constant; false: reported (E0313). */
bool     const_eval(struct comp *c, struct mod *m, const struct node *n, struct type *want, struct ex *ret);
void     resolve_const(struct comp *c, struct sym *s);
void     lower_module(struct comp *c);
void     low_init(struct low *l, struct comp *c, struct low *up, struct ir_func *f, struct mod *m);
void     low_own_ctx(struct low *l, struct span at);
void     low_end(struct low *l, struct ex result, struct span at);

/* lower_extern.c */
uint32_t extern_of(struct comp *c, struct sym *s);
void     check_flags(struct comp *c, struct sym *s);            /* E0213, W0203 of main */

/* lower_expr.c */
struct ex lower_expr(struct low *l, const struct node *n, struct type *want);
struct ex lower_to(struct low *l, const struct node *n, struct type *want);     /* and coerced */
uint32_t  lower_cond(struct low *l, const struct node *n);
uint32_t  ex_value(struct low *l, struct ex e);
struct ex ex_of(uint32_t v, struct type *t, struct span at);
struct ex ex_konst(struct comp *c, uint32_t k, struct type *t, struct span at);
struct ex ex_bad(struct low *l, struct span at);
struct ex ex_null(struct low *l, struct span at);
struct ex ex_none(struct low *l, struct span at);              /* no value: null, and E0309 if one is wanted */
struct ex ex_join(struct low *l, struct ex e);                  /* branches become their list */
struct ex coerce(struct low *l, struct ex e, struct type *want, struct span at);
struct ex lower_binary_values(struct low *l, enum binary_op op, struct ex a, struct ex b,
                              struct span at);
struct type *iter_type(struct low *l, struct ex *e, struct span at);    /* of the elements */
void      narrow(struct low *l, const struct node *cond, bool truth);
struct ex lower_lambda(struct low *l, const struct node *n, struct type *want);

/* Ways that meet: the value of if, match, catch, ... */
struct meet {
    uint32_t     var, end;
    uint32_t    *store;         /* operations to patch with the common type */
    struct ex   *ex;
    uint32_t     n, cap_store, cap_ex;
    uint32_t     token;         /* of the chain in force at the head */
    uint32_t     out, last;     /* tokens of the first and last way that reach the end */
    struct type *want;
    bool         value;
    bool         open;          /* some way reaches the end */
};
void      meet_begin(struct low *l, struct meet *m, bool value, struct type *want);
void      meet_way(struct low *l, struct meet *m, struct ex e, struct span at);  /* stores, branches */
void      meet_enter(struct low *l, struct meet *m);    /* the next way starts as the first did */
struct ex meet_end(struct low *l, struct meet *m, struct span at);

/* lower_call.c */
struct ex lower_call(struct low *l, const struct node *n, struct type *want);
struct ex lower_member(struct low *l, const struct node *n, struct type *want);
struct ex call_sym(struct low *l, struct sym *s, const struct arg_list *args, struct span at,
                   struct type *want);
struct ex construct(struct low *l, struct type *t, const struct arg_list *args, struct span at);
/* A member of a context, with and without arguments. */
struct ex context_member(struct low *l, const struct node *object, struct name name,
                         const struct arg_list *args, struct span at);
struct sym *path_sym(struct low *l, const struct node *n);      /* a name that is a declaration */
struct ex sym_value(struct low *l, struct sym *s, struct span at, struct type *want);
struct sym *prelude_sym(struct comp *c, const char *name);

/* library.c */
/* What a library function gives for that list: @gives("[T:int]"). */
struct type *library_gives(struct comp *c, struct slice gives, struct type *list);
struct ex library_method(struct low *l, struct ex self, struct name name, const struct arg_list *args,
                         struct span at, struct type *want);
struct span call_end(struct span call);     /* its closing bracket (lower_call.c) */
void      member_of_null(struct low *l, struct ex o, struct name name, const char *call);   /* E0305 */
void      no_member(struct low *l, const struct type *t, struct name name);                 /* E0204 */
bool      library_has_method(const struct type *t, struct slice name);
/* Functions that are always in scope.  False: no such name. */
bool      library_call(struct low *l, const struct node *n, struct slice name, struct type *want,
                       struct ex *ret);
bool      library_has(struct slice name);
/* Those of them whose types have rules of their own (library_forms.c). */
bool      library_form(struct low *l, const struct node *n, struct slice name, struct type *want,
                       struct ex *ret);
bool      library_is_form(struct slice name);
/* Their names, one by one; `member`: of methods instead. */
void      library_each(bool member, void (*fn)(void *ctx, struct slice name), void *ctx);
void      library_each_form(void (*fn)(void *ctx, struct slice name), void *ctx);
uint32_t  call_native(struct low *l, enum native_id id, const uint32_t *arg, uint32_t n,
                      struct type *t, struct span at);

/* lower_stmt.c */
enum block_mode { BLOCK_STMT, BLOCK_VALUE };
struct ex lower_block(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
void      lower_stmt(struct low *l, const struct node *n);
void      bind_pattern(struct low *l, const struct node *pat, struct ex e, struct type *declared);
struct ex lower_if(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
struct ex lower_match(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
struct ex lower_try(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
struct ex lower_catch(struct low *l, const struct node *n, struct type *want);
/* Gives the variable at the root of `target` (a name, x.f, x[i]) a new value. */
void      assign_to(struct low *l, const struct node *target, struct ex e, struct span at);
bool      is_var_path(struct low *l, const struct node *target);
void      leave_to(struct low *l, struct ctl *until, struct span at);
/* An expression whose value may be left unused. */
bool      is_block_form(const struct node *n);
struct ex lower_any(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
void      check_unused(struct low *l, const struct node *n, struct ex e);

/* Loops: the head joins the context token of the entry and of the way back. */
struct loop {
    struct ctl ctl;
    uint32_t   head, out, region, phi, entry;
};
void      loop_begin(struct low *l, struct loop *p, struct span at);
void      loop_end(struct low *l, struct loop *p, struct span at);

/* lower_value.c */
bool      type_is_open(const struct type *t);                   /* holds a variable still */
bool      type_wants_text(const struct type *t);
struct ex ex_mismatch(struct low *l, struct ex e, struct type *want, struct span at);

/* lower_ops.c, lower_data.c */
struct ex lower_binary(struct low *l, const struct node *n, struct type *want);
struct ex lower_unary(struct low *l, const struct node *n);
struct ex lower_list(struct low *l, const struct node *n, struct type *want);
struct ex lower_map(struct low *l, const struct node *n, struct type *want);
struct ex lower_tuple(struct low *l, const struct node *n, struct type *want);

/* lower_member.c */
struct ex member_of(struct low *l, struct ex o, struct name name, struct span at);
struct ex member_on_context(struct low *l, const struct node *object, struct ex c, struct name name,
                            const struct arg_list *args, struct span at);
struct ex lower_optional(struct low *l, struct ex o, const struct node *n, const struct arg_list *args,
                         struct type *want);

/* lower_args.c */
struct site {                   /* a site while it is being made */
    struct gen_site g;
    uint32_t        v[ARG_KIND_N + 1];      /* values of its arguments, then the options */
    struct site_arg arg[ARG_KIND_N];
    struct span     arg_at[ARG_KIND_N];
    uint32_t        n;
    struct ex       max, min;
    bool            has_by;
    struct span     by_at, n_at;
    const struct node *n_count;             /* n: */
};

/* `choice`: of select or score, whose first argument has no name. */
void      site_args(struct low *l, struct site *s, const struct arg_list *args, bool choice,
                    const char *what);
bool      site_has(const struct site *s, enum site_arg_kind kind, struct span *ret_at);

/* check_mock.c */
void      mock_gather(struct low *l, const struct arg_list *args, const struct node *body);
void      mock_check(struct comp *c);                           /* when everything is lowered */

/* lower_options.c */
bool      type_is_finite(const struct type *t);                 /* an enum, literals, bool */
void      check_option_list(struct low *l, struct ex e, const struct node *written);
void      check_option_type(struct low *l, const struct type *t, struct span at);

/* lower_gen.c */
struct ex lower_gen(struct low *l, const struct node *n, struct type *t, struct slice name,
                    const struct arg_list *args, struct span at, enum ir_op op);
struct ex fork_attempts(struct low *l, const struct node *n, uint32_t times, uint32_t parallel, struct type *want);
struct ex fork_many(struct low *l, const struct node *n, struct type *t, const struct node *count);

/* lower_stream.c */
void      lower_stream(struct low *l, const struct node *loop);
struct streamed stream_enter(struct low *l, const struct node_list *list);  /* gives what was in force */
bool      stream_wants(const struct low *l, struct slice name);     /* bind it to a stream */
struct ex stream_force(struct low *l, struct ex e, struct span at);
struct type *partial_type(struct comp *c, struct type *t);          /* of a piece */

/* lower_meta.c */
uint32_t  meta_value(struct low *l, const struct node *arg, struct span at, bool logprob);

/* lower_check.c */
void      check_fields(struct low *l, uint32_t v, const struct type *t, struct span at);

/* lower_prompt.c */
uint32_t  ir_set_dst(struct low *l, struct type *t);            /* a value for the last operation */
/* Makes the context that `handle` holds the one in force; gives what was. */
struct kctx enter_chain(struct low *l, uint32_t handle, bool own, int role, struct span at);
struct ex insert_value(struct low *l, const struct node *n);
void      append_value(struct low *l, struct ex e, struct span at);
void      use_ctx(struct low *l, struct span at);
void      append_template(struct low *l, const struct node *text);
void      append_text(struct low *l, struct slice s, struct span at);
struct ex text_value(struct low *l, const struct node *text);   /* a template without holes */
struct ex lower_model(struct low *l, const struct node *n, struct type *want, struct slice name);
struct ex lower_fork(struct low *l, const struct node *n);
struct ex lower_join(struct low *l, const struct node *n, struct type *want);
struct ex lower_scratch(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
struct ex lower_with(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
struct ex lower_attempt(struct low *l, const struct node *n, enum block_mode mode, struct type *want);
void      lower_role(struct low *l, const struct node *n);
void      lower_emit(struct low *l, const struct node *n);
bool      node_has_hole(const struct node *text);
bool      node_appends(const struct node *block);

/* passes (pass.h has their rows) */
bool pass_on(const struct comp *c, const char *name);           /* not switched off */

/* effects.c */
void     effects_infer(struct comp *c);
uint32_t effect_of(struct comp *c, const struct ir_func *f, uint32_t at);      /* of one operation */
bool     type_holds(struct comp *c, const struct type *t, uint64_t kinds);     /* a T_* bit, at any depth */

/* bytecode_emit.c */
void bytecode_emit(struct comp *c, struct ir_func *f);

#endif
