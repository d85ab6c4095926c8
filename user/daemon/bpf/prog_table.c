// SPDX-License-Identifier: LGPL-2.1-or-later
/* See prog_table.h. */
#include "bpf/prog_table.h"

#include <stddef.h>

const struct prog prog_table[PROG_COUNT] = {
	{ "mseald_exit_mmap", PROG_LIFECYCLE, "exit_mmap", NULL },
	{ "mseald_task_free", PROG_LIFECYCLE, NULL, NULL },
	{ "mseald_exec", PROG_LIFECYCLE, NULL, NULL },
#ifdef MSEALD_KEYS_RETURN
	{ "mseald_exec_begin", PROG_LIFECYCLE, NULL, NULL },
#endif
	{ "mseald_task_newtask", PROG_LIFECYCLE, NULL, NULL },
	{ "mseald_kill_fork", PROG_LIFECYCLE, NULL, NULL },
	{ "mseald_kill_vfork", PROG_LIFECYCLE, NULL, NULL },
	{ "mseald_task_alloc", PROG_LIFECYCLE, NULL, NULL },
	{ "mseald_match_exec", PROG_LIFECYCLE, NULL, NULL, .need = NEED_POLICY },
	{ "mseald_file_mprotect", PROG_LSM, NULL, NULL },
	{ "mseald_mmap_file", PROG_LSM, NULL, NULL },
	{ "mseald_mmap_addr", PROG_LSM, NULL, NULL },
	{ "mseald_shm_shmat", PROG_LSM, NULL, NULL },
	{ "mseald_task_prctl", PROG_LSM, NULL, NULL },
	{ "mseald_file_open", PROG_LSM, NULL, NULL, .need = NEED_FILES },
	{ "mseald_inode_setattr", PROG_LSM, NULL, NULL, .need = NEED_FILES },
	{ "mseald_file_receive", PROG_LSM, NULL, NULL, .need = NEED_FILES },
	{ "mseald_file_write", PROG_LSM, NULL, NULL, .need = NEED_WRITERS },
	{ "mseald_file_map", PROG_LSM, NULL, NULL, .need = NEED_WRITERS },
	{ "mseald_file_unprotect", PROG_LSM, NULL, NULL, .need = NEED_WRITERS },
	{ "mseald_ptrace_access_check", PROG_LSM, NULL, NULL, .need = NEED_FOREIGN },
	{ "mseald_ptrace_traceme", PROG_LSM, NULL, NULL, .need = NEED_FOREIGN },
	{ "mseald_file_permission", PROG_LSM, NULL, NULL, .need = NEED_FOREIGN },
	{ "mseald_file_ioctl", PROG_LSM, NULL, NULL, .need = NEED_USERFAULT },
	{ "mseald_file_ioctl_compat", PROG_LSM, "file_ioctl_compat", NULL, .need = NEED_USERFAULT },
	{ "override_munmap", PROG_OVERRIDE, SYSCALL_ENTRY(munmap), NULL },
	{ "override_mremap", PROG_OVERRIDE, SYSCALL_ENTRY(mremap), NULL },
	{ "override_madvise", PROG_OVERRIDE, SYSCALL_ENTRY(madvise), NULL },
	{ "override_process_madvise", PROG_OVERRIDE, SYSCALL_ENTRY(process_madvise), NULL,
	  .process_madvise = true },
	{ "override_brk", PROG_OVERRIDE, SYSCALL_ENTRY(brk), NULL },
	{ "override_shmdt", PROG_OVERRIDE, SYSCALL_ENTRY(shmdt), NULL },
	{ "override_process_vm_writev", PROG_OVERRIDE, SYSCALL_ENTRY(process_vm_writev), NULL,
	  .need = NEED_FOREIGN },
#ifdef SYSCALL_ENTRY_32
	{ "override_munmap_32", PROG_OVERRIDE, SYSCALL_ENTRY_32(sys_munmap), NULL, true },
	{ "override_mremap_32", PROG_OVERRIDE, SYSCALL_ENTRY_32(sys_mremap), NULL, true },
	{ "override_madvise_32", PROG_OVERRIDE, SYSCALL_ENTRY_32(sys_madvise), NULL, true },
	{ "override_process_madvise_32", PROG_OVERRIDE, SYSCALL_ENTRY_32(sys_process_madvise), NULL, true,
	  .process_madvise = true },
	{ "override_brk_32", PROG_OVERRIDE, SYSCALL_ENTRY_32(sys_brk), NULL, true },
	{ "override_shmdt_32", PROG_OVERRIDE, SYSCALL_ENTRY_32(sys_shmdt), NULL, true },
	{ "override_ipc_32", PROG_OVERRIDE, SYSCALL_ENTRY_32(compat_sys_ipc), NULL, true },
#endif
	{ "kill_munmap", PROG_KILL, SYSCALL_ENTRY(munmap), "override_munmap" },
	{ "kill_mremap", PROG_KILL, SYSCALL_ENTRY(mremap), "override_mremap" },
	{ "kill_process_madvise", PROG_KILL, SYSCALL_ENTRY(process_madvise), "override_process_madvise",
	  .process_madvise = true },
	{ "kill_brk", PROG_KILL, SYSCALL_ENTRY(brk), "override_brk" },
	{ "kill_shmdt", PROG_KILL, SYSCALL_ENTRY(shmdt), "override_shmdt" },
#ifdef SYSCALL_ENTRY_32
	{ "kill_munmap_32", PROG_KILL, SYSCALL_ENTRY_32(sys_munmap), "override_munmap_32", true },
	{ "kill_mremap_32", PROG_KILL, SYSCALL_ENTRY_32(sys_mremap), "override_mremap_32", true },
	{ "kill_process_madvise_32", PROG_KILL, SYSCALL_ENTRY_32(sys_process_madvise),
	  "override_process_madvise_32", true, .process_madvise = true },
	{ "kill_brk_32", PROG_KILL, SYSCALL_ENTRY_32(sys_brk), "override_brk_32", true },
	{ "kill_shmdt_32", PROG_KILL, SYSCALL_ENTRY_32(sys_shmdt), "override_shmdt_32", true },
	{ "kill_ipc_32", PROG_KILL, SYSCALL_ENTRY_32(compat_sys_ipc), "override_ipc_32", true },
#endif
	{ "kill_do_madvise", PROG_KILL, "do_madvise", NULL },
	{ "kill_expand_downwards", PROG_KILL, "expand_downwards", NULL },
	{ "kill_vm_munmap", PROG_KILL, "vm_munmap", NULL },
	{ "kill_mm_access", PROG_KILL, "mm_access", NULL, .need = NEED_FOREIGN },
};

const char *const prog_tools[TOOL_COUNT] = {
	[TOOL_COMMIT] = "mseald_commit", [TOOL_KILL_PENDING] = "mseald_set_kill_pending",
	[TOOL_FORGET] = "mseald_forget", [TOOL_FORGET_ACCOUNT] = "mseald_forget_account",
	[TOOL_WATCH] = "mseald_watch",	 [TOOL_UNWATCH] = "mseald_unwatch",
	[TOOL_TASKS] = "mseald_tasks",	 [TOOL_VMAS] = "mseald_vmas",
};
