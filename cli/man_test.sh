#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails when docs/man is not what `weir man -o` writes now.
weir=$1 pages=$2
made=$(mktemp -d) || exit 1
trap 'rm -rf "$made"' EXIT
"$weir" man -o "$made" || exit 1
if ! diff -ru "$pages" "$made"; then
    echo "docs/man is not current: run '$weir man -o docs/man'" >&2
    exit 1
fi
