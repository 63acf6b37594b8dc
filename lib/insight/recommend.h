/* recommend.h - items for users, and items beside items, from what users did (implicit feedback).
 *
 *      neighbours   items that the same users took: cosine of their users, shrunk where few users speak for it
 *                   (Sarwar, Karypis, Konstan, Riedl, WWW 2001)
 *      factors      what is taken is 1, with a confidence that grows with how often, what is not is 0 with confidence 1:
 *                   alternating least squares (Hu, Koren, Volinsky, ICDM 2008)
 *      popularity   the share of all users; what is left for who did nothing yet, and for items that nobody has with others
 *
 * A user's items are ranked by the sum of the first two, each as part of its greatest; what the user already took is left out. Nothing is drawn by
 * lot: the same interactions give the same answer, in whatever order they come.
 */
#ifndef INSIGHT_RECOMMEND_H
#define INSIGHT_RECOMMEND_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define RECOMMEND_MOST 4000000          /* pairs of user and item */

struct recommend;
struct recommended {
	struct str item, because;               /* because: the user's own item that speaks most for it; p NULL: none does */
	double score;                           /* 0 to 1 */
	int64_t users;                          /* who took it */
	int cold;                               /* by popularity alone */
};

struct recommend *recommend_new(void);
void recommend_free(struct recommend *);

/* A user took an item, `weight` strong (how often). The same pair again adds up. Texts are copied. ERR_LIMIT: more than RECOMMEND_MOST pairs. */
int recommend_add(struct recommend *, struct str user, struct str item, double weight, struct err *);

/* Once, after all are added. factors 0: by neighbours alone. */
void recommend_learn(struct recommend *, int factors);

/* The best n, borrowed texts. How many there are. A user that is not known gets what is popular; an item that is not known gets nothing. */
int recommend_user(struct recommend *, struct str user, int n, struct recommended *);
int recommend_item(struct recommend *, struct str item, int n, struct recommended *);
int64_t recommend_users(const struct recommend *);      /* how many there are */
int recommend_knows_item(const struct recommend *, struct str item);

#endif
