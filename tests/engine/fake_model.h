/* fake_model.h - a model file in memory: a small byte-level vocabulary and a chat template. */
#ifndef TESTS_ENGINE_FAKE_MODEL_H
#define TESTS_ENGINE_FAKE_MODEL_H

#include "runtime/files/bundle.h"

enum { FAKE_EOT, FAKE_IM_START, FAKE_IM_END };

/* The bytes live until the program ends.  *ret_n_vocab: its tokens. */
struct bundle *fake_model_open(uint32_t *ret_n_vocab);

#endif
