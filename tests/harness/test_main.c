/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TESTS_MAX 2048

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

void
weir_test_register(const char *name, CMUnitTestFunction run)
{
    if (test_count == TESTS_MAX)
        abort();
    tests[test_count].name = name;
    tests[test_count].test_func = run;
    test_count++;
}

const char *
weir_test_data(void)
{
    static char path[4096];
    struct stat info;
    const char *root = getenv("WEIR_DATA");
    if (root == NULL) {
        const char *source = getenv("WEIR_SOURCE");
        snprintf(path, sizeof(path), "%s/../shared/data",
                 source != NULL ? source : ".");
        root = path;
    }
    return stat(root, &info) == 0 && S_ISDIR(info.st_mode) ? root : NULL;
}

char *
weir_test_read(const char *path, size_t *len_out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size)
        fail_msg("cannot read %s", path);
    bytes[size] = '\0';
    fclose(file);
    *len_out = (size_t)size;
    return bytes;
}

int
main(int argc, char **argv)
{
    if (argc > 1) {
        size_t kept = 0;
        for (size_t i = 0; i < test_count; i++)
            if (strstr(tests[i].name, argv[1]) != NULL)
                tests[kept++] = tests[i];
        test_count = kept;
    }
    int failed = _cmocka_run_group_tests("unit", tests, test_count, NULL, NULL);
    printf("%zu passed, %d failed\n", test_count - (size_t)failed, failed);
    return failed != 0;
}
