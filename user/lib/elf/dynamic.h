/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dynamic section of an ELF file: what it is called, what it is loaded
 * with. By this objects of the start are told from those loaded later by dlopen(3).
 */
#ifndef MSEALD_ELFDYNAMIC_H
#define MSEALD_ELFDYNAMIC_H

#include <stdbool.h>
#include <stddef.h>

#define ELFDYNAMIC_NEEDED_MAX 1024	/* libraries of one object */
#define ELFDYNAMIC_NAME_MAX 4096	/* bytes of a name, with its NUL */

struct elfdynamic {
	char *soname;			/* DT_SONAME; NULL: none */
	char **needed;			/* DT_NEEDED, in the order of the file */
	size_t needed_count;
	bool textrel;			/* DT_TEXTREL or DF_TEXTREL: its text is written to as it is loaded */
};

/*
 * Reads it from fd (pread only). A file without a dynamic section has nothing
 * of it. -ENOEXEC and -EBADMSG as elfobject_read() (a name that is not ended,
 * a table beyond the file, too many); -ENOMEM; or the error of reading.
 */
int elfdynamic_read(int fd, struct elfdynamic *ret);

/* The same from memory, for tests and fuzzing. */
int elfdynamic_parse(const void *file, size_t size, struct elfdynamic *ret);

void elfdynamic_free(struct elfdynamic *dynamic);	/* takes NULL or zeroed, and leaves it zeroed */

#endif
