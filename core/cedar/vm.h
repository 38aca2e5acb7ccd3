/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator of compiled policies, included by decide.c (without reads)
 * and by trace.c and whatif.c (with them): `is_traced` is a constant where it
 * is inlined, so that a decision pays nothing for what it does not use.
 */
#ifndef WEIR_CORE_CEDAR_VM_H
#define WEIR_CORE_CEDAR_VM_H

#include <string.h>

#include "extension.h"
#include "program.h"

enum vm_result { VM_FALSE, VM_TRUE, VM_FAULT };

struct vm_reads {
    weir_cedar_on_read *on_read;
    void *context;
};

/* A supposed fact: an attribute (of an entity, or of a record by its
 * address), or a membership. Looked at in traced runs only. */
struct vm_fact {
    enum weir_cedar_read_kind kind; /* ATTRIBUTE or MEMBER */
    weir_cedar_arg subject;
    uint32_t name;   /* ATTRIBUTE */
    uint32_t handle; /* MEMBER: of what */
    bool is_present;
    weir_cedar_arg value; /* ATTRIBUTE, where present */
};

struct vm_facts {
    const struct vm_fact *items;
    uint32_t count;
};

struct vm {
    const struct weir_cedar_program *program;
    const struct weir_cedar_request *request;
    const struct vm_reads *reads;
    const struct vm_facts *facts; /* traced runs; may be NULL */
    weir_cedar_arg *stack;
    char *temp;
    size_t temp_left;
    enum weir_cedar_fault fault;
    uint32_t note; /* of the failing operation */
};

static inline const weir_cedar_arg *
vm_entity(const struct vm *vm, uint32_t variable)
{
    /* principal, action, resource lie side by side in this order. */
    return &vm->request->principal + variable;
}

static inline weir_cedar_arg
vm_variable(const struct vm *vm, uint32_t variable)
{
    if (variable == CEDAR_CONTEXT)
        return weir_cedar_arg_record(vm->request->context,
                                     vm->request->context_count);
    return *vm_entity(vm, variable);
}

_Static_assert(offsetof(struct weir_cedar_request, action) ==
                       sizeof(weir_cedar_arg) &&
                   offsetof(struct weir_cedar_request, resource) ==
                       2 * sizeof(weir_cedar_arg),
               "vm_entity counts on it");

static inline uint32_t
vm_type(const struct vm *vm, const weir_cedar_arg *entity)
{
    return entity->count == CEDAR_NONE
               ? entity->detail
               : program_entity(vm->program, entity->count)->type;
}

static inline weir_cedar_arg
vm_bool(bool value)
{
    return (weir_cedar_arg){WEIR_CEDAR_BOOL, 0, 0, 0, {value}};
}

static void
vm_report(const struct vm *vm, const struct program_op *op,
          struct weir_cedar_read read)
{
    if (op->note != CEDAR_NONE)
        read.path = program_text(vm->program,
                                 PROGRAM_ITEMS(vm->program, CEDAR_NOTES,
                                               struct program_note)[op->note]
                                     .text);
    vm->reads->on_read(vm->reads->context, &read);
}

static void
vm_report_member(const struct vm *vm, const struct program_op *op,
                 weir_cedar_arg subject, uint32_t handle, bool is_in)
{
    vm_report(vm, op,
              (struct weir_cedar_read){.kind = WEIR_CEDAR_READ_MEMBER,
                                       .subject = subject,
                                       .is_present = is_in,
                                       .value = weir_cedar_arg_entity(handle)});
}

static void
vm_report_type(const struct vm *vm, const struct program_op *op,
               weir_cedar_arg subject, bool is)
{
    weir_span name = WEIR_SPAN("");
    if (op->a != CEDAR_NONE)
        name = program_text(vm->program,
                            PROGRAM_ITEMS(vm->program, CEDAR_TYPES,
                                          struct program_text)[op->a]);
    vm_report(vm, op,
              (struct weir_cedar_read){.kind = WEIR_CEDAR_READ_TYPE,
                                       .subject = subject,
                                       .name = name,
                                       .is_present = is});
}

