/* sgl.y - the grammar of .sgl, LALR(1) without conflicts.
 *
 * An action is one sentence: it calls one constructor of frontend/ast_build.h, and what it makes
 * lives in the compile arena, so no symbol needs a destructor.  Nothing is decided here that
 * needs names or types.
 *
 * The parser never meets a token that it cannot take: parser.c asks grammar_accepts() first and
 * does its own recovery with grammar_recover(), which shifts `error` in the innermost list of
 * statements, arms, fields or variants. */
%include {
#include <assert.h>
#include <string.h>

#include "frontend/ast_build.h"
#include "frontend/grammar.h"
}

%name grammar_
%token_prefix TK_
%token_type {struct token}
%default_type {struct node *}
%extra_argument {struct ast_builder *b}
%stack_size 1000
%start_symbol program

%stack_overflow { ast_too_deep(b); }
%syntax_error { (void)yymajor; (void)yyminor; b->stuck = true; }

/* `as` and `until` are words of the language only where a rule names them. */
%fallback NAME AS UNTIL.

/* Weakest first.  LAMBDA is no token: it marks rules that give way to every operator behind them. */
%nonassoc LAMBDA.
%right CATCH.
%left OR.
%left AND.
%right NOT.
%nonassoc EQEQ NE LT LE GT GE MATCHES.
%nonassoc DOTDOT DOTDOTLT.
%right COALESCE.
%left PLUS MINUS.
%left STAR SLASH PERCENT.
%right PREFIX JOIN STREAM.
%nonassoc UNTIL AS.
%left DOT QDOT LP LB.

/* ---- the module */

program ::= BEGIN(B).                       { ast_module(b, &B, NULL); }
program ::= BEGIN(B) items(I).              { ast_module(b, &B, I); }
program ::= BEGIN(B) items(I) NL.           { ast_module(b, &B, I); }

%type items {struct vec *}
items(V) ::= item(I).                       { V = vec_node(b, NULL, I); }
items(V) ::= items(A) NL item(I).           { V = vec_node(b, A, I); }

item(X) ::= decl(X).
item(X) ::= annots(A) decl(D).              { X = ast_annotate(b, A, D); }
item(X) ::= annots(A) NL decl(D).           { X = ast_annotate(b, A, D); }
item(X) ::= stmt(X).

%type annots {struct vec *}
annots(V) ::= annot(A).                     { V = vec_annot(b, NULL, A); }
annots(V) ::= annots(W) annot(A).           { V = vec_annot(b, W, A); }
annots(V) ::= annots(W) NL annot(A).        { V = vec_annot(b, W, A); }

%type annot {struct annot_at}
annot(A) ::= AT(T) NAME(N).                 { A = ast_annot(b, &T, &N, NULL, NULL); }
annot(A) ::= AT(T) NAME(N) LP args(G) RP(E).    { A = ast_annot(b, &T, &N, G, &E); }

/* ---- declarations */

decl(D) ::= IMPORT(T) path(P).              { D = ast_import(b, &T, P, NULL); }
decl(D) ::= IMPORT(T) path(P) AS NAME(N).   { D = ast_import(b, &T, P, &N); }
decl(D) ::= IMPORT(T) STRING(S) AS NAME(N). { D = ast_import_file(b, &T, &S, &N); }
decl(D) ::= FN(T) NAME(N) LP params(P) RP result(R) block(B).
                                            { D = ast_fn(b, false, &T, &N, P, R, B); }
decl(D) ::= PART(T) NAME(N) LP params(P) RP result(R) block(B).
                                            { D = ast_fn(b, true, &T, &N, P, R, B); }
decl(D) ::= EXTERN(T) FN NAME(N) LP params(P) RP(E) result(R).
                                            { D = ast_extern(b, &T, &N, P, &E, R, NULL); }
decl(D) ::= EXTERN(T) FN NAME(N) LP params(P) RP(E) result(R) EQ expr(X).
                                            { D = ast_extern(b, &T, &N, P, &E, R, X); }
