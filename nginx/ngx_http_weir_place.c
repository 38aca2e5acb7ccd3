/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a client is, by its address: bits for the tables of networks, a
 * country and the number of an autonomous system from two databases of the
 * operator's. What they do not know is told with its cause: a policy may
 * refuse whoever cannot be placed, and has to be able to tell a stranger
 * from a file that is missing.
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


static void
ngx_http_weir_open_database(ngx_http_weir_worker_t *w,
    ngx_http_weir_database_t *database, ngx_str_t *path, const char *what)
{
    int  error;

    database->unknown = WEIR_UNKNOWN_NO_DATABASE;

    if (path->len == 0) {
        return;
    }

    error = MMDB_open((char *) path->data, MMDB_MODE_MMAP, &database->mmdb);

    if (error == MMDB_SUCCESS) {
        database->is_open = 1;
        return;
    }

    database->unknown = WEIR_UNKNOWN_UNREADABLE;

    ngx_log_error(NGX_LOG_ERR, w->log, 0,
                  "weir: \"%V\" is not usable (%s): clients' %s are unknown",
                  path, MMDB_strerror(error), what);
}


void
ngx_http_weir_open_databases(ngx_http_weir_worker_t *w)
{
    ngx_http_weir_open_database(w, &w->countries, &w->conf->mmdb,
                                "countries");
    ngx_http_weir_open_database(w, &w->systems, &w->conf->asn, "networks");
}


void
ngx_http_weir_close_databases(ngx_http_weir_worker_t *w)
{
    if (w->countries.is_open) {
        MMDB_close(&w->countries.mmdb);
        w->countries.is_open = 0;
    }

    if (w->systems.is_open) {
        MMDB_close(&w->systems.mmdb);
        w->systems.is_open = 0;
    }
}


/* WEIR_UNKNOWN_UNRECORDED: there is an entry. */

static enum weir_unknown
ngx_http_weir_look_up(ngx_http_weir_database_t *database,
    struct sockaddr *address, MMDB_entry_s *entry)
{
    int                   error;
    MMDB_lookup_result_s  result;

    if (!database->is_open) {
        return database->unknown;
    }

    result = MMDB_lookup_sockaddr(&database->mmdb, address, &error);

    if (error == MMDB_SUCCESS && !result.found_entry) {
        return WEIR_UNKNOWN_NOT_LISTED;
    }

    if (error != MMDB_SUCCESS) {
        /* a file of IPv4 alone does not list the rest */
        return error == MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR
               ? WEIR_UNKNOWN_NOT_LISTED : WEIR_UNKNOWN_UNREADABLE;
    }

    *entry = result.entry;

    return WEIR_UNKNOWN_UNRECORDED;
}


static enum weir_unknown
ngx_http_weir_country_of(MMDB_entry_s *entry, weir_span *country)
{
    MMDB_entry_data_s  data;

    if ((MMDB_get_value(entry, &data, "country_code", NULL) == MMDB_SUCCESS
         || MMDB_get_value(entry, &data, "country", "iso_code", NULL)
            == MMDB_SUCCESS)
        && data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING
        && data.data_size == 2)
    {
        *country = (weir_span) { data.utf8_string, data.data_size };
        return WEIR_UNKNOWN_UNRECORDED;
    }

    return WEIR_UNKNOWN_NOT_NAMED;
}


static enum weir_unknown
ngx_http_weir_system_of(MMDB_entry_s *entry, uint32_t *system)
{
    MMDB_entry_data_s  data;

    if (MMDB_get_value(entry, &data, "autonomous_system_number", NULL)
        == MMDB_SUCCESS && data.has_data)
    {
        if (data.type == MMDB_DATA_TYPE_UINT32) {
            *system = data.uint32;

        } else if (data.type == MMDB_DATA_TYPE_UINT16) {
            *system = data.uint16;
        }
    }

    return *system ? WEIR_UNKNOWN_UNRECORDED : WEIR_UNKNOWN_NOT_NAMED;
}


void
ngx_http_weir_place(struct sockaddr *address, struct weir_client *client)
{
    MMDB_entry_s             entry;
    struct sockaddr_in       v4;
    struct sockaddr_in6     *v6;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    client->country = WEIR_SPAN_NONE;
    client->system = 0;

    if (address->sa_family != AF_INET && address->sa_family != AF_INET6) {
        client->country_unknown = WEIR_UNKNOWN_NO_ADDRESS;
        client->system_unknown = WEIR_UNKNOWN_NO_ADDRESS;
        return;
    }

    if (address->sa_family == AF_INET6) {
        v6 = (struct sockaddr_in6 *) address;

        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            ngx_memzero(&v4, sizeof(v4));
            v4.sin_family = AF_INET;
            ngx_memcpy(&v4.sin_addr, v6->sin6_addr.s6_addr + 12, 4);
            address = (struct sockaddr *) &v4;
        }
    }

    client->country_unknown = ngx_http_weir_look_up(&w->countries, address,
                                                    &entry);

    if (client->country_unknown == WEIR_UNKNOWN_UNRECORDED) {
        client->country_unknown = ngx_http_weir_country_of(&entry,
                                                           &client->country);
    }

    client->system_unknown = ngx_http_weir_look_up(&w->systems, address,
                                                   &entry);

    if (client->system_unknown == WEIR_UNKNOWN_UNRECORDED) {
        client->system_unknown = ngx_http_weir_system_of(&entry,
                                                         &client->system);
    }
}