/* The same entity, or the same record in memory. */
static bool
vm_same_subject(weir_cedar_arg a, weir_cedar_arg b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind != WEIR_CEDAR_ENTITY)
        return a.data == b.data;
    return a.count == b.count &&
           (a.count != CEDAR_NONE || weir_cedar_uid_equal(a.data, b.data));
}

static bool
vm_suppose(const struct vm *vm, weir_cedar_arg base, uint32_t name, bool *found,
           weir_cedar_arg *out)
{
    if (vm->facts == NULL)
        return false;
    for (uint32_t i = 0; i < vm->facts->count; i++) {
        const struct vm_fact *fact = &vm->facts->items[i];
        if (fact->kind != WEIR_CEDAR_READ_ATTRIBUTE || fact->name != name ||
            !vm_same_subject(fact->subject, base))
            continue;
        *found = fact->is_present;
        if (fact->is_present)
            *out = fact->value;
        return true;
    }
    return false;
}

/* A supposed membership brings those above it; one taken away is alone. */
static bool
vm_suppose_member(const struct vm *vm, const weir_cedar_arg *e, uint32_t f,
                  bool is_in)
{
    if (vm->facts == NULL)
        return is_in;
    for (uint32_t i = 0; i < vm->facts->count; i++) {
        const struct vm_fact *fact = &vm->facts->items[i];
        if (fact->kind != WEIR_CEDAR_READ_MEMBER ||
            !vm_same_subject(fact->subject, *e))
            continue;
        if (fact->is_present && program_in(vm->program, fact->handle, f))
            is_in = true;
        if (!fact->is_present && fact->handle == f)
            return false;
    }
    return is_in;
}

/* `e in f` for an entity and a handle. */
static inline bool
vm_member(const struct vm *vm, const weir_cedar_arg *e, uint32_t f,
          bool is_traced)
{
    bool is_in = program_in(vm->program, e->count, f);
    return is_traced ? vm_suppose_member(vm, e, f, is_in) : is_in;
}

/* The attribute of a record or an entity; FAULT_NONE and `*found` say
 * whether it is there. */
static inline enum weir_cedar_fault
vm_find(const struct vm *vm, weir_cedar_arg base, uint32_t name, bool *found,
        weir_cedar_arg *out, bool is_traced)
{
    if (is_traced && vm_suppose(vm, base, name, found, out))
        return WEIR_CEDAR_FAULT_NONE;
    if (base.kind == WEIR_CEDAR_ENTITY)
        *found = base.count != CEDAR_NONE &&
                 program_attribute(vm->program, base.count, name, out);
    else if (base.kind == WEIR_CEDAR_RECORD)
        *found = weir__cedar_arg_field(vm->program, base, name, out);
    else
        return WEIR_CEDAR_FAULT_TYPE;
    return WEIR_CEDAR_FAULT_NONE;
}

static inline bool
vm_exists(const struct vm *vm, weir_cedar_arg entity)
{
    return entity.count != CEDAR_NONE &&
           program_entity(vm->program, entity.count)->is_added;
}

static inline enum weir_cedar_fault
vm_get(const struct vm *vm, const struct program_op *op, weir_cedar_arg base,
       weir_cedar_arg *out, bool is_traced)
{
    bool found = false;
    enum weir_cedar_fault fault =
        vm_find(vm, base, op->a, &found, out, is_traced);
    if (is_traced && fault == WEIR_CEDAR_FAULT_NONE)
        vm_report(
            vm, op,
            (struct weir_cedar_read){
                .kind = WEIR_CEDAR_READ_ATTRIBUTE,
                .subject = base,
                .name = weir_cedar_program_attribute_name(vm->program, op->a),
                .is_present = found,
                .value = found ? *out : vm_bool(false)});
    if (fault != WEIR_CEDAR_FAULT_NONE || found)
        return fault;
    return base.kind == WEIR_CEDAR_ENTITY && !vm_exists(vm, base)
               ? WEIR_CEDAR_FAULT_NO_ENTITY
               : WEIR_CEDAR_FAULT_NO_ATTRIBUTE;
}

