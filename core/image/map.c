/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the core meets a file: read-only, whole, private. */
#include <weir/image.h>
#include <weir/watch_indicators.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static weir_status
map(const char *path, weir_span *bytes_out, struct weir_error *err)
{
    struct stat info;
    void *memory = MAP_FAILED;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return weir_fail(err, errno == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                         WEIR_OFFSET_NONE, "an image file: %s",
                         strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0) {
        close(fd);
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "an image file that is empty or no file");
    }
    memory = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    int why = errno;
    close(fd);
    if (memory == MAP_FAILED)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "an image file cannot be mapped: %s", strerror(why));
    *bytes_out = (weir_span){memory, (size_t)info.st_size};
    return WEIR_OK;
}

static void
unmap(weir_span bytes)
{
    munmap((void *)(uintptr_t)bytes.ptr, bytes.len);
}

weir_status
weir_image_map(const char *path, struct weir_image *image_out,
               struct weir_error *err)
{
    weir_span bytes = WEIR_SPAN_NONE;
    weir_status status = map(path, &bytes, err);
    if (status != WEIR_OK)
        return status;
    status = weir_image_open(bytes, image_out, err);
    if (status != WEIR_OK)
        unmap(bytes);
    else
        image_out->is_mapped = true;
    return status;
}

void
weir_image_close(struct weir_image *image)
{
    if (image->is_mapped)
        unmap(image->bytes);
    memset(image, 0, sizeof(*image));
}

weir_status
weir_overlay_map(const char *path, struct weir_overlay *overlay_out,
                 struct weir_error *err)
{
    weir_span bytes = WEIR_SPAN_NONE;
    weir_status status = map(path, &bytes, err);
    if (status != WEIR_OK)
        return status;
    status = weir_overlay_open(bytes, overlay_out, err);
    if (status != WEIR_OK)
        unmap(bytes);
    else
        overlay_out->is_mapped = true;
    return status;
}

void
weir_overlay_close(struct weir_overlay *overlay)
{
    if (overlay->is_mapped)
        unmap(overlay->bytes);
    memset(overlay, 0, sizeof(*overlay));
}

weir_status
weir_indicators_map(const char *path, struct weir_indicators *set_out,
                    struct weir_error *err)
{
    weir_span bytes = WEIR_SPAN_NONE;
    weir_status status = map(path, &bytes, err);
    if (status != WEIR_OK)
        return status;
    status = weir_indicators_open(bytes, set_out, err);
    if (status != WEIR_OK)
        unmap(bytes);
    else
        set_out->is_mapped = true;
    return status;
}

void
weir_indicators_close(struct weir_indicators *set)
{
    if (set->is_mapped)
        unmap(set->bytes);
    memset(set, 0, sizeof(*set));
}
