// SPDX-License-Identifier: LGPL-2.1-or-later
/* List: what is sealed, read back from the maps and sent as io.mseald.Space. */
#include <sys/stat.h>

#include "api/method.h"
#include "base/text.h"
#include "bpf/task_iter.h"
#include "lib/base/names_json.h"
#include "process/target.h"
#include "seal/labels.h"

/* Limits of one reply to a user: a seal takes a kilobyte until it is sent, a space time to check. */
#define USER_SEALS_MAX 8192
#define USER_SPACES_MAX 512
/* Limits of each part: a part ends with the space that reaches either. */
#define PART_SPACES 64
#define PART_SEALS 64

struct entry {
	uint64_t key, set_bits;
};

struct listing {
	struct daemon *daemon;
	struct client client;
	bool once;
	struct mseald_task *tasks; /* sorted by key */
	size_t tasks_count;
	struct entry *entries; /* sorted by set_bits: forks share a set, which is read once */
	size_t entries_count, next;
	/* The set read last. */
	uint64_t set_bits;     /* 0: none */
	uint64_t sets_written; /* set_map_written() at that time */
	bool sent;	       /* the rest of the set has been sent */
	json_t *seals;
	struct mseald_label label;
};

static void listing_free(void *context)
{
	struct listing *listing = context;

	if (!listing)
		return;
	client_close(&listing->client);
	json_decref(listing->seals);
	free(listing->tasks);
	free(listing->entries);
	free(listing);
}

/* The bits that determine a space's seals; 0: no seals. */
static uint64_t set_bits(const struct mseald_space *space)
{
	return MSEALD_WORD_SET(space->word) ?
		       MSEALD_WORD_SET(space->word) | (space->word & MSEALD_WORD_FORKED) :
		       0;
}

static int one_entry(struct listing *listing, pid_t pid, struct error *error)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	struct mseald_space space;
	int r;

	r = target_open(listing->daemon->programs, pid, &target, error);
	if (r >= 0)
		r = client_may(&listing->client, &target, error);
	if (r < 0)
		return r;
	listing->entries = malloc(sizeof(*listing->entries));
	if (!listing->entries)
		return -ENOMEM;
	listing->entries[0].key = target.key;
	/* Not sealed: an empty list, not an error. */
	listing->entries_count = space_map_read_space(&listing->daemon->space_map, target.key, &space) >= 0 &&
				 set_bits(&space);
	return 0;
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	if (a->set_bits != b->set_bits)
		return a->set_bits < b->set_bits ? -1 : 1;
	return a->key < b->key ? -1 : a->key > b->key;
}

static int all_entries(struct listing *listing)
{
	_cleanup_free_ struct mseald_space *spaces = NULL;
	_cleanup_free_ uint64_t *keys = NULL;
	size_t count;
	int r;

	r = space_map_read_spaces(&listing->daemon->space_map, &keys, &spaces, &count);
	if (r < 0)
		return r;
	listing->entries = calloc(count + 1, sizeof(*listing->entries));
	if (!listing->entries)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (set_bits(&spaces[i]))
			listing->entries[listing->entries_count++] = (struct entry){ keys[i],
										     set_bits(&spaces[i]) };
	qsort(listing->entries, listing->entries_count, sizeof(*listing->entries), compare_entries);
	return 0;
}

/*
 * Lists the sealed address spaces, ordered by seal set; pid not 0: that of one process. once: as in
 * io.mseald.List. Takes over client. -EBADR and the reason.
 */
static int listing_open(struct daemon *daemon, struct client *client, pid_t pid, bool once,
			struct listing **ret, struct error *error)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int r;

	if (!listing)
		return error_set_errno(error, pid, -ENOMEM, "cannot list the address spaces");
	listing->daemon = daemon;
	listing->once = once;
	listing->client = *client;
	*client = (struct client)CLIENT_EMPTY;
	r = pid ? one_entry(listing, pid, error) : all_entries(listing);
	if (r >= 0 && listing->entries_count)
		r = task_iter_read_by_key(daemon->programs, &listing->tasks, &listing->tasks_count);
	if (r < 0) {
		listing_free(listing);
		return r == -EBADR ? r : error_set_errno(error, pid, r, "cannot read the seals");
	}
	*ret = listing;
	return 0;
}

