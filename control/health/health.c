/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file in shared memory, as large as all deployments need; only rows in
 * use take memory. It outlives weir and nginx, not the machine, so a restart
 * does not send every worker back to an origin that is down.
 *
 * WHY IT IS NOT KEPT MAPPED. Control reads it when somebody asks for figures
 * and when a worker has died. Mapping 800 KB costs some microseconds, and no
 * pointer has to be handed from room to room.
 */
#include "control/health/health.h"

#include "control/control.h"
#include "control/log.h"

#define HEALTH_ROWS 4096u

void
weir_health_file_close(struct weir_health_file *file)
{
    weir_table_unmap(&file->map);
    file->table = NULL;
}

bool
weir_health_file_open(const char *run, struct weir_health_file *file_out)
{
    file_out->table = NULL;
    if (!weir_table_map(run, "health", &file_out->map))
        return false;
    if (weir_health_attach(file_out->map.bytes, file_out->map.size,
                           &file_out->table, NULL) == WEIR_OK)
        return true;
    weir_health_file_close(file_out);
    return false;
}

static weir_status
format(void *bytes, size_t size, struct weir_error *err)
{
    struct weir_health *table;
    return weir_health_format(bytes, size, HEALTH_ROWS, &table, err);
}

void
weir_health_file_make(const char *run)
{
    struct weir_health_file file;
    struct weir_error err = {0};
    if (weir_health_file_open(run, &file)) {
        weir_health_file_close(&file);
        return;
    }
    if (weir_table_make(run, "health", weir_health_size(HEALTH_ROWS), format,
                        &err) != WEIR_OK)
        weir_log(WEIR_LOG_WARN,
                 "no table of health (%s): deployments that fail are not "
                 "passed over, and caps on calls do not hold",
                 err.text);
}
