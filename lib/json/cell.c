#include "json/cell.h"

struct cell
cell_of_json(struct json v, struct buf *scratch)
{
	int64_t i;
	double d;

	switch (v.type) {
	case JSON_FALSE:
		return cell_integer(0);
	case JSON_TRUE:
		return cell_integer(1);
	case JSON_NUMBER:
		if (!memchr(v.p, '.', v.n) && !memchr(v.p, 'e', v.n) && !memchr(v.p, 'E', v.n) && json_int64(v, &i))
			return cell_integer(i);
		return json_double(v, &d) ? cell_real(d) : cell_null();
	case JSON_STRING:
		return cell_text(json_text(v, scratch));
	case JSON_ARRAY:
	case JSON_OBJECT:
		buf_clear(scratch);
		json_put_compact(scratch, v);
		return cell_text(buf_get(scratch));
	default:
		return cell_null();
	}
}

void
cell_put_json(struct buf *to, const struct cell *c)
{
	switch (c->type) {
	case CELL_INTEGER:
		json_put_int64(to, c->integer);
		break;
	case CELL_REAL:
		json_put_double(to, c->real);
		break;
	case CELL_TEXT:
		json_put_string(to, c->text);
		break;
	default:
		buf_lit(to, "null");
	}
}

void
cell_put_object(struct buf *to, const struct str *names, const struct cell *cells, int n)
{
	buf_byte(to, '{');
	for (int i = 0; i < n; i++) {
		if (i)
			buf_byte(to, ',');
		json_put_key(to, names[i]);
		cell_put_json(to, &cells[i]);
	}
	buf_byte(to, '}');
}
