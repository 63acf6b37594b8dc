#include "expr/regex.h"

#include <oniguruma.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cmd.h"
#include "base/later.h"
#include "base/mem.h"

/* ---- Oniguruma, of which these are used: a tenth of a short question's time would go for loading it */

#define NAMES(f) f(OnigEncodingUTF8) f(OnigSyntaxPerl_NG) f(onig_error_code_to_str) f(onig_free) f(onig_initialize) \
	f(onig_name_to_group_numbers) f(onig_new) f(onig_number_of_captures) f(onig_region_free) f(onig_region_new) f(onig_search) \
	f(onig_set_match_stack_limit_size) f(onig_set_parse_depth_limit) f(onig_set_retry_limit_in_match) \
	f(onig_set_retry_limit_in_search) f(onig_set_subexp_call_limit_in_search) f(onig_set_subexp_call_max_nest_level) \
	f(onig_version)
static struct { NAMES(LATER_POINTER) } lib;
static const struct later_symbol symbols[] = { NAMES(LATER_SYMBOL) { 0 } };
#define OnigEncodingUTF8                     (*lib.OnigEncodingUTF8)
#define OnigSyntaxPerl_NG                    (*lib.OnigSyntaxPerl_NG)
#define onig_error_code_to_str               (*lib.onig_error_code_to_str)
#define onig_free                            (*lib.onig_free)
#define onig_initialize                      (*lib.onig_initialize)
#define onig_name_to_group_numbers           (*lib.onig_name_to_group_numbers)
#define onig_new                             (*lib.onig_new)
#define onig_number_of_captures              (*lib.onig_number_of_captures)
#define onig_region_free                     (*lib.onig_region_free)
#define onig_region_new                      (*lib.onig_region_new)
#define onig_search                          (*lib.onig_search)
#define onig_set_match_stack_limit_size      (*lib.onig_set_match_stack_limit_size)
#define onig_set_parse_depth_limit           (*lib.onig_set_parse_depth_limit)
#define onig_set_retry_limit_in_match        (*lib.onig_set_retry_limit_in_match)
#define onig_set_retry_limit_in_search       (*lib.onig_set_retry_limit_in_search)
#define onig_set_subexp_call_limit_in_search (*lib.onig_set_subexp_call_limit_in_search)
#define onig_set_subexp_call_max_nest_level  (*lib.onig_set_subexp_call_max_nest_level)
#define onig_version                         (*lib.onig_version)

static const char *
version(void)
{
	struct err err = {0};

	return regex_bounded(&err) < 0 ? "missing" : onig_version();
}
CMD_LIBRARY("oniguruma", version())

/* Steps back that one search may take in all: 2 to 3 ms of work. Plain patterns on long texts need none, as every start
 * position counts anew only what it had to try again. */
#define RETRIES      300000
#define PATTERN_MOST 10000      /* bytes; what is compiled grows with it */

struct regex {
	regex_t *onig;
	OnigRegion *region;
};

static void
set_bounds(void)
{
	OnigEncoding utf8 = ONIG_ENCODING_UTF8;

	onig_initialize(&utf8, 1);
	onig_set_retry_limit_in_match(RETRIES);
	onig_set_retry_limit_in_search(RETRIES);
	onig_set_match_stack_limit_size(1000000);
	onig_set_parse_depth_limit(250);
	onig_set_subexp_call_max_nest_level(20);
	onig_set_subexp_call_limit_in_search(RETRIES);
}

int
regex_bounded(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (later_open(LIBONIG, symbols, err) < 0)
		return err->code;
	pthread_once(&once, set_bounds);
	return 0;
}

