/* SPDX-License-Identifier: Apache-2.0 */
/* Edges of an ownership file, in the notations that people use. */
#include <string.h>

#include "control/evidence/ownership_file.h"
#include "control/evidence/tree.h"

static const char share_advice[] =
    "Write 51%, 0.51, \">25%-50%\", [25%, 50%] or unknown; 1 alone could be "
    "anything.";

static bool
read_share_text(struct weir_ownership_file *file, const struct yaml_node *node,
                weir_span text, enum weir_share_unit unit,
                weir_share *share_out)
{
    struct weir_error why;
    while (text.len > 0 && text.ptr[0] == ' ')
        text = (weir_span){text.ptr + 1, text.len - 1};
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    if (text.len == 0) {
        *share_out = (weir_share){0, WEIR_SHARE_ALL};
        return true;
    }
    if (weir_share_read(text, unit, share_out, &why) == WEIR_OK)
        return true;
    weir__ownership_fault(file, node, share_advice, why.text);
    return false;
}

/* {exact: 50}, {minimum: 25, exclusiveMaximum: 50}, {low: .., high: ..} */
static bool
read_share_mapping(struct weir_ownership_file *file,
                   const struct yaml_node *node, enum weir_share_unit unit,
                   weir_share *share_out)
{
    static const struct {
        const char *names[6];
        bool is_low;
        bool is_open;
    } ends[] = {
        {{"exact", "value", NULL}, true, false},
        {{"exact", "value", NULL}, false, false},
        {{"minimum", "min", "low", "from", "at_least", NULL}, true, false},
        {{"maximum", "max", "high", "to", "at_most", NULL}, false, false},
        {{"exclusiveminimum", "exclusive_minimum", "above", "over", NULL},
         true,
         true},
        {{"exclusivemaximum", "exclusive_maximum", "below", "under", NULL},
         false,
         true},
    };
    static const char *const unit_keys[] = {"ppm", "percent", NULL};
    const struct yaml_node *alone = weir_tree_any(node, unit_keys);
    weir_share share = {0, WEIR_SHARE_ALL};
    bool has_any = false;
    if (alone != NULL)
        return weir__ownership_share_of(file, alone,
                                        weir_tree_is(alone->key, "ppm")
                                            ? WEIR_SHARE_PPM
                                            : WEIR_SHARE_PERCENT,
                                        share_out);
    for (size_t i = 0; i < WEIR_COUNTOF(ends); i++) {
        const struct yaml_node *end = weir_tree_any(node, ends[i].names);
        weir_share value;
        if (end == NULL || weir_tree_text(end).len == 0)
            continue;
        if (!read_share_text(file, end, end->text, unit, &value))
            return false;
        has_any = true;
        if (ends[i].is_low)
            share.low = value.low + (ends[i].is_open ? 1 : 0);
        else
            share.high = value.high - (ends[i].is_open && value.high > 0);
    }
    if (!has_any || share.low > share.high) {
        weir__ownership_fault(file, node, share_advice,
                              has_any ? "a share band with nothing in it"
                                      : "no share in it");
        return false;
    }
    *share_out = share;
    return true;
}

bool
weir__ownership_share_of(struct weir_ownership_file *file,
                         const struct yaml_node *node,
                         enum weir_share_unit unit, weir_share *share_out)
{
    weir_share low;
    weir_share high;
    if (node->kind == YAML_TEXT)
        return read_share_text(file, node, weir_tree_text(node), unit,
                               share_out);
    if (node->kind == YAML_MAPPING)
        /* The names of BODS come with BODS's percent. */
        return read_share_mapping(
            file, node, unit == WEIR_SHARE_GUESS ? WEIR_SHARE_PERCENT : unit,
            share_out);
    if (node->count != 2 || node->first->kind != YAML_TEXT ||
        node->first->next->kind != YAML_TEXT) {
        weir__ownership_fault(file, node, share_advice, "not a band");
        return false;
    }
    /* 0 and 1 mean something beside the other end: read both as one text. */
    char text[128];
    struct weir_buf buf;
    weir_buf_init_fixed(&buf, text, sizeof text);
    weir_buf_add_span(&buf, node->first->text);
    weir_buf_add(&buf, "-", 1);
    weir_buf_add_span(&buf, node->first->next->text);
    if (!buf.overflow)
        return read_share_text(file, node, weir_buf_span(&buf), unit,
                               share_out);
    if (!read_share_text(file, node, node->first->text, unit, &low) ||
        !read_share_text(file, node, node->first->next->text, unit, &high))
        return false;
    *share_out = (weir_share){low.low, high.high};
    return low.low <= high.high;
}

