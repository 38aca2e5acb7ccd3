/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments: the values that a compiled program works on, in 16 bytes. */
#include "program.h"

#include <string.h>

/* -------------------------------------------------------- constructors */

static weir_cedar_arg
number(enum weir_cedar_kind kind, int64_t value)
{
    return (weir_cedar_arg){(uint8_t)kind, 0, 0, 0, {value}};
}

weir_cedar_arg
weir_cedar_arg_bool(bool value)
{
    return number(WEIR_CEDAR_BOOL, value);
}

weir_cedar_arg
weir_cedar_arg_long(int64_t value)
{
    return number(WEIR_CEDAR_LONG, value);
}

weir_cedar_arg
weir_cedar_arg_decimal(int64_t ten_thousandths)
{
    return number(WEIR_CEDAR_DECIMAL, ten_thousandths);
}

weir_cedar_arg
weir_cedar_arg_datetime(int64_t milliseconds)
{
    return number(WEIR_CEDAR_DATETIME, milliseconds);
}

weir_cedar_arg
weir_cedar_arg_duration(int64_t milliseconds)
{
    return number(WEIR_CEDAR_DURATION, milliseconds);
}

weir_cedar_arg
weir_cedar_arg_string(weir_span text)
{
    weir_cedar_arg arg = number(WEIR_CEDAR_STRING, 0);
    WEIR_ASSERT(text.len <= UINT32_MAX);
    arg.count = (uint32_t)text.len;
    arg.data = text.ptr;
    return arg;
}

weir_cedar_arg
weir_cedar_arg_ip(const struct weir_cedar_ip *ip, bool is_v6, uint8_t prefix)
{
    weir_cedar_arg arg = number(WEIR_CEDAR_IP, 0);
    arg.prefix = prefix;
    arg.detail = is_v6;
    arg.data = ip->address;
    return arg;
}

weir_cedar_arg
weir_cedar_arg_entity(uint32_t handle)
{
    weir_cedar_arg arg = number(WEIR_CEDAR_ENTITY, 0);
    WEIR_ASSERT(handle != WEIR_CEDAR_NONE);
    arg.count = handle;
    return arg;
}

weir_cedar_arg
weir_cedar_arg_uid(const struct weir_cedar_program *program,
                   const struct weir_cedar_uid *uid)
{
    weir_cedar_arg arg = number(WEIR_CEDAR_ENTITY, 0);
    arg.count = weir_cedar_program_entity(program, uid);
    if (arg.count == WEIR_CEDAR_NONE) {
        arg.data = uid;
        arg.detail = (uint16_t)weir__cedar_program_type(program, uid->type);
    }
    return arg;
}

weir_cedar_arg
weir_cedar_arg_set(const weir_cedar_arg *elements, uint32_t count)
{
    weir_cedar_arg arg = number(WEIR_CEDAR_SET, 0);
    arg.count = count;
    arg.data = elements;
    return arg;
}

weir_cedar_arg
weir_cedar_arg_record(const struct weir_cedar_binding *fields, uint32_t count)
{
    weir_cedar_arg arg = number(WEIR_CEDAR_RECORD, 0);
    arg.count = count;
    arg.data = fields;
    return arg;
}

static bool
set_from_value(const struct weir_cedar_program *program,
               const weir_cedar_value *value, struct weir_arena *arena,
               weir_cedar_arg *arg_out)
{
    weir_cedar_arg *elements =
        weir_arena_array(arena, weir_cedar_arg, value->count);
    if (elements == NULL)
        return false;
    for (uint32_t i = 0; i < value->count; i++)
        if (!weir_cedar_arg_from_value(program, &value->elements[i], arena,
                                       &elements[i]))
            return false;
    *arg_out = weir_cedar_arg_set(elements, value->count);
    return true;
}

static bool
record_from_value(const struct weir_cedar_program *program,
                  const weir_cedar_value *value, struct weir_arena *arena,
                  weir_cedar_arg *arg_out)
{
    struct weir_cedar_binding *fields =
        weir_arena_array(arena, struct weir_cedar_binding, value->count);
    if (fields == NULL)
        return false;
    for (uint32_t i = 0; i < value->count; i++) {
        fields[i].attribute =
            weir_cedar_program_attribute(program, value->fields[i].key);
        if (!weir_cedar_arg_from_value(program, &value->fields[i].value, arena,
                                       &fields[i].value))
            return false;
    }
    *arg_out = weir_cedar_arg_record(fields, value->count);
    return true;
}

