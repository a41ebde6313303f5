/* ir_ops.h - the operations of the IR: name, text, form of its bytecode, bytecode, sentence.
 *
 * The form says how the emitter writes the operation; FORM_OWN has code of its own there. */
#ifndef COMPILER_IR_OPS_H
#define COMPILER_IR_OPS_H

#define IR_OPS(X)                                                                               \
    X(NOP, "nop", OWN, NOP, "nothing; what a pass removed")                                     \
    X(BLOCK, "block", OWN, NOP, "a label: begins a block")                                      \
    X(KPHI, "phi", OWN, NOP, "a context token where ways of control meet")                      \
    X(CONST, "const", OWN, CONST, "a constant")                                                 \
    X(LOAD, "load", OWN, MOVE, "what a variable holds now")                                     \
    X(STORE, "store", OWN, MOVE, "gives a variable a new value")                                \
    X(NOT, "un not", DA, NOT, "")                                                               \
    X(NEG, "un -", DA, NEG, "")                                                                 \
    X(ADD, "bin +", DAB, ADD, "")                                                               \
    X(SUB, "bin -", DAB, SUB, "")                                                               \
    X(MUL, "bin *", DAB, MUL, "")                                                               \
    X(DIV, "bin /", DAB, DIV, "")                                                               \
    X(MOD, "bin %", DAB, MOD, "")                                                               \
    X(EQ, "cmp ==", DAB, EQ, "")                                                                \
    X(NE, "cmp !=", DAB, NE, "")                                                                \
    X(LT, "cmp <", DAB, LT, "")                                                                 \
    X(LE, "cmp <=", DAB, LE, "")                                                                \
    X(GT, "cmp >", DAB, GT, "")                                                                 \
    X(GE, "cmp >=", DAB, GE, "")                                                                \
    X(RANGE, "range", DAB, RANGE, "")                                                           \
    X(RANGE_EX, "range.ex", DAB, RANGE_EX, "")                                                  \
    X(MATCHES, "matches", DAB, MATCHES, "")                                                     \
    X(MATCH_RE, "match.re", DAB, MATCH_RE, "the match, or null")                                \
    X(FORMAT, "format", GN, FORMAT, "text forms, joined")                                       \
    X(LIST, "list", GN, LIST, "")                                                               \
    X(TUPLE, "tuple", GN, TUPLE, "")                                                            \
    X(MAP, "map", OWN, MAP, "keys and values in turn")                                          \
    X(STRUCT, "struct", GI, STRUCT, "")                                                         \
    X(CALLVAL, "callval", GI, CALLVAL, "a tool call that has not run")                          \
    X(FIELD, "get", DAI, FIELD, "field of a struct")                                            \
    X(MEMBER, "member", DAI, MEMBER, "member by name")                                          \
    X(INDEX, "index", DAB, INDEX, "element or slice")                                           \
    X(ITEM, "item", DAI, ITEM, "item of a tuple")                                               \
    X(PUT_FIELD, "put.field", OWN, PUT_FIELD, "a changed copy of a struct")                     \
    X(PUT_INDEX, "put.index", OWN, PUT_INDEX, "a changed copy of a list or map")                \
    X(CONVERT, "convert", DAI, CONVERT, "")                                                     \
    X(CHECK, "check", OWN, CHECK, "tests a refinement, widens")                                 \
    X(CHECK_FIELDS, "check.fields", OWN, CHECK_FIELDS, "@check of a generated value")           \
    X(IS, "is", DAI, IS, "")                                                                    \
    X(PARSE, "parse", DAI, PARSE, "")                                                           \
    X(CLOSURE, "lambda", IG, CLOSURE, "a function with its captures")                           \
    X(ENV_GET, "env.get", OWN, ENV_GET, "a name of an earlier entry")                           \
    X(ENV_SET, "env.set", OWN, ENV_SET, "")                                                     \
    X(BR, "br", OWN, JUMP, "")                                                                  \
    X(BR_TRUE, "br.true", OWN, JUMP_TRUE, "")                                                   \
    X(BR_FALSE, "br.false", OWN, JUMP_FALSE, "")                                                \
    X(BR_NULL, "br.null", OWN, JUMP_NULL, "")                                                   \
    X(BR_NOT_NULL, "br.not_null", OWN, JUMP_NOT_NULL, "")                                       \
    X(ITER, "iter", DA, ITER, "")                                                               \
    X(NEXT, "next", OWN, NEXT, "next element, or leaves for the label")                         \
    X(CALL, "call", IG, CALL, "")                                                               \
    X(CALL_DEFERRED, "call.deferred", IG, CALL_DEFERRED, "a call that gives its value later")   \
    X(CALL_VALUE_DEFERRED, "call.value.deferred", GN, CALL_VALUE_DEFERRED, "the same, if its callee may")  \
    X(FORCE, "force", A, FORCE, "waits for what a value or variable holds; in place")           \
    X(SETTLE, "settle", NONE, SETTLE, "waits for all calls deferred in this error scope")       \
    X(CALL_VALUE, "call.value", GN, CALL_VALUE, "callee, then its arguments")                   \
    X(CALL_EXTERN, "call.extern", IG, CALL_EXTERN, "")                                          \
    X(NATIVE, "builtin", IG, NATIVE, "")                                                        \
    X(RET, "ret", A, RET, "")                                                                   \
    X(RAISE, "raise", A, RAISE, "")                                                             \
    X(TRY_ENTER, "try.enter", OWN, TRY_ENTER, "errors go to the label with their value")        \
    X(TRY_LEAVE, "try.leave", NONE, TRY_LEAVE, "")                                              \
    X(CTX_NEW, "ctx.new", OWN, CTX_NEW, "new context")                                          \
    X(CTX_ENV, "ctx.env", OWN, CTX_ENV, "the context of the prompt loop")                       \
    X(SNAP, "snapshot", DK, CTX_SNAP, "`here` as a value")                                      \
    X(CTX_FORK, "ctx.fork", DA, CTX_FORK, "c.fork()")                                           \
    X(SCRATCH, "scratch", DK, CTX_SCRATCH, "a copy to forget")                                  \
    X(ENTER, "resume", A, CTX_ENTER, "with c")                                                  \
    X(DROP, "drop", K, CTX_DROP, "last use")                                                    \
    X(TEXT, "text", KI, TEXT, "appends constant bytes")                                         \
    X(INSERT, "insert", KA, INSERT, "appends a text form")                                      \
    X(CONTROL, "control", KA, CONTROL, "appends a control token")                               \
    X(TURN_OPEN, "turn.open", KB, TURN_OPEN, "")                                                \
    X(TURN_CLOSE, "turn.close", K, TURN_CLOSE, "")                                              \
    X(GEN, "gen", OWN, GEN, "")                                                                 \
    X(SELECT, "select", OWN, SELECT, "")                                                        \
    X(SCORE, "score", OWN, SCORE, "")                                                           \
    X(STREAM_OPEN, "stream.open", OWN, STREAM_OPEN, "")                                         \
    X(STREAM_NEXT, "stream.next", OWN, STREAM_NEXT, "next piece, or leaves for the label")      \
    X(STREAM_VALUE, "stream.value", DA, STREAM_VALUE, "")                                       \
    X(STREAM_META, "stream.meta", DA, STREAM_META, "")                                          \
    X(MARK, "mark", DK, MARK, "")                                                               \
    X(SINCE, "since", DKA, SINCE, "")                                                           \
    X(ROLLBACK, "rollback", KA, ROLLBACK, "")                                                   \
    X(DROP_TURNS, "rebase", KAB, DROP_TURNS, "")                                                \
    X(QUERY, "query", DKI, QUERY, "")                                                           \
    X(FORK, "fork", OWN, FORK, "")                                                              \
    X(JOIN, "join", DA, JOIN, "")                                                               \
    X(JOIN_NEXT, "branch.next", OWN, JOIN_NEXT, "one more success, or leaves for the label")    \
    X(JOIN_STOP, "join.stop", DA, JOIN_STOP, "")                                                \
    X(JOIN_TEXT, "join.text", KA, JOIN_TEXT, "")                                                \
    X(JOIN_PASS, "join.pass", DA, JOIN_PASS, "the attempt that passes")                         \
    X(JOIN_KEEP, "join.keep", KA, JOIN_KEEP, "its context")                                     \
    X(CANCEL, "cancel", A, CANCEL, "")                                                          \
    X(BRANCHES, "branches", DAI, BRANCHES, "")                                                  \
    X(SCOPE_PUSH, "scope.push", OWN, SCOPE_PUSH, "")                                            \
    X(SCOPE_POP, "scope.pop", NONE, SCOPE_POP, "")                                              \
    X(ATTEMPT_ENTER, "attempt.enter", OWN, ATTEMPT_ENTER, "")                                   \
    X(ATTEMPT_COMMIT, "attempt.commit", NONE, ATTEMPT_COMMIT, "")                               \
    X(ASSERT_CMP, "assert.cmp", OWN, ASSERT_CMP, "")

#endif
