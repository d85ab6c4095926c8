// SPDX-License-Identifier: LGPL-2.1-or-later
/* See lock.h. */
#include "bpf/lock.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "bpf/bpffs.h"
#include "bpf/lock_holders.h"
#include "bpf/lock_ops.h"
#include "bpf/lock_selftest.h"
#include "bpf/map.h"
#include "mseald/lock.h"
#include "mseald/shared.h"

struct lock {
	struct lock_bpf *skeleton;
	struct bpf_link *links[64];
	size_t links_count;
	struct lock_selftest outsider;
	bool signals;
	bool complete;
};

/* Says what failed; returns r. */
static int not_locked(int r, const char *what)
{
	log_error("Lock=yes: %s: %s; not locked", what, strerror(-r));
	return r;
}

bool lock_is_taken(void)
{
	return access(BPFFS_LOCK, F_OK) == 0;
}

/* The hook for the end of a map was renamed in 6.9. */
static int choose_programs(struct lock_bpf *skeleton)
{
	struct btf *vmlinux = btf__load_vmlinux_btf();
	bool named_new;

	if (!vmlinux)
		return -errno;
	named_new = btf__find_by_name_kind(vmlinux, "bpf_lsm_bpf_map_free", BTF_KIND_FUNC) > 0;
	btf__free(vmlinux);
	(void)bpf_program__set_autoload(skeleton->progs.lock_map_free, named_new);
	(void)bpf_program__set_autoload(skeleton->progs.lock_map_free_security, !named_new);
	return 0;
}

static bool is_guard(const struct bpf_program *program)
{
	return bpf_program__autoload(program) && bpf_program__type(program) == BPF_PROG_TYPE_LSM;
}

static int attach(struct lock *lock)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, lock->skeleton->obj) {
		struct bpf_link *link;

		if (!is_guard(program))
			continue;
		if (lock->links_count == ELEMENTS(lock->links))
			return -ENOBUFS;
		link = bpf_program__attach(program);
		if (!link) {
			int r = -errno;

			log_error("Lock=yes: cannot attach %s: %s; not locked", bpf_program__name(program),
				  strerror(-r));
			return r;
		}
		lock->links[lock->links_count++] = link;
	}
	return 0;
}

static int engage(struct lock *lock)
{
	static const char *const why[] = {
		[MSEALD_LOCK_TRACED] = "mseald is traced; start it without a debugger",
		[MSEALD_LOCK_NOT_BPFFS] = BPFFS_ROOT " is not on a BPF file system; mount -t bpf bpf " BPFFS,
		[MSEALD_LOCK_NAMESPACE] = BPFFS
		" is mounted in a mount namespace that may end; mount it in that of pid 1",
		[MSEALD_LOCK_DEPTH] = BPFFS " is mounted on too many other mounts; mount it on /sys",
		[MSEALD_LOCK_NO_ROOM] = "no memory",
	};
	struct mseald_lock_engage request = { .signals = lock->signals };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &request, .ctx_size_in = sizeof(request));
	int r = bpf_prog_test_run_opts(bpf_program__fd(lock->skeleton->progs.lock_engage), &opts);

	if (r < 0)
		return not_locked(r, "cannot run the program that takes the lock");
	if (!request.why)
		return 0;
	log_error("Lock=yes: %s; not locked", why[request.why]);
	return -EBUSY;
}

static int open_and_close(int fd)
{
	return fd < 0 ? fd : close(fd);
}

/* The lock's own maps, programs and links are older than the lock: making a descriptor again enters them. */
static int guard_itself(struct lock *lock)
{
	struct bpf_program *program;
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map(map, lock->skeleton->obj)
		if (r >= 0)
			r = open_and_close(bpf_map_get_fd_by_id(map_object_id(bpf_map__fd(map))));
	bpf_object__for_each_program(program, lock->skeleton->obj)
		if (r >= 0 && bpf_program__autoload(program))
			r = open_and_close(bpf_prog_get_fd_by_id(map_object_id(bpf_program__fd(program))));
	for (size_t i = 0; i < lock->links_count && r >= 0; i++)
		r = lock_guard_link(lock, bpf_link__fd(lock->links[i]));
	return r;
}

static int load(struct lock *lock)
{
	int r;

	lock->skeleton = lock_bpf__open();
	if (!lock->skeleton)
		return -errno;
	r = choose_programs(lock->skeleton);
	return r < 0 ? r : lock_bpf__load(lock->skeleton);
}

