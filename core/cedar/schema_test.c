/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <weir/cedar_schema.h>

#include <stdio.h>
#include <string.h>

/* Which schemas are accepted; each verdict is that of the reference engine
 * (4.12). */
struct row {
    bool is_accepted;
    const char *text;
};

/* clang-format off */
static const struct row texts[] = {
    {true, "entity A;"},
    {false, "entity A"},
    {true, "entity A,B;"},
    {false, "entity A,;"},
    {true, "entity A in A;"},
    {true, "entity A in [];"},
    {false, "entity A in [A,];"},
    {true, "entity A {};"},
    {true, "entity A = {};"},
    {true, "entity A = {a:Long,};"},
    {false, "entity A = {,};"},
    {true, "entity A {a?:Long, \"b c\": String};"},
    {true, "entity A tags Long;"},
    {true, "entity A in B {} tags Set<Long>; entity B;"},
    {true, "entity A enum [\"a\"];"},
    {false, "entity A enum [];"},
    {false, "entity A enum [\"a\",];"},
    {true, "entity A enum [\"a\",\"a\"];"},
    {false, "entity A = Long;"},
    {false, "type T = Long; entity A = T;"},
    {false, "type T = {}; entity A = T;"},
    {false, "type T={}; entity A T;"},
    {true, "entity enum;"},
    {true, "entity tags;"},
    {false, "entity in;"},
    {true, "entity Set;"},
    {true, "entity Long;"},
    {true, "entity namespace; entity entity; entity type; entity action; entity appliesTo;"},
    {false, "entity if;"},
    {false, "entity __cedar;"},
    {false, "entity has;"},
    {false, "entity is; "},
    {false, "type Long = Long;"},
    {false, "type Set={};"},
    {false, "type __cedar = Long;"},
    {false, "type if = Long;"},
    {false, "type Record = Long;"},
    {false, "type Entity = Long;"},
    {false, "type Extension=Long;"},
    {true, "type ipaddr = Long;"},
    {true, "type decimal = ipaddr; entity A {a: decimal};"},
    {false, "type Boolean = Long;"},
    {true, "type entity = Long;"},
    {true, "type namespace=Long;"},
    {false, "entity Action;"},
    {false, "namespace N {entity Action;}"},
    {false, "entity A {a: Action};"},
    {true, "entity A {a: Action}; action x;"},
    {true, "namespace N {entity A {a: Action}; action x;}"},
    {true, "namespace N {entity A {a: Action};} action x;"},
    {false, "namespace N {entity A {a: N::Action};} action x;"},
    {true, "namespace N {entity A {a: N::Action}; action x;}"},
    {false, "namespace N {entity A {a: Action}; }"},
    {true, "action a;"},
    {true, "action a,b;"},
    {true, "action a in b; action b;"},
    {false, "action a in b;"},
    {true, "action a in [b,\"c d\"]; action b; action \"c d\";"},
    {false, "action a in []; "},
    {false, "action a in [b,]; action b;"},
    {true, "action a in Action::\"b\"; action b;"},
    {false, "action a in Foo::\"b\"; action b;"},
    {true, "namespace N { action a in b;} action b;"},
    {true, "namespace N { action a in Action::\"b\";} action b;"},
    {true, "namespace N { action a in N::Action::\"b\"; action b;}"},
    {true, "namespace N {action a in M::Action::\"b\";} namespace M {action b;}"},
    {false, "action a in a;"},
    {false, "action a in b; action b in a;"},
    {true, "action a appliesTo {principal: A, resource: A}; entity A;"},
    {false, "action a appliesTo {principal: A}; entity A;"},
    {false, "action a appliesTo {principal: A, resource: []}; entity A;"},
    {false, "action a appliesTo {principal: [], resource: A}; entity A;"},
    {true, "action a appliesTo {principal: A, resource: A, context: {}}; entity A;"},
    {false, "action a appliesTo {principal: A, resource: A, context: Long}; entity A;"},
    {true, "type T={}; action a appliesTo {principal: A, resource: A, context: T}; entity A;"},
    {false, "type T=Long; action a appliesTo {principal: A, resource: A, context: T}; entity A;"},
    {false, "action a appliesTo {principal: A, resource: A, context: A}; entity A;"},
    {false, "action a appliesTo {principal: A, principal: A, resource: A}; entity A;"},
    {false, "action a appliesTo {principal: A, resource: A, context:{}, context:{}}; entity A;"},
    {true, "action a appliesTo {context: {}, resource: A,  principal:A,}; entity A;"},
    {false, "action a appliesTo {}; "},
    {false, "action a appliesTo {,}; "},
    {true, "action a appliesTo {principal: [A,A], resource: A}; entity A;"},
    {false, "action a appliesTo {principal: [A,], resource: A}; entity A;"},
    {true, "action a attributes {};"},
    {false, "action a attributes {a: Long};"},
    {true, "action a appliesTo {principal: A, resource: A} attributes {}; entity A;"},
    {false, "action a attributes {} appliesTo {principal: A, resource: A}; entity A;"},
    {false, "action if;"},
    {true, "action \"a\\u{41}\";"},
    {false, "action in;"},
    {false, "action a,a;"},
    {false, "action a; action a;"},
    {false, "action a; action \"a\";"},
    {false, "action appliesTo; action in in appliesTo;"},
    {true, "action attributes;"},
    {true, "action __cedar;"},
    {false, "action a in Action::b; action b;"},
    {false, "action \"\\*\";"},
    {true, "action \"\\x2a\";"},
    {false, "action 'a';"},
    {true, "namespace N {}"},
    {false, "namespace N {} namespace N {}"},
    {false, "namespace N::M {entity A;} namespace N {entity B in M::A;}"},
    {true, "namespace N::M {entity A;} namespace N {entity B in N::M::A;}"},
    {false, "namespace N {namespace M {}}"},
    {false, "namespace __cedar {}"},
    {false, "namespace a::__cedar {}"},
    {false, "namespace if {}"},
    {false, "namespace N {};"},
    {true, "@doc(\"x\") namespace N {}"},
    {true, "@a @b(\"x\") entity A;"},
    {false, "@a @a entity A;"},
    {true, "@a entity A {@b(\"x\") a: Long};"},
    {false, "@a(\"x\") @a(\"x\") type T = Long;"},
    {true, "@if entity A;"},
    {false, "entity A {@a @a b:Long};"},
    {false, "entity A; entity A;"},
    {false, "entity A,A;"},
    {true, "type A=Long; entity A;"},
    {false, "type A=Long; type A=Long;"},
    {false, "entity A; namespace N {entity A;}"},
    {false, "entity A; namespace N {type A=Long;}"},
    {false, "type A=Long; namespace N {type A=Long;}"},
    {false, "action a; namespace N {action a;}"},
    {true, "action A; entity A;"},
    {false, "type T=T;"},
    {false, "type T=U; type U=T;"},
    {false, "type T={a:T};"},
    {false, "type T=Set<T>;"},
    {false, "namespace N{type T=M::U;} namespace M{type U=N::T;}"},
    {false, "entity A {a: Foo};"},
    {false, "entity A {a: Boolean};"},
    {true, "entity A {a: Bool};"},
    {true, "entity A {a: __cedar::Bool};"},
    {false, "entity A {a: __cedar::Boolean};"},
    {false, "entity A {a: __cedar::Foo};"},
    {false, "entity A {a: __cedar::Set<Long>};"},
    {false, "entity A {a: Set};"},
    {true, "entity A {a: Set<Set<Long>>};"},
    {false, "entity A {a: Set<>};"},
    {false, "entity A {a: Record};"},
    {true, "entity A {a: Long, a: String};"},
    {true, "entity A {a: Long, a?: String};"},
    {false, "entity A {if: Long};"},
    {true, "entity A {__cedar: Long};"},
    {true, "entity A {\"\": Long};"},
    {false, "entity A {a: A::B};"},
    {true, "entity Long; entity A {a: Long};"},
    {false, "entity A {a: ip};"},
    {true, "entity A {a: ipaddr, b: decimal, c: datetime, d: duration};"},
    {true, "entity A {a : { b : {}}};"},
    {true, ""},
    {true, "   "},
    {true, "// x"},
    {false, "/* x */"},
    {true, "entity A; // x"},
    {false, "entity A {a: Long;};"},
    {false, "entity A in Action; action x;"},
    {false, "action a appliesTo {principal: Action, resource: Action};"},
    {false, "action a appliesTo {principal: Action, resource: Foo}; "},
    {false, "entity A in Long;"},
    {false, "type T={}; entity A in T;"},
    {true, "entity A tags T; type T = Set<A>;"},
    {true, "entity A enum [\"a\"]; entity B in A;"},
    {false, "entity A in B enum [\"a\"]; entity B;"},
    {false, "entity A enum [\"a\"] in B; entity B;"},
    {false, "entity A enum [\"a\"] tags Long;"},
    {true, "entity A = {} tags Long;"},
    {true, "entity A tags {} ;"},
    {false, "entity A = {} enum [\"a\"];"},
    {true, "entity A,B enum [\"a\"];"},
    {false, "entity A {a?:Long,} in B; entity B;"},
    {false, "entity A in B,C; "},
    {false, "entity \"A\";"},
    {false, "entity A::B;"},
    {false, "entity A {a::b:Long};"},
    {true, "type T = A::B::C; namespace A::B { entity C; }"},
    {true, "namespace A { type T = B; } type B = Long;"},
    {true, "namespace A {entity Long; entity B {x: Long};}"},
    {true, "namespace A {type decimal = Long; entity B {x: decimal};}"},
    {false, "namespace A {entity T;} namespace B {entity X in T;}"},
    {false, "permit(principal,action,resource);"},
    {true, "entity A\302\240;"},
    {false, "entity A {\"a\\*\": Long};"},
    {true, "entity A { a ?: Long };"},
    {false, "entity A { a:Long?};"},
    {false, "entity A = {a:Long} ;;"},
    {true, "action a in [b] appliesTo{principal:[A],resource:[A]} ; action b; entity A;"},
    {true, "action x appliesTo { principal: A, resource: A, context: {a: Long,}}; entity A;"},
    {false, "action x appliesTo { principal: A, resource: A, context: {}.x}; entity A;"},
    {true, "action x appliesTo { principal: A, resource: A, context: N::T}; entity A; namespace N {type T={};}"},
    {false, "action x appliesTo { principal: A, resource: A, context: Set<Long>}; entity A;"},
    {false, "type T = Set<{}>; type U = {a: T, b?: U2}; type U2 = ipaddr; entity A U;"},
    {false, "entity A {a: Action}; namespace N {action x;}"},
    {true, "entity A {a: N::Action}; namespace N {action x;}"},
    {true, "namespace N { action a in [Action::\"b\"]; action b; }"},
    {true, "namespace N { action a in [ \"b\" ]; } action b;"},
    {true, "entity __cedarx;"},
    {true, "entity x__cedar;"},
    {true, "entity __cedar__; "},
    {true, "entity Set; entity A {a: Set};"},
    {true, "namespace N {entity A {a: Set};} entity Set;"},
    {false, "entity A {a: N::Action}; namespace N { entity Q; }"},
    {false, "type T=Long; namespace N {entity T;}"},
    {true, "namespace N {type T=Long; entity T; entity U {a:T}; action a appliesTo {principal:T, resource:T};}"},
    {true, "entity A {a: __cedar::ipaddr};"},
    {false, "namespace A::__cedar::B {}"},
    {false, "entity A in __cedar::Long;"},
    {false, "@a(\"\\*\") entity A;"},
    {false, "@a() entity A;"},
    {false, "@a(\"x\",) entity A;"},
    {false, "entity A @a(\"x\");"},
    {true, "entity A enum [\"\\0\"];"},
    {true, "type T = { };"},
    {true, "type Foo = Foo2; type Foo2 = {a: ipaddr}; action x appliesTo {principal: A, resource: A, context: Foo}; entity A;"},
    {true, "entity A{a:Long} tags String;"},
    {false, "entity A=tags String;"},
    {true, "entity A tags tags; type tags = Long;"},
    {true, "entity A in [B] tags Long; entity B;"},
    {false, "entity A in [B] = tags Long; entity B;"},
    {false, "entity A in [B] {} tags Long = {}; entity B;"},
    {false, "entity a in in;"},
    {true, "entity principal, resource, context;"},
    {false, "action a appliesTo { principal: [A] resource: [A] }; entity A;"},
    {false, "action a appliesTo { principal: A, resource: A, foo: {} }; entity A;"},
    {false, "action a appliesTo { \"principal\": A, resource: A}; entity A;"},
    {false, "action a in [\"b\"], c; action b;"},
    {false, "action a, in b; action b;"},
    {true, "entity A { \"a\": Long, a?: String };"},
    {true, "entity A;entity B {a : A, b: Set<A>} ; action \"x y\" in \"z\"; action z;"},
};

