# SPDX-License-Identifier: GPL-2.0-only
# How the tests are built; what runs them is tests/check.

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT := $(UNIT_SRC:%.c=$(B)/%)
UNIT_DAEMON := $(B)/tests/unit/test_base $(B)/tests/unit/test_sealset $(B)/tests/unit/test_sealset_model \
	$(B)/tests/unit/test_sealset_tree $(B)/tests/unit/test_restartable \
	$(B)/tests/unit/test_plan $(B)/tests/unit/test_report $(B)/tests/unit/test_ratelimit \
	$(B)/tests/unit/test_lock_log $(B)/tests/unit/test_creds $(B)/tests/unit/test_config \
	$(B)/tests/unit/test_throttle $(B)/tests/unit/test_prog_table $(B)/tests/unit/test_globs \
	$(B)/tests/unit/test_sanitizer $(B)/tests/unit/test_loader_deps $(B)/tests/unit/test_reader
UNIT_OCI := $(addprefix $(B)/tests/unit/,test_ocistate test_ocibundle test_ociarguments test_ocisettings)
KERNEL_LIB := \
	$(patsubst %.c,$(B)/%.o,$(filter-out tests/kernel/lock_%.c \
	tests/kernel/t_%.c tests/kernel/r_%.c \
	tests/kernel/fuzz_%.c \
	tests/kernel/inject_main.c tests/kernel/httpload.c tests/kernel/jited.c \
	tests/kernel/puppet32.c tests/kernel/started.c tests/kernel/runme%.c \
	tests/kernel/runpre.c tests/kernel/runme.c tests/kernel/briefly.c tests/kernel/early.c \
	tests/kernel/image.c \
	tests/kernel/cases.c tests/kernel/advised.c tests/kernel/trouble.c, \
	$(wildcard tests/kernel/*.c)))
KERNEL_TEST := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/kernel/t_*.c tests/kernel/r_*.c)))
RUNME := $(addprefix $(B)/tests/kernel/, \
	runme runme-norelro runme-now runme-static runme-static-pie runme-static-norelro librunpre.so)
STARTED := $(addprefix $(B)/tests/kernel/, \
	started started-norelro started-nopie started-static started-static-pie started-static-norelro)
EARLY := $(addprefix $(B)/tests/kernel/, early early-lazy early-nopie early-static early-static-pie)
EARLY_UNLOAD := $(B)/tests/kernel/early-unload.so
# 32-bit programs with libraries. On arm64 those of packaging/sysroot; none has other pages than 4 KiB.
ifeq ($(ARCH),x86)
LIBS_32 := /lib32
else ifeq ($(PAGE),)
LIBS_32 := $(SYSROOT:%=/usr/arm-linux-gnueabihf/lib)
endif
ifneq ($(LIBS_32),)
EARLY_UNLOAD += $(B)/tests/kernel/early-32-unload.so
EARLY_32 := $(addprefix $(B)/tests/kernel/, early-32 early-32-nopie)
endif
ifeq ($(ARCH),x86)
RUNME_32 := $(B)/tests/kernel/runme32
endif
CASES := $(addprefix $(B)/tests/kernel/case-, \
	leak packed packed-relro reopen reopen.so small small.so unload unload.so plugin.so plugin-2m.so \
	slow slow-loader slow-static readonly readonly-library readonly-library.so static stale \
	stale-closed replace again many whole)
# Each of these has a library.
CASES_TWO := $(addprefix $(B)/tests/kernel/case-,readonly-library reopen small unload)
ADVISED := $(B)/tests/kernel/case-advised
TROUBLE := $(addprefix $(B)/tests/kernel/case-, trouble trouble-php trouble-packed trouble-leak \
	trouble-stack.so trouble-holes.so)
KERNEL_TOOL := $(STARTED) $(EARLY) $(EARLY_32) $(EARLY_UNLOAD) $(CASES) $(ADVISED) $(TROUBLE) \
	$(B)/tests/kernel/fuzz_calls $(B)/tests/kernel/fuzz32 \
	$(B)/tests/kernel/briefly \
	$(B)/tests/kernel/image \
	$(B)/tests/kernel/inject \
	$(B)/tests/kernel/httpload \
	$(B)/tests/kernel/jited \
	$(B)/tests/kernel/puppet32 $(RUNME) $(RUNME_32)
FUZZ := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

.PHONY: check check-all check-rest check-oci check-real check-whole demo-system sanitize-programs \
	unit-programs kernel-programs \
	fuzz-programs bench demo fuzz fuzz-calls model pictures race soak storm valgrind sanitize

# --- programs ---

# The constants of some programs are opened while they run, so no code may be on their pages.
APART := -Wl,-z,separate-code

$(B)/tests/%.o: INCLUDES := -Itests/kernel

unit-programs: $(UNIT)
$(filter-out $(UNIT_DAEMON) $(UNIT_OCI),$(UNIT)): $(B)/tests/unit/%: $(B)/tests/unit/%.o \
	$(filter-out %/main.o,$(CTL_OBJ)) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^ -lcmocka $(LIBS_CTL)
# These tests link files of user/daemon.
$(UNIT_DAEMON:%=%.o): INCLUDES := -Iuser/daemon
$(B)/tests/unit/test_prog_table.o: INCLUDES := -Iuser/daemon
$(B)/tests/unit/test_prog_table.o: | $(B)/mseald.skel.h
$(UNIT_DAEMON): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(filter-out %/main.o,$(DAEMON_OBJ)) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^ -lcmocka $(LIBS_DAEMON)
# A name of LeakSanitizer, as if it were linked in.
$(B)/tests/unit/test_sanitizer: private LDFLAGS += -Wl,--export-dynamic-symbol=__lsan_default_suppressions

# These tests link files of user/oci.
$(UNIT_OCI:%=%.o): INCLUDES := -Iuser/oci
$(UNIT_OCI): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(OCI_LIB) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^ -lcmocka $(LIBS_OCI)

pictures: all unit-programs ## draws docs/*.svg and the SVG files of tests/unit/golden (needs graphviz)
	$(Q)packaging/pictures docs
	$(Q)MSEALD_GOLDEN=write MSEALCTL=$(B)/msealctl $(B)/tests/unit/test_ctl_svg

kernel-programs: $(KERNEL_TEST) $(KERNEL_TOOL) $(B)/tests/real/libsealme.so
$(B)/tests/real/libsealme.so: tests/real/exact/preload.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 -O2 -fPIC -shared -Wall -Wextra -Werror $(LDFLAGS) -o $@ $<
$(B)/tests/kernel/t_libmseal: $(B)/libmseal.a
$(B)/tests/kernel/t_lock: $(patsubst %.c,$(B)/%.o,$(wildcard tests/kernel/lock_attacks*.c))
$(B)/tests/kernel/t_report: private LDFLAGS += $(APART)
$(B)/tests/kernel/t_lock $(B)/tests/kernel/t_match $(B)/tests/kernel/t_start: KERNEL_TEST_LIBS := -lbpf
$(KERNEL_TEST): $(B)/tests/kernel/%: $(B)/tests/kernel/%.o $(KERNEL_LIB) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -pthread -o $@ $^ -ljansson $(KERNEL_TEST_LIBS)
$(B)/tests/kernel/inject: $(B)/tests/kernel/inject_main.o $(KERNEL_LIB) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -pthread -o $@ $^ -ljansson
$(B)/tests/kernel/httpload: $(B)/tests/kernel/httpload.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^
$(B)/tests/kernel/jited: $(B)/tests/kernel/jited.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^ -lbpf

# One program makes the calls that valgrind does not know; the library is preloaded under it.
VALGRIND_CALLS := $(addprefix $(B)/tests/valgrind/,calls libcalls.so)
$(B)/tests/valgrind/calls: private CALLS_FLAGS := -DPROGRAM
$(B)/tests/valgrind/libcalls.so: private CALLS_FLAGS := -fPIC -shared
$(VALGRIND_CALLS): tests/valgrind/calls.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE= $(WARNINGS) -O2 -g $(CALLS_FLAGS) -o $@ $<

# The puppet is a 32-bit program without any library, so no 32-bit packages are needed.
BARE_32_CC = $(if $(filter arm64,$(ARCH)),$(CLANG) --target=armv7a-linux-gnueabi -fuse-ld=lld,\
	$(CC) -m32 -fno-tree-loop-distribute-patterns -fcf-protection=none -no-pie) -std=gnu11 $(WARNINGS) \
	-O2 -ffreestanding -fno-pic -fno-stack-protector -nostdlib -static
$(B)/tests/kernel/puppet32: $(addprefix tests/kernel/,puppet32.c bare_32.h channel.h)
	@mkdir -p $(@D)
	$(call say,CC32,$@)
	$(Q)$(BARE_32_CC) -o $@ $<

# The fuzzer of calls has a second program, which makes them in a 32-bit process, also without any
# library.
$(B)/tests/kernel/fuzz_calls: $(patsubst %.c,$(B)/%.o,$(wildcard tests/kernel/fuzz_*.c)) $(KERNEL_LIB) \
	$(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -pthread -o $@ $^ -ljansson
$(B)/tests/kernel/fuzz32: $(addprefix tests/kernel/,fuzz_runner.c fuzz_runner.h \
	fuzz_machine.h bare_32.h page.h)
	@mkdir -p $(@D)
	$(call say,CC32,$@)
	$(Q)$(BARE_32_CC) -o $@ $<

# t_match starts this program.
$(B)/tests/kernel/briefly: tests/kernel/briefly.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O1 -ffreestanding -fno-pic -fno-stack-protector \
		-fcf-protection=none -no-pie -nostdlib -static -o $@ $<

# t_keys executes this one.
$(B)/tests/kernel/image: tests/kernel/image.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O2 -static -o $@ $<

# t_run runs one program, linked in all ways.
RUNME_FLAGS = -std=gnu11 $(WARNINGS) -O1
$(B)/tests/kernel/runme: private RUNME_LINK := -fPIE -pie
$(B)/tests/kernel/runme-now: private RUNME_LINK := -fPIE -pie -Wl,-z,now
$(B)/tests/kernel/runme-norelro: private RUNME_LINK := -fPIE -pie -Wl,-z,norelro
$(B)/tests/kernel/runme-static: private RUNME_LINK := -fno-pie -no-pie -static
$(B)/tests/kernel/runme-static-pie: private RUNME_LINK := -fPIE -static-pie
$(B)/tests/kernel/runme-static-norelro: private RUNME_LINK := -fno-pie -no-pie -static -Wl,-z,norelro
$(filter-out %.so,$(RUNME)): tests/kernel/runme.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(RUNME_FLAGS) $(RUNME_LINK) -o $@ $<
$(B)/tests/kernel/runme32: tests/kernel/runme32.c
	@mkdir -p $(@D)
	$(call say,CC32,$@)
	$(Q)$(CC) -m32 $(RUNME_FLAGS) -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none \
		-no-pie -nostdlib -static -o $@ $<
$(B)/tests/kernel/librunpre.so: tests/kernel/runpre.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(RUNME_FLAGS) -fPIC -shared -pthread -o $@ $<

# This is one program, linked in every way there is.
$(STARTED): tests/kernel/started.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O2 $(APART) $(STARTED_FLAGS) -o $@ $<
$(B)/tests/kernel/started: STARTED_FLAGS := -pie -fPIE -Wl,-z,relro,-z,now
$(B)/tests/kernel/started-norelro: STARTED_FLAGS := -pie -fPIE -Wl,-z,norelro
$(B)/tests/kernel/started-nopie: STARTED_FLAGS := -no-pie -fno-pie -Wl,-z,relro
$(B)/tests/kernel/started-static: STARTED_FLAGS := -static -no-pie -fno-pie -DSTATIC
$(B)/tests/kernel/started-static-pie: STARTED_FLAGS := -static-pie -fPIE -DSTATIC
$(B)/tests/kernel/started-static-norelro: STARTED_FLAGS := -static -no-pie -fno-pie -Wl,-z,norelro -DSTATIC

$(B)/tests/kernel/libearly.so $(B)/tests/kernel/early-unload.so: tests/kernel/early.c tests/kernel/early.ld
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O1 $(APART) -fPIC -shared -nostartfiles -DLIBRARY \
		-Wl,-z,relro,-z,now,-soname,$(@F),-T,tests/kernel/early.ld -o $@ $<
$(EARLY): tests/kernel/early.c $(B)/tests/kernel/libearly.so
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O1 $(APART) $(EARLY_FLAGS) -o $@ $< \
		$(if $(findstring STATIC,$(EARLY_FLAGS)),,$(B)/tests/kernel/libearly.so -Wl,-rpath,/srv/early)
$(B)/tests/kernel/early: private EARLY_FLAGS := -pie -fPIE -Wl,-z,relro,-z,now
$(B)/tests/kernel/early-lazy: private EARLY_FLAGS := -pie -fPIE -Wl,-z,relro,-z,lazy
$(B)/tests/kernel/early-nopie: private EARLY_FLAGS := -no-pie -fno-pie -Wl,-z,relro,-z,max-page-size=0x200000
$(B)/tests/kernel/early-static: private EARLY_FLAGS := -static -no-pie -fno-pie -DSTATIC
$(B)/tests/kernel/early-static-pie: private EARLY_FLAGS := -static-pie -fPIE -DSTATIC

# The 32-bit programs are built likewise. Without libgcc no package but the library's is needed. A
# VM has no ld.so.cache that names the folder of the library.
EARLY_32_FLAGS = -std=gnu11 $(WARNINGS) -O1 -fno-stack-protector -nostartfiles -nodefaultlibs \
	-Wl,-z,relro,-z,now
ifeq ($(ARCH),x86)
EARLY_32_CC = $(CC) -m32 -idirafter /usr/include/$(shell $(CC) -print-multiarch)
crt_32 = $(shell $(CC) -m32 -print-file-name=$(1).o)
else
EARLY_32_CC = $(CLANG) --target=armv7a-linux-gnueabihf -fuse-ld=lld --sysroot=$(SYSROOT) \
	-isystem $(SYSROOT)$(LIBS_32:lib=include) -L$(SYSROOT)$(LIBS_32) \
	-Wl,--dynamic-linker,$(LIBS_32)/ld-linux-armhf.so.3
crt_32 = $(SYSROOT)$(LIBS_32)/$(1).o
endif
$(B)/tests/kernel/libearly-32.so $(B)/tests/kernel/early-32-unload.so: tests/kernel/early.c \
	tests/kernel/early.ld
	@mkdir -p $(@D)
	$(call say,CC32,$@)
	$(Q)$(EARLY_32_CC) $(EARLY_32_FLAGS) -fPIC -shared -DLIBRARY \
		-Wl,-soname,$(@F),-T,tests/kernel/early.ld -o $@ $< -lc
$(EARLY_32): tests/kernel/early.c $(B)/tests/kernel/libearly-32.so
	@mkdir -p $(@D)
	$(call say,CC32,$@)
	$(Q)$(EARLY_32_CC) $(EARLY_32_FLAGS) $(EARLY_32_LINK) -o $@ $< $(B)/tests/kernel/libearly-32.so -lc \
		-Wl,-rpath,/srv/early:$(LIBS_32)
$(B)/tests/kernel/early-32: private EARLY_32_LINK = -fPIE -pie $(call crt_32,Scrt1) $(call crt_32,crti) \
	$(call crt_32,crtn)
$(B)/tests/kernel/early-32-nopie: private EARLY_32_LINK = -fno-pie -no-pie $(call crt_32,crt1) \
	$(call crt_32,crti) $(call crt_32,crtn)

# t_cases starts these programs; each is another part of one file.
$(CASES): tests/kernel/cases.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O1 $(APART) $(if $(filter %.so,$@),-fPIC -shared) $(CASE_FLAGS) \
		-o $@ $< $(CASE_LIBRARY)
$(B)/tests/kernel/case-leak: private CASE_FLAGS := -DLEAK -fsanitize=leak
$(B)/tests/kernel/case-packed: private CASE_FLAGS := -DPACKED -static -no-pie -fno-pie -Wl,-z,norelro
$(B)/tests/kernel/case-packed-relro: private CASE_FLAGS := -DPACKED -static -no-pie -fno-pie
$(CASES_TWO): private CASE_FLAGS := -DREOPEN -Wl,-rpath,/srv/cases
$(CASES_TWO): private CASE_LIBRARY = $@.so
$(CASES_TWO): %: %.so
$(B)/tests/kernel/case-unload: private CASE_FLAGS := -DUNLOAD -Wl,-rpath,/srv/cases
$(B)/tests/kernel/case-reopen.so: private CASE_FLAGS := -DREOPEN_LIBRARY -Wl,-z,relro,-z,now \
	-Wl,-soname,case-reopen.so
$(B)/tests/kernel/case-unload.so: private CASE_FLAGS := -DUNLOAD_LIBRARY -Wl,-soname,case-unload.so
# As lld does, text begins in the page of the file that constants end in.
$(B)/tests/kernel/case-small.so: private CASE_FLAGS = -DSMALL_LIBRARY -Wl,-soname,case-small.so \
	-Wl,-z,relro,-z,now,-T,$(B)/tests/kernel/case-small.ld
$(B)/tests/kernel/case-small.so: $(B)/tests/kernel/case-small.ld
$(B)/tests/kernel/case-small.ld:
	@mkdir -p $(@D)
	$(Q)$(LD) -shared -z separate-code --verbose | sed -e '1,/^====/d; /^====/,$$d' \
		-e 's/ALIGN(CONSTANT (MAXPAGESIZE))/. + CONSTANT (MAXPAGESIZE)/' >$@
$(B)/tests/kernel/case-plugin.so: private CASE_FLAGS := -DPLUGIN
$(B)/tests/kernel/case-plugin-2m.so: private CASE_FLAGS := -DPLUGIN -Wl,-z,max-page-size=0x200000
$(B)/tests/kernel/case-slow: private CASE_FLAGS := -DSLOW -Wl,-z,relro,-z,now
$(B)/tests/kernel/case-slow-loader: private CASE_FLAGS := -DSLOW_LOADER -Wl,-z,relro,-z,now -rdynamic
$(B)/tests/kernel/case-slow-static: private CASE_FLAGS := -DSLOW -static -no-pie -fno-pie
$(B)/tests/kernel/case-readonly: private CASE_FLAGS := -DREADONLY -static -no-pie -fno-pie -Wl,-z,norelro
$(B)/tests/kernel/case-readonly-library.so: private CASE_FLAGS := -DREADONLY_LIBRARY -Wl,-z,norelro \
	-Wl,-soname,case-readonly-library.so
$(B)/tests/kernel/case-static: private CASE_FLAGS := -DSTATIC -static -no-pie -fno-pie -Wl,-z,norelro \
	-Wl,--no-warnings
$(B)/tests/kernel/case-stale: private CASE_FLAGS := -DSTALE
$(B)/tests/kernel/case-stale-closed: private CASE_FLAGS := -DSTALE -DSTALE_CLOSED
$(B)/tests/kernel/case-replace: private CASE_FLAGS := -DREPLACE
$(B)/tests/kernel/case-again: private CASE_FLAGS := -DAGAIN
$(B)/tests/kernel/case-many: private CASE_FLAGS := -DMANY
$(B)/tests/kernel/case-whole: private CASE_FLAGS := -DWHOLE

$(ADVISED): tests/kernel/advised.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O1 -o $@ $<

# What t_trouble.sh starts and loads.
$(TROUBLE): tests/kernel/trouble.c
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -O1 $(if $(filter %.so,$@),-DPLUGIN -fPIC -shared) $(TROUBLE_FLAGS) \
		-o $@ $<
$(B)/tests/kernel/case-trouble-leak: private TROUBLE_FLAGS := -DLEAK -fsanitize=leak
$(B)/tests/kernel/case-trouble-packed: private TROUBLE_FLAGS := -DPACKED -static -no-pie -fno-pie \
	-Wl,-z,norelro
$(B)/tests/kernel/case-trouble-php: private TROUBLE_FLAGS := -DPHP
$(B)/tests/kernel/case-trouble-stack.so: private TROUBLE_FLAGS := -Wl,-z,execstack
# Between its segments there is room, which its loader makes inaccessible.
$(B)/tests/kernel/case-trouble-holes.so: private TROUBLE_FLAGS := -Wl,-z,max-page-size=0x10000

# All of the library is instrumented, so that libFuzzer sees which way it goes. It is made once for
# all targets.
FUZZ_SANITIZE := address,undefined
FUZZ_LIB := $(patsubst %.c,$(B)/fuzz/%.o,$(sort $(wildcard user/lib/*.c user/lib/*/*.c)))
fuzz-programs: $(FUZZ)
$(B)/fuzz/%.o: %.c | $(B)/paths.h
	@mkdir -p $(@D)
	$(call say,FUZZ,$<)
	$(Q)$(CLANG) -std=gnu11 -D_GNU_SOURCE= -Iinclude -Iuser -Iuser/oci -Iuser/daemon -I$(B) -MMD -MP \
		-g -O1 \
		-fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -fno-sanitize-recover=all -c $< -o $@
