/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the label of a seal set stands for: the policy and the program that it
 * was made for, kept in the map `labels`, so that it outlives daemon and process.
 */
#ifndef MSEALD_SEAL_LABELS_H
#define MSEALD_SEAL_LABELS_H

#include "bpf/programs.h"
#include "seal/space_map.h"

/* For MSEALD_LABEL_NUMBER(). */
uint64_t labels_hash(const char *text);

/* The label of this policy ("": by hand) and program; 0: there is no room for another. */
uint64_t labels_make(struct programs *programs, struct space_map *space_map, const char *policy,
		     const char *program);

/* For a process that is sealed by a policy (NULL: by hand, which changes no label there is). */
uint64_t labels_of_process(struct programs *programs, struct space_map *space_map, int proc_fd,
			   const char *policy, uint64_t old);

/* false: nobody knows it. */
bool labels_read(const struct programs *programs, uint64_t label, struct mseald_label *ret);

#endif