static const struct row jsons[] = {
    {true, "{}"},
    {false, "{\"\":{}}"},
    {false, "{\"\":{\"entityTypes\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{},\"actions\":{},\"foo\":1}}"},
    {true, "{\"N\":{\"entityTypes\":{},\"actions\":{}}}"},
    {false, "{\" N\":{\"entityTypes\":{},\"actions\":{}}}"},
    {false, "{\"N :: M\":{\"entityTypes\":{},\"actions\":{}}}"},
    {true, "{\"N::M\":{\"entityTypes\":{},\"actions\":{}}}"},
    {false, "{\"__cedar\":{\"entityTypes\":{},\"actions\":{}}}"},
    {false, "{\"if\":{\"entityTypes\":{},\"actions\":{}}}"},
    {false, "{\"1\":{\"entityTypes\":{},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A::B\":{}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"if\":{}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"__cedar\":{}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A b\":{}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"foo\":1}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"memberOfTypes\":[\"A\"]}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"memberOfTypes\":[\"B\"]}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"memberOfTypes\":[\"A\",\"A\"]}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"memberOfTypes\":\"A\"}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{},\"additionalAttributes\":true}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{},\"additionalAttributes\":false}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Long\"}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"T\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"enum\":[\"a\"]}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"enum\":[]}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"enum\":[\"a\"],\"memberOfTypes\":[]}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"enum\":[\"a\"],\"shape\":{\"type\":\"Record\",\"attributes\":{}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"enum\":[\"a\"],\"annotations\":{\"a\":\"b\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"annotations\":{\"a\":\"b\"}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"annotations\":{\"a b\":\"b\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"annotations\":{\"if\":\"b\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"annotations\":{\"a\":null}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"annotations\":{\"a\":1}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"tags\":{\"type\":\"Long\"}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"tags\":{\"type\":\"A\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"tags\":{\"type\":\"Entity\",\"name\":\"A\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"tags\":{\"type\":\"EntityOrCommon\",\"name\":\"A\"}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Bool\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Boolean\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"String\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"ipaddr\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Set\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Set\",\"element\":{\"type\":\"Long\"}}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Set\",\"element\":{\"type\":\"Long\"},\"x\":1}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\",\"x\":1}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\",\"element\":{\"type\":\"Long\"}}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\",\"required\":true}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\",\"required\":false}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\",\"required\":\"x\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Set\",\"element\":{\"type\":\"Long\",\"required\":false}}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Record\",\"attributes\":{\"b\":{\"type\":\"Long\",\"required\":false}},\"required\":false}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Entity\",\"name\":\"A\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Entity\",\"name\":\"B\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Entity\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Entity\",\"name\":\"A B\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Extension\",\"name\":\"ipaddr\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Extension\",\"name\":\"decimal\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Extension\",\"name\":\"datetime\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Extension\",\"name\":\"duration\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Extension\",\"name\":\"foo\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Extension\",\"name\":\"__cedar::ipaddr\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"EntityOrCommon\",\"name\":\"Long\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"EntityOrCommon\",\"name\":\"__cedar::Long\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"EntityOrCommon\",\"name\":\"Boolean\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"T\":{\"type\":\"Long\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"T\":{\"type\":\"T\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"T\":{\"type\":\"U\"},\"U\":{\"type\":\"T\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"A\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"__cedar::Long\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"T\":{\"type\":\"Long\",\"annotations\":{\"a\":\"b\"}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"T::U\":{\"type\":\"Long\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"Long\":{\"type\":\"Long\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"Boolean\":{\"type\":\"Long\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"if\":{\"type\":\"Long\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"__cedar\":{\"type\":\"Long\"}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"ipaddr\"}}}}},\"actions\":{},\"commonTypes\":{\"ipaddr\":{\"type\":\"Long\"}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\",\"annotations\":{\"a\":\"b\"}}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"EntityOrCommon\",\"name\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"T\":{\"type\":\"Long\",\"required\":false}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"name\":\"A\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":\"Long\"}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":null}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Entity\",\"name\":\"T\"}}}}},\"actions\":{},\"commonTypes\":{\"T\":{\"type\":\"Long\"}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Entity\",\"name\":\"Action\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Entity\",\"name\":\"Long\"}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":null}}}}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{\"shape\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Record\",\"attributes\":{\"a\":{\"type\":\"Long\"}},\"name\":\"x\"}}}}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"b\"}]},\"b\":{}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"b\"}]}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"b\",\"type\":\"Action\"}]},\"b\":{}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"b\",\"type\":\"Foo\"}]},\"b\":{}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"b\",\"x\":1}]},\"b\":{}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":[]}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":null}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":null}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{}}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[],\"resourceTypes\":[]}}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"],\"resourceTypes\":[\"A\"]}}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"],\"resourceTypes\":[]}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"]}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"],\"resourceTypes\":[\"B\"]}}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"],\"resourceTypes\":[\"A\"],\"context\":{\"type\":\"Record\",\"attributes\":{}}}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"],\"resourceTypes\":[\"A\"],\"context\":{\"type\":\"Long\"}}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"],\"resourceTypes\":[\"A\"],\"context\":null}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"A\"],\"resourceTypes\":[\"A\"],\"foo\":null}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"attributes\":{}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"attributes\":{\"a\":1}}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"attributes\":null}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"\":{}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"foo\":1}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"annotations\":{\"x\":\"y\"}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"memberOf\":[{\"id\":\"a\"}]}}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"__cedar\":{}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{\"a\":{\"appliesTo\":{\"principalTypes\":[\"Action\"],\"resourceTypes\":[\"A\"]}}}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{}},\"N\":{\"entityTypes\":{\"A\":{}},\"actions\":{}}}"},
    {true, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{}},\"N\":{\"entityTypes\":{\"B\":{\"memberOfTypes\":[\"A\"]}},\"actions\":{}}}"},
    {false, "{\"\":{\"entityTypes\":{\"A\":{}},\"actions\":{},\"annotations\":{\"a\":\"b\"}}}"},
    {true, "{\"N\":{\"entityTypes\":{\"A\":{}},\"actions\":{},\"annotations\":{\"a\":\"b\"}}}"},
    {false, "{\"N\":{\"entityTypes\":{\"Action\":{}},\"actions\":{}}}"},
    {false, "{\"N\":null}"},
    {false, "null"},
    {false, "[]"},
};
/* clang-format on */

