// SPDX-License-Identifier: LGPL-2.1-or-later
/* See listing.h. */
#include "listing.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "asker.h"
#include "labels.h"
#include "names.h"
#include "target.h"
#include "tasks.h"

/* What a user is told at once: each seal takes a kilobyte until it is sent, each space time to see whether it is his. */
#define USER_SEALS_MAX 8192
#define USER_SPACES_MAX 512

struct listing {
	struct daemon *daemon;
	struct asker asker;
	struct mseald_task *tasks;	/* sorted by key */
	size_t tasks_count;
	uint64_t *keys;
	size_t keys_count, next;
	/* What is said of the set that was read last: forks share theirs. */
	uint64_t set_bits;		/* MSEALD_WORD_SET and _FORKED of the word; 0: none */
	json_t *seals;
	struct mseald_label label;
};

void listing_free(void *context)
{
	struct listing *listing = context;

	if (!listing)
		return;
	asker_close(&listing->asker);
	json_decref(listing->seals);
	free(listing->tasks);
	free(listing->keys);
	free(listing);
}

const char *listing_comm(const char *comm, char *out)
{
	size_t i;

	for (i = 0; i < MSEALD_COMM_LEN && comm[i]; i++)
		out[i] = comm[i] > 0 ? comm[i] : '?';
	out[i] = '\0';
	return out;
}

static int one_key(struct listing *listing, pid_t pid, struct failure *failure)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	struct mseald_space space;
	int r;

	r = target_open(listing->daemon->programs, pid, &target, failure);
	if (r >= 0)
		r = asker_may(&listing->asker, &target, failure);
	if (r < 0)
		return r;
	listing->keys = malloc(sizeof(*listing->keys));
	if (!listing->keys)
		return -ENOMEM;
	listing->keys[0] = target.key;
	/* Not sealed at all: an empty list, not an error. */
	listing->keys_count = store_read_space(listing->daemon->store, target.key, &space) >= 0 &&
			      MSEALD_WORD_SET(space.word);
	return 0;
}

int listing_open(struct daemon *daemon, struct asker *asker, pid_t pid, struct listing **ret, struct failure *failure)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int r;

	if (!listing) {
		asker_close(asker);
		return fail_errno(failure, pid, -ENOMEM, "cannot list");
	}
	listing->daemon = daemon;
	listing->asker = *asker;
	*asker = (struct asker)ASKER_EMPTY;
	r = pid ? one_key(listing, pid, failure) :
		  store_read_keys(daemon->store, &listing->keys, &listing->keys_count);
	if (r >= 0 && listing->keys_count) {
		r = tasks_read(daemon->programs, 0, &listing->tasks, &listing->tasks_count);
		if (r >= 0)
			tasks_sort_by_key(listing->tasks, listing->tasks_count);
	}
	if (r < 0) {
		listing_free(listing);
		return r == -EBADR ? r : fail_errno(failure, pid, r, "cannot read what is sealed");
	}
	*ret = listing;
	return 0;
}

static json_t *stops_json(unsigned stops)
{
	json_t *list = json_array();

	for (unsigned bit = 1; bit <= MSEALD_STOP_ALL; bit <<= 1)
		if (stops & bit)
			(void)json_array_append_new(list, json_string(mseald_stop_name(bit)));
	return list;
}

/* By what the seal's calls without an LSM hook are stopped; "none" where it stops no such call. */
static const char *seal_gate(const struct daemon *daemon, const struct seal *seal)
{
	unsigned stops = seal_stops(seal, MSEALD_ACTION_DENY) | seal_stops(seal, MSEALD_ACTION_KILL);
	const struct choice *choice = programs_choice(daemon->programs);

	if (!(stops & (MSEALD_STOP_UNMAP | MSEALD_STOP_DISCARD)))
		return "none";
	if (seal->flags & MSEALD_SEAL_NATIVE)
		return "native";
	/* munmap stands for all: 64-bit calls are overridden together or not at all. */
	for (size_t i = 0; i < choice->decisions_count; i++)
		if (choice->decisions[i].row == 3)
			return means_name(choice->decisions[i].means);
	return "none";
}

static json_t *seal_json(const struct daemon *daemon, const struct seal *seal)
{
	bool firm = false;

	for (int action = 0; action < MSEALD_ACTION_COUNT; action++)
		firm |= seal->firm[action] != 0;
	return json_pack("{s:I,s:I,s:s,s:o,s:o,s:o,s:b,s:s,s:I}", "start", (json_int_t)seal->start, "end",
			 (json_int_t)seal->end, "class", mseald_class_name(seal->class), "deny",
			 stops_json(seal_stops(seal, MSEALD_ACTION_DENY)), "kill",
			 stops_json(seal_stops(seal, MSEALD_ACTION_KILL)), "audit",
			 stops_json(seal_stops(seal, MSEALD_ACTION_AUDIT)), "revocable", !firm, "gate",
			 seal_gate(daemon, seal), "attempts", (json_int_t)seal->hits);
}

