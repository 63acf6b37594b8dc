# shop.awk - a web shop's days as NDJSON, with an incident in the last one: the same bytes every time.
#
#     awk -f shop.awk -v days=8 -v last=2026-11-23
#
# Visitors come in a daily wave; one in eight searches, one in fifteen buys. From 14:05 to 14:50 of the last day the
# payment service fails: checkouts end in payment_error, purchases all but stop.
BEGIN {
	if (!days) days = 8
	if (!last) last = "2026-11-23"
	split("google direct newsletter twitter partner", source, " ")
	split("CH DE US FR GB JP BR", country, " ")
	split("/ /shoes /shirts /hats /sale /about /basket", page, " ")
	state = 42
	split(last, d, "-")
	first = days_since_epoch(d[1], d[2], d[3]) - days + 1
	for (day = 0; day < days; day++)
		for (minute = 0; minute < 1440; minute++)
			one_minute(first + day, minute, day == days - 1 && minute >= 845 && minute < 890)
}

# A multiplicative congruential generator that every awk's doubles hold exactly.
function rnd() { state = (state * 16807) % 2147483647; return state / 2147483647 }
function pick(n) { return 1 + int(rnd() * n) }

function days_since_epoch(y, m, d,    era, yoe, doy) {
	if (m <= 2) y--
	era = int(y / 400); yoe = y - era * 400
	doy = int((153 * (m + (m > 2 ? -3 : 9)) + 2) / 5) + d - 1
	return era * 146097 + yoe * 365 + int(yoe / 4) - int(yoe / 100) + doy - 719468
}

function one_minute(day, minute, broken,    visits, v) {
	visits = int((30 + 26 * sin((minute - 540) * 6.283185 / 1440)) * (0.9 + 0.2 * rnd()) + rnd())
	for (v = 0; v < visits; v++)
		visit((day * 1440 + minute) * 60 + int(rnd() * 60), broken)
}

function visit(t, broken,    user, where) {
	user = "u" pick(20000)
	where = "\"source\":\"" source[pick(5)] "\",\"country\":\"" country[pick(7)] "\""
	emit(t, "page_view", user, where ",\"page\":\"" page[pick(7)] "\",\"duration_ms\":" int(40 + 300 * rnd() * rnd() + (broken ? 900 * rnd() : 0)))
	if (rnd() < 0.125) emit(t + 9, "search", user, where)
	if (rnd() < 0.15) {
		emit(t + 30, "add_to_cart", user, where)
		if (rnd() < 0.6) {
			emit(t + 55, "checkout", user, where)
			if (broken && rnd() < 0.9)
				emit(t + 58, "payment_error", user, where ",\"code\":504")
			else if (rnd() < 0.8)
				emit(t + 58, "purchase", user, where sprintf(",\"revenue\":%.2f", 5 + 120 * rnd() * rnd()))
		}
	}
}

function emit(t, event, user, properties) {
	printf "{\"event\":\"%s\",\"timestamp\":%d,\"user_id\":\"%s\",\"properties\":{%s}}\n", event, t, user, properties
}
