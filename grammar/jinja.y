/* jinja.y - the template language of chat templates, as far as they use it.
 *
 * A rule calls one constructor of jinja_parse.c and decides nothing.  Nodes lie in the arena of
 * the template, so nothing has a destructor.  The layers of an expression are those of the
 * reference: a filter or a test binds to the operand in front of it ("a + b|f" is a + (b|f)). */
%name jinja_parser
%token_prefix JK_
%token_type { struct jinja_token }
%extra_argument { struct jinja_build *b }
%include {
#include "runtime/chat/jinja.h"
}

%syntax_error { jinja_syntax_error(b, yymajor, &TOKEN); }
%parse_failure { jinja_syntax_error(b, 0, NULL); }
%stack_overflow { jinja_too_deep(b); }
%stack_size 1000

/* "call (x) f()" begins with a signature, "is divisibleby 3" takes its argument. */
%nonassoc SHORT.
%nonassoc LPAREN NAME.

%default_type { struct jn * }
%type body { struct jn_list }
%type elifs { struct jn_list }
%type exprs { struct jn_list }
%type or_exprs { struct jn_list }
%type args { struct jn_list }
%type arg_list { struct jn_list }
%type params { struct jn_list }
%type param_list { struct jn_list }
%type signature { struct jn_list }
%type pairs { struct jn_list }
%type pair_list { struct jn_list }
%type targets { struct jn_list }
%type bindings { struct jn_list }
%type binding_list { struct jn_list }
%type set_filters { struct jn_list }
%type else_body { struct jn_list }
%type chain { struct jn_list }
%type concats { struct jn_list }
%type strings { struct jn_list }

template ::= body(B). { b->root = B; }

body(L) ::= . { L = jn_none(); }
body(L) ::= body(A) stmt(S). { L = jn_append(b, A, S); }

stmt(S) ::= TEXT(T). { S = jn_text(b, T); }
stmt(S) ::= VAR_BEGIN(T) tuple(E) VAR_END. { S = jn_one(b, JN_OUTPUT, T, E); }
stmt(S) ::= TAG_IF(T) tuple(C) END body(B) elifs(L) else_body(E) TAG_ENDIF END.
    { S = jn_if(b, T, C, B, L, E); }
stmt(S) ::= TAG_FOR(T) target(V) IN for_iter(I) for_if(C) for_rest END body(B) else_body(E) TAG_ENDFOR END.
    { S = jn_for(b, T, V, I, C, B, E); }
stmt(S) ::= TAG_SET(T) set_target(V) ASSIGN tuple(E) END. { S = jn_two(b, JN_SET, T, V, E); }
stmt(S) ::= TAG_SET(T) set_target(V) set_filters(F) END body(B) TAG_ENDSET END.
    { S = jn_block(b, JN_SETBLOCK, T, V, F, B); }
stmt(S) ::= TAG_MACRO(T) NAME(N) LPAREN params(P) RPAREN END body(B) TAG_ENDMACRO END.
    { S = jn_macro(b, T, N, P, B); }
stmt(S) ::= TAG_CALL(T) signature(P) call_target(C) END body(B) TAG_ENDCALL END.
    { S = jn_block(b, JN_CALLBLOCK, T, C, P, B); }
stmt(S) ::= TAG_FILTER(T) filter_chain(F) END body(B) TAG_ENDFILTER END.
    { S = jn_block(b, JN_FILTERBLOCK, T, F, jn_none(), B); }
stmt(S) ::= TAG_WITH(T) bindings(L) END body(B) TAG_ENDWITH END.
    { S = jn_block(b, JN_WITH, T, NULL, L, B); }
stmt(S) ::= TAG_GENERATION(T) END body(B) TAG_ENDGENERATION END.
    { S = jn_block(b, JN_GENERATION, T, NULL, jn_none(), B); }
stmt(S) ::= TAG_BREAK(T) END. { S = jn_one(b, JN_BREAK, T, NULL); }
stmt(S) ::= TAG_CONTINUE(T) END. { S = jn_one(b, JN_CONTINUE, T, NULL); }

elifs(L) ::= . { L = jn_none(); }
elifs(L) ::= elifs(A) TAG_ELIF(T) tuple(C) END body(B).
    { L = jn_append(b, A, jn_block(b, JN_BRANCH, T, C, jn_none(), B)); }
else_body(L) ::= . { L = jn_none(); }
else_body(L) ::= TAG_ELSE END body(B). { L = B; L.present = true; }

