/* reads.h - what a rule reads, so that who sees a part of the tenant is not shown the rest by its alerts.
 *
 * A rule is judged with the rights of all there is. Its alerts say what it read, under names of its own: SELECT email AS contact, a message with
 * {{properties.email}}, a value that is the greatest salary. So a stored alert names what its rule read, and whoever may not see one of those
 * names as it is does not see the alert (auth/policy.h):
 *
 *      "reads":["email","country"]     words of the rule; of what is read through a container, also those behind its dots
 *      "reads":["*"]                   it may be anything: SELECT *, properties, a table of rows or a table function, a condition on the whole row
 *
 * They are the words that the rule's texts have, not what a parser made of them: too many rather than one too few. What a rule has only as
 * a label under its own name (metric and group_by, the key of a pattern) is not among them: labels are masked one by one.
 */
#ifndef ALERT_READS_H
#define ALERT_READS_H

#include "alert/rules.h"

/* Of each rule into rule->reads (of the rules' arena). The config's metrics say what a rule about one of them reads; NULL:
 * that is not known. After the last rules_add, before evaluate_load. */
void reads_find(struct rules *, const struct config *);

/* The alert's row as it is stored: with what its rule read; of a rule that is gone (p NULL) without, and then only who sees all sees it. */
void reads_put_row(struct buf *, struct str alert_json, struct str reads);

#endif
