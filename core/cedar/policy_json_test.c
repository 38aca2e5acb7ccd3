/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <weir/cedar_format.h>
#include <weir/cedar_json.h>

#include <string.h>

/* Which policy sets are accepted; each verdict is that of the reference
 * engine (4.12). */
struct row {
    bool is_accepted;
    const char *set;
};

/* clang-format off */
static const struct row rows[] = {
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"}}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"foo\":1}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"Permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"forbid\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"annotations\":{}}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"annotations\":{\"a\":null}}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"annotations\":{\"a\":\"b\"}}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"annotations\":{\"a\":1}}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"annotations\":{\"a b\":\"1\"}}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"annotations\":{\"if\":\"1\"}}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[],\"annotations\":null}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"all\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\",\"x\":1},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"type\":\"A\",\"id\":\"x\"}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"__entity\":{\"type\":\"A\",\"id\":\"x\"}}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"type\":\"A\",\"id\":\"x\"},\"x\":1},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?resource\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"type\":\"A\",\"id\":\"x\"},\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"in\",\"entity\":{\"type\":\"A\",\"id\":\"x\"}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"in\",\"entities\":[{\"type\":\"A\",\"id\":\"x\"}]},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"in\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A B\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\" A\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"if\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A\",\"in\":{\"entity\":{\"type\":\"A\",\"id\":\"x\"}}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A\",\"in\":{\"slot\":\"?principal\"}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A\",\"in\":{}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A\",\"in\":null},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\",\"entity_type\":\"A\",\"in\":{\"entity\":{\"type\":\"A\",\"id\":\"x\"},\"x\":1}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"is\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"type\":\"A\"}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"type\":\"A\",\"id\":\"x\",\"z\":1}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":\"A::\\\"x\\\"\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"__expr\":\"A::\\\"x\\\"\"}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"entity\":{\"type\":\"Action\",\"id\":\"x\"}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"!=\",\"entity\":{\"type\":\"A\",\"id\":\"x\"}},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":null,\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":\"All\",\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"templates\":[]}"},
    {true, "{\"staticPolicies\":[],\"templates\":{}}"},
    {true, "{\"templates\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"templates\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?resource\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"templates\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"==\",\"slot\":\"?resource\"},\"conditions\":[]}}}"},
    {true, "{\"templates\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"is\",\"entity_type\":\"A\",\"in\":{\"slot\":\"?resource\"}},\"conditions\":[]}}}"},
    {false, "{\"templates\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"in\",\"slot\":\"?foo\"},\"conditions\":[]}}}"},
    {false, "{\"templates\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"==\",\"entity\":{\"type\":\"Action\",\"id\":\"x\"}},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"==\",\"entity\":{\"type\":\"A\",\"id\":\"x\"}},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"==\",\"entity\":{\"type\":\"N::Action\",\"id\":\"x\"}},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"in\",\"entity\":{\"type\":\"Action\",\"id\":\"x\"}},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"in\",\"entities\":[{\"type\":\"Action\",\"id\":\"x\"}]},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"in\",\"entities\":[]},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"in\",\"entities\":[{\"type\":\"A\",\"id\":\"x\"}]},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"in\",\"entities\":[{\"type\":\"Action\",\"id\":\"x\"},{\"type\":\"A\",\"id\":\"x\"}]},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"in\",\"entity\":{\"type\":\"Action\",\"id\":\"x\"},\"entities\":[{\"type\":\"Action\",\"id\":\"x\"}]},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"is\",\"entity_type\":\"Action\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"==\",\"slot\":\"?action\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"==\",\"slot\":\"?principal\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\"}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"When\",\"body\":{\"Value\":true}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"unless\",\"body\":{\"Value\":true}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":true},\"x\":1}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":{}}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":null}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":true}},{\"kind\":\"when\",\"body\":{\"Value\":1}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":true}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":null}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":1.5}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":[1,\"a\",{}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":{\"a\":1,\"__entity\":{\"type\":\"A\",\"id\":\"x\"}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":{\"__entity\":{\"type\":\"A\",\"id\":\"x\"}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"x\"}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":{\"__extn\":{\"fn\":\"isIpv4\",\"arg\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}}}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":{\"__expr\":\"1\"}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":{\"a\":null}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Value\":1,\"Var\":\"principal\"}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Var\":\"principal\"}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Var\":\"foo\"}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Var\":1}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Slot\":\"?principal\"}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Slot\":\"?foo\"}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"!\":{\"arg\":{\"Value\":true}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"!\":{\"arg\":{\"Value\":true},\"x\":1}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"!\":{\"Value\":true}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"!\":{}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"neg\":{\"arg\":{\"Value\":1}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"neg\":{\"arg\":{\"Value\":-9223372036854776000}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"==\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"==\":{\"left\":{\"Value\":1}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"==\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1},\"x\":1}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"!=\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"<\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"<=\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\">\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\">=\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"&&\":{\"left\":{\"Value\":true},\"right\":{\"Value\":true}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"||\":{\"left\":{\"Value\":true},\"right\":{\"Value\":true}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"+\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"-\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"*\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"/\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"%\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"in\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"contains\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"containsAll\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"containsAny\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"isEmpty\":{\"arg\":{\"Value\":1}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"isEmpty\":[{\"Value\":1}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"hasTag\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"getTag\":{\"left\":{\"Value\":1},\"right\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\".\":{\"left\":{\"Value\":1},\"attr\":\"x\"}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\".\":{\"left\":{\"Value\":1},\"attr\":\"x y\"}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\".\":{\"left\":{\"Value\":1},\"attr\":1}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\".\":{\"left\":{\"Value\":1},\"attr\":[\"a\"]}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"has\":{\"left\":{\"Value\":1},\"attr\":\"x\"}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"has\":{\"left\":{\"Value\":1},\"attr\":[\"x\",\"y z\"]}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"has\":{\"left\":{\"Value\":1},\"attr\":[]}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"has\":{\"left\":{\"Value\":1},\"attr\":\"x\",\"q\":1}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"is\":{\"left\":{\"Value\":1},\"entity_type\":\"A\"}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"is\":{\"left\":{\"Value\":1},\"entity_type\":\"A B\"}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"is\":{\"left\":{\"Value\":1},\"entity_type\":\"__cedar\"}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"is\":{\"left\":{\"Value\":1},\"entity_type\":\"A\",\"in\":{\"Value\":1}}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"is\":{\"left\":{\"Value\":1},\"entity_type\":\"A\",\"in\":null}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"is\":{\"left\":{\"Value\":1},\"entity_type\":\"A\",\"q\":1}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"like\":{\"left\":{\"Value\":1},\"pattern\":\"a*\"}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"like\":{\"left\":{\"Value\":1},\"pattern\":[]}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"like\":{\"left\":{\"Value\":1},\"pattern\":[\"Wildcard\",\"Wildcard\",{\"Literal\":\"ab\"},{\"Literal\":\"\"},{\"Literal\":\"*\"}]}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"like\":{\"left\":{\"Value\":1},\"pattern\":[\"Foo\"]}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"like\":{\"left\":{\"Value\":1},\"pattern\":[{\"Literal\":\"a\",\"x\":1}]}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"like\":{\"left\":{\"Value\":1},\"pattern\":[{\"Foo\":\"a\"}]}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"if-then-else\":{\"if\":{\"Value\":true},\"then\":{\"Value\":true},\"else\":{\"Value\":true}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"if-then-else\":{\"if\":{\"Value\":true},\"then\":{\"Value\":true}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"if-then-else\":{\"if\":{\"Value\":true},\"then\":{\"Value\":true},\"else\":{\"Value\":true},\"x\":1}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Set\":[]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Set\":[{\"Value\":1},{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Set\":{\"Value\":1}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Record\":{}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Record\":{\"a\":{\"Value\":1},\"\":{\"Value\":\"a\"},\"__entity\":{\"Value\":1}}}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Record\":[]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"ip\":[{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"ip\":{\"Value\":\"a\"}}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"ip\":[]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"ip\":[{\"Value\":\"a\"},{\"Value\":\"a\"}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"isIpv4\":[{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"foo\":[{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"\":[{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"ip \":[{\"Value\":\"a\"}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"decimal\":[{\"Value\":\"a\"}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"decimal\":[{\"Value\":1}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"lessThan\":[{\"Value\":1}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"lessThan\":[{\"Value\":1},{\"Value\":1},{\"Value\":1}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"contains\":[{\"Value\":1},{\"Value\":1}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"error\":[{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"Unknown\":[{\"Value\":\"a\"}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"datetime\":[{\"Value\":\"a\"}]}}]}}}"},
    {true, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"offset\":[{\"Value\":1},{\"Value\":1}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"ip\":[{\"Value\":\"a\"}],\"decimal\":[{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":{\"__cedar::ip\":[{\"Value\":\"a\"}]}}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":null}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":1}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":[]}]}}}"},
    {false, "{\"staticPolicies\":{\"p\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[{\"kind\":\"when\",\"body\":\"x\"}]}}}"},
    {true, "{}"},
    {true, "{\"staticPolicies\":{}}"},
    {true, "{\"staticPolicies\":[]}"},
    {false, "{\"staticPolicies\":null}"},
    {true, "{\"templates\":{}}"},
    {true, "{\"templateLinks\":[]}"},
    {false, "{\"foo\":1}"},
    {true, "{\"staticPolicies\":{\"a\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]},\"b\":\"permit(principal,action,resource);\"}}"},
    {true, "{\"staticPolicies\":\"permit(principal,action,resource);forbid(principal,action,resource);\"}"},
    {false, "{\"staticPolicies\":{\"a\":\"permit(principal,action,resource);permit(principal,action,resource);\"}}"},
    {false, "{\"staticPolicies\":{\"a\":\"permit(principal==?principal,action,resource);\"}}"},
    {true, "{\"templates\":{\"a\":\"permit(principal==?principal,action,resource);\"}}"},
    {false, "{\"templates\":{\"a\":\"permit(principal,action,resource);\"}}"},
    {true, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}}}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{}}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"},\"?resource\":{\"type\":\"A\",\"id\":\"x\"}}}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"t\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}}}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"x\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}}}]}"},
    {true, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"__entity\":{\"type\":\"A\",\"id\":\"x\"}}}}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}}},{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}}}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}},\"x\":1}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"s\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}}}],\"staticPolicies\":{\"s\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"s\",\"newId\":\"l\",\"values\":{}}],\"staticPolicies\":{\"s\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[],\"staticPolicies\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"All\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}}}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"principal\":{\"type\":\"A\",\"id\":\"x\"}}}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"t\",\"newId\":\"l\"}]}"},
    {false, "{\"templates\":{\"t\":{\"effect\":\"permit\",\"principal\":{\"op\":\"==\",\"slot\":\"?principal\"},\"action\":{\"op\":\"All\"},\"resource\":{\"op\":\"All\"},\"conditions\":[]}},\"templateLinks\":[{\"templateId\":\"l\",\"newId\":\"m\",\"values\":{}},{\"templateId\":\"t\",\"newId\":\"l\",\"values\":{\"?principal\":{\"type\":\"A\",\"id\":\"x\"}}}]}"},
};
/* clang-format on */

