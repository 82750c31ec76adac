#pragma once

/* What the end of a connect(2) to a kubelet port says of the machine. */
enum answer {
    ANSWER_YES,  /* its kernel, or something in its place, answered */
    ANSWER_NONE, /* asked, and nothing came back */
    ANSWER_OURS, /* it was not asked: our own side could not or may not */
};

/* ERROR is SO_ERROR at the end of a connect(2) that was in progress. */
enum answer answer_of(int error);
