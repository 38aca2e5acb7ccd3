/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors, splits, replacement, pseudonyms and bodies. */

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/detect.h>

#include "maps.h"

static struct weir_detect_set *
set_of(const struct weir_detect_rule *rules, size_t count)
{
    struct weir_detect_set *set = NULL;
    struct weir_error err = {0};
    weir_status status = weir_detect_compile(rules, count, &set, &err);
    if (status != WEIR_OK)
        fail_msg("%s", err.text);
    return set;
}

/* Every built-in detector, with one action. */
static struct weir_detect_set *
all_detectors(enum weir_detect_action action)
{
    struct weir_detect_rule rules[WEIR_DETECT_RULES_MAX] = {0};
    size_t n = 0;
    for (; weir_detector_at(n) != NULL; n++)
        rules[n] = (struct weir_detect_rule){
            .name = weir_detector_name(weir_detector_at(n)),
            .detector = weir_detector_at(n),
            .action = action};
    return set_of(rules, n);
}

static struct weir_detect_set *
one(const char *detector, enum weir_detect_action action)
{
    const struct weir_detect_rule rule = {
        .name = weir_span_of(detector),
        .detector = weir_detector_find(weir_span_of(detector)),
        .action = action};
    assert_non_null(rule.detector);
    return set_of(&rule, 1);
}

/* The text as it goes on, in pieces of at most `step` bytes, cut between
 * characters; 0: whole. NUL-terminated, of malloc. */
static char *
through(const struct weir_detect_set *set, weir_span text, size_t step,
        struct weir_detect_out *out)
{
    struct weir_detect_stream stream;
    struct weir_buf buf;
    weir_buf_init(&buf, 1 << 20);
    *out = (struct weir_detect_out){.text = &buf, .vault = out->vault};
    weir_detect_stream_init(&stream, set, NULL);
    for (size_t at = 0; step > 0 && at < text.len;) {
        size_t n = text.len - at < step ? text.len - at : step;
        while (at + n < text.len &&
               ((unsigned char)text.ptr[at + n] & 0xc0) == 0x80)
            n++;
        assert_true(weir_detect_feed(&stream, (weir_span){text.ptr + at, n},
                                     false, out));
        at += n;
    }
    assert_true(
        weir_detect_feed(&stream, step > 0 ? WEIR_SPAN_NONE : text, true, out));
    weir_detect_stream_fini(&stream);
    char *copy = calloc(1, buf.len + 1);
    memcpy(copy, buf.ptr != NULL ? buf.ptr : "", buf.len);
    weir_buf_fini(&buf);
    out->text = NULL;
    return copy;
}

static void
expect(const struct weir_detect_set *set, const char *text, const char *wanted)
{
    for (size_t step = 0; step <= 40; step += step < 8 ? 1 : 11) {
        struct weir_detect_out out = {0};
        char *got = through(set, weir_span_of(text), step, &out);
        if (strcmp(got, wanted) != 0)
            fail_msg("pieces of %zu: \"%s\" became \"%s\", not \"%s\"", step,
                     text, got, wanted);
        free(got);
    }
}

/* ---------------------------------------------------------- detectors */