bool
weir__ownership_share(struct weir_ownership_file *file,
                      const struct yaml_node *mapping, weir_share *share_out)
{
    static const struct {
        const char *names[6];
        enum weir_share_unit unit;
    } keys[] = {
        {{"share_ppm", "ppm", "parts_per_million", NULL}, WEIR_SHARE_PPM},
        {{"percent", "percentage", "pct", "share_percent", NULL},
         WEIR_SHARE_PERCENT},
        {{"share", "stake", "shares", "band", "interval", NULL},
         WEIR_SHARE_GUESS},
        {{"holding", "ownership", "weight", "amount", NULL}, WEIR_SHARE_GUESS},
    };
    static const struct {
        const char *low[6];
        const char *high[6];
        enum weir_share_unit unit;
    } pairs[] = {
        {{"low_ppm", "min_ppm", "share_low_ppm", NULL},
         {"high_ppm", "max_ppm", "share_high_ppm", NULL},
         WEIR_SHARE_PPM},
        {{"low", "min", "minimum", "share_min", "share_low", NULL},
         {"high", "max", "maximum", "share_max", "share_high", NULL},
         WEIR_SHARE_GUESS},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(keys); i++) {
        const struct yaml_node *node = weir_tree_any(mapping, keys[i].names);
        if (node != NULL)
            return weir__ownership_share_of(file, node, keys[i].unit,
                                            share_out);
    }
    weir_share share = {0, WEIR_SHARE_ALL};
    for (size_t i = 0; i < WEIR_COUNTOF(pairs); i++) {
        const struct yaml_node *low = weir_tree_any(mapping, pairs[i].low);
        const struct yaml_node *high = weir_tree_any(mapping, pairs[i].high);
        weir_share end = {0, WEIR_SHARE_ALL};
        if (low != NULL) {
            if (!weir__ownership_share_of(file, low, pairs[i].unit, &end))
                return false;
            share.low = end.low;
        }
        if (high != NULL) {
            if (!weir__ownership_share_of(file, high, pairs[i].unit, &end))
                return false;
            share.high = end.high;
        }
    }
    if (share.low > share.high) {
        weir__ownership_fault(file, mapping, share_advice,
                              "a share band with nothing in it");
        return false;
    }
    *share_out = share;
    return true;
}

/* ---------------------------------------------------------------- edges */

static void
add_holding(struct weir_ownership_file *file, const struct yaml_node *node,
            weir_span owner, weir_span owned, weir_share share)
{
    if (owner.len == 0 || owned.len == 0) {
        weir__ownership_fault(file, node,
                              "Write {owner: .., owned: .., share: ..}.",
                              "an edge without its two ends");
        return;
    }
    uint32_t from = weir__ownership_party(file, owner);
    uint32_t to = weir__ownership_party(file, owned);
    if (from == UINT32_MAX || to == UINT32_MAX ||
        !weir__ownership_grow(file, &file->holding_rows, file->holding_count,
                              &file->holding_capacity,
                              sizeof *file->holding_rows))
        return;
    file->holding_rows[file->holding_count++] =
        (struct weir_holding){from, to, share};
}

static weir_span
next_word(weir_span *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == ':'))
        *rest = (weir_span){rest->ptr + 1, rest->len - 1};
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != ' ')
        len++;
    weir_span word = {rest->ptr, len};
    *rest = (weir_span){rest->ptr + len, rest->len - len};
    if (word.len > 1 && word.ptr[word.len - 1] == ':')
        word.len--;
    return word;
}

/* "X-A 50%", "X -> A 50%", "X A 50%"; what is behind is the share. */
static bool
split_edge(weir_span text, weir_span *owner_out, weir_span *owned_out,
           weir_span *share_out)
{
    weir_span rest = text;
    weir_span owner = next_word(&rest);
    const char *arrow = memmem(owner.ptr, owner.len, "->", 2);
    const char *dash =
        owner.len > 2 ? memchr(owner.ptr + 1, '-', owner.len - 2) : NULL;
    weir_span owned;
    if (arrow != NULL && arrow > owner.ptr) {
        size_t len = (size_t)(arrow - owner.ptr);
        owned = (weir_span){arrow + 2, owner.len - len - 2};
        owner.len = len;
    } else if (arrow == NULL && dash != NULL) {
        size_t len = (size_t)(dash - owner.ptr);
        owned = (weir_span){dash + 1, owner.len - len - 1};
        /* acme-holding-b: where does the one name end? */
        if (memchr(owned.ptr, '-', owned.len) != NULL)
            return false;
        owner.len = len;
    } else {
        owned = next_word(&rest);
        if (weir_span_equal(owned, WEIR_SPAN("->")) ||
            weir_span_equal(owned, WEIR_SPAN("-")) ||
            weir_span_equal(owned, WEIR_SPAN("owns")))
            owned = next_word(&rest);
    }
    *owner_out = owner;
    *owned_out = owned;
    *share_out = rest;
    return owner.len > 0 && owned.len > 0;
}

