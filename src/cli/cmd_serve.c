/* cmd_serve.c - `serve` and `repl`: the doors that stay open. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/cmd.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/repl.h"
#include "runtime/server/daemon.h"

/* ---- serve ---- */

static const struct flag serve_flags[] = {
    FLAGS_ENGINE,
    FLAG(FLAG_TEXT, "host", host, "ADDR", "address to listen on; 127.0.0.1"),
    FLAG(FLAG_NUMBER, "port", port, "N", "port; 30000, 0 takes a free one"),
    FLAG(FLAG_TEXT, "served-model-name", served_name, "NAME", "name of the model in answers"),
    FLAG(FLAG_TEXT, "api-key", api_key, "KEY", "asked for as a bearer token"),
    FLAG(FLAG_TEXT, "tenants", tenants, "FILE", "JSON list of tenants: name, key, weight, priority"),
    FLAG(FLAG_NUMBER, "max-queued", max_queued, "N", "requests that wait before 429; 1024"),
    FLAG(FLAG_NUMBER, "max-queued-tokens", max_queued_tokens, "N", "of their prompts; 4194304"),
    FLAG(FLAG_NUMBER, "itl-target-ms", itl_target_ms, "N", "read prompts no faster than lets others decode"),
    FLAG(FLAG_NUMBER, "max-deadline-ms", max_deadline_ms, "N", "no request may take longer"),
    FLAG(FLAG_TEXT, "order", order, "O", "of the queue: hrrn, fcfs, lpm, dfs, random; hrrn"),
    FLAG(FLAG_TEXT, "evict", evict, "P",
         "what leaves the cache first: lru, lfu, fifo, slru, priority, next-use"),
    FLAG(FLAG_TEXT, "admission", admission, "A", "room for answers: expected, strict; expected"),
    FLAG(FLAG_NUMBER, "max-running", max_running, "N", "sequences decoded at once; 64"),
    FLAG(FLAG_NUMBER, "max-wait-ms", max_wait_ms, "N", "then a request comes first; 10000"),
    FLAG(FLAG_NUMBER, "max-passes", max_passes, "N", "rounds others may be admitted before it; 256"),
    FLAG(FLAG_NUMBER, "step-tokens", step_tokens, "N", "prompt tokens of a step; a whole batch"),
    FLAG(FLAG_NUMBER, "pin-budget", pin_budget, "N", "percent of the KV pages that hard pins may keep; 25"),
    FLAG(FLAG_TEXT, "kv-events", kv_events, "URL", "tells there what the cache has: tcp://ADDR:PORT"),
    FLAG(FLAG_BOOL, "kv-events-maps", kv_events_maps, NULL, "with names for the fields of an event"),
    FLAG(FLAG_BOOL, "quiet", quiet, NULL, "no progress"),
};
enum { MAX_TENANTS_FILE = 1 << 20 };
enum { N_SERVE_FLAG = sizeof serve_flags / sizeof *serve_flags };

/* False: a message was printed. */
static bool read_tenants(const struct options *o, struct str *ret)
{
    struct error why;
    if (!o->tenants || fs_read(o->tenants, MAX_TENANTS_FILE, ret, &why) == ST_OK)
        return true;
    fprintf(stderr, "sglrun: %s\n", why.text);
    return false;
}

static int serve(const struct options *o)
{
    sgl_engine *engine = NULL;
    struct server *server = NULL;
    struct str tenants = { 0 };
    sgl_error err;

    /* Blocked before any thread is made, so that only the wait below receives them. */
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);

    if (!read_tenants(o, &tenants) || !output_engine(o, false, &engine)) {
        str_free(&tenants);
        return EXIT_FAILED;
    }
    struct server_opts opts = {
        .host = o->host,
        .port = (uint16_t)o->port,
        .model_name = o->served_name,
        .api_key = o->api_key,
        .max_queued = o->max_queued < UINT32_MAX ? (uint32_t)o->max_queued : UINT32_MAX,
        .tenants = tenants.ptr,
        .max_deadline_ms = o->max_deadline_ms,
    };
    int rc = EXIT_FAILED;
    if (server_start(engine, &opts, &server, &err) != SGL_OK) {
        output_error(&err);
    } else {
        fprintf(stderr, "sglrun: listening on http://%s:%u\n", o->host ? o->host : "127.0.0.1",
                server_port(server));
        int got = 0;
        sigwait(&stop, &got);
        rc = got == SIGINT ? EXIT_INTERRUPT : EXIT_DONE;
    }
    server_stop(server);
    str_free(&tenants);
    sgl_engine_unref(engine);
    return rc;
}

int cmd_serve(int argc, char **argv)
{
    struct options o = { .port = 30000, .max_queued_tokens = 4 << 20 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "serve", serve_flags, N_SERVE_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("serve", serve_flags, N_SERVE_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n > 0 || o.port > 65535) {
            fprintf(stderr, "sglrun: serve takes flags only, and ports up to 65535\n");
        } else {
            rc = serve(&o);
        }
    }
    options_free(&o);
    return rc;
}

/* ---- repl ---- */

static const struct flag repl_flags[] = {
    FLAGS_ENGINE,
    FLAG(FLAG_BOOL, "no-model", no_model, NULL, "without a model: entries that ask one fail"),
    FLAG(FLAG_TEXT, "seed", seed, "N", "seed of all draws"),
    FLAG(FLAG_LIST, "set", set, "NAME=V", "default of a sampling argument, such as temp=0.7"),
    FLAG(FLAG_LIST, "allow-read", allow_read, "DIR", "folder that entries may read"),
    FLAG(FLAG_LIST, "allow-write", allow_write, "DIR", "folder that entries may write"),
    FLAG(FLAG_LIST, "allow-run", allow_run, "PROG", "program that an extern may start"),
    FLAG(FLAG_LIST, "load", load, "LIB", "shared library whose functions bind externs"),
    FLAG(FLAG_LIST, "limit", limit, "NAME=N", "changes a limit, such as contexts=1000"),
    FLAG(FLAG_BOOL, "quiet", quiet, NULL, "no progress"),
};
enum { N_REPL_FLAG = sizeof repl_flags / sizeof *repl_flags };

static int repl(const struct options *o)
{
    sgl_run_config config;
    struct repl_opts opts = { .config = &config, .file = o->rest.n ? o->rest.at[0] : NULL,
                              .color = output_color() };
    sgl_error err;
    if (!options_run(o, &config))
        return EXIT_USAGE;
    config.stream = true;
    struct loaded libs;
    int rc = EXIT_FAILED;
    bool no_engine = o->no_model;
    if (!load_open(o, &libs, &config) ||
        (!no_engine && !output_engine_if(o, &opts.engine, &no_engine)))
        ;       /* said */
    else if (sgl_runtime_new(NULL, &opts.rt, &err) != SGL_OK)
        output_error(&err);
    else
        rc = repl_run(&opts);
    sgl_runtime_free(opts.rt);
    sgl_engine_unref(opts.engine);
    load_close(&libs);
    return rc;
}

int cmd_repl(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "repl", repl_flags, N_REPL_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("repl", repl_flags, N_REPL_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n > 1) {
            fprintf(stderr, "sglrun: repl takes one file at most\n");
        } else {
            rc = repl(&o);
        }
    }
    options_free(&o);
    return rc;
}