static const struct {
    const char *detector, *text, *wanted;
} cases[] = {
    {"mail", "Write to Ann.O'Neil+x@mail.example.com.", "Write to [MAIL]."},
    {"mail", "a@b.io,c@d.eu", "[MAIL],[MAIL]"},
    {"mail", "an @ alone, me@localhost, x@1.2.3", NULL},
    {"mail", "<jörg@müller.example>", "<[MAIL]>"},
    {"phone", "Call +49 30 901820 or (212) 555-0147!",
     "Call [PHONE] or [PHONE]!"},
    {"phone", "Ring 0049 30 901820-12 now", "Ring [PHONE] now"},
    {"phone", "my number is 467 3395.", "my number is [PHONE]."},
    {"phone", "Fax 345-899-3560x4587, or 259.735.7502x459",
     "Fax [PHONE], or [PHONE]"},
    {"phone", "tel|8675309, cell: 8675309", "tel|[PHONE], cell: [PHONE]"},
    {"phone", "call on 2026-11-22, a 640x480x24 picture", NULL},
    {"phone", "On 2026-11-22, 22.11.2026 and 11/22/2026 at 12:30", NULL},
    {"phone", "chapters 12 34 56 and 1.234.567,89", NULL},
    {"phone", "电话13912345678。", "电话[PHONE]。"},
    {"card", "4111 1111 1111 1111", "[CARD]"},
    {"card", "pay 5500-0000-0000-0004, or 378282246310005",
     "pay [CARD], or [CARD]"},
    {"card", "room 12 4111111111111111 please", "room 12 [CARD] please"},
    {"card", "4111 1111 1111 1112, 1234567890123456", NULL},
    {"iban", "to DE89 3704 0044 0532 0130 00, soon", "to [IBAN], soon"},
    {"iban", "gb82west12345698765432", "[IBAN]"},
    {"iban", "DE89370400440532013001 XX89370400440532013000", NULL},
    {"ip", "from 192.0.2.17: and 2001:db8::7", "from [IP]: and [IP]"},
    {"ip", "at 12:30:45, version 1.2.3 or 999.1.1.1", NULL},
    {"us-ssn", "is 078-05-1120.", "is [US_SSN]."},
    {"us-ssn", "SSN 078051120", "SSN [US_SSN]"},
    {"us-ssn", "666-05-1120 900-05-1120 078051120", NULL},
    {"uk-nino", "NI AB 12 34 56 C.", "NI [UK_NINO]."},
    {"uk-nino", "AB 12 34 56 E, BG123456C", NULL},
    {"de-steuer-id", "IdNr. 86095742719", "IdNr. [DE_STEUER_ID]"},
    {"de-steuer-id", "86095742710 12345678901", NULL},
    {"fr-nir", "le 2 55 08 14 168 025 38", "le [FR_NIR]"},
    {"fr-nir", "255081416802539", NULL},
    {"es-dni", "DNI 12345678Z, NIE X1234567L", "DNI [ES_DNI], NIE [ES_DNI]"},
    {"es-dni", "12345678A", NULL},
    {"it-codice-fiscale", "CF RSSMRA85T10A562S.", "CF [IT_CODICE_FISCALE]."},
    {"it-codice-fiscale", "RSSMRA85T10A562T", NULL},
    {"nl-bsn", "BSN: 111222333", "BSN: [NL_BSN]"},
    {"nl-bsn", "111222333", NULL},
    {"be-nn", "85.07.30-033.28", "[BE_NN]"},
    {"be-nn", "85.07.30-033.29", NULL},
    {"pl-pesel", "PESEL 44051401359", "PESEL [PL_PESEL]"},
    {"pl-pesel", "44051401358", NULL},
    {"se-personnummer", "pnr 811218-9876", "pnr [SE_PERSONNUMMER]"},
    {"se-personnummer", "811218-9875", NULL},
    {"ch-ahv", "756.9217.0769.85", "[CH_AHV]"},
    {"ch-ahv", "756.9217.0769.84", NULL},
    {"br-cpf", "CPF 529.982.247-25", "CPF [BR_CPF]"},
    {"br-cpf", "529.982.247-24", NULL},
    {"ca-sin", "130-692-544", "[CA_SIN]"},
    {"ca-sin", "130-692-545", NULL},
    {"cn-id", "身份证11010519491231002X。", "身份证[CN_ID]。"},
    {"cn-id", "110105194912310021", NULL},
    {"in-aadhaar", "2341 2341 2346", "[IN_AADHAAR]"},
    {"in-aadhaar", "2341 2341 2347", NULL},
    {"sg-nric", "S1234567D", "[SG_NRIC]"},
    {"sg-nric", "S1234567A", NULL},
    {"private-key",
     "x\n-----BEGIN RSA PRIVATE KEY-----\nMIIB+/a=\nZZ\n-----END RSA PRIVATE "
     "KEY-----\ny",
     "x\n[PRIVATE_KEY]\ny"},
    {"private-key", "-----BEGIN CERTIFICATE-----\nMIIB\n", NULL},
    {"assigned-secret", "password = \"hunter2A-77\" ok",
     "password = \"[ASSIGNED_SECRET]\" ok"},
    {"assigned-secret", "Authorization: Bearer a1B2c3D4e5F6",
     "Authorization: Bearer [ASSIGNED_SECRET]"},
    {"assigned-secret", "the secret: patience, and a password = ${PASSWORD}",
     NULL},
};

