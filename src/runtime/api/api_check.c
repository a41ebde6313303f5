/* api_check.c - what can be said of a program only when its tokenizer is known.
 *
 * A constant `max` below the shortest value of its type (E0421) is an error before the program
 * starts.  Most types are short enough for their `max` even at one byte a token, which needs no
 * tokenizer to see; only for the others the engine builds the constraint, which it keeps for the
 * run. */
#include "runtime/api/api_int.h"

#include "base/alloc.h"

enum { NUMBER_BYTES = 40, SHAPE_DEPTH = 32, NOTE_BYTES = 72 };

/* Bytes of some short value: never fewer than the shortest has.  SIZE_MAX: not known. */
static size_t short_bytes(const struct shape *s, uint32_t depth);

static size_t sum(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static size_t times(size_t n, int64_t k)
{
    return k <= 0 ? 0 : n == SIZE_MAX || n > SIZE_MAX / (size_t)k ? SIZE_MAX : n * (size_t)k;
}

static size_t all_kids(const struct shape *s, size_t extra, uint32_t depth)
{
    size_t n = 2;
    for (uint32_t i = 0; i < s->n; i++) {
        n = sum(n, sum(short_bytes(s->kid[i], depth), extra));
        if (s->key)
            n = sum(n, times(s->key[i].len, 2));        /* escapes included */
    }
    return n;
}

static size_t shortest_kid(const struct shape *s, uint32_t depth)
{
    size_t best = SIZE_MAX;
    for (uint32_t i = 0; i < s->n; i++) {
        size_t n = short_bytes(s->kid[i], depth);
        best = n < best ? n : best;
    }
    return best;
}

static size_t short_bytes(const struct shape *s, uint32_t depth)
{
    enum { ENTRY = 8, CALL_FRAME = 32 };
    if (depth >= SHAPE_DEPTH)
        return SIZE_MAX;
    depth++;
    switch (s->kind) {
    case SHAPE_STR:
        return sum(2, times(1, s->lo));
    case SHAPE_BOOL: case SHAPE_NULL:
        return sizeof "true" - 1;
    case SHAPE_INT:
        return s->lo <= 9 && s->hi >= 0 ? 1 : NUMBER_BYTES;
    case SHAPE_FLOAT:
        return s->flo <= 0 && s->fhi >= 0 ? 3 + (size_t)(s->decimals > 0 ? s->decimals : 0)
                                          : NUMBER_BYTES;
    case SHAPE_TEXT: case SHAPE_NUMBER:
        return sum(2, times(s->text.len, 2));
    case SHAPE_ENUM: {
        size_t best = SIZE_MAX;
        for (uint32_t i = 0; i < s->n; i++)
            best = s->key[i].len < best ? s->key[i].len : best;
        return sum(2, times(best, 2));
    }
    case SHAPE_OR:
        return shortest_kid(s, depth);
    case SHAPE_LIST:
        return sum(2, times(sum(short_bytes(s->kid[0], depth), ENTRY), s->lo));
    case SHAPE_MAP:
        return sum(2, times(sum(all_kids(s, ENTRY, depth), ENTRY), s->lo));
    case SHAPE_TUPLE: case SHAPE_STRUCT:
        return all_kids(s, ENTRY, depth);
    case SHAPE_CALL:
        return sum(all_kids(s, ENTRY, depth), CALL_FRAME);
    default:
        return SIZE_MAX;
    }
}

/* ---- E0421 ---- */

static void report(struct diag_list *list, const struct source *source, const struct gen_site *g,
                   const struct pattern_source *src, uint32_t least, const char *model)
{
    struct diag *d = diag_add(list, "E0421", source, g->max_at,
                              "this constraint needs at least %u tokens, but max is %u", least,
                              g->max);
    struct pattern *p;
    struct str text = { 0 };
    struct error err;
    if (!d)
        return;
    diag_caret(list, d, "raise this to %u or more", least);
    if (pattern_compile(src, &p, &err) != ST_OK)
        return;
    if (pattern_shortest(p, &text, &err) == ST_OK) {
        size_t shown = text.len < NOTE_BYTES ? text.len : NOTE_BYTES;
        while (shown < text.len && ((unsigned char)text.ptr[shown] & 0xc0) == 0x80)
            shown--;
        diag_note(list, d, "shortest value: %.*s%s (%u tokens with %s)", (int)shown, text.ptr,
                  shown < text.len ? "..." : "", least, model);
    }
    str_free(&text);
    pattern_unref(p);
}

static void check_site(struct diag_list *list, const struct source *source,
                       const struct gen_site *g, struct engine *e)
{
    if (!g->max || !g->shape || short_bytes(g->shape, 0) <= g->max)
        return;
    const struct engine_info *info = engine_info(e);
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = g->shape,
                                  .spelling = info->spelling };
    struct error err = { 0 };
    uint32_t least = 0;
    if (engine_check_constraint(e, &src, &least, &err) == ST_OK && least > g->max)
        report(list, source, g, &src, least, info->model);
}

sgl_status sgl_module_check(sgl_module *module, sgl_engine *engine, sgl_diagnostics **ret_diags,
                            sgl_error *err)
{
    const struct module *m = module->m;
    sgl_diagnostics *diags = mem_zalloc(sizeof *diags);
    bool *seen = mem_calloc(m->n_gen + 1u, sizeof *seen);
    if (!diags || !seen) {
        mem_free(diags);
        mem_free(seen);
        return api_nomem(err);
    }
    diag_list_init(&diags->list, &diags->arena);
    for (uint32_t i = 0; i < m->n_func; i++) {
        const struct func *f = &m->func[i];
        for (uint32_t pc = 0; pc < f->n_code; pc++) {
            const struct insn *in = &f->code[pc];
            if ((in->op != OP_GEN && in->op != OP_STREAM_OPEN) || seen[in->c])
                continue;
            seen[in->c] = true;
            check_site(&diags->list, f->source, &m->gen[in->c], engine->e);
        }
    }
    mem_free(seen);
    bool wrong = diags->list.n_error > 0;
    if (ret_diags)
        *ret_diags = diags;
    else
        sgl_diagnostics_free(diags);
    return wrong ? api_fail(err, ST_FAILED, "E0421", "a constraint does not fit its max") : SGL_OK;
}
