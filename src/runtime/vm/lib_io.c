/* lib_io.c - natives that touch files, as jobs of the pool.
 *
 * The machine's thread checks the permission, writes down what is to be done and suspends the
 * task; a pool thread reads or writes and makes the value; the machine takes it.  A job holds
 * plain data only, so it may outlive the task that asked. */
#include "runtime/vm/vm_int.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/utf8.h"
#include "runtime/effect/permit.h"

/* ---- on the pool ---- */

static void job_fail(struct job *j, const char *code, const char *text)
{
    snprintf(j->code, sizeof j->code, "%s", code);
    snprintf(j->fail, sizeof j->fail, "%s", text);
}

static void job_value(struct job *j, enum status st)
{
    if (st != ST_OK)
        job_fail(j, "R0706", st == ST_LIMIT ? "the file is too long or nests too deep"
                                            : "out of memory");
}

static bool job_read(struct job *j, struct str *text)
{
    struct error err = { 0 };
    if (fs_read(j->path, VALUE_MAX_TEXT, text, &err) == ST_OK)
        return true;
    job_fail(j, "R0603", err.text);
    return false;
}

static void read_text(struct job *j, bool bytes)
{
    struct str text = { 0 };
    if (job_read(j, &text)) {
        if (bytes)
            job_value(j, value_bytes(str_slice(&text), &j->result));
        else if (!utf8_valid(str_slice(&text)))
            job_fail(j, "R0603", "the file is not UTF-8");
        else
            job_value(j, value_str(str_slice(&text), &j->result));
    }
    str_free(&text);
}

static void read_json(struct job *j)
{
    struct str text = { 0 };
    struct error err = { 0 };
    if (job_read(j, &text) && value_parse_json(str_slice(&text), &j->result, &err) != ST_OK)
        job_fail(j, "R0206", err.text);
    str_free(&text);
}

static void read_jsonl(struct job *j)
{
    struct str text = { 0 };
    struct error err = { 0 };
    if (!job_read(j, &text)) {
        str_free(&text);
        return;
    }
    enum status st = value_list(0, &j->result);
    struct slice rest = str_slice(&text);
    for (uint32_t line = 1; rest.len && st == ST_OK; line++) {
        size_t end = slice_find(rest, SLICE("\n"));
        struct slice one = slice_trim(end == SIZE_MAX ? rest : slice_sub(rest, 0, end));
        rest = end == SIZE_MAX ? SLICE("") : slice_sub(rest, end + 1, rest.len);
        struct value v;
        if (!one.len)
            continue;
        st = value_parse_json(one, &v, &err);
        if (st == ST_OK)
            st = value_list_push_take(&j->result, v);
        if (st != ST_OK) {
            char why[ERROR_TEXT_MAX];
            snprintf(why, sizeof why, "line %u: %.400s", line, err.text);
            job_fail(j, "R0206", why);
        }
    }
    str_free(&text);
}

/* One field of a CSV row (RFC 4180); *end says whether the row ends behind it. */
static size_t csv_field(struct slice s, size_t at, struct str *out, bool *end)
{
    bool quoted = at < s.len && s.ptr[at] == '"';
    if (quoted)
        at++;
    while (at < s.len) {
        char c = s.ptr[at];
        if (quoted && c == '"') {
            if (at + 1 < s.len && s.ptr[at + 1] == '"') {
                str_addc(out, '"');
                at += 2;
                continue;
            }
            quoted = false;
            at++;
            continue;
        }
        if (!quoted && (c == ',' || c == '\n' || c == '\r'))
            break;
        str_addc(out, c);
        at++;
    }
    *end = at >= s.len || s.ptr[at] != ',';
    if (at < s.len && s.ptr[at] == '\r')
        at++;
    return at < s.len ? at + 1 : at;
}

