/* checked.h - what a language model made of a sentence, taken only where it says nothing that the sentence does not say.
 *
 * AT_LLM_URL names a server that speaks the OpenAI protocol (…/v1); AT_LLM_MODEL and AT_LLM_KEY go with it. It is given finished sentences,
 * never rows, and gives each in other words. Those are held against the sentence: its figures (digits and number words, each with its unit,
 * to the digits that are written) in their order, its directions (rose, fewer, …) in their order, its negations, what makes a prospect of a fact (may,
 * likely), which week is meant (this, last), its names, and which figure is of which of them: two that have changed places are a lie. A word that is neither in the sentence nor one of those that name nothing (some 300) is one
 * too many, so that neither what it is of, nor the period, nor the unit becomes another. One that does not pass is thrown away and the sentence stays as it was; so it does when the server is not there, is slow, or writes something else.
 */
#ifndef INSIGHT_CHECKED_H
#define INSIGHT_CHECKED_H

#include "base/buf.h"
#include "base/str.h"

/* Does `text` say nothing but what `own` says?  1, 0. */
int checked_against(struct str text, struct str own);

/* Is there a model to ask (AT_LLM_URL is set and not empty)? */
int checked_model(void);

/* Ask the model for n sentences in other words; to[i] gets what passed, else own[i]. How many passed; 0 also when the model could not be asked,
 * with the reason in *why (n 0: it was asked). to: n empty bufs, the caller's. */
int checked_phrase(const struct str *own, int n, struct buf *to, struct buf *why);

/* One question to the model: `system` says what it is to do, `user` is the material. Appends what it wrote, at most 64 KiB. 0; -1: it could not be
 * asked, with the reason in *why. What it wrote is not checked. */
int checked_ask(struct str system, struct str user, struct buf *answer, struct buf *why);

#endif
