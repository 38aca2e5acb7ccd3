/* SPDX-License-Identifier: Apache-2.0 */
/* Witnesses and the policy that says which of them are enough. */
#include <weir/tlog_witness.h>

#include "test.h"

#include <stdio.h>
#include <string.h>

#define ORIGIN "example.org/weir-log"

static const struct weir_ed25519_secret log_secret = {{1, 2, 3}};

static struct weir_ed25519_secret
witness_secret(uint32_t n)
{
    return (struct weir_ed25519_secret){{9, (uint8_t)n}};
}

static struct weir_note_key
key_of(const struct weir_ed25519_secret *of, const char *name,
       enum weir_note_type type)
{
    weir_ed25519_public public;
    struct weir_note_key key;
    assert_ok(weir_ed25519_public_of(of, &public));
    weir_note_key_init(&key, weir_span_of(name), type, &public);
    return key;
}

/* ---------------------------------------------------------------- a log */

#define LEAVES 40

/* `fork`: from this leaf on, other leaves. */
struct tree {
    weir_digest leaf[LEAVES];
};

static void
make_tree(struct tree *tree, uint32_t fork)
{
    for (uint32_t i = 0; i < LEAVES; i++) {
        char text[32];
        int len = snprintf(text, sizeof(text), "%s %u",
                           i < fork ? "leaf" : "other", i);
        weir_tlog_leaf((weir_span){text, (size_t)len}, &tree->leaf[i]);
    }
}

static bool
read_node(void *context, uint32_t height, uint64_t index, weir_digest *hash_out)
{
    struct tree *tree = context;
    struct weir_tlog_frontier frontier = {0};
    for (uint64_t i = index << height; i < (index + 1) << height; i++) {
        if (i >= LEAVES)
            return false;
        weir_tlog_append(&frontier, &tree->leaf[i]);
    }
    weir_tlog_root(&frontier, hash_out);
    return true;
}

static void
root_of(const struct tree *tree, uint64_t size, weir_digest *root_out)
{
    struct weir_tlog_frontier frontier = {0};
    for (uint64_t i = 0; i < size; i++)
        weir_tlog_append(&frontier, &tree->leaf[i]);
    weir_tlog_root(&frontier, root_out);
}

/* A request as the log would send it, through its text form. */
struct asked {
    struct weir_buf text;
    struct weir_buf body;
    struct weir_witness_request request;
    struct weir_note note;
    struct weir_checkpoint head;
};

static void
ask(struct asked *asked, struct tree *tree, uint64_t old, uint64_t size)
{
    struct weir_witness_request request = {.old_size = old};
    struct weir_checkpoint head = {.origin = WEIR_SPAN(ORIGIN), .size = size};
    root_of(tree, size, &head.root);
    weir_buf_init(&asked->text, WEIR_NOTE_BYTES_MAX);
    weir_buf_init(&asked->body, WEIR_WITNESS_BODY_MAX);
    weir_checkpoint_write(&head, &asked->text);
    struct weir_buf note;
    weir_buf_init(&note, WEIR_NOTE_BYTES_MAX);
    weir_buf_add_span(&note, weir_buf_span(&asked->text));
    weir_buf_add_byte(&note, '\n');
    assert_ok(weir_note_sign(weir_buf_span(&asked->text), WEIR_SPAN(ORIGIN),
                             &log_secret, &note, NULL));
    if (old > 0 && old <= size)
        assert_ok(weir_tlog_prove_consistency(
            old, size, read_node, tree, request.proof, &request.proof_count));
    request.checkpoint = weir_buf_span(&note);
    weir_witness_request_write(&request, &asked->body);
    weir_buf_fini(&note);
    assert_ok(weir_witness_request_parse(weir_buf_span(&asked->body),
                                         &asked->request, NULL));
    assert_int_equal(asked->request.old_size, old);
    assert_int_equal(asked->request.proof_count, request.proof_count);
    assert_ok(weir_note_parse(asked->request.checkpoint, &asked->note, NULL));
    assert_ok(weir_checkpoint_parse(asked->note.text, &asked->head, NULL));
}

static void
end(struct asked *asked)
{
    weir_buf_fini(&asked->text);
    weir_buf_fini(&asked->body);
}

static unsigned
judge(struct asked *asked, const struct weir_witness_state *state)
{
    struct weir_note_key key = key_of(&log_secret, ORIGIN, WEIR_NOTE_ED25519);
    return weir_witness_judge(&asked->request, &asked->note, &asked->head, &key,
                              1, state, NULL);
}

