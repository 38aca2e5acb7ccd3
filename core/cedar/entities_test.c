/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <weir/cedar_json.h>

#include <string.h>

/* Which entity files are accepted, without a schema (NULL) or with one; each
 * verdict is that of the reference engine (4.12). */
struct row {
    bool is_accepted;
    const char *schema;
    const char *entities;
};

/* clang-format off */
static const struct row entity_rows[] = {
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1.5},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1000},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":0},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":null},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"s\"},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":true},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[]},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[1,\"a\"]},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"a\":{}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"\":1}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"A\",\"id\":\"b\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"A\",\"id\":\"b\"},\"x\":1}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"A\",\"id\":\"b\",\"x\":1}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"A\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":\"A\"}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"A B\",\"id\":\"b\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\" A\",\"id\":\"b\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"if\",\"id\":\"b\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"__cedar\",\"id\":\"b\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"\",\"id\":\"b\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"A::B\",\"id\":\"\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"A\",\"id\":1}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"x\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"args\":[\"1.2.3.4\"]}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\",\"args\":[\"1.2.3.4\"]}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":1}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"foo\",\"arg\":\"x\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\",\"x\":1}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"},\"y\":1}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":\"x\"}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"offset\",\"args\":[{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"}},{\"__extn\":{\"fn\":\"duration\",\"arg\":\"1d\"}}]}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"offset\",\"args\":[{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"},{\"fn\":\"duration\",\"arg\":\"1d\"}]}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"isIpv4\",\"arg\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"toDate\",\"arg\":{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"}}}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.0\"}}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"lessThan\",\"args\":[{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.0\"}},{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.0\"}}]}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"args\":[\"1.2.3.4\",\"x\"]}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"args\":[]}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"__cedar::ip\",\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip \",\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"a b\",\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"contains\",\"args\":[[1],1]}}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__expr\":\"1\"}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__expr\":1}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__expr\":\"ip(\\\"1.2.3.4\\\")\"}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__foo\":1}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"A\",\"id\":\"b\"}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[{\"__entity\":{\"type\":\"A\",\"id\":\"b\"}},null]},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[[1,1],[1]]},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"a\":null}},\"parents\":[]}]"},
    {false, NULL, "[{}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"}}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{}}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"x\":1}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":{}}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":{\"a\":1}}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":null}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":null,\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":null}]"},
    {true, NULL, "[{\"uid\":{\"__entity\":{\"type\":\"A\",\"id\":\"a\"}},\"attrs\":{},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"__entity\":{\"type\":\"A\",\"id\":\"a\"},\"x\":1},\"attrs\":{},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\",\"x\":1},\"attrs\":{},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":\"A::\\\"a\\\"\",\"attrs\":{},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"__expr\":\"A::\\\"a\\\"\"},\"attrs\":{},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A \",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":[],\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"a\"}]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"b\"},{\"type\":\"A\",\"id\":\"b\"}]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"__entity\":{\"type\":\"A\",\"id\":\"b\"}}]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[\"A::\\\"b\\\"\"]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"Action\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"Action\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"x\"}]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"__entity\":1},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"__entity\":{\"type\":\"A\",\"id\":\"b\"}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"__expr\":\"1\"},\"parents\":[]}]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"tags\":{\"__entity\":1},\"parents\":[]}]"},
    {false, NULL, "[null]"},
    {false, NULL, "[1]"},
    {false, NULL, "[[]]"},
    {false, NULL, "{}"},
    {false, NULL, "null"},
    {true, NULL, "[]"},
    {true, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]},{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]},{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":2},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"b\"}]},{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"b\"}]},{\"uid\":{\"type\":\"A\",\"id\":\"b\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"a\"}]}]"},
    {false, NULL, "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"b\"},{\"type\":\"A\",\"id\":\"c\"}]},{\"uid\":{\"type\":\"A\",\"id\":\"b\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"c\"}]},{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"b\"}]}]"},
    {true, "entity A {x: Long}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]}]"},
    {false, "entity A {x: Long}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"1\"},\"parents\":[]}]"},
    {false, "entity A {x: Long}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":true},\"parents\":[]}]"},
    {false, "entity A {x: Long}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":null},\"parents\":[]}]"},
    {false, "entity A {x: Long}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1.5},\"parents\":[]}]"},
    {false, "entity A {x: Long}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{}},\"parents\":[]}]"},
    {true, "entity A {x: String}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"s\"},\"parents\":[]}]"},
    {false, "entity A {x: String}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]}]"},
    {false, "entity A {x: String}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]"},
    {true, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"1.2.3.4\"},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"x\"},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]}]"},
    {true, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}},\"parents\":[]}]"},
    {true, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"ip\",\"args\":[\"1.2.3.4\"]}},\"parents\":[]}]"},
    {true, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"decimal\",\"arg\":\"1.0\"}},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"decimal\",\"arg\":\"1.0\"}}},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"foo\",\"arg\":\"1.0\"}},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[\"1.2.3.4\"]},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"ip\",\"arg\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}},\"parents\":[]}]"},
    {true, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\",\"z\":1}},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__expr\":\"1\"}},\"parents\":[]}]"},
    {false, "entity A {x: ipaddr}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":null},\"parents\":[]}]"},
    {true, "entity A {x: datetime}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"2020-01-01\"},\"parents\":[]}]"},
    {true, "entity A {x: datetime}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"offset\",\"args\":[\"2020-01-01\",\"1d\"]}},\"parents\":[]}]"},
    {true, "entity A {x: datetime}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"offset\",\"args\":[{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"},{\"fn\":\"duration\",\"arg\":\"1d\"}]}},\"parents\":[]}]"},
    {true, "entity A {x: datetime}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"offset\",\"args\":[{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"}},{\"__extn\":{\"fn\":\"duration\",\"arg\":\"1d\"}}]}},\"parents\":[]}]"},
    {true, "entity A {x: datetime}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"toDate\",\"arg\":{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"}}}},\"parents\":[]}]"},
    {true, "entity A {x: datetime}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"toDate\",\"arg\":{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"}}},\"parents\":[]}]"},
    {true, "entity A {x: datetime}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"toDate\",\"arg\":\"2020-01-01\"}},\"parents\":[]}]"},
    {true, "entity A {x: duration}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"1d\"},\"parents\":[]}]"},
    {false, "entity A {x: duration}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"d\"},\"parents\":[]}]"},
    {true, "entity A {x: duration}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"durationSince\",\"args\":[\"2020-01-01\",\"2020-01-01\"]}},\"parents\":[]}]"},
    {true, "entity A {x: duration}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"durationSince\",\"args\":[{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"}},{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2020-01-01\"}}]}},\"parents\":[]}]"},
    {true, "entity A {x: Bool}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":true},\"parents\":[]}]"},
    {true, "entity A {x: Bool}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__extn\":{\"fn\":\"isIpv4\",\"arg\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}}}},\"parents\":[]}]"},
    {false, "entity A {x: Bool}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"isIpv4\",\"arg\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}}},\"parents\":[]}]"},
    {false, "entity A {x: Bool}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":0},\"parents\":[]}]"},
    {true, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"B\",\"id\":\"z\"}},\"parents\":[]}]"},
    {true, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"B\",\"id\":\"z\"}}},\"parents\":[]}]"},
    {false, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"A\",\"id\":\"z\"}},\"parents\":[]}]"},
    {false, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":\"B::\\\"z\\\"\"},\"parents\":[]}]"},
    {false, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"B\"}},\"parents\":[]}]"},
    {true, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"B\",\"id\":\"z\",\"q\":1}},\"parents\":[]}]"},
    {true, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"B\",\"id\":\"z\"},\"q\":1}},\"parents\":[]}]"},
    {false, "entity A {x: B}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\" B\",\"id\":\"z\"}},\"parents\":[]}]"},
    {true, "entity A {x: E}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"E\",\"id\":\"p\"}},\"parents\":[]}]"},
    {false, "entity A {x: E}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"E\",\"id\":\"z\"}},\"parents\":[]}]"},
    {true, "entity A {x: Set<E>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[{\"type\":\"E\",\"id\":\"p\"}]},\"parents\":[]}]"},
    {true, "entity A {x: Set<E>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[]},\"parents\":[]}]"},
    {false, "entity A {x: Set<E>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[{\"type\":\"E\",\"id\":\"z\"}]},\"parents\":[]}]"},
    {false, "entity A {x: Set<E>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{}},\"parents\":[]}]"},
    {true, "entity A {x: Set<Long>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[1]},\"parents\":[]}]"},
    {false, "entity A {x: Set<Long>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[1,\"a\"]},\"parents\":[]}]"},
    {true, "entity A {x: Set<Long>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[1,1]},\"parents\":[]}]"},
    {false, "entity A {x: Set<Long>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]}]"},
    {false, "entity A {x: Set<Long>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":null},\"parents\":[]}]"},
    {true, "entity A {x: Set<ipaddr>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[\"1.2.3.4\"]},\"parents\":[]}]"},
    {true, "entity A {x: Set<ipaddr>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[\"1.2.3.4\",{\"fn\":\"ip\",\"arg\":\"::1\"}]},\"parents\":[]}]"},
    {true, "entity A {x: {a: Long, b?: ipaddr}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"a\":1}},\"parents\":[]}]"},
    {false, "entity A {x: {a: Long, b?: ipaddr}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{}},\"parents\":[]}]"},
    {true, "entity A {x: {a: Long, b?: ipaddr}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"a\":1,\"b\":\"1.2.3.4\"}},\"parents\":[]}]"},
    {false, "entity A {x: {a: Long, b?: ipaddr}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"a\":1,\"c\":1}},\"parents\":[]}]"},
    {false, "entity A {x: {a: Long, b?: ipaddr}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"b\":\"1.2.3.4\"}},\"parents\":[]}]"},
    {false, "entity A {x: {a: Long, b?: ipaddr}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"a\":1,\"b\":null}},\"parents\":[]}]"},
    {true, "entity A {x: {}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{}},\"parents\":[]}]"},
    {false, "entity A {x: {}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"a\":1}},\"parents\":[]}]"},
    {false, "entity A {x: {}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[]},\"parents\":[]}]"},
    {true, "entity A {x: {type: String, id: String}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"B\",\"id\":\"z\"}},\"parents\":[]}]"},
    {false, "entity A {x: {type: String, id: String}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"B\",\"id\":\"z\"}}},\"parents\":[]}]"},
    {true, "entity A {x: {fn: String, arg: String}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"fn\":\"ip\",\"arg\":\"z\"}},\"parents\":[]}]"},
    {true, "entity A {x: {\"__entity\": String}}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":\"x\"}},\"parents\":[]}]"},
    {true, "entity A {x: Action}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"Action\",\"id\":\"act\"}},\"parents\":[]}]"},
    {false, "entity A {x: Action}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"type\":\"Action\",\"id\":\"zz\"}},\"parents\":[]}]"},
    {true, "entity A {x: Action}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":{\"__entity\":{\"type\":\"Action\",\"id\":\"act\"}}},\"parents\":[]}]"},
    {true, "entity A {x: Set<Action>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[{\"type\":\"Action\",\"id\":\"act\"}]},\"parents\":[]}]"},
    {false, "entity A {x: Set<Action>}; entity B; entity E enum [\"p\",\"q\"]; action act, act2 in grp; action grp;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":[{\"type\":\"Action\",\"id\":\"zz\"}]},\"parents\":[]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"y\":1},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Z\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"B\",\"id\":\"b\"}]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"C\",\"id\":\"b\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"D\",\"id\":\"b\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"A\",\"id\":\"b\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"Z\",\"id\":\"b\"}]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":{\"a\":[1]}}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":{\"a\":1}}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"B\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":{}}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"B\",\"id\":\"a\"},\"attrs\":{},\"parents\":[],\"tags\":{\"a\":1}}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"E\",\"id\":\"p\"},\"attrs\":{},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"E\",\"id\":\"x\"},\"attrs\":{},\"parents\":[]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"F\",\"id\":\"f\"},\"attrs\":{},\"parents\":[{\"type\":\"E\",\"id\":\"p\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"F\",\"id\":\"f\"},\"attrs\":{},\"parents\":[{\"type\":\"E\",\"id\":\"x\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"act\"},\"attrs\":{},\"parents\":[{\"type\":\"Action\",\"id\":\"grp\"}]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"act\"},\"attrs\":{},\"parents\":[{\"type\":\"Action\",\"id\":\"grp\"},{\"type\":\"Action\",\"id\":\"top\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"act\"},\"attrs\":{},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"act\"},\"attrs\":{},\"parents\":[{\"type\":\"Action\",\"id\":\"top\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"act\"},\"attrs\":{\"x\":1},\"parents\":[{\"type\":\"Action\",\"id\":\"grp\"},{\"type\":\"Action\",\"id\":\"top\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"zz\"},\"attrs\":{},\"parents\":[]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"top\"},\"attrs\":{},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"top\"},\"attrs\":{},\"parents\":[],\"tags\":{\"a\":1}}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"act\"},\"attrs\":{},\"parents\":[{\"type\":\"Action\",\"id\":\"grp\"}]},{\"uid\":{\"type\":\"Action\",\"id\":\"grp\"},\"attrs\":{},\"parents\":[{\"type\":\"Action\",\"id\":\"top\"}]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"Action\",\"id\":\"grp\"},\"attrs\":{},\"parents\":[{\"type\":\"Action\",\"id\":\"top\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"N::Action\",\"id\":\"grp\"},\"attrs\":{},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"Action\",\"id\":\"grp\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"__entity\":1},\"parents\":[]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[{\"type\":\"B\",\"id\":\"b\"}]},{\"uid\":{\"type\":\"B\",\"id\":\"b\"},\"attrs\":{},\"parents\":[{\"type\":\"C\",\"id\":\"c\"}]},{\"uid\":{\"type\":\"C\",\"id\":\"c\"},\"attrs\":{},\"parents\":[]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]},{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]},{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":2},\"parents\":[]}]"},
    {true, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]},{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{\"x\":1},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"E\",\"id\":\"p\"},\"attrs\":{\"a\":1},\"parents\":[]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"E\",\"id\":\"p\"},\"attrs\":{},\"parents\":[{\"type\":\"C\",\"id\":\"a\"}]}]"},
    {false, "entity A in [B] {x?: Long} tags Set<Long>; entity B in [C]; entity C; entity D; entity E enum [\"p\"]; entity F in [E]; action act, act2 in grp appliesTo {principal: A, resource: A}; action grp in top; action top;", "[{\"uid\":{\"type\":\"E\",\"id\":\"p\"},\"attrs\":{},\"parents\":[],\"tags\":{\"a\":1}}]"},
};
/* clang-format on */

static const struct weir_cedar_schema *
parse_schema(struct weir_arena *arena, const char *text)
{
    const struct weir_cedar_schema *schema;
    struct weir_error err = {0};
    if (weir_cedar_schema_parse(arena, weir_span_of(text), WEIR_CEDAR_TEXT,
                                &schema, &err) != WEIR_OK)
        fail_msg("%s: %s", text, err.text);
    return schema;
}

TEST(cedar_entities, files_are_accepted_and_refused_as_by_the_reference)
{
    for (size_t i = 0; i < WEIR_COUNTOF(entity_rows); i++) {
        const struct row *row = &entity_rows[i];
        struct weir_cedar_store *store = weir_cedar_store_new();
        struct weir_error err = {0};
        struct weir_arena arena;
        weir_status status;
        weir_arena_init_heap(&arena, 1 << 24);
        status = weir_cedar_entities_read(
            store,
            row->schema == NULL ? NULL : parse_schema(&arena, row->schema),
            weir_span_of(row->entities), &err);
        if (status == WEIR_OK)
            status = weir_cedar_store_seal(store, &err);
        if ((status == WEIR_OK) != row->is_accepted)
            fail_msg("%s\n%s: %s", row->schema, row->entities, err.text);
        weir_cedar_store_free(store);
        weir_arena_fini(&arena);
    }
}

/* The value of an attribute, as text; what the schema does not direct. */
TEST(cedar_entities, forms_of_values)
{
    static const struct {
        const char *json;
        const char *text;
    } values[] = {
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9223372036854775808", NULL},
        {"1.0", NULL},
        {"1e3", NULL},
        {"\"a\\u0000\"", "\"a\\0\""},
        {"[2,1,2]", "[1, 2]"},
        {"{\"b\":1,\"a\":true}", "{\"a\": true, \"b\": 1}"},
        {"{\"b\":1,\"b\":1}", NULL},
        {"{\"__entity\":{\"type\":\"A\",\"id\":\"b\"}}", "A::\"b\""},
        {"{\"__entity\":{\"type\":\"A\",\"id\":\"b\",\"z\":1}}", "A::\"b\""},
        {"{\"__entity\":{\"type\":\"A\",\"id\":\"b\"},\"x\":1}",
         "{\"__entity\": {\"id\": \"b\", \"type\": \"A\"}, \"x\": 1}"},
        {"{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::1\",\"z\":1}}",
         "ip(\"0:0:0:0:0:0:0:1\")"},
        {"{\"__extn\":{\"fn\":\"offset\",\"args\":["
         "{\"__extn\":{\"fn\":\"datetime\",\"arg\":\"2024-01-01\"}},"
         "{\"__extn\":{\"fn\":\"duration\",\"arg\":\"1d\"}}]}}",
         "datetime(\"2024-01-02T00:00:00.000Z\")"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(values); i++) {
        weir_cedar_value context;
        struct weir_error err = {0};
        struct weir_arena arena;
        struct weir_buf buf, out;
        weir_status status;
        weir_arena_init_heap(&arena, 1 << 20);
        weir_buf_init(&buf, 1000);
        weir_buf_init(&out, 1000);
        weir_buf_addf(&buf, "{\"v\":%s}", values[i].json);
        status = weir_cedar_context_read(&arena, NULL, NULL,
                                         weir_buf_span(&buf), &context, &err);
        if ((status == WEIR_OK) != (values[i].text != NULL))
            fail_msg("%s: %s", values[i].json, err.text);
        if (status == WEIR_OK) {
            weir_cedar_value_write(
                &out, weir_cedar_record_get(&context, WEIR_SPAN("v")));
            if (!weir_span_equal(weir_buf_span(&out),
                                 weir_span_of(values[i].text)))
                fail_msg("%s: %.*s", values[i].json,
                         WEIR_SPAN_ARG(weir_buf_span(&out)));
        }
        weir_buf_fini(&buf);
        weir_buf_fini(&out);
        weir_arena_fini(&arena);
    }
}

TEST(cedar_entities, requests_are_checked_against_the_schema)
{
    static const char schema_text[] =
        "entity U; entity E enum [\"e\"]; action a appliesTo { principal: U,"
        " resource: [E], context: { n: Long, t?: datetime } };"
        " action g;";
    static const struct {
        const char *action, *principal, *resource, *context;
        bool is_accepted;
    } requests[] = {
        {"a", "{\"type\":\"U\",\"id\":\"\"}", "E\",\"id\":\"e", "{\"n\":1}", 1},
        {"a", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"e",
         "{\"n\":1,\"t\":\"2024-01-01\"}", 1},
        {"a", "{\"__entity\":{\"type\":\"U\",\"id\":\"x\"}}", "E\",\"id\":\"e",
         "{\"n\":1}", 1},
        {"b", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"e", "{\"n\":1}",
         0},
        {"g", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"e", "{}", 0},
        {"a", "{\"type\":\"E\",\"id\":\"e\"}", "E\",\"id\":\"e", "{\"n\":1}",
         0},
        {"a", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"f", "{\"n\":1}",
         0},
        {"a", "{\"type\":\"U\",\"id\":\"x\"}", "U\",\"id\":\"e", "{\"n\":1}",
         0},
        {"a", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"e", "{}", 0},
        {"a", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"e",
         "{\"n\":1,\"t\":\"2024-13-01\"}", 0},
        {"a", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"e",
         "{\"n\":1,\"m\":1}", 0},
        {"a", "{\"type\":\"U\",\"id\":\"x\"}", "E\",\"id\":\"e", "[]", 0},
        {"a", "\"U::\\\"x\\\"\"", "E\",\"id\":\"e", "{\"n\":1}", 0},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(requests); i++) {
        struct weir_cedar_query query;
        struct weir_error err = {0};
        struct weir_arena arena;
        struct weir_buf buf;
        weir_status status;
        weir_arena_init_heap(&arena, 1 << 20);
        weir_buf_init(&buf, 1000);
        weir_buf_addf(&buf,
                      "{\"principal\":%s,\"action\":{\"type\":\"Action\","
                      "\"id\":\"%s\"},\"resource\":{\"type\":\"%s\"},"
                      "\"context\":%s}",
                      requests[i].principal, requests[i].action,
                      requests[i].resource, requests[i].context);
        status =
            weir_cedar_request_read(&arena, parse_schema(&arena, schema_text),
                                    weir_buf_span(&buf), &query, &err);
        if ((status == WEIR_OK) != requests[i].is_accepted)
            fail_msg("%.*s: %s", WEIR_SPAN_ARG(weir_buf_span(&buf)), err.text);
        weir_buf_fini(&buf);
        weir_arena_fini(&arena);
    }
}

TEST(cedar_entities, errors_point_into_the_file)
{
    static const char text[] =
        "[{\"uid\":{\"type\":\"A\",\"id\":\"a\"},\"attrs\":{},\"parents\":[]},"
        "\n {\"uid\":{\"type\":\"A\",\"id\":\"b\"},\"attrs\":{\"x\":1.5},"
        "\"parents\":[]}]";
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_error err = {0};
    assert_int_equal(
        weir_cedar_entities_read(store, NULL, weir_span_of(text), &err),
        WEIR_EPARSE);
    assert_int_equal(err.offset, strstr(text, "1.5") - text);
    weir_cedar_store_free(store);
}
