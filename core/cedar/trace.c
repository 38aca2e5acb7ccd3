/* SPDX-License-Identifier: Apache-2.0 */
#include "vm.h"

enum weir_cedar_result
weir_cedar_trace(const struct weir_cedar_program *program,
                 const struct weir_cedar_request *request, uint32_t policy,
                 void *scratch, weir_cedar_on_read *on_read, void *context,
                 struct weir_cedar_failure *failure_out)
{
    const struct vm_reads reads = {on_read, context};
    struct vm vm;
    WEIR_ASSERT(policy < program_head(program)->policy_count);
    const struct program_policy *hot =
        &PROGRAM_ITEMS(program, CEDAR_POLICIES, struct program_policy)[policy];
    const struct program_meta *meta =
        &PROGRAM_ITEMS(program, CEDAR_META, struct program_meta)[policy];
    const struct program_class *class = &PROGRAM_ITEMS(
        program, CEDAR_CLASSES, struct program_class)[hot->class];
    const uint32_t *handles =
        PROGRAM_ITEMS(program, CEDAR_HANDLES, uint32_t) + class->first;
    if (meta->is_template || request->now < meta->from ||
        request->now >= meta->until)
        return WEIR_CEDAR_ABSENT;
    vm_init(&vm, program, request, scratch);
    vm_reset(&vm);
    vm.reads = &reads;
    for (uint32_t i = 0; i < class->count; i++) {
        struct weir_cedar_read read = {
            .kind = WEIR_CEDAR_READ_MEMBER,
            .path = WEIR_SPAN("action"),
            .subject = request->action,
            .is_present =
                class->op == CEDAR_SCOPE_EQUAL
                    ? request->action.count == handles[i]
                    : program_in(program, request->action.count, handles[i]),
            .value = weir_cedar_arg_entity(handles[i]),
        };
        on_read(context, &read);
    }
    if (!vm_action_fits(program, &request->action, hot->class))
        return WEIR_CEDAR_UNSATISFIED;
    switch (vm_run(&vm, hot->start, true)) {
    case VM_TRUE:
        return WEIR_CEDAR_SATISFIED;
    case VM_FALSE:
        return WEIR_CEDAR_UNSATISFIED;
    default:
        if (failure_out != NULL)
            *failure_out = vm_failure(&vm, policy);
        return WEIR_CEDAR_FAILED;
    }
}