TEST(cedar_policy_json, sets_are_accepted_and_refused_as_by_the_reference)
{
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_cedar_policies *set = weir_cedar_policies_new();
        struct weir_error err = {0};
        weir_status status = weir_cedar_policies_add_json(
            set, weir_span_of(rows[i].set), WEIR_SPAN("t"), &err);
        if ((status == WEIR_OK) != rows[i].is_accepted)
            fail_msg("%s: %s", rows[i].set, err.text);
        if (status != WEIR_OK) /* all or none */
            assert_int_equal(weir_cedar_policies_count(set), 0);
        weir_cedar_policies_free(set);
    }
}

static const char *const texts[] = {
    "permit(principal, action, resource);",
    "@id(\"x\") @a(\"\") forbid(principal == A::\"x\", action in "
    "[Action::\"a\","
    " B::Action::\"b\"], resource is A in B::\"y\") unless { true } when "
    "{ false };",
    "permit(principal in ?principal, action, resource is A in ?resource);",
    "permit(principal, action in [], resource) when { 1 + 2 - 3 * 4 == -(5) };",
    "permit(principal, action, resource) when { -9223372036854775808 < - -1 };",
    "permit(principal, action, resource) when { (if true then 1 else 2) > 1 };",
    "permit(principal, action, resource) when { (true || false) && !(!true) };",
    "permit(principal, action, resource) when { principal has a.b.c };",
    "permit(principal, action, resource) when { principal has \"a b\" };",
    "permit(principal, action, resource) when { context[\"if\"].x == [1, []] "
    "};",
    "permit(principal, action, resource) when "
    "{ \"\\0\\u{1F600}\\\"\" like \"a*\\*\\\\*\" };",
    "permit(principal, action, resource) when "
    "{ principal is A in [B::\"x\"] && action in Action::\"y\" };",
    "permit(principal, action, resource) when "
    "{ ip(\"::1\").isInRange(ip(context.x)) && [1].containsAll([2]) };",
    "permit(principal, action, resource) when "
    "{ {a: 1, \"b c\": {}} has a && principal.hasTag(\"x\") };",
    "permit(principal, action, resource) when { (1 == 1) == (2 != 3) };",
    "permit(principal, action, resource) when { 1 - (2 - 3) == (-1) * 2 };",
};

