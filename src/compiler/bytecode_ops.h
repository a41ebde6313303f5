/* bytecode_ops.h - the operations of the machine: name, operands, sentence. */
#ifndef COMPILER_BYTECODE_OPS_H
#define COMPILER_BYTECODE_OPS_H

#define BYTECODE_OPS(X)                                                                         \
    X(NOP, "", "nothing")                                                                       \
    /* values */                                                                                \
    X(CONST, "a:reg bc:konst", "a = constant")                                                  \
    X(MOVE, "a:reg b:reg", "a = b")                                                             \
    X(NOT, "a:reg b:reg", "a = not b")                                                          \
    X(NEG, "a:reg b:reg", "a = -b; overflow is R0203")                                          \
    X(ADD, "a:reg b:reg c:reg", "numbers, texts or lists")                                      \
    X(SUB, "a:reg b:reg c:reg", "numbers")                                                      \
    X(MUL, "a:reg b:reg c:reg", "numbers")                                                      \
    X(DIV, "a:reg b:reg c:reg", "always a float; by zero is R0204")                             \
    X(MOD, "a:reg b:reg c:reg", "sign of the divisor; by zero is R0204")                        \
    X(EQ, "a:reg b:reg c:reg", "deep equality; an enum equals its text")                        \
    X(NE, "a:reg b:reg c:reg", "not EQ")                                                        \
    X(LT, "a:reg b:reg c:reg", "numbers, texts, durations")                                     \
    X(LE, "a:reg b:reg c:reg", "as LT")                                                         \
    X(GT, "a:reg b:reg c:reg", "as LT")                                                         \
    X(GE, "a:reg b:reg c:reg", "as LT")                                                         \
    X(RANGE, "a:reg b:reg c:reg", "a = b..c")                                                   \
    X(RANGE_EX, "a:reg b:reg c:reg", "a = b..<c")                                               \
    X(MATCHES, "a:reg b:reg c:reg", "a = text b matches regex c as a whole, a bool")            \
    X(MATCH_RE, "a:reg b:reg c:reg", "a = match value, or null when text b does not match c")   \
    X(FORMAT, "a:reg b:base c:n", "a = text forms of n registers, joined")                      \
    X(LIST, "a:reg b:base c:n", "a = list of n registers")                                      \
    X(TUPLE, "a:reg b:base c:n", "a = tuple of n registers")                                    \
    X(MAP, "a:reg b:base c:n", "a = map of n pairs (key, value, ...)")                          \
    X(STRUCT, "a:reg b:base c:rtype", "a = struct; fields in order from base")                  \
    X(CALLVAL, "a:reg b:base c:rtype", "a = tool call; b holds the tool (KONST_TOOL), b+1 the struct of arguments")  \
    X(FIELD, "a:reg b:reg c:index", "a = field of a struct")                                    \
    X(MEMBER, "a:reg b:reg c:konst", "a = member by name: json, error, match, meta, call, enum, duration")  \
    X(INDEX, "a:reg b:reg c:reg", "list, map, tuple, json, or a slice by a range; R0201, R0202") \
    X(ITEM, "a:reg b:reg c:index", "a = item of a tuple")                                       \
    X(PUT_FIELD, "a:reg b:index c:reg", "struct in a with field replaced")                      \
    X(PUT_INDEX, "a:reg b:reg c:reg", "list or map in a with element b replaced by c")          \
    X(CONVERT, "a:reg b:reg c:rtype", "int(x), E(text), ...; R0206")                            \
    X(CHECK, "a:reg bc:rtype", "value in a has the type, else R0205; widens int to float, text to enum")  \
    X(CHECK_FIELDS, "a:reg bc:rtype", "runs the @check functions of generated value a; R0304")    \
    X(IS, "a:reg b:reg c:rtype", "a = b has the type")                                          \
    X(PARSE, "a:reg b:reg c:rtype", "a = text b read leniently; R0206")                         \
    X(CLOSURE, "a:reg b:func c:base", "a = function with its captures from base")               \
    X(ENV_GET, "a:reg bc:slot", "a = slot of the prompt loop's environment")                    \
    X(ENV_SET, "a:reg bc:slot", "slot = a")                                                     \
    /* control */                                                                               \
    X(JUMP, "bc:rel", "")                                                                       \
    X(JUMP_TRUE, "a:reg bc:rel", "")                                                            \
    X(JUMP_FALSE, "a:reg bc:rel", "")                                                           \
    X(JUMP_NULL, "a:reg bc:rel", "")                                                            \
    X(JUMP_NOT_NULL, "a:reg bc:rel", "")                                                        \
    X(ITER, "a:reg b:reg", "a = iterator over list, range, map (pairs), int, branches")         \
    X(NEXT, "a:reg b:reg", "b = next element and skips; at the end does not skip")              \
    X(CALL, "a:reg b:func c:base", "a = call with its parameters from base; defaults are filled in by the caller")  \
    X(CALL_DEFERRED, "a:reg b:func c:base", "as CALL, but the caller goes on: a holds a future until it is forced")  \
    X(CALL_VALUE, "a:reg b:base c:n", "callee in b, n arguments behind it; surplus arguments are dropped")  \
    X(CALL_VALUE_DEFERRED, "a:reg b:base c:n", "as CALL_VALUE; deferred if the function may be (FUNC_FREE)")  \
    X(CALL_EXTERN, "a:reg b:ext c:base", "a = extern function")                                 \
    X(NATIVE, "a:reg b:native c:base", "a = library function over its arguments from base")     \
    X(FORCE, "a:reg", "waits for every future in a and puts the values in their place")         \
    X(SETTLE, "", "waits for every call deferred in the present error scope; raises the first failure")  \
    X(RET, "a:reg", "")                                                                         \
    X(RAISE, "a:reg", "raises the error value in a")                                            \
    X(TRY_ENTER, "a:reg bc:rel", "errors up to TRY_LEAVE put the error into a and jump")        \
    X(FINALLY_ENTER, "a:reg bc:rel", "as TRY_ENTER; cancelled code stops there too")            \
    X(TRY_LEAVE, "", "ends the innermost TRY_ENTER or FINALLY_ENTER")                           \
    /* contexts */                                                                              \
    X(CTX_NEW, "a:reg", "a = new empty context")                                                \
    X(CTX_ENV, "a:reg", "a = the context of the prompt loop")                                   \
    X(CTX_SNAP, "a:reg b:reg", "a = `here` as a value: independent snapshot; seals")            \
    X(CTX_FORK, "a:reg b:reg", "a = c.fork()")                                                  \
    X(CTX_SCRATCH, "a:reg b:reg", "a = copy for a scratch block; seals")                        \
    X(CTX_ENTER, "a:reg", "with c: a belongs to this branch, else R0501")                       \
    X(CTX_DROP, "a:reg", "last use")                                                            \
    X(TEXT, "a:ctx bc:konst", "appends constant text")                                          \
    X(INSERT, "a:ctx b:reg", "appends the text form of b")                                      \
    X(CONTROL, "a:ctx b:reg", "appends one control token (a token value)")                      \
    X(TURN_OPEN, "a:ctx b:role", "")                                                            \
    X(TURN_CLOSE, "a:ctx", "")                                                                  \
    X(GEN, "a:reg b:ctx c:gen", "a = generated value")                                          \
    X(SELECT, "a:reg b:ctx c:gen", "a = chosen option, appended")                               \
    X(SCORE, "a:reg b:ctx c:gen", "a = map of probabilities")                                   \
    X(STREAM_OPEN, "a:reg b:ctx c:gen", "a = stream of a generation that has begun")            \
    X(STREAM_NEXT, "a:reg b:reg", "b = next piece and skips; at the end does not skip")         \
    X(STREAM_VALUE, "a:reg b:reg", "a = the whole value of stream b")                           \
    X(STREAM_META, "a:reg b:reg", "a = meta of stream b when it is over")                       \
    X(MARK, "a:reg b:ctx", "")                                                                  \
    X(SINCE, "a:reg b:ctx c:reg", "a = text since mark c")                                      \
    X(ROLLBACK, "a:ctx b:reg", "")                                                              \
    X(DROP_TURNS, "a:ctx b:reg c:reg", "oldest: b, keep_system: c")                             \
    X(QUERY, "a:reg b:ctx c:what", "a = member of a context: enum ctx_query")                   \
    X(FORK, "a:reg b:fork c:base", "a = branches; iterables or the count from base")            \
    X(JOIN, "a:reg b:reg", "a = list of all values, in branch order")                           \
    X(JOIN_NEXT, "a:reg b:reg c:reg", "a race: waits for one more success: a = values so far, c = left, skips; when none is left: a = final list, does not skip")  \
    X(JOIN_STOP, "a:reg b:reg", "ends a race now: cancels the rest, a = values so far")         \
    X(JOIN_TEXT, "a:ctx b:reg", "appends what the joined branches wrote, in branch order")      \
    X(JOIN_PASS, "a:reg b:reg", "a = value of the lowest-numbered attempt that passes; waits for it")  \
    X(JOIN_KEEP, "a:ctx b:reg", "the context becomes what the attempt that passed made of its copy")  \
    X(CANCEL, "a:reg", "cancels branches that are not joined, waits for their finally blocks")  \
    X(BRANCHES, "a:reg b:reg c:what", "a = count, finished, index of branches: enum branch_query")  \
    X(SCOPE_PUSH, "a:scope", "settings for what follows")                                       \
    X(SCOPE_POP, "", "")                                                                        \
    X(ATTEMPT_ENTER, "a:attempt bc:rel", "snapshot; failures up to ATTEMPT_COMMIT restore it and run the body again; rel: behind the body")  \
    X(ATTEMPT_COMMIT, "", "the attempt passed")                                                 \
    X(ASSERT_CMP, "a:cmp b:base", "test assertion on a comparison: left, right, reason (or null) from base")  

enum ctx_query { QUERY_TOKENS, QUERY_LEFT, QUERY_TEXT, QUERY_MESSAGES, QUERY_ROLE, QUERY_MODEL };
enum branch_query { BRANCHES_COUNT, BRANCHES_FINISHED, BRANCHES_INDEX };

#endif
