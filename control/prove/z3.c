/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Z3 behind the prover.
 *
 * The text is parsed in one go; its last assertions, (= name term), are the
 * readings. They are not given to the solver: their right sides are
 * evaluated in the model it finds. The model is walked as a tree, since its
 * printed form is neither stable nor quick for sets.
 *
 * A set comes as stores over a constant, as the table of a function, or as
 * a lambda, of which the elements it names are tried.
 * What is listed as true is in it; a default of true (which the formula
 * forbids where it matters) is taken as false, and the replay decides.
 */
#include "solver.h"

#include <stdio.h>
#include <string.h>

#include <z3.h>

#define VALUE_DEPTH_MAX 64
#define CANDIDATES_MAX  256

struct walk {
    Z3_context z3;
    Z3_model model;
    struct weir_arena *arena;
    bool is_bad;
    const Z3_ast *known; /* values read: elements that a set may have */
    size_t known_count;
};

const char *
weir__solver_name(void)
{
    static char name[40];
    unsigned major, minor, build, revision;
    Z3_get_version(&major, &minor, &build, &revision);
    snprintf(name, sizeof(name), "Z3 %u.%u.%u", major, minor, build);
    return name;
}

/* ------------------------------------------------------------- strings */

static size_t
put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

/* \u{H..}, \uHHHH and \xHH, whichever this Z3 writes; 0: none of them. */
static size_t
read_escape(const char *at, size_t left, uint32_t *code_out)
{
    size_t used = 2, digits = 4;
    uint32_t code = 0;
    bool is_braced;
    if (left < 4 || at[0] != '\\' || (at[1] != 'u' && at[1] != 'x'))
        return 0;
    is_braced = at[1] == 'u' && at[2] == '{';
    used += is_braced;
    digits = is_braced ? 6 : at[1] == 'x' ? 2 : 4;
    for (size_t i = 0; i < digits && used < left; i++, used++) {
        char c = at[used];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (uint32_t)((c | 32) - 'a') + 10;
        else
            break;
        code = code << 4 | digit;
    }
    if (is_braced)
        used += used < left && at[used] == '}';
    *code_out = code;
    return used;
}

static weir_span
decode(struct walk *w, Z3_ast ast)
{
    const char *text = Z3_get_string(w->z3, ast);
    size_t len = strlen(text), out = 0;
    char *bytes = weir_arena_alloc(w->arena, len * 4 + 1);
    if (bytes == NULL) {
        w->is_bad = true;
        return WEIR_SPAN_NONE;
    }
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        size_t used = read_escape(text + i, len - i, &code);
        if (used == 0) {
            bytes[out++] = text[i++];
            continue;
        }
        /* No surrogate is a character of Cedar. */
        w->is_bad |= code >= 0xD800 && code < 0xE000;
        out += put_utf8(bytes + out, code);
        i += used;
    }
    return (weir_span){bytes, out};
}

/* -------------------------------------------------------------- values */

static void convert(struct walk *w, Z3_ast ast, int depth,
                    struct weir_cedar_smt_value *out);

static struct weir_cedar_smt_value *
new_values(struct walk *w, size_t count)
{
    struct weir_cedar_smt_value *values =
        weir_arena_array(w->arena, struct weir_cedar_smt_value, count + 1);
    if (values == NULL)
        w->is_bad = true;
    return values;
}

static void
convert_bits(struct walk *w, Z3_ast ast, struct weir_cedar_smt_value *out)
{
    const char *digits = Z3_get_numeral_binary_string(w->z3, ast);
    out->kind = WEIR_CEDAR_SMT_BITS;
    for (; *digits != '\0'; digits++) {
        out->bits[1] = out->bits[1] << 1 | out->bits[0] >> 63;
        out->bits[0] = out->bits[0] << 1 | (uint64_t)(*digits == '1');
    }
}

static bool
is_true(struct walk *w, Z3_ast ast)
{
    return Z3_get_bool_value(w->z3, ast) == Z3_L_TRUE;
}

