/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Properties that an ELF file declares (.note.gnu.property), as far as sealing needs them. */
#pragma once

#include <elf.h>
#include <stdbool.h>

#include "lib/elf/reader.h"

/*
 * Do the notes of this segment (PT_GNU_PROPERTY or PT_NOTE) ask for sealing, by GNU_PROPERTY_MEMORY_SEAL?
 * Malformed notes ask for nothing, as in the dynamic loader. 1, 0, -ENOMEM, or the error of reading.
 */
int elf_property_memory_seal(const struct elf_reader *source, const Elf64_Phdr *phdr, bool is_64bit);
