#include <string.h>

#include "json/json_priv.h"
#include "json/simd_priv.h"

unsigned char simd_priv_bytes[256][32] __attribute__((aligned(64)));
static const struct json_variant *variants[5];
const struct json_variant *json_used = &json_portable;

__attribute__((constructor)) static void
choose(void)
{
	int n = 0;

	for (int c = 0; c < 256; c++)
		memset(simd_priv_bytes[c], c, sizeof(simd_priv_bytes[c]));
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
	    __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul")) {
		if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		    __builtin_cpu_supports("avx512vbmi2"))
			variants[n++] = &json_avx512;
		variants[n++] = &json_avx2;
	}
	variants[n++] = &json_sse2;
#elif defined(__aarch64__)
	variants[n++] = &json_neon;
#endif
	variants[n] = &json_portable;
	json_used = variants[0];
}

const struct json_variant *const *
json_variants(void)
{
	return variants;
}

void
json_use(const struct json_variant *variant)
{
	json_used = variant;
}
