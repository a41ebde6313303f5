/* schema_format.c - the table of formats: each is a regular expression over the whole string.
 *
 * A row that is `narrow` describes a part of the format's values, which is sound for decoding and
 * not for a negation.  A format that is not in the table asserts nothing. */

#include "compiler/pattern/regex.h"
#include "compiler/pattern/schema_data.h"

#define LEAP "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
#define DATE "(?:" LEAP "-02-29|[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|" \
             "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])))"
#define OFFSET "(?:[zZ]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
#define TIME "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?" OFFSET \
             "|23:59:60(?:\\.[0-9]+)?(?:[zZ]|[+-]00:00))"
#define CLOCK "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
#define DURATION "P(?:(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)(?:" CLOCK ")?|" \
                 CLOCK "|[0-9]+W)"

#define OCTET "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
#define IPV4 OCTET "\\." OCTET "\\." OCTET "\\." OCTET
#define H16 "[0-9A-Fa-f]{1,4}"
#define LS32 "(?:" H16 ":" H16 "|" IPV4 ")"
#define IPV6 "(?:(?:" H16 ":){6}" LS32 "|::(?:" H16 ":){5}" LS32 "|(?:" H16 ")?::(?:" H16 ":){4}" LS32 \
             "|(?:(?:" H16 ":){0,1}" H16 ")?::(?:" H16 ":){3}" LS32 \
             "|(?:(?:" H16 ":){0,2}" H16 ")?::(?:" H16 ":){2}" LS32 \
             "|(?:(?:" H16 ":){0,3}" H16 ")?::" H16 ":" LS32 \
             "|(?:(?:" H16 ":){0,4}" H16 ")?::" LS32 \
             "|(?:(?:" H16 ":){0,5}" H16 ")?::" H16 "|(?:(?:" H16 ":){0,6}" H16 ")?::)"

/* Labels have no "--" in places 3 and 4.  The bounds on whole names are put into the number of labels
 * and their lengths, so that no state has to remember the length of the text: with look-ahead every
 * character read would make states that nobody has met before. */
#define AN "[A-Za-z0-9]"
#define ANH "[A-Za-z0-9-]"
#define LABEL_OF(most) AN "(?:" AN "|" ANH AN "|" ANH "(?:" AN "{2}|-" AN ")|" \
                       ANH "(?:" AN ANH "|-" AN ")" ANH "{0," most "}" AN ")?"
#define LABEL LABEL_OF("58")
#define HOSTNAME "(?:" LABEL_OF("56") "(?:\\." LABEL "){0,3}|" LABEL_OF("15") "(?:\\." LABEL_OF("15") "){0,11})"
#define IDN_CHAR "\\p{Ll}\\p{Lm}\\p{Lo}\\p{Lu}\\p{Nd}"
#define IDN_LABEL "[" IDN_CHAR "](?:[" IDN_CHAR "\\p{Mn}\\p{Mc}]{0,30}[" IDN_CHAR "](?:-[" IDN_CHAR "]+)?)?"
#define IDN_SAFE "(?!.*[\\u00b7\\u0375\\u05f3\\u05f4\\u30fb\\u0640\\u07fa\\u302e\\u302f\\u3031-\\u3035" \
                 "\\u303b\\u0590-\\u08ff\\ufb1d-\\ufdff\\ufe70-\\ufefe\\u{10800}-\\u{10fff}\\u{1e800}-\\u{1efff}\\u0660-\\u0669\\u06f0-\\u06f9\\u0130-\\u0131\\u00df\\u03c2])"
#define IDN_HOSTNAME IDN_SAFE IDN_LABEL "(?:\\." IDN_LABEL "){0,6}"
#define ATEXT "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
#define LOCAL "(?:" ATEXT "{1,64}|" ATEXT "{1,31}\\." ATEXT "{1,32}|" ATEXT "{1,20}(?:\\." ATEXT "{1,20}){1,2}|" \
              ATEXT "{1,15}(?:\\." ATEXT "{1,15}){1,3}|" ATEXT "{1,7}(?:\\." ATEXT "{1,7}){1,7}" \
              "|\"(?:[ !#-\\[\\]-~]|\\\\[ -~]){0,31}\")"
#define DOMAIN "(?:" HOSTNAME "|\\[(?:" IPV4 "|IPv6:" IPV6 ")\\])"
#define EMAIL LOCAL "@" DOMAIN
#define UTEXT "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\u{10ffff}-]"
#define IDN_EMAIL UTEXT "{1,32}(?:\\." UTEXT "{1,15}){0,2}@" IDN_LABEL "(?:\\." IDN_LABEL "){0,6}"

/* RFC 3986; U adds what RFC 3987 allows beyond ASCII, P what it allows in a query. */
#define UCS "\\u00a0-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\uffef\\u{10000}-\\u{1fffd}\\u{20000}-\\u{2fffd}" \
            "\\u{30000}-\\u{3fffd}\\u{40000}-\\u{4fffd}\\u{50000}-\\u{5fffd}\\u{60000}-\\u{6fffd}" \
            "\\u{70000}-\\u{7fffd}\\u{80000}-\\u{8fffd}\\u{90000}-\\u{9fffd}\\u{a0000}-\\u{afffd}" \
            "\\u{b0000}-\\u{bfffd}\\u{c0000}-\\u{cfffd}\\u{d0000}-\\u{dfffd}\\u{e1000}-\\u{efffd}"
