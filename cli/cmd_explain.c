/* SPDX-License-Identifier: Apache-2.0 */
/* weir explain */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"

static void
print_who(FILE *out, const json_t *reply)
{
    const json_t *who = json_object_get(reply, "who");
    const json_t *what = json_object_get(reply, "what");
    char when[32];
    weir_cli_time(json_object_get(what, "decided_us"), when);
    fprintf(out, "%s  %s  %s\n", weir_cli_text(reply, "request"),
            weir_cli_text(reply, "state"), when);
    fprintf(out, "who    key %s of %s/%s, organisation %s\n",
            weir_cli_text(who, "key"), weir_cli_text(who, "tenant"),
            weir_cli_text(who, "project"), weir_cli_text(who, "organisation"));
    if (json_object_get(who, "purpose") != NULL)
        fprintf(out, "       purpose %s, staff in %s",
                weir_cli_text(who, "purpose"), weir_cli_text(who, "staff"));
    if (weir_cli_text(who, "country")[0] != '\0')
        fprintf(out, ", called from %s", weir_cli_text(who, "country"));
    if (weir_cli_text(who, "end_customer")[0] != '\0')
        fprintf(out, ", for %s", weir_cli_text(who, "end_customer"));
    if (weir_cli_text(who, "address")[0] != '\0')
        fprintf(out, " (%s)", weir_cli_text(who, "address"));
    if (weir_cli_text(who, "exception")[0] != '\0')
        fprintf(out, "\n       let through by the exception %s",
                weir_cli_text(who, "exception"));
    fprintf(out, "\nwhat   %s of %s%s", weir_cli_text(what, "operation"),
            weir_cli_text(what, "model"),
            json_is_true(json_object_get(what, "is_streamed")) ? ", streamed"
                                                               : "");
    if (weir_cli_text(what, "method")[0] != '\0')
        fprintf(out, ": %s %s", weir_cli_text(what, "method"),
                weir_cli_text(what, "tool"));
    fprintf(out, "\n");
    const json_t *refusal = json_object_get(reply, "refusal");
    if (refusal != NULL)
        fprintf(out, "answer %lld refused: %s %s\n",
                weir_cli_number(refusal, "http_status"),
                weir_cli_text(refusal, "reason"),
                weir_cli_text(refusal, "policy"));
}

/* "organisations.yaml:12, source: register, as of 2026-09-01" */
static void
print_source(FILE *out, const json_t *source, const char *indent)
{
    const json_t *owner;
    size_t index;
    char when[32];
    fprintf(out, "%s", indent);
    if (json_object_get(source, "said_by") != NULL)
        fprintf(out, "said by %s", weir_cli_text(source, "said_by"));
    else if (json_object_get(source, "type") != NULL)
        fprintf(out, "%s %s: ", weir_cli_text(source, "type"),
                weir_cli_text(source, "id"));
    else
        fprintf(out, "owner %s: ", weir_cli_text(source, "name"));
    if (json_object_get(source, "file") != NULL)
        fprintf(out, "%s:%lld", weir_cli_text(source, "file"),
                weir_cli_number(source, "line"));
    if (json_object_get(source, "by") != NULL) {
        weir_cli_time(json_object_get(source, "made_us"), when);
        fprintf(out, "%s by %s, %s",
                json_object_get(source, "fact") != NULL ? "entered" : "made",
                weir_cli_text(source, "by"), when);
    }
    if (json_object_get(source, "source") != NULL)
        fprintf(out, ", source: %s", weir_cli_text(source, "source"));
    if (json_object_get(source, "as_of") != NULL)
        fprintf(out, ", as of %s", weir_cli_text(source, "as_of"));
    fputc('\n', out);
    json_array_foreach(json_object_get(source, "owners"), index, owner)
        print_source(out, owner, "               ");
}

static void
print_read(FILE *out, const json_t *read)
{
    const json_t *json = json_object_get(read, "value"), *source;
    size_t index;
    if (strcmp(weir_cli_text(read, "kind"), "member") == 0)
        fprintf(out, "           %s  %s in %s: %s\n",
                weir_cli_text(read, "expression"),
                weir_cli_text(read, "subject"), json_string_value(json),
                json_is_true(json_object_get(read, "is_present")) ? "yes"
                                                                  : "no");
    else
        fprintf(out, "           %s = %s\n", weir_cli_text(read, "expression"),
                json == NULL ? "not there" : json_string_value(json));
    json_array_foreach(json_object_get(read, "came_from"), index, source)
        print_source(out, source, "             ");
}