static void
run_rows(const struct row *rows, size_t count, enum weir_cedar_form form)
{
    for (size_t i = 0; i < count; i++) {
        const struct weir_cedar_schema *schema;
        struct weir_error err = {0};
        struct weir_arena arena;
        weir_status status;
        weir_arena_init_heap(&arena, 1 << 24);
        status = weir_cedar_schema_parse(&arena, weir_span_of(rows[i].text),
                                         form, &schema, &err);
        if ((status == WEIR_OK) != rows[i].is_accepted)
            fail_msg("%s: %s", rows[i].text, err.text);
        weir_arena_fini(&arena);
    }
}

TEST(cedar_schema, text_is_accepted_and_refused_as_by_the_reference)
{
    run_rows(texts, WEIR_COUNTOF(texts), WEIR_CEDAR_TEXT);
}

TEST(cedar_schema, json_is_accepted_and_refused_as_by_the_reference)
{
    run_rows(jsons, WEIR_COUNTOF(jsons), WEIR_CEDAR_JSON);
}

/* text -> JSON -> text -> JSON: both JSON forms are the same bytes. */
TEST(cedar_schema, translation_there_and_back_changes_nothing)
{
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct weir_arena arena;
        struct weir_buf json, text, again;
        struct weir_error err = {0};
        if (!texts[i].is_accepted)
            continue;
        weir_arena_init_heap(&arena, 1 << 24);
        weir_buf_init(&json, 1 << 20);
        weir_buf_init(&text, 1 << 20);
        weir_buf_init(&again, 1 << 20);
        assert_ok(weir_cedar_schema_translate(
            &arena, weir_span_of(texts[i].text), WEIR_CEDAR_TEXT,
            WEIR_CEDAR_JSON, &json, &err));
        if (weir_cedar_schema_translate(&arena, weir_buf_span(&json),
                                        WEIR_CEDAR_JSON, WEIR_CEDAR_TEXT, &text,
                                        &err) != WEIR_OK)
            fail_msg("%.*s: %s", WEIR_SPAN_ARG(weir_buf_span(&json)), err.text);
        if (weir_cedar_schema_translate(&arena, weir_buf_span(&text),
                                        WEIR_CEDAR_TEXT, WEIR_CEDAR_JSON,
                                        &again, &err) != WEIR_OK)
            fail_msg("%.*s: %s", WEIR_SPAN_ARG(weir_buf_span(&text)), err.text);
        assert_int_equal(again.len, json.len);
        assert_memory_equal(again.ptr, json.ptr, json.len);
        weir_buf_fini(&json);
        weir_buf_fini(&text);
        weir_buf_fini(&again);
        weir_arena_fini(&arena);
    }
}

