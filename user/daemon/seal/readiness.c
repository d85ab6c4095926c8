// SPDX-License-Identifier: LGPL-2.1-or-later
/* See readiness.h. */
#include "seal/readiness.h"

#define VM_WRITE 0x2 /* include/linux/mm.h */
#define VM_ACCOUNT 0x00100000

static bool has_relro(const struct object *object)
{
	return !object->unknown && object->elf.relro_memsz;
}

static bool in_relro(const struct object *object, uint64_t address)
{
	uint64_t start = object->bias + object->elf.relro_vaddr;

	/* The loader rounds the start down to a page. */
	return has_relro(object) && address < start + object->elf.relro_memsz &&
	       address + page_size() > start;
}

/*
 * Index of the relro event of the program itself (of the loader, if the program has no RELRO); the count of
 * events: not yet received.
 */
static size_t end_of_start(const struct readiness *readiness, const struct object *last)
{
	size_t i = 0;

	while (i < readiness->relro_count && !in_relro(last, readiness->relro[i]))
		i++;
	return i;
}

/* Was its RELRO applied after that of the program? An object without RELRO counts as early. */
static bool is_late(const struct readiness *readiness, const struct object *object, size_t end)
{
	if (!has_relro(object))
		return false;
	for (size_t i = end + 1; i < readiness->relro_count; i++)
		if (in_relro(object, readiness->relro[i]))
			return true;
	return false;
}

/*
 * The flags of the memory there. While a loader maps an object, the first segment covers the place of the
 * others, read-only like finished RELRO. VM_ACCOUNT distinguishes the two: memory that was never writable was
 * never accounted for (mm/vma.c, accountable_mapping; mprotect keeps VM_ACCOUNT).
 */
static uint64_t flags_at(const struct object *object, uint64_t vaddr, const struct task_vmas *vmas)
{
	return task_iter_vma_at(vmas, object->bias + vaddr)->flags;
}

/* Has the RELRO been writable, and is it read-only now? */
static bool relro_in_force(const struct object *object, const struct task_vmas *vmas)
{
	return has_relro(object) && !object->relro_open &&
	       (flags_at(object, object->elf.relro_vaddr, vmas) & (VM_WRITE | VM_ACCOUNT)) == VM_ACCOUNT;
}

/* Is the object mapped completely? Its data is mapped last. */
static bool is_whole(const struct object *object, const struct task_vmas *vmas)
{
	for (size_t i = object->unknown ? 0 : object->elf.loads; i-- > 0;)
		if (object->elf.load[i].write)
			return flags_at(object, object->elf.load[i].vaddr, vmas) & VM_ACCOUNT;
	return true;
}

/*
 * Has the loader finished the start? Its last step for the program, and then for itself, is the RELRO. A
 * static program without RELRO gives no sign: it may unpack itself, as programs packed by UPX do.
 */
static bool is_through(const struct readiness *readiness, const struct object *program,
		       const struct object *loader, const struct task_vmas *vmas)
{
	if (readiness->settled || !program)
		return readiness->settled;
	if (has_relro(program))
		return relro_in_force(program, vmas);
	return loader && relro_in_force(loader, vmas);
}

/*
 * Has a loader yet to make the RELRO of the program read-only? It leaves RELRO of less than a page as it is
 * (glibc elf/dl-reloc.c, _dl_protect_relro). If it has been read-only, or that of the loader is, which is its
 * last, the program made it writable again.
 */
static bool is_loading(const struct readiness *readiness, const struct object *program,
		       const struct object *loader, const struct task_vmas *vmas)
{
	uint64_t start, end;

	if (!program || !loader || !has_relro(program) || relro_in_force(program, vmas) ||
	    relro_in_force(loader, vmas) || end_of_start(readiness, program) < readiness->relro_count)
		return false;
	start = program->bias + program->elf.relro_vaddr;
	end = start + program->elf.relro_memsz;
	return start / page_size() < end / page_size();
}

