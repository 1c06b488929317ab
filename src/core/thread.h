/*
 * Threads, locks and conditions: plain pthreads. Debian's GLib is not instrumented for the thread
 * sanitizer, so its GMutex and thread pool are not used. A failing lock is a bug and aborts.
 */
#ifndef IMEX_CORE_THREAD_H
#define IMEX_CORE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct mutex {
	pthread_mutex_t impl;
};

struct cond {
	pthread_cond_t impl;
};

#define MUTEX_INIT                                                                                 \
	{                                                                                          \
		PTHREAD_MUTEX_INITIALIZER                                                          \
	}

void mutex_init(struct mutex *mutex);
void mutex_destroy(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* Conditions wait on the monotonic clock. */
void cond_init(struct cond *cond);
void cond_destroy(struct cond *cond);
void cond_wait(struct cond *cond, struct mutex *mutex);
/* False when until_mono_us (clock_mono_us()) passed first. */
bool cond_wait_until(struct cond *cond, struct mutex *mutex, int64_t until_mono_us);
void cond_signal(struct cond *cond);
void cond_broadcast(struct cond *cond);

struct thread;
/* Starts body(data) in a thread with all signals blocked; name is shown by ps, 15 bytes at most. */
struct thread *thread_start(const char *name, void (*body)(void *data), void *data);
/* Waits for its end and frees it. */
void thread_join(struct thread *thread);

#endif