static enum weir_cedar_fault
vm_tag(const struct vm *vm, const struct program_op *op, weir_cedar_arg base,
       weir_cedar_arg key, weir_cedar_arg *out, bool is_traced)
{
    bool found;
    weir_cedar_arg value = vm_bool(false);
    weir_span text = {key.data, key.count};
    if (base.kind != WEIR_CEDAR_ENTITY || key.kind != WEIR_CEDAR_STRING)
        return WEIR_CEDAR_FAULT_TYPE;
    found = base.count != CEDAR_NONE &&
            weir__cedar_program_tag(vm->program, base.count, text, &value);
    if (is_traced)
        vm_report(vm, op,
                  (struct weir_cedar_read){.kind = WEIR_CEDAR_READ_TAG,
                                           .subject = base,
                                           .name = text,
                                           .is_present = found,
                                           .value = value});
    if (op->op == OP_HAS_TAG) {
        *out = vm_bool(found);
        return WEIR_CEDAR_FAULT_NONE;
    }
    if (!found)
        return vm_exists(vm, base) ? WEIR_CEDAR_FAULT_NO_TAG
                                   : WEIR_CEDAR_FAULT_NO_ENTITY;
    *out = value;
    return WEIR_CEDAR_FAULT_NONE;
}

/* `e in f` for two entities, with or without handles. */
static inline bool
vm_in(const struct vm *vm, weir_cedar_arg e, weir_cedar_arg f, bool is_traced)
{
    if (e.count == CEDAR_NONE || f.count == CEDAR_NONE)
        return e.count == f.count && weir_cedar_uid_equal(e.data, f.data);
    return vm_member(vm, &e, f.count, is_traced);
}

static enum weir_cedar_fault
vm_in_value(const struct vm *vm, const struct program_op *op,
            weir_cedar_arg left, weir_cedar_arg right, weir_cedar_arg *out,
            bool is_traced)
{
    bool is_in = false;
    if (left.kind != WEIR_CEDAR_ENTITY)
        return WEIR_CEDAR_FAULT_TYPE;
    if (right.kind == WEIR_CEDAR_ENTITY) {
        is_in = vm_in(vm, left, right, is_traced);
    } else if (right.kind == WEIR_CEDAR_SET) {
        for (uint32_t i = 0; i < right.count; i++)
            if (weir__cedar_arg_element(vm->program, right, i).kind !=
                WEIR_CEDAR_ENTITY)
                return WEIR_CEDAR_FAULT_TYPE;
        for (uint32_t i = 0; i < right.count && !is_in; i++)
            is_in =
                vm_in(vm, left, weir__cedar_arg_element(vm->program, right, i),
                      is_traced);
    } else {
        return WEIR_CEDAR_FAULT_TYPE;
    }
    if (is_traced)
        vm_report(vm, op,
                  (struct weir_cedar_read){.kind = WEIR_CEDAR_READ_MEMBER,
                                           .subject = left,
                                           .is_present = is_in,
                                           .value = right});
    *out = vm_bool(is_in);
    return WEIR_CEDAR_FAULT_NONE;
}

static enum weir_cedar_fault
vm_contains(const struct vm *vm, uint8_t op, weir_cedar_arg set,
            weir_cedar_arg other, weir_cedar_arg *out)
{
    bool is_any = op == OP_CONTAINS_ANY;
    if (set.kind != WEIR_CEDAR_SET ||
        (op != OP_CONTAINS && other.kind != WEIR_CEDAR_SET))
        return WEIR_CEDAR_FAULT_TYPE;
    if (op == OP_CONTAINS) {
        *out = vm_bool(weir__cedar_arg_contains(vm->program, set, other));
        return WEIR_CEDAR_FAULT_NONE;
    }
    for (uint32_t i = 0; i < other.count; i++)
        if (weir__cedar_arg_contains(
                vm->program, set,
                weir__cedar_arg_element(vm->program, other, i)) == is_any) {
            *out = vm_bool(is_any);
            return WEIR_CEDAR_FAULT_NONE;
        }
    *out = vm_bool(!is_any);
    return WEIR_CEDAR_FAULT_NONE;
}

static enum weir_cedar_fault
vm_arithmetic(uint8_t op, weir_cedar_arg a, weir_cedar_arg b,
              weir_cedar_arg *out)
{
    bool is_over;
    int64_t result;
    if (a.kind != WEIR_CEDAR_LONG || b.kind != WEIR_CEDAR_LONG)
        return WEIR_CEDAR_FAULT_TYPE;
    if (op == OP_ADD)
        is_over = __builtin_add_overflow(a.number, b.number, &result);
    else if (op == OP_SUBTRACT)
        is_over = __builtin_sub_overflow(a.number, b.number, &result);
    else
        is_over = __builtin_mul_overflow(a.number, b.number, &result);
    *out = weir_cedar_arg_long(result);
    return is_over ? WEIR_CEDAR_FAULT_OVERFLOW : WEIR_CEDAR_FAULT_NONE;
}