/* The gate that denies the seal's calls without an LSM hook; "none": it denies no such call. */
static const char *seal_gate(const struct daemon *daemon, const struct seal *seal)
{
	unsigned deny = seal_deny(seal, MSEALD_ACTION_DENY) | seal_deny(seal, MSEALD_ACTION_KILL);
	const struct decision *decision;

	if (!(deny & (MSEALD_DENY_UNMAP | MSEALD_DENY_DISCARD)))
		return "none";
	if (seal->flags & MSEALD_SEAL_NATIVE)
		return "native";
	/* munmap is representative: 64-bit calls are overridden together or not at all. */
	decision = coverage_decision(programs_coverage(daemon->programs), MSEALD_OP_MUNMAP);
	return coverage_mechanism(decision ? decision->mechanism : MECHANISM_NONE);
}

static json_t *seal_json(const struct daemon *daemon, const struct seal *seal)
{
	bool permanent = false;

	for (int action = 0; action < MSEALD_ACTION_COUNT; action++)
		permanent |= seal->permanent[action] != 0;
	return json_pack("{s:I,s:I,s:s,s:o,s:o,s:o,s:b,s:s,s:I}", "start", (json_int_t)seal->start, "end",
			 (json_int_t)seal->end, "segment", names_segment(seal->segment), "deny",
			 names_json_deny(seal_deny(seal, MSEALD_ACTION_DENY)), "kill",
			 names_json_deny(seal_deny(seal, MSEALD_ACTION_KILL)), "audit",
			 names_json_deny(seal_deny(seal, MSEALD_ACTION_AUDIT)), "revocable", !permanent,
			 "gate", seal_gate(daemon, seal), "attempts", (json_int_t)seal->hits);
}

/* May the client see it? Checks one of the processes that share it. */
static bool may_see(const struct listing *listing, uint64_t key, pid_t pid)
{
	_cleanup_(target_close) struct target target = TARGET_EMPTY;
	struct error ignored;
	struct stat st;
	char path[32];

	if (listing->client.rank == CLIENT_ROOT)
		return true;
	FORMAT(path, "/proc/%d", pid);
	return stat(path, &st) == 0 && st.st_uid == listing->client.uid &&
	       target_open(listing->daemon->programs, pid, &target, &ignored) >= 0 && target.key == key &&
	       client_may(&listing->client, &target, &ignored) >= 0;
}

static json_t *pids_json(const struct listing *listing, const pid_t *pids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		pid_t pid = client_pid_for(&listing->client, pids[i]);

		if (pid)
			(void)json_array_append_new(list, json_integer(pid));
	}
	return list;
}

/* Reads the set of a space into listing. False: none, or gone. */
static bool read_set(struct listing *listing, uint64_t key, struct mseald_space *ret_space)
{
	struct daemon *daemon = listing->daemon;
	struct set_map *sets = daemon->space_map.sets;
	_cleanup_(sealset_free) struct sealset set = {};

	if (space_map_read_space(&daemon->space_map, key, ret_space) < 0 || !set_bits(ret_space))
		return false;
	/* A client that reads slowly may continue after the set is gone and its number reused. */
	if (set_bits(ret_space) == listing->set_bits && set_map_written(sets) == listing->sets_written)
		return true;
	listing->set_bits = 0;
	listing->sent = false;
	if (space_map_read_seals(&daemon->space_map, key, ret_space, &set) < 0 || !set.count)
		return false;
	json_decref(listing->seals);
	listing->seals = json_array();
	for (size_t i = 0; i < set.count; i++)
		(void)json_array_append_new(listing->seals, seal_json(daemon, &set.list[i]));
	listing->label = (struct mseald_label){};
	(void)labels_read(daemon->programs, set.label, &listing->label);
	listing->set_bits = set_bits(ret_space);
	listing->sets_written = set_map_written(sets);
	return true;
}

