#include "listener/oops.h"

#include "common/text.h"

#include <ctype.h>
#include <string.h>

/*
 * Every architecture prints the same story in its own words:
 *
 *   x86    BUG: kernel NULL pointer dereference, address: 0000000000000010
 *          Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI
 *          CPU: 1 UID: 0 PID: 158 Comm: insmod Tainted: G ...
 *          RIP: 0010:do_oops+0x5/0x20 [crashme]
 *   arm64  Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010
 *          Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP
 *          CPU: 0 PID: 1 Comm: insmod ...
 *          pc : do_oops+0x10/0x40 [crashme]
 *   s390   Unable to handle kernel pointer dereference in virtual kernel address space
 *          Failing address: 0000000000000000 TEID: 0000000000000483
 *          Oops: 0004 ilc:2 [#1] SMP
 *          Krnl PSW : 0704c00180000000 000003ff80000056 (do_oops+0x56/0x80 [crashme])
 *   ppc    BUG: Kernel NULL pointer dereference on read at 0x00000010
 *          Oops: Kernel access of bad area, sig: 11 [#1]
 *          NIP [c008000000b40048] do_oops+0x48/0x80 [crashme]
 *
 * so there are three tables: lines that name the cause, the header with its "[#N]" counter that
 * every die() prints (and which alone names the cause of a trap), and lines that name the place.
 * The last cause or header before the panic starts the block; a header takes its cause from the
 * few lines in front of it.  Lines may be lost: whatever is found is used.
 */
#define CAUSE_DISTANCE 16 /* arm64 prints 13 lines about the fault before the header */

struct fault {
    const char *start;
    const char *what; /* NULL: the text itself, up to the address or the '!' */
};

/* The address is the hexadecimal word that ends what follows START, if there is one. */
static const struct fault faults[] = {
    { "BUG: kernel NULL pointer dereference", "NULL pointer dereference" },
    { "BUG: Kernel NULL pointer dereference", "NULL pointer dereference" }, /* powerpc */
    { "BUG: unable to handle kernel NULL pointer dereference", "NULL pointer dereference" },
    { "Unable to handle kernel NULL pointer dereference", "NULL pointer dereference" },
    { "BUG: unable to handle page fault for address", "page fault" },
    { "BUG: unable to handle kernel paging request", "page fault" },
    { "BUG: Unable to handle kernel data access", "page fault" },
    { "BUG: Unable to handle kernel instruction fetch", "page fault" },
    { "Unable to handle kernel paging request", "page fault" },
    { "Unable to handle kernel pointer dereference", "kernel pointer dereference" }, /* s390 */
    { "Unable to handle kernel ", NULL },
    { "kernel BUG at ", NULL },
};

static const char *const places[] = {
    "RIP: ",  "EIP: ",    "IP: ",  "EIP is at ",  "pc : ", "PC is at ",
    "epc : ", "epc   : ", "ERA: ", "Krnl PSW : ", "NIP [",
};

static struct span from(struct span span, size_t at)
{
    return (struct span){ span.bytes + at, span.size - at };
}

static struct span up_to(struct span span, const char *end)
{
    return (struct span){ span.bytes, (size_t)(end - span.bytes) };
}

static const char *search(struct span span, const char *text)
{
    return memmem(span.bytes, span.size, text, strlen(text));
}

static struct span trim(struct span span)
{
    while (span.size > 0 && span.bytes[span.size - 1] == ' ')
        span.size--;
    return span;
}

static bool in_word(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || byte == '.' || byte == '-' || byte == '$';
}

static struct span word(struct span span)
{
    size_t size = 0;
    while (size < span.size && in_word(span.bytes[size]))
        size++;
    return (struct span){ span.bytes, size };
}

/* An address, with or without 0x, of at least 8 digits. */
static struct span hex_word(struct span span)
{
    struct span found = word(span);
    size_t digits = span_starts(found, "0x") ? 2 : 0;
    for (size_t i = digits; i < found.size; i++)
        if (!isxdigit((unsigned char)found.bytes[i]))
            return (struct span){ NULL, 0 };
    return found.size >= digits + 8 ? found : (struct span){ NULL, 0 };
}

static struct span find_address(struct span line)
{
    for (size_t i = 1; i < line.size; i++) {
        struct span found =
            line.bytes[i - 1] == ' ' ? hex_word(from(line, i)) : (struct span){ NULL, 0 };
        if (found.size > 0)
            return found;
    }
    return (struct span){ NULL, 0 };
}

/* loongarch and mips: "CPU 0 Unable to handle ...". */
static struct span without_cpu(struct span line)
{
    if (!span_starts(line, "CPU "))
        return line;
    size_t at = strlen("CPU ");
    while (at < line.size && isdigit((unsigned char)line.bytes[at]))
        at++;
    return at < line.size && line.bytes[at] == ' ' ? from(line, at + 1) : line;
}

static bool read_cause(struct span line, struct oops *oops)
{
    line = without_cpu(line);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        const struct fault *fault = &faults[i];
        if (!span_starts(line, fault->start))
            continue;
        if (fault->what) {
            oops->what = (struct span){ fault->what, strlen(fault->what) };
            oops->address = find_address(line);
            return true;
        }
        const char *end = search(line, "!");
        bool bug = span_starts(line, "kernel BUG at ");
        struct span rest = bug ? line : from(line, strlen(fault->start));
        if (!bug)
            end = search(rest, " at virtual address ");
        oops->what = end ? up_to(rest, end) : trim(rest);
        oops->address = bug ? (struct span){ NULL, 0 } : find_address(line);
        return oops->what.size > 0;
    }
    return false;
}

