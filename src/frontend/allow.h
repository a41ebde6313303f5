/* allow.h - warnings that the writer of a program has silenced for one statement. */
#ifndef FRONTEND_ALLOW_H
#define FRONTEND_ALLOW_H

#include "frontend/diag.h"

/* Takes out of the list the warnings of this source that stand in a statement or declaration
 * under a comment `// sgl: allow W0406, W0407`.  ST_NOMEM. */
enum status allow_apply(struct diag_list *l, const struct source *source, struct error *err);

#endif