static void judge(struct readiness *readiness, struct readiness_object *verdict, const struct object *object,
		  const struct task_vmas *vmas)
{
	/*
	 * Program and loader are complete since the exec, so their text is final. RELRO that never becomes
	 * read-only counts as data; not while the loader could still come to it.
	 */
	bool never = verdict->program ? readiness->settled && !readiness->loading :
					readiness->finishing && readiness->rested;

	if (relro_in_force(object, vmas)) {
		verdict->constant = verdict->data = true;
	} else if (verdict->program || verdict->loader) {
		verdict->constant = readiness->through;
		verdict->data = readiness->through && (!has_relro(object) || never);
	} else {
		/* An object being dlopen'ed looks the same: it is left alone while its RELRO is writable. */
		verdict->constant = verdict->data = readiness->through && !has_relro(object) &&
						    is_whole(object, vmas);
	}
}

enum inspection_late readiness_wants_late(const struct readiness *readiness)
{
	/* An object without RELRO causes no relro event. */
	return readiness->unseen ? INSPECTION_ALWAYS : INSPECTION_IF_PLAIN;
}

static void find_late(struct readiness *readiness, const struct objects *objects,
		      const struct object *program, const struct object *loader, const bool *late)
{
	size_t end = program && has_relro(program) ? end_of_start(readiness, program) :
		     loader			   ? end_of_start(readiness, loader) :
						     readiness->relro_count;

	for (size_t i = 0; i < objects->count; i++)
		if (!readiness->objects[i].program && !readiness->objects[i].loader)
			readiness->objects[i].late = (late && late[i] &&
						      (readiness->unseen || !has_relro(&objects->list[i]))) ||
						     is_late(readiness, &objects->list[i], end);
}

int readiness_judge(struct readiness *readiness, const struct segments *segments,
		    const struct inspection *inspection)
{
	const struct objects *objects = &segments->objects;
	const struct task_vmas *vmas = &inspection->vmas;
	const struct object *program = NULL, *loader = NULL;

	readiness_free(readiness);
	readiness->objects = calloc(objects->count + 1, sizeof(*readiness->objects));
	if (!readiness->objects)
		return -ENOMEM;
	/* The mappings have been read, so the relro events of all that they show have arrived by now. */
	events_catch_up(readiness->events);
	if (inspection->program >= 0) {
		program = &objects->list[inspection->program];
		readiness->objects[inspection->program].program = true;
	}
	if (inspection->loader >= 0) {
		loader = &objects->list[inspection->loader];
		readiness->objects[inspection->loader].loader = true;
	}
	readiness->through = is_through(readiness, program, loader, vmas);
	readiness->loading = is_loading(readiness, program, loader, vmas);
	readiness->finishing = program && loader && relro_in_force(program, vmas) && has_relro(loader) &&
			       !relro_in_force(loader, vmas);
	if (readiness->kills_32 && program && !program->elf.is_64bit)
		readiness->late = LATE_NOT;
	find_late(readiness, objects, program, loader, inspection->late);
	for (size_t i = 0; i < objects->count; i++) {
		struct readiness_object *verdict = &readiness->objects[i];

		if (verdict->late && (!readiness->dlopen || readiness->late == LATE_NOT ||
				      (readiness->late == LATE_NATIVE && !readiness->native_now)))
			continue;
		if (readiness->marked && !objects->list[i].elf.memory_seal)
			continue;
		judge(readiness, verdict, &objects->list[i], vmas);
		/* Without the program's RELRO as a sign it is unknown when the loader is done. */
		if (verdict->loader && readiness->settled && !readiness->finishing)
			continue;
		if (!verdict->constant || !verdict->data)
			readiness->waiting++;
	}
	return 0;
}

bool readiness_allows(const struct readiness *readiness, const struct segment *segment)
{
	const struct readiness_object *verdict;

	/* While the kernel is in exec, its own mappings move. */
	if (segment->object < 0)
		return readiness->through;
	verdict = &readiness->objects[segment->object];
	switch (segment->kind) {
	case MSEALD_SEGMENT_TEXT:
	case MSEALD_SEGMENT_RODATA: return verdict->constant;
	case MSEALD_SEGMENT_RELRO:
	case MSEALD_SEGMENT_DATA: return verdict->data;
	case MSEALD_SEGMENT_NONE:
	case MSEALD_SEGMENT_VDSO:
	case MSEALD_SEGMENT_STACK:
	case MSEALD_SEGMENT_COUNT: break; /* of no object */
	}
	return false;
}

void readiness_free(struct readiness *readiness)
{
	free(readiness->objects);
	readiness->objects = NULL;
	readiness->through = false;
	readiness->waiting = 0;
}
