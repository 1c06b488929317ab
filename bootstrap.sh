#!/bin/bash
# Everything from a bare Debian 12 to a running imex, in one command each:
#
#   ./bootstrap.sh             install what is missing and build: build/imex, build/imexd, build/devexchange
#   ./bootstrap.sh demo        ... and show what imex does, in a throw-away folder
#   ./bootstrap.sh check       ... and run every test; the last line is "N passed, N failed"
#   ./bootstrap.sh check-long  ... with the large counts: kills, histories, fuzzing by the minute
#   ./bootstrap.sh bench       ... and measure against the peers
#
# Packages are listed before they are installed; --yes skips the question. Root installs them
# itself, another user through sudo; with nothing missing neither is needed.
set -euo pipefail
cd "$(dirname "$0")"

build_packages="autoconf automake gcc libc6-dev make pkg-config
	libcurl4-openssl-dev libglib2.0-dev libgmime-3.0-dev libgnutls28-dev libidn2-dev
	libjansson-dev libldap-dev libmicrohttpd-dev libpq-dev libsqlite3-dev libssl-dev libsystemd-dev
	libxml2-dev"
demo_packages="ca-certificates curl openssl python3"
test_packages="$demo_packages check chromium clang clang-format fonts-noto-color-emoji fonts-noto-core git libclang-rt-14-dev libxml2-utils mandoc
	openssl postgresql-15 python3-cryptography python3-exchangelib python3-jwt python3-vobject slapd sqlite3
	universal-ctags"
bench_packages="wrk"

jobs=$(nproc)
yes=no
say() { printf '%s\n' "$*"; }
die() { printf 'bootstrap.sh: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0"; }

missing_packages() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q ' installed$' || printf '%s ' "$package"
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "packages must be installed first: run as root: apt-get install $(printf '%s ' "${missing[@]}")"
	fi
}

install_packages() {
	local answer
	read -ra missing <<<"$(missing_packages "$@")"
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "this is not Debian: install the counterparts of: ${missing[*]}"
	say "These Debian packages are needed and not installed:" "  ${missing[*]}" | fmt -w 100
	if [ "$yes" = no ]; then
		[ -t 0 ] || die "nobody is there to be asked: run again with --yes"
		read -rp "Install them now? [Y/n] " answer
		case "$answer" in "" | y | Y | yes) ;; *) die "nothing was installed" ;; esac
	fi
	# The test's PostgreSQL clusters are its own; a main cluster would only run beside them.
	case " ${missing[*]} " in
	*" postgresql-15 "*)
		as_root mkdir -p /etc/postgresql-common/createcluster.d
		echo 'create_main_cluster = false' |
			as_root tee /etc/postgresql-common/createcluster.d/imex.conf >/dev/null ;;
	esac
	# The same of the test's directory servers.
	case " ${missing[*]} " in
	*" slapd "*) echo 'slapd slapd/no_configuration boolean true' | as_root debconf-set-selections ;;
	esac
	as_root apt-get update -q >/dev/null || die "apt-get update failed: check the network and /etc/apt/sources.list"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null ||
		die "apt-get could not install them: see the lines above"
}

# configure_build DIR [configure options]: makes and configures a build folder once for each list
# of options, and builds it.
configure_build() {
	local folder=$1
	shift
	if [ ! -x configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt configure ]; then
		autoreconf -fi >autoreconf.log 2>&1 || { cat autoreconf.log >&2; die "autoreconf failed"; }
		rm -f autoreconf.log
	fi
	mkdir -p "$folder"
	if [ ! -f "$folder/Makefile" ] || [ "$(cat "$folder/configured-with" 2>/dev/null)" != "$*" ]; then
		(cd "$folder" && ../configure "$@" >configure.log 2>&1) ||
			{ tail -20 "$folder/configure.log" >&2; die "configure failed: see $folder/config.log"; }
		printf '%s' "$*" >"$folder/configured-with"
	fi
	make -s -C "$folder" -j"$jobs" >"$folder/make.log" 2>&1 ||
		{ grep -E -A5 'error|Error' "$folder/make.log" | head -60 >&2; die "the build failed: see $folder/make.log"; }
}