static inline enum weir_cedar_fault
vm_compare(uint8_t op, weir_cedar_arg a, weir_cedar_arg b, weir_cedar_arg *out)
{
    if (a.kind != b.kind ||
        (a.kind != WEIR_CEDAR_LONG && a.kind != WEIR_CEDAR_DATETIME &&
         a.kind != WEIR_CEDAR_DURATION))
        return WEIR_CEDAR_FAULT_TYPE;
    *out = vm_bool(op == OP_LESS         ? a.number < b.number
                   : op == OP_LESS_EQUAL ? a.number <= b.number
                   : op == OP_GREATER    ? a.number > b.number
                                         : a.number >= b.number);
    return WEIR_CEDAR_FAULT_NONE;
}

static void *
vm_temp(struct vm *vm, size_t size)
{
    void *memory = vm->temp;
    size = (size + 15) & ~(size_t)15;
    if (size > vm->temp_left)
        return NULL;
    vm->temp += size;
    vm->temp_left -= size;
    return memory;
}

static enum weir_cedar_fault
vm_set(struct vm *vm, weir_cedar_arg *first, uint32_t count)
{
    weir_cedar_arg *elements = vm_temp(vm, count * sizeof(*elements));
    if (elements == NULL)
        return WEIR_CEDAR_FAULT_MEMORY;
    if (count > 0)
        memcpy(elements, first, count * sizeof(*elements));
    *first = weir_cedar_arg_set(elements, count);
    return WEIR_CEDAR_FAULT_NONE;
}

static enum weir_cedar_fault
vm_record(struct vm *vm, const struct program_op *op, weir_cedar_arg *first)
{
    const uint32_t *names =
        PROGRAM_ITEMS(vm->program, CEDAR_HANDLES, uint32_t) + op->a;
    struct weir_cedar_binding *fields = vm_temp(vm, op->b * sizeof(*fields));
    if (fields == NULL)
        return WEIR_CEDAR_FAULT_MEMORY;
    for (uint32_t i = 0; i < op->b; i++)
        fields[i] = (struct weir_cedar_binding){names[i], first[i]};
    *first = weir_cedar_arg_record(fields, op->b);
    return WEIR_CEDAR_FAULT_NONE;
}

static enum weir_cedar_fault
vm_construct(struct vm *vm, const struct cedar_function_info *info,
             weir_cedar_arg *arg)
{
    weir_cedar_value value;
    struct weir_cedar_ip *ip;
    if (!weir_cedar_extension_parse((enum weir_cedar_kind)info->result,
                                    (weir_span){arg->data, arg->count}, &value))
        return WEIR_CEDAR_FAULT_EXTENSION;
    if (value.kind != WEIR_CEDAR_IP) {
        *arg = (weir_cedar_arg){value.kind, 0, 0, 0, {value.number}};
        return WEIR_CEDAR_FAULT_NONE;
    }
    ip = vm_temp(vm, sizeof(*ip));
    if (ip == NULL)
        return WEIR_CEDAR_FAULT_MEMORY;
    *ip = value.ip;
    *arg = weir_cedar_arg_ip(ip, value.is_v6, value.prefix);
    return WEIR_CEDAR_FAULT_NONE;
}

static enum weir_cedar_fault
vm_call(struct vm *vm, uint8_t function, weir_cedar_arg *first)
{
    const struct cedar_function_info *info = &weir__cedar_functions[function];
    weir_cedar_arg second = first[0];
    enum weir_cedar_fault fault;
    int64_t result;
    for (uint32_t i = 0; i < info->arity; i++)
        if (first[i].kind != info->parameters[i])
            return WEIR_CEDAR_FAULT_TYPE;
    if (!info->is_method)
        return vm_construct(vm, info, first);
    if (info->arity == 2)
        second = first[1];
    if (first->kind == WEIR_CEDAR_IP) {
        *first = vm_bool(weir__cedar_ip_call(
            function,
            (struct cedar_ip_view){first->data, first->detail != 0,
                                   first->prefix},
            (struct cedar_ip_view){second.data, second.detail != 0,
                                   second.prefix}));
        return WEIR_CEDAR_FAULT_NONE;
    }
    fault = weir__cedar_number_call(function, first->number, second.number,
                                    &result);
    *first = (weir_cedar_arg){info->result, 0, 0, 0, {result}};
    return fault;
}