bool
weir_cedar_arg_from_value(const struct weir_cedar_program *program,
                          const weir_cedar_value *value,
                          struct weir_arena *arena, weir_cedar_arg *arg_out)
{
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        *arg_out = weir_cedar_arg_bool(value->boolean);
        return true;
    case WEIR_CEDAR_STRING:
        *arg_out = weir_cedar_arg_string(value->string);
        return true;
    case WEIR_CEDAR_ENTITY:
        *arg_out = weir_cedar_arg_uid(program, value->uid);
        return true;
    case WEIR_CEDAR_IP:
        *arg_out = weir_cedar_arg_ip(&value->ip, value->is_v6, value->prefix);
        return true;
    case WEIR_CEDAR_SET:
        return set_from_value(program, value, arena, arg_out);
    case WEIR_CEDAR_RECORD:
        return record_from_value(program, value, arena, arg_out);
    default:
        *arg_out = number((enum weir_cedar_kind)value->kind, value->number);
        return true;
    }
}

/* ------------------------------------------------------------- reading */

weir_cedar_arg
weir__cedar_arg_element(const struct weir_cedar_program *program,
                        weir_cedar_arg set, uint32_t index)
{
    const struct program_cell *first;
    if (set.detail == CEDAR_FORM_MADE)
        return ((const weir_cedar_arg *)set.data)[index];
    first = set.data;
    return program_cell(program,
                        (uint32_t)(first - PROGRAM_ITEMS(program, CEDAR_CELLS,
                                                         struct program_cell)) +
                            index);
}

bool
weir__cedar_arg_field(const struct weir_cedar_program *program,
                      weir_cedar_arg record, uint32_t name, weir_cedar_arg *out)
{
    if (record.detail == CEDAR_FORM_MADE) {
        const struct weir_cedar_binding *fields = record.data;
        for (uint32_t i = 0; i < record.count; i++)
            if (fields[i].attribute == name) {
                *out = fields[i].value;
                return true;
            }
        return false;
    }
    const struct program_cell *cell = record.data;
    return program_find_word(program, (uint32_t)(cell->data >> 32),
                             (uint32_t)cell->data, name, out);
}

/* Name and value of field `index` in either form. */
static weir_cedar_arg
field_at(const struct weir_cedar_program *program, weir_cedar_arg record,
         uint32_t index, uint32_t *name_out)
{
    if (record.detail == CEDAR_FORM_MADE) {
        const struct weir_cedar_binding *fields = record.data;
        *name_out = fields[index].attribute;
        return fields[index].value;
    }
    const struct program_cell *cell = record.data;
    const struct program_shape *shape = &PROGRAM_ITEMS(
        program, CEDAR_SHAPES, struct program_shape)[cell->data >> 32];
    const struct program_key *key = &PROGRAM_ITEMS(
        program, CEDAR_KEYS, struct program_key)[shape->first + index];
    *name_out = key->name;
    return program_word(program, key->kind,
                        PROGRAM_ITEMS(program, CEDAR_WORDS,
                                      uint64_t)[(uint32_t)cell->data + index]);
}

/* --------------------------------------------------- equality and order */

static bool
equal_records(const struct weir_cedar_program *program, weir_cedar_arg a,
              weir_cedar_arg b)
{
    if (a.count != b.count)
        return false;
    if (a.data == b.data && a.detail == b.detail)
        return true;
    for (uint32_t i = 0; i < a.count; i++) {
        uint32_t name;
        weir_cedar_arg mine = field_at(program, a, i, &name);
        weir_cedar_arg other;
        if (name == WEIR_CEDAR_NONE ||
            !weir__cedar_arg_field(program, b, name, &other) ||
            !weir__cedar_arg_equal(program, mine, other))
            return false;
    }
    return true;
}

static bool
holds_all(const struct weir_cedar_program *program, weir_cedar_arg a,
          weir_cedar_arg b)
{
    for (uint32_t i = 0; i < b.count; i++)
        if (!weir__cedar_arg_contains(program, a,
                                      weir__cedar_arg_element(program, b, i)))
            return false;
    return true;
}

static bool
equal_entities(weir_cedar_arg a, weir_cedar_arg b)
{
    if (a.count != b.count)
        return false;
    return a.count != WEIR_CEDAR_NONE || weir_cedar_uid_equal(a.data, b.data);
}

bool
weir__cedar_arg_equal(const struct weir_cedar_program *program,
                      weir_cedar_arg a, weir_cedar_arg b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case WEIR_CEDAR_ENTITY:
        return equal_entities(a, b);
    case WEIR_CEDAR_SET:
        return holds_all(program, a, b) && holds_all(program, b, a);
    case WEIR_CEDAR_RECORD:
        return equal_records(program, a, b);
    default:
        return weir__cedar_arg_order(a, b) == 0;
    }
}

