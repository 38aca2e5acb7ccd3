# SPDX-License-Identifier: Apache-2.0
"""Writes a small MaxMind DB: networks to countries or to autonomous systems,
as data packages do."""
import ipaddress
import struct

MARK = b"\xab\xcd\xefMaxMind.com"


def text(value):
    raw = value.encode()
    assert len(raw) < 29 + 256
    if len(raw) >= 29:
        return bytes([2 << 5 | 29, len(raw) - 29]) + raw
    return bytes([2 << 5 | len(raw)]) + raw


def number(value, kind, size):
    """kind 5: uint16, 6: uint32, 9: uint64"""
    raw = value.to_bytes(size, "big").lstrip(b"\0")
    if kind > 7:
        return bytes([len(raw), kind - 7]) + raw
    return bytes([kind << 5 | len(raw)]) + raw


def mapping(pairs):
    return bytes([7 << 5 | len(pairs)]) + b"".join(
        text(key) + value for key, value in pairs)


def write(path, networks):
    """`networks`: {"192.0.2.0/24": "DE", "2001:db8::/32": "SG"}, or numbers
    of autonomous systems, or None for a row that names neither; the longer
    prefix wins where two overlap."""
    nodes = [[None, None]]
    data, offsets = b"", {}
    for country in sorted(set(networks.values()), key=str):
        offsets[country] = len(data)
        data += mapping([
            ("autonomous_system_number", number(country, 6, 4)),
            ("autonomous_system_organization", text("Machines"))]
            if isinstance(country, int) else
            [("country_code", text(country))] if country else
            [("note", text("nobody's"))])

    def put(bits, length, leaf):
        at = 0
        for depth in range(length):
            bit = bits >> (127 - depth) & 1
            if depth == length - 1:
                nodes[at][bit] = leaf
                return
            below = nodes[at][bit]
            if not isinstance(below, int):
                nodes.append([below, below])  # a shorter prefix is split
                below = nodes[at][bit] = len(nodes) - 1
            at = below

    parsed = [(ipaddress.ip_network(name), country)
              for name, country in networks.items()]
    for network, country in sorted(parsed, key=lambda row: row[0].prefixlen):
        shift = 96 if network.version == 4 else 0
        put(int(network.network_address), shift + network.prefixlen,
            ("data", offsets[country]))

    def record(value):
        if value is None:
            value = len(nodes)
        elif isinstance(value, tuple):
            value = len(nodes) + 16 + value[1]
        return struct.pack(">I", value)[1:]

    tree = b"".join(record(side) for node in nodes for side in node)
    meta = mapping([
        ("binary_format_major_version", number(2, 5, 2)),
        ("binary_format_minor_version", number(0, 5, 2)),
        ("build_epoch", number(1793620800, 9, 8)),
        ("database_type", text("weir-test")),
        ("description", mapping([("en", text("a test"))])),
        ("ip_version", number(6, 5, 2)),
        ("languages", bytes([1, 4]) + text("en")),
        ("node_count", number(len(nodes), 6, 4)),
        ("record_size", number(24, 5, 2))])
    with open(path, "wb") as file:
        file.write(tree + bytes(16) + data + MARK + meta)
