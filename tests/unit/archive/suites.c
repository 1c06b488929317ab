#include "../runner.h"
#include "archive/mime.h"

Suite *text_suite(void);
Suite *segment_suite(void);
Suite *transcript_suite(void);
Suite *presence_suite(void);
Suite *render_suite(void);
Suite *mime_suite(void);

Suite *(*const unit_suites[])(void) = {text_suite, segment_suite, transcript_suite, presence_suite,
        render_suite, mime_suite, NULL};

void unit_setup(void)
{
	mime_global_init();
}
