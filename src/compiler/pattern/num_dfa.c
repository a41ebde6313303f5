/* num_dfa.c - the automaton that reads exactly the numbers of a set.
 *
 * What a prefix says about its number is told in two parts.  Its place: how many digits there were
 * on this side of the point, and how they compare with both ends; there are few places, whatever
 * the divisors are.  Its rest: what the digits leave when divided; divisors of equally many places
 * are looked at through their least common multiple.  The graph of places is explored first, then
 * the pairs of place and rest that can be met.  States that cannot reach a member are removed, so
 * that no prefix leads nowhere. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/hash.h"
#include "compiler/pattern/num.h"

enum { STATES_MAX = 100000, DIGITS_MAX = 400 };

/* Products of moduli and places stay below this, so that a state is one word. */
#define REST_MAX ((uint64_t)1 << 56)

enum { P_START, P_SIGN, P_ZERO, P_INT, P_POINT, P_FRAC };

/* Ends are compared by magnitude: `order` is the comparison of the digits read with the same number
 * of leading digits of the end. */
struct place {
    uint8_t  phase;             /* P_START.. */
    bool     negative;
    bool     nonzero;           /* some digit is not zero */
    uint8_t  past;              /* by group: a digit beyond its places is not zero */
    int8_t   order[2];          /* with the magnitude of lo, of hi */
    uint16_t n_int;             /* digits before the point, capped */
    uint16_t n_frac;            /* digits behind it, capped */
};

/* Divisors of equally many places. */
struct group {
    uint64_t m;                 /* least common multiple */
    uint32_t places;
    uint32_t member;            /* bits: divisors of the set */
};

/* 64-bit words, each once, numbered in the order they came. */
struct words {
    uint64_t *word;
    uint32_t  n, cap;
    uint32_t *slot;             /* number + 1 */
    uint32_t  n_slot;
};

struct explorer {
    const struct num_set      *set;
    const struct num_spelling *sp;
    uint16_t                   int_cap, frac_cap;
    struct group               group[NUM_DIVISORS];
    uint32_t                   n_group;
    struct words               place;
    uint32_t                  *next;        /* [n_place][NUM_SYMBOLS] place + 1, 0 dead */
    uint32_t                   cap_next;
    struct words               state;       /* rest * n_place + place */
};

/* ---- words ---------------------------------------------------------------------------------- */

static bool words_grow(struct words *w)
{
    uint32_t n = w->n_slot ? w->n_slot * 4 : 64;
    uint32_t *slot = mem_calloc(n, sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t k = (uint32_t)hash_u64(w->word[i]) & (n - 1);
        while (slot[k])
            k = (k + 1) & (n - 1);
        slot[k] = i + 1;
    }
    mem_free(w->slot);
    w->slot = slot;
    w->n_slot = n;
    return true;
}

/* The number of the word plus one; 0: out of memory. */
static uint32_t words_add(struct words *w, uint64_t word)
{
    if ((w->n + 1) * 2 > w->n_slot && !words_grow(w))
        return 0;
    uint32_t k = (uint32_t)hash_u64(word) & (w->n_slot - 1);
    for (; w->slot[k]; k = (k + 1) & (w->n_slot - 1))
        if (w->word[w->slot[k] - 1] == word)
            return w->slot[k];
    uint64_t *to = array_push(&w->word, &w->n, &w->cap, sizeof *to);
    if (!to)
        return 0;
    *to = word;
    return w->slot[k] = w->n;
}

static void words_free(struct words *w)
{
    mem_free(w->word);
    mem_free(w->slot);
}

/* ---- places --------------------------------------------------------------------------------- */

static uint64_t pack(const struct place *p)
{
    return (uint64_t)p->phase | (uint64_t)p->negative << 3 | (uint64_t)p->nonzero << 4 |
           (uint64_t)(p->order[0] + 1) << 5 | (uint64_t)(p->order[1] + 1) << 7 |
           (uint64_t)p->past << 9 | (uint64_t)p->n_int << 17 | (uint64_t)p->n_frac << 33;
}

static struct place unpack(uint64_t w)
{
    return (struct place){
        .phase = w & 7, .negative = w >> 3 & 1, .nonzero = w >> 4 & 1,
        .order = { (int8_t)((int)(w >> 5 & 3) - 1), (int8_t)((int)(w >> 7 & 3) - 1) },
        .past = (uint8_t)(w >> 9), .n_int = (uint16_t)(w >> 17), .n_frac = (uint16_t)(w >> 33),
    };
}

