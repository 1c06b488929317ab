#include "core/thread.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct thread {
	pthread_t impl;
	void (*body)(void *data);
	void *data;
};

static void must(int result, const char *what)
{
	if (G_UNLIKELY(result != 0)) {
		g_critical("%s: %s", what, g_strerror(result));
		abort();
	}
}

void mutex_init(struct mutex *mutex)
{
	must(pthread_mutex_init(&mutex->impl, NULL), "pthread_mutex_init");
}

void mutex_destroy(struct mutex *mutex)
{
	must(pthread_mutex_destroy(&mutex->impl), "pthread_mutex_destroy");
}

void mutex_lock(struct mutex *mutex)
{
	must(pthread_mutex_lock(&mutex->impl), "pthread_mutex_lock");
}

void mutex_unlock(struct mutex *mutex)
{
	must(pthread_mutex_unlock(&mutex->impl), "pthread_mutex_unlock");
}

void cond_init(struct cond *cond)
{
	pthread_condattr_t attributes;
	must(pthread_condattr_init(&attributes), "pthread_condattr_init");
	must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "pthread_condattr_setclock");
	must(pthread_cond_init(&cond->impl, &attributes), "pthread_cond_init");
	must(pthread_condattr_destroy(&attributes), "pthread_condattr_destroy");
}

void cond_destroy(struct cond *cond)
{
	must(pthread_cond_destroy(&cond->impl), "pthread_cond_destroy");
}

void cond_wait(struct cond *cond, struct mutex *mutex)
{
	must(pthread_cond_wait(&cond->impl, &mutex->impl), "pthread_cond_wait");
}

bool cond_wait_until(struct cond *cond, struct mutex *mutex, int64_t until_mono_us)
{
	struct timespec until = {
	        .tv_sec = (time_t)(until_mono_us / 1000000),
	        .tv_nsec = (long)(until_mono_us % 1000000) * 1000,
	};
	int result = pthread_cond_timedwait(&cond->impl, &mutex->impl, &until);
	if (result != ETIMEDOUT)
		must(result, "pthread_cond_timedwait");
	return result == 0;
}

void cond_signal(struct cond *cond)
{
	must(pthread_cond_signal(&cond->impl), "pthread_cond_signal");
}

void cond_broadcast(struct cond *cond)
{
	must(pthread_cond_broadcast(&cond->impl), "pthread_cond_broadcast");
}

static void *thread_main(void *data)
{
	struct thread *thread = data;
	thread->body(thread->data);
	return NULL;
}

struct thread *thread_start(const char *name, void (*body)(void *data), void *data)
{
	struct thread *thread = g_new0(struct thread, 1);
	thread->body = body;
	thread->data = data;
	sigset_t all, before;
	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &before), "pthread_sigmask");
	must(pthread_create(&thread->impl, NULL, thread_main, thread), "pthread_create");
	must(pthread_sigmask(SIG_SETMASK, &before, NULL), "pthread_sigmask");
	g_autofree char *short_name = g_strndup(name, 15);
	pthread_setname_np(thread->impl, short_name);
	return thread;
}

void thread_join(struct thread *thread)
{
	must(pthread_join(thread->impl, NULL), "pthread_join");
	g_free(thread);
}
