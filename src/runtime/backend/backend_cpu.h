/* backend_cpu.h - the CPU as a device. */
#ifndef RUNTIME_BACKEND_BACKEND_CPU_H
#define RUNTIME_BACKEND_BACKEND_CPU_H

#include "runtime/backend/backend.h"

extern const struct backend_vtable backend_cpu;

#endif
