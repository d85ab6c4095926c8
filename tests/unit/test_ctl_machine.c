// SPDX-License-Identifier: LGPL-2.1-or-later
/* The findings and remedies of msealctl check on machines made of a few files. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "ctl/view/host_check.h"
#include "lib/base/util.h"

enum { ROOT, KERNEL, SECURITYFS, LSM, BTF, BPFFS, GATES, CGROUP, DAEMON };

#define MOUNT(place, type, options) "30 1 0:26 / " place " " options " shared:9 - " type " " type " rw\n"
#define MOUNTS \
	MOUNT("/proc", "proc", "rw") \
	MOUNT("/sys/kernel/security", "securityfs", "rw,nosuid") \
	MOUNT("/sys/fs/cgroup", "cgroup2", "rw") MOUNT("/sys/fs/bpf", "bpf", "rw,mode=700")

struct fixture {
	char root[64];
	struct machine machine;
	struct finding findings[HOST_CHECK_FINDINGS];
};

static void put(const struct fixture *fixture, const char *path, const char *text)
{
	char full[256];
	FILE *file;

	(void)snprintf(full, sizeof(full), "%s%s", fixture->root, path);
	for (char *slash = strchr(full + strlen(fixture->root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(full, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A machine that meets all requirements. */
static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){
		.root = "/tmp/test_machine.XXXXXX",
		.machine = { .release = "6.12.107-cloud",
			     .socket = "/run/mseald/io.mseald",
			     .is_root = true },
	};
	if (!mkdtemp(fixture.root))
		return -1;
	fixture.machine.root = fixture.root;
	put(&fixture, "/proc/self/mountinfo", MOUNTS);
	put(&fixture, "/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/vda1 quiet\n");
	put(&fixture, "/proc/kallsyms", "0000000000000000 T within_error_injection_list\n");
	put(&fixture, "/sys/kernel/security/lsm", "lockdown,capability,yama,bpf");
	put(&fixture, "/sys/kernel/btf/vmlinux", "");
	put(&fixture, "/boot/config-6.12.107-cloud", "CONFIG_BPF_LSM=y\nCONFIG_FUNCTION_ERROR_INJECTION=y\n");
	put(&fixture, "/etc/default/grub", "");
	put(&fixture, "/usr/sbin/update-grub", "");
	*state = &fixture;
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	host_check_free(fixture->findings);
	return nftw(fixture->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const struct finding *look(struct fixture *fixture, int which)
{
	host_check_free(fixture->findings);
	assert_int_equal(host_check_look(&fixture->machine, fixture->findings), 0);
	return &fixture->findings[which];
}

static void assert_remedy(struct fixture *fixture, int which, enum finding_state state, const char *remedy)
{
	const struct finding *finding = look(fixture, which);

	assert_int_equal(finding->state, state);
	if (remedy)
		assert_string_equal(finding->remedy, remedy);
	else
		assert_null(finding->remedy);
}

static void forget(const struct fixture *fixture, const char *path)
{
	char full[256];

	(void)snprintf(full, sizeof(full), "%s%s", fixture->root, path);
	assert_int_equal(unlink(full), 0);
}

static void test_all_there(void **state)
{
	struct fixture *fixture = *state;

	(void)look(fixture, 0);
	for (size_t i = 0; i < HOST_CHECK_FINDINGS; i++) {
		if (fixture->findings[i].state != FINDING_OK)
			fail_msg("%s: %s", fixture->findings[i].name, fixture->findings[i].detail);
		assert_null(fixture->findings[i].remedy);
	}
}

static void test_kernel(void **state)
{
	static const struct {
		const char *release;
		enum finding_state state;
	} kernels[] = {
		{ "5.10.0-1", FINDING_MISSING }, { "6.0.19", FINDING_MISSING }, { "6.1.0", FINDING_OK },
		{ "10.0", FINDING_OK },		 { "what", FINDING_MISSING },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ELEMENTS(kernels); i++) {
		fixture->machine.release = kernels[i].release;
		assert_remedy(fixture, KERNEL, kernels[i].state,
			      kernels[i].state == FINDING_OK ? NULL : "boot Linux 6.1 or newer");
	}
}

static void test_lsm(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "/sys/kernel/security/lsm", "lockdown,yama,bpfx");
	assert_remedy(fixture, LSM, FINDING_MISSING,
		      "add lsm=lockdown,yama,bpfx,bpf to GRUB_CMDLINE_LINUX in "
		      "/etc/default/grub, then: update-grub && reboot");
	assert_true(fixture->findings[LSM].required);
	/* Arch; Fedora; no known tool, or no GRUB. */
	forget(fixture, "/usr/sbin/update-grub");
	put(fixture, "/usr/sbin/grub-mkconfig", "");
	assert_remedy(fixture, LSM, FINDING_MISSING,
		      "add lsm=lockdown,yama,bpfx,bpf to GRUB_CMDLINE_LINUX in "
		      "/etc/default/grub, then: grub-mkconfig -o /boot/grub/grub.cfg && reboot");
	forget(fixture, "/usr/sbin/grub-mkconfig");
	put(fixture, "/usr/sbin/grubby", "");
	assert_remedy(fixture, LSM, FINDING_MISSING,
		      "grubby --update-kernel=ALL --args=lsm=lockdown,yama,bpfx,bpf && reboot");
	forget(fixture, "/usr/sbin/grubby");
	assert_remedy(fixture, LSM, FINDING_MISSING,
		      "add lsm=lockdown,yama,bpfx,bpf to the kernel command line (boot loader), then reboot");
	put(fixture, "/usr/sbin/update-grub", "");
	forget(fixture, "/etc/default/grub");
	assert_remedy(fixture, LSM, FINDING_MISSING,
		      "add lsm=lockdown,yama,bpfx,bpf to the kernel command line (boot loader), then reboot");
	/* A list on the command line is used; of several the last. */
	put(fixture, "/proc/cmdline", "lsm=a,b xlsm=q lsm=yama,apparmor quiet");
	assert_remedy(fixture, LSM, FINDING_MISSING,
		      "append ,bpf to lsm=yama,apparmor on the kernel command line "
		      "(boot loader), then reboot");
	put(fixture, "/etc/default/grub", "");
	assert_remedy(fixture, LSM, FINDING_MISSING,
		      "append ,bpf to lsm=yama,apparmor in GRUB_CMDLINE_LINUX* of "
		      "/etc/default/grub; update-grub && reboot");
	/* Requested, but not active: then it is not built in. */
	put(fixture, "/proc/cmdline", "lsm=yama,bpf");
	assert_remedy(fixture, LSM, FINDING_MISSING, "boot a kernel built with CONFIG_BPF_LSM=y");
	put(fixture, "/proc/cmdline", "");
	put(fixture, "/boot/config-6.12.107-cloud", "# CONFIG_BPF_LSM is not set\n");
	assert_remedy(fixture, LSM, FINDING_MISSING, "boot a kernel built with CONFIG_BPF_LSM=y");
	forget(fixture, "/sys/kernel/security/lsm");
	assert_remedy(fixture, LSM, FINDING_UNKNOWN,
		      "mount -t securityfs securityfs /sys/kernel/security, and check again");
}