TEST(detect, a_detector_finds_what_it_says_at_every_split)
{
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_detect_set *set = one(cases[i].detector, WEIR_DETECT_MASK);
        expect(set, cases[i].text,
               cases[i].wanted != NULL ? cases[i].wanted : cases[i].text);
        weir_detect_free(set);
    }
}

/* Numbers are looked for in blocks of some 60 bytes. */
TEST(detect, a_number_is_found_wherever_blocks_part_it)
{
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_detect_set *set = one(cases[i].detector, WEIR_DETECT_MASK);
        const char *wanted =
            cases[i].wanted != NULL ? cases[i].wanted : cases[i].text;
        for (int before = 0; before < 130; before++) {
            char text[512], want[512];
            struct weir_detect_out out = {0};
            snprintf(text, sizeof text, "%0*d: %s", before + 1, 0,
                     cases[i].text);
            snprintf(want, sizeof want, "%0*d: %s", before + 1, 0, wanted);
            memset(text, 'x', (size_t)before + 1);
            memset(want, 'x', (size_t)before + 1);
            char *got = through(set, weir_span_of(text), 0, &out);
            if (strcmp(got, want) != 0)
                fail_msg("behind %d: \"%s\" became \"%s\"", before, text, got);
            free(got);
        }
        weir_detect_free(set);
    }
}

TEST(detect, a_number_behind_many_others_is_found)
{
    struct weir_detect_set *set = one("card", WEIR_DETECT_MASK);
    for (size_t many = 1; many < 200; many += 7) {
        char text[2048] = "", want[2048] = "";
        for (size_t i = 0; i < many; i++)
            strcat(text, i % 9 == 8 ? "12345 - " : "7 ");
        strcpy(want, text);
        strcat(text, "4111-1111-1111-1111 8");
        strcat(want, "[CARD] 8");
        expect(set, text, want);
    }
    weir_detect_free(set);
}

TEST(detect, bitmaps_are_the_same_with_and_without_vectors)
{
    static const char dense[] = "0123456789 -./+() 59.a:@_x7";
    weir_map_block *plain = weir__map_block(0);
    unsigned char block[64];
    for (unsigned round = 0; round < 8192; round++) {
        for (unsigned i = 0; i < sizeof block; i++)
            block[i] =
                (unsigned char)(round < 256    ? round + i
                                : round < 4096 ? round * 2654435761u >> i % 24
                                               : 0);
        for (unsigned i = 0, seed = round; round >= 4096 && i < 64; i++) {
            seed = seed * 1103515245u + 12345u;
            block[i] = (unsigned char)dense[(seed >> 16) % (sizeof dense - 1)];
        }
        block[round % 64] = (unsigned char)('0' + round % 10);
        for (int kernel = 1; kernel < WEIR__KERNELS; kernel++) {
            if (weir__map_block(kernel) == NULL)
                continue;
            struct weir_bitmaps a = weir__map_block(kernel)(block, true),
                                b = plain(block, true);
            assert_memory_equal(&a, &b, sizeof a);
        }
    }
}

