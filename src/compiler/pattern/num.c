/* num.c - decimal numbers of any length, and the automaton of an interval with divisors.
 *
 * The automaton reads a literal from its first digit on and knows at every digit how the prefix
 * compares with both ends and what it leaves when divided.  Its states are found by exploring from
 * the start; those that cannot reach a member are removed, so that no prefix leads nowhere. */
#include "compiler/pattern/num.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/hash.h"
#include "base/hashmap.h"

/* ---- decimals ------------------------------------------------------------------------------- */

bool decimal_read(struct slice s, struct decimal *d)
{
    size_t i = 0;
    int32_t point = 0, exp = 0;
    bool seen_point = false;
    *d = (struct decimal){ 0 };
    if (i < s.len && s.ptr[i] == '-') {
        d->negative = true;
        i++;
    }
    for (; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.') {
            seen_point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        if (!seen_point)
            point++;
        if (!d->n && c == '0') {
            point -= 1;
            continue;
        }
        if (d->n == NUM_DIGITS)
            return false;
        d->digit[d->n++] = (uint8_t)(c - '0');
    }
    if (i < s.len && (s.ptr[i] | 32) == 'e') {
        bool minus = ++i < s.len && s.ptr[i] == '-';
        if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+'))
            i++;
        for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
            if ((exp = exp * 10 + (s.ptr[i] - '0')) > 100000)
                return false;
        exp = minus ? -exp : exp;
    }
    while (d->n && !d->digit[d->n - 1])
        d->n--;
    d->exp = d->n ? point + exp : 0;
    if (!d->n)
        d->negative = false;
    return true;
}

