/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a path to a world: the main file, what it includes, the policies
 * beside it. A file that cannot be read is a fault like any other, so that
 * one run of `weir check` shows everything.
 *
 * Included files hold lists only. They include nothing themselves: who
 * wants to know what a configuration consists of reads one file.
 */
#include "config.h"
#include "control/egress/egress.h"
#include "outside.h"
#include "read.h"
#include "systems.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of one policy file; the largest set a person reviews is far below. */
#define POLICY_BYTES_MAX ((size_t)8 << 20)
#define POLICY_DEPTH_MAX 4

struct section {
    const char *key;
    read_fn *read;
    bool is_setting;
};

static read_fn read_state;
static read_fn read_workers;
static read_fn read_policies;
static read_fn read_include;

static const struct section sections[] = {
    {"listen", read_listens, true},
    {"admin", read_admin, true},
    {"state", read_state, true},
    {"workers", read_workers, true},
    {"policies", read_policies, true},
    {"limits", read_limits, true},
    {"journal", read_journal, true},
    {"nginx", read_nginx, true},
    {"geo", read_geo, true},
    {"clients", read_clients, true},
    {"signals", read_signals, true},
    {"log", read_log, true},
    {"withdrawal", read_withdrawal, true},
    {"translation", read_translation, true},
    {"files", read_files, true},
    {"batches", read_batches, true},
    {"notices", read_notices, true},
    {"transparency", read_transparency, true},
    {"content", read_content, true},
    {"seller", read_seller, true},
    {"onboarding", read_onboarding, true},
    {"watch", read_watch, true},
    {"telemetry", read_telemetry, true},
    {"references", read_references, true},
    {"filters", read_filters, false},
    {"cache", read_cache, true},
    {"classifiers", read_classifiers, false},
    {"tool_servers", read_tool_servers, false},
    {"include", read_include, true},
    {"blocs", read_blocs, false},
    {"providers", read_providers, false},
    {"models", read_models, false},
    {"makers", read_makers, false},
    {"catalogue", read_catalogue, false},
    {"regions", read_regions, false},
    {"egress", read_egress, false},
    {"origins", read_origins, false},
    {"deployments", read_deployments, false},
    {"routes", read_routes, false},
    {"organisations", read_organisations, false},
    {"lists", read_lists, false},
    {"ownership_rules", read_rules, false},
    {"tenants", read_tenants, false},
    {"terms", read_terms, false},
    {"contracts", read_contracts, false},
    {"groups", read_groups, false},
    {"budgets", read_budgets, false},
    {"objectives", read_objectives, false},
};

static void
read_state(struct reader *r, const struct yaml_node *node, void *member)
{
    read_path(r, node, &r->world->settings.state_dir);
}

static void
read_workers(struct reader *r, const struct yaml_node *node, void *member)
{
    read_u32(r, node, &r->world->settings.workers);
}

static void
read_policies(struct reader *r, const struct yaml_node *node, void *member)
{
    read_path(r, node, &r->world->settings.policy_dir);
}

/* Names only; load_includes() follows them when the file is read. */
static void
read_include(struct reader *r, const struct yaml_node *node, void *member)
{
    if (node->kind == YAML_SEQUENCE) {
        for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
            if (n->kind != YAML_TEXT)
                read_fault(r, n, "Write a path.", "not a file or directory");
        }
    } else if (node->kind != YAML_TEXT) {
        read_fault(r, node, "Write a list of paths.", "not a list");
    }
}

static void
read_section(struct reader *r, const struct yaml_node *node)
{
    for (size_t i = 0; i < WEIR_COUNTOF(sections); i++) {
        if (!weir_span_equal(node->key, weir_span_of(sections[i].key)))
            continue;
        if (sections[i].is_setting && !r->is_main) {
            weir_faults_add(r->faults, node->key_place,
                            "Included files hold lists only: move it.",
                            "\"%s\" belongs into the main file",
                            sections[i].key);
            return;
        }
        sections[i].read(r, node, NULL);
        return;
    }
    /* No section: let the generic reader say so, with a guess. */
    struct field known[WEIR_COUNTOF(sections)];
    struct yaml_node alone = {.kind = YAML_MAPPING, .count = 1};
    struct yaml_node child = *node;
    child.next = NULL;
    alone.first = &child;
    for (size_t i = 0; i < WEIR_COUNTOF(sections); i++)
        known[i] = (struct field){sections[i].key, NULL, 0};
    read_fields(r, &alone, "the configuration", known, WEIR_COUNTOF(known),
                NULL);
}

