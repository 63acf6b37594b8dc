/* task.h - blocks of work: done by several threads at once, finished by one, in order.
 *
 *      caller:  slot ─► fill it ─► give ─┐                        ┌─► done ─► finish it ─► back     in the order given
 *                                        └─► work, by any thread ─┘
 *
 * The caller's thread is one of the threads: what nobody has begun it does itself when it has nothing better to do, so with
 * one thread everything happens in its own. The others are started when a second block waits or one is given away, never for a
 * small input; all signals are blocked in them. Memory is that of the slots.
 */
#ifndef BASE_TASK_H
#define BASE_TASK_H

#define TASK_MOST 8                             /* threads: more of them would wait for the one that finishes */

/* The processors that this process may use, or what AT_THREADS says; and how many threads a queue should have of that. */
int task_processors(void);
int task_threads(void);
#define TASK_SLOTS(threads) (2 * (threads) + 2) /* so that no thread waits for the others, as a rule */

struct task_queue;

/* work(self, thread, slot) is called in any thread, of which `thread`, from 0 (the caller's), is the number; slots are the
 * caller's, n of them. */
struct task_queue *task_queue_new(int threads, void **slots, int n, void (*work)(void *self, int thread, void *slot), void *self);
void task_queue_free(struct task_queue *);      /* waits for what is being done */

void *task_slot(struct task_queue *);           /* one that is not in use; NULL: all are */
void task_give(struct task_queue *);            /* the slot got last is filled */
void task_give_away(struct task_queue *);       /* the same, and another thread begins it at once: for long work, when the
                                                 * caller has other things to do */
void *task_done(struct task_queue *);           /* the oldest given, when its work is done, else NULL; then, finished: */
void task_back(struct task_queue *);
int  task_flying(const struct task_queue *);    /* slots given and not back */
int  task_unbegun(struct task_queue *);         /* of them that nobody has begun: with none, and the oldest not done, task_help waits */
void task_help(struct task_queue *);            /* do one that nobody has begun, or wait until the oldest is done */
void task_wait(struct task_queue *);            /* wait until the oldest is done; where there is no other thread, as task_help */

#endif