static int32_t int_digits(const struct decimal *d)
{
    return d->n && d->exp > 0 ? d->exp : 1;
}

static int32_t frac_digits(const struct decimal *d)
{
    return d->n > d->exp ? d->n - d->exp : 0;
}

/* Digit k of the end in the order of reading an integer part of its own length. */
static int end_digit(const struct decimal *d, uint16_t k)
{
    return decimal_digit(d, int_digits(d) - 1 - (int32_t)k);
}

static int8_t order_step(int8_t order, int digit, int end)
{
    return order ? order : (int8_t)((digit > end) - (digit < end));
}

static bool in_fraction(const struct place *p)
{
    return p->phase == P_POINT || p->phase == P_FRAC;
}

static void read_digit(const struct explorer *x, struct place *p, int digit)
{
    const struct decimal *end[2] = { &x->set->lo, &x->set->hi };
    bool frac = in_fraction(p), has[2] = { x->set->has_lo, x->set->has_hi };
    for (int k = 0; k < 2; k++) {
        if (!has[k])
            continue;
        if (frac && p->n_frac < x->frac_cap)
            p->order[k] = order_step(p->order[k], digit,
                                     decimal_digit(end[k], -1 - (int32_t)p->n_frac));
        else if (frac)
            p->order[k] = order_step(p->order[k], digit, 0);
        else if (p->n_int < x->int_cap)
            p->order[k] = order_step(p->order[k], digit, end_digit(end[k], p->n_int));
    }
    for (uint32_t i = 0; i < x->n_group; i++)
        if (frac && p->n_frac >= x->group[i].places && digit)
            p->past |= (uint8_t)(1u << i);
    p->nonzero |= digit != 0;
    if (frac) {
        p->n_frac += p->n_frac < x->frac_cap;
        p->phase = P_FRAC;
        return;
    }
    p->n_int += p->n_int < x->int_cap;
    p->phase = p->n_int == 1 && !digit ? P_ZERO : P_INT;
}

/* Leading digits are compared as if both had the same number; with fewer or more digits than the
 * end the count decides.  Called when the integer part is over. */
static void end_integer(const struct explorer *x, struct place *p)
{
    const struct decimal *end[2] = { &x->set->lo, &x->set->hi };
    bool has[2] = { x->set->has_lo, x->set->has_hi };
    for (int k = 0; k < 2; k++) {
        int32_t n = int_digits(end[k]);
        if (has[k] && p->n_int != n)
            p->order[k] = p->n_int < n ? -1 : 1;
    }
    p->n_int = 0;
}

/* No literal that begins so is a member: the sign or the number of digits is beyond an end. */
static bool beyond(const struct explorer *x, const struct place *p)
{
    const struct num_set *s = x->set;
    if (p->negative && s->has_lo && !s->lo.negative)
        return true;
    if (!p->negative && s->has_hi && s->hi.negative)
        return true;
    if (p->phase != P_INT)
        return false;
    const struct decimal *far = p->negative ? &s->lo : &s->hi;
    bool has = p->negative ? s->has_lo : s->has_hi;
    int32_t n = int_digits(far);
    return has && (p->n_int > n || (p->n_int == n && p->order[p->negative ? 0 : 1] > 0));
}

static bool read_symbol(const struct explorer *x, struct place *p, int sym)
{
    const struct num_spelling *sp = x->sp;
    if (sym == 10) {
        if (p->phase != P_START)
            return false;
        p->phase = P_SIGN;
        p->negative = true;
        return true;
    }
    if (sym == 11) {
        if ((p->phase != P_ZERO && p->phase != P_INT) || !sp->max_frac)
            return false;
        end_integer(x, p);
        p->phase = P_POINT;
        return true;
    }
    if (p->phase == P_ZERO || (p->phase == P_INT && sp->max_int >= 0 && p->n_int >= sp->max_int) ||
        (p->phase == P_FRAC && sp->max_frac >= 0 && p->n_frac >= sp->max_frac))
        return false;
    read_digit(x, p, sym);
    return !beyond(x, p);
}

