#include "codec/crc32c.h"

#include <string.h>
#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#include "codec/crc32c_priv.h"

#define POLYNOMIAL 0x82f63b78u  /* 0x1edc6f41 with its bits reversed */
#define STREAM     1024         /* bytes, a power of two */

/* table[k][b]: what byte b does to the register when k more bytes follow it. Filled before main. */
static uint32_t table[8][256];

/* behind[k][b]: what byte k of the register, being b, comes to behind STREAM bytes of zeros. */
static uint32_t behind[4][256];

/* The register is a vector of 32 bits, and zeros are a matrix on it: here that of one byte, squared until it is that of STREAM. */
static void
fill_behind(void)
{
	uint32_t column[32], squared[32];

	for (int bit = 0; bit < 32; bit++)
		column[bit] = (1u << bit) >> 8 ^ table[0][(1u << bit) & 0xff];
	for (int bytes = 1; bytes < STREAM; bytes *= 2, memcpy(column, squared, sizeof(column)))
		for (int bit = 0; bit < 32; bit++) {
			squared[bit] = 0;
			for (uint32_t left = column[bit]; left; left &= left - 1)
				squared[bit] ^= column[__builtin_ctz(left)];
		}
	for (int k = 0; k < 4; k++)
		for (uint32_t b = 1; b < 256; b++)
			behind[k][b] = behind[k][b & (b - 1)] ^ column[8 * k + __builtin_ctz(b)];
}

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
	fill_behind();
}

static inline uint32_t
shifted(uint32_t crc)
{
	return behind[0][crc & 0xff] ^ behind[1][crc >> 8 & 0xff] ^ behind[2][crc >> 16 & 0xff] ^ behind[3][crc >> 24];
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

/* The instruction answers after three cycles and can begin anew in each, so long texts are read at three places at once, whose
 * registers are then put behind each other (Gopal et al., Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction, 2011). */
#if defined(__x86_64__)

#define HAVE_INSTRUCTIONS __builtin_cpu_supports("sse4.2")
#define TARGET            __attribute__((target("sse4.2")))
#define EIGHT(crc, value) ((crc) = _mm_crc32_u64((crc), (value)))
#define ONE(crc, value)   ((crc) = _mm_crc32_u8((uint32_t)(crc), (value)))

#elif defined(__aarch64__) && defined(__linux__)

#define HAVE_INSTRUCTIONS ((getauxval(AT_HWCAP) & (1ul << 7)) != 0)     /* HWCAP_CRC32 */
#define TARGET

/* gcc and clang name the feature differently; the assembler they share does not. */
#define STEP(how, crc, value) __asm__(".arch_extension crc\n\t" how : "+r"(crc) : "r"(value))
#define EIGHT(crc, value) STEP("crc32cx %w0, %w0, %x1", crc, value)
#define ONE(crc, value)   STEP("crc32cb %w0, %w0, %w1", crc, (uint32_t)(value))

#endif
#ifdef HAVE_INSTRUCTIONS

static inline uint64_t
eight_at(const unsigned char *p)
{
	uint64_t eight;

	memcpy(&eight, p, 8);
	return eight;
}

TARGET static uint32_t
instructions(uint32_t before, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	uint64_t crc = (uint32_t)~before;

	for (; n >= 3 * STREAM; p += 3 * STREAM, n -= 3 * STREAM) {
		uint64_t second = 0, third = 0;

		for (int i = 0; i < STREAM; i += 8) {
			EIGHT(crc, eight_at(p + i));
			EIGHT(second, eight_at(p + STREAM + i));
			EIGHT(third, eight_at(p + 2 * STREAM + i));
		}
		crc = shifted(shifted((uint32_t)crc) ^ (uint32_t)second) ^ (uint32_t)third;
	}
	for (; n >= 8; p += 8, n -= 8)
		EIGHT(crc, eight_at(p));
	for (; n; p++, n--)
		ONE(crc, *p);
	return ~(uint32_t)crc;
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
