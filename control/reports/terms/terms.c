/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Under which terms calls were made, and what those let be trained: from the
 * records themselves, whose bytes stand in the log. Calls of before terms
 * were recorded, and of models that are offered under none, are a row of
 * their own and not left out.
 */
#include <string.h>

#include "control/reports/parts.h"

const struct weir_report_section weir__report_terms_sections[] = {
    {"terms", "By terms, and what they let be trained",
     "terms inputs outputs #calls #input_tokens #output_tokens"},
    {"uses", "By tenant and model",
     "tenant project model terms inputs outputs #calls #output_tokens"},
    {NULL, NULL, NULL}};

struct tags {
    struct weir__report_journal journal;
    struct weir__report_rows terms, uses;
    json_int_t calls, untagged, unread;
};

struct tag {
    weir_span terms, inputs, outputs;
};

/* "NAME@VERSION inputs=.. outputs=.." */
static struct tag
split(weir_span text)
{
    struct tag tag = {WEIR_SPAN("none"), WEIR_SPAN("unsaid"),
                      WEIR_SPAN("unsaid")};
    bool is_first = true;
    while (text.len > 0) {
        const char *blank = memchr(text.ptr, ' ', text.len);
        size_t len = blank == NULL ? text.len : (size_t)(blank - text.ptr);
        weir_span word = {text.ptr, len};
        if (is_first)
            tag.terms = word;
        else if (weir_span_starts(word, WEIR_SPAN("inputs=")))
            tag.inputs = (weir_span){word.ptr + 7, word.len - 7};
        else if (weir_span_starts(word, WEIR_SPAN("outputs=")))
            tag.outputs = (weir_span){word.ptr + 8, word.len - 8};
        is_first = false;
        len += blank != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    return tag;
}

static void
fill(json_t *row, const struct tag *tag)
{
    json_object_set_new(row, "terms", weir__report_text(tag->terms));
    json_object_set_new(row, "inputs", weir__report_text(tag->inputs));
    json_object_set_new(row, "outputs", weir__report_text(tag->outputs));
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct tags *tags = context;
    (void)err;
    struct weir_record record;
    struct weir_record_outcome outcome;
    bool is_new;
    if (call->state != WEIR_CALL_CLOSED || call->model.len == 0)
        return WEIR_OK;
    if (weir__report_record(&tags->journal, &call->last, &record, NULL) !=
            WEIR_OK ||
        weir_record_get_outcome(record.payload, &outcome, NULL) != WEIR_OK) {
        tags->unread++;
        return WEIR_OK;
    }
    struct tag tag = split(outcome.terms);
    tags->calls++;
    tags->untagged += outcome.terms.len == 0;
    json_t *row = weir__report_row(
        &tags->terms, &is_new, "%.*s %.*s %.*s", WEIR_SPAN_ARG(tag.terms),
        WEIR_SPAN_ARG(tag.inputs), WEIR_SPAN_ARG(tag.outputs));
    if (is_new)
        fill(row, &tag);
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "input_tokens", (int64_t)call->input_tokens);
    weir__report_add(row, "output_tokens", (int64_t)call->output_tokens);
    row = weir__report_row(&tags->uses, &is_new, "%.*s %.*s %.*s %.*s %.*s",
                           WEIR_SPAN_ARG(call->tenant),
                           WEIR_SPAN_ARG(call->project),
                           WEIR_SPAN_ARG(call->model), WEIR_SPAN_ARG(tag.terms),
                           WEIR_SPAN_ARG(tag.outputs));
    if (is_new) {
        json_object_set_new(row, "tenant", weir__report_text(call->tenant));
        json_object_set_new(row, "project", weir__report_text(call->project));
        json_object_set_new(row, "model", weir__report_text(call->model));
        fill(row, &tag);
    }
    weir__report_add(row, "calls", 1);
    weir__report_add(row, "output_tokens", (int64_t)call->output_tokens);
    return WEIR_OK;
}

weir_status
weir__report_terms(const struct weir_report_ask *ask, json_t *report,
                   struct weir_error *err)
{
    static const char *const by_terms[] = {"terms", "inputs", "outputs"};
    static const char *const by_tenant[] = {"tenant", "project", "model",
                                            "terms"};
    struct tags tags = {.journal = {.directory = ask->control->paths.journal}};
    weir_status status = weir__report_rows_init(&tags.terms, err);
    if (status == WEIR_OK)
        status = weir__report_rows_init(&tags.uses, err);
    if (status == WEIR_OK)
        status = weir__report_calls(ask, on_call, &tags, err);
    if (status == WEIR_OK) {
        json_object_set_new(report, "summary",
                            json_pack("{s:I,s:I,s:I}", "calls", tags.calls,
                                      "without_terms", tags.untagged,
                                      "records_unread", tags.unread));
        json_object_set_new(report, "terms",
                            weir__report_sorted(&tags.terms, by_terms, 3));
        json_object_set_new(report, "uses",
                            weir__report_sorted(&tags.uses, by_tenant, 4));
    }
    weir__report_rows_fini(&tags.terms);
    weir__report_rows_fini(&tags.uses);
    weir__report_journal_fini(&tags.journal);
    return status;
}
