#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes ngx_auto_config.h and ngx_auto_headers.h, which nginx-dev does not
# ship, into OUT: Debian's configure with the flags Debian built nginx with,
# so that the module's signature equals that of /usr/sbin/nginx.
set -e
source_dir=$1
out=$(realpath "$2")
work=$out/configure
mkdir -p "$work"
cd "$source_dir"
. ./conf_flags
./configure --with-cc-opt="-g -O2 -fPIC" "${NGX_CONF_FLAGS[@]}" \
    --builddir="$work" >"$out/configure.log" 2>&1 ||
    { tail -20 "$out/configure.log" >&2; exit 1; }
cp "$work/ngx_auto_config.h" "$work/ngx_auto_headers.h" "$out/"
