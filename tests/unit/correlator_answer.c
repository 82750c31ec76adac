#include "tests/unit/unit.h"

#include "correlator/answer.h"

#include <errno.h>

static const struct {
    int error;
    enum answer answer;
} rows[] = {
    { 0, ANSWER_YES },
    { ECONNREFUSED, ANSWER_YES },
    { ECONNRESET, ANSWER_YES },
    { ETIMEDOUT, ANSWER_NONE },
    { EHOSTUNREACH, ANSWER_NONE },
    { EHOSTDOWN, ANSWER_NONE },
    { ENETUNREACH, ANSWER_OURS },
    { ENETDOWN, ANSWER_OURS },
    { EADDRNOTAVAIL, ANSWER_OURS },
    { EMFILE, ANSWER_OURS },
    { ENFILE, ANSWER_OURS },
    { ENOBUFS, ANSWER_OURS },
    { EPERM, ANSWER_OURS },
    { EACCES, ANSWER_OURS },
    { EAFNOSUPPORT, ANSWER_OURS },
    { EINVAL, ANSWER_OURS },
    { 4095, ANSWER_OURS },
};

START_TEST(an_errno_says_whether_the_machine_answered)
{
    ck_assert_msg(answer_of(rows[_i].error) == rows[_i].answer, "errno %d", rows[_i].error);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *cases = tcase_create("answer");
    tcase_add_loop_test(cases, an_errno_says_whether_the_machine_answered, 0,
                        sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, cases);
}

int main(void)
{
    return unit_run("answer", fill);
}
