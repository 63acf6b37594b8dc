/* crc32c_priv.h - the table-driven path, so that a test can compare it with the instructions. */
#ifndef CODEC_CRC32C_PRIV_H
#define CODEC_CRC32C_PRIV_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c_priv_tables(uint32_t before, const void *, size_t n);

#endif