static enum status explore_places(struct explorer *x, struct error *err)
{
    struct place start = { 0 };
    uint32_t n_next = 0;
    if (!words_add(&x->place, pack(&start)))
        return error_nomem(err);
    for (uint32_t i = 0; i < x->place.n; i++) {
        if (!array_reserve(&x->next, &x->cap_next, n_next + NUM_SYMBOLS, sizeof *x->next))
            return error_nomem(err);
        const struct place here = unpack(x->place.word[i]);
        for (int sym = 0; sym < NUM_SYMBOLS; sym++) {
            struct place p = here;
            uint32_t to = 0;
            if (read_symbol(x, &p, sym) && !(to = words_add(&x->place, pack(&p))))
                return error_nomem(err);
            x->next[n_next++] = to;
        }
        if (x->place.n > STATES_MAX)
            return error_code(err, ST_LIMIT, "E0402",
                              "bounds and divisors too large: their numbers need too many states");
    }
    return ST_OK;
}

/* ---- rests ---------------------------------------------------------------------------------- */

static enum status plan_groups(struct explorer *x, struct error *err)
{
    for (uint32_t i = 0; i < x->set->n_div; i++) {
        const struct num_divisor *d = &x->set->div[i];
        uint32_t g = 0;
        if (d->m > UINT32_MAX || d->places > NUM_PLACES)
            return error_code(err, ST_LIMIT, "E0402", "a divisor is too large");
        while (g < x->n_group && x->group[g].places != d->places)
            g++;
        if (g == x->n_group)
            x->group[x->n_group++] = (struct group){ 1, d->places, 0 };
        uint64_t more = d->m / num_gcd(d->m, x->group[g].m);
        if (x->group[g].m > REST_MAX / more)
            return error_code(err, ST_LIMIT, "E0402",
                              "the divisors of a number are too large together");
        x->group[g].m *= more;
        x->group[g].member |= 1u << i;
    }
    return ST_OK;
}

/* Rests of the groups as one word. */
static uint64_t join_rests(const struct explorer *x, const uint64_t *rest)
{
    uint64_t w = 0;
    for (uint32_t i = x->n_group; i-- > 0;)
        w = w * x->group[i].m + rest[i];
    return w;
}

static void split_rests(const struct explorer *x, uint64_t w, uint64_t *rest)
{
    for (uint32_t i = 0; i < x->n_group; i++) {
        rest[i] = w % x->group[i].m;
        w /= x->group[i].m;
    }
}

/* Rests behind one digit more; `past` is of the place behind it. */
static uint64_t step_rests(const struct explorer *x, const struct place *from, const uint64_t *rest,
                           int digit, uint8_t past)
{
    uint64_t to[NUM_DIVISORS];
    for (uint32_t i = 0; i < x->n_group; i++) {
        const struct group *g = &x->group[i];
        if (past >> i & 1)
            to[i] = 0;
        else if (in_fraction(from) && from->n_frac >= g->places)
            to[i] = rest[i];
        else
            to[i] = (rest[i] * 10 + (unsigned)digit) % g->m;
    }
    return join_rests(x, to);
}

static enum status explore(struct explorer *x, struct num_dfa *d, struct error *err)
{
    uint64_t n_place = x->place.n, room = REST_MAX / n_place;
    for (uint32_t i = 0; i < x->n_group; i++)
        if (!(room /= x->group[i].m))
            return error_code(err, ST_LIMIT, "E0402",
                              "the divisors of a number are too large together");
    uint32_t cap = 0, n_next = NUM_SYMBOLS;
    if (!words_add(&x->state, 0))
        return error_nomem(err);
    for (uint32_t i = 0; i < x->state.n; i++) {
        if (!array_reserve(&d->next, &cap, n_next + NUM_SYMBOLS, sizeof *d->next))
            return error_nomem(err);
        uint32_t at = (uint32_t)(x->state.word[i] % n_place);
        const struct place here = unpack(x->place.word[at]);
        uint64_t rest[NUM_DIVISORS], all = x->state.word[i] / n_place;
        split_rests(x, all, rest);
        for (int sym = 0; sym < NUM_SYMBOLS; sym++) {
            uint32_t to = x->next[at * NUM_SYMBOLS + (uint32_t)sym], q = 0;
            if (to && sym < 10 && x->n_group) {
                uint8_t past = unpack(x->place.word[to - 1]).past;
                q = words_add(&x->state, step_rests(x, &here, rest, sym, past) * n_place + to - 1);
            } else if (to) {
                q = words_add(&x->state, all * n_place + to - 1);
            }
            if (to && !q)
                return error_nomem(err);
            d->next[n_next++] = q;
        }
        if (x->state.n > STATES_MAX)
            return error_code(err, ST_LIMIT, "E0402",
                              "bounds and divisors too large: their numbers need too many states");
    }
    memset(d->next, 0, NUM_SYMBOLS * sizeof *d->next);
    d->n = d->n_met = x->state.n + 1;
    return ST_OK;
}

