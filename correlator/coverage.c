#include "correlator/coverage.h"

#include "correlator/elapsed.h"

#define PASS_LEAST 100
#define PASSES     60 /* at most, for all */

bool coverage_is_probable(uint64_t answered_us, uint64_t now_us, uint64_t baseline_us)
{
    return answered_us != 0 && elapsed_us(answered_us, now_us) <= baseline_us;
}

void coverage_pass(struct coverage *coverage, const struct nodemap *map,
                   const struct kubelets *kubelets, uint64_t now_us, uint64_t baseline_us)
{
    size_t count = nodemap_count(map) / PASSES + 1;
    struct node_facts facts;
    for (size_t i = 0; i < (count > PASS_LEAST ? count : PASS_LEAST); i++) {
        if (!nodemap_next_node(map, &coverage->cursor, &facts)) {
            coverage->probable = coverage->seen;
            coverage->cursor = 0;
            coverage->seen = 0;
            return;
        }
        uint64_t answered_us = kubelets_answered_us(kubelets, &facts);
        coverage->seen += coverage_is_probable(answered_us, now_us, baseline_us);
    }
}