for_iter(E) ::= or_expr(A). { E = A; }
for_iter(E) ::= or_exprs(L). { E = jn_list(b, JN_TUPLE, L); }
or_exprs(L) ::= or_expr(A) COMMA or_expr(B). { L = jn_append(b, jn_append(b, jn_none(), A), B); }
or_exprs(L) ::= or_exprs(A) COMMA or_expr(B). { L = jn_append(b, A, B); }
for_if(E) ::= . { E = NULL; }
for_if(E) ::= IF expr(A). { E = A; }
for_rest(E) ::= . { E = NULL; }
for_rest(E) ::= NAME(T). { E = NULL; jinja_for_rest(b, &T); }

target(E) ::= one_target(A). { E = A; }
target(E) ::= targets(L). { E = jn_list(b, JN_TUPLE, L); }
target(E) ::= targets(L) COMMA. { E = jn_list(b, JN_TUPLE, L); }
target(E) ::= one_target(A) COMMA. { E = jn_list(b, JN_TUPLE, jn_append(b, jn_none(), A)); }
targets(L) ::= one_target(A) COMMA one_target(B).
    { L = jn_append(b, jn_append(b, jn_none(), A), B); }
targets(L) ::= targets(A) COMMA one_target(B). { L = jn_append(b, A, B); }
one_target(E) ::= NAME(T). { E = jn_name(b, T); }
one_target(E) ::= LPAREN target(A) RPAREN. { E = A; }
set_target(E) ::= target(A). { E = A; }
set_target(E) ::= NAME(T) DOT NAME(N). { E = jn_attr(b, jn_name(b, T), N); }

set_filters(L) ::= . { L = jn_none(); }
set_filters(L) ::= set_filters(A) PIPE filter(F). { L = jn_append(b, A, F); }
filter_chain(E) ::= filter(F). { E = jn_filter(b, NULL, F); }
filter_chain(E) ::= filter_chain(A) PIPE filter(F). { E = jn_filter(b, A, F); }

signature(L) ::= . [SHORT] { L = jn_none(); }
signature(L) ::= LPAREN params(P) RPAREN. { L = P; }
call_target(E) ::= postfix(A). { E = jn_expect_call(b, A); }

params(L) ::= . { L = jn_none(); }
params(L) ::= param_list(A). { L = A; }
param_list(L) ::= param(A). { L = jn_append(b, jn_none(), A); }
param_list(L) ::= param_list(A) COMMA param(P). { L = jn_append(b, A, P); }
param(E) ::= NAME(T). { E = jn_named(b, JN_PARAM, T, NULL); }
param(E) ::= NAME(T) ASSIGN expr(A). { E = jn_named(b, JN_PARAM, T, A); }

bindings(L) ::= . { L = jn_none(); }
bindings(L) ::= binding_list(A). { L = A; }
binding_list(L) ::= binding(A). { L = jn_append(b, jn_none(), A); }
binding_list(L) ::= binding_list(A) COMMA binding(B). { L = jn_append(b, A, B); }
binding(E) ::= target_name(V) ASSIGN expr(A). { E = jn_bind(b, V, A); }
target_name(E) ::= NAME(T). { E = jn_name(b, T); }

/* Expressions, from the loosest to the tightest. */
tuple(E) ::= expr(A). { E = A; }
tuple(E) ::= expr(A) COMMA. { E = jn_list(b, JN_TUPLE, jn_append(b, jn_none(), A)); }
tuple(E) ::= expr(A) COMMA exprs(L). { E = jn_list(b, JN_TUPLE, jn_prepend(b, A, L)); }
tuple(E) ::= expr(A) COMMA exprs(L) COMMA. { E = jn_list(b, JN_TUPLE, jn_prepend(b, A, L)); }
exprs(L) ::= expr(A). { L = jn_append(b, jn_none(), A); }
exprs(L) ::= exprs(A) COMMA expr(B). { L = jn_append(b, A, B); }

expr(E) ::= or_expr(A). { E = A; }
expr(E) ::= or_expr(A) IF(T) or_expr(C) ELSE expr(B). { E = jn_three(b, JN_COND, T, A, C, B); }
expr(E) ::= or_expr(A) IF(T) or_expr(C). { E = jn_three(b, JN_COND, T, A, C, NULL); }

