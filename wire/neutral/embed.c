/* SPDX-License-Identifier: Apache-2.0 */
/* Texts to embed: room for them, and what a dialect has no word for. */
#include <weir/embed.h>

bool
weir_embed_room(struct weir_embed *embed, uint32_t count)
{
    embed->texts =
        weir_arena_array(embed->call->arena, weir_span, count > 0 ? count : 1);
    return embed->texts != NULL;
}

weir_status
weir_embed_check(struct weir_embed *embed, const char *const names[3],
                 struct weir_error *err)
{
    struct weir_setting *settings[3] = {&embed->dimensions, &embed->task,
                                        &embed->title};
    weir_status status = WEIR_OK;
    for (size_t i = 0; i < 3 && status == WEIR_OK; i++) {
        if (settings[i]->raw.ptr == NULL || names[i] != NULL)
            continue;
        status = weir_neutral_lacks(embed->call, settings[i]->name, err);
        settings[i]->raw = WEIR_SPAN_NONE;
    }
    for (const struct weir_extra *e = embed->call->extras;
         e != NULL && status == WEIR_OK; e = e->next)
        status = weir_neutral_lacks(embed->call, e->setting.name, err);
    return status;
}
