/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing a control object. */
#include "control/control.h"
#include "control/egress/egress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config/config.h"
#include "control/keyring/keyring.h"
#include "control/log.h"
#include "control/onboarding/parts.h"
#include "control/parts.h"

/* One control at a time: the lock lives as long as the process. */
static weir_status
take_lock(struct weir_control *control, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/control.lock", control->paths.state);
    control->lock_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (control->lock_file < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot open %.120s: %s", path, strerror(errno));
    if (flock(control->lock_file, LOCK_EX | LOCK_NB) != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "another weir holds the state directory %.100s",
                         control->paths.state);
    return WEIR_OK;
}

static weir_status
map_board(struct weir_control *control, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/board", control->paths.run);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *map = MAP_FAILED;
    if (file >= 0 && ftruncate(file, 4096) == 0)
        map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    int failure = errno;
    if (file >= 0)
        close(file);
    if (map == MAP_FAILED)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot map %.120s: %s", path, strerror(failure));
    control->board = map;
    if (control->board->magic != WEIR_BOARD_MAGIC) {
        memset(control->board, 0, sizeof *control->board);
        __atomic_store_n(&control->board->magic, WEIR_BOARD_MAGIC,
                         __ATOMIC_RELEASE);
    }
    return WEIR_OK;
}

/* The image that workers have, from a control before this one. */
static void
adopt_image(struct weir_control *control)
{
    char path[WEIR_PATH_MAX + 40];
    struct weir_error err;
    if (control->board->image == 0)
        return;
    snprintf(path, sizeof path, "%s/image-%llu", control->paths.run,
             (unsigned long long)control->board->image);
    control->has_image = weir_image_map(path, &control->image, &err) == WEIR_OK;
}

static weir_status
open_parts(struct weir_control *control, const char *config_path,
           struct weir_faults *faults, struct weir_error *err)
{
    weir_status status = weir_config_load(config_path, &control->world, faults);
    if (status != WEIR_OK)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "the configuration is faulty");
    status = weir_paths_of(config_path, &control->world->settings,
                           &control->paths, err);
    if (status == WEIR_OK)
        status = weir_paths_make(&control->paths, err);
    if (status == WEIR_OK)
        status = take_lock(control, err);
    if (status == WEIR_OK)
        status =
            weir_store_open(control->paths.state, true, &control->store, err);
    if (status == WEIR_OK)
        status = map_board(control, err);
    if (status == WEIR_OK)
        status = weir__control_load_keys(control, control->world, err);
    if (status == WEIR_OK)
        status = weir_egress_follow(control->world, err);
    if (status == WEIR_OK)
        adopt_image(control);
    return status;
}

weir_status
weir_control_open(const char *config_path, struct weir_control **control_out,
                  struct weir_faults *faults, struct weir_error *err)
{
    struct weir_control *control = calloc(1, sizeof *control);
    if (control == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    pthread_mutex_init(&control->lock, NULL);
    pthread_mutex_init(&control->importing, NULL);
    control->lock_file = -1;
    control->acts_event = -1;
    control->started = weir_control_now();
    weir_status status = open_parts(control, config_path, faults, err);
    if (status != WEIR_OK) {
        weir_control_close(control);
        return status;
    }
    *control_out = control;
    return WEIR_OK;
}

void
weir_control_close(struct weir_control *control)
{
    if (control == NULL)
        return;
    if (control->has_image)
        weir_image_close(&control->image);
    if (control->board != NULL)
        munmap(control->board, 4096);
    weir__onboarding_free(control->onboarding);
    weir__keyring_free(control->keyring);
    weir_store_close(control->store);
    weir_world_free(control->world);
    if (control->lock_file >= 0)
        close(control->lock_file);
    pthread_mutex_destroy(&control->importing);
    pthread_mutex_destroy(&control->lock);
    free(control);
}
