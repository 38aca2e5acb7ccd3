/* SPDX-License-Identifier: Apache-2.0 */
/* The Model Context Protocol as servers speak it: a row of providers.def. */
#ifndef WEIR_PROVIDERS_MCP_H
#define WEIR_PROVIDERS_MCP_H

#include <weir/provider.h>

extern const struct weir_provider_ops weir_mcp_ops;

#endif
