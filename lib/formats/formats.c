#include "formats/formats.h"

#include "formats/formats_priv.h"

struct formats_settings formats_settings;

const struct format *const formats_all[] = {
	&formats_ndjson, &formats_json, &formats_csv, &formats_tsv, &formats_combined, &formats_common, &formats_logfmt,
	&formats_syslog, &formats_statsd, &formats_influx, &formats_prometheus, &formats_otlp, &formats_cloudevents,
	&formats_segment, &formats_singer, NULL
};

const struct format *
formats_find(const char *name, struct err *err)
{
	const char *near = NULL;
	int most = 2;

	for (int i = 0; formats_all[i]; i++)
		if (strcmp(formats_all[i]->name, name) == 0)
			return formats_all[i];
	for (int i = 0; formats_all[i]; i++)
		if (str_nearer(formats_all[i]->name, name, &most))
			near = formats_all[i]->name;
	if (near)
		err_set(err, ERR_USAGE, "unknown format '%.40s', did you mean %s?", name, near);
	else
		err_set(err, ERR_USAGE, "unknown format '%.40s', try auto, ndjson, json, csv, tsv, combined, common, logfmt, syslog, "
		    "statsd, influx, prometheus, otlp, cloudevents, segment or singer", name);
	return NULL;
}

const struct format *
formats_detect(struct str head, const char *file)
{
	const struct format *best = &formats_ndjson;
	int most = 0;

	for (int i = 0; formats_all[i]; i++) {
		int looks = formats_all[i]->looks(head, file ? file : "");

		if (looks > most)
			best = formats_all[i], most = looks;
	}
	return best;
}