$(B)/fuzz/libcommon.a: $(FUZZ_LIB)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/tests/fuzz/fuzz_ocistate: $(B)/fuzz/user/oci/state.o
$(B)/tests/fuzz/fuzz_ocibundle: $(addprefix $(B)/fuzz/user/oci/,bundle.o state.o)
$(B)/tests/fuzz/fuzz_sealset: $(addprefix $(B)/fuzz/user/daemon/seal/,sealset.o sealset_codec.o)
$(B)/tests/fuzz/fuzz_config: $(B)/fuzz/user/daemon/base/config.o
$(B)/tests/fuzz/fuzz_params: $(addprefix $(B)/fuzz/user/daemon/,api/params.o api/reply.o base/error.o)
$(B)/tests/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(B)/fuzz/libcommon.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CLANG) -fsanitize=fuzzer,$(FUZZ_SANITIZE) -o $@ $(filter %.o,$^) $(filter %.a,$^) -ljansson

# --- runs ---

CHECK_PROGRAMS := all unit-programs kernel-programs fuzz-programs bench-programs $(B)/mseald-oci-hook-static

# On x86-64 also what the short form for arm64 needs. Where it cannot be had, its test is skipped.
CHECK_ARM64 = $(if $(filter x86,$(ARCH)),\
	if ARCH=arm64 packaging/deps.sh && packaging/sysroot arm64 >/dev/null; then \
		$(MAKE) -j$(shell nproc) --no-print-directory ARCH=arm64 all kernel-programs \
			bench-programs; fi,:)