static inline bool
vm_in_any(const struct vm *vm, const struct program_op *op,
          const weir_cedar_arg *entity, bool is_traced)
{
    const uint32_t *handles =
        PROGRAM_ITEMS(vm->program, CEDAR_HANDLES, uint32_t) + op->a;
    for (uint32_t i = 0; i < op->b; i++)
        if (vm_member(vm, entity, handles[i], is_traced))
            return true;
    return false;
}

/* The scope checks and what the compiler made like them. */
static inline bool
vm_require(const struct vm *vm, const struct program_op *op, bool is_traced)
{
    const weir_cedar_arg *entity = vm_entity(vm, op->x);
    const uint32_t *handles =
        PROGRAM_ITEMS(vm->program, CEDAR_HANDLES, uint32_t);
    bool holds;
    if (op->op == OP_REQUIRE_IN)
        holds = vm_member(vm, entity, op->a, is_traced);
    else if (op->op == OP_REQUIRE_EQUAL)
        holds = entity->count == op->a;
    else if (op->op == OP_REQUIRE_IS)
        holds = op->a != CEDAR_NONE && vm_type(vm, entity) == op->a;
    else
        holds = vm_in_any(vm, op, entity, is_traced);
    if (!is_traced)
        return holds;
    if (op->op == OP_REQUIRE_IS)
        vm_report_type(vm, op, *entity, holds);
    else if (op->op != OP_REQUIRE_IN_ANY)
        vm_report_member(vm, op, *entity, op->a, holds);
    else
        for (uint32_t i = 0; i < op->b; i++)
            vm_report_member(vm, op, *entity, handles[op->a + i],
                             vm_member(vm, entity, handles[op->a + i], true));
    return holds;
}

/* Operations of one operand, in place. */
static inline enum weir_cedar_fault
vm_unary(const struct vm *vm, const struct program_op *op, weir_cedar_arg *top,
         bool is_traced)
{
    bool found = false;
    bool result;
    weir_cedar_arg ignored;
    switch (op->op) {
    case OP_HAS:
        if (vm_find(vm, *top, op->a, &found, &ignored, is_traced) !=
            WEIR_CEDAR_FAULT_NONE)
            return WEIR_CEDAR_FAULT_TYPE;
        if (is_traced)
            (void)vm_get(vm, op, *top, &ignored, true);
        *top = vm_bool(found);
        return WEIR_CEDAR_FAULT_NONE;
    case OP_NOT:
        top->number = !top->number;
        return top->kind == WEIR_CEDAR_BOOL ? WEIR_CEDAR_FAULT_NONE
                                            : WEIR_CEDAR_FAULT_TYPE;
    case OP_NEGATE:
        if (top->kind != WEIR_CEDAR_LONG)
            return WEIR_CEDAR_FAULT_TYPE;
        return __builtin_sub_overflow((int64_t)0, top->number, &top->number)
                   ? WEIR_CEDAR_FAULT_OVERFLOW
                   : WEIR_CEDAR_FAULT_NONE;
    case OP_IS_EMPTY:
        if (top->kind != WEIR_CEDAR_SET)
            return WEIR_CEDAR_FAULT_TYPE;
        *top = vm_bool(top->count == 0);
        return WEIR_CEDAR_FAULT_NONE;
    case OP_IS:
    case OP_IS_THEN:
        if (top->kind != WEIR_CEDAR_ENTITY)
            return WEIR_CEDAR_FAULT_TYPE;
        result = op->a != CEDAR_NONE && vm_type(vm, top) == op->a;
        if (is_traced)
            vm_report_type(vm, op, *top, result);
        *top = vm_bool(result);
        return WEIR_CEDAR_FAULT_NONE;
    case OP_LIKE:
        if (top->kind != WEIR_CEDAR_STRING)
            return WEIR_CEDAR_FAULT_TYPE;
        *top = vm_bool(weir__cedar_program_like(
            vm->program, (weir_span){top->data, top->count}, op->a, op->b));
        return WEIR_CEDAR_FAULT_NONE;
    case OP_IN_LITERAL:
        if (top->kind != WEIR_CEDAR_ENTITY)
            return WEIR_CEDAR_FAULT_TYPE;
        result = vm_member(vm, top, op->a, is_traced);
        if (is_traced)
            vm_report_member(vm, op, *top, op->a, result);
        *top = vm_bool(result);
        return WEIR_CEDAR_FAULT_NONE;
    default: /* OP_BOOL */
        return top->kind == WEIR_CEDAR_BOOL ? WEIR_CEDAR_FAULT_NONE
                                            : WEIR_CEDAR_FAULT_TYPE;
    }
}