TEST(cedar_schema, hierarchies_are_closed_and_types_resolved)
{
    static const char text[] =
        "namespace N { entity A in B { x?: Set<T> } tags Long; entity B in C;"
        " entity C; type T = { y: ipaddr, z: N::C };"
        " action a in b appliesTo { principal: [A, A], resource: C,"
        "   context: { n: datetime } };"
        " action b in Action::\"c\"; action c; } entity E enum [\"p\", \"q\"];";
    const struct weir_cedar_entity_type *a, *c, *e;
    const struct weir_cedar_attribute *x;
    const struct weir_cedar_action *action;
    const struct weir_cedar_schema *schema;
    struct weir_error err = {0};
    struct weir_arena arena;
    struct weir_buf buf;
    weir_arena_init_heap(&arena, 1 << 20);
    assert_ok(weir_cedar_schema_parse(&arena, weir_span_of(text),
                                      WEIR_CEDAR_TEXT, &schema, &err));
    a = weir_cedar_schema_find_type(schema, WEIR_SPAN("N::A"));
    c = weir_cedar_schema_find_type(schema, WEIR_SPAN("N::C"));
    e = weir_cedar_schema_find_type(schema, WEIR_SPAN("E"));
    assert_non_null(a);
    assert_true(weir_cedar_type_may_descend(a, c));
    assert_false(weir_cedar_type_may_descend(c, a));
    assert_false(weir_cedar_type_may_descend(a, a));
    assert_null(weir_cedar_schema_find_type(schema, WEIR_SPAN("A")));
    x = weir_cedar_type_attribute(a->shape, WEIR_SPAN("x"));
    assert_non_null(x);
    assert_false(x->is_required);
    weir_buf_init(&buf, 1000);
    weir_cedar_type_write(&buf, x->type);
    assert_span(weir_buf_span(&buf), "Set<{y: ipaddr, z: N::C}>");
    weir_buf_fini(&buf);
    assert_true(weir_cedar_type_admits_id(e, WEIR_SPAN("q")));
    assert_false(weir_cedar_type_admits_id(e, WEIR_SPAN("r")));
    assert_true(weir_cedar_type_admits_id(a, WEIR_SPAN("r")));
    action = weir_cedar_schema_find_action(schema, WEIR_SPAN("N::Action"),
                                           WEIR_SPAN("a"));
    assert_non_null(action);
    assert_int_equal(action->principal_count, 1);
    assert_int_equal(action->parent_count, 1);
    assert_int_equal(action->ancestor_count, 2);
    assert_true(action->type->is_action);
    weir_arena_fini(&arena);
}

