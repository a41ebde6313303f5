#include "compiler/pattern/lower.h"
enum status lower_grammar(struct pattern *p, struct slice text, struct error *err)
{ (void)p; (void)text; return error_code(err, ST_UNSUPPORTED, "E0405", "grammars are not there yet"); }
