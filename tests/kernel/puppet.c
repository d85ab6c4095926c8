/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "puppet.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"
#include "bare_call.h"
#include "tap.h"

#define STACK_SIZE (64 * 1024)
#define PATIENCE 300 /* seconds for one action of a puppet */

static struct channel *channels;
static int channels_fd = -1;

long raw_call(long number, long a, long b, long c, long d, long e, long f)
{
	return bare_call_6(number, a, b, c, d, e, f);
}

#ifdef __x86_64__
/* eax, ebx, ecx, edx, esi, edi, ebp */
__asm__(".text\n"
	".globl int_80\n"
	"int_80:\n"
	"	push %rbx\n	push %rbp\n"
	"	mov (%rdi), %eax\n	mov 8(%rdi), %ebx\n	mov 16(%rdi), %ecx\n	mov 24(%rdi), %edx\n"
	"	mov 32(%rdi), %esi\n	mov 48(%rdi), %ebp\n	mov 40(%rdi), %edi\n"
	"	int $0x80\n"
	"	pop %rbp\n	pop %rbx\n"
	"	ret\n");
#else
uint32_t int_80(const int64_t call[7])
{
	(void)call;
	return -ENOSYS;
}
#endif

long raw_call_by(bool compat, long number, long a, long b, long c, long d, long e, long f)
{
	long call[7] = { number, a, b, c, d, e, f }, call_32[7];

	if (!compat)
		return raw_call(number, a, b, c, d, e, f);
	return abi_to_32(call, call_32) ? -ENOSYS : result_32(int_80(call_32));
}

void nap(int milliseconds)
{
	nanosleep(&(struct timespec){ milliseconds / 1000, milliseconds % 1000 * 1000000L }, NULL);
}

/* --- inside the puppet: no errno here, which threads without TLS of their own share --- */

static void perform(struct channel *channel) __attribute__((noreturn));

static int begin(void *argument)
{
	perform(argument);
}

static long do_clone(const long call[7])
{
	struct channel *channel = &channels[call[3]];
	unsigned long flags = (unsigned long)call[1];
	long pid;

	if (flags & CLONE_VM) {
		pid = clone(begin, (char *)call[2] + STACK_SIZE, (int)flags, channel);
		return pid == -1 ? -errno : pid;
	}
	pid = RAW(SYS_clone, flags, 0, 0, 0, 0);
	if (pid == 0)
		perform(channel);
	return pid;
}

static long do_exec(const struct channel *channel)
{
	char fd[16], slot[16];
	char *arguments[] = { "puppet", "--puppet", fd, slot, NULL }, *environment[] = { NULL };

	snprintf(fd, sizeof(fd), "%d", channels_fd);
	snprintf(slot, sizeof(slot), "%d", (int)(channel - channels));
	return RAW(SYS_execve, "/proc/self/exe", arguments, environment);
}

static void perform(struct channel *channel)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	channel->tid = (pid_t)RAW(SYS_gettid);
	channel->result = 0;
	for (;;) {
		atomic_store(&channel->turn, TURN_TEST);
		RAW(SYS_futex, &channel->turn, FUTEX_WAKE, 1);
		while (atomic_load(&channel->turn) != TURN_PUPPET)
			RAW(SYS_futex, &channel->turn, FUTEX_WAIT, TURN_TEST, NULL);
		switch (channel->op) {
		case OP_CALL:
			channel->result = raw_call(channel->call[0], channel->call[1], channel->call[2],
						   channel->call[3], channel->call[4], channel->call[5],
						   channel->call[6]);
			break;
		case OP_CALL_32: channel->result = result_32(int_80(channel->call)); break;
		case OP_RUN: channel->result = ((puppet_function)channel->function)(channel->call); break;
		case OP_CLONE: channel->result = do_clone(channel->call); break;
		case OP_EXEC: channel->result = do_exec(channel); break;
		}
	}
}

static void map_channels(void)
{
	channels = mmap(NULL, CHANNELS * sizeof(*channels), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_32BIT,
			channels_fd, 0);
	if (channels == MAP_FAILED)
		bail("mapping the puppets' channels: %s", strerror(errno));
}

void puppet_main(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[1], "--puppet"))
		return;
	channels_fd = atoi(argv[2]);
	map_channels();
	perform(&channels[atoi(argv[3])]);
}

