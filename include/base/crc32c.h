/* crc32c.h - the checksum CRC-32C (Castagnoli), as RFC 3720 (iSCSI), appendix B.4, defines it. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what came before (crc; 0 at first) and these bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
