/*
 * Scoped ownership for our own structs.
 *
 * GLib's g_autoptr() wants a typedef; we write `struct noun`. `autoptr(noun) x = noun_new();` frees
 * x with the function named by AUTO_DEFINE(noun, noun_free) when the scope is left, and
 * g_steal_pointer() hands it on as usual.
 */
#ifndef IMEX_CORE_AUTO_H
#define IMEX_CORE_AUTO_H

#define autoptr(noun) __attribute__((cleanup(noun##_auto_cleanup_))) struct noun *

#define AUTO_DEFINE(noun, free_function)                                                           \
	static inline void noun##_auto_cleanup_(struct noun **pointer)                             \
	{                                                                                          \
		if (*pointer != NULL)                                                              \
			free_function(*pointer);                                                   \
	}                                                                                          \
	_Static_assert(1, "")

#endif