check: deps ## tests all parts: unit, fuzz smoke, attacks on VMs, service, containers; a quarter of an hour
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory $(CHECK_PROGRAMS)
	$(Q)+$(CHECK_ARM64)
	$(Q)tests/check

check-all: deps ## longer, more kernels, more programs, some of them another each day; an hour
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory $(CHECK_PROGRAMS)
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory sanitize-programs $(VALGRIND_CALLS)
	$(Q)+$(CHECK_ARM64)
	$(Q)tests/check --all

check-rest: deps ## all that check has not, many hours; with MSEALD_DEADLINE as much of it as fits
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory $(CHECK_PROGRAMS)
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory sanitize-programs $(VALGRIND_CALLS)
	$(Q)+$(CHECK_ARM64)
	$(Q)tests/check --rest --more

check-real: deps ## two dozen real programs do their work sealed, on 6.12
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs
	$(Q)tests/check --all real-all real-time real-table

check-whole: deps ## whole Debian servers with every program sealed, audit and deny, on 6.1, 6.12 and 7.3
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs
	$(Q)tests/check --all whole whole-table

check-oci: deps ## containers on all kernels: runc, crun, nginx, podman, the DaemonSet's pod
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs $(B)/mseald-oci-hook-static
	$(Q)tests/check --all oci

