/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names asked of the lists, on every processor and without control's lock:
 * a hundred thousand of them take seconds, and keys must be revocable
 * meanwhile.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/onboarding/review.h"

#define THREADS_MAX 8

struct asker {
    pthread_t thread;
    struct weir__reviewing *review;
    atomic_uint *next;
    struct weir_arena arena; /* of scratch and hits */
    struct weir_error err;
    weir_status status;
    bool is_started;
};

static void *
ask(void *context)
{
    struct asker *asker = context;
    struct weir__reviewing *review = asker->review;
    struct weir_screening_scratch *scratch =
        weir_screening_scratch_new(review->screen->index, &asker->arena);
    if (scratch == NULL) {
        asker->status = weir_fail(&asker->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                  "out of memory");
        return NULL;
    }
    while (asker->status == WEIR_OK) {
        uint32_t from = atomic_fetch_add(asker->next, 256u);
        if (from >= review->asking_count)
            break;
        for (uint32_t i = from; asker->status == WEIR_OK && i < from + 256 &&
                                i < review->asking_count;
             i++) {
            struct weir__asking *one = &review->askings[i];
            asker->status = weir__screen_ask(
                review->screen, scratch, &one->name, 1, review->threshold,
                &asker->arena, &one->hits, &asker->err);
        }
    }
    return NULL;
}

static weir_status
keep_answers(struct weir__reviewing *review)
{
    struct weir_onboarding *own = review->control->onboarding;
    bool is_kept =
        weir__answers_prepare(own, review->screen, review->asking_count);
    for (uint32_t i = 0; is_kept && i < review->asking_count; i++)
        is_kept = weir__answers_put(own, review->askings[i].key,
                                    &review->askings[i].hits);
    review->figures.screened += review->asking_count;
    return is_kept ? WEIR_OK : weir__review_no_memory(review);
}

weir_status
weir__review_ask(struct weir__reviewing *review)
{
    struct asker askers[THREADS_MAX];
    atomic_uint next = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = processors < 1             ? 1
                       : processors > THREADS_MAX ? THREADS_MAX
                                                  : (uint32_t)processors;
    if (review->screen == NULL || review->asking_count == 0)
        return WEIR_OK;
    if (review->asking_count < 512)
        threads = 1;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < threads; i++) {
        askers[i] = (struct asker){.review = review, .next = &next};
        weir_arena_init_heap(&askers[i].arena, WEIR_SCREENING_BYTES_MAX);
        askers[i].is_started = i > 0 && pthread_create(&askers[i].thread, NULL,
                                                       ask, &askers[i]) == 0;
    }
    (void)ask(&askers[0]); /* this thread is the first of them */
    for (uint32_t i = 1; i < threads; i++) {
        if (askers[i].is_started)
            pthread_join(askers[i].thread, NULL);
    }
    for (uint32_t i = 0; i < threads; i++) {
        if (status == WEIR_OK && askers[i].status != WEIR_OK) {
            status = askers[i].status;
            if (review->err != NULL)
                *review->err = askers[i].err;
        }
    }
    if (status == WEIR_OK)
        status = keep_answers(review);
    for (uint32_t i = 0; i < threads; i++)
        weir_arena_fini(&askers[i].arena);
    return status;
}