static void
read_root(struct reader *r, const struct yaml_node *root)
{
    if (root == NULL)
        return;
    if (root->kind != YAML_MAPPING) {
        /* A file of comments only is an empty mapping. */
        if (root->kind != YAML_TEXT || root->text.len > 0)
            read_fault(r, root, "Begin with `section:` lines.",
                       "not a mapping");
        return;
    }
    for (const struct yaml_node *n = root->first; n != NULL; n = n->next)
        read_section(r, n);
}

weir_status
weir_config_parse(weir_span text, weir_span name, struct weir_world *world,
                  struct weir_faults *faults)
{
    struct weir_arena nodes;
    uint32_t before = faults->total;
    struct reader r = {.world = world, .faults = faults, .is_main = true};
    weir_arena_init_heap(&nodes, WEIR_WORLD_BYTES_MAX);
    read_root(&r, yaml_parse(&nodes, text, weir_arena_copy(&world->arena, name),
                             faults));
    weir_arena_fini(&nodes);
    return faults->total == before ? WEIR_OK : WEIR_EPARSE;
}

/* --------------------------------------------------------------- files */

struct loader {
    struct weir_world *world;
    struct weir_faults *faults;
    struct weir_arena nodes;
    const char *main;        /* path of the main file as given .. */
    const char *whole;       /* .. and without links, absolute */
    struct weir_place asked; /* who named the file that is read now */
    bool is_incomplete;      /* something was not read at all */
};

static void
add_file_fault(struct loader *l, const char *path, const char *why)
{
    struct weir_place place = l->asked;
    l->is_incomplete = true;
    if (place.line == 0)
        place.file = weir_span_of(path);
    weir_faults_add(l->faults, place, "Check the path and who may read it.",
                    "%s cannot be read: %s", path, why);
}

