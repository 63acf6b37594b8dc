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
	static const struct { const char *text, *own; } lies[] = {
		{ "Purchases fell 66 % from 21,798 to 7,345", "Signups fell 66 % from 21,798 to 7,345" },                                    /* what it is of */
		{ "Signups fell 5 % from 40 to 38, against the month before", "Signups fell 5 % from 40 to 38, against the week before" },      /* period */
		{ "Signups fell 5 % from 40 to 38 in December", "Signups fell 5 % from 40 to 38 (16 Nov 2026)" },
		{ "Signups fell 5 % yesterday", "Signups fell 5 %, today" },
		{ "Waiting took 12 minutes", "Waiting took 12 s" },                                                                         /* unit */
		{ "Revenue rose to 400 dollars", "Revenue rose to 400" },
		{ "Revenue rose to $400", "Revenue rose to 400" },
		{ "Signups are likely to miss the target of 1,000", "Signups are likely to reach the target of 1,000" },                      /* prospects */
		{ "Signups will reach the target of 1,000", "Signups may reach or miss the target of 1,000" },
		{ "Signups reached the target of 1,000", "Signups are likely to reach the target of 1,000" },
		{ "Signups were 40 last week", "Signups were 40 this week" },
		{ "Signups were 40 this month", "Signups were 40 yesterday" },
		{ "Signups were 40 today", "Signups were 40 yesterday" },
		{ "Signups in the mobile app fell 5 %", "Signups fell 5 %" },
		{ "Signups have a daily rhythm", "Signups have a weekly rhythm" },
		{ "There were 35 purchases yesterday and 10 today, up by 250 %", "Purchases: 35 today, 10 yesterday, up by 250 %" },          /* which is of which */
		{ "There were 35 purchases yesterday", "Purchases: 35 today, 10 yesterday, up by 250 %" },
		{ "Signups were 40 last week and 30 this week", "Signups were 40 this week, 30 last week" },
		{ "FR had 20 purchases and DE 15", "DE had 20 purchases, FR 15" },
		{ "There were 40 signups and 30 purchases", "Purchases: 40, signups: 30" },
		{ "There were 35 purchases today, a record", "Purchases: 35 today" },                                                       /* claims */
		{ "There were nearly 35 purchases today", "Purchases: 35 today" },
		{ "There were 35 new purchases today, as expected", "Purchases: 35 today" },
		{ "There were 35 first purchases today", "Purchases: 35 today" },
		{ "There were 35 purchases today, which is normal", "Purchases: 35 today" },
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		if (checked_against(str_of(lies[i].text), str_of(lies[i].own)))
			fail_msg("passed: %s", lies[i].text);
	assert_true(checked_against(STR("Today saw 35 purchases, up 250 % from 10 yesterday"), STR("Purchases: 35 today, up by 250 % from 10 yesterday")));
	assert_true(checked_against(STR("20 purchases came from DE and 15 from FR"), STR("Purchases: 20 from DE, 15 from FR")));
	assert_true(checked_against(STR("Signups are forecast to be 29 tomorrow"), STR("Signups are expected to be 29 tomorrow")));
	assert_true(checked_against(STR("Every week, signups follow a rhythm that is highest on Wednesdays"), STR("Signups have a weekly rhythm, highest on Wednesdays")));
	assert_true(checked_against(STR("Signups are likely to reach their target of 1,000 for November 2026"), STR("Signups are likely to reach the target of 1,000 for November 2026")));
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
