/* SPDX-License-Identifier: Apache-2.0 */
/* weir audit verify, receipt, check */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/remote.h"
#include "control/audit/audit.h"

static void
print_log(struct weir_cli *cli, const json_t *log)
{
    const json_t *witnessed = json_object_get(log, "witnessed");
    fprintf(cli->out, "log      %lld leaves under the checkpoint of %s\n",
            weir_cli_number(log, "size"), weir_cli_text(log, "origin"));
    if (witnessed != NULL)
        fprintf(cli->out, "witness  %lld leaves, cosigned by %lld\n",
                weir_cli_number(witnessed, "size"),
                weir_cli_number(witnessed, "witnesses"));
    if (log != NULL)
        fprintf(cli->out, "key      %s\n", weir_cli_text(log, "key"));
}

int
weir_cmd_audit_verify(struct weir_cli *cli)
{
    if (cli->argument_count > 0)
        return weir_cmd_audit_check(cli);
    const struct weir_cli_pair query[] = {
        {"leaves", weir_cli_option(cli, "leaves")}, {NULL, NULL}};
    json_t *reply = NULL;
    const json_t *difference;
    size_t index;
    int code = weir_cli_call(cli, "GET", "/v1/audit", query, NULL, &reply);
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
    if (journal != NULL)
        fprintf(cli->out, "journal  %lld records in %lld segments, %lld gaps\n",
                weir_cli_number(journal, "records"),
                weir_cli_number(journal, "segments"),
                weir_cli_number(journal, "gaps"));
    if (ledger != NULL)
        fprintf(cli->out, "ledger   %lld calls, %lld open, %lld refused\n",
                weir_cli_number(ledger, "calls"),
                weir_cli_number(ledger, "open"),
                weir_cli_number(ledger, "refused"));
    print_log(cli, log);
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
    char path[512];
    const struct weir_cli_pair query[] = {
        {"record", weir_cli_option(cli, "record")}, {NULL, NULL}};
    if (cli->is_json)
        return weir_cli_print_of_call(cli, "receipt");
    char *id = weir_cli_escape(cli->arguments[0]);
    snprintf(path, sizeof path, "/v1/calls/%s/proof", id == NULL ? "" : id);
    free(id);
    return weir_cli_fetch(cli, path, query);
}

/* ------------------------------------------------------------------ offline */

/* What the options say is trusted, and the files behind it. */
struct trusted {
    struct weir_audit_trust trust;
    struct weir_policy_file policy;
    char *since;
    size_t since_len;
};

static weir_status
read_trust(struct weir_cli *cli, struct trusted *trusted,
           struct weir_error *err)
{
    const char *key = weir_cli_option(cli, "key");
    const char *policy = weir_cli_option(cli, "policy");
    const char *since = weir_cli_option(cli, "since");
    weir_status status = WEIR_OK;
    *trusted = (struct trusted){
        .trust = {.key = weir_span_of(key == NULL ? "" : key),
                  .stamp_ca = weir_cli_option(cli, "timestamp-ca")}};
    if (policy != NULL) {
        status = weir_policy_load(policy, &trusted->policy, err);
        trusted->trust.policy = &trusted->policy.policy;
    }
    if (status == WEIR_OK && since != NULL)
        status =
            weir_read_file(since, &trusted->since, &trusted->since_len, err);
    return status;
}

static void
print_checked(struct weir_cli *cli, const json_t *reply, bool is_statement)
{
    const char *key = weir_cli_text(reply, "key");
    const json_t *stamp = json_object_get(reply, "timestamp_us");
    char when[32];
    if (cli->is_json) {
        weir_cli_print_json(cli, reply);
        return;
    }
    if (is_statement)
        fprintf(cli->out, "the statement about %s is signed by %s\n",
                weir_cli_text(reply, "request"), key);
    else if (json_object_get(reply, "checked") != NULL)
        fprintf(cli->out, "%lld of %lld leaves are as %s signed them\n",
                weir_cli_number(reply, "checked"),
                weir_cli_number(reply, "size"), key);
    else
        fprintf(cli->out, "%lld records stand in the log of %s\n",
                weir_cli_number(reply, "records"), key);
    if (json_object_get(reply, "witnesses") != NULL)
        fprintf(cli->out, "%lld witnesses cosigned, which is a quorum\n",
                weir_cli_number(reply, "witnesses"));
    if (stamp != NULL) {
        weir_cli_time(stamp, when);
        fprintf(cli->out, "stamped at %s, by %s\n", when,
                json_is_true(json_object_get(reply, "timestamp_is_trusted"))
                    ? "an authority you trust"
                    : "an authority nobody vouched for (--timestamp-ca)");
    }
}

static weir_status
check_file(const char *path, const struct trusted *trusted,
           bool *is_statement_out, json_t **reply_out, struct weir_error *err)
{
    char *bytes = NULL;
    size_t len = 0;
    json_error_t fault;
    weir_status status = weir_read_file(path, &bytes, &len, err);
    if (status != WEIR_OK)
        return status;
    weir_span text = {bytes, len};
    if (weir_span_starts(text, WEIR_SPAN("c2sp.org/tlog-proof@v1\n"))) {
        status = weir_audit_check_proof(text, &trusted->trust, reply_out, err);
        free(bytes);
        return status;
    }
    json_t *receipt = json_loadb(bytes, len, 0, &fault);
    free(bytes);
    if (receipt == NULL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE, "%.60s: %.100s",
                         path, fault.text);
    *is_statement_out = weir_audit_is_statement(receipt);
    status = *is_statement_out
                 ? weir_audit_check_statement(receipt, trusted->trust.key,
                                              reply_out, err)
                 : weir_audit_check(receipt, &trusted->trust, reply_out, err);
    json_decref(receipt);
    return status;
}

int
weir_cmd_audit_check(struct weir_cli *cli)
{
    struct weir_error err = {0};
    struct trusted trusted;
    struct stat info;
    json_t *reply = NULL;
    bool is_statement = false;
    const char *path = cli->arguments[0];
    const char *leaves = weir_cli_option(cli, "leaves");
    bool is_directory = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    weir_status status = read_trust(cli, &trusted, &err);
    if (status == WEIR_OK && is_directory && trusted.trust.key.len == 0 &&
        (trusted.trust.policy == NULL || trusted.trust.policy->log_count == 0))
        status = weir_fail(&err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "a log does not name its own key: give --key, or a "
                           "--policy that names it");
    else if (status == WEIR_OK && is_directory)
        status = weir_audit_check_files(
            path, weir_span_of(leaves == NULL ? "" : leaves),
            (weir_span){trusted.since, trusted.since_len}, &trusted.trust,
            &reply, &err);
    else if (status == WEIR_OK)
        status = check_file(path, &trusted, &is_statement, &reply, &err);
    free(trusted.policy.text);
    free(trusted.since);
    if (status != WEIR_OK) {
        weir_cli_fail(cli, &err, NULL);
        return status == WEIR_EUNAUTH || status == WEIR_ECORRUPT
                   ? 1
                   : weir_status_info(status)->exit;
    }
    print_checked(cli, reply, is_statement);
    const json_t *given = json_object_get(reply, "key_was_given");
    if (given != NULL && !json_is_true(given))
        fputs("The key is the file's own claim: compare it with the one "
              "you were told, or give it by --key.\n",
              cli->err);
    json_decref(reply);
    return 0;
}
