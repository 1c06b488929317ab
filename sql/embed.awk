# Turns sql/NNNN_name.sql into C: per file one list of lines for each engine, and the table of all.
# A line that begins with "-- sqlite:" or "-- postgresql:" is for that engine only; other comments
# and empty lines are left out. Lines, because ISO C promises 4095 characters per string only.

function quoted(line)
{
	gsub(/\\/, "\\\\", line)
	gsub(/"/, "\\\"", line)
	gsub(/\t/, "\\t", line)
	return "\t\"" line "\\n\",\n"
}

function flush()
{
	if (name == "")
		return
	printf "static const char *const %s_sqlite[] = {\n%s\tNULL};\n", symbol, sqlite
	printf "static const char *const %s_postgresql[] = {\n%s\tNULL};\n", symbol, postgresql
	table = table sprintf("\t{%d, \"%s\", %s_sqlite, %s_postgresql},\n", number, name, symbol,
		symbol)
}

BEGIN {
	print "/* Made by sql/embed.awk from sql/; do not edit. */"
	print "#include \"store/migrations.h\"\n"
	print "#include <stddef.h>\n"
}

FNR == 1 {
	flush()
	name = FILENAME
	sub(/.*\//, "", name)
	if (name !~ /^[0-9][0-9][0-9][0-9]_[a-z0-9_]+\.sql$/) {
		print "embed.awk: " FILENAME " is not named NNNN_name.sql" > "/dev/stderr"
		bad = 1
		exit 1
	}
	sub(/\.sql$/, "", name)
	if (substr(name, 1, 4) + 0 <= number + 0) {
		print "embed.awk: " FILENAME " is not in the order of its number" > "/dev/stderr"
		bad = 1
		exit 1
	}
	number = substr(name, 1, 4) + 0
	symbol = "m" name
	sqlite = postgresql = ""
}

/^-- sqlite:/ { sub(/^-- sqlite:[ \t]?/, ""); sqlite = sqlite quoted($0); next }
/^-- postgresql:/ { sub(/^-- postgresql:[ \t]?/, ""); postgresql = postgresql quoted($0); next }
/^[ \t]*--/ || /^[ \t]*$/ { next }
{ sqlite = sqlite quoted($0); postgresql = postgresql quoted($0) }

END {
	if (bad)
		exit 1
	flush()
	printf "const struct migration store_migrations[] = {\n%s\t{0, NULL, NULL, NULL},\n};\n", table
}
