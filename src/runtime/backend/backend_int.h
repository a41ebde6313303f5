/* backend_int.h - the implementations, for the list in backend.c only. */
#ifndef RUNTIME_BACKEND_BACKEND_INT_H
#define RUNTIME_BACKEND_BACKEND_INT_H

#include "runtime/backend/backend.h"

extern const struct backend_vtable backend_cpu;

#endif