static void
to_json(struct weir_cedar_policies *set, struct weir_buf *out)
{
    struct weir_error err = {0};
    weir_buf_init(out, 1 << 20);
    if (weir_cedar_policies_write_json(set, out, &err) != WEIR_OK)
        fail_msg("%s", err.text);
}

/* text -> JSON -> text -> JSON, and text -> format -> JSON. */
TEST(cedar_policy_json, policies_survive_every_way_round)
{
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct weir_cedar_policies *sets[4];
        struct weir_buf json[4], text, laid_out;
        struct weir_error err = {0};
        weir_buf_init(&text, 1 << 20);
        weir_buf_init(&laid_out, 1 << 20);
        for (int k = 0; k < 4; k++)
            sets[k] = weir_cedar_policies_new();
        assert_ok(weir_cedar_policies_add_text(sets[0], weir_span_of(texts[i]),
                                               WEIR_SPAN("t"), &err));
        to_json(sets[0], &json[0]);
        assert_ok(weir_cedar_policies_add_json(sets[1], weir_buf_span(&json[0]),
                                               WEIR_SPAN("t"), &err));
        to_json(sets[1], &json[1]);
        assert_ok(weir_cedar_policies_write_text(sets[1], &text, &err));
        if (weir_cedar_policies_add_text(sets[2], weir_buf_span(&text),
                                         WEIR_SPAN("t"), &err) != WEIR_OK)
            fail_msg("%.*s: %s", WEIR_SPAN_ARG(weir_buf_span(&text)), err.text);
        to_json(sets[2], &json[2]);
        assert_ok(weir_cedar_format(weir_span_of(texts[i]), &laid_out, &err));
        assert_ok(weir_cedar_policies_add_text(
            sets[3], weir_buf_span(&laid_out), WEIR_SPAN("t"), &err));
        to_json(sets[3], &json[3]);
        for (int k = 1; k < 4; k++)
            if (!weir_span_equal(weir_buf_span(&json[0]),
                                 weir_buf_span(&json[k])))
                fail_msg("%d: %.*s\n%.*s", k,
                         WEIR_SPAN_ARG(weir_buf_span(&json[0])),
                         WEIR_SPAN_ARG(weir_buf_span(&json[k])));
        for (int k = 0; k < 4; k++) {
            weir_cedar_policies_free(sets[k]);
            weir_buf_fini(&json[k]);
        }
        weir_buf_fini(&text);
        weir_buf_fini(&laid_out);
    }
}

