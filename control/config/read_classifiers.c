/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services that are asked what they think of texts: `classifiers:`. What says
 * where one is reached becomes an origin row of its own.
 */
#include <string.h>

#include "read.h"

#define TIMEOUT_MS     500
#define CONCURRENCY    32
#define TEXT_BYTES     (256u << 10)
#define WINDOW         1024
#define HELD_BYTES     (1u << 20)

#define THRESHOLDS_MAX 4096 /* bytes, as the image has them */

/* One entry of the file: two rows. */
struct both {
    struct weir_place place;
    struct weir_world_classifier row;
    struct weir_world_origin origin;
};

static void
read_word(struct reader *r, const struct yaml_node *node, uint32_t *out,
          const char *const *words, const uint32_t *values, size_t count,
          const char *advice)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    for (size_t i = 0; i < count; i++)
        if (weir_span_equal(text, weir_span_of(words[i]))) {
            *out = values[i];
            return;
        }
    read_fault(r, node, advice, "not one of these");
}

static void
read_form(struct reader *r, const struct yaml_node *node, void *member)
{
    static const char *const words[] = {"weir", "moderations"};
    static const uint32_t values[] = {WEIR_FORM_WEIR, WEIR_FORM_MODERATIONS};
    read_word(r, node, member, words, values, 2, "Write weir or moderations.");
}

static void
read_sends(struct reader *r, const struct yaml_node *node, void *member)
{
    static const char *const words[] = {"input", "output", "both"};
    static const uint32_t values[] = {WEIR_FILTER_REQUESTS, WEIR_FILTER_REPLIES,
                                      WEIR_FILTER_REQUESTS |
                                          WEIR_FILTER_REPLIES};
    read_word(r, node, member, words, values, 3,
              "Write input, output or both.");
}

void
read_on_failure(struct reader *r, const struct yaml_node *node, void *member)
{
    static const char *const words[] = {"allow", "block"};
    static const uint32_t values[] = {WEIR_FAILURE_ALLOW, WEIR_FAILURE_BLOCK};
    read_word(r, node, member, words, values, 2, "Write allow or block.");
}

static void
read_streams(struct reader *r, const struct yaml_node *node, void *member)
{
    static const char *const words[] = {"windows", "hold"};
    static const uint32_t values[] = {0, 1};
    uint32_t holds = 0;
    read_word(r, node, &holds, words, values, 2, "Write windows or hold.");
    *(bool *)member = holds != 0;
}

/* Names that may stand in a record: of a category, never of a text. */
static bool
is_category(weir_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '/' &&
            c != '.' && c != ' ')
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

static void
read_thresholds(struct reader *r, const struct yaml_node *node, void *member)
{
    char memory[THRESHOLDS_MAX];
    struct weir_buf lines;
    weir_buf_init_fixed(&lines, memory, sizeof memory);
    if (node->kind != YAML_MAPPING) {
        read_fault(r, node, "Write {malware: \"0.8\"}.", "not a mapping");
        return;
    }
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        weir_micros line = -1;
        if (!is_category(n->key))
            weir_faults_add(r->faults, n->key_place,
                            "Letters, digits, `_-/.` and blanks, at most 64.",
                            "not the name of a category");
        read_money(r, n, &line);
        if (line > 1000000)
            read_fault(r, n, "Write \"0.8\".", "a threshold above 1");
        weir_buf_addf(&lines, "%.*s\t%lld\n", WEIR_SPAN_ARG(n->key),
                      (long long)line);
    }
    if (lines.overflow)
        read_fault(r, node, "Ask for fewer.", "too many categories");
    else
        *(weir_span *)member =
            weir_arena_copy(&r->world->arena, weir_buf_span(&lines));
}

static void
add_rows(struct reader *r, struct both *both)
{
    struct weir_world_origin *o = weir_world_add_origin(r->world);
    struct weir_world_classifier *row = weir_world_add_classifier(r->world);
    if (o == NULL || row == NULL)
        return;
    read_reached(r, "classifier", both->row.name, both->place, &both->origin);
    both->origin.dialect = WEIR_SPAN("openai"); /* the header it is shown */
    both->origin.connect_ms = both->row.timeout_ms;
    both->origin.first_byte_ms = both->row.timeout_ms;
    both->origin.idle_ms = both->row.timeout_ms;
    both->origin.keepalive = both->row.concurrency;
    both->row.place = both->place;
    both->row.origin = (struct weir_world_name){.place = both->place,
                                                .text = both->origin.name};
    *o = both->origin;
    *row = both->row;
}

void
read_classifiers(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct both row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, row.name),
        FIELD("url", read_url, row, origin),
        FIELD("credential", read_credential, row, origin.credential),
        FIELD("tls", read_tls_out, row, origin.tls),
        FIELD("egress", read_name, row, origin.egress),
        FIELD("form", read_form, row, row.form),
        FIELD("model", read_text, row, row.model),
        FIELD("sends", read_sends, row, row.directions),
        FIELD("timeout", read_ms, row, row.timeout_ms),
        FIELD("concurrency", read_u32, row, row.concurrency),
        FIELD("text", read_bytes32, row, row.text_max),
        FIELD("window", read_bytes32, row, row.window),
        FIELD("held", read_bytes32, row, row.held_max),
        FIELD("streams", read_streams, row, row.holds_streams),
        FIELD("on_failure", read_on_failure, row, row.on_failure),
        FIELD("thresholds", read_thresholds, row, row.thresholds),
    };
    if (!is_list(r, node, "classifiers"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct both both = {
            .row = {.form = WEIR_FORM_WEIR,
                    .directions = WEIR_FILTER_REQUESTS | WEIR_FILTER_REPLIES,
                    .timeout_ms = TIMEOUT_MS,
                    .concurrency = CONCURRENCY,
                    .text_max = TEXT_BYTES,
                    .window = WINDOW,
                    .held_max = HELD_BYTES,
                    .on_failure = WEIR_FAILURE_BLOCK},
        };
        read_row(r, n, "a classifier", fields, WEIR_COUNTOF(fields), &both);
        add_rows(r, &both);
    }
}
