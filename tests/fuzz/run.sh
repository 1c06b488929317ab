#!/bin/sh
# Runs one libFuzzer target from its corpus for IMEX_FUZZ_S seconds, in TAP. What it finds is kept in
# the build folder; put it into the corpus together with the mend.
seconds=${IMEX_FUZZ_S:-60}
name=$(basename "$1")
seed=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT

echo 1..1
echo "# $name -seed=$seed -max_total_time=$seconds"
if "$1" -seed="$seed" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
	-artifact_prefix="$name." "$found" "$srcdir/tests/fuzz/corpus/${name#fuzz_}" >"$name.out" 2>&1; then
	sed -n 's/^stat::\(number_of_executed_units\|new_units_added\):/# \1:/p' "$name.out"
	echo "ok 1 - $name ran for $seconds s without a finding"
else
	tail -60 "$name.out" | sed 's/^/# /'
	echo "not ok 1 - $name: see $name.* in the build folder"
fi
