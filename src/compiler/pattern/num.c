/* num.c - decimal numbers of any length, and sets of them: an interval with divisors.
 *
 * Divisors that meet are brought to the fewest that say the same, so that an automaton of the set
 * (num_dfa.c) has no more states than it needs and a contradiction is seen without one. */
#include "compiler/pattern/num.h"

#include <string.h>

#include "base/hash.h"

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

int decimal_digit(const struct decimal *d, int32_t i)
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
        str_addc(out, (char)('0' + decimal_digit(d, i)));
    if (d->n > d->exp)
        str_addc(out, '.');
    for (int32_t i = -1; i >= d->exp - d->n; i--)
        str_addc(out, (char)('0' + decimal_digit(d, i)));
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
        v = v * 10 + (uint64_t)decimal_digit(d, i);
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
        r = (uint64_t)(((unsigned __int128)r * 10 + (unsigned)decimal_digit(x, i)) % m);
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

/* A divisor as f * 2^two * 5^five, f prime to ten. */
struct factors {
    uint64_t f;
    int32_t  two, five;
    bool     negated;
};

struct factor_list {
    struct factors k[2 * NUM_DIVISORS];
    uint32_t       n;
};

uint64_t num_gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static struct factors split(const struct num_divisor *d)
{
    struct factors k = { d->m, -(int32_t)d->places, -(int32_t)d->places, d->negated };
    for (; k.f % 2 == 0; k.two++)
        k.f /= 2;
    for (; k.f % 5 == 0; k.five++)
        k.f /= 5;
    return k;
}

/* False: too large for a divisor. */
static bool join(const struct factors *k, struct num_divisor *ret)
{
    int32_t places = k->two < k->five ? -k->two : -k->five;
    uint64_t m = k->f;
    places = places > 0 ? places : 0;
    for (int32_t i = k->two + places; i > 0 && m <= UINT32_MAX; i--)
        m *= 2;
    for (int32_t i = k->five + places; i > 0 && m <= UINT32_MAX; i--)
        m *= 5;
    *ret = (struct num_divisor){ m, (uint32_t)places, k->negated };
    return m <= UINT32_MAX && places <= NUM_PLACES;
}

/* Every multiple of b is one of a. */
static bool divides(const struct factors *a, const struct factors *b)
{
    return b->f % a->f == 0 && a->two <= b->two && a->five <= b->five;
}

static int32_t most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* What k asks of multiples of p: only the primes count that k has more often. */
static struct factors beside(const struct factors *k, const struct factors *p)
{
    struct factors r = *k;
    uint64_t more = k->f / num_gcd(k->f, p->f), rest = k->f;
    for (uint64_t c = num_gcd(rest, more); c > 1; c = num_gcd(rest, more))
        rest /= c;
    r.f = k->f / rest;
    if (k->two <= p->two && k->two > 0)
        r.two = 0;
    if (k->five <= p->five && k->five > 0)
        r.five = 0;
    return r;
}

static void drop(struct factor_list *l, uint32_t i)
{
    l->k[i] = l->k[--l->n];
}

/* Divisors that hold together become their least common multiple where it is not too large. */
static void unite_positive(struct factor_list *l)
{
    struct num_divisor fits;
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t j = i + 1; j < l->n;) {
            const struct factors *a = &l->k[i], *b = &l->k[j];
            struct factors both = { 0 };
            if (!a->negated && !b->negated && a->f <= UINT32_MAX && b->f <= UINT32_MAX)
                both = (struct factors){ a->f / num_gcd(a->f, b->f) * b->f, most(a->two, b->two),
                                         most(a->five, b->five), false };
            if (!both.f || !join(&both, &fits)) {
                j++;
                continue;
            }
            l->k[i] = both;
            drop(l, j);
            j = i + 1;
        }
}

/* Negated ones lose what the others say already.  False: they leave nothing. */
static bool thin_negated(struct factor_list *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t j = 0; j < l->n && l->k[i].negated; j++)
            if (!l->k[j].negated) {
                if (divides(&l->k[i], &l->k[j]))
                    return false;
                l->k[i] = beside(&l->k[i], &l->k[j]);
            }
    for (uint32_t i = 0; i < l->n; i++)
        for (uint32_t j = 0; j < l->n;)
            if (i != j && l->k[i].negated && l->k[j].negated && divides(&l->k[i], &l->k[j])) {
                drop(l, j);
                if (i == l->n)
                    i = j;
                j = 0;
            } else {
                j++;
            }
    return true;
}

static bool meet_divisors(struct num_set *s, const struct num_set *t)
{
    struct factor_list l = { 0 };
    if (!t->n_div || s->empty)
        return true;
    for (uint32_t i = 0; i < s->n_div; i++)
        l.k[l.n++] = split(&s->div[i]);
    for (uint32_t i = 0; i < t->n_div; i++)
        l.k[l.n++] = split(&t->div[i]);
    unite_positive(&l);
    s->empty = t->empty || !thin_negated(&l);
    if (l.n > NUM_DIVISORS)
        return false;
    s->n_div = l.n;
    for (uint32_t i = 0; i < l.n; i++)
        if (!join(&l.k[i], &s->div[i]))
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
    return meet_divisors(s, t);
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
    return hash_combine(hash_bytes(d->digit, d->n),
                        hash_u64((uint64_t)(uint32_t)d->exp << 1 | d->negative));
}

uint64_t num_key(const struct num_set *s, const struct num_spelling *sp)
{
    uint64_t h = hash_u64((uint64_t)s->has_lo | (uint64_t)s->has_hi << 1 |
                          (uint64_t)s->lo_open << 2 | (uint64_t)s->hi_open << 3 |
                          (uint64_t)s->empty << 4 | (uint64_t)s->n_div << 5);
    if (s->has_lo)
        h = hash_combine(h, decimal_hash(&s->lo));
    if (s->has_hi)
        h = hash_combine(h, decimal_hash(&s->hi) + 1);
    for (uint32_t i = 0; i < s->n_div; i++)
        h = hash_combine(h, hash_combine(s->div[i].m, (uint64_t)s->div[i].places << 1 |
                                                      s->div[i].negated));
    return hash_combine(h, hash_bytes(sp, sizeof *sp));
}
