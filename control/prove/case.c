/* SPDX-License-Identifier: Apache-2.0 */
/* A counterexample as people read it: the request, then each entity. */
#include "book.h"

static void
print_buf(FILE *out, struct weir_buf *buf)
{
    fwrite(buf->ptr, 1, buf->len, out);
    weir_buf_reset(buf);
}

static void
print_uid(FILE *out, struct weir_buf *buf, const struct weir_cedar_uid *uid)
{
    weir_cedar_uid_write(buf, uid);
    print_buf(out, buf);
}

static void
print_entity(FILE *out, struct weir_buf *buf,
             const struct weir_cedar_entity *entity)
{
    fputs("  ", out);
    print_uid(out, buf, &entity->uid);
    for (size_t i = 0; i < entity->parent_count; i++) {
        fputs(i == 0 ? " in " : ", ", out);
        print_uid(out, buf, &entity->parents[i]);
    }
    fputc('\n', out);
    for (size_t i = 0; i < entity->attribute_count; i++) {
        weir_cedar_value_write(buf, &entity->attributes[i].value);
        fprintf(out, "    %.*s = ", WEIR_SPAN_ARG(entity->attributes[i].key));
        print_buf(out, buf);
        fputc('\n', out);
    }
    for (size_t i = 0; i < entity->tag_count; i++) {
        weir_cedar_string_write(buf, entity->tags[i].key);
        weir_buf_addf(buf, " = ");
        weir_cedar_value_write(buf, &entity->tags[i].value);
        fputs("    tag ", out);
        print_buf(out, buf);
        fputc('\n', out);
    }
}

void
weir_prove_case_print(FILE *out, const struct weir_cedar_smt_case *found)
{
    struct weir_buf buf;
    weir_buf_init(&buf, (size_t)16 << 20);
    fputs("  principal ", out);
    print_uid(out, &buf, &found->query.principal);
    fputs("\n  action    ", out);
    print_uid(out, &buf, &found->query.action);
    fputs("\n  resource  ", out);
    print_uid(out, &buf, &found->query.resource);
    weir_cedar_value_write(&buf, &found->query.context);
    fputs("\n  context   ", out);
    print_buf(out, &buf);
    fputs("\n  where\n", out);
    for (size_t i = 0; i < found->entity_count; i++)
        if (found->entities[i].parent_count > 0 ||
            found->entities[i].attribute_count > 0 ||
            found->entities[i].tag_count > 0)
            print_entity(out, &buf, &found->entities[i]);
    weir_buf_fini(&buf);
}