static void
print_change(FILE *out, const json_t *change)
{
    bool is_present = json_is_true(json_object_get(change, "is_present"));
    const char *value = weir_cli_text(change, "value");
    if (strcmp(weir_cli_text(change, "kind"), "member") == 0)
        fprintf(out, "           %s %s in %s  (for %s)\n",
                weir_cli_text(change, "subject"),
                is_present ? "would be" : "would not be", value,
                weir_cli_text(change, "policy"));
    else
        fprintf(out, "           %s: %s would be %s  (for %s)\n",
                weir_cli_text(change, "expression"),
                json_object_get(change, "was") == NULL
                    ? "not there,"
                    : weir_cli_text(change, "was"),
                !is_present ? "left out"
                : !json_is_true(json_object_get(change, "is_any_other")) ? value
                : json_object_get(change, "was") == NULL ? "there"
                                                         : "any other",
                weir_cli_text(change, "policy"));
}

/* Searched, so that nobody takes it for the only way or for advice. */
static void
print_whatif(FILE *out, const json_t *whatif)
{
    const json_t *change;
    size_t index;
    if (whatif == NULL)
        return;
    bool is_found = json_is_true(json_object_get(whatif, "is_found"));
    bool is_whole = json_is_true(json_object_get(whatif, "is_exhausted"));
    long long most =
        weir_cli_number(json_object_get(whatif, "bounds"), "changes");
    if (is_found)
        fprintf(out, "         the smallest change of facts that would allow "
                     "it (searched, ");
    else
        fprintf(out,
                "         no change of up to %lld facts that would allow it "
                "was found (searched, ",
                most);
    fprintf(out, "%lld decisions tried%s)%s\n",
            weir_cli_number(whatif, "trials"),
            is_whole   ? ""
            : is_found ? ", cut: a smaller one may exist"
                       : ", cut before all were tried",
            is_found ? ":" : "");
    json_array_foreach(json_object_get(whatif, "changes"), index, change)
        print_change(out, change);
}

static void
print_policy(FILE *out, const json_t *policy)
{
    const json_t *read;
    size_t index;
    bool is_hold = json_is_true(json_object_get(policy, "is_hold"));
    bool is_shadow = json_is_true(json_object_get(policy, "is_shadow"));
    fprintf(out, "         %s%s %s: %s (%s)\n", is_shadow ? "shadow " : "",
            is_hold ? "hold" : weir_cli_text(policy, "effect"),
            weir_cli_text(policy, "id"), weir_cli_text(policy, "result"),
            weir_cli_text(policy, "title"));
    fprintf(out, "           %s:%lld", weir_cli_text(policy, "file"),
            weir_cli_number(policy, "line"));
    if (weir_cli_text(policy, "authority")[0] != '\0')
        fprintf(out, "  by %s", weir_cli_text(policy, "authority"));
    if (weir_cli_text(policy, "appeal")[0] != '\0')
        fprintf(out, "  appeal: %s", weir_cli_text(policy, "appeal"));
    fputc('\n', out);
    json_array_foreach(json_object_get(policy, "reads"), index, read)
        print_read(out, read);
}

static void
print_candidates(FILE *out, const json_t *reply)
{
    const json_t *candidate, *policy;
    size_t i, j;
    json_array_foreach(json_object_get(reply, "candidates"), i, candidate)
    {
        fprintf(out, "  %-5s  %s (%s): %s; runs in %s, stored in %s, by %s\n",
                weir_cli_text(candidate, "verdict"),
                weir_cli_text(candidate, "deployment"),
                weir_cli_text(candidate, "model"),
                weir_cli_text(candidate, "reason"),
                weir_cli_text(candidate, "runs_in"),
                weir_cli_text(candidate, "stored_in"),
                weir_cli_text(candidate, "operated_by"));
        json_array_foreach(json_object_get(candidate, "policies"), j, policy)
            print_policy(out, policy);
        print_whatif(out, json_object_get(candidate, "whatif"));
    }
}

static void
print_attempt(FILE *out, size_t number, const json_t *attempt)
{
    static const struct {
        const char *end;
        const char *text;
    } passed[] = {
        {"ejected", "failed too often of late"},
        {"resting", "its origin asked for a pause"},
        {"full", "as many calls as it may have"},
    };
    const char *end = weir_cli_text(attempt, "end");
    long long status = weir_cli_number(attempt, "http_status");
    fprintf(out, "attempt %zu: %s, ", number,
            weir_cli_text(attempt, "deployment"));
    for (size_t i = 0; i < WEIR_COUNTOF(passed); i++) {
        if (strcmp(end, passed[i].end) == 0) {
            fprintf(out, "passed over: %s\n", passed[i].text);
            return;
        }
    }
    if (status != 0)
        fprintf(out, "status %lld", status);
    else
        fprintf(out, "no reply, %s", end);
    fprintf(out, ", %lld ms\n", weir_cli_number(attempt, "elapsed_ms"));
}

