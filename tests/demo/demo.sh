#!/bin/bash
# The demonstration: contacts and conversations of a real Prosody server's data travel into the
# mailboxes of a stand-in Exchange and back, in a throw-away folder, each step printed as the
# command that a user would type. Ends in a table; exit 0 only when everything held.
#
# KEEP=1 keeps the folder. Root plays it as an unprivileged user, from copies of the programs.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${IMEX_BUILD:-$top/build}

# ---- an unprivileged user, when root started us ------------------------------------------------

if [ "$(id -u)" = 0 ] && [ -z "${IMEX_DEMO_FOLDER:-}" ]; then
	folder=$(mktemp -d /tmp/imex-demo.XXXXXX)
	mkdir -p "$folder/copy/build" "$folder/copy/tests"
	cp "$build/imex" "$build/imexd" "$build/devexchange" "$folder/copy/build/"
	cp -r "$top/tests/demo" "$top/tests/data" "$top/tests/lib" "$folder/copy/tests/"
	chown -R nobody: "$folder"
	status=0
	IMEX_DEMO_FOLDER=$folder IMEX_BUILD=$folder/copy/build HOME=$folder \
		setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups --inh-caps=-all \
		"$folder/copy/tests/demo/demo.sh" || status=$?
	rm -rf "$folder/copy"
	[ "${KEEP:-0}" = 1 ] || rm -rf "$folder"
	exit "$status"
fi

folder=${IMEX_DEMO_FOLDER:-$(mktemp -d /tmp/imex-demo.XXXXXX)}
cd "$folder"
umask 077
export PATH=$build:$PATH IMEX_CONFIG=$folder/imex/imex.conf

