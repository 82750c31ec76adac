#pragma once

#include <check.h>
#include <stdlib.h>

/*
 * The main() of every unit test program: FILL adds the test cases to a suite called NAME.  Forking
 * (so that a crash fails one test and not all) and the output's form come from check's own
 * environment variables.
 */
static inline int unit_run(const char *name, void (*fill)(Suite *suite))
{
    Suite *suite = suite_create(name);
    fill(suite);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
