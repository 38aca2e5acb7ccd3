/* SPDX-License-Identifier: Apache-2.0 */
#include "control/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t
port_of(int listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    (void)getsockname(listener, (struct sockaddr *)&address, &len);
    /* the port stands at the same place in both */
    return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

weir_status
weir_listen(const char *host, uint32_t *port, const char *what,
            int *listener_out, struct weir_error *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[16];
    int one = 1;
    snprintf(service, sizeof service, "%u", *port);
    if (getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, service, &hints,
                    &found) != 0)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the address '%.60s' for %s is no address", host,
                         what);
    int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_bound =
        listener >= 0 &&
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(listener, found->ai_addr, found->ai_addrlen) == 0 &&
        listen(listener, 64) == 0;
    int failure = errno;
    freeaddrinfo(found);
    if (is_bound) {
        *port = port_of(listener);
        *listener_out = listener;
        return WEIR_OK;
    }
    if (listener >= 0)
        close(listener);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                     "cannot listen on %.60s:%s for %s: %s", host, service,
                     what, strerror(failure));
}