static enum status csv_row(struct slice s, size_t *at, struct value *ret)
{
    bool end = false;
    enum status st = value_list(0, ret);
    while (!end && st == ST_OK) {
        struct str field = { 0 };
        struct value v;
        *at = csv_field(s, *at, &field, &end);
        st = value_str(str_slice(&field), &v);
        str_free(&field);
        if (st == ST_OK)
            st = value_list_push_take(ret, v);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

/* Rows as maps from the names in the first row to texts. */
static void read_csv(struct job *j)
{
    struct str text = { 0 };
    struct value head = value_null();
    size_t at = 0;
    if (!job_read(j, &text)) {
        str_free(&text);
        return;
    }
    struct slice s = str_slice(&text);
    enum status st = utf8_valid(s) ? value_list(0, &j->result) : ST_INVALID;
    if (st == ST_OK && s.len)
        st = csv_row(s, &at, &head);
    while (st == ST_OK && at < s.len) {
        struct value row, map;
        st = csv_row(s, &at, &row);
        if (st != ST_OK)
            break;
        st = value_map(&map);
        for (uint32_t i = 0; i < value_len(head) && st == ST_OK; i++) {
            struct value x = i < value_len(row) ? value_ref(value_at(row, i)) : value_null();
            st = value_map_put_take(&map, value_ref(value_at(head, i)), x);
        }
        value_unref(row);
        if (st == ST_OK)
            st = value_list_push_take(&j->result, map);
    }
    value_unref(head);
    str_free(&text);
    if (st == ST_INVALID)
        job_fail(j, "R0603", "the file is not UTF-8");
    else
        job_value(j, st);
}

static void write_file(struct job *j, bool append)
{
    struct error err = { 0 };
    enum status st = append ? fs_append(j->path, str_slice(&j->text), &err)
                            : fs_replace(j->path, str_slice(&j->text), &err);
    if (st != ST_OK)
        job_fail(j, "R0603", err.text);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_dir(struct job *j)
{
    DIR *d = opendir(j->path);
    if (!d) {
        job_fail(j, "R0603", strerror(errno));
        return;
    }
    char **name = NULL;
    uint32_t n = 0, cap = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        char **slot = array_push(&name, &n, &cap, sizeof *slot);
        if (slot)
            *slot = mem_strdup(e->d_name);
    }
    closedir(d);
    if (n)
        qsort(name, n, sizeof *name, by_name);
    enum status st = value_list(n, &j->result);
    for (uint32_t i = 0; i < n; i++) {
        struct value v;
        if (st == ST_OK)
            st = value_str(slice_of(name[i]), &v);
        if (st == ST_OK)
            st = value_list_push_take(&j->result, v);
        mem_free(name[i]);
    }
    mem_free(name);
    job_value(j, st);
}

static void work(struct job *j)
{
    switch ((enum native_id)j->what) {
    case NATIVE_IO_READ_TEXT:
        read_text(j, false);
        return;
    case NATIVE_IO_READ_BYTES:
        read_text(j, true);
        return;
    case NATIVE_IO_READ_JSON:
        read_json(j);
        return;
    case NATIVE_IO_READ_JSONL:
        read_jsonl(j);
        return;
    case NATIVE_IO_READ_CSV:
        read_csv(j);
        return;
    case NATIVE_IO_EXISTS:
        j->result = value_bool(fs_exists(j->path));
        return;
    case NATIVE_IO_LIST:
        list_dir(j);
        return;
    case NATIVE_IO_APPEND_TEXT:
    case NATIVE_IO_APPEND_JSONL:
    case NATIVE_IO_ROW_JSONL:
        write_file(j, true);
        return;
    default:
        write_file(j, false);
    }
}

static void run_job(void *arg)
{
    struct job *j = arg;
    j->work(j);
    vm_post(j->vm, &j->post);
}

/* ---- on the machine ---- */

void job_free(struct job *j)
{
    for (uint32_t i = 0; j->argv && i < j->n_argv; i++)
        mem_free(j->argv[i]);
    mem_free(j->argv);
    mem_free(j->path);
    str_free(&j->text);
    value_unref(j->result);
    mem_free(j);
}

enum step job_submit(struct task *t, struct job *j)
{
    j->post.kind = POST_JOB;
    j->vm = t->run->vm;
    j->run = t->run;
    j->task = t;
    t->job = j;
    t->run->n_wait++;
    if (pool_submit(t->run->vm->pool, run_job, j) == ST_OK)
        return STEP_WAIT;
    t->run->n_wait--;
    t->job = NULL;
    job_free(j);
    return task_fail_status(t, ST_NOMEM);
}

/* The pool is through with it; a task that has gone leaves it to be freed here. */
void job_done(struct job *j)
{
    if (!j->done) {
        j->done = true;
        j->run->n_wait--;
        if (j->task) {
            task_ready(j->task);
            return;
        }
    }
    job_free(j);
}

enum step job_take(struct task *t, struct value *ret)
{
    struct job *j = t->job;
    if (!j->done)
        return STEP_WAIT;
    t->job = NULL;
    t->steps = 0;
    enum step s = STEP_NEXT;
    if (j->code[0]) {
        s = task_fail(t, j->code, "%s", j->fail);
    } else {
        *ret = j->result;
        j->result = value_null();
    }
    job_free(j);
    return s;
}

static bool writes(enum native_id id)
{
    return id == NATIVE_IO_WRITE_TEXT || id == NATIVE_IO_APPEND_TEXT ||
           id == NATIVE_IO_WRITE_JSON || id == NATIVE_IO_WRITE_JSONL ||
           id == NATIVE_IO_APPEND_JSONL || id == NATIVE_IO_ROW_JSONL;
}

static bool add_lines(struct value v, struct str *out)
{
    if (v.tag != VAL_LIST)
        return value_json(v, JSONIO_SPACED, out) && (str_addc(out, '\n'), true);
    for (uint32_t i = 0; i < value_len(v); i++) {
        if (!value_json(value_at(v, i), JSONIO_SPACED, out))
            return false;
        str_addc(out, '\n');
    }
    return true;
}

static bool fill(struct job *j, enum native_id id, struct value *arg)
{
    if (!writes(id))
        return true;
    if (id == NATIVE_IO_WRITE_JSON)
        return value_json(arg[1], JSONIO_SPACED, &j->text) && (str_addc(&j->text, '\n'), true);
    if (id == NATIVE_IO_WRITE_JSONL || id == NATIVE_IO_APPEND_JSONL || id == NATIVE_IO_ROW_JSONL)
        return add_lines(arg[1], &j->text);
    return value_format(arg[1], &j->text);
}

static enum step permit(struct task *t, enum native_id id, const char *path)
{
    const struct run_opts *o = &t->run->opts;
    if (writes(id)) {
        if (permit_path(o->allow_write, o->n_allow_write, path))
            return STEP_NEXT;
        return task_fail(t, "R0602", "writing %s needs --allow-write", path);
    }
    if (permit_path(o->allow_read, o->n_allow_read, path))
        return STEP_NEXT;
    return task_fail(t, "R0602", "reading %s needs --allow-read", path);
}

static enum step io_env(struct task *t, struct value name, struct value *ret)
{
    if (!t->run->opts.allow_env && !t->run->opts.n_allow_read)
        return task_fail(t, "R0602", "reading the environment needs --allow-read");
    char buf[256];
    snprintf(buf, sizeof buf, "%.*s", (int)value_text(name).len, value_text(name).ptr);
    const char *v = getenv(buf);
    *ret = value_null();
    if (!v)
        return STEP_NEXT;
    if (!utf8_valid(slice_of(v)))
        return task_fail(t, "R0603", "%s is not UTF-8", buf);
    return step_of(t, value_str(slice_of(v), ret));
}

static enum step io_now(struct task *t, struct value *ret)
{
    char buf[40];
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return step_of(t, value_str(slice_of(buf), ret));
}

enum step native_io(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    if (id == NATIVE_IO_NOW)
        return io_now(t, ret);
    if (id == NATIVE_IO_ENV)
        return io_env(t, arg[0], ret);
    if (t->job)
        return job_take(t, ret);
    struct slice path = value_text(arg[0]);
    if (!path.len || memchr(path.ptr, 0, path.len))
        return task_fail(t, "R0603", "not a path");
    struct job *j = mem_zalloc(sizeof *j);
    if (!j)
        return task_fail_status(t, ST_NOMEM);
    j->what = id;
    j->work = work;
    j->path = mem_strndup(path.ptr, path.len);
    bool ok = j->path && fill(j, id, arg);
    enum step s = !ok ? task_fail(t, "R0205", "this value cannot be written") : permit(t, id, j->path);
    if (s != STEP_NEXT) {
        job_free(j);
        return s;
    }
    return job_submit(t, j);
}
