/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the fuzzer's calls inside the victim, a batch at a time. Then it reads the bytes at the probes by
 * process_vm_readv of its own process, which neither faults nor is denied. It is built twice: into
 * fuzz_calls, and as the 32-bit program fuzz32, without any library.
 *
 *   fuzz32 SLOT    index of its own slot on the board
 */
#include "fuzz_runner.h"

#include "fuzz_machine.h"
#ifdef __LP64__
#include "ring.h"
#endif

#define NR_WRITE NR(1, 4, 64, 4)
#define NR_PWRITE NR(18, 181, 68, 181)
#define NR_OPENAT NR(257, 295, 56, 322)
#define NR_CLOSE NR(3, 6, 57, 6)
#define NR_IOCTL NR(16, 54, 29, 54)
#define NR_EXIT_GROUP NR(231, 252, 94, 248)
#define NR_WAIT4 NR(61, 114, 260, 114)
#define NR_PRCTL NR(157, 172, 167, 172)
#define NR_GETPID NR(39, 20, 172, 20)
#define NR_FUTEX NR(202, 240, 98, 240)
#define NR_READV NR(310, 347, 270, 376) /* process_vm_readv */
#define NR_SETAFFINITY NR(203, 241, 122, 241)
#define NR_USERFAULTFD NR(323, 374, 282, 388)
#define NR_PIDFD_OPEN 434
#define NR_MMAP2 192

#define CLONE_VM 0x100ul
#define CLONE_VFORK 0x4000ul
#define CLONE_PARENT 0x8000ul
#define SIGCHLD 17ul

#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL_(n, a, b, c, d, e, f, ...) \
	invoke((int64_t)(n), (uintptr_t)(a), (uintptr_t)(b), (uintptr_t)(c), (uintptr_t)(d), (uintptr_t)(e), \
	       (uintptr_t)(f))
#define POINTER(what) ((uint64_t)(uintptr_t)(what))

static int64_t by_int80(int64_t number, const uint64_t argument[6])
{
	int64_t call[7];

	call[0] = number;
	for (int i = 0; i < 6; i++)
		call[i + 1] = (int64_t)argument[i];
	return result_of_32(int_80(call));
}

/* Fills the index'th iovec of this ABI in the slot; returns the address. */
static uint64_t vector(struct fuzz_slot *slot, unsigned index, uint64_t address, uint64_t length, int compat)
{
	if (sizeof(long) == 4 || compat) {
		uint32_t *pair = (uint32_t *)slot->vectors + index * 2;

		pair[0] = (uint32_t)address;
		pair[1] = (uint32_t)length;
		return POINTER(pair);
	}
	slot->vectors[index * 2] = address;
	slot->vectors[index * 2 + 1] = length;
	return POINTER(slot->vectors + index * 2);
}

static void probe(struct fuzz_slot *slot)
{
	const struct fuzz_probes *probes = &BOARD->probes[slot->probes];
	uint32_t i = 0, from = 4; /* the first vectors are for the memory that is read */

	for (uint32_t j = 0; j < probes->count; j++)
		(void)vector(slot, from + j, probes->at[j], 8, 0);
	while (i < probes->count) {
		uint64_t local = vector(slot, 0, POINTER(&slot->seen[i]), (probes->count - i) * 8, 0);
		int64_t got = CALL(NR_READV, slot->pid, local, 1, vector(slot, from + i, probes->at[i], 8, 0),
				   probes->count - i, 0);

		for (; got >= 8; got -= 8)
			slot->failed[i++] = 0;
		if (i < probes->count) {
			slot->seen[i] = 0;
			slot->failed[i++] = 1;
		}
	}
}

/* --- sequences of calls --- */

static void fill(uint64_t address, uint64_t pages)
{
	for (; pages > 0; pages--, address += FUZZ_PAGE)
		*(volatile uint64_t *)(uintptr_t)address = fuzz_pattern(address);
}

static int64_t advise(struct fuzz_slot *slot, const uint64_t argument[6])
{
	int64_t pidfd = CALL(NR_PIDFD_OPEN, slot->pid, 0), result;
	uint64_t made[6] = { (uint64_t)pidfd, 0, 1, argument[2], 0, 0 };

	if (pidfd < 0)
		return pidfd;
	made[1] = vector(slot, 0, argument[0], argument[1], argument[3] != 0);
	result = argument[3] ? by_int80((int64_t)argument[5], made) :
			       invoke((int64_t)argument[5], made[0], made[1], made[2], made[3], 0, 0);
	CALL(NR_CLOSE, pidfd);
	return result;
}

static int64_t write_process(struct fuzz_slot *slot, const uint64_t argument[6])
{
	uint64_t made[6] = { (uint64_t)slot[argument[2]].pid, 0, 1, 0, 1, 0 };

	made[1] = vector(slot, 0, POINTER(slot->page), argument[1], argument[3] != 0);
	made[3] = vector(slot, 2, argument[0], argument[1], argument[3] != 0);
	return argument[3] ? by_int80((int64_t)argument[5], made) :
			     invoke((int64_t)argument[5], made[0], made[1], made[2], made[3], made[4], 0);
}