static void test_mounts(void **state)
{
	struct fixture *fixture = *state;

	put(fixture, "/proc/self/mountinfo",
	    MOUNT("/sys/fs/bpf", "bpf", "ro,nosuid") MOUNT("/x", "bpf", "rw"));
	assert_remedy(fixture, BPFFS, FINDING_MISSING, "mount -o remount,rw /sys/fs/bpf");
	/* The file exists, so it is mounted in some way. */
	assert_remedy(fixture, SECURITYFS, FINDING_OK, NULL);
	assert_remedy(fixture, CGROUP, FINDING_MISSING,
		      "boot with systemd.unified_cgroup_hierarchy=1, or: mount -t cgroup2 cgroup2 "
		      "/sys/fs/cgroup");
	assert_false(fixture->findings[CGROUP].required);
	put(fixture, "/proc/self/mountinfo", "what\n1 2 - \n" MOUNT("/x", "bpf", "rw"));
	assert_remedy(fixture, BPFFS, FINDING_MISSING, "mount -t bpf bpf /sys/fs/bpf");
	forget(fixture, "/sys/kernel/security/lsm");
	assert_remedy(fixture, SECURITYFS, FINDING_MISSING,
		      "mount -t securityfs securityfs /sys/kernel/security");
	forget(fixture, "/proc/self/mountinfo");
	assert_int_equal(look(fixture, BPFFS)->state, FINDING_UNKNOWN);
}

static void test_gates(void **state)
{
	static const char remedy[] = "for EPERM, boot Linux 7.1 or newer, or a kernel built with "
				     "CONFIG_FUNCTION_ERROR_INJECTION=y";
	struct fixture *fixture = *state;

	put(fixture, "/boot/config-6.12.107-cloud", "# CONFIG_FUNCTION_ERROR_INJECTION is not set\n");
	assert_remedy(fixture, GATES, FINDING_MISSING, remedy);
	assert_false(fixture->findings[GATES].required);
	/* Without a configuration the symbols are used. */
	forget(fixture, "/boot/config-6.12.107-cloud");
	assert_remedy(fixture, GATES, FINDING_OK, NULL);
	put(fixture, "/proc/kallsyms", "0 T other\n");
	assert_remedy(fixture, GATES, FINDING_MISSING, remedy);
	put(fixture, "/proc/kallsyms", "");
	assert_remedy(fixture, GATES, FINDING_UNKNOWN, remedy);
	fixture->machine.release = "7.1.0";
	assert_remedy(fixture, GATES, FINDING_OK, NULL);
}

static void test_rest(void **state)
{
	struct fixture *fixture = *state;

	forget(fixture, "/sys/kernel/btf/vmlinux");
	assert_remedy(fixture, BTF, FINDING_MISSING, "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y");
	fixture->machine.daemon = -ECONNREFUSED;
	assert_remedy(fixture, DAEMON, FINDING_MISSING, "systemctl start mseald");
	assert_string_equal(fixture->findings[DAEMON].detail,
			    "cannot reach mseald on /run/mseald/io.mseald: Connection refused");
	assert_false(fixture->findings[DAEMON].required);
	fixture->machine.is_root = false;
	assert_remedy(fixture, ROOT, FINDING_UNKNOWN, "sudo msealctl check");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_there, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lsm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mounts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