decl(D) ::= STRUCT(T) NAME(N) LC RC(E).     { D = ast_struct(b, &T, &N, NULL, &E); }
decl(D) ::= STRUCT(T) NAME(N) LC fields(F) RC(E).       { D = ast_struct(b, &T, &N, F, &E); }
decl(D) ::= STRUCT(T) NAME(N) LC fields(F) sep RC(E).   { D = ast_struct(b, &T, &N, F, &E); }
decl(D) ::= ENUM(T) NAME(N) LC variants(V) RC(E).       { D = ast_enum(b, &T, &N, V, &E); }
decl(D) ::= ENUM(T) NAME(N) LC variants(V) sep RC(E).   { D = ast_enum(b, &T, &N, V, &E); }
decl(D) ::= TYPE(T) NAME(N) EQ type(Y).     { D = ast_alias(b, &T, &N, Y); }
decl(D) ::= CONST(T) NAME(N) EQ expr(X).    { D = ast_const(b, &T, &N, NULL, X); }
decl(D) ::= CONST(T) NAME(N) COLON type(Y) EQ expr(X).  { D = ast_const(b, &T, &N, Y, X); }
decl(D) ::= TEST(T) STRING(S) testargs(G) block(B).     { D = ast_test(b, &T, &S, G, B); }
decl(D) ::= EVAL(T) STRING(S) testargs(G) FOR pat(P) IN expr(X) block(B).
                                            { D = ast_eval(b, &T, &S, G, P, X, B); }

%type testargs {struct vec *}
testargs(V) ::= .                           { V = NULL; }
testargs(V) ::= LP args(A) RP.              { V = A; }

%type path {struct vec *}
path(P) ::= NAME(N).                        { P = vec_name(b, NULL, &N); }
path(P) ::= path(Q) DOT NAME(N).            { P = vec_name(b, Q, &N); }

sep ::= NL.
sep ::= COMMA.

result(R) ::= .                             { R = NULL; }
result(R) ::= ARROW type(T).                { R = T; }

%type params {struct vec *}
%type paramlist {struct vec *}
params(V) ::= .                             { V = NULL; }
params(V) ::= paramlist(V).
params(V) ::= paramlist(A) COMMA.           { V = A; }
paramlist(V) ::= NAME(N) COLON type(T) fallback(X).     { V = vec_param(b, NULL, &N, T, X); }
paramlist(V) ::= paramlist(A) COMMA NAME(N) COLON type(T) fallback(X).
                                            { V = vec_param(b, A, &N, T, X); }

fallback(X) ::= .                           { X = NULL; }
fallback(X) ::= EQ expr(E).                 { X = E; }

%type fields {struct vec *}
fields(V) ::= field(F).                     { V = vec_field(b, NULL, F); }
fields(V) ::= fields(A) sep field(F).       { V = vec_field(b, A, F); }

%type field {struct field *}
field(F) ::= NAME(N) COLON type(T) fallback(X).         { F = ast_field(b, NULL, &N, T, X); }
field(F) ::= annots(A) NAME(N) COLON type(T) fallback(X).
                                            { F = ast_field(b, A, &N, T, X); }
field(F) ::= annots(A) NL NAME(N) COLON type(T) fallback(X).
                                            { F = ast_field(b, A, &N, T, X); }
field(F) ::= error.                         { F = NULL; }

%type variants {struct vec *}
variants(V) ::= variant(A).                 { V = vec_variant(b, NULL, A); }
variants(V) ::= variants(W) sep variant(A). { V = vec_variant(b, W, A); }

%type variant {struct variant *}
variant(V) ::= NAME(N).                     { V = ast_variant(b, &N, NULL); }
variant(V) ::= NAME(N) EQ STRING(S).        { V = ast_variant(b, &N, &S); }
variant(V) ::= error.                       { V = NULL; }

/* ---- types */

type(T) ::= types(V).                       { T = ast_type_union(b, V); }

%type types {struct vec *}
types(V) ::= otype(T).                      { V = vec_node(b, NULL, T); }
types(V) ::= types(A) BAR otype(T).         { V = vec_node(b, A, T); }

otype(T) ::= atype(T).
otype(T) ::= otype(A) QUESTION(Q).          { T = ast_type_optional(b, A, &Q); }