static int cmp_magnitude(const struct decimal *a, const struct decimal *b)
{
    if (!a->n || !b->n)
        return (a->n > 0) - (b->n > 0);
    if (a->exp != b->exp)
        return a->exp < b->exp ? -1 : 1;
    uint16_t n = a->n > b->n ? a->n : b->n;
    for (uint16_t i = 0; i < n; i++) {
        int x = i < a->n ? a->digit[i] : 0, y = i < b->n ? b->digit[i] : 0;
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    int c = cmp_magnitude(a, b);
    return a->negative ? -c : c;
}

/* Digit `i` places before (i >= 0) or behind (i < 0) the point. */
static int digit_at(const struct decimal *d, int32_t i)
{
    int32_t k = d->exp - 1 - i;
    return k >= 0 && k < d->n ? d->digit[k] : 0;
}

void decimal_write(const struct decimal *d, struct str *out)
{
    if (d->negative)
        str_addc(out, '-');
    if (!d->n || d->exp <= 0)
        str_addc(out, '0');
    for (int32_t i = d->exp - 1; d->n && i >= 0; i--)
        str_addc(out, (char)('0' + digit_at(d, i)));
    if (d->n > d->exp)
        str_addc(out, '.');
    for (int32_t i = -1; i >= d->exp - d->n; i--)
        str_addc(out, (char)('0' + digit_at(d, i)));
}

bool decimal_is_integer(const struct decimal *d)
{
    return d->n <= d->exp || !d->n;
}

bool decimal_scaled(const struct decimal *d, uint32_t places, uint64_t *ret)
{
    uint64_t v = 0;
    if (d->n - d->exp > (int32_t)places && d->n)
        return false;
    for (int32_t i = d->exp - 1; d->n && i >= -(int32_t)places; i--) {
        if (v > (UINT64_MAX / 2 - 9) / 10)
            return false;
        v = v * 10 + (uint64_t)digit_at(d, i);
    }
    *ret = v;
    return true;
}

bool decimal_multiple(const struct decimal *x, uint64_t m, uint32_t places)
{
    uint64_t r = 0;
    if (!x->n)
        return true;
    if (x->n - x->exp > (int32_t)places)
        return false;
    for (int32_t i = x->exp - 1; i >= -(int32_t)places; i--)
        r = (uint64_t)(((unsigned __int128)r * 10 + (unsigned)digit_at(x, i)) % m);
    return r == 0;
}

/* ---- sets ----------------------------------------------------------------------------------- */

bool num_has(const struct num_set *s, const struct decimal *x)
{
    if (s->has_lo) {
        int c = decimal_cmp(x, &s->lo);
        if (c < 0 || (c == 0 && s->lo_open))
            return false;
    }
    if (s->has_hi) {
        int c = decimal_cmp(x, &s->hi);
        if (c > 0 || (c == 0 && s->hi_open))
            return false;
    }
    for (uint32_t i = 0; i < s->n_div; i++)
        if (decimal_multiple(x, s->div[i].m, s->div[i].places) == s->div[i].negated)
            return false;
    return true;
}

bool num_meet(struct num_set *s, const struct num_set *t)
{
    if (t->has_lo) {
        int c = s->has_lo ? decimal_cmp(&t->lo, &s->lo) : 1;
        if (c > 0) {
            s->lo = t->lo;
            s->lo_open = t->lo_open;
        } else if (c == 0) {
            s->lo_open |= t->lo_open;
        }
        s->has_lo = true;
    }
    if (t->has_hi) {
        int c = s->has_hi ? decimal_cmp(&t->hi, &s->hi) : -1;
        if (c < 0) {
            s->hi = t->hi;
            s->hi_open = t->hi_open;
        } else if (c == 0) {
            s->hi_open |= t->hi_open;
        }
        s->has_hi = true;
    }
    for (uint32_t i = 0; i < t->n_div; i++) {
        bool known = false;
        for (uint32_t k = 0; k < s->n_div; k++)
            known |= s->div[k].m == t->div[i].m && s->div[k].places == t->div[i].places &&
                     s->div[k].negated == t->div[i].negated;
        if (known)
            continue;
        if (s->n_div == NUM_DIVISORS)
            return false;
        s->div[s->n_div++] = t->div[i];
    }
    return true;
}

bool num_integer(const struct num_set *s)
{
    for (uint32_t i = 0; i < s->n_div; i++)
        if (!s->div[i].negated && s->div[i].places == 0)
            return true;
    return false;
}

static uint64_t decimal_hash(const struct decimal *d)
{
    return hash_combine(hash_bytes(d->digit, d->n), hash_u64((uint64_t)(uint32_t)d->exp << 1 | d->negative));
}

uint64_t num_key(const struct num_set *s, const struct num_spelling *sp)
{
    uint64_t h = hash_u64((uint64_t)s->has_lo | (uint64_t)s->has_hi << 1 | (uint64_t)s->lo_open << 2 |
                          (uint64_t)s->hi_open << 3 | (uint64_t)s->n_div << 4);
    if (s->has_lo)
        h = hash_combine(h, decimal_hash(&s->lo));
    if (s->has_hi)
        h = hash_combine(h, decimal_hash(&s->hi) + 1);
    for (uint32_t i = 0; i < s->n_div; i++)
        h = hash_combine(h, hash_combine(s->div[i].m, (uint64_t)s->div[i].places << 1 | s->div[i].negated));
    return hash_combine(h, hash_bytes(sp, sizeof *sp));
}

/* ---- the automaton -------------------------------------------------------------------------- */

/* A prefix of a literal.  Ends are compared by magnitude: `order` is the comparison of the digits
 * read with the same number of leading digits of the end. */
struct prefix {
    uint8_t  phase;             /* P_START.. */
    bool     negative;
    int8_t   order[2];          /* with the magnitude of lo, of hi */
    uint16_t n_int;             /* digits before the point, capped */
    uint16_t n_frac;            /* digits behind it, capped */
    bool     nonzero;           /* some digit is not zero */
    uint8_t  past_bits;         /* by divisor: a digit beyond its places is not zero */
    uint16_t unused;            /* no padding: prefixes are compared as bytes */
    uint32_t residue[NUM_DIVISORS];
};

enum { P_START, P_SIGN, P_ZERO, P_INT, P_POINT, P_FRAC };
enum { PREFIX_MAX = 100000 };

struct explorer {
    const struct num_set      *set;
    const struct num_spelling *sp;
    uint16_t                   int_cap, frac_cap;
    struct prefix             *p;
    uint32_t                   n, cap;
    uint32_t                  *slot;
    uint32_t                   n_slot;
};

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
    return digit_at(d, int_digits(d) - 1 - (int32_t)k);
}

static int order_step(int8_t order, int digit, int end)
{
    return order ? order : (digit > end) - (digit < end);
}

static bool read_digit(const struct explorer *x, struct prefix *p, int digit)
{
    const struct decimal *end[2] = { &x->set->lo, &x->set->hi };
    bool frac = p->phase == P_POINT || p->phase == P_FRAC;
    for (int k = 0; k < 2; k++) {
        int want = frac ? digit_at(end[k], -1 - (int32_t)p->n_frac) : end_digit(end[k], p->n_int);
        if (frac ? p->n_frac < x->frac_cap : p->n_int < x->int_cap)
            p->order[k] = (int8_t)order_step(p->order[k], digit, want);
        else if (frac)
            p->order[k] = (int8_t)(p->order[k] ? p->order[k] : digit > 0);
    }
    for (uint32_t i = 0; i < x->set->n_div; i++) {
        const struct num_divisor *d = &x->set->div[i];
        if (frac && p->n_frac >= d->places) {
            if (digit)
                p->past_bits |= (uint8_t)(1u << i);
        } else {
            p->residue[i] = (uint32_t)(((uint64_t)p->residue[i] * 10 + (unsigned)digit) % d->m);
        }
    }
    p->nonzero |= digit != 0;
    if (frac) {
        if (p->n_frac < x->frac_cap)
            p->n_frac++;
        p->phase = P_FRAC;
        return true;
    }
    if (p->n_int < x->int_cap)
        p->n_int++;
    p->phase = p->n_int == 1 && !digit ? P_ZERO : P_INT;
    return true;
}

