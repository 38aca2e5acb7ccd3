/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events (WHATWG HTML, 9.2.6) for a pass-through.
 *
 *    input: ...data: {"a":1}\n\n data: {"b":          (read 1)
 *              2}\n\n data: [DONE]\n\n                (read 2)
 *
 * Events that lie whole in one read are spans of it. What a read leaves
 * unfinished moves to `held`, and the next read's bytes are added up to the
 * blank line, never further, so `held` is one event and nothing is copied
 * twice.
 *
 * WHY EVENTS KEEP THEIR RAW BYTES. A pass-through must not write an event
 * anew: spacing, comments and fields it does not know are the origin's.
 *
 * WHY A CR ENDS AN EVENT AT ONCE. Waiting for the LF that may follow could
 * hold the event until the next one. The LF, if it comes, is a small event
 * of its own (is_tail) that shares the fate of the one before.
 *
 * LARGE EVENTS. When `held` is full, the event comes out in parts: a small
 * machine finds the data lines in it as bytes pass, with no buffer at all.
 */
#include <weir/sse.h>

#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

/* States of an event in parts. */
enum {
    PART_NONE,
    PART_LEAD, /* blank lines and byte order mark before it */
    PART_NAME,
    PART_SPACE,
    PART_DATA,
    PART_OTHER
};

/* Added to the held bytes at a time: the event may end soon. */
#define SLICE ((size_t)1024)

/* First CR or LF from `at`, or `end`. */
static const char *
line_end(const char *at, const char *end)
{
#if defined(__x86_64__)
    const __m128i lf = _mm_set1_epi8('\n');
    const __m128i cr = _mm_set1_epi8('\r');
    for (; end - at >= 16; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        int found = _mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)));
        if (found != 0)
            return at + __builtin_ctz((unsigned)found);
    }
#endif
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    return at;
}

void
weir_sse_init(struct weir_sse *sse, size_t held_max)
{
    memset(sse, 0, sizeof(*sse));
    weir_buf_init(&sse->held, held_max);
    /* Never longer than an event that is in memory already. */
    weir_buf_init(&sse->joined, SIZE_MAX / 4);
}

void
weir_sse_fini(struct weir_sse *sse)
{
    weir_buf_fini(&sse->held);
    weir_buf_fini(&sse->joined);
}

void
weir_sse_reset(struct weir_sse *sse)
{
    struct weir_buf held = sse->held;
    struct weir_buf joined = sse->joined;
    memset(sse, 0, sizeof(*sse));
    weir_buf_reset(&held);
    weir_buf_reset(&joined);
    sse->held = held;
    sse->joined = joined;
}

/* ------------------------------------------------------------- lines */

static size_t
mark_length(const struct weir_sse *sse, const char *text, size_t len)
{
    return !sse->is_started && len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0
               ? 3
               : 0;
}

/* Looks on for the blank line in an event's bytes; 0: not yet there, else
 * the event's length. */
static size_t
event_length(struct weir_sse *sse, const char *text, size_t len)
{
    const char *end = text + len;
    while (sse->scanned < len) {
        if (sse->after_cr) {
            sse->after_cr = false;
            if (text[sse->scanned] == '\n') {
                sse->scanned++;
                sse->line_at = sse->scanned;
                continue;
            }
        }
        const char *at = line_end(text + sse->scanned, end);
        sse->scanned = (size_t)(at - text);
        if (at == end)
            return 0;
        size_t mark = sse->line_at == 0 ? mark_length(sse, text, len) : 0;
        bool is_blank = sse->scanned == sse->line_at + mark;
        sse->after_cr = *at == '\r';
        sse->scanned++;
        sse->line_at = sse->scanned;
        if (!is_blank) {
            sse->has_content = true;
        } else if (sse->has_content) {
            if (sse->after_cr && sse->scanned < len &&
                text[sse->scanned] == '\n') {
                sse->after_cr = false;
                sse->scanned++;
            }
            return sse->scanned;
        }
    }
    return 0;
}

static void
forget_event(struct weir_sse *sse)
{
    sse->ended_by_cr = sse->after_cr;
    sse->line_at = 0;
    sse->scanned = 0;
    sse->has_content = false;
    sse->after_cr = false;
    sse->is_started = true;
}

