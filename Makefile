# SPDX-License-Identifier: GPL-2.0-only
# mseald: `make help` lists the targets. Everything is built into build/.

PREFIX ?= /usr/local
DESTDIR ?=
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/mseald
OCIHOOKDIR ?= $(PREFIX)/share/containers/oci/hooks.d
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
PRESETDIR ?= $(PREFIX)/lib/systemd/system-preset
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
DATADIR ?= $(PREFIX)/share/mseald
VARLINKDIR ?= $(PREFIX)/share/varlink
CONFIGDIR ?= $(PREFIX)/lib/mseald
POLICYDIR ?= $(CONFIGDIR)/policy.d

CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
INSTALL ?= install

# The architecture to build for, as bpf/arch/ names it. On a machine of another one: by Debian's cross
# compiler (`make deps ARCH=arm64`), with the libraries of packaging/sysroot, into build/ARCH. With
# PAGE=16384 the tests are for a kernel with such pages, and it is build/ARCH-16384.
arch_name = $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(1)))
MACHINE := $(call arch_name,$(shell uname -m))
ARCH ?= $(MACHINE)
override ARCH := $(call arch_name,$(ARCH))
ifeq ($(ARCH),$(MACHINE))
B := build
else
B := build/$(ARCH)$(PAGE:%=-%)
TRIPLET := $(patsubst arm64,aarch64,$(ARCH))-linux-gnu
SYSROOT := $(shell packaging/sysroot $(ARCH))
CC := $(TRIPLET)-gcc --sysroot=$(SYSROOT) $(PAGE:%=-DPAGE=%ul)
AR := $(TRIPLET)-ar
LD := $(TRIPLET)-ld
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) \
	PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/$(TRIPLET)/pkgconfig pkg-config
endif

VERSION := $(shell cat VERSION)
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-missing-field-initializers -Wno-unused-parameter -Werror
ALL_CFLAGS = -std=gnu11 $(WARNINGS) -D_GNU_SOURCE= -DMSEALD_VERSION='"$(VERSION)"' \
	-Iinclude -Iuser $(INCLUDES) -I$(B) -MMD -MP $(PIC) $(CFLAGS) $(CFLAGS_EXTRA)
LIBS_DAEMON := \
	$(shell $(PKG_CONFIG) --libs libbpf libsystemd jansson 2>/dev/null || echo -lbpf -lsystemd -ljansson)
LIBS_OCI := $(shell $(PKG_CONFIG) --libs jansson 2>/dev/null || echo -ljansson)
LIBS_CTL := $(shell $(PKG_CONFIG) --libs libbpf jansson smartcols 2>/dev/null || \
	echo -lbpf -ljansson -lsmartcols)

BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -I. -Iinclude -Ibpf \
	-Wall -Wextra -Wno-unused-parameter -Werror -MMD -MP