/* Leading digits are compared as if both had the same number; with fewer or more digits than the
 * end the count decides.  Called when the integer part is over. */
static int full_order(const struct prefix *p, int k, const struct decimal *end)
{
    int32_t n = int_digits(end);
    if (p->n_int != n)
        return p->n_int < n ? -1 : 1;
    return p->order[k];
}

static void end_integer(const struct explorer *x, struct prefix *p)
{
    p->order[0] = (int8_t)full_order(p, 0, &x->set->lo);
    p->order[1] = (int8_t)full_order(p, 1, &x->set->hi);
    p->n_int = 0;
}

/* The literal may end here and is a member. */
static bool member(const struct explorer *x, const struct prefix *in)
{
    struct prefix p = *in;
    const struct num_set *s = x->set;
    if (p.phase != P_ZERO && p.phase != P_INT && p.phase != P_FRAC)
        return false;
    if (p.phase != P_FRAC ? x->sp->min_frac > 0 : p.n_frac < x->sp->min_frac)
        return false;
    if (p.negative && !p.nonzero)
        return false;
    uint16_t n_frac = p.phase == P_FRAC ? p.n_frac : 0;
    if (p.phase != P_FRAC)
        end_integer(x, &p);
    const struct decimal *end[2] = { &s->lo, &s->hi };
    for (int k = 0; k < 2; k++) {
        if (!(k ? s->has_hi : s->has_lo))
            continue;
        int c = p.order[k];
        if (!c && frac_digits(end[k]) > n_frac)
            c = -1;
        if (!p.nonzero)             /* zero against the end's sign */
            c = !end[k]->n ? 0 : end[k]->negative ? 1 : -1;
        else if (p.negative != end[k]->negative)
            c = p.negative ? -1 : 1;
        else if (p.negative)
            c = -c;
        bool open = k ? s->hi_open : s->lo_open;
        if (k ? c > 0 : c < 0)
            return false;
        if (!c && open)
            return false;
    }
    for (uint32_t i = 0; i < s->n_div; i++) {
        uint64_t r = p.residue[i];
        for (uint32_t k = n_frac; k < s->div[i].places; k++)
            r = r * 10 % s->div[i].m;
        bool multiple = !r && !(p.past_bits >> i & 1);
        if (multiple == s->div[i].negated)
            return false;
    }
    return true;
}

/* No literal that begins so is a member: the sign or the number of digits is beyond an end. */
static bool beyond(const struct explorer *x, const struct prefix *p)
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

/* Bring prefixes with equal futures together. */
static void reduce(const struct explorer *x, struct prefix *p)
{
    const struct num_set *s = x->set;
    for (int k = 0; k < 2; k++)
        if (!(k ? s->has_hi : s->has_lo))
            p->order[k] = 0;
    for (uint32_t i = 0; i < s->n_div; i++)
        if (p->past_bits >> i & 1)
            p->residue[i] = 0;
}

static bool read_symbol(const struct explorer *x, const struct prefix *from, int sym, struct prefix *p)
{
    *p = *from;
    if (sym == 10) {
        if (p->phase != P_START)
            return false;
        p->phase = P_SIGN;
        p->negative = true;
        return true;
    }
    if (sym == 11) {
        if ((p->phase != P_ZERO && p->phase != P_INT) || !x->sp->max_frac)
            return false;
        end_integer(x, p);
        p->phase = P_POINT;
        reduce(x, p);
        return true;
    }
    if (p->phase == P_ZERO)
        return false;
    if (p->phase == P_INT && x->sp->max_int >= 0 && p->n_int >= x->sp->max_int)
        return false;
    if (p->phase == P_FRAC && x->sp->max_frac >= 0 && p->n_frac >= x->sp->max_frac)
        return false;
    read_digit(x, p, sym);
    if (beyond(x, p))
        return false;
    reduce(x, p);
    return true;
}

static uint32_t add_prefix(struct explorer *x, const struct prefix *p)
{
    if ((x->n + 1) * 2 > x->n_slot) {
        uint32_t n = x->n_slot ? x->n_slot * 2 : 128;
        uint32_t *slot = mem_calloc(n, sizeof *slot);
        if (!slot)
            return 0;
        for (uint32_t i = 1; i < x->n; i++) {
            uint32_t k = (uint32_t)hash_bytes(&x->p[i], sizeof *p) & (n - 1);
            while (slot[k])
                k = (k + 1) & (n - 1);
            slot[k] = i;
        }
        mem_free(x->slot);
        x->slot = slot;
        x->n_slot = n;
    }
    uint32_t k = (uint32_t)hash_bytes(p, sizeof *p) & (x->n_slot - 1);
    for (; x->slot[k]; k = (k + 1) & (x->n_slot - 1))
        if (!memcmp(&x->p[x->slot[k]], p, sizeof *p))
            return x->slot[k];
    struct prefix *slot = array_push(&x->p, &x->n, &x->cap, sizeof *slot);
    if (!slot)
        return 0;
    memcpy(slot, p, sizeof *p);
    x->slot[k] = x->n - 1;
    return x->n - 1;
}