static void
add_data(struct weir_sse *sse, struct weir_sse_event *event, weir_span value)
{
    if (!event->has_data) {
        event->has_data = true;
        event->data = value;
        return;
    }
    if (sse->joined.len == 0)
        weir_buf_add_span(&sse->joined, event->data);
    weir_buf_add_byte(&sse->joined, '\n');
    weir_buf_add_span(&sse->joined, value);
    event->data = weir_buf_span(&sse->joined);
}

/* Splits an event's bytes into name and data. */
static void
read_event(struct weir_sse *sse, struct weir_sse_event *event)
{
    const char *at = event->raw.ptr;
    const char *end = at + event->raw.len;

    weir_buf_reset(&sse->joined);
    at += mark_length(sse, at, event->raw.len);
    while (at < end) {
        const char *behind = line_end(at, end);
        const char *colon = memchr(at, ':', (size_t)(behind - at));
        weir_span field = {at, (size_t)((colon ? colon : behind) - at)};
        weir_span value = WEIR_SPAN_NONE;
        if (colon != NULL) {
            value.ptr = colon + 1;
            if (value.ptr < behind && *value.ptr == ' ')
                value.ptr++;
            value.len = (size_t)(behind - value.ptr);
        }
        if (weir_span_equal(field, WEIR_SPAN("data")))
            add_data(sse, event, value);
        else if (weir_span_equal(field, WEIR_SPAN("event")))
            event->name = value;
        at = behind + 1; /* of a CRLF, the LF looks like one blank line */
    }
    if (sse->joined.overflow) {
        /* No memory for several lines: it passes unread. */
        event->is_part = true;
        event->data = WEIR_SPAN_NONE;
    }
}

/* ------------------------------------------------------------- parts */

/* In a line's name: one byte; true: a stretch of data or the event ends. */
static bool
part_name(struct weir_sse *sse, char c, struct weir_sse_event *event)
{
    if (c == '\n' || c == '\r') {
        /* A blank line ends the event; a short one is skipped. */
        event->is_last = sse->part_name == 0;
        sse->part_name = 0;
        sse->after_cr = c == '\r';
        return event->is_last;
    }
    if (sse->part_name < 4 && c == "data"[sse->part_name]) {
        sse->part_name++;
        return false;
    }
    if (sse->part_name < 4 || c != ':') {
        sse->part_state = PART_OTHER;
        return false;
    }
    sse->part_state = PART_SPACE;
    bool is_joined = sse->part_has_data;
    if (is_joined)
        event->data = WEIR_SPAN("\n");
    sse->part_has_data = true;
    return is_joined;
}

/* In a line's value: up to its end; true: that was a stretch of data. */
static bool
part_value(struct weir_sse *sse, const char **at, const char *end,
           struct weir_sse_event *event)
{
    const char *behind = line_end(*at, end);
    bool is_data = sse->part_state == PART_DATA && behind > *at;
    if (is_data)
        event->data = (weir_span){*at, (size_t)(behind - *at)};
    *at = behind;
    if (behind < end) {
        sse->after_cr = *behind == '\r';
        sse->part_state = PART_NAME;
        sse->part_name = 0;
        (*at)++;
    }
    return is_data;
}

/* Gives the next piece of an oversize event out of `from`: bytes up to the
 * end of one stretch of data, or of the bytes. */
static void
next_part(struct weir_sse *sse, weir_span *from, struct weir_sse_event *event)
{
    const char *start = from->ptr;
    const char *at = start;
    const char *end = start + from->len;
    bool is_done = false;

    event->is_part = true;
    while (at < end && !is_done) {
        bool is_half = sse->after_cr && *at == '\n'; /* of CRLF */
        sse->after_cr = false;
        if (is_half) {
            at++;
        } else if (sse->part_state == PART_LEAD) {
            if (*at == '\n' || *at == '\r' ||
                (!sse->is_started && (*at & 0x80) != 0))
                at++;
            else
                sse->part_state = PART_NAME;
        } else if (sse->part_state == PART_NAME) {
            is_done = part_name(sse, *at, event);
            at++;
        } else if (sse->part_state == PART_SPACE) {
            at += *at == ' ' ? 1 : 0;
            sse->part_state = PART_DATA;
        } else {
            is_done = part_value(sse, &at, end, event);
        }
    }
    if (event->is_last && sse->after_cr && at < end && *at == '\n') {
        sse->after_cr = false;
        at++;
    }
    event->has_data = event->data.ptr != NULL;
    event->raw = (weir_span){start, (size_t)(at - start)};
    from->ptr = at;
    from->len = (size_t)(end - at);
    if (event->is_last) {
        sse->part_state = PART_NONE;
        forget_event(sse);
    }
}