or_expr(E) ::= and_expr(A). { E = A; }
or_expr(E) ::= or_expr(A) OR(T) and_expr(B). { E = jn_two(b, JN_OR, T, A, B); }
and_expr(E) ::= not_expr(A). { E = A; }
and_expr(E) ::= and_expr(A) AND(T) not_expr(B). { E = jn_two(b, JN_AND, T, A, B); }
not_expr(E) ::= compare(A). { E = A; }
not_expr(E) ::= NOT(T) not_expr(A). { E = jn_one(b, JN_NOT, T, A); }

compare(E) ::= arith(A). { E = A; }
compare(E) ::= arith(A) chain(L). { E = jn_compare(b, A, L); }
chain(L) ::= operand(A). { L = jn_append(b, jn_none(), A); }
chain(L) ::= chain(A) operand(B). { L = jn_append(b, A, B); }
operand(E) ::= EQ(T) arith(A). { E = jn_op(b, J_EQ, T, NULL, A); }
operand(E) ::= NE(T) arith(A). { E = jn_op(b, J_NE, T, NULL, A); }
operand(E) ::= LT(T) arith(A). { E = jn_op(b, J_LT, T, NULL, A); }
operand(E) ::= LE(T) arith(A). { E = jn_op(b, J_LE, T, NULL, A); }
operand(E) ::= GT(T) arith(A). { E = jn_op(b, J_GT, T, NULL, A); }
operand(E) ::= GE(T) arith(A). { E = jn_op(b, J_GE, T, NULL, A); }
operand(E) ::= IN(T) arith(A). { E = jn_op(b, J_IN, T, NULL, A); }
operand(E) ::= NOT(T) IN arith(A). { E = jn_op(b, J_NOT_IN, T, NULL, A); }

arith(E) ::= concat(A). { E = A; }
arith(E) ::= arith(A) PLUS(T) concat(B). { E = jn_op(b, J_ADD, T, A, B); }
arith(E) ::= arith(A) MINUS(T) concat(B). { E = jn_op(b, J_SUB, T, A, B); }
concat(E) ::= term(A). { E = A; }
concat(E) ::= concats(L). { E = jn_list(b, JN_CONCAT, L); }
concats(L) ::= term(A) TILDE term(B). { L = jn_append(b, jn_append(b, jn_none(), A), B); }
concats(L) ::= concats(A) TILDE term(B). { L = jn_append(b, A, B); }
term(E) ::= power(A). { E = A; }
term(E) ::= term(A) MUL(T) power(B). { E = jn_op(b, J_MUL, T, A, B); }
term(E) ::= term(A) DIV(T) power(B). { E = jn_op(b, J_DIV, T, A, B); }
term(E) ::= term(A) FLOORDIV(T) power(B). { E = jn_op(b, J_FLOORDIV, T, A, B); }
term(E) ::= term(A) MOD(T) power(B). { E = jn_op(b, J_MOD, T, A, B); }
power(E) ::= filtered(A). { E = A; }
power(E) ::= power(A) POW(T) filtered(B). { E = jn_op(b, J_POW, T, A, B); }

filtered(E) ::= unary(A). { E = A; }
filtered(E) ::= filtered(A) PIPE filter(F). { E = jn_filter(b, A, F); }
filtered(E) ::= filtered(A) IS test(F). { E = jn_test(b, A, F); }
filtered(E) ::= filtered(A) IS NOT(T) test(F). { E = jn_one(b, JN_NOT, T, jn_test(b, A, F)); }
unary(E) ::= postfix(A). { E = A; }
unary(E) ::= MINUS(T) unary(A). { E = jn_one(b, JN_NEG, T, A); }
unary(E) ::= PLUS(T) unary(A). { E = jn_one(b, JN_POS, T, A); }

