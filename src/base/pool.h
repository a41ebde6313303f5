/* pool.h - worker threads taking jobs in order of submission. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/error.h"

struct pool;

enum status pool_new(int n_thread, const char *name, struct pool **ret_pool, struct error *err);
enum status pool_submit(struct pool *p, void (*fn)(void *arg), void *arg);
void        pool_free(struct pool *p);      /* runs what was submitted, then joins; NULL is fine */

#endif