/* Operations of two operands; the result takes the place of the first. */
static inline enum weir_cedar_fault
vm_binary(const struct vm *vm, const struct program_op *op,
          weir_cedar_arg *left, bool is_traced)
{
    const weir_cedar_arg right = left[1];
    switch (op->op) {
    case OP_GET_TAG:
    case OP_HAS_TAG:
        return vm_tag(vm, op, *left, right, left, is_traced);
    case OP_ADD:
    case OP_SUBTRACT:
    case OP_MULTIPLY:
        return vm_arithmetic(op->op, *left, right, left);
    case OP_LESS:
    case OP_LESS_EQUAL:
    case OP_GREATER:
    case OP_GREATER_EQUAL:
        return vm_compare(op->op, *left, right, left);
    case OP_EQUAL:
    case OP_NOT_EQUAL:
        *left = vm_bool(weir__cedar_arg_equal(vm->program, *left, right) ==
                        (op->op == OP_EQUAL));
        return WEIR_CEDAR_FAULT_NONE;
    case OP_IN:
        return vm_in_value(vm, op, *left, right, left, is_traced);
    default:
        return vm_contains(vm, op->op, *left, right, left);
    }
}

/* Runs one policy from `at`. Longer than a function should be: it is the
 * one loop that everything else serves, and splitting it costs time. */
static inline __attribute__((always_inline)) enum vm_result
vm_run(struct vm *vm, uint32_t at, bool is_traced)
{
    const struct program_op *code =
        PROGRAM_ITEMS(vm->program, CEDAR_CODE, struct program_op);
    const struct program_op *op = &code[at];
    enum weir_cedar_fault fault;
    bool found;
    for (;; op++) {
        weir_cedar_arg *top = vm->stack + op->depth;
        fault = WEIR_CEDAR_FAULT_NONE;
        switch ((enum cedar_op)op->op) {
        case OP_REQUIRE_IN:
        case OP_REQUIRE_EQUAL:
        case OP_REQUIRE_IS:
        case OP_REQUIRE_IN_ANY:
            if (!vm_require(vm, op, is_traced))
                return VM_FALSE;
            continue;
        case OP_REQUIRE:
            if (top[-1].kind != WEIR_CEDAR_BOOL) {
                fault = WEIR_CEDAR_FAULT_TYPE;
                break;
            }
            if ((top[-1].number != 0) == (op->x != 0))
                return VM_FALSE;
            continue;
        case OP_DONE:
            return VM_TRUE;
        case OP_FAIL:
            fault = (enum weir_cedar_fault)op->a;
            break;
        case OP_CONST:
            *top = program_cell(vm->program, op->a);
            continue;
        case OP_VAR:
            *top = vm_variable(vm, op->x);
            continue;
        case OP_ATTR_OF:
            fault = vm_get(vm, op, vm_variable(vm, op->x), top, is_traced);
            break;
        case OP_GET:
            fault = vm_get(vm, op, top[-1], &top[-1], is_traced);
            break;
        case OP_HAS_GET:
            if (is_traced)
                (void)vm_get(vm, op, top[-1], &(weir_cedar_arg){0}, true);
            fault = vm_find(vm, top[-1], op->a, &found, &top[-1], is_traced);
            if (fault != WEIR_CEDAR_FAULT_NONE || found)
                break;
            top[-1] = vm_bool(false);
            op = &code[op->b] - 1;
            continue;
        case OP_IS_THEN:
            *top = top[-1];
            fault = vm_unary(vm, op, top, is_traced);
            if (fault != WEIR_CEDAR_FAULT_NONE || top->number != 0)
                break;
            top[-1] = vm_bool(false);
            op = &code[op->b] - 1;
            continue;
        case OP_JUMP_FALSE:
        case OP_JUMP_TRUE:
            if (top[-1].kind != WEIR_CEDAR_BOOL)
                fault = WEIR_CEDAR_FAULT_TYPE;
            else if ((top[-1].number != 0) == (op->op == OP_JUMP_TRUE))
                op = &code[op->b] - 1;
            break;
        case OP_BRANCH:
            if (top[-1].kind != WEIR_CEDAR_BOOL)
                fault = WEIR_CEDAR_FAULT_TYPE;
            else if (top[-1].number == 0)
                op = &code[op->b] - 1;
            break;
        case OP_JUMP:
            op = &code[op->b] - 1;
            continue;
        case OP_SET:
            fault = vm_set(vm, top - op->a, op->a);
            break;
        case OP_RECORD:
            fault = vm_record(vm, op, top - op->b);
            break;
        case OP_CALL:
            fault =
                vm_call(vm, op->x, top - weir__cedar_functions[op->x].arity);
            break;
        case OP_HAS:
        case OP_NOT:
        case OP_NEGATE:
        case OP_IS_EMPTY:
        case OP_IS:
        case OP_LIKE:
        case OP_IN_LITERAL:
        case OP_BOOL:
            fault = vm_unary(vm, op, &top[-1], is_traced);
            break;
        default:
            fault = vm_binary(vm, op, &top[-2], is_traced);
            break;
        }
        if (__builtin_expect(fault != WEIR_CEDAR_FAULT_NONE, 0)) {
            vm->fault = fault;
            vm->note = op->note;
            return VM_FAULT;
        }
    }
}

