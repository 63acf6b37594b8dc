"""Stores of other vocabularies than the shop of ask_questions.py: a bazaar with baskets and refunds, a help desk sold by seats, a plant whose sensors
have numbers for names. make(NAME, now) gives the events, the same each time."""
import random
from datetime import timedelta


def iso(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (t.microsecond // 1000)


def bazaar(r, now, put):
    kinds = ["shoes", "shirts", "hats", "bags"]
    users = [{"u": "c%d" % i, "country": r.choice(["DE", "DE", "AT", "CH", "FR", "IT"]), "platform": r.choice(["ios", "android", "web", "web"]), "tier": r.choice(["bronze", "silver", "gold"])} for i in range(120)]
    products = [("sku%d" % i, r.choice(kinds), r.choice([19.9, 29.5, 49, 89, 120])) for i in range(20)]
    for s in range(900):
        u, t, session = r.choice(users[:int(120 * r.random()) + 1]), now - timedelta(seconds=r.random() * 86400 * (75 if s < 650 else 9)), "b%d" % s
        c = {k: u[k] for k in ("country", "platform", "tier")}
        put("session_started", t, u["u"], session, referrer=r.choice(["google", "instagram", "email", None, "tiktok"]), **c)
        for _ in range(r.randint(0, 5)):
            sku, category, price = r.choice(products)
            t += timedelta(seconds=r.randint(5, 300))
            put("product_viewed", t, u["u"], session, sku=sku, category=category, price=price, seconds_viewed=r.randint(1, 200), **c)
            if r.random() < .3:
                t += timedelta(seconds=r.randint(5, 60))
                put("item_added", t, u["u"], session, sku=sku, category=category, quantity=r.randint(1, 4), **c)
        if r.random() < .1:
            put("wishlist_saved", t, u["u"], session, category=r.choice(kinds), **c)
        if r.random() < .35:
            t += timedelta(seconds=60)
            put("checkout_started", t, u["u"], session, **c)
            if r.random() < .7:
                t += timedelta(seconds=r.randint(20, 400))
                put("order_placed", t, u["u"], session, order_total=round(r.lognormvariate(4, .7), 2), items=r.randint(1, 9), payment_method=r.choice(["card", "paypal", "invoice"]),
                    coupon=r.choice([None, None, "SUMMER10", "WELCOME"]), express=r.random() < .3, **c)
                if r.random() < .15:
                    put("order_refunded", t + timedelta(hours=r.randint(1, 100)), u["u"], None, refund_amount=round(r.random() * 60, 2), reason=r.choice(["too small", "broken", "late"]), **c)
                if r.random() < .3:
                    put("review_posted", t + timedelta(hours=r.randint(1, 60)), u["u"], None, rating=r.randint(1, 5), category=r.choice(kinds), **c)
        if r.random() < .08:
            put("newsletter_subscribed", t, u["u"], session, **c)


def desk(r, now, put):
    for i in range(90):
        user, t = "m%d" % i, now - timedelta(seconds=r.random() * 80 * 86400)
        c = {"plan": r.choice(["free", "free", "starter", "team", "enterprise"]), "region": r.choice(["emea", "amer", "apac"]), "company_size": r.choice(["1-10", "11-50", "51-200"])}

        def later():
            return now - timedelta(seconds=r.random() * (now - t).total_seconds())
        put("account_registered", t, user, None, **c)
        if c["plan"] != "free":
            put("subscription_started", t + timedelta(days=r.random() * 5), user, None, mrr={"starter": 29, "team": 99, "enterprise": 499}[c["plan"]], billing=r.choice(["monthly", "annual"]), seats=r.randint(1, 40), **c)
            if r.random() < .25:
                put("subscription_cancelled", t + timedelta(days=6 + r.random() * 40), user, None, cancel_reason=r.choice(["price", "missing feature", "switched"]), **c)
            if r.random() < .2:
                put("subscription_upgraded", t + timedelta(days=6 + r.random() * 30), user, None, from_plan=c["plan"], to_plan="enterprise", **c)
        for _ in range(r.randint(0, 4)):
            put("seat_added", t + timedelta(days=r.random() * 30), user, None, seats=r.randint(1, 5), **c)
        for k in range(r.randint(0, 25)):
            x, session = later(), "d%d_%d" % (i, k)
            put("logged_in", x, user, session, method=r.choice(["password", "sso", "google"]), **c)
            for _ in range(r.randint(0, 4)):
                x += timedelta(seconds=r.randint(10, 2000))
                put("feature_used", x, user, session, feature=r.choice(["kanban", "calendar", "reports", "search", "automation"]), duration_seconds=r.randint(5, 900), **c)
            if r.random() < .15:
                put("report_exported", x, user, session, format=r.choice(["csv", "pdf", "xlsx"]), **c)
            if r.random() < .1:
                put("ticket_created", x, user, session, priority=r.choice(["low", "normal", "urgent"]), channel=r.choice(["chat", "email", "phone"]), **c)
            if r.random() < .12:
                put("invite_sent", x, user, session, **c)
            if r.random() < .08:
                put("invite_accepted", x + timedelta(hours=3), user, session, **c)
        for _ in range(r.randint(0, 8)):
            put("api_request", later(), user, None, endpoint=r.choice(["/v2/tasks", "/v2/users", "/v2/export"]), status=r.choice([200, 200, 200, 404, 500]), latency_ms=int(r.lognormvariate(5, .8)), **c)
        if r.random() < .3:
            put("login_failed", now - timedelta(seconds=r.random() * 30 * 86400), user, None, method="password", **c)


def plant(r, now, put):
    def ago(days):
        return now - timedelta(days=days) * r.random()
    for i in range(30):
        user, c = "sensor-%03d" % i, {"zone": r.randint(1, 5), "floor": r.randint(0, 3), "model": r.choice(["TX100", "TX200", "HX9"])}
        for k in range(45):
            put("measurement", ago(60 if k < 25 else 3), user, None, temperature_c=round(r.gauss(18 + c["zone"], 4), 1), humidity=round(r.random() * 100, 1), battery=round(r.random() * 100), **c)
        for _ in range(r.randint(0, 7)):
            put("alarm_triggered", ago(40), user, None, level=r.choice(["info", "warning", "critical"]), code=r.choice([101, 204, 300]), **c)
        for _ in range(r.randint(0, 4)):
            put("alarm_cleared", ago(40), user, None, code=r.choice([101, 204, 300]), minutes_open=r.randint(1, 300), **c)
        for _ in range(r.randint(0, 3)):
            put("device_rebooted", ago(40), user, None, cause=r.choice(["power", "update", "watchdog"]), uptime_hours=r.randint(1, 900), **c)
        for _ in range(r.randint(0, 5)):
            put("door_opened", ago(20), user, None, door=r.randint(1, 3), seconds_open=r.randint(1, 120), **c)
        if r.random() < .3:
            put("connection_lost", ago(30), user, None, **c)


def make(name, now):
    events = []

    def put(event, t, user, session, **properties):
        if t <= now:
            events.append({"event": event, "timestamp": iso(t), "id": "%s%d" % (name, len(events)), "user_id": user, "session_id": session, "properties": {k: v for k, v in properties.items() if v is not None}})
    {"bazaar": bazaar, "desk": desk, "plant": plant}[name](random.Random("s" + name), now, put)
    return sorted(events, key=lambda e: e["timestamp"])
