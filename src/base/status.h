/* status.h - the one list of outcomes that a function of ours can have.
 *
 * A function that can fail returns `enum status` and writes its results through `ret_x`, on
 * success only.  What went wrong in words goes into the caller's `struct error` (error.h).
 * The public header repeats these values as SGL_*; `runtime/api` asserts that they agree. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

/* name, sentence.  The order is part of the public interface: add at the end only. */
#define STATUS_ROWS(X)                                          \
    X(OK, "done")                                               \
    X(NOMEM, "out of memory")                                   \
    X(INVALID, "an argument or input is not valid")             \
    X(SYNTAX, "a text does not follow its grammar")             \
    X(NOT_FOUND, "no such thing")                               \
    X(IO, "a file or network operation failed")                 \
    X(UNSUPPORTED, "known, but not supported here")             \
    X(LIMIT, "a limit was reached")                             \
    X(FULL, "no room at present; try again later")              \
    X(STATE, "not possible in this state")                      \
    X(CANCELLED, "cancelled by the caller")                     \
    X(TIMEOUT, "out of time")                                   \
    X(PENDING, "not there yet")                                 \
    X(END, "there is no more")                                  \
    X(FAILED, "the program or the engine failed")               \
    X(INTERNAL, "a defect of ours")

enum status {
#define X(name, sentence) ST_##name,
    STATUS_ROWS(X)
#undef X
    ST_N
};

/* The sentence of a status; never NULL. */
const char *status_text(enum status st);

#endif
