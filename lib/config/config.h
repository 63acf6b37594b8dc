/* config.h - the files of the configuration folder: analytics.json, data-sources.json, dashboards.json.
 *
 * Each value may be "${NAME}" (or hold it): taken from the environment, an error when it is not set. Unknown keys and
 * wrong types are errors that say the file and the path: "config/analytics.json: events.purchase.trim: wants true or false".
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "json/json.h"

struct config;

/* Read the folder (cmd_settings()->config); files that are not there are empty objects. NULL on a fault. */
struct config *config_open(const char *dir, struct err *);
void config_close(struct config *);

/* A value by path, "events.purchase.clean"; JSON_NONE when not set. Borrowed until config_close. file: "analytics",
 * "data-sources" or "dashboards". */
struct json config_get(const struct config *, const char *file, const char *path);

/* All of it as one text, with what the environment said when it was read, and such a text as a configuration again: for another process
 * that is to have just this one. NULL: no such text. */
void config_pack(const struct config *, struct buf *);
struct config *config_unpack(struct str, struct err *);

/* A JSON file of another folder into a buf: whole, and json_check accepts it. 0, or what is wrong with "FILE:LINE:COL: " in front. */
int config_read(const char *path, struct buf *text, struct err *);

/* The JSON Schema of one of the files, as text. */
const char *config_schema(const char *file);

#endif
