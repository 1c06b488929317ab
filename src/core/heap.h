/*
 * How the C library's heap behaves in programs that work in pages: each page of rows fills some
 * memory and frees it again. glibc would give the heap's top back to the kernel after every page
 * and fetch it for the next, which is a sixth of the CPU time of capturing messages.
 */
#ifndef IMEX_CORE_HEAP_H
#define IMEX_CORE_HEAP_H

#include <malloc.h>

#define HEAP_KEEP_BYTES (8 << 20)

/* To be called once, first thing in main(). */
static inline void heap_keep_top(void)
{
	mallopt(M_TRIM_THRESHOLD, HEAP_KEEP_BYTES);
	mallopt(M_TOP_PAD, HEAP_KEEP_BYTES / 8);
}

#endif
