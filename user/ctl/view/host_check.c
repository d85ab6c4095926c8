// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Examines /proc, /sys and /boot: see host_check.h. It needs neither the daemon nor root; facts that only
 * root can read are unknown to other users.
 */
#include "ctl/view/host_check.h"
#include "lib/base/util.h"
#include "mseald/syscall_entry.h"

/* From this version on programs may override system calls on every kernel. */
#define OVERRIDE_MAJOR 7
#define OVERRIDE_MINOR 1

#define BOOT_GRUB "/etc/default/grub"

const char *host_check_state_name(enum finding_state state)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok",
		[FINDING_MISSING] = "missing",
		[FINDING_UNKNOWN] = "unknown",
	};

	return names[state];
}

void host_check_free(struct finding findings[HOST_CHECK_FINDINGS])
{
	for (size_t i = 0; i < HOST_CHECK_FINDINGS; i++) {
		free(findings[i].detail);
		free(findings[i].remedy);
		findings[i] = (struct finding){};
	}
}

/* --- reading --- */

static FILE *open_file(const struct machine *machine, const char *path)
{
	_cleanup_free_ char *full = FORMAT_NEW("%s%s", machine->root, path);

	if (!full)
		return NULL;
	return fopen(full, "re");
}

static bool exists(const struct machine *machine, const char *path)
{
	_cleanup_free_ char *full = FORMAT_NEW("%s%s", machine->root, path);

	return full && access(full, F_OK) == 0;
}