static int64_t old_mmap(struct fuzz_slot *slot, const uint64_t argument[6])
{
	const uint64_t made[6] = { POINTER(slot->vectors) };

	for (int i = 0; i < 6; i++)
		((volatile uint32_t *)slot->vectors)[i] = (uint32_t)argument[i];
	return by_int80(90, made);
}

static int64_t write_mem(struct fuzz_slot *slot, const uint64_t argument[6])
{
	static const char path[] = "/proc/self/mem";
	int64_t fd = CALL(NR_OPENAT, -100 /* AT_FDCWD */, path, 2 /* O_RDWR */), result;

	if (fd < 0)
		return fd;
	result = CALL(NR_PWRITE, fd, slot->page, 8, OFFSET(argument[0]));
	CALL(NR_CLOSE, fd);
	return result;
}

#define UFFDIO(direction, number, size) ((direction) << 30 | (size) << 16 | 0xaau << 8 | (number))
#define UFFDIO_API UFFDIO(3u, 0x3f, 24u)
#define UFFDIO_REGISTER UFFDIO(3u, 0, 32u)

/* Closed again within the call: a fault on a missing page would wait forever. */
static int64_t userfault(struct fuzz_slot *slot, const uint64_t argument[6])
{
	uint64_t api[3] = { 0xaa, argument[4], 0 }, area[4] = { argument[0], FUZZ_PAGE, argument[3], 0 },
		 what[5];
	/* UFFD_USER_MODE_ONLY: the kernel's own faults fail. */
	int64_t fd = CALL(NR_USERFAULTFD, 02000000 | 1), result;

	if (fd < 0)
		return fd;
	result = CALL(NR_IOCTL, fd, UFFDIO_API, api);
	if (result >= 0)
		result = CALL(NR_IOCTL, fd, UFFDIO_REGISTER, area);
	what[0] = argument[0];
	what[1] = FUZZ_PAGE;
	what[2] = what[3] = what[4] = 0;
	if (result >= 0) {
		switch (argument[1]) {
		case 3: /* UFFDIO_COPY: to, from, length, mode */
		case 5: /* UFFDIO_MOVE */
			what[1] = argument[1] == 3 ? POINTER(slot->page) : argument[2];
			what[2] = FUZZ_PAGE;
			result = CALL(NR_IOCTL, fd, UFFDIO(3u, argument[1], 40u), what);
			break;
		case 6: /* UFFDIO_WRITEPROTECT: start, length, mode */
			what[2] = 1;
			result = CALL(NR_IOCTL, fd, UFFDIO(3u, 6, 24u), what);
			break;
		default: /* ZEROPAGE 4, CONTINUE 7, POISON 8: start, length, mode, done */
			result = CALL(NR_IOCTL, fd, UFFDIO(3u, argument[1], 32u), what);
			break;
		}
	}
	CALL(NR_CLOSE, fd);
	return result;
}

static int64_t by_ring(const uint64_t argument[6])
{
#ifdef __LP64__
	static int32_t owner;
	static const long nothing[6];
	struct io_uring_sqe request = { .opcode = IORING_OP_MADVISE,
					.fd = -1,
					.addr = argument[0],
					.len = (uint32_t)argument[1],
					.fadvise_advice = (uint32_t)argument[2] };
	int32_t pid = (int32_t)CALL(NR_GETPID);

	if (owner != pid) {
		long error = ring_setup(nothing);

		if (error)
			return error;
		owner = pid;
	}
	return ring_submit(&request);
#else
	(void)argument;
	return -38;
#endif
}

/* --- processes --- */

/* Slots are numbered relative to that of the caller. */
static int64_t fork_into(struct fuzz_slot *slot, uint64_t number)
{
	int64_t pid = CALL(NR_CLONE, CLONE_PARENT | SIGCHLD);

	if (pid == 0)
		fuzz_run(slot + (int64_t)number);
	return pid;
}

static void make(struct fuzz_slot *slot, struct fuzz_call *call);

/*
 * Parent and child use the same stack, one after the other: the parent's data lies above the part that the
 * child uses.
 */
static __attribute__((noinline)) int64_t clone_vfork(struct fuzz_slot *slot, struct fuzz_call *next)
{
	int64_t pid = clone_here(CLONE_VM | CLONE_VFORK | SIGCHLD);

	if (pid == 0) {
		int32_t own = slot->pid;

		slot->pid = (int32_t)CALL(NR_GETPID);
		make(slot, next);
		slot->pid = own;
		CALL(NR_EXIT_GROUP, 0);
		__builtin_unreachable();
	}
	return pid;
}

