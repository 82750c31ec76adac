#include "common/memory.h"

#include "tests/unit/unit.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

START_TEST(an_arena_keeps_what_was_allocated_before)
{
    struct arena arena = { 0 };
    char *kept[2000];

    for (size_t i = 0; i < 2000; i++) {
        char text[16];
        int size = snprintf(text, sizeof(text), "text %zu", i);
        kept[i] = arena_copy(&arena, text, (size_t)size);
    }
    for (size_t i = 0; i < 2000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "text %zu", i);
        ck_assert_str_eq(kept[i], text);
    }
    arena_free(&arena);
    ck_assert_ptr_null(arena.blocks);
}
END_TEST

START_TEST(an_arena_gives_zeroed_aligned_room_of_any_size)
{
    struct arena arena = { 0 };

    for (size_t size = 0; size < 20000; size += 997) {
        unsigned char *room = arena_alloc(&arena, size);
        ck_assert_uint_eq((uintptr_t)room % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(room[i], 0);
        memset(room, 0xff, size);
    }
    arena_free(&arena);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *arena = tcase_create("arena");
    tcase_add_test(arena, an_arena_keeps_what_was_allocated_before);
    tcase_add_test(arena, an_arena_gives_zeroed_aligned_room_of_any_size);
    suite_add_tcase(suite, arena);
}

int main(void)
{
    return unit_run("memory", fill);
}
