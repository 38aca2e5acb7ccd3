/* SPDX-License-Identifier: Apache-2.0 */
/* weir watch bundle verify */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/remote.h"
#include "control/files.h"
#include "control/sharing/bundle.h"

static json_t *
kinds_json(const struct weir_bundle *bundle)
{
    json_t *kinds = json_object();
    struct weir_bundle_indicator one;
    weir_span lines = bundle->lines;
    long long count[WEIR_INDICATOR_KINDS] = {0};
    while (weir_bundle_next(&lines, &one))
        count[one.kind]++;
    for (uint32_t kind = 0; kind < WEIR_INDICATOR_KINDS; kind++)
        json_object_set_new(kinds, weir_indicator_kind_name(kind),
                            json_integer(count[kind]));
    return kinds;
}

static void
print_bundle(struct weir_cli *cli, const struct weir_bundle *bundle,
             bool is_over)
{
    char issued[WEIR_TIME_TEXT], expires[WEIR_TIME_TEXT], key[64];
    key[weir_base64_encode(
        (weir_span){(const char *)bundle->key.bytes, sizeof bundle->key.bytes},
        key)] = '\0';
    weir_time_format(bundle->issued, issued);
    weir_time_format(bundle->expires, expires);
    if (cli->is_json) {
        json_t *reply = json_pack(
            "{s:s#,s:s#,s:I,s:s,s:s,s:b,s:I,s:o,s:s}", "exchange",
            bundle->exchange.ptr, (int)bundle->exchange.len, "issuer",
            bundle->issuer.ptr, (int)bundle->issuer.len, "serial",
            (json_int_t)bundle->serial, "issued", issued, "expires", expires,
            "is_over", is_over, "indicators", (json_int_t)bundle->count,
            "kinds", kinds_json(bundle), "key", key);
        weir_cli_print_json(cli, reply);
        json_decref(reply);
        return;
    }
    fprintf(cli->out,
            "%.*s, number %llu of %.*s: %u indicators, %.19sZ to %.19sZ%s\n"
            "signed by %s\n",
            WEIR_SPAN_ARG(bundle->exchange), (unsigned long long)bundle->serial,
            WEIR_SPAN_ARG(bundle->issuer), bundle->count, issued, expires,
            is_over ? ", over" : "", key);
}

int
weir_cmd_watch_bundle_verify(struct weir_cli *cli)
{
    struct weir_bundle bundle;
    struct weir_error err = {0};
    weir_ed25519_public wanted;
    char *bytes = NULL;
    size_t len = 0, key_len = 0;
    const char *key = weir_cli_option(cli, "key");
    if (key != NULL && (!weir_base64_decode(weir_span_of(key), wanted.bytes,
                                            sizeof wanted.bytes, &key_len) ||
                        key_len != sizeof wanted.bytes))
        return weir_cli_usage(cli, "--key is base64 of 32 bytes");
    weir_status status = weir_read_file(cli->arguments[0], &bytes, &len, &err);
    if (status == WEIR_OK)
        status = weir_bundle_read((weir_span){bytes, len}, &bundle, &err);
    if (status != WEIR_OK) {
        free(bytes);
        return status == WEIR_ECORRUPT
                   ? (fprintf(cli->err, "%s\n", err.text), 1)
                   : weir_cli_fail(cli, &err, NULL);
    }
    bool is_over = bundle.expires <= (weir_time)time(NULL) * WEIR_US_PER_SEC;
    bool is_other = key != NULL && memcmp(wanted.bytes, bundle.key.bytes,
                                          sizeof wanted.bytes) != 0;
    print_bundle(cli, &bundle, is_over);
    if (is_other)
        fprintf(cli->err, "signed by another key than the one given\n");
    if (is_over)
        fprintf(cli->err, "the bundle is over\n");
    free(bytes);
    return is_over || is_other ? 1 : 0;
}
