/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a client is, by its address: bits for the tables of networks, and a
 * country from the database of the operator's.
 */

#include "ngx_http_weir.h"


ngx_int_t
ngx_http_weir_address(struct sockaddr *address, uint8_t bits[16])
{
    struct sockaddr_in   *v4;
    struct sockaddr_in6  *v6;

    if (address->sa_family == AF_INET6) {
        v6 = (struct sockaddr_in6 *) address;
        ngx_memcpy(bits, v6->sin6_addr.s6_addr, 16);
        return NGX_OK;
    }

    if (address->sa_family != AF_INET) {
        return NGX_DECLINED;
    }

    v4 = (struct sockaddr_in *) address;
    ngx_memzero(bits, 10);
    bits[10] = 0xff;
    bits[11] = 0xff;
    ngx_memcpy(bits + 12, &v4->sin_addr, 4);

    return NGX_OK;
}


static weir_span
ngx_http_weir_country_of(MMDB_entry_s *entry)
{
    MMDB_entry_data_s  data;

    if ((MMDB_get_value(entry, &data, "country_code", NULL) == MMDB_SUCCESS
         || MMDB_get_value(entry, &data, "country", "iso_code", NULL)
            == MMDB_SUCCESS)
        && data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING
        && data.data_size == 2)
    {
        return (weir_span) { data.utf8_string, data.data_size };
    }

    return WEIR_SPAN_NONE;
}


weir_span
ngx_http_weir_country(struct sockaddr *address)
{
    int                    error;
    struct sockaddr_in     v4;
    struct sockaddr_in6   *v6;
    MMDB_lookup_result_s   result;

    if (!ngx_http_weir_worker.mmdb_is_open) {
        return WEIR_SPAN_NONE;
    }

    if (address->sa_family == AF_INET6) {
        v6 = (struct sockaddr_in6 *) address;

        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            ngx_memzero(&v4, sizeof(v4));
            v4.sin_family = AF_INET;
            ngx_memcpy(&v4.sin_addr, v6->sin6_addr.s6_addr + 12, 4);
            address = (struct sockaddr *) &v4;
        }

    } else if (address->sa_family != AF_INET) {
        return WEIR_SPAN_NONE;
    }

    result = MMDB_lookup_sockaddr(&ngx_http_weir_worker.mmdb, address, &error);

    if (error != MMDB_SUCCESS || !result.found_entry) {
        return WEIR_SPAN_NONE;
    }

    return ngx_http_weir_country_of(&result.entry);
}
