/* Messages to webhooks: signed, in order, once each, tried again, put aside, brought back; against a receiver of the test's own. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "alert/deliver.h"
#include "base/mem.h"
#include "base/time.h"
#include "folder.h"
#include "store/admin.h"

/* ---- a receiver that answers what the test says, and writes down what came */

static struct {
	int fd, port;
	_Atomic int status, cut;        /* cut: takes the message and ends the connection without a word */
	const char *_Atomic more;       /* header lines of the answer */
	void (*_Atomic meanwhile)(void);        /* called before it answers */
	char requests[64][2048];
	_Atomic int n;
	pthread_t thread;
} receiver;

static void *
receive(void *unused)
{
	int fd;

	(void)unused;
	while ((fd = accept(receiver.fd, NULL, NULL)) >= 0) {
		char *to = receiver.requests[receiver.n % 64], answer[512];
		size_t n = 0, want = 0;
		ssize_t got;

		while ((got = read(fd, to + n, 2047 - n)) > 0) {
			char *end;

			n += (size_t)got, to[n] = 0;
			if ((end = strstr(to, "\r\n\r\n")) && !want) {
				char *len = strcasestr(to, "content-length:");

				want = (size_t)(end + 4 - to) + (len ? strtoul(len + 15, NULL, 10) : 0);
			}
			if (want && n >= want)
				break;
		}
		receiver.n++;
		if (receiver.meanwhile)
			receiver.meanwhile();
		snprintf(answer, sizeof(answer), "HTTP/1.1 %d x\r\ncontent-length: 0\r\nconnection: close\r\n%s\r\n", receiver.status, receiver.more ? receiver.more : "");
		if (!receiver.cut && write(fd, answer, strlen(answer)) < 0)
			break;
		close(fd);
	}
	return NULL;
}

static int
set_up(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	folder_set_up(state);
	memset(&receiver, 0, sizeof(receiver));
	receiver.status = 204;
	receiver.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(receiver.fd, (struct sockaddr *)&a, len) | listen(receiver.fd, 8), 0);
	getsockname(receiver.fd, (struct sockaddr *)&a, &len);
	receiver.port = ntohs(a.sin_port);
	return pthread_create(&receiver.thread, NULL, receive, NULL);
}

static int
tear_down(void **state)
{
	shutdown(receiver.fd, SHUT_RDWR);
	pthread_join(receiver.thread, NULL);
	close(receiver.fd);
	time_set_now(TIME_NONE);
	return folder_tear_down(state);
}

static struct err err;
static const char *const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

static struct store *
store_with(const char *id, const char *more)
{
	struct store *s = store_open(dir, "default", STORE_CREATE, &err);
	struct buf b = {0};

	assert_non_null(s);
	buf_printf(&b, "{\"id\":\"%s\",\"url\":\"http://127.0.0.1:%d/hook\",\"secret\":\"%s\"%s}", id, receiver.port, secret, more);
	OK(store_begin(s, &err));
	OK(store_put_state(s, DELIVER_RECEIVERS, str_of(id), buf_get(&b), &err));
	OK(store_commit(s, &err));
	buf_release(&b);
	return s;
}

static void
publish(struct store *s, const char *type, const char *body, int want)
{
	OK(store_begin(s, &err));
	assert_int_equal(deliver_publish(s, str_of(type), time_now(), str_of(body), &err), want);
	OK(store_commit(s, &err));
}

static const struct deliver_spec quick = { .private_too = 1, .first_ms = 1000, .most_ms = 8000, .tries = 5, .timeout_ms = 20000 };

static int
count(void *self, struct str id, struct str json)
{
	(void)id, (void)json;
	++*(int *)self;
	return 0;
}

static int
queued(struct store *s, int dead)
{
	int n = 0;

	OK(deliver_each(s, (struct str){0}, dead, count, &n, &err));
	return n;
}