/* `type T1 = {a: T0, b: T0}` and so on stands for 2^40 parts. */
TEST(cedar_schema, type_that_doubles_at_each_step_is_refused)
{
    const struct weir_cedar_schema *schema;
    struct weir_error err = {0};
    struct weir_arena arena;
    struct weir_buf buf;
    weir_arena_init_heap(&arena, 1 << 24);
    weir_buf_init(&buf, 1 << 20);
    weir_buf_add_span(&buf, WEIR_SPAN("type T0 = Long;"));
    for (int i = 1; i <= 40; i++)
        weir_buf_addf(&buf, "type T%d = {a: T%d, b: T%d};", i, i - 1, i - 1);
    assert_int_equal(weir_cedar_schema_parse(&arena, weir_buf_span(&buf),
                                             WEIR_CEDAR_TEXT, &schema, &err),
                     WEIR_ELIMIT);
    weir_buf_fini(&buf);
    weir_arena_fini(&arena);
}

TEST(cedar_schema, deep_types_are_refused_not_recursed_into)
{
    const struct weir_cedar_schema *schema;
    struct weir_error err = {0};
    struct weir_arena arena;
    struct weir_buf buf;
    weir_arena_init_heap(&arena, 1 << 26);
    weir_buf_init(&buf, 1 << 22);
    weir_buf_add_span(&buf, WEIR_SPAN("type T = "));
    for (int i = 0; i < 200000; i++)
        weir_buf_add_span(&buf, WEIR_SPAN("Set<"));
    assert_int_equal(weir_cedar_schema_parse(&arena, weir_buf_span(&buf),
                                             WEIR_CEDAR_TEXT, &schema, &err),
                     WEIR_ELIMIT);
    weir_buf_fini(&buf);
    weir_arena_fini(&arena);
}

TEST(cedar_schema, full_arena_is_an_error_at_every_size)
{
    static const char text[] =
        "namespace N { entity A in B { x?: Set<{y: Long}> } tags Long;"
        " entity B; action a in b appliesTo { principal: A, resource: B };"
        " action b; type T = {}; }";
    size_t size = 256;
    for (;; size += 16) {
        static char memory[1 << 16] __attribute__((aligned(16)));
        const struct weir_cedar_schema *schema;
        struct weir_error err = {0};
        struct weir_arena arena;
        weir_status status;
        assert_true(size <= sizeof(memory));
        weir_arena_init(&arena, memory, size);
        status = weir_cedar_schema_parse(&arena, weir_span_of(text),
                                         WEIR_CEDAR_TEXT, &schema, &err);
        if (status == WEIR_OK)
            break;
        assert_int_equal(status, WEIR_ETOOBIG);
    }
    assert_true(size > 1024);
}
