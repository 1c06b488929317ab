#include "cli/command.h"

#include "core/clock.h"

#include <inttypes.h>
#include <unistd.h>

#define PLAIN_LINE_EVERY_US (10 * CLOCK_US_PER_S)
#define TERMINAL_EVERY_US (CLOCK_US_PER_S / 10)

static int64_t shown_at_mono_us;
static bool line_open;

void cli_progress(const struct cli *cli, const char *what, uint64_t done, uint64_t total)
{
	bool terminal = isatty(STDERR_FILENO);
	int64_t now = clock_mono_us();
	int64_t every = terminal ? TERMINAL_EVERY_US : PLAIN_LINE_EVERY_US;
	bool last = total != 0 && done == total;
	if (cli->quiet || (shown_at_mono_us != 0 && now - shown_at_mono_us < every && !last))
		return;
	shown_at_mono_us = now;
	fprintf(stderr, terminal ? "\r\033[K%s %" PRIu64 : "%s %" PRIu64, what, done);
	if (total != 0)
		fprintf(stderr, " of %" PRIu64 " (%" PRIu64 "%%)", total, done * 100 / total);
	if (!terminal)
		fputc('\n', stderr);
	line_open = terminal;
	fflush(stderr);
}

void cli_progress_end(const struct cli *cli)
{
	if (line_open && !cli->quiet)
		fputc('\n', stderr);
	line_open = false;
	shown_at_mono_us = 0;
}
