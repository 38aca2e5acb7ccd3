/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts that a pin ended, on their way from the journal to control. */
#include <string.h>

#include "control/ingest/parts.h"
#include "control/log.h"

static void
copy(char *out, size_t size, weir_span text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;
    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

/* One for each deployment: the first finding stands for those behind it. */
void
weir__ingest_note_pins(struct weir_ingest *ingest,
                       const struct weir_record_outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->attempt_count; i++) {
        const struct weir_record_attempt *attempt = &outcome->attempts[i];
        char name[sizeof ingest->broken[0].deployment];
        uint32_t row = 0;
        if (attempt->failure != WEIR_ATTEMPT_PINNED)
            continue;
        copy(name, sizeof name, attempt->deployment);
        while (row < ingest->broken_count &&
               strcmp(ingest->broken[row].deployment, name) != 0)
            row++;
        if (row < ingest->broken_count || row == WEIR_COUNTOF(ingest->broken))
            continue;
        struct weir_broken_pin *broken = &ingest->broken[row];
        memcpy(broken->deployment, name, sizeof name);
        bool is_its = weir_span_starts(outcome->finding, attempt->deployment);
        copy(broken->finding, sizeof broken->finding,
             is_its ? outcome->finding : WEIR_SPAN(""));
        weir_request_id_format(&outcome->request, broken->request);
        ingest->broken_count++;
    }
}

void
weir__ingest_act_on_pins(struct weir_ingest *ingest)
{
    while (ingest->broken_count > 0) {
        struct weir_error err;
        const struct weir_broken_pin *broken =
            &ingest->broken[ingest->broken_count - 1];
        if (weir_control_pin_broken(
                ingest->control, weir_span_of(broken->deployment),
                weir_span_of(broken->finding), weir_span_of(broken->request),
                &err) != WEIR_OK) {
            weir_log(WEIR_LOG_ERROR, "a pin that does not hold: %s", err.text);
            return; /* the next round tries again */
        }
        ingest->broken_count--;
    }
}