/* ---- members -------------------------------------------------------------------------------- */

static bool between(const struct explorer *x, const struct place *p, int32_t n_frac)
{
    const struct num_set *s = x->set;
    const struct decimal *end[2] = { &s->lo, &s->hi };
    for (int k = 0; k < 2; k++) {
        if (!(k ? s->has_hi : s->has_lo))
            continue;
        int c = p->order[k];
        if (!c && frac_digits(end[k]) > n_frac)
            c = -1;
        if (!p->nonzero)            /* zero against the end's sign */
            c = !end[k]->n ? 0 : end[k]->negative ? 1 : -1;
        else if (p->negative != end[k]->negative)
            c = p->negative ? -1 : 1;
        else if (p->negative)
            c = -c;
        bool open = k ? s->hi_open : s->lo_open;
        if ((k ? c > 0 : c < 0) || (!c && open))
            return false;
    }
    return true;
}

/* The literal may end at the place, whatever its rest. */
static bool may_end(const struct explorer *x, const struct place *in)
{
    struct place p = *in;
    if (p.phase != P_ZERO && p.phase != P_INT && p.phase != P_FRAC)
        return false;
    if (p.phase != P_FRAC ? x->sp->min_frac > 0 : p.n_frac < x->sp->min_frac)
        return false;
    if (p.negative && !p.nonzero)
        return false;
    int32_t n_frac = p.phase == P_FRAC ? p.n_frac : 0;
    if (p.phase != P_FRAC)
        end_integer(x, &p);
    return between(x, &p, n_frac);
}

static bool divided(const struct explorer *x, const struct place *p, uint64_t rests)
{
    uint64_t rest[NUM_DIVISORS];
    split_rests(x, rests, rest);
    for (uint32_t g = 0; g < x->n_group; g++)
        for (uint32_t i = 0; i < x->set->n_div; i++) {
            const struct num_divisor *d = &x->set->div[i];
            if (!(x->group[g].member >> i & 1))
                continue;
            uint64_t r = rest[g] % d->m;
            for (uint32_t k = p->n_frac; k < d->places; k++)
                r = r * 10 % d->m;
            bool multiple = !r && !(p->past >> g & 1);
            if (multiple == d->negated)
                return false;
        }
    return true;
}

static enum status accept(struct explorer *x, struct num_dfa *d, struct error *err)
{
    uint8_t *ends = mem_calloc(x->place.n, 1);
    if (!ends)
        return error_nomem(err);
    for (uint32_t i = 0; i < x->place.n; i++) {
        const struct place p = unpack(x->place.word[i]);
        ends[i] = may_end(x, &p);
    }
    for (uint32_t i = 0; i < x->state.n; i++) {
        uint32_t at = (uint32_t)(x->state.word[i] % x->place.n);
        if (!ends[at])
            continue;
        const struct place p = unpack(x->place.word[at]);
        d->accept[i + 1] = divided(x, &p, x->state.word[i] / x->place.n);
    }
    mem_free(ends);
    return ST_OK;
}

/* Distances to a member, backwards over the edges until nothing changes. */
static enum status measure(struct num_dfa *d, struct error *err)
{
    uint32_t n = d->n, n_edge = 0;
    uint32_t *first = mem_calloc(n + 1ul, sizeof *first);
    uint32_t *queue = mem_calloc(n + 1ul, sizeof *queue);
    uint32_t *from = NULL;
    for (uint32_t i = 0; first && i < n * NUM_SYMBOLS; i++)
        if (d->next[i]) {
            first[d->next[i]]++;
            n_edge++;
        }
    from = first && queue ? mem_alloc((n_edge + 1ul) * sizeof *from) : NULL;
    if (!from) {
        mem_free(first);
        mem_free(queue);
        return error_nomem(err);
    }
    for (uint32_t i = 1; i <= n; i++)
        first[i] += first[i - 1];
    for (uint32_t i = n * NUM_SYMBOLS; i-- > 0;)
        if (d->next[i])
            from[--first[d->next[i]]] = i / NUM_SYMBOLS;
    uint32_t head = 0, tail = 0;
    for (uint32_t i = 1; i < n; i++) {
        d->dist[i] = UINT16_MAX;
        if (d->accept[i]) {
            d->dist[i] = 0;
            queue[tail++] = i;
        }
    }
    while (head < tail) {
        uint32_t i = queue[head++];
        uint32_t end = i + 1 <= n ? first[i + 1] : n_edge;
        for (uint32_t k = first[i]; k < end && k < n_edge; k++) {
            uint32_t q = from[k];
            if (d->dist[q] == UINT16_MAX) {
                d->dist[q] = d->dist[i] < UINT16_MAX - 1 ? (uint16_t)(d->dist[i] + 1) : d->dist[i];
                queue[tail++] = q;
            }
        }
    }
    mem_free(from);
    mem_free(first);
    mem_free(queue);
    return ST_OK;
}

