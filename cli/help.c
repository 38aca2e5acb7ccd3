/* SPDX-License-Identifier: Apache-2.0 */
/* Help, manual pages and shell completion, all from the rows. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"

static const char EXITS[] =
    "0 done or yes; 1 a clean no (denied, not proven); 2 wrong usage; 4 "
    "malformed input; 6 no such thing; 11 not available now; 14 stored bytes "
    "fail their check; 16 reading or writing failed; 19 contradicts what is "
    "there; 23 the role does not allow it.";

/* Words of `text` folded to 76 columns behind an indent. */
static void
print_folded(FILE *out, const char *text, int indent)
{
    int column = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        if (column > 0 && column + 1 + (int)len > 78) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s%.*s", column == 0 ? indent : 1, "",
                          (int)len, text);
        text += len;
        if (*text == '\n') {
            fputs("\n", out);
            column = 0;
        }
        if (*text != '\0')
            text++;
    }
    fputc('\n', out);
}

void
weir_cli_print_synopsis(FILE *out, const struct weir_cli_row *command)
{
    bool has_own = command + 1 < weir_cli_rows + weir_cli_row_count &&
                   command[1].kind == WEIR_CLI_OPTION;
    fprintf(out, "weir %s%s%s%s\n", command->name, has_own ? " [options]" : "",
            command->arguments[0] == '\0' ? "" : " ", command->arguments);
}

static void
print_all(FILE *out)
{
    fputs("usage: weir VERB [options] [arguments]\n\n", out);
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        if (row->kind == WEIR_CLI_COMMAND)
            fprintf(out, "  %-16s %s\n", row->name, row->summary);
    }
    fputs("\n'weir help VERB' tells more about one.\n", out);
}

static void
option_label(const struct weir_cli_row *option, char *label_out, size_t size)
{
    char letter[8] = "    ";
    if (option->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(label_out, size, "%s--%s%s%s", letter, option->name,
             option->arguments == NULL ? "" : " ",
             option->arguments == NULL ? "" : option->arguments);
}

void
weir_cli_print_help(FILE *out, const struct weir_cli_row *command)
{
    if (command == NULL) {
        print_all(out);
        return;
    }
    fputs("usage: ", out);
    weir_cli_print_synopsis(out, command);
    fputc('\n', out);
    print_folded(out, command->text, 0);
    fputs("\noptions:\n", out);
    const struct weir_cli_row *row;
    for (size_t n = 0; (row = weir_cli_option_row(command, n)) != NULL; n++) {
        char label[80];
        option_label(row, label, sizeof label);
        fprintf(out, "  %s\n", label);
        print_folded(out, row->summary, 10);
    }
    fputs("\nexit codes:\n", out);
    for (size_t n = 0; (row = weir_cli_exit_row(command, n)) != NULL; n++)
        fprintf(out, "  %2d  %s\n", row->code, row->summary);
    print_folded(out, EXITS, 2);
}

/* ---------------------------------------------------------------- roff */

/* Text for roff: backslashes and dashes escaped, no line begins with a
 * control character. */
static void
put_roff(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\n')
            fputs("\n.PP\n", out);
        else
            fputc(*text, out);
    }
    fputc('\n', out);
}

static void
put_head(FILE *out, const char *page, const char *summary)
{
    fprintf(out, ".\\\" SPDX-License-Identifier: Apache-2.0\n");
    fprintf(out, ".\\\" made by 'weir man' from cli/commands.def\n");
    fprintf(out, ".TH %s 1 \"\" \"weir %s\" \"weir manual\"\n", page,
            WEIR_VERSION);
    fputs(".SH NAME\n", out);
    fprintf(out, "%s \\- ", page);
    put_roff(out, summary);
}

/* "weir-keys-create": the page of a command. */
static void
page_name(const struct weir_cli_row *command, char *name_out, size_t size)
{
    snprintf(name_out, size, "weir-%s", command->name);
    for (char *c = name_out; *c != '\0'; c++) {
        if (*c == ' ')
            *c = '-';
    }
}

static void
put_main_page(FILE *out)
{
    put_head(out, "weir", "a governed gateway for AI model access");
    fputs(".SH SYNOPSIS\n.B weir\n\\fIverb\\fR [\\fIoptions\\fR] "
          "[\\fIarguments\\fR]\n.SH VERBS\n",
          out);
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        if (row->kind != WEIR_CLI_COMMAND)
            continue;
        char page[64];
        page_name(row, page, sizeof page);
        fprintf(out, ".TP\n.BR %s (1)\n", page);
        put_roff(out, row->summary);
    }
    fputs(".SH EXIT STATUS\n", out);
    put_roff(out, EXITS);
}

static void
put_page(FILE *out, const struct weir_cli_row *command)
{
    if (command == NULL) {
        put_main_page(out);
        return;
    }
    char page[64];
    page_name(command, page, sizeof page);
    put_head(out, page, command->summary);
    fprintf(out, ".SH SYNOPSIS\n.B weir %s\n", command->name);
    fputs("[\\fIoptions\\fR]\n", out);
    put_roff(out, command->arguments);
    fputs(".SH DESCRIPTION\n", out);
    put_roff(out, command->text);
    fputs(".SH OPTIONS\n", out);
    const struct weir_cli_row *row;
    for (size_t n = 0; (row = weir_cli_option_row(command, n)) != NULL; n++) {
        fputs(".TP\n\\fB", out);
        if (row->letter != 0)
            fprintf(out, "\\-%c\\fR, \\fB", row->letter);
        fprintf(out, "\\-\\-%s\\fR", row->name);
        if (row->arguments != NULL)
            fprintf(out, " \\fI%s\\fR", row->arguments);
        fputc('\n', out);
        put_roff(out, row->summary);
    }
    fputs(".SH EXIT STATUS\n", out);
    for (size_t n = 0; (row = weir_cli_exit_row(command, n)) != NULL; n++) {
        fprintf(out, ".TP\n%d\n", row->code);
        put_roff(out, row->summary);
    }
    fputs(".PP\n", out);
    put_roff(out, EXITS);
    fputs(".SH SEE ALSO\n.BR weir (1)\n", out);
}

