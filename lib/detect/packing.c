#include "detect/packing_priv.h"

void
detect_pack(struct packing *p, void *field, size_t size)
{
	unsigned char *bytes = field, turned[8];

	if (p->to) {
		for (size_t i = 0; i < size; i++)
			turned[i] = bytes[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : size - 1 - i];
		buf_add(p->to, turned, size);
		return;
	}
	if (p->from->n < size) {
		p->failed = 1;
		return;
	}
	for (size_t i = 0; i < size; i++)
		bytes[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? i : size - 1 - i] = (unsigned char)p->from->p[i];
	p->from->p += size, p->from->n -= size;
}

int
detect_pack_version(struct packing *p, int oldest, int newest)
{
	int version = p->from->n ? *p->from->p : 0;

	if (version < oldest || version > newest) {
		p->failed = 1;
		return 0;
	}
	p->version = version;
	p->from->p++, p->from->n--;
	return 1;
}

void
detect_pack_expect(struct packing *p, double value, double least)
{
	if (!(value >= least && value < PACKED_MOST))
		p->failed = 1;
}