TEST(witness, every_growth_is_cosigned_and_nothing_else_is)
{
    struct tree tree, fork;
    struct asked asked;
    make_tree(&tree, LEAVES);
    make_tree(&fork, 7);
    for (uint64_t old = 0; old <= LEAVES; old++) {
        struct weir_witness_state state = {.size = old};
        root_of(&tree, old, &state.root);
        for (uint64_t size = old; size <= LEAVES; size++) {
            ask(&asked, &tree, old, size);
            assert_int_equal(judge(&asked, &state), WEIR_WITNESS_COSIGN);
            end(&asked);
            if (size <= 7 || old == 0)
                continue;
            ask(&asked, &fork, old, size);
            assert_int_equal(judge(&asked, &state),
                             old == size ? WEIR_WITNESS_FORK
                             : old <= 7  ? WEIR_WITNESS_COSIGN
                                         : WEIR_WITNESS_INCONSISTENT);
            end(&asked);
        }
    }
}

TEST(witness, each_fault_of_a_request_has_its_own_verdict)
{
    struct tree tree;
    struct asked asked;
    struct weir_witness_state state = {.size = 10};
    struct weir_note_key other =
        key_of(&(struct weir_ed25519_secret){{77}}, ORIGIN, WEIR_NOTE_ED25519);
    make_tree(&tree, LEAVES);
    root_of(&tree, 10, &state.root);
    ask(&asked, &tree, 9, 20);
    assert_int_equal(judge(&asked, &state), WEIR_WITNESS_CONFLICT_SIZE);
    end(&asked);
    ask(&asked, &tree, 0, 20);
    assert_int_equal(judge(&asked, &state), WEIR_WITNESS_CONFLICT_SIZE);
    end(&asked);
    ask(&asked, &tree, 21, 20);
    assert_int_equal(judge(&asked, &state), WEIR_WITNESS_MALFORMED);
    end(&asked);
    ask(&asked, &tree, 10, 20);
    assert_int_equal(weir_witness_judge(&asked.request, &asked.note,
                                        &asked.head, NULL, 0, &state, NULL),
                     WEIR_WITNESS_UNKNOWN);
    assert_int_equal(weir_witness_judge(&asked.request, &asked.note,
                                        &asked.head, &other, 1, &state, NULL),
                     WEIR_WITNESS_UNTRUSTED);
    asked.request.proof[0].bytes[3] ^= 1;
    assert_int_equal(judge(&asked, &state), WEIR_WITNESS_INCONSISTENT);
    end(&asked);
    /* a proof where none belongs */
    ask(&asked, &tree, 0, 20);
    asked.request.proof_count = 1;
    assert_int_equal(judge(&asked, &(struct weir_witness_state){0}),
                     WEIR_WITNESS_INCONSISTENT);
    end(&asked);
}