static json_t *space_json(struct listing *listing, const struct mseald_task *task,
			  const struct mseald_space *space, json_t *pids)
{
	const struct mseald_label *label = &listing->label;
	bool send = !listing->once || !listing->sent;
	char comm[TEXT_COMM_MAX];

	listing->sent = true;
	return json_pack("{s:I,s:o,s:s,s:I,s:I,s:I,s:I,s:O*,s:s*,s:s*}", "id", (json_int_t)task->key, "pids",
			 pids, "comm", text_comm(task->comm, comm), "set",
			 (json_int_t)MSEALD_WORD_SET(space->word), "denied",
			 (json_int_t)space->verdicts[MSEALD_VERDICT_DENIED], "killed",
			 (json_int_t)space->verdicts[MSEALD_VERDICT_KILLED], "audited",
			 (json_int_t)space->verdicts[MSEALD_VERDICT_AUDITED], "seals",
			 send ? listing->seals : NULL, "policy",
			 send && *label->policy ? label->policy : NULL, "program",
			 send && *label->program ? label->program : NULL);
}

/* The next space; 0 at the end. A space without processes is skipped. */
static int next_space(struct listing *listing, json_t **ret)
{
	while (listing->next < listing->entries_count) {
		uint64_t key = listing->entries[listing->next++].key;
		const struct mseald_task *task = task_iter_find(listing->tasks, listing->tasks_count, key);
		_cleanup_free_ pid_t *pids = NULL;
		struct mseald_space space;
		size_t count;

		if (!task || !may_see(listing, key, task->tgid) || !read_set(listing, key, &space))
			continue;
		if (task_iter_sharing(listing->tasks, listing->tasks_count, key, &pids, &count) < 0)
			return -ENOMEM;
		*ret = space_json(listing, task, &space, pids_json(listing, pids, count));
		return *ret ? 1 : -ENOMEM;
	}
	return 0;
}

/* The whole list, a new reference. -E2BIG: over the limits of one reply to a user, who can ask for parts. */
static int listing_all(struct listing *listing, json_t **ret)
{
	json_t *spaces = json_array(), *space;
	size_t seals = 0;
	int r;

	while ((r = next_space(listing, &space)) > 0) {
		seals += json_array_size(json_object_get(space, "seals"));
		(void)json_array_append_new(spaces, space);
		if (listing->client.rank != CLIENT_ROOT && json_array_size(spaces) > 1 &&
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

/* The next reply, for connection_stream(). */
static int listing_next_reply(struct connection *connection, void *context)
{
	struct listing *listing = context;
	json_t *spaces = json_array(), *space;
	size_t seals = 0;
	int r, sent;

	do {
		r = next_space(listing, &space);
		if (r > 0) {
			seals += json_array_size(json_object_get(space, "seals"));
			(void)json_array_append_new(spaces, space);
		}
	} while (r > 0 && listing->client.rank == CLIENT_ROOT && json_array_size(spaces) < PART_SPACES &&
		 seals < PART_SEALS);
	if (r < 0) {
		json_decref(spaces);
		return r;
	}
	sent = connection_reply(connection, json_pack("{s:o}", "spaces", spaces), r > 0);
	return sent < 0 ? sent : r;
}

int method_list(struct connection *connection, json_t *parameters)
{
	struct daemon *daemon = connection->server->daemon;
	struct error error = {};
	struct listing *listing = NULL;
	_cleanup_(client_close) struct client client = CLIENT_EMPTY;
	bool once = false;
	const char *bad;
	pid_t pid = 0;
	json_t *spaces;
	int r;

	connection_look(connection, &client);
	r = client_read_pid(&client, parameters, false, &pid, &bad, &error);
	if (r >= 0)
		r = params_bool(parameters, "once", &once, &bad);
	if (r < 0)
		return r == -EBADR ? reply_failure(connection, &error) : reply_bad(connection, r, bad);
	r = listing_open(daemon, &client, pid, once, &listing, &error);
	if (r < 0)
		return reply_failure(connection, &error);
	if (connection->more) {
		connection_stream(connection, listing_next_reply, listing_free, listing);
		return 0;
	}
	r = listing_all(listing, &spaces);
	listing_free(listing);
	if (r == -E2BIG) {
		(void)error_set(&error, "TooMany", 0,
				"there are too many seals for one reply; name a pid, or set \"more\"");
		return reply_failure(connection, &error);
	}
	if (r < 0)
		return r;
	return connection_reply(connection, json_pack("{s:o}", "spaces", spaces), false);
}
