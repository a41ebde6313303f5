/* archs.h - the families that the layer loop knows, one row each.
 *
 * name in the file, q and k rows permuted, bias on q, k and v, norm of each q and k head */
#ifndef RUNTIME_MODEL_ARCHS_H
#define RUNTIME_MODEL_ARCHS_H

#define ARCH_ROWS(X)                    \
    X("llama", true, false, false)      \
    X("qwen2", false, true, false)      \
    X("qwen3", false, false, true)

#endif
