/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The realtime API: what an origin says, as far as it costs something.
 *
 *    response.created   an answer has begun
 *    response.*.delta   it grows
 *    response.done      it is over, with its usage
 *    conversation.item.input_audio_transcription.completed
 *                       what was heard is written down, with its usage: in
 *                       tokens, or in seconds as such models are sold
 *    error              what was asked for may not come
 */
#include <weir/realtime.h>

#include <weir/json.h>

#include <string.h>

static uint64_t
sound_bytes(uint64_t base64)
{
    return base64 / 4 * 3;
}

enum {
    HEARD_TYPE,
    DELTA,
    RESPONSE_ID,
    DELTA_RESPONSE_ID,
    USAGE,
    WRITTEN,
    WRITTEN_USAGE,
    WRITTEN_SECONDS,
    HEARD_MEMBERS
};

static const weir_json_path heard_members[HEARD_MEMBERS] = {
    [HEARD_TYPE] = WEIR_JSON_PATH1("type"),
    [DELTA] = WEIR_JSON_PATH1("delta"),
    [RESPONSE_ID] = WEIR_JSON_PATH2("response", "id"),
    [DELTA_RESPONSE_ID] = WEIR_JSON_PATH1("response_id"),
    [USAGE] = WEIR_JSON_PATH2("response", "usage"),
    [WRITTEN] = WEIR_JSON_PATH1("transcript"),
    [WRITTEN_USAGE] = WEIR_JSON_PATH1("usage"),
    [WRITTEN_SECONDS] = WEIR_JSON_PATH2("usage", "seconds"),
};

static void
read_delta(weir_span type, const weir_json_hit *delta,
           struct weir_realtime_heard *heard)
{
    uint64_t bytes = delta->raw.len > 2 ? delta->raw.len - 2 : 0;
    heard->kind = WEIR_REALTIME_DELTA;
    if (weir_span_equal(type, WEIR_SPAN("response.output_audio.delta")) ||
        weir_span_equal(type, WEIR_SPAN("response.audio.delta")))
        heard->audio_bytes = sound_bytes(bytes);
    else
        heard->text_bytes = bytes;
}

/* A second begun counts as a whole one. False: no plain number. */
static bool
read_seconds(const weir_json_hit *hit, uint64_t *seconds_out)
{
    if (hit->kind != WEIR_JSON_NUMBER)
        return false;
    weir_span whole = hit->raw;
    const char *dot = memchr(whole.ptr, '.', whole.len);
    if (dot != NULL)
        whole.len = (size_t)(dot - whole.ptr);
    if (!weir_span_to_u64(whole, seconds_out) || *seconds_out > UINT32_MAX)
        return false;
    bool is_more = false;
    for (const char *at = hit->raw.ptr + whole.len + 1;
         at < hit->raw.ptr + hit->raw.len; at++) {
        if (*at < '0' || *at > '9')
            return false; /* with an exponent */
        is_more |= *at != '0';
    }
    *seconds_out += is_more ? 1 : 0;
    return true;
}

static void
read_written(const weir_json_hit hits[HEARD_MEMBERS],
             struct weir_realtime_heard *heard)
{
    const weir_json_hit *usage = &hits[WRITTEN_USAGE];
    heard->kind = WEIR_REALTIME_WRITTEN;
    heard->text_bytes =
        hits[WRITTEN].raw.len > 2 ? hits[WRITTEN].raw.len - 2 : 0;
    heard->has_usage =
        read_seconds(&hits[WRITTEN_SECONDS], &heard->usage.input_tokens) ||
        (usage->kind == WEIR_JSON_OBJECT &&
         weir_usage_read(usage->raw, &heard->usage, NULL) == WEIR_OK);
}

bool
weir_realtime_read_heard(weir_span event, struct weir_realtime_heard *heard_out)
{
    struct weir_json_root root;
    weir_json_hit hits[HEARD_MEMBERS];
    char room[128];
    weir_span type = WEIR_SPAN_NONE;

    *heard_out = (struct weir_realtime_heard){0};
    if (weir_json_scan(event, heard_members, HEARD_MEMBERS, 0, &root, hits,
                       NULL) != WEIR_OK ||
        root.kind != WEIR_JSON_OBJECT ||
        hits[HEARD_TYPE].kind != WEIR_JSON_STRING)
        return false;
    if (!weir_json_unescape_into(hits[HEARD_TYPE].raw, room, sizeof(room),
                                 &type))
        return true;
    heard_out->answer = weir_hash64(hits[DELTA_RESPONSE_ID].raw.len > 0
                                        ? hits[DELTA_RESPONSE_ID].raw
                                        : hits[RESPONSE_ID].raw,
                                    0);
    if (weir_span_equal(type, WEIR_SPAN("response.created")))
        heard_out->kind = WEIR_REALTIME_BEGUN;
    else if (weir_span_equal(type, WEIR_SPAN("response.done")))
        heard_out->kind = WEIR_REALTIME_DONE;
    else if (weir_span_equal(type, WEIR_SPAN("error")))
        heard_out->kind = WEIR_REALTIME_FAILED;
    else if (weir_span_starts(type, WEIR_SPAN("response.")) &&
             weir_span_ends(type, WEIR_SPAN(".delta")) &&
             hits[DELTA].kind == WEIR_JSON_STRING)
        read_delta(type, &hits[DELTA], heard_out);
    else if (weir_span_equal(type,
                             WEIR_SPAN("conversation.item."
                                       "input_audio_transcription.completed")))
        read_written(hits, heard_out);
    if (heard_out->kind == WEIR_REALTIME_DONE)
        heard_out->has_usage =
            hits[USAGE].kind == WEIR_JSON_OBJECT &&
            weir_usage_read(hits[USAGE].raw, &heard_out->usage, NULL) ==
                WEIR_OK;
    return true;
}

/* ------------------------------------------------------------ estimate */

#define SOUND_SECOND 48000 /* bytes: 16 bit at 24 kHz */
#define HEARD_TOKEN  (SOUND_SECOND / 10)
#define SPOKEN_TOKEN (SOUND_SECOND / 20)

static uint64_t
parts(uint64_t bytes, uint64_t each)
{
    return bytes / each + (bytes % each != 0 ? 1 : 0);
}

struct weir_usage
weir_realtime_estimate(uint64_t text_in, uint64_t audio_in, uint64_t text_out,
                       uint64_t audio_out)
{
    struct weir_usage usage = weir_usage_estimate(text_in, text_out);
    usage.audio_input_tokens = parts(audio_in, HEARD_TOKEN);
    usage.audio_output_tokens = parts(audio_out, SPOKEN_TOKEN);
    usage.input_tokens += usage.audio_input_tokens;
    usage.output_tokens += usage.audio_output_tokens;
    return usage;
}

/* As of files of sound: surfaces/openai/other.c. */
#define WRITTEN_UNIT 4000

struct weir_usage
weir_realtime_estimate_written(uint64_t audio_in, uint64_t text_out)
{
    struct weir_usage usage = weir_usage_estimate(0, text_out);
    usage.input_tokens = parts(audio_in, WRITTEN_UNIT);
    return usage;
}
