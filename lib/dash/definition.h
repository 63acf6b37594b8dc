/* definition.h - a dashboard: which widgets, of what, where. As config/dashboards.json, a file or the store's records have it.
 *
 *      {"id":"main","title":"Main","layout":"grid","widgets":[
 *        {"id":"signups","type":"metric_card","metric":"user_signups","timeRange":"24h","position":{"x":0,"y":0,"w":3,"h":2}}]}
 *
 * The grid has 12 columns; positions that are of a grid of 24 are halved when they are read. A widget without a position comes where there is room.
 */
#ifndef DASH_DEFINITION_H
#define DASH_DEFINITION_H

#include "json/json.h"

enum widget_type { WIDGET_METRIC_CARD, WIDGET_LINE_CHART, WIDGET_AREA_CHART, WIDGET_BAR_CHART, WIDGET_PIE_CHART, WIDGET_TABLE, WIDGET_FUNNEL_CHART,
    WIDGET_HEATMAP, WIDGET_RETENTION, WIDGET_GAUGE, WIDGET_EVENT_FEED, WIDGET_ALERT_LIST, WIDGET_TEXT,
    WIDGET_CUSTOM, WIDGET_TYPES };
extern const char *const definition_types[WIDGET_TYPES];        /* "metric_card", … */

#define DEFINITION_WIDGETS 200          /* at most, as at-serve takes them */
#define DEFINITION_COLUMNS 12
#define DEFINITION_STEPS   64
#define DEFINITION_THRESHOLDS 10
#define DEFINITION_VARIABLES  20
#define DEFINITION_NOTES      200

struct widget {
	enum widget_type type;
	struct str id, title, text;     /* title: the id where none was given */
	struct str metric, query;       /* p NULL: not given, as below */
	struct str by;                  /* groupBy, as "source,country" */
	struct str steps[DEFINITION_STEPS];
	int n_steps;
	struct str every, range;        /* interval, timeRange: the dashboard's where the widget has none */
	struct str event;               /* of a feed: only this one */
	struct str start, back, within; /* of retention, the first two steps where they are not given; of a funnel */
	struct str filters;             /* a JSON object: fields that have to be equal */
	struct str unit;
	struct str ahead;               /* forecast: how far, as a number of steps or a span; n 0: not asked for */
	int periods, limit;             /* 0: not given */
	int stacked;                    /* areas and bars over time: one on the other */
	int decimals;                   /* -1: as the number is */
	double min, max;                /* NAN: not given */
	struct threshold { double value; enum { LEVEL_NONE, LEVEL_GOOD, LEVEL_WARN, LEVEL_BAD } level; } threshold[DEFINITION_THRESHOLDS];
	int n_thresholds;               /* by value; a number is of the level of the last that it reaches */
	int x, y, w, h;                 /* w 0: no position given */
};

struct definition {
	struct str id, title, description, range;
	struct widget *widget;
	int n;
	struct variable { struct str name, value; } variable[DEFINITION_VARIABLES];     /* :name in queries; put in for $name in texts */
	int n_variables;
	struct note { int64_t time; struct str text; } *note;   /* annotations: marked on curves */
	int n_notes;
	struct arena *arena;            /* holds all of it */
};

/* One dashboard; what at-serve adds to its records (version, created, …) is passed over. NULL: ERR_INPUT with the widget's id. */
struct definition *definition_read(struct json, struct err *);
void definition_free(struct definition *);

/* A file: one dashboard, or the first of "dashboards". NULL with err->code 0: it is something else, rows for one. */
struct definition *definition_open(const char *path, struct err *);

#endif