/* The example of the specification's own libraries. */
static void
a_signature_is_that_of_standard_webhooks(void **state)
{
	struct buf out = {0};

	(void)state;
	OK(deliver_sign(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, STR("{\"test\": 2432232314}"), &out, &err));
	assert_string_equal(buf_text(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	assert_int_equal(deliver_sign(STR("whsec_?"), STR("a"), 1, STR(""), &out, &err), ERR_INPUT);
	buf_release(&out);
}

static void
messages_come_once_in_order_signed_and_then_are_gone(void **state)
{
	struct store *s = store_with("a", "");
	struct deliver_figures f = {0};
	struct buf want = {0};
	char *body;

	(void)state;
	for (int i = 0; i < 20; i++) {
		char data[32];

		snprintf(data, sizeof(data), "{\"i\":%d}", i);
		publish(s, "alert.firing", data, 1);
	}
	assert_int_equal(deliver_due(s, &quick, &f, &err), -1);
	assert_int_equal(f.delivered, 20);
	assert_int_equal(receiver.n, 20);
	for (int i = 0; i < 20; i++) {
		char data[32], id[64], signature[128];
		long seconds;

		snprintf(data, sizeof(data), "\"data\":{\"i\":%d}}", i);
		assert_non_null(strstr(receiver.requests[i], data));
		assert_int_equal(sscanf(strcasestr(receiver.requests[i], "webhook-id:"), "%*[^:]: %63s", id), 1);
		assert_int_equal(sscanf(strcasestr(receiver.requests[i], "webhook-timestamp:"), "%*[^:]: %ld", &seconds), 1);
		assert_int_equal(sscanf(strcasestr(receiver.requests[i], "webhook-signature:"), "%*[^:]: %127s", signature), 1);
		body = strstr(receiver.requests[i], "\r\n\r\n") + 4;
		buf_clear(&want);
		OK(deliver_sign(str_of(secret), str_of(id), seconds, str_of(body), &want, &err));
		assert_string_equal(signature, buf_text(&want));
	}
	assert_int_equal(queued(s, 0) + queued(s, 1), 0);
	buf_release(&want);
	store_close(s);
}

/* Down for a while: late, in order, each once (fault 61). */
static void
a_receiver_that_was_down_gets_all_in_order(void **state)
{
	struct store *s = store_with("a", "");
	struct deliver_figures f = {0};
	int64_t now = 1795000000000, wait;

	(void)state;
	time_set_now(now);
	receiver.status = 503;
	for (int i = 0; i < 3; i++)
		publish(s, "alert.firing", i == 0 ? "0" : i == 1 ? "1" : "2", 1);
	assert_int_equal(deliver_due(s, &quick, &f, &err), 1000);
	assert_int_equal(deliver_due(s, &quick, &f, &err), 1000);       /* not yet: nothing is sent */
	assert_int_equal(receiver.n, 1);
	time_set_now(now += 1000);
	assert_int_equal(deliver_due(s, &quick, &f, &err), 2000);
	receiver.more = "Retry-After: 30\r\n";
	time_set_now(now += 2000);
	assert_int_equal(deliver_due(s, &quick, &f, &err), 30000);
	receiver.more = "Retry-After: Wed, 18 Nov 2026 11:08:13 GMT\r\n";       /* a minute later */
	time_set_now(now += 30000);
	assert_int_equal(deliver_due(s, &quick, &f, &err), 60000);
	now += 30000;
	receiver.status = 200;
	receiver.more = NULL;
	time_set_now(now += 30000);
	wait = deliver_due(s, &quick, &f, &err);
	assert_int_equal(wait, -1);
	assert_int_equal(f.delivered, 3);
	assert_int_equal(receiver.n, 7);
	for (int i = 0; i < 3; i++) {
		char data[16];

		snprintf(data, sizeof(data), "\"data\":%d}", i);
		assert_non_null(strstr(receiver.requests[4 + i], data));
	}
	store_close(s);
}

static void
too_often_is_put_aside_and_can_be_brought_back(void **state)
{
	struct store *s = store_with("a", "");
	struct deliver_figures f = {0};
	int64_t now = 1795000000000;

	(void)state;
	receiver.cut = 1;
	time_set_now(now);
	publish(s, "x", "1", 1);
	for (int i = 0; i < quick.tries; i++) {
		OK(deliver_due(s, &quick, &f, &err) < -1 ? -1 : 0);
		time_set_now(now += 10000);
	}
	assert_int_equal(f.dead, 1);
	assert_int_equal(queued(s, 0), 0);
	assert_int_equal(queued(s, 1), 1);
	receiver.cut = 0;
	assert_int_equal(deliver_replay(s, STR("a"), (struct str){0}, time_now(), &err), 1);
	assert_int_equal(deliver_due(s, &quick, &f, &err), -1);
	assert_int_equal(f.delivered, 1);
	assert_int_equal(queued(s, 0) + queued(s, 1), 0);
	store_close(s);
}

static int
count_letters(void *self, struct str id, struct str json)
{
	(void)id, (void)json;
	++*(int *)self;
	return 0;
}

static int
letters(struct store *s, const char *receiver_id, int dead)
{
	int n = 0;

	OK(deliver_each(s, str_of(receiver_id), dead, count_letters, &n, &err));
	return n;
}

/* What a receiver of the configuration did not take is found under its name, goes out again or is let go, and touches nobody else's. */
static void
letters_of_the_configuration_are_found_replayed_and_dropped(void **state)
{
	struct store *s = store_with("w", ",\"events\":[\"a\"]");
	struct buf text = { 0 };
	struct deliver_spec spec = { .private_too = 1, .first_ms = 1, .tries = 1 };

	(void)state;
	buf_printf(&text, "{\"r\":{\"type\":\"webhook\",\"url\":\"http://127.0.0.1:%d/r\",\"secret\":\"%s\"}}", receiver.port, secret);
	spec.receivers = json_value(buf_get(&text));
	receiver.status = 500;
	OK(store_begin(s, &err));
	for (int i = 0; i < 3; i++)
		OK(deliver_put(s, STR(":r"), STR("alert.firing"), time_now(), STR("{}"), &err));
	OK(deliver_put(s, STR("w"), STR("a"), time_now(), STR("{}"), &err));
	OK(store_commit(s, &err));
	while (deliver_due(s, &spec, NULL, &err) >= 0)
		usleep(2000);
	assert_int_equal(letters(s, ":r", 1), 3);
	assert_int_equal(letters(s, ":r", 0), 0);
	assert_int_equal(letters(s, ":none", 1), 0);
	receiver.status = 204;
	assert_int_equal(deliver_replay(s, STR(":r"), (struct str){ 0 }, time_now(), &err), 3);
	while (deliver_due(s, &spec, NULL, &err) >= 0)
		usleep(2000);
	assert_int_equal(letters(s, ":r", 1) + letters(s, ":r", 0), 0);
	assert_int_equal(letters(s, "w", 1), 1);
	assert_int_equal(deliver_drop(s, STR("w"), STR("no such"), &err), 0);
	assert_int_equal(letters(s, "w", 1), 1);
	assert_int_equal(deliver_drop(s, STR("w"), (struct str){ 0 }, &err), 1);
	assert_int_equal(letters(s, "w", 1), 0);
	buf_release(&text);
	store_close(s);
}

static void
a_receiver_gets_what_it_asked_for_and_one_that_is_gone_is_switched_off(void **state)
{
	struct store *s = store_with("a", ",\"events\":[\"alert.*\",\"signup\"]");

	(void)state;
	publish(s, "signup", "1", 1);
	publish(s, "alert.resolved", "1", 1);
	publish(s, "login", "1", 0);
	receiver.status = 410;
	assert_int_equal(deliver_due(s, &quick, NULL, &err), -1);
	assert_int_equal(receiver.n, 1);
	publish(s, "signup", "2", 0);
	OK(store_begin(s, &err));
	OK(deliver_forget(s, STR("a"), &err));
	OK(store_commit(s, &err));
	assert_int_equal(queued(s, 0), 0);
	store_close(s);
}

static struct store *changing;
static const char *changed_to;          /* NULL: it is removed */

static void
change_receiver(void)
{
	struct store *s;
	struct err e = {0};
	int rc;

	if (!changing)
		return;
	s = store_share_write(changing, &e);
	rc = store_begin(s, &e);
	if (rc == 0 && changed_to)
		rc = store_put_state(s, DELIVER_RECEIVERS, STR("a"), str_of(changed_to), &e);
	else if (rc == 0 && (rc = store_drop_state(s, DELIVER_RECEIVERS, STR("a"), &e)) == 0)
		rc = deliver_forget(s, STR("a"), &e);
	if (rc == 0)
		store_commit(s, &e);
	store_close(s);
	changing = NULL;
}

/* A try takes seconds, in which its receiver may be changed or removed: that stays so, whatever the answer is. */
static void
a_receiver_that_is_changed_or_removed_while_it_is_asked_stays_so(void **state)
{
	static const char other[] = "{\"id\":\"a\",\"url\":\"http://127.0.0.1:9/\",\"version\":2}";
	static const int answers[] = { 204, 410, 500 };
	struct store *s;
	struct buf b = {0};

	(void)state;
	receiver.meanwhile = change_receiver;
	for (size_t i = 0; i < 3; i++) {
		s = store_with("a", "");
		publish(s, "x", "1", 1);
		publish(s, "x", "2", 1);
		receiver.status = answers[i];
		changing = s, changed_to = NULL;
		assert_int_equal(deliver_due(s, &quick, NULL, &err), 0);        /* what else there is is looked at anew: */
		assert_int_equal(deliver_due(s, &quick, NULL, &err), -1);
		assert_null(changing);
		assert_int_equal(store_get_state(s, DELIVER_RECEIVERS, STR("a"), &b, &err), 0);
		assert_int_equal(letters(s, "a", 0) + letters(s, "a", 1), 0);
		store_close(s);
	}
	s = store_with("a", "");
	publish(s, "x", "1", 1);
	receiver.status = 410;
	changing = s, changed_to = other;
	deliver_due(s, &quick, NULL, &err);
	assert_null(changing);
	assert_int_equal(store_get_state(s, DELIVER_RECEIVERS, STR("a"), &b, &err), 1);
	assert_string_equal(buf_text(&b), other);
	buf_release(&b);
	store_close(s);
}

static int
drop_first(void *self, struct str id, struct str json)
{
	(void)json;
	return store_drop_state(self, "delivery/a", id, &err) < 0 ? -1 : 1;
}

static void
drop_message(void)
{
	struct store *s;
	struct err e = {0};

	if (!changing)
		return;
	s = store_share_write(changing, &e);
	if (store_begin(s, &e) == 0 && deliver_each(s, STR("a"), 0, drop_first, s, &e) >= 0)
		store_commit(s, &e);
	store_close(s);
	changing = NULL;
}

/* Erased with its user: those behind it do not wait for another that may never come. */
static void
a_message_that_is_taken_away_while_it_is_sent_holds_up_no_other(void **state)
{
	static const int answers[] = { 204, 500 };

	(void)state;
	receiver.meanwhile = drop_message;
	for (size_t i = 0; i < 2; i++) {
		struct store *s = store_with("a", "");

		publish(s, "x", "1", 1);
		publish(s, "x", "2", 1);
		receiver.status = answers[i];
		changing = s;
		assert_int_equal(deliver_due(s, &quick, NULL, &err), 0);
		assert_null(changing);
		assert_int_equal(letters(s, "a", 0), 1);
		receiver.status = 204;
		assert_int_equal(deliver_due(s, &quick, NULL, &err), -1);
		assert_int_equal(letters(s, "a", 0) + letters(s, "a", 1), 0);
		store_close(s);
	}
}

static void
an_address_that_is_not_public_is_refused_unless_allowed(void **state)
{
	struct store *s = store_with("a", "");
	struct deliver_spec spec = quick;
	struct deliver_figures f = {0};

	(void)state;
	spec.private_too = 0;
	publish(s, "x", "1", 1);
	OK(deliver_due(s, &spec, &f, &err) < -1 ? -1 : 0);
	assert_int_equal(f.failed, 1);
	assert_int_equal(receiver.n, 0);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_signature_is_that_of_standard_webhooks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(messages_come_once_in_order_signed_and_then_are_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_receiver_that_was_down_gets_all_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_often_is_put_aside_and_can_be_brought_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(letters_of_the_configuration_are_found_replayed_and_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_receiver_gets_what_it_asked_for_and_one_that_is_gone_is_switched_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_receiver_that_is_changed_or_removed_while_it_is_asked_stays_so, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_message_that_is_taken_away_while_it_is_sent_holds_up_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_address_that_is_not_public_is_refused_unless_allowed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
