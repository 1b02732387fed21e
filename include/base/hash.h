/* hash.h - FNV-1a (Fowler, Noll, Vo), 64 bits: to tell texts apart, not to keep secrets. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(14695981039346656037)

/* The hash of what `hash` stands for, followed by these bytes. */
static inline uint64_t
hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    return hash;
}

/* The same for a text with its NUL, so that "ab","c" and "a","bc" differ. */
static inline uint64_t
hash_text(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

#endif