# maps.bpf.c first: the linker places the maps where it meets their definition. The lock is a
# separate object, which is loaded before the maps are made.
LOCK_SRC := bpf/lock.bpf.c bpf/lock_pins.bpf.c
BPF_SRC := bpf/maps.bpf.c $(filter-out bpf/maps.bpf.c $(LOCK_SRC),$(sort $(wildcard bpf/*.bpf.c)))
BPF_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.o)

LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard user/lib/*.c user/lib/*/*.c)))
DAEMON_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard user/daemon/*.c user/daemon/*/*.c)))
CTL_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard user/ctl/*.c user/ctl/*/*.c)))
OCI_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard user/oci/*.c)))
LIBMSEAL_OBJ := $(B)/user/libmseal/mseal.o $(B)/user/libmseal/mseal_ask.o
GUARD_OBJ := $(B)/user/libmseal/guard.o $(B)/user/libmseal/mseal_ask.o
OCI_MAIN := $(B)/user/oci/hook.o $(B)/user/oci/runtime.o
OCI_LIB := $(filter-out $(OCI_MAIN),$(OCI_OBJ))
MAN := $(sort $(wildcard man/*.[1-9]))
UNITS_MADE := $(patsubst systemd/%.in,%,$(sort $(wildcard systemd/*.in)))
UNITS := $(patsubst systemd/%,%,$(sort $(wildcard systemd/*.socket systemd/*.timer)))
MONITORING := $(sort $(wildcard packaging/monitoring/*))
POLICY := $(sort $(wildcard policy/*.conf))
# Policies with audit are also installed with deny, for msealctl policy enable --action=deny.
POLICY_DENY := $(addprefix $(B)/policy/deny/,$(notdir $(shell grep -lx 'Action=audit' $(POLICY))))

.PHONY: all layers help clean image install uninstall deb rpm dist deps FORCE
.DELETE_ON_ERROR:
.SECONDARY:

LIBMSEAL := $(addprefix $(B)/,libmseal.so.0 libmseal.a libmseal-guard.so)
all: $(B)/mseald $(B)/msealctl $(B)/mseald-oci-hook $(B)/mseald-oci-runtime $(LIBMSEAL) $(POLICY_DENY) \
	layers ## builds the daemon, the command line, libmseal, and for containers the hook and the runtime

help: ## lists the targets
	@sed -n 's/^\([a-z.-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

# --- BPF: one object, made once, fits every kernel (CO-RE) ---

$(B)/bpf/%.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(B)/mseald.bpf.o: $(BPF_OBJ)
$(B)/lock.bpf.o: $(LOCK_SRC:bpf/%.bpf.c=$(B)/bpf/%.o)
$(B)/mseald.bpf.o $(B)/lock.bpf.o:
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(B)/%.skel.h: $(B)/%.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(if $(filter lock,$*),lock_bpf,$*) > $@

# The kernel types of the BPF programs, from the BTF of a kernel: BTF=FILE, else the VM's 6.12.
# Committed, so made anew only when named as a target.
ifneq ($(filter vmlinux.h,$(MAKECMDGOALS)),)
.PHONY: vmlinux.h
vmlinux.h: ## makes bpf/arch/ARCH/vmlinux.h anew from a kernel's BTF
	@mkdir -p $(B)
	$(call say,TRIM,$@)
	$(Q)$(BPFTOOL) btf dump file \
		$(or $(BTF),$$(tests/vm/kernel --btf $(patsubst x86-%,%,$(ARCH)-6.12))) format c | \
		packaging/trim-vmlinux bpf/vmlinux.types bpf/arch/$(ARCH).types > $(B)/vmlinux.h && \
		mv $(B)/vmlinux.h bpf/arch/$(ARCH)/vmlinux.h
endif

# --- user space ---

# Paths of installed files, compiled in: written anew only when they change, for example by another
# PREFIX.
$(B)/paths.h: FORCE
	@mkdir -p $(@D)
	@printf '#define %s "%s"\n' POLICY_FOLDER_VENDOR '$(POLICYDIR)' CONFIG_FOLDER_VENDOR \
		'$(CONFIGDIR)' OCI_HOOK_PATH '$(LIBEXECDIR)/mseald-oci-hook' >$@.new; \
		if cmp -s $@.new $@; then rm -f $@.new; else mv $@.new $@; fi

$(B)/%.o: %.c | $(B)/paths.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(DAEMON_OBJ): | $(B)/mseald.skel.h $(B)/lock.skel.h
$(DAEMON_OBJ): INCLUDES := -Iuser/daemon
$(B)/user/daemon/api/methods.o: $(B)/interface.h

# The interface description, as a C string.
$(B)/interface.h: user/lib/varlink/io.mseald.varlink
	$(Q)mkdir -p $(@D) && sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $< > $@

# The layers of each folder, the lowest first: an include, loop or symbol that points up fails the
# build.
LAYERS_daemon := base bpf process trace seal policy audit api
LAYERS_lib := base elf proc varlink conf policy
LAYERS_ctl := base view cmd
layers: $(B)/layers-lib $(B)/layers-daemon $(B)/layers-ctl $(B)/layers-libmseal
$(B)/layers-daemon: $(DAEMON_OBJ)
$(B)/layers-lib: $(LIB_OBJ)
$(B)/layers-ctl: $(CTL_OBJ)
$(B)/layers-libmseal: $(LIBMSEAL_OBJ)
$(B)/layers-%: tests/layers
	$(call say,LAYERS,user/$*)
	$(Q)tests/layers user/$* "$(LAYERS_$*)" $(filter %.o,$^) && touch $@

$(B)/libcommon.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/mseald: $(DAEMON_OBJ) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^ $(LIBS_DAEMON)

$(B)/msealctl: $(CTL_OBJ) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^ $(LIBS_CTL)

$(B)/mseald-oci-%: $(B)/user/oci/%.o $(OCI_LIB) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) $(CFLAGS_EXTRA) -o $@ $^ $(LIBS_OCI)

$(B)/policy/deny/%.conf: policy/%.conf
	@mkdir -p $(@D)
	$(call say,POLICY,$@)
	$(Q)sed -e 's/^Action=audit$$/Action=deny/' \
		-e 's/^# Action=audit: .*/# Made of $*.conf above, with Action=deny./' $< > $@