# ---- telling the story ---------------------------------------------------------------------

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
step=0
title() { step=$((step + 1)); printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"; }
note() { printf '%s   %s%s\n' "$dim" "$1" "$plain"; }
die() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# show COMMAND...: prints the command as it would be typed, runs it, indents what it says.
show() { expect 0 "$@"; }
# expect CODE COMMAND...: the same for a command that must end with that exit code.
expect() {
	local wanted=$1 status=0
	shift
	printf '%s   $ %s%s\n' "$bold" "$(typed "$@")" "$plain"
	"$@" >output 2>&1 || status=$?
	sed 's/^/     /' output
	[ "$status" = "$wanted" ] || die "\"$(typed "$@")\" ended with $status in place of $wanted"
}
# expect_failure COMMAND...: for a command that must fail with one line.
expect_failure() {
	printf '%s   $ %s%s\n' "$bold" "$(typed "$@")" "$plain"
	if "$@" >output 2>&1; then die "\"$(typed "$@")\" should have failed"; fi
	sed 's/^/     /' output
}
typed() {
	local word line=''
	for word in "$@"; do
		case "$word" in *[\ \'\"\;\|\&\$\<\>]* | '') word="'$word'" ;; esac
		line+="${line:+ }$word"
	done
	printf '%s' "${line//$folder/.}"
}

pids=()
stop() {
	local pid
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
	pids=()
	[ -n "${IMEX_DEMO_FOLDER:-}" ] || [ "${KEEP:-0}" = 1 ] || rm -rf "$folder"
}
trap stop EXIT

# wait_for FILE: until it is there, 30 s at most.
wait_for() {
	local tries=300
	until [ -s "$1" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || die "$1 did not appear: see $folder/*.log"
		sleep 0.1
	done
}
start_imexd() {
	imexd >>imexd.log 2>&1 &
	imexd=$!
	pids+=("$imexd")
	rm -f metadata.json
	for _ in $(seq 100); do
		curl -sS --cacert imex/tls.pem "https://127.0.0.1:$imex_port/metadata/json/1" \
			>metadata.json 2>/dev/null && break
		sleep 0.1
	done
	[ -s metadata.json ] || die "imexd did not serve its metadata document: see $folder/imexd.log"
}
stop_imexd() {
	kill "$imexd"
	wait "$imexd" || die "imexd did not stop cleanly: see $folder/imexd.log"
}
json() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
mail() { # mail USER COMMAND...: that user's mail client
	EWS_URL=$ews EWS_CA=$folder/exchange/ca.pem EWS_USER=$1@corp.example EWS_PASSWORD=secret-$1 \
		python3 "$top/tests/demo/mailclient.py" "${@:2}"
}
roster() { python3 "$top/tests/demo/imclient.py" "$folder/prosody.sqlite" "$@"; }

started=$SECONDS
printf 'The demonstration runs in %s\n' "$folder"

# ---- 1 ------------------------------------------------------------------------------------

title "A mail server: the stand-in Exchange, on loopback, with a CA of its own"
imex_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir imex exchange
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
	-keyout imex/tls.key -out imex/tls.pem 2>openssl.log || die "openssl could not make a certificate: see openssl.log"
note '$ devexchange --user alice@corp.example:... --partner-metadata https://127.0.0.1:PORT/metadata/json/1 &'
devexchange --listen 127.0.0.1:0 --tls-dir exchange --realm corp.example --ready-file exchange/ready.json \
	--user alice@corp.example:secret-alice --user bob@corp.example:secret-bob --user carol@corp.example:secret-carol \
	--partner-metadata "https://127.0.0.1:$imex_port/metadata/json/1" --partner-ca imex/tls.pem \
	>exchange.log 2>&1 &
pids+=($!)
wait_for exchange/ready.json
exchange=$(json exchange/ready.json url)
exchange=${exchange%%/EWS/*}
ews=$exchange/EWS/Exchange.asmx
note "It listens at $exchange with three mailboxes. No Exchange was harmed."

# ---- 2 ------------------------------------------------------------------------------------

title "An IM server's database: what is in it, and what would be done with it"
python3 "$top/tests/demo/imclient.py" "$folder/prosody.sqlite" create "$top/tests/data/prosody.sql"
show imex survey --source "prosody+sqlite://$folder/prosody.sqlite"

# ---- 3 ------------------------------------------------------------------------------------

title "Setting up: configuration, key, store, who is whom, and trust in both directions"
show imex init --domain im.example --sip-domain corp.example --source "prosody+sqlite://$folder/prosody.sqlite" \
	--server "$ews" --ca-file "$folder/exchange/ca.pem" --rule '{local}@{sip_domain}' --allow-loopback \
	--listen "127.0.0.1:$imex_port" --tls-certificate "$folder/imex/tls.pem" --tls-key "$folder/imex/tls.key" \
	--state-dir "$folder/imex/state"
note 'Alice has a contact at another company, whose address is the same on both sides:'
show sed -i '/^map = /a foreign = keep' "$IMEX_CONFIG"
printf '\n[uncertain]\nsettle = 2s\n' >>"$IMEX_CONFIG" # a kill is played below, and nobody wants to wait
show imex user list
show imex partner add exchange --metadata "$exchange/autodiscover/metadata/json/1"
note '$ imexd &     (serves our metadata document; nothing else acts before a policy says so)'
start_imexd
note "The mail server fetches it from there: https://127.0.0.1:$imex_port/metadata/json/1"
show imex partner list
show imex doctor --user alice@im.example
stop_imexd

# ---- 4 ------------------------------------------------------------------------------------

title "Contacts: named users only, a dry run first, killed half-way, resumed"
for user in alice bob carol; do
	show imex policy set contacts allowed --user "$user@im.example"
done
show imex migrate --all --dry-run
show sed -i '/^\[server /a max_requests_per_s = 8' "$IMEX_CONFIG"
note 'So slow that there is time to pull the plug:  $ imex migrate --all &  ... kill -9'
imex migrate --all --quiet >migrate.log 2>&1 &
migrate=$!
for _ in $(seq 300); do
	[ "$(mail alice list | wc -l)" -gt 0 ] && break
	sleep 0.1
done
kill -9 "$migrate" 2>/dev/null || die "the migration was over before it could be killed"
wait "$migrate" 2>/dev/null || true
show imex contacts status
show sed -i '/^max_requests_per_s = 8$/d' "$IMEX_CONFIG"
show imex migrate --all --resume --report "$folder/report.json"
note 'What a mail client shows in the mailbox of Alice now:'
mail alice list | sed 's/^/     /'

# ---- 5 ------------------------------------------------------------------------------------

title "Changes on both sides, and a pass of imexd"
note 'Alice in her mail client: a new contact, a new name, a group by another name'
mail alice add erwin@corp.example "Erwin Neu" Colleagues
mail alice rename bob@corp.example "Bob the Builder"
mail alice rename-group "Ops / On-call" "On call"
note 'Bob in his IM client: a new contact'
roster add bob heidi@im.example "Heidi Lamarr" Friends
show imexd --once
show imex contacts pending alice@im.example
note 'The database of a running IM server is never written, so what Alice changed waits. It is stopped now:'
show sed -i '/^\[source /a write = sql-offline' "$IMEX_CONFIG"
show imexd --once
for user in alice bob carol; do
	show imex contacts show "$user@im.example"
done

# ---- 6 ------------------------------------------------------------------------------------

title "Conversations: history on request, into the mailboxes, and out again as files"
for user in alice bob carol; do
	show imex policy set archive im --user "$user@im.example"
done
show imex archive backfill --since 2026-11-01 --dry-run
show imex archive backfill --since 2026-11-01
show imex archive deliver
show imex archive status
show imex export --format eml --out "$folder/export-eml"
show imex export --format html --out "$folder/export-html"
[ -s export-html/index.html ] || die "the export has no index.html"
note "Open $folder/export-html/index.html in a browser."
[ "${KEEP:-0}" = 1 ] || note "(KEEP=1 ./bootstrap.sh demo keeps the folder.)"

# ---- 7 ------------------------------------------------------------------------------------

title "Something breaks: the wrong key. And a way back for one user"
key=$(find imex/state/keys -name '*.key.pem')
cp -p "$key" good.key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$key" 2>openssl.log
expect_failure imex contacts sync alice@im.example
note 'The mend: the right key comes back from the backup.'
show cp -p good.key "$key"
show imex contacts sync alice@im.example
show imex contacts rollback bob@im.example
note 'The IM side has his list again, and keeps it:'
roster list bob | sed 's/^/     /'

# ---- 8 ------------------------------------------------------------------------------------

title "What there is at the end"
show imex status
printf '\n'
EWS_CA=$folder/exchange/ca.pem python3 "$top/tests/demo/summary.py" "$folder/prosody.sqlite" exchange/ready.json \
	alice bob carol || die "the two sides do not hold the same"
note "It took $((SECONDS - started)) s."
