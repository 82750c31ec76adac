#include "actuator/control.h"

#include "actuator/ledger.h"
#include "actuator/pauses.h"
#include "common/log.h"
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* In place of the ledger: it is told, and says that it is written when WRITES is set. */
static struct {
    bool writes;
    unsigned pauses, resumes;
} told;

struct ledger {
    char unused;
};
static struct ledger ledger;

void ledger_pause(struct ledger *to, bool pause, void (*written)(void *arg), void *arg)
{
    ck_assert_ptr_eq(to, &ledger);
    told.pauses += pause;
    told.resumes += !pause;
    if (told.writes)
        written(arg);
}

static char dir[64], path[96];
static struct event_base *base;
static struct control *control;
static struct pauses *pauses;

static void setup(void)
{
    strcpy(dir, "/tmp/lastgasp-unit-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/control.sock", dir);
    log_open("test", LOG_ERROR);
    base = event_base_new();
    told.writes = true;
    told.pauses = told.resumes = 0;
}

static void teardown(void)
{
    control_free(control);
    control = NULL;
    pauses_free(pauses);
    pauses = NULL;
    event_base_free(base);
    rmdir(dir);
}

static void on_command(void *arg, uint64_t ticket, const struct record *record)
{
    ck_assert_ptr_eq(arg, &ledger);
    pauses_ask(pauses, ticket, record->kind == RECORD_PAUSE);
}

static void on_answer(void *arg, uint64_t ticket, const char *why)
{
    ck_assert_ptr_eq(arg, &ledger);
    control_answer(control, ticket, why);
}

static void start(struct ledger *with)
{
    pauses = pauses_new(with, on_answer, &ledger);
    control = control_new(&(struct control_setup){ base, path, on_command, &ledger });
    ck_assert_ptr_nonnull(control);
}

static void run_for(unsigned milliseconds)
{
    event_base_loopexit(base, &(struct timeval){ 0, milliseconds * 1000 });
    event_base_dispatch(base);
}

/* Asks from another process, as the command does; whether it was done, and why not. */
static bool ask(enum record_kind kind, char error[CONTROL_ERROR_SIZE])
{
    int pipes[2], status;

    ck_assert_int_eq(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        bool done = control_ask(path, &(struct record){ .kind = kind }, error);
        if (!done && write(pipes[1], error, strlen(error)) < 0)
            _exit(2);
        _exit(done ? 0 : 1);
    }
    close(pipes[1]);
    while (waitpid(child, &status, WNOHANG) == 0)
        run_for(20);
    ssize_t size = read(pipes[0], error, CONTROL_ERROR_SIZE - 1);
    error[size > 0 ? size : 0] = '\0';
    close(pipes[0]);
    return status == 0;
}

START_TEST(a_command_is_done_when_the_ledger_is_written)
{
    char error[CONTROL_ERROR_SIZE];

    start(&ledger);
    ck_assert_msg(ask(RECORD_PAUSE, error), "%s", error);
    ck_assert_uint_eq(told.pauses, 1);
    ck_assert_uint_eq(told.resumes, 0);
    ck_assert_msg(ask(RECORD_RESUME, error), "%s", error);
    ck_assert_uint_eq(told.resumes, 1);
}
END_TEST

START_TEST(an_actuator_that_writes_nothing_says_so)
{
    char error[CONTROL_ERROR_SIZE];

    start(NULL);
    ck_assert(!ask(RECORD_PAUSE, error));
    ck_assert_ptr_nonnull(strstr(error, "writes nothing"));
}
END_TEST

START_TEST(where_nobody_listens_the_command_names_the_socket)
{
    char error[CONTROL_ERROR_SIZE];

    ck_assert(!control_ask(path, &(struct record){ .kind = RECORD_PAUSE }, error));
    ck_assert_ptr_nonnull(strstr(error, path));
}
END_TEST

/* A person with socat: no hello, and packets as they are typed. */
static int connect_by_hand(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* All packets that came, hello among them, one behind the other. */
static const char *hear(int fd)
{
    static char heard[4096];
    size_t used = 0;
    ssize_t size;

    while ((size = recv(fd, heard + used, sizeof(heard) - 1 - used, MSG_DONTWAIT)) > 0)
        used += (size_t)size;
    heard[used] = '\0';
    return heard;
}

static const char *say(int fd, const char *line)
{
    ck_assert_int_eq(send(fd, line, strlen(line), 0), (ssize_t)strlen(line));
    run_for(50);
    return hear(fd);
}

START_TEST(it_can_be_spoken_to_by_hand)
{
    start(&ledger);
    int fd = connect_by_hand();
    run_for(50);
    const char *answer = say(fd, "{\"v\":1,\"type\":\"pause\",\"id\":\"1\"}\n");
    ck_assert_ptr_nonnull(strstr(answer, "\"type\":\"ack\",\"of\":\"pause\",\"id\":\"1\""));
    close(fd);
}
END_TEST

START_TEST(an_intent_has_no_business_here)
{
    start(&ledger);
    int fd = connect_by_hand();
    run_for(50);
    const char *answer =
        say(fd, "{\"v\":1,\"type\":\"retract\",\"id\":\"1\",\"why\":\"answers\"}\n");
    ck_assert_ptr_nonnull(strstr(answer, "the command may not send retract"));
    close(fd);
}
END_TEST

START_TEST(the_last_word_counts)
{
    start(&ledger);
    told.writes = false;
    int first = connect_by_hand(), second = connect_by_hand();
    run_for(50);
    say(first, "{\"v\":1,\"type\":\"pause\",\"id\":\"1\"}\n");
    told.writes = true;
    const char *answer = say(second, "{\"v\":1,\"type\":\"resume\",\"id\":\"2\"}\n");
    ck_assert_ptr_nonnull(strstr(answer, "\"of\":\"resume\",\"id\":\"2\""));
    ck_assert_ptr_nonnull(strstr(hear(first), "overtaken"));
    close(first);
    close(second);
}
END_TEST

START_TEST(a_person_who_left_is_forgotten)
{
    start(&ledger);
    told.writes = false;
    for (unsigned i = 0; i < 40; i++) { /* more than may wait at a time */
        int fd = connect_by_hand();
        run_for(5);
        const char *answer = say(fd, "{\"v\":1,\"type\":\"pause\",\"id\":\"1\"}\n");
        ck_assert_ptr_null(strstr(answer, "error"));
        close(fd);
        run_for(5);
    }
    ck_assert_uint_eq(told.pauses, 40);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("control");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_command_is_done_when_the_ledger_is_written);
    tcase_add_test(tests, an_actuator_that_writes_nothing_says_so);
    tcase_add_test(tests, where_nobody_listens_the_command_names_the_socket);
    tcase_add_test(tests, it_can_be_spoken_to_by_hand);
    tcase_add_test(tests, an_intent_has_no_business_here);
    tcase_add_test(tests, the_last_word_counts);
    tcase_add_test(tests, a_person_who_left_is_forgotten);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("control", fill);
}