atype(T) ::= path(P).                       { T = ast_type_name(b, P, NULL, NULL, NULL); }
atype(T) ::= path(P) LP args(A) RP(E).      { T = ast_type_name(b, P, A, NULL, &E); }
atype(T) ::= path(P) LB type(I) RB(E).      { T = ast_type_name(b, P, NULL, I, &E); }
atype(T) ::= STRING(S).                     { T = ast_str_lit(b, AST_TYPE_STR_LIT, &S); }
atype(T) ::= num(N).                        { T = ast_num_lit(b, AST_TYPE_NUM_LIT, N); }
atype(T) ::= TRUE(A).                       { T = ast_bool(b, AST_TYPE_BOOL_LIT, &A, true); }
atype(T) ::= FALSE(A).                      { T = ast_bool(b, AST_TYPE_BOOL_LIT, &A, false); }
atype(T) ::= NULL(A).                       { T = ast_plain(b, AST_TYPE_NULL, &A); }
atype(T) ::= REGEX(A).                      { T = ast_regex(b, AST_TYPE_REGEX, &A); }
atype(T) ::= LB(S) type(A) RB(E).           { T = ast_type_list(b, &S, A, NULL, &E); }
atype(T) ::= LB(S) type(A) RB LP args(G) RP(E).         { T = ast_type_list(b, &S, A, G, &E); }
atype(T) ::= LB(S) type(K) COLON type(V) RB(E).         { T = ast_type_map(b, &S, K, V, NULL, &E); }
atype(T) ::= LB(S) type(K) COLON type(V) RB LP args(G) RP(E).
                                            { T = ast_type_map(b, &S, K, V, G, &E); }
atype(T) ::= CALL(S) LT tools(P) GT(E).     { T = ast_type_call(b, &S, P, &E); }
atype(T) ::= LP(S) typelist(V) RP(E).       { T = ast_type_tuple(b, &S, V, &E); }
atype(T) ::= FN(S) LP RP(E).                { T = ast_type_fn(b, &S, NULL, &E, NULL); }
atype(T) ::= FN(S) LP typelist(V) RP(E).    { T = ast_type_fn(b, &S, V, &E, NULL); }
atype(T) ::= FN(S) LP RP(E) ARROW atype(R). { T = ast_type_fn(b, &S, NULL, &E, R); }
atype(T) ::= FN(S) LP typelist(V) RP(E) ARROW atype(R). { T = ast_type_fn(b, &S, V, &E, R); }

%type typelist {struct vec *}
typelist(V) ::= type(T).                    { V = vec_node(b, NULL, T); }
typelist(V) ::= typelist(A) COMMA type(T).  { V = vec_node(b, A, T); }

%type tools {struct vec *}
tools(V) ::= path(P).                       { V = vec_path(b, NULL, P); }
tools(V) ::= tools(A) BAR path(P).          { V = vec_path(b, A, P); }

num(N) ::= INT(A).                          { N = ast_int(b, &A, NULL); }
num(N) ::= FLOAT(A).                        { N = ast_float(b, &A, NULL); }
num(N) ::= MINUS(M) INT(A).                 { N = ast_int(b, &A, &M); }
num(N) ::= MINUS(M) FLOAT(A).               { N = ast_float(b, &A, &M); }

/* ---- statements */

block(B) ::= LC(S) RC(E).                   { B = ast_block(b, &S, NULL, &E); }
block(B) ::= LC(S) stmts(V) RC(E).          { B = ast_block(b, &S, V, &E); }
block(B) ::= LC(S) stmts(V) NL RC(E).       { B = ast_block(b, &S, V, &E); }

%type stmts {struct vec *}
stmts(V) ::= stmt(S).                       { V = vec_node(b, NULL, S); }
stmts(V) ::= stmts(A) NL stmt(S).           { V = vec_node(b, A, S); }