/* Wherever blocks of the scan begin. */
TEST(detect, numbers_are_found_at_every_offset)
{
    static const char *const texts[][2] = {
        {"tel 0301234567, 4111 1.", "phone"},
        {"card 4111-1111-1111-1111, 10 Kg.", "card"},
        {"at 192.168.17.201 or ::1:2, 7", "ip"},
        {"id 12345678Z; 1.2", "es-dni"},
        {"to GB82WEST12345698765432 now", "iban"},
        {"write 2 b.c@d.example 1", "mail"},
        {"NINO AB 12 34 56 C.", "uk-nino"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct weir_detect_set *set = one(texts[i][1], WEIR_DETECT_FLAG);
        for (size_t before = 0; before < 200; before++) {
            char text[512];
            struct weir_detect_stream stream;
            struct weir_detect_out out = {0};
            memset(text, "x y"[before % 3], before);
            if (before > 0)
                text[before - 1] = ' ';
            strcpy(text + before, texts[i][0]);
            weir_detect_stream_init(&stream, set, NULL);
            (void)weir_detect_feed(&stream, weir_span_of(text), true, &out);
            if (out.found[0] != 1)
                fail_msg("%s behind %zu bytes: %u times", texts[i][1], before,
                         out.found[0]);
        }
        weir_detect_free(set);
    }
}

/* Made here, so that no such string stands in a file. */
TEST(detect, a_key_is_known_by_its_prefix_and_taken_to_its_end)
{
    static const char *const prefixes[] = {
        "sk-",      "sk-ant-", "ghp_", "AIza", "glpat-", "xoxb-",
        "sk_live_", "hf_",     "npm_", "wr_",  "gsk_",   "whsec_"};
    struct weir_detect_set *set = one("key", WEIR_DETECT_MASK);
    for (size_t i = 0; i < WEIR_COUNTOF(prefixes); i++) {
        char text[300], wanted[100];
        char key[200];
        size_t n = strlen(prefixes[i]);
        memcpy(key, prefixes[i], n);
        for (size_t k = n; k < 150; k++)
            key[k] = "a7Qz2kLm9"[k % 9];
        key[150] = '\0';
        snprintf(text, sizeof text, "use %s, please", key);
        snprintf(wanted, sizeof wanted, "use [KEY], please");
        expect(set, text, wanted);
    }
    expect(set, "sk-learn-is-not-a-key-of-any-sort is a joke",
           "sk-learn-is-not-a-key-of-any-sort is a joke");
    expect(set, "the AKIA of old", "the AKIA of old");
    weir_detect_free(set);
}

/* ------------------------------------------------------------- actions */

TEST(detect, nothing_of_a_blocked_match_leaves)
{
    struct weir_detect_set *set = one("card", WEIR_DETECT_BLOCK);
    weir_span text = WEIR_SPAN("It is 4111 1111 1111 1111, you know");
    for (size_t step = 0; step < 20; step++) {
        struct weir_detect_out out = {0};
        char *got = through(set, text, step, &out);
        assert_true(out.is_blocked);
        assert_int_equal(out.blocked_by, 0);
        assert_string_equal(got, "It is ");
        free(got);
    }
    weir_detect_free(set);
}

TEST(detect, a_flag_counts_and_changes_nothing)
{
    struct weir_detect_set *set = all_detectors(WEIR_DETECT_FLAG);
    const char *text = "a@b.io 4111111111111111 AKIA1234567890ABCDEF";
    for (size_t step = 0; step < 20; step++) {
        struct weir_detect_out out = {0};
        char *got = through(set, weir_span_of(text), step, &out);
        assert_string_equal(got, text);
        assert_false(out.is_changed);
        uint32_t found = 0;
        for (size_t i = 0; i < weir_detect_rule_count(set); i++)
            found += out.found[i];
        assert_int_equal(found, 3);
        free(got);
    }
    weir_detect_free(set);
}

TEST(detect, pseudonyms_are_told_apart_and_turned_back)
{
    struct weir_detect_set *set = one("mail", WEIR_DETECT_PSEUDONYM);
    struct weir_vault vault;
    weir_vault_init(&vault, set);
    struct weir_detect_out out = {.vault = &vault};
    char *sent = through(set, WEIR_SPAN("a@b.io asks c@d.eu, and a@b.io waits"),
                         3, &out);
    assert_string_equal(sent, "[MAIL_1] asks [MAIL_2], and [MAIL_1] waits");
    free(sent);

    weir_span reply = WEIR_SPAN("Dear [MAIL_2] and [MAIL_9]: [MAIL_1] [x] [");
    for (size_t step = 1; step < 30; step++) {
        char memory[256];
        struct weir_buf buf;
        struct weir_detect_stream stream;
        weir_buf_init_fixed(&buf, memory, sizeof memory);
        struct weir_detect_out back = {.text = &buf};
        weir_detect_stream_init(&stream, set, &vault);
        for (size_t at = 0; at < reply.len; at += step)
            assert_true(weir_detect_feed(
                &stream,
                (weir_span){reply.ptr + at,
                            reply.len - at < step ? reply.len - at : step},
                false, &back));
        assert_true(weir_detect_feed(&stream, WEIR_SPAN_NONE, true, &back));
        /* what the model wrote itself is masked by the same rule: it was
         * never the client's */
        assert_span(weir_buf_span(&buf),
                    "Dear c@d.eu and [MAIL_9]: a@b.io [x] [");
        weir_detect_stream_fini(&stream);
    }
    weir_vault_fini(&vault);
    weir_detect_free(set);
}

TEST(detect, a_full_vault_masks_for_good_and_says_so)
{
    struct weir_detect_set *set = one("mail", WEIR_DETECT_PSEUDONYM);
    struct weir_vault vault;
    struct weir_buf text;
    weir_buf_init(&text, 1 << 16);
    for (int i = 0; i < WEIR_VAULT_ENTRIES + 1; i++)
        weir_buf_addf(&text, "u%d@b.io ", i);
    weir_vault_init(&vault, set);
    struct weir_detect_out out = {.vault = &vault};
    char *sent = through(set, weir_buf_span(&text), 0, &out);
    assert_true(out.is_vault_full);
    assert_non_null(strstr(sent, "[MAIL_128] [MAIL] "));
    assert_null(strchr(sent, '@'));
    free(sent);
    weir_buf_fini(&text);
    weir_vault_fini(&vault);
    weir_detect_free(set);
}

TEST(detect, an_overlap_is_one_region_under_the_strictest_rule)
{
    const struct weir_detect_rule rules[] = {
        {.name = WEIR_SPAN("soft"),
         .expression = WEIR_SPAN("north wind"),
         .action = WEIR_DETECT_MASK,
         .replacement = WEIR_SPAN("-")},
        {.name = WEIR_SPAN("hard"),
         .expression = WEIR_SPAN("wind mill"),
         .action = WEIR_DETECT_MASK,
         .replacement = WEIR_SPAN("=")},
        {.name = WEIR_SPAN("flag"),
         .expression = WEIR_SPAN("the north"),
         .action = WEIR_DETECT_FLAG},
    };
    struct weir_detect_set *set = set_of(rules, 3);
    expect(set, "the north wind mill turns", "the - turns");
    weir_detect_free(set);
}

/* ----------------------------------------------- expressions and terms */

TEST(detect, terms_are_whole_words_in_any_case_if_asked)
{
    const weir_span terms[] = {WEIR_SPAN("Nightjar"), WEIR_SPAN("night owl"),
                               WEIR_SPAN("夜鹰")};
    struct weir_detect_rule rule = {.name = WEIR_SPAN("project"),
                                    .terms = terms,
                                    .term_count = 3,
                                    .is_caseless = true,
                                    .action = WEIR_DETECT_MASK};
    struct weir_detect_set *set = set_of(&rule, 1);
    expect(set, "NIGHTJAR, nightjars, a Night Owl; 叫夜鹰的",
           "[PROJECT], nightjars, a [PROJECT]; 叫[PROJECT]的");
    weir_detect_free(set);
    rule.is_caseless = false;
    set = set_of(&rule, 1);
    expect(set, "NIGHTJAR Nightjar", "NIGHTJAR [PROJECT]");
    weir_detect_free(set);
}

TEST(detect, an_expression_sees_the_edge_of_a_word_at_a_cut)
{
    const struct weir_detect_rule rule = {.name = WEIR_SPAN("ticket"),
                                          .expression =
                                              WEIR_SPAN("\\bT-[0-9]{2,5}\\b"),
                                          .action = WEIR_DETECT_MASK};
    struct weir_detect_set *set = set_of(&rule, 1);
    expect(set, "T-12 xT-12 T-123456 T-12345, T-1",
           "[TICKET] xT-12 T-123456 [TICKET], T-1");
    weir_detect_free(set);
}

TEST(detect, a_rule_that_cannot_be_is_refused_by_its_number)
{
    static const struct {
        const char *expression, *says;
    } bad[] = {
        {"a*", "empty text"},
        {"a.+b", "more than 512"},
        {"(", "expression"},
        {"(?=x)y", "expression"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct weir_detect_rule rules[2] = {
            {.name = WEIR_SPAN("good"),
             .expression = WEIR_SPAN("good"),
             .action = WEIR_DETECT_MASK},
            {.name = WEIR_SPAN("bad"),
             .expression = weir_span_of(bad[i].expression),
             .action = WEIR_DETECT_MASK}};
        struct weir_detect_set *set = NULL;
        struct weir_error err = {0};
        assert_int_equal(weir_detect_compile(rules, 2, &set, &err), WEIR_ETYPE);
        assert_int_equal(err.offset, 1);
        if (strstr(err.text, bad[i].says) == NULL)
            fail_msg("\"%s\": %s", bad[i].expression, err.text);
        assert_null(set);
    }
    struct weir_detect_rule twice[2] = {
        {.name = WEIR_SPAN("a"), .expression = WEIR_SPAN("x"), .action = 1},
        {.name = WEIR_SPAN("a"), .expression = WEIR_SPAN("y"), .action = 1}};
    struct weir_detect_set *set = NULL;
    struct weir_error err;
    assert_int_equal(weir_detect_compile(twice, 2, &set, &err), WEIR_ETYPE);
    twice[1].name = WEIR_SPAN("a-1");
    assert_int_equal(weir_detect_compile(twice, 2, &set, &err), WEIR_ETYPE);
}

/* --------------------------------------------------------------- splits */

static uint64_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state >> 33;
}

/* Words that begin, continue and break matches of every kind. */
static const char *const scraps[] = {
    "4111 1111", " 1111 1111", "a@b",         ".io",
    "x",         " ",          "-----BEGIN ", "PRIVATE KEY",
    "-----",     "\n",         "password",    "=",
    "hunter2A",  "+49 30 ",    "901820",      "DE89",
    " 3704",     "sk-",        "A7b9Qz2kLm",  "S1234567D",
    "é",         "夜",         "[MAIL_1]",    "192.0.2",
    ".17",       ":",          "::7",         "2001",
    "078-05-",   "1120",       "AKIA",        "1234567890ABCDEF",
    "eyJ",       ".",          "Bearer ",     "token",
};

TEST(detect, the_split_of_a_text_changes_nothing)
{
    struct weir_detect_set *set = all_detectors(WEIR_DETECT_MASK);
    uint64_t state = 7;
    for (int round = 0; round < 4000; round++) {
        char text[1200] = "";
        size_t words = 1 + next_random(&state) % 40;
        for (size_t i = 0; i < words; i++)
            strcat(text, scraps[next_random(&state) % WEIR_COUNTOF(scraps)]);
        struct weir_detect_out whole = {0}, cut = {0};
        char *wanted = through(set, weir_span_of(text), 0, &whole);
        size_t step = 1 + next_random(&state) % 30;
        char *got = through(set, weir_span_of(text), step, &cut);
        if (strcmp(got, wanted) != 0)
            fail_msg("\"%s\" in pieces of %zu:\n%s\nwhole:\n%s", text, step,
                     got, wanted);
        free(wanted);
        free(got);
    }
    weir_detect_free(set);
}

/* ----------------------------------------------------------------- body */

static void
expect_body(const struct weir_detect_set *set, const char *body,
            const char *wanted)
{
    char memory[4096], room[65536];
    struct weir_buf buf;
    struct weir_arena arena;
    weir_buf_init_fixed(&buf, memory, sizeof memory);
    weir_arena_init(&arena, room, sizeof room);
    struct weir_detect_out out = {.text = &buf};
    assert_true(weir_detect_body(set, NULL, weir_span_of(body), &arena, &out));
    assert_int_equal(out.is_changed, wanted != NULL);
    weir_buf_add_byte(&buf, '\0');
    assert_string_equal(buf.ptr, wanted != NULL ? wanted : "");
}

TEST(detect, a_prompt_in_tokens_is_told_from_one_in_texts)
{
    static const struct {
        const char *body;
        bool has_tokens;
    } rows[] = {
        {"{\"model\":\"m\",\"input\":[1,2,3]}", true},
        {"{\"input\":[[1,2],[3]]}", true},
        {"{\"prompt\":[\"a\", 7]}", true},
        {"{\"\\u0069nput\":[\"a\",[5]]}", true},
        {"{\"body\":{\"x\":0,\"input\":[4]},\"custom_id\":\"1\"}", true},
        {"{\"prompt_token_ids\":[1]}", true},
        {"{\"input\":[\"a\",\"b\"],\"dimensions\":5}", false},
        {"{\"input\":[{\"role\":\"user\",\"content\":[1]}]}", false},
        {"{\"stop\":[1],\"logit_bias\":{\"5\":1},\"prompt\":\"a\"}", false},
        {"{\"input\":[],\"prompt\":[[]]}", false},
        {"[1,2]", false},
        {"{\"input\":[", false},
        {"", false},
    };
    char memory[4096];
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_arena arena;
        weir_arena_init(&arena, memory, sizeof memory);
        if (weir_detect_has_tokens(weir_span_of(rows[i].body), &arena) !=
            rows[i].has_tokens)
            fail_msg("%s", rows[i].body);
    }
}

