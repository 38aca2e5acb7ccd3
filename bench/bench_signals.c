/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What do the signs of a false place cost a call? Everything that
 * core/gate does for them: the operator's list of networks, the country, the
 * row of the key in shared memory, and the way to every other country in it.
 *
 * bench_signals [KEYS [CALLS]]: prints nanoseconds per call; exit 1 when the
 * ordinary key costs 200 ns or more.
 */
#include "gate_fixture.h"
#include "internal.h"

#include <sys/mman.h>
#include <time.h>

#define TABLE_KEYS 65536u
#define NETWORKS   100000u
#define LIMIT_NS   200

static double
now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

/* The mean of the best of five rounds. */
static double
measure(struct bench *bench, struct weir_image_key *key, uint32_t keys,
        uint32_t calls, const char *const *countries, uint32_t country_count)
{
    double best = 1e18;
    uint64_t state = 88172645463325252u;
    struct weir_call call = {.gate = &bench->gate, .view = &bench->view};
    call.key = 0;
    call.client.has_bits = true;
    for (int round = 0; round < 5; round++) {
        double start = now_ns();
        for (uint32_t i = 0; i < calls; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            key->hash = 1 + (uint64_t)(uint32_t)state % keys *
                                UINT64_C(0x9E3779B97F4A7C15);
            call.client.country =
                (weir_span){countries[state % country_count], 2};
            memcpy(call.client.bits + 12, &state, 4);
            /* Each key once an hour: nobody is so fast that the rest
             * need not be looked at. */
            call.started =
                bench->now + (weir_time)i * (3600 * WEIR_US_PER_SEC / keys);
            memset(&call.signals, 0, sizeof(call.signals));
            weir__gate_see(&call);
        }
        double spent = (now_ns() - start) / calls;
        best = spent < best ? spent : best;
    }
    return best;
}

int
main(int argc, char **argv)
{
    static const char *const one[] = {"DE"};
    static const char *const three[] = {"DE", "SG", "NO"};
    static const char *const twelve[] = {"DE", "SG", "NO", "AQ", "US", "CN",
                                         "BR", "ZA", "IN", "JP", "GB", "NZ"};
    uint32_t keys = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000;
    uint32_t calls = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000000;
    struct bench *bench = bench_new();
    size_t size = weir_signals_size(TABLE_KEYS);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct weir_image_network *networks =
        calloc(NETWORKS, sizeof(struct weir_image_network));
    if (memory == MAP_FAILED || networks == NULL ||
        weir_signals_format(memory, size, TABLE_KEYS, &bench->gate.signals,
                            NULL) != WEIR_OK)
        return 2;
    /* Every other /16th of the addresses, as if the list were large. */
    for (uint32_t i = 0; i < NETWORKS; i++) {
        uint32_t first = i * 42000u;
        uint32_t last = first + 20000u;
        memset(networks[i].first + 10, 0xff, 2);
        memset(networks[i].last + 10, 0xff, 2);
        for (int k = 0; k < 4; k++) {
            networks[i].first[12 + k] = (uint8_t)(first >> (24 - 8 * k));
            networks[i].last[12 + k] = (uint8_t)(last >> (24 - 8 * k));
        }
    }
    /* The image is the caller's bytes: a row of it is written to here. */
    struct weir_image_key *key =
        (struct weir_image_key *)(uintptr_t)bench->view.image.keys;
    double plain = measure(bench, key, keys, calls, one, 1);
    double some = measure(bench, key, keys, calls, three, 3);
    double many = measure(bench, key, 64, calls, twelve, 12);
    bench->view.image.networks = networks;
    bench->view.image.first_hosting = 0;
    bench->view.image.hosting_count = NETWORKS;
    double listed = measure(bench, key, keys, calls, one, 1);
    printf("{\"keys\":%u,\"one_country_ns\":%.1f,\"three_countries_ns\":%.1f,"
           "\"twelve_countries_ns\":%.1f,\"with_%u_networks_ns\":%.1f}\n",
           keys, plain, some, many, NETWORKS, listed);
    return plain < LIMIT_NS && some < LIMIT_NS ? 0 : 1;
}
