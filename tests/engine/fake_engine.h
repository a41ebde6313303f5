/* fake_engine.h - the local engine over a fake device, for tests. */
#ifndef TESTS_ENGINE_FAKE_ENGINE_H
#define TESTS_ENGINE_FAKE_ENGINE_H

#include "drive.h"
#include "fake_backend.h"

extern const struct fake_opts fake_plain;       /* 2,048 tokens of context, 599 pages of 16 */

/* Checks every invariant after every step.  opts and ret_backend may be NULL. */
struct engine  *fake_engine_open(const struct fake_opts *fake, const struct engine_opts *opts,
                                 struct backend **ret_backend);
/* The same, where it may fail. */
enum status     fake_engine_try(const struct fake_opts *fake, const struct engine_opts *opts,
                                struct engine **ret, struct error *err);
struct session *fake_session(struct engine *e);
struct session *fake_fork(struct session *s);
void            fake_check_idle(struct engine *e);
/* Of plans that were waited for: frees them, drops their sessions, checks and closes the engine. */
void            fake_end(struct engine *e, struct drive *d, struct session *const *s, uint32_t n);
/* n words, other ones for each salt; the caller frees. */
char           *fake_text(uint32_t n, uint32_t salt);

#endif
