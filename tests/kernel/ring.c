/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "puppet.h"

static struct {
	int fd;
	_Atomic uint32_t *sq_tail, *cq_head, *cq_tail;
	uint32_t *sq_array, sq_mask, cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
} ring;

long ring_setup(const long arguments[6])
{
	struct io_uring_params parameters;
	long sq, cq, sqes;

	(void)arguments;
	memset(&parameters, 0, sizeof(parameters));
	ring.fd = (int)RAW(SYS_io_uring_setup, 4, &parameters);
	if (ring.fd < 0)
		return ring.fd;
	sq = RAW(SYS_mmap, 0, parameters.sq_off.array + parameters.sq_entries * 4, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
	cq = RAW(SYS_mmap, 0, parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe),
		 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_CQ_RING);
	sqes = RAW(SYS_mmap, 0, parameters.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
	if (sq < 0 || cq < 0 || sqes < 0)
		return -ENOMEM;
	ring.sq_tail = (void *)(sq + parameters.sq_off.tail);
	ring.sq_mask = *(uint32_t *)(sq + parameters.sq_off.ring_mask);
	ring.sq_array = (void *)(sq + parameters.sq_off.array);
	ring.cq_head = (void *)(cq + parameters.cq_off.head);
	ring.cq_tail = (void *)(cq + parameters.cq_off.tail);
	ring.cq_mask = *(uint32_t *)(cq + parameters.cq_off.ring_mask);
	ring.cqes = (void *)(cq + parameters.cq_off.cqes);
	ring.sqes = (void *)sqes;
	return 0;
}

long ring_pin(const long arguments[6])
{
	const struct iovec buffer = { (void *)arguments[0], (size_t)arguments[1] };

	return RAW(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1);
}

long ring_submit_by(bool compat, const struct io_uring_sqe *request)
{
	uint32_t tail = *ring.sq_tail, head = *ring.cq_head;
	long result;

	ring.sqes[tail & ring.sq_mask] = *request;
	ring.sq_array[tail & ring.sq_mask] = tail & ring.sq_mask;
	atomic_store(ring.sq_tail, tail + 1);
	result = RAW_BY(compat, SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, 0, 0);
	if (result < 0)
		return result;
	if (atomic_load(ring.cq_tail) == head)
		return -EIO;
	result = ring.cqes[head & ring.cq_mask].res;
	atomic_store(ring.cq_head, head + 1);
	return result;
}

long ring_submit(const struct io_uring_sqe *request)
{
	return ring_submit_by(false, request);
}