# For hosts without mseald's libraries: the image installs it there.
$(B)/mseald-oci-hook-static: $(B)/user/oci/hook.o $(OCI_LIB) $(B)/libcommon.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -static-pie -o $@ $^ -ljansson

# For programs of others: only the symbols of the map are visible, and no sanitizer is linked in.
$(LIBMSEAL_OBJ) $(GUARD_OBJ): PIC := -fPIC -fvisibility=hidden
$(LIBMSEAL_OBJ) $(GUARD_OBJ): override CFLAGS_EXTRA :=

$(B)/libmseal.so.0: $(LIBMSEAL_OBJ) user/libmseal/libmseal.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libmseal.so.0 -Wl,-z,defs \
		-Wl,--version-script=user/libmseal/libmseal.map -o $@ $(filter %.o,$^)
	$(Q)ln -sf libmseal.so.0 $(B)/libmseal.so

$(B)/libmseal.a: $(LIBMSEAL_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/libmseal-guard.so: $(GUARD_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -shared -Wl,-soname,libmseal-guard.so -Wl,-z,defs -o $@ $^

image: all $(B)/mseald-oci-hook-static ## makes build/image, the root of the container image (packaging/image)
	$(Q)packaging/image/root $(B) $(B)/image $(SYSROOT)

include tests/tests.mk tests/bench/rules.mk

# --- installing ---

install: all ## installs below DESTDIR and PREFIX (/usr/local)
	$(INSTALL) -D -m 755 $(B)/mseald $(DESTDIR)$(SBINDIR)/mseald
	$(INSTALL) -D -m 755 $(B)/msealctl $(DESTDIR)$(BINDIR)/msealctl
	@mkdir -p $(B) && for unit in $(UNITS_MADE); do \
		sed 's|@SBINDIR@|$(SBINDIR)|g; s|@BINDIR@|$(BINDIR)|g' systemd/$$unit.in > $(B)/$$unit || \
		exit; done
	$(foreach unit,$(UNITS_MADE),$(INSTALL) -D -m 644 $(B)/$(unit) $(DESTDIR)$(UNITDIR)/$(unit);)
	$(foreach unit,$(UNITS),$(INSTALL) -D -m 644 systemd/$(unit) $(DESTDIR)$(UNITDIR)/$(unit);)
	$(foreach file,$(MONITORING), \
		$(INSTALL) -D -m 644 $(file) $(DESTDIR)$(DATADIR)/monitoring/$(notdir $(file));)
	$(INSTALL) -D -m 644 systemd/90-mseald.preset $(DESTDIR)$(PRESETDIR)/90-mseald.preset
	$(INSTALL) -D -m 644 systemd/mseald.catalog $(DESTDIR)$(CATALOGDIR)/mseald.catalog
	$(INSTALL) -D -m 755 $(B)/mseald-oci-hook $(DESTDIR)$(LIBEXECDIR)/mseald-oci-hook
	@sed 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' packaging/oci/mseald.json.in > $(B)/mseald.json
	$(INSTALL) -D -m 644 $(B)/mseald.json $(DESTDIR)$(OCIHOOKDIR)/mseald.json
	$(INSTALL) -D -m 755 $(B)/mseald-oci-runtime $(DESTDIR)$(BINDIR)/mseald-oci-runtime
	@sed 's|@BINDIR@|$(BINDIR)|g' packaging/oci/daemon.json.in > $(B)/daemon.json
	$(INSTALL) -D -m 644 $(B)/daemon.json $(DESTDIR)$(DATADIR)/docker/daemon.json
	$(INSTALL) -D -m 644 completion/msealctl.bash $(DESTDIR)$(BASHCOMPDIR)/msealctl
	$(INSTALL) -D -m 644 completion/_msealctl $(DESTDIR)$(ZSHCOMPDIR)/_msealctl
	$(INSTALL) -D -m 644 user/lib/varlink/io.mseald.varlink $(DESTDIR)$(VARLINKDIR)/io.mseald.varlink
	$(INSTALL) -D -m 644 $(B)/libmseal.so.0 $(DESTDIR)$(LIBDIR)/libmseal.so.0
	ln -sf libmseal.so.0 $(DESTDIR)$(LIBDIR)/libmseal.so
	$(INSTALL) -D -m 644 $(B)/libmseal.a $(DESTDIR)$(LIBDIR)/libmseal.a
	$(INSTALL) -D -m 644 $(B)/libmseal-guard.so $(DESTDIR)$(LIBDIR)/libmseal-guard.so
	$(INSTALL) -D -m 644 user/libmseal/mseal.h $(DESTDIR)$(INCLUDEDIR)/mseal.h
	@sed 's|@LIBDIR@|$(LIBDIR)|; s|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
		user/libmseal/libmseal.pc.in > $(B)/libmseal.pc
	$(INSTALL) -D -m 644 $(B)/libmseal.pc $(DESTDIR)$(LIBDIR)/pkgconfig/libmseal.pc
	$(foreach page,$(MAN), \
		$(INSTALL) -D -m 644 $(page) \
		$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page));)
	$(foreach file,$(POLICY),$(INSTALL) -D -m 644 $(file) $(DESTDIR)$(POLICYDIR)/$(notdir $(file));)
	$(foreach file,$(POLICY_DENY), \
		$(INSTALL) -D -m 644 $(file) $(DESTDIR)$(POLICYDIR)/deny/$(notdir $(file));)

