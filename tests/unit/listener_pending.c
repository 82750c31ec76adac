#include "listener/pending.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[80];
static char error[PENDING_ERROR_SIZE];

static void setup(void)
{
    strcpy(folder, "/tmp/lastgasp-pending-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pending", folder);
    error[0] = '\0';
}

static void teardown(void)
{
    char new[96];
    snprintf(new, sizeof(new), "%s.new", path);
    unlink(path);
    unlink(new);
    rmdir(folder);
}

static struct pending *open_it(void)
{
    struct pending *pending = pending_open(path, error);
    ck_assert_msg(pending != NULL, "%s", error);
    return pending;
}

static struct pending *reopen(struct pending *pending)
{
    pending_close(pending);
    return open_it();
}

static uint32_t store(struct pending *pending, bool is_node, const char *id)
{
    uint32_t index = pending_reserve(pending, is_node);
    ck_assert_uint_ne(index, PENDING_NONE);
    struct slot *slot = pending_slot(pending, index);
    *slot = (struct slot){ .size = 1, .received_us = 7, .port = 6665 };
    snprintf(slot->id, sizeof(slot->id), "%s", id);
    snprintf(slot->reason, sizeof(slot->reason), "reason of %s", id);
    pending_commit(pending, index);
    return index;
}

START_TEST(a_new_file_is_empty_private_and_really_there)
{
    struct pending *pending = open_it();
    struct stat stat;
    size_t count;
    free(pending_in_use(pending, &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(pending_room(pending), PENDING_NODE_SLOTS);
    pending_close(pending);
    ck_assert_int_eq(lstat(path, &stat), 0);
    ck_assert_uint_eq(stat.st_mode & 0777, 0600);
    ck_assert_int_ge(stat.st_blocks * 512, stat.st_size);
    ck_assert_uint_eq(stat.st_nlink, 1);
}
END_TEST

START_TEST(a_restart_finds_what_is_not_acknowledged_oldest_first)
{
    struct pending *pending = open_it();
    store(pending, true, "first");
    uint32_t second = store(pending, false, "second");
    store(pending, true, "third");
    store(pending, false, "fourth");
    pending_release(pending, second);
    store(pending, true, "fifth");
    pending = reopen(pending);
    static const char *const expected[] = { "first", "third", "fourth", "fifth" };
    size_t count;
    uint32_t *restored = pending_in_use(pending, &count);
    ck_assert_uint_eq(count, 4);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(pending_slot(pending, restored[i])->id, expected[i]);
    free(restored);
    ck_assert_uint_eq(pending_room(pending), PENDING_NODE_SLOTS - 3);
    /* What comes now is newer than all of them. */
    store(pending, true, "sixth");
    pending = reopen(pending);
    restored = pending_in_use(pending, &count);
    ck_assert_str_eq(pending_slot(pending, restored[4])->id, "sixth");
    free(restored);
    pending_close(pending);
}
END_TEST

START_TEST(a_kill_between_any_two_stores_leaves_a_slot_or_none)
{
    struct pending *pending = open_it();
    uint32_t whole = store(pending, true, "whole");
    struct slot image = *pending_slot(pending, whole);
    const uint32_t *words = (const uint32_t *)&image;
    uint32_t index = pending_reserve(pending, true);
    uint32_t *slot = (uint32_t *)pending_slot(pending, index);
    /* Word 0 is the state, which is stored last: each cut before it must count as nothing. */
    ck_assert_uint_eq(offsetof(struct slot, state), 0);
    for (size_t cut = 1; cut <= sizeof(image) / 4; cut++) {
        for (size_t i = 1; i < cut; i++)
            slot[i] = words[i];
        pending = reopen(pending);
        size_t count;
        free(pending_in_use(pending, &count));
        ck_assert_uint_eq(count, 1);
        index = pending_reserve(pending, true);
        slot = (uint32_t *)pending_slot(pending, index);
    }
    slot[0] = words[0];
    pending = reopen(pending);
    size_t count;
    free(pending_in_use(pending, &count));
    ck_assert_uint_eq(count, 2);
    pending_close(pending);
}
END_TEST

START_TEST(what_was_reserved_and_not_committed_is_free_after_a_restart)
{
    struct pending *pending = open_it();
    for (int i = 0; i < 10; i++)
        pending_slot(pending, pending_reserve(pending, true))->received_us = 1;
    pending = reopen(pending);
    ck_assert_uint_eq(pending_room(pending), PENDING_NODE_SLOTS);
    pending_close(pending);
}
END_TEST

START_TEST(node_slots_run_out_and_come_back)
{
    struct pending *pending = open_it();
    for (uint32_t i = 0; i < PENDING_NODE_SLOTS; i++)
        ck_assert(pending_is_node_slot(store(pending, true, "x")));
    ck_assert_uint_eq(pending_room(pending), 0);
    ck_assert_uint_eq(pending_reserve(pending, true), PENDING_NONE);
    ck_assert(!pending_is_node_slot(store(pending, false, "stranger")));
    pending_release(pending, 4711);
    ck_assert_uint_eq(pending_reserve(pending, true), 4711);
    pending_close(pending);
}
END_TEST

START_TEST(two_listeners_do_not_share_a_file)
{
    struct pending *pending = open_it();
    ck_assert_ptr_null(pending_open(path, error));
    ck_assert_ptr_nonnull(strstr(error, path));
    ck_assert_ptr_nonnull(strstr(error, "another listener"));
    ck_assert(pending_check(path, error));
    pending_close(pending);
}
END_TEST

/* Files that are not ours; each must be named, and left as it was. */
static void write_at(off_t at, const void *bytes, size_t size)
{
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(pwrite(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

static void assert_refused(const char *why)
{
    struct stat before, after;
    stat(path, &before);
    ck_assert_ptr_null(pending_open(path, error));
    ck_assert_msg(strstr(error, path) && strstr(error, why), "%s", error);
    ck_assert(!pending_check(path, error));
    stat(path, &after);
    ck_assert_int_eq(before.st_size, after.st_size);
    ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

START_TEST(a_file_of_something_else_is_left_alone)
{
    write_at(0, "precious", 8);
    assert_refused("is not a pending file");
}
END_TEST

START_TEST(an_empty_file_is_left_alone)
{
    write_at(0, "", 0);
    assert_refused("is not a pending file");
}
END_TEST

START_TEST(another_version_is_left_alone)
{
    pending_close(open_it());
    write_at(16, "\x63\0\0", 4);
    assert_refused("another version");
}
END_TEST

START_TEST(a_cut_file_is_left_alone)
{
    pending_close(open_it());
    ck_assert_int_eq(truncate(path, 1 << 20), 0);
    assert_refused("another version");
}
END_TEST

START_TEST(a_slot_that_points_outside_is_damage)
{
    struct pending *pending = open_it();
    pending_slot(pending, store(pending, true, "x"))->offset = 2;
    pending_close(pending);
    ck_assert_ptr_null(pending_open(path, error));
    ck_assert_ptr_nonnull(strstr(error, "damaged"));
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
    char elsewhere[128];
    snprintf(elsewhere, sizeof(elsewhere), "%s/none/pending", folder);
    ck_assert_ptr_null(pending_open(elsewhere, error));
    ck_assert_ptr_nonnull(strstr(error, elsewhere));
}
END_TEST

START_TEST(what_a_kill_left_of_making_the_file_is_no_obstacle)
{
    char new[96];
    snprintf(new, sizeof(new), "%s.new", path);
    int fd = open(new, O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "half", 4), 4);
    close(fd);
    pending_close(open_it());
    ck_assert_int_ne(access(new, F_OK), 0);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *slots = tcase_create("slots");
    tcase_add_checked_fixture(slots, setup, teardown);
    tcase_set_timeout(slots, 60);
    tcase_add_test(slots, a_new_file_is_empty_private_and_really_there);
    tcase_add_test(slots, a_restart_finds_what_is_not_acknowledged_oldest_first);
    tcase_add_test(slots, a_kill_between_any_two_stores_leaves_a_slot_or_none);
    tcase_add_test(slots, what_was_reserved_and_not_committed_is_free_after_a_restart);
    tcase_add_test(slots, node_slots_run_out_and_come_back);
    suite_add_tcase(suite, slots);

    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_test(files, two_listeners_do_not_share_a_file);
    tcase_add_test(files, a_file_of_something_else_is_left_alone);
    tcase_add_test(files, an_empty_file_is_left_alone);
    tcase_add_test(files, another_version_is_left_alone);
    tcase_add_test(files, a_cut_file_is_left_alone);
    tcase_add_test(files, a_slot_that_points_outside_is_damage);
    tcase_add_test(files, a_folder_that_is_not_there_is_named);
    tcase_add_test(files, what_a_kill_left_of_making_the_file_is_no_obstacle);
    suite_add_tcase(suite, files);
}

int main(void)
{
    return unit_run("listener pending", fill);
}
