/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's types that the BPF programs use, of the architecture that is built for. */
#pragma once

#if defined(__TARGET_ARCH_x86)
#include "bpf/arch/x86/vmlinux.h"
#elif defined(__TARGET_ARCH_arm64)
#include "bpf/arch/arm64/vmlinux.h"
#else
#error "no vmlinux.h for this architecture"
#endif