/* (store (store .. k1 true) k2 false): the outermost word on a key holds. */
static void
convert_stores(struct walk *w, Z3_ast ast, int depth,
               struct weir_cedar_smt_value *out)
{
    struct weir_cedar_smt_value *items;
    size_t count = 0, kept = 0;
    Z3_ast at = ast, *keys;
    for (;;) {
        Z3_app app = Z3_to_app(w->z3, at);
        Z3_decl_kind kind =
            Z3_get_decl_kind(w->z3, Z3_get_app_decl(w->z3, app));
        if (kind != Z3_OP_STORE)
            break;
        count++;
        at = Z3_get_app_arg(w->z3, app, 0);
    }
    items = new_values(w, count);
    keys = weir_arena_array(w->arena, Z3_ast, count + 1);
    if (items == NULL || keys == NULL) {
        w->is_bad = true;
        return;
    }
    at = ast;
    for (size_t i = 0; i < count; i++) {
        Z3_app app = Z3_to_app(w->z3, at);
        bool is_told = false;
        keys[i] = Z3_get_app_arg(w->z3, app, 1);
        for (size_t k = 0; k < i; k++)
            is_told |= Z3_is_eq_ast(w->z3, keys[k], keys[i]);
        if (!is_told && is_true(w, Z3_get_app_arg(w->z3, app, 2)))
            convert(w, keys[i], depth + 1, &items[kept++]);
        at = Z3_get_app_arg(w->z3, app, 0);
    }
    out->items = items;
    out->count = kept;
}

struct candidates {
    Z3_sort sort;
    Z3_ast items[CANDIDATES_MAX];
    size_t count;
};

static bool collect(struct walk *w, Z3_ast ast, int depth,
                    struct candidates *found);

static bool
collect_parts(struct walk *w, Z3_ast ast, int depth, struct candidates *found)
{
    Z3_app app = Z3_to_app(w->z3, ast);
    unsigned count = Z3_get_app_num_args(w->z3, app);
    bool is_ground = true;
    for (unsigned i = 0; i < count; i++)
        is_ground &=
            collect(w, Z3_get_app_arg(w->z3, app, i), depth + 1, found);
    return is_ground;
}

/* True when the term has no bound variable. */
static bool
collect(struct walk *w, Z3_ast ast, int depth, struct candidates *found)
{
    Z3_ast_kind kind = Z3_get_ast_kind(w->z3, ast);
    bool is_known = false;
    if (depth > VALUE_DEPTH_MAX || kind == Z3_VAR_AST)
        return false;
    if (kind == Z3_QUANTIFIER_AST) {
        (void)collect(w, Z3_get_quantifier_body(w->z3, ast), depth + 1, found);
        return false;
    }
    if (kind == Z3_APP_AST && !collect_parts(w, ast, depth, found))
        return false;
    if (!Z3_is_eq_sort(w->z3, Z3_get_sort(w->z3, ast), found->sort))
        return true;
    for (size_t i = 0; i < found->count; i++)
        is_known |= Z3_is_eq_ast(w->z3, found->items[i], ast);
    if (!is_known && found->count < CANDIDATES_MAX)
        found->items[found->count++] = ast;
    return true;
}

/* The entries of a table; what its default says is asked for. */
static void
collect_entries(struct walk *w, Z3_func_decl function, int depth,
                struct candidates *found)
{
    Z3_func_interp table = Z3_model_get_func_interp(w->z3, w->model, function);
    unsigned count;
    if (table == NULL)
        return;
    Z3_func_interp_inc_ref(w->z3, table);
    count = Z3_func_interp_get_num_entries(w->z3, table);
    for (unsigned i = 0; i < count; i++) {
        Z3_func_entry entry = Z3_func_interp_get_entry(w->z3, table, i);
        Z3_func_entry_inc_ref(w->z3, entry);
        (void)collect(w, Z3_func_entry_get_arg(w->z3, entry, 0), depth, found);
        Z3_func_entry_dec_ref(w->z3, entry);
    }
    (void)collect(w, Z3_func_interp_get_else(w->z3, table), depth, found);
    Z3_func_interp_dec_ref(w->z3, table);
}

