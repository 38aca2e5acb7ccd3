/* SPDX-License-Identifier: Apache-2.0 */
/* The payload of InvokeModelWithResponseStream's messages. */
#include <weir/eventstream.h>

#include <weir/crypto.h>
#include <weir/raw.h>

#include <string.h>

bool
weir_eventstream_chunk(weir_span payload, struct weir_buf *room,
                       weir_span *data_out)
{
    static const char *const names[1] = {"bytes"};
    struct weir_json_root root;
    weir_span raw;
    size_t len;

    /* A checksum says that nothing was lost, not that it is JSON. */
    if (weir_json_scan(payload, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK ||
        !weir_raw_pick(payload, names, 1, &raw, NULL, NULL) ||
        weir_raw_kind(raw) != WEIR_JSON_STRING)
        return false;
    weir_span text = {raw.ptr + 1, raw.len - 2};
    weir_buf_reset(room);
    size_t at = weir_buf_reserve(room, 2 * raw.len, 1);
    if (at == SIZE_MAX)
        return false;
    char *bytes = room->ptr + at;
    /* "\/" is a slash to some writers */
    if (memchr(text.ptr, '\\', text.len) != NULL &&
        !weir_json_unescape_into(raw, bytes + raw.len, raw.len, &text))
        return false;
    if (!weir_base64_decode(text, bytes, raw.len, &len))
        return false;
    *data_out = (weir_span){bytes, len};
    return true;
}

void
weir_eventstream_put_chunk(struct weir_buf *payload, weir_span data)
{
    size_t size = WEIR_BASE64_LEN(data.len);
    weir_buf_add_span(payload, WEIR_SPAN("{\"bytes\":\""));
    size_t at = weir_buf_reserve(payload, size, 1);
    if (at != SIZE_MAX)
        (void)weir_base64_encode(data, payload->ptr + at);
    weir_buf_add_span(payload, WEIR_SPAN("\"}"));
}
