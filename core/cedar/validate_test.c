/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <weir/cedar_validate.h>

#include <stdio.h>
#include <string.h>

static const char schema_text[] =
    "entity Org enum [\"a\", \"b\"];\n"
    "entity Group in [Group, Org] tags Set<String>;\n"
    "entity User in Group { n: Long, s?: String, b: Bool, ip?: ipaddr, d?: "
    "decimal, t: datetime, u: duration, o?: Org, f: Set<User>, r: { x: Long, "
    "y?: { z: String } }, a?: Action } tags String;\n"
    "entity File in Org { owner: User, m?: User };\n"
    "action all; action grp in all;\n"
    "action read in grp appliesTo { principal: User, resource: File, context: "
    "{ now: datetime, c?: Long } };\n"
    "action write in all appliesTo { principal: [User, Group], resource: "
    "[File, User], context: {} };\n"
    "namespace N { entity User2 { k?: Long }; action go in Action::\"all\" "
    "appliesTo { principal: User2, resource: User2 }; }\n";

/* Each verdict is that of the reference engine (4.12): no error, and whether
 * the policy is found never to apply. */
struct row {
    bool is_valid;
    bool is_idle;
    const char *policy;
};

/* clang-format off */
static const struct row rows[] = {
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ((false && true) == (true && false)) || principal.zzz == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { ((true && true && true) != true) && principal.zzz == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ((1 == 1) == true) || principal.zzz == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ((true && (1 == 1)) == true) || principal.zzz == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ((true || principal.b) == true) || principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { true };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { false };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.n > 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has s && principal.s == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.s == \"a\" && principal has s };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has s || principal.s == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { !(principal has s) || principal.s == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (principal has s || principal has d) && principal.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (principal has s || principal has s) && principal.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { if principal has s then principal.s == \"a\" else false };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { if principal has s then false else principal.s == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal has s then true else false) && principal.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal.b then principal has s else principal has s) && principal.s == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal.b then principal has s else false) && principal.s == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal has s then principal.b else false) && principal.s == \"a\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { false && principal.zzz };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { true || principal.zzz };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.zzz == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has zzz };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has zzz && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has n };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r.x == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r.y.z == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r has y && principal.r.y.z == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has r.y && principal.r.y.z == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has r.y.z && principal.r.y.z == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has s.t };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r has x };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r has x && false };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal[\"r\"][\"y\"] has z };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context.c == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context has c && context.c == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context has now };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context.now > datetime(\"2020-01-01\") };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context.now > 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { action.foo == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action has foo };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action has foo && action.foo == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { action == Action::\"read\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action == Action::\"write\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action == Action::\"write\" && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { action in Action::\"all\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { action in Action::\"grp\" || principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { action in [Action::\"all\", Action::\"write\"] };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action in Action::\"write\" && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { Action::\"read\" in Action::\"all\" || principal.zzz == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { Action::\"read\" in [Action::\"write\"] && principal.zzz == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action in N::Action::\"go\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { action in [Action::\"all\", N::Action::\"go\"] };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action == N::Action::\"go\" };"},
    {false, true, "permit(principal is User, action == Action::\"read\", resource is File) when { Action::\"zzz\" == action };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { action is Action };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action is User };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in Group::\"g\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in File::\"g\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in File::\"g\" && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in Org::\"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in Org::\"zzz\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in [Group::\"g\", Group::\"h\"] };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in [Group::\"g\", Org::\"a\"] };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in [] };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in principal.f };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in resource };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal in [1] };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 in principal };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal == resource };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal == resource && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal == User::\"x\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { User::\"x\" == User::\"y\" && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { User::\"x\" == User::\"x\" || principal.zzz == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 == 2 && principal.zzz == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 == \"a\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 == \"a\" && principal.zzz == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.n == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.n == principal.b };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { true == principal.b };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { true == (1 == 1) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [1] == [2] };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [1] == [\"a\"] };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [1, \"a\"] == [1] };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [] == [] };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [[]] == [[1]] };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [true, false].contains(principal.b) };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { {a: 1} == {a: 2} };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { {a: 1} == {b: 2} };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { {a: 1} == {a: \"x\"} };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r == {x: 1} };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r == {x: 1, y: {z: \"a\"}} };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { {a: 1}.a == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { {a: 1}.b == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { {a: 1} has b };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { {a: 1} has a || principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.f.contains(principal) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.f.contains(resource) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.f.contains(1) };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.f.containsAll([principal]) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.f.containsAny([resource]) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.f.containsAll(principal) };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.f.isEmpty() };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.isEmpty() };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { \"a\".contains(\"b\") };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.s like \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { \"a\" like \"a*\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 like \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal is User };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal is Group };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal is User in Group::\"g\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal is User in File::\"g\" };"},
    {false, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal is Zzz };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 is User };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal is Group && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal is User || principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.hasTag(\"a\") };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.getTag(\"a\") == \"x\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.hasTag(\"a\") && principal.getTag(\"a\") == \"x\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.hasTag(\"a\") && principal.getTag(\"b\") == \"x\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.hasTag(principal.r.y.z) };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has s && principal.hasTag(principal.s) && principal.getTag(principal.s) like \"x\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { resource.hasTag(\"a\") };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { resource.hasTag(\"a\") && resource.getTag(\"a\") == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { resource.getTag(\"a\") == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.hasTag(1) };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has tags };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { action.hasTag(\"x\") };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ip(\"1.2.3.4\").isIpv4() };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ip(\"x\").isIpv4() };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ip(principal.s).isIpv4() };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ip(\"1.2.3.4\", \"x\").isIpv4() };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { ip().isIpv4() };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { decimal(\"1.0\").lessThan(decimal(\"2.0\")) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { decimal(\"1.0\") < decimal(\"2.0\") };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { decimal(\"1.0\").lessThan(1) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { decimal(\"1\").lessThan(decimal(\"1.0\")) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { decimal(\"1.0\").isIpv4() };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { datetime(\"2020-01-01\") < datetime(\"2021-01-01\") };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { datetime(\"2020-01-01\") < duration(\"1d\") };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { duration(\"1d\") < duration(\"2d\") };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context.now.offset(duration(\"1d\")) > context.now };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context.now.durationSince(context.now) == duration(\"0ms\") };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context.now.toDate() == context.now };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { context.now.toTime().toHours() < 3 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 + 2 == 3 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { 1 + \"a\" == 3 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { -principal.n < 3 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { -principal.s < 3 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { !principal.n };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { !principal.b };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { if 1 then true else false };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { if principal.b then 1 else \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { if principal.b then true else 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { if true then true else 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { if false then 1 else true };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal.b then 1 else 2) == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal.b then principal else resource) == principal };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal.b then {a: 1} else {a: 2}).a == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal.b then {a: 1} else {a: 2, b: 3}).a == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (if principal.b then [1] else [2]).contains(1) };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has o && principal.o == Org::\"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has o && principal.o == Org::\"zzz\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has a && principal.a in Action::\"all\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has a && principal.a == Action::\"read\" };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has a && principal.a in N::Action::\"go\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.a == action };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { Zzz::\"x\" == principal };"},
    {false, true, "permit(principal is User, action == Action::\"read\", resource is File) when { false && Zzz::\"x\" == principal };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { true || Org::\"zzz\" == principal };"},
    {false, true, "permit(principal is User, action == Action::\"read\", resource is File) when { false && Action::\"zzz\" == action };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { resource.owner.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { resource.owner has s && resource.owner.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { resource has m.s && resource.m.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { resource has m && resource.m has s && resource.m.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { resource has owner && resource.owner has s && resource.owner.s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { resource has m && resource.m == resource.owner };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { User::\"x\" has s && User::\"x\".s == \"a\" };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { User::\"x\" has s && User::\"y\".s == \"a\" };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (principal has s) == true };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has s && (principal.s == \"a\" || principal.s == \"b\") };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has s && !(principal.s == \"a\") };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal has s && principal.s has x };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.n < principal.n && principal.n <= 1 && principal.n > 1 && principal.n >= 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.b < principal.b };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.t < principal.t };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.u < principal.t };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.n != 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal != resource };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal != resource || principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (true && true) || principal.zzz == 1 };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (true && principal.b) || principal.zzz == 1 };"},
    {true, true, "permit(principal is User, action == Action::\"read\", resource is File) when { (false || false) && principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { !(false) || principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { (1 == 1) || principal.zzz == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [User::\"x\", principal].contains(principal) };"},
    {false, false, "permit(principal is User, action == Action::\"read\", resource is File) when { [User::\"x\", Group::\"x\"].contains(principal) };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { {\"a b\": 1}[\"a b\"] == 1 };"},
    {true, false, "permit(principal is User, action == Action::\"read\", resource is File) when { principal.r == principal.r };"},
    {true, false, "permit(principal,action,resource);"},
    {false, false, "permit(principal,action,resource) when { principal.n == 1 };"},
    {true, false, "permit(principal is User,action,resource) when { principal.n == 1 };"},
    {true, false, "permit(principal is User,action in Action::\"all\",resource is File) when { principal.n == 1 };"},
    {true, false, "permit(principal == User::\"x\",action,resource) when { principal.n == 1 };"},
    {true, false, "permit(principal in Group::\"x\",action,resource) when { principal has n };"},
    {false, false, "permit(principal == Zzz::\"x\",action,resource);"},
    {false, true, "permit(principal is Zzz,action,resource);"},
    {false, false, "permit(principal in Org::\"zzz\",action,resource);"},
    {false, true, "permit(principal == Org::\"a\",action,resource);"},
    {false, true, "permit(principal is File,action,resource);"},
    {false, true, "permit(principal,action == Action::\"zzz\",resource);"},
    {false, false, "permit(principal,action in [Action::\"read\", Action::\"zzz\"],resource);"},
    {false, false, "permit(principal,action in [],resource);"},
    {false, false, "permit(principal,action in [Action::\"read\", N::Action::\"go\"],resource);"},
    {true, false, "permit(principal,action in [Action::\"read\"],resource);"},
    {false, true, "permit(principal,action == Action::\"all\",resource);"},
    {true, false, "permit(principal,action in Action::\"all\",resource);"},
    {false, true, "permit(principal,action in Action::\"all\",resource is Group);"},
    {false, true, "permit(principal is Group,action == Action::\"read\",resource);"},
    {true, false, "permit(principal is User in Org::\"a\",action,resource);"},
    {false, true, "permit(principal is File in Org::\"a\",action,resource);"},
    {true, false, "permit(principal == ?principal,action,resource);"},
    {false, false, "permit(principal in ?principal,action,resource in ?resource) when { principal.n == 1 };"},
    {true, false, "permit(principal is User in ?principal,action,resource is File) when { principal.n == 1 };"},
    {false, true, "permit(principal is Zzz in ?principal,action,resource is File);"},
    {false, true, "permit(principal is File in ?principal,action == Action::\"read\",resource);"},
    {true, false, "permit(principal,action,resource) unless { principal has n };"},
    {true, false, "permit(principal,action,resource) when { principal has s } when { principal.s == \"a\" };"},
    {true, false, "permit(principal is User,action,resource) when { principal has s } when { principal.s == \"a\" };"},
    {true, false, "permit(principal is User,action,resource) when { principal has s } unless { principal.s == \"a\" };"},
    {false, false, "permit(principal is User,action,resource) unless { principal has s } when { principal.s == \"a\" };"},
    {true, false, "permit(principal,action == N::Action::\"go\",resource) when { principal has k && principal.k == 1 };"},
    {false, false, "permit(principal is N::User2,action,resource) when { principal.k == 1 };"},
    {true, false, "permit(principal,action == Action::\"write\",resource) when { if principal is User then principal.n == 1 else principal.hasTag(\"a\") };"},
    {true, false, "permit(principal,action == Action::\"write\",resource) when { principal is User && principal.n == 1 };"},
    {true, false, "permit(principal,action == Action::\"write\",resource) when { principal is Group || principal.n == 1 };"},
    {true, false, "permit(principal,action == Action::\"write\",resource) when { resource == principal && principal.n == 1 };"},
};
/* clang-format on */

