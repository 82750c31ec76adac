/*
 * Several ledgers on one object, each with its own clock's offset, over a network that is slow,
 * loses answers and carries requests late; each is frozen at random moments, as by SIGSTOP, also
 * between a decision and its request.  Whatever happens, no more nodes are granted within a window
 * than the limit, over all of them, and no two may write at a time.
 */
#include "tests/unit/actuator_ledger.h"

#define HOSTS     3
#define NODES     400
#define LIMIT     4
#define WINDOW_US (60 * US_PER_SECOND)
#define STEP_US   (50 * US_PER_MS)
#define END_US    (1800 * US_PER_SECOND)
#define GRANTS    65536

static const struct limits limits = { { [LIMITS_COUNT] = { LIMIT, WINDOW_US } } };
static const struct limits_sizes sizes = { .nodes = 1000 };

struct host {
    struct ledger_state *state;
    char identity[16];
    uint64_t offset_us; /* of its monotonic clock */
    uint64_t frozen_until_us;
    /* The request under way. */
    enum ledger_step step;
    char *body, *answer;
    unsigned status;
    bool arrived;
    uint64_t arrives_us, answered_us;
};

static struct {
    uint64_t now_us, seed;
    struct lease lease;
    struct host hosts[HOSTS];
    struct {
        uint64_t at_us;
        unsigned node;
    } grants[GRANTS];
    size_t grant_count;
    uint64_t first_us[NODES]; /* when it was granted first; 0: never */
    unsigned resumes, freezes, takeovers;
} world;

static unsigned chance(unsigned of)
{
    world.seed = world.seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(world.seed >> 33) % of;
}

static uint64_t clock_of(const struct host *host)
{
    return world.now_us + host->offset_us;
}

static void send_off(struct host *host, enum ledger_step step, const char *body)
{
    uint64_t there = chance(20) == 0 ? chance(12000) : chance(60), back = chance(60);

    host->step = step;
    host->body = body ? xstrdup(body) : NULL;
    host->arrived = false;
    host->status = 0;
    host->arrives_us = world.now_us + there * US_PER_MS;
    host->answered_us = host->arrives_us + back * US_PER_MS;
    if (chance(15) == 0 || there > 8000) /* no answer: the time-out of a request */
        host->answered_us = world.now_us + 8 * US_PER_SECOND;
}

static void arrive(struct host *host)
{
    host->arrived = true;
    if (chance(30) == 0) {
        host->status = 500;
    } else if (host->step == LEDGER_READ) {
        host->status = 200;
    } else {
        host->status = lease_put(&world.lease, host->body);
    }
    host->answer = xstrdup(host->status == 200 ? world.lease.body : "");
}

/* The network goes on while a host is frozen. */
static void carry(struct host *host)
{
    if (host->step != LEDGER_REST && !host->arrived && world.now_us >= host->arrives_us)
        arrive(host);
}

static void receive(struct host *host)
{
    if (host->step == LEDGER_REST || world.now_us < host->answered_us)
        return;
    /* A request that is given up may still arrive: with the version that it names. */
    if (!host->arrived && chance(2) == 0)
        arrive(host);
    bool lost = host->answered_us < host->arrives_us || !host->arrived || chance(20) == 0;
    const char *answer = lost || !host->answer ? "" : host->answer;
    ledger_state_answered(host->state, lost ? 0 : host->status, answer, strlen(answer),
                          clock_of(host));
    free(host->body);
    free(host->answer);
    host->body = host->answer = NULL;
    host->step = LEDGER_REST;
}

/* Node N is open from 9 s times N on, for two minutes or until it was worked on for 20 s. */
static bool is_open(unsigned node)
{
    uint64_t opened_us = node * 9 * US_PER_SECOND, first_us = world.first_us[node];

    return world.now_us >= opened_us && world.now_us <= opened_us + 120 * US_PER_SECOND &&
           (first_us == 0 || world.now_us < first_us + 20 * US_PER_SECOND);
}