/* The held bytes of an oversize event first, then the input. */
static bool
take_part(struct weir_sse *sse, weir_span *input,
          struct weir_sse_event *event_out)
{
    if (sse->parted < sse->held.len) {
        weir_span from = {sse->held.ptr + sse->parted,
                          sse->held.len - sse->parted};
        next_part(sse, &from, event_out);
        sse->parted = sse->held.len - from.len;
        event_out->is_held = true;
        /* Held bytes have no blank line in them: see hold(). */
        sse->is_given = sse->parted == sse->held.len;
        return true;
    }
    if (input->len == 0)
        return false;
    next_part(sse, input, event_out);
    return true;
}

static void
begin_parts(struct weir_sse *sse)
{
    sse->part_state = PART_LEAD;
    sse->part_name = 0;
    sse->part_has_data = false;
    sse->parted = 0;
    sse->after_cr = false;
    sse->held.overflow = false;
}

/* ------------------------------------------------------------ events */

/* Adds input to the held bytes until the event's end, the input's or the
 * buffer's; the event's length, or 0. */
static size_t
hold(struct weir_sse *sse, weir_span *input)
{
    while (input->len > 0 && sse->held.len < sse->held.max) {
        size_t before = sse->held.len;
        size_t take = sse->held.max - before;
        take = take < SLICE ? take : SLICE;
        take = take < input->len ? take : input->len;
        weir_buf_add(&sse->held, input->ptr, take);
        if (sse->held.overflow)
            return 0;
        size_t length = event_length(sse, sse->held.ptr, sse->held.len);
        if (length != 0) {
            take = length - before;
            sse->held.len = length;
        }
        input->ptr += take;
        input->len -= take;
        if (length != 0)
            return length;
    }
    return 0;
}

static bool
whole_event(struct weir_sse *sse, weir_span raw, bool is_held,
            struct weir_sse_event *event_out)
{
    event_out->raw = raw;
    event_out->is_held = is_held;
    event_out->is_last = true;
    read_event(sse, event_out);
    forget_event(sse);
    return true;
}

bool
weir_sse_next(struct weir_sse *sse, weir_span *input,
              struct weir_sse_event *event_out)
{
    *event_out = (struct weir_sse_event){0};
    if (sse->is_given) {
        weir_buf_reset(&sse->held);
        sse->parted = 0;
        sse->is_given = false;
    }
    if (sse->part_state != PART_NONE)
        return take_part(sse, input, event_out);
    if (input->len == 0)
        return false;
    if (sse->ended_by_cr) {
        sse->ended_by_cr = false;
        if (*input->ptr == '\n') {
            event_out->raw = (weir_span){input->ptr++, 1};
            input->len--;
            event_out->is_last = true;
            event_out->is_tail = true;
            return true;
        }
    }
    if (sse->held.len == 0) {
        size_t length = event_length(sse, input->ptr, input->len);
        if (length != 0) {
            weir_span raw = {input->ptr, length};
            input->ptr += length;
            input->len -= length;
            return whole_event(sse, raw, false, event_out);
        }
        /* What fits moves to the buffer, and is not looked at again; what
         * does not comes out in parts from where it is. */
        if (input->len <= sse->held.max) {
            weir_buf_add_span(&sse->held, *input);
            if (!sse->held.overflow) {
                input->ptr += input->len;
                input->len = 0;
            }
        }
    } else if (hold(sse, input) != 0) {
        sse->is_given = true;
        return whole_event(sse, weir_buf_span(&sse->held), true, event_out);
    }
    if (input->len == 0)
        return false;
    begin_parts(sse);
    return take_part(sse, input, event_out);
}

bool
weir_sse_rest(struct weir_sse *sse, struct weir_sse_event *event_out)
{
    weir_span none = WEIR_SPAN_NONE;

    *event_out = (struct weir_sse_event){0};
    if (sse->is_given || sse->held.len == 0)
        return false;
    if (sse->part_state != PART_NONE)
        return take_part(sse, &none, event_out);
    sse->is_given = true;
    return whole_event(sse, weir_buf_span(&sse->held), true, event_out);
}