/* Reads the first line without its new line; malloc'ed, or NULL. */
static char *read_line(const struct machine *machine, const char *path)
{
	_cleanup_fclose_ FILE *file = open_file(machine, path);
	char *line = NULL;
	size_t allocated = 0;

	if (!file || getline(&line, &allocated, file) < 0) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/*
 * Is a file system of this type mounted (at this mount point, unless NULL)? 1, 0, or a negative errno;
 * -EROFS: read-only.
 */
static int is_mounted(const struct machine *machine, const char *type, const char *mount_point)
{
	_cleanup_fclose_ FILE *file = open_file(machine, "/proc/self/mountinfo");
	_cleanup_free_ char *line = NULL;
	size_t allocated = 0;

	if (!file)
		return -errno;
	while (getline(&line, &allocated, file) >= 0) {
		char at[256], options[128], found[64];
		const char *dash = strstr(line, " - ");

		if (!dash || sscanf(line, "%*s %*s %*s %*s %255s %127s", at, options) != 2 ||
		    sscanf(dash, " - %63s", found) != 1)
			continue;
		if (strcmp(found, type) != 0 || (mount_point && strcmp(at, mount_point) != 0))
			continue;
		return strncmp(options, "ro", 2) == 0 && (options[2] == ',' || !options[2]) ? -EROFS : 1;
	}
	return 0;
}

/* Is word one of a list with commas? */
static bool in_list(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

/*
 * Was the kernel built with this option? 1, 0, or -ENOENT: unknown. Checks the configuration first, then a
 * function that the option adds to the kernel.
 */
static int kernel_has(const struct machine *machine, const char *option, const char *function)
{
	_cleanup_free_ char *path = FORMAT_NEW("/boot/config-%s", machine->release), *line = NULL;
	_cleanup_fclose_ FILE *config = path ? open_file(machine, path) : NULL, *symbols = NULL;
	size_t length = strlen(option), allocated = 0;
	bool any = false;

	if (config) {
		while (getline(&line, &allocated, config) >= 0)
			if (strncmp(line, option, length) == 0 && line[length] == '=')
				return line[length + 1] == 'y';
		return 0;
	}
	symbols = open_file(machine, "/proc/kallsyms");
	if (!symbols)
		return -ENOENT;
	while (getline(&line, &allocated, symbols) >= 0) {
		char name[128];

		if (sscanf(line, "%*s %*s %127s", name) != 1)
			continue;
		if (strcmp(name, function) == 0)
			return 1;
		any = true;
	}
	return any ? 0 : -ENOENT;
}

static bool at_least(const struct machine *machine, unsigned major, unsigned minor)
{
	unsigned a = 0, b = 0;

	return sscanf(machine->release, "%u.%u", &a, &b) == 2 && (a > major || (a == major && b >= minor));
}

/* The last lsm= of the kernel's command line, which is effective; malloc'ed, or NULL. */
static char *lsm_parameter(const struct machine *machine)
{
	_cleanup_free_ char *line = read_line(machine, "/proc/cmdline");
	char *value = NULL, *save = NULL;

	for (char *word = line ? strtok_r(line, " \t", &save) : NULL; word;
	     word = strtok_r(NULL, " \t", &save))
		if (strncmp(word, "lsm=", 4) == 0)
			value = word + 4;
	return value ? strdup(value) : NULL;
}

/* --- judging: one function for each finding --- */

static void look_root(const struct machine *machine, struct finding *finding)
{
	finding->name = "root";
	if (machine->is_root) {
		finding->detail = FORMAT_NEW("run as root");
		return;
	}
	finding->state = FINDING_UNKNOWN;
	finding->detail = FORMAT_NEW("run without root: some findings are uncertain");
	finding->remedy = FORMAT_NEW("sudo msealctl check");
}

static void look_kernel(const struct machine *machine, struct finding *finding)
{
	finding->name = "kernel";
	finding->required = true;
	if (at_least(machine, MSEALD_LEAST_MAJOR, MSEALD_LEAST_MINOR)) {
		finding->detail = FORMAT_NEW("Linux %s", machine->release);
		return;
	}
	finding->detail = FORMAT_NEW("Linux %s%s", machine->release, MSEALD_OLDER_LACKS);
	finding->state = FINDING_MISSING;
	finding->remedy = FORMAT_NEW("boot Linux %d.%d or newer", MSEALD_LEAST_MAJOR, MSEALD_LEAST_MINOR);
}

static void look_mount(const struct machine *machine, struct finding *finding, const char *name,
		       const char *type, const char *mount_point)
{
	int r = is_mounted(machine, type, mount_point);

	finding->name = name;
	finding->required = true;
	if (r > 0) {
		finding->detail = FORMAT_NEW("mounted on %s", mount_point);
	} else if (r == -EROFS) {
		finding->state = FINDING_MISSING;
		finding->detail = FORMAT_NEW("mounted on %s, but read-only", mount_point);
		finding->remedy = FORMAT_NEW("mount -o remount,rw %s", mount_point);
	} else if (r == 0) {
		finding->state = FINDING_MISSING;
		finding->detail = FORMAT_NEW("no mount on %s", mount_point);
		finding->remedy = FORMAT_NEW("mount -t %s %s %s", type, type, mount_point);
	} else {
		finding->state = FINDING_UNKNOWN;
		finding->detail = FORMAT_NEW("cannot read /proc/self/mountinfo: %s", strerror(-r));
		finding->remedy = FORMAT_NEW("mount -t proc proc /proc");
	}
}

static void look_securityfs(const struct machine *machine, struct finding *finding)
{
	look_mount(machine, finding, "securityfs", "securityfs", "/sys/kernel/security");
	/* securityfs is never written. */
	if (finding->state == FINDING_MISSING && exists(machine, "/sys/kernel/security/lsm")) {
		finding->state = FINDING_OK;
		free(finding->remedy);
		finding->remedy = NULL;
	}
}

/* The command that makes GRUB's configuration anew from BOOT_GRUB; NULL: none is known. */
static const char *grub_command(const struct machine *machine)
{
	if (!exists(machine, BOOT_GRUB))
		return NULL;
	return exists(machine, "/usr/sbin/update-grub")	  ? "update-grub" :
	       exists(machine, "/usr/sbin/grub-mkconfig") ? "grub-mkconfig -o /boot/grub/grub.cfg" :
							    NULL;
}

/*
 * The way to get "bpf" into the list of active security modules. "capability" in the list does no harm: 6.1
 * and later ignore it in lsm= (security/security.c, ordered_lsm_parse: only LSM_ORDER_MUTABLE).
 */
static char *lsm_remedy(const struct machine *machine, const char *active)
{
	_cleanup_free_ char *parameter = lsm_parameter(machine);
	const char *list = parameter ? parameter : active, *grub = grub_command(machine);

	if (kernel_has(machine, "CONFIG_BPF_LSM", "bpf_lsm_file_mprotect") == 0 ||
	    (parameter && in_list(parameter, "bpf")))
		return FORMAT_NEW("boot a kernel built with CONFIG_BPF_LSM=y");
	if (!grub && exists(machine, "/usr/sbin/grubby"))
		return FORMAT_NEW("grubby --update-kernel=ALL --args=lsm=%s,bpf && reboot", list);
	if (parameter && grub)
		return FORMAT_NEW("append ,bpf to lsm=%s in GRUB_CMDLINE_LINUX* of %s; %s && reboot", list,
				  BOOT_GRUB, grub);
	if (parameter)
		return FORMAT_NEW(
			"append ,bpf to lsm=%s on the kernel command line (boot loader), then reboot", list);
	if (grub)
		return FORMAT_NEW("add lsm=%s,bpf to GRUB_CMDLINE_LINUX in %s, then: %s && reboot", list,
				  BOOT_GRUB, grub);
	return FORMAT_NEW("add lsm=%s,bpf to the kernel command line (boot loader), then reboot", list);
}

static void look_lsm(const struct machine *machine, struct finding *finding)
{
	_cleanup_free_ char *active = read_line(machine, "/sys/kernel/security/lsm");

	finding->name = "bpf lsm";
	finding->required = true;
	if (!active) {
		finding->state = FINDING_UNKNOWN;
		finding->detail = FORMAT_NEW("cannot read /sys/kernel/security/lsm");
		finding->remedy = FORMAT_NEW(
			"mount -t securityfs securityfs /sys/kernel/security, and check again");
		return;
	}
	finding->detail = FORMAT_NEW("active security modules: %s", active);
	if (in_list(active, "bpf"))
		return;
	finding->state = FINDING_MISSING;
	finding->remedy = lsm_remedy(machine, active);
}

static void look_btf(const struct machine *machine, struct finding *finding)
{
	finding->name = "btf";
	finding->required = true;
	if (exists(machine, "/sys/kernel/btf/vmlinux")) {
		finding->detail = FORMAT_NEW("/sys/kernel/btf/vmlinux exists");
		return;
	}
	finding->state = FINDING_MISSING;
	finding->detail = FORMAT_NEW("no /sys/kernel/btf/vmlinux");
	finding->remedy = FORMAT_NEW("boot a kernel built with CONFIG_DEBUG_INFO_BTF=y");
}

static void look_bpffs(const struct machine *machine, struct finding *finding)
{
	look_mount(machine, finding, "bpffs", "bpf", "/sys/fs/bpf");
}

static void look_gates(const struct machine *machine, struct finding *finding)
{
	int r;

	finding->name = "gates";
	if (at_least(machine, OVERRIDE_MAJOR, OVERRIDE_MINOR)) {
		finding->detail = FORMAT_NEW(
			"Linux %d.%d or newer: munmap, mremap and madvise fail with EPERM", OVERRIDE_MAJOR,
			OVERRIDE_MINOR);
		return;
	}
	r = kernel_has(machine, "CONFIG_FUNCTION_ERROR_INJECTION", "within_error_injection_list");
	if (r > 0) {
		finding->detail = FORMAT_NEW(
			"CONFIG_FUNCTION_ERROR_INJECTION: munmap, mremap and madvise fail with EPERM");
		return;
	}
	finding->state = r == 0 ? FINDING_MISSING : FINDING_UNKNOWN;
	finding->detail =
		r == 0 ? FORMAT_NEW(
				 "munmap, mremap and madvise of sealed memory end in SIGKILL, not in EPERM") :
			 FORMAT_NEW("CONFIG_FUNCTION_ERROR_INJECTION unknown; without it munmap, mremap and "
				    "madvise end in SIGKILL");
	finding->remedy = FORMAT_NEW("for EPERM, boot Linux %d.%d or newer, or a kernel built with "
				     "CONFIG_FUNCTION_ERROR_INJECTION=y",
				     OVERRIDE_MAJOR, OVERRIDE_MINOR);
}

static void look_cgroup(const struct machine *machine, struct finding *finding)
{
	int r = is_mounted(machine, "cgroup2", NULL);

	finding->name = "cgroup2";
	if (r > 0 || r == -EROFS) {
		finding->detail = FORMAT_NEW("mounted");
		return;
	}
	finding->state = r == 0 ? FINDING_MISSING : FINDING_UNKNOWN;
	finding->detail = FORMAT_NEW("%s", r == 0 ? "no cgroup2 mount: events do not name the service" :
						    "cannot read /proc/self/mountinfo");
	finding->remedy = FORMAT_NEW(
		"boot with systemd.unified_cgroup_hierarchy=1, or: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

static void look_daemon(const struct machine *machine, struct finding *finding)
{
	finding->name = "daemon";
	if (machine->daemon == 0) {
		finding->detail = FORMAT_NEW("mseald answers on %s", machine->socket);
		return;
	}
	finding->state = FINDING_MISSING;
	finding->detail = FORMAT_NEW("cannot reach mseald on %s: %s", machine->socket,
				     strerror(-machine->daemon));
	finding->remedy = FORMAT_NEW("systemctl start mseald");
}

int host_check_look(const struct machine *machine, struct finding findings[HOST_CHECK_FINDINGS])
{
	static void (*const looks[])(const struct machine *machine, struct finding *finding) = {
		look_root,  look_kernel, look_securityfs, look_lsm,    look_btf,
		look_bpffs, look_gates,	 look_cgroup,	  look_daemon,
	};

	_Static_assert(ELEMENTS(looks) == HOST_CHECK_FINDINGS, "a finding for each look");
	for (size_t i = 0; i < HOST_CHECK_FINDINGS; i++)
		findings[i] = (struct finding){};
	for (size_t i = 0; i < HOST_CHECK_FINDINGS; i++) {
		looks[i](machine, &findings[i]);
		if (!findings[i].detail || (findings[i].state != FINDING_OK && !findings[i].remedy)) {
			host_check_free(findings);
			return -ENOMEM;
		}
	}
	return 0;
}