TEST(witness, a_request_has_one_form_only)
{
    static const char *const bad[] = {
        "",
        "old 1",
        "old 1\n",
        "old 01\n\nx\n",
        "old -1\n\nx\n",
        "old  1\n\nx\n",
        "old\n\nx\n",
        "Old 1\n\nx\n",
        "old 1\nAAAA\n\nx\n",
        "old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\nx\n",
        "old 1\n AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nx\n",
    };
    struct weir_witness_request request;
    char many[64 * 45 + 32] = "old 1\n";
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_int_equal(
            weir_witness_request_parse(weir_span_of(bad[i]), &request, NULL),
            WEIR_EPARSE);
    for (size_t i = 0; i < 64; i++)
        strcat(many, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    strcat(many, "\nx\n");
    assert_int_equal(
        weir_witness_request_parse(weir_span_of(many), &request, NULL),
        WEIR_EPARSE);
    memmove(many + 6, many + 6 + 45, strlen(many + 6 + 45) + 1);
    assert_ok(weir_witness_request_parse(weir_span_of(many), &request, NULL));
    assert_int_equal(request.proof_count, 63);
    assert_span(request.checkpoint, "x\n");
}

/* ----------------------------------------------------------------- keys */

TEST(witness, a_signing_key_is_read_as_written_and_no_other_way)
{
    struct weir_buf buf;
    struct weir_note_key key;
    struct weir_note_secret secret;
    struct weir_ed25519_secret first = witness_secret(1);
    struct weir_note_secret own = {WEIR_NOTE_COSIGNATURE, {first}};
    weir_buf_init(&buf, 1024);
    assert_ok(
        weir_note_secret_write(WEIR_SPAN("example.org/w1"), &own, &buf, NULL));
    assert_ok(weir_note_secret_parse(weir_buf_span(&buf), &key, &secret, NULL));
    assert_memory_equal(secret.ed25519.bytes, first.bytes, sizeof(first.bytes));
    assert_int_equal(key.type, WEIR_NOTE_COSIGNATURE);
    assert_span(key.name, "example.org/w1");
    assert_int_equal(
        key.id, key_of(&first, "example.org/w1", WEIR_NOTE_COSIGNATURE).id);
    for (size_t i = 0; i + 1 < buf.len; i++) {
        buf.ptr[i] ^= 1;
        /* the id commits to name, type and key */
        assert_int_equal(
            weir_note_secret_parse(weir_buf_span(&buf), &key, &secret, NULL),
            WEIR_EPARSE);
        buf.ptr[i] ^= 1;
    }
    assert_int_equal(weir_note_secret_write(WEIR_SPAN("a b"), &own, &buf, NULL),
                     WEIR_EPARSE);
    weir_buf_fini(&buf);
}

/* --------------------------------------------------------------- policy */

/* Puts keys in the place of %0 .. %9 (witnesses) and %L (log). */
static weir_span
expand(const char *text, struct weir_buf *out)
{
    weir_buf_reset(out);
    for (; *text != '\0'; text++) {
        char name[32];
        if (*text != '%') {
            weir_buf_add_byte(out, *text);
            continue;
        }
        text++;
        struct weir_ed25519_secret secret =
            *text == 'L' ? log_secret : witness_secret((uint32_t)(*text - '0'));
        snprintf(name, sizeof(name), "example.org/w%c", *text);
        struct weir_note_key key =
            *text == 'L' ? key_of(&secret, ORIGIN, WEIR_NOTE_ED25519)
                         : key_of(&secret, name, WEIR_NOTE_COSIGNATURE);
        weir_note_key_write(&key, out);
    }
    return weir_buf_span(out);
}

#define THREE                                                                  \
    "log %L https://log.example.org\n"                                         \
    "witness a %0 https://a.example.org/w\n"                                   \
    "\t witness\tb %1\nwitness c %2\n# why\n\n"

TEST(policy, what_is_met_is_what_the_groups_say)
{
    static const struct {
        const char *text;
        const char *met; /* for each subset of a, b, c */
    } cases[] = {
        {THREE "quorum none\n", "yyyyyyyy"},
        {THREE "quorum b\n", "nnyynnyy"},
        {THREE "group g any a b c\nquorum g\n", "nyyyyyyy"},
        {THREE "group g all a b c\nquorum g\n", "nnnnnnny"},
        {THREE "group g 2 a b c\nquorum g\n", "nnnynyyy"},
        {THREE "group g any a b\ngroup h all g c\nquorum h\n", "nnnnnyyy"},
        {THREE "group g any b c\nquorum a\n", "nynynyny"},
    };
    struct weir_tlog_policy policy;
    struct weir_error err;
    struct weir_buf buf;
    weir_buf_init(&buf, 1 << 16);
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        if (weir_tlog_policy_parse(expand(cases[i].text, &buf), &policy,
                                   &err) != WEIR_OK)
            fail_msg("case %zu: %s", i, err.text);
        assert_int_equal(policy.log_count, 1);
        assert_int_equal(policy.witness_count, 3);
        assert_span(policy.witnesses[0].url, "https://a.example.org/w");
        for (uint64_t bits = 0; bits < 8; bits++)
            if (weir_tlog_policy_is_met(&policy, bits) !=
                (cases[i].met[bits] == 'y'))
                fail_msg("case %zu: subset %d", i, (int)bits);
    }
    weir_buf_fini(&buf);
}

