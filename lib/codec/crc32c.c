#include "codec/crc32c.h"

#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "codec/crc32c_priv.h"

#define POLYNOMIAL 0x82f63b78u  /* 0x1edc6f41 with its bits reversed */

/* table[k][b]: what byte b does to the register when k more bytes follow it. Filled before main. */
static uint32_t table[8][256];

__attribute__((constructor)) static void
fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
}

uint32_t
crc32c_priv_tables(uint32_t before, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint32_t crc = ~before;

	for (; n >= 8; p += 8, n -= 8) {
		uint32_t low = crc ^ (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);

		crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^
		    table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	for (; n; p++, n--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

#if defined(__x86_64__)

#define HAVE_INSTRUCTIONS __builtin_cpu_supports("sse4.2")

__attribute__((target("sse4.2"))) static uint32_t
instructions(uint32_t before, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t crc = (uint32_t)~before, eight;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&eight, p, 8);
		crc = _mm_crc32_u64(crc, eight);
	}
	for (; n; p++, n--)
		crc = _mm_crc32_u8((uint32_t)crc, *p);
	return ~(uint32_t)crc;
}

#elif defined(__aarch64__) && defined(__linux__)

#define HAVE_INSTRUCTIONS ((getauxval(AT_HWCAP) & (1ul << 7)) != 0)     /* HWCAP_CRC32 */

/* gcc and clang name the feature differently; the assembler they share does not. */
#define STEP(how, crc, value) __asm__(".arch_extension crc\n\t" how : "+r"(crc) : "r"(value))

static uint32_t
instructions(uint32_t before, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint32_t crc = ~before;
	uint64_t eight;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&eight, p, 8);
		STEP("crc32cx %w0, %w0, %x1", crc, eight);
	}
	for (; n; p++, n--)
		STEP("crc32cb %w0, %w0, %w1", crc, (uint32_t)*p);
	return ~crc;
}

#else

#define HAVE_INSTRUCTIONS 0
#define instructions crc32c_priv_tables

#endif

uint32_t
crc32c(uint32_t before, const void *bytes, size_t n)
{
	return HAVE_INSTRUCTIONS ? instructions(before, bytes, n) : crc32c_priv_tables(before, bytes, n);
}
