/* SPDX-License-Identifier: Apache-2.0 */
/* weir audit verify, receipt, check */
#include <stdlib.h>
#include <string.h>

#include "cli/remote.h"
#include "control/audit/audit.h"

int
weir_cmd_audit_verify(struct weir_cli *cli)
{
    if (cli->argument_count > 0)
        return weir_cmd_audit_check(cli);
    json_t *reply = NULL;
    const json_t *difference;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/audit", NULL, NULL, &reply);
    if (code != 0)
        return code;
    bool is_sound = json_is_true(json_object_get(reply, "is_sound"));
    const json_t *journal = json_object_get(reply, "journal");
    const json_t *ledger = json_object_get(reply, "ledger");
    const json_t *log = json_object_get(reply, "log");
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
        json_decref(reply);
        return is_sound ? 0 : 1;
    }
    fprintf(cli->out, "journal  %lld records in %lld segments, %lld gaps\n",
            weir_cli_number(journal, "records"),
            weir_cli_number(journal, "segments"),
            weir_cli_number(journal, "gaps"));
    fprintf(cli->out, "ledger   %lld calls, %lld open, %lld refused\n",
            weir_cli_number(ledger, "calls"), weir_cli_number(ledger, "open"),
            weir_cli_number(ledger, "refused"));
    fprintf(cli->out, "log      %lld leaves under the checkpoint of %s\n",
            weir_cli_number(log, "size"), weir_cli_text(log, "origin"));
    if (log != NULL)
        fprintf(cli->out, "key      %s\n", weir_cli_text(log, "key"));
    json_array_foreach(json_object_get(reply, "differences"), index, difference)
        fprintf(cli->out, "DIFFERENT %s: %s\n",
                weir_cli_text(difference, "kind"),
                weir_cli_text(difference, "text"));
    fprintf(cli->out, is_sound ? "they agree\n" : "%lld differences\n",
            weir_cli_number(reply, "difference_count"));
    json_decref(reply);
    return is_sound ? 0 : 1;
}

int
weir_cmd_audit_receipt(struct weir_cli *cli)
{
    return weir_cli_print_of_call(cli, "receipt");
}

int
weir_cmd_audit_check(struct weir_cli *cli)
{
    struct weir_error err = {0};
    json_error_t fault;
    json_t *reply = NULL;
    const char *key = weir_cli_option(cli, "key");
    json_t *receipt = json_load_file(cli->arguments[0], 0, &fault);
    if (receipt == NULL) {
        (void)weir_fail(&err, WEIR_EPARSE, WEIR_OFFSET_NONE, "%.60s: %.100s",
                        cli->arguments[0], fault.text);
        return weir_cli_fail(cli, &err, NULL);
    }
    bool is_statement = weir_audit_is_statement(receipt);
    weir_span given = weir_span_of(key == NULL ? "" : key);
    weir_status status =
        is_statement ? weir_audit_check_statement(receipt, given, &reply, &err)
                     : weir_audit_check(receipt, given, &reply, &err);
    json_decref(receipt);
    if (status != WEIR_OK) {
        weir_cli_fail(cli, &err, NULL);
        return status == WEIR_EPARSE ? weir_status_info(status)->exit : 1;
    }
    if (cli->is_json)
        weir_cli_print_json(cli, reply);
    else if (is_statement)
        fprintf(cli->out, "the statement about %s is signed by %s\n",
                weir_cli_text(reply, "request"), weir_cli_text(reply, "key"));
    else
        fprintf(cli->out, "%lld records stand in the log of %s\n",
                weir_cli_number(reply, "records"), weir_cli_text(reply, "key"));
    if (key == NULL)
        fputs("The key is the file's own claim: compare it with the one "
              "you were told, or give it by --key.\n",
              cli->err);
    json_decref(reply);
    return 0;
}