TEST(detect, a_body_changes_in_its_strings_only)
{
    struct weir_detect_set *set = all_detectors(WEIR_DETECT_MASK);
    expect_body(set,
                "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
                "\"I am \\\"a@b.io\\\",\\n4111111111111111\"}],\"n\":1}",
                "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
                "\"I am \\\"[MAIL]\\\",\\n[CARD]\"}],\"n\":1}");
    expect_body(set, "{\"a\":[\"x\",\"y\"],\"b\":{\"a@b.io\":1}}", NULL);
    expect_body(set, "[\"\\u0061@b.io\"]", "[\"[MAIL]\"]");
    expect_body(set, "{\"id\":\"AKIA1234567890ABCDEF\"}", "{\"id\":\"[KEY]\"}");
    weir_detect_free(set);

    const weir_span terms[] = {WEIR_SPAN("user")};
    const struct weir_detect_rule rule = {.name = WEIR_SPAN("word"),
                                          .terms = terms,
                                          .term_count = 1,
                                          .action = WEIR_DETECT_MASK};
    set = set_of(&rule, 1);
    expect_body(set, "{\"role\":\"user\",\"content\":\"a user\"}",
                "{\"role\":\"user\",\"content\":\"a [WORD]\"}");
    weir_detect_free(set);
}

static bool
count_text(void *context, weir_span text)
{
    *(size_t *)context += text.len;
    return true;
}

/* What took the square of its size took minutes for this. */
TEST(body, strings_that_are_all_escapes_take_no_longer_than_others)
{
    size_t size = (size_t)8 << 20;
    char *body = malloc(size + 16);
    char *room = malloc(size);
    struct weir_arena arena;
    size_t seen = 0;
    assert_true(body != NULL && room != NULL);
    memcpy(body, "{\"a\":\"", 6);
    for (size_t at = 6; at < size; at += 2)
        memcpy(body + at, at % 64 == 0 ? "\\\"" : "\\n", 2);
    memcpy(body + size, "\"}", 2);
    weir_arena_init(&arena, room, size);
    assert_true(weir_detect_texts((weir_span){body, size + 2}, &arena,
                                  count_text, &seen));
    assert_int_equal(seen, (size - 6) / 2);
    free(room);
    free(body);
}
