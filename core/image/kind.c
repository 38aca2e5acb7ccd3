/* SPDX-License-Identifier: Apache-2.0 */
/* Names of kinds and operations, and how overlays name rows. */
#include "format.h"

static const struct {
    enum weir_kind kind;
    const char *name;
} kinds[] = {
    {WEIR_KIND_MODEL, "model"},
    {WEIR_KIND_DEPLOYMENT, "deployment"},
    {WEIR_KIND_PROVIDER, "provider"},
    {WEIR_KIND_ORGANISATION, "organisation"},
    {WEIR_KIND_JURISDICTION, "jurisdiction"},
    {WEIR_KIND_KEY, "key"},
    {WEIR_KIND_KEY_HOLD, "key_hold"},
};

static const char *const operations[] = {
    [WEIR_OP_CHAT] = "chat",
    [WEIR_OP_RESPONSES] = "responses",
    [WEIR_OP_EMBED] = "embed",
    [WEIR_OP_COMPLETE] = "complete",
    [WEIR_OP_MODERATE] = "moderate",
    [WEIR_OP_RERANK] = "rerank",
    [WEIR_OP_IMAGE] = "image",
    [WEIR_OP_SPEECH] = "speech",
    [WEIR_OP_TRANSCRIBE] = "transcribe",
    [WEIR_OP_BATCH] = "batch",
    [WEIR_OP_CONNECT] = "connect",
    [WEIR_OP_CALL_TOOL] = "call_tool",
    [WEIR_OP_READ_RESOURCE] = "read_resource",
    [WEIR_OP_GET_PROMPT] = "get_prompt",
    [WEIR_OP_REALTIME] = "realtime",
};
_Static_assert(WEIR_COUNTOF(operations) == WEIR_OPERATIONS,
               "every operation has a name");

uint64_t
weir_kind_hash(enum weir_kind kind, weir_span name)
{
    return weir_hash64(name, (uint64_t)kind);
}

bool
weir_kind_parse(weir_span text, enum weir_kind *kind_out)
{
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        if (weir_span_equal(text, weir_span_of(kinds[i].name))) {
            *kind_out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

const char *
weir_kind_name(enum weir_kind kind)
{
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        if (kinds[i].kind == kind)
            return kinds[i].name;
    }
    return "unknown";
}

const char *
weir_operation_name(enum weir_operation operation)
{
    WEIR_ASSERT((size_t)operation < WEIR_COUNTOF(operations));
    return operations[operation];
}

bool
weir_operation_answers(enum weir_operation operation)
{
    return operation != WEIR_OP_EMBED && operation != WEIR_OP_MODERATE &&
           operation != WEIR_OP_RERANK &&
           !weir_operation_is_of_tools(operation);
}

bool
weir_operation_is_of_tools(enum weir_operation operation)
{
    return (WEIR_OPERATIONS_OF_TOOLS >> operation & 1) != 0;
}

uint64_t
weir_image_tenant_hash(weir_span tenant)
{
    uint64_t hash = weir_hash64(tenant, (uint64_t)WEIR__SUBJECT_TENANT);
    return hash == 0 ? 1 : hash;
}