demo: deps ## seals a real nginx and shows it, in a VM if this kernel cannot
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs
	$(Q)tests/demo/run

demo-system: deps ## boots a Debian server, seals all of it, and attacks ten of its services, in a VM
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs
	$(Q)tests/demo/system

bench: deps ## instructions per call on each kernel
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all bench-programs
	$(Q)tests/bench/run

model: deps ## checks the models of docs/model: no fault, and each seeded one is found
	$(Q)tests/model

fuzz: deps ## fuzzes each parser for FUZZ_SECONDS (60)
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory fuzz-programs
	$(Q)tests/fuzz/run $(or $(FUZZ_SECONDS),60)

fuzz-calls: deps ## random memory calls against seals of every kind, MSEALD_FUZZ_SECONDS (600) on each kernel
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs
	$(Q)MSEALD_FUZZ_SECONDS="$${MSEALD_FUZZ_SECONDS:-600}" tests/check --all calls

race: deps ## races against the gates, MSEALD_RACE_SECONDS (60) per kernel, preemption, 2 and 4 processors
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs
	$(Q)tests/race --all

soak: deps ## a million requests and starts of programs; takes hours
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs
	$(Q)MSEALD_SOAK=$${MSEALD_SOAK:-50000} MSEALD_TIMEOUT=$${MSEALD_TIMEOUT:-86400} MSEALD_BUILD=$(B) \
		tests/kernel/run 6.12 t_soak

