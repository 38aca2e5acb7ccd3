/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded replies, byte for byte. `replay=<stem>` names the file without
 * its ending (.body.json or .body.sse) below --replay DIR; a stream is sent
 * chunked, and with `split=SEED` cut at random bytes, because the recorder
 * did not keep where the network had cut it.
 */
#include "origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
read_file(const char *path, struct bytes *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    bytes_reset(out);
    for (;;) {
        bytes_need(out, 65536);
        size_t n =
            fread(out->ptr + out->len, 1, out->capacity - out->len, file);
        if (n == 0)
            break;
        out->len += n;
    }
    fclose(file);
    return true;
}

/* The recorded status of an error reply is the number in its meta file. */
static int
recorded_status(const char *stem)
{
    char path[1024];
    struct bytes meta = {0};
    int status = 200;
    snprintf(path, sizeof(path), "%s/%s.meta.json", world.replay_dir, stem);
    if (!read_file(path, &meta))
        return status;
    bytes_add(&meta, "", 1);
    const char *response = strstr(meta.ptr, "\"response\": {");
    const char *at = response ? strstr(response, "\"status\":") : NULL;
    if (at != NULL)
        status = atoi(at + 9);
    bytes_free(&meta);
    return status;
}

bool
replay_open(struct connection *c)
{
    char path[1024];
    if (world.replay_dir == NULL || strstr(c->script.replay, "..") != NULL)
        return false;
    snprintf(path, sizeof(path), "%s/%s.body.json", world.replay_dir,
             c->script.replay);
    if (read_file(path, &c->replay)) {
        int status = recorded_status(c->script.replay);
        reply_simple(c, status == 0 ? 200 : status, "application/json",
                     c->replay.ptr, c->replay.len);
        return true;
    }
    snprintf(path, sizeof(path), "%s/%s.body.sse", world.replay_dir,
             c->script.replay);
    if (!read_file(path, &c->replay))
        return false;
    c->script.chunked = true;
    reply_simple(c, 200, "text/event-stream", c->replay.ptr, c->replay.len);
    return true;
}
