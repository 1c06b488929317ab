/*
 * Lets a test program run itself again under a wrapper that starts what it needs (a PostgreSQL
 * cluster, an HTTP server) and tells where it is through an environment variable. So it works alike
 * under `make check` and by hand.
 */
#ifndef IMEX_TESTS_UNIT_RERUN_H
#define IMEX_TESTS_UNIT_RERUN_H

/*
 * Does nothing when the variable is set. Otherwise does not return: executes
 * `/usr/bin/python3 $srcdir/script run -- this program and its arguments`.
 */
void rerun_under(const char *script, const char *variable);

#endif