static void
read_edge_text(struct weir_ownership_file *file, const struct yaml_node *node,
               weir_span text)
{
    weir_span owner;
    weir_span owned;
    weir_span share_text;
    weir_share share;
    if (!split_edge(text, &owner, &owned, &share_text)) {
        weir__ownership_fault(file, node,
                              "Write \"X -> A 50%\", or {owner: X, owned: A, "
                              "share: 50%}.",
                              "not an edge");
        return;
    }
    if (read_share_text(file, node, share_text, WEIR_SHARE_GUESS, &share))
        add_holding(file, node, owner, owned, share);
}

static const char *const owner_keys[] = {"owner",
                                         "from",
                                         "parent",
                                         "holder",
                                         "by",
                                         "shareholder",
                                         "source",
                                         "src",
                                         "x",
                                         "owner_id",
                                         "owner_name",
                                         "interestedparty",
                                         "interested_party",
                                         NULL};
static const char *const owned_keys[] = {
    "owned",    "to",           "child",        "subsidiary", "subject",
    "target",   "entity",       "of",           "dst",        "company",
    "owned_id", "organisation", "organization", "owned_name", NULL};

void
weir__ownership_edge(struct weir_ownership_file *file,
                     const struct yaml_node *node)
{
    weir_share share;
    if (node->kind == YAML_TEXT && node->key.len > 0) {
        /* {"X-A": 50%} */
        weir_span owner, owned, rest;
        if (!split_edge(node->key, &owner, &owned, &rest) || rest.len > 0)
            weir__ownership_fault(file, node, "Write \"X -> A\": 50%.",
                                  "not an edge");
        else if (weir__ownership_share_of(file, node, WEIR_SHARE_GUESS, &share))
            add_holding(file, node, owner, owned, share);
        return;
    }
    if (node->kind == YAML_TEXT) {
        read_edge_text(file, node, weir_tree_text(node));
        return;
    }
    if (node->kind == YAML_MAPPING) {
        if (weir__ownership_share(file, node, &share))
            add_holding(file, node,
                        weir_tree_text(weir_tree_any(node, owner_keys)),
                        weir_tree_text(weir_tree_any(node, owned_keys)), share);
        return;
    }
    /* [owner, owned], [owner, owned, share], [owner, owned, low, high] */
    const struct yaml_node *owner = node->first;
    const struct yaml_node *owned = owner == NULL ? NULL : owner->next;
    const struct yaml_node *low = owned == NULL ? NULL : owned->next;
    if (owned == NULL || node->count > 4) {
        weir__ownership_fault(file, node, "Write [owner, owned, share].",
                              "not an edge");
        return;
    }
    share = (weir_share){0, WEIR_SHARE_ALL};
    if (node->count == 4) {
        struct yaml_node band = {.kind = YAML_SEQUENCE,
                                 .count = 2,
                                 .place = node->place,
                                 .first = owned->next};
        if (!weir__ownership_share_of(file, &band, WEIR_SHARE_GUESS, &share))
            return;
    } else if (low != NULL &&
               !weir__ownership_share_of(file, low, WEIR_SHARE_GUESS, &share)) {
        return;
    }
    add_holding(file, node, weir_tree_text(owner), weir_tree_text(owned),
                share);
}

void
weir__ownership_owner(struct weir_ownership_file *file,
                      const struct yaml_node *node, weir_span owned)
{
    static const char *const keys[] = {
        "name",         "owner",  "id", "organisation",
        "organization", "holder", "by", NULL};
    weir_share share = {0, WEIR_SHARE_ALL};
    weir_span owner = node->key;
    if (node->kind == YAML_TEXT && owner.len > 0) { /* {X: 50%} */
        if (!weir__ownership_share_of(file, node, WEIR_SHARE_GUESS, &share))
            return;
    } else if (node->kind == YAML_TEXT) { /* "X 50%" */
        weir_span rest = weir_tree_text(node);
        owner = next_word(&rest);
        if (!read_share_text(file, node, rest, WEIR_SHARE_GUESS, &share))
            return;
    } else if (node->kind == YAML_MAPPING) {
        if (owner.len == 0)
            owner = weir_tree_text(weir_tree_any(node, keys));
        if (!weir__ownership_share(file, node, &share))
            return;
    } else { /* [X, 50%] */
        owner = weir_tree_text(node->first);
        if (node->count > 1 &&
            !weir__ownership_share_of(file, node->first->next, WEIR_SHARE_GUESS,
                                      &share))
            return;
    }
    add_holding(file, node, owner, owned, share);
}
