/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <weir/screening.h>

#include "screen.h"

#include "test.h"

struct fold_case {
    const char *name;
    const char *folded;
};

static void
check(const struct fold_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char out[512];
        size_t len = weir_screening_fold(weir_span_of(cases[i].name), out, 511);
        out[len] = '\0';
        assert_string_equal(out, cases[i].folded);
    }
}

TEST(screen, case_marks_and_compatibility_forms_fold)
{
    static const struct fold_case cases[] = {
        {"ZÜRICH Précision", "zurich precision"},
        {"Ｆｕｌｌｗｉｄｔｈ", "fullwidth"},
        {"\xF0\x9D\x95\x84\xF0\x9D\x95\x92\xF0\x9D\x95\xA3k", "mark"},
        {"Straße Øre Łódź", "strasse ore lodz"},
        {"ﬁrst", "first"},
        {"No\xCC\x88rd", "nord"}, /* a mark of its own */
        {"Sa'id O\xE2\x80\x99Neil", "said oneil"},
        {"AL-BAHR", "al bahr"},
        {"zero\xE2\x80\x8Bwidth", "zerowidth"},
        {"A+B & C", "a and b and c"},
        {"\xFF\xFE"
         "bad\xC3",
         "bad"},
        {"\xED\xA0\x80x", "x"}, /* a surrogate is no letter */
        {"--- !", ""},
        {"", ""},
    };
    check(cases, WEIR_COUNTOF(cases));
}

TEST(screen, scripts_are_written_in_latin_letters)
{
    static const struct fold_case cases[] = {
        {"Щукин Юрий", "shchukin yurii"},
        {"Объект", "obekt"},
        {"Ελλάς Χαρά", "ellas chara"},
        {"海风", "hai feng"},
        {"長江", "chang jiang"},
        {"さくら カミ", "sakura kami"},
        {"서울", "seoul"},
        {"شمس", "شمس"},
    };
    check(cases, WEIR_COUNTOF(cases));
}

TEST(screen, look_alike_letters_are_read_by_their_shape)
{
    static const struct fold_case cases[] = {
        {"Nоrdwind", "nordwind"},     /* Cyrillic o */
        {"АСМЕ Ropes", "acme ropes"}, /* all Cyrillic, name is Latin */
        {"Ромашка", "romashka"},      /* a Russian word */
        {"ΟΜΕGA", "omega"},
    };
    check(cases, WEIR_COUNTOF(cases));
}

TEST(screen, legal_forms_are_left_out)
{
    static const struct fold_case cases[] = {
        {"Nordwind Co., Ltd.", "nordwind"},
        {"Nordwind S.A. de C.V.", "nordwind"},
        {"Nordwind S. de R.L. de C.V.", "nordwind"},
        {"ООО \"Ромашка\"", "romashka"},
        {"Общество с ограниченной ответственностью Ромашка", "romashka"},
        {"海风科技有限公司", "hai feng ke ji"},
        {"海風股份有限公司", "hai feng"},
        {"Nordwind GmbH & Co. KG", "nordwind"},
        {"Nordwind Sp. z o.o.", "nordwind"},
        {"Limited", "limited"},
        {"Co Ltd", "co ltd"},
        {"Nordwind Limited Liability Company", "nordwind"},
        {"Intl Tech Mfg", "international technology manufacturing"},
        {"SA Brava Sur", "brava sur"},
        {"Brava Sa Sur", "brava sa sur"}, /* an edge form stays inside */
    };
    check(cases, WEIR_COUNTOF(cases));
}

TEST(screen, initials_with_dots_are_one_word)
{
    static const struct fold_case cases[] = {
        {"I.B.X. Ropes", "ibx ropes"},
        {"J. Sample", "j sample"},
        {"J.Sample", "j sample"},
        {"A.B.Sample", "ab sample"},
    };
    check(cases, WEIR_COUNTOF(cases));
}

TEST(screen, output_of_fold_is_cut_at_its_size)
{
    char out[5] = "....";
    assert_int_equal(weir_screening_fold(WEIR_SPAN("abcdef"), out, 4), 4);
    assert_memory_equal(out, "abcd", 5);
}