stmt(S) ::= LET(T) pat(P) EQ expr(X).       { S = ast_let(b, &T, false, P, NULL, X); }
stmt(S) ::= LET(T) pat(P) COLON type(Y) EQ expr(X).     { S = ast_let(b, &T, false, P, Y, X); }
stmt(S) ::= VAR(T) pat(P) EQ expr(X).       { S = ast_let(b, &T, true, P, NULL, X); }
stmt(S) ::= VAR(T) pat(P) COLON type(Y) EQ expr(X).     { S = ast_let(b, &T, true, P, Y, X); }
stmt(S) ::= expr(X).                        { S = ast_stmt_expr(b, X); }
stmt(S) ::= expr(L) EQ expr(R).             { S = ast_assign(b, ASSIGN_SET, L, R); }
stmt(S) ::= expr(L) PLUSEQ expr(R).         { S = ast_assign(b, ASSIGN_ADD, L, R); }
stmt(S) ::= expr(L) MINUSEQ expr(R).        { S = ast_assign(b, ASSIGN_SUB, L, R); }
stmt(S) ::= EMIT(T) expr(X).                { S = ast_emit(b, AST_STMT_EMIT, &T, X); }
stmt(S) ::= WEIGH(T) expr(X).               { S = ast_emit(b, AST_STMT_WEIGH, &T, X); }
stmt(S) ::= ROLE(T) template(X).            { S = ast_role(b, &T, X); }
stmt(S) ::= ROLE(T) block(X).               { S = ast_role(b, &T, X); }
stmt(S) ::= FOR(T) pat(P) IN expr(X) block(B).          { S = ast_for(b, &T, P, X, B); }
stmt(S) ::= WHILE(T) expr(X) block(B).      { S = ast_while(b, &T, X, B); }
stmt(S) ::= BREAK(T).                       { S = ast_plain(b, AST_STMT_BREAK, &T); }
stmt(S) ::= CONTINUE(T).                    { S = ast_plain(b, AST_STMT_CONTINUE, &T); }
stmt(S) ::= RETURN(T).                      { S = ast_return(b, &T, NULL); }
stmt(S) ::= RETURN(T) expr(X).              { S = ast_return(b, &T, X); }
stmt(S) ::= error.                          { S = NULL; }

pat(P) ::= NAME(N).                         { P = ast_name(b, AST_PAT_NAME, &N); }
pat(P) ::= UNDERSCORE(U).                   { P = ast_plain(b, AST_PAT_WILD, &U); }
pat(P) ::= LP(S) pats(V) RP(E).             { P = ast_list(b, AST_PAT_TUPLE, &S, V, &E); }

%type pats {struct vec *}
pats(V) ::= pat(P).                         { V = vec_node(b, NULL, P); }
pats(V) ::= pats(A) COMMA pat(P).           { V = vec_node(b, A, P); }

/* ---- expressions: flat, ordered by the table above */

expr(X) ::= NAME(N).                        { X = ast_name(b, AST_EXPR_NAME, &N); }
expr(X) ::= INT(A).                         { X = ast_int(b, &A, NULL); }
expr(X) ::= FLOAT(A).                       { X = ast_float(b, &A, NULL); }
expr(X) ::= DURATION(A).                    { X = ast_duration(b, &A); }
expr(X) ::= REGEX(A).                       { X = ast_regex(b, AST_EXPR_REGEX, &A); }
expr(X) ::= TRUE(A).                        { X = ast_bool(b, AST_EXPR_BOOL, &A, true); }
expr(X) ::= FALSE(A).                       { X = ast_bool(b, AST_EXPR_BOOL, &A, false); }
expr(X) ::= NULL(A).                        { X = ast_plain(b, AST_EXPR_NULL, &A); }
expr(X) ::= HERE(A).                        { X = ast_plain(b, AST_EXPR_HERE, &A); }
expr(X) ::= template(X).
expr(X) ::= LP(S) expr(E) RP(T).            { X = ast_paren(b, &S, E, &T); }
expr(X) ::= LP(S) expr(F) COMMA exprs(V) RP(E).         { X = ast_tuple(b, &S, F, V, &E); }
expr(X) ::= LB(S) RB(E).                    { X = ast_list(b, AST_EXPR_LIST, &S, NULL, &E); }
expr(X) ::= LB(S) exprs(V) RB(E).           { X = ast_list(b, AST_EXPR_LIST, &S, V, &E); }
expr(X) ::= LB(S) exprs(V) COMMA RB(E).     { X = ast_list(b, AST_EXPR_LIST, &S, V, &E); }
expr(X) ::= LB(S) COLON RB(E).              { X = ast_map(b, &S, NULL, &E); }
expr(X) ::= LB(S) pairs(V) RB(E).           { X = ast_map(b, &S, V, &E); }
expr(X) ::= LB(S) pairs(V) COMMA RB(E).     { X = ast_map(b, &S, V, &E); }

