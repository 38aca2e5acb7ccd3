#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a GLEIF Level 1 file (LEI-CDF 3.1, XML) of made-up companies.

    bench/gleif_made.py RECORDS OUT [FAULTY]

Every FAULTY-th record has no legal name. Names, numbers and places are drawn
by the record's number: the same file every time.
"""
import random
import sys

SYLLABLES = ("ba cor dem fi gul hax jo kel lum mi nor pra qui ros sten tav ul "
             "vek wim yor zan").split()
PLACES = ["DE", "FR", "NL", "SE", "US-DE", "JP", "BR", "ZA", "AU", "GB"]
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def lei(number):
    text = "5299" + "00"
    for _ in range(12):
        text += ALPHABET[number % 36]
        number //= 36
    digits = "".join(str(int(c, 36)) for c in text + "00")
    return text + f"{98 - int(digits) % 97:02}"


def name(draw):
    return " ".join("".join(draw.choice(SYLLABLES) for _ in range(3)).title()
                    for _ in range(2)) + " GmbH"


def record(number, faulty):
    draw = random.Random(number)
    place = draw.choice(PLACES)
    country = place[:2]
    legal = ("" if faulty else
             f'<lei:LegalName xml:lang="en">{name(draw)}</lei:LegalName>')
    address = (f"<lei:FirstAddressLine>{number} Quay</lei:FirstAddressLine>"
               f"<lei:City>Port {number % 997}</lei:City>"
               f"<lei:Country>{country}</lei:Country>")
    return (f"<lei:LEIRecord><lei:LEI>{lei(number)}</lei:LEI><lei:Entity>"
            f"{legal}<lei:OtherEntityNames><lei:OtherEntityName"
            f' type="TRADING_OR_OPERATING_NAME">{name(draw)}'
            "</lei:OtherEntityName></lei:OtherEntityNames>"
            f"<lei:LegalAddress>{address}</lei:LegalAddress>"
            f"<lei:HeadquartersAddress>{address}</lei:HeadquartersAddress>"
            "<lei:RegistrationAuthority><lei:RegistrationAuthorityID>RA000242"
            "</lei:RegistrationAuthorityID><lei:RegistrationAuthorityEntityID>"
            f"HRB {number}</lei:RegistrationAuthorityEntityID>"
            "</lei:RegistrationAuthority>"
            f"<lei:LegalJurisdiction>{place}</lei:LegalJurisdiction>"
            "<lei:EntityStatus>ACTIVE</lei:EntityStatus></lei:Entity>"
            "<lei:Registration><lei:InitialRegistrationDate>"
            "2019-05-01T00:00:00Z</lei:InitialRegistrationDate>"
            "<lei:LastUpdateDate>2026-03-01T00:00:00Z</lei:LastUpdateDate>"
            "<lei:RegistrationStatus>ISSUED</lei:RegistrationStatus>"
            "<lei:NextRenewalDate>2027-05-01T00:00:00Z</lei:NextRenewalDate>"
            "</lei:Registration></lei:LEIRecord>\n")


def write(count, path, every=0):
    with open(path, "w") as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<lei:LEIData '
                  'xmlns:lei="http://www.gleif.org/data/schema/leidata/2016">\n'
                  "<lei:LEIRecords>\n")
        for number in range(count):
            out.write(record(number, every and number % every == every - 1))
        out.write("</lei:LEIRecords></lei:LEIData>\n")


if __name__ == "__main__":
    write(int(sys.argv[1]), sys.argv[2],
          int(sys.argv[3]) if len(sys.argv) > 3 else 0)
