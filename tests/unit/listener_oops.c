#include "listener/oops.h"

#include "tests/unit/unit.h"

#include <string.h>

/* Dumps as the kernel sources of each architecture print them, shortened. */
static const struct {
    const char *lines; /* separated by '\n' */
    const char *told;
} rows[] = {
    /* x86, 6.12: page fault at 0 from a module. */
    { "BUG: kernel NULL pointer dereference, address: 0000000000000010\n"
      "#PF: supervisor write access in kernel mode\n"
      "#PF: error_code(0x0002) - not-present page\n"
      "PGD 1cbb067 P4D 1cbb067 PUD 1cba067 PMD 0 \n"
      "Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI\n"
      "CPU: 1 UID: 0 PID: 158 Comm: Xorg Tainted: G           OE      6.12.107 #1\n"
      "RIP: 0010:nvidia_open+0x5/0x20 [nvidia]\n"
      "Call Trace:\n"
      " do_one_initcall+0x5b/0x310\n"
      "RIP: 0033:0x47fbe9\n"
      "---[ end trace 0000000000000000 ]---\n"
      "RIP: 0010:other+0x5/0x20 [other]",
      "NULL pointer dereference at 0000000000000010 in nvidia_open [nvidia], task Xorg" },
    /* x86, 4.4. */
    { "BUG: unable to handle kernel NULL pointer dereference at 0000000000000010\n"
      "IP: [<ffffffffc0a2b005>] nvidia_open+0x5/0x20 [nvidia]\n"
      "Oops: 0002 [#1] SMP \n"
      "CPU: 0 PID: 1 Comm: Web Content Not tainted 4.4.0 #1\n"
      "RIP: 0010:[<ffffffffc0a2b005>]  [<ffffffffc0a2b005>] nvidia_open+0x5/0x20 [nvidia]",
      "NULL pointer dereference at 0000000000000010 in nvidia_open [nvidia], task Web Content" },
    { "BUG: unable to handle page fault for address: ffffc90000abc000\n"
      "Oops: 0000 [#1] SMP\n"
      "CPU: 3 PID: 0 Comm: swapper/3 Kdump: loaded Tainted: G\n"
      "RIP: 0010:ip_rcv.isra.0+0x15/0x2f0",
      "page fault at ffffc90000abc000 in ip_rcv.isra.0, task swapper/3" },
    { "BUG: unable to handle kernel paging request at ffffffffa0b0c0d0\nOops: 0000 [#1] SMP",
      "page fault at ffffffffa0b0c0d0" },
    { "general protection fault, probably for non-canonical address 0xdead000000000122: 0000 "
      "[#1] PREEMPT SMP\n"
      "CPU: 1 PID: 22 Comm: kworker/1:0 Not tainted 6.1\n"
      "RIP: 0010:list_del+0x1/0x9",
      "general protection fault at 0xdead000000000122 in list_del, task kworker/1:0" },
    { "Oops: general protection fault, probably for non-canonical address 0xdead000000000122: "
      "0000 [#1] SMP\nRIP: 0010:list_del+0x1/0x9",
      "general protection fault at 0xdead000000000122 in list_del" },
    { "general protection fault: 0000 [#3] SMP", "general protection fault" },
    { "kernel BUG at mm/slub.c:305!\ninvalid opcode: 0000 [#1] SMP\n"
      "CPU: 0 PID: 9 Comm: sh Not tainted 5.10\nRIP: 0010:kfree+0x1/0x9",
      "kernel BUG at mm/slub.c:305 in kfree, task sh" },
    { "------------[ cut here ]------------\nkernel BUG at mm/slub.c:305!\n"
      "Oops: invalid opcode: 0000 [#1] PREEMPT SMP\nRIP: 0010:kfree+0x1/0x9",
      "kernel BUG at mm/slub.c:305 in kfree" },
    { "divide error: 0000 [#1] SMP\nRIP: 0010:average+0x1/0x9", "divide error in average" },
    { "Oops: divide error: 0000 [#1] SMP", "divide error" },
    /* A jump to address 0 has no symbol. */
    { "BUG: kernel NULL pointer dereference, address: 0000000000000000\n"
      "Oops: 0010 [#1] SMP\nCPU: 0 PID: 9 Comm: sh Not tainted\nRIP: 0010:0x0",
      "NULL pointer dereference at 0000000000000000, task sh" },
    /* arm64, 6.x: the header stands 13 lines after the cause. */
    { "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010\n"
      "Mem abort info:\n"
      "  ESR = 0x0000000096000004\n"
      "  EC = 0x25: DABT (current EL), IL = 32 bits\n"
      "  SET = 0, FnV = 0\n"
      "  EA = 0, S1PTW = 0\n"
      "  FSC = 0x04: level 0 translation fault\n"
      "Data abort info:\n"
      "  ISV = 0, ISS = 0x00000004, ISS2 = 0x00000000\n"
      "  CM = 0, WnR = 0, TnD = 0, TagAccess = 0\n"
      "  GCS = 0, Overlay = 0, DirtyBit = 0, Xs = 0\n"
      "user pgtable: 4k pages, 48-bit VAs, pgdp=0000000103f4c000\n"
      "[0000000000000010] pgd=0000000000000000, p4d=0000000000000000\n"
      "Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP\n"
      "Modules linked in: crashme(OE+)\n"
      "CPU: 0 PID: 158 Comm: insmod Tainted: G           OE      6.1.0\n"
      "pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)\n"
      "pc : do_oops+0x10/0x40 [crashme]\n"
      "lr : crashme_init+0x3c/0x1000 [crashme]",
      "NULL pointer dereference at 0000000000000010 in do_oops [crashme], task insmod" },
    { "Unable to handle kernel paging request at virtual address dead000000000108\n"
      "Internal error: Oops: 0000000096000044 [#1] SMP\npc : list_del+0x10/0x40",
      "page fault at dead000000000108 in list_del" },
    { "Unable to handle kernel access to user memory outside uaccess routines at virtual address "
      "0000ffff12345678\nInternal error: Oops: 000000009600000f [#1] SMP",
      "access to user memory outside uaccess routines at 0000ffff12345678" },
    { "kernel BUG at mm/slub.c:305!\nInternal error: Oops - BUG: 00000000f2000800 [#1] SMP\n"
      "pc : kfree+0x10/0x40",
      "kernel BUG at mm/slub.c:305 in kfree" },
    { "Internal error: synchronous external abort: 0000000096000210 [#1] SMP\n"
      "pc : pci_generic_config_read+0x38/0xe4",
      "synchronous external abort in pci_generic_config_read" },
    /* arm, 32 bits. */
    { "Unable to handle kernel NULL pointer dereference at virtual address 00000010\n"
      "Internal error: Oops: 17 [#1] SMP ARM\nCPU: 0 PID: 1 Comm: sh Not tainted\n"
      "PC is at do_oops+0x10/0x40 [crashme]",
      "NULL pointer dereference at 00000010 in do_oops [crashme], task sh" },
    /* s390. */
    { "Unable to handle kernel pointer dereference in virtual kernel address space\n"
      "Failing address: 0000000000000000 TEID: 0000000000000483\n"
      "Fault in home space mode while using kernel ASCE.\n"
      "Oops: 0004 ilc:2 [#1] SMP \n"
      "CPU: 0 PID: 158 Comm: insmod Tainted: G           OE\n"
      "Krnl PSW : 0704c00180000000 000003ff80000056 (do_oops+0x56/0x80 [crashme])",
      "kernel pointer dereference at 0000000000000000 in do_oops [crashme], task insmod" },
    /* powerpc. */
    { "BUG: Kernel NULL pointer dereference on read at 0x00000010\n"
      "Faulting instruction address: 0xc008000000b40048\n"
      "Oops: Kernel access of bad area, sig: 11 [#1]\n"
      "LE PAGE_SIZE=64K MMU=Radix SMP NR_CPUS=2048 NUMA pSeries\n"
      "CPU: 3 PID: 158 Comm: insmod Tainted: G           OE\n"
      "NIP:  c008000000b40048 LR: c008000000b40030 CTR: c000000000012345\n"
      "NIP [c008000000b40048] do_oops+0x48/0x80 [crashme]",
      "NULL pointer dereference at 0x00000010 in do_oops [crashme], task insmod" },
    { "Oops: Kernel access of bad area, sig: 11 [#1]", "Kernel access of bad area" },
    /* riscv. */
    { "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010\n"
      "Oops [#1]\nCPU: 0 PID: 158 Comm: insmod Not tainted 6.1\n"
      "epc : do_oops+0x1c/0x30 [crashme]",
      "NULL pointer dereference at 0000000000000010 in do_oops [crashme], task insmod" },
    /* loongarch. */
    { "CPU 0 Unable to handle kernel paging request at virtual address 0000000000000010, era == "
      "9000000000223344, ra == 9000000000223300\nOops[#1]:\n"
      "CPU: 0 PID: 158 Comm: insmod Not tainted 6.1",
      "page fault at 0000000000000010, task insmod" },
    /* Lost lines: what is there is told. */
    { "Oops: 0002 [#1] SMP\nRIP: 0010:nvidia_open+0x5/0x20 [nvidia]",
      "Oops in nvidia_open [nvidia]" },
    { "BUG: kernel NULL pointer dereference, address: 0000000000000010",
      "NULL pointer dereference at 0000000000000010" },
    /* The last of two. */
    { "BUG: kernel NULL pointer dereference, address: 0000000000000010\n"
      "Oops: 0002 [#1] SMP\nCPU: 0 PID: 1 Comm: first Not tainted\nRIP: 0010:first+0x5/0x20\n"
      "---[ end trace 0000000000000000 ]---\n"
      "general protection fault: 0000 [#2] SMP\nCPU: 0 PID: 2 Comm: second Not tainted\n"
      "RIP: 0010:second+0x5/0x20",
      "general protection fault in second, task second" },
    /* A build id beside the module's name. */
    { "divide error: 0000 [#1]\nRIP: 0010:f+0x5/0x20 [mod "
      "0123456789abcdef0123456789abcdef01234567]",
      "divide error in f [mod]" },
    /* Hostile. */
    { "kernel BUG at ", "kernel BUG at" },
    { "x[#1", "x" },
    { "Unable to handle kernel ", NULL },
    { "divide error: 0000 [#1]\nRIP: +0x5/0x20\nRIP: f+0x\nRIP: f+0x5\nCPU: PID: Comm: ",
      "divide error" },
    { "divide error: 0000 [#1]\nCPU: 0 PID: 1 Comm: \x1b[31m Not tainted",
      "divide error, task ?[31m" },
    /* Nothing there. */
    { "WARNING: CPU: 0 PID: 1 at kernel/panic.c:1\nRIP: 0010:f+0x5/0x20", NULL },
    { "[#] [#x]", NULL },
    { "[#1]", NULL },
    { "", NULL },
};

static size_t split(const char *text, struct span *lines)
{
    size_t count = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1)
        lines[count++] = (struct span){ text, (size_t)(end - text) };
    lines[count++] = (struct span){ text, strlen(text) };
    return count;
}

START_TEST(a_dump_tells_what_where_and_whose)
{
    struct span lines[32];
    struct oops oops;
    char text[OOPS_TEXT_SIZE];
    size_t count = split(rows[_i].lines, lines);
    bool found = oops_find(lines, count, &oops);
    ck_assert_int_eq(found, rows[_i].told != NULL);
    if (found)
        ck_assert_str_eq(oops_print(&oops, text), rows[_i].told);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *dumps = tcase_create("dumps");
    tcase_add_loop_test(dumps, a_dump_tells_what_where_and_whose, 0,
                        sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, dumps);
}

int main(void)
{
    return unit_run("listener oops", fill);
}