%type exprs {struct vec *}
exprs(V) ::= expr(X).                       { V = vec_node(b, NULL, X); }
exprs(V) ::= exprs(A) COMMA expr(X).        { V = vec_node(b, A, X); }

/* Keys and values, one after the other. */
%type pairs {struct vec *}
pairs(V) ::= expr(K) COLON expr(X).         { V = vec_pair(b, NULL, K, X); }
pairs(V) ::= pairs(A) COMMA expr(K) COLON expr(X).      { V = vec_pair(b, A, K, X); }

%type model_word {struct token}
model_word(T) ::= GEN(T).
model_word(T) ::= SELECT(T).
model_word(T) ::= SCORE(T).
model_word(T) ::= PARSE(T).
expr(X) ::= model_word(T) LP args(A) RP(E). { X = ast_model(b, &T, NULL, A, &E); }
expr(X) ::= model_word(T) LT type(Y) GT LP args(A) RP(E).
                                            { X = ast_model(b, &T, Y, A, &E); }

expr(X) ::= ifexpr(X).
ifexpr(X) ::= IF(T) expr(C) block(B).       { X = ast_if(b, &T, C, B, NULL); }
ifexpr(X) ::= IF(T) expr(C) block(B) ELSE block(E).     { X = ast_if(b, &T, C, B, E); }
ifexpr(X) ::= IF(T) expr(C) block(B) ELSE ifexpr(E).    { X = ast_if(b, &T, C, B, E); }

expr(X) ::= MATCH(T) expr(S) LC arms(V) RC(E).          { X = ast_match(b, &T, S, V, &E); }
expr(X) ::= MATCH(T) expr(S) LC arms(V) sep RC(E).      { X = ast_match(b, &T, S, V, &E); }

expr(X) ::= FORK(T) forkers(V) block(B).    { X = ast_fork(b, &T, V, NULL, B); }
expr(X) ::= FORK(T) count(C) block(B).      { X = ast_fork(b, &T, NULL, C, B); }
%type forkers {struct vec *}
forkers(V) ::= pat(P) IN expr(X).           { V = vec_forker(b, NULL, P, X); }
forkers(V) ::= forkers(A) COMMA pat(P) IN expr(X).      { V = vec_forker(b, A, P, X); }
count(X) ::= INT(A).                        { X = ast_int(b, &A, NULL); }
count(X) ::= FLOAT(A).                      { X = ast_float(b, &A, NULL); }
count(X) ::= NAME(N).                       { X = ast_name(b, AST_EXPR_NAME, &N); }
count(X) ::= count(O) DOT NAME(N).          { X = ast_member(b, O, &N, false); }
count(X) ::= count(F) LP args(A) RP(E).     { X = ast_call(b, F, A, &E); }
count(X) ::= count(O) LB expr(I) RB(E).     { X = ast_index(b, O, I, &E); }

expr(X) ::= SCRATCH(T) block(B).            { X = ast_scratch(b, &T, B); }
expr(X) ::= WITH(T) exprs(V) block(B).      { X = ast_with(b, &T, V, B); }
expr(X) ::= ATTEMPT(T) LP args(A) RP block(B).          { X = ast_attempt(b, &T, NULL, A, B); }
expr(X) ::= INFER(T) NAME(N) LP args(A) RP block(B).    { X = ast_attempt(b, &T, &N, A, B); }

expr(X) ::= TRY(T) block(B) catches(V). [LAMBDA]        { X = ast_try(b, &T, B, V, NULL); }
expr(X) ::= TRY(T) block(B) catches(V) FINALLY block(F).    { X = ast_try(b, &T, B, V, F); }
expr(X) ::= TRY(T) block(B) FINALLY block(F).           { X = ast_try(b, &T, B, NULL, F); }
%type catches {struct vec *}
catches(V) ::= CATCH(T) block(B).           { V = vec_catch(b, NULL, &T, NULL, NULL, B); }
catches(V) ::= CATCH(T) NAME(N) block(B).   { V = vec_catch(b, NULL, &T, &N, NULL, B); }
catches(V) ::= CATCH(T) NAME(N) COLON type(Y) block(B).
                                            { V = vec_catch(b, NULL, &T, &N, Y, B); }