/* Bytes of the stack come first in a scratch area. */
static inline void
vm_init(struct vm *vm, const struct weir_cedar_program *program,
        const struct weir_cedar_request *request, void *scratch)
{
    WEIR_ASSERT(((uintptr_t)scratch & 15) == 0);
    WEIR_ASSERT(request->principal.kind == WEIR_CEDAR_ENTITY &&
                request->action.kind == WEIR_CEDAR_ENTITY &&
                request->resource.kind == WEIR_CEDAR_ENTITY);
    for (uint32_t v = CEDAR_PRINCIPAL; v <= CEDAR_RESOURCE; v++) {
        uint32_t handle = (&request->principal + v)->count;
        WEIR_ASSERT(handle == CEDAR_NONE ||
                    handle < program->counts[CEDAR_ENTITIES]);
    }
    vm->program = program;
    vm->request = request;
    vm->stack = scratch;
    vm->facts = NULL;
}

static inline void
vm_reset(struct vm *vm)
{
    const struct program_header *header = program_head(vm->program);
    vm->temp = (char *)(vm->stack + header->stack_max);
    vm->temp_left = header->temp_size;
}

static inline struct weir_cedar_failure
vm_failure(const struct vm *vm, uint32_t policy)
{
    struct weir_cedar_failure failure = {policy, vm->fault, 0};
    if (vm->note != CEDAR_NONE)
        failure.offset = PROGRAM_ITEMS(vm->program, CEDAR_NOTES,
                                       struct program_note)[vm->note]
                             .offset;
    return failure;
}

/* The action part of a scope. */
static inline bool
vm_action_fits(const struct weir_cedar_program *program,
               const weir_cedar_arg *action, uint32_t class)
{
    const struct program_class *c =
        &PROGRAM_ITEMS(program, CEDAR_CLASSES, struct program_class)[class];
    const uint32_t *handles =
        PROGRAM_ITEMS(program, CEDAR_HANDLES, uint32_t) + c->first;
    if (c->op == CEDAR_SCOPE_ANY)
        return true;
    if (c->op == CEDAR_SCOPE_EQUAL)
        return action->count == handles[0];
    for (uint32_t i = 0; i < c->count; i++)
        if (program_in(program, action->count, handles[i]))
            return true;
    return false;
}

#endif
