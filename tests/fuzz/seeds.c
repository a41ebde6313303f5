/* seeds.c - stands in for libFuzzer: runs a target over every file of the folders on its command
 * line, then over cut and damaged copies of each, always the same ones.
 *
 * A target passes when it neither crashes nor trips a sanitizer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAMAGED = 64 };      /* copies of a seed with one to eight bytes changed */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    uint8_t *data = NULL;
    size_t size = 0, room = 0;
    for (;;) {
        if (size == room) {
            room = room ? room * 2 : 4096;
            data = realloc(data, room);
            if (!data)
                abort();
        }
        size_t n = fread(data + size, 1, room - size, f);
        if (n == 0)
            break;
        size += n;
    }
    fclose(f);
    *ret_size = size;
    return data;
}

/* An exact copy on the heap, so that a sanitizer sees a read behind the end. */
static void run_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void run_damaged(const uint8_t *data, size_t size)
{
    uint32_t state = 1;
    uint8_t *copy = malloc(size);
    if (!copy)
        abort();
    for (int i = 0; i < DAMAGED; i++) {
        memcpy(copy, data, size);
        for (uint32_t n = 1 + next_random(&state) % 8; n > 0; n--)
            copy[next_random(&state) % size] = (uint8_t)next_random(&state);
        run_copy(copy, size);
    }
    free(copy);
}

static int run_seed(const char *path)
{
    size_t size = 0;
    uint8_t *data = read_file(path, &size);
    if (!data)
        return 0;
    run_copy(data, size);
    size_t step = size / DAMAGED + 1;
    for (size_t cut = 0; cut < size; cut += step)
        run_copy(data, cut);
    if (size)
        run_damaged(data, size);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    int n = 0;
    run_copy((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
            char path[4096];
            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            n += run_seed(path);
        }
        if (dir)
            closedir(dir);
    }
    printf("%d seeds\n", n);
    return n > 0 ? 0 : 1;
}