/* Any other description: what it names is asked for, one by one. */
static void
convert_described(struct walk *w, Z3_ast ast, int depth,
                  struct weir_cedar_smt_value *out)
{
    struct candidates *found = weir_arena_alloc(w->arena, sizeof(*found));
    struct weir_cedar_smt_value *items;
    if (found == NULL) {
        w->is_bad = true;
        return;
    }
    found->sort = Z3_get_array_sort_domain(w->z3, Z3_get_sort(w->z3, ast));
    if (Z3_is_as_array(w->z3, ast))
        collect_entries(w, Z3_get_as_array_func_decl(w->z3, ast), depth, found);
    else
        (void)collect(w, ast, depth, found);
    for (size_t i = 0; i < w->known_count; i++)
        (void)collect(w, w->known[i], depth, found);
    items = new_values(w, found->count);
    for (size_t i = 0; items != NULL && i < found->count; i++) {
        Z3_ast value;
        if (Z3_model_eval(w->z3, w->model,
                          Z3_mk_select(w->z3, ast, found->items[i]), true,
                          &value) &&
            is_true(w, value))
            convert(w, found->items[i], depth + 1, &items[out->count++]);
    }
    out->items = items;
}

static void
convert_set(struct walk *w, Z3_ast ast, int depth,
            struct weir_cedar_smt_value *out)
{
    Z3_func_decl decl;
    out->kind = WEIR_CEDAR_SMT_MEMBERS;
    if (Z3_get_ast_kind(w->z3, ast) != Z3_APP_AST) { /* a lambda */
        convert_described(w, ast, depth, out);
        return;
    }
    decl = Z3_get_app_decl(w->z3, Z3_to_app(w->z3, ast));
    switch (Z3_get_decl_kind(w->z3, decl)) {
    case Z3_OP_CONST_ARRAY:
        return;
    case Z3_OP_STORE:
        convert_stores(w, ast, depth, out);
        return;
    default:
        convert_described(w, ast, depth, out);
        return;
    }
}

static void
convert_apply(struct walk *w, Z3_ast ast, int depth,
              struct weir_cedar_smt_value *out)
{
    Z3_app app = Z3_to_app(w->z3, ast);
    unsigned count = Z3_get_app_num_args(w->z3, app);
    Z3_symbol name = Z3_get_decl_name(w->z3, Z3_get_app_decl(w->z3, app));
    struct weir_cedar_smt_value *items = new_values(w, count);
    out->kind = WEIR_CEDAR_SMT_APPLY;
    if (items == NULL || Z3_get_symbol_kind(w->z3, name) != Z3_STRING_SYMBOL) {
        w->is_bad = true;
        return;
    }
    out->name = weir_arena_copy(
        w->arena, weir_span_of(Z3_get_symbol_string(w->z3, name)));
    for (unsigned i = 0; i < count; i++)
        convert(w, Z3_get_app_arg(w->z3, app, i), depth + 1, &items[i]);
    out->items = items;
    out->count = count;
}

static void
convert(struct walk *w, Z3_ast ast, int depth, struct weir_cedar_smt_value *out)
{
    Z3_sort sort = Z3_get_sort(w->z3, ast);
    memset(out, 0, sizeof(*out));
    if (depth > VALUE_DEPTH_MAX) {
        w->is_bad = true;
        return;
    }
    if (Z3_get_sort_kind(w->z3, sort) == Z3_ARRAY_SORT) {
        convert_set(w, ast, depth, out);
    } else if (Z3_is_string(w->z3, ast)) {
        out->kind = WEIR_CEDAR_SMT_TEXT;
        out->name = decode(w, ast);
    } else if (Z3_get_ast_kind(w->z3, ast) == Z3_NUMERAL_AST) {
        convert_bits(w, ast, out);
    } else if (Z3_get_ast_kind(w->z3, ast) == Z3_APP_AST) {
        convert_apply(w, ast, depth, out);
    } else {
        w->is_bad = true;
    }
}

/* ---------------------------------------------------------------- asking */

