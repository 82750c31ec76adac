#include "common/digest.h"

#include "tests/unit/unit.h"

START_TEST(an_id_is_the_same_on_every_host)
{
    char text[DIGEST_TEXT_SIZE];

    /* sha256 of each part behind its length in 8 little-endian bytes:
     * printf '\x03\0\0\0\0\0\0\0uid\x04\0\0\0\0\0\0\0boot' | sha256sum | cut -c-32 */
    ck_assert_str_eq(digest_incident("uid", "boot", text), "06a26bedd4e67b4cf96e713365ddf313");
}
END_TEST

START_TEST(what_belongs_to_which_part_counts)
{
    char one[DIGEST_TEXT_SIZE], other[DIGEST_TEXT_SIZE];

    digest_incident("ab", "c", one);
    digest_incident("a", "bc", other);
    ck_assert_str_ne(one, other);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *digest = tcase_create("digest");
    tcase_add_test(digest, an_id_is_the_same_on_every_host);
    tcase_add_test(digest, what_belongs_to_which_part_counts);
    suite_add_tcase(suite, digest);
}

int main(void)
{
    return unit_run("digest", fill);
}