static enum status finish(struct explorer *x, struct num_dfa *d, struct error *err)
{
    d->dist = mem_calloc(d->n, sizeof *d->dist);
    d->accept = mem_calloc(d->n, 1);
    d->more = mem_calloc(d->n, 1);
    if (!d->dist || !d->accept || !d->more)
        return error_nomem(err);
    enum status st = accept(x, d, err);
    if (st == ST_OK)
        st = measure(d, err);
    if (st != ST_OK)
        return st;
    for (uint32_t i = 0; i < d->n * NUM_SYMBOLS; i++) {
        if (d->next[i] && d->dist[d->next[i]] == UINT16_MAX)
            d->next[i] = 0;
        d->more[i / NUM_SYMBOLS] |= d->next[i] != 0;
    }
    if (d->dist[NUM_START] == UINT16_MAX)
        d->n = 0;
    return num_join_states(d) ? ST_OK : error_nomem(err);
}

/* Digits on both sides of the point up to which prefixes are told apart. */
static enum status plan_digits(struct explorer *x, struct error *err)
{
    const struct num_set *s = x->set;
    int32_t n_int = 1, n_frac = 0;
    for (int k = 0; k < 2; k++) {
        const struct decimal *e = k ? &s->hi : &s->lo;
        if (!(k ? s->has_hi : s->has_lo))
            continue;
        n_int = int_digits(e) > n_int ? int_digits(e) : n_int;
        n_frac = frac_digits(e) > n_frac ? frac_digits(e) : n_frac;
    }
    for (uint32_t i = 0; i < s->n_div; i++)
        n_frac = (int32_t)s->div[i].places > n_frac ? (int32_t)s->div[i].places : n_frac;
    n_int = x->sp->max_int > n_int ? x->sp->max_int : n_int;
    n_frac = x->sp->max_frac > n_frac ? x->sp->max_frac : n_frac;
    n_frac = x->sp->min_frac > n_frac ? x->sp->min_frac : n_frac;
    if (n_int > DIGITS_MAX || n_frac > DIGITS_MAX)
        return error_code(err, ST_LIMIT, "E0402",
                          "a bound with more than 400 digits before or behind the point");
    x->int_cap = (uint16_t)(n_int + 1);
    x->frac_cap = (uint16_t)(n_frac + 1);
    return ST_OK;
}

enum status num_dfa_new(const struct num_set *s, const struct num_spelling *sp,
                        struct num_dfa **ret, struct error *err)
{
    struct explorer x = { .set = s, .sp = sp };
    struct num_dfa *d = mem_zalloc(sizeof *d);
    enum status st = d ? ST_OK : error_nomem(err);
    if (st == ST_OK && !s->empty)
        st = plan_digits(&x, err);
    if (st == ST_OK && !s->empty)
        st = plan_groups(&x, err);
    if (st == ST_OK && !s->empty)
        st = explore_places(&x, err);
    if (st == ST_OK && !s->empty)
        st = explore(&x, d, err);
    if (st == ST_OK && !s->empty)
        st = finish(&x, d, err);
    words_free(&x.place);
    words_free(&x.state);
    mem_free(x.next);
    if (st != ST_OK) {
        num_dfa_free(d);
        return st;
    }
    d->key = num_key(s, sp);
    *ret = d;
    return ST_OK;
}

void num_dfa_free(struct num_dfa *d)
{
    if (!d)
        return;
    mem_free(d->next);
    mem_free(d->dist);
    mem_free(d->accept);
    mem_free(d->more);
    mem_free(d);
}