static void
read_model(struct walk *w, Z3_ast_vector assertions, size_t count,
           struct solver_answer *answer)
{
    unsigned first = Z3_ast_vector_size(w->z3, assertions) - (unsigned)count;
    struct weir_cedar_smt_value *values = new_values(w, count);
    Z3_ast *evaluated = weir_arena_array(w->arena, Z3_ast, count + 1);
    w->is_bad |= evaluated == NULL;
    for (size_t i = 0; i < count && !w->is_bad; i++) {
        Z3_ast equation =
            Z3_ast_vector_get(w->z3, assertions, first + (unsigned)i);
        Z3_app app = Z3_to_app(w->z3, equation);
        Z3_ast term = equation;
        /* (= name true) may have become the name of a Boolean. */
        if (Z3_get_decl_kind(w->z3, Z3_get_app_decl(w->z3, app)) == Z3_OP_EQ &&
            Z3_get_app_num_args(w->z3, app) == 2)
            term = Z3_get_app_arg(w->z3, app, 1);
        if (!Z3_model_eval(w->z3, w->model, term, true, &evaluated[i]))
            w->is_bad = true;
    }
    w->known = evaluated;
    w->known_count = count;
    for (size_t i = 0; i < count && !w->is_bad; i++)
        convert(w, evaluated[i], 0, &values[i]);
    answer->values = values;
    if (!w->is_bad)
        return;
    answer->verdict = SOLVER_UNKNOWN;
    snprintf(answer->reason, sizeof(answer->reason),
             "the solver's model can not be read");
}

static void
check(Z3_context z3, Z3_solver solver, Z3_ast_vector assertions,
      const struct weir_cedar_smt_text *written, struct weir_arena *arena,
      struct solver_answer *answer)
{
    unsigned count = Z3_ast_vector_size(z3, assertions);
    Z3_lbool verdict;
    for (unsigned i = 0; i + written->reading_count < count; i++)
        Z3_solver_assert(z3, solver, Z3_ast_vector_get(z3, assertions, i));
    verdict = Z3_solver_check(z3, solver);
    if (verdict == Z3_L_TRUE) {
        struct walk w = {
            z3, Z3_solver_get_model(z3, solver), arena, false, NULL, 0};
        answer->verdict = SOLVER_SAT;
        if (w.model == NULL)
            return;
        Z3_model_inc_ref(z3, w.model);
        read_model(&w, assertions, written->reading_count, answer);
        Z3_model_dec_ref(z3, w.model);
    } else if (verdict == Z3_L_FALSE) {
        answer->verdict = SOLVER_UNSAT;
    } else {
        answer->verdict = SOLVER_UNKNOWN;
        snprintf(answer->reason, sizeof(answer->reason), "the solver says: %s",
                 Z3_solver_get_reason_unknown(z3, solver));
    }
}

/* Errors are asked for, not thrown: the default handler ends the program. */
static void
on_error(Z3_context z3, Z3_error_code code)
{
    (void)z3;
    (void)code;
}

weir_status
weir__solver_ask(weir_span text, const struct weir_cedar_smt_text *written,
                 uint32_t timeout_ms, struct weir_arena *arena,
                 struct solver_answer *answer_out, struct weir_error *err)
{
    struct solver_answer answer = {.verdict = SOLVER_UNKNOWN};
    weir_status status = WEIR_OK;
    Z3_config config = Z3_mk_config();
    char timeout[16];
    Z3_context z3;
    Z3_ast_vector assertions;
    snprintf(timeout, sizeof(timeout), "%u", timeout_ms);
    Z3_set_param_value(config, "timeout", timeout);
    z3 = Z3_mk_context(config);
    Z3_del_config(config);
    Z3_set_error_handler(z3, on_error);
    assertions =
        Z3_parse_smtlib2_string(z3, text.ptr, 0, NULL, NULL, 0, NULL, NULL);
    if (assertions != NULL)
        Z3_ast_vector_inc_ref(z3, assertions);
    if (Z3_get_error_code(z3) != Z3_OK || assertions == NULL) {
        status = weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                           "the solver refuses the question: %.120s",
                           Z3_get_error_msg(z3, Z3_get_error_code(z3)));
    } else {
        Z3_solver solver = Z3_mk_solver(z3);
        Z3_solver_inc_ref(z3, solver);
        check(z3, solver, assertions, written, arena, &answer);
        Z3_solver_dec_ref(z3, solver);
        *answer_out = answer;
    }
    if (assertions != NULL)
        Z3_ast_vector_dec_ref(z3, assertions);
    Z3_del_context(z3);
    return status;
}
