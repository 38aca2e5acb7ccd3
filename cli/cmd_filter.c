/* SPDX-License-Identifier: Apache-2.0 */
/* weir filter detectors, weir filter try: what filters find, without a
 * daemon. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include <weir/detect.h>
#include <weir/json.h>

int
weir_cmd_filter_detectors(struct weir_cli *cli)
{
    const struct weir_detector *d;
    for (size_t i = 0; (d = weir_detector_at(i)) != NULL; i++) {
        weir_span name = weir_detector_name(d), kind = weir_detector_kind(d);
        weir_span title = weir_detector_title(d);
        if (cli->is_json)
            fprintf(cli->out,
                    "{\"name\": \"%.*s\", \"kind\": \"%.*s\", \"title\": "
                    "\"%.*s\"}\n",
                    WEIR_SPAN_ARG(name), WEIR_SPAN_ARG(kind),
                    WEIR_SPAN_ARG(title));
        else
            fprintf(cli->out, "%-18.*s %-9.*s %.*s\n", WEIR_SPAN_ARG(name),
                    WEIR_SPAN_ARG(kind), WEIR_SPAN_ARG(title));
    }
    return 0;
}

/* The detectors named by --detector, or all. False: one is none. */
static bool
choose(struct weir_cli *cli, struct weir_detect_rule *rules, size_t *count_out)
{
    const char *name;
    size_t n = 0;
    for (; (name = weir_cli_option_nth(cli, "detector", n)) != NULL; n++) {
        if (n == WEIR_DETECT_RULES_MAX)
            break;
        rules[n].detector = weir_detector_find(weir_span_of(name));
        if (rules[n].detector == NULL) {
            fprintf(cli->err,
                    "there is no detector \"%s\"\n  `weir filter detectors` "
                    "lists them\n",
                    name);
            return false;
        }
    }
    for (size_t i = 0; n == 0 || (i > 0 && weir_detector_at(i) != NULL); i++) {
        rules[i].detector = weir_detector_at(i);
        n = i + 1;
    }
    for (size_t i = 0; i < n; i++) {
        rules[i].name = weir_detector_name(rules[i].detector);
        rules[i].action = WEIR_DETECT_MASK;
    }
    *count_out = n;
    return true;
}

static void
print_text(struct weir_cli *cli, const struct weir_detect_set *set,
           const struct weir_detect_out *out)
{
    struct weir_buf line;
    struct weir_json_writer writer;
    if (!cli->is_json) {
        fwrite(out->text->ptr, 1, out->text->len, cli->out);
        fputc('\n', cli->out);
        return;
    }
    weir_buf_init(&line, out->text->len * 6 + 4096);
    weir_json_writer_init(&writer, &line);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "text");
    weir_json_add_string(&writer, weir_buf_span(out->text));
    weir_json_name(&writer, "found");
    weir_json_begin_object(&writer);
    for (size_t i = 0; i < weir_detect_rule_count(set); i++)
        if (out->found[i] > 0) {
            weir_json_name_span(&writer, weir_detect_rule_name(set, i));
            weir_json_add_uint(&writer, out->found[i]);
        }
    weir_json_end_object(&writer);
    weir_json_end_object(&writer);
    fwrite(line.ptr, 1, line.len, cli->out);
    fputc('\n', cli->out);
    weir_buf_fini(&line);
}

static int
try_lines(struct weir_cli *cli, const struct weir_detect_set *set, FILE *in,
          const char *name)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    unsigned long long number = 0;
    int code = 0;
    while (code == 0 && (len = getline(&line, &size, in)) >= 0) {
        struct weir_detect_stream stream;
        struct weir_buf text;
        number++;
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        weir_span bytes = {line, (size_t)len};
        if (!weir_utf8_valid(bytes)) {
            fprintf(cli->err, "%s:%llu:1: the line is not UTF-8\n", name,
                    number);
            code = weir_status_info(WEIR_EPARSE)->exit;
            break;
        }
        weir_buf_init(&text, bytes.len * 8 + 4096);
        struct weir_detect_out out = {.text = &text};
        weir_detect_stream_init(&stream, set, NULL);
        if (weir_detect_feed(&stream, bytes, true, &out))
            print_text(cli, set, &out);
        weir_detect_stream_fini(&stream);
        weir_buf_fini(&text);
    }
    free(line);
    return code;
}

int
weir_cmd_filter_try(struct weir_cli *cli)
{
    struct weir_detect_rule rules[WEIR_DETECT_RULES_MAX] = {
        {.name = WEIR_SPAN_NONE}};
    struct weir_detect_set *set = NULL;
    struct weir_error err = {0};
    size_t count = 0;
    const char *name = cli->argument_count > 0 ? cli->arguments[0] : "-";
    bool is_file = strcmp(name, "-") != 0;
    if (!choose(cli, rules, &count))
        return weir_status_info(WEIR_ENOTFOUND)->exit;
    weir_status status = weir_detect_compile(rules, count, &set, &err);
    if (status != WEIR_OK) {
        fprintf(cli->err, "%s\n", err.text);
        return weir_status_info(status)->exit;
    }
    FILE *in = is_file ? fopen(name, "r") : stdin;
    int code;
    if (in == NULL) {
        fprintf(cli->err, "%s cannot be read\n", name);
        code = weir_status_info(WEIR_EIO)->exit;
    } else {
        code = try_lines(cli, set, in, is_file ? name : "standard input");
        if (is_file)
            fclose(in);
    }
    weir_detect_free(set);
    return code;
}