static struct span without_start(struct span span, const char *start)
{
    return span_starts(span, start) ? from(span, strlen(start)) : span;
}

/* Takes ": 0002" or " ilc:2" or ", sig: 11", an exception's number, off the end. */
static struct span without_number(struct span span)
{
    size_t end = span.size;
    while (end > 0 && isxdigit((unsigned char)span.bytes[end - 1]))
        end--;
    static const char *const before[] = { " ilc:", ", sig: ", ": " };
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        size_t size = strlen(before[i]);
        if (end < span.size && end >= size && memcmp(span.bytes + end - size, before[i], size) == 0)
            return (struct span){ span.bytes, end - size };
    }
    return span;
}

/* "WHAT[: NUMBER] [#1] SMP": the line that __die() prints. */
static bool read_header(struct span line, struct oops *oops)
{
    const char *counter = search(line, "[#");
    if (!counter || counter + 2 == line.bytes + line.size || !isdigit((unsigned char)counter[2]))
        return false;
    struct span what = trim(up_to(line, counter));
    what = without_number(without_number(what));
    what = without_start(without_start(what, "Internal error: "), "Oops: ");
    const char *about = search(what, ", probably for");
    if (!about)
        about = search(what, ", maybe for");
    oops->address = about ? find_address(what) : (struct span){ NULL, 0 };
    oops->what = about ? up_to(what, about) : what;
    return oops->what.size > 0;
}

/* "do_oops+0x5/0x20 [crashme]": the first symbol with offset and size. */
static bool read_place(struct span line, struct oops *oops)
{
    size_t row = 0, rows = sizeof(places) / sizeof(places[0]);
    while (row < rows && !span_starts(line, places[row]))
        row++;
    const char *plus = row < rows ? search(line, "+0x") : NULL;
    if (!plus)
        return false;
    const char *start = plus;
    while (start > line.bytes && in_word(start[-1]))
        start--;
    struct span offset = word(from(line, (size_t)(plus + 1 - line.bytes)));
    struct span rest = from(line, (size_t)(offset.bytes + offset.size - line.bytes));
    if (start == plus || rest.size == 0 || rest.bytes[0] != '/')
        return false;
    oops->function = (struct span){ start, (size_t)(plus - start) };
    rest = from(rest, 1);
    rest = from(rest, word(rest).size);
    if (span_starts(rest, " ["))
        oops->module = word(from(rest, 2));
    return true;
}

/* "CPU: 1 UID: 0 PID: 158 Comm: insmod Tainted: G ..."; a comm may hold spaces. */
static bool read_task(struct span line, struct oops *oops)
{
    const char *pid = search(line, "PID: "), *comm = search(line, "Comm: ");
    if (!span_starts(line, "CPU: ") || !pid || !comm)
        return false;
    static const char *const ends[] = { " Tainted: ", " Not tainted", " Kdump: " };
    struct span task = from(line, (size_t)(comm - line.bytes) + strlen("Comm: "));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const char *end = search(task, ends[i]);
        if (end)
            task = up_to(task, end);
    }
    oops->task = trim(task);
    oops->pid = word(from(line, (size_t)(pid - line.bytes) + strlen("PID: ")));
    return true;
}

/* Where the block begins; the header's own words stay when no cause stands in front of it. */
static size_t look_back(const struct span *lines, size_t header, struct oops *oops)
{
    size_t least = header > CAUSE_DISTANCE ? header - CAUSE_DISTANCE : 0;
    struct oops other;
    for (size_t i = header; i-- > least && !read_header(lines[i], &other);)
        if (read_cause(lines[i], oops))
            return i;
    return header;
}

/* s390 tells the address apart from the cause. */
static bool read_failing_address(struct span line, struct oops *oops)
{
    if (!span_starts(line, "Failing address: "))
        return false;
    oops->address = find_address(line);
    return true;
}

static bool find_start(const struct span *lines, size_t count, size_t *at, struct oops *oops)
{
    for (size_t i = count; i-- > 0;) {
        if (read_cause(lines[i], oops)) {
            *at = i;
            return true;
        }
        if (read_header(lines[i], oops)) {
            *at = look_back(lines, i, oops);
            return true;
        }
    }
    return false;
}

bool oops_find(const struct span *lines, size_t count, struct oops *oops)
{
    *oops = (struct oops){ 0 };
    size_t start;
    if (!find_start(lines, count, &start, oops))
        return false;
    for (size_t i = start; i < count; i++) {
        if (oops->task.size == 0 && read_task(lines[i], oops))
            continue;
        if (oops->function.size == 0 && read_place(lines[i], oops))
            continue;
        if (oops->address.size == 0)
            read_failing_address(lines[i], oops);
    }
    return true;
}

bool oops_is_header(struct span line)
{
    struct oops oops;
    return read_header(line, &oops);
}

static void append(char *out, size_t *used, const char *before, struct span span, const char *after)
{
    char text[OOPS_TEXT_SIZE];
    if (span.size == 0)
        return;
    text_printable(text, sizeof(text), span.bytes, span.size, 0);
    text_append(out, OOPS_TEXT_SIZE, used, "%s%s%s", before, text, after);
}

const char *oops_print(const struct oops *oops, char text[OOPS_TEXT_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    append(text, &used, "", oops->what, "");
    append(text, &used, " at ", oops->address, "");
    append(text, &used, " in ", oops->function, "");
    append(text, &used, " [", oops->module, "]");
    append(text, &used, ", task ", oops->task, "");
    return text;
}