catches(V) ::= catches(A) CATCH(T) block(B).            { V = vec_catch(b, A, &T, NULL, NULL, B); }
catches(V) ::= catches(A) CATCH(T) NAME(N) block(B).    { V = vec_catch(b, A, &T, &N, NULL, B); }
catches(V) ::= catches(A) CATCH(T) NAME(N) COLON type(Y) block(B).
                                            { V = vec_catch(b, A, &T, &N, Y, B); }

expr(X) ::= expr(O) DOT NAME(N).            { X = ast_member(b, O, &N, false); }
expr(X) ::= expr(O) QDOT NAME(N).           { X = ast_member(b, O, &N, true); }
expr(X) ::= expr(F) LP args(A) RP(E).       { X = ast_call(b, F, A, &E); }
expr(X) ::= expr(O) LB expr(I) RB(E).       { X = ast_index(b, O, I, &E); }

expr(X) ::= MINUS(T) expr(E). [PREFIX]      { X = ast_unary(b, UN_NEG, &T, E); }
expr(X) ::= NOT(T) expr(E).                 { X = ast_unary(b, UN_NOT, &T, E); }
expr(X) ::= STREAM(T) expr(E). [PREFIX]     { X = ast_unary(b, UN_STREAM, &T, E); }

expr(X) ::= expr(L) STAR(T) expr(R).        { X = ast_binary(b, BIN_MUL, L, &T, R); }
expr(X) ::= expr(L) SLASH(T) expr(R).       { X = ast_binary(b, BIN_DIV, L, &T, R); }
expr(X) ::= expr(L) PERCENT(T) expr(R).     { X = ast_binary(b, BIN_MOD, L, &T, R); }
expr(X) ::= expr(L) PLUS(T) expr(R).        { X = ast_binary(b, BIN_ADD, L, &T, R); }
expr(X) ::= expr(L) MINUS(T) expr(R).       { X = ast_binary(b, BIN_SUB, L, &T, R); }
expr(X) ::= expr(L) COALESCE(T) expr(R).    { X = ast_binary(b, BIN_COALESCE, L, &T, R); }
expr(X) ::= expr(L) DOTDOT(T) expr(R).      { X = ast_binary(b, BIN_RANGE, L, &T, R); }
expr(X) ::= expr(L) DOTDOTLT(T) expr(R).    { X = ast_binary(b, BIN_RANGE_EX, L, &T, R); }
expr(X) ::= expr(L) EQEQ(T) expr(R).        { X = ast_binary(b, BIN_EQ, L, &T, R); }
expr(X) ::= expr(L) NE(T) expr(R).          { X = ast_binary(b, BIN_NE, L, &T, R); }
expr(X) ::= expr(L) LT(T) expr(R).          { X = ast_binary(b, BIN_LT, L, &T, R); }
expr(X) ::= expr(L) LE(T) expr(R).          { X = ast_binary(b, BIN_LE, L, &T, R); }
expr(X) ::= expr(L) GT(T) expr(R).          { X = ast_binary(b, BIN_GT, L, &T, R); }
expr(X) ::= expr(L) GE(T) expr(R).          { X = ast_binary(b, BIN_GE, L, &T, R); }
expr(X) ::= expr(L) MATCHES(T) expr(R).     { X = ast_binary(b, BIN_MATCHES, L, &T, R); }
expr(X) ::= expr(L) AND(T) expr(R).         { X = ast_binary(b, BIN_AND, L, &T, R); }
expr(X) ::= expr(L) OR(T) expr(R).          { X = ast_binary(b, BIN_OR, L, &T, R); }
expr(X) ::= expr(L) CATCH(T) expr(R).       { X = ast_binary(b, BIN_CATCH, L, &T, R); }

expr(X) ::= JOIN(T) expr(B). [PREFIX]       { X = ast_join(b, &T, B, NULL, NULL); }
expr(X) ::= JOIN(T) expr(B) AS NAME(N).     { X = ast_join(b, &T, B, NULL, &N); }
expr(X) ::= JOIN(T) expr(B) UNTIL expr(U). [PREFIX]     { X = ast_join(b, &T, B, U, NULL); }
expr(X) ::= JOIN(T) expr(B) UNTIL expr(U) AS NAME(N).   { X = ast_join(b, &T, B, U, &N); }