build() {
	say "Building in build/ ..."
	configure_build build
	say "Built: build/imex build/imexd build/devexchange"
}

# run_tests DIR NAME [make arguments]: runs a build's tests (or what $goal makes) and adds its counts
# to the totals.
passed=0 failed=0 skipped=0
run_tests() {
	local folder=$1 name=$2 result=0
	shift 2
	say "== $name"
	make -C "$folder" -j"$jobs" "${goal:-check}" "$@" >"$folder/check.log" 2>&1 || result=$?
	grep -E '^(FAIL|ERROR|XPASS):' "$folder/check.log" || true
	count() { sed -n "s/^# $1: *\([0-9]*\)$/\1/p" "$folder/check.log" | tail -1; }
	local p f e s
	p=$(count PASS) f=$(count FAIL) e=$(count ERROR) s=$(count SKIP)
	if [ -z "$p" ] || { [ "$result" != 0 ] && [ $((f + e)) = 0 ]; }; then
		tail -40 "$folder/check.log"
		say "$name did not run to its end"
		failed=$((failed + 1))
		return
	fi
	say "$name: $p passed, $((f + e)) failed, $s skipped"
	passed=$((passed + p)) failed=$((failed + f + e)) skipped=$((skipped + s))
	if [ $((f + e)) -gt 0 ]; then
		show_failures "$folder"
	fi
}

# The end of the log of each program that failed.
show_failures() {
	local trs
	for trs in $(grep -lE '^:test-result: (FAIL|ERROR)' -r "$1" --include='*.trs'); do
		say "---- ${trs%.trs}.log"
		grep -vE '^ok ' "${trs%.trs}.log" | tail -60
	done
}

# one_step NAME COMMAND...: a step that counts as one test.
one_step() {
	local name=$1
	shift
	say "== $name"
	if "$@" >step.log 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -60 step.log
		say "FAILED: $name"
	fi
	rm -f step.log
}

compile_only() { (configure_build "$@"); }
# The programs of the tests as well.
compile_all() { compile_only "$@" && make -s -C "$1" -j"$jobs" check TESTS=; }

check() {
	local started=$SECONDS
	one_step "gcc compiles without a warning" compile_all build --enable-werror
	one_step "clang compiles without a warning" compile_all build-clang --enable-werror CC=clang
	one_step "the address, undefined and leak sanitizers build" compile_only build-asan --enable-asan --enable-werror
	run_tests build-asan "everything under the address, undefined and leak sanitizers" "$@"
	one_step "the thread sanitizer builds" compile_only build-tsan --enable-tsan --enable-werror
	run_tests build-tsan "the threaded tests under the thread sanitizer"
	if [ -n "${IMEX_LONG:-}" ]; then
		one_step "the fuzzers build" compile_only build-fuzz --enable-fuzzers --enable-asan --enable-werror CC=clang
		goal=fuzz run_tests build-fuzz "each fuzz target for ${IMEX_FUZZ_S:-60} seconds"
	fi
	one_step "make distcheck" make -C build -j"$jobs" distcheck
	say "took $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
	say "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

command=build
for argument in "$@"; do
	case "$argument" in
	--yes | -y) yes=yes ;;
	build | demo | check | check-long | bench) command=$argument ;;
	--help | -h) usage; exit 0 ;;
	*) usage >&2; die "$argument is not known" ;;
	esac
done

# shellcheck disable=SC2086 # the lists are words
case "$command" in
build)
	install_packages $build_packages
	build ;;
demo)
	install_packages $build_packages $demo_packages
	build
	exec tests/demo/demo.sh ;;
check)
	install_packages $build_packages $test_packages
	check ;;
check-long)
	install_packages $build_packages $test_packages
	IMEX_LONG=1 check ;;
bench)
	install_packages $build_packages $test_packages $bench_packages
	build
	make -s -C build bench ;;
esac
