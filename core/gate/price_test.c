/* SPDX-License-Identifier: Apache-2.0 */
/* Which rates a hold takes, by what the body speaks of. */
#include "gate_fixture.h"
#include "internal.h"

/* Sound costs ten times as much, pictures twenty times. */
static void
add_rates(struct weir_world *world)
{
    struct weir_price *price = &world->model_rows[0].price;
    price->audio_input = 10 * price->input;
    price->image_input = 20 * price->input;
}

static weir_micros
price_of(struct bench *bench, const char *body, bool knows_names)
{
    const struct weir_usage usage = {.input_tokens = 1000000};
    struct weir_client client = {WEIR_SPAN("127.0.0.1"), WEIR_SPAN("NO"),
                                 WEIR_SPAN("")};
    struct weir_ask ask = {.operation = WEIR_OP_CHAT,
                           .model = WEIR_SPAN("large"),
                           .input_tokens = 1000,
                           .n = 1,
                           .body = weir_span_of(body),
                           .body_bytes = strlen(body),
                           .knows_names = knows_names};
    struct weir_json_root root;
    struct weir_call call;
    assert_ok(weir_json_scan(ask.body, NULL, 0, 0, &root, NULL, NULL));
    ask.names = root.names;
    weir_call_begin(&call, &bench->gate, &bench->view, &client, bench->now);
    assert_ok(weir_call_identify(
        &call, (weir_secret){KEY_NORTH, strlen(KEY_NORTH)}, NULL));
    assert_ok(weir_call_decide(&call, &ask, NULL));
    return weir__call_price(&call, call.answer.candidates[0].deployment,
                            &usage);
}

TEST(price, sound_and_pictures_are_held_for_where_a_member_may_hold_them)
{
    static const struct {
        const char *body;
        unsigned times; /* the rate of plain input */
    } cases[] = {
        {"{\"messages\":[{\"content\":\"hello\"}]}", 1},
        {"{\"contents\":[{\"parts\":[{\"text\":\"an image of audio\"}]}]}", 1},
        {"{\"input\":\"an image\",\"tools\":[{\"type\":\"image_generation\"}]}",
         20},
        {"{\"messages\":[{\"content\":[{\"type\":\"input_audio\","
         "\"input_audio\":{\"data\":\"\",\"format\":\"wav\"}}]}]}",
         10},
        {"{\"messages\":[{\"content\":[{\"type\":\"image_url\",\"image_url\":"
         "{\"url\":\"data:\"}}]}]}",
         20},
        {"{\"input\":[{\"content\":[{\"type\":\"input_image\",\"file_id\":"
         "\"f\"}]}]}",
         20},
        {"{\"messages\":[{\"content\":[{\"type\":\"image\",\"source\":{}}]}]}",
         20},
        {"{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":"
         "\"audio/wav\"}}]}]}",
         10},
        {"{\"contents\":[{\"parts\":[{\"file_data\":{\"mime_type\":"
         "\"image/png\"}}]}]}",
         20},
        {"{\"messages\":[{\"content\":[{\"image\":{\"format\":\"png\"}}]}]}",
         20},
        {"{\"messages\":[{\"content\":[{\"im\\u0061ge\":{\"type\":"
         "\"image\"}}]}]}",
         20},
    };
    struct bench *bench = bench_of(add_rates);
    weir_micros plain = price_of(bench, "{}", true);
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_micros price = price_of(bench, cases[i].body, true);
        if (price != plain * (weir_micros)cases[i].times)
            fail_msg("%s: %lld for %lld", cases[i].body, (long long)price,
                     (long long)plain);
    }
    /* without names, the word alone counts */
    assert_int_equal(price_of(bench, cases[1].body, false), 20 * plain);
    bench_free(bench);
}
