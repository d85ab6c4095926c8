// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Examines /proc, /sys and /boot: see host_check.h. It needs neither the daemon nor root; facts that only
 * root can read are unknown to other users.
 */
#include <stdarg.h>

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

static char *strf(const char *format, ...) _printf_(1, 2);
static char *strf(const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	return text;
}

/* --- reading --- */

static FILE *open_file(const struct machine *machine, const char *path)
{
	_cleanup_free_ char *full = strf("%s%s", machine->root, path);

	if (!full)
		return NULL;
	return fopen(full, "re");
}

static bool exists(const struct machine *machine, const char *path)
{
	_cleanup_free_ char *full = strf("%s%s", machine->root, path);

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
	_cleanup_free_ char *path = strf("/boot/config-%s", machine->release), *line = NULL;
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
		finding->detail = strf("run as root");
		return;
	}
	finding->state = FINDING_UNKNOWN;
	finding->detail = strf("run without root: some findings are uncertain");
	finding->remedy = strf("sudo msealctl check");
}

static void look_kernel(const struct machine *machine, struct finding *finding)
{
	finding->name = "kernel";
	finding->required = true;
	if (at_least(machine, MSEALD_LEAST_MAJOR, MSEALD_LEAST_MINOR)) {
		finding->detail = strf("Linux %s", machine->release);
		return;
	}
	finding->detail = strf("Linux %s%s", machine->release, MSEALD_OLDER_LACKS);
	finding->state = FINDING_MISSING;
	finding->remedy = strf("boot Linux %d.%d or newer", MSEALD_LEAST_MAJOR, MSEALD_LEAST_MINOR);
}

static void look_mount(const struct machine *machine, struct finding *finding, const char *name,
		       const char *type, const char *mount_point)
{
	int r = is_mounted(machine, type, mount_point);

	finding->name = name;
	finding->required = true;
	if (r > 0) {
		finding->detail = strf("mounted on %s", mount_point);
	} else if (r == -EROFS) {
		finding->state = FINDING_MISSING;
		finding->detail = strf("mounted on %s, but read-only", mount_point);
		finding->remedy = strf("mount -o remount,rw %s", mount_point);
	} else if (r == 0) {
		finding->state = FINDING_MISSING;
		finding->detail = strf("no mount on %s", mount_point);
		finding->remedy = strf("mount -t %s %s %s", type, type, mount_point);
	} else {
		finding->state = FINDING_UNKNOWN;
		finding->detail = strf("cannot read /proc/self/mountinfo: %s", strerror(-r));
		finding->remedy = strf("mount -t proc proc /proc");
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

/* The way to get "bpf" into the list of active security modules. */
static char *lsm_remedy(const struct machine *machine, const char *active)
{
	_cleanup_free_ char *parameter = lsm_parameter(machine);
	const char *list = parameter ? parameter : active;
	bool grub = exists(machine, BOOT_GRUB);

	if (kernel_has(machine, "CONFIG_BPF_LSM", "bpf_lsm_file_mprotect") == 0 ||
	    (parameter && in_list(parameter, "bpf")))
		return strf("boot a kernel built with CONFIG_BPF_LSM=y");
	if (parameter && grub)
		return strf("append ,bpf to lsm=%s in GRUB_CMDLINE_LINUX* of %s; update-grub && reboot", list,
			    BOOT_GRUB);
	if (parameter)
		return strf("append ,bpf to lsm=%s on the kernel command line (boot loader), then reboot",
			    list);
	if (grub)
		return strf("add lsm=%s,bpf to GRUB_CMDLINE_LINUX in %s, then: update-grub && reboot", list,
			    BOOT_GRUB);
	return strf("add lsm=%s,bpf to the kernel command line (boot loader), then reboot", list);
}

static void look_lsm(const struct machine *machine, struct finding *finding)
{
	_cleanup_free_ char *active = read_line(machine, "/sys/kernel/security/lsm");

	finding->name = "bpf lsm";
	finding->required = true;
	if (!active) {
		finding->state = FINDING_UNKNOWN;
		finding->detail = strf("cannot read /sys/kernel/security/lsm");
		finding->remedy = strf(
			"mount -t securityfs securityfs /sys/kernel/security, and check again");
		return;
	}
	finding->detail = strf("active security modules: %s", active);
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
		finding->detail = strf("/sys/kernel/btf/vmlinux exists");
		return;
	}
	finding->state = FINDING_MISSING;
	finding->detail = strf("no /sys/kernel/btf/vmlinux");
	finding->remedy = strf("boot a kernel built with CONFIG_DEBUG_INFO_BTF=y");
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
		finding->detail = strf("Linux %d.%d or newer: munmap, mremap and madvise fail with EPERM",
				       OVERRIDE_MAJOR, OVERRIDE_MINOR);
		return;
	}
	r = kernel_has(machine, "CONFIG_FUNCTION_ERROR_INJECTION", "within_error_injection_list");
	if (r > 0) {
		finding->detail = strf(
			"CONFIG_FUNCTION_ERROR_INJECTION: munmap, mremap and madvise fail with EPERM");
		return;
	}
	finding->state = r == 0 ? FINDING_MISSING : FINDING_UNKNOWN;
	finding->detail =
		r == 0 ? strf("munmap, mremap and madvise of sealed memory end in SIGKILL, not in EPERM") :
			 strf("CONFIG_FUNCTION_ERROR_INJECTION unknown; without it munmap, mremap and "
			      "madvise end in SIGKILL");
	finding->remedy = strf("for EPERM, boot Linux %d.%d or newer, or a kernel built with "
			       "CONFIG_FUNCTION_ERROR_INJECTION=y",
			       OVERRIDE_MAJOR, OVERRIDE_MINOR);
}

static void look_cgroup(const struct machine *machine, struct finding *finding)
{
	int r = is_mounted(machine, "cgroup2", NULL);

	finding->name = "cgroup2";
	if (r > 0 || r == -EROFS) {
		finding->detail = strf("mounted");
		return;
	}
	finding->state = r == 0 ? FINDING_MISSING : FINDING_UNKNOWN;
	finding->detail = strf("%s", r == 0 ? "no cgroup2 mount: events do not name the service" :
					      "cannot read /proc/self/mountinfo");
	finding->remedy = strf(
		"boot with systemd.unified_cgroup_hierarchy=1, or: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

static void look_daemon(const struct machine *machine, struct finding *finding)
{
	finding->name = "daemon";
	if (machine->daemon == 0) {
		finding->detail = strf("mseald answers on %s", machine->socket);
		return;
	}
	finding->state = FINDING_MISSING;
	finding->detail = strf("cannot reach mseald on %s: %s", machine->socket, strerror(-machine->daemon));
	finding->remedy = strf("systemctl start mseald");
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
