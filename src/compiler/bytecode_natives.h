/* bytecode_natives.h - library functions that the machine supplies: name, text, number of arguments.
 *
 * A method's receiver is its first argument.  The compiler fills in defaults, so the number of
 * arguments is fixed.  Functions that take a lambda are written in the language (stdlib/prelude.sgl)
 * over these, so that a task can be suspended inside them. */
#ifndef COMPILER_BYTECODE_NATIVES_H
#define COMPILER_BYTECODE_NATIVES_H

#define NATIVE_ROWS(X)                                  \
    X(PRINT, "print", 3)            /* x, end, to */    \
    X(INPUT, "input", 1)                                \
    X(DBG, "dbg", 2)                /* x, place */      \
    X(REQUIRE, "require", 2)                            \
    X(ASSERT, "assert", 2)                              \
    X(FAIL, "fail", 2)              /* text, kind */    \
    X(ERROR, "error", 2)                                \
    X(TOKEN, "token", 1)                                \
    X(MIN2, "min", 2)                                   \
    X(MAX2, "max", 2)                                   \
    X(ABS, "abs", 1)                                    \
    X(NEAR, "near", 3)                                  \
    X(ZIP, "zip", 2)                                    \
    X(UNZIP, "unzip", 2)            /* xs, columns of none */  \
    X(MAP_OF, "map_of", 2)                              \
    X(CALL_RUN, "call.run", 1)                          \
    X(STR_LEN, "str.len", 1)                            \
    X(STR_LOWER, "str.lower", 1)                        \
    X(STR_UPPER, "str.upper", 1)                        \
    X(STR_TRIM, "str.trim", 1)                          \
    X(STR_TRIM_START, "str.trim_start", 1)              \
    X(STR_TRIM_END, "str.trim_end", 1)                  \
    X(STR_SPLIT, "str.split", 2)                        \
    X(STR_LINES, "str.lines", 1)                        \
    X(STR_WORDS, "str.words", 1)                        \
    X(STR_CHARS, "str.chars", 1)                        \
    X(STR_REPLACE, "str.replace", 3)                    \
    X(STR_HAS, "str.has", 2)                            \
    X(STR_STARTS, "str.starts", 2)                      \
    X(STR_ENDS, "str.ends", 2)                          \
    X(STR_FIND, "str.find", 2)                          \
    X(STR_FIND_ALL, "str.find_all", 2)                  \
    X(STR_PAD, "str.pad", 2)                            \
    X(STR_REPEAT, "str.repeat", 2)                      \
    X(NUM_FIXED, "num.fixed", 2)                        \
    X(NUM_ROUND, "num.round", 1)                        \
    X(NUM_FLOOR, "num.floor", 1)                        \
    X(NUM_CEIL, "num.ceil", 1)                          \
    X(INT_DIV, "int.div", 2)                            \
    X(LIST_LEN, "list.len", 1)      /* map.len too */   \
    X(LIST_SUM, "list.sum", 1)                          \
    X(LIST_MIN, "list.min", 1)                          \
    X(LIST_MAX, "list.max", 1)                          \
    X(LIST_SORT, "list.sort", 1)                        \
    X(LIST_SORT_BY, "list.sort_by", 2)      /* xs, keys: stable, ascending */   \
    X(LIST_TOP_BY, "list.top_by", 3)        /* xs, n, keys: largest first, ties to the earlier */   \
    X(LIST_GROUP_BY, "list.group_by", 2)    /* xs, keys: map of lists */        \
    X(LIST_REVERSE, "list.reverse", 1)                  \
    X(LIST_UNIQUE, "list.unique", 1)                    \
    X(LIST_FIRST, "list.first", 1)                      \
    X(LIST_LAST, "list.last", 1)                        \
    X(LIST_TAKE, "list.take", 2)                        \
    X(LIST_DROP, "list.drop", 2)                        \
    X(LIST_HAS, "list.has", 2)                          \
    X(LIST_INDEX, "list.index", 2)                      \
    X(LIST_JOIN, "list.join", 2)                        \
    X(LIST_FLATTEN, "list.flatten", 1)                  \
    X(LIST_CHUNKS, "list.chunks", 2)                    \
    X(LIST_PUSH, "list.push", 2)            /* gives the longer list */         \
    X(LIST_INDEXED, "list.indexed", 1)                  \
    X(LIST_SHUFFLE, "list.shuffle", 1)                  \
    X(LIST_PICK, "list.pick", 2)                        \
    X(MAP_KEYS, "map.keys", 1)                          \
    X(MAP_VALUES, "map.values", 1)                      \
    X(MAP_PAIRS, "map.pairs", 1)                        \
    X(MAP_HAS, "map.has", 2)                            \
    X(MAP_GET, "map.get", 3)                            \
    X(MAP_ARGMAX, "map.argmax", 1)                      \
    X(MAP_ARGMIN, "map.argmin", 1)                      \
    X(MAP_REMOVE, "map.remove", 2)                      \
    X(ENUM_TEXT, "enum.text", 1)                        \
    X(ENUM_NAME, "enum.name", 1)                        \
    X(JSON_PARSE, "json.parse", 1)                      \
    X(JSON_TEXT, "json.text", 2)                        \
    X(JSON_GET, "json.get", 2)                          \
    X(JSON_MERGE, "json.merge", 2)                      \
    X(TEXT_NORMALIZE, "text.normalize", 1)              \
    X(TEXT_DISTANCE, "text.distance", 2)                \
    X(MATH_EVAL, "math.eval", 1)                        \
    X(MATH_SQRT, "math.sqrt", 1)                        \
    X(MATH_EXP, "math.exp", 1)                          \
    X(MATH_LOG, "math.log", 1)                          \
    X(MATH_POW, "math.pow", 2)                          \
    X(IO_READ_TEXT, "io.read_text", 1)                  \
    X(IO_WRITE_TEXT, "io.write_text", 2)                \
    X(IO_APPEND_TEXT, "io.append_text", 2)              \
    X(IO_READ_JSON, "io.read_json", 1)                  \
    X(IO_WRITE_JSON, "io.write_json", 2)                \
    X(IO_READ_JSONL, "io.read_jsonl", 1)                \
    X(IO_WRITE_JSONL, "io.write_jsonl", 2)              \
    X(IO_APPEND_JSONL, "io.append_jsonl", 2)            \
    X(IO_ROW_JSONL, "io.row_jsonl", 2)      /* rows of a file that write_jsonl has begun */    \
    X(IO_READ_CSV, "io.read_csv", 1)                    \
    X(IO_READ_BYTES, "io.read_bytes", 1)                \
    X(IO_EXISTS, "io.exists", 1)                        \
    X(IO_LIST, "io.list", 1)                            \
    X(IO_ENV, "io.env", 1)                              \
    X(IO_NOW, "io.now", 0)

#endif
