/*
 * fuzz_settings.c - a settings file: what is taken is within its row's range, what is not is named
 * in a sentence.
 */
#include "fuzz.h"

#include "base/settings.h"

#include <sys/mman.h>
#include <unistd.h>

struct sample {
    char name[SETTING_TEXT_MAX];
    char secret[SETTING_TEXT_MAX];
    int64_t number;
};

/* clang-format off */
static const struct setting rows[] = {
    SETTING_TEXT("A", struct sample, name, 1, 20, "a", "A name"),
    SETTING_SECRET("B", struct sample, secret, 0, SETTING_TEXT_MAX - 1, "", "A secret"),
    SETTING_WHOLE("C", struct sample, number, -5, 500, "7", "ms", "A number"),
};
/* clang-format on */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample sample;
    char path[64], fault[200] = "";
    const int fd = memfd_create("settings", MFD_CLOEXEC);

    CLAIM(fd != -1 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (settings_read(rows, sizeof rows / sizeof rows[0], path, &sample, fault, sizeof fault)) {
        CLAIM(strlen(sample.name) >= 1 && strlen(sample.name) <= 20);
        CLAIM(strlen(sample.secret) < sizeof sample.secret);
        CLAIM(sample.number >= -5 && sample.number <= 500);
    } else {
        CLAIM(fault[0] != '\0' && strlen(fault) < sizeof fault);
    }
    close(fd);
    return 0;
}