expr(X) ::= BAR(T) BAR expr(E). [LAMBDA]    { X = ast_lambda(b, &T, NULL, E); }
expr(X) ::= BAR(T) BAR block(E).            { X = ast_lambda(b, &T, NULL, E); }
expr(X) ::= BAR(T) pats(V) BAR expr(E). [LAMBDA]        { X = ast_lambda(b, &T, V, E); }
expr(X) ::= BAR(T) pats(V) BAR block(E).    { X = ast_lambda(b, &T, V, E); }

/* ---- arguments, arms */

%type args {struct vec *}
%type arglist {struct vec *}
args(V) ::= .                               { V = NULL; }
args(V) ::= arglist(V).
args(V) ::= arglist(A) COMMA.               { V = A; }
arglist(V) ::= arg(A).                      { V = vec_arg(b, NULL, &A); }
arglist(V) ::= arglist(W) COMMA arg(A).     { V = vec_arg(b, W, &A); }
%type arg {struct arg}
arg(A) ::= expr(X).                         { A = ast_arg(b, NULL, X); }
arg(A) ::= NAME(N) COLON expr(X).           { A = ast_arg(b, &N, X); }

%type arms {struct vec *}
arms(V) ::= arm(A).                         { V = vec_arm(b, NULL, A); }
arms(V) ::= arms(W) sep arm(A).             { V = vec_arm(b, W, A); }
%type arm {struct arm *}
arm(A) ::= mpats(V) FATARROW armbody(B).    { A = ast_arm(b, V, NULL, NULL, B); }
arm(A) ::= mpats(V) IF expr(G) FATARROW armbody(B).     { A = ast_arm(b, V, NULL, G, B); }
arm(A) ::= mpats(V) AS NAME(N) FATARROW armbody(B).     { A = ast_arm(b, V, &N, NULL, B); }
arm(A) ::= mpats(V) AS NAME(N) IF expr(G) FATARROW armbody(B).
                                            { A = ast_arm(b, V, &N, G, B); }
arm(A) ::= error.                           { A = NULL; }
armbody(B) ::= stmt(B).
armbody(B) ::= block(B).

%type mpats {struct vec *}
mpats(V) ::= mpat(P).                       { V = vec_node(b, NULL, P); }
mpats(V) ::= mpats(A) BAR mpat(P).          { V = vec_node(b, A, P); }
mpat(P) ::= UNDERSCORE(U).                  { P = ast_plain(b, AST_MPAT_WILD, &U); }
mpat(P) ::= STRING(S).                      { P = ast_str_lit(b, AST_MPAT_STR, &S); }
mpat(P) ::= num(N).                         { P = ast_num_lit(b, AST_MPAT_NUM, N); }
mpat(P) ::= num(L) DOTDOT num(H).           { P = ast_mpat_range(b, L, H); }
mpat(P) ::= TRUE(A).                        { P = ast_bool(b, AST_MPAT_BOOL, &A, true); }
mpat(P) ::= FALSE(A).                       { P = ast_bool(b, AST_MPAT_BOOL, &A, false); }
mpat(P) ::= NULL(A).                        { P = ast_plain(b, AST_MPAT_NULL, &A); }
mpat(P) ::= REGEX(A).                       { P = ast_regex(b, AST_MPAT_REGEX, &A); }
mpat(P) ::= path(A).                        { P = ast_mpat_path(b, A, NULL, NULL); }
mpat(P) ::= path(A) LP RP(E).               { P = ast_mpat_path(b, A, NULL, &E); }
mpat(P) ::= path(A) LP mfields(F) RP(E).    { P = ast_mpat_path(b, A, F, &E); }
%type mfields {struct vec *}
mfields(V) ::= NAME(N).                     { V = vec_mfield(b, NULL, &N, NULL); }
mfields(V) ::= NAME(N) COLON mpats(P).      { V = vec_mfield(b, NULL, &N, P); }
mfields(V) ::= mfields(A) COMMA NAME(N).    { V = vec_mfield(b, A, &N, NULL); }
mfields(V) ::= mfields(A) COMMA NAME(N) COLON mpats(P). { V = vec_mfield(b, A, &N, P); }

/* ---- texts */