static const struct weir_cedar_schema *
parse_schema(struct weir_arena *arena, const char *text)
{
    const struct weir_cedar_schema *schema;
    struct weir_error err = {0};
    if (weir_cedar_schema_parse(arena, weir_span_of(text), WEIR_CEDAR_TEXT,
                                &schema, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    return schema;
}

static struct weir_cedar_findings
validate(struct weir_arena *arena, const struct weir_cedar_schema *schema,
         struct weir_cedar_policies *set, const char *text,
         enum weir_cedar_dialect dialect)
{
    struct weir_cedar_findings findings;
    struct weir_error err = {0};
    if (weir_cedar_policies_add_text(set, weir_span_of(text), WEIR_SPAN("t"),
                                     &err) != WEIR_OK)
        fail_msg("%s: %s", text, err.text);
    assert_ok(
        weir_cedar_validate(set, schema, dialect, arena, &findings, &err));
    return findings;
}

TEST(cedar_validate, verdicts_are_those_of_the_reference)
{
    struct weir_arena arena;
    const struct weir_cedar_schema *schema;
    weir_arena_init_heap(&arena, (size_t)1 << 28);
    schema = parse_schema(&arena, schema_text);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_cedar_policies *set = weir_cedar_policies_new();
        struct weir_cedar_findings findings =
            validate(&arena, schema, set, rows[i].policy, WEIR_CEDAR_4_12);
        bool is_idle = findings.count > findings.error_count;
        if ((findings.error_count == 0) != rows[i].is_valid)
            fail_msg("%s: %.*s", rows[i].policy,
                     findings.count == 0 ? 0 : (int)findings.items[0].text.len,
                     findings.count == 0 ? "" : findings.items[0].text.ptr);
        if (rows[i].is_valid && is_idle != rows[i].is_idle)
            fail_msg("%s: %s", rows[i].policy,
                     is_idle ? "called idle" : "not called idle");
        weir_cedar_policies_free(set);
    }
    weir_arena_fini(&arena);
}

TEST(cedar_validate, findings_name_policy_and_offset)
{
    static const char text[] =
        "permit(principal, action, resource);\n"
        "permit(principal is User, action, resource) when { principal.zz };";
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_findings findings;
    struct weir_arena arena;
    weir_arena_init_heap(&arena, 1 << 24);
    findings = validate(&arena, parse_schema(&arena, schema_text), set, text,
                        WEIR_CEDAR_4_12);
    assert_int_equal(findings.error_count, 1);
    assert_int_equal(findings.items[0].policy, 1);
    assert_int_equal(findings.items[0].offset,
                     strstr(text, "principal.zz") - text);
    assert_span(findings.items[0].text, "User has no attribute zz");
    weir_cedar_policies_free(set);
    weir_arena_fini(&arena);
}

TEST(cedar_validate, scope_that_nothing_satisfies_is_a_warning_from_4_13)
{
    static const char text[] = "permit(principal is File, action, resource);";
    for (int dialect = 0; dialect < 2; dialect++) {
        struct weir_cedar_policies *set = weir_cedar_policies_new();
        struct weir_cedar_findings findings;
        struct weir_arena arena;
        weir_arena_init_heap(&arena, 1 << 24);
        findings = validate(&arena, parse_schema(&arena, schema_text), set,
                            text, (enum weir_cedar_dialect)dialect);
        assert_int_equal(findings.error_count,
                         dialect == WEIR_CEDAR_4_12 ? 1 : 0);
        assert_int_equal(findings.count, 2); /* and never applies */
        weir_cedar_policies_free(set);
        weir_arena_fini(&arena);
    }
}

TEST(cedar_validate, entities_of_a_link_must_be_declared)
{
    static const char text[] =
        "permit(principal == ?principal, action, resource);";
    static const struct {
        struct weir_cedar_uid uid;
        size_t errors;
    } links[] = {
        {{{"User", 4}, {"x", 1}}, 0},
        {{{"Zzz", 3}, {"x", 1}}, 2}, /* and no action applies */
        {{{"File", 4}, {"x", 1}}, 1},
        {{{"Org", 3}, {"zzz", 3}}, 1},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(links); i++) {
        struct weir_cedar_policies *set = weir_cedar_policies_new();
        struct weir_cedar_findings findings;
        struct weir_arena arena;
        struct weir_error err = {0};
        weir_arena_init_heap(&arena, 1 << 24);
        assert_ok(weir_cedar_policies_add_text(set, weir_span_of(text),
                                               WEIR_SPAN("t"), &err));
        assert_ok(weir_cedar_policies_link(set, WEIR_SPAN("policy0"),
                                           WEIR_SPAN("l"), &links[i].uid, NULL,
                                           &err));
        assert_ok(weir_cedar_validate(set, parse_schema(&arena, schema_text),
                                      WEIR_CEDAR_4_12, &arena, &findings,
                                      &err));
        assert_int_equal(findings.error_count, links[i].errors);
        weir_cedar_policies_free(set);
        weir_arena_fini(&arena);
    }
}

/* Found by comparing: the link has no unknown action of its own to tell. */
TEST(cedar_validate, an_unknown_action_in_a_list_leaves_a_link_none)
{
    static const char text[] =
        "permit(principal == ?principal, action in [Action::\"read\", "
        "Action::\"zzz\"], resource);";
    const struct weir_cedar_uid who = {WEIR_SPAN("User"), WEIR_SPAN("x")};
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_findings findings;
    struct weir_arena arena;
    struct weir_error err = {0};
    size_t of_link = 0;
    weir_arena_init_heap(&arena, 1 << 24);
    assert_ok(weir_cedar_policies_add_text(set, weir_span_of(text),
                                           WEIR_SPAN("t"), &err));
    assert_ok(weir_cedar_policies_link(set, WEIR_SPAN("policy0"),
                                       WEIR_SPAN("l"), &who, NULL, &err));
    assert_ok(weir_cedar_validate(set, parse_schema(&arena, schema_text),
                                  WEIR_CEDAR_4_12, &arena, &findings, &err));
    for (size_t i = 0; i < findings.count; i++)
        of_link += findings.items[i].policy == 1;
    assert_int_equal(of_link, 1);
    weir_cedar_policies_free(set);
    weir_arena_fini(&arena);
}
