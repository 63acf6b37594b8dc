/* checked: other words for a sentence pass, another figure, direction, name or order does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "insight/checked.h"

static const char *const own = "Country NL: signups fell 66 % from 21,798 to 7,345, 83 % of the change";

static void
other_words_pass(void **state)
{
	static const char *const texts[] = {
		"In NL, signups dropped 66% from 21,798 to 7,345, which is 83 percent of the change.",
		"Signups in country NL declined by 66 %, going from 21,798 to 7,345.",
		"Signups declined from about 21.8 thousand to 7.3 thousand in NL.",
		"Signups in NL went down.",
	};

	(void)state;
	assert_true(checked_against(str_of(own), str_of(own)));
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_true(checked_against(str_of(texts[i]), str_of(own)));
	assert_true(checked_against(STR("Page views held at 5 while orders climbed to 7, then slid to 6"), STR("Page views held at 5 while orders rose to 7, then fell to 6")));
}

static void
what_the_sentence_does_not_say_does_not(void **state)
{
	static const char *const texts[] = {
		"",
		"In NL, signups rose 66% from 21,798 to 7,345.",                        /* direction */
		"In NL, signups fell 67% from 21,798 to 7,345.",                        /* figure */
		"In NL, signups fell 66 points from 21,798 to 7,345.",                  /* unit */
		"In NL, signups fell 66 from 21,798 to 7,345.",
		"In NL, signups fell from 7,345 to 21,798.",                            /* order */
		"In NL, signups fell 66% from 21,798 to 7,345, costing us 3 million.",  /* more figures */
		"In NL, signups fell 66%, and two campaigns ended.",
		"In DE, signups fell 66%.",                                             /* name */
		"In NL, signups did not fall 66%.",                                     /* negation */
		"In NL, signups fell 66% but will rise again.",                         /* another direction */
		"In NL, signups changed from 21,798 to 7,345.",                         /* the direction is gone */
		"In NL, signups halved.",
		"Signups fell from about 20 thousand.",
		"Signups in NL fell; see https://example.com",
		"Signups in NL fell\n83 %",
		"<b>Signups</b> in NL fell",
		"Signups in NL fell 66 percent because of BadCampaign",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (checked_against(str_of(texts[i]), str_of(own)))
			fail_msg("passed: %s", texts[i]);
	assert_false(checked_against(STR("Signups rose to 12"), STR("Signups stayed at 12: the difference from 11 may be chance")));
	assert_false(checked_against(STR("Load is 5"), STR("Load is -5")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_words_pass),
		cmocka_unit_test(what_the_sentence_does_not_say_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
