/* SPDX-License-Identifier: Apache-2.0 */
/* Tiers, escalation and canaries stay inside what policy allows. */
#include "gate_fixture.h"

#include <weir/complexity.h>

static const char easy[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \"hello, please help "
    "me cancel my order\"}]}";
static const char hard[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \"Write a Python "
    "function that implements a tree, prove step by step that it works and "
    "optimise the algorithm.\\n\\ndef f(x):\\n    return x[0]; {}\\n\"}]}";

/* Small up to 500, then a deployment where nobody may be served, then the
 * large ones; with a canary. */
static void
with_tiers(struct weir_world *world)
{
    static const struct {
        const char *name;
        uint32_t upto;
    } rows[] = {{"small-oslo", 500},
                {"large-cold", 700},
                {"large-oslo", 900},
                {"large-berlin", 0}};
    struct weir_world_route *route = weir_world_add_route(world);
    route->name = WEIR_SPAN("tiers");
    route->mode = WEIR_ROUTE_COMPLEXITY;
    route->escalate = WEIR_ESCALATE_ALL;
    route->attempts_max = 8;
    route->candidates.first = world->candidate_count;
    route->candidates.count = WEIR_COUNTOF(rows);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_world_candidate *row = weir_world_add_candidate(world);
        row->name = name_of(rows[i].name);
        row->tier = rows[i].upto;
    }
    route = weir_world_add_route(world);
    route->name = WEIR_SPAN("trying");
    route->candidates.first = world->candidate_count;
    route->candidates.count = 2;
    route->canary.name = name_of("large-berlin");
    route->canary.ppm = 200000;
    weir_world_add_candidate(world)->name = name_of("large-oslo");
    weir_world_add_candidate(world)->name = name_of("large-berlin");
}

static void
admit(struct bench *bench, struct weir_call *call, const char *route,
      const char *body)
{
    struct weir_client client = {WEIR_SPAN("127.0.0.1"), WEIR_SPAN("NO"),
                                 WEIR_SPAN_NONE};
    const struct weir_ask ask = {.operation = WEIR_OP_CHAT,
                                 .model = weir_span_of(route),
                                 .input_tokens = 1,
                                 .output_tokens_max = 1,
                                 .n = 1,
                                 .body = weir_span_of(body)};
    uint64_t position;
    weir_call_begin(call, &bench->gate, &bench->view, &client, bench->now);
    assert_ok(weir_call_identify(
        call, (weir_secret){KEY_NORTH, strlen(KEY_NORTH)}, NULL));
    assert_ok(weir_call_decide(call, &ask, NULL));
    assert_ok(weir_call_admit(call, &position, NULL));
}

static weir_span
name_at(const struct weir_call *call, uint32_t deployment)
{
    const struct weir_image *image = &call->view->image;
    return weir_image_text(image, image->deployments[deployment].name);
}

static void
end_call(struct weir_call *call)
{
    const struct weir_settlement settlement = {.ending = WEIR_END_NOT_SENT};
    weir_call_settle(call, &settlement);
}

TEST(gate_choice, score_orders_what_policy_allows_and_nothing_else)
{
    static const char *const bodies[] = {easy, hard, "", "nonsense",
                                         "{\"messages\": []}"};
    struct bench *bench = bench_of(with_tiers);
    for (size_t b = 0; b < WEIR_COUNTOF(bodies); b++) {
        struct weir_call call;
        admit(bench, &call, "tiers", bodies[b]);
        assert_int_equal(call.plan.count, 3);
        for (uint32_t i = 0; i < call.plan.count; i++) {
            const struct weir_candidate *candidate =
                &call.answer.candidates[call.plan.order[i]];
            assert_int_equal(candidate->verdict, WEIR_ALLOW);
            assert_false(weir_span_equal(name_at(&call, candidate->deployment),
                                         WEIR_SPAN("large-cold")));
        }
        end_call(&call);
    }
    bench_free(bench);
}

TEST(gate_choice, easy_begins_low_and_hard_begins_high)
{
    struct bench *bench = bench_of(with_tiers);
    struct weir_call call;
    admit(bench, &call, "tiers", easy);
    struct weir_step step =
        weir_call_first(&call, &call.view->overlay, bench->now, NULL);
    assert_span(name_at(&call, step.deployment), "small-oslo");
    end_call(&call);
    admit(bench, &call, "tiers", hard);
    step = weir_call_first(&call, &call.view->overlay, bench->now, NULL);
    assert_false(weir_span_equal(name_at(&call, step.deployment),
                                 WEIR_SPAN("small-oslo")));
    end_call(&call);
    bench_free(bench);
}

/* Answers in the dialects' own forms, and what each lacks. */
static const struct {
    const char *body;
    uint32_t lacks;
} answers[] = {
    {"{\"choices\":[{\"message\":{\"content\":\"fine\",\"refusal\":null},"
     "\"finish_reason\":\"stop\"}]}",
     0},
    {"{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":"
     "\"stop\"}]}",
     WEIR_ESCALATE_EMPTY},
    {"{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{}]},"
     "\"finish_reason\":\"tool_calls\"}]}",
     0},
    {"{\"choices\":[{\"message\":{\"content\":\"I cannot help with it\"},"
     "\"finish_reason\":\"stop\"}]}",
     WEIR_ESCALATE_REFUSAL},
    {"{\"choices\":[{\"message\":{\"content\":\"cut\"},\"finish_reason\":"
     "\"length\"}]}",
     WEIR_ESCALATE_LENGTH},
    {"{\"content\":[{\"type\":\"text\",\"text\":\"fine\"}],\"stop_reason\":"
     "\"end_turn\"}",
     0},
    {"{\"content\":[{\"type\":\"text\",\"text\":\"x\"}],\"stop_reason\":"
     "\"max_tokens\"}",
     WEIR_ESCALATE_LENGTH},
    {"{\"content\":[{\"type\":\"text\",\"text\":\"x\"}],\"stop_reason\":"
     "\"refusal\"}",
     WEIR_ESCALATE_REFUSAL},
    {"{\"content\":[{\"type\":\"tool_use\"}],\"stop_reason\":\"tool_use\"}", 0},
    {"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"fine\"}]},"
     "\"finishReason\":\"STOP\"}]}",
     0},
    {"{\"candidates\":[{\"finishReason\":\"SAFETY\"}]}",
     WEIR_ESCALATE_REFUSAL | WEIR_ESCALATE_EMPTY},
    {"{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":"
     "\"output_text\",\"text\":\"fine\"}]}],\"status\":\"completed\"}",
     0},
    {"not json", 0},
};

TEST(gate_choice, poor_answers_go_up_and_never_outside_of_policy)
{
    struct bench *bench = bench_of(with_tiers);
    for (size_t i = 0; i < WEIR_COUNTOF(answers); i++) {
        const struct weir_overlay *overlay = &bench->view.overlay;
        struct weir_call call;
        struct weir_step step;
        admit(bench, &call, "tiers", easy);
        step = weir_call_first(&call, overlay, bench->now, NULL);
        if (i % 2 == 0) /* as nginx does when the head is good */
            weir_call_answered(&call, 200, bench->now);
        bool goes = weir_call_escalate(&call, weir_span_of(answers[i].body),
                                       overlay, bench->now, &step);
        if (goes != (answers[i].lacks != 0) ||
            (goes && call.choice.reasons != answers[i].lacks))
            fail_msg("%s: %u", answers[i].body, call.choice.reasons);
        uint32_t asked = 1;
        while (goes) {
            assert_false(weir_span_equal(name_at(&call, step.deployment),
                                         WEIR_SPAN("large-cold")));
            asked++;
            goes = weir_call_escalate(&call, weir_span_of(answers[i].body),
                                      overlay, bench->now, &step);
        }
        assert_int_equal(asked, answers[i].lacks != 0 ? 3 : 1);
        end_call(&call);
    }
    bench_free(bench);
}

TEST(gate_choice, withdrawn_tier_is_not_gone_up_to)
{
    struct bench *bench = bench_of(with_tiers);
    const struct weir_overlay_item items[] = {
        {WEIR_KIND_MODEL, WEIR_SPAN("large")}};
    struct weir_overlay overlay;
    struct weir_call call;
    struct weir_step step;
    admit(bench, &call, "tiers", easy);
    step = weir_call_first(&call, &bench->view.overlay, bench->now, NULL);
    set_overlay(bench, items, 1, &overlay);
    assert_false(weir_call_escalate(&call, weir_span_of(answers[1].body),
                                    &overlay, bench->now, &step));
    assert_int_equal(call.choice.escalations, 0);
    end_call(&call);
    bench_free(bench);
}

TEST(gate_choice, refusals_are_seen_where_there_is_a_trial)
{
    static const struct {
        const char *body;
        bool is_no;
    } rows[] = {
        {"{\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":"
         "{\"content\":\"x\"}}]}",
         true},
        {"{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":"
         "null,\"refusal\":\"I will not\"}}]}",
         true},
        {"{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":"
         "\"I can't help with that.\",\"refusal\":null}}]}",
         true},
        {"{\"stop_reason\":\"refusal\",\"content\":[{\"type\":\"text\","
         "\"text\":\"\"}]}",
         true},
        {"{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":"
         "\"It is raining.\",\"refusal\":null}}]}",
         false},
        {"not json", false},
    };
    struct bench *bench = bench_of(with_tiers);
    struct weir_call call;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        admit(bench, &call, "trying", easy);
        if (weir_call_is_refused(&call, weir_span_of(rows[i].body)) !=
            rows[i].is_no)
            fail_msg("%s", rows[i].body);
        end_call(&call);
        (void)next_record(bench, WEIR_RECORD_INTENT);
        (void)next_record(bench, WEIR_RECORD_OUTCOME);
        admit(bench, &call, "tiers", easy);
        assert_false(weir_call_is_refused(&call, weir_span_of(rows[i].body)));
        end_call(&call);
        (void)next_record(bench, WEIR_RECORD_INTENT);
        (void)next_record(bench, WEIR_RECORD_OUTCOME);
    }
    bench_free(bench);
}

TEST(gate_choice, canary_has_its_share_of_conversations)
{
    struct bench *bench = bench_of(with_tiers);
    uint32_t first = 0;
    for (int talk = 0; talk < 100; talk++) {
        struct weir_call call;
        char body[64];
        snprintf(body, sizeof(body), "{\"prompt_cache_key\": \"talk-%d\"}",
                 talk);
        admit(bench, &call, "trying", body);
        bool is_first = weir_span_equal(
            name_at(&call,
                    call.answer.candidates[call.plan.order[0]].deployment),
            WEIR_SPAN("large-berlin"));
        assert_int_equal(call.choice.trial,
                         is_first ? WEIR_TRIAL_CANARY : WEIR_TRIAL_BESIDE);
        assert_int_equal(call.plan.count, 2);
        first += is_first;
        end_call(&call);
        (void)next_record(bench, WEIR_RECORD_INTENT);
        (void)next_record(bench, WEIR_RECORD_OUTCOME);
    }
    assert_true(first > 8 && first < 35);
    bench_free(bench);
}
