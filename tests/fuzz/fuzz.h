/*
 * A fuzz target: one function that must survive any bytes and abort on a broken promise.
 *
 * `configure --enable-fuzzers CC=clang --enable-asan` links it against libFuzzer:
 *	./fuzz_xml_mend -max_total_time=600 corpus.new ../tests/fuzz/corpus/xml_mend
 * Otherwise replay.c runs it over tests/fuzz/corpus/NAME, and over every beginning of each short
 * file there, as a test. What a fuzzer finds goes into the corpus together with the mend.
 */
#ifndef IMEX_TESTS_FUZZ_FUZZ_H
#define IMEX_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