static int
options(const char *flags, OnigOptionType *opt, struct err *err)
{
	*opt = ONIG_OPTION_CAPTURE_GROUP;
	for (const char *f = flags ? flags : ""; *f; f++)
		switch (*f) {
		case 'g': break;
		case 'i': *opt |= ONIG_OPTION_IGNORECASE; break;
		case 'x': *opt |= ONIG_OPTION_EXTEND; break;
		case 'm': *opt |= ONIG_OPTION_MULTILINE; break;
		case 's': *opt |= ONIG_OPTION_SINGLELINE; break;
		case 'p': *opt |= ONIG_OPTION_MULTILINE | ONIG_OPTION_SINGLELINE; break;
		case 'l': *opt |= ONIG_OPTION_FIND_LONGEST; break;
		case 'n': *opt |= ONIG_OPTION_FIND_NOT_EMPTY; break;
		default:
			return err_set(err, ERR_USAGE, "%s is not a valid modifier string, the letters are g i x m s p l n", flags);
		}
	return 0;
}

struct regex *
regex_new(struct str pattern, const char *flags, struct err *err)
{
	struct regex *re;
	OnigOptionType opt;
	OnigErrorInfo info;
	regex_t *onig;
	int rc;

	if (regex_bounded(err) < 0 || options(flags, &opt, err) < 0)
		return NULL;
	if (pattern.n > PATTERN_MOST) {
		err_set(err, ERR_LIMIT, "a regular expression of %zu bytes, at most %d are read", pattern.n, PATTERN_MOST);
		return NULL;
	}
	if (str_utf8_fault(pattern) >= 0) {
		err_set(err, ERR_USAGE, "Regex failure: the pattern is not UTF-8");
		return NULL;
	}
	rc = onig_new(&onig, (const UChar *)pattern.p, (const UChar *)pattern.p + pattern.n, opt, ONIG_ENCODING_UTF8,
	    ONIG_SYNTAX_PERL_NG, &info);
	if (rc != ONIG_NORMAL) {
		UChar text[ONIG_MAX_ERROR_MESSAGE_LEN];

		onig_error_code_to_str(text, rc, &info);
		err_set(err, ERR_USAGE, "Regex failure: %s", (const char *)text);
		return NULL;
	}
	re = mem_new(sizeof(*re));
	re->onig = onig;
	if (!(re->region = onig_region_new())) {
		err_set(err, ERR_LIMIT, "Regex failure: no memory");
		regex_free(re);
		return NULL;
	}
	return re;
}

void
regex_free(struct regex *re)
{
	if (!re)
		return;
	if (re->region)
		onig_region_free(re->region, 1);
	onig_free(re->onig);
	free(re);
}

int
regex_find(struct regex *re, struct str text, size_t from, struct regex_group *groups, int n, struct err *err)
{
	const UChar *p = (const UChar *)(text.p ? text.p : ""), *end = p + text.n;
	int rc;

	if (from > text.n)
		return 0;
	if (str_utf8_fault(text) >= 0)          /* Oniguruma takes a character's first byte at its word for the length */
		return err_set(err, ERR_INPUT, "Regex failure: the text is not UTF-8");
	rc = onig_search(re->onig, p, end, p + from, end, groups ? re->region : NULL, ONIG_OPTION_NONE);
	if (rc == ONIG_MISMATCH)
		return 0;
	if (rc < 0) {
		UChar why[ONIG_MAX_ERROR_MESSAGE_LEN];

		onig_error_code_to_str(why, rc);
		return err_set(err, ERR_LIMIT, "Regex failure: %s, write the pattern without nested repetitions", (const char *)why);
	}
	for (int i = 0; groups && i < n; i++)
		groups[i] = i < re->region->num_regs
		    ? (struct regex_group){ re->region->beg[i], re->region->end[i] } : (struct regex_group){ -1, -1 };
	return 1;
}

int
regex_count(const struct regex *re)
{
	return onig_number_of_captures(re->onig);
}

int
regex_name(const struct regex *re, struct str name)
{
	int *list, n = onig_name_to_group_numbers(re->onig, (const UChar *)name.p, (const UChar *)name.p + name.n, &list);

	return n > 0 ? list[n - 1] : -1;
}
