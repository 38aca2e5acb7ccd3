/* SPDX-License-Identifier: Apache-2.0 */
/* The Model Context Protocol as clients speak it: a row of surfaces.def. */
#ifndef WEIR_SURFACES_MCP_H
#define WEIR_SURFACES_MCP_H

#include <weir/surface.h>

extern const struct weir_surface weir_mcp_surface;

#endif
