#!/bin/sh
# gpu.sh - checks and times the CUDA backend on a GPU machine, in one go.
#
#     bench/gpu.sh BUILD RESULTS [MODEL...]
#
# BUILD holds test_cuda, test_cuda_draw, test_cuda_model, logits and gpu, in a build tree or side by side.
# RESULTS is the file that everything is written to as well.  MODELs are files or shapes (see gpu.c); without
# any, the default model's shape and Llama-3.1-8B's.  Where Python has torch and transformers our logits are
# compared with theirs, also of those MODELs that are files.  Exits with 1 when a check failed, 77 without a
# GPU.
set -u

build=$1
results=$2
shift 2
[ $# -gt 0 ] || set -- smollm2-135m llama-3.1-8b
: >"$results"
failed=0

# The program where the build has it, or beside the others.
program() {
    if [ -x "$build/$1" ]; then
        echo "$build/$1"
    else
        echo "$build/$(basename "$1")"
    fi
}

# part NAME command...: one check or measurement with its own time limit.
part() {
    echo "== $1" | tee -a "$results"
    shift
    timeout 240 "$@" >"$results.part" 2>&1
    rc=$?
    tee -a "$results" <"$results.part"
    echo "-- exit $rc" | tee -a "$results"
    [ $rc = 0 ] || failed=1
    return $rc
}

# cuBLASLt may be beside the toolkit or in a Python package.
for dir in /usr/local/cuda/lib64 $(find / -name 'libcublasLt.so.13' -not -path '/proc/*' \
    -exec dirname {} \; 2>/dev/null | head -n 1); do
    LD_LIBRARY_PATH=$dir:${LD_LIBRARY_PATH:-}
done
export LD_LIBRARY_PATH

part "the card" nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm --format=csv
part "kernels beside the C definition" "$(program tests/kernels/test_cuda)"
[ $rc = 77 ] && exit 77
part "tokens beside the host's sampler" "$(program tests/kernels/test_cuda_draw)"
part "models beside the CPU" "$(program tests/kernels/test_cuda_model)"
files=
for model in "$@"; do
    [ -f "$model" ] && files="$files $model"
done
if python3 -c 'import torch, transformers' 2>/dev/null; then
    part "logits beside transformers" python3 "$(dirname "$0")/gpu_transformers.py" \
        "$(program bench/logits)" $files
fi
for model in "$@"; do
    part "speed: $model" "$(program bench/gpu)" "$model"
done
if command -v compute-sanitizer >/dev/null 2>&1; then
    for tool in memcheck racecheck; do
        for test in test_cuda test_cuda_draw; do
            part "compute-sanitizer $tool $test" compute-sanitizer --tool "$tool" --error-exitcode 9 \
                "$(program "tests/kernels/$test")" small
        done
    done
fi
rm -f "$results.part"
exit $failed
