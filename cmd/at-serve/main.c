/* at-serve - the engine behind an API. See at-serve(1). */
#include "base/cmd.h"
#include "serve/serve.h"

int
main(int argc, char **argv)
{
	struct serve_spec spec = { .listen = "127.0.0.1:8321", .workers = 1 };
	const struct opt opts[] = {
		{ 'l', "listen",   "ADDR:PORT", "where to listen (127.0.0.1:8321); port 0 takes a free one", opt_text, &spec.listen },
		{ 0,   "tls-cert", "FILE", "speak TLS with this certificate (PEM, with those between it and the root)", opt_text, &spec.tls_cert },
		{ 0,   "tls-key",  "FILE", "and this private key", opt_text, &spec.tls_key },
		{ 0,   "insecure", NULL,   "listen beyond this machine without TLS: behind a proxy that has it", opt_flag, &spec.insecure },
		{ 0,   "workers",  "N",    "processes over the one store (1)", opt_count, &spec.workers },
		{ 0,   "user",     "NAME", "started by root: be this user once the address is bound and the key read", opt_text, &spec.user },
		{ 0 }
	};
	static const char *const examples[] = {
		"at-serve",
		"at-serve -l 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --workers 2",
		"curl localhost:8321/api/v1/events -H \"X-API-Key: $KEY\" -d '{\"event\":\"hello\"}'",
		NULL
	};
	const struct cmd cmd = { "at-serve", "", "the engine behind an API: HTTP, WebSocket, dashboards", opts, examples, NULL };
	struct err err = { 0 };
	int n;
	char **operands = cmd_start(&cmd, argc, argv, &n);

	if (n)
		err_set(&err, ERR_USAGE, "'%s' is one operand too many", operands[0]);
	spec.store = cmd_settings()->store;
	spec.config = cmd_settings()->config;
	spec.zone = cmd_settings()->zone;
	spec.quiet = cmd_settings()->quiet;
	spec.verbose = cmd_settings()->verbose;
	if (!err.code)
		serve_run(&spec, &err);
	return cmd_end(&err);
}
