#include "listener/slot_record.h"

#include "tests/unit/unit.h"

#include <string.h>

static struct arena arena;
static struct slot slot;
static struct record record;

static void setup(void)
{
    arena = (struct arena){ 0 };
    slot = (struct slot){ .kind = SLOT_PANIC,
                          .detail = PROOF_LINE,
                          .reason_code = REASON_SYSRQ,
                          .port = 6665,
                          .received_us = 1234567,
                          .id = "id",
                          .reason = "why" };
    ck_assert(address_parse("10.0.0.7", &slot.source));
}

static void teardown(void)
{
    arena_free(&arena);
}

static void make(const char *datagram, size_t offset)
{
    slot.size = (uint16_t)strlen(datagram);
    slot.offset = (uint16_t)offset;
    memcpy(slot.datagram, datagram, slot.size);
    slot_record(&slot, &arena, &record);
}

static const char *userdata(const char *key)
{
    const struct pairs *pairs = &record.panic.userdata;
    for (size_t i = 0; i < pairs->count; i++)
        if (strcmp(pairs->pair[i].key, key) == 0)
            return pairs->pair[i].value;
    return "(none)";
}

START_TEST(a_panic_says_all_that_the_datagram_said)
{
    make("7.3.4,0,433,5350306,-;Kernel panic - not syncing: x\n node=worker-1\n rack=a b\n", 0);
    ck_assert_int_eq(record.kind, RECORD_PANIC);
    const struct panic *panic = &record.panic;
    ck_assert_str_eq(panic->id, "id");
    ck_assert_str_eq(panic->source, "10.0.0.7");
    ck_assert_uint_eq(panic->port, 6665);
    ck_assert_uint_eq(panic->received_us, 1234567);
    ck_assert_uint_eq(panic->proof, PROOF_LINE);
    ck_assert_uint_eq(panic->format, FORMAT_EXTENDED_RELEASE);
    ck_assert_uint_eq(panic->facility, 0);
    ck_assert_uint_eq(panic->level, 0);
    ck_assert_uint_eq(panic->seq, 433);
    ck_assert_uint_eq(panic->kernel_us, 5350306);
    ck_assert_str_eq(panic->text, "Kernel panic - not syncing: x");
    ck_assert_uint_eq(panic->reason_code, REASON_SYSRQ);
    ck_assert_str_eq(panic->reason, "why");
    ck_assert_str_eq(panic->release, "7.3.4");
    ck_assert_uint_eq(panic->userdata.count, 2);
    ck_assert_str_eq(userdata("node"), "worker-1");
}
END_TEST

START_TEST(what_basic_format_does_not_say_is_absent)
{
    make("[    5.742632] Kernel panic - not syncing: x\n", 0);
    ck_assert_uint_eq(record.panic.format, FORMAT_BASIC);
    ck_assert_uint_eq(record.panic.facility, RECORD_ABSENT);
    ck_assert_uint_eq(record.panic.seq, RECORD_ABSENT);
    ck_assert_uint_eq(record.panic.kernel_us, 5742632);
    ck_assert_ptr_null(record.panic.release);
    ck_assert_uint_eq(record.panic.userdata.count, 0);
}
END_TEST

START_TEST(the_line_is_found_in_a_datagram_of_several)
{
    make("[    1.000000] a\n[    1.000000] Kernel panic - not syncing: x\n", 17);
    ck_assert_str_eq(record.panic.text, "Kernel panic - not syncing: x");
}
END_TEST

START_TEST(text_of_several_lines_is_one_line)
{
    make("0,1,2,-;Kernel panic - not syncing: a\\x0ab\\x1b\n", 0);
    ck_assert_str_eq(record.panic.text, "Kernel panic - not syncing: a b?");
}
END_TEST

START_TEST(a_task_cannot_name_itself_into_the_userdata)
{
    make("0,1,2,-;x\n node=a\n cpu=1\n taskname=t\n node=b\n boot=c\n release=6.17\n msgid=9\n", 0);
    ck_assert_str_eq(userdata("node"), "a");
    ck_assert_str_eq(userdata("boot"), "(none)");
    ck_assert_str_eq(userdata("msgid"), "9");
    ck_assert_str_eq(record.panic.release, "6.17");
}
END_TEST