/* --- in the test --- */

static struct channel *channel_new(void)
{
	int i;

	if (channels_fd < 0) {
		channels_fd = memfd_create("puppets", 0);
		if (channels_fd < 0 || ftruncate(channels_fd, CHANNELS * sizeof(*channels)))
			bail("memory for the puppets' channels: %s", strerror(errno));
		map_channels();
	}
	for (i = 0; i < CHANNELS && channels[i].used; i++)
		;
	if (i == CHANNELS)
		bail("more than %d puppets", CHANNELS);
	memset(&channels[i], 0, sizeof(*channels));
	channels[i].used = 1;
	atomic_store(&channels[i].turn, TURN_PUPPET); /* it has the first turn, when it begins */
	return &channels[i];
}

static struct puppet *puppet_alloc(struct channel *channel, struct puppet *leader)
{
	struct puppet *puppet = calloc(1, sizeof(*puppet));

	if (!puppet)
		bail("no memory");
	puppet->channel = channel;
	puppet->leader = leader ?: puppet;
	return puppet;
}

bool puppet_died(struct puppet *puppet, int milliseconds)
{
	struct puppet *leader = puppet->leader;

	for (int pause = 1;; milliseconds -= pause, pause = pause < 5 ? pause + 1 : 5) {
		if (!leader->dead && waitpid(leader->pid, &leader->status, WNOHANG | __WALL) == leader->pid)
			leader->dead = true;
		puppet->dead = leader->dead;
		puppet->status = leader->status;
		if (puppet->dead || milliseconds <= 0)
			return puppet->dead;
		nap(pause);
	}
}

long puppet_result(struct puppet *puppet)
{
	struct channel *channel = puppet->channel;
	time_t start = time(NULL);

	while (atomic_load(&channel->turn) != TURN_TEST) {
		syscall(SYS_futex, &channel->turn, FUTEX_WAIT, TURN_PUPPET, &(struct timespec){ 0, 2000000 });
		if (atomic_load(&channel->turn) == TURN_TEST)
			break;
		if (puppet_died(puppet, 0))
			return PUPPET_DEAD;
		if (time(NULL) - start > PATIENCE)
			bail("puppet %d has not come back from operation %u, call %ld", puppet->tid,
			     channel->op, channel->call[0]);
	}
	return channel->result;
}

static void command(struct puppet *puppet, uint32_t op)
{
	puppet->channel->op = op;
	atomic_store(&puppet->channel->turn, TURN_PUPPET);
	syscall(SYS_futex, &puppet->channel->turn, FUTEX_WAKE, 1);
}

static long make_call(struct puppet *puppet, uint32_t op, const long call[7])
{
	if (puppet_died(puppet, 0))
		return PUPPET_DEAD;
	memcpy(puppet->channel->call, call, 7 * sizeof(*call));
	command(puppet, op);
	return puppet_result(puppet);
}

long puppet_call_(struct puppet *puppet, const long call[7])
{
	long call_32[7];

	if (!puppet->is_32)
		return make_call(puppet, OP_CALL, call);
	return abi_to_32(call, call_32) ? -ENOSYS : make_call(puppet, OP_CALL, call_32);
}

long puppet_call_32_(struct puppet *puppet, const long call[7])
{
	return make_call(puppet, puppet->is_32 ? OP_CALL : OP_CALL_32, call);
}

void puppet_start_(struct puppet *puppet, puppet_function function, const long arguments[6])
{
	puppet->channel->function = (uint64_t)function;
	memcpy(puppet->channel->call, arguments, 6 * sizeof(*arguments));
	if (puppet->is_32)
		puppet->channel->call[0] = -1; /* no such call */
	command(puppet, OP_RUN);
}

long puppet_exec(struct puppet *puppet)
{
	command(puppet, OP_EXEC);
	return puppet_result(puppet);
}

struct puppet *puppet_new(void)
{
	struct channel *channel = channel_new();
	struct puppet *puppet = puppet_alloc(channel, NULL);

	fflush(NULL);
	puppet->pid = puppet->tid = fork();
	if (puppet->pid < 0)
		bail("fork: %s", strerror(errno));
	if (puppet->pid == 0)
		perform(channel);
	if (puppet_result(puppet) == PUPPET_DEAD)
		bail("a puppet died when it was made, wait status %#x", puppet->status);
	return puppet;
}

