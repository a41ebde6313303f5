/* draws.c - rows whose tokens are drawn on the GPU: collected in pinned memory, sent over, drawn.
 *
 * Masks always go over, edits only where there are some. */
#include <string.h>

#include "kernels/cuda/cuda.h"

enum { MAX_ROW = KERNEL_ROW_TILE };

enum status cuda_draws_new(struct cuda *c, struct error *err)
{
    struct draws *d = &c->draws;
    uint32_t n_vocab = c->opts.n_vocab;
    if (!n_vocab)
        return ST_OK;
    d->n_word = (n_vocab + 31) / 32;
    d->max_edit = 3 * n_vocab;
    d->off_mask = MAX_ROW * sizeof(struct draw_work);
    d->off_edit = d->off_mask + (size_t)MAX_ROW * d->n_word * sizeof(uint32_t);
    d->n_byte = d->off_edit + (size_t)d->max_edit * sizeof(struct draw_edit);
    if (cudaMallocHost((void **)&d->host, d->n_byte) != cudaSuccess ||
        cudaMalloc((void **)&d->dev, d->n_byte) != cudaSuccess ||
        cudaMallocHost((void **)&d->host_out, MAX_ROW * sizeof *d->host_out) != cudaSuccess ||
        cudaMalloc((void **)&d->dev_out, MAX_ROW * sizeof *d->dev_out) != cudaSuccess)
        return error_set(err, ST_NOMEM, "no memory for drawing on the GPU");
    return ST_OK;
}

void cuda_draws_free(struct cuda *c)
{
    cudaFreeHost(c->draws.host);
    cudaFreeHost(c->draws.host_out);
    cudaFree(c->draws.dev);
    cudaFree(c->draws.dev_out);
}

bool cuda_draw_add(struct device *dev, const struct draw_row *r)
{
    struct draws *d = &((struct cuda *)dev)->draws;
    uint32_t n = r->n_repeat + r->n_minus + r->n_plus;
    if (d->n_row == MAX_ROW || n > d->max_edit - d->n_edit)
        return false;
    if (r->mask)
        memcpy(d->host + d->off_mask + (size_t)d->n_row * d->n_word * sizeof *r->mask, r->mask,
               d->n_word * sizeof *r->mask);
    if (n)
        memcpy(d->host + d->off_edit + d->n_edit * sizeof *r->edit, r->edit, n * sizeof *r->edit);
    ((struct draw_work *)d->host)[d->n_row++] = (struct draw_work){
        .logit = r->logit, .masked = r->mask != NULL, .edit = d->n_edit,
        .n_repeat = r->n_repeat, .n_minus = r->n_minus, .n_plus = r->n_plus,
        .repetition = r->repetition, .top_k = r->top_k, .temp = r->temp, .top_p = r->top_p,
        .min_p = r->min_p, .key_lo = r->key_lo, .key_hi = r->key_hi, .index = r->index };
    d->n_edit += n;
    return true;
}

static bool send(struct cuda *c, size_t from, size_t n_byte)
{
    struct draws *d = &c->draws;
    return n_byte == 0 ||
           cuda_ok(c, cudaMemcpyAsync(d->dev + from, d->host + from, n_byte,
                                      cudaMemcpyHostToDevice, c->stream), "draw");
}

enum status cuda_draw_run(struct device *dev, float *logits, struct drawn *ret, struct error *err)
{
    struct cuda *c = (struct cuda *)dev;
    struct draws *d = &c->draws;
    uint32_t n = d->n_row;
    size_t head = d->off_mask + (size_t)n * d->n_word * sizeof(uint32_t);
    if (n && cuda_ok(c, cudaSetDevice(c->gpu), "draw") && send(c, 0, head) &&
        send(c, d->off_edit, d->n_edit * sizeof(struct draw_edit)) &&
        cuda_ok(c, draw_launch(c->stream, (const struct draw_work *)d->dev, n,
                               (const uint32_t *)(d->dev + d->off_mask),
                               (const struct draw_edit *)(d->dev + d->off_edit), logits,
                               c->opts.n_vocab, d->dev_out), "draw"))
        cuda_ok(c, cudaMemcpyAsync(d->host_out, d->dev_out, n * sizeof *ret,
                                   cudaMemcpyDeviceToHost, c->stream), "draw");
    d->n_row = d->n_edit = 0;
    enum status st = dev->ops->wait(dev, err);
    if (st == ST_OK && n)
        memcpy(ret, d->host_out, n * sizeof *ret);
    return st;
}