/* A chain has no depth in text; in JSON it has, and the limit is said. */
TEST(cedar_policy_json, chain_too_long_for_json_is_an_error_not_a_truncation)
{
    static const size_t counts[] = {100, 2000};
    for (size_t i = 0; i < WEIR_COUNTOF(counts); i++) {
        struct weir_cedar_policies *set = weir_cedar_policies_new();
        struct weir_buf text, json;
        struct weir_error err = {0};
        weir_buf_init(&text, 1 << 20);
        weir_buf_init(&json, 1 << 20);
        weir_buf_add_span(
            &text, WEIR_SPAN("permit(principal,action,resource) when {true"));
        for (size_t k = 0; k < counts[i]; k++)
            weir_buf_add_span(&text, WEIR_SPAN(" && true"));
        weir_buf_add_span(&text, WEIR_SPAN("};"));
        assert_ok(weir_cedar_policies_add_text(set, weir_buf_span(&text),
                                               WEIR_SPAN("t"), &err));
        assert_int_equal(weir_cedar_policies_write_json(set, &json, &err),
                         counts[i] == 100 ? WEIR_OK : WEIR_ELIMIT);
        weir_buf_fini(&text);
        weir_buf_fini(&json);
        weir_cedar_policies_free(set);
    }
}

TEST(cedar_format, comments_stay_and_long_lines_break)
{
    static const char text[] =
        "// about\n@id(\"x\") // note\npermit(principal in G::\"g\", action, "
        "resource) // after\nwhen { principal.name == \"somebody with a long "
        "name\" && // why\n resource.owner.name == \"another with a long name\""
        " && [1,2, 3].contains(4) };// end\n// last";
    static const char expected[] = "// about\n"
                                   "@id(\"x\") // note\n"
                                   "permit (\n"
                                   "  principal in G::\"g\",\n"
                                   "  action,\n"
                                   "  resource\n"
                                   ") // after\n"
                                   "when {\n"
                                   "  principal.name == \"somebody with a long "
                                   "name\" && // why\n"
                                   "  resource.owner.name == \"another with a "
                                   "long name\" &&\n"
                                   "  [1, 2, 3].contains(4)\n"
                                   "}; // end\n"
                                   "\n"
                                   "// last\n";
    struct weir_error err = {0};
    struct weir_buf once, twice;
    weir_buf_init(&once, 10000);
    weir_buf_init(&twice, 10000);
    assert_ok(weir_cedar_format(weir_span_of(text), &once, &err));
    if (!weir_span_equal(weir_buf_span(&once), weir_span_of(expected)))
        fail_msg("%.*s", WEIR_SPAN_ARG(weir_buf_span(&once)));
    assert_ok(weir_cedar_format(weir_buf_span(&once), &twice, &err));
    assert_true(weir_span_equal(weir_buf_span(&once), weir_buf_span(&twice)));
    weir_buf_fini(&once);
    weir_buf_fini(&twice);
}