static void ask(struct host *host)
{
    for (unsigned node = 0; node < NODES && node * 9 * US_PER_SECOND <= world.now_us; node++) {
        char name[16];
        if (!is_open(node))
            continue;
        snprintf(name, sizeof(name), "node-%u", node);
        if (ledger_state_ask(host->state, &sizes, name, "", clock_of(host)) != LEDGER_GRANTED)
            continue;
        ck_assert_uint_lt(world.grant_count, GRANTS);
        world.grants[world.grant_count].at_us = world.now_us;
        world.grants[world.grant_count++].node = node;
        if (world.first_us[node] == 0)
            world.first_us[node] = world.now_us;
    }
}

static void live(struct host *host)
{
    const char *body = NULL;
    size_t size;
    enum ledger_role before = ledger_state_role(host->state, clock_of(host));

    receive(host);
    ask(host);
    enum ledger_step step =
        ledger_state_next(host->state, &sizes, clock_of(host), world.now_us, &body, &size);
    if (step != LEDGER_REST)
        send_off(host, step, body);
    if (ledger_state_latched(host->state) && chance(400) == 0) {
        ledger_state_pause(host->state, false);
        world.resumes++;
    }
    world.takeovers +=
        before != LEDGER_LEADS && ledger_state_role(host->state, clock_of(host)) == LEDGER_LEADS;
    if (chance(600) == 0) {
        host->frozen_until_us = world.now_us + chance(90) * US_PER_SECOND;
        world.freezes++;
    }
}

static void check_who_writes(void)
{
    unsigned writers = 0;

    for (unsigned i = 0; i < HOSTS; i++)
        writers += ledger_state_may_write(world.hosts[i].state, clock_of(&world.hosts[i]));
    ck_assert_msg(writers <= 1, "%u hosts may write", writers);
}

/* How many nodes were granted in the window that ends with grant LAST. */
static void check_window(size_t last)
{
    bool granted[NODES] = { false };
    unsigned count = 0;

    for (size_t i = last + 1; i-- > 0;) {
        if (world.grants[i].at_us + WINDOW_US <= world.grants[last].at_us)
            break;
        count += !granted[world.grants[i].node];
        granted[world.grants[i].node] = true;
    }
    ck_assert_msg(count <= LIMIT, "%u nodes within a window at %llu s", count,
                  (unsigned long long)(world.grants[last].at_us / US_PER_SECOND));
}

static unsigned nodes_granted(void)
{
    unsigned count = 0;

    for (unsigned node = 0; node < NODES; node++)
        count += world.first_us[node] > 0;
    return count;
}

static void begin(uint64_t seed)
{
    world.seed = seed;
    lease_init(&world.lease, shipped);
    for (unsigned i = 0; i < HOSTS; i++) {
        struct host *host = &world.hosts[i];
        snprintf(host->identity, sizeof(host->identity), "host-%u", i);
        host->state = ledger_state_new(host->identity, &limits);
        host->offset_us = (1 + chance(1000000)) * US_PER_SECOND;
    }
}

START_TEST(over_all_hosts_the_limit_holds_and_one_writes)
{
    begin((uint64_t)_i + 1);
    for (world.now_us = 0; world.now_us < END_US; world.now_us += STEP_US) {
        for (unsigned i = 0; i < HOSTS; i++) {
            carry(&world.hosts[i]);
            if (world.now_us >= world.hosts[i].frozen_until_us)
                live(&world.hosts[i]);
        }
        if (chance(2000) == 0) /* somebody else writes, too */
            lease_store(&world.lease, world.lease.body);
        check_who_writes();
    }
    for (size_t i = 0; i < world.grant_count; i++)
        check_window(i);
    printf("# seed %d: %u nodes granted, %u takeovers, %u freezes, %u resumes\n", _i + 1,
           nodes_granted(), world.takeovers, world.freezes, world.resumes);
    ck_assert_uint_ge(nodes_granted(), 30);
    ck_assert_uint_ge(world.takeovers, 3);
}
END_TEST

static void fill(Suite *suite)
{
    TCase *tests = tcase_create("hosts");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, over_all_hosts_the_limit_holds_and_one_writes, 0, 12);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    return unit_run("ledger hosts", fill);
}
