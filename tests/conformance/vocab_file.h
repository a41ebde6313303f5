/* vocab_file.h - a vocabulary from a file of base64 lines, one token a line, id = line number. */
#ifndef TESTS_CONFORMANCE_VOCAB_FILE_H
#define TESTS_CONFORMANCE_VOCAB_FILE_H

#include "runtime/constrain/matcher.h"

/* `max`: at most so many tokens, 0 all.  The vocabulary is the caller's. */
enum status vocab_file_load(const char *path, uint32_t max, struct vocab **ret, struct error *err);

#endif