TEST(screen, check_digits_decide_what_is_an_lei)
{
    /* one pair of check digits of all is right */
    char text[21] = "549300WEIR0FICTION00";
    int found = 0;
    for (int i = 2; i <= 98; i++) {
        text[18] = (char)('0' + i / 10);
        text[19] = (char)('0' + i % 10);
        found += weir_screening_is_lei((weir_span){text, 20});
    }
    assert_int_equal(found, 1);
    assert_false(weir_screening_is_lei(WEIR_SPAN("549300WEIR0FICTION0")));
    assert_false(weir_screening_is_lei(WEIR_SPAN("")));
}

TEST(screen, check_character_decides_what_is_a_uscc)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    char text[19] = "91330100MA2WEER00?";
    int found = 0;
    for (size_t i = 0; i + 1 < sizeof(alphabet); i++) {
        text[17] = alphabet[i];
        found += weir_screening_is_uscc((weir_span){text, 18});
    }
    assert_int_equal(found, 1);
    assert_false(weir_screening_is_uscc(WEIR_SPAN("9133010OMA2WEER001")));
    assert_false(weir_screening_is_uscc(WEIR_SPAN("91330100MA2WEER0")));
}

TEST(screen, tables_of_words_are_in_the_order_of_their_look_up)
{
    assert_true(weir__screen_words_are_sorted());
}

TEST(screen, long_plain_words_with_a_typo_are_read_as_meant)
{
    static const struct fold_case cases[] = {
        {"Amber Technolgies", "amber technology"},
        {"Amber Corproation", "amber"}, /* a legal form, as meant */
        {"Amber Compqny Ltd", "amber"},
        {"Amber Otvetstvennost", "amber otvetstvennost"},
        {"Nordwindinc", "nordwind"},
        {"Amber GeneralCompany", "amber general"},
        {"Hebrons.A.", "hebron"},
        {"Stocks", "stocks"}, /* of five letters, one typo is a word */
    };
    check(cases, WEIR_COUNTOF(cases));
}

TEST(screen, legal_forms_in_the_letters_of_another_script_are_left_out)
{
    static const struct fold_case cases[] = {
        {"янтарь опен джоинт-сток компанй", "yantar"},
        {"αμβερ λιμιτεδ", "amver"},
        {"сома кредо", "soma kredo"},
    };
    check(cases, WEIR_COUNTOF(cases));
}

TEST(screen, common_words_of_the_world_are_known_and_rare_ones_are_not)
{
    assert_true(weir__screen_background_is_sorted());
    assert_true(weir__screen_background(WEIR_SPAN("technology")) <= 5 * 8);
    assert_int_equal(weir__screen_background(WEIR_SPAN("mohammed")), 9 * 8);
    assert_int_equal(weir__screen_background(WEIR_SPAN("turbinenwerke")),
                     UINT32_MAX);
    assert_int_equal(weir__screen_background(WEIR_SPAN("technolog")),
                     UINT32_MAX);
    assert_int_equal(weir__screen_background(WEIR_SPAN("")), UINT32_MAX);
    assert_int_equal(weir__screen_rarity(WEIR_SPAN("of"), SCREEN_STOP, 1, 1),
                     0);
    assert_true(weir__screen_rarity(WEIR_SPAN("technology"), 0, 1, 1) <
                weir__screen_rarity(WEIR_SPAN("turbinenwerke"), 0, 1, 1));
    assert_int_equal(
        weir__screen_rarity(WEIR_SPAN("turbinenwerke"), 0, 9000, 20000), 1);
}

TEST(screen, greek_pairs_are_one_letter)
{
    static const struct fold_case cases[] = {
        {"Ντάνιελ Μπάκος", "daniel bakos"},
        {"ΑΜΠΟΥ Ούμαρ", "abu umar"},
        {"Αντώνης", "antonis"},
    };
    check(cases, WEIR_COUNTOF(cases));
}