TEST(policy, what_is_no_policy_is_refused_with_its_line)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "a policy without a quorum line"},
        {"quorum none", "line 1: the last line has no end"},
        {"quorum none\nquorum none\n", "line 2: a second quorum"},
        {"quorum none none\n", "line 1: a quorum reads: quorum <name>|none"},
        {"quorum a\n", "line 1: a quorum that is not defined above"},
        {"logs %L\n", "line 1: lines begin with log, witness, group or quorum"},
        {"log %0\n", "line 1: this key is a witness's, not a log's"},
        {"witness a %L\n", "line 1: this key is a log's, not a witness's"},
        {"log %L\nlog %L\n", "line 2: this key is listed twice"},
        {"witness a %0\nwitness b %0\n", "line 2: this key is listed twice"},
        {"witness a %0\nwitness a %1\n", "line 2: this name is taken"},
        {"witness none %0\n", "line 1: this name is taken"},
        {"witness a\n",
         "line 1: a witness reads: witness <name> <key> [<url>]"},
        {"log %L x y\n", "line 1: a log reads: log <key> [<url>]"},
        {"log x+00000000+AAAA\n", "line 1: not a key of Ed25519 or ML-DSA-44"},
        {"witness a %0\ngroup a any a\n", "line 2: this name is taken"},
        {"group g any b\n", "line 1: a member that is not defined above"},
        {"group g any g\n", "line 1: a member that is not defined above"},
        {"witness a %0\ngroup g any a a\n",
         "line 2: a member that is listed already"},
        {"witness a %0\ngroup g any a\ngroup h any a\n",
         "line 3: a member that is listed already"},
        {"witness a %0\ngroup g any none\n",
         "line 2: a member that is not defined above"},
        {"witness a %0\ngroup g 2 a\n",
         "line 2: a group takes all, any, or a number of its members"},
        {"witness a %0\ngroup g 0 a\n",
         "line 2: a group takes all, any, or a number of its members"},
        {"quorum none\r\n", "line 1: a control character"},
    };
    struct weir_tlog_policy policy;
    struct weir_buf buf;
    weir_buf_init(&buf, 1 << 16);
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_error err = {0};
        assert_int_equal(
            weir_tlog_policy_parse(expand(cases[i].text, &buf), &policy, &err),
            WEIR_EPARSE);
        assert_string_equal(err.text, cases[i].says);
    }
    weir_buf_fini(&buf);
}

TEST(policy, a_checkpoint_needs_its_log_and_its_quorum)
{
    static const char text[] = ORIGIN "\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                                      "AAAAAAAAAAA=\n";
    struct weir_buf policy_text, note;
    struct weir_tlog_policy policy;
    struct weir_checkpoint head;
    uint64_t witnesses = 0;
    struct weir_note_key own = key_of(&log_secret, ORIGIN, WEIR_NOTE_ED25519);
    weir_buf_init(&policy_text, 1 << 16);
    weir_buf_init(&note, 1 << 16);
    assert_ok(weir_tlog_policy_parse(
        expand("witness a %0\nwitness b %1\ngroup g all a b\nquorum g\n",
               &policy_text),
        &policy, NULL));
    weir_buf_add_span(&note, weir_span_of(text));
    weir_buf_add_byte(&note, '\n');
    for (uint32_t i = 0; i < 2; i++) {
        char name[32];
        struct weir_note_secret secret = {WEIR_NOTE_COSIGNATURE,
                                          {witness_secret('0' + i - '0')}};
        snprintf(name, sizeof(name), "example.org/w%u", i);
        assert_ok(weir_note_cosign(weir_span_of(text), weir_span_of(name),
                                   &secret, INT64_C(1700000000) * 1000000,
                                   &note, NULL));
        /* witnesses alone are no log */
        assert_int_equal(weir_tlog_policy_verify(&policy, &own,
                                                 weir_buf_span(&note), &head,
                                                 &witnesses, NULL),
                         WEIR_EUNAUTH);
    }
    assert_ok(weir_note_sign(weir_span_of(text), WEIR_SPAN(ORIGIN), &log_secret,
                             &note, NULL));
    assert_ok(weir_tlog_policy_verify(&policy, &own, weir_buf_span(&note),
                                      &head, &witnesses, NULL));
    assert_int_equal(witnesses, 3);
    assert_int_equal(head.size, 3);
    assert_int_equal(weir_tlog_policy_verify(&policy, NULL,
                                             weir_buf_span(&note), &head,
                                             &witnesses, NULL),
                     WEIR_EUNAUTH);
    weir_time when = 0;
    struct weir_note parsed;
    assert_ok(weir_note_parse(weir_buf_span(&note), &parsed, NULL));
    assert_true(
        weir_note_cosigned_at(&parsed, &policy.witnesses[1].key, &when));
    assert_int_equal(when, INT64_C(1700000000) * 1000000);
    assert_false(weir_note_cosigned_at(&parsed, &own, &when));
    weir_buf_fini(&policy_text);
    weir_buf_fini(&note);
}
