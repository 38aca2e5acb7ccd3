/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/stories/midnight.md, asked of the gate with the clock set: one image,
 * compiled the day before, on both sides of the rule's return.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/crypto.h>
#include <weir/gate.h>

#include "control/config/config.h"

#define MIDNIGHT (INT64_C(1794286800) * WEIR_US_PER_SEC) /* 05:00:00 UTC */

struct night {
    struct weir_world *world;
    struct weir_buf bytes;
    struct weir_buf overlay;
    struct weir_view view;
    struct weir_gate gate;
    struct weir_env env;
    weir_time now;
};

static weir_time
night_now(void *context)
{
    return ((struct night *)context)->now;
}

static bool
night_random(void *context, void *bytes, size_t len)
{
    memset(bytes, 7, len);
    return true;
}

static void
add_key(struct weir_world *world, const char *tenant)
{
    weir_digest digest;
    struct weir_world_key *key = weir_world_add_key(world);
    weir_span secret = weir_span_of(tenant); /* a key's text: its tenant */
    weir_sha256_of(secret, &digest);
    memcpy(key->digest, digest.bytes, sizeof key->digest);
    key->id = secret;
    key->tenant = secret;
    key->project = WEIR_SPAN("app");
    key->purpose = WEIR_SPAN("story");
    key->staff.text = WEIR_SPAN("NO");
    key->not_after = WEIR_TIME_MAX;
}

static void
open_night(struct night *night)
{
    char path[512];
    struct weir_faults faults;
    struct weir_error err;
    const char *source = getenv("WEIR_SOURCE");
    memset(night, 0, sizeof *night);
    weir_faults_init(&faults);
    snprintf(path, sizeof path, "%s/examples/rules/affiliates-50/weir.yaml",
             source == NULL ? "." : source);
    assert_int_equal(weir_config_load(path, &night->world, &faults), WEIR_OK);
    add_key(night->world, "fjordline");
    add_key(night->world, "halfway");
    add_key(night->world, "misty");
    assert_int_equal(weir_config_compile(night->world,
                                         MIDNIGHT - WEIR_US_PER_DAY, 1,
                                         &night->bytes, &faults),
                     WEIR_OK);
    assert_int_equal(
        weir_image_open(weir_buf_span(&night->bytes), &night->view.image, &err),
        WEIR_OK);
    weir_buf_init(&night->overlay, 4096);
    weir_overlay_write(NULL, 0, 1, MIDNIGHT, false, &night->overlay);
    assert_int_equal(weir_overlay_open(weir_buf_span(&night->overlay),
                                       &night->view.overlay, &err),
                     WEIR_OK);
    night->env = (struct weir_env){night, night_now, night_random, NULL};
    night->gate = (struct weir_gate){.env = &night->env};
    weir_faults_fini(&faults);
}

static void
close_night(struct night *night)
{
    weir_buf_fini(&night->bytes);
    weir_buf_fini(&night->overlay);
    weir_world_free(night->world);
}

/* What a caller is told at that time; the refusal's texts in `said`. */
static weir_status
call_at(struct night *night, weir_time now, const char *tenant, char said[512],
        char shadow[64])
{
    struct weir_call call;
    struct weir_error err = {0};
    struct weir_refusal refusal;
    char room[WEIR_REFUSAL_ROOM];
    const struct weir_client client = {WEIR_SPAN("192.0.2.1"), WEIR_SPAN("NO")};
    const struct weir_ask ask = {
        .operation = WEIR_OP_CHAT, .model = WEIR_SPAN("aurora-mini"), .n = 1};
    night->now = now;
    said[0] = shadow[0] = '\0';
    weir_call_begin(&call, &night->gate, &night->view, &client, now);
    assert_ok(
        weir_call_identify(&call, (weir_secret){tenant, strlen(tenant)}, &err));
    weir_status status = weir_call_decide(&call, &ask, &err);
    const struct weir_candidate *first = &call.answer.candidates[0];
    if (first->shadow_count > 0) {
        weir_span id =
            weir_image_text(&night->view.image,
                            night->view.image.policies[first->shadows[0]].id);
        snprintf(shadow, 64, "%.*s", WEIR_SPAN_ARG(id));
    }
    if (status == WEIR_OK)
        return status;
    weir_call_refusal(&call, status, &err, now, room, &refusal);
    snprintf(said, 512, "%.*s|%.*s|%.*s|%.*s", WEIR_SPAN_ARG(refusal.decision),
             WEIR_SPAN_ARG(refusal.policy), WEIR_SPAN_ARG(refusal.authority),
             WEIR_SPAN_ARG(refusal.appeal));
    return status;
}

TEST(midnight, three_companies_see_what_the_story_says_to_the_second)
{
    static const struct {
        weir_time offset;
        weir_status halfway;
        const char *shadow;
    } rows[] = {
        {-WEIR_US_PER_SEC, WEIR_OK, "law-affiliates-shadow"},
        {-1, WEIR_OK, "law-affiliates-shadow"},
        {0, WEIR_EDENIED, ""},
        {1, WEIR_EDENIED, ""},
        {WEIR_US_PER_SEC, WEIR_EDENIED, ""},
        {30 * WEIR_US_PER_DAY, WEIR_EDENIED, ""},
    };
    struct night night;
    char said[512], shadow[64];
    open_night(&night);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        weir_time now = MIDNIGHT + rows[i].offset;
        assert_ok(call_at(&night, now, "fjordline", said, shadow));
        assert_string_equal(shadow, "");
        assert_int_equal(call_at(&night, now, "halfway", said, shadow),
                         rows[i].halfway);
        assert_string_equal(shadow, rows[i].shadow);
        if (rows[i].halfway != WEIR_OK)
            assert_string_equal(
                said, "deny|law-affiliates|Interim final rule of 2025-09-29, "
                      "after its suspension|compliance@longship.example");
        assert_int_equal(call_at(&night, now, "misty", said, shadow),
                         WEIR_EHELD);
        assert_string_equal(
            said, "hold|law-affiliates-unknown|Interim final rule of "
                  "2025-09-29, diligence|compliance@longship.example");
    }
    close_night(&night);
}

/* The year before, the same way: in force, then suspended at midnight. */
TEST(midnight, the_suspension_began_as_exactly)
{
    const weir_time began = INT64_C(1762750800) * WEIR_US_PER_SEC;
    struct night night;
    char said[512], shadow[64];
    open_night(&night);
    assert_int_equal(call_at(&night, began - 1, "halfway", said, shadow),
                     WEIR_EDENIED);
    assert_non_null(strstr(said, "law-affiliates-2025"));
    assert_ok(call_at(&night, began, "halfway", said, shadow));
    assert_string_equal(shadow, "law-affiliates-shadow");
    close_night(&night);
}
