/* crc32c.h - the Castagnoli CRC (RFC 3720 B.4): SSE 4.2 or ARMv8 instructions where there are any, tables elsewhere. */
#ifndef CODEC_CRC32C_H
#define CODEC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t before, const void *, size_t n);       /* begin with 0; chain by passing the last result */

#endif
