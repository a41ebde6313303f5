// engine.cpp - the engine alone, from C++: one generation, streamed, and a JSON value.
//
//     c++ engine.cpp $(pkg-config --cflags --libs sgl) -o engine && ./engine [MODEL]
#include <sgl/sgl_engine.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

namespace {

struct Close {
    void operator()(sgl_engine *e) const { sgl_engine_unref(e); }
    void operator()(sgl_call *c) const { sgl_call_free(c); }
};

// Prints pieces as they come; false when the call failed.
bool follow(sgl_call *call)
{
    sgl_call_event ev;
    bool good = false;
    while (sgl_call_next(call, -1, &ev) == SGL_OK) {
        if (ev.kind == SGL_CALL_TEXT)
            std::fwrite(ev.text, 1, ev.text_len, stdout);
        else if (ev.kind == SGL_CALL_DONE)
            good = true;
        else
            std::fprintf(stderr, "engine: %s\n", ev.error.text);
    }
    std::puts("");
    return good;
}

bool ask(sgl_engine *engine, const sgl_request &request)
{
    sgl_error err;
    sgl_call *call = nullptr;
    if (sgl_generate(engine, &request, &call, &err) != SGL_OK) {
        std::fprintf(stderr, "engine: %s\n", err.text);
        return false;
    }
    std::unique_ptr<sgl_call, Close> owner(call);
    return follow(call);
}

}  // namespace

int main(int argc, char **argv)
{
    sgl_engine_config config;
    sgl_engine_config_init(&config);
    config.model = argc > 1 ? argv[1] : nullptr;

    sgl_error err;
    sgl_engine *opened = nullptr;
    if (sgl_engine_open(&config, &opened, &err) != SGL_OK) {
        std::fprintf(stderr, "engine: %s\n", err.text);
        return 1;
    }
    std::unique_ptr<sgl_engine, Close> engine(opened);

    sgl_request request;
    sgl_request_init(&request);
    request.messages = R"([{"role": "user", "content": "Name a colour."}])";
    request.max_tokens = 16;
    request.temperature = 0;
    request.stream = true;
    if (!ask(engine.get(), request))
        return 1;

    request.messages = R"([{"role": "user", "content": "Describe a cat as JSON."}])";
    request.json_schema = R"({"type": "object", "required": ["name", "age"],
        "properties": {"name": {"type": "string", "maxLength": 12},
                       "age": {"type": "integer", "minimum": 0, "maximum": 20}},
        "additionalProperties": false})";
    request.max_tokens = 64;
    return ask(engine.get(), request) ? 0 : 1;
}