static int
order_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int
weir__cedar_arg_order(weir_cedar_arg a, weir_cedar_arg b)
{
    if (a.kind != b.kind)
        return a.kind > b.kind ? 1 : -1;
    switch (a.kind) {
    case WEIR_CEDAR_STRING:
        return weir_span_compare((weir_span){a.data, a.count},
                                 (weir_span){b.data, b.count});
    case WEIR_CEDAR_ENTITY:
        return order_numbers(a.count, b.count);
    case WEIR_CEDAR_IP:
        if (a.detail != b.detail)
            return a.detail > b.detail ? 1 : -1;
        if (a.prefix != b.prefix)
            return a.prefix > b.prefix ? 1 : -1;
        return memcmp(a.data, b.data, sizeof(struct weir_cedar_ip));
    case WEIR_CEDAR_SET:
    case WEIR_CEDAR_RECORD:
        return 0;
    default:
        return order_numbers(a.number, b.number);
    }
}

static bool
stored_contains(const struct weir_cedar_program *program, weir_cedar_arg set,
                weir_cedar_arg element)
{
    uint32_t low = 0;
    uint32_t high = set.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (weir__cedar_arg_order(weir__cedar_arg_element(program, set, middle),
                                  element) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < set.count; low++) {
        weir_cedar_arg mine = weir__cedar_arg_element(program, set, low);
        if (weir__cedar_arg_order(mine, element) != 0)
            return false;
        if (weir__cedar_arg_equal(program, mine, element))
            return true;
    }
    return false;
}

bool
weir__cedar_arg_contains(const struct weir_cedar_program *program,
                         weir_cedar_arg set, weir_cedar_arg element)
{
    if (set.detail != CEDAR_FORM_MADE)
        return stored_contains(program, set, element);
    for (uint32_t i = 0; i < set.count; i++)
        if (weir__cedar_arg_equal(
                program, ((const weir_cedar_arg *)set.data)[i], element))
            return true;
    return false;
}

/* ---------------------------------------------------------------- text */

static void
write_record(struct weir_buf *buf, const struct weir_cedar_program *program,
             weir_cedar_arg record)
{
    weir_buf_add_byte(buf, '{');
    for (uint32_t i = 0; i < record.count; i++) {
        uint32_t name;
        weir_cedar_arg value = field_at(program, record, i, &name);
        weir_buf_add(buf, ", ", i > 0 ? 2 : 0);
        if (name == WEIR_CEDAR_NONE)
            weir_buf_add_byte(buf, '_');
        else
            weir_cedar_string_write(
                buf, weir_cedar_program_attribute_name(program, name));
        weir_buf_add_span(buf, WEIR_SPAN(": "));
        weir_cedar_arg_write(buf, program, value);
    }
    weir_buf_add_byte(buf, '}');
}

void
weir_cedar_arg_write(struct weir_buf *buf,
                     const struct weir_cedar_program *program,
                     weir_cedar_arg arg)
{
    weir_cedar_value value;
    struct weir_cedar_uid uid;
    memset(&value, 0, sizeof(value));
    value.kind = arg.kind;
    switch (arg.kind) {
    case WEIR_CEDAR_BOOL:
        value.boolean = arg.number != 0;
        break;
    case WEIR_CEDAR_STRING:
        value.string = (weir_span){arg.data, arg.count};
        break;
    case WEIR_CEDAR_ENTITY:
        if (arg.count == WEIR_CEDAR_NONE) {
            value.uid = arg.data;
        } else {
            uid = weir_cedar_program_uid(program, arg.count);
            value.uid = &uid;
        }
        break;
    case WEIR_CEDAR_IP:
        value.is_v6 = arg.detail != 0;
        value.prefix = arg.prefix;
        memcpy(value.ip.address, arg.data, sizeof(value.ip.address));
        break;
    case WEIR_CEDAR_SET:
        weir_buf_add_byte(buf, '[');
        for (uint32_t i = 0; i < arg.count; i++) {
            weir_buf_add(buf, ", ", i > 0 ? 2 : 0);
            weir_cedar_arg_write(buf, program,
                                 weir__cedar_arg_element(program, arg, i));
        }
        weir_buf_add_byte(buf, ']');
        return;
    case WEIR_CEDAR_RECORD:
        write_record(buf, program, arg);
        return;
    default:
        value.number = arg.number;
        break;
    }
    weir_cedar_value_write(buf, &value);
}