filter(E) ::= NAME(T). { E = jn_call(b, JN_FILTER, T, NULL, jn_none()); }
filter(E) ::= NAME(T) LPAREN args(L) RPAREN. { E = jn_call(b, JN_FILTER, T, NULL, L); }
test(E) ::= NAME(T). [SHORT] { E = jn_call(b, JN_TEST, T, NULL, jn_none()); }
test(E) ::= NAME(T) LPAREN args(L) RPAREN. { E = jn_call(b, JN_TEST, T, NULL, L); }
test(E) ::= NAME(T) test_arg(A). { E = jn_call(b, JN_TEST, T, NULL, jn_append(b, jn_none(), A)); }
test(E) ::= IN(T) LPAREN args(L) RPAREN. { E = jn_call(b, JN_TEST, T, NULL, L); }
test(E) ::= IN(T) test_arg(A). { E = jn_call(b, JN_TEST, T, NULL, jn_append(b, jn_none(), A)); }
test_arg(E) ::= atom(A). { E = A; }
test_arg(E) ::= test_arg(A) DOT NAME(N). { E = jn_attr(b, A, N); }
test_arg(E) ::= test_arg(A) DOT INT(N). { E = jn_two(b, JN_ITEM, N, A, jn_int(b, N)); }
test_arg(E) ::= test_arg(A) LBRACKET(T) subscript(S) RBRACKET. { E = jn_two(b, JN_ITEM, T, A, S); }
test_arg(E) ::= test_arg(A) LPAREN(T) args(L) RPAREN. { E = jn_call(b, JN_CALL, T, A, L); }

postfix(E) ::= primary(A). { E = A; }
postfix(E) ::= postfix(A) DOT NAME(N). { E = jn_attr(b, A, N); }
postfix(E) ::= postfix(A) DOT INT(N). { E = jn_two(b, JN_ITEM, N, A, jn_int(b, N)); }
postfix(E) ::= postfix(A) LBRACKET(T) subscript(S) RBRACKET. { E = jn_two(b, JN_ITEM, T, A, S); }
postfix(E) ::= postfix(A) LPAREN(T) args(L) RPAREN. { E = jn_call(b, JN_CALL, T, A, L); }

subscript(E) ::= tuple(A). { E = A; }
subscript(E) ::= slice_end(A) COLON(T) slice_end(B). { E = jn_three(b, JN_SLICE, T, A, B, NULL); }
subscript(E) ::= slice_end(A) COLON(T) slice_end(B) COLON slice_end(C).
    { E = jn_three(b, JN_SLICE, T, A, B, C); }
slice_end(E) ::= . { E = NULL; }
slice_end(E) ::= expr(A). { E = A; }

args(L) ::= . { L = jn_none(); }
args(L) ::= arg_list(A). { L = A; }
args(L) ::= arg_list(A) COMMA. { L = A; }
arg_list(L) ::= arg(A). { L = jn_append(b, jn_none(), A); }
arg_list(L) ::= arg_list(A) COMMA arg(B). { L = jn_append(b, A, B); }
arg(E) ::= expr(A). { E = A; }
arg(E) ::= NAME(T) ASSIGN expr(A). { E = jn_named(b, JN_KWARG, T, A); }
arg(E) ::= MUL(T) expr(A). { E = jn_one(b, JN_STAR, T, A); }
arg(E) ::= POW(T) expr(A). { E = jn_one(b, JN_STARSTAR, T, A); }

primary(E) ::= atom(A). { E = A; }
primary(E) ::= LPAREN tuple(A) RPAREN. { E = A; }
primary(E) ::= LPAREN RPAREN. { E = jn_list(b, JN_TUPLE, jn_none()); }
atom(E) ::= NAME(T). { E = jn_name(b, T); }
atom(E) ::= strings(L). { E = jn_string(b, L); }
atom(E) ::= INT(T). { E = jn_int(b, T); }
atom(E) ::= FLOAT(T). { E = jn_float(b, T); }
atom(E) ::= LBRACKET RBRACKET. { E = jn_list(b, JN_LIST, jn_none()); }
atom(E) ::= LBRACKET exprs(L) RBRACKET. { E = jn_list(b, JN_LIST, L); }
atom(E) ::= LBRACKET exprs(L) COMMA RBRACKET. { E = jn_list(b, JN_LIST, L); }
atom(E) ::= LBRACE pairs(L) RBRACE. { E = jn_list(b, JN_DICT, L); }
strings(L) ::= STRING(T). { L = jn_append(b, jn_none(), jn_piece(b, T)); }
strings(L) ::= strings(A) STRING(T). { L = jn_append(b, A, jn_piece(b, T)); }
pairs(L) ::= . { L = jn_none(); }
pairs(L) ::= pair_list(A). { L = A; }
pairs(L) ::= pair_list(A) COMMA. { L = A; }
pair_list(L) ::= pair(A). { L = jn_append(b, jn_none(), A); }
pair_list(L) ::= pair_list(A) COMMA pair(B). { L = jn_append(b, A, B); }
pair(E) ::= expr(K) COLON(T) expr(V). { E = jn_two(b, JN_PAIR, T, K, V); }