START_TEST(the_first_of_two_values_stands)
{
    make("0,1,2,-;x\n node=a\n node=b\n", 0);
    ck_assert_uint_eq(record.panic.userdata.count, 1);
    ck_assert_str_eq(userdata("node"), "a");
}
END_TEST

START_TEST(a_halt_is_a_halt)
{
    slot.kind = SLOT_HALT;
    slot.detail = HALT_POWER_DOWN;
    make("0,384,7185954,-;reboot: Power down\n node=worker-1\n", 0);
    ck_assert_int_eq(record.kind, RECORD_HALT);
    ck_assert_str_eq(record.halt.source, "10.0.0.7");
    ck_assert_uint_eq(record.halt.kind, HALT_POWER_DOWN);
    ck_assert_uint_eq(record.halt.userdata.count, 1);
}
END_TEST

START_TEST(a_drill_is_a_drill)
{
    slot.kind = SLOT_DRILL;
    make("14,384,7185954,-;lastgasp: drill node=worker-1 boot=b-1 id=9f86\n node=x\n", 0);
    ck_assert_int_eq(record.kind, RECORD_DRILL);
    ck_assert_str_eq(record.drill.source, "10.0.0.7");
    ck_assert_str_eq(record.drill.node, "worker-1");
    ck_assert_str_eq(record.drill.boot, "b-1");
    ck_assert_str_eq(record.drill.drill, "9f86");
}
END_TEST

/* The kernel that says it began its boot so long ago as its own time says. */
START_TEST(late_words_say_when_the_present_boot_began)
{
    slot.kind = SLOT_LATE;
    slot.received_us = 100000000;
    make("14,384,7000000,-;lastgasp: late boot=old part=1/1 Kernel panic - not syncing: x\n"
         " boot=new\n",
         0);
    ck_assert_int_eq(record.kind, RECORD_LATE);
    ck_assert_str_eq(record.late.boot, "old");
    ck_assert_str_eq(record.late.text, "Kernel panic - not syncing: x");
    ck_assert_uint_eq(record.late.booted_us, 93000000);
    ck_assert_str_eq(record.late.userdata.pair[0].value, "new");
    make("lastgasp: late boot=old part=1/1 Kernel panic - not syncing: x\n", 0);
    ck_assert_uint_eq(record.late.booted_us, RECORD_ABSENT);
}
END_TEST

START_TEST(every_record_fits_a_packet)
{
    static char out[RECORD_PACKET_MAX];
    char datagram[NETCONSOLE_DATAGRAM_MAX + 1];
    memset(datagram, '"', sizeof(datagram));
    memcpy(datagram, "0,1,2,-;", 8);
    for (size_t i = 300; i + 4 < sizeof(datagram); i += 4)
        memcpy(datagram + i, (char[]){ '\n', ' ', (char)('a' + i % 26), '=' }, 4);
    datagram[NETCONSOLE_DATAGRAM_MAX] = '\0';
    make(datagram, 0);
    size_t size = record_encode(&record, out);
    char why[RECORD_WHY_SIZE];
    struct packet packet;
    ck_assert_msg(packet_decode(out, size, true, &packet, why), "%s", why);
    packet_free(&packet);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *records = tcase_create("records");
    tcase_add_checked_fixture(records, setup, teardown);
    tcase_add_test(records, a_panic_says_all_that_the_datagram_said);
    tcase_add_test(records, what_basic_format_does_not_say_is_absent);
    tcase_add_test(records, the_line_is_found_in_a_datagram_of_several);
    tcase_add_test(records, text_of_several_lines_is_one_line);
    tcase_add_test(records, a_task_cannot_name_itself_into_the_userdata);
    tcase_add_test(records, the_first_of_two_values_stands);
    tcase_add_test(records, a_halt_is_a_halt);
    tcase_add_test(records, a_drill_is_a_drill);
    tcase_add_test(records, late_words_say_when_the_present_boot_began);
    tcase_add_test(records, every_record_fits_a_packet);
    suite_add_tcase(suite, records);
}

int main(void)
{
    return unit_run("listener slot_record", fill);
}