static weir_status
write_page(const char *directory, const struct weir_cli_row *command,
           struct weir_error *err)
{
    char page[64] = "weir";
    char path[4096];
    if (command != NULL)
        page_name(command, page, sizeof page);
    snprintf(path, sizeof path, "%s/%s.1", directory, page);
    FILE *out = fopen(path, "w");
    if (out == NULL)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot write %.100s: %s", path, strerror(errno));
    put_page(out, command);
    if (fclose(out) != 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot write %.100s: %s", path, strerror(errno));
    return WEIR_OK;
}

static int
write_all_pages(struct weir_cli *cli, const char *directory)
{
    struct weir_error err = {0};
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        (void)weir_fail(&err, WEIR_EIO, WEIR_OFFSET_NONE,
                        "cannot make %.100s: %s", directory, strerror(errno));
        return weir_cli_fail(cli, &err, NULL);
    }
    if (write_page(directory, NULL, &err) != WEIR_OK)
        return weir_cli_fail(cli, &err, NULL);
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        if (weir_cli_rows[i].kind == WEIR_CLI_COMMAND &&
            write_page(directory, &weir_cli_rows[i], &err) != WEIR_OK)
            return weir_cli_fail(cli, &err, NULL);
    }
    return 0;
}

/* ---------------------------------------------------------- completion */

static void
put_bash(FILE *out)
{
    fputs("_weir() {\n"
          "  local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}\n"
          "  local two=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
          "  case \"$COMP_CWORD:$two:$verb\" in\n"
          "  1:*) COMPREPLY=($(compgen -W '",
          out);
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        if (row->kind == WEIR_CLI_COMMAND)
            fprintf(out, "%.*s ", (int)strcspn(row->name, " "), row->name);
    }
    fputs("' -- \"$cur\"));;\n", out);
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        if (row->kind != WEIR_CLI_COMMAND)
            continue;
        const char *second = strchr(row->name, ' ');
        if (second != NULL && strchr(second + 1, ' ') != NULL)
            continue; /* those of its first two words are offered */
        if (second == NULL)
            fprintf(out, "  *:%s) COMPREPLY=($(compgen -f -W '", row->name);
        else
            fprintf(out, "  *:'%s':*) COMPREPLY=($(compgen -f -W '", row->name);
        const struct weir_cli_row *option;
        for (size_t n = 0; (option = weir_cli_option_row(row, n)) != NULL; n++)
            fprintf(out, "--%s ", option->name);
        fputs("' -- \"$cur\"));;\n", out);
    }
    for (size_t i = 0; i < weir_cli_row_count; i++) {
        const struct weir_cli_row *row = &weir_cli_rows[i];
        const char *second =
            row->kind == WEIR_CLI_COMMAND ? strchr(row->name, ' ') : NULL;
        if (second != NULL)
            fprintf(out,
                    "  2:*:%.*s) COMPREPLY+=($(compgen -W '%.*s' -- "
                    "\"$cur\"));;&\n",
                    (int)(second - row->name), row->name,
                    (int)strcspn(second + 1, " "), second + 1);
        const char *third = second == NULL ? NULL : strchr(second + 1, ' ');
        if (third != NULL)
            fprintf(out,
                    "  3:'%.*s':*) COMPREPLY+=($(compgen -W '%s' -- "
                    "\"$cur\"));;&\n",
                    (int)(third - row->name), row->name, third + 1);
    }
    fputs("  esac\n}\ncomplete -o filenames -F _weir weir\n", out);
}

int
weir_cmd_completion(struct weir_cli *cli)
{
    const char *shell = cli->arguments[0];
    if (strcmp(shell, "zsh") == 0)
        fputs("autoload -U +X bashcompinit && bashcompinit\n", cli->out);
    else if (strcmp(shell, "bash") != 0)
        return weir_cli_usage(cli, "no completion for '%.40s'", shell);
    put_bash(cli->out);
    return 0;
}

int
weir_cmd_man(struct weir_cli *cli)
{
    const char *directory = weir_cli_option(cli, "output");
    if (directory != NULL)
        return write_all_pages(cli, directory);
    if (cli->argument_count == 0) {
        put_page(cli->out, NULL);
        return 0;
    }
    int used;
    const struct weir_cli_row *command =
        weir_cli_find(cli->arguments, cli->argument_count, &used);
    if (command == NULL || used != cli->argument_count)
        return weir_cli_usage(cli, "no verb '%.40s'", cli->arguments[0]);
    put_page(cli->out, command);
    return 0;
}

int
weir_cmd_help(struct weir_cli *cli)
{
    if (cli->argument_count == 0) {
        weir_cli_print_help(cli->out, NULL);
        return 0;
    }
    int used;
    const struct weir_cli_row *command =
        weir_cli_find(cli->arguments, cli->argument_count, &used);
    if (command == NULL)
        return weir_cli_usage(cli, "no verb '%.40s'", cli->arguments[0]);
    weir_cli_print_help(cli->out, command);
    return 0;
}
