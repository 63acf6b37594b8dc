/* provider.c - login in a browser through the OpenID provider of auth.oidc: there and back again.
 *
 * The session's cookie is SameSite=Strict, that of the way to the provider and back is Lax: it must come along when the provider
 * sends the browser here. A browser keeps Strict cookies back as long as it follows what another site began, so a redirect from here
 * would come to its first page without the session: a page of ours sends it on instead, and what that begins is ours. Who does not
 * ask for a page is redirected.
 */
#include "query/output.h"
#include "serve/serve_priv.h"

#define LOGIN_S 600             /* as long as auth_oidc_finish takes what was begun */

static const char *
secure(const struct exchange *ex)
{
	return ex->serve->is_tls ? "; Secure" : "";
}

/* Where the provider sends the browser: what the configuration says, for who stands behind a proxy, else what the browser called us. */
static void
redirect_uri(struct exchange *ex, struct buf *uri)
{
	struct str said = exchange_text(ex, config_get(ex->config, "analytics", "auth.oidc.redirect_uri")), host = http_header(ex->request, "Host");

	if (said.p)
		buf_str(uri, said);
	else
		buf_printf(uri, "%s://%.*s/auth/callback", ex->serve->is_tls ? "https" : "http", STR_FMT(host));
}

static void
failed(struct exchange *ex, const struct err *err)
{
	if (err->code == ERR_INPUT)
		exchange_problem(ex, 401, "%s", err->text);
	else if (err->code == ERR_DENIED)
		exchange_problem(ex, 403, "%s", err->text);
	else
		exchange_problem(ex, 503, "%s", err->text);
}

static void
begin(struct exchange *ex)
{
	struct buf uri = { 0 }, url = { 0 }, cookie = { 0 }, head = { 0 };
	struct err err = { 0 };

	if (!auth_has_oidc(ex->serve->auth)) {
		exchange_problem(ex, 404, "there is no login through a provider: auth.oidc in analytics.json names none");
		return;
	}
	redirect_uri(ex, &uri);
	if (auth_oidc_begin(ex->serve->auth, buf_get(&uri), exchange_param(ex, "then"), &url, &cookie, &err)) {
		failed(ex, &err);
	} else {
		buf_printf(&head, "at_login=%s; Path=/auth; HttpOnly; SameSite=Lax; Max-Age=%d%s", buf_text(&cookie), LOGIN_S, secure(ex));
		exchange_head(ex, "Set-Cookie", buf_get(&head));
		exchange_head(ex, "Location", buf_get(&url));
		exchange_send(ex, 302, NULL, (struct str){ 0 });
	}
	buf_release(&uri), buf_release(&url), buf_release(&cookie), buf_release(&head);
}

static int
wants_page(struct exchange *ex)
{
	struct str accept = http_header(ex->request, "Accept");

	return accept.p && memmem(accept.p, accept.n, "text/html", 9) != NULL;
}

/* `then` begins with a slash and another character than a slash (auth_oidc_begin), so it is a path of this site. */
static void
send_on(struct exchange *ex, struct str then)
{
	struct buf page = { 0 };

	if (!wants_page(ex)) {
		exchange_head(ex, "Location", then);
		exchange_send(ex, 303, NULL, (struct str){ 0 });
		return;
	}
	buf_lit(&page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Logged in</title><meta http-equiv=\"refresh\" content=\"0;url=");
	output_put_html(&page, then);
	buf_lit(&page, "\"></head><body><p>You are logged in. <a href=\"");
	output_put_html(&page, then);
	buf_lit(&page, "\">Go on</a></p></body></html>\n");
	exchange_send(ex, 200, "text/html; charset=utf-8", buf_get(&page));
	buf_release(&page);
}

static void
finish(struct exchange *ex)
{
	struct auth_oidc_answer in = { .state = exchange_param(ex, "state"), .code = exchange_param(ex, "code"), .iss = exchange_param(ex, "iss"),
		.error = exchange_param(ex, "error"), .cookie = serve_exchange_cookie(ex, STR("at_login")), .address = http_client(ex->request) };
	struct auth_login login = { 0 };
	struct buf then = { 0 }, gone = { 0 };
	struct err err = { 0 };

	buf_printf(&gone, "at_login=; Path=/auth; HttpOnly; SameSite=Lax; Max-Age=0%s", secure(ex));
	exchange_head(ex, "Set-Cookie", buf_get(&gone));
	if (auth_oidc_finish(ex->serve->auth, &in, &login, &then, &err)) {
		failed(ex, &err);
	} else {
		serve_exchange_set_session(ex, buf_get(&login.session));
		send_on(ex, buf_get(&then));
	}
	auth_login_release(&login);
	buf_release(&then), buf_release(&gone);
}

static const struct route_param begin_params[] = { { "then", "string", 0, "a path of this site to go to afterwards" }, { 0 } };
static const struct route_param finish_params[] = {
	{ "state", "string", 0, "of the login that was begun" }, { "code", "string", 0, "the provider's" }, { "iss", "string", 0, "the provider" },
	{ "error", "string", 0, "why not" }, { 0 }
};

const struct route route_provider[] = {
	{ "GET", "/auth/login", "To the provider, to log in there.", AUTH_READ, NULL, begin_params, NULL, "text/html", 302, ROUTE_POOL, 0, begin, .quiet = 1 },
	{ "GET", "/auth/callback", "Back from the provider, with a session.", AUTH_READ, NULL, finish_params, NULL, "text/html", 303, ROUTE_POOL, 0, finish,
	    .quiet = 1 },
	{ 0 }
};
