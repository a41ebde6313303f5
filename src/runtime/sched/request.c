/* request.c - a request's own memory. */
#include "runtime/sched/request.h"

#include <string.h>

#include "base/alloc.h"

void request_init(struct request *r, enum request_kind kind, struct timeline *tl)
{
    memset(r, 0, sizeof *r);
    r->item.kind = INBOX_SUBMIT;
    r->kind = kind;
    r->tl = tl;
    r->sampling = sampling_default;
    r->stop_id = TOKEN_NONE;
}

void request_clear(struct request *r)
{
    str_free(&r->value);
    str_free(&r->token_text);
    mem_free(r->token);
    mem_free(r->top);
    mem_free(r->scored.lp);
    r->token = NULL;
    r->top = NULL;
    r->scored.lp = NULL;
}
