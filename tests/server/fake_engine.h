/* fake_engine.h - what the programs over the fake engine see of it. */
#ifndef TESTS_SERVER_FAKE_ENGINE_H
#define TESTS_SERVER_FAKE_ENGINE_H

#include <stdatomic.h>

#include <sgl/sgl_engine.h>

struct sgl_engine {
    _Atomic int      refs;
    _Atomic uint64_t requests, cancelled, live, queued;
};

#endif