static int64_t strike_by_vfork(struct fuzz_slot *slot, struct fuzz_call *call)
{
	int32_t own = slot->pid, *status = (int32_t *)slot->vectors;
	int64_t pid = clone_vfork(slot, call + 1);

	slot->pid = own;
	if (pid < 0)
		return pid;
	*status = 0;
	/* The child first: this process is killed soon. */
	if (call->argument[0])
		call->argument[1] = (uint64_t)fork_into(slot, call->argument[0]);
	CALL(NR_WAIT4, pid, status, 0, 0);
	slot->killed = (*status & 0x7f) == 9;
	return pid;
}

/* Shares the memory; its child has the memory as of a moment after the call began. */
static __attribute__((noreturn, used)) void share(struct fuzz_slot *slot, struct fuzz_call *call);
static void share(struct fuzz_slot *slot, struct fuzz_call *call)
{
	uint32_t index = (uint32_t)(call - slot->calls) + (uint32_t)call->argument[2];

	static const uint64_t everywhere[16] = { ~0ull, ~0ull };

	CALL(NR_PRCTL, 1, 9);
	CALL(NR_SETAFFINITY, 0, sizeof(everywhere), everywhere);
	for (uint32_t patience = 0; atomic_load(&slot->at) < index && patience < 100000000; patience++)
		;
	if (call->argument[1])
		(void)fork_into(slot, call->argument[1]);
	fuzz_run(slot + call->argument[0]);
}

static int64_t begin_sharer(struct fuzz_slot *slot, struct fuzz_call *call)
{
	uintptr_t *stack = (uintptr_t *)(slot[call->argument[0]].stack + sizeof(slot->stack) - 64);

	return clone_to(CLONE_VM | CLONE_PARENT | SIGCHLD, stack, slot, call);
}

/* --- the batch --- */

static void make(struct fuzz_slot *slot, struct fuzz_call *call)
{
	const uint64_t *argument = call->argument;

	switch (call->by) {
	case FUZZ_CALL:
		call->result = invoke(call->number, argument[0], argument[1], argument[2], argument[3],
				      argument[4], argument[5]);
		break;
	case FUZZ_INT80: call->result = by_int80(call->number, argument); break;
	case FUZZ_FILL:
		fill(argument[0], argument[1]);
		call->result = 0;
		break;
	case FUZZ_FORK: call->result = fork_into(slot, argument[0]); break;
	case FUZZ_VFORK: call->result = strike_by_vfork(slot, call); break;
	case FUZZ_SHARER: call->result = begin_sharer(slot, call); break;
	case FUZZ_RING: call->result = by_ring(argument); break;
	case FUZZ_ADVISE: call->result = advise(slot, argument); break;
	case FUZZ_WRITE: call->result = write_process(slot, argument); break;
	case FUZZ_UFFD: call->result = userfault(slot, argument); break;
	case FUZZ_OLDMMAP: call->result = old_mmap(slot, argument); break;
	case FUZZ_MEMFILE: call->result = write_mem(slot, argument); break;
	default: call->result = -38; break;
	}
}

void fuzz_run(struct fuzz_slot *slot)
{
	/* PR_SET_PDEATHSIG, SIGKILL */
	CALL(NR_PRCTL, 1, 9);
	slot->pid = (int32_t)CALL(NR_GETPID);
	for (unsigned i = 0; i < FUZZ_PAGE / 8; i++)
		((volatile uint64_t *)slot->page)[i] = FUZZ_X;
	probe(slot);
	for (;;) {
		atomic_store(&slot->turn, FUZZ_TURN_TEST);
		CALL(NR_WRITE, FUZZ_DONE_FD, slot->text, 1);
		while (atomic_load(&slot->turn) != FUZZ_TURN_RUNNER)
			CALL(NR_FUTEX, &slot->turn, 0 /* FUTEX_WAIT */, FUZZ_TURN_TEST, 0);
		slot->killed = 0;
		for (uint32_t i = 0; i < slot->count && !slot->killed; i++) {
			atomic_store(&slot->at, i);
			make(slot, &slot->calls[i]);
			/* The child has made the next call. */
			if (slot->calls[i].by == FUZZ_VFORK && slot->calls[i].result > 0)
				i++;
		}
		if (!slot->killed)
			atomic_store(&slot->at, slot->count);
		probe(slot);
	}
}

#ifndef __LP64__
static uint32_t number_of(const char *text)
{
	uint32_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint32_t)(*text++ - '0');
	return value;
}

/* Called by _start with the initial stack from the kernel. */
__attribute__((noreturn, used)) void begin(const long *stack);
void begin(const long *stack)
{
	const char **argv = (const char **)(stack + 1);

	/* PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED_NOREPLACE */
	if (stack[0] != 2 || CALL(NR_MMAP2, FUZZ_BOARD, sizeof(struct fuzz_board), 3, 0x100001, FUZZ_BOARD_FD,
				  0) != FUZZ_BOARD) {
		CALL(NR_EXIT_GROUP, 3);
		__builtin_unreachable();
	}
	fuzz_run(&BOARD->slots[number_of(argv[1])]);
}
#endif
