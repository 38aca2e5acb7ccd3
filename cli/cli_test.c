/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <test.h>

#include "cli/cli.h"

static const struct weir_cli_row *
find(const char *first, const char *second, int *used_out)
{
    char *words[2] = {(char *)first, (char *)second};
    return weir_cli_find(words, second == NULL ? 1 : 2, used_out);
}

TEST(cli, every_row_is_complete_and_unique)
{
    const struct weir_cli_row *command = NULL;
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        assert_true(row->summary != NULL && row->summary[0] != '\0');
        if (row->kind != WEIR_CLI_COMMAND) {
            assert_non_null(command);
            continue;
        }
        command = row;
        assert_non_null(row->run);
        if (row->text[strlen(row->text) - 1] != '.')
            fail_msg("%s: the text is no sentence", row->name);
        for (size_t j = 0; j < i; j++) {
            if (weir_cli_rows[j].kind == WEIR_CLI_COMMAND)
                assert_string_not_equal(weir_cli_rows[j].name, row->name);
        }
        const struct weir_cli_row *a, *b;
        for (size_t n = 0; (a = weir_cli_option_row(row, n)) != NULL; n++) {
            for (size_t m = 0; m < n; m++) {
                b = weir_cli_option_row(row, m);
                assert_string_not_equal(a->name, b->name);
                assert_true(a->letter == 0 || a->letter != b->letter);
            }
        }
    }
}

TEST(cli, verb_is_found_by_its_whole_name)
{
    int used = 0;
    const struct weir_cli_row *row = find("man", "keys", &used);
    assert_non_null(row);
    assert_string_equal(row->name, "man");
    assert_int_equal(used, 1);
    assert_null(find("ma", NULL, &used));
    assert_null(find("mann", NULL, &used));
}

static weir_status
parse(struct weir_cli *cli, char **words, int count, struct weir_error *err)
{
    int used;
    *cli = (struct weir_cli){.command = find("man", NULL, &used)};
    return weir_cli_parse(cli, words, count, err);
}

TEST(cli, option_takes_its_value_in_every_form)
{
    static const char *const forms[][2] = {
        {"--output", "dir"},
        {"--output=dir", "x"},
        {"-o", "dir"},
        {"-odir", "x"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(forms); i++) {
        struct weir_cli cli;
        struct weir_error err;
        char *words[2] = {(char *)forms[i][0], (char *)forms[i][1]};
        assert_ok(parse(&cli, words, 2, &err));
        assert_string_equal(weir_cli_option(&cli, "output"), "dir");
        assert_int_equal(cli.argument_count,
                         strcmp(forms[i][1], "x") == 0 ? 1 : 0);
    }
}

TEST(cli, option_of_two_words_takes_both)
{
    char *words[] = {"--withdraw", "model",    "large",      "--withdraw=key",
                     "wk_1",       "--seed=3", "--withdraw", "model"};
    struct weir_error err = {0};
    int used;
    struct weir_cli cli = {.command = find("simulate", NULL, &used)};
    assert_ok(weir_cli_parse(&cli, words, 6, &err));
    assert_int_equal(cli.argument_count, 0);
    assert_string_equal(weir_cli_option_nth(&cli, "withdraw", 1), "key");
    assert_string_equal(weir_cli_option_second(&cli, "withdraw", 0), "large");
    assert_string_equal(weir_cli_option_second(&cli, "withdraw", 1), "wk_1");
    assert_null(weir_cli_option_second(&cli, "withdraw", 2));
    char *half[] = {"--withdraw", "model"};
    cli = (struct weir_cli){.command = find("simulate", NULL, &used)};
    assert_int_equal(weir_cli_parse(&cli, half, 2, &err), WEIR_EPARSE);
    assert_string_equal(err.text, "option --withdraw needs KIND NAME");
}

TEST(cli, faulty_words_are_refused)
{
    static const char *const cases[][4] = {
        {"--nothing", NULL, "no option '--nothing'"},
        {"-z", NULL, "no option '-z'"},
        {"--output", NULL, "option --output needs DIR"},
        {"--json=1", NULL, "option --json takes no value"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_cli cli;
        struct weir_error err;
        char *words[1] = {(char *)cases[i][0]};
        assert_int_equal(parse(&cli, words, 1, &err), WEIR_EPARSE);
        assert_string_equal(err.text, cases[i][2]);
    }
    struct weir_cli cli;
    struct weir_error err;
    char *many[4] = {(char *)"a", (char *)"b", (char *)"c", (char *)"d"};
    assert_int_equal(parse(&cli, many, 4, &err), WEIR_EPARSE);
    assert_string_equal(err.text, "one argument too many: 'd'");
}

TEST(cli, words_behind_two_dashes_are_arguments)
{
    struct weir_cli cli;
    struct weir_error err;
    char *words[3] = {(char *)"--json", (char *)"--", (char *)"--output"};
    assert_ok(parse(&cli, words, 3, &err));
    assert_true(cli.is_json);
    assert_int_equal(cli.argument_count, 1);
    assert_string_equal(cli.arguments[0], "--output");
    assert_null(weir_cli_option(&cli, "output"));
}