storm: deps ## 100,000 short processes beside 50 sealed ones, on arm64, where their keys return
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory ARCH=arm64 all kernel-programs
	$(Q)for kernel in arm64-6.12 arm64-7.3 arm64-7.3-rt; do \
		MSEALD_STORM=$${MSEALD_STORM:-100000} tests/kernel/run $$kernel t_keys || exit; done

valgrind: deps ## the soak, some minutes of it, with the daemon under valgrind: no leak, no error
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory all kernel-programs $(VALGRIND_CALLS)
	$(Q)tests/check valgrind

# The hook for hosts without libraries is static, and AddressSanitizer cannot be static. Some groups
# are left out. fuzz has sanitizers anyway. harness, cost and demo have no programs of their own, or
# measure them.
sanitize-programs:
	$(Q)+$(MAKE) --no-print-directory B=$(B)/sanitize CFLAGS='-O1 -g' CFLAGS_EXTRA='$(SANITIZE)' all \
		unit-programs kernel-programs
	$(Q)+$(MAKE) --no-print-directory $(B)/mseald-oci-hook-static && cp $(B)/mseald-oci-hook-static \
		$(B)/sanitize/

sanitize: deps \
	## tests of our programs with ASan and UBSan in user space, on 6.12 or the kernels of MSEALD_KERNELS
	$(Q)+$(MAKE) -j$(shell nproc) --no-print-directory sanitize-programs
	$(Q)MSEALD_BUILD=$(B)/sanitize MSEALD_KERNELS="$${MSEALD_KERNELS:-6.12}" \
		tests/check --all unit tree:metrics tree:completion kernel race real service oci