uninstall: ## removes what install put there
	rm -f $(DESTDIR)$(SBINDIR)/mseald $(DESTDIR)$(BINDIR)/msealctl \
		$(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS_MADE) $(UNITS)) \
		$(addprefix $(DESTDIR)$(DATADIR)/monitoring/,$(notdir $(MONITORING))) \
		$(DESTDIR)$(CATALOGDIR)/mseald.catalog $(DESTDIR)$(PRESETDIR)/90-mseald.preset \
		$(DESTDIR)$(LIBEXECDIR)/mseald-oci-hook $(DESTDIR)$(OCIHOOKDIR)/mseald.json \
		$(DESTDIR)$(BINDIR)/mseald-oci-runtime $(DESTDIR)$(DATADIR)/docker/daemon.json \
		$(DESTDIR)$(BASHCOMPDIR)/msealctl $(DESTDIR)$(ZSHCOMPDIR)/_msealctl \
		$(DESTDIR)$(VARLINKDIR)/io.mseald.varlink $(DESTDIR)$(INCLUDEDIR)/mseal.h \
		$(addprefix $(DESTDIR)$(LIBDIR)/,libmseal.so libmseal.so.0 libmseal.a libmseal-guard.so \
			pkgconfig/libmseal.pc) \
		$(foreach page,$(MAN), \
			$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page))) \
		$(foreach file,$(POLICY),$(DESTDIR)$(POLICYDIR)/$(notdir $(file))) \
		$(foreach file,$(POLICY_DENY),$(DESTDIR)$(POLICYDIR)/deny/$(notdir $(file)))

deb: ## builds build/NAME_VERSION_ARCH.deb of mseald, libmseal0 and libmseal-dev (needs debhelper)
	$(Q)packaging/deb.sh $(B) $(patsubst x86,amd64,$(ARCH))

rpm: ## the same for Fedora, from what is committed (needs rpmbuild)
	$(Q)packaging/rpm.sh $(B)

dist: ## makes build/mseald-VERSION.tar.gz, the sources: the same bytes each time
	$(Q)packaging/dist.sh $(B)

deps: ## installs what building and testing need
	ARCH=$(ARCH) packaging/deps.sh

clean: ## removes build/
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' -type f 2>/dev/null)
