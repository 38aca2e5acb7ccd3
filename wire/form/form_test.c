/* SPDX-License-Identifier: Apache-2.0 */
/* Forms, field by field, and rules over their texts. */

#include "test.h"

#include <string.h>

#include <weir/form.h>

#define HEAD(name)                                                             \
    "--x\r\nContent-Disposition: form-data; name=\"" name "\"\r\n"
#define FIELD(name, value) HEAD(name) "\r\n" value "\r\n"
#define FILE_(name, type, value)                                               \
    "--x\r\nContent-Disposition: form-data; name=\"" name                      \
    "\"; filename=\"f\"\r\nContent-Type: " type "\r\n\r\n" value "\r\n"
#define LAST "--x--\r\n"

static struct weir_detect_set *
set_of(enum weir_detect_action action, const char *replacement)
{
    const weir_span terms[] = {WEIR_SPAN("whisper")};
    const struct weir_detect_rule rules[] = {
        {.name = WEIR_SPAN("mail"),
         .detector = weir_detector_find(WEIR_SPAN("mail")),
         .action = action,
         .replacement = weir_span_of(replacement)},
        {.name = WEIR_SPAN("term"),
         .terms = terms,
         .term_count = 1,
         .action = action}};
    struct weir_detect_set *set = NULL;
    assert_ok(weir_detect_compile(rules, 2, &set, NULL));
    return set;
}

static void
expect(weir_span body, const char *wanted)
{
    struct weir_detect_set *set = set_of(WEIR_DETECT_MASK, "");
    struct weir_buf text;
    weir_buf_init(&text, 1 << 16);
    struct weir_detect_out out = {.text = &text};
    assert_true(weir_form_detect(set, body, &out));
    assert_int_equal(out.is_changed, wanted != NULL);
    assert_true(weir_span_equal(weir_buf_span(&text),
                                weir_span_of(wanted != NULL ? wanted : "")));
    weir_buf_fini(&text);
    weir_detect_free(set);
}

TEST(form, fields_and_files_of_text_are_masked)
{
    expect(WEIR_SPAN(FIELD("model", "whisper") FIELD("prompt", "a@b.io whisper")
                         FILE_("file", "text/plain", "x\r\nc@d.eu\r\n") LAST),
           FIELD("model", "whisper") FIELD("prompt", "[MAIL] [TERM]")
               FILE_("file", "text/plain", "x\r\n[MAIL]\r\n") LAST);
    expect(WEIR_SPAN(FIELD("prompt", "a song") LAST), NULL);
    expect(WEIR_SPAN(FIELD("model", "a@b.io") LAST),
           FIELD("model", "[MAIL]") LAST);
}

TEST(form, sound_and_pictures_pass_as_they_are)
{
    expect(
        WEIR_SPAN(FILE_("file", "audio/wav", "RIFF\x01\x00 a@b.io \xff") LAST),
        NULL);
    /* what a client says a file is does not count */
    expect(WEIR_SPAN(FILE_("file", "audio/wav", "a@b.io") LAST),
           FILE_("file", "audio/wav", "[MAIL]") LAST);
}

TEST(form, what_cannot_be_looked_at_is_refused)
{
    static const char *const bad[] = {FIELD("prompt", "a \xff b") LAST,
                                      FIELD("prompt", "a"),
                                      "{\"prompt\":\"a\"}", "--x--\r\nmore"};
    struct weir_detect_set *set = set_of(WEIR_DETECT_MASK, "");
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct weir_buf text;
        weir_buf_init(&text, 1 << 16);
        struct weir_detect_out out = {.text = &text};
        assert_false(weir_form_detect(set, weir_span_of(bad[i]), &out));
        weir_buf_fini(&text);
    }
    weir_detect_free(set);
}

TEST(form, a_replacement_cannot_end_a_field)
{
    struct weir_detect_set *set =
        set_of(WEIR_DETECT_MASK, "\r\n--x\r\nContent-Disposition: form-data; "
                                 "name=n\r\n\r\n5");
    struct weir_buf text;
    weir_buf_init(&text, 1 << 16);
    struct weir_detect_out out = {.text = &text};
    assert_false(
        weir_form_detect(set, WEIR_SPAN(FIELD("prompt", "a@b.io") LAST), &out));
    weir_buf_fini(&text);
    weir_detect_free(set);
}

TEST(form, a_block_stops_at_the_first_match)
{
    struct weir_detect_set *set = set_of(WEIR_DETECT_BLOCK, "");
    struct weir_buf text;
    weir_buf_init(&text, 1 << 16);
    struct weir_detect_out out = {.text = &text};
    assert_true(weir_form_detect(
        set, WEIR_SPAN(FIELD("prompt", "hear a@b.io") LAST), &out));
    assert_true(out.is_blocked);
    assert_int_equal(out.blocked_by, 0);
    weir_buf_fini(&text);
    weir_detect_free(set);
}

static bool
add(void *context, weir_span text)
{
    weir_buf_add_span(context, text);
    weir_buf_add_byte(context, '|');
    return true;
}

TEST(form, texts_are_those_that_say_something)
{
    struct weir_buf all;
    weir_buf_init(&all, 4096);
    assert_true(
        weir_form_texts(WEIR_SPAN(FIELD("model", "m") FIELD("prompt", "a song")
                                      FILE_("file", "audio/wav", "\x01") LAST),
                        add, &all));
    assert_span(weir_buf_span(&all), "a song|");
    weir_buf_fini(&all);
}

TEST(form, a_field_that_is_no_text_is_not_passed_over)
{
    struct weir_buf all;
    weir_buf_init(&all, 4096);
    assert_false(weir_form_texts(
        WEIR_SPAN(FIELD("model", "m") FIELD("prompt", "a \xff b") LAST), add,
        &all));
    assert_true(weir_form_texts(
        WEIR_SPAN(FIELD("prompt", "") FIELD("language", "en") LAST), add,
        &all));
    assert_int_equal(all.len, 0);
    weir_buf_fini(&all);
}
