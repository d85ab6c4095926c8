/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* io_uring without its library: one ring in a puppet, one request at a time. */
#pragma once

#include <linux/io_uring.h>
#include <stdbool.h>

/* For puppet_run(), no arguments: makes the ring; 0 or a negative errno. */
long ring_setup(const long arguments[6]);
/* The same, address and length: pins these pages as the ring's buffer 0. */
long ring_pin(const long arguments[6]);
/* Inside the puppet: submits the request, waits, and returns its result. */
long ring_submit(const struct io_uring_sqe *request);
/* The same, submitted by int 0x80 if compat. */
long ring_submit_by(bool compat, const struct io_uring_sqe *request);
