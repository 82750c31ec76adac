#include "tests/unit/channel_fixture.h"

#include <sys/stat.h>

/* The socket file: whose it is, and what is said when it cannot be made. */

static const char *said;

/* Makes a server at PATH, keeping what is logged meanwhile in SAID. */
static struct channel_server *make_server(struct edge *edge, const char *path)
{
    capture_log(edge, LOG_ERROR);
    struct channel_server *server = channel_server_new(edge->base, path, ROLE_CORRELATOR,
                                                       ROLE_LISTENER, false, &server_handler, edge);
    said = captured_log(edge);
    return server;
}

static void assert_said(const char *word)
{
    ck_assert_msg(strstr(said, word) != NULL, "not said: %s; but: %s", word, said);
}

START_TEST(a_path_that_is_too_long_is_named_with_its_length_and_the_limit)
{
    struct edge *edge = edge_new();
    char path[109];

    memset(path, 'p', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    ck_assert_ptr_null(make_server(edge, path));
    assert_said(path);
    assert_said("108 bytes");
    assert_said("1 to 107");
    ck_assert_ptr_null(channel_client_new(edge->base, path, ROLE_LISTENER, ROLE_CORRELATOR,
                                          &client_handler, edge));
    ck_assert_ptr_null(make_server(edge, ""));
    assert_said("0 bytes");
    edge_free(edge);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
    struct edge *edge = edge_new();
    char path[108];

    snprintf(path, sizeof(path), "%s/none/edge.sock", edge->folder);
    ck_assert_ptr_null(make_server(edge, path));
    assert_said(path);
    assert_said("No such file or directory");
    edge_free(edge);
}
END_TEST

START_TEST(the_socket_is_open_to_owner_and_group_whatever_the_umask)
{
    static const mode_t masks[] = { 0, 022, 077, 0777 };
    struct edge *edge = edge_new();
    struct stat file;

    mode_t before = umask(masks[_i]);
    start_server(edge);
    ck_assert_uint_eq(umask(before), masks[_i]);
    ck_assert_int_eq(lstat(edge->path, &file), 0);
    ck_assert_uint_eq(file.st_mode & 07777, 0660);
    edge_free(edge);
}
END_TEST

START_TEST(the_socket_of_a_stage_that_was_killed_is_replaced)
{
    struct edge *edge = edge_new();

    close(raw_listen(edge)); /* the file stays, as after kill -9 */
    ck_assert_int_eq(access(edge->path, F_OK), 0);
    edge->server = make_server(edge, edge->path);
    ck_assert_msg(edge->server != NULL, "%s", said);
    close(raw_connect(edge));
    edge_free(edge);
}
END_TEST

START_TEST(a_socket_that_is_answered_is_left_to_its_owner)
{
    struct edge *edge = edge_new();
    struct item *items = new_items(edge, 1);

    start_server(edge);
    ck_assert_ptr_null(make_server(edge, edge->path));
    assert_said(edge->path);
    assert_said("another process answers there");
    start_client(edge);
    deliver(edge, items, 0, 1);
    LOOP_UNTIL(edge, items[0].acknowledged);
    edge_free(edge);
    free(items);
}
END_TEST

START_TEST(a_socket_whose_backlog_is_full_is_answered_all_the_same)
{
    struct edge *edge = edge_new();
    struct sockaddr_un address = edge_address(edge);
    int listener = raw_listen(edge), fds[16];
    unsigned count = 0;

    do
        fds[count] = raw_socket();
    while (connect(fds[count++], (struct sockaddr *)&address, sizeof(address)) == 0 && count < 16);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_ptr_null(make_server(edge, edge->path));
    assert_said("another process answers there");
    while (count > 0)
        close(fds[--count]);
    close(listener);
    edge_free(edge);
}
END_TEST

START_TEST(a_stream_socket_that_is_answered_is_left_to_its_owner)
{
    struct edge *edge = edge_new();
    struct sockaddr_un address = edge_address(edge);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_ptr_null(make_server(edge, edge->path));
    assert_said("another process answers there");
    ck_assert_int_eq(access(edge->path, F_OK), 0);
    close(listener);
    edge_free(edge);
}
END_TEST

START_TEST(a_file_that_is_no_socket_stays_as_it_is)
{
    struct edge *edge = edge_new();
    char content[16] = "";

    FILE *file = fopen(edge->path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("precious", file);
    fclose(file);
    ck_assert_ptr_null(make_server(edge, edge->path));
    assert_said(edge->path);
    assert_said("no socket");
    file = fopen(edge->path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(content, sizeof(content), file));
    ck_assert_str_eq(content, "precious");
    fclose(file);
    edge_free(edge);
}
END_TEST

START_TEST(a_link_is_not_followed)
{
    struct edge *edge = edge_new();

    ck_assert_int_eq(symlink("/nowhere/at/all", edge->path), 0);
    ck_assert_ptr_null(make_server(edge, edge->path));
    assert_said("no socket");
    edge_free(edge);
}
END_TEST

START_TEST(the_socket_is_removed_at_the_end)
{
    struct edge *edge = edge_new();

    start_server(edge);
    stop_server(edge);
    ck_assert_int_eq(access(edge->path, F_OK), -1);
    edge_free(edge);
}
END_TEST

START_TEST(a_socket_that_another_put_there_meanwhile_is_not_removed)
{
    struct edge *edge = edge_new();

    start_server(edge);
    ck_assert_int_eq(unlink(edge->path), 0);
    int newcomer = raw_listen(edge);
    stop_server(edge);
    ck_assert_int_eq(access(edge->path, F_OK), 0);
    close(newcomer);
    edge_free(edge);
}
END_TEST

static void fill_suite(Suite *suite)
{
    TCase *files = tcase_create("socket files");

    tcase_set_timeout(files, 60);
    tcase_add_test(files, a_path_that_is_too_long_is_named_with_its_length_and_the_limit);
    tcase_add_test(files, a_folder_that_is_not_there_is_named);
    tcase_add_loop_test(files, the_socket_is_open_to_owner_and_group_whatever_the_umask, 0, 4);
    tcase_add_test(files, the_socket_of_a_stage_that_was_killed_is_replaced);
    tcase_add_test(files, a_socket_that_is_answered_is_left_to_its_owner);
    tcase_add_test(files, a_socket_whose_backlog_is_full_is_answered_all_the_same);
    tcase_add_test(files, a_stream_socket_that_is_answered_is_left_to_its_owner);
    tcase_add_test(files, a_file_that_is_no_socket_stays_as_it_is);
    tcase_add_test(files, a_link_is_not_followed);
    tcase_add_test(files, the_socket_is_removed_at_the_end);
    tcase_add_test(files, a_socket_that_another_put_there_meanwhile_is_not_removed);
    suite_add_tcase(suite, files);
}

int main(void)
{
    return unit_run("channel socket", fill_suite);
}