#define UCSP UCS "\\ue000-\\uf8ff\\u{f0000}-\\u{ffffd}\\u{100000}-\\u{10fffd}"
#define PCT "%[0-9A-Fa-f]{2}"
#define PCHAR(u) "(?:[A-Za-z0-9._~!$&'()*+,;=:@" u "-]|" PCT ")"
#define SEG_NC(u) "(?:[A-Za-z0-9._~!$&'()*+,;=@" u "-]|" PCT ")+"
#define QUERY(u, p) "(?:\\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?" p "-]|" PCT ")*)?" \
                    "(?:#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?" u "-]|" PCT ")*)?"
#define IPVF "[vV][0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+,;=:-]+"
#define AUTHORITY(u) "(?:(?:[A-Za-z0-9._~!$&'()*+,;=:" u "-]|" PCT ")*@)?(?:\\[(?:" IPV6 "|" IPVF ")\\]|" \
                     "(?:[A-Za-z0-9._~!$&'()*+,;=" u "-]|" PCT ")*)(?::[0-9]*)?"
#define ABEMPTY(u) "(?:/" PCHAR(u) "*)*"
#define ABSOLUTE(u) "/(?:" PCHAR(u) "+" ABEMPTY(u) ")?"
#define URI(u, p) "[A-Za-z][A-Za-z0-9+.-]*:(?://" AUTHORITY(u) ABEMPTY(u) "|" ABSOLUTE(u) "|" PCHAR(u) "+" \
                  ABEMPTY(u) ")?" QUERY(u, p)
#define RELATIVE(u, p) "(?://" AUTHORITY(u) ABEMPTY(u) "|" ABSOLUTE(u) "|" SEG_NC(u) ABEMPTY(u) ")?" QUERY(u, p)

#define VARCHAR "(?:[A-Za-z0-9_]|" PCT ")"
#define VARSPEC VARCHAR "+(?:\\." VARCHAR "+)*(?::[1-9][0-9]{0,3}|\\*)?"
#define URI_TEMPLATE "(?:[!#$&-;=?-\\[\\]_a-z~\\u00a0-\\ud7ff\\ue000-\\u{10ffff}]|" PCT \
                     "|\\{[+#./;?&=,!@|]?" VARSPEC "(?:," VARSPEC ")*\\})*"
#define POINTER "(?:/(?:[^/~]|~[01])*)*"

/* Regular expressions of a plain kind: groups nested up to three. */
#define RX_ESCAPE "\\\\[dDwWsSntrfv/.\\\\()\\[\\]{}*+?|^$-]"
#define RX_CHAR "(?:[^\\\\()\\[\\]{}*+?|^$.]|\\.|" RX_ESCAPE \
                "|\\[\\^?(?:a-z|A-Z|a-f|A-F|0-9|[1-8]-9|0-[1-8]|[^\\\\\\[\\]^-]|" RX_ESCAPE ")+-?\\])"
#define RX_QUANT "(?:[*+?]\\??|\\{(?:[0-9]{1,3},?|[01],[1-9]|[0-9],[1-9][0-9]{1,2})\\})?"
#define RX_0 "(?:" RX_CHAR RX_QUANT "|[\\^$])*"
#define RX_1 "(?:(?:" RX_CHAR "|\\((?:\\?[:=!])?" RX_0 "(?:\\|" RX_0 ")*\\))" RX_QUANT "|[\\^$])*"
#define RX_2 "(?:(?:" RX_CHAR "|\\((?:\\?[:=!])?" RX_1 "(?:\\|" RX_1 ")*\\))" RX_QUANT "|[\\^$])*"
#define RX_ALL RX_2 "(?:\\|" RX_2 ")*"

struct format_row {
    const char *name;
    const char *regex;
    bool        narrow;
};

static const struct format_row rows[] = {
    { "date", DATE, false },
    { "time", TIME, true },
    { "date-time", DATE "[tT]" TIME, true },
    { "duration", DURATION, false },
    { "email", EMAIL, true },
    { "idn-email", IDN_EMAIL, true },
    { "hostname", HOSTNAME, true },
    { "idn-hostname", IDN_HOSTNAME, true },
    { "ipv4", IPV4, false },
    { "ipv6", IPV6, false },
    { "uuid", "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", false },
    { "uri", URI("", ""), false },
    { "uri-reference", "(?:" URI("", "") "|" RELATIVE("", "") ")", false },
    { "iri", URI(UCS, UCSP), false },
    { "iri-reference", "(?:" URI(UCS, UCSP) "|" RELATIVE(UCS, UCSP) ")", false },
    { "uri-template", URI_TEMPLATE, false },
    { "json-pointer", POINTER, false },
    { "relative-json-pointer", "(?:0|[1-9][0-9]*)(?:#|" POINTER ")", false },
    { "regex", RX_ALL, true },
};

bool schema_format_expr(struct schema *s, struct slice name, uint32_t *ret_expr, bool *ret_narrow)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t known;
        if (!slice_is(name, rows[i].name))
            continue;
        *ret_narrow = rows[i].narrow;
        if (idmap_get(&s->formats, i, &known)) {
            *ret_expr = (uint32_t)known;
            return true;
        }
        struct error why = { 0 };
        enum status st = regex_compile(&s->r->t.ex, slice_of(rows[i].regex), REGEX_GEN, SHAPE_DOTALL,
                                       ret_expr, &why);
        if (st != ST_OK && s->st == ST_OK)
            s->st = error_code(s->err, st, "E0402", "format %s: %s", rows[i].name, why.text);
        if (st == ST_OK && !idmap_put(&s->formats, i, *ret_expr))
            schema_nomem(s);
        return true;
    }
    return false;
}