/* May the asker see it? One of the processes that share it stands for all. */
static bool may_see(const struct listing *listing, uint64_t key, pid_t pid)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	struct failure ignored;
	struct stat st;
	char path[32];

	if (listing->asker.rank == ASKER_ROOT)
		return true;
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return stat(path, &st) == 0 && st.st_uid == listing->asker.uid &&
	       target_open(listing->daemon->programs, pid, &target, &ignored) >= 0 && target.key == key &&
	       asker_may(&listing->asker, &target, &ignored) >= 0;
}

static json_t *pids_json(const struct listing *listing, const pid_t *pids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		pid_t pid = asker_pid_for(&listing->asker, pids[i]);

		if (pid)
			(void)json_array_append_new(list, json_integer(pid));
	}
	return list;
}

/* The set of a space, into listing. false: it has none, or is gone. */
static bool read_set(struct listing *listing, uint64_t key, struct mseald_space *ret_space)
{
	struct daemon *daemon = listing->daemon;
	_cleanup_(sealset_free) struct sealset set = {};
	uint64_t bits;

	if (store_read_space(daemon->store, key, ret_space) < 0 || !MSEALD_WORD_SET(ret_space->word))
		return false;
	bits = MSEALD_WORD_SET(ret_space->word) | (ret_space->word & MSEALD_WORD_FORKED);
	if (bits == listing->set_bits)
		return true;
	listing->set_bits = 0;
	if (store_read_seals(daemon->store, key, ret_space, &set) < 0 || !set.count)
		return false;
	json_decref(listing->seals);
	listing->seals = json_array();
	for (size_t i = 0; i < set.count; i++)
		(void)json_array_append_new(listing->seals, seal_json(daemon, &set.list[i]));
	listing->label = (struct mseald_label){};
	(void)labels_read(daemon->programs, set.label, &listing->label);
	listing->set_bits = bits;
	return true;
}

static json_t *space_json(const struct listing *listing, const struct mseald_task *task, const struct mseald_space *space,
			  json_t *pids)
{
	const struct mseald_label *label = &listing->label;
	char comm[MSEALD_COMM_LEN + 1];

	return json_pack("{s:I,s:o,s:s,s:I,s:I,s:I,s:I,s:O,s:s*,s:s*}", "id", (json_int_t)task->key, "pids", pids, "comm",
			 listing_comm(task->comm, comm), "set", (json_int_t)MSEALD_WORD_SET(space->word), "denied",
			 (json_int_t)space->verdicts[MSEALD_VERDICT_DENIED], "killed",
			 (json_int_t)space->verdicts[MSEALD_VERDICT_KILLED], "audited",
			 (json_int_t)space->verdicts[MSEALD_VERDICT_AUDITED], "seals", listing->seals, "policy",
			 *label->policy ? label->policy : NULL, "program", *label->program ? label->program : NULL);
}

/* The next space; 0 at the end. One that nobody runs in any more is passed over. */
static int next_space(struct listing *listing, json_t **ret)
{
	while (listing->next < listing->keys_count) {
		uint64_t key = listing->keys[listing->next++];
		const struct mseald_task *task = tasks_find(listing->tasks, listing->tasks_count, key);
		_cleanup_free_ pid_t *pids = NULL;
		struct mseald_space space;
		size_t count;

		if (!task || !may_see(listing, key, (pid_t)task->tgid) || !read_set(listing, key, &space))
			continue;
		if (tasks_sharing(listing->tasks, listing->tasks_count, key, &pids, &count) < 0)
			return -ENOMEM;
		*ret = space_json(listing, task, &space, pids_json(listing, pids, count));
		return *ret ? 1 : -ENOMEM;
	}
	return 0;
}

int listing_all(struct listing *listing, json_t **ret)
{
	json_t *spaces = json_array(), *space;
	size_t seals = 0;
	int r;

	while ((r = next_space(listing, &space)) > 0) {
		seals += json_array_size(json_object_get(space, "seals"));
		(void)json_array_append_new(spaces, space);
		if (listing->asker.rank != ASKER_ROOT && json_array_size(spaces) > 1 &&
		    (seals > USER_SEALS_MAX || json_array_size(spaces) > USER_SPACES_MAX)) {
			r = -E2BIG;
			break;
		}
	}
	if (r < 0) {
		json_decref(spaces);
		return r;
	}
	*ret = spaces;
	return 0;
}

int listing_next_reply(struct connection *connection, void *context)
{
	struct listing *listing = context;
	json_t *space;
	int r, sent;

	r = next_space(listing, &space);
	if (r < 0)
		return r;
	sent = connection_reply(connection, r ? json_pack("{s:[o]}", "spaces", space) :
					    json_pack("{s:[]}", "spaces"), r > 0);
	return sent < 0 ? sent : r;
}
