/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that valgrind does not know (3.19; 3.24 only pidfd_open) and answers with ENOSYS, so that half
 * of the daemon would not run: pidfd_open, pidfd_send_signal, mseal. The library, preloaded under valgrind,
 * asks the program (-DPROGRAM), which runs without valgrind, to make them; descriptors are passed both ways.
 * One connection per call. valgrind does make unknown commands of bpf(2); the library tells it which memory
 * they have written.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <valgrind/memcheck.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

/* Abstract, so that it is independent of mounts. */
static const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0mseald-valgrind-calls" };

struct call {
	long number, arguments[4];
};

struct result {
	long value; /* or a negative errno */
};

static int talk(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static ssize_t send_with(int fd, const void *data, size_t size, int other)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec io = { (void *)(uintptr_t)data, size };
	struct msghdr message = { .msg_iov = &io, .msg_iovlen = 1 };

	memset(&control, 0, sizeof(control));
	if (other >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						   .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.header), &other, sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static ssize_t receive_with(int fd, void *data, size_t size, int *ret_other)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec io = { data, size };
	struct msghdr message = {
		.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t got;

	memset(&control, 0, sizeof(control));
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	*ret_other = -1;
	if (got > 0 && message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    control.header.cmsg_type == SCM_RIGHTS)
		memcpy(ret_other, CMSG_DATA(&control.header), sizeof(int));
	return got;
}

#ifdef PROGRAM

static long make(const struct call *call, int fd)
{
	switch (call->number) {
	case SYS_pidfd_open: return syscall(SYS_pidfd_open, call->arguments[0], call->arguments[1]);
	case SYS_pidfd_send_signal:
		return syscall(SYS_pidfd_send_signal, fd, call->arguments[1], NULL, call->arguments[3]);
	case SYS_mseal:
		/*
		 * Nothing of the caller's memory can be sealed here: the only question is whether the call
		 * exists.
		 */
		if (call->arguments[1] == 0)
			return syscall(SYS_mseal, 0ul, 0ul, 0ul);
		break;
	}
	errno = ENOSYS;
	return -1;
}

int main(void)
{
	int listening = talk();

	if (bind(listening, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listening, 64) < 0)
		return 1;
	for (;;) {
		int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC), given = -1;
		struct result result;
		struct call call;

		if (fd < 0)
			continue;
		if (receive_with(fd, &call, sizeof(call), &given) == sizeof(call)) {
			result.value = make(&call, given);
			if (result.value < 0)
				result.value = -errno;
			/* Number 0 is a descriptor too, but not of this process, which keeps its own. */
			(void)send_with(
				fd, &result, sizeof(result),
				call.number == SYS_pidfd_open && result.value > 0 ? (int)result.value : -1);
			if (call.number == SYS_pidfd_open && result.value > 0)
				(void)close((int)result.value);
		}
		if (given >= 0)
			(void)close(given);
		(void)close(fd);
	}
}

#else

static long ask(const struct call *call)
{
	int fd = talk(), given;
	struct result result = { -ENOSYS };

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    send_with(fd, call, sizeof(*call),
		      call->number == SYS_pidfd_send_signal ? (int)call->arguments[0] : -1) < 0) {
		result.value = -errno;
	} else if (receive_with(fd, &result, sizeof(result), &given) == sizeof(result) && given >= 0) {
		result.value = given;
	}
	if (fd >= 0)
		(void)close(fd);
	return result.value;
}

static long raw(long number, const long a[6])
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long value;

	__asm__ volatile("syscall"
			 : "=a"(value)
			 : "0"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return value;
}

/*
 * BPF_MAP_LOOKUP_BATCH writes this many keys and values, also at the end, and the position of the next call.
 */
static void define_batch(const union bpf_attr *attributes)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr ask = { .info = { .bpf_fd = attributes->batch.map_fd,
					 .info_len = sizeof(info),
					 .info = (uint64_t)(uintptr_t)&info } };

	if (raw(SYS_bpf, (const long[6]){ BPF_OBJ_GET_INFO_BY_FD, (long)(uintptr_t)&ask, sizeof(ask) }) < 0)
		return;
	(void)VALGRIND_MAKE_MEM_DEFINED(&info, sizeof(info));
	(void)VALGRIND_MAKE_MEM_DEFINED(&attributes->batch.count, sizeof(attributes->batch.count));
	(void)VALGRIND_MAKE_MEM_DEFINED((void *)(uintptr_t)attributes->batch.keys,
					(size_t)attributes->batch.count * info.key_size);
	(void)VALGRIND_MAKE_MEM_DEFINED((void *)(uintptr_t)attributes->batch.values,
					(size_t)attributes->batch.count * info.value_size);
	/* For a hash map it is the number of a bucket (kernel/bpf/hashtab.c). */
	(void)VALGRIND_MAKE_MEM_DEFINED((void *)(uintptr_t)attributes->batch.out_batch, sizeof(uint32_t));
}

/* Takes precedence over that of the C library. */
long syscall(long number, ...)
{
	long a[6], value;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_pidfd_open || number == SYS_pidfd_send_signal || number == SYS_mseal) {
		value = ask(&(struct call){ number, { a[0], a[1], a[2], a[3] } });
	} else {
		value = raw(number, a);
		if (number == SYS_bpf && a[0] == BPF_MAP_LOOKUP_BATCH && (value >= 0 || value == -ENOENT))
			define_batch((const union bpf_attr *)a[1]);
	}
	if (value < 0 && value > -4096) {
		errno = (int)-value;
		return -1;
	}
	return value;
}

#endif
