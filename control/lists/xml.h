/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xml.h - as much of XML 1.0 as lists are written in, read strictly: UTF-8,
 * elements, text, character references, the five named entities, CDATA,
 * comments. A DOCTYPE is refused, so nothing is ever expanded or fetched.
 * Attributes are checked and skipped, names keep their prefixes.
 *
 * Threads: one owner. Memory: names are spans of the source; texts are
 * valid to the next event.
 */
#ifndef WEIR_CONTROL_LISTS_XML_H
#define WEIR_CONTROL_LISTS_XML_H

#include <weir/base.h>

#define XML_DEPTH_MAX 16u
/* Bytes of text in one element. */
#define XML_TEXT_MAX ((size_t)1 << 20)

enum xml_event {
    XML_END = 0, /* of the document */
    XML_OPEN = 1,
    XML_CLOSE = 2, /* `text` is what stood in it, trimmed, of this level */
    XML_BAD = 3    /* `fault`; nothing behind it is read */
};

struct xml {
    weir_span source;
    size_t at;
    uint32_t line; /* of the event */
    uint32_t depth;
    weir_span open[XML_DEPTH_MAX]; /* names of the open elements */
    weir_span name;                /* of the event's element */
    weir_span text;
    bool is_closing; /* an empty element's end is due */
    bool has_root;
    const char *fault;
    size_t counted; /* lines are counted up to here */
    uint32_t counted_line;
    struct weir_buf buf;
};

void xml_init(struct xml *xml, weir_span source);
void xml_fini(struct xml *xml);
enum xml_event xml_next(struct xml *xml);

#endif