/* In the folder of the test program. */
static void exec_32(const struct channel *channel)
{
	char path[512], fd[16], slot[16], address[32];
	char *arguments[] = { "puppet32", fd, slot, address, NULL }, *environment[] = { NULL };
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("puppet32"));

	while (length > 0 && path[length - 1] != '/')
		length--;
	strcpy(path + (length > 0 ? length : 0), "puppet32");
	snprintf(fd, sizeof(fd), "%d", channels_fd);
	snprintf(slot, sizeof(slot), "%d", (int)(channel - channels));
	snprintf(address, sizeof(address), "%lu", (unsigned long)channels);
	execve(path, arguments, environment);
	_exit(127);
}

struct puppet *puppet_new_32(void)
{
	struct channel *channel = channel_new();
	struct puppet *puppet = puppet_alloc(channel, NULL);

	puppet->is_32 = true;
	fflush(NULL);
	puppet->pid = puppet->tid = fork();
	if (puppet->pid < 0)
		bail("fork: %s", strerror(errno));
	if (puppet->pid == 0)
		exec_32(channel);
	if (puppet_result(puppet) == PUPPET_DEAD)
		bail("a 32-bit puppet died when it was made, wait status %#x (is puppet32 beside the test?)",
		     puppet->status);
	return puppet;
}

struct puppet *puppet_clone(struct puppet *of, unsigned long flags, long *ret_error)
{
	struct channel *channel = channel_new();
	struct puppet *puppet;
	long pid, stack = 0;

	if (flags & CLONE_VM) {
		stack = puppet_call(of, SYS_mmap, 0, STACK_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (stack < 0)
			bail("a stack for a clone: %s", puppet_text(of, stack));
	}
	if (!(flags & CLONE_THREAD))
		flags |= CLONE_PARENT | SIGCHLD;
	of->channel->call[1] = (long)flags;
	of->channel->call[2] = stack;
	of->channel->call[3] = channel - channels;
	command(of, OP_CLONE);
	pid = puppet_result(of);
	if (pid < 0) {
		channel->used = 0;
		if (ret_error)
			*ret_error = pid;
		return NULL;
	}
	puppet = puppet_alloc(channel, flags & CLONE_THREAD ? of->leader : NULL);
	puppet->tid = (pid_t)pid;
	puppet->pid = flags & CLONE_THREAD ? of->pid : puppet->tid;
	if (puppet_result(puppet) == PUPPET_DEAD)
		bail("a clone died when it was made, wait status %#x", puppet->status);
	return puppet;
}

void *puppet_data(const struct puppet *puppet)
{
	return puppet->channel->data;
}

struct puppet *puppet_end(struct puppet *puppet)
{
	if (!puppet)
		return NULL;
	if (puppet->leader == puppet) {
		if (!puppet->dead)
			kill(puppet->pid, SIGKILL);
		if (!puppet_died(puppet, 20000))
			bail("puppet %d does not die", puppet->pid);
		puppet->channel->used = 0; /* a thread may live on, and listen */
	}
	free(puppet);
	return NULL;
}

long puppet_peek(const long arguments[6])
{
	unsigned char byte = 0;
	int pipe[2];
	long result = RAW(SYS_pipe2, pipe, 0);

	result = result ?: RAW(SYS_write, pipe[1], arguments[0], 1);
	if (result == 1)
		RAW(SYS_read, pipe[0], &byte, 1);
	RAW(SYS_close, pipe[0]);
	RAW(SYS_close, pipe[1]);
	return result < 0 ? result : byte;
}

const char *puppet_text(const struct puppet *puppet, long result)
{
	static char text[4][64];
	static int turn;
	char *buffer = text[turn++ % 4];

	if (result == PUPPET_DEAD && WIFSIGNALED(puppet->status))
		snprintf(buffer, sizeof(*text), "killed by SIG%s", sigabbrev_np(WTERMSIG(puppet->status)));
	else if (result == PUPPET_DEAD)
		snprintf(buffer, sizeof(*text), "exited with status %d", WEXITSTATUS(puppet->status));
	else if (result < 0 && result > -4096)
		snprintf(buffer, sizeof(*text), "%s", strerrorname_np((int)-result) ?: "an unknown error");
	else
		snprintf(buffer, sizeof(*text), "success (%#lx)", result);
	return buffer;
}