int lock_take(bool signals, struct lock **ret)
{
	_cleanup_free_ struct lock *new = calloc(1, sizeof(*new));
	struct lock *lock = new;
	int r;

	if (!lock)
		return -ENOMEM;
	lock->signals = signals;
	r = bpffs_prepare();
	if (r >= 0)
		r = bpffs_enter();
	if (r < 0)
		return r;
	r = lock_selftest_begin(&lock->outsider);
	if (r >= 0)
		r = load(lock);
	if (r < 0)
		(void)not_locked(r, "cannot load the programs of the lock");
	if (r >= 0)
		r = attach(lock);
	if (r >= 0)
		r = engage(lock);
	if (r >= 0) {
		r = guard_itself(lock);
		if (r < 0)
			(void)not_locked(r, "cannot guard the lock itself");
	}
	if (r < 0) {
		lock_free(TAKE_PTR(new));
		return r;
	}
	*ret = TAKE_PTR(new);
	return 0;
}

/* Programs that were loaded only to probe the kernel are gone again. */
static void count_programs(struct lock *lock)
{
	int fd = bpf_map__fd(lock->skeleton->maps.lock_ids);
	_cleanup_free_ uint32_t *ids = NULL;
	uint64_t alive = 0;
	size_t count;

	if (map_keys(fd, sizeof(*ids), bpf_map__max_entries(lock->skeleton->maps.lock_ids), &ids, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (open_and_close(bpf_prog_get_fd_by_id(ids[i])) >= 0)
			alive++;
		else if (errno == ENOENT)
			(void)bpf_map_delete_elem(fd, &ids[i]);
	lock->skeleton->bss->lock.programs = alive;
}

static int guard_set(int sets, uint32_t id)
{
	uint32_t map;

	return bpf_map_lookup_elem(sets, &id, &map) < 0 ? -1 : open_and_close(bpf_map_get_fd_by_id(map));
}

/* Guards the seal sets of an earlier mseald, including spare ones: a set is guarded once it is opened. */
static int guard_sets(void)
{
	_cleanup_close_ int sets = bpf_obj_get("maps/sets"), refs = bpf_obj_get("maps/refs");
	uint64_t end = 0;
	uint32_t zero = 0;

	if (sets < 0 || refs < 0 || bpf_map_lookup_elem(refs, &zero, &end) < 0)
		return -errno;
	for (uint32_t id = 1; id < MIN_OF(end, (uint64_t)MSEALD_POOL_FIRST); id++)
		if (guard_set(sets, id) < 0 && errno != ENOENT)
			return -errno;
	/* Sets of the pool were made in ascending order. */
	for (uint32_t id = MSEALD_POOL_FIRST; id < MSEALD_MAX_SETS; id++)
		if (guard_set(sets, id) < 0)
			return errno == ENOENT ? 0 : -errno;
	return 0;
}

static int ignore(void *context, void *data, size_t size)
{
	return 0;
}

/* Discards the reports of the self-test's own denials. */
static void forget_outsider(struct lock *lock)
{
	struct ring_buffer *ring = ring_buffer__new(lock_denials_fd(lock), ignore, NULL, NULL);

	if (!ring)
		return;
	(void)ring_buffer__consume(ring);
	ring_buffer__free(ring);
	lock->skeleton->bss->lock.lost = 0;
}

/* Has an outsider try each operation. The lock itself, and nothing else, must deny it. */
static int try_lock_ops(struct lock *lock)
{
	volatile struct mseald_lock *state = &lock->skeleton->bss->lock;
	_cleanup_close_ int map = bpf_obj_get("maps/state");
	struct lock_selftest_targets targets = {
		.map = map_object_id(map),
		.program = map_object_id(bpf_program__fd(lock->skeleton->progs.lock_bpf_map)),
		.link = map_object_id(bpf_link__fd(lock->links[0])),
		.signals = lock->signals,
	};
	const char *what;
	int r;

	r = targets.map && targets.program && targets.link ?
		    lock_selftest_try(&lock->outsider, &targets, &what) :
		    -errno;
	if (r == -EBUSY) {
		log_error("Lock=yes: %s was not denied to the test process; not locked", what);
		return r;
	}
	if (r < 0)
		return not_locked(r, "cannot test the lock");
	forget_outsider(lock);
	for (unsigned i = 0; i < MSEALD_LOCK_OP_COUNT; i++) {
		if (!state->denied[i] && (i != MSEALD_LOCK_OP_SIGNAL || lock->signals) &&
		    (i != MSEALD_LOCK_OP_SWITCH || access(LOCK_SELFTEST_FTRACE, F_OK) == 0)) {
			log_error("Lock=yes: \"%s\" was denied to the test process, but not by the lock; "
				  "not locked",
				  lock_ops[i].name);
			return -EBUSY;
		}
		state->denied[i] = 0;
	}
	return 0;
}

static int pin_links(struct lock *lock)
{
	struct bpf_program *program;
	size_t i = 0;
	int r;

	r = bpffs_make_lock();
	bpf_object__for_each_program(program, lock->skeleton->obj) {
		char path[BPFFS_PATH_MAX];

		if (r < 0)
			break;
		if (is_guard(program))
			r = bpf_link__pin(lock->links[i++],
					  bpffs_lock_path(bpf_program__name(program), path));
	}
	return r < 0 ? not_locked(r, "cannot pin the programs of the lock") : 0;
}

int lock_complete(struct lock *lock)
{
	char why[256];
	int r;

	r = pin_links(lock);
	if (r < 0)
		return r;
	count_programs(lock);
	r = try_lock_ops(lock);
	if (r < 0)
		return r;
	r = guard_sets();
	if (r >= 0)
		r = lock_holders_find(lock->skeleton, why);
	if (r == -EBUSY)
		log_error("Lock=yes: %s; not locked; remove the user of the map, or reboot", why);
	else if (r < 0)
		(void)not_locked(r, "cannot look for other users of maps, programs and links");
	if (r < 0)
		return r;
	lock_selftest_end(&lock->outsider);
	lock->complete = true;
	log_notice("locked until the next boot: only mseald reaches its maps, programs and pins%s",
		   lock->signals ? ", and no signal ends it" : "");
	return 0;
}

void lock_free(struct lock *lock)
{
	if (!lock)
		return;
	lock_selftest_end(&lock->outsider);
	if (!lock->complete)
		bpffs_remove_lock();
	for (size_t i = lock->links_count; i-- > 0;)
		(void)bpf_link__destroy(lock->links[i]);
	lock_bpf__destroy(lock->skeleton);
	free(lock);
}

int lock_guard_link(struct lock *lock, int link_fd)
{
	uint32_t id, one = 1;

	if (!lock)
		return 0;
	id = map_object_id(link_fd);
	return id ? bpf_map_update_elem(bpf_map__fd(lock->skeleton->maps.lock_links), &id, &one, BPF_ANY) :
		    -errno;
}

void lock_forget_link(struct lock *lock, int link_fd)
{
	uint32_t id = map_object_id(link_fd);

	if (lock && id)
		(void)bpf_map_delete_elem(bpf_map__fd(lock->skeleton->maps.lock_links), &id);
}

bool lock_is_complete(const struct lock *lock)
{
	return lock && lock->complete;
}

bool lock_keeps_signals(const struct lock *lock)
{
	return lock && lock->signals;
}

int lock_denials_fd(const struct lock *lock)
{
	return bpf_map__fd(lock->skeleton->maps.lock_denials);
}

uint64_t lock_lost(const struct lock *lock)
{
	return *(volatile const __u64 *)&lock->skeleton->bss->lock.lost;
}

json_t *lock_denials_json(const struct lock *lock, bool all)
{
	volatile const struct mseald_lock *state = lock_is_complete(lock) ? &lock->skeleton->bss->lock : NULL;
	json_t *list = json_array();

	for (unsigned i = 0; state && i < MSEALD_LOCK_OP_COUNT; i++)
		if (all || state->denied[i])
			(void)json_array_append_new(list,
						    json_pack("{s:s,s:I}", "operation", lock_ops[i].name,
							      "attempts", (json_int_t)state->denied[i]));
	return list;
}

json_t *lock_json(const struct lock *lock)
{
	volatile const struct mseald_lock *state;

	if (!lock_is_complete(lock))
		return NULL;
	state = &lock->skeleton->bss->lock;
	return json_pack("{s:b,s:I,s:I,s:I,s:o}", "signals", lock->signals, "maps", (json_int_t)state->maps,
			 "programs", (json_int_t)state->programs, "links",
			 (json_int_t)map_keys_count(bpf_map__fd(lock->skeleton->maps.lock_links)), "denials",
			 lock_denials_json(lock, false));
}