/* Distances to a member, backwards over the edges until nothing changes. */
static enum status measure(struct num_dfa *d, struct error *err)
{
    uint32_t n = d->n, n_edge = 0;
    uint32_t *first = mem_calloc(n + 1ul, sizeof *first), *queue = mem_calloc(n + 1ul, sizeof *queue);
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
                d->dist[q] = (uint16_t)(d->dist[i] + 1 < UINT16_MAX ? d->dist[i] + 1 : UINT16_MAX - 1);
                queue[tail++] = q;
            }
        }
    }
    mem_free(from);
    mem_free(first);
    mem_free(queue);
    return ST_OK;
}

static enum status explore(struct explorer *x, struct num_dfa *d, struct error *err)
{
    struct prefix none, start;
    memset(&none, 0xff, sizeof none);
    memset(&start, 0, sizeof start);
    struct prefix *zero = array_push(&x->p, &x->n, &x->cap, sizeof *zero);
    if (!zero)
        return error_nomem(err);
    memcpy(zero, &none, sizeof none);
    if (!add_prefix(x, &start))
        return error_nomem(err);
    uint32_t cap = 0, n_next = 0;
    for (uint32_t i = 0; i < x->n; i++) {
        if (!array_reserve(&d->next, &cap, n_next + NUM_SYMBOLS, sizeof *d->next))
            return error_nomem(err);
        for (int sym = 0; sym < NUM_SYMBOLS; sym++) {
            struct prefix p;
            uint32_t to = 0;
            if (i) {
                struct prefix here = x->p[i];
                if (read_symbol(x, &here, sym, &p) && !(to = add_prefix(x, &p)))
                    return error_nomem(err);
            }
            d->next[n_next++] = to;
        }
        if (x->n > PREFIX_MAX)
            return error_code(err, ST_LIMIT, "E0402", "a number range needs too many states");
    }
    d->n = x->n;
    return ST_OK;
}

static enum status finish(struct explorer *x, struct num_dfa *d, struct error *err)
{
    d->dist = mem_calloc(d->n, sizeof *d->dist);
    d->accept = mem_calloc(d->n, 1);
    d->more = mem_calloc(d->n, 1);
    if (!d->dist || !d->accept || !d->more)
        return error_nomem(err);
    for (uint32_t i = 1; i < d->n; i++)
        d->accept[i] = member(x, &x->p[i]);
    enum status st = measure(d, err);
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

enum status num_dfa_new(const struct num_set *s, const struct num_spelling *sp,
                        struct num_dfa **ret, struct error *err)
{
    struct explorer x = { .set = s, .sp = sp };
    int32_t n_int = 1, n_frac = 0;
    for (int k = 0; k < 2; k++) {
        const struct decimal *e = k ? &s->hi : &s->lo;
        if (!(k ? s->has_hi : s->has_lo))
            continue;
        n_int = int_digits(e) > n_int ? int_digits(e) : n_int;
        n_frac = frac_digits(e) > n_frac ? frac_digits(e) : n_frac;
    }
    for (uint32_t i = 0; i < s->n_div; i++) {
        n_frac = (int32_t)s->div[i].places > n_frac ? (int32_t)s->div[i].places : n_frac;
        if (s->div[i].m > UINT32_MAX || s->div[i].places > 60)
            return error_code(err, ST_LIMIT, "E0402", "a divisor is too large");
    }
    n_int = sp->max_int > n_int ? sp->max_int : n_int;
    n_frac = sp->max_frac > n_frac ? sp->max_frac : n_frac;
    n_frac = sp->min_frac > n_frac ? sp->min_frac : n_frac;
    if (n_int > 400 || n_frac > 400)
        return error_code(err, ST_LIMIT, "E0402", "a number bound is too long");
    x.int_cap = (uint16_t)(n_int + 1);
    x.frac_cap = (uint16_t)(n_frac + 1);

    struct num_dfa *d = mem_zalloc(sizeof *d);
    enum status st = d ? ST_OK : error_nomem(err);
    if (st == ST_OK)
        st = explore(&x, d, err);
    if (st == ST_OK)
        st = finish(&x, d, err);
    mem_free(x.p);
    mem_free(x.slot);
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