/* Whole file with a NUL behind, malloc'ed; NULL after a fault. */
static char *
read_file(struct loader *l, const char *path, size_t most, size_t *len_out)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    size_t len = 0;
    if (fd < 0 || fstat(fd, &info) != 0) {
        add_file_fault(l, path, strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        add_file_fault(l, path, "not a regular file");
    } else if ((uint64_t)info.st_size > most) {
        add_file_fault(l, path, "too large");
    } else if ((text = malloc((size_t)info.st_size + 1)) == NULL) {
        add_file_fault(l, path, "out of memory");
    } else {
        ssize_t got = 1;
        while (got > 0 && len < (size_t)info.st_size) {
            got = read(fd, text + len, (size_t)info.st_size - len);
            if (got > 0)
                len += (size_t)got;
        }
        if (got < 0) {
            add_file_fault(l, path, strerror(errno));
            free(text);
            text = NULL;
        } else {
            text[len] = '\0';
            *len_out = len;
            l->world->sources_hash =
                weir_hash64((weir_span){text, len}, l->world->sources_hash);
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

static bool
has_suffix(const char *name, const char *suffix)
{
    return weir_span_ends(weir_span_of(name), weir_span_of(suffix)) &&
           name[0] != '.';
}

static int
is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Directory and name joined, malloc'ed. */
static char *
join(const char *dir, const char *name)
{
    struct weir_buf buf;
    weir_buf_init(&buf, 2 * 4096);
    weir_buf_addf(&buf, "%s/%s", dir, name);
    weir_buf_add_byte(&buf, '\0');
    if (buf.overflow) {
        weir_buf_fini(&buf);
        return NULL;
    }
    return buf.ptr;
}

/* The directory of an absolute path, in the world. */
static weir_span
directory_of(struct loader *l, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    return weir_arena_copy(&l->world->arena, (weir_span){path, len});
}

/* A path as the person who named the main file would write it, in the
 * world: below the main file's directory it begins as that does. */
static weir_span
show(struct loader *l, const char *path)
{
    const char *given = strrchr(l->main, '/');
    const char *slash = strrchr(l->whole, '/');
    size_t head = given == NULL ? 0 : (size_t)(given - l->main) + 1;
    size_t skip = slash == NULL ? 0 : (size_t)(slash - l->whole) + 1;
    weir_span whole = weir_span_of(path);
    if (skip == 0 || !weir_span_starts(whole, (weir_span){l->whole, skip}))
        return weir_arena_copy(&l->world->arena, whole);
    size_t len = head + whole.len - skip;
    char *text = weir_arena_alloc(&l->world->arena, len + 1);
    if (text == NULL)
        return WEIR_SPAN_NONE;
    memcpy(text, l->main, head);
    memcpy(text + head, path + skip, whole.len - skip);
    return (weir_span){text, len};
}

static const struct yaml_node *
load_file(struct loader *l, const char *path, bool is_main, struct reader *r)
{
    size_t len = 0;
    char *text = read_file(l, path, CONFIG_FILE_BYTES_MAX, &len);
    if (text == NULL)
        return NULL;
    weir_span file = show(l, path);
    *r = (struct reader){l->world, l->faults, directory_of(l, path), is_main};
    uint32_t before = l->faults->total;
    const struct yaml_node *root =
        yaml_parse(&l->nodes, (weir_span){text, len}, file, l->faults);
    free(text);
    if (root == NULL && l->faults->total != before)
        l->is_incomplete = true;
    read_root(r, root);
    return root;
}

static void
load_included(struct loader *l, const char *path)
{
    struct reader r;
    struct stat info;
    struct dirent **entries;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        (void)load_file(l, path, false, &r);
        return;
    }
    int count = scandir(path, &entries, is_shown, alphasort);
    if (count < 0) {
        add_file_fault(l, path, strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char *whole = has_suffix(name, ".yaml") || has_suffix(name, ".yml")
                          ? join(path, name)
                          : NULL;
        if (whole != NULL)
            (void)load_file(l, whole, false, &r);
        free(whole);
        free(entries[i]);
    }
    free(entries);
}

static void
load_includes(struct loader *l, const struct yaml_node *root,
              struct reader *main_reader)
{
    const struct yaml_node *include = yaml_get(root, "include");
    if (include == NULL)
        return;
    const struct yaml_node *n =
        include->kind == YAML_SEQUENCE ? include->first : include;
    for (; n != NULL; n = include->kind == YAML_SEQUENCE ? n->next : NULL) {
        weir_span path;
        if (n->kind != YAML_TEXT || !read_text_value(main_reader, n, &path))
            continue;
        weir_span whole =
            weir_arena_copy(&l->world->arena, read_join(main_reader, path));
        l->asked = n->place;
        if (whole.ptr != NULL)
            load_included(l, whole.ptr);
        l->asked = (struct weir_place){0};
    }
}

weir_status
weir_config_read(const char *path, struct weir_world *world,
                 struct weir_faults *faults)
{
    struct loader l = {.world = world, .faults = faults, .main = path};
    uint32_t before = faults->total;
    char *whole = realpath(path, NULL);
    if (whole == NULL) {
        add_file_fault(&l, path, strerror(errno));
        return WEIR_EPARSE;
    }
    l.whole = whole;
    weir_arena_init_heap(&l.nodes, WEIR_WORLD_BYTES_MAX);
    load_included(&l, whole);
    bool is_full = l.nodes.overflow || world->arena.overflow;
    weir_arena_fini(&l.nodes);
    free(whole);
    if (is_full)
        return WEIR_ENOMEM;
    return faults->total == before ? WEIR_OK : WEIR_EPARSE;
}

/* ------------------------------------------------------------ policies */

static void
add_policy(struct loader *l, const char *path, const char *below)
{
    size_t len = 0;
    char *text = read_file(l, path, POLICY_BYTES_MAX, &len);
    if (text == NULL)
        return;
    struct weir_world_policy *policy = weir_world_add_policy(l->world);
    if (policy != NULL) {
        policy->file = weir_arena_copy(&l->world->arena, weir_span_of(below));
        policy->shown = show(l, path);
        policy->text =
            weir_arena_copy(&l->world->arena, (weir_span){text, len});
    }
    free(text);
}

/* `below` is the path inside the policy directory, "" at its top. */
static void
load_policies(struct loader *l, const char *dir, const char *below, int depth)
{
    struct dirent **entries;
    int count = scandir(dir, &entries, is_shown, alphasort);
    if (count < 0) {
        add_file_fault(l, dir, strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        struct stat info;
        char *whole = join(dir, name);
        char *inner = below[0] == '\0' ? strdup(name) : join(below, name);
        if (whole != NULL && inner != NULL && stat(whole, &info) == 0) {
            if (S_ISDIR(info.st_mode) && depth < POLICY_DEPTH_MAX)
                load_policies(l, whole, inner, depth + 1);
            else if (has_suffix(name, ".cedar"))
                add_policy(l, whole, inner);
        }
        free(whole);
        free(inner);
        free(entries[i]);
    }
    free(entries);
}

static weir_status
load(struct loader *l, const char *path, const char *policies)
{
    char *whole = realpath(path, NULL);
    struct reader r = {.world = l->world, .faults = l->faults};
    l->main = path;
    if (whole == NULL) {
        add_file_fault(l, path, strerror(errno));
        return WEIR_EPARSE;
    }
    l->whole = whole;
    const struct yaml_node *root = load_file(l, whole, true, &r);
    if (root != NULL)
        load_includes(l, root, &r);
    if (policies != NULL)
        l->world->settings.policy_dir =
            weir_arena_copy(&l->world->arena, weir_span_of(policies));
    weir_span dir =
        weir_arena_copy(&l->world->arena, l->world->settings.policy_dir);
    if (dir.len > 0)
        load_policies(l, dir.ptr, "", 0);
    l->whole = NULL;
    free(whole);
    if (l->world->arena.overflow || l->nodes.overflow)
        weir_faults_add(l->faults, (struct weir_place){0},
                        "Give this machine more memory.",
                        "the configuration does not fit in memory");
    return l->faults->total == 0 ? WEIR_OK : WEIR_EPARSE;
}

void
weir_config_doubts(const struct weir_world *world, weir_time now,
                   struct weir_faults *doubts)
{
    config_doubt_systems(world, doubts);
    weir_egress_doubts(world, now, doubts);
}

weir_status
weir_config_load(const char *path, struct weir_world **world_out,
                 struct weir_faults *faults)
{
    return weir_config_load_with(path, NULL, world_out, faults);
}

weir_status
weir_config_load_with(const char *path, const char *policies,
                      struct weir_world **world_out, struct weir_faults *faults)
{
    struct loader l = {.world = weir_world_new(), .faults = faults};
    if (l.world == NULL)
        return WEIR_ENOMEM;
    weir_arena_init_heap(&l.nodes, WEIR_WORLD_BYTES_MAX);
    weir_status status = load(&l, path, policies);
    weir_arena_fini(&l.nodes);
    /* References are checked here, so that one run shows every fault, and
     * again (with keys) by each compilation. Half a configuration would
     * only miss names that the other half declares. */
    uint32_t before = faults->total;
    if (!l.is_incomplete) {
        config_add_systems(l.world, faults);
        (void)weir_world_check(l.world, faults);
        config_check_outside(l.world, faults);
    }
    if (faults->total != before)
        status = WEIR_EPARSE;
    if (status == WEIR_OK) {
        *world_out = l.world;
        return WEIR_OK;
    }
    weir_world_free(l.world);
    return status;
}
