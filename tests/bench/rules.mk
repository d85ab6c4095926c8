# SPDX-License-Identifier: GPL-2.0-only
# The programs of `make bench`, in build/tests/bench/. Included by the Makefile.

BENCH := $(B)/tests/bench

.PHONY: bench-programs
bench-programs: $(BENCH)/bench $(BENCH)/floor $(BENCH)/nothing $(BENCH)/ordinary $(BENCH)/crowd \
	$(BENCH)/startup $(BENCH)/lives

# Static: the addresses of libraries would be a further difference between kernels.
$(BENCH)/bench: $(BENCH)/bench.o $(BENCH)/seccomp.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -static -o $@ $^

$(BENCH)/crowd $(BENCH)/lives: %: %.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -static -o $@ $^

$(BENCH)/floor $(BENCH)/startup: %: %.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_DAEMON)

$(BENCH)/nothing: tests/bench/nothing.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O2 -static -nostdlib -ffreestanding -fno-stack-protector -o $@ $<

$(BENCH)/ordinary: tests/bench/ordinary.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O2 -o $@ $<
