/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verbs, and how words become options and arguments. */
#include <string.h>

#include "cli/cli.h"

#define WEIR_COMMAND(function, name, fewest, most, arguments, summary, text)   \
    {WEIR_CLI_COMMAND,                                                         \
     weir_cmd_##function,                                                      \
     name,                                                                     \
     fewest,                                                                   \
     most,                                                                     \
     arguments,                                                                \
     summary,                                                                  \
     text,                                                                     \
     0,                                                                        \
     0},
#define WEIR_OPTION(letter, name, value, text)                                 \
    {WEIR_CLI_OPTION, NULL, name, 0, 0, value, text, NULL, letter, 0},
#define WEIR_EXIT(code, text)                                                  \
    {WEIR_CLI_EXIT, NULL, NULL, 0, 0, NULL, text, NULL, 0, code},
const struct weir_cli_row weir_cli_rows[] = {
#include "cli/commands.def"
};
#undef WEIR_COMMAND
#undef WEIR_OPTION
#undef WEIR_EXIT

const size_t weir_cli_row_count = WEIR_COUNTOF(weir_cli_rows);

/* Options of every command. */
static const struct weir_cli_row common[] = {
    {WEIR_CLI_OPTION, NULL, "json", 0, 0, NULL, "answer in JSON", NULL, 0, 0},
    {WEIR_CLI_OPTION, NULL, "help", 0, 0, NULL, "show this help", NULL, 'h', 0},
};

static int
words_in(const char *name)
{
    int words = 1;
    for (; *name != '\0'; name++)
        words += *name == ' ';
    return words;
}

/* Every word of the name, in order, at the beginning of `words`. */
static bool
name_matches(const char *name, char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        size_t len = strcspn(name, " ");
        if (strlen(words[i]) != len || memcmp(name, words[i], len) != 0)
            return false;
        if (name[len] == '\0')
            return true;
        name += len + 1;
    }
    return false;
}

const struct weir_cli_row *
weir_cli_find(char *const *words, int count, int *used_out)
{
    const struct weir_cli_row *found = NULL;
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        if (row->kind != WEIR_CLI_COMMAND ||
            !name_matches(row->name, words, count))
            continue;
        if (found == NULL || words_in(row->name) > words_in(found->name))
            found = row;
    }
    if (found != NULL)
        *used_out = words_in(found->name);
    return found;
}

static const struct weir_cli_row *
nth_of(const struct weir_cli_row *command, enum weir_cli_row_kind kind,
       size_t *n)
{
    const struct weir_cli_row *end = weir_cli_rows + weir_cli_row_count;
    for (const struct weir_cli_row *row = command + 1;
         row < end && row->kind != WEIR_CLI_COMMAND; row++) {
        if (row->kind == kind && (*n)-- == 0)
            return row;
    }
    return NULL;
}

const struct weir_cli_row *
weir_cli_option_row(const struct weir_cli_row *command, size_t n)
{
    const struct weir_cli_row *row = nth_of(command, WEIR_CLI_OPTION, &n);
    if (row != NULL)
        return row;
    return n < WEIR_COUNTOF(common) ? &common[n] : NULL;
}

const struct weir_cli_row *
weir_cli_exit_row(const struct weir_cli_row *command, size_t n)
{
    return nth_of(command, WEIR_CLI_EXIT, &n);
}

static const struct weir_cli_row *
option_by_name(const struct weir_cli_row *command, weir_span name)
{
    const struct weir_cli_row *row;
    for (size_t n = 0; (row = weir_cli_option_row(command, n)) != NULL; n++) {
        if (weir_span_equal(weir_span_of(row->name), name))
            return row;
    }
    return NULL;
}

static const struct weir_cli_row *
option_by_letter(const struct weir_cli_row *command, char letter)
{
    const struct weir_cli_row *row;
    for (size_t n = 0; (row = weir_cli_option_row(command, n)) != NULL; n++) {
        if (row->letter == letter)
            return row;
    }
    return NULL;
}

static weir_status
note(struct weir_cli *cli, const struct weir_cli_row *option, const char *value,
     const char *second, struct weir_error *err)
{
    if (strcmp(option->name, "json") == 0)
        cli->is_json = true;
    if (strcmp(option->name, "help") == 0)
        cli->wants_help = true;
    if (cli->given_count == WEIR_CLI_OPTIONS_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "more than %d options", WEIR_CLI_OPTIONS_MAX);
    cli->given[cli->given_count++] =
        (struct weir_cli_given){option, value, second};
    return WEIR_OK;
}

/* --name, --name=value, -x, -xvalue; the value may be the next word, and an
 * option of two words takes the one behind it too. */
static weir_status
take_option(struct weir_cli *cli, char **words, int count, int *at,
            struct weir_error *err)
{
    const char *word = words[*at];
    const struct weir_cli_row *option;
    const char *value = NULL, *second = NULL;
    if (word[1] == '-') {
        const char *equals = strchr(word, '=');
        size_t len =
            equals == NULL ? strlen(word + 2) : (size_t)(equals - word - 2);
        option = option_by_name(cli->command, (weir_span){word + 2, len});
        value = equals == NULL ? NULL : equals + 1;
    } else {
        option = option_by_letter(cli->command, word[1]);
        value = word[2] == '\0' ? NULL : word + 2;
    }
    if (option == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "no option '%.40s'", word);
    if (option->arguments == NULL && value != NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "option --%s takes no value", option->name);
    if (option->arguments != NULL && value == NULL) {
        if (*at + 1 >= count)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "option --%s needs %s", option->name,
                             option->arguments);
        value = words[++*at];
    }
    if (option->arguments != NULL && strchr(option->arguments, ' ') != NULL) {
        if (*at + 1 >= count)
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "option --%s needs %s", option->name,
                             option->arguments);
        second = words[++*at];
    }
    return note(cli, option, value, second, err);
}

weir_status
weir_cli_parse(struct weir_cli *cli, char **words, int count,
               struct weir_error *err)
{
    int kept = 0;
    bool only_arguments = false;
    for (int i = 0; i < count; i++) {
        if (!only_arguments && strcmp(words[i], "--") == 0) {
            only_arguments = true;
            continue;
        }
        if (only_arguments || words[i][0] != '-' || words[i][1] == '\0') {
            words[kept++] = words[i];
            continue;
        }
        if (take_option(cli, words, count, &i, err) != WEIR_OK)
            return err == NULL ? WEIR_EPARSE : err->status;
    }
    cli->arguments = words;
    cli->argument_count = kept;
    if (cli->wants_help)
        return WEIR_OK;
    if (kept < cli->command->fewest)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an argument is missing");
    if (cli->command->most >= 0 && kept > cli->command->most)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "one argument too many: '%.40s'",
                         words[cli->command->most]);
    return WEIR_OK;
}

const char *
weir_cli_option_nth(const struct weir_cli *cli, const char *name, size_t n)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, name) == 0 && n-- == 0)
            return cli->given[i].value;
    }
    return NULL;
}

const char *
weir_cli_option_second(const struct weir_cli *cli, const char *name, size_t n)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, name) == 0 && n-- == 0)
            return cli->given[i].second;
    }
    return NULL;
}

const char *
weir_cli_option(const struct weir_cli *cli, const char *name)
{
    for (size_t i = cli->given_count; i > 0; i--) {
        if (strcmp(cli->given[i - 1].option->name, name) == 0)
            return cli->given[i - 1].value;
    }
    return NULL;
}

bool
weir_cli_flag(const struct weir_cli *cli, const char *name)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        if (strcmp(cli->given[i].option->name, name) == 0)
            return true;
    }
    return false;
}
