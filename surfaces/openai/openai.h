/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAI surface in its parts; see openai.c. */
#ifndef WEIR_SURFACE_OPENAI_H
#define WEIR_SURFACE_OPENAI_H

#include <weir/surface.h>

weir_status weir_openai_parse(const struct weir_surface_route *route,
                              weir_span body, struct weir_arena *arena,
                              struct weir_request *request_out,
                              struct weir_error *err);
void weir_openai_put_refusal(const struct weir_surface_route *route,
                             const struct weir_refusal *refusal,
                             struct weir_buf *out);
void weir_openai_put_cut(const struct weir_surface_route *route,
                         const struct weir_refusal *refusal,
                         struct weir_buf *out);
void weir_openai_put_models(const struct weir_surface_route *route,
                            weir_surface_next_model next, void *context,
                            struct weir_buf *out);
void weir_openai_put_model(const struct weir_surface_route *route,
                           const struct weir_surface_model *model,
                           struct weir_buf *out);

/* Requests in no dialect, by endpoint. */
weir_status weir_openai_read_chat(const struct weir_request *request,
                                  struct weir_neutral *call,
                                  struct weir_error *err);
weir_status weir_openai_read_responses(const struct weir_request *request,
                                       struct weir_neutral *call,
                                       struct weir_error *err);
/* RAW {name, description, schema, strict}: a format or a part of one. */
void weir_openai_read_stream_options(struct weir_neutral *call, weir_span raw);
weir_status weir_openai_read_schema(struct weir_neutral *call, weir_span raw,
                                    struct weir_error *err);
/* A member of the root that is a setting; else an extra (weir_raw_other). */
void weir_openai_read_setting(void *context, weir_span name, weir_span raw);

/* Keeps id, time and usage of START and USAGE. */
void weir_openai_learn(struct weir_writing *writing,
                       const struct weir_event *event);
/* As the next value: the call's id, or one made from weir's own. */
void weir_openai_put_call_id(struct weir_pen *pen,
                             const struct weir_writing *writing,
                             const struct weir_event *event);

extern const struct weir_writing_ops weir_openai_chat_writing;
extern const struct weir_writing_ops weir_openai_responses_writing;
extern const struct weir_embed_surface weir_openai_embed_surface;
extern const struct weir_surface weir_openai_surface;

/* Bodies of WEIR_DIALECT_OTHER; see other.c and form.c. */
weir_status weir_openai_parse_other(const struct weir_surface_route *route,
                                    weir_span body, struct weir_arena *arena,
                                    struct weir_request *request_out,
                                    struct weir_error *err);
weir_status weir_openai_parse_form(const struct weir_surface_route *route,
                                   weir_span body, struct weir_arena *arena,
                                   struct weir_request *request_out,
                                   struct weir_error *err);

/* Files and batches; `path` behind "/v1". See bulk.c. */
weir_status weir_openai_route_bulk(weir_span method, weir_span path,
                                   struct weir_surface_route *found,
                                   struct weir_error *err);
/* Answers that are kept; `path` behind "/v1". See stored_verbs.c. */
weir_status weir_openai_route_stored(weir_span method, weir_span path,
                                     weir_span query,
                                     struct weir_surface_route *found,
                                     struct weir_error *err);
/* A line of a file: weir_bulk_line(). */
struct weir_bulk_line;
weir_status weir_openai_bulk_line(weir_span *rest, const struct weir_urls *urls,
                                  struct weir_arena *arena,
                                  struct weir_bulk_line *line_out,
                                  weir_span *param_out, struct weir_error *err);

#endif