static void
print_outcome(FILE *out, const json_t *outcome)
{
    const json_t *attempt;
    size_t index;
    char cost[48];
    if (outcome == NULL)
        return;
    json_array_foreach(json_object_get(outcome, "attempts"), index, attempt)
        print_attempt(out, index + 1, attempt);
    weir_cli_money(weir_cli_number(outcome, "cost_micros"),
                   weir_cli_text(outcome, "currency"), cost);
    fprintf(out, "ended  %s, status %lld, %lld us\n",
            weir_cli_text(outcome, "ending"),
            weir_cli_number(outcome, "http_status"),
            weir_cli_number(outcome, "total_us"));
    fprintf(out, "where  %s in %s: ran in %s, data rests in %s\n",
            weir_cli_text(outcome, "deployment"),
            weir_cli_text(outcome, "region"), weir_cli_text(outcome, "ran_in"),
            weir_cli_text(outcome, "stored_in"));
    if (weir_cli_text(outcome, "filtered")[0] != '\0')
        fprintf(out, "filter %s\n", weir_cli_text(outcome, "filtered"));
    fprintf(out, "tokens %lld in (%lld cached), %lld out (%lld reasoning)%s\n",
            weir_cli_number(outcome, "input_tokens"),
            weir_cli_number(outcome, "cached_tokens"),
            weir_cli_number(outcome, "output_tokens"),
            weir_cli_number(outcome, "reasoning_tokens"),
            json_is_true(json_object_get(outcome, "is_estimated"))
                ? ", estimated"
                : "");
    fprintf(out, "cost   %s (price list %s)\n", cost,
            weir_cli_text(outcome, "price_version"));
}

static void
print_opinions(FILE *out, const json_t *opinions)
{
    const json_t *one;
    size_t index;
    json_array_foreach(opinions, index, one)
    {
        const char *category = weir_cli_text(one, "category");
        const char *unheard = weir_cli_text(one, "unheard");
        fprintf(out, "judged %s by %s: %s%s%s%s%s, score %lld, to %s\n",
                weir_cli_text(one, "direction"),
                weir_cli_text(one, "classifier"), weir_cli_text(one, "opinion"),
                category[0] == '\0' ? "" : " ", category,
                unheard[0] == '\0' ? "" : " ", unheard,
                weir_cli_number(one, "score"), weir_cli_text(one, "action"));
    }
}

/* What the watch did to the call; nothing is said of a call it left alone. */
static void
print_step(FILE *out, const json_t *step)
{
    if (step == NULL)
        return;
    fprintf(out, "watch  %s of the %s until %s, case %s\n",
            weir_cli_text(step, "action"), weir_cli_text(step, "subject"),
            weir_cli_text(step, "until"), weir_cli_text(step, "case"));
    if (weir_cli_number(step, "delay_ms") != 0)
        fprintf(out, "         waited %lld ms\n",
                weir_cli_number(step, "delay_ms"));
    if (weir_cli_number(step, "calls_per_minute") != 0)
        fprintf(out, "         at most %lld calls a minute\n",
                weir_cli_number(step, "calls_per_minute"));
}

/* What other operators shared, and who. */
static void
print_shared(FILE *out, const json_t *watch)
{
    const json_t *text;
    size_t index;
    if (json_array_size(json_object_get(watch, "indicators")) == 0)
        return;
    fputs("shared indicators:", out);
    json_array_foreach(json_object_get(watch, "indicators"), index, text)
        fprintf(out, " %s", json_string_value(text));
    fputs(", of", out);
    json_array_foreach(json_object_get(watch, "exchanges"), index, text)
        fprintf(out, " %s", json_string_value(text));
    fputc('\n', out);
}

static void
print_explained(FILE *out, const json_t *reply)
{
    const json_t *image = json_object_get(reply, "image"), *text;
    size_t index;
    print_who(out, reply);
    weir_cli_print_places(out, reply);
    print_candidates(out, reply);
    print_step(out, json_object_get(reply, "step"));
    print_shared(out, json_object_get(reply, "watch"));
    print_opinions(out, json_object_get(reply, "classified_by"));
    print_outcome(out, json_object_get(reply, "outcome"));
    fprintf(out, "policy image %s, overlay %lld\n",
            weir_cli_text(image, "digest"), weir_cli_number(image, "overlay"));
    if (json_is_true(json_object_get(reply, "is_same")))
        fputs("decided again: the same\n", out);
    json_array_foreach(json_object_get(reply, "differences"), index, text)
        fprintf(out, "decided again, DIFFERENT: %s\n", json_string_value(text));
}

int
weir_cmd_explain(struct weir_cli *cli)
{
    char path[512];
    json_t *reply = NULL;
    char *id = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/calls/%s", id == NULL ? "" : id);
    free(id);
    int code = weir_cli_call(cli, "GET", path, NULL, NULL, &reply);
    if (code != 0)
        return code;
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else
        print_explained(cli->out, reply);
    bool is_same = json_is_true(json_object_get(reply, "is_same"));
    json_decref(reply);
    return is_same ? 0 : 1;
}