template(X) ::= STRING(S).                  { X = ast_text_plain(b, &S); }
template(X) ::= TSTART(S) parts(V) TEND(E). { X = ast_text(b, &S, V, &E); }
%type parts {struct vec *}
parts(V) ::= part(P).                       { V = vec_piece(b, NULL, &P); }
parts(V) ::= parts(A) part(P).              { V = vec_piece(b, A, &P); }
%type part {struct piece}
part(P) ::= TEXT(T).                        { P = ast_piece_text(b, &T); }
part(P) ::= INSERT(S) expr(X) RC(E).        { P = ast_piece_insert(b, &S, X, &E); }
part(P) ::= HOLE(S) hole_name(N) holeargs(A) RB(E).
                                            { P = ast_piece_hole(b, &S, &N, NULL, A, &E); }
part(P) ::= HOLE(S) hole_name(N) COLON type(T) holeargs(A) RB(E).
                                            { P = ast_piece_hole(b, &S, &N, T, A, &E); }
%type hole_name {struct token}
hole_name(T) ::= NAME(T).
hole_name(T) ::= UNDERSCORE(T).
%type holeargs {struct vec *}
holeargs(V) ::= .                           { V = NULL; }
holeargs(V) ::= holeargs(W) COMMA arg(A).   { V = vec_arg(b, W, &A); }

/* ---- questions to the tables; see frontend/grammar.h */

%code {

int grammar_n_token(void)
{
    return YYNTOKEN;
}

size_t grammar_size(void)
{
    return sizeof(yyParser);
}

/* The action of a state for a token; `word`: `as` and `until` may stand for a name. */
static YYACTIONTYPE action_of(YYACTIONTYPE state, YYCODETYPE code, bool word)
{
    if (word || state > YY_MAX_SHIFT)
        return yy_find_shift_action(code, state);
    int i = yy_shift_ofst[state] + code;
    return yy_lookahead[i] == code ? yy_action[i] : yy_default[state];
}

static bool accepts(const struct yyParser *p, YYCODETYPE code, bool word)
{
    YYACTIONTYPE state[YYSTACKDEPTH + 1];       /* from `real` + 1 on; the parser's own below */
    int top = (int)(p->yytos - p->yystack), real = top;
    YYACTIONTYPE act = action_of(p->yytos->stateno, code, word);

    while (act >= YY_MIN_REDUCE) {
        unsigned rule = act - YY_MIN_REDUCE;
        top += yyRuleInfoNRhs[rule];
        if (top < real)
            real = top;
        YYACTIONTYPE from = top <= real ? p->yystack[top].stateno : state[top];
        YYACTIONTYPE next = yy_find_reduce_action(from, (YYCODETYPE)yyRuleInfoLhs[rule]);
        if (next == YY_ACCEPT_ACTION || top + 1 >= YYSTACKDEPTH)
            return true;
        state[++top] = next;
        act = action_of(next, code, word);
    }
    return act <= YY_MAX_SHIFTREDUCE || act == YY_ACCEPT_ACTION;
}

bool grammar_accepts(const void *parser, int code)
{
    return accepts(parser, (YYCODETYPE)code, true);
}

bool grammar_expects(const void *parser, int code)
{
    return accepts(parser, (YYCODETYPE)code, false);
}

bool grammar_recover(void *parser)
{
    yyParser *p = parser;
    YYMINORTYPE none;
    memset(&none, 0, sizeof none);

    /* A rule that is complete with its last token is reduced only at the next one: do it now. */
    while (p->yytos->stateno >= YY_MIN_REDUCE)
        yy_reduce(p, p->yytos->stateno - YY_MIN_REDUCE, YYNOCODE, none.yy0);
    for (; p->yytos > p->yystack; yy_pop_parser_stack(p)) {
        YYACTIONTYPE act = yy_find_reduce_action(p->yytos->stateno, YYERRORSYMBOL);
        if (act > YY_MAX_SHIFTREDUCE)
            continue;
        if (act > YY_MAX_SHIFT)
            act += YY_MIN_REDUCE - YY_MIN_SHIFTREDUCE;
        p->yytos++;
        p->yytos->stateno = act;
        p->yytos->major = YYERRORSYMBOL;
        p->yytos->minor = none;
        return true;
    }
    return false;
}

}
