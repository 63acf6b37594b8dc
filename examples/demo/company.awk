# company.awk - what else happens at the shop's company: its application, its sales, its support. NDJSON, the same bytes every time.
#
#     awk -f company.awk -v days=8 -v last=2026-11-23
#     awk -f company.awk -v weblog=1      the web server's access log instead
#
# Between 14:05 and 14:50 of the last day the payment service fails: requests to /api/pay answer 504, and tickets come in.
BEGIN {
	if (!days) days = 8
	if (!last) last = "2026-11-23"
	split("/api/search /api/cart /api/pay /api/orders /login", endpoint, " ")
	split("/ /shoes /shirts /hats /sale /about /basket", page, " ")
	split("search_filter wish_list size_guide reviews chat", feature, " ")
	split("web ios android", platform, " ")
	split("google newsletter partner fair", campaign, " ")
	split("delivery payment returns account", topic, " ")
	split("lead qualified offer won lost", stage, " ")
	split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", month, " ")
	state = 4711
	split(last, d, "-")
	first = days_since_epoch(d[1], d[2], d[3]) - days + 1
	for (day = 0; day < days; day++)
		for (minute = 0; minute < 1440; minute++)
			one_minute((first + day) * 86400 + minute * 60, 1 + sin((minute - 540) * 6.283185 / 1440), day == days - 1 && minute >= 845 && minute < 890)
}

# The generator of shop.awk.
function rnd() { state = (state * 16807) % 2147483647; return state / 2147483647 }
function pick(n) { return 1 + int(rnd() * n) }

function days_since_epoch(y, m, d,    era, yoe, doy) {
	if (m <= 2) y--
	era = int(y / 400); yoe = y - era * 400
	doy = int((153 * (m + (m > 2 ? -3 : 9)) + 2) / 5) + d - 1
	return era * 146097 + yoe * 365 + int(yoe / 4) - int(yoe / 100) + doy - 719468
}

function one_minute(t, busy, broken,    n) {
	for (n = int(busy * 4 + rnd()); n > 0; n--)
		if (weblog) access(t + int(rnd() * 60), broken); else request(t + int(rnd() * 60), broken)
	if (weblog) return
	if (rnd() < busy * 0.7) emit(t, "feature_used", "\"feature\":\"" feature[pick(5)] "\",\"platform\":\"" platform[pick(3)] "\"")
	if (rnd() < (broken ? 0.5 : 0.01)) emit(t, "app_error", "\"kind\":\"" (broken ? "PaymentTimeout" : rnd() < 0.6 ? "NullReference" : "BadInput") "\",\"platform\":\"" platform[pick(3)] "\"")
	if (rnd() < busy * 0.02) deal(t)
	if (rnd() < (broken ? 0.4 : busy * 0.015)) ticket(t, broken)
	if (rnd() < busy * 0.03) emit(t, "invoice_paid", sprintf("\"amount\":%.2f,\"plan\":\"%s\"", 20 + 480 * rnd() * rnd(), rnd() < 0.6 ? "starter" : rnd() < 0.7 ? "team" : "company"))
}

function request(t, broken,    e, fails) {
	e = endpoint[pick(5)]
	fails = broken && e == "/api/pay" ? rnd() < 0.9 : rnd() < 0.006
	emit(t, "api_request", "\"endpoint\":\"" e "\",\"method\":\"" (e == "/api/pay" ? "POST" : "GET") "\",\"status\":" (fails ? (broken ? 504 : 500) : 200) ",\"duration_ms\":" int(fails && broken ? 3000 + 500 * rnd() : 12 + 180 * rnd() * rnd() * rnd()))
}

# A deal goes as far as it goes; each step is an event a while after the one before.
function deal(t,    n, i, id, far) {
	id = "d" ++deals
	far = rnd() < 0.45 ? 1 : rnd() < 0.5 ? 2 : rnd() < 0.4 ? 5 : rnd() < 0.7 ? 4 : 3
	n = int(200 + 4800 * rnd() * rnd())
	for (i = 1; i <= far; i++) {
		if (far == 5 && i == 4) continue
		emit(t + (i - 1) * int(1200 + 3600 * rnd()), "deal_" stage[i], "\"campaign\":\"" campaign[1 + deals % 4] "\",\"value\":" n, id)
	}
}

function ticket(t, broken,    id, what) {
	id = "t" ++tickets
	what = broken ? "payment" : topic[pick(4)]
	emit(t, "ticket_opened", "\"topic\":\"" what "\",\"channel\":\"" (rnd() < 0.5 ? "mail" : "chat") "\"", id)
	if (rnd() < 0.85) emit(t + int(600 + 14400 * rnd()), "ticket_closed", "\"topic\":\"" what "\",\"rating\":" pick(5), id)
}

function access(t, broken,    p, status) {
	p = rnd() < 0.8 ? page[pick(7)] : rnd() < 0.05 ? "/wp-login.php" : endpoint[pick(5)]
	status = p == "/wp-login.php" ? 404 : broken && p == "/api/pay" ? 504 : rnd() < 0.004 ? 500 : rnd() < 0.05 ? 304 : 200
	printf "192.0.2.%d - - [%s] \"%s %s HTTP/1.1\" %d %d \"%s\" \"%s\"\n", pick(250), when(t), p == "/api/pay" ? "POST" : "GET", p, status, status == 304 ? 0 : int(400 + 40000 * rnd() * rnd()), rnd() < 0.4 ? "https://search.example/" : "-", rnd() < 0.3 ? "Mozilla/5.0 (iPhone)" : rnd() < 0.2 ? "curl/8.0" : "Mozilla/5.0 (X11)"
}

function when(t,    z, era, doe, yoe, doy, mp, d, m, y) {
	z = int(t / 86400) + 719468; era = int(z / 146097); doe = z - era * 146097
	yoe = int((doe - int(doe / 1460) + int(doe / 36524) - int(doe / 146096)) / 365); doy = doe - (365 * yoe + int(yoe / 4) - int(yoe / 100))
	mp = int((5 * doy + 2) / 153); d = doy - int((153 * mp + 2) / 5) + 1; m = mp < 10 ? mp + 3 : mp - 9; y = yoe + era * 400 + (m <= 2)
	return sprintf("%02d/%s/%d:%02d:%02d:%02d +0000", d, month[m], y, int(t % 86400 / 3600), int(t % 3600 / 60), t % 60)
}

function emit(t, event, properties, user) {
	printf "{\"event\":\"%s\",\"timestamp\":%d,\"user_id\":\"%s\",\"properties\":{%s}}\n", event, t, user ? user : "u" pick(20000), properties
}
