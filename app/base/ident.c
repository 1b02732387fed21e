/* ident.c - UUIDs and words. Called by training/run.c, training/episode.c. */
#include "base/ident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool
ident_is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i;

    for (i = 0; form[i] != '\0'; i++)
        if (form[i] == 'x' ? !is_hex(text[i]) : text[i] != '-')
            return false;
    return text[i] == '\0';
}

void
ident_new_uuid(char text[IDENT_UUID_SIZE])
{
    unsigned char b[16];

    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        abort(); /* Linux: 16 bytes never fall short once the kernel has booted */
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    snprintf(text, IDENT_UUID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

static bool
is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
ident_is_word(const char *text, size_t max, const char *also)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++)
        if (i == max || (!is_alphanumeric(text[i]) && strchr(also, text[i]) == NULL))
            return false;
    return i > 0;
}

void
ident_lower(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text + ('a' - 'A'));
}
