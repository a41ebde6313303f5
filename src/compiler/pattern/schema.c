#include "compiler/pattern/lower.h"
enum status lower_schema(struct pattern *p, struct slice text, uint32_t flags, struct error *err)
{ (void)p; (void)text; (void)flags; return error_code(err, ST_UNSUPPORTED, "E0408", "schemas are not there yet"); }
enum status lower_schema_value(struct pattern *p, struct slice text, uint32_t flags, uint32_t value, struct error *err)
{ (void)value; return lower_schema(p, text, flags, err); }
