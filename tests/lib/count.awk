# SPDX-License-Identifier: GPL-2.0-only
# Reads the TAP of one job of tests/check, prints its result, and writes "PASSED FAILED SKIPPED" to
# the file COUNTS. Variables: what (the job), status (its exit status), counts (the file). A job may
# have several programs, each between "# begin NAME" and "# end NAME STATUS", with its own plan.

function close_plan() {
	if (planned >= 0 && seen != planned) bad(where "planned " planned " tests, ran " seen)
	planned = -1; seen = 0; said = 0
}

# The argument of tests/check that repeats only this test: for kernels, containers and real programs
# one test is enough.
function again(    part, test) {
	test = started
	sub(/-found$/, "", test)
	if (what !~ /^(kernel|oci|real-all)[:@]/ || test == "" || test ~ /^(found|guest)/) return what
	split(what, part, /[:@]/)
	return part[1] ":" test substr(what, index(what, "@"))
}

# What a test said last before it failed. What it says then is printed, too: see `because`.
function say_reason(    i) {
	for (i = said > 20 ? said - 20 : 0; i < said; i++) print "        " lines[i]
	said = 0
}

function bad(text) {
	failed++
	say_reason()
	printf "  not ok  %s: %s\n", what, text
	if (!(again() in printed)) {
		printed[again()] = 1
		printf "          again: tests/check %s\n", again()
	}
}

BEGIN { planned = -1; where = "" }
/^# begin / { close_plan(); where = $3 ": "; started = $3; because = 0; next }
/^# end / {
	close_plan()
	if ($4 != 0 && failed == failed_before) bad(where "ended with status " $4)
	failed_before = failed; started = ""; where = ""; next
}
/^1\.\.[0-9]+/ {
	# A cmocka program of several groups has a plan for each.
	split($1, range, /\.\./); planned = (planned < 0 ? 0 : planned) + range[2]
	if (planned == 0 && /# SKIP/) {
		skipped++; sub(/.*# SKIP */, ""); printf "  skip    %s: %s%s\n", what, where, $0
	}
}
/^ok .*# [Ss][Kk][Ii][Pp]/ {
	seen++; skipped++; text = $0; sub(/^ok [0-9]* *-? */, "", text); why[text]++; next
}
/^ok( |$)/ { seen++; passed++ }
# In the output of any program: its status may not be checked.
/==(ERROR: )?(Address|Leak)Sanitizer|: runtime error: / {
	if (!found++) bad(where "a sanitizer has found something: " $0)
}
# The lines after it are the reason.
/^Bail out!/ { bad(where $0); because = 20; planned = -1; next }
because && /^# / { because--; print "        " $0; next }
{ because = 0 }
/^not ok( |$)/ { seen++; text = $0; sub(/^not ok [0-9]* *-? */, "", text); bad(where text); because = 8 }
/^# timed: / { sub(/^# /, ""); bad(where $0); next }
/^# / { lines[said++] = $0 }
END {
	if (started != "") bad(started ": did not end")
	close_plan()
	for (text in why) printf "  skip    %s: %s\n", what, text | "sort"
	close("sort")
	if (status != 0 && !failed) bad("ended with status " status)
	if (!passed && !failed && !skipped) bad("ran no test")
	printf "%-28s %d passed, %d failed, %d skipped (%s)\n", what, passed, failed, skipped, took
	print passed + 0, failed + 0, skipped + 0 > counts
}
