/*
 * crc32c.c - CRC-32C eight bytes at a time, with the tables of "slicing-by-8" (Kounavis and Berry,
 * A Systematic Approach to Building High Performance Software-based CRC Generators).
 * Called by training/tensorboard.c.
 */
#include "base/crc32c.h"

#include <threads.h>

#define POLYNOMIAL 0x82F63B78u /* 0x1EDC6F41 with its bits reversed */
#define SLICES 8

/* tables[k][b]: what byte b adds to the checksum when k more bytes follow it. */
static uint32_t tables[SLICES][256];
static once_flag tables_made = ONCE_FLAG_INIT;

static void
make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        tables[0][byte] = crc;
    }
    for (int slice = 1; slice < SLICES; slice++)
        for (int byte = 0; byte < 256; byte++) {
            const uint32_t shorter = tables[slice - 1][byte];

            tables[slice][byte] = shorter >> 8 ^ tables[0][shorter & 0xFF];
        }
}

/* Eight bytes; the first four meet the checksum so far. */
static uint32_t
slice_of_eight(uint32_t crc, const uint8_t *at)
{
    return tables[7][(crc ^ at[0]) & 0xFF] ^ tables[6][(crc >> 8 ^ at[1]) & 0xFF] ^
           tables[5][(crc >> 16 ^ at[2]) & 0xFF] ^ tables[4][crc >> 24 ^ at[3]] ^ tables[3][at[4]] ^
           tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
}

uint32_t
crc32c(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    call_once(&tables_made, make_tables);
    crc = ~crc;
    for (; size >= SLICES; size -= SLICES, at += SLICES)
        crc = slice_of_eight(crc, at);
    for (; size > 0; size--, at++)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xFF];
    return ~crc;
}
